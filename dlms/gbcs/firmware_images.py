"""The firmware image that waits in a device, the version that runs, and CS06 that changes one into the other.

An image arrives on another way (over the air); `receive` verifies it, and it is held with its SHA-256 and its version
(GBCS 11.2). CS06 activates it, at once or at a time, when the hash in the command is that of the image held (GBCS
11.3). What runs changes only with success, and an image that was activated is held no longer.
"""

from slotmeter.dlms.errors import DecodeError
from slotmeter.dlms.gbcs import asn1
from slotmeter.dlms.gbcs.asn1_request import ACTIONED, CANCEL, FIRMWARE_VERSION_CHANGED, NOT_ACTIONED, Outcome

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from slotmeter.dlms.gbcs.asn1_request import Request
    from slotmeter.hal.crypto import Crypto
    from slotmeter.hal.records import Records

# Response codes of CS06.
ACTIVATED = 0
NO_IMAGE_HELD = 1
HASH_MISMATCH = 2
ACTIVATION_FAILURE = 3

# Message code of the alert that tells of a future-dated activation.
ALERT = 0x00CA
# What a device that was never updated says it runs; 4 octets of the manufacturer's own meaning.
FACTORY_VERSION = b"\x00\x00\x00\x01"

# An image file: header of the over-the-air cluster with hardware versions, image, two octets, signature (facts 11;
# ZigBee over-the-air upgrading cluster, 6.3).
_HEADER = 60
_MAGIC = b"\x1e\xf1\xee\x0b"
# The length of the header, and that it has hardware versions.
_SHAPE = b"\x3c\x00\x04\x00"
_TAG = b"\x00\x40"
_SIGNED = 66

_COUNTER_LIMIT = 0xFFFFFFFFFFFFFFFF


class FirmwareImages:
    """Records "f.version" (4 octets) and "f.held" (hash, then version).

    read_version, write_version: where the version that runs is kept when that is not a record of its own, as in a meter
    whose object tree shows it.
    """

    def __init__(self, records: "Records") -> None:
        self._records = records
        self.read_version: Callable[[], bytes] | None = None
        self.write_version: Callable[[bytes], None] | None = None

    def version(self) -> bytes:
        """The version that runs, 4 octets."""
        if self.read_version is not None:
            return self.read_version()
        return self._records.get("f.version") or FACTORY_VERSION

    def set_version(self, version: bytes) -> None:
        """Sets the version that runs: the factory's hand, or the bench's."""
        if self.write_version is not None:
            self.write_version(version)
        else:
            self._records.put("f.version", version)

    def held(self) -> "tuple[bytes, bytes] | None":
        """(SHA-256 of the image, 4 octets of its version), None when no image waits."""
        octets = self._records.get("f.held")
        return None if octets is None else (octets[:32], octets[32:])

    def hold(self, image_hash: bytes, version: bytes) -> None:
        """Keeps a verified image until it is activated; an earlier one is forgotten."""
        self._records.put("f.held", image_hash + version)

    def receive(self, file: bytes, crypto: "Crypto", signer: bytes) -> "tuple[bytes, bool]":
        """Takes a whole image file: its hash, and whether it is held now. signer: public key of who authorises images.

        A file that is no image has the hash of all its octets. Nothing is raised, and what was held before is kept
        unless another takes its place.
        """
        right = (
            len(file) > _HEADER + _SIGNED
            and file[:4] == _MAGIC
            and file[6:10] == _SHAPE
            and int.from_bytes(file[52:56], "little") == len(file)
            and file[-_SIGNED:-64] == _TAG
        )
        if not right:
            return crypto.sha256(file), False
        # What the manufacturer made: the hash that CS06 names is of this alone.
        image = file[_HEADER:-_SIGNED]
        image_hash = crypto.sha256(image)
        if not signer or not crypto.verify(signer, file[-64:], image):
            return image_hash, False
        # The header has the version with its lowest octet first.
        self.hold(image_hash, int.from_bytes(file[14:18], "little").to_bytes(4, "big"))
        return image_hash, True

    def discard(self) -> None:
        """Forgets the image that waits."""
        self._records.drop("f.held")

    # ---- use case

    def activate(self, request: "Request") -> Outcome:
        """CS06: SEQUENCE { hash, originatorCounter, executionDateTime OPTIONAL }."""
        payload = request.payload
        end = len(payload)
        start, stop = asn1.enter(payload, 0, end, asn1.SEQUENCE)
        asn1.at_end(stop, end)
        image_hash, pos = asn1.octets(payload, start, stop, 32)
        counter, pos = asn1.integer(payload, pos, stop, _COUNTER_LIMIT)
        if counter != request.counter:
            raise DecodeError("originator counter differs from that of the header", start)
        failure = request.failure(ACTIVATION_FAILURE)
        if pos == stop:
            outcome, code = self._change(image_hash, failure)
            return Outcome(outcome, None, () if code else (FIRMWARE_VERSION_CHANGED,), code != 0)
        due_s, pos = asn1.generalized_time(payload, pos, stop)
        asn1.at_end(pos, stop)
        if due_s == asn1.CANCEL_TIME:
            return Outcome(asn1.put_null(), CANCEL)
        return Outcome(asn1.put_null(), (due_s, bytes((failure & 0xFF,)) + image_hash))

    def due(self, blob: bytes, counter: int, due_s: int) -> "tuple[int, int, bytes, tuple[int, ...]]":
        """Carries out what `activate` stored: alert code, message code, payload, events."""
        outcome, code = self._change(blob[1:], blob[0])
        alert_code = NOT_ACTIONED if code else ACTIONED
        payload = asn1.sequence(
            [asn1.put_integer(alert_code), asn1.put_generalized_time(due_s), asn1.put_integer(counter), outcome]
        )
        return alert_code, ALERT, payload, () if code else (FIRMWARE_VERSION_CHANGED,)

    def _change(self, image_hash: bytes, failure: int) -> "tuple[bytes, int]":
        """Runs the image with this hash; the execution outcome in ASN.1 and its code."""
        held = self.held()
        code = failure
        if not code and held is None:
            code = NO_IMAGE_HELD
        elif not code and held is not None and held[0] != image_hash:
            code = HASH_MISMATCH
        if not code and held is not None:
            self.set_version(held[1])
            self.discard()
        return asn1.sequence([asn1.put_integer(code), asn1.put_octets(self.version())]), code
