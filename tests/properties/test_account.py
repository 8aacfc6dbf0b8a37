"""The account over the object tree: whatever happens to it, and wherever the power goes, the books balance."""

from accounted import BALANCE, DAY, DEBTS, EMERGENCY, HELD_BACK, HOUR, Accounted, flat_rate, i32, token, window_entry
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from slotmeter.prepayment.topup import ACCEPTED

RESETS = [(attribute[:8] + b"\x02", i32(0)) for attribute in (BALANCE, EMERGENCY, HELD_BACK)]
SMALL = st.integers(0, 5000)
SIGNED = st.integers(-3000, 3000)


class Books(RuleBasedStateMachine):
    """A meter, and what money went in and out since the beginning. Each rule is a transaction, or is cut off."""

    def __init__(self):
        super().__init__()
        self.m = Accounted()
        # In: top-ups and adjustments. Out: what was used, and what fell due.
        self.position = 0
        self.debts = [0, 0, 0]
        self.upper = 1
        self.used = set()
        self.standing = 0
        self.mode(True, False, True)

    def kept(self):
        """Commits, and takes what it came to as the truth."""
        self.m.save()
        ledger = self.m.account.ledger
        self.position = ledger.position()
        self.debts = ledger.time_debt + [ledger.payment_debt]

    # ---- what happens

    @rule(amount=SMALL)
    def consume(self, amount):
        self.m.account.consume(amount)
        assert self.m.account.ledger.position() == self.position - amount
        self.kept()

    @rule(hours=st.integers(1, 60))
    def time_passes(self, hours):
        m = self.m
        days = (m.now_s + hours * HOUR) // DAY - m.now_s // DAY
        m.passes(hours * HOUR)
        ledger = m.account.ledger
        debts = ledger.time_debt + [ledger.payment_debt]
        repaid = sum(self.debts) - sum(debts)
        assert repaid >= 0 and debts[2] == self.debts[2]
        assert ledger.position() == self.position - days * self.standing - repaid
        self.kept()

    @rule(pence=st.integers(1, 9), remote=st.booleans(), again=st.booleans())
    def top_up(self, pence, remote, again):
        m = self.m
        if not (again and self.used):
            self.upper += 1
        header = self.upper << 32 if remote else None
        verdict = m.account.top_up(token(self.upper, pence), header, m.now_s)
        if verdict.reason == ACCEPTED:
            assert self.upper not in self.used
            self.used.add(self.upper)
            ledger = m.account.ledger
            to_debt = self.debts[2] - ledger.payment_debt
            assert to_debt >= 0
            assert ledger.position() == self.position + pence * 1000 - to_debt
            assert m.rows(b"\x00\x00\x62\x01\x05\xff")[-1] == (m.now_s, pence * 1000)
        else:
            assert self.upper in self.used and m.account.ledger.position() == self.position
        self.kept()

    @rule()
    def activate(self):
        self.m.account.activate_emergency_credit(self.m.now_s)
        assert self.m.account.ledger.position() == self.position
        self.kept()

    @rule(amount=SIGNED)
    def adjust(self, amount):
        assert self.m.invoke((BALANCE[:8] + b"\x01", i32(amount))) == [0]
        assert self.m.account.ledger.position() == self.position + amount
        self.kept()

    @rule(place=st.integers(0, 2), amount=st.integers(-500, 3000))
    def lend(self, place, amount):
        assert self.m.invoke((DEBTS[place][:8] + b"\x04", i32(amount))) == [0]
        self.debts[place] += amount
        ledger = self.m.account.ledger
        assert ledger.time_debt + [ledger.payment_debt] == self.debts and ledger.position() == self.position
        self.kept()

    @rule()
    def reset(self):
        self.m.invoke(*RESETS)
        assert self.m.account.ledger.position() == 0
        assert self.m.shown()[:3] == [0, self.m.account.ledger.limit, 0]
        self.kept()

    @rule(prepayment=st.booleans(), sdd=st.booleans(), sde=st.booleans())
    def mode(self, prepayment, sdd, sde):
        before = self.m.shown()
        self.m.mode(prepayment, sdd, sde)
        assert self.m.shown() == before and self.m.account.ledger.position() == self.position

    @rule(limit=SMALL, threshold=SIGNED, disablement=st.integers(-2000, 100), low=SIGNED)
    def configure(self, limit, threshold, disablement, low):
        self.m.place(limit=limit, threshold=threshold, disablement=disablement, low=low)
        assert self.m.account.ledger.position() == self.position

    @rule(standing=st.integers(0, 99), rates=st.tuples(SMALL, SMALL), hourly=st.booleans(), share=st.integers(0, 10000))
    def prices(self, standing, rates, hourly, share):
        self.standing = standing
        self.m.place(
            standing=flat_rate(standing),
            rate_1=flat_rate(rates[0] % 300),
            rate_2=flat_rate(rates[1] % 3000),
            period_1=HOUR if hourly else DAY,
            share=share,
            cap=share % 3,
        )

    @rule(begins=st.integers(0, 23), ends=st.integers(0, 23))
    def calendar(self, begins, ends):
        self.m.place(calendar=[window_entry(1, True, begins), window_entry(2, False, ends)])

    @rule(state=st.integers(0, 2))
    def switch(self, state):
        self.m.supply = state

    # ---- power

    @rule()
    def restart(self):
        m = self.m
        state = (m.shown(), m.account.ledger.status(), m.account.wants_supply(), m.account.debt_to_clear())
        m.codes()
        m.power_up()
        assert (m.shown(), m.account.ledger.status(), m.account.wants_supply(), m.account.debt_to_clear()) == state
        assert m.codes() == []

    @rule(amount=SMALL, pence=st.integers(1, 9), flushed=st.booleans())
    def the_power_goes_before_the_commit(self, amount, pence, flushed):
        m = self.m
        m.account.consume(amount)
        assert m.account.top_up(token(self.upper + 1, pence), self.upper + 1 << 32, m.now_s).reason == ACCEPTED
        if flushed:
            m.account.flush()
        m.power_up()
        assert m.account.ledger.position() == self.position

    @rule(amount=SMALL, pence=st.integers(1, 9))
    def a_command_is_taken_back(self, amount, pence):
        m = self.m
        m.account.top_up(token(self.upper + 1, pence), self.upper + 1 << 32, m.now_s)
        m.account.activate_emergency_credit(m.now_s)
        m.account.consume(amount)
        m.records.rollback()
        m.tree.reload()
        m.look()
        assert m.account.ledger.position() == self.position

    # ---- always

    @invariant()
    def the_tree_shows_the_ledger(self):
        ledger = self.m.account.ledger
        assert self.m.shown() == list(self.m.account.balances())
        assert self.m.tree.value(EMERGENCY[:8] + b"\x08") == bytes((22, ledger.status()))
        assert ledger.position() == self.position
        assert ledger.time_debt + [ledger.payment_debt] == self.debts

    @invariant()
    def the_supply_is_off_only_without_credit(self):
        account = self.m.account
        assert account.wants_supply() or (account.ledger.out and account.is_prepayment())
        if account.ledger.out and not account.non_disablement():
            assert not account.wants_supply()


TestBooks = Books.TestCase
TestBooks.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
