"""The co-processor: a host asks, in six versions, and looks at every answer."""

from ezsp_host import EUI, LINK_KEY, NETWORK, NETWORK_KEY, OTHER, SECURITY, Host

from slotmeter.zigbee_han.ncp import ash, commands, ezsp, network
from slotmeter.zigbee_han.ncp.flash import NO_EUI
from slotmeter.zigbee_han.ncp.stick import Stick


def hosts():
    return [Host(version) for version in ezsp.VERSIONS]


def test_the_version_is_said_in_the_form_of_the_question():
    for version in ezsp.VERSIONS:
        host = Host(version)
        stack = ezsp.STACKS[version].to_bytes(2, "little")
        assert host.frame(b"\x07\x00\x00\x04") == b"\x07\x80\x00" + bytes((version, 2)) + stack
        assert host.frame(b"\x08\x00\x01\x00\x00" + bytes((version,)))[5:] == bytes((version, 2)) + stack


def test_nothing_is_answered_before_the_version_is_agreed():
    host = Host(18)
    host.server.reset(0)
    question = ezsp.build_command(1, 0x0026)
    assert host.frame(question) == b"\x01\x80\x01\x58\x00\x30\x00\x00\x00"
    host.frame(b"\x02\x00\x00\x04")
    assert host.frame(question)[3:6] == b"\x58\x00\x30"
    host.frame(b"\x03\x00\x01\x00\x00\x12")
    assert host.frame(question) == b"\x01\x80\x01\x26\x00" + bytes(reversed(EUI))


def test_what_is_no_command_is_refused_with_a_reason():
    for host in hosts():
        size = 1 if host.version == 13 else 4
        assert host.frame(ezsp.build_command(4, 0x0999))[3:] == b"\x58\x00" + b"\x31\x00\x00\x00"[:size]
        assert host.frame(ezsp.build_command(4, 0x0019))[5] == ezsp.INVALID_FRAME_ID
        assert host.frame(ezsp.build_command(4, 0x0022))[5] == ezsp.INVALID_VALUE
        assert host.frame(ezsp.build_command(4, 0x0026, b"more"))[5] == ezsp.INVALID_VALUE
        assert host.frame(b"\x04\x80\x01\x26\x00")[5] == ezsp.WRONG_DIRECTION
        assert host.frame(b"\x04") == b""
        assert host.server.dropped["0026 refused for 36"] == 1


def test_a_network_is_formed_and_told_of_after_the_answer():
    for host in hosts():
        assert host.ask("network_state") == {"state": network.NO_NETWORK}
        assert host.status("network_init") == commands.NOT_JOINED
        assert host.status("get_network_parameters") == commands.NOT_JOINED
        assert host.ask("get_node_id") == {"id": 0xFFFE}
        host.form()
        assert host.ask("network_state") == {"state": network.JOINED}
        assert host.ask("get_node_id") == {"id": 0}
        values = host.ask("get_network_parameters")
        assert values["type"] == 1
        for name in NETWORK:
            assert values[name] == NETWORK[name]
        assert [type(event) for event in host.events()] == [network.Formed]


def test_a_coordinator_is_its_own_trust_centre_and_shows_its_keys():
    for host in hosts():
        host.form()
        state = host.ask("get_current_security_state")
        assert state == {"status": commands.OK, "bitmask": 0x0094, "trust_centre": EUI}
        assert host.ask("export_key", kind=1)["key"] == NETWORK_KEY
        assert host.ask("export_key", kind=2)["key"] == LINK_KEY
        assert host.status("export_key", kind=1, index=1) == commands.NOT_FOUND
        assert host.status("export_key", kind=9) == commands.NOT_FOUND
        info = host.ask("get_network_key_info")
        assert (info["set"], info["alternate_set"], info["sequence"]) == (1, 0, 3)


def test_keys_that_are_not_given_are_made():
    host = Host()
    host.ask("set_initial_security_state", bitmask=0x0804)
    host.ask("form_network", channel=11, pan=0xFFFF)
    values = host.ask("get_network_parameters")
    assert 0 < values["pan"] < 0xFFFF
    assert values["extended_pan"].strip(b"\x00")
    assert host.ask("export_key", kind=1)["key"] != host.ask("export_key", kind=2)["key"] != bytes(16)


def test_forming_needs_security_a_channel_and_no_network():
    for host in hosts():
        assert host.status("form_network", **NETWORK) == commands.SECURITY_STATE_NOT_SET
        host.ask("set_initial_security_state", **SECURITY)
        for channel in (0, 10, 27):
            assert host.status("form_network", channel=channel) == commands.TRANSMIT_INVALID_CHANNEL
        assert host.status("form_network", channel=11, power=50) == commands.TRANSMIT_INVALID_POWER
        assert host.status("form_network", **NETWORK) == commands.OK
        assert host.status("form_network", **NETWORK) == commands.INVALID_STATE
        assert host.status("set_initial_security_state", **SECURITY) == commands.INVALID_STATE
        assert host.status("network_init") == commands.INVALID_STATE


