"""A meter on its home area network: what it serves there, and whom.

    the hub                      everything that it asks for
    a device of the device log   everything, once it has a link key with the meter; and it is told what changes
    any other device             nothing that needs a link key, unless the setting serves_unlisted

A device comes into the log in two ways. By command (CS03A1, method A): the meter then begins key establishment by
certificate with it, unless the trust centre gave the two a key already. Or by hand: "Pair a display" in the meter's
menu opens a window, in which a device that gets a link key with the meter from the trust centre is taken into the log
as a type 2 device. The trust centre only knows devices of the hub's log, which were added by their install codes.

A device that is taken out of the log (CS04AC) loses its key with the meter.
"""

from slotmeter.dlms.gbcs.asn1_request import DEVICE_JOINING_FAILED, DEVICE_JOINING_SUCCEEDED
from slotmeter.dlms.gbcs.devices import HCALCS, PPMID, TYPE_2
from slotmeter.firmware.han_values import MeterValues
from slotmeter.hal.radio import KeyShared
from slotmeter.zigbee_han.clusters.basic import Basic
from slotmeter.zigbee_han.clusters.calendar import Calendar
from slotmeter.zigbee_han.clusters.clock import EVERY_S, Clock
from slotmeter.zigbee_han.clusters.events import Events
from slotmeter.zigbee_han.clusters.management import Management
from slotmeter.zigbee_han.clusters.messaging import Messaging
from slotmeter.zigbee_han.clusters.metering import Metering
from slotmeter.zigbee_han.clusters.prepayment import Prepayment
from slotmeter.zigbee_han.clusters.price import Price
from slotmeter.zigbee_han.joiner import FIRST_WAIT_MS, LONGEST_WAIT_MS, UP, Joiner
from slotmeter.zigbee_han.key_establishment import KeyAgreed
from slotmeter.zigbee_han.station import Failed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from slotmeter.firmware.meter import Meter
    from slotmeter.hal.radio import Radio
    from slotmeter.zigbee_han.key_establishment import KeyExchange

# Where a device of the log has its clients.
ENDPOINT = 1
# Ours: how long a display can be paired after somebody asked for it at the meter.
PAIRING_MS = 240000
# Ours: how often the device log is looked at.
_LOOK_MS = 10000
# Who agrees a key by certificate with the meter, which begins (method A).
_BY_CERTIFICATE = (HCALCS, PPMID)


class DisplayPaired:
    """A device was taken into the meter's device log by hand."""

    def __init__(self, eui64: bytes) -> None:
        self.eui64 = eui64

    def __repr__(self) -> str:
        return "DisplayPaired(%s)" % self.eui64.hex()


class _Wanted:
    """A device of the log that there is no key with yet: when to begin, and how long to wait after that."""

    def __init__(self, eui64: bytes, due_ms: int) -> None:
        self.eui64 = eui64
        self.due_ms = due_ms
        self.wait_ms = FIRST_WAIT_MS


