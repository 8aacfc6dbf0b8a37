"""Devices on one air: forming, joining, talking, leaving, routing, with and without faults."""

import pytest
from air_world import CHANNEL, EXTENDED_PAN, HUB, LINK_KEY, METER, NETWORK_KEY, PAN, PROFILE, World, a_line, a_pair

from slotmeter.zigbee_han.errors import DecodeError, EncodeError
from slotmeter.zigbee_han.frames import aps as aps_frames
from slotmeter.zigbee_han.frames import mac as mac_frames
from slotmeter.zigbee_han.frames import nwk as nwk_frames
from slotmeter.zigbee_han.frames import zdo as zdo_frames
from slotmeter.zigbee_han.sim import aps, node, nwk
from slotmeter.zigbee_han.sim.air import Dice


def test_a_scan_sees_the_network_and_whether_it_is_open():
    world = World()
    joiner = world.add(METER)
    for seconds in (0, 60):
        world.hub.permit(seconds, world.air.now_ms)
        joiner.scan(node.CHANNELS, world.air.now_ms)
        world.run(3000)
        (scanned,) = world.take(joiner, node.Scanned)
        (network,) = scanned.networks
        assert (network.channel, network.pan, network.extended_pan) == (CHANNEL, PAN, EXTENDED_PAN)
        assert (network.permit, network.stack_profile, network.depth) == (bool(seconds), 2, 0)
        assert network.takes_routers
    world.run(60000)
    joiner.scan((CHANNEL,), world.air.now_ms)
    world.run(200)
    assert not world.take(joiner, node.Scanned)[0].networks[0].permit


def test_a_router_joins_with_its_install_code_key_and_announces_itself():
    world, meter = a_pair()
    (up,) = world.take(meter, node.Up)
    assert (up.short, up.rejoined) == (meter.short, False)
    assert 0 < meter.short < 0xFFF8
    (joined,) = world.take(world.hub, node.DeviceJoined)
    assert (joined.eui, joined.short, joined.given_key) == (METER, meter.short, True)
    (announced,) = world.take(world.hub, node.Announced)
    assert (announced.eui, announced.short, announced.capability) == (METER, meter.short, mac_frames.ROUTER)
    assert meter.nwk.keys == [(0, NETWORK_KEY)]
    assert meter.trust_centre == HUB
    assert world.hub.dropped == {}
    assert meter.dropped == {}


def test_a_join_fails_for_the_reason_that_it_says():
    for arguments, reason in (
        ({"permit": False}, "the network is closed"),
        ({"link_key": bytes(16)}, "no network key came"),
        ({"known": None}, "no network key came"),
    ):
        world = World()
        meter = world.add(METER)
        assert world.join(meter, **arguments) == reason
        assert meter.state == node.OFF
        assert meter.nwk.keys == []
        # And then it joins after all.
        assert world.join(meter) == ""


def test_a_network_key_in_clear_is_not_taken():
    world = World()
    meter = world.add(METER)
    world.hub.aps.command = lambda payload, partner, key_id: aps_frames.build(aps_frames.Frame(1, 1, payload))
    assert world.join(meter) == "the network key came in clear"
    assert meter.nwk.keys == []
    with pytest.raises(EncodeError):
        world, meter = a_pair()
        meter.join(None, LINK_KEY, 0)


def test_data_goes_both_ways_with_and_without_the_link_key():
    world, meter = a_pair()
    for one, other in ((world.hub, meter), (meter, world.hub)):
        for sealed in (False, True):
            handle = one.send(other.short, 1, 1, PROFILE, 0x0702, b"reading", world.air.now_ms, sealed)
            world.run(50)
            (message,) = world.take(other, aps.Message)
            assert (message.src, message.src_eui, message.cluster, message.profile) == (
                one.short,
                one.eui,
                0x0702,
                PROFILE,
            )
            assert (message.payload, message.sealed, message.src_endpoint, message.dst_endpoint) == (
                b"reading",
                sealed,
                1,
                1,
            )
            assert [(event.handle, event.ok) for event in world.take(one, aps.Delivered)] == [(handle, True)]
    assert world.hub.dropped == {}


def test_what_nobody_takes_fails_after_four_attempts():
    world, meter = a_pair()
    world.air.link(0, 1, 0)
    begun = world.air.now_ms
    world.hub.send(meter.short, 1, 1, PROFILE, 0x0702, b"reading", begun)
    world.run(3 * aps.ACK_WAIT_MS)
    assert world.take(world.hub, aps.Delivered) == []
    world.run(2 * aps.ACK_WAIT_MS)
    assert [event.ok for event in world.take(world.hub, aps.Delivered)] == [False]
    handle = world.hub.send(0x5555, 1, 1, PROFILE, 0x0702, b"reading", world.air.now_ms, sealed=True)
    assert world.hub.next_event().handle == handle


def test_a_frame_that_is_played_again_is_refused():
    world, meter = a_pair()
    heard = []
    world.air.tap = lambda octets, time_us, channel: heard.append(octets)
    world.hub.send(meter.short, 1, 1, PROFILE, 0x0702, b"reading", world.air.now_ms)
    world.run(50)
    assert len(world.take(meter, aps.Message)) == 1
    world.run(20000)
    meter.receive(heard[0], world.air.now_ms, 255)
    world.run(50)
    assert meter.dropped == {"NWK: replayed": 1}
    assert world.take(meter, aps.Message) == []


