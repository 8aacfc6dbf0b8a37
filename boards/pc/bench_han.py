"""The home area network of a bench: a comms hub beside the meter, on a virtual air with real frames, in one process.

What the bench delivers goes from the hub through the tunnel to the meter, and what the meter sends comes back that way:

    deliver -> hub -> tunnel client -> APS, NWK, 802.15.4 -> tunnel server -> Meter.receive
    messages <- hub <- tunnel client <- APS, NWK, 802.15.4 <- tunnel server <- Meter.to_send

The network has a time of its own, which passes only while something is on its way: a bench whose clock stands still
still has a network that works. What is larger than a tunnel takes is cut by general block transfer on both sides.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from slotmeter.boards.pc import han_keys
from slotmeter.boards.pc.capture import Capture
from slotmeter.boards.pc.errors import SlotmeterError
from slotmeter.dlms.blocks import BLOCK_SIZE
from slotmeter.firmware.han_values import MeterValues
from slotmeter.firmware.transfer import Transfers, is_block
from slotmeter.zigbee_han import install_code, joiner, zcl
from slotmeter.zigbee_han.clusters.basic import Basic
from slotmeter.zigbee_han.clusters.clock import Clock
from slotmeter.zigbee_han.clusters.events import Events
from slotmeter.zigbee_han.clusters.keep_alive import KeepAlive
from slotmeter.zigbee_han.clusters.management import Management
from slotmeter.zigbee_han.clusters.messaging import Messaging
from slotmeter.zigbee_han.clusters.metering import Metering
from slotmeter.zigbee_han.clusters.prepayment import Prepayment
from slotmeter.zigbee_han.clusters.price import Price
from slotmeter.zigbee_han.comms_hub import CommsHub
from slotmeter.zigbee_han.joiner import Joiner
from slotmeter.zigbee_han.key_establishment import KeyAgreed, KeyExchange
from slotmeter.zigbee_han.server import Answered
from slotmeter.zigbee_han.sim.han import Han
from slotmeter.zigbee_han.station import Failed
from slotmeter.zigbee_han.tunnel import Arrived, Opened, Undelivered

if TYPE_CHECKING:
    from slotmeter.firmware.meter import Meter
    from slotmeter.hal.crypto import Crypto
    from slotmeter.hal.entropy import Entropy

CHANNEL = 15
_PAN = 0x534D
# Seconds from 1970 to 2000: captures are stamped by the bench's clock.
_EPOCH_S = 946684800
_PERMIT_S = 254
_JOIN_WITHIN_MS = 10000
# A step of the network's time, and how long it may take until everything has arrived or is given up.
_STEP_MS = 20
_QUIET_WITHIN_MS = 60000
_ANSWER_WITHIN_MS = 5000
# What a meter serves, from its values.
_SERVED = (Basic, Clock, Metering, Price, Messaging, Prepayment, Management, Events)


class BenchHan:
    """A hub and a meter's radio. folder: the keystore with their HAN certificates, made when they are missing.

    code: the meter's install code with its CRC; link_key: the key that was agreed by certificate; took_ms: how long the
    network took, of its own time, until the tunnel was open.
    """

    def __init__(self, folder: Path, meter: "Meter", crypto: "Crypto", entropy: "Entropy", seed: int) -> None:
        eui64 = meter.eui64
        han_keys.add(folder, entropy, [eui64, han_keys.HUB])
        self.code = install_code.with_crc(entropy.random(16))
        self.join_key = install_code.link_key(crypto, self.code)
        self.link_key = b""
        self.network_key = entropy.random(16)
        self.took_ms = 0
        self.eui64 = eui64
        self._values = MeterValues(meter)
        # Messages that were given up on the way, in words.
        self.lost: list[str] = []
        self._han = Han(crypto, seed or 1)
        self._capture: Capture | None = None
        self._hub = CommsHub(
            self._han.radio(han_keys.HUB),
            KeyExchange(crypto, entropy, han_keys.HUB, han_keys.identities(folder, han_keys.HUB)),
        )
        self._joiner = Joiner(
            self._han.radio(eui64, 10),
            KeyExchange(crypto, entropy, eui64, han_keys.identities(folder, eui64)),
            tuple(kind(self._values) for kind in _SERVED) + (KeepAlive(),),
        )
        self._han.add(self._hub)
        self._han.add(self._joiner)
        self.channel = CHANNEL
        self._transfers = Transfers(BLOCK_SIZE)
        # Whole messages for the meter; and units of what is under way in each direction.
        self._messages: list[bytes] = []
        self._from_meter: list[bytes] = []
        self._arrived: list[bytes] = []
        self._answers: dict[int, Any] = {}

    def has(self, meter: "Meter") -> None:
        """The meter was started anew: the network asks this one from now on."""
        self._values.meter = meter

    def read(self, cluster: int, attributes: "list[int]") -> "dict[int, Any]":
        """What the meter answers the hub that asks for attributes of a cluster: the value of each that it has."""
        self._answers = {}
        self._hub.endpoint.read(self.eui64, 1, cluster, attributes)
        until_ms = self._han.now_ms + _ANSWER_WITHIN_MS
        while not self._answers and self._han.now_ms < until_ms:
            self._han.run(self._han.now_ms + _STEP_MS)
            self._take_facts(None, 0)
        return self._answers

    def capture(self, file: BinaryIO, now_s: int) -> None:
        """Writes every frame from now on. now_s: what time the network's beginning is, in seconds since 2000."""
        self._capture = capture = Capture(file, now_s + _EPOCH_S)
        self._han.air.tap = lambda octets, time_us, _channel: capture.add(octets, time_us)

    def join(self) -> None:
        """Forms the network, and has the meter join it by its install code; SlotmeterError when it does not."""
        self._hub.form(CHANNEL, _PAN, han_keys.HUB, self.network_key, 0)
        self._hub.add(self.eui64, self.join_key)
        self._hub.permit(_PERMIT_S, 0)
        self._joiner.start(self.join_key, 0)
        opened = False
        while not opened and self._han.now_ms < _JOIN_WITHIN_MS:
            self._han.run(self._han.now_ms + _STEP_MS)
            fact = self._hub.next_event()
            while fact is not None:
                opened = opened or isinstance(fact, Opened)
                fact = self._hub.next_event()
        self._take_facts(None, 0)
        if not opened:
            raise SlotmeterError(
                "the meter did not get into the hub's network: it is %s; %s"
                % (joiner.STATE_NAMES[self._joiner.state], "; ".join(self.lost) or "no reason is known")
            )
        self._hub.permit(0, self._han.now_ms)
        self.took_ms = self._han.now_ms

    def send(self, message: bytes) -> None:
        """A whole message for the meter; `carry` takes it there."""
        self._messages.append(message)

    def carry(self, meter: "Meter", now_ms: int) -> "list[bytes]":
        """Carries everything both ways until nothing is under way any more; the whole messages that reached the hub."""
        until_ms = self._han.now_ms + _QUIET_WITHIN_MS
        while self._moves(meter) and self._han.now_ms < until_ms:
            self._han.run(self._han.now_ms + _STEP_MS)
            self._take_facts(meter, now_ms)
        arrived, self._arrived = self._arrived, []
        return arrived

    def _moves(self, meter: "Meter") -> bool:
        """Hands on what can be; whether anything is under way."""
        now_ms = self._han.now_ms
        data = meter.to_send()
        while data:
            self._from_meter.append(data)
            data = meter.to_send()
        while self._from_meter and self._joiner.send(self._from_meter[0]):
            self._from_meter.pop(0)
        self._transfers.tick(now_ms)
        out = self._transfers.to_send()
        if not out and self._messages and not self._transfers.sending():
            out = self._transfers.start(self._messages.pop(0), now_ms)
        while out:
            self._hub.send(self.eui64, out, now_ms)
            out = self._transfers.to_send()
        waiting = self._messages or self._from_meter or self._transfers.sending()
        return bool(waiting) or not (self._hub.tunnels.idle() and self._joiner.tunnel.idle())

    def _take_facts(self, meter: "Meter | None", now_ms: int) -> None:
        fact = self._hub.next_event()
        while fact is not None:
            if isinstance(fact, Arrived):
                self._take_at_hub(fact.data)
            elif isinstance(fact, Answered):
                self._answers = {record[0]: record[3] for record in fact.records if record[1] == zcl.SUCCESS}
            self._note(fact)
            fact = self._hub.next_event()
        fact = self._joiner.next_event()
        while fact is not None:
            if isinstance(fact, Arrived) and meter is not None:
                meter.receive(fact.data, now_ms)
            elif isinstance(fact, KeyAgreed):
                self.link_key = fact.key
            self._note(fact)
            fact = self._joiner.next_event()

    def _take_at_hub(self, data: bytes) -> None:
        whole: bytes | None = data
        if is_block(data):
            whole = self._transfers.receive(data, self._han.now_ms)
        if whole is not None:
            self._arrived.append(whole)

    def _note(self, fact: object) -> None:
        if isinstance(fact, Undelivered):
            self.lost.append("a message of %d octets: %s" % (len(fact.data), fact.why))
        elif isinstance(fact, Failed):
            self.lost.append("%s: %s" % (fact.what, fact.why))
