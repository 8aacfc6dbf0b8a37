"""Top-up tokens as a supplier makes them: the value and the MAC of prepayment.utrn's twenty digits (GBCS 14; facts 9).

The MAC binds supplier, meter, counter and value with a key derived from the supplier's prepayment key and the meter's
key agreement key. The counter's low 32 bits are zero: one counter, one token.
"""

from slotmeter.boards.pc.errors import SlotmeterError
from slotmeter.boards.pc.field_values import BadValue, money
from slotmeter.dlms.gbcs import keys
from slotmeter.hal.crypto import Crypto
from slotmeter.prepayment.errors import PrepaymentError
from slotmeter.prepayment.utrn import MILLIPENCE, PENCE, POUNDS, VALUE_LIMIT, build

_COUNTER_STEP = 1 << 32
_IV_TAIL = b"\x00\x00\x00\x00"
_MAC_AAD = b"\x11\x00\x00\x00\x00\x00"
_UTRN_FLAG = 1


def next_counter(last: int) -> int:
    """The smallest counter of a token above `last`."""
    return (last // _COUNTER_STEP + 1) * _COUNTER_STEP


def value_of(text: object) -> "tuple[int, int]":
    """Value class and value of £5, £1.20, 120p or millipence; SlotmeterError for what a token cannot hold."""
    try:
        millipence = money(text)
    except BadValue as error:
        raise SlotmeterError("amount %s: %s" % (text, error)) from None
    if millipence > 0:
        for value_class in (PENCE, POUNDS):
            value, rest = divmod(millipence, MILLIPENCE[value_class])
            if not rest and value <= VALUE_LIMIT:
                return value_class, value
    raise SlotmeterError(
        "amount %s: a token holds pence up to £%.2f, or pounds up to £%d" % (text, VALUE_LIMIT / 100, VALUE_LIMIT)
    )


def make(crypto: Crypto, z: bytes, supplier: bytes, meter: bytes, counter: int, amount: object) -> str:
    """The 20 digits. z: secret of the supplier's prepayment key and the meter's; counter: its low 32 bits are zero."""

    def mac(counter: int, upper: bytes) -> bytes:
        octets = counter.to_bytes(8, "big")
        key = keys.derive(crypto, z, keys.other_info(supplier, _UTRN_FLAG, octets, meter))
        bound = b"".join((_MAC_AAD, supplier, meter, bytes((_UTRN_FLAG,)), octets, upper))
        return crypto.gmac(key, supplier + _IV_TAIL, bound)[-4:]

    try:
        return build(counter, *value_of(amount), mac)
    except PrepaymentError:
        raise SlotmeterError(
            "the counter of a top-up is a multiple of 4294967296: leave out --counter, or give one"
        ) from None
