"""Messages larger than one frame, in blocks (ZigBee specification, 2.2.8.4.5; Smart Energy 1.4, 5.3): both directions.

It works above a radio that sends and acknowledges single blocks and knows nothing of what they make together. A block
is named by its sender, the APS counter that all blocks of a message share, and its index; the first one says how many
there are. The window is one block:

    sender                                          receiver
    block 0 of n              ->                    begins; block i where i is due is taken
                              <- acknowledge i      a block it has already is acknowledged again, and not taken twice
    block i + 1, 50 ms later  ->                    one that comes too early is left alone
    no acknowledgement in time: block i again,      after block n - 1 hands the message over, and remembers for a while
    three times, then it gives up                   that it did, because the last acknowledgement may be lost
                                                    forgets what is incomplete when nothing comes

In EZSP a block's count and index are the group id of the APS frame. Only the first block received tells the count.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# What is left of 82 octets with encryption and the header of a block; fewer when the source route takes some.
BLOCK_SIZE = 71
# A tunnel's 1500 octets and the headers before them, in the smallest blocks that a route of three relays leaves.
BLOCK_LIMIT = 26
LARGEST_BLOCK = 82
# Smart Energy 1.4: between two blocks.
INTERVAL_MS = 50
# ZigBee: apscAckWaitDuration and apscMaxFrameRetries.
ACKNOWLEDGED_WITHIN_MS = 1600
RETRIES = 3
# Ours: longer than a sender tries one block.
COMPLETE_WITHIN_MS = 10000
# Ours: messages being put together, of everybody and of one sender; and waiting to be sent.
TRANSFERS = 8
TRANSFERS_OF_ONE = 2
REMEMBERED = 16
QUEUE_LIMIT = 32


def ezsp_group(count: int, index: int) -> int:
    """The group id by which EZSP sends block `index` of `count`."""
    return count << 8 | index


def ezsp_acknowledgement(index: int) -> int:
    """The group id by which EZSP acknowledges block `index`."""
    return 0xFF00 | index


def from_ezsp_group(group: int) -> "tuple[int, int]":
    """(count, index) of a received block: the count is 0 but for the first block, whose alone it is sure."""
    index = group & 0xFF
    return (0 if index else group >> 8 & 0xFF), index


class Block:
    """One block: peer, the other device; sequence, the message's APS counter; index from 0; count of all blocks in the
    first one, 0 in the others; data. `cookie` is whatever the sender of the message gave with it.
    """

    def __init__(
        self, peer: bytes, sequence: int, index: int, count: int, data: bytes, cookie: "Any" = None
    ) -> None:
        self.peer = peer
        self.sequence = sequence
        self.index = index
        self.count = count
        self.data = data
        self.cookie = cookie

    def __repr__(self) -> str:
        of = " of %d" % self.count if self.count else ""
        return "Block(%s, message %d, block %d%s, %d octets)" % (
            self.peer.hex(),
            self.sequence,
            self.index,
            of,
            len(self.data),
        )


class Acknowledgement:
    """A block came in: peer, who sent it; sequence and index are the block's."""

    def __init__(self, peer: bytes, sequence: int, index: int) -> None:
        self.peer = peer
        self.sequence = sequence
        self.index = index

    def __repr__(self) -> str:
        return "Acknowledgement(%s, message %d, block %d)" % (self.peer.hex(), self.sequence, self.index)


class Delivered:
    """All blocks of a message were acknowledged, or it was given up: peer, sequence, cookie, failed ("" or why)."""

    def __init__(self, peer: bytes, sequence: int, cookie: "Any", failed: str = "") -> None:
        self.peer = peer
        self.sequence = sequence
        self.cookie = cookie
        self.failed = failed

    def __repr__(self) -> str:
        return "Delivered(%s, message %d%s)" % (self.peer.hex(), self.sequence, self.failed and ", not: " + self.failed)


class _Sending:
    """A message on its way."""

    def __init__(self, peer: bytes, sequence: int, data: bytes, size: int, cookie: "Any", retries: int) -> None:
        self.peer = peer
        self.sequence = sequence
        self.data = data
        self.size = size
        self.count = (len(data) + size - 1) // size
        self.cookie = cookie
        self.index = 0
        self.left = retries
        self.sent = False
        self.at_ms = 0

    def block(self) -> Block:
        start = self.index * self.size
        data = self.data[start : start + self.size]
        return Block(self.peer, self.sequence, self.index, 0 if self.index else self.count, data, self.cookie)


