"""The limits of bench_han: a command through hub, tunnel and meter, and a network that has just been started."""

import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_a_command_through_hub_tunnel_and_meter_stays_below_its_limit():
    sys.path.insert(0, str(Path(__file__).parent))
    import bench_han

    rows = [one for one in bench_han.measure(times=50) if one[3] is not None]
    assert len(rows) == 1 + len(bench_han.COMMANDS)
    for what, median, _, limit in rows:
        assert median < limit, (what, median, limit)
