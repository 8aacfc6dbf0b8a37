"""The account over the object tree: collection, thresholds, what commands write, and power cuts."""

from accounted import (
    BALANCE,
    DAY,
    DEBTS,
    EMERGENCY,
    HELD_BACK,
    HOUR,
    POUND,
    START_S,
    STATUS,
    Accounted,
    flat_rate,
    i32,
    key,
    window_entry,
)
from metered import array, octets, structure, u16

LOW, AVAILABLE, EXHAUSTED, ACTIVATED, OUT, SUSPENDED = 0x810D, 0x8119, 0x81AA, 0x81AB, 0x8F0F, 0x8F83
DONE_HERE, NOT_DONE_HERE = 0x8161, 0x8162
SUCCESS, OTHER_REASON = 0, 250


def prepayment(**values):
    """In prepayment mode with these values, and what that told already heard."""
    m = Accounted()
    values.setdefault("balance", 10 * POUND)
    values.setdefault("low", -100 * POUND)
    m.place(**values)
    m.mode(True)
    m.codes()
    m.verdicts = []
    return m


# ---- what falls due


def test_the_standing_charge_is_taken_at_midnight():
    m = prepayment(standing=flat_rate(20000))
    m.passes(DAY - 1)
    assert m.shown()[0] == 10 * POUND
    m.passes(1)
    assert m.shown()[0] == 10 * POUND - 20000
    m.passes(2 * DAY)
    assert m.shown()[0] == 10 * POUND - 60000


def test_the_standing_charge_is_taken_in_credit_mode_too():
    m = Accounted()
    m.place(standing=flat_rate(5))
    m.passes(3 * DAY)
    assert m.shown()[0] == -15


def test_a_scale_says_where_the_point_is():
    # Three tenths of a pound, three pence, and seven millionths of a pound, which is less than a millipence.
    for scale, amount, days, taken in ((-1, 3, 1, 30000), (-2, 3, 1, 3000), (-6, 7, 10, 7), (0, 2, 1, 2 * POUND)):
        m = prepayment(standing=flat_rate(amount, scale))
        m.passes(days * DAY)
        assert m.shown()[0] == 10 * POUND - taken


def test_the_rest_of_a_millipence_outlives_a_power_cut():
    m = prepayment(standing=flat_rate(7, -6))
    for _ in range(10):
        m.passes(DAY)
        m.save()
        m.power_up()
    assert m.shown()[0] == 10 * POUND - 7


def test_time_debts_are_taken_by_the_hour_or_the_day():
    m = prepayment(debt_1=1000, debt_2=1000, rate_1=flat_rate(10), rate_2=flat_rate(100), period_1=3600, period_2=86400)
    m.passes(DAY - 1)
    assert m.shown()[3:5] == [1000 - 230, 1000]
    m.passes(1)
    assert m.shown()[3:5] == [1000 - 240, 900]
    assert m.shown()[0] == 10 * POUND - 340


def test_a_debt_that_is_added_at_half_past_is_first_taken_at_the_full_hour():
    m = prepayment(rate_1=flat_rate(10), period_1=3600)
    m.passes(10 * HOUR + 1800)
    m.place(debt_1=100)
    assert m.shown()[3] == 100
    m.passes(1800)
    assert m.shown()[3] == 90


def test_the_end_of_a_debt_is_told():
    m = prepayment(debt_1=15, rate_1=flat_rate(10), period_1=3600)
    m.passes(HOUR)
    assert m.codes() == []
    m.passes(HOUR)
    assert m.codes() == [0x81A7] and m.shown()[3] == 0


def test_suspend_debt_disabled_stops_debts_while_the_switch_is_open():
    m = prepayment(debt_1=100, rate_1=flat_rate(10), period_1=3600, standing=flat_rate(3))
    m.mode(True, suspend_disabled=True)
    for state in (0, 2):
        m.supply = state
        m.passes(DAY)
    assert m.shown()[3] == 100 and m.shown()[0] == 10 * POUND - 6
    m.supply = 1
    m.passes(HOUR)
    assert m.shown()[3] == 90


