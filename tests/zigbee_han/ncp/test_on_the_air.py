"""Co-processors on one air: they form, join, talk, and part, in six versions."""

import pytest
from ezsp_host import EUI, LINK_KEY, NETWORK, NETWORK_KEY, OTHER, OWN_KEYS, SECURITY, Host

from slotmeter.hal.host.crypto import HostCrypto
from slotmeter.zigbee_han.mmo import hmac_mmo
from slotmeter.zigbee_han.ncp import commands, ezsp, network
from slotmeter.zigbee_han.sim.air import Air

THIRD = bytes.fromhex("0200000000000003")
FOURTH = bytes.fromhex("0200000000000004")
ALL = b"\xff" * 8
JOINED, LEFT, SEALED, DENIED = 1, 2, 0, 2


def hub_on(air, version=13, security=OWN_KEYS, policy=0x01, buffers=255):
    hub = Host(version, None, air, EUI)
    hub.endpoint()
    hub.ask("set_configuration_value", config=1, value=buffers)
    hub.ask("set_policy", policy=0, decision=policy)
    hub.ask("set_policy", policy=6, decision=0x61)
    hub.form(security)
    return hub


def meter_on(air, version=13, eui=OTHER, x=0):
    meter = Host(version, None, air, eui, x)
    meter.endpoint(1, 0x0109, 0x0501, (0x0000, 0x0702), (0x000A,))
    return meter


def pair(version=13, buffers=255):
    """A hub and a meter that joined it with a key of its own."""
    air = Air()
    hub, meter = hub_on(air, version, buffers=buffers), meter_on(air, version)
    assert hub.status("import_link_key", index=0, eui=OTHER, key=LINK_KEY) == commands.OK
    hub.ask("permit_joining", seconds=60)
    assert meter.join(LINK_KEY) == commands.NETWORK_UP
    return hub, meter


def unicast(one, other, data, options=0x0140, **values):
    """What became of a message, as (sent status, [what came])."""
    fields = {"profile": 0x0109, "cluster": 0x0702, "source": 1, "target": 1, "tag": 7}
    fields.update(values, destination=other.ask("get_node_id")["id"], options=options, data=data)
    status = one.status("send_unicast", **fields)
    if status != commands.OK:
        return status, []
    one.wait(200)
    sent = one.told("message_sent")
    came = other.told("incoming_message")
    return sent[0]["status"] if sent else None, came


@pytest.mark.parametrize("version", ezsp.VERSIONS)
def test_a_router_joins_with_its_key_talks_and_leaves(version):
    hub, meter = pair(version)
    short = meter.ask("get_node_id")["id"]
    assert 0 < short < 0xFFF8
    assert hub.told("trust_center_join") == [
        {"id": short, "eui": OTHER, "update": JOINED, "decision": SEALED, "parent": 0}
    ]
    # It announced itself, and the host was told.
    (announced,) = hub.told("incoming_message")
    assert (announced["cluster"], announced["sender"], announced["kind"]) == (0x0013, short, 4)
    assert meter.ask("get_network_parameters")["type"] == 2
    assert meter.ask("get_network_parameters")["extended_pan"] == NETWORK["extended_pan"]
    assert meter.ask("export_key", kind=1)["key"] == NETWORK_KEY
    assert meter.ask("get_current_security_state")["trust_centre"] == EUI
    assert hub.ask("lookup_node_id_by_eui64", eui=OTHER)["id"] == short
    assert meter.ask("lookup_eui64_by_node_id", id=0)["eui"] == EUI
    for one, other in ((hub, meter), (meter, hub)):
        for options in (0x0140, 0x0160, 0x0100):
            status, came = unicast(one, other, b"reading", options)
            assert status == commands.OK
            (message,) = came
            assert (message["data"], message["options"]) == (b"reading", options)
            assert (message["sender"], message["cluster"], message["kind"]) == (one.server.node_id(), 0x0702, 0)
            assert (message["lqi"], message["rssi"]) == (255, network.LOUDEST_DBM)
            if version >= 14:
                assert message["eui"] == one.flash.eui()
    assert hub.server.dropped == meter.server.dropped == {}
    meter.ask("leave_network")
    meter.wait(100)
    assert meter.told("stack_status") == [{"status": commands.NETWORK_DOWN}]
    assert [one["update"] for one in hub.told("trust_center_join")] == [LEFT]
    assert meter.status("network_init") == commands.NOT_JOINED


