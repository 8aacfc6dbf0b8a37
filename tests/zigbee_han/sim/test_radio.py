"""The radio port on the virtual air: what it remembers, keys of two devices, sending away, the network's next key."""

import pytest
from air_world import CHANNEL, CRYPTO, EXTENDED_PAN, NETWORK_KEY, PAN, PROFILE

from slotmeter.hal import radio
from slotmeter.zigbee_han.frames import aps as aps_frames
from slotmeter.zigbee_han.frames import secure
from slotmeter.zigbee_han.sim import node
from slotmeter.zigbee_han.sim.air import Air, Dice
from slotmeter.zigbee_han.sim.han import Han

HUB = bytes.fromhex("00db1234567890b1")
METER = bytes.fromhex("00db1234567890a0")
DISPLAY = bytes.fromhex("00db1234567890d0")
NEXT_KEY = bytes(range(50, 66))


class Home:
    """A hub and what has joined it, by their radios; `told` has what each of them said."""

    def __init__(self):
        self.han = Han(CRYPTO)
        self.told = {}
        self.hub = self.radio(HUB)
        self.hub.form(CHANNEL, PAN, EXTENDED_PAN, NETWORK_KEY, 0)
        self.run(1)

    def radio(self, eui, x=0, saved=b""):
        one = self.han.radio(eui, x, 0, saved)
        self.told[one] = []
        return one

    def join(self, eui, x=0):
        one = self.radio(eui, x)
        self.hub.set_link_key(eui, eui + eui)
        self.hub.permit(60, self.now_ms)
        self.run(200)
        one.join(eui + eui, self.now_ms)
        self.run(4000)
        assert [type(event) for event in self.take(one)] == [radio.Up]
        return one

    @property
    def now_ms(self):
        return self.han.now_ms

    def run(self, ms):
        end = self.now_ms + ms
        while self.now_ms < end:
            self.han.run(min(self.now_ms + 50, end))
            for one in self.told:
                due = one.deadline_ms()
                if due is not None and due <= self.now_ms:
                    one.tick(self.now_ms)
                event = one.next_event()
                while event is not None:
                    self.told[one].append(event)
                    event = one.next_event()

    def take(self, one):
        found = self.told[one]
        self.told[one] = []
        return found

    def says(self, one, other, octets, secured=True):
        """Whether what one device sends is what the other one gets."""
        one.send(other.eui64, 1, 1, PROFILE, 0x0702, octets, secured, self.now_ms)
        self.run(1000)
        return [(got.payload, got.secured) for got in self.take(other) if isinstance(got, radio.Received)] == [
            (octets, secured)
        ]


def test_two_devices_get_a_key_of_their_own_and_talk_under_it():
    home = Home()
    meter, display = home.join(METER), home.join(DISPLAY)
    assert not home.says(display, meter, b"before")
    display.request_link_key(METER, home.now_ms)
    home.run(100)
    assert [event.peer for event in home.take(display) if isinstance(event, radio.KeyShared)] == [METER]
    assert [event.peer for event in home.take(meter) if isinstance(event, radio.KeyShared)] == [DISPLAY]
    assert meter.node.aps.link(DISPLAY).key == display.node.aps.link(METER).key != bytes(16)
    assert home.says(display, meter, b"reading?")
    assert home.says(meter, display, b"reading!")
    assert home.says(meter, home.hub, b"as before")
    # Asked for again it is another one, and what is said under it begins anew.
    old = meter.node.aps.link(DISPLAY).key
    meter.request_link_key(DISPLAY, home.now_ms)
    home.run(100)
    assert meter.node.aps.link(DISPLAY).key == display.node.aps.link(METER).key != old
    assert home.says(display, meter, b"again")


def test_a_trust_centre_gives_keys_only_for_who_has_one_and_if_it_may():
    home = Home()
    meter, display = home.join(METER), home.join(DISPLAY)
    trust_centre = home.hub.node
    for spoil, mend in (
        (lambda: setattr(trust_centre, "shares_keys", False), lambda: setattr(trust_centre, "shares_keys", True)),
        (lambda: home.hub.drop_link_key(METER), lambda: home.hub.set_link_key(METER, METER + METER)),
    ):
        spoil()
        display.request_link_key(METER, home.now_ms)
        home.run(500)
        mend()
    for nobody in (HUB, DISPLAY, bytes(8)):
        display.request_link_key(nobody, home.now_ms)
        home.run(100)
    home.hub.request_link_key(METER, home.now_ms)
    home.run(100)
    assert not [event for one in (meter, display) for event in home.take(one) if isinstance(event, radio.KeyShared)]
    assert trust_centre.dropped["request of a key that the trust centre does not give"] == 1
    assert trust_centre.dropped["request of a key with a device that is not here"] == 4


