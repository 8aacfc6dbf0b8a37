"""Writes the tables of docs/scenarios.md from the instructions of slotmeter.boards.pc.scenario.

The text above them is kept. `--check` writes nothing and fails when the file is not what it would be.
"""

import sys
from pathlib import Path

from slotmeter.boards.pc.scenario import SECTIONS, reference

PATH = Path(__file__).resolve().parents[1] / "docs" / "scenarios.md"


def main(arguments: "list[str]") -> int:
    """Writes or checks; the exit status."""
    before = PATH.read_text(encoding="utf-8")
    text = before[: before.index("## %s\n" % SECTIONS[0][0])] + reference()
    if "--check" in arguments:
        if text != before:
            print("docs/scenarios.md is out of date: run python tools/gen_scenarios.py")
            return 1
        return 0
    PATH.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
