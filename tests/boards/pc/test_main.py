"""The command line as a whole: what it says, how fast it starts, how it fails."""

import os
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner

from slotmeter.boards.pc.__main__ import cli

COMMANDS = ("run", "request", "send", "decode", "keys", "rtds", "pipe", "bench")


def slotmeter(*arguments, home, **options):
    """One `slotmeter` in a process of its own."""
    environment = dict(
        os.environ, XDG_DATA_HOME=str(home), PYTHONPATH=os.pathsep.join(path for path in sys.path if path)
    )
    command = [sys.executable, "-m", "slotmeter.boards.pc", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60, check=False, **options)


def test_help_says_what_for_whom_the_first_commands_and_that_keys_protect_nothing():
    text = CliRunner().invoke(cli, ["--help"]).output
    for wanted in ("SMETS2", "For engineers", "slotmeter run", "slotmeter request ECS17b", "protect"):
        assert wanted in text
    for name in COMMANDS:
        assert name in text


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(name):
    result = CliRunner().invoke(cli, [name, "--help"])
    assert result.exit_code == 0
    assert "slotmeter " + name in result.output


def test_help_starts_without_loading_any_command(tmp_path):
    started = time.process_time()
    code = (
        "import sys; from slotmeter.boards.pc.__main__ import main; main(['--help']); "
        "print('cryptography' in sys.modules)"
    )
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(path for path in sys.path if path))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.strip().endswith("False")
    assert time.process_time() - started < 1


def test_the_version_is_shown(tmp_path):
    done = slotmeter("--version", home=tmp_path)
    assert done.returncode == 0
    assert done.stdout.startswith("slotmeter ")


@pytest.mark.parametrize(
    "arguments", [["frobnicate"], ["--frobnicate"], ["run", "--frobnicate"], ["run", "--port", "99999"]]
)
def test_wrong_usage_has_status_2_and_names_the_word(tmp_path, arguments):
    done = slotmeter(*arguments, home=tmp_path)
    assert done.returncode == 2
    assert arguments[-1] in done.stderr or arguments[-2] in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["request", "ECS17b"], "slotmeter run"),
        (["send", "00"], "slotmeter run"),
        (["send", "nonsense"], "nonsense"),
        (["send", "/nowhere/at/all"], "/nowhere/at/all"),
        (["request", "ECS99"], "--list"),
        (["request", "ECS10", "message"], "field=value"),
        (["request", "ECS10", "--port", "1"], "slotmeter run"),
        (["run", "--store", "/nowhere/x.store"], "/nowhere"),
        (["run", "--keys", "/dev/null/keys"], "/dev/null"),
        (["run", "--rtds", "/nowhere"], "/nowhere"),
        (["run", "--temporary", "--start", "yesterday"], "yesterday"),
    ],
)
def test_what_goes_wrong_is_one_line_that_says_what_and_the_way_out(tmp_path, arguments, words):
    done = slotmeter(*arguments, home=tmp_path)
    assert done.returncode != 0
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_reader_that_goes_away_is_no_complaint(tmp_path):
    environment = dict(
        os.environ, XDG_DATA_HOME=str(tmp_path), PYTHONPATH=os.pathsep.join(path for path in sys.path if path)
    )
    command = [sys.executable, "-m", "slotmeter.boards.pc", "request", "--list"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
    process.stdout.close()
    assert process.stderr.read() == b""
    process.wait(30)
    process.stderr.close()
