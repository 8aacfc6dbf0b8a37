"""No counter of an alert that left is ever used again, whoever made the meter tell."""

from world import World


def test_an_alert_that_somebody_s_hand_raised_between_two_ticks_is_durable_before_it_leaves():
    world = World()
    world.advance(10)
    counters = []
    for _ in range(3):
        world.meter.organs.supply.tamper(world.now_s)
        world.meter.tick(world.now_s * 1000)
        counters += [alert.counter for alert in world.take()[1]]
        world.power_up(world.store.reopened())
    assert counters == sorted(set(counters)) and len(counters) == 3


def test_a_meter_starts_again_after_years_with_a_debt_that_is_collected_every_hour():
    world = World()
    world.advance(10)
    world.meter.organs.account.ledger.time_debt = [10**9, 0]
    world.meter.life.flush()
    world.meter.records.commit()
    before = world.meter.organs.account.ledger.time_debt[0]
    world.now_s += 400 * 86400
    world.power_up(world.store.reopened())
    world.meter.tick(world.now_s * 1000)
    assert world.meter.organs.account.ledger.time_debt[0] <= before
    assert world.meter.deadline_ms() > world.now_s * 1000
