"""The keys of a terminal, one at a time, without echo; what the terminal was like is put back at the end."""

import os
import sys
import termios
import tty
from collections.abc import Callable
from types import TracebackType
from typing import Any

_CHUNK = 64
_ESCAPE = "\x1b"


class Keyboard:
    """stdin as keys, while the `with` lasts. key: called with each character; escape sequences are dropped."""

    def __init__(self, key: "Callable[[str], None]") -> None:
        self._key = key
        self.fileno = sys.stdin.fileno()
        self._before: Any = None

    @staticmethod
    def is_there() -> bool:
        """Whether stdin is a terminal."""
        return sys.stdin is not None and sys.stdin.isatty()

    def __enter__(self) -> "Keyboard":
        self._before = termios.tcgetattr(self.fileno)
        # Keys come at once; Ctrl-C still ends the run.
        tty.setcbreak(self.fileno)
        return self

    def __exit__(
        self,
        _kind: "type[BaseException] | None",
        _error: "BaseException | None",
        _trace: "TracebackType | None",
    ) -> None:
        if self._before is not None:
            termios.tcsetattr(self.fileno, termios.TCSADRAIN, self._before)

    def read(self) -> None:
        """Takes what was typed."""
        text = os.read(self.fileno, _CHUNK).decode("utf-8", "replace")
        if text.startswith(_ESCAPE):
            # An arrow or a function key: nothing that a meter has.
            return
        for letter in text:
            self._key(letter)
