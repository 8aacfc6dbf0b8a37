"""What a meter and a comms hub have in common: a radio, an endpoint, and the keys that make traffic between them safe.

    radio -- Received --> endpoint -- Message --> clusters, key establishment, tunnel
      ^                      |                        |
      +------- send ---------+     facts <------------+

`tick` moves everything as far as it goes; between two of its calls nothing happens. Subclasses decide what follows from
a radio's event and from a cluster's fact.

While the radio does not work, the clusters stand still, and what is to be sent waits in them.

What a station must know after its power was cut is in `save`: octets of which the first says whose they are and the
second which layout they have. They hold keys. The radio remembers its network and its link keys by itself.
"""

from slotmeter.hal.errors import HalError
from slotmeter.hal.radio import Failed as RadioFailed
from slotmeter.hal.radio import Received, Recovered, Sent
from slotmeter.zigbee_han.errors import DecodeError
from slotmeter.zigbee_han.frames import layout
from slotmeter.zigbee_han.key_cluster import both_sides
from slotmeter.zigbee_han.key_establishment import NO_RESOURCES, ExchangeFailed, KeyAgreed, reason_text
from slotmeter.zigbee_han.server import Endpoint, Message, Told

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from slotmeter.hal.radio import Radio
    from slotmeter.zigbee_han.key_establishment import KeyExchange
    from slotmeter.zigbee_han.server import Cluster

# The layout of what is saved; another number in it means that another version of this program wrote it.
SAVED_VERSION = 1
# Ours: facts that nobody fetches, the oldest of which are lost then.
KEPT_LIMIT = 64


class Failed:
    """Something of the network did not come about; what, and why, in words."""

    def __init__(self, what: str, why: str) -> None:
        self.what = what
        self.why = why

    def __repr__(self) -> str:
        return "Failed(%s: %s)" % (self.what, self.why)


class Station:
    """One device of the network. keyed: the EUI-64s of those with whom a link key was established by certificate;
    unsaved: whether `save` gives something else than the last time; works: whether its radio does.
    """

    # What `save` gives: a layout that begins with kind and version; and the kind of this class.
    SAVED = ("nothing", ())  # type: Any
    KIND = 0

    def __init__(
        self, radio: "Radio", exchange: "KeyExchange", clusters: "list[Cluster]", device: int, number: int = 1
    ) -> None:
        self.radio = radio
        self.exchange = exchange
        self.endpoint = Endpoint(both_sides(exchange) + clusters, number, device=device)
        self.keyed = []  # type: list[bytes]
        self.now_ms = 0
        self.unsaved = False
        self.works = True
        self._facts = []  # type: list[object]
        one = self.endpoint
        radio.serve(one.number, one.profile, one.device, one.inputs(), one.outputs())

    def next_event(self) -> "object | None":
        """The next fact, or None."""
        return self._facts.pop(0) if self._facts else None

    def deadline_ms(self) -> "int | None":
        """When `tick` has something to do by itself; the radio may bring something earlier."""
        times = [self.radio.deadline_ms(), self.endpoint.deadline_ms() if self.works else None]
        known = [time for time in times if time is not None]
        return min(known) if known else None

    def tick(self, now_ms: int) -> None:
        """It is that time, or the radio has something: takes it, and sends what is to be sent."""
        self.now_ms = now_ms
        self.radio.tick(now_ms)
        event = self.radio.next_event()
        while event is not None:
            if not isinstance(event, Received):
                # Whether a payload was delivered the clusters learn by its answer.
                if not isinstance(event, Sent):
                    self._heard(event)
            elif event.endpoint in (self.endpoint.number, 0xFF) and event.profile == self.endpoint.profile:
                message = Message(
                    event.peer, event.peer_endpoint, event.cluster, event.payload, event.secured, event.broadcast
                )
                self.endpoint.receive(message, now_ms)
            event = self.radio.next_event()
        if not self.works:
            return
        self.endpoint.tick(now_ms)
        self._take_facts()
        out = self.endpoint.to_send()
        while out is not None:
            one = self.endpoint
            self.radio.send(out.peer, out.endpoint, one.number, one.profile, out.cluster, out.data, out.secured, now_ms)
            out = self.endpoint.to_send()
        self._take_facts()

    def _heard(self, event: object) -> None:
        if isinstance(event, RadioFailed):
            self.works = False
            self.tell(event)
        elif isinstance(event, Recovered):
            self.works = True
            self.tell(event)
            self.recovered(event.in_network)
        else:
            self.heard(event)

    def save(self) -> bytes:
        """What `load` needs to go on after a power cut. It holds keys."""
        self.unsaved = False
        return layout.build(layout.make(self.SAVED, kind=self.KIND, version=SAVED_VERSION, **self.kept()))

    def load(self, octets: bytes) -> None:
        """Takes back what `save` gave, before `resume`. DecodeError, and nothing changed, when it is something else."""
        if octets[:1] != bytes((self.KIND,)):
            raise DecodeError("not what a device of this kind saves", 0)
        if octets[1:2] != bytes((SAVED_VERSION,)):
            raise DecodeError("saved by another version of this program", 1)
        self.take_back(layout.parse(self.SAVED, octets))

    def _take_facts(self) -> None:
        fact = self.endpoint.next_event()
        while fact is not None:
            if isinstance(fact, KeyAgreed):
                self._agreed(fact)
            elif isinstance(fact, ExchangeFailed):
                why = reason_text(fact.reason)
                self.tell(Failed("key establishment", why + ": " + fact.detail if fact.detail else why))
                self.exchange_failed(fact)
            elif isinstance(fact, Told):
                self.told(fact)
            else:
                self.happened(fact)
            fact = self.endpoint.next_event()

    def _agreed(self, fact: KeyAgreed) -> None:
        if not self.accepts(fact.partner):
            self.tell(Failed("key establishment", "with a device that is not known"))
            return
        try:
            self.radio.set_link_key(fact.partner, fact.key)
        except HalError as error:
            self.tell(Failed("link key", error.detail))
            self.exchange_failed(ExchangeFailed(NO_RESOURCES, fact.partner, 0, False, error.detail))
            return
        if fact.partner not in self.keyed:
            self.keyed.append(fact.partner)
        self.unsaved = True
        self.happened(fact)

    def forget(self, peer: bytes) -> None:
        """The link key with `peer` is not one by certificate any more."""
        if peer in self.keyed:
            self.keyed.remove(peer)
            self.unsaved = True

    def tell(self, fact: object) -> None:
        """Adds a fact for whoever calls `next_event`."""
        if len(self._facts) >= KEPT_LIMIT:
            self._facts.pop(0)
        self._facts.append(fact)

    # ---- for subclasses

    def heard(self, event: object) -> None:
        """An event of the radio that is about the network."""

    def recovered(self, in_network: bool) -> None:
        """The radio works again; in_network: in the network that it was in."""

    def kept(self) -> "dict[str, Any]":
        """The fields of SAVED, but for kind and version."""
        return {}

    def take_back(self, fields: "Any") -> None:
        """Takes the fields of SAVED; DecodeError when they do not go together."""

    def accepts(self, partner: bytes) -> bool:
        """Whether a link key with `partner` is kept."""
        return True

    def exchange_failed(self, fact: ExchangeFailed) -> None:
        """An exchange made no key, which is told already."""

    def told(self, fact: Told) -> None:
        """A default response."""

    def happened(self, fact: "Any") -> None:
        """A fact of the endpoint or of one of its clusters that is no default response."""
