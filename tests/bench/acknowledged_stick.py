"""A program of its own: a stick that notes how long the host takes to acknowledge. Prints where it is, then for each
line of standard input, a number of callbacks, the milliseconds that each took as one JSON list.
"""

import asyncio
import json
import sys
import time

from slotmeter.boards.pc.ncp_command import make_stick
from slotmeter.boards.pc.ncp_line import Line
from slotmeter.hal.host.serial import TcpSerial
from slotmeter.hal.virtual import faults
from slotmeter.hal.virtual.entropy import SeededEntropy
from slotmeter.zigbee_han.errors import DecodeError
from slotmeter.zigbee_han.ncp import ash
from slotmeter.zigbee_han.sim.air import Air

# Between two callbacks: at least so long, at most so much longer, so that they come at any time of what the meter does.
LEAST_S, MORE_S = 0.003, 0.004


class Written(faults.Fault):
    """Notes when a DATA frame goes to the host."""

    def __init__(self):
        super().__init__()
        self.at = 0

    def carry(self, octets):
        self.at = time.perf_counter_ns()
        return super().carry(octets)


class Read(faults.Fault):
    """Notes when an acknowledgement comes back."""

    def __init__(self, written):
        super().__init__()
        self.came = None
        self._written = written

    def carry(self, octets):
        now = time.perf_counter_ns()
        for piece in octets.split(b"\x7e"):
            try:
                control, _ = ash.parse(piece.lstrip(b"\x1a"))
            except DecodeError:
                continue
            if control & 0xE0 == 0x80 and self.came is not None and not self.came.done():
                self.came.set_result((now - self._written.at) / 1e6)
        return super().carry(octets)


async def measure(stick, line, read, calls):
    loop = asyncio.get_running_loop()
    dice = SeededEntropy(calls)
    found = []
    for _ in range(calls):
        await asyncio.sleep(LEAST_S + MORE_S * dice.random(1)[0] / 256)
        read.came = loop.create_future()
        # Something that the host has to take note of, and need not ask about.
        stick.server.callback("id_conflict", {"id": 0x1234})
        stick.tick(int(time.monotonic() * 1000))
        line.pump()
        found.append(await asyncio.wait_for(read.came, 5))
    return found


async def main():
    stick, _ = make_stick(18, None, SeededEntropy(1))
    written = Written()
    read = Read(written)
    # Not a pseudo-terminal, whose octets wait for a thread of the kernel that has no priority on a busy machine.
    port = TcpSerial(0)
    line = Line(stick, port, Air(), lambda event: None, lambda text: None, read, written)
    print("socket://127.0.0.1:%d" % port.port, flush=True)
    loop = asyncio.get_running_loop()
    while True:
        order = await loop.run_in_executor(None, sys.stdin.readline)
        if not order:
            break
        print(json.dumps(await measure(stick, line, read, int(order))), flush=True)
    line.close()


if __name__ == "__main__":
    asyncio.run(main())