def test_no_damaged_frame_is_taken():
    world, meter = a_pair()
    heard = []
    world.air.tap = lambda octets, time_us, channel: heard.append(octets)
    world.air.loss = 1000
    world.hub.send(meter.short, 1, 1, PROFILE, 0x0702, b"reading", world.air.now_ms, sealed=True)
    world.run(3)
    octets = heard[0][:-2]
    damaged = [octets[:size] for size in range(len(octets))]
    for place in range(8 * len(octets)):
        one = bytearray(octets)
        one[place >> 3] ^= 1 << (place & 7)
        damaged.append(bytes(one))
    now_ms = world.air.now_ms
    for one in damaged:
        # So late that it is no repetition of the one before.
        now_ms += 1000
        meter.receive(mac_frames.with_fcs(one), now_ms, 255)
    for event in iter(meter.next_event, None):
        # The MAC header alone is not protected; what it asks for does not change what is in the frame.
        assert event.payload == b"reading"
    assert sum(meter.dropped.values()) > 450


def test_messages_are_delivered_once_each_through_a_bad_air():
    world, meter = a_pair()
    world.air.loss = 100
    world.air.damage = 50
    world.air.doubling = 50
    sent = []
    for number in range(100):
        payload = number.to_bytes(2, "big")
        one, other = (world.hub, meter) if number & 1 else (meter, world.hub)
        one.send(other.short, 1, 1, PROFILE, 0x0702, payload, world.air.now_ms, bool(number & 2))
        sent.append(payload)
        world.run(200)
    world.run(10000)
    got = [event.payload for event in world.take(meter, aps.Message) + world.take(world.hub, aps.Message)]
    assert sorted(got) == sent
    delivered = world.take(meter, aps.Delivered) + world.take(world.hub, aps.Delivered)
    assert [event.ok for event in delivered] == [True] * 100


def test_a_device_that_was_reset_is_heard_even_if_its_messages_have_numbers_that_were_just_used():
    world, meter = a_pair()
    sent = [bytes((number,)) * size for number, size in enumerate((10, 10, 200, 10))]
    for payload in sent:
        # As a reset may have it, which makes the number one that the meter has had a moment ago.
        world.hub.aps.counter = 7
        world.hub.send(meter.short, 1, 1, PROFILE, 0x0702, payload, world.air.now_ms, True)
        world.run(1000)
    assert [event.payload for event in world.take(meter, aps.Message)] == sent


def test_a_long_message_goes_in_blocks_and_arrives_whole():
    world, meter = a_pair()
    frames = []
    world.air.tap = lambda octets, time_us, channel: frames.append(octets)
    for size, sealed, blocks in ((82, False, 1), (83, False, 2), (73, True, 1), (74, True, 2), (1505, True, 22)):
        payload = bytes([number * 7 & 0xFF for number in range(size)])
        before = len(frames)
        world.hub.send(meter.short, 1, 1, PROFILE, 0x0704, payload, world.air.now_ms, sealed)
        world.run(3000)
        (message,) = world.take(meter, aps.Message)
        assert message.payload == payload
        assert message.sealed == sealed
        assert [event.ok for event in world.take(world.hub, aps.Delivered)] == [True]
        # Each block, its acknowledgement, and those of the MAC.
        assert len(frames) - before == 4 * blocks
    assert max([len(octets) for octets in frames]) == mac_frames.LARGEST


def test_a_long_message_arrives_whole_through_a_bad_air_both_ways_at_once():
    world, meter = a_pair(seed=9)
    world.air.loss = 150
    world.air.doubling = 100
    payload = bytes([number * 7 & 0xFF for number in range(1505)])
    for _ in range(5):
        world.hub.send(meter.short, 1, 1, PROFILE, 0x0704, payload, world.air.now_ms, True)
        meter.send(0, 1, 1, PROFILE, 0x0704, payload[::-1], world.air.now_ms, True)
        world.run(60000)
    assert [event.payload for event in world.take(meter, aps.Message)] == [payload] * 5
    assert [event.payload for event in world.take(world.hub, aps.Message)] == [payload[::-1]] * 5
    assert [event.ok for event in world.take(meter, aps.Delivered)] == [True] * 5


def test_a_message_whose_blocks_stop_coming_is_forgotten():
    world, meter = a_pair()
    world.hub.send(meter.short, 1, 1, PROFILE, 0x0704, bytes(500), world.air.now_ms, True)
    world.run(30)
    world.air.loss = 1000
    world.run(20000)
    assert meter.dropped["APS: fragmented message that was not completed"] == 1
    assert [event.ok for event in world.take(world.hub, aps.Delivered)] == [False]
    assert world.take(meter, aps.Message) == []


