"""When a schedule switches, in cases that a reader can check with a calendar at hand."""

from slotmeter.dlms.axdr import ARRAY, BIT_STRING, BOOLEAN, LONG_UNSIGNED, OCTET_STRING, STRUCTURE, UNSIGNED, encode
from slotmeter.dlms.dates import ANY, ANY_YEAR, LAST_DAY, Date, Time, days_from_date
from slotmeter.firmware.calendars import last_switch, next_switch, parse_schedule, parse_special_days

WORKING_DAYS = 0xF8
EVERY_DAY = 0xFE
ALWAYS = Date(ANY_YEAR, ANY, ANY).octets()
SCRIPTS = b"\x00\x00\x0a\x00\x67\xff"


def row(hour, script, weekdays=EVERY_DAY, special=b"", begin=ALWAYS, end=ALWAYS, enabled=True, time=None):
    """One entry of a schedule; the special-day bits as octets."""
    octets = Time(hour, 0, 0).octets() if time is None else time
    return (
        STRUCTURE,
        [
            (LONG_UNSIGNED, 1),
            (BOOLEAN, enabled),
            (OCTET_STRING, SCRIPTS),
            (LONG_UNSIGNED, script),
            (OCTET_STRING, octets),
            (LONG_UNSIGNED, 0xFFFF),
            (BIT_STRING, (7, bytes((weekdays,)))),
            (BIT_STRING, (8 * len(special), special)),
            (OCTET_STRING, begin),
            (OCTET_STRING, end),
        ],
    )


def schedule(*rows):
    return parse_schedule(encode((ARRAY, list(rows))))


def days(*rows):
    return parse_special_days(
        encode(
            (
                ARRAY,
                [
                    (STRUCTURE, [(LONG_UNSIGNED, 1), (OCTET_STRING, date.octets()), (UNSIGNED, number)])
                    for date, number in rows
                ],
            )
        )
    )


def at(year, month, day, hour=0, minute=0):
    return days_from_date(year, month, day) * 86400 + hour * 3600 + minute * 60


def said(found):
    """Time and script."""
    return None if found is None else (found[0], found[1].script)


def test_an_entry_switches_on_the_days_of_the_week_whose_bits_are_set_monday_first():
    entries = schedule(row(9, 1, WORKING_DAYS))
    # 2015-06-26 was a Friday.
    assert said(next_switch(entries, days(), at(2015, 6, 26, 8))) == (at(2015, 6, 26, 9), 1)
    assert said(next_switch(entries, days(), at(2015, 6, 26, 9))) == (at(2015, 6, 29, 9), 1)
    assert said(last_switch(entries, days(), at(2015, 6, 28, 23))) == (at(2015, 6, 26, 9), 1)
    assert said(last_switch(entries, days(), at(2015, 6, 26, 9))) == (at(2015, 6, 26, 9), 1)


def test_a_special_day_takes_the_place_of_the_day_of_the_week():
    entries = schedule(row(9, 1, WORKING_DAYS), row(11, 2, 0, b"\x40"))
    special = days((Date(ANY_YEAR, 12, 25), 2))
    # 2015-12-25 was a Friday.
    assert said(next_switch(entries, special, at(2015, 12, 24, 12))) == (at(2015, 12, 25, 11), 2)
    assert said(next_switch(entries, special, at(2015, 12, 25, 11))) == (at(2015, 12, 28, 9), 1)


def test_a_special_day_that_no_entry_knows_is_a_day_without_switches():
    entries = schedule(row(9, 1))
    special = days((Date(2015, 4, 3), 3))
    assert said(next_switch(entries, special, at(2015, 4, 2, 9))) == (at(2015, 4, 4, 9), 1)


def test_begin_and_end_dates_are_part_of_the_period():
    entries = schedule(row(9, 1, begin=Date(2015, 6, 21).octets(), end=Date(2015, 6, 23).octets()))
    assert said(next_switch(entries, days(), at(2015, 1, 1))) == (at(2015, 6, 21, 9), 1)
    assert said(last_switch(entries, days(), at(2019, 1, 1))) == (at(2015, 6, 23, 9), 1)
    assert next_switch(entries, days(), at(2015, 6, 23, 9)) is None
    assert last_switch(entries, days(), at(2015, 6, 21, 8)) is None


def test_a_period_without_years_may_run_over_the_turn_of_the_year():
    winter = schedule(row(9, 1, begin=Date(ANY_YEAR, 11, 1).octets(), end=Date(ANY_YEAR, 2, LAST_DAY).octets()))
    assert said(last_switch(winter, days(), at(2016, 6, 1))) == (at(2016, 2, 29, 9), 1)
    assert said(next_switch(winter, days(), at(2016, 6, 1))) == (at(2016, 11, 1, 9), 1)
    assert said(next_switch(winter, days(), at(2016, 12, 31, 9))) == (at(2017, 1, 1, 9), 1)


def test_a_begin_without_a_year_and_no_end_lasts_until_the_year_is_over():
    entries = schedule(row(9, 1, begin=Date(ANY_YEAR, 6, 21).octets()))
    assert said(last_switch(entries, days(), at(2016, 3, 1))) == (at(2015, 12, 31, 9), 1)
    assert said(next_switch(entries, days(), at(2016, 3, 1))) == (at(2016, 6, 21, 9), 1)


def test_of_entries_in_the_same_second_the_one_further_down_is_the_last():
    entries = schedule(row(9, 1), row(9, 2))
    assert said(last_switch(entries, days(), at(2015, 6, 26, 12))) == (at(2015, 6, 26, 9), 2)
    assert said(next_switch(entries, days(), at(2015, 6, 26, 8))) == (at(2015, 6, 26, 9), 2)


def test_an_entry_that_is_disabled_or_no_time_never_switches():
    entries = schedule(row(9, 1, enabled=False), row(9, 2, time=b"\x18\x00\x00\x00"))
    assert next_switch(entries, days(), at(2015, 6, 26)) is None
    assert last_switch(entries, days(), at(2015, 6, 26)) is None


def test_an_hour_that_is_not_specified_is_every_hour():
    entries = schedule(row(0, 1, time=bytes((ANY, 30, 0, 0))))
    assert said(next_switch(entries, days(), at(2015, 6, 26, 8, 30))) == (at(2015, 6, 26, 9, 30), 1)
    assert said(last_switch(entries, days(), at(2015, 6, 26, 0, 29))) == (at(2015, 6, 25, 23, 30), 1)


def test_a_special_day_of_a_leap_year_is_found_eight_years_ahead():
    entries = schedule(row(9, 1, 0, b"\x80"))
    special = days((Date(ANY_YEAR, 2, 29), 1))
    assert said(next_switch(entries, special, at(2096, 3, 1))) == (at(2104, 2, 29, 9), 1)
    assert said(last_switch(entries, special, at(2104, 2, 28))) == (at(2096, 2, 29, 9), 1)


def test_an_empty_table_never_switches():
    assert next_switch(schedule(), days(), at(2015, 6, 26)) is None
    assert last_switch(schedule(), days(), at(2015, 6, 26)) is None
