"""`slotmeter bench`: how fast and how large the meter is, beside what bounds it."""

import json
import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from slotmeter.boards.pc.measurements import Row

# Characters of a progress bar.
_BAR = 40


def _as_json(row: "Row") -> "dict[str, object]":
    return {
        "what": row.what,
        "ours": row.ours,
        "beside": row.beside,
        "ratio": round(row.ratio, 4),
        "wanted": row.wanted,
        "bound": "at least" if row.higher else "at most",
        "met": row.met,
        "peer": row.peer,
    }


def _table(rows: "list[Row]") -> None:
    """The rows in columns, the peers' figures below them."""
    what, ours, beside = (
        max(len(text) for text in texts)
        for texts in ([row.what for row in rows], [row.ours for row in rows], [row.beside for row in rows])
    )
    click.echo(
        "%s  %s  %s  ratio  target" % ("what".ljust(what), "meter".ljust(ours), "beside it".ljust(beside))
    )
    for row in rows:
        bound = ">=" if row.higher else "<="
        verdict = "met" if row.met else "MISSED"
        click.echo(
            "%s  %s  %s  %5.2f  %s %-5.2f %s"
            % (
                row.what.ljust(what),
                row.ours.ljust(ours),
                row.beside.ljust(beside),
                row.ratio,
                bound,
                row.wanted,
                verdict,
            )
        )
    click.echo("")
    click.echo("Peers, measured elsewhere (two virtual cores of 2.6 GHz, Python 3.11, Node 20):")
    for row in rows:
        if row.peer:
            click.echo("  %s  %s" % (row.what.ljust(what), row.peer))


def _bar(done: int, of: int) -> None:
    """A progress bar on a terminal, written again in place, and gone at the end."""
    if not sys.stderr.isatty():
        return
    filled = _BAR * done // of
    text = "\r\x1b[2K" if done == of else "\r  [%s%s] %d of %d days" % ("#" * filled, "." * (_BAR - filled), done, of)
    click.echo(text, err=True, nl=False)


@click.command(
    name="bench",
    epilog="""\b
Examples:
  slotmeter bench            everything, in a minute or two
  slotmeter bench --quick    fewer rounds: an impression
  slotmeter bench --json     for a script

Status: 0 when every target is met, 1 when one is missed.""",
)
@click.option("--quick", is_flag=True, help="Fewer rounds and commands; the figures are rougher.")
@click.option("--json", "as_json", is_flag=True, help="Print the rows as JSON.")
def command(quick: bool, as_json: bool) -> None:
    """Measure the meter beside the bare cryptography, the bare disk and the bare interpreter of this machine.

    A ratio is the bare cost divided by the meter's, both medians of process time measured in turns in one run.
    """
    from slotmeter.boards.pc.measurements import measure
    from slotmeter.boards.pc.running import data_home

    disk = data_home()
    disk.mkdir(parents=True, exist_ok=True)
    rows = measure(quick, lambda text: click.echo("measuring: " + text, err=True), disk, _bar)
    if as_json:
        click.echo(json.dumps([_as_json(row) for row in rows], indent=2))
    else:
        _table(rows)
    missed = [row.what for row in rows if not row.met]
    if missed:
        click.echo("missed: " + ", ".join(missed), err=True)
        click.get_current_context().exit(1)
