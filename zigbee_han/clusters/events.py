"""Events 0x0709: the event logs (Smart Energy 1.4). Clearing one is a signed command, which comes by the tunnel."""

from slotmeter.zigbee_han import zcl
from slotmeter.zigbee_han.clusters.values import Event, Values
from slotmeter.zigbee_han.server import Cluster, Message

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

EVENTS = 0x0709

GET_EVENT_LOG = 0
CLEAR_EVENT_LOG = 1
PUBLISH_EVENT_LOG = 1

_FULL = 0x10
_ALL_EVENTS = 0
# Octets of entries in one command: 128 less header and fields. One entry of 254 octets goes alone.
_AT_ONCE = 120
# An answer takes no more frames than a queue holds.
_COMMANDS = 32


class Events(Cluster):
    """The server."""

    def __init__(self, values: Values) -> None:
        super().__init__(EVENTS)
        self._values = values

    def command(self, message: Message, which: int, fields: "dict[str, Any]", now_ms: int) -> "Any":
        """See Cluster."""
        if which == CLEAR_EVENT_LOG:
            return zcl.NOT_AUTHORIZED
        if which != GET_EVENT_LOG:
            return zcl.UNSUPPORTED_CLUSTER_COMMAND
        control = fields["event_control_log_id"]
        found = []
        for one in self._values.events(control & 0x0F):
            if fields["event_id"] != _ALL_EVENTS and one.number != fields["event_id"]:
                continue
            if fields["start_time"] <= one.at_s < (fields["end_time"] or 0xFFFFFFFF):
                found.append(one)
        total = len(found)
        found = found[fields["event_offset"] :]
        if fields["number_of_events"]:
            found = found[: fields["number_of_events"]]
        if not found:
            return zcl.NOT_FOUND
        return self._told(found, min(total, 0xFFFF), bool(control & _FULL))

    def _told(self, found: "list[Event]", total: int, full: bool) -> "Any":
        parts = [[]]  # type: list[list[dict[str, Any]]]
        room = _AT_ONCE
        for one in found:
            data = one.data if full else b""
            size = 8 + len(data)
            # The count has four bits.
            if parts[-1] and (size > room or len(parts[-1]) == 15):
                if len(parts) == _COMMANDS:
                    break
                parts.append([])
                room = _AT_ONCE
            room -= size
            parts[-1].append({"log_id": one.log, "event_id": one.number, "event_time": one.at_s, "event_data": data})
        told = []
        for index, part in enumerate(parts):
            values = {
                "total_number_of_events": total,
                "command_index": index,
                "number_of_commands": len(parts),
                "log_payload_control": len(part) << 4,
                "events": part,
            }
            told.append((PUBLISH_EVENT_LOG, values))
        return told