def test_a_reset_forgets_settings_and_network_init_goes_on_with_the_network():
    for host in hosts():
        host.endpoint()
        host.form()
        host.ask("set_configuration_value", config=0x1E, value=5)
        host.server.reset(host.now_ms)
        again = Host(host.version, host.flash)
        assert again.ask("get_configuration_value", config=0x1E)["value"] == 12
        assert again.ask("network_state") == {"state": network.NO_NETWORK}
        assert again.status("network_init") == commands.OK
        assert again.told("stack_status") == [{"status": commands.NETWORK_UP}]
        assert again.ask("get_network_parameters")["pan"] == 0x1A62
        assert again.events()[0].resumed


def test_leaving_forgets_the_network_and_says_so():
    for host in hosts():
        assert host.status("leave_network") == commands.INVALID_STATE
        host.form()
        host.ask("import_link_key", index=0, eui=OTHER, key=LINK_KEY)
        assert host.status("leave_network") == commands.OK
        # First the neighbours are told; until then there is no other network.
        assert not host.callbacks and host.ask("network_state") == {"state": network.NO_NETWORK}
        host.ask("set_initial_security_state", **SECURITY)
        assert host.status("form_network", **NETWORK) == commands.INVALID_STATE
        host.wait(100)
        assert host.told("stack_status") == [{"status": commands.NETWORK_DOWN}]
        assert host.status("network_init") == commands.NOT_JOINED
        assert host.ask("find_key_table_entry", eui=OTHER) == {"index": 0xFF}


def test_joining_is_permitted_for_a_time():
    for host in hosts():
        assert host.status("permit_joining", seconds=60) == commands.NOT_JOINED
        host.form()
        assert host.status("permit_joining", seconds=60) == commands.OK
        assert host.told("stack_status") == [{"status": commands.NETWORK_OPENED}]
        assert host.server.permitted()
        host.wait(59999)
        assert host.server.permitted() and not host.callbacks
        host.wait(1)
        assert not host.server.permitted()
        assert host.told("stack_status") == [{"status": commands.NETWORK_CLOSED}]
        host.ask("permit_joining", seconds=255)
        host.told("stack_status")
        host.wait(10**9)
        assert host.server.permitted() and not host.callbacks
        host.ask("permit_joining", seconds=0)
        assert not host.server.permitted()
        assert host.server.deadline_ms() is None


def test_a_unicast_to_oneself_comes_back_and_the_device_object_answers():
    for host in hosts():
        host.endpoint()
        host.ask("set_manufacturer_code", code=0x1234)
        host.form()
        answer = host.ask("send_unicast", cluster=0x0002, tag=9, data=b"\x55\x00\x00", options=0x0140)
        assert answer["status"] == commands.OK
        sent = host.told("message_sent")[0]
        assert (sent["status"], sent["tag"], sent["counter"]) == (commands.OK, 9, answer["sequence"])
        # The host is shown answers, and requests only when it wants them.
        came = host.told("incoming_message")
        assert [one["cluster"] for one in came] == [0x8002]
        assert came[0]["data"].hex() == "55000000" "00408f3412" "52" "5200" "412c" "5200" "00"
        assert came[0]["sender"] == 0
        host.ask("set_configuration_value", config=0x2A, value=3)
        host.ask("send_unicast", cluster=0x0002, data=b"\x55\x00\x00")
        assert [one["cluster"] for one in host.told("incoming_message")] == [0x0002, 0x8002]


def zdo(host, cluster, octets):
    """The answer of the device object to our own request; None when there is none."""
    host.callbacks = []
    host.ask("send_unicast", cluster=cluster, data=b"\x01" + octets)
    came = [one for one in host.told("incoming_message") if one["cluster"] == cluster | 0x8000]
    return came[0]["data"][1:] if came else None


def test_the_device_object_describes_its_endpoints():
    host = Host()
    host.endpoint(1)
    host.endpoint(242, 0xA1E0, 0x0061, (), (0x0021,))
    host.form()
    assert zdo(host, 0x0005, b"\x00\x00") == bytes.fromhex("00" "0000" "02" "01f2")
    described = zdo(host, 0x0004, b"\x00\x00\x01")
    assert described == bytes.fromhex("00" "0000" "0e" "01" "0901" "0005" "00" "010207" "0200070407")
    assert zdo(host, 0x0004, b"\x00\x00\x02")[0] == 0x83
    assert zdo(host, 0x0004, b"\x00\x00\x00")[0] == 0x82
    assert zdo(host, 0x0006, bytes.fromhex("0000" "0901" "010207" "00")) == bytes.fromhex("00" "0000" "01" "01")
    assert zdo(host, 0x0006, bytes.fromhex("0000" "0901" "010307" "00")) == bytes.fromhex("00" "0000" "00")
    assert zdo(host, 0x0003, b"\x00\x00")[:3] == b"\x00\x00\x00"
    # A request that is broken is not answered.
    assert zdo(host, 0x0004, b"\x00") is None
    assert zdo(host, 0x0005, b"\x00\x00\x00") is None


