"""A-XDR, the encoding of COSEM values (IEC 62056-6-2), with the types that GBCS uses.

This module decides what a value may look like on the wire: one octet of tag, then contents of a size that the tag or
a DLMS length gives. A value in memory is a pair (tag, contents):

    (NULL, None)                      (BOOLEAN, False or True)         (BIT_STRING, (bits, octets))
    (ARRAY, [value, ...])             (integers and ENUM, int)         (OCTET_STRING and the other strings, bytes)
    (STRUCTURE, [value, ...])         (DATE_TIME, DATE, TIME: bytes)   (COMPACT_ARRAY, (row type, [value, ...]))

The row type of a compact-array is (tag,), (STRUCTURE, type, ...) or (ARRAY, type, count, count): the form of
slotmeter.dlms.schema.

Decoding is strict, because two spellings of one message would have two MACs: shortest lengths only, a boolean is 00
or FF, nothing may follow. It is linear in the input: every count and length is compared with the octets that are left
before anything is cut or stored, and a compact-array's row type may hold nothing that takes no octets. No function
here calls itself: a board has a call depth of 30.
"""

from slotmeter.dlms.errors import DecodeError, EncodeError
from slotmeter.dlms.octets import get_int, get_length, put_int, put_length

NULL = 0
ARRAY = 1
STRUCTURE = 2
BOOLEAN = 3
BIT_STRING = 4
DOUBLE_LONG = 5
DOUBLE_LONG_UNSIGNED = 6
OCTET_STRING = 9
VISIBLE_STRING = 10
UTF8_STRING = 12
BCD = 13
INTEGER = 15
LONG = 16
UNSIGNED = 17
LONG_UNSIGNED = 18
COMPACT_ARRAY = 19
LONG64 = 20
LONG64_UNSIGNED = 21
ENUM = 22
DATE_TIME = 25
DATE = 26
TIME = 27

TYPE_NAMES = {
    NULL: "null",
    ARRAY: "array",
    STRUCTURE: "structure",
    BOOLEAN: "boolean",
    BIT_STRING: "bit-string",
    DOUBLE_LONG: "double-long",
    DOUBLE_LONG_UNSIGNED: "double-long-unsigned",
    OCTET_STRING: "octet-string",
    VISIBLE_STRING: "visible-string",
    UTF8_STRING: "utf8-string",
    BCD: "bcd",
    INTEGER: "integer",
    LONG: "long",
    UNSIGNED: "unsigned",
    LONG_UNSIGNED: "long-unsigned",
    COMPACT_ARRAY: "compact-array",
    LONG64: "long64",
    LONG64_UNSIGNED: "long64-unsigned",
    ENUM: "enum",
    DATE_TIME: "date-time",
    DATE: "date",
    TIME: "time",
}

# Octets after the tag of a type of fixed size; 0 for all others.
FIXED_SIZES = bytes((0, 0, 0, 1, 0, 4, 4, 0, 0, 0, 0, 0, 0, 1, 0, 1, 2, 1, 2, 0, 8, 8, 1, 0, 0, 12, 5, 4))

# The deepest value of the data set is a protected read: seven levels. Twice that and a little.
DEPTH_LIMIT = 16
# Elements of one array or structure, rows of one compact-array: 13 months of half-hours are 19 344.
COUNT_LIMIT = 65535
# Values in a row of a compact-array for each of its octets: a structure in a structure costs memory but no octets.
ELEMENTS_FOR_EACH_OCTET = 4

_NULL_VALUE = (NULL, None)
_TRUE = (BOOLEAN, True)
_FALSE = (BOOLEAN, False)
# Null takes no octets without its tag, and a compact-array describes itself.
_NOT_IN_ROWS = (NULL, COMPACT_ARRAY)
_CONTAINERS = (STRUCTURE, ARRAY)
_STRINGS = (OCTET_STRING, UTF8_STRING, VISIBLE_STRING)
_SIGNED = (DOUBLE_LONG, INTEGER, LONG, LONG64, BCD)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Value = tuple[int, Any]
    Type = tuple[Any, ...]


