"""One life of a meter, with the power cut at every write and the store failing at every call.

After each of them: the state is the one before the step or the one after it, whole; what was answered is in effect;
no counter is lower than one that was acted upon; no token counts twice; the supply is as it was or as it was told to
be; the firmware is the old one or the new one; and the meter starts again at once and goes on as if nothing had been.
"""

import asn1_commands as a
import builder as b
import pytest
from world import DS, ISSUER, ISSUER_CERTIFICATE, KA, METER, NOW_S, World

from slotmeter.firmware import logs
from slotmeter.hal.board.store import SlotStore
from slotmeter.hal.errors import STORE_FAILED, HalError
from slotmeter.hal.virtual.store import Medium, PowerCut, VirtualStore

HOUR = 3600
IMAGE = bytes(range(32))
PPMID = bytes.fromhex("00DB1234567890A1")
COS = (b.TRANSITIONAL_COS, DS, 0)
PLACES = ((b.SUPPLIER, DS, 0), (b.SUPPLIER, KA, 0), (b.SUPPLIER, KA, 1))
THRESHOLD = "0-0:94.44.128.7"
SUPPLY_STATE = b"\x00\x46" + b.obis("0-0:96.3.10.255") + b"\x03"


def limit(watts, when):
    return [b.put(9000, THRESHOLD, 4, b.u32(watts)), b.put(9000, THRESHOLD, 6, b.octets(when))]


def add(world, party):
    return world.command(party, 0x001C, [b.act(112, "0-0:19.10.0.255", 1, b.i32(7))], critical=True)


def spoilt(message):
    """The message with another MAC."""
    return message[:-1] + bytes((message[-1] ^ 1,))


def change(world, at=None):
    listed = world.credentials(world.other_supplier, PLACES)
    others = [(b.SUPPLIER, 5, 8 << 32)]
    return world.asn1(
        world.transcos, 0x0107, lambda n: a.update(7, COS, n, listed, [ISSUER_CERTIFICATE], others=others, at=at)
    )


def own_certificate(world):
    return b.certificate(world.meter.keys.pending(DS)[0], ISSUER, METER, None, "ds")


# Each step makes octets to deliver, or says how many seconds pass. It finds the world as the steps before left it.
LIFE = (
    ("a read", lambda w: w.command(w.supplier, 0x0059, [b.get(1, "0-0:0.2.1.255", 2)])),
    (
        "a written message",
        lambda w: w.command(w.supplier, 0x0021, [b.put(1, "0-2:96.13.1.255", 2, b.octets(b"hello"))]),
    ),
    ("credit", lambda w: add(w, w.supplier)),
    ("a top-up", lambda w: w.top_up(w.supplier, 5 << 32, 1000)),
    ("the same top-up again", lambda w: w.top_up(w.supplier, 5 << 32, 1000)),
    ("a token of nobody", lambda w: w.top_up(w.supplier, 6 << 32, 1000, b"1" * 19 + b"2")),
    (
        "supply disabled",
        lambda w: w.command(w.supplier, 0x0050, [b.act(9, "0-0:10.0.106.255", 1, b.u16(52))], critical=True),
    ),
    (
        "supply armed",
        lambda w: w.command(w.supplier, 0x0051, [b.act(9, "0-0:10.0.106.255", 1, b.u16(54))], critical=True),
    ),
    (
        "a limit in an hour",
        lambda w: w.command(w.supplier, 0x0043, limit(6900, b.date_time(NOW_S + HOUR)), critical=True),
    ),
    ("the limit is due", lambda w: HOUR),
    (
        "another limit",
        lambda w: w.command(w.supplier, 0x0043, limit(5000, b.date_time(NOW_S + 9 * HOUR)), critical=True),
    ),
    ("that limit cancelled", lambda w: w.command(w.supplier, 0x0043, limit(4000, b.CANCEL), critical=True)),
    ("a wrong MAC", lambda w: spoilt(add(w, w.supplier))),
    ("an unknown use case", lambda w: w.command(w.supplier, 0x0099, [b.get(1, "0-0:0.2.1.255", 2)])),
    ("no access-request", lambda w: w.message(w.supplier, 0x001C, b"\xd9", w._next(w.supplier), critical=True)),
    (
        "credentials read",
        lambda w: w.message(w.supplier, 0x0008, a.read_credentials(PLACES[0], [2, 3]), 1, True, mac=False),
    ),
    ("a device joins", lambda w: w.asn1(w.supplier, 0x000D, a.join(PPMID, 5))),
    ("it leaves", lambda w: w.asn1(w.supplier, 0x000F, a.unjoin(PPMID))),
    ("firmware in an hour", lambda w: w.asn1(w.supplier, 0x0012, lambda n: a.activate(IMAGE, n, NOW_S + 2 * HOUR))),
    ("the firmware is due", lambda w: HOUR),
    ("a new key pair", lambda w: w.asn1(w.supplier, 0x000A, a.own_certificate(DS))),
    ("its certificate", lambda w: w.asn1(w.supplier, 0x000B, own_certificate(w))),
    ("a change of supplier later", lambda w: change(w, NOW_S + 5 * HOUR)),
    ("the change cancelled", lambda w: change(w, a.CANCEL)),
    ("a change of supplier in an hour", lambda w: change(w, NOW_S + 3 * HOUR)),
    ("the change is due", lambda w: HOUR),
    ("the new supplier's top-up", lambda w: w.top_up(w.other_supplier, 9 << 32, 500)),
    ("the new supplier's credit", lambda w: add(w, w.other_supplier)),
    ("the old supplier's credit", lambda w: add(w, w.supplier)),
    ("a change back at once", lambda w: back(w)),
    ("the old supplier's credit again", lambda w: add(w, w.supplier)),
)
NEW_KEY = "a new key pair"
# Use cases without protection against replay: doing it twice is doing it once.
REPEATABLE = ("a read", "a written message", "credentials read")
ANSWERLESS = (
    "the same top-up again",
    "a wrong MAC",
    "an unknown use case",
    "no access-request",
    "the old supplier's credit",
    "the limit is due",
    "the firmware is due",
    "the change is due",
)


