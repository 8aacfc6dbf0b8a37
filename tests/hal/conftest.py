"""Simulated sticks, and the radios behind which they are put, for tests of real sticks' radio."""

import pytest
from plugged import Sticks


@pytest.fixture
def sticks(tmp_path):
    found = Sticks(tmp_path)
    yield found
    found.close()


@pytest.fixture
def opened():
    """Opens radios, and closes them at the end."""
    from slotmeter.hal.host.radio_ezsp import EzspRadio

    radios = []

    def open_(*arguments, **more):
        radios.append(EzspRadio(*arguments, **more))
        return radios[-1]

    yield open_
    for radio in radios:
        radio.close()
        assert not [reason for reason in radio.dropped if "fault" in reason], radio.dropped
