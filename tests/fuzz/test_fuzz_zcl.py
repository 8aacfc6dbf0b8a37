"""The targets of the cluster library, the tunnel, the blocks and what a stick brings, for a moment."""

import importlib

import mutate
import pytest


@pytest.mark.parametrize("name", ["fuzz_zcl", "fuzz_tunnel", "fuzz_fragments", "fuzz_incoming", "fuzz_han"])
def test_a_target_finds_nothing_in_two_thousand_inputs(name):
    report = mutate.run(importlib.import_module(name).TARGET, count=2000, seed=11)
    assert not report.failures, report.failures[:3]
    assert report.tried > 2000
    assert report.refused
