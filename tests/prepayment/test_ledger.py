"""The account, threshold by threshold."""

from slotmeter.prepayment.ledger import (
    CONSUMPTION,
    CREDIT_OUT,
    DEBT_COMPLETED,
    EMERGENCY_ACTIVATED,
    EMERGENCY_AVAILABLE,
    EMERGENCY_EXHAUSTED,
    ENABLED,
    EXHAUSTED,
    IN_USE,
    INVOKED,
    LOW_CREDIT,
    PAYMENTS,
    SECONDARY_CONSUMPTION,
    SELECTABLE,
    STANDING_CHARGE,
    TIME_DEBT_1,
    WEEK_S,
    Ledger,
)

DAY = 86400
POUND = 100000
CREDIT_MODE = [(0, 0, 7), (0, 4, 7)]


def prepayment(suspend_disabled=False, suspend_emergency=False):
    """The matrix of the prepayment command (facts 4.2)."""
    time_debts = 6 if suspend_disabled else 7
    pairs = []
    for credit in (0, 1):
        pairs.extend([(credit, 0, 7), (credit, 4, 7), (credit, 1, time_debts), (credit, 2, time_debts), (credit, 3, 7)])
    if suspend_emergency:
        pairs.extend([(2, 4, 7), (2, 1, 7), (2, 2, 7)])
    return pairs


def account(balance=0, matrix=None, **config):
    """A ledger in prepayment mode, with what its start had to tell taken away."""
    ledger = Ledger()
    ledger.set_matrix(prepayment() if matrix is None else matrix)
    ledger.balance = balance
    ledger.disablement = -1
    for name in sorted(config):
        setattr(ledger, name, config[name])
    ledger.prepayment = True
    ledger.review()
    ledger.facts = []
    return ledger


def told(ledger):
    facts = ledger.facts
    ledger.facts = []
    return facts


def emergency(balance, **config):
    """Limit and threshold three pounds and one."""
    values = {"limit": 3 * POUND, "emergency_threshold": POUND, "disablement": 0}
    values.update(config)
    return account(balance, **values)


# ---- thresholds


def test_low_credit_is_told_when_credit_falls_below_the_threshold_and_not_at_it():
    ledger = account(101, low_threshold=100)
    ledger.consume(1)
    assert told(ledger) == []
    ledger.consume(1)
    assert told(ledger) == [LOW_CREDIT] and ledger.low


def test_low_credit_is_told_once_until_credit_was_at_the_threshold_again():
    ledger = account(99, low_threshold=100)
    ledger.consume(10)
    assert told(ledger) == []
    ledger.top_up(10, 0)
    assert ledger.low and told(ledger) == []
    ledger.top_up(1, 0)
    assert not ledger.low
    ledger.consume(1)
    assert told(ledger) == [LOW_CREDIT]


def test_activated_emergency_credit_counts_for_low_credit():
    ledger = emergency(99, low_threshold=100)
    assert ledger.low
    ledger.activate()
    assert not ledger.low and ledger.available_credit() == 99 + 3 * POUND
    told(ledger)
    ledger.consume(3 * POUND)
    assert LOW_CREDIT in told(ledger)


def test_emergency_credit_is_offered_below_its_threshold_and_not_at_it():
    ledger = emergency(POUND + 1)
    ledger.consume(1)
    assert told(ledger) == [] and ledger.status() == ENABLED and not ledger.activate()
    ledger.consume(1)
    assert told(ledger) == [EMERGENCY_AVAILABLE] and ledger.status() == SELECTABLE
    ledger.consume(1)
    assert told(ledger) == []


def test_without_a_limit_there_is_no_emergency_credit():
    ledger = emergency(0, limit=0)
    assert not ledger.offered and not ledger.activate() and ledger.status() == ENABLED


def test_emergency_credit_is_used_from_the_disablement_threshold_on():
    ledger = emergency(10)
    assert ledger.activate() and told(ledger) == [EMERGENCY_ACTIVATED] and ledger.status() == INVOKED
    ledger.consume(30)
    assert (ledger.balance, ledger.used, ledger.status()) == (0, 20, IN_USE)
    assert told(ledger) == [] and not ledger.out


