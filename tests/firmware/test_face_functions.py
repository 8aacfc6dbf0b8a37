"""What can be done at the meter: credit, supply, boost, messages, and the privacy PIN in front of them."""

from face_world import TOKEN, World, octet_string

from slotmeter.privacy_pin.guard import DEFAULT, Guard
from slotmeter.privacy_pin.tables import BOOST, PRIVATE, PUBLIC

MESSAGE = "Your bill is ready. Call us if you cannot pay. We can help you with a plan that fits your income."
HERE = 0x8161
NOT_HERE = 0x8162
ACKNOWLEDGED = 0x81A6


def prepaying(**choices):
    """A household in prepayment mode that has run low."""
    world = World(**choices)
    house = world.household
    house.prepayment = True
    house.balance = -50000
    house.low_threshold = 200000
    house.emergency_limit = 300000
    house.emergency_threshold = 100000
    return world


def send(world, text):
    """The supplier sends a message."""
    world.poke(1, "0-2:96.13.1.255", 2, octet_string(text.encode()))
    world.face.message_arrived()


def shown_private(world):
    """Which private values of a prepaying household can be found anywhere in the lists."""
    walked = " ".join(world.walk("Your supply") + world.walk("Registers"))
    return [title for title in ("Payment mode", "Meter balance", "Customer number") if title in walked]


# ---- credit and supply


def test_emergency_credit_is_offered_asked_for_and_used():
    world = prepaying()
    world.household.state = 0
    assert world.screen() == "Import\n00000 kWh\nSupply is off\nA next  B menu"
    assert world.choose("Emergency credit") == "Emergency credit\nUse emergency\ncredit?\nA no    B yes"
    assert world.press("A").split("\n")[1] == "> Emergency credit"
    assert not world.household.selected
    world.choose("Emergency credit")
    assert world.press("B") == "Emergency credit\nEmergency credit in\nuse\nB back"
    assert world.household.selected and world.household.state == 2
    assert "Emergency credit" not in world.menu()


def test_the_supply_is_turned_on_at_the_meter_only_when_armed():
    world = prepaying()
    world.household.state = 2
    assert "Supply can be on: B" in world.screen()
    world.choose("Turn supply on")
    assert world.press("OK") == "Turn supply on\nSupply is on\n\nB back"
    assert world.household.state == 1
    assert world.told == [(HERE, b"\x00\x4f")]
    assert "Turn supply on" not in world.menu()


def test_what_is_no_longer_possible_when_it_is_confirmed_is_refused():
    world = prepaying()
    world.household.state = 2
    world.choose("Turn supply on")
    world.household.state = 0
    assert world.press("B") == "Turn supply on\nSupply stays off\n\nB back"
    assert world.told == [(NOT_HERE, b"\x00\x4f")]


def test_a_row_that_has_gone_from_under_the_finger_does_nothing():
    world = prepaying()
    world.household.state = 2
    world.press("B", "A", "A")
    assert world.screen().split("\n")[1] == "> Turn supply on"
    world.household.state = 1
    assert world.press("B") == "Turn supply on\nNot possible now\n\nB back"
    assert world.told == []


def test_indicators_say_what_the_lamps_say():
    world = World()
    assert world.face.indicators() == {
        "supply": "on",
        "low_credit": False,
        "emergency_credit_available": False,
        "emergency_credit_in_use": False,
        "non_disablement": False,
        "boost": False,
        "message": False,
        "clock_unreliable": False,
        "pin_set": False,
        "pin_entered": False,
    }
    world = prepaying(pin="1234")
    house = world.household
    house.state = 2
    house.window = True
    world.hooks.status = 2
    send(world, "Hello")
    shown = world.face.indicators()
    assert sorted([name for name in shown if shown[name] is True]) == [
        "clock_unreliable",
        "emergency_credit_available",
        "low_credit",
        "message",
        "non_disablement",
        "pin_set",
    ]
    assert shown["supply"] == "armed"
    world.choose("Enter PIN")
    world.enter("1234")
    assert world.face.indicators()["pin_entered"]


