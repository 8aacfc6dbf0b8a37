"""Three implementations, one answer: cryptography, the portable code, and pycryptodome as a stranger to both."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slotmeter.hal.board.crypto import BoardCrypto
from slotmeter.hal.crypto import P256_ORDER
from slotmeter.hal.host.crypto import HostCrypto

pytest.importorskip("Crypto", reason="pycryptodome is not installed; pip install pycryptodome")

from Crypto.Cipher import AES
from Crypto.Hash import SHA256
from Crypto.Protocol.DH import key_agreement
from Crypto.PublicKey import ECC
from Crypto.Signature import DSS

HOST = HostCrypto()
BOARD = BoardCrypto()

keys = st.binary(min_size=16, max_size=16)
ivs = st.binary(min_size=12, max_size=12)
texts = st.binary(max_size=100)
# Scalars near the ends and with long runs of equal bits are where carries hide.
scalars = st.one_of(
    st.integers(1, P256_ORDER - 1),
    st.integers(1, 200),
    st.integers(1, 200).map(lambda number: P256_ORDER - number),
    st.builds(lambda high, low: (1 << high) - (1 << min(high - 1, low)), st.integers(1, 255), st.integers(0, 255)),
    st.integers(0, 255).map(lambda bit: 1 << bit),
).map(lambda number: number.to_bytes(32, "big"))


def third_key(private: bytes) -> "ECC.EccKey":
    return ECC.construct(curve="P-256", d=int.from_bytes(private, "big"))


def third_public(public: bytes) -> "ECC.EccKey":
    return ECC.construct(
        curve="P-256", point_x=int.from_bytes(public[:32], "big"), point_y=int.from_bytes(public[32:], "big")
    )


@settings(max_examples=200, deadline=None)
@given(keys, ivs, texts, st.binary(max_size=1200), st.integers(12, 16))
def test_all_seal_alike_and_open_each_others(key: bytes, iv: bytes, aad: bytes, plain: bytes, tag_length: int) -> None:
    third = AES.new(key, AES.MODE_GCM, nonce=iv, mac_len=tag_length)
    third.update(aad)
    ciphertext, tag = third.encrypt_and_digest(plain)
    sealed = HOST.gcm_seal(key, iv, aad, plain, tag_length)
    assert sealed == BOARD.gcm_seal(key, iv, aad, plain, tag_length) == ciphertext + tag
    assert HOST.gcm_open(key, iv, aad, sealed, tag_length) == plain
    assert BOARD.gcm_open(key, iv, aad, sealed, tag_length) == plain
    assert HOST.gmac(key, iv, aad) == BOARD.gmac(key, iv, aad)


@settings(max_examples=200, deadline=None)
@given(keys, st.binary(min_size=13, max_size=13), texts, st.binary(max_size=1200), st.sampled_from((4, 8, 16)))
def test_all_seal_ccm_alike_and_open_each_others(
    key: bytes, nonce: bytes, aad: bytes, plain: bytes, tag_length: int
) -> None:
    third = AES.new(key, AES.MODE_CCM, nonce=nonce, mac_len=tag_length)
    third.update(aad)
    ciphertext, tag = third.encrypt_and_digest(plain)
    sealed = HOST.ccm_seal(key, nonce, aad, plain, tag_length)
    assert sealed == BOARD.ccm_seal(key, nonce, aad, plain, tag_length) == ciphertext + tag
    assert HOST.ccm_open(key, nonce, aad, sealed, tag_length) == plain
    assert BOARD.ccm_open(key, nonce, aad, sealed, tag_length) == plain


@settings(max_examples=100, deadline=None)
@given(keys, st.binary(min_size=13, max_size=13), texts, st.binary(max_size=80), st.integers(0, 10**6))
def test_none_opens_ccm_that_was_changed(key: bytes, nonce: bytes, aad: bytes, plain: bytes, place: int) -> None:
    # With a tag of eight octets, chance opens one of 2^64; with ZigBee's four it would one day.
    sealed = bytearray(HOST.ccm_seal(key, nonce, aad, plain, 8))
    bit = place % (8 * len(sealed))
    sealed[bit // 8] ^= 1 << bit % 8
    assert HOST.ccm_open(key, nonce, aad, bytes(sealed), 8) is None
    assert BOARD.ccm_open(key, nonce, aad, bytes(sealed), 8) is None


@settings(max_examples=200, deadline=None)
@given(keys, keys)
def test_all_encipher_a_block_alike(key: bytes, block: bytes) -> None:
    assert HOST.aes(key, block) == BOARD.aes(key, block) == AES.new(key, AES.MODE_ECB).encrypt(block)


@settings(max_examples=100, deadline=None)
@given(keys, ivs, texts, st.binary(min_size=1, max_size=80), st.integers(0, 10**6))
def test_none_opens_what_was_changed(key: bytes, iv: bytes, aad: bytes, plain: bytes, place: int) -> None:
    sealed = bytearray(HOST.gcm_seal(key, iv, aad, plain, 12))
    bit = place % (8 * len(sealed))
    sealed[bit // 8] ^= 1 << bit % 8
    assert HOST.gcm_open(key, iv, aad, bytes(sealed), 12) is None
    assert BOARD.gcm_open(key, iv, aad, bytes(sealed), 12) is None


@settings(max_examples=100, deadline=None)
@given(scalars, scalars)
def test_all_agree_on_keys_and_secrets(own: bytes, other: bytes) -> None:
    third = third_key(own)
    own_public = int(third.pointQ.x).to_bytes(32, "big") + int(third.pointQ.y).to_bytes(32, "big")
    assert HOST.public_key(own) == BOARD.public_key(own) == own_public
    other_public = HOST.public_key(other)
    secret = key_agreement(static_priv=third, static_pub=third_public(other_public), kdf=lambda z: z)
    for _ in range(3):
        assert BOARD.ecdh(own, other_public) == secret
    assert HOST.ecdh(own, other_public) == secret


@settings(max_examples=100, deadline=None)
@given(scalars, texts)
def test_each_verifies_what_the_others_signed(private: bytes, message: bytes) -> None:
    third = third_key(private)
    public = HOST.public_key(private)
    signature = DSS.new(third, "deterministic-rfc6979").sign(SHA256.new(message))
    # All three take the nonce of RFC 6979, so there is one signature.
    assert HOST.sign(private, message) == BOARD.sign(private, message) == signature
    assert HOST.verify(public, signature, message)
    for _ in range(3):
        assert BOARD.verify(public, signature, message)
    DSS.new(third_public(public), "fips-186-3").verify(SHA256.new(message), signature)


@settings(max_examples=100, deadline=None)
@given(scalars, texts, st.integers(0, 511))
def test_none_verifies_what_was_changed(private: bytes, message: bytes, bit: int) -> None:
    public = HOST.public_key(private)
    signature = bytearray(HOST.sign(private, message))
    signature[bit // 8] ^= 1 << bit % 8
    for _ in range(2):
        assert not HOST.verify(public, bytes(signature), message)
        assert not BOARD.verify(public, bytes(signature), message)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=70), st.binary(max_size=70), texts)
def test_random_octets_as_key_and_signature_get_the_same_answer(
    public: bytes, signature: bytes, message: bytes
) -> None:
    assert HOST.verify(public, signature, message) is False
    assert BOARD.verify(public, signature, message) is False
