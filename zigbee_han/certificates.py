"""Implicit certificates of key establishment, suites 1 and 2 (Smart Energy, annexes C.4.2.2.4 and C.5, C.6; SEC 4).

    suite 1, 48 octets: point 22, subject 8, issuer 8, attributes 10 of which the first two are the profile 0109
    suite 2, 74 octets: type 00, serial 8, curve 0D, hash 08, issuer 8, valid from 5, validity 4, subject 8,
                        key usage, point 37

All fields have the most significant octet first; subject is the device's EUI-64. There is no signature: the point,
together with the authority's public key, makes a public key that only the device has the private key of. A certificate
that someone changed gives a public key that nobody can use: what is checked here is what would be believed otherwise.

The dates of suite 2 are read and not judged: those of Smart Energy devices do not end, and a device that joins has no
trusted time yet.
"""

from slotmeter.zigbee_han.curves import SECT163K1, SECT283K1
from slotmeter.zigbee_han.errors import DecodeError, EncodeError
from slotmeter.zigbee_han.mmo import mmo

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slotmeter.hal.crypto import Crypto
    from slotmeter.hal.entropy import Entropy
    from slotmeter.zigbee_han.curves import Curve

# Numbers of the suites: bits of the attribute that says which ones a device knows.
SUITE_1 = 1
SUITE_2 = 2
# The higher number is the better one.
SUITES = (SUITE_1, SUITE_2)

_SIZE = {SUITE_1: 48, SUITE_2: 74}
_POINT_AT = {SUITE_1: 0, SUITE_2: 37}
_SUBJECT_AT = {SUITE_1: 22, SUITE_2: 28}
_ISSUER_AT = {SUITE_1: 30, SUITE_2: 11}
_CURVE = {SUITE_1: SECT163K1, SUITE_2: SECT283K1}

_PROFILE = b"\x01\x09"
_TYPE = 0
_CURVE_ID = 0x0D
_HASH_ID = 0x08
# Bits of key usage; other ones have no meaning for us.
KEY_AGREEMENT = 0x08
# What the worked example's certificates have: agreement, and the bit of digital signatures.
_USAGE = 0x88
_FOREVER = 0xFFFFFFFF
# What the worked example has after the profile: 0006 and six zero octets.
_ATTRIBUTES = b"\x01\x09\x00\x06" + bytes(6)


def curve_of(suite: int) -> "Curve":
    """The curve of a suite, which is SUITE_1 or SUITE_2; DecodeError for another."""
    if suite not in _CURVE:
        raise DecodeError("no such suite of key establishment: %d" % suite)
    return _CURVE[suite]


def size_of(suite: int) -> int:
    """The octets of a certificate of a suite, which is SUITE_1 or SUITE_2; DecodeError for another."""
    if suite not in _SIZE:
        raise DecodeError("no such suite of key establishment: %d" % suite)
    return _SIZE[suite]


class Certificate:
    """What a certificate says. `octets` are all of it; subject and issuer 8 octets, `point` the compressed point.

    Of suite 1: attributes (10 octets). Of suite 2: serial (8 octets), valid_from (seconds since 1970), validity
    (seconds, FFFFFFFF for ever), usage (bits). The fields that a suite does not have are empty or 0.
    """

    def __init__(self, suite: int, octets: bytes) -> None:
        """Only for `parse`, which has looked at the octets."""
        self.suite = suite
        self.octets = octets
        at = _SUBJECT_AT[suite]
        self.subject = octets[at : at + 8]
        at = _ISSUER_AT[suite]
        self.issuer = octets[at : at + 8]
        at = _POINT_AT[suite]
        self.point = octets[at : at + _CURVE[suite].size + 1]
        self.attributes = octets[38:] if suite == SUITE_1 else b""
        self.serial = octets[1:9] if suite == SUITE_2 else b""
        self.valid_from = int.from_bytes(octets[19:24], "big") if suite == SUITE_2 else 0
        self.validity = int.from_bytes(octets[24:28], "big") if suite == SUITE_2 else 0
        self.usage = octets[36] if suite == SUITE_2 else 0

    def __repr__(self) -> str:
        return "Certificate(suite %d, subject %s, issuer %s)" % (self.suite, self.subject.hex(), self.issuer.hex())

    def check_subject(self, subject: bytes) -> None:
        """DecodeError unless the certificate is that of the device `subject`."""
        if self.subject != subject:
            raise DecodeError(
                "certificate is that of %s, not of %s" % (self.subject.hex(), subject.hex()), _SUBJECT_AT[self.suite]
            )

    def check_issuer(self, issuer: bytes) -> None:
        """DecodeError unless the authority `issuer` made the certificate, or says that it did."""
        if self.issuer != issuer:
            raise DecodeError(
                "certificate was issued by %s, not by %s" % (self.issuer.hex(), issuer.hex()), _ISSUER_AT[self.suite]
            )


def parse(suite: int, data: bytes) -> Certificate:
    """Takes a certificate apart. DecodeError when its length, type, curve, hash, key usage or profile is wrong.

    The point is looked at when a public key is made of it, which takes a thousand times as long.
    """
    if len(data) != size_of(suite):
        raise DecodeError("a certificate of suite %d has %d octets, not %d" % (suite, _SIZE[suite], len(data)))
    if suite == SUITE_1:
        if data[38:40] != _PROFILE:
            raise DecodeError("certificate is for profile %s, not 0109" % data[38:40].hex(), 38)
    elif data[0] != _TYPE:
        raise DecodeError("certificate is of type %d, not 0 (implicit, no extensions)" % data[0], 0)
    elif data[9] != _CURVE_ID:
        raise DecodeError("certificate is for curve %02x, not 0d (sect283k1)" % data[9], 9)
    elif data[10] != _HASH_ID:
        raise DecodeError("certificate is for hash %02x, not 08 (AES-MMO)" % data[10], 10)
    elif not data[36] & KEY_AGREEMENT:
        raise DecodeError("key usage %02x does not allow key agreement" % data[36], 36)
    return Certificate(suite, bytes(data))


