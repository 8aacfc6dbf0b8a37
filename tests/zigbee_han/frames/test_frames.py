"""Frames of the air: each is what a second description says it is, and nothing damaged is taken for something else."""

import air_frames
import air_samples
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slotmeter.zigbee_han.errors import DecodeError, EncodeError
from slotmeter.zigbee_han.frames import aps, layout, mac, nwk, zdo

EUIS = st.binary(min_size=8, max_size=8)
U8 = st.integers(0, 0xFF)
U16 = st.integers(0, 0xFFFF)
PAYLOADS = st.binary(max_size=60)


def rebuild_mac_payload(data):
    return layout.build(mac.parse_command(data))


def rebuild_nwk_command(data):
    return layout.build(nwk.parse_command(data))


def rebuild_aps_command(data):
    return layout.build(aps.parse_command(data))


def rebuild_zdo(cluster):
    return lambda data: layout.build(zdo.parse(cluster, data))


CASES = (
    [(mac.build(frame), lambda data: mac.build(mac.parse(data))) for frame in air_samples.MAC_FRAMES]
    + [(one, rebuild_mac_payload) for one in air_samples.MAC_COMMANDS]
    + [(nwk.build(frame), lambda data: nwk.build(nwk.parse(data))) for frame in air_samples.NWK_FRAMES]
    + [(one, rebuild_nwk_command) for one in air_samples.NWK_COMMANDS]
    + [(aps.build(frame), lambda data: aps.build(aps.parse(data))) for frame in air_samples.APS_FRAMES]
    + [(one, rebuild_aps_command) for one in air_samples.APS_COMMANDS]
    + [(octets, rebuild_zdo(cluster)) for cluster, octets in air_samples.ZDO]
)


@pytest.mark.parametrize("case", range(len(CASES)))
def test_what_was_built_parses_to_the_same_octets_and_every_damage_is_refused_or_kept(case):
    octets, rebuild = CASES[case]
    assert rebuild(octets) == octets
    damaged = [octets[:size] for size in range(len(octets))]
    damaged += [octets + b"\0", octets + b"\xff" * 130]
    for place in range(8 * len(octets)):
        one = bytearray(octets)
        one[place >> 3] ^= 1 << (place & 7)
        damaged.append(bytes(one))
    for one in damaged:
        try:
            again = rebuild(one)
        except DecodeError as error:
            assert 0 <= error.offset <= len(one)
        else:
            assert again == one


def test_a_mac_frame_with_one_wrong_bit_is_refused():
    for frame in air_samples.MAC_FRAMES:
        octets = mac.build(frame)
        for place in range(8 * len(octets)):
            one = bytearray(octets)
            one[place >> 3] ^= 1 << (place & 7)
            with pytest.raises(DecodeError):
                mac.parse(bytes(one))


def test_the_frame_check_sequence_is_that_of_the_standard():
    # IEEE 802.15.4-2003, 7.2.1.8: in order of the bits on air, 0100 0000 0000 0000 0101 0110 has 0010 0111 1001 1110.
    assert mac.ack(0x6A).hex() == "02006ae479"
    crc = 0
    for octet in b"123456789":
        crc ^= octet
        for _ in range(8):
            crc = crc >> 1 ^ (0x8408 if crc & 1 else 0)
    assert mac.fcs(b"123456789") == crc


def test_a_second_description_reads_the_mac_frames_the_same():
    for frame in air_samples.MAC_FRAMES:
        octets = mac.build(frame)
        seen = air_frames.MAC.parse(octets[:-2])
        assert air_frames.MAC.build(seen) == octets[:-2]
        assert seen.control.kind == frame.kind
        assert seen.control.version == frame.version
        assert (seen.control.ack_request, seen.control.pending) == (frame.ack_request, frame.pending)
        assert (seen.sequence, seen.dst_pan, seen.dst, seen.src) == (
            frame.sequence,
            frame.dst_pan,
            frame.dst,
            frame.src,
        )
        assert (frame.dst_pan if frame.one_pan else seen.src_pan) == frame.src_pan
        assert seen.rest == frame.payload


def test_a_second_description_reads_the_beacon_the_same():
    seen = air_frames.BEACON.parse(mac.build_beacon(True, True, air_samples.NWK_BEACON))
    assert seen.superframe.permit
    assert seen.superframe.coordinator
    assert (seen.superframe.beacon_order, seen.superframe.superframe_order, seen.superframe.final) == (15, 15, 15)
    assert (seen.profile.stack, seen.profile.version, seen.profile.depth) == (2, 2, 1)
    assert (seen.profile.routers, seen.profile.end_devices) == (True, False)
    assert (seen.extended_pan, seen.update_number, seen.offset) == (air_samples.EXTENDED_PAN, 3, 0xFFFFFF)
    closed = air_frames.BEACON.parse(mac.build_beacon(False, False, air_samples.NWK_BEACON))
    assert not closed.superframe.permit
    assert not closed.superframe.coordinator


