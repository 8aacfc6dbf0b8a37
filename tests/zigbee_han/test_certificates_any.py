"""Certificates of all kinds: what is issued is read, and whatever is read was built so."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slotmeter.hal.host.crypto import HostCrypto
from slotmeter.hal.virtual.entropy import SeededEntropy
from slotmeter.zigbee_han import certificates
from slotmeter.zigbee_han.certificates import SUITE_1, SUITES, Authority, curve_of
from slotmeter.zigbee_han.errors import DecodeError

CRYPTO = HostCrypto()
AUTHORITIES = {
    suite: Authority(CRYPTO, suite, curve_of(suite).private_key(bytes(range(44))), b"BENCH CA") for suite in SUITES
}
names = st.binary(min_size=8, max_size=8)


@pytest.mark.parametrize("suite", SUITES)
def test_a_changed_octet_anywhere_gives_another_public_key_or_none(suite):
    authority = AUTHORITIES[suite]
    octets, private = authority.issue(SeededEntropy(7), b"\x02SLOT\x10\x00\x01")
    for place in range(len(octets)):
        changed = bytearray(octets)
        changed[place] ^= 0x10
        try:
            one = certificates.parse(suite, bytes(changed))
        except DecodeError:
            continue
        assert not certificates.belongs(CRYPTO, one, private, authority.public)


@settings(deadline=None, max_examples=30)
@given(
    suite=st.sampled_from(SUITES),
    subject=names,
    seed=st.integers(0, 1 << 40),
    valid_from=st.integers(0, (1 << 40) - 1),
)
def test_whatever_is_issued_belongs_to_its_key(suite, subject, seed, valid_from):
    authority = AUTHORITIES[suite]
    octets, private = authority.issue(SeededEntropy(seed), subject, valid_from)
    one = certificates.parse(suite, octets)
    one.check_subject(subject)
    assert one.valid_from == (0 if suite == SUITE_1 else valid_from)
    assert certificates.belongs(CRYPTO, one, private, authority.public)


@given(
    suite=st.sampled_from(SUITES),
    data=st.binary(max_size=80) | st.binary(min_size=48, max_size=48) | st.binary(min_size=74, max_size=74),
    fixed=st.booleans(),
)
def test_any_octets_are_a_certificate_or_refused_at_a_place_in_them(suite, data, fixed):
    if fixed and len(data) == 48:
        data = data[:38] + b"\x01\x09" + data[40:]
    if fixed and len(data) == 74:
        data = b"\0" + data[1:9] + b"\x0d\x08" + data[11:36] + b"\x08" + data[37:]
    try:
        one = certificates.parse(suite, data)
    except DecodeError as error:
        assert 0 <= error.offset <= len(data)
        return
    if suite == SUITE_1:
        assert certificates.build_1(one.point, one.subject, one.issuer, one.attributes) == data
    else:
        built = certificates.build_2(
            one.point, one.subject, one.issuer, one.serial, one.valid_from, one.validity, one.usage
        )
        assert built == data
