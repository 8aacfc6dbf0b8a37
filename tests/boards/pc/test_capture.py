"""A capture is a pcap file that another description reads back."""

import io

import construct as c

from slotmeter.boards.pc.capture import Capture

PCAP = c.Struct(
    "magic" / c.Const(0xA1B2C3D4, c.Int32ul),
    "version" / c.Const([2, 4], c.Array(2, c.Int16ul)),
    "zone" / c.Const(0, c.Int32sl),
    "accuracy" / c.Const(0, c.Int32ul),
    "longest" / c.Int32ul,
    "link_type" / c.Const(195, c.Int32ul),
    "records"
    / c.GreedyRange(
        c.Struct(
            "seconds" / c.Int32ul,
            "microseconds" / c.Int32ul,
            "kept" / c.Int32ul,
            "length" / c.Int32ul,
            "octets" / c.Bytes(c.this.kept),
        )
    ),
    c.Terminated,
)


def test_what_is_captured_is_read_back():
    file = io.BytesIO()
    capture = Capture(file, epoch_s=1600000000)
    assert PCAP.parse(file.getvalue()).records == []
    capture.add(b"\x02\x00\x6a\xe4\x79", 2000003)
    capture.add(bytes(127), 3999999)
    seen = PCAP.parse(file.getvalue()).records
    assert [(one.seconds, one.microseconds, one.length, one.octets) for one in seen] == [
        (1600000002, 3, 5, b"\x02\x00\x6a\xe4\x79"),
        (1600000003, 999999, 127, bytes(127)),
    ]
    assert capture.frames == 2
