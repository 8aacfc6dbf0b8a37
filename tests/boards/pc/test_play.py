"""Scenarios: how they are read, what they tell when something is wrong, and the command that plays them."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from slotmeter.boards.pc import pki, player, scenario
from slotmeter.boards.pc.__main__ import cli
from slotmeter.boards.pc.bench import Bench, Options
from slotmeter.hal.virtual.entropy import SeededEntropy

REPOSITORY = Path(__file__).resolve().parents[3]


def read(text):
    return scenario.parse(text, Path("story.txt"))


def play(tmp_path, text, *options):
    path = tmp_path / "story.txt"
    path.write_text(text, encoding="utf-8")
    return CliRunner().invoke(cli, ["play", str(path), *options])


def test_the_reference_in_the_documents_is_that_of_the_code():
    document = (REPOSITORY / "docs" / "scenarios.md").read_text(encoding="utf-8")
    assert document.endswith(scenario.reference())


def test_the_example_in_the_documents_goes_as_it_is_written(tmp_path):
    document = (REPOSITORY / "docs" / "scenarios.md").read_text(encoding="utf-8")
    example = document[document.index("    # Credit") : document.index("There is one instruction")]
    done = play(tmp_path, "\n".join(line[4:] for line in example.splitlines()))
    assert done.exit_code == 0, done.output


def test_a_scenario_has_a_title_a_start_and_steps():
    story = read("# Evening\nvariant twin\nstart 2026-02-03\nseed 5\nload 1W 2W # a comment\n\nwait 1d12h 30m\n")
    assert (story.title, story.variant, story.seed) == ("Evening", "twin", 5)
    assert [step.line for step in story.steps] == [5, 7]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("wiat 2h", "there is no instruction 'wiat'"),
        ("wait", "a time is missing"),
        ("wait 2 hours", "a time such as"),
        ("wait until tomorrow", "a moment such as"),
        ("wait until 2025-02-30", "is not a time"),
        ("load 3kW", "whole number of W"),
        ("load 3000W 10 export", "export is missing"),
        ("load 3000W export 10 W", "one of export, var, volts"),
        ("power of", "one of on, off"),
        ("links lan off", "one of wan, han"),
        ("clock forward", "clock set"),
        ("utrn 10.00 for first", "as NAME"),
        ("send ECS02 =1", "field=value"),
        ("expect alert 8F0", "four hexadecimal digits"),
        ("expect alert 810D after 1h", "one word too many"),
        ("expect alert 810D within soon", "a time such as"),
        ("expect balance ten", "a number such as"),
        ("expect balance 3.123456", "more than 5 decimals"),
        ("expect controller 6 on", "1 to 5"),
        ("expect sunshine", "there is"),
        ("expect value 3 0", "an attribute such as"),
        ("tamper hard", "one of general, battery-cover"),
        ("tamper magnet away", "one of ended"),
        ("tamper magnet ended now", "one word too many"),
        ("hub gone", "one of on, off, joined, time"),
        ("hub time 18:00", "has a date"),
        ("hub time +soon", "a time such as"),
        ("self-test everything", "one of non-volatile-memory"),
        ("firmware 1 as new", "eight hexadecimal digits"),
        ("firmware 00000002 for new", "as NAME"),
        ("device-key both", "one of signature, agreement"),
        ("send again ECS42", "one word too many"),
        ("expect log event 8154 with 5", "two hexadecimal digits each"),
        ("expect log event 8154 with 0050 often", "whole number"),
        ("press", "a key is missing"),
        ('expect screen "open', "No closing quotation"),
        ("seed many", "whole number"),
        ("start 18:00", "has a date"),
        ("variant five-phase", "one of single"),
    ],
)
def test_a_mistake_is_told_with_its_line_before_anything_is_done(tmp_path, line, words):
    done = play(
        tmp_path,
        "# A story\nload 1W\n%s\n" % line
        if line.split()[0] not in ("seed", "start", "variant")
        else "# A story\n\n%s\nload 1W\n" % line,
    )
    assert done.exit_code == 2
    assert "story.txt:3: " in done.output
    assert words in done.output


def test_how_the_meter_starts_stands_before_everything_else(tmp_path):
    done = play(tmp_path, "load 1W\nseed 3\n")
    assert done.exit_code == 2
    assert "story.txt:2: seed stands before everything else" in done.output


def test_an_empty_scenario_and_one_that_is_not_there_are_told(tmp_path):
    assert play(tmp_path, "# nothing\n").exit_code == 2
    done = CliRunner().invoke(cli, ["play", str(tmp_path / "nowhere.txt")])
    assert done.exit_code == 2
    assert "nowhere.txt" in done.output
    assert CliRunner().invoke(cli, ["play"]).exit_code == 2


def test_a_failure_tells_the_line_what_was_expected_and_what_there_is(tmp_path):
    done = play(tmp_path, "utrn 5 as one\nsend CS01a utrn=$one\nexpect balance 6.00\nwait 1h\n")
    assert done.exit_code == 1
    assert "story.txt:3: expect balance 6.00" in done.output
    assert "expected: balance 6.00" in done.output
    assert "seen:     5.00000" in done.output
    assert "payment mode credit" in done.output


@pytest.mark.parametrize(
    "line",
    [
        "expect response success",
        "expect alert 8F0F within 1h",
        "expect supply disabled",
        "expect mode prepayment",
        "expect log event 8154",
        "send again",
        "tamper general ended",
        "send ECS42\nexpect log event 8154 with 0050",
        "send ECS42\nexpect no log event 8154 with 004f",
        "send ECS42\nexpect log event 8154 with 004F 2",
        "expect clock unreliable",
        "expect value 112/0-0:19.10.0.255/2 nothing",
        "expect rows 7/0-0:99.98.0.255/2 5",
        "enter $nobody",
        "send ECS99",
        "send ECS02 colour=blue",
        "send ECS02 as nobody",
        "set 112/0-0:19.10.0.255/2 FF",
        "wait until 2024-01-01",
        "load file nowhere.csv",
        "utrn 100000 as much",
    ],
)
def test_whatever_is_not_as_written_fails_with_its_line(tmp_path, line):
    done = play(tmp_path, "load 0W\n%s\n" % line)
    assert done.exit_code == 1, done.output
    last = len(line.split("\n"))
    assert "story.txt:%d: %s" % (last + 1, line.split("\n")[-1]) in done.output
    assert "Traceback" not in done.output


def test_a_log_entry_is_checked_with_what_else_it_holds(tmp_path):
    lines = (
        "send ECS42",
        "expect log event 8154 with 004F 1",
        "expect log event 8154 with 004f",
        "expect no log event 8154 with 0050",
        "send ECS43",
        "expect log event 8154 2",
        "expect log event 8154 with 0050 1",
        "power off",
        "wait 5m",
        "power on",
        # Seconds that the supply was away.
        "expect log power 8F36 with 0000012C",
        "set 1/0-0:94.44.0.21/2 09080000000000000000",
        "send ECS47a",
        # Success, and no command id within the meter.
        "expect log auxiliary 1164 with 0100000000",
    )
    done = play(tmp_path, "\n".join(lines))
    assert done.exit_code == 0, done.output


def test_a_failure_of_a_log_tells_what_its_entries_hold(tmp_path):
    done = play(tmp_path, "send ECS42\nexpect log event 8154 with 0050\n")
    assert "expected: 8154 with 0050 in the event log" in done.output
    assert "8154 004F Immediate HAN" in done.output


def test_two_runs_of_a_scenario_are_the_same_octet_for_octet(tmp_path):
    story = read("send ECS17c\nsend ECS02\nutrn 5 as one\nsend CS01a utrn=$one\n")
    runs = []
    for number in range(2):
        keys = tmp_path / str(number)
        pki.create(keys, SeededEntropy(story.seed))
        passed = []
        with Bench(Options(keys=keys, temporary=True, seed=story.seed, start="2025-01-01T00:00:00Z")) as bench:
            bench.observers.append(lambda kind, what, passed=passed: passed.append((kind, what.get("hex"))))
            player.Player(story, bench).play()
        runs.append(passed)
    assert runs[0] == runs[1]
    assert [kind for kind, _ in runs[0]] == ["delivered", "sent", "answered"] * 3


def test_verbose_shows_each_line_and_what_is_sent(tmp_path):
    done = play(tmp_path, "# Told\nload 5W\nutrn 5 as one\nsend ECS17c\n", "--verbose")
    assert done.exit_code == 0
    for words in ("Told", "2025-01-01T00:00:00Z  load 5W", "$one is 73", "success"):
        assert words in done.output


def test_a_folder_stands_for_its_stories_and_one_failure_is_the_status(tmp_path):
    (tmp_path / "a.txt").write_text("expect supply armed\n")
    (tmp_path / "b.txt").write_text("expect supply enabled\n")
    done = CliRunner().invoke(cli, ["play", str(tmp_path)])
    assert done.exit_code == 1
    assert "FAILED" in done.output
    assert "ok " in done.output
    assert CliRunner().invoke(cli, ["play", "--grammar"]).output.startswith("## The meter")


@pytest.mark.parametrize(
    ("text", "value", "about", "fits"),
    [
        ("3.20", 320000, False, True),
        ("3.20", 320001, False, False),
        ("3.20", 320499, True, True),
        ("3.20", 320501, True, False),
        ("-0.5", -50000, False, True),
        ("4", 400000, False, True),
    ],
)
def test_a_number_is_what_it_is_to_the_last_digit_unless_about(text, value, about, fits):
    assert scenario.Amount(text, about).fits(value, 5) is fits


def test_decimals_are_written_in_full():
    assert player.decimal(-120000, 5) == "-1.20000"
    assert player.decimal(7, 3) == "0.007"
