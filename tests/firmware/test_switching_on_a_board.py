"""Supply and auxiliary controllers where a board runs: their switches through commands, limits, calendar and boost."""

from slotmeter.dlms.cosem.hooks import Hooks
from slotmeter.dlms.cosem.tree import SINGLE, Tree
from slotmeter.dlms.dates import from_seconds
from slotmeter.firmware import auxiliary, supply
from slotmeter.firmware.objects import OBJECTS
from slotmeter.firmware.settings import Settings
from slotmeter.hal.metrology import Flow
from slotmeter.hal.records import Records
from slotmeter.hal.virtual.store import VirtualStore
from slotmeter.hal.virtual.switch import VirtualSwitch

# 2026-06-01, a Monday.
START_S = 833587200
HOUR = 3600


class Bench:
    """Tree, store, relays and what was told; the time in seconds."""

    def __init__(self):
        self.store = VirtualStore()
        self.switch = VirtualSwitch()
        self.told = []
        self.now = START_S
        self.credit = True
        self.start()

    def start(self):
        self.records = Records(self.store)
        self.tree = Tree(OBJECTS, SINGLE, self.records, Hooks())
        parts = (self.tree, self.records, self.note, Settings(), self.switch)
        self.supply = supply.Supply(*parts, lambda: self.credit)
        self.auxiliary = auxiliary.Auxiliary(*parts, lambda: 0)
        for organ in (self.supply, self.auxiliary):
            organ.set_clock(self.now * 1000)

    def note(self, code, other=b"", at_s=None, elements=()):
        self.told.append(code)

    def place(self, key, data):
        self.tree.poke(key, data)
        for organ in (self.supply, self.auxiliary):
            organ.load()
            organ.tick(self.now * 1000)

    def wait(self, until):
        for organ in (self.supply, self.auxiliary):
            due = organ.deadline_ms()
            while due is not None and due <= until * 1000:
                organ.tick(due)
                due = organ.deadline_ms()
        self.now = until

    def power_cut(self):
        self.supply.flush()
        self.auxiliary.flush()
        self.records.commit()
        self.start()


def entry(hour, word):
    return (
        b"\x02\x0a\x12\x00\x01\x03\xff\x09\x06\x00\x00\x0a\x00\x67\xff\x12" + word.to_bytes(2, "big")
        + b"\x09\x04" + bytes((hour,)) + b"\x00\x00\x00\x12\xff\xff\x04\x07\xfe\x04\x00"
        + b"\x09\x05\xff\xff\xff\xff\xff\x09\x05\xff\xff\xff\xff\xff"
    )


def test_the_supply_is_limited_restored_disabled_and_armed():
    bench = Bench()
    bench.place(supply.LIMIT_THRESHOLD, b"\x06\x00\x00\x13\x88")
    bench.place(supply.LIMIT_PERIOD, b"\x06\x00\x00\x00\x3c")
    bench.place(supply.RESTORATION_PERIOD, b"\x06\x00\x00\x00\x1e")
    bench.place(supply.LIMIT_DISABLES, b"\x03\xff")
    bench.supply.see_flow(Flow((5001,)), bench.now * 1000)
    bench.wait(START_S + 60)
    assert bench.supply.state() == supply.ARMED and not bench.supply.closed()
    bench.supply.see_flow(Flow((10,)), bench.now * 1000)
    bench.wait(START_S + 90)
    assert bench.supply.state() == supply.ENABLED and bench.told == [0x8F01, 0x8F33, 0x8F34]
    bench.credit = False
    bench.supply.credit_changed(bench.now)
    bench.power_cut()
    assert bench.supply.state() == supply.DISABLED and not bench.supply.enable_locally(bench.now)
    bench.credit = True
    bench.supply.credit_changed(bench.now, True)
    assert bench.supply.state() == supply.ARMED and bench.told[3:] == [0x8168]
    assert bench.supply.enable_locally(bench.now) and bench.switch.is_closed(0)
    assert bench.supply.command(supply.DISABLED, bench.now) == 0 and bench.tree.value(supply.CONTROL_STATE)[1] == 0


def test_controllers_follow_calendar_command_limit_and_boost():
    bench = Bench()
    bench.place(auxiliary.OFFSET, b"\x12\x00\x3c")
    bench.place(auxiliary.type_key(1), b"\x09\x08" + bytes(8))
    bench.place(auxiliary.type_key(2), b"\x09\x01\xff")
    bench.place(auxiliary.SCHEDULE, b"\x01\x03" + entry(2, 0x11E4) + entry(5, 0x1180) + entry(3, 0x12B2))
    bench.wait(START_S + 2 * HOUR + 59)
    assert not bench.switch.is_closed(1)
    bench.wait(START_S + 2 * HOUR + 60)
    assert bench.switch.is_closed(1)
    bench.wait(START_S + 4 * HOUR)
    assert bench.auxiliary.level(2) == 50
    start = b"\x09\x0c" + from_seconds(bench.now)
    end = b"\x09\x0c" + from_seconds(bench.now + HOUR)
    bench.place(auxiliary.period_key(2, 3), start)
    bench.place(auxiliary.period_key(2, 4), end)
    assert bench.auxiliary.command(auxiliary.LIMIT_SCRIPTS, 0x120A, bench.now) == 0
    assert bench.auxiliary.level(2) == 10
    bench.power_cut()
    assert bench.auxiliary.level(2) == 10 and bench.switch.is_closed(1)
    bench.wait(START_S + 5 * HOUR + 60)
    assert bench.auxiliary.level(2) == 50 and not bench.switch.is_closed(1)
    # Each change of level is told of twice for controller 2, which is proportional, and once for controller 1.
    assert [code for code in bench.told if code not in (0x8131, 0x8F88)] == [0x8F86, 0x8F87]
    assert bench.told.count(0x8F88) == 3 and bench.told.count(0x8131) == 5
    bench.place(auxiliary.BOOST_AVAILABLE, b"\x03\xff")
    bench.place(auxiliary.association_key(1), b"\x03\xff")
    assert bench.auxiliary.boost_start((), 15, bench.now * 1000) and bench.switch.is_closed(1)
    bench.wait(bench.now + 900)
    assert not bench.switch.is_closed(1) and len(bench.tree.rows(auxiliary.BOOST_LOG)) == 1
