"""The client of a cluster: it takes what servers publish, and what answers its own requests, as facts."""

from slotmeter.zigbee_han import zcl
from slotmeter.zigbee_han.server import Cluster, Message

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

# Ours: facts that nobody fetches, the oldest of which are lost then.
_KEPT = 64


class Published:
    """A server sent a command: peer, cluster, command, fields; sequence, that of the request if it answers one."""

    def __init__(self, peer: bytes, cluster: int, command: int, fields: "dict[str, Any]", sequence: int) -> None:
        self.peer = peer
        self.cluster = cluster
        self.command = command
        self.fields = fields
        self.sequence = sequence

    def __repr__(self) -> str:
        return "Published(%s, cluster 0x%04X, command 0x%02X)" % (self.peer.hex(), self.cluster, self.command)


class Client(Cluster):
    """The client of `number`. hears: whether something from this peer is taken."""

    def __init__(self, number: int, hears: "Callable[[bytes], bool]") -> None:
        super().__init__(number, client=True)
        self._hears = hears
        self._events = []  # type: list[Published]

    def command(self, message: Message, which: int, fields: "dict[str, Any]", now_ms: int) -> "Any":
        """See Cluster."""
        if not self._hears(message.peer):
            return zcl.NOT_AUTHORIZED
        if len(self._events) >= _KEPT:
            self._events.pop(0)
        sequence = zcl.parse_frame(message.data).sequence
        self._events.append(Published(message.peer, self.number, which, fields, sequence))
        return zcl.SUCCESS

    def next_event(self) -> "Published | None":
        """See Cluster."""
        return self._events.pop(0) if self._events else None
