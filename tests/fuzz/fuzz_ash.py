"""Fuzzes ASH: parsing one frame, and both ends of a link in the middle of an exchange."""

import mutate

from slotmeter.zigbee_han.errors import DecodeError
from slotmeter.zigbee_han.ncp import ash

PAYLOADS = (b"\x00\x00\x00\x04", bytes(range(100)), b"\x7d\x7e\x11\x13\x18\x1a" * 9, bytes(220))


def seeds():
    found = [ash.build(control) for control in (0x80, 0x88, 0x87, 0xA0, 0xA7, 0xC0)]
    found += [ash.build(0xC1, b"\x02\x0b"), ash.build(0xC2, b"\x02\x51"), b"\x1a" + ash.build(0xC0)]
    for payload in PAYLOADS:
        found += [ash.build_data(number, number, number > 3, payload) for number in range(8)]
    return found + [b"".join(found[:12]), b"\x7e".join(found[12:16]), found[12] + b"\x18" + found[13]]


ENDS = [ash.CoProcessor(), ash.Host()]
NOW = [0]


def parse(data):
    NOW[0] += 100
    for end in ENDS:
        if isinstance(end, ash.CoProcessor) and end.state != ash.CONNECTED:
            end.start(ash.RESET_POWER_ON, NOW[0])
        elif end.state != ash.CONNECTED:
            end.connect(NOW[0])
        end.send(b"in between", NOW[0])
        end.to_send()
        end.receive(data, NOW[0])
        assert len(end._partial) <= ash.FRAME_LIMIT, "it keeps too much"
        event = end.next_event()
        while event is not None:
            assert not isinstance(event, ash.Received) or 3 <= len(event.data) <= ash.DATA_LIMIT
            event = end.next_event()
        # Whatever it says is well-formed.
        for piece in end.to_send().replace(b"\x11", b"").replace(b"\x1a", b"").split(b"\x7e"):
            if piece:
                ash.parse(piece)
        due = end.deadline_ms()
        if due is not None and due <= NOW[0]:
            end.tick(NOW[0])
    control, payload = ash.parse(data[:-1] if data[-1:] == b"\x7e" else data)
    again = ash.randomised(payload) if not control & 0x80 else payload
    assert ash.parse(ash.build(control, again)[:-1]) == (control, payload), "the frame builds differently"


TARGET = mutate.Target("zigbee_han/ncp/ash.py", seeds(), parse, DecodeError)

if __name__ == "__main__":
    mutate.main(TARGET)
