"""The ZigBee Cluster Library: frame header, data types, general commands (ZCL specification, 2.3 to 2.6).

    frame   = control(1) [manufacturer(2)] sequence(1) command(1) payload
    control = bits 0-1 kind (0 general, 1 of the cluster), 2 manufacturer's own, 3 towards the client,
              4 no default response when all is well, 5-7 zero

Multi-octet numbers go least significant octet first. A value in Python is

    int     numbers, enumerations, bitmaps, times (seconds since 2000), cluster and attribute ids
    bool    boolean
    bytes   octet strings; general data, floating point numbers and keys in the order of the wire; addresses as printed
    str     character strings, which must be UTF-8
    list    [hours, minutes, seconds, hundredths], and [year, month, day, weekday] with the whole year; what a device
            leaves open is None in its place
    tuple   arrays, sets, bags: (type of the elements, [values])
    list    structures: [(type, value), ...]
    None    the invalid value, in types that have one

Bitmaps, general data and keys have no invalid value. Every parser reads to the end of the payload and refuses what is
left over, so that one sequence of octets has one meaning.
"""

from slotmeter.zigbee_han.errors import DecodeError, EncodeError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

GENERAL = 0
CLUSTER = 1

_MANUFACTURER = 0x04
_TO_CLIENT = 0x08
_NO_DEFAULT_RESPONSE = 0x10

# A tunnel's 1500 octets with their tunnel id and the longest header.
LONGEST_FRAME = 1507

# General commands (2.5).
READ = 0x00
READ_RESPONSE = 0x01
WRITE = 0x02
WRITE_UNDIVIDED = 0x03
WRITE_RESPONSE = 0x04
WRITE_NO_RESPONSE = 0x05
CONFIGURE_REPORTING = 0x06
CONFIGURE_REPORTING_RESPONSE = 0x07
READ_REPORTING = 0x08
READ_REPORTING_RESPONSE = 0x09
REPORT = 0x0A
DEFAULT_RESPONSE = 0x0B
DISCOVER = 0x0C
DISCOVER_RESPONSE = 0x0D

# Status (2.6.3).
SUCCESS = 0x00
FAILURE = 0x01
NOT_AUTHORIZED = 0x7E
MALFORMED_COMMAND = 0x80
UNSUPPORTED_CLUSTER_COMMAND = 0x81
UNSUPPORTED_GENERAL_COMMAND = 0x82
UNSUPPORTED_MANUFACTURER_CLUSTER_COMMAND = 0x83
UNSUPPORTED_MANUFACTURER_GENERAL_COMMAND = 0x84
INVALID_FIELD = 0x85
UNSUPPORTED_ATTRIBUTE = 0x86
INVALID_VALUE = 0x87
READ_ONLY = 0x88
INSUFFICIENT_SPACE = 0x89
NOT_FOUND = 0x8B
UNREPORTABLE_ATTRIBUTE = 0x8C
INVALID_DATA_TYPE = 0x8D
HARDWARE_FAILURE = 0xC0
SOFTWARE_FAILURE = 0xC1
UNSUPPORTED_CLUSTER = 0xC3

# Data types (2.6.2).
NO_DATA = 0x00
DATA8 = 0x08
BOOL = 0x10
B8 = 0x18
B16 = 0x19
B24 = 0x1A
B32 = 0x1B
B64 = 0x1F
U8 = 0x20
U16 = 0x21
U24 = 0x22
U32 = 0x23
U48 = 0x25
U64 = 0x27
I8 = 0x28
I16 = 0x29
I24 = 0x2A
I32 = 0x2B
I64 = 0x2F
E8 = 0x30
E16 = 0x31
SEMI = 0x38
SINGLE = 0x39
DOUBLE = 0x3A
OCTETS = 0x41
TEXT = 0x42
LONG_OCTETS = 0x43
LONG_TEXT = 0x44
ARRAY = 0x48
STRUCTURE = 0x4C
SET = 0x50
BAG = 0x51
TIME_OF_DAY = 0xE0
DATE = 0xE1
UTC = 0xE2
CLUSTER_ID = 0xE8
ATTRIBUTE_ID = 0xE9
BACNET_ID = 0xEA
ADDRESS = 0xF0
KEY = 0xF1

# Ours: the standard allows 15 levels, no Smart Energy attribute has more than one, and a board's stack is shallow.
DEEPEST = 4

_RAW, _UNSIGNED, _SIGNED, _PLAIN, _PARTS = 1, 2, 3, 4, 5


