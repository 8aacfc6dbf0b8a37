"""Time 0x000A: the meter's clock for those who have none (ZCL specification, 3.12). Nobody sets it this way."""

from slotmeter.zigbee_han.server import INVALID, TIME, Cluster

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from slotmeter.zigbee_han.clusters.values import Values

# Time Status.
SYNCHRONISED = 0x02
ZONE_KNOWN = 0x04


class Clock(Cluster):
    """The server. The meter's clock is set by its supplier, so every write is refused."""

    def __init__(self, values: "Values") -> None:
        super().__init__(TIME)
        self._values = values

    def read(self, attribute: int) -> "Any":
        """See Cluster."""
        values = self._values
        if attribute == 0:
            return values.utc_s()
        if attribute == 1:
            return (SYNCHRONISED if values.synchronised() else 0) | ZONE_KNOWN
        offset = values.standard_offset_s()
        if attribute == 2:
            return offset
        summer = values.summer()
        if 3 <= attribute <= 5:
            return None if summer is None else summer[attribute - 3]
        if attribute not in (6, 7):
            return None
        now = values.utc_s()
        if now is None or now is INVALID:
            return now
        local = now + offset
        if attribute == 7 and summer is not None and summer[0] <= now < summer[1]:
            local += summer[2]
        return local
