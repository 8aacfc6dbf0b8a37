"""Messages that do not fit one transport unit: general block transfer around a meter's own wire (facts 10.1).

Blocks that arrive are put together and handed on as one message; a message to send that is longer than a block is cut.
One transfer each way at a time; what waits behind an outgoing one goes out after it. With a block size of 0 nothing
is cut, and blocks that arrive are still understood.
"""

from slotmeter.dlms.blocks import BLOCK_SIZE, LARGEST_BLOCK, Assembler, Splitter, is_block
from slotmeter.dlms.errors import DecodeError

__all__ = ("Transfers", "is_block")


class Transfers:
    """The block transfers of one device. block_size: octets of data in a block sent, 0 to send everything whole."""

    def __init__(self, block_size: int) -> None:
        self._block_size = min(block_size, LARGEST_BLOCK)
        self._assembler = Assembler(block_size=max(self._block_size, BLOCK_SIZE))
        self._splitter: Splitter | None = None
        self._outcome: str | None = None
        self.refusal = ""

    def receive(self, data: bytes, now_ms: int) -> "bytes | None":
        """Takes a block; the whole message when it was the last one missing. `refusal` says why it was not taken."""
        self.refusal = ""
        try:
            if self._splitter is not None and data[: len(self._splitter.routing)] == self._splitter.routing:
                self.refusal = self._splitter.receive(data, now_ms)
                self._look()
                return None
            message = self._assembler.receive(data, now_ms)
        except DecodeError as error:
            self.refusal = str(error)
            return None
        self.refusal = self._assembler.refusal
        return message

    def start(self, message: bytes, now_ms: int) -> bytes:
        """What to send first for `message`: itself, or its first block."""
        if not self._block_size or len(message) <= self._block_size:
            return message
        self._splitter = Splitter(message, self._block_size, now_ms=now_ms)
        return self._splitter.to_send()

    def to_send(self) -> bytes:
        """An acknowledgement or the next block, or b""."""
        data = self._assembler.to_send()
        if not data and self._splitter is not None:
            data = self._splitter.to_send()
            self._look()
        return data

    def _look(self) -> None:
        """Whether the outgoing transfer has come to its end."""
        one = self._splitter
        if one is not None and (one.done or one.failed):
            self._outcome = one.failed
            self._splitter = None

    def sending(self) -> bool:
        """Whether an outgoing transfer is under way."""
        return self._splitter is not None

    def ended(self) -> "str | None":
        """What became of an outgoing transfer, told once: "" when the peer has all of it, else why it was given up;
        None when none has ended.
        """
        outcome = self._outcome
        self._outcome = None
        return outcome

    def deadline_ms(self) -> "int | None":
        """When `tick` is due, or None."""
        mine = None if self._splitter is None else self._splitter.deadline_ms()
        other = self._assembler.deadline_ms()
        if mine is None or (other is not None and other < mine):
            return other
        return mine

    def tick(self, now_ms: int) -> None:
        """Sends again what was not acknowledged, forgets what stopped coming."""
        if self._splitter is not None:
            self._splitter.tick(now_ms)
            self._look()
        self._assembler.tick(now_ms)
