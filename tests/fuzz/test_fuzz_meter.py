"""The fuzz target of the whole meter for a moment, and against meters that are known to be bad."""

import fuzz_meter
import mutate
import pytest

from slotmeter.dlms.gbcs.anchors import Anchors
from slotmeter.firmware.meter import Meter
from slotmeter.hal.records import Records


def run(count=400, seeds=60):
    target = fuzz_meter.TARGET
    kept = target.seeds
    target.seeds = [seed for seed in kept if seed[0] == fuzz_meter.INSIDE][:seeds] + [
        seed for seed in kept if seed[0] != fuzz_meter.INSIDE
    ][:5]
    try:
        return mutate.run(target, count=count, seed=7)
    finally:
        target.seeds = kept


@pytest.mark.slow
def test_a_few_hundred_inputs_find_nothing():
    report = run()
    assert not report.failures, report.failures
    assert report.taken > 20
    assert len(report.refused) > 3


def commit_nothing(records):
    records._before = {}


def refuse_and_change(meter, reason, text, message):
    meter.records.put("x.bad", reason.encode())
    meter.records.commit()


def answer_twice(meter):
    meter._to_send += meter._to_send
    meter._held = []


@pytest.mark.parametrize(
    "where, name, bad, found",
    [
        (Records, "commit", commit_nothing, "the store holds another state"),
        (Meter, "_refuse", refuse_and_change, "changed the state"),
        (Meter, "_release", answer_twice, "responses to one message"),
        (Anchors, "take_own_counter", lambda anchors: bytes(8), "own counter"),
    ],
)
def test_a_meter_that_breaks_a_promise_is_found(monkeypatch, where, name, bad, found):
    monkeypatch.setattr(where, name, bad)
    report = run(200)
    assert any(found in what for what, _ in report.failures), report.failures[:3]
