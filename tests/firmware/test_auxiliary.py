"""Auxiliary controllers: calendar, settings, limits, boost, their logs, and what is left of them after a power cut."""

import builder as b
from controlled import ALCS, APC, HCALCS, Controllers, clock, entry

from slotmeter.dlms.apdu import HARDWARE_FAULT, OTHER_REASON, SUCCESS
from slotmeter.firmware import auxiliary as a
from slotmeter.firmware.settings import CALENDAR, OPEN

ON_1, OFF_1 = 0x1164, 0x1100
CALENDAR_ON_1, CALENDAR_OFF_1 = 0x11E4, 0x1180


def state(here, number):
    """The state text that ECS61e reads."""
    here.aux.flush()
    return bytes(here.tree.value(a.state_key(number))[2:]).decode()


# ---- calendar


def test_the_calendar_switches_at_its_times():
    here = Controllers(ALCS)
    here.calendar(entry(2, CALENDAR_ON_1), entry(5, CALENDAR_OFF_1))
    here.wait(clock(1, 59))
    assert here.levels()[0] == 0
    here.wait(clock(2))
    assert here.levels()[0] == 100
    here.wait(clock(5))
    assert here.levels()[0] == 0
    here.wait(clock(2, 0, 1))
    assert here.levels()[0] == 100
    assert here.rows()[1:] == [
        (clock(2), CALENDAR_ON_1, 1, 0),
        (clock(5), CALENDAR_OFF_1, 1, 0),
        (clock(2, 0, 1), CALENDAR_ON_1, 1, 0),
    ]
    # The calendar of before was the day's before, in effect as soon as there was a calendar.
    assert here.rows()[0] == (clock(0), CALENDAR_OFF_1, 1, 0)


def test_a_new_calendar_acts_as_its_last_entry_says():
    here = Controllers(ALCS)
    here.wait(clock(12))
    here.calendar(entry(9, CALENDAR_ON_1), entry(17, CALENDAR_OFF_1))
    assert here.levels()[0] == 100 and here.rows() == [(clock(12), CALENDAR_ON_1, 1, 0)]


def test_the_older_words_of_a_calendar_switch_too():
    here = Controllers(ALCS, ALCS)
    here.calendar(entry(2, 0x0201), entry(5, 0x0202))
    here.wait(clock(2))
    assert here.levels()[:2] == [0, 100]
    here.wait(clock(5))
    assert here.levels()[:2] == [0, 0]


def test_special_days_take_the_place_of_the_day_of_the_week():
    here = Controllers(ALCS)
    tuesday = b.structure(b.u16(1), b.octets(b"\x07\xea\x06\x02\xff"), b.u8(1))
    here.calendar(entry(2, CALENDAR_ON_1, 0x80), entry(3, CALENDAR_OFF_1, 0, b"\x80"), special=(tuesday,))
    here.wait(clock(2))
    assert here.levels()[0] == 100
    here.wait(clock(2, 59, 1))
    assert here.levels()[0] == 100
    here.wait(clock(3, 0, 1))
    assert here.levels()[0] == 0


def test_the_randomised_offset_delays_the_calendar_and_no_command():
    here = Controllers(ALCS, ALCS, offset=300)
    here.calendar(entry(2, CALENDAR_ON_1))
    here.wait(clock(2, 4))
    assert here.rows()[-1][0] == clock(0)
    here.wait(clock(2, 5))
    assert here.rows()[-1][:2] == (clock(2, 5), CALENDAR_ON_1)
    assert here.command(0x1264) == SUCCESS and here.levels()[1] == 100


def test_a_calendar_that_comes_within_the_offset_of_a_switch_waits_for_it():
    here = Controllers(ALCS, offset=300)
    here.wait(clock(2, 3))
    here.calendar(entry(2, CALENDAR_ON_1), entry(5, CALENDAR_OFF_1))
    assert here.levels()[0] == 0
    here.wait(clock(2, 5))
    assert here.levels()[0] == 100