def test_what_fell_due_during_an_outage_is_taken_afterwards():
    m = prepayment(standing=flat_rate(20000), debt_1=1000, rate_1=flat_rate(10), period_1=3600)
    m.save()
    m.now_s += 3 * DAY
    m.power_up()
    assert m.shown()[0] == 10 * POUND - 60000 - 720


def test_a_clock_that_is_put_back_makes_nothing_due_twice():
    m = prepayment(standing=flat_rate(100))
    m.passes(DAY + HOUR)
    m.now_s -= 2 * HOUR
    m.account.set_clock(m.now_s * 1000)
    m.passes(DAY)
    assert m.shown()[0] == 10 * POUND - 100
    m.passes(2 * HOUR)
    assert m.shown()[0] == 10 * POUND - 200


def test_a_clock_that_was_a_year_ahead_is_forgotten():
    m = prepayment(standing=flat_rate(100))
    m.passes(365 * DAY)
    balance = m.shown()[0]
    m.now_s = START_S
    m.account.set_clock(m.now_s * 1000)
    m.passes(2 * DAY)
    assert m.shown()[0] == balance - 200


# ---- thresholds


def test_crossings_are_told_as_energy_is_used():
    m = prepayment(balance=301, low=300, limit=3 * POUND, threshold=200, disablement=100)
    m.account.consume(1)
    assert m.codes() == [] and m.account.headroom() == 0
    m.account.consume(1)
    assert m.codes() == [LOW]
    m.account.consume(99)
    assert m.codes() == []
    m.account.consume(1)
    assert m.codes() == [AVAILABLE]
    m.account.consume(98)
    assert m.codes() == [] and m.account.wants_supply()
    m.account.consume(1)
    assert m.codes() == [OUT] and not m.account.wants_supply() and m.verdicts == [(False, False)]


def test_emergency_credit_brings_the_supply_back():
    m = prepayment(balance=5, limit=300, threshold=100)
    m.account.consume(5)
    assert m.account.activate_emergency_credit(m.now_s)
    assert m.codes() == [OUT, ACTIVATED, DONE_HERE]
    assert m.verdicts == [(False, False), (True, True)]
    m.account.consume(300)
    assert m.codes() == [EXHAUSTED, OUT] and m.verdicts[2:] == [(False, False)]
    assert not m.account.activate_emergency_credit(m.now_s)
    assert m.codes() == [NOT_DONE_HERE]
    assert m.enter(1, 3) == ""
    # Three pence are ten times what was lent.
    assert m.verdicts[3:] == [(True, False)] and m.shown()[:2] == [3000 - 300, 300]


def test_in_credit_mode_nothing_disables():
    m = Accounted()
    m.place(limit=300, threshold=100, low=100)
    m.account.consume(50 * POUND)
    assert m.codes() == [] and m.account.wants_supply() and m.verdicts == []


def test_a_change_of_mode_is_noticed_and_changes_no_register():
    m = Accounted()
    m.place(balance=-5, limit=300, threshold=100, debt_1=7, payment_debt=8)
    before = m.shown()
    assert before == [-5, 300, 0, 7, 0, 8]
    m.mode(True)
    assert m.modes == [True] and m.shown() == before and m.verdicts == [(False, False)]
    m.mode(False)
    assert m.modes == [True, False] and m.shown() == before and m.verdicts[1:] == [(True, False)]


# ---- non-disablement


def evening(m):
    """Every day from 18:00 to 08:00."""
    m.place(calendar=[window_entry(1, True, 18), window_entry(2, False, 8)])
    m.codes()
    m.verdicts = []


