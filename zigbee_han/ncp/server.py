"""The co-processor behind the serial line: answers EZSP commands, forms a network, lets devices join, carries messages.

    receive(frame)    one command; its answer is ready at once
    to_send()         the answer first, callbacks after it, with the sequence of the command answered last
    radio             what happens on the air (`radio`)
    flash             what outlives a reset and, with a store, the power (`flash`)

A command of another version, or one that is none, is answered by invalidCommand with a reason; so is one whose
parameters are cut short or go on too long. Before a host has asked for our version everything else is refused.
"""

from slotmeter.hal.errors import HalError
from slotmeter.zigbee_han.errors import DecodeError, EncodeError
from slotmeter.zigbee_han.ncp import commands, ezsp, radio, settings, zdo
from slotmeter.zigbee_han.ncp.flash import COORDINATOR, Flash, Network, vars_of
from slotmeter.zigbee_han.ncp.security import HAVE_LINK_KEY, HAVE_NETWORK_KEY, Security

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from slotmeter.hal.entropy import Entropy

# What APS can carry, and what its own security takes of it.
APS_SPACE = 82
APS_SECURITY = 9
# Callbacks that wait for a host; what comes then is lost, and the next answer says so.
CALLBACK_LIMIT = 64
FOREVER = 255

# sendUnicast: how the destination is given.
_DIRECT = 0
_BY_ADDRESS = 1
_BY_BINDING = 2
_SENT_MULTICAST = 3
_SENT_BROADCAST = 6
_APS_ENCRYPTION = 0x0020
# What an answer of ours takes over: retries and route discovery.
_REPLY_OPTIONS = 0x0140
_ZDO_PROFILE = 0x0000
_DEVICE_ANNOUNCE = 0x0013
_EVERY_ENDPOINT = 0xFF

# networkState.
NO_NETWORK = 0
JOINING = 1
JOINED = 2

_NETWORK = ezsp.fields_of("network", 13)
_APS = ezsp.fields_of("aps", 13)


class Formed:
    """A network was formed, joined or resumed."""

    def __init__(self, network: Network, resumed: bool) -> None:
        self.network = network
        self.resumed = resumed

    def __repr__(self) -> str:
        return "Formed(%r)" % self.network


class Left:
    """The network was left."""

    def __repr__(self) -> str:
        return "Left()"


class Permitted:
    """Devices may join for so many seconds: 0 no longer, 255 until told otherwise."""

    def __init__(self, seconds: int) -> None:
        self.seconds = seconds

    def __repr__(self) -> str:
        return "Permitted(%d s)" % self.seconds


class NotStored:
    """The store refused; detail says why. The host was told that its command failed."""

    def __init__(self, detail: str) -> None:
        self.detail = detail

    def __repr__(self) -> str:
        return "NotStored(%s)" % self.detail


