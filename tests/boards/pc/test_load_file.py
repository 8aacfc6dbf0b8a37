"""Files of measured half-hours: what is taken, and what is refused with its line."""

from pathlib import Path

import pytest

from slotmeter.boards.pc.errors import SlotmeterError
from slotmeter.boards.pc.load_file import read_load_file
from slotmeter.hal.virtual.house import LoadFile

GOOD = """\
# a morning
start,import_wh,export_wh

2015-01-01T00:00:00Z,212,0
2015-01-01T00:30:00Z, 198 ,5
"""
HEAD = "start,import_wh,export_wh\n2015-01-01T00:00:00Z,212,0\n"
START_S = 473385600


def written(folder: Path, text: "str | bytes") -> Path:
    path = folder / "house.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_file_is_half_hours_in_order(tmp_path: Path) -> None:
    rows = read_load_file(written(tmp_path, GOOD))
    assert rows == [(START_S, 212, 0), (START_S + 1800, 198, 5)]
    assert LoadFile(rows).flow(START_S * 1000).import_w == (424,)


@pytest.mark.parametrize("ending", ["\r\n", "\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_other_line_endings_and_a_byte_order_mark_are_taken(tmp_path: Path, ending: str, mark: str) -> None:
    assert len(read_load_file(written(tmp_path, mark + GOOD.replace("\n", ending)))) == 2


def test_a_gap_over_midnight_of_a_leap_day_is_none(tmp_path: Path) -> None:
    text = "start,import_wh,export_wh\n2016-02-29T23:30:00Z,1,0\n2016-03-01T00:00:00Z,1,0\n"
    assert len(read_load_file(written(tmp_path, text))) == 2


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (HEAD + "2015-01-01T01:30:00Z,1,0\n", 3, "a gap of 2 half-hours: 2015-01-01T00:30:00Z comes next"),
        (HEAD + "2015-01-01T00:00:00Z,1,0\n", 3, "not after the line before"),
        (HEAD + "2014-12-31T00:00:00Z,1,0\n", 3, "not after the line before"),
        (HEAD + "\n# night\n2015-01-01T00:30:00Z,-1,0\n", 5, "import_wh is negative"),
        (HEAD + "2015-01-01T00:30:00Z,1,-1\n", 3, "export_wh is negative"),
        (HEAD + "2015-01-01T00:30:00Z,1.5,0\n", 3, "whole number of Wh"),
        (HEAD + "2015-01-01T00:30:00Z,,0\n", 3, "whole number of Wh"),
        (HEAD + "2015-01-01T00:30:00Z,\u0661,0\n", 3, "whole number of Wh"),
        (HEAD + "2015-01-01T00:30:00Z,37951,0\n", 3, "at most 37950"),
        (HEAD + "2015-01-01T00:30:00Z,1," + "9" * 5000 + "\n", 3, "at most 37950"),
        (HEAD + "2015-01-01T00:30:00Z,1\n", 3, "2 fields instead of 3"),
        (HEAD + "2015-01-01T00:30:00Z,1,2,3\n", 3, "4 fields instead of 3"),
        (HEAD + "2015-01-01T00:31:00Z,1,0\n", 3, "not the beginning of a half-hour"),
        (HEAD + "2015-01-01 00:30,1,0\n", 3, "is not a time such as"),
        (HEAD + "2015-02-30T00:30:00Z,1,0\n", 3, "is not a time such as"),
        ("start,import_wh,export_wh\n1999-01-01T00:00:00Z,1,0\n", 2, "before 2000"),
        ("2015-01-01T00:00:00Z,212,0\n", 1, "the first line is start,import_wh,export_wh"),
        ((HEAD.encode() + b"2015-01-01T00:30:00Z,1,\xff\n"), 3, "not UTF-8"),
    ],
)
def test_what_is_wrong_is_refused_with_its_line(tmp_path: Path, text: "str | bytes", line: int, words: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(SlotmeterError) as refused:
        read_load_file(path)
    assert str(refused.value).startswith(f"{path}, line {line}: ")
    assert words in str(refused.value)
    assert len(str(refused.value)) < len(str(path)) + 160


@pytest.mark.parametrize("text", ["", "# nothing\n", "start,import_wh,export_wh\n"])
def test_a_file_without_half_hours_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(SlotmeterError, match="no half-hours"):
        read_load_file(written(tmp_path, text))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SlotmeterError, match="nowhere.csv"):
        read_load_file(tmp_path / "nowhere.csv")


def test_a_file_of_no_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SlotmeterError, match="longer than"):
        read_load_file("/dev/zero")
