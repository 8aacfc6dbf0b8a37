"""Fuzzes the nwk frames of the air."""

import mutate
from air_samples import HUB, METER, NWK_COMMANDS, NWK_FRAMES

from slotmeter.zigbee_han.errors import DecodeError
from slotmeter.zigbee_han.frames import layout, nwk, secure

SEEDS = [nwk.build(frame) for frame in NWK_FRAMES]
SEEDS += [
    nwk.build(nwk.Frame(nwk.COMMAND, 0, 0x4321, 30, 9, payload, HUB, METER))
    for payload in NWK_COMMANDS
]
SEEDS.append(
    nwk.build(nwk.Frame(nwk.DATA, 0, 0x4321, 30, 9, b"\x28\1\0\0\0" + bytes(9) + b"payload and mic", secured=True))
)


def parse(data):
    frame = nwk.parse(data)
    assert nwk.build(frame) == data, "the frame builds differently"
    assert data[frame.header_size :] == frame.payload, "the header is not as long as it says"
    if frame.secured:
        auxiliary = secure.parse_auxiliary(frame.payload)
        assert auxiliary.size + secure.MIC_SIZE <= len(frame.payload), "there is no room for a MIC"
    elif frame.kind == nwk.COMMAND:
        assert layout.build(nwk.parse_command(frame.payload)) == frame.payload, "the command builds differently"


TARGET = mutate.Target("zigbee_han/frames/nwk.py", SEEDS, parse, DecodeError)

if __name__ == "__main__":
    mutate.main(TARGET)
