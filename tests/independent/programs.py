"""Programs that tests start: our sticks, and hosts that others wrote."""

import json
import re
import signal
import subprocess
import sys


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
