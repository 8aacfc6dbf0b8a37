"""What the meter has for its hub is kept until it was delivered, through power cuts, and is sent again after them."""

import builder as b
import pytest
from world import World

from slotmeter.firmware import undelivered
from slotmeter.firmware.facts import AlertSent, MessageDelivered
from slotmeter.firmware.settings import Settings
from slotmeter.hal.records import Records
from slotmeter.hal.store import RECORD_LIMIT
from slotmeter.hal.virtual.store import PowerCut, VirtualStore

READ = (0x0059, [b.get(1, "0-0:0.2.1.255", 2)])


def keeping(variant=1, **given):
    settings = Settings(variant)
    settings.keep_undelivered = True
    for name, value in given.items():
        setattr(settings, name, value)
    return settings


def heads(world):
    """Kind and counter of each message that the meter gives."""
    return [(parts.cra, parts.counter) for parts in sum(world.take()[:2], [])]


def test_a_response_and_an_alert_that_nobody_got_are_sent_again_after_a_power_cut():
    world = World(settings=keeping())
    world.deliver(world.command(world.supplier, *READ, counter=7000))
    world.meter.organs.supply.tamper(world.now_s)
    world.meter.tick(world.now_s * 1000)
    world.take()
    world.deliver(world.command(world.supplier, *READ, counter=7001))
    assert world.meter.undelivered() == 3
    world.power_up(world.store.reopened())
    responses, alerts, facts = world.take()
    assert [parts.counter for parts in responses] == [7000, 7001]
    assert len(alerts) == 1 and any(isinstance(fact, AlertSent) for fact in facts)
    for parts in responses + alerts:
        world.check(parts)


def test_what_was_delivered_does_not_come_again():
    world = World(settings=keeping())
    for counter in (7000, 7001):
        world.meter.receive(world.command(world.supplier, *READ, counter=counter), world.now_s * 1000)
    first = world.meter.to_send()
    world.meter.delivered(first)
    told = [fact.data for fact in world.take()[2] if isinstance(fact, MessageDelivered)]
    assert told == [first]
    # The store knows it at the next tick.
    world.meter.tick(world.now_s * 1000)
    world.power_up(world.store.reopened())
    assert heads(world) == [(b.RESPONSE, 7001)]


def test_octets_that_are_not_what_left_last_deliver_nothing():
    world = World(settings=keeping())
    world.meter.receive(world.command(world.supplier, *READ), world.now_s * 1000)
    world.meter.delivered(world.meter.to_send()[:-1])
    assert world.meter.undelivered() == 1


@pytest.mark.parametrize("torn", [False, True])
def test_a_power_cut_at_any_write_loses_neither_a_response_nor_its_effect(torn):
    provisioned = World(settings=keeping()).store
    reference = World(store=provisioned.reopened(), settings=keeping())
    items = [
        b.put(9000, "0-0:94.44.128.7", 4, b.u32(6900)),
        b.put(9000, "0-0:94.44.128.7", 6, b.octets(b.NOW)),
        b.put(9000, "0-0:94.44.128.6", 6, b.octets(b.NOW)),
    ]
    command = reference.command(reference.supplier, 0x0043, items, counter=5000, critical=True)
    before = reference.meter.digest()
    cuts = 0
    seen = set()
    while True:
        cuts += 1
        store = provisioned.reopened(fail_after=cuts, torn=torn)
        world = World(store=store, settings=keeping())
        try:
            world.meter.receive(command, world.now_s * 1000)
        except PowerCut:
            pass
        else:
            break
        world.power_up(store.reopened())
        done = world.meter.digest() != before
        assert heads(world) == ([(b.RESPONSE, b.take_apart(command).counter)] if done else [])
        seen.add(done)
    assert cuts > 2 and seen == ({False, True} if torn else {False})


def test_a_long_response_in_blocks_stays_until_the_last_of_them_is_acknowledged():
    world = World(settings=keeping(block_size=40))
    world.meter.receive(world.command(world.supplier, *READ), world.now_s * 1000)
    block = world.meter.to_send()
    assert block[:2] == b"\xdd\x09"
    while block:
        last = block
        world.meter.delivered(block)
        block = world.meter.to_send()
    assert world.meter.undelivered() == 1
    size, place = b.read_length(last, 34)
    number = last[place + 7 : place + 9]
    body = last[place : place + 5] + b"\xe0\x0a\x00\x00" + number + b"\x00"
    world.meter.receive(last[:34] + b.length(len(body)) + body, world.now_s * 1000)
    assert world.meter.undelivered() == 0


def test_a_long_response_whose_blocks_nobody_acknowledges_begins_again():
    world = World(settings=keeping(block_size=40))
    world.meter.receive(world.command(world.supplier, *READ), world.now_s * 1000)
    first = world.meter.to_send()
    for _ in range(5):
        while world.meter.to_send():
            pass
        world.now_s += 11
        world.meter.tick(world.now_s * 1000)
    assert world.meter.undelivered() == 1
    assert world.meter.to_send() == first


def test_without_the_setting_nothing_is_kept():
    world = World()
    world.deliver(world.command(world.supplier, *READ))
    assert world.meter.undelivered() == 0 and not world.meter.records.names(undelivered.PREFIX)


def test_a_message_larger_than_a_record_comes_back_whole_and_goes_whole():
    store = VirtualStore()
    records = Records(store)
    long = bytes(range(251)) * 1000
    number = undelivered.Undelivered(records, True).put(long)
    assert len(long) > 3 * RECORD_LIMIT
    records.commit()
    records = Records(store.reopened())
    queue = undelivered.Undelivered(records, True)
    assert queue.numbers() == [number] and queue.get(number) == long
    queue.drop(number)
    assert not records.names()


def test_when_the_hub_stays_away_the_oldest_makes_room():
    world = World(settings=keeping())
    for counter in range(undelivered.LIMIT + 2):
        world.meter.receive(world.command(world.supplier, *READ, counter=9000 + counter), world.now_s * 1000)
    world.meter.tick(world.now_s * 1000)
    assert world.meter.undelivered() == undelivered.LIMIT
    counters = [counter for _, counter in heads(world)]
    assert counters == list(range(9002, 9002 + undelivered.LIMIT))
