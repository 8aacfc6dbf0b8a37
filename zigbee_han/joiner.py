"""A device's way into the network of its comms hub, and its tunnel: what a meter does before it can be talked to.

state      left when
OUT        start: JOINING; resume, with what was loaded and with what the radio remembers: UP or KEYING
JOINING    in: KEYING; not let in: WAITING
REJOINING  in: UP; not: WAITING
WAITING    a while has passed, longer after each time (Smart Energy: one to fifteen minutes): JOINING or REJOINING
KEYING     a link key was established by certificate: UP; not: it is tried again, after what the hub asked for
UP         the network was lost: WAITING

A radio that fails and recovers leaves the state as it was, unless it has forgotten its network: then REJOINING.

Once UP it reads the hub's time, and again each day, and asks the hub now and then whether it still is there
(Keep-Alive). After three times without an answer the hub is lost: the device looks for its network, REJOINING, and
goes on looking until the hub answers again.
"""

from slotmeter.hal.radio import Down, JoinFailed, Up
from slotmeter.zigbee_han.clusters.clock import EVERY_S, TimeReader
from slotmeter.zigbee_han.clusters.keep_alive import FAILURES, Back, Watch
from slotmeter.zigbee_han.errors import EncodeError
from slotmeter.zigbee_han.frames.layout import EUI, KEY, U8, U16, make
from slotmeter.zigbee_han.key_establishment import ExchangeFailed, KeyAgreed
from slotmeter.zigbee_han.server import Told
from slotmeter.zigbee_han.station import Failed, Station
from slotmeter.zigbee_han.tunnel import CLOSED, LARGEST, Closed, Opened, Tunnel, Undelivered

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from slotmeter.hal.radio import Radio
    from slotmeter.zigbee_han.key_establishment import KeyExchange
    from slotmeter.zigbee_han.server import Cluster

METER = 0x0501
# Where the hub has its clusters.
HUB_ENDPOINT = 1

OUT = 0
JOINING = 1
REJOINING = 2
WAITING = 3
KEYING = 4
UP = 5
STATE_NAMES = ("out", "joining", "rejoining", "waiting", "keying", "up")

# What is saved. KNOWN: it knows a network, and `hub` is its trust centre; CODED: it has a key from an install code.
_KNOWN = 0x01
_CODED = 0x02
_TUNNEL = ("tunnel", (("number", U16), ("peer", EUI), ("endpoint", U8), ("room", U16)))
_SAVED = (
    "joiner",
    (
        ("kind", U8),
        ("version", U8),
        ("flags", U8, _KNOWN | _CODED),
        ("hub", EUI, None, ("flags", _KNOWN, _KNOWN)),
        ("link_key", KEY, None, ("flags", _CODED, _CODED)),
        ("keyed", (U8, EUI)),
        ("tunnels", (U8, _TUNNEL)),
        ("peers", (U8, EUI)),
    ),
)

# Smart Energy 1.4, 5.4.2.2.3.3: how long a device waits before it tries again, first and at most.
FIRST_WAIT_MS = 60000
LONGEST_WAIT_MS = 900000
# Ours: how soon key establishment is tried again when the hub named no time.
KEY_WAIT_MS = 10000
# Ours: messages that wait for a tunnel.
OUTBOX_LIMIT = 32


class HubLost:
    """The hub did not answer three times; its network is looked for."""

    def __init__(self, hub: bytes) -> None:
        self.hub = hub

    def __repr__(self) -> str:
        return "HubLost(%s)" % self.hub.hex()


class HubBack:
    """The hub that was lost answers again."""

    def __init__(self, hub: bytes) -> None:
        self.hub = hub

    def __repr__(self) -> str:
        return "HubBack(%s)" % self.hub.hex()


