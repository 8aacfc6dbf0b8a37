"""Going through the meter's face with two buttons and with a keypad, and what is on the display meanwhile."""

from face_world import NOON_MS, TOKEN, World, key, octet_string

from slotmeter.dlms.cosem.tree import POLYPHASE, TWIN
from slotmeter.dlms.octets import put_int
from slotmeter.firmware.face import KEYS


def registers(import_wh, secondary_wh=None):
    """The import register collection."""
    data = b"\x06" + import_wh.to_bytes(4, "big") + bytes.fromhex("02020f00161e 0600000000 02020f001620")
    if secondary_wh is None:
        return b"\x02\x04" + data
    return b"\x02\x05" + data + b"\x06" + secondary_wh.to_bytes(4, "big")


def money(millipence):
    """A double-long."""
    return b"\x05" + put_int(millipence, 4)


def test_the_default_display_shows_import_time_and_where_the_menu_is():
    world = World()
    world.poke(1, "0-0:94.44.34.10", 2, registers(12345678))
    assert world.screen() == "Import\n12345 kWh\n\nA next  B menu"
    assert world.press("A") == "Time\n2026-03-31 12:00:01\n\nA next  B menu"
    assert world.press("A") == "Import\n12345 kWh\n\nA next  B menu"


def test_the_default_display_changes_by_itself():
    world = World()
    assert world.screen().startswith("Import\n")
    world.wait(10)
    assert world.screen().startswith("Time\n")
    world.wait(10)
    assert world.screen().startswith("Import\n")


def test_the_default_display_stays_when_it_is_told_to():
    world = World(face_turn_s=0)
    world.wait(3600)
    assert world.screen().startswith("Import\n")


def test_nobody_is_asked_to_do_anything_while_no_key_is_pressed():
    world = World()
    world.screen()
    world.wait(86400)
    assert world.face.deadline_ms() is None


def test_a_register_of_seven_digits_is_shown_with_five():
    world = World()
    world.poke(1, "0-0:94.44.34.10", 2, registers(1234567890))
    assert world.screen().split("\n")[1] == "34567 kWh"
    world = World(face_digits=7)
    world.poke(1, "0-0:94.44.34.10", 2, registers(1234567890))
    assert world.screen().split("\n")[1] == "1234567 kWh"


def test_the_menu_goes_round_and_out():
    world = World()
    assert world.press("B") == "Menu 1/8\n> Add credit\n  Your supply\nA next  B choose"
    assert world.press("A") == "Menu 2/8\n> Your supply\n  Registers\nA next  B choose"
    assert world.press("A", "A", "A", "A", "A", "A") == "Menu 8/8\n> Exit\n  Add credit\nA next  B choose"
    assert world.press("A").split("\n")[1] == "> Add credit"
    assert world.choose("Exit").startswith("Import\n")


def test_a_list_goes_round_and_back_to_its_place_in_the_menu():
    world = World()
    assert world.choose("Registers") == "Import\n00000 kWh\n\nA next  B back"
    assert world.press("A") == "Export\n00000 kWh\n\nA next  B back"
    assert world.press("B").split("\n")[1] == "> Registers"


def test_a_held_button_and_clear_go_back_a_step():
    for back in ("HOLD", "CLEAR"):
        world = World()
        world.choose("Registers")
        assert world.press(back).split("\n")[1] == "> Registers"
        assert world.press(back).startswith("Import\n")
        assert world.press(back).startswith("Import\n")


def test_a_key_that_no_meter_has_does_nothing():
    world = World()
    before = world.screen()
    for wrong in ("C", "a", "", "10", "AB"):
        assert not world.face.press(wrong, NOON_MS)
        assert wrong not in KEYS
    assert world.screen() == before and world.face.deadline_ms() is None


def test_a_forgotten_menu_goes_back_to_the_default_display():
    world = World()
    world.choose("Prices")
    world.wait(28)
    assert world.screen().startswith("Price now\n")
    world.press("A")
    world.wait(29)
    assert world.screen().startswith("Standing charge\n")
    world.wait(1)
    assert world.screen().startswith("Import\n")
    assert world.face.deadline_ms() is None


def test_a_forgotten_menu_is_gone_even_if_nobody_ticked():
    world = World()
    world.choose("Prices")
    world.household.time_ms += 30000
    assert world.screen().startswith("Import\n")


def test_a_clock_put_back_goes_back_to_the_default_display():
    world = World()
    world.choose("Prices")
    world.household.time_ms -= 86400000
    world.face.set_clock(world.household.time_ms)
    assert world.screen().startswith("Import\n")
    assert world.face.deadline_ms() is None


def test_a_token_can_be_dialled_with_two_buttons():
    world = World()
    assert world.choose("Add credit") == "Add credit\n_\n\n[0]  A +1  B take"
    for digit in TOKEN:
        screen = world.press(*(["A"] * int(digit)))
        assert screen.split("\n")[3] == "[%s]  A +1  B take" % digit
        screen = world.press("B")
    assert screen == "Add credit\n7394 6144 3320 4021\n7315\nA erase  B confirm"
    assert world.household.typed == []
    assert world.press("B") == "Add credit\nCredit added £10.00\n\nB back"
    assert world.household.typed == [TOKEN]


