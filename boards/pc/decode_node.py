"""The tree that the decoder builds, and the reader that says where it stopped.

A node is added to its parent before its content is read, so that what was understood of a damaged message stays in
the tree when `Stop` is raised. Offsets are those of the message, or of the plaintext inside a decrypted part.
"""

from collections.abc import Iterator

# What a mark says about a node: good and bad are results of a check, unknown is what no table names, stopped is where
# reading ended early, closed is what cannot be read without a key that is not at hand.
PLAIN, GOOD, BAD, UNKNOWN, STOPPED, CLOSED = "", "good", "bad", "unknown", "stopped", "closed"

# More nodes than the largest message has octets worth showing; a compact-array can ask for more than it carries.
NODE_LIMIT = 250_000
DEPTH_LIMIT = 32


class Stop(Exception):
    """Reading ended: `reason` says why, `offset` where."""

    def __init__(self, reason: str, offset: int) -> None:
        super().__init__(f"{reason} at octet {offset}")
        self.reason = reason
        self.offset = offset


class Node:
    """One line of the tree: what it is called, the octets it came from, what they say, and what it is made of."""

    __slots__ = ("children", "folded", "hidden", "mark", "name", "octets", "offset", "text")

    def __init__(self, name: str, octets: bytes = b"", text: str = "", offset: int = 0, mark: str = PLAIN) -> None:
        self.name = name
        self.octets = octets
        self.text = text
        self.offset = offset
        self.mark = mark
        # For readers who want no octets: the text says what the children say, or what is said elsewhere.
        self.folded = False
        self.hidden = False
        self.children: list[Node] = []

    def __repr__(self) -> str:
        return f"Node({self.name!r}, {len(self.octets)} octets, {len(self.children)} children)"

    def add(self, name: str, octets: bytes = b"", text: str = "", offset: int = 0, mark: str = PLAIN) -> "Node":
        """A new last child."""
        node = Node(name, octets, text, offset, mark)
        self.children.append(node)
        return node

    def walk(self) -> "Iterator[Node]":
        """The node and everything below it, in the order of the tree."""
        waiting = [self]
        while waiting:
            node = waiting.pop()
            yield node
            waiting.extend(reversed(node.children))

    def find(self, *names: str) -> "Node | None":
        """The first node reached by going down the given names, or None."""
        node: Node | None = self
        for name in names:
            node = next((child for child in node.children if child.name == name), None) if node else None
        return node

    def as_json(self) -> dict[str, object]:
        """The tree as plain dictionaries, lists and strings; hex in upper case."""
        result: dict[str, object] = {"name": self.name, "offset": self.offset}
        if self.octets:
            result["hex"] = self.octets.hex().upper()
        if self.text:
            result["text"] = self.text
        if self.mark:
            result["mark"] = self.mark
        if self.children:
            result["children"] = [child.as_json() for child in self.children]
        return result


class Reader:
    """Takes octets off a stretch of `data`; `shift` is what to add to a position to get the offset shown."""

    __slots__ = ("budget", "data", "end", "pos", "shift")

    def __init__(self, data: bytes, pos: int = 0, end: int | None = None, shift: int = 0) -> None:
        self.data = data
        self.pos = pos
        self.end = len(data) if end is None else end
        self.shift = shift
        self.budget = NODE_LIMIT

    @property
    def offset(self) -> int:
        """The offset of the next octet."""
        return self.pos + self.shift

    @property
    def left(self) -> int:
        """How many octets are left."""
        return self.end - self.pos

    def take(self, size: int, what: str) -> bytes:
        """The next `size` octets; Stop when there are fewer."""
        if size > self.end - self.pos:
            raise Stop(f"{what} needs {plural(size, 'octet')}, {self.end - self.pos} are left", self.offset)
        start = self.pos
        self.pos = start + size
        return self.data[start : self.pos]

    def octet(self, what: str) -> int:
        """The next octet as a number."""
        if self.pos >= self.end:
            raise Stop(f"{what} is missing", self.offset)
        self.pos += 1
        return self.data[self.pos - 1]

    def number(self, size: int, what: str) -> int:
        """The next `size` octets as an unsigned number, most significant octet first."""
        return int.from_bytes(self.take(size, what), "big")

    def length(self, what: str) -> int:
        """A DLMS or BER length. One that is not in its shortest form is read all the same."""
        first = self.octet(f"length of {what}")
        if first < 0x80:
            return first
        if first == 0x80 or first > 0x84:
            self.pos -= 1
            raise Stop(f"length of {what} has the form {first:02X}", self.offset)
        return self.number(first - 0x80, f"length of {what}")

    def rest(self) -> bytes:
        """Everything that is left."""
        return self.take(self.left, "rest")

    def spend(self) -> None:
        """Counts a node; Stop when a message asks for more of them than anyone can read."""
        self.budget -= 1
        if self.budget < 0:
            raise Stop(f"more than {NODE_LIMIT} values", self.offset)


def plural(count: int, noun: str) -> str:
    """`3 octets`, `1 octet`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
