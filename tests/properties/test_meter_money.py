"""A whole meter beside a slow, obvious model in integers: no millipence and no Wh is made, lost or counted twice."""

import copy

import builder as b
import money
import pytest
from accounted import COLLECTION, flat_rate, matrix, pairs
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from metered import array, date, key, octets, prices, profile, structure, time, u16, u32
from money import DAY, HOUR, Model, Tariff
from world import World

from slotmeter.firmware.billing import BILLING_REGISTERS
from slotmeter.firmware.devices.esme import build
from slotmeter.firmware.metering import PROFILE_EXPORT, PROFILE_IMPORT, PROFILE_REACTIVE
from slotmeter.firmware.settings import Settings
from slotmeter.firmware.supply import ARMED
from slotmeter.hal import Hal
from slotmeter.hal.metrology import Flow, Metrology
from slotmeter.hal.switch import SUPPLY
from slotmeter.hal.virtual.clock import VirtualClock
from slotmeter.hal.virtual.entropy import SeededEntropy
from slotmeter.prepayment.topup import screen_text

TARIFF, CREDIT_MODE, PREPAYMENT_MODE, ADJUST, RESET, DEBT, ACTIVATE = 0x19, 0x1A, 0x1B, 0x1C, 0xB3, 0x1E, 0x20
SCRIPTS = (1, 2, 48, 101, 108)
INDEXES = (1, 2, 48, 0xA1, 0xB1, 0xC1, 0xD1, 0xA8, 0xB8)
ACCEPTED, NOT_AUTHENTIC, DUPLICATE, TOO_LARGE, OVER = "", "not-authentic", "duplicate", "too-large", "balance"
# Three months of half-hours, and the billing data log.
EXPORT_ROWS = 4416
BILLING_ROWS = 12
# Which of its own alerts the supplier wants to get.
NO_ALERTS = key(1, "0-30:97.98.15.255")
PRICES = {1: 3000, 2: 1501, 0xA1: 2003, 0xB1: 3007, 0xC1: 977}
SIGNED = st.integers(-30000, 30000)
SMALL = st.integers(0, 30000)