def test_a_join_fails_for_its_reason():
    air = Air()
    hub, meter = hub_on(air, policy=0x11), meter_on(air)
    meter.ask("join_network", type=2, **NETWORK)
    assert meter.status("join_network", type=2, **NETWORK) == commands.SECURITY_STATE_NOT_SET
    # The network is closed; there is another one than was meant; nobody is on the channel.
    assert meter.join(LINK_KEY) == commands.NO_BEACONS
    hub.ask("permit_joining", seconds=255)
    assert meter.join(LINK_KEY, pan=0x1A63) == commands.NO_BEACONS
    assert meter.join(LINK_KEY, channel=21) == commands.NO_BEACONS
    # The trust centre does not know it, then has another key.
    assert meter.join(LINK_KEY) == commands.NO_NETWORK_KEY_RECEIVED
    assert [one["decision"] for one in hub.told("trust_center_join")] == [DENIED]
    hub.ask("import_transient_key", eui=OTHER, key=NETWORK_KEY)
    assert meter.join(LINK_KEY) == commands.NO_NETWORK_KEY_RECEIVED
    assert [one["decision"] for one in hub.told("trust_center_join")] == [SEALED]
    # It sends the key in clear, which is not taken unless the host wants it so.
    hub.ask("set_policy", policy=0, decision=0x05)
    assert meter.join(LINK_KEY) == commands.PRECONFIGURED_KEY_REQUIRED
    meter.ask("set_initial_security_state", bitmask=0x0100, preconfigured=LINK_KEY)
    meter.ask("join_network", type=2, **NETWORK)
    assert meter.joined() == commands.NETWORK_UP
    assert meter.status("join_network", type=2, **NETWORK) == commands.INVALID_STATE
    # Devices that sleep are not there to be.
    other = meter_on(air, 13, THIRD)
    other.ask("set_initial_security_state", bitmask=0x0900, preconfigured=LINK_KEY)
    assert other.status("join_network", type=4, **NETWORK) == commands.INVALID_PARAMETER


def test_nobody_lets_a_device_in_that_goes_out_of_reach_while_it_asks():
    air = Air()
    hub, meter = hub_on(air), meter_on(air)
    hub.ask("permit_joining", seconds=255)
    meter.ask("set_initial_security_state", bitmask=0x0900, preconfigured=LINK_KEY)
    meter.ask("join_network", type=2, **NETWORK)
    meter.wait(130)
    air.link(hub.place, meter.place, 0)
    assert meter.joined() == commands.JOIN_FAILED


@pytest.mark.parametrize(
    ("policy", "keys", "offered", "gets_in"),
    [
        # Zigbee 3.0: whoever has the well-known key, while it is imported for all.
        (0x03, {"transient": ALL}, LINK_KEY, True),
        (0x03, {}, LINK_KEY, False),
        # Install codes only: neither the key of all nor that imported for all.
        (0x13, {"transient": ALL}, LINK_KEY, False),
        (0x11, {"transient": OTHER}, LINK_KEY, True),
        (0x11, {"table": OTHER}, LINK_KEY, True),
        # Rejoins are allowed, joins are not.
        (0x02, {"transient": OTHER}, LINK_KEY, False),
        # The key made for the device, as who was there before has it.
        (0x01, {}, hmac_mmo(HostCrypto(), LINK_KEY, bytes(reversed(OTHER))), True),
    ],
)
def test_who_gets_the_network_key_of_a_network_with_a_key_for_all(policy, keys, offered, gets_in):
    air = Air()
    hub, meter = hub_on(air, security=SECURITY, policy=policy), meter_on(air)
    if "transient" in keys:
        hub.ask("import_transient_key", eui=keys["transient"], key=LINK_KEY)
    if "table" in keys:
        hub.ask("import_link_key", index=0, eui=keys["table"], key=LINK_KEY)
    hub.ask("permit_joining", seconds=60)
    assert meter.join(offered) == (commands.NETWORK_UP if gets_in else commands.NO_NETWORK_KEY_RECEIVED)
    if gets_in:
        assert unicast(meter, hub, b"sealed", 0x0160)[0] == commands.OK


