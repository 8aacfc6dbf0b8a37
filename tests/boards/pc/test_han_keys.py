"""The HAN part of a keystore: what is made, added, read and refused, and how it is said."""

import os
import stat

import pytest
from click.testing import CliRunner

from slotmeter.boards.pc import han_keys, pki
from slotmeter.boards.pc.cast import Cast, is_key_file
from slotmeter.boards.pc.errors import SlotmeterError
from slotmeter.boards.pc.keys_command import command
from slotmeter.hal.host.crypto import HostCrypto
from slotmeter.hal.virtual.entropy import SeededEntropy
from slotmeter.zigbee_han.key_establishment import KeyCommand, KeyExchange

METER = pki.DEFAULT_DEVICE
FURTHER = bytes.fromhex("02534C4F54100009")


@pytest.fixture
def keystore(tmp_path):
    pki.create(tmp_path / "keys", SeededEntropy(3))
    return tmp_path / "keys"


@pytest.fixture
def old(keystore):
    """A keystore from before there were HAN certificates."""
    for name in os.listdir(keystore):
        if han_keys.is_han_file(name):
            (keystore / name).unlink()
    return keystore


def keys(*arguments):
    result = CliRunner().invoke(command, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.output


def refusal(folder, device=METER, **options):
    with pytest.raises(SlotmeterError) as caught:
        han_keys.identities(folder, device, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def change(path, old, new):
    path.write_text(path.read_text().replace(old, new))


def test_new_keystores_have_both_suites_for_the_meter_the_hub_and_a_display(keystore):
    assert han_keys.holders(keystore) == sorted((METER, han_keys.HUB, han_keys.DISPLAY))
    assert han_keys.check(keystore) == 3
    for device in (METER, han_keys.HUB, han_keys.DISPLAY):
        identities = han_keys.identities(keystore, device)
        assert [identity.suite for identity in identities] == [1, 2]
        for identity in identities:
            assert identity.certificate.subject == device
            assert identity.certificate.issuer == han_keys.ISSUER
            assert identity.private.hex() not in repr(identity)


def test_two_devices_of_a_keystore_agree_on_a_key(keystore):
    meter, hub = [
        KeyExchange(HostCrypto(), SeededEntropy(device[-1]), device, han_keys.identities(keystore, device))
        for device in (METER, han_keys.HUB)
    ]
    meter.start(han_keys.HUB, 0, hub.suites)
    for _ in range(3):
        request = meter.to_send()
        hub.receive(KeyCommand(METER, False, request.command, request.payload), 0)
        response = hub.to_send()
        meter.receive(KeyCommand(han_keys.HUB, True, response.command, response.payload), 0)
    one, other = meter.next_event(), hub.next_event()
    assert one.key == other.key
    assert one.suite == 2


def test_private_keys_are_for_their_owner_only(old):
    han_keys.add(old, SeededEntropy(5), [METER])
    for name in os.listdir(old):
        if han_keys.is_han_file(name):
            mode = stat.S_IMODE((old / name).stat().st_mode)
            assert mode & 0o077 == 0 or not name.endswith(".key")
            assert is_key_file(name)


def test_the_other_keys_of_a_seed_are_what_they_were_before_there_were_any_of_the_han(keystore):
    files = pki.make(SeededEntropy(3))
    names = list(files)
    first = min(names.index(name) for name in names if han_keys.is_han_file(name))
    assert all(han_keys.is_han_file(name) for name in names[first:])


def test_a_keystore_without_them_is_read_and_told_how_to_get_them(old):
    assert Cast.load(old).device_id == METER
    assert han_keys.check(old) == 0
    text = refusal(old)
    assert f"slotmeter keys {old} --han --device {METER.hex().upper()}" in text
    assert keys(old, "--list")[0] == 0


def test_han_adds_what_is_missing_and_changes_nothing_else(old):
    before = {name: (old / name).read_bytes() for name in os.listdir(old)}
    status, output = keys(old, "--han", "--seed", 4)
    assert status == 0
    assert "16 HAN files added" in output
    assert "protect nothing" in output
    assert han_keys.check(old) == 3
    for name, content in before.items():
        assert (old / name).read_bytes() == content
    had = {name: (old / name).read_bytes() for name in os.listdir(old)}
    status, output = keys(old, "--han")
    assert (status, "nothing is missing" in output) == (0, True)
    # One more device, by the same authority.
    status, output = keys(old, "--han", "--device", FURTHER.hex())
    assert (status, "4 HAN files added" in output) == (0, True)
    assert han_keys.identities(old, FURTHER)[1].authority == han_keys.identities(old, METER)[1].authority
    for name, content in had.items():
        assert (old / name).read_bytes() == content


def test_the_list_shows_them_without_private_keys(keystore):
    status, output = keys(keystore, "--list")
    assert status == 0
    assert output.count("HAN suite") == 6
    for identity in han_keys.identities(keystore, METER):
        assert identity.private.hex() not in output.lower()


def test_an_import_takes_them_along_once_checked(keystore, tmp_path):
    assert keys(tmp_path / "copy", "--import", keystore)[0] == 0
    assert han_keys.check(tmp_path / "copy") == 3
    (keystore / f"{METER.hex()}-han-1.key").write_text("0" * 40 + "17")
    status, output = keys(tmp_path / "another", "--import", keystore)
    assert status == 1
    assert "does not belong" in output
    assert not (tmp_path / "another").exists()


def test_making_keys_anew_replaces_them_too(keystore):
    han_keys.add(keystore, SeededEntropy(1), [FURTHER])
    assert keys(keystore, "--force", "--seed", 8)[0] == 0
    assert han_keys.check(keystore) == 3
    assert not (keystore / f"{FURTHER.hex()}-han-1.cert").exists()


def test_a_damaged_file_is_named_with_the_way_out(keystore):
    certificate = keystore / f"{METER.hex()}-han-2.cert"
    private = keystore / f"{METER.hex()}-han-2.key"
    good, secret = certificate.read_text(), private.read_text()
    digits = secret.splitlines()[1]
    for path, text, said in (
        (certificate, "nothing", "something else than hexadecimal digits"),
        (certificate, "", "0 octets instead of 74"),
        (certificate, good.splitlines()[1][1:], "something else than hexadecimal digits"),
        (certificate, "01" + good.splitlines()[1][2:], "certificate is of type 1"),
        (private, "ff" * 36, "not a private key of sect283k1"),
        (private, digits[:-2], "35 octets instead of 36"),
        (private, digits[:-1] + "g", "something else"),
        (private, digits[:-1] + ("1" if digits[-1] == "0" else "0"), "does not belong"),
    ):
        certificate.write_text(good)
        private.write_text(secret)
        path.write_text(text)
        shown = refusal(keystore)
        assert said in shown
        assert path.name.split(".")[0] in shown
        assert digits[:20] not in shown
    certificate.write_bytes(b"\xff\xfe")
    assert "is not text" in refusal(keystore)
    certificate.unlink()
    assert "lacks" in refusal(keystore)


def test_anothers_certificate_and_another_issuer_are_refused(keystore):
    for ending in ("cert", "key"):
        hub = (keystore / f"{han_keys.HUB.hex()}-han-1.{ending}").read_text()
        (keystore / f"{METER.hex()}-han-1.{ending}").write_text(hub)
    assert "is that of" in refusal(keystore)
    certificate = keystore / f"{han_keys.HUB.hex()}-han-1.cert"
    change(certificate, han_keys.ISSUER.hex(), b"REAL CA!".hex())
    assert "no place in an emulator" in refusal(keystore, han_keys.HUB)
    assert "does not belong" in refusal(keystore, han_keys.HUB, foreign=True)


def test_an_authority_without_its_private_key_issues_nothing(keystore):
    (keystore / "han-issuing-1.key").unlink()
    assert han_keys.check(keystore) == 3
    status, output = keys(keystore, "--han")
    assert (status, "nothing is missing" in output) == (0, True)
    status, output = keys(keystore, "--han", "--device", FURTHER.hex())
    assert status == 1
    assert "han-issuing-1.key" in output
    assert not (keystore / f"{FURTHER.hex()}-han-2.cert").exists()


def test_an_authority_whose_keys_do_not_match_issues_nothing(keystore):
    (keystore / "han-issuing-1.key").write_text("00" * 20 + "05")
    with pytest.raises(SlotmeterError, match="does not belong"):
        han_keys.add(keystore, SeededEntropy(1), [FURTHER])


def test_options_that_do_not_go_together_are_told(keystore, tmp_path):
    assert keys(keystore, "--han", "--force")[0] == 1
    assert keys(tmp_path / "x", "--han", "--import", keystore)[0] == 1
    assert keys(keystore, "--han", "--list")[0] == 1
    assert keys(tmp_path / "none", "--han")[0] == 1
    assert keys(keystore, "--han", "--device", "12")[0] == 1


def test_a_folder_that_cannot_be_written_is_told(old, monkeypatch):
    monkeypatch.setattr(han_keys, "missing", lambda *given: {"no folder/a.cert": b""})
    with pytest.raises(SlotmeterError, match="name a folder that you may write"):
        han_keys.add(old, SeededEntropy(1), [METER])
    with pytest.raises(SlotmeterError, match="make one with"):
        han_keys.check(old / "nowhere")
