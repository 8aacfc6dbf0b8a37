"""Reads a file of measured half-hours, for `slotmeter.hal.virtual.house.LoadFile`.

The file is CSV in UTF-8, one half-hour a line, without a gap:

    start,import_wh,export_wh
    2015-01-01T00:00:00Z,212,0
    2015-01-01T00:30:00Z,198,0

start is the beginning of the half-hour in UTC; the energies are whole Wh. The first line is these three names. Empty
lines and lines that begin with # are passed over. Anything else that is wrong is refused, with its line.
"""

import datetime as dt
from pathlib import Path

from slotmeter.boards.pc.errors import SlotmeterError

HALF_HOUR_S = 1800
_EPOCH = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
_TIME = "%Y-%m-%dT%H:%M:%SZ"
HEADER = "start,import_wh,export_wh"
# More than three phases of 100 A at 253 V can carry in half an hour.
MOST_WH = 37950
# Twenty years; a line is then at most some fifty octets.
MOST_ROWS = 20 * 17568
_MOST_OCTETS = 64 * MOST_ROWS


def read_load_file(path: "str | Path") -> "list[tuple[int, int, int]]":
    """(start in seconds since 2000, import in Wh, export in Wh) of every half-hour, in order and without a gap.

    SlotmeterError with the file, the number of the line and what to do about it.
    """
    try:
        with Path(path).open("rb") as file:
            octets = file.read(_MOST_OCTETS + 1)
    except OSError as error:
        raise SlotmeterError(f"{path}: {error.strerror or error}") from error
    if len(octets) > _MOST_OCTETS:
        raise SlotmeterError(f"{path}: longer than {MOST_ROWS} half-hours can be")
    try:
        text = octets.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        at = octets[: error.start].count(b"\n") + 1
        raise SlotmeterError(f"{path}, line {at}: not UTF-8 text") from error
    rows: list[tuple[int, int, int]] = []
    header = False
    for number, whole in enumerate(text.split("\n"), 1):
        line = whole.strip()
        if not line or line.startswith("#"):
            continue
        try:
            if not header:
                _check_header(line)
                header = True
                continue
            if len(rows) == MOST_ROWS:
                raise ValueError(f"more than {MOST_ROWS} half-hours")
            rows.append(_row(line, rows[-1][0] if rows else None))
        except ValueError as error:
            raise SlotmeterError(f"{path}, line {number}: {error}") from error
    if not rows:
        raise SlotmeterError(f"{path}: no half-hours; the first line is {HEADER}, then one line for each")
    return rows


def _check_header(line: str) -> None:
    if [name.strip().lower() for name in line.split(",")] != HEADER.split(","):
        raise ValueError(f"the first line is {HEADER}")


def _row(line: str, before_s: "int | None") -> "tuple[int, int, int]":
    """One line; ValueError says what is wrong with it. before_s: the start of the half-hour before."""
    fields = [field.strip() for field in line.split(",")]
    if len(fields) != 3:
        raise ValueError(f"{len(fields)} fields instead of 3: {HEADER}")
    start_s = _seconds(fields[0])
    if start_s % HALF_HOUR_S:
        raise ValueError(f"{fields[0]} is not the beginning of a half-hour")
    if before_s is not None and start_s != before_s + HALF_HOUR_S:
        expected = (_EPOCH + dt.timedelta(seconds=before_s + HALF_HOUR_S)).strftime(_TIME)
        if start_s <= before_s:
            raise ValueError(f"{fields[0]} is not after the line before; {expected} comes next")
        missing = (start_s - before_s) // HALF_HOUR_S - 1
        raise ValueError(f"a gap of {missing} half-hours: {expected} comes next")
    return start_s, _energy(fields[1], "import_wh"), _energy(fields[2], "export_wh")


def _seconds(field: str) -> int:
    try:
        moment = dt.datetime.strptime(field, _TIME).replace(tzinfo=dt.UTC)
    except ValueError as error:
        raise ValueError(f"{field[:40]!r} is not a time such as 2015-01-01T00:00:00Z") from error
    if moment < _EPOCH:
        raise ValueError(f"{field} is before 2000")
    return int((moment - _EPOCH).total_seconds())


def _energy(field: str, name: str) -> int:
    digits = field.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()):
        raise ValueError(f"{name} is a whole number of Wh, not {field[:20]!r}")
    if field.startswith("-"):
        raise ValueError(f"{name} is negative; what is fed in goes into export_wh")
    # A number of any length would take any time to read.
    if len(digits) > 9 or int(digits) > MOST_WH:
        raise ValueError(f"{name} of {field[:20]} Wh in half an hour: at most {MOST_WH}, is it kWh or a reading?")
    return int(digits)
