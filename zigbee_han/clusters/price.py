"""Price 0x0700: what energy costs now, and the tariff (Smart Energy, annex D.4).

Prices are thousandths of a penny for a kilowatt-hour: currency 826 (pounds), five digits right of the point. A change
of the price is published at the next look to all who listen, and who asks for the price listens from then on.
"""

from slotmeter.zigbee_han import zcl
from slotmeter.zigbee_han.clusters.listeners import Publisher
from slotmeter.zigbee_han.clusters.values import PriceNow, Values
from slotmeter.zigbee_han.server import INVALID, Message

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PRICE = 0x0700
# ISO 4217.
POUNDS = 826
TRAILING_DIGITS = 5 << 4
KWH = 0
UNTIL_CHANGED = 0xFFFF
TOTAL_TIERS_EXCEEDS_15 = 0x02

GET_CURRENT_PRICE = 0x00
GET_SCHEDULED_PRICES = 0x01
PRICE_ACKNOWLEDGEMENT = 0x02
GET_TARIFF_INFORMATION = 0x06
GET_PRICE_MATRIX = 0x07
PUBLISH_PRICE = 0x00
PUBLISH_TARIFF_INFORMATION = 0x04
PUBLISH_PRICE_MATRIX = 0x05

# Get Current Price: the asker's receiver is always on.
_LISTENS = 0x01
_LARGEST_LABEL = 12
_TOU = 1
# Prices of five octets in what a device takes at once, 128, after a header of 22.
_PRICES_AT_ONCE = 21
_BLOCKS = 16


