"""The target of bench_ash, at 70 per cent so that a busy machine does not cry wolf."""

import importlib.util
import sys
from pathlib import Path

import pytest

_SLACK = 0.7


@pytest.mark.slow
def test_frames_are_built_and_parsed_four_times_as_fast_as_by_bellows():
    if importlib.util.find_spec("bellows") is None:
        pytest.skip("bellows is not installed: pip install bellows")
    sys.path.insert(0, str(Path(__file__).parent))
    import bench_ash

    rows = bench_ash.measure(rounds=5)
    assert len(rows) == 3
    for what, ours, peers, wanted in rows:
        assert peers / ours > wanted * _SLACK, (what, ours, peers)
