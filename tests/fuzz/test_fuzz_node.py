"""The fuzz target of a whole device for a moment, and that it gets through to every layer."""

import fuzz_node
import mutate
import pytest

from slotmeter.zigbee_han.frames import aps
from slotmeter.zigbee_han.sim.aps import Aps


@pytest.fixture(autouse=True)
def fresh():
    fuzz_node.PEERS[0] = fuzz_node.Peer()


def test_two_thousand_inputs_find_nothing_and_reach_every_layer(monkeypatch):
    reasons = set()
    keep = fuzz_node.node.Node._count

    def count(self, reason):
        reasons.add(reason.partition(":")[0])
        keep(self, reason)

    monkeypatch.setattr(fuzz_node.node.Node, "_count", count)
    fuzz_node.PEERS[0] = fuzz_node.Peer()
    report = mutate.run(fuzz_node.TARGET, count=2000, seed=7)
    assert not report.failures, report.failures
    assert {"MAC", "NWK", "APS", "ZDO"} <= reasons


def test_a_device_that_acknowledges_what_has_no_sender_is_found(monkeypatch):
    # As it once was: a frame for a group was acknowledged, which it cannot be.
    def acknowledge(self, received, frame, payload, key_id):
        if frame.ack_request:
            aps.build(aps.acknowledge(frame))

    monkeypatch.setattr(Aps, "_data", acknowledge)
    report = mutate.run(fuzz_node.TARGET, count=500, seed=7)
    assert any("EncodeError" in what for what, _ in report.failures)
