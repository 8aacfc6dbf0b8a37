"""Prepayment 0x0705: the account as a display shows it, top-ups and emergency credit (Smart Energy 1.4).

Money is in thousandths of a penny. What the supplier changes comes through the tunnel, where it is signed; from a
display come a top-up code, which proves itself, and the wish for emergency credit.
"""

from slotmeter.zigbee_han import zcl
from slotmeter.zigbee_han.clusters.values import Values
from slotmeter.zigbee_han.server import INVALID, Cluster, Message

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PREPAYMENT = 0x0705

SELECT_EMERGENCY_CREDIT = 0x00
CONSUMER_TOP_UP = 0x04
GET_TOP_UP_LOG = 0x08
CONSUMER_TOP_UP_RESPONSE = 0x03
PUBLISH_TOP_UP_LOG = 0x05

# From GB's code of 20 digits to the standard's 25.
LARGEST_CODE = 25
# An entry has at most 34 octets, and 128 go at once.
_ENTRIES_AT_ONCE = 3
_LOGGED = 5


def _part(fact: "Any", place: int) -> "Any":
    return fact if fact is None or fact is INVALID else fact[place]


class Prepayment(Cluster):
    """The server."""

    def __init__(self, values: Values) -> None:
        super().__init__(PREPAYMENT)
        self._values = values

    def read(self, attribute: int) -> "Any":
        """See Cluster."""
        if attribute < 0x0100:
            return self._account(attribute)
        if attribute < 0x0200:
            return self._logged(attribute >> 4 & 0x0F, attribute & 0x0F)
        if attribute < 0x0300:
            return self._debt(attribute >> 4 & 0x0F, attribute & 0x0F)
        return None

    def _account(self, attribute: int) -> "Any":
        values = self._values
        simple = {
            0x00: values.payment_control,
            0x01: values.credit_mp,
            0x02: values.emergency_mp,
            0x03: values.credit_status,
            0x10: values.emergency_limit_mp,
            0x11: values.emergency_threshold_mp,
            0x31: values.low_credit_mp,
            0x40: values.disable_below_mp,
        }
        if attribute in simple:
            return simple[attribute]()
        if attribute == 0x04 and values.credit_mp() is not None:
            return values.utc_s()
        if attribute == 0x05:
            return values.debt_mp(0)
        return _part(values.credit_limit_mp(), attribute - 0x21) if attribute in (0x21, 0x22) else None

    def _logged(self, place: int, part: int) -> "Any":
        """Date, amount, origin and code of one of the last top-ups; who brought it is not kept."""
        log = self._values.top_up_log()
        if place >= min(len(log), _LOGGED) or part > 3:
            return None
        code, amount, at_s = log[place]
        return (at_s, amount, None, code)[part]

    def _debt(self, which: int, part: int) -> "Any":
        values = self._values
        if part == 1:
            return values.debt_mp(which)
        if part == 2 and values.debt_mp(which) is not None:
            return 1 if which == 3 else 0
        if which < 3 and part in (6, 7):
            return _part(values.debt_rate(which), 1 if part == 6 else 0)
        return values.debt_share() if which == 3 and part == 9 else None

    def command(self, message: Message, which: int, fields: "dict[str, Any]", now_ms: int) -> "Any":
        """See Cluster."""
        if which == SELECT_EMERGENCY_CREDIT:
            return zcl.SUCCESS if self._values.take_emergency_credit(fields["originating_device"]) else zcl.FAILURE
        if which == CONSUMER_TOP_UP:
            return self._top_up(fields["top_up_code"], fields["originating_device"])
        if which == GET_TOP_UP_LOG:
            return self._log(fields["latest_end_time"], fields["number_of_records"])
        return zcl.UNSUPPORTED_CLUSTER_COMMAND

    def _top_up(self, code: "bytes | None", source: int) -> "Any":
        if not code or len(code) > LARGEST_CODE:
            return zcl.INVALID_FIELD
        result, amount = self._values.top_up(code, source)
        credit = self._values.credit_mp()
        # 7FFFFFFF: no balance to show. All bits mean so elsewhere, but they are also -1.
        credit = 0x7FFFFFFF if credit is None or credit is INVALID else credit
        values = {"result_type": result, "top_up_value": amount, "source_of_top_up": source, "credit_remaining": credit}
        return [(CONSUMER_TOP_UP_RESPONSE, values)]

    def _log(self, latest: int, wanted: int) -> "Any":
        """The latest first, none later than `latest`; 0 and FFFFFFFF for all, 0 records for all."""
        found = [one for one in self._values.top_up_log() if not latest or one[2] <= latest]
        found = found[:wanted] if wanted else found
        if not found:
            return zcl.NOT_FOUND
        # As many commands as one octet can count.
        found = found[: 255 * _ENTRIES_AT_ONCE]
        count = (len(found) + _ENTRIES_AT_ONCE - 1) // _ENTRIES_AT_ONCE
        told = []
        for index in range(count):
            part = found[index * _ENTRIES_AT_ONCE : (index + 1) * _ENTRIES_AT_ONCE]
            entries = [{"top_up_code": code, "top_up_amount": amount, "top_up_time": at} for code, amount, at in part]
            values = {"command_index": index, "number_of_commands": count, "top_ups": entries}
            told.append((PUBLISH_TOP_UP_LOG, values))
        return told
