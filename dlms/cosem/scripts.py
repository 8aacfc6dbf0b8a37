"""Script tables (interface class 9): what executing a script does.

    0-0:10.0.106.255   51 enable, 52 disable, 54 arm the supply (the disconnect control 0-0:96.3.10.255, class 70)
    0-0:10.0.100.255   99 reset the block counters; the others switch tariffs and are the meter's own business
    0-0:10.0.103.255   command an auxiliary controller; 0-0:10.0.107.255 limit one

Source: GBCS mapping table, ECS05, ECS42 to ECS44, ECS47a, ECS47e.
"""

from slotmeter.dlms.apdu import OTHER_REASON, SUCCESS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slotmeter.dlms.cosem.access import Access
    from slotmeter.dlms.cosem.tree import Tree

NULL = b"\x00"
TARIFF = b"\x00\x00\x0a\x00\x64\xff"
AUXILIARY = b"\x00\x00\x0a\x00\x67\xff"
SUPPLY = b"\x00\x00\x0a\x00\x6a\xff"
LIMIT = b"\x00\x00\x0a\x00\x6b\xff"

ENABLE = 51
DISABLE = 52
ARM = 54
RESET_BLOCK_COUNTERS = 99

# Control states (ECS45).
DISABLED = 0
ENABLED = 1
ARMED = 2
_STATES = {ENABLE: ENABLED, DISABLE: DISABLED, ARM: ARMED}
_OUTPUT_STATE = b"\x00\x46\x00\x00\x60\x03\x0a\xff\x02"
_CONTROL_STATE = b"\x00\x46\x00\x00\x60\x03\x0a\xff\x03"

# The collection 0-0:94.44.34.2: structure of one array of 64, for each of four blocks 8 registers and then 8 counters.
_BLOCKS = b"\x00\x01\x00\x00\x5e\x2c\x22\x02\x02"
_EIGHT_NOUGHTS = b"\x06\x00\x00\x00\x00" * 8


def set_supply(tree: "Tree", state: int) -> None:
    """Makes the disconnect control say `state`; the output is closed only when it is enabled."""
    tree.put(_CONTROL_STATE, bytes((0x16, state)))
    tree.put(_OUTPUT_STATE, b"\x03\xff" if state == ENABLED else b"\x03\x00")


def reset_block_counters(tree: "Tree") -> None:
    """Makes the 32 block counters nought and leaves the 32 registers."""
    value = tree.value(_BLOCKS)
    head = value[:4]
    parts = [head]
    for block in range(4):
        start = len(head) + 80 * block
        parts.append(value[start : start + 40])
        parts.append(_EIGHT_NOUGHTS)
    tree.put(_BLOCKS, b"".join(parts))


def execute(tree: "Tree", key: bytes, data: bytes, access: "Access") -> "tuple[int, bytes]":
    """Method 1: runs the script whose number is the argument; other-reason when there is none of that number."""
    script = int.from_bytes(data[1:3], "big")
    obis = key[2:8]
    if obis == SUPPLY:
        state = _STATES.get(script, -1)
        if state < 0:
            return OTHER_REASON, NULL
        # Arming prepares a supply that is off to be turned on by hand; one that is on stays on.
        if state == ARMED and tree.value(_CONTROL_STATE)[1] == ENABLED:
            return SUCCESS, NULL
        result = tree.hooks.supply(state, access)
        if result == SUCCESS:
            set_supply(tree, state)
        return result, NULL
    if obis == TARIFF:
        if script == RESET_BLOCK_COUNTERS:
            reset_block_counters(tree)
            tree.hooks.changed(_BLOCKS, access)
            return SUCCESS, NULL
        return tree.hooks.tariff(script, access), NULL
    return tree.hooks.auxiliary(obis, script, access), NULL
