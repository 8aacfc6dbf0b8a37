"""The clock of a board: its real-time clock, whichever year its firmware counts from."""

import time

from slotmeter.hal.clock import Clock

# 1970-01-01 to 2000-01-01: 10,957 days.
_SECONDS_1970_TO_2000 = 946684800


class BoardClock(Clock):
    """UTC as the board's real-time clock has it.

    MicroPython counts from 1970 on rp2 and from 2000 on ESP32 and STM32; the clock asks which. A board that has lost
    its time starts somewhere in the past: whoever starts the meter says what the clock is worth.
    """

    def __init__(self) -> None:
        self._before_2000 = _SECONDS_1970_TO_2000 if time.gmtime(0)[0] == 1970 else 0
        # Not every port has it; without it the clock has whole seconds.
        self._time_ns = getattr(time, "time_ns", None)

    def now_ms(self) -> int:
        """Milliseconds since 2000-01-01T00:00:00Z; 0 when the board believes in an earlier time."""
        if self._time_ns is not None:
            now = self._time_ns() // 1000000
        else:
            now = int(time.time()) * 1000
        now -= self._before_2000 * 1000
        return now if now > 0 else 0
