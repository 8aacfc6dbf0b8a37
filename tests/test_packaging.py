"""What setup.cfg says about the packages is what is in the folders."""

import configparser
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def config() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser


def folders() -> "dict[str, Path]":
    lines = config()["options"]["package_dir"].strip().split("\n")
    return {name.strip(): ROOT / folder.strip() for name, folder in (line.split("=") for line in lines)}


def test_every_folder_with_python_is_a_package_of_setup_cfg() -> None:
    found = set()
    for package, folder in folders().items():
        for init in folder.rglob("__init__.py"):
            found.add(".".join([package, *init.parent.relative_to(folder).parts]))
    assert sorted(found) == sorted(config()["options"]["packages"].split())


def test_no_python_file_is_in_a_folder_that_is_not_a_package() -> None:
    for folder in folders().values():
        for file in folder.rglob("*.py"):
            assert (file.parent / "__init__.py").exists(), file


def test_the_folder_x_is_the_package_slotmeter_x() -> None:
    assert all(package == "slotmeter." + folder.name for package, folder in folders().items())


@pytest.mark.parametrize("folder", sorted(folders().values()), ids=lambda folder: folder.name)
def test_every_top_folder_is_typed(folder: Path) -> None:
    assert (folder / "py.typed").exists()


def test_the_root_package_is_a_namespace() -> None:
    assert not (ROOT / "__init__.py").exists()


def test_the_command_is_an_entry_point() -> None:
    try:
        scripts = metadata.distribution("slotmeter").entry_points
    except metadata.PackageNotFoundError:
        pytest.skip("slotmeter is not installed here; make test installs it")
    assert [script.load().__name__ for script in scripts if script.name == "slotmeter"] == ["main"]


def test_importing_the_meter_brings_no_host_library() -> None:
    script = (
        "import sys; import slotmeter.firmware.meter, slotmeter.firmware.devices.esme; "
        "print([name for name in ('cryptography', 'click', 'asyncio', 'sqlite3', 'socket') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
