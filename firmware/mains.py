"""When a phase counts as without supply, and the load as low, medium or high: what several parts of a meter ask."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slotmeter.dlms.cosem.tree import Tree

# Below 5 % of the nominal 230 V a phase is interrupted (EN 50160); in 0.1 V.
DEAD_VOLTS = 115

LOW = 0
MEDIUM = 1
HIGH = 2
LEVEL_NAMES = ("low", "medium", "high")
# Class 21, 0-0:16.0.0.255, attribute 2 (SMETS 5.7.4.24 and 5.7.4.29, written by ECS34): W, two thresholds.
AMBIENT_THRESHOLDS = b"\x00\x15\x00\x00\x10\x00\x00\xff\x02"


def is_dead(volts: "tuple[int, ...]", dead_volts: int = DEAD_VOLTS) -> bool:
    """Whether no phase of these (0.1 V) has supply: the meter itself is without power."""
    return max(volts) < dead_volts


class PowerStatus:
    """Whether the import is low, medium or high: the ambient signal of a display."""

    def __init__(self, tree: "Tree") -> None:
        self._tree = tree
        self.low_medium_w = 0
        self.medium_high_w = 0
        self.load()

    def load(self) -> None:
        """Reads the thresholds from the object tree."""
        # An array of two double-long-unsigned.
        value = self._tree.value(AMBIENT_THRESHOLDS)
        self.low_medium_w = int.from_bytes(value[3:7], "big")
        self.medium_high_w = int.from_bytes(value[8:12], "big")

    def level(self, import_w: int) -> int:
        """LOW, MEDIUM or HIGH for a total import in W; a threshold is the last of the lower level."""
        if import_w > self.medium_high_w:
            return HIGH
        return MEDIUM if import_w > self.low_medium_w else LOW
