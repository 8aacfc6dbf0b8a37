"""The decoder on messages made by the independent builder, good, unknown and damaged."""

import builder as b
import pytest

from slotmeter.boards.pc import names, pki
from slotmeter.boards.pc.cast import Cast
from slotmeter.boards.pc.decode_dlms import shape
from slotmeter.boards.pc.decode_node import NODE_LIMIT
from slotmeter.boards.pc.decoder import assemble, decode
from slotmeter.dlms.gbcs import roles
from slotmeter.hal.virtual.entropy import SeededEntropy

COMMAND, RESPONSE, ALERT = 1, 2, 3
METER = pki.DEFAULT_DEVICE
SUPPLIER = pki.entity_of(roles.SUPPLIER)
STRANGER = bytes.fromhex("0011223344556677")
THRESHOLD = (1, "0-0:94.44.34.10", 2)


@pytest.fixture(scope="session")
def cast(tmp_path_factory):
    folder = tmp_path_factory.mktemp("decoder") / "keys"
    pki.create(folder, SeededEntropy(11))
    return Cast.load(folder)


def scalar(private):
    return int.from_bytes(private, "big")


def command(cast, payload, code=0x0027, counter=1000, signed=False, originator=SUPPLIER):
    signer = scalar(cast.by_id(originator).ds_private) if signed else None
    broker = cast.party(roles.ACCESS_CONTROL_BROKER)
    return b.message(COMMAND, counter, originator, METER, code, payload, cast.secret(broker), signer)


def response(cast, payload, code=0x0027, counter=1000, supplementary=b""):
    z = cast.secret(cast.party(roles.SUPPLIER))
    return b.message(RESPONSE, counter, METER, SUPPLIER, code, payload, z, supplementary=supplementary)


def texts(node):
    return {child.name: child.text for child in node.walk()}


def test_a_command_is_shown_with_its_objects_named(cast):
    payload = b.access_request(1000, [b.get(8, "0-0:1.0.0.255", 2), b.put(9000, "0-0:94.44.2.0", 4, b.boolean(True))])
    decoded = decode(command(cast, payload), cast)
    assert decoded.title == "ECS17b command 1000"
    assert decoded.sound
    payload = decoded.root.find("payload")
    assert "clock 8/0-0:1.0.0.255" in payload.find("1.").text
    assert payload.find("1.").text.endswith("time")
    assert "Currency Unit (extended data 9000/0-0:94.44.2.0) value_passive" in payload.find("2.").text
    assert payload.find("2.", "data").text == "TRUE"
    assert decoded.items == [(1, 8, "0-0:1.0.0.255", 2), (2, 9000, "0-0:94.44.2.0", 4)]


def test_the_mac_is_checked_with_the_key_of_the_access_control_broker(cast):
    decoded = decode(command(cast, b.access_request(1000, [b.get(8, "0-0:1.0.0.255", 2)]), signed=True), cast)
    assert (decoded.mac, decoded.signature) == ("authentic", "authentic")
    assert "access control broker" in decoded.root.find("MAC").text
    assert "supplier" in decoded.root.find("signature").text


@pytest.mark.parametrize("place", ["payload", "signature", "MAC"])
def test_a_changed_octet_is_not_authentic(cast, place):
    data = bytearray(command(cast, b.access_request(1000, [b.get(8, "0-0:1.0.0.255", 2)]), signed=True))
    data[decode(bytes(data)).root.find(place).offset + 4] ^= 1
    decoded = decode(bytes(data), cast)
    assert not decoded.sound
    assert decoded.mac == "not authentic"
    assert (decoded.signature == "not authentic") == (place != "MAC")


def test_without_keys_it_says_what_it_would_need(cast):
    decoded = decode(command(cast, b.access_request(1000, [b.get(8, "0-0:1.0.0.255", 2)]), signed=True))
    assert (decoded.mac, decoded.signature) == ("not checked", "not checked")
    assert decoded.sound
    assert "--keys" in decoded.root.find("MAC").text
    z = b.shared_secret(b.private_key("x"), b.public_key(b.private_key("y")))
    foreign = b.message(RESPONSE, 1, STRANGER, SUPPLIER, 0x0027, b.access_response(1, [(1, 0, b.u32(1))]), z)
    text = decode(foreign, cast).root.find("MAC").text
    assert text.startswith("cannot be checked: no key of")
    assert STRANGER.hex().upper() in text


