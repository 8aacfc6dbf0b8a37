"""`slotmeter ncp`: where the stick is, who may have it, what it remembers, and how it refuses."""

import os
import re
import select
import signal
import socket
import subprocess
import sys
import termios
import time
import tty

import pytest
from click.testing import CliRunner

from slotmeter.boards.pc.__main__ import cli
from slotmeter.hal.host.store import SqliteStore
from slotmeter.hal.records import Records
from slotmeter.zigbee_han.ncp import ash, ezsp
from slotmeter.zigbee_han.ncp.flash import Flash

RST = b"\x1a" + ash.build(0xC0)
EUI = bytes.fromhex("0200000000000001")


class Stick:
    """`slotmeter ncp` in a process of its own, until it is stopped; `output` then is all that it said."""

    def __init__(self, *options, stop=signal.SIGINT):
        environment = dict(
            os.environ, PYTHONPATH=os.pathsep.join(path for path in sys.path if path), PYTHONUNBUFFERED="1"
        )
        command = [sys.executable, "-m", "slotmeter.boards.pc", "ncp", *[str(option) for option in options]]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
        )
        self.stop = stop
        self.output = ""
        self.place = ""
        while not self.place:
            line = self.process.stdout.readline()
            assert line, self.output
            self.output += line
            found = re.search(r"stick at (\S+)", line)
            self.place = found.group(1) if found else ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(self.stop)
        self.output += self.process.communicate(timeout=20)[0]
        assert self.process.returncode == 0, self.output


class Host:
    """Our own end of ASH on a file descriptor."""

    def __init__(self, fd):
        self.fd = fd
        self.link = ash.Host()
        self.now_ms = 0

    def until(self, kind):
        """Waits for the next event of that kind."""
        end = time.monotonic() + 10
        while time.monotonic() < end:
            octets = self.link.to_send()
            if octets:
                os.write(self.fd, octets)
            event = self.link.next_event()
            while event is not None:
                if isinstance(event, kind):
                    return event
                event = self.link.next_event()
            if select.select([self.fd], [], [], 0.2)[0]:
                self.link.receive(os.read(self.fd, 4096), self.now_ms)
        raise AssertionError("nothing came")

    def ask(self, frame):
        self.link.send(frame, self.now_ms)
        return self.until(ash.Received).data


def on_pty(path):
    fd = os.open(path, os.O_RDWR | os.O_NOCTTY)
    tty.setraw(fd, termios.TCSANOW)
    return Host(fd)


def form(host, version):
    host.link.connect(0)
    assert host.until(ash.Reset).code == ash.RESET_SOFTWARE
    host.ask(ezsp.build_version(0, version))
    dialect = ezsp.Dialect(version)
    for number, name, values in (
        (1, "set_initial_security_state", {"bitmask": 0x0B84}),
        (2, "form_network", {"pan": 0x1A62, "channel": 20}),
    ):
        command = dialect.named(name)
        answer = host.ask(ezsp.build_command(number, command.number, ezsp.encode(command.parameters, values)))
        assert answer[0] == number and not answer[5]
    assert ezsp.parse_frame(host.until(ash.Received).data).number == 0x0019


def test_a_stick_on_a_pseudo_terminal_forms_a_network_and_says_what_it_does():
    with Stick("--pty", "--version", 17, "--eui64", "02-00-00-00-00-00-00-01") as stick:
        host = on_pty(stick.place)
        form(host, 17)
        assert host.ask(ezsp.build_command(3, 0x0026))[5:] == bytes(reversed(EUI))
        # A host that goes and comes again finds the same stick.
        os.close(host.fd)
        host = on_pty(stick.place)
        host.link.connect(0)
        assert host.until(ash.Reset)
        os.close(host.fd)
    assert "EUI-64 02-00-00-00-00-00-00-01, EZSP version 17" in stick.output
    assert stick.output.count("reset by the host") == 2
    assert "network formed: PAN 1A62, channel 20" in stick.output


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_what_was_answered_is_stored_however_it_ends(tmp_path, stop):
    path = tmp_path / "stick.db"
    stick = Stick("--store", path, "--version", 13, stop=stop)
    host = on_pty(stick.place)
    form(host, 13)
    os.close(host.fd)
    stick.process.send_signal(stop)
    stick.process.communicate(timeout=20)
    store = SqliteStore(path)
    flash = Flash(bytes(8), Records(store))
    store.close()
    assert (flash.network.pan, flash.network.channel) == (0x1A62, 20)
    # The address that was made up is kept as well.
    assert "EUI-64 %s" % flash.base.hex("-") in stick.output


def test_a_tcp_port_greets_a_host_and_turns_a_second_one_away():
    with Stick("--tcp", 0) as stick:
        port = int(stick.place.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), 10) as first:
            assert first.recv(100) == ash.build(0xC1, b"\x02\x02")
            with socket.create_connection(("127.0.0.1", port), 10) as second:
                assert second.recv(100) == b""
            first.sendall(b"noise\x7e\x00\x01\x7e" + RST)
            octets = b""
            while not octets.endswith(ash.build(0xC1, b"\x02\x0b")):
                octets += first.recv(100)
        with socket.create_connection(("127.0.0.1", port), 10) as third:
            # Who speaks first is not greeted.
            third.sendall(RST)
            assert third.recv(100) == ash.build(0xC1, b"\x02\x0b")
            third.settimeout(0.3)
            with pytest.raises(TimeoutError):
                third.recv(100)
    assert stick.output.count(" connected") == 2 and stick.output.count(" gone") == 2
    assert "turned away" in stick.output


