"""Key derivation, MAC and encrypted attributes against one example made by the independent builder, and damaged."""

from slotmeter.dlms.gbcs import keys
from slotmeter.hal.board.crypto import BoardCrypto

SUPPLIER = bytes.fromhex("0090b3d51f310001")
METER = bytes.fromhex("0000db1234500001")
Z = bytes([i for i in range(32)])
COUNTER = (5001).to_bytes(8, "big")
BODY = bytes.fromhex("df0901" + COUNTER.hex() + "08" + SUPPLIER.hex() + "08" + METER.hex() + "0002002702d92000")
KEY = "4ce103dafcfab9128c2dbccabca6a949"
MAC = "ac7b027989bdefedc582e640"
PLAINTEXT = b"\x02\x01\x06\x00\x00\x03\xe8"
SEALED = "310000000078ddac6974a2fb0e40812b786242d9719274e5"


def test_other_information_is_what_the_grouping_header_holds():
    info = keys.other_info(SUPPLIER, 1, COUNTER, METER)
    assert info.hex() == "60857406080300" + SUPPLIER.hex() + "0901" + COUNTER.hex() + METER.hex()
    assert len(info) == 33


def test_a_key_is_derived_as_the_standard_says():
    assert keys.derive(BoardCrypto(), Z, keys.other_info(SUPPLIER, 1, COUNTER, METER)).hex() == KEY


def test_a_mac_covers_every_octet():
    crypto = BoardCrypto()
    assert keys.mac(crypto, Z, BODY).hex() == MAC
    for place in (2, 10, 12, 28, 33, len(BODY) - 1):
        damaged = bytearray(BODY)
        damaged[place] ^= 1
        assert keys.mac(crypto, Z, bytes(damaged)).hex() != MAC, place


def test_an_attribute_is_encrypted_as_the_standard_says():
    assert keys.seal(BoardCrypto(), Z, METER, COUNTER, SUPPLIER, PLAINTEXT).hex() == SEALED
    assert keys.unseal(BoardCrypto(), Z, METER, COUNTER, SUPPLIER, bytes.fromhex(SEALED)) == PLAINTEXT


def test_what_is_not_authentic_is_not_decrypted():
    crypto = BoardCrypto()
    sealed = bytes.fromhex(SEALED)
    for place in range(len(sealed)):
        damaged = bytearray(sealed)
        damaged[place] ^= 1
        assert keys.unseal(crypto, Z, METER, COUNTER, SUPPLIER, bytes(damaged)) is None, place
    for size in range(len(sealed)):
        assert keys.unseal(crypto, Z, METER, COUNTER, SUPPLIER, sealed[:size]) is None, size
    assert keys.unseal(crypto, Z, METER, COUNTER, METER, sealed) is None
    assert keys.unseal(crypto, Z, METER, b"\x00" * 8, SUPPLIER, sealed) is None
    assert keys.unseal(crypto, b"\x00" * 32, METER, COUNTER, SUPPLIER, sealed) is None