def test_a_response_takes_names_from_its_command(cast):
    request = decode(command(cast, b.access_request(1000, [b.get(9000, "0-0:94.44.2.0", 2)]), code=0x1234), cast)
    answer = response(cast, b.access_response(1000, [(1, 0, b.boolean(False))]), code=0x1234)
    assert decode(answer, cast).root.find("payload", "1.").text == "get: success"
    named = decode(answer, cast, request).root.find("payload", "1.").text
    assert named == "get Currency Unit (extended data 9000/0-0:94.44.2.0) value_active: success"


def test_an_encrypted_answer_is_decrypted_and_named(cast):
    plaintext = b.structure(
        b.structure(b.u32(17), b.structure(b.i8(0), b.enum(30)), b.u32(18), b.structure(b.i8(0), b.enum(32)))
    )
    sealed = b.encrypt(cast.secret(cast.party(roles.SUPPLIER)), METER, 1000, SUPPLIER, plaintext)
    answer = response(cast, b.access_response(1000, [(3, 0, b.protected_answer(1000, METER, SUPPLIER, sealed))]))
    decoded = decode(answer, cast)
    assert (decoded.encrypted, decoded.decrypted, decoded.stops) == (1, 1, [])
    assert texts(decoded.root)["active_import_value"] == "17"
    assert texts(decoded.root)["active_import_unit"] == "30 (Wh)"
    closed = decode(answer)
    assert (closed.encrypted, closed.decrypted) == (1, 0)
    assert "active_import_value" not in texts(closed.root)


def test_an_unknown_remote_party_reads_with_its_own_key_and_counter(cast):
    operator = cast.party(roles.NETWORK_OPERATOR)
    sealed = b.encrypt(cast.secret(operator), METER, 77, operator.entity_id, b.structure(b.u32(5)))
    broker = cast.party(roles.ACCESS_CONTROL_BROKER)
    supplementary = operator.entity_id + b.number(4, 8) + b.number(77, 8)
    payload = b.access_response(1300, [(3, 0, b.protected_answer(1300, METER, broker.entity_id, sealed))])
    data = b.message(
        RESPONSE, 1300, METER, broker.entity_id, 0x0034, payload, cast.secret(broker), supplementary=supplementary
    )
    decoded = decode(data, cast)
    assert (decoded.mac, decoded.encrypted, decoded.decrypted) == ("authentic", 1, 1)
    assert texts(decoded.root)["device's own counter"] == "77"


def test_a_certificate_in_the_header_is_shown(cast):
    operator = cast.party(roles.NETWORK_OPERATOR)
    supplementary = operator.entity_id + b.number(4, 8) + operator.ka_certificate
    payload = b.access_request(1300, [b.get(8, "0-0:1.0.0.255", 2)])
    broker = cast.party(roles.ACCESS_CONTROL_BROKER)
    data = b.message(
        COMMAND, 1300, broker.entity_id, METER, 0x0034, payload, cast.secret(broker), supplementary=supplementary
    )
    decoded = decode(data, cast)
    certificate = decoded.root.find("header", "supplementary", "certificate")
    assert operator.entity_id.hex().upper() in certificate.text
    assert "key agreement" in certificate.text
    assert decoded.sound


def test_an_alert_names_its_code_and_the_command_that_it_speaks_of(cast):
    about = bytes.fromhex("0019") + b.number(1007, 8) + bytes.fromhex("232800005E2C020006")
    payload = b.data_notification(2001, b.u16(0x8F66), b.octets(b.date_time(500000000)), b.octets(about))
    data = b.message(ALERT, 2001, METER, SUPPLIER, 0x00CC, payload, signer=scalar(cast.device.ds_private))
    decoded = decode(data, cast)
    assert decoded.signature == "authentic"
    assert decoded.about == (0x0019, 1007)
    alert = decoded.root.find("payload", "alert")
    assert alert.find("alert code").text.startswith("8F66 (Future")
    assert alert.find("actioned").text.startswith("ECS01a counter 1007: Currency Unit")


