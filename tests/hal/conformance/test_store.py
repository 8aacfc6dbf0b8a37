"""What every store must do, whatever is behind it."""

from pathlib import Path

import pytest

from slotmeter.hal.board.store import SlotStore
from slotmeter.hal.host.store import SqliteStore
from slotmeter.hal.store import NAME_LIMIT, RECORD_LIMIT, Store
from slotmeter.hal.virtual.store import Medium, VirtualStore


class StoreConformance:
    """A backend's subclass says how to open it; opening again must find what was committed."""

    def open(self, folder: Path, before: "Store | None" = None) -> Store:
        raise NotImplementedError

    def again(self, folder: Path, store: Store) -> Store:
        store.close()
        return self.open(folder, store)

    def test_a_new_store_is_empty(self, tmp_path: Path) -> None:
        store = self.open(tmp_path)
        assert store.names() == []
        assert store.get("a") is None

    def test_what_was_committed_is_read_back_also_after_opening_again(self, tmp_path: Path) -> None:
        store = self.open(tmp_path)
        store.commit([("b", b"\x00\xff" * 300), ("a", b"")])
        for _ in range(2):
            assert store.names() == ["a", "b"]
            assert store.get("a") == b""
            assert store.get("b") == b"\x00\xff" * 300
            store = self.again(tmp_path, store)

    def test_a_later_commit_replaces_and_removes(self, tmp_path: Path) -> None:
        store = self.open(tmp_path)
        store.commit([("a", b"1"), ("b", b"2"), ("c", b"3")])
        store.commit([("a", b"4"), ("b", None), ("not-there", None)])
        for _ in range(2):
            assert [(name, store.get(name)) for name in store.names()] == [("a", b"4"), ("c", b"3")]
            store = self.again(tmp_path, store)
        store.commit([("b", b"5")])
        assert self.again(tmp_path, store).get("b") == b"5"

    def test_an_empty_commit_and_removing_nothing_are_no_errors(self, tmp_path: Path) -> None:
        store = self.open(tmp_path)
        store.commit([])
        store.commit([("a", None)])
        assert self.again(tmp_path, store).names() == []

    def test_changes_may_come_from_any_iterable(self, tmp_path: Path) -> None:
        store = self.open(tmp_path)
        store.commit((name, b"x") for name in "abc")
        assert store.names() == ["a", "b", "c"]

    def test_octets_of_any_kind_come_back_as_bytes(self, tmp_path: Path) -> None:
        store = self.open(tmp_path)
        value = bytearray(b"abc")
        store.commit([("a", value), ("b", memoryview(b"def"))])
        value[0] = 0
        assert store.get("a") == b"abc"
        assert store.get("b") == b"def"
        assert type(store.get("b")) is bytes

    def test_names_and_records_reach_their_limits(self, tmp_path: Path) -> None:
        store = self.open(tmp_path)
        names = ["z" * NAME_LIMIT, "a-b.c", "0", ".", "..", "-", "aux.0"]
        store.commit([(name, b"x" * RECORD_LIMIT) for name in names])
        store = self.again(tmp_path, store)
        assert store.names() == sorted(names)
        assert store.get("..") == b"x" * RECORD_LIMIT

    @pytest.mark.parametrize(
        "change",
        [
            ("", b""),
            ("z" * (NAME_LIMIT + 1), b""),
            ("Upper", b""),
            ("under_score", b""),
            ("a/b", b""),
            ("a b", None),
            ("a\0", b""),
            ("é", b""),
            ("a", b"x" * (RECORD_LIMIT + 1)),
            ("first", b"twice"),
        ],
        ids=lambda change: change[0][:12] or "empty",
    )
    def test_what_breaks_a_limit_is_refused_whole(self, tmp_path: Path, change: "tuple[str, bytes | None]") -> None:
        store = self.open(tmp_path)
        store.commit([("kept", b"1")])
        with pytest.raises(ValueError):
            store.commit([("first", b"2"), change, ("kept", None)])
        assert store.names() == ["kept"]
        assert self.again(tmp_path, store).names() == ["kept"]

    def test_many_records_change_together(self, tmp_path: Path) -> None:
        store = self.open(tmp_path)
        store.commit([("r%d" % number, b"%d" % number) for number in range(200)])
        store.commit([("r%d" % number, None if number % 3 else b"x") for number in range(200)])
        store = self.again(tmp_path, store)
        assert len(store.names()) == 67
        assert store.get("r3") == b"x"

    def test_closing_twice_is_harmless(self, tmp_path: Path) -> None:
        store = self.open(tmp_path)
        store.close()
        store.close()


class TestVirtualStore(StoreConformance):
    def open(self, folder: Path, before: "Store | None" = None) -> Store:
        return before.reopened() if isinstance(before, VirtualStore) else VirtualStore()


class TestSlotStoreInMemory(StoreConformance):
    medium = Medium()

    def open(self, folder: Path, before: "Store | None" = None) -> Store:
        self.medium = Medium() if before is None else self.medium.reopened()
        return SlotStore(self.medium)


class TestSlotStoreInADirectory(StoreConformance):
    def open(self, folder: Path, before: "Store | None" = None) -> Store:
        return SlotStore(str(folder / "state"))


class TestSqliteStore(StoreConformance):
    def open(self, folder: Path, before: "Store | None" = None) -> Store:
        return SqliteStore(folder / "meter.db")