def test_a_key_for_joining_counts_until_it_is_over():
    air = Air()
    hub, meter = hub_on(air), meter_on(air)
    hub.ask("import_transient_key", eui=OTHER, key=LINK_KEY)
    hub.ask("permit_joining", seconds=60)
    assert meter.join(LINK_KEY) == commands.NETWORK_UP
    hub.told("incoming_message")
    assert unicast(hub, meter, b"sealed", 0x0160)[0] == commands.OK
    hub.wait(301000)
    # A trust centre without a key for all has none any more; the table has those that stay.
    assert unicast(hub, meter, b"sealed", 0x0160)[0] == commands.APS_ENCRYPTION_ERROR
    hub.ask("import_link_key", index=0xFF, eui=OTHER, key=LINK_KEY)
    assert unicast(hub, meter, b"sealed", 0x0160)[0] == commands.OK


@pytest.mark.parametrize("version", (13, 18))
def test_the_key_with_the_trust_centre_is_replaced_while_joined(version):
    hub, meter = pair(version)
    hub.told("incoming_message")
    new = bytes(range(60, 76))
    assert hub.status("import_link_key", index=0, eui=OTHER, key=new) == commands.OK
    assert unicast(meter, hub, b"old key", 0x0160)[1] == []
    meter.wait(8000)
    meter.told("message_sent")
    assert meter.status("import_key", kind=2, key=new) == commands.OK
    assert unicast(meter, hub, b"new key", 0x0160)[1][0]["data"] == b"new key"
    assert unicast(hub, meter, b"back", 0x0160)[1][0]["options"] == 0x0160
    # It goes on so after a reset, and with the same network.
    before = meter.ask("get_network_key_info")["counter"]
    meter.reset()
    meter.endpoint()
    assert meter.status("network_init") == commands.OK
    assert meter.ask("get_network_key_info")["counter"] >= before
    assert unicast(meter, hub, b"again", 0x0160)[1][0]["data"] == b"again"
    assert unicast(hub, meter, b"and back", 0x0160)[1][0]["data"] == b"and back"


def test_a_hub_that_was_reset_goes_on_with_its_devices():
    hub, meter = pair()
    hub.reset()
    hub.endpoint()
    assert hub.status("network_init") == commands.OK
    assert unicast(meter, hub, b"still there", 0x0160)[1][0]["data"] == b"still there"
    assert unicast(hub, meter, b"yes", 0x0160)[1][0]["data"] == b"yes"


def test_a_broadcast_and_a_multicast_reach_whom_they_are_for():
    for version in (13, 14):
        hub, meter = pair(version)
        hub.told("incoming_message")
        meter.told("incoming_message")
        fields = {"profile": 0x0109, "cluster": 0x0700, "source": 1, "target": 1}
        assert hub.status("send_broadcast", destination=0xFFFD, radius=3, tag=1, data=b"to all", **fields) == 0
        assert hub.status("send_multicast", group=0x0901, hops=3, tag=2, data=b"to nobody", **fields) == 0
        hub.wait(200)
        meter.ask("set_multicast_table_entry", index=0, multicast=0x0901, endpoint=1)
        assert hub.status("send_multicast", group=0x0901, hops=3, tag=2, data=b"to some", **fields) == 0
        hub.wait(200)
        sent = [(one["kind"], one["destination"], one["status"]) for one in hub.told("message_sent")]
        assert sent == [(6, 0xFFFD, 0), (3, 0x0901, 0), (3, 0x0901, 0)]
        came = [(one["kind"], one["group"], one["data"], one["target"]) for one in meter.told("incoming_message")]
        assert came == [(4, 0, b"to all", 1), (2, 0x0901, b"to some", 0xFF)]


