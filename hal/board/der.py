"""A strict reader and a small writer of DER (X.690), as far as certificates need them.

Only one spelling of each value is taken: definite lengths in their shortest form, one-octet tags. Everything wrong is
HalError(BAD_CERTIFICATE) with the offset. No recursion: the caller walks down with the ends that it was given.
"""

from slotmeter.hal.errors import BAD_CERTIFICATE, HalError

BOOLEAN = 0x01
INTEGER = 0x02
BIT_STRING = 0x03
OCTET_STRING = 0x04
OBJECT_IDENTIFIER = 0x06
UTC_TIME = 0x17
GENERALIZED_TIME = 0x18
SEQUENCE = 0x30
SET = 0x31


def refuse(reason: str, pos: int) -> HalError:
    """What to raise about the octet at `pos`."""
    return HalError(BAD_CERTIFICATE, "%s at octet %d" % (reason, pos))


def element(data: bytes, pos: int, end: int) -> "tuple[int, int, int]":
    """Tag, start and end of the contents of the element at `pos`, all of which lies before `end`."""
    if pos + 2 > end:
        raise refuse("element missing or cut off", pos)
    tag = data[pos]
    if tag & 0x1F == 0x1F:
        raise refuse("tag of more than one octet", pos)
    length = data[pos + 1]
    start = pos + 2
    if length >= 0x80:
        size = length - 0x80
        if size < 1 or size > 2 or start + size > end:
            raise refuse("length of a form not allowed", pos + 1)
        length = data[start]
        if size == 2:
            length = length << 8 | data[start + 1]
        if length < (0x80, 0x100)[size - 1]:
            raise refuse("length not in its shortest form", pos + 1)
        start += size
    if start + length > end:
        raise refuse("contents cut off", pos)
    return tag, start, start + length


def expect(data: bytes, pos: int, end: int, tag: int) -> "tuple[int, int]":
    """Start and end of the contents of the element at `pos`, which must have this tag."""
    found, start, stop = element(data, pos, end)
    if found != tag:
        raise refuse("tag %02x where %02x belongs" % (found, tag), pos)
    return start, stop


def expect_whole(data: bytes, pos: int, end: int, tag: int) -> int:
    """Start of the contents of the element that fills `pos` to `end` exactly."""
    start, stop = expect(data, pos, end, tag)
    if stop != end:
        raise refuse("octets too many", stop)
    return start


def check_identifier(data: bytes, start: int, stop: int) -> None:
    """Refuses contents that are no object identifier: empty, cut off, or padded."""
    first = True
    for pos in range(start, stop):
        if first and data[pos] == 0x80:
            raise refuse("padded object identifier", pos)
        first = data[pos] < 0x80
    if start == stop or not first:
        raise refuse("object identifier cut off", start)


def check_positive(data: bytes, start: int, stop: int, limit: int) -> None:
    """Refuses contents that are no positive INTEGER of at most `limit` octets."""
    if start == stop or stop - start > limit:
        raise refuse("integer of %d octets" % (stop - start), start)
    if data[start] >= 0x80 or (data[start] == 0 and stop - start == 1):
        raise refuse("integer that is not positive", start)
    if data[start] == 0 and data[start + 1] < 0x80:
        raise refuse("padded integer", start)


def wrap(tag: int, contents: bytes) -> bytes:
    """The element with this tag and contents, up to 65535 octets."""
    length = len(contents)
    if length < 0x80:
        head = bytes((tag, length))
    elif length < 0x100:
        head = bytes((tag, 0x81, length))
    else:
        head = bytes((tag, 0x82)) + length.to_bytes(2, "big")
    return head + contents


def put_positive(magnitude: bytes) -> bytes:
    """An INTEGER from the octets of a positive number, which may have leading zeros."""
    start = 0
    while start < len(magnitude) - 1 and magnitude[start] == 0:
        start += 1
    contents = magnitude[start:]
    if contents[0] >= 0x80:
        contents = b"\x00" + contents
    return wrap(INTEGER, contents)
