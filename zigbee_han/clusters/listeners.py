"""Whom a cluster tells what changed: displays that asked before, and those that the meter's device log names."""

from slotmeter.zigbee_han.server import Cluster, Outgoing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# A meter's device log has at most 11 devices (SMETS2 5.6).
LISTENERS = 16


class Publisher(Cluster):
    """A server that publishes. At most LISTENERS, of which the one that was added first makes room."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self._listeners = []  # type: list[tuple[bytes, int]]
        self._out = []  # type: list[Outgoing]

    def listen(self, peer: bytes, endpoint: int) -> None:
        """Tells `peer` from now on."""
        if (peer, endpoint) in self._listeners:
            return
        if len(self._listeners) >= LISTENERS:
            self._listeners.pop(0)
        self._listeners.append((peer, endpoint))

    def forget(self, peer: bytes) -> None:
        """Tells `peer` no more: it left."""
        self._listeners = [one for one in self._listeners if one[0] != peer]

    def watched(self) -> bool:
        """See Cluster."""
        return bool(self._listeners)

    def publish(self, which: int, values: "dict[str, Any]") -> None:
        """Tells everybody. What a listener has not been told yet is replaced by what is newer."""
        self._out = [one for one in self._out if one.command != which]
        for peer, endpoint in self._listeners:
            self._out.append(Outgoing(peer, endpoint, which, values))

    def to_send(self) -> "Outgoing | None":
        """See Cluster."""
        return self._out.pop(0) if self._out else None
