"""Fuzzes the datagrams between processes that share an air."""

import mutate

from slotmeter.boards.pc import shared_air
from slotmeter.zigbee_han.errors import DecodeError

SEEDS = [
    shared_air.build(shared_air.Frame(octets, channel, x, y))
    for octets, channel, x, y in (
        (b"\x02\x00\x07\x8d\x21", 11, 0, 0),
        (bytes(range(127)), 26, -1, 2**31 - 1),
        (b"\x03\x08\x01\xff\xff\xff\xff\x07\x00\x00", 15, 99, -(2**31)),
    )
]


def parse(data):
    frame = shared_air.parse(data)
    assert 3 <= len(frame.octets) <= 127 and 11 <= frame.channel <= 26
    assert shared_air.build(frame) == data, "the datagram builds differently"


TARGET = mutate.Target("boards/pc/shared_air.py", SEEDS, parse, DecodeError)

if __name__ == "__main__":
    mutate.main(TARGET)
