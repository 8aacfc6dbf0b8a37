"""Device Management 0x0708: supplier, tenancy, site (Smart Energy 1.4). What changes them comes by the tunnel."""

from slotmeter.zigbee_han import zcl
from slotmeter.zigbee_han.clusters.values import Values
from slotmeter.zigbee_han.server import INVALID, Cluster, Message

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MANAGEMENT = 0x0708

GET_CHANGE_OF_TENANCY = 0
GET_SITE_ID = 3
GET_CIN = 5
PUBLISH_CHANGE_OF_TENANCY = 0
UPDATE_SITE_ID = 3
UPDATE_CIN = 6


class Management(Cluster):
    """The server."""

    def __init__(self, values: Values) -> None:
        super().__init__(MANAGEMENT)
        self._values = values

    def read(self, attribute: int) -> "Any":
        """See Cluster."""
        fact, place = None, attribute & 0x03
        if 0x0100 <= attribute <= 0x0102:
            fact = self._values.supplier()
        elif attribute in (0x0200, 0x0201):
            fact = self._values.tenancy()
        return fact if fact is None or fact is INVALID else fact[place]

    def _provider(self) -> int:
        supplier = self._values.supplier()
        return 0 if supplier is None or supplier is INVALID else int(supplier[0])

    def command(self, message: Message, which: int, fields: "dict[str, Any]", now_ms: int) -> "Any":
        """See Cluster. What is in force is told with time 0, which means now."""
        if which == GET_CHANGE_OF_TENANCY:
            tenancy = self._values.tenancy()
            if tenancy is None or tenancy is INVALID:
                return zcl.NOT_FOUND
            values = {"provider_id": self._provider(), "issuer_event_id": tenancy[0], "tariff_type": 0}
            values["implementation_date_time"] = tenancy[0]
            values["proposed_tenancy_change_control"] = tenancy[1]
            return [(PUBLISH_CHANGE_OF_TENANCY, values)]
        if which == GET_SITE_ID:
            return self._text(UPDATE_SITE_ID, "site_id_time", "site_id", self._values.site_id())
        if which == GET_CIN:
            return self._text(UPDATE_CIN, "implementation_time", "customer_id_number", self._values.customer_id())
        return zcl.UNSUPPORTED_CLUSTER_COMMAND

    def _text(self, which: int, time: str, name: str, text: "Any") -> "Any":
        if text is None or text is INVALID:
            return zcl.NOT_FOUND
        return [(which, {"issuer_event_id": 0, time: 0, "provider_id": self._provider(), name: text})]
