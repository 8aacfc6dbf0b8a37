"""A meter's account alone: an object tree, the organ, and a way to be its supplier, its customer and its clock."""

import hashlib

from metered import array, i16, key, octets, seconds, structure, u16, u32

from slotmeter.dlms.cosem.access import Access
from slotmeter.dlms.cosem.hooks import Hooks
from slotmeter.dlms.cosem.tree import Tree
from slotmeter.firmware.account import Account
from slotmeter.firmware.objects import OBJECTS
from slotmeter.firmware.settings import Settings
from slotmeter.hal.records import Records
from slotmeter.hal.virtual.store import VirtualStore
from slotmeter.prepayment.utrn import PENCE, build

DAY = 86400
HOUR = 3600
POUND = 100000
# A Tuesday.
START_S = seconds(2021, 6, 1)
BALANCE = key(112, "0-0:19.10.0.255")
EMERGENCY = key(112, "0-0:19.10.1.255")
STATUS = key(112, "0-0:19.10.1.255", 8)
HELD_BACK = key(112, "0-0:19.10.2.255")
DEBTS = tuple([key(113, "0-0:19.20.%d.255" % number, 12) for number in (1, 2, 3)])
COLLECTION = key(1, "0-0:94.44.34.30")
TOP_UPS = b"\x00\x00\x62\x01\x05\xff"
DEBT_PAYMENTS = b"\x00\x00\x62\x01\x04\xff"
SUPPLY_SCRIPTS = b"\x00\x00\x0a\x00\x6a\xff"
ANY_DATE = b"\xff\xff\xff\xff\xff"


def i32(value):
    return b"\x05" + (value & 0xFFFFFFFF).to_bytes(4, "big")


def mac(counter, high):
    """What the supplier's key would make, in a world of one supplier and one meter."""
    return hashlib.sha256(b"key" + counter.to_bytes(8, "big") + high).digest()[:4]


def token(upper, pence, make_mac=mac):
    """Twenty digits: the counter's upper half, and its worth."""
    return build(upper << 32, PENCE, pence, make_mac)


def flat_rate(amount, scale=-5):
    """A unit charge of one price."""
    head = structure(bytes((15, 0)), bytes((15, scale & 255)))
    commodity = structure(u16(0), octets(bytes(6)), bytes((15, 0)))
    return structure(head, commodity, array([structure(octets(b""), i16(amount))]))


def pairs(prepayment, suspend_disabled=False, suspend_emergency=False):
    """(credit, charge, flags) as the mode commands have them."""
    if not prepayment:
        return [(0, 0, 7), (0, 4, 7)]
    debts = 6 if suspend_disabled else 7
    found = []
    for credit in (0, 1):
        found.extend([(credit, 0, 7), (credit, 4, 7), (credit, 1, debts), (credit, 2, debts), (credit, 3, 7)])
    if suspend_emergency:
        found.extend([(2, 4, 7), (2, 1, 7), (2, 2, 7)])
    return found


def matrix(rows):
    """credit_charge_configuration."""
    return array(
        [
            structure(
                octets(b"\x00\x00\x13\x0a" + bytes((credit, 255))),
                octets(b"\x00\x00\x13\x14" + bytes((charge, 255))),
                bytes((4, 3, flags << 5)),
            )
            for credit, charge, flags in rows
        ]
    )


def window_entry(number, begins, hour, weekdays=0x7F, special=0, special_bits=0, begin=ANY_DATE, end=ANY_DATE):
    """A row of the non-disablement calendar; weekdays: seven bits, Monday the highest."""
    return structure(
        u16(number),
        b"\x03\xff",
        octets(SUPPLY_SCRIPTS),
        u16(32 if begins else 33),
        octets(bytes((hour, 0, 0, 0))),
        u16(0xFFFF),
        bytes((4, 7, weekdays << 1)),
        bytes((4, special_bits)) + (bytes((special << (8 - special_bits),)) if special_bits else b""),
        octets(begin),
        octets(end),
    )


class Watched(Hooks):
    """Tells the account what a command has changed, as the firmware does."""

    def __init__(self, owner):
        self.owner = owner

    def changed(self, attribute, access):
        self.owner.account.changed(attribute)


