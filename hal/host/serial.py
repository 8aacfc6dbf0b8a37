"""Serial lines of a Linux host: a pseudo-terminal that is made here, a TCP port on the loopback interface, a real UART.

All of them have `fileno`: readable when `read` has something, or has to notice something.
"""

import errno
import grp
import os
import select
import socket
import tty
from contextlib import suppress
from typing import TYPE_CHECKING

from slotmeter.hal.errors import UNAVAILABLE, HalError
from slotmeter.hal.serial import READ_LIMIT, Serial

if TYPE_CHECKING:
    import serial

LOOPBACK = "127.0.0.1"
_CLOSED = "this end of the line is closed"


class PtySerial(Serial):
    """A pseudo-terminal; `path` is what the other side opens. It stays when others come and go."""

    def __init__(self) -> None:
        try:
            self._master, self._slave = os.openpty()
        except OSError as error:
            raise HalError(UNAVAILABLE, "no pseudo-terminal to be had: %s" % error.strerror) from error
        # Our own descriptor of the other side stays open, so that whoever closes it does not end the line.
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.path = os.ttyname(self._slave)
        self._open = True

    def fileno(self) -> int:
        """See above."""
        return self._master

    def read(self) -> bytes:
        """See Serial."""
        if not self._open:
            raise HalError(UNAVAILABLE, _CLOSED)
        return _read(self._master)

    def write(self, octets: bytes) -> int:
        """See Serial."""
        if not self._open:
            raise HalError(UNAVAILABLE, _CLOSED)
        return _write(self._master, octets)

    def close(self) -> None:
        """See Serial. The device is gone afterwards."""
        if self._open:
            self._open = False
            os.close(self._master)
            os.close(self._slave)


class Came:
    """Somebody connected: who, as host:port."""

    def __init__(self, who: str) -> None:
        self.who = who


class Went:
    """Who was connected is gone."""

    def __init__(self, who: str) -> None:
        self.who = who


class TurnedAway:
    """Somebody else connected while the line was taken by `has_it`."""

    def __init__(self, who: str, has_it: str) -> None:
        self.who = who
        self.has_it = has_it


class TcpSerial(Serial):
    """The TCP port `port` of the loopback interface, 0 for a free one; a second caller is turned away.

    `next_event` tells who came and went: Came, Went, TurnedAway. What is written while nobody is there is lost.
    """

    def __init__(self, port: int) -> None:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((LOOPBACK, port))
            listener.listen(2)
        except OSError as error:
            listener.close()
            if error.errno == errno.EADDRINUSE:
                raise HalError(
                    UNAVAILABLE, "port %d is taken; choose another one, or 0 for a free one" % port
                ) from error
            raise HalError(UNAVAILABLE, "port %d cannot be opened: %s" % (port, error.strerror)) from error
        listener.setblocking(False)
        self.port: int = listener.getsockname()[1]
        self._listener: socket.socket | None = listener
        self._caller: socket.socket | None = None
        self._who = ""
        self._events: list[object] = []
        self._poll = select.epoll()
        self._poll.register(listener, select.EPOLLIN)

    def fileno(self) -> int:
        """See above."""
        return self._poll.fileno()

    def next_event(self) -> "object | None":
        """The next of Came, Went and TurnedAway that `read` and `write` noticed, or None."""
        return self._events.pop(0) if self._events else None

    def read(self) -> bytes:
        """See Serial."""
        if self._listener is None:
            raise HalError(UNAVAILABLE, _CLOSED)
        octets = self._hear()
        # What a caller said before it hung up comes before the next one.
        if not octets:
            self._accept(self._listener)
        return octets

    def write(self, octets: bytes) -> int:
        """See Serial."""
        if self._listener is None:
            raise HalError(UNAVAILABLE, _CLOSED)
        if self._caller is None or not octets:
            return len(octets)
        try:
            return self._caller.send(octets)
        except BlockingIOError:
            return 0
        except OSError:
            self._hang_up()
            return len(octets)

    def _hear(self) -> bytes:
        if self._caller is None:
            return b""
        try:
            octets = self._caller.recv(READ_LIMIT)
        except BlockingIOError:
            return b""
        except OSError:
            octets = b""
        if not octets:
            self._hang_up()
        return octets

    def _accept(self, listener: socket.socket) -> None:
        try:
            caller, address = listener.accept()
        except OSError:
            return
        who = "%s:%d" % address[:2]
        if self._caller is not None:
            self._events.append(TurnedAway(who, self._who))
            caller.close()
            return
        caller.setblocking(False)
        caller.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._caller, self._who = caller, who
        self._poll.register(caller, select.EPOLLIN)
        self._events.append(Came(who))

    def _hang_up(self) -> None:
        if self._caller is not None:
            self._poll.unregister(self._caller)
            self._caller.close()
            self._caller = None
            self._events.append(Went(self._who))

    def close(self) -> None:
        """See Serial."""
        if self._listener is not None:
            self._hang_up()
            self._poll.close()
            self._listener.close()
            self._listener = None


