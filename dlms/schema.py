"""The type of a COSEM attribute: its text, the check of octets against it, and rows packed at struct's speed.

A schema is a tuple:

    (tag,)                              a value of that type; of a string, of any length
    (string tag, low, high)             a string of `low` to `high` octets; of a bit-string, bits
    (STRUCTURE, schema, ...)            exactly these elements
    (ARRAY, schema, low, high)          `low` to `high` elements
    (COMPACT_ARRAY, row schema)         a compact-array of such rows, or an array of them: GBCS writes and reads either
    (CHOICE, schema, ...)               the first of these that the tag, and the length or count after it, fit
    (ANY,)                              whatever decodes

and its text is that of the standard's tables: `structure{octet-string(6),array(0..50)[structure{long-unsigned,date}]}`,
`octet-string(0..8)`, `array[unsigned]`, `compact-array[double-long]`, `choice{null|octet-string(12)}`, `any`.
"""

import struct  # portable: RowCodec checks ranges and lengths itself, a column at a time
import sys

from slotmeter.dlms.axdr import (
    ARRAY,
    BIT_STRING,
    BOOLEAN,
    COMPACT_ARRAY,
    COUNT_LIMIT,
    DATE_TIME,
    FIXED_SIZES,
    OCTET_STRING,
    STRUCTURE,
    TYPE_NAMES,
    UTF8_STRING,
    VISIBLE_STRING,
    compact_bounds,
    put_type,
    skip,
)
from slotmeter.dlms.errors import DecodeError, EncodeError
from slotmeter.dlms.octets import get_length, put_length

CHOICE = 254
ANY = 255

_CONTAINERS = (STRUCTURE, ARRAY)
_OPEN_ENDED = (ANY, CHOICE)
_STRINGS = (OCTET_STRING, VISIBLE_STRING, UTF8_STRING, BIT_STRING)
_NAMES = dict(TYPE_NAMES)
_NAMES[CHOICE] = "choice"
_NAMES[ANY] = "any"
_TAGS = {}
for _tag in _NAMES:
    _TAGS[_NAMES[_tag]] = _tag
_OPEN = {STRUCTURE: "{", CHOICE: "{", ARRAY: "[", COMPACT_ARRAY: "["}
_BETWEEN = {STRUCTURE: ",", CHOICE: "|", ARRAY: "", COMPACT_ARRAY: ""}
_CLOSE = {"{": "}", "[": "]"}

# struct's letters, by tag; strings and dates are "s" with their size before it.
_LETTERS = {3: "B", 5: "i", 6: "I", 13: "b", 15: "b", 16: "h", 17: "B", 18: "H", 20: "q", 21: "Q", 22: "B"}
_SIGNED = "bhiq"
# Rows checked and packed at once, and arguments of one call to struct. A board's stack of arguments is small; elsewhere
# there are enough of both that most of the time is spent in C.
_BOARD = sys.implementation.name == "micropython"
_CHUNK = 12 if _BOARD else 64
_ARGUMENTS = 16 if _BOARD else 512

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Schema = tuple[Any, ...]


def _fail(message: str, name: str, pos: int) -> "EncodeError":
    return EncodeError("%s at %d of type %s" % (message, pos, name))


def parse(name: str) -> "Schema":
    """The schema that `name` is the text of; EncodeError when it is none. Blanks between parts are allowed."""
    source = name.replace(" ", "")
    size = len(source)
    pos = 0
    # Of each type that is still open: tag, low, high (-1 when not said), its elements so far.
    stack = []  # type: list[tuple[int, int, int, list[Schema]]]
    while True:
        start = pos
        while pos < size and (source[pos] == "-" or source[pos].isdigit() or source[pos].islower()):
            pos += 1
        tag = _TAGS.get(source[start:pos], -1)
        if tag < 0:
            raise _fail("no type named so", name, start)
        low = high = -1
        if pos < size and source[pos] == "(":
            end = source.find(")", pos)
            least, dots, most = source[pos + 1 : end].partition("..")
            if end < 0 or not least.isdigit() or (dots and not most.isdigit()):
                raise _fail("no bounds", name, pos)
            low = int(least)
            high = int(most) if dots else low
            if low > high or (tag not in _STRINGS and tag != ARRAY):
                raise _fail("bounds that say nothing", name, pos)
            pos = end + 1
        done = None  # type: Schema | None
        if tag in _OPEN:
            if pos >= size or source[pos] != _OPEN[tag]:
                raise _fail("no elements", name, pos)
            pos += 1
            stack.append((tag, low, high, []))
            if tag != STRUCTURE or pos >= size or source[pos] != "}":
                continue
        else:
            done = (tag,) if low < 0 else (tag, low, high)
        # A type is complete, or the structure just opened is empty: close all that end here.
        while True:
            if done is not None:
                if not stack:
                    if pos != size:
                        raise _fail("something left over", name, pos)
                    return done
                stack[-1][3].append(done)
            if not stack or pos >= size:
                raise _fail("not closed", name, pos)
            tag, low, high, elements = stack[-1]
            if source[pos] == _BETWEEN[tag]:
                pos += 1
                break
            if source[pos] != _CLOSE[_OPEN[tag]]:
                raise _fail("neither next nor end", name, pos)
            pos += 1
            stack.pop()
            if tag == ARRAY:
                done = (ARRAY, elements[0], 0 if low < 0 else low, COUNT_LIMIT if high < 0 else high)
            else:
                done = tuple([tag] + elements)


