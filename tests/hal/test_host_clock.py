"""The host's clock against the operating system's."""

import datetime as dt
import time

import pytest

from slotmeter.hal.board.clock import BoardClock
from slotmeter.hal.host.clock import HostClock


def utc_ms() -> int:
    since = dt.datetime.now(dt.UTC) - dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
    return since // dt.timedelta(milliseconds=1)


@pytest.mark.parametrize("clock", [HostClock(), BoardClock()])
def test_it_tells_utc_in_milliseconds_since_2000(clock: "HostClock | BoardClock") -> None:
    before = utc_ms()
    now = clock.now_ms()
    assert before - 2 <= now <= utc_ms() + 2


def test_an_offset_moves_it() -> None:
    assert 86_399_000 < HostClock(offset_ms=86_400_000).now_ms() - HostClock().now_ms() < 86_401_000


def test_a_rate_makes_it_run_faster() -> None:
    clock = HostClock(rate=3600)
    first, started = clock.now_ms(), time.monotonic_ns()
    time.sleep(0.02)
    passed, real = clock.now_ms() - first, (time.monotonic_ns() - started) // 1_000_000
    assert 20 * 3600 <= passed <= (real + 5) * 3600


@pytest.mark.parametrize("rate", [1, 60])
def test_it_runs_on_from_what_it_was_set_to(rate: int) -> None:
    clock = HostClock(rate=rate)
    clock.set(1_000_000)
    assert 1_000_000 <= clock.now_ms() < 1_000_000 + 2000 * rate


def test_it_never_tells_a_time_before_2000() -> None:
    assert HostClock(offset_ms=-(10**15)).now_ms() == 0


def test_a_rate_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="rate"):
        HostClock(rate=0)
