"""Dates and times of COSEM (IEC 62056-6-2, section 4.1.6.1), their wild-cards, and seconds since 2000.

    date-time, 12 octets   year(2) month day weekday hour minute second hundredths deviation(2) status
    date, 5 octets         year(2) month day weekday
    time, 4 octets         hour minute second hundredths

FF (FFFF for a year, 8000 for the deviation) says that a part is not specified: in a date of a calendar it stands for
every value, in a point of time such as `from_seconds` makes it is only that the weekday and the deviation go without
saying. Months FE and FD are the end and the begin of daylight savings, days FE and FD the last and the last but one
of a month. GBCS times are UTC throughout; the epoch here is 2000-01-01T00:00:00Z, as on a ZigBee network.
"""

from slotmeter.dlms.errors import DecodeError, EncodeError
from slotmeter.dlms.octets import get_int, put_int

# What an activation attribute is told in GBCS: act at once, and forget what is stored.
NOW = b"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x00\xff"
CANCEL = b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x80\x00\xff"

ANY = 0xFF
ANY_YEAR = 0xFFFF
ANY_DEVIATION = -0x8000
DST_END = 0xFE
DST_BEGIN = 0xFD
LAST_DAY = 0xFE
SECOND_LAST_DAY = 0xFD

DAY_S = 86400
_MONTHS = b"\x1f\x1c\x1f\x1e\x1f\x1e\x1f\x1f\x1e\x1f\x1e\x1f"
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
# The first second that four digits of year cannot say: 10000-01-01.
_LATEST_S = 252455616000


def days_in_month(year: int, month: int) -> int:
    """28 to 31; `month` 1 to 12."""
    if month == 2 and year % 4 == 0 and (year % 100 or year % 400 == 0):
        return 29
    return _MONTHS[month - 1]


def days_from_date(year: int, month: int, day: int) -> int:
    """Days since 2000-01-01 in the Gregorian calendar; negative before."""
    # March is the first month: the leap day ends a year, and months have a regular pattern of 153 days in five.
    if month <= 2:
        year -= 1
        month += 12
    return 365 * year + year // 4 - year // 100 + year // 400 + (153 * (month - 3) + 2) // 5 + day - 1 - 730425