def text(schema: "Schema") -> str:
    """The text of `schema`, as `parse` takes it."""
    out = []  # type: list[str]
    todo = [schema]  # type: list[Any]
    while todo:
        item = todo.pop()
        if isinstance(item, str):
            out.append(item)
            continue
        tag = item[0]
        out.append(_NAMES[tag])
        if tag == ARRAY:
            if (item[2], item[3]) != (0, COUNT_LIMIT):
                out.append(_bounds(item[2], item[3]))
            elements = item[1:2]
        elif tag in _OPEN:
            elements = item[1:]
        else:
            if len(item) == 3:
                out.append(_bounds(item[1], item[2]))
            continue
        out.append(_OPEN[tag])
        todo.append(_CLOSE[_OPEN[tag]])
        for i in range(len(elements) - 1, -1, -1):
            todo.append(elements[i])
            if i:
                todo.append(_BETWEEN[tag])
    return "".join(out)


def _bounds(low: int, high: int) -> str:
    return "(%d)" % low if low == high else "(%d..%d)" % (low, high)


def check(schema: "Schema", data: bytes, pos: int = 0) -> int:
    """The position after the value at `pos`; DecodeError when it is not of this type and shape."""
    size = len(data)
    todo = [schema]
    while todo:
        kind = todo.pop()
        tag = kind[0]
        if pos >= size:
            raise DecodeError("value missing", pos)
        found = data[pos]
        if tag == CHOICE:
            todo.append(_choose(kind, data, pos))
            continue
        if tag == ANY:
            pos = skip(data, pos)
            continue
        if tag == COMPACT_ARRAY:
            if found == COMPACT_ARRAY:
                pos = _check_rows(kind[1], data, pos + 1)
                continue
            if found == ARRAY:
                kind = (ARRAY, kind[1], 0, COUNT_LIMIT)
                tag = ARRAY
        if found != tag:
            raise DecodeError("%s where %s is due" % (TYPE_NAMES.get(found, "tag %d" % found), _NAMES[tag]), pos)
        if tag == STRUCTURE:
            count, after = get_length(data, pos + 1)
            if count != len(kind) - 1:
                raise DecodeError("structure of %d elements where %d are due" % (count, len(kind) - 1), pos)
            pos = after
            for i in range(count, 0, -1):
                todo.append(kind[i])
        elif tag == ARRAY:
            count, after = get_length(data, pos + 1)
            if count < kind[2] or count > kind[3]:
                raise DecodeError("array of %d elements where %d to %d are due" % (count, kind[2], kind[3]), pos)
            pos = after
            if count > size - pos:
                raise DecodeError("more elements than octets left", pos)
            todo.extend([kind[1]] * count)
        else:
            if len(kind) == 3:
                length, after = get_length(data, pos + 1)
                if length < kind[1] or length > kind[2]:
                    raise DecodeError("length %d where %d to %d are due" % (length, kind[1], kind[2]), pos)
            pos = skip(data, pos)
    return pos


def check_whole(schema: "Schema", data: bytes) -> None:
    """DecodeError unless `data` is exactly one value of this type and shape."""
    end = check(schema, data)
    if end != len(data):
        raise DecodeError("octets left after the value", end)


def _choose(choice: "Schema", data: bytes, pos: int) -> "Schema":
    """The alternative that fits what stands at `pos`."""
    found = data[pos]
    for i in range(1, len(choice)):
        kind = choice[i]
        tag = kind[0]
        if tag in _OPEN_ENDED:
            return kind  # type: ignore[no-any-return]
        if tag == COMPACT_ARRAY and found == ARRAY:
            return kind  # type: ignore[no-any-return]
        if tag != found:
            continue
        if tag in _CONTAINERS or len(kind) == 3:
            length, _ = get_length(data, pos + 1)
            if tag == STRUCTURE:
                low = high = len(kind) - 1
            else:
                low, high = kind[-2], kind[-1]
            if length < low or length > high:
                continue
        return kind  # type: ignore[no-any-return]
    raise DecodeError("none of %s" % text(choice), pos)


