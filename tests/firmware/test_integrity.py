"""What a meter feels and finds out, what it hears from its hub, and what it makes of many bad messages."""

import builder as b
from world import KA, World, cell

from slotmeter.firmware import integrity
from slotmeter.firmware.settings import Settings

READ = (0x0059, [b.get(1, "0-0:0.2.1.255", 2)])
CLEAR = (0x0024, [b.act(7, "0-0:99.98.0.255", 1, b.i8(0))])


def codes(alerts):
    return [int.from_bytes(alert.payload[9:11], "big") for alert in alerts]


def settled(world):
    """The codes of the alerts that leave when what was felt takes effect, each checked."""
    world.meter.settle()
    _, alerts, _ = world.take()
    for alert in alerts:
        world.check(alert)
    return codes(alerts)


def log(world, name):
    rows = world.meter.tree.rows(bytes.fromhex({"event": "0000636200FF", "security": "0000636201FF"}[name]))
    return [int.from_bytes(row[4:6], "big") for row in rows]


def test_every_sensor_tells_when_it_is_set_off_and_when_that_is_over():
    for name, begins, ends in integrity.SENSORS:
        world = World()
        feel = world.meter.organs.integrity.feel
        assert feel(name, False, world.now_s) and settled(world) == [begins]
        assert feel(name, True, world.now_s) == (ends != 0)
        assert settled(world) == ([ends] if ends else [])
        assert not feel("no such sensor", False, world.now_s)


def test_what_was_felt_survives_a_restart():
    world = World()
    world.meter.organs.integrity.feel("magnet", False, world.now_s)
    settled(world)
    world.power_up()
    assert log(world, "security") == [0x8F75]


def test_an_alert_with_a_mac_reaches_nobody_once_another_has_the_role():
    world = World()
    world.meter.organs.integrity.feel("tilt", False, world.now_s)
    other = world.other_supplier
    world.meter.anchors.put_cell(cell(b.SUPPLIER, KA, 0, other, other.ka))
    assert settled(world) == [] and log(world, "event") == [0x81C3]


def test_every_fault_is_told_of_and_all_but_one_warn_of_integrity():
    for name, code, kind in integrity.FAULTS:
        world = World()
        assert world.meter.organs.integrity.find(name, world.now_s)
        world.meter.settle()
        _, alerts, _ = world.take()
        assert codes(alerts) == ([code, 0x81A0] if kind else [code])
        if kind:
            assert alerts[1].code == 0x00F0 and alerts[1].payload.endswith(b.octets(bytes((0, kind))))
        assert log(world, "event" if kind else "security") == codes(alerts)
    assert not world.meter.organs.integrity.find("no such fault", world.now_s)


def test_a_tilted_meter_does_not_lock_its_supply_and_an_opened_one_does():
    world = World()
    lock = world.command(world.supplier, 0x0068, [b.put(1, "0-0:94.44.0.4", 2, b.boolean(True))], critical=True)
    assert world.results(lock)[0][1] == 0
    feel = world.meter.organs.integrity.feel
    feel("tilt", False, world.now_s)
    assert settled(world) == [0x81C3] and world.switch.is_closed(0)
    feel("terminal-cover", False, world.now_s)
    assert settled(world) == [0x8F76, 0x81BE] and not world.switch.is_closed(0)


def test_the_hubs_time_is_followed_up_to_ten_seconds():
    world = World()
    hear = world.meter.behaviour.hear_time
    assert hear(world.now_s) and settled(world) == [] and log(world, "event") == []
    for seconds in (1, -1, 10, -10):
        assert hear(world.now_s + seconds) and settled(world) == []
    assert log(world, "event") == [0x8145] * 4
    for seconds in (11, -11, 86400):
        assert not hear(world.now_s + seconds)
        assert settled(world) == [0x8F0C]
    assert log(world, "security") == [0x8F0C] * 3


def test_a_meter_is_commissioned_once_and_joins_as_often_as_it_does():
    world = World()
    world.meter.joined()
    assert codes(world.take()[1]) == [0x8183, 0x8F69]
    world.power_up()
    world.meter.joined()
    assert codes(world.take()[1]) == [0x8183]


def test_ten_refused_messages_within_a_minute_are_unusual():
    world = World()
    for _ in range(9):
        assert codes(world.deliver(b"nothing")[1]) == []
    assert codes(world.deliver(b"nothing")[1]) == [0x8F60]
    assert log(world, "security") == [0x8F60]
    for _ in range(9):
        assert codes(world.deliver(b"nothing")[1]) == []
    assert codes(world.deliver(b"nothing")[1]) == [0x8F60]


def test_refused_messages_that_come_slowly_are_not():
    world = World()
    for _ in range(30):
        world.deliver(b"nothing")
        assert codes(world.advance(7)[1]) == []
    assert log(world, "security") == []


def test_how_many_are_unusual_is_a_setting_and_nought_is_never():
    settings = Settings()
    settings.flood_messages = 2
    world = World(settings=settings)
    data = world.command(world.supplier, *READ)
    data = data[:-1] + bytes((data[-1] ^ 1,))
    assert codes(world.deliver(data)[1]) == [0x8F3D]
    assert codes(world.deliver(data)[1]) == [0x8F3D, 0x8F60]
    settings.flood_messages = 0
    for _ in range(30):
        assert codes(world.deliver(b"nothing")[1]) == []


def test_clearing_the_event_log_is_a_security_event_and_the_command_the_first_entry():
    world = World()
    world.meter.organs.integrity.find("ram", world.now_s)
    settled(world)
    responses, alerts, _ = world.deliver(world.command(world.supplier, *CLEAR))
    assert b.response_results(responses[0].payload)[0][1] == 0
    assert codes(alerts) == [0x8F52]
    assert (log(world, "security"), log(world, "event")) == ([0x8F52], [0x8154])
