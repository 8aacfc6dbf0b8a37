"""Hub and meter after a power cut, and with a radio that fails: what they remember, and what is not lost."""

import pytest
from hub_and_meter import CODE, CRYPTO, HUB, METER, NETWORK_KEY, OTHER, Home

from slotmeter.hal.radio import Failed as RadioFailed
from slotmeter.hal.radio import Recovered, Up
from slotmeter.zigbee_han import install_code
from slotmeter.zigbee_han.errors import DecodeError, EncodeError
from slotmeter.zigbee_han.joiner import KEYING, OUT, REJOINING, UP, WAITING
from slotmeter.zigbee_han.key_establishment import KeyAgreed
from slotmeter.zigbee_han.station import Failed
from slotmeter.zigbee_han.tunnel import Arrived, Opened

KEY = install_code.link_key(CRYPTO, CODE)


def both_ways(home, hub, meter):
    """A message each way, and nothing else."""
    assert hub.send(METER, b"down", home.han.now_ms)
    assert meter.send(b"up")
    home.run(3)
    assert [fact.data for fact in home.told(METER, Arrived)] == [b"down"]
    assert [fact.data for fact in home.told(HUB, Arrived)] == [b"up"]


def test_a_meter_goes_on_after_a_power_cut_without_a_new_key_and_with_its_tunnel():
    home = Home()
    meter = home.joined()
    home.told(METER, KeyAgreed)
    again = home.power_cut(meter)
    home.run(1)
    assert again.state == UP and again.hub == HUB and again.keyed == [HUB]
    assert [fact.rejoined for fact in home.told(METER, Up)][-1]
    both_ways(home, home.hub, again)
    assert not home.told(METER, KeyAgreed)


def test_a_hub_goes_on_after_a_power_cut_and_asks_for_its_tunnels():
    home = Home()
    meter = home.joined()
    home.told(HUB, Opened)
    hub = home.power_cut(home.hub)
    home.run(3)
    assert hub.devices == [METER] and hub.keyed == [METER] and hub.up
    assert [fact.peer for fact in home.told(HUB, Opened)] == [METER]
    both_ways(home, hub, meter)


def test_hub_and_meter_go_on_when_both_were_off():
    home = Home()
    meter = home.power_cut(home.joined())
    hub = home.power_cut(home.hub)
    home.run(3)
    both_ways(home, hub, meter)


def test_a_meter_whose_radio_remembers_nothing_says_so_and_joins_anew_when_it_is_added_again():
    home = Home()
    meter = home.power_cut(home.joined(), remembers=False)
    home.run(15)
    assert meter.state == WAITING and not meter.keyed
    assert "the radio remembers no network" in [fact.why for fact in home.told(METER, Failed)]
    home.hub.add(METER, KEY)
    home.run(90)
    assert meter.state == UP
    both_ways(home, home.hub, meter)


def test_a_meter_that_was_not_in_yet_goes_on_looking_after_a_power_cut():
    home = Home()
    meter = home.device()
    meter.start(KEY, 0)
    home.run(5)
    meter = home.power_cut(meter)
    home.hub.add(METER, KEY)
    home.hub.permit(254, home.han.now_ms)
    home.run(70)
    assert meter.state == UP


def test_a_meter_that_left_stays_out_after_a_power_cut():
    home = Home()
    meter = home.joined()
    meter.leave(home.han.now_ms)
    home.run(1)
    meter = home.power_cut(meter)
    home.run(70)
    assert meter.state == OUT and not meter.keyed


def test_a_hub_whose_radio_remembers_nothing_says_so_and_forms_its_network_again_with_the_keys_of_its_log():
    home = Home()
    home.joined()
    hub = home.power_cut(home.hub, remembers=False)
    home.run(1)
    assert [fact.what for fact in home.told(HUB, Failed)] == ["network"]
    hub.form(15, 0x1234, bytes(8), NETWORK_KEY, home.han.now_ms)
    assert [one.partner for one in hub.radio.node.aps.links] == [METER]


def test_what_is_saved_is_known_by_a_flag_and_is_the_same_octets_until_something_changes():
    home = Home()
    meter = home.joined()
    assert meter.unsaved and home.hub.unsaved
    saved = meter.save(), home.hub.save()
    assert not meter.unsaved and not home.hub.unsaved
    home.run(30)
    assert (meter.save(), home.hub.save()) == saved
    home.hub.add(OTHER, KEY)
    assert home.hub.unsaved and home.hub.save() != saved[1]


