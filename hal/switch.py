"""The switch port: relays that are told where to be, and contacts that say where they are.

Number SUPPLY is the load switch between the network and the household; 1 to AUXILIARIES are those of auxiliary
controllers. A relay is latching: it stays where it is when power is lost, and moves only when it is told to.
"""

SUPPLY = 0
AUXILIARIES = 5
COUNT = 1 + AUXILIARIES


class Switch:
    """The relays of one meter."""

    def move(self, number: int, closed: bool) -> None:
        """Tells relay `number` (0 to COUNT - 1, else ValueError) to close or to open; returns at once.

        A relay that does not obey is no error: ask `is_closed`. Telling it to be where it is does no harm.
        """
        raise NotImplementedError

    def is_closed(self, number: int) -> bool:
        """Whether the contact of relay `number` (0 to COUNT - 1, else ValueError) is closed, whatever it was told."""
        raise NotImplementedError

    def contacts(self) -> "list[bool]":
        """`is_closed` of every relay, in order: asked after each command and whenever something was due."""
        return [self.is_closed(number) for number in range(COUNT)]
