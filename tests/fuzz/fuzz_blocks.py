"""Fuzzes block transfer: parsing one block, and both ends with damaged, lost, doubled and reordered blocks."""

import mutate

from slotmeter.dlms import blocks
from slotmeter.dlms.errors import DecodeError


def seeds():
    found = []
    for octets in mutate.golden_messages():
        if octets[0] == 0xDD and len(octets) < 700 and len(found) < 400:
            splitter = blocks.Splitter(octets, 150)
            block = splitter.to_send()
            while block:
                found.append(block)
                block = splitter.to_send()
            found.append(blocks.build_block(blocks.Block(splitter.routing, False, False, 4, 1, 1, b"")))
    return found


SEEDS = seeds()
ASSEMBLER = blocks.Assembler()
# The sending end, replaced when it has ended; its blocks are among the seeds.
SENT = mutate.golden_messages()[0]
SPLITTERS = [blocks.Splitter(SENT, 20, 3)]


def parse(data):
    block = blocks.parse_block(data)
    assert blocks.build_block(block) == data, "the block builds differently"
    message = ASSEMBLER.receive(data)
    if message is not None:
        assert blocks.routing_of(message) == block.routing, "a message under another's name"
    answer = ASSEMBLER.to_send()
    assert not answer or not blocks.parse_block(answer).data
    SPLITTERS[0].to_send()
    SPLITTERS[0].receive(data)
    if SPLITTERS[0].done or SPLITTERS[0].failed:
        SPLITTERS[0] = blocks.Splitter(SENT, 20, 3)


TARGET = mutate.Target("dlms/blocks.py", SEEDS, parse, DecodeError)

if __name__ == "__main__":
    mutate.main(TARGET)
