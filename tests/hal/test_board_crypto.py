"""Known answers for the portable primitives: the same file runs on a board."""

from slotmeter.hal.board import soft_gcm, soft_p256
from slotmeter.hal.board.crypto import BoardCrypto
from slotmeter.hal.board.p256_table import BASE_COMB
from slotmeter.hal.board.soft_aes import SoftAes, cipher
from slotmeter.hal.errors import BAD_KEY, HalError


def h(text):
    return bytes.fromhex(text)


# RFC 6979, A.2.5.
PRIVATE = h("C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721")
PUBLIC = h(
    "60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6"
    "7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299"
)
SAMPLE = h(
    "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716"
    "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8"
)
TEST = h(
    "F1ABB023518351CD71D881567B1EA663ED3EFCF6C5132B354F28D3B0B7D38367"
    "019F4113742A2B14BD25926B49C649155F267E60D3814B4C0CC84250E46F0083"
)


def refused(act):
    try:
        act()
    except HalError as error:
        return error.kind == BAD_KEY
    return False


def test_aes_of_fips_197():
    # FIPS 197, appendix B and C.1.
    aes = SoftAes(h("2b7e151628aed2a6abf7158809cf4f3c"))
    assert aes.encrypt(h("3243f6a8885a308d313198a2e0370734")) == h("3925841d02dc09fbdc118597196a0b32")
    for aes in (SoftAes(bytes(range(16))), cipher(bytes(range(16)))):
        block = h("00112233445566778899aabbccddeeff")
        answer = h("69c4e0d86a7b0430d8cdb78070b4c55a")
        assert aes.encrypt(block) == answer
        assert aes.encrypt(block + block) == answer + answer
        assert aes.encrypt(b"") == b""


def test_aes_takes_whole_blocks_and_keys_of_16_octets_only():
    for act in (lambda: SoftAes(bytes(15)), lambda: SoftAes(bytes(16)).encrypt(bytes(17))):
        try:
            act()
        except ValueError:
            continue
        raise AssertionError("accepted")


def test_gcm_of_the_specification():
    # McGrew and Viega, The Galois/Counter Mode of Operation, test cases 1 to 4.
    crypto = BoardCrypto()
    zero = bytes(16)
    assert crypto.gmac(zero, bytes(12), b"") == h("58e2fccefa7e3061367f1d57a4e7455a")
    assert crypto.gcm_seal(zero, bytes(12), b"", zero, 16) == h(
        "0388dace60b6a392f328c2b971b2fe78ab6e47d42cec13bdf53a67b21257bddf"
    )
    key = h("feffe9928665731c6d6a8f9467308308")
    iv = h("cafebabefacedbaddecaf888")
    plain = h(
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
        "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255"
    )
    sealed = h(
        "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
        "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091473f5985"
    )
    assert crypto.gcm_seal(key, iv, b"", plain, 16) == sealed + h("4d5c2af327cd64a62cf35abd2ba6fab4")
    aad = h("feedfacedeadbeeffeedfacedeadbeefabaddad2")
    short = crypto.gcm_seal(key, iv, aad, plain[:60], 12)
    assert short == sealed[:60] + h("5bc94fbc3221a5db94fae95a")
    assert crypto.gcm_open(key, iv, aad, short, 12) == plain[:60]
    assert crypto.gcm_open(key, iv, aad, short[:-1] + b"\x5b", 12) is None


def test_the_key_stream_goes_on_over_the_pieces():
    aes = SoftAes(bytes(range(16)))
    iv = bytes(12)
    whole = soft_gcm.apply(aes, iv, bytes(1040))
    assert whole[1024:] == aes.encrypt(iv + (2 + 64).to_bytes(4, "big"))


def test_the_key_pair_of_rfc_6979():
    crypto = BoardCrypto()
    assert crypto.public_key(PRIVATE) == PUBLIC
    assert soft_p256.on_curve(PUBLIC)


def test_signatures_of_rfc_6979():
    crypto = BoardCrypto()
    assert crypto.sign(PRIVATE, b"sample") == SAMPLE
    assert crypto.sign(PRIVATE, b"test") == TEST


def test_a_signature_verifies_with_a_table_and_without():
    crypto = BoardCrypto()
    for _ in range(3):
        assert crypto.verify(PUBLIC, SAMPLE, b"sample")
        assert not crypto.verify(PUBLIC, SAMPLE, b"test")
        assert not crypto.verify(PUBLIC, SAMPLE[:32] + TEST[32:], b"sample")


