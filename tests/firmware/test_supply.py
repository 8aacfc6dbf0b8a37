"""The supply: who may do what to it, load limiting, tampering, switches that stick, and power that goes away."""

from supplied import NOW_S, House

from slotmeter.dlms.apdu import HARDWARE_FAULT, OTHER_REASON, SUCCESS
from slotmeter.firmware import supply as s
from slotmeter.firmware.supply import ARMED, DISABLED, ENABLED
from slotmeter.hal.switch import SUPPLY


def test_the_supplier_may_disable_arm_and_enable():
    house = House()
    assert house.state() == (ENABLED, True)
    assert house.command(DISABLED) == SUCCESS and house.state() == (DISABLED, False)
    assert house.command(ARMED) == SUCCESS and house.state() == (ARMED, False)
    assert house.command(ENABLED) == SUCCESS and house.state() == (ENABLED, True)
    assert house.codes() == []


def test_arming_a_supply_that_is_on_leaves_it_on():
    house = House()
    assert house.command(ARMED) == SUCCESS and house.state() == (ENABLED, True)


def test_a_state_that_there_is_not_is_refused():
    house = House()
    assert house.command(3) == OTHER_REASON and house.state() == (ENABLED, True)


def test_the_customer_may_enable_an_armed_supply_and_no_other():
    house = House()
    assert not house.supply.enable_locally(NOW_S)
    house.command(DISABLED)
    assert not house.supply.enable_locally(NOW_S) and house.state() == (DISABLED, False)
    house.command(ARMED)
    assert house.supply.enable_locally(NOW_S) and house.state() == (ENABLED, True)


def test_the_supply_goes_off_with_the_credit_and_is_armed_when_it_is_back():
    house = House()
    house.set_credit(False)
    assert house.state() == (DISABLED, False) and house.codes() == []
    house.set_credit(True)
    assert house.state() == (ARMED, False) and house.codes() == [0x8F32]
    assert house.supply.enable_locally(NOW_S) and house.state() == (ENABLED, True)


def test_emergency_credit_arms_the_supply_with_a_code_of_its_own():
    house = House()
    house.set_credit(False)
    house.set_credit(True, True)
    assert house.state() == (ARMED, False) and house.codes() == [0x8168]


def test_a_verdict_that_did_not_change_changes_nothing():
    house = House()
    house.set_credit(True)
    assert house.state() == (ENABLED, True)
    house.set_credit(False)
    house.command(ENABLED)
    house.set_credit(False)
    assert house.state() == (ENABLED, True)


def test_credit_does_not_bring_back_what_the_supplier_disabled():
    house = House()
    house.set_credit(False)
    house.command(DISABLED)
    house.set_credit(True)
    assert house.state() == (DISABLED, False) and house.codes() == []


def test_an_armed_supply_is_disabled_when_the_credit_goes():
    house = House()
    house.command(DISABLED)
    house.command(ARMED)
    house.set_credit(False)
    assert house.state() == (DISABLED, False)
    assert not house.supply.enable_locally(NOW_S)


def test_a_setting_makes_the_supplier_wait_for_credit():
    house = House(without_credit=False)
    house.set_credit(False)
    assert house.command(ENABLED) == OTHER_REASON and house.command(ARMED) == OTHER_REASON
    assert house.state() == (DISABLED, False)
    assert house.command(DISABLED) == SUCCESS
    house.set_credit(True)
    assert house.command(ENABLED) == SUCCESS and house.state() == (ENABLED, True)


def test_a_load_above_the_limit_for_the_period_arms_the_supply_until_the_restoration_is_over():
    house = House()
    house.limit()
    house.load(6900)
    house.wait(299)
    assert house.state() == (ENABLED, True) and house.codes() == []
    house.wait(1)
    assert house.state() == (ARMED, False) and house.codes() == [0x8F01, 0x8F33]
    assert house.tree.value(s.LIMIT_COUNTER) == b"\x06\x00\x00\x00\x01"
    house.wait(29)
    assert house.state() == (ARMED, False)
    house.wait(1)
    assert house.state() == (ENABLED, True) and house.codes() == [0x8F34]
    # The load is still there.
    house.wait(300)
    assert house.state() == (ARMED, False) and house.codes() == [0x8F01, 0x8F33]


def test_a_load_that_falls_in_time_does_not_count():
    house = House()
    house.limit()
    house.load(5001)
    house.wait(299)
    house.load(5000)
    house.wait(1)
    house.load(5001)
    house.wait(299)
    assert house.codes() == [] and house.state() == (ENABLED, True)
    house.wait(1)
    assert house.codes() == [0x8F01, 0x8F33]


def test_with_the_supply_state_unchanged_a_load_above_the_limit_counts_once_and_stays_on():
    house = House()
    house.limit(disables=False)
    house.load(6900)
    house.wait(3600)
    assert house.codes() == [0x8F01] and house.state() == (ENABLED, True)
    house.load(100)
    house.load(6900)
    house.wait(300)
    assert house.codes() == [0x8F01] and house.tree.value(s.LIMIT_COUNTER) == b"\x06\x00\x00\x00\x02"


