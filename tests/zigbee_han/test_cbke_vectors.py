"""Every value of the worked examples of Smart Energy, annexes C.5 and C.6, in both directions."""

import pytest

from slotmeter.hal.board.crypto import BoardCrypto
from slotmeter.hal.entropy import Entropy
from slotmeter.hal.host.crypto import HostCrypto
from slotmeter.zigbee_han import agreement, certificates, install_code, mmo
from slotmeter.zigbee_han.agreement import CurveWork, Identity
from slotmeter.zigbee_han.certificates import SUITE_1, SUITE_2, Authority, curve_of
from slotmeter.zigbee_han.curves import SECT163K1, SECT283K1
from slotmeter.zigbee_han.key_establishment import KeyCommand, KeyExchange

EXAMPLES = [("suite1_annexC5", SUITE_1), ("suite2_annexC6", SUITE_2)]
SIDES = [("initiator", "responder"), ("responder", "initiator")]
CRYPTO = HostCrypto()
h = bytes.fromhex


@pytest.fixture(params=EXAMPLES, ids=["suite 1", "suite 2"])
def example(request, cbke):
    """(values, suite)"""
    name, suite = request.param
    return cbke[name], suite


class OneScalar(Entropy):
    """Random octets of which exactly `scalar` is made."""

    def __init__(self, suite, scalar):
        self.curve = curve_of(suite)
        self.scalar = scalar

    def random(self, count):
        # private_key adds one to a remainder modulo n - 1; the examples' scalars of suite 2 are larger than n.
        return (self.scalar % self.curve.n - 1).to_bytes(count, "big")


def identity(values, suite, side):
    return Identity(suite, h(values[side]["certificate"]), h(values[side]["private_key"]), h(values["ca_public_key"]))