def test_blocks_are_made_and_acknowledged_by_the_hosts():
    for sealed in (0, 0x20):
        hub, meter = pair()
        meter.told("incoming_message")
        options = 0x8140 | sealed
        counter = 0
        blocks = [b"a" * 70, b"b" * 70, b"c" * 20]
        for index in range(3):
            answer = hub.ask(
                "send_unicast",
                destination=meter.ask("get_node_id")["id"],
                profile=0x0109,
                cluster=0x0704,
                source=1,
                target=1,
                options=options,
                group=3 << 8 | index,
                counter=counter,
                tag=index,
                data=blocks[index],
            )
            assert answer["status"] == commands.OK
            counter = answer["sequence"]
            hub.wait(100)
            (came,) = meter.told("incoming_message")
            assert (came["data"], came["options"], came["counter"]) == (blocks[index], options, counter)
            assert came["group"] == (3 << 8 if index == 0 else index)
            assert hub.told("message_sent") == []
            reply = {"destination": 0, "profile": 0x0109, "cluster": 0x0704, "source": 1, "target": 1}
            reply.update(options=options, group=0xFF00 | index, counter=counter)
            assert meter.status("send_reply", **{**reply, "counter": counter + 1}) == commands.INVALID_STATE
            assert meter.status("send_reply", **reply) == commands.OK
            hub.wait(100)
            assert [(one["tag"], one["status"]) for one in hub.told("message_sent")] == [(index, commands.OK)]
        assert hub.status("send_unicast", destination=1, options=0x8140, group=0x0105, data=b"") != commands.OK
        too_long = {"destination": 1, "options": 0x8140, "group": 0x0200, "data": bytes(81)}
        assert hub.status("send_unicast", **too_long) == commands.MESSAGE_TOO_LONG


@pytest.mark.parametrize("version", (13, 19))
def test_two_meters_get_a_key_of_their_own_from_the_trust_centre(version):
    hub, meter = pair(version)
    display = meter_on(hub.air, version, THIRD)
    hub.ask("import_link_key", index=0xFF, eui=THIRD, key=NETWORK_KEY)
    assert display.join(NETWORK_KEY) == commands.NETWORK_UP
    assert unicast(display, meter, b"sealed", 0x0160)[0] == commands.APS_ENCRYPTION_ERROR
    assert hub.status("request_link_key", partner=OTHER) == commands.INVALID_STATE
    assert display.status("request_link_key", partner=OTHER) == commands.OK
    assert display.status("request_link_key", partner=OTHER) == commands.BUSY
    display.wait(200)
    assert display.told("key_established") == [{"partner": OTHER, "status": 1}]
    assert meter.told("key_established") == [{"partner": THIRD, "status": 1}]
    assert hub.told("key_established") == [{"partner": THIRD, "status": 7}]
    key = display.ask("export_link_key_by_eui", eui=OTHER)["key"]
    assert key == meter.ask("export_link_key_by_eui", eui=THIRD)["key"] != bytes(16)
    meter.told("incoming_message")
    assert unicast(display, meter, b"sealed", 0x0160)[1][0]["options"] == 0x0160
    # Not allowed: nothing comes, and after a while that is told.
    hub.ask("set_policy", policy=6, decision=0x60)
    display.ask("request_link_key", partner=OTHER)
    display.wait(11000)
    assert display.told("key_established") == [{"partner": OTHER, "status": 4}]
    assert [one["status"] for one in hub.told("key_established")] == [0x11]


def test_a_full_key_table_takes_no_key_from_the_air():
    hub, meter = pair()
    display = meter_on(hub.air, 13, THIRD)
    display.ask("set_configuration_value", config=0x1E, value=1)
    hub.ask("import_link_key", index=0xFF, eui=THIRD, key=NETWORK_KEY)
    assert display.join(NETWORK_KEY) == commands.NETWORK_UP
    display.ask("import_link_key", index=0, eui=FOURTH, key=LINK_KEY)
    display.ask("request_link_key", partner=OTHER)
    display.wait(11000)
    assert display.told("key_established") == [{"partner": OTHER, "status": 4}]
    assert display.ask("export_link_key_by_index", index=0)["eui"] == FOURTH
    assert display.status("export_link_key_by_eui", eui=OTHER) == commands.NOT_FOUND