def test_a_beacon_with_pending_addresses_is_read_and_one_with_time_slots_refused():
    values = layout.make(
        mac.BEACON_LAYOUT,
        superframe=0x8FFF,
        slots=0,
        pending=0x12,
        pending_shorts=(1, 2),
        pending_euis=(air_samples.METER,),
        payload=b"rest",
    )
    octets = layout.build(values)
    assert octets.hex() == "ff8f0012" + "01000200" + air_samples.METER[::-1].hex() + b"rest".hex()
    assert mac.parse_beacon(octets) == values
    with pytest.raises(DecodeError, match="slots has bits"):
        mac.parse_beacon(b"\xff\x8f\x01" + octets[3:])


def test_a_second_description_reads_the_nwk_frames_the_same():
    for frame in air_samples.NWK_FRAMES:
        octets = nwk.build(frame)
        seen = air_frames.NWK.parse(octets)
        assert air_frames.NWK.build(seen) == octets
        assert (seen.control.kind, seen.control.secured, seen.control.discover) == (
            frame.kind,
            frame.secured,
            int(frame.discover),
        )
        for name in ("dst", "src", "radius", "sequence", "dst_eui", "src_eui", "multicast", "payload"):
            assert getattr(seen, name) == getattr(frame, name), name
        assert (seen.relays and (tuple(seen.relays.list), seen.relays.index)) == (
            None if frame.relays is None else (frame.relays, frame.relay_index)
        )
        parsed = nwk.parse(octets)
        assert vars(parsed) == dict(vars(frame), header_size=len(octets) - len(frame.payload))


def test_a_second_description_reads_the_aps_frames_the_same():
    for frame in air_samples.APS_FRAMES:
        octets = aps.build(frame)
        seen = air_frames.APS.parse(octets)
        assert air_frames.APS.build(seen) == octets
        assert (seen.control.kind, seen.control.delivery, seen.control.ack_request, seen.control.secured) == (
            frame.kind,
            frame.delivery,
            frame.ack_request,
            frame.secured,
        )
        names = ("group", "dst_endpoint", "cluster", "profile", "src_endpoint", "counter")
        for name in names + ("fragment", "block", "received", "payload"):
            assert getattr(seen, name) == getattr(frame, name), name
        parsed = aps.parse(octets)
        assert vars(parsed) == dict(vars(frame), header_size=len(octets) - len(frame.payload))


def same(fields, seen):
    """Whether the values of a layout are those that construct found."""
    tail = seen.get("tail") or {}
    for field in fields.layout[1]:
        here = getattr(fields, field[0])
        there = seen.get(field[0], tail.get(field[0]))
        if isinstance(here, tuple):
            assert len(here) == len(there)
            for one, other in zip(here, there, strict=True):
                if isinstance(one, layout.Fields):
                    same(one, other)
                else:
                    assert one == other
        else:
            assert here == there, field[0]


def test_a_second_description_reads_every_command_the_same():
    read = 0
    for octets, parse, table in (
        [(one, mac.parse_command, air_frames.MAC_COMMANDS) for one in air_samples.MAC_COMMANDS]
        + [(one, nwk.parse_command, air_frames.NWK_COMMANDS) for one in air_samples.NWK_COMMANDS]
        + [(one, aps.parse_command, air_frames.APS_COMMANDS) for one in air_samples.APS_COMMANDS]
    ):
        same(parse(octets), table[octets[0]].parse(octets))
        read += 1
    for cluster, octets in air_samples.ZDO:
        same(zdo.parse(cluster, octets), air_frames.ZDO[cluster].parse(octets))
        read += 1
    assert read > 50


@given(
    kind=st.sampled_from([mac.DATA, mac.COMMAND]),
    sequence=U8,
    dst=st.one_of(U16, EUIS),
    src=st.one_of(st.none(), U16, EUIS),
    pans=st.tuples(U16, U16),
    payload=PAYLOADS,
    flags=st.tuples(st.booleans(), st.booleans(), st.booleans()),
)
def test_any_mac_frame_comes_back(kind, sequence, dst, src, pans, payload, flags):
    one_pan = flags[2] and src is not None
    src_pan = None if src is None else pans[0] if one_pan else pans[1]
    frame = mac.Frame(kind, sequence, pans[0], dst, src_pan, src, payload, flags[0], flags[1], one_pan)
    assert vars(mac.parse(mac.build(frame))) == vars(frame)


@given(
    fields=st.tuples(U16, U16, U8, U8),
    payload=PAYLOADS,
    euis=st.tuples(st.none() | EUIS, st.none() | EUIS),
    relays=st.none() | st.lists(U16, max_size=nwk.RELAY_LIMIT).map(tuple),
    flags=st.tuples(st.booleans(), st.booleans(), st.booleans()),
    at=U8,
)
def test_any_nwk_frame_comes_back(fields, payload, euis, relays, flags, at):
    frame = nwk.Frame(nwk.DATA, *fields, payload, *euis, relays, at % len(relays) if relays else 0, *flags[:2])
    frame.by_end_device = flags[2]
    octets = nwk.build(frame)
    assert vars(nwk.parse(octets)) == dict(vars(frame), header_size=len(octets) - len(payload))