def test_the_most_urgent_thing_is_on_the_default_display_in_words():
    world = prepaying()
    house = world.household
    send(world, "Hello")
    world.hooks.status = 2
    house.state = 0
    assert world.screen().split("\n")[2] == "Supply is off"
    house.state = 2
    assert world.screen().split("\n")[2] == "Supply can be on: B"
    house.state = 1
    assert world.screen().split("\n")[2] == "Emergency credit: B"
    house.selected = True
    house.balance = -250000
    assert world.screen().split("\n")[2] == "Low credit"
    house.balance = 1000000
    assert world.screen().split("\n")[2] == "Message: B"
    send(world, "")
    assert world.screen().split("\n")[2] == "Check the clock"
    world.hooks.status = 0
    assert world.screen().split("\n")[2] == ""


# ---- boost


def test_a_boost_is_started_for_a_number_of_minutes_extended_and_cancelled():
    world = World()
    assert "Start boost" not in world.menu()
    world.household.boost_there = True
    assert world.choose("Start boost") == "Start boost\n15 minutes\n\nA more  B start"
    assert world.press("A").split("\n")[1] == "30 minutes"
    assert world.press("A", "A", "A").split("\n")[1] == "15 minutes"
    assert world.press("A", "B") == "Start boost\nBoost started\n\nB back"
    assert world.household.boost_left_minutes() == 30
    assert "Start boost" not in world.menu()
    assert world.walk("Boost") == ["Boost left | 30 min"] and world.face.indicators()["boost"]
    assert world.choose("Extend boost") == "Extend boost\nExtend boost?\n\nA no    B yes"
    assert world.press("B") == "Extend boost\nBoost extended\n\nB back"
    world.choose("Extend boost")
    world.press("B")
    world.choose("Extend boost")
    assert world.press("B") == "Extend boost\n60 minutes at most\n\nB back"
    world.choose("Cancel boost")
    assert world.press("B") == "Cancel boost\nBoost cancelled\n\nB back"
    assert world.household.boost_left_minutes() == 0
    assert world.told == [(HERE, b""), (HERE, b""), (HERE, b""), (NOT_HERE, b""), (HERE, b"")]


# ---- the supplier's message


def test_a_message_is_read_in_pages_and_acknowledged_once():
    world = World()
    send(world, MESSAGE)
    assert world.screen().split("\n")[2] == "Message: B"
    assert world.choose("Message") == "Message 1/3\nYour bill is ready.\nCall us if you\nA next  B seen"
    assert world.press("A") == "Message 2/3\ncannot pay. We can\nhelp you with a plan\nA next  B seen"
    assert world.press("A") == "Message 3/3\nthat fits your\nincome.\nA next  B seen"
    assert world.press("B").startswith("Menu ")
    assert world.told == [(ACKNOWLEDGED, b"")]
    assert not world.face.indicators()["message"]
    assert world.choose("Message").endswith("A next  B back")
    world.press("B")
    assert world.told == [(ACKNOWLEDGED, b"")]


def test_an_acknowledged_message_stays_acknowledged_over_a_power_cut():
    world = World()
    send(world, MESSAGE)
    world.choose("Message")
    world.press("B")
    assert not world.power_cut().face.indicators()["message"]
    send(world, MESSAGE)
    assert world.power_cut().face.indicators()["message"]


def test_the_same_words_sent_again_are_a_new_message():
    world = World()
    for _ in range(2):
        send(world, MESSAGE)
        assert world.face.indicators()["message"]
        world.choose("Message")
        world.press("B")
    assert world.told == [(ACKNOWLEDGED, b"")] * 2


def test_a_message_that_came_while_another_was_read_is_shown_before_it_is_acknowledged():
    world = World()
    send(world, MESSAGE)
    world.choose("Message")
    world.press("A")
    send(world, "Power will be off on Friday.")
    assert world.press("B") == "Message 1/1\nPower will be off on\nFriday.\nA next  B seen"
    assert world.told == []
    world.press("B")
    assert world.told == [(ACKNOWLEDGED, b"")]


def test_an_empty_message_is_no_message():
    world = World()
    send(world, MESSAGE)
    send(world, "")
    assert "Message" not in world.menu() and not world.face.indicators()["message"]


# ---- the privacy PIN


def test_a_pin_is_set_by_typing_it_twice():
    world = World()
    assert world.choose("Set PIN") == "New PIN\n_\n\n[0]  A +1  B take"
    assert world.press("4", "7", "1", "1") == "New PIN\n****\n\nA erase  B confirm"
    assert world.press("OK") == "New PIN again\n_\n\n[0]  A +1  B take"
    assert world.press("4", "7", "1", "1", "B") == "New PIN\nPIN set\n\nB back"
    assert world.guard.pin_is_set()
    assert world.told == [(HERE, b"")]


