"""The home area network of a bench: a comms hub beside the meter, on a virtual air with real frames, in one process.

What the bench delivers goes from the hub through the tunnel to the meter, and what the meter sends comes back that way:

    deliver -> hub -> tunnel client -> APS, NWK, 802.15.4 -> tunnel server -> Meter.receive
    messages <- hub <- tunnel client <- APS, NWK, 802.15.4 <- tunnel server <- Meter.to_send

The network has a time of its own. It goes on while a message is on its way, so that a bench whose clock stands still
has a network that works; and it goes on with the meter's time, where that passes (`live`). What is larger than a
tunnel takes is cut by general block transfer on both sides.

Install code, network, keys, counters and tunnels are in the store of the bench, for both sides: started again, they go
on in the network that they were in.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from slotmeter.boards.pc import han_keys
from slotmeter.boards.pc.bench_clock import EPOCH_S
from slotmeter.boards.pc.capture import Capture
from slotmeter.boards.pc.errors import SlotmeterError
from slotmeter.boards.pc.hub_side import HubSide
from slotmeter.boards.pc.meter_side import MeterSide
from slotmeter.boards.pc.network import Network
from slotmeter.boards.pc.network_words import words
from slotmeter.boards.pc.shelf import Kept, saved_radio
from slotmeter.hal.radio import Up
from slotmeter.zigbee_han import install_code, joiner, zcl
from slotmeter.zigbee_han.errors import DecodeError
from slotmeter.zigbee_han.server import Answered
from slotmeter.zigbee_han.sim.han import Han
from slotmeter.zigbee_han.station import Failed
from slotmeter.zigbee_han.tunnel import Opened, Undelivered

if TYPE_CHECKING:
    from collections.abc import Callable

    from slotmeter.boards.pc.bench_clock import BenchClock
    from slotmeter.boards.pc.shelf import Shelf
    from slotmeter.firmware.meter import Meter
    from slotmeter.hal.crypto import Crypto
    from slotmeter.hal.entropy import Entropy

# What the shelf calls this network.
_HERE = "one process"
CHANNEL = 15
_PAN = 0x534D
# Where hub and meter are on the air, by their order there.
_HUB = 0
_METER_X = 10
_PERMIT_S = 254
_JOIN_WITHIN_MS = 10000
# How long it may take until everything has arrived or is given up; and until it goes again after the hub was away: the
# meter looks for it each quarter of an hour.
_QUIET_WITHIN_MS = 60000
BACK_WITHIN_MS = 1200000
_ANSWER_WITHIN_MS = 5000
_HOUR_S = 3600.0
_LOST_LIMIT = 32
# How much of the network's time is lived through at once: an hour costs some 50 ms.
LIVED_AT_ONCE_MS = 2 * 3600 * 1000


class BenchHan(Network):
    """A hub and a meter's radio. folder: the keystore with their HAN certificates, made when they are missing; shelf:
    what was kept; now_ms: gives the meter's time; told: called with a line for people when something happens;
    tells_join: whether the meter is told that it joined; code: its install code with the CRC, None for the one that was
    kept, or a new one.

    took_ms: how long the network took, of its own time, until the tunnel was open.
    """

    def __init__(
        self,
        folder: Path,
        shelf: "Shelf",
        meter: "Meter",
        crypto: "Crypto",
        entropy: "Entropy",
        seed: int,
        now_ms: "Callable[[], int]",
        told: "Callable[[str], None]",
        tells_join: bool = True,
        code: "bytes | None" = None,
    ) -> None:
        super().__init__(meter.eui64)
        han_keys.add(folder, entropy, [self.eui64, han_keys.HUB])
        self._folder = folder
        self._shelf = shelf
        self._crypto = crypto
        self._entropy = entropy
        self._now_ms = now_ms
        self._told = told
        self._tells_join = tells_join
        self.code = code or shelf.get("han.code") or install_code.with_crc(entropy.random(16))
        self.join_key = install_code.link_key(crypto, self.code)
        self.network_key = shelf.get("hub.key") or b""
        self.channel = CHANNEL
        self.took_ms = 0
        self._allowed_ms = LIVED_AT_ONCE_MS
        self._connected = True
        self._han = Han(crypto, seed or int.from_bytes(entropy.random(4), "big"))
        self._capture: Capture | None = None
        self._answers: dict[int, Any] | None = None
        self._opened = False
        self._quiet = True
        radio = self._han.radio(han_keys.HUB, saved=saved_radio(shelf, "hub", _HERE))
        identities = han_keys.identities(folder, han_keys.HUB)
        self._hub_side = HubSide(radio, crypto, entropy, identities, lambda: now_ms() // 1000)
        self._hub = Kept("hub", _HERE, self._hub_side.hub, radio, shelf)
        self._han.add(self._hub_side.hub)
        self._meter: Kept | None = None
        self._meter_side: MeterSide | None = None
        self._place = _HUB
        self._start_meter(meter)

    def _start_meter(self, meter: "Meter") -> None:
        """A meter with power, and its radio with what it remembers."""
        radio = self._han.radio(self.eui64, _METER_X, saved=saved_radio(self._shelf, "han", _HERE))
        self._meter_radio = radio
        self._place += 1
        identities = han_keys.identities(self._folder, self.eui64)
        self._meter_side = side = MeterSide(radio, meter, self._crypto, self._entropy, identities, self._now_ms)
        side.tells_join = self._tells_join
        side.agreed = self._shelf.get("han.agreed") or b""
        self._meter = Kept("han", _HERE, side.joiner, radio, self._shelf)
        self._han.add(side.joiner)
        self._link()

    @property
    def link_key(self) -> bytes:
        """The key that was agreed by certificate; b"" before."""
        return self._shelf.get("han.agreed") or b""

    # ---- start and end

    def capture(self, file: BinaryIO, now_s: int) -> None:
        """Writes every frame from now on. now_s: what time the network's beginning is, in seconds since 2000."""
        self._capture = capture = Capture(file, now_s + EPOCH_S)
        self._han.air.tap = lambda octets, time_us, _channel: capture.add(octets, time_us)

    def join(self) -> None:
        """Goes on in the network that was kept; else forms one, and has the meter join it by its install code.
        SlotmeterError when the meter does not get in.
        """
        try:
            self.resumed = self._resume()
        except DecodeError as error:
            raise SlotmeterError(
                "what the store remembers of the home area network is damaged: %s; take another store" % error
            ) from error
        if not self.resumed:
            self.network_key = self._entropy.random(16)
            hub = self._hub_side.hub
            hub.form(CHANNEL, _PAN, han_keys.HUB, self.network_key, 0)
            hub.add(self.eui64, self.join_key)
            hub.permit(_PERMIT_S, 0)
            if self._meter_side is not None:
                self._meter_side.joiner.start(self.join_key, 0)
        while not self._opened and self._han.now_ms < _JOIN_WITHIN_MS:
            self._step(_JOIN_WITHIN_MS)
        if not self._opened:
            raise SlotmeterError(
                "the meter did not get into the hub's network: it is %s; %s"
                % (self.state(), "; ".join(self.lost) or "no reason is known")
            )
        self._hub_side.hub.permit(0, self._han.now_ms)
        self.took_ms = self._han.now_ms
        self._quiet = False
        self.keep()

    def _resume(self) -> bool:
        """Both sides go on with what was kept; False when one of them, or its radio, knows nothing."""
        meter, side = self._meter, self._meter_side
        if meter is None or side is None or not (self._hub.is_known() and meter.is_known()):
            return False
        self._hub.load()
        meter.load()
        self._hub_side.hub.resume(0)
        side.joiner.resume(0)
        return True

    def known_keys(self) -> "list[tuple[str, bytes]]":
        """See Network."""
        return [("install code", self.join_key), ("agreed", self.link_key), ("network", self.network_key)]

    def keep(self, told: "Callable[[str], None] | None" = None) -> None:
        """See Network."""
        shelf = self._shelf
        shelf.put("han.code", self.code)
        shelf.put("hub.key", self.network_key)
        self._hub.keep()
        if self._meter is not None and self._meter_side is not None:
            self._meter.keep()
            if self._meter_side.agreed:
                shelf.put("han.agreed", self._meter_side.agreed)
        shelf.commit(told)

    def keep_again(self) -> None:
        """See Network."""
        self._shelf.put_again()

    def state(self) -> str:
        """See Network."""
        return "without power" if self._meter_side is None else joiner.STATE_NAMES[self._meter_side.joiner.state]

    # ---- the meter's power, and its hub

    def has(self, meter: "Meter | None") -> None:
        """See Network."""
        if meter is None:
            self.keep()
            if self._meter is not None:
                self._han.stations.remove(self._meter.station)
                # Nobody hears a radio that is on no channel.
                self._meter_radio.node.nwk.forget()
            self._meter = self._meter_side = None
        elif self._meter_side is not None:
            self._meter_side.has(meter)
        else:
            self._start_meter(meter)
            if self._meter is not None and self._meter_side is not None:
                self._meter.load()
                self._meter_side.joiner.resume(self._han.now_ms)

    def connect(self, connected: bool) -> None:
        """Whether meter and hub hear each other."""
        if connected != self._connected:
            self._connected = connected
            self._link()
            if connected:
                self._carry(BACK_WITHIN_MS)

    def _link(self) -> None:
        air = self._han.air
        air.link(_HUB, self._place, 255 if self._connected else 0)

    # ---- messages

    def read(self, cluster: int, attributes: "list[int]") -> "dict[int, Any]":
        """What the meter answers the hub that asks for attributes of a cluster: the value of each that it has."""
        self._answers = None
        self._hub_side.hub.endpoint.read(self.eui64, 1, cluster, attributes)
        until_ms = self._han.now_ms + _ANSWER_WITHIN_MS
        while self._answers is None and self._han.now_ms < until_ms:
            self._step(until_ms)
        return self._answers or {}

    def send(self, message: bytes) -> None:
        """A whole message for the meter; `carry` takes it there."""
        self._hub_side.send(self.eui64, message)

    def carry(self) -> "list[bytes]":
        """Carries everything both ways until nothing is under way any more; the whole messages that reached the hub."""
        self._carry(_QUIET_WITHIN_MS)
        arrived = []
        message = self._hub_side.next_message()
        while message is not None:
            arrived.append(message[1])
            message = self._hub_side.next_message()
        return arrived

    def _carry(self, within_ms: int) -> None:
        until_ms = self._han.now_ms + within_ms
        self._settle()
        while self._connected and self._han.now_ms < until_ms and self._moves():
            self._step(until_ms)
        self.keep(self._told)

    def _moves(self) -> bool:
        side = self._meter_side
        return self._hub_side.moves() or (side is not None and side.moves())

    # ---- time

    def allow(self) -> None:
        """See Network."""
        self._allowed_ms = LIVED_AT_ONCE_MS

    def live(self, milliseconds: int) -> None:
        """See Network. So much as is allowed at once is lived through; `left_out_ms` counts the rest."""
        lived = min(milliseconds, self._allowed_ms)
        self._allowed_ms -= lived
        self.left_out_ms += milliseconds - lived
        until_ms = self._han.now_ms + lived
        while self._han.now_ms < until_ms:
            self._step(until_ms)

    def wait_s(self, clock: "BenchClock") -> float:
        """See Network."""
        due = self._due_ms()
        if due is None or clock.frozen:
            return _HOUR_S
        return max(0, due - self._han.now_ms) / 1000 / clock.rate

    def _due_ms(self) -> "int | None":
        side = self._meter_side
        times = (
            self._han.deadline_ms(),
            self._hub_side.deadline_ms(),
            None if side is None else side.deadline_ms(),
        )
        known = [time for time in times if time is not None]
        return min(known) if known else None

    def _step(self, until_ms: int) -> None:
        """Lets time pass to the next thing that happens in the network, at most to `until_ms`."""
        # What was handed to the stations just now leaves first, and may be due at once.
        self._han.run(self._han.now_ms)
        due = self._due_ms()
        self._han.run(until_ms if due is None else min(max(due, self._han.now_ms), until_ms))
        self._settle()

    def _settle(self) -> None:
        self._hub_side.settle()
        if self._meter_side is not None:
            self._meter_side.settle()
        fact = self._hub_side.next_event()
        while fact is not None:
            self._hub.due = True
            self._note(fact)
            fact = self._hub_side.next_event()
        side, kept = self._meter_side, self._meter
        if side is None or kept is None:
            return
        fact = side.next_event()
        while fact is not None:
            kept.due = True
            self._note(fact)
            self._tell(words(fact, self._meter_radio.place() if isinstance(fact, Up) else None))
            fact = side.next_event()

    def _tell(self, text: str) -> None:
        """To people; but not what happens at the start, which they are told in one line."""
        if text and not self._quiet:
            self._told(text)

    def _note(self, fact: object) -> None:
        if isinstance(fact, (Undelivered, Failed)):
            self.lost = [*self.lost[-_LOST_LIMIT:], words(fact)]
        elif isinstance(fact, Opened):
            self._opened = True
        elif isinstance(fact, Answered):
            self._answers = {record[0]: record[3] for record in fact.records if record[1] == zcl.SUCCESS}
