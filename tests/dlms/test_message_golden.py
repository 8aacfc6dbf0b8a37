"""The golden messages of tests/vectors/gbcs, which the independent builder made, through the product's own code."""

import json
import subprocess
import sys
from pathlib import Path

from slotmeter.dlms import apdu, axdr
from slotmeter.dlms.gbcs import keys, message
from slotmeter.hal.host.crypto import HostCrypto

TESTS = Path(__file__).resolve().parent.parent
VECTORS = TESTS / "vectors" / "gbcs"


def vectors(name):
    return json.loads((VECTORS / name).read_text(encoding="utf-8"))


def messages():
    return vectors("envelopes.json") + vectors("encrypted.json")


def test_every_vector_names_its_source_and_its_clause():
    for path in sorted(VECTORS.glob("*.json")):
        for one in json.loads(path.read_text(encoding="utf-8")):
            assert one["source"] and one["clause"] and one["name"], path.name


def test_the_vectors_are_what_the_independent_builder_makes():
    done = subprocess.run(
        [sys.executable, str(TESTS / "independent" / "make_golden.py"), "--check"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_golden_message_is_taken_apart_and_rebuilt():
    for one in messages():
        octets = bytes.fromhex(one["octets"])
        found = message.parse(octets)
        for field in ("counter", "originator", "target", "date_time", "supplementary", "payload", "mac", "signature"):
            value = getattr(found, field).hex()
            assert value == (one[field] if field != "counter" else "%016x" % one[field]), (one["name"], field)
        assert (found.cra, found.code) == (one["cra"], one["code"])
        body = message.grouping(
            found.cra, found.counter, found.originator, found.target, found.date_time, found.code, found.supplementary,
            found.payload,
        ) + message.signature_part(found.signature)  # fmt: skip
        assert (message.with_mac(body, found.mac) if found.mac else body) == octets, one["name"]


def test_every_golden_mac_and_signature_verifies():
    crypto = HostCrypto()
    for one in messages():
        found = message.parse(bytes.fromhex(one["octets"]))
        if found.mac:
            assert keys.mac(crypto, bytes.fromhex(one["z"]), found.body) == found.mac, one["name"]
        if found.signature:
            public = bytes.fromhex(one["signer_public"])
            assert crypto.verify(public, found.signature, found.signed), one["name"]
            assert not crypto.verify(public, found.signature, found.signed + b"\x00"), one["name"]


def test_every_golden_payload_decodes_and_encodes_identically():
    for one in messages():
        payload = bytes.fromhex(one["payload"])
        counter = one["counter"].to_bytes(8, "big")
        if payload[0] == 0xD9:
            _, items = apdu.parse_access_request(payload)
            assert apdu.build_access_request(counter, items) == payload
            data = [item.data for item in items]
        elif payload[0] == 0xDA:
            invoke, results = apdu.parse_access_response(payload)
            assert apdu.build_access_response(invoke, results) == payload
            data = [result[2] for result in results]
        else:
            _, data = apdu.parse_data_notification(payload)
            assert apdu.build_data_notification(counter, data) == payload
        for octets in data:
            assert axdr.encode(axdr.decode_whole(octets)) == octets


def test_every_golden_encrypted_part_opens_and_is_sealed_identically():
    crypto = HostCrypto()
    for one in vectors("encrypted.json"):
        sealed = bytes.fromhex(one["sealed"])
        assert sealed in bytes.fromhex(one["payload"])
        arguments = (
            crypto,
            bytes.fromhex(one["encryption_z"]),
            bytes.fromhex(one["originator"]),
            one["encryption_counter"].to_bytes(8, "big"),
            bytes.fromhex(one["encryption_recipient"]),
        )
        plaintext = bytes.fromhex(one["plaintext"])
        assert keys.unseal(*arguments, sealed) == plaintext
        assert keys.seal(*arguments, plaintext) == sealed
        assert axdr.encode(axdr.decode_whole(plaintext)) == plaintext