def back(world):
    listed = world.credentials(world.supplier, PLACES)
    others = [(b.SUPPLIER, 500, 0)]
    return world.asn1(
        world.transcos, 0x0107, lambda n: a.update(7, COS, n, listed, [ISSUER_CERTIFICATE], others=others)
    )


class Memory:
    """A medium that is the store itself."""

    @staticmethod
    def new():
        return VirtualStore()

    @staticmethod
    def open(medium):
        return medium


class Slots:
    """Files in memory, and the store of a board over them: what is torn here is torn for good."""

    @staticmethod
    def new():
        return Medium()

    @staticmethod
    def open(medium):
        return SlotStore(medium)


class Seen:
    """What can be seen of a meter: digest, balance, supply, version, counters, own counter, lengths of the logs."""

    def __init__(self, meter, world):
        self.digest = meter.digest()
        self.balance = world.balance()
        self.supply = meter.peek(SUPPLY_STATE)
        self.version = meter.credentials.images.version()
        self.held = meter.credentials.images.held()
        self.counters = [meter.anchors.counter(role) for role in range(10)]
        self.holder = meter.anchors.cell(*PLACES[0]).entity_id
        self.top_ups = meter.organs.account.validator.highest()
        self.own = meter.anchors.own_counter()
        self.logged = [len(meter.tree.rows(log)) for log in (logs.EVENT, logs.SECURITY)]


class Step:
    """One step of the reference life: the medium before it, when it happens, and what is seen before and after."""

    def __init__(self, name, medium, now_s, act, before, after, responses, alerts):
        self.name = name
        self.medium = medium
        self.now_s = now_s
        self.act = act
        self.before = before
        self.after = after
        self.responses = responses
        self.alerts = alerts


def do(world, act):
    """Carries out what a step made; (responses, alerts, facts)."""
    return world.advance(act) if isinstance(act, int) else world.deliver(act)


def live(kind):
    """The steps of an undisturbed life over a kind of medium."""
    medium = kind.new()
    world = World(store=kind.open(medium))
    world.supplier.counter = 1000
    world.other_supplier.counter = 2000
    world.meter.credentials.images.hold(IMAGE, b"\1\2\3\4")
    world.meter.records.commit()
    steps = []
    for name, make in LIFE:
        left = medium.reopened()
        before, now_s = Seen(world.meter, world), world.now_s
        act = make(world)
        responses, alerts, facts = do(world, act)
        assert len(responses) == (0 if name in ANSWERLESS else 1), (name, facts)
        steps.append(Step(name, left, now_s, act, before, Seen(world.meter, world), len(responses), len(alerts)))
    last = steps[-1].after
    assert last.balance == 7 + 1000000 + 500000 + 7 + 7
    assert (last.version, last.held) == (b"\1\2\3\4", None)
    return steps


