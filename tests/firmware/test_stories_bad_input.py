"""Stories of a whole meter that is told nonsense: tokens that are none of its own, and clocks that are put anywhere."""

import builder as b
import pytest
from accounted import flat_rate
from metered import key
from world import METER, World

from slotmeter.firmware import logs
from slotmeter.firmware.metering import PROFILE_IMPORT
from slotmeter.hal.virtual.house import ConstantLoad

HOUR = 3600
DAY = 86400
HALF_HOUR = 1800
YEAR = 366 * DAY
WATTS = 1200
TOP_UPS = b"\x00\x00\x62\x01\x05\xff"
NOT_DONE_HERE, NOT_CARRIED_OUT, REPLAYED = 0x8162, 0x8155, 0x8F53
USED, FLOOR = 7 << 32, 5 << 32


def changed(token, place):
    """The token with another digit in this place."""
    return token[:place] + str((int(token[place]) + 1) % 10) + token[place + 1 :]


def for_another(world):
    """A token of this supplier's for another meter."""
    other = bytes(reversed(METER))
    z = b.shared_secret(world.supplier.pp, world.ka_public)
    return b.utrn(z, world.supplier.entity, other, 8 << 32, 100)


def of(world, party, counter, pence=100):
    return world.token(party, counter, pence).decode()


# What is typed; the words of the screen; the alert that leaves. How the same goes that came in a command with counter
# 8 << 32 or its own: refused as a whole, or answered with a result that is not success; the alert then.
REFUSALS = {
    "too short": (lambda w: of(w, w.supplier, 8 << 32)[:19], "Not a top-up code", 0, 0),
    "too long": (lambda w: of(w, w.supplier, 8 << 32) + "0", "Not a top-up code", 0, 0),
    "nothing": (lambda w: "", "Not a top-up code", 0, 0),
    "letters": (lambda w: of(w, w.supplier, 8 << 32)[:19] + "X", "Not a top-up code", 0, 0),
    "digits of another script": (lambda w: of(w, w.supplier, 8 << 32)[:19] + "\u0661", "Not a top-up code", 0, None),
    "wrong check digit": (lambda w: changed(of(w, w.supplier, 8 << 32), 19), "Wrong digit", 0, 0),
    "a digit wrong": (lambda w: changed(of(w, w.supplier, 8 << 32), 7), "Wrong digit", 0, 0),
    "another meter's": (for_another, "Not for this meter", 0x8F63, 0x8F63),
    "another supplier's": (lambda w: of(w, w.other_supplier, 8 << 32), "Not for this meter", 0x8F63, 0x8F63),
    "at the floor": (lambda w: of(w, w.supplier, FLOOR), "Code is too old", 0, REPLAYED),
    "below the floor": (lambda w: of(w, w.supplier, FLOOR - (1 << 32)), "Code is too old", 0, REPLAYED),
    "replayed": (lambda w: of(w, w.supplier, USED), "Already used", 0x8F51, REPLAYED),
}
COUNTERS = {"at the floor": FLOOR, "below the floor": FLOOR - (1 << 32), "replayed": USED}


def codes(alerts):
    return [int.from_bytes(alert.payload[9:11], "big") for alert in alerts]


def logged(world, log):
    return [int.from_bytes(row[4:6], "big") for row in world.meter.tree.rows(log)]


def with_a_used_token():
    world = World()
    world.meter.set_top_up_counter(FLOOR)
    assert world.results(world.top_up(world.supplier, USED, 100))[0][1] == 0
    return world


def type_in(world, digits):
    """The second line of the display, and the alerts."""
    face = world.meter.organs.face
    face.press("CLEAR", world.now_s * 1000)
    face.enter(digits, world.now_s * 1000)
    world.meter.tick(world.now_s * 1000)
    alerts = world.take()[1]
    for alert in alerts:
        world.check(alert)
        assert alert.target == world.supplier.entity
    return face.lines()[1], alerts


@pytest.mark.parametrize("name", REFUSALS)
def test_a_typed_token_that_is_refused_says_why_on_the_screen_in_its_alert_and_in_the_log(name):
    world = with_a_used_token()
    make, words, code, _ = REFUSALS[name]
    before = logged(world, logs.EVENT).count(NOT_DONE_HERE)
    screen, alerts = type_in(world, make(world))
    assert (screen, codes(alerts)) == (words, [code] if code else [])
    assert logged(world, logs.EVENT).count(NOT_DONE_HERE) == before + 1
    assert world.balance() == 100000 and len(world.meter.tree.rows(TOP_UPS)) == 1
    # What was told is durable, and nothing about it is in the way of a good one.
    world.power_up(world.store.reopened())
    assert logged(world, logs.EVENT).count(NOT_DONE_HERE) == before + 1
    assert world.balance() == 100000
    assert type_in(world, of(world, world.supplier, 9 << 32))[0] == "Credit added £1.00"
    assert world.balance() == 200000


