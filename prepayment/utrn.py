"""The UTRN: twenty digits that carry a top-up (GBCS 14; facts section 9).

    PTUT (64 bits)  0000000 | truncated counter (10) | value class (2) | value (13) | MAC32 (32)
    PPTD            PTUT + 0x669D529B714A0000, 19 decimal digits
    UTRN            PPTD and a check digit

The truncated counter is bits 32 to 41 of the 64-bit counter of the token. MAC32 is the end of a GMAC over both
identities, the whole counter and the upper half of the PTUT; computing it is for who holds the key.
"""

from slotmeter.prepayment.errors import PrepaymentError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

DIGITS = 20
# What makes every PTUT a number of 19 digits.
PPTD_OFFSET = 0x669D529B714A0000
# The highest seven bits of a PTUT are zero.
_PTUT_LIMIT = 1 << 57

# Value classes: what one unit of the value is worth, in thousandths of a penny.
PENCE = 0
POUNDS = 1
MILLIPENCE = (1000, 100000)
VALUE_LIMIT = 8191

# Multiplication of the dihedral group of ten elements, by which Verhoeff's check digit goes.
_D5 = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9),
    (1, 2, 3, 4, 0, 6, 7, 8, 9, 5),
    (2, 3, 4, 0, 1, 7, 8, 9, 5, 6),
    (3, 4, 0, 1, 2, 8, 9, 5, 6, 7),
    (4, 0, 1, 2, 3, 9, 5, 6, 7, 8),
    (5, 9, 8, 7, 6, 0, 4, 3, 2, 1),
    (6, 5, 9, 8, 7, 1, 0, 4, 3, 2),
    (7, 6, 5, 9, 8, 2, 1, 0, 4, 3),
    (8, 7, 6, 5, 9, 3, 2, 1, 0, 4),
    (9, 8, 7, 6, 5, 4, 3, 2, 1, 0),
)
# The permutation of each place: row 1, applied again and again; row 8 would be row 0.
_PLACES = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9),
    (1, 5, 7, 6, 2, 8, 3, 0, 9, 4),
    (5, 8, 0, 3, 7, 9, 6, 1, 4, 2),
    (8, 9, 1, 6, 0, 4, 3, 5, 2, 7),
    (9, 4, 5, 3, 1, 2, 6, 8, 7, 0),
    (4, 2, 8, 6, 5, 7, 3, 9, 0, 1),
    (2, 7, 9, 3, 8, 0, 6, 4, 1, 5),
    (7, 0, 4, 6, 9, 1, 3, 2, 5, 8),
)
# The first digit of 19 takes this row. With it and the last table, which is not the group's inverse, GBCS 14.8 goes.
_FIRST_PLACE = 4
_CHECK = (1, 2, 6, 7, 5, 8, 3, 0, 9, 4)


def check_digit(pptd: str) -> str:
    """The check digit of 19 decimal digits."""
    state = 0
    place = _FIRST_PLACE
    for digit in pptd:
        state = _D5[state][_PLACES[place][ord(digit) - 0x30]]
        place = (place + 1) & 7
    return str(_CHECK[state])


class Utrn:
    """A token that was spelt correctly. It may still be anybody's: only the MAC tells.

    truncated: 10 bits of the counter; value_class: PENCE or POUNDS; value: 0 to VALUE_LIMIT; high: the upper 4 octets
    of the PTUT; mac: the lower 4.
    """

    def __init__(self, ptut: int) -> None:
        high = ptut >> 32
        self.truncated = high >> 15
        self.value_class = high >> 13 & 3
        self.value = high & 0x1FFF
        self.high = high.to_bytes(4, "big")
        self.mac = (ptut & 0xFFFFFFFF).to_bytes(4, "big")

    def millipence(self) -> int:
        """What the token is worth, in thousandths of a penny."""
        return self.value * MILLIPENCE[self.value_class]

    def __repr__(self) -> str:
        return "Utrn(%d digits)" % DIGITS


# Why `parse` gives no token.
NOT_A_UTRN = "not-a-utrn"
CHECK_DIGIT = "check-digit"


def parse(digits: str) -> "tuple[Utrn | None, str]":
    """The token in twenty digits and "", or None and why not: NOT_A_UTRN or CHECK_DIGIT."""
    if len(digits) != DIGITS:
        return None, NOT_A_UTRN
    for digit in digits:
        if digit < "0" or digit > "9":
            return None, NOT_A_UTRN
    if check_digit(digits[:-1]) != digits[-1]:
        return None, CHECK_DIGIT
    ptut = int(digits[:-1]) - PPTD_OFFSET
    if ptut < 0 or ptut >= _PTUT_LIMIT:
        return None, NOT_A_UTRN
    token = Utrn(ptut)
    if token.value_class > POUNDS:
        # Classes 2 and 3 are reserved.
        return None, NOT_A_UTRN
    return token, ""


def truncate(counter: int) -> int:
    """The ten bits of a 64-bit counter that travel in a token."""
    return counter >> 32 & 0x3FF


def build(counter: int, value_class: int, value: int, make_mac: "Callable[[int, bytes], bytes]") -> str:
    """The twenty digits of a token; `make_mac` gives 4 octets for (counter, upper half of the PTUT).

    PrepaymentError when the value does not fit its field or the counter is not one of a token: 64 bits, the low 32
    zero.
    """
    if value < 0 or value > VALUE_LIMIT or value_class not in (PENCE, POUNDS):
        raise PrepaymentError("value does not fit a token")
    if counter < 0 or counter >> 64 or counter & 0xFFFFFFFF:
        raise PrepaymentError("counter is not that of a token")
    high = truncate(counter) << 15 | value_class << 13 | value
    mac = make_mac(counter, high.to_bytes(4, "big"))
    digits = str((high << 32 | int.from_bytes(mac, "big")) + PPTD_OFFSET)
    return digits + check_digit(digits)
