"""A real stick's radio over simulated sticks: what is particular about it. What every radio does: conformance."""

import errno
import os
import re
import select
import sys

import pytest
from plugged import NETWORK_KEY, VERSIONS, carry, form, joined, wait_for

from slotmeter.hal.errors import RADIO_FULL, UNAVAILABLE, HalError
from slotmeter.hal.host import radio_ezsp
from slotmeter.hal.host import sticks as sticks_table
from slotmeter.hal.host.radio_ezsp import EzspRadio
from slotmeter.hal.radio import Down, Failed, JoinFailed, Recovered, Sent, Up

PEER = bytes.fromhex("02000000000000aa")


@pytest.mark.parametrize("version", VERSIONS)
def test_a_stick_forms_a_network_the_smart_energy_way(sticks, opened, version):
    plugged = sticks.plug(version)
    radio = opened(plugged.path)
    radio.serve(1, 0x0109, 0x0500, [0x0000, 0x0700], [0x0800])
    up = form(radio)
    assert up.trust_centre == radio.eui64 and not up.rejoined
    place = radio.place()
    assert (place.channel, place.pan, place.extended_pan) == (15, 0x1234, b"slotmetr")
    server = plugged.stick.server
    # Not the bits of a key for everybody; the network key is ours; link keys for others are given, its own is not.
    assert server.flash.network.bitmask & 0x0084 == 0 and server.flash.network.key == NETWORK_KEY
    assert radio.network_key() == NETWORK_KEY
    assert (server.policies[0x00], server.policies[0x05], server.policies[0x06]) == (0x02, 0x50, 0x61)
    endpoint = server.node.zdo.endpoint(1)
    assert (endpoint.profile, endpoint.device, endpoint.inputs, endpoint.outputs) == (
        0x0109,
        0x0500,
        (0x0000, 0x0700),
        (0x0800,),
    )
    radio.leave(0)
    assert not wait_for(radio, Down).asked and radio.place() is None
    assert radio.network_key() == b""
    assert radio.dropped == {}


@pytest.mark.parametrize("version", [16] + [pytest.param(one, marks=pytest.mark.slow) for one in (13, 14, 17, 18, 19)])
def test_two_sticks_carry_messages_of_all_sizes_between_them(sticks, opened, version, monkeypatch):
    hub, device, plugged = joined(sticks, opened, version, monkeypatch)
    for size in (1, 73, 200):
        carry(hub, device, bytes([size]) * size)
        carry(device, hub, bytes([size]) * size)
    for radio, one in zip((hub, device), plugged, strict=True):
        assert radio.dropped == {} and one.stick.server.dropped == {}


def test_the_descriptor_is_readable_while_there_are_events(sticks, opened):
    radio = opened(sticks.plug().path)
    assert not select.select([radio], [], [], 0)[0]
    radio.form(15, 0x1234, b"slotmetr", NETWORK_KEY, 0)
    assert select.select([radio], [], [], 5)[0]
    assert isinstance(radio.next_event(), Up) and radio.next_event() is None
    assert not select.select([radio], [], [], 0)[0]


def test_a_key_for_each_device_goes_into_the_stick_before_it_may_join(sticks, opened):
    plugged = sticks.plug(14)
    radio = opened(plugged.path)
    form(radio)
    radio.set_link_key(PEER, b"k" * 16)
    radio.permit(60, 0)
    radio.leave(0)
    keys = []
    plugged.do(lambda: keys.extend(one.key for one in plugged.stick.server.transients))
    wait_for(radio, Down)
    plugged.do(lambda: keys.extend(one.key for one in plugged.stick.server.transients))
    assert b"k" * 16 in keys


def test_the_key_table_ends_where_the_stick_says(sticks, opened):
    radio = opened(sticks.plug().path)
    form(radio)
    for number in range(12):
        radio.set_link_key(bytes([2, 0, 0, 0, 0, 0, 0, number]), b"k" * 16)
    with pytest.raises(HalError, match="12 link keys") as caught:
        radio.set_link_key(PEER, b"k" * 16)
    assert caught.value.kind == RADIO_FULL
    radio.set_link_key(bytes([2, 0, 0, 0, 0, 0, 0, 3]), b"other key of 16.")
    radio.drop_link_key(bytes([2, 0, 0, 0, 0, 0, 0, 3]))
    radio.set_link_key(PEER, b"k" * 16)
    radio.leave(0)
    wait_for(radio, Down)
    assert radio.dropped == {}


def test_the_address_is_rewritten_where_the_firmware_can(sticks, opened):
    plugged = sticks.plug()
    wanted = bytes.fromhex("90b3d51f30010001")
    radio = opened(plugged.path, wanted)
    assert radio.eui64 == wanted and form(radio).trust_centre == wanted


def test_what_was_remembered_is_resumed_and_counts_as_rejoined(sticks, opened):
    plugged = sticks.plug(18)
    radio = opened(plugged.path)
    form(radio)
    radio.set_link_key(PEER, b"k" * 16)
    radio.close()
    radio = opened(plugged.path)
    assert radio.place() is None
    radio.resume(0)
    up = wait_for(radio, Up)
    assert up.rejoined and up.trust_centre == radio.eui64 and radio.place().pan == 0x1234
    for number in range(11):
        radio.set_link_key(bytes([2, 0, 0, 0, 0, 0, 0, number]), b"k" * 16)
    with pytest.raises(HalError):
        radio.set_link_key(bytes(7) + b"\x01", b"k" * 16)


