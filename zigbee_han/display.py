"""An in-home display: it joins its hub's network as a meter does, and shows what meters tell it.

    start, with the key from its install code    as Joiner: in the network, and a key with the hub by certificate
    follow(meter)                                a link key with the meter, from the trust centre or by certificate
    then                                         it reads what ROWS says, as often as it says, and has changes reported

    of a meter   ASKING    it has no key with it: the trust centre is asked, after a minute again, at most each quarter
                           of an hour; KeyShared, or KeyAgreed when the meter began: READING
                 READING   one request at a time; three that had no answer: told, and ASKING

What was read is `value`, by cluster and attribute; what was published or answered a request is `told`, by cluster and
command: the fields of each part. A meter's message is `message` until it is cancelled; a person confirms it.

Which meter it follows somebody tells it: the radio port finds no services.
"""

from slotmeter.hal.radio import KeyShared
from slotmeter.zigbee_han import commands, zcl
from slotmeter.zigbee_han.clusters.calendar import (
    CALENDAR,
    GET_CALENDAR,
    GET_DAY_PROFILES,
    GET_SEASONS,
    GET_SPECIAL_DAYS,
    GET_WEEK_PROFILES,
    PUBLISH_CALENDAR,
)
from slotmeter.zigbee_han.clusters.client import Client, Published
from slotmeter.zigbee_han.clusters.events import EVENTS, GET_EVENT_LOG
from slotmeter.zigbee_han.clusters.management import GET_CHANGE_OF_TENANCY, MANAGEMENT
from slotmeter.zigbee_han.clusters.messaging import (
    CANCEL_MESSAGE,
    DISPLAY_MESSAGE,
    GET_LAST_MESSAGE,
    MESSAGE_CONFIRMATION,
    MESSAGING,
)
from slotmeter.zigbee_han.clusters.metering import LOCAL_CHANGE_SUPPLY, METERING
from slotmeter.zigbee_han.clusters.prepayment import (
    CONSUMER_TOP_UP,
    GET_TOP_UP_LOG,
    PREPAYMENT,
    SELECT_EMERGENCY_CREDIT,
)
from slotmeter.zigbee_han.clusters.price import (
    GET_CURRENT_PRICE,
    GET_PRICE_MATRIX,
    GET_TARIFF_INFORMATION,
    PRICE,
    PUBLISH_TARIFF_INFORMATION,
)
from slotmeter.zigbee_han.clusters.values import SUPPLY_ON
from slotmeter.zigbee_han.errors import EncodeError
from slotmeter.zigbee_han.joiner import FIRST_WAIT_MS, LONGEST_WAIT_MS, UP, Joiner
from slotmeter.zigbee_han.key_establishment import KeyAgreed
from slotmeter.zigbee_han.server import TIME, Answered, Configured, Reported
from slotmeter.zigbee_han.station import Failed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from slotmeter.hal.radio import Radio
    from slotmeter.zigbee_han.key_establishment import KeyExchange
    from slotmeter.zigbee_han.server import Told

# Device identifiers: an in-home display (type 2), and a prepayment terminal, which a PPMID is.
IN_HOME_DISPLAY = 0x0502
PREPAYMENT_TERMINAL = 0x0506
# Where a meter has its clusters.
METER_ENDPOINT = 1
# Ours: how many meters are followed.
METERS = 4
# Ours: parts of an answer that are kept, and commands that wait to be sent.
PARTS_LIMIT = 64
NEXT_LIMIT = 16
ANSWER_WITHIN_MS = 10000
# Ours: the meter has its half of a key that was shared by then.
KEY_SPREADS_MS = 1000
FAILURES = 3

# Originating device of a top-up: an in-home device (Smart Energy 1.4, D.7.2.3.1).
_SELF = 2

ASKING = 0
READING = 1

