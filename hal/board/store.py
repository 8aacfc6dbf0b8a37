"""A store of small files: two alternating slots for each record, and a journal that makes several change together.

It asks little of a file system: a write may be torn and nothing is ever renamed. The files of record `x` are `x_0` and
`x_1`; an underscore is not allowed in a record's name, so the names cannot meet. Each file is

    "SLT" | version, 1 octet | sequence, 4 | length, 4 | data | CRC-32 of all before, 4        (big-endian)

The sequence number counts the commits of the whole store. A record is what its valid slot with the higher number
says; a write goes to the other slot.

| commit                                 | is written                    | takes effect with            |
| one record that is there already       | its other slot                | that slot                    |
| anything else                          | `_journal`, then each slot    | the journal                  |

The journal lists all changes of its commit. It stays until the next one takes its place, and whoever opens the store
carries out what its slots do not show yet: those whose number is below the journal's. Removals and new records always
go through the journal; hence a record without a valid slot that the journal does not name is damage, not a power cut.
A slot that decays later than it was written is taken for a torn one: the record is then what it was before.
"""

import binascii
import os

from slotmeter.hal.errors import STORE_DAMAGED, STORE_FAILED, STORE_FULL, STORE_VERSION, HalError
from slotmeter.hal.store import NAME_CHARACTERS, NAME_LIMIT, RECORD_LIMIT, Store, checked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_JOURNAL = "_journal"
_MARK = b"SLT"
_VERSION = 1
_HEADER = 12
_REMOVED = 0xFFFFFFFF
# "No space left on device": ENOSPC of POSIX and of littlefs, and Emscripten's.
_NO_SPACE = (28, 51)


class Directory:
    """One directory of the board's file system, which nothing else uses. It is made when it is missing.

    sync: called after writes that must not be overtaken by later ones; without one os.sync, where there is such.
    """

    def __init__(self, path: str, sync: "Callable[[], None] | None" = None) -> None:
        self._path = path
        self._sync = sync if sync is not None else getattr(os, "sync", None)
        try:
            os.listdir(path)
        except OSError:
            os.mkdir(path)

    def names(self) -> "list[str]":
        """The names of the files, in no order."""
        return os.listdir(self._path)

    def read(self, name: str) -> bytes:
        """What the file holds."""
        with open(self._path + "/" + name, "rb") as file:
            return file.read()

    def write(self, name: str, data: bytes) -> None:
        """Makes the file hold `data`."""
        with open(self._path + "/" + name, "wb") as file:
            file.write(data)

    def remove(self, name: str) -> None:
        """Removes the file."""
        os.remove(self._path + "/" + name)

    def sync(self) -> None:
        """Returns when what was written is durable."""
        if self._sync is not None:
            self._sync()


