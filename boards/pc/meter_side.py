"""A meter's side of its home area network: its radio, what it serves there, and its messages through the tunnel.

    tunnel server -- Arrived --> Meter.receive
    Meter.to_send --> tunnel server --> hub

It works on any `slotmeter.hal.radio.Radio`. Whoever has it moves the joiner in the network's time (`joiner.tick`), and
calls `settle` after that; what the network does is told by `next_event`, for people and for tests.
"""

from typing import TYPE_CHECKING

from slotmeter.firmware.han_values import MeterValues
from slotmeter.zigbee_han.clusters.basic import Basic
from slotmeter.zigbee_han.clusters.clock import Clock
from slotmeter.zigbee_han.clusters.events import Events
from slotmeter.zigbee_han.clusters.management import Management
from slotmeter.zigbee_han.clusters.messaging import Messaging
from slotmeter.zigbee_han.clusters.metering import Metering
from slotmeter.zigbee_han.clusters.prepayment import Prepayment
from slotmeter.zigbee_han.clusters.price import Price
from slotmeter.zigbee_han.joiner import Joiner
from slotmeter.zigbee_han.key_establishment import KeyAgreed, KeyExchange
from slotmeter.zigbee_han.tunnel import Arrived

if TYPE_CHECKING:
    from collections.abc import Callable

    from slotmeter.firmware.meter import Meter
    from slotmeter.hal.crypto import Crypto
    from slotmeter.hal.entropy import Entropy
    from slotmeter.hal.radio import Radio
    from slotmeter.zigbee_han.agreement import Identity

# What a meter serves, from its values.
_SERVED = (Basic, Clock, Metering, Price, Messaging, Prepayment, Management, Events)


class MeterSide:
    """One meter's. identities: its HAN certificates; now_ms: gives the meter's time; agreed: the key that was agreed
    with the hub by certificate, b"" before.
    """

    def __init__(
        self,
        radio: "Radio",
        meter: "Meter",
        crypto: "Crypto",
        entropy: "Entropy",
        identities: "list[Identity]",
        now_ms: "Callable[[], int]",
    ) -> None:
        self._meter: Meter | None = meter
        self._values = values = MeterValues(meter)
        self._now_ms = now_ms
        self.agreed = b""
        self.joiner = Joiner(
            radio,
            KeyExchange(crypto, entropy, meter.eui64, identities),
            tuple(kind(values) for kind in _SERVED),
        )
        # What the meter gave for the hub, and the tunnel has not taken yet.
        self._out = b""
        self._facts: list[object] = []

    def has(self, meter: "Meter | None") -> None:
        """Another meter answers from now on: it was started anew, or has no power (None)."""
        self._meter = meter
        self._out = b""
        if meter is not None:
            self._values.meter = meter

    def settle(self) -> None:
        """Takes what the network brought, and hands it what the meter has for the hub."""
        fact = self.joiner.next_event()
        while fact is not None:
            self._take(fact)
            fact = self.joiner.next_event()
        if self._meter is None:
            return
        while True:
            self._out = self._out or self._meter.to_send()
            if not self._out or not self.joiner.send(self._out):
                break
            self._out = b""

    def _take(self, fact: object) -> None:
        meter = self._meter
        if isinstance(fact, Arrived):
            if meter is not None:
                meter.receive(fact.data, self._now_ms())
            return
        if isinstance(fact, KeyAgreed) and fact.partner == self.joiner.hub:
            self.agreed = fact.key
        self._facts.append(fact)

    def moves(self) -> bool:
        """Whether something of the meter's is on its way to the hub."""
        return bool(self._out) or not self.joiner.idle()

    def next_event(self) -> "object | None":
        """The next fact of the network, or None; messages are none."""
        return self._facts.pop(0) if self._facts else None
