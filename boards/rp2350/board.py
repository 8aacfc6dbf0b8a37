"""A Pico 2 with stock MicroPython: the meter speaks over USB, a message in hexadecimal on each line.

What comes in is a command, what goes out is a response or an alert; a line that begins with `#` is for people. The
state is in /slotmeter on the board's littlefs. The real-time clock is the board's: `mpremote rtc --set` sets it.
"""

import binascii
import gc
import select
import sys

from slotmeter.dlms.gbcs.message import LARGEST_MESSAGE
from slotmeter.firmware import facts
from slotmeter.firmware.devices import esme
from slotmeter.firmware.settings import Settings
from slotmeter.hal import Hal
from slotmeter.hal.board.certificates import BoardCertificates
from slotmeter.hal.board.clock import BoardClock
from slotmeter.hal.board.crypto import BoardCrypto
from slotmeter.hal.board.entropy import BoardEntropy
from slotmeter.hal.board.store import SlotStore
from slotmeter.hal.virtual.switch import VirtualSwitch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slotmeter.firmware.meter import Meter

STATE = "/slotmeter"
# How long the loop waits for a line before it looks at the clock again: instructions fall due by the second.
_WAIT_MS = 500


def build() -> Hal:
    """What the board has, as the meter needs it."""
    return Hal(BoardClock(), SlotStore(STATE), BoardCrypto(), BoardEntropy(), BoardCertificates(), VirtualSwitch())


def answers(meter: "Meter", line: str, now_ms: int) -> "list[str]":
    """What the meter has to say once it has got `line` ("" for none): lines without their ends."""
    text = line.strip()
    lines = []
    if len(text) > 2 * LARGEST_MESSAGE:
        lines.append("# refused: a message has at most %d octets" % LARGEST_MESSAGE)
    elif text and not text.startswith("#"):
        try:
            data = binascii.unhexlify(text)
        except ValueError:
            data = b""
            lines.append("# refused: a line is a message in hexadecimal")
        if data:
            meter.receive(data, now_ms)
    meter.tick(now_ms)
    data = meter.to_send()
    while data:
        lines.append(data.hex())
        data = meter.to_send()
    fact = meter.next_event()
    while fact is not None:
        if isinstance(fact, facts.MessageRefused):
            lines.append("# refused: " + fact.text)
        fact = meter.next_event()
    return lines


def serve(hal: Hal, settings: Settings) -> None:
    """Runs the meter until the board is reset. HalError when the store holds no meter."""
    meter = esme.build(hal, settings)
    print("# meter %s" % meter.eui64.hex())  # noqa: T201  (standard output is the wire)
    waiting = select.poll()
    waiting.register(sys.stdin, select.POLLIN)
    while True:
        line = sys.stdin.readline() if waiting.poll(_WAIT_MS) else ""
        for text in answers(meter, line, hal.clock.now_ms()):
            print(text)  # noqa: T201
        # Between messages nothing is held: the time to give back what the last one used.
        gc.collect()