def test_a_router_gets_the_key_that_the_trust_centre_makes_for_it():
    air = Air()
    hub, meter = hub_on(air, security=SECURITY, policy=0x03), meter_on(air)
    hub.ask("set_policy", policy=5, decision=0x51)
    hub.ask("import_transient_key", eui=ALL, key=NETWORK_KEY)
    hub.ask("permit_joining", seconds=60)
    assert meter.join(NETWORK_KEY) == commands.NETWORK_UP
    assert meter.status("update_tc_link_key", attempts=3) == commands.OK
    meter.wait(500)
    assert meter.told("key_established") == [{"partner": EUI, "status": 0x65}]
    assert [one["status"] for one in hub.told("key_established")] == [6, 0x34]
    made = hmac_mmo(HostCrypto(), LINK_KEY, bytes(reversed(OTHER)))
    assert meter.ask("export_key", kind=2)["key"] == made
    hub.wait(301000)
    hub.told("incoming_message")
    assert unicast(meter, hub, b"sealed", 0x0160)[1][0]["options"] == 0x0160
    # Without the policy there is none.
    hub.ask("set_policy", policy=5, decision=0x50)
    meter.ask("update_tc_link_key", attempts=1)
    meter.wait(11000)
    assert [one["status"] for one in meter.told("key_established")] == [4]
    assert [one["status"] for one in hub.told("key_established")] == [9]


@pytest.mark.parametrize("version", (13, 14))
def test_the_network_key_is_changed_on_the_air(version):
    hub, meter = pair(version)
    new = bytes(range(90, 106))
    assert meter.status("broadcast_next_network_key", key=new) == commands.INVALID_STATE
    assert hub.status("broadcast_next_network_key", key=new) == commands.OK
    hub.wait(1000)
    assert hub.ask("get_network_key_info")["alternate_set"] == 1
    assert meter.ask("export_key", kind=1, index=1)["key"] == new
    assert hub.status("broadcast_network_key_switch") == commands.OK
    hub.wait(2000)
    for one in (hub, meter):
        assert one.told("switch_network_key") == [{"sequence": 1}]
        assert one.ask("export_key", kind=1)["key"] == new
    meter.reset()
    meter.endpoint()
    meter.ask("network_init")
    assert unicast(meter, hub, b"new key")[0] == commands.OK


@pytest.mark.parametrize("with_key", (1, 0))
def test_a_router_finds_its_network_again(with_key):
    hub, meter = pair()
    hub.ask("set_policy", policy=0, decision=0x03)
    hub.ask("permit_joining", seconds=0)
    hub.told("trust_center_join")
    meter.reset()
    meter.endpoint()
    assert hub.status("find_and_rejoin_network", have_key=1) == commands.INVALID_STATE
    assert meter.status("find_and_rejoin_network", have_key=with_key, channels=1 << 20) == commands.OK
    assert meter.ask("network_state") == {"state": network.JOINING}
    assert meter.joined() == commands.NETWORK_UP
    assert [one["update"] for one in hub.told("trust_center_join")] == [0 if with_key else 3]
    hub.told("incoming_message")
    assert unicast(meter, hub, b"back", 0x0160)[1][0]["data"] == b"back"
    # Out of reach it stays out, and knows its network still.
    hub.air.link(hub.place, meter.place, 0)
    meter.ask("find_and_rejoin_network", have_key=1, channels=1 << 20)
    assert meter.joined() == commands.NO_BEACONS
    assert meter.ask("network_state") == {"state": network.NO_NETWORK}
    assert meter.status("send_unicast", destination=0, data=b"a") == commands.NETWORK_DOWN
    hub.air.link(hub.place, meter.place, 255)
    assert meter.status("network_init") == commands.OK


def test_a_device_is_removed():
    hub, meter = pair()
    short = meter.ask("get_node_id")["id"]
    assert meter.status("remove_device", parent=0, parent_eui=EUI, eui=EUI) == commands.INVALID_STATE
    assert hub.status("remove_device", parent=9, parent_eui=THIRD, eui=THIRD) == commands.APS_ENCRYPTION_ERROR
    assert hub.status("remove_device", parent=short, parent_eui=OTHER, eui=OTHER) == commands.OK
    hub.wait(200)
    assert meter.told("stack_status") == [{"status": commands.NETWORK_DOWN}]
    assert meter.status("network_init") == commands.NOT_JOINED
    assert [(one["update"], one["id"]) for one in hub.told("trust_center_join")][-1] == (LEFT, short)


