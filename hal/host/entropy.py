"""Entropy from the operating system: fit for the bench's own test keys, as good as the machine's generator."""

import os

from slotmeter.hal.entropy import Entropy


class HostEntropy(Entropy):
    """`os.urandom`. Nothing can be repeated with it; a session that is to be repeated uses a seeded source."""

    def random(self, count: int) -> bytes:
        """`count` random octets, 0 to 1024."""
        if not 0 <= count <= 1024:
            raise ValueError("0 to 1024 octets, not %d" % count)
        return os.urandom(count)
