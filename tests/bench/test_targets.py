"""The targets of `slotmeter bench`, at 70 per cent so that a busy machine does not cry wolf."""

import pytest

from slotmeter.boards.pc.measurements import measure

_SLACK = 0.7


@pytest.mark.slow
def test_the_meter_reaches_its_targets_beside_the_ceilings_of_this_machine(tmp_path):
    rows = measure(quick=True, progress=lambda _: None, disk=tmp_path)
    far = [
        "%s: %s beside %s" % (row.what, row.ours, row.beside)
        for row in rows
        if (row.ratio < row.wanted * _SLACK if row.higher else row.ratio > row.wanted / _SLACK)
    ]
    assert far == []
    assert len(rows) >= 9
