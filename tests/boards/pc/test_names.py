"""The names that the decoder shows are those of the tables, and their little languages can be read."""

import subprocess
import sys
from pathlib import Path

from slotmeter.boards.pc import names
from slotmeter.boards.pc.decode_gbz import fields_of
from slotmeter.firmware.usecases import USE_CASES

ROOT = Path(__file__).resolve().parents[3]


def test_the_committed_names_are_those_of_the_tables():
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "gen_names.py"), "--check"], capture_output=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr.decode()


def test_every_use_case_of_a_meter_has_a_name():
    for row in USE_CASES:
        assert row[0] in names.MESSAGES, row[1]
        assert names.MESSAGES[row[0]][0].split("-")[0] == row[1].split("-")[0]


def test_every_field_list_can_be_read():
    for key, (name, text) in names.ZCL_COMMANDS.items():
        assert name, key
        for field in fields_of(text):
            inner = field.fields or [field]
            assert all(one.width or one.type in ("text", "octets", "utrn") for one in inner), key
