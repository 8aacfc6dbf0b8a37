"""Simulated sticks on pseudo-terminals, in a thread of their own and on one air, for hosts in this process."""

import asyncio
import os
import select
import threading
import time

from slotmeter.boards.pc.ncp_command import make_stick
from slotmeter.boards.pc.ncp_line import Line, now_ms
from slotmeter.hal.host import radio_ezsp
from slotmeter.hal.host.serial import PtySerial, TcpSerial
from slotmeter.hal.radio import DeviceJoined, Received, Sent, Up
from slotmeter.hal.virtual.entropy import SeededEntropy
from slotmeter.zigbee_han.sim.air import Air

VERSIONS = (13, 14, 16, 17, 18, 19)
NETWORK_KEY = bytes(range(16))
CODE_KEY = b"install code key"
CHANNEL = 15


class Plugged:
    """A stick and its line. `path` is a link that stays the same when the stick is unplugged and plugged in again."""

    def __init__(self, sticks, stick, link, towards_stick, towards_host, tcp):
        self.stick = stick
        self.path = link
        self._tcp = tcp
        self.events = []
        self._sticks = sticks
        self._faults = (towards_stick, towards_host)
        self.line = None
        self.place = sticks.air.attach(stick.node)
        self.plug_in()

    def plug_in(self):
        """It gets a new pseudo-terminal."""

        def work():
            port = TcpSerial(0) if self._tcp else PtySerial()
            self.line = Line(
                self.stick, port, self._sticks.medium, self.events.append, lambda text: None, *self._faults
            )
            if self._tcp:
                self.path = "socket://127.0.0.1:%d" % port.port
                return
            if os.path.islink(self.path):
                os.unlink(self.path)
            os.symlink(port.path, self.path)

        self._sticks.do(work)

    def unplug(self):
        """Its pseudo-terminal is gone, and its memory with the power; flash stays."""

        def work():
            os.unlink(self.path)
            self.line.close()
            self.line = None
            self.stick.server.reset(now_ms())

        self._sticks.do(work)

    def do(self, work):
        """Does something to the stick in its thread, and lets it say what follows."""

        def both():
            result = work()
            if self.line is not None:
                self.line.pump()
            return result

        return self._sticks.do(both)

    def wake(self):
        """Something on the air concerns it."""
        if self.line is not None:
            self.line.pump()

    def close(self):
        if self.line is not None:
            self._sticks.do(self.line.close)


class _Medium:
    """The air, as each line sees it: what one moves on it, the others are woken for."""

    def __init__(self, sticks):
        self._sticks = sticks

    def tick(self, now):
        self._sticks.air.run(now)
        for one in self._sticks.plugged:
            due = one.stick.deadline_ms()
            if one.line is not None and due is not None and due <= now:
                asyncio.get_running_loop().call_soon(one.wake)

    def deadline_ms(self):
        return self._sticks.air.deadline_ms()


class Sticks:
    """The thread in which they are, and the air that they are on."""

    def __init__(self, folder, seed=1):
        self.air = Air(seed)
        self.air.now_ms = now_ms()
        self.medium = _Medium(self)
        self.plugged = []
        self._folder = str(folder)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def do(self, work):
        """Has something done in the thread of the sticks; its result."""

        async def run():
            return work()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(20)

    def plug(self, version=13, seed=5, towards_stick=None, towards_host=None, tcp=False):
        """One more stick."""
        link = os.path.join(self._folder, "stick%d" % len(self.plugged))

        def work():
            stick, _ = make_stick(version, None, SeededEntropy(seed))
            return stick

        one = Plugged(self, self.do(work), link, towards_stick, towards_host, tcp)
        self.plugged.append(one)
        return one

    def close(self):
        for one in self.plugged:
            one.close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()


def wait_for(radio, kind, seconds=5, seen=None):
    """The next event of a kind; what comes before it is put into `seen`."""
    until = time.monotonic() + seconds
    while True:
        event = radio.next_event()
        if event is None:
            left = until - time.monotonic()
            assert left > 0, "no %s in %d s, but %r; dropped %r" % (kind.__name__, seconds, seen, radio.dropped)
            select.select([radio], [], [], left)
        elif isinstance(event, kind):
            return event
        elif seen is not None:
            seen.append(event)


def form(radio):
    """Forms a network."""
    radio.form(CHANNEL, 0x1234, b"slotmetr", NETWORK_KEY, 0)
    return wait_for(radio, Up)


def let_in(hub, device):
    """Has a device join a hub's network."""
    hub.set_link_key(device.eui64, CODE_KEY)
    hub.permit(60, 0)
    time.sleep(0.1)
    device.join(CODE_KEY, 0)
    assert wait_for(device, Up, 20).trust_centre == hub.eui64
    wait_for(hub, DeviceJoined)


def joined(sticks, opened, version, monkeypatch, **faults):
    """A hub and a device that joined it, and their sticks; they look for each other on one channel only."""
    monkeypatch.setattr(radio_ezsp, "CHANNELS", 1 << CHANNEL)
    plugged = [sticks.plug(version, 5, **faults), sticks.plug(version, 6)]
    hub, device = [opened(one.path) for one in plugged]
    for radio in (hub, device):
        radio.serve(1, 0x0109, 0x0500, [0x0704], [0x0704])
    form(hub)
    let_in(hub, device)
    return hub, device, plugged


def carry(one, other, payload, secured=True):
    """Sends a payload, and looks at what arrives."""
    handle = one.send(other.eui64, 1, 1, 0x0109, 0x0704, payload, secured, 0)
    got = wait_for(other, Received, 20)
    assert (got.peer, got.payload, got.secured) == (one.eui64, payload, secured)
    sent = wait_for(one, Sent, 20)
    assert (sent.handle, sent.delivered) == (handle, True)
