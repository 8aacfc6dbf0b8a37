"""Data protection (interface class 30): attributes read together and encrypted for one reader (GBCS section 8.4).

Request: structure of
    an array of {class, OBIS, attribute, data index 0, restriction}, where a restriction is {0, null} for none or
    {1, {from, to}} for the rows of a buffer between two date-times;
    an array of one {2, {04 and the command's counter, requester, device, "", {2, {02, ""}}}}.
Response: structure of the same protection parameters the other way round, and the encrypted octets, whose plaintext
is a structure of the attributes in order.
"""

from slotmeter.dlms.apdu import OTHER_REASON, SCOPE_OF_ACCESS_VIOLATED, SUCCESS, TYPE_UNMATCHED
from slotmeter.dlms.cosem.buffers import EARLIEST, LATEST
from slotmeter.dlms.dates import to_seconds
from slotmeter.dlms.errors import DecodeError
from slotmeter.dlms.octets import put_length

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slotmeter.dlms.cosem.access import Access
    from slotmeter.dlms.cosem.tree import Tree

NULL = b"\x00"
# Attributes in one request: far more than any object offers.
LIST_LIMIT = 16

_PARAMETERS = b"\x01\x01\x02\x02\x16\x02\x02\x05\x09\x09\x04"
_KEY_INFO = b"\x09\x00\x02\x02\x16\x02\x02\x02\x09\x01\x02\x09\x00"


def protection_parameters(counter: bytes, device: bytes, target: bytes) -> bytes:
    """The protection parameters of what a device encrypts, as A-XDR: counter, device and reader have 8 octets each."""
    return _PARAMETERS + counter + b"\x09\x08" + device + b"\x09\x08" + target + _KEY_INFO


def _stamp(date_time: bytes, wild: bytes) -> bytes:
    """Four octets of seconds since 2000, `wild` when the date-time leaves them open; DecodeError when it is none."""
    seconds = to_seconds(date_time)
    if seconds is None:
        return wild
    if seconds < 0:
        return EARLIEST
    return LATEST if seconds >> 32 else seconds.to_bytes(4, "big")


def get_protected_attributes(tree: "Tree", key: bytes, data: bytes, access: "Access") -> "tuple[int, bytes]":
    """Method 1. type-unmatched for another argument than GBCS has, scope-of-access-violated for another requester,
    device or counter than the command's or an attribute that the object does not offer, other-reason without a key.
    """
    count = data[3] if data[:3] == b"\x02\x02\x01" and len(data) > 3 else 0
    if not 0 < count <= LIST_LIMIT:
        return TYPE_UNMATCHED, NULL
    pos = 4
    wanted = []
    for _ in range(count):
        if (
            data[pos : pos + 3] != b"\x02\x05\x12"
            or data[pos + 5 : pos + 7] != b"\x09\x06"
            or data[pos + 13 : pos + 14] != b"\x0f"
            or data[pos + 15 : pos + 21] != b"\x12\x00\x00\x02\x02\x16"
        ):
            return TYPE_UNMATCHED, NULL
        attribute = data[pos + 3 : pos + 5] + data[pos + 7 : pos + 13] + data[pos + 14 : pos + 15]
        if data[pos + 21 : pos + 23] == b"\x00\x00":
            wanted.append((attribute, b"", b""))
            pos += 23
        elif data[pos + 21 : pos + 26] == b"\x01\x02\x02\x09\x0c" and data[pos + 38 : pos + 40] == b"\x09\x0c":
            try:
                low = _stamp(data[pos + 26 : pos + 38], EARLIEST)
                high = _stamp(data[pos + 40 : pos + 52], LATEST)
            except DecodeError:
                return TYPE_UNMATCHED, NULL
            wanted.append((attribute, low, high))
            pos += 52
        else:
            return TYPE_UNMATCHED, NULL
    due = protection_parameters(access.counter, access.requester, access.device)
    if data[pos:] != due:
        return SCOPE_OF_ACCESS_VIOLATED if len(data) - pos == len(due) else TYPE_UNMATCHED, NULL
    offered = tree.protected(key)
    parts = [bytes((2, count))]
    for attribute, low, high in wanted:
        if attribute not in offered:
            return SCOPE_OF_ACCESS_VIOLATED, NULL
        result, value = tree.select(attribute, low, high) if low else tree.get(attribute, b"", access)
        if result != SUCCESS:
            return result, NULL
        parts.append(value)
    sealed = access.seal(b"".join(parts))
    if sealed is None:
        return OTHER_REASON, NULL
    head = b"\x02\x02" + protection_parameters(access.counter, access.device, access.target)
    return SUCCESS, head + b"\x09" + put_length(len(sealed)) + sealed