def test_the_device_object_answers():
    world, meter = a_pair()
    for cluster, values, check in (
        (zdo_frames.NODE_DESCRIPTOR, {"short": meter.short}, lambda one: (one.device, one.server) == (1, 0x2C00)),
        (zdo_frames.POWER_DESCRIPTOR, {"short": meter.short}, lambda one: one.power == 0xC110),
        (zdo_frames.ACTIVE_ENDPOINTS, {"short": meter.short}, lambda one: one.endpoints == (1,)),
        (
            zdo_frames.SIMPLE_DESCRIPTOR,
            {"short": meter.short, "endpoint": 1},
            lambda one: (one.device, one.inputs) == (0x0501, (0x0000, 0x0702, 0x0704)),
        ),
        (zdo_frames.SIMPLE_DESCRIPTOR, {"short": meter.short, "endpoint": 9}, lambda one: one.status == 0x83),
        (
            zdo_frames.MATCH_DESCRIPTORS,
            {"short": meter.short, "profile": PROFILE, "inputs": (0x0702,), "outputs": ()},
            lambda one: one.endpoints == (1,),
        ),
        (zdo_frames.NETWORK_ADDRESS, {"eui": METER, "kind": 0, "start": 0}, lambda one: one.short == meter.short),
        (zdo_frames.IEEE_ADDRESS, {"short": meter.short, "kind": 0, "start": 0}, lambda one: one.eui == METER),
        (
            zdo_frames.BIND,
            {"src": METER, "src_endpoint": 1, "cluster": 0x0702, "mode": 3, "dst": HUB, "dst_endpoint": 1},
            lambda one: one.status == 0,
        ),
        (
            zdo_frames.UNBIND,
            {"src": METER, "src_endpoint": 1, "cluster": 0x0704, "mode": 3, "dst": HUB, "dst_endpoint": 1},
            lambda one: one.status == 0x88,
        ),
        (zdo_frames.MANAGEMENT_LQI, {"start": 0}, lambda one: one.neighbours[0].eui == HUB),
        (zdo_frames.MANAGEMENT_ROUTING, {"start": 0}, lambda one: one.routes == ()),
        (zdo_frames.MANAGEMENT_PERMIT, {"seconds": 5, "significance": 1}, lambda one: one.status == 0),
    ):
        transaction = world.hub.request(meter.short, cluster, world.air.now_ms, **values)
        world.run(50)
        (message,) = world.take(world.hub, aps.Message)
        assert message.cluster == cluster | 0x8000
        answer = zdo_frames.parse(message.cluster, message.payload)
        assert answer.transaction == transaction
        assert check(answer), answer
    assert meter.nwk.mac.permit
    assert len(meter.zdo.bindings) == 1
    world.hub.send(meter.short, 0, 0, 0, 0x0077, b"\x09", world.air.now_ms, False, False)
    world.run(50)
    assert [event.payload for event in world.take(world.hub, aps.Message)] == [b"\x09\x84"]


def test_a_device_leaves_and_joins_again():
    world, meter = a_pair()
    short = meter.short
    meter.leave(world.air.now_ms)
    world.run(1000)
    assert [event.asked for event in world.take(meter, node.Down)] == [False]
    assert [(event.short, event.eui) for event in world.take(world.hub, node.DeviceLeft)] == [(short, METER)]
    assert (meter.state, meter.channel, meter.nwk.keys) == (node.OFF, 0, [])
    assert world.join(meter) == ""
    meter.send(0, 1, 1, PROFILE, 0x0702, b"back", world.air.now_ms, True)
    world.run(100)
    assert [event.payload for event in world.take(world.hub, aps.Message)] == [b"back"]


def test_the_trust_centre_sends_a_device_away_and_nobody_else_does():
    world, meter = a_pair()
    other = world.add(bytes.fromhex("00db1234567890c2"))
    assert world.join(other, bytes(range(16)), bytes(range(16))) == ""
    assert other.remove(METER, world.air.now_ms)
    world.run(1000)
    assert meter.state == node.UP
    assert meter.dropped["NWK: told to leave by somebody who may not"] == 1
    assert world.hub.remove(METER, world.air.now_ms)
    world.run(1000)
    assert meter.state == node.OFF
    assert [event.asked for event in world.take(meter, node.Down)] == [True]
    assert not world.hub.remove(bytes(8), world.air.now_ms)


@pytest.mark.parametrize("with_key", [True, False])
def test_a_device_rejoins_when_its_network_is_closed(with_key):
    world, meter = a_pair()
    short = meter.short
    world.hub.permit(0, world.air.now_ms)
    world.take(meter, node.Up)
    world.take(world.hub, node.DeviceJoined)
    meter.rejoin((CHANNEL,), world.air.now_ms, with_key)
    world.run(1000)
    (up,) = world.take(meter, node.Up)
    assert (up.rejoined, up.short) == (True, short)
    (joined,) = world.take(world.hub, node.DeviceJoined)
    assert joined.status == (aps_frames.SECURED_REJOIN if with_key else aps_frames.UNSECURED_REJOIN)
    assert joined.given_key == (not with_key)
    meter.send(0, 1, 1, PROFILE, 0x0702, b"back", world.air.now_ms, True)
    world.run(100)
    assert [event.payload for event in world.take(world.hub, aps.Message)] == [b"back"]


