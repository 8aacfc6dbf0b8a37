"""`slotmeter send`: a finished message to the running meter, and its answer."""

import json
import sys
from pathlib import Path

import click

from slotmeter.boards.pc import options
from slotmeter.boards.pc.errors import SlotmeterError


def messages_of(source: str) -> "list[bytes]":
    """The messages in a file, in hexadecimal text, or on stdin for `-`; SlotmeterError says what is wrong.

    A file holds one message as octets, or hexadecimal with one message on each line that is not blank.
    """
    from slotmeter.boards.pc.decode_command import octets_of

    if source == "-":
        octets, where = sys.stdin.buffer.read(), "stdin"
    else:
        path = Path(source)
        try:
            is_file = path.is_file()
        except (OSError, ValueError):
            # A long message in hexadecimal is no file name.
            is_file = False
        if is_file:
            try:
                octets, where = path.read_bytes(), source
            except OSError as error:
                raise SlotmeterError("cannot read %s: %s" % (source, error.strerror)) from error
        else:
            octets, where = source.encode("utf-8", "replace"), "the argument"
    if octets[:1] in (b"\xdd", b"\xdf"):
        return [octets]
    try:
        found = [one for line in octets.decode("ascii").splitlines() if (one := octets_of(line))]
    except ValueError as error:
        reason = "" if isinstance(error, UnicodeDecodeError) else ": %s" % error
        if where == "the argument":
            raise SlotmeterError(
                "%s is neither a file nor a message in hexadecimal%s" % (source[:60], reason)
            ) from None
        raise SlotmeterError("%s holds neither the octets of a message nor hexadecimal%s" % (where, reason)) from None
    if not found:
        raise SlotmeterError("%s is empty: give a message" % where)
    return found


@click.command(
    name="send",
    epilog="""\b
Examples:
  slotmeter send ECS52_11.2_SUCCESS_COMMAND_GBCS.HEX
  slotmeter request ECS52 --print | slotmeter send -

Status: 0 answered, 1 refused or no meter, 3 answered with a failure.""",
)
@click.argument("message", metavar="FILE|HEX|-")
@options.of_a_running_meter
@click.option("--json", "as_json", is_flag=True, help="Print the meter's reply as it comes.")
def command(message: str, port: "int | None", store: "Path | None", as_json: bool) -> None:
    """Send a finished GBCS message to the running meter and show its decoded answer.

    The message is a file with octets or hexadecimal, hexadecimal itself, or - for stdin. When the meter refuses it, the
    reason is shown: the meter itself stays silent then, as a real one does.
    """
    from slotmeter.boards.pc import running
    from slotmeter.boards.pc.answers import Answers
    from slotmeter.boards.pc.lines import Client

    found = messages_of(message)
    meter = running.find(port, store)
    status = 0
    with Client(meter.port) as client:
        answers = Answers(meter)
        for octets in found:
            reply = client.request("deliver", hex=octets.hex().upper())
            if as_json:
                click.echo(json.dumps(reply))
            else:
                answers.show(octets, reply)
            status = max(status, answers.status(reply))
    if status:
        click.get_current_context().exit(status)
