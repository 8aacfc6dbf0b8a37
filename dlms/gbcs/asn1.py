"""DER as GBCS uses it in its own structures: a strict reader and a writer, both flat (no recursion).

What is read is what a remote party sends: single-octet tags, definite lengths in their shortest form, integers as
minimal two's complement, GeneralizedTime as YYYYMMDDHHMMSSZ. What devices write differs from DER in one point: a length
of 128 and more always takes the form 82 hh ll (GBCS section 13; every RTDS response does so). A reader of such
structures says `device=True` and then accepts exactly that form. Certificates are opaque here, except their outer
length.

All functions work on offsets into one octet string and raise DecodeError only.
"""

from slotmeter.dlms.errors import DecodeError, EncodeError

INTEGER = 0x02
BIT_STRING = 0x03
OCTET_STRING = 0x04
NULL = 0x05
ENUMERATED = 0x0A
GENERALIZED_TIME = 0x18
SEQUENCE = 0x30

# 9999-12-31T23:59:59Z in seconds since 2000-01-01Z: in executionDateTime it cancels what is stored (GBCS 13.3.5).
CANCEL_TIME = 252455615999

# Counters are 64 bits unsigned, so an integer takes at most nine octets.
_INTEGER_LIMIT = 9
_MONTH_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
# Days before each month of an ordinary year.
_MONTH_STARTS = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334)


# ---- reading


def header(data: bytes, pos: int, end: int, device: bool = False) -> "tuple[int, int, int]":
    """The tag at `pos` and where its contents start and stop; all of it lies before `end`."""
    if pos + 2 > end:
        raise DecodeError("ASN.1 element missing or truncated", pos)
    tag = data[pos]
    if tag & 0x1F == 0x1F:
        raise DecodeError("ASN.1 tag of more than one octet", pos)
    length = data[pos + 1]
    start = pos + 2
    if length >= 0x80:
        size = length - 0x80
        if size < 1 or size > 2 or start + size > end:
            raise DecodeError("ASN.1 length not allowed or truncated", pos + 1)
        length = int.from_bytes(data[start : start + size], "big")
        start += size
        # DER takes 81 nn for 128 to 255, a GBCS device 82 00 nn.
        smallest = 0x100 if size == 2 and not device else 0x80
        if length < smallest or (device and size == 1):
            raise DecodeError("ASN.1 length not in its one form", pos + 1)
    stop = start + length
    if stop > end:
        raise DecodeError("ASN.1 element longer than what holds it", pos)
    return tag, start, stop


def enter(data: bytes, pos: int, end: int, tag: int, device: bool = False) -> "tuple[int, int]":
    """Where the contents of the element at `pos`, which must have `tag`, start and stop."""
    found, start, stop = header(data, pos, end, device)
    if found != tag:
        raise DecodeError("ASN.1 tag %02x where %02x belongs" % (found, tag), pos)
    return start, stop


def children(
    data: bytes, start: int, stop: int, tag: int, limit: int, device: bool = False
) -> "list[tuple[int, int, int]]":
    """(offset, contents start, contents stop) of each element between `start` and `stop`, all with `tag`."""
    found: list[tuple[int, int, int]] = []
    pos = start
    while pos < stop:
        if len(found) == limit:
            raise DecodeError("more than %d ASN.1 elements" % limit, pos)
        inner, inner_stop = enter(data, pos, stop, tag, device)
        found.append((pos, inner, inner_stop))
        pos = inner_stop
    return found


def at_end(pos: int, end: int) -> None:
    """Refuses octets that nothing asked for."""
    if pos != end:
        raise DecodeError("octets after the last ASN.1 element", pos)


def integer_value(data: bytes, start: int, stop: int) -> int:
    """The integer whose contents lie between the two offsets."""
    size = stop - start
    if size < 1 or size > _INTEGER_LIMIT:
        raise DecodeError("ASN.1 integer of %d octets" % size, start)
    first = data[start]
    if size > 1 and ((first == 0 and data[start + 1] < 0x80) or (first == 0xFF and data[start + 1] >= 0x80)):
        raise DecodeError("ASN.1 integer not in its shortest form", start)
    value = int.from_bytes(data[start:stop], "big")
    return value - (1 << (8 * size)) if first >= 0x80 else value


def integer(data: bytes, pos: int, end: int, highest: int, tag: int = INTEGER) -> "tuple[int, int]":
    """The integer at `pos`, 0 to `highest`, and the offset after it."""
    start, stop = enter(data, pos, end, tag)
    value = integer_value(data, start, stop)
    if value < 0 or value > highest:
        raise DecodeError("ASN.1 integer out of range", pos)
    return value, stop


def octets(data: bytes, pos: int, end: int, size: int, tag: int = OCTET_STRING) -> "tuple[bytes, int]":
    """The octet string of exactly `size` octets at `pos`, and the offset after it."""
    start, stop = enter(data, pos, end, tag)
    if stop - start != size:
        raise DecodeError("octet string not of %d octets" % size, pos)
    return data[start:stop], stop


