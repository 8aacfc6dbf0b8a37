"""ASH: frames over a serial line between a host and a ZigBee co-processor, acknowledged and re-sent (UG101).

    frame = control data crc(2, big-endian) 7E      crc: CCITT over control and data, start FFFF
    7D 7E 11 13 18 1A inside a frame                7D, octet XOR 20
    1A forgets what came since the last flag, 18 what comes up to the next one; 11 and 13 are flow control: ignored

    DATA    0nnnraaa    number, re-sent, acknowledged; data XOR a fixed sequence, 3 to DATA_LIMIT octets
    ACK     1000naaa    n: callbacks are not wanted for a while     NAK  1010naaa
    RST     C0          RSTACK  C1 02 code                          ERROR  C2 02 code

`acknowledged` is the number of the frame that is expected next, modulo 8. How it goes:

    a DATA frame that is next        handed over, acknowledged with the next frame that goes out
    re-sent, and not next            taken already, or to come again: acknowledged, not handed over
    out of order, or damaged         one NAK, and none again before a frame is next
    a NAK, or no acknowledgement     everything that is unacknowledged goes out again, marked as re-sent
    that again and again             ERROR 51: from then on nothing but RST is heard

The time to wait for an acknowledgement follows what acknowledgements take: 7/8 of what it was and half of the last
one's; twice as much after a time-out.
"""

import binascii

from slotmeter.zigbee_han.errors import DecodeError, EncodeError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

# UG101 says 128 octets; the longest EZSP frame of the versions that we speak has 220.
DATA_LIMIT = 220
SHORTEST_DATA = 3
# Control, data and CRC with every octet escaped.
FRAME_LIMIT = 2 * (DATA_LIMIT + 3)
# What may be unacknowledged. UG101 allows seven; co-processors send three.
WINDOW = 3
# Frames that may wait behind the window before `send` refuses more: those of the largest table that a host can ask for.
QUEUE_LIMIT = 64
# UG101 has twice the first two: this end is the quicker one, so that what is lost is sent again by one end only.
ACK_WITHIN_MS = 800
ACK_WITHIN_SHORTEST_MS = 200
ACK_WITHIN_LONGEST_MS = 3200
# How often the same frames go out again before the line is given up.
RETRIES = 5
# How long "callbacks are not wanted" holds when it is not said again.
NOT_READY_MS = 1000
RESET_WITHIN_MS = 3200
RESET_TRIES = 5

VERSION = 2
# Reasons for a reset or a failure: what RSTACK and ERROR carry.
RESET_UNKNOWN = 0x00
RESET_EXTERNAL = 0x01
RESET_POWER_ON = 0x02
RESET_WATCHDOG = 0x03
RESET_SOFTWARE = 0x0B
TOO_MANY_TIMEOUTS = 0x51

# The states of a link.
DISCONNECTED = 0
CONNECTED = 1
FAILED = 2

# Why something was dropped: the keys of Link.dropped.
BAD_CRC = "check sum does not match"
BAD_ESCAPE = "escape octet at the end of a frame"
BAD_CONTROL = "control octet that means nothing"
BAD_LENGTH = "length that its kind of frame cannot have"
TOO_SHORT = "frame too short"
TOO_LONG = "frame too long"
CANCELLED = "cancelled by the sender"
SUBSTITUTED = "octets lost on the line"
BAD_ACKNOWLEDGEMENT = "acknowledges what was not sent"
OUT_OF_SEQUENCE = "out of sequence"
TAKEN_ALREADY = "re-sent although it had arrived"
NOT_CONNECTED = "before a reset"
AFTER_FAILURE = "after the line was given up"
WRONG_END = "frame that only this end sends"

_RST = 0xC0
_RSTACK = 0xC1
_ERROR = 0xC2
_FLAG = b"\x7e"
_XON = b"\x11"
_CANCEL = b"\x1a"
_SUBSTITUTE = b"\x18"
_ESCAPE = b"\x7d"
# The escape octet first: it is what the others become.
_STUFFED = tuple([(bytes((octet,)), bytes((0x7D, octet ^ 0x20))) for octet in b"\x7d\x7e\x11\x13\x18\x1a"])
# The polynomial 1021 times each nibble.
_NIBBLES = tuple([i << 12 ^ i << 5 ^ i for i in range(16)])