class Splitter:
    """Sends messages in blocks, to one peer one after the other, to several side by side."""

    def __init__(
        self,
        block_size: int = BLOCK_SIZE,
        interval_ms: int = INTERVAL_MS,
        acknowledged_within_ms: int = ACKNOWLEDGED_WITHIN_MS,
        retries: int = RETRIES,
    ) -> None:
        if not 1 <= block_size <= LARGEST_BLOCK:
            raise ValueError("blocks of %d octets" % block_size)
        self._size = block_size
        self._interval_ms = interval_ms
        self._within_ms = acknowledged_within_ms
        self._retries = retries
        self._sending = []  # type: list[_Sending]
        self._events = []  # type: list[Delivered]
        self._now_ms = 0

    def send(self, peer: bytes, sequence: int, data: bytes, now_ms: int, cookie: "Any" = None, size: int = 0) -> bool:
        """Begins a message; `size` of its blocks when the route leaves less. False when too many wait.

        ValueError for a message that is empty, or too long for BLOCK_LIMIT blocks.
        """
        size = size or self._size
        if not data or not 1 <= size <= LARGEST_BLOCK or len(data) > BLOCK_LIMIT * size:
            raise ValueError("%d octets in blocks of %d" % (len(data), size))
        if len(self._sending) >= QUEUE_LIMIT:
            return False
        self._now_ms = now_ms
        one = _Sending(peer, sequence, data, size, cookie, self._retries)
        one.at_ms = now_ms
        self._sending.append(one)
        return True

    def _first(self) -> "list[_Sending]":
        """Of each peer's messages the one that is on its way."""
        found = []  # type: list[_Sending]
        for one in self._sending:
            if one.peer not in [other.peer for other in found]:
                found.append(one)
        return found

    def to_send(self) -> "Block | None":
        """The next block, or None while acknowledgements are awaited."""
        for one in self._first():
            if not one.sent and self._now_ms >= one.at_ms:
                one.sent = True
                one.at_ms = self._now_ms + self._within_ms
                return one.block()
        return None

    def receive(self, acknowledgement: Acknowledgement, now_ms: int) -> str:
        """A block arrived; "" or why this acknowledgement means nothing."""
        self._now_ms = now_ms
        for one in self._first():
            if one.peer != acknowledgement.peer or one.sequence != acknowledgement.sequence:
                continue
            if acknowledgement.index != one.index or not one.sent:
                return "acknowledges block %d where %d is on its way" % (acknowledgement.index, one.index)
            one.index += 1
            one.sent = False
            one.left = self._retries
            one.at_ms = now_ms + self._interval_ms
            if one.index == one.count:
                self._end(one, "")
            return ""
        return "acknowledges a message that is not on its way"

    def _end(self, one: _Sending, failed: str) -> None:
        self._sending.remove(one)
        for other in self._sending:
            if other.peer == one.peer:
                other.at_ms = self._now_ms + self._interval_ms
        if len(self._events) >= QUEUE_LIMIT:
            self._events.pop(0)
        self._events.append(Delivered(one.peer, one.sequence, one.cookie, failed))

    def next_event(self) -> "Delivered | None":
        """The next message that arrived or was given up, or None."""
        return self._events.pop(0) if self._events else None

    def deadline_ms(self) -> "int | None":
        """When the next block may go, or is awaited no longer."""
        times = [one.at_ms for one in self._first()]
        return min(times) if times else None

    def lost(self, peer: bytes, sequence: int, index: int, now_ms: int) -> None:
        """The radio knows that a block was not acknowledged: it goes again now, or the message is given up."""
        self._now_ms = now_ms
        for one in self._first():
            if one.sent and (one.peer, one.sequence, one.index) == (peer, sequence, index):
                self._again(one)

    def cancel(self, peer: bytes, sequence: int) -> None:
        """Forgets a message; there is no event."""
        self._sending = [one for one in self._sending if (one.peer, one.sequence) != (peer, sequence)]

    def tick(self, now_ms: int) -> None:
        """Sends again what was not acknowledged, or gives up."""
        self._now_ms = now_ms
        for one in self._first():
            if one.sent and now_ms >= one.at_ms:
                self._again(one)

    def _again(self, one: _Sending) -> None:
        one.left -= 1
        if one.left < 0:
            self._end(one, "block %d of %d was not acknowledged" % (one.index, one.count))
        else:
            one.sent = False
            one.at_ms = self._now_ms


