"""What a meter serves, asked over an endpoint as a display asks it."""

from slotmeter.zigbee_han import commands, server, tables, zcl
from slotmeter.zigbee_han.clusters import values as told
from slotmeter.zigbee_han.clusters.basic import Basic
from slotmeter.zigbee_han.clusters.clock import Clock
from slotmeter.zigbee_han.clusters.events import Events
from slotmeter.zigbee_han.clusters.listeners import LISTENERS
from slotmeter.zigbee_han.clusters.management import Management
from slotmeter.zigbee_han.clusters.messaging import Messaging
from slotmeter.zigbee_han.clusters.metering import Metering
from slotmeter.zigbee_han.clusters.prepayment import Prepayment
from slotmeter.zigbee_han.clusters.price import Price

DISPLAY = bytes.fromhex("00db1234567890b7")
TIME, PRICE, METERING, MESSAGING = 0x000A, 0x0700, 0x0702, 0x0703
PREPAYMENT, MANAGEMENT, EVENTS = 0x0705, 0x0708, 0x0709
NOW = 835000000


class AMeter(told.Values):
    """A meter with a life."""

    def __init__(self):
        self.now = NOW
        self.price = told.PriceNow(15480, NOW - 600, NOW + 3000, 2, 3, b"Day", 7)
        self.message = None
        self.confirmed = []
        self.topped = []
        self.logged = []
        self.list = []
        self.wanted = []

    def utc_s(self):
        return self.now

    def synchronised(self):
        return True

    def summer(self):
        return NOW - 1000, NOW + 1000, 3600

    def manufacturer(self):
        return "Maker"

    def import_wh(self):
        return 12345678

    def tier_wh(self, tier):
        return 1000 * tier if tier <= 4 else None

    def demand_w(self):
        return -250

    def day_wh(self, day):
        return 100 + day

    def week_wh(self, week):
        return 700 + week

    def month_wh(self, month):
        return 3000 + month

    def largest_demand(self):
        return 4200, NOW - 5000

    def supply(self):
        return told.SUPPLY_ON

    def load_limit(self):
        return 10000, 1800, told.SUPPLY_ARMED, 2

    def bill_mp(self):
        return 1234567, NOW

    def local_supply(self, wanted):
        self.wanted.append(wanted)
        return zcl.SUCCESS if wanted == told.SUPPLY_ON else zcl.FAILURE

    def price_now(self):
        return self.price

    def prices(self):
        return [10000 + number for number in range(48)]

    def standing_charge(self):
        return 26510

    def tariff(self):
        return 5, b"Economy", NOW - 86400

    def supplier(self):
        return 0x1234, b"Supplier", b"01234 567890"

    def tenancy(self):
        return NOW - 1, 0x20

    def site_id(self):
        return b"1234567890123"

    def notice(self):
        return self.message

    def notice_confirmed(self, number, at_s, answer):
        self.confirmed.append((number, at_s, answer))
        return self.message is not None and number == self.message.number

    def payment_control(self):
        return told.PREPAYMENT_ENABLED | told.ACCOUNT_IN_CURRENCY

    def credit_status(self):
        return told.CREDIT_LOW

    def credit_mp(self):
        return -1500

    def debt_mp(self, which):
        return 1000 * which

    def debt_rate(self, which):
        return 50 * which, 1

    def debt_share(self):
        return 2500

    def credit_limit_mp(self):
        return 90000, 50000

    def top_up_log(self):
        return self.logged

    def top_up(self, code, source):
        self.topped.append((code, source))
        return told.TOP_UP_ACCEPTED_SUPPLY_ARMED, 1250000

    def take_emergency_credit(self, source):
        return source == 2

    def events(self, log):
        return [one for one in self.list if not log or one.log == log]


def an_endpoint(meter):
    clusters = [Basic(meter), Clock(meter), Metering(meter), Price(meter), Messaging(meter), Prepayment(meter)]
    return server.Endpoint(clusters + [Management(meter), Events(meter)], answer_size=1500)  # noqa: RUF005


def sent(endpoint):
    """Frames that the endpoint sends."""
    found = []
    message = endpoint.to_send()
    while message is not None:
        assert message.secured
        found.append((message.cluster, zcl.parse_frame(message.data), message.peer))
        message = endpoint.to_send()
    return found


