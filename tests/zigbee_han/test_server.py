"""An endpoint: what it answers, to whom, and what it drops."""

from slotmeter.zigbee_han import server, tables, zcl

HUB = bytes.fromhex("90b3d51f30010000")
METERING, TIME, BASIC, ALARMS, MESSAGING = 0x0702, 0x000A, 0x0000, 0x0009, 0x0703


class Some(server.Cluster):
    """A cluster with what a test puts in it."""

    def __init__(self, number, values, writable=(), client=False):
        super().__init__(number, client)
        self.values = dict(values)
        self.writable = writable
        self.answer = zcl.SUCCESS
        self.commanded = []
        self.heard = []
        self.out = []

    def read(self, attribute):
        return self.values.get(attribute)

    def check(self, attribute, value):
        if attribute not in self.writable:
            return zcl.READ_ONLY
        return zcl.INVALID_VALUE if value == 99 else zcl.SUCCESS

    def write(self, attribute, value, now_ms):
        self.values[attribute] = value

    def command(self, message, which, fields, now_ms):
        self.commanded.append((which, fields))
        return self.answer

    def told(self, message, sequence, which, status, now_ms):
        self.heard.append((which, status, message.secured))

    def to_send(self):
        return self.out.pop(0) if self.out else None


def an_endpoint(**more):
    clusters = [
        Some(METERING, {0: 123456, 1: server.INVALID, 0x0200: 0, 0x0300: 0, 0x0400: 250, 0x0106: 9, 0x0107: 8}),
        Some(TIME, {0: 1000, 1: 3, 2: 0, 9: 5}, (2, 9)),
        Some(BASIC, {0: 3, 4: "Maker"}),
        Some(ALARMS, {0: 0}),
        Some(MESSAGING, {}, client=True),
    ]
    return server.Endpoint(clusters, **more)


def ask(endpoint, cluster, data, secured=True, broadcast=False, now_ms=0):
    """Sends one frame; the answers' octets in hexadecimal."""
    endpoint.receive(server.Message(HUB, 7, cluster, bytes.fromhex(data), secured, broadcast), now_ms)
    return answers(endpoint)


def answers(endpoint):
    found = []
    message = endpoint.to_send()
    while message is not None:
        assert (message.peer, message.endpoint) == (HUB, 7)
        found.append(message.data.hex() + ("" if message.secured else " open"))
        message = endpoint.to_send()
    return found


def test_attributes_are_read_with_their_types():
    found = ask(an_endpoint(), METERING, "00" + "2a" + "00" + "0000" + "0100" + "0400" + "0004")
    assert found == [
        "182a01" + "0000002540e201000000" + "01000025ffffffffffff" + "040086" + "0004002afa0000",
    ]


def test_a_value_that_does_not_fit_its_type_is_a_failure_of_ours_and_not_of_the_others():
    endpoint = an_endpoint()
    endpoint.clusters[0].values[0x0400] = 1 << 40
    assert ask(endpoint, METERING, "002a00" + "0004" + "0003") == ["182a01" + "0004c0" + "0003003000"]
    assert sum(endpoint.dropped.values()) == 1


def test_what_does_not_fit_into_an_answer_is_named_as_long_as_that_fits():
    endpoint = an_endpoint(answer_size=26)
    found = ask(endpoint, METERING, "002a00" + "0000" * 5)
    one = "0000002540e201000000"
    assert found == ["182a01" + one * 2 + "000089" * 2]


def test_attributes_are_written_where_that_is_allowed_and_where_type_and_value_are_right():
    endpoint = an_endpoint()
    clock = endpoint.clusters[1]
    assert ask(endpoint, TIME, "000102" + "02002b10000000") == ["180104" + "00"]
    assert clock.values[2] == 16
    wrong = "00002300000000" + "02002b63000000" + "00004200" + "0400e205000000" + "0100" + "1803" + "0900e207000000"
    assert ask(endpoint, TIME, "000102" + wrong) == ["180104" + "8d0000" + "870200" + "8d0000" + "860400" + "880100"]
    assert (clock.values[2], clock.values[9]) == (16, 7)
    assert ask(endpoint, METERING, "000102" + "00002540e201000000") == ["180104" + "880000"]


