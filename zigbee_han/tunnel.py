"""The tunnel that carries messages between the comms hub and a device (Smart Energy, annex D.6; GBCS 10.2.2).

`Tunnel` is the server: an electricity meter, a load controller, a prepayment display; and the hub towards a gas meter.
`TunnelClient` asks for the tunnel: the hub, and a gas meter. Both are clusters of an `Endpoint`; whole messages go in
by `send` and come out as `Arrived`. Neither looks into a message.

    client                                              server
    RequestTunnel protocol 6, FFFF, no flow control  ->  a number that is free, or a refusal
    TransferData number, message                    <->  TransferData
    CloseTunnel number                               ->  the number is free
                                                    <-   TunnelClosureNotification, when nothing came for FFFF s

    the client's states       leaves it when
    SHUT     no tunnel        asked to open, or a message waits       -> ASKING
    ASKING   an answer is due it came                                 -> OPEN, or PAUSED
                              it did not come in time                 -> asks again, then PAUSED
    PAUSED   was refused      three minutes have passed               -> ASKING
    OPEN     messages go      the server closed it or forgot it       -> SHUT, ASKING when a message waits
                              nothing came for FFFF s                 -> ASKING
    HELD     the peer lost    it has a key again, and is asked to open -> ASKING
             its key

In each direction one message is on its way at a time: the next one leaves when the other side's default response
came. When none comes in time it is sent again, with the sequence number that it had, so that the other side, if only
its answer was lost, answers again and has it once: the client tries three times, the server for as long as the tunnel
is open, ever more seldom. A message that the server refused because it knows no such tunnel is sent once more through
the next one. One that was answered is Delivered; one that is refused or given up, and what waits in a tunnel that the
server closes, comes back as Undelivered.
"""

from slotmeter.zigbee_han import zcl
from slotmeter.zigbee_han.errors import EncodeError
from slotmeter.zigbee_han.server import INVALID, Cluster, Message, Outgoing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

TUNNELING = 0x0704

# GBCS 10.2.2: what is tunnelled, by whom defined, octets in one message, seconds without a message until it is closed.
PROTOCOL = 6
MANUFACTURER = 0xFFFF
LARGEST = 1500
CLOSE_AFTER_S = 0xFFFF
# GBCS 10.2.2: the hub's answer to Busy.
PAUSE_MS = 180000

# Commands to the server.
REQUEST_TUNNEL = 0
CLOSE_TUNNEL = 1
TRANSFER = 2
TRANSFER_ERROR = 3
GET_PROTOCOLS = 6
# Commands to the client.
REQUEST_TUNNEL_RESPONSE = 0
TRANSFER_TO_CLIENT = 1
TRANSFER_ERROR_TO_CLIENT = 2
PROTOCOLS = 5
CLOSURE = 6

# Status of a request.
OPENED = 0
BUSY = 1
NO_MORE = 2
PROTOCOL_UNKNOWN = 3
FLOW_CONTROL_UNKNOWN = 4

# Status of a transfer error.
NO_SUCH_TUNNEL = 0
WRONG_DEVICE = 1
OVERFLOW = 2

# Ours: one for the hub and one that it may have forgotten.
TUNNELS = 2
# Ours: how many messages wait for a tunnel, and in it.
QUEUE_LIMIT = 16
# Ours: facts and commands that nobody fetches, the oldest of which are lost then.
KEPT_LIMIT = 64
# Ours: the radio gives up long before.
ANSWER_WITHIN_MS = 10000
TRIES = 3
# Ours: 22 blocks over three hops, some of them sent again by the radio, have arrived by then.
TRANSFER_WITHIN_MS = 30000
# Ours: how many times as long a server waits for an answer at most.
PATIENCE = 16
# Ours: for how long a message with the same number and content is the same message.
SAME_MS = 2 * PATIENCE * TRANSFER_WITHIN_MS
# Ours: which numbers a hub closes that does not know which it has open.
GUESSED_NUMBERS = 8

# Why a message is Undelivered that may go through the next tunnel.
CLOSED = "the tunnel closed"

SHUT, ASKING, OPEN, PAUSED, HELD = 0, 1, 2, 3, 4
_STATES = ("shut", "asking", "open", "paused", "held")