def read(endpoint, cluster, *ids):
    """{id: value, or the status with a minus}."""
    data = zcl.build_frame(zcl.Frame(zcl.GENERAL, zcl.READ, zcl.build_ids(list(ids)), 1))
    endpoint.receive(server.Message(DISPLAY, 1, cluster, data), 0)
    [(_, frame, _)] = sent(endpoint)
    return {which: -status if status else value for which, status, _, value in zcl.parse_read_response(frame.payload)}


def listed(endpoint, cluster, *ids):
    """The values in the order of `ids`, or their status with a minus."""
    found = read(endpoint, cluster, *ids)
    return [found[which] for which in ids]


def ask(endpoint, cluster, which, fields, peer=DISPLAY):
    """The commands that answer one: [(command, fields)], or [(-1, status)] for a default response."""
    payload = commands.build(cluster, False, which, fields)
    data = zcl.build_frame(zcl.Frame(zcl.CLUSTER, which, payload, 1))
    endpoint.receive(server.Message(peer, 1, cluster, data), 0)
    return [shown(cluster, frame) for cluster, frame, _ in sent(endpoint)]


def shown(cluster, frame):
    if frame.kind == zcl.GENERAL:
        return -1, zcl.parse_default_response(frame.payload)[1]
    return frame.command, commands.parse(cluster, frame.to_client, frame.command, frame.payload)


def test_the_registers_are_read_in_watt_hours():
    endpoint = an_endpoint(AMeter())
    found = read(endpoint, METERING, 0x0000, 0x0001, 0x0100, 0x0106, 0x0108, 0x0101, 0x0300, 0x0301, 0x0302, 0x0303)
    assert found == {
        0x0000: 12345678,
        0x0001: -zcl.UNSUPPORTED_ATTRIBUTE,
        0x0100: 1000,
        0x0106: 4000,
        0x0108: -zcl.UNSUPPORTED_ATTRIBUTE,
        0x0101: -zcl.UNSUPPORTED_ATTRIBUTE,
        0x0300: 0,
        0x0301: 1,
        0x0302: 1000,
        0x0303: 0xB3,
    }


def test_power_history_and_status_are_read():
    endpoint = an_endpoint(AMeter())
    found = listed(endpoint, METERING, 0x0400, 0x0401, 0x0403, 0x0420, 0x042C, 0x0430, 0x0432, 0x043A, 0x0440, 0x045A)
    assert found == [-250, 100, 101, 102, 108, 700, 701, 705, 3000, 3013]
    found = listed(endpoint, METERING, 0x0002, 0x0008, 0x0014, 0x0020, 0x0200, 0x0601, 0x0604, 0x0605, 0x0606, 0x0A00)
    assert found == [4200, NOW - 5000, 2, 2, 0, 10000, 1800, 1, 2, 1234567]
    assert read(endpoint, METERING, 0x0A01, 0x0A04, 0x0206, 0x0307, 0x0306) == {
        0x0A01: NOW,
        0x0A04: 0x50,
        0x0206: -0x86,
        0x0307: b"1234567890123",
        0x0306: 0,
    }


def test_the_clock_is_read_and_never_set():
    meter = AMeter()
    endpoint = an_endpoint(meter)
    found = listed(endpoint, TIME, 0, 1, 2, 3, 4, 5, 6, 7)
    assert found == [NOW, 6, 0, NOW - 1000, NOW + 1000, 3600, NOW, NOW + 3600]
    meter.now = server.INVALID
    assert read(endpoint, TIME, 0, 7) == {0: None, 7: None}
    data = zcl.build_frame(zcl.Frame(zcl.GENERAL, zcl.WRITE, zcl.build_values([(0, zcl.UTC, 5)]), 1))
    endpoint.receive(server.Message(DISPLAY, 1, TIME, data), 0)
    [(_, frame, _)] = sent(endpoint)
    assert zcl.parse_write_response(frame.payload) == [(zcl.READ_ONLY, 0)]


def test_the_price_in_force_is_told():
    [(which, price)] = ask(an_endpoint(AMeter()), PRICE, 0, {"options": 0})
    assert which == 0
    for name, value in (
        ("provider_id", 0x1234),
        ("rate_label", b"Day"),
        ("issuer_event_id", 7),
        ("current_time", NOW),
        ("currency", 826),
        ("price_trailing_digit_and_tier", 0x52),
        ("number_of_tiers_and_register_tier", 0x32),
        ("duration_minutes", 60),
        ("price", 15480),
        ("extended_price_tier", 0),
    ):
        assert price[name] == value, name