def test_a_wrong_digit_is_erased_with_either_button_and_dialled_again():
    world = World()
    world.choose("Add credit")
    assert world.press("A", "A", "B", "B").split("\n")[1] == "20_"
    assert world.press("HOLD").split("\n")[1] == "2_"
    assert world.press("CLEAR").split("\n")[1] == "_"
    assert world.press("CLEAR").split("\n")[1] == "> Add credit"
    world.press(*TOKEN[:19], "9")
    assert world.press("A").split("\n")[2] == "731_"
    world.press("5")
    assert world.press("OK") == "Add credit\nCredit added £10.00\n\nB back"


def test_digits_typed_anywhere_begin_a_token():
    world = World()
    assert world.press("7") == "Add credit\n7_\n\n[0]  A +1  B take"
    assert world.press("3", "9", "4", "6").split("\n")[1] == "7394 6_"
    world = World()
    world.choose("Registers")
    assert world.press("7").split("\n")[0] == "Add credit"
    world = World()
    assert world.enter(TOKEN) == "Add credit\nCredit added £10.00\n\nB back"
    assert world.press("A").startswith("Menu ")


def test_more_digits_than_a_token_has_are_not_taken():
    world = World()
    world.press(*(TOKEN + "123"))
    assert world.press("OK").split("\n")[1] == "Credit added £10.00"


def test_a_half_typed_token_is_forgotten_after_the_idle_time():
    world = World()
    world.press(*TOKEN[:10])
    world.wait(30)
    assert world.screen().startswith("Import\n")
    assert world.press("7").split("\n")[1] == "7_"


def test_what_a_token_was_refused_for_is_on_the_screen():
    world = World()
    assert world.enter("1234") == "Add credit\nNot a top-up code\n\nB back"
    assert world.enter("7394614433204021731X") == "Add credit\nNot a top-up code\n\nB back"
    assert world.enter("") == "Add credit\nNot a top-up code\n\nB back"
    assert world.enter("9" * 500) == "Add credit\nNot a top-up code\n\nB back"
    assert world.enter(TOKEN[:19] + "6") == "Add credit\nWrong digit\n\nB back"
    assert world.enter("73948959061972833313") == "Add credit\nNot for this meter\n\nB back"
    world.enter(TOKEN)
    assert world.enter(TOKEN) == "Add credit\nAlready used\n\nB back"
    assert world.household.balance == 1000000


def test_in_prepayment_mode_the_credit_is_shown_after_a_top_up_and_in_turn():
    world = World()
    world.household.prepayment = True
    world.household.balance = -123456
    assert world.enter(TOKEN) == "Add credit\nCredit added £10.00\nCredit £8.76\nB back"
    world.press("B", "CLEAR")
    assert world.press("A") == "Credit\n£8.76\n\nA next  B menu"


def test_money_has_a_sign_and_is_cut_to_the_penny_below():
    world = World()
    shown = []
    for millipence in (0, 999, 1000, 123456789, -1, -1000, -123456):
        world.poke(112, "0-0:19.10.0.255", 2, money(millipence))
        shown.append([line for line in world.walk("Your supply") if line.startswith("Meter balance")][0][16:])
    assert shown == ["£0.00", "£0.00", "£0.01", "£1234.56", "-£0.01", "-£0.01", "-£1.24"]
    world.poke(9000, "0-0:94.44.2.0", 2, b"\x03\x00")
    assert "Meter balance | -€1.24" in world.walk("Your supply")


def test_contact_details_and_names_are_shown_when_there_are_any():
    world = World()
    assert not [line for line in world.walk("Your supply") if line.startswith(("Supplier", "Customer", "Telephone"))]
    world.poke(9000, "0-0:96.13.1.255", 2, octet_string(b"Bright & Sons"))
    world.poke(9000, "0-0:96.13.0.255", 2, octet_string(b"0800 123 456"))
    world.poke(1, "0-3:96.13.1.255", 2, octet_string(b"CIN7"))
    world.poke(1, "0-0:94.44.34.11", 2, octet_string(b"1234567890123"))
    lines = world.walk("Your supply")
    assert lines[:4] == [
        "Supplier | Bright & Sons",
        "Telephone | 0800 123 456",
        "Customer number | CIN7",
        "Import MPAN | 1234567890123",
    ]


