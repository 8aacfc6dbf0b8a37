"""General block transfer: a message too large for one transport unit, in blocks (IEC 62056-5-3).

    block  = DD 09 cra counter(8) 08 originator(8) 08 target(8) 00 02 code(2) 00 length security(5)   routing header
             E0 control number(2) acknowledged(2) length data

The routing header repeats what names the message; the blocks carry no MAC, the message that they make has its own.
control is 80 last block, 40 streaming (more blocks follow without an acknowledgement), and six bits of window. Numbers
start at 1. A block without data is an acknowledgement: it says the last block that arrived in order.

How it goes, in both directions:

    sender                                         receiver
    blocks n+1 .. n+window, the last one of them   takes the block that is next; a duplicate it has already, and one
    not streaming; then it waits                   that comes too early it refuses; either way it remembers the number
                                                   of the last block in order
    acknowledged = last sent: next window          answers a block that is not streaming with that number
    acknowledged < last sent: again from there     hands over the message after the block marked last
    no answer by the deadline: again, three times  forgets what is incomplete after the deadline

No source says what the security octets of a routing header are, nor how long to wait: both are settings. An
acknowledgement carries the routing header of the transfer unchanged, so that the sender knows which one is meant.
"""

from slotmeter.dlms.errors import DecodeError, EncodeError
from slotmeter.dlms.octets import get_length, put_length

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

# Inbound, GBCS foresees at most 63 blocks of 1149 octets for one object.
BLOCK_SIZE = 1149
BLOCK_LIMIT = 63
# What other implementations take in one block.
LARGEST_BLOCK = 1200
# Outbound: what a DLMS length of three octets can say.
LARGEST_OUTBOUND = (1 << 24) - 1
WINDOW = 10
# Our own: a ZigBee tunnel delivers within seconds, and a sender that is silent for a minute has given up.
ANSWER_WITHIN_MS = 10000
COMPLETE_WITHIN_MS = 60000
RETRIES = 3

SECURITY = b"\x11\x00\x00\x00\x00"
ROUTING_SIZE = 34

_LAST = 0x80
_STREAMING = 0x40
_WINDOW_MASK = 0x3F


class Block:
    """One block: routing (34 octets, from DD to the empty key information), last, streaming, window 0 to 63, number and
    acknowledged 0 to 65535, data.
    """

    def __init__(
        self, routing: bytes, last: bool, streaming: bool, window: int, number: int, acknowledged: int, data: bytes
    ) -> None:
        self.routing = routing
        self.last = last
        self.streaming = streaming
        self.window = window
        self.number = number
        self.acknowledged = acknowledged
        self.data = data

    def __repr__(self) -> str:
        return "Block(%d%s, acknowledges %d, %d octets)" % (
            self.number,
            " last" if self.last else "",
            self.acknowledged,
            len(self.data),
        )


def is_block(data: bytes) -> bool:
    """Whether `data` is meant as a block: a message has 00 after DD, a block 09."""
    return len(data) > 1 and data[0] == 0xDD and data[1] == 9


def routing_of(message: bytes) -> bytes:
    """The routing header's 34 octets for `message`, whose first octets up to the message code must be there."""
    start = 0
    if message[:1] == b"\xdd":
        _, start = get_length(message, 7)
        start += 5
    head = message[start : start + 42 + 8]
    if len(head) < 33 or head[0] != 0xDF or head[1] != 9 or head[11] != 8 or head[20] != 8:
        raise DecodeError("grouping header is not that of a GBCS message", start)
    size, pos = get_length(head, 30 + head[29])
    if size < 2 or pos + 2 > len(head):
        raise DecodeError("other information of a length not allowed", start + pos)
    return b"\xdd" + head[1:29] + b"\x00\x02" + head[pos : pos + 2] + b"\x00"


def parse_block(data: bytes, security: bytes = SECURITY) -> Block:
    """Takes `data` apart; DecodeError unless it is exactly one block of at most LARGEST_BLOCK octets of data."""
    size = len(data)
    if size < ROUTING_SIZE + 1 or not is_block(data):
        raise DecodeError("not a block", 0)
    routing = data[:ROUTING_SIZE]
    if routing[2] < 1 or routing[2] > 3 or routing[11] != 8 or routing[20] != 8:
        raise DecodeError("routing header is not that of a GBCS message", 2)
    if routing[29:31] != b"\x00\x02" or routing[33]:
        raise DecodeError("routing header is not that of a GBCS message", 29)
    length, pos = get_length(data, ROUTING_SIZE)
    if length != size - pos:
        raise DecodeError("routing header length does not match the block", ROUTING_SIZE)
    if data[pos : pos + 5] != security:
        raise DecodeError("security octets of the routing header are others than are set", pos)
    pos += 5
    if size < pos + 7 or data[pos] != 0xE0:
        raise DecodeError("no general block transfer after the routing header", pos)
    control = data[pos + 1]
    number = data[pos + 2] << 8 | data[pos + 3]
    acknowledged = data[pos + 4] << 8 | data[pos + 5]
    length, pos = get_length(data, pos + 6)
    if length > LARGEST_BLOCK:
        raise DecodeError("block larger than %d octets" % LARGEST_BLOCK, pos)
    if length != size - pos:
        raise DecodeError("block data truncated, or octets left after them", pos)
    if not number and length:
        raise DecodeError("block number 0", pos)
    return Block(
        routing,
        bool(control & _LAST),
        bool(control & _STREAMING),
        control & _WINDOW_MASK,
        number,
        acknowledged,
        data[pos:],
    )


