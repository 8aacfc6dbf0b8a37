"""The network layer of one router or coordinator: its network's security, neighbours, broadcasts, routes, joining.

    a frame goes to            how
    everyone                   MAC broadcast; each router repeats it (duplicate table, nine seconds), and twice more
                               while a router next to it was not heard repeating it (passive acknowledgement)
    a neighbour                straight
    whoever told its way       along the relays of its route record, which the frame then names (source route)
    another device             by its route; without one a route request is broadcast, and the frame waits for the reply

Routes (3.6.3): a request carries the cost so far; who gets it cheaper than before remembers who it came from and
repeats it; the one that is sought replies along what was remembered, and each on the way knows both directions from
then on. A concentrator asks for no one: everybody learns the way to it, and tells its own way with a route record
before it first sends. A frame that cannot be handed on takes its route with it, and its source is told.

Every frame is sealed with the network key on each hop under the sender's own counter; a counter that did not grow is
refused. Unsealed are only what brings the network key to a device that has none, and rejoining without it.
"""

from slotmeter.zigbee_han.errors import DecodeError
from slotmeter.zigbee_han.frames import mac as mac_frames
from slotmeter.zigbee_han.frames import nwk, secure
from slotmeter.zigbee_han.sim import mac

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from slotmeter.hal.crypto import Crypto
    from slotmeter.zigbee_han.sim.air import Dice

# nwkMaxDepth 15, twice.
RADIUS = 30
# nwkNetworkBroadcastDeliveryTime.
BROADCAST_MS = 9000
BROADCAST_LIMIT = 64
# nwkPassiveAckTimeout, nwkMaxBroadcastRetries.
PASSIVE_ACK_MS = 500
BROADCAST_RETRIES = 2
# Our own: over the air of the tests a route over ten hops is found within 200 ms.
ROUTE_WAIT_MS = 500
ROUTE_TRIES = 3
ROUTE_LIMIT = 64
# nwkcRouteDiscoveryTime.
DISCOVERY_MS = 10000
DISCOVERY_LIMIT = 32
WAITING_LIMIT = 16
# Many-to-one, and the concentrator remembers route records (3.4.1.3.1).
MANY_TO_ONE = 0x08
# nwkMaxSourceRoute.
SOURCE_RELAY_LIMIT = 12
NEIGHBOUR_LIMIT = 64
COUNTER_LIMIT = 128
ADDRESS_LIMIT = 128
# A child that has no network key by then is forgotten.
KEY_WAIT_MS = 10000
REJOIN_WAIT_MS = 500

PARENT = 0
CHILD = 1
SIBLING = 2


class Neighbour:
    """A device that this one hears: eui (None while it is not known), short, lqi, relationship, router; authenticated:
    false for a child that has no network key yet.
    """

    def __init__(self, eui: "bytes | None", short: int, lqi: int, relationship: int) -> None:
        self.eui = eui
        self.short = short
        self.lqi = lqi
        self.relationship = relationship
        self.router = True
        self.authenticated = True


class Route:
    """Frames for `dst` go to `next_hop`; tell: it is a concentrator's, which does not know our way yet."""

    def __init__(self, dst: int, next_hop: int, cost: int, tell: bool) -> None:
        self.dst = dst
        self.next_hop = next_hop
        self.cost = cost
        self.tell = tell


class RouteRecorded:
    """At a concentrator: the way of `src`, its relays in order from it to us."""

    def __init__(self, src: int, relays: "tuple[int, ...]", src_eui: "bytes | None", lqi: int) -> None:
        self.src = src
        self.relays = relays
        self.src_eui = src_eui
        self.lqi = lqi


class Received:
    """A data frame for this device: src and dst short, src_eui if it is known, payload, sealed with the network key?"""

    def __init__(
        self, src: int, dst: int, src_eui: "bytes | None", payload: bytes, sealed: bool, lqi: int
    ) -> None:
        self.src = src
        self.dst = dst
        self.src_eui = src_eui
        self.payload = payload
        self.sealed = sealed
        self.lqi = lqi


class Sent:
    """What became of the frame that `send` was given with `handle`, as far as the first hop."""

    def __init__(self, handle: int, ok: bool) -> None:
        self.handle = handle
        self.ok = ok


class Joined:
    """A child joined here (rejoined: it has the network key already)."""

    def __init__(self, eui: bytes, short: int, rejoined: bool, secured: bool) -> None:
        self.eui = eui
        self.short = short
        self.rejoined = rejoined
        self.secured = secured


class Left:
    """A device left, or was told to (eui None: it was this one); child: it had joined here."""

    def __init__(self, short: int, eui: "bytes | None", rejoin: bool, child: bool) -> None:
        self.short = short
        self.eui = eui
        self.rejoin = rejoin
        self.child = child


class Entered:
    """How the device's own association or rejoin ended: ok, and why not."""

    def __init__(self, ok: bool, rejoined: bool, reason: str) -> None:
        self.ok = ok
        self.rejoined = rejoined
        self.reason = reason


class Permitted:
    """Devices may join here for so many seconds from now; 0: no longer."""

    def __init__(self, seconds: int) -> None:
        self.seconds = seconds


class RouteFailed:
    """Somebody on the way to `dst` could not hand on what this device sent, or has something else to say of it."""

    def __init__(self, dst: int, status: int) -> None:
        self.dst = dst
        self.status = status


class _Broadcast:
    """A broadcast that was seen: who from, its number, until when; the frame as it is repeated (None: it is not), which
    neighbours were heard to have it, and when it is due again.
    """

    def __init__(self, src: int, sequence: int, until_ms: int) -> None:
        self.src = src
        self.sequence = sequence
        self.until_ms = until_ms
        self.frame = None  # type: nwk.Frame | None
        self.heard = []  # type: list[int]
        self.tries = 0
        self.due_ms = 0