def test_an_undivided_write_writes_all_or_nothing():
    endpoint = an_endpoint()
    clock = endpoint.clusters[1]
    assert ask(endpoint, TIME, "000103" + "02002b10000000" + "0900e263000000") == ["180104" + "870900"]
    assert (clock.values[2], clock.values[9]) == (0, 5)
    assert ask(endpoint, TIME, "000103" + "02002b10000000" + "0900e207000000") == ["180104" + "00"]
    assert (clock.values[2], clock.values[9]) == (16, 7)


def test_a_write_without_response_has_none():
    endpoint = an_endpoint()
    assert ask(endpoint, TIME, "000105" + "02002b10000000" + "0000e210000000") == []
    assert endpoint.clusters[1].values[2] == 16


def test_attributes_are_discovered_in_order():
    endpoint = an_endpoint()
    assert ask(endpoint, METERING, "00050c" + "0000" + "20") == [
        "18050d01" + "000025" + "010025" + "060125" + "070125" + "000218" + "000330" + "00042a",
    ]
    assert ask(endpoint, METERING, "00050c" + "0200" + "02") == ["18050d00" + "060125" + "070125"]
    assert ask(endpoint, METERING, "00050c" + "0004" + "00") == ["18050d00"]
    assert ask(endpoint, METERING, "00050c" + "0104" + "ff") == ["18050d01"]


def test_a_command_is_answered_by_its_cluster_or_by_a_default_response():
    endpoint = an_endpoint()
    meter = endpoint.clusters[0]
    assert ask(endpoint, METERING, "01070c" + "02") == ["18070b0c00"]
    assert meter.commanded == [(0x0C, {"proposed_supply_status": 2})]
    assert ask(endpoint, METERING, "11070c" + "02") == []
    meter.answer = zcl.NOT_AUTHORIZED
    assert ask(endpoint, METERING, "11070c" + "02") == ["18070b0c7e"]
    meter.answer = [(5, {"snapshot_id": 1, "snapshot_confirmation": 0})]
    assert ask(endpoint, METERING, "010805" + "00000000") == ["190805" + "0100000000"]
    meter.answer = [(5, {"snapshot_id": -1, "snapshot_confirmation": 0})]
    assert ask(endpoint, METERING, "010805" + "00000000") == ["18080b05c0"]
    meter.answer = []
    assert ask(endpoint, METERING, "010805" + "00000000") == ["18080b0500"]


def test_what_cannot_be_answered_is_refused_with_the_reason():
    endpoint = an_endpoint()
    for cluster, data, status in (
        (METERING, "01075a", zcl.UNSUPPORTED_CLUSTER_COMMAND),
        (METERING, "01070c", zcl.MALFORMED_COMMAND),
        (METERING, "01070c0200", zcl.MALFORMED_COMMAND),
        (METERING, "00075a", zcl.UNSUPPORTED_GENERAL_COMMAND),
        (METERING, "00070000", zcl.MALFORMED_COMMAND),
        (0x0705, "000700", zcl.UNSUPPORTED_CLUSTER),
        (0x1234, "000700", zcl.UNSUPPORTED_CLUSTER),
    ):
        found = ask(endpoint, cluster, data)
        assert found == ["18070b" + data[4:6] + "%02x" % status], data
    assert ask(endpoint, METERING, "05db10075a") == ["1cdb10070b5a83"]
    assert ask(endpoint, METERING, "04db100700") == ["1cdb10070b0084"]
    # To a client nobody is.
    assert ask(endpoint, METERING, "09070c") == ["10070b0cc3"]
    assert ask(endpoint, MESSAGING, "09070100000000" + "00") == ["10070b0100"]
    assert ask(endpoint, METERING, "0307") == []
    assert ask(endpoint, METERING, "") == []


