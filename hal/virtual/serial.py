"""A serial line in memory: two ends, and on the way between them whatever devices of `faults` are put there."""

from slotmeter.hal.errors import UNAVAILABLE, HalError
from slotmeter.hal.serial import READ_LIMIT, Serial
from slotmeter.hal.virtual.faults import Fault

# What an end keeps until it is read, as the driver of a real one does.
ROOM = 4096


class End(Serial):
    """One end of a Wire."""

    def __init__(self, towards: Fault) -> None:
        # What goes wrong with what is written here.
        self._towards = towards
        self._other = self
        self._came = []  # type: list[bytes]
        self._open = True

    def join(self, other: "End") -> None:
        """What is written here arrives at `other`."""
        self._other = other

    def take(self, pieces: "list[bytes]") -> None:
        """These arrive here."""
        if self._open:
            self._came.extend(pieces)

    def room(self) -> int:
        """How many octets can arrive until some are read."""
        return max(ROOM - sum([len(piece) for piece in self._came]), 0) if self._open else ROOM

    def _check(self) -> None:
        if not self._open:
            raise HalError(UNAVAILABLE, "this end of the line is closed")

    def read(self) -> bytes:
        """See Serial. One piece at a time, as the devices on the wire cut them."""
        self._check()
        if not self._came:
            return b""
        piece = self._came.pop(0)
        if len(piece) > READ_LIMIT:
            self._came.insert(0, piece[READ_LIMIT:])
        return piece[:READ_LIMIT]

    def write(self, octets: bytes) -> int:
        """See Serial."""
        self._check()
        taken = octets[: self._other.room()]
        if taken:
            self._other.take(self._towards.carry(taken))
        return len(taken)

    def tick(self, now_ms: int) -> None:
        """What a device on the way from here has held back arrives, if it is time."""
        self._other.take(self._towards.tick(now_ms))

    def deadline_ms(self) -> "int | None":
        """When `tick` has something to do."""
        return self._towards.deadline_ms()

    def close(self) -> None:
        """See Serial. What arrives from now on is lost."""
        self._open = False
        self._came = []


class Wire:
    """A line with the ends `near` and `far`. towards_far, towards_near: the devices on the way there.

    Only a device that delays needs `tick`.
    """

    def __init__(self, towards_far: "Fault | None" = None, towards_near: "Fault | None" = None) -> None:
        self.near = End(towards_far or Fault())
        self.far = End(towards_near or Fault())
        self.near.join(self.far)
        self.far.join(self.near)

    def tick(self, now_ms: int) -> None:
        """It is now that time: for what is written next, and for what was held back."""
        self.near.tick(now_ms)
        self.far.tick(now_ms)

    def deadline_ms(self) -> "int | None":
        """When `tick` has something to do, or None."""
        one, other = self.near.deadline_ms(), self.far.deadline_ms()
        if one is None or other is None:
            return other if one is None else one
        return min(one, other)
