"""Every fuzz target for a moment, and the engine against parsers that are known to be bad."""

import importlib
import random
from pathlib import Path

import mutate
import pytest

TARGETS = sorted(path.stem for path in Path(__file__).parent.glob("fuzz_*.py"))
CODECS = [
    name
    for name in TARGETS
    if name in ("fuzz_axdr", "fuzz_schema", "fuzz_apdu", "fuzz_message", "fuzz_blocks", "fuzz_dates", "fuzz_firmware")
    or name in ("fuzz_mac", "fuzz_nwk", "fuzz_aps", "fuzz_zdo", "fuzz_shared_air")
    or name in ("fuzz_certificates", "fuzz_key_establishment", "fuzz_ash", "fuzz_ezsp")
]
SEEDS = [bytes(range(size)) for size in (3, 10, 40)]


@pytest.mark.parametrize("name", CODECS)
def test_a_target_finds_nothing_in_a_thousand_inputs(name):
    target = importlib.import_module(name).TARGET
    target.seeds = target.seeds[:200]
    report = mutate.run(target, count=1000, seed=7)
    assert not report.failures, report.failures
    assert report.tried > 1000
    assert report.refused


def test_the_same_seed_makes_the_same_inputs():
    one, two = mutate.mutants(SEEDS, random.Random(3)), mutate.mutants(SEEDS, random.Random(3))
    assert [next(one) for _ in range(200)] == [next(two) for _ in range(200)]


def test_an_exception_that_is_no_refusal_is_found():
    def parse(data):
        if len(data) > 2:
            raise ValueError("short") if data[0] else IndexError("a bug")

    report = mutate.run(mutate.Target("bad", SEEDS, parse, ValueError), count=200)
    assert report.failures
    assert all(what.startswith("IndexError") for what, _ in report.failures)


def test_a_slow_input_is_found():
    def parse(data):
        if data[:1] == b"\xff":
            sum(range(400000))

    report = mutate.run(mutate.Target("slow", [b"\xff\x01", b"\x00"], parse, ValueError, slow_s=0.002), count=50)
    assert any(" s for " in what for what, _ in report.failures)


def test_an_input_that_never_ends_is_stopped_and_found(monkeypatch):
    monkeypatch.setattr(mutate, "ENDLESS_S", 0.05)

    def parse(data):
        while data[:1] == b"\xff":
            try:
                data = bytes(data)
            except Exception:  # noqa: BLE001
                return

    report = mutate.run(mutate.Target("endless", [b"\xff\x01", b"\x00"], parse, ValueError), count=20)
    assert ("it does not end", b"\xff\x01") in report.failures
    assert report.tried > 2


def test_an_input_that_eats_memory_is_found():
    kept = []

    def parse(data):
        kept[:] = [bytes(1000000)]

    report = mutate.run(mutate.Target("hungry", SEEDS, parse, ValueError), count=40)
    assert any("of memory" in what for what, _ in report.failures)


def test_a_state_that_a_refused_input_changed_is_found():
    state = {"digest": 0}

    def parse(data):
        state["digest"] = len(data)
        raise ValueError("refused")

    def after(data, refused):
        assert not refused or state["digest"] == 0, "the digest changed"

    report = mutate.run(mutate.Target("leaky", SEEDS, parse, ValueError, after), count=10)
    assert any("the digest changed" in what for what, _ in report.failures)
