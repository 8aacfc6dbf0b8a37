"""`slotmeter press`: keys of the running meter, pressed one after the other, and what its screen shows then."""

from pathlib import Path

import click

from slotmeter.boards.pc import options
from slotmeter.boards.pc.errors import SlotmeterError


@click.command(
    name="press",
    epilog="""\b
Examples:
  slotmeter press                                 only look
  slotmeter press a a                             the next screen but one
  slotmeter press --choose "Turn supply on" b     go to a row of the menu, choose it, and say yes

Status: 0 pressed, 1 no meter, no power, no such row or key.""",
)
@click.argument("keys", metavar="[KEY]...", nargs=-1)
@click.option("--choose", metavar="TITLE", help="First go to this row of the menu with the two buttons, and choose it.")
@options.of_a_running_meter
def command(keys: "tuple[str, ...]", choose: "str | None", port: "int | None", store: "Path | None") -> None:
    """Press keys of the running meter, and show its screen.

    A KEY is a, b, hold (both buttons: back), ok, clear, or a digit. All of them are pressed in one moment; between two
    commands the meter's time passes, and after half a minute of it the display is back at its default.
    """
    from slotmeter.boards.pc.at_meter import AtMeter
    from slotmeter.boards.pc.fingers import Fingers, NotShown

    with AtMeter(port, store) as meter:
        try:
            reply = meter.ask("screen") if choose is None else Fingers(meter.ask).choose(choose)
        except NotShown as error:
            raise SlotmeterError(str(error)) from error
        for key in keys:
            reply = meter.ask("press", key=key)
        meter.show(reply)
