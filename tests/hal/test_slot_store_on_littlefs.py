"""The slots of a board on the real littlefs, with the power cut at each program and erase of its flash."""

import pytest

from slotmeter.hal.board.store import SlotStore
from slotmeter.hal.store import RECORD_LIMIT

littlefs = pytest.importorskip("littlefs", reason="littlefs-python is not installed; pip install littlefs-python")

# As on a Pico (MicroPython's rp2 port), with fewer blocks.
BLOCK = 4096
BLOCKS = 48
PROGRAM = 256

Step = tuple[int, bytes]


class Flash(littlefs.UserContext):  # type: ignore[misc]
    """A NOR flash that remembers every program and erase that it was asked for, as (address, octets)."""

    def __init__(self, image: bytes) -> None:
        super().__init__(len(image))
        self.buffer = bytearray(image)
        self.steps: list[Step] = []

    def prog(self, cfg: object, block: int, off: int, data: bytes) -> int:
        self.steps.append((block * BLOCK + off, bytes(data)))
        self.buffer[block * BLOCK + off : block * BLOCK + off + len(data)] = data
        return 0

    def erase(self, cfg: object, block: int) -> int:
        self.steps.append((block * BLOCK, b"\xff" * BLOCK))
        self.buffer[block * BLOCK : (block + 1) * BLOCK] = b"\xff" * BLOCK
        return 0


class LittleDirectory:
    """The five methods that SlotStore asks for, over littlefs."""

    def __init__(self, image: "bytes | None" = None) -> None:
        self.flash = Flash(image if image is not None else b"\xff" * (BLOCK * BLOCKS))
        self.fs = littlefs.LittleFS(
            context=self.flash,
            block_size=BLOCK,
            block_count=BLOCKS,
            prog_size=PROGRAM,
            read_size=32,
            cache_size=1024,
            lookahead_size=32,
            mount=False,
        )
        if image is None:
            self.fs.format()
        self.fs.mount()

    def names(self) -> "list[str]":
        return list(self.fs.listdir("/"))

    def read(self, name: str) -> bytes:
        with self.fs.open("/" + name, "rb") as file:
            return bytes(file.read())

    def write(self, name: str, data: bytes) -> None:
        with self.fs.open("/" + name, "wb") as file:
            file.write(data)

    def remove(self, name: str) -> None:
        self.fs.remove("/" + name)

    def sync(self) -> None:
        pass


STORY: "list[list[tuple[str, bytes | None]]]" = [
    [("counters", b"\x01" * 96)],
    [("counters", b"\x02" * 96), ("config", b"c" * 300)],
    [("counters", b"\x03" * 96)],
    [("counters", b"\x04" * 96), ("log", b"l" * 900), ("config", None)],
    [("log", b"m" * 5000)],
    [("log", None), ("counters", b"\x05" * 96)],
]


def contents(store: SlotStore) -> "dict[str, bytes | None]":
    return {name: store.get(name) for name in store.names()}


def played(
    image: bytes, commits: "list[list[tuple[str, bytes | None]]]"
) -> "tuple[list[Step], list[tuple[int, dict[str, bytes | None]]]]":
    """The steps of the flash, and how many had been made when each state was reached."""
    directory = LittleDirectory(image)
    store = SlotStore(directory)
    reached = [(0, contents(store))]
    for changes in commits:
        store.commit(changes)
        reached.append((len(directory.flash.steps), contents(store)))
    return directory.flash.steps, reached


def cut(image: bytes, steps: "list[Step]", count: int, torn: bool) -> bytes:
    """The flash after `count` steps; torn: with the first half of the next."""
    flash = bytearray(image)
    for address, octets in steps[:count]:
        flash[address : address + len(octets)] = octets
    if torn:
        address, octets = steps[count]
        flash[address : address + len(octets) // 2] = octets[: len(octets) // 2]
    return bytes(flash)


def allowed(reached: "list[tuple[int, dict[str, bytes | None]]]", count: int) -> "list[dict[str, bytes | None]]":
    """The last state that was reached within `count` steps, and the next."""
    last = max(index for index, (steps, _) in enumerate(reached) if steps <= count)
    return [state for _, state in reached[last : last + 2]]


@pytest.mark.parametrize("torn", [False, True], ids=["whole", "torn"])
def test_a_cut_at_any_step_leaves_the_state_before_or_after_the_commit(torn: bool) -> None:
    image = bytes(LittleDirectory().flash.buffer)
    steps, reached = played(image, STORY)
    assert len(steps) > 30
    for count in range(len(steps)):
        after = LittleDirectory(cut(image, steps, count, torn))
        store = SlotStore(after)
        assert contents(store) in allowed(reached, count), count
        store.commit([("counters", b"\x09" * 96), ("config", b"new")])
        assert store.get("counters") == b"\x09" * 96


@pytest.mark.slow
@pytest.mark.parametrize("torn", [False, True], ids=["whole", "torn"])
def test_a_second_cut_while_the_store_is_opened_and_used_again_does_no_harm(torn: bool) -> None:
    image = bytes(LittleDirectory().flash.buffer)
    steps, reached = played(image, STORY[:4])
    again: list[tuple[str, bytes | None]] = [("counters", b"\x09" * 96), ("log", None), ("config", b"new")]
    for count in range(len(steps)):
        second = cut(image, steps, count, torn)
        second_steps, second_reached = played(second, [again])
        for second_count in range(len(second_steps)):
            store = SlotStore(LittleDirectory(cut(second, second_steps, second_count, torn)))
            assert contents(store) in [second_reached[0][1], second_reached[1][1]], (count, second_count)
            assert second_reached[0][1] in allowed(reached, count)


def test_the_largest_record_comes_back() -> None:
    directory = LittleDirectory()
    SlotStore(directory).commit([("big", bytes(range(256)) * (RECORD_LIMIT // 256))])
    assert SlotStore(LittleDirectory(bytes(directory.flash.buffer))).get("big") == bytes(range(256)) * 256


def test_saving_one_small_record_seldom_erases_a_block() -> None:
    directory = LittleDirectory()
    store = SlotStore(directory)
    store.commit([("counters", bytes(96))])
    directory.flash.steps.clear()
    for number in range(200):
        store.commit([("counters", number.to_bytes(96, "big"))])
    erased = [step for step in directory.flash.steps if len(step[1]) == BLOCK]
    assert len(erased) < 60
