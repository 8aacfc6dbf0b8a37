"""The virtual air: radios with places, and frames between them, with loss, damage, doubling and delay from one seed.

A radio is whatever has `channel` (11 to 26, or 0 while it does not listen), receive(octets, now_ms, lqi), to_send(),
deadline_ms() and tick(now_ms). A frame reaches every radio that listens on the channel on which it was sent and is near
enough, after the time that it takes on the air at 250 kbit/s, rounded up to a millisecond.

    distance d, range r    LQI = 255 * (r - d) / r, at least 1; from r on nothing arrives
    link(a, b, lqi)        overrides the places for this pair in both directions; 0: they do not hear each other

What a real radio does and this air does not: frames never collide, nobody waits for a clear channel, a radio hears
while it sends, and noise is only what loss and damage are set to. The same seed and the same calls give the same run.
"""

from slotmeter.zigbee_han.errors import EncodeError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# One octet takes 32 microseconds, and a frame has 6 octets before it (802.15.4, 6.5).
OCTET_US = 32
PREAMBLE = 6
RANGE = 100


class Dice:
    """Random numbers that are the same for the same seed everywhere: xorshift with 32 bits (Marsaglia, 2003)."""

    def __init__(self, seed: int) -> None:
        # A state of 0 would stay 0; neighbouring seeds are drawn apart.
        self._state = (seed * 2654435761 + 0x9E3779B9) & 0xFFFFFFFF or 1

    def below(self, limit: int) -> int:
        """A number from 0 to `limit` - 1."""
        state = self._state
        state ^= state << 13 & 0xFFFFFFFF
        state ^= state >> 17
        state ^= state << 5 & 0xFFFFFFFF
        self._state = state
        return state % limit

    def octets(self, size: int) -> bytes:
        """`size` octets."""
        return bytes([self.below(256) for _ in range(size)])


class _Station:
    def __init__(self, radio: "Any", x: int, y: int) -> None:
        self.radio = radio
        self.x = x
        self.y = y


