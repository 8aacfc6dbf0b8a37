"""The target of bench_acknowledgement, at 70 per cent so that a busy machine does not cry wolf: the best of five."""

import importlib.util
import sys
from pathlib import Path

import pytest

_SLACK = 0.7
_CALLS = 1000


@pytest.mark.slow
def test_the_stick_is_acknowledged_in_time_while_the_meter_signs_and_writes(tmp_path):
    if importlib.util.find_spec("bellows") is None:
        pytest.skip("bellows is not installed: pip install bellows")
    sys.path.insert(0, str(Path(__file__).parent))
    import bench_acknowledgement as bench

    working = bench.Working(tmp_path)
    found = []
    try:
        while len(found) < 5 and min(found, default=99) > bench.TARGET_MS:
            found.append(bench.quantile(bench.measure(_CALLS, working.step), 0.999))
    finally:
        working.close()
    assert working.half_hours > 100 and working.signed > 20 and working.alerts > 10
    assert min(found) < bench.TARGET_MS / _SLACK, found