def test_activating_twice_is_no_failure_and_told_once():
    ledger = emergency(10)
    assert ledger.activate() and ledger.activate()
    assert told(ledger) == [EMERGENCY_ACTIVATED]


def test_the_last_emergency_credit_ends_the_supply():
    ledger = emergency(0)
    told(ledger)
    ledger.activate()
    ledger.consume(3 * POUND - 1)
    assert told(ledger) == [EMERGENCY_ACTIVATED] and not ledger.out
    ledger.consume(1)
    assert told(ledger) == [EMERGENCY_EXHAUSTED, CREDIT_OUT] and ledger.out and ledger.status() == EXHAUSTED
    assert not ledger.activate()


def test_what_is_used_after_emergency_credit_falls_on_the_balance():
    ledger = emergency(0)
    ledger.activate()
    ledger.consume(3 * POUND + 7)
    assert (ledger.balance, ledger.used) == (-7, 3 * POUND)


def test_credit_is_out_at_the_disablement_threshold_and_not_above_it():
    ledger = account(10, disablement=0, low_threshold=-POUND)
    ledger.consume(9)
    assert told(ledger) == [] and not ledger.out
    ledger.consume(1)
    assert told(ledger) == [CREDIT_OUT] and ledger.out
    ledger.consume(1)
    assert told(ledger) == []


def test_the_disablement_threshold_may_be_negative():
    ledger = account(0, disablement=-500000)
    ledger.consume(499999)
    assert not ledger.out
    ledger.consume(1)
    assert ledger.out


def test_credit_is_back_above_the_threshold_and_not_at_it():
    ledger = account(-5, disablement=0)
    ledger.top_up(5, 0)
    assert ledger.out
    ledger.top_up(1, 0)
    assert not ledger.out


def test_activating_emergency_credit_brings_credit_back():
    ledger = emergency(0)
    assert ledger.out
    ledger.activate()
    assert not ledger.out


def test_repaying_some_exhausted_emergency_credit_does_not_bring_credit_back():
    ledger = emergency(0)
    ledger.activate()
    ledger.consume(3 * POUND)
    ledger.top_up(POUND, 0)
    assert ledger.out and ledger.emergency_balance() == POUND and ledger.status() == EXHAUSTED
    ledger.top_up(2 * POUND + 1, 0)
    assert not ledger.out and ledger.balance == 1 and ledger.status() == INVOKED


def test_emergency_credit_is_deselected_when_repaid_and_at_its_threshold():
    ledger = emergency(0)
    ledger.activate()
    ledger.consume(50)
    ledger.top_up(50 + POUND - 1, 0)
    assert ledger.selected and not ledger.used
    told(ledger)
    ledger.top_up(1, 0)
    assert not ledger.selected and ledger.status() == ENABLED
    ledger.consume(1)
    assert told(ledger) == [EMERGENCY_AVAILABLE]


def test_a_lower_limit_than_what_was_used_exhausts_emergency_credit():
    ledger = emergency(0)
    ledger.activate()
    ledger.consume(2 * POUND)
    told(ledger)
    ledger.set_limit(POUND)
    ledger.review()
    assert told(ledger) == [EMERGENCY_EXHAUSTED, CREDIT_OUT] and ledger.emergency_balance() == 0
    assert ledger.used == 2 * POUND


def test_a_higher_limit_makes_exhausted_emergency_credit_usable():
    ledger = emergency(0)
    ledger.activate()
    ledger.consume(3 * POUND)
    ledger.set_limit(4 * POUND)
    ledger.review()
    assert not ledger.out and ledger.emergency_balance() == POUND and ledger.in_use()


def test_in_credit_mode_no_threshold_matters():
    ledger = account(10, low_threshold=100, limit=50, emergency_threshold=100, disablement=0)
    ledger.set_matrix(CREDIT_MODE)
    ledger.prepayment = False
    ledger.review()
    ledger.consume(POUND)
    assert told(ledger) == [] and ledger.balance == 10 - POUND
    assert not (ledger.low or ledger.offered or ledger.out) and not ledger.activate() and ledger.headroom() is None


