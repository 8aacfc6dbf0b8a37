"""A meter on a transport that takes small units: commands come in blocks, and long responses leave in them."""

import builder as b
from world import METER, World

from slotmeter.firmware.settings import Settings

READ = (0x0059, [b.get(1, "0-0:0.2.1.255", 2)])
LAST, STREAMING = 0x80, 0x40
SECURITY = b"\x11\x00\x00\x00\x00"


def routing(cra, counter, originator, target, code):
    """The 34 octets that name a transfer."""
    return (
        b"\xdd\x09"
        + bytes([cra])
        + b.number(counter, 8)
        + b"\x08"
        + originator
        + b"\x08"
        + target
        + b"\x00\x02"
        + b.number(code, 2)
        + b"\x00"
    )


def block(head, number, acknowledged, data=b"", flags=0, window=10):
    """One block; without data it is an acknowledgement."""
    transfer = b"\xe0" + bytes([flags | window]) + b.number(number, 2) + b.number(acknowledged, 2)
    body = SECURITY + transfer + b.length(len(data)) + data
    return head + b.length(len(body)) + body


def cut(message, size):
    """The blocks of a message."""
    parts = b.take_apart(message)
    head = routing(parts.cra, parts.counter, parts.originator, parts.target, parts.code)
    pieces = [message[place : place + size] for place in range(0, len(message), size)]
    last = len(pieces)
    return [
        block(head, number, 0, piece, LAST if number == last else STREAMING) for number, piece in enumerate(pieces, 1)
    ]


def contents(octets):
    """(routing, flags, number, acknowledged, data) of a block."""
    size, place = b.read_length(octets, 34)
    assert place + size == len(octets) and octets[place : place + 6] == SECURITY + b"\xe0"
    place += 6
    count, start = b.read_length(octets, place + 5)
    assert start + count == len(octets)
    number = int.from_bytes(octets[place + 1 : place + 3], "big")
    acknowledged = int.from_bytes(octets[place + 3 : place + 5], "big")
    return octets[:34], octets[place] & 0xC0, number, acknowledged, octets[start:]


def sent_by(meter):
    sent = []
    data = meter.to_send()
    while data:
        sent.append(data)
        data = meter.to_send()
    return sent


def give(world, octets):
    world.meter.receive(octets, world.now_s * 1000)
    return sent_by(world.meter)


def test_a_command_in_blocks_is_acknowledged_and_answered():
    world = World()
    command = world.command(world.supplier, *READ)
    blocks = cut(command, 30)
    assert len(blocks) > 2
    for one in blocks[:-1]:
        assert give(world, one) == []
    acknowledgement, response = give(world, blocks[-1])
    assert contents(acknowledgement)[3:] == (len(blocks), b"")
    parts = b.take_apart(response)
    parts.whole = response
    world.check(parts)
    assert parts.counter == b.take_apart(command).counter


def test_blocks_out_of_order_are_asked_for_again_and_change_nothing():
    world = World()
    blocks = cut(world.command(world.supplier, *READ), 30)
    digest = world.meter.digest()
    give(world, blocks[0])
    sent = give(world, blocks[-1])
    assert [contents(one)[3] for one in sent] == [1]
    assert world.meter.digest() == digest
    for one in blocks[1:-1]:
        give(world, one)
    assert len(give(world, blocks[-1])) == 2


def test_a_long_response_leaves_in_blocks_as_they_are_acknowledged():
    world = World(settings=long_settings())
    command = world.command(world.supplier, *READ)
    sent = give(world, command)
    whole = b""
    head = contents(sent[0])[0]
    assert head == routing(b.RESPONSE, b.take_apart(command).counter, METER, world.supplier.entity, READ[0])
    number = 0
    while True:
        for one in sent:
            found = contents(one)
            number += 1
            assert found[0] == head and found[2] == number
            whole += found[4]
        if found[1] & LAST:
            break
        sent = give(world, block(head, 0, number))
        assert sent
    assert give(world, block(head, 0, number)) == []
    parts = b.take_apart(whole)
    parts.whole = whole
    world.check(parts)


def test_what_is_not_acknowledged_is_sent_again_and_then_given_up():
    world = World(settings=long_settings())
    sent = give(world, world.command(world.supplier, *READ))
    again = 0
    for _ in range(10):
        world.meter.tick(world.meter.deadline_ms())
        repeated = sent_by(world.meter)
        if repeated:
            assert repeated == sent
            again += 1
    assert again == 3
    # The next message is not held up by the one that nobody took.
    assert give(world, world.command(world.supplier, *READ))


def test_two_responses_do_not_mix():
    world = World(settings=long_settings())
    first = world.command(world.supplier, *READ)
    second = world.command(world.operator, *READ)
    sent = give(world, first)
    assert give(world, second) == []
    head = contents(sent[0])[0]
    sent += give(world, block(head, 0, len(sent)))
    while not contents(sent[-1])[1] & LAST:
        sent += give(world, block(head, 0, len(sent)))
    following = give(world, block(head, 0, len(sent)))
    assert following and contents(following[0])[0] == routing(
        b.RESPONSE, b.take_apart(second).counter, METER, world.operator.entity, READ[0]
    )


def test_a_broken_block_is_refused_and_changes_nothing():
    world = World()
    blocks = cut(world.command(world.supplier, *READ), 30)
    for bad in (blocks[0][:-1], blocks[0][:36], blocks[0][:40] + b"\xff" + blocks[0][41:]):
        assert world.refused(bad) == "malformed"
    give(world, blocks[0])
    assert world.refused(block(blocks[0][:34], 0, 5)) == "malformed"


def long_settings():
    """Settings of a meter whose responses always take several blocks."""
    settings = Settings(1)
    # More than one window of them.
    settings.block_size = 7
    return settings