def test_signatures_out_of_range_are_refused():
    crypto = BoardCrypto()
    order = soft_p256.N.to_bytes(32, "big")
    for bad in (b"", bytes(64), SAMPLE[:63], SAMPLE + b"\0", order + SAMPLE[32:], SAMPLE[:32] + order):
        assert not crypto.verify(PUBLIC, bad, b"sample")


def test_key_agreement_of_rfc_5903():
    # RFC 5903, 8.1.
    own = h("C88F01F510D9AC3F70A292DAA2316DE544E9AAB8AFE84049C62A9C57862D1433")
    other = h("C6EF9C5D78AE012A011164ACB397CE2088685D8F06BF9BE0B283AB46476BEE53")
    crypto = BoardCrypto()
    own_public = crypto.public_key(own)
    assert own_public[:32] == h("DAD0B65394221CF9B051E1FECA5787D098DFE637FC90B9EF945D0C3772581180")
    other_public = crypto.public_key(other)
    assert other_public[32:] == h("56FBF3CA366CC23E8157854C13C58D6AAC23F046ADA30F8353E74F33039872AB")
    secret = h("D6840F6B42F6EDAFD13116E0E12565202FEF8E9ECE7DCE03812464D04B9442DE")
    assert crypto.ecdh(own, other_public) == secret
    assert crypto.ecdh(other, own_public) == secret
    assert crypto.ecdh(own, other_public) == secret


def test_keys_that_are_none_are_refused():
    crypto = BoardCrypto()
    off = PUBLIC[:63] + b"\x98"
    for public in (b"", bytes(64), off, PUBLIC + b"\0", PUBLIC[32:] + PUBLIC[:32]):
        assert not crypto.verify(public, SAMPLE, b"sample")
        assert refused(lambda: crypto.ecdh(PRIVATE, public))
    for private in (b"", bytes(32), soft_p256.N.to_bytes(32, "big"), PRIVATE + b"\0"):
        assert refused(lambda: crypto.public_key(private))
        assert refused(lambda: crypto.sign(private, b""))
        assert refused(lambda: crypto.ecdh(private, PUBLIC))


def test_the_inverse_is_one():
    for modulus in (soft_p256.P, soft_p256.N):
        for value in (1, 2, 3, modulus - 1, modulus + 2, -2, 12345678901234567890123):
            assert soft_p256.inverse(value, modulus) * value % modulus == 1
        for value in (0, modulus):
            try:
                soft_p256.inverse(value, modulus)
            except ValueError:
                continue
            raise AssertionError("accepted")


def test_the_table_of_the_base_point_is_the_one_that_would_be_computed():
    assert soft_p256.comb_table(BASE_COMB[:64]) == BASE_COMB


def test_infinity_met_on_the_way_does_no_harm():
    # With the base point as the other key, the two halves of a verification can meet or cancel.
    crypto = BoardCrypto(tables=1)
    base = BASE_COMB[:64]
    for scalar in (1, 2, 3, soft_p256.N - 1):
        private = scalar.to_bytes(32, "big")
        public = crypto.public_key(private)
        signature = crypto.sign(private, b"m")
        for _ in range(3):
            assert crypto.verify(public, signature, b"m")
            assert crypto.ecdh(private, base) == public[:32]


def test_ccm_of_rfc_3610_and_of_the_zigbee_specification():
    crypto = BoardCrypto()
    key = h("c0c1c2c3c4c5c6c7c8c9cacbcccdcecf")
    aad = h("0001020304050607")
    plain = bytes(range(8, 0x1F))
    # RFC 3610, section 8, packet vector 1.
    sealed = h("588c979a61c663d2f066d0c2c0f989806d5f6b61dac38417e8d12cfdf926e0")
    assert crypto.ccm_seal(key, h("00000003020100a0a1a2a3a4a5"), aad, plain, 8) == sealed
    # ZigBee specification, annex C.3.
    nonce = h("a0a1a2a3a4a5a6a70302010006")
    sealed = h("1a55a36abb6c610d066b3375649cef10d4664ecad854a80a895cc1d8ff9469")
    assert crypto.ccm_seal(key, nonce, aad, plain, 8) == sealed
    assert crypto.ccm_open(key, nonce, aad, sealed, 8) == plain
    assert crypto.ccm_open(key, nonce, aad, sealed[:-1] + b"\x68", 8) is None
    assert crypto.aes(key, aad + aad) == cipher(key).encrypt(aad + aad)
    assert refused(lambda: crypto.ccm_seal(key, nonce, aad, plain, 12))
