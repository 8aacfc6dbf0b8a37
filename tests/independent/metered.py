"""A meter's metering alone: an object tree, the organ, and time that passes in steps as the firmware's life lets it."""

from slotmeter.dlms.cosem.hooks import Hooks
from slotmeter.dlms.cosem.tree import Tree
from slotmeter.dlms.dates import days_from_date
from slotmeter.dlms.obis import parse
from slotmeter.firmware.metering import Metering
from slotmeter.firmware.objects import OBJECTS
from slotmeter.firmware.settings import Settings
from slotmeter.hal.metrology import Flow
from slotmeter.hal.records import Records
from slotmeter.hal.virtual.store import VirtualStore

ALWAYS = bytes((0xFF, 0xFF, 0xFF, 0xFF, 0xFF))


def seconds(year, month, day, hour=0, minute=0, second=0):
    """Seconds since 2000."""
    return days_from_date(year, month, day) * 86400 + hour * 3600 + minute * 60 + second


def key(class_id, obis, attribute=2):
    """Nine octets."""
    return class_id.to_bytes(2, "big") + parse(obis) + bytes((attribute,))


# A-XDR, written by hand: the tests do not read with what they test.
def u16(value):
    return b"\x12" + value.to_bytes(2, "big")


def u32(value):
    return b"\x06" + value.to_bytes(4, "big")


def i16(value):
    return b"\x10" + (value & 0xFFFF).to_bytes(2, "big")


def octets(value):
    return b"\x09" + bytes((len(value),)) + value


def structure(*values):
    return b"\x02" + bytes((len(values),)) + b"".join(values)


def array(values):
    return b"\x01" + bytes((len(values),)) + b"".join(values)


def time(hour, minute=0, second=0):
    return bytes((hour, minute, second, 0))


def date(year, month, day, week=0xFF):
    return year.to_bytes(2, "big") + bytes((month, day, week))


def profile(number, *switches):
    """A day profile: (hour, minute, script) each."""
    scripts = octets(b"\x00\x00\x0a\x00\x64\xff")
    rows = [structure(octets(time(hour, minute)), scripts, u16(script)) for hour, minute, script in switches]
    return structure(bytes((17, number)), array(rows))


def prices(table, scales=(3, -5)):
    """A unit charge: price by index."""
    head = structure(bytes((15, scales[0])), bytes((15, scales[1] & 255)))
    commodity = structure(u16(3), octets(b"\x01\x00\x01\x08\x00\xff"), bytes((15, 2)))
    rows = [structure(octets(bytes((index,))), i16(table[index])) for index in sorted(table)]
    return structure(head, commodity, array(rows))


