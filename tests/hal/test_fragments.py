"""Messages in blocks: two ends, and a wire that loses, doubles and mixes."""

from slotmeter.hal import fragments

HUB = bytes.fromhex("90b3d51f30010000")
METER = bytes.fromhex("00db1234567890a0")
OTHER = bytes.fromhex("00db1234567890a1")


class Dice:
    """Numbers that look random, the same on a board (Numerical Recipes, chapter 7.1)."""

    def __init__(self, seed):
        self.state = seed

    def falls(self, percent):
        self.state = (self.state * 1664525 + 1013904223) & 0xFFFFFFFF
        return (self.state >> 8) % 100 < percent


def a_message(size, step=7):
    return bytes([number * step & 0xFF for number in range(size)])


def seen_from(peer, block):
    """The block as the receiver sees it: it comes from `peer`, and only the first one has a count."""
    return fragments.Block(peer, block.sequence, block.index, block.count, block.data)


def carry(splitter, assembler, lost=None, source=HUB, steps=4000):
    """Runs both ends until nothing moves; (messages, facts, blocks sent). `lost(what)` says what does not arrive."""
    got, facts, sent, now_ms = [], [], 0, 0
    for _ in range(steps):
        block = splitter.to_send()
        if block is not None:
            sent += 1
            if lost is None or not lost(block):
                whole = assembler.receive(seen_from(source, block), now_ms)
                if whole is not None:
                    got.append(whole)
                answer = assembler.to_send()
                while answer is not None:
                    if lost is None or not lost(answer):
                        splitter.receive(fragments.Acknowledgement(METER, answer.sequence, answer.index), now_ms)
                    answer = assembler.to_send()
        fact = splitter.next_event()
        if fact is not None:
            facts.append(fact)
        if block is None and fact is None:
            due = splitter.deadline_ms()
            if due is None:
                return got, facts, sent
            now_ms = max(now_ms, due)
            splitter.tick(now_ms)
            assembler.tick(now_ms)
    raise AssertionError("it never ends")


def test_messages_of_any_size_arrive_whole():
    for size in (1, 70, 71, 72, 142, 143, 1500, 1505, fragments.BLOCK_LIMIT * 71):
        splitter, assembler = fragments.Splitter(), fragments.Assembler()
        assert splitter.send(METER, 9, a_message(size), 0, "cookie")
        got, facts, sent = carry(splitter, assembler)
        assert got == [a_message(size)]
        assert sent == (size + 70) // 71
        assert [(fact.peer, fact.sequence, fact.cookie, fact.failed) for fact in facts] == [(METER, 9, "cookie", "")]


def test_a_tunnel_message_takes_22_blocks_and_only_the_first_says_so():
    splitter, assembler = fragments.Splitter(), fragments.Assembler()
    splitter.send(METER, 9, a_message(1505), 0)
    blocks, now_ms = [], 0
    while splitter.deadline_ms() is not None:
        now_ms = max(now_ms, splitter.deadline_ms())
        splitter.tick(now_ms)
        blocks.append(splitter.to_send())
        assert splitter.to_send() is None, "the window is one block"
        assembler.receive(seen_from(HUB, blocks[-1]), now_ms)
        splitter.receive(fragments.Acknowledgement(METER, 9, assembler.to_send().index), now_ms)
    assert [(block.index, block.count) for block in blocks] == [(0, 22)] + [(index, 0) for index in range(1, 22)]
    assert [len(block.data) for block in blocks] == [71] * 21 + [14]
    assert now_ms == 21 * fragments.INTERVAL_MS


def test_a_block_or_an_acknowledgement_that_is_lost_is_made_good():
    for kind in (fragments.Block, fragments.Acknowledgement):
        for index in (0, 3, 6):
            gone = []

            def lost(what, kind=kind, index=index, gone=gone):
                if isinstance(what, kind) and what.index == index and not gone:
                    gone.append(what)
                    return True
                return False

            splitter, assembler = fragments.Splitter(), fragments.Assembler()
            splitter.send(METER, 9, a_message(490), 0)
            got, facts, sent = carry(splitter, assembler, lost)
            assert gone
            assert got == [a_message(490)]
            assert sent == 8
            assert facts[0].failed == ""


