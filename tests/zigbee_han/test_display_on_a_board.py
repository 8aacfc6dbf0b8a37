"""A display and what it follows, without an air: a radio that hands payloads over, as it is on a board."""

from slotmeter.hal.radio import KeyShared, Received, Up
from slotmeter.zigbee_han import server
from slotmeter.zigbee_han.clusters import values as told
from slotmeter.zigbee_han.clusters.clock import Clock
from slotmeter.zigbee_han.clusters.messaging import Messaging
from slotmeter.zigbee_han.clusters.metering import Metering
from slotmeter.zigbee_han.clusters.price import Price
from slotmeter.zigbee_han.display import ASKING, READING, Display
from slotmeter.zigbee_han.errors import DecodeError
from slotmeter.zigbee_han.joiner import UP
from slotmeter.zigbee_han.station import Failed

HUB = bytes.fromhex("90b3d51f30010000")
METER = bytes.fromhex("00db1234567890a0")
DISPLAY = bytes.fromhex("00db1234567890b7")
METERING, PRICE, MESSAGING = 0x0702, 0x0700, 0x0703


class Numbers:
    """Randomness that is none."""

    def random(self, size):
        return bytes(size)


class NoExchange:
    """Key establishment that never happens."""

    suites = 0
    entropy = Numbers()

    def receive(self, message, now_ms):
        raise AssertionError("nobody agrees a key here")

    def next_event(self):
        return None

    def to_send(self, from_server=None):
        return None

    def deadline_ms(self):
        return None

    def tick(self, now_ms):
        pass


class Wire:
    """A radio whose only neighbour is a meter's endpoint, which answers while it is `there`."""

    def __init__(self, meter):
        self.eui64 = DISPLAY
        self.events = []
        self.meter = meter
        self.there = True
        self.asked = []

    def serve(self, *_):
        pass

    def tick(self, now_ms):
        pass

    def deadline_ms(self):
        return None

    def next_event(self):
        return self.events.pop(0) if self.events else None

    def request_link_key(self, peer, now_ms):
        self.asked.append(now_ms)

    def send(self, peer, peer_endpoint, endpoint, profile, cluster, payload, secured, now_ms):
        if self.there and peer == METER:
            self.meter.receive(server.Message(DISPLAY, 1, cluster, payload, secured), now_ms)
            self.carry()
        return 1

    def carry(self):
        out = self.meter.to_send()
        while out is not None:
            self.events.append(Received(METER, 1, 1, 0x0109, out.cluster, out.data, out.secured, False))
            out = self.meter.to_send()


class AMeter(told.Values):
    """A meter with a life."""

    def __init__(self):
        self.wh = 5
        self.message = told.Notice(7, "Hello", confirm=True)
        self.confirmed = []

    def import_wh(self):
        self.wh += 1
        return self.wh

    def demand_w(self):
        return 300

    def utc_s(self):
        return 800000000

    def price_now(self):
        return told.PriceNow(15480, 1)

    def notice(self):
        return self.message

    def notice_confirmed(self, number, at_s, answer):
        self.confirmed.append(number)
        return True


class Pair:
    """A display that is in its network, and a meter that it follows."""

    def __init__(self):
        self.values = AMeter()
        meter = server.Endpoint(
            [Clock(self.values), Metering(self.values), Price(self.values), Messaging(self.values)]
        )
        self.radio = Wire(meter)
        self.display = Display(self.radio, NoExchange())
        self.display.hub = HUB
        self.display.keyed.append(HUB)
        self.radio.events.append(Up(HUB, True))
        self.now_ms = 0
        self.facts = []
        self.until(1)
        assert self.display.state == UP

    def until(self, now_ms):
        """Lets time pass from deadline to deadline."""
        while self.now_ms < now_ms:
            due = self.display.deadline_ms()
            self.now_ms = now_ms if due is None else min(now_ms, max(due, self.now_ms + 1))
            self.radio.meter.tick(self.now_ms)
            self.radio.carry()
            self.display.tick(self.now_ms)
            while self.radio.events:
                self.display.tick(self.now_ms)
            fact = self.display.next_event()
            while fact is not None:
                self.facts.append(fact)
                fact = self.display.next_event()

    def failures(self):
        found = [fact.why for fact in self.facts if isinstance(fact, Failed)]
        self.facts = []
        return found


def test_a_display_asks_for_a_key_ever_more_seldom_and_says_once_that_it_gets_none():
    pair = Pair()
    pair.display.follow(METER, pair.now_ms)
    pair.until(1500000)
    gaps = [pair.radio.asked[place] - pair.radio.asked[place - 1] for place in range(1, len(pair.radio.asked))]
    assert gaps == [60000, 120000, 240000, 480000]
    assert len(pair.failures()) == 1
    assert pair.display.find(METER).state == ASKING


def test_a_display_reads_demand_every_ten_seconds_and_the_price_and_the_message_once_an_hour():
    pair = Pair()
    pair.display.follow(METER, pair.now_ms)
    pair.until(1000)
    pair.radio.events.append(KeyShared(METER))
    pair.until(62000)
    assert pair.display.find(METER).state == READING
    # The first reading, and five more.
    assert pair.values.wh == 5 + 7 or pair.values.wh == 5 + 6
    assert pair.display.value(METER, METERING, 0x0000) == pair.values.wh
    assert pair.display.told_by(METER, PRICE, 0)[0]["price"] == 15480
    assert pair.display.find(METER).message["message"] == "Hello"
    assert pair.display.confirm(METER)
    pair.until(64000)
    assert pair.values.confirmed == [7]
    pair.values.message = None
    pair.until(75000)
    assert pair.display.find(METER).message is None
    assert pair.failures() == []


def test_a_meter_that_does_not_answer_is_told_of_and_a_key_is_asked_for():
    pair = Pair()
    pair.display.follow(METER, pair.now_ms)
    pair.radio.events.append(KeyShared(METER))
    pair.until(30000)
    pair.radio.there = False
    before = len(pair.radio.asked)
    pair.until(90000)
    assert pair.failures() == ["it does not answer"]
    assert len(pair.radio.asked) == before + 1
    pair.radio.there = True
    pair.radio.events.append(KeyShared(METER))
    pair.until(100000)
    assert pair.display.find(METER).state == READING and pair.failures() == []


def test_a_display_knows_its_meters_after_a_power_cut():
    pair = Pair()
    pair.display.follow(METER, pair.now_ms)
    saved = pair.display.save()
    again = Display(Wire(pair.radio.meter), NoExchange())
    again.load(saved)
    assert [one.eui64 for one in again.meters] == [METER]
    assert again.save() == saved
    for octets in (b"", saved[:-1], b"\x4a" + saved[1:], saved[:1] + b"\x09" + saved[2:]):
        try:
            again.load(octets)
        except DecodeError:
            continue
        raise AssertionError(octets)
