"""Unsigned numbers inside an attribute, kept as integers where they change often and as octets where they are read."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slotmeter.dlms.cosem.tree import Tree

U32 = 0xFFFFFFFF


class StoredNumbers:
    """The double-long-unsigned of one attribute.

    values: the integers; whoever changes one adds its index to `changed`. native: the attribute's octets in the shape
    that this meter writes; offsets: where in them each number starts. An attribute that the bench left in a shorter
    shape gives noughts for what it lacks.
    """

    __slots__ = ("_tree", "_key", "_native", "_offsets", "_octets", "values", "changed")

    def __init__(self, tree: "Tree", key: bytes, native: bytes, offsets: "tuple[int, ...]") -> None:
        self._tree = tree
        self._key = key
        self._native = native
        self._offsets = offsets
        self._octets = b""
        self.values: list[int] = [0] * len(offsets)
        self.changed: set[int] = set()

    def load(self) -> bool:
        """Reads the attribute; whether it is another than was last read or written."""
        octets = self._tree.value(self._key)
        if octets == self._octets and not self.changed:
            return False
        self.changed = set()
        self._octets = octets
        values = self.values
        size = len(octets)
        for place, offset in enumerate(self._offsets):
            values[place] = int.from_bytes(octets[offset : offset + 4], "big") if offset + 4 <= size else 0
        return True

    def flush(self) -> None:
        """Writes what changed; numbers that do not fit are written as the largest that does."""
        if not self.changed:
            return
        if len(self._octets) == len(self._native):
            octets = bytearray(self._octets)
            places = self.changed
        else:
            octets = bytearray(self._native)
            places = set(range(len(self.values)))
        for place in places:
            value = self.values[place]
            if value > U32:
                value = U32
            offset = self._offsets[place]
            octets[offset : offset + 4] = value.to_bytes(4, "big")
        self.changed = set()
        self._octets = bytes(octets)
        self._tree.put(self._key, self._octets)

    def set(self, place: int, value: int) -> None:
        """Changes one number."""
        if self.values[place] != value:
            self.values[place] = value
            self.changed.add(place)


def register(tree: "Tree", key: bytes) -> StoredNumbers:
    """The one number of a register whose attribute is a double-long-unsigned."""
    return StoredNumbers(tree, key, b"\x06\x00\x00\x00\x00", (1,))


def joined(values: "list[int]") -> bytes:
    """Numbers as a row of a log holds them, four octets each."""
    return b"".join([(value if value <= U32 else U32).to_bytes(4, "big") for value in values])