class Server(Security):
    """A co-processor of one EZSP version. dropped: frames and messages that led to nothing, by reason."""

    def __init__(self, version: int, flash: Flash, air: radio.Radio, entropy: "Entropy") -> None:
        self._dialect = ezsp.Dialect(version)
        self._air = air
        self._entropy = entropy
        self._events: list[object] = []
        self.dropped: dict[str, int] = {}
        super().__init__(version, flash)

    def forget(self) -> None:
        """What a reset does to memory."""
        super().forget()
        self._answers: list[bytes] = []
        self._callbacks: list[bytes] = []
        # Callbacks of the command that is being answered.
        self._after: list[bytes] = []
        self._lost = False
        self._answered = 0
        self._agreed = False
        self._joining: Network | None = None
        self._scanning = False
        self._under_way = 0
        self._aps_sequence = self._entropy.random(1)[0]
        self._permit_until_ms: int | None = None

    def reset(self, now_ms: int) -> None:
        """Memory is as after power-up; flash stays."""
        self._now_ms = now_ms
        self._air.stop(now_ms)
        while self._air.next_event() is not None:
            pass
        self.forget()

    # ---- the five verbs ----

    def receive(self, data: bytes, now_ms: int) -> None:
        """One frame from the host."""
        self._now_ms = now_ms
        try:
            frame = ezsp.parse_frame(data)
        except DecodeError as error:
            self._drop(error.reason)
            return
        self._answers.append(self._answer(frame, data))
        self._answered = frame.sequence
        for callback in self._after:
            self._queue(callback)
        self._after = []
        self._take_events()

    def next_event(self) -> "object | None":
        """Formed, Left, Permitted or NotStored; or None."""
        return self._events.pop(0) if self._events else None

    def to_send(self, callbacks: bool = True) -> bytes:
        """The next frame for the host, one at a time; with `callbacks` false only answers. b"" when there is none."""
        if self._answers:
            return self._answers.pop(0)
        if callbacks and self._callbacks:
            return self._callbacks.pop(0)
        return b""

    def deadline_ms(self) -> "int | None":
        """When `tick` has something to do."""
        due = self._air.deadline_ms()
        if self._permit_until_ms is not None and (due is None or self._permit_until_ms < due):
            return self._permit_until_ms
        return due

    def tick(self, now_ms: int) -> None:
        """Does what is due."""
        self._now_ms = now_ms
        self._air.tick(now_ms)
        if self._permit_until_ms is not None and now_ms >= self._permit_until_ms:
            self._permit(0)
        self._take_events()

    # ---- commands ----

    def _answer(self, frame: ezsp.Frame, data: bytes) -> bytes:
        if frame.control & 0x80:
            return self._invalid(frame, ezsp.WRONG_DIRECTION)
        if frame.number == ezsp.VERSION:
            return self._version(frame, data)
        if not self._agreed:
            return self._invalid(frame, ezsp.VERSION_NOT_SET)
        command = self._dialect.command(frame.number)
        handler = None if command is None else getattr(self, "do_" + command.name, None)
        if command is None or handler is None:
            return self._invalid(frame, ezsp.INVALID_FRAME_ID)
        try:
            given = ezsp.decode(command.parameters, data, frame.start)
        except DecodeError as error:
            self._drop("%s: %s" % (command.name, error.reason))
            return self._invalid(frame, ezsp.INVALID_VALUE)
        try:
            values = handler(given)
        except settings.Refusal as refusal:
            return self._invalid(frame, refusal.reason)
        if self.dirty:
            self._commit(values)
        return self._built(frame, frame.number, ezsp.encode(command.answer, values))

    def _commit(self, values: "dict[str, Any]") -> None:
        """Makes flash durable before the answer leaves; a host learns when that failed."""
        try:
            self.flash.commit()
            self.dirty = False
        except HalError as error:
            values["status"] = commands.FLASH_WRITE_INHIBITED
            self._events.append(NotStored(error.detail))

    def _version(self, frame: ezsp.Frame, data: bytes) -> bytes:
        if len(data) != frame.start + 1:
            return self._invalid(frame, ezsp.INVALID_VALUE)
        self._agreed = data[frame.start] == self.version
        stack = ezsp.STACKS[self.version]
        fields = bytes((self.version, ezsp.MESH, stack & 0xFF, stack >> 8))
        return self._built(frame, ezsp.VERSION, fields)

    def _invalid(self, frame: ezsp.Frame, reason: int) -> bytes:
        self._drop("refused for %02X" % reason)
        size = 4 if self.version >= 14 and not frame.legacy else 1
        return self._built(frame, ezsp.INVALID_COMMAND, reason.to_bytes(size, "little"))

    def _built(self, frame: ezsp.Frame, number: int, fields: bytes) -> bytes:
        lost, self._lost = self._lost, False
        return ezsp.build_answer(frame, number, fields, lost)

    def _drop(self, reason: str) -> None:
        self.dropped[reason] = self.dropped.get(reason, 0) + 1

    def callback(self, name: str, values: "dict[str, Any]") -> None:
        """Tells the host; while a command is being answered, after its answer."""
        number, fields = self._dialect.callback(name)
        try:
            octets = ezsp.encode(fields, values)
        except EncodeError as error:
            self._drop("%s: %s" % (name, error))
            return
        self._after.append(number.to_bytes(2, "big") + octets)

    def _queue(self, callback: bytes) -> None:
        if len(self._callbacks) >= CALLBACK_LIMIT:
            self._lost = True
            self._drop("callbacks lost")
            return
        number = callback[0] << 8 | callback[1]
        self._callbacks.append(ezsp.build_callback(self._answered, number, callback[2:]))

    def _status(self, status: int) -> None:
        self.callback("stack_status", {"status": status})

    # ---- the network ----

    def do_network_init(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x0017: goes on with the network that flash has."""
        if self.network_is_up:
            return {"status": commands.INVALID_STATE}
        network = self.flash.network
        if network is None:
            return {"status": commands.NOT_JOINED}
        self._up(True)
        return {}

    def _up(self, resumed: bool) -> None:
        self.network_is_up = True
        self._joining = None
        self._air.start(self.flash, self._now_ms)
        self._status(commands.NETWORK_UP)
        if self.flash.network is not None:
            self._events.append(Formed(self.flash.network, resumed))

    def do_network_state(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x0018."""
        if self._joining is not None:
            return {"state": JOINING}
        return {"state": JOINED if self.network_is_up else NO_NETWORK}

    def do_form_network(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x001E: becomes the coordinator; the security state must have been set."""
        status = self._may_begin(given)
        if status != commands.OK or self.initial is None:
            return {"status": status}
        values = dict(given)
        eui = self.flash.eui()
        if values["pan"] in (0xFFFF, 0):
            values["pan"] = int.from_bytes(self._entropy.random(2), "big") % 0xFFFE + 1
        if not values["extended_pan"].strip(b"\x00"):
            values["extended_pan"] = self._entropy.random(8)
        bitmask = self.initial["bitmask"]
        values["type"] = COORDINATOR
        values["id"] = 0
        values["bitmask"] = bitmask
        values["trust_centre"] = eui
        values["link_key"] = self.initial["preconfigured"] if bitmask & HAVE_LINK_KEY else self._entropy.random(16)
        values["key"] = self.initial["network_key"] if bitmask & HAVE_NETWORK_KEY else self._entropy.random(16)
        values["key_sequence"] = self.initial["key_sequence"]
        self.flash.network = Network(values)
        self.flash.children = {}
        self.dirty = True
        self._up(False)
        return {}

    def _may_begin(self, given: "dict[str, Any]") -> int:
        """Whether a network can be formed or joined on that channel; the status."""
        if self.network_is_up or self._joining is not None:
            return commands.INVALID_STATE
        if self.initial is None:
            return commands.SECURITY_STATE_NOT_SET
        if not radio.FIRST_CHANNEL <= given["channel"] <= radio.LAST_CHANNEL:
            return commands.TRANSMIT_INVALID_CHANNEL
        if not -128 <= given["power"] <= 20:
            return commands.TRANSMIT_INVALID_POWER
        return commands.OK

    def do_join_network(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x001F: what came of it is a stack status."""
        status = self._may_begin(given)
        if status != commands.OK or self.initial is None:
            return {"status": status}
        values = dict(given)
        values["id"] = settings.NOT_JOINED_NODE
        values["bitmask"] = self.initial["bitmask"]
        values["trust_centre"] = self.initial["trust_centre"]
        values["link_key"] = self.initial["preconfigured"]
        values["key"] = self.initial["network_key"]
        values["key_sequence"] = self.initial["key_sequence"]
        self._joining = Network(values)
        self._air.join(self.flash, self._joining, False, self._now_ms)
        return {}

    def do_find_and_rejoin_network(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x0021: for who was on a network, and is not its coordinator."""
        network = self.flash.network
        if network is None or network.type == COORDINATOR or self._joining is not None:
            return {"status": commands.INVALID_STATE}
        self._joining = network
        self._air.join(self.flash, network, True, self._now_ms)
        return {}

    def do_leave_network(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x0020."""
        if not self.network_is_up:
            return {"status": commands.INVALID_STATE}
        self._leave()
        return {}

    def _leave(self) -> None:
        self._air.stop(self._now_ms)
        self.flash.forget(False)
        self.dirty = True
        self._down()
        self._status(commands.NETWORK_DOWN)
        self._events.append(Left())

    def _down(self) -> None:
        self.network_is_up = False
        self._joining = None
        self._permit_until_ms = None
        self._scanning = False
        self._under_way = 0

    def do_token_factory_reset(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x0077: forgets the network and its keys; the EUI-64 stays. Hosts reset afterwards."""
        self._air.stop(self._now_ms)
        self.flash.forget(not given["keep_outgoing"])
        self.dirty = True
        self._down()
        return {}

    def do_permit_joining(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x0022: 0 closes, 255 leaves it open."""
        if not self.network_is_up:
            return {"status": commands.NOT_JOINED}
        self._permit(given["seconds"])
        return {}

    def _permit(self, seconds: int) -> None:
        was_open = self._permit_until_ms is not None
        self._permit_until_ms = None
        if seconds:
            # For ever is longer than anybody counts.
            self._permit_until_ms = self._now_ms + (seconds * 1000 if seconds < FOREVER else 1 << 40)
        self._air.permit(seconds, self._now_ms)
        if seconds or was_open:
            self._status(commands.NETWORK_OPENED if seconds else commands.NETWORK_CLOSED)
        self._events.append(Permitted(seconds))

    def permitted(self) -> bool:
        """Whether devices may join."""
        return self._permit_until_ms is not None

    def do_get_node_id(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x0027."""
        return {"id": self.node_id()}

    def do_get_network_parameters(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x0028."""
        network = self.flash.network
        if network is None or not self.network_is_up:
            return {"status": commands.NOT_JOINED}
        answer = vars_of(network, _NETWORK)
        answer["type"] = network.type
        return answer

    def do_get_parent_child_parameters(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x0029: only end devices have a parent."""
        return {"child_count": len(self.flash.children), "parent_id": settings.NO_NODE}

    def do_set_radio_power(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x0099."""
        if given["power"] > 20:
            return {"status": commands.TRANSMIT_INVALID_POWER}
        if self.flash.network is not None:
            self.flash.network.power = given["power"]
            self.dirty = True
        return {}

    def do_set_radio_channel(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x009A."""
        network = self.flash.network
        if network is None or not self.network_is_up:
            return {"status": commands.NOT_JOINED}
        if not radio.FIRST_CHANNEL <= given["channel"] <= radio.LAST_CHANNEL:
            return {"status": commands.TRANSMIT_INVALID_CHANNEL}
        network.channel = given["channel"]
        self.dirty = True
        self._air.start(self.flash, self._now_ms)
        self._status(commands.CHANNEL_CHANGED)
        return {}

    def do_get_radio_channel(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x00FF."""
        network = self.flash.network
        return {"channel": radio.FIRST_CHANNEL if network is None else network.channel}

    def do_set_concentrator(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x0010: the kind is FFF8 (low memory) or FFF9; routes are the radio's."""
        if given["on"] and given["kind"] not in (0xFFF8, 0xFFF9):
            return {"status": commands.INVALID_PARAMETER}
        return {}

    def do_set_source_route_discovery_mode(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x005A: the next discovery is not planned."""
        return {"remaining": 0}

    def do_get_random_number(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x0049."""
        return {"value": int.from_bytes(self._entropy.random(2), "big")}

    # ---- the network key's successor ----

    def do_broadcast_next_network_key(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x0073: a coordinator announces it; zeros ask for a random one. It is in use from the switch on."""
        network = self.flash.network
        if network is None or not self.network_is_up or network.type != COORDINATOR:
            return {"status": commands.INVALID_STATE}
        key = given["key"]
        network.next_key = key if key.strip(b"\x00") else self._entropy.random(16)
        network.next_sequence = network.key_sequence + 1 & 0xFF
        network.next_set = 1
        self.dirty = True
        return {}

    def do_broadcast_network_key_switch(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x0074."""
        network = self.flash.network
        if network is None or not self.network_is_up or network.type != COORDINATOR or not network.next_set:
            return {"status": commands.INVALID_STATE}
        network.key, network.key_sequence = network.next_key, network.next_sequence
        network.next_set = 0
        self.dirty = True
        self._air.start(self.flash, self._now_ms)
        self.callback("switch_network_key", {"sequence": network.key_sequence})
        return {}

    # ---- scans ----

    def do_start_scan(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x001A: no channels means all of them."""
        channels = given["channels"] or radio.CHANNELS
        if self._scanning or self._joining is not None:
            return {"status": commands.MAC_SCANNING}
        if given["kind"] not in (radio.ENERGY_SCAN, radio.ACTIVE_SCAN):
            return {"status": commands.MAC_INCORRECT_SCAN_TYPE}
        if channels & ~radio.CHANNELS:
            return {"status": commands.INVALID_CHANNEL_MASK}
        if given["duration"] > 14:
            return {"status": commands.BAD_SCAN_DURATION}
        self._scanning = True
        self._air.scan(given["kind"], channels, given["duration"], self._now_ms)
        return {}

    def do_stop_scan(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x001D."""
        if self._scanning:
            self._air.stop_scan(self._now_ms)
        return {}

    # ---- messages ----

    def do_maximum_payload_length(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x0033."""
        return {"length": APS_SPACE}

    def _may_send(self, given: "dict[str, Any]") -> int:
        if not self.network_is_up:
            return commands.NETWORK_DOWN
        room = APS_SPACE - (APS_SECURITY if given["options"] & _APS_ENCRYPTION else 0)
        if len(given["data"]) > room:
            return commands.MESSAGE_TOO_LONG
        return commands.OK

    def _message(self, kind: int, destination: int, given: "dict[str, Any]") -> radio.Message:
        self._aps_sequence = self._aps_sequence + 1 & 0xFF
        message = radio.Message(
            kind,
            destination,
            given["profile"],
            given["cluster"],
            given["source"],
            given["target"],
            given["data"],
            given["options"],
            given["group"],
            self._aps_sequence,
            given.get("radius", given.get("hops", 0)),
            self.node_id(),
            given.get("tag", 0),
        )
        message.eui = self.flash.eui()
        return message

    def do_send_unicast(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x0034: what became of it is messageSent; to oneself it comes back as if it had been sent."""
        status = self._may_send(given)
        if status != commands.OK:
            return {"status": status}
        destination = self._destination(given["kind"], given["destination"])
        if destination is None:
            return {"status": commands.INVALID_PARAMETER}
        if self._under_way >= self.size(settings.UNICASTS):
            return {"status": commands.TOO_MANY_MESSAGES}
        message = self._message(radio.UNICAST, destination, given)
        self._under_way += 1
        answer = {"sequence": message.counter}
        message.how, message.named = given["kind"], given["destination"]
        if destination == self.node_id():
            self._sent(radio.Sent(message, commands.OK))
            self._arrived(message)
        else:
            self._air.send(message, self._now_ms)
        return answer

    def _destination(self, kind: int, number: int) -> "int | None":
        """The short address that a host means; None when there is none."""
        if kind == _DIRECT:
            return number
        if kind == _BY_ADDRESS:
            node = self.addresses.get(number, (b"", settings.NO_NODE))[1]
        elif kind == _BY_BINDING and number in self.bindings:
            node = self.node_of(self.bindings[number]["eui"])
        else:
            return None
        return None if node == settings.NO_NODE else node

    def do_send_broadcast(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x0036."""
        status = self._may_send(given)
        if status != commands.OK:
            return {"status": status}
        if given["destination"] < 0xFFF8:
            return {"status": commands.INVALID_PARAMETER}
        message = self._message(radio.BROADCAST, given["destination"], given)
        message.how = _SENT_BROADCAST
        self._air.send(message, self._now_ms)
        return {"sequence": message.counter}

    def do_send_multicast(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x0038."""
        status = self._may_send(given)
        if status != commands.OK:
            return {"status": status}
        message = self._message(radio.MULTICAST, given["group"], given)
        message.how = _SENT_MULTICAST
        self._air.send(message, self._now_ms)
        return {"sequence": message.counter}

    def do_send_reply(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x0039: an acknowledgement with the counter of what it acknowledges; nobody tells what became of it."""
        status = self._may_send(given)
        if status != commands.OK:
            return {"status": status}
        message = self._message(radio.UNICAST, given["destination"], given)
        message.counter = given["counter"]
        message.tag = None
        self._air.send(message, self._now_ms)
        return {}

    def do_send_many_to_one_route_request(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x0041."""
        return {"status": commands.OK if self.network_is_up else commands.NETWORK_DOWN}

    def _sent(self, sent: radio.Sent) -> None:
        message = sent.message
        if message.tag is None:
            return
        if message.kind == radio.UNICAST:
            self._under_way = max(self._under_way - 1, 0)
            done = settings.COUNT_UNICAST_SENT if sent.status == commands.OK else settings.COUNT_UNICAST_FAILED
            self.count(done)
        else:
            self.count(settings.COUNT_BROADCAST_OUT)
        values = vars_of(message, _APS)
        values["kind"] = message.how
        values["destination"] = message.named
        values["tag"] = message.tag & (0xFF if self.version < 14 else 0xFFFF)
        values["status"] = sent.status
        if self.policies[settings.CONTENTS_POLICY] == settings.TAG_AND_CONTENTS:
            values["data"] = message.data
        self.callback("message_sent", values)

    def _arrived(self, message: radio.Message) -> None:
        """A message for us: our device object answers its requests, the host gets what is its own."""
        unicast = message.kind == radio.UNICAST
        self.count(settings.COUNT_UNICAST_IN if unicast else settings.COUNT_BROADCAST_IN)
        if message.profile != _ZDO_PROFILE or message.target:
            if message.target != _EVERY_ENDPOINT and self.endpoint(message.target) is None:
                self._drop("message for an endpoint that is not registered")
                return
            self._incoming(message)
            return
        answer = zdo.answer(self, message)
        flags = self.size(settings.ZDO_FLAGS)
        request = not message.cluster & 0x8000
        wanted = zdo.TELL_HOST if answer is not None else zdo.TELL_HOST_UNSUPPORTED
        if not request or flags & wanted or message.cluster == _DEVICE_ANNOUNCE:
            self._incoming(message)
        if answer is not None:
            cluster, data = answer
            options = message.options & _REPLY_OPTIONS
            reply = radio.Message(radio.UNICAST, message.sender, _ZDO_PROFILE, cluster, 0, 0, data, options)
            self._aps_sequence = self._aps_sequence + 1 & 0xFF
            reply.counter = self._aps_sequence
            reply.sender = self.node_id()
            reply.eui = self.flash.eui()
            if message.sender == self.node_id():
                self._incoming(reply)
            else:
                self._air.send(reply, self._now_ms)

    def _incoming(self, message: radio.Message) -> None:
        values = vars_of(message, _APS)
        values["kind"] = message.kind
        values["sender"] = message.sender
        values["eui"] = message.eui
        values["binding"] = values["address"] = settings.NO_BINDING
        values["lqi"] = message.lqi
        values["rssi"] = message.rssi
        # In milliseconds as far as four octets go.
        values["time"] = self._now_ms & 0xFFFFFFFF
        values["data"] = message.data
        self.callback("incoming_message", values)

    # ---- what happens on the air ----

    def _take_events(self) -> None:
        event = self._air.next_event()
        while event is not None:
            self._happened(event)
            event = self._air.next_event()
        for callback in self._after:
            self._queue(callback)
        self._after = []
        if self.dirty:
            self._commit({})

    def _happened(self, event: object) -> None:
        if isinstance(event, radio.Sent):
            self._sent(event)
        elif isinstance(event, radio.Arrived):
            self._arrived(event.message)
        elif isinstance(event, radio.Energy):
            self.callback("energy_scan_result", {"channel": event.channel, "rssi": event.rssi})
        elif isinstance(event, radio.Beacon):
            self.callback(
                "network_found",
                {
                    "channel": event.channel,
                    "pan": event.pan,
                    "extended_pan": event.extended_pan,
                    "permit": 1 if event.permit else 0,
                    "profile": event.profile,
                    "update": event.update,
                    "lqi": event.lqi,
                    "rssi": event.rssi,
                },
            )
        elif isinstance(event, radio.Scanned):
            self._scanning = False
            self.callback("scan_complete", {"channel": event.channel, "status": event.status})
        elif isinstance(event, radio.NetworkStatus):
            self._network_status(event.status)
        elif isinstance(event, radio.DeviceUpdate):
            self.callback(
                "trust_center_join",
                {
                    "id": event.id,
                    "eui": event.eui,
                    "update": event.update,
                    "decision": event.decision,
                    "parent": event.parent,
                },
            )
        elif isinstance(event, radio.Child):
            if event.joining:
                self.flash.children[event.index] = (event.eui, event.id, event.type)
            else:
                self.flash.children.pop(event.index, None)
            self.callback(
                "child_join",
                {
                    "index": event.index,
                    "joining": 1 if event.joining else 0,
                    "id": event.id,
                    "eui": event.eui,
                    "type": event.type,
                },
            )

    def _network_status(self, status: int) -> None:
        if status == commands.NETWORK_UP:
            self.dirty = True
            self._up(False)
            return
        if self._joining is not None:
            self._joining = None
        elif status == commands.NETWORK_DOWN:
            self._leave()
            return
        self._status(status)
