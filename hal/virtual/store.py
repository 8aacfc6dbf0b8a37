"""A store in memory, on a medium whose power can be cut at any write.

The medium counts what it is asked to write. At the write that was chosen the power goes: that write is lost, or with
`torn` it is half there, and from then on every call raises PowerCut. `reopened` gives what is left of it, with
the power back on.
"""

import errno

from slotmeter.hal.errors import STORE_FAILED, HalError
from slotmeter.hal.store import Store, checked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


class PowerCut(Exception):
    """The power went. Nobody but a test catches it: no code runs on a meter without power."""


class Medium:
    """Files in memory, with the operations that `hal.board.store.SlotStore` asks of a directory.

    fail_after: the number of the write at which the power goes, from 1; None for never. A removal counts as
    a write. torn: the write at which it goes leaves the first half of its octets.
    """

    def __init__(self, fail_after: "int | None" = None, torn: bool = False) -> None:
        self.writes = 0
        self._fail_after = fail_after
        self._torn = torn
        self._dead = False
        self._files: dict[str, bytes] = {}

    def names(self) -> "list[str]":
        """The names of the files, in no order."""
        self._powered()
        return list(self._files)

    def read(self, name: str) -> bytes:
        """What the file holds."""
        self._powered()
        self._there(name)
        return self._files[name]

    def write(self, name: str, data: bytes) -> None:
        """Makes the file hold `data`."""
        if self.cut():
            if self._torn:
                self._files[name] = data[: len(data) // 2]
            raise PowerCut("while writing " + name)
        self._files[name] = data

    def remove(self, name: str) -> None:
        """Removes the file."""
        self._there(name)
        if self.cut():
            raise PowerCut("while removing " + name)
        del self._files[name]

    def sync(self) -> None:
        """Every write is durable at once: there is nothing to wait for."""
        self._powered()

    def cut(self) -> bool:
        """Counts one write and answers whether it is the one at which the power goes."""
        self._powered()
        self.writes += 1
        self._dead = self.writes == self._fail_after
        return self._dead

    def reopened(self, fail_after: "int | None" = None, torn: bool = False) -> "Medium":
        """What is left, with the power back on."""
        medium = Medium(fail_after, torn)
        medium._files = dict(self._files)
        return medium

    def _there(self, name: str) -> None:
        if name not in self._files:
            raise OSError(errno.ENOENT)

    def _powered(self) -> None:
        if self._dead:
            raise PowerCut("there is no power")


class VirtualStore(Store):
    """Records in memory. A commit is a write of the medium for each change, and one for the mark that makes it valid.

    fail_after: the write at which the power goes, from 1. torn: that write reaches the medium, though nobody
    learns of it; for the mark it means that the commit stands. fail_call: the number of the call of get, names or
    commit that raises HalError(STORE_FAILED) and changes nothing; the calls after it work again.
    """

    def __init__(
        self, fail_after: "int | None" = None, torn: bool = False, fail_call: "int | None" = None
    ) -> None:
        self.medium = Medium(fail_after, torn)
        self.calls = 0
        self._torn = torn
        self._fail_call = fail_call
        self._records: dict[str, bytes] = {}

    def get(self, name: str) -> "bytes | None":
        """The record, or None."""
        self._called()
        return self._records.get(name)

    def names(self) -> "list[str]":
        """The names of all records, sorted."""
        self._called()
        return sorted(self._records)

    def commit(self, changes: "Iterable[tuple[str, bytes | None]]") -> None:
        """Puts (name, octets) and removes (name, None), all of them or none."""
        accepted = checked(changes)
        self._called()
        for name, _ in accepted:
            if self.medium.cut():
                raise PowerCut("while writing " + name)
        cut = self.medium.cut()
        if not cut or self._torn:
            for name, value in accepted:
                if value is not None:
                    self._records[name] = value
                elif name in self._records:
                    del self._records[name]
        if cut:
            raise PowerCut("while committing")

    def close(self) -> None:
        """Does nothing: the records stay until the object goes."""

    def reopened(
        self, fail_after: "int | None" = None, torn: bool = False, fail_call: "int | None" = None
    ) -> "VirtualStore":
        """What is left, with the power back on."""
        store = VirtualStore(fail_after, torn, fail_call)
        store._records = dict(self._records)
        return store

    def _called(self) -> None:
        self.medium.sync()
        self.calls += 1
        if self.calls == self._fail_call:
            raise HalError(STORE_FAILED, "call %d was chosen to fail" % self.calls)
