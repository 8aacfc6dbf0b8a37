"""Top-ups against a slow, obvious model that remembers everything."""

import hashlib

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from slotmeter.prepayment.topup import ACCEPTED, BELOW_FLOOR, CACHE, DUPLICATE, Validator
from slotmeter.prepayment.utrn import POUNDS, build

# Close together, so that floors, duplicates and a full memory all happen.
STEPS = st.integers(1, 3 * CACHE)


class Kept(dict):
    """A record in memory."""

    def put(self, name, value):
        self[name] = value


class Tokens(RuleBasedStateMachine):
    """A meter, and a model: the set of every counter accepted under the key, and the floor."""

    def __init__(self):
        super().__init__()
        self.kept = Kept()
        self.key = 0
        self.used = set()
        self.floor = 0
        self.start()

    def start(self):
        """Builds the meter again from what it kept: a restart."""
        self.meter = Validator(self.kept, self.mac, lambda left, right: left == right)

    def mac(self, counter, high):
        octets = bytes((self.key,)) + counter.to_bytes(8, "big") + high
        return hashlib.sha256(octets).digest()[:4]

    def model(self, counter):
        if counter in self.used:
            # Accepted before; whether it is remembered or forgotten below the floor is the meter's business.
            return (DUPLICATE, BELOW_FLOOR)
        if counter <= self.floor:
            return (BELOW_FLOOR,)
        newer = [other for other in self.used if other > counter]
        # Only what lies below a hundred accepted ones may have been given up.
        return (ACCEPTED, BELOW_FLOOR) if len(newer) >= CACHE else (ACCEPTED,)

    @rule(step=STEPS, remote=st.booleans())
    def top_up(self, step, remote):
        counter = step << 32
        digits = build(counter, POUNDS, 5, self.mac)
        top_up = self.meter.judge(digits, counter if remote else None)
        assert top_up.reason in self.model(counter)
        assert self.meter.seen(counter) == (top_up.reason != ACCEPTED)
        if top_up.reason == ACCEPTED:
            assert top_up.counter == counter
            self.meter.accept(top_up)
            self.used.add(counter)

    @rule(first=STEPS)
    def a_hundred_more(self, first):
        for step in range(first, first + CACHE):
            self.top_up(step, True)

    @rule(step=STEPS)
    def raise_floor(self, step):
        self.meter.set_floor(step << 32, False)
        self.floor = max(self.floor, step << 32)

    @rule(step=STEPS)
    def change_supplier(self, step):
        self.key += 1
        self.meter.set_floor(step << 32, True)
        self.used = set()
        self.floor = step << 32

    @rule()
    def restart(self):
        self.start()

    @invariant()
    def the_memory_is_bounded_and_sorted(self):
        octets = self.kept.get("u") or bytes(8)
        assert len(octets) <= 8 * (CACHE + 1)
        counters = [octets[pos : pos + 8] for pos in range(0, len(octets), 8)]
        assert counters == sorted(set(counters))
        assert self.meter.floor() >= self.floor


TestTokens = Tokens.TestCase
TestTokens.settings = settings(max_examples=30, stateful_step_count=30, deadline=None)