def test_a_pre_command_with_and_without_its_last_octet(cast):
    grouped = b.grouping(COMMAND, 5, SUPPLIER, METER, 0x0019, b.access_request(5, [b.get(8, "0-0:1.0.0.255", 2)]))
    for data in (grouped, grouped + b"\x00"):
        decoded = decode(data, cast)
        assert decoded.title == "ECS01a pre-command 5"
        assert decoded.sound
    assert decode(b"\xdf" + grouped[1:-3], cast).damaged


def test_what_no_table_knows_is_shown_as_octets(cast):
    payload = b.access_request(1, [b.get(4711, "0-0:99.1.2.3", 9), b.put(1, "9-9:9.9.9.9", 2, b"\x14" + bytes(8))])
    decoded = decode(command(cast, payload, code=0x7777), cast)
    assert decoded.root.text == "unknown message code"
    assert not decoded.damaged
    assert "unknown class 4711/0-0:99.1.2.3 attribute 9" in decoded.root.find("payload", "1.").text
    strange = decode(command(cast, b.access_request(1, [b.put(1, "0-0:1.0.0.255", 2, b"\x99\x01\x02")])), cast)
    assert strange.damaged
    assert "unknown type 99" in texts(strange.root)["data"]
    assert strange.mac == "authentic"


def test_trailing_octets_are_shown(cast):
    decoded = decode(command(cast, b.access_request(1, [b.get(8, "0-0:1.0.0.255", 2)]) + b"\xaa\xbb"), cast)
    assert decoded.root.find("payload", "trailing octets").octets == b"\xaa\xbb"
    assert decoded.mac == "authentic"


def test_a_damaged_message_shows_what_was_understood_and_where_it_stopped(cast):
    data = command(cast, b.access_request(1000, [b.get(8, "0-0:1.0.0.255", 2), b.get(8, "0-0:1.0.0.255", 4)]))
    seen = set()
    for size in range(len(data)):
        decoded = decode(data[:size], cast)
        assert decoded.damaged, size
        offset, reason = decoded.stops[-1]
        assert 0 <= offset <= size
        assert reason
        seen.add(decoded.title)
    assert seen == {"message", "command", "ECS17b command 1000"}


def test_general_block_transfer_is_put_together(cast):
    whole = command(cast, b.access_request(1000, [b.get(8, "0-0:1.0.0.255", 2)]))
    blocks = [block(1, whole[:30]), block(2, whole[30:60]), block(3, whole[60:], last=True)]
    decoded = decode(b"".join(blocks), cast)
    assert not decoded.damaged
    assert decoded.mac == "authentic"
    assert any(child.name == "assembled: ECS17b command 1000" for child in decoded.root.children)
    parts = [decode(one, cast) for one in reversed(blocks)]
    assert assemble([one for part in parts for one in part.blocks]) == [whole]
    assert assemble([one for part in parts[1:] for one in part.blocks]) == []
    assert parts[0].root.find("block").text == "3, last"


def block(number, data, last=False):
    content = (
        b"\x11\0\0\0\0\xe0"
        + bytes([0x80 | 1 if last else 1])
        + b.number(number, 2)
        + b"\0\0"
        + b.length(len(data))
        + data
    )
    header = b"\xdd\x09\x01" + b.number(1000, 8) + b"\x08" + SUPPLIER + b"\x08" + METER + b"\x00\x02\x00\x27\x00"
    return header + b.length(len(content)) + content


