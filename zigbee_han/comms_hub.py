"""The comms hub's side of the network: it forms it, lets in the devices of its log, and carries messages to them.

    add(device, key, kind)        the device may join: its install-code key is the trust centre's key with it
    permit(seconds)               now is the time to
    the device joins              it is sent the network key; DeviceJoined. One that is not in the log is turned away,
                                  which is DeviceJoined too
    the device initiates          key establishment by certificate; KeyAgreed
    then, by its kind             the hub asks for its tunnel, or it asks the hub (GBCS 10.2.2); Opened
    then                          Commissioned: whatever a device of its kind has with its hub, it has
    send(device, message)         through the tunnel; what comes out of it is Arrived

    kind                          tunnel
    ESME, HCALCS, PPMID           the hub asks for it, and sends bare messages
    GSME                          sleeps: it asks the hub for it, and fetches from a queue what waits there
                                  (tunnel_queue.py); what nobody fetched for a day is Undelivered
    others                        none

A device that is removed is told to leave; it loses its link key and its tunnel, and cannot come back.

After a power cut: `load`, then `resume`. The hub asks every device that has a key by certificate for its tunnel. That
its radio has forgotten the network is told; `form` makes it again, with all link keys of the log.
"""

from slotmeter.hal.errors import HalError
from slotmeter.hal.radio import DeviceJoined, DeviceLeft, JoinFailed, Up
from slotmeter.zigbee_han.clusters.clock import Clock, OnlyTime
from slotmeter.zigbee_han.clusters.keep_alive import KeepAlive
from slotmeter.zigbee_han.errors import DecodeError, EncodeError
from slotmeter.zigbee_han.frames.layout import EUI, KEY, REST, U8, make
from slotmeter.zigbee_han.key_establishment import KeyAgreed
from slotmeter.zigbee_han.station import Failed, Station
from slotmeter.zigbee_han.tunnel import (
    LARGEST,
    Arrived,
    Delivered,
    Opened,
    Tunnel,
    TunnelClients,
    Undelivered,
)
from slotmeter.zigbee_han.tunnel_queue import GET, KEPT_MS, PUT, SleepyQueue, parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from slotmeter.hal.radio import Radio
    from slotmeter.zigbee_han.key_establishment import KeyExchange
    from slotmeter.zigbee_han.server import Cluster

# Energy services interface (Smart Energy).
DEVICE = 0x0500
# Where a Smart Energy device has its endpoint, in this network.
ENDPOINT = 1
# Ours: what a hub keeps a log of (SMETS: CHTS 4.3 names at least sixteen).
DEVICES = 16
_QUEUED = 7
# Device types of GBCS.
GSME = 0
ESME = 1
GPF = 3
HCALCS = 4
PPMID = 5
TYPE_2 = 6
KIND_NAMES = {GSME: "GSME", ESME: "ESME", GPF: "GPF", HCALCS: "HCALCS", PPMID: "PPMID", TYPE_2: "type 2"}
_ASKED_FOR_TUNNEL = (ESME, HCALCS, PPMID)
# What is saved of each device; KEYED: its link key was established by certificate.
_KEYED = 0x01
_DEVICE = ("device", (("eui64", EUI), ("device_type", U8), ("flags", U8, _KEYED), ("link_key", KEY)))
# queues: what waits for those that sleep; for each message the place of its device (1), the seconds that are left to it
# (4), its size (2), and it.
_SAVED = ("hub", (("kind", U8), ("version", U8), ("devices", (U8, _DEVICE)), ("queues", REST)))


class Logged:
    """A device of the log: eui64; link_key, the one from its install code or the one by certificate; kind; queue, what
    waits for it if it sleeps.
    """

    def __init__(self, eui64: bytes, link_key: bytes, kind: int) -> None:
        self.eui64 = eui64
        self.link_key = link_key
        self.kind = kind
        self.queue = SleepyQueue()

    def __repr__(self) -> str:
        return "Logged(%s, %s)" % (self.eui64.hex(), KIND_NAMES[self.kind])


class Commissioned:
    """A device has joined, has a key by certificate, and its tunnel, if its kind has one."""

    def __init__(self, eui64: bytes, kind: int) -> None:
        self.eui64 = eui64
        self.kind = kind

    def __repr__(self) -> str:
        return "Commissioned(%s, %s)" % (self.eui64.hex(), KIND_NAMES[self.kind])


_REMOVED = "the device was removed from the log"


def _no_time() -> "int | None":
    return None


