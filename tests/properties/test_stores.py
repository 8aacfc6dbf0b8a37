"""Every store against a dictionary, with restarts, refusals and power cuts at chance."""

import shutil
import tempfile
from pathlib import Path

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from slotmeter.hal.board.store import SlotStore
from slotmeter.hal.errors import HalError
from slotmeter.hal.host.store import SqliteStore
from slotmeter.hal.records import Records
from slotmeter.hal.store import Store
from slotmeter.hal.virtual.store import Medium, PowerCut, VirtualStore

NAMES = st.sampled_from(["a", "b", "c.1", "c-2"])
VALUES = st.one_of(st.none(), st.binary(max_size=40))
CHANGES = st.dictionaries(NAMES, VALUES, max_size=4).map(lambda changes: list(changes.items()))

State = dict[str, bytes]


def apply(state: State, changes: "list[tuple[str, bytes | None]]") -> State:
    after = dict(state)
    for name, value in changes:
        after.pop(name, None)
        if value is not None:
            after[name] = value
    return after


def contents(store: Store) -> State:
    return {name: store.get(name) or b"" for name in store.names()}


class StoreMachine(RuleBasedStateMachine):
    """A subclass opens its backend; `model` is what must be in it."""

    def __init__(self) -> None:
        super().__init__()
        self.model: State = {}

    def open(self) -> Store:
        raise NotImplementedError

    @initialize()
    def begin(self) -> None:
        self.store = self.open()

    @rule(changes=CHANGES)
    def commit(self, changes: "list[tuple[str, bytes | None]]") -> None:
        self.store.commit(changes)
        self.model = apply(self.model, changes)

    @rule(steps=st.lists(st.tuples(NAMES, VALUES), max_size=8), kept=st.booleans())
    def transact(self, steps: "list[tuple[str, bytes | None]]", kept: bool) -> None:
        records = Records(self.store)
        for name, value in steps:
            if value is None:
                records.drop(name)
            else:
                records.put(name, value)
        if kept:
            records.commit()
            self.model = apply(self.model, steps)
        else:
            records.rollback()
        assert {name: records.get(name) for name in records.names()} == self.model

    @rule()
    def restart(self) -> None:
        self.store.close()
        self.store = self.open()

    @invariant()
    def agrees(self) -> None:
        if hasattr(self, "store"):
            assert contents(self.store) == self.model


class SqliteMachine(StoreMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())

    def open(self) -> Store:
        return SqliteStore(self.folder / "meter.db")

    def teardown(self) -> None:
        self.store.close()
        shutil.rmtree(self.folder)


class SlotMachine(StoreMachine):
    """Also cuts the power, and lets the medium refuse writes."""

    def __init__(self) -> None:
        super().__init__()
        self.medium = Refusing()

    def open(self) -> Store:
        self.medium = self.medium.again()
        return SlotStore(self.medium)

    @rule(changes=CHANGES, after=st.integers(1, 8), torn=st.booleans())
    def cut(self, changes: "list[tuple[str, bytes | None]]", after: int, torn: bool) -> None:
        self.medium = self.medium.again(after, torn)
        try:
            self.store = SlotStore(self.medium)
            self.store.commit(changes)
            done = True
        except PowerCut:
            done = False
        self.store = self.open()
        found = contents(self.store)
        if not done and found == self.model:
            return
        self.model = apply(self.model, changes)
        assert found == self.model

    @rule(changes=CHANGES, room=st.integers(0, 5))
    def refuse(self, changes: "list[tuple[str, bytes | None]]", room: int) -> None:
        self.medium.room = room
        try:
            self.store.commit(changes)
            self.model = apply(self.model, changes)
        except HalError:
            pass
        self.medium.room = None


class Refusing(Medium):
    """A medium that takes `room` more writes and then refuses them, or takes all."""

    room: "int | None" = None

    def write(self, name: str, data: bytes) -> None:
        if self.room is not None:
            self.room -= 1
            if self.room < 0:
                raise OSError(28)
        super().write(name, data)

    def again(self, fail_after: "int | None" = None, torn: bool = False) -> "Refusing":
        medium = Refusing(fail_after, torn)
        medium._files = dict(self._files)
        return medium


class VirtualMachine(StoreMachine):
    def open(self) -> Store:
        return self.store.reopened() if hasattr(self, "store") else VirtualStore()  # type: ignore[attr-defined]


TestSqliteStore = SqliteMachine.TestCase
TestSqliteStore.settings = settings(max_examples=15, stateful_step_count=20, deadline=None)
TestSlotStore = SlotMachine.TestCase
TestSlotStore.settings = settings(max_examples=80, stateful_step_count=30, deadline=None)
TestVirtualStore = VirtualMachine.TestCase
TestVirtualStore.settings = settings(max_examples=30, stateful_step_count=20, deadline=None)