def test_a_device_that_is_told_to_leave_and_rejoin_is_back():
    world, meter = a_pair()
    world.take(meter, node.Up)
    assert world.hub.remove(METER, world.air.now_ms, True)
    world.run(2000)
    assert [event.rejoined for event in world.take(meter, node.Up)] == [True]
    world.air.link(0, 1, 0)
    meter.rejoin((CHANNEL,), world.air.now_ms)
    world.run(1000)
    assert [event.reason for event in world.take(meter, node.JoinFailed)] == ["the network is not there"]
    world.air.link(0, 1, 255)
    meter.rejoin((CHANNEL,), world.air.now_ms)
    world.run(1000)
    assert [event.rejoined for event in world.take(meter, node.Up)] == [True]


def test_devices_join_through_routers_and_talk_over_several_hops():
    world, meters = a_line(5)
    joined = world.take(world.hub, node.DeviceJoined)
    assert [event.eui for event in joined] == [meter.eui for meter in meters]
    assert all([event.given_key for event in joined])
    # Whoever announces itself is heard by all.
    assert [event.eui for event in world.take(world.hub, node.Announced)] == [meter.eui for meter in meters]
    for meter in meters:
        world.hub.send(meter.short, 1, 1, PROFILE, 0x0702, b"down", world.air.now_ms, True)
        meter.send(0, 1, 1, PROFILE, 0x0702, b"up", world.air.now_ms, True)
        world.run(2000)
        assert [event.payload for event in world.take(meter, aps.Message)] == [b"down"]
        assert [event.src_eui for event in world.take(world.hub, aps.Message)] == [meter.eui]
        assert [event.ok for event in world.take(meter, aps.Delivered)] == [True]
    assert [event.ok for event in world.take(world.hub, aps.Delivered)] == [True] * 5
    frames = []
    world.air.tap = lambda octets, time_us, channel: frames.append(octets)
    world.hub.send(meters[4].short, 1, 1, PROFILE, 0x0702, b"again", world.air.now_ms)
    world.run(1000)
    # Five hops there, five for the acknowledgement, no route request any more.
    assert len(frames) == 20


def test_a_broken_way_is_replaced_by_another():
    world, meters = a_line(3)
    spare = world.add(bytes.fromhex("00db000000000099"), 70, 60)
    # The spare hears the hub and the second meter.
    assert world.join(spare, bytes(16), bytes(16)) == ""
    far = meters[1]
    world.hub.send(far.short, 1, 1, PROFILE, 0x0702, b"one", world.air.now_ms)
    world.run(3000)
    assert [event.payload for event in world.take(far, aps.Message)] == [b"one"]
    way = [route.next_hop for route in world.hub.nwk.routes if route.dst == far.short][0]
    broken = [one for one in (meters[0], spare) if one.short == way][0]
    world.air.move(world.nodes.index(broken), 0, 10000)
    world.hub.send(far.short, 1, 1, PROFILE, 0x0702, b"two", world.air.now_ms)
    world.run(8000)
    assert [event.payload for event in world.take(far, aps.Message)] == [b"two"]
    assert [event.ok for event in world.take(world.hub, aps.Delivered)] == [True, True]


def test_a_broadcast_is_repeated_once_by_everyone():
    world, meters = a_line(4)
    for one in world.nodes:
        world.take(one, aps.Message)
    frames = []
    world.air.tap = lambda octets, time_us, channel: frames.append(octets)
    world.hub.send(nwk_frames.LISTENERS, 1, 1, PROFILE, 0x000A, b"to all", world.air.now_ms)
    world.run(1000)
    for meter in meters:
        assert [event.payload for event in world.take(meter, aps.Message)] == [b"to all"]
    assert world.take(world.hub, aps.Message) == []
    assert len(frames) == 5


def test_long_messages_cross_several_hops_of_a_bad_air():
    world, meters = a_line(3, seed=4)
    world.air.loss = 50
    world.air.damage = 20
    payload = bytes(range(250)) * 4
    for _ in range(3):
        meters[2].send(0, 1, 1, PROFILE, 0x0704, payload, world.air.now_ms, True)
        world.run(60000)
    assert [event.payload for event in world.take(world.hub, aps.Message)] == [payload] * 3
    assert [event.ok for event in world.take(meters[2], aps.Delivered)] == [True] * 3


def test_a_device_that_could_not_rejoin_joins():
    world, meter = a_pair()
    world.air.link(0, 1, 0)
    meter.rejoin((CHANNEL,), world.air.now_ms)
    world.run(1000)
    assert [event.reason for event in world.take(meter, node.JoinFailed)] == ["the network is not there"]
    world.air.link(0, 1, 255)
    assert world.join(meter) == ""


def test_the_same_seed_gives_the_same_air():
    def run():
        world, meters = a_line(3, seed=6, loss=30, damage=10, delay_ms=3)
        frames = []
        world.air.tap = lambda octets, time_us, channel: frames.append((octets, time_us))
        meters[2].send(0, 1, 1, PROFILE, 0x0704, bytes(300), world.air.now_ms, True)
        world.run(20000)
        return frames

    first = run()
    assert first == run()
    assert len(first) > 50