def test_a_frame_that_needs_the_link_key_and_has_it_not_is_answered_failure_without_it():
    endpoint = an_endpoint()
    assert ask(endpoint, METERING, "00070000" + "00", secured=False) == ["18070b0001 open"]
    assert ask(endpoint, METERING, "11070c02", secured=False) == ["18070b0c01 open"]
    assert ask(endpoint, METERING, "11070c02", secured=False, broadcast=True) == []
    assert endpoint.clusters[0].commanded == []
    assert endpoint.dropped == {"not protected by the link key": 3}
    assert ask(endpoint, BASIC, "0007000000", secured=False) == ["180701000000" + "2003 open"]
    assert ask(endpoint, BASIC, "0007000000") == ["180701000000" + "2003"]


def test_time_and_alarms_are_a_setting():
    time, alarms = "00070000" + "00", "00070000" + "00"
    endpoint = an_endpoint()
    assert ask(endpoint, TIME, time, secured=False) == ["180701000000e2e8030000 open"]
    assert ask(endpoint, ALARMS, alarms, secured=False) == ["18070b0001 open"]
    endpoint = an_endpoint(open_clusters=(ALARMS,))
    assert ask(endpoint, TIME, time, secured=False) == ["18070b0001 open"]
    assert ask(endpoint, ALARMS, alarms, secured=False) == ["180701000000210000 open"]


def test_the_clusters_that_need_the_link_key_are_those_of_smart_energy():
    endpoint = an_endpoint()
    open_ones = [row[0] for row in tables.CLUSTERS if not endpoint.needs_key(row[0])]
    assert open_ones == [0x0000, 0x0003, TIME, 0x0800]
    assert endpoint.needs_key(0x1234)


def test_default_responses_are_never_answered():
    endpoint = an_endpoint()
    assert ask(endpoint, METERING, "08070b0086") == []
    assert ask(endpoint, METERING, "00070b00") == []
    assert ask(endpoint, METERING, "00070b0001", secured=False) == []
    told = [endpoint.next_event(), endpoint.next_event()]
    assert [(one.command, one.status, one.secured) for one in told] == [(0, 0x86, True), (0, 1, False)]
    assert endpoint.clusters[0].heard == [(0, 1, False)]
    assert endpoint.next_event() is None


def test_answers_and_reports_of_others_are_facts():
    endpoint = an_endpoint()
    assert endpoint.read(HUB, 7, 0x0025, [0, 1]) == 1
    assert answers(endpoint) == ["000100" + "00000100"]
    assert ask(endpoint, 0x0025, "180101" + "000000200a" + "010086") == []
    fact = endpoint.next_event()
    assert (fact.sequence, fact.records) == (1, [(0, 0, zcl.U8, 10), (1, 0x86, 0, None)])
    assert ask(endpoint, METERING, "08090a" + "00042a0a0000") == ["10090b0a00"]
    assert endpoint.next_event().values == [(0x0400, zcl.I24, 10)]
    assert ask(endpoint, METERING, "08090a" + "00042a0a0000", secured=False) == []
    assert ask(endpoint, METERING, "08090a" + "00042a0a00") == []
    assert endpoint.next_event() is None


def test_what_a_cluster_sends_unasked_goes_out_encrypted():
    endpoint = an_endpoint()
    endpoint.clusters[0].out = [server.Outgoing(HUB, 7, 0x0D, {"sample_id": 5}), server.Outgoing(HUB, 7, 0x0D, {})]
    assert answers(endpoint) == ["09010d0500"]
    assert endpoint.dropped == {"Start Sampling Response has no sample_id": 1}
    endpoint.clusters[4].out = [server.Outgoing(HUB, 7, 0, {})]
    assert answers(endpoint) == ["010300"]


