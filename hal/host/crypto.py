"""Crypto on the `cryptography` library: what a bench on a PC runs.

Decides how to get the least overhead out of the library. A GMAC is one call of AESGCM, which knows 16-octet tags
only; tags cut to 12 octets are made by slicing and checked by the streaming interface. AES keys are not kept: a
prepared AESCCM saves 0.2 us of 0.9, and the keys of single blocks hardly ever come twice (AES-MMO). Signatures are
deterministic (RFC 6979), like those of the portable backend, so that a session can be repeated octet for octet.
"""

import hashlib
import hmac

from cryptography.exceptions import InvalidSignature, InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESCCM, AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB, GCM
from cryptography.hazmat.primitives.hashes import SHA256

from slotmeter.hal.crypto import P256_ORDER, Crypto, check_aead, check_ccm
from slotmeter.hal.errors import BAD_KEY, HalError

_CURVE = ec.SECP256R1()
_ECDH = ec.ECDH()
_ECB = ECB()  # noqa: S305 - single blocks are what is asked for
_ECDSA = ec.ECDSA(SHA256())
_ZERO = b"\0" * 32
_ORDER = P256_ORDER.to_bytes(32, "big")

# Prepared keys: a meter meets a dozen public keys, a bench with a whole cast some hundred.
_PUBLIC_LIMIT = 256
_PRIVATE_LIMIT = 64


def _signing_algorithm() -> ec.ECDSA:
    try:
        return ec.ECDSA(SHA256(), deterministic_signing=True)
    except UnsupportedAlgorithm:
        # OpenSSL before 3.2: signatures are as good, a session is not repeatable.
        return _ECDSA


_SIGNING = _signing_algorithm()


def der_signature(signature: bytes) -> bytes:
    """The ECDSA-Sig-Value (RFC 3279, 2.2.3) of a raw signature of 64 octets."""
    r = signature[:32].lstrip(b"\0")
    s = signature[32:].lstrip(b"\0")
    if r[:1] >= b"\x80" or not r:
        r = b"\0" + r
    if s[:1] >= b"\x80" or not s:
        s = b"\0" + s
    return b"\x30%c\x02%c%b\x02%c%b" % (len(r) + len(s) + 4, len(r), r, len(s), s)


def raw_signature(der: bytes) -> bytes:
    """The 64 octets r then s of an ECDSA-Sig-Value that the library made."""
    middle = 4 + der[3]
    return der[4:middle].lstrip(b"\0").rjust(32, b"\0") + der[middle + 2 :].lstrip(b"\0").rjust(32, b"\0")


