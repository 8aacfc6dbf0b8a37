"""The buffer of a profile generic object (interface class 7): rows in order of arrival, the oldest gives way.

Rows are kept as a compact-array holds them (no tags, a length before a string), several to a record, and a read joins
slices of those: its cost goes by the records it touches, not by the rows. A row begins with its time stamp, four
octets of seconds since 2000 (GBCS section 9.1.6), and a range of them is found by bisection unless a clock that was
put back has left rows out of order.

Record "p" + OBIS in hex + "." + number: one octet, which type of row and ORDER when a row is earlier than the one
before it, then rows. Record n holds the n-th dozen or so rows ever added since the buffer was last cleared.
"""

from slotmeter.dlms.axdr import FIXED_SIZES, put_type
from slotmeter.dlms.errors import DecodeError, EncodeError
from slotmeter.dlms.octets import get_length, put_length
from slotmeter.dlms.schema import CHOICE
from slotmeter.hal.errors import STORE_DAMAGED, HalError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from slotmeter.hal.records import Records

    Schema = tuple[Any, ...]

_ARRAY = 1
_STRUCTURE = 2
_COMPACT_ARRAY = 0x13
ORDER = 0x80
# Octets of rows in a record: a board rewrites one for every new row, a half-hour's or an event's.
RECORD_SIZE = 2040
# Rows of no fixed size in a record.
LOOSE_ROWS = 16
EARLIEST = b"\x00\x00\x00\x00"
LATEST = b"\xff\xff\xff\xff"

# Selector 1 with the only column that GBCS selects by: data 0-0:94.44.100.255, the time stamp, and no list of columns.
_BEFORE_FROM = b"\x01\x02\x04\x02\x04\x12\x00\x01\x09\x06\x00\x00\x5e\x2c\x64\xff\x0f\x02\x12\x00\x00\x06"


def selected_range(selection: bytes) -> "tuple[bytes, bytes] | None":
    """The first and last time stamp (4 octets each) that an access selection asks for; None when it is another kind.

    `selection` is the selector octet and its A-XDR: range_descriptor of structures, double-long-unsigned from and to.
    """
    if selection[:22] != _BEFORE_FROM or selection[26:27] != b"\x06" or selection[31:] != b"\x01\x00":
        return None
    return selection[22:26], selection[27:31]


def _widths(row: "Schema") -> "list[int]":
    """The octets of each field of a row in order; 0 for a string, whose length stands before it."""
    widths = []
    todo = [row]
    while todo:
        kind = todo.pop()
        if kind[0] == _STRUCTURE:
            for i in range(len(kind) - 1, 0, -1):
                todo.append(kind[i])
        elif kind[0] == _ARRAY:
            todo.extend([kind[1]] * kind[2])
        else:
            widths.append(0 if len(kind) == 3 else FIXED_SIZES[kind[0]])
    return widths


