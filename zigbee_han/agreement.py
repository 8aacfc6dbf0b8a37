"""The curve work of key establishment: elliptic curve MQV and what is derived from it (Smart Energy, annex C.4.2.2).

Each method of `CurveWork` is one call that takes long (milliseconds on a computer, much longer on a board), and takes
and gives plain values: whoever has a faster chip or another core makes a class with the same four methods, and gives it
to `key_establishment.KeyExchange`.
"""

from slotmeter.zigbee_han import certificates
from slotmeter.zigbee_han.certificates import SUITES, curve_of
from slotmeter.zigbee_han.errors import DecodeError
from slotmeter.zigbee_han.mmo import hmac_mmo, mmo

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slotmeter.hal.crypto import Crypto
    from slotmeter.zigbee_han.certificates import Certificate
    from slotmeter.zigbee_han.curves import Curve

_FROM_INITIATOR = b"\x02"
_FROM_RESPONDER = b"\x03"


def _half(curve: "Curve", x: int) -> int:
    """The associate value of a point (SEC 1, 3.4): the lower half of the bits of x, and a one above them."""
    bits = (curve.order_bits + 1) // 2
    return x % (1 << bits) + (1 << bits)


class CurveWork:
    """The four things that a key establishment computes on its curve. A point is what `Curve` takes."""

    def __init__(self, crypto: "Crypto") -> None:
        self._crypto = crypto
        # Of each suite the authority met last, which is nearly always the only one: (compressed, point).
        self._authorities: dict[int, tuple[bytes, tuple[int, int]]] = {}

    def __repr__(self) -> str:
        return "CurveWork()"

    def ephemeral(self, suite: int, octets: bytes) -> "tuple[bytes, bytes]":
        """A private key made of `entropy_size` random octets, and its compressed public key."""
        curve = curve_of(suite)
        private = curve.private_key(octets)
        return private, curve.public_key(private)

    def static_point(self, certificate: "Certificate", authority: bytes) -> "tuple[int, int]":
        """The public key of a certificate. DecodeError when it has none."""
        known = self._authorities.get(certificate.suite)
        if known is None or known[0] != authority:
            known = (authority, curve_of(certificate.suite).decompress(authority))
            self._authorities[certificate.suite] = known
        return certificates.public_point(self._crypto, certificate, known[1])

    def point(self, suite: int, octets: bytes) -> "tuple[int, int]":
        """The partner's ephemeral public key. DecodeError unless the octets are exactly a point of order n."""
        curve = curve_of(suite)
        if len(octets) != curve.size + 1:
            raise DecodeError("a point of %s has %d octets, not %d" % (curve.name, curve.size + 1, len(octets)))
        return curve.decompress(octets)

    def secret(
        self,
        suite: int,
        static_private: bytes,
        ephemeral_private: bytes,
        ephemeral_public: bytes,
        static_point: "tuple[int, int]",
        ephemeral_point: "tuple[int, int]",
    ) -> bytes:
        """Z, 21 or 36 octets, from our two private keys and the partner's two points; the same on both sides.

        DecodeError when the points cancel each other, which only a partner who means harm can bring about.
        """
        curve = curve_of(suite)
        own_half = _half(curve, int.from_bytes(ephemeral_public[1:], "big"))
        factor = int.from_bytes(ephemeral_private, "big") + own_half * int.from_bytes(static_private, "big")
        both = curve.add(ephemeral_point, curve.multiply(_half(curve, ephemeral_point[0]), static_point))
        shared = curve.multiply(curve.h * factor, both)
        if shared is None:
            raise DecodeError("the shared point is infinity")
        return shared[0].to_bytes(curve.size, "big")


def entropy_size(suite: int) -> int:
    """How many random octets `CurveWork.ephemeral` wants."""
    return curve_of(suite).size + 8


def derive(crypto: "Crypto", secret: bytes) -> "tuple[bytes, bytes]":
    """(key that authenticates the confirmations, link key) from Z: its hashes with a counter (ANSI X9.63)."""
    return mmo(crypto, secret + b"\0\0\0\x01"), mmo(crypto, secret + b"\0\0\0\x02")


def confirmation(
    crypto: "Crypto", mac_key: bytes, by_initiator: bool, own: bytes, partner: bytes, own_key: bytes, partner_key: bytes
) -> bytes:
    """The 16 octets with which a side proves that it has the key: MACU of the initiator, MACV of the responder.

    own, partner: EUI-64s of the side that proves and of the other; own_key, partner_key: their ephemeral public keys.
    """
    kind = _FROM_INITIATOR if by_initiator else _FROM_RESPONDER
    return hmac_mmo(crypto, mac_key, kind + own + partner + own_key + partner_key)


class Identity:
    """What a device has of one suite: certificate, private key, and the authority that it and its partners trust.

    authority: the compressed public key of the authority. DecodeError for a certificate or a key of the wrong form;
    whether they belong together, `certificates.belongs` says.
    """

    def __init__(self, suite: int, certificate: bytes, private: bytes, authority: bytes) -> None:
        curve = curve_of(suite)
        self.suite = suite
        self.certificate = certificates.parse(suite, certificate)
        if len(private) != curve.size or not 0 < int.from_bytes(private, "big") < curve.n:
            raise DecodeError("not a private key of %s" % curve.name)
        curve.decompress(authority)
        self.private = private
        self.authority = authority

    def __repr__(self) -> str:
        return "Identity(%r, private key of %d octets)" % (self.certificate, len(self.private))


def best(identities: "list[Identity]", suites: int) -> "Identity | None":
    """The identity of the highest suite among the bits of `suites`, or None."""
    for suite in reversed(SUITES):
        for identity in identities:
            if identity.suite == suite and suites & suite:
                return identity
    return None
