"""Devices on one air where a board runs: a hub, a meter two hops away, sealed messages in blocks."""

from slotmeter.hal.board.crypto import BoardCrypto
from slotmeter.zigbee_han.sim import aps, node
from slotmeter.zigbee_han.sim.air import Air, Dice

CRYPTO = BoardCrypto()
NETWORK_KEY = bytes(range(16))
LINK_KEY = bytes(range(100, 116))
PROFILE = 0x0109


def device(air, number):
    one = node.Node(bytes((0, 0xDB, 0, 0, 0, 0, 0, number)), CRYPTO, Dice(number))
    air.attach(one, 70 * number)
    return one


def events(one, kind):
    found = []
    event = one.next_event()
    while event is not None:
        if isinstance(event, kind):
            found.append(event)
        event = one.next_event()
    return found


def join(air, hub, through, joiner):
    hub.add_link_key(joiner.eui, LINK_KEY)
    through.permit(10, air.now_ms)
    joiner.scan((11,), air.now_ms)
    air.run(air.now_ms + 200)
    networks = events(joiner, node.Scanned)[0].networks
    for network in networks:
        if network.beacon.src == through.short:
            joiner.join(network, LINK_KEY, air.now_ms)
    air.run(air.now_ms + 1000)
    assert [event.short for event in events(joiner, node.Up)] == [joiner.short]


def test_devices_join_and_talk_over_two_hops():
    air = Air()
    hub, near, far = device(air, 0), device(air, 1), device(air, 2)
    hub.form(11, 0x1A62, bytes(range(8)), NETWORK_KEY, 0)
    join(air, hub, hub, near)
    join(air, hub, near, far)
    assert far.nwk.keys == [(0, NETWORK_KEY)]
    payload = bytes(range(200))
    hub.send(far.short, 1, 1, PROFILE, 0x0704, payload, air.now_ms, True)
    far.send(0, 1, 1, PROFILE, 0x0704, payload + payload, air.now_ms, True)
    air.run(air.now_ms + 5000)
    assert [(event.payload, event.sealed) for event in events(far, aps.Message)] == [(payload, True)]
    assert [(event.payload, event.sealed) for event in events(hub, aps.Message)] == [(payload + payload, True)]
    far.leave(air.now_ms)
    air.run(air.now_ms + 100)
    assert far.state == node.OFF
