"""What holds for every payload, every cut of a stream, and every bad wire that a generator can think of."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slotmeter.hal.virtual import faults
from slotmeter.zigbee_han.errors import DecodeError
from slotmeter.zigbee_han.ncp import ash

PAYLOAD = st.binary(min_size=ash.SHORTEST_DATA, max_size=ash.DATA_LIMIT)
SPECIAL = st.lists(st.sampled_from(b"\x7d\x7e\x11\x13\x18\x1a\x5d\x5e\x00"), min_size=3, max_size=220).map(bytes)


@given(PAYLOAD | SPECIAL.map(ash.randomised), st.integers(0, 7), st.integers(0, 7), st.booleans())
def test_what_is_built_parses_to_the_same(data, number, acknowledged, resent):
    frame = ash.build_data(number, acknowledged, resent, data)
    assert len(frame) <= ash.FRAME_LIMIT + 1
    assert not set(frame[:-1]) & set(b"\x7e\x11\x13\x18\x1a")
    assert frame[-1] == 0x7E
    assert ash.parse(frame[:-1]) == (number << 4 | 8 * resent | acknowledged, data)


@given(st.binary(max_size=500))
def test_whatever_comes_is_a_frame_or_refused(data):
    try:
        control, payload = ash.parse(data)
    except DecodeError:
        return
    again = ash.randomised(payload) if not control & 0x80 else payload
    assert ash.parse(ash.build(control, again)[:-1]) == (control, payload)


@given(PAYLOAD, st.integers(0, 10**6))
def test_one_flipped_bit_never_passes_as_the_frame(data, place):
    frame = ash.build_data(1, 2, False, data)[:-1]
    place %= 8 * len(frame)
    bad = frame[: place // 8] + bytes((frame[place // 8] ^ 1 << place % 8,)) + frame[place // 8 + 1 :]
    with pytest.raises(DecodeError):
        # A flag in the middle would cut it in two: each half is judged.
        for part in bad.split(b"\x7e"):
            ash.parse(part)


@given(st.lists(PAYLOAD, min_size=1, max_size=7), st.lists(st.integers(1, 30), min_size=1))
def test_a_stream_may_be_cut_anywhere(payloads, cuts):
    link = ash.CoProcessor()
    link.start(ash.RESET_POWER_ON, 0)
    stream = b"".join([ash.build_data(i, 0, False, payloads[i]) for i in range(len(payloads))])
    pos = turn = 0
    while pos < len(stream):
        size = cuts[turn % len(cuts)]
        link.receive(stream[pos : pos + size], 0)
        pos += size
        turn += 1
    for payload in payloads:
        assert link.next_event().data == payload
    assert link.next_event() is None and not link.dropped


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 2**32),
    st.integers(0, 150),
    st.integers(0, 150),
    st.integers(0, 150),
    st.integers(1, 7),
    st.lists(st.binary(min_size=3, max_size=40), max_size=25),
    st.lists(st.binary(min_size=3, max_size=40), max_size=25),
)
def test_over_a_bad_wire_everything_arrives_once_and_in_order(seed, lost, corrupt, double, window, down, up):
    """Or the link is given up, which is said; with so few faults it hardly ever is."""
    host, ncp = ash.Host(window), ash.CoProcessor(window)
    wires = []
    for i in range(2):
        devices = [faults.Lossy(seed + i, lost), faults.Corrupting(seed + 5 + i, corrupt)]
        chain = faults.Chain([faults.Frames(faults.Chain(devices), 0x7E), faults.Noisy(seed + 9 + i, 100, b"\x11\x13")])
        wires.append(faults.Chain([chain, faults.Frames(faults.Doubling(seed + 7 + i, double), 0x7E)]))
    now_ms = 0
    host.connect(0)
    got = {host: [], ncp: []}
    left = {host: list(down), ncp: list(up)}
    failed = False
    connected = False
    for _ in range(5000):
        moved = False
        for end, other, wire in ((host, ncp, wires[0]), (ncp, host, wires[1])):
            # A co-processor speaks when the host has heard that it is there.
            while connected and left[end] and end.room():
                end.send(left[end].pop(0), now_ms)
            octets = end.to_send()
            moved = moved or bool(octets)
            for piece in wire.carry(octets):
                other.receive(piece, now_ms)
            event = other.next_event()
            while event is not None:
                if isinstance(event, ash.Received):
                    got[other].append(event.data)
                elif isinstance(event, ash.Failed) or connected:
                    failed = True
                elif other is host:
                    connected = True
                event = other.next_event()
        if failed:
            break
        if not moved:
            due = [at for at in (host.deadline_ms(), ncp.deadline_ms()) if at is not None]
            if not due:
                break
            now_ms = max(now_ms, min(due))
            host.tick(now_ms)
            ncp.tick(now_ms)
            for end in (host, ncp):
                event = end.next_event()
                while event is not None:
                    failed = failed or isinstance(event, ash.Failed)
                    event = end.next_event()
    else:
        raise AssertionError("it never ends")
    if failed:
        assert got[ncp] == down[: len(got[ncp])] and got[host] == up[: len(got[host])]
        assert lost + corrupt + double > 20
    else:
        assert got[ncp] == down and got[host] == up