class MeterStation(Joiner):
    """One meter's. values: what it tells; partners: the devices, but for the hub, that have a link key with it."""

    def __init__(
        self, radio: "Radio", exchange: "KeyExchange", meter: "Meter", time_every_s: int = EVERY_S
    ) -> None:
        self.values = values = MeterValues(meter)
        self._price = Price(values)
        self._messaging = Messaging(values)
        served = (
            Basic(values),
            Clock(values),
            Metering(values),
            self._price,
            self._messaging,
            Prepayment(values),
            Calendar(values),
            Management(values),
            Events(values),
        )
        super().__init__(radio, exchange, served, time_every_s=time_every_s)
        self.endpoint.admits = self._admits
        self.endpoint.open_clusters = meter.settings.open_clusters
        self.partners: list[bytes] = []
        self._wanted: list[_Wanted] = []
        self._look_at_ms = 0
        self._pairing_until_ms = -1
        self.has(meter)

    def has(self, meter: "Meter") -> None:
        """It is this meter's from now on, which was started anew."""
        self.values.meter = meter
        meter.organs.services.pair = self.open_pairing

    def open_pairing(self) -> bool:
        """Somebody at the meter wants to pair a display; False when the meter is in no network."""
        if self.state != UP:
            return False
        self._pairing_until_ms = self.now_ms + PAIRING_MS
        return True

    def accepts(self, partner: bytes) -> bool:
        """See Station: the hub, and the devices of the log."""
        return partner == self.hub or self._type_of(partner) is not None

    def _type_of(self, eui64: bytes) -> "int | None":
        return self.values.meter.credentials.devices.device_type(eui64)

    def _admits(self, peer: bytes) -> bool:
        return peer == self.hub or self.values.meter.settings.serves_unlisted or self._type_of(peer) is not None

    def kept(self) -> "dict[str, Any]":
        """See Station."""
        fields = super().kept()
        fields["peers"] = tuple(self.partners)
        return fields

    def take_back(self, fields: "Any") -> None:
        """See Station."""
        super().take_back(fields)
        self.partners = list(fields.peers)

    def deadline_ms(self) -> "int | None":
        """See Station."""
        due = super().deadline_ms()
        if not self.works or self.state != UP:
            return due
        times = [one.due_ms for one in self._wanted]
        times.append(self._look_at_ms)
        if due is not None:
            times.append(due)
        return min(times)

    def tick(self, now_ms: int) -> None:
        """See Station."""
        if self.works and self.state == UP:
            if now_ms >= self._look_at_ms:
                self._look_at_ms = now_ms + _LOOK_MS
                self.now_ms = now_ms
                self._look_at_log()
            for one in self._wanted:
                if now_ms >= one.due_ms:
                    one.due_ms = now_ms + one.wait_ms
                    one.wait_ms = min(2 * one.wait_ms, LONGEST_WAIT_MS)
                    self.exchange.start(one.eui64, now_ms)
        super().tick(now_ms)

    def _look_at_log(self) -> None:
        """Begins with who is new in the log, and ends with who is not in it any more."""
        known = self.values.meter.credentials.devices.devices()
        listed = [eui64 for eui64, _ in known]
        for eui64 in list(self.partners):
            if eui64 in listed:
                self._price.listen(eui64, ENDPOINT)
                self._messaging.listen(eui64, ENDPOINT)
            elif not self._admits(eui64):
                self._part(eui64)
        wanted = [eui64 for eui64, kind in known if kind in _BY_CERTIFICATE and eui64 not in self.partners]
        self._wanted = [one for one in self._wanted if one.eui64 in wanted]
        waiting = [one.eui64 for one in self._wanted]
        for eui64 in wanted:
            if eui64 not in waiting:
                self._wanted.append(_Wanted(eui64, self.now_ms))

    def _part(self, eui64: bytes) -> None:
        self.partners.remove(eui64)
        self.radio.drop_link_key(eui64)
        self.forget(eui64)
        self.endpoint.forget(eui64)
        self.unsaved = True

    def is_out(self) -> None:
        """See Joiner."""
        super().is_out()
        self.partners = []

    def heard(self, event: object) -> None:
        """See Station."""
        if isinstance(event, KeyShared):
            self._has_key(event.peer)
        super().heard(event)

    def _has_key(self, peer: bytes) -> None:
        if self._type_of(peer) is None and self.now_ms < self._pairing_until_ms:
            self._pair(peer)
        # Another device may have a key too; with it, it is told that it is not served.
        if peer not in self.partners and self._admits(peer):
            self.partners.append(peer)
            self.unsaved = True
        # What it may be told it is told from the next look on.
        self._look_at_ms = self.now_ms

    def _pair(self, peer: bytes) -> None:
        """Takes a device into the log that somebody at the meter wants; one for each time that it is asked for."""
        meter = self.values.meter
        self._pairing_until_ms = -1
        fits = meter.credentials.devices.has_room_for(TYPE_2)
        if fits:
            meter.credentials.devices.add(peer, TYPE_2)
            self.tell(DisplayPaired(peer))
        else:
            self.tell(Failed("pairing", "the device log of the meter is full"))
        meter.notices.notify(DEVICE_JOINING_SUCCEEDED if fits else DEVICE_JOINING_FAILED)
        meter.settle()

    def happened(self, fact: "Any") -> None:
        """See Station."""
        if isinstance(fact, KeyAgreed) and fact.partner != self.hub:
            self._has_key(fact.partner)
        super().happened(fact)