def test_tiers_beyond_15_use_the_extended_fields():
    meter = AMeter()
    meter.price = told.PriceNow(1, 2, None, 20, 48)
    [(_, price)] = ask(an_endpoint(meter), PRICE, 0, {"options": 0})
    assert (price["price_trailing_digit_and_tier"], price["extended_price_tier"]) == (0x5F, 5)
    assert (price["number_of_tiers_and_register_tier"], price["extended_number_of_tiers"]) == (0xFF, 33)
    assert (price["duration_minutes"], price["price_control"]) == (0xFFFF, 2)


def test_a_change_of_the_price_is_published_to_who_asked_for_it():
    meter = AMeter()
    endpoint = an_endpoint(meter)
    endpoint.tick(0)
    assert sent(endpoint) == []
    ask(endpoint, PRICE, 0, {"options": 0})
    ask(endpoint, PRICE, 0, {"options": 1}, b"\x01" * 8)
    ask(endpoint, PRICE, 0, {"options": 1}, b"\x02" * 8)
    endpoint.tick(1000)
    assert sent(endpoint) == []
    meter.price = told.PriceNow(20000, NOW, None, 3, 3, b"Peak", 8)
    endpoint.tick(2000)
    meter.price = told.PriceNow(30000, NOW, None, 1, 3, b"Peak", 9)
    endpoint.tick(3000)
    found = sent(endpoint)
    assert [peer for _, _, peer in found] == [b"\x01" * 8, b"\x02" * 8]
    assert [shown(PRICE, frame)[1]["price"] for _, frame, _ in found] == [30000, 30000]
    endpoint.clusters[3].forget(b"\x01" * 8)
    meter.price = told.PriceNow(1, NOW)
    endpoint.tick(4000)
    assert [peer for _, _, peer in sent(endpoint)] == [b"\x02" * 8]


def test_listeners_have_an_end():
    meter = AMeter()
    endpoint = an_endpoint(meter)
    for number in range(3 * LISTENERS):
        ask(endpoint, PRICE, 0, {"options": 1}, bytes((number,)) * 8)
    meter.price = told.PriceNow(1, NOW)
    endpoint.tick(1000)
    assert len(sent(endpoint)) == LISTENERS


def test_the_tariff_and_all_its_prices_are_told():
    endpoint = an_endpoint(AMeter())
    asked = {"earliest_start_time": 0, "min_issuer_event_id": 0, "number_of_commands": 0, "tariff_type": 0}
    [(which, tariff)] = ask(endpoint, PRICE, 6, asked)
    assert which == 4
    assert (tariff["issuer_tariff_id"], tariff["standing_charge"], tariff["number_of_price_tiers"]) == (5, 26510, 48)
    parts = ask(endpoint, PRICE, 7, {"issuer_tariff_id": 5})
    assert [(part["command_index"], part["number_of_commands"]) for _, part in parts] == [(0, 3), (1, 3), (2, 3)]
    prices = [(one["tier_or_block"], one["price"]) for _, part in parts for one in part["prices"]]
    assert prices == [(tier, 9999 + tier) for tier in range(1, 49)]
    assert ask(endpoint, PRICE, 7, {"issuer_tariff_id": 6}) == [(-1, zcl.NOT_FOUND)]
    found = listed(endpoint, PRICE, 0x0500, 0x052F, 0x0301, 0x0610, 0x0611, 0x0616, 0x0617, 0x0400, 0x0100)
    assert found == [10000, 10047, 26510, b"Economy", 48, 826, 0x50, -0x86, -0x86]


def test_messages_are_shown_confirmed_and_cancelled():
    meter = AMeter()
    endpoint = an_endpoint(meter)
    assert ask(endpoint, MESSAGING, 0, {}) == [(-1, zcl.NOT_FOUND)]
    meter.message = told.Notice(9, "Power off on Monday", confirm=True, importance=3)
    endpoint.tick(1000)
    [(_, frame, peer)] = sent(endpoint)
    assert peer == DISPLAY
    which, fields = shown(MESSAGING, frame)
    assert (which, fields["message_id"], fields["message_control"]) == (0, 9, 0x8C)
    assert fields["message"] == "Power off on Monday"
    [(which, again)] = ask(endpoint, MESSAGING, 0, {})
    assert again == fields
    assert ask(endpoint, MESSAGING, 1, {"message_id": 9, "confirmation_time": NOW}) == [(-1, zcl.SUCCESS)]
    assert ask(endpoint, MESSAGING, 1, {"message_id": 8, "confirmation_time": NOW}) == [(-1, zcl.NOT_FOUND)]
    assert meter.confirmed == [(9, NOW, b""), (8, NOW, b"")]
    meter.message = None
    endpoint.tick(2000)
    [(_, frame, _)] = sent(endpoint)
    assert shown(MESSAGING, frame) == (1, {"message_id": 9, "message_control": 0})
    endpoint.tick(3000)
    assert sent(endpoint) == []