class SlotStore(Store):
    """Records in the files of `directory`: a path, or an object with the five methods of `Directory`.

    Opening reads each file once. Records stay on the medium; in memory is only where each of them is.
    """

    def __init__(self, directory: "str | Directory") -> None:
        self._sequence = 0
        # Name: (slot that holds the record, its sequence number).
        self._slots: dict[str, tuple[int, int]] = {}
        # Changes that the journal has made durable and the slots do not show yet, with the journal's number.
        self._pending: list[tuple[str, bytes | None]] = []
        self._pending_sequence = 0
        self._present: set[str] = set()
        try:
            self._files = Directory(directory) if isinstance(directory, str) else directory
            self._open()
        except OSError as error:
            raise _failure(error) from error

    def get(self, name: str) -> "bytes | None":
        """The record, or None."""
        for changed, value in self._pending:
            if changed == name:
                return value
        if name not in self._slots:
            return None
        try:
            found = _parse(self._file(name, self._slots[name][0]), self._read(name, self._slots[name][0]))
        except OSError as error:
            raise _failure(error) from error
        if found is None:
            raise HalError(STORE_DAMAGED, "the record %s changed behind our back; restart the board" % name)
        return found[1]

    def names(self) -> "list[str]":
        """The names of all records, sorted."""
        names = set(self._slots)
        for name, value in self._pending:
            if value is None:
                names.discard(name)
            else:
                names.add(name)
        return sorted(names)

    def commit(self, changes: "Iterable[tuple[str, bytes | None]]") -> None:
        """Puts (name, octets) and removes (name, None), all of them or none; durable when it returns."""
        accepted = [change for change in checked(changes) if change[1] is not None or self._known(change[0])]
        if not accepted:
            return
        try:
            self._settle()
        except OSError as error:
            raise _failure(error) from error
        name, value = accepted[0]
        if len(accepted) == 1 and value is not None and name in self._slots:
            slot = 1 - self._slots[name][0]
            self._write(self._file(name, slot), value)
            self._slots[name] = (slot, self._sequence)
            return
        self._write(_JOURNAL, _journal(accepted))
        # From here on the commit stands, whatever becomes of the slots: what they refuse is tried again.
        self._pending = accepted
        self._pending_sequence = self._sequence
        try:
            self._settle()
        except OSError:
            pass

    def close(self) -> None:
        """Does nothing: no file is open between calls."""

    def _known(self, name: str) -> bool:
        return name in self._slots or name in [pending[0] for pending in self._pending]

    def _file(self, name: str, slot: int) -> str:
        return "%s_%d" % (name, slot)

    def _read(self, name: str, slot: int) -> bytes:
        return self._files.read(self._file(name, slot))

    def _write(self, file: str, data: bytes) -> None:
        """Writes what makes a commit valid; on HalError it is as if it had not been written."""
        frame = _frame(self._sequence + 1, data)
        try:
            self._files.write(file, frame)
            self._present.add(file)
            self._files.sync()
        except OSError as error:
            try:
                # It may have reached the medium all the same, and must not be found there later.
                self._files.remove(file)
                self._present.discard(file)
            except OSError:
                pass
            raise _failure(error) from error
        self._sequence += 1

    def _settle(self) -> None:
        """Carries out what the journal promised."""
        if not self._pending:
            return
        sequence = self._pending_sequence
        for name, value in self._pending:
            slot, written = self._slots.get(name, (1, 0))
            if written >= sequence:
                continue
            if value is None:
                # The slot that holds the record goes last: the older one must never come back.
                for file in (self._file(name, 1 - slot), self._file(name, slot)):
                    if file in self._present:
                        self._files.remove(file)
                        self._present.discard(file)
                if name in self._slots:
                    del self._slots[name]
            else:
                file = self._file(name, 1 - slot)
                self._files.write(file, _frame(sequence, value))
                self._present.add(file)
                self._slots[name] = (1 - slot, sequence)
        self._files.sync()
        self._pending = []

    def _open(self) -> None:
        names = set()
        for file in self._files.names():
            self._present.add(file)
            if file != _JOURNAL:
                name = file[:-2]
                if file[-2:] not in ("_0", "_1") or not 1 <= len(name) <= NAME_LIMIT or name.strip(NAME_CHARACTERS):
                    raise HalError(STORE_DAMAGED, "the store's folder holds %s, which is not ours; move it away" % file)
                names.add(name)
        promised: set[str] = set()
        if _JOURNAL in self._present:
            found = _parse(_JOURNAL, self._files.read(_JOURNAL))
            if found is not None:
                self._pending_sequence = self._sequence = found[0]
                self._pending = _changes(found[1])
                promised = {name for name, _ in self._pending}
        for name in sorted(names):
            for slot in (0, 1):
                if self._file(name, slot) in self._present:
                    found = _parse(self._file(name, slot), self._read(name, slot))
                    if found is not None and found[0] > self._slots.get(name, (0, -1))[1]:
                        self._slots[name] = (slot, found[0])
            if name in self._slots:
                self._sequence = max(self._sequence, self._slots[name][1])
            elif name not in promised:
                raise HalError(STORE_DAMAGED, "the record %s has no valid slot; erase the store to start afresh" % name)
        # What a slot shows already, or what came after the journal, is not pending.
        self._pending = [
            (name, value)
            for name, value in self._pending
            if self._slots.get(name, (0, -1))[1] < self._pending_sequence
            and (value is not None or self._file(name, 0) in self._present or self._file(name, 1) in self._present)
        ]
        self._settle()


def _frame(sequence: int, data: bytes) -> bytes:
    frame = _MARK + bytes((_VERSION,)) + sequence.to_bytes(4, "big") + len(data).to_bytes(4, "big") + data
    return frame + (binascii.crc32(frame) & 0xFFFFFFFF).to_bytes(4, "big")


def _parse(file: str, frame: bytes) -> "tuple[int, bytes] | None":
    """(sequence, data), or None when the frame is torn or otherwise not whole."""
    end = len(frame) - 4
    if end < _HEADER or frame[:3] != _MARK:
        return None
    if int.from_bytes(frame[end:], "big") != binascii.crc32(frame[:end]) & 0xFFFFFFFF:
        return None
    if frame[3] != _VERSION:
        raise HalError(STORE_VERSION, "%s is of version %d of the store, this is %d" % (file, frame[3], _VERSION))
    if int.from_bytes(frame[8:12], "big") != end - _HEADER:
        return None
    return int.from_bytes(frame[4:8], "big"), frame[_HEADER:end]


def _journal(changes: "list[tuple[str, bytes | None]]") -> bytes:
    parts = []
    for name, value in changes:
        parts.append(bytes((len(name),)))
        parts.append(name.encode())
        parts.append((_REMOVED if value is None else len(value)).to_bytes(4, "big"))
        if value is not None:
            parts.append(value)
    return b"".join(parts)


def _changes(journal: bytes) -> "list[tuple[str, bytes | None]]":
    changes: list[tuple[str, bytes | None]] = []
    at = 0
    while at < len(journal):
        start = at + 1 + journal[at]
        name = journal[at + 1 : start].decode()
        length = int.from_bytes(journal[start : start + 4], "big")
        at = start + 4
        if length == _REMOVED:
            changes.append((name, None))
        elif length <= RECORD_LIMIT and at + length <= len(journal):
            changes.append((name, journal[at : at + length]))
            at += length
        else:
            raise HalError(STORE_DAMAGED, "the journal's checksum is right and its contents are not; erase the store")
    return changes


def _failure(error: OSError) -> HalError:
    if error.args and error.args[0] in _NO_SPACE:
        return HalError(STORE_FULL, "no room in the board's file system; the old state stands")
    return HalError(STORE_FAILED, "the board's file system refused (error %s)" % (error.args[0] if error.args else "?"))
