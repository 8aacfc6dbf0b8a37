"""One command to a whole meter over a board's own store and cryptography; runs on MicroPython and on hosts alike."""

from slotmeter.boards.virtual.board import VirtualBoard
from slotmeter.firmware import facts
from slotmeter.firmware.settings import Settings
from slotmeter.hal.board.store import SlotStore


def start(state, now_ms, variant):
    """The meter in the folder `state`, switched on at `now_ms`."""
    return VirtualBoard(now_ms, store=SlotStore(state)).meter(Settings(variant))


def deliver(meter, command, now_ms):
    """What the meter sends, as lines of "sent HEX", and why it refused, as "refused REASON"."""
    meter.receive(bytes.fromhex(command), now_ms)
    lines = []
    data = meter.to_send()
    while data:
        lines.append("sent " + data.hex())
        data = meter.to_send()
    fact = meter.next_event()
    while fact is not None:
        if isinstance(fact, facts.MessageRefused):
            lines.append("refused " + fact.reason)
        fact = meter.next_event()
    return lines