def key_usage(data: bytes, pos: int, end: int) -> "tuple[int, int]":
    """The KeyUsage bit string at `pos` as its one octet of flags (0x80 digitalSignature...), and the offset after it.

    A named bit list in DER ends with a one, so the count of unused bits is known.
    """
    start, stop = enter(data, pos, end, BIT_STRING)
    if stop - start != 2:
        raise DecodeError("key usage of a length not allowed", pos)
    unused = data[start]
    flags = data[start + 1]
    if unused > 7 or not flags or flags & ((2 << unused) - 1) != 1 << unused:
        raise DecodeError("key usage not in its one form", pos)
    return flags, stop


def generalized_time(data: bytes, pos: int, end: int) -> "tuple[int, int]":
    """The time at `pos` in seconds since 2000-01-01Z (CANCEL_TIME for the cancelling value), and the offset after
    it.
    """
    text, after = octets(data, pos, end, 15, GENERALIZED_TIME)
    for octet in text[:14]:
        if octet < 0x30 or octet > 0x39:
            raise DecodeError("time is not YYYYMMDDHHMMSSZ", pos)
    if text[14] != 0x5A:
        raise DecodeError("time is not YYYYMMDDHHMMSSZ", pos)
    year = int(text[:4])
    month = int(text[4:6])
    day = int(text[6:8])
    hour = int(text[8:10])
    minute = int(text[10:12])
    second = int(text[12:14])
    if year < 2000:
        raise DecodeError("time before the year 2000", pos)
    if month < 1 or month > 12 or day < 1 or day > _days_of_month(year, month):
        raise DecodeError("no such date", pos)
    if hour > 23 or minute > 59 or second > 59:
        raise DecodeError("no such time of day", pos)
    days = _days_before_year(year) + _MONTH_STARTS[month - 1] + day - 1
    if month > 2 and _is_leap(year):
        days += 1
    return ((days * 24 + hour) * 60 + minute) * 60 + second, after


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _days_of_month(year: int, month: int) -> int:
    return 29 if month == 2 and _is_leap(year) else _MONTH_DAYS[month - 1]


def _days_before_year(year: int) -> int:
    """Days from 2000-01-01 to the first of January of `year`."""
    past = year - 2000
    # Leap years from 2000 on: every fourth, without the hundredth, with the four hundredth.
    return past * 365 + (past + 3) // 4 - (past + 99) // 100 + (past + 399) // 400


# ---- writing


def element(tag: int, contents: bytes) -> bytes:
    """One element as a GBCS device writes it: a length of 128 and more as 82 hh ll."""
    size = len(contents)
    if size < 0x80:
        return bytes((tag, size)) + contents
    if size < 0x10000:
        return bytes((tag, 0x82)) + size.to_bytes(2, "big") + contents
    raise EncodeError("ASN.1 contents of %d octets" % size)


def sequence(parts: "list[bytes]") -> bytes:
    """A SEQUENCE of elements already written."""
    return element(SEQUENCE, b"".join(parts))


def put_integer(value: int, tag: int = INTEGER) -> bytes:
    """An INTEGER, minimal two's complement."""
    if value < 0:
        size = 1
        while value < -(1 << (8 * size - 1)):
            size += 1
        value += 1 << (8 * size)
    else:
        size = 1
        while value >> (8 * size - 1):
            size += 1
    return bytes((tag, size)) + value.to_bytes(size, "big")


def put_enumerated(value: int) -> bytes:
    """An ENUMERATED."""
    return put_integer(value, ENUMERATED)


def put_octets(value: bytes) -> bytes:
    """An OCTET STRING."""
    return element(OCTET_STRING, value)


def put_null() -> bytes:
    """A NULL."""
    return b"\x05\x00"


def put_key_usage(flags: int) -> bytes:
    """A KeyUsage bit string from its one octet of flags, which are not 0."""
    if flags < 1 or flags > 0xFF:
        raise EncodeError("key usage of no flags or too many")
    unused = 0
    while not flags >> unused & 1:
        unused += 1
    return bytes((BIT_STRING, 2, unused, flags))


def put_generalized_time(seconds: int) -> bytes:
    """A GeneralizedTime from seconds since 2000-01-01Z, up to CANCEL_TIME."""
    if seconds < 0 or seconds > CANCEL_TIME:
        raise EncodeError("time outside the years 2000 to 9999")
    days = seconds // 86400
    rest = seconds % 86400
    # A year has 365.2425 days on average, so this is right or one too high.
    year = 2000 + days * 400 // 146097
    while _days_before_year(year) > days:
        year -= 1
    while _days_before_year(year + 1) <= days:
        year += 1
    days -= _days_before_year(year)
    month = 1
    while days >= _days_of_month(year, month):
        days -= _days_of_month(year, month)
        month += 1
    text = "%04d%02d%02d%02d%02d%02dZ" % (year, month, days + 1, rest // 3600, rest // 60 % 60, rest % 60)
    return bytes((GENERALIZED_TIME, 15)) + text.encode()
