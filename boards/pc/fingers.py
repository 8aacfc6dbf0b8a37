"""A person's hand at the meter's two buttons: to find a row of the menu, and to choose it."""

from collections.abc import Callable
from typing import Any

# A menu has fewer rows, and a log fewer entries that are shown.
_MOST_PRESSES = 120


class NotShown(Exception):
    """The buttons lead nowhere where the display shows `title`. seen: each display on the way, its lines in one."""

    def __init__(self, title: str, seen: "list[str]") -> None:
        super().__init__("no row %r: the display shows %s" % (title, "; ".join(seen) or "nothing"))
        self.title = title
        self.seen = seen


class Fingers:
    """Presses the buttons of a meter. ask: an operation of the bench protocol and its fields to its reply."""

    def __init__(self, ask: "Callable[..., dict[str, Any]]") -> None:
        self._ask = ask

    def choose(self, title: str) -> "dict[str, Any]":
        """Back to the default display, into the menu, to a row of it, and chooses that; the reply to the last key.

        NotShown when the menu has no such row.
        """
        for _ in range(_MOST_PRESSES):
            if self._press("hold") == self._press("hold"):
                break
        self._press("b")
        self.turn(title, ">")
        return self._ask("press", key="b")

    def turn(self, title: str, mark: str = "") -> None:
        """Presses A until a line that begins with `mark` holds `title`; NotShown when none comes."""
        seen: list[str] = []
        lines = self._ask("screen")["lines"]
        for _ in range(_MOST_PRESSES):
            if any(line.startswith(mark) and title in line for line in lines):
                return
            seen.append(" / ".join(line for line in lines if line))
            lines = self._press("a")
        raise NotShown(title, sorted(set(seen)))

    def _press(self, key: str) -> "list[str]":
        lines: list[str] = self._ask("press", key=key)["lines"]
        return lines
