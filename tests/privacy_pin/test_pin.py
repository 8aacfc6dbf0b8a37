"""The PIN: set, checked, changed, disabled, locked; kept over a power cut, and never in clear."""

from slotmeter.hal.board.crypto import BoardCrypto
from slotmeter.hal.errors import STORE_DAMAGED, HalError
from slotmeter.hal.records import Records
from slotmeter.hal.virtual.entropy import SeededEntropy
from slotmeter.hal.virtual.store import PowerCut, VirtualStore
from slotmeter.privacy_pin.pin import (
    ACCEPTED,
    ALREADY_SET,
    LOCKED,
    NOT_ALLOWED,
    NOT_FOUR_DIGITS,
    NOT_SET,
    WRONG,
    Pin,
)

NOW_MS = 800000000000
LOCK_MS = 600000


class DurableRecord:
    """Records that are durable as soon as they are put."""

    def __init__(self, store):
        self.records = Records(store)

    def get(self, name):
        """The octets, or None."""
        return self.records.get(name)

    def put(self, name, value):
        """Sets and commits."""
        self.records.put(name, value)
        self.records.commit()


def pin_over(record, seed=1, **choices):
    """A PIN over a record."""
    crypto = BoardCrypto()
    return Pin(record, crypto.sha256, SeededEntropy(seed).random, crypto.equal, **choices)


def pin_of(digits="", **choices):
    """A PIN over a store of its own, set when digits are given."""
    pin = pin_over(Records(VirtualStore()), **choices)
    if digits:
        assert pin.set(digits) == ACCEPTED
    return pin


def test_a_meter_leaves_the_factory_without_a_pin():
    pin = pin_of()
    assert not pin.is_set()
    assert pin.check("0000", NOW_MS) == NOT_SET


def test_a_pin_that_was_set_is_known_again_and_others_are_not():
    pin = pin_of("0472")
    assert pin.check("0472", NOW_MS) == ACCEPTED
    assert pin.check("0473", NOW_MS) == WRONG
    assert pin.check("4720", NOW_MS) == WRONG


def test_only_four_digits_are_a_pin():
    pin = pin_of()
    for digits in ("", "123", "12345", "12a4", "12 4", "-123", "١٢٣٤"):
        assert pin.set(digits) == NOT_FOUR_DIGITS
    assert not pin.is_set()


def test_what_is_not_four_digits_counts_as_no_attempt():
    pin = pin_of("1234")
    for _ in range(20):
        assert pin.check("12", NOW_MS) == NOT_FOUR_DIGITS
    assert pin.attempts_left() == 5
    assert pin.check("1234", NOW_MS) == ACCEPTED


def test_a_second_pin_is_not_set_over_the_first():
    pin = pin_of("1234")
    assert pin.set("9999") == ALREADY_SET
    assert pin.check("1234", NOW_MS) == ACCEPTED


def test_changing_needs_the_pin_in_use():
    pin = pin_of("1234")
    assert pin.change("1111", "2222", NOW_MS) == WRONG
    assert pin.check("1234", NOW_MS) == ACCEPTED
    assert pin.change("1234", "22", NOW_MS) == NOT_FOUR_DIGITS
    assert pin.change("1234", "2222", NOW_MS) == ACCEPTED
    assert pin.check("1234", NOW_MS) == WRONG
    assert pin.check("2222", NOW_MS) == ACCEPTED


def test_disabling_at_the_meter_needs_the_pin():
    pin = pin_of("1234")
    assert pin.disable_with("4321", NOW_MS) == WRONG
    assert pin.is_set()
    assert pin.disable_with("1234", NOW_MS) == ACCEPTED
    assert not pin.is_set()


def test_the_supplier_disables_without_the_pin_and_lifts_the_lock():
    pin = pin_of("1234")
    for _ in range(5):
        pin.check("0000", NOW_MS)
    assert pin.check("1234", NOW_MS) == LOCKED
    pin.disable()
    assert not pin.is_set() and pin.locked_ms(NOW_MS) == 0
    assert pin.set("1234") == ACCEPTED
    assert pin.check("1234", NOW_MS) == ACCEPTED


def test_nobody_sets_a_pin_remotely_unless_the_bench_allows_it():
    pin = pin_of("1234")
    assert pin.set_remotely("5678") == NOT_ALLOWED
    assert pin.check("1234", NOW_MS) == ACCEPTED
    pin = pin_of("1234", settable_remotely=True)
    assert pin.set_remotely("56") == NOT_FOUR_DIGITS
    assert pin.set_remotely("5678") == ACCEPTED
    assert pin.check("5678", NOW_MS) == ACCEPTED


def test_the_fifth_wrong_pin_in_a_row_locks_for_ten_minutes():
    pin = pin_of("1234")
    for left in (4, 3, 2, 1, 0):
        assert pin.locked_ms(NOW_MS) == 0
        assert pin.check("0000", NOW_MS) == WRONG
        assert pin.attempts_left() == left
    assert pin.locked_ms(NOW_MS) == LOCK_MS
    assert pin.check("1234", NOW_MS + LOCK_MS - 1) == LOCKED
    assert pin.check("1234", NOW_MS + LOCK_MS) == ACCEPTED
    assert pin.attempts_left() == 5


