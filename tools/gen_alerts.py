"""Makes docs/alerts.md out of alert_codes.csv and alert_causes.csv in tools/tables/; called by tools/gen_tables.py.

`alert_causes.csv` says who gets which alert, why, and how to provoke it. Its first rows, whose code begins with @, are
steps that others begin with; a code that this meter does not raise has the reason instead.
"""

import csv
from pathlib import Path

TABLES = Path(__file__).resolve().parent / "tables"

_HEAD = """# Events and alerts

<!-- Made by tools/gen_tables.py from tools/tables/alert_causes.csv; change that and run it again. -->

Everything that an electricity meter may tell of has a code. An alert leaves the meter: a critical one is signed,
another carries a MAC, and the message code says what its body is. An event is only logged. Of 80xx the network operator
configures whether an alert leaves and an entry is made (ECS25b, ECS25b3), of 81xx the supplier (ECS25a, ECS25a3; the
audible alarm with ECS25a2): the first half of the 512 bits says which codes are meant, the second what becomes of them.
8Fxx cannot be configured.

How to provoke one are lines of a [scenario](scenarios.md): written one below the other into a file, `slotmeter play
--verbose` shows the alert. The same steps can be taken on a meter that runs: `send` is `slotmeter request`, the others
are operations of the [bench protocol](bench-protocol.md). tests/scenarios/test_alert_table.py takes the steps of every
row, with nothing masked and with everything masked that can be.

## Steps that others begin with

| name | is | steps |
| --- | --- | --- |
"""


def _read(name: str) -> "list[dict[str, str]]":
    with open(TABLES / name, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _steps(text: str) -> str:
    """The steps of a row, for a cell of a table."""
    if text.startswith("deliver: "):
        return "`deliver` " + text[9:]
    return "<br>".join(["`%s`" % step.strip().replace("|", "\\|") for step in text.split(";")])


def document() -> str:
    """The text of docs/alerts.md."""
    meanings = {row["code"]: row["meaning"] for row in _read("alert_codes.csv")}
    rows = _read("alert_causes.csv")
    if sorted(meanings) != sorted([row["code"] for row in rows if row["code"].startswith("0x")]):
        raise ValueError("alert_causes.csv does not have the codes of alert_codes.csv, each once")
    out = [_HEAD.rstrip("\n")]
    for row in rows:
        if row["code"].startswith("@"):
            out.append("| `%s` | %s | %s |" % (row["code"], row["cause"], _steps(row["provoke"])))
    for title, family in (
        ("Of the network operator: 80xx", "0x80"),
        ("Of the supplier: 81xx", "0x81"),
        ("Critical: 8Fxx", "0x8F"),
    ):
        out += ["", "## " + title, "", "| code | meaning | leaves | log | cause | how to provoke it |"]
        out.append("| --- | --- | --- | --- | --- | --- |")
        for row in rows:
            if row["code"].startswith(family) and not row["not_raised"]:
                leaves = "-"
                if row["to"]:
                    leaves = "to the %s in %s, %s" % (
                        row["to"],
                        row["message_code"],
                        "signed" if row["kind"] == "critical" else "with a MAC",
                    )
                cells = (
                    row["code"][2:],
                    meanings[row["code"]],
                    leaves,
                    row["log"] or "-",
                    row["cause"],
                    _steps(row["provoke"]),
                )
                out.append("| %s |" % " | ".join(cells))
    out += ["", "## Not raised by this meter", "", "| code | meaning | why not |", "| --- | --- | --- |"]
    for row in rows:
        if row["not_raised"]:
            out.append("| %s | %s | %s |" % (row["code"][2:], meanings[row["code"]], row["not_raised"]))
    return "\n".join(out) + "\n"