def _fixed(kind: int) -> "tuple[int, int]":
    """(how it is read, octets) of a type of fixed size, (0, 0) of others; _PLAIN is _UNSIGNED without invalid value."""
    if 0x08 <= kind <= 0x0F:
        return _RAW, kind - 0x07
    if 0x18 <= kind <= 0x1F:
        return _PLAIN, kind - 0x17
    if 0x20 <= kind <= 0x27:
        return _UNSIGNED, kind - 0x1F
    if 0x28 <= kind <= 0x2F:
        return _SIGNED, kind - 0x27
    if 0x30 <= kind <= 0x31:
        return _UNSIGNED, kind - 0x2F
    if 0x38 <= kind <= 0x3A:
        return _RAW, 2 << (kind - 0x38)
    if kind in (TIME_OF_DAY, DATE):
        return _PARTS, 4
    if kind in (UTC, BACNET_ID):
        return _UNSIGNED, 4
    if kind in (CLUSTER_ID, ATTRIBUTE_ID):
        return _UNSIGNED, 2
    if kind == KEY:
        return _RAW, 16
    return 0, 0


def number_size(kind: int) -> "tuple[int, bool]":
    """(octets, whether it has a sign) of a type that is a whole number; (0, False) for others."""
    how, size = _fixed(kind)
    return (size, how == _SIGNED) if how in (_UNSIGNED, _SIGNED, _PLAIN) else (0, False)


def known_type(kind: int) -> bool:
    """Whether `kind` is a data type that this module reads and writes."""
    return bool(_fixed(kind)[0]) or kind in (
        NO_DATA,
        BOOL,
        OCTETS,
        TEXT,
        LONG_OCTETS,
        LONG_TEXT,
        ARRAY,
        STRUCTURE,
        SET,
        BAG,
        ADDRESS,
    )


def is_analog(kind: int) -> bool:
    """Whether values of this type are amounts, whose reports may wait for a least change (2.6.2, table 2-10)."""
    return 0x20 <= kind <= 0x2F or 0x38 <= kind <= 0x3A or kind in (TIME_OF_DAY, DATE, UTC)


def _need(data: bytes, pos: int, size: int) -> int:
    """Where `size` octets from `pos` on end; DecodeError when there are not so many."""
    if pos + size > len(data):
        raise DecodeError("%d octets where %d are due" % (len(data) - pos, size), pos)
    return pos + size


def get_number(data: bytes, pos: int, size: int) -> "tuple[int, int]":
    """An unsigned number of `size` octets, and where it ends."""
    end = _need(data, pos, size)
    return int.from_bytes(data[pos:end], "little"), end


def put_number(value: "Any", size: int) -> bytes:
    """`value` as `size` octets, unsigned; EncodeError when it does not fit."""
    try:
        fits = value >= 0 and not value >> (8 * size)
    except TypeError:
        fits = False
    if not fits:
        raise EncodeError("%s does not fit %d octets unsigned" % (value, size))
    return int(value).to_bytes(size, "little")


def _get_parts(data: bytes, pos: int, kind: int) -> "tuple[Any, int]":
    end = _need(data, pos, 4)
    if data[pos:end] == b"\xff\xff\xff\xff":
        return None, end
    parts = [None if part == 0xFF else part for part in data[pos:end]]  # type: list[int | None]
    if kind == DATE and parts[0] is not None:
        parts[0] = parts[0] + 1900
    return parts, end


def _put_parts(kind: int, value: "Any") -> bytes:
    if value is None:
        return b"\xff\xff\xff\xff"
    out = b""
    for number, part in enumerate(value):
        if part is None:
            out += b"\xff"
            continue
        part -= 1900 if kind == DATE and not number else 0
        if part == 0xFF:
            raise EncodeError("255 means that nothing is said")
        out += put_number(part, 1)
    if len(out) != 4 or out == b"\xff\xff\xff\xff":
        raise EncodeError("a date or a time of day has four parts, not all of them open")
    return out


def _get_string(data: bytes, pos: int, kind: int) -> "tuple[Any, int]":
    size = 2 if kind >= LONG_OCTETS else 1
    length, start = get_number(data, pos, size)
    if length == (1 << 8 * size) - 1:
        return None, start
    end = _need(data, start, length)
    octets = bytes(data[start:end])
    if kind in (OCTETS, LONG_OCTETS):
        return octets, end
    try:
        return octets.decode(), end
    except UnicodeError:
        raise DecodeError("characters are not UTF-8", start) from None


