"""Fuzzes the cluster library: frames, general commands, commands of clusters, and a meter's endpoint that answers them.

An input is a cluster id (2), bits (1: 1 with the link key, 2 a broadcast), and a frame.
"""

import mutate

from slotmeter.zigbee_han import commands, server, tables, zcl
from slotmeter.zigbee_han.clusters import values as told
from slotmeter.zigbee_han.clusters.basic import Basic
from slotmeter.zigbee_han.clusters.calendar import Calendar
from slotmeter.zigbee_han.clusters.clock import Clock
from slotmeter.zigbee_han.clusters.events import Events
from slotmeter.zigbee_han.clusters.management import Management
from slotmeter.zigbee_han.clusters.messaging import Messaging
from slotmeter.zigbee_han.clusters.metering import Metering
from slotmeter.zigbee_han.clusters.prepayment import Prepayment
from slotmeter.zigbee_han.clusters.price import Price
from slotmeter.zigbee_han.errors import DecodeError
from slotmeter.zigbee_han.tunnel import Tunnel, TunnelClient

PEER = b"\x00\xdb\x124Vx\x90\xb7"


class AMeter(told.Values):
    """Enough facts that most answers have some."""

    def utc_s(self):
        return 835000000

    def import_wh(self):
        return 1

    def demand_w(self):
        return -1

    def tier_wh(self, tier):
        return tier

    def site_id(self):
        return bytes(32)

    def price_now(self):
        return told.PriceNow(1, 2, 3, 20, 48, bytes(12))

    def prices(self):
        return list(range(48))

    def tariff(self):
        return 0, b"x" * 24, 1

    def calendar(self):
        date = (2025, None, 1, 7)
        times = [(number, 1 + number % 48) for number in range(100)]
        return told.Tables(5, b"name", 1, [(date, 1)] * 40, [(1, [1] * 7)] * 9, [(1, times)] * 30, [(date, 1)] * 60)

    def notice(self):
        return told.Notice(1, "message " * 15)

    def top_up_log(self):
        return [(b"1" * 25, 5, number) for number in range(10)]

    def events(self, log):
        return [told.Event(6, 1, 2, bytes(number)) for number in range(100)]


def seeds():
    found = []
    for number, _, _, _, rows in tables.CLUSTERS:
        head = number.to_bytes(2, "little") + b"\x01"
        for which, _, to_client, fields in rows:
            plain = {zcl.OCTETS: b"label", zcl.TEXT: "text", zcl.BOOL: True, zcl.DATE: [2021, 12, 25, 6]}
            values = {}
            for name, kind, _ in fields:
                values[name] = [] if isinstance(kind, tuple) else plain.get(kind, bytes(4) if kind < 0 else 1)
                if isinstance(kind, tuple) and name not in ("intervals", "samples", "commands", "protocols"):
                    values[name] = [{inner: plain.get(one, 2) for inner, one, _ in kind}] * 3
            for count in ("number_of_periods", "number_of_samples", "count"):
                if any(name in ("intervals", "samples", "protocols") for name in values) and count in values:
                    values[count] = 0
            if "commands" in values:
                values["number_of_commands"] = 0
            payload = commands.build(number, to_client, which, values)
            frame = zcl.Frame(zcl.CLUSTER, which, payload, 1, to_client)
            found.append(head + zcl.build_frame(frame))
        attribute = (0, 1, 0x0100, 0x0400)
        amounts = [(one, zcl.U48, 5) for one in attribute]
        for which, payload in (
            (zcl.READ, zcl.build_ids(list(attribute) * 10)),
            (zcl.READ_RESPONSE, b"".join([zcl.build_read_record(one, 0, zcl.U48, 5) for one in attribute])),
            (zcl.WRITE, zcl.build_values([*amounts, (2, zcl.STRUCTURE, [(zcl.ARRAY, (zcl.U8, [1, 2]))])])),
            (zcl.WRITE_UNDIVIDED, zcl.build_values(amounts)),
            (zcl.CONFIGURE_REPORTING, zcl.build_configure([zcl.Reporting(0, zcl.U48, 1, 10, 1)])),
            (zcl.READ_REPORTING, zcl.build_read_reporting([(0, 0), (1, 0)])),
            (zcl.REPORT, zcl.build_values(amounts)),
            (zcl.DISCOVER, b"\x00\x00\xff"),
            (zcl.DISCOVER_RESPONSE, zcl.build_discover_response(True, [(0, zcl.U48), (1, zcl.U8)])),
            (zcl.DEFAULT_RESPONSE, b"\x00\x01"),
        ):
            found.append(head + zcl.build_frame(zcl.Frame(zcl.GENERAL, which, payload, 1)))
    return found


METER = AMeter()
SERVERS = [Basic(METER), Clock(METER), Metering(METER), Price(METER), Messaging(METER), Prepayment(METER)]
SERVERS += [Management(METER), Calendar(METER), Events(METER), Tunnel(), TunnelClient(PEER)]
ENDPOINT = server.Endpoint(SERVERS)
TIMES = [0]

PARSERS = {
    zcl.READ: (zcl.parse_ids, zcl.build_ids),
    zcl.READ_RESPONSE: (
        zcl.parse_read_response,
        lambda found: b"".join([zcl.build_read_record(*record) for record in found]),
    ),
    zcl.WRITE: (zcl.parse_values, zcl.build_values),
    zcl.WRITE_RESPONSE: (zcl.parse_write_response, zcl.build_write_response),
    zcl.CONFIGURE_REPORTING: (zcl.parse_configure, zcl.build_configure),
    zcl.CONFIGURE_REPORTING_RESPONSE: (zcl.parse_configure_response, zcl.build_configure_response),
    zcl.READ_REPORTING: (zcl.parse_read_reporting, zcl.build_read_reporting),
    zcl.READ_REPORTING_RESPONSE: (zcl.parse_read_reporting_response, zcl.build_read_reporting_response),
    zcl.DISCOVER_RESPONSE: (zcl.parse_discover_response, lambda found: zcl.build_discover_response(*found)),
}


def parse(data):
    cluster = int.from_bytes(data[:2], "little")
    bits = data[2] if len(data) > 2 else 0
    octets = data[3:]
    TIMES[0] += 1000
    ENDPOINT.receive(server.Message(PEER, 1, cluster, octets, bool(bits & 1), bool(bits & 2)), TIMES[0])
    ENDPOINT.tick(TIMES[0])
    for _ in range(200):
        answer = ENDPOINT.to_send()
        if answer is None:
            break
        zcl.parse_frame(answer.data)
        assert bits & 1 or not answer.secured or ENDPOINT.needs_key(answer.cluster)
    else:
        raise AssertionError("it answers without end")
    while ENDPOINT.next_event() is not None:
        pass
    assert len(ENDPOINT.dropped) <= server.QUEUE_LIMIT
    frame = zcl.parse_frame(octets)
    assert zcl.build_frame(frame) == octets, "the frame builds differently"
    if frame.kind == zcl.CLUSTER:
        fields = commands.parse(cluster, frame.to_client, frame.command, frame.payload)
        assert commands.build(cluster, frame.to_client, frame.command, fields) == frame.payload, "built differently"
    elif frame.command in PARSERS:
        take, build = PARSERS[frame.command]
        assert build(take(frame.payload)) == frame.payload, "the command builds differently"


TARGET = mutate.Target("zigbee_han/zcl.py", seeds(), parse, DecodeError)

if __name__ == "__main__":
    mutate.main(TARGET)
