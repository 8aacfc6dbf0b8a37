"""Reads of the object tree: a plain attribute, 48 half-hours out of thirteen months, and all thirteen months.

    python tests/bench/bench_cosem.py [--rounds 15]

The cost of a half-hour in the long read is to be no more than twice that in the short one.
"""

import argparse
import time

from timing import best_of

from slotmeter.dlms.cosem.hooks import Hooks
from slotmeter.dlms.cosem.tree import SINGLE, Tree
from slotmeter.firmware.objects import OBJECTS
from slotmeter.hal.records import Records
from slotmeter.hal.virtual.store import VirtualStore

REGISTER = b"\x00\x03\x01\x00\x02\x08\x00\xff\x02"
PROFILE = b"\x00\x07\x00\x00\x63\x01\x00\xff\x02"
ROWS = 19056


def measure(rounds=15):
    """(what, microseconds) of each; the last is the ratio that the long read has to the short one by half-hour."""
    tree = Tree(OBJECTS, SINGLE, Records(VirtualStore()), Hooks())
    rows = [(n * 1800).to_bytes(4, "big") + n.to_bytes(4, "big") for n in range(ROWS)]
    for row in rows:
        tree.append(PROFILE[2:8], row)
    low, high = rows[9000][:4], rows[9047][:4]
    start = time.process_time_ns()
    tree = Tree(OBJECTS, SINGLE, Records(VirtualStore()), Hooks())
    built = (time.process_time_ns() - start) / 1000
    for row in rows:
        tree.append(PROFILE[2:8], row)
    (plain,) = best_of([lambda: tree.get(REGISTER, b"", None)], rounds, 2000)
    (short,) = best_of([lambda: tree.select(PROFILE, low, high)], rounds, 200)
    (long,) = best_of([lambda: tree.select(PROFILE, bytes(4), b"\xff" * 4)], rounds, 20)
    assert len(tree.select(PROFILE, low, high)[1]) == 48 * 8 + 8
    assert len(tree.select(PROFILE, bytes(4), b"\xff" * 4)[1]) == ROWS * 8 + 9
    return [
        ("build the tree", built),
        ("get a register", plain),
        ("select 48 half-hours", short),
        ("select %d half-hours" % ROWS, long),
        ("long by short, one half-hour", (long / ROWS) / (short / 48)),
    ]


def main():
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=15)
    for what, value in measure(parser.parse_args().rounds):
        print("%-32s %10.2f" % (what, value))


if __name__ == "__main__":
    main()
