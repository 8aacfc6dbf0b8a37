"""Fuzzes a whole network: a hub, a real meter and a display on one air get from each other what nobody should send.

An input is: who sends to whom (1: the low bits choose of WAYS, 0x10 without the link key, 0x20 to the device object,
0x40 as a frame on the air), a cluster (2), and the contents: a ZCL frame, or a ZDO message, or a frame's octets. The
sender's radio sends it as it does everything: APS and NWK with their keys, and in fragments when it is long. All
devices go on living for some tenths of a second after each input; now and then the hub reads the meter.
"""

import fuzz_zcl
import mutate
from air_samples import MAC_FRAMES, ZDO
from han_home import MeteredHome
from hub_and_meter import HUB, METER, OTHER

from slotmeter.zigbee_han import joiner
from slotmeter.zigbee_han.errors import EncodeError
from slotmeter.zigbee_han.frames import mac
from slotmeter.zigbee_han.server import QUEUE_LIMIT, Answered

WAYS = ((HUB, METER), (OTHER, METER), (METER, HUB), (METER, OTHER), (HUB, OTHER), (OTHER, HUB))
_TO_DISPLAY = (3, 4)
_TO_SERVER = (0, 1, 5)
UNSECURED, OBJECT, RAW = 0x10, 0x20, 0x40
AFTER_MS = 300
# How often the hub reads the meter, and how many inputs a home lives through.
READ_EVERY = 50
MOVE_EVERY = 500
_METERING, _PROFILE = 0x0702, 0x0109
# What one device may remember of reasons, and what its queues may hold.
_REASONS = 200


def seeds():
    found = []
    for number, seed in enumerate(fuzz_zcl.TARGET.seeds):
        cluster, frame = seed[:2], seed[3:]
        to_client = frame[0] & 8
        ways = (2, *_TO_DISPLAY) if to_client else _TO_SERVER
        found.append(bytes((ways[number % 3],)) + cluster + frame)
        found.append(bytes((ways[0] | UNSECURED,)) + cluster + frame)
    for number, (cluster, octets) in enumerate(ZDO):
        found.append(bytes((number % len(WAYS) | OBJECT,)) + cluster.to_bytes(2, "little") + octets)
    for number, frame in enumerate(MAC_FRAMES):
        found.append(bytes((number % len(WAYS) | RAW, 0, 0)) + mac.build(frame))
    return found


class Home:
    """A hub, a meter and a display that are in, with tunnel and keys."""

    def __init__(self):
        self.home = home = MeteredHome()
        self.meter = home.add_meter(METER)
        home.run(5)
        self.display = home.add_display(OTHER)
        home.run(8)
        assert self.is_whole()
        self.stations = {HUB: home.hub, METER: self.meter.station, OTHER: self.display}
        self.tried = 0

    def is_whole(self):
        return self.meter.station.state == self.display.state == joiner.UP

    def take(self, data):
        how = data[0] if data else 0
        cluster = int.from_bytes(data[1:3], "little")
        sender, receiver = WAYS[how % 16 % len(WAYS)]
        han = self.home.han
        radio = self.stations[sender].radio
        if how & RAW:
            self.stations[receiver].radio.node.receive(mac.with_fcs(data[3:-2]), han.now_ms, 255)
        elif how & OBJECT:
            radio.send(receiver, 0, 0, 0, cluster, data[3:], False, han.now_ms)
        else:
            radio.send(receiver, 1, 1, _PROFILE, cluster, data[3:], not how & UNSECURED, han.now_ms)
        self.home.run(AFTER_MS / 1000)
        self.tried += 1

    def reads(self):
        """Whether the meter still answers the hub."""
        self.home.hub.endpoint.read(METER, 1, _METERING, [0])
        self.home.facts.clear()
        self.home.run(3)
        return any(fact.cluster == _METERING for fact in self.home.told(HUB, Answered))


HOMES = []


def parse(data):
    if not HOMES:
        HOMES.append(Home())
    home = HOMES[0]
    try:
        home.take(data)
        for station in home.stations.values():
            assert len(station.endpoint.dropped) <= QUEUE_LIMIT, "an endpoint's reasons without end"
            assert len(station.radio.node.dropped) < _REASONS, "a radio's reasons without end"
        home.home.facts.clear()
        whole = home.is_whole()
        if whole and home.tried % READ_EVERY == 0:
            # Another input may have closed what was under way: asked twice.
            assert home.reads() or home.reads(), "the meter does not answer any more"
    except BaseException:
        HOMES.clear()
        raise
    if not whole or home.tried >= MOVE_EVERY:
        # It was told to leave, or to agree another key: the next one begins again.
        HOMES.clear()


# A home that begins takes a second; and one input may be a table of answers in fragments.
TARGET = mutate.Target(
    "a network", seeds(), parse, EncodeError, slow_s=2.0, slow_s_per_kib=1.0, memory=4000000, memory_per_octet=5000
)

if __name__ == "__main__":
    mutate.main(TARGET)
