"""`run` and its two clients as processes of their own: two ends and a wire."""

import json
import os
import pty
import re
import select
import signal
import socket
import subprocess
import sys
import time

import pytest

from slotmeter.boards.pc import running

# Each of them starts processes and waits for them.
pytestmark = pytest.mark.slow

REPOSITORY_PATH = os.pathsep.join(path for path in sys.path if path)


class Home:
    """A user's data folder, and what is started in it."""

    def __init__(self, folder):
        self.folder = folder
        self.environment = dict(os.environ, XDG_DATA_HOME=str(folder), PYTHONPATH=REPOSITORY_PATH)
        self.environment.pop("ONCE", None)
        self.processes = []

    def command(self, *arguments):
        return [sys.executable, "-m", "slotmeter.boards.pc", *arguments]

    def call(self, *arguments, **options):
        """One command to its end."""
        options.setdefault("env", self.environment)
        return subprocess.run(
            self.command(*arguments), capture_output=True, text=True, timeout=60, check=False, **options
        )

    def start(self, *arguments):
        """A meter that listens: the process, and its port."""
        process = subprocess.Popen(
            self.command("run", "--no-demo", "--port", "0", *arguments),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=self.environment,
        )
        self.processes.append(process)
        lines = []
        for line in process.stdout:
            lines.append(line)
            found = re.search(r"Listening on 127\.0\.0\.1:(\d+)", line)
            if found:
                return process, found[1]
        raise AssertionError("".join(lines))

    def stop(self, process, number=signal.SIGINT):
        """Ends a meter and returns what it said."""
        process.send_signal(number)
        text = process.stdout.read()
        process.stdout.close()
        process.wait(30)
        return text

    def close(self):
        for process in self.processes:
            if process.poll() is None:
                self.stop(process, signal.SIGKILL)


@pytest.fixture
def home(tmp_path):
    one = Home(tmp_path)
    yield one
    one.close()


def test_with_output_elsewhere_it_demonstrates_and_ends(home):
    done = home.call("run")
    assert done.returncode == 0, done.stderr
    assert "protect nothing" in done.stdout
    assert "made test keys" in done.stdout
    assert "MAC authentic, encrypted, decrypted" in done.stdout
    assert "Import Register Collection" in done.stdout
    assert "Supplier Message" in done.stdout
    again = home.call("run")
    assert again.returncode == 0
    assert "made test keys" not in again.stdout


def test_a_second_start_takes_less_than_two_seconds(home):
    home.call("run")
    started = time.monotonic()
    assert home.call("run").returncode == 0
    assert time.monotonic() - started < 2


def test_a_request_is_answered_and_shown_at_both_ends(home):
    process, _ = home.start()
    done = home.call("request", "ECS10", "message=hello")
    assert done.returncode == 0, done.stderr
    assert "Supplier Message" in done.stdout
    text = home.stop(process)
    assert re.search(r"command +ECS10 +from supplier", text)
    assert re.search(r"result +ECS10 +all good for the supplier", text)


def test_a_printed_command_is_sent_from_stdin_a_file_and_as_text(home, tmp_path):
    home.start()
    text = home.call("request", "ECS52", "--print").stdout
    path = tmp_path / "command.hex"
    path.write_text(text)
    octets = tmp_path / "command.bin"
    octets.write_bytes(bytes.fromhex(text))
    for arguments, options in (
        (["-"], {"input": text}),
        ([str(path)], {}),
        ([str(octets)], {}),
        ([text.strip()], {}),
    ):
        done = home.call("send", *arguments, **options)
        assert done.returncode == 0, done.stderr
        assert "Firmware Version" in done.stdout


def test_a_replayed_command_has_status_1_and_says_why(home):
    process, _ = home.start("--temporary")
    text = home.call("request", "ECS42", "--print").stdout.strip()
    assert home.call("send", text).returncode == 0
    again = home.call("send", text)
    assert again.returncode == 1
    assert "replayed" in again.stdout
    assert re.search(r"refused +replayed", home.stop(process))


