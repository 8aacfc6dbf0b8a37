"""docs/face.md and firmware/screens.py are what the tables say."""

import subprocess
import sys
from pathlib import Path

import pytest

from slotmeter.firmware import menu
from slotmeter.firmware.face import KEYS
from slotmeter.privacy_pin.guard import DEFAULT
from slotmeter.privacy_pin.tables import ADD_CREDIT

ROOT = Path(__file__).resolve().parent.parent.parent
DOCUMENT = (ROOT / "docs" / "face.md").read_text(encoding="utf-8")


def section(title):
    """The rows of the table under a heading, each a list of cells."""
    part = DOCUMENT.split("## %s\n" % title)[1].split("\n## ")[0]
    rows = [line.strip("|").split("|") for line in part.split("\n") if line.startswith("| ")]
    return [[cell.strip() for cell in row] for row in rows[2:]]


def test_the_screens_are_current():
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "gen_screens.py"), "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_row_of_the_menu_is_documented_in_its_order():
    assert [row[0] for row in section("The menu")] == [row[0] for row in menu.MENU]


def test_the_document_says_what_needs_the_pin():
    for row, (title, action, _, kind, _) in zip(section("The menu"), menu.MENU, strict=True):
        assert (row[2] == "yes") == (kind in DEFAULT), title
        assert (row[2] == "the PIN itself") == (action in (menu.CHANGE_PIN, menu.DISABLE_PIN)), title
        assert (row[2] == "what is private in it") == (action == menu.LIST and kind not in DEFAULT), title
        assert kind != ADD_CREDIT or row[2] == "never"


@pytest.mark.parametrize("key", KEYS)
def test_every_key_is_documented(key):
    documented = " ".join([row[0] for row in section("Keys")])
    assert "`%s`" % key in documented or (key.isdigit() and "`0` to `9`" in documented)


def test_every_indicator_is_documented():
    source = (ROOT / "firmware" / "face.py").read_text(encoding="utf-8").split("def indicators")[1]
    names = [part.split('"')[0] for part in source.split('            "')[1:]]
    assert len(names) == 10
    for name in names:
        assert "`%s`" % name in DOCUMENT.split("## Indicators")[1].split("## Screens")[0]
