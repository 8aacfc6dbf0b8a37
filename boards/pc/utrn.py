"""Top-up tokens as a supplier makes them: 20 digits that carry a value, part of a counter and part of a MAC.

    PTUT  = 000 0000 | counter bits 32 to 41 (10) | value class (2) | value (13) | MAC (32)
    token = PTUT + 7394156990786306048 in 19 digits, and a check digit (GBCS section 14; facts 9)

The counter's low 32 bits are zero: one counter, one token.
"""

from slotmeter.boards.pc.errors import SlotmeterError
from slotmeter.boards.pc.field_values import BadValue, money
from slotmeter.dlms.gbcs import keys
from slotmeter.hal.crypto import Crypto

_OFFSET = 0x669D529B714A0000
_COUNTER_STEP = 1 << 32
PENCE, POUNDS = 0, 1
_LARGEST = (1 << 13) - 1
_IV_TAIL = b"\x00\x00\x00\x00"
_MAC_AAD = b"\x11\x00\x00\x00\x00\x00"
_UTRN_FLAG = 1
# A check digit over the dihedral group of order ten (after Verhoeff), with row 4 first and its own inverse table.
_PERMUTATION = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)
_LAST = (1, 2, 6, 7, 5, 8, 3, 0, 9, 4)
_FIRST_ROW = 4


def _product(left: int, right: int) -> int:
    """The dihedral group of order ten: 0 to 4 turn, 5 to 9 turn and flip."""
    if left < 5:
        return (left + right) % 5 if right < 5 else 5 + (left + right) % 5
    return 5 + (left - right) % 5 if right < 5 else (left - right) % 5


def check_digit(digits: str) -> str:
    """The digit that follows the 19 `digits`."""
    state = 0
    row = _FIRST_ROW
    for digit in digits:
        value = int(digit)
        for _ in range(row):
            value = _PERMUTATION[value]
        state = _product(state, value)
        row = (row + 1) % 8
    return str(_LAST[state])


def next_counter(last: int) -> int:
    """The smallest counter of a token above `last`."""
    return (last // _COUNTER_STEP + 1) * _COUNTER_STEP


def value_of(text: object) -> "tuple[int, int]":
    """Value class and value of £5, £1.20, 120p or millipence; SlotmeterError for what a token cannot hold."""
    try:
        millipence = money(text)
    except BadValue as error:
        raise SlotmeterError("field amount=%s: %s" % (text, error)) from None
    if millipence <= 0 or millipence % 1000:
        raise SlotmeterError("field amount=%s: a token holds whole pence, more than none" % text)
    pence = millipence // 1000
    if pence <= _LARGEST:
        return PENCE, pence
    if pence % 100 == 0 and pence // 100 <= _LARGEST:
        return POUNDS, pence // 100
    raise SlotmeterError("field amount=%s: above £81.91 a token holds whole pounds, up to £%d" % (text, _LARGEST))


def make(crypto: Crypto, z: bytes, supplier: bytes, meter: bytes, counter: bytes, amount: object) -> str:
    """The 20 digits. z: secret of the supplier's prepayment key and the meter's; counter: 8 octets, the low four zero."""
    if counter[4:] != b"\x00\x00\x00\x00":
        raise SlotmeterError("the counter of a top-up is a multiple of 4294967296: use --counter, or leave it out")
    value_class, value = value_of(amount)
    upper = ((int.from_bytes(counter[:4], "big") & 0x3FF) << 15 | value_class << 13 | value).to_bytes(4, "big")
    key = keys.derive(crypto, z, keys.other_info(supplier, _UTRN_FLAG, counter, meter))
    bound = _MAC_AAD + supplier + meter + bytes((_UTRN_FLAG,)) + counter + upper
    mac = crypto.gmac(key, supplier + _IV_TAIL, bound)[-4:]
    digits = "%019d" % (int.from_bytes(upper + mac, "big") + _OFFSET)
    return digits + check_digit(digits)
