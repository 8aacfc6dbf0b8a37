"""Fuzzes the aps frames of the air."""

import mutate
from air_samples import APS_COMMANDS, APS_FRAMES

from slotmeter.zigbee_han.errors import DecodeError
from slotmeter.zigbee_han.frames import aps, layout, secure

SEEDS = [aps.build(frame) for frame in APS_FRAMES]
SEEDS += [aps.build(aps.Frame(aps.COMMAND, 9, payload)) for payload in APS_COMMANDS]
SEEDS.append(aps.build(aps.Frame(aps.COMMAND, 9, b"\x30\1\0\0\0" + bytes(8) + b"payload and mic", secured=True)))


def parse(data):
    frame = aps.parse(data)
    assert aps.build(frame) == data, "the frame builds differently"
    assert data[frame.header_size :] == frame.payload, "the header is not as long as it says"
    if frame.secured:
        auxiliary = secure.parse_auxiliary(frame.payload)
        assert auxiliary.size + secure.MIC_SIZE <= len(frame.payload), "there is no room for a MIC"
    elif frame.kind == aps.COMMAND:
        assert layout.build(aps.parse_command(frame.payload)) == frame.payload, "the command builds differently"


TARGET = mutate.Target("zigbee_han/frames/aps.py", SEEDS, parse, DecodeError)

if __name__ == "__main__":
    mutate.main(TARGET)