def test_reports_come_when_enough_changed_or_enough_time_has_passed():
    endpoint = an_endpoint()
    meter = endpoint.clusters[0]
    assert ask(endpoint, METERING, "000106" + "00" + "0004" + "2a" + "0a00" + "2c01" + "320000") == ["180107" + "00"]
    # It is looked for changes every ten seconds.
    assert endpoint.deadline_ms() == server.LOOK_AT_LATEST_MS - server.LOOK_MS
    meter.values[0x0400] = 290
    endpoint.tick(20000)
    assert answers(endpoint) == []
    meter.values[0x0400] = 300
    endpoint.tick(20999)
    assert answers(endpoint) == []
    endpoint.tick(21000)
    assert answers(endpoint) == ["18010a" + "00042a2c0100"]
    endpoint.tick(320999)
    assert answers(endpoint) == []
    endpoint.tick(321000)
    assert answers(endpoint) == ["18020a" + "00042a2c0100"]
    assert ask(endpoint, METERING, "000108" + "000004" + "000000") == [
        "180109" + "0000" + "0004" + "2a0a002c01320000" + "8b000000",
    ]
    assert ask(endpoint, METERING, "000106" + "00" + "0004" + "2a" + "0000" + "ffff" + "000000") == ["180107" + "00"]
    assert endpoint.deadline_ms() is None


def test_reports_that_cannot_be_are_refused():
    endpoint = an_endpoint()
    bad = "00" + "0004" + "29" + "0a00" + "2c01" + "3200" + "00" + "0100" + "25" + "0a00" + "0500" + "000000000000"
    none = "00" + "0300" + "25" + "0a00" + "2c01" + "000000000000"
    assert ask(endpoint, METERING, "000106" + bad + none) == ["180107" + "8d000004" + "87000100" + "86000300"]
    rows = [0x0106 + number for number in range(server.REPORT_LIMIT + 1)]
    for which in rows:
        endpoint.clusters[0].values[which] = 1
    one = "25" + "0000" + "2c01" + "000000000000"
    data = "".join(["00" + which.to_bytes(2, "little").hex() + one for which in rows])
    assert ask(endpoint, METERING, "000106" + data) == ["180107" + "8900" + rows[-1].to_bytes(2, "little").hex()]


def test_queues_and_counters_have_an_end():
    endpoint = an_endpoint()
    for number in range(500):
        endpoint.receive(server.Message(HUB, 7, METERING, b"\x00\x01\x00\x00\x00"), 0)
        endpoint.receive(server.Message(HUB, 7, METERING, b"\x08\x01\x0b\x00\x86"), 0)
        endpoint.receive(server.Message(HUB, 7, METERING, bytes((1, 1, 0x0C)) + bytes(number)), 0)
    assert len(answers(endpoint)) == server.QUEUE_LIMIT
    assert len(endpoint.dropped) < 10
    assert endpoint.inputs() == [METERING, TIME, BASIC, ALARMS]
    assert endpoint.outputs() == [MESSAGING]


def count(endpoint):
    """How many messages the endpoint sends."""
    found = 0
    while endpoint.to_send() is not None:
        found += 1
    return found


def test_each_peer_has_reports_of_its_own_as_many_as_it_may_until_it_is_forgotten():
    endpoint = an_endpoint()
    meter = endpoint.clusters[0]
    wanted = zcl.build_frame(
        zcl.Frame(zcl.GENERAL, zcl.CONFIGURE_REPORTING, zcl.build_configure([zcl.Reporting(0x0400, 0x2A)]), 1)
    )
    for number in range(20):
        for peer in (HUB, bytes(8)):
            endpoint.receive(server.Message(peer, number, METERING, wanted), 0)
    told = [zcl.parse_frame(endpoint.to_send().data).payload[:1] for _ in range(40)]
    assert told.count(b"\x00") == 2 * server.REPORT_LIMIT
    assert told.count(bytes((zcl.INSUFFICIENT_SPACE,))) == 8
    meter.values[0x0400] += 1
    endpoint.tick(5000)
    assert count(endpoint) == 2 * server.REPORT_LIMIT
    endpoint.forget(HUB)
    meter.values[0x0400] += 1
    endpoint.tick(9000)
    assert count(endpoint) == server.REPORT_LIMIT


def test_a_device_that_is_not_admitted_is_refused_what_needs_the_key_and_nothing_else():
    endpoint = an_endpoint()
    endpoint.admits = lambda peer: peer != HUB
    assert ask(endpoint, METERING, "0001000004") == ["18010b" + "007e"]
    assert endpoint.dropped == {"from a device that is not admitted": 1}
    endpoint.admits = lambda peer: True
    assert ask(endpoint, METERING, "0001000004")[0].startswith("180101")
