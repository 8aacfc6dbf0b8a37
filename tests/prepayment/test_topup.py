"""Judging tokens, with a MAC that is simple but depends on everything."""

import hashlib

from slotmeter.prepayment.topup import (
    ACCEPTED,
    BALANCE,
    BELOW_FLOOR,
    CACHE,
    DUPLICATE,
    NOT_AUTHENTIC,
    TOO_LARGE,
    Validator,
    alert_code,
)
from slotmeter.prepayment.utrn import CHECK_DIGIT, NOT_A_UTRN, PENCE, POUNDS, build


class Kept:
    """A record in memory."""

    def __init__(self):
        self.values = {}

    def get(self, name):
        return self.values.get(name)

    def put(self, name, value):
        self.values[name] = value


def _mac(key):
    def make(counter, high):
        return hashlib.sha256(key + counter.to_bytes(8, "big") + high).digest()[-4:]

    return make


def _equal(left, right):
    return left == right


def _meter(kept=None, key=b"supplier"):
    return Validator(kept or Kept(), _mac(key), _equal)


def _token(upper, value=10, value_class=POUNDS, key=b"supplier"):
    return build(upper << 32, value_class, value, _mac(key))


def _enter(meter, upper, key=b"supplier"):
    top_up = meter.judge(_token(upper, key=key))
    if top_up.reason == ACCEPTED:
        meter.accept(top_up)
    return top_up


def test_a_good_token_is_worth_its_value():
    top_up = _meter().judge(_token(3))
    assert (top_up.reason, top_up.counter, top_up.millipence) == (ACCEPTED, 3 << 32, 1000000)
    assert _meter().judge(_token(3, 1250, PENCE)).millipence == 1250000


def test_a_token_counts_once():
    meter = _meter()
    assert _enter(meter, 3).reason == ACCEPTED
    assert _enter(meter, 3).reason == DUPLICATE
    assert meter.judge(_token(3), 3 << 32).reason == DUPLICATE


def test_judging_changes_nothing():
    kept = Kept()
    meter = _meter(kept)
    for digits in (_token(3), _token(4, key=b"other"), "1"):
        meter.judge(digits)
    assert kept.values == {}


def test_tokens_may_come_out_of_order():
    meter = _meter()
    for upper in (9, 3, 7, 4):
        assert _enter(meter, upper).reason == ACCEPTED
    for upper in (9, 3, 7, 4):
        assert _enter(meter, upper).reason == DUPLICATE
    assert meter.highest() == 9 << 32


def test_spelling_errors_come_first():
    digits = _token(3)
    wrong = digits[:-1] + str((int(digits[-1]) + 1) % 10)
    assert _meter().judge(wrong).reason == CHECK_DIGIT
    assert _meter().judge(digits[1:]).reason == NOT_A_UTRN


def test_another_suppliers_token_is_not_authentic():
    assert _meter().judge(_token(3, key=b"other")).reason == NOT_AUTHENTIC
    assert _meter().judge(_token(3, key=b"other"), 3 << 32).reason == NOT_AUTHENTIC


def test_without_a_top_up_key_nothing_is_authentic():
    meter = Validator(Kept(), lambda counter, high: b"", _equal)
    assert meter.judge(_token(3)).reason == NOT_AUTHENTIC


def test_a_remote_counter_must_be_that_of_the_token():
    meter = _meter()
    assert meter.judge(_token(3), 3 << 32).reason == ACCEPTED
    for counter in (4 << 32, (3 << 32) + 1, (3 + 1024) << 32, 0):
        assert meter.judge(_token(3), counter).reason == NOT_AUTHENTIC


def test_a_remote_counter_may_be_any_distance_away():
    meter = _meter()
    token = _token(1 << 30)
    assert meter.judge(token, 1 << 62).reason == ACCEPTED
    assert meter.judge(token).reason == NOT_AUTHENTIC


def test_the_counter_of_a_local_token_is_rebuilt():
    meter = _meter()
    meter.set_floor(5000 << 32, True)
    for upper in (5001, 5500, 6000, 6023):
        assert meter.judge(_token(upper)).counter == upper << 32
    # A whole window ahead the ten bits mean a nearer counter.
    assert meter.judge(_token(6024)).reason == NOT_AUTHENTIC
    _enter(meter, 6000)
    for upper in (5001, 5999, 6001, 7023):
        assert meter.judge(_token(upper)).counter == upper << 32


def test_the_floor_itself_and_what_is_below_is_refused():
    meter = _meter()
    meter.set_floor(5000 << 32, True)
    for upper in (4000, 4999, 5000):
        assert meter.judge(_token(upper)).reason == BELOW_FLOOR
        assert meter.judge(_token(upper), upper << 32).reason == BELOW_FLOOR
    assert meter.judge(_token(5001)).reason == ACCEPTED


def test_a_new_top_up_key_forgets_and_may_lower_the_floor():
    meter = _meter()
    _enter(meter, 500)
    meter.set_floor(100 << 32, True)
    assert (meter.floor(), meter.highest()) == (100 << 32, 100 << 32)
    assert _enter(meter, 500).reason == ACCEPTED


def test_with_the_old_key_the_floor_only_rises():
    meter = _meter()
    _enter(meter, 500)
    _enter(meter, 600)
    meter.set_floor(0, False)
    assert _enter(meter, 500).reason == DUPLICATE
    meter.set_floor(550 << 32, False)
    assert meter.floor() == 550 << 32
    assert meter.highest() == 600 << 32
    assert meter.judge(_token(500)).reason == BELOW_FLOOR
    assert meter.judge(_token(600)).reason == DUPLICATE
    meter.set_floor(700 << 32, False)
    assert meter.highest() == 700 << 32


def test_what_falls_out_of_the_memory_stays_refused():
    meter = _meter()
    for upper in range(1, CACHE + 6):
        assert _enter(meter, upper).reason == ACCEPTED
    assert meter.floor() == 5 << 32
    for upper in range(1, CACHE + 6):
        reason = _enter(meter, upper).reason
        assert reason == (BELOW_FLOOR if upper < 6 else DUPLICATE)
        assert meter.seen(upper << 32)
    assert not meter.seen((CACHE + 6) << 32)


def test_the_counters_survive_a_restart():
    kept = Kept()
    meter = _meter(kept)
    meter.set_floor(2 << 32, True)
    _enter(meter, 5)
    again = _meter(kept)
    assert (again.floor(), again.highest()) == (2 << 32, 5 << 32)
    assert _enter(again, 5).reason == DUPLICATE


def test_too_much_at_once_and_too_much_altogether_are_refused():
    meter = _meter()
    assert meter.judge(_token(3), None, 999999, None).reason == TOO_LARGE
    assert meter.judge(_token(3), None, 1000000, 999999).reason == BALANCE
    top_up = meter.judge(_token(3), None, 1000000, 1000000)
    assert top_up.reason == ACCEPTED
    # Refused for its worth, it was never accepted and may come again.
    assert not meter.seen(3 << 32)


def test_reasons_have_their_alerts():
    assert [alert_code(reason) for reason in (NOT_AUTHENTIC, DUPLICATE, TOO_LARGE, BALANCE, BELOW_FLOOR, "")] == [
        0x8F63,
        0x8F51,
        0x8F5B,
        0x8F47,
        0,
        0,
    ]


def test_nothing_shows_a_token():
    meter = _meter()
    top_up = _enter(meter, 3)
    assert _token(3) not in repr(top_up) + repr(meter)