def decode(data: bytes, pos: int = 0) -> "tuple[Value, int]":
    """The value that starts at `pos`, and the position after it; DecodeError says what is wrong and where."""
    size = len(data)
    root = []  # type: list[Any]
    items = root
    left = 1
    stack = []  # type: list[tuple[list[Any], int]]
    while True:
        if not left:
            if not stack:
                return root[0], pos
            items, left = stack.pop()
            continue
        left -= 1
        if pos >= size:
            raise DecodeError("value missing", pos)
        tag = data[pos]
        start = pos + 1
        # In order of how often they occur in profile buffers and registers.
        if tag == DOUBLE_LONG_UNSIGNED:
            pos = start + 4
            if pos > size:
                raise DecodeError("double-long-unsigned truncated", start)
            items.append((6, int.from_bytes(data[start:pos], "big")))
        elif tag in _STRINGS:
            if start >= size:
                raise DecodeError("length missing", start)
            length = data[start]
            if length < 0x80:
                start += 1
            else:
                length, start = get_length(data, start)
            pos = start + length
            if pos > size:
                raise DecodeError("string longer than what is left", start)
            items.append((tag, data[start:pos]))
        elif tag in _CONTAINERS:
            length, pos = get_length(data, start)
            if length > size - pos:
                raise DecodeError("more elements than octets left", start)
            if length > COUNT_LIMIT:
                raise DecodeError("more than %d elements" % COUNT_LIMIT, start)
            children = []  # type: list[Any]
            items.append((tag, children))
            if length:
                if len(stack) + 1 >= DEPTH_LIMIT:
                    raise DecodeError("nested deeper than %d" % DEPTH_LIMIT, start)
                stack.append((items, left))
                items = children
                left = length
        elif tag == NULL:
            pos = start
            items.append(_NULL_VALUE)
        elif tag == BIT_STRING:
            bits, start = get_length(data, start)
            pos = start + ((bits + 7) >> 3)
            if pos > size:
                raise DecodeError("bit-string longer than what is left", start)
            items.append((tag, (bits, data[start:pos])))
        elif tag == COMPACT_ARRAY:
            value, pos = _decode_compact(data, start, DEPTH_LIMIT - len(stack) - 1)
            items.append((tag, value))
        else:
            width = FIXED_SIZES[tag] if tag < 28 else 0
            if not width:
                raise DecodeError("tag %d is not of a type that is used here" % tag, pos)
            pos = start + width
            if pos > size:
                raise DecodeError("%s truncated" % TYPE_NAMES[tag], start)
            items.append(_fixed(tag, data[start:pos], start))


def decode_whole(data: bytes) -> "Value":
    """The value that `data` is; DecodeError also when anything follows it."""
    value, end = decode(data)
    if end != len(data):
        raise DecodeError("octets left after the value", end)
    return value


def _fixed(tag: int, octets: bytes, at: int) -> "Value":
    """The value of a type of fixed size from all its contents."""
    if tag == BOOLEAN:
        if octets == b"\xff":
            return _TRUE
        if octets == b"\x00":
            return _FALSE
        raise DecodeError("boolean is neither 00 nor FF", at)
    if tag in _SIGNED:
        return (tag, get_int(octets))
    if tag >= DATE_TIME:
        return (tag, octets)
    return (tag, int.from_bytes(octets, "big"))


def get_type(data: bytes, pos: int, depth: int = DEPTH_LIMIT) -> "tuple[Type, int, int]":
    """The row type described at `pos`, the fewest octets that a row of it takes, and the position after it.

    An array says its count in two octets, a structure in one. What would take no octets is refused: null, and arrays
    and structures without elements. Refused, too, is what wraps one value in many structures: a row may hold at most
    ELEMENTS_FOR_EACH_OCTET values, itself included, for each octet. `depth`: levels that the row may have.
    """
    size = len(data)
    smallest = 0
    elements = 0
    root = []  # type: list[Any]
    items = root
    left = 1
    # How often the type being read occurs in a row: the product of the counts of the arrays around it.
    times = 1
    stack = []  # type: list[tuple[int, list[Any], int, int, int]]
    while True:
        while not left:
            if not stack:
                if elements > ELEMENTS_FOR_EACH_OCTET * smallest:
                    raise DecodeError("type description with too little in it", pos)
                return root[0], smallest, pos
            count, parent, left, tag, times = stack.pop()
            parent.append((ARRAY, items[0], count, count) if tag == ARRAY else tuple([STRUCTURE] + items))
            items = parent
        left -= 1
        if pos >= size:
            raise DecodeError("type description truncated", pos)
        tag = data[pos]
        pos += 1
        elements += times
        if tag in _CONTAINERS:
            if len(stack) + 1 >= depth:
                raise DecodeError("type description nested deeper than %d" % DEPTH_LIMIT, pos)
            width = 2 if tag == ARRAY else 1
            if pos + width > size:
                raise DecodeError("type description truncated", pos)
            count = int.from_bytes(data[pos : pos + width], "big")
            if not count:
                raise DecodeError("type description with nothing in it", pos)
            pos += width
            stack.append((count, items, left, tag, times))
            items = []
            if tag == ARRAY:
                left = 1
                times *= count
            else:
                left = count
        else:
            if tag not in TYPE_NAMES or tag in _NOT_IN_ROWS:
                raise DecodeError("tag %d is not allowed in a type description" % tag, pos - 1)
            smallest += times * (FIXED_SIZES[tag] or 1)
            items.append((tag,))


