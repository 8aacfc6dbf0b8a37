"""EZSP: commands, answers and callbacks of a ZigBee co-processor, versions 13 to 19 (UG100).

    version, first time   sequence 00 00 desired              answer  sequence 80 00 version stack-type stack-version(2)
    any command           sequence control 01 number(2) parameters
    its answer            sequence 80|control 01 number(2) fields
    callback              sequence 90 01 number(2) fields     with the sequence of the command answered last

    control of a command  60 network index
    control of an answer  60 network index, 01 callbacks were lost, 10 callback, 80 from the co-processor

Numbers are least significant octet first, EUI-64s and extended PAN ids too. What fields there are, the tables of
`commands` say, by version; 14 made every status four octets and moved most of them to the front.

A parameter cut short is refused, and so are octets after the last one, with the exception of those that the
tables mark: hosts differ about them.
"""

from slotmeter.zigbee_han.errors import DecodeError, EncodeError
from slotmeter.zigbee_han.ncp.commands import CALLBACKS, COMMANDS, STATUSES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

VERSIONS = (13, 14, 16, 17, 18, 19)
# The stack that speaks it, as major, minor, patch and special. 7.4 is documented; which 8 and 9 it is, is inferred.
STACKS = {13: 0x7440, 14: 0x8000, 16: 0x8100, 17: 0x8200, 18: 0x9000, 19: 0x9100}
MESH = 2
# From here on statuses are wide.
_WIDE = 14
LONGEST = 220

VERSION = 0x0000
INVALID_COMMAND = 0x0058
CUSTOM_FRAME = 0x0047

# Why a command is refused (EzspStatus).
VERSION_NOT_SET = 0x30
INVALID_FRAME_ID = 0x31
WRONG_DIRECTION = 0x32
TRUNCATED = 0x33
TOO_LONG = 0x34
INVALID_VALUE = 0x36

CALLBACK = 0x10
LOST_CALLBACKS = 0x01
_RESPONSE = 0x80
_NETWORK = 0x60

# Groups of fields that come together.
GROUPS = {
    "aps": "profile:u16 cluster:u16 source:u8 target:u8 options:u16 group:u16 counter:u8",
    "network": "extended_pan:eui pan:u16 power:i8 channel:u8 method:u8 manager:u16 update:u8 channels:u32",
    "security": "bitmask:u16 preconfigured:key network_key:key key_sequence:u8 trust_centre:eui",
    "context": "kind:u8 index:u8 derived:u16 eui:eui network_index:u8 flags:u8 algorithm:u32",
    "metadata": "key_bits:u16 outgoing:u32 incoming:u32 ttl:u16",
    "child": "eui:eui type:u8 id:u16 phy:u8 power:u8 timeout:u8 timeout_left:u32",
    "binding": "type:u8 local:u8 cluster:u16 remote:u8 eui:eui network_index:u8",
}

# Compiled kinds: numbers of so many octets, and others.
_SIGNED = 10
_EUI = 11
_KEY = 12
_DATA = 13
_DATA32 = 14
_REST = 15
_EMBER = 16
_EZSP = 17
_STATUS = 18
_KINDS = {
    "u8": 1,
    "u16": 2,
    "u32": 4,
    "i8": _SIGNED,
    "eui": _EUI,
    "key": _KEY,
    "data": _DATA,
    "data32": _DATA32,
    "rest": _REST,
    "ember": _EMBER,
    "ezsp": _EZSP,
    "wide": _STATUS,
}


def fields_of(text: str, version: int) -> "tuple[tuple[str, int, bool], ...]":
    """The fields that a table's `text` names, as (name, kind, may be missing), for `decode` and `encode`."""
    found: list[tuple[str, int, bool]] = []
    for word in text.split():
        name, _, kind = word.partition(":")
        if not kind:
            found.extend(fields_of(GROUPS[name], version))
            continue
        optional = kind.endswith("?")
        if kind == "reason":
            code = 1 if version < _WIDE else 4
        else:
            code = _KINDS[kind[:-1] if optional else kind]
        if version >= _WIDE and code in (_EMBER, _EZSP):
            code = _STATUS
        found.append((name, code, optional))
    return tuple(found)


