"""`slotmeter pipe`: the bench protocol on stdin and stdout."""

import sys
from pathlib import Path

import click

from slotmeter.boards.pc import options


@click.command(
    name="pipe",
    short_help="The bench protocol on stdin and stdout.",
    epilog="""\b
Example:
  echo '{"id": 1, "op": "hello"}' | slotmeter pipe --temporary
The operations are described in docs/bench-protocol.md.""",
)
@options.of_a_started_meter
@click.option("--devices", default="esme", show_default=True, metavar="NAME[,...]", help="The devices to start.")
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

    options.check_store(store, temporary)
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
