"""What every source of entropy must do."""

import pytest

from slotmeter.hal.board.entropy import BoardEntropy
from slotmeter.hal.entropy import Entropy
from slotmeter.hal.host.entropy import HostEntropy
from slotmeter.hal.virtual.entropy import SeededEntropy


class EntropyConformance:
    """A backend's subclass says how to make it."""

    def entropy(self) -> Entropy:
        raise NotImplementedError

    @pytest.mark.parametrize("count", [0, 1, 8, 31, 32, 33, 40, 1024])
    def test_it_gives_as_many_octets_as_asked(self, count: int) -> None:
        octets = self.entropy().random(count)
        assert type(octets) is bytes
        assert len(octets) == count

    @pytest.mark.parametrize("count", [-1, 1025])
    def test_other_counts_are_refused(self, count: int) -> None:
        with pytest.raises(ValueError, match="octets"):
            self.entropy().random(count)

    def test_it_does_not_repeat_itself(self) -> None:
        entropy = self.entropy()
        assert len({entropy.random(16) for _ in range(100)}) == 100

    def test_every_value_of_an_octet_occurs(self) -> None:
        entropy = self.entropy()
        assert len(set(b"".join(entropy.random(1024) for _ in range(8)))) == 256


class TestHostEntropy(EntropyConformance):
    def entropy(self) -> Entropy:
        return HostEntropy()


class TestBoardEntropy(EntropyConformance):
    def entropy(self) -> Entropy:
        return BoardEntropy()


class TestSeededEntropy(EntropyConformance):
    def entropy(self) -> Entropy:
        return SeededEntropy(0)
