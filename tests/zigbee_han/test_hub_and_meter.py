"""A hub and its devices from the first beacon to a message through the tunnel, on an air with real frames."""

import pytest
from hub_and_meter import CRYPTO, HUB, METER, OTHER, STRANGE_AUTHORITY, Home

from slotmeter.hal.radio import DeviceJoined, DeviceLeft, Down
from slotmeter.zigbee_han import install_code
from slotmeter.zigbee_han.certificates import SUITE_1, SUITE_2
from slotmeter.zigbee_han.joiner import KEYING, UP, WAITING
from slotmeter.zigbee_han.key_establishment import KeyAgreed
from slotmeter.zigbee_han.sim.air import Air
from slotmeter.zigbee_han.station import Failed
from slotmeter.zigbee_han.tunnel import Arrived, Opened

LONGEST = bytes(range(250)) * 6


def test_a_meter_joins_by_its_install_code_agrees_a_key_and_has_a_tunnel_within_three_seconds():
    home = Home()
    meter = home.device()
    home.hub.add(METER, home.key)
    home.hub.permit(60, 0)
    meter.start(home.key, 0)
    home.run(3)
    assert meter.state == UP
    assert [fact.let_in for fact in home.told(HUB, DeviceJoined)] == [True]
    (theirs,) = home.told(HUB, KeyAgreed)
    (ours,) = home.told(METER, KeyAgreed)
    assert theirs.key == ours.key and theirs.suite == ours.suite == SUITE_2
    assert home.told(HUB, Opened) and home.told(METER, Opened)


def test_messages_of_any_size_go_through_the_tunnel_both_ways_in_order():
    home = Home()
    meter = home.joined()
    sent = [b"\xdf" + LONGEST[:size] for size in (0, 60, 61, 500, 1499)]
    for message in sent:
        assert home.hub.send(METER, message, home.han.now_ms)
        assert meter.send(message)
    home.run(10)
    assert [fact.data for fact in home.told(METER, Arrived)] == sent
    assert [fact.data for fact in home.told(HUB, Arrived)] == sent


@pytest.mark.parametrize("seed", range(4))
def test_on_a_bad_air_everything_still_arrives_once(seed):
    home = Home(Air(seed, loss=60, damage=30, doubling=30, delay_ms=5))
    home.hub.permit(255, 0)
    meter = home.joined()
    home.run(120)
    assert meter.state == UP
    sent = [LONGEST[: 100 * number + 1] for number in range(12)]
    for message in sent:
        home.hub.send(METER, message, home.han.now_ms)
        meter.send(message)
        home.run(15)
    assert [fact.data for fact in home.told(METER, Arrived)] == sent
    assert [fact.data for fact in home.told(HUB, Arrived)] == sent


def test_a_device_with_another_install_code_is_not_let_in_and_tries_again():
    home = Home()
    meter = home.device()
    home.hub.add(METER, install_code.link_key(CRYPTO, install_code.with_crc(bytes(16))))
    home.hub.permit(255, 0)
    meter.start(home.key, 0)
    home.run(20)
    assert meter.state == WAITING
    (failed,) = home.told(METER, Failed)
    assert failed.what == "join" and "network key" in failed.why
    home.hub.add(METER, home.key)
    home.run(60)
    assert meter.state == UP


def test_a_device_that_is_not_in_the_log_gets_no_network_key():
    home = Home()
    meter = home.device()
    home.hub.permit(60, 0)
    meter.start(home.key, 0)
    home.run(20)
    assert meter.state == WAITING
    assert [fact.let_in for fact in home.told(HUB, DeviceJoined)] == [False]


def test_a_closed_network_is_named_and_waited_for():
    home = Home()
    meter = home.device()
    home.hub.add(METER, home.key)
    meter.start(home.key, 0)
    home.run(10)
    assert [fact.why for fact in home.told(METER, Failed)] == ["no network lets devices join"]
    home.hub.permit(255, home.han.now_ms)
    home.run(65)
    assert meter.state == UP


def test_two_devices_of_different_suites_have_a_tunnel_each():
    home = Home()
    first = home.joined()
    second = home.device(OTHER, 20, suites=(SUITE_1,))
    home.hub.add(OTHER, home.key)
    second.start(home.key, home.han.now_ms)
    home.run(6)
    assert first.state == second.state == UP
    home.hub.send(METER, b"one", home.han.now_ms)
    home.hub.send(OTHER, b"two", home.han.now_ms)
    home.run(2)
    assert [fact.data for fact in home.told(METER, Arrived)] == [b"one"]
    assert [fact.data for fact in home.told(OTHER, Arrived)] == [b"two"]


def test_a_certificate_of_another_authority_makes_no_key_and_is_named():
    home = Home()
    meter = home.device(suites=(SUITE_2,), authority=STRANGE_AUTHORITY)
    home.hub.add(METER, home.key)
    home.hub.permit(60, 0)
    meter.start(home.key, 0)
    home.run(5)
    assert meter.state == KEYING
    assert "unknown issuer" in home.told(METER, Failed)[0].why
    assert not home.hub.send(METER, b"secret", home.han.now_ms)
    assert not home.told(HUB, KeyAgreed)


def test_a_device_that_is_removed_loses_its_tunnel_and_cannot_come_back():
    home = Home()
    meter = home.joined()
    assert home.hub.remove(METER)
    assert not home.hub.remove(METER)
    assert not home.hub.send(METER, b"gone", home.han.now_ms)
    meter.send(b"still here")
    home.run(2)
    assert not home.told(HUB, Arrived)


def test_a_device_that_leaves_is_missed_and_one_that_joins_again_gets_a_new_key():
    home = Home()
    meter = home.joined()
    (before,) = home.told(METER, KeyAgreed)
    meter.leave(home.han.now_ms)
    home.run(2)
    assert home.told(METER, Down) and home.told(HUB, DeviceLeft)
    home.hub.add(METER, home.key)
    home.hub.permit(60, home.han.now_ms)
    meter.start(home.key, home.han.now_ms)
    home.run(5)
    (after,) = home.told(METER, KeyAgreed)
    assert meter.state == UP and after.key != before.key
    home.hub.send(METER, b"welcome", home.han.now_ms)
    home.run(2)
    assert [fact.data for fact in home.told(METER, Arrived)] == [b"welcome"]


def test_a_device_that_is_started_in_a_network_leaves_it_and_joins_anew():
    home = Home()
    meter = home.joined()
    (before,) = home.told(METER, KeyAgreed)
    home.hub.add(METER, home.key)
    meter.start(home.key, home.han.now_ms)
    home.run(6)
    (after,) = home.told(METER, KeyAgreed)
    assert meter.state == UP and after.key != before.key
    assert len(home.told(METER, Down)) == 1
    home.hub.send(METER, b"again", home.han.now_ms)
    home.run(2)
    assert [fact.data for fact in home.told(METER, Arrived)] == [b"again"]


def test_a_device_beyond_the_hub_s_reach_joins_through_a_router():
    home = Home()
    home.joined(OTHER, 80)
    far = home.joined(METER, 160)
    assert far.state == UP
    home.hub.send(METER, LONGEST[:700], home.han.now_ms)
    far.send(LONGEST[:700])
    home.run(4)
    assert [fact.data for fact in home.told(METER, Arrived)] == [LONGEST[:700]]
    assert [fact.data for fact in home.told(HUB, Arrived)] == [LONGEST[:700]]