class Opened:
    """A tunnel is open: peer, number, room (the longest message that the peer takes)."""

    def __init__(self, peer: bytes, number: int, room: int) -> None:
        self.peer = peer
        self.number = number
        self.room = room

    def __repr__(self) -> str:
        return "Opened(%s, tunnel %d, %d octets)" % (self.peer.hex(), self.number, self.room)


class Closed:
    """A tunnel is closed: peer, number, why."""

    def __init__(self, peer: bytes, number: int, why: str) -> None:
        self.peer = peer
        self.number = number
        self.why = why

    def __repr__(self) -> str:
        return "Closed(%s, tunnel %d, %s)" % (self.peer.hex(), self.number, self.why)


class Arrived:
    """A whole message came out of a tunnel."""

    def __init__(self, peer: bytes, data: bytes) -> None:
        self.peer = peer
        self.data = data

    def __repr__(self) -> str:
        return "Arrived(%s, %d octets)" % (self.peer.hex(), len(self.data))


class Delivered:
    """The other side has a message: peer, data."""

    def __init__(self, peer: bytes, data: bytes) -> None:
        self.peer = peer
        self.data = data

    def __repr__(self) -> str:
        return "Delivered(%s, %d octets)" % (self.peer.hex(), len(self.data))


class Undelivered:
    """A message was given up: peer, data, why."""

    def __init__(self, peer: bytes, data: bytes, why: str) -> None:
        self.peer = peer
        self.data = data
        self.why = why

    def __repr__(self) -> str:
        return "Undelivered(%s, %d octets, %s)" % (self.peer.hex(), len(self.data), self.why)


class Refused:
    """A request for a tunnel was refused, or had no answer: peer, why; the client asks again by itself."""

    def __init__(self, peer: bytes, why: str) -> None:
        self.peer = peer
        self.why = why

    def __repr__(self) -> str:
        return "Refused(%s, %s)" % (self.peer.hex(), self.why)


