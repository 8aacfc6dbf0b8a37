"""Every story of this folder, told to a meter of its own."""

from pathlib import Path

import pytest

from slotmeter.boards.pc import pki, player, scenario
from slotmeter.hal.virtual.entropy import SeededEntropy

STORIES = sorted(Path(__file__).parent.glob("*.txt"))


@pytest.fixture(scope="session")
def keys(tmp_path_factory):
    """One keystore for all: making one takes longer than most stories."""
    folder = tmp_path_factory.mktemp("scenarios") / "keys"
    pki.create(folder, SeededEntropy(1))
    return folder


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_the_story_goes_as_it_is_written(path, keys):
    player.play(scenario.read(path), keys)


def test_every_story_says_what_it_is_about():
    titles = [scenario.read(path).title for path in STORIES]
    assert all(titles)
    assert len(set(titles)) == len(titles) >= 15
