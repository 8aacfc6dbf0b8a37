"""Install codes as people write them, and what is said about wrong ones."""

from slotmeter.hal.board.crypto import BoardCrypto
from slotmeter.zigbee_han import install_code
from slotmeter.zigbee_han.errors import DecodeError
from slotmeter.zigbee_han.mmo import mmo

CRYPTO = BoardCrypto()


def refusal(act):
    """(reason, offset), or None when nothing was refused."""
    try:
        act()
    except DecodeError as error:
        return error.reason, error.offset
    return None


def test_the_crc_is_the_one_of_the_catalogue():
    # The check value of CRC-16/IBM-SDLC, alias X-25, in the Catalogue of parametrised CRC algorithms (G. Cook).
    assert install_code.crc16_x25(b"123456789") == 0x906E
    assert install_code.crc16_x25(b"") == 0


def test_codes_of_all_four_sizes_are_taken_in_any_way_of_writing():
    for size in (6, 8, 12, 16):
        code = bytes([17 * index + size & 255 for index in range(size)])
        whole = install_code.with_crc(code)
        assert len(whole) == size + 2
        crc = install_code.crc16_x25(code)
        assert whole[size:] == bytes((crc & 255, crc >> 8))
        assert install_code.check(whole) == whole
        shown = install_code.text_of(whole)
        assert len(shown) == 2 * len(whole) + (len(whole) + 1) // 2 - 1
        for text in (shown, shown.lower(), shown.replace(" ", "-"), shown.replace(" ", ""), " " + shown + "\t"):
            assert install_code.parse(text) == whole
        assert install_code.link_key(CRYPTO, whole) == mmo(CRYPTO, whole)


def test_each_wrong_code_is_told_what_is_wrong_with_it():
    whole = install_code.with_crc(bytes(range(16)))
    text = install_code.text_of(whole)
    wrong = "the install code and its CRC do not belong together"
    assert refusal(lambda: install_code.parse(text[:-1] + "0")) == (wrong, 16)
    assert refusal(lambda: install_code.parse("1" + text[1:])) == (wrong, 16)
    assert refusal(lambda: install_code.parse(text[:5] + "O" + text[6:])) == (
        "an install code is hexadecimal, which 'O' is not",
        5,
    )
    assert refusal(lambda: install_code.parse(text[:-1])) == ("an odd number of hexadecimal digits (35)", 43)
    reason = "an install code with its CRC has 8, 10, 14 or 18 octets, not "
    assert refusal(lambda: install_code.parse("")) == (reason + "0", 0)
    assert refusal(lambda: install_code.parse(text + "00")) == (reason + "19", 19)
    missing = refusal(lambda: install_code.parse(text[:-5]))
    assert missing == (reason + "16: the CRC seems to be missing", 16)
    assert refusal(lambda: install_code.with_crc(bytes(7))) == ("an install code has 6, 8, 12 or 16 octets, not 7", 7)


def test_no_refusal_tells_the_crc_that_would_do():
    whole = install_code.with_crc(bytes(range(16)))
    reason = refusal(lambda: install_code.check(whole[:-2] + b"\0\0"))[0]
    assert whole[-2:].hex() not in reason.lower()


def test_any_changed_bit_is_noticed():
    whole = install_code.with_crc(b"slotmeter..!")
    for bit in range(8 * len(whole)):
        changed = bytearray(whole)
        changed[bit // 8] ^= 1 << bit % 8
        assert refusal(lambda: install_code.check(bytes(changed))) is not None


def test_sixteen_octets_are_a_code_without_its_crc_or_the_key_itself():
    octets = bytes(range(16))
    assert install_code.link_key_of_16(CRYPTO, octets, True) == octets
    made = install_code.link_key(CRYPTO, install_code.with_crc(octets))
    assert install_code.link_key_of_16(CRYPTO, octets, False) == made
    assert made != octets
    for size in (0, 6, 15, 17, 18):
        assert refusal(lambda: install_code.link_key_of_16(CRYPTO, bytes(size), False)) is not None
        assert refusal(lambda: install_code.link_key_of_16(CRYPTO, bytes(size), True)) is not None