def test_octets_of_others_are_refused_whole_cut_short_and_of_another_version():
    home = Home()
    meter = home.joined()
    for station, other in ((meter, home.hub), (home.hub, meter)):
        octets = station.save()
        wrong = [octets[:size] for size in range(len(octets))] + [other.save(), octets + b"\0", b"\xff" * 40]
        wrong.append(octets[:1] + b"\2" + octets[2:])
        for one in wrong:
            with pytest.raises(DecodeError):
                station.load(one)
        assert station.save() == octets


class Failing:
    """The events of a radio that fails and recovers, put before those of the real one."""

    def __init__(self, station):
        self.station = station
        self.real = station.radio.next_event
        self.next = []
        station.radio.next_event = self

    def __call__(self):
        if self.next:
            return self.next.pop(0)
        # Whatever comes while it does not work is lost.
        event = self.real()
        while event is not None and not self.station.works:
            event = self.real()
        return event

    def fail(self):
        self.next.append(RadioFailed("unplugged"))

    def recover(self, in_network):
        self.next.append(Recovered(in_network))


def test_what_waits_for_a_radio_that_failed_leaves_when_it_has_recovered():
    home = Home()
    meter = home.joined()
    stick = Failing(home.hub)
    stick.fail()
    home.run(1)
    (failed,) = home.told(HUB, RadioFailed)
    assert failed.why == "unplugged"
    sent = [bytes((number,)) * 90 for number in range(5)]
    for message in sent:
        assert home.hub.send(METER, message, home.han.now_ms)
    # Not so long that the meter misses its hub.
    home.run(900)
    assert not home.told(METER, Arrived)
    stick.recover(True)
    home.hub.tick(home.han.now_ms)
    home.run(3)
    assert home.told(HUB, Recovered)
    assert [fact.data for fact in home.told(METER, Arrived)] == sent
    both_ways(home, home.hub, meter)


def test_a_meter_whose_radio_comes_back_without_its_network_rejoins_and_keeps_its_key():
    home = Home()
    meter = home.joined()
    stick = Failing(meter)
    stick.fail()
    meter.tick(home.han.now_ms)
    assert meter.state == UP and not meter.works
    stick.recover(False)
    meter.tick(home.han.now_ms)
    assert meter.state == REJOINING
    home.told(METER, KeyAgreed)
    home.run(3)
    assert meter.state == UP and not home.told(METER, KeyAgreed)
    both_ways(home, home.hub, meter)


def test_what_a_meter_has_to_say_to_a_hub_that_forgot_its_tunnel_waits_for_the_next_one():
    home = Home()
    meter = home.joined()
    home.hub.tunnels.remove(METER, "forgotten")
    sent = [bytes((number,)) * 9 for number in range(20)]
    for message in sent:
        assert meter.send(message)
    home.run(60)
    assert not home.told(HUB, Arrived) and not meter.idle()
    home.hub.tunnels.add(METER, 1, home.han.now_ms)
    home.run(60)
    assert [fact.data for fact in home.told(HUB, Arrived)] == sent and meter.idle()


def test_a_hub_that_lost_its_network_says_what_to_do():
    home = Home()
    home.run(1)
    stick = Failing(home.hub)
    stick.fail()
    stick.recover(False)
    home.run(1)
    (failed,) = home.told(HUB, Failed)
    assert not home.hub.up and "formed again" in failed.why


def test_a_device_that_is_not_in_the_log_any_more_gets_no_key():
    home = Home()
    meter = home.joined()
    # It does not hear that it is to leave.
    home.hub.radio.send_away = lambda peer, now_ms: None
    home.hub.remove(METER)
    home.told(HUB, KeyAgreed)
    meter.forget(HUB)
    meter.state = KEYING
    meter.exchange.start(HUB, home.han.now_ms)
    home.run(3)
    assert not home.told(HUB, KeyAgreed) and home.hub.keyed == []
    assert [fact.why for fact in home.told(HUB, Failed)] == ["with a device that is not known"]


def test_a_full_device_log_says_so():
    home = Home()
    for number in range(16):
        home.hub.add(bytes(7) + bytes((number,)), KEY)
    with pytest.raises(EncodeError, match="full"):
        home.hub.add(METER, KEY)
    home.hub.add(bytes(8), KEY)
    assert len(home.hub.devices) == 16