def flipped(octets: bytes) -> bytes:
    """The octets in the opposite order."""
    return bytes(reversed(octets))


def decode(fields: "tuple[tuple[str, int, bool], ...]", data: bytes, pos: int = 0) -> "dict[str, Any]":
    """The values in data[pos:], by name; fields that may be missing and are have no name there.

    Statuses become constants of `commands`. DecodeError when it is cut short, or octets are left.
    """
    values: dict[str, Any] = {}
    size = len(data)
    for name, kind, optional in fields:
        if optional and pos == size:
            break
        length = kind
        if kind > 4:
            length = 1
            if kind == _EUI:
                length = 8
            elif kind == _KEY:
                length = 16
            elif kind in (_STATUS, _DATA32):
                length = 4
            elif kind == _REST:
                length = size - pos
        end = pos + length
        if end > size:
            raise DecodeError("%s is cut short" % name, size)
        piece = data[pos:end]
        if kind == _EUI:
            values[name] = flipped(piece)
        elif kind in (_KEY, _REST):
            values[name] = piece
        else:
            number = int.from_bytes(piece, "little")
            if kind in (_DATA, _DATA32):
                pos = end
                end += number
                if end > size:
                    raise DecodeError("%s is cut short" % name, size)
                values[name] = data[pos:end]
            elif kind == _SIGNED:
                values[name] = number - 256 if number & 0x80 else number
            elif kind > 4:
                values[name] = _status(number, (1, 2, 0)[kind - _EMBER], pos)
            else:
                values[name] = number
        pos = end
    if pos != size:
        raise DecodeError("octets left after the last parameter", pos)
    return values


def _status(number: int, column: int, pos: int) -> int:
    for i in range(len(STATUSES)):
        if STATUSES[i][column] == number:
            return i
    raise DecodeError("status %02X is not known" % number, pos)


def encode(fields: "tuple[tuple[str, int, bool], ...]", values: "dict[str, Any]") -> bytes:
    """The octets of `values`; what has no value is zero or empty. EncodeError for what does not fit."""
    parts = []
    for name, kind, _ in fields:
        value = values.get(name)
        if kind <= 4:
            value = value or 0
            if value < 0 or value >> (8 * kind):
                raise EncodeError("%s does not fit %d octets: %d" % (name, kind, value))
            parts.append(value.to_bytes(kind, "little"))
        elif kind == _SIGNED:
            value = value or 0
            if not -128 <= value <= 127:
                raise EncodeError("%s does not fit an octet: %d" % (name, value))
            parts.append(bytes((value & 0xFF,)))
        elif kind in (_EMBER, _EZSP):
            parts.append(bytes((STATUSES[value or 0][kind - _EMBER + 1],)))
        elif kind == _STATUS:
            parts.append(STATUSES[value or 0][0].to_bytes(4, "little"))
        elif kind in (_EUI, _KEY):
            length = 8 if kind == _EUI else 16
            octets = bytes(length) if value is None else value
            if len(octets) != length:
                raise EncodeError("%s is not of %d octets" % (name, length))
            parts.append(flipped(octets) if kind == _EUI else octets)
        else:
            octets = value or b""
            if kind == _DATA:
                if len(octets) > 255:
                    raise EncodeError("%s is longer than 255 octets" % name)
                parts.append(bytes((len(octets),)))
            elif kind == _DATA32:
                parts.append(len(octets).to_bytes(4, "little"))
            parts.append(octets)
    return b"".join(parts)


class Command:
    """One command of one version: number, name, and the fields of its parameters and of its answer."""

    def __init__(self, number: int, name: str, parameters: str, answer: str, version: int) -> None:
        self.number = number
        self.name = name
        self.parameters = fields_of(parameters, version)
        self.answer = fields_of(answer, version)

    def __repr__(self) -> str:
        return "Command(%04X %s)" % (self.number, self.name)


