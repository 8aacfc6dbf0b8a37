"""Wireshark's dissectors read what our devices say to each other, given nothing but the install code's link key."""

import io
import json
import shutil
import subprocess

import pytest
from air_world import CHANNEL, HUB, LINK_KEY, METER, PROFILE, World

from slotmeter.boards.pc.capture import Capture
from slotmeter.zigbee_han.frames import nwk as nwk_frames
from slotmeter.zigbee_han.frames import zdo as zdo_frames
from slotmeter.zigbee_han.sim import node

TSHARK = shutil.which("tshark")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(TSHARK is None, reason="tshark is not installed (Debian: apt-get install tshark)"),
]


def dissect(octets, tmp_path, keys=(LINK_KEY,)):
    """Every frame of a capture as tshark has it: {layer: fields}, with the octets of each layer left out."""
    path = tmp_path / "air.pcap"
    path.write_bytes(octets)
    command = [TSHARK, "-r", str(path), "-T", "json", "--no-duplicate-keys", "-o", "wpan.fcs_format:ITU-T CRC-16"]
    for number, key in enumerate(keys):
        shown = ":".join(["%02x" % octet for octet in key])
        command += ["-o", 'uat:zigbee_pc_keys:"%s","Normal","key %d"' % (shown, number)]
    done = subprocess.run(command, capture_output=True, check=True, timeout=120)
    return [one["_source"]["layers"] for one in json.loads(done.stdout)]


def summaries(octets, tmp_path, keys=(LINK_KEY,)):
    """The line of each frame in tshark's packet list."""
    path = tmp_path / "air.pcap"
    path.write_bytes(octets)
    command = [TSHARK, "-r", str(path), "-T", "fields", "-e", "_ws.col.Info"]
    for number, key in enumerate(keys):
        shown = ":".join(["%02x" % octet for octet in key])
        command += ["-o", 'uat:zigbee_pc_keys:"%s","Normal","key %d"' % (shown, number)]
    done = subprocess.run(command, capture_output=True, check=True, timeout=120)
    return done.stdout.decode().splitlines()


def found(tree, name):
    """Every value of the field `name`, however deep."""
    values = []
    if isinstance(tree, dict):
        for key, value in tree.items():
            if key == name:
                values += value if isinstance(value, list) else [value]
            values += found(value, name)
    elif isinstance(tree, list):
        for one in tree:
            values += found(one, name)
    return values


def recorded():
    """A world whose air is captured from the start."""
    world = World()
    file = io.BytesIO()
    capture = Capture(file)
    world.air.tap = lambda octets, time_us, channel: capture.add(octets, time_us)
    return world, file


def no_frame_is_wrong(frames):
    for number, layers in enumerate(frames):
        assert "_ws.malformed" not in layers, (number, layers)
        assert not [name for name in found(layers, "_ws.expert.severity") if int(name) >= 6291456], (number, layers)
        assert found(layers, "wpan.fcs_ok") == ["1"], (number, layers)


@pytest.fixture(scope="module")
def joined(tmp_path_factory):
    """(frames, summaries, addresses) of a join, data with both kinds of security, fragments, rejoin and leave."""
    world, file = recorded()
    meter = world.add(METER)
    assert world.join(meter) == ""
    now_ms = world.air.now_ms
    # A read of the current summation delivered: a ZCL frame that tshark names.
    world.hub.send(meter.short, 1, 1, PROFILE, 0x0702, bytes.fromhex("0001000000"), now_ms, sealed=True)
    world.run(100)
    meter.send(0, 1, 1, PROFILE, 0x0702, bytes.fromhex("180101000000251122334455 66"), world.air.now_ms, sealed=True)
    world.run(100)
    # A tunnel's TransferData, too long for one frame.
    world.hub.send(
        meter.short, 1, 1, PROFILE, 0x0704, bytes.fromhex("0102020000") + bytes(300), world.air.now_ms, sealed=True
    )
    world.run(1000)
    for cluster, values in (
        (zdo_frames.NODE_DESCRIPTOR, {"short": meter.short}),
        (zdo_frames.POWER_DESCRIPTOR, {"short": meter.short}),
        (zdo_frames.ACTIVE_ENDPOINTS, {"short": meter.short}),
        (zdo_frames.SIMPLE_DESCRIPTOR, {"short": meter.short, "endpoint": 1}),
        (
            zdo_frames.MATCH_DESCRIPTORS,
            {"short": meter.short, "profile": PROFILE, "inputs": (0x0702,), "outputs": ()},
        ),
        (zdo_frames.NETWORK_ADDRESS, {"eui": METER, "kind": 0, "start": 0}),
        (zdo_frames.IEEE_ADDRESS, {"short": meter.short, "kind": 0, "start": 0}),
        (
            zdo_frames.BIND,
            {"src": METER, "src_endpoint": 1, "cluster": 0x0702, "mode": 3, "dst": HUB, "dst_endpoint": 1},
        ),
        (zdo_frames.MANAGEMENT_LQI, {"start": 0}),
        (zdo_frames.MANAGEMENT_ROUTING, {"start": 0}),
        (zdo_frames.MANAGEMENT_PERMIT, {"seconds": 1, "significance": 1}),
    ):
        world.hub.request(meter.short, cluster, world.air.now_ms, **values)
        world.run(100)
    meter.rejoin((CHANNEL,), world.air.now_ms)
    world.run(1000)
    meter.leave(world.air.now_ms)
    world.run(1000)
    assert meter.state == node.OFF
    folder = tmp_path_factory.mktemp("tshark")
    octets = file.getvalue()
    return dissect(octets, folder), summaries(octets, folder), octets