def test_the_device_object_tells_addresses_and_refuses_what_it_does_not_know():
    host = Host().form()
    assert zdo(host, 0x0000, bytes(reversed(EUI)) + b"\x00\x00") == b"\x00" + bytes(reversed(EUI)) + b"\x00\x00"
    assert zdo(host, 0x0000, bytes(reversed(OTHER)) + b"\x00\x00")[0] == 0x81
    assert zdo(host, 0x0001, b"\x00\x00\x01\x00") == b"\x00" + bytes(reversed(EUI)) + b"\x00\x00\x00"
    assert zdo(host, 0x0001, b"\x34\x12\x00\x00")[0] == 0x81
    assert zdo(host, 0x0002, b"\x34\x12")[0] == 0x81
    assert zdo(host, 0x0031, b"\x00") == b"\x00\x00\x00\x00"
    assert zdo(host, 0x0032, b"\x00") == b"\x00\x00\x00\x00"
    assert zdo(host, 0x0020, b"") == b"\x84"
    # Another host answers for what the stick does not know.
    host.ask("set_configuration_value", config=0x2A, value=2)
    assert zdo(host, 0x0020, b"") is None


def test_bindings_are_made_from_outside_only_when_the_host_allows_it():
    host = Host()
    host.endpoint()
    host.form()
    wanted = bytes(reversed(EUI)) + b"\x01\x02\x07\x03" + bytes(reversed(OTHER)) + b"\x05"
    assert zdo(host, 0x0021, wanted) == b"\x8d"
    host.ask("set_policy", policy=1, decision=0x11)
    assert zdo(host, 0x0021, wanted) == b"\x00"
    bound = host.ask("get_binding", index=0)
    assert (bound["type"], bound["cluster"], bound["eui"], bound["remote"]) == (1, 0x0702, OTHER, 5)
    assert zdo(host, 0x0022, wanted) == b"\x00"
    assert zdo(host, 0x0022, wanted) == b"\x88"
    assert host.ask("get_binding", index=0)["type"] == 0
    host.ask("set_configuration_value", config=0x2A, value=8)
    assert zdo(host, 0x0021, wanted) is None


def test_a_unicast_to_nobody_fails_after_a_while():
    for host in hosts():
        host.form()
        answer = host.ask("send_unicast", destination=0x1234, options=0x140, tag=77, data=b"abc")
        assert answer["status"] == commands.OK
        assert not host.callbacks
        host.wait(6399)
        assert not host.callbacks
        host.wait(1)
        sent = host.told("message_sent")
        assert [(one["status"], one["tag"], one["destination"]) for one in sent] == [
            (commands.DELIVERY_FAILED, 77, 0x1234)
        ]
        assert sent[0]["data"] == b""
        counters = host.ask("read_counters")["values"]
        assert len(counters) == 80 and counters[22] == 1


def test_a_message_shows_its_contents_when_the_policy_says_so():
    host = Host().form()
    host.ask("set_policy", policy=4, decision=0x41)
    host.ask("send_broadcast", destination=0xFFFD, profile=0x0104, data=b"contents", tag=1)
    host.wait(10)
    assert host.told("message_sent")[0]["data"] == b"contents"


def test_messages_are_refused_that_are_too_long_too_many_or_have_no_network():
    for host in hosts():
        assert host.status("send_unicast", destination=1, data=b"a") == commands.NETWORK_DOWN
        assert host.status("send_broadcast", destination=0xFFFF, data=b"a") == commands.NETWORK_DOWN
        host.form()
        assert host.status("send_unicast", destination=1, options=0x40, data=bytes(82)) == commands.OK
        assert host.status("send_unicast", destination=1, data=bytes(83)) == commands.MESSAGE_TOO_LONG
        host.ask("import_link_key", index=0, eui=OTHER, key=LINK_KEY)
        host.server.node.nwk.remember(OTHER, 1)
        assert host.status("send_unicast", destination=1, options=0x20, data=bytes(74)) == commands.MESSAGE_TOO_LONG
        assert host.status("send_unicast", destination=2, options=0x20, data=b"a") == commands.APS_ENCRYPTION_ERROR
        assert host.status("send_broadcast", destination=0x1234, data=b"a") == commands.INVALID_PARAMETER
        assert host.status("send_unicast", kind=1, destination=3, data=b"a") == commands.INVALID_PARAMETER
        assert host.status("send_unicast", kind=9, destination=3, data=b"a") == commands.INVALID_PARAMETER
        for _ in range(19):
            assert host.status("send_unicast", destination=1, options=0x40, data=b"a") == commands.OK
        assert host.status("send_unicast", destination=1, data=b"a") == commands.TOO_MANY_MESSAGES
        host.wait(7000)
        assert len(host.told("message_sent")) == 20
        assert host.status("send_unicast", destination=1, data=b"a") == commands.OK


