"""The decoder on every message of the reference data set: nothing unknown, everything checked, everything decrypted."""

import json
import os
import time
from pathlib import Path

import pytest

from slotmeter.boards.pc import decode_command
from slotmeter.boards.pc.cast import RTDS_DEVICE, Cast
from slotmeter.boards.pc.decode_node import BAD, CLOSED, STOPPED, UNKNOWN
from slotmeter.boards.pc.decoder import decode
from slotmeter.dlms.gbcs import roles

FOLDER = Path(os.environ.get("RTDS_DIR", Path(__file__).resolve().parents[3] / "shared" / "rtds"))


@pytest.fixture(scope="session")
def rtds_cast(rtds):
    return Cast.rtds(FOLDER)


@pytest.fixture(scope="session")
def all_decoded(rtds, rtds_cast):
    return [(name, decode(data, rtds_cast)) for name, data in rtds.files]


def test_nothing_stops_or_is_unknown(all_decoded):
    for name, decoded in all_decoded:
        marks = {(node.name, node.text) for node in decoded.root.walk() if node.mark in (STOPPED, UNKNOWN, BAD)}
        assert not marks, name


def test_every_check_comes_out_as_another_decoder_found_it(rtds, all_decoded):
    for name, decoded in all_decoded:
        other = rtds.decoded[name]
        signed = "authentic" if other["signature_checked"] == "ok" else ""
        maced = other["mac_checked"]
        mac = "" if maced == "-" else "authentic" if maced.startswith("ok") else "not checked"
        assert (decoded.mac, decoded.signature) == (mac, signed), name


def test_every_encrypted_part_is_decrypted(rtds, all_decoded):
    total = 0
    for name, decoded in all_decoded:
        assert decoded.decrypted == decoded.encrypted == len(rtds.decoded[name].get("decrypted", ())), name
        total += decoded.decrypted
    assert total > 30


def test_without_keys_the_same_trees_come_out_but_for_what_is_closed(rtds):
    for name, data in rtds.files:
        decoded = decode(data)
        assert not decoded.damaged, name
        assert "not authentic" not in (decoded.mac, decoded.signature), name
        closed = [node for node in decoded.root.walk() if node.mark == CLOSED]
        assert len(closed) == decoded.encrypted + bool(decoded.mac) + bool(decoded.signature), name


def test_the_whole_set_is_decoded_in_seconds(rtds, capsys):
    start = time.perf_counter()
    status = decode_command.run([str(FOLDER / "RTDS-4.5.0")], True, True, False, False, Cast.rtds(FOLDER))
    elapsed = time.perf_counter() - start
    lines = capsys.readouterr().out.splitlines()
    assert status == 0
    assert len(lines) == len(rtds.files)
    assert elapsed < 5 * max(1, len(rtds.files) / 1000)
    entries = [json.loads(line) for line in lines]
    by_index = {entry["index"]: entry for entry in entries}
    for entry in entries:
        if entry["kind"] == "response" and "anyByContingency" not in entry["useCase"]:
            partner = by_index[entry["answers"]]
            assert Path(partner["place"]).name == Path(entry["place"]).name.replace("_RESPONSE_", "_COMMAND_")


def test_values_of_a_response_have_the_names_of_its_command(rtds, rtds_cast):
    files = dict(rtds.files)
    for name, data in files.items():
        if name.endswith("SUCCESS_RESPONSE_GBCS.HEX") and files.get(name.replace("_RESPONSE_", "_COMMAND_"), b"")[:1]:
            command = decode(files[name.replace("_RESPONSE_", "_COMMAND_")], rtds_cast)
            decoded = decode(data, rtds_cast, command)
            payload = decoded.root.find("payload")
            if payload.text == "DLMS access-response":
                for item in payload.children[1:]:
                    assert item.text.split()[0] in ("get", "set", "invoke"), name


def test_the_meter_of_the_data_set_is_the_device(rtds, rtds_cast):
    identity = rtds_cast.identity()
    assert identity.eui64 == RTDS_DEVICE
    assert [(cell.role, cell.usage, cell.cell_usage) for cell in identity.cells] == [
        place for place in roles.ESME_CELLS if place[0] != roles.CONTINGENCY
    ]
    assert identity.cells[0].key_id.hex() == "48cf1b32697c4669"
    for (device, party, usage), z in rtds.secrets.items():
        assert rtds_cast.z(device, party, usage != "management") == z
    assert len(identity.ds_private) == 32
    assert Cast.rtds(FOLDER).identity().ds_private == identity.ds_private
