"""The crypto port: P-256, SHA-256 and AES-128-GCM, which is all that GBCS asks for (GBCS section 4), and the AES-128
and AES-128-CCM that ZigBee asks for (ZigBee specification, annexes A and B).

Shapes: a private key is 32 octets (big-endian scalar), a public key 64 octets (x then y, no leading 04),
a signature 64 octets (r then s), an AES key 16 octets, an IV of GCM 12 octets, a nonce of CCM 13 octets. Anything
else is a HalError(BAD_KEY) from the key functions and False from `verify`.
"""

from slotmeter.hal.errors import BAD_KEY, HalError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slotmeter.hal.entropy import Entropy

# Order of the P-256 group (SEC 2, section 2.4.2).
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def check_aead(key: bytes, iv: bytes, tag_length: int) -> None:
    """Refuses parameters of a GCM call that GBCS does not use."""
    if len(key) != 16:
        raise HalError(BAD_KEY, "an AES key has 16 octets, not %d" % len(key))
    if len(iv) != 12:
        raise HalError(BAD_KEY, "an IV has 12 octets, not %d" % len(iv))
    if not 12 <= tag_length <= 16:
        raise HalError(BAD_KEY, "a tag has 12 to 16 octets, not %d" % tag_length)


def check_ccm(key: bytes, nonce: bytes, size: int, tag_length: int) -> None:
    """Refuses parameters of a CCM call that ZigBee does not use."""
    if len(key) != 16:
        raise HalError(BAD_KEY, "an AES key has 16 octets, not %d" % len(key))
    if len(nonce) != 13:
        raise HalError(BAD_KEY, "a nonce has 13 octets, not %d" % len(nonce))
    if tag_length not in (4, 8, 16):
        raise HalError(BAD_KEY, "a CCM tag has 4, 8 or 16 octets, not %d" % tag_length)
    if size > 65535:
        raise HalError(BAD_KEY, "CCM takes 65535 octets, not %d" % size)


class Crypto:
    """Stateless primitives.

    A backend may cache what it computes from public data. One that also keeps prepared private keys, in memory and
    few of them, says so in its docstring and drops them in `forget`.
    """

    def forget(self) -> None:
        """Drops whatever is kept of private keys; whoever replaces a key pair calls it. Nothing to drop is no error."""

    def sha256(self, data: bytes) -> bytes:
        """The 32-octet digest."""
        raise NotImplementedError

    def gmac(self, key: bytes, iv: bytes, aad: bytes) -> bytes:
        """The 16-octet GCM tag over `aad` with empty plaintext."""
        raise NotImplementedError

    def gcm_seal(self, key: bytes, iv: bytes, aad: bytes, plaintext: bytes, tag_length: int) -> bytes:
        """Ciphertext followed by the first `tag_length` (12 to 16) octets of the tag."""
        raise NotImplementedError

    def gcm_open(self, key: bytes, iv: bytes, aad: bytes, sealed: bytes, tag_length: int) -> "bytes | None":
        """The plaintext of what `gcm_seal` made, or None when the tag does not match."""
        raise NotImplementedError

    def aes(self, key: bytes, block: bytes) -> bytes:
        """One block of 16 octets enciphered (FIPS 197). HalError(BAD_KEY) for other sizes of key or block."""
        raise NotImplementedError

    def ccm_seal(self, key: bytes, nonce: bytes, aad: bytes, plaintext: bytes, tag_length: int) -> bytes:
        """Ciphertext followed by the tag of 4, 8 or 16 octets: CCM with L = 2 (RFC 3610), at most 65535 octets.

        Other sizes of key, nonce, tag or plaintext are a HalError(BAD_KEY).
        """
        raise NotImplementedError

    def ccm_open(self, key: bytes, nonce: bytes, aad: bytes, sealed: bytes, tag_length: int) -> "bytes | None":
        """The plaintext of what `ccm_seal` made, or None when the tag does not match."""
        raise NotImplementedError

    def public_key(self, private: bytes) -> bytes:
        """The public key that belongs to `private`."""
        raise NotImplementedError

    def ecdh(self, private: bytes, public: bytes) -> bytes:
        """Z: the x-coordinate, 32 octets. A point that is not on the curve is a HalError(BAD_KEY)."""
        raise NotImplementedError

    def sign(self, private: bytes, message: bytes) -> bytes:
        """ECDSA with SHA-256 over `message`."""
        raise NotImplementedError

    def verify(self, public: bytes, signature: bytes, message: bytes) -> bool:
        """Whether `signature` is `public`'s over `message`. Never raises for bad input: it answers False."""
        raise NotImplementedError

    def equal(self, left: bytes, right: bytes) -> bool:
        """Compares in time that does not depend on where the two differ."""
        raise NotImplementedError

    def new_private_key(self, entropy: "Entropy") -> bytes:
        """A fresh private key: 40 random octets reduced into 1..n-1 (FIPS 186-4, B.4.1)."""
        scalar = int.from_bytes(entropy.random(40), "big") % (P256_ORDER - 1) + 1
        return scalar.to_bytes(32, "big")
