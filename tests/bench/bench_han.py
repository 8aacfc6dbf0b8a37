"""How long a GBCS command takes through hub, tunnel and meter on the virtual air, and the start of a network.

    python tests/bench/bench_han.py [--times 300]

A bench with everything in one process, as `slotmeter run` starts it: general block transfer, tunnel, ZCL, APS, NWK and
802.15.4 with their security both ways, and the meter's own work between. Process time in milliseconds; beside a command
the same one without a network (`--direct`). The start is the join: association, key establishment by certificate with
suite 2, both sides in this process, and the tunnel.
"""

import argparse
import tempfile
import time
from pathlib import Path

from slotmeter.boards.pc.bench import Bench, Options
from slotmeter.boards.pc.request_builder import Order, find
from slotmeter.boards.pc.requester import Requester

LIMIT_MS = 50
START_LIMIT_MS = 500
COMMANDS = ("ECS17b", "ECS10", "ECS42")


def spent(act):
    """What one run costs, in ms of this process, because the machine may be busy with others."""
    start = time.process_time()
    act()
    return 1000 * (time.process_time() - start)


def commands(bench, times):
    """{use case: finished commands}; counters rise through all of them."""
    requester = Requester(cast=bench.cast)
    order = Order(now_s=bench.clock.now_ms() // 1000)
    return {
        name: [requester.build(find(name), order, {}, 5000 + 10000 * place + one).hex() for one in range(times)]
        for place, name in enumerate(COMMANDS)
    }


def deliver(bench, octets):
    reply = bench.request({"op": "deliver", "hex": octets})
    if not reply["ok"] or reply.get("failed") or not reply["messages"]:
        raise RuntimeError("no answer: %s" % reply)


def measure(times):
    """[(what, median ms, 99th percentile ms, limit ms)]; a limit of None: only to compare with."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        keys = Path(folder) / "keys"
        Bench(Options(keys=keys, temporary=True, han=True)).close()
        given = {"keys": keys, "temporary": True, "start": "2025-01-06T10:00:00Z", "seed": 3}
        starts = [spent(lambda: Bench(Options(han=True, **given)).close()) for _ in range(max(3, times // 50))]
        direct = [spent(lambda: Bench(Options(**given)).close()) for _ in range(3)]
        rows.append(row("start, joined and with a tunnel", starts, START_LIMIT_MS))
        rows.append(row("start without a network", direct, None))
        for title, han, limit in (("through the network", True, LIMIT_MS), ("direct", False, None)):
            with Bench(Options(han=han, **given)) as bench:
                bench.request({"op": "hello"})
                for name, made in commands(bench, times).items():
                    costs = [spent(lambda octets=octets: deliver(bench, octets)) for octets in made]
                    rows.append(row("%s %s" % (name, title), costs, limit))
    return rows


def row(what, costs, limit):
    ordered = sorted(costs)
    return what, ordered[len(ordered) // 2], ordered[len(ordered) * 99 // 100], limit


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=300)
    rows = measure(parser.parse_args().times)
    print("%-34s %10s %10s %10s" % ("what", "median ms", "p99 ms", "limit ms"))
    for what, median, most, limit in rows:
        print("%-34s %10.1f %10.1f %10s" % (what, median, most, "" if limit is None else limit))


if __name__ == "__main__":
    main()
