"""State: durable before the response leaves, whole after a power cut at any write, unchanged when the store fails."""

import builder as b
import pytest
from world import METER_KA, NOW_S, World

from slotmeter.firmware.settings import Settings
from slotmeter.hal.errors import HalError
from slotmeter.hal.virtual.store import PowerCut, VirtualStore

ADD = (0x001C, [b.act(112, "0-0:19.10.0.255", 1, b.i32(100))])
BALANCE_KEY = b"\x00\x70" + b.obis("0-0:19.10.0.255") + b"\x02"
LIMIT = b"\x23\x28" + b.obis("0-0:94.44.128.7") + b"\x02"


def balance(world):
    return int.from_bytes(world.meter.peek(BALANCE_KEY)[1:], "big")


def test_an_answered_command_is_there_after_a_power_cut():
    world = World()
    world.answer(world.command(world.supplier, *ADD, counter=9000, critical=True))
    digest = world.meter.digest()
    world.power_up(world.store.reopened())
    assert world.meter.digest() == digest and balance(world) == 100
    assert world.refused(world.command(world.supplier, *ADD, counter=9000, critical=True)) == "replayed"


@pytest.mark.parametrize("torn", [False, True])
def test_a_power_cut_at_any_write_leaves_the_state_before_or_after_the_command(torn):
    provisioned = World().store
    future = b.octets(b.date_time(NOW_S + 60))
    items = [
        b.put(9000, "0-0:94.44.128.7", 4, b.u32(6900)),
        b.put(9000, "0-0:94.44.128.7", 6, future),
        b.put(9000, "0-0:94.44.128.6", 6, b.octets(b.NOW)),
    ]
    reference = World(store=provisioned.reopened())
    command = reference.command(reference.supplier, 0x0043, items, counter=5000, critical=True)
    before = reference.meter.digest()
    reference.answer(command)
    after = reference.meter.digest()
    own_after = reference.meter.anchors.own_counter()
    cuts = 0
    while True:
        cuts += 1
        store = provisioned.reopened(fail_after=cuts, torn=torn)
        world = World(store=store)
        try:
            responses, _, _ = world.deliver(command)
        except PowerCut:
            responses = []
        else:
            break
        world.power_up(store.reopened())
        digest = world.meter.digest()
        assert digest in (before, after), "cut %d left a state between" % cuts
        assert not responses
        if digest == after:
            assert world.meter.anchors.counter(b.SUPPLIER) == 5000
            assert world.refused(command) == "replayed"
            assert world.meter.anchors.own_counter() >= own_after
        else:
            world.answer(command)
            assert world.meter.digest() == after
    assert cuts > 3


def test_a_power_cut_at_any_write_of_a_due_instruction_sends_no_alert_twice_and_loses_none():
    world = World()
    items = [
        b.put(9000, "0-0:94.44.128.7", 4, b.u32(6900)),
        b.put(9000, "0-0:94.44.128.7", 6, b.octets(b.date_time(NOW_S + 60))),
    ]
    world.answer(world.command(world.supplier, 0x0043, items, critical=True))
    stored = world.store
    cuts = 0
    while True:
        cuts += 1
        store = stored.reopened(fail_after=cuts)
        world = World(store=store)
        try:
            _, alerts, _ = world.advance(60)
        except PowerCut:
            counter = World(store=stored.reopened()).meter.anchors.own_counter()
            world = World(store=store.reopened())
            _, alerts, _ = world.advance(60)
            assert len(alerts) <= 1
            assert int.from_bytes(world.meter.peek(LIMIT)[1:], "big") == 6900
            assert not alerts or alerts[0].counter >= counter
        else:
            assert len(alerts) == 1
            break
    assert cuts > 2


def test_a_store_that_fails_leaves_the_old_state_and_no_response():
    world = World()
    digest = world.meter.digest()
    calls = world.store.calls
    failing = world.store.reopened()
    world.power_up(failing)
    failing._fail_call = failing.calls + 1
    command = world.command(world.supplier, *ADD, counter=9000, critical=True)
    responses, alerts, facts = world.deliver(command)
    assert calls >= 0 and not responses and not alerts
    assert facts[0].reason == "store-failed"
    assert world.meter.digest() == digest and balance(world) == 0
    world.answer(command)
    assert balance(world) == 100


def test_a_failing_store_does_not_lose_an_instruction_that_is_due():
    world = World()
    items = [
        b.put(9000, "0-0:94.44.128.7", 4, b.u32(6900)),
        b.put(9000, "0-0:94.44.128.7", 6, b.octets(b.date_time(NOW_S + 60))),
    ]
    world.answer(world.command(world.supplier, 0x0043, items, critical=True))
    world.store._fail_call = world.store.calls + 1
    assert world.advance(60)[1] == []
    assert len(world.advance(1)[1]) == 1


def test_a_store_of_another_layout_or_variant_is_refused_with_the_way_out():
    world = World()
    with pytest.raises(HalError) as caught:
        World(store=world.store.reopened(), settings=Settings(2))
    assert "variant" in caught.value.detail
    world.store.commit([("version", b"99")])
    with pytest.raises(HalError) as caught:
        world.power_up()
    assert caught.value.kind == "store-version"


def test_an_empty_store_is_not_a_meter():
    with pytest.raises(HalError) as caught:
        World().power_up(VirtualStore())
    assert "provision" in caught.value.detail


def test_a_top_up_counts_once_whichever_way_it_comes_again():
    world = World()
    z = b.shared_secret(world.supplier.pp, b.public_key(METER_KA))
    counter = 5 << 32

    def top_up(at, digits):
        item = b.act(115, "0-0:19.40.0.255", 1, b.octets(digits.encode()))
        return world.command(world.supplier, 0x0007, [item], counter=at)

    digits = b.utrn(z, world.supplier.entity, b"\x00\xdb" + bytes(4) + b"\xe0\x01", counter, 1250)
    assert world.results(top_up(counter, digits)) == [(3, 0, b"\x00")]
    assert balance(world) == 1250000
    assert world.refused(top_up(counter, digits)) == "replayed"
    world.power_up(world.store.reopened())
    assert world.refused(top_up(counter, digits)) == "replayed"
    # The same token in a command with another counter is not the supplier's for that counter.
    responses, alerts, _ = world.deliver(top_up(6 << 32, digits))
    assert b.response_results(responses[0].payload) == [(3, 250, b"\x00")]
    assert alerts[0].payload[8:11] == b.u16(0x8F63)
    assert balance(world) == 1250000
    # Neither moved the counter of ordinary commands.
    assert world.meter.anchors.counter(b.SUPPLIER) == 0
    world.answer(world.command(world.supplier, *ADD, counter=4, critical=True))