def test_credit_that_runs_out_in_a_non_disablement_period_disables_at_its_end():
    m = prepayment(balance=100)
    evening(m)
    m.passes(19 * HOUR)
    assert m.account.non_disablement()
    m.account.consume(100)
    assert m.codes() == [OUT, SUSPENDED] and m.account.wants_supply()
    m.account.consume(100)
    m.passes(13 * HOUR - 1)
    assert m.account.wants_supply()
    m.passes(1)
    assert not m.account.wants_supply() and not m.account.non_disablement()
    assert m.verdicts == [(False, False)] and m.codes() == []
    assert m.shown()[0] == -100


def test_a_top_up_within_the_period_leaves_the_supply_on():
    m = prepayment(balance=100)
    evening(m)
    m.passes(19 * HOUR)
    m.account.consume(200)
    m.enter(1, 5)
    m.passes(DAY)
    assert m.account.wants_supply() and m.verdicts == []


def test_a_supply_that_is_off_stays_off_when_a_period_begins():
    m = prepayment(balance=100)
    evening(m)
    m.passes(17 * HOUR)
    m.account.consume(100)
    m.passes(2 * HOUR)
    assert m.account.non_disablement() and not m.account.wants_supply()
    assert m.codes() == [OUT]


def test_a_special_day_has_its_own_period():
    m = prepayment(balance=100)
    day = structure(u16(1), octets(b"\xff\xff\x06\x02\xff"), bytes((17, 1)))
    m.place(
        special_days=[day],
        calendar=[window_entry(1, True, 6, 0, 1, 1), window_entry(2, False, 20, 0, 1, 1)],
    )
    m.passes(12 * HOUR)
    assert not m.account.non_disablement()
    m.passes(DAY)
    assert m.account.non_disablement()
    m.passes(9 * HOUR)
    assert not m.account.non_disablement()


def test_a_suspended_disablement_outlives_a_power_cut():
    m = prepayment(balance=100)
    evening(m)
    m.passes(19 * HOUR)
    m.account.consume(100)
    m.save()
    m.codes()
    m.power_up()
    assert m.account.wants_supply() and m.codes() == []
    m.now_s += 14 * HOUR
    m.save()
    m.power_up()
    assert not m.account.wants_supply()


# ---- commands


def test_an_adjustment_changes_the_balance_by_its_amount():
    m = prepayment(balance=100)
    m.account.consume(30)
    assert m.invoke((key(112, "0-0:19.10.0.255", 1), i32(-20))) == [SUCCESS]
    assert m.shown()[0] == 50 and m.account.available_credit() == 50


def test_a_reset_makes_the_balance_nought_and_emergency_credit_its_limit():
    m = prepayment(balance=10, limit=300, threshold=100, disablement=0)
    m.mode(True, suspend_emergency=True)
    m.account.activate_emergency_credit(m.now_s)
    m.account.consume(350)
    m.codes()
    resets = [(attribute[:8] + b"\x02", i32(0)) for attribute in (BALANCE, EMERGENCY, HELD_BACK)]
    assert m.invoke(*resets) == [SUCCESS] * 3
    assert m.shown()[:3] == [0, 300, 0] and m.tree.value(STATUS) == b"\x16\x01"
    assert not m.account.wants_supply() and m.codes() == [AVAILABLE]


def test_a_reset_when_nothing_was_used_leaves_emergency_credit_full():
    m = prepayment(balance=10, limit=300, threshold=5)
    m.invoke((EMERGENCY[:8] + b"\x02", i32(0)))
    assert m.shown()[:2] == [10, 300]


def test_emergency_credit_can_be_activated_remotely():
    method = STATUS[:8] + b"\x03"
    m = prepayment(balance=100, limit=300, threshold=100)
    assert m.invoke((method, b"\x0f\x00")) == [OTHER_REASON]
    m.account.consume(1)
    assert m.invoke((method, b"\x0f\x00"), (method, b"\x0f\x00")) == [SUCCESS, SUCCESS]
    assert m.codes() == [AVAILABLE, ACTIVATED] and m.tree.value(STATUS) == b"\x16\x02"
    m.account.consume(200)
    m.save()
    assert m.tree.value(STATUS) == b"\x16\x03"
    assert m.invoke((method, b"\x0f\x00")) == [SUCCESS]
    m.account.consume(200)
    assert m.invoke((method, b"\x0f\x00")) == [OTHER_REASON]


