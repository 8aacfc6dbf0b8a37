"""A program of its own: a stick on a pseudo-terminal whose wire is bad. Prints the path, and at the end what was done.

    python faulty_stick.py VERSION SEED lost=30 corrupt=30 noise=200 slow

So many of a thousand frames; `host:lost=30` only of those towards the host, `ncp:` of those towards the stick.
"""

import asyncio
import signal
import sys

from slotmeter.boards.pc.ncp_command import make_stick
from slotmeter.boards.pc.ncp_line import PtyLine
from slotmeter.hal.virtual import faults
from slotmeter.hal.virtual.entropy import SeededEntropy

FLAG = 0x7E


def wire(seed, wanted, towards):
    """The devices of one direction, as one."""
    devices = []
    for word in wanted:
        only, _, word = word.rpartition(":")
        if only not in ("", towards):
            continue
        name, _, number = word.partition("=")
        if name == "lost":
            devices.append(faults.Frames(faults.Lossy(seed, int(number)), FLAG))
        elif name == "corrupt":
            devices.append(faults.Frames(faults.Corrupting(seed + 1, int(number)), FLAG))
        elif name == "double":
            devices.append(faults.Frames(faults.Doubling(seed + 2, int(number)), FLAG))
        elif name == "noise":
            devices.append(faults.Noisy(seed + 3, int(number), b"\x11\x13"))
        elif name == "slow":
            devices.append(faults.OneOctetAtATime())
        else:
            raise SystemExit("what is %s?" % word)
    return faults.Chain(devices)


async def main(version, seed, wanted):
    stick, _ = make_stick(version, None, SeededEntropy(seed))
    line = PtyLine(stick, lambda event: None, wire(seed, wanted, "ncp"), wire(seed + 100, wanted, "host"))
    print(line.path, flush=True)
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, stopped.set)
    await stopped.wait()
    print("dropped %r, repeated %d" % (stick.link.dropped, stick.link.repeated))
    line.close()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]))