def test_a_destination_may_be_an_address_table_entry():
    host = Host(14).form()
    host.ask("set_address_table_info", index=3, eui=OTHER, id=0x4321)
    assert host.ask("get_address_table_info", index=3) == {"status": commands.OK, "id": 0x4321, "eui": OTHER}
    assert host.ask("get_address_table_info", index=4)["id"] == 0xFFFF
    assert host.status("get_address_table_info", index=16) == commands.INVALID_INDEX
    host.ask("send_unicast", kind=1, destination=3, data=b"a")
    host.wait(2000)
    sent = host.told("message_sent")[0]
    assert (sent["kind"], sent["destination"]) == (1, 3)
    assert host.ask("lookup_node_id_by_eui64", eui=OTHER) == {"status": commands.OK, "id": 0x4321}
    assert host.ask("lookup_eui64_by_node_id", id=0x4321)["eui"] == OTHER
    assert host.status("lookup_eui64_by_node_id", id=0x9999) == commands.NOT_FOUND


def test_scans_find_noise_and_nobody_and_take_their_time():
    for host in hosts():
        assert host.status("start_scan", kind=7, channels=1 << 11) == commands.MAC_INCORRECT_SCAN_TYPE
        assert host.status("start_scan", kind=0, channels=1) == commands.INVALID_CHANNEL_MASK
        assert host.status("start_scan", kind=0, channels=1 << 11, duration=15) == commands.BAD_SCAN_DURATION
        assert host.status("start_scan", kind=0, channels=1 << 11 | 1 << 26, duration=3) == commands.OK
        assert host.status("start_scan", kind=0, channels=1 << 11, duration=3) == commands.MAC_SCANNING
        host.wait(277)
        assert [one["channel"] for one in host.told("energy_scan_result")] == [11]
        host.wait(1)
        assert host.told("energy_scan_result") == [{"channel": 26, "rssi": network.NOISE_DBM}]
        assert host.told("scan_complete") == [{"channel": 0, "status": commands.OK}]
        assert host.status("start_scan", kind=1, duration=3) == commands.OK
        host.wait(100)
        assert host.status("stop_scan") == commands.OK
        assert host.told("scan_complete") == [{"channel": 0, "status": commands.OK}]
        assert not host.callbacks and host.server.deadline_ms() is None


def test_joining_finds_no_beacons_where_nobody_is():
    for host in hosts():
        assert host.status("join_network", type=2, **NETWORK) == commands.SECURITY_STATE_NOT_SET
        host.ask("set_initial_security_state", bitmask=0x0900, preconfigured=LINK_KEY)
        assert host.status("join_network", type=2, **NETWORK) == commands.OK
        assert host.ask("network_state") == {"state": network.JOINING}
        assert host.status("join_network", type=2, **NETWORK) == commands.INVALID_STATE
        host.wait(1000)
        assert host.told("stack_status") == [{"status": commands.NO_BEACONS}]
        assert host.ask("network_state") == {"state": network.NO_NETWORK}
        assert host.status("find_and_rejoin_network") == commands.INVALID_STATE


def test_the_key_table_has_places_and_ends():
    for host in hosts():
        host.form()
        euis = [bytes((2, 0, 0, 0, 0, 0, 1, i)) for i in range(13)]
        for i in range(12):
            assert host.status("import_link_key", index=0xFF, eui=euis[i], key=bytes((i,)) * 16) == commands.OK
        assert host.status("import_link_key", index=0xFF, eui=euis[12], key=LINK_KEY) == commands.FULL
        assert host.status("import_link_key", index=12, eui=euis[12], key=LINK_KEY) == commands.INVALID_INDEX
        assert host.ask("find_key_table_entry", eui=euis[7]) == {"index": 7}
        assert host.ask("export_link_key_by_index", index=7)["key"] == b"\x07" * 16
        assert host.ask("export_link_key_by_eui", eui=euis[8])["key"] == b"\x08" * 16
        assert host.ask("export_key", kind=4, eui=euis[9])["key"] == b"\x09" * 16
        assert host.ask("get_aps_key_info", kind=4, eui=euis[9])["key_bits"] == 0x1E
        assert host.status("erase_key_table_entry", index=7) == commands.OK
        assert host.status("export_link_key_by_index", index=7) == commands.NOT_FOUND
        assert host.status("export_link_key_by_index", index=12) == commands.INVALID_INDEX
        # The same device again takes its old place, or gives it up.
        assert host.status("import_link_key", index=7, eui=euis[8], key=LINK_KEY) == commands.OK
        assert host.ask("find_key_table_entry", eui=euis[8]) == {"index": 7}
        assert host.ask("find_key_table_entry", eui=bytes(8)) == {"index": 8}
        assert host.status("import_link_key", index=0, eui=EUI, key=LINK_KEY) == commands.INVALID_PARAMETER
        host.ask("clear_key_table")
        assert host.status("export_link_key_by_index", index=0) == commands.NOT_FOUND