class _Letter:
    """A message that waits or is under way: data; out, the command that it went in last; tries, how often it did."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.out = None  # type: Outgoing | None
        self.tries = 0

    def goes(self, out: Outgoing) -> Outgoing:
        """It is sent in `out`, with the sequence number that it had before."""
        if self.out is not None:
            out.sequence = self.out.sequence
        self.out = out
        self.tries += 1
        return out

    def is_answered(self, sequence: int) -> bool:
        """Whether the answer to this sequence number is the answer to it."""
        return self.out is not None and self.out.sequence == sequence


class _Had:
    """What came from each peer last, to know it again when it comes again."""

    def __init__(self) -> None:
        # (peer, sequence, data, when).
        self._last = []  # type: list[tuple[bytes, int, bytes, int]]

    def again(self, message: Message, data: bytes, now_ms: int) -> bool:
        """Whether this came before."""
        sequence = zcl.parse_frame(message.data).sequence
        for peer, number, octets, at_ms in self._last:
            if peer == message.peer and number == sequence and octets == data and now_ms < at_ms + SAME_MS:
                return True
        return False

    def take(self, message: Message, data: bytes, now_ms: int) -> None:
        """It came."""
        self._last = [one for one in self._last if one[0] != message.peer][1 - QUEUE_LIMIT :]
        self._last.append((message.peer, zcl.parse_frame(message.data).sequence, data, now_ms))


class _Open:
    """A tunnel as its server sees it."""

    def __init__(self, number: int, peer: bytes, endpoint: int, room: int, now_ms: int) -> None:
        self.number = number
        self.peer = peer
        self.endpoint = endpoint
        self.room = room
        self.heard_ms = now_ms
        self.due_ms = 0
        self.waiting = []  # type: list[_Letter]
        self.last = None  # type: _Letter | None


def _keep(kept: "list[Any]", one: "Any") -> None:
    """Appends; the oldest goes when there are too many."""
    if len(kept) >= KEPT_LIMIT:
        kept.pop(0)
    kept.append(one)


def _full(events: "list[Any]") -> bool:
    """Whether as many messages as may wait to be fetched do."""
    return len([one for one in events if isinstance(one, Arrived)]) >= QUEUE_LIMIT


class Tunnel(Cluster):
    """The server. `busy`: while true, requests are refused with Busy. It has at most `tunnels`, of any peers."""

    def __init__(self, tunnels: int = TUNNELS, close_after_s: int = CLOSE_AFTER_S) -> None:
        super().__init__(TUNNELING)
        self.busy = False
        self._tunnels = tunnels
        self._close_after_s = close_after_s
        self._next = 0
        self._open = []  # type: list[_Open]
        self._had = _Had()
        self._out = []  # type: list[Outgoing]
        self._events = []  # type: list[Any]
        self._now_ms = 0

    def read(self, attribute: int) -> "Any":
        """Close Tunnel Timeout, in seconds."""
        if attribute != 0:
            return None
        # FFFF seconds have the octets of the invalid value.
        return self._close_after_s if self._close_after_s < 0xFFFF else INVALID

    def peers(self) -> "list[bytes]":
        """Who has a tunnel, the one opened last at the end."""
        return [one.peer for one in self._open]

    def kept(self) -> "list[tuple[int, bytes, int, int]]":
        """The tunnels that are open, (number, peer, its endpoint, room), for `take_back` after a power cut."""
        return [(one.number, one.peer, one.endpoint, one.room) for one in self._open]

    def take_back(self, tunnels: "list[tuple[int, bytes, int, int]]") -> None:
        """Opens what was open before the power was cut, of which its clients know nothing."""
        self._open = [_Open(*one, self._now_ms) for one in tunnels[-self._tunnels :]]
        for one in self._open:
            self._next = (one.number + 1) % (2 * self._tunnels)

    def command(self, message: Message, which: int, fields: "dict[str, Any]", now_ms: int) -> "Any":
        """See Cluster."""
        self._now_ms = now_ms
        if which == REQUEST_TUNNEL:
            return [(REQUEST_TUNNEL_RESPONSE, self._request(message, fields, now_ms))]
        if which == CLOSE_TUNNEL:
            return self._close(message, fields["tunnel_id"])
        if which == TRANSFER:
            return self._transfer(message, fields["tunnel_id"], fields["data"], now_ms)
        if which == TRANSFER_ERROR:
            return self._error(message, fields["tunnel_id"], fields["status"])
        if which == GET_PROTOCOLS:
            ours = [{"manufacturer_code": MANUFACTURER, "protocol_id": PROTOCOL}]
            ours = ours[fields["protocol_offset"] :]
            return [(PROTOCOLS, {"complete": True, "count": len(ours), "protocols": ours})]
        # Acknowledge and ready belong to flow control, which nobody gets.
        return zcl.UNSUPPORTED_CLUSTER_COMMAND

    def _find(self, number: int) -> "_Open | None":
        for one in self._open:
            if one.number == number:
                return one
        return None

    def _request(self, message: Message, fields: "dict[str, Any]", now_ms: int) -> "dict[str, int]":
        status, number = OPENED, 0xFFFF
        if fields["protocol_id"] != PROTOCOL or fields["manufacturer_code"] != MANUFACTURER:
            status = PROTOCOL_UNKNOWN
        elif fields["flow_control"]:
            status = FLOW_CONTROL_UNKNOWN
        elif self.busy:
            status = BUSY
        elif len(self._open) >= self._tunnels:
            status = NO_MORE
        else:
            # Not the number that was free last: a closure notification may still be on its way.
            number = self._next
            while self._find(number) is not None:
                number = (number + 1) % (2 * self._tunnels)
            self._next = (number + 1) % (2 * self._tunnels)
            # A request of the standard's first edition says nothing of its room, which was 1500 then.
            room = fields.get("maximum_incoming_transfer_size", LARGEST)
            self._open.append(_Open(number, message.peer, message.endpoint, room, now_ms))
            _keep(self._events, Opened(message.peer, number, room))
        return {"tunnel_id": number, "status": status, "maximum_incoming_transfer_size": LARGEST}

    def _close(self, message: Message, number: int) -> int:
        one = self._find(number)
        if one is None:
            return zcl.NOT_FOUND
        if one.peer != message.peer:
            return zcl.NOT_AUTHORIZED
        self._gone(one, "by its client")
        return zcl.SUCCESS

    def _gone(self, one: _Open, why: str) -> None:
        self._open.remove(one)
        _keep(self._events, Closed(one.peer, one.number, why))
        for letter in ([one.last] if one.last is not None else []) + one.waiting:
            _keep(self._events, Undelivered(one.peer, letter.data, CLOSED))

    def _transfer(self, message: Message, number: int, data: bytes, now_ms: int) -> "Any":
        one = self._find(number)
        wrong = None
        if one is None:
            wrong = NO_SUCH_TUNNEL
        elif one.peer != message.peer:
            wrong = WRONG_DEVICE
        elif len(data) > LARGEST:
            wrong = OVERFLOW
        if one is None or wrong is not None:
            return [(TRANSFER_ERROR_TO_CLIENT, {"tunnel_id": number, "status": wrong})]
        one.heard_ms = now_ms
        if self._had.again(message, data, now_ms):
            return zcl.SUCCESS
        if _full(self._events):
            # The meter has not fetched what came before.
            return zcl.INSUFFICIENT_SPACE
        self._had.take(message, data, now_ms)
        self._events.append(Arrived(one.peer, data))
        return zcl.SUCCESS

    def _error(self, message: Message, number: int, status: int) -> int:
        one = self._find(number)
        if one is None or one.peer != message.peer:
            return zcl.NOT_FOUND
        if status in (NO_SUCH_TUNNEL, WRONG_DEVICE):
            self._gone(one, "its client does not know it")
        elif one.last is not None:
            _keep(self._events, Undelivered(one.peer, one.last.data, "larger than its client takes"))
            one.last = None
        return zcl.SUCCESS

    def told(self, message: Message, sequence: int, which: int, status: int, now_ms: int) -> None:
        """See Cluster. Without the link key it says nothing."""
        self._now_ms = now_ms
        for one in self._open:
            letter = one.last
            if one.peer != message.peer or which != TRANSFER_TO_CLIENT or not message.secured:
                continue
            if letter is None or not letter.is_answered(sequence):
                continue
            if status == zcl.NOT_AUTHORIZED:
                # It knows of no tunnel with us at all.
                self._gone(one, "its client does not know it")
                return
            if status == zcl.SUCCESS:
                _keep(self._events, Delivered(one.peer, letter.data))
            else:
                _keep(self._events, Undelivered(one.peer, letter.data, "status 0x%02X" % status))
            one.last = None

    def send(self, peer: bytes, data: bytes) -> bool:
        """Sends a message to `peer` through the tunnel that it opened last. False when it has none, too many wait, or
        this peer takes less at once than the message has.

        EncodeError when the message is larger than LARGEST: cut it in blocks before (general block transfer).
        """
        if len(data) > LARGEST:
            raise EncodeError("%d octets are too many for a tunnel of %d" % (len(data), LARGEST))
        found = None
        for one in self._open:
            if one.peer == peer:
                found = one
        if found is None or len(found.waiting) >= QUEUE_LIMIT or len(data) > found.room:
            return False
        found.waiting.append(_Letter(data))
        return True

    def hurry(self, now_ms: int) -> None:
        """What was not answered is sent again at the next tick: the peers can be heard again."""
        for one in self._open:
            one.due_ms = min(one.due_ms, now_ms)

    def idle(self) -> bool:
        """Whether nothing waits to be sent, or for an answer."""
        return not self._out and not any([one.waiting or one.last is not None for one in self._open])

    def to_send(self) -> "Outgoing | None":
        """See Cluster."""
        if self._out:
            return self._out.pop(0)
        for one in self._open:
            if one.waiting and one.last is None:
                one.last = letter = one.waiting.pop(0)
                values = {"tunnel_id": one.number, "data": letter.data}
                out = letter.goes(Outgoing(one.peer, one.endpoint, TRANSFER_TO_CLIENT, values))
                one.due_ms = self._now_ms + TRANSFER_WITHIN_MS * min(1 << (letter.tries - 1), PATIENCE)
                return out
        return None

    def next_event(self) -> "Any":
        """Opened, Closed, Arrived, Delivered or Undelivered, or None."""
        return self._events.pop(0) if self._events else None

    def deadline_ms(self) -> "int | None":
        """When a silent tunnel is closed, or a message is sent again."""
        times = [one.heard_ms + 1000 * self._close_after_s for one in self._open]
        times += [one.due_ms for one in self._open if one.last is not None]
        return min(times) if times else None

    def tick(self, now_ms: int) -> None:
        """Sends again what was not answered, and closes what was silent for too long."""
        self._now_ms = now_ms
        for one in list(self._open):
            if one.last is not None and now_ms >= one.due_ms:
                one.waiting.insert(0, one.last)
                one.last = None
            if now_ms >= one.heard_ms + 1000 * self._close_after_s:
                _keep(self._out, Outgoing(one.peer, one.endpoint, CLOSURE, {"tunnel_id": one.number}))
                self._gone(one, "nothing came")


class TunnelClient(Cluster):
    """The client, of one server: `peer` and its `endpoint`. It opens its tunnel at once, which is what power-up asks.

    It has one cluster on an endpoint; a hub with several devices has one of these for each, in a `TunnelClients`.
    """

    def __init__(self, peer: bytes, endpoint: int = 1, now_ms: int = 0) -> None:
        super().__init__(TUNNELING, client=True)
        self.peer = peer
        self.endpoint = endpoint
        self.state = SHUT
        self.tunnel = 0xFFFF
        self.room = 0
        self._waiting = []  # type: list[_Letter]
        self._last = None  # type: _Letter | None
        self._had = _Had()
        self._again = False
        self._tries = 0
        self._until_ms = 0
        self._due_ms = 0
        self._now_ms = now_ms
        self._closed_all = False
        self._out = []  # type: list[Outgoing]
        self._events = []  # type: list[Any]
        self.open(now_ms)

    def __repr__(self) -> str:
        return "TunnelClient(%s, %s, %d waiting)" % (self.peer.hex(), _STATES[self.state], len(self._waiting))

    def hold(self) -> None:
        """The peer has no key any more: the tunnel is gone, and what waits for it waits until `open`."""
        self._back()
        self._out = []
        self.state = HELD

    def waiting(self) -> "list[bytes]":
        """The messages that wait, and the one that is under way."""
        return [one.data for one in ([self._last] if self._last is not None else []) + self._waiting]

    def open(self, now_ms: int) -> None:
        """Asks for a tunnel: after key establishment, and at power-up. A tunnel that is open is given up."""
        if self.state == OPEN:
            self._put(CLOSE_TUNNEL, {"tunnel_id": self.tunnel})
            _keep(self._events, Closed(self.peer, self.tunnel, "asked for anew"))
            self._back()
        self._tries = 0
        self._closed_all = False
        self._ask(now_ms)

    def _put(self, which: int, values: "dict[str, Any]") -> None:
        _keep(self._out, Outgoing(self.peer, self.endpoint, which, values))

    def _back(self) -> None:
        """What is on its way goes through the next tunnel."""
        if self._last is not None:
            self._waiting.insert(0, self._last)
            self._last = None

    def _ask(self, now_ms: int) -> None:
        self.state = ASKING
        self._tries += 1
        self._until_ms = now_ms + ANSWER_WITHIN_MS
        wanted = {"protocol_id": PROTOCOL, "manufacturer_code": MANUFACTURER, "flow_control": False}
        wanted["maximum_incoming_transfer_size"] = LARGEST
        self._put(REQUEST_TUNNEL, wanted)

    def _pause(self, why: str, now_ms: int) -> None:
        self.state = PAUSED
        self._until_ms = now_ms + PAUSE_MS
        _keep(self._events, Refused(self.peer, why))

    def _shut(self, why: str, now_ms: int) -> None:
        _keep(self._events, Closed(self.peer, self.tunnel, why))
        self._back()
        self.state = SHUT
        self._tries = 0
        self._closed_all = False
        if self._waiting:
            self._ask(now_ms)

    def send(self, data: bytes, now_ms: int) -> bool:
        """Sends a message, at once or when there is a tunnel. False when too many wait. It is Undelivered when this
        server takes less at once than the message has.

        EncodeError when it is larger than LARGEST: cut it in blocks before (general block transfer).
        """
        self._now_ms = now_ms
        if len(data) > LARGEST:
            raise EncodeError("%d octets are too many for a tunnel of %d" % (len(data), LARGEST))
        if len(self._waiting) >= QUEUE_LIMIT:
            return False
        self._waiting.append(_Letter(data))
        if self.state == SHUT:
            self._tries = 0
            self._ask(now_ms)
        return True

    # ---- what comes in ----

    def command(self, message: Message, which: int, fields: "dict[str, Any]", now_ms: int) -> "Any":
        """See Cluster."""
        self._now_ms = now_ms
        if message.peer != self.peer:
            return zcl.NOT_AUTHORIZED
        if which == REQUEST_TUNNEL_RESPONSE:
            return self._response(fields, now_ms)
        if which == TRANSFER_TO_CLIENT:
            return self._transfer(message, fields["tunnel_id"], fields["data"], now_ms)
        if which == TRANSFER_ERROR_TO_CLIENT:
            return self._error(fields["tunnel_id"], fields["status"], now_ms)
        if which == CLOSURE:
            if self.state != OPEN or fields["tunnel_id"] != self.tunnel:
                return zcl.NOT_FOUND
            self._shut("by its server", now_ms)
            return zcl.SUCCESS
        return zcl.UNSUPPORTED_CLUSTER_COMMAND

    def _response(self, fields: "dict[str, Any]", now_ms: int) -> int:
        if self.state != ASKING:
            if fields["status"] == OPENED and not (self.state == OPEN and fields["tunnel_id"] == self.tunnel):
                # The answer to a question that was given up: a tunnel that nobody uses would stay open for a day.
                self._put(CLOSE_TUNNEL, {"tunnel_id": fields["tunnel_id"]})
            return zcl.SUCCESS
        status = fields["status"]
        if status == OPENED:
            self.state = OPEN
            self.tunnel = fields["tunnel_id"]
            self.room = fields.get("maximum_incoming_transfer_size", LARGEST)
            self._tries = 0
            self._until_ms = now_ms + 1000 * CLOSE_AFTER_S
            _keep(self._events, Opened(self.peer, self.tunnel, self.room))
        elif status == NO_MORE and not self._closed_all:
            # Whatever may be open is closed, whether we know of it or did before we were switched off.
            for number in range(GUESSED_NUMBERS):
                self._put(CLOSE_TUNNEL, {"tunnel_id": number})
            if GUESSED_NUMBERS <= self.tunnel < 0xFFFF:
                self._put(CLOSE_TUNNEL, {"tunnel_id": self.tunnel})
            self._closed_all = True
            self._ask(now_ms)
        else:
            self._closed_all = False
            reasons = ("", "busy", "no more tunnels", "protocol not supported", "flow control not supported")
            self._pause(reasons[status] if status < len(reasons) else "status %d" % status, now_ms)
        return zcl.SUCCESS

    def _transfer(self, message: Message, number: int, data: bytes, now_ms: int) -> "Any":
        wrong = None
        if self.state != OPEN or number != self.tunnel:
            wrong = NO_SUCH_TUNNEL
        elif len(data) > LARGEST:
            wrong = OVERFLOW
        if wrong is not None:
            return [(TRANSFER_ERROR, {"tunnel_id": number, "status": wrong})]
        self._until_ms = now_ms + 1000 * CLOSE_AFTER_S
        if self._had.again(message, data, now_ms):
            return zcl.SUCCESS
        if _full(self._events):
            return zcl.INSUFFICIENT_SPACE
        self._had.take(message, data, now_ms)
        self._events.append(Arrived(self.peer, data))
        return zcl.SUCCESS

    def _error(self, number: int, status: int, now_ms: int) -> int:
        if self.state != OPEN or number != self.tunnel:
            return zcl.NOT_FOUND
        if status == OVERFLOW:
            self._give_up("larger than its server takes")
            return zcl.SUCCESS
        if self._again:
            self._give_up("no tunnel takes it")
        elif self._last is not None:
            self._again = True
        self._shut("its server does not know it", now_ms)
        return zcl.SUCCESS

    def _give_up(self, why: str) -> None:
        """The message that is under way is Undelivered."""
        if self._last is not None:
            _keep(self._events, Undelivered(self.peer, self._last.data, why))
        self._last = None
        self._again = False

    def told(self, message: Message, sequence: int, which: int, status: int, now_ms: int) -> None:
        """See Cluster. Without the link key it says nothing: anybody on the network could say it."""
        self._now_ms = now_ms
        if message.peer != self.peer or not message.secured:
            return
        if which == REQUEST_TUNNEL and self.state == ASKING and status != zcl.SUCCESS:
            # It has no tunnels at all.
            self._pause("status 0x%02X" % status, now_ms)
        elif which == TRANSFER and self._last is not None and self._last.is_answered(sequence):
            if status == zcl.SUCCESS:
                _keep(self._events, Delivered(self.peer, self._last.data))
            else:
                self._give_up("status 0x%02X" % status)
            self._last = None
            self._again = False

    # ---- what goes out ----

    def idle(self) -> bool:
        """Whether nothing waits to be sent, or for an answer."""
        return not (self._out or self._waiting or self._last is not None)

    def to_send(self) -> "Outgoing | None":
        """See Cluster. A message that is larger than this server takes is given up."""
        while not self._out and self.state == OPEN and self._waiting and self._last is None:
            self._last = letter = self._waiting.pop(0)
            if len(letter.data) > self.room:
                self._give_up("larger than its server takes")
                continue
            self._due_ms = self._now_ms + TRANSFER_WITHIN_MS
            values = {"tunnel_id": self.tunnel, "data": letter.data}
            return letter.goes(Outgoing(self.peer, self.endpoint, TRANSFER, values))
        return self._out.pop(0) if self._out else None

    def next_event(self) -> "Any":
        """Opened, Closed, Arrived, Delivered, Undelivered or Refused, or None."""
        return self._events.pop(0) if self._events else None

    def deadline_ms(self) -> "int | None":
        """When an answer is too late, a pause is over, or the tunnel is opened anew."""
        if self.state == OPEN and self._last is not None:
            return min(self._until_ms, self._due_ms)
        return None if self.state in (SHUT, HELD) else self._until_ms

    def tick(self, now_ms: int) -> None:
        """It is that time."""
        self._now_ms = now_ms
        if self._last is not None and now_ms >= self._due_ms:
            if self._last.tries < TRIES:
                self._back()
            else:
                self._give_up("no answer")
        if self.state in (SHUT, HELD) or now_ms < self._until_ms:
            return
        if self.state == OPEN:
            self.open(now_ms)
        elif self.state == PAUSED:
            self._tries = 0
            self._ask(now_ms)
        elif self._tries < TRIES:
            self._ask(now_ms)
        else:
            self._pause("no answer", now_ms)


class TunnelClients(Cluster):
    """The clients of several servers, which a hub has, as one cluster. At most `limit`, by the peer's EUI-64."""

    def __init__(self, limit: int = 16) -> None:
        super().__init__(TUNNELING, client=True)
        self.clients = []  # type: list[TunnelClient]
        self._events = []  # type: list[Any]
        self._limit = limit

    def add(self, peer: bytes, endpoint: int, now_ms: int) -> TunnelClient:
        """The client for `peer`, which asks for a tunnel now; EncodeError when there are too many."""
        self.remove(peer, "the device begins anew")
        if len(self.clients) >= self._limit:
            raise EncodeError("more than %d devices with a tunnel" % self._limit)
        client = TunnelClient(peer, endpoint, now_ms)
        self.clients.append(client)
        return client

    def remove(self, peer: bytes, why: str) -> None:
        """Forgets `peer`; what waits for it is Undelivered."""
        client = self.find(peer)
        if client is not None:
            self.clients.remove(client)
            for data in client.waiting():
                _keep(self._events, Undelivered(peer, data, why))

    def find(self, peer: bytes) -> "TunnelClient | None":
        """The client for `peer`, or None."""
        for one in self.clients:
            if one.peer == peer:
                return one
        return None

    def idle(self) -> bool:
        """Whether nothing of any of them waits to be sent, or for an answer."""
        return all([one.idle() for one in self.clients])

    def command(self, message: Message, which: int, fields: "dict[str, Any]", now_ms: int) -> "Any":
        """See Cluster."""
        client = self.find(message.peer)
        return zcl.NOT_AUTHORIZED if client is None else client.command(message, which, fields, now_ms)

    def told(self, message: Message, sequence: int, which: int, status: int, now_ms: int) -> None:
        """See Cluster."""
        client = self.find(message.peer)
        if client is not None:
            client.told(message, sequence, which, status, now_ms)

    def to_send(self) -> "Outgoing | None":
        """See Cluster."""
        for one in self.clients:
            out = one.to_send()
            if out is not None:
                return out
        return None

    def next_event(self) -> "Any":
        """See TunnelClient."""
        if self._events:
            return self._events.pop(0)
        for one in self.clients:
            event = one.next_event()
            if event is not None:
                return event
        return None

    def deadline_ms(self) -> "int | None":
        """See Cluster."""
        times = [one.deadline_ms() for one in self.clients]
        known = [time for time in times if time is not None]
        return min(known) if known else None

    def tick(self, now_ms: int) -> None:
        """See Cluster."""
        for one in self.clients:
            one.tick(now_ms)