def date_from_days(days: int) -> "tuple[int, int, int]":
    """Year, month and day of the day that is `days` after 2000-01-01."""
    days += 730425
    era = days // 146097
    day = days - era * 146097
    year = (day - day // 1460 + day // 36524 - day // 146096) // 365
    day -= 365 * year + year // 4 - year // 100
    month = (5 * day + 2) // 153
    day = day - (153 * month + 2) // 5 + 1
    year += era * 400
    month += 3
    if month > 12:
        return year + 1, month - 12, day
    return year, month, day


def weekday(days: int) -> int:
    """1 Monday to 7 Sunday of the day that is `days` after 2000-01-01, which was a Saturday."""
    return (days + 5) % 7 + 1


class Date:
    """Five octets. year 0 to 9999 or ANY_YEAR; month 1 to 12, DST_BEGIN, DST_END or ANY; day 1 to 31, LAST_DAY,
    SECOND_LAST_DAY or ANY; weekday 1 Monday to 7 Sunday or ANY.
    """

    def __init__(self, year: int, month: int, day: int, weekday: int = ANY) -> None:
        self.year = year
        self.month = month
        self.day = day
        self.weekday = weekday

    def octets(self) -> bytes:
        """The wire form; EncodeError when a part is out of its range."""
        if (
            not (0 <= self.year <= 9999 or self.year == ANY_YEAR)
            or not (1 <= self.month <= 12 or self.month in (DST_BEGIN, DST_END, ANY))
            or not (1 <= self.day <= 31 or self.day in (LAST_DAY, SECOND_LAST_DAY, ANY))
            or not (1 <= self.weekday <= 7 or self.weekday == ANY)
        ):
            raise EncodeError("a date with a part out of range")
        return self.year.to_bytes(2, "big") + bytes((self.month, self.day, self.weekday))

    def is_wild(self) -> bool:
        """Whether it can mean more than one day."""
        return self.year == ANY_YEAR or self.month > 12 or self.day > 31

    def matches(self, days: int) -> bool:
        """Whether the day that is `days` after 2000-01-01 is one that this date means. Daylight savings never are:
        no clock of GBCS has them.
        """
        year, month, day = date_from_days(days)
        if self.year not in (ANY_YEAR, year) or self.month not in (ANY, month):
            return False
        if self.weekday not in (ANY, weekday(days)):
            return False
        if self.day == LAST_DAY:
            return day == days_in_month(year, month)
        if self.day == SECOND_LAST_DAY:
            return day == days_in_month(year, month) - 1
        return self.day in (ANY, day)

    def __repr__(self) -> str:
        year = "*" if self.year == ANY_YEAR else "%04d" % self.year
        month = {ANY: "*", DST_BEGIN: "dst-begin", DST_END: "dst-end"}.get(self.month) or "%02d" % self.month
        day = {ANY: "*", LAST_DAY: "last", SECOND_LAST_DAY: "last-but-one"}.get(self.day) or "%02d" % self.day
        said = "" if self.weekday == ANY else " " + _WEEKDAYS[self.weekday - 1]
        return "%s-%s-%s%s" % (year, month, day, said)


class Time:
    """Four octets. hour 0 to 23, minute and second 0 to 59, hundredths 0 to 99, each or ANY."""

    def __init__(self, hour: int, minute: int, second: int, hundredths: int = 0) -> None:
        self.hour = hour
        self.minute = minute
        self.second = second
        self.hundredths = hundredths

    def octets(self) -> bytes:
        """The wire form; EncodeError when a part is out of its range."""
        parts = (self.hour, self.minute, self.second, self.hundredths)
        if not _in_range(parts):
            raise EncodeError("a time with a part out of range")
        return bytes(parts)

    def is_wild(self) -> bool:
        """Whether hour, minute or second is not specified."""
        return self.hour == ANY or self.minute == ANY or self.second == ANY

    def __repr__(self) -> str:
        parts = ["*" if part == ANY else "%02d" % part for part in (self.hour, self.minute, self.second)]
        tail = "" if self.hundredths in (0, ANY) else ".%02d" % self.hundredths
        return ":".join(parts) + tail


class DateTime:
    """Twelve octets: a Date, a Time, deviation in minutes (local time + deviation = UTC) or ANY_DEVIATION, status."""

    def __init__(self, date: "Date", time: "Time", deviation: int = ANY_DEVIATION, status: int = 0xFF) -> None:
        self.date = date
        self.time = time
        self.deviation = deviation
        self.status = status

    def octets(self) -> bytes:
        """The wire form; EncodeError when a part is out of its range."""
        if not (-720 <= self.deviation <= 840 or self.deviation == ANY_DEVIATION) or not 0 <= self.status <= 255:
            raise EncodeError("a date-time with a part out of range")
        return self.date.octets() + self.time.octets() + put_int(self.deviation, 2) + bytes((self.status,))

    def __repr__(self) -> str:
        return "%r %r" % (self.date, self.time)


def _in_range(parts: "tuple[int, int, int, int]") -> bool:
    """Whether hour, minute, second and hundredths are of a time."""
    hour, minute, second, hundredths = parts
    return (
        (0 <= hour <= 23 or hour == ANY)
        and (0 <= minute <= 59 or minute == ANY)
        and (0 <= second <= 59 or second == ANY)
        and (0 <= hundredths <= 99 or hundredths == ANY)
    )


def parse_date(octets: bytes) -> Date:
    """Five octets; DecodeError when they are no date, such as 30 February."""
    if len(octets) != 5:
        raise DecodeError("a date of %d octets" % len(octets))
    year = octets[0] << 8 | octets[1]
    month, day, week = octets[2], octets[3], octets[4]
    if year > 9999 and year != ANY_YEAR:
        raise DecodeError("year out of range", 0)
    if not (1 <= month <= 12 or month >= DST_BEGIN):
        raise DecodeError("month out of range", 2)
    # A leap year stands for a year that is not specified.
    longest = days_in_month(2000 if year == ANY_YEAR else year, month) if month <= 12 else 31
    if not (1 <= day <= longest or day >= SECOND_LAST_DAY):
        raise DecodeError("day out of range", 3)
    if not (1 <= week <= 7 or week == ANY):
        raise DecodeError("weekday out of range", 4)
    return Date(year, month, day, week)


def parse_time(octets: bytes) -> Time:
    """Four octets; DecodeError when they are no time."""
    if len(octets) != 4:
        raise DecodeError("a time of %d octets" % len(octets))
    parts = (octets[0], octets[1], octets[2], octets[3])
    if not _in_range(parts):
        raise DecodeError("hour, minute, second or hundredths out of range")
    return Time(parts[0], parts[1], parts[2], parts[3])


def parse(octets: bytes) -> DateTime:
    """Twelve octets; DecodeError when they are no date-time. NOW is none: compare with it first."""
    if len(octets) != 12:
        raise DecodeError("a date-time of %d octets" % len(octets))
    deviation = get_int(octets[9:11])
    if deviation != ANY_DEVIATION and not -720 <= deviation <= 840:
        raise DecodeError("deviation out of range", 9)
    return DateTime(parse_date(octets[:5]), parse_time(octets[5:9]), deviation, octets[11])


def from_seconds(seconds: int, status: int = 0xFF) -> bytes:
    """Seconds since 2000 as a date-time: year month day FF hh mm ss 00 8000 `status`."""
    if seconds < 0 or seconds >= _LATEST_S:
        raise EncodeError("a time before 2000 or after 9999")
    days = seconds // DAY_S
    rest = seconds - days * DAY_S
    year, month, day = date_from_days(days)
    return bytes(
        (year >> 8, year & 255, month, day, ANY, rest // 3600, rest // 60 % 60, rest % 60, 0, 0x80, 0, status)
    )


def to_seconds(octets: bytes) -> "int | None":
    """Seconds since 2000 of a date-time of twelve octets.

    None when it means no one second: NOW, CANCEL, any wild-card but that of weekday, hundredths and deviation.
    DecodeError when it is no date-time. Negative before 2000.
    """
    if octets in (NOW, CANCEL):
        return None
    moment = parse(octets)
    date = moment.date
    time = moment.time
    if date.is_wild() or time.is_wild():
        return None
    seconds = days_from_date(date.year, date.month, date.day) * DAY_S
    seconds += time.hour * 3600 + time.minute * 60 + time.second
    return seconds if moment.deviation == ANY_DEVIATION else seconds + moment.deviation * 60


def text(octets: bytes) -> str:
    """Twelve, five or four octets for a reader: `2015-01-01 00:00:00`, `*-12-25`, `now`, `cancel`; else hexadecimal."""
    if octets == NOW:
        return "now"
    if octets == CANCEL:
        return "cancel"
    size = len(octets)
    try:
        if size == 12:
            return repr(parse(octets))
        if size == 5:
            return repr(parse_date(octets))
        if size == 4:
            return repr(parse_time(octets))
    except DecodeError:
        pass
    return octets.hex()