def test_a_key_for_joining_lasts_its_time():
    for host in hosts():
        host.form()
        assert host.status("import_transient_key", eui=OTHER, key=LINK_KEY) == commands.OK
        assert host.ask("export_transient_key_by_eui", eui=OTHER)["key"] == LINK_KEY
        assert host.server.transient_key(OTHER) == LINK_KEY
        assert host.server.transient_key(EUI) is None
        host.ask("import_transient_key", eui=b"\xff" * 8, key=NETWORK_KEY)
        assert host.server.transient_key(EUI) == NETWORK_KEY
        host.wait(299999)
        assert host.ask("export_transient_key_by_index", index=0)["ttl"] == 0
        host.wait(1)
        assert host.status("export_transient_key_by_index", index=0) == commands.NOT_FOUND
        host.ask("import_transient_key", eui=OTHER, key=LINK_KEY)
        host.ask("clear_transient_link_keys")
        assert host.status("export_transient_key_by_eui", eui=OTHER) == commands.NOT_FOUND


def test_the_trust_centre_key_is_replaced_and_the_network_key_is_not():
    for host in hosts():
        assert host.status("import_key", kind=2, key=NETWORK_KEY) == commands.INVALID_STATE
        host.form()
        assert host.status("import_key", kind=2, key=NETWORK_KEY) == commands.OK
        assert host.ask("export_key", kind=2)["key"] == NETWORK_KEY
        assert host.status("import_key", kind=1, key=LINK_KEY) == commands.INVALID_STATE


def test_the_network_key_has_a_successor():
    for host in hosts():
        assert host.status("broadcast_next_network_key", key=LINK_KEY) == commands.INVALID_STATE
        host.form()
        assert host.status("broadcast_network_key_switch") == commands.INVALID_STATE
        assert host.status("broadcast_next_network_key", key=LINK_KEY) == commands.OK
        assert host.ask("export_key", kind=1)["key"] == NETWORK_KEY
        assert host.ask("export_key", kind=1, index=1)["key"] == LINK_KEY
        assert host.status("broadcast_network_key_switch") == commands.OK
        assert not host.callbacks
        host.wait(2000)
        assert host.told("switch_network_key") == [{"sequence": 4}]
        assert host.ask("export_key", kind=1)["key"] == LINK_KEY


def test_configuration_policies_and_values_are_known_or_not():
    for host in hosts():
        assert host.status("get_configuration_value", config=0x99) == commands.NOT_FOUND
        assert host.status("set_configuration_value", config=0x99, value=1) == commands.NOT_FOUND
        assert host.ask("set_configuration_value", config=0x1E, value=4)["status"] == commands.OK
        assert host.ask("get_configuration_value", config=0x1E)["value"] == 4
        assert host.status("set_configuration_value", config=0x0D, value=9) != commands.OK
        assert host.status("set_policy", policy=0x77, decision=1) != commands.OK
        host.ask("set_policy", policy=0, decision=0x11)
        assert host.ask("get_policy", policy=0)["decision"] == 0x11
        assert host.status("get_value", value_id=0xEE) != commands.OK
        assert host.status("set_value", value_id=0x11, value=bytes(7)) != commands.OK
        assert host.ask("get_value", value_id=0x11)["value"][-1] == 0xAA
        assert host.status("set_value", value_id=0x3A, value=b"\x01") == commands.OK
        assert host.ask("get_value", value_id=0x3A)["value"] == b"\x01"
        assert host.status("set_value", value_id=0x0A, value=b"\x01") != commands.OK
        # Two octets of flags, whatever the status.
        assert len(host.ask("get_extended_value", value_id=0, characteristics=1)["value"]) == 2
        host.endpoint()
        assert host.ask("get_extended_value", value_id=0, characteristics=1) == {
            "status": commands.OK,
            "value": b"\x01\x00",
        }


