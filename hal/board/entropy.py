"""Entropy of the board: the generator behind `os.urandom`, where the firmware of the board has one."""

import os

from slotmeter.hal.entropy import Entropy
from slotmeter.hal.errors import UNAVAILABLE, HalError

_urandom = getattr(os, "urandom", None)


class BoardEntropy(Entropy):
    """`os.urandom` of the board. On an RP2040 that is a ring oscillator: good for test keys, no more is promised."""

    def __init__(self) -> None:
        if _urandom is None:
            raise HalError(UNAVAILABLE, "this build has no os.urandom; give the meter a seeded source instead")

    def random(self, count: int) -> bytes:
        """`count` random octets, 0 to 1024."""
        if not 0 <= count <= 1024:
            raise ValueError("0 to 1024 octets, not %d" % count)
        return bytes(_urandom(count))  # type: ignore[misc]
