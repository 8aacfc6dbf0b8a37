"""What changes along with an attribute: activation, and values that are kept in two places.

A link is (trigger, operation, source, target, index). An activation attribute's links run when it is time; those of
another attribute when a command writes it, and MEMBER and ELEMENT whenever it changes at all, because the two are one
datum.
"""

from slotmeter.dlms.dates import from_seconds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slotmeter.dlms.cosem.tree import Tree

# The target becomes what the source is.
COPY = 0
# The same, in an array of one.
WRAP = 1
# account_mode_and_status of the next account becomes that of the active one, whose status is active.
ACCOUNT = 2
# 256 bits of mask and 256 of action: where the mask has a bit, the target takes it from the action (ECS25).
MASK = 3
# The randomised offset: number times limit in ten-thousandths, in whole seconds (SMETS2 5.7.5.28).
OFFSET = 4
# The source is element `index` of the target, a structure of double-longs; and the other way round.
MEMBER = 5
ELEMENT = 6
# The target becomes the time.
NOW = 7
# The source is a data protection object that may read the target.
PROTECTS = 8

_ACCOUNT_ACTIVE = b"\x16\x02"
# Tag and value of a double-long.
_ELEMENT_SIZE = 5


def follow(tree: "Tree", links: "list[tuple[bytes, int, bytes, bytes, int]]", mirrors: bool, now_s: int) -> None:
    """Runs the links of one trigger: with `mirrors` only MEMBER and ELEMENT, else all others."""
    for trigger, operation, source, target, index in links:
        if (operation in (MEMBER, ELEMENT)) != mirrors:
            continue
        value = tree.value(source) if source else b""
        if operation == COPY:
            tree.put(target, value)
        elif operation == WRAP:
            tree.put(target, b"\x01\x01" + value)
        elif operation == ACCOUNT:
            tree.put(target, value[:4] + _ACCOUNT_ACTIVE)
        elif operation == MASK:
            # Tag, length of three octets, 64 octets.
            mask = int.from_bytes(value[4:36], "big")
            action = int.from_bytes(value[36:68], "big")
            old = tree.value(target)
            bits = int.from_bytes(old[4:36], "big")
            tree.put(target, old[:4] + (bits & ~mask | action & mask).to_bytes(32, "big"))
        elif operation == OFFSET:
            number = int.from_bytes(value[1:3], "big")
            limit = int.from_bytes(tree.value(trigger)[1:3], "big")
            tree.put(target, b"\x12" + ((number * limit + 5000) // 10000).to_bytes(2, "big"))
        elif operation == MEMBER:
            start = 2 + index * _ELEMENT_SIZE
            old = tree.value(target)
            tree.store(target, old[:start] + value + old[start + _ELEMENT_SIZE :])
        elif operation == ELEMENT:
            start = 2 + index * _ELEMENT_SIZE
            tree.store(target, value[start : start + _ELEMENT_SIZE])
        elif operation == NOW:
            tree.put(target, b"\x09\x0c" + from_seconds(now_s))