def start(step, kind, medium):
    """The meter that `medium` holds, at the time of the step."""
    world = World(store=kind.open(medium))
    world.now_s = step.now_s
    return world


def whole(step, world, repeated=0):
    """Checks that the meter is as before the step or as after it; whether it is the latter. Of each
    repetition there is a log entry more.
    """
    seen = Seen(world.meter, world)
    # A new pair of keys is another each time; it shows in the digest alone.
    digests = (step.before.digest, step.after.digest)
    assert seen.digest in digests or step.name == NEW_KEY, step.name
    done = seen.digest != step.before.digest
    expected = step.after if done else step.before
    for name in ("balance", "supply", "version", "held", "counters", "holder", "top_ups"):
        assert getattr(seen, name) == getattr(expected, name), (step.name, name)
    assert seen.own >= step.before.own
    for index in (0, 1):
        assert step.before.logged[index] <= seen.logged[index] <= step.after.logged[index] + repeated, step.name
    return done


def finish(step, world, done, repeated=1):
    """The remote party tries again, or time passes: the meter gets where it would have been."""
    responses, alerts, _ = do(world, step.act)
    assert whole(step, world, repeated) or step.after.digest == step.before.digest
    if step.name in REPEATABLE:
        assert len(responses) == step.responses
    elif done and not isinstance(step.act, int):
        assert not responses, "%s was answered and had been carried out" % step.name
    elif done:
        assert not alerts
    else:
        assert (len(responses), len(alerts)) == (step.responses, step.alerts), step.name


def cut_everywhere(kind, steps, torn):
    """Cuts the power at each write of each step; how many cuts there were."""
    cuts = 0
    for step in steps:
        after = 0
        while True:
            after += 1
            medium = step.medium.reopened(fail_after=after, torn=torn)
            world = None
            try:
                world = start(step, kind, medium)
                do(world, step.act)
            except PowerCut:
                cuts += 1
                assert world is None or not world.meter.to_send(), "something left before it was durable"
            else:
                assert whole(step, world) or step.before.digest == step.after.digest
                break
            world = start(step, kind, medium.reopened())
            finish(step, world, whole(step, world))
    return cuts


@pytest.fixture(scope="module")
def life():
    """The reference life in memory."""
    return live(Memory)


@pytest.mark.parametrize("torn", [False, True])
def test_the_power_may_go_at_any_write(life, torn):
    assert cut_everywhere(Memory, life, torn) > 100


def test_the_store_may_fail_at_any_call(life):
    failures = 0
    for step in life:
        call = 0
        while True:
            call += 1
            store = step.medium.reopened(fail_call=call)
            try:
                world = start(step, Memory, store)
            except HalError as error:
                # It does not start on half of what it knows, and says why.
                assert error.kind == STORE_FAILED
                whole(step, start(step, Memory, store))
                continue
            if store.calls >= call:
                continue
            responses, alerts, facts = do(world, step.act)
            failed = [
                fact for fact in facts if type(fact).__name__ == "MessageRefused" and fact.reason == "store-failed"
            ]
            if not failed:
                break
            failures += 1
            assert not responses and not alerts
            assert not whole(step, world), step.name
            assert not world.meter.records.changed()
            finish(step, world, False)
    assert failures > 20


def test_start_up_takes_one_call_for_each_record(life):
    for step in life:
        store = step.medium.reopened()
        start(step, Memory, store)
        assert store.calls <= len(step.medium.names()) + 3


@pytest.mark.parametrize("torn", [False, True])
def test_the_power_may_go_at_any_write_of_a_board_s_store(torn):
    assert cut_everywhere(Slots, live(Slots), torn) > 100


@pytest.mark.slow
@pytest.mark.parametrize("torn", [False, True])
def test_the_power_may_go_twice_on_the_way_through_a_step(torn):
    pairs = 0
    for step in live(Slots):
        first = 0
        cut = True
        while cut:
            first += 1
            medium = step.medium.reopened(fail_after=first, torn=torn)
            cut = is_cut(step, medium)
            second = 0
            again = cut
            while again:
                second += 1
                left = medium.reopened(fail_after=second, torn=torn)
                again = is_cut(step, left)
                pairs += again
                world = start(step, Slots, left.reopened())
                finish(step, world, whole(step, world, 1), 2)
    assert pairs > 500


def is_cut(step, medium):
    """Whether the power goes while the meter starts from `medium` and takes the step."""
    try:
        do(start(step, Slots, medium), step.act)
    except PowerCut:
        return True
    return False
