"""The hash against a second description of it, block by block."""

from slotmeter.hal.board.crypto import BoardCrypto
from slotmeter.zigbee_han.errors import EncodeError
from slotmeter.zigbee_han.mmo import hmac_mmo, key_load_key, key_transport_key, mmo

CRYPTO = BoardCrypto()


def chained(blocks):
    """The hash of whole blocks that are padded already, with nothing but AES and exclusive or."""
    state = bytes(16)
    for start in range(0, len(blocks), 16):
        block = blocks[start : start + 16]
        out = CRYPTO.aes(state, block)
        state = bytes([out[place] ^ block[place] for place in range(16)])
    return state


def test_a_short_message_ends_with_a_one_bit_and_its_length_in_two_octets():
    assert mmo(CRYPTO, b"") == chained(b"\x80" + bytes(15))
    assert mmo(CRYPTO, b"abc") == chained(b"abc\x80" + bytes(10) + b"\x00\x18")
    assert mmo(CRYPTO, bytes(13)) == chained(bytes(13) + b"\x80\x00\x68")
    assert mmo(CRYPTO, bytes(14)) == chained(bytes(14) + b"\x80\x00" + bytes(14) + b"\x00\x70")
    assert mmo(CRYPTO, bytes(16)) == chained(bytes(16) + b"\x80" + bytes(13) + b"\x00\x80")
    assert mmo(CRYPTO, bytes(8191)) == chained(bytes(8191) + b"\x80" + bytes(14) + b"\xff\xf8")


def test_a_message_of_2_to_the_16_bits_has_its_length_in_four_octets_and_two_zero_octets_after():
    assert mmo(CRYPTO, bytes(8192)) == chained(bytes(8192) + b"\x80" + bytes(9) + b"\x00\x01\x00\x00" + bytes(2))
    assert mmo(CRYPTO, bytes(8201)) == chained(bytes(8201) + b"\x80" + b"\x00\x01\x00\x48" + bytes(2))
    whole = bytes(8202) + b"\x80" + bytes(15) + b"\x00\x01\x00\x50" + bytes(2)
    assert mmo(CRYPTO, bytes(8202)) == chained(whole)


def test_a_message_whose_length_cannot_be_said_is_refused():
    class Endless:
        def __len__(self):
            return 1 << 29

    try:
        mmo(CRYPTO, Endless())
    except EncodeError:
        return
    raise AssertionError("accepted")


def test_hmac_is_the_hash_of_a_hash_and_hashes_a_longer_key():
    key = bytes(range(64, 80))
    inner = bytes([octet ^ 0x36 for octet in key])
    outer = bytes([octet ^ 0x5C for octet in key])
    expected = mmo(CRYPTO, outer + mmo(CRYPTO, inner + b"text"))
    assert hmac_mmo(CRYPTO, key, b"text") == expected
    assert hmac_mmo(CRYPTO, key[:5], b"text") == hmac_mmo(CRYPTO, key[:5] + bytes(11), b"text")
    assert hmac_mmo(CRYPTO, key + b"!", b"text") == hmac_mmo(CRYPTO, mmo(CRYPTO, key + b"!"), b"text")


def test_a_key_for_transport_and_one_for_load_come_of_a_link_key():
    key = bytes(range(16))
    assert key_transport_key(CRYPTO, key) == hmac_mmo(CRYPTO, key, b"\x00")
    assert key_load_key(CRYPTO, key) == hmac_mmo(CRYPTO, key, b"\x02")