def put_type(row: "Type") -> bytes:
    """The type description of a compact-array's rows; EncodeError when `row` is not such a type."""
    out = bytearray()
    todo = [row]
    while todo:
        kind = todo.pop()
        tag = kind[0]
        if tag == ARRAY:
            if len(kind) != 4 or kind[2] != kind[3] or not 0 < kind[2] <= COUNT_LIMIT:
                raise EncodeError("an array in a compact-array has a fixed count")
            out += b"\x01" + kind[2].to_bytes(2, "big")
            todo.append(kind[1])
        elif tag == STRUCTURE:
            count = len(kind) - 1
            if not 0 < count < 256:
                raise EncodeError("a structure in a compact-array has 1 to 255 elements")
            out += bytes((2, count))
            for i in range(count, 0, -1):
                todo.append(kind[i])
        elif tag in TYPE_NAMES and tag not in _NOT_IN_ROWS:
            out.append(tag)
        else:
            raise EncodeError("tag %d is not allowed in a type description" % tag)
    return bytes(out)


def row_program(row: "Type") -> "list[tuple[int, int]]":
    """`row` as a flat list of (tag, count), containers before their elements.

    Only for a row type whose smallest size has been compared with the octets present: an array is written out.
    """
    program = []  # type: list[tuple[int, int]]
    todo = [row]
    while todo:
        kind = todo.pop()
        tag = kind[0]
        if tag == ARRAY:
            program.append((ARRAY, kind[2]))
            for _ in range(kind[2]):
                todo.append(kind[1])
        elif tag == STRUCTURE:
            program.append((STRUCTURE, len(kind) - 1))
            for i in range(len(kind) - 1, 0, -1):
                todo.append(kind[i])
        else:
            program.append((tag, FIXED_SIZES[tag]))
    return program


def compact_bounds(data: bytes, pos: int, depth: int = DEPTH_LIMIT) -> "tuple[Type, int, int]":
    """Row type, and where the contents start and end, of the compact-array whose tag stands before `pos`."""
    row, smallest, pos = get_type(data, pos, depth)
    length, start = get_length(data, pos)
    end = start + length
    if end > len(data):
        raise DecodeError("compact-array longer than what is left", start)
    if length and length < smallest:
        raise DecodeError("compact-array shorter than one row", start)
    return row, start, end


def _decode_compact(data: bytes, pos: int, depth: int) -> "tuple[tuple[Type, list[Value]], int]":
    """Row type and rows of the compact-array whose tag stands before `pos`, and the position after it."""
    row, pos, end = compact_bounds(data, pos, depth)
    rows = []  # type: list[Any]
    if pos == end:
        return (row, rows), end
    program = row_program(row)
    stack = []  # type: list[tuple[list[Any], int]]
    while pos < end:
        if len(rows) >= COUNT_LIMIT:
            raise DecodeError("more than %d rows" % COUNT_LIMIT, pos)
        items = rows
        left = 1
        for tag, width in program:
            while not left:
                items, left = stack.pop()
            left -= 1
            if tag in _CONTAINERS:
                children = []  # type: list[Any]
                items.append((tag, children))
                stack.append((items, left))
                items = children
                left = width
                continue
            start = pos
            if width:
                pos += width
                if pos > end:
                    raise DecodeError("compact-array ends within a row", start)
                if tag == DOUBLE_LONG_UNSIGNED:
                    items.append((tag, int.from_bytes(data[start:pos], "big")))
                else:
                    items.append(_fixed(tag, data[start:pos], start))
                continue
            length, start = get_length(data, start)
            pos = start + (length if tag != BIT_STRING else (length + 7) >> 3)
            if pos > end:
                raise DecodeError("compact-array ends within a row", start)
            if tag == BIT_STRING:
                items.append((tag, (length, data[start:pos])))
            else:
                items.append((tag, data[start:pos]))
        stack = []
    return (row, rows), end


