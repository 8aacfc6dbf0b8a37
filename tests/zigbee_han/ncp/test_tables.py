"""Our tables beside those that another host was written from: the same fields in the same places, in six versions."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from slotmeter.zigbee_han.ncp import commands, ezsp

HERE = Path(__file__).resolve().parent
# Where bellows and the other host differ, and we go with what both take.
LENIENT = {
    # bellows always sends flags, the other host from version 14 on does not.
    0x0111,
}


def lines():
    """What the other program is asked: every command and callback of every version, with zeros."""
    found = {}
    for version in ezsp.VERSIONS:
        dialect = ezsp.Dialect(version)
        for row in commands.COMMANDS:
            if row[2] <= version <= row[3]:
                one = dialect.command(row[0])
                octets = ezsp.encode(one.parameters, {}), ezsp.encode(one.answer, {})
                found[version, row[0]] = [version, row[0], octets[0].hex(), octets[1].hex()]
        for row in commands.CALLBACKS:
            if row[2] <= version <= row[3]:
                number, fields = dialect.callback(row[1])
                found[version, number] = [version, number, None, ezsp.encode(fields, {}).hex()]
    return found


@pytest.mark.slow
def test_bellows_reads_every_command_answer_and_callback_of_ours_to_its_last_octet():
    if importlib.util.find_spec("bellows") is None:
        pytest.skip("bellows is not installed: pip install bellows")
    asked = lines()
    text = "\n".join([json.dumps(asked[key]) for key in sorted(asked)])
    result = subprocess.run(
        [sys.executable, str(HERE / "bellows_tables.py")],
        input=text,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-2000:]
    answers = [json.loads(line) for line in result.stdout.splitlines()]
    wrong = ["version %d, %04X: %s" % tuple(one) for one in answers if one[2] and one[1] not in LENIENT]
    assert wrong == []
    unknown = sorted({"%04X" % key[1] for key in asked} - {"%04X" % one[1] for one in answers})
    print("unknown to bellows:", " ".join(unknown))
    assert len(answers) > 6 * 90
