"""The medium access layer of one device: acknowledged frames, beacons, active scans, association.

    what it is told                    what it does
    send                               sends, waits for the acknowledgement, sends again up to three times, says Sent
    scan                               on each channel: beacon request, waits, BeaconHeard for each; then ScanDone
    scan_energy                        on each channel: waits, EnergyFound with the loudest frame; then ScanDone
    associate                          association request; after the response wait a data request; Associated
    association request arrives        AssociationAsked; answer_association keeps the answer until it is fetched, then
                                       AssociationAnswered
    beacon request arrives             a beacon, if the device has something to say in it (beacon_payload)

One frame is under way at a time; acknowledgements go before it. A frame that is for this device and asks for an
acknowledgement gets it even if it came before: it is then not handed up twice.
"""

from slotmeter.zigbee_han.errors import DecodeError
from slotmeter.zigbee_han.frames import mac
from slotmeter.zigbee_han.sim.air import OCTET_US, PREAMBLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# macMaxFrameRetries.
RETRIES = 3
# An acknowledgement takes a millisecond of ours, the turnaround before it another, and one is to spare.
ACK_WAIT_MS = 3
# macResponseWaitTime: 32 * 960 symbols of 16 microseconds.
RESPONSE_WAIT_MS = 492
# How long what was asked for may take to come.
DATA_WAIT_MS = 100
# macTransactionPersistenceTime: 500 * 960 symbols.
PERSISTENCE_MS = 7680
# A device sends 256 frames in more time than this, and repeats one in less.
DUPLICATE_MS = 200
SEEN_LIMIT = 32
INDIRECT_LIMIT = 8
QUEUE_LIMIT = 64

NO_ADDRESS = 0xFFFF
# Handles of frames that nobody above asked for: steps of an association, and the rest.
_ASSOCIATION = -1
_NOBODYS = -2
_ANSWER = -3
# Association status of our own: nobody acknowledged, nobody answered (802.15.4-2003, table 64).
NO_ACK = 0xE9
NO_DATA = 0xEB


class Data:
    """A data frame for this device or for everyone."""

    def __init__(self, src: "mac.Address", dst: "mac.Address", payload: bytes, lqi: int) -> None:
        self.src = src
        self.dst = dst
        self.payload = payload
        self.lqi = lqi


class Sent:
    """What became of the frame that `send` was given with `handle`."""

    def __init__(self, handle: int, ok: bool) -> None:
        self.handle = handle
        self.ok = ok


class BeaconHeard:
    """A beacon that a scan found: channel, pan, src, permit, coordinator, lqi, payload (of the NWK layer)."""

    def __init__(
        self, channel: int, pan: int, src: "mac.Address", permit: bool, coordinator: bool, lqi: int, payload: bytes
    ) -> None:
        self.channel = channel
        self.pan = pan
        self.src = src
        self.permit = permit
        self.coordinator = coordinator
        self.lqi = lqi
        self.payload = payload


class EnergyFound:
    """What a scan heard of others on a channel: the LQI of what was loudest, 0 when nobody sent."""

    def __init__(self, channel: int, lqi: int) -> None:
        self.channel = channel
        self.lqi = lqi


class ScanDone:
    """The last channel was scanned."""


class AssociationAsked:
    """A device, known by its EUI-64, wants to join here."""

    def __init__(self, eui: bytes, capability: int) -> None:
        self.eui = eui
        self.capability = capability


class AssociationAnswered:
    """The device has fetched its answer: `short` is its address from now on, if `status` is 0."""

    def __init__(self, eui: bytes, short: int, status: int) -> None:
        self.eui = eui
        self.short = short
        self.status = status


class Associated:
    """How `associate` ended: status 0 and the short address, or why not."""

    def __init__(self, status: int, short: int) -> None:
        self.status = status
        self.short = short


class _Out:
    def __init__(self, octets: bytes, wants_ack: bool, handle: int) -> None:
        self.octets = octets
        self.wants_ack = wants_ack
        self.handle = handle
        self.tries = 0


def scan_ms(duration: int) -> int:
    """How long an active scan stays on a channel: 960 symbols times 2^duration + 1."""
    return (960 * 16 * ((1 << duration) + 1) + 999) // 1000


def _takes_ms(octets: bytes) -> int:
    return ((len(octets) + PREAMBLE) * OCTET_US + 999) // 1000


