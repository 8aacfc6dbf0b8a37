"""The ledger beside a slow, obvious one that takes every millipence by itself, and the balance of all money."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from slotmeter.prepayment.ledger import (
    CREDIT_OUT,
    DEBT_COMPLETED,
    EMERGENCY_ACTIVATED,
    EMERGENCY_AVAILABLE,
    EMERGENCY_EXHAUSTED,
    LOW_CREDIT,
    WEEK_S,
    Ledger,
)

POUND = 100000
SMALL = st.integers(0, 120)
SIGNED = st.integers(-100, 100)


class Model:
    """The rules one by one, every millipence alone. Pairs of the matrix: {(credit, charge): whether always}."""

    def __init__(self):
        self.prepayment = False
        self.mb = self.adr = self.used = self.pd = 0
        self.td = [0, 0]
        self.ecl = self.ect = self.dt = self.lct = self.share = self.cap = 0
        self.pairs = {}
        self.selected = self.exhausted = self.low = self.offered = self.out = False
        self.paid = []
        self.told = []

    def left(self):
        return max(0, self.ecl - self.used)

    def look(self):
        """After anything whatever: thresholds in the order in which they are told."""
        if not self.prepayment:
            self.low = self.offered = self.out = False
            return
        if self.selected and self.used <= 0 and self.mb >= self.ect:
            self.selected = False
        if not self.selected or self.mb > self.dt:
            self.exhausted = False
        combined = self.mb + (self.left() if self.selected else 0)
        self.low = self.cross(self.low, combined < self.lct, LOW_CREDIT)
        can = self.ecl > 0 and not self.selected and self.left() > 0 and self.mb < self.ect
        self.offered = self.cross(self.offered, can, EMERGENCY_AVAILABLE)
        spent = self.selected and self.mb <= self.dt and self.left() == 0
        self.exhausted = self.cross(self.exhausted, spent or self.exhausted, EMERGENCY_EXHAUSTED)
        out = self.mb <= self.dt and not (self.selected and not self.exhausted)
        self.out = self.cross(self.out, out, CREDIT_OUT)

    def cross(self, before, now, code):
        if now and not before:
            self.told.append(code)
        return now

    def charge(self, charge, amount, connected):
        always = self.pairs.get((0, charge))
        if always is None or not (always or connected):
            return 0
        if amount < 0:
            self.mb -= amount
            self.look()
            return amount
        for _ in range(amount):
            in_use = (
                self.prepayment and self.selected and not self.exhausted and self.mb <= self.dt and self.left() > 0
            )
            if in_use and (2, charge) in self.pairs:
                self.adr += 1
            elif in_use and (1, charge) in self.pairs:
                self.used += 1
            else:
                self.mb -= 1
            self.look()
        return amount

    def debt(self, number, rate, connected):
        amount = self.charge(number, min(rate, max(0, self.td[number - 1])), connected)
        self.td[number - 1] -= amount
        if amount and not self.td[number - 1]:
            self.told.append(DEBT_COMPLETED[number - 1])
        return amount

    def pay(self, amount, now_s):
        week = sum(paid for at, paid in self.paid if at > now_s - WEEK_S)
        to_debt = 0
        if (0, 3) in self.pairs:
            to_debt = max(0, min(amount * self.share // 10000, self.pd, self.cap - week))
        if to_debt:
            self.pd -= to_debt
            self.paid.append((now_s, to_debt))
            if not self.pd:
                self.told.append(DEBT_COMPLETED[2])
        for _ in range(amount - to_debt):
            if self.adr > 0:
                self.adr -= 1
            elif self.used > 0:
                self.used -= 1
            else:
                self.mb += 1
        self.look()
        return to_debt

    def activate(self):
        if self.selected:
            return not self.exhausted
        if not (self.prepayment and self.offered):
            return False
        self.selected = True
        self.offered = False
        self.told.append(EMERGENCY_ACTIVATED)
        self.look()
        return True


def matrix(prepayment, suspend_disabled, suspend_emergency, secondary):
    """Pairs with their flags, as the mode command writes them."""
    if not prepayment:
        return [(0, charge, 7) for charge in (0, 4) + ((5,) if secondary else ())]
    pairs = []
    for credit in (0, 1):
        for charge in (0, 1, 2, 3, 4) + ((5,) if secondary else ()):
            pairs.append((credit, charge, 6 if suspend_disabled and charge in (1, 2) else 7))
    if suspend_emergency:
        pairs.extend([(2, charge, 7) for charge in (1, 2, 4)])
    return pairs


class Accounts(RuleBasedStateMachine):
    """Both of them, and what money came and went."""

    def __init__(self):
        super().__init__()
        self.ledger = Ledger()
        self.model = Model()
        self.now_s = 0
        self.told = []
        self.paid_in = self.adjusted = self.charged = 0
        self.to_debts = [0, 0, 0]
        self.lent = [0, 0, 0]

    @initialize(flags=st.tuples(st.booleans(), st.booleans(), st.booleans()), balance=SIGNED, limit=SMALL, ect=SIGNED)
    def start(self, flags, balance, limit, ect):
        self.mode(True, *flags)
        self.adjust(balance)
        self.configure(limit, ect, 0, 0)
        self.share(5000, 60)

    # ---- what may happen

    @rule(amount=st.integers(-5, 150), secondary=st.booleans())
    def consume(self, amount, secondary):
        charge = 5 if secondary else 0
        before = self.ledger.position()
        self.ledger.consume(amount, charge)
        self.charged += self.model.charge(charge, amount, True)
        assert before - self.ledger.position() in (amount, 0)

    @rule(amount=SMALL, connected=st.booleans())
    def standing_charge(self, amount, connected):
        taken = self.ledger.collect(4, amount, connected)
        assert taken == self.model.charge(4, amount, connected)
        self.charged += taken

    @rule(number=st.sampled_from((1, 2)), rate=SMALL, connected=st.booleans())
    def time_debt(self, number, rate, connected):
        taken = self.ledger.collect_time_debt(number, rate, connected)
        assert taken == self.model.debt(number, rate, connected)
        self.to_debts[number - 1] += taken

    @rule(amount=st.integers(0, 300), later=st.integers(0, WEEK_S))
    def top_up(self, amount, later):
        self.now_s += later
        paid = self.ledger.top_up(amount, self.now_s)
        assert paid == self.model.pay(amount, self.now_s)
        self.to_debts[2] += paid
        self.paid_in += amount

    @rule()
    def pay_debt_to_clear(self):
        need = self.ledger.debt_to_clear(self.now_s)
        if 0 < need < 3000:
            self.top_up(need, 0)
            assert self.ledger.debt_to_clear(self.now_s) == 0 and not self.ledger.out

    @rule()
    def activate(self):
        assert self.ledger.activate() == self.model.activate()

    @rule(amount=SIGNED)
    def adjust(self, amount):
        self.adjusted += amount
        self.ledger.balance += amount
        self.model.mb += amount
        self.look()

    @rule(place=st.integers(0, 2), amount=st.integers(-20, 100))
    def lend(self, place, amount):
        self.lent[place] += amount
        if place == 2:
            self.ledger.payment_debt += amount
            self.model.pd += amount
        else:
            self.ledger.time_debt[place] += amount
            self.model.td[place] += amount
        self.look()

    @rule()
    def reset(self):
        self.adjusted -= self.ledger.position()
        self.ledger.reset_emergency()
        self.ledger.balance = self.ledger.accumulated = 0
        self.model.mb = self.model.adr = self.model.used = 0
        self.model.selected = self.model.exhausted = False
        self.look()

    @rule(limit=SMALL, ect=SIGNED, dt=st.integers(-30, 10), lct=SIGNED)
    def configure(self, limit, ect, dt, lct):
        model = self.model
        if limit > model.ecl and limit > model.used:
            model.exhausted = False
        self.ledger.set_limit(limit)
        model.ecl = limit
        self.ledger.emergency_threshold = model.ect = ect
        self.ledger.disablement = model.dt = dt
        self.ledger.low_threshold = model.lct = lct
        self.look()

    @rule(share=st.integers(0, 10000), cap=SMALL)
    def share(self, share, cap):
        self.ledger.share = self.model.share = share
        self.ledger.cap = self.model.cap = cap

    @rule(prepayment=st.booleans(), sdd=st.booleans(), sde=st.booleans(), secondary=st.booleans())
    def mode(self, prepayment, sdd, sde, secondary):
        pairs = matrix(prepayment, sdd, sde, secondary)
        self.ledger.set_matrix(pairs)
        self.model.pairs = {(credit, charge): bool(flags & 1) for credit, charge, flags in pairs}
        self.ledger.prepayment = self.model.prepayment = prepayment
        self.look()

    @rule(amount=st.integers(1, 60))
    def up_to_the_headroom_nothing_happens(self, amount):
        room = self.ledger.headroom()
        if (0, 0) in self.model.pairs and (room is None or room >= amount):
            self.consume(amount, False)
            assert len(self.ledger.facts) == 0

    def look(self):
        self.ledger.review()
        self.model.look()

    # ---- what is always so

    @invariant()
    def they_agree(self):
        ledger, model = self.ledger, self.model
        assert (ledger.balance, ledger.accumulated, ledger.used) == (model.mb, model.adr, model.used)
        assert (ledger.time_debt, ledger.payment_debt) == (model.td, model.pd)
        assert (ledger.selected, ledger.exhausted, ledger.low) == (model.selected, model.exhausted, model.low)
        assert (ledger.offered, ledger.out) == (model.offered, model.out)
        # The model sees in which order thresholds lie along the way; the ledger is told the whole way at once.
        assert sorted(ledger.facts) == sorted(model.told)
        ledger.facts = []
        model.told = []

    @invariant()
    def money_is_neither_made_nor_lost(self):
        debts = sum(self.to_debts)
        assert self.ledger.position() == self.paid_in + self.adjusted - self.charged - debts
        owed = self.ledger.time_debt + [self.ledger.payment_debt]
        assert owed == [self.lent[place] - self.to_debts[place] for place in range(3)]

    @invariant()
    def emergency_credit_is_between_nothing_and_its_limit(self):
        assert 0 <= self.ledger.emergency_balance() <= max(0, self.ledger.limit)
        assert self.ledger.accumulated >= 0 and self.ledger.used >= 0

    @invariant()
    def no_week_pays_more_to_debt_than_the_highest_cap_of_it(self):
        recent = [amount for at, amount in self.model.paid if at > self.now_s - WEEK_S]
        assert sum(recent) <= 120 and sum(one[1] for one in self.ledger.payments) >= sum(recent)


TestAccounts = Accounts.TestCase
TestAccounts.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)
