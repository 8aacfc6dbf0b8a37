"""The xDLMS APDUs that GBCS uses (IEC 62056-5-3): access-request, access-response, data-notification.

    access-request     D9 invoke(4) 00 n n*specification n n*data
    access-response    DA invoke(4) 00 00 n n*data n n*(kind result)
    data-notification  0F invoke(4) 00 02 m m*element

invoke is 20 and the low 24 bits of the message's counter. A specification is a kind, a key of nine octets (class 2,
OBIS 6, attribute or method 1) and, for get with selection, a selector octet and its A-XDR. Keys and data stay octets:
the object tree keeps them so, and a command is answered without building a value.
"""

from slotmeter.dlms.axdr import skip
from slotmeter.dlms.errors import DecodeError, EncodeError
from slotmeter.dlms.octets import get_length, put_length

SUCCESS = 0
HARDWARE_FAULT = 1
TEMPORARY_FAILURE = 2
READ_WRITE_DENIED = 3
OBJECT_UNDEFINED = 4
OBJECT_CLASS_INCONSISTENT = 9
OBJECT_UNAVAILABLE = 11
TYPE_UNMATCHED = 12
SCOPE_OF_ACCESS_VIOLATED = 13
OTHER_REASON = 250

RESULT_NAMES = {
    SUCCESS: "success",
    HARDWARE_FAULT: "hardware-fault",
    TEMPORARY_FAILURE: "temporary-failure",
    READ_WRITE_DENIED: "read-write-denied",
    OBJECT_UNDEFINED: "object-undefined",
    OBJECT_CLASS_INCONSISTENT: "object-class-inconsistent",
    OBJECT_UNAVAILABLE: "object-unavailable",
    TYPE_UNMATCHED: "type-unmatched",
    SCOPE_OF_ACCESS_VIOLATED: "scope-of-access-violated",
    OTHER_REASON: "other-reason",
}

GET = 1
SET = 2
ACTION = 3
GET_WITH_SELECTION = 4

KIND_NAMES = ("?", "get", "set", "action", "get-with-selection")

NULL_DATA = b"\x00"
KEY_SIZE = 9
# A specification of one command; GBCS's largest use case has some ninety.
ITEM_LIMIT = 512


class Item:
    """One specification and its data: kind GET to GET_WITH_SELECTION, key (9 octets), selection (selector octet and
    its A-XDR, or b""), data (A-XDR, NULL_DATA for none).
    """

    __slots__ = ("kind", "key", "selection", "data")

    def __init__(self, kind: int, key: bytes, selection: bytes = b"", data: bytes = NULL_DATA) -> None:
        self.kind = kind
        self.key = key
        self.selection = selection
        self.data = data

    def __repr__(self) -> str:
        return "Item(%s %s, %d octets of data)" % (KIND_NAMES[self.kind], self.key.hex(), len(self.data))


def make_key(class_id: int, obis: bytes, number: int) -> bytes:
    """The nine octets that name an attribute or a method."""
    if len(obis) != 6:
        raise EncodeError("an OBIS code of %d octets" % len(obis))
    return class_id.to_bytes(2, "big") + obis + bytes((number,))


def parse_specifications(payload: bytes) -> "tuple[bytes, list[Item], int]":
    """The invoke id, the items without their data, and where the data begin.

    DecodeError unless `payload` begins as an access-request of 1 to ITEM_LIMIT items.
    """
    size = len(payload)
    if size < 9 or payload[0] != 0xD9 or payload[1] != 0x20:
        raise DecodeError("not an access-request", 0)
    if payload[5]:
        raise DecodeError("access-request with a date-time", 5)
    count, pos = get_length(payload, 6)
    # The smallest item takes ten octets of specification and one of data.
    if not count or count > ITEM_LIMIT or count * 11 > size - pos:
        raise DecodeError("number of specifications out of range", 6)
    items = []
    for _ in range(count):
        kind = payload[pos] if pos < size else 0
        start = pos + 1
        pos = start + 9
        if pos > size:
            raise DecodeError("specification truncated", start)
        if kind == 1 or kind == 2 or kind == 3:
            items.append(Item(kind, payload[start:pos]))
        elif kind == 4:
            key = payload[start:pos]
            start = pos
            pos = skip(payload, start + 1)
            items.append(Item(4, key, payload[start:pos]))
        else:
            raise DecodeError("specification of a kind not allowed", start - 1)
    return payload[1:5], items, pos


