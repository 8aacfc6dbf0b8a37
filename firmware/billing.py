"""The readings that a meter takes of itself: daily, at the end of a billing period, and when something changes.

    0-0:98.1.9    daily read log: import, time-of-use and block registers at 00:00
    0-0:98.1.10   the same of the export register
    0-0:98.1.8    prepayment daily read log: balances at 00:00, in prepayment mode
    0-0:99.1.3    daily consumption, of both elements together
    0-0:98.1.0    billing data log at the times of the billing calendar 0-0:15.0.0, registers; and ECS68, alert 8F0A
    0-0:98.1.1    the same, balances, in prepayment mode
    0-0:98.1.2    registers and balances at a change of payment mode, tariff or supplier

A row's stamp is the moment that its values belong to: of a day the midnight that ends it. Balances are those of the
collection 0-0:94.44.34.30. Source: SMETS2 5.7.5.10, 13, 14, 26; GBCS 10.4.2.4 and 7; facts 3.3.
"""

from slotmeter.dlms.axdr import decode_whole
from slotmeter.dlms.errors import EncodeError
from slotmeter.firmware.recurrence import next_execution
from slotmeter.firmware.stored_numbers import joined

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slotmeter.dlms.cosem.tree import Tree

# What a snapshot is taken for.
BILLING_PERIOD = 1
MODE_CHANGED = 2
TARIFF_CHANGED = 3
SUPPLIER_CHANGED = 4

BILLING_UPDATED = 0x8F0A

BILLING_REGISTERS = b"\x00\x00\x62\x01\x00\xff"
BILLING_BALANCES = b"\x00\x00\x62\x01\x01\xff"
BILLING_CHANGES = b"\x00\x00\x62\x01\x02\xff"
DAILY_BALANCES = b"\x00\x00\x62\x01\x08\xff"
DAILY_REGISTERS = b"\x00\x00\x62\x01\x09\xff"
DAILY_EXPORT = b"\x00\x00\x62\x01\x0a\xff"
DAILY_CONSUMPTION = b"\x00\x00\x63\x01\x03\xff"

_BALANCES = b"\x00\x01\x00\x00\x5e\x2c\x22\x1e\x02"
_ACCOUNT_MODE = b"\x00\x6f\x00\x00\x13\x00\x00\xff\x02"
_PREPAYMENT = 2
_BUFFER = b"\x00\x07"


def add_row(tree: "Tree", obis: bytes, row: bytes) -> None:
    """Adds a row to a log. Rows of another shape, which only a bench puts there, give way: a log holds one shape."""
    try:
        tree.append(obis, row)
    except EncodeError:
        tree.clear(obis)
        tree.append(obis, row)


def is_prepayment(tree: "Tree") -> bool:
    """Whether the account is in prepayment mode."""
    return tree.value(_ACCOUNT_MODE)[3] == _PREPAYMENT


def balances(tree: "Tree") -> bytes:
    """The six balances as a row holds them: meter, emergency credit, accumulated debt, time debts 1 and 2, payment."""
    octets = tree.value(_BALANCES)
    return b"".join([octets[place : place + 4] for place in range(3, 33, 5)])


def take_daily(tree: "Tree", end_s: int, registers: bytes, export_wh: int, consumed_wh: int) -> None:
    """A day has ended. registers: as a row holds them; consumed_wh: Wh imported since it began."""
    stamp = end_s.to_bytes(4, "big")
    add_row(tree, DAILY_REGISTERS, stamp + registers)
    add_row(tree, DAILY_EXPORT, stamp + joined([export_wh]))
    add_row(tree, DAILY_CONSUMPTION, stamp + joined([consumed_wh]))
    if is_prepayment(tree):
        add_row(tree, DAILY_BALANCES, stamp + balances(tree))


def take_snapshot(tree: "Tree", at_s: int, registers: bytes, trigger: int) -> None:
    """Adds to the billing data log what `trigger` asks for. Changes at one moment are one entry."""
    stamp = at_s.to_bytes(4, "big")
    if trigger != BILLING_PERIOD:
        rows = tree.rows(BILLING_CHANGES)
        if rows and rows[-1][:4] == stamp:
            return
        add_row(tree, BILLING_CHANGES, stamp + registers + balances(tree))
        return
    add_row(tree, BILLING_REGISTERS, stamp + registers)
    if is_prepayment(tree):
        add_row(tree, BILLING_BALANCES, stamp + balances(tree))


def newest_billing(tree: "Tree") -> "tuple[bytes, ...]":
    """What alert 8F0A (ECS68) encrypts: the values, as A-XDR, of its one attribute, the newest row of the registers."""
    rows = tree.rows(BILLING_REGISTERS)
    if not rows:
        return ()
    stamp = rows[-1][:4]
    return (tree.select(_BUFFER + BILLING_REGISTERS + b"\x02", stamp, stamp)[1],)


class Execution:
    """A single action schedule (interface class 22): when it is executed next."""

    def __init__(self, tree: "Tree", obis: bytes) -> None:
        self._tree = tree
        self._key = b"\x00\x16" + obis + b"\x04"
        self._octets = b""
        self._entries: tuple[tuple[bytes, bytes], ...] = ()
        self.due_s: int | None = None

    def load(self) -> bool:
        """Reads the execution times; whether they are others than before."""
        octets = self._tree.value(self._key)
        if octets == self._octets:
            return False
        self._octets = octets
        self._entries = tuple([(row[1][0][1], row[1][1][1]) for row in decode_whole(octets)[1]])
        return True

    def plan(self, after_s: int) -> None:
        """Sets `due_s` to the first execution later than `after_s`."""
        self.due_s = next_execution(self._entries, after_s)