class Air:
    """The medium. `loss`, `damage` and `doubling` are parts in a thousand of what one radio hears; `delay_ms` is the
    longest that a frame may come late. `tap`, when set, is called with (octets, time in microseconds, channel) for
    each frame sent.
    """

    def __init__(
        self, seed: int = 1, loss: int = 0, damage: int = 0, doubling: int = 0, delay_ms: int = 0, range_: int = RANGE
    ) -> None:
        self.loss = loss
        self.damage = damage
        self.doubling = doubling
        self.delay_ms = delay_ms
        self.tap = None  # type: Any
        self.now_ms = 0
        self.sent = 0
        self.lost = 0
        self._range = range_
        self._dice = Dice(seed)
        self._stations = []  # type: list[_Station]
        # (first, second, lqi) by places in _stations, first < second.
        self._links = []  # type: list[tuple[int, int, int]]
        # (time, number, station, octets, lqi), sorted; the number keeps what is due together in order.
        self._flying = []  # type: list[tuple[int, int, int, bytes, int]]
        self._number = 0

    def attach(self, radio: "Any", x: int = 0, y: int = 0) -> int:
        """Puts `radio` on the air at a place; the number by which `link` and `move` know it."""
        self._stations.append(_Station(radio, x, y))
        return len(self._stations) - 1

    def move(self, station: int, x: int, y: int) -> None:
        """Puts a radio elsewhere."""
        self._stations[station].x = x
        self._stations[station].y = y

    def link(self, one: int, other: int, lqi: int) -> None:
        """Fixes how well two radios hear each other: 0 not at all, 255 best."""
        if one == other or not 0 <= lqi <= 255:
            raise EncodeError("a link is between two radios, with an LQI of 0 to 255")
        pair = (min(one, other), max(one, other))
        self._links = [link for link in self._links if link[:2] != pair] + [(pair[0], pair[1], lqi)]

    def lqi(self, one: int, other: int) -> int:
        """How well two radios hear each other."""
        pair = (min(one, other), max(one, other))
        for link in self._links:
            if link[:2] == pair:
                return link[2]
        first = self._stations[one]
        return self._lqi_from(first.x, first.y, other)

    def _lqi_from(self, x: int, y: int, other: int) -> int:
        second = self._stations[other]
        squared = (x - second.x) * (x - second.x) + (y - second.y) * (y - second.y)
        if squared >= self._range * self._range:
            return 0
        distance = 0
        while (distance + 1) * (distance + 1) <= squared:
            distance += 1
        return max(1, 255 * (self._range - distance) // self._range)

    def transmit(self, station: int, octets: bytes) -> None:
        """`station` sends a frame now, on its radio's channel."""
        channel = self._stations[station].radio.channel
        if not channel:
            return
        self._begin(octets, channel)
        for other in range(len(self._stations)):
            if other != station and self._stations[other].radio.channel == channel:
                self._reach(other, octets, self.lqi(station, other))

    def arrive(self, octets: bytes, channel: int, x: int, y: int) -> None:
        """Somebody who is not attached here sends a frame now, from this place."""
        self._begin(octets, channel)
        for other in range(len(self._stations)):
            if self._stations[other].radio.channel == channel:
                self._reach(other, octets, self._lqi_from(x, y, other))

    def _begin(self, octets: bytes, channel: int) -> None:
        self.sent += 1
        if self.tap is not None:
            self.tap(octets, 1000 * self.now_ms, channel)

    def _reach(self, station: int, octets: bytes, lqi: int) -> None:
        if not lqi:
            return
        takes_ms = ((len(octets) + PREAMBLE) * OCTET_US + 999) // 1000
        for _ in range(2 if self._falls(self.doubling) else 1):
            if self._falls(self.loss):
                self.lost += 1
                continue
            late = self._dice.below(self.delay_ms + 1) if self.delay_ms else 0
            heard = self._damaged(octets) if self._falls(self.damage) else octets
            self._fly(self.now_ms + takes_ms + late, station, heard, lqi)

    def _falls(self, parts: int) -> bool:
        return bool(parts) and self._dice.below(1000) < parts

    def _damaged(self, octets: bytes) -> bytes:
        place = self._dice.below(8 * len(octets))
        one = bytearray(octets)
        one[place >> 3] ^= 1 << (place & 7)
        return bytes(one)

    def _fly(self, due_ms: int, station: int, octets: bytes, lqi: int) -> None:
        self._number += 1
        place = len(self._flying)
        while place and self._flying[place - 1][0] > due_ms:
            place -= 1
        self._flying.insert(place, (due_ms, self._number, station, octets, lqi))

    def deadline_ms(self) -> "int | None":
        """When something happens next: a frame arrives, or a radio's time has come. None: never."""
        due = self._flying[0][0] if self._flying else None
        for station in self._stations:
            other = station.radio.deadline_ms()
            if other is not None and (due is None or other < due):
                due = other
        return due

    def tick(self, now_ms: int) -> None:
        """Lets time pass to `now_ms`, which is at most the deadline: delivers, wakes, and takes what is to be sent."""
        self.now_ms = max(self.now_ms, now_ms)
        while self._flying and self._flying[0][0] <= self.now_ms:
            _, _, station, octets, lqi = self._flying.pop(0)
            self._stations[station].radio.receive(octets, self.now_ms, lqi)
        for station_ in self._stations:
            due = station_.radio.deadline_ms()
            if due is not None and due <= self.now_ms:
                station_.radio.tick(self.now_ms)
        self._collect()

    def _collect(self) -> None:
        for number in range(len(self._stations)):
            octets = self._stations[number].radio.to_send()
            while octets:
                self.transmit(number, octets)
                octets = self._stations[number].radio.to_send()

    def run(self, until_ms: int) -> None:
        """Lets time pass to `until_ms`, from one thing that happens to the next."""
        self._collect()
        due = self.deadline_ms()
        while due is not None and due <= until_ms:
            self.tick(due)
            due = self.deadline_ms()
        self.now_ms = max(self.now_ms, until_ms)
