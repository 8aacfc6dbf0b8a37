"""What goes wrong with octets from the air, and with our own use of this package."""


class HanError(Exception):
    """Base of what this package raises."""


class DecodeError(HanError):
    """A peer's octets are not what the standard allows: `reason` says what, `offset` where decoding stopped."""

    def __init__(self, reason: str, offset: int = 0) -> None:
        super().__init__("%s at octet %d" % (reason, offset))
        self.reason = reason
        self.offset = offset


class EncodeError(HanError):
    """A value that we were asked to encode does not fit its field."""
