"""OBIS codes: the six octets that name a COSEM object (IEC 62056-6-1), and their text a-b:c.d.e.f."""

from slotmeter.dlms.errors import DecodeError, EncodeError


def text(octets: bytes) -> str:
    """Six octets as `0-0:94.44.34.10`."""
    if len(octets) != 6:
        raise DecodeError("an OBIS code of %d octets" % len(octets))
    return "%d-%d:%d.%d.%d.%d" % tuple(octets)


def parse(name: str) -> bytes:
    """The six octets of `0-0:94.44.34.10`; EncodeError when `name` is not written so."""
    medium, dash, rest = name.partition("-")
    channel, colon, rest = rest.partition(":")
    groups = [medium, channel] + rest.split(".")
    if not dash or not colon or len(groups) != 6:
        raise EncodeError("not an OBIS code of the form a-b:c.d.e.f: %s" % name)
    numbers = []
    for group in groups:
        if not group.isdigit() or len(group) > 3 or int(group) > 255:
            raise EncodeError("not an OBIS code of the form a-b:c.d.e.f: %s" % name)
        numbers.append(int(group))
    return bytes(numbers)
