"""A program of its own: sticks on pseudo-terminals that share an air. Prints their paths in one line.

    python sticks_on_an_air.py CAPTURE VERSION VERSION ...

The first has the EUI-64 0200000000000001, the next one 0200000000000002. What is on the air is written to the file
CAPTURE, which Wireshark reads.
"""

import asyncio
import signal
import sys

from slotmeter.boards.pc.capture import Capture
from slotmeter.boards.pc.ncp_command import make_stick
from slotmeter.boards.pc.ncp_line import Line, now_ms
from slotmeter.hal.host.serial import PtySerial
from slotmeter.hal.virtual.entropy import SeededEntropy
from slotmeter.zigbee_han.sim.air import Air


class Together(Line):
    """A line that wakes the others when something has come over the air for their sticks."""

    all = []

    def pump(self):
        super().pump()
        for other in self.all:
            due = other.stick.deadline_ms()
            if other is not self and due is not None and due <= now_ms():
                other.pump()


async def main(path, versions):
    air = Air()
    with open(path, "wb") as file:
        capture = Capture(file)
        air.tap = lambda octets, time_us, channel: capture.add(octets, time_us)
        places = []
        for number, version in enumerate(versions):
            stick, _ = make_stick(version, bytes((2, 0, 0, 0, 0, 0, 0, number + 1)), SeededEntropy(number + 1))
            air.attach(stick.node)
            port = PtySerial()
            Together.all.append(Together(stick, port, air, lambda event: None, lambda text: None))
            places.append(port.path)
        print(" ".join(places), flush=True)
        stopped = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, stopped.set)
        await stopped.wait()
        for line in Together.all:
            line.close()
            print("dropped %r, %r" % (line.stick.node.dropped, line.stick.server.dropped))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], [int(version) for version in sys.argv[2:]]))
