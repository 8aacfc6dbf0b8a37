"""A simulated stick on a line of this machine: a pseudo-terminal, or a TCP port on the loopback interface.

One event loop, one stick, one host at a time. A line reads what the host sends, gives it to the stick, writes what the
stick has to say, and wakes the stick when something is due. Devices of `hal.virtual.faults` can be put in between.
"""

import asyncio
import errno
import os
import socket
import time
import tty
from collections.abc import Callable
from contextlib import suppress

from slotmeter.boards.pc.errors import SlotmeterError
from slotmeter.hal.virtual.faults import Fault
from slotmeter.zigbee_han.ncp.stick import Stick

LOOPBACK = "127.0.0.1"
_CHUNK = 65536
# What a host that does not read may leave behind; more is thrown away, and the stick will say it again.
_BACKLOG = 65536
# What a stick takes to start; a host that listens for it must have begun to.
_BOOT_S = 0.1


def now_ms() -> int:
    """Milliseconds of a clock that never goes back."""
    return time.monotonic_ns() // 1000000


class Line:
    """What both kinds of lines do. on_event gets the stick's facts."""

    def __init__(
        self,
        stick: Stick,
        on_event: "Callable[[object], None]",
        towards_ncp: "Fault | None" = None,
        towards_host: "Fault | None" = None,
    ) -> None:
        self.stick = stick
        self._on_event = on_event
        self._towards_ncp = towards_ncp
        self._towards_host = towards_host
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._fd = -1
        self._outbound = b""
        self._writing = False

    def close(self) -> None:
        """Lets go of the line."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._unwatch()

    def pump(self) -> None:
        """Tells what happened, writes what there is to say, and plans the next wake-up."""
        stick = self.stick
        event = stick.next_event()
        while event is not None:
            self._on_event(event)
            event = stick.next_event()
        octets = stick.to_send()
        if octets and self._fd >= 0:
            pieces = [octets] if self._towards_host is None else self._towards_host.carry(octets)
            for piece in pieces:
                self._write(piece)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = stick.deadline_ms()
        if due is not None:
            self._timer = self._loop.call_later(max(due - now_ms(), 0) / 1000, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self.stick.tick(now_ms())
        self.pump()

    def _watch(self, fd: int) -> None:
        self._fd = fd
        self._outbound = b""
        self._loop.add_reader(fd, self._readable)

    def _unwatch(self) -> None:
        if self._fd >= 0:
            self._loop.remove_reader(self._fd)
            self._loop.remove_writer(self._fd)
            self._fd = -1
            self._writing = False

    def _readable(self) -> None:
        try:
            octets = os.read(self._fd, _CHUNK)
        except BlockingIOError:
            return
        except OSError:
            octets = b""
        if not octets:
            self._gone()
            return
        pieces = [octets] if self._towards_ncp is None else self._towards_ncp.carry(octets)
        for piece in pieces:
            self.stick.receive(piece, now_ms())
        self.pump()

    def _gone(self) -> None:
        """The host closed the line."""
        self._unwatch()

    def _write(self, octets: bytes) -> None:
        if self._fd < 0:
            return
        if len(self._outbound) < _BACKLOG:
            self._outbound += octets
        if not self._writing:
            self._writable()

    def _writable(self) -> None:
        try:
            written = os.write(self._fd, self._outbound)
        except BlockingIOError:
            written = 0
        except OSError:
            self._gone()
            return
        self._outbound = self._outbound[written:]
        if bool(self._outbound) != self._writing:
            self._writing = bool(self._outbound)
            if self._writing:
                self._loop.add_writer(self._fd, self._writable)
            else:
                self._loop.remove_writer(self._fd)


class PtyLine(Line):
    """A pseudo-terminal; `path` is what a host opens. It stays open when hosts come and go."""

    def __init__(
        self,
        stick: Stick,
        on_event: "Callable[[object], None]",
        towards_ncp: "Fault | None" = None,
        towards_host: "Fault | None" = None,
    ) -> None:
        super().__init__(stick, on_event, towards_ncp, towards_host)
        try:
            master, self._slave = os.openpty()
        except OSError as error:
            raise SlotmeterError("no pseudo-terminal to be had: %s; try --tcp PORT" % error.strerror) from error
        self._master = master
        # Our own end of the host's side stays open, so that a host that closes it does not end the line.
        tty.setraw(self._slave)
        os.set_blocking(master, False)
        self.path = os.ttyname(self._slave)
        self._watch(master)

    def close(self) -> None:
        """The device is gone afterwards."""
        super().close()
        for fd in (self._master, self._slave):
            with suppress(OSError):
                os.close(fd)


class TcpLine(Line):
    """A TCP port; a second host is turned away while one is connected. `on_host` is told who comes and goes.

    A host that connects hears a RSTACK as from a stick that has just been plugged in: some wait for it. One that speaks
    first has no need of it.
    """

    def __init__(
        self,
        stick: Stick,
        on_event: "Callable[[object], None]",
        on_host: "Callable[[str], None]",
        port: int,
        towards_ncp: "Fault | None" = None,
        towards_host: "Fault | None" = None,
    ) -> None:
        super().__init__(stick, on_event, towards_ncp, towards_host)
        self._on_host = on_host
        self._host: socket.socket | None = None
        self._who = ""
        self._boot: asyncio.TimerHandle | None = None
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((LOOPBACK, port))
            listener.listen(2)
        except OSError as error:
            listener.close()
            if error.errno == errno.EADDRINUSE:
                raise SlotmeterError("port %d is taken; choose another one, or 0 for a free one" % port) from error
            raise SlotmeterError("port %d cannot be opened: %s" % (port, error.strerror)) from error
        listener.setblocking(False)
        self._listener = listener
        self.port: int = listener.getsockname()[1]
        self._loop.add_reader(listener, self._accept)

    def close(self) -> None:
        """Says goodbye to the host, if there is one."""
        super().close()
        self._stop_booting()
        self._loop.remove_reader(self._listener)
        self._listener.close()
        if self._host is not None:
            self._host.close()
            self._host = None

    def _accept(self) -> None:
        try:
            host, address = self._listener.accept()
        except OSError:
            return
        who = "%s:%d" % address[:2]
        if self._host is not None:
            self._on_host("host %s turned away: %s has the stick" % (who, self._who))
            host.close()
            return
        host.setblocking(False)
        host.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._host, self._who = host, who
        self._on_host("host %s connected" % who)
        self._watch(host.fileno())
        self._boot = self._loop.call_later(_BOOT_S, self._booted)

    def _booted(self) -> None:
        self.stick.power_on(now_ms())
        self.pump()

    def _readable(self) -> None:
        self._stop_booting()
        super()._readable()

    def _stop_booting(self) -> None:
        if self._boot is not None:
            self._boot.cancel()
            self._boot = None

    def _gone(self) -> None:
        super()._gone()
        self._stop_booting()
        if self._host is not None:
            self._host.close()
            self._host = None
            self._on_host("host %s gone" % self._who)
