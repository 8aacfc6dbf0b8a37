"""The tariff: calendars, prices, blocks, and exact cost."""

from metered import ALWAYS, Metered, date, key, profile, seconds, time

from slotmeter.dlms.cosem.access import Access
from slotmeter.dlms.cosem.tree import SINGLE

DAY = seconds(2021, 6, 1)  # a Tuesday
NIGHT_AND_DAY = [profile(1, (0, 30, 2), (7, 30, 1))]


def test_registers_follow_the_calendar():
    m = Metered()
    m.calendar(NIGHT_AND_DAY)
    m.runs(86400, 1000)
    assert m.tou() == {1: 17000, 2: 7000}
    assert m.imports() == (24000, 0)


def test_before_the_first_switching_time_goes_on_what_was_selected_the_day_before():
    m = Metered()
    m.calendar([profile(1, (6, 0, 5), (22, 0, 9))])
    m.runs(3600, 1000)
    assert m.tou() == {9: 1000}


def test_a_weekday_has_its_own_profile():
    m = Metered()
    m.calendar([profile(1, (0, 0, 1)), profile(2, (0, 0, 7))], [(b"\x01", [1, 1, 1, 1, 1, 2, 2])])
    m.runs(7 * 86400, 1000)
    assert m.tou() == {1: 5 * 24000, 7: 2 * 24000}


def test_a_special_day_overrides_the_week_and_may_have_wild_cards():
    m = Metered()
    special = [(date(0xFFFF, 6, 3), 2), (date(2021, 6, 3), 1), (date(2022, 6, 2), 2)]
    m.calendar([profile(1, (0, 0, 1)), profile(2, (0, 0, 7))], special=special)
    m.runs(7 * 86400, 1000)
    assert m.tou() == {1: 6 * 24000, 7: 24000}


def test_a_season_runs_until_another_starts():
    m = Metered(at_s=seconds(2021, 1, 1))
    seasons = [(date(0xFFFF, 3, 28), b"S"), (date(0xFFFF, 10, 31), b"W")]
    m.calendar([profile(1, (0, 0, 1)), profile(2, (0, 0, 2))], [(b"W", [1] * 7), (b"S", [2] * 7)], seasons)
    m.until(seconds(2022, 1, 1), 100)
    summer = 217  # days from 28 March to 30 October
    assert m.tou() == {1: (365 - summer) * 2400, 2: summer * 2400}


def test_a_season_of_long_ago_still_runs():
    m = Metered(at_s=seconds(2031, 2, 3))
    seasons = [(date(2014, 10, 27), b"W"), (date(2015, 3, 29), b"S")]
    m.calendar([profile(1, (0, 0, 1)), profile(2, (0, 0, 2))], [(b"W", [1] * 7), (b"S", [2] * 7)], seasons)
    m.runs(3600, 1000)
    assert m.tou() == {2: 1000}


def test_before_all_seasons_the_earliest_runs():
    m = Metered(at_s=seconds(2010, 2, 3))
    seasons = [(date(2015, 3, 29), b"S"), (date(2014, 10, 27), b"W")]
    m.calendar([profile(1, (0, 0, 1)), profile(2, (0, 0, 2))], [(b"W", [1] * 7), (b"S", [2] * 7)], seasons)
    m.runs(3600, 1000)
    assert m.tou() == {1: 1000}


def test_a_calendar_of_nothing_selects_the_first_register():
    m = Metered(2)
    m.calendar([], [(b"\x01", [1] * 7)])
    m.calendar([], [(b"\x01", [1] * 7)], secondary=True)
    m.runs(3600, 1000, 500)
    assert m.tou() == {1: 1000, 201: 500}


def test_scripts_that_select_nothing_and_times_that_are_none_are_passed_over():
    m = Metered()
    m.calendar([profile(1, (0, 0, 3), (1, 0, 99), (2, 0, 49), (3, 0, 201), (25, 0, 4), (4, 61, 4))])
    m.runs(86400, 100)
    assert m.tou() == {3: 2400}


