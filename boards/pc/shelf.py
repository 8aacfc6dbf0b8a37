"""Records of the network in the store of a bench, beside those of its meter: what a hub and the radios must remember.

    han.*    the meter's: install code, joiner, radio
    hub.*    the hub's: network key, hub, radio

Nothing that is put is durable before `commit`.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from slotmeter.hal.store import Store


class Shelf:
    """A few records of a `store`; nothing that was `put` is durable before `commit`."""

    def __init__(self, store: "Store") -> None:
        self._store = store
        self._values: dict[str, bytes | None] = {}
        self._changed: set[str] = set()

    def get(self, name: str) -> "bytes | None":
        """The record, or None."""
        if name not in self._values:
            self._values[name] = self._store.get(name)
        return self._values[name]

    def put(self, name: str, value: bytes) -> None:
        """Sets a record; the same octets as before change nothing."""
        if self.get(name) != value:
            self._values[name] = value
            self._changed.add(name)

    def commit(self) -> None:
        """Makes all of it durable, or raises HalError and leaves it pending."""
        if self._changed:
            self._store.commit([(name, self._values[name]) for name in sorted(self._changed)])
            self._changed.clear()

    def put_again(self) -> None:
        """The store was emptied: what was in it is put once more."""
        self._changed = {name for name, value in self._values.items() if value is not None}
        self.commit()
