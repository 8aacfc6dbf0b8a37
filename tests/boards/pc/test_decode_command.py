"""`slotmeter decode`: what it takes as input, how it prints, pairs and ends."""

import json

import builder as b
import pytest
from click.testing import CliRunner

from slotmeter.boards.pc import pki
from slotmeter.boards.pc.cast import Cast
from slotmeter.boards.pc.decode_command import command, octets_of
from slotmeter.dlms.gbcs import roles
from slotmeter.hal.virtual.entropy import SeededEntropy

METER = pki.DEFAULT_DEVICE
SUPPLIER = pki.entity_of(roles.SUPPLIER)
CLOCK = (8, "0-0:1.0.0.255", 2)


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("decode") / "keys"
    pki.create(folder, SeededEntropy(12))
    return folder


@pytest.fixture(scope="session")
def cast(folder):
    return Cast.load(folder)


@pytest.fixture(autouse=True)
def no_keys_of_ours(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


def request(cast, counter=1000, code=0x7770):
    z = cast.secret(cast.party(roles.ACCESS_CONTROL_BROKER))
    return b.message(1, counter, SUPPLIER, METER, code, b.access_request(counter, [b.get(*CLOCK)]), z)


def answer(cast, counter=1000, code=0x7770):
    z = cast.secret(cast.party(roles.SUPPLIER))
    payload = b.access_response(counter, [(1, 0, b.octets(b.date_time(700000000)))])
    return b.message(2, counter, METER, SUPPLIER, code, payload, z)


def run(*arguments, text=None):
    result = CliRunner().invoke(command, [str(argument) for argument in arguments], input=text)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def test_hex_may_be_written_in_many_ways():
    for text in ("dd00 ff", "DD:00:FF", "0xDD00FF", "dd-00-ff", "GBCS:DATA#0:3:DD00FF", " dd 00\tff\n"):
        assert octets_of(text) == b"\xdd\x00\xff"
    for text in ("dd0", "dd0g", "hello"):
        with pytest.raises(ValueError, match="hex"):
            octets_of(text)


def test_a_message_on_the_command_line(cast, folder):
    status, output = run(request(cast).hex(), "--keys", folder)
    assert status == 0
    assert output.startswith("7770 command 1000: unknown message code\n")
    assert "MAC: authentic (access control broker" in output
    assert "Traceback" not in output


def test_a_forged_message_ends_with_status_1(cast, folder):
    data = bytearray(request(cast))
    data[-1] ^= 1
    status, output = run(data.hex(), "--keys", folder)
    assert status == 1
    assert "NOT authentic" in output


def test_a_damaged_message_says_where_it_stopped(cast):
    status, output = run(request(cast)[:60].hex())
    assert status == 1
    assert "stopped at octet 60: " in output


def test_files_folders_and_standard_input(cast, tmp_path):
    (tmp_path / "one.HEX").write_text(request(cast).hex() + "\n")
    (tmp_path / "raw.bin").write_bytes(answer(cast))
    (tmp_path / "wrapped.hex").write_text("\n".join([request(cast).hex()[:50], request(cast).hex()[50:]]))
    lines = f"# two messages\n{request(cast).hex()}\n\n{answer(cast).hex()}\n"
    assert run(tmp_path / "one.HEX")[1].startswith(f"# {tmp_path / 'one.HEX'}\n7770 command 1000")
    assert "7770 response 1000" in run(tmp_path / "raw.bin")[1]
    status, output = run("-", text=lines)
    assert (status, output.splitlines()[-1].startswith("2 messages, 0 damaged")) == (0, True)
    status, output = run(tmp_path, tmp_path / "raw.bin")
    assert (status, output.splitlines()[-1].startswith("3 messages, 0 damaged")) == (0, True)


def test_lines_of_the_bench_protocol(cast):
    reply = {"id": 1, "ok": True, "messages": [{"kind": "response", "hex": answer(cast).hex()}]}
    lines = "\n".join(
        ['{"id": 0, "ok": true}', json.dumps({"op": "deliver", "hex": request(cast).hex()}), json.dumps(reply)]
    )
    status, output = run("-", "--brief", text=lines)
    assert status == 0
    assert output.splitlines()[-1].startswith("2 messages")


def test_a_response_follows_its_command_and_takes_its_names(cast, folder):
    lines = "\n".join(data.hex() for data in (request(cast, 1), answer(cast, 2), request(cast, 2), answer(cast, 9)))
    status, output = run("-", "--match", "--keys", folder, text=lines)
    assert status == 0
    titles = [line.split(":")[0] for line in output.splitlines() if line.startswith("7770")]
    assert titles == ["7770 command 1", "7770 command 2", "7770 response 2", "7770 response 9"]
    assert "    1. get Time (clock 8/0-0:1.0.0.255) time: success\n" in output
    assert "4 messages, 1 paired, 2 without a partner" in output
    assert "without a partner: 7770 response 9" in output


def test_an_alert_follows_the_command_that_it_speaks_of(cast):
    about = bytes.fromhex("7770") + b.number(1000, 8) + bytes.fromhex("232800005E2C020006")
    payload = b.data_notification(5, b.u16(0x8F66), b.octets(b.date_time(5)), b.octets(about))
    alert = b.message(3, 5, METER, SUPPLIER, 0x00CC, payload, signer=b.private_key("meter"))
    lines = "\n".join(data.hex() for data in (alert, request(cast), answer(cast)))
    entries = [json.loads(line) for line in run("-", "--match", "--json", text=lines)[1].splitlines()]
    assert [(entry["kind"], entry.get("answers")) for entry in entries] == [
        ("command", None),
        ("response", 1),
        ("alert", 1),
    ]


def test_json_is_one_object_in_a_line(cast, folder):
    status, output = run(request(cast).hex(), "--json", "--keys", folder)
    entry = json.loads(output)
    assert status == 0
    assert (entry["code"], entry["counter"], entry["mac"], entry["stopped"]) == ("7770", 1000, "authentic", [])
    bad = json.loads(run("-", "--json", text="DD0\n")[1])
    assert "odd number" in bad["error"]


def test_octets_show_offset_and_hex(cast):
    output = run("-x", request(cast).hex())[1]
    assert "   16 00000000000003E8" in output.replace("\t", " ") or "00000000000003E8" in output
    assert "security header: 1100000000" in output


def test_what_is_neither_file_nor_hex_is_told(tmp_path, cast):
    status, output = run("nonsense")
    assert status == 1
    assert output == "Error: 'nonsense' is neither a file nor hex: not hex from digit 1 on ('n')\n"
    assert run(tmp_path)[0] == 1
    (tmp_path / "text").write_text("once upon\na time\n")
    status, output = run(tmp_path / "text")
    assert (status, len(output.splitlines())) == (1, 1)
    assert run("-", text="")[0] == 1
    status, output = run("-", text=f"junk\n{request(cast).hex()}\n")
    assert status == 1
    assert "7770 command 1000" in output
    assert "standard input:1: " in output


def test_an_unreadable_keystore_is_told(cast, tmp_path):
    status, output = run(request(cast).hex(), "--keys", tmp_path / "nowhere")
    assert status == 1
    assert "nowhere" in output
    assert run(request(cast).hex(), "--keys", tmp_path, "--rtds", tmp_path)[0] == 1


def test_a_damaged_keystore_that_nobody_asked_for_is_no_hindrance(cast, tmp_path):
    usual = tmp_path / "data" / "slotmeter" / "keys"
    pki.create(usual, SeededEntropy(12))
    assert "MAC: authentic" in run(request(cast).hex())[1]
    (usual / "root.pem").write_text("damaged")
    status, output = run(request(cast).hex())
    assert status == 0
    assert "Without keys: " in output
    assert "MAC: cannot be checked" in output


def test_blocks_over_several_lines_are_put_together(cast, folder):
    whole = request(cast)

    def block(number, data, last):
        content = (
            b"\x11\0\0\0\0\xe0"
            + bytes([0x81 if last else 1])
            + b.number(number, 2)
            + b"\0\0"
            + b.length(len(data))
            + data
        )
        header = b"\xdd\x09\x01" + b.number(1000, 8) + b"\x08" + SUPPLIER + b"\x08" + METER + b"\x00\x02\x77\x70\x00"
        return (header + b.length(len(content)) + content).hex()

    lines = "\n".join([block(2, whole[30:], True), block(1, whole[:30], False)])
    status, output = run("-", "--keys", folder, text=lines)
    assert status == 0
    assert "# assembled from blocks\n7770 command 1000" in output
    assert "MAC: authentic" in output
