"""Daily readings, the billing data log and its triggers, and maximum demand."""

from metered import ALWAYS, Metered, array, date, key, octets, profile, seconds, structure, time, u16

from slotmeter.dlms.axdr import decode_whole
from slotmeter.dlms.cosem.access import Access
from slotmeter.dlms.dates import from_seconds
from slotmeter.firmware.billing import BILLING_PERIOD, MODE_CHANGED, SUPPLIER_CHANGED

DAY = seconds(2021, 6, 1)
REGISTERS = "0-0:98.1.0.255"
BALANCES = "0-0:98.1.1.255"
CHANGES = "0-0:98.1.2.255"
DAILY = "0-0:98.1.9.255"
DAILY_EXPORT = "0-0:98.1.10.255"
DAILY_BALANCES = "0-0:98.1.8.255"


def balance(m, value):
    m.put(key(112, "0-0:19.10.0.255"), b"\x05" + (value & 0xFFFFFFFF).to_bytes(4, "big"))


def prepayment(m):
    m.put(key(111, "0-0:19.0.0.255"), b"\x02\x02\x16\x02\x16\x02")


def test_registers_are_read_at_midnight():
    m = Metered(at_s=DAY + 86400 - 3600)
    m.calendar([profile(1, (0, 0, 5))])
    m.runs(7200, 1000, export=200)
    rows = m.log(DAILY)
    assert len(rows) == 1
    assert rows[0][:2] == (DAY + 86400, 1000)
    assert rows[0][2:50] == (0, 0, 0, 0, 1000) + (0,) * 43
    assert len(rows[0]) == 82
    assert m.log(DAILY_EXPORT) == [(DAY + 86400, 200)]


def test_a_twin_meter_reads_both_elements():
    m = Metered(2, at_s=DAY + 86400 - 3600)
    m.runs(3600, 1000, 300)
    row = m.log(DAILY)[0]
    assert row[:4] == (DAY + 86400, 1000, 300, 1000)
    assert row[51:55] == (300, 0, 0, 0)
    assert len(row) == 87
    assert m.log("0-0:99.1.3.255") == [(DAY + 86400, 1300)]


def test_balances_are_read_at_midnight_in_prepayment_mode_only():
    m = Metered()
    balance(m, -12345)
    m.runs(86400, 0)
    assert m.log(DAILY_BALANCES) == []
    prepayment(m)
    m.runs(86400, 0)
    assert m.log(DAILY_BALANCES) == [(DAY + 2 * 86400, 0x100000000 - 12345, 0, 0, 0, 0, 0)]


def test_the_account_is_asked_before_its_balances_are_read():
    m = Metered()
    prepayment(m)
    m.metering.refresh_balances = lambda: m.tree.put(key(112, "0-0:19.10.0.255"), b"\x05\x00\x00\x00\x2a")
    m.runs(86400, 0)
    assert m.log(DAILY_BALANCES)[0][1] == 42


def test_the_billing_calendar_takes_a_snapshot_and_raises_an_alert():
    m = Metered(at_s=seconds(2021, 5, 31, 23))
    m.schedule("0-0:15.0.0.255", (time(0), date(0xFFFF, 0xFF, 1)))
    m.runs(3600, 1000)
    assert m.notices == [0x8F0A]
    assert m.log(REGISTERS)[0][:3] == (DAY, 1000, 1000)
    assert m.log(BALANCES) == []
    assert m.log(CHANGES) == []


def test_the_snapshot_has_balances_in_prepayment_mode():
    m = Metered(at_s=seconds(2021, 5, 31, 23))
    prepayment(m)
    balance(m, 5000)
    m.runs(3600, 1000)
    assert m.log(BALANCES) == [(DAY, 5000, 0, 0, 0, 0, 0)]


def test_a_monthly_calendar_keeps_twelve_snapshots():
    m = Metered(at_s=seconds(2020, 1, 15))
    m.until(seconds(2021, 4, 15), 100)
    assert [row[0] for row in m.log(REGISTERS)] == [seconds(2020, month, 1) for month in range(5, 13)] + [
        seconds(2021, month, 1) for month in range(1, 5)
    ]
    assert len(m.notices) == 15