class Price(Publisher):
    """The server."""

    def __init__(self, values: Values) -> None:
        super().__init__(PRICE)
        self._values = values
        self._told = None  # type: PriceNow | None

    def read(self, attribute: int) -> "Any":
        """See Cluster."""
        values = self._values
        group = attribute >> 8
        if group == 0x01:
            return values.block_threshold_wh(attribute - 0x00FF) if attribute < 0x010F else None
        if group == 0x02 and attribute in (0x0202, 0x0203) and values.block_threshold_wh(1) is not None:
            return 1 if attribute == 0x0202 else 1000
        if group == 0x04:
            return values.block_price(attribute >> 4 & 0x0F, (attribute & 0x0F) + 1)
        if group == 0x05:
            prices = values.prices()
            return prices[attribute & 0xFF] if attribute & 0xFF < len(prices) else None
        if attribute == 0x0300:
            return 0
        if attribute == 0x0301:
            return values.standing_charge()
        tariff = values.tariff()
        if attribute == 0x0610:
            return tariff if tariff is None or tariff is INVALID else tariff[1]
        if attribute == 0x0611:
            return len(values.prices())
        fixed = {0x0615: KWH, 0x0616: POUNDS, 0x0617: TRAILING_DIGITS}
        if attribute in fixed:
            return fixed[attribute]
        period = values.billing_period()
        if attribute in (0x0700, 0x0701) and period is not None:
            return INVALID if period is INVALID else period[attribute & 1]
        return None

    def command(self, message: Message, which: int, fields: "dict[str, Any]", now_ms: int) -> "Any":
        """See Cluster."""
        if which in (GET_CURRENT_PRICE, GET_SCHEDULED_PRICES):
            if which == GET_SCHEDULED_PRICES or fields["options"] & _LISTENS:
                self.listen(message.peer, message.endpoint)
            price = self._values.price_now()
            return zcl.NOT_FOUND if price is None else [(PUBLISH_PRICE, self._shown(price))]
        if which == PRICE_ACKNOWLEDGEMENT:
            return zcl.SUCCESS
        if which == GET_TARIFF_INFORMATION:
            return self._information()
        if which == GET_PRICE_MATRIX:
            return self._matrix(fields["issuer_tariff_id"])
        return zcl.UNSUPPORTED_CLUSTER_COMMAND

    def _provider(self) -> int:
        supplier = self._values.supplier()
        return 0 if supplier is None or supplier is INVALID else int(supplier[0])

    def _now(self) -> int:
        now = self._values.utc_s()
        return 0xFFFFFFFF if now is None or now is INVALID else int(now)

    def _shown(self, price: PriceNow) -> "dict[str, Any]":
        """The fields of Publish Price. From tier 16 on, the small fields say 15 and the extended ones the rest."""
        minutes = UNTIL_CHANGED
        if price.end_s is not None:
            minutes = min(max((price.end_s - price.start_s + 59) // 60, 0), UNTIL_CHANGED - 1)
        tier, tiers = min(price.tier, 15), min(price.tiers, 15)
        return {
            "provider_id": self._provider(),
            "rate_label": price.label[:_LARGEST_LABEL],
            "issuer_event_id": price.event,
            "current_time": self._now(),
            "unit_of_measure": KWH,
            "currency": POUNDS,
            "price_trailing_digit_and_tier": TRAILING_DIGITS | tier,
            "number_of_tiers_and_register_tier": tiers << 4 | tier,
            "start_time": price.start_s,
            "duration_minutes": minutes,
            "price": price.price,
            "price_ratio": 0xFF,
            "generation_price": 0xFFFFFFFF,
            "generation_price_ratio": 0xFF,
            "alternate_cost": 0xFFFFFFFF,
            "alternate_cost_unit": 0xFF,
            "alternate_cost_trailing_digit": 0xFF,
            "number_of_block_thresholds": 0xFF,
            "price_control": TOTAL_TIERS_EXCEEDS_15 if price.tiers > 15 else 0,
            "number_of_generation_tiers": 0,
            "generation_tier": 0,
            "extended_number_of_tiers": price.tiers - tiers,
            "extended_price_tier": price.tier - tier,
            "extended_register_tier": price.tier - tier,
        }

    def _information(self) -> "Any":
        tariff, standing = self._values.tariff(), self._values.standing_charge()
        if tariff is None or tariff is INVALID:
            return zcl.NOT_FOUND
        values = {
            "provider_id": self._provider(),
            "issuer_event_id": tariff[2],
            "issuer_tariff_id": tariff[0],
            "start_time": tariff[2],
            # Delivered energy in the low bits, time of use in the high ones.
            "tariff_type_charging_scheme": 0,
            "tariff_label": tariff[1],
            "number_of_price_tiers": len(self._values.prices()),
            "number_of_block_thresholds": 0,
            "unit_of_measure": KWH,
            "currency": POUNDS,
            "price_trailing_digit": TRAILING_DIGITS,
            "standing_charge": 0xFFFFFFFF if standing is None or standing is INVALID else standing,
            "tier_block_mode": 0xFF,
            "block_threshold_multiplier": 1,
            "block_threshold_divisor": 1000,
        }
        return [(PUBLISH_TARIFF_INFORMATION, values)]

    def _matrix(self, wanted: int) -> "Any":
        tariff, prices = self._values.tariff(), self._values.prices()
        if tariff is None or tariff is INVALID or tariff[0] != wanted or not prices:
            return zcl.NOT_FOUND
        found = []
        count = (len(prices) + _PRICES_AT_ONCE - 1) // _PRICES_AT_ONCE
        for index in range(count):
            start = index * _PRICES_AT_ONCE
            part = prices[start : start + _PRICES_AT_ONCE]
            values = {
                "provider_id": self._provider(),
                "issuer_event_id": tariff[2],
                "start_time": tariff[2],
                "issuer_tariff_id": tariff[0],
                "command_index": index,
                "number_of_commands": count,
                "sub_payload_control": _TOU,
                "prices": [{"tier_or_block": start + n + 1, "price": price} for n, price in enumerate(part)],
            }
            found.append((PUBLISH_PRICE_MATRIX, values))
        return found

    def look(self, now_ms: int) -> None:
        """Publishes the price when it is another one than at the last look."""
        price = self._values.price_now()
        if price is not None and not price.same(self._told):
            self.publish(PUBLISH_PRICE, self._shown(price))
        self._told = price
