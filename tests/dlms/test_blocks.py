"""General block transfer: two ends, and a wire that loses, doubles and reorders."""

from slotmeter.dlms import blocks
from slotmeter.dlms.errors import DecodeError, EncodeError
from slotmeter.dlms.gbcs import message

COUNTER = (1001).to_bytes(8, "big")
SENDER = bytes.fromhex("90b3d51f30010000")
METER = bytes.fromhex("00db1234567890a0")


def a_message(size, counter=COUNTER):
    payload = bytes([i * 7 & 0xFF for i in range(size)])
    body = message.grouping(message.COMMAND, counter, SENDER, METER, b"", 0x0027, b"", payload) + b"\x00"
    return message.with_mac(body, b"\xaa" * 12)


def carry(splitter, assembler, wire, steps=1000):
    """Moves blocks and answers through `wire(block) -> [blocks]`; the message that came out."""
    got = None
    now_ms = 0
    for _ in range(steps):
        block = splitter.to_send()
        arrived = wire(block) if block else []
        for one in arrived:
            out = assembler.receive(one, now_ms)
            if out is not None:
                assert got is None
                got = out
            answer = assembler.to_send()
            if answer:
                splitter.receive(answer, now_ms)
        if splitter.done or splitter.failed:
            return got
        if not block:
            now_ms += blocks.ANSWER_WITHIN_MS
            splitter.tick(now_ms)
    raise AssertionError("it never ends")


def refused(function, *arguments):
    try:
        function(*arguments)
    except DecodeError as error:
        return error.reason
    return ""


def test_a_block_is_laid_out_as_the_standard_says():
    whole = a_message(10)
    block = blocks.Splitter(whole, 20).to_send()
    assert block.hex() == (
        "dd0901"
        + COUNTER.hex()
        + "08"
        + SENDER.hex()
        + "08"
        + METER.hex()
        + "00"
        + "020027"
        + "00"
        + "20"
        + "1100000000"
        + "e0"
        + "4a"
        + "0001"
        + "0000"
        + "14"
        + whole[:20].hex()
    )
    assert blocks.is_block(block)
    assert not blocks.is_block(whole)


def test_a_message_arrives_whole_whatever_the_block_size():
    for size in (1, 19, 20, 21, 100, 1149, 1200):
        whole = a_message(500 if size < 100 else 5000)
        assembler = blocks.Assembler(block_limit=1000, block_size=1200)
        splitter = blocks.Splitter(whole, size)
        assert carry(splitter, assembler, lambda block: [block], 5000) == whole
        assert splitter.done


def test_a_message_of_one_block_has_one_block():
    whole = a_message(100)
    assembler = blocks.Assembler()
    splitter = blocks.Splitter(whole)
    assert assembler.receive(splitter.to_send()) == whole
    assert splitter.to_send() == b""
    assert not splitter.done
    splitter.receive(assembler.to_send())
    assert splitter.done


def test_the_sender_waits_for_an_answer_after_each_window():
    splitter = blocks.Splitter(a_message(1000), 50, 4)
    sent = [blocks.parse_block(splitter.to_send()) for _ in range(4)]
    assert [block.streaming for block in sent] == [True, True, True, False]
    assert splitter.to_send() == b""
    assert splitter.deadline_ms() == blocks.ANSWER_WITHIN_MS


def test_a_lost_block_is_sent_again():
    for lost in range(1, 25):
        seen = []

        def wire(block, lost=lost, seen=seen):
            seen.append(block)
            return [] if len(seen) == lost else [block]

        whole = a_message(1000)
        assert carry(blocks.Splitter(whole, 50, 4), blocks.Assembler(), wire) == whole, lost


def test_a_doubled_block_is_tolerated_with_a_reason():
    whole = a_message(1000)
    assembler = blocks.Assembler()
    assert carry(blocks.Splitter(whole, 50, 4), assembler, lambda block: [block, block]) == whole
    assert assembler.refusal == "block 22 was received before"


def test_reordered_blocks_are_refused_and_come_again():
    whole = a_message(1000)
    assembler = blocks.Assembler()
    splitter = blocks.Splitter(whole, 50, 4)
    first, second = splitter.to_send(), splitter.to_send()
    assembler.receive(first)
    third = splitter.to_send()
    assert assembler.receive(third) is None
    assert assembler.refusal == "block 3 where 2 is due"
    assert assembler.receive(second) is None
    assert assembler.refusal == ""
    assert carry(splitter, assembler, lambda block: [block]) == whole


def test_an_answer_that_comes_late_is_still_one():
    whole = a_message(300)
    splitter = blocks.Splitter(whole, 50, 4)
    assembler = blocks.Assembler()
    for _ in range(4):
        assembler.receive(splitter.to_send())
    splitter.tick(blocks.ANSWER_WITHIN_MS)
    assert splitter.receive(assembler.to_send()) == ""
    assert blocks.parse_block(splitter.to_send()).number == 5


def test_a_silent_peer_is_given_up():
    splitter = blocks.Splitter(a_message(1000), 50, 4)
    assert carry(splitter, blocks.Assembler(), lambda block: []) is None
    assert splitter.failed
    assert splitter.to_send() == b""
    assert splitter.deadline_ms() is None


