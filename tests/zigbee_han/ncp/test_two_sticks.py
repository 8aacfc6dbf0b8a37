"""Sticks that share an air, each in a process of its own, with hosts that others wrote: one forms, the other joins."""

import importlib.util
import json
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from programs import stick, told

from slotmeter.hal.host.crypto import HostCrypto
from slotmeter.zigbee_han import install_code

HERE = Path(__file__).resolve().parent
TSHARK = shutil.which("tshark")
HUB = "0200000000000001"
METER = "0200000000000002"
FAR = "0200000000000004"
CODE = install_code.with_crc(bytes(range(16)))
KEY = install_code.link_key(HostCrypto(), CODE)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("air_folder"),
    pytest.mark.skipif(
        importlib.util.find_spec("bellows") is None, reason="zigpy and bellows are not installed: pip install bellows"
    ),
]


class Zigpy:
    """zigpy_hub.py; `wait` gives what it says."""

    def __init__(self, place, channel=15):
        arguments = [sys.executable, str(HERE / "zigpy_hub.py"), place, METER, KEY.hex(), str(channel)]
        self.process = subprocess.Popen(
            arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self._limit = threading.Timer(90, self.process.kill)
        self._limit.start()

    def wait(self, name):
        """The value of the next `name` that it tells."""
        for line in self.process.stdout:
            said = json.loads(line)
            if name in said:
                return said[name]
        raise AssertionError("it ended: " + self.process.stderr.read()[-3000:])

    def __enter__(self):
        assert self.wait("ready")
        return self

    def __exit__(self, *_):
        self._limit.cancel()
        self.process.stdin.close()
        self.process.stdout.read()
        self.process.stderr.close()
        self.process.stdout.close()
        self.process.wait(30)


def joining(place, key, text, *channel):
    """bellows_join.py, begun."""
    arguments = [sys.executable, str(HERE / "bellows_join.py"), place, key, text, *channel]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ended(process):
    """What bellows_join.py found and did."""
    out, errors = process.communicate(timeout=60)
    return told(subprocess.CompletedProcess(process.args, process.returncode, out, errors))


def on_air(eui64, version, *options):
    return stick("--pty", "--air", "bench", "--eui64", eui64, "--version", version, *options)


def dissected(path):
    """(FCS is right, is malformed, what it is) of each frame, by tshark that knows the install code's key alone."""
    key = ":".join(["%02x" % octet for octet in KEY])
    command = [TSHARK, "-r", str(path), "-o", 'uat:zigbee_pc_keys:"%s","Normal","install code"' % key, "-T", "fields"]
    for name in ("wpan.fcs_ok", "_ws.malformed", "_ws.col.Info"):
        command += ["-e", name]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return [line.split("\t") for line in done.stdout.splitlines()]


@pytest.mark.skipif(TSHARK is None, reason="tshark is not installed (Debian: apt-get install tshark)")
def test_a_stick_joins_another_ones_network_and_goes_on_in_it_after_it_was_killed(tmp_path):
    path = tmp_path / "air.pcap"
    store = tmp_path / "meter.db"
    with on_air(HUB, 13, "--capture", path) as hub, Zigpy(hub.place) as zigpy:
        meter = on_air(METER, 13, "--store", store)
        first = ended(joining(meter.place, KEY.hex(), "hello"))
        assert (first["networks"], first["joined"], first["answer"]) == ([15], True, "olleh")
        assert zigpy.wait("joined").replace(":", "") == METER
        assert (bytes.fromhex(zigpy.wait("heard")), zigpy.wait("delivered")) == (b"hello", True)
        meter.process.send_signal(signal.SIGKILL)
        meter.process.communicate(timeout=20)
        with on_air(METER, 13, "--store", store, "--at", "40,30") as meter:
            again = ended(joining(meter.place, "-", "here again"))
        assert (again["joined"], again["delivered"], again["answer"]) == (True, "OK", "niaga ereh")
        assert "network resumed" in meter.output
    frames = dissected(path)
    assert len(frames) > 40
    assert {(fcs, malformed) for fcs, malformed, _ in frames} == {("1", "")}, frames
    said = [info for _, _, info in frames]
    for wanted in ("Association Request", "Transport Key", "Device Announcement", "Simple Descriptor Response"):
        assert [info for info in said if info.startswith(wanted)], wanted
    # From the network key on nothing is closed to who has the install code's key.
    said = said[[info.startswith("Transport Key") for info in said].index(True) :]
    assert not [info for info in said if info.startswith(("Data, Dst", "Command, Dst", "APS: Command"))]


def test_sticks_of_two_channels_have_nothing_to_do_with_each_other_and_a_bad_air_stops_nobody():
    with on_air(HUB, 17) as one, on_air("0200000000000003", 13) as other, on_air(FAR, 13, "--at", "80,-70") as far:
        with Zigpy(one.place) as zigpy, Zigpy(other.place, 20) as elsewhere:
            nowhere = joining(far.place, KEY.hex(), "hello")
            with on_air(METER, 18, "--at", "10,10", "--loss", 3, "--noise", 3, "--seed", 4) as meter:
                found = ended(joining(meter.place, KEY.hex(), "hello", "20"))
            assert (found["networks"], found["answer"]) == ([20], "olleh")
            assert "network joined: PAN " in meter.output
            assert elsewhere.wait("heard") == b"hello".hex()
            zigpy.process.stdin.close()
            assert zigpy.process.stdout.read() == ""
            assert ended(nowhere) == {"networks": [], "joined": False}
