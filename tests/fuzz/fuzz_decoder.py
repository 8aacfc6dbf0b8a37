"""Fuzzes the reader of messages: whatever comes in, a tree comes out, and it says where reading stopped."""

import mutate

from slotmeter.boards.pc.decode_command import Printer
from slotmeter.boards.pc.decode_node import Stop
from slotmeter.boards.pc.decoder import decode

PRINTERS = (Printer(False, True), Printer(True, False))


def parse(data):
    decoded = decode(data)
    for printer in PRINTERS:
        assert "\n".join(printer.tree(decoded.root))
    decoded.as_json()
    for offset, reason in decoded.stops:
        assert reason, "a stop without a reason"
        assert offset >= 0, "a stop before the start"
    if decoded.stops:
        raise Stop(decoded.stops[-1][1], decoded.stops[-1][0])


TARGET = mutate.Target("boards/pc/decoder.py", mutate.golden_messages(), parse, Stop, slow_s=0.5, memory=50_000_000)

if __name__ == "__main__":
    mutate.main(TARGET)
