"""The tariff: which register an activity calendar has selected, and what a kilowatt-hour costs there.

    scripts 1 to 48      time-of-use registers of the primary element
    scripts 101 to 108   time-of-use rows with four blocks each
    scripts 201 to 204   time-of-use registers of the secondary element (RTDS ECS01c)

A day's profile is that of the first special day whose date means it, else that of its weekday in the week of the
season. A season runs from the day it starts until another starts; before the first of all it is the one that starts
first. Before the first switching time of a day goes on what was selected the day before. An entry whose script selects
no register changes nothing.

The randomised offset delays every switching, and with it the beginning of days and seasons, by the same seconds.
Source: SMETS2 5.7.4.48, 5.7.4.47, 5.7.4.50, GBCS mapping table ECS01a; facts 3.2.
"""

from slotmeter.dlms.axdr import decode_whole
from slotmeter.dlms.dates import DAY_S, date_from_days, weekday
from slotmeter.firmware.recurrence import latest, matches, on_day, time_of_day

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from slotmeter.dlms.cosem.tree import Tree

TOU_REGISTERS = 48
FIRST_BLOCK_SCRIPT = 101
BLOCK_ROWS = 8
BLOCKS = 4
FIRST_SECONDARY_SCRIPT = 201
SECONDARY_REGISTERS = 4

# Price indexes of block rows (GBCS mapping table): A1 to A8 in block 1, B1 to B8 in block 2, and so on.
_FIRST_BLOCK_INDEX = 0xA1
# Days without a switching time that are looked back over for what was selected last.
_IDLE_DAYS = 31
_UNUSED_THRESHOLD = 0xFFFFFFFF


def primary_script(script: int) -> bool:
    """Whether a script selects a register of the primary element."""
    return 1 <= script <= TOU_REGISTERS or FIRST_BLOCK_SCRIPT <= script < FIRST_BLOCK_SCRIPT + BLOCK_ROWS


def secondary_script(script: int) -> bool:
    """Whether a script selects a register of the secondary element."""
    return FIRST_SECONDARY_SCRIPT <= script < FIRST_SECONDARY_SCRIPT + SECONDARY_REGISTERS


class Calendar:
    """An activity calendar (interface class 20) and its special days (11).

    calendar, days: OBIS of the two; selects: whether a script is one of its element's; script: what is selected at
    first, and when nothing ever was.
    """

    def __init__(self, tree: "Tree", calendar: bytes, days: bytes, selects: "Any", script: int) -> None:
        self._tree = tree
        self._keys = (
            b"\x00\x14" + calendar + b"\x03",
            b"\x00\x14" + calendar + b"\x04",
            b"\x00\x14" + calendar + b"\x05",
            b"\x00\x0b" + days + b"\x02",
        )
        self._selects = selects
        self._first = script
        self._octets: list[bytes] = []
        # Start date and week name.
        self._seasons: list[tuple[bytes, bytes]] = []
        # Day numbers of Monday to Sunday.
        self._weeks: dict[bytes, list[int]] = {}
        # Second of the day and script, in order of time.
        self._days: dict[int, list[tuple[int, int]]] = {}
        # Date and day number.
        self._special: list[tuple[bytes, int]] = []
        # The day that is at hand: its switching times, and what was selected before the first of them.
        self._day: int | None = None
        self._entries: list[tuple[int, int]] = []
        self._before = script
        # When the season of each started last, as seen from day `_starts_on`.
        self._starts: list[int | None] = []
        self._starts_on: int | None = None
        # When `script` may give another answer.
        self.until_s = 0

    def load(self) -> bool:
        """Reads the tables; whether any is another than before."""
        octets = [self._tree.value(key) for key in self._keys]
        if octets == self._octets:
            return False
        self._octets = octets
        seasons, weeks, days, special = [decode_whole(each)[1] for each in octets]
        self._seasons = [(row[1][1][1][:5], row[1][2][1]) for row in seasons]
        self._weeks = {}
        for row in weeks:
            self._weeks[row[1][0][1]] = [day[1] for day in row[1][1:]]
        self._days = {}
        for row in days:
            self._days[row[1][0][1]] = self._switching_times(row[1][1][1])
        self._special = [(row[1][1][1], row[1][2][1]) for row in special]
        self._day = None
        self._starts_on = None
        return True

    def _switching_times(self, rows: "list[Any]") -> "list[tuple[int, int]]":
        """Those of a day profile that select a register, in order; of two at one time the later in the table."""
        found: dict[int, int] = {}
        for row in rows:
            start = time_of_day(row[1][0][1])
            script = row[1][2][1]
            if start is not None and self._selects(script):
                found[start] = script
        return sorted(found.items())

    def tables(self) -> "tuple[Any, Any, Any, Any]":
        """What `load` read: seasons, (date, week name); weeks, {name: days}; days, {number: [(second, script)]}; and
        special days, (date, day number).
        """
        return self._seasons, self._weeks, self._days, self._special

    def script(self, now_s: int) -> int:
        """What is selected at this second; sets `until_s`."""
        day = now_s // DAY_S
        if day != self._day:
            self._open(day)
        second = now_s - day * DAY_S
        script = self._before
        for start, selected in self._entries:
            if start > second:
                self.until_s = day * DAY_S + start
                return script
            script = selected
        self.until_s = (day + 1) * DAY_S
        return script

    def _open(self, day: int) -> None:
        """Has the switching times of a day at hand."""
        if self._day is not None and day == self._day + 1:
            before = self._entries[-1][1] if self._entries else self._before
            self._entries = self._profile(day)
        else:
            before = self._first
            for back in range(1, _IDLE_DAYS + 1):
                entries = self._profile(day - back)
                if entries:
                    before = entries[-1][1]
                    break
            self._entries = self._profile(day)
        self._before = before
        self._day = day

    def _profile(self, days: int) -> "list[tuple[int, int]]":
        """The switching times of a day."""
        year, month, day = date_from_days(days)
        week = weekday(days)
        for date, number in self._special:
            if matches(date, year, month, day, week):
                return self._days.get(number, [])
        numbers = self._weeks.get(self._season(days))
        return self._days.get(numbers[week - 1], []) if numbers else []

    def _season(self, days: int) -> bytes:
        """The name of the week of the season that runs on a day."""
        seasons = self._seasons
        if self._starts_on != days:
            if self._starts_on is not None and self._starts_on == days - 1:
                for place in range(len(seasons)):
                    if on_day(seasons[place][0], days):
                        self._starts[place] = days
            else:
                self._starts = [latest(date, days) for date, _ in seasons]
            self._starts_on = days
        best = -1
        newest = 0
        for place in range(len(seasons)):
            start = self._starts[place]
            if start is not None and (best < 0 or start >= newest):
                best = place
                newest = start
        if best < 0:
            # None has started yet: the one with the earliest date.
            for place in range(len(seasons)):
                if best < 0 or seasons[place][0] < seasons[best][0]:
                    best = place
        return seasons[best][1] if best >= 0 else b""


