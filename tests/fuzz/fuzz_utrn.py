"""Fuzzes token entry: whatever is typed is judged, nothing is raised, nothing is remembered, nothing counts twice."""

import hashlib

import mutate

from slotmeter.prepayment.topup import ACCEPTED, DUPLICATE, REASONS, Validator
from slotmeter.prepayment.utrn import build, check_digit
from slotmeter.prepayment.utrn import parse as parse_utrn


class Refused(Exception):
    """A reason, as an exception for the engine to count."""


class Kept(dict):
    """A record in memory."""

    def put(self, name, value):
        self[name] = value


def _mac(counter, high):
    return hashlib.sha256(counter.to_bytes(8, "big") + high).digest()[:4]


KEPT = Kept()
METER = Validator(KEPT, _mac, lambda left, right: left == right)
METER.set_floor(100 << 32, True)
FACTORY = dict(KEPT)


def parse(data):
    digits = data.decode("latin-1")
    top_up = METER.judge(digits)
    if len(digits) == 19 and digits.isascii() and digits.isdigit():
        # Nineteen digits become a token: past the check digit, into the fields.
        top_up = METER.judge(digits + check_digit(digits))
        digits += check_digit(digits)
    if top_up.reason != ACCEPTED:
        assert top_up.reason in REASONS, "a reason that nobody knows"
        raise Refused(top_up.reason)
    token = parse_utrn(digits)[0]
    assert build(top_up.counter, token.value_class, token.value, _mac) == digits, "the token builds differently"
    METER.accept(top_up)
    assert METER.judge(digits).reason == DUPLICATE, "the token counts twice"


def after(data, refused):
    try:
        assert not refused or dict(KEPT) == FACTORY, "a refused token left a trace"
    finally:
        KEPT.update(FACTORY)


SEEDS = []
for upper in (50, 99, 100, 101, 500, 1123, 1124, 5000):
    for value_class, value in ((0, 0), (0, 1250), (1, 8191)):
        token = build(upper << 32, value_class, value, _mac)
        SEEDS += [token.encode(), token[:-1].encode()]

TARGET = mutate.Target("prepayment/topup.py", SEEDS, parse, Refused, after)

if __name__ == "__main__":
    mutate.main(TARGET)
