"""Who is in front of the meter: whether the PIN has been entered, and what may be seen and done (facts 6.1, 6.2).

    no PIN set      everything is open
    PIN set         closed: what the table guards is shut
    PIN entered     open until nothing was pressed for a while, or it is closed

Being open is never stored: after a power cut the guard is closed. It guards the meter's own face, and nothing of the
home network.
"""

from slotmeter.privacy_pin.errors import PrivacyPinError
from slotmeter.privacy_pin.pin import ACCEPTED
from slotmeter.privacy_pin.tables import GUARDED, KINDS, NEVER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slotmeter.privacy_pin.pin import Pin

# What the PIN guards when nobody chooses otherwise.
DEFAULT = tuple([row[0] for row in KINDS if row[2] == GUARDED])
# What it never guards.
_NEVER = tuple([row[0] for row in KINDS if row[2] == NEVER])


class Guard:
    """The guard over one face.

    pin: its PIN; guarded: the kinds that need it, of those in tables.KINDS; idle_ms: how long it stays open when
    nothing is pressed. PrivacyPinError when `guarded` holds a kind that must never need the PIN, or an unknown one.
    """

    def __init__(self, pin: "Pin", guarded: "tuple[int, ...]" = DEFAULT, idle_ms: int = 30000) -> None:
        known = [row[0] for row in KINDS]
        for kind in guarded:
            if kind not in known:
                raise PrivacyPinError("there is no kind %r to guard" % (kind,))
            if kind in _NEVER:
                raise PrivacyPinError("%s never needs the PIN" % KINDS[known.index(kind)][1])
        self._pin = pin
        self._guarded = guarded
        self._idle_ms = idle_ms
        self._until_ms: int | None = None

    def __repr__(self) -> str:
        return "Guard(%r, %s)" % (self._pin, "closed" if self._until_ms is None else "open")

    # ---- what is open

    def pin_is_set(self) -> bool:
        """Whether there is a PIN to ask for."""
        return self._pin.is_set()

    def is_open(self) -> bool:
        """Whether nothing is shut: no PIN is set, or it was entered."""
        return self._until_ms is not None or not self._pin.is_set()

    def allows(self, kind: int) -> bool:
        """Whether screens and functions of this kind may be used now."""
        return kind not in self._guarded or self.is_open()

    def attempts_left(self) -> "int | None":
        """As `Pin.attempts_left`."""
        return self._pin.attempts_left()

    def locked_ms(self, now_ms: int) -> int:
        """As `Pin.locked_ms`."""
        return self._pin.locked_ms(now_ms)

    # ---- time

    def touch(self, now_ms: int) -> None:
        """A key was pressed: an open guard stays open for the idle time from now on."""
        self.tick(now_ms)
        if self._until_ms is not None:
            self._until_ms = now_ms + self._idle_ms

    def close(self) -> None:
        """Shuts what is guarded."""
        self._until_ms = None

    def deadline_ms(self) -> "int | None":
        """When an open guard closes."""
        return self._until_ms

    def tick(self, now_ms: int) -> None:
        """Closes the guard when its time is over; also when the clock was put back, for then nobody knows."""
        until_ms = self._until_ms
        if until_ms is not None and not now_ms < until_ms <= now_ms + self._idle_ms:
            self._until_ms = None

    # ---- the PIN

    def enter(self, digits: str, now_ms: int) -> str:
        """Opens the guard for the right PIN: ACCEPTED, or a reason of `Pin.check`."""
        return self._open_when(self._pin.check(digits, now_ms), now_ms)

    def set(self, digits: str, now_ms: int) -> str:
        """Sets a PIN at the meter: ACCEPTED, and open for whoever set it, or a reason of `Pin.set`."""
        return self._open_when(self._pin.set(digits), now_ms)

    def change(self, old: str, new: str, now_ms: int) -> str:
        """Replaces the PIN at the meter: ACCEPTED, and open, or a reason of `Pin.change`."""
        return self._open_when(self._pin.change(old, new, now_ms), now_ms)

    def disable(self, digits: str, now_ms: int) -> str:
        """Removes the PIN at the meter: ACCEPTED, or a reason of `Pin.check`."""
        reason = self._pin.disable_with(digits, now_ms)
        if reason == ACCEPTED:
            self._until_ms = None
        return reason

    def disable_remotely(self) -> None:
        """The supplier removes the PIN (ECS14)."""
        self._pin.disable()
        self._until_ms = None

    def set_remotely(self, digits: str) -> str:
        """Sets the PIN from afar where a setting allows it; as `Pin.set_remotely`. It closes the guard."""
        reason = self._pin.set_remotely(digits)
        if reason == ACCEPTED:
            self._until_ms = None
        return reason

    def _open_when(self, reason: str, now_ms: int) -> str:
        if reason == ACCEPTED:
            self._until_ms = now_ms + self._idle_ms
        return reason