def test_emergency_credit_that_is_active_sleeps_through_credit_mode():
    ledger = emergency(0)
    ledger.activate()
    ledger.consume(50)
    ledger.prepayment = False
    ledger.review()
    assert ledger.status() == INVOKED and ledger.activate() and not ledger.in_use()
    ledger.consume(10)
    assert (ledger.balance, ledger.used, ledger.available_credit()) == (-10, 50, -10)
    ledger.prepayment = True
    ledger.review()
    assert ledger.in_use()


def test_a_change_to_prepayment_without_credit_tells_everything_at_once():
    ledger = emergency(-1, low_threshold=POUND)
    ledger.prepayment = False
    ledger.review()
    ledger.prepayment = True
    ledger.review()
    assert told(ledger) == [LOW_CREDIT, EMERGENCY_AVAILABLE, CREDIT_OUT]


def test_headroom_is_what_can_be_used_before_anything_happens():
    for amount, config in (
        (10, {"disablement": 0}),
        (50, {"low_threshold": 40}),
        (9, {"limit": 1, "emergency_threshold": 7}),
    ):
        ledger = account(amount, **config)
        room = ledger.headroom()
        assert room is not None
        ledger.consume(room)
        assert told(ledger) == []
        ledger.consume(1)
        assert len(told(ledger)) == 1


# ---- charges


def test_only_charges_in_the_matrix_are_collected():
    ledger = account(100, matrix=CREDIT_MODE, time_debt=[50, 50])
    assert ledger.collect(STANDING_CHARGE, 10, True) == 10
    assert ledger.collect_time_debt(1, 10, True) == 0 and ledger.time_debt == [50, 50]
    ledger.consume(5, SECONDARY_CONSUMPTION)
    assert ledger.balance == 90


def test_a_secondary_element_is_charged_where_the_matrix_has_it():
    ledger = account(100, matrix=prepayment() + [(0, 5, 7), (1, 5, 7)])
    ledger.consume(5, SECONDARY_CONSUMPTION)
    assert ledger.balance == 95


def test_a_time_debt_ends_with_what_is_left_of_it():
    ledger = account(100, time_debt=[25, 0])
    assert [ledger.collect_time_debt(1, 10, True) for _ in range(4)] == [10, 10, 5, 0]
    assert ledger.balance == 75 and told(ledger) == [DEBT_COMPLETED[0]]


def test_each_debt_has_its_own_completion():
    ledger = account(100, time_debt=[1, 1], payment_debt=1, share=10000, cap=POUND)
    ledger.collect_time_debt(2, 10, True)
    ledger.top_up(10, 0)
    ledger.collect_time_debt(1, 10, True)
    assert told(ledger) == [0x81A8, 0x81A9, 0x81A7]


def test_suspend_debt_disabled_stops_time_debts_but_not_the_standing_charge():
    ledger = account(100, matrix=prepayment(suspend_disabled=True), time_debt=[50, 0])
    assert ledger.collect_time_debt(1, 10, False) == 0
    assert ledger.collect(STANDING_CHARGE, 10, False) == 10
    assert ledger.collect_time_debt(1, 10, True) == 10
    assert (ledger.balance, ledger.accumulated) == (80, 0)


def test_what_stops_while_the_supply_is_off_is_not_held_back_either():
    ledger = emergency(0, matrix=prepayment(True, True), time_debt=[50, 0])
    ledger.activate()
    assert ledger.collect_time_debt(1, 10, False) == 0 and ledger.accumulated == 0


def test_suspend_debt_emergency_holds_back_what_falls_due_while_emergency_credit_is_in_use():
    ledger = emergency(5, matrix=prepayment(suspend_emergency=True), time_debt=[50, 0])
    ledger.activate()
    ledger.collect(STANDING_CHARGE, 20, True)
    assert (ledger.balance, ledger.accumulated, ledger.used) == (0, 15, 0)
    ledger.collect_time_debt(1, 10, True)
    assert (ledger.accumulated, ledger.time_debt[0]) == (25, 40)
    ledger.consume(3)
    assert ledger.used == 3