def test_the_account_is_read():
    meter = AMeter()
    meter.logged = [(b"12345678901234567890", 1000, NOW - 5), (b"2", 2000, NOW - 6)]
    endpoint = an_endpoint(meter)
    found = listed(endpoint, PREPAYMENT, 0, 1, 2, 3, 4, 5, 0x21, 0x22, 0x40)
    assert found == [0x42, -1500, -0x86, 2, NOW, 0, 90000, 50000, -0x86]
    found = listed(endpoint, PREPAYMENT, 0x0100, 0x0101, 0x0102, 0x0103, 0x0110, 0x0113, 0x0120)
    assert found == [NOW - 5, 1000, -0x86, b"12345678901234567890", NOW - 6, b"2", -0x86]
    found = listed(endpoint, PREPAYMENT, 0x0211, 0x0212, 0x0216, 0x0217, 0x0231, 0x0232, 0x0236, 0x0239, 0x0210)
    assert found == [1000, 0, 1, 50, 3000, 1, -0x86, 2500, -0x86]


def test_a_top_up_is_tried_and_its_result_told():
    meter = AMeter()
    endpoint = an_endpoint(meter)
    code = b"12345678901234567890"
    assert ask(endpoint, PREPAYMENT, 4, {"originating_device": 2, "top_up_code": code}) == [
        (3, {"result_type": 0x12, "top_up_value": 1250000, "source_of_top_up": 2, "credit_remaining": -1500})
    ]
    assert meter.topped == [(code, 2)]
    for bad in (b"", b"1" * 26, None):
        assert ask(endpoint, PREPAYMENT, 4, {"originating_device": 2, "top_up_code": bad}) == [(-1, zcl.INVALID_FIELD)]
    assert len(meter.topped) == 1
    chosen = {"command_issue_date_time": NOW, "originating_device": 2}
    assert ask(endpoint, PREPAYMENT, 0, chosen) == [(-1, zcl.SUCCESS)]
    assert ask(endpoint, PREPAYMENT, 0, dict(chosen, originating_device=1)) == [(-1, zcl.FAILURE)]
    # What the supplier alone may do is not done from the HAN.
    assert ask(endpoint, PREPAYMENT, 9, {"low_credit_warning_level": 1}) == [(-1, zcl.UNSUPPORTED_CLUSTER_COMMAND)]


def test_the_top_up_log_is_told_in_parts():
    meter = AMeter()
    endpoint = an_endpoint(meter)
    asked = {"latest_end_time": NOW, "number_of_records": 0}
    assert ask(endpoint, PREPAYMENT, 8, asked) == [(-1, zcl.NOT_FOUND)]
    meter.logged = [(("%020d" % number).encode(), number, NOW + 2 - number) for number in range(10)]
    parts = ask(endpoint, PREPAYMENT, 8, asked)
    assert [(part["command_index"], part["number_of_commands"]) for _, part in parts] == [(0, 3), (1, 3), (2, 3)]
    assert [one["top_up_amount"] for _, part in parts for one in part["top_ups"]] == list(range(2, 10))
    parts = ask(endpoint, PREPAYMENT, 8, dict(asked, number_of_records=2))
    assert [one["top_up_amount"] for _, part in parts for one in part["top_ups"]] == [2, 3]


def test_the_button_of_a_display_asks_the_meter():
    meter = AMeter()
    endpoint = an_endpoint(meter)
    assert ask(endpoint, METERING, 0x0C, {"proposed_supply_status": 2}) == [(-1, zcl.SUCCESS)]
    assert ask(endpoint, METERING, 0x0C, {"proposed_supply_status": 1}) == [(-1, zcl.FAILURE)]
    assert ask(endpoint, METERING, 0x0C, {"proposed_supply_status": 0}) == [(-1, zcl.INVALID_VALUE)]
    assert meter.wanted == [2, 1]


