"""`slotmeter air`: who is on an air, and what is said there as a file for Wireshark."""

import os
import re
import signal
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner

from slotmeter.boards.pc.__main__ import cli
from slotmeter.boards.pc.shared_air import Frame, SharedAir, build, members

pytestmark = pytest.mark.usefixtures("air_folder")


@pytest.fixture
def home(air_folder):
    air = SharedAir("home")
    yield air
    air.close()


def run(*options):
    result = CliRunner().invoke(cli, ["air", *[str(option) for option in options]], standalone_mode=False)
    return result.output + str(getattr(result.exception, "message", result.exception or ""))


def test_the_airs_and_who_is_on_them_are_shown(home):
    assert re.fullmatch(r"home +1\n", run())
    assert re.fullmatch(r" *%d  .*\n" % os.getpid(), run("home"))
    assert run("nobody") == ""


def test_what_cannot_be_is_refused_in_one_line(tmp_path):
    assert "1 to 32 letters, digits, - and _" in run("a/b")
    assert "needs the NAME" in run("--capture", "x.pcap")
    assert "No such file" in run("home", "--capture", tmp_path / "nowhere" / "x.pcap")
    assert "the capture cannot be written: No space left" in run("home", "--capture", "/dev/full")


class Sniffer:
    def __init__(self, *options, **streams):
        environment = dict(os.environ, PYTHONPATH=os.pathsep.join(path for path in sys.path if path))
        command = [sys.executable, "-m", "slotmeter.boards.pc", "air", *[str(option) for option in options]]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment, **streams)
        line = self.process.stderr.readline()
        assert "air home, with 1 others on it" in line, line + self.process.stderr.read()

    def ended(self):
        text = self.process.communicate(timeout=20)[1]
        return self.process.returncode, text


def send(air, frames):
    """As a radio of another process would."""
    for octets in frames:
        for name in os.listdir(air._folder):
            if name != air._own:
                air._socket.sendto(build(Frame(octets, 15, 0, 0)), str(air._folder / name))


def records(octets):
    """(seconds, octets) of each frame; the format is what test_capture.py describes a second time."""
    assert octets[20:24] == b"\xc3\0\0\0"
    found, octets = [], octets[24:]
    while octets:
        size = int.from_bytes(octets[8:12], "little")
        found.append((int.from_bytes(octets[:4], "little"), octets[16 : 16 + size]))
        octets = octets[16 + size :]
    return found


def test_all_that_is_said_is_written_with_the_time_of_day(home, tmp_path):
    path = tmp_path / "home.pcap"
    begun = int(time.time())
    sniffer = Sniffer("home", "--capture", path)
    process = sniffer.process.pid
    assert members("home") == sorted([os.getpid(), process])
    assert "slotmeter air home --capture %s" % path in run("home")
    send(home, [b"one", b"junk!", b"three"])
    until = time.monotonic() + 10
    while path.stat().st_size < 24 + 3 * 16 + 13 and time.monotonic() < until:
        time.sleep(0.01)
    sniffer.process.send_signal(signal.SIGINT)
    assert sniffer.ended() == (0, "3 frames\n")
    seen = records(path.read_bytes())
    assert [octets for _, octets in seen] == [b"one", b"junk!", b"three"]
    assert all(begun <= when <= time.time() for when, _ in seen)
    assert members("home") == [os.getpid()]


def test_a_reader_that_goes_ends_it_without_a_complaint(home):
    sniffer = Sniffer("home", "--capture", "-", stdout=subprocess.PIPE)
    sniffer.process.stdout.close()
    send(home, [b"one"])
    code, text = sniffer.ended()
    assert (code, text) == (1, "0 frames\n")
