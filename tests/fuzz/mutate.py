"""A small mutation engine: takes good inputs, makes bad ones, and judges what a parser does with them.

A fuzz target is a script that calls `main(Target(...))`. It needs nothing that is not in the standard library; the same
seed gives the same inputs. What a target must prove:

- whatever comes, the parser answers, or raises one of its `refusals` (a broken message), nothing else;
- one input takes at most `slow_s` plus `slow_s_per_kib` for each 1024 octets of it; what does not end is stopped;
- the largest allocation while parsing stays below `memory` plus `memory_per_octet` for each octet of input (asked
  of one input in sixteen, because asking is slow);
- `after(input, refused)`, when given, holds: for a meter, its state's digest is what it was before a refused message.
"""

import argparse
import collections
import json
import random
import signal
import sys
import time
import tracemalloc
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "independent"))

import builder  # noqa: E402
import dataset  # noqa: E402

# After how much time of the processor an input is held to run for ever.
ENDLESS_S = 5
GOLDEN = Path(__file__).resolve().parent.parent / "vectors" / "gbcs"
# Octets that mean something to these parsers: lengths on their edges, tags, fixed octets of headers.
LENGTHS = (0, 1, 2, 11, 12, 13, 0x7F, 0x80, 0x81, 0x82, 0x83, 0x84, 0xFE, 0xFF)
TAGS = (
    0,
    1,
    2,
    3,
    4,
    5,
    6,
    9,
    10,
    12,
    13,
    15,
    16,
    17,
    18,
    19,
    20,
    21,
    22,
    25,
    26,
    27,
    0x30,
    0xD9,
    0xDA,
    0xDD,
    0xDF,
    0xE0,
)
LONG_LENGTHS = (b"\x81\x80", b"\x81\xff", b"\x82\x01\x00", b"\x82\xff\xff", b"\x83\x01\x00\x00", b"\x83\xff\xff\xff")
LONGEST = 80000


def truncate(rng, data, _):
    return data[: rng.randrange(len(data) + 1)]


def extend(rng, data, _):
    return data + rng.randbytes(rng.choice((1, 2, 12, 64, 300)))


def flip(rng, data, _):
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 4, 16))):
        out[rng.randrange(len(out))] ^= 1 << rng.randrange(8)
    return bytes(out)


def overwrite(rng, data, _):
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 5))):
        out[rng.randrange(len(out))] = rng.choice(TAGS) if rng.random() < 0.5 else rng.randrange(256)
    return bytes(out)


def lie(rng, data, _):
    """A length or a count becomes another one, in one octet or in several."""
    place = rng.randrange(len(data))
    if rng.random() < 0.5:
        return data[:place] + bytes((rng.choice(LENGTHS),)) + data[place + 1 :]
    return data[:place] + rng.choice(LONG_LENGTHS) + data[place + 1 :]


def off_by_one(rng, data, _):
    place = rng.randrange(len(data))
    return data[:place] + bytes((data[place] + rng.choice((-1, 1)) & 0xFF,)) + data[place + 1 :]


def cut(rng, data, _):
    start = rng.randrange(len(data))
    return data[:start] + data[start + rng.choice((1, 1, 2, 8, 40)) :]


def insert(rng, data, _):
    place = rng.randrange(len(data) + 1)
    return data[:place] + rng.randbytes(rng.choice((1, 1, 2, 8))) + data[place:]


def repeat(rng, data, _):
    start = rng.randrange(len(data))
    piece = data[start : start + rng.choice((1, 2, 4, 30))]
    return data[:start] + piece * rng.choice((2, 3, 20, 400)) + data[start + len(piece) :]


def splice(rng, data, seeds):
    """The beginning of one input and the end of another."""
    other = rng.choice(seeds)
    return data[: rng.randrange(len(data) + 1)] + other[rng.randrange(len(other) + 1) :]


