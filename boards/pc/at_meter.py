"""A person in front of the running meter: keys, digits, and its face in the terminal."""

from pathlib import Path
from typing import Any

import click

from slotmeter.boards.pc import running
from slotmeter.boards.pc.errors import SlotmeterError
from slotmeter.boards.pc.face_box import box
from slotmeter.boards.pc.lines import Client


class AtMeter:
    """One visit, for a `with`. port, store: which running meter; both None for the only one."""

    def __init__(self, port: "int | None", store: "Path | None") -> None:
        self._client = Client(running.find(port, store).port)

    def __enter__(self) -> "AtMeter":
        return self

    def __exit__(self, *_error: object) -> None:
        self._client.close()

    def ask(self, op: str, **fields: Any) -> "dict[str, Any]":
        """The reply to one operation of the bench protocol; SlotmeterError when it is refused."""
        reply = self._client.request(op, **fields)
        if not reply.get("ok"):
            raise SlotmeterError(str((reply.get("error") or {}).get("text", "the meter gave no reason")))
        return reply

    def show(self, reply: "dict[str, Any]") -> None:
        """Prints the face that a reply tells of."""
        for line in box(reply["lines"], reply["indicators"]):
            click.echo(line)
