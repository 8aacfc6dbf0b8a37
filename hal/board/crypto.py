"""Crypto for boards: the same answers as on a host, from portable Python.

Decides which public keys are worth a table. A key met for the second time gets one (1984 octets of heap, as long to
make as most of a verification), and from then on costs half the time; the least recently used table goes first.
Nothing is kept of a private key. Nothing here takes the same time for all keys: test keys only.
"""

import hashlib

from slotmeter.hal.board import soft_ccm, soft_gcm, soft_p256
from slotmeter.hal.board.soft_aes import cipher
from slotmeter.hal.crypto import Crypto, check_aead, check_ccm
from slotmeter.hal.errors import BAD_KEY, HalError

# How many keys met once are remembered.
_MET_LIMIT = 8


def _check_point(public: bytes) -> None:
    """Refuses what is not a point of the curve."""
    if len(public) != 64:
        raise HalError(BAD_KEY, "a public key has 64 octets, not %d" % len(public))
    if not soft_p256.on_curve(public):
        raise HalError(BAD_KEY, "the public key is not a point of P-256")


class BoardCrypto(Crypto):
    """The primitives in portable Python, with AES from `cryptolib` where the board has it.

    tables: how many public keys may have a table, 2 KB each; 0 for a heap that has no room.
    """

    def __init__(self, tables: int = 6) -> None:
        self._limit = tables
        # (public key, table), the one used last at the end.
        self._tables: list[tuple[bytes, bytes]] = []
        self._met: list[bytes] = []

    def sha256(self, data: bytes) -> bytes:
        """The 32-octet digest."""
        return hashlib.sha256(data).digest()

    def gmac(self, key: bytes, iv: bytes, aad: bytes) -> bytes:
        """The 16-octet GCM tag over `aad` with empty plaintext."""
        check_aead(key, iv, 16)
        return soft_gcm.tag(cipher(key), iv, aad, b"")

    def gcm_seal(self, key: bytes, iv: bytes, aad: bytes, plaintext: bytes, tag_length: int) -> bytes:
        """Ciphertext followed by the first `tag_length` (12 to 16) octets of the tag."""
        check_aead(key, iv, tag_length)
        aes = cipher(key)
        ciphertext = soft_gcm.apply(aes, iv, plaintext)
        return ciphertext + soft_gcm.tag(aes, iv, aad, ciphertext)[:tag_length]

    def gcm_open(self, key: bytes, iv: bytes, aad: bytes, sealed: bytes, tag_length: int) -> "bytes | None":
        """The plaintext of what `gcm_seal` made, or None when the tag does not match."""
        check_aead(key, iv, tag_length)
        end = len(sealed) - tag_length
        if end < 0:
            return None
        aes = cipher(key)
        ciphertext = sealed[:end]
        if not self.equal(soft_gcm.tag(aes, iv, aad, ciphertext)[:tag_length], sealed[end:]):
            return None
        return soft_gcm.apply(aes, iv, ciphertext)

    def aes(self, key: bytes, block: bytes) -> bytes:
        """One block of 16 octets enciphered (FIPS 197). HalError(BAD_KEY) for other sizes of key or block."""
        if len(key) != 16 or len(block) != 16:
            raise HalError(BAD_KEY, "AES takes a key and a block of 16 octets, not %d and %d" % (len(key), len(block)))
        return cipher(key).encrypt(block)

    def ccm_seal(self, key: bytes, nonce: bytes, aad: bytes, plaintext: bytes, tag_length: int) -> bytes:
        """Ciphertext followed by the tag of 4, 8 or 16 octets: CCM with L = 2 (RFC 3610), at most 65535 octets.

        Other sizes of key, nonce, tag or plaintext are a HalError(BAD_KEY).
        """
        check_ccm(key, nonce, len(plaintext), tag_length)
        aes = cipher(key)
        return soft_ccm.apply(aes, nonce, plaintext) + soft_ccm.tag(aes, nonce, aad, plaintext, tag_length)

    def ccm_open(self, key: bytes, nonce: bytes, aad: bytes, sealed: bytes, tag_length: int) -> "bytes | None":
        """The plaintext of what `ccm_seal` made, or None when the tag does not match."""
        end = len(sealed) - tag_length
        check_ccm(key, nonce, end, tag_length)
        if end < 0:
            return None
        aes = cipher(key)
        plaintext = soft_ccm.apply(aes, nonce, sealed[:end])
        if not self.equal(soft_ccm.tag(aes, nonce, aad, plaintext, tag_length), sealed[end:]):
            return None
        return plaintext

    def public_key(self, private: bytes) -> bytes:
        """The public key that belongs to `private`."""
        return soft_p256.public_key(private)

    def ecdh(self, private: bytes, public: bytes) -> bytes:
        """Z: the x-coordinate, 32 octets. A point that is not on the curve is a HalError(BAD_KEY)."""
        _check_point(public)
        return soft_p256.ecdh(private, public, self._table(public))

    def sign(self, private: bytes, message: bytes) -> bytes:
        """ECDSA with SHA-256 over `message`."""
        return soft_p256.sign(private, hashlib.sha256(message).digest())

    def verify(self, public: bytes, signature: bytes, message: bytes) -> bool:
        """Whether `signature` is `public`'s over `message`. Never raises for bad input: it answers False."""
        if len(signature) != 64 or not soft_p256.on_curve(public):
            return False
        return soft_p256.verify(public, signature, hashlib.sha256(message).digest(), self._table(public))

    def equal(self, left: bytes, right: bytes) -> bool:
        """Compares in time that does not depend on where the two differ."""
        if len(left) != len(right):
            return False
        difference = 0
        for index in range(len(left)):
            difference |= left[index] ^ right[index]
        return difference == 0

    def _table(self, public: bytes) -> bytes:
        """The key's table, made when it is met for the second time; b"" when it has none."""
        tables = self._tables
        for index in range(len(tables)):
            if tables[index][0] == public:
                found = tables.pop(index)
                tables.append(found)
                return found[1]
        if public not in self._met:
            if len(self._met) >= _MET_LIMIT:
                self._met.pop(0)
            self._met.append(bytes(public))
            return b""
        if self._limit == 0:
            return b""
        self._met.remove(public)
        if len(tables) >= self._limit:
            tables.pop(0)
        table = soft_p256.comb_table(public)
        tables.append((bytes(public), table))
        return table