def crc_of(data: bytes, crc: int) -> int:
    """CRC-16/CCITT over `data`, most significant bit first, beginning with `crc`: for where there is no crc_hqx."""
    for octet in data:
        crc = (crc << 4 ^ _NIBBLES[crc >> 12 ^ octet >> 4]) & 0xFFFF
        crc = (crc << 4 ^ _NIBBLES[crc >> 12 ^ octet & 15]) & 0xFFFF
    return crc


# CPython has it in C, boards do not have it.
_crc: "Callable[[bytes, int], int]" = getattr(binascii, "crc_hqx", crc_of)


def _noise(size: int) -> bytes:
    """The sequence that DATA is XORed with, so that no octet comes often."""
    out = bytearray()
    value = 0x42
    for _ in range(size):
        out.append(value)
        value = value >> 1 ^ (0xB8 if value & 1 else 0)
    return bytes(out)


_NOISE = _noise(DATA_LIMIT)


def randomised(data: bytes) -> bytes:
    """`data`, at most DATA_LIMIT octets, XOR the fixed sequence; the same again gives `data`."""
    size = len(data)
    return (int.from_bytes(data, "big") ^ int.from_bytes(_NOISE[:size], "big")).to_bytes(size, "big")


def build(control: int, data: bytes = b"") -> bytes:
    """One frame as it goes on the wire, flag included; `data` is taken as it is."""
    body = bytes((control,)) + data
    body += _crc(body, 0xFFFF).to_bytes(2, "big")
    for octet, escaped in _STUFFED:
        body = body.replace(octet, escaped)
    return body + _FLAG


def build_data(number: int, acknowledged: int, resent: bool, data: bytes) -> bytes:
    """A DATA frame with `data` in clear, SHORTEST_DATA to DATA_LIMIT octets."""
    return build(number << 4 | (8 if resent else 0) | acknowledged, randomised(data))


def parse(stuffed: bytes) -> "tuple[int, bytes]":
    """Control octet and data (in clear) of what came between two flags, flow control and cancel octets removed.

    DecodeError when it is no frame that the standard knows.
    """
    body = stuffed
    if _ESCAPE in body:
        parts = body.split(_ESCAPE)
        for i in range(1, len(parts)):
            part = parts[i]
            if not part:
                raise DecodeError(BAD_ESCAPE, len(stuffed))
            parts[i] = bytes((part[0] ^ 0x20,)) + part[1:]
        body = b"".join(parts)
    size = len(body) - 3
    if size < 0:
        raise DecodeError(TOO_SHORT, len(stuffed))
    if size > DATA_LIMIT:
        raise DecodeError(TOO_LONG, DATA_LIMIT)
    # Over the check sum itself the remainder is 0.
    if _crc(body, 0xFFFF):
        raise DecodeError(BAD_CRC, size + 1)
    control = body[0]
    if not control & 0x80:
        if size < SHORTEST_DATA:
            raise DecodeError(BAD_LENGTH, 1)
        return control, randomised(body[1:-2])
    if control & 0x60 != 0x40:
        # ACK and NAK.
        if control & 0xC0 != 0x80:
            raise DecodeError(BAD_CONTROL, 0)
        if size:
            raise DecodeError(BAD_LENGTH, 1)
    elif control > _ERROR:
        raise DecodeError(BAD_CONTROL, 0)
    elif size != (0 if control == _RST else 2):
        raise DecodeError(BAD_LENGTH, 1)
    return control, body[1:-2]


