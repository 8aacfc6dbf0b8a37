"""A clock that stands still until it is told to move."""

from slotmeter.hal.clock import Clock


class VirtualClock(Clock):
    """Time for tests and reproducible runs: it moves only through `set` and `advance`."""

    def __init__(self, start_ms: int = 0) -> None:
        self._now_ms = 0
        self.set(start_ms)

    def now_ms(self) -> int:
        """Milliseconds since 2000-01-01T00:00:00Z, as last told."""
        return self._now_ms

    def set(self, now_ms: int) -> None:
        """Makes it `now_ms`, which may be earlier than before but not negative (ValueError)."""
        if now_ms < 0:
            raise ValueError("the clock begins at 2000-01-01T00:00:00Z")
        self._now_ms = now_ms

    def advance(self, milliseconds: int) -> None:
        """Lets `milliseconds` pass."""
        self.set(self._now_ms + milliseconds)
