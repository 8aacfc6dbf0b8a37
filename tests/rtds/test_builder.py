"""The independent builder against the reference data set: what it builds of the parts of a message is that message."""

import json
import os
from pathlib import Path

import builder
import pytest
from dataset import HOW_TO_GET_IT

ACB = bytes.fromhex("90b3d51f30000002")
VECTORS = Path(os.environ.get("VECTORS_DIR", Path(__file__).resolve().parents[3] / "shared" / "vectors"))


@pytest.fixture(scope="module")
def published():
    path = VECTORS / "gbcs-crypto-vectors.json"
    if not path.is_file():
        pytest.skip(HOW_TO_GET_IT)
    return json.loads(path.read_text(encoding="utf-8"))


def test_every_command_is_rebuilt_from_its_parts_and_the_brokers_key(rtds):
    rebuilt = 0
    broker = rtds.keys[(ACB, "keyAgreement", "management")]["private"]
    for name, octets in rtds.files:
        if "_COMMAND_" not in name or name.startswith("NA_PCS"):
            continue
        parts = builder.take_apart(octets)
        payload = parts.payload
        if payload[0] == 0xD9:
            payload = builder.access_request(parts.counter, builder.request_items(payload))
        body = builder.grouping(
            parts.cra, parts.counter, parts.originator, parts.target, parts.code, payload, parts.at, parts.supplementary
        )
        body += (b"\x40" if parts.signature else b"\x00") + parts.signature
        if parts.mac:
            z = builder.shared_secret(broker, rtds.public(parts.target, "keyAgreement"))
            assert z == rtds.secret(parts.target, ACB)
            body = builder.with_mac(body, z)
        assert body == octets, name
        rebuilt += 1
    assert rebuilt > 0


def test_every_response_of_dlms_is_rebuilt_from_its_results(rtds):
    rebuilt = 0
    for name, octets in rtds.files:
        parts = builder.take_apart(octets)
        if parts.payload[0] != 0xDA:
            continue
        results = builder.response_results(parts.payload)
        assert builder.access_response(parts.counter, results) == parts.payload, name
        if parts.mac:
            z = rtds.secret(parts.originator, parts.target)
            body = builder.grouping(
                parts.cra, parts.counter, parts.originator, parts.target, parts.code, parts.payload, parts.at,
                parts.supplementary,
            )  # fmt: skip
            assert builder.with_mac(builder.with_signature(body), z) == octets, name
        rebuilt += 1
    assert rebuilt > 0


def test_protected_reads_are_rebuilt(rtds):
    """ECS17b as the supplier sends it, and what the meter answers."""
    by_name = dict(rtds.files)
    name = "4.1.1_ECS17b/ECS17b_4.1.1_SINGLE_SUCCESS_%s_GBCS.HEX"
    if name % "COMMAND" not in by_name or name % "RESPONSE" not in by_name:
        pytest.skip("ECS17b is not among the files; " + HOW_TO_GET_IT)
    parts = builder.take_apart(by_name[name % "COMMAND"])
    item = builder.protected_read(
        parts.counter, parts.originator, parts.target, "0-0:43.2.8.255", [(1, "0-0:94.44.34.10", 2)]
    )
    assert builder.access_request(parts.counter, [item]) == parts.payload
    answer = builder.take_apart(by_name[name % "RESPONSE"])
    z = rtds.secret(answer.originator, answer.target)
    data = builder.response_results(answer.payload)[0][2]
    plaintext = builder.decrypt(z, answer.originator, answer.counter, answer.target, builder.sealed_part(data))
    sealed = builder.encrypt(z, answer.originator, answer.counter, answer.target, plaintext)
    assert builder.protected_answer(answer.counter, answer.originator, answer.target, sealed) == data


def test_the_specifications_own_example_is_rebuilt(published):
    """The example with keys in section 18 of GBCS."""
    vector = published["specification_vector"]
    octets = bytes.fromhex(vector["hex"])
    parts = builder.take_apart(octets)
    z = builder.shared_secret(int(vector["acb_ka_private"], 16), bytes.fromhex(vector["device_ka_public"]))
    assert z.hex() == vector["z"]
    assert builder.derive(z, parts.originator, 1, parts.counter, parts.target).hex() == vector["shared_key"]
    assert builder.with_mac(parts.body, z) == octets
    signer = int(vector["supplier_ds_private"], 16)
    assert builder.public_key(signer).hex() == vector["supplier_ds_public"].lower()
    assert builder.signature_is_good(builder.public_key(signer), parts.signature, parts.signed)
    assert not builder.signature_is_good(builder.public_key(signer), parts.signature, parts.signed + b"\x00")


def test_every_published_top_up_token_is_made(published):
    made = 0
    for vector in published["utrn_vectors"]:
        if vector.get("z"):
            token = builder.utrn(
                bytes.fromhex(vector["z"]),
                bytes.fromhex(vector["originator"]),
                bytes.fromhex(vector["target"]),
                vector["counter"],
                vector["value"],
                vector["value_class"] == 1,
            )
            assert token == vector["utrn"], vector["source"]
            made += 1
    assert made > 0
    for vector in published["utrn_check_digit_only"]:
        assert (builder.check_digit(vector["utrn"][:19]) == vector["utrn"][19]) == vector["check_digit_ok"]


def test_a_certificate_has_the_fields_of_the_published_ones(rtds, published):
    """Key identifiers of all published certificates, by the rule that the builder follows."""
    for key in published["keys"]:
        if "certificate_der" in key:
            point = bytes.fromhex(key["public_point"])[1:]
            assert builder.key_identifier(point).hex() == key["subject_key_id"]
            assert builder.certificate_public_key(bytes.fromhex(key["certificate_der"])) == point
    entity = bytes.fromhex("90b3d51f30010000")
    private = builder.private_key("supplier ds")
    der = builder.certificate(builder.public_key(private), builder.private_key("root"), entity, builder.SUPPLIER)
    assert builder.certificate_public_key(der) == builder.public_key(private)
    assert b"\x03\x09\x00" + entity in der
    assert b"\x0c\x0202" in der