def build_block(block: Block, security: bytes = SECURITY) -> bytes:
    """The octets of `block`."""
    control = block.window | (_LAST if block.last else 0) | (_STREAMING if block.streaming else 0)
    body = b"".join(
        (
            security,
            b"\xe0",
            bytes((control,)),
            block.number.to_bytes(2, "big"),
            block.acknowledged.to_bytes(2, "big"),
            put_length(len(block.data)),
            block.data,
        )
    )
    return block.routing + put_length(len(body)) + body


class Splitter:
    """Sends one message in blocks of `block_size` octets; holds no more of it than one window.

    `message`: all octets, or pieces of them in order, which are asked for as they are sent; of pieces the `routing`
    header must be given. It asks for an answer after each `window` blocks; `failed` says why it gave up, "" otherwise.
    """

    def __init__(
        self,
        message: "bytes | Iterable[bytes]",
        block_size: int = BLOCK_SIZE,
        window: int = WINDOW,
        security: bytes = SECURITY,
        routing: bytes = b"",
        now_ms: int = 0,
    ) -> None:
        if not 1 <= block_size <= LARGEST_BLOCK or not 1 <= window <= _WINDOW_MASK:
            raise EncodeError("block size or window out of range")
        if isinstance(message, bytes):
            if len(message) > LARGEST_OUTBOUND:
                raise EncodeError("message longer than %d octets" % LARGEST_OUTBOUND)
            routing = routing or routing_of(message)
            message = (message,)
        if len(routing) != ROUTING_SIZE:
            raise EncodeError("no routing header")
        self.routing = routing
        self.failed = ""
        self.done = False
        self._pieces = iter(message)
        self._piece = b""
        self._at = 0
        self._block_size = block_size
        self._window = window
        self._security = security
        # Blocks sent and not yet acknowledged, and the place among them of the one to send next.
        self._open = []  # type: list[Block]
        self._next = 0
        self._number = 0
        self._total = 0
        self._ended = False
        self._left = RETRIES
        self._now_ms = now_ms
        self._deadline_ms = None  # type: int | None

    def _fill(self) -> bool:
        """Whether there is more of the message: makes the piece at hand one that has octets left."""
        while self._at >= len(self._piece):
            try:
                self._piece = next(self._pieces)
            except StopIteration:
                return False
            self._at = 0
        return True

    def _cut(self) -> None:
        """Opens the next block."""
        parts = []
        wanted = self._block_size
        while wanted and self._fill():
            part = self._piece[self._at : self._at + wanted]
            self._at += len(part)
            wanted -= len(part)
            parts.append(part)
        data = b"".join(parts)
        self._number += 1
        self._total += len(data)
        if self._number > 0xFFFF or self._total > LARGEST_OUTBOUND or not data:
            raise EncodeError("message empty, or too long for blocks of %d octets" % self._block_size)
        self._ended = not self._fill()
        self._open.append(Block(self.routing, self._ended, False, self._window, self._number, 0, data))

    def to_send(self) -> bytes:
        """The next block, or b"" while an answer is awaited and at the end."""
        if self.done or self.failed:
            return b""
        if self._next == len(self._open):
            if self._ended or len(self._open) >= self._window:
                return b""
            self._cut()
        block = self._open[self._next]
        self._next += 1
        block.streaming = not block.last and self._next < self._window
        if not block.streaming:
            self._deadline_ms = self._now_ms + ANSWER_WITHIN_MS
        return build_block(block, self._security)

    def receive(self, data: bytes, now_ms: int = 0) -> str:
        """Takes the peer's acknowledgement. Returns why it changes nothing, or ""; DecodeError when it is no block."""
        block = parse_block(data, self._security)
        self._now_ms = now_ms
        if block.routing != self.routing:
            return "block of another transfer"
        if self.done or self.failed:
            return "transfer has ended"
        first = self._open[0].number if self._open else self._number + 1
        if block.acknowledged > self._number:
            return "acknowledges a block that was not sent"
        if block.acknowledged < first - 1:
            return "acknowledges less than before"
        taken = block.acknowledged - first + 1
        if block.window:
            self._window = min(self._window, block.window)
        if taken:
            self._left = RETRIES
        self._open = self._open[taken:]
        self._deadline_ms = None
        if self._ended and not self._open:
            self.done = True
        elif self._open and not taken:
            self._again()
        else:
            self._next = 0
        return ""

    def _again(self) -> None:
        """Sends what is open once more, or gives up."""
        self._next = 0
        self._left -= 1
        if self._left < 0:
            self._give_up("no block acknowledged after %d attempts" % (RETRIES + 1))

    def _give_up(self, reason: str) -> None:
        self.failed = reason
        self._open = []
        self._pieces = iter(())
        self._piece = b""
        self._deadline_ms = None

    def deadline_ms(self) -> "int | None":
        """When `tick` is due, or None while nothing is awaited."""
        return self._deadline_ms

    def tick(self, now_ms: int) -> None:
        """No answer came by the deadline: the open blocks are sent again, a few times."""
        self._now_ms = now_ms
        if self._deadline_ms is not None and now_ms >= self._deadline_ms:
            self._deadline_ms = None
            self._again()


