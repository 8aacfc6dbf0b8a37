"""`slotmeter topup`: the digits of a token, typed at the running meter's keypad."""

from pathlib import Path

import click

from slotmeter.boards.pc import options
from slotmeter.boards.pc.errors import SlotmeterError
from slotmeter.prepayment.utrn import DIGITS


def joined(groups: "tuple[str, ...]") -> str:
    """The digits of what was typed, without the blanks and dashes between groups; SlotmeterError for anything else."""
    digits = "".join(groups).replace(" ", "").replace("-", "")
    if not digits or not (digits.isascii() and digits.isdigit()):
        raise SlotmeterError("a token is %d digits, and a keypad has nothing else: take out letters and signs" % DIGITS)
    return digits


@click.command(
    name="topup",
    epilog="""\b
Examples:
  slotmeter topup 7394 6144 3320 4021 7315
  slotmeter topup $(slotmeter utrn --amount 5 --digits)

Status: 0 typed (the screen says what came of it), 1 no meter, or no power.""",
)
@click.argument("groups", metavar="DIGITS", nargs=-1, required=True)
@options.of_a_running_meter
def command(groups: "tuple[str, ...]", port: "int | None", store: "Path | None") -> None:
    """Type the digits of a token at the running meter's keypad, and show its screen.

    Blanks and dashes between the digits do not matter. Like a person at the meter, this needs no key.
    """
    from slotmeter.boards.pc.at_meter import AtMeter

    digits = joined(groups)
    with AtMeter(port, store) as meter:
        meter.show(meter.ask("enter", digits=digits))