class HostCrypto(Crypto):
    """The primitives from `cryptography` (OpenSSL).

    Keeps prepared key objects of up to 256 public and 64 private keys in memory; `forget` drops the private ones.
    """

    def __init__(self) -> None:
        self._publics: dict[bytes, ec.EllipticCurvePublicKey] = {}
        self._privates: dict[bytes, ec.EllipticCurvePrivateKey] = {}

    def __repr__(self) -> str:
        return "HostCrypto(%d public, %d private keys prepared)" % (len(self._publics), len(self._privates))

    def forget(self) -> None:
        """Drops the prepared private keys."""
        self._privates.clear()

    def sha256(self, data: bytes) -> bytes:
        """The 32-octet digest."""
        return hashlib.sha256(data).digest()

    def gmac(self, key: bytes, iv: bytes, aad: bytes) -> bytes:
        """The 16-octet GCM tag over `aad` with empty plaintext."""
        if len(key) != 16 or len(iv) != 12:
            check_aead(key, iv, 16)
        return AESGCM(key).encrypt(iv, b"", aad)

    def gcm_seal(self, key: bytes, iv: bytes, aad: bytes, plaintext: bytes, tag_length: int) -> bytes:
        """Ciphertext followed by the first `tag_length` (12 to 16) octets of the tag."""
        if len(key) != 16 or len(iv) != 12 or not 12 <= tag_length <= 16:
            check_aead(key, iv, tag_length)
        return AESGCM(key).encrypt(iv, plaintext, aad)[: len(plaintext) + tag_length]

    def gcm_open(self, key: bytes, iv: bytes, aad: bytes, sealed: bytes, tag_length: int) -> "bytes | None":
        """The plaintext of what `gcm_seal` made, or None when the tag does not match."""
        if len(key) != 16 or len(iv) != 12 or not 12 <= tag_length <= 16:
            check_aead(key, iv, tag_length)
        end = len(sealed) - tag_length
        if end < 0:
            return None
        opener = Cipher(AES(key), GCM(iv, sealed[end:], tag_length)).decryptor()
        opener.authenticate_additional_data(aad)
        plaintext = opener.update(sealed[:end])
        try:
            return plaintext + opener.finalize()
        except InvalidTag:
            return None

    def aes(self, key: bytes, block: bytes) -> bytes:
        """One block of 16 octets enciphered (FIPS 197). HalError(BAD_KEY) for other sizes of key or block."""
        if len(key) != 16 or len(block) != 16:
            raise HalError(BAD_KEY, "AES takes a key and a block of 16 octets, not %d and %d" % (len(key), len(block)))
        return Cipher(AES(key), _ECB).encryptor().update(block)

    def ccm_seal(self, key: bytes, nonce: bytes, aad: bytes, plaintext: bytes, tag_length: int) -> bytes:
        """Ciphertext followed by the tag of 4, 8 or 16 octets: CCM with L = 2 (RFC 3610), at most 65535 octets.

        Other sizes of key, nonce, tag or plaintext are a HalError(BAD_KEY).
        """
        if len(key) != 16 or len(nonce) != 13 or len(plaintext) > 65535 or tag_length not in (4, 8, 16):
            check_ccm(key, nonce, len(plaintext), tag_length)
        return AESCCM(key, tag_length).encrypt(nonce, plaintext, aad)

    def ccm_open(self, key: bytes, nonce: bytes, aad: bytes, sealed: bytes, tag_length: int) -> "bytes | None":
        """The plaintext of what `ccm_seal` made, or None when the tag does not match."""
        size = len(sealed) - tag_length
        if len(key) != 16 or len(nonce) != 13 or size > 65535 or tag_length not in (4, 8, 16):
            check_ccm(key, nonce, size, tag_length)
        if size < 0:
            return None
        try:
            return AESCCM(key, tag_length).decrypt(nonce, sealed, aad)
        except InvalidTag:
            return None

    def public_key(self, private: bytes) -> bytes:
        """The public key that belongs to `private`."""
        numbers = self._private(private).public_key().public_numbers()
        return numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")

    def ecdh(self, private: bytes, public: bytes) -> bytes:
        """Z: the x-coordinate, 32 octets. A point that is not on the curve is a HalError(BAD_KEY)."""
        own = self._privates.get(private) or self._private(private)
        other = self._publics.get(public) or self._public(public)
        return own.exchange(_ECDH, other)

    def sign(self, private: bytes, message: bytes) -> bytes:
        """ECDSA with SHA-256 over `message`."""
        own = self._privates.get(private) or self._private(private)
        return raw_signature(own.sign(message, _SIGNING))

    def verify(self, public: bytes, signature: bytes, message: bytes) -> bool:
        """Whether `signature` is `public`'s over `message`. Never raises for bad input: it answers False."""
        # Big-endian octets of one length compare as the numbers do.
        if len(signature) != 64 or not _ZERO < signature[:32] < _ORDER or not _ZERO < signature[32:] < _ORDER:
            return False
        try:
            other = self._publics.get(public) or self._public(public)
            other.verify(der_signature(signature), message, _ECDSA)
        except (InvalidSignature, HalError):
            return False
        return True

    def equal(self, left: bytes, right: bytes) -> bool:
        """Compares in time that does not depend on where the two differ."""
        return hmac.compare_digest(left, right)

    def _private(self, private: bytes) -> ec.EllipticCurvePrivateKey:
        """The prepared key object; HalError(BAD_KEY) for what is not a scalar in 1..n-1."""
        key = self._privates.get(private)
        if key is None:
            if len(private) != 32:
                raise HalError(BAD_KEY, "a private key has 32 octets, not %d" % len(private))
            if not _ZERO < private < _ORDER:
                raise HalError(BAD_KEY, "a private key lies between 1 and n-1")
            key = ec.derive_private_key(int.from_bytes(private, "big"), _CURVE)
            if len(self._privates) >= _PRIVATE_LIMIT:
                del self._privates[next(iter(self._privates))]
            self._privates[bytes(private)] = key
        return key

    def _public(self, public: bytes) -> ec.EllipticCurvePublicKey:
        """The prepared key object; HalError(BAD_KEY) for what is not a point of the curve."""
        key = self._publics.get(public)
        if key is None:
            if len(public) != 64:
                raise HalError(BAD_KEY, "a public key has 64 octets, not %d" % len(public))
            try:
                key = ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, b"\x04" + public)
            except ValueError as problem:
                raise HalError(BAD_KEY, "the public key is not a point of P-256") from problem
            if len(self._publics) >= _PUBLIC_LIMIT:
                del self._publics[next(iter(self._publics))]
            self._publics[bytes(public)] = key
        return key
