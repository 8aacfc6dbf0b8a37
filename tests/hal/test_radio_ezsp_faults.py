"""A real stick's radio when things go wrong: bad wires, resets at any step, what firmware cannot, longer routes.

The sticks are simulated; the wire is a real pseudo-terminal with devices that lose and damage frames on it.
"""

import time

import pytest
from plugged import NETWORK_KEY, carry, form, joined, let_in, wait_for

from slotmeter.boards.pc.ncp_line import now_ms
from slotmeter.hal.errors import HalError
from slotmeter.hal.host import ezsp_session, radio_ezsp
from slotmeter.hal.host.ezsp_traffic import Outgoing
from slotmeter.hal.radio import Failed, JoinFailed, Received, Recovered, Sent, Up
from slotmeter.hal.virtual import faults
from slotmeter.zigbee_han.ncp import ash, commands

PEER = bytes.fromhex("02000000000000bb")
FLAG = 0x7E


def reset_after(plugged, number):
    """Has the stick reset itself after so many commands, once; the function says whether it did."""
    left = [number]

    def work():
        server = plugged.stick.server
        receive = server.receive

        def count(data, now):
            receive(data, now)
            left[0] -= 1
            if left[0] == 0:
                plugged.stick.power_on(now, 0x03)

        server.receive = count

    plugged.do(work)
    return lambda: left[0] <= 0


@pytest.mark.slow
@pytest.mark.parametrize("version", (13, 18))
def test_a_stick_that_resets_at_any_step_of_forming_forms_in_the_end(sticks, opened, version):
    number, happened = 0, True
    while happened:
        number += 1
        plugged = sticks.plug(version, number)
        reset = reset_after(plugged, number)
        radio = opened(plugged.path)
        radio.serve(1, 0x0109, 0x0500, [0x0704], [0x0704])
        radio.set_link_key(PEER, b"k" * 16)
        seen = []
        radio.form(15, 0x1234, b"slotmetr", NETWORK_KEY, 0)
        up = wait_for(radio, Up, 20, seen)
        assert up.trust_centre == radio.eui64 and not [one for one in seen if isinstance(one, JoinFailed)]
        radio.close()
        server = plugged.stick.server
        assert server.flash.network.key == NETWORK_KEY and [one.number for one in server.node.zdo.endpoints] == [1]
        assert [one.partner for one in server.node.aps.links] == [PEER]
        happened = reset()
    assert number > 20


@pytest.mark.slow
def test_a_stick_that_resets_at_any_step_of_joining_joins_in_the_end(sticks, opened, monkeypatch):
    version = 18
    hub, first, _ = joined(sticks, opened, version, monkeypatch)
    first.close()
    hub.permit(250, 0)
    number, happened = 0, True
    while happened:
        number += 1
        plugged = sticks.plug(version, 10 + number)
        device = opened(plugged.path)
        device.serve(1, 0x0109, 0x0501, [0x0704], [0x0704])
        hub.set_link_key(device.eui64, b"k" * 16)
        time.sleep(0.05)
        reset = reset_after(plugged, number)
        device.join(b"k" * 16, 0)
        up = wait_for(device, Up, 20)
        assert up.trust_centre == hub.eui64
        # The reset may have come after the last step, and lost this message.
        for _ in range(2):
            device.send(hub.eui64, 1, 1, 0x0109, 0x0704, b"here I am", True, 0)
            if wait_for(device, Sent, 20).delivered:
                break
            wait_for(device, Recovered, 20)
        assert wait_for(hub, Received, 20).payload == b"here I am"
        hub.drop_link_key(device.eui64)
        device.close()
        happened = reset()
    assert number > 5


def bad_wire(seed):
    """Loses and damages three of a hundred frames each."""
    return faults.Chain(
        [faults.Frames(faults.Lossy(seed, 30), FLAG), faults.Frames(faults.Corrupting(seed + 1, 30), FLAG)]
    )


@pytest.mark.slow
def test_over_a_bad_wire_a_network_comes_up_and_nothing_is_lost_or_doubled(sticks, opened, monkeypatch):
    begun = time.monotonic()
    wires = {"towards_stick": bad_wire(11), "towards_host": bad_wire(22)}
    hub, device, plugged = joined(sticks, opened, 18, monkeypatch, **wires)
    assert time.monotonic() - begun < 30
    for number in range(20):
        carry(hub, device, bytes([number]) * 40)
        carry(device, hub, bytes([number]) * 100)
    time.sleep(0.2)
    assert not isinstance(hub.next_event(), Received) and not isinstance(device.next_event(), Received)
    assert plugged[0].stick.link.repeated or plugged[0].stick.link.dropped


