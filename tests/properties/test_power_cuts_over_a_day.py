"""A day of a whole meter, and the power that goes at each write to its store in turn.

From noon before the first of a month to noon after it: half-hours, a daily log and a billing roll at midnight, a debt
collected each hour and a standing charge, top-ups typed and sent, an auxiliary load on its calendar, a new tariff and
a new supplier at their times. After each cut the meter starts from what is left and lives on to the end of the day, and
everything that it did not answer is sent to it, or typed, again.
"""

import copy
import shutil
from collections import Counter

import asn1_commands as a
import builder as b
import pytest
from accounted import flat_rate, matrix, pairs
from controlled import entry
from metered import array, date, key, octets, prices, profile, seconds, structure, time, u16, u32
from money import DAY, HOUR, Model, Tariff
from world import DS, ISSUER_CERTIFICATE, KA, World

from slotmeter.firmware import auxiliary, logs, notices
from slotmeter.firmware.billing import BILLING_BALANCES, BILLING_REGISTERS, DAILY_BALANCES, DAILY_REGISTERS
from slotmeter.firmware.devices.esme import build
from slotmeter.firmware.metering import PROFILE_EXPORT, PROFILE_IMPORT
from slotmeter.hal import Hal
from slotmeter.hal.host.store import SqliteStore
from slotmeter.hal.switch import SUPPLY
from slotmeter.hal.virtual.clock import VirtualClock
from slotmeter.hal.virtual.entropy import SeededEntropy
from slotmeter.hal.virtual.house import ConstantLoad
from slotmeter.hal.virtual.store import PowerCut, VirtualStore
from slotmeter.hal.virtual.switch import VirtualSwitch

START_S = seconds(2025, 5, 31, 12)
END_S = START_S + DAY
WATTS = 1237
EXPORT = 311
OLD = Tariff({0: 1, 14: 2}, {1: 25001, 2: 11003}, [], 31007)
NEW = Tariff({0: 3}, {3: 19001}, [], 28001)
PLACES = ((b.SUPPLIER, DS, 0), (b.SUPPLIER, KA, 0), (b.SUPPLIER, KA, 1))
COS = (b.TRANSITIONAL_COS, DS, 0)
TYPED, SENT, BY_THE_NEW = 5 << 32, 6 << 32, 9 << 32
PENCE = {TYPED: 1000, SENT: 700, BY_THE_NEW: 300}
TANK = 2
TOP_UPS = b"\x00\x00\x62\x01\x05\xff"
LOGS = (logs.EVENT, logs.SECURITY, logs.POWER, logs.AUXILIARY)
# A token typed again that was taken already (8162, 8F51), a command sent again that was carried out (8F53).
OF_REPETITION = (b"\x81\x62", b"\x8f\x51", b"\x8f\x53")


