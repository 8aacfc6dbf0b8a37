"""What a replay found: one result for each response and alert, and their counts."""

from dataclasses import dataclass, field
from typing import Any

MATCHED = "matched"
FAILED = "failed"
NOT_RUN = "not run"


@dataclass
class Result:
    """What became of a response or an alert.

    outcome: MATCHED, FAILED or NOT_RUN; how: "MAC", "signed" or "request", what was compared; reason: why it did not
    run; differences: lines that say what differs; notes: what could not be preset.
    """

    directory: str
    name: str
    use_case: str
    code: int
    kind: str
    outcome: str = MATCHED
    how: str = ""
    reason: str = ""
    differences: "list[str]" = field(default_factory=list)
    notes: "list[str]" = field(default_factory=list)

    def as_json(self) -> "dict[str, Any]":
        """As one object of the report."""
        return {
            "directory": self.directory,
            "name": self.name,
            "use_case": self.use_case,
            "message_code": f"{self.code:04X}",
            "kind": self.kind,
            "outcome": self.outcome,
            "compared": self.how,
            "reason": self.reason,
            "differences": self.differences,
            "notes": self.notes,
        }


@dataclass
class Tally:
    """Counts of one use case, or of all."""

    name: str
    code: "int | None" = None
    pairs: "dict[str, int]" = field(default_factory=lambda: {MATCHED: 0, FAILED: 0, NOT_RUN: 0})
    alerts: "dict[str, int]" = field(default_factory=lambda: {MATCHED: 0, FAILED: 0, NOT_RUN: 0})

    def add(self, result: Result) -> None:
        """Counts one result."""
        counts = self.pairs if result.kind == "pair" else self.alerts
        counts[result.outcome] += 1


def tallies(results: "list[Result]") -> "list[Tally]":
    """One tally per use case, in the order of the data set."""
    found: dict[str, Tally] = {}
    for result in results:
        tally = found.setdefault(result.use_case, Tally(result.use_case))
        if result.kind == "pair":
            tally.code = result.code
        tally.add(result)
    return list(found.values())
