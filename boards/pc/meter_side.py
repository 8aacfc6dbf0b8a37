"""A meter's side of its home area network: its radio, what it serves there, and its messages through the tunnel.

    tunnel server -- Arrived --> Meter.receive
    Meter.to_send --> tunnel server --> hub
    Meter.delivered <-- Delivered -- tunnel server

It works on any `slotmeter.hal.radio.Radio`. Whoever has it moves the joiner in the network's time (`joiner.tick`), and
calls `settle` after that; what the network does is told by `next_event`, for people and for tests.
"""

from typing import TYPE_CHECKING

from slotmeter.firmware.han_station import MeterStation
from slotmeter.firmware.transfer import is_block
from slotmeter.hal.radio import Up
from slotmeter.zigbee_han.clusters.clock import HubTime
from slotmeter.zigbee_han.key_establishment import KeyAgreed, KeyExchange
from slotmeter.zigbee_han.tunnel import Arrived, Delivered, Undelivered

if TYPE_CHECKING:
    from collections.abc import Callable

    from slotmeter.firmware.meter import Meter
    from slotmeter.hal.crypto import Crypto
    from slotmeter.hal.entropy import Entropy
    from slotmeter.hal.radio import Radio
    from slotmeter.zigbee_han.agreement import Identity

# Ours: when a message goes again that the hub refused, because it had no room.
_AGAIN_MS = 60000


class MeterSide:
    """One meter's. identities: its HAN certificates; now_ms: gives the meter's time; agreed: the key that was agreed
    with the hub by certificate, b"" before.

    tells_join: whether the meter is told that it joined a network anew (events 8183 and 8F69); tells_time: called with
    what the hub says the time is, in seconds since 2000.
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
        self._meter = meter
        self._now_ms = now_ms
        self.agreed = b""
        self.tells_join = True
        self.tells_time: Callable[[int], bool] | None = None
        # Called with each message that the meter is about to have, but not with blocks of one.
        self.tells_message: Callable[[bytes], None] | None = None
        self.joiner = MeterStation(radio, KeyExchange(crypto, entropy, meter.eui64, identities), meter)
        # What the meter gave for the hub: not taken by the joiner yet, and on its way.
        self._out = b""
        self._on_way = b""
        self._again_ms = 0
        self._came_anew = False
        self._facts: list[object] = []

    def has(self, meter: "Meter") -> None:
        """Another meter answers from now on: it was started anew."""
        self._meter = meter
        self.joiner.has(meter)
        self._out = self._on_way = b""

    def settle(self) -> None:
        """Takes what the network brought, and hands it what the meter has for the hub."""
        fact = self.joiner.next_event()
        while fact is not None:
            self._take(fact)
            fact = self.joiner.next_event()
        meter = self._meter
        if self._on_way or self.joiner.now_ms < self._again_ms:
            return
        # One at a time: what has not been delivered stays with the meter, which keeps it through a power cut.
        self._out = self._out or meter.to_send()
        if self._out and self.joiner.send(self._out):
            self._on_way, self._out = self._out, b""

    def _take(self, fact: object) -> None:
        meter = self._meter
        if isinstance(fact, Arrived):
            if self.tells_message is not None and not is_block(fact.data):
                self.tells_message(fact.data)
            meter.receive(fact.data, self._now_ms())
            return
        if isinstance(fact, Delivered):
            if fact.data == self._on_way:
                self._on_way = b""
                meter.delivered(fact.data)
            return
        if isinstance(fact, Undelivered) and fact.data == self._on_way:
            # The hub refused it. The message is not lost: it goes again.
            self._out, self._on_way = self._on_way, b""
            self._again_ms = self.joiner.now_ms + _AGAIN_MS
        elif isinstance(fact, HubTime):
            if self.tells_time is not None:
                self.tells_time(fact.utc_s)
            return
        elif isinstance(fact, Up):
            self._came_anew = self._came_anew or not fact.rejoined
        elif isinstance(fact, KeyAgreed) and fact.partner == self.joiner.hub:
            self.agreed = fact.key
            if self._came_anew and self.tells_join:
                meter.joined()
            self._came_anew = False
        self._facts.append(fact)

    def moves(self) -> bool:
        """Whether something of the meter's is on its way to the hub."""
        return bool(self._on_way or self._out) and self.joiner.now_ms >= self._again_ms

    def deadline_ms(self) -> "int | None":
        """When `settle` has something to do by itself, in the network's time."""
        return self._again_ms if self._out and self.joiner.now_ms < self._again_ms else None

    def next_try(self) -> str:
        """When the network is looked for again, to be put behind what failed."""
        again_ms = self.joiner.again_ms()
        return "" if again_ms is None else "; next try in %d s" % max(0, (again_ms - self.joiner.now_ms) // 1000)

    def next_event(self) -> "object | None":
        """The next fact of the network, or None; messages are none."""
        return self._facts.pop(0) if self._facts else None
