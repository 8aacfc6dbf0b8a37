"""Relays on the pins of a board.

A pin is anything with `value()` and `value(level)`, as machine.Pin has. Each relay has a pin that drives it and, where
the board has an auxiliary contact or senses the voltage behind it, a pin that tells where it is. Latching relays with
two coils want a driver of their own that has `value`.
"""

from slotmeter.hal.switch import COUNT, Switch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class BoardSwitch(Switch):
    """drives: up to COUNT pins in order of number, high when closed; contacts: likewise, None where there is none.

    A number without a drive has no relay: it stays open.
    """

    def __init__(self, drives: "tuple[Any, ...]", contacts: "tuple[Any, ...]" = ()) -> None:
        if len(drives) > COUNT or len(contacts) > COUNT:
            raise ValueError("more than %d relays" % COUNT)
        self._drives = list(drives) + [None] * (COUNT - len(drives))
        self._contacts = list(contacts) + [None] * (COUNT - len(contacts))

    def move(self, number: int, closed: bool) -> None:
        """Drives the pin."""
        drive = self._pin(self._drives, number)
        if drive is not None:
            drive.value(1 if closed else 0)

    def is_closed(self, number: int) -> bool:
        """What the contact's pin says, or without one what the relay was told."""
        contact = self._pin(self._contacts, number)
        if contact is None:
            contact = self._drives[number]
        return contact is not None and bool(contact.value())

    def _pin(self, pins: "list[Any]", number: int) -> "Any":
        if not 0 <= number < COUNT:
            raise ValueError("switch %d: 0 to %d" % (number, COUNT - 1))
        return pins[number]
