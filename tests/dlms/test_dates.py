"""Dates and times, wild-cards, and seconds since 2000."""

from slotmeter.dlms import dates
from slotmeter.dlms.errors import DecodeError, EncodeError

# The moment of the reference data set, and others around the edges of the calendar.
MOMENTS = (
    (0, "07d00101ff000000008000ff", "2000-01-01 00:00:00"),
    (473385600, "07df0101ff000000008000ff", "2015-01-01 00:00:00"),
    (5183999, "07d0021dff173b3b008000ff", "2000-02-29 23:59:59"),
    (5184000, "07d00301ff000000008000ff", "2000-03-01 00:00:00"),
)


def raises(kind, function, *arguments):
    try:
        function(*arguments)
    except kind:
        return True
    return False


def test_seconds_become_twelve_octets_and_come_back():
    for seconds, octets, name in MOMENTS:
        assert dates.from_seconds(seconds).hex() == octets
        assert dates.to_seconds(bytes.fromhex(octets)) == seconds
        assert dates.text(bytes.fromhex(octets)) == name


def test_the_year_2100_has_no_leap_day():
    assert raises(DecodeError, dates.to_seconds, bytes.fromhex("0834021dff173b3b008000ff"))
    assert dates.from_seconds(dates.days_from_date(2100, 3, 1) * 86400 - 1)[:4].hex() == "0834021c"


def test_every_day_of_four_centuries_follows_the_day_before():
    day = dates.days_from_date(1999, 12, 31)
    assert day == -1
    for year in range(2000, 2400):
        for month in range(1, 13):
            last = dates.days_in_month(year, month)
            assert dates.days_from_date(year, month, 1) == day + 1
            day = dates.days_from_date(year, month, last)
            assert dates.date_from_days(day) == (year, month, last)
            assert dates.date_from_days(day + 1)[2] == 1
    assert dates.weekday(0) == 6
    assert dates.weekday(day + 1) == 6


def test_now_and_cancel_are_no_point_of_time():
    assert dates.to_seconds(dates.NOW) is None
    assert dates.to_seconds(dates.CANCEL) is None
    assert dates.text(dates.NOW) == "now"
    assert dates.text(dates.CANCEL) == "cancel"


def test_a_wild_card_is_no_point_of_time_but_weekday_and_hundredths_may_be_open():
    full = bytearray(bytes.fromhex("07df0101ff000000008000ff"))
    for place in (2, 3, 5, 6, 7):
        wild = bytearray(full)
        wild[place] = 0xFF
        assert dates.to_seconds(bytes(wild)) is None, place
    full[8] = 0xFF
    assert dates.to_seconds(bytes(full)) == 473385600
    full[4] = 4
    assert dates.to_seconds(bytes(full)) == 473385600


def test_a_deviation_is_added_to_local_time():
    # One hour east of Greenwich is -60 minutes (FFC4).
    assert dates.to_seconds(bytes.fromhex("07df0101ff01000000ffc400")) == 473385600


def test_dates_out_of_range_are_refused():
    for octets in (
        "07df0001ff",
        "07df0d01ff",
        "07df0100ff",
        "07df0120ff",
        "07df021dff",
        "07df010108",
        "07df010100",
        "27100101ff",
    ):
        assert raises(DecodeError, dates.parse_date, bytes.fromhex(octets)), octets
    for octets in ("18000000", "003c0000", "00003c00", "00000064", "000000"):
        assert raises(DecodeError, dates.parse_time, bytes.fromhex(octets)), octets
    assert raises(DecodeError, dates.parse, bytes.fromhex("07df0101ff0000000003e9ff"))
    assert raises(DecodeError, dates.parse, b"")


def test_wild_dates_keep_their_octets_and_are_readable():
    for octets, name in (
        ("ffff0c19ff", "*-12-25"),
        ("07dffffe01", "2015-*-last Mon"),
        ("fffffeff07", "*-dst-end-* Sun"),
        ("fffffdfdff", "*-dst-begin-last-but-one"),
    ):
        date = dates.parse_date(bytes.fromhex(octets))
        assert date.octets().hex() == octets
        assert repr(date) == name
    time = dates.parse_time(b"\xff\x1e\x00\x05")
    assert time.octets() == b"\xff\x1e\x00\x05"
    assert repr(time) == "*:30:00.05"
    assert time.is_wild()


def test_a_wild_date_matches_the_days_it_means():
    christmas = dates.Date(dates.ANY_YEAR, 12, 25)
    assert christmas.matches(dates.days_from_date(2031, 12, 25))
    assert not christmas.matches(dates.days_from_date(2031, 12, 24))
    last = dates.Date(dates.ANY_YEAR, 2, dates.LAST_DAY)
    assert last.matches(dates.days_from_date(2024, 2, 29))
    assert last.matches(dates.days_from_date(2023, 2, 28))
    assert not last.matches(dates.days_from_date(2024, 2, 28))
    assert dates.Date(2024, 2, dates.SECOND_LAST_DAY).matches(dates.days_from_date(2024, 2, 28))
    mondays = dates.Date(dates.ANY_YEAR, dates.ANY, dates.ANY, 1)
    assert [day for day in range(14) if mondays.matches(day)] == [2, 9]


def test_a_part_out_of_range_is_not_encoded():
    assert raises(EncodeError, dates.Date(10000, 1, 1).octets)
    assert raises(EncodeError, dates.Date(2015, 13, 1).octets)
    assert raises(EncodeError, dates.Time(24, 0, 0).octets)
    assert raises(EncodeError, dates.DateTime(dates.Date(2015, 1, 1), dates.Time(0, 0, 0), 1000).octets)
    assert raises(EncodeError, dates.from_seconds, -1)
    assert dates.DateTime(dates.Date(2015, 1, 1), dates.Time(0, 0, 0)).octets() == dates.from_seconds(473385600)


def test_what_is_no_date_is_shown_in_hexadecimal():
    assert dates.text(b"\x01\x02") == "0102"
    assert dates.text(b"\x00" * 5) == "0000000000"
    assert dates.text(b"\x17\x00\x00\x00") == "23:00:00"
