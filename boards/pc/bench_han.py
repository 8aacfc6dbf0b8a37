"""The home area network of a bench: a comms hub beside the meter, on a virtual air with real frames, in one process.

What the bench delivers goes from the hub through the tunnel to the meter, and what the meter sends comes back that way:

    deliver -> hub -> tunnel client -> APS, NWK, 802.15.4 -> tunnel server -> Meter.receive
    messages <- hub <- tunnel client <- APS, NWK, 802.15.4 <- tunnel server <- Meter.to_send

The network has a time of its own. It goes on while a message is on its way, so that a bench whose clock stands still
has a network that works; and it goes on with the meter's time, where that passes (`live`). What is larger than a tunnel
takes is cut by general block transfer on both sides.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from slotmeter.boards.pc import han_keys
from slotmeter.boards.pc.capture import Capture
from slotmeter.boards.pc.errors import SlotmeterError
from slotmeter.boards.pc.hub_side import HubSide
from slotmeter.boards.pc.meter_side import MeterSide
from slotmeter.zigbee_han import install_code, joiner, zcl
from slotmeter.zigbee_han.server import Answered
from slotmeter.zigbee_han.sim.han import Han
from slotmeter.zigbee_han.station import Failed
from slotmeter.zigbee_han.tunnel import Opened, Undelivered

if TYPE_CHECKING:
    from collections.abc import Callable

    from slotmeter.firmware.meter import Meter
    from slotmeter.hal.crypto import Crypto
    from slotmeter.hal.entropy import Entropy

CHANNEL = 15
_PAN = 0x534D
# Seconds from 1970 to 2000: captures are stamped by the bench's clock.
_EPOCH_S = 946684800
_PERMIT_S = 254
_JOIN_WITHIN_MS = 10000
# How long it may take until everything has arrived or is given up.
_QUIET_WITHIN_MS = 60000
_ANSWER_WITHIN_MS = 5000


class BenchHan:
    """A hub and a meter's radio. folder: the keystore with their HAN certificates, made when they are missing; now_ms:
    gives the meter's time.

    code: the meter's install code with its CRC; took_ms: how long the network took, of its own time, until the tunnel
    was open.
    """

    def __init__(
        self,
        folder: Path,
        meter: "Meter",
        crypto: "Crypto",
        entropy: "Entropy",
        seed: int,
        now_ms: "Callable[[], int]",
    ) -> None:
        eui64 = meter.eui64
        han_keys.add(folder, entropy, [eui64, han_keys.HUB])
        self.code = install_code.with_crc(entropy.random(16))
        self.join_key = install_code.link_key(crypto, self.code)
        self.network_key = entropy.random(16)
        self.took_ms = 0
        self.channel = CHANNEL
        self.eui64 = eui64
        # What was given up on the way, in words.
        self.lost: list[str] = []
        self._han = han = Han(crypto, seed or 1)
        self._capture: Capture | None = None
        self._hub_side = HubSide(han.radio(han_keys.HUB), crypto, entropy, han_keys.identities(folder, han_keys.HUB))
        self._meter_side = MeterSide(
            han.radio(eui64, 10), meter, crypto, entropy, han_keys.identities(folder, eui64), now_ms
        )
        han.add(self._hub_side.hub)
        han.add(self._meter_side.joiner)
        self._answers: dict[int, Any] | None = None
        self._opened = False

    @property
    def link_key(self) -> bytes:
        """The key that was agreed by certificate; b"" before."""
        return self._meter_side.agreed

    def has(self, meter: "Meter | None") -> None:
        """The meter was started anew, or lost its power: the network asks this one from now on, or none."""
        self._meter_side.has(meter)

    def read(self, cluster: int, attributes: "list[int]") -> "dict[int, Any]":
        """What the meter answers the hub that asks for attributes of a cluster: the value of each that it has."""
        self._answers = None
        self._hub_side.hub.endpoint.read(self.eui64, 1, cluster, attributes)
        until_ms = self._han.now_ms + _ANSWER_WITHIN_MS
        while self._answers is None and self._han.now_ms < until_ms:
            self._step(until_ms)
        return self._answers or {}

    def capture(self, file: BinaryIO, now_s: int) -> None:
        """Writes every frame from now on. now_s: what time the network's beginning is, in seconds since 2000."""
        self._capture = capture = Capture(file, now_s + _EPOCH_S)
        self._han.air.tap = lambda octets, time_us, _channel: capture.add(octets, time_us)

    def join(self) -> None:
        """Forms the network, and has the meter join it by its install code; SlotmeterError when it does not."""
        hub = self._hub_side.hub
        hub.form(CHANNEL, _PAN, han_keys.HUB, self.network_key, 0)
        hub.add(self.eui64, self.join_key)
        hub.permit(_PERMIT_S, 0)
        self._meter_side.joiner.start(self.join_key, 0)
        while not self._opened and self._han.now_ms < _JOIN_WITHIN_MS:
            self._step(_JOIN_WITHIN_MS)
        if not self._opened:
            raise SlotmeterError(
                "the meter did not get into the hub's network: it is %s; %s"
                % (joiner.STATE_NAMES[self._meter_side.joiner.state], "; ".join(self.lost) or "no reason is known")
            )
        hub.permit(0, self._han.now_ms)
        self.took_ms = self._han.now_ms

    def send(self, message: bytes) -> None:
        """A whole message for the meter; `carry` takes it there."""
        self._hub_side.send(self.eui64, message)

    def carry(self) -> "list[bytes]":
        """Carries everything both ways until nothing is under way any more; the whole messages that reached the hub."""
        until_ms = self._han.now_ms + _QUIET_WITHIN_MS
        self._settle()
        while (self._hub_side.moves() or self._meter_side.moves()) and self._han.now_ms < until_ms:
            self._step(until_ms)
        arrived = []
        message = self._hub_side.next_message()
        while message is not None:
            arrived.append(message[1])
            message = self._hub_side.next_message()
        return arrived

    def live(self, milliseconds: int) -> None:
        """Lets the network's time pass."""
        until_ms = self._han.now_ms + milliseconds
        while self._han.now_ms < until_ms:
            self._step(until_ms)

    def _step(self, until_ms: int) -> None:
        """Lets time pass to the next thing that happens in the network, at most to `until_ms`."""
        due = self._han.deadline_ms()
        self._han.run(until_ms if due is None else min(max(due, self._han.now_ms), until_ms))
        self._settle()

    def _settle(self) -> None:
        self._hub_side.settle()
        self._meter_side.settle()
        for side in (self._hub_side, self._meter_side):
            fact = side.next_event()
            while fact is not None:
                self._note(fact)
                fact = side.next_event()

    def _note(self, fact: object) -> None:
        if isinstance(fact, Undelivered):
            self.lost.append("a message of %d octets: %s" % (len(fact.data), fact.why))
        elif isinstance(fact, Failed):
            self.lost.append("%s: %s" % (fact.what, fact.why))
        elif isinstance(fact, Opened):
            self._opened = True
        elif isinstance(fact, Answered):
            self._answers = {record[0]: record[3] for record in fact.records if record[1] == zcl.SUCCESS}
