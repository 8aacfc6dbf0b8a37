"""What a hub tells of a device from the first beacon on, by its kind; and a gas meter that sleeps."""

import pytest
from hub_and_meter import HUB, METER, OTHER, STRANGE_AUTHORITY, Home

from slotmeter.hal.errors import RADIO_FULL, HalError
from slotmeter.hal.radio import DeviceJoined, DeviceLeft, Down
from slotmeter.zigbee_han import comms_hub, tunnel_queue
from slotmeter.zigbee_han.certificates import SUITE_2
from slotmeter.zigbee_han.comms_hub import ESME, GSME, TYPE_2, Commissioned
from slotmeter.zigbee_han.errors import DecodeError, EncodeError
from slotmeter.zigbee_han.joiner import KEYING, UP
from slotmeter.zigbee_han.key_establishment import KeyAgreed
from slotmeter.zigbee_han.station import Failed
from slotmeter.zigbee_han.tunnel import Arrived, Delivered, Opened, TunnelClient, Undelivered

GAS = bytes.fromhex("00DB1234567890A6")
HALF_HOUR = 1800


def kinds(home, eui64):
    return [type(fact).__name__ for fact in home.facts.get(eui64, [])]


class GasMeter:
    """A gas meter as far as its tunnel goes: it wakes now and then, fetches what waits, and hands over what it has."""

    def __init__(self, home):
        self.home = home
        self.joiner = home.device(GAS, 12)
        home.hub.add(GAS, home.key, GSME)
        home.hub.permit(254, home.han.now_ms)
        self.joiner.start(home.key, home.han.now_ms)
        home.run(4)
        assert self.joiner.state == UP
        self.client = TunnelClient(HUB, 1, home.han.now_ms)
        self.joiner.endpoint.clusters.append(self.client)
        self.to_put = []
        self.had = []

    def wakes(self):
        """The messages that it fetched, and how many waited after each."""
        fetched = []
        for message in self.to_put:
            self.client.send(tunnel_queue.put(message), self.home.han.now_ms)
        self.to_put = []
        more = True
        while more:
            self.client.send(tunnel_queue.get(), self.home.han.now_ms)
            self.home.run(5)
            answers = [tunnel_queue.parse(fact.data) for fact in self.home.told(GAS, Arrived)]
            more = False
            for what, waiting, message in answers:
                assert what == tunnel_queue.GET_RESPONSE
                fetched.append((message, waiting))
                more = waiting > 0
        return fetched


def test_an_electricity_meter_is_commissioned_with_its_tunnel_a_display_with_its_key():
    home = Home()
    home.joined()
    assert kinds(home, HUB)[1:] == ["DeviceJoined", "KeyAgreed", "Opened", "Commissioned"]
    assert [(fact.eui64, fact.kind) for fact in home.told(HUB, Commissioned)] == [(METER, ESME)]
    display = home.device(OTHER, 20)
    home.facts[HUB] = []
    home.hub.add(OTHER, home.key, TYPE_2)
    display.start(home.key, home.han.now_ms)
    home.run(5)
    assert kinds(home, HUB) == ["DeviceJoined", "KeyAgreed", "Commissioned"]
    assert not home.told(OTHER, Opened)


def test_a_device_that_nobody_added_is_told_of_as_turned_away():
    home = Home()
    home.hub.permit(254, 0)
    home.device().start(home.key, 0)
    home.run(5)
    assert [(fact.eui64, fact.let_in) for fact in home.told(HUB, DeviceJoined)] == [(METER, False)]
    assert not home.told(HUB, Commissioned)


def test_a_device_is_commissioned_once_and_again_when_it_joined_anew():
    home = Home()
    meter = home.joined()
    home.told(HUB, Commissioned)
    meter = home.power_cut(meter)
    home.hub = home.power_cut(home.hub)
    home.run(10)
    assert not home.told(HUB, Commissioned)
    meter.leave(home.han.now_ms)
    home.run(1)
    home.hub.add(METER, home.key)
    home.hub.permit(254, home.han.now_ms)
    meter.start(home.key, home.han.now_ms)
    home.run(5)
    assert len(home.told(HUB, Commissioned)) == 1


def test_a_gas_meter_fetches_what_waits_one_by_one_and_hands_over_what_it_has():
    home = Home()
    gas = GasMeter(home)
    assert gas.wakes() == [(b"", 0)]
    assert [fact.kind for fact in home.told(HUB, Commissioned)] == [GSME]
    for count in (1, 3):
        sent = [b"\xdf%d" % number for number in range(count)]
        for message in sent:
            assert home.hub.send(GAS, message, home.han.now_ms)
        assert gas.wakes() == [(message, count - 1 - place) for place, message in enumerate(sent)]
        assert [fact.data for fact in home.told(HUB, Delivered)] == sent
        home.run(HALF_HOUR)
    gas.to_put = [b"\xdfresponse", b"\xddalert"]
    gas.wakes()
    assert [fact.data for fact in home.told(HUB, Arrived)] == [b"\xdfresponse", b"\xddalert"]


def test_what_a_gas_meter_does_not_fetch_for_a_day_is_dropped_and_told():
    home = Home()
    gas = GasMeter(home)
    assert home.hub.send(GAS, b"\xdfold", home.han.now_ms)
    home.run(86390)
    assert home.hub.send(GAS, b"\xdfnew", home.han.now_ms)
    home.run(20)
    (dropped,) = home.told(HUB, Undelivered)
    assert dropped.data == b"\xdfold" and "for a day" in dropped.why
    assert gas.wakes() == [(b"\xdfnew", 0)]
    assert not home.told(HUB, Undelivered)