class Accounted:
    """tree, account, notices (code, other), verdicts; now_s: the time it has reached; supply: its switch's state."""

    def __init__(self, store=None, make_mac=mac):
        self.store = store or VirtualStore()
        self.make_mac = make_mac
        self.notices = []
        self.verdicts = []
        self.modes = []
        self.supply = 1
        self.now_s = START_S
        self.power_up()

    def power_up(self):
        """Everything anew from what the store holds."""
        self.records = Records(self.store)
        self.tree = Tree(OBJECTS, 2, self.records, Watched(self))
        self.account = Account(
            self.tree,
            self.records,
            self.notify,
            Settings(2),
            lambda counter, high: self.make_mac(counter, high),
            lambda left, right: left == right,
            lambda: self.supply,
        )
        self.account.mode_changed = lambda: self.modes.append(self.account.is_prepayment())
        self.account.verdict_changed = self.note_verdict
        self.account.time_s = lambda: self.now_s
        self.account.set_clock(self.now_s * 1000)
        self.account.tick(self.now_s * 1000)
        self.save()

    def note_verdict(self):
        self.verdicts.append((self.account.wants_supply(), self.account.restored_by_emergency()))

    def notify(self, code, other=b"", at_s=None):
        self.notices.append((code, other))

    def codes(self):
        """What was told since this was asked last."""
        codes = [code for code, _ in self.notices]
        self.notices = []
        return codes

    def save(self):
        self.account.flush()
        self.records.commit()

    def place(self, **values):
        """The bench's hand: attributes by name, and the account looks."""
        names = {
            "balance": (BALANCE, i32),
            "emergency": (EMERGENCY, i32),
            "held_back": (HELD_BACK, i32),
            "debt_1": (DEBTS[0], i32),
            "debt_2": (DEBTS[1], i32),
            "payment_debt": (DEBTS[2], i32),
            "limit": (key(112, "0-0:19.10.1.255", 9), i32),
            "threshold": (key(112, "0-0:19.10.1.255", 10), i32),
            "status": (STATUS, lambda value: bytes((22, value))),
            "low": (key(111, "0-0:19.0.0.255", 16), i32),
            "cap": (key(111, "0-0:19.0.0.255", 18), u16),
            "cap_period": (key(111, "0-0:19.0.0.255", 19), i32),
            "disablement": (key(21, "0-0:16.0.1.255"), lambda value: array([i32(value)])),
            "share": (key(113, "0-0:19.20.3.255", 13), u16),
            "standing": (key(113, "0-0:19.20.4.255", 5), lambda value: value),
            "rate_1": (key(113, "0-0:19.20.1.255", 5), lambda value: value),
            "rate_2": (key(113, "0-0:19.20.2.255", 5), lambda value: value),
            "period_1": (key(113, "0-0:19.20.1.255", 8), u32),
            "period_2": (key(113, "0-0:19.20.2.255", 8), u32),
            "most": (key(9000, "0-0:94.44.2.10"), i32),
            "highest": (key(9000, "0-0:94.44.2.20"), i32),
            "calendar": (key(10, "0-0:12.0.1.255"), array),
            "special_days": (key(11, "0-0:11.0.2.255"), array),
        }
        self.save()
        for name in sorted(values):
            attribute, encode = names[name]
            self.tree.poke(attribute, encode(values[name]))
        self.look()

    def mode(self, prepayment, suspend_disabled=False, suspend_emergency=False):
        """The active account becomes this."""
        self.save()
        self.tree.poke(key(111, "0-0:19.0.0.255"), structure(bytes((22, 2 if prepayment else 1)), b"\x16\x02"))
        self.tree.poke(
            key(111, "0-0:19.0.0.255", 11), matrix(pairs(prepayment, suspend_disabled, suspend_emergency))
        )
        self.look()

    def look(self):
        """As after a command: everybody reads again, and is asked."""
        self.account.load()
        self.account.tick(self.now_s * 1000)
        self.save()

    def invoke(self, *calls):
        """A command: (method key, data) in order; the results."""
        self.save()
        access = Access(self.now_s, 0, bytes(8), bytes(8), 2, bytes(8), bytes(8), bytes(8), lambda octets_: None)
        results = [self.tree.invoke(method, data, access)[0] for method, data in calls]
        self.look()
        return results

    def passes(self, seconds_more):
        """Time, in steps from deadline to deadline."""
        to_s = self.now_s + seconds_more
        account = self.account
        while True:
            due = account.deadline_ms()
            if due > to_s * 1000:
                break
            self.now_s = due // 1000
            account.tick(due)
        self.now_s = to_s

    def enter(self, upper, pence):
        """The customer types a token."""
        verdict = self.account.top_up(token(upper, pence, self.make_mac), None, self.now_s)
        self.save()
        return verdict.reason

    def shown(self):
        """The six balances as anybody reads them."""
        self.save()
        octets_ = self.tree.value(COLLECTION)
        found = []
        for place in range(3, 33, 5):
            value = int.from_bytes(octets_[place : place + 4], "big")
            found.append(value - (1 << 32) if value >> 31 else value)
        return found

    def rows(self, obis):
        """Time and amount of each row."""
        return [(int.from_bytes(row[:4], "big"), int.from_bytes(row[4:], "big")) for row in self.tree.rows(obis)]
