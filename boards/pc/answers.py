"""Shows what came of a command: who sent what, whether it was refused, and what the answer says.

Shorter than `slotmeter decode`: the envelope becomes one line, the machinery of an encrypted read is left out, and long
lists are cut. `slotmeter decode` shows the rest.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from slotmeter.boards.pc.decode_node import GOOD, Node
from slotmeter.boards.pc.decoder import Decoded, decode
from slotmeter.boards.pc.errors import SlotmeterError

if TYPE_CHECKING:
    from slotmeter.boards.pc.cast import Cast
    from slotmeter.boards.pc.running import RunningMeter

# Exit statuses of send and request.
ANSWERED, REFUSED, FAILED = 0, 1, 3
# Entries of one list that are shown.
_ENTRIES = 12
# Parts of a protected read that say how it is encrypted, not what it says.
_MACHINERY = ("invoke id", "protection", "result", "type of a row")


class Answers:
    """Writes exchanges for a reader. The keys are those of `cast`, else of the meter that was asked, if it tells."""

    def __init__(
        self,
        meter: "RunningMeter | None" = None,
        cast: "Cast | None" = None,
        write: "Callable[[str], None]" = click.echo,
    ) -> None:
        self._write = write
        self._cast = cast if cast is not None or meter is None else _cast_of(meter)

    @staticmethod
    def status(reply: "dict[str, Any]") -> int:
        """The exit status that a reply to `deliver` deserves."""
        if not reply.get("ok") or "refused" in reply:
            return REFUSED
        return FAILED if "failed" in reply else ANSWERED

    def show(self, message: bytes, reply: "dict[str, Any]") -> None:
        """The command, and what the meter answered or why it did not."""
        command = decode(message, self._cast)
        self._envelope("->", command)
        if not reply.get("ok"):
            error = reply.get("error") or {}
            self._write("not delivered: %s" % error.get("text", "the meter gave no reason"))
            return
        for sent in reply.get("messages", ()):
            answer = decode(
                bytes.fromhex(str(sent["hex"])), self._cast, command if sent["kind"] == "response" else None
            )
            self._envelope("<-", answer)
            payload = next((child for child in answer.root.children if child.name == "payload"), None)
            if payload is not None:
                self._values(payload, 1)
            elif answer.blocks:
                self._blocks(answer)
        refused = reply.get("refused")
        if refused:
            self._write("refused: %s (%s)" % (refused["text"], refused["reason"]))
            self._write("A refused command gets no response. The security log has the entry: slotmeter request ECS35b.")
        elif "failed" in reply:
            self._write("The meter answered, but item %d failed." % (int(reply["failed"]) + 1))

    def _blocks(self, answer: Decoded) -> None:
        for child in answer.root.children:
            if child.name.startswith("assembled"):
                for part in child.children:
                    if part.name == "payload":
                        self._values(part, 1)

    def _envelope(self, arrow: str, decoded: Decoded) -> None:
        """One line for a message and one for what protects it."""
        cast = self._cast
        peer = decoded.originator if arrow == "->" else decoded.target
        name = (cast.name_of(peer) if cast is not None else "") or peer.hex().upper()
        where = "from" if arrow == "->" else "to"
        title = decoded.root.text
        self._write(
            "%s %s%s  %s %s, %d octets"
            % (arrow, decoded.title, ": " + title if title else "", where, name, len(decoded.data))
        )
        checks = []
        for what, result in (("MAC", decoded.mac), ("signature", decoded.signature)):
            if result:
                checks.append("%s %s" % (what, result))
        if decoded.encrypted:
            checks.append(
                "encrypted, %s" % ("decrypted" if decoded.decrypted == decoded.encrypted else "no key to decrypt it")
            )
        if checks:
            self._write("   " + ", ".join(checks))
        for offset, reason in decoded.stops:
            self._write("   stopped at octet %d: %s" % (offset, reason))

    def _values(self, node: Node, depth: int) -> None:
        """What lies below `node`, machinery left out."""
        shown = 0
        for child in node.children:
            if child.name in _MACHINERY and not (child.name == "result" and "success" not in child.text):
                continue
            if shown == _ENTRIES and len(node.children) > _ENTRIES + 2 and not child.name.endswith("."):
                self._write(
                    "%s... and %d more; slotmeter decode shows them" % ("   " * depth, len(node.children) - shown)
                )
                return
            shown += 1
            if child.name in ("data", "decrypted", "protected_attributes") and child.children:
                # Layers of wrapping: what is inside says it all.
                self._values(child, depth)
                continue
            text = "%s%s" % (child.name, "  " + child.text if child.text else "")
            data = next((part for part in child.children if part.name == "data" and part.text), None)
            if data is not None and all(part.name in _MACHINERY for part in data.children):
                # One value, or a list with nothing in it: beside what it is the value of.
                text = "%s = %s" % (text.removesuffix(": success"), data.text)
                child = Node(child.name, mark=child.mark)
            mark = "" if child.mark in ("", GOOD) else "  [%s]" % child.mark
            self._write("   " * depth + text + mark)
            self._values(child, depth + 1)


def _cast_of(meter: "RunningMeter") -> "Cast | None":
    """The keys of a running meter; None when it does not say where they are, or they are not there."""
    from slotmeter.boards.pc.cast import load_cast

    try:
        if meter.rtds:
            return load_cast(Path(meter.rtds), rtds=True)
        return load_cast(Path(meter.keys)) if meter.keys else None
    except SlotmeterError:
        return None
