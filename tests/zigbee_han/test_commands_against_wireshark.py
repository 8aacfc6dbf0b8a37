"""Every command of the tables, built by us and taken apart by Wireshark: it names it and takes it apart to the end."""

import shutil
import struct
import subprocess
import xml.etree.ElementTree as ET

import pytest

from slotmeter.zigbee_han import commands, tables, zcl
from slotmeter.zigbee_han.frames import aps, mac, nwk

SMART_ENERGY = 0x0109
# 802.15.4 with its check sequence.
DLT = 195
# Wireshark 4.0 takes the percentage for one octet; Smart Energy 1.4 and the GBCS reference messages have two.
SHORTER_IN_WIRESHARK = {(0x0705, 0x02, False): 1}


def a_value(kind):
    return {zcl.OCTETS: b"label", zcl.TEXT: "text", zcl.BOOL: True, zcl.DATE: [2021, 12, 25, 6]}.get(kind, 1)


def values_of(number, which, to_client, fields):
    """One of each thing, and rests that make sense."""
    rests = {
        "thresholds": b"\x02" + bytes(12),
        "snapshot_payload": bytes(24),
        "certificate": bytes(48),
        "ephemeral_data": bytes(22),
        "mac": bytes(16),
        # Of an event group, which is what 1 before it says.
        "events": b"\x01\x00",
        # What the sleepy meter asks with: tshark goes on into what is tunnelled.
        "data": b"\x01",
    }
    found = {}
    for name, kind, _ in fields:
        if isinstance(kind, tuple):
            found[name] = [{inner: a_value(one) for inner, one, _ in kind}]
        else:
            found[name] = rests[name] if kind == tables.REST else a_value(kind)
    return found


def a_frame(number, cluster, octets):
    """On the air, with nothing encrypted."""
    data = aps.Frame(aps.DATA, number & 0xFF, octets, 1, cluster, SMART_ENERGY, 1)
    packet = nwk.Frame(nwk.DATA, 0x0000, 0x1234, 30, number & 0xFF, aps.build(data))
    frame = mac.Frame(mac.DATA, number & 0xFF, 0x1AAA, 0x0000, 0x1AAA, 0x1234, nwk.build(packet), one_pan=True)
    return mac.build(frame)


def told(folder, frames):
    """What tshark says of each frame: (all that it shows, whether it is malformed, octets that no field takes)."""
    if shutil.which("tshark") is None:
        pytest.skip("tshark is not installed: apt-get install tshark")
    path = folder / "commands.pcap"
    parts = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, DLT)]
    parts += [struct.pack("<IIII", 1, number, len(one), len(one)) + one for number, one in enumerate(frames)]
    path.write_bytes(b"".join(parts))
    run = ["tshark", "-r", str(path), "-o", "wpan.fcs_format:ITU-T CRC-16", "-T", "pdml"]
    shown = ET.fromstring(subprocess.run(run, capture_output=True, check=True).stdout)
    found = []
    for packet, octets in zip(shown.findall("packet"), frames, strict=True):
        outer = ("geninfo", "frame", "wpan")
        layers = [one for one in packet.findall("proto") if one.get("name") not in outer]
        leaves = [one for layer in layers for one in layer.iter("field") if not len(one) and int(one.get("size", 0))]
        text = " ".join([one.get("showname") or "" for layer in layers for one in layer.iter("field")])
        malformed = any("malformed" in one.get("name") for one in packet.findall("proto"))
        end = max([int(one.get("pos")) + int(one.get("size")) for one in leaves])
        # The check sequence is the last field, and in another layer.
        found.append((text, malformed, len(octets) - 2 - end))
    return found


def test_wireshark_takes_every_command_apart_to_its_last_octet(tmp_path):
    made, frames = [], []
    for number, _, _, _, rows in tables.CLUSTERS:
        for which, name, to_client, fields in rows:
            payload = commands.build(number, to_client, which, values_of(number, which, to_client, fields))
            octets = zcl.build_frame(zcl.Frame(zcl.CLUSTER, which, payload, 1, to_client))
            made.append((number, which, to_client, name))
            frames.append(a_frame(len(frames), number, octets))
    wrong = []
    for one, (text, malformed, left) in zip(made, told(tmp_path, frames), strict=True):
        named = ("Command: " + one[3]).lower() in text.lower()
        if malformed or not named or left != SHORTER_IN_WIRESHARK.get(one[:3], 0):
            wrong.append((hex(one[0]), *one[1:], text[text.find("Command:") :], malformed, left))
    assert not wrong, "\n".join([repr(one) for one in wrong])


def test_wireshark_notices_an_octet_too_many_or_too_few(tmp_path):
    fields = commands.command(0x0705, False, 0x0B)[3]
    payload = commands.build(0x0705, False, 0x0B, values_of(0x0705, 0x0B, False, fields))
    frames = []
    for number, octets in enumerate((payload, payload + b"\x00", payload[:-1])):
        frame = zcl.Frame(zcl.CLUSTER, 0x0B, octets, 1)
        frames.append(a_frame(number, 0x0705, zcl.build_frame(frame)))
    good, long, short = told(tmp_path, frames)
    assert good[1:] == (False, 0)
    assert long[2] == 1
    assert short[1]
