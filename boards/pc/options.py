"""Options that several commands have: they read the same everywhere."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

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


def check_store(store: "Path | None", temporary: bool) -> None:
    """UsageError when the state is to be kept and forgotten at once."""
    if store is not None and temporary:
        raise click.UsageError("--store and --temporary exclude each other")