def test_the_numbers_of_refusals_are_those_of_the_manual():
    host = Host(13)
    assert host.frame(ezsp.build_command(1, 0x0052, b"\x99"))[5:] == b"\x37\x00\x00"
    assert host.frame(ezsp.build_command(1, 0x0053, b"\x0d\x09\x00"))[5:] == b"\x36"
    host.form()
    assert host.frame(ezsp.build_command(1, 0x0053, b"\x05\x20\x00"))[5:] == b"\x38"
    assert host.frame(ezsp.build_command(1, 0x004A, b"\x00"))[5:6] == b"\x93"
    host = Host(14)
    assert host.frame(ezsp.build_command(1, 0x004A, b"\x00"))[5:9] == b"\x17\x00\x00\x00"


def test_endpoints_are_added_once_and_before_the_network():
    for host in hosts():
        assert host.endpoint()["status"] == commands.OK
        assert host.endpoint()["status"] != commands.OK
        assert host.ask("add_endpoint", endpoint=2, input_count=5) == {"refused": ezsp.INVALID_VALUE}
        host.form()
        assert host.endpoint(3)["status"] != commands.OK


def test_a_message_for_an_endpoint_that_is_not_registered_reaches_the_host():
    host = Host()
    host.endpoint(1)
    host.form()
    host.ask("send_unicast", profile=0x0109, cluster=0x0702, source=1, target=1, data=b"abc")
    assert [one["data"] for one in host.told("incoming_message")] == [b"abc"]
    host.ask("send_unicast", profile=0x0109, cluster=0x0702, source=1, target=9, data=b"abc")
    assert [one["target"] for one in host.told("incoming_message")] == [9]


def test_the_eui64_can_be_rewritten_and_counts_at_once():
    for host in hosts():
        assert host.ask("get_token_data", token=0xE12A)["data"] == b"\xff" * 8
        assert host.status("get_token_data", token=0x1E12A) == commands.NOT_FOUND
        assert host.ask("get_mfg_token", token=0x0C) == {"data": b"\xff" * 8}
        assert host.status("set_token_data", token=0xE12A, data=b"short") == commands.INVALID_PARAMETER
        assert host.status("set_token_data", token=0xE12A, data=bytes(reversed(OTHER))) == commands.OK
        assert host.ask("get_eui64") == {"eui": OTHER}
        host.ask("set_token_data", token=0xE12A, data=NO_EUI)
        assert host.ask("get_eui64") == {"eui": EUI}
        # The manufacturing token can be written once.
        assert host.status("set_mfg_token", token=0x0C, data=bytes(reversed(OTHER))) == commands.OK
        assert host.status("set_mfg_token", token=0x0C, data=bytes(8)) == commands.FLASH_WRITE_INHIBITED
        assert host.ask("get_eui64") == {"eui": OTHER}
        assert host.status("set_mfg_token", token=1, data=bytes(16)) == commands.INVALID_PARAMETER


def test_a_factory_reset_forgets_the_network_and_keeps_the_address():
    for host in hosts():
        host.ask("set_token_data", token=0xE12A, data=bytes(reversed(OTHER)))
        host.form()
        assert host.ask("token_factory_reset") == {}
        assert host.ask("network_state") == {"state": network.NO_NETWORK}
        assert host.status("network_init") == commands.NOT_JOINED
        assert host.ask("get_eui64") == {"eui": OTHER}


def test_frame_counters_are_set_while_there_is_no_network_and_survive_forming():
    for host in hosts():
        assert host.status("set_value", value_id=0x23, value=b"\x40\x42\x0f\x00") == commands.OK
        host.ask("set_initial_security_state", bitmask=0x1B84, preconfigured=LINK_KEY, network_key=NETWORK_KEY)
        host.ask("form_network", **NETWORK)
        assert host.ask("get_network_key_info")["counter"] == 1000000
        assert host.status("set_value", value_id=0x23, value=bytes(4)) != commands.OK
        host.ask("send_broadcast", destination=0xFFFF, profile=0x0104, data=b"a")
        assert host.ask("get_network_key_info")["counter"] == 1000001


def test_tables_of_bindings_and_multicasts_have_their_sizes():
    for host in hosts():
        assert host.status("set_multicast_table_entry", index=3, multicast=0x901, endpoint=1) == commands.OK
        assert host.ask("get_multicast_table_entry", index=3)["multicast"] == 0x901
        assert host.status("get_multicast_table_entry", index=16) == commands.INVALID_INDEX
        assert host.status("set_binding", index=1, type=1, cluster=6, eui=OTHER) == commands.OK
        assert host.ask("get_binding", index=1)["eui"] == OTHER
        assert host.status("set_binding", index=200) == commands.INVALID_INDEX
        host.ask("delete_binding", index=1)
        assert host.ask("get_binding", index=1)["type"] == 0