@pytest.mark.parametrize("seed", range(10))
def test_devices_join_through_a_bad_air_when_they_try_again(seed):
    world = World(seed=seed, loss=100, damage=50, doubling=50, delay_ms=2)
    meter = world.add(METER)
    for _ in range(6):
        failed = world.join(meter)
        if not failed:
            break
    assert failed == ""
    world.air.loss = world.air.damage = 0
    meter.send(0, 1, 1, PROFILE, 0x0702, b"here", world.air.now_ms, True)
    world.run(8000)
    assert [event.payload for event in world.take(world.hub, aps.Message)] == [b"here"]


def test_a_frame_for_a_group_that_asks_for_an_acknowledgement_gets_none():
    # Found by tests/fuzz/fuzz_node.py.
    world, meter = a_pair()
    frame = aps_frames.Frame(aps_frames.DATA, 9, b"group", None, 0x0702, PROFILE, 1, group=7, ack_request=True)
    frame.delivery = aps_frames.GROUP
    world.hub.nwk.send(meter.short, aps_frames.build(frame), 1, world.air.now_ms)
    world.run(50)
    (message,) = world.take(meter, aps.Message)
    assert (message.group, message.payload) == (7, b"group")


def test_a_stranger_with_nothing_but_the_address_gets_nothing_done():
    world, meter = a_pair()
    stranger = world.add(bytes(range(8)))
    stranger.nwk.mac.channel = CHANNEL
    stranger.nwk.mac.pan = PAN
    stranger.nwk.mac.short = 0
    commands = [
        nwk_frames.build_command(nwk_frames.LEAVE, options=nwk_frames.LEAVE_REQUEST),
        nwk_frames.build_command(nwk_frames.NETWORK_STATUS, status=0, dst=0),
        nwk_frames.build_command(nwk_frames.REJOIN_RESPONSE, short=0x1234, status=0),
        nwk_frames.build_command(nwk_frames.ROUTE_REPLY, options=0, number=1, originator=1, responder=2, cost=1),
    ]
    for payload in commands:
        frame = nwk_frames.Frame(nwk_frames.COMMAND, meter.short, 0, 1, 9, payload, None, HUB)
        stranger.nwk.mac.send(meter.short, nwk_frames.build(frame), 1, world.air.now_ms)
        world.run(300)
    key = aps_frames.build_command(
        aps_frames.TRANSPORT_KEY, key_type=1, key=bytes(16), sequence=1, dst=METER, src=HUB
    )
    frame = nwk_frames.Frame(nwk_frames.DATA, meter.short, 0, 1, 10)
    frame.payload = aps_frames.build(aps_frames.Frame(aps_frames.COMMAND, 1, key))
    stranger.nwk.mac.send(meter.short, nwk_frames.build(frame), 1, world.air.now_ms)
    world.run(300)
    assert (meter.state, meter.nwk.keys) == (node.UP, [(0, NETWORK_KEY)])
    assert meter.nwk.routes == []
    assert meter.dropped == {
        "NWK: frame without security": 4,
        "NWK: rejoin response that was not asked for": 1,
    }


def test_no_counter_is_used_twice_and_none_after_the_last():
    world, meter = a_pair()
    sealed = []

    def tap(octets, time_us, channel):
        try:
            frame = nwk_frames.parse(mac_frames.parse(octets).payload)
        except DecodeError:
            return
        if frame.secured:
            sealed.append((frame.payload[:14], octets))

    world.air.tap = tap
    world.air.loss = 200
    for number in range(20):
        world.hub.send(meter.short, 1, 1, PROFILE, 0x0702, bytes((number,)), world.air.now_ms, True)
        world.run(500)
    meter.rejoin((CHANNEL,), world.air.now_ms)
    world.run(3000)
    world.air.loss = 0
    meter.leave(world.air.now_ms)
    world.run(500)
    world.hub.add_link_key(METER, LINK_KEY)
    assert world.join(meter) == ""
    # The MAC repeats a frame as it is; each counter belongs to one frame.
    assert len(sealed) > len(set(sealed)) > 30
    assert len({octets for _, octets in sealed}) == len({nonce for nonce, _ in sealed})
    meter.nwk.counter = 0xFFFFFFFF
    handle = meter.send(0, 1, 1, PROFILE, 0x0702, b"no more", world.air.now_ms)
    world.run(10000)
    assert [(event.handle, event.ok) for event in world.take(meter, aps.Delivered)][-1:] == [(handle, False)]
    assert meter.dropped["NWK: no key, or its counter used up"] >= 1


def test_broadcasts_reach_all_through_a_bad_air():
    world, meters = a_line(3, seed=3)
    world.air.loss = 100
    world.air.damage = 50
    sent = [bytes((number,)) for number in range(30)]
    for payload in sent:
        world.hub.send(nwk_frames.LISTENERS, 1, 1, PROFILE, 0x000A, payload, world.air.now_ms)
        world.run(10000)
    for meter in meters:
        got = [event.payload for event in world.take(meter, aps.Message)]
        assert len(set(got)) == len(got)
        # Three chances at each of three hops.
        assert len(got) >= 29