def _put_string(kind: int, value: "Any") -> bytes:
    size = 2 if kind >= LONG_OCTETS else 1
    if value is None:
        return b"\xff" * size
    octets = value.encode() if kind in (TEXT, LONG_TEXT) else bytes(value)
    if len(octets) >= (1 << 8 * size) - 1:
        raise EncodeError("%d octets are too many for a string" % len(octets))
    return put_number(len(octets), size) + octets


def _get_collection(data: bytes, pos: int, kind: int, depth: int) -> "tuple[Any, int]":
    if depth >= DEEPEST:
        raise DecodeError("nested deeper than %d" % DEEPEST, pos)
    element = 0
    if kind != STRUCTURE:
        element, pos = get_number(data, pos, 1)
        # Elements without octets: a length of three octets could make 65534 of them.
        if element == NO_DATA or not known_type(element):
            raise DecodeError("type 0x%02X of elements unknown" % element, pos - 1)
    count, pos = get_number(data, pos, 2)
    if count == 0xFFFF:
        return None if kind == STRUCTURE else (element, None), pos
    if count > len(data) - pos:
        raise DecodeError("%d elements in %d octets" % (count, len(data) - pos), pos - 2)
    found = []  # type: list[Any]
    for _ in range(count):
        one = element
        if kind == STRUCTURE:
            one, pos = get_number(data, pos, 1)
        value, pos = get_value(data, pos, one, depth + 1)
        found.append((one, value) if kind == STRUCTURE else value)
    return found if kind == STRUCTURE else (element, found), pos


def _put_collection(kind: int, value: "Any", depth: int) -> bytes:
    if depth >= DEEPEST:
        raise EncodeError("nested deeper than %d" % DEEPEST)
    if kind == STRUCTURE:
        if value is None:
            return b"\xff\xff"
        parts = [bytes((one,)) + put_value(one, inner, depth + 1) for one, inner in value]
        return put_number(len(parts), 2) + b"".join(parts)
    element, values = value
    if element == NO_DATA or not known_type(element):
        raise EncodeError("type 0x%02X of elements unknown" % element)
    if values is None:
        return bytes((element,)) + b"\xff\xff"
    parts = [put_value(element, inner, depth + 1) for inner in values]
    if len(parts) >= 0xFFFF:
        raise EncodeError("too many elements")
    return bytes((element,)) + put_number(len(parts), 2) + b"".join(parts)


def get_value(data: bytes, pos: int, kind: int, depth: int = 0) -> "tuple[Any, int]":
    """The value of type `kind` at `pos`, and where it ends. DecodeError for unknown types too."""
    how, size = _fixed(kind)
    if how == _RAW:
        end = _need(data, pos, size)
        return bytes(data[pos:end]), end
    if how == _PARTS:
        return _get_parts(data, pos, kind)
    if how:
        number, end = get_number(data, pos, size)
        top = 1 << 8 * size
        if how == _PLAIN:
            return number, end
        if number == (top >> 1 if how == _SIGNED else top - 1):
            return None, end
        return number - top if how == _SIGNED and number > top >> 1 else number, end
    if kind == NO_DATA:
        return None, pos
    if kind == BOOL:
        number, end = get_number(data, pos, 1)
        if number not in (0, 1, 0xFF):
            raise DecodeError("%d is no boolean" % number, pos)
        return None if number == 0xFF else bool(number), end
    if OCTETS <= kind <= LONG_TEXT:
        return _get_string(data, pos, kind)
    if kind == ADDRESS:
        end = _need(data, pos, 8)
        octets = bytes(reversed(data[pos:end]))
        return None if octets == b"\xff" * 8 else octets, end
    if kind in (ARRAY, STRUCTURE, SET, BAG):
        return _get_collection(data, pos, kind, depth)
    raise DecodeError("data type 0x%02X unknown" % kind, pos)


def _put_integer(value: "Any", how: int, size: int) -> bytes:
    top = 1 << 8 * size
    if value is None:
        if how == _PLAIN:
            raise EncodeError("a bitmap has no invalid value")
        return put_number(top >> 1 if how == _SIGNED else top - 1, size)
    half = top >> 1
    try:
        low, high = (1 - half, half - 1) if how == _SIGNED else (0, top - 1 if how == _PLAIN else top - 2)
        fits = low <= value <= high
    except TypeError:
        fits = False
    if not fits:
        raise EncodeError("%s does not fit %d octets" % (value, size))
    return put_number(value + top if value < 0 else value, size)


