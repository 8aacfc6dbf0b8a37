"""Metering beside a reference that is slow and obvious: history cut into minutes, Wh by Wh, dates by the library."""

import datetime as dt
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st
from metered import Metered, date, profile, seconds, time

from slotmeter.firmware.recurrence import next_execution
from slotmeter.hal.metrology import Flow

MINUTE = 60000
EPOCH = dt.datetime(2000, 1, 1)
PRIMARY = (1, 2, 48, 101, 102, 108)
SECONDARY = (201, 202, 204)

minutes = st.integers(0, 1439)


def day_profiles(scripts):
    """One to three days of up to four switches: {minute: script} each."""
    return st.lists(st.dictionaries(minutes, st.sampled_from(scripts), max_size=4), min_size=1, max_size=3)


@st.composite
def calendars(draw, scripts):
    """days, weeks of the two seasons, starts of the seasons as (month, day), special days as (date, day number)."""
    days = draw(day_profiles(scripts))
    numbers = st.integers(0, len(days) - 1)
    weeks = draw(st.lists(st.lists(numbers, min_size=7, max_size=7), min_size=1, max_size=2))
    size = len(weeks)
    starting = st.tuples(st.integers(1, 12), st.integers(1, 28))
    starts = draw(st.lists(starting, unique=True, min_size=size, max_size=size))
    dates = st.dates(dt.date(2021, 1, 1), dt.date(2021, 1, 20))
    special = draw(st.lists(st.tuples(dates, numbers), max_size=3))
    return days, weeks, starts, special


class Obvious:
    """Which script a calendar has run last, found by going back day by day."""

    def __init__(self, calendar, first):
        self.days, self.weeks, self.starts, self.special = calendar
        self.first = first

    def day(self, at):
        for day, number in self.special:
            if day == at.date():
                return self.days[number]
        season = -1
        back = at.date()
        while season < 0:
            if (back.month, back.day) in self.starts:
                season = self.starts.index((back.month, back.day))
            back -= dt.timedelta(days=1)
        return self.days[self.weeks[season][at.weekday()]]

    def script(self, minute):
        """The script at a minute since 2000."""
        at = EPOCH + dt.timedelta(minutes=minute)
        latest = at.hour * 60 + at.minute
        for back in range(32):
            day = self.day(at - dt.timedelta(days=back))
            past = [start for start in day if start <= latest]
            if past:
                return day[max(past)]
            latest = 1439
        return self.first