def test_a_stick_that_gave_up_is_reset_and_goes_on(sticks, opened):
    plugged = sticks.plug(13)
    radio = opened(plugged.path)
    form(radio)
    plugged.do(lambda: plugged.stick.link._fail(ash.TOO_MANY_TIMEOUTS))
    assert wait_for(radio, Failed).why == "the stick gave up, because it was not acknowledged"
    assert wait_for(radio, Recovered).in_network


def test_a_stick_that_does_not_answer_is_given_up_and_looked_for(sticks, opened, monkeypatch):
    monkeypatch.setattr(ezsp_session, "IDLE_S", 0.2)
    monkeypatch.setattr(radio_ezsp, "COMMAND_S", 0.3)
    plugged = sticks.plug(13)
    radio = opened(plugged.path)
    form(radio)
    receive = plugged.stick.server.receive
    plugged.stick.server.receive = lambda data, now: None
    assert wait_for(radio, Failed).why == "the stick does not answer"
    plugged.stick.server.receive = receive
    assert wait_for(radio, Recovered, 30).in_network


@pytest.mark.slow
def test_another_stick_at_the_same_place_is_not_taken_for_the_first(sticks, opened):
    plugged, other = sticks.plug(13, 5), sticks.plug(13, 6)
    radio = opened(plugged.path)
    form(radio)
    plugged.unplug()
    wait_for(radio, Failed)
    stick, plugged.stick = plugged.stick, other.stick
    other.unplug()
    plugged.plug_in()
    time.sleep(1.2)
    assert radio.next_event() is None
    other.stick, plugged.stick = plugged.stick, stick
    plugged.unplug()
    plugged.plug_in()
    assert wait_for(radio, Recovered, 10).in_network


def test_what_is_on_its_way_when_the_stick_fails_is_lost_once(sticks, opened, monkeypatch):
    hub, device, plugged = joined(sticks, opened, 18, monkeypatch)
    handles = [hub.send(device.eui64, 1, 1, 0x0109, 0x0704, bytes(size), True, 0) for size in (1500, 1, 1500)]
    time.sleep(0.2)
    plugged[0].do(lambda: plugged[0].stick.power_on(now_ms(), ash.RESET_WATCHDOG))
    seen = []
    wait_for(hub, Recovered, 10, seen)
    sent = [(event.handle, event.delivered) for event in seen if isinstance(event, Sent)]
    assert sorted(sent) == [(handles[0], False), (handles[1], True), (handles[2], False)]
    while isinstance(device.next_event(), Received):
        pass
    carry(hub, device, b"again")


def test_an_endpoint_that_comes_late_is_registered_without_leaving(sticks, opened, monkeypatch):
    hub, device, plugged = joined(sticks, opened, 14, monkeypatch)
    hub.serve(2, 0x0109, 0x0500, [0x0704], [])
    handle = device.send(hub.eui64, 2, 1, 0x0109, 0x0704, b"late", True, 0)
    seen = []
    for _ in range(20):
        sent = wait_for(device, Sent, 10, seen)
        got = hub.next_event()
        if isinstance(got, Received):
            break
        # It was not there yet: the frame was for an endpoint that nobody had.
        time.sleep(0.1)
        handle = device.send(hub.eui64, 2, 1, 0x0109, 0x0704, b"late", True, 0)
    assert sent.handle == handle and (got.endpoint, got.payload) == (2, b"late")
    assert plugged[0].stick.server.network_is_up


@pytest.mark.slow
def test_a_network_is_open_longer_than_a_stick_can_have_it(sticks, opened, monkeypatch):
    monkeypatch.setattr(ezsp_session, "PERMIT_LIMIT_S", 1)
    monkeypatch.setattr(ezsp_session, "PERMIT_AGAIN_S", 0.5)
    plugged = sticks.plug(13)
    radio = opened(plugged.path)
    form(radio)
    radio.permit(2, 0)
    time.sleep(1.5)
    assert plugged.stick.server.permitted() and plugged.stick.server.policies[0] == 0x13
    time.sleep(1.2)
    assert not plugged.stick.server.permitted() and plugged.stick.server.policies[0] == 0x02