def _check_rows(row: "Schema", data: bytes, pos: int) -> int:
    """The position after the compact-array whose tag stands before `pos`, its row type and rows compared with `row`."""
    described, start, end = compact_bounds(data, pos)
    # Tag, size or 0, fewest and most octets or bits, of each field of a row in order.
    fields = []  # type: list[tuple[int, int, int, int]]
    todo = [(row, described)]
    while todo:
        kind, found = todo.pop()
        tag = kind[0]
        if tag != found[0]:
            raise DecodeError("compact-array of another row type", pos)
        if tag == STRUCTURE:
            if len(kind) != len(found):
                raise DecodeError("compact-array of another row type", pos)
            for i in range(len(kind) - 1, 0, -1):
                todo.append((kind[i], found[i]))
        elif tag == ARRAY:
            if not kind[2] <= found[2] <= kind[3]:
                raise DecodeError("compact-array of another row type", pos)
            # Without rows there is nothing to write out for, and a described count may be far larger than the input.
            todo.extend([(kind[1], found[1])] * (found[2] if end > start else 1))
        elif len(kind) == 3:
            fields.append((tag, 0, kind[1], kind[2]))
        else:
            fields.append((tag, FIXED_SIZES[tag], 0, 8 * end))
    pos = start
    rows = 0
    while pos < end:
        rows += 1
        if rows > COUNT_LIMIT:
            raise DecodeError("more than %d rows" % COUNT_LIMIT, pos)
        for tag, width, low, high in fields:
            if width:
                if tag == BOOLEAN and pos < end and data[pos] and data[pos] != 0xFF:
                    raise DecodeError("boolean is neither 00 nor FF", pos)
                pos += width
            else:
                length, after = get_length(data, pos)
                if tag == BIT_STRING:
                    after += (length + 7) >> 3
                else:
                    after += length
                if after <= end and (length < low or length > high):
                    raise DecodeError("length %d where %d to %d are due" % (length, low, high), pos)
                pos = after
            if pos > end:
                raise DecodeError("compact-array ends within a row", end)
    return end


