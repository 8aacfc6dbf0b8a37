"""When a phase counts as without supply: what several parts of a meter ask."""

# Below 5 % of the nominal 230 V a phase is interrupted (EN 50160); in 0.1 V.
DEAD_VOLTS = 115


def is_dead(volts: "tuple[int, ...]", dead_volts: int = DEAD_VOLTS) -> bool:
    """Whether no phase of these (0.1 V) has supply: the meter itself is without power."""
    return max(volts) < dead_volts