def test_who_is_asked_late_misses_nothing_that_still_counts():
    here = Controllers(ALCS)
    here.calendar(entry(2, CALENDAR_ON_1), entry(5, CALENDAR_OFF_1), entry(6, CALENDAR_ON_1))
    here.now = clock(7)
    here.aux.tick(here.now * 1000)
    assert here.levels()[0] == 100 and here.aux.deadline_ms() == clock(2, 0, 1) * 1000


def test_levels_of_a_proportional_controller_are_those_of_its_words():
    here = Controllers(APC)
    here.calendar(entry(2, 0x11B2), entry(2, 0x21A8), entry(5, 0x2180))
    here.wait(clock(3))
    assert here.aux.level(1) == 50 and here.aux.level(1, a.INPUT) == 40
    assert state(here, 1) == '{"outputState": 50, "inputState": 40}'
    here.wait(clock(5))
    assert state(here, 1) == '{"outputState": 50, "inputState": 0}'


def test_a_switch_knows_only_on_and_off():
    here = Controllers(ALCS)
    here.command(0x1132)
    assert here.levels()[0] == 100 and state(here, 1) == '{"outputState": 100, "inputState": 0}'
    assert here.tree.value(a.output_key(1)) == b"\x03\xff"


def test_entries_for_a_controller_that_there_is_not_move_nothing():
    here = Controllers(b"", ALCS)
    here.calendar(entry(2, CALENDAR_ON_1))
    here.wait(clock(3))
    assert here.levels() == [0] * 5 and here.rows() == [] and state(here, 1) == "{}"


# ---- settings


def test_a_setting_acts_for_its_period_and_then_the_calendar_decides():
    here = Controllers(ALCS)
    here.calendar(entry(2, CALENDAR_ON_1), entry(5, CALENDAR_OFF_1))
    here.wait(clock(1))
    assert here.command(ON_1, clock(1), clock(1, 30)) == SUCCESS and here.levels()[0] == 100
    here.wait(clock(1, 30))
    assert here.levels()[0] == 0
    here.wait(clock(4))
    assert here.command(OFF_1, clock(4), clock(6)) == SUCCESS and here.levels()[0] == 0
    here.wait(clock(6))
    assert here.levels()[0] == 0
    assert here.words()[1:] == [
        (ON_1, 1),
        (CALENDAR_OFF_1, 1),
        (CALENDAR_ON_1, 1),
        (OFF_1, 1),
        (CALENDAR_OFF_1, 1),
    ]


def test_a_setting_waits_for_its_period():
    here = Controllers(ALCS)
    assert here.command(ON_1, clock(3), clock(4)) == SUCCESS
    assert here.levels()[0] == 0 and here.rows() == []
    here.wait(clock(3))
    assert here.levels()[0] == 100
    here.wait(clock(4))
    assert here.levels()[0] == 0
    # Nobody decides then: the word that says so is that of a calendar at nought.
    assert here.words() == [(ON_1, 1), (CALENDAR_OFF_1, 1)]


def test_a_period_must_end_after_it_begins_and_within_a_day():
    here = Controllers(ALCS)
    assert here.command(ON_1, clock(3), clock(3)) == OTHER_REASON
    assert here.command(ON_1, clock(3), clock(2)) == OTHER_REASON
    assert here.command(ON_1, clock(3), clock(3, 0, 1) + 1) == OTHER_REASON
    assert here.command(ON_1, clock(3), clock(3, 0, 1)) == SUCCESS


def test_words_that_mean_nothing_are_refused():
    here = Controllers(ALCS)
    for word in (0x1064, 0x1664, 0x3164, 0x1165, 0x0113, 0x0101):
        assert here.command(word) == OTHER_REASON
    assert here.command(0x0111, limit=True) == OTHER_REASON
    assert here.rows() == []


def test_a_period_that_was_never_said_refuses_the_word():
    here = Controllers(ALCS)
    assert here.aux.command(a.SCRIPTS, ON_1, here.now) == OTHER_REASON
    assert here.aux.command(a.SCRIPTS, 0x0111, here.now) == OTHER_REASON