def test_a_stick_that_remembers_no_network_says_so(sticks, opened, monkeypatch):
    monkeypatch.setattr(radio_ezsp, "CHANNELS", 1 << 15)
    radio = opened(sticks.plug().path)
    radio.resume(0)
    assert wait_for(radio, JoinFailed).reason == "the radio remembers no network"
    radio.rejoin(0)
    wait_for(radio, JoinFailed)
    radio.join(b"k" * 16, 0)
    assert wait_for(radio, JoinFailed, 10).reason == "no network is in reach"


def test_a_stick_that_is_unplugged_is_missed_and_found_again(sticks, opened):
    plugged = sticks.plug()
    radio = opened(plugged.path)
    form(radio)
    seen = []
    handle = radio.send(PEER, 1, 1, 0x0109, 0x0700, b"x", False, 0)
    plugged.unplug()
    failed = wait_for(radio, Failed, 5, seen)
    sent = [event for event in seen if isinstance(event, Sent)] or [wait_for(radio, Sent)]
    assert (sent[0].handle, sent[0].delivered) == (handle, False)
    assert "unplugged" in failed.why
    handle = radio.send(PEER, 1, 1, 0x0109, 0x0700, b"x", False, 0)
    assert not wait_for(radio, Sent).delivered
    plugged.plug_in()
    assert wait_for(radio, Recovered, 10).in_network
    assert radio.place().pan == 0x1234


def test_a_stick_that_resets_by_itself_goes_on_in_its_network(sticks, opened):
    plugged = sticks.plug(17)
    radio = opened(plugged.path)
    form(radio)
    plugged.do(lambda: plugged.stick.power_on(0, 0x03))
    assert "reset by itself" in wait_for(radio, Failed).why
    assert wait_for(radio, Recovered).in_network
    assert radio.place().pan == 0x1234 and radio.next_event() is None


@pytest.mark.parametrize(
    ("make", "words"),
    (
        (lambda path: None, "there is no device .*ttyUSB7.*radio list"),
        (lambda path: path.write_text("no port"), "cannot be opened as a serial device"),
        (lambda path: path.mkdir(), "is a folder"),
    ),
)
def test_what_is_no_stick_is_refused_in_words(tmp_path, make, words):
    path = tmp_path / "ttyUSB7"
    make(path)
    with pytest.raises(HalError, match=words) as caught:
        EzspRadio(str(path))
    assert caught.value.kind == UNAVAILABLE


def test_a_port_that_another_has_open_is_said_to_be_busy(sticks, opened):
    plugged = sticks.plug()
    opened(plugged.path)
    with pytest.raises(HalError, match="in use by another program"):
        EzspRadio(plugged.path)


def test_a_port_where_nobody_answers_is_said_to_be_no_stick(monkeypatch):
    monkeypatch.setattr(radio_ezsp, "OPEN_S", 0.3)
    master, slave = os.openpty()
    try:
        with pytest.raises(HalError, match="does not answer as a Silicon Labs co-processor"):
            EzspRadio(os.ttyname(slave))
    finally:
        os.close(master)
        os.close(slave)


def test_without_bellows_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "bellows.ezsp", None)
    with pytest.raises(HalError, match=r"slotmeter\[zigbee\]"):
        EzspRadio("/dev/null")


def test_the_interpreter_is_as_it_was_when_the_last_radio_is_closed(sticks, opened):
    before = sys.getswitchinterval()
    one, other = opened(sticks.plug().path), opened(sticks.plug(seed=6).path)
    assert sys.getswitchinterval() < before
    one.close()
    assert sys.getswitchinterval() < before
    other.close()
    assert sys.getswitchinterval() == before


def test_a_stick_on_a_tcp_port_is_one_too(sticks, opened):
    plugged = sticks.plug(18, tcp=True)
    assert plugged.path.startswith("socket://")
    form(opened(plugged.path))


@pytest.mark.parametrize(
    ("error", "words"),
    (
        (PermissionError(errno.EACCES, "Permission denied"), "this user may not open /dev/ttyUSB0; .*group"),
        (PermissionError("The serial port is locked by another application"), "in use by another program"),
        (FileNotFoundError(errno.ENOENT, "No such file"), "there is no device /dev/ttyUSB0.*slotmeter radio list"),
        (TimeoutError(), r"does not answer as a Silicon Labs co-processor \(EZSP\) at 115200 baud"),
        (RuntimeError("anything"), "does not answer"),
    ),
)
def test_why_a_stick_cannot_be_opened_is_said_in_words(error, words):
    assert re.search(words, radio_ezsp._why_not_open("/dev/ttyUSB0", error, (115200,)))


def test_a_stick_that_is_known_to_be_none_is_called_by_its_name(monkeypatch):
    known = sticks_table.Known("Sonoff ZBDongle-P (TI chip)", False, 115200, "software", "not EZSP")
    monkeypatch.setattr(sticks_table, "known_at", lambda place: known)
    words = radio_ezsp._why_not_open("/dev/ttyUSB0", TimeoutError(), (115200,))
    assert words == "/dev/ttyUSB0 is a Sonoff ZBDongle-P (TI chip), which does not speak EZSP"


def test_a_stick_whose_firmware_is_too_old_is_said_to_need_a_newer_one(sticks, monkeypatch):
    monkeypatch.setattr(radio_ezsp, "OLDEST_VERSION", 14)
    with pytest.raises(HalError, match="speaks EZSP version 13; it takes 14 or later"):
        EzspRadio(sticks.plug(13).path)
