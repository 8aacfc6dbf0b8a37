"""Sticks are told apart by their USB ids and texts."""

import os

import pytest
import serial.tools.list_ports

from slotmeter.hal.host import sticks


class Comport:
    """A port as pyserial describes it."""

    def __init__(self, device, vid=None, pid=None, manufacturer=None, product=None, serial_number=None):
        self.device = device
        self.vid = vid
        self.pid = pid
        self.manufacturer = manufacturer
        self.product = product
        self.serial_number = serial_number


@pytest.fixture
def plugged(monkeypatch):
    found = []
    monkeypatch.setattr(serial.tools.list_ports, "comports", lambda: found)
    return found


@pytest.mark.parametrize(
    ("ids", "manufacturer", "product", "name", "ezsp", "baud", "flow"),
    (
        ((0x10C4, 0xEA60), "Nabu Casa", "SkyConnect v1.0", "ZBT-1", True, 115200, "hardware"),
        ((0x303A, 0x4001), "Nabu Casa", "ZBT-2", "ZBT-2", True, 460800, "hardware"),
        ((0x1A86, 0x55D4), "ITEAD", "SONOFF Zigbee 3.0 USB Dongle Plus V2", "ZBDongle-E", True, 115200, "software"),
        ((0x10C4, 0xEA60), "Itead", "Sonoff_Zigbee_3.0_USB_Dongle_Plus_V2", "ZBDongle-E", True, 115200, "software"),
        ((0x10C4, 0xEA60), "SONOFF", "SONOFF Dongle Plus MG24", "MG24", True, 115200, "software"),
        ((0x10C4, 0xEA60), "SMLIGHT", "SMLIGHT SLZB-07", "SLZB-07", True, 115200, "hardware"),
        ((0x10C4, 0xEA60), "SMLIGHT", "SMLIGHT SLZB-07mg24", "SLZB-07", True, 115200, "hardware"),
        ((0x10C4, 0xEA60), "SMLIGHT", "SMLIGHT SLZB-07p7", "07p7", False, 115200, "software"),
        ((0x10C4, 0xEA60), "SMLIGHT", "SMLIGHT SLZB-06M", "06M", True, 115200, "software"),
        ((0x10C4, 0xEA60), "SMLIGHT", "SMLIGHT SLZB-06p10", "SLZB-06", False, 115200, "software"),
        ((0x10C4, 0xEA60), "ITead", "Sonoff Zigbee 3.0 USB Dongle Plus", "ZBDongle-P", False, 115200, "software"),
        ((0x1CF1, 0x0030), "dresden elektronik", "ConBee II", "ConBee", False, 38400, "software"),
    ),
)
def test_a_stick_is_known_by_its_ids_and_texts(ids, manufacturer, product, name, ezsp, baud, flow):
    known = sticks.what_is(*ids, manufacturer, product)
    assert name in known.name
    assert (known.ezsp, known.baud, known.flow) == (ezsp, baud, flow)


def test_a_serial_chip_that_many_have_is_not_taken_for_a_stick():
    assert sticks.what_is(0x10C4, 0xEA60, "Silicon Labs", "CP2102N USB to UART Bridge Controller") is None
    assert sticks.what_is(0x0403, 0x6001, "FTDI", "FT232R USB UART") is None


def test_ports_are_listed_with_the_names_that_stay(plugged, tmp_path):
    device = tmp_path / "ttyUSB0"
    device.touch()
    link = tmp_path / "by-id"
    link.mkdir()
    os.symlink(device, link / "usb-Nabu_Casa_SkyConnect")
    plugged.append(Comport("/dev/ttyS0"))
    plugged.append(Comport(str(device), 0x10C4, 0xEA60, "Nabu Casa", "SkyConnect v1.0", "c0ffee"))
    plugged.append(Comport(str(tmp_path / "ttyUSB1"), 0x0403, 0x6001))
    first, second = sticks.ports(str(link))
    assert (first.device, first.by_id, first.serial) == (str(device), str(link / "usb-Nabu_Casa_SkyConnect"), "c0ffee")
    assert "ZBT-1" in first.known.name and (second.by_id, second.known, second.manufacturer) == ("", None, "")
    assert len(sticks.ports(str(tmp_path / "nowhere"))) == 2


def test_a_known_stick_is_opened_as_it_wants_and_an_unknown_one_at_each_speed(plugged, tmp_path):
    known, unknown = tmp_path / "ttyACM0", tmp_path / "ttyUSB0"
    plugged.append(Comport(str(known), 0x303A, 0x4001, "Nabu Casa", "ZBT-2"))
    link = tmp_path / "stick"
    os.symlink(known, link)
    assert sticks.speeds(str(link)) == ((460800, "hardware"),)
    assert sticks.speeds(str(link), 115200) == ((115200, "hardware"),)
    assert sticks.speeds(str(unknown)) == ((115200, "software"), (460800, "software"), (57600, "software"))
    assert sticks.speeds(str(unknown), None, "hardware")[0] == (115200, "hardware")
    assert sticks.speeds("socket://10.0.0.9:6638") == sticks.speeds("/dev/pts/7") == ((115200, "software"),)
