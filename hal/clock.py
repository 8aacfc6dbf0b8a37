"""The clock port: UTC in whole milliseconds since 2000-01-01T00:00:00Z, the epoch of ZigBee and GBCS."""

# Clock status, GBCS 6.24 numbering as in GCS28 and SMETS 5.7.5 (reliable, invalid, unreliable).
RELIABLE = 0
INVALID = 1
UNRELIABLE = 2
STATUS_NAMES = ("reliable", "invalid", "unreliable")


class Clock:
    """Tells the time. It neither waits nor sets deadlines; only `boards` asks it."""

    def now_ms(self) -> int:
        """Milliseconds since 2000-01-01T00:00:00Z; never negative."""
        raise NotImplementedError
