"""The whole meter on MicroPython against the Reference Test Data Set: a state, a command, an answer to compare.

    python tools/wasm/meter.py                        one command of each use case, compiled, on the newest release
    python tools/wasm/meter.py --only 'ECS17*'        these
    python tools/wasm/meter.py --all                  every pair

The host prepares each pair as `slotmeter rtds` does. Just before the command is delivered, everything that is in the
meter's store is written out as a board keeps it (hal/board/store.py); MicroPython opens that, with portable
cryptography and the call depth of a Pico, and its answer must be the published one: in all octets, or in all but the 64
of a signature that verifies. Then the same command comes again, and to a meter switched off and on: it must be refused.

Prints time and live heap. Without the data set it says where to get it, with status 0.
"""

import argparse
import fnmatch
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "tools" / "wasm")]

import stage  # noqa: E402
from runtime import VERSIONS, RuntimeMissing, run_jobs  # noqa: E402

from slotmeter.boards.pc.errors import SlotmeterError  # noqa: E402
from slotmeter.boards.pc.rtds_replay import Exchange, Replay  # noqa: E402
from slotmeter.dlms.gbcs.anchors import DeviceKeys  # noqa: E402
from slotmeter.dlms.gbcs.message import RESPONSE, SIGNATURE_SIZE, parse  # noqa: E402
from slotmeter.dlms.gbcs.roles import DIGITAL_SIGNATURE  # noqa: E402
from slotmeter.firmware.settings import VARIANT_NAMES  # noqa: E402
from slotmeter.firmware.usecases import USE_CASES  # noqa: E402
from slotmeter.hal.board.store import SlotStore  # noqa: E402
from slotmeter.hal.host.crypto import HostCrypto  # noqa: E402

WHERE_TO_GET = (
    "No data set, so the meter was not tried on MicroPython: "
    "RTDS 4.5.0 is in the test folder of SmartDCCInnovation/gbcs-parser; set RTDS_DIR."
)
BOARD_TESTS = ROOT / "tests" / "board"
SCRATCH = stage.BUILD / "wasm" / "states"
_CODE_CS02C = 0x000A


class Prepared:
    """What MicroPython gets, and what it must answer."""

    def __init__(
        self,
        name: str,
        now_ms: int,
        variant: str,
        state: Path,
        command: bytes,
        fault: "tuple[int, int | None] | None",
    ) -> None:
        self.name = name
        self.now_ms = now_ms
        self.variant = variant
        self.state = state
        self.command = command
        # The item of the command that is to fail, and how.
        self.fault = fault
        self.expected = b""
        # The device's signing key once the host's meter has carried out the command.
        self.public = b""

    def job(self, tree: Path) -> "dict[str, Any]":
        """The steps; the state is of the command's own interpreter."""
        start = "meter = answer.start('/state', %d, %d)" % (self.now_ms, VARIANT_NAMES[self.variant])
        deliver = "for line in answer.deliver(meter, '%s', %d): print(line)" % (self.command.hex(), self.now_ms)
        if self.fault is not None:
            start += "; meter.arm_fault(%r, %r)" % self.fault
        collect = "import gc; gc.collect()"
        measure = "print(gc.mem_alloc())"
        return {
            "name": self.name,
            "trees": [[str(tree / "lib"), "/lib"], [str(BOARD_TESTS), "/board"], [str(self.state), "/state"]],
            "path": ["/lib", "/board"],
            "steps": ["import answer", start, deliver, deliver, start, deliver, collect, collect, measure],
        }


def data_set() -> "Path | None":
    """The folder of the data set, or None."""
    for folder in (os.environ.get("RTDS_DIR"), ROOT.parent / "shared" / "rtds"):
        if folder and Path(folder).is_dir():
            return Path(folder)
    return None


def prepare(replay: Replay, exchange: Exchange) -> "Prepared | None":
    """Runs the pair on the host and keeps what the meter's store held before the command; None when it does not run."""
    caught: list[Prepared] = []

    def watch(variant: str) -> "Callable[[str, dict[str, Any]], None]":
        bench = replay._bench(variant)  # noqa: SLF001  (an outsider's view of the inside is what this tool is for)

        def observe(kind: str, what: "dict[str, Any]") -> None:
            if kind == "delivered" and bytes.fromhex(what["hex"]) == wanted:
                folder = SCRATCH / exchange.directory / exchange.scenario
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir(parents=True)
                store = SlotStore(str(folder))
                records = bench.meter.records
                store.commit([(name, records.get(name)) for name in records.names()])
                name = "%s/%s" % (exchange.directory, exchange.scenario)
                fault = bench.meter._fault  # noqa: SLF001
                caught.append(Prepared(name, bench.clock.now_ms(), variant, folder, wanted, fault))

        bench.observers.append(observe)
        return observe

    assert exchange.command is not None
    assert exchange.response is not None
    wanted = exchange.command.data
    watchers = {variant: watch(variant) for variant in VARIANT_NAMES}
    replay.run(exchange)
    for variant, watcher in watchers.items():
        replay._bench(variant).observers.remove(watcher)  # noqa: SLF001
    if not caught:
        return None
    one = caught[-1]
    one.expected = exchange.response.data
    keys = DeviceKeys(replay._bench(one.variant).meter.records)  # noqa: SLF001
    one.public = HostCrypto().public_key(keys.private(DIGITAL_SIGNATURE))
    return one


