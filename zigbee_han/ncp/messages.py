"""The commands of a co-processor that send messages, what becomes of them, and what arrives.

A message under way and a callback that the host has not taken hold packet buffers, of which there is a number
(configuration 01): what is asked for when there are none left is refused, and what arrives then is lost.

Fragments are the host's business: it sends block after block (option 8000; the group says how many there are, and,
after the first one, which it is), gets each block as it came, and acknowledges it with sendReply.
"""

from slotmeter.zigbee_han.frames import aps as aps_frames
from slotmeter.zigbee_han.frames import nwk as nwk_frames
from slotmeter.zigbee_han.ncp import commands, settings
from slotmeter.zigbee_han.ncp.network import Networking, dbm_of
from slotmeter.zigbee_han.sim import aps, nwk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# How a message came.
UNICAST = 0
MULTICAST = 2
BROADCAST = 4
# How a host names a destination, and what it sent.
_DIRECT = 0
_BY_ADDRESS = 1
_BY_BINDING = 2
_SENT_MULTICAST = 3
_SENT_BROADCAST = 6
# Options of the APS frame.
ENCRYPTION = 0x0020
RETRY = 0x0040
DISCOVER_ROUTE = 0x0100
FORCE_DISCOVERY = 0x0200
FRAGMENT = 0x8000

_EVERY_ENDPOINT = 0xFF
_LISTENERS = 0xFFFD
_APS_FIELDS = ("profile", "cluster", "source", "target", "options", "group", "counter")

# Packet buffers are of 32 octets; a message takes some of it for what surrounds it.
BUFFER_SIZE = 32
HEADERS = 24
# Blocks that a host may still acknowledge.
BLOCK_LIMIT = 32


def buffers_of(size: int) -> int:
    """How many packet buffers hold `size` octets."""
    return (size + BUFFER_SIZE - 1) // BUFFER_SIZE


def _index_of(block: aps.Message) -> int:
    return 0 if block.fragment == aps_frames.FIRST_BLOCK else block.block or 0


class _UnderWay:
    """A message whose host waits for what becomes of it: the layer's handle, and what messageSent says."""

    def __init__(self, handle: int, values: "dict[str, Any]", buffers: int) -> None:
        self.handle = handle
        self.values = values
        self.buffers = buffers


