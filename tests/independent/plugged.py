"""Simulated sticks on pseudo-terminals, in a thread of their own, for hosts in this process."""

import asyncio
import os
import select
import threading
import time

from slotmeter.boards.pc.ncp_command import make_stick
from slotmeter.boards.pc.ncp_line import Line
from slotmeter.hal.host.serial import PtySerial
from slotmeter.hal.virtual.entropy import SeededEntropy
from slotmeter.zigbee_han.sim.air import Air

VERSIONS = (13, 14, 16, 17, 18, 19)


class Plugged:
    """A stick and its line. `path` is a link that stays the same when the stick is unplugged and plugged in again."""

    def __init__(self, sticks, stick, link, towards_ncp, towards_host):
        self.stick = stick
        self.path = link
        self.events = []
        self._sticks = sticks
        self._faults = (towards_ncp, towards_host)
        self._line = None
        self.plug_in()

    def plug_in(self):
        """It gets a new pseudo-terminal."""

        def work():
            port = PtySerial()
            air = Air()
            air.attach(self.stick.node)
            self._line = Line(self.stick, port, air, self.events.append, lambda text: None, *self._faults)
            if os.path.islink(self.path):
                os.unlink(self.path)
            os.symlink(port.path, self.path)

        self._sticks.do(work)

    def unplug(self):
        """Its pseudo-terminal is gone, and its memory with the power; flash stays."""

        def work():
            os.unlink(self.path)
            self._line.close()
            self._line = None
            self.stick.server.reset(0)

        self._sticks.do(work)

    def do(self, work):
        """Does something to the stick in its thread, and lets it say what follows."""

        def both():
            result = work()
            if self._line is not None:
                self._line.pump()
            return result

        return self._sticks.do(both)

    def close(self):
        if self._line is not None:
            self._sticks.do(self._line.close)


class Sticks:
    """The thread in which they are, and what they are on."""

    def __init__(self, folder):
        self._folder = str(folder)
        self._plugged = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def do(self, work):
        """Has something done in the thread of the sticks; its result."""

        async def run():
            return work()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(20)

    def plug(self, version=13, seed=5, towards_ncp=None, towards_host=None):
        """One more stick."""
        link = os.path.join(self._folder, "stick%d" % len(self._plugged))

        def work():
            stick, _ = make_stick(version, None, SeededEntropy(seed))
            return stick

        one = Plugged(self, self.do(work), link, towards_ncp, towards_host)
        self._plugged.append(one)
        return one

    def close(self):
        for one in self._plugged:
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
