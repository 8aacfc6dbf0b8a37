"""Lock-out of manual entry: whoever guesses tokens at the meter is soon made to wait (facts 5.4).

An attempt is counted before the token is looked at, and the count is handed over to be kept, so that pulling the plug
at the right moment wins no attempts. A token that the meter recognises takes its attempt back; with an accepted one all
earlier ones are forgiven. The numbers are those of a meter on the market, five within ten minutes and then an hour; the
specification's own are not published, so they are parameters.

A clock that was put back does not make the wait longer than it was to be.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Record(Protocol):
        """Where the attempts are kept: named octets that survive a power cut once their owner commits them."""

        def get(self, name: str) -> "bytes | None":
            """The octets, or None."""

        def put(self, name: str, value: bytes) -> None:
            """Sets them."""


# Manual entry is suspended; a token was refused because of that (GBCS 16.2).
SUSPENDED = 0x81C4
LOCKED_OUT = 0x81C5

ATTEMPTS = 5
WITHIN_S = 600
LOCK_S = 3600
_NAME = "u.lock"


class Lockout:
    """Counts attempts. record: where they are kept; attempts wrong ones within `within_s` seconds lock for `lock_s`."""

    def __init__(
        self, record: "Record", attempts: int = ATTEMPTS, within_s: int = WITHIN_S, lock_s: int = LOCK_S
    ) -> None:
        self._record = record
        self._attempts = attempts
        self._within_s = within_s
        self._lock_s = lock_s

    def __repr__(self) -> str:
        until, attempts = self._kept()
        return "Lockout(%d attempts, until %d)" % (len(attempts), until)

    def _kept(self) -> "tuple[int, list[int]]":
        """When the lock ends, 0 for none, and the times of the attempts that count."""
        octets = self._record.get(_NAME)
        if octets is None:
            return 0, []
        times = [int.from_bytes(octets[at : at + 8], "big") for at in range(0, len(octets), 8)]
        return times[0], times[1:]

    def _keep(self, until: int, attempts: "list[int]") -> None:
        parts = [until.to_bytes(8, "big")]
        for at in attempts:
            parts.append(at.to_bytes(8, "big"))
        self._record.put(_NAME, b"".join(parts))

    def locked_until(self, now_s: int) -> int:
        """When the next token may be entered, in seconds since 2000; 0 when it may be now."""
        until, _ = self._kept()
        if until - now_s > self._lock_s:
            self._keep(now_s + self._lock_s, [])
            until = now_s + self._lock_s
        return until if until > now_s else 0

    def begin(self, now_s: int) -> bool:
        """Counts an attempt; False when entry is locked, and nothing is counted."""
        if self.locked_until(now_s):
            return False
        _, attempts = self._kept()
        attempts = [at for at in attempts if now_s - self._within_s < at <= now_s]
        attempts.append(now_s)
        # The lock is there before the last attempt is judged.
        self._keep(now_s + self._lock_s if len(attempts) >= self._attempts else 0, attempts)
        return True

    def end(self, known: bool, accepted: bool) -> bool:
        """How the attempt ended: `known` when the token is a true one, `accepted` when it was taken. Whether entry is
        suspended from now on.
        """
        until, attempts = self._kept()
        if accepted:
            self._keep(0, [])
        elif known:
            self._keep(0, attempts[:-1])
        elif until:
            # Served with the wait.
            self._keep(until, [])
            return True
        return False
