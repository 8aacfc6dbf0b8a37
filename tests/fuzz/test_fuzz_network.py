"""The fuzz target of a whole network for a moment, and that it finds devices that are broken."""

import fuzz_network
import mutate
import pytest

from slotmeter.zigbee_han.server import Endpoint


@pytest.fixture(autouse=True)
def fresh():
    fuzz_network.HOMES.clear()
    yield
    fuzz_network.HOMES.clear()


@pytest.fixture
def few():
    seeds = fuzz_network.TARGET.seeds
    target = mutate.Target("few", seeds[:: len(seeds) // 40], fuzz_network.parse, fuzz_network.TARGET.refusals)
    target.slow_s = fuzz_network.TARGET.slow_s
    target.memory, target.memory_per_octet = fuzz_network.TARGET.memory, fuzz_network.TARGET.memory_per_octet
    return target


def test_a_hundred_inputs_find_nothing(few):
    report = mutate.run(few, count=60, seed=7)
    assert not report.failures, report.failures
    assert report.tried > 100


def test_an_endpoint_that_lets_an_exception_out_is_found(few, monkeypatch):
    keep = Endpoint.receive

    def receive(self, message, now_ms):
        if len(message.data) == 2:
            raise IndexError("no command")
        keep(self, message, now_ms)

    monkeypatch.setattr(Endpoint, "receive", receive)
    few.seeds = [bytes((0, 0x00, 0x07, 0x00, 0x01))]
    report = mutate.run(few, count=1, seed=7)
    assert any("IndexError" in what for what, _ in report.failures)


def test_a_meter_that_goes_silent_is_found(few, monkeypatch):
    keep = Endpoint.receive

    def receive(self, message, now_ms):
        if message.peer != fuzz_network.HUB or message.cluster != 0x0702:
            keep(self, message, now_ms)

    monkeypatch.setattr(fuzz_network, "READ_EVERY", 2)
    monkeypatch.setattr(Endpoint, "receive", receive)
    few.seeds = few.seeds[:3]
    report = mutate.run(few, count=1, seed=7)
    assert any("does not answer" in what for what, _ in report.failures)
