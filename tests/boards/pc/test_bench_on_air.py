"""A bench whose meter is on a shared air, and whose hub is elsewhere: what it does alone, and what it refuses."""

import os
import select
import time

import pytest
from click.testing import CliRunner

from slotmeter.boards.pc import run_command, running
from slotmeter.boards.pc.bench import Bench, Options
from slotmeter.boards.pc.errors import SlotmeterError
from slotmeter.boards.pc.network_words import KeysShown
from slotmeter.zigbee_han import install_code


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("air")


@pytest.fixture(autouse=True)
def home(folder, monkeypatch):
    folder.chmod(0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    monkeypatch.setenv("XDG_DATA_HOME", str(folder / "data"))


def start(folder, **given):
    return Bench(Options(**{"keys": folder / "keys", "temporary": "store" not in given, "air": "x", **given}))


def ask(bench, op, **fields):
    reply = bench.request({"op": op, **fields})
    assert reply["ok"], reply
    return reply


def refusal(bench, op, **fields):
    reply = bench.request({"op": op, **fields})
    assert not reply["ok"], reply
    return reply["error"]["code"]


def test_it_tells_its_install_code_and_looks_for_a_network(folder):
    with start(folder) as bench:
        (device,) = ask(bench, "hello")["devices"]
        assert install_code.check(bytes.fromhex(device["install_code"])) == bench.han.code
        assert device["network"] == "joining"
        assert len(bench.filenos()) == 1 and bench.wait_s() < 1


def test_the_install_code_stays_with_the_store(folder):
    codes = []
    for _ in range(2):
        with start(folder, store=folder / "a.store") as bench:
            codes.append(bench.han.code)
    assert codes[0] == codes[1]


def test_a_network_that_was_elsewhere_is_not_resumed(folder):
    store = folder / "moved.store"
    for options in ({"air": None, "han": True}, {"air": "x"}, {"air": "x"}, {"air": "y"}, {"air": None, "han": True}):
        with start(folder, store=store, **options) as bench:
            assert not bench.han.resumed
            ask(bench, "hello")
    with start(folder, store=store, air=None, han=True) as bench:
        assert bench.han.resumed


def test_what_its_hub_does_is_refused(folder):
    with start(folder) as bench:
        assert refusal(bench, "deliver", hex="DF09") == "on-air"
        assert refusal(bench, "links", han=False) == "on-air"
        assert refusal(bench, "hub", attached=False) == "on-air"
        assert ask(bench, "links")["waiting"] == 0


def test_it_goes_on_metering_and_its_alerts_wait(folder):
    with start(folder, start="2025-01-06T10:00:00Z") as bench:
        ask(bench, "load", watts=1000)
        ask(bench, "clock", advance=3600)
        assert ask(bench, "state")["registers"]["import_wh"] == 1000
        assert "messages" not in ask(bench, "tamper")
        assert ask(bench, "links")["waiting"] == 1


def test_without_power_it_has_no_radio(folder):
    with start(folder, air="power") as bench:
        (one,) = bench.filenos()
        ask(bench, "power", on=False)
        assert bench.filenos() == ()
        assert ask(bench, "hello")["devices"][0]["network"] == "without power"
        ask(bench, "power", on=True)
        assert len(bench.filenos()) == 1
        assert ask(bench, "hello")["devices"][0]["network"] == "joining"


def test_who_is_on_the_air_wakes_it(folder):
    with start(folder, air="wake") as bench, start(folder, air="wake", store=folder / "b.store") as other:
        until = time.monotonic() + 5
        while not select.select([bench.filenos()[0]], [], [], 0)[0]:
            other.poll()
            assert time.monotonic() < until
            time.sleep(other.wait_s())
        bench.poll()


def test_a_capture_of_a_real_air_is_refused(folder):
    with pytest.raises(SlotmeterError, match="--capture"):
        start(folder, air=None, radio="/dev/ttyUSB0", capture=folder / "air.pcap")


def test_hubs_and_meters_are_found_apart(folder):
    assert running.running(running.HUB) == []
    with pytest.raises(SlotmeterError, match="no hub is running"):
        running.find_hub()
    path = running.announce(running.RunningMeter(4060, "", "hub.store", "", "", running.HUB))
    try:
        assert running.find_hub().port == 4060
        assert running.find_hub(4060).store == "hub.store"
        assert running.find_hub(5).port == 5
        assert running.running() == []
        path.with_name("%d.json" % os.getppid()).write_text(path.read_text())
        with pytest.raises(SlotmeterError, match="several hubs"):
            running.find_hub()
    finally:
        running.withdraw(path)
        running.withdraw(path.with_name("%d.json" % os.getppid()))


def test_a_file_from_before_there_were_hubs_is_a_meters(folder):
    path = running.announce(running.RunningMeter(4059))
    path.write_text('{"port": 4059, "variant": "single", "store": "", "keys": "", "rtds": ""}')
    assert [one.port for one in running.running()] == [4059]
    running.withdraw(path)


def test_an_install_code_that_is_given_goes_before_the_one_that_was_kept(folder):
    code = install_code.parse("83FE D340 7A93 9723 A5C6 39B2 6916 D505 C3B5")
    store = folder / "given.store"
    for given in (None, code, None):
        with start(folder, store=store, install_code=given) as bench:
            last = bench.han.code
    assert last == code


def test_each_key_of_the_network_is_shown_once_when_it_is_known():
    known = [("install code", bytes(16))]
    keys = KeysShown(lambda: known)
    assert keys.new_lines() == ['  "%s","Normal","install code"' % ":".join(["00"] * 16)]
    known.append(("agreed", b"\x01" * 16))
    known.append(("network", b""))
    assert [line[-9:] for line in keys.new_lines()] == [',"agreed"']
    assert keys.new_lines() == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--install-code", "83FE D340"], "install code"),
        (["--install-code", "XYZ"], "hexadecimal"),
        (["--direct", "--install-code", "83FED3407A939723A5C639B26916D505C3B5"], "--direct leaves that out"),
    ],
)
def test_an_install_code_that_cannot_be_is_one_sentence(arguments, words):
    result = CliRunner().invoke(run_command.command, arguments)
    assert result.exit_code == 2 and words in result.output
