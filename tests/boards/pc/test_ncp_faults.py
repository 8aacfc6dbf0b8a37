"""What goes wrong on the line of a stick, asked for in words."""

import pytest

from slotmeter.boards.pc.errors import SlotmeterError
from slotmeter.boards.pc.ncp_faults import HOST, STICK, LineFaults, parse

FRAMES = [b"%04d\x7e" % number for number in range(1000)]


def test_words_are_for_both_directions_or_for_the_one_that_is_named():
    assert parse("loss=3") == [(HOST, "loss", 30), (STICK, "loss", 30)]
    assert parse("host:corrupt=0.5, stick:slow,delay=20") == [
        (HOST, "corrupt", 5),
        (STICK, "slow", 0),
        (HOST, "delay", 20),
        (STICK, "delay", 20),
    ]


NONE = ("", "loss", "loss=", "loss=x", "loss=nan", "loss=inf", "slow=1", "delay=1.5", "a:loss=1", ":slow", "bad=1")


@pytest.mark.parametrize("text", NONE)
def test_what_is_no_fault_is_told_with_those_that_there_are(text):
    with pytest.raises(SlotmeterError, match="is no fault of a line; it may be loss=3"):
        parse(text)


@pytest.mark.parametrize("text", ["loss=101", "noise=-1", "delay=10001", "delay=-1"])
def test_what_is_too_much_is_told(text):
    with pytest.raises(SlotmeterError, match="percent go from 0 to 100, and a delay to 10000 ms"):
        parse(text)


def carried(device):
    return [piece for frame in FRAMES for piece in device.carry(frame)]


def test_frames_are_lost_and_damaged_in_the_direction_that_was_named_and_counted():
    devices = LineFaults(parse("stick:loss=10,host:corrupt=10"), 1, lambda: None)
    heard_by_stick, heard_by_host = carried(devices.towards_stick), carried(devices.towards_host)
    lost = 1000 - len(heard_by_stick)
    damaged = len([one for one, other in zip(heard_by_host, FRAMES) if one != other])
    assert 50 < lost < 150 and 50 < damaged < 150
    assert str(devices) == "host:corrupt %d, stick:loss %d" % (damaged, lost)
    assert set(heard_by_stick) <= set(FRAMES)
    again = LineFaults(parse("stick:loss=10,host:corrupt=10"), 1, lambda: None)
    assert carried(again.towards_stick) == heard_by_stick
    assert carried(LineFaults(parse("stick:loss=10"), 2, lambda: None).towards_stick) != heard_by_stick


def test_a_reset_is_done_to_the_stick():
    restarts = []
    devices = LineFaults(parse("stick:reset=1"), 1, lambda: restarts.append(1))
    assert len(carried(devices.towards_stick)) == 1000 - len(restarts) and restarts


def test_octets_come_one_at_a_time_and_late():
    devices = LineFaults(parse("host:slow,host:delay=5"), 1, lambda: None)
    late = devices.towards_host
    late.tick(0)
    came = late.carry(b"ab\x7e")
    assert late.deadline_ms() is None or late.deadline_ms() <= 5
    came += late.tick(5)
    assert came == [b"a", b"b", b"\x7e"]
    assert devices.towards_stick.carry(b"ab\x7e") == [b"ab\x7e"]


def test_without_words_nothing_is_done():
    devices = LineFaults([], 1, lambda: None)
    assert carried(devices.towards_host) == FRAMES and str(devices) == ""
