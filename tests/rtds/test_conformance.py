"""The conformance suite: every published command and the device's answer to it, one test per folder of the data set.

It runs the replay of `slotmeter rtds` on the electricity meter. What must be equal: all octets of a response or alert
with a MAC; all but the 64 octets of the signature of a signed one, and the signature verifies.
"""

import os
from pathlib import Path

import dataset
import pytest

from slotmeter.boards.pc.errors import SlotmeterError
from slotmeter.boards.pc.rtds_data import find, load
from slotmeter.boards.pc.rtds_replay import Replay
from slotmeter.boards.pc.rtds_results import FAILED, MATCHED, NOT_RUN

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(os.environ.get("RTDS_DIR", ROOT.parent / "shared" / "rtds"))
ESME = bytes.fromhex("00DB1234567890A0")
# The only reasons for which something published for the meter may stay unrun.
NO_COMMAND = ("no command is published", "the command that leads to it is not published here")


def directories():
    """The folders of the data set with something of the electricity meter in it; none when it is not there."""
    try:
        find(FOLDER)
    except SlotmeterError:
        return []
    mine = [one.directory for one in load(FOLDER) if one.kind != "PRECOMMAND" and one.message.originator == ESME]
    return sorted(set(mine))


DIRECTORIES = directories()


@pytest.fixture(scope="module")
def replay():
    with Replay(FOLDER) as replay:
        yield replay


@pytest.mark.skipif(not DIRECTORIES, reason=dataset.HOW_TO_GET_IT)
@pytest.mark.parametrize("directory", DIRECTORIES)
def test_the_meter_answers_as_published(replay, directory):
    results = [
        result
        for exchange in replay.exchanges(lambda name: name.startswith(directory + "/"))
        if exchange.first.message.originator == ESME or exchange.response is None
        for result in replay.run(exchange)
    ]
    assert results
    for result in results:
        if result.outcome == FAILED:
            lines = "\n    ".join(result.differences + result.notes)
            pytest.fail(f"{result.name}: the {result.kind} differs\n    {lines}", pytrace=False)
        if result.outcome == NOT_RUN:
            assert result.reason in NO_COMMAND or result.reason.startswith("its device"), (result.name, result.reason)
        else:
            assert result.outcome == MATCHED
            # Credit that runs out, or a load that switches, is told apart from the response.
            others = [note for note in result.notes if not note.startswith("an alert came too")]
            assert not others, (result.name, others)


@pytest.mark.parametrize("package", ["dlms", "firmware", "hal", "prepayment"])
def test_the_meter_knows_nothing_of_the_data_set(package):
    """No identity of its cast occurs below boards, in hex of either case or as escaped octets."""
    stems = (bytes.fromhex("00DB12345678"), bytes.fromhex("90B3D51F"), bytes.fromhex("70B3D51F"))
    needles = []
    for stem in stems:
        needles.append(stem.hex())
        needles.append("".join(f"\\x{octet:02x}" for octet in stem))
        needles.append(f"0x{stem.hex().lstrip('0')}")
    for path in sorted((ROOT / package).rglob("*.py")):
        text = path.read_text("utf-8").lower()
        for needle in needles:
            assert needle not in text, f"{path}: {needle}"