class Metered:
    """tree, metering, notices (code each), charged ([element] millipence); `now_ms` is the time it has reached."""

    def __init__(self, variant=1, at_s=seconds(2021, 6, 1), settings=None, store=None, offset=0):
        self.settings = settings or Settings(variant)
        self.variant = variant
        self.store = store or VirtualStore()
        self.notices = []
        self.charged = [0, 0]
        self.power_up()
        if store is None:
            self.tree.put(key(1, "0-0:94.44.0.0"), u16(offset))
        self.metering.load()
        self.now_ms = at_s * 1000
        self.metering.set_clock(self.now_ms)

    def power_up(self):
        """Everything anew from what the store holds."""
        self.records = Records(self.store)
        self.tree = Tree(OBJECTS, self.variant, self.records, Hooks())
        self.metering = Metering(self.tree, self.records, self.notify, self.settings, self.charge)

    def notify(self, code, other=b"", at_s=None):
        self.notices.append(code)

    def charge(self, element, millipence):
        self.charged[element] += millipence

    def passes(self, to_ms, flow):
        """Time until `to_ms` with one flow."""
        metering = self.metering
        while True:
            due = metering.deadline_ms()
            step = to_ms if due > to_ms else due
            if step > self.now_ms:
                metering.see(flow, self.now_ms, step)
                self.now_ms = step
            if due > to_ms:
                return
            metering.tick(step)

    def runs(self, duration_s, *watts, export=0, var=0, var_export=0):
        """So many seconds with these W of import."""
        self.passes(self.now_ms + duration_s * 1000, Flow(watts, export, var, var_export))

    def until(self, at_s, *watts):
        self.passes(at_s * 1000, Flow(watts))

    def put(self, which, value):
        """Changes an attribute as a command does, after a flush and before a load."""
        self.metering.flush()
        self.tree.put(which, value)
        self.metering.load()

    def restart(self, off_s):
        """The power goes off, with what the meter saves then, and comes back."""
        self.metering.flush()
        self.records.commit()
        self.power_up()
        self.now_ms += off_s * 1000
        self.metering.set_clock(self.now_ms)

    def numbers(self, which):
        """Every double-long-unsigned of an attribute in order, read from its octets."""
        self.metering.flush()
        data = self.tree.value(which)
        found = []
        place = 0
        while place < len(data):
            tag = data[place]
            if tag in (1, 2):
                place += 2
            elif tag == 6:
                found.append(int.from_bytes(data[place + 1 : place + 5], "big"))
                place += 5
            else:
                assert tag in (15, 22), tag
                place += 2
        return found

    def imports(self):
        """Wh of the elements."""
        found = self.numbers(key(1, "0-0:94.44.34.10"))
        return found[0], found[2] if len(found) > 2 else 0

    def tou(self):
        """{script: Wh} of the time-of-use registers that are not nought, those of the secondary element from 201."""
        found = self.numbers(key(1, "0-0:94.44.34.1"))
        named = [(place + 1 if place < 48 else 153 + place, value) for place, value in enumerate(found)]
        return {script: value for script, value in named if value}

    def blocks(self):
        """({(block, row): Wh}, {(block, row): Wh in this period}) of those not nought, counted from 1."""
        found = self.numbers(key(1, "0-0:94.44.34.2"))
        registers = {}
        counters = {}
        for block in range(4):
            for row in range(8):
                if found[16 * block + row]:
                    registers[(block + 1, row + 1)] = found[16 * block + row]
                if found[16 * block + 8 + row]:
                    counters[(block + 1, row + 1)] = found[16 * block + 8 + row]
        return registers, counters

    def log(self, obis):
        """The rows of a log of numbers, as tuples."""
        rows = self.tree.rows(parse(obis))
        return [tuple([int.from_bytes(row[at : at + 4], "big") for at in range(0, len(row), 4)]) for row in rows]

    def calendar(self, days, weeks=None, seasons=None, special=(), secondary=False):
        """Puts an activity calendar. days: profiles; weeks: (name, seven numbers); seasons: (date, week name)."""
        obis = "0-0:13.0.1.255" if secondary else "0-0:13.0.0.255"
        weeks = weeks or [(b"\x01", [1] * 7)]
        seasons = seasons or [(date(2000, 1, 1), b"\x01")]
        self.metering.flush()
        tail = time(0) + b"\x80\x00\xff"
        rows = [structure(octets(b"s"), octets(start + tail), octets(week)) for start, week in seasons]
        self.tree.put(key(20, obis, 3), array(rows))
        rows = [structure(octets(name), *[bytes((17, day)) for day in numbers]) for name, numbers in weeks]
        self.tree.put(key(20, obis, 4), array(rows))
        self.tree.put(key(20, obis, 5), array(days))
        rows = [structure(u16(n), octets(day), bytes((17, number))) for n, (day, number) in enumerate(special)]
        self.tree.put(key(11, "0-0:11.0.1.255" if secondary else "0-0:11.0.0.255"), array(rows))
        self.metering.load()

    def price(self, table, scales=(3, -5), secondary=False):
        self.put(key(113, "0-0:19.20.5.255" if secondary else "0-0:19.20.0.255", 5), prices(table, scales))

    def thresholds(self, row, *values):
        self.put(key(21, "0-0:16.0.%d.255" % (10 + row)), array([u32(value) for value in values]))

    def schedule(self, obis, *entries):
        """Execution times (time, date) of a single action schedule."""
        self.put(key(22, obis, 4), array([structure(octets(at), octets(day)) for at, day in entries]))
