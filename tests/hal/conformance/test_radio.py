"""What every radio must do: on the virtual air, behind a simulated stick on a pseudo-terminal, and real sticks.

Real ones: pytest tests/hal/conformance/test_radio.py --dongle /dev/ttyUSB0 --dongle /dev/ttyUSB1
"""

import select
import time

import pytest
from plugged import Sticks

from slotmeter.hal.errors import RADIO_FULL, HalError
from slotmeter.hal.host import ezsp_session, ezsp_traffic, radio_ezsp
from slotmeter.hal.host.crypto import HostCrypto
from slotmeter.hal.host.radio_ezsp import EzspRadio
from slotmeter.hal.radio import (
    DeviceJoined,
    DeviceLeft,
    Down,
    JoinFailed,
    KeyShared,
    Received,
    Sent,
    Up,
)
from slotmeter.zigbee_han.sim import node
from slotmeter.zigbee_han.sim.air import Air, Dice
from slotmeter.zigbee_han.sim.radio import AirRadio

NETWORK_KEY = bytes(range(16, 32))
NEXT_KEY = bytes(range(32, 48))
CODE_KEY = b"install code key"
CHANNEL, PAN, EXTENDED_PAN = 15, 0x1234, b"slotmetr"
PROFILE, CLUSTER, ENDPOINT = 0x0109, 0x0704, 1
TUNNEL_LIMIT = 1500


class World:
    """Radios, and time that goes on while something is waited for."""

    # How long a network key takes until it is used.
    spread_s = 13

    def __init__(self):
        self.radios = []
        self.told = {}

    def add(self, radio):
        radio.serve(ENDPOINT, PROFILE, 0x0500, [0x0000, 0x0700, CLUSTER], [CLUSTER])
        self.radios.append(radio)
        self.told[id(radio)] = []
        return radio

    def take(self):
        for radio in self.radios:
            event = radio.next_event()
            while event is not None:
                self.told[id(radio)].append(event)
                event = radio.next_event()

    def wait(self, radio, kind, seconds=10):
        """The next event of a kind, whatever else came before it."""
        until = self.now_ms + 1000 * seconds
        while True:
            self.take()
            told = self.told[id(radio)]
            for event in told:
                if isinstance(event, kind):
                    told.remove(event)
                    return event
            assert self.now_ms < until, "no %r in %d s, but %r" % (kind, seconds, told)
            self.go_on(until)

    def wait_for_all(self, radio, kind, count, seconds=10):
        return [self.wait(radio, kind, seconds) for _ in range(count)]

    def later(self, seconds):
        """Lets time pass."""
        until = self.now_ms + int(1000 * seconds)
        while self.now_ms < until:
            self.take()
            self.go_on(until)
        self.take()

    def seen(self, radio, kind):
        """What came of a kind and was not waited for."""
        self.take()
        return [event for event in self.told[id(radio)] if isinstance(event, kind)]

    def close(self):
        pass


class AirWorld(World):
    """Everything in one process and one time."""

    def __init__(self):
        super().__init__()
        self.air = Air(7)
        self.now_ms = 0

    def radio(self):
        number = len(self.radios) + 1
        one = node.Node(bytes([2, 0, 0, 0, 0, 0, 0, number]), HostCrypto(), Dice(number))
        self.air.attach(one)
        return self.add(AirRadio(one))

    def again(self, radio):
        saved = radio.save()
        old = radio.node
        fresh = node.Node(old.eui, HostCrypto(), Dice(len(self.told) + 77))
        self.air._stations = [one for one in self.air._stations if one.radio is not old]
        self.air.attach(fresh)
        self.radios.remove(radio)
        return self.add(AirRadio(fresh, saved))

    def go_on(self, until):
        dues = [self.air.deadline_ms()] + [radio.deadline_ms() for radio in self.radios]
        due = min([one for one in dues if one is not None] + [until])
        self.now_ms = max(self.now_ms, due)
        self.air.run(self.now_ms)
        for radio in self.radios:
            radio.tick(self.now_ms)
        # The air takes what they send.
        self.air.run(self.now_ms)

    def lose(self, parts):
        self.air.loss = parts


