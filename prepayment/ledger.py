"""The account of a meter: what is owed, from which credit it is taken, and what follows from it. Integers throughout.

Amounts are millipence (a hundred-thousandth of the currency unit), times are seconds since 2000. The ledger knows
neither clock nor switch: it is told that a charge fell due, and it says in `facts` what a customer, a supplier and the
load switch have to know. Registers here are as long as they need to be; who shows them cuts them to their 32 bits.

How it works
    A charge is collected as if every millipence of it came alone, so that it does not matter in what portions
    consumption is reported:

        MB above DT               the millipence comes from the meter balance
        else, EC in use           from the accumulated debt register when the matrix holds back this charge,
                                  else from emergency credit
        else                      from the meter balance, which then lies below the threshold

    Emergency credit is kept as what was used of it; its balance is the limit without that, never below nought. Since a
    debt to the supplier is thereby one number, a changed limit loses nothing. Nothing else is kept twice.

    position = MB - ADR - EC used        rises with top-ups and adjustments, falls with charges, and with nothing else

Emergency credit, and what the states are called in DLMS (class 112, credit status)
    state         when                                                  leaves it
    enabled    0  limit 0, or MB at or above ECT                        MB falls below ECT
    selectable 1  not activated, limit above 0, MB below ECT            activated; MB reaches ECT
    invoked    2  activated, MB above DT                                MB reaches DT
    in use     3  activated, MB at or below DT, some of it left         none left; MB above DT
    exhausted  4  activated, and the last of it was used                MB above DT; a reset; a higher limit

    In credit mode it is not offered, and what was activated before stays as it is, unused.

Rules and where they come from (F: smets2-facts and its section)
    which charge is taken from which credit, and whether with the supply off          F 4.2, decoded command contents
    EC pays only at or below the disablement threshold                                F 4.3
    an amount that crosses a threshold is split there                                 our decision
    time debts: the smaller of rate and debt, at the full hour or at midnight UTC      F 4.3
    a charge that the matrix stops while the supply is off is not booked elsewhere     F 4.2
    a charge that is held back goes to ADR only while EC is in use; once EC is
      exhausted it falls on the meter balance                                          our decision, F open question 8
    combined credit is MB and, once activated, the emergency credit balance            F 4.1
    810D when combined credit falls below LCT; again only after it was at LCT          F 4.4
    8119 when EC becomes available; again only after it was not                        F 4.4
    81AA when the last emergency credit is used                                        F 4.4
    8F0F when MB is at or below DT and EC is not in use, or EC is exhausted            F 4.4
    credit is back when MB is above DT, or EC is activated                             F 4.4
    exhausted EC is not drawn on again before MB is above DT: a small payment that
      repays some of it does not bring the supply back                                 our decision (debt to clear)
    a limit that is raised makes exhausted EC usable                                   our decision, open question 9
    EC is deselected once all of it is repaid and MB is at or above ECT                F 4.5
    a top-up: payment debt, ADR, EC used, meter balance, in this order                 F 4.6
    share of a payment, rounded down to a millipence; cap over the time before it      F 4.6; rounding our decision
    81A7, 81A8, 81A9 when collection, not an adjustment, makes a debt nought           F 4.3; "not" is our decision
    reset: MB and ADR nought, EC back to its limit and deselected                      F 4.7
    a change of mode leaves every register as it is; in credit mode thresholds,
      emergency credit and disablement sleep                                           our decision, open question 9
    debt to clear: ADR, what MB lacks, EC used, grossed up by the share of payments    F 4.6
      so that paying it brings the supply back: MB has to be above DT, not at it       our decision
"""

# Charges, by the last digit of 0-0:19.20.x, and credits, by that of 0-0:19.10.x.
CONSUMPTION = 0
TIME_DEBT_1 = 1
TIME_DEBT_2 = 2
PAYMENT_DEBT = 3
STANDING_CHARGE = 4
SECONDARY_CONSUMPTION = 5
CHARGES = 6
METER_BALANCE = 0
EMERGENCY_CREDIT = 1
ACCUMULATED_DEBT = 2
CREDITS = 3

# What stands in the collection matrix for a pair.
ABSENT = 0
CONNECTED = 1
ALWAYS = 2
# Of the three collection flags, the one that says "also while the supply is disconnected" (facts 4.2).
FLAG_DISCONNECTED = 1

# Credit status of emergency credit (IEC 62056-6-2, class 112).
ENABLED = 0
SELECTABLE = 1
INVOKED = 2
IN_USE = 3
EXHAUSTED = 4

# Facts, by their event codes (GBCS 16.2).
LOW_CREDIT = 0x810D
EMERGENCY_AVAILABLE = 0x8119
DEBT_COMPLETED = (0x81A7, 0x81A8, 0x81A9)
EMERGENCY_EXHAUSTED = 0x81AA
EMERGENCY_ACTIVATED = 0x81AB
CREDIT_OUT = 0x8F0F

