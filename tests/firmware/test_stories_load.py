"""Stories of a whole meter on a wire: its supply switched, its load limited, its auxiliary controllers commanded."""

import builder as b
from controlled import entry
from world import World

from slotmeter.firmware import auxiliary as a
from slotmeter.firmware.supply import ARMED, DISABLED, ENABLED
from slotmeter.hal.switch import SUPPLY
from slotmeter.hal.virtual.house import ConstantLoad

SCRIPTS = "0-0:10.0.106.255"
CONTROL = "0-0:96.3.10.255"


def switch_supply(world, code, script):
    """The supplier's script for the load switch; the result."""
    command = world.command(world.supplier, code, [b.act(9, SCRIPTS, 1, b.u16(script))], critical=True)
    return world.results(command)[0][1]


def supply_state(world):
    """What ECS45 reads, which must be where the switch is."""
    read = world.command(world.supplier, 0x0052, [b.get(70, CONTROL, 3)])
    (_, result, data) = world.results(read)[0]
    assert result == 0
    assert world.switch.is_closed(SUPPLY) == (data == b"\x16\x01")
    return data[1]


def codes(alerts):
    """The codes of generic critical alerts."""
    found = []
    for alert in alerts:
        assert alert.code == 0x1000 and alert.signature
        found.append(int.from_bytes(alert.payload[9:11], "big"))
    return found


def place_controllers(world, *kinds):
    for number, kind in enumerate(kinds, 1):
        world.meter.poke(a.type_key(number), b.octets(kind))


def set_controller(world, word, start, end, script_table="0-0:10.0.103.255", code=0x011E, first=1, party=None):
    """ECS47a or ECS47e; (response items, alerts)."""
    name = "0-0:94.44.%d." % (116 + (word >> 8 & 15))
    items = [
        b.put(1, name + str(first), 2, b.octets(b.date_time(start))),
        b.put(1, name + str(first + 1), 2, b.octets(b.date_time(end))),
        b.act(9, script_table, 1, b.u16(word)),
    ]
    responses, alerts, facts = world.deliver(world.command(party or world.supplier, code, items, critical=True))
    assert len(responses) == 1, facts
    world.check(responses[0])
    return [one[1] for one in b.response_results(responses[0].payload)], alerts


def test_the_supplier_switches_the_supply_off_arms_it_and_switches_it_on():
    world = World()
    assert supply_state(world) == ENABLED
    assert switch_supply(world, 0x0050, 52) == 0 and supply_state(world) == DISABLED
    world.power_up()
    assert supply_state(world) == DISABLED
    assert switch_supply(world, 0x0051, 54) == 0 and supply_state(world) == ARMED
    assert switch_supply(world, 0x004F, 51) == 0 and supply_state(world) == ENABLED


def test_a_supply_that_the_customer_turned_on_is_on_when_the_power_goes_the_next_moment_and_comes_back():
    world = World()
    assert switch_supply(world, 0x0050, 52) == 0 and switch_supply(world, 0x0051, 54) == 0
    face = world.meter.organs.face
    now_ms = world.now_s * 1000
    face.press("B", now_ms)
    while face.lines()[1] != "> Turn supply on":
        face.press("A", now_ms)
    face.press("B", now_ms)
    face.press("B", now_ms)
    assert world.switch.is_closed(SUPPLY)
    world.power_up(world.store.reopened())
    assert supply_state(world) == ENABLED


def test_a_welded_switch_makes_the_command_fail():
    world = World()
    world.switch.stick(SUPPLY)
    command = world.command(world.supplier, 0x0050, [b.act(9, SCRIPTS, 1, b.u16(52))], critical=True)
    responses, _, _ = world.deliver(command)
    assert b.response_results(responses[0].payload)[0][1] == 1
    world.switch.stick(SUPPLY, False)
    world.advance(60)
    assert supply_state(world) == DISABLED


def test_too_much_load_arms_the_supply_until_the_restoration_period_is_over():
    world = World()
    world.meter.life.set_metrology(ConstantLoad((7000,)))
    items = []
    values = (("128.6", b.u32(300)), ("128.7", b.u32(6900)), ("128.8", b.u32(30)), ("0.3", b.boolean(True)))
    for name, value in values:
        items.append(b.put(9000, "0-0:94.44." + name, 4, value))
    for name, _ in values:
        items.append(b.put(9000, "0-0:94.44." + name, 6, b.octets(b.NOW)))
    assert [one[1] for one in world.results(world.command(world.supplier, 0x0043, items, critical=True))] == [0] * 8
    assert world.advance(299)[1] == [] and supply_state(world) == ENABLED
    assert codes(world.advance(1)[1]) == [0x8F01, 0x8F33]
    assert supply_state(world) == ARMED
    read = world.command(world.supplier, 0x0042, [b.get(3, "0-0:94.44.42.255", 2)])
    assert world.results(read)[0] == (1, 0, b.u32(1))
    assert codes(world.advance(30)[1]) == [0x8F34] and supply_state(world) == ENABLED