def put_value(kind: int, value: "Any", depth: int = 0) -> bytes:
    """The octets of `value` as type `kind`; EncodeError when it does not fit, None for the invalid value."""
    how, size = _fixed(kind)
    try:
        if how == _RAW:
            if len(value) != size:
                raise EncodeError("%d octets instead of %d" % (len(value), size))
            return bytes(value)
        if how == _PARTS:
            return _put_parts(kind, value)
        if how:
            return _put_integer(value, how, size)
        if kind == NO_DATA:
            return b""
        if kind == BOOL:
            return b"\xff" if value is None else b"\x01" if value else b"\x00"
        if OCTETS <= kind <= LONG_TEXT:
            return _put_string(kind, value)
        if kind == ADDRESS:
            if value is not None and (len(value) != 8 or value == b"\xff" * 8):
                raise EncodeError("an address has 8 octets, not all of them FF")
            return b"\xff" * 8 if value is None else bytes(reversed(value))
        if kind in (ARRAY, STRUCTURE, SET, BAG):
            return _put_collection(kind, value, depth)
    except (TypeError, ValueError, AttributeError):
        raise EncodeError("%s is no value of type 0x%02X" % (type(value), kind)) from None
    raise EncodeError("data type 0x%02X unknown" % kind)


# ---- frames ----


class Frame:
    """One frame: kind GENERAL or CLUSTER; manufacturer, its code or None; to_client, whether a server speaks;
    no_default_response, whether success needs no answer; sequence 0 to 255; command; payload.
    """

    def __init__(
        self,
        kind: int,
        command: int,
        payload: bytes,
        sequence: int = 0,
        to_client: bool = False,
        no_default_response: bool = False,
        manufacturer: "int | None" = None,
    ) -> None:
        self.kind = kind
        self.command = command
        self.payload = payload
        self.sequence = sequence
        self.to_client = to_client
        self.no_default_response = no_default_response
        self.manufacturer = manufacturer

    def __repr__(self) -> str:
        return "Frame(%s command 0x%02X to %s, sequence %d, %d octets)" % (
            "cluster" if self.kind else "general",
            self.command,
            "client" if self.to_client else "server",
            self.sequence,
            len(self.payload),
        )


def parse_frame(data: bytes) -> Frame:
    """Takes a frame apart."""
    if len(data) > LONGEST_FRAME:
        raise DecodeError("longer than %d octets" % LONGEST_FRAME, LONGEST_FRAME)
    control, pos = get_number(data, 0, 1)
    if control & 0x03 > CLUSTER:
        raise DecodeError("frame type %d unknown" % (control & 0x03), 0)
    if control & 0xE0:
        raise DecodeError("reserved bits of the frame control set", 0)
    manufacturer = None
    if control & _MANUFACTURER:
        manufacturer, pos = get_number(data, pos, 2)
    _need(data, pos, 2)
    return Frame(
        control & 0x03,
        data[pos + 1],
        bytes(data[pos + 2 :]),
        data[pos],
        bool(control & _TO_CLIENT),
        bool(control & _NO_DEFAULT_RESPONSE),
        manufacturer,
    )


def build_frame(frame: Frame) -> bytes:
    """The octets of `frame`."""
    control = frame.kind
    control |= _TO_CLIENT if frame.to_client else 0
    control |= _NO_DEFAULT_RESPONSE if frame.no_default_response else 0
    manufacturer = b""
    if frame.manufacturer is not None:
        control |= _MANUFACTURER
        manufacturer = put_number(frame.manufacturer, 2)
    if not 0 <= frame.kind <= CLUSTER:
        raise EncodeError("frame type %d unknown" % frame.kind)
    head = bytes((control,)) + manufacturer + put_number(frame.sequence, 1) + put_number(frame.command, 1)
    if len(head) + len(frame.payload) > LONGEST_FRAME:
        raise EncodeError("frame longer than %d octets" % LONGEST_FRAME)
    return head + frame.payload


# ---- general commands: payloads ----


def parse_ids(payload: bytes) -> "list[int]":
    """Read attributes (2.5.1): attribute ids."""
    if len(payload) & 1:
        raise DecodeError("half an attribute id", len(payload) - 1)
    return [payload[pos] | payload[pos + 1] << 8 for pos in range(0, len(payload), 2)]


def build_ids(ids: "list[int]") -> bytes:
    """The payload of read attributes."""
    return b"".join([put_number(one, 2) for one in ids])