def test_in_credit_mode_emergency_credit_cannot_be_activated():
    m = Accounted()
    m.place(limit=300, threshold=100)
    assert m.invoke((STATUS[:8] + b"\x03", b"\x0f\x00")) == [OTHER_REASON]


def test_debts_are_adjusted_by_what_the_command_says():
    m = prepayment()
    methods = [(attribute[:8] + b"\x04", i32(amount)) for attribute, amount in zip(DEBTS, (300, 200, 100))]
    assert m.invoke(*methods) == [SUCCESS] * 3
    assert m.shown()[3:] == [300, 200, 100]
    m.invoke((methods[0][0], i32(-300)))
    assert m.shown()[3:] == [0, 200, 100] and m.codes() == []


def test_a_balance_that_nobody_writes_is_left_alone():
    m = Accounted()
    m.place(emergency=12345, balance=7)
    assert m.shown()[:2] == [7, 12345]
    m.save()
    m.power_up()
    assert m.shown()[:2] == [7, 12345]


def test_a_register_shows_no_more_than_32_bits_and_nothing_is_lost_behind_it():
    m = Accounted()
    m.place(balance=-(1 << 31) + 5)
    m.account.consume(100)
    assert m.shown()[0] == -(1 << 31)
    m.account.consume(-200)
    assert m.shown()[0] == -(1 << 31) + 105


def test_a_command_that_is_taken_back_leaves_no_trace():
    m = prepayment(balance=10, limit=300, threshold=100)
    before = m.shown()
    m.tree.invoke(STATUS[:8] + b"\x03", b"\x0f\x00", None)
    m.account.top_up("1" * 20, 7 << 32, m.now_s)
    m.records.rollback()
    m.tree.reload()
    m.look()
    assert m.codes() == [] and m.shown() == before and m.tree.value(STATUS) == b"\x16\x01"


def test_nothing_is_written_when_nothing_changed():
    m = prepayment()
    m.save()
    m.account.flush()
    assert not m.records.changed()


def test_every_state_outlives_a_power_cut():
    m = prepayment(balance=10, limit=300, threshold=100, payment_debt=5000, share=1000, cap=100)
    m.account.activate_emergency_credit(m.now_s)
    m.account.consume(100)
    m.enter(1, 5)
    m.account.consume(600)
    m.save()
    m.codes()
    state = (m.shown(), m.account.ledger.status(), m.account.debt_to_clear(), m.account.wants_supply())
    m.power_up()
    assert (m.shown(), m.account.ledger.status(), m.account.debt_to_clear(), m.account.wants_supply()) == state
    assert m.codes() == []


def test_a_secondary_element_is_charged_on_the_same_account():
    m = Accounted()
    m.tree.poke(
        key(111, "0-0:19.0.0.255", 11),
        array([structure(octets(b"\x00\x00\x13\x0a\x00\xff"), octets(b"\x00\x00\x13\x14\x05\xff"), b"\x04\x03\xe0")]),
    )
    m.look()
    m.account.consume(5, 1)
    m.account.consume(5, 0)
    assert m.shown()[0] == -5


def test_a_supply_that_went_off_for_want_of_credit_suspends_the_hours_after_it_also_when_they_are_made_up_for():
    m = Accounted()
    m.place(balance=250, debt_1=1000, rate_1=flat_rate(100), period_1=HOUR)
    m.mode(True, suspend_disabled=True)

    def follow():
        m.supply = 1 if m.account.wants_supply() else 0

    m.account.verdict_changed = follow
    m.now_s += DAY
    m.account.tick(m.now_s * 1000)
    assert m.shown()[0] == -50 and m.shown()[3] == 700