# What is asked: cluster, how, what, every how many seconds (0: once). READ: attributes. REPORT: attributes whose
# changes the meter is to report. ASK: a command, with its fields. DEMAND: the row of what a display must show that is
# ten seconds old at most.
READ = 0
REPORT = 1
ASK = 2
_ALL = 0xFFFFFFFF
DEMAND = 0
DEMAND_EVERY_S = 10
ROWS = (
    (METERING, READ, (0x0000, 0x0400), DEMAND_EVERY_S),
    (METERING, READ, (0x0300, 0x0301, 0x0302, 0x0303, 0x0304, 0x0306), 0),
    (METERING, REPORT, (0x0014, 0x0207), 3600),
    (PREPAYMENT, REPORT, (0x0000, 0x0003), 3600),
    (METERING, READ, (0x0014, 0x0020, 0x0200, 0x0207), 60),
    # Day, week and month, and the ones before them.
    (METERING, READ, (0x0401, 0x0403, 0x0430, 0x0432, 0x0440, 0x0442), 600),
    (TIME, READ, (0x0000, 0x0001, 0x0002), 3600),
    (PREPAYMENT, READ, (0x0000, 0x0001, 0x0002, 0x0003, 0x0005), 60),
    (PREPAYMENT, READ, (0x0010, 0x0011, 0x0021, 0x0022, 0x0031, 0x0040), 3600),
    (PRICE, READ, (0x0301, 0x0615, 0x0616, 0x0617), 3600),
    (MANAGEMENT, READ, (0x0100, 0x0101, 0x0102), 3600),
    (PRICE, ASK, (GET_CURRENT_PRICE, {"options": 1}), 3600),
    (
        PRICE,
        ASK,
        (
            GET_TARIFF_INFORMATION,
            {"earliest_start_time": 0, "min_issuer_event_id": _ALL, "number_of_commands": 0, "tariff_type": 0},
        ),
        3600,
    ),
    (MESSAGING, ASK, (GET_LAST_MESSAGE, {}), 3600),
    (
        CALENDAR,
        ASK,
        (
            GET_CALENDAR,
            {
                "earliest_start_time": 0,
                "min_issuer_event_id": _ALL,
                "number_of_calendars": 0,
                "calendar_type": 0,
                "provider_id": _ALL,
            },
        ),
        3600,
    ),
    (PREPAYMENT, ASK, (GET_TOP_UP_LOG, {"latest_end_time": _ALL, "number_of_records": 5}), 3600),
    (MANAGEMENT, ASK, (GET_CHANGE_OF_TENANCY, {}), 3600),
    (
        EVENTS,
        ASK,
        (
            GET_EVENT_LOG,
            {
                "event_control_log_id": 0,
                "event_id": 0,
                "start_time": 0,
                "end_time": 0,
                "number_of_events": 10,
                "event_offset": 0,
            },
        ),
        3600,
    ),
)  # type: tuple[Any, ...]
# Whose answers and announcements are taken.
_CLIENT_OF = (METERING, PRICE, MESSAGING, PREPAYMENT, CALENDAR, MANAGEMENT, EVENTS)


def _is_asked(cluster: int, attribute: int) -> bool:
    """Whether an attribute is one of those in ROWS: no others are kept."""
    return any([row[0] == cluster and row[1] != ASK and attribute in row[2] for row in ROWS])


def _place(fields: "dict[str, Any]") -> "tuple[int, int]":
    """Where a part belongs in an answer of several commands."""
    return fields.get("day_id", fields.get("week_id", 0)), fields.get("command_index", 0)


class Meter:
    """A meter that is followed: eui64, state; values and told as of the display; message, its last one, or None."""

    def __init__(self, eui64: bytes, state: int, now_ms: int) -> None:
        self.eui64 = eui64
        self.state = state
        self.values = {}  # type: dict[tuple[int, int], Any]
        self.told = {}  # type: dict[tuple[int, int], list[dict[str, Any]]]
        self.message = None  # type: dict[str, Any] | None
        self.failures = 0
        # Whether it says that it does not serve this display.
        self.refused = False
        # The request that is under way: its sequence, -1 for none, its cluster and since when.
        self.sequence = -1
        self.cluster = 0
        self.sent_ms = 0
        # When each of ROWS is due, -1 for never again; and what is asked before them.
        self.due_ms = [now_ms for _ in ROWS]
        self.next = []  # type: list[tuple[int, int, dict[str, Any]]]
        # When the trust centre is asked for a key.
        self.ask_ms = now_ms
        self.wait_ms = FIRST_WAIT_MS
        self.asked = 0

    def __repr__(self) -> str:
        return "Meter(%s, %s)" % (self.eui64.hex(), ("asking for a key", "reading")[self.state])

    def ask(self, cluster: int, command: int, fields: "dict[str, Any]") -> bool:
        """Sends it a command next; False when too many wait."""
        if len(self.next) >= NEXT_LIMIT:
            return False
        self.next.append((cluster, command, fields))
        return True

    def deadline_ms(self) -> int:
        """When it is to be attended to."""
        if self.state == ASKING:
            return self.ask_ms
        if self.sequence >= 0:
            return self.sent_ms + ANSWER_WITHIN_MS
        return 0 if self.next else min([time for time in self.due_ms if time >= 0])