def test_a_broadcast_is_sent_three_times_where_nobody_repeats_it():
    world, meter = a_pair()
    world.run(10000)
    frames = []
    world.air.tap = lambda octets, time_us, channel: frames.append(octets)
    world.air.link(0, 1, 0)
    world.hub.send(nwk_frames.LISTENERS, 1, 1, PROFILE, 0x000A, b"to all", world.air.now_ms)
    world.run(10000)
    assert len(frames) == 3
    # Each under another counter, and each with the same number.
    assert len(set(frames)) == 3
    assert len({nwk_frames.parse(mac_frames.parse(octets).payload).sequence for octets in frames}) == 1


def test_the_network_key_is_changed_without_losing_anybody():
    world, meters = a_line(3)
    keys = [bytes([number]) * 16 for number in range(1, 4)]
    for number, key in enumerate(keys):
        world.hub.next_key(key, world.air.now_ms)
        world.run(2000)
        for one in world.nodes:
            assert one.nwk.active_key == number
            assert one.nwk.key(number + 1) == key
        world.hub.switch_key(world.air.now_ms)
        world.run(3000)
        for one in world.nodes:
            assert one.nwk.active_key == number + 1
            assert len(one.nwk.keys) == 2
        meters[2].send(0, 1, 1, PROFILE, 0x0702, b"up", world.air.now_ms, True)
        world.run(2000)
        assert [event.payload for event in world.take(world.hub, aps.Message)] == [b"up"]
        world.run(10000)
    # Who joins now gets the key that counts.
    late = world.add(bytes.fromhex("00db000000000077"))
    assert world.join(late) == ""
    assert late.nwk.keys == [(3, keys[2])]


def test_nobody_but_the_trust_centre_changes_the_network_key():
    world, meter = a_pair()
    other = world.add(bytes.fromhex("00db1234567890c2"))
    assert world.join(other, bytes(16), bytes(16)) == ""
    with pytest.raises(EncodeError):
        other.next_key(bytes(16), world.air.now_ms)
    with pytest.raises(EncodeError):
        world.hub.switch_key(world.air.now_ms)
    for src in (other.eui, HUB):
        payload = aps_frames.build_command(
            aps_frames.TRANSPORT_KEY, key_type=1, key=bytes(16), sequence=1, dst=METER, src=src
        )
        other.nwk.send(meter.short, other.aps.command(payload, None, None), 1, world.air.now_ms)
        world.run(100)
    payload = aps_frames.build_command(aps_frames.SWITCH_KEY, sequence=0)
    other.nwk.send(meter.short, other.aps.command(payload, None, None), 1, world.air.now_ms)
    world.run(100)
    assert meter.nwk.keys == [(0, NETWORK_KEY)]
    assert meter.dropped["network key that is not from the trust centre, or not for us"] == 2
    assert meter.dropped["switch to a key that is not known, or not by the trust centre"] == 1


def again(world, one):
    """A device like `one` in its place, which knows nothing but what the other saved."""
    place = world.nodes.index(one)
    fresh = node.Node(one.eui, one.aps._crypto, Dice(77))
    fresh.load(one.save(), world.air.now_ms)
    world.nodes[place] = fresh
    world.air._stations[place].radio = fresh
    return fresh


def test_devices_that_were_off_go_on_in_their_network():
    world, meters = a_line(2)
    meters[1].send(0, 1, 1, PROFILE, 0x0702, b"before", world.air.now_ms, True)
    world.run(2000)
    world.take(world.hub, aps.Message)
    world.take(meters[1], node.Up)
    world.hub = again(world, world.hub)
    meters = [again(world, meter) for meter in meters]
    world.run(1)
    assert [event.rejoined for event in world.take(meters[1], node.Up)] == [True]
    meters[1].send(0, 1, 1, PROFILE, 0x0702, b"up", world.air.now_ms, True)
    world.hub.send(meters[1].short, 1, 1, PROFILE, 0x0702, b"down", world.air.now_ms, True)
    world.run(3000)
    assert [event.payload for event in world.take(world.hub, aps.Message)] == [b"up"]
    assert [event.payload for event in world.take(meters[1], aps.Message)] == [b"down"]
    for one in world.nodes:
        assert not [reason for reason in one.dropped if "replay" in reason or "MIC" in reason]
    # And the network takes others in.
    assert world.join(world.add(bytes(8)[:7] + b"\x55"), bytes(16), bytes(16)) == ""


def test_what_was_heard_before_a_device_was_off_is_refused_afterwards():
    world, meter = a_pair()
    heard = []
    world.air.tap = lambda octets, time_us, channel: heard.append(octets)
    world.hub.send(meter.short, 1, 1, PROFILE, 0x0702, b"reading", world.air.now_ms)
    world.run(50)
    meter = again(world, meter)
    meter.receive(heard[0], world.air.now_ms, 255)
    assert meter.dropped == {"NWK: replayed": 1}


