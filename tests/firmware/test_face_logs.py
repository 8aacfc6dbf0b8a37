"""Logs and histories on the meter's face, and what a change of tenancy hides of them."""

from face_world import NOON_MS, World, octet_string

from slotmeter.dlms import dates, obis
from slotmeter.firmware import logs

NOON_S = NOON_MS // 1000
HOUR = 3600
DAY = 86400
TOP_UPS = obis.parse("0-0:98.1.5.255")
DAILY_USE = obis.parse("0-0:99.1.3.255")
DAILY_READING = obis.parse("0-0:98.1.9.255")
DAILY_BALANCE = obis.parse("0-0:98.1.8.255")
BOOSTS = obis.parse("0-0:99.98.20.255")


def u32(value):
    """Four octets."""
    return value.to_bytes(4, "big")


def open_log(world, title):
    """Goes to a log and opens it; the text of the screen then."""
    screen = world.choose("Logs")
    for _ in range(20):
        if screen.split("\n")[1] == "> " + title:
            return world.press("B")
        screen = world.press("A")
    raise AssertionError("there is no " + title)


def restrict(world, seconds):
    """The supplier sets the date of a change of tenancy (ECS12)."""
    world.poke(1, "0-0:94.44.3.2", 2, octet_string(dates.from_seconds(seconds)))


def test_an_empty_log_says_so():
    world = World()
    assert open_log(world, "Event log") == "Event log\nNo entries\n\nB back"
    assert world.press("A") == "Event log\nNo entries\n\nB back"
    assert world.press("B").startswith("Logs ")


def test_entries_are_shown_newest_first_with_time_and_meaning():
    world = World()
    logs.note_event(world.tree, NOON_S - HOUR, 0x8145, b"")
    logs.note_event(world.tree, NOON_S, 0x8154, b"\x00\x1c")
    assert open_log(world, "Event log") == "Event log 1/2\n2026-03-31 12:00:00\n8154 Immediate HAN\nA older  B back"
    assert world.press("A").split("\n")[1:3] == ["2026-03-31 11:00:00", "8145 Clock adjusted"]
    assert world.press("A").startswith("Event log 1/2\n")
    assert world.press("B") == "Logs 10/14\n> Event log\n\nA next  B open"


def test_every_log_reads_in_its_own_words():
    world = World()
    tree = world.tree
    stamp = u32(NOON_S)
    tree.append(TOP_UPS, stamp + u32(1000000))
    tree.append(obis.parse("0-0:98.1.4.255"), stamp + u32(50000))
    tree.append(DAILY_USE, stamp + u32(12345))
    tree.append(DAILY_READING, stamp + u32(12345678) + bytes(4 * 80))
    tree.append(obis.parse("0-0:98.1.10.255"), stamp + u32(5000))
    tree.append(DAILY_BALANCE, stamp + u32(0xFFFFFFFF) + bytes(20))
    tree.append(obis.parse("0-0:98.1.0.255"), stamp + u32(7000) + bytes(4 * 80))
    tree.append(obis.parse("0-0:98.1.1.255"), stamp + u32(250000) + bytes(20))
    tree.append(obis.parse("0-0:98.1.2.255"), stamp + u32(8000) + bytes(4 * 86))
    logs.note_event(tree, NOON_S, 0x1234, b"")
    logs.note_security(tree, NOON_S, 0x8F52)
    tree.append(logs.POWER, stamp + b"\x8f\x57" + bytes(4))
    logs.note_auxiliary(tree, NOON_S, 0x1164, logs.OUTCOME_SUCCESS)
    tree.append(BOOSTS, stamp + u32(NOON_S + HOUR))
    shown = {}
    for title in (
        "Top-ups",
        "Debt payments",
        "Daily use",
        "Daily reading",
        "Daily export",
        "Daily balance",
        "Bill reading",
        "Bill balance",
        "Mode and tariff",
        "Event log",
        "Security log",
        "Power log",
        "Controller log",
        "Boost log",
    ):
        lines = open_log(world, title).split("\n")
        assert lines[0] == title + " 1/1" and lines[1] == "2026-03-31 12:00:00"
        shown[title] = lines[2]
    assert shown["Security log"].startswith("8F52 ") and shown["Power log"].startswith("8F57 ")
    del shown["Security log"]
    del shown["Power log"]
    assert shown == {
        "Top-ups": "£10.00",
        "Debt payments": "£0.50",
        "Daily use": "12.345 kWh",
        "Daily reading": "12345 kWh",
        "Daily export": "00005 kWh",
        "Daily balance": "-£0.01",
        "Bill reading": "00007 kWh",
        "Bill balance": "£2.50",
        "Mode and tariff": "00008 kWh",
        "Event log": "1234",
        "Controller log": "1164 done",
        "Boost log": "to 13:00:00",
    }