class Received:
    """A frame's data arrived, in order and once."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def __repr__(self) -> str:
        return "Received(%d octets)" % len(self.data)


class Reset:
    """The link begins anew: at the co-processor the host asked for it, at the host the co-processor says so (code)."""

    def __init__(self, code: int) -> None:
        self.code = code

    def __repr__(self) -> str:
        return "Reset(%02X)" % self.code


class Failed:
    """The link is given up until the next reset. code: TOO_MANY_TIMEOUTS, or what the co-processor's ERROR said."""

    def __init__(self, code: int) -> None:
        self.code = code

    def __repr__(self) -> str:
        return "Failed(%02X)" % self.code


class _Sent:
    """A DATA frame that is not acknowledged yet."""

    def __init__(self, number: int, data: bytes) -> None:
        self.number = number
        self.data = data
        self.at_ms = 0
        self.resent = False


class Link:
    """What both ends do. dropped: how often something was dropped, by reason. sent and taken count DATA frames,
    repeated counts those that went out again.
    """

    def __init__(self, window: int = WINDOW, retries: int = RETRIES) -> None:
        if not 1 <= window <= 7:
            raise ValueError("a window is 1 to 7 frames, not %d" % window)
        self.state = DISCONNECTED
        self.dropped: dict[str, int] = {}
        self.sent = 0
        self.taken = 0
        self.repeated = 0
        self._window = window
        self._retries = retries
        self._now_ms = 0
        self._partial = b""
        # Everything up to the next flag is to be dropped.
        self._skipping = False
        self._events: list[object] = []
        # Frames other than DATA, ready to go.
        self._ready: list[bytes] = []
        self._anew()

    def _anew(self) -> None:
        """Numbers start at 0, nothing waits."""
        self._expected = 0
        self._next = 0
        self._waiting: list[bytes] = []
        self._unacknowledged: list[_Sent] = []
        self._ack_due = False
        self._nak_due = False
        self._rejecting = False
        self._again = False
        self._tries = 0
        self._within_ms = ACK_WITHIN_MS
        self._ack_deadline_ms: int | None = None
        self._not_ready_until_ms: int | None = None

    # ---- the five verbs, and what to send ----

    def send(self, data: bytes, now_ms: int) -> bool:
        """Queues `data`. False when the link is not connected or QUEUE_LIMIT frames wait: it is not taken then."""
        if not SHORTEST_DATA <= len(data) <= DATA_LIMIT:
            raise EncodeError("a frame holds %d to %d octets, not %d" % (SHORTEST_DATA, DATA_LIMIT, len(data)))
        self._now_ms = now_ms
        if self.state != CONNECTED or len(self._waiting) >= QUEUE_LIMIT:
            return False
        self._waiting.append(data)
        return True

    def room(self) -> bool:
        """Whether what is sent now goes out at once."""
        return self.state == CONNECTED and len(self._unacknowledged) + len(self._waiting) < self._window

    def callbacks_wanted(self) -> bool:
        """False while the peer says that it is not ready for more than answers."""
        return self._not_ready_until_ms is None

    def receive(self, data: bytes, now_ms: int) -> None:
        """Octets from the line, cut anywhere. What is wrong with them is counted, never raised."""
        self._now_ms = now_ms
        data = bytes(data).replace(b"\x11", b"").replace(b"\x13", b"")
        pieces = data.split(_FLAG)
        pieces[0] = self._partial + pieces[0]
        last = pieces.pop()
        for piece in pieces:
            piece = self._shortened(piece)
            if self._skipping:
                self._skipping = False
            elif piece:
                self._piece(piece)
        self._partial = self._shortened(last)

    def next_event(self) -> "object | None":
        """Received, Reset or Failed, in the order of their happening; or None."""
        return self._events.pop(0) if self._events else None

    def to_send(self) -> bytes:
        """Octets for the line; b"" when there are none."""
        out = self._ready
        self._ready = []
        if self.state == CONNECTED:
            if self._again:
                self._again = False
                for frame in self._unacknowledged:
                    frame.resent = True
                    self.repeated += 1
                    out.append(self._data(frame))
            while self._waiting and len(self._unacknowledged) < self._window:
                frame = _Sent(self._next, self._waiting.pop(0))
                frame.at_ms = self._now_ms
                self._next = self._next + 1 & 7
                self._unacknowledged.append(frame)
                self.sent += 1
                out.append(self._data(frame))
            if self._nak_due:
                # It acknowledges as well, and after DATA: who reads it knows that we wait.
                out.append(build(0xA0 | self._expected))
            elif self._ack_due:
                out.append(build(0x80 | self._expected))
            self._nak_due = self._ack_due = False
            if self._unacknowledged and self._ack_deadline_ms is None:
                self._ack_deadline_ms = self._now_ms + self._within_ms
        return b"".join(out)

    def deadline_ms(self) -> "int | None":
        """When `tick` has something to do."""
        one, other = self._ack_deadline_ms, self._not_ready_until_ms
        if one is None or other is None:
            return other if one is None else one
        return min(one, other)

    def tick(self, now_ms: int) -> None:
        """Does what is due at `now_ms`."""
        self._now_ms = now_ms
        if self._not_ready_until_ms is not None and now_ms >= self._not_ready_until_ms:
            self._not_ready_until_ms = None
        if self._ack_deadline_ms is not None and now_ms >= self._ack_deadline_ms:
            self._within_ms = min(2 * self._within_ms, ACK_WITHIN_LONGEST_MS)
            # A damaged octet may have looked like XOFF to the peer's serial port, which has been silent since.
            self._ready.append(_XON)
            self._send_again()

    # ---- receiving ----

    def _shortened(self, piece: bytes) -> bytes:
        """What is left of the octets since the last flag, cancelled, substituted and too long ones dropped."""
        if _CANCEL in piece:
            end = piece.rfind(_CANCEL)
            # Hosts begin with one, where there is nothing to cancel.
            if piece[:end].strip(_CANCEL):
                self._count(CANCELLED)
            piece = piece[end + 1 :]
        if self._skipping:
            return b""
        if _SUBSTITUTE in piece:
            self._skipping = True
            self._bad(SUBSTITUTED)
            return b""
        if len(piece) > FRAME_LIMIT:
            self._skipping = True
            self._bad(TOO_LONG)
            return b""
        return piece

    def _piece(self, piece: bytes) -> None:
        try:
            control, data = parse(piece)
        except DecodeError as error:
            self._bad(error.reason)
            return
        if control >= _RST:
            self._link_frame(control, data)
        elif self.state != CONNECTED:
            self._bad(AFTER_FAILURE if self.state == FAILED else NOT_CONNECTED)
        elif not control & 0x80:
            self._data_frame(control, data)
        else:
            if control & 8:
                self._not_ready_until_ms = self._now_ms + NOT_READY_MS
            else:
                self._not_ready_until_ms = None
            if not self._acknowledge(control & 7):
                self._count(BAD_ACKNOWLEDGEMENT)
            elif control & 0x20 and self._unacknowledged:
                self._send_again()

    def _data_frame(self, control: int, data: bytes) -> None:
        if not self._acknowledge(control & 7):
            self._bad(BAD_ACKNOWLEDGEMENT)
        elif control >> 4 == self._expected:
            self._expected = self._expected + 1 & 7
            self._rejecting = self._nak_due = False
            self._ack_due = True
            self.taken += 1
            self._events.append(Received(data))
        elif control & 8:
            self._ack_due = True
            self._count(TAKEN_ALREADY)
        else:
            self._bad(OUT_OF_SEQUENCE)

    def _acknowledge(self, number: int) -> bool:
        """Takes everything before `number` as arrived; False when `number` was never sent."""
        waiting = self._unacknowledged
        # The oldest frame that the peer has not got, counted from our oldest unacknowledged one.
        arrived = number - (self._next - len(waiting)) & 7
        if arrived > len(waiting):
            return False
        if arrived:
            newest = waiting[arrived - 1]
            if not newest.resent:
                took = self._now_ms - newest.at_ms
                self._within_ms = min(
                    max(7 * self._within_ms // 8 + took // 2, ACK_WITHIN_SHORTEST_MS), ACK_WITHIN_LONGEST_MS
                )
            self._unacknowledged = waiting[arrived:]
            self._tries = 0
            self._ack_deadline_ms = self._now_ms + self._within_ms if self._unacknowledged else None
        return True

    def _bad(self, reason: str) -> None:
        """Drops a frame and says so to the peer, once until a frame is in order again."""
        self._count(reason)
        if self.state == FAILED:
            self._refuse()
        elif self.state == CONNECTED and not self._rejecting:
            self._rejecting = self._nak_due = True

    def _count(self, reason: str) -> None:
        self.dropped[reason] = self.dropped.get(reason, 0) + 1

    # ---- sending ----

    def _data(self, frame: _Sent) -> bytes:
        self._ack_due = False
        return build_data(frame.number, self._expected, frame.resent, frame.data)

    def _send_again(self) -> None:
        self._tries += 1
        if self._tries > self._retries:
            self._fail(TOO_MANY_TIMEOUTS)
            return
        self._again = True
        self._ack_deadline_ms = self._now_ms + self._within_ms

    def _fail(self, code: int) -> None:
        self._anew()
        self.state = FAILED
        self._events.append(Failed(code))

    # ---- what the two ends do differently ----

    def _link_frame(self, control: int, data: bytes) -> None:
        """RST, RSTACK or ERROR arrived."""
        raise NotImplementedError

    def _refuse(self) -> None:
        """Something arrived that is no reset, after the link was given up."""


class CoProcessor(Link):
    """The co-processor's end: connected by the host's RST, or from `start`."""

    def start(self, code: int, now_ms: int) -> None:
        """Begins after a reset of our own, and says why: RESET_POWER_ON and the like. No event tells of it."""
        self._now_ms = now_ms
        self._anew()
        self.state = CONNECTED
        self._ready = [build(_RSTACK, bytes((VERSION, code)))]

    def _link_frame(self, control: int, data: bytes) -> None:
        if control != _RST:
            self._count(WRONG_END)
            return
        self.start(RESET_SOFTWARE, self._now_ms)
        # What the host asked before it reset us is forgotten.
        self._events = [Reset(RESET_SOFTWARE)]

    def _refuse(self) -> None:
        self._ready = [build(_ERROR, bytes((VERSION, TOO_MANY_TIMEOUTS)))]

    def _fail(self, code: int) -> None:
        super()._fail(code)
        self._refuse()


class Host(Link):
    """The host's end: `connect` resets the co-processor, and Reset tells that it answered, Failed that it did not."""

    def __init__(self, window: int = WINDOW, retries: int = RETRIES) -> None:
        super().__init__(window, retries)
        self._reset_deadline_ms: int | None = None
        self._resets = 0

    def connect(self, now_ms: int) -> None:
        """Asks for a reset, RESET_TRIES times if need be."""
        self._now_ms = now_ms
        self._anew()
        self.state = DISCONNECTED
        self._resets = 0
        self._ask()

    def deadline_ms(self) -> "int | None":
        """When `tick` has something to do."""
        due = super().deadline_ms()
        if due is None or self._reset_deadline_ms is None:
            return self._reset_deadline_ms if due is None else due
        return min(due, self._reset_deadline_ms)

    def tick(self, now_ms: int) -> None:
        """Does what is due at `now_ms`."""
        super().tick(now_ms)
        if self._reset_deadline_ms is not None and now_ms >= self._reset_deadline_ms:
            if self._resets < RESET_TRIES:
                self._ask()
            else:
                self._reset_deadline_ms = None
                self._fail(TOO_MANY_TIMEOUTS)

    def _ask(self) -> None:
        self._resets += 1
        self._reset_deadline_ms = self._now_ms + RESET_WITHIN_MS
        self._ready = [_CANCEL, build(_RST)]

    def _link_frame(self, control: int, data: bytes) -> None:
        if control == _RST:
            self._count(WRONG_END)
            return
        self._anew()
        self._reset_deadline_ms = None
        if control == _ERROR or data[0] != VERSION:
            self.state = FAILED
            self._events.append(Failed(data[1]))
        else:
            self.state = CONNECTED
            self._events.append(Reset(data[1]))