def parse_read_response(payload: bytes) -> "list[tuple[int, int, int, Any]]":
    """Read attributes response (2.5.2): (id, status, type, value); type 0 and None where the status is not success."""
    found = []  # type: list[tuple[int, int, int, Any]]
    pos = 0
    while pos < len(payload):
        attribute, pos = get_number(payload, pos, 2)
        status, pos = get_number(payload, pos, 1)
        kind = 0
        value = None
        if status == SUCCESS:
            kind, pos = get_number(payload, pos, 1)
            value, pos = get_value(payload, pos, kind)
        found.append((attribute, status, kind, value))
    return found


def build_read_record(attribute: int, status: int, kind: int = 0, value: "Any" = None) -> bytes:
    """One record of a read attributes response."""
    head = put_number(attribute, 2) + bytes((status,))
    return head if status != SUCCESS else head + bytes((kind,)) + put_value(kind, value)


def parse_values(payload: bytes) -> "list[tuple[int, int, Any]]":
    """Write attributes and report attributes (2.5.3, 2.5.11): (id, type, value)."""
    found = []  # type: list[tuple[int, int, Any]]
    pos = 0
    while pos < len(payload):
        attribute, pos = get_number(payload, pos, 2)
        kind, pos = get_number(payload, pos, 1)
        value, pos = get_value(payload, pos, kind)
        found.append((attribute, kind, value))
    return found


def build_values(values: "list[tuple[int, int, Any]]") -> bytes:
    """The payload of write attributes and report attributes from (id, type, value)."""
    return b"".join([put_number(one, 2) + bytes((kind,)) + put_value(kind, value) for one, kind, value in values])


def parse_write_response(payload: bytes) -> "list[tuple[int, int]]":
    """Write attributes response (2.5.5): (status, id) of what was not written; empty when all was."""
    if payload == b"\x00":
        return []
    if not payload or len(payload) % 3:
        raise DecodeError("write response is not made of records of 3 octets", len(payload))
    found = []
    for pos in range(0, len(payload), 3):
        if payload[pos] == SUCCESS:
            raise DecodeError("success among the failures", pos)
        found.append((payload[pos], payload[pos + 1] | payload[pos + 2] << 8))
    return found


def build_write_response(failures: "list[tuple[int, int]]") -> bytes:
    """The payload of a write attributes response from (status, id) of what was not written."""
    return b"".join([bytes((status,)) + put_number(one, 2) for status, one in failures]) or b"\x00"


class Reporting:
    """How one attribute is reported: attribute; received, whether this says what the other side will send us; kind, its
    data type; least_s and most_s, the interval in seconds (most_s 0 when only a change matters, 65535 never);
    change, the least change of an amount, None for other types; timeout_s, of what is received.
    """

    def __init__(
        self,
        attribute: int,
        kind: int = 0,
        least_s: int = 0,
        most_s: int = 0,
        change: "Any" = None,
        received: bool = False,
        timeout_s: int = 0,
    ) -> None:
        self.attribute = attribute
        self.kind = kind
        self.least_s = least_s
        self.most_s = most_s
        self.change = change
        self.received = received
        self.timeout_s = timeout_s

    def __repr__(self) -> str:
        return "Reporting(0x%04X, %d to %d s)" % (self.attribute, self.least_s, self.most_s)


def _get_reporting(payload: bytes, pos: int, received: int, attribute: int) -> "tuple[Reporting, int]":
    if received:
        timeout, pos = get_number(payload, pos, 2)
        return Reporting(attribute, received=True, timeout_s=timeout), pos
    kind, pos = get_number(payload, pos, 1)
    if not known_type(kind):
        raise DecodeError("data type 0x%02X unknown" % kind, pos - 1)
    least, pos = get_number(payload, pos, 2)
    most, pos = get_number(payload, pos, 2)
    change = None
    if is_analog(kind):
        change, pos = get_value(payload, pos, kind)
    return Reporting(attribute, kind, least, most, change), pos


def _put_reporting(one: Reporting) -> bytes:
    if one.received:
        return put_number(one.timeout_s, 2)
    change = put_value(one.kind, one.change) if is_analog(one.kind) else b""
    return bytes((one.kind,)) + put_number(one.least_s, 2) + put_number(one.most_s, 2) + change


def _get_direction(payload: bytes, pos: int) -> "tuple[int, int, int]":
    """(direction, attribute, where they end)."""
    received, pos = get_number(payload, pos, 1)
    if received > 1:
        raise DecodeError("direction %d unknown" % received, pos - 1)
    attribute, pos = get_number(payload, pos, 2)
    return received, attribute, pos


