"""Calendar 0x0707: when which tier of the tariff is in force (Smart Energy 1.4, annex D.9).

A display asks for the calendar, and then for its days, weeks, seasons and special days by the number of the calendar.
What changes it comes through the tunnel. A part of a date that is not given means every.
"""

from slotmeter.zigbee_han import zcl
from slotmeter.zigbee_han.clusters.values import Tables, Values
from slotmeter.zigbee_han.server import INVALID, Cluster, Message

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

CALENDAR = 0x0707

GET_CALENDAR = 0
GET_DAY_PROFILES = 1
GET_WEEK_PROFILES = 2
GET_SEASONS = 3
GET_SPECIAL_DAYS = 4
GET_CANCELLATION = 5
PUBLISH_CALENDAR = 0
PUBLISH_DAY_PROFILE = 1
PUBLISH_WEEK_PROFILE = 2
PUBLISH_SEASONS = 3
PUBLISH_SPECIAL_DAYS = 4

# Calendar type: delivered. Time reference: UTC.
_DELIVERED = 0
_ANY_TYPE = 0xFF
_UTC = 0
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
# How many go in one command of 128 octets: switching times of three octets, seasons and special days of five.
_TIMES_AT_ONCE = 32
_DATES_AT_ONCE = 18
# An answer takes no more frames than a queue holds.
_COMMANDS = 60


def _parts(rows: "list[Any]", at_once: int) -> "list[list[Any]]":
    """The rows as lists of at most `at_once`; one empty list when there are none."""
    return [rows[start : start + at_once] for start in range(0, max(1, len(rows)), at_once)]


class Calendar(Cluster):
    """The server."""

    def __init__(self, values: Values) -> None:
        super().__init__(CALENDAR)
        self._values = values

    def _head(self, tables: Tables) -> "dict[str, Any]":
        supplier = self._values.supplier()
        provider = 0 if supplier is None or supplier is INVALID else int(supplier[0])
        return {"provider_id": provider, "issuer_event_id": tables.since_s, "issuer_calendar_id": tables.number}

    def command(self, message: Message, which: int, fields: "dict[str, Any]", now_ms: int) -> "Any":
        """See Cluster."""
        tables = self._values.calendar()
        if which == GET_CANCELLATION or tables is None:
            return zcl.NOT_FOUND
        if which == GET_CALENDAR:
            wrong = fields["calendar_type"] not in (_DELIVERED, _ANY_TYPE)
            return zcl.NOT_FOUND if wrong else self._calendar(tables)
        if fields["issuer_calendar_id"] != tables.number:
            return zcl.NOT_FOUND
        if which == GET_DAY_PROFILES:
            told = self._days(tables, fields["start_day_id"], fields["number_of_days"])
        elif which == GET_WEEK_PROFILES:
            told = self._weeks(tables, fields["start_week_id"], fields["number_of_weeks"])
        elif which == GET_SEASONS:
            told = self._seasons(tables)
        elif which == GET_SPECIAL_DAYS:
            told = self._special_days(tables, fields["number_of_events"])
        else:
            return zcl.UNSUPPORTED_CLUSTER_COMMAND
        return told[:_COMMANDS] or zcl.NOT_FOUND

    def _calendar(self, tables: Tables) -> "Any":
        values = self._head(tables)
        values["start_time"] = tables.since_s
        values["calendar_type"] = _DELIVERED
        values["calendar_time_reference"] = _UTC
        values["calendar_name"] = tables.name
        values["number_of_seasons"] = len(tables.seasons)
        values["number_of_week_profiles"] = len(tables.weeks)
        values["number_of_day_profiles"] = len(tables.days)
        return [(PUBLISH_CALENDAR, values)]

    def _days(self, tables: Tables, first: int, most: int) -> "list[Any]":
        told = []  # type: list[Any]
        found = [row for row in tables.days if row[0] >= first]
        for number, times in found[:most] if most else found:
            parts = _parts(times, _TIMES_AT_ONCE)
            for index, part in enumerate(parts):
                values = self._head(tables)
                values["day_id"] = number
                values["number_of_schedule_entries"] = len(times)
                values["command_index"] = index
                values["number_of_commands"] = len(parts)
                values["calendar_type"] = _DELIVERED
                values["entries"] = [{"start_time": minute, "tier_or_enable": tier} for minute, tier in part]
                told.append((PUBLISH_DAY_PROFILE, values))
        return told

    def _weeks(self, tables: Tables, first: int, most: int) -> "list[Any]":
        told = []  # type: list[Any]
        found = [row for row in tables.weeks if row[0] >= first]
        for number, days in found[:most] if most else found:
            values = self._head(tables)
            values["week_id"] = number
            for name, day in zip(_WEEKDAYS, days):
                values[name] = day
            told.append((PUBLISH_WEEK_PROFILE, values))
        return told

    def _seasons(self, tables: Tables) -> "list[Any]":
        told = []  # type: list[Any]
        parts = _parts(tables.seasons, _DATES_AT_ONCE)
        for index, part in enumerate(parts):
            values = self._head(tables)
            values["command_index"] = index
            values["number_of_commands"] = len(parts)
            values["seasons"] = [{"start_date": list(date), "week_id": week} for date, week in part]
            told.append((PUBLISH_SEASONS, values))
        return told

    def _special_days(self, tables: Tables, most: int) -> "list[Any]":
        rows = tables.special_days[:most] if most else tables.special_days
        told = []  # type: list[Any]
        parts = _parts(rows, _DATES_AT_ONCE)
        for index, part in enumerate(parts):
            values = self._head(tables)
            values["start_time"] = tables.since_s
            values["calendar_type"] = _DELIVERED
            values["number_of_special_days"] = len(rows)
            values["command_index"] = index
            values["number_of_commands"] = len(parts)
            values["days"] = [{"date": list(date), "day_id": day} for date, day in part]
            told.append((PUBLISH_SPECIAL_DAYS, values))
        return told
