"""Fuzzes a device that is in a network: damaged frames from outside, and damaged contents under the right keys.

The first octet of an input says how far in the rest goes: 0 a MAC frame, 1 a NWK frame without security, 2 a NWK frame
under the network key, 3 an APS frame in one, 4 an APS frame's contents under the link key, 5 an APS command under the
key that keys travel under, 6 a ZDO message (its cluster first).
"""

import mutate
from air_samples import APS_COMMANDS, APS_FRAMES, MAC_FRAMES, NWK_COMMANDS, NWK_FRAMES, ZDO
from air_world import HUB, METER, PAN, a_pair

from slotmeter.zigbee_han.frames import aps, mac, nwk, secure
from slotmeter.zigbee_han.sim import node

SEEDS = [b"\0" + mac.build(frame) for frame in MAC_FRAMES]
SEEDS += [b"\1" + nwk.build(frame) for frame in NWK_FRAMES]
SEEDS += [b"\2\1" + payload for payload in NWK_COMMANDS]
SEEDS += [b"\3" + aps.build(frame) for frame in APS_FRAMES]
# Found once: what was for a group was acknowledged.
SEEDS.append(
    b"\3" + aps.build(aps.Frame(aps.DATA, 9, b"g", None, 6, 7, 1, group=8, delivery=aps.GROUP, ack_request=True))
)
SEEDS += [b"\4" + aps.build(frame) for frame in APS_FRAMES]
SEEDS += [b"\5" + payload for payload in APS_COMMANDS]
SEEDS += [b"\6" + cluster.to_bytes(2, "little") + octets for cluster, octets in ZDO]


class Peer:
    """A pair that is joined, and the hub's part played by the fuzzer: it has the keys and the counters."""

    def __init__(self):
        self.world, self.meter = a_pair()
        self.hub = self.world.hub
        self.sequence = 0
        self.tried = 0

    def to_meter(self, payload, secured=True, kind=nwk.DATA):
        frame = nwk.Frame(kind, self.meter.short, 0, 30, self.sequence, payload, None, HUB)
        frame.secured = secured
        if secured:
            key = self.hub.nwk.keys[0][1]
            header = nwk.build_header(frame)
            auxiliary = secure.Auxiliary(secure.NETWORK, self.hub.nwk.counter, HUB, 0)
            self.hub.nwk.counter += 1
            return header + secure.seal(self.hub.nwk._crypto, key, header, auxiliary, HUB, payload)
        return nwk.build(frame)

    def hears(self, octets):
        self.sequence = (self.sequence + 1) & 0xFF
        if len(octets) > 116:
            return
        frame = mac.Frame(mac.DATA, self.sequence, PAN, self.meter.short, PAN, 0, octets, True, False, True)
        self.hear(mac.build(frame))

    def hear(self, octets):
        # A repetition within 200 ms would be taken for one.
        self.world.air.now_ms += 201
        self.meter.receive(octets, self.world.air.now_ms, 255)

    def take(self, data):
        how = data[0] if data else 0
        rest = data[1:]
        if how == 0:
            self.hear(rest)
            self.hear(mac.with_fcs(rest[:-2]))
        elif how == 1:
            self.hears(rest)
        elif how == 2:
            self.hears(self.to_meter(rest[1:], kind=rest[0] & 1 if rest else 0))
        elif how == 3:
            self.hears(self.to_meter(rest))
        elif how == 6:
            frame = aps.Frame(aps.DATA, self.sequence, rest[2:], 0, int.from_bytes(rest[:2], "little"), 0, 0)
            self.hears(self.to_meter(aps.build(frame)))
        else:
            link = self.hub.aps.link(METER)
            key_id = secure.LINK if how == 4 else secure.TRANSPORT
            key = link.key if how == 4 else secure.transport_key(self.hub.nwk._crypto, link.key)
            header, payload = bytes((aps.COMMAND | 0x20, self.sequence)), rest
            if how == 4:
                # The header is the input's; of what it says it is long, all that is there.
                size = min(len(rest), 8)
                header, payload = bytes((rest[0] | 0x20,) if rest else b"") + rest[1:size], rest[size:]
            auxiliary = secure.Auxiliary(key_id, link.counter, HUB)
            link.counter += 1
            sealed = secure.seal(self.hub.nwk._crypto, key, header, auxiliary, HUB, payload)
            self.hears(self.to_meter(header + sealed))


PEERS = [Peer()]


def parse(data):
    peer = PEERS[0]
    meter = peer.meter
    peer.take(data)
    for _ in range(64):
        octets = meter.to_send()
        if not octets:
            break
        mac.parse(octets)
    for _ in iter(meter.next_event, None):
        pass
    due = meter.deadline_ms()
    if due is not None and due <= peer.world.air.now_ms:
        meter.tick(peer.world.air.now_ms)
    peer.tried += 1
    # The trust centre, whose part we play, may give a next key; it never takes the active one away.
    assert meter.state != node.UP or meter.nwk.key(meter.nwk.active_key), "the network key is gone"
    assert len(meter.nwk.keys) <= 2, "more keys than there is room for"
    assert len(meter.aps._transfers) <= 3, "more transfers than there is room for"
    assert len(meter.nwk._addresses) <= 128, "more addresses than there is room for"
    assert len(meter.dropped) < 200, "reasons without end"
    if meter.state != node.UP or peer.tried % 2000 == 0:
        # It was told to leave; or it has a table full of what it was told.
        PEERS[0] = Peer()


TARGET = mutate.Target("zigbee_han/sim/node.py", SEEDS, parse, ())

if __name__ == "__main__":
    mutate.main(TARGET)
