"""The command line: `slotmeter COMMAND`. A command's module is imported when it is asked for, and only then."""

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import click

# Every command, in the order in which a newcomer needs them: (name, module, one line).
_COMMANDS = (
    ("run", "run_command", "Start a meter, show what it does, and listen for the commands below."),
    ("hub", "hub_command", "Be the comms hub of a network, on a stick or a shared air; or ask the running one."),
    ("request", "request_command", "Send a use case to the running meter as the right remote party."),
    ("send", "send_command", "Send a finished GBCS message to the running meter."),
    ("play", "play_command", "Play text scenarios: load, time, keys, commands, and what is expected of the meter."),
    ("utrn", "utrn_command", "Make a top-up token as the supplier does."),
    ("topup", "topup_command", "Type a token at the running meter's keypad, and show its screen."),
    ("press", "press_command", "Press keys of the running meter, and show its screen."),
    ("decode", "decode_command", "Show any GBCS message as a readable tree, its MAC and signature checked."),
    ("keys", "keys_command", "Make, import or list the credentials of the bench."),
    ("rtds", "rtds_command", "Replay the Reference Test Data Set and compare every octet."),
    ("radio", "radio_command", "Find ZigBee sticks, and ask one what it is."),
    ("ncp", "ncp_command", "Be a ZigBee stick on a pseudo-terminal or a TCP port, for hosts that want one."),
    ("air", "air_command", "Show who is on an air that processes share, and capture it."),
    ("pipe", "pipe_command", "Speak the bench protocol on stdin and stdout."),
    ("bench", "bench_command", "Measure speed and memory beside their ceilings."),
)
_MODULES = {name: module for name, module, _ in _COMMANDS}

_HELP = """An emulated SMETS2 electricity meter that answers GBCS commands, octet for octet.

For engineers who test head-ends, DCC adaptors and GBCS tools and want a meter on the bench without having one.

\b
First steps:
  slotmeter run                             start a meter; leave it running
  slotmeter request ECS17b                  in another terminal: read its import register
  slotmeter request ECS10 message="hello"   show a text on its display

Security: this is an emulator. Its keys and its random numbers protect nothing; never load real credentials.
"""


def _foreseen() -> "tuple[type[Exception], ...]":
    """The errors that are told in one line; looked up only when something has gone wrong."""
    from slotmeter.boards.pc.errors import SlotmeterError
    from slotmeter.boards.pc.lines import ClientError
    from slotmeter.dlms.errors import DlmsError
    from slotmeter.hal.errors import HalError

    return SlotmeterError, ClientError, DlmsError, HalError


def one_line(error: Exception) -> str:
    """What to tell of a foreseen error: the way out, without the kind of a HalError before it."""
    return " ".join(str(getattr(error, "detail", "") or error).split())


class Commands(click.Group):
    """A group that knows its commands by name and imports one only to run it."""

    def list_commands(self, ctx: click.Context) -> "list[str]":
        """The names in the order of the table."""
        return [name for name, _, _ in _COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> "click.Command | None":
        """The command of that name; None for one that does not exist."""
        module = _MODULES.get(cmd_name)
        if module is None:
            return None
        command = import_module("slotmeter.boards.pc." + module).command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The table of commands, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, _, text in _COMMANDS])

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command; what can go wrong in the world becomes one line and status 1."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.Abort, click.exceptions.Exit, BrokenPipeError):
            raise
        except Exception as error:
            if isinstance(error, _foreseen()):
                raise click.ClickException(one_line(error)) from error
            raise


def _version(ctx: click.Context, _param: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from slotmeter.boards.pc.bench import version

        click.echo("slotmeter " + version())
        ctx.exit()


@click.group(
    name="slotmeter",
    cls=Commands,
    help=_HELP,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version.")
def cli() -> None:
    """The group; its help is above."""


def main(arguments: "Sequence[str] | None" = None) -> int:
    """Runs the command line and returns the exit status: 0, 1 for a failure, 2 for wrong usage, 130 after Ctrl-C."""
    try:
        status = cli.main(arguments, prog_name="slotmeter", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped", err=True)
        return 130
    except BrokenPipeError:
        # Whoever read our output has gone: no complaint, and none at the end of the interpreter either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return status if isinstance(status, int) else 0


if __name__ == "__main__":
    sys.exit(main())
