"""Octets that look random and are not: the same seed gives the same stream, on every board.

The stream is SHA-256 over a label, the seed and a block counter. Whoever knows the seed knows every key made from it.
"""

import hashlib

from slotmeter.hal.entropy import Entropy

_LABEL = b"slotmeter seeded entropy"


class SeededEntropy(Entropy):
    """A repeatable stream for tests and repeatable sessions. Keys made with it protect nothing, ever.

    `seed` is an integer from 0 to 2^64 - 1. How the stream is cut into calls does not change it.
    """

    def __init__(self, seed: int) -> None:
        if seed < 0 or seed >> 64:
            raise ValueError("a seed is 0 to 2^64 - 1")
        self._prefix = _LABEL + seed.to_bytes(8, "big")
        self._block = 0
        self._rest = b""

    def random(self, count: int) -> bytes:
        """The next `count` octets of the stream, 0 to 1024."""
        if not 0 <= count <= 1024:
            raise ValueError("0 to 1024 octets, not %d" % count)
        parts = [self._rest]
        have = len(self._rest)
        while have < count:
            parts.append(hashlib.sha256(self._prefix + self._block.to_bytes(8, "big")).digest())
            self._block += 1
            have += 32
        stream = b"".join(parts)
        self._rest = stream[count:]
        return stream[:count]
