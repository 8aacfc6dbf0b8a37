"""The clock of a host: the operating system's, or one that runs faster from a time of one's choice."""

import time

from slotmeter.hal.clock import Clock

# 1970-01-01 to 2000-01-01: 10,957 days.
_EPOCH_MS = 946_684_800_000


class HostClock(Clock):
    """UTC from the operating system, plus `offset_ms`, at `rate` seconds a second.

    With a rate of 1 it follows the operating system's corrections. With any other it counts the host's
    monotonic time from the moment of construction or of the last `set`, so corrections do not disturb it.
    """

    def __init__(self, offset_ms: int = 0, rate: int = 1) -> None:
        if rate < 1:
            raise ValueError("the rate is a whole number of seconds a second, at least 1")
        self._rate = rate
        self._offset_ms = offset_ms
        self._start_ms = _utc_ms() + offset_ms
        self._start_ns = time.monotonic_ns()

    def now_ms(self) -> int:
        """Milliseconds since 2000-01-01T00:00:00Z; 0 when the host believes in an earlier time."""
        if self._rate == 1:
            now = _utc_ms() + self._offset_ms
        else:
            now = self._start_ms + (time.monotonic_ns() - self._start_ns) * self._rate // 1_000_000
        return now if now > 0 else 0

    def set(self, now_ms: int) -> None:
        """Makes it `now_ms`; the clock runs on from there. The host's own clock is not touched."""
        self._offset_ms = now_ms - _utc_ms()
        self._start_ms = now_ms
        self._start_ns = time.monotonic_ns()


def _utc_ms() -> int:
    return time.time_ns() // 1_000_000 - _EPOCH_MS