def test_twenty_percent_lost_both_ways_lose_no_message_and_double_none():
    whole = failed = 0
    for seed in range(60):
        dice = Dice(seed)
        splitter, assembler = fragments.Splitter(), fragments.Assembler()
        splitter.send(METER, seed, a_message(700, seed | 1), 0)
        got, facts, _ = carry(splitter, assembler, lambda what, dice=dice: dice.falls(20))
        assert len(facts) == 1
        assert got in ([], [a_message(700, seed | 1)])
        if facts[0].failed:
            failed += 1
        else:
            assert got
            whole += 1
    assert whole > 30
    assert failed < 30


def test_a_silent_peer_is_given_up():
    splitter = fragments.Splitter()
    splitter.send(METER, 9, a_message(200), 0)
    got, facts, sent = carry(splitter, fragments.Assembler(), lambda what: True)
    assert got == []
    assert sent == 1 + fragments.RETRIES
    assert facts[0].failed == "block 0 of 3 was not acknowledged"
    assert splitter.to_send() is None


def test_messages_to_one_peer_go_one_after_the_other_and_to_two_side_by_side():
    splitter, assembler = fragments.Splitter(), fragments.Assembler()
    assert splitter.send(METER, 1, a_message(150), 0)
    assert splitter.send(METER, 2, a_message(150, 3), 0)
    assert splitter.send(OTHER, 3, a_message(150, 5), 0)
    first, second = splitter.to_send(), splitter.to_send()
    assert (first.peer, first.sequence, second.peer, second.sequence) == (METER, 1, OTHER, 3)
    assert splitter.to_send() is None

    def told(peer, index):
        return splitter.receive(fragments.Acknowledgement(peer, 1, index), 0)

    assert told(OTHER, 0) == "acknowledges a message that is not on its way"
    assert told(METER, 1) == "acknowledges block 1 where 0 is on its way"
    assert told(METER, 0) == ""
    assert told(METER, 1) == "acknowledges block 1 where 1 is on its way"
    splitter.tick(50)
    assert splitter.to_send().index == 1
    assert assembler.refusal == ""


def test_senders_that_take_turns_do_not_disturb_each_other():
    assembler = fragments.Assembler()
    peers = [bytes([number]) * 8 for number in range(fragments.TRANSFERS)]
    got = []
    for index in range(3):
        for peer in peers:
            data = a_message(71, peer[0] + 1)
            got.append(assembler.receive(fragments.Block(peer, 9, index, 0 if index else 3, data), index))
            assert assembler.refusal == ""
    assert [one for one in got if one is not None] == [a_message(71, peer[0] + 1) * 3 for peer in peers]


def test_one_sender_too_many_is_refused_until_a_message_is_forgotten():
    assembler = fragments.Assembler()
    for number in range(fragments.TRANSFERS):
        assembler.receive(fragments.Block(bytes([number]) * 8, 9, 0, 2, b"x"), 0)
    assert assembler.receive(fragments.Block(b"\xee" * 8, 9, 0, 2, b"x"), 0) is None
    assert assembler.refusal == "too many messages at once"
    assert assembler.deadline_ms() == fragments.COMPLETE_WITHIN_MS
    assembler.receive(fragments.Block(b"\xee" * 8, 9, 0, 2, b"x"), fragments.COMPLETE_WITHIN_MS)
    assert assembler.refusal == ""
    assembler.receive(fragments.Block(b"\x01" * 8, 9, 1, 0, b"y"), fragments.COMPLETE_WITHIN_MS)
    assert assembler.refusal == "block 1 of a message that was not begun"


def test_a_sender_that_begins_ever_new_messages_displaces_only_its_own():
    assembler = fragments.Assembler()
    assembler.receive(fragments.Block(METER, 7, 0, 2, b"a"), 0)
    for sequence in range(100):
        assembler.receive(fragments.Block(OTHER, sequence, 0, 2, b"x"), 0)
        assert assembler.refusal == ""
    assert assembler.receive(fragments.Block(METER, 7, 1, 0, b"b"), 0) == b"ab"
    assert assembler.receive(fragments.Block(OTHER, 99, 1, 0, b"y"), 0) == b"xy"
    assert assembler.receive(fragments.Block(OTHER, 97, 1, 0, b"y"), 0) is None


