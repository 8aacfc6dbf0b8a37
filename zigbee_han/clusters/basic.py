"""Basic 0x0000: what device this is (ZCL specification, 3.2)."""

from slotmeter.zigbee_han.server import Cluster

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from slotmeter.zigbee_han.clusters.values import Values

BASIC = 0x0000
# The edition of the library that the frames follow.
ZCL_VERSION = 3
MAINS = 1


class Basic(Cluster):
    """The server. `power`: the power source, mains by default."""

    def __init__(self, values: "Values", power: int = MAINS) -> None:
        super().__init__(BASIC)
        self._values = values
        self._power = power

    def read(self, attribute: int) -> "Any":
        """See Cluster."""
        if attribute == 0x0000:
            return ZCL_VERSION
        if attribute == 0x0003:
            return self._values.hardware()
        if attribute == 0x0004:
            return self._values.manufacturer()
        if attribute == 0x0005:
            return self._values.model()
        return self._power if attribute == 0x0007 else None