class RowType:
    """One type of row: its description in a compact-array, its size or 0 when that varies, and then its fields'
    widths.
    """

    __slots__ = ("description", "widths", "size", "per_record", "strings")

    def __init__(self, row: "Schema") -> None:
        self.description = put_type(row)
        widths = _widths(row)
        self.size = 0 if 0 in widths else sum(widths)
        self.widths = (self.size,) if self.size else tuple(widths)
        self.per_record = max(1, RECORD_SIZE // self.size) if self.size else LOOSE_ROWS
        # The bounds of strings, in order.
        self.strings = [kind[1:] for kind in row[1:] if len(kind) == 3]

    def end(self, data: bytes, pos: int) -> int:
        """Where the row at `pos` ends; DecodeError when it does not within `data`."""
        string = 0
        for width in self.widths:
            if not width:
                length, pos = get_length(data, pos)
                if not self.strings[string][0] <= length <= self.strings[string][1]:
                    raise DecodeError("string of %d octets in a row" % length, pos)
                width = length
                string += 1
            pos += width
        if pos > len(data):
            raise DecodeError("row truncated", len(data))
        return pos


def row_types(schema: "Schema") -> "list[RowType]":
    """The types of row of a buffer whose schema is a compact-array, or a choice of several."""
    if schema[0] == CHOICE:
        return [RowType(one[1]) for one in schema[1:]]
    return [RowType(schema[1])]


class Buffer:
    """The rows of one profile."""

    def __init__(self, obis: bytes, kinds: "list[RowType]", capacity: int, records: "Records") -> None:
        self._prefix = "p" + obis.hex() + "."
        self._types = kinds
        self.capacity = capacity
        self._records = records
        self.touched = False
        self._kind = self._types[0]
        self._size = 0
        self._per_record = 1
        # Rows are numbered from the last clearing on: `_first` the oldest kept, `_next` that of the row to come.
        self._first = 0
        self._next = 0
        self._base = 0
        self._chunks: list[bytes] = []
        self._ordered = True
        self._last = EARLIEST
        # The rows one by one, for those of no fixed size.
        self._loose: list[bytes] = []
        self.load()

    def _choose(self, kind: RowType) -> None:
        self._kind = kind
        self._size = kind.size
        self._per_record = kind.per_record

    def _name(self, number: int) -> str:
        return "%s%06x" % (self._prefix, number)

    def load(self) -> None:
        """Reads the rows from the records."""
        self.touched = False
        self._choose(self._types[0])
        self._first = self._next = self._base = 0
        self._chunks = []
        self._ordered = True
        self._last = EARLIEST
        self._loose = []
        names = self._records.names(self._prefix)
        if names:
            try:
                self._read(names)
            except (DecodeError, IndexError, ValueError) as error:
                raise HalError(STORE_DAMAGED, "records %s: %s" % (self._prefix, error)) from error

    def _read(self, names: "list[str]") -> None:
        """Reads the records of these names, of which there is one; any exception means that they are damaged."""
        self._base = int(names[0][len(self._prefix) :], 16)
        last = 0
        for name in names:
            if name != self._name(self._base + len(self._chunks)):
                raise DecodeError("one is missing", 0)
            chunk = self._records.get(name) or b""
            if chunk[0] & ORDER:
                self._ordered = False
            if not self._chunks:
                self._choose(self._types[chunk[0] & 0x7F])
            elif last != self._per_record:
                raise DecodeError("one is short", 0)
            if self._size:
                last = (len(chunk) - 1) // self._size
                if len(chunk) - 1 != last * self._size:
                    raise DecodeError("one ends within a row", 0)
                self._last = chunk[-self._size :][:4]
            else:
                last = self._split(chunk, 1)
                self._last = self._loose[-1][:4]
            if not 0 < last <= self._per_record:
                raise DecodeError("one is empty or too long", 0)
            self._chunks.append(chunk)
        self._first = self._base * self._per_record
        self._next = self._first + (len(self._chunks) - 1) * self._per_record + last
        over = self._next - self._first - self.capacity
        if over > 0:
            self._first += over
            self._loose = self._loose[over:]

    def _split(self, data: bytes, pos: int) -> int:
        """Adds the rows of no fixed size from `pos` on; how many there were."""
        count = 0
        while pos < len(data):
            end = self._kind.end(data, pos)
            self._loose.append(data[pos:end])
            pos = end
            count += 1
        return count

    def entries(self) -> int:
        """How many rows there are."""
        return self._next - self._first

    def clear(self) -> None:
        """Drops every row."""
        for i in range(len(self._chunks)):
            self._records.drop(self._name(self._base + i))
        self.load()
        self.touched = True

    def append(self, row: bytes) -> None:
        """Adds a row as a compact-array holds it; EncodeError when it is not one of this buffer's."""
        if not self._chunks:
            self._choose(self._type_of(row))
        try:
            whole = self._kind.end(row, 0) == len(row)
        except DecodeError:
            whole = False
        if not whole:
            raise EncodeError("%d octets are not a row of %s" % (len(row), self._prefix))
        self.touched = True
        place = self._next // self._per_record - self._base
        if place == len(self._chunks):
            chunk = bytes((self._types.index(self._kind),))
            self._chunks.append(chunk)
        else:
            chunk = self._chunks[place]
        if row[:4] < self._last:
            self._ordered = False
            chunk = bytes((chunk[0] | ORDER,)) + chunk[1:]
        self._last = row[:4]
        self._chunks[place] = chunk = chunk + row
        self._records.put(self._name(self._base + place), chunk)
        self._next += 1
        if not self._size:
            self._loose.append(row)
        if self._next - self._first > self.capacity:
            self._first += 1
            if not self._size:
                self._loose.pop(0)
            if self._first >= (self._base + 1) * self._per_record:
                self._records.drop(self._name(self._base))
                self._chunks.pop(0)
                self._base += 1
                self._ordered = not [chunk for chunk in self._chunks if chunk[0] & ORDER]

    def _type_of(self, row: bytes) -> RowType:
        """The type that a row of its length is of; the first when none is sure."""
        for kind in self._types:
            if kind.size == len(row):
                return kind
        return self._types[0]

    def place(self, data: bytes) -> None:
        """Replaces every row by those of a compact-array; null and an array of nothing leave none.

        DecodeError when it is neither or its rows are of another type; of more rows than fit, the newest stay.
        """
        if data == b"\x00" or data == b"\x01\x00":
            self.clear()
            return
        if data[:1] != b"\x13":
            raise DecodeError("a buffer takes a compact-array", 0)
        for kind in self._types:
            start = 1 + len(kind.description)
            if data[1:start] == kind.description:
                break
        else:
            raise DecodeError("compact-array of another row type", 1)
        length, start = get_length(data, start)
        if start + length != len(data):
            raise DecodeError("compact-array of another length", start)
        rows = []
        pos = start
        while pos < len(data):
            end = kind.end(data, pos)
            rows.append(data[pos:end])
            pos = end
        self.clear()
        head = self._types.index(kind)
        rows = rows[-self.capacity :]
        last = EARLIEST
        for at in range(0, len(rows), self._per_record):
            some = rows[at : at + self._per_record]
            flag = head
            for row in some:
                if row[:4] < last:
                    flag = head | ORDER
                last = row[:4]
            self._records.put(self._name(at // self._per_record), bytes((flag,)) + b"".join(some))
        self.load()
        self.touched = True

    def rows(self) -> "list[bytes]":
        """The rows, oldest first, each as a compact-array holds it."""
        if not self._size:
            return list(self._loose)
        size = self._size
        contents = self._slice(self._first, self._next)
        return [contents[at : at + size] for at in range(0, len(contents), size)]

    def everything(self) -> bytes:
        """The compact-array of all rows."""
        return self._compact(self._slice(self._first, self._next) if self._size else b"".join(self._loose))

    def select(self, low: bytes, high: bytes) -> bytes:
        """The compact-array of the rows stamped from `low` to `high`, both included, four octets each."""
        if self._size and self._ordered:
            start = self._bound(low)
            if high == LATEST:
                end = self._next
            else:
                end = self._bound((int.from_bytes(high, "big") + 1).to_bytes(4, "big"))
            return self._compact(self._slice(start, end))
        return self._compact(b"".join([row for row in self.rows() if low <= row[:4] <= high]))

    def _compact(self, contents: bytes) -> bytes:
        return b"\x13" + self._kind.description + put_length(len(contents)) + contents

    def _bound(self, stamp: bytes) -> int:
        """The number of the first row stamped `stamp` or later."""
        low = self._first
        high = self._next
        size = self._size
        per_record = self._per_record
        chunks = self._chunks
        offset = self._base * per_record
        while low < high:
            middle = (low + high) >> 1
            row = middle - offset
            at = row % per_record * size + 1
            if chunks[row // per_record][at : at + 4] < stamp:
                low = middle + 1
            else:
                high = middle
        return low

    def _slice(self, start: int, end: int) -> bytes:
        """The octets of rows `start` to before `end`."""
        if start >= end:
            return b""
        size = self._size
        per_record = self._per_record
        offset = self._base * per_record
        start -= offset
        end -= offset
        place = start // per_record
        last = (end - 1) // per_record
        after = (end - last * per_record) * size + 1
        chunk = self._chunks[place]
        begin = (start - place * per_record) * size + 1
        if place == last:
            return chunk[begin:after]
        parts = [chunk[begin:]]
        for i in range(place + 1, last):
            parts.append(self._chunks[i][1:])
        parts.append(self._chunks[last][1:after])
        return b"".join(parts)
