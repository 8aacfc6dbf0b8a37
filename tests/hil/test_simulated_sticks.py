"""The tests for two sticks, on two simulated ones: so they are known to work before there is hardware."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
TESTS = Path(__file__).resolve().parent / "test_two_sticks.py"


def test_without_sticks_they_are_skipped_with_the_option_that_names_them():
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(TESTS)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "no stick was given: --dongle DEVICE" in done.stdout
    assert "passed" not in done.stdout


def test_all_of_them_pass_on_simulated_sticks(air_folder):
    sticks = []
    try:
        for version in (18, 13):
            arguments = ["ncp", "--pty", "--air", "hil", "--version", str(version), "--quiet"]
            command = [sys.executable, "-m", "slotmeter.boards.pc", *arguments]
            sticks.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        options = []
        for stick in sticks:
            place = re.search(r"/dev/\S+", stick.stdout.readline())
            options += ["--dongle", place.group()]
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(TESTS), *options],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-5000:]
        assert "6 passed" in done.stdout
        assert "skipped" not in done.stdout
    finally:
        for stick in sticks:
            stick.send_signal(signal.SIGINT)
            stick.communicate(timeout=20)
