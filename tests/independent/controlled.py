"""Auxiliary controllers with the things around them, for tests: calendar, clock, relays, store, and what was told."""

import builder as b

from slotmeter.dlms.cosem.hooks import Hooks
from slotmeter.dlms.cosem.tree import SINGLE, Tree
from slotmeter.dlms.dates import days_from_date
from slotmeter.firmware import auxiliary as a
from slotmeter.firmware import logs
from slotmeter.firmware.auxiliary import Auxiliary
from slotmeter.firmware.objects import OBJECTS
from slotmeter.firmware.settings import Settings
from slotmeter.hal.records import Records
from slotmeter.hal.virtual.store import VirtualStore
from slotmeter.hal.virtual.switch import VirtualSwitch

# 2026-06-01 was a Monday.
MONDAY_S = days_from_date(2026, 6, 1) * 86400
ALCS = b"\x00" * 8
HCALCS = bytes.fromhex("1234567890ABCDEF")
APC = b"\xff"
ANY_DATE = b"\xff\xff\xff\xff\xff"


def clock(hour, minute=0, day=0):
    """Seconds since 2000 of a time on the Monday, or `day` days later."""
    return MONDAY_S + day * 86400 + hour * 3600 + minute * 60


def entry(hour, word, weekdays=0xFE, special=b"", minute=0):
    """One row of the calendar."""
    return b.structure(
        b.u16(1),
        b.boolean(True),
        b.octets(a.SCRIPTS),
        b.u16(word),
        b.octets(bytes((hour, minute, 0, 0))),
        b.u16(0xFFFF),
        bytes((4, 7, weekdays)),
        bytes((4, 8 * len(special))) + special,
        b.octets(ANY_DATE),
        b.octets(ANY_DATE),
    )


class Controllers:
    """Five controllers, and the time, in seconds."""

    def __init__(self, *kinds, offset=0, without_time=a.HOLD):
        self.store = VirtualStore()
        self.switch = VirtualSwitch()
        self.settings = Settings()
        self.settings.auxiliary_without_time = without_time
        self.clock = 0
        self.now = clock(0)
        self.told = []
        self.build()
        self.poke(a.OFFSET, b.u16(offset))
        for number, kind in enumerate(kinds, 1):
            self.poke(a.type_key(number), b.octets(kind))
        self.changed()
        self.aux.set_clock(self.now * 1000)

    def build(self):
        """What a start builds."""
        self.records = Records(self.store)
        self.tree = Tree(OBJECTS, SINGLE, self.records, Hooks())
        self.aux = Auxiliary(self.tree, self.records, self.note, self.settings, self.switch, lambda: self.clock)

    def note(self, code, other=b"", at_s=None, elements=()):
        self.told.append((code, b"".join(elements)))

    def codes(self):
        """What was told since last asked: codes and bodies."""
        told = self.told
        self.told = []
        return told

    def poke(self, key, data):
        self.tree.poke(key, data)

    def changed(self):
        """Configuration changed, as after a command."""
        self.aux.load()
        self.aux.tick(self.now * 1000)
        self.aux.flush()

    def calendar(self, *rows, special=()):
        self.poke(a.SCHEDULE, b.array(*rows))
        self.poke(a.SPECIAL_DAYS, b.array(*special))
        self.changed()

    def set_clock_status(self, status):
        self.clock = status
        self.aux.tick(self.now * 1000)

    def wait(self, until):
        """Time passes until `until`; whatever is due is done at its time."""
        due = self.aux.deadline_ms()
        while due is not None and due <= until * 1000:
            assert due > self.now * 1000 or due == self.now * 1000
            self.now = due // 1000
            self.aux.tick(due)
            after = self.aux.deadline_ms()
            assert after is None or after > due
            due = after
        self.now = until

    def command(self, word, start=None, end=None, limit=False):
        """A command for a period (now for an hour, unless said); the result."""
        number = word >> 8 & 15
        first = 3 if limit else 1
        if word >> 12 and 1 <= number <= 5:
            start = self.now if start is None else start
            end = start + 3600 if end is None else end
            self.poke(a.period_key(number, first), b.octets(b.date_time(start)))
            self.poke(a.period_key(number, first + 1), b.octets(b.date_time(end)))
        return self.aux.command(a.LIMIT_SCRIPTS if limit else a.SCRIPTS, word, self.now)

    def for_minutes(self, word, minutes):
        """A command of the older form."""
        self.poke(a.period_key(word >> 8, 1 if word & 255 == 0x11 else 2), b.u16(minutes))
        return self.aux.command(a.SCRIPTS, word, self.now)

    def rows(self):
        """(time, word, outcome, command id) of the event log."""
        found = []
        for row in self.tree.rows(logs.AUXILIARY):
            found.append((number(row[:4]), number(row[4:6]), row[6], number(row[7:])))
        return found

    def words(self):
        """(word, outcome) of the event log."""
        return [(row[1], row[2]) for row in self.rows()]

    def boosts(self):
        """(begin, end) of the boost log."""
        return [(number(row[:4]), number(row[4:])) for row in self.tree.rows(a.BOOST_LOG)]

    def levels(self):
        """Output levels of the five; the relays must be where they say."""
        states = self.aux.states()
        for controller, (kind, output, _, _) in enumerate(states, 1):
            if kind != a.HCALCS:
                assert self.switch.is_closed(controller) == (output > 0)
        return [state[1] for state in states]

    def associate(self, *numbers):
        """The meter has a boost function, and it is for these controllers."""
        self.poke(a.BOOST_AVAILABLE, b.boolean(True))
        for controller in a.CONTROLLERS:
            self.poke(a.association_key(controller), b.boolean(controller in numbers))
        self.changed()

    def power_cut(self, seconds=0, relays=True):
        """The power goes; what was committed stays, and with `relays` so do the relays."""
        self.aux.flush()
        self.records.commit()
        self.now += seconds
        if not relays:
            self.switch = VirtualSwitch()
        self.build()
        self.aux.set_clock(self.now * 1000)


def number(octets):
    return int.from_bytes(octets, "big")