def tariff_items(tariff, when):
    seasons = structure(octets(b"s"), octets(date(2000, 1, 1) + time(0) + b"\x80\x00\xff"), octets(b"\x01"))
    week = structure(octets(b"\x01"), *[b"\x11\x01"] * 7)
    switches = [(half // 2, half % 2 * 30, script) for half, script in tariff.switches.items()]
    table = {index: tariff.prices.get(index, 0) for index in range(1, 49)}
    calendar = (20, "0-0:13.0.0.255")
    return [
        b.put(*calendar, 7, array([seasons])),
        b.put(*calendar, 8, array([week])),
        b.put(*calendar, 9, array([profile(1, *switches)])),
        b.put(113, "0-0:19.20.4.255", 6, flat_rate(tariff.standing, -5)),
        b.put(113, "0-0:19.20.0.255", 6, prices(table)),
        b.put(*calendar, 10, when),
        b.put(113, "0-0:19.20.4.255", 7, when),
        b.put(113, "0-0:19.20.0.255", 7, when),
    ]


def change(world, counter):
    listed = world.credentials(world.other_supplier, PLACES)
    others = [(b.SUPPLIER, 50, 8 << 32)]
    payload = a.update(7, COS, counter, listed, [ISSUER_CERTIFICATE], others=others, at=START_S + 20 * HOUR + 7)
    return world.asn1(world.transcos, 0x0107, payload, counter)


def tariff_to_come(world, counter):
    when = b.octets(b.date_time(START_S + 15 * HOUR))
    return world.command(world.supplier, 0x19, tariff_items(NEW, when), counter, critical=True)


# Seconds into the day; what makes a command of a counter, or the counter of the token that is typed.
STEPS = (
    (HOUR + 11, tariff_to_come, 2001),
    (2 * HOUR + 100, None, TYPED),
    (3 * HOUR + 1, lambda w, n: w.top_up(w.supplier, n, PENCE[n]), SENT),
    (6 * HOUR, change, 3001),
    (21 * HOUR, lambda w, n: w.top_up(w.other_supplier, n, PENCE[n]), BY_THE_NEW),
)


class Seen:
    """Notes what passed."""

    def __init__(self):
        self.stretches = []

    def see_flow(self, flow, now_ms):
        """Nothing."""

    def see(self, flow, from_ms, to_ms):
        self.stretches.append((to_ms, (flow.import_w[0], flow.export_w, 0, 0)))


class Measured(World):
    """A world whose meter measures from its first moment on. switch: the relays, which stay where they were."""

    def __init__(self, store, start_s, switch=None):
        self.start_s = start_s
        self.relays = switch
        self.seen = Seen()
        super().__init__(store=store)

    def power_up(self, store=None):
        self.store = store or self.store
        self.switch = self.relays or self.switch
        self.now_s = self.start_s
        load = ConstantLoad((WATTS,), 0, EXPORT)
        hal = Hal(VirtualClock(0), self.store, self.crypto, SeededEntropy(1), self.certificates, self.switch, load)
        self.meter = build(hal, self.settings)
        self.meter.life.watchers.append(self.seen)
        self.meter.tick(self.now_s * 1000)
        return self.meter


def prepared():
    """A store and a model at the beginning of the day."""
    world = Measured(VirtualStore(), START_S)
    model = Model(START_S * 1000, OLD)
    account = model.account
    rows = pairs(True)
    accounts = "0-1:19.0.0.255"
    mode = [
        b.put(111, accounts, 2, b.structure(b.enum(2), b.enum(1))),
        b.put(111, accounts, 11, matrix(rows)),
        b.put(111, accounts, 13, b.octets(b.NOW)),
    ]
    calendar = [
        b.put(11, "0-1:11.0.3.255", 2, b.array()),
        b.put(10, "0-1:12.0.2.255", 2, b.array(entry(17, 0x12E4), entry(19, 0x1280))),
        b.put(9000, "0-0:94.44.128.26", 6, b.octets(b.NOW)),
        b.put(9000, "0-0:94.44.128.35", 6, b.octets(b.NOW)),
    ]
    for number, kind in ((1, b""), (TANK, b"\x00" * 8)):
        world.meter.poke(auxiliary.type_key(number), b.octets(kind))
    adjust = [b.act(112, "0-0:19.10.0.255", 1, b.i32(2000000))]
    orders = [(0x1C, adjust), (0x1B, mode), (0x19, tariff_items(OLD, b.octets(b.NOW))), (0x11A, calendar)]
    for place, amount in enumerate((40000, 90000, 70000)):
        orders.append((0x1E, [b.act(113, "0-0:19.20.%d.255" % (place + 1), 4, b.i32(amount))]))
        account.lend(place, amount)
    for code, items in orders:
        results = world.results(world.command(world.supplier, code, items, critical=True))
        assert [one[1] for one in results] == [0] * len(items)
    for where, value in (
        (key(113, "0-0:19.20.1.255", 5), flat_rate(731)),
        (key(113, "0-0:19.20.2.255", 5), flat_rate(5003)),
        (key(113, "0-0:19.20.1.255", 8), u32(HOUR)),
        (key(113, "0-0:19.20.2.255", 8), u32(DAY)),
        (key(113, "0-0:19.20.3.255", 13), u16(2500)),
        (key(111, "0-0:19.0.0.255", 18), u16(1)),
    ):
        world.meter.poke(where, value)
    account.adjust(2000000)
    account.mode(True, {(row[0], row[1]): True for row in rows})
    account.share = 2500
    account.cap = 100000
    model.rates = [731, 5003]
    model.periods = [HOUR, DAY]
    world.meter.tick(START_S * 1000 + 1000)
    model.passes(START_S * 1000 + 1000, (WATTS, EXPORT, 0, 0), True, True)
    world.meter.life.flush()
    world.meter.records.commit()
    world.take()
    return world.store, model


class Marked(VirtualStore):
    """A store that knows how many of its commits stand, though nobody may have learned of the last."""

    def __init__(self, records, fail_after=None, torn=False):
        super().__init__(fail_after, torn)
        self._records = dict(records)
        self.stands = 0
        # The write that made each commit valid.
        self.marks = []

    def commit(self, changes):
        changes = list(changes)
        try:
            super().commit(changes)
        except PowerCut as cut:
            self.stands += self._torn and str(cut) == "while committing"
            raise
        self.stands += 1
        self.marks.append(self.medium.writes)

    def left(self):
        """What is left, with the power back on."""
        return Marked(self._records)


class MarkedFile(SqliteStore):
    """The same over a SQLite file: the power goes at a commit, before it or as soon as it stands. What is left are the
    file and its log as they are at that moment, which nobody has closed.
    """

    def __init__(self, path, fail_at=None, after=False):
        super().__init__(path)
        self.path = path
        self.stands = 0
        self.commits = 0
        self.fail_at = fail_at
        self.after = after

    def commit(self, changes):
        self.commits += 1
        if self.commits == self.fail_at and not self.after:
            raise PowerCut("before the commit")
        super().commit(changes)
        self.stands += 1
        if self.commits == self.fail_at:
            raise PowerCut("after the commit")

    def left(self):
        """The same file on another machine."""
        copied = self.path.with_suffix(".left")
        for ending in ("", "-wal"):
            part = self.path.with_name(self.path.name + ending)
            if part.exists():
                shutil.copy(part, copied.with_name(copied.name + ending))
        self.close()
        return MarkedFile(copied)


class Day:
    """One day, through power cuts."""

    def __init__(self, beginning, store):
        self.store = store
        self.model = copy.deepcopy(beginning)
        self.durable = copy.deepcopy(beginning)
        self.now_ms = self.model.now_ms
        self.switch = VirtualSwitch()
        self.world = None
        self.cuts = 0
        # Commits that stood when what is being done began.
        self.stood = 0
        # Time that was measured and lost.
        self.lost_ms = 0
        # What left the meter: alerts, and the steps that were answered, or shown on its screen.
        self.alerts = []
        self.told = []
        self.written = 0

    def live(self):
        """To the end of the day."""
        waiting = list(STEPS)
        step = None
        while True:
            try:
                if self.world is None:
                    self.start(step)
                if step is not None:
                    self.do(step)
                    step = None
                if not waiting:
                    self.reach(END_S * 1000)
                    return self
                self.reach((START_S + waiting[0][0]) * 1000)
                step = waiting.pop(0)
            except PowerCut:
                self.cut()

    def start(self, step):
        """Power is there; step: what was being done when it went."""
        self.stood = self.store.stands
        start_s = (self.now_ms + 999) // 1000
        self.now_ms = start_s * 1000
        world = Measured(self.store, start_s, self.switch)
        self.world = world
        self.model.dark(self.now_ms, True)
        if step is not None and step not in self.told and self.done(step):
            self.effect(step)
        for one in self.told:
            assert self.done(one), "what was answered, or shown, is undone"
        self.settle()

    def cut(self):
        """The power is gone."""
        self.cuts += 1
        world, self.world = self.world, None
        if world is not None:
            sent = world.meter.to_send()
            assert not sent, "something left before it was durable"
            self.follow(world)
        # A step may be several commits, all of one moment: any of them keeps what was measured.
        if self.store.stands == self.stood:
            self.lost_ms += self.model.now_ms - self.durable.now_ms
            self.model = copy.deepcopy(self.durable)
        self.store = self.store.left()

    # ---- the way through the day

    def reach(self, to_ms):
        """Time passes from deadline to deadline."""
        meter = self.world.meter
        while self.now_ms < to_ms:
            due = meter.deadline_ms()
            self.now_ms = to_ms if due is None or due > to_ms else max(due, self.now_ms)
            self.stood = self.store.stands
            meter.tick(self.now_ms)
            self.follow(self.world)
            self.settle()

    def do(self, step):
        """Sends a command, or types a token; once more does no harm."""
        world = self.world
        _, make, counter = step
        self.stood = self.store.stands
        before = self.done(step)
        if make is None:
            face = world.meter.organs.face
            face.press("CLEAR", self.now_ms)
            face.enter(world.token(world.supplier, counter, PENCE[counter]).decode(), self.now_ms)
            assert ("Already used" if before else "Credit added") in "".join(face.lines())
            self.told.append(step)
            if not before:
                self.effect(step)
            self.settle()
            world.meter.tick(self.now_ms)
        else:
            world.now_s = self.now_ms // 1000
            world.meter.receive(make(world, counter), self.now_ms)
            responses, alerts, facts = world.take()
            self.note(alerts)
            assert len(responses) == (0 if before else 1), facts
            if not before:
                world.check(responses[0])
                self.told.append(step)
                self.effect(step)
        self.settle()

    def done(self, step):
        """Whether the meter knows a step, by its counter."""
        meter = self.world.meter
        if step[2] in PENCE:
            return meter.organs.account.validator.seen(step[2])
        if step[1] is change:
            return meter.anchors.counter(b.TRANSITIONAL_COS) >= step[2]
        # The new supplier's counters start lower than the old one's.
        return meter.anchors.counter(b.SUPPLIER) >= step[2] or self.supplier() is not self.world.supplier

    def supplier(self):
        entity = self.world.meter.anchors.cell(*PLACES[0]).entity_id
        return next(party for party in self.world.parties() if party.entity == entity)

    def effect(self, step):
        if step[2] in PENCE:
            self.model.account.pay(PENCE[step[2]] * 1000, self.now_ms // 1000)
        elif step[1] is tariff_to_come:
            self.model.later = [((START_S + 15 * HOUR) * 1000, NEW)]

    def follow(self, world):
        for to_ms, powers in world.seen.stretches:
            self.model.passes(to_ms, powers, True, True)
        world.seen.stretches.clear()

    def settle(self):
        """What is durable, no power cut takes away."""
        if self.store.stands != self.stood:
            self.durable = copy.deepcopy(self.model)
        self.note(self.world.take()[1])

    def note(self, alerts):
        for alert in alerts:
            assert not self.alerts or alert.counter > self.alerts[-1].counter, "an own counter came twice"
            self.world.check(alert)
            self.alerts.append(alert)

    # ---- its end

    def entries(self):
        """How many there are of each entry of the logs, whatever its time: (log, code, what else)."""
        tree = self.world.meter.tree
        return Counter([(log, row[4:6], row[6:]) for log in LOGS for row in tree.rows(log)])

    def check(self, reference=None):
        """Books, energy, logs, and where everything stands."""
        world, model = self.world, self.model
        meter = world.meter
        account, ledger = model.account, meter.organs.account.ledger
        assert account.topped_up == 1000 * sum(PENCE.values())
        assert account.position() == account.topped_up + account.adjusted - account.charged - sum(account.repaid)
        assert (ledger.balance, ledger.accumulated, ledger.used) == (account.balance, account.held_back, account.used)
        assert ledger.time_debt + [ledger.payment_debt] == account.debts
        assert account.debts == [account.lent[place] - account.repaid[place] for place in range(3)]
        assert account.repaid[0] == 24 * 731 and account.repaid[1] == 5003
        # Energy: what flowed is what was counted and what was flowing when the power went.
        metering = meter.organs.metering
        assert (metering.import_wh(0), metering.export_wh()) == tuple(model.counts[:2])
        flowed_ms = (END_S - START_S) * 1000
        lost = self.lost_ms + self.gone_ms(flowed_ms)
        assert model.energy[:2] == [WATTS * (flowed_ms - lost), EXPORT * (flowed_ms - lost)]
        assert lost <= self.cuts * (1800000 + 1000)
        tree = meter.tree
        rows = model.half_hours
        assert numbers(tree, PROFILE_IMPORT) == [row[:2] for row in rows]
        assert numbers(tree, PROFILE_EXPORT) == [(row[0], row[2], row[4]) for row in rows]
        assert len(rows) >= 48 - self.cuts
        # Once a day, once a month, once for each token.
        midnight = START_S + DAY // 2
        for log in (DAILY_REGISTERS, DAILY_BALANCES, BILLING_REGISTERS, BILLING_BALANCES):
            assert [row[0] for row in numbers(tree, log)] == [midnight]
        assert sorted(row[1] for row in numbers(tree, TOP_UPS)) == sorted(1000 * pence for pence in PENCE.values())
        assert len({row[0] for row in rows}) == len(rows)
        # What is said of the day is said once, as on an undisturbed one, and that something came again.
        told = self.entries()
        if reference is not None:
            assert not reference - told, "an entry is missing"
            assert not [entry for entry in told - reference if entry[1] not in OF_REPETITION], "an entry twice"
        for code, at_s in self.codes():
            log = {notices.EVENT: logs.EVENT, notices.SECURITY: logs.SECURITY, notices.POWER: logs.POWER}.get(
                notices.route(code)[1]
            )
            if log is not None:
                wanted = at_s.to_bytes(4, "big") + code.to_bytes(2, "big")
                assert [row for row in tree.rows(log) if row[:6] == wanted], "%04X left and is not in the log" % code
        # The tariff, the supplier and the load (told once before noon where to be) are where the day has brought them.
        assert metering.active_script(0) == 3 and metering.active_price(0) == NEW.prices[3]
        assert self.supplier() is world.other_supplier
        assert [row[4:7] for row in tree.rows(logs.AUXILIARY)][1:] == [b"\x12\xe4\x01", b"\x12\x80\x01"]
        assert not self.switch.is_closed(TANK) and self.switch.is_closed(SUPPLY)

    def gone_ms(self, flowed_ms):
        """Time without power, of a start on the next whole second."""
        return flowed_ms - self.lost_ms - self.model.energy[0] // WATTS

    def codes(self):
        """(code, time) of each alert of the DLMS kind that left."""
        found = []
        for alert in self.alerts:
            payload = alert.payload
            if payload[0] == 15:
                found.append((int.from_bytes(payload[9:11], "big"), b.date_time_seconds(payload[13:25])))
        return found


def numbers(tree, obis):
    """The rows of a log of numbers."""
    return [tuple([int.from_bytes(row[at : at + 4], "big") for at in range(0, len(row), 4)]) for row in tree.rows(obis)]


@pytest.fixture(scope="module")
def undisturbed():
    """Records and model at noon, and the day as it goes without a cut."""
    store, model = prepared()
    return store._records, model, Day(model, Marked(store._records)).live()


def test_a_day_without_a_cut(undisturbed):
    _, _, day = undisturbed
    day.check()
    assert day.cuts == 0 and len(day.model.half_hours) == 48 and day.lost_ms == 0
    assert len(day.told) == len(STEPS) and len(day.alerts) == 9


def lives_on(undisturbed, store):
    """The day with one power cut."""
    _, model, reference = undisturbed
    day = Day(model, store).live()
    assert day.cuts == 1
    day.check(reference.entries())


def test_the_power_may_go_at_some_writes_of_the_day(undisturbed):
    records, _, reference = undisturbed
    for number, mark in enumerate(reference.store.marks):
        if number % 4 == 0:
            lives_on(undisturbed, Marked(records, mark, number % 8 == 0))


@pytest.mark.slow
def test_the_power_may_go_at_any_write_of_the_day(undisturbed):
    for write in range(1, undisturbed[2].store.medium.writes + 1):
        lives_on(undisturbed, Marked(undisturbed[0], write))


@pytest.mark.slow
def test_the_power_may_go_when_a_commit_of_the_day_stands_and_nobody_knows_it(undisturbed):
    marks = undisturbed[2].store.marks
    assert len(marks) > 50
    for mark in marks:
        lives_on(undisturbed, Marked(undisturbed[0], mark, True))


@pytest.mark.parametrize("after", [False, True])
def test_the_power_may_go_at_some_commits_of_the_day_to_a_file(undisturbed, after, tmp_path):
    for number in range(2 + after, len(undisturbed[2].store.marks), 16):
        path = tmp_path / ("%d.store" % number)
        with_noon = SqliteStore(path)
        with_noon.commit(list(undisturbed[0].items()))
        with_noon.close()
        lives_on(undisturbed, MarkedFile(path, number, after))