def parse_configure(payload: bytes) -> "list[Reporting]":
    """Configure reporting (2.5.7)."""
    found = []
    pos = 0
    while pos < len(payload):
        received, attribute, pos = _get_direction(payload, pos)
        one, pos = _get_reporting(payload, pos, received, attribute)
        found.append(one)
    return found


def build_configure(wanted: "list[Reporting]") -> bytes:
    """The payload of configure reporting."""
    return b"".join([bytes((one.received,)) + put_number(one.attribute, 2) + _put_reporting(one) for one in wanted])


def parse_configure_response(payload: bytes) -> "list[tuple[int, int, int]]":
    """Configure reporting response (2.5.8): (status, direction, id) of what failed; empty when all is configured."""
    if payload == b"\x00":
        return []
    if not payload or len(payload) % 4:
        raise DecodeError("configure response is not made of records of 4 octets", len(payload))
    found = []
    for pos in range(0, len(payload), 4):
        received, attribute, _ = _get_direction(payload, pos + 1)
        found.append((payload[pos], received, attribute))
    return found


def build_configure_response(failures: "list[tuple[int, int, int]]") -> bytes:
    """The payload of a configure reporting response from (status, direction, id) of what failed."""
    return b"".join([bytes((status, way)) + put_number(one, 2) for status, way, one in failures]) or b"\x00"


def parse_read_reporting(payload: bytes) -> "list[tuple[int, int]]":
    """Read reporting configuration (2.5.9): (direction, id)."""
    found = []
    pos = 0
    while pos < len(payload):
        received, attribute, pos = _get_direction(payload, pos)
        found.append((received, attribute))
    return found


def build_read_reporting(wanted: "list[tuple[int, int]]") -> bytes:
    """The payload of read reporting configuration from (direction, id)."""
    return b"".join([bytes((way,)) + put_number(one, 2) for way, one in wanted])


def parse_read_reporting_response(payload: bytes) -> "list[tuple[int, Reporting]]":
    """Read reporting configuration response (2.5.10): (status, what is configured)."""
    found = []
    pos = 0
    while pos < len(payload):
        status, pos = get_number(payload, pos, 1)
        received, attribute, pos = _get_direction(payload, pos)
        one = Reporting(attribute, received=bool(received))
        if status == SUCCESS:
            one, pos = _get_reporting(payload, pos, received, attribute)
        found.append((status, one))
    return found


def build_read_reporting_response(found: "list[tuple[int, Reporting]]") -> bytes:
    """The payload of a read reporting configuration response from (status, what is configured)."""
    parts = []
    for status, one in found:
        parts.append(bytes((status, one.received)) + put_number(one.attribute, 2))
        parts.append(_put_reporting(one) if status == SUCCESS else b"")
    return b"".join(parts)


def parse_default_response(payload: bytes) -> "tuple[int, int]":
    """Default response (2.5.12): (command, status)."""
    if len(payload) != 2:
        raise DecodeError("default response of %d octets instead of 2" % len(payload), 0)
    return payload[0], payload[1]


def parse_discover(payload: bytes) -> "tuple[int, int]":
    """Discover attributes (2.5.13): (first id, how many at most)."""
    if len(payload) != 3:
        raise DecodeError("discover attributes of %d octets instead of 3" % len(payload), 0)
    return payload[0] | payload[1] << 8, payload[2]


def parse_discover_response(payload: bytes) -> "tuple[bool, list[tuple[int, int]]]":
    """Discover attributes response (2.5.14): whether these are all, and (id, type) in order of id."""
    complete, pos = get_number(payload, 0, 1)
    if complete > 1:
        raise DecodeError("%d is no boolean" % complete, 0)
    if (len(payload) - 1) % 3:
        raise DecodeError("discover response is not made of records of 3 octets", len(payload))
    found = []
    last = -1
    for at in range(pos, len(payload), 3):
        attribute = payload[at] | payload[at + 1] << 8
        if attribute <= last:
            raise DecodeError("attributes are not in order", at)
        last = attribute
        found.append((attribute, payload[at + 2]))
    return bool(complete), found


def build_discover_response(complete: bool, found: "list[tuple[int, int]]") -> bytes:
    """The payload of a discover attributes response from (id, type)."""
    return bytes((complete,)) + b"".join([put_number(one, 2) + bytes((kind,)) for one, kind in found])
