"""Fuzzes the mac frames of the air."""

import mutate
from air_samples import MAC_FRAMES

from slotmeter.zigbee_han.errors import DecodeError
from slotmeter.zigbee_han.frames import layout, mac

SEEDS = [mac.build(frame) for frame in MAC_FRAMES]


def parse(data):
    # The engine does not repair the FCS: each input is tried as it is, and with the right one.
    try:
        assert mac.build(mac.parse(data)) == data, "the frame builds differently"
    except DecodeError:
        data = mac.with_fcs(data[:-2])
    frame = mac.parse(data)
    assert mac.build(frame) == data, "the frame builds differently"
    if frame.kind == mac.COMMAND:
        assert layout.build(mac.parse_command(frame.payload)) == frame.payload, "the command builds differently"
    if frame.kind == mac.BEACON:
        assert layout.build(mac.parse_beacon(frame.payload)) == frame.payload, "the beacon builds differently"


TARGET = mutate.Target("zigbee_han/frames/mac.py", SEEDS, parse, DecodeError)

if __name__ == "__main__":
    mutate.main(TARGET)
