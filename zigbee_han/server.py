"""An endpoint: it takes frames of the cluster library, has its clusters answer, and guards what needs the link key.

    message -> frame -> who may? -> general command: attributes read, written, discovered, reported, answered here
                                 -> cluster command: the cluster answers with commands or with a status
    whatever has no other answer gets a default response (ZCL specification, 2.5.12)

A default response is not sent to a broadcast, to a default response, and after success when the sender does not want
it.

Which clusters need the link key (Smart Energy, table 5-12) is in tables.py; the two public readings of that table
differ on Time and Alarms, so these are a setting: `open_clusters` names the ones of them that are answered without the
key too. A frame that needs the key and comes without it is answered FAILURE, without the key. A broadcast to such a
cluster cannot be encrypted at all and is dropped: nothing that a meter serves may be asked or changed that way. An
answer is encrypted when the question was, and what we begin ourselves whenever the table does not leave it open.
"""

from slotmeter.zigbee_han import commands, tables, zcl
from slotmeter.zigbee_han.errors import DecodeError, EncodeError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

SMART_ENERGY = 0x0109
METER = 0x0501

TIME = 0x000A
ALARMS = 0x0009

# What a device takes in one transfer unless its node descriptor says otherwise (Smart Energy 1.4, 5.3).
ANSWER_SIZE = 128
# Ours. More than that waiting means that the radio does not send.
QUEUE_LIMIT = 64
# Reports for one peer, and for all.
REPORT_LIMIT = 16
REPORTS_LIMIT = 96
# Ours: how soon after another, and how late, it is looked whether something changed that somebody wants to know.
LOOK_MS = 1000
LOOK_AT_LATEST_MS = 10000

_RESPONSES = (
    zcl.READ_RESPONSE,
    zcl.WRITE_RESPONSE,
    zcl.CONFIGURE_REPORTING_RESPONSE,
    zcl.READ_REPORTING_RESPONSE,
    zcl.REPORT,
    zcl.DEFAULT_RESPONSE,
    zcl.DISCOVER_RESPONSE,
)


class Invalid:
    """The type of INVALID."""

    def __repr__(self) -> str:
        return "INVALID"


# What `Cluster.read` returns for an attribute that it has, and whose value is not known now.
INVALID = Invalid()


class Message:
    """The payload of one data frame: peer, its EUI-64; endpoint, the peer's; cluster; data; secured, whether the link
    key protects it; broadcast, whether it went to everybody.
    """

    def __init__(
        self, peer: bytes, endpoint: int, cluster: int, data: bytes, secured: bool = True, broadcast: bool = False
    ) -> None:
        self.peer = peer
        self.endpoint = endpoint
        self.cluster = cluster
        self.data = data
        self.secured = secured
        self.broadcast = broadcast

    def __repr__(self) -> str:
        return "Message(%s endpoint %d, cluster 0x%04X, %d octets%s)" % (
            self.peer.hex(),
            self.endpoint,
            self.cluster,
            len(self.data),
            ", secured" if self.secured else "",
        )


class Answered:
    """A peer answered a read: sequence as `Endpoint.read` returned it; records, (id, status, type, value)."""

    def __init__(self, message: Message, sequence: int, records: "list[tuple[int, int, int, Any]]") -> None:
        self.peer = message.peer
        self.endpoint = message.endpoint
        self.cluster = message.cluster
        self.secured = message.secured
        self.sequence = sequence
        self.records = records

    def __repr__(self) -> str:
        return "Answered(%s, cluster 0x%04X, %d records)" % (self.peer.hex(), self.cluster, len(self.records))


class Told:
    """A peer sent a default response: what it says of the command with this sequence. Unless `secured`, anybody on the
    network may have sent it.
    """

    def __init__(self, message: Message, sequence: int, command: int, status: int) -> None:
        self.peer = message.peer
        self.endpoint = message.endpoint
        self.cluster = message.cluster
        self.secured = message.secured
        self.sequence = sequence
        self.command = command
        self.status = status

    def __repr__(self) -> str:
        return "Told(%s, cluster 0x%04X, command 0x%02X, status 0x%02X)" % (
            self.peer.hex(),
            self.cluster,
            self.command,
            self.status,
        )


class Reported:
    """A peer reports attributes: values, (id, type, value)."""

    def __init__(self, message: Message, values: "list[tuple[int, int, Any]]") -> None:
        self.peer = message.peer
        self.endpoint = message.endpoint
        self.cluster = message.cluster
        self.values = values

    def __repr__(self) -> str:
        return "Reported(%s, cluster 0x%04X, %d values)" % (self.peer.hex(), self.cluster, len(self.values))


