"""A transaction over a store: what one command changes becomes durable together, or is forgotten together.

Not a port: the same code over every `Store`. Everything is held in memory, so a read costs a dictionary look-up;
the medium is touched only by `commit`.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slotmeter.hal.crypto import Crypto
    from slotmeter.hal.store import Store

_ABSENT = object()


class Records:
    """The records of a store, with changes held back until `commit`."""

    def __init__(self, store: "Store") -> None:
        self._store = store
        self._values: dict[str, bytes] = {}
        # What the changed records held before, so that `rollback` can put it back.
        self._before: dict[str, object] = {}
        # While it is a set: the names of the records that were asked for.
        self.noted: set[str] | None = None
        # The same since the last `mark`.
        self._marked: dict[str, object] = {}
        for name in store.names():
            value = store.get(name)
            if value is not None:
                self._values[name] = value

    def get(self, name: str) -> "bytes | None":
        """The record as this transaction sees it, or None."""
        if self.noted is not None:
            self.noted.add(name)
        return self._values.get(name)

    def names(self, prefix: str = "") -> "list[str]":
        """The sorted names that start with `prefix`."""
        return sorted([name for name in self._values if name.startswith(prefix)])

    def put(self, name: str, value: bytes) -> None:
        """Sets a record; nothing is durable before `commit`."""
        values = self._values
        if name not in self._before:
            self._before[name] = values.get(name, _ABSENT)
        if name not in self._marked:
            self._marked[name] = values.get(name, _ABSENT)
        values[name] = value

    def drop(self, name: str) -> None:
        """Removes a record; one that is not there is no error."""
        if name in self._values:
            if name not in self._before:
                self._before[name] = self._values[name]
            if name not in self._marked:
                self._marked[name] = self._values[name]
            del self._values[name]

    def mark(self) -> None:
        """Sets the point to which `rollback` goes back; what changed before it stays pending."""
        self._marked = {}

    def changed_since_mark(self) -> bool:
        """Whether there is anything that `rollback` would forget."""
        return bool(self._marked)

    def touched_since_mark(self) -> "set[str]":
        """The names of what `rollback` would put back."""
        return set(self._marked)

    def changed(self) -> bool:
        """Whether there is anything to commit."""
        return bool(self._before)

    def changed_names(self) -> "list[str]":
        """The sorted names that this transaction touched."""
        return sorted(self._before)

    def commit(self) -> None:
        """Makes every change durable, or raises HalError and leaves the changes pending."""
        if self._before:
            values = self._values
            changes = [
                (name, values.get(name))
                for name in sorted(self._before)
                if values.get(name, _ABSENT) != self._before[name]
            ]
            if changes:
                self._store.commit(changes)
            self._before = {}
        self._marked = {}

    def rollback(self) -> None:
        """Forgets every change since the last commit, or the last `mark` if that is later."""
        values = self._values
        for name in self._marked:
            value = self._marked[name]
            if value is _ABSENT:
                values.pop(name, None)
            else:
                values[name] = value  # type: ignore[assignment]
            if values.get(name, _ABSENT) == self._before[name]:
                del self._before[name]
        self._marked = {}

    def digest(self, crypto: "Crypto", without: "tuple[str, ...]" = ()) -> bytes:
        """SHA-256 over every record whose name starts with none of `without`: two equal digests are equal states."""
        parts = []
        for name in self.names():
            if not name.startswith(without):
                value = self._values[name]
                parts.append(("%s:%d:" % (name, len(value))).encode())
                parts.append(value)
        return crypto.sha256(b"".join(parts))
