"""`slotmeter play`: tells stories to a meter, and checks that they go as they are written."""

import time
from pathlib import Path

import click

# Statuses: every story went as written, one did not, one cannot be read.
_FAILED, _UNREADABLE = 1, 2


@click.command(
    name="play",
    epilog="""\b
Examples:
  slotmeter play tests/scenarios/evening.txt
  slotmeter play tests/scenarios            all in a folder
  slotmeter play story.txt --verbose        what happens, as it happens
  slotmeter play --grammar                  the instructions

Status: 0 when every scenario goes as written, 1 when one does not, 2 when one cannot be read.""",
)
@click.argument("scenarios", metavar="SCENARIO...", nargs=-1, type=click.Path(path_type=Path))
@click.option("--verbose", "-v", is_flag=True, help="Show each line as it is carried out, and what the meter sends.")
@click.option("--keys", type=click.Path(path_type=Path), metavar="DIR", help="Credentials.  [default: from the seed]")
@click.option("--grammar", is_flag=True, help="Show the instructions of a scenario.")
def command(scenarios: "tuple[Path, ...]", verbose: bool, keys: "Path | None", grammar: bool) -> None:
    """Play text scenarios, each on a fresh meter whose clock moves only where the scenario says so.

    A scenario has an instruction on each line: load 3000W, wait 2h, press a, send ECS42, expect supply enabled. The
    first thing that is not as expected ends it, with the line, what was expected and what was seen instead.
    """
    from slotmeter.boards.pc import player, scenario

    if grammar:
        click.echo(scenario.reference())
        return
    if not scenarios:
        raise click.UsageError("which scenario? slotmeter play --grammar shows how one is written")
    status = 0
    for path in player.found(scenarios):
        started = time.perf_counter()
        try:
            story = scenario.read(path)
            if verbose:
                click.echo("%s: %s" % (path, story.title))
            days = player.play(story, keys, click.echo if verbose else None)
        except scenario.ScenarioError as error:
            click.echo(str(error), err=True)
            status = _UNREADABLE
        except player.StepFailed as error:
            click.echo("FAILED  %s" % error)
            status = status or _FAILED
        else:
            click.echo("ok      %s  (%.1f days in %s)" % (path, days, player.elapsed(started)))
    if status:
        click.get_current_context().exit(status)
