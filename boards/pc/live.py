"""What `slotmeter run` shows: a line for each message that passes, and in a terminal the meter's face below them.

Observes a bench (`Bench.observers`). One message is one line:

    12:00:01  command   ECS17b   from supplier 02534C4F54000002, counter 848505600000, 151 octets
    12:00:01  response  ECS17b   to supplier 02534C4F54000002, counter 848505600000, 190 octets
    12:00:01  result    ECS17b   all good for the supplier
    12:31:00  alert     8F0F     to supplier 02534C4F54000002, counter 7, 124 octets: what the code means

The face is the display in a box, the indicators, and a status line; it is written again in place. A and B on the
keyboard are the meter's buttons, H is B held; the digits, Enter (OK) and Backspace (CLEAR) are its keypad.
"""

import sys
import time
from typing import TYPE_CHECKING, Any, TextIO

from slotmeter.boards.pc.bench_clock import format_time
from slotmeter.boards.pc.bench_fields import RequestError
from slotmeter.boards.pc.face_box import box
from slotmeter.dlms.errors import DecodeError
from slotmeter.dlms.gbcs import message
from slotmeter.firmware.alerts import ALERT_CODES

if TYPE_CHECKING:
    from slotmeter.boards.pc.bench import Bench
    from slotmeter.boards.pc.network_words import KeysShown

_MEANINGS = dict(ALERT_CODES)
# How often the face is written again, in seconds.
_INTERVAL_S = 0.5
# To the left edge, and so many lines up; and then everything below is wiped.
_UP = "\r\x1b[%dA"
_WIPE = "\r\x1b[J"
# Keys of a terminal that are keys of the meter; the digits are those of its keypad.
_KEYS = {"a": "a", "b": "b", "h": "hold", "\r": "ok", "\n": "ok", "\x08": "clear", "\x7f": "clear"}


def meaning_of(code: str) -> str:
    """What an alert's code means, of four hex digits."""
    return _MEANINGS.get(int(code, 16), "an alert of no known code")


def use_case_names() -> "dict[int, str]":
    """Message codes of the meter to the names of use cases."""
    from slotmeter.firmware.usecases import ALERT_MESSAGES, USE_CASES

    names = {row[0]: row[1] for row in ALERT_MESSAGES}
    names.update({row[0]: row[1] for row in USE_CASES})
    return names


class Live:
    """Lines and a face on a stream, stdout unless another is given."""

    def __init__(self, bench: "Bench", stream: "TextIO | None" = None) -> None:
        self._bench = bench
        self._stream = sys.stdout if stream is None else stream
        self._terminal = self._stream.isatty()
        self._names = use_case_names()
        # Lines of the face that stand on the terminal now.
        self._shown: list[str] = []
        self._next_s = 0.0
        self.delivered = 0
        self.answered = 0
        self.refused = 0
        self.alerts = 0
        self._last = "nothing yet"
        # Counts, but shows no lines: while something else tells the story.
        self.quiet = False
        # Keys that are to be shown as they come.
        self.keys: KeysShown | None = None
        bench.observers.append(self.observe)

    def line(self, text: str = "") -> None:
        """Writes a line above the face."""
        self.end()
        self._stream.write(text + "\n")
        self._stream.flush()
        self._next_s = 0.0

    def _clock(self) -> str:
        # Not by a request: the reply to one takes with it what the meter has sent.
        return format_time(self._bench.clock.now_ms() // 1000)

    def tick(self) -> bool:
        """Writes the face again when it is time; always False, so that it can be asked whether to stop."""
        if self._terminal and time.monotonic() >= self._next_s:
            self._next_s = time.monotonic() + _INTERVAL_S
            lines = [*self.face(), self.status()]
            if lines != self._shown:
                self.end()
                self._stream.write("\n".join(lines))
                self._stream.flush()
                self._shown = lines
        return False

    def face(self) -> "list[str]":
        """The display in its box, and which keys there are."""
        try:
            lines, indicators = self._bench.face()
        except RequestError as error:
            return ["(%s)" % error.text]
        return [*box(lines, indicators), "  keys: a, b, h (hold b), digits, Enter, Backspace"]

    def key(self, letter: str) -> None:
        """One key of the terminal; those that the meter does not have do nothing."""
        key = letter if letter.isascii() and letter.isdigit() else _KEYS.get(letter.lower())
        if key is None:
            return
        try:
            self._bench.press(key)
        except RequestError as error:
            self.line("keys: %s" % error.text)
        self._next_s = 0.0

    def status(self) -> str:
        """The clock, what passed, and the last message, in one line of at most 79 characters."""
        text = "%s  commands %d, answered %d, refused %d, alerts %d  last: %s" % (
            self._clock(),
            self.delivered,
            self.answered,
            self.refused,
            self.alerts,
            self._last,
        )
        return text[:79]

    def end(self) -> None:
        """Takes the face away."""
        if self._shown:
            above = len(self._shown) - 1
            self._stream.write((_UP % above if above else "") + _WIPE)
            self._stream.flush()
            self._shown = []

    def observe(self, kind: str, what: "dict[str, Any]") -> None:
        """One fact of the bench."""
        if kind == "delivered":
            self.delivered += 1
            self._message("command", str(what["hex"]))
        elif kind == "sent":
            if what["kind"] == "alert":
                self.alerts += 1
            self._message(str(what["kind"]), str(what["hex"]), str(what.get("code", "")))
        elif kind == "refused":
            self.refused += 1
            self._last = "refused, " + str(what["reason"])
            self._show("refused", "", "%s: %s" % (what["reason"], what["text"]))
        elif kind == "answered":
            self.answered += 1
            failed = int(what["failed"])
            outcome = "all good" if failed < 0 else "item %d failed" % failed
            self._last = "%s for %s" % (what["use_case"], what["role"])
            self._show("result", str(what["use_case"]), "%s for the %s" % (outcome, what["role"]))
        elif kind == "due":
            done = "carried out" if what["done"] else "not carried out"
            self._show("due", str(what["use_case"]), "future-dated, " + done)
        elif kind == "network":
            self._show("network", "", str(what["text"]))
            for line in self.keys.new_lines() if self.keys is not None else ():
                self.line(line)

    def _show(self, kind: str, name: str, text: str) -> None:
        if self.quiet:
            return
        self.line("%s  %-8s  %-8s  %s" % (self._clock()[11:19], kind, name, text))

    def _message(self, kind: str, text: str, code: str = "") -> None:
        """The line of one message, with an alert's code and meaning; one that is no message is told as octets."""
        octets = bytes.fromhex(text)
        try:
            one = message.parse(octets, limit=message.LARGEST_RESPONSE)
        except DecodeError as error:
            self._show(kind, "", "%d octets that are not a message: %s" % (len(octets), error))
            return
        name = self._names.get(one.code, "%04X" % one.code)
        peer = one.target if one.cra != message.COMMAND else one.originator
        where = "from" if one.cra == message.COMMAND else "to"
        who = self._bench.cast.name_of(peer) or "stranger"
        counter = int.from_bytes(one.counter, "big")
        line = "%s %s %s, counter %d, %d octets" % (where, who, peer.hex().upper(), counter, len(octets))
        if code:
            name = code
            line += ": " + meaning_of(code)
        self._show(kind, name, line)