def build_1(point: bytes, subject: bytes, issuer: bytes, attributes: bytes = _ATTRIBUTES) -> bytes:
    """The 48 octets of a certificate of suite 1; EncodeError for a field of another size."""
    octets = point + subject + issuer + attributes
    if len(point) != 22 or len(subject) != 8 or len(issuer) != 8 or len(octets) != 48:
        raise EncodeError("a certificate of suite 1 is made of 22, 8, 8 and 10 octets")
    return octets


def build_2(
    point: bytes,
    subject: bytes,
    issuer: bytes,
    serial: bytes,
    valid_from: int,
    validity: int = _FOREVER,
    usage: int = _USAGE,
) -> bytes:
    """The 74 octets of a certificate of suite 2; times in seconds. EncodeError for what does not fit its field."""
    if len(point) != 37 or len(subject) != 8 or len(issuer) != 8 or len(serial) != 8:
        raise EncodeError("a certificate of suite 2 has a point of 37 octets, and names and a serial of 8")
    if not 0 <= valid_from < 1 << 40 or not 0 <= validity <= _FOREVER or not 0 <= usage < 256:
        raise EncodeError("a time or key usage does not fit into a certificate")
    return (
        bytes((_TYPE,))
        + serial
        + bytes((_CURVE_ID, _HASH_ID))
        + issuer
        + valid_from.to_bytes(5, "big")
        + validity.to_bytes(4, "big")
        + subject
        + bytes((usage,))
        + point
    )


def public_point(crypto: "Crypto", certificate: Certificate, authority: "tuple[int, int]") -> "tuple[int, int]":
    """The device's public key as a point: e P + Qca with e the hash of the certificate. `authority` is Qca, of order n.

    DecodeError when the certificate's point is none of the curve or not of order n, or gives no key.
    """
    curve = _CURVE[certificate.suite]
    point = curve.decompress(certificate.octets, _POINT_AT[certificate.suite])
    factor = int.from_bytes(mmo(crypto, certificate.octets), "big")
    found = curve.add(curve.multiply(factor, point), authority)
    if found is None:
        raise DecodeError("certificate gives no public key", _POINT_AT[certificate.suite])
    return found


def public_key(crypto: "Crypto", certificate: Certificate, authority: bytes) -> bytes:
    """The device's compressed public key, from its certificate and the authority's compressed public key."""
    curve = _CURVE[certificate.suite]
    return curve.compress(public_point(crypto, certificate, curve.decompress(authority)))


def belongs(crypto: "Crypto", certificate: Certificate, private: bytes, authority: bytes) -> bool:
    """Whether `private` is the private key of a certificate under an authority's compressed public key.

    It takes as long as one side of a key establishment: for whoever loads credentials, once.
    """
    try:
        return _CURVE[certificate.suite].public_key(private) == public_key(crypto, certificate, authority)
    except DecodeError:
        return False


class Authority:
    """A certification authority for tests: it makes the devices' private keys too, which a real one never sees.

    suite: SUITE_1 or SUITE_2; private: its private key, 21 or 36 octets; issuer: its name, 8 octets.
    """

    def __init__(self, crypto: "Crypto", suite: int, private: bytes, issuer: bytes) -> None:
        self.suite = suite
        self.issuer = issuer
        self.public = curve_of(suite).public_key(private)
        self._crypto = crypto
        self._private = int.from_bytes(private, "big")

    def __repr__(self) -> str:
        return "Authority(suite %d, issuer %s)" % (self.suite, self.issuer.hex())

    def issue(self, entropy: "Entropy", subject: bytes, valid_from: int = 0) -> "tuple[bytes, bytes]":
        """A certificate for the device `subject`, and its private key. valid_from, in seconds, is for suite 2."""
        curve = _CURVE[self.suite]
        serial = entropy.random(8) if self.suite == SUITE_2 else b""
        own = curve.private_key(entropy.random(curve.size + 8))
        theirs = curve.private_key(entropy.random(curve.size + 8))
        return self.issue_with(own, theirs, subject, serial, valid_from)

    def issue_with(
        self, own: bytes, theirs: bytes, subject: bytes, serial: bytes = b"", valid_from: int = 0
    ) -> "tuple[bytes, bytes]":
        """As `issue`, with the two random scalars handed in: the device's own, and that of the authority.

        With their sum k (SEC 4, 2.4 and 2.5): P = k G, e the hash of the certificate, private key e k + dca.
        """
        curve = _CURVE[self.suite]
        secret = int.from_bytes(own, "big") + int.from_bytes(theirs, "big")
        if not secret % curve.n:
            raise EncodeError("these two scalars make no certificate")
        point = curve.compress(curve.multiply(secret, curve.base))
        if self.suite == SUITE_1:
            octets = build_1(point, subject, self.issuer)
        else:
            octets = build_2(point, subject, self.issuer, serial, valid_from)
        private = (int.from_bytes(mmo(self._crypto, octets), "big") * secret + self._private) % curve.n
        if not private:
            raise EncodeError("these two scalars make no certificate")
        return octets, private.to_bytes(curve.size, "big")