def test_a_gas_message_is_shown_component_by_component(cast):
    first = bytes.fromhex("00070200050000000602")
    top_up = b"\x01\x00\x04" + b"\x00" + b"\x14" + b"73950067887105178605"
    second = b"\x01\x07\x05" + b.number(len(top_up), 2) + top_up
    decoded = decode(command(cast, b"\x01\x09\x02" + first + second, code=0x0097), cast)
    assert not decoded.damaged
    found = texts(decoded.root)
    assert found["component 1"] == "Read Attributes (Metering)"
    assert found["attribute 0206"] == "Current Meter Id"
    assert found["Top Up Code"] == "UTRN 73950067887105178605 (worth 12.50, counter ends in 6)"


def test_a_broken_component_does_not_hide_the_next(cast):
    bad = bytes.fromhex("000705000401000200")
    good = bytes.fromhex("010709000401010103")
    decoded = decode(command(cast, b"\x01\x09\x02" + bad + good, code=0x0097), cast)
    assert decoded.damaged
    assert texts(decoded.root)["component 2"] == "Clear Event Log Request (Events)"


def test_unknown_clusters_and_commands_are_shown(cast):
    strange = bytes.fromhex("010B05000501007F0102")
    decoded = decode(command(cast, b"\x01\x09\x01" + strange, code=0x0097), cast)
    component = decoded.root.find("payload", "component 1")
    assert component.text == "unknown command 7F"
    assert component.find("trailing octets").octets == b"\x01\x02"


def test_an_asn1_payload_is_named(cast):
    payload = bytes.fromhex("30113007020102030207803006020102020108")
    decoded = decode(command(cast, payload, code=0x0008), cast)
    details = decoded.root.find("payload", "provide security credential details")
    assert details.find("authorising cell").text == "supplier, digital signature"
    assert [role.text for role in details.find("roles").children] == ["2 (supplier)", "8 (load controller)"]


def test_asn1_that_does_not_fit_its_description_is_shown_all_the_same(cast):
    for payload in ("0500", "30060201050C0141", "A003020105", "040100", "3080", "02021000"):
        decoded = decode(command(cast, bytes.fromhex(payload), code=0x0102), cast)
        assert decoded.mac == "authentic"
        assert decoded.root.find("payload").children


def test_a_compact_array_without_octets_in_its_rows_does_not_run_on(cast):
    for description in (b"\x02\x00", b"\x00", b"\x01\xff\xff\x01\xff\xff\x00", b"\x01\xff\xff\x01\xff\xff\x02\x00"):
        value = b"\x13" + description + b"\x01\x00"
        decoded = decode(command(cast, b.access_request(1, [b.put(7, "0-0:99.1.0.255", 2, value)])), cast)
        assert decoded.damaged
        assert sum(1 for _ in decoded.root.walk()) < NODE_LIMIT + 100


def test_deep_nesting_is_bounded(cast):
    for nest in (b"\x01\x01", b"\x02\x01"):
        decoded = decode(command(cast, b.access_request(1, [b.put(1, "0-0:1.0.0.255", 2, nest * 5000)])), cast)
        assert "nested" in decoded.stops[-1][1]
    decoded = decode(command(cast, b"\x30\x84\x00\x00\x01\x00" * 900, code=0x0102), cast)
    assert decoded.damaged


def test_json_carries_the_whole_tree(cast):
    data = command(cast, b.access_request(1000, [b.get(8, "0-0:1.0.0.255", 2)]))
    found = decode(data, cast).as_json()
    assert found["useCase"] == "ECS17b"
    assert found["mac"] == "authentic"
    assert found["tree"]["children"][-1]["name"] == "MAC"
    assert found["hex"] == data.hex().upper()


def test_shapes_are_read_as_they_are_written():
    form = shape("a(b,c[d(e?,f)]?,g)")
    assert [member.name for member in form.members] == ["b", "c", "g"]
    assert [member.optional for member in form.members] == [False, True, False]
    assert [member.name for member in form.members[1].element.members] == ["e", "f"]
    assert form.member(1, 2).name == "g"
    assert form.member(0, 5) is None


def test_every_shape_in_the_table_can_be_read():
    for key, text in names.SHAPES.items():
        assert shape(text).name, key