class _Receiving:
    """A message that is coming in, or that came in: then `parts` is empty."""

    def __init__(self, block: Block, now_ms: int) -> None:
        self.peer = block.peer
        self.sequence = block.sequence
        self.count = block.count
        self.parts = []  # type: list[bytes]
        self.heard_ms = now_ms


class Assembler:
    """Puts blocks together. `refusal` says of the last block why it was not taken, "" when it was."""

    def __init__(self, block_limit: int = BLOCK_LIMIT) -> None:
        self.refusal = ""
        self._limit = block_limit
        self._receiving = []  # type: list[_Receiving]
        self._complete = []  # type: list[_Receiving]
        self._out = []  # type: list[Acknowledgement]

    def receive(self, block: Block, now_ms: int) -> "bytes | None":
        """Takes a block; the whole message when it was the last one."""
        self.tick(now_ms)
        self.refusal = ""
        if not 1 <= len(block.data) <= LARGEST_BLOCK:
            return self._refuse("block of %d octets" % len(block.data))
        for done in self._complete:
            if done.peer == block.peer and done.sequence == block.sequence:
                if block.index >= done.count:
                    return self._refuse("block %d of %d" % (block.index, done.count))
                self._acknowledge(block)
                return self._refuse("block of a message that is complete")
        one = self._find(block)
        if one is None or (block.index == 0 and block.count != one.count):
            if block.index:
                return self._refuse("block %d of a message that was not begun" % block.index)
            if not 1 <= block.count <= self._limit:
                return self._refuse("message of %d blocks" % block.count)
            one = self._begin(block, one, now_ms)
            if one is None:
                return self._refuse("too many messages at once")
        due = len(one.parts)
        if block.index > due:
            return self._refuse("block %d where %d is due" % (block.index, due))
        self._acknowledge(block)
        one.heard_ms = now_ms
        if block.index < due:
            return self._refuse("block %d once more" % block.index)
        one.parts.append(bytes(block.data))
        if due + 1 < one.count:
            return None
        whole = b"".join(one.parts)
        one.parts = []
        self._receiving.remove(one)
        if len(self._complete) >= REMEMBERED:
            self._complete.pop(0)
        self._complete.append(one)
        return whole

    def _find(self, block: Block) -> "_Receiving | None":
        for one in self._receiving:
            if one.peer == block.peer and one.sequence == block.sequence:
                return one
        return None

    def _begin(self, block: Block, old: "_Receiving | None", now_ms: int) -> "_Receiving | None":
        """Makes room for a new message: the oldest of the same sender goes, never another's."""
        of_one = [one for one in self._receiving if one.peer == block.peer]
        if old is None and len(of_one) >= TRANSFERS_OF_ONE:
            old = of_one[0]
        if old is not None:
            self._receiving.remove(old)
        if len(self._receiving) >= TRANSFERS:
            return None
        one = _Receiving(block, now_ms)
        self._receiving.append(one)
        return one

    def _acknowledge(self, block: Block) -> None:
        if len(self._out) < QUEUE_LIMIT:
            self._out.append(Acknowledgement(block.peer, block.sequence, block.index))

    def _refuse(self, why: str) -> "bytes | None":
        self.refusal = why
        return None

    def to_send(self) -> "Acknowledgement | None":
        """The next acknowledgement, or None."""
        return self._out.pop(0) if self._out else None

    def deadline_ms(self) -> "int | None":
        """When an incomplete message is forgotten."""
        times = [one.heard_ms + COMPLETE_WITHIN_MS for one in self._receiving]
        return min(times) if times else None

    def tick(self, now_ms: int) -> None:
        """Forgets what has been incomplete for too long, and that messages were complete."""
        if self._receiving:
            self._receiving = [one for one in self._receiving if now_ms < one.heard_ms + COMPLETE_WITHIN_MS]
        if self._complete:
            self._complete = [one for one in self._complete if now_ms < one.heard_ms + COMPLETE_WITHIN_MS]
