"""The device's own certificates."""

import pytest

from slotmeter.dlms.errors import DecodeError
from slotmeter.dlms.gbcs.asn1_request import Request
from slotmeter.dlms.gbcs.own_certificates import OwnCertificates
from slotmeter.dlms.gbcs.roles import DIGITAL_SIGNATURE, KEY_AGREEMENT
from slotmeter.hal.errors import UNAVAILABLE, HalError
from slotmeter.hal.virtual.entropy import SeededEntropy


class Broken:
    """A port whose hardware is not there, for everything that is asked of it."""

    def __init__(self, port, *names):
        self._port = port
        self._names = names

    def __getattr__(self, name):
        if name in self._names:
            raise HalError(UNAVAILABLE, "nothing answers")
        return getattr(self._port, name)


CS02C, CS02D, CS02E = 0x000A, 0x000B, 0x000C


def _usage(bench, flags):
    return bench.der(0x30, bench.usage_bits(flags))


@pytest.mark.parametrize("usage", [DIGITAL_SIGNATURE, KEY_AGREEMENT])
def test_a_new_key_is_used_when_its_certificate_comes(bench, usage):
    own = bench.give_own_keys()
    outcome = bench.send(CS02C, _usage(bench, usage))
    assert not outcome.failed
    public, private = bench.keys.pending(usage)
    assert bench.crypto.public_key(private) == public
    assert public in outcome.payload
    assert bench.keys.private(usage) == own[usage].private
    bench.secrets.z(bench.issuer.public)
    new = bench.pki.certify(usage, bench.issuer, device=bench.device, private=private)
    outcome = bench.send(CS02D, new.certificate)
    assert outcome.payload == b"\x02\x01\x00"
    assert outcome.events == ((0x8F4D,) if usage == DIGITAL_SIGNATURE else (0x8F4F,))
    assert bench.keys.private(usage) == private
    assert bench.keys.pending(usage) is None
    assert repr(bench.secrets) == "Secrets(0 held)"
    assert bench.send(CS02E, _usage(bench, usage)).payload == new.certificate
    assert bench.send(CS02D, new.certificate).payload == b"\x02\x01\x04"


def test_a_second_request_replaces_the_first(bench):
    bench.send(CS02C, _usage(bench, DIGITAL_SIGNATURE))
    first, private = bench.keys.pending(DIGITAL_SIGNATURE)
    bench.send(CS02C, _usage(bench, DIGITAL_SIGNATURE))
    assert bench.keys.pending(DIGITAL_SIGNATURE)[0] != first
    late = bench.pki.certify(DIGITAL_SIGNATURE, bench.issuer, device=bench.device, private=private)
    outcome = bench.send(CS02D, late.certificate)
    assert (outcome.payload, outcome.events) == (b"\x02\x01\x05", (0x8F4C,))


def test_usages_without_a_key_pair_are_invalid(bench):
    for code in (CS02C, CS02E):
        for flags in (0x04, 0x40, DIGITAL_SIGNATURE | KEY_AGREEMENT):
            outcome = bench.send(code, _usage(bench, flags))
            assert (outcome.payload, outcome.failed) == (b"\x02\x01\x01", True)


def test_no_certificate_is_said_so(bench):
    assert bench.send(CS02E, _usage(bench, KEY_AGREEMENT)).payload == b"\x02\x01\x02"


def test_certificates_are_judged_in_the_order_of_the_codes(bench):
    other = bytes(7) + b"\x01"
    private = bench.crypto.new_private_key(bench.pki._entropy)
    cases = (
        (b"", 1),
        (b"\x30\x00", 1),
        (bench.pki.certify(DIGITAL_SIGNATURE, bench.issuer, 2, other).certificate, 2),
        (bench.pki.certify(0x40, bench.issuer, device=other).certificate, 2),
        (bench.pki.certify(0x40, bench.issuer, device=bench.device).certificate, 3),
        (bench.pki.certify(0x88, bench.issuer, device=bench.device).certificate, 3),
        (bench.pki.certify(DIGITAL_SIGNATURE, bench.issuer, device=bench.device).certificate, 4),
    )
    for certificate, code in cases:
        assert bench.send(CS02D, certificate).payload == bytes((2, 1, code))
    bench.keys.set_pending(DIGITAL_SIGNATURE, bench.crypto.public_key(private), private)
    wrong = bench.pki.certify(DIGITAL_SIGNATURE, bench.issuer, device=bench.device)
    assert bench.send(CS02D, wrong.certificate).payload == b"\x02\x01\x05"
    right = bench.pki.certify(DIGITAL_SIGNATURE, bench.issuer, device=bench.device, private=private)
    assert bench.send(CS02D, right.certificate + b"\0").payload == b"\x02\x01\x01"
    assert bench.send(CS02D, right.certificate).payload == b"\x02\x01\x00"


def test_with_half_a_pair_the_key_in_use_stays(bench):
    own = bench.give_own_keys()
    new = bench.pki.certify(DIGITAL_SIGNATURE, bench.issuer, device=bench.device)
    bench.keys.set_pending(DIGITAL_SIGNATURE, new.public, b"")
    assert bench.send(CS02D, new.certificate).payload == b"\x02\x01\x00"
    assert bench.keys.private(DIGITAL_SIGNATURE) == own[DIGITAL_SIGNATURE].private
    assert bench.keys.certificate(DIGITAL_SIGNATURE) == new.certificate


def test_faults_of_the_bench_change_nothing(bench):
    bench.give_own_keys()
    bench.send(CS02C, _usage(bench, DIGITAL_SIGNATURE))
    _, private = bench.keys.pending(DIGITAL_SIGNATURE)
    new = bench.pki.certify(DIGITAL_SIGNATURE, bench.issuer, device=bench.device, private=private)
    before = bench.records.digest(bench.crypto)
    for code, payload, result in (
        (CS02C, _usage(bench, DIGITAL_SIGNATURE), 3),
        (CS02D, new.certificate, 6),
        (CS02E, _usage(bench, DIGITAL_SIGNATURE), 3),
    ):
        assert bench.send(code, payload, fault=(0, None), counter=0).payload == bytes((2, 1, result))
        assert bench.send(code, payload, fault=(0, 2), counter=0).payload == b"\x02\x01\x02"
    assert bench.records.digest(bench.crypto) == before


def test_hardware_that_fails_leaves_no_key_behind(bench):
    for crypto, certificates, code in (
        (Broken(bench.crypto, "public_key"), bench.certificates, 2),
        (bench.crypto, Broken(bench.certificates, "request"), 3),
    ):
        own = OwnCertificates(bench.keys, bench.secrets, crypto, certificates, SeededEntropy(1), bench.device)
        outcome = own.issue(Request(CS02C, _usage(bench, DIGITAL_SIGNATURE), 1, bytes(8), 2, 0))
        assert outcome.payload == bytes((2, 1, code))
        assert bench.keys.pending(DIGITAL_SIGNATURE) is None


def test_malformed_payloads_are_refused(bench):
    good = _usage(bench, DIGITAL_SIGNATURE)
    wrong = [good[:size] for size in range(len(good))] + [good + b"\0", b"\x30\x06" + good[2:] + b"\x05\x00"]
    for code in (CS02C, CS02E):
        for payload in wrong:
            with pytest.raises(DecodeError):
                bench.send(code, payload)


def test_another_message_code_is_no_use_case_of_these(bench):
    with pytest.raises(DecodeError):
        bench.send(0x00AB, b"")
    assert bench.credentials.codes()[:3] == [0x0008, 0x000A, 0x000B]
