"""The reset methods of register (interface class 3), extended register (4) and profile generic (7)."""

from slotmeter.dlms.apdu import SUCCESS
from slotmeter.dlms.dates import from_seconds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slotmeter.dlms.cosem.access import Access
    from slotmeter.dlms.cosem.tree import Tree

NULL = b"\x00"
VALUE = b"\x02"
CAPTURE_TIME = b"\x05"


def _clear(tree: "Tree", key: bytes, access: "Access") -> None:
    """Sets the value to nought in its own type."""
    value = key[:8] + VALUE
    old = tree.value(value)
    tree.put(value, old[:1] + bytes(len(old) - 1))
    tree.hooks.changed(value, access)


def reset_register(tree: "Tree", key: bytes, _data: bytes, access: "Access") -> "tuple[int, bytes]":
    """Method 1 of a register: the value is nought."""
    _clear(tree, key, access)
    return SUCCESS, NULL


def reset_extended_register(tree: "Tree", key: bytes, _data: bytes, access: "Access") -> "tuple[int, bytes]":
    """Method 1 of an extended register: the value is nought, captured now; the time of the last reset follows."""
    _clear(tree, key, access)
    tree.put(key[:8] + CAPTURE_TIME, b"\x09\x0c" + from_seconds(access.now_s))
    tree.follow(key, access.now_s)
    return SUCCESS, NULL


def reset_profile(tree: "Tree", key: bytes, _data: bytes, access: "Access") -> "tuple[int, bytes]":
    """Method 1 of a profile generic: the buffer is empty."""
    tree.clear(key[2:8])
    tree.hooks.changed(key[:8] + VALUE, access)
    return SUCCESS, NULL
