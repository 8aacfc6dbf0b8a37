"""Time 0x000A: the clock of a meter or a hub for those who have none (ZCL specification, 3.12).

Nobody sets it this way. A meter reads its hub's once it is in the network, and each day, and judges by itself what to
do about it.
"""

from slotmeter.zigbee_han import zcl
from slotmeter.zigbee_han.clusters.values import Values
from slotmeter.zigbee_han.server import INVALID, TIME, Answered, Cluster, Endpoint

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

# Time Status.
MASTER = 0x01
SYNCHRONISED = 0x02
ZONE_KNOWN = 0x04
# How often a meter reads its hub's time (ours: a day), and how soon again when there was no answer.
EVERY_S = 86400
AGAIN_MS = 60000
ANSWER_WITHIN_MS = 10000


class OnlyTime(Values):
    """What somebody tells who has a time and nothing else: `utc_s` gives it, or None while it is not known."""

    def __init__(self, utc_s: "Callable[[], int | None]") -> None:
        self._utc_s = utc_s

    def utc_s(self) -> "Any":
        """See Values."""
        time_s = self._utc_s()
        return INVALID if time_s is None else time_s

    def synchronised(self) -> bool:
        """See Values."""
        return self._utc_s() is not None


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


class HubTime:
    """The hub says that it is utc_s, in seconds since 2000; asked_ms: when it was asked, of the network's time."""

    def __init__(self, utc_s: int, asked_ms: int) -> None:
        self.utc_s = utc_s
        self.asked_ms = asked_ms

    def __repr__(self) -> str:
        return "HubTime(%d)" % self.utc_s


class TimeReader:
    """Asks `peer` for its time through `endpoint`, at once and then every `every_s`; Answered facts must be given to
    `heard`. A time that its own clock was not set to is not told.
    """

    def __init__(self, endpoint: Endpoint, peer: bytes, remote: int, every_s: int, now_ms: int) -> None:
        self._endpoint = endpoint
        self._peer = peer
        self._remote = remote
        self._every_ms = 1000 * every_s
        self._sequence = -1
        self._asked_ms = 0
        self._at_ms = now_ms
        self._told = None  # type: HubTime | None

    def heard(self, fact: "Any", now_ms: int) -> bool:
        """Whether `fact` is the answer that was awaited. Without the link key it is none."""
        if not isinstance(fact, Answered) or fact.peer != self._peer or fact.cluster != TIME:
            return False
        if fact.sequence != self._sequence or not fact.secured:
            return False
        self._sequence = -1
        time_s = status = None
        for which, result, kind, value in fact.records:
            if result == zcl.SUCCESS and which == 0 and kind == zcl.UTC:
                time_s = value
            elif result == zcl.SUCCESS and which == 1 and kind == zcl.B8:
                status = value
        if time_s is None or status is None or not status & (MASTER | SYNCHRONISED):
            self._at_ms = now_ms + AGAIN_MS
            return True
        self._at_ms = now_ms + self._every_ms
        self._told = HubTime(time_s, self._asked_ms)
        return True

    def next_event(self) -> "HubTime | None":
        """The time that the hub told, or None."""
        told, self._told = self._told, None
        return told

    def deadline_ms(self) -> int:
        """When it asks next, or gives up waiting."""
        return self._at_ms

    def tick(self, now_ms: int) -> None:
        """It is that time."""
        if now_ms < self._at_ms:
            return
        if self._sequence < 0:
            self._sequence = self._endpoint.read(self._peer, self._remote, TIME, [0, 1])
            self._asked_ms = now_ms
            self._at_ms = now_ms + ANSWER_WITHIN_MS
        else:
            self._sequence = -1
            self._at_ms = now_ms + AGAIN_MS