class Configured:
    """A peer says which reports it will not send: sequence as `Endpoint.configure` returned it; failures, (status,
    direction, id); none when it will send all.
    """

    def __init__(self, message: Message, sequence: int, failures: "list[tuple[int, int, int]]") -> None:
        self.peer = message.peer
        self.cluster = message.cluster
        self.sequence = sequence
        self.failures = failures

    def __repr__(self) -> str:
        return "Configured(%s, cluster 0x%04X, %d failures)" % (self.peer.hex(), self.cluster, len(self.failures))


class Outgoing:
    """A command that a cluster sends unasked: to the endpoint of peer, by its fields. sequence: None until it was sent;
    the cluster may send it again, with the same number, by which the peer knows that it is no other.
    """

    def __init__(self, peer: bytes, endpoint: int, command: int, values: "dict[str, Any]") -> None:
        self.peer = peer
        self.endpoint = endpoint
        self.command = command
        self.values = values
        self.sequence = None  # type: int | None

    def __repr__(self) -> str:
        return "Outgoing(%s endpoint %d, command 0x%02X)" % (self.peer.hex(), self.endpoint, self.command)


class Cluster:
    """One cluster on an endpoint, the server unless `client`. Subclasses answer what they have; the rest is refused."""

    def __init__(self, number: int, client: bool = False) -> None:
        self.number = number
        self.client = client

    def read(self, attribute: int) -> "Any":
        """The value of an attribute, INVALID when it is not known now, None when there is no such attribute."""
        return None

    def check(self, attribute: int, value: "Any") -> int:
        """The status that writing `value` will have; the type is right, and the table says that it can be written."""
        return zcl.READ_ONLY

    def write(self, attribute: int, value: "Any", now_ms: int) -> None:
        """Writes what `check` allowed."""

    def command(self, message: Message, which: int, fields: "dict[str, Any]", now_ms: int) -> "Any":
        """Does what a command says: a status, or a list of (command, fields) that answer it."""
        return zcl.UNSUPPORTED_CLUSTER_COMMAND

    def told(self, message: Message, sequence: int, which: int, status: int, now_ms: int) -> None:
        """A peer sent a default response to our command with this sequence."""

    def forget(self, peer: bytes) -> None:
        """`peer` is told nothing any more."""

    def next_event(self) -> "Any":
        """The next fact, or None."""
        return None

    def to_send(self) -> "Outgoing | None":
        """The next command to send unasked, or None."""
        return None

    def deadline_ms(self) -> "int | None":
        """When `tick` is wanted, or None."""
        return None

    def watched(self) -> bool:
        """Whether anybody wants to be told what changes."""
        return False

    def look(self, now_ms: int) -> None:
        """Looks whether there is something new to publish; at most once a second, and every ten when it is watched."""

    def tick(self, now_ms: int) -> None:
        """It is that time."""


class _Report:
    """A report that somebody wants."""

    def __init__(self, cluster: Cluster, wanted: zcl.Reporting, message: Message, now_ms: int) -> None:
        self.cluster = cluster
        self.wanted = wanted
        self.peer = message.peer
        self.endpoint = message.endpoint
        self.sent_ms = now_ms
        self.value = cluster.read(wanted.attribute)

    def deadline_ms(self) -> "int | None":
        return self.sent_ms + 1000 * self.wanted.most_s if self.wanted.most_s else None

    def due(self, value: "Any", now_ms: int) -> bool:
        passed = now_ms - self.sent_ms
        if self.wanted.most_s and passed >= 1000 * self.wanted.most_s:
            return True
        if passed < 1000 * self.wanted.least_s or value == self.value:
            return False
        if self.wanted.change is None or value is INVALID or self.value is INVALID:
            return True
        size, _ = zcl.number_size(self.wanted.kind)
        return not size or abs(value - self.value) >= self.wanted.change