def test_the_latest_command_wins():
    here = Controllers(ALCS)
    here.command(ON_1, clock(0), clock(10))
    here.wait(clock(1))
    here.command(OFF_1, clock(1), clock(2))
    assert here.levels()[0] == 0
    here.wait(clock(2))
    assert here.levels()[0] == 0 and here.aux.source(1) == a.BY_NOBODY


def test_the_older_form_acts_for_minutes_and_goes_back_when_told():
    here = Controllers(ALCS)
    assert here.for_minutes(0x0111, 30) == SUCCESS and here.levels()[0] == 100
    here.wait(clock(0, 30))
    assert here.levels()[0] == 0
    here.for_minutes(0x0111, 60)
    here.wait(clock(0, 40))
    assert here.aux.command(a.SCRIPTS, 0x0120, here.now) == SUCCESS and here.levels()[0] == 0
    assert here.words() == [(0x0111, 1), (CALENDAR_OFF_1, 1), (0x0111, 1), (0x0120, 1)]
    here.calendar(entry(0, CALENDAR_ON_1))
    assert here.for_minutes(0x0112, 60) == SUCCESS and here.levels()[0] == 0
    here.wait(clock(1, 40))
    assert here.levels()[0] == 100


def test_a_command_for_a_controller_that_there_is_not_is_kept_and_logged_as_a_failure():
    here = Controllers()
    assert here.command(ON_1, clock(0), clock(2)) == SUCCESS
    assert here.words() == [(ON_1, 2)] and here.levels() == [0] * 5
    here.wait(clock(1))
    here.poke(a.type_key(1), b.octets(ALCS))
    here.changed()
    assert here.levels()[0] == 100 and here.words()[-1] == (ON_1, 1)


def test_a_period_that_is_over_changes_nothing():
    here = Controllers(ALCS)
    here.wait(clock(5))
    here.command(ON_1, clock(4), clock(8))
    assert here.command(OFF_1, clock(2), clock(3)) == SUCCESS
    assert here.levels()[0] == 100 and here.words() == [(ON_1, 1), (OFF_1, 2)]


def operational(output, entry=0):
    """The operational update of a proportional controller, with the state as RTDS ECS200 writes it."""
    text = '{"outputState":"%d","inputState":"%d","other-data":""}' % (output, entry)
    return 0x8F88, b.utf8(text)


def test_a_switch_on_the_han_is_logged_as_unknown_until_it_reports():
    here = Controllers(b"", HCALCS)
    here.command(0x1264)
    command_id = here.now + 946684800
    assert here.rows() == [(here.now, 0x1264, 0, command_id)]
    here.aux.report(2, command_id, True, here.now + 5)
    here.aux.report(2, command_id, False, here.now + 6)
    assert here.rows()[1:] == [(here.now + 5, 0x0200, 1, command_id), (here.now + 6, 0x0200, 2, command_id)]
    assert here.codes() == [(0x8131, b""), (0x811A, b"")]
    assert here.tree.value(a.output_key(2)) == b"\x03\xff" and not here.switch.is_closed(2)


def test_a_relay_that_does_not_follow_is_told_of_and_tried_again():
    here = Controllers(ALCS)
    here.switch.stick(1)
    assert here.command(ON_1) == HARDWARE_FAULT
    assert here.words() == [(ON_1, 2)] and here.codes() == [(0x811A, b"")]
    assert here.tree.value(a.output_key(1)) == b"\x03\x00"
    here.wait(clock(0, 5))
    assert here.codes() == [] and not here.switch.is_closed(1)
    here.switch.stick(1, False)
    here.wait(clock(0, 6))
    assert here.switch.is_closed(1) and here.tree.value(a.output_key(1)) == b"\x03\xff"


def test_a_controller_that_is_taken_away_opens_its_relay():
    here = Controllers(ALCS)
    here.command(ON_1)
    here.poke(a.type_key(1), b.octets(b""))
    here.changed()
    assert here.levels()[0] == 0 and state(here, 1) == "{}"