def test_callbacks_that_a_host_does_not_take_are_lost_and_it_is_told():
    host = Host()
    host.ask("set_configuration_value", config=1, value=8)
    host.form()
    assert host.ask("get_value", value_id=3)["value"] == b"\x08"
    question = ezsp.build_command(1, host.dialect.named("permit_joining").number, b"\x3c")
    answers = []
    for _ in range(8 + 5):
        host.server.receive(question, host.now_ms)
        answers.append(host.server._answers.pop())
    assert [answer[1] & ezsp.LOST_CALLBACKS for answer in answers[-5:]] == [0, 1, 1, 1, 1]
    assert host.server.dropped == {"callbacks lost": 5}
    # What is sent needs buffers as well.
    send = host.dialect.named("send_broadcast")
    octets = ezsp.encode(send.parameters, {"destination": 0xFFFF, "profile": 0x0104, "data": b"a"})
    assert host.frame(ezsp.build_command(1, send.number, octets))[5] == 0x18
    host.sequence = 1
    host.listen()
    assert len(host.told("stack_status")) == 8
    assert host.ask("get_value", value_id=3)["value"] == b"\x08"
    assert host.status("send_broadcast", destination=0xFFFF, profile=0x0104, data=b"a") == commands.OK
    counters = host.ask("read_counters")["values"]
    assert counters[54:56] == b"\x06\x00"


def test_the_address_table_of_the_older_version_is_read_and_written_in_halves():
    host = Host(13)
    assert host.ask("get_address_table_eui", index=2) == {"eui": NO_EUI}
    assert host.ask("get_address_table_id", index=2) == {"id": 0xFFFF}
    assert host.ask("address_table_entry_is_active", index=2) == {"active": 0}
    assert host.status("set_address_table_eui", index=2, eui=OTHER) == commands.OK
    host.ask("set_address_table_id", index=2, id=0x4321)
    assert host.ask("get_address_table_eui", index=2) == {"eui": OTHER}
    assert host.ask("lookup_node_id_by_eui64", eui=OTHER) == {"id": 0x4321}
    assert host.ask("lookup_node_id_by_eui64", eui=bytes(8)) == {"id": 0xFFFF}
    assert host.status("set_address_table_eui", index=16, eui=OTHER) == commands.INVALID_INDEX


def test_a_node_that_is_slow_to_answer_is_remembered():
    for host in hosts():
        for extended in (0, 1, 1, 0):
            host.ask("set_extended_timeout", eui=OTHER, extended=extended)
            answer = host.ask("get_extended_timeout", eui=OTHER)
            if host.version == 13:
                assert answer == {"extended": extended}
            else:
                assert answer == {"status": commands.OK if extended else commands.NOT_FOUND}


def test_values_are_computed_kept_or_refused():
    for host in hosts():
        assert host.ask("get_value", value_id=0x03)["value"] == b"\xff"
        assert host.ask("get_value", value_id=0x0B)["value"] == b"\xfe\xff"
        assert host.status("set_value", value_id=0x23, value=b"\x01") != commands.OK
        assert host.status("set_value", value_id=0x3A, value=b"") != commands.OK
        # Wider than it is, as a host sends it, with nothing in what is more.
        assert host.status("set_value", value_id=0x3A, value=b"\x02\x00\x00\x00") == commands.OK
        assert host.status("set_value", value_id=0x3A, value=b"\x02\x01") != commands.OK
        assert host.ask("get_value", value_id=0x3A)["value"] == b"\x02"
        host.ask("set_value", value_id=0x24, value=b"\x07\x00\x00\x00")
        assert host.ask("get_value", value_id=0x24)["value"] == b"\x07\x00\x00\x00"
        host.form()
        host.ask("send_broadcast", destination=0xFFFF, profile=0x0104, data=b"a")
        host.wait(10)
        assert host.ask("read_counters")["values"][14:16] == b"\x01\x00"
        host.ask("set_value", value_id=0x19)
        assert host.ask("read_counters")["values"] == bytes(80)
        assert len(host.ask("get_extended_value", value_id=1)["value"]) == 3
        assert host.status("get_extended_value", value_id=9) == commands.NOT_FOUND


def test_the_radio_has_a_power_and_a_channel():
    for host in hosts():
        assert host.status("set_radio_channel", channel=15) == commands.NOT_JOINED
        assert host.ask("get_radio_channel") == {"channel": 11}
        host.form()
        assert host.status("set_radio_channel", channel=15) == commands.OK
        assert host.told("stack_status") == [{"status": commands.CHANNEL_CHANGED}]
        assert host.status("set_radio_channel", channel=9) == commands.TRANSMIT_INVALID_CHANNEL
        assert host.status("set_radio_power", power=-7) == commands.OK
        assert host.status("set_radio_power", power=21) == commands.TRANSMIT_INVALID_POWER
        values = host.ask("get_network_parameters")
        assert (values["channel"], values["power"]) == (15, -7)
        assert host.ask("get_radio_channel") == {"channel": 15}
        assert host.ask("get_parent_child_parameters")["parent_id"] == 0xFFFF


