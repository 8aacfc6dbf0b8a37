"""The runner on MicroPython's WebAssembly build tells failures, and its interpreter is as poor as a board's."""

import ast
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

pytestmark = pytest.mark.slow
TOOLS = Path(__file__).resolve().parent.parent / "tools"


def load(path: Path) -> ModuleType:
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


runtime = load(TOOLS / "wasm" / "runtime.py")
run = load(TOOLS / "wasm" / "run.py")


@pytest.fixture(params=runtime.VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    try:
        runtime.runtime(request.param)
    except runtime.RuntimeMissing as missing:
        pytest.skip(str(missing))
    return str(request.param)


def steps(version: str, *texts: str) -> "list[tuple[str, str | None]]":
    job = {"name": "x", "trees": [], "path": ["/lib"], "steps": ["pass", *texts]}
    return [(answer["out"], answer["error"]) for answer in runtime.run_jobs(version, [job])][1:]


def test_a_step_that_raises_is_told_and_the_next_still_runs(version: str) -> None:
    (_, error), (out, none) = steps(version, "assert 1 == 2, 'one'", "print(3)")
    assert error is not None
    assert "AssertionError: one" in error
    assert (out, none) == ("3\n", None)


@pytest.mark.parametrize("module", ["dataclasses", "logging", "functools", "datetime", "unittest", "typing"])
def test_what_no_board_has_cannot_be_imported(version: str, module: str) -> None:
    ((_, error),) = steps(version, "import " + module)
    assert error is not None
    assert "ImportError" in error


def test_calls_are_as_deep_as_on_a_pico_and_no_deeper(version: str) -> None:
    define = "def down(n):\n    return n and down(n - 1)"
    _, (_, shallow), (_, deep) = steps(version, define, "down(25)", "down(32)")
    assert shallow is None
    assert deep is not None
    assert "pystack exhausted" in deep


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("def test_a():\n    pass", ""),
        ("import pytest\ndef test_a():\n    pass", "imports pytest"),
        ("import slotmeter.hal.host.store\ndef test_a():\n    pass", "imports slotmeter.hal.host.store"),
        ("def test_a(tmp_path):\n    pass", "test_a takes a fixture"),
        ("x = 1", "has no plain tests"),
    ],
)
def test_a_file_runs_on_a_board_when_it_asks_for_nothing_that_a_board_lacks(source: str, reason: str) -> None:
    assert run.host_reason(ast.parse(source)) == reason
