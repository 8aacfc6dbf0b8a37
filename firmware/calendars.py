"""When a schedule switches: tables of entries (interface class 10) and of special days (interface class 11).

An entry runs a script at a time of day, on the days that it names:

    - between its begin date and its end date, both included;
    - on a special day that has a day id, when the entry's bit of that id is set (the first bit is id 1);
    - on any other day, when the entry's bit of the day of the week is set (the first bit is Monday).

So a special day takes the place of the day of the week. Of entries that switch in the same second the one further down
the table is the last. Parts of a begin or end date that are not specified stand for those of the day in question; when
both years are unspecified, a begin after the end means a period over the turn of the year. An hour or minute that is
not specified is every hour or minute. The validity window is not looked at: in GBCS it always says that an entry is to
be caught up at any time, and a command with another is refused (dlms/cosem/tree.py). Source: IEC 62056-6-2 (schedule,
special days table), GBCS mapping table ECS08a and ECS46d.
"""

from slotmeter.dlms.axdr import decode_whole
from slotmeter.dlms.dates import (
    ANY,
    ANY_YEAR,
    DAY_S,
    LAST_DAY,
    SECOND_LAST_DAY,
    Date,
    date_from_days,
    days_from_date,
    days_in_month,
    parse_date,
    parse_time,
)
from slotmeter.dlms.errors import DecodeError

# How far a switch is looked for: a 29 February comes at most eight years after the one before.
HORIZON_DAYS = 8 * 366

# A day that no entry's dates reach.
_NEVER = 1 << 30


class Entry:
    """One row of a schedule. script_table: 6 octets; script: its number; times: seconds of the day, rising (none when
    the row is disabled or no time or date); weekdays, special_days: masks, the first bit of the table is 1.
    """

    __slots__ = ("script_table", "script", "times", "weekdays", "special_days", "begin", "end", "first_day", "last_day")

    def __init__(
        self,
        script_table: bytes,
        script: int,
        times: "tuple[int, ...]",
        weekdays: int,
        special_days: int,
        begin: "Date",
        end: "Date",
    ) -> None:
        self.script_table = script_table
        self.script = script
        self.times = times
        self.weekdays = weekdays
        self.special_days = special_days
        # None when no part of the date is unspecified but all of them, so that days alone tell.
        self.begin: Date | None = begin
        self.end: Date | None = end
        self.first_day = -_NEVER
        self.last_day = _NEVER
        simple = True
        if not begin.is_wild():
            self.first_day = days_from_date(begin.year, begin.month, begin.day)
        elif not _is_all_wild(begin):
            simple = False
        if not end.is_wild():
            self.last_day = days_from_date(end.year, end.month, end.day)
        elif not _is_all_wild(end):
            simple = False
        if simple:
            self.begin = self.end = None

    def lasts(self, day: int) -> bool:
        """Whether `day`, in days since 2000-01-01, is between begin and end."""
        if not self.first_day <= day <= self.last_day:
            return False
        begin = self.begin
        end = self.end
        if begin is None or end is None:
            return True
        year, month, date = date_from_days(day)
        this = (year, month, date)
        first = _filled(begin, year, month, date)
        last = _filled(end, year, month, date)
        if first is None or last is None:
            return False
        if first > last and begin.year == ANY_YEAR and end.year == ANY_YEAR:
            # Over the turn of the year, or of the month; but a begin alone lasts until the year's end.
            if not _is_all_wild(begin) and not _is_all_wild(end):
                return this >= first or this <= last
        return first <= this <= last


class SpecialDays:
    """A table of special days: (Date, day id) of each row that is a date."""

    def __init__(self, rows: "list[tuple[Date, int]]") -> None:
        self._fixed: dict[int, list[int]] = {}
        self._wild = []
        for date, number in rows:
            if date.is_wild():
                self._wild.append((date, number))
            else:
                day = days_from_date(date.year, date.month, date.day)
                if date.matches(day):
                    self._fixed.setdefault(day, []).append(number)

    def ids(self, day: int) -> "list[int]":
        """The day ids of `day`, in days since 2000-01-01; none on an ordinary day. Dates with a year come first."""
        found = self._fixed.get(day)
        numbers = [] if found is None else list(found)
        for date, number in self._wild:
            if date.matches(day):
                numbers.append(number)
        return numbers


def _is_all_wild(date: "Date") -> bool:
    return date.year == ANY_YEAR and date.month == ANY and date.day == ANY