def test_the_customer_may_close_earlier_than_the_restoration_does():
    house = House()
    house.limit(restoration=3600)
    house.load(6900)
    house.wait(300)
    house.codes()
    assert house.supply.enable_locally(house.now // 1000) and house.state() == (ENABLED, True)
    house.load(100)
    house.wait(7200)
    assert house.codes() == []


def test_what_else_happens_to_a_limited_supply_ends_its_restoration():
    house = House()
    for stop in (DISABLED, ENABLED):
        house.limit()
        house.load(6900)
        house.wait(300)
        assert house.state() == (ARMED, False)
        house.codes()
        house.load(100)
        house.command(stop)
        house.wait(3600)
        assert house.state()[0] == stop and house.codes() == []
        house.command(ENABLED)


def test_limits_of_no_duration_act_at_once_and_do_not_spin():
    house = House()
    house.limit(1000, 0, 0)
    house.load(2000)
    house.wait(10)
    assert house.codes().count(0x8F01) == 11


def test_the_counter_may_be_reset_between_two_counts():
    house = House()
    house.limit(disables=False)
    house.load(6900)
    house.wait(300)
    house.tree.poke(s.LIMIT_COUNTER, b"\x06\x00\x00\x00\x00")
    house.supply.load()
    house.load(0)
    house.load(6900)
    house.wait(300)
    assert house.state() and house.tree.value(s.LIMIT_COUNTER) == b"\x06\x00\x00\x00\x01"


def test_tampering_locks_the_supply_only_where_the_supply_tamper_state_says_so():
    house = House()
    house.supply.tamper(NOW_S, 0x8F74)
    assert house.codes() == [0x8F74] and house.state() == (ENABLED, True)
    house.tree.poke(s.TAMPER_LOCKS, b"\x03\xff")
    house.supply.tamper(NOW_S)
    assert house.codes() == [0x8F3F, 0x81BE] and house.state() == (DISABLED, False)
    house.supply.tamper(NOW_S)
    assert house.codes() == [0x8F3F]


def test_tampering_locks_a_supply_that_is_off_too():
    for state, credit in ((ARMED, True), (DISABLED, True), (DISABLED, False)):
        house = House()
        house.tree.poke(s.TAMPER_LOCKS, b"\x03\xff")
        if credit:
            house.command(DISABLED)
            house.command(state)
        else:
            house.set_credit(False)
        house.supply.tamper(NOW_S)
        assert house.codes() == [0x8F3F, 0x81BE] and house.state() == (DISABLED, False)
        assert house.supply.why() == s.BY_TAMPER and not house.supply.enable_locally(NOW_S)


def test_only_the_supplier_unlocks_a_supply_that_tampering_locked():
    house = House()
    house.tree.poke(s.TAMPER_LOCKS, b"\x03\xff")
    house.supply.tamper(NOW_S)
    house.set_credit(False)
    house.set_credit(True)
    assert not house.supply.enable_locally(NOW_S) and house.state() == (DISABLED, False)
    assert house.command(ARMED) == SUCCESS and house.supply.enable_locally(NOW_S)


def test_a_switch_that_does_not_open_is_told_of_once_and_tried_again_until_it_does():
    house = House()
    house.switch.stick(SUPPLY)
    assert house.command(DISABLED) == HARDWARE_FAULT
    assert house.state() == (DISABLED, True) and house.codes() == [0x81C0]
    house.wait(600)
    assert house.codes() == [] and len(house.switch.history) == 11
    house.switch.stick(SUPPLY, False)
    house.wait(60)
    assert house.state() == (DISABLED, False) and house.supply.deadline_ms() is None


def test_a_switch_that_does_not_close_leaves_the_supply_armed_and_is_not_tried_again():
    house = House()
    house.command(DISABLED)
    house.switch.stick(SUPPLY)
    assert house.command(ENABLED) == HARDWARE_FAULT
    assert house.state() == (ARMED, False) and house.codes() == [0x81BD]
    house.switch.stick(SUPPLY, False)
    house.wait(3600)
    assert house.state() == (ARMED, False)
    assert house.supply.enable_locally(house.now // 1000)


def test_power_that_comes_back_closes_nothing():
    for state in (DISABLED, ARMED):
        house = House()
        house.command(DISABLED)
        house.command(state)
        house.power_cut(1000)
        house.wait(100000)
        assert house.state() == (state, False) and house.codes() == []


def test_an_enabled_supply_whose_switch_is_found_open_becomes_armed():
    house = House()
    house.records.commit()
    house.switch.move(SUPPLY, False)
    house.start()
    assert house.state() == (ARMED, False) and house.codes() == [0x8F32]


def test_credit_that_went_in_the_dark_disables_when_power_is_back():
    house = House()
    house.supply.flush()
    house.records.commit()
    house.credit = False
    house.start()
    assert house.state() == (DISABLED, False)
    house.power_cut()
    house.credit = True
    house.power_cut()
    assert house.state() == (ARMED, False) and house.codes() == [0x8F32]


def test_what_the_supplier_enabled_without_credit_stays_on_through_a_power_cut():
    house = House()
    house.set_credit(False)
    house.command(ENABLED)
    house.power_cut(10)
    assert house.state() == (ENABLED, True)


def test_a_restoration_goes_on_through_a_power_cut():
    house = House()
    house.limit()
    house.load(6900)
    house.wait(300)
    house.codes()
    house.power_cut(10)
    house.wait(19)
    assert house.state() == (ARMED, False)
    house.wait(1)
    assert house.state() == (ENABLED, True) and house.codes() == [0x8F34]


def test_a_clock_put_back_does_not_make_a_restoration_longer():
    house = House()
    house.limit()
    house.load(6900)
    house.wait(300)
    house.now -= 86400000
    house.supply.set_clock(house.now)
    house.load(0)
    house.wait(30)
    assert house.state() == (ENABLED, True)


def test_a_control_state_that_the_bench_places_moves_the_switch():
    house = House()
    house.tree.poke(s.CONTROL_STATE, b"\x16\x02")
    house.supply.load()
    assert house.state() == (ARMED, False)
    house.tree.poke(s.CONTROL_STATE, b"\x16\x01")
    house.supply.load()
    assert house.state() == (ENABLED, True)


def test_an_import_without_a_limit_counts_for_nothing():
    house = House()
    house.load(100000)
    assert house.supply.deadline_ms() is None
