"""A meter that watches its hub: the hub's time, a hub that is gone for an hour, and a new network key."""

from hub_and_meter import HUB, METER, OTHER, Home, exchange

from slotmeter.zigbee_han.clusters.clock import EVERY_S, HubTime
from slotmeter.zigbee_han.comms_hub import CommsHub
from slotmeter.zigbee_han.joiner import UP, HubBack, HubLost
from slotmeter.zigbee_han.key_establishment import KeyAgreed
from slotmeter.zigbee_han.sim.air import Air
from slotmeter.zigbee_han.station import Failed
from slotmeter.zigbee_han.tunnel import Arrived

HOUR = 3600
NOON_S = 850000000


def timed(home, utc_s):
    """A home whose hub knows the time."""
    old = home.hub
    home.hub = CommsHub(old.radio, exchange(HUB), utc_s=utc_s)
    home.han.stations[home.han.stations.index(old)] = home.hub
    return home


def test_a_meter_reads_its_hubs_time_once_it_is_in_and_each_day():
    home = Home()
    timed(home, lambda: NOON_S + home.han.now_ms // 1000)
    meter = home.joined()
    (fact,) = home.told(METER, HubTime)
    assert fact.utc_s == NOON_S + fact.asked_ms // 1000
    assert fact.asked_ms < 4000
    home.run(EVERY_S - 60)
    assert home.told(METER, HubTime) == []
    home.run(120)
    (fact,) = home.told(METER, HubTime)
    assert fact.utc_s == NOON_S + EVERY_S + 2
    assert meter.state == UP


def test_a_hub_that_does_not_know_the_time_is_asked_again_each_minute():
    home = Home()
    known = []
    timed(home, lambda: known[0] if known else None)
    home.joined()
    home.run(200)
    assert home.told(METER, HubTime) == []
    known.append(NOON_S)
    home.run(61)
    assert [fact.utc_s for fact in home.told(METER, HubTime)] == [NOON_S]


def silent(home, station):
    """Nobody hears the device, and it hears nobody, until `heard`."""
    place = [one.radio for one in home.han.air._stations].index(station.radio.node)
    others = range(len(home.han.air._stations))
    for other in others:
        if other != place:
            home.han.air.link(place, other, 0)
    return place


def heard(home, station):
    place = [one.radio for one in home.han.air._stations].index(station.radio.node)
    home.han.air._links = [link for link in home.han.air._links if place not in link[:2]]


def test_a_hub_that_is_gone_for_an_hour_is_missed_looked_for_and_found_and_nothing_is_lost():
    home = Home()
    meter = home.joined()
    silent(home, home.hub)
    alerts = [b"alert %d" % number for number in range(5)]
    for alert in alerts:
        assert meter.send(alert)
    home.run(HOUR)
    assert [fact.hub for fact in home.told(METER, HubLost)] == [HUB]
    assert {fact.what for fact in home.told(METER, Failed)} == {"rejoin"}
    assert meter.state != UP
    home.told(METER, KeyAgreed)
    heard(home, home.hub)
    home.run(1000)
    assert meter.state == UP
    assert [fact.hub for fact in home.told(METER, HubBack)] == [HUB]
    assert not home.told(METER, KeyAgreed), "a rejoin needs no new key"
    home.run(500)
    assert [fact.data for fact in home.told(HUB, Arrived)] == alerts
    home.hub.send(METER, b"command", home.han.now_ms)
    home.run(2)
    assert [fact.data for fact in home.told(METER, Arrived)] == [b"command"]


def test_a_hub_that_is_gone_behind_a_router_that_is_there_is_not_back_until_it_answers():
    home = Home()
    home.joined(OTHER, 20)
    meter = home.joined()
    silent(home, home.hub)
    home.run(2 * HOUR)
    assert len(home.told(METER, HubLost)) == 1
    assert not home.told(METER, HubBack)
    heard(home, home.hub)
    home.run(HOUR)
    assert len(home.told(METER, HubBack)) == 1
    assert meter.state == UP


def test_a_hub_that_is_there_is_not_missed_on_a_bad_air():
    home = Home(Air(3, loss=50, damage=50))
    home.hub.permit(254, 0)
    home.joined()
    home.run(12 * HOUR)
    assert not home.told(METER, HubLost)


def test_a_new_network_key_reaches_the_meter_and_messages_go_on():
    home = Home()
    meter = home.joined()
    before = meter.radio.node.nwk.active_key
    home.hub.change_network_key(bytes(range(100, 116)), home.han.now_ms)
    for second in range(20):
        home.hub.send(METER, b"%d" % second, home.han.now_ms)
        meter.send(b"%d" % second)
        home.run(1)
    after = meter.radio.node.nwk.active_key
    assert after == home.hub.radio.node.nwk.active_key == (before + 1) & 0xFF
    assert meter.radio.node.nwk.key(after) == bytes(range(100, 116))
    for eui64 in (METER, HUB):
        assert [fact.data for fact in home.told(eui64, Arrived)] == [b"%d" % second for second in range(20)]


def test_a_meter_that_missed_the_new_network_key_comes_back_by_its_link_key():
    home = Home()
    meter = home.joined()
    silent(home, meter)
    home.hub.change_network_key(bytes(range(100, 116)), home.han.now_ms)
    home.run(60)
    home.hub.change_network_key(bytes(range(120, 136)), home.han.now_ms)
    home.run(HOUR)
    assert home.told(METER, HubLost)
    heard(home, meter)
    home.told(METER, KeyAgreed)
    home.run(HOUR)
    assert meter.state == UP and home.told(METER, HubBack)
    assert meter.radio.node.nwk.key(meter.radio.node.nwk.active_key) == bytes(range(120, 136))
    meter.send(b"here I am")
    home.run(2)
    assert [fact.data for fact in home.told(HUB, Arrived)] == [b"here I am"]
