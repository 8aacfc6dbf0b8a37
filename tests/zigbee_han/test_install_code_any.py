"""Install codes of all kinds: what is made is taken, and whatever is taken was made so."""

import binascii

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slotmeter.hal.board.crypto import BoardCrypto
from slotmeter.hal.host.crypto import HostCrypto
from slotmeter.zigbee_han import install_code
from slotmeter.zigbee_han.errors import DecodeError
from slotmeter.zigbee_han.mmo import hmac_mmo, mmo

codes = st.sampled_from(install_code.SIZES).flatmap(lambda size: st.binary(min_size=size, max_size=size))


@given(
    code=codes,
    separator=st.sampled_from(("", " ", "-", ":", "_", " - ")),
    group=st.integers(1, 9),
    upper=st.booleans(),
)
def test_any_way_of_writing_a_code_is_read(code, separator, group, upper):
    whole = install_code.with_crc(code)
    digits = whole.hex().upper() if upper else whole.hex()
    text = separator.join(digits[start : start + group] for start in range(0, len(digits), group))
    assert install_code.parse(text) == whole
    assert install_code.link_key(HostCrypto(), whole) == install_code.link_key(BoardCrypto(), whole)


@given(text=st.text(max_size=60) | st.text("0123456789abcdefABCDEFxX -", max_size=60))
def test_any_text_is_a_code_or_refused_at_a_place_in_it(text):
    try:
        whole = install_code.parse(text)
    except DecodeError as error:
        assert 0 <= error.offset <= len(text)
        return
    assert install_code.check(whole) == whole


@given(data=st.binary(max_size=20))
def test_any_octets_are_a_code_with_its_crc_or_refused(data):
    try:
        whole = install_code.check(data)
    except DecodeError:
        return
    assert install_code.with_crc(whole[:-2]) == whole


@given(data=st.binary(max_size=64))
def test_the_crc_is_that_of_a_second_description(data):
    # CRC-16/X-25 is CCITT's polynomial with every octet and the result turned round: binascii knows the plain one.
    turned = bytes(int(f"{octet:08b}"[::-1], 2) for octet in data)
    crc = binascii.crc_hqx(turned, 0xFFFF)
    assert install_code.crc16_x25(data) == int(f"{crc:016b}"[::-1], 2) ^ 0xFFFF


@given(data=st.binary(max_size=200), key=st.binary(max_size=40))
def test_hashes_do_not_depend_on_the_backend(data, key):
    assert mmo(HostCrypto(), data) == mmo(BoardCrypto(), data)
    assert hmac_mmo(HostCrypto(), key, data) == hmac_mmo(BoardCrypto(), key, data)


@pytest.mark.parametrize("text", ["83FE", "00" * 9, "00" * 17, "00" * 19])
def test_a_length_that_no_code_has_is_said(text):
    with pytest.raises(DecodeError, match="has 8, 10, 14 or 18 octets, not %d" % (len(text) // 2)):
        install_code.parse(text)
