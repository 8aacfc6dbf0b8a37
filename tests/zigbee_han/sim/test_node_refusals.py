"""What devices refuse: full tables, commands of who may not give them, children that never get a key."""

import pytest
from air_world import CHANNEL, HUB, LINK_KEY, METER, PROFILE, World, a_line, a_pair

from slotmeter.zigbee_han.errors import EncodeError
from slotmeter.zigbee_han.frames import aps as aps_frames
from slotmeter.zigbee_han.frames import nwk as nwk_frames
from slotmeter.zigbee_han.frames import secure
from slotmeter.zigbee_han.frames import zdo as zdo_frames
from slotmeter.zigbee_han.sim import aps, node, nwk


def give(world, src, dst, payload, partner=None, key_id=None):
    """Sends an APS command from one device to another."""
    src.nwk.send(dst.short, src.aps.command(payload, partner, key_id), -1, world.air.now_ms)
    world.run(200)


def test_a_child_without_a_key_is_forgotten():
    world = World()
    meter = world.add(METER)
    assert world.join(meter, known=None) == "no network key came"
    assert world.hub.nwk.neighbour_of(METER) is None
    assert [event.given_key for event in world.take(world.hub, node.DeviceJoined)] == [False]
    assert world.hub.dropped["APS: no link key, or its counter used up"] == 1


def test_a_device_with_a_full_table_takes_nobody(monkeypatch):
    world, meter = a_pair()
    monkeypatch.setattr(nwk, "NEIGHBOUR_LIMIT", 1)
    late = world.add(bytes(8))
    assert world.join(late) == "the network has no room"
    assert world.take(world.hub, node.DeviceJoined)[1:] == []


def test_a_network_that_nobody_answers_for_is_not_joined():
    world = World()
    joiner = world.add(METER)
    world.hub.permit(60, 0)
    joiner.scan((CHANNEL,), world.air.now_ms)
    world.run(200)
    network = world.take(joiner, node.Scanned)[0].networks[0]
    world.air.link(0, 1, 0)
    joiner.join(network, LINK_KEY, world.air.now_ms)
    world.run(2000)
    assert [event.reason for event in world.take(joiner, node.JoinFailed)] == [
        "nobody acknowledged the association request"
    ]


def test_the_trust_centre_has_room_for_so_many_keys():
    world = World()
    world.hub.aps.link_limit = 2
    world.hub.add_link_key(bytes(7) + b"\1", LINK_KEY)
    world.hub.add_link_key(bytes(7) + b"\2", LINK_KEY)
    world.hub.add_link_key(bytes(7) + b"\2", bytes(16))
    with pytest.raises(EncodeError):
        world.hub.add_link_key(bytes(7) + b"\3", LINK_KEY)
    world.hub.aps.drop_link(bytes(7) + b"\1")
    world.hub.add_link_key(bytes(7) + b"\3", LINK_KEY)


def test_only_a_router_with_its_link_key_reports_a_device():
    world, meters = a_line(2)
    world.take(world.hub, node.DeviceJoined)
    payload = aps_frames.build_command(
        aps_frames.UPDATE_DEVICE, device=bytes(8), short=0x1234, status=aps_frames.UNSECURED_JOIN
    )
    give(world, meters[0], world.hub, payload)
    assert world.take(world.hub, node.DeviceJoined) == []
    give(world, meters[0], world.hub, payload, HUB, secure.LINK)
    assert [event.short for event in world.take(world.hub, node.DeviceJoined)] == [0x1234]
    left = aps_frames.build_command(
        aps_frames.UPDATE_DEVICE, device=METER, short=0x1234, status=aps_frames.DEVICE_LEFT
    )
    give(world, meters[0], world.hub, left, HUB, secure.LINK)
    assert [event.eui for event in world.take(world.hub, node.DeviceLeft)] == [METER]
    assert world.hub.dropped["update device that is not for us, or not sealed"] == 1


def test_a_tunnel_leads_only_to_a_new_child():
    world, meters = a_line(2)
    payload = aps_frames.build_command(aps_frames.TUNNEL, dst=meters[1].eui, frame=b"anything")
    give(world, world.hub, meters[0], payload)
    give(world, meters[1], meters[0], payload)
    assert meters[0].dropped["tunnel for a device that is no new child"] == 2


def test_a_command_under_the_key_for_keys_or_unknown_is_counted():
    world, meter = a_pair()
    give(world, world.hub, meter, aps_frames.build_command(aps_frames.CONFIRM_KEY, status=0, key_type=4, dst=METER))
    assert meter.dropped["confirm key that is not from the trust centre, or was not waited for"] == 1
    give(world, world.hub, meter, aps_frames.build_command(aps_frames.REMOVE_DEVICE, device=METER))
    other = aps_frames.build_command(aps_frames.REMOVE_DEVICE, device=bytes(8))
    give(world, world.hub, meter, other, METER, secure.LINK)
    assert meter.dropped["told to remove a device by somebody who may not"] == 1
    assert meter.dropped["told to remove a device that is no child"] == 1
    assert meter.state == node.UP
    payload = aps_frames.build_command(
        aps_frames.TRANSPORT_KEY, key_type=4, key=bytes(16), joiner=METER, centre=HUB
    )
    give(world, world.hub, meter, payload, METER, secure.LOAD)
    assert meter.dropped["transported key that was not waited for"] == 1
    link = world.hub.aps.link(METER)
    link.counter = 0
    give(world, world.hub, meter, payload, METER, secure.LOAD)
    assert meter.dropped["APS: replayed"] == 1
    link.counter = secure.COUNTER_LIMIT
    world.hub.send(meter.short, 1, 1, PROFILE, 0x0702, b"x", world.air.now_ms, True)
    world.run(100)
    assert [event.ok for event in world.take(world.hub, aps.Delivered)] == [False]


