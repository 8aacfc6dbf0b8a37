"""The comms hub's side of the network: it forms it, lets in the devices of its log, and carries messages to them.

    add(device, install code)     the device may join: its install-code key is the trust centre's key with it
    permit(seconds)               now is the time to
    the device joins              it is sent the network key; DeviceJoined
    the device initiates          key establishment by certificate; KeyAgreed
    then                          the hub asks the device for its tunnel (GBCS 10.2.2); Opened
    send(device, message)         through the tunnel; what comes out of it is Arrived

A device that is removed loses its link key and its tunnel, and cannot come back.

After a power cut: `load`, then `resume`. The hub asks every device that has a key by certificate for its tunnel. That
its radio has forgotten the network is told; `form` makes it again, with all link keys of the log.
"""

from slotmeter.hal.errors import HalError
from slotmeter.hal.radio import DeviceJoined, DeviceLeft, JoinFailed, Up
from slotmeter.zigbee_han.clusters.clock import Clock, OnlyTime
from slotmeter.zigbee_han.clusters.keep_alive import KeepAlive
from slotmeter.zigbee_han.errors import DecodeError, EncodeError
from slotmeter.zigbee_han.frames.layout import EUI, KEY, U8, make
from slotmeter.zigbee_han.key_establishment import KeyAgreed
from slotmeter.zigbee_han.station import Failed, Station
from slotmeter.zigbee_han.tunnel import TunnelClients

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
# What is saved of each device; KEYED: its link key was established by certificate.
_KEYED = 0x01
_DEVICE = ("device", (("eui64", EUI), ("flags", U8, _KEYED), ("link_key", KEY)))
_SAVED = ("hub", (("kind", U8), ("version", U8), ("devices", (U8, _DEVICE))))


class Logged:
    """A device of the log: eui64, link_key, the one from its install code or the one by certificate."""

    def __init__(self, eui64: bytes, link_key: bytes) -> None:
        self.eui64 = eui64
        self.link_key = link_key

    def __repr__(self) -> str:
        return "Logged(%s)" % self.eui64.hex()


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
        served = [self.tunnels, KeepAlive(), Clock(OnlyTime(utc_s or _no_time))]  # type: list[Cluster]
        super().__init__(radio, exchange, served + list(clusters), DEVICE, ENDPOINT)
        self.log: list[Logged] = []
        self.up = False

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
        self.now_ms = now_ms
        self.radio.resume(now_ms)

    def kept(self) -> "dict[str, Any]":
        """See Station."""
        found = []
        for one in self.log:
            flags = _KEYED if one.eui64 in self.keyed else 0
            found.append(make(_DEVICE, eui64=one.eui64, flags=flags, link_key=one.link_key))
        return {"devices": tuple(found)}

    def take_back(self, fields: "Any") -> None:
        """See Station."""
        if len(fields.devices) > DEVICES:
            raise DecodeError("a device log of %d devices" % len(fields.devices), 2)
        self.log = [Logged(one.eui64, one.link_key) for one in fields.devices]
        self.keyed = [one.eui64 for one in fields.devices if one.flags & _KEYED]

    def add(self, eui64: bytes, link_key: bytes) -> None:
        """Takes a device into the log, with the key made from its install code; EncodeError when there is no room."""
        one = self.find(eui64)
        if one is None and len(self.log) >= DEVICES:
            raise EncodeError("the device log is full: it has %d devices" % DEVICES)
        try:
            self.radio.set_link_key(eui64, link_key)
        except HalError as error:
            raise EncodeError(error.detail) from error
        self.forget(eui64)
        if one is None:
            self.log.append(Logged(eui64, link_key))
        else:
            one.link_key = link_key
        self.unsaved = True

    def remove(self, eui64: bytes) -> bool:
        """Takes a device out of the log; False when it was not in it."""
        one = self.find(eui64)
        if one is None:
            return False
        self.log.remove(one)
        self.unsaved = True
        self.tunnels.remove(eui64, "the device was removed from the log")
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
        client = self.tunnels.find(eui64)
        return client is not None and client.send(message, now_ms)

    def heard(self, event: object) -> None:
        """See Station."""
        if isinstance(event, Up):
            self.up = True
            for eui64 in self.keyed:
                self._open(eui64)
        elif isinstance(event, JoinFailed):
            self.tell(Failed("network", event.reason))
            return
        elif isinstance(event, DeviceJoined):
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
            self._open(fact.partner)
        self.tell(fact)

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