def test_blocks_once_more_are_acknowledged_and_not_taken_twice():
    assembler = fragments.Assembler()
    blocks = [fragments.Block(HUB, 9, 0, 2, b"one"), fragments.Block(HUB, 9, 1, 0, b"two")]
    got = [assembler.receive(block, 0) for block in (blocks[0], blocks[0], blocks[1], blocks[1], blocks[0])]
    assert [one for one in got if one is not None] == [b"onetwo"]
    acknowledged = []
    answer = assembler.to_send()
    while answer is not None:
        acknowledged.append(answer.index)
        answer = assembler.to_send()
    assert acknowledged == [0, 0, 1, 1, 0]
    # After a while the same counter is another message.
    assembler.receive(blocks[0], fragments.COMPLETE_WITHIN_MS)
    assert assembler.receive(blocks[1], fragments.COMPLETE_WITHIN_MS) == b"onetwo"


def test_blocks_that_cannot_be_are_refused():
    assembler = fragments.Assembler()
    for block, why in (
        (fragments.Block(HUB, 1, 0, 0, b"x"), "message of 0 blocks"),
        (fragments.Block(HUB, 1, 0, 255, b"x"), "message of 255 blocks"),
        (fragments.Block(HUB, 1, 0, 2, b""), "block of 0 octets"),
        (fragments.Block(HUB, 1, 0, 2, bytes(83)), "block of 83 octets"),
        (fragments.Block(HUB, 1, 1, 0, b"x"), "block 1 of a message that was not begun"),
    ):
        assert assembler.receive(block, 0) is None
        assert assembler.refusal == why
        assert assembler.to_send() is None
    assembler.receive(fragments.Block(HUB, 1, 0, 4, b"x"), 0)
    assembler.to_send()
    assembler.receive(fragments.Block(HUB, 1, 2, 0, b"x"), 0)
    assert assembler.refusal == "block 2 where 1 is due"
    assert assembler.to_send() is None
    # Another count: another message under the same counter.
    assert assembler.receive(fragments.Block(HUB, 1, 0, 1, b"z"), 0) == b"z"
    assert assembler.receive(fragments.Block(HUB, 1, 3, 0, b"z"), 0) is None
    assert assembler.refusal == "block 3 of 1"


def test_messages_that_do_not_fit_are_not_begun():
    splitter = fragments.Splitter()
    for data, size in ((b"", 0), (bytes(71 * fragments.BLOCK_LIMIT + 1), 0), (b"x", 83), (b"x", -1)):
        try:
            splitter.send(METER, 1, data, 0, None, size)
        except ValueError:
            continue
        raise AssertionError(size)
    for number in range(fragments.QUEUE_LIMIT):
        assert splitter.send(METER, number, b"x", 0)
    assert not splitter.send(METER, 99, b"x", 0)


def test_the_group_ids_of_ezsp_say_count_and_index():
    assert fragments.ezsp_group(22, 0) == 0x1600
    assert fragments.ezsp_group(22, 21) == 0x1615
    assert fragments.ezsp_acknowledgement(3) == 0xFF03
    assert fragments.from_ezsp_group(0x1600) == (22, 0)
    assert fragments.from_ezsp_group(0x1615) == (0, 21)


def test_a_block_that_the_radio_gives_up_goes_again_at_once_and_then_no_more():
    splitter = fragments.Splitter(acknowledged_within_ms=30000, retries=1)
    assert splitter.send(HUB, 9, bytes(100), 0)
    assert splitter.to_send().index == 0 and splitter.deadline_ms() == 30000
    splitter.lost(HUB, 8, 0, 200)
    splitter.lost(HUB, 9, 1, 200)
    assert splitter.to_send() is None
    splitter.lost(HUB, 9, 0, 200)
    assert splitter.to_send().index == 0 and splitter.next_event() is None
    splitter.lost(HUB, 9, 0, 300)
    assert splitter.to_send() is None and splitter.deadline_ms() is None
    assert splitter.next_event().failed == "block 0 of 2 was not acknowledged"


def test_a_message_that_is_cancelled_makes_room_for_the_next_without_a_word():
    splitter = fragments.Splitter()
    assert splitter.send(HUB, 1, bytes(100), 0) and splitter.send(HUB, 2, b"x" * 80, 0)
    assert splitter.to_send().sequence == 1
    splitter.cancel(HUB, 1)
    assert splitter.next_event() is None and splitter.to_send().sequence == 2
