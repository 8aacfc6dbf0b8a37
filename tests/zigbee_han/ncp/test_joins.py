"""Two sticks on one air, each with an unmodified host: zigpy or zigbee-herdsman forms, bellows joins as a router.

The hosts are started as programs of their own, several pairs at a time; what they found is looked at afterwards.
"""

import importlib.util
import json
import os
import select
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from programs import Program, herdsman_is_there

HERE = Path(__file__).resolve().parent
TSHARK = shutil.which("tshark")
ZIGPY = (13, 14, 16, 17, 18, 19)
HERDSMAN = (13, 14, 16, 18, 19)
ROUTER = "0200000000000002"
# An install code with its CRC, and what is made of it (facts 3.4).
CODE = "83FED3407A939723A5C639B26916D505C3B5"
KEY = "66b6900981e1ee3ca4206b6b861c02bb"
WRONG_KEY = "00000000000000000000000000000000"
PROFILE = "0104"
AT_ONCE = 6
NETWORK_UP = (0x90, 0x15)
NO_NETWORK_KEY = (0xAD, 0x0C1B)
NO_BEACONS = (0xAB, 0x18)
NOTHING = "dropped {}, {}"
NO_KEY_YET = "dropped {'NWK: sealed with a key that is not known': 1}, {}"
# What bellows says when messages are sealed with the link key, and acknowledged.
SEALED = 0x0160

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("bellows") is None, reason="zigpy and bellows are not installed: pip install bellows"
    ),
]


class Hub:
    """The program that forms the network: first it says that it is ready, and at the end what it found."""

    def __init__(self, arguments, environment=None):
        self.said = []
        self.process = subprocess.Popen(
            arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
        )
        end = time.monotonic() + 60
        while not select.select([self.process.stdout], [], [], 1)[0]:
            assert time.monotonic() < end and self.process.poll() is None, "the hub does not get ready"
        self.ready = self._told()

    def _told(self):
        while True:
            line = self.process.stdout.readline()
            assert line, "the hub ended: " + "".join(self.said)[-3000:]
            # What it warns of is on the same stream.
            if line.startswith("{"):
                return json.loads(line)
            self.said.append(line)

    def found(self):
        told = self._told()
        self.process.communicate(timeout=60)
        return told


class Pair:
    """What came of one hub and one router."""

    def __init__(self, folder, kind, version, permit, key):
        self.capture = folder / ("%s-%d-%s-%s.pcap" % (kind, version, permit, key[:2]))
        arguments = [str(HERE / "sticks_on_an_air.py"), str(self.capture), str(version), str(version)]
        with Program(*arguments) as sticks:
            first, second = sticks.output.split()
            if kind == "zigpy":
                hub = Hub([sys.executable, str(HERE / "zigpy_network.py"), first, ROUTER, KEY, permit, "16"])
            else:
                node, modules = herdsman_is_there()
                environment = dict(os.environ, NODE_PATH=str(modules))
                script = str(HERE / "herdsman_network.js")
                hub = Hub([node, script, first, ROUTER, CODE, permit, "16"], environment)
            self.ready = hub.ready
            router = [sys.executable, str(HERE / "bellows_router.py"), second, key, PROFILE, "16"]
            done = subprocess.run(router, capture_output=True, text=True, timeout=90, check=False)
            assert done.returncode == 0, done.stderr[-3000:]
            self.router, *self.heard = [json.loads(line) for line in done.stdout.splitlines()]
            self.hub = hub.found()
        self.dropped = sticks.output.splitlines()[1:]