class Messaging(Networking):
    """The commands about messages."""

    def forget(self) -> None:
        """What a reset does to memory."""
        self._under_way: list[_UnderWay] = []
        # Blocks that arrived and that the host has not acknowledged.
        self._blocks: list[aps.Message] = []
        super().forget()

    def attach(self) -> None:
        """Has the device ask here what it needs to know."""
        super().attach()
        self.node.aps.host_blocks = True

    def ended(self) -> None:
        """The network is gone, and with it what was under way."""
        self._under_way = []
        self._blocks = []

    def held_buffers(self) -> int:
        """How many packet buffers hold something."""
        return sum([one.buffers for one in self._under_way])

    def free_buffers(self) -> int:
        """How many packet buffers nobody holds."""
        return max(self.all_buffers() - self.held_buffers(), 0)

    def take_buffers(self, buffers: int) -> bool:
        """Whether there are so many; when not, that is counted."""
        if buffers <= self.free_buffers():
            return True
        self.count(settings.COUNT_NO_BUFFERS)
        return False

    # ---- sending ----

    def do_maximum_payload_length(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x0033."""
        return {"length": aps.LARGEST}

    def _may_send(self, given: "dict[str, Any]", room: int) -> int:
        if not self.network_is_up:
            return commands.NETWORK_DOWN
        if len(given["data"]) > room:
            return commands.MESSAGE_TOO_LONG
        if not self.take_buffers(buffers_of(len(given["data"]) + HEADERS)):
            return commands.ALLOCATION_FAILED
        return commands.OK

    def do_send_unicast(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x0034: what became of it is messageSent; to oneself it comes back as if it had been sent."""
        if not self.network_is_up:
            return {"status": commands.NETWORK_DOWN}
        destination = self._destination(given["kind"], given["destination"])
        if destination is None:
            return {"status": commands.INVALID_PARAMETER}
        options = given["options"]
        sealed = bool(options & ENCRYPTION)
        if sealed and self.node.aps.link(self.eui_of(destination)) is None:
            return {"status": commands.APS_ENCRYPTION_ERROR}
        fragment = bool(options & FRAGMENT)
        status = self._may_send(
            given, self.node.aps.room(sealed, destination) - (aps.FRAGMENT_OVERHEAD if fragment else 0)
        )
        if status != commands.OK:
            return {"status": status}
        if len([one for one in self._under_way if one.values["kind"] <= _BY_BINDING]) >= self.size(settings.UNICASTS):
            return {"status": commands.TOO_MANY_MESSAGES}
        if options & FORCE_DISCOVERY:
            self.node.nwk.drop_route(destination)
        ends = (given["source"], given["target"], given["profile"], given["cluster"])
        if fragment:
            return self._send_block(destination, ends, given, sealed)
        discover = bool(options & (DISCOVER_ROUTE | FORCE_DISCOVERY))
        handle = self.node.aps.send(
            destination,
            *ends,
            given["data"],
            self._now_ms,
            sealed,
            bool(options & RETRY),
            True,
            None,
            nwk.RADIUS,
            discover,
        )
        return self._sent_off(handle, self.node.aps.counter, given["kind"], given["destination"], given)

    def _send_block(
        self, destination: int, ends: "tuple[int, int, int, int]", given: "dict[str, Any]", sealed: bool
    ) -> "dict[str, Any]":
        total, index = given["group"] >> 8, given["group"] & 0xFF
        if total < 2 or index >= total:
            return {"status": commands.INVALID_PARAMETER}
        counter = given["counter"] if index else None
        handle = self.node.aps.send_block(
            destination, *ends, given["data"], self._now_ms, sealed, index, total, counter
        )
        if counter is None:
            counter = self.node.aps.counter
        return self._sent_off(handle, counter, given["kind"], given["destination"], given)

    def _sent_off(
        self, handle: int, counter: int, kind: int, destination: int, given: "dict[str, Any]"
    ) -> "dict[str, Any]":
        """Notes a message that the layers have, and lets them go on with it."""
        values = {name: given[name] for name in _APS_FIELDS}
        values["kind"] = kind
        values["destination"] = destination
        values["counter"] = counter
        values["tag"] = given["tag"]
        if self.policies[settings.CONTENTS_POLICY] == settings.TAG_AND_CONTENTS:
            values["data"] = given["data"]
        self._under_way.append(_UnderWay(handle, values, buffers_of(len(given["data"]) + HEADERS)))
        self.node.work(self._now_ms)
        return {"sequence": counter}

    def _destination(self, kind: int, number: int) -> "int | None":
        """The short address that a host means; None when there is none."""
        if kind == _DIRECT:
            return number if number < nwk_frames.FIRST_BROADCAST else None
        if kind == _BY_ADDRESS:
            node = self.address(number)[1]
        elif kind == _BY_BINDING and number in self.node.zdo.bindings:
            node = self.node_of(self.node.zdo.bindings[number]["eui"])
        else:
            return None
        return node if node < nwk_frames.FIRST_BROADCAST else None

    def do_send_broadcast(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x0036."""
        status = self._may_send(given, aps.LARGEST)
        if status != commands.OK:
            return {"status": status}
        if given["destination"] < nwk_frames.FIRST_BROADCAST:
            return {"status": commands.INVALID_PARAMETER}
        return self._send_to_many(given["destination"], _SENT_BROADCAST, given, None, given["radius"])

    def do_send_multicast(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x0038: to the members of a group, whoever they are."""
        status = self._may_send(given, aps.LARGEST)
        if status != commands.OK:
            return {"status": status}
        to = given.get("broadcast", _LISTENERS)
        if to < nwk_frames.FIRST_BROADCAST:
            to = _LISTENERS
        return self._send_to_many(to, _SENT_MULTICAST, given, given["group"], given["hops"])

    def _send_to_many(
        self, to: int, kind: int, given: "dict[str, Any]", group: "int | None", radius: int
    ) -> "dict[str, Any]":
        handle = self.node.aps.send(
            to,
            given["source"],
            given["target"],
            given["profile"],
            given["cluster"],
            given["data"],
            self._now_ms,
            False,
            False,
            True,
            group,
            min(radius, nwk.RADIUS) or nwk.RADIUS,
        )
        return self._sent_off(handle, self.node.aps.counter, kind, to if group is None else group, given)

    def do_send_reply(self, given: "dict[str, Any]") -> "dict[str, Any]":
        """0x0039: acknowledges a block; nobody tells what became of it. Whole messages were acknowledged already."""
        if not self.network_is_up:
            return {"status": commands.NETWORK_DOWN}
        index, received = given["group"] & 0xFF, given["group"] >> 8
        for one in self._blocks:
            ours = one.src == given["destination"] and one.counter == given["counter"]
            if given["options"] & FRAGMENT and ours and _index_of(one) == index:
                self._blocks.remove(one)
                self.node.aps.acknowledge_block(one, received, self._now_ms)
                self.node.work(self._now_ms)
                return {}
        return {"status": commands.INVALID_STATE}

    # ---- what happens ----

    def message_happened(self, event: object) -> bool:
        """Whether the event was about messages; then it is done with."""
        if isinstance(event, aps.Delivered):
            self._delivered(event)
        elif isinstance(event, aps.Message):
            self._arrived(event)
        else:
            return False
        return True

    def _delivered(self, event: aps.Delivered) -> None:
        for one in self._under_way:
            if one.handle == event.handle:
                self._under_way.remove(one)
                values = one.values
                values["tag"] &= 0xFF if self.version < 14 else 0xFFFF
                values["status"] = commands.OK if event.ok else commands.DELIVERY_FAILED
                self.callback("message_sent", values)
                return

    def _is_member(self, group: int) -> bool:
        """Whether an endpoint here is in the group."""
        for index in sorted(self.multicasts):
            if self.multicasts[index]["multicast"] == group and self.multicasts[index]["endpoint"]:
                return True
        return False

    def _arrived(self, message: aps.Message) -> None:
        """A message for the host, or one for it to see that the device object answers it. The host has all endpoints:
        one that forms a network registers them before the resets that belong to it, and not again (zigpy).
        """
        target = message.dst_endpoint
        if message.group is not None:
            if not self._is_member(message.group):
                return
            target = _EVERY_ENDPOINT
        kind = UNICAST
        if message.group is not None:
            kind = MULTICAST
        elif message.dst >= nwk_frames.FIRST_BROADCAST:
            kind = BROADCAST
        options = DISCOVER_ROUTE | (ENCRYPTION if message.sealed else 0) | (RETRY if message.ack_request else 0)
        group = message.group or 0
        if message.fragment:
            options |= FRAGMENT
            block = message.block or 0
            # Of the first block how many there are, of the others which it is.
            group = block << 8 if message.fragment == aps_frames.FIRST_BLOCK else block
            self._blocks = self._blocks[-BLOCK_LIMIT + 1 :] + [message]
        self.callback(
            "incoming_message",
            {
                "kind": kind,
                "profile": message.profile,
                "cluster": message.cluster,
                "source": message.src_endpoint,
                "target": target,
                "options": options,
                "group": group,
                "counter": message.counter,
                "sender": message.src,
                "eui": message.src_eui,
                "binding": settings.NO_BINDING,
                "address": settings.NO_BINDING,
                "lqi": message.lqi,
                "rssi": dbm_of(message.lqi),
                # In milliseconds as far as four octets go.
                "time": self._now_ms & 0xFFFFFFFF,
                "data": message.payload,
            },
        )
