"""Metering 0x0702 of an electricity meter: registers, power, status, history (Smart Energy, annex D.3).

Energy goes out in watt-hours: unit of measure kWh, multiplier 1, divisor 1000. Power is in the same scale, watts.
"""

from slotmeter.zigbee_han import zcl
from slotmeter.zigbee_han.clusters import values as told
from slotmeter.zigbee_han.server import INVALID, Cluster, Message

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

METERING = 0x0702
KWH = 0
MULTIPLIER = 1
DIVISOR = 1000
ELECTRICITY = 0
# Digits right of the point in bits 0-2, left of it in 3-6, no leading zeroes in bit 7.
SUMMATION_FORMAT = 0x80 | 6 << 3 | 3
DEMAND_FORMAT = 0x80 | 3 << 3 | 3
HISTORY_FORMAT = 0x80 | 4 << 3 | 3

TIERS = 48
# Commands to the server.
LOCAL_CHANGE_SUPPLY = 0x0C


def _part(pair: "Any", place: int) -> "Any":
    """One of the parts of a fact that has several; None and INVALID are so in each part."""
    return pair if pair is None or pair is INVALID else pair[place]


class Metering(Cluster):
    """The server."""

    def __init__(self, values: told.Values) -> None:
        super().__init__(METERING)
        self._values = values

    def read(self, attribute: int) -> "Any":
        """See Cluster."""
        group = attribute >> 8
        if group == 0x00:
            return self._reading(attribute)
        if group == 0x01:
            # Delivered in even places, received in odd ones.
            return None if attribute & 1 else self._values.tier_wh((attribute - 0x0100) // 2 + 1)
        if group == 0x02:
            return self._status(attribute)
        if group == 0x03:
            return self._format(attribute)
        if group == 0x04:
            return self._history(attribute)
        if group == 0x06:
            return self._limit(attribute)
        if group == 0x07:
            return self._values.block_wh(attribute >> 4 & 0x0F, (attribute & 0x0F) + 1)
        if attribute == 0x0A00:
            return _part(self._values.bill_mp(), 0)
        if attribute == 0x0A01:
            return _part(self._values.bill_mp(), 1)
        if attribute == 0x0A04 and self._values.bill_mp() is not None:
            return 0x50
        return None

    def _reading(self, attribute: int) -> "Any":
        values = self._values
        if attribute == 0x0000:
            return values.import_wh()
        if attribute == 0x0001:
            return values.export_wh()
        if attribute in (0x0002, 0x0008):
            return _part(values.largest_demand(), attribute // 8)
        if attribute == 0x0007:
            return values.utc_s()
        if attribute == 0x0014:
            return values.supply()
        if attribute == 0x0020:
            price = values.price_now()
            return price.tier if price is not None and price.tiers else None
        return None

    def _status(self, attribute: int) -> "Any":
        if attribute == 0x0200:
            return self._values.status()
        if attribute == 0x0206:
            return self._values.meter_id()
        return self._values.ambient() if attribute == 0x0207 else None

    def _format(self, attribute: int) -> "Any":
        fixed = (KWH, MULTIPLIER, DIVISOR, SUMMATION_FORMAT, DEMAND_FORMAT, HISTORY_FORMAT, ELECTRICITY)
        if attribute <= 0x0306:
            return fixed[attribute - 0x0300]
        if attribute == 0x0307:
            return self._values.site_id()
        if attribute == 0x0308:
            return self._values.serial()
        return self._values.customer_id() if attribute == 0x0311 else None

    def _history(self, attribute: int) -> "Any":
        values = self._values
        if attribute == 0x0400:
            return values.demand_w()
        if attribute in (0x0401, 0x0403):
            return values.day_wh((attribute - 0x0401) // 2)
        # Received energy has the odd places, and no history here.
        place = (attribute & 0x0F) // 2
        if attribute & 1:
            return None
        if 0x0420 <= attribute <= 0x042C:
            return values.day_wh(place + 2)
        if 0x0430 <= attribute <= 0x043A:
            return values.week_wh(place)
        if 0x0440 <= attribute <= 0x045A:
            return values.month_wh((attribute - 0x0440) // 2)
        return None

    def _limit(self, attribute: int) -> "Any":
        limit = self._values.load_limit()
        if attribute == 0x0601:
            return _part(limit, 0)
        if attribute == 0x0604:
            return _part(limit, 1)
        if attribute == 0x0605:
            return _part(limit, 2)
        return _part(limit, 3) if attribute == 0x0606 else None

    def command(self, message: Message, which: int, fields: "dict[str, Any]", now_ms: int) -> "Any":
        """A display's button. All else goes through the tunnel, where it is signed."""
        if which != LOCAL_CHANGE_SUPPLY:
            return zcl.UNSUPPORTED_CLUSTER_COMMAND
        wanted = fields["proposed_supply_status"]
        if wanted not in (told.SUPPLY_ARMED, told.SUPPLY_ON):
            return zcl.INVALID_VALUE
        return self._values.local_supply(wanted)
