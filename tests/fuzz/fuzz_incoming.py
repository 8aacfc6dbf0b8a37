"""Fuzzes what a ZigBee stick brings: messages, blocks of messages, and device objects' answers, in any order.

An input is frames one behind the other, each with its length (1) before it, of EZSP version 13 or 18. What is handed
over must have come in one of the frames, or be made of blocks that were acknowledged.
"""

import mutate

from slotmeter.hal import fragments
from slotmeter.hal.host.ezsp_traffic import FRAGMENT, Traffic
from slotmeter.hal.host.radio_ezsp import parse_incoming
from slotmeter.hal.radio import Received

EUI = bytes.fromhex("02000000000000aa")


class Refused(Exception):
    reason = "no message of the input was taken"


class Still(Traffic):
    """Traffic without a loop: nothing that takes time happens, time goes on with each frame."""

    def __init__(self):
        self.events = []
        self.counted = {}
        self.now = 0.0
        super().__init__(self.events.append, lambda why: self.counted.update({why: self.counted.get(why, 0) + 1}))

    def _now(self):
        self.now += 0.5
        return self.now

    def _spawn(self, work, *arguments):
        work(*arguments).close()


def frame(
    version, kind=0, profile=0x0109, cluster=0x0704, ends=b"\x01\x01", options=0x0160, group=0, number=1, data=b""
):
    aps = profile.to_bytes(2, "little") + cluster.to_bytes(2, "little") + ends + options.to_bytes(2, "little")
    aps += group.to_bytes(2, "little") + bytes((number,))
    if version >= 14:
        rest = b"\x34\x12" + EUI[::-1] + b"\xff\xff\xff\xd8" + bytes(4)
    else:
        rest = b"\xff\xd8\x34\x12\xff\xff"
    body = b"\x00\x90\x01\x45\x00" + bytes((kind,)) + aps + rest + bytes((len(data),)) + data
    return bytes((len(body),)) + body


def seeds():
    found = []
    for version in (13, 18):
        announce = b"\x01\x34\x12" + EUI[::-1] + b"\x8e"
        answer = b"\x01\x00" + EUI[::-1] + b"\x34\x12"
        known = frame(version, 4, 0, 0x0013, b"\x00\x00", 0, data=announce)
        found.append(known + frame(version, data=b"hello") + frame(version, 4, data=b"to all"))
        found.append(frame(version, 0, 0, 0x8000, b"\x00\x00", data=answer) + frame(version, data=b"x"))
        blocks = []
        for index in range(3):
            group = index if index else 3 << 8
            blocks.append(frame(version, options=0x8160, group=group, number=9, data=bytes((index,)) * 71))
        found.append(known + b"".join(blocks))
        found.append(known + b"".join([one + one for one in blocks]))
        found.append(known + blocks[0] + frame(version, options=0x8160, group=0xFF00, number=9))
    return [bytes((version,)) + one for version in (13, 18) for one in found]


def parse(data):
    traffic = Still()
    version = 18 if data[:1] > b"\x0d" else 13
    pos, whole, blocks = 1, [], 0
    while pos < len(data):
        size = data[pos]
        piece = data[pos + 1 : pos + 1 + size]
        pos += 1 + size
        try:
            message = parse_incoming(piece, version)
        except ValueError:
            continue
        if message.options & FRAGMENT:
            blocks += len(message.data)
        else:
            whole.append(message.data)
        traffic.on_message(message)
    taken = [event.payload for event in traffic.events if isinstance(event, Received)]
    for payload in taken:
        assert payload in whole or len(payload) <= min(blocks, fragments.BLOCK_LIMIT * fragments.LARGEST_BLOCK)
    assert len(traffic._eui) == len(traffic._short)
    assert not [why for why in traffic.counted if "fault" in why]
    if not taken:
        raise Refused


TARGET = mutate.Target("hal/host/ezsp_traffic.py", seeds(), parse, Refused)

if __name__ == "__main__":
    mutate.main(TARGET)
