"""A home area network in one process: the air, and the devices on it, in one time.

An event on the air can move a device, which sends something, which moves another; so time goes from one thing that is
due to the next, and whom it concerns acts.
"""

from slotmeter.zigbee_han.sim.air import Air, Dice
from slotmeter.zigbee_han.sim.node import Node
from slotmeter.zigbee_han.sim.radio import AirRadio

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slotmeter.hal.crypto import Crypto
    from slotmeter.zigbee_han.station import Station


class Han:
    """The air and the stations on it; now_ms: the time that it has reached, from 0. seed: of all chance on it."""

    def __init__(self, crypto: "Crypto", seed: int = 1, air: "Air | None" = None) -> None:
        self.air = air or Air(seed)
        self.now_ms = 0
        self.stations = []  # type: list[Station]
        self._crypto = crypto
        self._seed = seed
        self._radios = 0

    def radio(self, eui64: bytes, x: int = 0, y: int = 0, saved: bytes = b"") -> AirRadio:
        """A radio on the air, at a place; saved: what the one before it, that lost its power, gave as `save`."""
        self._radios += 1
        node = Node(eui64, self._crypto, Dice(self._seed + 1000 * self._radios))
        self.air.attach(node, x, y)
        return AirRadio(node, saved)

    def add(self, station: "Station") -> None:
        """A device whose radio came from here, and that lives in this time from now on."""
        self.stations.append(station)

    def deadline_ms(self) -> "int | None":
        """When something happens next; None: never."""
        due = self.air.deadline_ms()
        for station in self.stations:
            other = station.deadline_ms()
            if other is not None and (due is None or other < due):
                due = other
        return due

    def run(self, until_ms: int) -> None:
        """Lets time pass to `until_ms`."""
        # Somebody may have asked a station for something since the last time.
        self._settle(True)
        due = self.deadline_ms()
        while due is not None and due <= until_ms:
            self.now_ms = max(self.now_ms, due)
            self._settle(False)
            due = self.deadline_ms()
        self.now_ms = max(self.now_ms, until_ms)

    def _settle(self, everybody: bool) -> None:
        """Everything that happens at this moment, to everybody or to whom something is due."""
        self.air.run(self.now_ms)
        for station in self.stations:
            if everybody or self._concerns(station):
                station.tick(self.now_ms)
        self.air.run(self.now_ms)

    def _concerns(self, station: "Station") -> bool:
        radio = station.radio
        if not isinstance(radio, AirRadio) or radio.has_events():
            return True
        due = station.deadline_ms()
        return due is not None and due <= self.now_ms
