"""What a meter has to tell: one small class per fact, taken with `Meter.next_event`."""


class MessageRefused:
    """A message was not acted upon and gets no response. reason: one of those in dlms.gbcs.gate; text: a sentence."""

    def __init__(self, reason: str, text: str) -> None:
        self.reason = reason
        self.text = text

    def __repr__(self) -> str:
        return "MessageRefused(%s: %s)" % (self.reason, self.text)


class CommandAnswered:
    """A command was carried out, or failed, and its response is on the way.

    name: the use case; role of the originator; failed: -1, or the index of the first item that failed.
    """

    def __init__(self, name: str, role: int, failed: int) -> None:
        self.name = name
        self.role = role
        self.failed = failed

    def __repr__(self) -> str:
        return "CommandAnswered(%s, role=%d, failed=%d)" % (self.name, self.role, self.failed)


class AlertSent:
    """An alert is on the way. code: alert code; message_code: what it travels under."""

    def __init__(self, code: int, message_code: int) -> None:
        self.code = code
        self.message_code = message_code

    def __repr__(self) -> str:
        return "AlertSent(%04X in %04X)" % (self.code, self.message_code)


class InstructionDue:
    """A future-dated instruction was carried out at its time. name: the use case; done: whether it succeeded."""

    def __init__(self, name: str, done: bool) -> None:
        self.name = name
        self.done = done

    def __repr__(self) -> str:
        return "InstructionDue(%s, done=%s)" % (self.name, self.done)


class MessageDelivered:
    """The hub has a message, whole: told when messages are kept until then (`Settings.keep_undelivered`)."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def __repr__(self) -> str:
        return "MessageDelivered(%d octets)" % len(self.data)
