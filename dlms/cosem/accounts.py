"""Methods of credit (interface class 112), charge (113) and token gateway (115).

Amounts are double-longs in millipence. One that would not fit is refused with other-reason and changes nothing.
"""

from slotmeter.dlms.apdu import OTHER_REASON, SUCCESS
from slotmeter.dlms.errors import EncodeError
from slotmeter.dlms.octets import get_int, put_int

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slotmeter.dlms.cosem.access import Access
    from slotmeter.dlms.cosem.tree import Tree

NULL = b"\x00"
CURRENT_CREDIT_AMOUNT = b"\x02"
CREDIT_STATUS = b"\x08"
UNIT_CHARGE_ACTIVE = b"\x05"
UNIT_CHARGE_PASSIVE = b"\x06"
TOTAL_AMOUNT_REMAINING = b"\x0c"

# credit_status: selectable becomes invoked; in use stays so; enabled (not yet selectable) and exhausted refuse.
SELECTABLE = 1
INVOKED = 2
IN_USE = 3


def _add(tree: "Tree", key: bytes, data: bytes, access: "Access") -> "tuple[int, bytes]":
    try:
        amount = put_int(get_int(tree.value(key)[1:]) + get_int(data[1:]), 4)
    except EncodeError:
        return OTHER_REASON, NULL
    tree.put(key, b"\x05" + amount)
    tree.hooks.changed(key, access)
    return SUCCESS, NULL


def update_amount(tree: "Tree", key: bytes, data: bytes, access: "Access") -> "tuple[int, bytes]":
    """Credit, method 1: adds the argument to the amount."""
    return _add(tree, key[:8] + CURRENT_CREDIT_AMOUNT, data, access)


def set_amount_to_value(tree: "Tree", key: bytes, data: bytes, access: "Access") -> "tuple[int, bytes]":
    """Credit, method 2: the amount becomes the argument."""
    tree.put(key[:8] + CURRENT_CREDIT_AMOUNT, data)
    tree.hooks.changed(key[:8] + CURRENT_CREDIT_AMOUNT, access)
    return SUCCESS, NULL


def invoke_credit(tree: "Tree", key: bytes, _data: bytes, access: "Access") -> "tuple[int, bytes]":
    """Credit, method 3: success when the credit is active afterwards, whether or not it was before (ECS09)."""
    status = key[:8] + CREDIT_STATUS
    now = tree.value(status)[1]
    if now == SELECTABLE:
        tree.put(status, bytes((0x16, INVOKED)))
        tree.hooks.changed(status, access)
        return SUCCESS, NULL
    return SUCCESS if now in (INVOKED, IN_USE) else OTHER_REASON, NULL


def activate_passive_unit_charge(tree: "Tree", key: bytes, _data: bytes, access: "Access") -> "tuple[int, bytes]":
    """Charge, method 2: the passive unit charge becomes the active one."""
    tree.put(key[:8] + UNIT_CHARGE_ACTIVE, tree.value(key[:8] + UNIT_CHARGE_PASSIVE))
    tree.hooks.changed(key[:8] + UNIT_CHARGE_ACTIVE, access)
    return SUCCESS, NULL


def update_total_amount_remaining(tree: "Tree", key: bytes, data: bytes, access: "Access") -> "tuple[int, bytes]":
    """Charge, method 4: adds the argument to what is still owed."""
    return _add(tree, key[:8] + TOTAL_AMOUNT_REMAINING, data, access)


def set_total_amount_remaining(tree: "Tree", key: bytes, data: bytes, access: "Access") -> "tuple[int, bytes]":
    """Charge, method 5: what is still owed becomes the argument."""
    tree.put(key[:8] + TOTAL_AMOUNT_REMAINING, data)
    tree.hooks.changed(key[:8] + TOTAL_AMOUNT_REMAINING, access)
    return SUCCESS, NULL


def enter(tree: "Tree", _key: bytes, data: bytes, access: "Access") -> "tuple[int, bytes]":
    """Token gateway, method 1: twenty digits."""
    return tree.hooks.top_up(data[2:], access), NULL