def test_no_frame_is_malformed_and_every_fcs_is_right(joined):
    frames, _, _ = joined
    assert len(frames) > 90
    no_frame_is_wrong(frames)


def test_the_steps_of_a_join_are_named(joined):
    _, lines, _ = joined
    steps = (
        "Beacon Request",
        "Beacon, Src: 0x0000",
        "Association Request",
        "Data Request",
        "Association Response",
        "Transport Key",
        "Device Announcement",
    )
    place = -1
    for step in steps:
        after = [number for number, line in enumerate(lines) if number > place and step in line]
        assert after, (step, lines)
        place = after[0]


def test_the_network_key_is_opened_with_the_link_key_alone(joined):
    frames, _, octets = joined
    keys = [one for layers in frames for one in found(layers, "zbee_aps.cmd.key")]
    assert [key.replace(":", "") for key in keys] == ["00112233445566778899aabbccddeeff"]
    kinds = [one for layers in frames for one in found(layers, "zbee.sec.key_id")]
    assert {"0x00", "0x01", "0x02"} <= set(kinds) or {"0", "1", "2"} <= set(kinds), set(kinds)
    assert b"\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff" not in octets


def sealed_to(layers):
    """The notes that tshark makes of what it could not open in a frame."""
    return found(layers, "zbee_sec.encrypted_payload")


def test_nothing_stays_encrypted_for_who_has_the_key_and_everything_for_who_has_not(joined, tmp_path):
    frames, _, octets = joined
    with_security = [layers for layers in frames if found(layers, "zbee.sec.counter")]
    assert len(with_security) > 30
    assert [sealed_to(layers) for layers in with_security if sealed_to(layers)] == []
    without = [layers for layers in dissect(octets, tmp_path, ()) if found(layers, "zbee.sec.counter")]
    assert len(without) == len(with_security)
    assert all([sealed_to(layers) for layers in without])


def test_sealed_data_is_named_and_fragments_are_put_together(joined):
    _, lines, _ = joined
    text = "\n".join(lines)
    for name in ("Read Attributes", "Read Attributes Response", "Metering", "Tunneling: Transfer Data"):
        assert name in text, text
    assert "ragment" in text, text


def test_the_device_object_is_named(joined):
    _, lines, _ = joined
    text = "\n".join(lines)
    for name in (
        "Node Descriptor Request",
        "Node Descriptor Response",
        "Power Descriptor Response",
        "Active Endpoint Response",
        "Simple Descriptor Response",
        "Match Descriptor Response",
        "Network Address Response",
        "Extended Address Response",
        "Bind Response",
        "Link Quality Response",
        "Routing Table Response",
        "Permit Join Response",
        "Rejoin Request",
        "Rejoin Response",
        "Leave",
    ):
        assert name in text, (name, text)


def test_a_network_of_several_hops_is_read_with_the_link_key_of_its_first_device(tmp_path):
    world, file = recorded()
    meters = []
    for number in range(3):
        meter = world.add(bytes((0, 0xDB, 0, 0, 0, 0, 0, number + 1)), 70 * (number + 1))
        assert world.join(meter, LINK_KEY, LINK_KEY, through=meters[-1] if meters else None) == ""
        meters.append(meter)
    world.hub.send(meters[2].short, 1, 1, PROFILE, 0x0702, bytes.fromhex("0001000000"), world.air.now_ms, sealed=True)
    world.run(1000)
    for one in world.nodes:
        one.nwk.routes = []
    world.hub.nwk.concentrate(world.air.now_ms)
    world.run(1000)
    meters[2].send(0, 1, 1, PROFILE, 0x0702, bytes.fromhex("0001000000"), world.air.now_ms, sealed=True)
    world.run(1000)
    world.hub.send(meters[2].short, 1, 1, PROFILE, 0x0702, bytes.fromhex("0001000000"), world.air.now_ms, sealed=True)
    world.run(1000)
    world.hub.next_key(bytes(range(16)), world.air.now_ms)
    world.run(1000)
    world.hub.switch_key(world.air.now_ms)
    world.run(3000)
    world.air.move(2, 0, 1000)
    world.hub.send(meters[2].short, 1, 1, PROFILE, 0x0702, bytes.fromhex("0001000000"), world.air.now_ms, sealed=True)
    world.run(10000)
    world.hub.send(nwk_frames.LISTENERS, 1, 1, PROFILE, 0x0702, bytes.fromhex("0001000000"), world.air.now_ms)
    world.run(1000)
    octets = file.getvalue()
    frames = dissect(octets, tmp_path)
    no_frame_is_wrong(frames)
    assert [one for one in frames if sealed_to(one)] == []
    text = "\n".join(summaries(octets, tmp_path))
    for name in (
        "Update Device",
        "Route Request",
        "Route Reply",
        "Many-to-One",
        "Route Record",
        "Switch Key",
        "Read Attributes",
    ):
        assert name in text, (name, text)
    # A transport key in a tunnel shows as what it carries.
    commands = [one for layers in frames for one in found(layers, "zbee_aps.cmd.id")]
    assert {int(one, 0) for one in commands} == {0x05, 0x06, 0x09, 0x0E}
    relays = [one for layers in frames for one in found(layers, "zbee_nwk.relay.count")]
    assert "2" in relays
