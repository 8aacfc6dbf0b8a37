"""What crosses a port when the world behind it fails."""

# The closed list of kinds. A backend's own exception never crosses the port.
BAD_KEY = "bad-key"  # a key that is not a P-256 key, or not on the curve
BAD_CERTIFICATE = "bad-certificate"  # DER that is not a certificate we can read
STORE_DAMAGED = "store-damaged"  # the store holds something it cannot have written
STORE_VERSION = "store-version"  # written by another version of the store
STORE_BUSY = "store-busy"  # another process has it open
STORE_FULL = "store-full"  # no room for the change; the old state stands
STORE_FAILED = "store-failed"  # the medium refused; the old state stands
RADIO_FULL = "radio-full"  # no room for another link key
UNAVAILABLE = "unavailable"  # the hardware or library is not there

KINDS = (
    BAD_KEY,
    BAD_CERTIFICATE,
    STORE_DAMAGED,
    STORE_VERSION,
    STORE_BUSY,
    STORE_FULL,
    STORE_FAILED,
    RADIO_FULL,
    UNAVAILABLE,
)


class HalError(Exception):
    """A port could not do what it was asked. `kind` is one of KINDS, `detail` says what to do about it.

    No key, certificate body or stored value appears in `detail`.
    """

    def __init__(self, kind, detail):
        # type: (str, str) -> None
        super().__init__(kind + ": " + detail)
        self.kind = kind
        self.detail = detail
