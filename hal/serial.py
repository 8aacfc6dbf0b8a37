"""The serial port: octets in order, both ways, on a line of which nobody knows who is at the other end."""

# `read` gives at most so many octets at a time.
READ_LIMIT = 4096


class Serial:
    """One end of a line. Nothing blocks; speed and flow control are the backend's constructor's business.

    HalError UNAVAILABLE, from read and write: the device is gone, or the end was closed. It does not come back by
    itself: close this end and make another one.
    """

    def read(self) -> bytes:
        """What has arrived, at most READ_LIMIT octets; b"" when nothing has."""
        raise NotImplementedError

    def write(self, octets: bytes) -> int:
        """How many of `octets` were taken, from the first on; fewer than all, or none, when there is no room.

        What was taken and nobody listens to is lost, as on a wire.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Lets go of the line. Closing twice is harmless."""
        raise NotImplementedError
