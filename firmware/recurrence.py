"""Dates with wild-cards as calendars hold them: which days they mean, when they come next, when they came last.

    date, 5 octets   year(2) month day weekday; FFFF and FF mean every; day FE the last, FD the last but one of a month
    time, 4 octets   hour minute second hundredths; FF means every hour or minute, a second FF counts as 0

Dates of daylight savings (months FE, FD) and impossible ones mean no day at all: no clock of GBCS has them, and a
calendar is stored as it was sent. Days are counted from 2000-01-01, seconds from its midnight, all UTC.
"""

from slotmeter.dlms.dates import (
    ANY,
    ANY_YEAR,
    DAY_S,
    LAST_DAY,
    SECOND_LAST_DAY,
    date_from_days,
    days_from_date,
    days_in_month,
    weekday,
)

# How far the next day of an execution time is looked for: over one 29 February that a century leaves out.
_AHEAD_DAYS = 8 * 366
# How far back the last day of a date that is not fixed is looked for: over one leap day.
_BACK_DAYS = 4 * 366


def matches(date: bytes, year: int, month: int, day: int, week: int) -> bool:
    """Whether a date of five octets means this day; week: 1 Monday to 7 Sunday."""
    wanted = date[0] << 8 | date[1]
    if wanted != ANY_YEAR and wanted != year:
        return False
    if date[2] != ANY and date[2] != month:
        return False
    if date[4] != ANY and date[4] != week:
        return False
    wanted = date[3]
    if wanted in (ANY, day):
        return True
    if wanted == LAST_DAY:
        return day == days_in_month(year, month)
    return wanted == SECOND_LAST_DAY and day == days_in_month(year, month) - 1


def on_day(date: bytes, days: int) -> bool:
    """Whether a date of five octets means the day that is `days` after 2000-01-01."""
    year, month, day = date_from_days(days)
    return matches(date, year, month, day, weekday(days))


def latest(date: bytes, days: int) -> "int | None":
    """The last day, up to and with `days`, that the date means; None when there was none within four years.

    A date without wild-cards is found however long ago it was.
    """
    year = date[0] << 8 | date[1]
    if year != ANY_YEAR and 1 <= date[2] <= 12 and 1 <= date[3] <= 31:
        fixed = days_from_date(year, date[2], date[3])
        return fixed if fixed <= days and on_day(date, fixed) else None
    for back in range(_BACK_DAYS):
        if on_day(date, days - back):
            return days - back
    return None


def time_of_day(time: bytes) -> "int | None":
    """Seconds since midnight of a time of four octets; None when hour or minute is wild-carded or out of range."""
    second = 0 if time[2] == ANY else time[2]
    if time[0] > 23 or time[1] > 59 or second > 59:
        return None
    return time[0] * 3600 + time[1] * 60 + second


def _after(time: bytes, least: int) -> "int | None":
    """The first second of a day, `least` or later, that a time means."""
    second = 0 if time[2] == ANY else time[2]
    if second > 59 or (time[0] > 23 and time[0] != ANY) or (time[1] > 59 and time[1] != ANY):
        return None
    for hour in range(24) if time[0] == ANY else (time[0],):
        if hour * 3600 + 3599 < least:
            continue
        for minute in range(60) if time[1] == ANY else (time[1],):
            found = hour * 3600 + minute * 60 + second
            if found >= least:
                return found
    return None


def next_execution(entries: "tuple[tuple[bytes, bytes], ...]", after_s: int) -> "int | None":
    """The first second later than `after_s` that one of the execution times (time, date) of a schedule means.

    None when there is none within eight years.
    """
    if not entries:
        return None
    first = (after_s + 1) // DAY_S
    least = after_s + 1 - first * DAY_S
    for days in range(first, first + _AHEAD_DAYS):
        year, month, day = date_from_days(days)
        week = weekday(days)
        best = -1
        for time, date in entries:
            if matches(date, year, month, day, week):
                found = _after(time, least)
                if found is not None and (best < 0 or found < best):
                    best = found
        if best >= 0:
            return days * DAY_S + best
        least = 0
    return None