def test_a_device_that_is_told_to_leave_and_come_back_does():
    hub, meter = pair()
    assert hub.node.remove(OTHER, hub.now_ms, True)
    assert meter.joined() == commands.NETWORK_UP
    assert meter.ask("get_node_id")["id"] < 0xFFF8
    assert unicast(meter, hub, b"back", 0x0160)[0] == commands.OK


def test_the_device_object_answers_over_the_air_and_a_host_may_see_it():
    hub, meter = pair()
    meter.ask("set_manufacturer_code", code=0x1234)
    meter.ask("set_power_descriptor", descriptor=0xC1F0)
    meter.ask("set_value", value_id=5, value=b"\xdc\x05")
    hub.told("incoming_message")
    short = meter.ask("get_node_id")["id"].to_bytes(2, "little")
    for cluster, request, answer in (
        (0x0002, short, b"\x00" + short + bytes.fromhex("01408e3412" "52dc05" "002c" "5200" "00")),
        (0x0003, short, b"\x00" + short + b"\xf0\xc1"),
        (0x0004, short + b"\x01", b"\x00" + short + bytes.fromhex("0e" "01" "0901" "0105" "00" "0200000207" "010a00")),
        (0x0005, short, b"\x00" + short + b"\x01\x01"),
        (0x0001, short + b"\x00\x00", b"\x00" + bytes(reversed(OTHER)) + short),
        (0x0031, b"\x00", None),
    ):
        unicast(hub, meter, b"\x33" + request, profile=0, cluster=cluster, source=0, target=0)
        (came,) = hub.told("incoming_message")
        assert came["cluster"] == cluster | 0x8000
        assert answer is None or came["data"] == b"\x33" + answer
    assert meter.callbacks == []
    meter.ask("set_configuration_value", config=0x2A, value=1)
    _, seen = unicast(hub, meter, b"\x33" + short, profile=0, cluster=0x0005, source=0, target=0)
    assert [one["cluster"] for one in seen] == [0x0005]


def test_permission_goes_from_the_trust_centre_to_the_routers():
    hub, meter = pair()
    hub.ask("permit_joining", seconds=0)
    hub.ask("send_broadcast", destination=0xFFFC, cluster=0x0036, data=b"\x01\x3c\x01")
    hub.wait(100)
    assert meter.told("stack_status") == [{"status": commands.NETWORK_OPENED}]
    display = meter_on(hub.air, 13, THIRD)
    hub.ask("import_link_key", index=0xFF, eui=THIRD, key=NETWORK_KEY)
    assert display.join(NETWORK_KEY) == commands.NETWORK_UP
    # Through the router, whose network key came in a tunnel.
    (joined,) = [one for one in hub.told("trust_center_join") if one["eui"] == THIRD]
    assert joined["parent"] == meter.ask("get_node_id")["id"]
    meter.wait(60000)
    assert meter.told("stack_status") == [{"status": commands.NETWORK_CLOSED}]
    assert hub.status("remove_device", parent=joined["parent"], parent_eui=OTHER, eui=THIRD) == commands.OK
    hub.wait(300)
    assert display.told("stack_status") == [{"status": commands.NETWORK_DOWN}]
    assert [one["update"] for one in hub.told("trust_center_join") if one["eui"] == THIRD] == [LEFT]


def test_scans_find_networks_and_energy():
    air = Air()
    hub_on(air)
    far = Host(14, None, air, THIRD, 50)
    far.form(channel=25, pan=0x2B73)
    meter = meter_on(air, 14)
    meter.ask("start_scan", kind=1, duration=3)
    meter.wait(3000)
    found = meter.told("network_found")
    assert [(one["channel"], one["pan"], one["permit"]) for one in found] == [(20, 0x1A62, 0), (25, 0x2B73, 0)]
    assert found[0]["rssi"] > found[1]["rssi"] > network.NOISE_DBM
    assert meter.told("scan_complete") == [{"channel": 0, "status": commands.OK}]
    meter.ask("start_scan", kind=0, channels=1 << 25 | 1 << 26, duration=3)
    far.ask("send_broadcast", destination=0xFFFF, profile=0x0109, data=b"loud")
    meter.wait(300)
    loud, quiet = [one["rssi"] for one in meter.told("energy_scan_result")]
    assert loud > quiet == network.NOISE_DBM


