"""The comms hub's side of a home area network: its radio, and messages to and from the devices of its log.

    send -> general block transfer -> tunnel client -> device
    next_message <- general block transfer <- tunnel client <- device

It works on any `slotmeter.hal.radio.Radio`. Whoever has it moves the hub in the network's time (`hub.tick`), and calls
`settle` after that; what the network does is told by `next_event`, for people and for tests.
"""

from typing import TYPE_CHECKING

from slotmeter.dlms.blocks import BLOCK_SIZE
from slotmeter.firmware.transfer import Transfers, is_block
from slotmeter.zigbee_han.comms_hub import CommsHub
from slotmeter.zigbee_han.key_establishment import KeyExchange
from slotmeter.zigbee_han.tunnel import Arrived, Delivered, Undelivered

if TYPE_CHECKING:
    from collections.abc import Callable

    from slotmeter.hal.crypto import Crypto
    from slotmeter.hal.entropy import Entropy
    from slotmeter.hal.radio import Radio
    from slotmeter.zigbee_han.agreement import Identity


class _Way:
    """What is under way to and from one device."""

    def __init__(self) -> None:
        self.transfers = Transfers(BLOCK_SIZE)
        # Whole messages for the device.
        self.waiting: list[bytes] = []
        # A message or block that the tunnel has not taken yet.
        self.out = b""
        # The message that goes in blocks.
        self.in_blocks = b""


class HubSide:
    """One hub's. identities: its HAN certificates; utc_s: gives its time in seconds since 2000."""

    def __init__(
        self,
        radio: "Radio",
        crypto: "Crypto",
        entropy: "Entropy",
        identities: "list[Identity]",
        utc_s: "Callable[[], int | None]",
    ) -> None:
        self.hub = CommsHub(radio, KeyExchange(crypto, entropy, radio.eui64, identities), utc_s=utc_s)
        self._ways: dict[bytes, _Way] = {}
        self._messages: list[tuple[bytes, bytes]] = []
        self._facts: list[object] = []

    def send(self, eui64: bytes, message: bytes) -> None:
        """A whole GBCS message for a device; `settle` hands it to the device's tunnel. Delivered or Undelivered is told
        of it later.
        """
        self._way(eui64).waiting.append(message)

    def _way(self, eui64: bytes) -> _Way:
        way = self._ways.get(eui64)
        if way is None:
            way = self._ways[eui64] = _Way()
        return way

    def waiting(self, eui64: bytes) -> int:
        """How many messages are on their way to a device, or wait for it."""
        way = self._ways.get(eui64)
        client = self.hub.tunnels.find(eui64)
        logged = self.hub.find(eui64)
        waiting = 0 if client is None else len([one for one in client.waiting() if not is_block(one)])
        if logged is not None:
            # Of a device that sleeps.
            waiting += len(logged.queue.messages())
        if way is not None:
            waiting += len(way.waiting) + bool(way.in_blocks) + bool(way.out and not is_block(way.out))
        return waiting

    def forget(self, eui64: bytes) -> None:
        """What waits for a device is not sent any more."""
        self._ways.pop(eui64, None)

    def settle(self) -> None:
        """Takes what the network brought, and hands it what is to be sent."""
        fact = self.hub.next_event()
        while fact is not None:
            if isinstance(fact, Arrived):
                self._take(fact.peer, fact.data)
            elif not (isinstance(fact, (Delivered, Undelivered)) and is_block(fact.data)):
                # What becomes of a block the transfer knows by itself.
                self._facts.append(fact)
            fact = self.hub.next_event()
        now_ms = self.hub.now_ms
        for eui64, way in self._ways.items():
            way.transfers.tick(now_ms)
            self._look(eui64, way)
            while self._give(eui64, way, now_ms):
                pass

    def _take(self, peer: bytes, data: bytes) -> None:
        whole: bytes | None = data
        if is_block(data):
            way = self._way(peer)
            whole = way.transfers.receive(data, self.hub.now_ms)
            self._look(peer, way)
        if whole is not None:
            self._messages.append((peer, whole))

    def _look(self, eui64: bytes, way: _Way) -> None:
        """What became of a message that went in blocks."""
        outcome = way.transfers.ended()
        if outcome is not None:
            done = Undelivered(eui64, way.in_blocks, outcome) if outcome else Delivered(eui64, way.in_blocks)
            self._facts.append(done)
            way.in_blocks = b""

    def _give(self, eui64: bytes, way: _Way, now_ms: int) -> bool:
        """Hands the next unit to the device's tunnel; whether it took one."""
        if not way.out:
            way.out = way.transfers.to_send()
            self._look(eui64, way)
        if not way.out and way.waiting and not way.transfers.sending():
            whole = way.waiting.pop(0)
            way.out = way.transfers.start(whole, now_ms)
            way.in_blocks = whole if way.transfers.sending() else b""
        if not way.out or not self.hub.send(eui64, way.out, now_ms):
            return False
        way.out = b""
        return True

    def moves(self) -> bool:
        """Whether something is on its way between the hub and a device."""
        for way in self._ways.values():
            if way.out or way.waiting or way.transfers.sending():
                return True
        return not self.hub.tunnels.idle()

    def deadline_ms(self) -> "int | None":
        """When `settle` has something to do by itself."""
        times = [way.transfers.deadline_ms() for way in self._ways.values()]
        known = [time for time in times if time is not None]
        return min(known) if known else None

    def next_message(self) -> "tuple[bytes, bytes] | None":
        """The next whole message that arrived, and from whom before it: (EUI-64, message); or None."""
        return self._messages.pop(0) if self._messages else None

    def next_event(self) -> "object | None":
        """The next fact of the network, or None; messages are none."""
        return self._facts.pop(0) if self._facts else None