def test_what_is_not_whole_is_not_loaded():
    world, meter = a_pair()
    octets = meter.save()
    for size in range(len(octets)):
        fresh = node.Node(METER, meter.aps._crypto, Dice(1))
        with pytest.raises(DecodeError):
            fresh.load(octets[:size], 0)
        assert fresh.state == node.OFF
        assert fresh.nwk.keys == []
    with pytest.raises(EncodeError):
        meter.load(octets, 0)
    off = node.Node(METER, meter.aps._crypto, Dice(1))
    fresh.load(off.save(), 0)
    assert (fresh.state, fresh.channel) == (node.OFF, 0)


def test_a_device_that_joins_again_with_the_same_key_goes_on_counting():
    world, meter = a_pair()
    for _ in range(3):
        meter.send(0, 1, 1, PROFILE, 0x0702, b"sealed", world.air.now_ms, True)
        world.run(100)
    counter = meter.aps.link(HUB).counter
    assert counter >= 3
    meter.leave(world.air.now_ms)
    world.run(1000)
    assert world.join(meter) == ""
    meter.send(0, 1, 1, PROFILE, 0x0702, b"back", world.air.now_ms, True)
    world.run(100)
    assert meter.aps.link(HUB).counter > counter
    assert [event.payload for event in world.take(world.hub, aps.Message)][-1:] == [b"back"]


def test_what_is_for_oneself_never_leaves():
    world, meter = a_pair()
    frames = []
    world.air.tap = lambda octets, time_us, channel: frames.append(octets)
    world.hub.send(0, 1, 1, PROFILE, 0x0702, b"to me", world.air.now_ms)
    world.hub.request(0, zdo_frames.ACTIVE_ENDPOINTS, world.air.now_ms, short=0)
    world.run(100)
    first, second = world.take(world.hub, aps.Message)
    assert (first.payload, first.src, first.dst) == (b"to me", 0, 0)
    assert zdo_frames.parse(second.cluster, second.payload).endpoints == (1,)
    assert [event.ok for event in world.take(world.hub, aps.Delivered)] == [True]
    assert frames == []


def test_a_group_is_reached_by_broadcast():
    world, meters = a_line(2)
    handle = world.hub.aps.send(
        nwk_frames.LISTENERS, 1, 0, PROFILE, 0x0702, b"group", world.air.now_ms, False, False, True, 0x1234
    )
    world.hub.work(world.air.now_ms)
    world.run(3000)
    for meter in meters:
        (message,) = world.take(meter, aps.Message)
        assert (message.group, message.dst_endpoint, message.payload) == (0x1234, None, b"group")
    assert [event.handle for event in world.take(world.hub, aps.Delivered)] == [handle]


def test_a_host_makes_blocks_and_puts_them_together_itself():
    world, meter = a_pair()
    meter.aps.host_blocks = True
    blocks = [bytes([number]) * 60 for number in range(3)]
    counter = None
    for index, block in enumerate(blocks):
        handle = world.hub.aps.send_block(
            meter.short, 1, 1, PROFILE, 0x0704, block, world.air.now_ms, True, index, 3, counter
        )
        counter = world.hub.aps.counter
        world.hub.work(world.air.now_ms)
        world.run(50)
        (message,) = world.take(meter, aps.Message)
        assert (message.payload, message.counter, message.sealed) == (block, counter, True)
        assert (message.fragment, message.block) == ((1, 3) if index == 0 else (2, index))
        # It is not acknowledged before the host does.
        assert world.take(world.hub, aps.Delivered) == []
        meter.aps.acknowledge_block(message, 0xFF, world.air.now_ms)
        meter.work(world.air.now_ms)
        world.run(50)
        assert [(event.handle, event.ok) for event in world.take(world.hub, aps.Delivered)] == [(handle, True)]
    # A device that puts them together itself takes the same.
    for index, block in enumerate(blocks):
        first = meter.aps.counter if index else None
        meter.aps.send_block(0, 1, 1, PROFILE, 0x0704, block, world.air.now_ms, False, index, 3, first)
        meter.work(world.air.now_ms)
        world.run(50)
    assert [event.payload for event in world.take(world.hub, aps.Message)] == [b"".join(blocks)]
    assert [event.ok for event in world.take(meter, aps.Delivered)] == [True] * 3
    world.hub.aps.send_block(meter.short, 1, 1, PROFILE, 0x0704, bytes(81), world.air.now_ms, False, 0, 2)
    world.hub.work(world.air.now_ms)
    world.run(50)
    assert [event.ok for event in world.take(world.hub, aps.Delivered)] == [False]