def test_a_firmware_that_keeps_the_centres_key_to_itself_gets_it_into_the_table(sticks, opened, monkeypatch):
    hub, device, plugged = joined(sticks, opened, 18, monkeypatch)
    server = plugged[1].stick.server
    server.do_import_key = lambda given: dict(given, status=commands.INVALID_STATE)
    hub.set_link_key(device.eui64, b"the agreed key..")
    device.set_link_key(hub.eui64, b"the agreed key..")
    time.sleep(0.2)
    assert [(one.eui, one.key) for one in server.flash.keys.values()] == [(hub.eui64, b"the agreed key..")]
    assert device.dropped == {}


@pytest.mark.parametrize("version", (13, 18))
def test_an_address_is_written_for_ever_only_when_that_is_asked_for(sticks, opened, version):
    plugged = sticks.plug(version)
    server = plugged.stick.server
    server.do_get_token_data = server.do_set_token_data = lambda given: {"status": commands.NOT_FOUND}
    wanted = bytes.fromhex("90b3d51f30010001")
    own = server.flash.eui()
    with pytest.raises(HalError, match="only once, for ever") as caught:
        opened(plugged.path, wanted)
    assert own.hex("-") in caught.value.detail
    assert opened(plugged.path, wanted, once_only=True).eui64 == wanted
    assert server.flash.custom == wanted


def test_an_address_that_was_written_for_ever_stays(sticks, opened):
    plugged = sticks.plug()
    server = plugged.stick.server
    server.do_get_token_data = lambda given: {"status": commands.NOT_FOUND}
    server.flash.custom = bytes.fromhex("90b3d51f30010002")
    with pytest.raises(HalError, match="for ever already"):
        opened(plugged.path, bytes.fromhex("90b3d51f30010001"), once_only=True)


def test_an_address_is_changed_before_the_network_that_was_joined_with_another(sticks, opened):
    plugged = sticks.plug()
    radio = opened(plugged.path)
    form(radio)
    radio.close()
    radio = opened(plugged.path, bytes.fromhex("90b3d51f30010001"))
    radio.resume(0)
    assert wait_for(radio, JoinFailed).reason == "the radio remembers no network"


def test_what_fits_a_frame_depends_on_its_protection_and_its_route():
    out = Outgoing(1, PEER, (1, 1, 0x0109, 0x0704), b"", False)
    assert out.room() == 82
    out.relays = 2
    assert out.room() == 76
    out.secured = True
    assert out.room() == 67
    out.relays = 0
    assert out.room() == 73


@pytest.mark.slow
def test_a_long_message_goes_over_a_relay_in_smaller_blocks(sticks, opened, monkeypatch):
    hub, relay, plugged = joined(sticks, opened, 16, monkeypatch)
    far = sticks.plug(16, 7)
    device = opened(far.path)
    device.serve(1, 0x0109, 0x0500, [0x0704], [0x0704])
    # The hub and the device do not hear each other.
    sticks.do(lambda: sticks.air.link(plugged[0].place, far.place, 0))
    let_in(hub, device)
    for size in (60, 70, 80, 1500):
        carry(device, hub, bytes([size & 0xFF]) * size)
        carry(hub, device, bytes([size & 0xFF]) * size)
    assert hub.dropped == device.dropped == {}


@pytest.mark.slow
def test_frames_of_the_stick_that_are_cut_or_changed_never_end_the_radio(sticks, opened, monkeypatch):
    """Every truncation and every bit of two kinds of callbacks, as they come through the line."""
    # One of them may be taken for the answer to a command, which then has none.
    monkeypatch.setattr(radio_ezsp, "COMMAND_S", 0.5)
    plugged = sticks.plug(18)
    radio = opened(plugged.path)
    form(radio)
    message = bytes.fromhex("00900145000009010407010140010000013412aa00000000000002ffffffc80000000003616263")
    status = bytes.fromhex("009001190018000000")
    junk = [whole[:size] for whole in (message, status) for size in range(3, len(whole))]
    for whole in (message, status):
        for bit in range(8 * len(whole)):
            changed = bytearray(whole)
            changed[bit >> 3] ^= 1 << (bit & 7)
            junk.append(bytes(changed))
    for piece in junk:
        for _ in range(100):
            if plugged.do(lambda piece=piece: plugged.stick.link.send(piece, now_ms())):
                break
            time.sleep(0.005)
    radio.send(PEER, 1, 1, 0x0109, 0x0704, b"x", False, 0)
    wait_for(radio, Sent, 15)
    assert radio.dropped["incoming message of the wrong length"] > 20
