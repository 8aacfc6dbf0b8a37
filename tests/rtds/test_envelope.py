"""Every message of the reference data set: parsed and built again, MACs, signatures and encrypted parts checked."""

import builder
import dataset

from slotmeter.dlms import apdu, axdr
from slotmeter.dlms.gbcs import keys, message
from slotmeter.hal.host.crypto import HostCrypto

ACB = bytes.fromhex("90b3d51f30000002")
# PPMID and GSME to one another: neither of the two key agreement keys is published.
NOT_CHECKABLE = ("NA_PCS01/", "NA_PCS02/")
# Future-dated, firmware and integrity alerts of gas devices: what follows the time stamp has a form of its own.
GBZ_ALERTS_WITHOUT_COMPONENTS = (0x00CD, 0x00CF, 0x00F2)


def parsed(name, octets):
    return message.parse(octets, "PRECOMMAND" in name)


def secret_of(rtds, one):
    """The shared secret of the MAC: a command's is always that of the access control broker."""
    if one.cra == message.COMMAND:
        return rtds.secret(one.target, ACB)
    return rtds.secret(one.originator, one.target)


def reader_of(one):
    """Counter and recipient that encryption binds: those of the supplementary part where there is one."""
    extra = one.supplementary
    counter = extra[16:] if len(extra) == 24 else one.counter
    return int.from_bytes(counter, "big"), extra[:8] or one.target


def sealed_parts(one):
    """What is encrypted in a response or an alert, in order."""
    payload = one.payload
    if payload[:1] == b"\xda":
        found = [data for _, _, data in builder.response_results(payload)]
        return [
            builder.sealed_part(data) for data in found if data[:4] == b"\x02\x02\x01\x01" and b"\x31\0\0\0\0" in data
        ]
    if payload[:1] == b"\x0f":
        _, elements = apdu.parse_data_notification(payload)
        strings = [axdr.decode_whole(element)[1] for element in elements if element[:1] == b"\x09"]
        return [string for string in strings if string[:5] == b"\x31\0\0\0\0"]
    if payload[:2] != b"\x01\x09" or one.cra == message.COMMAND or one.code in GBZ_ALERTS_WITHOUT_COMPONENTS:
        return []
    # GBZ: components with a header control whose bit 1 says that what follows the ZCL header is encrypted.
    place = 3 if one.cra == message.RESPONSE else 9
    found = []
    while place < len(payload):
        control = payload[place]
        size = int.from_bytes(payload[place + 3 : place + 5], "big")
        component = payload[place + 5 : place + 5 + size]
        if control & 2:
            start = 2 + (4 if control & 16 else 0) + 3
            length = int.from_bytes(component[start : start + 2], "big")
            assert start + 2 + length == len(component)
            found.append(component[start + 2 :])
        place += 5 + size
        if control & 1:
            break
    return found


def test_every_message_parses_and_rebuilds_identically(rtds):
    for name, octets in rtds.files:
        one = parsed(name, octets)
        body = message.grouping(
            one.cra, one.counter, one.originator, one.target, one.date_time, one.code, one.supplementary, one.payload
        )
        if "PRECOMMAND" not in name:
            body += message.signature_part(one.signature)
        assert body == one.body, name
        assert (message.with_mac(body, one.mac) if one.mac else body) == octets, name


def test_every_checkable_mac_verifies_by_two_hands(rtds):
    crypto = HostCrypto()
    checked = left_out = 0
    for name, octets in rtds.files:
        one = parsed(name, octets)
        if not one.mac:
            continue
        if name.startswith(NOT_CHECKABLE):
            left_out += 1
            continue
        z = secret_of(rtds, one)
        assert builder.mac_is_good(octets, z), name
        assert keys.mac(crypto, z, one.body) == one.mac, name
        checked += 1
    assert left_out <= 4
    assert checked == dataset.WHOLE["macs"] or not rtds.is_whole()
    assert checked > 0


def test_every_signature_verifies(rtds):
    checked = 0
    for name, octets in rtds.files:
        one = parsed(name, octets)
        if one.signature:
            assert builder.signature_is_good(
                rtds.public(one.originator, "digitalSignature"), one.signature, one.signed
            ), name
            checked += 1
    assert checked == dataset.WHOLE["signatures"] or not rtds.is_whole()
    assert checked > 0


def test_every_encrypted_part_decrypts_by_two_hands_and_seals_identically(rtds):
    crypto = HostCrypto()
    parts = messages = 0
    for name, octets in rtds.files:
        one = parsed(name, octets)
        sealed = sealed_parts(one)
        known = rtds.decoded.get(name, {}).get("decrypted", [])
        assert len(sealed) == len(known) or name not in rtds.decoded, name
        counter, reader = reader_of(one)
        for i, stored in enumerate(sealed):
            z = rtds.secret(one.originator, reader)
            plaintext = builder.decrypt(z, one.originator, counter, reader, stored)
            assert plaintext is not None, name
            assert not known or plaintext.hex() == known[i]["plaintext"], name
            eight = counter.to_bytes(8, "big")
            assert keys.unseal(crypto, z, one.originator, eight, reader, stored) == plaintext, name
            assert keys.seal(crypto, z, one.originator, eight, reader, plaintext) == stored, name
        parts += len(sealed)
        messages += bool(sealed)
    if rtds.is_whole():
        assert parts == dataset.WHOLE["encrypted parts"]
        assert messages == dataset.WHOLE["messages with encrypted parts"]
    assert parts >= messages > 0


def test_every_precommand_begins_its_command(rtds):
    by_name = dict(rtds.files)
    for name, octets in rtds.files:
        command = by_name.get(name.replace("PRECOMMAND", "COMMAND"))
        if "PRECOMMAND" in name and command is not None:
            assert message.parse(command).body.startswith(octets), name


def test_every_dlms_payload_decodes_and_encodes_identically(rtds):
    values = 0
    for name, octets in rtds.files:
        one = parsed(name, octets)
        payload = one.payload
        counter = one.counter
        if payload[0] == 0xD9:
            invoke, items = apdu.parse_access_request(payload)
            assert apdu.build_access_request(counter, items) == payload, name
            data = [item.data for item in items] + [item.selection[1:] for item in items if item.selection]
        elif payload[0] == 0xDA:
            invoke, results = apdu.parse_access_response(payload)
            assert apdu.build_access_response(invoke, results) == payload, name
            data = [result[2] for result in results]
        elif payload[0] == 0x0F:
            invoke, data = apdu.parse_data_notification(payload)
            assert apdu.build_data_notification(counter, data) == payload, name
        else:
            continue
        assert invoke == b"\x20" + counter[5:], name
        for part in rtds.decoded.get(name, {}).get("decrypted", []):
            data.append(bytes.fromhex(part["plaintext"]))
        for octets_of_value in data:
            value = axdr.decode_whole(octets_of_value)
            assert axdr.encode(value) == octets_of_value, name
            assert axdr.skip(octets_of_value) == len(octets_of_value), name
            assert axdr.text(value)
            values += 1
    assert values > 0