def skip(data: bytes, pos: int = 0) -> int:
    """The position after the value at `pos`, which is checked as strictly as `decode` does but not built."""
    size = len(data)
    left = 1
    stack = []  # type: list[int]
    while True:
        while not left:
            if not stack:
                return pos
            left = stack.pop()
        left -= 1
        if pos >= size:
            raise DecodeError("value missing", pos)
        tag = data[pos]
        pos += 1
        if tag == NULL:
            continue
        width = FIXED_SIZES[tag] if tag < 28 else 0
        if width:
            if pos + width > size:
                raise DecodeError("%s truncated" % TYPE_NAMES[tag], pos)
            if tag == BOOLEAN and data[pos] and data[pos] != 0xFF:
                raise DecodeError("boolean is neither 00 nor FF", pos)
            pos += width
        elif tag in _CONTAINERS:
            start = pos
            length, pos = get_length(data, pos)
            if length > size - pos:
                raise DecodeError("more elements than octets left", start)
            if length > COUNT_LIMIT:
                raise DecodeError("more than %d elements" % COUNT_LIMIT, start)
            if length:
                if len(stack) + 1 >= DEPTH_LIMIT:
                    raise DecodeError("nested deeper than %d" % DEPTH_LIMIT, start)
                stack.append(left)
                left = length
        elif tag in _STRINGS:
            length, pos = get_length(data, pos)
            if length > size - pos:
                raise DecodeError("string longer than what is left", pos)
            pos += length
        elif tag == BIT_STRING:
            length, pos = get_length(data, pos)
            length = (length + 7) >> 3
            if length > size - pos:
                raise DecodeError("bit-string longer than what is left", pos)
            pos += length
        elif tag == COMPACT_ARRAY:
            pos = _skip_compact(data, pos, DEPTH_LIMIT - len(stack) - 1)
        else:
            raise DecodeError("tag %d is not of a type that is used here" % tag, pos - 1)


def _skip_compact(data: bytes, pos: int, depth: int) -> int:
    """The position after the compact-array whose tag stands before `pos`, its rows checked."""
    row, pos, end = compact_bounds(data, pos, depth)
    if pos == end:
        return end
    program = row_program(row)
    fixed = 0
    for tag, width in program:
        if tag == BOOLEAN or (not width and tag != STRUCTURE):
            fixed = -1
            break
        if tag not in _CONTAINERS:
            fixed += width
    if fixed > 0:
        rows = (end - pos) // fixed
        if rows * fixed != end - pos:
            raise DecodeError("compact-array ends within a row", pos + rows * fixed)
        if rows > COUNT_LIMIT:
            raise DecodeError("more than %d rows" % COUNT_LIMIT, pos)
        return end
    rows = 0
    while pos < end:
        rows += 1
        if rows > COUNT_LIMIT:
            raise DecodeError("more than %d rows" % COUNT_LIMIT, pos)
        for tag, width in program:
            if tag in _CONTAINERS:
                continue
            if width:
                pos += width
                if pos > end:
                    raise DecodeError("compact-array ends within a row", end)
                if tag == BOOLEAN and data[pos - 1] and data[pos - 1] != 0xFF:
                    raise DecodeError("boolean is neither 00 nor FF", pos - 1)
                continue
            length, pos = get_length(data, pos)
            pos += length if tag != BIT_STRING else (length + 7) >> 3
            if pos > end:
                raise DecodeError("compact-array ends within a row", end)
    return end


def encode(value: "Value") -> bytes:
    """`value` as octets; EncodeError when something does not fit its type or a limit of `decode`."""
    out = bytearray()
    stack = [iter((value,))]
    while stack:
        for tag, content in stack[-1]:
            if tag == DOUBLE_LONG_UNSIGNED:
                if content < 0 or content > 0xFFFFFFFF:
                    raise EncodeError("value does not fit double-long-unsigned")
                out += (0x600000000 | content).to_bytes(5, "big")
            elif tag in _STRINGS:
                length = len(content)
                if length < 0x80:
                    out.append(tag)
                    out.append(length)
                else:
                    out.append(tag)
                    out += put_length(length)
                out += content
            elif tag in _CONTAINERS:
                length = len(content)
                if length > COUNT_LIMIT:
                    raise EncodeError("more than %d elements" % COUNT_LIMIT)
                out.append(tag)
                if length < 0x80:
                    out.append(length)
                else:
                    out += put_length(length)
                if length:
                    if len(stack) >= DEPTH_LIMIT:
                        raise EncodeError("nested deeper than %d" % DEPTH_LIMIT)
                    stack.append(iter(content))
                    break
            elif tag == NULL:
                out.append(0)
            elif tag == COMPACT_ARRAY:
                out += _encode_compact(content[0], content[1], DEPTH_LIMIT - len(stack))
            else:
                out.append(tag)
                out += _contents(tag, content)
        else:
            stack.pop()
    return bytes(out)


