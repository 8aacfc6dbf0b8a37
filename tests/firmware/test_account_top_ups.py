"""Tokens: remote and typed, accepted and refused, logged and locked out."""

from accounted import DEBT_PAYMENTS, POUND, TOP_UPS, Accounted, token

from slotmeter.prepayment.topup import (
    BALANCE,
    BELOW_FLOOR,
    CHECK_DIGIT,
    DUPLICATE,
    LOCKED,
    NOT_A_UTRN,
    NOT_AUTHENTIC,
    REASONS,
    TOO_LARGE,
    screen_text,
)

LOCAL, DONE_HERE, NOT_DONE_HERE, SUSPENDED, LOCKED_OUT = 0x810E, 0x8161, 0x8162, 0x81C4, 0x81C5


def wrong(upper):
    return token(upper, 100, lambda counter, high: b"none")


def test_a_typed_token_is_told_and_logged():
    m = Accounted()
    assert m.enter(5, 1000) == ""
    assert m.notices == [(LOCAL, b""), (DONE_HERE, b"\x00\x07")]
    assert m.shown()[0] == 10 * POUND and m.rows(TOP_UPS) == [(m.now_s, 10 * POUND)]
    assert m.rows(DEBT_PAYMENTS) == []


def test_a_remote_token_is_not_told():
    m = Accounted()
    assert m.account.top_up(token(5, 1000), 5 << 32, m.now_s).reason == ""
    m.save()
    assert m.notices == [] and m.shown()[0] == 10 * POUND


def test_the_last_five_top_ups_and_the_last_ten_debt_payments_are_kept():
    m = Accounted()
    m.place(payment_debt=POUND, share=1000, cap=100)
    m.mode(True)
    for upper in range(1, 13):
        m.now_s += 60
        assert m.enter(upper, upper) == ""
    assert [amount for _, amount in m.rows(TOP_UPS)] == [1000 * upper for upper in range(8, 13)]
    assert [amount for _, amount in m.rows(DEBT_PAYMENTS)] == [100 * upper for upper in range(3, 13)]


def test_every_refusal_has_its_text_and_most_have_an_alert():
    m = Accounted()
    m.account.validator.set_floor(4 << 32, True)
    m.place(most=20 * POUND, highest=25 * POUND)
    assert m.enter(5, 1000) == ""
    m.codes()
    digits = token(6, 100)
    cases = (
        (digits[:-1] + str((int(digits[-1]) + 1) % 10), CHECK_DIGIT, None),
        ("12", NOT_A_UTRN, None),
        (token(4, 100), BELOW_FLOOR, None),
        (wrong(7), NOT_AUTHENTIC, 0x8F63),
        (token(5, 1000), DUPLICATE, 0x8F51),
        (token(8, 2001), TOO_LARGE, 0x8F5B),
        (token(9, 1600), BALANCE, 0x8F47),
    )
    for typed, reason, code in cases:
        verdict = m.account.top_up(typed, None, m.now_s)
        m.now_s += 3600
        assert verdict.reason == reason and screen_text(reason)
        assert m.codes() == ([code] if code else []) + [NOT_DONE_HERE]
    m.save()
    assert m.shown()[0] == 10 * POUND and len(m.rows(TOP_UPS)) == 1


def test_each_reason_has_a_text_of_its_own():
    texts = [screen_text(reason) for reason in REASONS]
    assert len(set(texts)) == len(texts) and all(texts) and screen_text("") and not screen_text("no such reason")


def test_the_fifth_wrong_token_locks_entry_for_an_hour():
    m = Accounted()
    for upper in range(1, 5):
        m.account.top_up(wrong(upper), None, m.now_s)
    m.codes()
    m.account.top_up(wrong(5), None, m.now_s)
    assert m.codes() == [0x8F63, SUSPENDED, NOT_DONE_HERE]
    assert m.enter(6, 100) == LOCKED
    assert m.codes() == [LOCKED_OUT, NOT_DONE_HERE]
    m.power_up()
    assert m.enter(6, 100) == LOCKED
    m.now_s += 3600
    assert m.enter(6, 100) == ""


def test_a_remote_token_is_accepted_while_entry_is_locked():
    m = Accounted()
    for upper in range(1, 6):
        m.account.top_up(wrong(upper), None, m.now_s)
    assert m.account.top_up(token(9, 100), 9 << 32, m.now_s).reason == ""


def test_an_attempt_is_kept_before_it_is_judged():
    m = Accounted()
    order = []
    m.account.keep = lambda: order.append("kept")
    make = m.make_mac
    m.make_mac = lambda counter, high: order.append("judged") or make(counter, high)
    m.account.top_up(token(5, 100), None, m.now_s)
    assert order[:2] == ["kept", "judged"]


def test_a_top_up_that_is_taken_back_can_come_again():
    m = Accounted()
    m.account.top_up(token(5, 100), 5 << 32, m.now_s)
    m.records.rollback()
    m.tree.reload()
    m.look()
    assert m.shown()[0] == 0 and m.rows(TOP_UPS) == []
    assert m.account.top_up(token(5, 100), 5 << 32, m.now_s).reason == ""
    m.save()
    assert m.shown()[0] == POUND


def test_a_top_up_brings_the_supply_back():
    m = Accounted()
    m.mode(True)
    assert m.verdicts == [(False, False)]
    m.enter(1, 1)
    assert m.verdicts[1:] == [(True, False)]


def test_the_maximum_balance_counts_what_is_owed():
    m = Accounted()
    m.place(balance=-5 * POUND, highest=5 * POUND)
    assert m.enter(1, 1000) == ""
    assert m.shown()[0] == 5 * POUND
    assert m.enter(2, 1) == BALANCE


def test_what_came_of_a_typed_token_is_kept_before_the_customer_is_told():
    m = Accounted()
    left = []
    m.account.keep = lambda: left.append(m.records.get("u")) or m.records.commit()
    assert m.account.top_up(token(5, 100), None, m.now_s).reason == ""
    assert left[0] is None and left[-1] is not None and not m.records.changed()
    # The power goes before anything else is written.
    m.store = m.store.reopened()
    m.power_up()
    assert m.shown()[0] == POUND
    assert m.account.top_up(token(5, 100), None, m.now_s).reason == DUPLICATE


def test_emergency_credit_activated_at_the_meter_stays_so_when_the_power_goes_at_once():
    m = Accounted()
    m.place(limit=5 * POUND, threshold=POUND)
    m.mode(True)
    m.account.keep = m.records.commit
    assert m.account.activate_emergency_credit(m.now_s)
    m.store = m.store.reopened()
    m.power_up()
    assert m.account.ledger.selected
