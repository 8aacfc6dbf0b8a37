"""The home area network as a bench's meter has it: with its hub in the same process, or on air with one elsewhere."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from slotmeter.boards.pc.bench_clock import BenchClock
    from slotmeter.firmware.meter import Meter


class Network:
    """code: the meter's install code with its CRC; join_key: the key made of it; resumed: whether it goes on in the
    network that was kept; lost: what was given up, in words; left_out_ms: how much of the meter's time it did not live
    through.
    """

    def __init__(self, eui64: bytes) -> None:
        self.eui64 = eui64
        self.code = b""
        self.join_key = b""
        self.resumed = False
        self.lost: list[str] = []
        self.left_out_ms = 0

    def known_keys(self) -> "list[tuple[str, bytes]]":
        """The keys that are known here, each with its name."""
        raise NotImplementedError

    def state(self) -> str:
        """In which state the meter's way into the network is, in a word."""
        raise NotImplementedError

    def has(self, meter: "Meter | None") -> None:
        """The meter was started anew, or has no power (None): then its radio has none either."""
        raise NotImplementedError

    def carry(self) -> "list[bytes]":
        """Moves the network as far as it goes; the whole messages that reached a hub here."""
        raise NotImplementedError

    def live(self, milliseconds: int) -> None:
        """So much of the meter's time has passed."""

    def allow(self) -> None:
        """From now on as much time may pass at once as may."""

    def wait_s(self, clock: "BenchClock") -> float:
        """Seconds until something happens by itself; an hour when nothing does."""
        raise NotImplementedError

    def filenos(self) -> "tuple[int, ...]":
        """What can be read when something may have come."""
        return ()

    def keep(self, told: "Callable[[str], None] | None" = None) -> None:
        """Makes durable what changed. HalError when the store refuses; with `told` that is told instead. It is tried
        again next time.
        """
        raise NotImplementedError

    def keep_again(self) -> None:
        """The store was emptied, and the network is as it was."""
        raise NotImplementedError

    def close(self) -> None:
        """Lets go of the radio."""
