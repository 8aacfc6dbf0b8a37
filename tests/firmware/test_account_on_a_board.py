"""An account where a board runs: down to the last emergency credit, through a night, a token, and power cuts."""

import hashlib

from slotmeter.dlms.cosem.hooks import Hooks
from slotmeter.dlms.cosem.tree import SINGLE, Tree
from slotmeter.firmware.account import Account
from slotmeter.firmware.objects import OBJECTS
from slotmeter.firmware.settings import Settings
from slotmeter.hal.records import Records
from slotmeter.hal.virtual.store import VirtualStore
from slotmeter.prepayment.utrn import POUNDS, build

# 2021-06-01, a Tuesday.
START_S = 675820800
HOUR = 3600
DAY = 86400
MODE = b"\x00\x6f\x00\x00\x13\x00\x00\xff\x02"
MATRIX = b"\x00\x6f\x00\x00\x13\x00\x00\xff\x0b"
LOW = b"\x00\x6f\x00\x00\x13\x00\x00\xff\x10"
BALANCE = b"\x00\x70\x00\x00\x13\x0a\x00\xff\x02"
STATUS = b"\x00\x70\x00\x00\x13\x0a\x01\xff\x08"
LIMIT = b"\x00\x70\x00\x00\x13\x0a\x01\xff\x09"
THRESHOLD = b"\x00\x70\x00\x00\x13\x0a\x01\xff\x0a"
STANDING = b"\x00\x71\x00\x00\x13\x14\x04\xff\x05"
RATE = b"\x00\x71\x00\x00\x13\x14\x01\xff\x05"
PERIOD = b"\x00\x71\x00\x00\x13\x14\x01\xff\x08"
DEBT = b"\x00\x71\x00\x00\x13\x14\x01\xff\x0c"
CALENDAR = b"\x00\x0a\x00\x00\x0c\x00\x01\xff\x02"
COLLECTION = b"\x00\x01\x00\x00\x5e\x2c\x22\x1e\x02"
TOP_UPS = b"\x00\x00\x62\x01\x05\xff"
PAIRS = b"".join(
    [
        b"\x02\x03\x09\x06\x00\x00\x13\x0a" + bytes((credit,)) + b"\xff\x09\x06\x00\x00\x13\x14" + bytes((charge,))
        + b"\xff\x04\x03\xe0"
        for credit in (0, 1)
        for charge in (0, 1, 2, 3, 4)
    ]
)


def i32(value):
    return b"\x05" + (value & 0xFFFFFFFF).to_bytes(4, "big")


def charge(amount):
    head = b"\x02\x03\x02\x02\x0f\x00\x0f\xfb\x02\x03\x12\x00\x00\x09\x06\x00\x00\x00\x00\x00\x00\x0f\x00"
    return head + b"\x01\x01\x02\x02\x09\x00\x10" + amount.to_bytes(2, "big")


def entry(number, script, hour):
    return (
        b"\x02\x0a\x12\x00" + bytes((number,)) + b"\x03\xff\x09\x06\x00\x00\x0a\x00\x6a\xff\x12\x00" + bytes((script,))
        + b"\x09\x04" + bytes((hour,)) + b"\x00\x00\x00\x12\xff\xff\x04\x07\xfe\x04\x00"
        + b"\x09\x05\xff\xff\xff\xff\xff\x09\x05\xff\xff\xff\xff\xff"
    )


def mac(counter, high):
    return hashlib.sha256(counter.to_bytes(8, "big") + high).digest()[:4]


class Bench:
    """An account on a store, and time from deadline to deadline."""

    def __init__(self):
        self.store = VirtualStore()
        self.codes = []
        self.now_s = START_S
        self.start()

    def start(self):
        self.records = Records(self.store)
        self.tree = Tree(OBJECTS, SINGLE, self.records, Hooks())
        self.account = Account(
            self.tree, self.records, self.notify, Settings(SINGLE), mac, lambda left, right: left == right, lambda: 1
        )
        self.account.set_clock(self.now_s * 1000)
        self.save()

    def notify(self, code, other=b""):
        self.codes.append(code)

    def save(self):
        self.account.flush()
        self.records.commit()

    def put(self, key, data):
        self.save()
        self.tree.poke(key, data)
        self.account.load()
        self.account.tick(self.now_s * 1000)
        self.save()

    def passes(self, seconds):
        end_ms = (self.now_s + seconds) * 1000
        while self.account.deadline_ms() <= end_ms:
            self.account.tick(self.account.deadline_ms())
        self.now_s += seconds

    def told(self):
        codes = self.codes
        self.codes = []
        return codes

    def balances(self):
        """Meter balance and emergency credit as anybody reads them."""
        self.save()
        octets = self.tree.value(COLLECTION)
        found = []
        for place in (3, 8, 18):
            value = int.from_bytes(octets[place : place + 4], "big")
            found.append(value - (1 << 32) if value >> 31 else value)
        return found


def prepared():
    m = Bench()
    for key, data in (
        (BALANCE, i32(5000)),
        (LOW, i32(2000)),
        (LIMIT, i32(3000)),
        (THRESHOLD, i32(1000)),
        (STANDING, charge(100)),
        (RATE, charge(10)),
        (PERIOD, b"\x06\x00\x00\x0e\x10"),
        (DEBT, i32(35)),
        (CALENDAR, b"\x01\x02" + entry(1, 32, 18) + entry(2, 33, 8)),
        (MATRIX, b"\x01\x0a" + PAIRS),
        (MODE, b"\x02\x02\x16\x02\x16\x02"),
    ):
        m.put(key, data)
    assert m.told() == []
    return m


def test_credit_runs_down_to_the_last_emergency_credit_and_a_token_brings_it_back():
    m = prepared()
    m.passes(9 * HOUR)
    assert m.told() == [0x81A7] and m.balances() == [4965, 3000, 0]
    m.account.consume(2965)
    assert m.told() == []
    m.account.consume(1)
    assert m.told() == [0x810D]
    m.account.consume(1000)
    assert m.told() == [0x8119] and m.account.activate_emergency_credit(m.now_s)
    assert m.told() == [0x81AB, 0x8161]
    m.account.consume(999 + 2999)
    m.save()
    m.start()
    assert m.account.wants_supply() and m.balances() == [0, 1, 0] and m.tree.value(STATUS) == b"\x16\x03"
    m.told()
    m.account.consume(1)
    assert m.told() == [0x81AA, 0x8F0F] and not m.account.wants_supply()
    digits = build(9 << 32, POUNDS, 1, mac)
    assert m.account.top_up(digits, None, m.now_s).reason == ""
    assert m.account.wants_supply() and m.balances() == [97000, 3000, 0]
    m.start()
    assert m.account.top_up(digits, None, m.now_s).reason == "duplicate"
    assert [int.from_bytes(row[4:], "big") for row in m.tree.rows(TOP_UPS)] == [100000]


def test_a_night_without_disablement_and_what_falls_due_in_it():
    m = prepared()
    m.passes(20 * HOUR)
    m.account.consume(5000)
    assert m.told()[-2:] == [0x8F0F, 0x8F83] and m.account.wants_supply()
    m.passes(4 * HOUR)
    assert m.balances()[0] == -135
    m.save()
    m.start()
    m.passes(8 * HOUR - 1)
    assert m.account.wants_supply()
    m.passes(1)
    assert not m.account.wants_supply()


def test_days_without_power_are_made_up_for():
    m = prepared()
    m.save()
    m.now_s += 3 * DAY
    m.start()
    m.account.tick(m.now_s * 1000)
    assert m.balances() == [5000 - 300 - 35, 3000, 0]
