"""Messages of a tunnel in blocks: hub and meter, each with an endpoint, above a wire that carries single blocks."""

from slotmeter.hal import fragments
from slotmeter.zigbee_han import server, tunnel

HUB = bytes.fromhex("90b3d51f30010000")
METER = bytes.fromhex("00db1234567890a0")


class Dice:
    """Numbers that look random, the same on a board (Numerical Recipes, chapter 7.1)."""

    def __init__(self, seed):
        self.state = seed

    def falls(self, percent):
        self.state = (self.state * 1664525 + 1013904223) & 0xFFFFFFFF
        return (self.state >> 8) % 100 < percent


class End:
    """A device: an endpoint, and what cuts its messages and puts those of the other together."""

    def __init__(self, address, cluster):
        self.address = address
        self.cluster = cluster
        self.endpoint = server.Endpoint([cluster])
        self.splitter = fragments.Splitter()
        self.assembler = fragments.Assembler()
        self.counter = 0
        self.arrived = []
        self.events = []

    def begin(self, now_ms):
        """Gives the endpoint's messages to the splitter, also those that need no blocks: it is a test of them."""
        message = self.endpoint.to_send()
        while message is not None:
            self.counter = (self.counter + 1) & 0xFF
            assert self.splitter.send(message.peer, self.counter, message.data, now_ms)
            message = self.endpoint.to_send()

    def take(self, block, peer, now_ms):
        seen = fragments.Block(peer, block.sequence, block.index, block.count, block.data)
        whole = self.assembler.receive(seen, now_ms)
        if whole is not None:
            self.endpoint.receive(server.Message(peer, 1, tunnel.TUNNELING, whole), now_ms)
        event = self.endpoint.next_event()
        while event is not None:
            if isinstance(event, tunnel.Arrived):
                self.arrived.append(event.data)
            self.events.append(event)
            event = self.endpoint.next_event()

    def deadline(self):
        times = [self.endpoint.deadline_ms(), self.splitter.deadline_ms(), self.assembler.deadline_ms()]
        return min([time for time in times if time is not None] + [1 << 40])

    def tick(self, now_ms):
        self.endpoint.tick(now_ms)
        self.splitter.tick(now_ms)
        self.assembler.tick(now_ms)


def run(ends, lost, done, limit_ms=600000):
    """Runs two ends until `done()`; the time it took and the blocks that were sent."""
    now_ms, sent = 0, 0
    while not done():
        moved = False
        for here, there in (ends, (ends[1], ends[0])):
            here.begin(now_ms)
            block = here.splitter.to_send()
            if block is not None:
                moved, sent = True, sent + 1
                if not lost():
                    there.take(block, here.address, now_ms)
            told = there.assembler.to_send()
            if told is not None:
                moved = True
                if not lost():
                    back = fragments.Acknowledgement(there.address, told.sequence, told.index)
                    here.splitter.receive(back, now_ms)
        if not moved:
            now_ms = max(now_ms, min(ends[0].deadline(), ends[1].deadline()))
            assert now_ms < limit_ms, [end.events for end in ends]
            for end in ends:
                end.tick(now_ms)
    return now_ms, sent


def both_ways(lost):
    hub, meter = End(HUB, tunnel.TunnelClient(METER)), End(METER, tunnel.Tunnel())
    there = [bytes([number]) * 1500 for number in range(3)]
    back = [bytes([128 + number]) * 1500 for number in range(3)]
    for data in there:
        assert hub.cluster.send(data, 0)
    run((hub, meter), lost, lambda: len(meter.arrived) >= 1)
    for data in back:
        assert meter.cluster.send(HUB, data)
    took = run((hub, meter), lost, lambda: len(meter.arrived) >= 3 and len(hub.arrived) >= 3)
    assert meter.arrived == there
    assert hub.arrived == back
    return took


def test_largest_messages_go_both_ways_in_22_blocks_each():
    took_ms, sent = both_ways(lambda: False)
    # Of the six messages one went before, the others have 22 blocks each, and there are default responses of one.
    assert 5 * 22 <= sent <= 5 * 22 + 8
    assert took_ms < 10000


def test_a_lossy_wire_takes_longer_and_loses_nothing():
    for seed in range(8):
        dice = Dice(seed)
        both_ways(lambda dice=dice: dice.falls(3))
