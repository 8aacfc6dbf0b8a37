"""Registers, half-hours, days, and what becomes of them when time does not simply pass."""

from metered import Metered, key, seconds, structure, u32

from slotmeter.hal.metrology import Flow

IMPORT_PROFILE = "0-0:99.1.0.255"
EXPORT_PROFILE = "0-0:99.1.1.255"
REACTIVE_PROFILE = "0-0:99.1.2.255"
CONSUMPTION = "0-0:99.1.3.255"
DAY = seconds(2021, 6, 1)


def test_a_kilowatt_for_an_hour_is_a_thousand_watt_hours():
    m = Metered()
    m.runs(3600, 1000)
    assert m.imports() == (1000, 0)
    assert m.tou() == {1: 1000}


def test_what_is_less_than_a_watt_hour_is_kept_for_the_next():
    m = Metered()
    for _ in range(7200):
        m.runs(1, 1)
    assert m.imports() == (2, 0)
    m.runs(3599, 1)
    assert m.imports() == (2, 0)
    m.runs(1, 1)
    assert m.imports() == (3, 0)


def test_import_and_export_of_a_moment_are_both_counted():
    m = Metered(2)
    m.runs(3600, 500, 0, export=2000, var=300, var_export=40)
    assert m.imports() == (500, 0)
    assert m.numbers(key(3, "1-0:2.8.0.255")) == [2000]
    assert m.numbers(key(3, "1-0:4.8.0.255")) == [40]
    assert m.numbers(key(1, "0-0:94.44.34.10")) == [500, 300, 0]


def test_the_elements_of_a_twin_meter_have_registers_of_their_own():
    m = Metered(2)
    m.runs(3600, 500, 1500)
    assert m.imports() == (500, 1500)
    assert m.tou() == {1: 500, 201: 1500}
    assert m.log(IMPORT_PROFILE) == [(DAY + 1800, 250, 750), (DAY + 3600, 250, 750)]
    assert m.numbers(key(1, "0-0:94.44.34.20")) == [2000, 500, 1500]


def test_the_phases_of_a_polyphase_meter_are_one_register():
    m = Metered(4)
    m.runs(3600, 500, 700, 900)
    assert m.imports() == (2100, 0)
    assert m.log(IMPORT_PROFILE)[0] == (DAY + 1800, 1050)
    assert m.numbers(key(1, "0-0:94.44.34.20")) == [2100, 2100]


def test_power_is_what_flowed_last():
    m = Metered()
    m.runs(60, 3000)
    assert m.numbers(key(1, "0-0:94.44.34.20")) == [3000, 3000]
    m.runs(60, 0)
    assert m.numbers(key(1, "0-0:94.44.34.20")) == [0, 0]


def test_registers_roll_over_at_two_to_the_32():
    m = Metered()
    m.put(key(3, "1-0:2.8.0.255"), u32(0xFFFFFFFF))
    m.runs(3600, 0, export=10)
    assert m.numbers(key(3, "1-0:2.8.0.255")) == [9]


def test_registers_roll_over_where_the_tester_says():
    m = Metered()
    m.settings.register_modulus = 1000
    m = Metered(settings=m.settings)
    m.runs(3600, 2500)
    assert m.imports() == (500, 0)
    assert m.tou() == {1: 500}
    assert m.log(IMPORT_PROFILE) == [(DAY + 1800, 1250), (DAY + 3600, 1250)]


def test_a_half_hour_is_stamped_with_its_end():
    m = Metered(at_s=DAY + 600)
    m.runs(3000, 1200, export=300, var=60, var_export=90)
    assert m.log(IMPORT_PROFILE) == [(DAY + 1800, 400), (DAY + 3600, 600)]
    assert m.log(EXPORT_PROFILE) == [(DAY + 1800, 100, 30), (DAY + 3600, 150, 45)]
    assert m.log(REACTIVE_PROFILE) == [(DAY + 1800, 20), (DAY + 3600, 30)]


def test_the_half_hours_of_a_day_are_forty_eight():
    m = Metered()
    m.runs(86400, 100)
    rows = m.log(IMPORT_PROFILE)
    assert [row[0] for row in rows] == [DAY + 1800 * (n + 1) for n in range(48)]
    assert m.log(CONSUMPTION) == [(DAY + 86400, 2400)]
    assert sum([row[1] for row in rows]) == 2400


def test_the_same_history_in_other_pieces_gives_the_same_state():
    one = Metered()
    other = Metered()
    one.runs(86400, 777, export=3)
    for _ in range(864):
        other.runs(100, 777, export=3)
    one.metering.flush()
    other.metering.flush()
    one.records.commit()
    other.records.commit()
    assert {name: one.store.get(name) for name in one.store.names()} == {
        name: other.store.get(name) for name in other.store.names()
    }


def test_the_half_hours_of_an_outage_are_a_gap():
    m = Metered()
    m.runs(3000, 1200)
    m.restart(3 * 3600)
    m.runs(1200, 1200)
    assert m.now_ms == (DAY + 15000) * 1000
    m.runs(1800, 1200)
    # The half-hour that the outage began in is closed with what there was, the one that it ended in likewise.
    assert m.log(IMPORT_PROFILE) == [
        (DAY + 1800, 600),
        (DAY + 3600, 400),
        (DAY + 14400, 200),
        (DAY + 16200, 600),
    ]
    assert m.imports() == (2000, 0)


def test_nothing_is_lost_over_a_restart():
    one = Metered()
    other = Metered()
    one.runs(1000, 777)
    one.runs(1000, 777)
    other.runs(1000, 777)
    other.restart(0)
    other.runs(1000, 777)
    assert one.log(IMPORT_PROFILE) == other.log(IMPORT_PROFILE)
    one.runs(3600, 777)
    other.runs(3600, 777)
    assert one.imports() == other.imports()
    assert one.log(IMPORT_PROFILE) == other.log(IMPORT_PROFILE)


