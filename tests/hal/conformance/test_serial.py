"""What every end of a serial line must do, whatever is between it and the other end."""

import os
import select
import socket
import time
import tty

import pytest

from slotmeter.hal.errors import UNAVAILABLE, HalError
from slotmeter.hal.host import serial as host
from slotmeter.hal.serial import READ_LIMIT, Serial
from slotmeter.hal.virtual import faults
from slotmeter.hal.virtual.serial import Wire

# Everything that a terminal would like to do something with.
EVERY_OCTET = bytes(range(256)) * 4


def read_all(end, size, within_s=5.0):
    """What arrives at an end, until it is `size` octets."""
    until = time.monotonic() + within_s
    octets = b""
    while len(octets) < size and time.monotonic() < until:
        came = end.read()
        octets += came
        if not came:
            time.sleep(0.001)
    return octets


class SerialConformance:
    """A backend's subclass says how to make two ends of one line; both are closed by the test."""

    # More octets than the line holds.
    plenty = 1 << 17

    def line(self) -> "tuple[Serial, Serial]":
        raise NotImplementedError

    @pytest.fixture
    def ends(self):
        one, other = self.line()
        yield one, other
        one.close()
        other.close()

    def test_nothing_has_arrived_at_first(self, ends):
        for end in ends:
            assert end.read() == b""

    def test_every_octet_arrives_in_order_both_ways(self, ends):
        one, other = ends
        for writer, reader in ((one, other), (other, one)):
            assert writer.write(EVERY_OCTET) == len(EVERY_OCTET)
            assert read_all(reader, len(EVERY_OCTET)) == EVERY_OCTET
            assert reader.read() == b""

    def test_a_write_takes_what_there_is_room_for_and_the_rest_later(self, ends):
        one, other = ends
        sent = os.urandom(1 << 16) * (self.plenty >> 16)
        rest, taken = sent, 1
        while rest and taken:
            taken = one.write(rest)
            assert 0 <= taken <= len(rest)
            rest = rest[taken:]
        assert rest, "this line holds more than a line does"
        octets, quiet = b"", 0
        while (rest or len(octets) < len(sent)) and quiet < 5000:
            came = other.read()
            assert len(came) <= READ_LIMIT
            taken = one.write(rest)
            rest = rest[taken:]
            octets += came
            quiet = 0 if came or taken else quiet + 1
            if quiet:
                time.sleep(0.001)
        assert octets == sent

    def test_nothing_is_written_when_nothing_is_given(self, ends):
        assert ends[0].write(b"") == 0
        assert ends[1].read() == b""

    def test_an_end_that_was_closed_says_so_and_is_closed_again_without_harm(self, ends):
        for end in ends:
            end.close()
            end.close()
            for use in (end.read, lambda end=end: end.write(b"abc")):
                with pytest.raises(HalError) as told:
                    use()
                assert told.value.kind == UNAVAILABLE


class TestWire(SerialConformance):
    def line(self):
        wire = Wire()
        return wire.near, wire.far

    def test_devices_stand_between_the_ends_one_chain_each_way(self):
        seen = faults.Recorder()
        wire = Wire(faults.Chain([seen, faults.OneOctetAtATime()]), faults.Lossy(1, 1000))
        assert wire.near.write(b"abc") == 3
        assert [wire.far.read() for _ in range(4)] == [b"a", b"b", b"c", b""]
        assert wire.far.write(b"abc") == 3
        assert wire.near.read() == b"" and seen.octets == b"abc"

    def test_what_is_delayed_arrives_in_its_time_and_order(self):
        wire = Wire(faults.Delayed(3, 50), faults.Delayed(4, 50))
        wire.tick(1000)
        for number in range(20):
            wire.near.write(bytes((number,)))
            wire.far.write(bytes((number,)))
        due = wire.deadline_ms()
        assert 1000 <= due <= 1050
        came, back = b"", b""
        for now_ms in range(1000, 1051):
            wire.tick(now_ms)
            while octets := wire.far.read():
                came += octets
            while octets := wire.near.read():
                back += octets
            if now_ms == due - 1:
                assert came == back == b""
        assert came == back == bytes(range(20))
        assert wire.deadline_ms() is None

    def test_what_nobody_reads_is_lost_with_the_end(self):
        wire = Wire()
        wire.far.close()
        for _ in range(100):
            assert wire.near.write(bytes(1000)) == 1000


class TestPtySerial(SerialConformance):
    """One end ours, the other opened as programs open a device."""

    def line(self):
        one = host.PtySerial()
        return one, host.DeviceSerial(one.path)

    def test_it_stays_when_others_come_and_go(self):
        one = host.PtySerial()
        for number in range(3):
            other = host.DeviceSerial(one.path)
            other.write(b"%d" % number)
            assert read_all(one, 1) == b"%d" % number
            other.close()
            assert one.read() == b""
        one.close()

    def test_it_can_be_waited_for(self):
        one = host.PtySerial()
        assert select.select([one], [], [], 0)[0] == []
        other = host.DeviceSerial(one.path)
        other.write(b"abc")
        assert select.select([one], [], [], 5)[0] == [one]
        one.close()
        other.close()


