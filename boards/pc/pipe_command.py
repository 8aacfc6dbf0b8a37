"""`slotmeter pipe`: the bench protocol on stdin and stdout."""

import sys
from pathlib import Path

import click


@click.command(
    name="pipe",
    short_help="The bench protocol on stdin and stdout.",
    epilog="""\b
Example:
  echo '{"id": 1, "op": "hello"}' | slotmeter pipe --temporary
The operations are described in docs/bench-protocol.md.""",
)
@click.option(
    "--rtds",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Take identities and credentials of RTDS from DIR; the clock starts frozen at 2015-01-01T00:00:00Z.",
)
@click.option(
    "--keys",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where the bench's own credentials are, made on first use.  [default: the user's data folder]",
)
@click.option("--store", type=click.Path(path_type=Path), metavar="FILE", help="Keep the meter's state in FILE.")
@click.option("--temporary", is_flag=True, help="Keep the state in memory and forget it at the end.")
@click.option(
    "--variant",
    type=click.Choice(["single", "twin", "polyphase"]),
    default="single",
    show_default=True,
    help="Which meter it is.",
)
@click.option("--devices", default="esme", show_default=True, metavar="NAME[,...]", help="The devices to start.")
@click.option("--seed", type=click.IntRange(0, 2**64 - 1), metavar="N", help="Repeatable randomness; protects nothing.")
@click.option("--start", metavar="TIME", help="Start with the clock frozen at TIME, such as 2024-06-01T12:00:00Z.")
def command(
    rtds: "Path | None",
    keys: "Path | None",
    store: "Path | None",
    temporary: bool,
    variant: str,
    devices: str,
    seed: "int | None",
    start: "str | None",
) -> None:
    """Speak the bench protocol: one JSON request per line on stdin, one reply per line on stdout.

    Nothing else is written to stdout; remarks go to stderr. End of input ends it, with the state saved.
    """
    from slotmeter.boards.pc.bench import Bench, Options
    from slotmeter.boards.pc.lines import serve_streams

    if store is not None and temporary:
        raise click.UsageError("--store and --temporary exclude each other")
    bench = Bench(
        Options(
            rtds=rtds,
            keys=keys,
            store=store,
            temporary=temporary,
            variant=variant,
            seed=seed,
            start=start,
            devices=tuple(name for name in devices.split(",") if name),
            note=lambda text: click.echo(text, err=True),
        )
    )
    with bench:
        serve_streams(bench, sys.stdin.buffer, sys.stdout.buffer)
