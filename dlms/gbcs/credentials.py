"""The ASN.1 use cases of an ESME, by message code (GBCS 13 and 11.3).

    0008 CS02a   011B CS02f               who is trusted                       trust_anchors
    0100..0109 CS02b   0125, 0126 CS02g   replace who is trusted               trust_anchors
    000A CS02c   000B CS02d   000C CS02e  the device's own certificates        own_certificates
    000D CS03A1  000F CS04AC              the device log                       devices
    0012 CS06                             activate firmware                    firmware_images

A malformed payload is a DecodeError and has changed nothing. Records are written, never committed: that is the
engine's.
"""

from slotmeter.dlms.errors import DecodeError
from slotmeter.dlms.gbcs.asn1_request import CANCEL, Outcome, Request
from slotmeter.dlms.gbcs.devices import DeviceLog
from slotmeter.dlms.gbcs.firmware_images import FirmwareImages
from slotmeter.dlms.gbcs.own_certificates import OwnCertificates
from slotmeter.dlms.gbcs.trust_anchors import CS02B, CS02G, TrustAnchors

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from slotmeter.dlms.gbcs.anchors import Anchors, DeviceKeys, Secrets
    from slotmeter.hal.certificates import Certificates
    from slotmeter.hal.crypto import Crypto
    from slotmeter.hal.entropy import Entropy
    from slotmeter.hal.records import Records

__all__ = ("CANCEL", "Credentials", "Outcome", "Request", "RESULT_NAMES", "result_code")

CS02C = 0x000A
CS02D = 0x000B
CS02E = 0x000C
CS03A1 = 0x000D
CS04AC = 0x000F
CS06 = 0x0012

_STATUS_NAMES = (
    ("bad-certificate", 5),
    ("no-trust-anchor", 10),
    ("insufficient-memory", 17),
    ("trust-anchor-not-found", 25),
    ("resources-busy", 30),
    ("other", 127),
)
# The failures that a test bench may ask for by name: (first message code, last, ((name, result), ...)).
RESULT_NAMES = (
    (0x0008, 0x0008, _STATUS_NAMES),
    (0x011B, 0x011B, _STATUS_NAMES),
    (0x0100, 0x0109, _STATUS_NAMES),
    (0x0125, 0x0126, _STATUS_NAMES),
    (CS02C, CS02C, (("invalid-key-usage", 1), ("key-pair-generation-failed", 2), ("cr-production-failed", 3))),
    (
        CS02D,
        CS02D,
        (
            ("invalid-certificate", 1),
            ("wrong-device-identity", 2),
            ("invalid-key-usage", 3),
            ("no-corresponding-key-pair-generated", 4),
            ("wrong-public-key", 5),
            ("certificate-storage-failed", 6),
            ("private-key-change-failed", 7),
        ),
    ),
    (
        CS02E,
        CS02E,
        (("invalid-key-usage", 1), ("no-certificate-held", 2), ("certificate-retrieval-failure", 3)),
    ),
    (
        CS03A1,
        CS03A1,
        (
            ("invalid-message-code", 1),
            ("invalid-join-method-and-role", 2),
            ("incompatible-with-existing-entry", 3),
            ("device-log-full", 4),
            ("device-log-write-failure", 5),
            ("no-resources", 6),
            ("unknown-issuer", 7),
            ("unsupported-suite", 8),
            ("bad-message", 9),
            ("bad-key-confirm", 10),
            ("invalid-or-missing-certificate", 11),
            ("no-partner-link-key-received", 12),
            ("no-cbke-response", 13),
        ),
    ),
    (CS04AC, CS04AC, (("not-in-device-log", 1), ("other-failure", 2))),
    (CS06, CS06, (("no-image-held", 1), ("hash-mismatch", 2), ("activation-failure", 3))),
)


def result_code(code: int, name: str) -> "int | None":
    """The result that `name` stands for in the use case `code`; None when it has no such name."""
    for first, last, names in RESULT_NAMES:
        if first <= code <= last:
            for known, result in names:
                if known == name:
                    return result
    return None


class Credentials:
    """Carries out the ASN.1 use cases over `records`.

    anchors: TrustAnchors; own: OwnCertificates; devices: DeviceLog; images: FirmwareImages. `entity_id` is the
    device's EUI-64, 8 octets.
    """

    def __init__(
        self,
        records: "Records",
        anchors: "Anchors",
        keys: "DeviceKeys",
        secrets: "Secrets",
        crypto: "Crypto",
        certificates: "Certificates",
        entropy: "Entropy",
        entity_id: bytes,
    ) -> None:
        self.anchors = TrustAnchors(anchors, secrets, crypto, certificates)
        self.own = OwnCertificates(keys, secrets, crypto, certificates, entropy, entity_id)
        self.devices = DeviceLog(records)
        self.images = FirmwareImages(records)
        handlers: dict[int, Callable[[Request], Outcome]] = {
            0x0008: self.anchors.provide,
            0x011B: self.anchors.provide,
            CS02C: self.own.issue,
            CS02D: self.own.update,
            CS02E: self.own.provide,
            CS03A1: self.devices.join,
            CS04AC: self.devices.unjoin,
            CS06: self.images.activate,
        }
        for mode in range(10):
            handlers[CS02B + mode] = self.anchors.replace
        handlers[CS02G] = self.anchors.replace
        handlers[CS02G + 1] = self.anchors.replace
        self._handlers = handlers

    @property
    def check_validity(self) -> bool:
        """Whether replacement certificates must be valid at the time of execution; see TrustAnchors."""
        return self.anchors.check_validity

    @check_validity.setter
    def check_validity(self, value: bool) -> None:
        self.anchors.check_validity = value

    def codes(self) -> "list[int]":
        """The message codes that `execute` takes, sorted."""
        return sorted(self._handlers)

    def execute(self, request: Request) -> Outcome:
        """Carries out one authentic command whose counter is already recorded; DecodeError when it is malformed."""
        handler = self._handlers.get(request.code)
        if handler is None:
            raise DecodeError("message code %04X is no ASN.1 use case" % request.code, 0)
        return handler(request)

    def due(
        self, code: int, blob: bytes, counter: int, due_s: int, now_s: int
    ) -> "tuple[int, int, bytes, tuple[int, ...]]":
        """Carries out a stored command: alert code (8F66 or 8F67), the alert's message code, its payload, log codes.

        `blob` is what `execute` gave to be stored, `counter` that of the command, `due_s` its execution time.
        """
        if code == CS06:
            return self.images.due(blob, counter, due_s)
        return self.anchors.due(code, blob, due_s, now_s)
