"""Writes what was on the air to a file that Wireshark and tshark read: classic pcap, IEEE 802.15.4 with FCS.

    file   = magic(4) major(2) minor(2) zone(4) accuracy(4) longest(4) link type(4) record...
    record = seconds(4) microseconds(4) length kept(4) length on the air(4) octets

All least significant octet first. Link type 195 is IEEE 802.15.4 with the FCS at the end of each frame.
"""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO

from slotmeter.boards.pc.errors import SlotmeterError

if TYPE_CHECKING:
    from pathlib import Path

    from slotmeter.zigbee_han.sim.air import Air

LINK_TYPE = 195
_MAGIC = 0xA1B2C3D4
_LONGEST = 0xFFFF


def _u32(value: int) -> bytes:
    return (value & 0xFFFFFFFF).to_bytes(4, "little")


class Capture:
    """A capture in `file`, open for writing octets. `epoch_s` is what the time 0 of `add` means in Unix seconds.

    Each frame is given to the file whole, so that a run that is cut short leaves a file that can be read.
    """

    def __init__(self, file: BinaryIO, epoch_s: int = 0) -> None:
        self._file = file
        self._epoch_s = epoch_s
        self.frames = 0
        head = _u32(_MAGIC) + (2).to_bytes(2, "little") + (4).to_bytes(2, "little")
        file.write(head + _u32(0) + _u32(0) + _u32(_LONGEST) + _u32(LINK_TYPE))
        file.flush()

    def add(self, octets: bytes, time_us: int) -> None:
        """A frame with its FCS that was on the air at `time_us` microseconds."""
        kept = octets[:_LONGEST]
        seconds = self._epoch_s + time_us // 1000000
        self._file.write(
            _u32(seconds) + _u32(time_us % 1000000) + _u32(len(kept)) + _u32(len(octets)) + kept
        )
        self._file.flush()
        self.frames += 1


def follow(air: "Air", file: BinaryIO, on_end: "Callable[[OSError], None]") -> Capture:
    """Writes what is on `air` from now on, stamped with the time of day, until the file takes no more: on_end.

    SlotmeterError when it takes nothing at all.
    """
    try:
        capture = Capture(file)
    except OSError as error:
        raise SlotmeterError("the capture cannot be written: %s" % error.strerror) from error

    def add(octets: bytes, _time_us: int, _channel: int) -> None:
        try:
            capture.add(octets, time.time_ns() // 1000)
        except OSError as error:
            air.tap = None
            on_end(error)

    air.tap = add
    return capture


def create(path: "Path") -> BinaryIO:
    """The file for a capture; SlotmeterError when it cannot be written."""
    try:
        # Not buffered: what could not be written is not tried again on closing.
        return open(path, "wb", buffering=0)
    except OSError as error:
        raise SlotmeterError("--capture %s: %s" % (path, error.strerror or "cannot be written")) from error
