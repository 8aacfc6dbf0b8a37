"""The tables of clusters against Wireshark's dissector and zigpy's Metering cluster, which other people wrote."""

import shutil
import subprocess

import pytest

from slotmeter.zigbee_han import commands, tables

NAMES = {
    0x0025: "keep_alive",
    0x0700: "price",
    0x0702: "met",
    0x0703: "msg",
    0x0704: "tun",
    0x0705: "pp",
    0x0707: "calendar",
    0x0708: "device_management",
    0x0709: "events",
    0x0800: "ke",
}
# Wireshark 4.0 names these prices from tier 16 on only.
NOT_IN_WIRESHARK = {(0x0700, number) for number in range(0x0500, 0x050F)}


@pytest.fixture(scope="module")
def wireshark():
    """What `tshark -G values` says of Smart Energy: {field: {number: name}}."""
    if shutil.which("tshark") is None:
        pytest.skip("tshark is not installed: apt-get install tshark")
    told = subprocess.run(["tshark", "-G", "values"], capture_output=True, text=True, check=True).stdout
    found = {}
    for line in told.splitlines():
        parts = line.split("\t")
        if parts[0] == "V" and parts[1].startswith("zbee_zcl_se."):
            found.setdefault(parts[1][len("zbee_zcl_se.") :], {})[int(parts[2], 0)] = parts[3]
    return found


def every_attribute():
    for number, _, _, rows, _ in tables.CLUSTERS:
        for first, _, _, flags, count, step in rows:
            client = bool(flags & tables.CLIENT)
            for place in range(count):
                yield number, client, first + place * step


def test_every_attribute_has_the_name_that_wireshark_gives_it(wireshark):
    compared = 0
    for number, client, which in every_attribute():
        if number not in NAMES or (number, which) in NOT_IN_WIRESHARK:
            continue
        told = wireshark["%s.attr_%sid" % (NAMES[number], "client_" if client else "")]
        assert told.get(which) == commands.attribute(number, which, client).name, hex(which)
        compared += 1
    assert compared > 600


def test_every_command_has_the_name_and_the_direction_that_wireshark_gives_it(wireshark):
    compared = 0
    for number, _, _, _, rows in tables.CLUSTERS:
        if number not in NAMES:
            continue
        for which, name, to_client, _ in rows:
            told = wireshark["%s.cmd.srv_%s.id" % (NAMES[number], "tx" if to_client else "rx")]
            said = name if number != 0x0800 or which != 3 else "Terminate Key Establishment"
            assert told.get(which) == said, (hex(number), hex(which))
            compared += 1
    assert compared > 110


def test_attributes_of_metering_have_the_types_that_zigpy_gives_them():
    smartenergy = pytest.importorskip("zigpy.zcl.clusters.smartenergy", reason="pip install zigpy")
    compared, differing = 0, []
    for which, told in smartenergy.Metering.attributes.items():
        found = commands.attribute(0x0702, which)
        if found is None:
            continue
        compared += 1
        if int(told.zcl_type) != found.kind:
            differing.append((hex(which), found.name, hex(found.kind), hex(told.zcl_type)))
    assert compared > 80
    assert differing == []
