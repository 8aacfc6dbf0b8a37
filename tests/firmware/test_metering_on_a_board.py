"""A few days of metering where a board runs: registers, tariff, logs, restart, and the same octets as on a host."""

from slotmeter.dlms.cosem.hooks import Hooks
from slotmeter.dlms.cosem.tree import SINGLE, TWIN, Tree
from slotmeter.firmware.metering import Metering
from slotmeter.firmware.objects import OBJECTS
from slotmeter.firmware.settings import Settings
from slotmeter.hal.metrology import Flow
from slotmeter.hal.records import Records
from slotmeter.hal.virtual.store import VirtualStore

DAY = 86400
# 2021-06-01, a Tuesday.
START = 675820800
IMPORT = b"\x00\x01\x00\x00\x5e\x2c\x22\x0a\x02"
TOU = b"\x00\x01\x00\x00\x5e\x2c\x22\x01\x02"
BLOCK = b"\x00\x01\x00\x00\x5e\x2c\x22\x02\x02"
OFFSET = b"\x00\x01\x00\x00\x5e\x2c\x00\x00\x02"
DAYS = b"\x00\x14\x00\x00\x0d\x00\x00\xff\x05"
SPECIAL = b"\x00\x0b\x00\x00\x0b\x00\x00\xff\x02"
THRESHOLDS = b"\x00\x15\x00\x00\x10\x00\x0b\xff\x02"
UNIT_CHARGE = b"\x00\x71\x00\x00\x13\x14\x00\xff\x05"
BILLING = b"\x00\x16\x00\x00\x0f\x00\x00\xff\x04"
PROFILE = b"\x00\x00\x63\x01\x00\xff"
DAILY = b"\x00\x00\x62\x01\x09\xff"
SNAPSHOTS = b"\x00\x00\x62\x01\x00\xff"
SCRIPTS = b"\x09\x06\x00\x00\x0a\x00\x64\xff\x12\x00"


class Bench:
    """Metering on a store, and time in steps from deadline to deadline."""

    def __init__(self, variant, store=None):
        self.variant = variant
        self.store = store or VirtualStore()
        self.codes = []
        self.cost = 0
        self.now_ms = START * 1000
        self.start()
        self.tree.put(OFFSET, b"\x12\x00\x00")
        self.metering.load()
        self.metering.set_clock(self.now_ms)

    def start(self):
        self.records = Records(self.store)
        self.tree = Tree(OBJECTS, self.variant, self.records, Hooks())
        self.metering = Metering(self.tree, self.records, self.codes.append, Settings(self.variant), self.charge)

    def charge(self, element, millipence):
        self.cost += millipence

    def put(self, key, data):
        self.metering.flush()
        self.tree.put(key, data)
        self.metering.load()

    def runs(self, seconds, *watts):
        flow = Flow(watts, 10, 20, 30)
        end_ms = self.now_ms + seconds * 1000
        while True:
            due = self.metering.deadline_ms()
            step = min(due, end_ms)
            if step > self.now_ms:
                self.metering.see(flow, self.now_ms, step)
                self.now_ms = step
            if due > end_ms:
                break
            self.metering.tick(step)
        self.metering.flush()

    def number(self, key, at):
        return int.from_bytes(self.tree.value(key)[at : at + 4], "big")


def day(number, switches):
    rows = [b"\x02\x03\x09\x04" + bytes((hour, 0, 0, 0)) + SCRIPTS + bytes((script,)) for hour, script in switches]
    return b"\x02\x02\x11" + bytes((number, 1, len(rows))) + b"".join(rows)


def test_two_days_are_in_registers_and_logs():
    bench = Bench(SINGLE)
    bench.put(DAYS, b"\x01\x01" + day(1, ((0, 2), (7, 1))))
    bench.runs(2 * DAY, 1000)
    assert bench.number(IMPORT, 3) == 48000
    assert bench.number(TOU, 5) == 34000 and bench.number(TOU, 10) == 14000
    rows = bench.tree.rows(PROFILE)
    assert len(rows) == 96
    assert rows[-1] == (START + 2 * DAY).to_bytes(4, "big") + b"\x00\x00\x01\xf4"
    assert len(bench.tree.rows(DAILY)) == 2


def test_a_special_day_and_blocks_and_their_price():
    bench = Bench(SINGLE)
    bench.put(DAYS, b"\x01\x02" + day(1, ((0, 101),)) + day(2, ((0, 5),)))
    bench.put(SPECIAL, b"\x01\x01\x02\x03\x12\x00\x00\x09\x05\xff\xff\x06\x02\xff\x11\x02")
    bench.put(THRESHOLDS, b"\x01\x01\x06\x00\x00\x27\x10")
    head = b"\x02\x03\x02\x02\x0f\x03\x0f\xfb\x02\x03\x12\x00\x03\x09\x06\x01\x00\x01\x08\x00\xff\x0f\x02\x01\x03"
    rows = [b"\x02\x02\x09\x01" + bytes((index, 0x10)) + b"\x27\x10" for index in (0x05, 0xA1)]
    bench.put(UNIT_CHARGE, head + b"".join(rows) + b"\x02\x02\x09\x01\xb1\x10\xff\xff")
    bench.runs(2 * DAY, 1000)
    assert bench.number(BLOCK, 5) == 10000 and bench.number(BLOCK, 5 + 16 * 5) == 14000
    assert bench.number(TOU, 25) == 24000
    # A price of -1 gives back.
    assert bench.cost == 34 * 10000 - 14


def test_a_billing_date_that_an_outage_covers_is_made_up_for():
    bench = Bench(TWIN)
    bench.put(BILLING, b"\x01\x01\x02\x02\x09\x04\x00\x00\x00\x00\x09\x05\xff\xff\xff\x03\xff")
    bench.runs(DAY, 700, 300)
    bench.records.commit()
    bench.start()
    bench.now_ms += 3 * DAY * 1000
    bench.metering.set_clock(bench.now_ms)
    bench.runs(DAY, 700, 300)
    assert bench.codes == [0x8F0A]
    rows = bench.tree.rows(SNAPSHOTS)
    assert [int.from_bytes(row[:4], "big") for row in rows] == [START + 2 * DAY]
    assert int.from_bytes(rows[0][4:8], "big") == 16800 and int.from_bytes(rows[0][8:12], "big") == 7200
    assert bench.number(IMPORT, 3) == 33600 and bench.number(IMPORT, 25) == 14400


def test_a_clock_put_back_does_not_count_a_half_hour_twice():
    bench = Bench(SINGLE)
    bench.runs(7200, 1000)
    bench.now_ms -= 3600000
    bench.metering.set_clock(bench.now_ms)
    bench.runs(5400, 1000)
    assert len(bench.tree.rows(PROFILE)) == 5
    assert bench.number(IMPORT, 3) == 3500