def test_a_stick_at_the_end_of_a_real_line_waits_for_one_that_was_pulled_out(tmp_path):
    device = tmp_path / "ttyAMA0"
    master, slave = os.openpty()
    device.symlink_to(os.ttyname(slave))
    with Stick("--serial", device, "--baud", 57600) as stick:
        assert "stick at the other end of %s, 57600 baud" % device in stick.output
        host = Host(master)
        host.link.connect(0)
        assert host.until(ash.Reset).code == ash.RESET_SOFTWARE
        assert termios.tcgetattr(slave)[4] == termios.B57600
        os.close(slave)
        os.close(master)
        master, slave = os.openpty()
        tty.setraw(slave)
        (tmp_path / "new").symlink_to(os.ttyname(slave))
        (tmp_path / "new").rename(device)
        # It says that it starts, as a stick does that is plugged in.
        host = Host(master)
        host.link.connect(0)
        octets = b""
        while not octets.endswith(ash.build(0xC1, b"\x02\x02")):
            octets += os.read(master, 100)
        host.link.connect(0)
        assert host.until(ash.Reset).code == ash.RESET_SOFTWARE
        os.close(slave)
        os.close(master)
    assert "%s is gone; was it unplugged? Waiting for it." % device in stick.output
    assert "it is back" in stick.output


def test_what_goes_wrong_on_the_line_is_done_and_counted():
    with Stick("--tcp", 0, "--fault", "stick:loss=100,host:corrupt=100") as stick:
        port = int(stick.place.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), 10) as host:
            greeting = host.recv(100)
            assert len(greeting) == len(ash.build(0xC1, b"\x02\x02")) and greeting != ash.build(0xC1, b"\x02\x02")
            host.sendall(RST)
            host.settimeout(0.3)
            with pytest.raises(TimeoutError):
                host.recv(100)
    assert stick.output.splitlines()[-1] == "line host:corrupt 1, stick:loss 1; repeated 0, dropped 0"


def test_what_a_stick_sends_is_captured_and_others_on_its_air_hear_it(tmp_path, air_folder):
    path = tmp_path / "air.pcap"
    begun = int(time.time())
    with Stick("--pty", "--air", "home", "--version", 17) as one, Stick("--air", "home", "--capture", path) as other:
        host = on_pty(one.place)
        form(host, 17)
        broadcast = {"destination": 0xFFFC, "cluster": 0x0036, "data": b"\x01\x3c\x01", "radius": 30}
        command = ezsp.Dialect(17).named("send_broadcast")
        host.ask(ezsp.build_command(3, command.number, ezsp.encode(command.parameters, broadcast)))
        end = time.monotonic() + 10
        while path.stat().st_size < 25 and time.monotonic() < end:
            time.sleep(0.01)
        os.close(host.fd)
    octets = path.read_bytes()
    assert begun <= int.from_bytes(octets[24:28], "little") <= time.time()
    # A data frame of the network that was formed: to everyone in PAN 1A62.
    assert octets[40:42] == b"\x41\x88" and octets[43:47] == b"\x62\x1a\xff\xff"
    assert "air home, with 0 others on it" in one.output and "air home, with one other on it" in other.output


def test_quiet_says_only_where_it_is():
    with Stick("--tcp", 0, "--quiet") as stick:
        pass
    assert stick.output.splitlines() == ["stick at " + stick.place]


def refused(*options):
    result = CliRunner().invoke(cli, ["ncp", *[str(option) for option in options]], standalone_mode=False)
    return str(getattr(result.exception, "message", result.exception))


def test_what_cannot_be_is_refused_in_one_line(tmp_path):
    assert "exclude each other" in refused("--pty", "--tcp", 0)
    assert "exclude each other" in refused("--serial", "/dev/ttyS0", "--tcp", 0)
    assert "there is no device" in refused("--serial", tmp_path / "ttyUSB0")
    assert "--rtscts is of --serial" in refused("--rtscts")
    assert "is no fault of a line" in refused("--fault", "nonsense")
    for bad in ("1", "1,2,3", "a,b", "1.5,2", "1000000,0"):
        assert "a place is two whole numbers" in refused("--at", bad)
    assert "the name of an air is" in refused("--air", "my air")
    assert "is not in the range" in refused("--loss", 101)
    assert "No such file" in refused("--capture", tmp_path / "nowhere" / "air.pcap")
    for bad in ("12", "zz" * 8, "00" * 8, "ff" * 8, "00" * 9):
        assert "an EUI-64 is 16 hexadecimal digits" in refused("--eui64", bad)
    assert "'15' is not one of" in refused("--version", 15)
    assert "is not in the range" in refused("--tcp", 70000)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert "port %d is taken" % taken.getsockname()[1] in refused("--tcp", taken.getsockname()[1])
    assert "there is no folder" in refused("--store", tmp_path / "nowhere" / "stick.db")


def test_a_store_belongs_to_one_stick(tmp_path):
    path = tmp_path / "stick.db"
    with Stick("--tcp", 0, "--store", path, "--eui64", EUI.hex()):
        pass
    assert "belongs to the stick 02-00-00-00-00-00-00-01" in refused(
        "--tcp", 0, "--store", path, "--eui64", "0200000000000002"
    )
    with Stick("--tcp", 0, "--store", path) as stick:
        pass
    assert "EUI-64 02-00-00-00-00-00-00-01" in stick.output


def test_help_says_what_it_is_good_for():
    text = CliRunner().invoke(cli, ["ncp", "--help"]).output
    for wanted in ("slotmeter ncp --pty", "bellows", "zigbee-herdsman", "--version", "steel box"):
        assert wanted in text