class CommsHub(Station):
    """The hub's function. log: its devices; utc_s: gives its time in seconds since 2000, None while it knows none."""

    SAVED = _SAVED
    KIND = 0x48

    def __init__(
        self,
        radio: "Radio",
        exchange: "KeyExchange",
        clusters: "tuple[Cluster, ...]" = (),
        utc_s: "Callable[[], int | None] | None" = None,
    ) -> None:
        self.tunnels = TunnelClients()
        # Of the devices that ask for theirs.
        self._sleepers = Tunnel(DEVICES)
        served = [self.tunnels, self._sleepers, KeepAlive(), Clock(OnlyTime(utc_s or _no_time))]  # type: list[Cluster]
        super().__init__(radio, exchange, served + list(clusters), DEVICE, ENDPOINT)
        self.log: list[Logged] = []
        self.up = False
        # Those that joined and are not commissioned yet.
        self._new: list[bytes] = []

    @property
    def devices(self) -> "list[bytes]":
        """The EUI-64s of the log."""
        return [one.eui64 for one in self.log]

    def find(self, eui64: bytes) -> "Logged | None":
        """The device of the log, or None."""
        for one in self.log:
            if one.eui64 == eui64:
                return one
        return None

    def form(self, channel: int, pan: int, extended_pan: bytes, network_key: bytes, now_ms: int) -> None:
        """Starts the network, also again when the radio has forgotten it; Up follows. HalError when the radio has no
        room for the link keys of the log.
        """
        self.radio.form(channel, pan, extended_pan, network_key, now_ms)
        for one in self.log:
            self.radio.set_link_key(one.eui64, one.link_key)

    def resume(self, now_ms: int) -> None:
        """Goes on after a power cut with what was loaded, in the network that the radio remembers: Up (rejoined), or
        Failed when it remembers none.
        """
        for one in self.log:
            one.queue.postpone(now_ms - self.now_ms)
        self.now_ms = now_ms
        self.radio.resume(now_ms)

    def kept(self) -> "dict[str, Any]":
        """See Station."""
        found = []
        for one in self.log:
            flags = _KEYED if one.eui64 in self.keyed else 0
            found.append(make(_DEVICE, eui64=one.eui64, device_type=one.kind, flags=flags, link_key=one.link_key))
        return {"devices": tuple(found), "queues": self._queues()}

    def _queues(self) -> bytes:
        out = b""
        for place, one in enumerate(self.log):
            for message, until_ms in one.queue.messages():
                left_s = max(0, until_ms - self.now_ms) // 1000
                out += bytes((place,)) + left_s.to_bytes(4, "little") + len(message).to_bytes(2, "little") + message
        return out

    def take_back(self, fields: "Any") -> None:
        """See Station."""
        if len(fields.devices) > DEVICES:
            raise DecodeError("a device log of %d devices" % len(fields.devices), 2)
        if [one for one in fields.devices if one.device_type not in KIND_NAMES]:
            raise DecodeError("a device of a type that is not known", 2)
        log = [Logged(one.eui64, one.link_key, one.device_type) for one in fields.devices]
        self._fill_queues(log, fields.queues)
        self.log = log
        self.keyed = [one.eui64 for one in fields.devices if one.flags & _KEYED]

    def _fill_queues(self, log: "list[Logged]", octets: bytes) -> None:
        pos = 0
        while pos < len(octets):
            head = octets[pos : pos + _QUEUED]
            end = pos + _QUEUED + int.from_bytes(head[5:7], "little")
            if len(head) < _QUEUED or end > len(octets) or head[0] >= len(log):
                raise DecodeError("a message that waits is damaged", pos)
            queue = log[head[0]].queue
            left_ms = 1000 * int.from_bytes(head[1:5], "little")
            if left_ms > KEPT_MS or not queue.put(octets[pos + _QUEUED : end], self.now_ms + left_ms - KEPT_MS):
                raise DecodeError("more messages wait than may", pos)
            pos = end

    def add(self, eui64: bytes, link_key: bytes, kind: int = ESME) -> None:
        """Takes a device into the log, with the key made from its install code; EncodeError when there is no room, or
        the kind is none that a hub has.
        """
        if kind not in KIND_NAMES:
            raise EncodeError("a comms hub has no devices of type %d" % kind)
        one = self.find(eui64)
        if one is None and len(self.log) >= DEVICES:
            raise EncodeError("the device log is full: it has %d devices" % DEVICES)
        try:
            self.radio.set_link_key(eui64, link_key)
        except HalError as error:
            raise EncodeError(error.detail) from error
        self.forget(eui64)
        if one is None:
            self.log.append(Logged(eui64, link_key, kind))
        else:
            one.link_key = link_key
            one.kind = kind
        self.unsaved = True

    def remove(self, eui64: bytes) -> bool:
        """Takes a device out of the log; False when it was not in it."""
        one = self.find(eui64)
        if one is None:
            return False
        self.log.remove(one)
        self.unsaved = True
        self.tunnels.remove(eui64, _REMOVED)
        for message in one.queue.empty():
            self.tell(Undelivered(eui64, message, _REMOVED))
        try:
            self.radio.send_away(eui64, self.now_ms)
        except HalError as error:
            self.tell(Failed("sending device %s away" % eui64.hex(), error.detail))
        self.radio.drop_link_key(eui64)
        self.forget(eui64)
        return True

    def change_network_key(self, key: bytes, now_ms: int) -> None:
        """Gives everybody the network's next key (16 octets), and has it used."""
        self.radio.change_network_key(key, now_ms)

    def permit(self, seconds: int, now_ms: int) -> None:
        """Lets the devices of the log join for so long; 0 closes."""
        self.radio.permit(seconds, now_ms)

    def send(self, eui64: bytes, message: bytes, now_ms: int) -> bool:
        """Sends a message through the device's tunnel, at once or when there is one; False when it has none to come.

        EncodeError when it is larger than a tunnel takes: it is to be cut in blocks before (general block transfer).
        """
        one = self.find(eui64)
        if one is not None and one.kind == GSME:
            if len(message) > LARGEST - 2:
                raise EncodeError("%d octets are too many for a tunnel of %d" % (len(message), LARGEST - 2))
            self.unsaved = True
            return one.queue.put(message, now_ms)
        client = self.tunnels.find(eui64)
        return client is not None and client.send(message, now_ms)

    def deadline_ms(self) -> "int | None":
        """See Station."""
        due = super().deadline_ms()
        times = [one.queue.deadline_ms() for one in self.log]
        times.append(due)
        known = [time for time in times if time is not None]
        return min(known) if known and self.works else due

    def tick(self, now_ms: int) -> None:
        """See Station."""
        for one in self.log:
            for message in one.queue.expired(now_ms):
                self.unsaved = True
                self.tell(Undelivered(one.eui64, message, "the device did not fetch it for a day"))
        super().tick(now_ms)

    def heard(self, event: object) -> None:
        """See Station."""
        if isinstance(event, Up):
            self.up = True
            for one in self.log:
                if one.eui64 in self.keyed and one.kind in _ASKED_FOR_TUNNEL:
                    self._open(one.eui64)
        elif isinstance(event, JoinFailed):
            self.tell(Failed("network", event.reason))
            return
        elif isinstance(event, DeviceJoined):
            if event.let_in and not event.rejoined and event.eui64 not in self._new:
                self._new.append(event.eui64)
            if event.let_in and not event.rejoined and event.eui64 in self.keyed:
                # It came with its install code again: what was agreed before is gone on its side.
                self.forget(event.eui64)
                client = self.tunnels.find(event.eui64)
                if client is not None:
                    client.hold()
        elif isinstance(event, DeviceLeft):
            self.tunnels.remove(event.eui64, "the device left")
        self.tell(event)

    def happened(self, fact: "Any") -> None:
        """See Station."""
        if isinstance(fact, KeyAgreed):
            one = self.find(fact.partner)
            if one is None:
                return
            one.link_key = fact.key
            self.tell(fact)
            if one.kind in _ASKED_FOR_TUNNEL:
                self._open(fact.partner)
            elif one.kind != GSME:
                self._commissioned(one)
            return
        if isinstance(fact, (Opened, Arrived, Delivered, Undelivered)):
            one = self.find(fact.peer)
            if isinstance(fact, Opened) and one is not None:
                self.tell(fact)
                self._commissioned(one)
                return
            if one is not None and one.kind == GSME:
                self._of_sleeper(one, fact)
                return
        self.tell(fact)

    def _commissioned(self, one: Logged) -> None:
        if one.eui64 in self._new:
            self._new.remove(one.eui64)
            self.tell(Commissioned(one.eui64, one.kind))

    def _of_sleeper(self, one: Logged, fact: "Any") -> None:
        """What came out of the tunnel of a device that sleeps, or reached it."""
        if isinstance(fact, Delivered):
            message = one.queue.delivered(fact.data)
            if message is not None:
                self.unsaved = True
                self.tell(Delivered(one.eui64, message))
            return
        if isinstance(fact, Undelivered):
            # It stays in the queue.
            return
        try:
            what, _, message = parse(fact.data)
        except DecodeError as error:
            self.tell(Failed("gas meter %s" % one.eui64.hex(), error.reason))
            return
        if what == GET:
            self._sleepers.send(one.eui64, one.queue.answer())
        elif what == PUT:
            self.tell(Arrived(one.eui64, message))

    def accepts(self, partner: bytes) -> bool:
        """See Station: only a device of the log."""
        return self.find(partner) is not None

    def recovered(self, in_network: bool) -> None:
        """See Station."""
        if not in_network:
            self.up = False
            self.tell(Failed("network", "the radio has forgotten it: it must be formed again"))

    def _open(self, eui64: bytes) -> None:
        """Asks a device for its tunnel; what waits for one goes through it."""
        client = self.tunnels.find(eui64)
        if client is not None:
            client.open(self.now_ms)
            return
        try:
            self.tunnels.add(eui64, ENDPOINT, self.now_ms)
        except EncodeError as error:
            self.tell(Failed("tunnel", str(error)))
