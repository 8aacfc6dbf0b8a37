"""What a meter tells on its network, beside what its objects and logs say."""

import builder as b
import metered
from han_home import tariff
from world import NOW_S, World

from slotmeter.firmware.han_values import MeterValues
from slotmeter.hal.virtual.house import ConstantLoad
from slotmeter.zigbee_han.server import INVALID

RESTRICT = metered.key(1, "0-0:94.44.3.2")
DAY_S = 86400


def a_meter():
    world = World()
    world.meter.life.set_metrology(ConstantLoad((1000,)))
    return world, MeterValues(world.meter)


def test_a_change_of_tenancy_hides_what_was_before_it():
    world, values = a_meter()
    world.meter.organs.integrity.feel("terminal-cover", False, world.meter.now_s)
    world.meter.settle()
    world.answer(world.top_up(world.supplier, 5 << 32, 1000))
    world.advance(3 * DAY_S)
    assert values.tenancy() is None
    assert values.day_wh(1) == values.day_wh(2) == 24000
    assert len(values.top_up_log()) == 1
    old = [event.at_s for event in values.events(0)]
    assert min(old) == NOW_S
    since_s = world.now_s - DAY_S
    world.meter.poke(RESTRICT, b.octets(b.date_time(since_s)))
    assert values.tenancy() == (since_s, 0)
    assert values.day_wh(1) is INVALID and values.day_wh(2) is INVALID
    assert values.top_up_log() == []
    assert all(event.at_s >= since_s for event in values.events(0))
    # One that is to come hides nothing yet.
    world.meter.poke(RESTRICT, b.octets(b.date_time(world.now_s + DAY_S)))
    assert values.tenancy() is None and len(values.top_up_log()) == 1


def test_the_calendar_is_the_switching_table_with_its_wild_cards():
    world, values = a_meter()
    tariff(world.meter)
    special = [
        (bytes((0xFF, 0xFF, 12, 25, 0xFF)), 2),
        (metered.date(2025, 5, 5), 1),
        (bytes((0xFF,) * 5), 2),
    ]
    one = metered
    rows = [one.structure(one.u16(n), one.octets(date), bytes((17, day))) for n, (date, day) in enumerate(special)]
    world.meter.poke(one.key(11, "0-0:11.0.0.255"), one.array(rows))
    tables = values.calendar()
    assert tables.days == [(1, [(0, 2), (420, 1)]), (2, [(0, 2)])]
    assert tables.weeks == [(1, [1, 1, 1, 1, 2, 2, 2])]
    assert tables.seasons == [((2025, 1, 1, None), 1)]
    # A day that is every day cannot be told.
    assert tables.special_days == [((None, 12, 25, None), 2), ((2025, 5, 5, None), 1)]
    assert values.tariff()[0] == tables.number


def test_a_tariff_has_another_number_and_time_when_a_price_or_a_time_is_another():
    world, values = a_meter()
    tariff(world.meter)
    number, _, since_s = values.tariff()
    world.advance(600)
    assert values.tariff() == (number, b"", since_s)
    world.meter.poke(metered.key(113, "0-0:19.20.0.255", 5), metered.prices({1: 15480, 2: 7321}))
    assert values.tariff()[0] != number and values.tariff()[2] == since_s + 600
    world.meter.poke(metered.key(113, "0-0:19.20.0.255", 5), metered.prices({1: 15480, 2: 7320}))
    assert values.tariff()[0] == number
