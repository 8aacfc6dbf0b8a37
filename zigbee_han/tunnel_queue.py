"""What a gas meter and the comms hub say inside their tunnel, because the meter sleeps (GBCS 10.2.2, with its tunnel),
and the hub's queue of what waits for it.

    GET            01                     the meter asks for a message
    GET-RESPONSE   02 nn [message]        nn messages still wait; no message when there is none
    PUT            03 message             the meter hands over a response or an alert

Devices that do not sleep exchange the bare message. It begins with DD or DF, so that the two cannot be confused.

A message waits for a day at most. It leaves the queue when the meter has it: a GET before that brings it again.
"""

from slotmeter.zigbee_han.errors import DecodeError, EncodeError

GET = 1
GET_RESPONSE = 2
PUT = 3

# GBCS 10.2.2: how long a message waits.
KEPT_MS = 86400000
# Ours: how many wait for one meter.
QUEUE_LIMIT = 16


def get() -> bytes:
    """Asks for a message."""
    return b"\x01"


def get_response(waiting: int, message: bytes) -> bytes:
    """Hands over `message`, b"" when there is none; `waiting` 0 to 255 says how many more there are."""
    if not 0 <= waiting <= 255 or (waiting and not message):
        raise EncodeError("%d messages wait after %d octets" % (waiting, len(message)))
    return bytes((2, waiting)) + message


def put(message: bytes) -> bytes:
    """Hands over a response or an alert."""
    if not message:
        raise EncodeError("nothing to hand over")
    return b"\x03" + message


def parse(data: bytes) -> "tuple[int, int, bytes]":
    """(GET, GET_RESPONSE or PUT, how many messages still wait, the message or b"")."""
    if data == b"\x01":
        return GET, 0, b""
    if len(data) >= 2 and data[0] == GET_RESPONSE:
        if data[1] and len(data) == 2:
            raise DecodeError("messages wait, and none is there", 2)
        return GET_RESPONSE, data[1], data[2:]
    if len(data) >= 2 and data[0] == PUT:
        return PUT, 0, data[1:]
    raise DecodeError("neither GET nor GET-RESPONSE nor PUT", 0)


class SleepyQueue:
    """The messages for one device that sleeps."""

    def __init__(self) -> None:
        # (message, until when it is kept).
        self._messages = []  # type: list[tuple[bytes, int]]

    def messages(self) -> "list[tuple[bytes, int]]":
        """(message, until when it is kept), the oldest first."""
        return list(self._messages)

    def postpone(self, by_ms: int) -> None:
        """Keeps everything for so much longer: time itself goes on from elsewhere."""
        self._messages = [(message, until_ms + by_ms) for message, until_ms in self._messages]

    def put(self, message: bytes, now_ms: int) -> bool:
        """One more; False when too many wait."""
        if len(self._messages) >= QUEUE_LIMIT:
            return False
        self._messages.append((message, now_ms + KEPT_MS))
        return True

    def answer(self) -> bytes:
        """What answers a GET."""
        if not self._messages:
            return get_response(0, b"")
        return get_response(len(self._messages) - 1, self._messages[0][0])

    def delivered(self, answer: bytes) -> "bytes | None":
        """The device has this answer: its message leaves the queue; None when it was none of the queue's."""
        message = parse(answer)[2]
        if message and self._messages and self._messages[0][0] == message:
            self._messages.pop(0)
            return message
        return None

    def empty(self) -> "list[bytes]":
        """All messages, which do not wait any more."""
        messages = [message for message, _ in self._messages]
        self._messages = []
        return messages

    def deadline_ms(self) -> "int | None":
        """When the oldest is dropped."""
        return self._messages[0][1] if self._messages else None

    def expired(self, now_ms: int) -> "list[bytes]":
        """The messages that nobody fetched in time; they are dropped."""
        late = [message for message, until_ms in self._messages if until_ms <= now_ms]
        self._messages = self._messages[len(late) :]
        return late