class Dialect:
    """The commands and callbacks of one version, taken from the tables as they are asked for."""

    def __init__(self, version: int) -> None:
        if version not in VERSIONS:
            raise ValueError("version %d is none of %s" % (version, ", ".join([str(one) for one in VERSIONS])))
        self.version = version
        self._rows = {row[0]: row for row in COMMANDS if row[2] <= version <= row[3]}
        self._named = {row[1]: row for row in CALLBACKS if row[2] <= version <= row[3]}
        self._commands: dict[int, Command] = {}
        self._callbacks: dict[str, Any] = {}

    def command(self, number: int) -> "Command | None":
        """The command of that number, or None."""
        found = self._commands.get(number)
        if found is None and number in self._rows:
            row = self._rows[number]
            found = self._commands[number] = Command(row[0], row[1], row[4], row[5], self.version)
        return found

    def named(self, name: str) -> Command:
        """The command of that name; KeyError when this version has none."""
        for number in self._rows:  # portable: at most one row matches
            if self._rows[number][1] == name:
                found = self.command(number)
                if found is not None:
                    return found
        raise KeyError(name)

    def callback(self, name: str) -> "tuple[int, tuple[tuple[str, int, bool], ...]]":
        """Number and fields of a callback; KeyError when there is none of that name."""
        found = self._callbacks.get(name)
        if found is None:
            row = self._named[name]
            found = self._callbacks[name] = (row[0], fields_of(row[4], self.version))
        number, fields = found
        return number, fields

    def callback_name(self, number: int) -> "str | None":
        """The name of the callback with that number, or None."""
        for name in self._named:  # portable: at most one row matches
            if self._named[name][0] == number:
                return name
        return None


class Frame:
    """A header: sequence, control (low octet), number, legacy for the short form, and where the parameters start."""

    def __init__(self, sequence: int, control: int, number: int, legacy: bool, start: int) -> None:
        self.sequence = sequence
        self.control = control
        self.number = number
        self.legacy = legacy
        self.start = start

    def __repr__(self) -> str:
        return "Frame(%04X, sequence %d)" % (self.number, self.sequence)


def parse_frame(data: bytes) -> Frame:
    """The header of `data`. DecodeError when there is not even that."""
    if len(data) > LONGEST:
        raise DecodeError("frame longer than %d octets" % LONGEST, LONGEST)
    # The short form knows one command: version.
    if 3 <= len(data) <= 4 and not data[2]:
        return Frame(data[0], data[1], VERSION, True, 3)
    if len(data) < 5:
        raise DecodeError("frame header is cut short", len(data))
    if data[2] & 3 != 1:
        raise DecodeError("frame format is not that of version 8 and later", 2)
    return Frame(data[0], data[1], data[3] | data[4] << 8, False, 5)


def build_command(sequence: int, number: int, parameters: bytes = b"") -> bytes:
    """A command as a host sends it."""
    return bytes((sequence, 0, 1, number & 0xFF, number >> 8)) + parameters


def build_version(sequence: int, desired: int) -> bytes:
    """The very first command, in the form that every version understands."""
    return bytes((sequence, 0, 0, desired))


def build_answer(to: Frame, number: int, fields: bytes, lost: bool = False) -> bytes:
    """The answer to the command with the header `to`."""
    control = _RESPONSE | to.control & _NETWORK | (LOST_CALLBACKS if lost else 0)
    if to.legacy:
        return bytes((to.sequence, control, number & 0xFF)) + fields
    return bytes((to.sequence, control, 1, number & 0xFF, number >> 8)) + fields


def build_callback(sequence: int, number: int, fields: bytes) -> bytes:
    """A callback; `sequence` is that of the command answered last."""
    return bytes((sequence, _RESPONSE | CALLBACK, 1, number & 0xFF, number >> 8)) + fields