class Pulses(Metrology):
    """A load that is one half of the time this and the other half that."""

    def __init__(self, first, second, period_ms):
        self.powers = (first, second)
        self.period_ms = period_ms

    def at(self, now_ms):
        """W of import and export, var of import and export."""
        return self.powers[now_ms // self.period_ms % 2]

    def flow(self, now_ms):
        until = now_ms // self.period_ms * self.period_ms + self.period_ms
        power = self.at(now_ms)
        return Flow((power[0],), power[1], power[2], power[3], (2400,), until)


class Seen:
    """Stands among the organs, first and last, and notes what passed, and where the contact was before and after."""

    def __init__(self, switch):
        self.switch = switch
        self.stretches = []
        self.before = None

    def see_flow(self, flow, now_ms):
        """Nothing."""

    def see(self, flow, from_ms, to_ms):
        closed = self.switch.is_closed(SUPPLY)
        if self.before is None:
            self.before = closed
            return
        powers = (flow.import_w[0], flow.export_w, flow.var_import, flow.var_export)
        self.stretches.append((from_ms, to_ms, powers, self.before, closed))
        self.before = None


class Watched(World):
    """A world whose meter measures from its first moment, and whose switch is looked at."""

    def __init__(self):
        self.metrology = Pulses((0, 0, 0, 0), (0, 0, 0, 0), 7 * HOUR * 1000)
        self.seen = None
        chosen = Settings(1)
        # Locking has tests of its own.
        chosen.lock_attempts = 100
        super().__init__(settings=chosen)

    def power_up(self, store=None):
        self.store = store or self.store
        hal = Hal(
            VirtualClock(0), self.store, self.crypto, SeededEntropy(1), self.certificates, self.switch, self.metrology
        )
        self.meter = build(hal, self.settings)
        self.seen = Seen(self.switch)
        self.meter.life.watchers = [self.seen, *self.meter.life.watchers, self.seen]
        self.meter.tick(self.now_s * 1000)
        return self.meter


powers = st.one_of(
    st.just((0, 0, 0, 0)),
    st.tuples(st.integers(0, 3000), st.integers(0, 500), st.integers(0, 300), st.integers(0, 300)),
)
tariffs = st.builds(
    Tariff,
    st.dictionaries(st.integers(0, 47), st.sampled_from(SCRIPTS), max_size=4),
    st.dictionaries(st.sampled_from(INDEXES), st.integers(-50, 4000), max_size=len(INDEXES)).map(
        # A price below nought is one of a time-of-use register: what a Wh costs in two blocks adds up in one sum.
        lambda found: {index: price if index < 0xA0 else abs(price) for index, price in found.items()}
    ),
    st.lists(st.integers(1, 5000), max_size=3, unique=True).map(sorted),
    st.integers(0, 3000),
)
SPANS_MS = st.one_of(
    st.integers(1, 5000),
    st.sampled_from((300000, 1799999, 1800000, 1800001, 3600000, 86400000)),
    st.integers(1, 4 * HOUR * 1000),
    st.integers(1, 40 * HOUR * 1000),
)
DARK_S = st.one_of(st.just(0), st.integers(0, 7200), st.sampled_from((DAY, 400 * DAY)))


class Money(RuleBasedStateMachine):
    """One meter, one model, and a store that remembers what was durable."""

    def __init__(self):
        super().__init__()
        self.world = Watched()
        self.now_ms = self.world.now_s * 1000
        self.model = Model(self.now_ms, Tariff({}, {}, [], 0))
        self.last_own = -1
        self.durable = None
        self.writes = -1
        self.upper = 1
        self.used = {}
        self.most = self.highest = 0x7FFFFFFF
        # From now on there is something to keep.
        self.time_passes(1000)
        self.power_goes_and_comes_back(0)

    @initialize(
        blocks=st.booleans(),
        sdd=st.booleans(),
        sde=st.booleans(),
        watts=st.integers(300, 3000),
        quiet=st.booleans(),
    )
    def a_house_in_prepayment(self, blocks, sdd, sde, watts, quiet):
        if quiet:
            self.poke((NO_ALERTS, self.world.meter.peek(NO_ALERTS)[:-32] + bytes(32)))
        self.adjust(25000)
        self.thresholds(9000, 12000, 0, 5000)
        self.mode(True, sdd, sde)
        self.tariff(Tariff({0: 101 if blocks else 1, 14: 2}, PRICES, [300, 700], 500), 0)
        self.lend(0, 5000)
        self.lend(1, 9000)
        self.lend(2, 20000)
        self.rates((40, 700), (True, False))
        self.payments(3000, 1, 0, 0)
        self.load((watts, 0, 90, 0), (300, 250, 0, 10), 1234567)

    # ---- the meter and the model go the same way

    def follow(self):
        """The model lives through what was seen of the meter since."""
        world, model = self.world, self.model
        stretches = world.seen.stretches
        for from_ms, to_ms, seen, before, after in stretches:
            assert from_ms == model.now_ms, "time passes once and leaves nothing out"
            assert seen == (world.metrology.at(from_ms) if before else (0, 0, 0, 0))
            model.passes(to_ms, seen, before, after)
        stretches.clear()
        assert model.now_ms == self.now_ms

    def settled(self):
        """After each step: what is durable now is what a restart will find."""
        world = self.world
        writes = world.store.medium.writes
        if writes != self.writes:
            self.writes = writes
            self.durable = copy.deepcopy((self.model, self.used, self.upper))
        for response in self.take()[0]:
            world.check(response)

    def take(self):
        """What the meter sent; none of its own counters comes twice, whatever happens to the power."""
        responses, alerts, facts = self.world.take()
        for alert in alerts:
            assert alert.counter > self.last_own, "a counter of the meter's own came twice"
            self.last_own = alert.counter
            self.world.check(alert)
        return responses, alerts, facts

    def tick(self):
        """The meter reaches the present."""
        self.world.now_s = self.now_ms // 1000
        self.world.meter.tick(self.now_ms)
        self.follow()

    def send(self, code, items, critical=True, accepted=True):
        """A command of the supplier's; results."""
        world = self.world
        world.meter.receive(world.command(world.supplier, code, items, critical=critical), self.now_ms)
        self.follow()
        ((response,), _, _) = self.take()
        world.check(response)
        results = [one[1] for one in b.response_results(response.payload)]
        assert not accepted or results == [0] * len(items), results
        return results

    def poke(self, *placed):
        """The bench's hand; then everybody looks."""
        for where, value in placed:
            self.world.meter.poke(where, value)

    # ---- time, load, power

    @rule(span=SPANS_MS)
    def time_passes(self, span):
        self.now_ms += span
        self.tick()
        self.settled()

    @rule(hours=st.integers(1, 30))
    def hours_pass(self, hours):
        self.time_passes(hours * HOUR * 1000)

    @rule(hours=st.integers(1, 30), remote=st.booleans(), above=st.integers(1, 999))
    def emergency_credit_is_lived_on(self, hours, remote, above):
        account = self.model.account
        self.adjust(account.disablement + above - account.balance)
        self.activate_emergency_credit(remote)
        self.turn_the_supply_on()
        self.hours_pass(hours)

    @rule(first=powers, second=powers, period=st.sampled_from((977, 60000, 1234567, 7 * HOUR * 1000)))
    def load(self, first, second, period):
        self.world.metrology = Pulses(first, second, max(period, 60000))
        self.world.meter.life.set_metrology(self.world.metrology)
        self.tick()
        self.settled()

    @rule(seconds=DARK_S)
    def power_goes_and_comes_back(self, seconds):
        world = self.world
        meter = world.meter
        meter.organs.outage.power_down(self.now_ms)
        meter.life.flush()
        meter.records.commit()
        self.back_after(seconds)

    @rule(seconds=DARK_S)
    def power_goes_without_a_warning(self, seconds):
        # What was measured since the last commit is what was flowing at the cut: it is gone, and nothing else is.
        assert self.durable[1] == self.used, "a top-up that the customer was told of is durable"
        self.model, self.used, self.upper = copy.deepcopy(self.durable)
        self.back_after(seconds)

    def back_after(self, seconds):
        world = self.world
        self.now_ms = max(self.now_ms, self.model.now_ms) + seconds * 1000
        world.now_s = self.now_ms // 1000
        # A meter starts on a whole second here.
        self.now_ms = world.now_s * 1000 if self.now_ms % 1000 == 0 else (world.now_s + 1) * 1000
        world.now_s = self.now_ms // 1000
        closed = world.switch.is_closed(SUPPLY)
        world.power_up(world.store.reopened())
        self.writes = -1
        self.model.dark(self.now_ms, closed)
        self.settled()

    # ---- money in and out

    @rule(amount=SIGNED)
    def adjust(self, amount):
        self.send(ADJUST, [b.act(112, "0-0:19.10.0.255", 1, b.i32(amount))])
        self.model.account.adjust(amount)
        self.settled()

    @rule()
    def reset(self):
        self.send(RESET, [b.act(112, "0-0:19.10.%d.255" % number, 2, b.i32(0)) for number in (0, 1, 2)])
        self.model.account.reset()
        self.settled()

    @rule(place=st.integers(0, 2), amount=st.integers(-2000, 30000))
    def lend(self, place, amount):
        self.send(DEBT, [b.act(113, "0-0:19.20.%d.255" % (place + 1), 4, b.i32(amount))])
        self.model.account.lend(place, amount)
        self.settled()

    @rule(
        pence=st.integers(1, 60),
        remote=st.booleans(),
        what=st.sampled_from(("new", "new", "new", "new", "again", "other meter")),
    )
    def top_up(self, pence, remote, what):
        world, account = self.world, self.model.account
        upper = self.upper
        if what == "again" and self.used:
            upper = max(self.used)
            pence = self.used[upper]
        elif what != "other meter":
            self.upper = upper = upper + 1
        vendor = world.stranger if what == "other meter" else world.supplier
        token = world.token(vendor, upper << 32, pence)
        worth = pence * 1000
        wanted = ACCEPTED
        if what == "other meter":
            wanted = NOT_AUTHENTIC
        elif upper in self.used:
            wanted = DUPLICATE
        elif worth > self.most:
            wanted = TOO_LARGE
        elif worth > self.highest - account.balance:
            wanted = OVER
        if remote:
            command = world.top_up(world.supplier, upper << 32, 0, token)
            world.meter.receive(command, self.now_ms)
            self.follow()
            responses, _, facts = self.take()
            results = [one[1] for response in responses for one in b.response_results(response.payload)]
            if upper in self.used:
                assert not responses and "replayed" in [getattr(fact, "reason", "") for fact in facts]
            else:
                assert results == [250 if wanted else 0], (wanted, facts)
        else:
            face = world.meter.organs.face
            face.press("CLEAR", self.now_ms)
            face.enter(token.decode(), self.now_ms)
            self.tick()
            assert "u" not in world.meter.records.changed_names(), "told before it was durable"
            assert "\n".join(face.lines()).replace("\n", " ").find(screen_text(wanted)[:20]) >= 0
        if not wanted:
            self.used[upper] = pence
            account.pay(worth, self.now_ms // 1000)
        self.settled()

    @rule(remote=st.booleans())
    def activate_emergency_credit(self, remote):
        if remote:
            result = self.send(ACTIVATE, [b.act(112, "0-0:19.10.1.255", 3, b.i8(0))], accepted=False)
            if not result[0]:
                assert self.model.account.activate()
        else:
            active = self.world.meter.organs.account.activate_emergency_credit(self.now_ms // 1000)
            assert active == self.model.account.activate()
            self.tick()
        self.settled()

    @rule(pence=st.integers(10, 60))
    def buy_and_turn_the_supply_on(self, pence):
        self.top_up(pence, False, "new")
        self.turn_the_supply_on()

    @rule()
    def turn_the_supply_on(self):
        organs = self.world.meter.organs
        if organs.supply.state() == ARMED:
            face = organs.face
            for pressed in ("CLEAR", "CLEAR", "B"):
                face.press(pressed, self.now_ms)
            while face.lines()[1] != "> Turn supply on":
                face.press("A", self.now_ms)
            for pressed in ("B", "B"):
                face.press(pressed, self.now_ms)
            assert self.world.switch.is_closed(SUPPLY)
        self.tick()
        self.settled()

    # ---- configuration

    @rule(tariff=tariffs, later_s=st.one_of(st.just(0), st.integers(1, 3 * DAY), st.just(-1)))
    def tariff(self, tariff, later_s):
        due_s = self.now_ms // 1000 + later_s
        if later_s < 0:
            # The next midnight, where a standing charge falls due as well.
            due_s = self.now_ms // 1000 // DAY * DAY + DAY
        when = b.octets(b.NOW if not later_s else b.date_time(due_s))
        switches = [(half // 2, half % 2 * 30, script) for half, script in tariff.switches.items()]
        seasons = structure(octets(b"s"), octets(date(2000, 1, 1) + time(0) + b"\x80\x00\xff"), octets(b"\x01"))
        week = structure(octets(b"\x01"), *[b"\x11\x01"] * 7)
        table = {index: 0 for index in range(1, 49)}
        table.update(tariff.prices)
        calendar = (20, "0-0:13.0.0.255")
        thresholds = (tariff.thresholds + [0xFFFFFFFF] * 3)[:3]
        items = [
            b.put(*calendar, 7, array([seasons])),
            b.put(*calendar, 8, array([week])),
            b.put(*calendar, 9, array([profile(1, *switches)])),
        ]
        for row in (1, 8):
            items.append(b.put(21, "0-0:16.1.%d.255" % (10 + row), 2, array([u32(one) for one in thresholds])))
        items += [
            b.put(113, "0-0:19.20.4.255", 6, flat_rate(tariff.standing)),
            b.put(113, "0-0:19.20.0.255", 6, prices(table)),
            b.put(*calendar, 10, when),
            b.put(113, "0-0:19.20.4.255", 7, when),
            b.put(113, "0-0:19.20.0.255", 7, when),
            b.put(9000, "0-0:63.1.1.255", 6, when),
        ]
        self.send(TARIFF, items)
        self.model.later = []
        if later_s:
            self.model.later = [(due_s * 1000, tariff)]
        else:
            self.model.tariff = tariff
        self.settled()

    @rule(prepayment=st.booleans(), sdd=st.booleans(), sde=st.booleans())
    def mode(self, prepayment, sdd, sde):
        rows = pairs(prepayment, sdd, sde)
        account = "0-1:19.0.0.255"
        items = [
            b.put(111, account, 2, b.structure(b.enum(2 if prepayment else 1), b.enum(1))),
            b.put(111, account, 11, matrix(rows)),
            b.put(111, account, 13, b.octets(b.NOW)),
        ]
        self.send(PREPAYMENT_MODE if prepayment else CREDIT_MODE, items)
        self.model.account.mode(prepayment, {(row[0], row[1]): bool(row[2] & 1) for row in rows})
        self.settled()

    @rule(limit=SMALL, threshold=SIGNED, disablement=st.integers(-5000, 100), low=SIGNED)
    def thresholds(self, limit, threshold, disablement, low):
        self.poke(
            (key(112, "0-0:19.10.1.255", 10), b.i32(threshold)),
            (key(21, "0-0:16.0.1.255"), b.array(b.i32(disablement))),
            (key(112, "0-0:19.10.1.255", 9), b.i32(limit)),
        )
        account = self.model.account
        account.configure(account.limit, threshold, account.disablement, low)
        account.configure(account.limit, threshold, disablement, low)
        account.configure(limit, threshold, disablement, low)
        self.tick()
        self.settled()

    @rule(rates=st.tuples(SMALL, SMALL), hourly=st.tuples(st.booleans(), st.booleans()))
    def rates(self, rates, hourly):
        model = self.model
        model.rates = [rates[0] % 300, rates[1] % 3000]
        model.periods = [HOUR if one else DAY for one in hourly]
        self.poke(
            (key(113, "0-0:19.20.1.255", 5), flat_rate(model.rates[0])),
            (key(113, "0-0:19.20.2.255", 5), flat_rate(model.rates[1])),
            (key(113, "0-0:19.20.1.255", 8), u32(model.periods[0])),
            (key(113, "0-0:19.20.2.255", 8), u32(model.periods[1])),
        )
        self.tick()
        self.settled()

    @rule(share=st.integers(0, 10000), cap=st.integers(0, 2), most=st.integers(0, 60), highest=st.integers(0, 90))
    def payments(self, share, cap, most, highest):
        self.most = most * 1000 or 0x7FFFFFFF
        self.highest = highest * 1000 or 0x7FFFFFFF
        self.model.account.share = share
        self.model.account.cap = cap * 100000
        self.poke(
            (key(113, "0-0:19.20.3.255", 13), u16(share)),
            (key(111, "0-0:19.0.0.255", 18), u16(cap)),
            (key(9000, "0-0:94.44.2.10"), b.i32(self.most)),
            (key(9000, "0-0:94.44.2.20"), b.i32(self.highest)),
        )
        self.tick()
        self.settled()

    # ---- what is always so

    @invariant()
    def money_is_neither_made_nor_lost(self):
        account, ledger = self.model.account, self.world.meter.organs.account.ledger
        repaid = account.repaid
        assert account.position() == account.topped_up + account.adjusted - account.charged - sum(repaid)
        assert account.debts == [account.lent[place] - repaid[place] for place in range(3)]
        assert ledger.position() == account.position()
        assert (ledger.balance, ledger.accumulated, ledger.used) == (account.balance, account.held_back, account.used)
        assert ledger.time_debt + [ledger.payment_debt] == account.debts
        assert (ledger.prepayment, ledger.selected, ledger.exhausted, ledger.offered, ledger.out) == (
            account.prepayment,
            account.selected,
            account.exhausted,
            account.offered,
            account.out,
        )

    @invariant()
    def energy_is_counted_once(self):
        metering, model = self.world.meter.organs.metering, self.model
        assert metering.import_wh(0) == model.counts[0] == model.energy[0] // money.WH
        assert metering.export_wh() == model.counts[1]
        assert sum(model.registers.values()) == model.counts[0]
        for place in range(4):
            assert sum(row[1 + place] for row in model.half_hours) + model.half[place] == model.counts[place]

    @invariant()
    def nobody_without_credit_has_supply(self):
        assert not (self.model.account.out and self.world.switch.is_closed(SUPPLY))

    @rule()
    def everything_is_read(self):
        """What remote parties read, to the last row."""
        meter, model = self.world.meter, self.model
        shown = numbers(meter.peek(COLLECTION))
        assert [value - (value >> 31 << 32) for value in shown] == model.account.six()
        imports = numbers(meter.peek(key(1, "0-0:94.44.34.10")))
        assert imports[:2] == [model.counts[0], model.counts[2]]
        assert numbers(meter.peek(key(3, "1-0:2.8.0.255"))) == [model.counts[1]]
        assert numbers(meter.peek(key(3, "1-0:4.8.0.255"))) == [model.counts[3]]
        assert numbers(meter.peek(key(1, "0-0:94.44.34.1"))) == [model.registers.get(one, 0) for one in range(1, 49)]
        blocks = numbers(meter.peek(key(1, "0-0:94.44.34.2")))
        wanted = []
        for block in (1, 2, 3, 4):
            wanted += [model.registers.get((block, row), 0) for row in range(1, 9)]
            wanted += [model.counters.get((block, row), 0) for row in range(1, 9)]
        assert blocks == wanted
        tree = meter.tree
        rows = model.half_hours
        assert table(tree, PROFILE_IMPORT) == [row[:2] for row in rows]
        kept = len(tree.rows(PROFILE_EXPORT))
        assert kept == min(len(rows), EXPORT_ROWS)
        assert table(tree, PROFILE_EXPORT) == [(row[0], row[2], row[4]) for row in rows][len(rows) - kept :]
        assert table(tree, PROFILE_REACTIVE) == [(row[0], row[3]) for row in rows]
        places = list(range(1, 49)) + [(block, row) for block in (1, 2, 3, 4) for row in range(1, 9)]
        billed = [(at_s, total, *[registers.get(one, 0) for one in places]) for at_s, total, registers in model.billed]
        assert table(tree, BILLING_REGISTERS) == billed[-BILLING_ROWS:]

    def teardown(self):
        self.everything_is_read()


def numbers(data):
    """Every number of four octets of an attribute in order, read from its octets."""
    found = []
    place = 0
    while place < len(data):
        tag = data[place]
        if tag in (1, 2):
            place += 2
        elif tag in (5, 6):
            found.append(int.from_bytes(data[place + 1 : place + 5], "big"))
            place += 5
        else:
            assert tag in (15, 22), tag
            place += 2
    return found


def table(tree, obis):
    """The rows of a log of numbers."""
    rows = tree.rows(obis)
    return [tuple([int.from_bytes(row[at : at + 4], "big") for at in range(0, len(row), 4)]) for row in rows]


class Longer(Money):
    """The same for longer."""


TestMoney = Money.TestCase
TestMoney.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
TestLonger = pytest.mark.slow(Longer.TestCase)
TestLonger.settings = settings(max_examples=80, stateful_step_count=50, deadline=None)