def test_the_secondary_element_has_a_calendar_and_prices_of_its_own():
    m = Metered(2)
    m.calendar([profile(1, (0, 0, 1))])
    m.calendar([profile(1, (0, 0, 202), (12, 0, 204))], secondary=True)
    m.price({1: 20000})
    m.price({2: 5000, 4: 7000}, secondary=True)
    assert m.metering.active_price(1) == 5000
    m.runs(86400, 1000, 100)
    assert m.tou() == {1: 24000, 202: 1200, 204: 1200}
    assert m.charged == [480000, 6000 + 8400]
    assert m.numbers(key(3, "0-0:94.44.1.8")) == [5000]


def test_the_randomised_offset_delays_switching():
    m = Metered(offset=300)
    m.calendar(NIGHT_AND_DAY)
    m.runs(86400, 3600)
    assert m.tou() == {1: 17 * 3600, 2: 7 * 3600}
    m = Metered(offset=300, at_s=DAY + 1800)
    m.calendar(NIGHT_AND_DAY)
    m.runs(600, 3600)
    assert m.tou() == {1: 300, 2: 300}


def test_the_offset_may_be_left_out_for_tariffs():
    m = Metered(offset=300)
    m.settings.randomise_tariff = False
    m = Metered(offset=300, at_s=DAY + 1800, settings=m.settings)
    m.calendar(NIGHT_AND_DAY)
    m.runs(600, 3600)
    assert m.tou() == {2: 600}


def test_after_an_outage_the_tariff_is_that_of_the_time():
    m = Metered()
    m.calendar(NIGHT_AND_DAY)
    m.runs(3600, 1000)
    m.restart(9 * 3600)
    m.runs(3600, 1000)
    assert m.tou() == {1: 1500, 2: 500}


def test_cost_is_exact_over_any_number_of_pieces():
    m = Metered()
    m.price({1: 12345})
    for _ in range(1000):
        m.runs(37, 101)
    watt_hours = 37 * 101 * 1000 // 3600
    assert m.charged[0] == watt_hours * 12345 // 1000


def test_energy_is_charged_at_the_price_of_its_register():
    m = Metered()
    m.calendar(NIGHT_AND_DAY)
    m.price({1: 20000, 2: 8000})
    m.runs(86400, 1000)
    assert m.charged[0] == 17 * 20000 + 7 * 8000
    assert m.numbers(key(3, "0-0:94.44.1.7")) == [20000]


def test_a_price_has_scales():
    m = Metered()
    m.price({1: 15}, (3, -2))
    assert m.metering.active_price(0) == 15000
    m.price({1: 1500}, (0, -8))
    assert m.metering.active_price(0) == 1500
    m.price({1: 1999}, (3, -6))
    assert m.metering.active_price(0) == 199


def test_a_negative_price_is_credited_and_shown_as_nought():
    m = Metered()
    m.price({1: -2000})
    m.runs(3600, 1500)
    assert m.charged[0] == -3000
    assert m.numbers(key(3, "0-0:94.44.1.7")) == [0]


def test_a_price_that_the_matrix_does_not_have_is_nought():
    m = Metered()
    m.calendar([profile(1, (0, 0, 30))])
    m.price({1: 9000})
    m.runs(3600, 1000)
    assert m.charged[0] == 0
    assert m.metering.active_price(0) == 0


def test_blocks_fill_one_after_the_other():
    m = Metered()
    m.calendar([profile(1, (0, 0, 101))])
    m.thresholds(1, 1000, 2500, 0xFFFFFFFF)
    m.price({0xA1: 10000, 0xB1: 20000, 0xC1: 30000, 0xD1: 40000})
    m.runs(1800, 6000)
    assert m.blocks() == ({(1, 1): 1000, (2, 1): 1500, (3, 1): 500}, {(1, 1): 1000, (2, 1): 1500, (3, 1): 500})
    assert m.charged[0] == 10000 + 30000 + 15000
    assert m.metering.active_price(0) == 30000
    assert m.metering.active_block() == 3
    assert m.tou() == {}
    assert m.imports() == (3000, 0)


