"""Counters of a whole meter against a slow, obvious model, in any order of commands, replays, failures and restarts."""

import asn1_commands as a
import builder as b
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, precondition, rule
from world import DS, ISSUER_CERTIFICATE, KA, World

from slotmeter.firmware.organs import CLOCKWORK
from slotmeter.firmware.settings import Settings

PLACES = ((b.SUPPLIER, DS, 0), (b.SUPPLIER, KA, 0), (b.SUPPLIER, KA, 1))
COS = (b.TRANSITIONAL_COS, DS, 0)
PERIOD = "0-0:94.44.128.6"
THRESHOLD = "0-0:94.44.128.7"
MAXIMUM_DEMAND = b"\x00\x0a\x00\x00\x0c\x00\x00\xff\x02"
ADD, LIMITS, OPERATOR_WRITE, BROKER_WRITE, READ, TOP_UP, CHANGE = 0x1C, 0x43, 0x4A, 0x4D, 0x59, 0x07, 0x107
# Around a counter: clearly below, just below, at, just above, clearly above.
STEPS = st.sampled_from((-5000, -1, 0, 1, 1, 1, 2, 5000))
DELAYS = st.sampled_from((-60, 60, 3600, 7200))
CANCEL = "cancel"
OTHER_REASON = 250


class Sent:
    """A command that was put on the wire: who sent it, with which counter, and what it should do when it counts."""

    def __init__(self, octets, code, party, role, counter, effect=None):
        self.octets = octets
        self.code = code
        self.party = party
        self.role = role
        self.counter = counter
        self.effect = effect


class Model:
    """What a meter must remember, in the plainest way: numbers, sets and lists."""

    def __init__(self, supplier):
        self.counters = {b.SUPPLIER: 0, b.NETWORK_OPERATOR: 0, b.ACB: 0, b.TRANSITIONAL_COS: 0}
        self.supplier = supplier
        self.balance = 0
        self.threshold = None
        self.top_up_floor = 0
        self.top_ups = set()
        # (due, 0 for a change of supplier and 1 for a limit, what).
        self.stored = []
        # Whether a commit is going to fail, and the how manieth.
        self.armed = False
        self.fails_in = 0