@pytest.mark.parametrize("name", [name for name, row in REFUSALS.items() if row[3] is not None])
def test_a_token_from_afar_that_is_refused_says_why_in_its_alert_and_in_the_log(name):
    world = with_a_used_token()
    make, _, _, code = REFUSALS[name]
    command = world.top_up(world.supplier, COUNTERS.get(name, 8 << 32), 100, make(world).encode())
    responses, alerts, facts = world.deliver(command)
    for alert in alerts:
        world.check(alert)
    assert codes(alerts) == ([code] if code else [])
    if code == REPLAYED:
        assert not responses and [fact.reason for fact in facts if hasattr(fact, "reason")] == ["replayed"]
        assert logged(world, logs.SECURITY).count(REPLAYED) == 1
    else:
        world.check(responses[0])
        assert b.response_results(responses[0].payload)[0][1] != 0
        assert logged(world, logs.EVENT)[-1] == NOT_CARRIED_OUT
    assert world.balance() == 100000 and len(world.meter.tree.rows(TOP_UPS)) == 1
    assert world.results(world.top_up(world.supplier, 9 << 32, 100))[0][1] == 0


# By how much the clock is put; whether the hours that it jumps over are owed; how many midnights pass later on.
CLOCKS = {
    "back by a minute": -60,
    "back over a half-hour": -2400,
    "back over midnight": -13 * HOUR,
    "back by two days": -2 * DAY,
    "back by a week": -7 * DAY,
    "back over a year": -YEAR,
    "on by a minute": 60,
    "on over half-hours": 5 * HOUR + 17,
    "on over midnight": 13 * HOUR,
    "on by a week": 7 * DAY,
    "on over a year": YEAR,
}


@pytest.mark.parametrize("name", CLOCKS)
def test_a_clock_that_is_put_elsewhere_makes_no_energy_and_loses_none_and_takes_no_token_twice(name):
    world = World()
    meter = world.meter
    start_s = world.now_s // DAY * DAY + 12 * HOUR
    world.now_s = start_s
    meter.tick(start_s * 1000)
    meter.life.set_metrology(ConstantLoad((WATTS,)))
    meter.tick(start_s * 1000)
    meter.poke(key(113, "0-0:19.20.4.255", 5), flat_rate(30000))
    used = of(world, world.supplier, USED)
    assert type_in(world, used)[0] == "Credit added £1.00"
    world.advance(2 * HOUR + 500)
    before = meter.organs.metering.import_wh(0)
    rows = meter.tree.rows(PROFILE_IMPORT)
    balance = world.balance()
    world.now_s += CLOCKS[name]
    meter.set_time(world.now_s * 1000)
    world.take()
    # Nothing flowed while the clock was put, nothing that was counted is gone.
    assert meter.organs.metering.import_wh(0) == before
    meter.life.flush()
    kept = meter.tree.rows(PROFILE_IMPORT)
    assert kept[: len(rows)] == rows and len(kept) <= len(rows) + 1
    assert world.balance() in (balance, balance - 30000), "a jump of any size is a standing charge at most"
    if CLOCKS[name] < 0:
        assert world.balance() == balance
    assert type_in(world, used)[0] == "Already used"
    # A restart finds the same.
    meter.life.flush()
    meter.records.commit()
    digest = meter.digest()
    meter = world.power_up(world.store.reopened())
    meter.life.set_metrology(ConstantLoad((WATTS,)))
    assert meter.digest() == digest
    # A day later a day's energy has been counted, and of no half-hour twice.
    world.advance(DAY)
    assert meter.organs.metering.import_wh(0) * 3600 == WATTS * (2 * HOUR + 500 + DAY) // 3600 * 3600
    stamps = [row[:4] for row in meter.tree.rows(PROFILE_IMPORT)]
    assert len(set(stamps)) == len(stamps)
    assert all(not int.from_bytes(stamp, "big") % HALF_HOUR for stamp in stamps)
    if CLOCKS[name] >= 0 or CLOCKS[name] < -2 * DAY:
        assert len(stamps) >= 4 + 47
    assert balance - 2 * 30000 <= world.balance() <= balance
    assert type_in(world, of(world, world.supplier, 9 << 32))[0] == "Credit added £1.00"