def test_a_quarterly_calendar_has_four_execution_times():
    m = Metered(at_s=seconds(2021, 1, 15))
    m.schedule("0-0:15.0.0.255", *[(time(9, 30), date(0xFFFF, month, 4)) for month in (2, 5, 8, 11)])
    m.until(seconds(2022, 1, 15), 0)
    assert [row[0] for row in m.log(REGISTERS)] == [seconds(2021, month, 4, 9, 30) for month in (2, 5, 8, 11)]


def test_weekly_and_last_day_calendars_have_wild_cards():
    m = Metered()
    m.schedule("0-0:15.0.0.255", (time(0), date(0xFFFF, 0xFF, 0xFF, 7)))
    m.runs(15 * 86400, 0)
    assert [row[0] for row in m.log(REGISTERS)] == [seconds(2021, 6, 6), seconds(2021, 6, 13)]
    m = Metered(at_s=seconds(2024, 2, 1))
    m.schedule("0-0:15.0.0.255", (time(12), date(0xFFFF, 0xFF, 0xFE)))
    m.until(seconds(2024, 5, 1), 0)
    assert [row[0] for row in m.log(REGISTERS)] == [
        seconds(2024, 2, 29, 12),
        seconds(2024, 3, 31, 12),
        seconds(2024, 4, 30, 12),
    ]


def test_an_hour_with_a_wild_card_comes_every_hour():
    m = Metered(at_s=DAY + 100)
    m.schedule("0-0:15.0.0.255", (time(0xFF, 15, 0xFF), date(2021, 6, 1)))
    m.runs(2 * 86400, 0)
    rows = [row[0] for row in m.log(REGISTERS)]
    assert rows == [DAY + hour * 3600 + 900 for hour in range(12, 24)]


def test_calendars_that_never_come_do_nothing():
    m = Metered()
    m.schedule("0-0:15.0.0.255", (time(0), date(2021, 2, 30)), (time(24), ALWAYS), (time(0), date(2020, 1, 1)))
    m.runs(3 * 86400, 0)
    assert m.log(REGISTERS) == []
    m.schedule("0-0:15.0.0.255", (time(0), date(0xFFFF, 0xFE, 1)))
    m.runs(86400, 0)
    assert m.notices == []


def test_a_billing_date_within_an_outage_is_made_up_for_once():
    m = Metered(at_s=seconds(2021, 5, 30, 12))
    m.calendar([profile(1, (0, 0, 101))])
    m.runs(3600, 1000)
    m.restart(3 * 86400)
    assert m.notices == [0x8F0A]
    m.runs(86400, 1000)
    assert [row[:2] for row in m.log(REGISTERS)] == [(DAY, 1000)]
    assert m.blocks() == ({(1, 1): 25000}, {(1, 1): 24000})


def test_a_clock_put_back_does_not_end_a_billing_period_twice():
    m = Metered(at_s=DAY - 3600)
    m.runs(7200, 1000)
    m.now_ms -= 5400000
    m.metering.set_clock(m.now_ms)
    m.runs(86400, 1000)
    assert m.notices == [0x8F0A]
    assert len(m.log(REGISTERS)) == 1


def test_a_new_calendar_does_not_look_back():
    m = Metered()
    m.until(DAY + 12 * 3600 + 600, 100)
    m.schedule("0-0:15.0.0.255", (time(12, 5), ALWAYS))
    m.runs(3600, 100)
    assert m.log(REGISTERS) == []
    m.runs(86400, 100)
    assert [row[0] for row in m.log(REGISTERS)] == [DAY + 86400 + 12 * 3600 + 300]


def test_changes_of_one_moment_are_one_snapshot():
    m = Metered()
    balance(m, 77)
    m.runs(3600, 1000)
    m.metering.snapshot(MODE_CHANGED)
    m.metering.snapshot(SUPPLIER_CHANGED)
    rows = m.log(CHANGES)
    assert len(rows) == 1
    assert rows[0][:3] == (DAY + 3600, 1000, 1000)
    assert rows[0][-6:] == (77, 0, 0, 0, 0, 0)
    assert m.notices == []
    m.runs(1, 0)
    m.metering.snapshot(MODE_CHANGED)
    assert len(m.log(CHANGES)) == 2


