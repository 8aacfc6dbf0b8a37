"""The clocks that have no operating system behind them."""

from slotmeter.hal.board.clock import BoardClock
from slotmeter.hal.virtual.clock import VirtualClock


def test_a_virtual_clock_stands_still_until_told():
    clock = VirtualClock(5000)
    assert clock.now_ms() == 5000
    assert clock.now_ms() == 5000
    clock.advance(1)
    assert clock.now_ms() == 5001
    clock.set(20)
    assert clock.now_ms() == 20


def test_a_virtual_clock_refuses_times_before_2000():
    for act in (lambda: VirtualClock(-1), lambda: VirtualClock(10).advance(-11)):
        try:
            act()
        except ValueError:
            continue
        raise AssertionError("accepted")


def test_the_clock_of_a_board_counts_milliseconds_and_goes_forward():
    clock = BoardClock()
    first = clock.now_ms()
    assert type(first) is int
    assert first >= 0
    assert clock.now_ms() >= first