def test_a_host_may_answer_for_endpoints_itself():
    host = Host().form()
    host.ask("set_configuration_value", config=0x2A, value=4)
    assert zdo(host, 0x0005, b"\x00\x00") is None
    assert zdo(host, 0x0002, b"\x00\x00") is not None
    host.ask("set_configuration_value", config=0x2A, value=6)
    host.ask("send_unicast", cluster=0x0005, data=b"\x01\x00\x00")
    assert [one["cluster"] for one in host.told("incoming_message")] == [0x0005]


def test_a_stick_gives_a_silent_host_up_and_begins_anew_at_a_reset():
    stick = Stick(Host().server)
    stick.power_on(0)
    stick.to_send()
    stick.receive(ash.build_data(0, 0, False, ezsp.build_version(0, 13)), 0)
    stick.to_send()
    now_ms = 0
    while stick.deadline_ms() is not None:
        now_ms = stick.deadline_ms()
        stick.tick(now_ms)
        stick.to_send()
    assert isinstance(stick.next_event(), ash.Failed)
    assert stick.next_event() is None
    stick.receive(ash.build(0x81), now_ms)
    assert stick.to_send() == ash.build(0xC2, b"\x02\x51")
    stick.receive(ash.build(0xC0), now_ms)
    assert stick.to_send() == ash.build(0xC1, b"\x02\x0b")
    assert isinstance(stick.next_event(), ash.Reset)


def test_small_things_are_answered():
    for host in hosts():
        assert host.ask("nop") == {}
        assert host.ask("echo", data=b"echo") == {"data": b"echo"}
        assert host.ask("maximum_payload_length") == {"length": 82}
        assert host.status("custom_frame", data=b"\x00\x00") != commands.OK
        assert host.ask("get_library_status", library=1) == {"status": 0}
        assert host.status("generate_cbke_keys") == commands.NOT_AVAILABLE
        assert host.status("get_random_number") == commands.OK
        assert host.status("set_concentrator", on=1, kind=0xFFF9) == commands.OK
        assert host.status("set_concentrator", on=1, kind=5) == commands.INVALID_PARAMETER
        assert host.ask("set_source_route_discovery_mode", mode=1) == {"remaining": 0}
        assert host.ask("gp_sink_table_clear_all") == {}
        assert host.ask("get_mfg_token", token=0x77) == {"data": b""}
        assert host.ask("read_and_clear_counters")["values"] == bytes(80)
        assert host.status("send_many_to_one_route_request", kind=0xFFF9) == commands.NETWORK_DOWN


def test_a_stick_is_a_line_of_octets():
    host = ash.Host()
    stick = Stick(Host().server)
    host.connect(0)
    for _ in range(2):
        stick.receive(host.to_send(), 0)
        host.receive(stick.to_send(), 0)
    assert isinstance(stick.next_event(), ash.Reset)
    assert isinstance(host.next_event(), ash.Reset)
    host.send(ezsp.build_version(0, 13), 0)
    host.send(ezsp.build_command(1, 0x0026), 0)
    for _ in range(3):
        stick.receive(host.to_send(), 0)
        host.receive(stick.to_send(), 0)
    assert host.next_event().data == b"\x00\x80\x00\x0d\x02\x40\x74"
    assert host.next_event().data == b"\x01\x80\x01\x26\x00" + bytes(reversed(EUI))
    # Framing errors are in the counters.
    stick.receive(b"\x25\x01\x02\x03\x04\x7e", 0)
    assert stick.server.counters[19] == 1
    assert stick.server.dropped == {}


def test_callbacks_wait_while_a_host_is_not_ready_and_answers_do_not():
    stick = Stick(Host().server)
    stick.power_on(0)
    assert stick.to_send() == ash.build(0xC1, b"\x02\x02")
    frames = [ezsp.build_version(0, 13)]
    frames.append(ezsp.build_command(1, 0x0068, ezsp.encode(ezsp.fields_of("security", 13), SECURITY)))
    frames.append(ezsp.build_command(2, 0x001E, ezsp.encode(ezsp.fields_of("network", 13), NETWORK)))
    for i in range(3):
        # Not ready, and everything until now acknowledged.
        stick.receive(ash.build(0x88 | i), 0)
        stick.receive(ash.build_data(i, i, False, frames[i]), 0)
        assert stick.to_send().count(b"\x7e") == 1
    stick.receive(ash.build(0x8B), 0)
    assert stick.to_send() == b""
    stick.tick(1000)
    _, data = ash.parse(stick.to_send()[:-1])
    assert data == ezsp.build_callback(2, 0x0019, b"\x90")
