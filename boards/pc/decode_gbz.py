"""Reads GBZ payloads into the tree: ZigBee Smart Energy commands grouped for a gas device (GBCS 7.2.10).

The fields of a command are written in a small language, `Name:type;Name:type`, in tools/tables/decode_zcl.csv:

    u8..u48, i8..i48    numbers, least significant octet first        b8, b16, b32   bit maps
    e8(0=a,1=b) e16(..) numbers with meanings                         utc            seconds since 2000
    text, octets        a length octet and that many octets           date           year-1900, month, day, weekday
    minutes             of the day                                    event          an event code
    *Name:fields        the fields after it, repeated to the end
    *Count@Name:fields  repeated as often as the field Count says, which must be one field
    source, supply, calendar, currency, utrn                          numbers and texts with a meaning of their own
"""

from slotmeter.boards.pc import names
from slotmeter.boards.pc.decode_dlms import Scene, message_name, seconds_text, stopped, trailing, utrn_text
from slotmeter.boards.pc.decode_node import CLOSED, UNKNOWN, Node, Reader, Stop, plural

PROFILE = b"\x01\x09"

STATUSES = {
    0x00: "success",
    0x01: "failure",
    0x7E: "not authorised",
    0x80: "malformed command",
    0x81: "unsupported cluster command",
    0x82: "unsupported general command",
    0x85: "invalid field",
    0x86: "unsupported attribute",
    0x87: "invalid value",
    0x88: "read only",
    0x89: "insufficient space",
    0x8B: "not found",
    0x8D: "invalid data type",
    0xC0: "hardware failure",
    0xC1: "software failure",
}
GENERAL = {0x00: "Read Attributes", 0x01: "Read Attributes Response", 0x0B: "Default Response"}

# ZCL data types: name, octets (0: a length octet comes first), how to show them.
_DATA_TYPES = {
    0x08: ("data8", 1, "b"), 0x10: ("boolean", 1, "u"), 0x18: ("bitmap8", 1, "b"), 0x19: ("bitmap16", 2, "b"),
    0x1A: ("bitmap24", 3, "b"), 0x1B: ("bitmap32", 4, "b"), 0x20: ("uint8", 1, "u"), 0x21: ("uint16", 2, "u"),
    0x22: ("uint24", 3, "u"), 0x23: ("uint32", 4, "u"), 0x24: ("uint40", 5, "u"), 0x25: ("uint48", 6, "u"),
    0x27: ("uint64", 8, "u"), 0x28: ("int8", 1, "i"), 0x29: ("int16", 2, "i"), 0x2A: ("int24", 3, "i"),
    0x2B: ("int32", 4, "i"), 0x2D: ("int48", 6, "i"), 0x30: ("enum8", 1, "u"), 0x31: ("enum16", 2, "u"),
    0x41: ("octet string", 0, "o"), 0x42: ("character string", 0, "o"), 0xE2: ("UTC time", 4, "t"),
}  # fmt: skip

_MEANINGS = {
    "source": {0: "Energy Service Interface", 1: "meter", 2: "in-home display"},
    "supply": {0: "supply off", 1: "supply off and armed", 2: "supply on", 3: "unchanged"},
    "calendar": {
        0: "delivered",
        1: "received",
        2: "delivered and received",
        3: "friendly credit",
        4: "auxiliary load switch",
    },
    "currency": {826: "GBP", 978: "EUR"},
}
_WIDTHS = {"source": 1, "supply": 1, "calendar": 1, "currency": 2, "event": 2, "minutes": 2, "utc": 4, "date": 4}