class Endpoint:
    """An endpoint of this device: number, profile, device (its id), clusters. The five verbs speak in Messages.

    admits: when set, says of whom frames to clusters that need the link key are taken; others are refused.
    `open_clusters`: of those that the standard's readers disagree on, the ones that are answered without the link key.
    `dropped` counts by reason what was thrown away.
    """

    def __init__(
        self,
        clusters: "list[Cluster]",
        number: int = 1,
        profile: int = SMART_ENERGY,
        device: int = METER,
        open_clusters: "tuple[int, ...]" = (TIME,),
        answer_size: int = ANSWER_SIZE,
    ) -> None:
        self.number = number
        self.profile = profile
        self.device = device
        self.clusters = list(clusters)
        self.dropped = {}  # type: dict[str, int]
        self.admits: "Callable[[bytes], bool] | None" = None
        self.open_clusters = open_clusters
        self._answer_size = answer_size
        self._sequence = 0
        self._queue = []  # type: list[Message]
        self._events = []  # type: list[Any]
        self._reports = []  # type: list[_Report]
        # Before this time nobody looks for changes.
        self._look_ms = 0

    def inputs(self) -> "list[int]":
        """The numbers of the clusters that this endpoint serves, for its simple descriptor."""
        return [one.number for one in self.clusters if not one.client]

    def outputs(self) -> "list[int]":
        """The numbers of the clusters that it is a client of."""
        return [one.number for one in self.clusters if one.client]

    def needs_key(self, cluster: int) -> bool:
        """Whether a frame to `cluster` must be protected by the link key."""
        row = commands.cluster(cluster)
        protection = tables.SECURED if row is None else row[2]
        return protection == tables.SECURED or (protection == tables.SETTING and cluster not in self.open_clusters)

    # ---- what comes in ----

    def receive(self, message: Message, now_ms: int) -> None:
        """Here is what came for this endpoint."""
        try:
            frame = zcl.parse_frame(message.data)
        except DecodeError as error:
            self._drop(error.reason)
            return
        if frame.kind == zcl.GENERAL and frame.manufacturer is None and frame.command in _RESPONSES:
            self._response(message, frame, now_ms)
            return
        if not message.secured and self.needs_key(message.cluster):
            self._drop("not protected by the link key")
            self._default(message, frame, zcl.FAILURE)
            return
        if self.admits is not None and self.needs_key(message.cluster) and not self.admits(message.peer):
            self._drop("from a device that is not admitted")
            self._default(message, frame, zcl.NOT_AUTHORIZED)
            return
        try:
            status = self._do(message, frame, now_ms)
        except DecodeError as error:
            self._drop(error.reason)
            status = zcl.MALFORMED_COMMAND
        except EncodeError as error:
            # A value of ours does not fit its field. GBCS answers an internal reason so.
            self._drop(str(error))
            status = zcl.HARDWARE_FAILURE
        if status is not None:
            self._default(message, frame, status)

    def _do(self, message: Message, frame: zcl.Frame, now_ms: int) -> "int | None":
        """The status for a default response, or None when there was another answer."""
        cluster = self._cluster(message.cluster, frame.to_client)
        if cluster is None:
            return zcl.UNSUPPORTED_CLUSTER
        if frame.manufacturer is not None:
            if frame.kind == zcl.GENERAL:
                return zcl.UNSUPPORTED_MANUFACTURER_GENERAL_COMMAND
            return zcl.UNSUPPORTED_MANUFACTURER_CLUSTER_COMMAND
        if frame.kind == zcl.GENERAL:
            return self._general(cluster, message, frame, now_ms)
        if commands.command(message.cluster, frame.to_client, frame.command) is None:
            return zcl.UNSUPPORTED_CLUSTER_COMMAND
        fields = commands.parse(message.cluster, frame.to_client, frame.command, frame.payload)
        answer = cluster.command(message, frame.command, fields, now_ms)
        if not isinstance(answer, list):
            return int(answer)
        built = [
            (which, commands.build(cluster.number, not cluster.client, which, values)) for which, values in answer
        ]
        for which, payload in built:
            self._answer(message, frame, zcl.CLUSTER, which, payload)
        return None if built else zcl.SUCCESS

    def _cluster(self, number: int, client: bool) -> "Cluster | None":
        for one in self.clusters:
            if one.number == number and one.client == client:
                return one
        return None

    def _general(self, cluster: Cluster, message: Message, frame: zcl.Frame, now_ms: int) -> "int | None":
        payload = frame.payload
        if frame.command == zcl.READ:
            self._answer(message, frame, zcl.GENERAL, zcl.READ_RESPONSE, self._read(cluster, zcl.parse_ids(payload)))
        elif frame.command in (zcl.WRITE, zcl.WRITE_UNDIVIDED, zcl.WRITE_NO_RESPONSE):
            failures = self._write(cluster, zcl.parse_values(payload), frame.command == zcl.WRITE_UNDIVIDED, now_ms)
            if frame.command != zcl.WRITE_NO_RESPONSE:
                told = zcl.build_write_response(failures)
                self._answer(message, frame, zcl.GENERAL, zcl.WRITE_RESPONSE, told)
        elif frame.command == zcl.DISCOVER:
            first, most = zcl.parse_discover(payload)
            told = self._discover(cluster, first, most)
            self._answer(message, frame, zcl.GENERAL, zcl.DISCOVER_RESPONSE, told)
        elif frame.command == zcl.CONFIGURE_REPORTING:
            failures3 = []
            for wanted in zcl.parse_configure(payload):
                status = self._configure(cluster, wanted, message, now_ms)
                if status != zcl.SUCCESS:
                    failures3.append((status, int(wanted.received), wanted.attribute))
            told = zcl.build_configure_response(failures3)
            self._answer(message, frame, zcl.GENERAL, zcl.CONFIGURE_REPORTING_RESPONSE, told)
        elif frame.command == zcl.READ_REPORTING:
            found = [self._configured(cluster, *one, message) for one in zcl.parse_read_reporting(payload)]
            told = zcl.build_read_reporting_response(found)
            self._answer(message, frame, zcl.GENERAL, zcl.READ_REPORTING_RESPONSE, told)
        else:
            return zcl.UNSUPPORTED_GENERAL_COMMAND
        return None

    def _read(self, cluster: Cluster, ids: "list[int]") -> bytes:
        """Records as long as they fit: one that does not says so, as long as that fits."""
        out = b""
        for which in ids:
            known = commands.attribute(cluster.number, which, cluster.client)
            value = cluster.read(which) if known is not None else None
            if known is None or value is None:
                record = zcl.build_read_record(which, zcl.UNSUPPORTED_ATTRIBUTE)
            else:
                try:
                    shown = None if value is INVALID else value
                    record = zcl.build_read_record(which, zcl.SUCCESS, known.kind, shown)
                except EncodeError as error:
                    self._drop(str(error))
                    record = zcl.build_read_record(which, zcl.HARDWARE_FAILURE)
            if len(out) + len(record) > self._answer_size:
                record = zcl.build_read_record(which, zcl.INSUFFICIENT_SPACE)
            if len(out) + len(record) > self._answer_size:
                break
            out += record
        return out

    def _writable(self, cluster: Cluster, which: int, kind: int, value: "Any") -> int:
        known = commands.attribute(cluster.number, which, cluster.client)
        if known is None or cluster.read(which) is None:
            return zcl.UNSUPPORTED_ATTRIBUTE
        if known.kind != kind:
            return zcl.INVALID_DATA_TYPE
        return cluster.check(which, value) if known.writable else zcl.READ_ONLY

    def _write(
        self, cluster: Cluster, values: "list[tuple[int, int, Any]]", undivided: bool, now_ms: int
    ) -> "list[tuple[int, int]]":
        """(status, id) of what was not written; `undivided`: nothing is written unless all can be."""
        failures = []
        good = []
        for which, kind, value in values:
            status = self._writable(cluster, which, kind, value)
            if status == zcl.SUCCESS:
                good.append((which, value))
            else:
                failures.append((status, which))
        if not (undivided and failures):
            for which, value in good:
                cluster.write(which, value, now_ms)
        return failures

    def _discover(self, cluster: Cluster, first: int, most: int) -> bytes:
        row = commands.cluster(cluster.number)
        # What fits in an answer: three octets each after the first.
        most = min(most, (self._answer_size - 1) // 3)
        found = []
        for base, _, kind, flags, count, step in row[3] if row is not None else ():
            if bool(flags & tables.CLIENT) != cluster.client:
                continue
            for which in range(base, base + count * step, step):
                if which >= first and cluster.read(which) is not None:
                    found.append((which, kind))
        # Rows that stand for several attributes are entangled: delivered and received take turns.
        found.sort()
        return zcl.build_discover_response(len(found) <= most, found[:most])

    # ---- reporting ----

    def _find_report(self, cluster: Cluster, which: int, message: Message) -> "_Report | None":
        for one in self._reports:
            same = one.cluster is cluster and one.wanted.attribute == which
            if same and one.peer == message.peer and one.endpoint == message.endpoint:
                return one
        return None

    def forget(self, peer: bytes) -> None:
        """Tells `peer` nothing any more that it is not asked for."""
        self._reports = [one for one in self._reports if one.peer != peer]
        for cluster in self.clusters:
            cluster.forget(peer)

    def _configure(self, cluster: Cluster, wanted: zcl.Reporting, message: Message, now_ms: int) -> int:
        if wanted.received:
            # Whatever comes is taken as it comes.
            return zcl.SUCCESS
        known = commands.attribute(cluster.number, wanted.attribute, cluster.client)
        if known is None or cluster.read(wanted.attribute) is None:
            return zcl.UNSUPPORTED_ATTRIBUTE
        if known.kind != wanted.kind:
            return zcl.INVALID_DATA_TYPE
        if wanted.most_s and wanted.most_s < wanted.least_s:
            return zcl.INVALID_VALUE
        there = self._find_report(cluster, wanted.attribute, message)
        if there is not None:
            self._reports.remove(there)
        if wanted.most_s == 0xFFFF:
            return zcl.SUCCESS
        if len([one for one in self._reports if one.peer == message.peer]) >= REPORT_LIMIT:
            return zcl.INSUFFICIENT_SPACE
        if len(self._reports) >= REPORTS_LIMIT:
            return zcl.INSUFFICIENT_SPACE
        self._reports.append(_Report(cluster, wanted, message, now_ms))
        return zcl.SUCCESS

    def _configured(
        self, cluster: Cluster, received: int, which: int, message: Message
    ) -> "tuple[int, zcl.Reporting]":
        there = None if received else self._find_report(cluster, which, message)
        if there is not None:
            return zcl.SUCCESS, there.wanted
        return zcl.NOT_FOUND, zcl.Reporting(which, received=bool(received))

    # ---- answers of others ----

    def _response(self, message: Message, frame: zcl.Frame, now_ms: int) -> None:
        """Responses and reports. Of what needs the key and has it not only a default response counts, which is how a
        peer says that it wants the key.
        """
        if not message.secured and self.needs_key(message.cluster) and frame.command != zcl.DEFAULT_RESPONSE:
            self._drop("not protected by the link key")
            return
        try:
            if frame.command == zcl.READ_RESPONSE:
                self._event(Answered(message, frame.sequence, zcl.parse_read_response(frame.payload)))
            elif frame.command == zcl.REPORT:
                self._event(Reported(message, zcl.parse_values(frame.payload)))
                self._default(message, frame, zcl.SUCCESS)
            elif frame.command == zcl.CONFIGURE_REPORTING_RESPONSE:
                self._event(Configured(message, frame.sequence, zcl.parse_configure_response(frame.payload)))
            elif frame.command == zcl.DEFAULT_RESPONSE:
                which, status = zcl.parse_default_response(frame.payload)
                self._event(Told(message, frame.sequence, which, status))
                cluster = self._cluster(message.cluster, frame.to_client)
                if cluster is not None:
                    cluster.told(message, frame.sequence, which, status, now_ms)
        except DecodeError as error:
            self._drop(error.reason)

    # ---- what goes out ----

    def _next_sequence(self) -> int:
        self._sequence = (self._sequence + 1) & 0xFF
        return self._sequence

    def _put(self, message: Message) -> None:
        if len(self._queue) >= QUEUE_LIMIT:
            self._drop("more than %d messages wait to be sent" % QUEUE_LIMIT)
        else:
            self._queue.append(message)

    def _answer(self, message: Message, frame: zcl.Frame, kind: int, which: int, payload: bytes) -> None:
        answer = zcl.Frame(kind, which, payload, frame.sequence, not frame.to_client, True)
        if not message.broadcast or kind == zcl.CLUSTER:
            data = zcl.build_frame(answer)
            self._put(Message(message.peer, message.endpoint, message.cluster, data, message.secured))

    def _default(self, message: Message, frame: zcl.Frame, status: int) -> None:
        if message.broadcast or (status == zcl.SUCCESS and frame.no_default_response):
            return
        payload = bytes((frame.command, status))
        answer = zcl.Frame(zcl.GENERAL, zcl.DEFAULT_RESPONSE, payload, frame.sequence, not frame.to_client, True)
        answer.manufacturer = frame.manufacturer
        data = zcl.build_frame(answer)
        self._put(Message(message.peer, message.endpoint, message.cluster, data, message.secured))

    def _secures(self, cluster: int) -> bool:
        row = commands.cluster(cluster)
        return row is None or row[2] != tables.OPEN

    def read(self, peer: bytes, endpoint: int, cluster: int, ids: "list[int]") -> int:
        """Asks a peer's server for attributes; the sequence by which its answer is known."""
        sequence = self._next_sequence()
        data = zcl.build_frame(zcl.Frame(zcl.GENERAL, zcl.READ, zcl.build_ids(ids), sequence))
        self._put(Message(peer, endpoint, cluster, data, self._secures(cluster)))
        return sequence

    def configure(self, peer: bytes, endpoint: int, cluster: int, wanted: "list[zcl.Reporting]") -> int:
        """Asks a peer's server for reports; the sequence by which its answer is known."""
        sequence = self._next_sequence()
        payload = zcl.build_configure(wanted)
        data = zcl.build_frame(zcl.Frame(zcl.GENERAL, zcl.CONFIGURE_REPORTING, payload, sequence))
        self._put(Message(peer, endpoint, cluster, data, self._secures(cluster)))
        return sequence

    def publish(
        self,
        peer: bytes,
        endpoint: int,
        cluster: int,
        which: int,
        values: "dict[str, Any]",
        to_client: bool = True,
        sequence: "int | None" = None,
    ) -> int:
        """Sends a cluster's command unasked, again if it is given the `sequence` that it had; the sequence by which its
        default response is known.
        """
        sequence = self._next_sequence() if sequence is None else sequence
        payload = commands.build(cluster, to_client, which, values)
        data = zcl.build_frame(zcl.Frame(zcl.CLUSTER, which, payload, sequence, to_client))
        self._put(Message(peer, endpoint, cluster, data, self._secures(cluster)))
        return sequence

    def to_send(self) -> "Message | None":
        """The next message to send, or None."""
        if self._queue:
            return self._queue.pop(0)
        for one in self.clusters:
            out = one.to_send()
            if out is not None:
                try:
                    out.sequence = self.publish(
                        out.peer, out.endpoint, one.number, out.command, out.values, not one.client, out.sequence
                    )
                except EncodeError as error:
                    self._drop(str(error))
                    continue
                return self._queue.pop(0)
        return None

    def next_event(self) -> "Any":
        """The next fact, of this endpoint or of one of its clusters, or None."""
        if self._events:
            return self._events.pop(0)
        for one in self.clusters:
            event = one.next_event()
            if event is not None:
                return event
        return None

    def deadline_ms(self) -> "int | None":
        """When `tick` is wanted, or None."""
        times = [one.deadline_ms() for one in self._reports] + [one.deadline_ms() for one in self.clusters]
        if self._reports or any([one.watched() for one in self.clusters]):
            times.append(self._look_ms - LOOK_MS + LOOK_AT_LATEST_MS)
        known = [time for time in times if time is not None]
        return min(known) if known else None

    def tick(self, now_ms: int) -> None:
        """Lets the clusters know the time, and reports what is due. To look for changes costs a meter much: it is done
        once a second at most.
        """
        for one in self.clusters:
            one.tick(now_ms)
        looks = now_ms >= self._look_ms
        if looks:
            self._look_ms = now_ms + LOOK_MS
            for one in self.clusters:
                one.look(now_ms)
        for report in self._reports:
            due = report.deadline_ms()
            if not looks and (due is None or now_ms < due):
                continue
            value = report.cluster.read(report.wanted.attribute)
            if value is None or not report.due(value, now_ms):
                continue
            report.value = value
            report.sent_ms = now_ms
            self._report(report, None if value is INVALID else value)

    def _report(self, report: _Report, value: "Any") -> None:
        try:
            payload = zcl.build_values([(report.wanted.attribute, report.wanted.kind, value)])
        except EncodeError as error:
            self._drop(str(error))
            return
        cluster = report.cluster
        frame = zcl.Frame(zcl.GENERAL, zcl.REPORT, payload, self._next_sequence(), not cluster.client, True)
        data = zcl.build_frame(frame)
        self._put(Message(report.peer, report.endpoint, cluster.number, data, self._secures(cluster.number)))

    def _event(self, event: "Any") -> None:
        if len(self._events) >= QUEUE_LIMIT:
            self._drop("more than %d facts wait to be fetched" % QUEUE_LIMIT)
        else:
            self._events.append(event)

    def _drop(self, reason: str) -> None:
        # Reasons with numbers of the peer's choice would grow without end.
        plain = "".join(["#" if "0" <= letter <= "9" else letter for letter in reason])
        if plain in self.dropped or len(self.dropped) < QUEUE_LIMIT:
            self.dropped[plain] = self.dropped.get(plain, 0) + 1