@given(
    numbers=st.tuples(U8, U16, U16, U8, U8),
    group=st.none() | U16,
    payload=PAYLOADS,
    fragment=st.none() | st.tuples(st.sampled_from([1, 2]), U8),
    flags=st.tuples(st.booleans(), st.booleans()),
)
def test_any_aps_data_frame_comes_back(numbers, group, payload, fragment, flags):
    frame = aps.Frame(aps.DATA, numbers[4], payload, *numbers[:4])
    frame.ack_request, frame.secured = flags
    if group is not None:
        frame.group, frame.dst_endpoint, frame.delivery = group, None, aps.GROUP
    if fragment:
        frame.fragment, frame.block = fragment
    octets = aps.build(frame)
    assert vars(aps.parse(octets)) == dict(vars(frame), header_size=len(octets) - len(payload))
    if group is None:
        answer = aps.parse(aps.build(aps.acknowledge(frame)))
        assert (answer.counter, answer.dst_endpoint, answer.src_endpoint) == (numbers[4], numbers[3], numbers[0])


@given(st.binary(max_size=130))
def test_any_octets_are_refused_or_built_again(data):
    for rebuild in (
        lambda one: mac.build(mac.parse(one)),
        lambda one: mac.build(mac.parse(mac.with_fcs(one))),
        rebuild_mac_payload,
        lambda one: layout.build(mac.parse_beacon(one)),
        lambda one: nwk.build(nwk.parse(one)),
        rebuild_nwk_command,
        lambda one: layout.build(nwk.parse_beacon(one)),
        lambda one: aps.build(aps.parse(one)),
        rebuild_aps_command,
    ):
        try:
            again = rebuild(data)
        except DecodeError as error:
            assert error.reason
        else:
            assert again in (data, mac.with_fcs(data))


def test_a_zdo_answer_that_says_success_lacks_nothing():
    with pytest.raises(DecodeError, match="truncated"):
        zdo.parse(0x8005, bytes((1, zdo.SUCCESS, 0x21, 0x43)))
    refused = zdo.parse(0x8005, bytes((1, zdo.NOT_ACTIVE, 0x21, 0x43)))
    assert (refused.status, refused.short, refused.endpoints) == (zdo.NOT_ACTIVE, 0x4321, None)
    with pytest.raises(DecodeError, match="truncated"):
        zdo.parse(0x8000, zdo.build(0x8000, 1, status=0, eui=air_samples.METER, short=1) + b"\x02\x00")
    with pytest.raises(DecodeError, match="length"):
        octets = bytearray(dict(air_samples.ZDO)[0x8004])
        octets[4] -= 1
        zdo.parse(0x8004, bytes(octets))
    with pytest.raises(DecodeError, match="unknown ZDO cluster"):
        zdo.parse(0x7777, b"\1")


def test_what_does_not_fit_is_not_built():
    for frame in (
        mac.Frame(mac.DATA, 1, 1, 2, payload=bytes(130)),
        mac.Frame(mac.DATA, 1, None, 2),
        mac.Frame(mac.DATA, 1, 1, 0x10000),
        mac.Frame(mac.DATA, 1, 1, b"short"),
        mac.Frame(mac.DATA, 1, 1, 2, 3, 4, one_pan=True),
    ):
        with pytest.raises(EncodeError):
            mac.build(frame)
    too_many = nwk.Frame(0, 1, 0, 1, 1, relays=(1,) * 41)
    for frame in (nwk.Frame(0, 0x10000, 0, 1, 1), nwk.Frame(0, 1, 0, 256, 1), too_many):
        with pytest.raises(EncodeError):
            nwk.build(frame)
    too_far = aps.Frame(aps.DATA, 300, b"", 1, 2, 3, 4)
    for frame in (aps.Frame(aps.DATA, 1), aps.Frame(aps.COMMAND, 1, fragment=1), too_far):
        with pytest.raises(EncodeError):
            aps.build(frame)
    with pytest.raises(EncodeError, match="no field"):
        nwk.build_command(nwk.LEAVE, options=0, colour=1)
    with pytest.raises(EncodeError, match="missing"):
        nwk.build_command(nwk.LEAVE)
    with pytest.raises(EncodeError, match="may not"):
        nwk.build_command(nwk.LEAVE, options=1)
    with pytest.raises(EncodeError, match="may not be there"):
        nwk.build_command(nwk.ROUTE_REQUEST, options=0, number=1, dst=1, cost=1, dst_eui=bytes(8))
    with pytest.raises(EncodeError, match="without the fields before it"):
        zdo.build(0x8005, 1, status=0x81, endpoints=(1,))
    with pytest.raises(EncodeError, match="as many"):
        nwk.build_command(nwk.LINK_STATUS, options=0x61, links=())


def test_no_key_is_shown():
    for octets in air_samples.APS_COMMANDS:
        assert air_samples.KEY.hex() not in repr(aps.parse_command(octets))
        assert repr(air_samples.KEY) not in repr(aps.parse_command(octets))
    for frame in air_samples.MAC_FRAMES + air_samples.NWK_FRAMES + air_samples.APS_FRAMES:
        assert repr(frame.payload) not in repr(frame) or not frame.payload