def test_networks_on_several_channels_do_not_hear_each_other():
    air = Air()
    pairs = []
    for number in range(3):
        hub = Host(13, None, air, bytes((2, 1, 0, 0, 0, 0, 0, number)))
        hub.endpoint()
        where = {"channel": 11 + 5 * number, "pan": 0x1000 + number, "extended_pan": bytes([number] * 8)}
        hub.form(OWN_KEYS, **where)
        hub.ask("import_link_key", index=0, eui=bytes((2, 2, 0, 0, 0, 0, 0, number)), key=LINK_KEY)
        hub.ask("permit_joining", seconds=60)
        pairs.append((hub, bytes((2, 2, 0, 0, 0, 0, 0, number)), where))
    for hub, eui, where in pairs:
        meter = meter_on(air, 13, eui)
        assert meter.join(LINK_KEY, **where) == commands.NETWORK_UP
        assert unicast(meter, hub, b"mine", 0x0160)[1][-1]["data"] == b"mine"
    for hub, eui, _ in pairs:
        assert [one["eui"] for one in hub.told("trust_center_join")] == [eui]


def a_line(count, version=13, **faults):
    """A hub and routers in a row, each of which hears only its neighbours."""
    air = Air(**faults)
    hub = hub_on(air, version)
    row = [hub]
    for number in range(1, count + 1):
        eui = bytes((2, 0, 0, 0, 0, 0, 1, number))
        meter = meter_on(air, version, eui, 70 * number)
        hub.ask("import_link_key", index=0xFF, eui=eui, key=eui + eui)
        for _ in range(4):
            row[-1].ask("permit_joining", seconds=60)
            joined = meter.join(eui + eui)
            if joined == commands.NETWORK_UP:
                break
        assert joined == commands.NETWORK_UP
        row[-1].ask("permit_joining", seconds=0)
        row.append(meter)
    for one in row:
        one.callbacks = []
    return row


def test_messages_go_over_four_hops_and_what_knows_a_way_says_so():
    row = a_line(4)
    hub, last = row[0], row[-1]
    for one, other in ((hub, last), (last, hub)):
        status, came = unicast(one, other, b"far", 0x0160)
        assert status == commands.OK and came[0]["data"] == b"far"
    assert hub.ask("neighbor_count") == {"count": 1}
    assert hub.ask("get_neighbor", index=0)["eui"] == row[1].flash.eui()
    assert hub.status("get_neighbor", index=1) != commands.OK
    there = last.ask("get_node_id")["id"]
    routes = [hub.ask("get_route_table_entry", index=index) for index in range(3)]
    assert (there, row[1].ask("get_node_id")["id"]) in [(one["destination"], one["next_hop"]) for one in routes]
    assert hub.ask("get_route_table_entry", index=90)["state"] == 3
    relayed = row[2].ask("read_counters")["values"]
    assert int.from_bytes(relayed[56:58], "little") >= 4
    # A concentrator is told the way, and uses it.
    hub.ask("set_concentrator", on=1, kind=0xFFF9, shortest_s=1, longest_s=60)
    hub.wait(2000)
    assert unicast(last, hub, b"by the way", 0x0160)[0] == commands.OK
    (record,) = [one for one in hub.told("route_record") if one["source"] == there]
    relays = [row[3], row[2], row[1]]
    assert record["relays"] == b"".join([one.ask("get_node_id")["id"].to_bytes(2, "little") for one in relays])
    assert (record["eui"], record["count"]) == (last.flash.eui(), 3)
    assert unicast(hub, last, b"the way back", 0x0160)[0] == commands.OK
    # A relay goes: whoever noticed it tells the sender.
    hub.air.link(row[3].place, last.place, 0)
    unicast(hub, last, b"lost", 0x0140)
    assert [one["target"] for one in hub.told("route_error")] == [there]
    hub.wait(10000)
    assert [one["status"] for one in hub.told("message_sent")] == [commands.DELIVERY_FAILED]


