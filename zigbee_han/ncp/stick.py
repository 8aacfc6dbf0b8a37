"""A stick: ASH and the co-processor behind it. Octets of a serial line in, octets out; it does not know which line.

Its `node` is what is attached to an air. Who has attached it moves the air, and the stick, which is due at once when
something happened on the air.
"""

from slotmeter.zigbee_han.ncp import ash
from slotmeter.zigbee_han.ncp.settings import COUNT_ASH_FRAMING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slotmeter.zigbee_han.ncp.server import Server


class Stick:
    """What a host has plugged in. Facts come from `next_event`: those of the server, and ash.Reset and ash.Failed."""

    def __init__(self, server: "Server") -> None:
        self.server = server
        self.node = server.node
        self.link = ash.CoProcessor()
        self._events: list[object] = []
        self._framing = 0

    def power_on(self, now_ms: int, code: int = ash.RESET_POWER_ON) -> None:
        """Starts, and tells the host so: hosts on a network wait for it."""
        self.server.reset(now_ms)
        self.link.start(code, now_ms)

    def receive(self, data: bytes, now_ms: int) -> None:
        """Octets from the line."""
        self.link.receive(data, now_ms)
        event = self.link.next_event()
        while event is not None:
            if isinstance(event, ash.Received):
                self.server.receive(event.data, now_ms)
            else:
                self._told(event, now_ms)
            event = self.link.next_event()
        bad = sum([self.link.dropped.get(reason, 0) for reason in (ash.BAD_CRC, ash.BAD_CONTROL, ash.BAD_LENGTH)])
        for _ in range(self._framing, bad):
            self.server.count(COUNT_ASH_FRAMING)
        self._framing = bad
        self._pass_on(now_ms)

    def next_event(self) -> "object | None":
        """The next fact, or None."""
        if self._events:
            return self._events.pop(0)
        return self.server.next_event()

    def to_send(self) -> bytes:
        """Octets for the line; b"" when there are none."""
        return self.link.to_send()

    def deadline_ms(self) -> "int | None":
        """When `tick` has something to do."""
        one, other = self.link.deadline_ms(), self.server.deadline_ms()
        if one is None or other is None:
            return other if one is None else one
        return min(one, other)

    def tick(self, now_ms: int) -> None:
        """Does what is due."""
        self.link.tick(now_ms)
        event = self.link.next_event()
        while event is not None:
            self._told(event, now_ms)
            event = self.link.next_event()
        self.server.tick(now_ms)
        self._pass_on(now_ms)

    def _told(self, event: object, now_ms: int) -> None:
        # A link that is given up changes nothing behind it: the host will reset us.
        if isinstance(event, ash.Reset):
            self.server.reset(now_ms)
        self._events.append(event)

    def _pass_on(self, now_ms: int) -> None:
        """From the server to the link, as far as the window goes."""
        while self.link.room():
            frame = self.server.to_send(self.link.callbacks_wanted())
            if not frame:
                return
            self.link.send(frame, now_ms)
