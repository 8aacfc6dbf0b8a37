"""Entropy on a board, which may have none."""

from slotmeter.hal.board.entropy import BoardEntropy
from slotmeter.hal.errors import UNAVAILABLE, HalError


def test_a_board_gives_octets_or_says_that_it_cannot():
    try:
        entropy = BoardEntropy()
    except HalError as error:
        assert error.kind == UNAVAILABLE
        return
    assert len(entropy.random(40)) == 40
    assert entropy.random(16) != entropy.random(16)