def test_the_price_follows_when_a_threshold_is_reached():
    m = Metered()
    m.calendar([profile(1, (0, 0, 108))])
    m.thresholds(8, 1000)
    m.price({0xA8: 10000, 0xB8: 20000})
    m.runs(1799, 2000)
    assert m.metering.active_price(0) == 10000
    m.runs(1, 2000)
    assert m.numbers(key(3, "0-0:94.44.1.7")) == [20000]


def test_each_row_of_blocks_counts_by_itself():
    m = Metered()
    m.calendar([profile(1, (0, 0, 101), (1, 0, 103))])
    m.thresholds(1, 500)
    m.runs(7200, 1000)
    assert m.blocks()[0] == {(1, 1): 500, (2, 1): 500, (1, 3): 1000}


def test_a_command_resets_the_block_counters_alone():
    m = Metered()
    m.calendar([profile(1, (0, 0, 101))])
    m.thresholds(1, 500)
    m.runs(3600, 1000)
    m.metering.flush()
    access = Access(DAY, 0x1D, bytes(8), bytes(8), 2, bytes(8), bytes(8), bytes(8), lambda plaintext: None)
    assert m.tree.invoke(key(9, "0-0:10.0.100.255", 1), b"\x12\x00\x63", access)[0] == 0
    m.metering.load()
    assert m.metering.active_block() == 1
    m.runs(1800, 1000)
    assert m.blocks() == ({(1, 1): 1000, (2, 1): 500}, {(1, 1): 500})


def test_the_end_of_a_billing_period_resets_the_block_counters():
    m = Metered()
    m.calendar([profile(1, (0, 0, 101))])
    m.thresholds(1, 500)
    m.schedule("0-0:15.0.0.255", (time(2), ALWAYS))
    m.runs(3 * 3600, 1000)
    assert m.blocks() == ({(1, 1): 1000, (2, 1): 2000}, {(1, 1): 500, (2, 1): 500})


def test_the_block_counters_may_be_reset_daily():
    m = Metered(at_s=DAY + 23 * 3600)
    m.calendar([profile(1, (0, 0, 101))])
    m.schedule("0-0:15.1.0.255", (time(0), ALWAYS))
    m.runs(2 * 3600, 1000)
    assert m.blocks() == ({(1, 1): 2000}, {(1, 1): 1000})


def test_a_new_tariff_switches_at_its_activation():
    m = Metered()
    m.price({1: 1000, 9: 5000})
    m.runs(1000, 3600)
    m.metering.flush()
    m.tree.put(key(20, "0-0:13.0.0.255", 9), b"\x01\x01" + profile(1, (0, 0, 9)))
    assert m.tree.activate(key(20, "0-0:13.0.0.255", 10))
    m.metering.activated(key(20, "0-0:13.0.0.255", 10))
    assert m.metering.active_price(0) == 5000
    m.runs(1000, 3600)
    assert m.tou() == {1: 1000, 9: 1000}
    assert m.charged[0] == 6000
    assert len(m.log("0-0:98.1.2.255")) == 1


def test_a_calendar_switches_the_same_whenever_it_was_read():
    m = Metered(SINGLE)
    m.calendar([profile(1, (5, 0, 4), (22, 0, 6)), profile(2)], [(b"\x01", [1, 1, 1, 1, 1, 2, 2])])
    other = Metered(SINGLE)
    other.calendar([profile(1, (5, 0, 4), (22, 0, 6)), profile(2)], [(b"\x01", [1, 1, 1, 1, 1, 2, 2])])
    for _ in range(14 * 12):
        m.runs(7200, 500)
        other.runs(7200, 500)
        other.restart(0)
    assert m.tou() == other.tou()
