"""What the engine hands to an ASN.1 use case and what it gets back."""

TYPE_CHECKING = False

# In `Outcome.stored`: what an earlier command of the use case left is to be forgotten.
CANCEL = "cancel"

# Log codes of what these use cases do (GBCS section 16).
DEVICE_JOINING_FAILED = 0x8F48
DEVICE_JOINING_SUCCEEDED = 0x8F49
DEVICE_UNJOINING_FAILED = 0x8F4A
DEVICE_UNJOINING_SUCCEEDED = 0x8F4B
DS_CERTIFICATE_FAILED = 0x8F4C
DS_CERTIFICATE_REPLACED = 0x8F4D
KA_CERTIFICATE_FAILED = 0x8F4E
KA_CERTIFICATE_REPLACED = 0x8F4F
FIRMWARE_VERSION_CHANGED = 0x8F43
UPDATE_SECURITY_CREDENTIALS = 0x8F70
# Alert codes of a future-dated command.
ACTIONED = 0x8F66
NOT_ACTIONED = 0x8F67


class Request:
    """One authentic command.

    code: message code; payload: octets; counter: the header's originator counter; originator: 8 octets; role: the
    remote party role under which it was accepted; now_s: seconds since 2000; fault: None, or (item, result) that the
    test bench wants to fail, result None for the use case's own idea of an internal failure.
    """

    def __init__(
        self,
        code: int,
        payload: bytes,
        counter: int,
        originator: bytes,
        role: int,
        now_s: int,
        fault: "tuple[int, int | None] | None" = None,
    ) -> None:
        self.code = code
        self.payload = payload
        self.counter = counter
        self.originator = originator
        self.role = role
        self.now_s = now_s
        self.fault = fault

    def failure(self, default: int) -> int:
        """The result that the bench wants instead of the use case's own, 0 when it wants none."""
        if self.fault is None:
            return 0
        return default if self.fault[1] is None else self.fault[1]

    def __repr__(self) -> str:
        return "Request(%04X counter=%d payload=%d octets)" % (self.code, self.counter, len(self.payload))


class Outcome:
    """What became of a command.

    payload: the response; stored: None, (due_s, octets to keep until then) or CANCEL; events: log codes; failed:
    whether the response says so.
    """

    def __init__(
        self,
        payload: bytes,
        stored: "tuple[int, bytes] | str | None" = None,
        events: "tuple[int, ...]" = (),
        failed: bool = False,
    ) -> None:
        self.payload = payload
        self.stored = stored
        self.events = events
        self.failed = failed

    def __repr__(self) -> str:
        return "Outcome(payload=%d octets, failed=%r)" % (len(self.payload), self.failed)
