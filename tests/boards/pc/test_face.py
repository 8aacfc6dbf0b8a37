"""The meter's face in the terminal: boxes, keys, and a display that is written again in place."""

import io

import pytest

from slotmeter.boards.pc.bench import Bench, Options
from slotmeter.boards.pc.face_box import box, grouped, lit_indicators
from slotmeter.boards.pc.live import Live

START = "2025-01-01T00:00:00Z"


class Terminal(io.StringIO):
    """A terminal of our own: it keeps what is written and knows the three things that are done to it."""

    def isatty(self):
        return True

    def screen(self):
        """The lines as they stand after everything that was written."""
        lines, text = [""], self.getvalue()
        at, row = 0, 0
        while at < len(text):
            if text.startswith("\x1b[J", at):
                lines = lines[: row + 1]
                lines[row] = ""
                at += 3
            elif text.startswith("\x1b[", at):
                end = text.index("A", at)
                row -= int(text[at + 2 : end])
                at = end + 1
            elif text[at] == "\r":
                at += 1
            elif text[at] == "\n":
                row += 1
                if row == len(lines):
                    lines.append("")
                at += 1
            else:
                lines[row] += text[at]
                at += 1
        return lines


@pytest.fixture
def bench(tmp_path):
    with Bench(Options(keys=tmp_path / "keys", temporary=True, start=START)) as bench:
        yield bench


def test_a_box_holds_the_lines_and_names_what_is_lit():
    shown = box(["Credit", "£3.00"], {"low credit": True, "supply": "armed", "alarm": False})
    assert shown[1].startswith("| Credit ")
    assert len({len(line) for line in shown[:4]}) == 1
    assert "(low credit)" in shown[-1]
    assert "(supply: armed)" in shown[-1]
    assert "alarm" not in shown[-1]


def test_nothing_lit_is_said():
    assert lit_indicators({"a": False, "b": "", "c": 0, "d": None}) == []
    assert "no indicator" in box([], {})[-1]


def test_digits_are_grouped_as_on_a_receipt():
    assert grouped("73946144332040217315") == "7394 6144 3320 4021 7315"
    assert grouped("123456") == "1234 56"
    assert grouped("") == ""


def test_a_line_goes_above_the_face_and_the_face_stays_below_it(bench):
    terminal = Terminal()
    live = Live(bench, terminal)
    live.line("first")
    live.tick()
    live.line("second")
    live.tick()
    lines = terminal.screen()
    assert lines[:2] == ["first", "second"]
    assert sum("commands 0" in line for line in lines) == 1
    live.end()
    assert terminal.screen()[:2] == ["first", "second"]
    assert not any("commands" in line for line in terminal.screen())


def test_what_is_piped_is_plain_lines(bench):
    stream = io.StringIO()
    live = Live(bench, stream)
    live.line("first")
    live.tick()
    live.end()
    assert stream.getvalue() == "first\n"


def test_keys_that_a_meter_does_not_have_do_nothing(bench):
    terminal = Terminal()
    live = Live(bench, terminal)
    for letter in "zäß!٣ ":
        live.key(letter)
    assert terminal.getvalue() == ""
