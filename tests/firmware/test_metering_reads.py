"""What metering counts, read over the wire as the remote parties read it (GBCS use cases ECS17 to ECS22, ECS66)."""

import builder as b
from world import METER, METER_KA, World

from slotmeter.hal.virtual.house import ConstantLoad

DAY = 86400
START = (800000000 // DAY + 1) * DAY


def living(variant, load, seconds=2 * DAY + 3600):
    """A meter that has measured `load` for so long since a midnight."""
    world = World(variant)
    world.now_s = START
    world.meter.tick(START * 1000)
    world.meter.life.set_metrology(load)
    world.advance(seconds)
    return world


def opened(world, code, name, attributes):
    """The plaintext of a protected read by the supplier."""
    party = world.supplier
    counter = party.counter + 1
    item = b.protected_read(counter, party.entity, METER, name, attributes)
    ((_, result, data),) = world.results(world.command(party, code, [item]))
    assert result == 0
    z = b.shared_secret(party.ka, b.public_key(METER_KA))
    return b.decrypt(z, METER, counter, party.entity, b.sealed_part(data))


def u32s(values):
    return b"".join([b.number(value, 4) for value in values])


def row_of(fields):
    """The type of a row of so many double-long-unsigned."""
    return b.structure(*[b"\x06"] * fields)


def scaled(unit):
    return b.structure(b.i8(0), b.enum(unit))


def test_import_registers_are_read_encrypted():
    wanted = [(1, "0-0:94.44.34.10", 2)]
    world = living(1, ConstantLoad((1000,), 200))
    registers = b.structure(b.u32(49000), scaled(30), b.u32(9800), scaled(32))
    assert opened(world, 0x0027, "0-0:43.2.8.255", wanted) == b.structure(registers)
    world = living(2, ConstantLoad((1000, 500), 200))
    registers = b.structure(b.u32(49000), scaled(30), b.u32(9800), scaled(32), b.u32(24500))
    assert opened(world, 0x0027, "0-0:43.2.8.255", wanted) == b.structure(registers)


def test_tariff_registers_are_read_encrypted():
    world = living(2, ConstantLoad((1000, 500)))
    plaintext = opened(world, 0x0029, "0-0:43.2.9.255", [(1, "0-0:94.44.34.1", 2)])
    primary = b.array(*[b.u32(49000 if place == 0 else 0) for place in range(48)])
    secondary = b.array(*[b.u32(24500 if place == 0 else 0) for place in range(4)])
    assert plaintext == b.structure(b.structure(primary, secondary))
    plaintext = opened(world, 0x002A, "0-0:43.2.10.255", [(1, "0-0:94.44.34.2", 2)])
    assert plaintext == b.structure(b.structure(b.array(*[b.u32(0)] * 64)))


def test_export_registers_and_power_are_read_in_clear():
    world = living(4, ConstantLoad((100, 200, 300), -700, 5000))
    items = [b.get(3, "1-0:2.8.0.255", 2), b.get(3, "1-0:2.8.0.255", 3), b.get(3, "1-0:4.8.0.255", 2)]
    results = [data for _, _, data in world.results(world.command(world.operator, 0x0026, items))]
    assert results == [b.u32(245000), scaled(30), b.u32(34300)]
    ((_, _, data),) = world.results(world.command(world.operator, 0x0028, [b.get(1, "0-0:94.44.34.20", 2)]))
    assert data == b.structure(b.u32(600), scaled(27), b.u32(600))


def test_the_half_hour_profile_is_read_by_range():
    world = living(1, ConstantLoad((1000,), -60, 400))
    stamps = [START + 1800 * n for n in range(2, 5)]
    plaintext = opened(world, 0x0037, "0-0:43.2.7.255", [(7, "0-0:99.1.0.255", 2, (stamps[0], stamps[-1]))])
    rows = b"".join([u32s((stamp, 500)) for stamp in stamps])
    assert plaintext == b.structure(b.compact_array(row_of(2), rows))
    limits = b.by_range(b.u32(stamps[0]), b.u32(stamps[-1]), (1, "0-0:94.44.100.255", 2))
    item = b.get_selected(7, "0-0:99.1.1.255", 2, 1, limits)
    ((_, _, data),) = world.results(world.command(world.operator, 0x0036, [item]))
    assert data == b.compact_array(row_of(3), b"".join([u32s((stamp, 200, 30)) for stamp in stamps]))


def test_daily_logs_are_read_by_range():
    world = living(1, ConstantLoad((1000,)))
    span = (START, START + 3 * DAY)
    plaintext = opened(world, 0x0060, "0-0:43.2.4.255", [(7, "0-0:99.1.3.255", 2, span)])
    rows = u32s((START + DAY, 24000, START + 2 * DAY, 24000))
    assert plaintext == b.structure(b.compact_array(row_of(2), rows))
    plaintext = opened(world, 0x0033, "0-0:43.2.5.255", [(7, "0-0:98.1.9.255", 2, span)])
    days = [u32s((START + n * DAY, 24000 * n, 24000 * n) + (0,) * 79) for n in (1, 2)]
    assert plaintext.endswith(b"".join(days))


def test_maximum_demand_is_read_in_clear():
    world = living(1, ConstantLoad((1234,)))
    items = [b.get(4, "1-0:1.6.0.255", 2), b.get(4, "1-0:1.6.0.255", 5)]
    results = [data for _, _, data in world.results(world.command(world.supplier, 0x002C, items))]
    assert results == [b.u32(1234), b.octets(b.date_time(START + 1800))]


def test_energy_is_not_lost_when_an_instruction_falls_due():
    world = living(1, ConstantLoad((3600,)), 100)
    at = b.octets(b.date_time(world.now_s + 100))
    items = [b.put(9000, "0-0:94.44.128.7", 4, b.u32(6900)), b.put(9000, "0-0:94.44.128.7", 6, at)]
    results = world.results(world.command(world.supplier, 0x0043, items, critical=True))
    assert [result for _, result, _ in results] == [0, 0]
    world.advance(200)
    plaintext = opened(world, 0x0027, "0-0:43.2.8.255", [(1, "0-0:94.44.34.10", 2)])
    assert plaintext[5:9] == b.number(300, 4)


def test_a_billing_period_ends_with_an_encrypted_alert():
    world = World()
    world.now_s = START
    world.meter.tick(START * 1000)
    world.meter.life.set_metrology(ConstantLoad((1000,)))
    at = b.structure(b.octets(bytes((12, 0, 0, 0))), b.octets(b"\xff" * 5))
    item = b.put(22, "0-0:15.0.0.255", 4, b.array(at))
    world.results(world.command(world.supplier, 0x0046, [item], critical=True))
    _, alerts, _ = world.advance(DAY // 2)
    assert [alert.code for alert in alerts] == [0x0061]
    for alert in alerts:
        world.check(alert)
    assert b.number(0x8F0A, 2) in alerts[0].payload
    plaintext = opened(
        world, 0x0030, "0-0:43.2.2.255", [(7, "0-0:98.1.0.255", 2, (START, START + DAY)), (7, "0-0:98.1.1.255", 2)]
    )
    assert u32s((START + DAY // 2, 12000, 12000)) in plaintext