class Counters(RuleBasedStateMachine):
    """A meter with two suppliers who take turns."""

    commands = Bundle("commands")

    def __init__(self):
        super().__init__()
        chosen = Settings(1)
        # A flood of refusals has an alert of its own, and tests of its own.
        chosen.flood_messages = 0
        self.world = World(settings=chosen)
        self.first = self.world.supplier
        self.second = self.world.other_supplier
        self.model = Model(self.first)
        self.model.threshold = self.threshold()
        # What each command that counted did it for; a counter that goes back lawfully forgets its role's.
        self.done = {}
        self.last_own = -1

    # ---- what is seen of the meter

    def threshold(self):
        return int.from_bytes(self.world.meter.peek(b"\x23\x28" + b.obis(THRESHOLD) + b"\x02")[1:], "big")

    def supplier_now(self):
        entity = self.world.meter.anchors.cell(*PLACES[0]).entity_id
        return next(party for party in (self.first, self.second) if party.entity == entity)

    # ---- the model

    def expect_due(self, now_s):
        """What falls due happens in order, all of it or, when the store fails, nothing; the alerts that must come."""
        model = self.model
        due = [one for one in model.stored if one[0] <= now_s]
        if not due:
            return 0
        if model.armed:
            model.fails_in -= 1
            model.armed = model.fails_in > 0
            if not model.armed:
                return 0
        model.stored = [one for one in model.stored if one[0] > now_s]
        for _, kind, what in due:
            if kind:
                model.threshold = what
            else:
                self.install(*what)
        return len(due)

    def install(self, party, floor, top_up_floor):
        model = self.model
        renewed = party is not model.supplier
        model.supplier = party
        if renewed or floor > model.counters[b.SUPPLIER]:
            if floor < model.counters[b.SUPPLIER]:
                self.done = {octets: role for octets, role in self.done.items() if role != b.SUPPLIER}
            model.counters[b.SUPPLIER] = floor
        if renewed:
            model.top_up_floor, model.top_ups = top_up_floor, set()
            self.done = {octets: role for octets, role in self.done.items() if role != TOP_UP}
        elif top_up_floor > model.top_up_floor:
            model.top_up_floor = top_up_floor
            model.top_ups = {counter for counter in model.top_ups if counter > top_up_floor}

    def refusal(self, sent):
        """Why the model would not answer; "" when it would."""
        model = self.model
        if sent.party in (self.first, self.second) and sent.party is not model.supplier:
            return "unknown-originator"
        if sent.code == TOP_UP:
            replayed = sent.counter <= model.top_up_floor or sent.counter in model.top_ups
        elif sent.code == READ:
            replayed = False
        else:
            replayed = sent.counter <= model.counters[sent.role]
        return "replayed" if replayed else ""

    def deliver(self, sent):
        """Puts a command on the wire; the meter and the model must agree on what comes of it."""
        world, model = self.world, self.model
        due_alerts = self.expect_due(world.now_s)
        refusal = self.refusal(sent)
        writes = sent.code != READ or bool(refusal)
        failing = False
        if writes and model.armed:
            failing = model.fails_in == 1
            model.fails_in -= 1
            model.armed = not failing
        before = world.meter.digest()
        responses, alerts, facts = world.deliver(sent.octets)
        self.note_alerts(alerts)
        reasons = [fact.reason for fact in facts if type(fact).__name__ == "MessageRefused"]
        if refusal:
            assert not responses and refusal in reasons, facts
            assert len(alerts) == due_alerts + (0 if failing else 1)
            if not due_alerts:
                assert world.meter.digest() == before
            return
        if failing:
            assert not responses and "store-failed" in reasons, facts
            return
        assert len(responses) == 1, (facts, sent.code)
        world.check(responses[0])
        if sent.code == READ:
            if not due_alerts:
                assert world.meter.digest() == before
            return
        assert sent.octets not in self.done, "carried out twice"
        if sent.code == TOP_UP:
            self.take_token(sent, responses[0])
        else:
            self.done[sent.octets] = sent.role
            model.counters[sent.role] = sent.counter
            if sent.effect is not None:
                sent.effect(sent)

    def take_token(self, sent, response):
        ((_, result, _),) = b.response_results(response.payload)
        party, pence = sent.effect
        if party is self.model.supplier:
            assert result == 0
            self.model.balance += pence * 1000
            self.model.top_ups.add(sent.counter)
            self.done[sent.octets] = TOP_UP
        else:
            assert result == OTHER_REASON

    def note_alerts(self, alerts):
        for alert in alerts:
            assert alert.counter > self.last_own, "a counter of the meter's own came twice"
            self.last_own = alert.counter
            self.world.check(alert)

    def counter(self, role, step):
        return max(0, self.model.counters[role] + step)

    # ---- rules: new commands

    @rule(target=commands, which=st.booleans(), step=STEPS)
    def add_credit(self, which, step):
        party = self.first if which else self.second
        counter = self.counter(b.SUPPLIER, step)
        octets = self.world.command(party, ADD, [b.act(112, "0-0:19.10.0.255", 1, b.i32(7))], counter, critical=True)

        def effect(_):
            self.model.balance += 7

        sent = Sent(octets, ADD, party, b.SUPPLIER, counter, effect)
        self.deliver(sent)
        return sent

    @rule(target=commands, step=STEPS)
    def write_by_the_broker(self, step):
        counter = self.counter(b.ACB, step)
        items = [b.put(1, "1-0:0.0.2.255", 2, b.octets(b"1312345678333"))]
        sent = Sent(
            self.world.command(self.world.broker, BROKER_WRITE, items, counter),
            BROKER_WRITE,
            self.world.broker,
            b.ACB,
            counter,
        )
        self.deliver(sent)
        return sent

    @rule(target=commands, step=STEPS)
    def write_by_the_operator(self, step):
        counter = self.counter(b.NETWORK_OPERATOR, step)
        items = [(b"\x02" + MAXIMUM_DEMAND, self.world.meter.peek(MAXIMUM_DEMAND))]
        octets = self.world.command(self.world.operator, OPERATOR_WRITE, items, counter)
        sent = Sent(octets, OPERATOR_WRITE, self.world.operator, b.NETWORK_OPERATOR, counter)
        self.deliver(sent)
        return sent

    @rule(target=commands, counter=st.integers(0, (1 << 64) - 1))
    def read(self, counter):
        party = self.model.supplier
        octets = self.world.command(party, READ, [b.get(1, "0-0:0.2.1.255", 2)], counter)
        sent = Sent(octets, READ, party, b.SUPPLIER, counter)
        self.deliver(sent)
        return sent

    @rule(target=commands, step=STEPS, watts=st.integers(1, 9000), delay=st.one_of(DELAYS, st.just(CANCEL)))
    def limit_load(self, step, watts, delay):
        party = self.model.supplier
        counter = self.counter(b.SUPPLIER, step)
        due_s = None if delay == CANCEL else self.world.now_s + delay
        when = b.CANCEL if delay == CANCEL else b.date_time(due_s)
        items = [b.put(9000, THRESHOLD, 4, b.u32(watts)), b.put(9000, THRESHOLD, 6, b.octets(when))]

        def effect(_):
            model = self.model
            model.stored = [one for one in model.stored if not one[1]]
            if due_s is not None and due_s <= self.world.now_s:
                model.threshold = watts
            elif due_s is not None:
                self.store(due_s, 1, watts)

        sent = Sent(
            self.world.command(party, LIMITS, items, counter, critical=True), LIMITS, party, b.SUPPLIER, counter, effect
        )
        self.deliver(sent)
        return sent

    def store(self, due_s, kind, what):
        self.model.stored.append((due_s, kind, what))
        self.model.stored.sort(key=lambda one: one[:2])

    @rule(target=commands, step=st.integers(0, 30), which=st.booleans(), pence=st.integers(0, 99))
    def top_up(self, step, which, pence):
        world = self.world
        vendor = self.first if which else self.second
        counter = step << 32
        octets = world.top_up(self.model.supplier, counter, pence, world.token(vendor, counter, pence))
        sent = Sent(octets, TOP_UP, self.model.supplier, TOP_UP, counter, (vendor, pence))
        self.deliver(sent)
        return sent

    @rule(
        target=commands,
        step=STEPS,
        which=st.booleans(),
        floor=st.sampled_from((-9000, -1, 0, 1, 9000)),
        top_up_floor=st.integers(0, 20),
        delay=st.one_of(st.none(), DELAYS.filter(lambda delay: delay > 0), st.just(CANCEL)),
    )
    def change_supplier(self, step, which, floor, top_up_floor, delay):
        world = self.world
        party = self.first if which else self.second
        counter = self.counter(b.TRANSITIONAL_COS, step)
        floor = self.counter(b.SUPPLIER, floor)
        at = delay if delay is None else a.CANCEL if delay == CANCEL else world.now_s + delay
        listed = world.credentials(party, PLACES)
        others = [(b.SUPPLIER, floor, top_up_floor << 32)]
        payload = a.update(7, COS, counter, listed, [ISSUER_CERTIFICATE], others=others, at=at)

        def effect(_):
            self.model.stored = [one for one in self.model.stored if one[1]]
            if delay is None:
                self.install(party, floor, top_up_floor << 32)
            elif delay != CANCEL:
                self.store(at, 0, (party, floor, top_up_floor << 32))

        sent = Sent(
            world.asn1(world.transcos, CHANGE, payload, counter),
            CHANGE,
            world.transcos,
            b.TRANSITIONAL_COS,
            counter,
            effect,
        )
        self.deliver(sent)
        return sent

    # ---- rules: what happens to them

    @rule(sent=commands)
    def replay(self, sent):
        self.deliver(sent)

    @rule(sent=commands, place=st.integers(0, 1 << 16), bit=st.integers(0, 7))
    def replay_with_one_bit_flipped(self, sent, place, bit):
        octets = bytearray(sent.octets)
        octets[place % len(octets)] ^= 1 << bit
        due_alerts = self.expect_due(self.world.now_s)
        # Whether it is logged depends on what is left of it: the store must not be about to fail.
        self.model.armed = False
        self.world.store._fail_call = None
        responses, alerts, _ = self.world.deliver(bytes(octets))
        assert not responses
        assert due_alerts <= len(alerts) <= due_alerts + 1
        self.note_alerts(alerts)

    @rule(seconds=st.sampled_from((1, 60, 3600, 8000)))
    def pass_time(self, seconds):
        model, store = self.model, self.world.store
        calls = store.calls
        nothing_due = not [one for one in model.stored if one[0] <= self.world.now_s + seconds]
        expected = self.expect_due(self.world.now_s + seconds)
        _, alerts, _ = self.world.advance(seconds)
        assert len(alerts) == expected
        assert store.calls <= calls + 1, "time passes in one commit"
        if nothing_due and model.armed and store.calls > calls:
            # A day of the account has ended: a commit that the model does not foresee, and that may be the one to fail.
            model.fails_in -= 1
            model.armed = model.fails_in > 0
        self.note_alerts(alerts)

    @rule()
    def power_up(self):
        digest = self.world.meter.digest()
        self.world.power_up(self.world.store.reopened())
        self.model.armed = False
        # What a failed store left undone is done as soon as there is power.
        expected = self.expect_due(self.world.now_s)
        _, alerts, _ = self.world.take()
        assert len(alerts) == expected
        self.note_alerts(alerts)
        if not expected:
            assert self.world.meter.digest() == digest

    @precondition(lambda self: not self.model.armed)
    @rule(calls=st.integers(1, 3))
    def store_is_about_to_fail(self, calls):
        self.world.store._fail_call = self.world.store.calls + calls
        self.model.fails_in = calls
        self.model.armed = True

    # ---- invariants

    @invariant()
    def counters_are_those_of_the_model(self):
        meter, model = self.world.meter, self.model
        for role in model.counters:
            assert meter.anchors.counter(role) == model.counters[role]
        assert self.supplier_now() is model.supplier
        assert meter.organs.account.validator.floor() == model.top_up_floor
        for counter in range(31):
            seen = counter << 32 <= model.top_up_floor or counter << 32 in model.top_ups
            assert meter.organs.account.validator.seen(counter << 32) == seen

    @invariant()
    def values_are_those_of_the_model(self):
        assert self.world.balance() == self.model.balance
        assert self.threshold() == self.model.threshold
        stored = [(one.due_s, 1 if one.key else 0) for one in self.world.meter.schedule.stored()]
        assert stored == [one[:2] for one in self.model.stored]
        assert self.world.meter.schedule.next_due() == (self.model.stored[0][0] if self.model.stored else None)

    @invariant()
    def nothing_waits_for_a_commit(self):
        # But the time that the account reached: it goes with whatever is committed next.
        assert not [name for name in self.world.meter.records.changed_names() if name not in CLOCKWORK]
        assert self.world.meter.anchors.own_counter() > self.last_own


class Longer(Counters):
    """The same for longer."""


TestCounters = Counters.TestCase
TestCounters.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestLonger = pytest.mark.slow(Longer.TestCase)
TestLonger.settings = settings(max_examples=300, stateful_step_count=80, deadline=None)
