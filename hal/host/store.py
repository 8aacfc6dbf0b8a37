"""A store in one SQLite file, durable at each commit.

Write-ahead logging with synchronous=FULL: a commit appends to the log and waits for one fdatasync. The file is held
with an exclusive lock as long as it is open, so a second process is refused at once, and no shared memory is needed.
Whose file it is says its header (application id and user version); a file that is not ours is looked at
read-only and left as it is.
"""

import os
import sqlite3
from pathlib import Path

from slotmeter.hal.errors import STORE_BUSY, STORE_DAMAGED, STORE_FAILED, STORE_FULL, STORE_VERSION, HalError
from slotmeter.hal.store import Store, checked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

# "SLTM" in the header of the file, where SQLite keeps whose it is.
APPLICATION_ID = 0x534C544D
# The layout of the table. Another layout is another number.
STORE_VERSION_NUMBER = 1

# The part of a database file that says what it is (SQLite file format, section 1.3).
_HEADER = 100
# The files (device, inode) that this process has open. A second look at one of them must not even read it: closing
# any descriptor of a file drops all locks that the process holds on it.
_open_here: "set[tuple[int, int]]" = set()

_SCHEMA = "CREATE TABLE record (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID"
_PUT = "INSERT INTO record (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
_REMOVE = "DELETE FROM record WHERE name = ?"


class SqliteStore(Store):
    """Records in the SQLite file `path`, which is made when it is missing; its folder must be there.

    HalError: STORE_BUSY when another process has it open, STORE_VERSION and STORE_DAMAGED when it is of another
    version, of another program, or broken. None of these changes the file.
    """

    def __init__(self, path: "str | Path") -> None:
        self._path = str(path)
        # Closed until opening has succeeded.
        self._database: sqlite3.Connection | None = None
        self._identity = (0, 0)
        if not Path(path).absolute().parent.is_dir():
            raise HalError(STORE_FAILED, "there is no folder for the store %s; make it first" % self._path)
        if Path(path).is_dir():
            raise HalError(STORE_FAILED, "%s is a folder; name a file in it for the store" % self._path)
        if _identity(self._path) in _open_here:
            raise self._busy()
        self._recognise()
        database = None
        try:
            database = sqlite3.connect(self._path, timeout=0, isolation_level=None)
            self._open(database)
        except sqlite3.Error as error:
            if database is not None:
                database.close()
            raise self._failure(error) from error
        except HalError:
            if database is not None:
                database.close()
            raise
        self._database = database
        self._identity = _identity(self._path)
        _open_here.add(self._identity)

    def get(self, name: str) -> "bytes | None":
        """The record, or None."""
        database = self._opened()
        try:
            row = database.execute("SELECT value FROM record WHERE name = ?", (name,)).fetchone()
        except sqlite3.Error as error:
            raise self._failure(error) from error
        return None if row is None else row[0]

    def names(self) -> "list[str]":
        """The names of all records, sorted."""
        database = self._opened()
        try:
            return [row[0] for row in database.execute("SELECT name FROM record ORDER BY name")]
        except sqlite3.Error as error:
            raise self._failure(error) from error

    def commit(self, changes: "Iterable[tuple[str, bytes | None]]") -> None:
        """Puts (name, octets) and removes (name, None), all of them or none; durable when it returns."""
        database = self._opened()
        accepted = checked(changes)
        if not accepted:
            return
        execute = database.execute
        try:
            execute("BEGIN IMMEDIATE")
            for name, value in accepted:
                if value is None:
                    execute(_REMOVE, (name,))
                else:
                    execute(_PUT, (name, value))
            execute("COMMIT")
        except sqlite3.Error as error:
            failure = self._failure(error)
            try:
                if database.in_transaction:
                    execute("ROLLBACK")
            except sqlite3.Error:
                # SQLite has rolled back by itself; the first error is the one that tells.
                pass
            raise failure from error

    def close(self) -> None:
        """Folds the log into the file and lets go of it. Closing twice is harmless."""
        if self._database is not None:
            self._database.close()
            self._database = None
            _open_here.discard(self._identity)

    def _opened(self) -> sqlite3.Connection:
        if self._database is None:
            raise HalError(STORE_FAILED, "the store %s is closed" % self._path)
        return self._database

    def _recognise(self) -> None:
        """Refuses a file that is not ours before anything could write to it.

        Our header is written with the journal of the first transaction, before the log exists: it is in
        the file itself from then on, whatever is still in the log. SQLite itself is not asked, because a file half-way
        through taking up its log is not whole without it.
        """
        if Path(self._path + "-journal").exists():
            # A creation that was cut short: SQLite rolls it back first, and what it finds then is checked.
            return
        try:
            with open(self._path, "rb") as file:
                header = file.read(_HEADER)
        except FileNotFoundError:
            return
        except OSError as error:
            raise HalError(STORE_FAILED, "the store %s cannot be read: %s" % (self._path, error.strerror)) from error
        if header:
            ours = len(header) == _HEADER and header.startswith(b"SQLite format 3\0")
            self._check(int.from_bytes(header[68:72], "big") if ours else 0, int.from_bytes(header[60:64], "big"))

    def _check(self, application: int, version: int) -> None:
        if application != APPLICATION_ID:
            raise HalError(
                STORE_DAMAGED,
                "%s is not a meter's store, or its first page is lost; name another file, or move this one away"
                % self._path,
            )
        if version != STORE_VERSION_NUMBER:
            raise HalError(
                STORE_VERSION,
                "the store %s is of version %d, this program reads version %d; use the program that wrote it, "
                "or another file" % (self._path, version, STORE_VERSION_NUMBER),
            )

    def _open(self, database: sqlite3.Connection) -> None:
        database.execute("PRAGMA locking_mode = EXCLUSIVE")
        database.execute("PRAGMA synchronous = FULL")
        # The lock, and with it the roll-back of a creation that was cut short.
        database.execute("BEGIN EXCLUSIVE")
        if not database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            database.execute(_SCHEMA)
            database.execute("PRAGMA application_id = %d" % APPLICATION_ID)
            database.execute("PRAGMA user_version = %d" % STORE_VERSION_NUMBER)
        application = database.execute("PRAGMA application_id").fetchone()[0]
        self._check(application, database.execute("PRAGMA user_version").fetchone()[0])
        database.execute("COMMIT")
        database.execute("PRAGMA journal_mode = WAL")
        verdict = database.execute("PRAGMA quick_check(1)").fetchone()[0]
        if verdict != "ok":
            raise HalError(STORE_DAMAGED, self._damage(verdict))

    def _damage(self, what: str) -> str:
        return "the store %s is damaged (%s); restore a copy, or move it away to start afresh" % (self._path, what)

    def _busy(self) -> HalError:
        return HalError(STORE_BUSY, "the store %s is in use; stop that meter, or name another file" % self._path)

    def _failure(self, error: sqlite3.Error) -> HalError:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return self._busy()
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            return HalError(STORE_DAMAGED, self._damage(str(error)))
        if code == sqlite3.SQLITE_FULL:
            return HalError(STORE_FULL, "no room for the store %s; free some, the old state stands" % self._path)
        return HalError(STORE_FAILED, "the store %s: %s" % (self._path, error))


def _identity(path: str) -> "tuple[int, int]":
    try:
        status = os.stat(path)
    except OSError:
        return (0, 0)
    return (status.st_dev, status.st_ino)