class Mac:
    """One device's MAC. `count` is called with the reason for each frame that is dropped. patience_ms is how much later
    than over the air the answers of others may come, where the air is shared by processes that take turns. traffic
    counts frames, by what became of them.
    """

    def __init__(
        self, eui: bytes, count: "Any", patience_ms: int = 0, traffic: "dict[str, int] | None" = None
    ) -> None:
        self.eui = eui
        self.traffic = {} if traffic is None else traffic  # type: dict[str, int]
        self._patience_ms = patience_ms
        self.short = NO_ADDRESS
        self.pan = NO_ADDRESS
        self.channel = 0
        self.coordinator = False
        self.permit = False
        self.beacon_payload = b""
        self._count = count
        self._sequence = 0
        self._now_ms = 0
        self._events = []  # type: list[Any]
        self._acks = []  # type: list[bytes]
        self._queue = []  # type: list[_Out]
        # The frame that waits for its acknowledgement, or is still on the air.
        self._current = None  # type: _Out | None
        self._current_due = 0
        # (source, sequence, when)
        self._seen = []  # type: list[tuple[mac.Address, int, int]]
        # (EUI, frame, until when)
        self._indirect = []  # type: list[tuple[bytes, mac.Frame, int]]
        self._answered = []  # type: list[AssociationAnswered]
        self._scan_left = []  # type: list[int]
        self._scan_ms = 0
        self._scan_due = None  # type: int | None
        # The LQI of what was loudest, while a scan listens for energy.
        self._loudest = None  # type: int | None
        self._channel_after = 0
        self._parent = None  # type: mac.Address
        self._association_handle = 0
        self._association_due = None  # type: int | None
        self._asked_for_data = False

    # Sending.

    def _note(self, what: str) -> None:
        self.traffic[what] = self.traffic.get(what, 0) + 1

    def _next(self) -> int:
        self._sequence = (self._sequence + 1) & 0xFF
        return self._sequence

    def _enqueue(self, frame: mac.Frame, handle: int) -> None:
        if len(self._queue) >= QUEUE_LIMIT:
            self._count("MAC queue full")
            if handle >= 0:
                self._events.append(Sent(handle, False))
            return
        self._queue.append(_Out(mac.build(frame), frame.ack_request, handle))

    def at(self, now_ms: int) -> None:
        """It is now that time, whether or not something was due."""
        self._now_ms = now_ms

    def send(self, dst: "mac.Address", payload: bytes, handle: int, now_ms: int) -> None:
        """Sends a data frame within the PAN; `handle`, not negative, comes back in Sent."""
        self._now_ms = now_ms
        to_all = mac.same(dst, mac.BROADCAST)
        self._enqueue(
            mac.Frame(mac.DATA, self._next(), self.pan, dst, self.pan, self.short, payload, not to_all, False, True),
            handle,
        )

    def to_send(self) -> bytes:
        """The octets of the next frame that may leave now, or b""."""
        if self._acks:
            return self._acks.pop(0)
        if self._current is not None or not self._queue:
            return b""
        out = self._queue.pop(0)
        out.tries += 1
        self._current = out
        self._current_due = self._now_ms + _takes_ms(out.octets)
        if out.wants_ack:
            self._current_due += ACK_WAIT_MS + self._patience_ms
        else:
            self._note("MAC broadcasts sent")
        return out.octets

    def _finish(self, ok: bool) -> None:
        out = self._current
        self._current = None
        if out is None:
            return
        if not ok and out.tries <= RETRIES:
            self._note("MAC unicasts repeated")
            self._queue.insert(0, out)
            return
        if out.wants_ack:
            self._note("MAC unicasts sent" if ok else "MAC unicasts failed")
        if out.handle == _ANSWER:
            # Answers go in the order in which they were fetched.
            answered = self._answered.pop(0)
            if ok:
                self._events.append(answered)
        elif out.handle == _ASSOCIATION:
            self._requested(ok)
        elif out.handle >= 0:
            self._events.append(Sent(out.handle, ok))

    # Scanning and associating.

    def scan(self, channels: "list[int]", duration: int, now_ms: int) -> None:
        """Looks for networks on `channels`, 2^duration + 1 superframes on each."""
        self._scan(channels, duration, now_ms)

    def scan_energy(self, channels: "list[int]", duration: int, now_ms: int) -> None:
        """Listens on `channels`, as long."""
        self._loudest = 0
        self._scan(channels, duration, now_ms)

    def stop_scan(self, now_ms: int) -> None:
        """Ends a scan with what it has found; ScanDone."""
        self._now_ms = now_ms
        if self._scan_due is not None:
            self._scan_left = []
            self._loudest = None
            self._next_channel()

    def _scan(self, channels: "list[int]", duration: int, now_ms: int) -> None:
        self._now_ms = now_ms
        self._scan_left = list(channels)
        self._scan_ms = scan_ms(duration)
        if self._scan_due is None:
            self._channel_after = self.channel
        self._scan_due = None
        self._next_channel()

    def _next_channel(self) -> None:
        if self._loudest is not None and self._scan_due is not None:
            self._events.append(EnergyFound(self.channel, self._loudest))
            self._loudest = 0
        if not self._scan_left:
            self._scan_due = None
            self._loudest = None
            self.channel = self._channel_after
            self._events.append(ScanDone())
            return
        self.channel = self._scan_left.pop(0)
        self._scan_due = self._now_ms + self._scan_ms
        if self._loudest is not None:
            return
        request = mac.build_command(mac.BEACON_REQUEST)
        self._enqueue(
            mac.Frame(mac.COMMAND, self._next(), mac.BROADCAST, mac.BROADCAST, payload=request),
            _NOBODYS,
        )

    def associate(self, channel: int, pan: int, parent: "mac.Address", capability: int, now_ms: int) -> None:
        """Asks `parent` to be let into `pan`; Associated says what came of it."""
        self._now_ms = now_ms
        self.channel = channel
        self.pan = pan
        self.short = NO_ADDRESS
        self._parent = parent
        self._asked_for_data = False
        self._association_due = None
        request = mac.build_command(mac.ASSOCIATION_REQUEST, capability=capability)
        self._enqueue(
            mac.Frame(mac.COMMAND, self._next(), pan, parent, mac.BROADCAST, self.eui, request, True),
            _ASSOCIATION,
        )

    def _requested(self, ok: bool) -> None:
        if self._parent is None:
            # The answer has come already: only the acknowledgements were lost.
            return
        if not ok:
            self._associated(NO_ACK, NO_ADDRESS)
        else:
            wait_ms = DATA_WAIT_MS if self._asked_for_data else RESPONSE_WAIT_MS
            self._association_due = self._now_ms + wait_ms + self._patience_ms

    def _associated(self, status: int, short: int) -> None:
        self._association_due = None
        self._parent = None
        if status == mac.ASSOCIATED:
            self.short = short
        self._events.append(Associated(status, short))

    def answer_association(self, eui: bytes, short: int, status: int, now_ms: int) -> None:
        """Keeps the answer for `eui` until it asks for it."""
        payload = mac.build_command(mac.ASSOCIATION_RESPONSE, short=short, status=status)
        frame = mac.Frame(mac.COMMAND, 0, self.pan, eui, self.pan, self.eui, payload, True, False, True)
        self._indirect = [one for one in self._indirect if one[0] != eui and one[2] > now_ms][-INDIRECT_LIMIT + 1 :]
        self._indirect.append((eui, frame, now_ms + PERSISTENCE_MS))

    # Receiving.

    def receive(self, octets: bytes, now_ms: int, lqi: int) -> None:
        """Takes what the radio heard."""
        self._now_ms = now_ms
        if self._loudest is not None:
            self._loudest = max(self._loudest, lqi)
            return
        try:
            frame = mac.parse(octets)
            self._take(frame, lqi)
        except DecodeError as error:
            self._count("MAC: " + error.reason)

    def _take(self, frame: mac.Frame, lqi: int) -> None:
        if frame.kind == mac.ACK:
            out = self._current
            if out is not None and out.wants_ack and out.octets[2] == frame.sequence:
                self._finish(True)
            return
        if frame.kind == mac.BEACON:
            if self._scan_due is not None:
                beacon = mac.parse_beacon(frame.payload)
                self._events.append(
                    BeaconHeard(
                        self.channel,
                        frame.src_pan or 0,
                        frame.src,
                        bool(beacon.superframe & mac.SUPERFRAME_PERMIT),
                        bool(beacon.superframe & mac.SUPERFRAME_COORDINATOR),
                        lqi,
                        beacon.payload,
                    )
                )
            return
        if self._scan_due is not None or not self._is_for_me(frame):
            return
        pending = None
        if frame.ack_request and not mac.same(frame.dst, mac.BROADCAST):
            pending = self._pending_for(frame)
            self._acks.append(mac.ack(frame.sequence, pending is not None))
        self._note("MAC broadcasts received" if mac.same(frame.dst, mac.BROADCAST) else "MAC unicasts received")
        if self._came_before(frame):
            return
        if frame.kind == mac.DATA:
            self._events.append(Data(frame.src, frame.dst, frame.payload, lqi))
            return
        self._command(frame, pending)

    def _is_for_me(self, frame: mac.Frame) -> bool:
        if frame.dst_pan not in (self.pan, mac.BROADCAST) or frame.dst is None:
            return False
        # portable: no address is True or False
        if isinstance(frame.dst, int):
            return frame.dst == mac.BROADCAST or (frame.dst == self.short and self.short < mac.NO_SHORT)
        return frame.dst == self.eui

    def _came_before(self, frame: mac.Frame) -> bool:
        if frame.src is None:
            return False
        fresh = self._now_ms - DUPLICATE_MS - RETRIES * self._patience_ms
        self._seen = [one for one in self._seen if one[2] > fresh][-SEEN_LIMIT:]
        for src, sequence, _ in self._seen:
            if sequence == frame.sequence and mac.same(src, frame.src):
                return True
        self._seen.append((frame.src, frame.sequence, self._now_ms))
        return False

    def _pending_for(self, frame: mac.Frame) -> "tuple[bytes, mac.Frame, int] | None":
        """The answer that waits for who sent `frame`, if it is a data request."""
        if frame.kind != mac.COMMAND or frame.payload != bytes((mac.DATA_REQUEST,)):
            return None
        for one in self._indirect:
            if mac.same(one[0], frame.src) and one[2] > self._now_ms:
                return one
        return None

    def _command(self, frame: mac.Frame, pending: "tuple[bytes, mac.Frame, int] | None") -> None:
        command = mac.parse_command(frame.payload)
        if command.command == mac.BEACON_REQUEST:
            if self.beacon_payload:
                payload = mac.build_beacon(self.coordinator, self.permit, self.beacon_payload)
                self._enqueue(
                    mac.Frame(mac.BEACON, self._next(), src_pan=self.pan, src=self.short, payload=payload), _NOBODYS
                )
        elif command.command == mac.ASSOCIATION_REQUEST:
            # portable: no address is True or False
            if not isinstance(frame.src, bytes):
                self._count("MAC: association request without an EUI-64")
            elif self.beacon_payload:
                self._events.append(AssociationAsked(frame.src, command.capability))
        elif command.command == mac.DATA_REQUEST:
            if pending is not None:
                self._indirect.remove(pending)
                answer = pending[1]
                answer.sequence = self._next()
                fields = mac.parse_command(answer.payload)
                if len(self._queue) < QUEUE_LIMIT:
                    self._answered.append(AssociationAnswered(pending[0], fields.short, fields.status))
                    self._enqueue(answer, _ANSWER)
        elif command.command == mac.ASSOCIATION_RESPONSE:
            if self._parent is not None and mac.same(frame.dst, self.eui):
                self._associated(command.status, command.short)
        else:
            self._count("MAC: command that nobody here needs")

    # Time.

    def next_event(self) -> "Any":
        """The next of the classes above, or None."""
        return self._events.pop(0) if self._events else None

    def deadline_ms(self) -> "int | None":
        """When `tick` is due, or None."""
        due = self._current_due if self._current is not None else None
        for other in (self._scan_due, self._association_due):
            if other is not None and (due is None or other < due):
                due = other
        return due

    def tick(self, now_ms: int) -> None:
        """It is that time: an acknowledgement did not come, a frame has left the air, a wait is over."""
        self._now_ms = now_ms
        if self._current is not None and now_ms >= self._current_due:
            self._finish(not self._current.wants_ack)
        if self._scan_due is not None and now_ms >= self._scan_due:
            self._next_channel()
        if self._association_due is not None and now_ms >= self._association_due:
            self._association_due = None
            if self._asked_for_data:
                self._associated(NO_DATA, NO_ADDRESS)
                return
            self._asked_for_data = True
            request = mac.build_command(mac.DATA_REQUEST)
            frame = mac.Frame(
                mac.COMMAND, self._next(), self.pan, self._parent, self.pan, self.eui, request, True, False, True
            )
            self._enqueue(frame, _ASSOCIATION)
