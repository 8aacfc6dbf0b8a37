"""`slotmeter rtds`: replays the Reference Test Data Set against the meter and says what matches, octet for octet."""

import fnmatch
import json
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from slotmeter.boards.pc.rtds_data import Exchange
    from slotmeter.boards.pc.rtds_replay import Replay
    from slotmeter.boards.pc.rtds_results import Result

# What "compared" means, for people.
_HOW = {
    "MAC": "in all octets, MAC included",
    "signed": "in all octets but the 64 of the signature, which verifies",
    "request": "certification request that verifies, header equal",
}


class _NoDataSet(click.ClickException):
    """Nothing to replay: another status than a replay that found differences."""

    exit_code = 2


@click.command(
    name="rtds",
    short_help="Replay the Reference Test Data Set.",
    epilog="""\b
Examples:
  slotmeter rtds ../shared/rtds
  slotmeter rtds ../shared/rtds --only 'ECS17*'
  slotmeter rtds ../shared/rtds --only 4.14_ECS21b --json report.json
RTDS 4.5.0 is in the test folder of SmartDCCInnovation/gbcs-parser; its keystore folder goes beside it.""",
)
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--only",
    multiple=True,
    metavar="PATTERN",
    help="Only what matches: a part of a name, or with * and ? the start of a folder, use case or scenario.",
)
@click.option("--device", type=click.Choice(["esme"]), default="esme", show_default=True, help="Which device to test.")
@click.option("--han", is_flag=True, help="Send everything through a hub, the air and the tunnel to the meter.")
@click.option("--json", "report", type=click.Path(path_type=Path), metavar="FILE", help="Write every result to FILE.")
@click.option("--all", "show_all", is_flag=True, help="List the use cases that do not run here too.")
@click.pass_context
def command(
    context: click.Context,
    directory: Path,
    only: "tuple[str, ...]",
    device: str,
    han: bool,
    report: "Path | None",
    show_all: bool,
) -> None:
    """Replay the published commands of DIR and compare the meter's responses and alerts with the published ones.

    DIR holds RTDS-4.5.0/ and keystore/. Before each command the meter is reset and gets, through the bench protocol,
    what the published response shows: values, failures, credentials, clock and counters.

    Status 0: all that was run matched; 1: something differs; 2: there is nothing to run.
    """
    from slotmeter.boards.pc.errors import SlotmeterError
    from slotmeter.boards.pc.rtds_data import find
    from slotmeter.boards.pc.rtds_replay import Replay
    from slotmeter.boards.pc.rtds_results import FAILED, MATCHED, NOT_RUN

    try:
        find(directory)
    except SlotmeterError as error:
        raise _NoDataSet(str(error)) from error
    with Replay(directory, lambda text: click.echo(text, err=True), han) as replay:
        chosen = replay.exchanges(lambda name: _wanted(name, only)) if only else replay.exchanges()
        if not chosen:
            raise _NoDataSet(f"nothing in {directory} matches {' or '.join(only)}")
        results = _run(replay, chosen)
    if report is not None:
        _write(report, results)
    ran = [one for one in results if one.outcome != NOT_RUN]
    _table(results, show_all)
    for result in results:
        if result.outcome == FAILED:
            _difference(result)
    _totals(results)
    if not ran:
        raise _NoDataSet(f"nothing of what was chosen is for a device of this bench ({device})")
    context.exit(0 if all(one.outcome == MATCHED for one in ran) else 1)


def _wanted(name: str, patterns: "tuple[str, ...]") -> bool:
    """Whether a pattern matches `folder/scenario`, one of the two, or the use case in the folder's name."""
    folder, _slash, scenario = name.partition("/")
    names = [one.lower() for one in (name, folder, scenario, folder.rpartition("_")[2])]
    for pattern in patterns:
        low = pattern.lower()
        if any(letter in low for letter in "*?["):
            if any(fnmatch.fnmatchcase(one, low) for one in names):
                return True
        elif low in names[0]:
            return True
    return False


def _run(replay: "Replay", chosen: "list[Exchange]") -> "list[Result]":
    results: list[Result] = []
    if not sys.stderr.isatty():
        for exchange in chosen:
            results += replay.run(exchange)
        return results
    with click.progressbar(
        chosen,
        label="replaying",
        file=sys.stderr,
        item_show_func=lambda one: "" if one is None else one.directory,
    ) as bar:
        for exchange in bar:
            results += replay.run(exchange)
    return results


def _write(report: Path, results: "list[Result]") -> None:
    counts = Counter((one.kind, one.outcome) for one in results)
    content: dict[str, Any] = {
        "totals": [
            {"kind": kind, "outcome": outcome, "count": count} for (kind, outcome), count in sorted(counts.items())
        ],
        "results": [one.as_json() for one in results],
    }
    try:
        report.write_text(json.dumps(content, indent=1) + "\n", "utf-8")
    except OSError as error:
        raise click.ClickException(f"--json {report}: {error.strerror}") from error


def _table(results: "list[Result]", show_all: bool) -> None:
    from slotmeter.boards.pc.rtds_results import FAILED, MATCHED, NOT_RUN, tallies

    rows = []
    for tally in tallies(results):
        pairs, alerts = tally.pairs, tally.alerts
        ran = pairs[MATCHED] + pairs[FAILED] + alerts[MATCHED] + alerts[FAILED]
        if ran or show_all:
            rows.append(
                (
                    tally.name,
                    "" if tally.code is None else f"{tally.code:04X}",
                    _share(pairs[MATCHED], pairs[FAILED]),
                    _share(alerts[MATCHED], alerts[FAILED]),
                    str(pairs[NOT_RUN] + alerts[NOT_RUN] or ""),
                    "differs" if pairs[FAILED] + alerts[FAILED] else "",
                )
            )
    if not rows:
        return
    head = ("use case", "code", "pairs", "alerts", "not run", "")
    widths = [max(len(row[place]) for row in [head, *rows]) for place in range(len(head))]
    for row in [head, *rows]:
        line = "  ".join(
            one.ljust(width) if place < 2 else one.rjust(width)
            for place, (one, width) in enumerate(zip(row, widths, strict=True))
        )
        click.echo(line.rstrip())
    click.echo()


def _share(matched: int, failed: int) -> str:
    return f"{matched}/{matched + failed}" if matched + failed else ""


def _difference(result: "Result") -> None:
    click.echo(f"{result.directory}/{result.name}: the {'response' if result.kind == 'pair' else 'alert'} differs")
    for line in result.differences + result.notes:
        click.echo(f"    {line}")
    click.echo()


def _totals(results: "list[Result]") -> None:
    from slotmeter.boards.pc.rtds_results import FAILED, MATCHED, NOT_RUN

    for kind, noun in (("pair", "pairs"), ("alert", "alerts")):
        here = [one for one in results if one.kind == kind]
        ran = [one for one in here if one.outcome != NOT_RUN]
        matched = Counter(one.how for one in ran if one.outcome == MATCHED)
        if ran:
            click.echo(f"{noun}: {len(ran)} run, {sum(matched.values())} matched")
            for how, text in _HOW.items():
                if matched[how]:
                    click.echo(f"    {matched[how]:4} {text}")
            failed = sum(one.outcome == FAILED for one in ran)
            if failed:
                click.echo(f"    {failed:4} differ")
        reasons = Counter(one.reason for one in here if one.outcome == NOT_RUN)
        if reasons:
            click.echo(f"{noun} not run: {sum(reasons.values())}")
            for reason, count in reasons.most_common():
                click.echo(f"    {count:4} {reason}")
