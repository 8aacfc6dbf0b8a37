"""Messages that the meter has made and its hub does not have yet: kept in the store, so that no power cut loses one.

One is put into the same transaction as what it tells of, and taken out when it was delivered, with what is committed
next, at the latest at the next tick; so a power cut right after a delivery sends it once more. An alert is kept as what
is to be signed: a board signs it when it leaves, where it has calls to spare.

    u.NNNNNNNN      kind, then the message; an alert: code(2) message code(2) counter(8) target(8) role(1) and the size
                    of supplementary(1), supplementary, payload
    u.NNNNNNNN.P    the rest of a message that is larger than a record
"""

from slotmeter.hal.store import RECORD_LIMIT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slotmeter.hal.records import Records

# What begins with this is no state of the meter, but what it has said of it.
PREFIX = "u."
MESSAGE = 0
ALERT = 1
# Ours: when a hub stays away, the oldest makes room.
LIMIT = 256
_HEAD = 22


class Alert:
    """An alert before it is protected: code, message_code, counter and target (8 octets each), role, supplementary,
    payload.
    """

    def __init__(
        self,
        code: int,
        message_code: int,
        counter: bytes,
        target: bytes,
        role: int,
        supplementary: bytes,
        payload: bytes,
    ) -> None:
        self.code = code
        self.message_code = message_code
        self.counter = counter
        self.target = target
        self.role = role
        self.supplementary = supplementary
        self.payload = payload


class Undelivered:
    """The queue. Without `keeps` it is always empty, and numbers are 0."""

    def __init__(self, records: "Records", keeps: bool) -> None:
        self._records = records
        self._keeps = keeps
        numbers = self.numbers()
        self._next = numbers[-1] + 1 if numbers else 1

    def numbers(self) -> "list[int]":
        """What is in the queue, the oldest first."""
        if not self._keeps:
            return []
        return [int(name[2:], 16) for name in self._records.names(PREFIX) if len(name) == 10]

    def put(self, message: bytes) -> int:
        """Keeps a message; its number."""
        return self._put(bytes((MESSAGE,)) + message)

    def put_alert(self, alert: Alert) -> int:
        """Keeps an alert; its number."""
        return self._put(
            bytes((ALERT,))
            + alert.code.to_bytes(2, "big")
            + alert.message_code.to_bytes(2, "big")
            + alert.counter
            + alert.target
            + bytes((alert.role, len(alert.supplementary)))
            + alert.supplementary
            + alert.payload
        )

    def _put(self, octets: bytes) -> int:
        if not self._keeps:
            return 0
        numbers = self.numbers()
        if len(numbers) >= LIMIT:
            self.drop(numbers[0])
        number = self._next
        self._next += 1
        self._records.put("%s%08x" % (PREFIX, number), octets[:RECORD_LIMIT])
        part = 1
        while part * RECORD_LIMIT < len(octets):
            rest = octets[part * RECORD_LIMIT : (part + 1) * RECORD_LIMIT]
            self._records.put("%s%08x.%02x" % (PREFIX, number, part), rest)
            part += 1
        return number

    def get(self, number: int) -> "bytes | Alert":
        """What is kept under a number of `numbers`: a message, or an alert to be made."""
        name = "%s%08x" % (PREFIX, number)
        parts = [self._records.get(one) or b"" for one in [name] + self._records.names(name + ".")]
        octets = b"".join(parts)
        if octets[0] == MESSAGE:
            return octets[1:]
        end = _HEAD + 1 + octets[_HEAD]
        return Alert(
            int.from_bytes(octets[1:3], "big"),
            int.from_bytes(octets[3:5], "big"),
            octets[5:13],
            octets[13:21],
            octets[21],
            octets[_HEAD + 1 : end],
            octets[end:],
        )

    def drop(self, number: int) -> None:
        """It was delivered, or is given up; a number that is not kept is no error."""
        if number:
            for name in self._records.names("%s%08x" % (PREFIX, number)):
                self._records.drop(name)
