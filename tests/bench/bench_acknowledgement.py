"""How soon the co-processor is acknowledged while the meter works: from the last octet of a frame to our answer.

    python tests/bench/bench_acknowledgement.py [--calls 5000]

The stick is a process of its own, and takes the time. The meter lives through its days as fast as it can: half-hours,
a billing period each day with its signed alert, all of it committed to SQLite, commands whose signature it verifies and
answers that it signs, and between them what a key establishment multiplies, which is a long time of Python alone.
Beside it: the same with nothing to do, and with the interpreter's own interval for changing threads.

On a machine that others use as well, `chrt -f 10` before it leaves their share out; so does TCP, which the stick is on.
"""

import argparse
import json
import select
import subprocess
import sys
import tempfile
from pathlib import Path

from slotmeter.boards.pc.cast import load_cast
from slotmeter.boards.pc.measurements import World
from slotmeter.boards.pc.meter_year import HALF_HOUR_MS, HalfHours
from slotmeter.boards.pc.year import flows
from slotmeter.hal.host import radio_ezsp
from slotmeter.hal.host.store import SqliteStore
from slotmeter.hal.radio import Up
from slotmeter.zigbee_han.curves import SECT283K1

TARGET_MS = 5
DAYS = 2000
# Of these a step of its life has so many.
STEP_HALF_HOURS = 6
EVERY_DAY = '[{"date":"*-*-*"}]'


class Working:
    """A meter that has everything to do that a meter does."""

    def __init__(self, folder):
        self._store = SqliteStore(Path(folder) / "meter.store")
        self._world = World(load_cast(Path(folder) / "keys", create=True), self._store)
        for name, given in (("ECS01a", {}), ("ECS30a", {"billing_dates": EVERY_DAY}), ("ECS08a", {})):
            self._world.answer(self._world.command(name, given))
        meter = self._world.meter
        self._now_ms = meter.deadline_ms() // HALF_HOUR_MS * HALF_HOUR_MS
        meter.life.set_metrology(HalfHours(self._now_ms, flows(DAYS * 48)))
        self.half_hours = self.signed = self.alerts = 0

    def step(self):
        """Some hours of its life, and a command that is signed both ways."""
        meter = self._world.meter
        self._now_ms += STEP_HALF_HOURS * HALF_HOUR_MS
        due_ms = meter.deadline_ms()
        while due_ms is not None and due_ms <= self._now_ms:
            meter.tick(due_ms)
            due_ms = meter.deadline_ms()
        meter.tick(self._now_ms)
        self.half_hours += STEP_HALF_HOURS
        while meter.to_send():
            self.alerts += 1
        while meter.next_event() is not None:
            pass
        self._world.answer(self._world.command("ECS39a", {}))
        self.signed += 1
        SECT283K1.public_key(b"\1" + bytes((self.signed & 0xFF,)) * 35)

    def close(self):
        self._store.close()


def nothing():
    """What an idle main thread does."""
    select.select([], [], [], 0.05)


def measure(calls, step, interval=None):
    """The sorted milliseconds of so many acknowledgements while the main thread does `step` again and again."""
    program = Path(__file__).parent / "acknowledged_stick.py"
    process = subprocess.Popen(
        [sys.executable, str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )
    try:
        radio = radio_ezsp.EzspRadio(process.stdout.readline().strip())
        try:
            radio.form(15, 0x1234, b"slotmetr", bytes(range(16)), 0)
            select.select([radio], [], [], 5)
            assert isinstance(radio.next_event(), Up)
            if interval is not None:
                sys.setswitchinterval(interval)
            process.stdin.write("%d\n" % calls)
            process.stdin.flush()
            while not select.select([process.stdout], [], [], 0)[0]:
                step()
                while radio.next_event() is not None:
                    pass
            return sorted(json.loads(process.stdout.readline()))
        finally:
            radio.close()
    finally:
        process.stdin.close()
        process.wait(10)
        process.stdout.close()


def quantile(values, part):
    """The value below which `part` of the sorted ones are."""
    return values[min(len(values) - 1, int(part * len(values)))]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--calls", type=int, default=5000)
    calls = parser.parse_args().calls
    print("acknowledged within, ms%10s%9s%9s%9s" % ("p50", "p99", "p99.9", "worst"))
    with tempfile.TemporaryDirectory() as folder:
        working = Working(folder)
        for what, step, interval in (
            ("idle", nothing, None),
            ("the meter works", working.step, None),
            ("with Python's 5 ms", working.step, 0.005),
        ):
            found = measure(calls, step, interval)
            figures = [quantile(found, part) for part in (0.5, 0.99, 0.999)]
            print("%-22s%10.2f%9.2f%9.2f%9.2f" % (what, *figures, found[-1]))
        print(
            "meanwhile: %d half-hours, %d commands verified and answers signed, %d alerts signed"
            % (working.half_hours, working.signed, working.alerts)
        )
        working.close()


if __name__ == "__main__":
    main()