# A share of 10000 is all of a payment (SMETS 5.7.4.11).
WHOLE = 10000
WEEK_S = 604800
# Payments remembered for the cap; beyond it the two oldest count as one, made when the later was.
PAYMENTS = 64
# Below every balance: nothing can happen on the way down.
_NEVER = -(1 << 200)


class Ledger:
    """One account.

    Registers: balance (MB, negative is owed), accumulated (ADR), time_debt (two), payment_debt, used (of emergency
    credit). States: prepayment (else credit mode), selected (EC activated), exhausted, low, offered (EC available),
    out (no credit left: CREDIT_OUT was told). Configuration: limit, emergency_threshold (ECL, ECT), disablement (DT),
    low_threshold (LCT), share (hundredths of a percent), cap (millipence within cap_period_s). payments: what went to
    payment debt, (seconds, millipence), oldest first. facts: codes of what happened, oldest first; whoever reads them
    empties the list.

    After changing registers or configuration by hand, call `review`.
    """

    def __init__(self) -> None:
        self.prepayment = False
        self.balance = 0
        self.accumulated = 0
        self.time_debt = [0, 0]
        self.payment_debt = 0
        self.used = 0
        self.selected = False
        self.exhausted = False
        self.low = False
        self.offered = False
        self.out = False
        self.limit = 0
        self.emergency_threshold = 0
        self.disablement = 0
        self.low_threshold = 0
        self.share = 0
        self.cap = 0
        self.cap_period_s = WEEK_S
        self.payments: list[tuple[int, int]] = []
        self.facts: list[int] = []
        self._matrix = [[ABSENT] * CHARGES for _ in range(CREDITS)]
        # Down to here consumption changes nothing but the balance.
        self._calm = 0
        self.review()

    def __repr__(self) -> str:
        return "Ledger(%s, %s)" % ("prepayment" if self.prepayment else "credit", "out" if self.out else "in credit")

    # ---- configuration

    def set_matrix(self, pairs: "list[tuple[int, int, int]]") -> None:
        """Takes the collection matrix: (credit, charge, three flags as a number); pairs of neither are passed over."""
        matrix = [[ABSENT] * CHARGES for _ in range(CREDITS)]
        for credit, charge, flags in pairs:
            if 0 <= credit < CREDITS and 0 <= charge < CHARGES:
                matrix[credit][charge] = ALWAYS if flags & FLAG_DISCONNECTED else CONNECTED
        self._matrix = matrix

    def set_limit(self, limit: int) -> None:
        """The emergency credit limit; a higher one makes exhausted credit usable."""
        if limit > self.limit and limit > self.used:
            self.exhausted = False
        self.limit = limit

    # ---- what there is

    def emergency_balance(self) -> int:
        """What is left of emergency credit, activated or not."""
        return max(0, self.limit - self.used)

    def available_credit(self) -> int:
        """What the customer sees: the meter balance, with emergency credit once it is activated."""
        return self.balance + self.emergency_balance() if self.selected and self.prepayment else self.balance

    def position(self) -> int:
        """Everything in one number: the meter balance without what is owed for held back charges and emergency
        credit.
        """
        return self.balance - self.accumulated - self.used

    def in_use(self) -> bool:
        """Whether emergency credit pays at present."""
        return (
            self.prepayment
            and self.selected
            and not self.exhausted
            and self.balance <= self.disablement
            and self.used < self.limit
        )

    def status(self) -> int:
        """ENABLED to EXHAUSTED, as the credit status of class 112."""
        if not self.selected:
            return SELECTABLE if self.offered else ENABLED
        if self.exhausted:
            return EXHAUSTED
        return IN_USE if self.in_use() else INVOKED

    def debt_to_clear(self, now_s: int) -> int:
        """The smallest top-up after which nothing is owed but debts that are collected over time, and the meter balance
        is above the disablement threshold; 0 when that is so already.
        """
        need = self.accumulated + self.used + max(0, self.disablement + 1 - self.balance)
        if need <= 0:
            return 0
        most = self._most_for_debt(now_s)
        if not most:
            return need
        capped = need + most
        if self.share >= WHOLE:
            return capped
        return min(capped, (need - 1) * WHOLE // (WHOLE - self.share) + 1)

    def headroom(self) -> "int | None":
        """How much consumption changes nothing but the meter balance; None for any amount, 0 when it cannot be said."""
        if self._calm == _NEVER:
            return None
        return max(0, self.balance - self._calm - 1)

    # ---- charges

    def consume(self, amount: int, charge: int = CONSUMPTION) -> None:
        """`amount` worth of energy was used."""
        balance = self.balance - amount
        if balance > self._calm and amount >= 0 and self._matrix[METER_BALANCE][charge]:
            self.balance = balance
        else:
            self.collect(charge, amount, True)

    def collect(self, charge: int, amount: int, connected: bool) -> int:
        """Takes a charge that fell due; `connected` says whether the supply is on. Returns what was taken."""
        pair = self._matrix[METER_BALANCE][charge]
        if pair == ABSENT or (pair == CONNECTED and not connected):
            return 0
        rest = amount
        if self.prepayment and self.selected and not self.exhausted and rest > 0:
            above = self.balance - self.disablement
            if above > 0:
                part = min(rest, above)
                self.balance -= part
                rest -= part
            left = self.limit - self.used
            if rest and left > 0:
                if self._matrix[ACCUMULATED_DEBT][charge]:
                    self.accumulated += rest
                    rest = 0
                elif self._matrix[EMERGENCY_CREDIT][charge]:
                    part = min(rest, left)
                    self.used += part
                    rest -= part
        self.balance -= rest
        self.review()
        return amount

    def collect_time_debt(self, number: int, rate: int, connected: bool) -> int:
        """Recovers time debt 1 or 2 at `rate`; what was taken."""
        amount = min(rate, self.time_debt[number - 1])
        if amount <= 0:
            return 0
        amount = self.collect(number, amount, connected)
        self.time_debt[number - 1] -= amount
        if amount and not self.time_debt[number - 1]:
            self.facts.append(DEBT_COMPLETED[number - 1])
        return amount

    # ---- money in

    def _most_for_debt(self, now_s: int) -> int:
        """What a payment of any size may give to payment debt at this time."""
        if self.payment_debt <= 0 or self.share <= 0 or not self._matrix[METER_BALANCE][PAYMENT_DEBT]:
            return 0
        room = self.cap
        for paid_s, amount in self.payments:
            # A payment that lies ahead was made before the clock was put back: it counts.
            if paid_s > now_s - self.cap_period_s:
                room -= amount
        return max(0, min(self.payment_debt, room))

    def top_up(self, amount: int, now_s: int) -> int:
        """Allocates a payment; what of it went to payment debt."""
        paid = min(amount * self.share // WHOLE, self._most_for_debt(now_s))
        if paid > 0:
            self.payment_debt -= paid
            self._note_payment(paid, now_s)
            if not self.payment_debt:
                self.facts.append(DEBT_COMPLETED[2])
        else:
            paid = 0
        rest = amount - paid
        part = min(rest, max(0, self.accumulated))
        self.accumulated -= part
        rest -= part
        part = min(rest, max(0, self.used))
        self.used -= part
        self.balance += rest - part
        self.review()
        return paid

    def _note_payment(self, paid: int, now_s: int) -> None:
        payments = [one for one in self.payments if one[0] > now_s - self.cap_period_s]
        payments.append((now_s, paid))
        if len(payments) > PAYMENTS:
            first, second = payments[0], payments[1]
            payments = [(max(first[0], second[0]), first[1] + second[1])] + payments[2:]
        self.payments = payments

    def activate(self) -> bool:
        """Activates emergency credit; whether it is active afterwards."""
        if self.selected:
            return not self.exhausted
        if not self.offered:
            return False
        self.selected = True
        self.offered = False
        self.facts.append(EMERGENCY_ACTIVATED)
        self.review()
        return True

    def reset_emergency(self) -> None:
        """Nothing of emergency credit is owed any more, and it is not activated. Call `review` afterwards."""
        self.used = 0
        self.selected = False
        self.exhausted = False

    # ---- what follows

    def review(self) -> None:
        """Compares every register with its threshold, and tells of what was crossed."""
        if not self.prepayment:
            self.low = self.offered = self.out = False
            self._calm = _NEVER
            return
        balance = self.balance
        left = self.emergency_balance()
        facts = self.facts
        if self.selected and self.used <= 0 and balance >= self.emergency_threshold:
            self.selected = False
        if not self.selected or balance > self.disablement:
            self.exhausted = False
        combined = balance + left if self.selected else balance
        low = combined < self.low_threshold
        if low and not self.low:
            facts.append(LOW_CREDIT)
        self.low = low
        offered = not self.selected and left > 0 and balance < self.emergency_threshold
        if offered and not self.offered:
            facts.append(EMERGENCY_AVAILABLE)
        self.offered = offered
        if self.selected and not left and balance <= self.disablement and not self.exhausted:
            self.exhausted = True
            facts.append(EMERGENCY_EXHAUSTED)
        out = balance <= self.disablement and (not self.selected or self.exhausted)
        if out and not self.out:
            facts.append(CREDIT_OUT)
        self.out = out
        calm = self.disablement
        if not low:
            calm = max(calm, self.low_threshold - (combined - balance) - 1)
        if not offered and not self.selected and left > 0:
            calm = max(calm, self.emergency_threshold - 1)
        self._calm = calm