def test_messages_arrive_over_three_hops_through_loss_and_damage():
    row = a_line(3, seed=5, loss=50, damage=20)
    hub, last = row[0], row[-1]
    there = last.ask("get_node_id")["id"]
    sent = []
    for number in range(40):
        one, where = ((hub, there), (last, 0))[number & 1]
        data = number.to_bytes(2, "big")
        fields = {"profile": 0x0109, "cluster": 0x0702, "source": 1, "target": 1, "tag": number}
        assert one.status("send_unicast", destination=where, options=0x0160, data=data, **fields) == commands.OK
        sent.append(data)
        hub.wait(300)
    hub.wait(10000)
    came = [one["data"] for one in hub.told("incoming_message") + last.told("incoming_message")]
    delivered = [one["tag"] for host in (hub, last) for one in host.told("message_sent") if one["status"] == 0]
    # Nothing is doubled, and whatever is said to have been delivered was.
    assert len(came) == len(set(came)) >= 39
    assert {number.to_bytes(2, "big") for number in delivered} <= set(came)
    assert len(delivered) >= 38


def test_packet_buffers_run_out_and_come_back():
    hub, meter = pair(buffers=10)
    hub.callbacks = []
    short = meter.ask("get_node_id")["id"]
    assert hub.ask("get_value", value_id=3)["value"] == b"\x0a"
    hub.air.link(hub.place, meter.place, 0)
    message = {"destination": short, "options": 0x0140, "data": bytes(80), "profile": 0x0109}
    assert [hub.status("send_unicast", **message) for _ in range(4)] == [
        commands.OK,
        commands.OK,
        commands.ALLOCATION_FAILED,
        commands.ALLOCATION_FAILED,
    ]
    assert hub.ask("get_value", value_id=3)["value"] == b"\x02"
    hub.wait(10000)
    assert [one["status"] for one in hub.told("message_sent")] == [commands.DELIVERY_FAILED] * 2
    assert hub.ask("get_value", value_id=3)["value"] == b"\x0a"
    counters = hub.ask("read_and_clear_counters")["values"]
    assert int.from_bytes(counters[54:56], "little") == 2
    assert int.from_bytes(counters[22:24], "little") == 2
    hub.air.link(hub.place, meter.place, 255)
    assert hub.status("send_unicast", **message) == commands.OK


def test_counters_count_what_happened():
    hub, meter = pair()
    hub.ask("read_and_clear_counters")
    meter.ask("read_and_clear_counters")
    for _ in range(3):
        assert unicast(hub, meter, b"count me", 0x0160)[0] == commands.OK
    sent = hub.ask("read_counters")["values"]
    came = meter.ask("read_counters")["values"]
    numbers = [int.from_bytes(octets[2 * place : 2 * place + 2], "little") for octets, place in (
        (sent, 9), (sent, 11), (sent, 3), (came, 8), (came, 2), (came, 26)
    )]
    # Three messages, three acknowledgements of the other APS layer.
    assert numbers == [3, 0, 3, 3, 3, 0]


def test_a_reset_leaves_nothing_of_what_was_under_way():
    hub, meter = pair()
    short = meter.ask("get_node_id")["id"]
    hub.air.link(hub.place, meter.place, 0)
    for _ in range(5):
        hub.ask("send_unicast", destination=short, options=0x0140, data=b"lost", profile=0x0109)
    hub.ask("start_scan", kind=1, duration=5)
    hub.reset()
    assert hub.ask("get_value", value_id=3)["value"] == b"\xff"
    hub.wait(20000)
    assert hub.callbacks == []
    hub.air.link(hub.place, meter.place, 255)
    hub.endpoint()
    assert hub.status("network_init") == commands.OK
    # Resets at each step of a join are no harm.
    display = meter_on(hub.air, 13, THIRD)
    hub.ask("import_link_key", index=0xFF, eui=THIRD, key=NETWORK_KEY)
    hub.ask("permit_joining", seconds=255)
    for ms in (1, 100, 141, 145, 300, 640, 650, 660):
        display.ask("set_initial_security_state", bitmask=0x0900, preconfigured=NETWORK_KEY)
        display.ask("join_network", type=2, **NETWORK)
        display.wait(ms)
        display.reset()
        if display.flash.network is not None:
            break
        assert display.ask("network_state") == {"state": network.NO_NETWORK}
    display.endpoint()
    if display.flash.network is None:
        assert display.join(NETWORK_KEY) == commands.NETWORK_UP
    else:
        display.ask("network_init")
    assert unicast(display, hub, b"after all", 0x0160)[0] == commands.OK