class Caller(Serial):
    """Our own end of a TCP connection."""

    def __init__(self, port):
        self.socket = socket.socket()
        # So that not all that a test writes fits.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.settimeout(5)
        self.socket.connect(("127.0.0.1", port))
        self.socket.setblocking(False)
        self.open = True

    def read(self):
        self.check()
        try:
            return self.socket.recv(READ_LIMIT)
        except BlockingIOError:
            return b""

    def write(self, octets):
        self.check()
        try:
            return self.socket.send(octets)
        except BlockingIOError:
            return 0

    def check(self):
        if not self.open:
            raise HalError(UNAVAILABLE, "closed")

    def close(self):
        self.socket.close()
        self.open = False


def connected():
    line = host.TcpSerial(0)
    caller = Caller(line.port)
    until(line, host.Came)
    return line, caller


def until(line, kind):
    """The next event of the line, which must be of this kind."""
    end = time.monotonic() + 5
    while time.monotonic() < end:
        line.read()
        event = line.next_event()
        if event is not None:
            assert isinstance(event, kind)
            return event
        time.sleep(0.001)
    raise AssertionError("nothing came")


class TestTcpSerial(SerialConformance):
    plenty = 1 << 22

    def line(self):
        return connected()

    def test_one_at_a_time_has_the_line_and_it_is_told_who(self):
        line, first = connected()
        assert line.next_event() is None
        second = Caller(line.port)
        away = until(line, host.TurnedAway)
        assert away.who == "127.0.0.1:%d" % second.socket.getsockname()[1]
        assert away.has_it == "127.0.0.1:%d" % first.socket.getsockname()[1]
        second.socket.setblocking(True)
        assert second.socket.recv(10) == b""
        first.close()
        assert until(line, host.Went).who == away.has_it
        third = Caller(line.port)
        until(line, host.Came)
        third.write(b"abc")
        assert read_all(line, 3) == b"abc"
        for end in (second, third, line):
            end.close()

    def test_what_is_written_while_nobody_is_there_is_lost(self):
        line = host.TcpSerial(0)
        assert line.write(b"abc") == 3
        caller = Caller(line.port)
        until(line, host.Came)
        line.write(b"def")
        assert read_all(caller, 3) == b"def"
        caller.close()
        line.close()

    def test_one_descriptor_says_that_somebody_comes_and_that_octets_come(self):
        line = host.TcpSerial(0)
        assert select.select([line], [], [], 0)[0] == []
        caller = Caller(line.port)
        assert select.select([line], [], [], 5)[0] == [line]
        until(line, host.Came)
        assert select.select([line], [], [], 0)[0] == []
        caller.write(b"abc")
        assert select.select([line], [], [], 5)[0] == [line]
        caller.close()
        line.close()

    def test_a_port_that_is_taken_is_told(self):
        line = host.TcpSerial(0)
        with pytest.raises(HalError, match="port %d is taken; choose another one" % line.port):
            host.TcpSerial(line.port)
        line.close()


class TestDeviceSerial(SerialConformance):
    """The device is a pseudo-terminal; what a real UART does otherwise, only a real one shows."""

    def line(self):
        other = host.PtySerial()
        return host.DeviceSerial(other.path, 57600), other

    def test_a_second_program_is_told_that_the_first_has_it(self):
        other = host.PtySerial()
        first = host.DeviceSerial(other.path)
        with pytest.raises(HalError, match="in use by another program"):
            host.DeviceSerial(other.path)
        first.close()
        host.DeviceSerial(other.path).close()
        other.close()

    def test_a_device_that_is_pulled_out_is_told_on_reading_and_on_writing(self):
        master, slave = os.openpty()
        tty.setraw(slave)
        device = host.DeviceSerial(os.ttyname(slave))
        os.close(slave)
        assert device.read() == b""
        os.close(master)
        with pytest.raises(HalError, match="is gone; was it unplugged"):
            device.read()
        with pytest.raises(HalError, match="is gone; was it unplugged"):
            device.write(b"abc")
        device.close()

    def test_what_is_not_there_or_not_a_serial_device_is_told(self, tmp_path):
        file = tmp_path / "file"
        file.write_bytes(b"")
        for path, words in (
            (tmp_path / "nowhere", "there is no device .*nowhere; is it plugged in"),
            (tmp_path, "is a folder, not a serial device"),
            (file, "cannot be opened as a serial device"),
            ("/dev/null", "cannot be opened as a serial device"),
        ):
            with pytest.raises(HalError, match=words) as told:
                host.DeviceSerial(str(path))
            assert told.value.kind == UNAVAILABLE

    def test_a_speed_that_there_is_not_is_told(self):
        other = host.PtySerial()
        with pytest.raises(HalError, match="cannot be set to -1 baud"):
            host.DeviceSerial(other.path, -1)
        other.close()

    def test_who_may_not_open_it_is_told_which_group_may(self, tmp_path):
        file = tmp_path / "ttyUSB0"
        file.write_bytes(b"")
        words = host.why_not(str(file), PermissionError(13, "Permission denied"))
        assert words.startswith("this user may not open %s; " % file)
        assert "udev rule" in words or "usermod -aG" in words
        assert "usermod -aG dialout" in host.why_not(str(tmp_path / "gone"), PermissionError(13, "no"))
