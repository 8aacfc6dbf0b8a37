"""Checked integers and DLMS lengths: MicroPython's struct truncates silently, these refuse.

A DLMS length (IEC 62056-6-2, as in BER) is one octet below 128, else 81 nn, 82 nnnn or 83 nnnnnn. Only the shortest
form is accepted: two spellings of one message would have two MACs.
"""

from slotmeter.dlms.errors import DecodeError, EncodeError


def put_int(value: int, size: int) -> bytes:
    """`value` as `size` octets, big-endian, two's complement; EncodeError when it does not fit."""
    half = 1 << (8 * size - 1)
    if value < -half or value >= half:
        raise EncodeError("%d does not fit %d octets signed" % (value, size))
    return (value & (2 * half - 1)).to_bytes(size, "big")


def get_int(data: bytes) -> int:
    """All of `data` as a two's complement integer, big-endian."""
    value = int.from_bytes(data, "big")
    half = 1 << (8 * len(data) - 1)
    return value - 2 * half if value >= half else value


def put_length(length: int) -> bytes:
    """`length` in its shortest form; EncodeError from 2^24 on."""
    if length < 0x80:
        return bytes((length,))
    if length < 0x100:
        return bytes((0x81, length))
    if length < 0x10000:
        return b"\x82" + length.to_bytes(2, "big")
    if length < 0x1000000:
        return b"\x83" + length.to_bytes(3, "big")
    raise EncodeError("length %d" % length)


def get_length(data: bytes, pos: int) -> "tuple[int, int]":
    """The length at `pos` and the position after it. It does not say that so many octets follow."""
    if pos >= len(data):
        raise DecodeError("length missing", pos)
    first = data[pos]
    if first < 0x80:
        return first, pos + 1
    size = first - 0x80
    if size < 1 or size > 3:
        raise DecodeError("length of a form not allowed", pos)
    after = pos + 1 + size
    if after > len(data):
        raise DecodeError("length truncated", pos)
    length = int.from_bytes(data[pos + 1 : after], "big")
    if length < 0x80 or length >> (8 * (size - 1)) == 0:
        raise DecodeError("length not in its shortest form", pos)
    return length, after
