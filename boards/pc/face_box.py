"""The meter's face as text: its display in a box, its indicators below."""

from collections.abc import Mapping, Sequence

# Characters of a line of the display that a box has at least room for.
WIDTH = 22


def box(lines: "Sequence[str]", indicators: "Mapping[str, object]") -> "list[str]":
    """The lines of the display between rules, and a line with the indicators that are lit."""
    width = max([WIDTH] + [len(line) for line in lines])
    rule = "+" + "-" * (width + 2) + "+"
    shown = [rule]
    for line in lines:
        shown.append("| %s |" % line.ljust(width))
    shown.append(rule)
    lit = lit_indicators(indicators)
    shown.append("  " + ("  ".join("(%s)" % name for name in lit) if lit else "no indicator is lit"))
    return shown


def lit_indicators(indicators: "Mapping[str, object]") -> "list[str]":
    """Names of the indicators that are lit, with what they show when it is more than yes."""
    lit = []
    for name, value in indicators.items():
        if value is True:
            lit.append(name)
        elif value not in (False, None, "", 0):
            lit.append("%s: %s" % (name, value))
    return lit


def grouped(digits: str) -> str:
    """Digits in groups of four, as a receipt prints a token."""
    return " ".join(digits[start : start + 4] for start in range(0, len(digits), 4))
