"""What counts as dead."""

from slotmeter.firmware.mains import is_dead


def test_a_meter_is_dead_when_all_its_phases_are():
    assert is_dead((0,))
    assert is_dead((114, 0, 0))
    assert not is_dead((115, 0, 0))