def transplant(rng, data, seeds):
    """A piece of another input in the midst of this one."""
    other = rng.choice(seeds) or b"\x00"
    start = rng.randrange(len(other))
    piece = other[start : start + rng.randrange(1, 40)]
    place = rng.randrange(len(data) + 1)
    return data[:place] + piece + data[place + rng.choice((0, len(piece))) :]


def nest(rng, data, _):
    """Many openings before what was there."""
    return (
        rng.choice((b"\x01\x01", b"\x02\x01", b"\x13\x01\x00\x01", b"\x01\x00\x01", b"\x30\x80")) * rng.randrange(1, 60)
        + data
    )


def noise(rng, _, __):
    return rng.randbytes(rng.choice((0, 1, 2, 5, 20, 100, 1000)))


MUTATIONS = (
    truncate,
    extend,
    flip,
    flip,
    overwrite,
    lie,
    lie,
    off_by_one,
    cut,
    insert,
    repeat,
    splice,
    transplant,
    nest,
    noise,
)


def mutants(seeds, rng):
    """Inputs without end: now and then a seed as it is, mostly one to four mutations on one."""
    while True:
        data = rng.choice(seeds)
        if rng.random() < 0.02:
            yield data
            continue
        for _ in range(rng.choice((1, 1, 1, 2, 2, 4))):
            data = rng.choice(MUTATIONS)(rng, data or b"\x00", seeds)[:LONGEST]
        yield data


class Target:
    """What is fuzzed: `name`; `seeds`, good inputs; `parse(data)`; `refusals`, the exceptions that are an answer;
    `after(data, refused)`, called after each input, raises AssertionError when something else is wrong.
    """

    def __init__(
        self,
        name,
        seeds,
        parse,
        refusals,
        after=None,
        slow_s=0.05,
        slow_s_per_kib=0.01,
        memory=200000,
        memory_per_octet=200,
    ):
        self.name = name
        self.seeds = sorted(set(seeds), key=lambda seed: (len(seed), seed))
        self.parse = parse
        self.refusals = refusals
        self.after = after
        self.slow_s = slow_s
        self.slow_s_per_kib = slow_s_per_kib
        self.memory = memory
        self.memory_per_octet = memory_per_octet


class Report:
    """What came of it: tried, taken, refused by reason, the slowest input, the hungriest, and failures."""

    def __init__(self):
        self.tried = 0
        self.taken = 0
        self.refused = collections.Counter()
        self.slowest = (0.0, b"")
        self.hungriest = (0.0, b"")
        self.failures = []


class Endless(BaseException):
    """An input is stopped; no `except Exception` of what is being fuzzed keeps it going."""


def stop(_number, _frame):
    """It has run for ENDLESS_S."""
    raise Endless


def reason_of(error):
    """A refusal's reason without the numbers in it."""
    text = getattr(error, "reason", None) or str(error)
    return "".join("#" if letter.isdigit() else letter for letter in text)


def try_one(target, data, report, with_memory=False):
    """Gives one input to the target and judges it."""
    refused = ""
    peak = 0
    if with_memory:
        tracemalloc.start()
    start = time.process_time()
    endless = False
    signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, target.slow_s + ENDLESS_S)
    try:
        target.parse(data)
    except target.refusals as error:
        refused = reason_of(error)
    except Endless:
        endless = True
        report.failures.append(("it does not end", data))
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
        report.failures.append(("%s: %s" % (type(error).__name__, error), data))
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    spent = time.process_time() - start
    if with_memory:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    report.tried += 1
    if refused:
        report.refused[refused] += 1
    else:
        report.taken += 1
    # Tracing slows everything down: its own measure is not judged.
    if not with_memory and not endless:
        report.slowest = max(report.slowest, (spent, data), key=lambda pair: pair[0])
        if spent > target.slow_s + target.slow_s_per_kib * len(data) / 1024:
            # Once more, because a shared machine hesitates; what is slow twice is slow.
            start = time.process_time()
            try:
                target.parse(data)
            except target.refusals:
                pass
            spent = min(spent, time.process_time() - start)
            if spent > target.slow_s + target.slow_s_per_kib * len(data) / 1024:
                report.failures.append(("%.3f s for %d octets" % (spent, len(data)), data))
    if with_memory and peak > target.memory + target.memory_per_octet * len(data):
        report.failures.append(("%d octets of memory for %d of input" % (peak, len(data)), data))
    report.hungriest = max(report.hungriest, (peak / (len(data) + 1000), data), key=lambda pair: pair[0])
    if target.after is not None:
        try:
            target.after(data, refused)
        except AssertionError as error:
            report.failures.append(("afterwards: %s" % error, data))


