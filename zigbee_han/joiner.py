"""A device's way into the network of its comms hub, and its tunnel: what a meter does before it can be talked to.

state      left when
OUT        start: JOINING; `resume`, with what it knows of a network: REJOINING
JOINING    in: KEYING; not let in: WAITING
REJOINING  in: UP; not: WAITING
WAITING    a while has passed, longer after each time (Smart Energy: one to fifteen minutes): JOINING or REJOINING
KEYING     a link key was established by certificate: UP; not: it is tried again, after what the hub asked for
UP         the network was lost: WAITING
"""

from slotmeter.hal.radio import Down, JoinFailed, Up
from slotmeter.zigbee_han.key_establishment import ExchangeFailed, KeyAgreed
from slotmeter.zigbee_han.station import Failed, Station
from slotmeter.zigbee_han.tunnel import Tunnel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from slotmeter.hal.radio import Radio
    from slotmeter.zigbee_han.key_establishment import KeyExchange
    from slotmeter.zigbee_han.server import Cluster

METER = 0x0501

OUT = 0
JOINING = 1
REJOINING = 2
WAITING = 3
KEYING = 4
UP = 5
STATE_NAMES = ("out", "joining", "rejoining", "waiting", "keying", "up")

# Smart Energy 1.4, 5.4.2.2.3.3: how long a device waits before it tries again, first and at most.
FIRST_WAIT_MS = 60000
LONGEST_WAIT_MS = 900000
# Ours: how soon key establishment is tried again when the hub named no time.
KEY_WAIT_MS = 10000


class Joiner(Station):
    """A device that wants to be in its hub's network, and is a server of tunnels there. hub: its trust centre."""

    def __init__(
        self,
        radio: "Radio",
        exchange: "KeyExchange",
        clusters: "tuple[Cluster, ...]" = (),
        device: int = METER,
        first_wait_ms: int = FIRST_WAIT_MS,
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

    def start(self, link_key: bytes, now_ms: int) -> None:
        """Looks for the hub's network and joins it, with the key made from the install code, until it is in."""
        self._link_key = link_key
        self._known = False
        self._join(now_ms)

    def leave(self, now_ms: int) -> None:
        """Leaves the network, and stays out."""
        self.state = OUT
        self._due_ms = -1
        self.radio.leave(now_ms)

    def send(self, message: bytes) -> bool:
        """Sends a message to the hub through its tunnel; False when it has opened none.

        EncodeError when it is larger than the hub takes.
        """
        return self.state == UP and self.tunnel.send(self.hub, message)

    def deadline_ms(self) -> "int | None":
        """See Station."""
        due = super().deadline_ms()
        if self._due_ms >= 0 and (due is None or self._due_ms < due):
            return self._due_ms
        return due

    def tick(self, now_ms: int) -> None:
        """See Station."""
        if 0 <= self._due_ms <= now_ms:
            self._due_ms = -1
            if self.state == WAITING:
                self._join(now_ms)
            elif self.state == KEYING:
                self.exchange.start(self.hub, now_ms)
        super().tick(now_ms)

    def _join(self, now_ms: int) -> None:
        self._due_ms = -1
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

    def heard(self, event: object) -> None:
        """See Station."""
        if isinstance(event, Up):
            self.hub = event.trust_centre
            self._wait_ms = self._first_wait_ms
            if event.rejoined and self.hub in self.keyed:
                self.state = UP
            else:
                self.state = KEYING
                self.exchange.start(self.hub, self.now_ms)
        elif isinstance(event, JoinFailed):
            self.tell(Failed("rejoin" if self._known else "join", event.reason))
            if self.state != OUT:
                self._wait()
            return
        elif isinstance(event, Down) and self.state != OUT:
            # Somebody sent it away: its key with the hub stands only if the hub lets it in again by it.
            self._known = False
            self.forget(self.hub)
            self._wait()
        self.tell(event)

    def happened(self, fact: "Any") -> None:
        """See Station."""
        if isinstance(fact, KeyAgreed) and fact.partner == self.hub:
            self.state = UP
            self._known = True
            self._due_ms = -1
        self.tell(fact)

    def exchange_failed(self, fact: ExchangeFailed) -> None:
        """See Station."""
        if self.state == KEYING:
            self._due_ms = self.now_ms + max(1000 * fact.wait_s, KEY_WAIT_MS)
