"""Messaging 0x0703: the message that the supplier wants shown (Smart Energy, annex D.5).

Another message, or none any more, is published at the next look to all who listen; who asks for the last message
listens from then on.
"""

from slotmeter.zigbee_han import zcl
from slotmeter.zigbee_han.clusters.listeners import Publisher
from slotmeter.zigbee_han.clusters.values import Notice, Values
from slotmeter.zigbee_han.server import Message

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MESSAGING = 0x0703

GET_LAST_MESSAGE = 0
MESSAGE_CONFIRMATION = 1
DISPLAY_MESSAGE = 0
CANCEL_MESSAGE = 1

_CONFIRM = 0x80


def _shown(notice: Notice) -> "dict[str, Any]":
    return {
        "message_id": notice.number,
        "message_control": (notice.importance & 3) << 2 | (_CONFIRM if notice.confirm else 0),
        "start_time": notice.start_s,
        "duration_minutes": notice.minutes,
        "message": notice.text,
        "extended_message_control": 0,
    }


class Messaging(Publisher):
    """The server."""

    def __init__(self, values: Values) -> None:
        super().__init__(MESSAGING)
        self._values = values
        self._told = None  # type: int | None

    def command(self, message: Message, which: int, fields: "dict[str, Any]", now_ms: int) -> "Any":
        """See Cluster."""
        if which == GET_LAST_MESSAGE:
            self.listen(message.peer, message.endpoint)
            notice = self._values.notice()
            return zcl.NOT_FOUND if notice is None else [(DISPLAY_MESSAGE, _shown(notice))]
        if which == MESSAGE_CONFIRMATION:
            answer = fields.get("message_response") or b""
            known = self._values.notice_confirmed(fields["message_id"], fields["confirmation_time"], answer)
            return zcl.SUCCESS if known else zcl.NOT_FOUND
        return zcl.UNSUPPORTED_CLUSTER_COMMAND

    def look(self, now_ms: int) -> None:
        """Publishes a message that is new, or cancels the one that is gone."""
        notice = self._values.notice()
        number = None if notice is None else notice.number
        if number == self._told:
            return
        if notice is not None:
            self.publish(DISPLAY_MESSAGE, _shown(notice))
        else:
            self.publish(CANCEL_MESSAGE, {"message_id": self._told, "message_control": 0})
        self._told = number