class _Discovery:
    """A route request that was seen: who asked, under which number, for whom, from whom it came, at which cost."""

    def __init__(self, number: int, originator: int, sender: int, cost: int, until_ms: int) -> None:
        self.number = number
        self.originator = originator
        self.sender = sender
        self.cost = cost
        self.reply_cost = 0xFFFF
        self.until_ms = until_ms


class _Waiting:
    """Frames for `dst` that wait for a route."""

    def __init__(self, dst: int, due_ms: int) -> None:
        self.dst = dst
        self.frames = []  # type: list[tuple[nwk.Frame, int]]
        self.tries = 1
        self.due_ms = due_ms


class _Passing:
    """A unicast that the MAC has: what to say, or to undo, if it does not arrive."""

    def __init__(self, frame: nwk.Frame, next_hop: int, handle: int) -> None:
        self.frame = frame
        self.next_hop = next_hop
        self.handle = handle


def cost_of(lqi: int) -> int:
    """What a hop costs, 1 to 7 (3.6.3.1 leaves the mapping to the implementer)."""
    if lqi >= 160:
        return 1
    return min(7, 2 + (160 - lqi) // 32)


class Nwk:
    """One device's network layer. `count` is called with the reason for each frame that is dropped; patience_ms as for
    the MAC.
    """

    def __init__(
        self,
        eui: bytes,
        crypto: "Crypto",
        dice: "Dice",
        count: "Any",
        patience_ms: int = 0,
        traffic: "dict[str, int] | None" = None,
    ) -> None:
        self.eui = eui
        self._crypto = crypto
        self._dice = dice
        self._count = count
        self._patience_ms = patience_ms
        self.traffic = {} if traffic is None else traffic  # type: dict[str, int]
        self.mac = mac.Mac(eui, count, patience_ms, self.traffic)
        self.counter = 0
        # Sequence numbers and keys of the network; the active one.
        self.keys = []  # type: list[tuple[int, bytes]]
        self.active_key = 0
        self.extended_pan = bytes(8)
        self.update = 0
        self.depth = 0
        self.parent = mac.NO_ADDRESS
        self.neighbours = []  # type: list[Neighbour]
        self.routes = []  # type: list[Route]
        # (destination, relays as a source route has them: the one next to the destination first)
        self.source_routes = []  # type: list[tuple[int, tuple[int, ...]]]
        self._events = []  # type: list[Any]
        self.sequence = 0
        self._request = 0
        self._now_ms = 0
        self._handle = 0
        self._passing = []  # type: list[tuple[int, _Passing]]
        self._leaving = []  # type: list[_Passing]
        # (EUI, key sequence, next counter that is not a replay)
        self._counters = []  # type: list[tuple[bytes, int, int]]
        # (EUI, short)
        self._addresses = []  # type: list[tuple[bytes, int]]
        self._broadcasts = []  # type: list[_Broadcast]
        self._discoveries = []  # type: list[_Discovery]
        self._waiting = []  # type: list[_Waiting]
        # (EUI of a child without a key, until when)
        self._unauthenticated = []  # type: list[tuple[bytes, int]]
        self._rejoin_due = None  # type: int | None
        self.permit_until_ms = 0
        # Rejoining without the network key: it may come unsealed.
        self.awaiting_key = False

    def note(self, what: str) -> None:
        """One more of `what`."""
        self.traffic[what] = self.traffic.get(what, 0) + 1

    # The network.

    def at(self, now_ms: int) -> None:
        """It is now that time, whether or not something was due."""
        self._now_ms = now_ms
        self.mac.at(now_ms)

    def up(self) -> bool:
        """Whether the device has an address and the network key."""
        return self.mac.short < mac_frames.NO_SHORT and bool(self.keys)

    def key(self, sequence: int) -> "bytes | None":
        """The network key with this sequence number."""
        for number, key in self.keys:
            if number == sequence:
                return key
        return None

    def set_key(self, sequence: int, key: bytes, active: bool) -> None:
        """Keeps a network key beside the one before it."""
        kept = [one for one in self.keys if one[0] != sequence]
        # Beside the active one there is room for one.
        self.keys = [one for one in kept if one[0] == self.active_key or len(kept) < 2] + [(sequence, key)]
        if active:
            self.active_key = sequence
            self.awaiting_key = False
        self._beacon()

    def use_key(self, sequence: int) -> None:
        """Seals with this key from now on, if it is known; others are still opened with."""
        if self.key(sequence) is not None:
            self.active_key = sequence

    def form(self, channel: int, pan: int, extended_pan: bytes, sequence: int, key: bytes) -> None:
        """Starts a network as its coordinator."""
        self.mac.channel = channel
        self.mac.pan = pan
        self.mac.short = nwk.COORDINATOR
        self.mac.coordinator = True
        self.extended_pan = extended_pan
        self._counters = []
        self.depth = 0
        self.set_key(sequence, key, True)

    def permit(self, until_ms: int) -> None:
        """Lets devices join until then; Permitted, unless nothing changes."""
        was_open = self.mac.permit
        self.permit_until_ms = until_ms
        self.mac.permit = until_ms > self._now_ms
        if was_open or self.mac.permit:
            self._events.append(Permitted(max(0, until_ms - self._now_ms) // 1000))

    def _beacon(self) -> None:
        """What the device says of the network, once it is in it."""
        if self.up():
            room = len(self.neighbours) < NEIGHBOUR_LIMIT
            self.mac.beacon_payload = nwk.build_beacon(self.extended_pan, self.update, min(self.depth, 15), room, room)

    def enter(self, beacon: mac.BeaconHeard, extended_pan: bytes, depth: int, now_ms: int) -> None:
        """Associates with who sent `beacon`; Entered says what came of it."""
        self._now_ms = now_ms
        self.extended_pan = extended_pan
        self._counters = []
        self.depth = depth + 1
        # portable: no address is True or False
        self.parent = beacon.src if isinstance(beacon.src, int) else mac.NO_ADDRESS
        self.mac.associate(beacon.channel, beacon.pan, beacon.src, mac_frames.ROUTER, now_ms)

    def reenter(self, beacon: mac.BeaconHeard, depth: int, now_ms: int, secured: bool = True) -> None:
        """Rejoins through who sent `beacon`, with the network key or without it; Entered says what came of it."""
        self._now_ms = now_ms
        # portable: no address is True or False
        self.parent = beacon.src if isinstance(beacon.src, int) else mac.NO_ADDRESS
        self.depth = depth + 1
        self.mac.channel = beacon.channel
        self.mac.pan = beacon.pan
        if self.mac.short >= mac_frames.NO_SHORT:
            self.mac.short = self.free_address()
        payload = nwk.build_command(nwk.REJOIN_REQUEST, capability=mac_frames.ROUTER)
        frame = self._frame(nwk.COMMAND, self.parent, payload, 1)
        frame.src_eui = self.eui
        frame.secured = secured
        self.awaiting_key = not secured
        self._rejoin_due = now_ms + REJOIN_WAIT_MS + self._patience_ms
        self._transmit(frame, self.parent, -1)

    def forget(self) -> None:
        """Out of the network; the frame counter goes on, so that no nonce is ever used twice, and those of others stay
        known, for a device that rejoins.
        """
        self.mac = mac.Mac(self.eui, self._count, self._patience_ms, self.traffic)
        self.keys = []
        self.neighbours = []
        self.routes = []
        self.source_routes = []
        self._passing = []
        self._leaving = []
        self._addresses = []
        self._broadcasts = []
        self._discoveries = []
        self._waiting = []
        self._unauthenticated = []
        self._rejoin_due = None
        self.awaiting_key = False

    def counters(self) -> "list[tuple[bytes, int, int]]":
        """(EUI, key sequence, least counter that is taken) of each device that was heard."""
        return list(self._counters)

    def addresses(self) -> "list[tuple[bytes, int]]":
        """(EUI, short) of each device whose address is known."""
        return list(self._addresses)

    def resume(self, saved: "Any", step: int) -> None:
        """Goes on in the network that `saved` tells of, with our own counter `step` further."""
        self.counter = min(max(self.counter, saved.counter) + step, secure.COUNTER_LIMIT)
        self.keys = [(one.sequence, one.key) for one in saved.keys]
        self.active_key = saved.active_key
        self.extended_pan = saved.extended_pan
        self.update = saved.update
        self.depth = saved.depth
        self.parent = saved.parent
        self._counters = [(one.eui, one.sequence, one.counter) for one in saved.heard]
        self._addresses = [(one.eui, one.short) for one in saved.addresses]
        self.mac.channel = saved.channel if saved.up else 0
        self.mac.pan = saved.pan
        self.mac.short = saved.short
        self.mac.coordinator = bool(saved.coordinator)
        self._beacon()

    def free_address(self) -> int:
        """A short address that nobody here is known to have (stochastic assignment, 3.6.1.7)."""
        while True:
            short = 1 + self._dice.below(nwk.FIRST_BROADCAST - 1)
            if self.eui_of(short) is None and short != self.mac.short and self._neighbour(short) is None:
                return short

    # Who is where.

    def remember(self, eui: bytes, short: int) -> None:
        """A device has this address now."""
        if short >= nwk.FIRST_BROADCAST:
            return
        self._addresses = [one for one in self._addresses if one[0] != eui and one[1] != short]
        self._addresses = self._addresses[-ADDRESS_LIMIT + 1 :] + [(eui, short)]
        for neighbour in self.neighbours:
            if neighbour.eui == eui:
                neighbour.short = short
            elif neighbour.short == short and neighbour.eui is None:
                neighbour.eui = eui

    def eui_of(self, short: int) -> "bytes | None":
        """Whose address this is, if that is known."""
        if short == self.mac.short:
            return self.eui
        for eui, other in self._addresses:
            if other == short:
                return eui
        return None

    def short_of(self, eui: bytes) -> "int | None":
        """The address of a device, if it is known."""
        if eui == self.eui:
            return self.mac.short
        for other, short in self._addresses:
            if other == eui:
                return short
        return None

    def _neighbour(self, short: int) -> "Neighbour | None":
        for one in self.neighbours:
            if one.short == short:
                return one
        return None

    def neighbour_of(self, eui: bytes) -> "Neighbour | None":
        """The neighbour with this EUI-64."""
        for one in self.neighbours:
            if one.eui == eui:
                return one
        return None

    def _hear(self, short: int, eui: "bytes | None", lqi: int) -> None:
        """Notes that `short` was heard directly; who has no place any more is nobody's neighbour."""
        one = self.neighbour_of(eui) if eui is not None else None
        if one is not None and one.short != short:
            # It has another address now; whoever had that one has not.
            self.neighbours = [other for other in self.neighbours if other.short != short]
            one.short = short
        if one is None:
            one = self._neighbour(short)
        if one is None:
            if len(self.neighbours) >= NEIGHBOUR_LIMIT:
                return
            one = Neighbour(eui, short, lqi, PARENT if short == self.parent else SIBLING)
            self.neighbours.append(one)
            self.note("neighbours added")
        one.lqi = lqi
        if eui is not None:
            one.eui = eui

    def drop_route(self, dst: int) -> None:
        """Forgets how `dst` is reached, so that the next frame looks for it."""
        self.routes = [one for one in self.routes if one.dst != dst]
        self._drop_source_route(dst)

    def drop_neighbour(self, short: int) -> None:
        """A device is gone: nothing goes to it or through it."""
        self.neighbours = [one for one in self.neighbours if one.short != short]
        self._addresses = [one for one in self._addresses if one[1] != short]
        self.routes = [one for one in self.routes if one.dst != short and one.next_hop != short]
        self._drop_source_route(short)

    # Sending.

    def _frame(self, kind: int, dst: int, payload: bytes, radius: int) -> nwk.Frame:
        self.sequence = (self.sequence + 1) & 0xFF
        frame = nwk.Frame(kind, dst, self.mac.short, radius, self.sequence, payload)
        frame.secured = True
        return frame

    def send(
        self, dst: int, payload: bytes, handle: int, now_ms: int, radius: int = RADIUS, discover: bool = True
    ) -> None:
        """Sends data to `dst`; Sent with `handle`, not negative, says whether it left. discover: a route that is not
        known may be looked for.
        """
        self._now_ms = now_ms
        frame = self._frame(nwk.DATA, dst, payload, radius)
        frame.discover = discover
        self._dispatch(frame, handle)

    def send_unsealed(self, dst: int, payload: bytes, handle: int, now_ms: int) -> None:
        """Sends data to a child that has no network key yet."""
        self._now_ms = now_ms
        frame = self._frame(nwk.DATA, dst, payload, 1)
        frame.secured = False
        self._transmit(frame, dst, handle)

    def command(self, dst: int, payload: bytes, radius: int = RADIUS, dst_eui: "bytes | None" = None) -> None:
        """Sends a NWK command, sealed, naming its sender."""
        frame = self._frame(nwk.COMMAND, dst, payload, radius)
        frame.src_eui = self.eui
        frame.dst_eui = dst_eui
        self._dispatch(frame, -1)

    def _dispatch(self, frame: nwk.Frame, handle: int) -> None:
        """Finds out where to `frame` goes next."""
        if frame.dst >= nwk.FIRST_BROADCAST:
            self._repeat(self._note_broadcast(frame.src, frame.sequence, self.mac.short), frame, handle)
            return
        if self._neighbour(frame.dst) is not None:
            self._transmit(frame, frame.dst, handle)
            return
        if frame.src == self.mac.short:
            relays = self.relays_to(frame.dst)
            if relays:
                frame.relays = relays
                frame.relay_index = len(relays) - 1
                self._transmit(frame, relays[-1], handle)
                return
        for route in self.routes:
            if route.dst == frame.dst:
                if route.tell and frame.src == self.mac.short and frame.kind == nwk.DATA:
                    route.tell = False
                    record = nwk.build_command(nwk.ROUTE_RECORD, relays=())
                    self._transmit(self._frame(nwk.COMMAND, frame.dst, record, RADIUS), route.next_hop, -1)
                self._transmit(frame, route.next_hop, handle)
                return
        if (frame.src != self.mac.short or frame.kind == nwk.DATA) and not frame.discover:
            self._failed(frame, handle, nwk.NO_ROUTE)
            return
        for waiting in self._waiting:
            if waiting.dst == frame.dst:
                waiting.frames.append((frame, handle))
                return
        if len(self._waiting) >= WAITING_LIMIT:
            self._failed(frame, handle, nwk.NO_ROUTE)
            return
        waiting = _Waiting(frame.dst, self._now_ms + ROUTE_WAIT_MS)
        waiting.frames.append((frame, handle))
        self._waiting.append(waiting)
        self._seek(frame.dst)

    def relays_to(self, dst: int) -> "tuple[int, ...]":
        """The relays that a frame to `dst` will name, if any."""
        if self._neighbour(dst) is None:
            for other, relays in self.source_routes:
                if other == dst:
                    return relays
        return ()

    def _drop_source_route(self, dst: int) -> None:
        self.source_routes = [one for one in self.source_routes if one[0] != dst]

    def concentrate(self, now_ms: int) -> None:
        """Asks everyone to know the way to this device, and to tell their own when they next send."""
        self._now_ms = now_ms
        self._request = (self._request + 1) & 0xFF
        self._discover(self._request, self.mac.short, self.mac.short, 0)
        payload = nwk.build_command(
            nwk.ROUTE_REQUEST, options=MANY_TO_ONE, number=self._request, dst=nwk.ROUTERS, cost=0
        )
        frame = self._frame(nwk.COMMAND, nwk.ROUTERS, payload, RADIUS)
        frame.src_eui = self.eui
        self._transmit(frame, mac_frames.BROADCAST, -1)

    def _transmit(self, frame: nwk.Frame, next_hop: int, handle: int) -> None:
        """Has `frame` leave with the next to_send: sealing needs calls that a board has not left down here."""
        self._leaving.append(_Passing(frame, next_hop, handle))

    def _seal(self, frame: nwk.Frame, next_hop: int, handle: int) -> None:
        """Seals `frame` for one hop and gives it to the MAC."""
        if frame.secured:
            key = self.key(self.active_key)
            if key is None or self.counter >= secure.COUNTER_LIMIT:
                self._count("NWK: no key, or its counter used up")
                if handle >= 0:
                    self._events.append(Sent(handle, False))
                return
            header = nwk.build_header(frame)
            auxiliary = secure.Auxiliary(secure.NETWORK, self.counter, self.eui, self.active_key)
            self.counter += 1
            octets = header + secure.seal(self._crypto, key, header, auxiliary, self.eui, frame.payload)
        else:
            octets = nwk.build(frame)
        if len(octets) > mac_frames.LARGEST - 11:
            self._count("NWK: frame longer than fits the air")
            if handle >= 0:
                self._events.append(Sent(handle, False))
            return
        self._handle = (self._handle + 1) & 0xFFFF
        self._passing.append((self._handle, _Passing(frame, next_hop, handle)))
        self.mac.send(next_hop, octets, self._handle, self._now_ms)

    def _sent(self, event: mac.Sent) -> None:
        for one in self._passing:
            if one[0] == event.handle:
                self._passing.remove(one)
                passing = one[1]
                if event.ok:
                    if passing.handle >= 0:
                        self._events.append(Sent(passing.handle, True))
                else:
                    self._lost(passing)
                return

    def _lost(self, passing: _Passing) -> None:
        """The next hop did not acknowledge."""
        known = self._neighbour(passing.next_hop)
        if known is not None and known.relationship != CHILD:
            self.neighbours.remove(known)
            self.note("neighbours removed")
        self.routes = [one for one in self.routes if one.next_hop != passing.next_hop]
        status = nwk.LINK_FAILURE
        if passing.frame.relays:
            status = nwk.SOURCE_ROUTE_FAILURE
            self._drop_source_route(passing.frame.dst)
        self._failed(passing.frame, passing.handle, status)

    def _failed(self, frame: nwk.Frame, handle: int, status: int) -> None:
        """`frame` cannot go on: whoever sent it is told."""
        if frame.src == self.mac.short:
            if handle >= 0:
                self._events.append(Sent(handle, False))
            return
        self._count("NWK: frame that could not be handed on")
        if frame.kind == nwk.DATA:
            report = self._frame(
                nwk.COMMAND, frame.src, nwk.build_command(nwk.NETWORK_STATUS, status=status, dst=frame.dst), RADIUS
            )
            report.src_eui = self.eui
            self._dispatch(report, -1)

    # Receiving.

    def receive(self, octets: bytes, now_ms: int, lqi: int) -> None:
        """Takes what the radio heard."""
        self._now_ms = now_ms
        self.mac.receive(octets, now_ms, lqi)
        self.work()

    def work(self) -> None:
        """Takes what the MAC has to say."""
        event = self.mac.next_event()
        while event is not None:
            if isinstance(event, mac.Data):
                try:
                    self._take(event)
                except DecodeError as error:
                    self._count("NWK: " + error.reason)
            elif isinstance(event, mac.Sent):
                self._sent(event)
            elif isinstance(event, mac.AssociationAsked):
                self._admit(event)
            elif isinstance(event, mac.AssociationAnswered):
                if event.status == mac_frames.ASSOCIATED:
                    self._events.append(Joined(event.eui, event.short, False, False))
            elif isinstance(event, mac.Associated):
                self._entered(event)
            else:
                self._events.append(event)
            event = self.mac.next_event()

    def _admit(self, event: mac.AssociationAsked) -> None:
        if not self.mac.permit or not self.up() or not event.capability & mac_frames.CAPABILITY_ADDRESS:
            self.mac.answer_association(event.eui, mac.NO_ADDRESS, mac_frames.ACCESS_DENIED, self._now_ms)
            return
        if len(self.neighbours) >= NEIGHBOUR_LIMIT:
            self.mac.answer_association(event.eui, mac.NO_ADDRESS, mac_frames.PAN_AT_CAPACITY, self._now_ms)
            return
        # A device that joins again begins again, with another address and, on its side, with new counters or old ones.
        self.neighbours = [one for one in self.neighbours if one.eui != event.eui]
        short = self.free_address()
        child = Neighbour(event.eui, short, 255, CHILD)
        child.router = bool(event.capability & mac_frames.CAPABILITY_FULL_FUNCTION)
        child.authenticated = False
        self.neighbours.append(child)
        self._unauthenticated.append((event.eui, self._now_ms + KEY_WAIT_MS))
        self.remember(event.eui, short)
        self.mac.answer_association(event.eui, short, mac_frames.ASSOCIATED, self._now_ms)
        self._beacon()

    def _entered(self, event: mac.Associated) -> None:
        if event.status == mac_frames.ASSOCIATED:
            self._hear(self.parent, None, 255)
            self._events.append(Entered(True, False, ""))
            return
        reasons = {
            mac_frames.PAN_AT_CAPACITY: "the network has no room",
            mac_frames.ACCESS_DENIED: "the network is closed",
            mac.NO_ACK: "nobody acknowledged the association request",
        }
        self._events.append(Entered(False, False, reasons.get(event.status, "nobody answered the association request")))

    def _take(self, event: mac.Data) -> None:
        # portable: no address is True or False
        if not isinstance(event.src, int):
            self._count("NWK: frame from a device without a short address")
            return
        frame = nwk.parse(event.payload)
        if frame.secured:
            self._take_sealed(frame, event)
        elif self._may_be_unsealed(frame):
            self._take_plain(frame, event, False)
        else:
            self._count("NWK: frame without security")

    def _may_be_unsealed(self, frame: nwk.Frame) -> bool:
        if frame.kind == nwk.COMMAND:
            return frame.payload[:1] in (bytes((nwk.REJOIN_REQUEST,)), bytes((nwk.REJOIN_RESPONSE,)))
        # The network key, on its way to a device that has none or asked for the next one by rejoining.
        return frame.dst == self.mac.short and (not self.keys or self.awaiting_key)

    def _take_sealed(self, frame: nwk.Frame, event: mac.Data) -> None:
        auxiliary = secure.parse_auxiliary(frame.payload)
        if auxiliary.key_id != secure.NETWORK or auxiliary.source is None or auxiliary.key_sequence is None:
            self._count("NWK: sealed with another key than the network's")
            return
        key = self.key(auxiliary.key_sequence)
        if key is None:
            self._count("NWK: sealed with a key that is not known")
            return
        source = auxiliary.source
        if source == self.eui:
            self._count("NWK: our own frame came back")
            return
        place = self._place_of(source, auxiliary.key_sequence)
        if place >= 0 and auxiliary.counter < self._counters[place][2]:
            self._count("NWK: replayed")
            return
        header = event.payload[: frame.header_size]
        plain = secure.unseal(self._crypto, key, header, auxiliary, source, frame.payload)
        if plain is None:
            self._count("NWK: MIC does not match")
            return
        if place < 0:
            if len(self._counters) >= COUNTER_LIMIT:
                self._count("NWK: no room for another sender's counter")
                return
            self._counters.append((source, auxiliary.key_sequence, auxiliary.counter + 1))
        else:
            self._counters[place] = (source, auxiliary.key_sequence, auxiliary.counter + 1)
        frame.payload = plain
        # portable: no address is True or False
        short = event.src if isinstance(event.src, int) else mac.NO_ADDRESS
        self._hear(short, source, event.lqi)
        self.remember(source, short)
        child = self._neighbour(short)
        if child is not None and not child.authenticated:
            child.authenticated = True
            self._unauthenticated = [one for one in self._unauthenticated if one[0] != source]
        self._take_plain(frame, event, True)

    def _place_of(self, source: bytes, sequence: int) -> int:
        for place in range(len(self._counters)):
            if self._counters[place][0] == source and self._counters[place][1] == sequence:
                return place
        return -1

    def _take_plain(self, frame: nwk.Frame, event: mac.Data, sealed: bool) -> None:
        """`frame`, opened: for this device, to be handed on, or both."""
        if frame.src == self.mac.short:
            if frame.dst < nwk.FIRST_BROADCAST:
                self._count("NWK: our own frame came back")
            # What was broadcast is repeated by all who heard it, and so they are known to have heard it.
            for one in self._broadcasts:
                # portable: no address is True or False
                if one.src == frame.src and one.sequence == frame.sequence and isinstance(event.src, int):
                    if event.src not in one.heard:
                        one.heard.append(event.src)
            return
        if frame.src_eui is not None:
            self.remember(frame.src_eui, frame.src)
        if frame.dst >= nwk.FIRST_BROADCAST:
            self._take_broadcast(frame, event, sealed)
        elif frame.dst == self.mac.short:
            self._deliver(frame, event, sealed)
        elif sealed:
            self._hand_on(frame)
        else:
            self._count("NWK: frame without security for another device")

    def _take_broadcast(self, frame: nwk.Frame, event: mac.Data, sealed: bool) -> None:
        if not sealed:
            self._count("NWK: broadcast without security")
            return
        if frame.kind == nwk.COMMAND and frame.payload[:1] == bytes((nwk.ROUTE_REQUEST,)):
            # Repeated by its cost, not by its number.
            self._sought(frame, event)
            return
        # portable: no address is True or False
        sender = event.src if isinstance(event.src, int) else mac.NO_ADDRESS
        noted = self._note_broadcast(frame.src, frame.sequence, sender)
        if noted is None:
            return
        if frame.radius > 1:
            again = nwk.Frame(
                frame.kind, frame.dst, frame.src, frame.radius - 1, frame.sequence, frame.payload, None, frame.src_eui
            )
            again.secured = True
            self._repeat(noted, again, -1)
        self._deliver(frame, event, sealed)

    def _note_broadcast(self, src: int, sequence: int, sender: int) -> "_Broadcast | None":
        """Remembers a broadcast, and that `sender` has it; None if it was seen before."""
        self._broadcasts = [one for one in self._broadcasts if one.until_ms > self._now_ms]
        for one in self._broadcasts:
            if one.src == src and one.sequence == sequence:
                if sender not in one.heard:
                    one.heard.append(sender)
                return None
        if len(self._broadcasts) >= BROADCAST_LIMIT:
            self._count("NWK: broadcast table full")
            return None
        one = _Broadcast(src, sequence, self._now_ms + BROADCAST_MS)
        one.heard.append(sender)
        # Whoever began it has it.
        one.heard.append(src)
        self._broadcasts.append(one)
        return one

    def _repeat(self, noted: "_Broadcast | None", frame: nwk.Frame, handle: int) -> None:
        """Broadcasts `frame`, and sees to it that the routers next to us repeat it."""
        if noted is not None and frame.radius > 1:
            noted.frame = frame
            noted.due_ms = self._now_ms + PASSIVE_ACK_MS
        self._transmit(frame, mac_frames.BROADCAST, handle)

    def _repeat_again(self, noted: _Broadcast) -> None:
        """The time is over in which the routers next to us were to be heard."""
        missing = [
            one
            for one in self.neighbours
            if one.router and one.authenticated and one.short not in noted.heard and one.short != self.mac.short
        ]
        frame = noted.frame
        if frame is None or not missing or noted.tries >= BROADCAST_RETRIES:
            noted.frame = None
            return
        noted.tries += 1
        noted.due_ms = self._now_ms + PASSIVE_ACK_MS
        self._transmit(frame, mac_frames.BROADCAST, -1)

    def _hand_on(self, frame: nwk.Frame) -> None:
        if frame.radius <= 1:
            self._count("NWK: radius used up")
            return
        self.note("unicasts relayed")
        frame.radius -= 1
        if frame.relays:
            place = frame.relay_index
            if frame.relays[place] != self.mac.short:
                self._count("NWK: source route that does not name us")
                return
            frame.relay_index = max(0, place - 1)
            self._transmit(frame, frame.relays[place - 1] if place else frame.dst, -1)
            return
        if frame.kind == nwk.COMMAND and frame.payload[:1] == bytes((nwk.ROUTE_RECORD,)):
            record = nwk.parse_command(frame.payload)
            if len(record.relays) >= nwk.RELAY_LIMIT:
                self._count("NWK: route record too long")
                return
            frame.payload = nwk.build_command(nwk.ROUTE_RECORD, relays=record.relays + (self.mac.short,))
        self._dispatch(frame, -1)

    def _deliver(self, frame: nwk.Frame, event: mac.Data, sealed: bool) -> None:
        if frame.kind == nwk.DATA:
            eui = frame.src_eui or self.eui_of(frame.src)
            self._events.append(Received(frame.src, frame.dst, eui, frame.payload, sealed, event.lqi))
            return
        command = nwk.parse_command(frame.payload)
        # portable: no address is True or False
        sender = event.src if isinstance(event.src, int) else mac.NO_ADDRESS
        if command.command == nwk.ROUTE_REPLY and sealed:
            self._replied(command, sender, event.lqi)
        elif command.command == nwk.NETWORK_STATUS and sealed:
            if command.status == nwk.SOURCE_ROUTE_FAILURE:
                self._drop_source_route(command.dst)
            if command.status in (nwk.NO_ROUTE, nwk.LINK_FAILURE):
                self.routes = [one for one in self.routes if one.dst != command.dst]
            self._events.append(RouteFailed(command.dst, command.status))
        elif command.command == nwk.LEAVE and sealed:
            self._leave(command, frame)
        elif command.command == nwk.REJOIN_REQUEST:
            self._rejoining(frame, sealed)
        elif command.command == nwk.REJOIN_RESPONSE:
            self._rejoined(command, frame, sealed)
        elif command.command == nwk.ROUTE_RECORD and sealed:
            self._drop_source_route(frame.src)
            if command.relays and len(command.relays) <= SOURCE_RELAY_LIMIT:
                self.source_routes = self.source_routes[-ROUTE_LIMIT + 1 :]
                self.source_routes.append((frame.src, command.relays))
            eui = frame.src_eui or self.eui_of(frame.src)
            self._events.append(RouteRecorded(frame.src, command.relays, eui, event.lqi))
        elif command.command != nwk.LINK_STATUS:
            self._count("NWK: command that nobody here needs")

    # Routes.

    def _seek(self, dst: int) -> None:
        """Broadcasts a route request."""
        self.note("routes sought")
        self._request = (self._request + 1) & 0xFF
        self._discover(self._request, self.mac.short, self.mac.short, 0)
        payload = nwk.build_command(nwk.ROUTE_REQUEST, options=0, number=self._request, dst=dst, cost=0)
        frame = self._frame(nwk.COMMAND, nwk.ROUTERS, payload, RADIUS)
        frame.src_eui = self.eui
        self._transmit(frame, mac_frames.BROADCAST, -1)

    def _discover(self, number: int, originator: int, sender: int, cost: int) -> "_Discovery | None":
        """Remembers a request; None if it came as cheaply before."""
        self._discoveries = [one for one in self._discoveries if one.until_ms > self._now_ms]
        for one in self._discoveries:
            if one.number == number and one.originator == originator:
                if one.cost <= cost:
                    return None
                one.cost = cost
                one.sender = sender
                return one
        if len(self._discoveries) >= DISCOVERY_LIMIT:
            self._count("NWK: route discovery table full")
            return None
        one = _Discovery(number, originator, sender, cost, self._now_ms + DISCOVERY_MS)
        self._discoveries.append(one)
        return one

    def _sought(self, frame: nwk.Frame, event: mac.Data) -> None:
        command = nwk.parse_command(frame.payload)
        # portable: no address is True or False
        sender = event.src if isinstance(event.src, int) else mac.NO_ADDRESS
        cost = min(0xFF, command.cost + cost_of(event.lqi))
        discovery = self._discover(command.number, frame.src, sender, cost)
        if discovery is None:
            return
        if command.options & nwk.REQUEST_MANY_TO_ONE:
            # A concentrator wants everyone to have a route to it.
            self._learn(frame.src, sender, cost, True)
        if command.dst == self.mac.short:
            self._reply(discovery, self.mac.short, 0)
            return
        if frame.radius <= 1:
            return
        again = nwk.Frame(nwk.COMMAND, frame.dst, frame.src, frame.radius - 1, frame.sequence)
        again.payload = nwk.build_command(
            nwk.ROUTE_REQUEST,
            options=command.options,
            number=command.number,
            dst=command.dst,
            cost=cost,
            dst_eui=command.dst_eui,
        )
        again.src_eui = frame.src_eui
        again.secured = True
        self._transmit(again, mac_frames.BROADCAST, -1)

    def _reply(self, discovery: _Discovery, responder: int, cost: int) -> None:
        """Sends a route reply one hop back."""
        self._learn(discovery.originator, discovery.sender, discovery.cost)
        payload = nwk.build_command(
            nwk.ROUTE_REPLY,
            options=0,
            number=discovery.number,
            originator=discovery.originator,
            responder=responder,
            cost=cost,
        )
        frame = self._frame(nwk.COMMAND, discovery.sender, payload, 1)
        frame.src_eui = self.eui
        self._transmit(frame, discovery.sender, -1)

    def _replied(self, command: "Any", sender: int, lqi: int) -> None:
        cost = min(0xFF, command.cost + cost_of(lqi))
        for one in self._discoveries:
            if one.number == command.number and one.originator == command.originator:
                if one.reply_cost <= cost:
                    return
                one.reply_cost = cost
                self._learn(command.responder, sender, cost)
                if one.originator == self.mac.short:
                    self._flush(command.responder)
                else:
                    self._reply(one, command.responder, cost)
                return
        self._count("NWK: reply to a route request that was not made")

    def _learn(self, dst: int, next_hop: int, cost: int, tell: bool = False) -> None:
        if dst == self.mac.short:
            return
        self.routes = [one for one in self.routes if one.dst != dst][-ROUTE_LIMIT + 1 :]
        self.routes.append(Route(dst, next_hop, cost, tell))

    def _flush(self, dst: int) -> None:
        """A route was found: what waited for it goes."""
        for waiting in self._waiting:
            if waiting.dst == dst:
                self._waiting.remove(waiting)
                for frame, handle in waiting.frames:
                    self._dispatch(frame, handle)
                return

    # Leaving and rejoining.

    def leave(self, rejoin: bool) -> None:
        """Tells the neighbours that this device leaves."""
        options = nwk.LEAVE_REJOIN if rejoin else 0
        self.command(nwk.LISTENERS, nwk.build_command(nwk.LEAVE, options=options), 1)

    def ask_to_leave(self, short: int, rejoin: bool) -> None:
        """Tells a neighbour to leave."""
        options = nwk.LEAVE_REQUEST | (nwk.LEAVE_REJOIN if rejoin else 0)
        self.command(short, nwk.build_command(nwk.LEAVE, options=options), 1, self.eui_of(short))

    def _leave(self, command: "Any", frame: nwk.Frame) -> None:
        rejoin = bool(command.options & nwk.LEAVE_REJOIN)
        if command.options & nwk.LEAVE_REQUEST:
            if self.mac.coordinator or frame.dst != self.mac.short or frame.src not in (nwk.COORDINATOR, self.parent):
                self._count("NWK: told to leave by somebody who may not")
                return
            self._events.append(Left(self.mac.short, None, rejoin, False))
            return
        known = self._neighbour(frame.src)
        child = known is not None and known.relationship == CHILD
        self._events.append(Left(frame.src, frame.src_eui or self.eui_of(frame.src), rejoin, child))
        self.drop_neighbour(frame.src)

    def _rejoining(self, frame: nwk.Frame, sealed: bool) -> None:
        eui = frame.src_eui
        if eui is None or not self.up():
            self._count("NWK: rejoin request without an EUI-64")
            return
        short = frame.src
        taken = self.eui_of(short)
        if (taken is not None and taken != eui) or short >= nwk.FIRST_BROADCAST or short == nwk.COORDINATOR:
            short = self.free_address()
        self.neighbours = [one for one in self.neighbours if one.eui != eui]
        child = Neighbour(eui, short, 255, CHILD)
        child.authenticated = sealed
        if not sealed:
            self._unauthenticated.append((eui, self._now_ms + KEY_WAIT_MS))
        self.neighbours.append(child)
        self.remember(eui, short)
        payload = nwk.build_command(nwk.REJOIN_RESPONSE, short=short, status=0)
        answer = self._frame(nwk.COMMAND, frame.src, payload, 1)
        answer.src_eui = self.eui
        answer.dst_eui = eui
        answer.secured = sealed
        self._transmit(answer, frame.src, -1)
        self._events.append(Joined(eui, short, True, sealed))

    def _rejoined(self, command: "Any", frame: nwk.Frame, sealed: bool) -> None:
        if self._rejoin_due is None or (frame.dst_eui is not None and frame.dst_eui != self.eui):
            self._count("NWK: rejoin response that was not asked for")
            return
        self._rejoin_due = None
        if command.status:
            self._events.append(Entered(False, True, "the network does not take the device back"))
            return
        self.mac.short = command.short
        self._beacon()
        self._events.append(Entered(True, True, ""))

    # Time.

    def next_event(self) -> "Any":
        """The next of the classes above or of the MAC's BeaconHeard and ScanDone, or None."""
        return self._events.pop(0) if self._events else None

    def to_send(self) -> bytes:
        """The octets that leave now, or b""."""
        while self._leaving:
            one = self._leaving.pop(0)
            self._seal(one.frame, one.next_hop, one.handle)
        return self.mac.to_send()

    def deadline_ms(self) -> "int | None":
        """When `tick` is due, or None."""
        due = self.mac.deadline_ms()
        if self._rejoin_due is not None and (due is None or self._rejoin_due < due):
            due = self._rejoin_due
        if self.mac.permit and (due is None or self.permit_until_ms < due):
            due = self.permit_until_ms
        for waiting in self._waiting:
            if due is None or waiting.due_ms < due:
                due = waiting.due_ms
        for noted in self._broadcasts:
            if noted.frame is not None and (due is None or noted.due_ms < due):
                due = noted.due_ms
        for _, until_ms in self._unauthenticated:
            if due is None or until_ms < due:
                due = until_ms
        return due

    def tick(self, now_ms: int) -> None:
        """It is that time."""
        self.at(now_ms)
        due = self.mac.deadline_ms()
        if due is not None and due <= now_ms:
            self.mac.tick(now_ms)
            self.work()
        if self.mac.permit and now_ms >= self.permit_until_ms:
            self.permit(0)
        if self._rejoin_due is not None and now_ms >= self._rejoin_due:
            self._rejoin_due = None
            self._events.append(Entered(False, True, "nobody answered the rejoin request"))
        for waiting in list(self._waiting):
            if now_ms >= waiting.due_ms:
                self._no_route_yet(waiting)
        for noted in self._broadcasts:
            if noted.frame is not None and now_ms >= noted.due_ms:
                self._repeat_again(noted)
        late = [one for one in self._unauthenticated if one[1] <= now_ms]
        if late:
            self._unauthenticated = [one for one in self._unauthenticated if one[1] > now_ms]
            for eui, _ in late:
                self.neighbours = [one for one in self.neighbours if one.eui != eui or one.authenticated]

    def _no_route_yet(self, waiting: _Waiting) -> None:
        waiting.due_ms = self._now_ms + ROUTE_WAIT_MS
        waiting.tries += 1
        if waiting.tries <= ROUTE_TRIES:
            self._seek(waiting.dst)
            return
        self._waiting.remove(waiting)
        for frame, handle in waiting.frames:
            self._failed(frame, handle, nwk.NO_ROUTE)