def test_two_different_new_pins_are_none():
    world = World()
    world.choose("Set PIN")
    assert world.enter("4711").startswith("New PIN again\n")
    assert world.enter("4712") == "New PIN\n_\nNot the same\n[0]  A +1  B take"
    assert world.enter("471") == "New PIN\n_\nFour digits please\n[0]  A +1  B take"
    assert not world.guard.pin_is_set() and world.told == []


def test_a_pin_is_dialled_with_two_buttons():
    world = World()
    world.choose("Set PIN")
    for _ in range(2):
        for digit in (1, 2, 3, 4):
            world.press(*(["A"] * digit))
            world.press("B")
        world.press("B")
    assert world.pin.check("1234", world.household.time_ms) == ""


def test_without_a_pin_everything_is_shown_and_with_one_it_is_not():
    world = prepaying()
    world.poke(1, "0-3:96.13.1.255", 2, octet_string(b"CIN7"))
    assert shown_private(world) == ["Payment mode", "Meter balance", "Customer number"]
    world.pin.set("4711")
    assert shown_private(world) == []
    assert "Credit" not in [world.press("A").split("\n")[0] for _ in range(6)]


def test_a_guarded_list_asks_for_the_pin_and_then_opens():
    world = prepaying(pin="4711")
    assert world.choose("Prepayment").startswith("Enter PIN\n")
    assert world.enter("4711").startswith("Credit\n-£0.50\n")
    assert world.told == [(HERE, b"")]


def test_a_guarded_function_asks_for_the_pin_and_then_whether():
    world = prepaying(pin="4711")
    assert world.choose("Emergency credit").startswith("Enter PIN\n")
    assert world.enter("4711") == "Emergency credit\nUse emergency\ncredit?\nA no    B yes"
    world.press("B")
    assert world.household.selected
    world = prepaying(pin="4711")
    world.household.state = 2
    assert world.choose("Turn supply on").startswith("Enter PIN\n")
    world.press("CLEAR")
    assert world.household.state == 2


def test_adding_credit_never_asks_for_the_pin():
    world = prepaying(pin="4711")
    assert world.enter(TOKEN) == "Add credit\nCredit added £10.00\n\nB back"
    assert world.choose("Add credit").startswith("Add credit\n")
    world.choose("Enter PIN")
    world.press("CLEAR", "CLEAR")
    world.household.used = []
    assert world.press(*TOKEN, "OK") == "Add credit\nCredit added £10.00\n\nB back"
    assert shown_private(world) == []


def test_with_everything_guarded_the_clock_is_left():
    world = prepaying(pin="4711")
    world.guard = world.face.guard = Guard(world.pin, (PUBLIC, PRIVATE, BOOST) + DEFAULT)
    assert world.screen().startswith("Time\n")
    assert world.choose("Registers").startswith("Enter PIN\n")
    assert world.enter("4711").startswith("Import\n")


def test_the_pin_opens_until_nobody_presses_anything():
    world = prepaying(pin="4711")
    world.choose("Enter PIN")
    assert world.enter("4711") == "Enter PIN\nPIN accepted\n\nB back"
    assert shown_private(world) == ["Payment mode", "Meter balance"]
    world.wait(30)
    assert shown_private(world) == []


def test_an_open_list_is_shut_when_the_time_is_over_even_if_nobody_ticked():
    world = prepaying(pin="4711")
    world.choose("Prepayment")
    world.enter("4711")
    world.household.time_ms += 30000
    assert world.screen().startswith("Import\n")
    assert world.choose("Prepayment").startswith("Enter PIN\n")


def test_wrong_pins_are_counted_on_the_screen_and_lock():
    world = prepaying(pin="4711")
    world.choose("Enter PIN")
    assert world.enter("0000") == "Enter PIN\n_\nWrong PIN, 4 left\n[0]  A +1  B take"
    assert world.enter("47") == "Enter PIN\n_\nFour digits please\n[0]  A +1  B take"
    for _ in range(3):
        world.enter("0000")
    assert world.enter("0000") == "Enter PIN\nPIN locked for 10\nmin\nB back"
    world.choose("Enter PIN")
    assert world.enter("4711") == "Enter PIN\nPIN locked for 10\nmin\nB back"
    assert world.told == [(NOT_HERE, b"")] * 6
    world.wait(600)
    world.choose("Enter PIN")
    assert world.enter("4711") == "Enter PIN\nPIN accepted\n\nB back"