# ---- limits


def test_a_limit_cuts_a_level_for_its_period_and_both_ends_are_told_of():
    here = Controllers(b"", b"", APC)
    here.command(0x1364, clock(0), clock(10))
    assert here.codes() == [(0x8131, b""), operational(100)]
    assert here.command(0x1332, clock(1), clock(2), limit=True) == SUCCESS
    period = b.octets(b.date_time(clock(1))) + b.octets(b.date_time(clock(2)))
    assert here.codes() == [(0x8F86, b.u8(0x13) + period + b.u8(50))]
    assert here.aux.level(3) == 100
    here.wait(clock(1))
    assert here.aux.level(3) == 50 and here.codes() == [(0x8131, b""), operational(50)]
    here.wait(clock(2))
    told = [(0x8131, b""), operational(100), (0x8F87, b.u8(0x13) + b.u8(100))]
    assert here.aux.level(3) == 100 and here.codes() == told
    assert here.words() == [(0x1364, 1), (0x1332, 1)]


def test_a_limit_of_the_input_leaves_the_output_alone():
    here = Controllers(b"", b"", APC)
    here.command(0x1364)
    here.command(0x2364)
    here.command(0x2332, limit=True)
    assert here.aux.level(3) == 100 and here.aux.level(3, a.INPUT) == 50


def test_a_limit_above_the_level_changes_nothing():
    here = Controllers(APC)
    here.command(0x110A)
    here.command(0x1132, limit=True)
    assert here.aux.level(1) == 10


def test_another_limit_ends_the_one_that_was_there():
    here = Controllers(APC)
    here.command(ON_1, clock(0), clock(10))
    here.command(0x1132, clock(0), clock(5), limit=True)
    here.codes()
    here.command(0x110A, clock(0), clock(1), limit=True)
    told = [0x8131, 0x8F88, 0x8F87, 0x8F86, 0x8131, 0x8F88]
    assert [code for code, _ in here.codes()] == told and here.aux.level(1) == 10
    here.wait(clock(1))
    assert here.codes() == [(0x8131, b""), operational(100), (0x8F87, b.u8(0x11) + b.u8(100))]


def test_a_limit_of_what_is_no_proportional_controller_is_logged_as_a_failure():
    here = Controllers(ALCS)
    here.command(ON_1)
    here.codes()
    assert here.command(0x1100, limit=True) == SUCCESS
    assert here.levels()[0] == 100 and here.codes() == [] and here.words()[-1] == (0x1100, 2)


# ---- boost


def minutes(count):
    return count * 60


def test_a_boost_turns_the_associated_controllers_on_and_off_again():
    here = Controllers(ALCS, ALCS, ALCS)
    here.associate(1, 3)
    assert here.aux.boost_available() and here.aux.boost_start((), 30, here.now * 1000)
    assert here.levels() == [100, 0, 100, 0, 0]
    assert here.aux.boost_left_ms(here.now * 1000 + 1) == 30 * 60000 - 1
    here.wait(clock(0, 30))
    assert here.levels() == [0] * 5 and here.boosts() == [(clock(0), clock(0, 30))]
    assert here.aux.boost_left_ms(here.now * 1000) == 0


def test_a_boost_may_be_extended_to_an_hour_and_cancelled():
    here = Controllers(ALCS)
    here.associate(1)
    assert here.aux.boost_start((1,), 15, here.now * 1000)
    assert here.aux.boost_extend(15, here.now * 1000) and here.aux.boost_extend(30, here.now * 1000)
    assert not here.aux.boost_extend(15, here.now * 1000) and here.aux.boost_refusal == a.BOOST_TOO_LONG
    here.wait(clock(0, 45))
    assert here.levels()[0] == 100
    assert here.aux.boost_cancel(here.now * 1000) and here.levels()[0] == 0
    assert here.boosts() == [(clock(0), clock(0, 45))]
    assert not here.aux.boost_cancel(here.now * 1000) and here.aux.boost_refusal == a.BOOST_NOT_RUNNING
    assert not here.aux.boost_extend(15, here.now * 1000)


