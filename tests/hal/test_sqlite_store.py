"""What only the store in an SQLite file can get wrong: locks, other people's files, damage, half a log."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from slotmeter.hal.errors import STORE_BUSY, STORE_DAMAGED, STORE_FULL, STORE_VERSION, HalError
from slotmeter.hal.host.store import SqliteStore


def refusal(path: Path) -> HalError:
    """Why the store at `path` cannot be opened. Whatever is there must be left as it was."""
    before = {file.name: file.read_bytes() for file in path.parent.iterdir() if file.is_file()}
    with pytest.raises(HalError) as caught:
        SqliteStore(path)
    assert {file.name: file.read_bytes() for file in path.parent.iterdir() if file.is_file()} == before
    assert str(path) in caught.value.detail
    return caught.value


def contents(store: SqliteStore) -> "dict[str, bytes | None]":
    return {name: store.get(name) for name in store.names()}


def test_a_second_opener_is_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "meter.db"
    store = SqliteStore(path)
    started = time.monotonic()
    assert refusal(path).kind == STORE_BUSY
    assert time.monotonic() - started < 1
    store.commit([("a", b"1")])
    store.close()
    SqliteStore(path).close()


def test_another_process_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "meter.db"
    store = SqliteStore(path)
    script = "import sys; from slotmeter.hal.host.store import SqliteStore; SqliteStore(sys.argv[1])"
    other = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=False)
    assert other.returncode == 1
    assert "store-busy" in other.stderr
    assert "stop that meter" in other.stderr
    store.commit([("a", b"1")])
    store.close()


def test_a_text_file_is_not_a_store(tmp_path: Path) -> None:
    path = tmp_path / "notes"
    path.write_text("What I must not lose.\n" * 100)
    assert refusal(path).kind == STORE_DAMAGED


def test_the_database_of_another_program_is_not_a_store(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE record (name TEXT, value BLOB)")
    database.commit()
    database.close()
    assert refusal(path).kind == STORE_DAMAGED


def test_a_foreign_database_with_a_log_in_use_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    database = sqlite3.connect(path)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("CREATE TABLE theirs (x)")
    database.commit()
    assert (tmp_path / "other.db-wal").stat().st_size
    assert refusal(path).kind == STORE_DAMAGED
    database.close()


def test_a_store_of_another_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "meter.db"
    SqliteStore(path).close()
    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version = 2")
    database.execute("PRAGMA journal_mode = DELETE")
    database.close()
    error = refusal(path)
    assert error.kind == STORE_VERSION
    assert "version 2" in error.detail


@pytest.mark.parametrize("keep", [50, 100, 3000, 4096, 10000])
def test_a_truncated_store_is_damaged(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "meter.db"
    store = SqliteStore(path)
    store.commit([("r%d" % number, os.urandom(500)) for number in range(50)])
    store.close()
    path.write_bytes(path.read_bytes()[:keep])
    assert refusal(path).kind == STORE_DAMAGED


def test_a_store_with_a_page_of_rubbish_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "meter.db"
    store = SqliteStore(path)
    store.commit([("r%d" % number, b"x" * 500) for number in range(50)])
    store.close()
    data = bytearray(path.read_bytes())
    data[4096:8192] = b"\x55" * 4096
    path.write_bytes(data)
    assert refusal(path).kind == STORE_DAMAGED


def test_an_empty_file_becomes_a_store(tmp_path: Path) -> None:
    path = tmp_path / "meter.db"
    path.touch()
    store = SqliteStore(path)
    store.commit([("a", b"1")])
    store.close()


def test_a_missing_folder_and_a_folder_are_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(HalError, match="no folder"):
        SqliteStore(tmp_path / "missing" / "meter.db")
    with pytest.raises(HalError, match="is a folder"):
        SqliteStore(tmp_path)


def test_a_closed_store_says_so(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "meter.db")
    store.close()
    with pytest.raises(HalError, match="is closed"):
        store.get("a")


def test_a_store_without_room_refuses_the_commit_and_keeps_the_old_state(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "meter.db")
    store.commit([("a", b"1")])
    database = store._database
    assert database is not None
    database.execute("PRAGMA max_page_count = 8")
    with pytest.raises(HalError) as caught:
        store.commit([("a", b"2"), ("b", b"x" * 60000)])
    assert caught.value.kind == STORE_FULL
    assert contents(store) == {"a": b"1"}
    store.commit([("a", b"3")])
    store.close()
    assert contents(SqliteStore(tmp_path / "meter.db")) == {"a": b"3"}


def story(store: SqliteStore) -> "list[dict[str, bytes | None]]":
    """Commits, and what the store holds before the first and after each."""
    states = [contents(store)]
    for number in range(6):
        changes: list[tuple[str, bytes | None]] = [("counter", b"%d" % number), ("r%d" % number, b"%d" % number * 3000)]
        if number > 2:
            changes.append(("r%d" % (number - 3), None))
        store.commit(changes)
        states.append(contents(store))
    return states


def test_a_log_cut_anywhere_holds_the_state_between_two_commits(tmp_path: Path) -> None:
    live, copy = tmp_path / "meter.db", tmp_path / "copy.db"
    store = SqliteStore(live)
    states = story(store)
    main, log = live.read_bytes(), (tmp_path / "meter.db-wal").read_bytes()
    reached = 0
    for cut in [*range(0, len(log), 509), len(log)]:
        copy.write_bytes(main)
        (tmp_path / "copy.db-wal").write_bytes(log[:cut])
        again = SqliteStore(copy)
        found = states.index(contents(again))
        again.close()
        assert found >= reached
        reached = found
    assert reached == len(states) - 1
    store.close()


def test_a_cut_while_the_log_is_folded_in_loses_nothing(tmp_path: Path) -> None:
    live, copy = tmp_path / "meter.db", tmp_path / "copy.db"
    store = SqliteStore(live)
    last = story(store)[-1]
    before, log = live.read_bytes(), (tmp_path / "meter.db-wal").read_bytes()
    store.close()
    after = live.read_bytes()
    for cut in range(0, max(len(before), len(after)), 512):
        copy.write_bytes(after[:cut] + before[cut:])
        (tmp_path / "copy.db-wal").write_bytes(log)
        again = SqliteStore(copy)
        assert contents(again) == last
        again.close()


def test_a_creation_that_was_cut_short_is_begun_again(tmp_path: Path) -> None:
    path = tmp_path / "meter.db"
    # Written as SQLite does: the journal of a new database says that it had no pages, then the pages come.
    whole = tmp_path / "whole.db"
    SqliteStore(whole).close()
    database = sqlite3.connect(tmp_path / "hot.db", isolation_level=None)
    database.execute("PRAGMA cache_size = 1")
    database.execute("BEGIN IMMEDIATE")
    database.execute("CREATE TABLE record (name TEXT PRIMARY KEY, value BLOB)")
    for number in range(200):
        database.execute("INSERT INTO record VALUES (?, ?)", ("r%d" % number, b"x" * 3000))
    shutil.copy(tmp_path / "hot.db-journal", tmp_path / "meter.db-journal")
    shutil.copy(tmp_path / "hot.db", path)
    database.execute("ROLLBACK")
    database.close()
    assert path.stat().st_size
    store = SqliteStore(path)
    assert store.names() == []
    store.commit([("a", b"1")])
    store.close()


@pytest.mark.slow
def test_a_killed_process_never_loses_what_it_was_told_is_durable(tmp_path: Path) -> None:
    path = tmp_path / "meter.db"
    script = textwrap.dedent(
        """
        import sys
        from slotmeter.hal.host.store import SqliteStore
        store = SqliteStore(sys.argv[1])
        number = int(store.get("counter") or b"0")
        while True:
            number += 1
            store.commit([("counter", b"%d" % number), ("twin", b"%d" % number)])
            sys.stdout.write("%d\\n" % number)
            sys.stdout.flush()
        """
    )
    for round_number in range(20):
        process = subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        for _ in range(10 + round_number * 7):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        told = process.stdout.read().split()
        process.wait()
        process.stdout.close()
        store = SqliteStore(path)
        assert store.get("counter") == store.get("twin")
        assert int(store.get("counter") or b"0") >= (int(told[-1]) if told else 1)
        store.close()