def test_a_link_key_is_taken_from_the_trust_centre_only():
    home = Home()
    meter, display = home.join(METER), home.join(DISPLAY)
    display.request_link_key(METER, home.now_ms)
    home.run(100)
    key = meter.node.aps.link(DISPLAY).key
    for partner, name in ((bytes(8), DISPLAY), (HUB, HUB)):
        payload = aps_frames.build_command(
            aps_frames.TRANSPORT_KEY, key_type=aps_frames.APPLICATION_KEY, key=bytes(16), partner=partner, initiator=0
        )
        sender = display if name == DISPLAY else home.hub
        octets = sender.node.aps.command(payload, METER, secure.LOAD)
        sender.node.nwk.send(meter.node.short, octets, -1, home.now_ms)
        home.run(100)
    assert meter.node.dropped == {"link key that is not from the trust centre, or not sealed as link keys are": 2}
    assert meter.node.aps.link(DISPLAY).key == key
    assert [link.partner for link in meter.node.aps.links] == [HUB, DISPLAY]


@pytest.mark.parametrize("hops", [1, 2])
def test_a_device_is_sent_away_and_its_parent_says_that_it_went(hops):
    home = Home()
    near = home.join(METER, 70)
    gone = home.join(DISPLAY, 140) if hops == 2 else near
    home.take(home.hub)
    home.hub.send_away(gone.eui64, home.now_ms)
    home.run(1000)
    assert [event.asked for event in home.take(gone) if isinstance(event, radio.Down)] == [True]
    assert gone.place() is None
    assert [event.eui64 for event in home.take(home.hub) if isinstance(event, radio.DeviceLeft)] == [gone.eui64]
    if hops == 2:
        assert near.place() is not None


def test_a_radio_goes_on_where_it_lost_its_power_without_a_frame_on_the_air():
    home = Home()
    meter = home.join(METER)
    place = meter.place()
    assert (place.channel, place.pan, place.extended_pan) == (CHANNEL, PAN, EXTENDED_PAN)
    assert home.says(meter, home.hub, b"before")
    saved = meter.save()
    meter.node.nwk.mac.channel = 0
    again = home.radio(METER, 0, saved)
    sent = home.han.air.sent
    again.resume(home.now_ms)
    home.run(100)
    (up,) = home.take(again)
    assert (up.trust_centre, up.rejoined) == (HUB, True)
    assert home.han.air.sent == sent
    assert home.says(again, home.hub, b"after")
    assert home.says(home.hub, again, b"after all")


def test_a_radio_that_remembers_nothing_says_so():
    home = Home()
    fresh = home.radio(METER)
    assert fresh.place() is None
    fresh.resume(home.now_ms)
    left = home.radio(DISPLAY, 0, fresh.save())
    left.resume(home.now_ms)
    torn = home.radio(bytes(8), 0, home.hub.save()[:-1])
    torn.resume(home.now_ms)
    home.run(10)
    reasons = [[event.reason for event in home.take(one)] for one in (fresh, left, torn)]
    assert reasons[:2] == [["the radio remembers no network"]] * 2
    assert "damaged" in reasons[2][0]


def test_everybody_uses_the_next_network_key_a_while_after_it_was_given():
    home = Home()
    meter, display = home.join(METER, 70), home.join(DISPLAY, 140)
    home.hub.change_network_key(NEXT_KEY, home.now_ms)
    home.run(5000)
    assert [one.node.nwk.active_key for one in (home.hub, meter, display)] == [0, 0, 0]
    assert home.says(display, home.hub, b"meanwhile")
    home.run(10000)
    for one in (home.hub, meter, display):
        assert one.node.nwk.key(one.node.nwk.active_key) == NEXT_KEY
    assert home.says(display, home.hub, b"afterwards")
    assert home.hub.deadline_ms() is None


def test_patience_waits_for_an_air_that_is_late():
    for patience_ms, joins in ((0, False), (100, True)):
        air = Air(delay_ms=60)
        hub = node.Node(HUB, CRYPTO, Dice(1), patience_ms)
        meter = node.Node(METER, CRYPTO, Dice(2), patience_ms)
        for one in (hub, meter):
            air.attach(one)
        hub.form(CHANNEL, PAN, EXTENDED_PAN, NETWORK_KEY, 0)
        hub.permit(60, 0)
        hub.add_link_key(METER, METER + METER)
        meter.scan((CHANNEL,), 0)
        air.run(1000)
        (scanned,) = [event for event in iter(meter.next_event, None) if isinstance(event, node.Scanned)]
        meter.join(scanned.networks[0], METER + METER, air.now_ms)
        air.run(20000)
        assert (meter.state == node.UP) == joins