def judge(prepared: Prepared, answers: "list[dict[str, Any]]", repeatable: bool) -> str:
    """What is wrong with MicroPython's answers, or ""."""
    for answer in answers:
        if answer["error"] is not None:
            return str(answer["error"]).strip()
    if len(answers) < 9:
        return "MicroPython stopped half-way"
    sent = [bytes.fromhex(line.split()[1]) for line in answers[2]["out"].splitlines() if line.startswith("sent ")]
    # An alert may leave beside it: what falls due or changes with the command is told.
    got = next((data for data in sent if parse(data).cra == RESPONSE), None)
    if got is None:
        return "no answer: " + answers[2]["out"].strip()
    message, expected = parse(got), parse(prepared.expected)
    if message.code == _CODE_CS02C:
        # A certification request is for a fresh key: the host's own tests look into it.
        pass
    elif message.signature:
        if got[:-SIGNATURE_SIZE] != prepared.expected[:-SIGNATURE_SIZE] or not expected.signature:
            return "another answer: " + got.hex()
        if not HostCrypto().verify(prepared.public, message.signature, message.signed):
            return "the signature does not verify"
    elif got != prepared.expected:
        return "another answer: " + got.hex()
    again = [answers[3]["out"], answers[5]["out"]]
    if not repeatable and any("refused replayed" not in text for text in again):
        return "the same command again was not refused: %r" % again
    return ""


def main() -> int:
    """Prepares, runs, judges; the exit status."""
    parser = argparse.ArgumentParser(description="The whole meter on MicroPython against the data set.")
    parser.add_argument("--only", metavar="PATTERN", help="use cases or scenarios that match")
    parser.add_argument("--all", action="store_true", help="every pair, not one of each use case")
    parser.add_argument("--version", choices=VERSIONS, default=VERSIONS[-1], help="release of MicroPython")
    parser.add_argument("--py", action="store_true", help="from source instead of compiled")
    options = parser.parse_args()
    folder = data_set()
    if folder is None:
        print(WHERE_TO_GET)
        return 0
    stage.stage("rp2350", stage.BUILD / "board")
    stage.compile_tree(stage.BUILD / "board", stage.BUILD / "board-mpy")
    tree = stage.BUILD / ("board" if options.py else "board-mpy")
    flags = {row[0]: row[6] for row in USE_CASES}
    names = {row[0]: row[1] for row in USE_CASES}
    try:
        with Replay(folder) as replay:
            chosen: dict[str, Exchange] = {}
            for exchange in replay.exchanges():
                command = exchange.command
                if command is None or exchange.response is None or command.message.code not in names:
                    continue
                name = "%s/%s" % (exchange.directory, exchange.scenario)
                wanted = (names[command.message.code], exchange.scenario, exchange.directory)
                if options.only is None or any(fnmatch.fnmatchcase(text, options.only) for text in wanted):
                    chosen[name if options.all or options.only else names[command.message.code]] = exchange
            prepared = [one for one in (prepare(replay, exchange) for exchange in chosen.values()) if one is not None]
        if not prepared:
            print("Nothing matches %s." % options.only)
            return 2
        answers = run_jobs(options.version, [one.job(tree) for one in prepared])
    except RuntimeMissing as missing:
        print(missing, file=sys.stderr)
        return 3
    except SlotmeterError as error:
        print(error, file=sys.stderr)
        return 1
    return report(options.version, prepared, answers, flags)


def report(version: str, prepared: "list[Prepared]", answers: "list[dict[str, Any]]", flags: "dict[int, int]") -> int:
    """Prints what failed and one line about the rest; the exit status."""
    from slotmeter.dlms.gbcs.gate import REPLAY

    failed = heap = 0
    times = {True: [0.0], False: [0.0]}
    for one in prepared:
        mine = [answer for answer in answers if answer["job"] == one.name]
        command = parse(one.command)
        wrong = judge(one, mine, not flags[command.code] & REPLAY)
        if wrong:
            failed += 1
            print("FAILED %s: %s" % (one.name, wrong))
            continue
        times[bool(command.signature)].append(mine[2]["ms"])
        heap = max(heap, int(mine[8]["out"]))
    print(
        "MicroPython %s: %d of %d commands of the data set answered as published; slowest read %.0f ms, "
        "slowest signed command %.0f ms, most live heap %.0f KB"
        % (version, len(prepared) - failed, len(prepared), max(times[False]), max(times[True]), heap / 1024)
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
