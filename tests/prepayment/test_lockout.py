"""Who guesses tokens waits."""

from slotmeter.prepayment.lockout import ATTEMPTS, LOCK_S, WITHIN_S, Lockout


class Kept:
    """A record in memory."""

    def __init__(self):
        self.values = {}

    def get(self, name):
        return self.values.get(name)

    def put(self, name, value):
        self.values[name] = value


def wrong(lockout, now_s):
    """A wrong token: (whether it was looked at, whether entry is suspended by it)."""
    looked = lockout.begin(now_s)
    return looked, looked and lockout.end(False, False)


def locked(now_s=1000):
    kept = Kept()
    lockout = Lockout(kept)
    for _ in range(ATTEMPTS):
        wrong(lockout, now_s)
    return lockout, kept


def test_the_fifth_wrong_token_suspends_entry():
    lockout = Lockout(Kept())
    for second in range(ATTEMPTS - 1):
        assert wrong(lockout, second) == (True, False)
    assert wrong(lockout, ATTEMPTS) == (True, True)
    assert not lockout.begin(ATTEMPTS + 1)


def test_entry_is_open_again_after_an_hour():
    lockout, _ = locked()
    assert lockout.locked_until(1000 + LOCK_S - 1) == 1000 + LOCK_S
    assert not lockout.begin(1000 + LOCK_S - 1)
    assert lockout.locked_until(1000 + LOCK_S) == 0
    assert wrong(lockout, 1000 + LOCK_S) == (True, False)


def test_wrong_tokens_further_apart_than_ten_minutes_do_not_add_up():
    lockout = Lockout(Kept())
    for number in range(3 * ATTEMPTS):
        assert wrong(lockout, number * WITHIN_S // (ATTEMPTS - 1)) == (True, False)


def test_an_accepted_token_forgives_earlier_ones():
    lockout = Lockout(Kept())
    for _ in range(3):
        for _ in range(ATTEMPTS - 1):
            wrong(lockout, 5)
        assert lockout.begin(5) and not lockout.end(True, True)


def test_a_true_token_that_is_refused_is_no_guess_but_forgives_none():
    lockout = Lockout(Kept())
    for _ in range(ATTEMPTS - 1):
        wrong(lockout, 5)
    for _ in range(9):
        assert lockout.begin(5) and not lockout.end(True, False)
    assert wrong(lockout, 5) == (True, True)


def test_an_attempt_counts_before_it_is_judged():
    kept = Kept()
    for _ in range(ATTEMPTS):
        # The power goes before `end`.
        assert Lockout(kept).begin(5)
    assert not Lockout(kept).begin(5)


def test_a_lock_survives_a_restart():
    _, kept = locked()
    assert not Lockout(kept).begin(1001)


def test_a_clock_that_was_put_back_makes_the_wait_no_longer():
    lockout, _ = locked(10 * LOCK_S)
    assert lockout.locked_until(50) == 50 + LOCK_S
    assert lockout.begin(50 + LOCK_S)


def test_the_numbers_are_parameters():
    lockout = Lockout(Kept(), 1, 10, 20)
    assert wrong(lockout, 5) == (True, True)
    assert not lockout.begin(24) and lockout.begin(25)


def test_a_repr_shows_when_it_ends():
    assert "3600" in repr(locked(0)[0])
