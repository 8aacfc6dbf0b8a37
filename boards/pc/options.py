"""Options that several commands have: they read the same everywhere."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click


def _place(_ctx: click.Context, _param: click.Parameter, text: str) -> "tuple[int, int]":
    x, comma, y = text.partition(",")
    try:
        return int(x), int(y if comma else "0")
    except ValueError:
        raise click.BadParameter("a place is two whole numbers, such as 30,0") from None


_RUNNING = (
    click.option("--port", type=click.IntRange(1, 65535), help="The meter on this port.  [default: the one that runs]"),
    click.option("--store", type=click.Path(path_type=Path), metavar="FILE", help="The meter that runs on this store."),
)
_STARTED = (
    click.option(
        "--variant",
        type=click.Choice(["single", "twin", "polyphase"]),
        default="single",
        show_default=True,
        help="Which meter.",
    ),
    click.option(
        "--store",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Keep the state in FILE.  [default: one for each variant]",
    ),
    click.option("--temporary", is_flag=True, help="Keep the state in memory and forget it at the end."),
    click.option(
        "--keys",
        type=click.Path(path_type=Path),
        metavar="DIR",
        help="Folder of the bench's credentials, made on first use.",
    ),
    click.option(
        "--rtds",
        type=click.Path(path_type=Path),
        metavar="DIR",
        help="Be the meter of RTDS, with its credentials and its clock.",
    ),
    click.option(
        "--seed", type=click.IntRange(0, 2**64 - 1), metavar="N", help="Repeatable randomness; protects even less."
    ),
)
_RADIO = (
    click.option("--radio", metavar="PORT", help="A ZigBee stick: /dev/ttyUSB0, or socket://HOST:PORT."),
    click.option("--air", metavar="NAME", help="A radio on the air NAME, which processes of this machine share."),
    click.option(
        "--at",
        callback=_place,
        default="0,0",
        metavar="X,Y",
        help="Where on that air; 100 away is out of reach.",
    ),
)


def _all(options: "tuple[Callable[[Any], Any], ...]") -> "Callable[[Any], Any]":
    def add(command: Any) -> Any:
        for option in reversed(options):
            command = option(command)
        return command

    return add


# --port and --store: which of the meters that run.
of_a_running_meter = _all(_RUNNING)
# --variant, --store, --temporary, --keys, --rtds and --seed: the meter that is started.
of_a_started_meter = _all(_STARTED)
# --radio, --air and --at: its radio.
of_a_radio = _all(_RADIO)


def check_radio(radio: "str | None", air: "str | None", direct: bool = False) -> None:
    """UsageError when two kinds of radio are asked for, or one and none."""
    given = [name for name, asked in (("--radio", radio), ("--air", air), ("--direct", direct)) if asked]
    if len(given) > 1:
        raise click.UsageError("%s and %s exclude each other" % (given[0], given[1]))


def check_store(store: "Path | None", temporary: bool) -> None:
    """UsageError when the state is to be kept and forgotten at once."""
    if store is not None and temporary:
        raise click.UsageError("--store and --temporary exclude each other")