def run(target, seconds=None, seed=1, count=None):
    """Fuzzes until the time or the count is used up, or twenty failures were found. Returns the Report."""
    report = Report()
    rng = random.Random(seed)
    for data in target.seeds:
        try_one(target, data, report)
    end = time.monotonic() + (seconds if seconds is not None else 1e9)
    for number, data in enumerate(mutants(target.seeds, rng)):
        if number & 15 == 0 and (time.monotonic() >= end or len(report.failures) >= 20):
            break
        if count is not None and number >= count:
            break
        try_one(target, data, report, number & 15 == 1)
    return report


def show(target, report, seed):
    """Prints the report; findings with the input in hexadecimal, so that each is a test case."""
    print(
        "%s: %d inputs tried (seed %d), %d taken, %d refused for %d reasons"
        % (target.name, report.tried, seed, report.taken, sum(report.refused.values()), len(report.refused))
    )
    for reason, times in report.refused.most_common(12):
        print("  %8d  %s" % (times, reason))
    spent, data = report.slowest
    print(
        "  slowest %.2f ms for %d octets; hungriest %.0f octets of memory for one of input"
        % (1000 * spent, len(data), report.hungriest[0])
    )
    for what, data in report.failures:
        shown = data.hex() if len(data) <= 2000 else data[:2000].hex() + "... (%d octets)" % len(data)
        print("FAILED %s\n  %s" % (what, shown))


def golden_messages():
    """The golden messages, and those of the reference data set where it is present."""
    found = []
    for path in sorted(GOLDEN.glob("*.json")):
        found += [
            bytes.fromhex(one["octets"]) for one in json.loads(path.read_text(encoding="utf-8")) if "octets" in one
        ]
    rtds = dataset.find()
    return found + ([octets for _, octets in rtds.files] if rtds is not None else [])


def golden_payloads(first):
    """The payloads of the golden messages that begin with one of the octets `first`."""
    payloads = [builder.take_apart(octets).payload for octets in golden_messages()]
    return [payload for payload in payloads if payload[:1] and payload[0] in first]


def golden_values():
    """The A-XDR values in the DLMS payloads of the golden messages."""
    found = []
    for payload in golden_payloads(b"\xd9"):
        found += [data for _, data in builder.request_items(payload)]
    for payload in golden_payloads(b"\xda"):
        found += [data for _, _, data in builder.response_results(payload)]
    return found + [payload[6:] for payload in golden_payloads(b"\x0f")]


def main(target):
    """The command line of every target: --seconds, --seed, --count. Exit status 1 when something was found."""
    arguments = argparse.ArgumentParser(description="Fuzzes %s." % target.name)
    arguments.add_argument("--seconds", type=float, default=30, help="how long (default 30)")
    arguments.add_argument("--seed", type=int, default=1, help="the same seed gives the same inputs (default 1)")
    arguments.add_argument("--count", type=int, default=None, help="how many inputs instead of how long")
    given = arguments.parse_args()
    report = run(target, None if given.count is not None else given.seconds, given.seed, given.count)
    show(target, report, given.seed)
    sys.exit(1 if report.failures else 0)