def _filled(date: "Date", year: int, month: int, day: int) -> "tuple[int, int, int] | None":
    """The date with its unspecified parts those of the day in question; None for one of daylight savings."""
    if date.year != ANY_YEAR:
        year = date.year
    if date.month != ANY:
        if date.month > 12:
            return None
        month = date.month
    if date.day == LAST_DAY:
        day = days_in_month(year, month)
    elif date.day == SECOND_LAST_DAY:
        day = days_in_month(year, month) - 1
    elif date.day != ANY:
        day = date.day
    return year, month, day


def _mask(bits: "tuple[int, bytes]") -> int:
    """A bit-string as an integer whose lowest bit is the first of the string."""
    count, octets = bits
    mask = 0
    for number in range(count):
        if octets[number >> 3] >> (7 - (number & 7)) & 1:
            mask |= 1 << number
    return mask


def _times(octets: bytes) -> "tuple[int, ...]":
    """The seconds of the day that a time of four octets means."""
    time = parse_time(octets)
    second = 0 if time.second == ANY else time.second
    hours = range(24) if time.hour == ANY else (time.hour,)
    minutes = range(60) if time.minute == ANY else (time.minute,)
    return tuple([hour * 3600 + minute * 60 + second for hour in hours for minute in minutes])


def parse_schedule(data: bytes) -> "list[Entry]":
    """The entries of a schedule's attribute 2 as A-XDR. One that is disabled, or is no date or time, never switches."""
    entries = []
    for _, row in decode_whole(data)[1]:
        try:
            times = _times(row[4][1]) if row[1][1] else ()
            begin = parse_date(row[8][1])
            end = parse_date(row[9][1])
        except DecodeError:
            times = ()
            begin = end = Date(ANY_YEAR, ANY, ANY)
        entries.append(Entry(row[2][1], row[3][1], times, _mask(row[6][1]), _mask(row[7][1]), begin, end))
    return entries


def parse_special_days(data: bytes) -> "SpecialDays":
    """The table of a special days table's attribute 2 as A-XDR; a row that is no date is no day."""
    rows = []
    for _, row in decode_whole(data)[1]:
        try:
            rows.append((parse_date(row[1][1]), row[2][1]))
        except DecodeError:
            continue
    return SpecialDays(rows)


def entries_of(entries: "list[Entry]", special_days: "SpecialDays", day: int) -> "list[Entry]":
    """Those of the entries that switch on `day` (days since 2000-01-01), in the order of the table."""
    ids = special_days.ids(day)
    special = 0
    for number in ids:
        if number:
            special |= 1 << (number - 1)
    week = 0 if ids else 1 << ((day + 5) % 7)
    return [
        entry
        for entry in entries
        if (entry.weekdays & week or entry.special_days & special) and entry.times and entry.lasts(day)
    ]


def _reach(entries: "list[Entry]") -> "tuple[int, int]":
    """The first and the last day that any entry's dates reach."""
    earliest = _NEVER
    latest = -_NEVER
    for entry in entries:
        if entry.times:
            earliest = min(earliest, entry.first_day)
            latest = max(latest, entry.last_day)
    return earliest, latest


def last_switch(
    entries: "list[Entry]", special_days: "SpecialDays", now_s: int
) -> "tuple[int, Entry] | None":
    """When it switched last, at `now_s` or before (seconds since 2000), and the entry; None: not in HORIZON_DAYS."""
    limit = now_s
    day = now_s // DAY_S
    stop = day - HORIZON_DAYS
    earliest, latest = _reach(entries)
    if latest < day:
        day = latest
        stop = day - HORIZON_DAYS
    stop = max(stop, earliest, 0)
    while day >= stop:
        best = -1
        chosen = None
        for entry in entries_of(entries, special_days, day):
            for second in entry.times:
                if second >= best and day * DAY_S + second <= limit:
                    best = second
                    chosen = entry
        if chosen is not None:
            return day * DAY_S + best, chosen
        day -= 1
    return None


def next_switch(
    entries: "list[Entry]", special_days: "SpecialDays", now_s: int
) -> "tuple[int, Entry] | None":
    """When it switches next, after `now_s` (seconds since 2000), and the entry; None when not in HORIZON_DAYS."""
    day = now_s // DAY_S
    earliest, latest = _reach(entries)
    if earliest > day:
        day = earliest
    stop = min(day + HORIZON_DAYS, latest)
    while day <= stop:
        best = DAY_S
        chosen = None
        for entry in entries_of(entries, special_days, day):
            for second in entry.times:
                if second <= best and day * DAY_S + second > now_s:
                    best = second
                    chosen = entry
                    break
        if chosen is not None:
            return day * DAY_S + best, chosen
        day += 1
    return None
