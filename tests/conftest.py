"""What all tests share: folders whose modules several import, what may be skipped, sticks, where reference data is."""

import shutil
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

HERE = Path(__file__).resolve().parent
for folder in ("independent", "fuzz", "differential"):
    if str(HERE / folder) not in sys.path:
        sys.path.insert(0, str(HERE / folder))

import dataset  # noqa: E402

# A busy machine is slow, and finds nothing by it.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

pytest_plugins = ["skips"]


def pytest_addoption(parser):
    parser.addoption(
        "--dongle",
        action="append",
        default=[],
        metavar="DEVICE",
        help="a ZigBee stick that tests of hardware may reset and put into networks: /dev/... or socket://host:port; "
        "given twice, the first is the hub's and the second the meter's",
    )


@pytest.fixture(scope="session")
def dongles(pytestconfig):
    """The places of the sticks that were given; without any the test is skipped."""
    given = pytestconfig.getoption("--dongle")
    if not given:
        pytest.skip("no stick was given: --dongle DEVICE")
    return given


@pytest.fixture(scope="session")
def rtds():
    """The reference data set; without it the test is skipped with the sentence that says how to get it."""
    found = dataset.find()
    if found is None:
        pytest.skip(dataset.HOW_TO_GET_IT)
    return found


@pytest.fixture
def air_folder(monkeypatch):
    """Where the shared airs of this test and of its processes are; short, because the path of a socket is."""
    folder = Path(tempfile.mkdtemp(prefix="air-"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    yield folder
    shutil.rmtree(folder)
