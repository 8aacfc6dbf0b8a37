"""Programs that tests start: our sticks, and hosts that others wrote."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest


class Program:
    """Something that prints where it is, until it is interrupted. Afterwards `output` is all that it printed."""

    def __init__(self, *arguments):
        # A thread of its own is not needed: it prints little.
        self.process = subprocess.Popen(
            [sys.executable, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.output = ""
        self.place = ""
        while not self.place:
            line = self.process.stdout.readline()
            if not line:
                raise AssertionError("it ended: " + self.output)
            self.output += line
            found = re.search(r"/dev/\S+|socket://\S+", line)
            self.place = found.group() if found else ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGINT)
        try:
            self.output += self.process.communicate(timeout=20)[0]
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        assert self.process.returncode == 0, self.output


def stick(*options):
    return Program("-m", "slotmeter.boards.pc", "ncp", *[str(option) for option in options])


def told(process):
    assert process.returncode == 0, process.stdout[-3000:] + process.stderr[-3000:]
    return json.loads(process.stdout.strip().splitlines()[-1])


def herdsman_is_there():
    """The program and the modules that it needs; else the test is skipped, before anything is started."""
    modules = os.environ.get("SLOTMETER_HERDSMAN")
    how = "set SLOTMETER_HERDSMAN to a folder in which npm has installed node@22 and zigbee-herdsman@10.9.5"
    if modules is None:
        pytest.skip("zigbee-herdsman is not there: " + how)
    modules = Path(modules) / "node_modules"
    node = modules / ".bin" / "node"
    node = str(node) if node.exists() else shutil.which("node")
    if node is None or not (modules / "zigbee-herdsman").is_dir():
        pytest.skip("zigbee-herdsman is not in %s: %s" % (modules, how))
    return node, modules