def test_a_boost_is_refused_with_a_reason():
    here = Controllers(ALCS)
    now_ms = here.now * 1000
    assert not here.aux.boost_start((), 15, now_ms) and here.aux.boost_refusal == a.BOOST_NOT_AVAILABLE
    here.associate()
    assert not here.aux.boost_start((), 15, now_ms) and here.aux.boost_refusal == a.BOOST_NO_CONTROLLER
    here.associate(2)
    assert not here.aux.boost_start((), 15, now_ms) and here.aux.boost_refusal == a.BOOST_NO_CONTROLLER
    here.associate(1)
    for wrong in (0, 10, 20, 75, -15):
        assert not here.aux.boost_start((), wrong, now_ms) and here.aux.boost_refusal == a.BOOST_TOO_LONG
    here.calendar(entry(0, CALENDAR_ON_1))
    assert not here.aux.boost_start((), 15, now_ms) and here.aux.boost_refusal == a.BOOST_ALREADY_ON
    here.calendar()
    assert here.aux.boost_start((), 15, now_ms)
    assert not here.aux.boost_start((), 15, now_ms) and here.aux.boost_refusal == a.BOOST_RUNNING


def test_of_a_boost_and_a_setting_the_later_one_decides():
    here = Controllers(ALCS)
    here.associate(1)
    here.command(OFF_1, clock(0), clock(10))
    here.aux.boost_start((), 60, here.now * 1000)
    assert here.levels()[0] == 100
    here.wait(clock(0, 30))
    here.command(OFF_1, clock(0, 30), clock(0, 40))
    assert here.levels()[0] == 0
    here.wait(clock(0, 40))
    assert here.levels()[0] == 100
    here.wait(clock(1))
    assert here.levels()[0] == 0


def test_going_back_to_the_calendar_ends_a_boost():
    here = Controllers(ALCS)
    here.associate(1)
    here.aux.boost_start((), 60, here.now * 1000)
    here.wait(clock(0, 10))
    assert here.aux.command(a.SCRIPTS, 0x0120, here.now) == SUCCESS
    assert here.levels()[0] == 0 and here.boosts() == [(clock(0), clock(0, 10))]


def test_a_boost_ends_when_its_controllers_are_associated_no_more():
    here = Controllers(ALCS)
    here.associate(1)
    here.aux.boost_start((), 60, here.now * 1000)
    here.wait(clock(0, 10))
    here.associate(2)
    assert here.levels()[0] == 0 and here.boosts() == [(clock(0), clock(0, 10))]


def test_the_boost_log_keeps_twenty_five():
    here = Controllers(ALCS)
    here.associate(1)
    for hour in range(30):
        here.aux.boost_start((), 15, here.now * 1000)
        here.wait(clock(hour + 1))
    assert len(here.boosts()) == 25 and here.boosts()[-1] == (clock(29), clock(29, 15))


# ---- loss of supply and of the time


def test_after_a_loss_of_supply_the_calendar_and_a_running_period_decide():
    here = Controllers(ALCS, ALCS, ALCS)
    here.calendar(entry(2, CALENDAR_ON_1))
    here.command(0x1264, clock(0), clock(3))
    here.command(0x1364, clock(0), clock(1))
    here.power_cut(2 * 3600 + 60, relays=False)
    assert here.levels() == [100, 100, 0, 0, 0]
    here.wait(clock(3))
    assert here.levels() == [100, 0, 0, 0, 0]