def of(tmp_path_factory, kind, versions):
    """All the pairs of a kind of hub: those that join, one with another key, one whose network is closed."""
    folder = tmp_path_factory.mktemp(kind)
    wanted = [(version, "permit", KEY) for version in versions]
    wanted += [(versions[1], "permit", WRONG_KEY), (versions[-1], "closed", KEY)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        pairs = [pool.submit(Pair, folder, kind, *one) for one in wanted]
        return {one: pair.result() for one, pair in zip(wanted, pairs, strict=True)}


@pytest.fixture(scope="module")
def with_zigpy(tmp_path_factory):
    return of(tmp_path_factory, "zigpy", ZIGPY)


@pytest.fixture(scope="module")
def with_herdsman(tmp_path_factory):
    herdsman_is_there()
    return of(tmp_path_factory, "herdsman", HERDSMAN)


def has_joined(pair):
    """What is the same whoever formed the network."""
    assert pair.router["status"] in NETWORK_UP
    assert (pair.router["type"], pair.router["permit"]) == (2, [True])
    assert pair.router["pan"] == pair.ready["pan"]
    assert pair.hub["joined"] and pair.hub["type"] == "Router" and pair.hub["node"] == pair.router["node"]
    hub, router = pair.dropped
    assert hub == NOTHING
    # A broadcast may come while it has joined and has not been sent the network's key.
    assert router in (NOTHING, NO_KEY_YET)


@pytest.mark.parametrize("version", ZIGPY)
def test_bellows_joins_the_network_of_zigpy_as_a_router(with_zigpy, version):
    pair = with_zigpy[version, "permit", KEY]
    has_joined(pair)
    assert (pair.hub["endpoints"], pair.hub["device"]) == ([1], 0x0501)
    # In clear and sealed with the install code's key, both answered.
    asked = [one for one in pair.heard if one["cluster"] == 0x0702]
    assert [one["options"] for one in asked] == [SEALED & ~0x20, SEALED]
    assert pair.hub["answers"] == ["1801010000002008", "1802010000002008"]
    assert pair.hub["left"]


@pytest.mark.parametrize("version", HERDSMAN)
def test_bellows_joins_the_network_of_herdsman_as_a_router(with_herdsman, version):
    pair = with_herdsman[version, "permit", KEY]
    has_joined(pair)
    assert pair.hub["interview"] == "successful"
    assert pair.hub["endpoint"] == {"profile": 0x0104, "device": 0x0501, "inputs": [0x0000, 0x0702]}
    assert pair.hub["read"] == {"currentSummDelivered": 8}
    assert (pair.hub["lqi"], pair.hub["left"]) == (1, "0x" + ROUTER)


@pytest.mark.parametrize("kind", ["with_zigpy", "with_herdsman"])
def test_another_key_or_a_closed_network_keeps_a_router_out(request, kind):
    pairs = request.getfixturevalue(kind)
    refused = [pairs[one] for one in pairs if one[2] == WRONG_KEY or one[1] == "closed"]
    wrong, closed = refused
    assert wrong.router["status"] in NO_NETWORK_KEY
    assert closed.router["status"] in NO_BEACONS and closed.router["permit"] == [False]
    assert not closed.hub["joined"]


@pytest.mark.skipif(TSHARK is None, reason="tshark is not installed (Debian: apt-get install tshark)")
@pytest.mark.parametrize("kind", ["with_zigpy", "with_herdsman"])
def test_wireshark_reads_what_the_sticks_say_with_the_install_code_s_key_alone(request, kind):
    for pair in list(request.getfixturevalue(kind).values())[:2]:
        key = ":".join([KEY[place : place + 2] for place in range(0, 32, 2)])
        command = [TSHARK, "-r", str(pair.capture), "-o", 'uat:zigbee_pc_keys:"%s","Normal","key"' % key]
        command += ["-T", "fields", "-e", "wpan.fcs_ok", "-e", "_ws.malformed", "-e", "_ws.col.Info"]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
        frames = [line.split("\t") for line in done.stdout.splitlines()]
        assert len(frames) > 40
        assert {(fcs, malformed) for fcs, malformed, _ in frames} == {("1", "")}, frames
        said = [info for _, _, info in frames]
        for wanted in ("Association Request", "Transport Key", "Device Announcement", "ZCL: Read Attributes, Seq"):
            assert [info for info in said if info.startswith(wanted)], wanted
        begun = [info.startswith("Transport Key") for info in said].index(True)
        assert not [info for info in said[begun:] if info.startswith(("Data, Dst", "Command, Dst", "APS: Command"))]