def test_without_it_emergency_credit_pays_them():
    ledger = emergency(0, time_debt=[50, 0])
    ledger.activate()
    ledger.collect(STANDING_CHARGE, 20, True)
    ledger.collect_time_debt(1, 10, True)
    assert (ledger.balance, ledger.accumulated, ledger.used) == (0, 0, 30)


def test_once_emergency_credit_is_exhausted_charges_fall_on_the_balance():
    ledger = emergency(0, matrix=prepayment(suspend_emergency=True))
    ledger.activate()
    ledger.consume(3 * POUND)
    ledger.collect(STANDING_CHARGE, 20, False)
    assert (ledger.balance, ledger.accumulated) == (-20, 0)


def test_in_what_portions_energy_is_charged_does_not_matter():
    whole = emergency(70, low_threshold=90)
    parts = emergency(70, low_threshold=90)
    for ledger in (whole, parts):
        ledger.activate()
        ledger.facts = []
    whole.consume(3 * POUND + 100)
    for _ in range(300):
        parts.consume(1001)
    for _ in range(4):
        parts.consume(-50)
    assert (whole.balance, whole.used) == (-30, 3 * POUND)
    assert parts.position() == 70 - 300 * 1001 + 200


def test_a_negative_price_gives_credit():
    ledger = account(10)
    ledger.consume(-5)
    assert ledger.balance == 15


# ---- top-ups


def test_a_top_up_pays_payment_debt_held_back_charges_emergency_credit_and_then_the_balance():
    ledger = emergency(0, matrix=prepayment(suspend_emergency=True), payment_debt=500, share=1000, cap=POUND)
    ledger.activate()
    ledger.collect(STANDING_CHARGE, 40, True)
    ledger.consume(30)
    assert ledger.top_up(100, 0) == 10
    assert (ledger.payment_debt, ledger.accumulated, ledger.used, ledger.balance) == (490, 0, 0, 20)


def test_each_register_is_served_before_the_next_gets_anything():
    ledger = emergency(0, matrix=prepayment(suspend_emergency=True))
    ledger.activate()
    ledger.collect(STANDING_CHARGE, 40, True)
    ledger.consume(30)
    ledger.top_up(39, 0)
    assert (ledger.accumulated, ledger.used, ledger.balance) == (1, 30, 0)
    ledger.top_up(21, 0)
    assert (ledger.accumulated, ledger.used, ledger.balance) == (0, 10, 0)


def test_ten_percent_of_ten_pounds_a_day_under_a_cap_of_five_is_a_pound_on_five_days_of_seven():
    ledger = account(0, payment_debt=100 * POUND, share=1000, cap=5 * POUND)
    paid = [ledger.top_up(10 * POUND, day * DAY) for day in range(14)]
    week = [POUND] * 5 + [0, 0]
    assert paid == week + week


def test_the_cap_rolls_over_seven_times_twenty_four_hours():
    ledger = account(0, payment_debt=100 * POUND, share=10000, cap=5 * POUND)
    assert ledger.top_up(4 * POUND, 1000) == 4 * POUND
    assert ledger.top_up(4 * POUND, 1000 + WEEK_S - 1) == POUND
    assert ledger.top_up(POUND, 1000 + WEEK_S) == POUND
    assert ledger.top_up(9 * POUND, 1000 + WEEK_S) == 3 * POUND


def test_a_payment_clears_no_more_than_the_debt():
    ledger = account(0, payment_debt=3, share=10000, cap=POUND)
    assert ledger.top_up(10, 0) == 3 and ledger.balance == 7 and told(ledger) == [DEBT_COMPLETED[2]]


def test_a_share_is_rounded_down():
    ledger = account(0, payment_debt=POUND, share=3333, cap=POUND)
    assert ledger.top_up(100, 0) == 33 and ledger.balance == 67


def test_in_credit_mode_a_payment_pays_no_debt():
    ledger = account(0, matrix=CREDIT_MODE, payment_debt=POUND, share=1000, cap=POUND)
    assert ledger.top_up(100, 0) == 0


