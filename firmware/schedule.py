"""Future-dated instructions (GBCS 9.2.2): kept until their time, replaced by a later command, or cancelled.

One record each, "s.<message code>.<key>": due time, place in its command, counter, originator, role, and what the use
case needs to carry it out. An instruction of a DLMS command is one activation attribute, of an ASN.1 one all of it.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slotmeter.hal.records import Records


class Instruction:
    """due_s: seconds since 2000; order: place in its command; code: message code; counter, originator: 8 octets of the
    command; role of the originator; key: the activation attribute (9 octets), b"" for an ASN.1 command; blob: what the
    use case stored.
    """

    def __init__(
        self, due_s: int, order: int, code: int, counter: bytes, originator: bytes, role: int, key: bytes, blob: bytes
    ) -> None:
        self.due_s = due_s
        self.order = order
        self.code = code
        self.counter = counter
        self.originator = originator
        self.role = role
        self.key = key
        self.blob = blob

    def __repr__(self) -> str:
        return "Instruction(%04X %s due %d)" % (self.code, self.key.hex(), self.due_s)


def _name(code: int, key: bytes) -> str:
    # MicroPython 1.27 gives octets, not text, for no octets in hexadecimal.
    return "s.%04x.%s" % (code, key.hex() if key else "")


class Schedule:
    """The stored instructions, soonest first."""

    def __init__(self, records: "Records") -> None:
        self._records = records
        self._list: list[Instruction] = []
        self.reload()

    def reload(self) -> None:
        """Reads the instructions again, as after a rollback of the records."""
        self._list = []
        for name in self._records.names("s."):
            octets = self._records.get(name) or b""
            key = bytes.fromhex(name[7:])
            self._add(
                Instruction(
                    int.from_bytes(octets[:8], "big"),
                    int.from_bytes(octets[8:12], "big"),
                    int(name[2:6], 16),
                    octets[12:20],
                    octets[20:28],
                    octets[28],
                    key,
                    octets[29:],
                )
            )

    def _add(self, new: Instruction) -> None:
        # By hand, because sorting is not stable everywhere and equal times keep the order of their command.
        place = len(self._list)
        while place and (self._list[place - 1].due_s, self._list[place - 1].order) > (new.due_s, new.order):
            place -= 1
        self._list.insert(place, new)

    def put(self, new: Instruction) -> None:
        """Stores an instruction; one for the same use case and key gives way."""
        self.drop(new.code, new.key)
        octets = b"".join(
            (
                new.due_s.to_bytes(8, "big"),
                new.order.to_bytes(4, "big"),
                new.counter,
                new.originator,
                bytes((new.role,)),
                new.blob,
            )
        )
        self._records.put(_name(new.code, new.key), octets)
        self._add(new)

    def drop(self, code: int, key: bytes) -> None:
        """Forgets the instruction of this use case and key, if there is one."""
        self._records.drop(_name(code, key))
        self._list = [one for one in self._list if one.code != code or one.key != key]

    def drop_others(self, code: int, counter: bytes) -> None:
        """Forgets what earlier commands of the use case left: a later command replaces them."""
        for one in self._list:
            if one.code == code and one.counter != counter:
                self._records.drop(_name(code, one.key))
        self._list = [one for one in self._list if one.code != code or one.counter == counter]

    def next_due(self) -> "int | None":
        """When the soonest instruction is due, in seconds since 2000."""
        return self._list[0].due_s if self._list else None

    def take_due(self, now_s: int) -> "Instruction | None":
        """The soonest instruction that is due, no longer stored; None when none is."""
        if not self._list or self._list[0].due_s > now_s:
            return None
        first = self._list[0]
        self.drop(first.code, first.key)
        return first

    def stored(self) -> "list[Instruction]":
        """A copy of the list, soonest first."""
        return list(self._list)