class StickWorld(World):
    """Sticks on pseudo-terminals, in real time; they look for networks on one channel only, and take things shorter."""

    spread_s = 2.2

    def __init__(self, folder, version, monkeypatch):
        super().__init__()
        monkeypatch.setattr(radio_ezsp, "CHANNELS", 1 << CHANNEL)
        monkeypatch.setattr(ezsp_session, "SPREAD_S", 0.4)
        monkeypatch.setattr(ezsp_traffic, "SEEK_S", 0.5)
        # A simulated device waits for the network key as long as a real one, which is for nothing here.
        monkeypatch.setattr(node, "KEY_WAIT_MS", 1000)
        self._sticks = Sticks(folder)
        self._version = version
        self._plugged = {}

    @property
    def now_ms(self):
        return int(time.monotonic() * 1000)

    def radio(self):
        plugged = self._sticks.plug(self._version, 5 + len(self._plugged))
        radio = EzspRadio(plugged.path)
        self._plugged[id(radio)] = plugged
        return self.add(radio)

    def again(self, radio):
        plugged = self._plugged[id(radio)]
        radio.close()
        self.radios.remove(radio)
        plugged.unplug()
        plugged.plug_in()
        radio = EzspRadio(plugged.path)
        self._plugged[id(radio)] = plugged
        return self.add(radio)

    def go_on(self, until):
        select.select(self.radios, [], [], max(until - self.now_ms, 1) / 1000)

    def lose(self, parts):
        self._sticks.do(lambda: setattr(self._sticks.air, "loss", parts))

    def close(self):
        for radio in self.radios:
            radio.close()
            assert not [reason for reason in radio.dropped if "fault" in reason], radio.dropped
        self._sticks.close()


class DongleWorld(World):
    """Real sticks, which may have a network from before."""

    def __init__(self, places):
        super().__init__()
        self._places = places

    @property
    def now_ms(self):
        return int(time.monotonic() * 1000)

    def radio(self):
        number = len(self.radios)
        if number >= len(self._places):
            pytest.skip("it takes %d sticks: --dongle DEVICE for each" % (number + 1))
        radio = EzspRadio(self._places[number])
        radio.resume(0)
        radio.leave(0)
        self.add(radio)
        self.later(2)
        self.told[id(radio)].clear()
        return radio

    def again(self, radio):
        number = self.radios.index(radio)
        radio.close()
        self.radios[number] = fresh = EzspRadio(self._places[number])
        self.told[id(fresh)] = []
        fresh.serve(ENDPOINT, PROFILE, 0x0500, [0x0000, 0x0700, CLUSTER], [CLUSTER])
        return fresh

    def go_on(self, until):
        select.select(self.radios, [], [], max(until - self.now_ms, 1) / 1000)

    def lose(self, parts):
        pytest.skip("what real air loses cannot be chosen: it runs without --dongle")

    def close(self):
        for radio in self.radios:
            radio.leave(0)
            radio.close()