class Joiner(Station):
    """A device that wants to be in its hub's network, and is a server of tunnels there. hub: its trust centre.

    first_wait_ms: how long it waits after the first time that it was not let in; time_every_s: how often it reads the
    hub's time.
    """

    SAVED = _SAVED
    KIND = 0x4A

    def __init__(
        self,
        radio: "Radio",
        exchange: "KeyExchange",
        clusters: "tuple[Cluster, ...]" = (),
        device: int = METER,
        first_wait_ms: int = FIRST_WAIT_MS,
        time_every_s: int = EVERY_S,
    ) -> None:
        self.tunnel = Tunnel()
        super().__init__(radio, exchange, [self.tunnel] + list(clusters), device)
        self.state = OUT
        self.hub = b""
        self._first_wait_ms = first_wait_ms
        self._wait_ms = first_wait_ms
        self._due_ms = -1
        self._link_key = b""
        self._known = False
        self._resuming = False
        # Whether it joins as soon as it has left.
        self._joins_next = False
        self._time_every_s = time_every_s
        self._watch = None  # type: Watch | None
        self._time = None  # type: TimeReader | None
        self._lost = False
        self._outbox = []  # type: list[bytes]
        # How many messages of a tunnel that closed are back at the head of the outbox.
        self._back = 0

    def start(self, link_key: bytes, now_ms: int) -> None:
        """Looks for the hub's network and joins it, with the key made from the install code, until it is in. A network
        that it is in already it leaves first.
        """
        self.now_ms = now_ms
        self._link_key = link_key
        self.is_out()
        if self.radio.place() is None:
            self._join(now_ms)
        else:
            self._joins_next = True
            self.state = JOINING
            self.radio.leave(now_ms)

    def resume(self, now_ms: int) -> None:
        """Goes on after a power cut with what was loaded: in the network that the radio remembers, or on its way into
        one. A device that had left stays out.
        """
        self.now_ms = now_ms
        if self._known:
            self.state = REJOINING
            self._resuming = True
            self.radio.resume(now_ms)
        elif self._link_key:
            self._join(now_ms)

    def leave(self, now_ms: int) -> None:
        """Leaves the network, and stays out."""
        self.state = OUT
        self._due_ms = -1
        self._joins_next = False
        self._link_key = b""
        self.is_out()
        self.radio.leave(now_ms)

    def kept(self) -> "dict[str, Any]":
        """See Station."""
        known = self._known
        return {
            "flags": (_KNOWN if known else 0) | (_CODED if self._link_key else 0),
            "hub": self.hub if known else None,
            "link_key": self._link_key or None,
            "keyed": tuple(self.keyed),
            "tunnels": tuple(
                [
                    make(_TUNNEL, number=number, peer=peer, endpoint=endpoint, room=room)
                    for number, peer, endpoint, room in self.tunnel.kept()
                ]
            ),
            # Other devices than the hub, for a class that has some.
            "peers": (),
        }

    def take_back(self, fields: "Any") -> None:
        """See Station."""
        self._known = fields.hub is not None
        self.hub = fields.hub or b""
        self._link_key = fields.link_key or b""
        self.keyed = list(fields.keyed)
        self.tunnel.take_back([(one.number, one.peer, one.endpoint, one.room) for one in fields.tunnels])

    def send(self, message: bytes) -> bool:
        """Sends a message to the hub through its tunnel, at once or when there is one; False when too many wait.

        EncodeError when it is larger than a tunnel takes: it is to be cut in blocks before (general block transfer).
        """
        if len(message) > LARGEST:
            raise EncodeError("%d octets are too many for a tunnel of %d" % (len(message), LARGEST))
        if len(self._outbox) >= OUTBOX_LIMIT:
            return False
        self._outbox.append(message)
        self._post()
        return True

    def idle(self) -> bool:
        """Whether nothing waits to be sent, or for an answer."""
        return not self._outbox and self.tunnel.idle()

    def _post(self) -> None:
        """Gives the tunnel what it takes now."""
        while self._outbox and self.state == UP and self.tunnel.send(self.hub, self._outbox[0]):
            self._outbox.pop(0)

    def again_ms(self) -> "int | None":
        """When it looks for its network again; None unless it waits for that."""
        return self._due_ms if self.state == WAITING and self._due_ms >= 0 else None

    def deadline_ms(self) -> "int | None":
        """See Station."""
        due = super().deadline_ms()
        if not self.works:
            return due
        times = [due] if self._due_ms < 0 else [due, self._due_ms]
        if self.state == UP and self._watch is not None and self._time is not None:
            times += [self._watch.deadline_ms(), self._time.deadline_ms()]
        known = [time for time in times if time is not None]
        return min(known) if known else None

    def tick(self, now_ms: int) -> None:
        """See Station."""
        if self.works and 0 <= self._due_ms <= now_ms:
            self._due_ms = -1
            if self.state == WAITING:
                self._join(now_ms)
            elif self.state == KEYING:
                self.exchange.start(self.hub, now_ms)
        if self.works and self.state == UP:
            self._look_after_hub(now_ms)
        self._post()
        super().tick(now_ms)

    def _look_after_hub(self, now_ms: int) -> None:
        """Asks the hub what is to be asked; when it is lost, looks for it."""
        self.now_ms = now_ms
        if self._watch is None or self._time is None:
            return
        self._time.tick(now_ms)
        self._watch.tick(now_ms)
        fact = self._watch.next_event()
        while fact is not None:
            if isinstance(fact, Back):
                self._lost = False
                self._wait_ms = self._first_wait_ms
                self.tunnel.hurry(now_ms)
                self.tell(HubBack(self.hub))
            elif fact.failures == FAILURES:
                self._lost = True
                self.tell(HubLost(self.hub))
                self._join(now_ms)
            else:
                self._wait()
            fact = self._watch.next_event()

    def _is_up(self) -> None:
        """In the network, with a key with the hub."""
        self.state = UP
        self._known = True
        if self._watch is None:
            self._watch = Watch(self.endpoint, self.hub, HUB_ENDPOINT, self._below, self.now_ms)
            self._time = TimeReader(self.endpoint, self.hub, HUB_ENDPOINT, self._time_every_s, self.now_ms)
        elif self._lost:
            # A router let it in: that does not say that the hub is there.
            self._watch.ask(self.now_ms)

    def _below(self, most: int) -> int:
        """A random number from 0 to `most`."""
        return int.from_bytes(self.exchange.entropy.random(2), "big") % (most + 1)

    def _join(self, now_ms: int) -> None:
        self._due_ms = -1
        self._joins_next = False
        if self._known:
            self.state = REJOINING
            self.radio.rejoin(now_ms)
        else:
            self.state = JOINING
            self.radio.join(self._link_key, now_ms)

    def _wait(self) -> None:
        self.state = WAITING
        self._due_ms = self.now_ms + self._wait_ms
        self._wait_ms = min(2 * self._wait_ms, LONGEST_WAIT_MS)

    def recovered(self, in_network: bool) -> None:
        """See Station."""
        if self.state == OUT:
            return
        if not in_network:
            self._join(self.now_ms)
        elif self.state in (JOINING, REJOINING, WAITING):
            # It got in, and failed before it could say so.
            self._due_ms = -1
            self._resuming = True
            self.radio.resume(self.now_ms)

    def heard(self, event: object) -> None:
        """See Station."""
        if isinstance(event, Up):
            self._resuming = False
            self.hub = event.trust_centre
            if not self._lost:
                self._wait_ms = self._first_wait_ms
            if event.rejoined and self.hub in self.keyed:
                self._is_up()
            else:
                self.state = KEYING
                self.exchange.start(self.hub, self.now_ms)
        elif isinstance(event, JoinFailed):
            self.tell(Failed("rejoin" if self._known else "join", event.reason))
            if self._resuming:
                self._forgotten()
            elif self.state != OUT:
                self._wait()
            return
        elif isinstance(event, Down) and self.state != OUT:
            # Somebody sent it away: its key with the hub stands only if the hub lets it in again by it.
            self.is_out()
            if self._joins_next:
                self._join(self.now_ms)
            else:
                self._wait()
        self.tell(event)

    def is_out(self) -> None:
        """It is a device of no network any more: none of its keys counts."""
        self._known = False
        self._watch = self._time = None
        self._lost = False
        self.keyed = []
        self.unsaved = True

    def _forgotten(self) -> None:
        """The radio knows nothing of the network: it must be joined anew, as from the factory."""
        self._resuming = False
        self.is_out()
        self.state = WAITING if self._link_key else OUT
        self._due_ms = self.now_ms if self._link_key else -1

    def told(self, fact: Told) -> None:
        """See Station."""
        if self._watch is not None and self._watch.heard(fact, self.now_ms):
            self._look_after_hub(self.now_ms)

    def happened(self, fact: "Any") -> None:
        """See Station."""
        if self._watch is not None and self._time is not None:
            if self._watch.heard(fact, self.now_ms):
                self._look_after_hub(self.now_ms)
                return
            if self._time.heard(fact, self.now_ms):
                told = self._time.next_event()
                if told is not None:
                    self.tell(told)
                return
        if isinstance(fact, KeyAgreed) and fact.partner == self.hub:
            self._due_ms = -1
            self._is_up()
        elif isinstance(fact, (Opened, Closed)):
            self.unsaved = True
            self._back = 0
            self._post()
        elif isinstance(fact, Undelivered) and fact.why == CLOSED and len(self._outbox) < OUTBOX_LIMIT:
            self._outbox.insert(self._back, fact.data)
            self._back += 1
            return
        self.tell(fact)

    def exchange_failed(self, fact: ExchangeFailed) -> None:
        """See Station."""
        if self.state == KEYING:
            self._due_ms = self.now_ms + max(1000 * fact.wait_s, KEY_WAIT_MS)