def test_many_small_payments_are_remembered_in_little_room():
    ledger = account(0, payment_debt=POUND, share=10000, cap=POUND)
    for second in range(3 * PAYMENTS):
        ledger.top_up(1, second)
    assert len(ledger.payments) == PAYMENTS and sum([one[1] for one in ledger.payments]) == 3 * PAYMENTS


def test_a_clock_that_was_put_back_does_not_renew_the_cap():
    ledger = account(0, payment_debt=100 * POUND, share=10000, cap=POUND)
    assert ledger.top_up(POUND, 10 * WEEK_S) == POUND
    assert ledger.top_up(POUND, 0) == 0


# ---- debt to clear


def test_debt_to_clear_is_nothing_when_nothing_is_owed():
    assert account(10, disablement=0).debt_to_clear(0) == 0


def test_paying_the_debt_to_clear_brings_credit_back_and_a_millipence_less_does_not():
    for share in (0, 1, 1000, 9999, 10000):
        for cap in (0, 7, POUND):
            for debt in (0, 5, 3 * POUND):
                need = emergency(0).debt_to_clear(0)
                assert need == 1
                for short in (0, 1):
                    ledger = emergency(
                        0, matrix=prepayment(suspend_emergency=True), share=share, cap=cap, payment_debt=debt
                    )
                    ledger.activate()
                    ledger.collect(STANDING_CHARGE, 40, True)
                    ledger.consume(3 * POUND + 11)
                    ledger.top_up(ledger.debt_to_clear(0) - short, 0)
                    assert ledger.out == bool(short)
                    assert ledger.debt_to_clear(0) == 0 if not short else ledger.debt_to_clear(0) > 0


# ---- the supplier's hand


def test_a_reset_restores_emergency_credit():
    ledger = emergency(0)
    ledger.activate()
    ledger.consume(3 * POUND)
    ledger.reset_emergency()
    ledger.balance = 0
    ledger.review()
    assert ledger.emergency_balance() == 3 * POUND and not ledger.selected and ledger.out and ledger.offered


def test_an_adjustment_that_clears_a_debt_is_no_completion():
    ledger = account(100, time_debt=[10, 0])
    ledger.time_debt[0] = 0
    ledger.review()
    assert told(ledger) == []


def test_a_matrix_with_other_objects_is_read_as_far_as_it_goes():
    ledger = Ledger()
    ledger.set_matrix([(0, CONSUMPTION, 7), (9, 9, 7), (0, TIME_DEBT_1, 0)])
    ledger.consume(3)
    assert ledger.balance == -3


def test_the_same_limit_again_leaves_emergency_credit_exhausted():
    ledger = emergency(0)
    ledger.activate()
    ledger.consume(3 * POUND)
    ledger.top_up(POUND, 0)
    ledger.set_limit(3 * POUND)
    ledger.review()
    assert ledger.exhausted and ledger.out


def test_emergency_credit_that_is_owed_stays_activated_whatever_the_balance():
    ledger = emergency(0)
    ledger.activate()
    ledger.consume(50)
    ledger.balance += 5 * POUND
    ledger.review()
    assert ledger.status() == INVOKED and ledger.used == 50 and ledger.available_credit() == 8 * POUND - 50
    ledger.top_up(50, 0)
    assert ledger.status() == ENABLED


def test_consumption_while_exhausted_emergency_credit_is_repaid_falls_on_the_balance():
    ledger = emergency(0)
    ledger.activate()
    ledger.consume(3 * POUND)
    ledger.top_up(POUND, 0)
    ledger.consume(7)
    assert (ledger.balance, ledger.used) == (-7, 2 * POUND)


def test_a_charge_that_emergency_credit_does_not_pay_falls_on_the_balance():
    ledger = emergency(0, matrix=[(0, 0, 7), (1, 0, 7), (0, 4, 7)])
    ledger.activate()
    ledger.collect(STANDING_CHARGE, 9, True)
    ledger.consume(4)
    assert (ledger.balance, ledger.used) == (-9, 4)


def test_a_repr_says_the_mode_and_whether_there_is_credit():
    assert repr(account(5)) == "Ledger(prepayment, in credit)" and repr(account(-5)) == "Ledger(prepayment, out)"
