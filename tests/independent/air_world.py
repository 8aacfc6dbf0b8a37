"""Devices on one virtual air: a hub that has formed its network, meters that join it, what each of them said."""

from slotmeter.hal.host.crypto import HostCrypto
from slotmeter.zigbee_han.sim import node
from slotmeter.zigbee_han.sim.air import Air, Dice
from slotmeter.zigbee_han.sim.zdo import Endpoint

HUB = bytes.fromhex("00db1234567890b1")
METER = bytes.fromhex("00db1234567890a0")
EXTENDED_PAN = bytes.fromhex("a1b2c3d4e5f60718")
NETWORK_KEY = bytes.fromhex("00112233445566778899aabbccddeeff")
LINK_KEY = bytes.fromhex("66b6900981e1ee3ca4206b6b861c02bb")
CRYPTO = HostCrypto()
PAN = 0x1A62
CHANNEL = 15
PROFILE = 0x0109


class World:
    """An air with a hub that has formed its network; `events` has what each device said."""

    def __init__(self, **faults):
        self.air = Air(**faults)
        self.seed = faults.get("seed", 1)
        self.nodes = []
        self.events = []
        self.hub = self.add(HUB)
        self.hub.form(CHANNEL, PAN, EXTENDED_PAN, NETWORK_KEY, 0)
        self.run(1)

    def add(self, eui, x=0, y=0):
        one = node.Node(eui, CRYPTO, Dice(self.seed * 100 + len(self.nodes)))
        one.zdo.endpoints = [Endpoint(1, PROFILE, 0x0501, (0x0000, 0x0702, 0x0704), (0x000A,), 1)]
        self.nodes.append(one)
        self.events.append([])
        self.air.attach(one, x, y)
        return one

    def run(self, ms):
        end = self.air.now_ms + ms
        while self.air.now_ms < end:
            self.air.run(min(end, self.air.now_ms + 50))
            for place, one in enumerate(self.nodes):
                event = one.next_event()
                while event is not None:
                    self.events[place].append(event)
                    event = one.next_event()

    def take(self, one, kind):
        """The events of this kind that the device had, which are then gone."""
        held = self.events[self.nodes.index(one)]
        found = [event for event in held if isinstance(event, kind)]
        held[:] = [event for event in held if not isinstance(event, kind)]
        return found

    def join(self, joiner, link_key=LINK_KEY, known=LINK_KEY, permit=True, through=None, wait_ms=12000):
        """Scans and joins through a device; the reason why it failed, or ""."""
        self.take(joiner, node.JoinFailed)
        parent = through or self.hub
        if permit:
            parent.permit(60, self.air.now_ms)
        if known:
            self.hub.add_link_key(joiner.eui, known)
        joiner.scan((CHANNEL,), self.air.now_ms)
        self.run(200)
        networks = [one for one in self.take(joiner, node.Scanned)[-1].networks if one.beacon.src == parent.short]
        if not networks:
            return "no beacon"
        joiner.join(networks[0], link_key, self.air.now_ms)
        end = self.air.now_ms + wait_ms
        while self.air.now_ms < end and joiner.state not in (node.UP, node.OFF):
            self.run(50)
        # Until the announcement, which is repeated by all, is over.
        self.run(100)
        failed = self.take(joiner, node.JoinFailed)
        return failed[-1].reason if failed else "" if joiner.state == node.UP else "not yet"


def a_pair(**faults):
    world = World(**faults)
    meter = world.add(METER)
    assert world.join(meter) == ""
    return world, meter


def a_line(length, **faults):
    """A hub and `length` meters in a row, each hearing only the next; each joined through the one before."""
    world = World(**faults)
    meters = []
    for number in range(length):
        meter = world.add(bytes((0, 0xDB, 0, 0, 0, 0, 0, number + 1)), 70 * (number + 1))
        key = bytes((number,)) * 16
        for _ in range(4):
            failed = world.join(meter, key, key, through=meters[-1] if meters else None)
            if not failed:
                break
        assert failed == "", number
        meters.append(meter)
    return world, meters