class Field:
    """One field of a command, or a repeated group of them."""

    __slots__ = ("count", "fields", "meanings", "name", "type", "width")

    def __init__(self, name: str, kind: str) -> None:
        self.name = name
        self.count = ""
        self.fields: list[Field] = []
        self.meanings: dict[int, str] = _MEANINGS.get(kind, {})
        if "(" in kind:
            kind, listed = kind.rstrip(")").split("(", 1)
            for entry in listed.split(","):
                number, meaning = entry.split("=", 1)
                self.meanings[int(number)] = meaning
        self.type = kind
        self.width = _WIDTHS.get(kind, 0) or (int(kind[1:]) // 8 if kind[1:].isdigit() else 0)


_fields: dict[str, list[Field]] = {}


def fields_of(text: str) -> list[Field]:
    """The fields that `text` writes."""
    found = _fields.get(text)
    if found is None:
        found = []
        into = found
        for part in text.split(";") if text else ():
            name, _, kind = (
                part.rpartition(":") if "(" not in part else (part.split(":", 1)[0], "", part.split(":", 1)[1])
            )
            if name.startswith("*"):
                group, _, name = name[1:].partition(":")
                repeated = Field(group.rpartition("@")[2], "")
                repeated.count = group.rpartition("@")[0]
                found.append(repeated)
                # A counted repetition has one field, an open one has every field to the end of the text.
                into = repeated.fields
                into.append(Field(name, kind))
                if repeated.count:
                    into = found
                continue
            into.append(Field(name, kind))
        _fields[text] = found
    return found


def _date_text(octets: bytes) -> str:
    year, month, day, weekday = octets
    shown = "****" if year == 0xFF else str(1900 + year)
    text = f"{shown}-{'**' if month == 0xFF else f'{month:02}'}-{'**' if day == 0xFF else f'{day:02}'}"
    return text if weekday == 0xFF else f"{text} weekday {weekday}"


def utc_text(seconds: int) -> str:
    """A time of a ZCL command."""
    if seconds == 0:
        return "0 (now)"
    if seconds in (0xFFFFFFFF, 0xFFFFFFFE):
        return f"{seconds:08X} (not specified)"
    return seconds_text(seconds)


def _string_text(octets: bytes) -> str:
    if not octets:
        return "(empty)"
    if all(0x20 <= octet < 0x7F for octet in octets):
        return f'"{octets.decode("ascii")}"'
    return octets.hex().upper()


def _field_text(field: Field, octets: bytes) -> str:
    kind = field.type
    if kind == "date":
        return _date_text(octets)
    number = int.from_bytes(octets, "little", signed=kind[0] == "i")
    if kind == "utc":
        return utc_text(number)
    if kind == "minutes":
        return f"{number // 60:02}:{number % 60:02}"
    if kind == "event":
        return f"{number:04X} ({names.ALERTS.get(number, 'unknown code')})"
    if kind[0] == "b" and kind[1:].isdigit():
        return f"{number:0{2 * len(octets)}X}"
    meaning = field.meanings.get(number)
    if meaning is None and field.meanings:
        meaning = "unknown"
    return f"{number} ({meaning})" if meaning else str(number)


def _one(reader: Reader, node: Node, field: Field) -> Node:
    reader.spend()
    offset = reader.offset
    start = reader.pos
    child = node.add(field.name, b"", "", offset)
    if field.width:
        child.text = _field_text(field, reader.take(field.width, field.name))
    else:
        octets = reader.take(reader.octet(f"length of {field.name}"), field.name)
        child.text = octets.hex().upper() if field.type == "octets" and octets else _string_text(octets)
        if field.type == "utrn" and len(octets) == 20 and octets.isdigit():
            child.text = utrn_text(octets)
    child.octets = reader.data[start : reader.pos]
    return child


def _command_fields(reader: Reader, node: Node, fields: list[Field]) -> None:
    for field in fields:
        if not field.fields:
            _one(reader, node, field)
            continue
        times = -1
        if field.count:
            counter = node.find(field.count)
            times = int.from_bytes(counter.octets, "little") if counter is not None else 0
        index = 0
        while reader.left > 0 if times < 0 else index < times:
            index += 1
            if len(field.fields) == 1:
                child = _one(reader, node, field.fields[0])
                child.name = f"{field.name} {index}"
                continue
            start = reader.pos
            group = node.add(f"{field.name} {index}", b"", "", reader.offset)
            for inner in field.fields:
                _one(reader, group, inner)
            group.octets = reader.data[start : reader.pos]


def _read_attributes(reader: Reader, node: Node, cluster: int) -> None:
    while reader.left > 0:
        offset = reader.offset
        octets = reader.take(2, "attribute id")
        number = int.from_bytes(octets, "little")
        name = names.ZCL_ATTRIBUTES.get((cluster, number))
        node.add(f"attribute {number:04X}", octets, name or "unknown attribute", offset, "" if name else UNKNOWN)


def _attribute_records(reader: Reader, node: Node, cluster: int) -> None:
    while reader.left > 0:
        reader.spend()
        start = reader.pos
        offset = reader.offset
        number = int.from_bytes(reader.take(2, "attribute id"), "little")
        name = names.ZCL_ATTRIBUTES.get((cluster, number))
        record = node.add(name or f"attribute {number:04X}", b"", "", offset, "" if name else UNKNOWN)
        status = reader.octet("attribute status")
        if status:
            record.text = STATUSES.get(status, f"unknown status {status:02X}")
        else:
            type_offset = reader.offset
            tag = reader.octet("attribute type")
            kind = _DATA_TYPES.get(tag)
            if kind is None:
                raise Stop(f"unknown data type {tag:02X}", type_offset)
            label, size, shown = kind
            octets = reader.take(size or reader.octet(f"length of {label}"), label)
            number = int.from_bytes(octets, "little", signed=shown == "i")
            record.text = (
                _string_text(octets)
                if shown == "o"
                else f"{number:0{2 * size}X}"
                if shown == "b"
                else utc_text(number)
                if shown == "t"
                else f"{number} ({_MEANINGS['currency'].get(number, 'unknown')})"
                if name == "Currency"
                else str(number)
            )
        record.octets = reader.data[start : reader.pos]


def command_name(cluster: int, frame: int, command: int) -> "tuple[str, str]":
    """Name and fields of a cluster command; ("", "") when no table names it."""
    by_server = bool(frame & 0x08)
    return names.ZCL_COMMANDS.get((cluster, by_server, command)) or ("", "")


def _content(reader: Reader, node: Node, cluster: int, frame: int, command: int) -> None:
    """The ZCL payload of one component."""
    if frame & 0x03 == 0:
        if command == 0x00:
            _read_attributes(reader, node, cluster)
        elif command == 0x01:
            _attribute_records(reader, node, cluster)
        elif command == 0x0B:
            # A default response goes the other way than the command that it answers.
            offset = reader.offset
            octets = reader.take(2, "default response")
            name = names.ZCL_COMMANDS.get((cluster, not frame & 0x08, octets[0]), ("", ""))[0]
            if not name and octets[0] == 0:
                name = "Read Attributes"
            if octets[0] == 0xFF:
                name = "not executed, because an earlier part failed"
            node.add("to command", octets[:1], name or f"{octets[0]:02X}", offset)
            status = STATUSES.get(octets[1])
            node.add("status", octets[1:], status or f"unknown {octets[1]:02X}", offset + 1, "" if status else UNKNOWN)
        return
    _command_fields(reader, node, fields_of(command_name(cluster, frame, command)[1]))


def _component(reader: Reader, parent: Node, scene: Scene, index: int) -> None:
    reader.spend()
    start = reader.pos
    node = parent.add(f"component {index}", b"", "", reader.offset)
    offset = reader.offset
    control = reader.octet("extended header")
    flags = [text for bit, text in ((1, "last"), (2, "encrypted"), (16, "from date-time")) if control & bit]
    shown = node.add(
        "control", bytes((control,)), f"{control:02X}" + (f" ({', '.join(flags)})" if flags else ""), offset
    )
    shown.hidden = True
    offset = reader.offset
    octets = reader.take(2, "cluster")
    cluster = int.from_bytes(octets, "big")
    cluster_name = names.CLUSTERS.get(cluster)
    shown = node.add("cluster", octets, f"{cluster:04X} {cluster_name or 'unknown cluster'}", offset)
    shown.hidden = bool(cluster_name)
    shown.mark = "" if cluster_name else UNKNOWN
    size = reader.number(2, "length of a component")
    if size > reader.left:
        raise Stop(f"component needs {size} octets, {reader.left} are left", reader.offset)
    inner = Reader(reader.data, reader.pos, reader.pos + size, reader.shift)
    reader.pos += size
    try:
        _component_content(inner, node, scene, control, cluster)
        trailing(inner, node)
    except Stop as stop:
        stopped(node, inner, stop)
    node.octets = reader.data[start : reader.pos]


def _component_content(reader: Reader, node: Node, scene: Scene, control: int, cluster: int) -> None:
    if control & 2:
        offset = reader.offset
        octets = reader.take(2, "additional header")
        node.add("additional header", octets, f"frame counter {octets[1]}", offset).hidden = True
    if control & 16:
        offset = reader.offset
        octets = reader.take(4, "from date-time")
        node.add("from date-time", octets, utc_text(int.from_bytes(octets, "big")), offset)
    offset = reader.offset
    header = reader.take(3, "ZCL header")
    frame, sequence, command = header
    general = frame & 0x03 == 0
    name = GENERAL.get(command, "") if general else command_name(cluster, frame, command)[0]
    way = "server to client" if frame & 0x08 else "client to server"
    text = f"frame control {frame:02X} ({way}), sequence {sequence}, command {command:02X}"
    shown = node.add("ZCL header", header, text, offset)
    shown.hidden = bool(name)
    node.text = name or f"unknown {'general ' if general else ''}command {command:02X}"
    if not name:
        node.mark = UNKNOWN
    cluster_name = names.CLUSTERS.get(cluster)
    if cluster_name:
        node.text = f"{node.text} ({cluster_name})"
    if not control & 2:
        if name:
            _content(reader, node, cluster, frame, command)
        return
    offset = reader.offset
    size = reader.number(2, "ciphered length")
    sealed = reader.take(size, "ciphered information")
    shell = node.add("encrypted", sealed, "", offset + 2)
    opened = scene.unseal(sealed)
    if isinstance(opened, str):
        scene.closed += 1
        shell.mark = CLOSED
        shell.text = f"{plural(max(size - 17, 0), 'octet')}: {opened}"
        return
    scene.opened += 1
    shell.text = f"{plural(len(opened), 'octet')}, decrypted and authentic"
    inner = Reader(opened)
    try:
        _content(inner, shell, cluster, frame, command)
        trailing(inner, shell)
    except Stop as stop:
        stopped(shell, inner, stop)


def components(reader: Reader, node: Node, scene: Scene, count: int) -> None:
    """Reads `count` components."""
    for index in range(count):
        _component(reader, node, scene, index + 1)


def grouped(reader: Reader, node: Node, scene: Scene) -> None:
    """Reads what follows the profile id in a command or response."""
    offset = reader.offset
    count = reader.octet("count of components")
    node.add("components", bytes((count,)), str(count), offset).hidden = True
    components(reader, node, scene, count)


def alert(reader: Reader, node: Node, scene: Scene, code: int) -> "tuple[int, int] | None":
    """Reads what follows the profile id in an alert; the answer is as that of decode_dlms.data_notification."""
    offset = reader.offset
    count = reader.octet("count of components")
    node.add("components", bytes((count,)), str(count), offset).hidden = True
    offset = reader.offset
    octets = reader.take(2, "alert code")
    number = int.from_bytes(octets, "big")
    meaning = names.ALERTS.get(number)
    node.add("alert code", octets, f"{number:04X} ({meaning or 'unknown code'})", offset, "" if meaning else UNKNOWN)
    offset = reader.offset
    octets = reader.take(4, "time")
    node.add("time", octets, seconds_text(int.from_bytes(octets, "big")), offset)
    if count == 0:
        return None
    if code == 0x00CD:
        offset = reader.offset
        octets = reader.take(reader.octet("length of what was actioned"), "what was actioned")
        child = node.add("actioned", octets, octets.hex().upper(), offset + 1)
        if len(octets) == 14:
            about = (octets[0] << 8 | octets[1], int.from_bytes(octets[2:10], "big"))
            cluster = octets[10] << 8 | octets[11]
            # Some alerts name the direction of the command wrongly: then the other one is meant.
            name = (
                command_name(cluster, octets[12], octets[13])[0] or command_name(cluster, octets[12] ^ 8, octets[13])[0]
            )
            if octets[12] == 0x01 and cluster in (0x0707,):
                name = command_name(cluster, 0x09, octets[13])[0] or name
            child.text = (
                f"{message_name(about[0])} counter {about[1]}: {name or f'command {octets[13]:02X}'} "
                f"({names.CLUSTERS.get(cluster, f'cluster {cluster:04X}')})"
            )
            return about
        return None
    if code == 0x00CF:
        offset = reader.offset
        tag = reader.octet("image hash")
        if tag != 0x09:
            raise Stop(f"image hash has the tag {tag:02X}", offset)
        octets = reader.take(reader.length("image hash"), "image hash")
        node.add("image hash", octets, octets.hex().upper(), offset + 2)
        return None
    if code == 0x00F2:
        offset = reader.offset
        octets = reader.take(2, "issue")
        node.add("issue", octets, str(int.from_bytes(octets, "big")), offset)
        return None
    components(reader, node, scene, count)
    return None
