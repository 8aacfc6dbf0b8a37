"""What a tester writes as `field=value`, as the A-XDR octets of a command.

The types are those of tools/gen_fields.py. A field of a simple type is written as text; an array as JSON, as @FILE with
JSON in it, or, when its elements have one part to fill in, as values with commas between them.

    i8 i16 i32 u8 u16 u32 enum   12, -3, 0x1164
    money                        millipence as they are, or £1.20, or 120p
    bool                         true, false, yes, no, on, off, 1, 0
    text, visible                the characters; octets: hexadecimal
    bits(n)                      0b1010..., 0x..., none, all, or weekdays: mon,tue (bit 1 is Monday)
    date-time, when              2030-01-15T09:00:00Z, 2030-01-15, *-03-29, now, +2h, -30m, +7d, cancel
    date, time                   2030-01-15, *-12-25, *-*-01; 09:00, 09:00:30
    eui-64, obis                 00DB1234567890A0; 0-0:19.20.0.255
Any of these may be given as 0x and the hexadecimal of its octets, which are taken as they are.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from slotmeter.boards.pc.errors import SlotmeterError
from slotmeter.dlms import axdr, dates, obis
from slotmeter.dlms.errors import DecodeError, EncodeError

Node = tuple[Any, ...]

_TAGS = {
    "i8": axdr.INTEGER,
    "i16": axdr.LONG,
    "i32": axdr.DOUBLE_LONG,
    "money": axdr.DOUBLE_LONG,
    "u8": axdr.UNSIGNED,
    "u16": axdr.LONG_UNSIGNED,
    "u32": axdr.DOUBLE_LONG_UNSIGNED,
    "enum": axdr.ENUM,
    "visible": axdr.VISIBLE_STRING,
}
_BOUNDS = {
    "i8": (-128, 127),
    "i16": (-32768, 32767),
    "i32": (-(2**31), 2**31 - 1),
    "money": (-(2**31), 2**31 - 1),
    "u8": (0, 255),
    "u16": (0, 65535),
    "u32": (0, 2**32 - 1),
    "enum": (0, 255),
}
_SIZES = {"date-time": 12, "when": 12, "date": 5, "time": 4, "eui-64": 8, "obis": 6}
_BOOLS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_RELATIVE = re.compile(r"([+-])(\d{1,9})([smhd])")
_DATE = re.compile(r"(\d{4}|\*)-(\d{1,2}|\*)-(\d{1,2}|\*|last)")
_TIME = re.compile(r"(\d{1,2}):(\d{1,2})(?::(\d{1,2}))?(Z?)")
EXAMPLES = {
    "money": "£1.20",
    "bool": "true",
    "bits": "0b1010",
    "octets": "01FF",
    "text": "some text",
    "visible": "some text",
    "date-time": "2030-01-15T09:00:00Z",
    "when": "2030-01-15T09:00:00Z",
    "date": "2030-01-15",
    "time": "09:00",
    "eui-64": "00DB1234567890A5",
    "obis": "0-0:19.20.0.255",
}


class BadValue(Exception):
    """A value that does not fit; the caller knows the field and says so."""


def parse_time(text: str, now_s: int) -> int:
    """Seconds since 2000 of an ISO 8601 time in UTC, a date, `now`, or a distance from now such as -2h."""
    seconds = dates.to_seconds(_moment(text, now_s))
    if seconds is None:
        raise BadValue("not one moment: write 2030-01-15T09:00:00Z, 2030-01-15, now or -2h")
    return seconds


def _moment(text: str, now_s: int) -> bytes:
    """Twelve octets of a date-time; `now` is the moment it is."""
    if text == "now":
        return dates.from_seconds(now_s)
    if text == "cancel":
        return dates.CANCEL
    relative = _RELATIVE.fullmatch(text)
    if relative:
        distance = int(relative[2]) * _UNITS[relative[3]]
        try:
            return dates.from_seconds(now_s + (distance if relative[1] == "+" else -distance))
        except EncodeError as error:
            raise BadValue(str(error)) from None
    day, _, clock = text.replace(" ", "T").partition("T")
    return _date(day) + _time(clock or "00:00:00") + b"\x80\x00\xff"


def _date(text: str) -> bytes:
    found = _DATE.fullmatch(text)
    if not found:
        raise BadValue("not a date: write 2030-01-15, or * for a part that does not matter")
    year = dates.ANY_YEAR if found[1] == "*" else int(found[1])
    month = dates.ANY if found[2] == "*" else int(found[2])
    day = dates.ANY if found[3] == "*" else 0xFE if found[3] == "last" else int(found[3])
    octets = bytes((year >> 8, year & 255, month, day, dates.ANY))
    try:
        dates.parse_date(octets)
    except DecodeError as error:
        raise BadValue("no such date: %s" % error.reason) from None
    return octets


def _time(text: str) -> bytes:
    found = _TIME.fullmatch(text)
    if not found:
        raise BadValue("not a time: write 09:00 or 09:00:30")
    octets = bytes((int(found[1]), int(found[2]), int(found[3] or 0), 0))
    try:
        dates.parse_time(octets)
    except DecodeError as error:
        raise BadValue("no such time: %s" % error.reason) from None
    return octets


def _integer(kind: str, raw: Any) -> int:
    if isinstance(raw, bool) or not isinstance(raw, (int, str)):
        raise BadValue("not a whole number")
    if isinstance(raw, int):
        value = raw
    else:
        text = raw.strip().replace("_", "")
        try:
            if kind == "money" and (text.lstrip("-").startswith("£") or text.endswith("p")):
                return _check(kind, _money(text))
            value = int(text, 0)
        except ValueError:
            raise BadValue("not a whole number") from None
    return _check(kind, value)


def money(raw: Any) -> int:
    """Millipence of £1.20, 120p or a number; BadValue for anything else."""
    return _integer("money", raw)


def _money(text: str) -> int:
    """Millipence of £1.20 or 120p."""
    sign = -1 if text.startswith("-") else 1
    digits = text.lstrip("-").strip("£p")
    whole, _, part = digits.partition(".")
    places = 5 if "£" in text else 3
    if not (whole + part).isdigit() or len(part) > places:
        raise ValueError("not an amount")
    return sign * int((whole or "0") + part.ljust(places, "0"))


def _check(kind: str, value: int) -> int:
    low, high = _BOUNDS[kind]
    if not low <= value <= high:
        raise BadValue("not within %d to %d" % (low, high))
    return value


def _bits(raw: Any, low: int, high: int) -> "tuple[int, bytes]":
    """(number of bits, octets) of 0b.., 0x.., none, all or weekdays."""
    text = str(raw).strip().lower()
    if text == "none":
        return low, bytes((low + 7) // 8)
    if text == "all":
        text = "0b" + "1" * high
    if high == 7 and text.split(",")[0] in _WEEKDAYS:
        days = text.split(",")
        if not all(day in _WEEKDAYS for day in days):
            raise BadValue("not weekdays: write mon,tue,wed,thu,fri,sat,sun")
        text = "0b" + "".join("1" if day in days else "0" for day in _WEEKDAYS)
    if text.startswith("0b") and all(bit in "01" for bit in text[2:]):
        digits = text[2:]
    elif text.startswith("0x"):
        digits = "".join("{:08b}".format(octet) for octet in _hex(text[2:]))
        if len(digits) - 7 <= high < len(digits):
            digits = digits[:high]
    else:
        raise BadValue("not bits: write 0b1010, 0x..., none or all")
    if not low <= len(digits) <= high:
        raise BadValue("%d bits instead of %s" % (len(digits), low if low == high else "%d to %d" % (low, high)))
    padded = digits + "0" * (-len(digits) % 8)
    return len(digits), int(padded or "0", 2).to_bytes(len(padded) // 8, "big")


def _hex(text: str) -> bytes:
    try:
        return bytes.fromhex(text.replace(":", ""))
    except ValueError:
        raise BadValue("not hexadecimal") from None


def _leaf(node: Node, raw: Any, now_s: int, when: bytes) -> "axdr.Value":
    """One simple value, from text or from JSON."""
    kind, _, low, high, _ = node
    if kind in _BOUNDS:
        return _TAGS[kind], _integer(kind, raw)
    if kind == "bool":
        truth = raw if isinstance(raw, bool) else _BOOLS.get(str(raw).strip().lower())
        if truth is None:
            raise BadValue("neither true nor false")
        return axdr.BOOLEAN, truth
    if kind == "bits":
        return axdr.BIT_STRING, _bits(raw, low, high)
    if not isinstance(raw, str):
        raise BadValue("not text")
    text = raw.strip()
    size = _SIZES.get(kind)
    if text.lower().startswith("0x") and kind != "octets":
        octets = _hex(text[2:])
    elif kind == "octets":
        octets = _hex(text[2:] if text.lower().startswith("0x") else text)
    elif kind in ("text", "visible"):
        octets = raw.encode("utf-8") if kind == "text" else _ascii(raw)
    elif kind == "when":
        octets = when if text == "" else dates.NOW if text == "now" else _moment(text, now_s)
    elif kind == "date-time":
        octets = _moment(text, now_s)
    elif kind == "date":
        octets = _date(text)
    elif kind == "time":
        octets = _time(text)
    elif kind == "eui-64":
        octets = _hex(text.replace("-", ""))
    else:
        octets = obis.parse(text)
    low, high = (size, size) if size is not None else (low, high)
    if not low <= len(octets) <= high:
        wanted = str(low) if low == high else "%d to %d" % (low, high)
        raise BadValue("%d octets instead of %s" % (len(octets), wanted))
    return _TAGS.get(kind, axdr.OCTET_STRING), octets


def _ascii(text: str) -> bytes:
    try:
        return text.encode("ascii")
    except UnicodeEncodeError:
        raise BadValue("only ASCII characters can be shown there") from None


def describe(node: Node) -> str:
    """A type as --fields shows it."""
    kind = node[0]
    if kind == "structure":
        return "{" + ", ".join(describe(child) for child in node[2] if named(child)) + "}"
    if kind == "array":
        low, high = node[3], node[4]
        element = node[2]
        free = [part for part in parts(element) if part[0] == "array" or part[4] is None]
        inner = describe(element) if element[0] == "structure" else describe_leaf(element)
        each = "%s or %s" % (describe_leaf(free[0]), inner) if element[0] == "structure" and len(free) == 1 else inner
        return "list of %s: %s" % (low if low == high else "%d to %d" % (low, high), each)
    return "%s %s" % (node[1], describe_leaf(node)) if node[1] else describe_leaf(node)


def describe_leaf(node: Node) -> str:
    """A simple type without its name."""
    if node[0] in ("structure", "array"):
        return describe(node)
    kind, _, low, high, _ = node
    if not high or kind in _SIZES:
        return str(kind)
    return "%s(%s)" % (kind, low if low == high else "%d..%d" % (low, high))


def named(node: Node) -> bool:
    """Whether a tester can fill in anything of `node`."""
    if node[1]:
        return True
    if node[0] == "structure":
        return any(named(child) for child in node[2])
    return node[0] == "array" and named(node[2])


def parts(node: Node) -> "list[Node]":
    """The fields that `node` brings to the level it stands on: what lies within a named array is a level of its own."""
    if node[1]:
        return [node]
    if node[0] == "structure":
        return [field for child in node[2] for field in parts(child)]
    if node[0] == "array":
        return parts(node[2])
    return []


class Filler:
    """Puts values into the nodes of one command.

    now_s: what `now` and distances from it mean; when: the octets for activation times that are not given themselves.
    """

    def __init__(self, now_s: int, when: bytes) -> None:
        self._now_s = now_s
        self._when = when
        # How many special days the command carries: schedules have a bit for each.
        self._special_days = 0

    def octets(self, node: Node, given: "dict[str, Any]") -> bytes:
        """The A-XDR of `node` with the fields of `given`; SlotmeterError names the field that does not fit."""
        return axdr.encode(self._value(node, given, 0, ""))

    def _value(self, node: Node, given: "dict[str, Any]", place: int, path: str) -> "axdr.Value":
        kind, name = node[0], node[1]
        if kind == "structure":
            return axdr.STRUCTURE, [self._value(child, given, place, path) for child in node[2]]
        if kind == "array":
            return self._array(node, given, place, path)
        at = path + name
        # A constant may be octets, and those are never compared with text.
        derived = node[4] if isinstance(node[4], str) else ""
        if name in given:
            raw = given[name]
        elif derived == "#":
            return self._numbered(node, place)
        elif derived == "*":
            count = self._special_days
            return axdr.BIT_STRING, (count, bytes((count + 7) // 8))
        elif node[4] is not None:
            return _constant(node)
        elif kind == "when":
            raw = ""
        else:
            raise SlotmeterError("field %s is missing: give it as %s=%s" % (at, at, EXAMPLES.get(kind, "12")))
        return self._named(at, node, lambda: _leaf(node, raw, self._now_s, self._when), raw)

    def _named(self, at: str, node: Node, make: "Callable[[], axdr.Value]", raw: Any) -> "axdr.Value":
        try:
            return make()
        except BadValue as error:
            shown = str(raw) if len(str(raw)) <= 40 else str(raw)[:37] + "..."
            raise SlotmeterError("field %s=%s: %s (it is %s)" % (at, shown, error, describe_leaf(node))) from None
        except (EncodeError, ValueError) as error:
            raise SlotmeterError("field %s: %s (it is %s)" % (at, error, describe_leaf(node))) from None

    def _numbered(self, node: Node, place: int) -> "axdr.Value":
        if node[0] == "octets":
            return axdr.OCTET_STRING, bytes((place,))
        return _TAGS[node[0]], place

    def _array(self, node: Node, given: "dict[str, Any]", place: int, path: str) -> "axdr.Value":
        _, name, element, low, high = node
        if not name:
            return axdr.ARRAY, [self._value(element, given, 1, path)]
        at = path + name
        if name not in given:
            raise SlotmeterError("field %s is missing: it is %s" % (at, describe(node)))
        rows = _rows(at, given[name])
        if not low <= len(rows) <= high:
            raise SlotmeterError("field %s has %d elements, it is %s" % (at, len(rows), describe(node)))
        fields = {field[1]: field for field in parts(element)}
        values = []
        for number, row in enumerate(rows, 1):
            values.append(
                self._value(element, self._row(at, number, row, element, fields), number, "%s[%d]." % (at, number))
            )
        if name == "special_days":
            self._special_days = len(rows)
        return axdr.ARRAY, values

    def _row(self, at: str, number: int, row: Any, element: Node, fields: "dict[str, Node]") -> "dict[str, Any]":
        """One element's own fields."""
        if isinstance(row, dict):
            for key in row:
                if key not in fields:
                    raise SlotmeterError(
                        "field %s[%d] has no part %s; its parts are %s" % (at, number, key, ", ".join(fields))
                    )
            return row
        if element[0] not in ("structure", "array"):
            return {"": row}
        free = [key for key in fields if fields[key][0] == "array" or fields[key][4] is None]
        if len(free) != 1:
            raise SlotmeterError("field %s[%d] needs its parts by name: %s" % (at, number, ", ".join(fields)))
        return {free[0]: row}


def _constant(node: Node) -> "axdr.Value":
    """The value that a node always has."""
    kind, _, _, high, value = node
    if kind in _BOUNDS:
        return _TAGS[kind], value
    if kind == "bool":
        return axdr.BOOLEAN, bool(value)
    if kind == "bits":
        return axdr.BIT_STRING, (high, value)
    return _TAGS.get(kind, axdr.OCTET_STRING), value


def _rows(at: str, raw: Any) -> "list[Any]":
    """The elements of an array: a list, JSON, @FILE with JSON, or values with commas."""
    if isinstance(raw, str):
        text = raw.strip()
        if text.startswith("@"):
            try:
                text = Path(text[1:]).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError):
                raise SlotmeterError("field %s: cannot read the file %s" % (at, text[1:])) from None
        if text.startswith(("[", "{")):
            try:
                raw = json.loads(text)
            except (ValueError, RecursionError):
                raise SlotmeterError("field %s: not JSON; see --fields for an example" % at) from None
        else:
            raw = [part.strip() for part in text.split(",")] if text else []
    return raw if isinstance(raw, list) else [raw]