class RadioConformance:
    """A backend's subclass makes `world`."""

    @pytest.fixture
    def pair(self, world):
        """A hub with its network, and a device that joined."""
        hub = self.hub(world)
        return hub, self.joined(world, hub)

    def hub(self, world):
        hub = world.radio()
        hub.form(CHANNEL, PAN, EXTENDED_PAN, NETWORK_KEY, world.now_ms)
        up = world.wait(hub, Up)
        assert (up.trust_centre, up.rejoined) == (hub.eui64, False)
        return hub

    def joined(self, world, hub, key=CODE_KEY):
        device = world.radio()
        hub.set_link_key(device.eui64, key)
        hub.permit(60, world.now_ms)
        world.later(0.1)
        device.join(key, world.now_ms)
        up = world.wait(device, Up, 30)
        assert (up.trust_centre, up.rejoined) == (hub.eui64, False)
        came = world.wait(hub, DeviceJoined)
        assert (came.eui64, came.let_in, came.rejoined) == (device.eui64, True, False)
        # It has announced itself.
        world.later(0.2)
        return device

    def carries(self, world, one, other, payload, secured, seconds=20):
        """Sends a payload, and checks what arrives."""
        handle = one.send(other.eui64, ENDPOINT, ENDPOINT, PROFILE, CLUSTER, payload, secured, world.now_ms)
        got = world.wait(other, Received, seconds)
        assert (got.peer, got.peer_endpoint, got.endpoint) == (one.eui64, ENDPOINT, ENDPOINT)
        assert (got.profile, got.cluster, got.payload) == (PROFILE, CLUSTER, payload)
        assert (got.secured, got.broadcast) == (secured, False)
        sent = world.wait(one, Sent, seconds)
        assert (sent.handle, sent.delivered) == (handle, True)

    def talk(self, world, pair, payload=b"reading", secured=True):
        self.carries(world, pair[0], pair[1], payload, secured)
        self.carries(world, pair[1], pair[0], payload, secured)

    def test_a_device_joins_with_its_key_and_both_are_in_one_place(self, world, pair):
        for radio in pair:
            place = radio.place()
            assert (place.channel, place.pan, place.extended_pan) == (CHANNEL, PAN, EXTENDED_PAN)
        self.talk(world, pair, secured=False)
        self.talk(world, pair, secured=True)
        assert not world.seen(pair[0], Received) and not world.seen(pair[1], Received)

    def test_a_device_with_another_key_stays_out(self, world):
        hub, device = self.hub(world), world.radio()
        hub.set_link_key(device.eui64, CODE_KEY)
        hub.permit(60, world.now_ms)
        world.later(0.1)
        device.join(b"another code key", world.now_ms)
        failed = world.wait(device, JoinFailed, 40)
        assert "no network key" in failed.reason
        assert device.place() is None

    def test_a_device_that_the_hub_does_not_know_stays_out(self, world):
        hub, device = self.hub(world), world.radio()
        hub.permit(60, world.now_ms)
        world.later(0.1)
        device.join(CODE_KEY, world.now_ms)
        world.wait(device, JoinFailed, 40)
        came = world.wait(hub, DeviceJoined)
        assert (came.eui64, came.let_in) == (device.eui64, False)

    def test_a_closed_network_lets_nobody_in(self, world):
        hub, device = self.hub(world), world.radio()
        hub.set_link_key(device.eui64, CODE_KEY)
        hub.permit(60, world.now_ms)
        hub.permit(0, world.now_ms)
        world.later(0.1)
        device.join(CODE_KEY, world.now_ms)
        assert world.wait(device, JoinFailed, 40).reason == "no network lets devices join"
        assert not world.seen(hub, DeviceJoined)

    def test_a_device_looks_for_a_network_where_none_is(self, world):
        device = world.radio()
        device.join(CODE_KEY, world.now_ms)
        assert world.wait(device, JoinFailed, 40).reason == "no network is in reach"
        device.resume(world.now_ms)
        assert world.wait(device, JoinFailed).reason == "the radio remembers no network"

    @pytest.mark.parametrize("secured", [True, False])
    def test_a_payload_of_a_tunnel_arrives_whole_and_once(self, world, pair, secured):
        payload = bytes([number * 7 & 0xFF for number in range(TUNNEL_LIMIT)])
        self.talk(world, pair, payload, secured)
        world.later(0.3)
        assert not world.seen(pair[0], Received) and not world.seen(pair[1], Received)

    def test_payloads_around_the_size_of_a_frame_arrive(self, world, pair):
        for size in (1, 71, 72, 73, 74, 82, 83, 143, 165):
            for secured in (True, False):
                self.carries(world, pair[0], pair[1], bytes([size]) * size, secured)

    def test_both_send_at_once(self, world, pair):
        hub, device = pair
        for number in range(4):
            for one, other in ((hub, device), (device, hub)):
                payload = bytes([number]) * (1 if number % 2 else 300)
                one.send(other.eui64, ENDPOINT, ENDPOINT, PROFILE, CLUSTER, payload, True, world.now_ms)
        for radio in pair:
            got = world.wait_for_all(radio, Received, 4, 30)
            assert sorted([(one.payload[0], len(one.payload)) for one in got]) == [(0, 300), (1, 1), (2, 300), (3, 1)]
            assert all([one.delivered for one in world.wait_for_all(radio, Sent, 4, 30)])

    def test_what_the_air_loses_is_sent_again_and_arrives_once(self, world, pair):
        world.lose(50)
        for number in range(6):
            self.carries(world, pair[number % 2], pair[1 - number % 2], bytes([number]) * (20 + 60 * number), True, 60)
        world.lose(0)
        world.later(0.3)
        assert not world.seen(pair[0], Received) and not world.seen(pair[1], Received)

    def test_what_is_sent_to_nobody_is_lost(self, world, pair):
        nobody = bytes.fromhex("02000000000000ee")
        handle = pair[1].send(nobody, ENDPOINT, ENDPOINT, PROFILE, CLUSTER, b"hello", False, world.now_ms)
        sent = world.wait(pair[1], Sent)
        assert (sent.handle, sent.delivered) == (handle, False)

    def test_an_agreed_key_takes_the_place_of_the_one_that_it_joined_with(self, world, pair):
        hub, device = pair
        hub.set_link_key(device.eui64, b"the agreed key..")
        world.later(0.2)
        if isinstance(world, AirWorld):
            # Only one of them has it yet: what is sent under it is not understood, which takes its time.
            hub.send(device.eui64, ENDPOINT, ENDPOINT, PROFILE, CLUSTER, b"early", True, world.now_ms)
            assert not world.wait(hub, Sent, 30).delivered
            assert not world.seen(device, Received)
        device.set_link_key(hub.eui64, b"the agreed key..")
        self.talk(world, pair)
        device.rejoin(world.now_ms)
        assert world.wait(device, Up, 40).rejoined
        self.talk(world, pair)

    def test_a_device_leaves_and_may_come_again(self, world, pair):
        hub, device = pair
        device.leave(world.now_ms)
        assert not world.wait(device, Down).asked
        assert device.place() is None
        assert world.wait(hub, DeviceLeft).eui64 == device.eui64
        hub.set_link_key(device.eui64, CODE_KEY)
        hub.permit(60, world.now_ms)
        world.later(0.1)
        device.join(CODE_KEY, world.now_ms)
        assert not world.wait(device, Up, 30).rejoined
        world.later(0.2)
        self.talk(world, pair)

    def test_a_device_rejoins_without_being_let_in_again(self, world, pair):
        hub, device = pair
        hub.permit(0, world.now_ms)
        device.rejoin(world.now_ms)
        up = world.wait(device, Up, 40)
        assert up.rejoined and up.trust_centre == hub.eui64
        came = world.wait(hub, DeviceJoined)
        assert (came.eui64, came.rejoined) == (device.eui64, True)
        self.talk(world, pair)

    def test_both_go_on_after_their_power_was_cut(self, world, pair):
        hub, device = pair
        self.talk(world, pair)
        device = world.again(device)
        device.resume(world.now_ms)
        up = world.wait(device, Up)
        assert up.rejoined and up.trust_centre == hub.eui64
        self.talk(world, (hub, device))
        hub = world.again(hub)
        hub.resume(world.now_ms)
        assert world.wait(hub, Up).rejoined
        assert hub.place().pan == device.place().pan == PAN
        self.talk(world, (hub, device))

    def test_there_is_room_for_so_many_link_keys_and_then_it_says_so(self, world):
        hub = self.hub(world)
        peers = []
        with pytest.raises(HalError) as caught:
            for number in range(300):
                peers.append(bytes([2, 0, 0, 0, 0, 1, number >> 8, number & 0xFF]))
                hub.set_link_key(peers[-1], CODE_KEY)
        assert caught.value.kind == RADIO_FULL and len(peers) > 4
        # One that is known gets another key; one that goes makes room.
        hub.set_link_key(peers[0], b"another key.....")
        hub.drop_link_key(peers[1])
        hub.drop_link_key(peers[1])
        hub.set_link_key(peers[-1], CODE_KEY)
        with pytest.raises(HalError):
            hub.set_link_key(peers[1], CODE_KEY)

    def test_a_device_whose_key_was_dropped_stays_out(self, world):
        hub, device = self.hub(world), world.radio()
        hub.set_link_key(device.eui64, CODE_KEY)
        hub.permit(60, world.now_ms)
        hub.drop_link_key(device.eui64)
        world.later(0.2)
        device.join(CODE_KEY, world.now_ms)
        world.wait(device, JoinFailed, 40)

    def test_two_devices_are_given_a_key_of_their_own(self, world, pair):
        hub, device = pair
        other = self.joined(world, hub)
        device.request_link_key(other.eui64, world.now_ms)
        assert world.wait(device, KeyShared).peer == other.eui64
        assert world.wait(other, KeyShared).peer == device.eui64
        self.talk(world, (device, other))

    def test_a_device_is_sent_away(self, world, pair):
        hub, device = pair
        hub.send_away(device.eui64, world.now_ms)
        assert world.wait(device, Down).asked
        assert device.place() is None
        hub.drop_link_key(device.eui64)
        world.later(0.1)
        device.rejoin(world.now_ms)
        world.wait(device, JoinFailed, 60)

    def test_the_network_gets_another_key_while_it_works(self, world, pair):
        hub, device = pair
        hub.change_network_key(NEXT_KEY, world.now_ms)
        self.talk(world, pair, secured=False)
        world.later(world.spread_s)
        self.talk(world, pair, secured=False)
        self.talk(world, pair, secured=True)
        # A device that joins now is given the new one.
        self.talk(world, (hub, self.joined(world, hub)), secured=False)


class TestAirRadio(RadioConformance):
    @pytest.fixture
    def world(self):
        return AirWorld()


class _Sticks(RadioConformance):
    version = 0

    @pytest.fixture
    def world(self, tmp_path, monkeypatch):
        world = StickWorld(tmp_path, self.version, monkeypatch)
        yield world
        world.close()


@pytest.mark.slow
class TestEzspRadio13(_Sticks):
    version = 13


@pytest.mark.slow
class TestEzspRadio18(_Sticks):
    version = 18


class TestDongles(RadioConformance):
    @pytest.fixture
    def world(self, dongles):
        world = DongleWorld(dongles)
        yield world
        world.close()
