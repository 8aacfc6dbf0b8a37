"""Fuzzes blocks: a receiver gets blocks that others made, a sender gets acknowledgements.

An input is steps of: peer (1), sequence (1), index (1), count (1), seconds (1), length (1), data. What the receiver
hands over must be made of blocks that it acknowledged.
"""

import mutate

from slotmeter.hal import fragments


class Refused(Exception):
    """No block of the input was taken."""

    reason = "nothing taken"


def step(peer, sequence, index, count, seconds, data):
    return bytes((peer, sequence, index, count, seconds, len(data))) + data


def seeds():
    found = []
    for count in (1, 2, 22, 26):
        whole = [step(1, 9, index, 0 if index else count, 0, bytes((index,)) * 71) for index in range(count)]
        found.append(b"".join(whole))
        found.append(b"".join([one + one for one in whole]))
        other = [step(2, 9, index, 0 if index else count, 1, bytes((index,)) * 10) for index in range(count)]
        found.append(b"".join([one + two for one, two in zip(whole, other, strict=True)]))
    found.append(b"".join([step(number, 1, 0, 2, 0, b"x") for number in range(20)]))
    found.append(b"".join([step(1, number, 0, 2, 2, b"x") for number in range(20)]))
    return found


def parse(data):
    assembler, splitter = fragments.Assembler(), fragments.Splitter()
    splitter.send(b"\x01" * 8, 9, bytes(300), 0)
    now_ms, pos, taken = 0, 0, 0
    given = {}
    for _ in range(200):
        if pos + 6 > len(data):
            break
        peer, sequence, index, count, seconds, length = data[pos : pos + 6]
        block = fragments.Block(bytes((peer,)) * 8, sequence, index, count, data[pos + 6 : pos + 6 + length])
        pos += 6 + length
        now_ms += 1000 * seconds
        whole = assembler.receive(block, now_ms)
        key = (block.peer, sequence)
        answer = assembler.to_send()
        assert assembler.to_send() is None, "two acknowledgements for one block"
        if not assembler.refusal:
            assert answer is not None
            assert (answer.peer, answer.sequence, answer.index) == (block.peer, sequence, index)
            taken += 1
            if index == 0:
                given[key] = []
            given[key].append(block.data)
        if whole is not None:
            assert whole == b"".join(given.pop(key)), "not what was sent"
            assert len(whole) <= fragments.BLOCK_LIMIT * fragments.LARGEST_BLOCK
        held = sum([len(part) for one in assembler._receiving for part in one.parts])
        assert held <= fragments.TRANSFERS * fragments.BLOCK_LIMIT * fragments.LARGEST_BLOCK
        assert len(assembler._receiving) <= fragments.TRANSFERS
        splitter.receive(fragments.Acknowledgement(block.peer, sequence, index), now_ms)
        splitter.tick(now_ms)
        splitter.to_send()
    if not taken:
        raise Refused


TARGET = mutate.Target("hal/fragments.py", seeds(), parse, Refused)

if __name__ == "__main__":
    mutate.main(TARGET)
