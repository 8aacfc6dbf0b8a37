"""A simulated stick at the end of a serial line, and the air around it, in the running event loop.

What the host sends goes to the stick, what the stick says goes out, frames go to and come from the air, and all are
woken when something is due. Devices of `hal.virtual.faults` can be put on the line.
"""

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from slotmeter.hal.errors import HalError
from slotmeter.hal.host.serial import Came, DeviceSerial, PtySerial, TcpSerial, TurnedAway, Went
from slotmeter.hal.virtual.faults import Fault

if TYPE_CHECKING:
    from slotmeter.zigbee_han.ncp.stick import Stick
    from slotmeter.zigbee_han.sim.air import Air

    Port = PtySerial | TcpSerial | DeviceSerial

# What a host that does not read may leave behind; more is thrown away, and the stick will say it again.
_BACKLOG = 65536
# How soon a line that was full is tried again.
_FULL_MS = 5
# What a stick takes to start; a host that listens for it must have begun to.
_BOOT_S = 0.1
# What is due at one moment comes to rest within so many turns; if not, the line is heard before it goes on.
_TURNS = 100
# How often a device that was unplugged is looked for.
_LOOK_S = 1.0


def now_ms() -> int:
    """Milliseconds of a clock that never goes back."""
    return time.monotonic_ns() // 1000000


class Line:
    """One stick, one line, one air. on_event gets the stick's facts, on_line what happens to the line, in words.

    reopen: makes the port anew when the device behind it is gone. A host that connects to a TCP port hears a RSTACK, as
    from a stick that has just been plugged in: some wait for it. One that speaks first has no need of it.
    """

    def __init__(
        self,
        stick: "Stick",
        port: "Port",
        air: "Air",
        on_event: "Callable[[object], None]",
        on_line: "Callable[[str], None]",
        towards_stick: "Fault | None" = None,
        towards_host: "Fault | None" = None,
        reopen: "Callable[[], Port] | None" = None,
    ) -> None:
        self.stick = stick
        self._port: Port | None = port
        self._air = air
        self._on_event = on_event
        self._on_line = on_line
        self._towards_stick = towards_stick or Fault()
        self._towards_host = towards_host or Fault()
        self._reopen = reopen
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        # A stick that starts, or a device that is looked for again.
        self._soon: asyncio.TimerHandle | None = None
        self._outbound = b""
        # An air of this process alone has nothing to wait for.
        self._air_fd: int | None = air.fileno() if hasattr(air, "fileno") else None
        if self._air_fd is not None:
            self._loop.add_reader(self._air_fd, self.pump)
        self._loop.add_reader(port.fileno(), self.pump)
        self.pump()

    def close(self) -> None:
        """Lets go of the line and the air; whoever made them closes the air."""
        for timer in (self._timer, self._soon):
            if timer is not None:
                timer.cancel()
        if self._air_fd is not None:
            self._loop.remove_reader(self._air_fd)
        self._unplug()

    def pump(self) -> None:
        """What is to be done now: hears, lets time pass, speaks, tells, and plans when it is called again."""
        self._hear(now_ms())
        self._live(now_ms())
        self._speak(now_ms())
        event = self.stick.next_event()
        while event is not None:
            self._on_event(event)
            event = self.stick.next_event()
        self._plan(now_ms())

    def _hear(self, now: int) -> None:
        """What the host has sent goes to the stick."""
        pieces = self._towards_stick.tick(now)
        octets = self._read()
        if octets:
            self._stop_booting()
            pieces.extend(self._towards_stick.carry(octets))
        for piece in pieces:
            self.stick.receive(piece, now)

    def _live(self, now: int) -> None:
        """Lets the air and the stick do what is due: what one does can be something for the other."""
        self._air.tick(now)
        for _ in range(_TURNS):
            if _is_due(self.stick, now):
                self.stick.tick(now)
            elif not _is_due(self._air, now):
                break
            self._air.tick(now)

    def _speak(self, now: int) -> None:
        """What the stick says goes to the host, as far as there is room for it."""
        pieces = self._towards_host.tick(now)
        octets = self.stick.to_send()
        while octets:
            pieces.extend(self._towards_host.carry(octets))
            # A device on the way can have restarted the stick.
            octets = self.stick.to_send()
        for piece in pieces:
            if len(self._outbound) < _BACKLOG:
                self._outbound += piece
        self._outbound = self._outbound[self._write(self._outbound) :]

    def _plan(self, now: int) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = now + _FULL_MS if self._outbound else None
        for one in (self.stick, self._air, self._towards_stick, self._towards_host):
            other = one.deadline_ms()
            if other is not None and (due is None or other < due):
                due = other
        if due is not None:
            self._timer = self._loop.call_later(max(due - now, 0) / 1000, self.pump)

    # The port.

    def _read(self) -> bytes:
        if self._port is None:
            return b""
        try:
            octets = self._port.read()
        except HalError as error:
            self._lost(error)
            return b""
        if isinstance(self._port, TcpSerial):
            self._look_who_is_there(self._port)
        return octets

    def _write(self, octets: bytes) -> int:
        if self._port is None:
            return len(octets)
        try:
            return self._port.write(octets) if octets else 0
        except HalError as error:
            self._lost(error)
            return len(octets)

    def _look_who_is_there(self, port: TcpSerial) -> None:
        event = port.next_event()
        while event is not None:
            if isinstance(event, Came):
                self._on_line("host %s connected" % event.who)
                self._outbound = b""
                self._soon = self._loop.call_later(_BOOT_S, self._booted)
            elif isinstance(event, Went):
                self._on_line("host %s gone" % event.who)
                self._stop_booting()
            elif isinstance(event, TurnedAway):
                self._on_line("host %s turned away: %s has the stick" % (event.who, event.has_it))
            event = port.next_event()

    def _booted(self) -> None:
        self._soon = None
        self.stick.power_on(now_ms())
        self.pump()

    def _stop_booting(self) -> None:
        if self._soon is not None:
            self._soon.cancel()
            self._soon = None

    def _unplug(self) -> None:
        if self._port is not None:
            self._loop.remove_reader(self._port.fileno())
            self._port.close()
            self._port = None

    def _lost(self, error: HalError) -> None:
        self._unplug()
        self._on_line("%s Waiting for it." % error.detail)
        self._soon = self._loop.call_later(_LOOK_S, self._look)

    def _look(self) -> None:
        self._soon = None
        if self._reopen is None:
            return
        try:
            self._port = self._reopen()
        except HalError:
            self._soon = self._loop.call_later(_LOOK_S, self._look)
            return
        self._on_line("it is back")
        self._outbound = b""
        self._loop.add_reader(self._port.fileno(), self.pump)
        self._booted()


def _is_due(one: "Stick | Air", now: int) -> bool:
    due = one.deadline_ms()
    return due is not None and due <= now