def test_wrong_pins_do_not_keep_anybody_from_adding_credit():
    world = prepaying(pin="4711")
    world.choose("Enter PIN")
    for _ in range(5):
        world.enter("0000")
    assert world.enter(TOKEN).split("\n")[1] == "Credit added £10.00"


def test_a_pin_is_changed_by_whoever_knows_it():
    world = prepaying(pin="4711")
    assert world.choose("Change PIN").startswith("PIN now\n")
    assert "Wrong PIN, 4 left" in world.enter("1111")
    assert world.enter("4711").startswith("New PIN\n")
    assert world.enter("2580").startswith("New PIN again\n")
    assert "PIN set" in world.enter("2580")
    now = world.household.time_ms
    assert world.pin.check("4711", now) != "" and world.pin.check("2580", now) == ""


def test_leaving_in_the_middle_of_a_change_changes_nothing_and_forgets_what_was_typed():
    world = prepaying(pin="4711")
    world.choose("Change PIN")
    world.enter("4711")
    world.enter("2580")
    world.press("CLEAR")
    kept = [value for value in vars(world.face).values() if isinstance(value, str)]
    assert "4711" not in kept and "2580" not in kept
    assert world.pin.check("4711", world.household.time_ms) == ""


def test_a_pin_is_disabled_by_whoever_knows_it():
    world = prepaying(pin="4711")
    world.choose("Disable PIN")
    assert "Wrong PIN, 4 left" in world.enter("1111")
    assert "PIN disabled" in world.enter("4711")
    assert not world.guard.pin_is_set()
    assert world.told == [(NOT_HERE, b"\x00\x23"), (HERE, b"\x00\x23")]
    assert shown_private(world) == ["Payment mode", "Meter balance"]


def test_the_supplier_helps_whoever_forgot_the_pin():
    world = prepaying(pin="4711")
    world.choose("Enter PIN")
    for _ in range(5):
        world.enter("0000")
    assert shown_private(world) == []
    world.guard.disable_remotely()
    assert shown_private(world) == ["Payment mode", "Meter balance"]
    assert "Set PIN" in world.menu() and "Enter PIN" not in world.menu()


def test_a_pin_that_is_disabled_while_it_is_asked_for_need_not_be_known():
    world = prepaying(pin="4711")
    world.choose("Prepayment")
    world.guard.disable_remotely()
    assert world.enter("0000") == "Enter PIN\nThere is no PIN now\n\nB back"


def test_a_pin_set_from_afar_shuts_the_screen_that_is_open():
    world = prepaying(pin="4711", settable_remotely=True)
    world.choose("Prepayment")
    world.enter("4711")
    assert world.guard.set_remotely("2580") == ""
    assert world.screen() == "Nothing to show\n\n\nB back"
    world.choose("Emergency credit")
    world.enter("2580")
    assert world.guard.set_remotely("4711") == ""
    assert world.press("B").startswith("Enter PIN\n")
    assert not world.household.selected


def test_a_message_that_is_open_when_the_guard_closes_is_hidden_and_not_acknowledged():
    world = prepaying(pin="4711", settable_remotely=True)
    send(world, MESSAGE)
    assert world.choose("Message").startswith("Enter PIN\n")
    assert world.enter("4711").startswith("Message 1/3\n")
    world.guard.set_remotely("2580")
    assert world.screen() == "Message\nEnter PIN to see it\n\nB PIN"
    assert world.press("B").startswith("Enter PIN\n")
    assert (ACKNOWLEDGED, b"") not in world.told


def test_pin_and_lock_survive_a_power_cut_and_being_open_does_not():
    world = prepaying(pin="4711")
    world.choose("Enter PIN")
    world.enter("4711")
    world = world.power_cut()
    assert world.guard.pin_is_set() and shown_private(world) == []
    world.choose("Enter PIN")
    assert "PIN accepted" in world.enter("4711")


def test_a_clock_put_back_shuts_the_guard():
    world = prepaying(pin="4711")
    world.choose("Prepayment")
    world.enter("4711")
    world.household.time_ms -= 3600000
    world.face.set_clock(world.household.time_ms)
    assert shown_private(world) == []


def test_the_repr_of_a_face_tells_no_digits():
    world = World()
    world.choose("Set PIN")
    world.press("4", "7", "1")
    assert repr(world.face) == "Face(digits, 3 digits typed)"
    assert "471" not in repr(world.face)
