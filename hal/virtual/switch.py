"""Relays that remember what they were told, and can be made to stick.

What real relays do that these do not: take milliseconds to move, bounce, wear out, weld under load.
"""

from slotmeter.hal.switch import COUNT, SUPPLY, Switch

# What the history keeps; older moves are dropped.
HISTORY_LIMIT = 1000


class VirtualSwitch(Switch):
    """A meter leaves the factory with the supply closed and every auxiliary switch open.

    history: (number, closed as told, closed as it then was) of each time a relay was told to move, oldest first.
    """

    def __init__(self) -> None:
        self._closed = [number == SUPPLY for number in range(COUNT)]
        self._stuck = [False] * COUNT
        self.history: list[tuple[int, bool, bool]] = []

    def move(self, number: int, closed: bool) -> None:
        """Moves the relay, unless it sticks."""
        self._check(number)
        if not self._stuck[number]:
            self._closed[number] = closed
        if len(self.history) >= HISTORY_LIMIT:
            self.history = self.history[HISTORY_LIMIT // 2 :]
        self.history.append((number, closed, self._closed[number]))

    def is_closed(self, number: int) -> bool:
        """Where the contact is."""
        self._check(number)
        return self._closed[number]

    def contacts(self) -> "list[bool]":
        """Where all contacts are."""
        return self._closed[:]

    def stick(self, number: int, stuck: bool = True) -> None:
        """Makes a relay stay where it is whatever it is told, or sets it free."""
        self._check(number)
        self._stuck[number] = stuck

    def is_stuck(self, number: int) -> bool:
        """Whether `stick` holds it."""
        self._check(number)
        return self._stuck[number]

    def _check(self, number: int) -> None:
        if not 0 <= number < COUNT:
            raise ValueError("switch %d: 0 to %d" % (number, COUNT - 1))
