"""What goes wrong with octets from outside, and with our own use of this package."""


class DlmsError(Exception):
    """Base of what this package raises."""


class DecodeError(DlmsError):
    """The peer's octets are not what the standard allows: `reason` says what, `offset` where decoding stopped."""

    def __init__(self, reason, offset=0):
        # type: (str, int) -> None
        super().__init__("%s at octet %d" % (reason, offset))
        self.reason = reason
        self.offset = offset


class EncodeError(DlmsError):
    """A value that we were asked to encode does not fit its type."""