def test_a_restart_that_changes_nothing_logs_nothing():
    here = Controllers(ALCS, APC)
    here.associate(1)
    here.calendar(entry(0, CALENDAR_OFF_1), entry(0, 0x12B2), entry(0, 0x2294))
    here.aux.boost_start((), 60, here.now * 1000)
    here.command(0x1228, limit=True)
    here.wait(clock(0, 10))
    before, states = here.rows(), here.aux.states()
    here.power_cut(60)
    assert here.rows() == before and here.aux.states() == states
    assert here.aux.boost_left_ms(here.now * 1000) == 49 * 60000
    assert state(here, 2) == '{"outputState": 40, "inputState": 20}'


def test_a_boost_and_a_limit_that_ended_in_the_dark_are_ended_when_power_is_back():
    here = Controllers(ALCS, APC)
    here.associate(1)
    here.aux.boost_start((), 15, here.now * 1000)
    here.command(0x1200, limit=True)
    here.codes()
    here.power_cut(2 * 3600)
    assert here.boosts() == [(clock(0), clock(0, 15))] and [code for code, _ in here.codes()] == [0x8131, 0x8F87]


def test_with_an_unreliable_clock_the_calendar_holds_what_it_said():
    here = Controllers(ALCS, ALCS)
    here.calendar(entry(2, CALENDAR_ON_1), entry(5, CALENDAR_OFF_1))
    here.wait(clock(3))
    here.set_clock_status(2)
    here.wait(clock(6))
    assert here.levels()[0] == 100
    assert here.command(0x1264, clock(6), clock(7)) == SUCCESS and here.levels()[1] == 100
    here.power_cut(60)
    assert here.levels()[0] == 100
    here.set_clock_status(0)
    assert here.levels()[0] == 0


def test_a_setting_makes_the_calendar_open_with_an_unreliable_clock():
    here = Controllers(ALCS, without_time=OPEN)
    here.calendar(entry(2, CALENDAR_ON_1), entry(5, CALENDAR_OFF_1))
    here.wait(clock(3))
    here.set_clock_status(2)
    assert here.levels()[0] == 0 and here.words()[-1] == (CALENDAR_OFF_1, 1)
    here.set_clock_status(0)
    assert here.levels()[0] == 100


def test_a_setting_makes_the_calendar_go_on_with_an_unreliable_clock():
    here = Controllers(ALCS, without_time=CALENDAR)
    here.calendar(entry(2, CALENDAR_ON_1), entry(5, CALENDAR_OFF_1))
    here.set_clock_status(1)
    here.wait(clock(3))
    assert here.levels()[0] == 100


def test_a_clock_put_back_makes_no_boost_and_no_minutes_longer():
    here = Controllers(ALCS, ALCS)
    here.associate(1)
    here.wait(clock(5, 0, 3))
    here.aux.boost_start((), 60, here.now * 1000)
    here.for_minutes(0x0211, 30)
    here.now = clock(1)
    here.aux.set_clock(here.now * 1000)
    assert here.levels()[:2] == [100, 100]
    here.wait(clock(1, 30))
    assert here.levels()[:2] == [100, 0]
    here.wait(clock(2))
    assert here.levels()[:2] == [0, 0]


# ---- the bench's hand, and rollback


def test_a_state_text_that_the_bench_places_stays_until_a_level_moves():
    here = Controllers(APC)
    text = b'{"outputState": 0, "inputState": 0, "other-data": "A"}'
    here.poke(a.state_key(1), b"\x0c" + bytes((len(text),)) + text)
    here.changed()
    assert state(here, 1) == text.decode()
    here.power_cut()
    assert state(here, 1) == text.decode()
    here.command(ON_1)
    assert state(here, 1) == '{"outputState": 100, "inputState": 0}'


def test_what_is_rolled_back_was_never_commanded():
    here = Controllers(ALCS)
    here.records.commit()
    here.command(ON_1)
    assert here.levels()[0] == 100
    here.records.rollback()
    here.tree.reload()
    here.changed()
    assert here.aux.source(1) == a.BY_NOBODY
    here.wait(clock(0, 2))
    assert here.levels()[0] == 0


def test_without_anything_to_do_there_is_no_deadline():
    assert Controllers(ALCS, HCALCS, APC).aux.deadline_ms() is None