def test_a_command_that_fails_has_status_3(home):
    home.start("--temporary")
    done = home.call("request", "CS06")
    assert done.returncode == 3
    assert "no image held" in done.stdout


def test_the_reply_can_be_had_as_json(home):
    home.start("--temporary")
    reply = json.loads(home.call("request", "ECS52", "--json").stdout)
    assert reply["ok"] is True
    assert reply["use_case"] == "ECS52"


def test_state_outlives_ctrl_c_and_a_replay_is_still_refused(home):
    process, _ = home.start()
    assert home.call("request", "ECS16", "name=Kept").returncode == 0
    text = home.call("request", "ECS42", "--print").stdout.strip()
    assert home.call("send", text).returncode == 0
    said = home.stop(process)
    assert process.returncode == 130
    assert "the state is in" in said
    _, port = home.start()
    assert home.call("send", text).returncode == 1
    with socket.create_connection(("127.0.0.1", int(port)), 10) as wire:
        wire.sendall(b'{"id":1,"op":"get","class":9000,"obis":"0-0:96.13.1.255","attribute":2}\n')
        reply = json.loads(wire.makefile().readline())
    assert bytes.fromhex(reply["axdr"]).endswith(b"Kept")


def test_state_outlives_a_kill(home):
    process, _ = home.start()
    text = home.call("request", "ECS42", "--print").stdout.strip()
    assert home.call("send", text).returncode == 0
    home.stop(process, signal.SIGKILL)
    home.start()
    assert "replayed" in home.call("send", text).stdout


def test_a_temporary_meter_forgets_and_says_so(home):
    process, _ = home.start("--temporary")
    text = home.call("request", "ECS42", "--print").stdout.strip()
    assert home.call("send", text).returncode == 0
    assert "forgotten" in home.stop(process)
    home.start("--temporary")
    assert home.call("send", text).returncode == 0


def test_a_second_run_on_one_store_is_refused_and_the_first_goes_on(home):
    home.start()
    second = home.call("run", "--no-demo")
    assert second.returncode == 1
    assert "esme-single.store is in use" in second.stderr
    assert home.call("request", "ECS52").returncode == 0


def test_one_of_several_meters_is_chosen_by_port_or_store(home, tmp_path):
    _, port = home.start()
    home.start("--store", str(tmp_path / "other.store"))
    done = home.call("request", "ECS52")
    assert done.returncode == 1
    assert "choose one with --port" in done.stderr
    assert home.call("request", "ECS52", "--port", port).returncode == 0
    assert home.call("request", "ECS52", "--store", str(tmp_path / "other.store")).returncode == 0


def test_a_damaged_store_is_named_and_left_as_it_is(home, tmp_path):
    path = tmp_path / "damaged.store"
    path.write_bytes(b"not a store at all" * 300)
    done = home.call("run", "--store", str(path))
    assert done.returncode == 1
    assert "damaged.store" in done.stderr
    assert path.read_bytes() == b"not a store at all" * 300


def test_a_port_that_is_taken_is_named(home):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = home.call("run", "--no-demo", "--temporary", "--port", port)
    assert done.returncode == 1
    assert "port " + port in done.stderr


def test_sigterm_ends_it_as_ctrl_c_does(home):
    process, _ = home.start()
    home.stop(process, signal.SIGTERM)
    assert process.returncode == 143
    assert list((home.folder / "slotmeter" / "running").iterdir()) == []


def test_what_a_crash_left_behind_is_not_taken_for_a_meter(home, monkeypatch):
    process, _ = home.start()
    home.stop(process, signal.SIGKILL)
    monkeypatch.setenv("XDG_DATA_HOME", str(home.folder))
    assert running.running() == []