def test_prices_and_rates_are_shown_to_the_thousandth_of_a_penny():
    world = World()
    world.poke(3, "0-0:94.44.1.7", 2, b"\x06" + (23456).to_bytes(4, "big"))
    standing = world.tree.peek(key(113, "0-0:19.20.4.255", 5))
    world.poke(113, "0-0:19.20.4.255", 5, standing[:-2] + (19999).to_bytes(2, "big"))
    matrix = world.tree.peek(key(113, "0-0:19.20.0.255", 5))
    first = matrix.index(b"\x02\x02\x09\x01\x01\x10")
    block = matrix.index(b"\x02\x02\x09\x01\xb2\x10")
    matrix = matrix[: first + 6] + b"\x3a\x98" + matrix[first + 8 : block + 6] + b"\xff\x9c" + matrix[block + 8 :]
    world.poke(113, "0-0:19.20.0.255", 5, matrix)
    assert world.walk("Prices") == [
        "Price now | 23.456 p/kWh",
        "Standing charge | 19.999 p a day",
        "Price 1 | T1 15.000 p/kWh",
        "Price 58 | B2 T2 -0.100 p/kWh",
    ]


def test_registers_that_were_never_used_are_left_out():
    world = World()
    counters = [0] * 64
    counters[3] = 7000
    counters[8 + 3] = 8000
    counters[48 + 7] = 9000
    data = b"\x02\x01\x01\x40" + b"".join([b"\x06" + value.to_bytes(4, "big") for value in counters])
    world.poke(1, "0-0:94.44.34.2", 2, data)
    data = b"\x02\x01\x01\x30" + b"".join([b"\x06" + value.to_bytes(4, "big") for value in [0] * 47 + [5000]])
    world.poke(1, "0-0:94.44.34.1", 2, data)
    assert [line for line in world.walk("Registers") if "TOU" in line or "Block" in line] == [
        "TOU 48 | 00005 kWh",
        "Block 1 TOU 4 | 00007 kWh",
        "Block 1 counter 4 | 00008 kWh",
        "Block 4 TOU 8 | 00009 kWh",
    ]


def test_a_twin_meter_shows_its_second_element():
    world = World(variant=TWIN)
    world.poke(1, "0-0:94.44.34.10", 2, registers(1000000, 2000000))
    assert world.press("A") == "Import 2\n02000 kWh\n\nA next  B menu"
    data = b"\x02\x02\x01\x30" + b"\x06\x00\x00\x00\x00" * 48 + b"\x01\x04" + b"\x06\x00\x00\x27\x10" * 4
    world.poke(1, "0-0:94.44.34.1", 2, data)
    assert "Second TOU 4 | 00010 kWh" in world.walk("Registers")
    assert "Price now 2 | 0.000 p/kWh" in world.walk("Prices")


def test_a_polyphase_meter_has_a_face_too():
    world = World(variant=POLYPHASE)
    assert world.screen().startswith("Import\n")
    assert "Variant | C" in world.walk("General")


def test_what_is_exported_is_on_the_default_display():
    world = World()
    world.poke(3, "1-0:2.8.0.255", 2, b"\x06" + (4321000).to_bytes(4, "big"))
    assert world.press("A") == "Export\n04321 kWh\n\nA next  B menu"


def test_auxiliary_controllers_are_shown_with_label_state_and_boost():
    world = World()
    world.household.boost_there = True
    world.poke(1, "0-0:94.44.0.21", 2, octet_string(bytes(8)))
    world.poke(1, "0-0:94.44.0.11", 2, b"\x0a\x0cWater heater")
    world.poke(1, "0-0:94.44.0.31", 2, b'\x0c\x13{"outputState":100}')
    world.poke(1, "0-0:94.44.6.1", 2, b"\x03\xff")
    world.poke(1, "0-0:94.44.0.22", 2, octet_string(b"\xff"))
    world.poke(1, "0-0:94.44.0.23", 2, octet_string(bytes.fromhex("00db123456789012")))
    assert world.walk("Boost") == [
        "Boost left | 0 min",
        "Controller 1 | ALCS",
        "Label 1 | Water heater",
        'State 1 | {"outputState":100}',
        "Boosted 1 | yes",
        "Controller 2 | APC",
        "Controller 3 | HCALCS | 00DB123456789012",
    ]


def test_the_display_has_the_size_that_it_is_given():
    for columns, rows in ((20, 4), (16, 3), (40, 8)):
        world = World(face_columns=columns, face_rows=rows)
        world.poke(9000, "0-0:96.13.1.255", 2, octet_string(b"An Energy Name!"))
        for title in world.menu():
            world.choose(title)
            for _ in range(3):
                lines = world.face.lines()
                assert len(lines) == rows and max([len(line) for line in lines]) <= columns
                world.press("A")


def test_every_screen_reads_a_tree_that_was_brought_up_to_date():
    world = World()
    before = world.household.refreshed
    world.screen()
    world.press("B")
    assert world.household.refreshed >= before + 3


def test_a_text_that_is_no_text_is_shown_with_question_marks():
    world = World()
    world.poke(9000, "0-0:96.13.1.255", 2, octet_string(b"caf\xe9\x00\x1b[0m"))
    assert world.choose("Your supply").split("\n")[1] == "caf?  [0m"
    world.poke(9000, "0-0:96.13.1.255", 2, octet_string("Café £5".encode()))
    assert world.choose("Your supply").split("\n")[1] == "Café £5"
