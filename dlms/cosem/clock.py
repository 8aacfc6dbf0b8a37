"""Methods of the clock (interface class 8), as ECS70 sets it.

preset_adjusting_time gives a window of validity, adjust_to_preset_time asks whether the meter's time is in it and
makes the clock reliable if so. The time itself comes from the communications hub, so the preset time is always
unspecified.
"""

from slotmeter.dlms.apdu import OTHER_REASON, SUCCESS, TYPE_UNMATCHED
from slotmeter.dlms.dates import CANCEL, to_seconds
from slotmeter.dlms.errors import DecodeError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slotmeter.dlms.cosem.access import Access
    from slotmeter.dlms.cosem.tree import Tree

NULL = b"\x00"


def preset_adjusting_time(tree: "Tree", _key: bytes, data: bytes, _access: "Access") -> "tuple[int, bytes]":
    """Method 5: structure of preset time (unspecified), start and end of its validity, twelve octets each."""
    try:
        start_s = to_seconds(data[18:30])
        end_s = to_seconds(data[32:44])
    except DecodeError:
        return TYPE_UNMATCHED, NULL
    # An unspecified date-time and "cancel" are the same octets.
    if data[4:16] != CANCEL or start_s is None or end_s is None or start_s > end_s:
        return OTHER_REASON, NULL
    tree.time_window = (start_s, end_s)
    return SUCCESS, NULL


def adjust_to_preset_time(tree: "Tree", _key: bytes, _data: bytes, access: "Access") -> "tuple[int, bytes]":
    """Method 4: other-reason without a window given before; each window serves once."""
    window = tree.time_window
    if window is None:
        return OTHER_REASON, NULL
    tree.time_window = None
    return tree.hooks.set_time(window[0], window[1], access), NULL
