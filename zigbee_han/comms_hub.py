"""The comms hub's side of the network: it forms it, lets in the devices of its log, and carries messages to them.

    add(device, install code)     the device may join: its install-code key is the trust centre's key with it
    permit(seconds)               now is the time to
    the device joins              it is sent the network key; DeviceJoined
    the device initiates          key establishment by certificate; KeyAgreed
    then                          the hub asks the device for its tunnel (GBCS 10.2.2); Opened
    send(device, message)         through the tunnel; what comes out of it is Arrived

A device that is removed loses its link key and its tunnel, and cannot come back.
"""

from slotmeter.hal.errors import HalError
from slotmeter.hal.radio import DeviceJoined, DeviceLeft, Up
from slotmeter.zigbee_han.errors import EncodeError
from slotmeter.zigbee_han.key_establishment import KeyAgreed
from slotmeter.zigbee_han.station import Failed, Station
from slotmeter.zigbee_han.tunnel import TunnelClients

TYPE_CHECKING = False
if TYPE_CHECKING:
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


class CommsHub(Station):
    """The hub's function. devices: the EUI-64s of its log."""

    def __init__(self, radio: "Radio", exchange: "KeyExchange", clusters: "tuple[Cluster, ...]" = ()) -> None:
        self.tunnels = TunnelClients()
        super().__init__(radio, exchange, [self.tunnels] + list(clusters), DEVICE, ENDPOINT)
        self.devices: list[bytes] = []
        self.up = False

    def form(self, channel: int, pan: int, extended_pan: bytes, network_key: bytes, now_ms: int) -> None:
        """Starts the network; Up follows."""
        self.radio.form(channel, pan, extended_pan, network_key, now_ms)

    def add(self, eui64: bytes, link_key: bytes) -> None:
        """Takes a device into the log, with the key made from its install code; EncodeError when there is no room."""
        if eui64 not in self.devices and len(self.devices) >= DEVICES:
            raise EncodeError("the device log is full: it has %d devices" % DEVICES)
        try:
            self.radio.set_link_key(eui64, link_key)
        except HalError as error:
            raise EncodeError(error.detail) from error
        self.forget(eui64)
        if eui64 not in self.devices:
            self.devices.append(eui64)

    def remove(self, eui64: bytes) -> bool:
        """Takes a device out of the log; False when it was not in it."""
        if eui64 not in self.devices:
            return False
        self.devices.remove(eui64)
        self.tunnels.remove(eui64)
        self.radio.drop_link_key(eui64)
        self.forget(eui64)
        return True

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
        elif isinstance(event, DeviceJoined):
            if event.let_in and event.eui64 in self.keyed:
                # It came with its install code again: what was agreed before is gone on its side.
                self.forget(event.eui64)
                self.tunnels.remove(event.eui64)
        elif isinstance(event, DeviceLeft):
            self.tunnels.remove(event.eui64)
        self.tell(event)

    def happened(self, fact: "Any") -> None:
        """See Station."""
        if isinstance(fact, KeyAgreed):
            if fact.partner not in self.devices:
                return
            try:
                self.tunnels.add(fact.partner, ENDPOINT, self.now_ms)
            except EncodeError as error:
                self.tell(Failed("tunnel", str(error)))
        self.tell(fact)
