"""What every crypto backend must do, whatever is behind it."""

import pytest

from slotmeter.hal.board.crypto import BoardCrypto
from slotmeter.hal.crypto import P256_ORDER, Crypto
from slotmeter.hal.errors import BAD_KEY, HalError
from slotmeter.hal.host.crypto import HostCrypto
from slotmeter.hal.virtual.entropy import SeededEntropy

PRIME = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
# RFC 6979, A.2.5.
PRIVATE = bytes.fromhex("C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721")
PUBLIC = bytes.fromhex(
    "60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6"
    "7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299"
)
KEY = bytes(range(16))
IV = bytes(range(100, 112))
NONCE = bytes(range(100, 113))


def bad_points() -> "list[bytes]":
    """Octets that are no public key."""
    x, y = PUBLIC[:32], PUBLIC[32:]
    small_x = 5
    return [
        b"",
        x,
        b"\x04" + PUBLIC,
        PUBLIC[:-1],
        PUBLIC + b"\0",
        bytes(64),
        b"\xff" * 64,
        y + x,
        x + (int.from_bytes(y, "big") ^ 1).to_bytes(32, "big"),
        # The right residues, but not reduced.
        PRIME.to_bytes(32, "big") + y,
        x + PRIME.to_bytes(32, "big"),
        (small_x + PRIME).to_bytes(32, "big") + y,
        # (0, sqrt(b)) with the x-coordinate spelt as P.
        PRIME.to_bytes(32, "big") + bytes.fromhex("66485C780E2F83D72433BD5D84A06BB6541C2AF31DAE871728BF856A174F93F4"),
    ]


def bad_privates() -> "list[bytes]":
    """Octets that are no private key."""
    order = P256_ORDER.to_bytes(32, "big")
    return [b"", bytes(32), PRIVATE[1:], PRIVATE + b"\0", order, b"\xff" * 32]


