"""What goes wrong on a wire, on purpose: devices that octets pass through, each with a seed so that it repeats.

`carry(octets)` says what arrives at the other end, as a list of the pieces it arrives in. `Delayed` holds pieces back
until `tick` tells it that their time has come; who puts it on a wire calls `tick` before each `carry` and at
`deadline_ms`. Devices can be put one behind another with `Chain`. They do not know frames; `Frames` cuts a stream at a
delimiter, so that the device behind it loses or damages whole frames.
"""

from slotmeter.hal.virtual.entropy import SeededEntropy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class Fault:
    """A wire on which nothing goes wrong; others change what it does. `done` counts what was done to it."""

    def __init__(self) -> None:
        self.done = 0

    def carry(self, octets: bytes) -> "list[bytes]":
        """What arrives of `octets`, in pieces; an empty list when nothing does."""
        return [octets] if octets else []

    def tick(self, now_ms: int) -> "list[bytes]":
        """It is now that time: what was held back and arrives now."""
        return []

    def deadline_ms(self) -> "int | None":
        """When something that is held back arrives, or None."""
        return None


class Dice:
    """Decides by a seed: `falls` is true for about so many of a thousand."""

    def __init__(self, seed: int) -> None:
        self._entropy = SeededEntropy(seed)

    def below(self, limit: int) -> int:
        """A number from 0 to limit - 1; limit is at most 65536."""
        return int.from_bytes(self._entropy.random(4), "big") % limit

    def falls(self, per_mille: int) -> bool:
        """Whether it happens this time."""
        return self.below(1000) < per_mille


class Sometimes(Fault):
    """A fault that befalls `per_mille` of a thousand pieces, as `seed` has it."""

    def __init__(self, seed: int, per_mille: int) -> None:
        super().__init__()
        self._dice = Dice(seed)
        self._per_mille = per_mille

    def befalls(self) -> bool:
        """Whether it happens this time; counted when it does."""
        falls = self._dice.falls(self._per_mille)
        self.done += falls
        return falls


class Lossy(Sometimes):
    """Loses a piece as a whole."""

    def carry(self, octets: bytes) -> "list[bytes]":
        """The piece, or nothing."""
        return [] if self.befalls() else super().carry(octets)


class Corrupting(Sometimes):
    """Flips one bit of a piece."""

    def carry(self, octets: bytes) -> "list[bytes]":
        """The piece, perhaps damaged."""
        if octets and self.befalls():
            place = self._dice.below(len(octets))
            changed = octets[place] ^ 1 << self._dice.below(8)
            octets = octets[:place] + bytes((changed,)) + octets[place + 1 :]
        return super().carry(octets)


class Doubling(Sometimes):
    """Delivers a piece twice."""

    def carry(self, octets: bytes) -> "list[bytes]":
        """The piece once or twice."""
        if self.befalls():
            return [octets, octets]
        return super().carry(octets)


class OneOctetAtATime(Fault):
    """Delivers every octet by itself."""

    def carry(self, octets: bytes) -> "list[bytes]":
        """As many pieces as octets."""
        self.done += len(octets)
        return [octets[i : i + 1] for i in range(len(octets))]


class Noisy(Sometimes):
    """Puts one of the octets of `noise` before a piece."""

    def __init__(self, seed: int, per_mille: int, noise: bytes) -> None:
        super().__init__(seed, per_mille)
        self._noise = noise

    def carry(self, octets: bytes) -> "list[bytes]":
        """The piece, perhaps with an octet before it."""
        if octets and self.befalls():
            place = self._dice.below(len(self._noise))
            octets = self._noise[place : place + 1] + octets
        return super().carry(octets)


class Delayed(Fault):
    """Holds every piece back for up to `longest_ms`, as `seed` has it; none overtakes another."""

    def __init__(self, seed: int, longest_ms: int) -> None:
        super().__init__()
        self._dice = Dice(seed)
        self._longest_ms = longest_ms
        self._now_ms = 0
        # (when, piece), in order.
        self._held = []  # type: list[tuple[int, bytes]]

    def carry(self, octets: bytes) -> "list[bytes]":
        """What is due; nothing, as a rule."""
        if octets:
            due_ms = self._now_ms + self._dice.below(self._longest_ms + 1)
            self._held.append((max(due_ms, self._held[-1][0]) if self._held else due_ms, octets))
            self.done += due_ms > self._now_ms
        return self.tick(self._now_ms)

    def tick(self, now_ms: int) -> "list[bytes]":
        """The pieces whose time has come."""
        self._now_ms = now_ms
        came = []
        while self._held and self._held[0][0] <= now_ms:
            came.append(self._held.pop(0)[1])
        return came

    def deadline_ms(self) -> "int | None":
        """When the next piece arrives."""
        return self._held[0][0] if self._held else None


class Resetting(Sometimes):
    """Calls `reset`, which restarts what is at an end of the wire; the piece is lost."""

    def __init__(self, seed: int, per_mille: int, reset: "Callable[[], None]") -> None:
        super().__init__(seed, per_mille)
        self._reset = reset

    def carry(self, octets: bytes) -> "list[bytes]":
        """The piece, or nothing."""
        if octets and self.befalls():
            self._reset()
            return []
        return super().carry(octets)


class Recorder(Fault):
    """Keeps everything that passed, in `octets`."""

    def __init__(self) -> None:
        super().__init__()
        self.octets = b""

    def carry(self, octets: bytes) -> "list[bytes]":
        """The piece as it is."""
        self.octets += octets
        return super().carry(octets)


class Chain(Fault):
    """Several devices, one behind the other."""

    def __init__(self, devices: "list[Fault]") -> None:
        super().__init__()
        self._devices = devices

    def carry(self, octets: bytes) -> "list[bytes]":
        """What comes out of the last device."""
        pieces = super().carry(octets)
        for device in self._devices:
            came = []
            for piece in pieces:
                came.extend(device.carry(piece))
            pieces = came
        return pieces

    def tick(self, now_ms: int) -> "list[bytes]":
        """What a device lets go passes through those behind it."""
        pieces = []  # type: list[bytes]
        for device in self._devices:
            came = device.tick(now_ms)
            for piece in pieces:
                came.extend(device.carry(piece))
            pieces = came
        return pieces

    def deadline_ms(self) -> "int | None":
        """The earliest of its devices."""
        due = None
        for device in self._devices:
            other = device.deadline_ms()
            if other is not None and (due is None or other < due):
                due = other
        return due


class Frames(Fault):
    """Hands `device` one frame at a time: what ends with the octet `delimiter`. What has no end yet waits for it, as
    long as it is not longer than `limit` octets.
    """

    def __init__(self, device: Fault, delimiter: int, limit: int = 4096) -> None:
        super().__init__()
        self._device = device
        self._delimiter = bytes((delimiter,))
        self._limit = limit
        self._rest = b""

    def carry(self, octets: bytes) -> "list[bytes]":
        """What the device makes of the frames that are whole now."""
        parts = (self._rest + octets).split(self._delimiter)
        self._rest = parts.pop()
        pieces = []
        for part in parts:
            pieces.extend(self._device.carry(part + self._delimiter))
        if len(self._rest) > self._limit:
            pieces.extend(self._device.carry(self._rest))
            self._rest = b""
        return pieces

    def tick(self, now_ms: int) -> "list[bytes]":
        """What the device lets go."""
        return self._device.tick(now_ms)

    def deadline_ms(self) -> "int | None":
        """The device's."""
        return self._device.deadline_ms()
