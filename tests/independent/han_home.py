"""A home with real meters, each with its remote parties, and displays, on one air with the hub, in one time."""

import metered
from hub_and_meter import CODE, CRYPTO, HUB, NETWORK_KEY, exchange
from world import NOW_S, World

from slotmeter.firmware.han_station import MeterStation
from slotmeter.hal.virtual.house import ConstantLoad
from slotmeter.zigbee_han import install_code
from slotmeter.zigbee_han.clusters.clock import HubTime
from slotmeter.zigbee_han.comms_hub import PPMID, TYPE_2, CommsHub
from slotmeter.zigbee_han.display import PREPAYMENT_TERMINAL, Display
from slotmeter.zigbee_han.key_establishment import KeyAgreed
from slotmeter.zigbee_han.sim.air import Air
from slotmeter.zigbee_han.sim.han import Han
from slotmeter.zigbee_han.tunnel import Arrived

KEY = install_code.link_key(CRYPTO, CODE)
START_MS = 1000 * NOW_S
PRICES = {1: 15480, 2: 7320}
DAYS = (metered.profile(1, (0, 0, 2), (7, 0, 1)), metered.profile(2, (0, 0, 2)))
WEEKS = ((b"w", [1, 1, 1, 1, 2, 2, 2]),)
SEASONS = ((metered.date(2025, 1, 1), b"w"),)


def tariff(meter):
    """A tariff of two prices: the second at night and from Friday on, which the meter has from its own objects."""
    one = metered
    tail = one.time(0) + b"\x80\x00\xff"
    rows = [one.structure(one.octets(b"s"), one.octets(start + tail), one.octets(week)) for start, week in SEASONS]
    meter.poke(one.key(20, "0-0:13.0.0.255", 3), one.array(rows))
    rows = [one.structure(one.octets(name), *[bytes((17, day)) for day in numbers]) for name, numbers in WEEKS]
    meter.poke(one.key(20, "0-0:13.0.0.255", 4), one.array(rows))
    meter.poke(one.key(20, "0-0:13.0.0.255", 5), one.array(DAYS))
    meter.poke(one.key(113, "0-0:19.20.0.255", 5), one.prices(PRICES))


class HomeMeter:
    """A meter and its station in one, as Han wants a station. The meter's time is the network's from START_MS on."""

    def __init__(self, radio, keys, world):
        self.world = world
        world.meter.life.set_metrology(ConstantLoad((0,)))
        self.station = MeterStation(radio, keys, world.meter)
        self.radio = radio
        self.facts = []
        self.meter_facts = []

    @property
    def eui64(self):
        return self.world.eui64

    def deadline_ms(self):
        times = [self.station.deadline_ms()]
        due = self.world.meter.deadline_ms()
        times.append(None if due is None else due - START_MS)
        return min([time for time in times if time is not None], default=None)

    def tick(self, now_ms):
        meter = self.world.meter
        meter.tick(START_MS + now_ms)
        self.world.now_s = (START_MS + now_ms) // 1000
        self.station.tick(now_ms)
        fact = self.station.next_event()
        while fact is not None:
            if isinstance(fact, Arrived):
                meter.receive(fact.data, START_MS + now_ms)
            elif isinstance(fact, KeyAgreed) and fact.partner == self.station.hub:
                meter.joined()
            elif isinstance(fact, HubTime):
                meter.behaviour.hear_time(fact.utc_s)
                meter.settle()
            self.facts.append(fact)
            fact = self.station.next_event()
        data = meter.to_send()
        while data:
            assert self.station.send(data)
            data = meter.to_send()
        # What was given to the tunnel leaves now.
        self.station.tick(now_ms)
        fact = meter.next_event()
        while fact is not None:
            self.meter_facts.append(fact)
            fact = meter.next_event()


class MeteredHome:
    """The hub's network. `add_meter` and `add_display` give devices that are in it."""

    def __init__(self, air=None, seed=7):
        self.air = air or Air(seed)
        self.han = Han(CRYPTO, seed, self.air)
        self.hub = CommsHub(self.han.radio(HUB), exchange(HUB), utc_s=lambda: (START_MS + self.han.now_ms) // 1000)
        self.han.add(self.hub)
        self.hub.form(15, 0x1234, b"\1\2\3\4\5\6\7\x08", NETWORK_KEY, 0)
        self.hub.permit(254, 0)
        self.meters = []
        self.displays = []
        self.facts = {}

    def add_meter(self, eui64, x=10, world=None, **given):
        one = HomeMeter(self.han.radio(eui64, x), exchange(eui64), world or World(eui64=eui64, **given))
        self.han.add(one)
        self.meters.append(one)
        self.hub.add(eui64, KEY)
        one.station.start(KEY, self.han.now_ms)
        return one

    def add_display(self, eui64, x=20, device=0x0502, listed=True, kind=Display):
        one = kind(self.han.radio(eui64, x), exchange(eui64), device)
        self.han.add(one)
        self.displays.append(one)
        if listed:
            self.hub.add(eui64, KEY, PPMID if device == PREPAYMENT_TERMINAL else TYPE_2)
        one.start(KEY, self.han.now_ms)
        return one

    def run(self, seconds):
        """Lets time pass; facts are collected by station."""
        self.han.run(self.han.now_ms + int(1000 * seconds))
        for station in [self.hub, *self.displays]:
            fact = station.next_event()
            while fact is not None:
                self.facts.setdefault(station.radio.eui64, []).append(fact)
                fact = station.next_event()
        for one in self.meters:
            self.facts.setdefault(one.eui64, []).extend(one.facts)
            one.facts = []

    def told(self, eui64, kind):
        """The facts of one class that a station told, and forgets them."""
        found = [fact for fact in self.facts.get(eui64, []) if isinstance(fact, kind)]
        self.facts[eui64] = [fact for fact in self.facts.get(eui64, []) if not isinstance(fact, kind)]
        return found