def test_days_within_an_outage_have_no_entry():
    m = Metered()
    m.until(DAY + 80000, 900)
    m.restart(3 * 86400)
    m.until(DAY + 4 * 86400, 900)
    assert m.log(CONSUMPTION) == [(DAY + 86400, 20000), (DAY + 4 * 86400, 1600)]
    assert [row[0] for row in m.log("0-0:98.1.9.255")] == [DAY + 86400, DAY + 4 * 86400]


def test_no_half_hour_is_counted_twice_when_the_clock_is_put_back():
    m = Metered()
    m.runs(7500, 1200)
    m.now_ms = (DAY + 3600) * 1000
    m.metering.set_clock(m.now_ms)
    m.runs(5400, 1200)
    rows = m.log(IMPORT_PROFILE)
    assert rows == [(DAY + 1800 * (n + 1), 600) for n in range(5)]
    # The registers have every Wh that flowed.
    assert m.imports() == (2500 + 1800, 0)


def test_a_clock_put_back_within_the_half_hour_changes_nothing():
    m = Metered()
    m.runs(1500, 1200)
    m.now_ms -= 60000
    m.metering.set_clock(m.now_ms)
    m.runs(360, 1200)
    assert m.log(IMPORT_PROFILE) == [(DAY + 1800, 620)]


def test_a_clock_that_was_a_year_ahead_does_not_silence_the_logs():
    m = Metered(at_s=DAY + 366 * 86400)
    m.runs(3600, 1000)
    m.now_ms = DAY * 1000
    m.metering.set_clock(m.now_ms)
    m.runs(1800, 1000)
    assert [row[0] for row in m.log(IMPORT_PROFILE)][-1] == DAY + 1800


def test_a_clock_put_forward_by_a_year_leaves_a_gap_and_no_energy():
    m = Metered()
    m.runs(600, 3600)
    m.now_ms += 365 * 86400000
    m.metering.set_clock(m.now_ms)
    m.runs(1200, 3600)
    assert [row[0] for row in m.log(IMPORT_PROFILE)] == [DAY + 1800, DAY + 365 * 86400 + 1800]
    assert m.imports() == (1800, 0)


def test_a_value_that_the_bench_pokes_is_counted_on_from():
    m = Metered()
    m.runs(1800, 1000)
    unit = b"\x02\x02\x0f\x00\x16\x1e"
    m.put(key(1, "0-0:94.44.34.10"), structure(u32(7000), unit, u32(1), b"\x02\x02\x0f\x00\x16\x20"))
    m.runs(1800, 1000)
    assert m.imports() == (7500, 0)
    assert m.log(IMPORT_PROFILE)[-1] == (DAY + 3600, 500)


def test_a_shape_of_another_variant_gives_way_to_that_of_the_meter():
    m = Metered(2)
    unit = b"\x02\x02\x0f\x00\x16\x1e"
    m.put(key(1, "0-0:94.44.34.10"), structure(u32(7000), unit, u32(1), b"\x02\x02\x0f\x00\x16\x20"))
    m.runs(3600, 1, 2)
    assert m.numbers(key(1, "0-0:94.44.34.10")) == [7001, 1, 2]


def test_what_is_measured_after_the_last_flush_is_forgotten_with_a_rollback():
    m = Metered()
    m.runs(3600, 1000)
    m.metering.flush()
    m.records.commit()
    m.runs(1800, 1000)
    m.metering.flush()
    m.records.rollback()
    m.tree.reload()
    m.metering.load()
    assert m.imports() == (1000, 0)
    assert m.metering.import_wh(0) == 1000
    assert len(m.log(IMPORT_PROFILE)) == 2


def test_loading_at_the_moment_that_something_is_due_does_not_lose_it():
    m = Metered()
    m.schedule("0-0:15.0.0.255", (bytes((0, 0, 0, 0)), bytes((255, 255, 255, 255, 255))))
    while m.metering.deadline_ms() < (DAY + 86400) * 1000:
        step = m.metering.deadline_ms()
        m.metering.see(Flow((100,)), m.now_ms, step)
        m.now_ms = step
        m.metering.tick(step)
    step = m.metering.deadline_ms()
    m.metering.see(Flow((100,)), m.now_ms, step)
    m.metering.flush()
    m.metering.load()
    assert m.metering.deadline_ms() == step
    m.metering.tick(step)
    assert [row[0] for row in m.log("0-0:98.1.0.255")] == [DAY + 86400]
    assert len(m.log(CONSUMPTION)) == 1


def test_time_that_a_failed_commit_undid_passes_again_and_leaves_the_same_state():
    at = seconds(2021, 5, 31, 22)
    whole = Metered(at_s=at)
    whole.runs(4 * 3600, 1500, export=3)
    m = Metered(at_s=at)
    m.runs(3600, 1500, export=3)
    m.metering.flush()
    m.records.commit()
    before_ms = m.now_ms
    # Midnight, the end of a day and of a billing period, and then the store says no.
    m.runs(2 * 3600 + 100, 1500, export=3)
    m.metering.flush()
    m.records.rollback()
    m.tree.reload()
    m.metering.load()
    m.now_ms = before_ms
    m.runs(3 * 3600, 1500, export=3)
    for one in (whole, m):
        one.metering.flush()
        one.records.commit()
    assert {name: m.store.get(name) for name in m.store.names()} == {
        name: whole.store.get(name) for name in whole.store.names()
    }