def test_after_a_lock_there_are_five_attempts_again():
    pin = pin_of("1234")
    for _ in range(5):
        pin.check("0000", NOW_MS)
    for left in (4, 3, 2, 1, 0):
        assert pin.check("0000", NOW_MS + LOCK_MS) == WRONG
        assert pin.attempts_left() == left
    assert pin.check("1234", NOW_MS + LOCK_MS) == LOCKED


def test_the_right_pin_forgets_the_wrong_ones():
    pin = pin_of("1234")
    for _ in range(3):
        for _ in range(4):
            assert pin.check("0000", NOW_MS) == WRONG
        assert pin.check("1234", NOW_MS) == ACCEPTED


def test_without_a_limit_any_number_of_wrong_pins_is_only_wrong():
    pin = pin_of("1234", attempts=0)
    for _ in range(50):
        assert pin.check("0000", NOW_MS) == WRONG
    assert pin.attempts_left() is None and pin.locked_ms(NOW_MS) == 0
    assert pin.check("1234", NOW_MS) == ACCEPTED


def test_a_clock_put_back_does_not_lock_for_longer_than_a_lock_lasts():
    pin = pin_of("1234")
    for _ in range(5):
        pin.check("0000", NOW_MS)
    earlier = NOW_MS - 365 * 86400000
    assert pin.locked_ms(earlier) == LOCK_MS
    assert pin.check("1234", earlier) == LOCKED
    assert pin.check("1234", earlier + LOCK_MS) == ACCEPTED


def test_pin_attempts_and_lock_survive_a_power_cut():
    store = VirtualStore()
    pin = pin_over(DurableRecord(store))
    pin.set("1234")
    for _ in range(4):
        pin.check("0000", NOW_MS)
    store = store.reopened()
    pin = pin_over(DurableRecord(store))
    assert pin.attempts_left() == 1
    assert pin.check("0000", NOW_MS) == WRONG
    pin = pin_over(DurableRecord(store.reopened()))
    assert pin.check("1234", NOW_MS) == LOCKED
    assert pin.check("1234", NOW_MS + LOCK_MS) == ACCEPTED


def test_an_attempt_is_counted_before_the_digits_are_compared():
    records = Records(VirtualStore())
    crypto = BoardCrypto()
    counted = []

    def equal(left, right):
        counted.append(records.get("pin.n"))
        return crypto.equal(left, right)

    pin = Pin(records, crypto.sha256, SeededEntropy(1).random, equal)
    pin.set("1234")
    pin.check("1234", NOW_MS)
    pin.check("0000", NOW_MS)
    pin.check("0000", NOW_MS)
    assert [octets[0] for octets in counted] == [1, 1, 2]


def test_cutting_the_power_at_any_write_gives_no_attempt_for_nothing():
    store = VirtualStore()
    pin_over(DurableRecord(store)).set("1234")
    wrong_answers = 0
    for _ in range(5):
        # The power goes at the first write of each attempt: nobody has seen an answer to it.
        cut = store.reopened(fail_after=1)
        try:
            if pin_over(DurableRecord(cut)).check("0000", NOW_MS) == WRONG:
                wrong_answers += 1
        except PowerCut:
            pass
        store = cut.reopened()
    assert wrong_answers == 0
    # And the other way: an answer was seen five times, so the sixth is a lock.
    for _ in range(5):
        store = store.reopened()
        assert pin_over(DurableRecord(store)).check("0000", NOW_MS) == WRONG
    assert pin_over(DurableRecord(store.reopened())).check("1234", NOW_MS) == LOCKED


def test_the_pin_is_in_no_repr_and_in_no_record():
    records = Records(VirtualStore())
    pin = pin_over(records)
    pin.set("4711")
    pin.check("4711", NOW_MS)
    pin.change("4711", "1147", NOW_MS)
    for name in records.names():
        octets = records.get(name)
        for digits in (b"4711", b"1147", b"\x47\x11", b"\x11\x47", b"\x04\x07\x01\x01"):
            assert digits not in octets
    assert repr(pin) == "Pin(set)"
    assert repr(pin_of()) == "Pin(none)"


def test_two_meters_with_one_pin_keep_different_octets():
    kept = []
    for seed in (1, 2):
        records = Records(VirtualStore())
        pin_over(records, seed).set("1234")
        kept.append(records.get("pin"))
    assert kept[0] != kept[1]


def test_a_damaged_record_is_refused_by_name_and_without_its_octets():
    for name, octets in (("pin", b"1234"), ("pin.n", b"\x01")):
        records = Records(VirtualStore())
        records.put(name, octets)
        try:
            pin_over(records)
        except HalError as error:
            assert error.kind == STORE_DAMAGED and "1234" not in str(error)
        else:
            raise AssertionError("a damaged record was taken")
