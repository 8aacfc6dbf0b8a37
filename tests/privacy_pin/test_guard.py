"""The guard: what is open without a PIN, with one, after entering it, and when nobody presses anything."""

from slotmeter.hal.board.crypto import BoardCrypto
from slotmeter.hal.records import Records
from slotmeter.hal.virtual.entropy import SeededEntropy
from slotmeter.hal.virtual.store import VirtualStore
from slotmeter.privacy_pin.errors import PrivacyPinError
from slotmeter.privacy_pin.guard import DEFAULT, Guard
from slotmeter.privacy_pin.pin import ACCEPTED, ALREADY_SET, LOCKED, NOT_FOUR_DIGITS, NOT_SET, WRONG, Pin
from slotmeter.privacy_pin.tables import (
    ADD_CREDIT,
    ALWAYS,
    BOOST,
    EMERGENCY_CREDIT,
    ENABLE_SUPPLY,
    KINDS,
    PRIVATE,
    PUBLIC,
)

NOW_MS = 800000000000
IDLE_MS = 30000
EVERY_KIND = tuple([row[0] for row in KINDS])


def guard_of(digits="", guarded=DEFAULT, settable_remotely=False):
    """A guard, with a PIN set and not entered when digits are given."""
    crypto = BoardCrypto()
    pin = Pin(
        Records(VirtualStore()),
        crypto.sha256,
        SeededEntropy(1).random,
        crypto.equal,
        settable_remotely=settable_remotely,
    )
    if digits:
        pin.set(digits)
    return Guard(pin, guarded, IDLE_MS)


def open_kinds(guard):
    """What may be used."""
    return [kind for kind in EVERY_KIND if guard.allows(kind)]


def test_without_a_pin_everything_is_open():
    assert open_kinds(guard_of()) == list(EVERY_KIND)


def test_with_a_pin_screens_are_shut_and_adding_credit_is_not():
    assert open_kinds(guard_of("1234")) == [ALWAYS, ADD_CREDIT, PUBLIC, BOOST]


def test_no_choice_of_guarded_kinds_can_hold_adding_credit():
    for kind in (ADD_CREDIT, ALWAYS):
        try:
            guard_of("1234", (PRIVATE, kind))
        except PrivacyPinError as error:
            assert "never needs the PIN" in str(error)
        else:
            raise AssertionError("a guard over what must stay open")


def test_everything_but_adding_credit_can_be_guarded():
    guard = guard_of("1234", (PUBLIC, PRIVATE, EMERGENCY_CREDIT, ENABLE_SUPPLY, BOOST))
    assert open_kinds(guard) == [ALWAYS, ADD_CREDIT]


def test_screens_alone_can_be_guarded():
    assert open_kinds(guard_of("1234", (PRIVATE,))) == [kind for kind in EVERY_KIND if kind != PRIVATE]


def test_an_unknown_kind_is_an_error():
    try:
        guard_of("1234", (77,))
    except PrivacyPinError as error:
        assert "77" in str(error)
    else:
        raise AssertionError("an unknown kind was taken")


def test_the_right_pin_opens_and_a_wrong_one_does_not():
    guard = guard_of("1234")
    assert guard.enter("4321", NOW_MS) == WRONG
    assert not guard.is_open()
    assert guard.enter("1234", NOW_MS) == ACCEPTED
    assert open_kinds(guard) == list(EVERY_KIND)


def test_a_locked_pin_opens_nothing():
    guard = guard_of("1234")
    for _ in range(5):
        guard.enter("0000", NOW_MS)
    assert guard.attempts_left() == 0 and guard.locked_ms(NOW_MS) == 600000
    assert guard.enter("1234", NOW_MS) == LOCKED
    assert not guard.is_open()


def test_an_open_guard_closes_when_nothing_is_pressed():
    guard = guard_of("1234")
    guard.enter("1234", NOW_MS)
    assert guard.deadline_ms() == NOW_MS + IDLE_MS
    guard.tick(NOW_MS + IDLE_MS - 1)
    assert guard.is_open()
    guard.touch(NOW_MS + IDLE_MS - 1)
    guard.tick(NOW_MS + IDLE_MS)
    assert guard.is_open()
    guard.tick(NOW_MS + 2 * IDLE_MS - 1)
    assert not guard.is_open() and guard.deadline_ms() is None


def test_a_key_pressed_too_late_opens_nothing():
    guard = guard_of("1234")
    guard.enter("1234", NOW_MS)
    guard.touch(NOW_MS + IDLE_MS)
    assert not guard.is_open()


def test_a_key_does_not_open_a_closed_guard():
    guard = guard_of("1234")
    guard.touch(NOW_MS)
    assert not guard.is_open() and guard.deadline_ms() is None


def test_a_clock_put_back_closes_an_open_guard():
    guard = guard_of("1234")
    guard.enter("1234", NOW_MS)
    guard.tick(NOW_MS - 3600000)
    assert not guard.is_open()


def test_whoever_sets_a_pin_need_not_enter_it_at_once():
    guard = guard_of()
    assert guard.set("1234", NOW_MS) == ACCEPTED
    assert guard.is_open()
    assert guard.set("5678", NOW_MS) == ALREADY_SET
    guard.close()
    assert not guard.is_open()


def test_changing_and_disabling_need_the_pin_even_when_open():
    guard = guard_of("1234")
    guard.enter("1234", NOW_MS)
    assert guard.change("0000", "5678", NOW_MS) == WRONG
    assert guard.disable("0000", NOW_MS) == WRONG
    assert guard.change("1234", "5678", NOW_MS) == ACCEPTED
    assert guard.disable("5678", NOW_MS) == ACCEPTED
    assert guard.is_open() and not guard.pin_is_set()
    assert guard.enter("5678", NOW_MS) == NOT_SET


def test_the_supplier_opens_what_a_forgotten_pin_shut_and_the_next_pin_shuts_it_again():
    guard = guard_of("1234")
    guard.disable_remotely()
    assert open_kinds(guard) == list(EVERY_KIND)
    guard.set("5678", NOW_MS)
    guard.close()
    assert not guard.allows(PRIVATE)


def test_a_pin_set_from_afar_shuts_what_was_open():
    guard = guard_of("1234", settable_remotely=True)
    guard.enter("1234", NOW_MS)
    assert guard.set_remotely("56") == NOT_FOUR_DIGITS
    assert guard.is_open()
    assert guard.set_remotely("5678") == ACCEPTED
    assert not guard.is_open()
    assert guard.enter("1234", NOW_MS) == WRONG
    assert guard.enter("5678", NOW_MS) == ACCEPTED


def test_the_repr_tells_the_state_and_no_digits():
    guard = guard_of("4711")
    assert repr(guard) == "Guard(Pin(set), closed)"
    guard.enter("4711", NOW_MS)
    assert repr(guard) == "Guard(Pin(set), open)"