def test_with_a_pin_only_the_power_log_is_left():
    world = World(pin="4711")
    assert world.walk("Logs") == ["Logs 1/1 | > Power log"]
    world.choose("Enter PIN")
    world.enter("4711")
    assert world.choose("Logs").startswith("Logs 1/14\n")


def test_a_log_that_is_open_when_the_pin_is_needed_again_is_hidden():
    world = World(pin="4711", settable_remotely=True)
    world.tree.append(TOP_UPS, u32(NOON_S) + u32(1000000))
    world.choose("Enter PIN")
    world.enter("4711")
    assert "£10.00" in open_log(world, "Top-ups")
    world.guard.set_remotely("2580")
    assert world.screen() == "Top-ups\nEnter PIN to see it\n\nB back"
    assert "£10.00" not in world.press("A")
    assert "£10.00" not in world.press("B")


def test_a_change_of_tenancy_hides_what_is_older():
    world = World()
    for days in (3, 2, 1):
        world.tree.append(DAILY_USE, u32(NOON_S - days * DAY) + u32(1000 * days))
    assert open_log(world, "Daily use").startswith("Daily use 1/3\n2026-03-30")
    restrict(world, NOON_S - 2 * DAY)
    assert open_log(world, "Daily use").startswith("Daily use 1/2\n2026-03-30")
    assert world.press("A").split("\n")[1:3] == ["2026-03-29 12:00:00", "2.000 kWh"]
    restrict(world, NOON_S - 2 * DAY + 1)
    assert open_log(world, "Daily use").startswith("Daily use 1/1\n2026-03-30")
    restrict(world, NOON_S)
    assert open_log(world, "Daily use").startswith("Daily use\nNo entries\n")
    # A remote party's reads are not the face's business: the rows are all there.
    assert len(world.tree.rows(DAILY_USE)) == 3


def test_a_change_of_tenancy_to_come_hides_nothing_before_it_comes():
    world = World()
    world.tree.append(DAILY_USE, u32(NOON_S - DAY) + u32(1000))
    restrict(world, NOON_S + DAY)
    assert open_log(world, "Daily use").startswith("Daily use 1/1\n")
    world.wait(DAY)
    assert open_log(world, "Daily use").startswith("Daily use\nNo entries\n")


def test_a_change_of_tenancy_leaves_the_reading_of_the_meter():
    world = World()
    world.poke(3, "1-0:2.8.0.255", 2, b"\x06" + u32(5000000))
    restrict(world, NOON_S)
    assert "Export | 05000 kWh" in world.walk("Registers")


def test_a_date_with_wild_cards_hides_nothing():
    world = World()
    world.tree.append(DAILY_USE, u32(NOON_S) + u32(1000))
    for octets in (dates.CANCEL, dates.NOW, b"\x07\xea\xff\x01\xff\x00\x00\x00\x00\x80\x00\xff", bytes(11) + b"\xff"):
        world.poke(1, "0-0:94.44.3.2", 2, octet_string(octets))
        assert open_log(world, "Daily use").startswith("Daily use 1/1\n")


def test_entries_hidden_while_they_are_shown_give_way():
    world = World()
    for days in (3, 2, 1):
        world.tree.append(DAILY_USE, u32(NOON_S - days * DAY) + u32(1000 * days))
    open_log(world, "Daily use")
    assert world.press("A", "A").startswith("Daily use 3/3\n")
    restrict(world, NOON_S - DAY)
    assert world.screen().startswith("Daily use 1/1\n2026-03-30")