def parse_access_request(payload: bytes) -> "tuple[bytes, list[Item]]":
    """The invoke id and the items; DecodeError unless `payload` is one access-request of 1 to ITEM_LIMIT items."""
    invoke_id, items, pos = parse_specifications(payload)
    take_data(payload, items, pos)
    return invoke_id, items


def take_data(payload: bytes, items: "list[Item]", pos: int) -> None:
    """Gives each of `items` its data, which begin at `pos` and end with the payload; DecodeError when they do not."""
    size = len(payload)
    again, pos = get_length(payload, pos)
    if again != len(items):
        raise DecodeError("not as many data as specifications", pos)
    for item in items:
        if pos < size and not payload[pos]:
            pos += 1
            continue
        start = pos
        pos = skip(payload, start)
        item.data = payload[start:pos]
    if pos != size:
        raise DecodeError("octets left after the access-request", pos)


def build_access_request(counter: bytes, items: "list[Item]") -> bytes:
    """The access-request of a command whose originator counter is the 8 octets `counter`."""
    count = put_length(len(items))
    parts = [b"\xd9\x20", counter[5:8], b"\x00", count]
    for item in items:
        if len(item.key) != KEY_SIZE or not GET <= item.kind <= GET_WITH_SELECTION:
            raise EncodeError("an item without a kind or a key")
        parts.append(bytes((item.kind,)))
        parts.append(item.key)
        parts.append(item.selection)
    parts.append(count)
    for item in items:
        parts.append(item.data)
    return b"".join(parts)


def build_access_response(invoke_id: bytes, results: "list[tuple[int, int, bytes]]") -> bytes:
    """The access-response with (kind, result, data) for each item, in order; get with selection is answered as get."""
    count = put_length(len(results))
    parts = [b"\xda", invoke_id, b"\x00\x00", count]
    codes = bytearray()
    for kind, result, data in results:
        parts.append(data)
        codes.append(GET if kind == GET_WITH_SELECTION else kind)
        codes.append(result)
    parts.append(count)
    parts.append(bytes(codes))
    return b"".join(parts)


def parse_access_response(payload: bytes) -> "tuple[bytes, list[tuple[int, int, bytes]]]":
    """The invoke id and (kind, result, data) of each item; DecodeError unless it is exactly one access-response."""
    size = len(payload)
    if size < 9 or payload[0] != 0xDA or payload[1] != 0x20:
        raise DecodeError("not an access-response", 0)
    if payload[5] or payload[6]:
        raise DecodeError("access-response with a date-time or specifications", 5)
    count, pos = get_length(payload, 7)
    # The smallest item takes one octet of data and two of result.
    if not count or count > ITEM_LIMIT or count * 3 > size - pos:
        raise DecodeError("number of data out of range", 7)
    data = []
    for _ in range(count):
        start = pos
        pos = skip(payload, start)
        data.append(payload[start:pos])
    again, pos = get_length(payload, pos)
    if again != count:
        raise DecodeError("not as many results as data", pos)
    if pos + 2 * count != size:
        raise DecodeError("results truncated, or octets left after them", pos)
    results = []
    for i in range(count):
        kind = payload[pos]
        if kind < GET or kind > ACTION:
            raise DecodeError("result of a kind not allowed", pos)
        results.append((kind, payload[pos + 1], data[i]))
        pos += 2
    return payload[1:5], results


def build_data_notification(counter: bytes, elements: "list[bytes]") -> bytes:
    """The data-notification of an alert whose counter is the 8 octets `counter`; its structure holds `elements`."""
    return b"".join([b"\x0f\x20", counter[5:8], b"\x00\x02", put_length(len(elements))] + elements)


def parse_data_notification(payload: bytes) -> "tuple[bytes, list[bytes]]":
    """The invoke id and the elements of the structure; DecodeError unless it is exactly one data-notification."""
    size = len(payload)
    if size < 8 or payload[0] != 0x0F or payload[1] != 0x20:
        raise DecodeError("not a data-notification", 0)
    if payload[5]:
        raise DecodeError("data-notification with a date-time", 5)
    if payload[6] != 2:
        raise DecodeError("data-notification without a structure", 6)
    count, pos = get_length(payload, 7)
    if count > ITEM_LIMIT or count > size - pos:
        raise DecodeError("number of elements out of range", 7)
    elements = []
    for _ in range(count):
        start = pos
        pos = skip(payload, start)
        elements.append(payload[start:pos])
    if pos != size:
        raise DecodeError("octets left after the data-notification", pos)
    return payload[1:5], elements
