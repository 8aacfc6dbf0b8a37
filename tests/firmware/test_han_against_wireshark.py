"""Wireshark reads what a display and a meter say to each other, given the install code's key and the agreed ones."""

import io
import re
import shutil
import subprocess

import pytest
from han_home import KEY, MeteredHome, tariff

from slotmeter.boards.pc.capture import Capture
from slotmeter.dlms.gbcs.devices import TYPE_2
from slotmeter.zigbee_han.key_establishment import KeyAgreed

TSHARK = shutil.which("tshark")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(TSHARK is None, reason="tshark is not installed (Debian: apt-get install tshark)"),
]
METER = bytes.fromhex("00DB00000000E001")
DISPLAY = bytes.fromhex("00DB00000000D001")


def test_commands_between_display_and_meter_are_named_and_none_is_malformed(tmp_path):
    home = MeteredHome()
    file = io.BytesIO()
    capture = Capture(file)
    home.air.tap = lambda octets, time_us, channel: capture.add(octets, time_us)
    meter = home.add_meter(METER)
    home.run(4)
    tariff(meter.world.meter)
    display = home.add_display(DISPLAY)
    home.run(4)
    meter.world.meter.credentials.devices.add(DISPLAY, TYPE_2)
    display.follow(METER, home.han.now_ms)
    home.run(60)
    keys = [KEY] + [fact.key for eui64 in (METER, DISPLAY) for fact in home.told(eui64, KeyAgreed)]
    path = tmp_path / "air.pcap"
    path.write_bytes(file.getvalue())
    command = [TSHARK, "-r", str(path), "-V", "-o", "wpan.fcs_format:ITU-T CRC-16"]
    for key in keys:
        shown = ":".join(["%02x" % octet for octet in key])
        command += ["-o", 'uat:zigbee_pc_keys:"%s","Normal","key"' % shown]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    frames = re.split(r"(?m)^Frame (?=\d+: )", done.stdout)[1:]
    assert not [frame for frame in frames if "Malformed" in frame]
    assert all("(Correct)" in frame for frame in frames)
    # Only what was said before the network key was sent to anybody stays shut.
    brings_key = [number for number, frame in enumerate(frames) if "Transport Key" in frame][0]
    assert not [frame for frame in frames[brings_key:] if "Encrypted Payload" in frame]
    shorts = ["0x%04x" % one.radio.node.short for one in (meter, display)]

    def said(by, *words):
        """How many frames by the meter (0) or the display (1) have all these words."""
        way = "ZigBee Network Layer Data, Dst: %s, Src: %s" % (shorts[1 - by], shorts[by])
        return len([frame for frame in frames if way in frame and all(word in frame for word in words)])

    # Every ten seconds: consumption and demand.
    assert said(1, "Simple Metering", "Command: Read Attributes (0x00)", "Current Summation Delivered") >= 5
    assert said(0, "Simple Metering", "Command: Read Attributes Response", "Instantaneous Demand") >= 5
    for by, words in (
        (1, "Command: Configure Reporting (0x06)"),
        (1, "Command: Get Current Price (0x00)"),
        (0, "Command: Publish Price (0x00)"),
        (1, "Command: Get Tariff Information"),
        (0, "Command: Publish Tariff Information"),
        (1, "Command: Get Price Matrix"),
        (0, "Command: Publish Price Matrix"),
        (1, "Command: Get Last Message"),
        (1, "Command: Get Top Up Log"),
        (1, "Command: Get Calendar (0x00)"),
        (0, "Command: Publish Calendar"),
        (0, "Command: Publish Day Profile"),
        (0, "Command: Publish Week Profile"),
        (0, "Command: Publish Seasons"),
        (0, "Command: Publish Special Days"),
        (1, "Command: Get Event Log"),
        (0, "Command: Publish Event Log"),
    ):
        assert said(by, words), words