def test_too_many_blocks_are_refused():
    whole = a_message(1000)
    splitter = blocks.Splitter(whole, 10, 63)
    assembler = blocks.Assembler()
    for _ in range(63):
        assembler.receive(splitter.to_send())
        assert assembler.refusal == ""
    splitter.receive(assembler.to_send())
    assert assembler.receive(splitter.to_send()) is None
    assert assembler.refusal == "more than 63 blocks"
    assert assembler.receive(splitter.to_send()) is None
    assert assembler.refusal == "block 65 of a transfer that was not begun"


def test_a_block_larger_than_allowed_is_refused():
    assembler = blocks.Assembler()
    assert assembler.receive(blocks.Splitter(a_message(3000), 1150).to_send()) is None
    assert assembler.refusal == "block larger than 1149 octets"


def test_a_new_transfer_replaces_the_old_one():
    assembler = blocks.Assembler()
    old = blocks.Splitter(a_message(1000), 50)
    assembler.receive(old.to_send())
    whole = a_message(1000, (1002).to_bytes(8, "big"))
    assert carry(blocks.Splitter(whole, 50), assembler, lambda block: [block]) == whole
    assert assembler.receive(old.to_send()) is None
    assert assembler.refusal == "block 2 of a transfer that was not begun"


def test_an_incomplete_transfer_is_forgotten():
    assembler = blocks.Assembler()
    splitter = blocks.Splitter(a_message(1000), 50)
    assembler.receive(splitter.to_send(), 5000)
    assert assembler.deadline_ms() == 5000 + blocks.COMPLETE_WITHIN_MS
    assembler.tick(5000 + blocks.COMPLETE_WITHIN_MS)
    assert assembler.deadline_ms() is None
    assembler.receive(splitter.to_send(), 70000)
    assert assembler.refusal == "block 2 of a transfer that was not begun"


def test_a_message_that_is_not_the_one_named_is_refused():
    other = a_message(10, (7).to_bytes(8, "big"))
    splitter = blocks.Splitter(other, routing=blocks.routing_of(a_message(10)))
    assembler = blocks.Assembler()
    assert assembler.receive(splitter.to_send()) is None
    assert assembler.refusal == "message is not the one that the routing header names"
    splitter = blocks.Splitter(b"\x01\x02\x03", routing=blocks.routing_of(other))
    assert assembler.receive(splitter.to_send()) is None
    assert assembler.refusal == "message is not the one that the routing header names"


def test_an_acknowledgement_that_does_not_fit_changes_nothing():
    splitter = blocks.Splitter(a_message(1000), 50, 4)
    routing = splitter.routing
    splitter.to_send()
    splitter.to_send()

    def answer(acknowledged, routing=routing):
        return blocks.build_block(blocks.Block(routing, False, False, 4, 1, acknowledged, b""))

    assert splitter.receive(answer(3)) == "acknowledges a block that was not sent"
    assert splitter.receive(answer(1, blocks.routing_of(a_message(1, b"\x00" * 8)))) == "block of another transfer"
    assert splitter.receive(answer(2)) == ""
    assert splitter.receive(answer(1)) == "acknowledges less than before"
    assert blocks.parse_block(splitter.to_send()).number == 3
    assembler = blocks.Assembler()
    assert assembler.receive(answer(0)) is None
    assert assembler.refusal == "acknowledgement of nothing that was sent"


def test_a_message_in_pieces_is_asked_for_as_it_is_sent():
    whole = a_message(30000)
    asked = []

    def pieces():
        for start in range(0, len(whole), 1000):
            asked.append(start)
            yield whole[start : start + 1000]

    splitter = blocks.Splitter(pieces(), 500, 2, routing=blocks.routing_of(whole[:100]))
    splitter.to_send()
    splitter.to_send()
    assert len(asked) <= 3
    assembler = blocks.Assembler()
    splitter = blocks.Splitter(pieces(), 500, 2, routing=blocks.routing_of(whole[:100]))
    assert carry(splitter, assembler, lambda block: [block]) == whole


def test_the_security_octets_are_a_setting():
    whole = a_message(10)
    other = b"\x31\x00\x00\x00\x01"
    block = blocks.Splitter(whole, security=other).to_send()
    assert refused(blocks.Assembler().receive, block) == "security octets of the routing header are others than are set"
    assert blocks.Assembler(security=other).receive(block) == whole


def test_every_truncation_and_extension_of_a_block_is_refused():
    block = blocks.Splitter(a_message(200), 150).to_send()
    for size in range(len(block)):
        assert refused(blocks.parse_block, block[:size]), size
    assert refused(blocks.parse_block, block + b"\x00")
    for place in (0, 1, 2, 11, 20, 29, 30, 33, 36, 41):
        damaged = bytearray(block)
        damaged[place] ^= 0x5A
        assert refused(blocks.parse_block, bytes(damaged)), place


def test_a_message_too_long_for_its_blocks_is_not_sent():
    for arguments in (
        (a_message(10), 0),
        (a_message(10), 1201),
        (a_message(10), 10, 64),
        (iter((b"",)), 10),
        (b"", 10),
    ):
        try:
            blocks.Splitter(*arguments)
        except (EncodeError, DecodeError):
            continue
        raise AssertionError(arguments)
