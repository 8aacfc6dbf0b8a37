"""A comms hub and a meter as the bench has them, on one air, in one time: both sides, and what they say to people."""

import re

from hub_and_meter import CRYPTO, ENTROPY, HUB, NETWORK_KEY, identities
from world import METER, NOW_S, World

from slotmeter.boards.pc.hub_side import HubSide
from slotmeter.boards.pc.meter_side import MeterSide
from slotmeter.boards.pc.network_words import words
from slotmeter.dlms.blocks import BLOCK_SIZE
from slotmeter.firmware.settings import Settings
from slotmeter.hal.virtual.house import ConstantLoad
from slotmeter.zigbee_han import install_code
from slotmeter.zigbee_han.sim.air import Air
from slotmeter.zigbee_han.sim.han import Han
from slotmeter.zigbee_han.sim.radio import AirRadio

CODE = install_code.parse("83FE D340 7A93 9723 A5C6 39B2 6916 D505 C3B5")
KEY = install_code.link_key(CRYPTO, CODE)
START_MS = 1000 * NOW_S
WATTS = 1000


class Street:
    """hub and meter: the two sides; world: the meter and its parties; said, hub_said: (ms, words); came: the messages
    that reached the hub; facts: what the meter told.
    """

    def __init__(self, air=None, authority=None, radio=None):
        self.han = Han(CRYPTO, 7, air or Air(7))
        settings = Settings(1)
        settings.keep_undelivered = True
        settings.block_size = BLOCK_SIZE
        self.world = World(settings=settings)
        self.world.meter.life.set_metrology(ConstantLoad((WATTS,)))
        self.hub = HubSide(self.han.radio(HUB), CRYPTO, ENTROPY, identities(HUB), lambda: self.time_ms() // 1000)
        node = self.han.radio(METER, 10).node
        self.radio = (radio or AirRadio)(node)
        theirs = identities(METER, authority=authority) if authority is None else identities(METER, (2,), authority)
        self.meter = MeterSide(self.radio, self.world.meter, CRYPTO, ENTROPY, theirs, self.time_ms)
        self.han.add(self.hub.hub)
        self.han.add(self.meter.joiner)
        self.hub.hub.form(15, 0x1234, b"\1\2\3\4\5\6\7\x08", NETWORK_KEY, 0)
        self.said = []
        self.hub_said = []
        self.came = []
        self.facts = []

    def time_ms(self):
        """The meter's time."""
        return START_MS + self.han.now_ms

    def joined(self):
        """The meter is in, with its tunnel, and what it says of that is at the hub."""
        self.hub.hub.add(METER, KEY)
        self.hub.hub.permit(254, self.han.now_ms)
        self.meter.joiner.start(KEY, self.han.now_ms)
        self.run(10)
        assert self.has_said("tunnel with .* open") and len(self.came) == 2
        self.came = []
        return self

    def has_said(self, pattern, since_ms=0):
        """When the meter's side said something that fits."""
        return [at for at, text in self.said if at >= since_ms and re.search(pattern, text)]

    def connect(self, connected):
        """Whether the two hear each other."""
        self.han.air.link(0, 1, 255 if connected else 0)

    def wh(self):
        """What the meter has measured."""
        self.world.meter.tick(self.time_ms())
        octets = self.world.meter.peek(b"\x00\x01\x00\x00\x5e\x2c\x22\x0a\x02")
        return int.from_bytes(octets[3:7], "big")

    def run(self, seconds, until=None):
        """Lets time pass, or until there is what `until` says."""
        until_ms = self.han.now_ms + int(1000 * seconds)
        self._settle()
        while self.han.now_ms < until_ms and not (until is not None and until()):
            self.han.run(self.han.now_ms)
            meter_due = self.world.meter.deadline_ms()
            times = [self.han.deadline_ms(), self.hub.deadline_ms(), self.meter.deadline_ms()]
            times.append(None if meter_due is None else meter_due - START_MS)
            due = min([time for time in times if time is not None] + [until_ms])
            self.han.run(max(due, self.han.now_ms))
            self.world.meter.tick(self.time_ms())
            self._settle()

    def _settle(self):
        self.hub.settle()
        self.meter.settle()
        for side, said in ((self.hub, self.hub_said), (self.meter, self.said)):
            fact = side.next_event()
            while fact is not None:
                said.append((self.han.now_ms, words(fact)))
                fact = side.next_event()
        message = self.hub.next_message()
        while message is not None:
            assert message[0] == METER
            self.came.append(message[1])
            message = self.hub.next_message()
        fact = self.world.meter.next_event()
        while fact is not None:
            self.facts.append(fact)
            fact = self.world.meter.next_event()