class Display(Joiner):
    """One display. meters: those it follows. device: IN_HOME_DISPLAY or PREPAYMENT_TERMINAL; demand_every_s: how often
    it reads demand and consumption.
    """

    KIND = 0x44

    def __init__(
        self,
        radio: "Radio",
        exchange: "KeyExchange",
        device: int = IN_HOME_DISPLAY,
        demand_every_s: int = DEMAND_EVERY_S,
    ) -> None:
        self.meters = []  # type: list[Meter]
        super().__init__(radio, exchange, tuple([Client(number, self.accepts) for number in _CLIENT_OF]), device)
        self.demand_every_s = demand_every_s

    def follow(self, meter: bytes, now_ms: int) -> None:
        """Shows this meter from now on; EncodeError when it shows as many as it can."""
        if self.find(meter) is not None:
            return
        if len(self.meters) >= METERS:
            raise EncodeError("a display follows at most %d meters" % METERS)
        self.meters.append(Meter(meter, ASKING, now_ms))
        self.unsaved = True

    def unfollow(self, meter: bytes) -> None:
        """Shows this meter no more; one that is not shown is no error."""
        self.meters = [one for one in self.meters if one.eui64 != meter]
        self.radio.drop_link_key(meter)
        self.forget(meter)
        self.unsaved = True

    def find(self, meter: bytes) -> "Meter | None":
        """What is known of a meter that is followed, or None."""
        for one in self.meters:
            if one.eui64 == meter:
                return one
        return None

    def value(self, meter: bytes, cluster: int, attribute: int) -> "Any":
        """An attribute as it was read or reported last; None when it was not."""
        one = self.find(meter)
        return None if one is None else one.values.get((cluster, attribute))

    def told_by(self, meter: bytes, cluster: int, command: int) -> "list[dict[str, Any]]":
        """The fields of each part of what the meter published or answered last; none when it did not."""
        one = self.find(meter)
        return [] if one is None else one.told.get((cluster, command), [])

    # ---- what the person before it does

    def confirm(self, meter: bytes, answer: bytes = b"") -> bool:
        """Confirms the meter's message, with an answer; False when there is none, or too much is to be sent."""
        one = self.find(meter)
        if one is None or one.message is None:
            return False
        time_s = one.values.get((TIME, 0)) or 0
        fields = {"message_id": one.message["message_id"], "confirmation_time": time_s}
        if answer:
            fields["message_confirmation_control"] = 1
            fields["message_response"] = answer
        return one.ask(MESSAGING, MESSAGE_CONFIRMATION, fields)

    def top_up(self, meter: bytes, digits: bytes) -> bool:
        """Brings the meter a top-up code; what it says is told by Published. False when the meter is not followed, or
        too much is to be sent, as of the next two.
        """
        return self._do(meter, PREPAYMENT, CONSUMER_TOP_UP, {"originating_device": _SELF, "top_up_code": digits})

    def take_emergency_credit(self, meter: bytes) -> bool:
        """Takes emergency credit."""
        return self._do(
            meter, PREPAYMENT, SELECT_EMERGENCY_CREDIT, {"command_issue_date_time": 0, "originating_device": _SELF}
        )

    def turn_supply_on(self, meter: bytes) -> bool:
        """Turns an armed supply on."""
        return self._do(meter, METERING, LOCAL_CHANGE_SUPPLY, {"proposed_supply_status": SUPPLY_ON})

    def _do(self, meter: bytes, cluster: int, command: int, fields: "dict[str, Any]") -> bool:
        one = self.find(meter)
        return one is not None and one.ask(cluster, command, fields)

    # ---- see Joiner

    def accepts(self, partner: bytes) -> bool:
        """See Station: its hub, and the meters that it follows."""
        return partner == self.hub or self.find(partner) is not None

    def kept(self) -> "dict[str, Any]":
        """See Station."""
        fields = super().kept()
        fields["peers"] = tuple([one.eui64 for one in self.meters])
        return fields

    def take_back(self, fields: "Any") -> None:
        """See Station: that the radio has a key with each meter shows when it answers."""
        super().take_back(fields)
        self.meters = [Meter(eui64, READING, self.now_ms) for eui64 in fields.peers[:METERS]]

    def deadline_ms(self) -> "int | None":
        """See Station."""
        due = super().deadline_ms()
        if not self.works or self.state != UP:
            return due
        times = [one.deadline_ms() for one in self.meters]
        if due is not None:
            times.append(due)
        return min(times) if times else None

    def tick(self, now_ms: int) -> None:
        """See Station."""
        if self.works and self.state == UP:
            for one in self.meters:
                self._attend(one, now_ms)
        super().tick(now_ms)

    def _attend(self, one: Meter, now_ms: int) -> None:
        if now_ms < one.deadline_ms():
            return
        if one.state == ASKING:
            self._ask_for_key(one, now_ms)
        elif one.sequence >= 0:
            one.sequence = -1
            one.failures += 1
            if one.failures >= FAILURES:
                self.tell(Failed("meter " + one.eui64.hex(), "it does not answer"))
                one.state = ASKING
                one.ask_ms = now_ms
                one.asked = 0
        elif one.next:
            self._send(one, one.next.pop(0), now_ms)
        else:
            place = min([(time, place) for place, time in enumerate(one.due_ms) if time >= 0])[1]
            self._take_row(one, place, now_ms)

    def _ask_for_key(self, one: Meter, now_ms: int) -> None:
        if one.asked == FAILURES:
            # It goes on, and this is said once: the trust centre does not say no.
            why = "the hub gives no key: it does not have the meter, or does not share keys"
            self.tell(Failed("link key with meter " + one.eui64.hex(), why))
        self.radio.request_link_key(one.eui64, now_ms)
        one.asked += 1
        one.ask_ms = now_ms + one.wait_ms
        one.wait_ms = min(2 * one.wait_ms, LONGEST_WAIT_MS)

    def _take_row(self, one: Meter, place: int, now_ms: int) -> None:
        cluster, how, what, every_s = ROWS[place]
        if place == DEMAND:
            every_s = self.demand_every_s
        one.due_ms[place] = now_ms + 1000 * every_s if every_s else -1
        if how == ASK:
            self._send(one, (cluster, what[0], what[1]), now_ms)
            return
        if how == READ:
            sequence = self.endpoint.read(one.eui64, METER_ENDPOINT, cluster, list(what))
        else:
            wanted = [self._reporting(cluster, which) for which in what]
            sequence = self.endpoint.configure(one.eui64, METER_ENDPOINT, cluster, wanted)
        self._sent(one, cluster, sequence, now_ms)

    def _reporting(self, cluster: int, which: int) -> zcl.Reporting:
        known = commands.attribute(cluster, which)
        assert known is not None
        return zcl.Reporting(which, known.kind)

    def _send(self, one: Meter, asked: "tuple[int, int, dict[str, Any]]", now_ms: int) -> None:
        cluster, command, fields = asked
        try:
            sequence = self.endpoint.publish(one.eui64, METER_ENDPOINT, cluster, command, fields, False)
        except EncodeError as error:
            self.tell(Failed("command 0x%02X of cluster 0x%04X" % (command, cluster), str(error)))
            return
        self._sent(one, cluster, sequence, now_ms)

    def _sent(self, one: Meter, cluster: int, sequence: int, now_ms: int) -> None:
        one.sequence = sequence
        one.cluster = cluster
        one.sent_ms = now_ms

    def is_out(self) -> None:
        """See Joiner."""
        super().is_out()
        self.meters = [Meter(one.eui64, ASKING, self.now_ms) for one in self.meters]

    def heard(self, event: object) -> None:
        """See Station."""
        if isinstance(event, KeyShared):
            self._has_key(event.peer)
        super().heard(event)

    def _has_key(self, peer: bytes) -> None:
        one = self.find(peer)
        if one is None:
            return
        one.state = READING
        one.failures = one.asked = 0
        one.wait_ms = FIRST_WAIT_MS
        one.sequence = -1
        one.due_ms = [self.now_ms + KEY_SPREADS_MS for _ in ROWS]

    def told(self, fact: "Told") -> None:
        """See Station."""
        one = self.find(fact.peer)
        if one is not None and fact.secured and (fact.cluster, fact.sequence) == (one.cluster, one.sequence):
            self._answered(one, fact.status == zcl.NOT_AUTHORIZED)
        super().told(fact)

    def _answered(self, one: Meter, refused: bool) -> None:
        """The request that is under way has its answer. refused: the meter does not serve this display."""
        one.sequence = -1
        one.failures = 0
        if refused:
            if not one.refused:
                why = "it does not serve this display: it must be added to the meter's device log"
                self.tell(Failed("meter " + one.eui64.hex(), why))
            one.next = []
            one.due_ms = [self.now_ms + one.wait_ms for _ in ROWS]
            one.wait_ms = min(2 * one.wait_ms, LONGEST_WAIT_MS)
        elif one.refused:
            one.due_ms = [self.now_ms for _ in ROWS]
            one.wait_ms = FIRST_WAIT_MS
        one.refused = refused

    def happened(self, fact: "Any") -> None:
        """See Station."""
        one = self.find(fact.peer) if isinstance(fact, (Answered, Reported, Configured, Published)) else None
        if one is None:
            if isinstance(fact, KeyAgreed):
                self._has_key(fact.partner)
            super().happened(fact)
            return
        if isinstance(fact, Reported):
            for which, _, value in fact.values:
                if _is_asked(fact.cluster, which):
                    one.values[(fact.cluster, which)] = value
            self.tell(fact)
            return
        if isinstance(fact, Answered) and not fact.secured:
            # Time is read with the link key too: without it, anybody may have answered.
            return
        if (fact.cluster, fact.sequence) == (one.cluster, one.sequence):
            self._answered(one, False)
        if isinstance(fact, Answered):
            for which, status, _, value in fact.records:
                if _is_asked(fact.cluster, which):
                    one.values[(fact.cluster, which)] = value if status == zcl.SUCCESS else None
        elif isinstance(fact, Published):
            self._published(one, fact)
            self.tell(fact)

    def _published(self, one: Meter, fact: Published) -> None:
        key = (fact.cluster, fact.command)
        self._keep(one, key, fact.fields)
        if key == (MESSAGING, DISPLAY_MESSAGE):
            one.message = fact.fields
        elif key == (MESSAGING, CANCEL_MESSAGE):
            if one.message is not None and one.message["message_id"] == fact.fields["message_id"]:
                one.message = None
        elif key == (PRICE, PUBLISH_TARIFF_INFORMATION):
            one.ask(PRICE, GET_PRICE_MATRIX, {"issuer_tariff_id": fact.fields["issuer_tariff_id"]})
        elif key == (CALENDAR, PUBLISH_CALENDAR):
            calendar = {"provider_id": fact.fields["provider_id"]}
            calendar["issuer_calendar_id"] = fact.fields["issuer_calendar_id"]
            self._read_calendar(one, calendar)

    def _keep(self, one: Meter, key: "tuple[int, int]", fields: "dict[str, Any]") -> None:
        """Parts may come in any order; a part that was had already begins another answer. Day and week profiles have a
        number each, and parts of their own.
        """
        place = _place(fields)
        parts = one.told.get(key, [])
        if len(parts) >= PARTS_LIMIT or place in [_place(part) for part in parts]:
            parts = []
        # portable: no two places are equal
        one.told[key] = sorted(parts + [fields], key=_place)

    def _read_calendar(self, one: Meter, calendar: "dict[str, Any]") -> None:
        for command, more in (
            (GET_DAY_PROFILES, {"start_day_id": 0, "number_of_days": 0}),
            (GET_WEEK_PROFILES, {"start_week_id": 0, "number_of_weeks": 0}),
            (GET_SEASONS, {}),
            (GET_SPECIAL_DAYS, {"start_time": 0, "number_of_events": 0, "calendar_type": 0}),
        ):
            fields = dict(calendar)
            fields.update(more)
            one.ask(CALENDAR, command, fields)
