"""The privacy PIN: its value, and how often it may be guessed (SMETS 5.6.3.10, GBCS ECS14; facts 6.1).

    none ── set, set remotely ──> set ── entered right ──> (open, see guard)
      ^                            │ entered wrong: one more attempt; the last one locks for a while
      └──────── disabled ──────────┘ with the PIN at the meter, or without it by the supplier

An attempt is counted, and the lock with it, and made durable (`keep`) before the digits are compared: whoever takes the
power away at the right moment gains nothing.

The PIN is kept as SHA-256 of salt and digits, so that it shows in no dump of the store and two equal PINs do not
look alike. That is all it can do: ten thousand digests are computed at once by whoever has the store.

Two records: "pin" (16 octets of salt and 32 of digest, or nothing when none is set), "pin.n" (wrong attempts, 1 octet;
locked until this time, 8 octets of milliseconds).
"""

from slotmeter.hal.errors import STORE_DAMAGED, HalError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    class Record(Protocol):
        """What the PIN is kept in: named octets that survive a power cut once their owner commits them."""

        def get(self, name: str) -> "bytes | None":
            """The octets, or None."""

        def put(self, name: str, value: bytes) -> None:
            """Sets them."""


# Digits of a PIN (E470).
SIZE = 4

# What became of what was asked: done, or why not.
ACCEPTED = ""
WRONG = "wrong-pin"
LOCKED = "pin-locked"
NOT_SET = "pin-not-set"
ALREADY_SET = "pin-already-set"
NOT_FOUR_DIGITS = "not-four-digits"
NOT_ALLOWED = "pin-not-settable-remotely"
REASONS = (WRONG, LOCKED, NOT_SET, ALREADY_SET, NOT_FOUR_DIGITS, NOT_ALLOWED)

_VALUE = "pin"
_ATTEMPTS = "pin.n"
_SALT = 16
_DIGEST = 32


def is_pin(digits: str) -> bool:
    """Whether these are four decimal digits."""
    return len(digits) == SIZE and all(["0" <= digit <= "9" for digit in digits])


class Pin:
    """One meter's PIN.

    record: where it is kept; sha256: octets to 32 octets; random: a count to so many octets; equal: compares octets in
    constant time; attempts: wrong ones in a row before the PIN is locked, 0 for any number; lock_ms: for how long;
    settable_remotely: whether `set_remotely` may set one, which no GBCS command can.
    keep, given later, is called to make a counted attempt durable before the digits are compared.
    HalError (store damaged) when a record is none that this class writes.
    """

    def __init__(
        self,
        record: "Record",
        sha256: "Callable[[bytes], bytes]",
        random: "Callable[[int], bytes]",
        equal: "Callable[[bytes, bytes], bool]",
        attempts: int = 5,
        lock_ms: int = 600000,
        settable_remotely: bool = False,
    ) -> None:
        self._record = record
        self._sha256 = sha256
        self._random = random
        self._equal = equal
        self._most = min(attempts, 255)
        self._lock_ms = lock_ms
        self._settable_remotely = settable_remotely
        self.keep: Callable[[], object] | None = None
        value = record.get(_VALUE) or b""
        wrong = record.get(_ATTEMPTS) or b""
        if len(value) not in (0, _SALT + _DIGEST) or len(wrong) not in (0, 9):
            raise HalError(STORE_DAMAGED, "the records of the privacy PIN have a size that they never have")

    def __repr__(self) -> str:
        return "Pin(set)" if self.is_set() else "Pin(none)"

    def is_set(self) -> bool:
        """Whether there is a PIN; without one nothing is guarded."""
        return bool(self._record.get(_VALUE))

    def attempts_left(self) -> "int | None":
        """How many wrong entries are left before the PIN is locked; None for any number."""
        return None if not self._most else max(0, self._most - self._state()[0])

    def locked_ms(self, now_ms: int) -> int:
        """For how many more milliseconds no PIN is taken; 0 when it is not locked."""
        # Never longer than a lock lasts: a clock that was put back must not lock for years.
        return max(0, min(self._state()[1] - now_ms, self._lock_ms))

    def check(self, digits: str, now_ms: int) -> str:
        """ACCEPTED when these are the PIN; else WRONG, LOCKED, NOT_SET or NOT_FOUR_DIGITS, which is no attempt."""
        stored = self._record.get(_VALUE)
        if not stored:
            return NOT_SET
        if not is_pin(digits):
            return NOT_FOUR_DIGITS
        wrong, until_ms = self._state()
        left_ms = self.locked_ms(now_ms)
        if left_ms:
            if now_ms + left_ms < until_ms:
                self._keep(wrong, now_ms + left_ms)
            return LOCKED
        if self._most:
            # After a lock the attempts begin anew.
            wrong = 1 if wrong >= self._most else wrong + 1
            self._keep(wrong, now_ms + self._lock_ms if wrong >= self._most else 0)
            if self.keep is not None:
                self.keep()
        if not self._equal(self._digest(stored[:_SALT], digits), stored[_SALT:]):
            return WRONG
        if self._most:
            self._keep(0, 0)
        return ACCEPTED

    def set(self, digits: str) -> str:
        """Sets a PIN where there is none: ACCEPTED, ALREADY_SET or NOT_FOUR_DIGITS."""
        return ALREADY_SET if self.is_set() else self._store(digits)

    def change(self, old: str, new: str, now_ms: int) -> str:
        """Replaces the PIN by whoever knows it: ACCEPTED, or a reason of `check` or `set`."""
        if not is_pin(new):
            return NOT_FOUR_DIGITS
        return self.check(old, now_ms) or self._store(new)

    def disable_with(self, digits: str, now_ms: int) -> str:
        """Removes the PIN by whoever knows it: ACCEPTED, or a reason of `check`."""
        reason = self.check(digits, now_ms)
        if reason == ACCEPTED:
            self.disable()
        return reason

    def disable(self) -> None:
        """Removes the PIN, its attempts and its lock without asking for it: the supplier's ECS14."""
        self._record.put(_VALUE, b"")
        self._keep(0, 0)

    def set_remotely(self, digits: str) -> str:
        """Sets or replaces the PIN from afar: ACCEPTED, NOT_ALLOWED (the default) or NOT_FOUR_DIGITS."""
        return self._store(digits) if self._settable_remotely else NOT_ALLOWED

    def _store(self, digits: str) -> str:
        if not is_pin(digits):
            return NOT_FOUR_DIGITS
        salt = self._random(_SALT)
        self._record.put(_VALUE, salt + self._digest(salt, digits))
        self._keep(0, 0)
        return ACCEPTED

    def _digest(self, salt: bytes, digits: str) -> bytes:
        return self._sha256(salt + digits.encode())

    def _state(self) -> "tuple[int, int]":
        """Wrong attempts in a row, and until when in milliseconds the PIN is locked."""
        octets = self._record.get(_ATTEMPTS)
        return (octets[0], int.from_bytes(octets[1:], "big")) if octets else (0, 0)

    def _keep(self, wrong: int, until_ms: int) -> None:
        octets = bytes((wrong,)) + until_ms.to_bytes(8, "big")
        if octets != self._record.get(_ATTEMPTS):
            self._record.put(_ATTEMPTS, octets)