def test_a_link_key_that_differs_is_noticed():
    world, meter = a_pair()
    world.hub.aps.set_link(METER, bytes(16))
    world.hub.aps.link(METER).counter = 100
    world.hub.send(meter.short, 1, 1, PROFILE, 0x0702, b"x", world.air.now_ms, True)
    world.run(10000)
    assert meter.dropped == {"APS: MIC does not match": 4}
    assert [event.ok for event in world.take(world.hub, aps.Delivered)] == [False]


def test_management_leave_is_for_the_trust_centre():
    world, meters = a_line(2)
    meters[1].request(meters[0].short, zdo_frames.MANAGEMENT_LEAVE, world.air.now_ms, eui=bytes(8), flags=0)
    world.run(500)
    (answer,) = world.take(meters[1], aps.Message)
    assert answer.payload[1] == zdo_frames.NOT_AUTHORIZED
    world.hub.request(meters[0].short, zdo_frames.MANAGEMENT_LEAVE, world.air.now_ms, eui=meters[0].eui, flags=0)
    world.run(500)
    (answer,) = world.take(world.hub, aps.Message)
    assert answer.payload[1] == zdo_frames.SUCCESS
    assert [event.asked for event in world.take(meters[0], node.Down)] == [True]


def test_the_device_object_refuses_what_is_not_its_own():
    world, meter = a_pair()
    for cluster, values, status in (
        (zdo_frames.NETWORK_ADDRESS, {"eui": HUB, "kind": 0, "start": 0}, zdo_frames.DEVICE_NOT_FOUND),
        (zdo_frames.IEEE_ADDRESS, {"short": 0x7777, "kind": 0, "start": 0}, zdo_frames.DEVICE_NOT_FOUND),
        (zdo_frames.NETWORK_ADDRESS, {"eui": METER, "kind": 2, "start": 0}, zdo_frames.INVALID_REQUEST),
        (zdo_frames.NODE_DESCRIPTOR, {"short": 0x7777}, zdo_frames.DEVICE_NOT_FOUND),
        (zdo_frames.ACTIVE_ENDPOINTS, {"short": 0x7777}, zdo_frames.DEVICE_NOT_FOUND),
        (
            zdo_frames.BIND,
            {"src": HUB, "src_endpoint": 1, "cluster": 1, "mode": 1, "group": 2},
            zdo_frames.INVALID_REQUEST,
        ),
        (
            zdo_frames.BIND,
            {"src": METER, "src_endpoint": 7, "cluster": 1, "mode": 1, "group": 2},
            zdo_frames.INVALID_ENDPOINT,
        ),
        (zdo_frames.MANAGEMENT_UPDATE, {"channels": 1 << 11, "duration": 1, "count": 1}, zdo_frames.NOT_SUPPORTED),
        (zdo_frames.PARENT_ANNOUNCE, {"children": ()}, None),
    ):
        world.hub.request(meter.short, cluster, world.air.now_ms, **values)
        # The same to all: who is not meant says nothing.
        world.run(100)
        answers = world.take(world.hub, aps.Message)
        assert [answer.payload[1] for answer in answers] == ([] if status is None else [status])
    world.hub.request(nwk_frames.LISTENERS, zdo_frames.NETWORK_ADDRESS, world.air.now_ms, eui=HUB, kind=0, start=0)
    world.run(100)
    assert world.take(world.hub, aps.Message) == []
    for number in range(17):
        world.hub.request(
            meter.short,
            zdo_frames.BIND,
            world.air.now_ms,
            src=METER,
            src_endpoint=1,
            cluster=number,
            mode=1,
            group=1,
        )
        world.run(100)
    assert [answer.payload[1] for answer in world.take(world.hub, aps.Message)] == [0] * 16 + [0x8C]
    world.hub.request(
        meter.short, zdo_frames.UNBIND, world.air.now_ms, src=METER, src_endpoint=1, cluster=3, mode=1, group=1
    )
    world.run(100)
    assert [answer.payload[1] for answer in world.take(world.hub, aps.Message)] == [0]
    assert len(meter.zdo.bindings) == 15


def test_more_than_is_under_way_at_once_is_refused():
    world, meter = a_pair()
    world.air.link(0, 1, 0)
    for _ in range(20):
        world.hub.send(meter.short, 1, 1, PROFILE, 0x0702, b"x", world.air.now_ms)
    assert [event.ok for event in iter(world.hub.next_event, None) if isinstance(event, aps.Delivered)] == [False] * 4
    world.run(20000)
    assert [event.ok for event in world.take(world.hub, aps.Delivered)] == [False] * 16
    assert world.hub.send(nwk_frames.LISTENERS, 1, 1, PROFILE, 1, bytes(100), world.air.now_ms)
    world.run(1)
    assert [event.ok for event in world.take(world.hub, aps.Delivered)] == [False]


def test_a_flood_of_broadcasts_fills_the_table_and_no_more():
    world, meter = a_pair()
    for number in range(100):
        world.hub.send(nwk_frames.LISTENERS, 1, 1, PROFILE, 0x0702, bytes((number,)), world.air.now_ms)
        world.run(20)
    world.run(1000)
    got = len(world.take(meter, aps.Message))
    assert 50 < got <= nwk.BROADCAST_LIMIT
    assert world.hub.dropped["NWK: broadcast table full"] > 0 or meter.dropped["NWK: broadcast table full"] > 0
    world.run(20000)
    world.hub.send(nwk_frames.LISTENERS, 1, 1, PROFILE, 0x0702, b"after", world.air.now_ms)
    world.run(100)
    assert [event.payload for event in world.take(meter, aps.Message)] == [b"after"]
