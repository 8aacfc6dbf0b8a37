"""`slotmeter radio`: what it lists, and what a stick tells it."""

import json

import pytest
import serial.tools.list_ports
from click.testing import CliRunner
from plugged import Sticks

from slotmeter.boards.pc.__main__ import cli
from slotmeter.hal.host.radio_ezsp import EzspRadio


@pytest.fixture
def sticks(tmp_path):
    found = Sticks(tmp_path)
    yield found
    found.close()


class Comport:
    device, vid, pid = "/dev/ttyUSB0", 0x10C4, 0xEA60
    manufacturer, product, serial_number = "Nabu Casa", "SkyConnect v1.0", "c0ffee"


class Other(Comport):
    device, manufacturer, product = "/dev/ttyUSB1", "ITead", "Sonoff Zigbee 3.0 USB Dongle Plus"


class Unknown(Comport):
    device, vid, pid, manufacturer, product = "/dev/ttyUSB2", 0x0403, 0x6001, "FTDI", None


def slotmeter(*arguments, status=0):
    result = CliRunner().invoke(cli, ["radio", *arguments])
    assert result.exit_code == status, result.output
    return result.output


def test_nothing_plugged_in_is_said_with_what_there_is_instead(monkeypatch):
    monkeypatch.setattr(serial.tools.list_ports, "comports", list)
    assert "no stick is plugged in" in slotmeter("list") and "slotmeter ncp" in slotmeter("list")
    assert json.loads(slotmeter("list", "--json")) == []


def test_sticks_are_listed_with_what_is_known_of_them(monkeypatch):
    monkeypatch.setattr(serial.tools.list_ports, "comports", lambda: [Comport, Other, Unknown])
    text = slotmeter("list")
    assert "/dev/ttyUSB0  Home Assistant Connect ZBT-1" in text and "115200 baud, RTS/CTS" in text
    assert "/dev/ttyUSB1  Sonoff ZBDongle-P" in text and "slotmeter cannot use it" in text
    assert "/dev/ttyUSB2  unknown" in text and "slotmeter radio probe /dev/ttyUSB2" in text
    first, second, third = json.loads(slotmeter("list", "--json"))
    assert (first["vid"], first["pid"], first["serial"], first["ezsp"]) == ("10C4", "EA60", "c0ffee", True)
    assert (second["ezsp"], third["stick"], third["product"]) == (False, None, "")


def test_a_stick_is_asked_what_it_is(sticks):
    plugged = sticks.plug(18)
    text = slotmeter("probe", plugged.path)
    eui = plugged.stick.server.flash.eui()
    assert "EZSP version 18, stack 9.0.0.0" in text and "slotmeter ncp" in text
    assert "%s; it can be rewritten" % eui.hex("-").upper() in text
    assert "link keys   12" in text and "network     none" in text


def test_the_network_that_a_stick_remembers_is_told_and_left_alone(sticks):
    plugged = sticks.plug(13)
    radio = EzspRadio(plugged.path)
    radio.form(21, 0xBEEF, b"slotmetr", bytes(range(16)), 0)
    radio.close()
    found = json.loads(slotmeter("probe", plugged.path, "--json"))
    assert found["network"] == {
        "role": "coordinator",
        "channel": 21,
        "pan": "BEEF",
        "extended_pan": b"slotmetr".hex().upper(),
    }
    assert (found["ezsp"], found["rewrite"], found["link_keys"], found["baud"]) == (13, "yes", 12, 115200)
    server = plugged.stick.server
    assert server.flash.network.pan == 0xBEEF and not server.network_is_up


def test_what_is_no_stick_is_told_in_one_line(tmp_path):
    assert "there is no device" in slotmeter("probe", str(tmp_path / "ttyUSB9"), status=1)
    assert "nobody listens" in slotmeter("probe", "socket://127.0.0.1:1", status=1)