@pytest.mark.parametrize("variant", ["twin", "polyphase"])
def test_the_demonstration_works_for_every_variant(home, variant):
    done = home.call("run", "--temporary", "--variant", variant)
    assert done.returncode == 0, done.stderr
    assert variant in done.stdout


def test_in_a_terminal_it_goes_on_with_a_status_line_until_ctrl_c(home):
    master, slave = pty.openpty()
    process = subprocess.Popen(
        home.command("run", "--temporary"), stdin=slave, stdout=slave, stderr=slave, env=home.environment
    )
    os.close(slave)
    text = b""
    deadline = time.monotonic() + 30
    while b"commands 2" not in text and time.monotonic() < deadline:
        if select.select([master], [], [], 0.2)[0]:
            text += os.read(master, 4096)
    assert b"Listening on" in text
    assert b"commands 2, answered 2, refused 0" in text
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 130
    os.close(master)


def test_once_in_the_environment_ends_it_in_a_terminal_too(home):
    master, slave = pty.openpty()
    environment = dict(home.environment, ONCE="1")
    process = subprocess.Popen(
        home.command("run", "--temporary"), stdin=slave, stdout=slave, stderr=slave, env=environment
    )
    os.close(slave)
    assert process.wait(30) == 0
    os.close(master)


class Pty:
    """A terminal with a meter in it."""

    def __init__(self, home, *arguments):
        self.master, slave = pty.openpty()
        self.process = subprocess.Popen(
            home.command("run", "--temporary", "--no-demo", *arguments),
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=home.environment,
        )
        os.close(slave)
        self.text = ""

    def see(self, pattern, seconds=20):
        """Reads until something stands there that fits, and was not read before."""
        deadline = time.monotonic() + seconds
        while not re.search(pattern, self.text) and time.monotonic() < deadline:
            if select.select([self.master], [], [], 0.2)[0]:
                self.text += os.read(self.master, 4096).decode("utf-8", "replace")
        found = re.search(pattern, self.text)
        assert found, self.text[-2000:]
        self.text = self.text[found.end() :]

    def type(self, keys):
        """Types keys."""
        os.write(self.master, keys.encode())

    def end(self):
        """As Ctrl-C does."""
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(30) == 130
        os.close(self.master)


def test_in_a_terminal_the_meter_s_keys_are_those_of_the_keyboard(home):
    terminal = Pty(home, "--start", "2025-01-01T00:00:00Z")
    terminal.see(r"\| Import")
    terminal.type("b")
    terminal.see(r"\| Menu 1/")
    terminal.type("h1234\r")
    terminal.see("Not a top-up code")
    terminal.type("\x1b[A")
    terminal.end()


def test_time_runs_at_the_rate_and_power_flows_as_the_load_says(home):
    terminal = Pty(home, "--start", "2025-01-01T00:00:00Z", "--rate", "36000", "--load", "3000")
    terminal.see("36000 seconds in a second")
    terminal.see("load    3000")
    terminal.see(r"0(?!0000)\d{4} kWh")
    terminal.end()


@pytest.mark.parametrize(
    "arguments", [["--load", "much"], ["--load", "1,2"], ["--load", "-5"], ["--rate", "0"], ["--rate", "2000000"]]
)
def test_a_load_or_rate_that_cannot_be_is_one_line(home, arguments):
    done = home.call("run", "--temporary", "--no-demo", "--once", *arguments)
    assert done.returncode in (1, 2)
    assert arguments[0] in done.stderr
    assert "Traceback" not in done.stderr


def test_a_household_and_a_file_are_loads_too(home, tmp_path):
    path = tmp_path / "half-hours.csv"
    path.write_text("start,import_wh,export_wh\n2025-01-01T00:00:00Z,500,0\n")
    for load in ("house", str(path)):
        done = home.call("run", "--temporary", "--no-demo", "--once", "--load", load)
        assert done.returncode == 0, done.stderr
        assert "load    " in done.stdout
