"""Spelling of tokens."""

from slotmeter.prepayment.errors import PrepaymentError
from slotmeter.prepayment.utrn import (
    CHECK_DIGIT,
    NOT_A_UTRN,
    PENCE,
    POUNDS,
    PPTD_OFFSET,
    build,
    check_digit,
    parse,
    truncate,
)

# Check digits of tokens printed in GBCS 14.8's manner (public test tokens of the gbcs-parser project).
KNOWN = (
    "74301825837596672005",
    "73942327323638615660",
    "73942625662347784688",
    "73942625892603794512",
    "73942626542452737218",
    "73942316567647575864",
    "73941656880950804485",
)


def _mac(counter, high):
    return b"\x12\x34\x56\x78"


def test_known_tokens_have_their_check_digit():
    for digits in KNOWN:
        assert check_digit(digits[:-1]) == digits[-1]


def test_a_token_comes_back_as_it_was_built():
    for counter, value_class, value in ((1 << 32, PENCE, 0), (0x3FF << 32, POUNDS, 8191), (0x401 << 32, PENCE, 1250)):
        digits = build(counter, value_class, value, _mac)
        token, reason = parse(digits)
        assert reason == ""
        assert len(digits) == 20
        assert token.truncated == truncate(counter) == (counter >> 32) % 1024
        assert (token.value_class, token.value) == (value_class, value)
        assert token.mac == b"\x12\x34\x56\x78"
        assert token.millipence() == value * (1000, 100000)[value_class]


def test_the_field_order_is_counter_class_value():
    token, reason = parse(build(0x155 << 32, POUNDS, 0x0ABC, _mac))
    assert reason == ""
    assert token.high == ((0x155 << 15) | (1 << 13) | 0x0ABC).to_bytes(4, "big")


def test_every_single_digit_error_is_found():
    for digits in KNOWN + (build(5 << 32, PENCE, 1234, _mac),):
        for place in range(20):
            for digit in "0123456789":
                if digit != digits[place]:
                    wrong = digits[:place] + digit + digits[place + 1 :]
                    assert check_digit(wrong[:-1]) != wrong[-1]
                    assert parse(wrong) == (None, CHECK_DIGIT)


def test_every_swap_of_neighbours_is_found():
    # Swaps with the check digit itself included: table J leaves none undetected in these tokens.
    for digits in KNOWN:
        for place in range(18):
            if digits[place] != digits[place + 1]:
                wrong = digits[:place] + digits[place + 1] + digits[place] + digits[place + 2 :]
                assert parse(wrong) == (None, CHECK_DIGIT)


def test_every_pair_of_neighbours_swapped_is_found_in_every_place():
    for place in range(18):
        for left in range(10):
            for right in range(10):
                if left != right:
                    ends = ("0" * place, "0" * (17 - place))
                    pair = chr(48 + left) + chr(48 + right)
                    swapped = chr(48 + right) + chr(48 + left)
                    assert check_digit(ends[0] + pair + ends[1]) != check_digit(ends[0] + swapped + ends[1])


def test_what_is_no_token_is_refused():
    for digits in ("", "1", "7" * 19, "7" * 21, "7394614433204021731x", " 3946144332040217315", "-3946144332040217315"):
        assert parse(digits) == (None, NOT_A_UTRN)


def test_numbers_outside_the_range_are_refused():
    for pptd in (PPTD_OFFSET - 1, PPTD_OFFSET + (1 << 57), 0, 10**19 - 1):
        digits = "%019d" % pptd
        assert parse(digits + check_digit(digits)) == (None, NOT_A_UTRN)


def test_the_first_and_the_last_number_of_the_range_are_read():
    first = str(PPTD_OFFSET)
    token, reason = parse(first + check_digit(first))
    assert (reason, token.value, token.truncated) == ("", 0, 0)
    # The highest number has value class 3, so the highest token is below it.
    last = str(PPTD_OFFSET + (1 << 57) - 1)
    assert parse(last + check_digit(last)) == (None, NOT_A_UTRN)


def test_reserved_value_classes_are_refused():
    for value_class in (2, 3):
        pptd = str((value_class << 45) + PPTD_OFFSET)
        assert parse(pptd + check_digit(pptd)) == (None, NOT_A_UTRN)


def test_what_does_not_fit_a_token_is_not_built():
    good = 1 << 32
    for counter, value_class, value in ((good, 0, 8192), (good, 2, 1), (good, 0, -1), (1, 0, 1), (1 << 64, 0, 1)):
        try:
            build(counter, value_class, value, _mac)
        except PrepaymentError:
            continue
        raise AssertionError("built")


def test_a_token_does_not_show_itself():
    token = parse(build(3 << 32, POUNDS, 10, _mac))[0]
    assert repr(token) == "Utrn(20 digits)"
