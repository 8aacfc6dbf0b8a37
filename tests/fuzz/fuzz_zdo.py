"""Fuzzes the zdo frames of the air."""

import mutate
from air_samples import ZDO

from slotmeter.zigbee_han.errors import DecodeError
from slotmeter.zigbee_han.frames import layout, zdo

# The cluster, which the APS header brings, goes before the message.
SEEDS = [cluster.to_bytes(2, "little") + octets for cluster, octets in ZDO]


def parse(data):
    found = zdo.parse(int.from_bytes(data[:2], "little"), data[2:])
    assert layout.build(found) == data[2:], "the message builds differently"


TARGET = mutate.Target("zigbee_han/frames/zdo.py", SEEDS, parse, DecodeError)

if __name__ == "__main__":
    mutate.main(TARGET)