def test_a_controller_follows_its_command_and_then_its_calendar():
    world = World()
    place_controllers(world, b"", b"\x00" * 8)
    start = world.now_s
    days = world.now_s // 86400 * 86400
    minute = (world.now_s - days) // 60
    hours = [minute // 60 + 2, minute // 60 + 4]
    rows = [entry(hours[0], 0x12E4, minute=0), entry(hours[1], 0x1280, minute=0)]
    items = [
        b.put(11, "0-1:11.0.3.255", 2, b.array()),
        b.put(10, "0-1:12.0.2.255", 2, b.array(*rows)),
        b.put(9000, "0-0:94.44.128.26", 6, b.octets(b.NOW)),
        b.put(9000, "0-0:94.44.128.35", 6, b.octets(b.NOW)),
    ]
    assert [one[1] for one in world.results(world.command(world.supplier, 0x011A, items, critical=True))] == [0] * 4
    assert not world.switch.is_closed(2)
    results, alerts = set_controller(world, 0x1264, start, start + 1800)
    assert results == [0, 0, 0] and len(alerts) == 1
    check_alert(world, alerts[0], 0x1001, 0x8131, ())
    assert world.switch.is_closed(2)
    world.advance(1800)
    assert not world.switch.is_closed(2)
    offset = int.from_bytes(world.meter.peek(a.OFFSET)[1:], "big")
    world.advance(days + hours[0] * 3600 + offset - 1 - world.now_s)
    assert not world.switch.is_closed(2)
    world.advance(1)
    assert world.switch.is_closed(2)
    read = world.command(world.supplier, 0x011D, [b.get(1, "0-0:94.44.0.32", 2)])
    assert world.results(read)[0][2][2:] == b'{"outputState": 100, "inputState": 0}'
    world.power_up()
    assert world.switch.is_closed(2)
    world.advance(7200)
    assert not world.switch.is_closed(2)


def test_a_calendar_with_an_entry_that_is_not_always_caught_up_is_refused_and_the_old_one_stays():
    world = World()
    before = world.meter.peek(a.SCHEDULE)
    row = entry(2, 0x12E4)
    for window in (0, 60, 0xFFFE):
        other = row.replace(b.u16(0xFFFF), b.u16(window), 1)
        items = [
            b.put(11, "0-1:11.0.3.255", 2, b.array()),
            b.put(10, "0-1:12.0.2.255", 2, b.array(row, other)),
            b.put(9000, "0-0:94.44.128.26", 6, b.octets(b.NOW)),
            b.put(9000, "0-0:94.44.128.35", 6, b.octets(b.NOW)),
        ]
        results = world.results(world.command(world.supplier, 0x011A, items, critical=True))
        assert [one[1] for one in results] == [0, 250, 250, 250]
        assert world.meter.peek(a.SCHEDULE) == before


def test_the_load_controller_limits_and_the_supplier_is_told():
    world = World()
    place_controllers(world, b"", b"", b"\xff")
    start = world.now_s
    results, alerts = set_controller(world, 0x1364, start, start + 7200)
    assert results == [0, 0, 0] and len(alerts) == 2
    check_alert(world, alerts[0], 0x1001, 0x8131, ())
    check_operational_update(world, alerts[1], 100)
    results, alerts = set_controller(
        world, 0x1332, start, start + 3600, "0-0:10.0.107.255", 0x011F, 3, party=world.loads
    )
    assert results == [0, 0, 0] and len(alerts) == 3
    body = (b.u8(0x13), b.octets(b.date_time(start)), b.octets(b.date_time(start + 3600)), b.u8(50))
    check_alert(world, alerts[0], 0x0121, 0x8F86, body)
    check_operational_update(world, alerts[2], 50)
    assert world.meter.organs.auxiliary.level(3) == 50
    _, alerts, _ = world.advance(3600)
    assert len(alerts) == 3
    check_operational_update(world, alerts[1], 100)
    check_alert(world, alerts[2], 0x0122, 0x8F87, (b.u8(0x13), b.u8(100)))


def check_operational_update(world, alert, output):
    """8F88: the state of the controller, and the load controller beside it."""
    text = '{"outputState":"%d","inputState":"0","other-data":""}' % output
    check_alert(world, alert, 0x0123, 0x8F88, (b.utf8(text),))
    assert alert.supplementary == world.loads.entity


def check_alert(world, alert, message_code, code, body):
    """An alert to the supplier, signed or with a MAC as its message code says, with this body."""
    world.check(alert)
    assert bool(alert.mac) == (message_code == 0x1001)
    assert alert.code == message_code and alert.target == world.supplier.entity
    at = b.octets(b.date_time(world.now_s))
    assert alert.payload == b.data_notification(alert.counter, b.u16(code), at, *body)


def test_a_command_that_is_not_a_days_period_is_refused():
    world = World()
    place_controllers(world, b"\x00" * 8)
    results, alerts = set_controller(world, 0x1164, world.now_s, world.now_s + 86401)
    assert results[2] == 250 and not alerts and not world.switch.is_closed(1)