def test_the_alert_tells_of_the_newest_snapshot():
    for variant, fields in ((1, 82), (2, 87), (4, 82)):
        m = Metered(variant)
        assert m.metering.newest_billing() == ()
        m.runs(3600, 1000)
        m.metering.snapshot(BILLING_PERIOD)
        m.runs(3600, 1000)
        m.metering.snapshot(BILLING_PERIOD)
        values = m.metering.newest_billing()
        assert len(values) == 1
        tag, (_, rows) = decode_whole(values[0])
        assert tag == 19
        assert len(rows) == 1
        assert values[0][-4 * fields :][:8] == (DAY + 7200).to_bytes(4, "big") + (2000).to_bytes(4, "big")


def test_rows_of_another_shape_give_way():
    twin = Metered(2, at_s=DAY - 86400)
    twin.runs(86400, 1000, 1)
    m = Metered(1)
    m.tree.poke(key(7, DAILY), twin.tree.peek(key(7, DAILY)))
    m.runs(86400, 1000)
    assert [row[0] for row in m.log(DAILY)] == [DAY + 86400]


# ---- maximum demand


def window(start, end):
    def entry(number, script, at):
        return structure(
            u16(number),
            b"\x03\xff",
            octets(b"\x00\x00\x0a\x80\x64\xff"),
            u16(script),
            octets(at),
            u16(0xFFFF),
            b"\x04\x07\xfe",
            b"\x04\x00",
            octets(b"\x00\x00\x01\xff\xff"),
            octets(ALWAYS),
        )

    return array([entry(0, 1, start), entry(1, 2, end)])


def demand(m, obis):
    value = m.numbers(key(4, obis))[0]
    return value, m.tree.value(key(4, obis, 5))[2:]


def test_maximum_demand_is_the_mean_of_the_highest_half_hour():
    m = Metered()
    m.runs(1800, 1000, export=50)
    m.runs(900, 6000, export=100)
    m.runs(900, 0)
    m.runs(1800, 2000)
    assert demand(m, "1-0:1.6.0.255") == (3000, from_seconds(DAY + 3600))
    assert demand(m, "1-0:2.6.0.255") == (50, from_seconds(DAY + 1800))


def test_demand_is_that_of_both_elements_and_of_all_phases():
    for variant in (2, 4):
        m = Metered(variant)
        m.runs(1800, *([1000] * (2 if variant == 2 else 3)))
        assert demand(m, "1-0:1.6.0.255")[0] == (2000 if variant == 2 else 3000)


def test_the_window_limits_the_configurable_demand():
    m = Metered()
    m.put(key(10, "0-0:12.0.0.255"), window(time(17), time(22)))
    m.until(DAY + 17 * 3600, 9000)
    m.until(DAY + 22 * 3600, 4000)
    m.until(DAY + 86400, 9000)
    assert demand(m, "1-0:1.6.1.255") == (4000, from_seconds(DAY + 17 * 3600 + 1800))
    assert demand(m, "1-0:1.6.0.255")[0] == 9000


def test_a_window_may_go_over_midnight_and_may_be_the_whole_day():
    m = Metered()
    m.put(key(10, "0-0:12.0.0.255"), window(time(22), time(6)))
    m.until(DAY + 5 * 3600, 100)
    m.until(DAY + 7 * 3600, 4000)
    m.until(DAY + 86400, 50)
    assert demand(m, "1-0:1.6.1.255") == (4000, from_seconds(DAY + 5 * 3600 + 1800))
    m = Metered()
    m.until(DAY + 86400, 50)
    assert demand(m, "1-0:1.6.1.255")[0] == 50


def test_the_operator_resets_demand():
    m = Metered()
    m.runs(1800, 5000)
    m.metering.flush()
    access = Access(DAY + 1800, 0x31, bytes(8), bytes(8), 3, bytes(8), bytes(8), bytes(8), lambda plaintext: None)
    assert m.tree.invoke(key(4, "1-0:1.6.0.255", 1), b"\x0f\x00", access)[0] == 0
    m.metering.load()
    assert demand(m, "1-0:1.6.0.255") == (0, from_seconds(DAY + 1800))
    assert m.tree.value(key(1, "0-0:94.44.5.1"))[2:] == from_seconds(DAY + 1800)
    m.runs(1800, 300)
    assert demand(m, "1-0:1.6.0.255") == (300, from_seconds(DAY + 3600))
