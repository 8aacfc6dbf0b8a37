"""`slotmeter keys`: what it makes, lists, imports and refuses."""

import pytest
from click.testing import CliRunner

from slotmeter.boards.pc import pki
from slotmeter.boards.pc.cast import Cast
from slotmeter.boards.pc.keys_command import command
from slotmeter.hal.virtual.entropy import SeededEntropy


@pytest.fixture
def keystore(tmp_path):
    pki.create(tmp_path / "keys", SeededEntropy(3))
    return tmp_path / "keys"


def keys(*arguments):
    result = CliRunner().invoke(command, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.output


def test_it_makes_keys_and_says_that_they_protect_nothing(tmp_path):
    status, output = keys(tmp_path / "new", "--seed", 7)
    assert status == 0
    assert "They protect nothing" in output
    assert "access control broker" in output
    assert "protect nothing" in (tmp_path / "new" / "README.txt").read_text()
    assert keys(tmp_path / "other", "--seed", 7)[0] == 0
    for name in ("root.pem", "device-issuing.key"):
        assert (tmp_path / "new" / name).read_bytes() == (tmp_path / "other" / name).read_bytes()


def test_the_meter_may_be_given(tmp_path):
    assert keys(tmp_path / "new", "--device", "00-DB-12-34-56-78-90-A0")[0] == 0
    assert Cast.load(tmp_path / "new").device.eui64.hex() == "00db1234567890a0"
    status, output = keys(tmp_path / "newer", "--device", "00DB")
    assert status == 1
    assert "--device" in output


def test_it_overwrites_only_with_force(keystore):
    before = (keystore / "root.key").read_bytes()
    status, output = keys(keystore)
    assert status == 1
    assert "--force" in output
    assert (keystore / "root.key").read_bytes() == before
    assert keys(keystore, "--force")[0] == 0
    assert (keystore / "root.key").read_bytes() != before


def test_it_lists_without_private_keys(keystore):
    status, output = keys(keystore, "--list")
    assert status == 0
    assert pki.DEFAULT_DEVICE.hex().upper() in output
    assert Cast.load(keystore).device.ds_private.hex() not in output.lower()


def test_it_imports_a_copy_once_checked(keystore, tmp_path):
    (keystore / "notes.txt").write_text("not a key")
    status, output = keys(tmp_path / "copy", "--import", keystore)
    assert (status, "imported 10 parties" in output) == (0, True)
    assert not (tmp_path / "copy" / "notes.txt").exists()
    assert Cast.load(tmp_path / "copy").device.ka_private == Cast.load(keystore).device.ka_private
    (keystore / f"{pki.DEFAULT_DEVICE.hex()}-ka.key").write_text("damaged")
    status, output = keys(tmp_path / "another", "--import", keystore)
    assert status == 1
    assert not (tmp_path / "another").exists()


def test_options_that_do_not_go_together_are_told(keystore, tmp_path):
    assert keys(keystore, "--list", "--seed", 1)[0] == 1
    assert keys(tmp_path / "x", "--import", keystore, "--seed", 1)[0] == 1
    assert keys(keystore, "--import", keystore, "--force")[0] == 1
    assert keys(tmp_path / "none", "--list")[0] == 1
    assert not (tmp_path / "x").exists()