class CryptoConformance:
    """A backend's subclass says how to make it."""

    def crypto(self) -> Crypto:
        raise NotImplementedError

    def test_sha256_of_known_messages(self) -> None:
        # FIPS 180-4 examples.
        crypto = self.crypto()
        assert crypto.sha256(b"").hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        assert crypto.sha256(b"abc").hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

    def test_gmac_is_the_whole_tag_of_an_empty_message(self) -> None:
        crypto = self.crypto()
        for size in (0, 1, 15, 16, 17, 300):
            aad = bytes(size)
            assert crypto.gmac(KEY, IV, aad) == crypto.gcm_seal(KEY, IV, aad, b"", 16)

    @pytest.mark.parametrize("tag_length", [12, 13, 14, 15, 16])
    def test_what_was_sealed_can_be_opened(self, tag_length: int) -> None:
        crypto = self.crypto()
        for size in (0, 1, 15, 16, 17, 511, 512, 513, 1100):
            plaintext = bytes(index & 255 for index in range(size))
            sealed = crypto.gcm_seal(KEY, IV, b"head", plaintext, tag_length)
            assert len(sealed) == size + tag_length
            assert sealed[:size] != plaintext or size == 0
            assert crypto.gcm_open(KEY, IV, b"head", sealed, tag_length) == plaintext

    def test_a_shorter_tag_is_the_beginning_of_the_longer(self) -> None:
        crypto = self.crypto()
        assert crypto.gcm_seal(KEY, IV, b"a", b"p", 12) == crypto.gcm_seal(KEY, IV, b"a", b"p", 16)[:13]

    def test_any_changed_bit_keeps_it_closed(self) -> None:
        crypto = self.crypto()
        sealed = crypto.gcm_seal(KEY, IV, b"head", b"plain", 12)
        for bit in range(8 * len(sealed)):
            changed = bytearray(sealed)
            changed[bit // 8] ^= 1 << bit % 8
            assert crypto.gcm_open(KEY, IV, b"head", bytes(changed), 12) is None
        assert crypto.gcm_open(KEY, IV, b"heaD", sealed, 12) is None
        assert crypto.gcm_open(KEY, IV[:-1] + b"\0", b"head", sealed, 12) is None
        assert crypto.gcm_open(IV + b"key.", IV, b"head", sealed, 12) is None

    def test_less_than_a_tag_is_not_opened(self) -> None:
        assert self.crypto().gcm_open(KEY, IV, b"", bytes(11), 12) is None
        assert self.crypto().gcm_open(KEY, IV, b"", b"", 12) is None

    @pytest.mark.parametrize(
        ("key", "iv", "tag_length"),
        [(bytes(24), IV, 12), (b"", IV, 12), (KEY, bytes(16), 12), (KEY, b"", 12), (KEY, IV, 11), (KEY, IV, 17)],
    )
    def test_sizes_that_gbcs_does_not_use_are_refused(self, key: bytes, iv: bytes, tag_length: int) -> None:
        crypto = self.crypto()
        for act in (
            lambda: crypto.gcm_seal(key, iv, b"", b"", tag_length),
            lambda: crypto.gcm_open(key, iv, b"", bytes(20), tag_length),
        ):
            with pytest.raises(HalError) as caught:
                act()
            assert caught.value.kind == BAD_KEY
        if tag_length == 12:
            with pytest.raises(HalError):
                crypto.gmac(key, iv, b"")

    def test_aes_of_fips_197(self) -> None:
        crypto = self.crypto()
        # FIPS 197, C.1 and appendix B.
        block = bytes.fromhex("00112233445566778899aabbccddeeff")
        assert crypto.aes(KEY, block).hex() == "69c4e0d86a7b0430d8cdb78070b4c55a"
        key = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")
        block = bytes.fromhex("3243f6a8885a308d313198a2e0370734")
        assert crypto.aes(key, block).hex() == "3925841d02dc09fbdc118597196a0b32"

    def test_aes_takes_one_block_and_one_size_of_key(self) -> None:
        crypto = self.crypto()
        for key, block in ((bytes(15), bytes(16)), (bytes(24), bytes(16)), (KEY, b""), (KEY, bytes(32))):
            with pytest.raises(HalError) as caught:
                crypto.aes(key, block)
            assert caught.value.kind == BAD_KEY

    def test_ccm_of_the_zigbee_specification(self) -> None:
        # ZigBee specification, annex C.3 (encryption) and C.4 (decryption).
        crypto = self.crypto()
        key = bytes.fromhex("c0c1c2c3c4c5c6c7c8c9cacbcccdcecf")
        nonce = bytes.fromhex("a0a1a2a3a4a5a6a70302010006")
        aad, plain = bytes(range(8)), bytes(range(8, 0x1F))
        sealed = bytes.fromhex("1a55a36abb6c610d066b3375649cef10d4664ecad854a80a895cc1d8ff9469")
        assert crypto.ccm_seal(key, nonce, aad, plain, 8) == sealed
        assert crypto.ccm_open(key, nonce, aad, sealed, 8) == plain

    def test_ccm_of_rfc_3610(self) -> None:
        # RFC 3610, section 8, packet vector 1: of those with an octet count that ZigBee knows, the one most quoted.
        key = bytes.fromhex("c0c1c2c3c4c5c6c7c8c9cacbcccdcecf")
        nonce = bytes.fromhex("00000003020100a0a1a2a3a4a5")
        sealed = self.crypto().ccm_seal(key, nonce, bytes(range(8)), bytes(range(8, 0x1F)), 8)
        assert sealed.hex() == "588c979a61c663d2f066d0c2c0f989806d5f6b61dac38417e8d12cfdf926e0"

    @pytest.mark.parametrize("tag_length", [4, 8, 16])
    def test_what_ccm_sealed_it_opens(self, tag_length: int) -> None:
        crypto = self.crypto()
        for size in (0, 1, 15, 16, 17, 511, 512, 513, 1100):
            plaintext = bytes(index & 255 for index in range(size))
            for aad in (b"", b"head", bytes(13), bytes(14), bytes(15), bytes(300)):
                sealed = crypto.ccm_seal(KEY, NONCE, aad, plaintext, tag_length)
                assert len(sealed) == size + tag_length
                assert sealed[:size] != plaintext or size == 0
                assert crypto.ccm_open(KEY, NONCE, aad, sealed, tag_length) == plaintext

    def test_any_changed_bit_keeps_ccm_closed(self) -> None:
        crypto = self.crypto()
        sealed = crypto.ccm_seal(KEY, NONCE, b"head", b"plain", 4)
        for bit in range(8 * len(sealed)):
            changed = bytearray(sealed)
            changed[bit // 8] ^= 1 << bit % 8
            assert crypto.ccm_open(KEY, NONCE, b"head", bytes(changed), 4) is None
        assert crypto.ccm_open(KEY, NONCE, b"heaD", sealed, 4) is None
        assert crypto.ccm_open(KEY, NONCE[:-1] + b"\0", b"head", sealed, 4) is None
        assert crypto.ccm_open(IV + b"key.", NONCE, b"head", sealed, 4) is None
        assert crypto.ccm_open(KEY, NONCE, b"head", sealed[:3], 4) is None
        assert crypto.ccm_open(KEY, NONCE, b"head", b"", 4) is None

    def test_sizes_that_zigbee_does_not_use_are_refused(self) -> None:
        crypto = self.crypto()
        for key, nonce, tag_length, size in (
            (bytes(24), NONCE, 4, 0),
            (b"", NONCE, 4, 0),
            (KEY, IV, 4, 0),
            (KEY, NONCE + b"\0", 4, 0),
            (KEY, NONCE, 0, 0),
            (KEY, NONCE, 6, 0),
            (KEY, NONCE, 12, 0),
            (KEY, NONCE, 4, 65536),
        ):
            for act in (
                lambda: crypto.ccm_seal(key, nonce, b"", bytes(size), tag_length),
                lambda: crypto.ccm_open(key, nonce, b"", bytes(size + tag_length), tag_length),
            ):
                with pytest.raises(HalError) as caught:
                    act()
                assert caught.value.kind == BAD_KEY

    def test_the_public_key_of_known_private_keys(self) -> None:
        crypto = self.crypto()
        assert crypto.public_key(PRIVATE) == PUBLIC
        base = crypto.public_key((1).to_bytes(32, "big"))
        assert base[:32].hex() == "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
        last = crypto.public_key((P256_ORDER - 1).to_bytes(32, "big"))
        assert last[:32] == base[:32]
        assert int.from_bytes(last[32:], "big") + int.from_bytes(base[32:], "big") == PRIME

    def test_both_sides_agree_on_a_secret(self) -> None:
        crypto = self.crypto()
        entropy = SeededEntropy(3)
        own, other = crypto.new_private_key(entropy), crypto.new_private_key(entropy)
        for _ in range(3):  # a key met again is handled differently inside, not outside
            secret = crypto.ecdh(own, crypto.public_key(other))
            assert secret == crypto.ecdh(other, crypto.public_key(own))
            assert len(secret) == 32

    def test_extreme_scalars_agree_keys(self) -> None:
        crypto = self.crypto()
        one, last = (1).to_bytes(32, "big"), (P256_ORDER - 1).to_bytes(32, "big")
        for _ in range(3):
            assert crypto.ecdh(one, PUBLIC) == PUBLIC[:32] == crypto.ecdh(last, PUBLIC)
            twice = crypto.public_key((2).to_bytes(32, "big"))
            assert crypto.ecdh((2).to_bytes(32, "big"), crypto.public_key(one)) == twice[:32]

    def test_a_signature_verifies_and_only_for_its_message_and_key(self) -> None:
        crypto = self.crypto()
        signature = crypto.sign(PRIVATE, b"message")
        other = crypto.public_key((77).to_bytes(32, "big"))
        assert len(signature) == 64
        for _ in range(3):
            assert crypto.verify(PUBLIC, signature, b"message")
            assert not crypto.verify(PUBLIC, signature, b"Message")
            assert not crypto.verify(other, signature, b"message")

    def test_both_values_of_s_verify(self) -> None:
        # GBCS does not ask for the lower one.
        crypto = self.crypto()
        signature = crypto.sign(PRIVATE, b"message")
        mirrored = P256_ORDER - int.from_bytes(signature[32:], "big")
        assert crypto.verify(PUBLIC, signature[:32] + mirrored.to_bytes(32, "big"), b"message")

    def test_any_changed_bit_of_a_signature_is_noticed(self) -> None:
        crypto = self.crypto()
        signature = crypto.sign(PRIVATE, b"message")
        for bit in range(0, 512, 7):
            changed = bytearray(signature)
            changed[bit // 8] ^= 1 << bit % 8
            assert not crypto.verify(PUBLIC, bytes(changed), b"message")

    def test_signatures_out_of_range_are_refused(self) -> None:
        crypto = self.crypto()
        signature = crypto.sign(PRIVATE, b"message")
        r, s = signature[:32], signature[32:]
        order = P256_ORDER.to_bytes(32, "big")
        above = (P256_ORDER + 1).to_bytes(32, "big")
        for bad in (
            b"",
            r,
            signature[:-1],
            signature + b"\0",
            b"\0" + signature,
            bytes(64),
            bytes(32) + s,
            r + bytes(32),
            order + s,
            r + order,
            above + s,
            r + above,
            b"\xff" * 64,
        ):
            assert not crypto.verify(PUBLIC, bad, b"message")

    def test_a_key_off_the_curve_verifies_nothing_and_agrees_on_nothing(self) -> None:
        crypto = self.crypto()
        signature = crypto.sign(PRIVATE, b"message")
        for public in bad_points():
            for _ in range(2):
                assert not crypto.verify(public, signature, b"message")
                with pytest.raises(HalError) as caught:
                    crypto.ecdh(PRIVATE, public)
                assert caught.value.kind == BAD_KEY

    def test_a_private_key_out_of_range_does_nothing(self) -> None:
        crypto = self.crypto()
        for private in bad_privates():
            for act in (
                lambda: crypto.public_key(private),
                lambda: crypto.ecdh(private, PUBLIC),
                lambda: crypto.sign(private, b"message"),
            ):
                with pytest.raises(HalError) as caught:
                    act()
                assert caught.value.kind == BAD_KEY

    def test_equal_compares_every_octet_and_the_length(self) -> None:
        crypto = self.crypto()
        assert crypto.equal(b"", b"")
        assert crypto.equal(bytes(12), bytes(12))
        assert not crypto.equal(bytes(12), bytes(11))
        for index in range(12):
            assert not crypto.equal(bytes(12), bytes(index) + b"\x01" + bytes(11 - index))

    def test_a_new_private_key_comes_from_the_entropy_alone(self) -> None:
        crypto = self.crypto()
        first = crypto.new_private_key(SeededEntropy(1))
        assert first == crypto.new_private_key(SeededEntropy(1))
        assert first != crypto.new_private_key(SeededEntropy(2))
        assert len(crypto.public_key(first)) == 64

    def test_forgetting_private_keys_changes_no_answer(self) -> None:
        crypto = self.crypto()
        signature = crypto.sign(PRIVATE, b"message")
        crypto.forget()
        assert crypto.sign(PRIVATE, b"message") == signature
        assert crypto.public_key(PRIVATE) == PUBLIC

    def test_more_keys_than_any_cache_holds_are_all_served(self) -> None:
        crypto = self.crypto()
        pairs = [(number.to_bytes(32, "big"), b"%d" % number) for number in range(1, 14)]
        signed = [(crypto.public_key(private), crypto.sign(private, text), text) for private, text in pairs]
        for _ in range(3):
            for public, signature, text in signed:
                assert crypto.verify(public, signature, text)

    def test_the_backend_prints_no_key(self) -> None:
        crypto = self.crypto()
        crypto.sign(PRIVATE, b"message")
        assert PRIVATE.hex() not in repr(crypto)
        with pytest.raises(HalError) as caught:
            crypto.ecdh(PRIVATE, bytes(64))
        assert PRIVATE.hex() not in str(caught.value).lower()


class TestHostCrypto(CryptoConformance):
    def crypto(self) -> Crypto:
        return HostCrypto()

    def test_forget_leaves_no_private_key_behind(self) -> None:
        crypto = HostCrypto()
        crypto.sign(PRIVATE, b"message")
        assert "1 private" in repr(crypto)
        crypto.forget()
        assert "0 private" in repr(crypto)

    def test_its_caches_are_bounded(self) -> None:
        crypto = HostCrypto()
        for number in range(1, 400):
            public = crypto.public_key(number.to_bytes(32, "big"))
            assert not crypto.verify(public, b"\x01" * 64, b"message")
        assert repr(crypto) == "HostCrypto(256 public, 64 private keys prepared)"


class TestBoardCrypto(CryptoConformance):
    def crypto(self) -> Crypto:
        return BoardCrypto()


class TestBoardCryptoWithoutTables(CryptoConformance):
    def crypto(self) -> Crypto:
        return BoardCrypto(tables=0)


class TestBoardCryptoWithOneTable(CryptoConformance):
    def crypto(self) -> Crypto:
        return BoardCrypto(tables=1)


def test_all_backends_write_the_length_of_long_associated_data_alike() -> None:
    for size in (0xFEFF, 0xFF00, 0x10001):
        sealed = HostCrypto().ccm_seal(KEY, NONCE, bytes(size), b"plain", 4)
        assert BoardCrypto().ccm_seal(KEY, NONCE, bytes(size), b"plain", 4) == sealed