class DeviceSerial(Serial):
    """The serial device `path` at `baud`, 8N1, held so that no second program opens it by mistake.

    hardware_flow: RTS and CTS are connected and mean something.
    """

    def __init__(self, path: str, baud: int = 115200, hardware_flow: bool = False) -> None:
        self._path = path
        self._device: serial.Serial | None = open_device(path, baud, hardware_flow)
        self._poll = select.poll()
        self._poll.register(self.fileno(), select.POLLIN)

    def fileno(self) -> int:
        """See above."""
        if self._device is None:
            raise HalError(UNAVAILABLE, _CLOSED)
        return int(self._device.fileno())

    def read(self) -> bytes:
        """See Serial."""
        fd = self.fileno()
        try:
            octets = _read(fd)
        except HalError:
            raise self._gone() from None
        # A terminal without octets and one that was pulled out read the same.
        if not octets and any([events & ~select.POLLIN for _, events in self._poll.poll(0)]):
            raise self._gone()
        return octets

    def write(self, octets: bytes) -> int:
        """See Serial."""
        fd = self.fileno()
        try:
            return _write(fd, octets)
        except HalError:
            raise self._gone() from None

    def _gone(self) -> HalError:
        return HalError(UNAVAILABLE, "%s is gone; was it unplugged?" % self._path)

    def close(self) -> None:
        """See Serial."""
        if self._device is not None:
            with suppress(OSError):
                self._device.close()
            self._device = None


def _read(fd: int) -> bytes:
    try:
        return os.read(fd, READ_LIMIT)
    except BlockingIOError:
        return b""
    except OSError as error:
        raise HalError(UNAVAILABLE, "the line is gone: %s" % error.strerror) from error


def _write(fd: int, octets: bytes) -> int:
    try:
        return os.write(fd, octets)
    except BlockingIOError:
        return 0
    except OSError as error:
        raise HalError(UNAVAILABLE, "the line is gone: %s" % error.strerror) from error


def open_device(path: str, baud: int, hardware_flow: bool = False) -> "serial.Serial":
    """The open pyserial port, not blocking; HalError UNAVAILABLE, with what to do, when it cannot be opened."""
    import serial

    try:
        return serial.Serial(path, baud, timeout=0, write_timeout=0, exclusive=True, rtscts=hardware_flow)
    except ValueError as error:
        raise HalError(UNAVAILABLE, "%s cannot be set to %d baud: %s" % (path, baud, error)) from error
    except OSError as error:
        raise HalError(UNAVAILABLE, why_not(path, error)) from error


def why_not(path: str, error: OSError) -> str:
    """Why the serial device could not be opened, and what to do about it, in one line."""
    if error.errno in (errno.ENOENT, errno.ENODEV, errno.ENXIO):
        return "there is no device %s; is it plugged in?" % path
    if error.errno in (errno.EACCES, errno.EPERM):
        return "this user may not open %s; %s" % (path, _permission(path))
    if error.errno in (errno.EBUSY, errno.EAGAIN):
        return "%s is in use by another program; stop that first" % path
    if error.errno == errno.EISDIR:
        return "%s is a folder, not a serial device" % path
    # pyserial puts what the kernel says of the settings into words alone.
    return "%s cannot be opened as a serial device: %s" % (path, error.strerror or error)


def _permission(path: str) -> str:
    try:
        group = grp.getgrgid(os.stat(path).st_gid).gr_name
    except (OSError, KeyError):
        group = "dialout"
    if group == "root":
        return "it belongs to root alone: a udev rule gives it to the group dialout"
    return "sudo usermod -aG %s $USER puts it into the group that may, after the next login" % group
