"""What a meter does beyond its stored values when its objects are told to: the tree calls, the firmware overrides.

The tree stores, validates and reads back by itself. Whatever needs a clock, a switch, a token or a tariff is asked
for here, and a meter that does not offer it refuses with other-reason rather than pretend.
"""

from slotmeter.dlms.apdu import OTHER_REASON, SUCCESS
from slotmeter.dlms.dates import from_seconds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slotmeter.dlms.cosem.access import Access

# Clock status (GBCS: Set Clock): reliable, invalid, unreliable.
RELIABLE = 0
INVALID = 1
UNRELIABLE = 2


class Hooks:
    """The defaults: a set of objects without a meter around it."""

    def schedule(self, key: bytes, when: bytes, access: "Access") -> int:
        """A write to activation attribute `key` (9 octets): act at once, at a time, or forget, as the twelve octets of
        `when` say. Returns a data-access result; the value is stored only on success.
        """
        return OTHER_REASON

    def activated(self, key: bytes) -> None:
        """What hung on activation attribute `key` has just become active."""

    def changed(self, key: bytes, access: "Access") -> None:
        """A command has just written attribute `key`, or changed it with a method."""

    def top_up(self, digits: bytes, access: "Access") -> int:
        """A token of twenty digits has been entered remotely; returns a result."""
        return OTHER_REASON

    def supply(self, state: int, access: "Access") -> int:
        """The supply is told to be disabled (0), enabled (1) or armed (2). The control's state follows on success."""
        return SUCCESS

    def tariff(self, script: int, access: "Access") -> int:
        """A script of the tariff script table other than the reset of block counters is executed; returns a result."""
        return OTHER_REASON

    def auxiliary(self, obis: bytes, command: int, access: "Access") -> int:
        """A script table of the auxiliary controllers (0-0:10.0.103.255 state, 0-0:10.0.107.255 limit) is given a
        command of 16 bits: kind (4), controller number (4), level (8). Returns a result.
        """
        return OTHER_REASON

    def set_time(self, start_s: int, end_s: int, access: "Access") -> int:
        """The clock is told that the true time lies within this window, in seconds since 2000; returns a result."""
        return OTHER_REASON

    def read_clock(self, number: int, access: "Access | None") -> "bytes | None":
        """Attribute 2 (time) or 4 (status) of the clock as A-XDR; None when nobody can tell."""
        if number == 4:
            return bytes((17, UNRELIABLE))
        return None if access is None else b"\x09\x0c" + from_seconds(access.now_s)

    def place_clock(self, number: int, data: bytes) -> None:
        """The bench's hand wrote attribute 2 or 4 of the clock. Without a clock there is nothing to do."""
