"""The co-processor behind the serial line: answers EZSP commands, and tells the host what happens on the air.

    receive(frame)    one command; its answer is ready at once
    to_send()         the answer first, callbacks after it, with the sequence of the command answered last
    node              the device on the air (`slotmeter.zigbee_han.sim.node`); who has attached it to an air moves it
    flash             what outlives a reset and, with a store, the power (`flash`)

What the commands do is in `settings`, `security`, `network` and `messages`.

A command of another version, or one that is none, is answered by invalidCommand with a reason; so is one whose
parameters are cut short or go on too long. Before a host has asked for our version everything else is refused.
"""

from slotmeter.hal.errors import HalError
from slotmeter.zigbee_han.errors import DecodeError, EncodeError
from slotmeter.zigbee_han.ncp import commands, ezsp, settings
from slotmeter.zigbee_han.ncp.flash import Flash
from slotmeter.zigbee_han.ncp.messages import Messaging, buffers_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from slotmeter.hal.entropy import Entropy
    from slotmeter.zigbee_han.sim.node import Node

# How many frames the device may have sent before their counters are looked at, at the latest.
COUNT_WITHIN = 1024


class NotStored:
    """The store refused; detail says why. The host was told that its command failed."""

    def __init__(self, detail: str) -> None:
        self.detail = detail

    def __repr__(self) -> str:
        return "NotStored(%s)" % self.detail


class Server(Messaging):
    """A co-processor of one EZSP version. dropped: frames and messages that led to nothing, by reason."""

    def __init__(self, version: int, flash: Flash, node: "Node", entropy: "Entropy") -> None:
        self._dialect = ezsp.Dialect(version)
        self._events: list[object] = []
        self.dropped: dict[str, int] = {}
        super().__init__(version, flash, node, entropy)

    def forget(self) -> None:
        """What a reset does to memory."""
        self._answers: list[bytes] = []
        self._callbacks: list[bytes] = []
        # Callbacks of the command that is being answered.
        self._after: list[bytes] = []
        self._lost = False
        self._answered = 0
        self._agreed = False
        super().forget()

    def reset(self, now_ms: int) -> None:
        """Memory is as after power-up; flash stays. On the air the device is silent, as one without power."""
        self._now_ms = now_ms
        self.sync_keys()
        if self.dirty:
            self._commit({})
        self.forget()

    # ---- the five verbs ----

    def receive(self, data: bytes, now_ms: int) -> None:
        """One frame from the host."""
        self._now_ms = now_ms
        try:
            frame = ezsp.parse_frame(data)
        except DecodeError as error:
            self.drop(error.reason)
            return
        self._answers.append(self._answer(frame, data))
        self._answered = frame.sequence
        self._take_events()

    def next_event(self) -> "object | None":
        """network.Formed, Left or Permitted, or NotStored; or None."""
        return self._events.pop(0) if self._events else None

    def to_send(self, callbacks: bool = True) -> bytes:
        """The next frame for the host, one at a time; with `callbacks` false only answers. b"" when there is none."""
        if self._answers:
            return self._answers.pop(0)
        if callbacks and self._callbacks:
            return self._callbacks.pop(0)
        return b""

    def deadline_ms(self) -> "int | None":
        """When `tick` has something to do: at once, if something happened on the air. When the device itself has is
        the business of who moves it.
        """
        if self.node.has_events() or self.node.nwk.counter > self.flash.nwk_counter + COUNT_WITHIN:
            return self._now_ms
        return self.network_due_ms()

    def tick(self, now_ms: int) -> None:
        """Does what is due."""
        self._now_ms = now_ms
        self._take_events()
        self.network_tick()
        self._take_events()

    def tell(self, fact: object) -> None:
        """A fact for whoever runs the co-processor."""
        self._events.append(fact)

    def _take_events(self) -> None:
        event = self.node.next_event()
        while event is not None:
            if not self.message_happened(event):
                self.network_happened(event)
            event = self.node.next_event()
        for callback in self._after:
            self._queue(callback)
        self._after = []
        self.sync_keys()
        if self.dirty:
            self._commit({})

    # ---- commands ----

    def _answer(self, frame: ezsp.Frame, data: bytes) -> bytes:
        if frame.control & 0x80:
            return self._invalid(frame, ezsp.WRONG_DIRECTION)
        if frame.number == ezsp.VERSION:
            return self._version(frame, data)
        if not self._agreed:
            return self._invalid(frame, ezsp.VERSION_NOT_SET)
        command = self._dialect.command(frame.number)
        handler = None if command is None else getattr(self, "do_" + command.name, None)
        if command is None or handler is None:
            return self._invalid(frame, ezsp.INVALID_FRAME_ID)
        try:
            given = ezsp.decode(command.parameters, data, frame.start)
        except DecodeError as error:
            self.drop("%s: %s" % (command.name, error.reason))
            return self._invalid(frame, ezsp.INVALID_VALUE)
        try:
            values = handler(given)
        except settings.Refusal as refusal:
            return self._invalid(frame, refusal.reason)
        if self.dirty:
            self._commit(values)
        return self._built(frame, frame.number, ezsp.encode(command.answer, values))

    def _commit(self, values: "dict[str, Any]") -> None:
        """Makes flash durable before the answer leaves; a host learns when that failed."""
        try:
            self.flash.commit()
            self.dirty = False
        except HalError as error:
            values["status"] = commands.FLASH_WRITE_INHIBITED
            self.tell(NotStored(error.detail))

    def _version(self, frame: ezsp.Frame, data: bytes) -> bytes:
        if len(data) != frame.start + 1:
            return self._invalid(frame, ezsp.INVALID_VALUE)
        self._agreed = data[frame.start] == self.version
        stack = ezsp.STACKS[self.version]
        fields = bytes((self.version, ezsp.MESH, stack & 0xFF, stack >> 8))
        return self._built(frame, ezsp.VERSION, fields)

    def _invalid(self, frame: ezsp.Frame, reason: int) -> bytes:
        self.drop("%04X refused for %02X" % (frame.number, reason))
        size = 4 if self.version >= 14 and not frame.legacy else 1
        return self._built(frame, ezsp.INVALID_COMMAND, reason.to_bytes(size, "little"))

    def _built(self, frame: ezsp.Frame, number: int, fields: bytes) -> bytes:
        lost, self._lost = self._lost, False
        return ezsp.build_answer(frame, number, fields, lost)

    def drop(self, reason: str) -> None:
        """Something led to nothing."""
        self.dropped[reason] = self.dropped.get(reason, 0) + 1

    def callback(self, name: str, values: "dict[str, Any]") -> None:
        """Tells the host; while a command is being answered, after its answer."""
        number, fields = self._dialect.callback(name)
        try:
            octets = ezsp.encode(fields, values)
        except EncodeError as error:
            self.drop("%s: %s" % (name, error))
            return
        self._after.append(number.to_bytes(2, "big") + octets)

    def _queue(self, callback: bytes) -> None:
        if not self.take_buffers(buffers_of(len(callback))):
            self._lost = True
            self.drop("callbacks lost")
            return
        number = callback[0] << 8 | callback[1]
        self._callbacks.append(ezsp.build_callback(self._answered, number, callback[2:]))

    def held_buffers(self) -> int:
        """How many packet buffers hold something."""
        return super().held_buffers() + sum([buffers_of(len(one)) for one in self._callbacks])
