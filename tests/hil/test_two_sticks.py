"""A hub on one ZigBee stick and a meter on another, with nothing simulated but the two devices themselves.

    pytest tests/hil --dongle HUB'S --dongle METER'S

Both sticks are reset and put into a new network, and get the bench's addresses. Without two sticks these are skipped;
`test_simulated_sticks.py` runs them on simulated ones.
"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

SLOTMETER = [sys.executable, "-m", "slotmeter.boards.pc"]
# A real stick forms a network after a scan of some seconds; a meter that was not let in tries again after a minute.
START_S = 60
JOIN_S = 150
ANSWER_S = 60
_CODE = re.compile(r"slotmeter hub add (\S+) '([^']+)'")
_LISTENING = re.compile(r"Listening on 127\.0\.0\.1:(\d+)")


class Running:
    """A command of ours that goes on until it is stopped; what it printed is in a file."""

    def __init__(self, folder, name, *arguments):
        self.path = folder / (name + ".log")
        with self.path.open("w") as file:
            self.process = subprocess.Popen([*SLOTMETER, *arguments], stdout=file, stderr=subprocess.STDOUT)

    def until(self, pattern, within_s=START_S):
        """What the pattern found in its output."""
        end = time.monotonic() + within_s
        while True:
            output = self.path.read_text()
            found = re.search(pattern, output)
            if found is not None:
                return found
            assert self.process.poll() is None, output
            assert time.monotonic() < end, "no %r within %d s:\n%s" % (pattern, within_s, output)
            time.sleep(0.1)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        self.process.wait(30)


def ask(*arguments):
    """What a command of ours prints."""
    done = subprocess.run([*SLOTMETER, *arguments], capture_output=True, text=True, timeout=ANSWER_S + 30, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


class Lab:
    """The hub and the meter, running and joined. eui64: the meter's, as people write it."""

    def __init__(self, folder, dongles):
        self.folder = folder
        self.hub = Running(folder, "hub", "hub", "--radio", dongles[0], "--temporary", "--port", "0")
        self.hub.until(_LISTENING)
        self.store = str(folder / "meter.store")
        self.dongle = dongles[1]
        self.meter = self.start_meter("meter-first")
        self.eui64, code = self.meter.until(_CODE).groups()
        # It would try again after a minute. Started again it has the same code, and need not wait.
        self.meter.stop()
        ask("hub", "add", self.eui64, code, "--permit", "240")
        self.meter = self.start_meter("meter")
        self.joined_s = self.until_up()

    def start_meter(self, name):
        meter = Running(
            self.folder, name, "run", "--radio", self.dongle, "--store", self.store, "--no-demo", "--port", "0"
        )
        self.meter_port = int(meter.until(_LISTENING).group(1))
        return meter

    def until_up(self):
        """How long it took until the hub has a tunnel to the meter."""
        begun = time.monotonic()
        while "tunnel open" not in ask("hub", "devices"):
            assert time.monotonic() < begun + JOIN_S, self.meter.path.read_text() + self.hub.path.read_text()
            time.sleep(0.5)
        return time.monotonic() - begun

    def happens(self, op):
        """Has something happen at the meter, by the bench protocol."""
        with socket.create_connection(("127.0.0.1", self.meter_port), timeout=10) as line:
            line.sendall(json.dumps({"id": 1, "op": op}).encode() + b"\n")
            reply = json.loads(line.makefile().readline())
        assert reply["ok"], reply

    def stop(self):
        self.meter.stop()
        self.hub.stop()


@pytest.fixture(scope="module")
def lab(dongles, tmp_path_factory):
    if len(dongles) < 2:
        pytest.skip("two sticks are needed: --dongle DEVICE (the hub's) and once more --dongle DEVICE (the meter's)")
    folder = Path(tmp_path_factory.mktemp("hil"))
    before = os.environ.get("XDG_DATA_HOME")
    os.environ["XDG_DATA_HOME"] = str(folder)
    made = []
    try:
        made.append(Lab(folder, dongles))
        yield made[0]
    finally:
        for one in made:
            one.stop()
        if before is None:
            del os.environ["XDG_DATA_HOME"]
        else:
            os.environ["XDG_DATA_HOME"] = before


def test_the_meter_joins_by_install_code_agrees_a_key_and_gets_a_tunnel(lab):
    print("joined, key agreed and tunnel open after %.1f s" % lab.joined_s)
    assert "ESME" in ask("hub", "devices")
    lab.meter.until("agreed a key with")


def test_a_register_is_read_through_hub_air_and_tunnel(lab):
    answer = ask("request", "ECS17b", "--hub")
    assert "MAC authentic, encrypted, decrypted" in answer
    assert "active_import_value" in answer


def test_a_top_up_arrives(lab):
    assert "enter: success" in ask("request", "CS01a", "amount=£10", "--hub")


def test_an_alert_comes_unasked(lab):
    lab.happens("tamper")
    end = time.monotonic() + ANSWER_S
    while "8F3F" not in ask("hub", "alerts"):
        assert time.monotonic() < end, ask("hub", "alerts")


def test_a_message_that_needs_many_fragments_arrives_both_ways(lab):
    assert "success" in ask("request", "ECS01a", "--hub")
    assert "success" in ask("request", "ECS24", "--hub")


def test_a_meter_that_was_started_again_goes_on_in_its_network(lab):
    lab.meter.stop()
    lab.meter = lab.start_meter("meter-again")
    lab.until_up()
    assert "MAC authentic" in ask("request", "ECS17b", "--hub")
    output = lab.meter.path.read_text()
    assert "install code" in output
    assert "agreed a key" not in output