def test_the_curves_are_those_of_the_examples(cbke):
    for curve in (SECT163K1, SECT283K1):
        values = cbke["curves"][curve.name]
        assert (curve.m, curve.a, curve.h) == (values["m"], values["a"], values["h"])
        assert curve.base == (int(values["gx"], 16), int(values["gy"], 16))
        assert curve.n == int(values["n"], 16)
        # x^m = 1 + x^.. + ..: the square of x^((m + 1) / 2) is x times that.
        reduced = sum(1 << tap + 1 for tap in values["taps"])
        assert curve.square(1 << (curve.m + 1) // 2) == reduced


def test_private_and_ephemeral_keys_give_the_public_ones(example):
    values, suite = example
    curve = curve_of(suite)
    for side in ("initiator", "responder"):
        one = values[side]
        assert curve.public_key(h(one["private_key"])).hex() == one["public_key"]
        point = curve.multiply(int(one["ephemeral_private"], 16), curve.base)
        assert curve.compress(point).hex() == one["ephemeral_public"]
        assert curve.compress(curve.decompress(h(one["ephemeral_public"]))).hex() == one["ephemeral_public"]


def test_certificates_are_read_and_give_the_public_keys(example):
    values, suite = example
    for side in ("initiator", "responder"):
        one = values[side]
        certificate = certificates.parse(suite, h(one["certificate"]))
        certificate.check_subject(h(one["ieee"]))
        assert mmo.mmo(CRYPTO, certificate.octets).hex() == one["certificate_hash_e"]
        public = certificates.public_key(CRYPTO, certificate, h(values["ca_public_key"]))
        assert public.hex() == one["public_key"]
        assert certificates.belongs(CRYPTO, certificate, h(one["private_key"]), h(values["ca_public_key"]))
        assert not certificates.belongs(CRYPTO, certificate, bytes(22), h(values["ca_public_key"]))
    assert certificates.size_of(suite) == values["certificate_octets"]
    assert curve_of(suite).size == values["private_key_octets"] == values["z_octets"]


def test_a_certificate_is_built_as_it_was_read(example):
    values, suite = example
    for side in ("initiator", "responder"):
        octets = h(values[side]["certificate"])
        one = certificates.parse(suite, octets)
        if suite == SUITE_1:
            built = certificates.build_1(one.point, one.subject, one.issuer, one.attributes)
        else:
            built = certificates.build_2(
                one.point, one.subject, one.issuer, one.serial, one.valid_from, one.validity, one.usage
            )
        assert built == octets


def test_the_three_further_certificates_belong_to_their_keys(cbke):
    for one in cbke["suite1_test_certificates"]:
        certificate = certificates.parse(SUITE_1, h(one["certificate"]))
        certificate.check_subject(h(one["ieee"]))
        certificate.check_issuer(b"TESTSECA")
        assert certificates.public_key(CRYPTO, certificate, h(one["ca_public_key"])).hex() == one["public_key"]
        assert certificates.belongs(CRYPTO, certificate, h(one["private_key"]), h(one["ca_public_key"]))


@pytest.mark.parametrize(("own", "other"), SIDES, ids=["initiator", "responder"])
def test_both_sides_compute_the_shared_secret_and_its_keys(example, own, other):
    values, suite = example
    work = CurveWork(CRYPTO)
    certificate = certificates.parse(suite, h(values[other]["certificate"]))
    secret = work.secret(
        suite,
        h(values[own]["private_key"]),
        h(values[own]["ephemeral_private"]),
        h(values[own]["ephemeral_public"]),
        work.static_point(certificate, h(values["ca_public_key"])),
        work.point(suite, h(values[other]["ephemeral_public"])),
    )
    assert secret.hex() == values["z"]
    mac_key, link_key = agreement.derive(CRYPTO, secret)
    assert mac_key.hex() == values["mac_key"]
    assert link_key.hex() == values["key_data"]


def test_the_confirmations_are_those_of_the_example(example):
    values, _ = example
    for by_initiator, own, other, name in (
        (True, "initiator", "responder", "mac_u"),
        (False, "responder", "initiator", "mac_v"),
    ):
        made = agreement.confirmation(
            CRYPTO,
            h(values["mac_key"]),
            by_initiator,
            h(values[own]["ieee"]),
            h(values[other]["ieee"]),
            h(values[own]["ephemeral_public"]),
            h(values[other]["ephemeral_public"]),
        )
        assert made.hex() == values[name]
        assert mmo.hmac_mmo(CRYPTO, h(values["mac_key"]), h(values[name + "_message"])).hex() == values[name]


@pytest.mark.parametrize("crypto", [HostCrypto(), BoardCrypto()], ids=["host", "board"])
def test_a_whole_exchange_is_that_of_the_example_octet_for_octet(example, crypto):
    values, suite = example
    ends = []
    for side in ("initiator", "responder"):
        entropy = OneScalar(suite, int(values[side]["ephemeral_private"], 16))
        ends.append(KeyExchange(crypto, entropy, h(values[side]["ieee"]), [identity(values, suite, side)]))
    initiator, responder = ends
    names = (h(values["initiator"]["ieee"]), h(values["responder"]["ieee"]))
    initiator.start(names[1], 0)
    for name in ("initiate", "ephemeral_data", "confirm_key"):
        request = initiator.to_send()
        assert request.payload.hex() == values["zcl_payloads"][name + "_request"]
        responder.receive(KeyCommand(names[0], request.from_server, request.command, request.payload), 0)
        response = responder.to_send()
        assert response.payload.hex() == values["zcl_payloads"][name + "_response"]
        initiator.receive(KeyCommand(names[1], response.from_server, response.command, response.payload), 0)
    assert initiator.next_event().key.hex() == values["key_data"]
    assert responder.next_event().key.hex() == values["key_data"]
    assert initiator.to_send() is responder.to_send() is None


def test_hashes_and_install_codes_are_those_of_the_zigbee_specification(cbke):
    values = cbke["symmetric"]
    for one in values["mmo"]:
        assert mmo.mmo(CRYPTO, h(one["in"])).hex() == one["out"]
    for one in values["hmac_mmo"]:
        assert mmo.hmac_mmo(CRYPTO, h(one["key"]), h(one["in"])).hex() == one["out"]
    for one in values["install_code"]:
        code = install_code.parse(one["install_code_with_crc"])
        assert install_code.link_key(CRYPTO, code).hex() == one["link_key"]
        assert install_code.link_key_of_16(CRYPTO, code[:-2], False).hex() == one["link_key"]
    derived = values["derived_keys"]
    link_key = h(derived["link_key"])
    assert mmo.key_transport_key(CRYPTO, link_key).hex() == derived["key_transport_key (HMAC 00)"]
    assert mmo.key_load_key(CRYPTO, link_key).hex() == derived["key_load_key (HMAC 02)"]


def test_an_authority_issues_what_the_prototype_issued(cbke):
    for one in cbke["self_generated_issuance"]:
        suite = SUITE_1 if one["suite"] == "suite1" else SUITE_2
        authority = Authority(CRYPTO, suite, h(one["ca_private"]), h(one["issuer"]))
        assert authority.public.hex() == one["ca_public"]
        wanted = certificates.parse(suite, h(one["certificate"]))
        octets, private = authority.issue_with(
            h(one["requester_k"]), h(one["ca_kca"]), h(one["subject"]), wanted.serial, wanted.valid_from
        )
        assert octets.hex() == one["certificate"]
        assert private.hex() == one["private_key"]
        assert certificates.public_key(CRYPTO, wanted, authority.public).hex() == one["public_key"]
