"""The Key Establishment cluster on an endpoint: the commands of a KeyExchange, in both roles."""

from slotmeter.zigbee_han import commands, zcl
from slotmeter.zigbee_han.key_establishment import CLUSTER, KeyCommand
from slotmeter.zigbee_han.server import Cluster, Message, Outgoing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from slotmeter.zigbee_han.key_establishment import KeyExchange

_SUITES = 0


class KeyCluster(Cluster):
    """One side of the cluster; a device has both, the server and the client, of one `exchange`.

    The client has the facts and the deadlines of the exchange. endpoint: where partners have theirs.
    """

    def __init__(self, exchange: "KeyExchange", client: bool, endpoint: int = 1) -> None:
        super().__init__(CLUSTER, client)
        self._exchange = exchange
        self._endpoint = endpoint
        self._next = None  # type: KeyCommand | None

    def read(self, attribute: int) -> "Any":
        """See Cluster: both sides tell their suites."""
        return self._exchange.suites if attribute == _SUITES else None

    def command(self, message: Message, which: int, fields: "dict[str, Any]", now_ms: int) -> "Any":
        """See Cluster. Whatever is wrong with a command is told by a Terminate, not by a status."""
        payload = zcl.parse_frame(message.data).payload
        self._exchange.receive(KeyCommand(message.peer, self.client, which, payload), now_ms)
        return zcl.SUCCESS

    def to_send(self) -> "Outgoing | None":
        """See Cluster. Each side sends what is its own; a Terminate may be either's."""
        one = self._exchange.to_send(not self.client)
        if one is None:
            return None
        values = commands.parse(CLUSTER, one.from_server, one.command, one.payload)
        return Outgoing(one.partner, self._endpoint, one.command, values)

    def next_event(self) -> "Any":
        """See Cluster: KeyAgreed or ExchangeFailed."""
        return self._exchange.next_event() if self.client else None

    def deadline_ms(self) -> "int | None":
        """See Cluster."""
        return self._exchange.deadline_ms() if self.client else None

    def tick(self, now_ms: int) -> None:
        """See Cluster."""
        if self.client:
            self._exchange.tick(now_ms)


def both_sides(exchange: "KeyExchange") -> "list[Cluster]":
    """The server and the client of one exchange, for an Endpoint."""
    return [KeyCluster(exchange, False), KeyCluster(exchange, True)]
