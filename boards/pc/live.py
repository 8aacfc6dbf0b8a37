"""What `slotmeter run` shows: a line for each message that passes, and in a terminal a status line below them.

Observes a bench (`Bench.observers`). One message is one line:

    12:00:01  command   ECS17b   from supplier 02534C4F54000002, counter 848505600000, 151 octets
    12:00:01  response  ECS17b   to supplier 02534C4F54000002, counter 848505600000, 190 octets
    12:00:01  result    ECS17b   all good for the supplier
"""

import sys
import time
from typing import TYPE_CHECKING, Any, TextIO

from slotmeter.boards.pc.bench import format_time
from slotmeter.dlms.errors import DecodeError
from slotmeter.dlms.gbcs import message

if TYPE_CHECKING:
    from slotmeter.boards.pc.bench import Bench

# How often the status line is written again, in seconds.
_INTERVAL_S = 1.0
_CLEAR = "\r\x1b[2K"


def use_case_names() -> "dict[int, str]":
    """Message codes of the meter to the names of use cases."""
    from slotmeter.firmware.usecases import ALERT_MESSAGES, USE_CASES

    names = {row[0]: row[1] for row in ALERT_MESSAGES}
    names.update({row[0]: row[1] for row in USE_CASES})
    return names


class Live:
    """Lines and a status on a stream, stdout unless another is given."""

    def __init__(self, bench: "Bench", stream: "TextIO | None" = None) -> None:
        self._bench = bench
        self._stream = sys.stdout if stream is None else stream
        self._terminal = self._stream.isatty()
        self._names = use_case_names()
        self._status_shown = False
        self._next_s = 0.0
        self.delivered = 0
        self.answered = 0
        self.refused = 0
        self.alerts = 0
        self._last = "nothing yet"
        # Counts, but shows no lines: while something else tells the story.
        self.quiet = False
        bench.observers.append(self.observe)

    def line(self, text: str = "") -> None:
        """Writes a line above the status line."""
        if self._status_shown:
            self._stream.write(_CLEAR)
            self._status_shown = False
        self._stream.write(text + "\n")
        self._stream.flush()
        self._next_s = 0.0

    def _clock(self) -> str:
        # Not by a request: the reply to one takes with it what the meter has sent.
        return format_time(self._bench.clock.now_ms() // 1000)

    def tick(self) -> bool:
        """Writes the status line again when it is time; always False, so that it can be asked whether to stop."""
        if self._terminal and time.monotonic() >= self._next_s:
            self._next_s = time.monotonic() + _INTERVAL_S
            self._stream.write(_CLEAR + self.status())
            self._stream.flush()
            self._status_shown = True
        return False

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
        """Takes the status line away."""
        if self._status_shown:
            self._stream.write(_CLEAR)
            self._stream.flush()
            self._status_shown = False

    def observe(self, kind: str, what: "dict[str, Any]") -> None:
        """One fact of the bench."""
        if kind == "delivered":
            self.delivered += 1
            self._message("command", str(what["hex"]))
        elif kind == "sent":
            if what["kind"] == "alert":
                self.alerts += 1
            self._message(str(what["kind"]), str(what["hex"]))
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

    def _show(self, kind: str, name: str, text: str) -> None:
        if self.quiet:
            return
        self.line("%s  %-8s  %-8s  %s" % (self._clock()[11:19], kind, name, text))

    def _message(self, kind: str, text: str) -> None:
        """The line of one message; one that is no message is told as octets."""
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
        self._show(
            kind, name, "%s %s %s, counter %d, %d octets" % (where, who, peer.hex().upper(), counter, len(octets))
        )
