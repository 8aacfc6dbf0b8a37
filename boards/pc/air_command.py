"""`slotmeter air`: who is on an air that processes share, and what is said there."""

import asyncio
import signal
import sys
from contextlib import ExitStack, closing
from pathlib import Path
from typing import BinaryIO

import click

from slotmeter.boards.pc.capture import create, follow
from slotmeter.boards.pc.errors import SlotmeterError
from slotmeter.boards.pc.ncp_line import now_ms
from slotmeter.boards.pc.shared_air import SharedAir, members, names


def _what(process: int) -> str:
    """The command of a process, as it was typed."""
    try:
        words = Path("/proc/%d/cmdline" % process).read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return "gone"
    for place, word in enumerate(words):
        if word.rpartition("/")[2] in ("slotmeter", "slotmeter.boards.pc", "__main__.py"):
            return " ".join(["slotmeter", *words[place + 1 :]]).strip()
    return " ".join(words).strip()


async def _listen(air: SharedAir, file: BinaryIO) -> "tuple[int, OSError | None]":
    """Writes until it is told to end, or the file takes no more: how many frames, and why it ended."""
    stopped = asyncio.Event()
    errors: list[OSError] = []

    def end(error: OSError) -> None:
        errors.append(error)
        stopped.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    written = follow(air, file, end)
    loop.add_reader(air.fileno(), lambda: air.tick(now_ms()))
    click.echo("air %s, with %d others on it; Ctrl-C ends" % (air.name, air.others()), err=True)
    await stopped.wait()
    loop.remove_reader(air.fileno())
    return written.frames, errors[0] if errors else None


@click.command(
    name="air",
    short_help="Show who is on an air that processes share, and capture it.",
    epilog="""\b
Examples:
  slotmeter air                           the airs of this machine, and how many are on each
  slotmeter air home                      who is on the air "home"
  slotmeter air home --capture home.pcap  writes all that is said there, until Ctrl-C
  slotmeter air home --capture - | wireshark -k -i -

An air begins with the first command that is given --air NAME, such as slotmeter ncp.""",
)
@click.argument("name", required=False)
@click.option(
    "--capture",
    type=click.Path(path_type=Path, allow_dash=True),
    metavar="FILE",
    help="Write what is on it for Wireshark (pcap); - for standard output.",
)
def command(name: "str | None", capture: "Path | None") -> None:
    """Show who is on an air that processes of this user share, or write down what is said on all its channels."""
    if name is None:
        if capture is not None:
            raise click.UsageError("--capture needs the NAME of an air")
        for one in names():
            click.echo("%-32s %d" % (one, len(members(one))))
        return
    if capture is None:
        for process in members(name):
            click.echo("%8d  %s" % (process, _what(process)))
        return
    with ExitStack() as opened:
        air = opened.enter_context(closing(SharedAir(name)))
        file = sys.stdout.buffer if str(capture) == "-" else opened.enter_context(create(capture))
        frames, error = asyncio.run(_listen(air, file))
    click.echo("%d frames" % frames, err=True)
    if isinstance(error, BrokenPipeError):
        raise error
    if error is not None:
        raise SlotmeterError("--capture %s: %s" % (capture, error.strerror))