class RowCodec:
    """Rows of one schema whose every field is of fixed size, to and from octets without a value for each field.

    A row in memory is a tuple of its fields in order, structures and arrays flattened: ints, bools, and bytes of
    exactly the length that the schema says. `size` is a row's octets in a compact-array.
    """

    def __init__(self, row: "Schema") -> None:
        self.row = row
        # Tag, octets and struct's letter of each field.
        self._fields = []  # type: list[tuple[int, int, str]]
        # Where in a compact-array's row the length of a string stands, and the length.
        self._lengths = []  # type: list[tuple[int, bytes]]
        self._booleans = []  # type: list[int]
        tagged = []  # type: list[str]
        plain = []  # type: list[str]
        # A row whose fields are all 0: struct leaves out what stands between them, and it is OR-ed in afterwards.
        tagged_row = plain_row = before = b""
        todo = [row]
        while todo:
            kind = todo.pop()
            tag = kind[0]
            if tag == STRUCTURE:
                before += b"\x02" + put_length(len(kind) - 1)
                for i in range(len(kind) - 1, 0, -1):
                    todo.append(kind[i])
                continue
            if tag == ARRAY and kind[2] == kind[3]:
                before += b"\x01" + put_length(kind[2])
                todo.extend([kind[1]] * kind[2])
                continue
            letter = _LETTERS.get(tag)
            width = FIXED_SIZES[tag] if tag < 28 else 0
            before += bytes((tag,))
            length = b""
            if letter is None:
                if tag in _STRINGS and tag != BIT_STRING and len(kind) == 3 and kind[1] == kind[2]:
                    width = kind[1]
                    length = put_length(width)
                    self._lengths.append((len(plain_row), length))
                elif tag < DATE_TIME or not width:
                    raise EncodeError("%s is not of fixed size" % text(kind))
                letter = "%ds" % width
            if tag == BOOLEAN:
                self._booleans.append(len(self._fields))
            before += length
            tagged.append("%dx%s" % (len(before), letter))
            plain.append("%dx%s" % (len(length), letter) if length else letter)
            tagged_row += before + b"\x00" * width
            plain_row += length + b"\x00" * width
            self._fields.append((tag, width, letter))
            before = b""
        if before or not plain:
            raise EncodeError("%s ends with what holds nothing" % text(row))
        self._tagged = _Form(tagged, tagged_row)
        self._plain = _Form(plain, plain_row)
        self.size = len(plain_row)

    def _columns(self, rows: "list[tuple[Any, ...]]") -> "list[Any]":
        """The fields of `rows` by column, checked; struct would cut strings, and on a board integers, in silence."""
        width = len(self._fields)
        if set(map(len, rows)) != {width}:
            raise EncodeError("row of another number of fields than %d" % width)
        columns = list(zip(*rows))
        for i in range(width):
            tag, size, letter = self._fields[i]
            column = columns[i]
            if letter[-1] == "s":
                if set(map(len, column)) != {size}:
                    raise EncodeError("field %d is a string of another length than %d" % (i, size))
            elif tag == BOOLEAN:
                columns[i] = tuple([0xFF if field else 0 for field in column])
            else:
                least = 0
                most = 1 << (8 * size)
                if letter in _SIGNED:
                    most >>= 1
                    least = -most
                if min(column) < least or max(column) >= most:
                    raise EncodeError("field %d does not fit %s" % (i, TYPE_NAMES[tag]))
        return columns

    def _pack(self, rows: "list[tuple[Any, ...]]", form: "_Form") -> bytes:
        """All rows in `form`, a chunk at a time."""
        out = []
        for start in range(0, len(rows), _CHUNK):
            chunk = rows[start : start + _CHUNK]
            columns = self._columns(chunk)
            if self._booleans:
                chunk = list(zip(*columns))
            count = len(chunk)
            if form.count != count:
                form.prepare(count)
            fields = [field for row in chunk for field in row]
            octets = b"".join(
                [
                    struct.pack(piece, *fields[i * _ARGUMENTS : (i + 1) * _ARGUMENTS])
                    for i, piece in enumerate(form.pieces)
                ]
            )
            if form.between:
                octets = (int.from_bytes(octets, "big") | form.between).to_bytes(len(octets), "big")
            out.append(octets)
        return b"".join(out)

    def pack_rows(self, rows: "list[tuple[Any, ...]]") -> bytes:
        """The rows as A-XDR values, one after the other: the elements of an array."""
        return self._pack(rows, self._tagged)

    def pack_contents(self, rows: "list[tuple[Any, ...]]") -> bytes:
        """The rows without tags: the contents of a compact-array."""
        return self._pack(rows, self._plain)

    def array(self, rows: "list[tuple[Any, ...]]") -> bytes:
        """The array of the rows."""
        return b"\x01" + put_length(len(rows)) + self.pack_rows(rows)

    def compact_array(self, rows: "list[tuple[Any, ...]]") -> bytes:
        """The compact-array of the rows."""
        return self.compact_head(len(rows)) + self.pack_contents(rows)

    def compact_head(self, count: int) -> bytes:
        """What stands before the contents of a compact-array of `count` rows."""
        return b"\x13" + put_type(self.row) + put_length(count * self.size)

    def unpack_contents(self, contents: bytes) -> "list[tuple[Any, ...]]":
        """The rows that `pack_contents` packed; DecodeError when they are not whole rows, or a string's length lies."""
        size = self.size
        if len(contents) % size:
            raise DecodeError("contents end within a row", len(contents))
        form = ">" + "".join(self._plain.fields)
        rows = []
        for start in range(0, len(contents), size):
            row = contents[start : start + size]
            fields = struct.unpack(form, row)
            for place, length in self._lengths:
                if row[place : place + len(length)] != length:
                    raise DecodeError("string of another length than is due", start + place)
            rows.append(self._with_bools(fields, start) if self._booleans else fields)
        return rows

    def _with_bools(self, fields: "tuple[Any, ...]", at: int) -> "tuple[Any, ...]":
        """The fields of one row with its booleans as such."""
        out = list(fields)
        for i in self._booleans:
            if out[i] not in (0, 0xFF):
                raise DecodeError("boolean is neither 00 nor FF", at)
            out[i] = out[i] == 0xFF
        return tuple(out)


class _Form:
    """How so many rows are packed at once: struct's formats, and what stands between the fields as one number."""

    def __init__(self, fields: "list[str]", row: bytes) -> None:
        self.fields = fields
        self.row = row
        self.count = 0
        # Formats of at most _ARGUMENTS fields each.
        self.pieces = []  # type: list[str]
        self.between = 0

    def prepare(self, count: int) -> None:
        """For `count` rows from now on."""
        fields = self.fields * count
        self.count = count
        self.pieces = [">" + "".join(fields[i : i + _ARGUMENTS]) for i in range(0, len(fields), _ARGUMENTS)]
        self.between = int.from_bytes(self.row * count, "big")