def _contents(tag: int, content: "Any") -> bytes:
    """The octets after the tag of a value that holds no others."""
    if tag == BOOLEAN:
        return b"\xff" if content else b"\x00"
    if tag == BIT_STRING:
        bits, octets = content
        if len(octets) != (bits + 7) >> 3:
            raise EncodeError("bit-string of %d bits in %d octets" % (bits, len(octets)))
        return put_length(bits) + bytes(octets)
    if tag in _STRINGS:
        return put_length(len(content)) + bytes(content)
    width = FIXED_SIZES[tag] if 0 <= tag < 28 else 0
    if not width:
        raise EncodeError("tag %d is not of a type that is used here" % tag)
    if tag >= DATE_TIME:
        if len(content) != width:
            raise EncodeError("%s of %d octets" % (TYPE_NAMES[tag], len(content)))
        return bytes(content)
    if tag in _SIGNED:
        return put_int(content, width)
    if content < 0 or content >> (8 * width):
        raise EncodeError("value does not fit %s" % TYPE_NAMES[tag])
    return int(content).to_bytes(width, "big")


def _encode_compact(row: "Type", rows: "list[Value]", depth: int) -> bytes:
    """A compact-array: tag, type description, length, rows without tags."""
    head = put_type(row)
    try:
        get_type(head, 0, depth)
    except DecodeError as error:
        raise EncodeError(error.reason) from error
    if len(rows) > COUNT_LIMIT:
        raise EncodeError("more than %d rows" % COUNT_LIMIT)
    out = bytearray()
    # Pairs of (what is expected, what is there), the next one last.
    todo = []  # type: list[tuple[Any, Any]]
    for value in rows:
        todo.append((row, value))
        while todo:
            kind, (tag, content) = todo.pop()
            if tag != kind[0]:
                raise EncodeError("a row of a compact-array is not of its type")
            if tag == STRUCTURE:
                if len(content) != len(kind) - 1:
                    raise EncodeError("a row of a compact-array is not of its type")
                for i in range(len(content) - 1, -1, -1):
                    todo.append((kind[i + 1], content[i]))
            elif tag == ARRAY:
                if len(content) != kind[2]:
                    raise EncodeError("a row of a compact-array is not of its type")
                for i in range(len(content) - 1, -1, -1):
                    todo.append((kind[1], content[i]))
            else:
                out += _contents(tag, content)
    return b"".join((b"\x13", head, put_length(len(out)), out))


def text(value: "Value") -> str:
    """`value` in one line, such as structure{long-unsigned 36710, octet-string 07ee01, array[]}."""
    out = []  # type: list[str]
    # Values still to be written, and strings to be written as they are, the next one last.
    todo = [value]  # type: list[Any]
    while todo:
        item = todo.pop()
        if isinstance(item, str):
            out.append(item)
            continue
        tag, content = item
        name = TYPE_NAMES[tag]
        if tag == NULL:
            out.append(name)
        elif tag == BOOLEAN:
            out.append("true" if content else "false")
        elif tag == BIT_STRING:
            out.append("%s(%d) %s" % (name, content[0], content[1].hex()))
        elif tag == OCTET_STRING or tag >= DATE_TIME:
            out.append("%s %s" % (name, content.hex() or "-"))
        elif tag in _STRINGS:
            out.append("%s %s" % (name, printable(content)))
        elif tag in _CONTAINERS or tag == COMPACT_ARRAY:
            out.append(name + ("{" if tag == STRUCTURE else "["))
            todo.append("}" if tag == STRUCTURE else "]")
            elements = content[1] if tag == COMPACT_ARRAY else content
            for i in range(len(elements) - 1, -1, -1):
                todo.append(elements[i])
                if i:
                    todo.append(", ")
        else:
            out.append("%s %d" % (name, content))
    return "".join(out)


def printable(octets: bytes) -> str:
    """Text octets in quotation marks, control characters by their number; UTF-8 is shown as it is when it is valid."""
    try:
        letters = octets.decode()
    except (UnicodeError, ValueError):
        letters = "".join([chr(octet) if octet < 0x80 else "\\x%02x" % octet for octet in octets])
    return '"' + "".join([c if c >= " " and c != '"' and c != "\x7f" else "\\x%02x" % ord(c) for c in letters]) + '"'
