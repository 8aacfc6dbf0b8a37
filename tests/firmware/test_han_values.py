"""What a meter tells on its network, beside what its objects and logs say."""

from datetime import datetime, timedelta

import builder as b
import metered
from han_home import tariff
from world import NOW_S, World

from slotmeter.firmware.han_values import MeterValues
from slotmeter.hal.virtual.house import ConstantLoad
from slotmeter.zigbee_han.server import INVALID

RESTRICT = metered.key(1, "0-0:94.44.3.2")
DAY_S = 86400
# The price index of block 1, row 1; each block has 16.
FIRST_BLOCK = 0xA1


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


def test_days_weeks_from_monday_and_months_are_what_was_imported_in_them():
    world, values = a_meter()
    began = datetime(2025, 5, 8, 6, 13, 20)
    world.advance(30 * DAY_S)
    now = began + timedelta(30)

    def used(begin, end):
        """Wh of 1 kW, whole ones as a register counts them."""
        seconds = [(max(began, min(moment, now)) - began).total_seconds() for moment in (begin, end)]
        return int(seconds[1] / 3.6) - int(seconds[0] / 3.6) if seconds[1] else INVALID

    midnight = datetime(2025, 6, 7)
    for day in range(9):
        assert values.day_wh(day) == used(midnight - timedelta(day), midnight - timedelta(day - 1)), day
    monday = datetime(2025, 6, 2)
    for week in range(6):
        assert values.week_wh(week) == used(monday - timedelta(7 * week), monday - timedelta(7 * week - 7)), week
    firsts = [datetime(2025, month, 1) for month in (7, 6, 5, 4)]
    for month in range(3):
        assert values.month_wh(month) == used(firsts[month + 1], firsts[month]), month
    assert values.month_wh(13) is INVALID
    assert values.day_wh(9) is None and values.week_wh(6) is None and values.month_wh(14) is None
    # A change of tenancy in the middle of a day leaves out that day and what was before.
    world.meter.poke(RESTRICT, b.octets(b.date_time(world.now_s - 2 * DAY_S)))
    assert values.day_wh(1) == 24000 and values.day_wh(2) is INVALID
    assert values.week_wh(0) == values.month_wh(0) == 24000 + values.day_wh(0)
    assert values.week_wh(1) is INVALID and values.month_wh(1) is INVALID


def test_the_largest_half_hour_is_told_with_its_end():
    world, values = a_meter()
    assert values.largest_demand() is INVALID
    world.advance(3600)
    power, at_s = values.largest_demand()
    assert power == 1000 and at_s % 1800 == 0 and NOW_S < at_s <= world.now_s


def test_prices_are_told_by_tier_in_thousandths_of_a_penny_whatever_the_scale_and_the_order():
    world, values = a_meter()
    key = metered.key(113, "0-0:19.20.0.255", 5)
    world.meter.poke(key, metered.prices({FIRST_BLOCK: 111, 2: 154, 4: 73}, scales=(3, -3)))
    assert values.prices() == [0, 15400, 0, 7300]
    world.meter.poke(key, metered.prices({FIRST_BLOCK: 111}))
    assert values.prices() == []


def test_blocks_have_prices_by_row_and_the_thresholds_of_the_row_that_counts():
    world, values = a_meter()
    assert values.block_threshold_wh(1) is None
    tariff(world.meter)
    world.meter.poke(
        metered.key(20, "0-0:13.0.0.255", 5),
        metered.array([metered.profile(1, (0, 0, 102)), metered.profile(2, (0, 0, 1))]),
    )
    world.meter.poke(metered.key(21, "0-0:16.0.12.255"), metered.array([metered.u32(2000), metered.u32(5000)]))
    world.meter.poke(
        metered.key(113, "0-0:19.20.0.255", 5), metered.prices({FIRST_BLOCK + 1: 111, FIRST_BLOCK + 17: 222})
    )
    assert [values.block_price(2, block) for block in range(6)] == [None, 111, 222, 0, 0, None]
    assert values.block_price(1, 1) == 0 and values.block_price(0, 1) is values.block_price(9, 1) is None
    assert [values.block_threshold_wh(block) for block in (1, 2, 3)] == [2000, 5000, None]


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
