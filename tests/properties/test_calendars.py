"""Schedules against a model that looks at every half-hour at which anything could switch."""

from hypothesis import given, settings
from hypothesis import strategies as st

from slotmeter.dlms.dates import ANY, ANY_YEAR, Date, date_from_days, days_from_date, weekday
from slotmeter.firmware.calendars import Entry, SpecialDays, last_switch, next_switch

FIRST = days_from_date(2015, 12, 20)
DAYS = 25


def _date():
    """Dates around the turn of 2015 to 2016, with parts unspecified."""
    return st.builds(
        lambda offset, wild: _with_wild(date_from_days(FIRST + offset), wild),
        st.integers(-3, DAYS + 3),
        st.sampled_from(["", "y", "ymd", "ymd", "ym"]),
    )


def _with_wild(parts, wild):
    year, month, day = parts
    return Date(ANY_YEAR if "y" in wild else year, ANY if "m" in wild else month, ANY if "d" in wild else day)


def _begun(date, other, day):
    """The parts of a date where it has none from the day."""
    year, month, number = date_from_days(day)
    return (
        year if date.year == ANY_YEAR else date.year,
        month if date.month == ANY else date.month,
        number if date.day == ANY else date.day,
    )


def _lasts(begin, end, day):
    first, last, this = _begun(begin, end, day), _begun(end, begin, day), date_from_days(day)
    turning = all(date.year == ANY_YEAR and date.day != ANY for date in (begin, end))
    if turning and first > last:
        return not last < this < first
    return first <= this <= last


ROWS = st.lists(
    st.tuples(
        st.integers(0, 47).map(lambda half: half * 1800),
        st.integers(0, 127),
        st.integers(0, 7),
        _date(),
        _date(),
    ),
    max_size=6,
)
SPECIAL = st.lists(st.tuples(_date(), st.integers(1, 3)), max_size=3)


def _model(rows, special, second):
    """The number of the row that switches in this second, or None."""
    day = second // 86400
    found = None
    numbers = [number for date, number in special if _same(date, day)]
    for number, (time, week, bits, begin, end) in enumerate(rows):
        if time != second % 86400 or not _lasts(begin, end, day):
            continue
        if any(bits >> (one - 1) & 1 for one in numbers) if numbers else week >> (weekday(day) - 1) & 1:
            found = number
    return found


def _same(date, day):
    year, month, number = date_from_days(day)
    return date.year in (ANY_YEAR, year) and date.month in (ANY, month) and date.day in (ANY, number)


@settings(max_examples=150, deadline=None)
@given(ROWS, SPECIAL, st.integers(0, DAYS * 48 - 1))
def test_the_last_and_the_next_switch_are_those_that_a_walk_over_every_half_hour_finds(rows, special, half_hour):
    entries = [
        Entry(b"", number, (time,), week, bits, begin, end)
        for number, (time, week, bits, begin, end) in enumerate(rows)
    ]
    table = SpecialDays(special)
    now = FIRST * 86400 + half_hour * 1800
    before = [(s, _model(rows, special, s)) for s in range(now, FIRST * 86400 - 1, -1800)]
    after = [(s, _model(rows, special, s)) for s in range(now + 1800, (FIRST + DAYS) * 86400, 1800)]
    last = last_switch(entries, table, now + 59)
    expected = next(((s, n) for s, n in before if n is not None), None)
    if expected is None:
        assert last is None or last[0] < FIRST * 86400
    else:
        assert last is not None and (last[0], last[1].script) == expected
    following = next_switch(entries, table, now)
    expected = next(((s, n) for s, n in after if n is not None), None)
    if expected is None:
        assert following is None or following[0] >= (FIRST + DAYS) * 86400
    else:
        assert following is not None and (following[0], following[1].script) == expected