class Assembler:
    """Makes messages of the blocks of one peer, one message at a time, of at most `block_limit` blocks."""

    def __init__(
        self,
        block_limit: int = BLOCK_LIMIT,
        block_size: int = BLOCK_SIZE,
        window: int = WINDOW,
        security: bytes = SECURITY,
    ) -> None:
        self._block_limit = block_limit
        self._block_size = block_size
        self._window = window
        self._security = security
        self._routing = b""
        self._parts = []  # type: list[bytes]
        self._complete = False
        self._answers = 0
        self._answer = b""
        self._deadline_ms = None  # type: int | None
        self.refusal = ""

    def receive(self, data: bytes, now_ms: int = 0) -> "bytes | None":
        """Takes one block; the message when this was the block it lacked, else None.

        `refusal` then says why the block was not taken, or is "". DecodeError when `data` is no block; what was
        received before stands.
        """
        block = parse_block(data, self._security)
        self.refusal = ""
        if not block.data:
            self.refusal = "acknowledgement of nothing that was sent"
            return None
        if len(block.data) > self._block_size:
            self.refusal = "block larger than %d octets" % self._block_size
            return None
        if block.routing != self._routing:
            if block.number != 1:
                self.refusal = "block %d of a transfer that was not begun" % block.number
                return None
            # The peer began anew: what there was of another message is forgotten.
            self._begin(block.routing)
        message = self._take(block)
        if self._routing:
            self._deadline_ms = now_ms + COMPLETE_WITHIN_MS
        if not block.streaming and self._routing:
            self._answers = (self._answers + 1) & 0xFFFF or 1
            self._answer = build_block(
                Block(self._routing, False, False, self._window, self._answers, len(self._parts), b""), self._security
            )
        return message

    def _begin(self, routing: bytes) -> None:
        self._routing = routing
        self._parts = []
        self._complete = False
        self._answers = 0
        self._answer = b""
        self._deadline_ms = None

    def _take(self, block: Block) -> "bytes | None":
        """Puts a block of the present transfer in its place."""
        due = len(self._parts) + 1
        if block.number < due:
            # Its acknowledgement was lost, or it was: a copy is harmless, and acknowledged again.
            self.refusal = "block %d was received before" % block.number
            return None
        if self._complete:
            self.refusal = "block %d after the last one" % block.number
            return None
        if block.number > due:
            self.refusal = "block %d where %d is due" % (block.number, due)
            return None
        if due > self._block_limit:
            self._begin(b"")
            self.refusal = "more than %d blocks" % self._block_limit
            return None
        self._parts.append(block.data)
        if not block.last:
            return None
        message = b"".join(self._parts)
        # The numbers are still needed, to acknowledge a copy of the last block; the octets are not.
        self._parts = [b""] * due
        self._complete = True
        try:
            same = routing_of(message) == block.routing
        except DecodeError:
            same = False
        if not same:
            self._begin(b"")
            self.refusal = "message is not the one that the routing header names"
            return None
        return message

    def to_send(self) -> bytes:
        """The acknowledgement that is due, or b""."""
        answer = self._answer
        self._answer = b""
        return answer

    def deadline_ms(self) -> "int | None":
        """When what is incomplete is forgotten, or None."""
        return self._deadline_ms

    def tick(self, now_ms: int) -> None:
        """Forgets a transfer whose blocks stopped coming."""
        if self._deadline_ms is not None and now_ms >= self._deadline_ms:
            self._begin(b"")