class Prices:
    """The unit charge of a charge object (interface class 113): millipence for a kWh by price index."""

    def __init__(self, tree: "Tree", obis: bytes) -> None:
        self._tree = tree
        self._key = b"\x00\x71" + obis + b"\x05"
        self._octets = b""
        self._prices: dict[int, int] = {}

    def load(self) -> bool:
        """Reads the matrix; whether it is another than before."""
        octets = self._tree.value(self._key)
        if octets == self._octets:
            return False
        self._octets = octets
        scaling, _, table = decode_whole(octets)[1]
        # A price is so many 10^price_scale of the currency for 10^commodity_scale Wh; a millipence is 10^-5.
        power = scaling[1][1][1] + 5 + 3 - scaling[1][0][1]
        factor = 10**power if power > 0 else 1
        divisor = 1 if power > 0 else 10 ** abs(power)
        self._prices = {}
        for row in table[1]:
            index = row[1][0][1]
            price = row[1][1][1]
            if index:
                self._prices[index[0]] = price * factor // divisor
        return True

    def tou(self, script: int) -> int:
        """Millipence for a kWh in time-of-use register `script`, 1 or more; 0 when the matrix has none."""
        return self._prices.get(script, 0)

    def tiers(self) -> "list[int]":
        """The prices of the time-of-use registers from 1 to the last one that the matrix has a price for."""
        last = max([index for index in self._prices if index <= TOU_REGISTERS] or [0])
        return [self.tou(script) for script in range(1, last + 1)]

    def block(self, block: int, row: int) -> int:
        """Millipence for a kWh in block 0 to 3 of row 0 to 7."""
        return self._prices.get(_FIRST_BLOCK_INDEX + 16 * block + row, 0)


class Thresholds:
    """The block thresholds (interface class 21, 0-0:16.0.11 to 18): Wh in a block period, ascending, by row.

    Consumption in a row in a period counts through its blocks: what follows the n-th threshold is in block n + 1.
    """

    def __init__(self, tree: "Tree") -> None:
        self._tree = tree
        self._keys = [b"\x00\x15\x00\x00\x10\x00" + bytes((11 + row,)) + b"\xff\x02" for row in range(BLOCK_ROWS)]
        self._octets: list[bytes] = []
        self.rows: list[list[int]] = [[] for _ in range(BLOCK_ROWS)]

    def load(self) -> bool:
        """Reads the eight; whether any is another than before."""
        octets = [self._tree.value(key) for key in self._keys]
        if octets == self._octets:
            return False
        self._octets = octets
        rows = []
        for each in octets:
            row = []
            for _, threshold in decode_whole(each)[1]:
                if threshold == _UNUSED_THRESHOLD:
                    break
                row.append(threshold)
            rows.append(row)
        self.rows = rows
        return True

    def block(self, row: int, consumed: int) -> int:
        """The block, 0 to 3, in which the next Wh of a row counts that has consumed so many in this period."""
        block = 0
        for threshold in self.rows[row]:
            if consumed < threshold:
                break
            block += 1
        return block

    def room(self, row: int, consumed: int, block: int) -> "int | None":
        """Wh until the end of the block; None when it has none."""
        thresholds = self.rows[row]
        return thresholds[block] - consumed if block < len(thresholds) else None
