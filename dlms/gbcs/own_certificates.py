"""The device's own key pairs and certificates: CS02c, CS02d and CS02e (GBCS 13.4).

    CS02c  makes a key pair and answers with a certification request    pending
    CS02d  brings the certificate: the pending pair is taken into use   in use
    CS02e  shows the certificate in use

A second CS02c replaces what is pending. Until CS02d succeeds nothing changes in what the device signs or agrees with.
"""

from slotmeter.dlms.gbcs import asn1
from slotmeter.dlms.gbcs.asn1_request import (
    DS_CERTIFICATE_FAILED,
    DS_CERTIFICATE_REPLACED,
    KA_CERTIFICATE_FAILED,
    KA_CERTIFICATE_REPLACED,
    Outcome,
)
from slotmeter.dlms.gbcs.roles import DIGITAL_SIGNATURE, KEY_AGREEMENT
from slotmeter.hal.errors import HalError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slotmeter.dlms.gbcs.anchors import DeviceKeys, Secrets
    from slotmeter.dlms.gbcs.asn1_request import Request
    from slotmeter.hal.certificates import Certificates
    from slotmeter.hal.crypto import Crypto
    from slotmeter.hal.entropy import Entropy

# Response codes of CS02c.
INVALID_KEY_USAGE = 1
KEY_PAIR_GENERATION_FAILED = 2
CR_PRODUCTION_FAILED = 3
# Response codes of CS02e, beside INVALID_KEY_USAGE.
NO_CERTIFICATE_HELD = 2
CERTIFICATE_RETRIEVAL_FAILURE = 3
# Response codes of CS02d, in the order in which they are looked for.
INSTALLED = 0
INVALID_CERTIFICATE = 1
WRONG_DEVICE_IDENTITY = 2
INVALID_CERTIFICATE_KEY_USAGE = 3
NO_CORRESPONDING_KEY_PAIR_GENERATED = 4
WRONG_PUBLIC_KEY = 5
CERTIFICATE_STORAGE_FAILED = 6
PRIVATE_KEY_CHANGE_FAILED = 7


class OwnCertificates:
    """Carries out CS02c, CS02d and CS02e over the device's keys."""

    def __init__(
        self,
        keys: "DeviceKeys",
        secrets: "Secrets",
        crypto: "Crypto",
        certificates: "Certificates",
        entropy: "Entropy",
        entity_id: bytes,
    ) -> None:
        self._keys = keys
        self._secrets = secrets
        self._crypto = crypto
        self._certificates = certificates
        self._entropy = entropy
        self._entity_id = entity_id

    def issue(self, request: "Request") -> Outcome:
        """CS02c: a fresh key pair, answered with its certification request."""
        usage = _usage_asked_for(request.payload)
        failure = request.failure(CR_PRODUCTION_FAILED)
        if failure:
            return _code(failure)
        if not usage:
            return _code(INVALID_KEY_USAGE)
        try:
            private = self._crypto.new_private_key(self._entropy)
            public = self._crypto.public_key(private)
        except HalError:
            return _code(KEY_PAIR_GENERATION_FAILED)
        try:
            certification_request = self._certificates.request(private, self._entity_id, usage)
        except HalError:
            return _code(CR_PRODUCTION_FAILED)
        self._keys.set_pending(usage, public, private)
        return Outcome(certification_request)

    def update(self, request: "Request") -> Outcome:
        """CS02d: takes the pending key pair into use with the certificate that came.

        When only the public half of the pending pair is known (a cast whose device keys were not published), the
        certificate is kept and the private key in use stays.
        """
        try:
            certificate = self._certificates.read(request.payload)
        except HalError:
            return _code(INVALID_CERTIFICATE)
        if certificate.entity_id != self._entity_id:
            return _code(WRONG_DEVICE_IDENTITY)
        usage = certificate.key_usage
        if usage not in (DIGITAL_SIGNATURE, KEY_AGREEMENT):
            return _code(INVALID_CERTIFICATE_KEY_USAGE)
        signing = usage == DIGITAL_SIGNATURE
        failed = (DS_CERTIFICATE_FAILED,) if signing else (KA_CERTIFICATE_FAILED,)
        pending = self._keys.pending(usage)
        if pending is None:
            return _code(NO_CORRESPONDING_KEY_PAIR_GENERATED, failed)
        public, private = pending
        if certificate.public_key != public:
            return _code(WRONG_PUBLIC_KEY, failed)
        failure = request.failure(CERTIFICATE_STORAGE_FAILED)
        if failure:
            return _code(failure, failed)
        self._keys.put(usage, private or self._keys.private(usage), request.payload)
        self._secrets.forget()
        replaced = (DS_CERTIFICATE_REPLACED,) if signing else (KA_CERTIFICATE_REPLACED,)
        return _code(INSTALLED, replaced)

    def provide(self, request: "Request") -> Outcome:
        """CS02e: the certificate in use."""
        usage = _usage_asked_for(request.payload)
        failure = request.failure(CERTIFICATE_RETRIEVAL_FAILURE)
        if failure:
            return _code(failure)
        if not usage:
            return _code(INVALID_KEY_USAGE)
        certificate = self._keys.certificate(usage)
        return Outcome(certificate) if certificate else _code(NO_CERTIFICATE_HELD)


def _usage_asked_for(payload: bytes) -> int:
    """The key usage in SEQUENCE { keyUsage }; 0 when it is none that a device has a key pair for."""
    end = len(payload)
    start, stop = asn1.enter(payload, 0, end, asn1.SEQUENCE)
    asn1.at_end(stop, end)
    usage, pos = asn1.key_usage(payload, start, stop)
    asn1.at_end(pos, stop)
    return usage if usage in (DIGITAL_SIGNATURE, KEY_AGREEMENT) else 0


def _code(code: int, events: "tuple[int, ...]" = ()) -> Outcome:
    return Outcome(asn1.put_integer(code), None, events, code != 0)
