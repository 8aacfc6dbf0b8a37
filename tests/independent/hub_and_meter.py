"""A comms hub and devices on one air, with certificates of a test authority: what several tests begin with."""

from slotmeter.hal.host.crypto import HostCrypto
from slotmeter.hal.virtual.entropy import SeededEntropy
from slotmeter.zigbee_han import install_code
from slotmeter.zigbee_han.agreement import Identity
from slotmeter.zigbee_han.certificates import SUITE_1, SUITE_2, Authority
from slotmeter.zigbee_han.comms_hub import CommsHub
from slotmeter.zigbee_han.joiner import Joiner
from slotmeter.zigbee_han.key_establishment import KeyExchange
from slotmeter.zigbee_han.sim.air import Air
from slotmeter.zigbee_han.sim.han import Han

HUB = bytes.fromhex("00DB1234567890AA")
METER = bytes.fromhex("00DB1234567890A0")
OTHER = bytes.fromhex("00DB1234567890A1")
CODE = install_code.parse("83FE D340 7A93 9723 A5C6 39B2 6916 D505 C3B5")
NETWORK_KEY = bytes(range(16, 32))
CRYPTO = HostCrypto()
ENTROPY = SeededEntropy(5)
AUTHORITIES = {
    SUITE_1: Authority(CRYPTO, SUITE_1, bytes(20) + b"\x11", b"TESTSECA"),
    SUITE_2: Authority(CRYPTO, SUITE_2, bytes(35) + b"\x22", b"TESTSECA"),
}
STRANGE_AUTHORITY = Authority(CRYPTO, SUITE_2, bytes(35) + b"\x33", b"OTHERSCA")


def identities(eui64, suites=(SUITE_1, SUITE_2), authority=None):
    found = []
    for suite in suites:
        issuer = authority or AUTHORITIES[suite]
        certificate, private = issuer.issue(ENTROPY, eui64)
        found.append(Identity(suite, certificate, private, issuer.public))
    return found


def exchange(eui64, **given):
    return KeyExchange(CRYPTO, ENTROPY, eui64, identities(eui64, **given))


class Home:
    """The hub's network, formed; devices that are made by `device` know it by their install code alone."""

    def __init__(self, air=None):
        self.han = Han(CRYPTO, 7, air or Air(7))
        self.hub = CommsHub(self.han.radio(HUB), exchange(HUB))
        self.han.add(self.hub)
        self.hub.form(15, 0x1234, b"\1\2\3\4\5\6\7\x08", NETWORK_KEY, 0)
        self.key = install_code.link_key(CRYPTO, CODE)
        self.facts = {}

    def device(self, eui64=METER, x=10, **given):
        one = Joiner(self.han.radio(eui64, x), exchange(eui64, **given))
        self.han.add(one)
        return one

    def joined(self, eui64=METER, x=10):
        """A device that is in, with its tunnel."""
        one = self.device(eui64, x)
        self.hub.add(eui64, self.key)
        self.hub.permit(254, self.han.now_ms)
        one.start(self.key, self.han.now_ms)
        self.run(4)
        return one

    def power_cut(self, station, remembers=True):
        """The device starts again with what it and its radio had saved; the same device afterwards."""
        saved, old = station.save(), station.radio.node
        eui64 = station.radio.eui64
        place = [one.radio for one in self.han.air._stations].index(old)
        x = self.han.air._stations[place].x
        radio = self.han.radio(eui64, x, saved=old.save() if remembers else b"")
        # Frame counters outlive everything: others refuse frames whose counter did not grow.
        radio.node.nwk.counter = old.nwk.counter
        # Nobody hears a radio that is on no channel.
        old.nwk.forget()
        again = type(station)(radio, exchange(eui64))
        self.han.stations[self.han.stations.index(station)] = again
        if station is self.hub:
            self.hub = again
        again.load(saved)
        again.resume(self.han.now_ms)
        return again

    def run(self, seconds):
        """Lets time pass; facts are collected by station."""
        self.han.run(self.han.now_ms + int(1000 * seconds))
        for station in self.han.stations:
            fact = station.next_event()
            while fact is not None:
                self.facts.setdefault(station.radio.eui64, []).append(fact)
                fact = station.next_event()

    def told(self, eui64, kind):
        """The facts of one class that a station told, and forgets them."""
        found = [fact for fact in self.facts.get(eui64, []) if isinstance(fact, kind)]
        self.facts[eui64] = [fact for fact in self.facts.get(eui64, []) if not isinstance(fact, kind)]
        return found
