"""What every set of relays must do."""

import pytest

from slotmeter.hal.board.switch import BoardSwitch
from slotmeter.hal.switch import COUNT, SUPPLY, Switch
from slotmeter.hal.virtual.switch import VirtualSwitch


class Pin:
    """A wire that holds its level, as the pin of a board does."""

    def __init__(self) -> None:
        self.level = 0

    def value(self, level: int | None = None) -> int:
        if level is not None:
            self.level = level
        return self.level


class SwitchConformance:
    """A backend's subclass says how to make it."""

    def switch(self) -> Switch:
        raise NotImplementedError

    @pytest.mark.parametrize("number", range(COUNT))
    def test_a_relay_is_where_it_was_told_to_be(self, number: int) -> None:
        switch = self.switch()
        for closed in (True, False, False, True, True, False):
            switch.move(number, closed)
            assert switch.is_closed(number) is closed

    def test_relays_move_by_themselves(self) -> None:
        switch = self.switch()
        for number in range(COUNT):
            switch.move(number, number % 2 == 1)
        assert [switch.is_closed(number) for number in range(COUNT)] == [False, True] * (COUNT // 2)

    @pytest.mark.parametrize("number", [-1, COUNT])
    def test_a_relay_that_there_is_not_is_refused(self, number: int) -> None:
        with pytest.raises(ValueError, match="switch"):
            self.switch().move(number, True)
        with pytest.raises(ValueError, match="switch"):
            self.switch().is_closed(number)


class TestVirtualSwitch(SwitchConformance):
    def switch(self) -> Switch:
        return VirtualSwitch()

    def test_a_meter_leaves_the_factory_with_the_supply_on_and_the_auxiliaries_off(self) -> None:
        switch = VirtualSwitch()
        assert [switch.is_closed(number) for number in range(COUNT)] == [True] + [False] * (COUNT - 1)

    def test_a_relay_that_sticks_stays_where_it_is_and_says_so(self) -> None:
        switch = VirtualSwitch()
        switch.stick(SUPPLY)
        switch.move(SUPPLY, False)
        assert switch.is_closed(SUPPLY) and switch.is_stuck(SUPPLY)
        switch.stick(SUPPLY, False)
        switch.move(SUPPLY, False)
        assert not switch.is_closed(SUPPLY)
        assert switch.history == [(SUPPLY, False, True), (SUPPLY, False, False)]

    def test_the_history_does_not_grow_without_end(self) -> None:
        switch = VirtualSwitch()
        for _ in range(5000):
            switch.move(1, True)
        assert len(switch.history) <= 1000


class TestBoardSwitch(SwitchConformance):
    def switch(self) -> Switch:
        return BoardSwitch(tuple(Pin() for _ in range(COUNT)))

    def test_the_contact_says_where_a_welded_relay_is(self) -> None:
        drive, contact = Pin(), Pin()
        contact.level = 1
        switch = BoardSwitch((drive,), (contact,))
        switch.move(SUPPLY, False)
        assert drive.level == 0 and switch.is_closed(SUPPLY)

    def test_a_number_without_a_relay_is_open(self) -> None:
        switch = BoardSwitch((Pin(),))
        switch.move(3, True)
        assert not switch.is_closed(3)

    def test_more_relays_than_a_meter_has_are_refused(self) -> None:
        with pytest.raises(ValueError, match="relays"):
            BoardSwitch(tuple(Pin() for _ in range(COUNT + 1)))