class Reference:
    """Everything a meter counts, from a list of (from_ms, to_ms, flow) and the calendars."""

    def __init__(self, history, primary, secondary, prices, thresholds, offset_s):
        self.energy = [0] * 5
        self.pulses = [0] * 5
        self.registers = {}
        self.counters = {}
        self.cost = [Fraction(0), Fraction(0)]
        self.half_hours = {}
        self.days = {}
        self.prices = prices
        self.thresholds = thresholds
        memory = {}
        for from_ms, to_ms, flow in history:
            while from_ms < to_ms:
                until = min(to_ms, from_ms - from_ms % MINUTE + MINUTE)
                # The offset is whole minutes here.
                minute = (from_ms - offset_s * 1000) // MINUTE
                if minute not in memory:
                    memory[minute] = (primary.script(minute), secondary.script(minute))
                self.piece(from_ms, until - from_ms, flow, memory[minute])
                from_ms = until

    def piece(self, from_ms, span, flow, scripts):
        powers = (flow.import_w[0], flow.import_w[1], flow.export_w, flow.var_import, flow.var_export)
        half_hour = self.half_hours.setdefault((from_ms // 1800000 + 1) * 1800, [0] * 5)
        day = (from_ms // 86400000 + 1) * 86400
        self.days.setdefault(day, 0)
        for place in range(5):
            self.energy[place] += powers[place] * span
            new = self.energy[place] // 3600000 - self.pulses[place]
            self.pulses[place] += new
            half_hour[place] += new
            if place < 2:
                self.days[day] += new
                for _ in range(new):
                    self.watt_hour(place, scripts[place])

    def watt_hour(self, element, script):
        if 101 <= script <= 108:
            row = script - 100
            consumed = sum(self.counters.get((block, row), 0) for block in (1, 2, 3, 4))
            block = 1 + sum(consumed >= threshold for threshold in self.thresholds)
            self.registers[(block, row)] = self.registers.get((block, row), 0) + 1
            self.counters[(block, row)] = self.counters.get((block, row), 0) + 1
            index = 0x90 + 16 * block + row
        else:
            self.registers[script] = self.registers.get(script, 0) + 1
            index = script
        self.cost[element] += Fraction(self.prices.get(index, 0), 1000)


flows = st.builds(
    Flow,
    st.tuples(st.integers(0, 12000), st.integers(0, 7000)),
    st.integers(0, 4000),
    st.integers(0, 900),
    st.integers(0, 900),
)
steps = st.tuples(
    st.sampled_from(("flow", "flow", "flow", "outage", "restart", "load")), st.integers(1, 20_000_000), flows
)
PRICES = {1: 20111, 2: 9000, 48: 31, 0xA1: 10001, 0xB1: 20003, 0xC1: 30007, 0xA2: 5, 0xA8: 17000, 0xB8: 17001, 0xC8: 3}
SECONDARY_PRICES = {201: 7777, 202: 1, 204: 32000}


@settings(max_examples=30, deadline=None)
@given(
    calendars(PRIMARY),
    calendars(SECONDARY),
    st.lists(steps, min_size=1, max_size=12),
    st.integers(0, 20 * 86400000),
    st.sampled_from((0, 300, 1740)),
    st.lists(st.integers(1, 30000), max_size=2, unique=True).map(sorted),
)
def test_metering_counts_what_the_obvious_reference_counts(primary, secondary, story, start_ms, offset, thresholds):
    start_ms += seconds(2021, 1, 1) * 1000
    m = Metered(2, at_s=0, offset=offset)
    for calendar, is_secondary in ((primary, False), (secondary, True)):
        days, weeks, starts, special = calendar
        m.calendar(
            [
                profile(number + 1, *[(at // 60, at % 60, script) for at, script in day.items()])
                for number, day in enumerate(days)
            ],
            [(bytes((65 + number,)), [day + 1 for day in week]) for number, week in enumerate(weeks)],
            [(date(0xFFFF, month, day), bytes((65 + number,))) for number, (month, day) in enumerate(starts)],
            [(date(day.year, day.month, day.day), number + 1) for day, number in special],
            secondary=is_secondary,
        )
    m.price(PRICES)
    m.price({index - 200: price for index, price in SECONDARY_PRICES.items()}, secondary=True)
    for row in (1, 2, 8):
        m.thresholds(row, *thresholds, 0xFFFFFFFF)
    m.now_ms = start_ms
    m.metering.set_clock(start_ms)
    # No billing period ends: that would reset the counters.
    m.schedule("0-0:15.0.0.255", (time(0), date(2000, 1, 1)))
    history = []
    for what, span, flow in story:
        if what == "outage":
            m.restart(span // 1000)
            continue
        if what == "restart":
            m.restart(0)
        elif what == "load":
            m.metering.flush()
            m.metering.load()
        history.append((m.now_ms, m.now_ms + span, flow))
        m.passes(m.now_ms + span, flow)
    wanted = Reference(
        history,
        Obvious(primary, 1),
        Obvious(secondary, 201),
        {**PRICES, **SECONDARY_PRICES},
        thresholds,
        offset,
    )
    assert m.imports() == tuple(wanted.pulses[:2])
    assert m.numbers(b"\x00\x03\x01\x00\x02\x08\x00\xff\x02") == [wanted.pulses[2]]
    registers, counters = m.blocks()
    registers.update(m.tou())
    assert registers == wanted.registers
    assert counters == wanted.counters
    assert m.charged == [int(cost) for cost in wanted.cost]
    # A half-hour or a day that has not ended, or whose end nobody saw yet, is not in the logs.
    now_s = m.now_ms // 1000
    ended = sorted((stamp, *pulses) for stamp, pulses in wanted.half_hours.items() if stamp <= now_s)
    assert m.log("0-0:99.1.0.255") == [row[:3] for row in ended]
    assert m.log("0-0:99.1.1.255") == [(row[0], row[3], row[5]) for row in ended]
    assert m.log("0-0:99.1.2.255") == [(row[0], row[4]) for row in ended]
    assert m.log("0-0:99.1.3.255") == sorted((day, used) for day, used in wanted.days.items() if day <= now_s)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 59), st.integers(1, 28), st.one_of(st.none(), st.integers(1, 12))),
        min_size=1,
        max_size=4,
    ),
    st.integers(0, 3 * 365 * 86400),
)
def test_the_next_execution_is_the_first_that_a_walk_by_minutes_finds(entries, after_s):
    rows = tuple((time(hour, minute), date(0xFFFF, month or 0xFF, day)) for hour, minute, day, month in entries)
    found = next_execution(rows, after_s)
    at = EPOCH + dt.timedelta(seconds=after_s)
    at = at.replace(second=0) + dt.timedelta(minutes=1)
    wanted = None
    while wanted is None:
        if any((at.hour, at.minute, at.day) == one[:3] and one[3] in (None, at.month) for one in entries):
            wanted = int((at - EPOCH).total_seconds())
        # Whole days in which none of them is are passed over.
        if at.hour >= 3:
            at = at.replace(hour=0, minute=0) + dt.timedelta(days=1)
        else:
            at += dt.timedelta(minutes=1)
    assert found == wanted
