"""The bench's time: as text, and as a clock that can stand still or run faster than the machine's."""

import datetime as dt
import time

from slotmeter.hal.clock import Clock

EPOCH = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
# Seconds from 1970 to 2000.
EPOCH_S = 946684800
# Logs keep seconds since 2000 in four octets.
LAST_S = 0xFFFFFFFF


def parse_time(text: str) -> int:
    """Milliseconds since 2000 of an ISO 8601 time in UTC with Z; ValueError when it is none, or out of range."""
    for form in ("%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S.%fZ"):
        try:
            moment = dt.datetime.strptime(text, form)
        except ValueError:
            continue
        milliseconds = (moment.replace(tzinfo=dt.UTC) - EPOCH) // dt.timedelta(milliseconds=1)
        if 0 <= milliseconds <= LAST_S * 1000:
            return milliseconds
        break
    last = format_time(LAST_S)
    raise ValueError(f"{text!r} is not a time from 2000-01-01T00:00:00Z to {last}, such as 2030-01-01T00:00:00Z")


def format_time(seconds: int) -> str:
    """ISO 8601 in UTC with Z of seconds since 2000."""
    return (EPOCH + dt.timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def machine_s() -> int:
    """The machine's time, in seconds since 2000."""
    return int(time.time()) - EPOCH_S


class BenchClock(Clock):
    """The bench's time: it stands still, or runs from where it was set, `rate` times as fast as the machine's."""

    def __init__(self, start_ms: int, frozen: bool, rate: int = 1) -> None:
        self._base_ms = start_ms
        self._rate = rate
        self._since_s: float | None = None if frozen else time.monotonic()

    def now_ms(self) -> int:
        """Milliseconds since 2000-01-01T00:00:00Z."""
        if self._since_s is None:
            return self._base_ms
        return self._base_ms + int((time.monotonic() - self._since_s) * 1000 * self._rate)

    @property
    def frozen(self) -> bool:
        """Whether the clock stands still."""
        return self._since_s is None

    @property
    def rate(self) -> int:
        """How many of its seconds pass in one, while it runs."""
        return self._rate

    def run_at(self, rate: int) -> None:
        """Changes the rate; where it stands stays."""
        self.set(self.now_ms())
        self._rate = rate

    def freeze(self, frozen: bool) -> None:
        """Stops the clock, or lets it run from where it stands."""
        self._base_ms = self.now_ms()
        self._since_s = None if frozen else time.monotonic()

    def set(self, now_ms: int) -> None:
        """Makes it `now_ms`, frozen or running as before."""
        self._base_ms = now_ms
        if self._since_s is not None:
            self._since_s = time.monotonic()