def test_a_gas_meter_that_says_what_no_gas_meter_says_is_told_of():
    home = Home()
    gas = GasMeter(home)
    gas.client.send(b"\xdfbare", home.han.now_ms)
    home.run(5)
    (failed,) = home.told(HUB, Failed)
    assert "neither GET" in failed.why
    with pytest.raises(EncodeError, match="1498"):
        home.hub.send(GAS, bytes(1499), home.han.now_ms)


def test_a_gas_meter_that_is_removed_leaves_and_what_waited_for_it_is_told():
    home = Home()
    GasMeter(home)
    home.hub.send(GAS, b"\xdfwaits", home.han.now_ms)
    assert home.hub.remove(GAS)
    home.run(5)
    assert [fact.data for fact in home.told(HUB, Undelivered)] == [b"\xdfwaits"]
    assert [fact.asked for fact in home.told(GAS, Down)] == [True]
    assert [fact.eui64 for fact in home.told(HUB, DeviceLeft)] == [GAS]


def test_what_waits_for_a_gas_meter_still_does_after_a_power_cut_of_the_hub():
    home = Home()
    gas = GasMeter(home)
    gas.wakes()
    sent = [b"\xdfone", b"\xdf" + bytes(1490), b"\xdfthree"]
    for message in sent:
        assert home.hub.send(GAS, message, home.han.now_ms)
    assert home.hub.unsaved
    home.run(3600)
    (before,) = [one.queue.messages() for one in home.hub.log]
    hub = home.power_cut(home.hub)
    (after,) = [one.queue.messages() for one in hub.log]
    # What was left of the day when it acted last is left.
    assert all(0 <= after[place][1] - before[place][1] < 15000 for place in range(3))
    home.run(5)
    assert [message for message, _ in gas.wakes()] == sent
    assert home.hub.send(GAS, b"\xdflate", home.han.now_ms)
    saved = hub.save()
    for wrong in (saved[:-1], saved + b"\0", saved[:-12] + b"\7" + saved[-11:]):
        with pytest.raises(DecodeError):
            hub.load(wrong)
    assert hub.save() == saved


def test_a_hub_knows_the_kinds_of_its_devices_after_a_power_cut():
    home = Home()
    GasMeter(home)
    home.joined()
    home.told(HUB, Opened)
    hub = home.power_cut(home.hub)
    home.run(5)
    assert [(one.eui64, one.kind) for one in hub.log] == [(GAS, GSME), (METER, ESME)]
    assert [fact.peer for fact in home.told(HUB, Opened)] == [METER]
    with pytest.raises(EncodeError, match="type 2"):
        hub.add(OTHER, home.key, comms_hub.GSME + 2)


def test_a_radio_without_room_for_the_agreed_key_is_told_of_and_the_key_agreed_again_when_there_is():
    home = Home()
    meter = home.device()
    home.hub.add(METER, home.key)
    home.hub.permit(254, 0)
    room = meter.radio.set_link_key

    def full(peer, key):
        raise HalError(RADIO_FULL, "no room for another link key")

    meter.radio.set_link_key = full
    meter.start(home.key, 0)
    home.run(5)
    assert [(fact.what, fact.why) for fact in home.told(METER, Failed)] == [
        ("link key", "no room for another link key")
    ]
    assert meter.state == KEYING
    meter.radio.set_link_key = room
    home.run(30)
    assert meter.state == UP and not home.told(METER, Failed)


def test_a_hub_whose_radio_is_full_says_so_and_keeps_its_log_as_it_was():
    home = Home()
    for number in range(15):
        home.hub.add(bytes((number,)) * 8, home.key)
    for number in range(40):
        home.hub.radio.node.aps.set_link(bytes((100 + number,)) * 8, home.key)
    with pytest.raises(EncodeError, match="no room"):
        home.hub.add(METER, home.key)
    assert len(home.hub.devices) == 15 and METER not in home.hub.devices


def test_each_way_to_fail_is_told_once_each_time_in_words_and_tried_again():
    cases = []
    home = Home()
    meter = home.device()
    meter.start(home.key, 0)
    cases.append((home, "join", "no network lets devices join"))
    home = Home()
    home.hub.permit(254, 0)
    home.device().start(home.key, 0)
    cases.append((home, "join", "no network key came"))
    home = Home()
    home.hub.permit(254, 0)
    home.hub.add(METER, bytes(16))
    home.device().start(home.key, 0)
    cases.append((home, "join", "no network key came"))
    home = Home()
    home.hub.permit(254, 0)
    home.hub.add(METER, home.key)
    home.device(suites=(SUITE_2,), authority=STRANGE_AUTHORITY).start(home.key, 0)
    cases.append((home, "key establishment", "unknown issuer"))
    home = Home()
    home.hub.permit(254, 0)
    home.hub.add(METER, home.key)
    # A hub that does not answer when a key is to be agreed.
    home.hub.exchange.receive = lambda message, now_ms: None
    home.device().start(home.key, 0)
    cases.append((home, "key establishment", "timed out"))
    for home, what, why in cases:
        failed = []
        while not failed:
            home.run(1)
            failed = home.told(METER, Failed)
        assert len(failed) == 1 and home.han.now_ms <= 15000
        assert failed[0].what == what and why in failed[0].why
        home.run(100)
        again = home.told(METER, Failed)
        assert again and {(fact.what, fact.why) for fact in again} == {(what, failed[0].why)}
        assert not home.told(HUB, KeyAgreed)
