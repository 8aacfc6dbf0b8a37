"""The Reference Test Data Set (RTDS 4.5.0) as it lies on the disk: files, messages, and what belongs together.

What a message is says its file's name: `<use case>_<clause>_<scenario>_<kind>_GBCS.HEX`, its content in hex. What a
future-dated command leads to is told by the alerts themselves, not by their names.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

from slotmeter.boards.pc.errors import SlotmeterError
from slotmeter.boards.pc.tlv import execution_outcome, whole_tlv
from slotmeter.dlms import apdu, dates
from slotmeter.dlms.errors import DecodeError
from slotmeter.dlms.gbcs.message import Message, parse

WHERE_TO_GET = "RTDS 4.5.0 is in the test folder of SmartDCCInnovation/gbcs-parser"
_FILE_NAME = re.compile(r"(?P<scenario>.+?)_(?P<kind>PRECOMMAND|COMMAND|RESPONSE|ALERT(?:_.+)?)_GBCS\.HEX")

# Message codes: CS06, and the alerts of future-dated commands.
CS06 = 0x0012
CS02G = (0x0125, 0x0126)
CS06_ALERT, CS02B_ALERT, DLMS_ALERT, CS02G_ALERT = 0x00CA, 0x00CB, 0x00CC, 0x0124

# Attributes that hold an activation time (facts on future dating: class, attribute).
_ACTIVATION = ((9000, 6), (113, 7), (20, 10), (111, 13))
_CANCEL_TIME = b"99991231235959Z"


@dataclass
class Published:
    """One published message. kind: COMMAND, RESPONSE, PRECOMMAND or ALERT; scenario: the name before the kind."""

    path: Path
    scenario: str
    kind: str
    data: bytes
    message: Message

    @property
    def directory(self) -> str:
        """The folder of the data set that it is in."""
        return self.path.parent.name

    @property
    def use_case(self) -> str:
        """The use case as the file's name gives it."""
        return self.scenario.split("_")[0]

    @property
    def name(self) -> str:
        """The file's name without its ending."""
        return self.path.name.removesuffix("_GBCS.HEX")


def find(folder: Path) -> Path:
    """The RTDS folder: `folder` itself or RTDS-4.5.0 in it; SlotmeterError when it holds no data set."""
    for candidate in (folder / "RTDS-4.5.0", folder):
        if candidate.is_dir() and any(candidate.glob("*/*_GBCS.HEX")):
            return candidate
    raise SlotmeterError(f"{folder} holds no data set: name the folder that holds RTDS-4.5.0. {WHERE_TO_GET}.")


def load(folder: Path) -> "list[Published]":
    """Every message of the data set that `find` gives, in the order of the folders and names."""
    found = []
    for path in sorted(find(folder).glob("*/*_GBCS.HEX")):
        match = _FILE_NAME.fullmatch(path.name)
        if match is None:
            raise SlotmeterError(f"{path}: the name says neither COMMAND, RESPONSE, PRECOMMAND nor ALERT")
        kind = match["kind"].split("_")[0]
        try:
            data = bytes.fromhex(path.read_text("ascii").strip())
            message = parse(data, kind == "PRECOMMAND")
        except (ValueError, DecodeError) as error:
            raise SlotmeterError(f"{path}: {error}") from error
        found.append(Published(path, match["scenario"], kind, data, message))
    return found


@dataclass
class Exchange:
    """What the data set has of one scenario."""

    directory: str
    scenario: str
    command: "Published | None" = None
    response: "Published | None" = None
    alerts: "list[Published]" = field(default_factory=list)

    @property
    def first(self) -> Published:
        """A message of it."""
        return self.response or self.command or self.alerts[0]


# ---- future dating


def due_times(command: Message) -> "list[int]":
    """When a command is to be carried out: seconds since 2000, none for at once; a cancellation gives -1."""
    if command.payload[:1] == b"\xd9":
        found = []
        for item in apdu.parse_access_request(command.payload)[1]:
            if (int.from_bytes(item.key[:2], "big"), item.key[8]) in _ACTIVATION and item.data[:2] == b"\x09\x0c":
                when = item.data[2:]
                if when == dates.CANCEL:
                    return [-1]
                seconds = dates.to_seconds(when)
                if when != dates.NOW and seconds is not None:
                    found.append(seconds)
        return found
    tree = whole_tlv(command.payload)
    last = tree.children[-1] if tree is not None and tree.children else None
    if last is None or last.tag != 0x18:
        return []
    if last.content == _CANCEL_TIME:
        return [-1]
    text = last.content.decode("ascii", "replace")
    numbers = [int(text[place : place + 2]) for place in range(0, 14, 2)]
    days = dates.days_from_date(numbers[0] * 100 + numbers[1], numbers[2], numbers[3])
    return [days * dates.DAY_S + numbers[4] * 3600 + numbers[5] * 60 + numbers[6]]


def announces(alert: Message, command: Message) -> bool:
    """Whether `alert` tells what became of the future-dated `command`."""
    if alert.target != command.originator:
        return False
    counter = int.from_bytes(command.counter, "big")
    if alert.code == DLMS_ALERT:
        key = activation_of(alert)
        return key[:10] == command.code.to_bytes(2, "big") + command.counter
    tree = whole_tlv(alert.payload)
    if tree is None or len(tree.children) < 3:
        return False
    if alert.code == CS06_ALERT:
        return command.code == CS06 and tree.children[2].number == counter
    outcome = execution_outcome(tree)
    if outcome is None or alert.code not in (CS02B_ALERT, CS02G_ALERT):
        return False
    mode = outcome.children[1].number
    code = 0x0100 + mode if mode < 10 else CS02G[0] + mode - 10
    return command.code == code and outcome.children[0].number == counter


def activation_of(alert: Message) -> bytes:
    """The 19 octets of a future-dated DLMS alert: message code, counter, attribute; else b""."""
    try:
        elements = apdu.parse_data_notification(alert.payload)[1]
    except DecodeError:
        return b""
    return elements[2][2:] if len(elements) > 2 and elements[2][:2] == b"\x09\x13" else b""