def test_a_concentrator_learns_the_way_of_each_device_and_uses_it():
    world, meters = a_line(4)
    for one in world.nodes:
        one.nwk.routes = []
    world.hub.nwk.concentrate(world.air.now_ms)
    world.run(2000)
    for meter in meters[1:]:
        assert [route.dst for route in meter.nwk.routes] == [0]
    far = meters[3]
    for number in range(2):
        far.send(0, 1, 1, PROFILE, 0x0702, b"up", world.air.now_ms, True)
        world.run(2000)
        assert [event.payload for event in world.take(world.hub, aps.Message)] == [b"up"]
        # It tells its way once.
        recorded = world.take(world.hub, nwk.RouteRecorded)
        expected = [] if number else [(far.short, tuple([meter.short for meter in meters[2::-1]]))]
        assert [(event.src, event.relays) for event in recorded] == expected
    frames = []
    world.air.tap = lambda octets, time_us, channel: frames.append(octets)
    for size in (50, 1505):
        frames.clear()
        payload = bytes([number * 3 & 0xFF for number in range(size)])
        world.hub.send(far.short, 1, 1, PROFILE, 0x0704, payload, world.air.now_ms, True)
        world.run(20000)
        assert [event.payload for event in world.take(far, aps.Message)] == [payload]
        ways = [nwk_frames.parse(mac_frames.parse(octets).payload) for octets in frames if octets[0] & 7 == 1]
        down = [frame for frame in ways if frame.dst == far.short]
        assert [frame.relay_index for frame in down[:4]] == [2, 1, 0, 0]
        assert {frame.relays for frame in down} == {tuple([meter.short for meter in meters[2::-1]])}
        # Nobody had to look for a way.
        assert not [frame for frame in ways if frame.kind == nwk_frames.COMMAND]


def test_a_source_route_that_is_broken_is_given_up():
    world, meters = a_line(2)
    spare = world.add(bytes.fromhex("00db000000000099"), 70, 60)
    assert world.join(spare, bytes(16), bytes(16)) == ""
    far = meters[1]
    world.hub.nwk.routes = []
    far.nwk.routes = []
    world.hub.nwk.concentrate(world.air.now_ms)
    world.run(1000)
    far.send(0, 1, 1, PROFILE, 0x0702, b"up", world.air.now_ms)
    world.run(1000)
    (way,) = [relays for dst, relays in world.hub.nwk.source_routes if dst == far.short]
    broken = [number for number, one in enumerate(world.nodes) if one.short == way[0]][0]
    world.air.link(broken, world.nodes.index(far), 0)
    world.hub.send(far.short, 1, 1, PROFILE, 0x0702, b"down", world.air.now_ms, True)
    world.run(8000)
    assert [event.payload for event in world.take(far, aps.Message)] == [b"down"]
    assert [event.ok for event in world.take(world.hub, aps.Delivered)] == [True]
    assert world.hub.nwk.relays_to(far.short) == ()


def test_two_networks_on_one_channel_do_not_disturb_each_other():
    world, meter = a_pair()
    other = world.add(bytes.fromhex("00db1234567890d1"))
    other.form(CHANNEL, PAN + 1, bytes(range(8)), bytes(16), world.air.now_ms)
    joiner = world.add(bytes.fromhex("00db1234567890d2"))
    other.permit(60, world.air.now_ms)
    other.add_link_key(joiner.eui, LINK_KEY)
    joiner.scan((CHANNEL,), world.air.now_ms)
    world.run(200)
    networks = world.take(joiner, node.Scanned)[0].networks
    assert sorted([one.pan for one in networks]) == [PAN, PAN, PAN + 1]
    joiner.join([one for one in networks if one.pan == PAN + 1][0], LINK_KEY, world.air.now_ms)
    world.run(2000)
    assert joiner.state == node.UP
    for one in world.nodes:
        world.take(one, aps.Message)
    for coordinator, device in ((world.hub, meter), (other, joiner)):
        coordinator.send(nwk_frames.LISTENERS, 1, 1, PROFILE, 0x0702, b"all", world.air.now_ms)
        device.send(0, 1, 1, PROFILE, 0x0702, device.eui, world.air.now_ms, True)
    world.run(3000)
    for coordinator, device in ((world.hub, meter), (other, joiner)):
        assert [event.payload for event in world.take(device, aps.Message)] == [b"all"]
        assert [event.payload for event in world.take(coordinator, aps.Message)] == [device.eui]
        assert device.dropped == coordinator.dropped == {}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_twenty_devices_scattered_in_a_bad_air_lose_nothing(seed):
    world = World(seed=seed, loss=30, damage=30, doubling=10, delay_ms=2)
    dice = Dice(seed)
    places = [(0, 0)]
    for number in range(20):
        near = places[dice.below(len(places))]
        place = (near[0] + dice.below(120) - 60, near[1] + dice.below(120) - 60)
        one = world.add(bytes((0, 0xDB, 0, 0, 0, 0, 1, number)), *place)
        station = len(places)
        best = max(range(station), key=lambda other: world.air.lqi(other, station))  # noqa: B023
        for _ in range(5):
            failed = world.join(one, bytes((number,)) * 16, bytes((number,)) * 16, through=world.nodes[best])
            if not failed:
                break
        assert failed == ""
        places.append(place)
    for one in world.nodes:
        world.take(one, aps.Message)
    sent = []
    for number in range(60):
        one = world.nodes[1 + dice.below(20)]
        payload = number.to_bytes(2, "big") + bytes(dice.below(200))
        src, dst = (one, world.hub) if number & 1 else (world.hub, one)
        src.send(dst.short, 1, 1, PROFILE, 0x0702, payload, world.air.now_ms, True)
        sent.append(payload)
        world.run(300)
    world.run(30000)
    got = []
    for one in world.nodes:
        got += [event.payload for event in world.take(one, aps.Message)]
    assert sorted(got) == sent