def test_supplier_tenancy_and_site_are_told():
    endpoint = an_endpoint(AMeter())
    found = listed(endpoint, MANAGEMENT, 0x0100, 0x0101, 0x0102, 0x0200, 0x0201, 0x0110)
    assert found == [0x1234, b"Supplier", b"01234 567890", NOW - 1, 0x20, -0x86]
    [(which, tenancy)] = ask(endpoint, MANAGEMENT, 0, {})
    assert (which, tenancy["implementation_date_time"]) == (0, NOW - 1)
    assert tenancy["proposed_tenancy_change_control"] == 0x20
    [(which, site)] = ask(endpoint, MANAGEMENT, 3, {})
    assert (which, site["site_id"]) == (3, b"1234567890123")
    assert ask(endpoint, MANAGEMENT, 5, {}) == [(-1, zcl.NOT_FOUND)]


def test_event_logs_are_told_in_parts_and_not_cleared():
    meter = AMeter()
    meter.list = [told.Event(6 + number % 2, 0x8000 + number, NOW - number, bytes(number)) for number in range(60)]
    endpoint = an_endpoint(meter)
    asked = {"event_control_log_id": 6, "event_id": 0, "start_time": 0, "end_time": 0xFFFFFFFF}
    asked.update(number_of_events=0, event_offset=0)
    parts = ask(endpoint, EVENTS, 0, asked)
    entries = [one for _, part in parts for one in part["events"]]
    assert [one["event_id"] for one in entries] == [0x8000 + number for number in range(0, 60, 2)]
    assert [one["event_data"] for one in entries] == [b""] * 30
    assert [part["log_payload_control"] >> 4 for _, part in parts] == [15, 15]
    assert {part["total_number_of_events"] for _, part in parts} == {30}
    parts = ask(endpoint, EVENTS, 0, dict(asked, event_control_log_id=0x10, number_of_events=20, event_offset=2))
    entries = [one for _, part in parts for one in part["events"]]
    assert [one["event_data"] for one in entries] == [bytes(number) for number in range(2, 22)]
    assert len(parts) == 4
    early = dict(asked, start_time=NOW - 3, end_time=NOW)
    [(_, part)] = ask(endpoint, EVENTS, 0, early)
    assert [one["event_time"] for one in part["events"]] == [NOW - 2]
    assert ask(endpoint, EVENTS, 0, dict(asked, event_id=5)) == [(-1, zcl.NOT_FOUND)]
    assert ask(endpoint, EVENTS, 1, {"log_id": 6}) == [(-1, zcl.NOT_AUTHORIZED)]


def test_every_attribute_that_is_served_fits_its_type():
    endpoint = an_endpoint(AMeter())
    served = 0
    for cluster in endpoint.clusters:
        for first, _, _, _, count, step in commands.cluster(cluster.number)[3]:
            for which in range(first, first + count * step, step):
                found = read(endpoint, cluster.number, which)
                status = -found[which] if isinstance(found[which], int) else zcl.SUCCESS
                assert status != zcl.HARDWARE_FAILURE, (cluster.number, hex(which), endpoint.dropped)
                served += status != zcl.UNSUPPORTED_ATTRIBUTE
    assert served > 140
    assert endpoint.dropped == {}


def test_a_meter_that_has_nothing_answers_everything_all_the_same():
    endpoint = an_endpoint(told.Values())
    for number, _, _, attributes, rows in tables.CLUSTERS:
        for first, _, _, _, count, step in attributes:
            data = zcl.build_frame(zcl.Frame(0, 0, zcl.build_ids([first, first + (count - 1) * step]), 1))
            endpoint.receive(server.Message(DISPLAY, 1, number, data), 0)
            assert sent(endpoint)
        for which, _, to_client, fields in rows:
            if to_client or any(isinstance(kind, tuple) for _, kind, _ in fields):
                continue
            plain = {zcl.OCTETS: b"1", zcl.TEXT: "", zcl.BOOL: False, tables.REST: b""}
            values = {name: plain.get(kind, 0) for name, kind, _ in fields}
            payload = commands.build(number, False, which, values)
            data = zcl.build_frame(zcl.Frame(zcl.CLUSTER, which, payload, 1))
            endpoint.receive(server.Message(DISPLAY, 1, number, data), 0)
            assert sent(endpoint)
    endpoint.tick(1000)
    assert endpoint.dropped == {}
