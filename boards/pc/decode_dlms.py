"""Reads DLMS payloads into the tree: access-request, access-response, data-notification (facts of GBCS 7.3 and the
DLMS Green Book), with names of objects, attributes, methods and of the elements inside them.

It is a reader of its own, apart from slotmeter.dlms: it shows a value even where a meter would refuse the message.
"""

from collections.abc import Callable

from slotmeter.boards.pc import names
from slotmeter.boards.pc.decode_node import CLOSED, DEPTH_LIMIT, STOPPED, UNKNOWN, Node, Reader, Stop, plural
from slotmeter.prepayment import utrn

# A key of an item: what is done (1 get, 2 set, 3 action, 4 get with selection), class, OBIS as text, member.
Item = tuple[int, int, str, int]

KINDS = {1: "get", 2: "set", 3: "action", 4: "get with selection"}
RESULTS = {
    0: "success",
    1: "hardware-fault",
    2: "temporary-failure",
    3: "read-write-denied",
    4: "object-undefined",
    9: "object-class-inconsistent",
    11: "object-unavailable",
    12: "type-unmatched",
    13: "scope-of-access-violated",
    14: "data-block-unavailable",
    15: "long-get-aborted",
    16: "no-long-get-in-progress",
    17: "long-set-aborted",
    18: "no-long-set-in-progress",
    19: "data-block-number-invalid",
    250: "other-reason",
}
CLASSES = {
    1: "data",
    3: "register",
    4: "extended register",
    7: "profile generic",
    8: "clock",
    9: "script table",
    10: "schedule",
    11: "special days table",
    15: "association",
    20: "activity calendar",
    21: "register monitor",
    22: "single action schedule",
    30: "data protection",
    70: "disconnect control",
    71: "limiter",
    104: "ZigBee network control",
    111: "account",
    112: "credit",
    113: "charge",
    115: "token gateway",
    9000: "extended data",
}
UNITS = {
    1: "years", 2: "months", 3: "weeks", 4: "days", 5: "hours", 6: "minutes", 7: "seconds", 10: "currency",
    27: "W", 28: "VA", 29: "var", 30: "Wh", 31: "VAh", 32: "varh", 33: "A", 35: "V", 44: "Hz", 255: "no unit",
}  # fmt: skip

# Fixed-size types: tag -> (name, octets, signed).
_INTEGERS = {
    5: ("double-long", 4, True),
    6: ("double-long-unsigned", 4, False),
    15: ("integer", 1, True),
    16: ("long", 2, True),
    17: ("unsigned", 1, False),
    18: ("long-unsigned", 2, False),
    20: ("long64", 8, True),
    21: ("long64-unsigned", 8, False),
    22: ("enum", 1, False),
}
_STRINGS = {9: "octet-string", 10: "visible-string", 12: "utf8-string"}
_FIXED_OCTETS = {
    13: ("bcd", 1),
    23: ("float32", 4),
    24: ("float64", 8),
    25: ("date-time", 12),
    26: ("date", 5),
    27: ("time", 4),
}
_TYPES = {0: "null", 1: "array", 2: "structure", 3: "boolean", 4: "bit-string", 19: "compact-array"}
_TYPES.update({tag: kind[0] for tag, kind in _INTEGERS.items()})
_TYPES.update(_STRINGS)
_TYPES.update({tag: kind[0] for tag, kind in _FIXED_OCTETS.items()})

# Seconds from 1970 to 2000.
_EPOCH = 946_684_800


def _no_names(_entity: bytes) -> str:
    return ""


def _no_keys(_sealed: bytes) -> "bytes | str":
    return "no keys were given"


class Scene:
    """What the reader of a payload may ask: names of parties, and the plaintext of an encrypted part or the reason why
    there is none. `closed` and `opened` count the encrypted parts.
    """

    def __init__(
        self,
        who: Callable[[bytes], str] = _no_names,
        unseal: "Callable[[bytes], bytes | str]" = _no_keys,
    ) -> None:
        self.who = who
        self.unseal = unseal
        self.opened = 0
        self.closed = 0


class Shape:
    """Names for a value: of itself, of the elements of a structure, of the element of an array."""

    __slots__ = ("element", "members", "name", "optional")

    def __init__(self, name: str) -> None:
        self.name = name
        self.members: list[Shape] = []
        self.element: Shape | None = None
        self.optional = False

    def member(self, index: int, count: int) -> "Shape | None":
        """The shape of element `index` of a structure of `count` elements."""
        members = self.members
        if len(members) != count:
            members = [member for member in members if not member.optional]
        return members[index] if len(members) == count else None


_shapes: dict[str, Shape] = {}


def shape(text: str) -> Shape:
    """The shape written in `text` (names.SHAPES says how)."""
    found = _shapes.get(text)
    if found is None:
        found = _shapes[text] = _parse_shape(text)
    return found


def _parse_shape(text: str) -> Shape:
    top = Shape("")
    open_: list[Shape] = [top]
    name = ""
    current: Shape | None = None
    for char in text + ",":
        if char in "([,])":
            if name:
                current = Shape(name.rstrip("?"))
                current.optional = name.endswith("?")
                parent = open_[-1]
                parent.members.append(current)
                name = ""
            if char in "([":
                assert current is not None
                open_.append(current)
            elif char in ")]":
                current = open_.pop()
                if char == "]":
                    current.element = current.members[0] if current.members else None
                    current.members = []
        elif char == "?" and not name and current is not None:
            current.optional = True
        else:
            name += char
    return top.members[0]


def shape_of(class_id: int, obis: str, kind: int, number: int) -> "Shape | None":
    """The names of what the attribute, or the argument of the method, is made of."""
    letter = "M" if kind == 3 else "A"
    text = names.SHAPES.get((class_id, letter, number, obis)) or names.SHAPES.get((class_id, letter, number, ""))
    return shape(text) if text else None


def member_name(class_id: int, kind: int, number: int) -> str:
    """The name of the attribute or method, or its number."""
    letter = "M" if kind == 3 else "A"
    name = names.MEMBERS.get((class_id, letter, number))
    if number == 1 and kind != 3:
        name = "logical_name"
    return name or ("method " if kind == 3 else "attribute ") + str(number)


def obis_text(octets: bytes) -> str:
    """`0-0:94.44.34.10` for six octets; a last field of 255 is written too, as the tables write it."""
    return f"{octets[0]}-{octets[1]}:{octets[2]}.{octets[3]}.{octets[4]}.{octets[5]}"


def object_text(class_id: int, obis: str) -> str:
    """`Meter Balance (credit 112/0-0:19.10.0.255)`."""
    name = names.OBJECTS.get((class_id, obis), "")
    known = CLASSES.get(class_id, "unknown class")
    return f"{name} ({known} {class_id}/{obis})" if name else f"{known} {class_id}/{obis}"


def seconds_text(seconds: int) -> str:
    """A time in seconds since 2000, or what the value stands for."""
    if seconds == 0xFFFFFFFF:
        return "not specified"
    days, rest = divmod(seconds + _EPOCH, 86400)
    year, month, day = civil(days)
    return f"{year:04}-{month:02}-{day:02} {rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}Z"


def civil(days: int) -> tuple[int, int, int]:
    """Year, month and day of a number of days since 1970-01-01 (proleptic Gregorian calendar)."""
    days += 719_468
    era, day_of_era = divmod(days, 146_097)
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * shifted + 2) // 5 + 1
    month = shifted + 3 if shifted < 10 else shifted - 9
    return year_of_era + era * 400 + (month <= 2), month, day


def _field(value: int, wild: int, digits: int) -> str:
    return "*" * digits if value == wild else f"{value:0{digits}}"


_WEEKDAYS = ("", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = {0xFF: "**", 0xFE: "DST begin", 0xFD: "DST end"}
_DAYS = {0xFF: "**", 0xFE: "last", 0xFD: "last but one"}


def date_text(octets: bytes) -> str:
    """A DLMS date of 5 octets, `**` for what is not specified; "" when it is not one."""
    year, month, day, weekday = octets[0] << 8 | octets[1], octets[2], octets[3], octets[4]
    if not (month in _MONTHS or 1 <= month <= 12) or not (day in _DAYS or 1 <= day <= 31):
        return ""
    if not (weekday == 0xFF or 1 <= weekday <= 7) or not (year == 0xFFFF or 1900 <= year <= 2999):
        return ""
    text = f"{_field(year, 0xFFFF, 4)}-{_MONTHS.get(month) or f'{month:02}'}-{_DAYS.get(day) or f'{day:02}'}"
    return text if weekday == 0xFF else f"{text} {_WEEKDAYS[weekday]}"


def time_text(octets: bytes) -> str:
    """A DLMS time of 4 octets; "" when it is not one."""
    hour, minute, second, hundredths = octets
    if not (hour == 0xFF or hour < 24) or not (minute == 0xFF or minute < 60) or not (second == 0xFF or second < 60):
        return ""
    text = f"{_field(hour, 0xFF, 2)}:{_field(minute, 0xFF, 2)}:{_field(second, 0xFF, 2)}"
    return text if hundredths in (0, 0xFF) else f"{text}.{hundredths:02}"


def date_time_text(octets: bytes) -> str:
    """A DLMS date-time of 12 octets; "" when it is not one."""
    if octets[:9] == bytes(9):
        return "now"
    if octets == b"\xff" * 9 + b"\x80\x00\xff":
        return "not specified (cancels a stored instruction)"
    date, time = date_text(octets[:5]), time_text(octets[5:9])
    if not date or not time:
        return ""
    deviation = octets[9] << 8 | octets[10]
    zone = "Z" if deviation in (0x8000, 0) else f" {(deviation ^ 0x8000) - 0x8000:+} min"
    status = "" if octets[11] in (0, 0xFF) else f" (clock status {octets[11]:02X})"
    return f"{date} {time}{zone}{status}"


def _is_text(octets: bytes) -> bool:
    return bool(octets) and all(0x20 <= octet < 0x7F for octet in octets)


def utrn_text(digits: bytes) -> str:
    """A top-up token of 20 digits, with what it is worth when it is spelt correctly."""
    token, reason = utrn.parse(digits.decode("ascii"))
    if token is None:
        return f"UTRN {digits.decode('ascii')} ({'wrong check digit' if reason == utrn.CHECK_DIGIT else 'not a token'})"
    pence = token.millipence() // 1000
    return f"UTRN {digits.decode('ascii')} (worth {pence // 100}.{pence % 100:02}, counter ends in {token.truncated})"


def octets_text(name: str, octets: bytes, scene: Scene) -> str:
    """What an octet-string says, judged by its length and by the name of the element."""
    size = len(octets)
    if size == 0:
        return "(empty)"
    lower = name.lower()
    if size == 12:
        text = date_time_text(octets)
        if text:
            return text
    elif size == 8:
        who = scene.who(octets)
        if who:
            return f"{octets.hex().upper()} ({who})"
    elif size == 6 and ("logical_name" in lower or (octets[0] <= 1 and octets[5] == 255)):
        return obis_text(octets)
    elif size == 5:
        text = date_text(octets)
        if text and ("date" in lower or octets[4] == 0xFF):
            return text
    elif size == 4 and "time" in lower:
        text = time_text(octets)
        if text:
            return text
    elif size == 9 and "transaction" in lower:
        return f"counter {int.from_bytes(octets[1:], 'big')}, use {octets[0]}"
    if size == utrn.DIGITS and octets.isdigit():
        return utrn_text(octets)
    if _is_text(octets) and (size > 2 or octets.isalnum()):
        return f'"{octets.decode("ascii")}"'
    return octets.hex().upper()


_ENUMS = {
    "payment_mode": {1: "credit mode", 2: "prepayment mode"},
    "account_status": {1: "new (inactive)", 2: "active", 3: "closed"},
    "control_state": {0: "disabled", 1: "enabled", 2: "armed"},
    "restriction_type": {0: "none", 1: "by range of dates", 2: "by range of entries"},
    "protection_type": {0: "authentication", 1: "encryption", 2: "authentication and encryption", 3: "signature"},
    "key_info_type": {0: "identified key", 1: "wrapped key", 2: "agreed key"},
    "key_type": {0: "test key", 1: "install code"},
    "device_type": {0: "ESME", 1: "GSME", 13: "HCALCS", 128: "IHD", 130: "CAD", 132: "PPMID", 254: "GPF"},
}


def number_text(name: str, value: int) -> str:
    """A number with what it means, where the name of the element says so."""
    lower = name.lower()
    if lower.endswith("unit") and value in UNITS:
        return f"{value} ({UNITS[value]})"
    if lower == "logcode" or lower == "alert code":
        return f"{value:04X} ({names.ALERTS.get(value, 'unknown code')})"
    if lower == "class_id":
        return f"{value} ({CLASSES.get(value, 'unknown class')})" if value else "0"
    if lower in ("timestamp", "boost_start", "boost_end") and value:
        return seconds_text(value)
    meaning = _ENUMS.get(lower, {}).get(value)
    return f"{value} ({meaning})" if meaning else str(value)


def entries(count: int) -> str:
    """`1 entry`, `3 entries`."""
    return "1 entry" if count == 1 else f"{count} entries"


def value(
    reader: Reader, parent: Node, scene: Scene, form: "Shape | None" = None, name: str = "", depth: int = 0
) -> Node:
    """Reads one value with its tag and adds it to `parent`."""
    start = reader.pos
    offset = reader.offset
    reader.spend()
    if form is not None:
        name = name or form.name
    node = parent.add(name or "value", b"", "", offset)
    tag = reader.octet("a value")
    label = _TYPES.get(tag)
    if not name:
        node.name = label or "value"
    if label is None:
        node.mark = UNKNOWN
        reader.pos = start
        node.text = f"unknown type {tag:02X}: {plural(reader.left, 'octet')} not read"
        raise Stop(f"unknown type {tag:02X}", offset)
    if depth > DEPTH_LIMIT:
        raise Stop(f"values nested more than {DEPTH_LIMIT} deep", offset)
    if tag in (1, 2):
        count = reader.length(label)
        node.text = entries(count) if tag == 1 else ""
        if form is not None and tag == 1 and form.element is None and not form.members and form.name:
            form = None
        for index in range(count):
            if tag == 2:
                inner = form.member(index, count) if form is not None else None
                value(reader, node, scene, inner, "" if inner else f"[{index + 1}]", depth + 1)
            else:
                inner = form.element if form is not None else None
                value(reader, node, scene, inner, f"[{index + 1}]", depth + 1)
        if tag == 2 and not (form is not None and form.members):
            for child in node.children:
                if child.name.startswith("["):
                    child.name = f"{child.name} {_TYPES[child.octets[0]]}" if child.octets else child.name
    elif tag == 19:
        _compact_array(reader, node, scene, form, depth)
    else:
        _plain(reader, node, scene, tag, node.name)
    node.octets = reader.data[start : reader.pos]
    if tag == 9:
        _sealed(node, scene, form)
    return node


def _plain(reader: Reader, node: Node, scene: Scene, tag: int, name: str) -> None:
    """The contents of a type without inner values, into the text of `node`."""
    if tag in _INTEGERS:
        label, size, signed = _INTEGERS[tag]
        node.text = number_text(name, int.from_bytes(reader.take(size, label), "big", signed=signed))
    elif tag in _STRINGS:
        octets = reader.take(reader.length(_STRINGS[tag]), _STRINGS[tag])
        if tag == 9:
            node.text = octets_text(name, octets, scene)
        else:
            node.text = '"' + octets.decode("utf-8" if tag == 12 else "latin-1", "backslashreplace") + '"'
    elif tag == 0:
        node.text = "null"
    elif tag == 3:
        octet = reader.octet("boolean")
        node.text = "FALSE" if octet == 0 else "TRUE" if octet in (1, 0xFF) else f"TRUE (as {octet:02X})"
    elif tag == 4:
        bits = reader.length("bit-string")
        octets = reader.take((bits + 7) // 8, "bit-string")
        shown = "".join(f"{octet:08b}" for octet in octets)[:bits]
        node.text = f"{shown} ({plural(bits, 'bit')})" if bits <= 32 else f"{octets.hex().upper()} ({bits} bits)"
    else:
        label, size = _FIXED_OCTETS[tag]
        octets = reader.take(size, label)
        read = {12: date_time_text, 5: date_text, 4: time_text}.get(size) if tag >= 25 else None
        node.text = (read(octets) if read else "") or octets.hex().upper()


def _sealed(node: Node, scene: Scene, form: "Shape | None") -> None:
    """Shows the plaintext of an octet-string that is an encrypted attribute (GBCS 8.4)."""
    reader = Reader(node.octets, 1)
    sealed = reader.take(reader.length("octet-string"), "octet-string")
    if len(sealed) < 17 or sealed[:5] != b"\x31\0\0\0\0":
        return
    opened = scene.unseal(sealed)
    size = plural(len(sealed) - 17, "octet")
    if isinstance(opened, str):
        scene.closed += 1
        node.mark = CLOSED
        node.text = f"encrypted, {size}: {opened}"
        return
    scene.opened += 1
    node.text = f"encrypted, {size}, decrypted and authentic"
    inner = Reader(opened)
    shell = node.add("decrypted", opened)
    try:
        value(inner, shell, scene, form, "attributes")
        trailing(inner, shell)
    except Stop as stop:
        stopped(shell, inner, stop)


def trailing(reader: Reader, node: Node) -> None:
    """Shows octets that nothing accounts for."""
    if reader.left > 0:
        offset = reader.offset
        octets = reader.rest()
        node.add("trailing octets", octets, f"{plural(len(octets), 'octet')} after the end", offset, UNKNOWN)


def stopped(node: Node, reader: Reader, stop: Stop) -> None:
    """Shows where reading stopped and what was left unread."""
    octets = reader.data[max(stop.offset - reader.shift, 0) : reader.end]
    node.add(f"stopped at octet {stop.offset}", octets, stop.reason, stop.offset, STOPPED)


class _Type:
    """A type in a description of a compact-array."""

    __slots__ = ("count", "form", "inner", "tag")

    def __init__(self, tag: int, form: "Shape | None") -> None:
        self.tag = tag
        self.form = form
        self.count = 0
        self.inner: list[_Type] = []


def _description(reader: Reader, form: "Shape | None", depth: int) -> _Type:
    offset = reader.offset
    reader.spend()
    tag = reader.octet("type description")
    if tag not in _TYPES or tag == 19 or depth > DEPTH_LIMIT:
        raise Stop(f"type {tag:02X} in a type description", offset)
    kind = _Type(tag, form)
    if tag == 1:
        kind.count = reader.number(2, "count of a type description")
        kind.inner.append(_description(reader, form.element if form else None, depth + 1))
    elif tag == 2:
        kind.count = reader.octet("count of a type description")
        for index in range(kind.count):
            kind.inner.append(_description(reader, form.member(index, kind.count) if form else None, depth + 1))
    return kind


def _description_text(kind: _Type) -> str:
    if kind.tag == 1:
        return f"array({kind.count})[{_description_text(kind.inner[0])}]"
    if kind.tag == 2:
        return "structure{" + ", ".join(_description_text(inner) for inner in kind.inner) + "}"
    return _TYPES[kind.tag]


def _compact_array(reader: Reader, node: Node, scene: Scene, form: "Shape | None", depth: int) -> None:
    start = reader.pos
    offset = reader.offset
    kind = _description(reader, form.element if form else None, depth + 1)
    node.add("type of a row", reader.data[start : reader.pos], _description_text(kind), offset).hidden = True
    size = reader.length("compact-array")
    end = reader.pos + size
    if end > reader.end:
        raise Stop(f"compact-array needs {size} octets, {reader.left} are left", reader.offset)
    rows = 0
    while reader.pos < end:
        rows += 1
        before = reader.pos
        _packed(reader, node, scene, kind, f"[{rows}]", depth + 1)
        if reader.pos == before:
            raise Stop("compact-array with rows of no octets", reader.offset)
    if reader.pos > end:
        raise Stop("last row is longer than the compact-array", end + reader.shift)
    node.text = plural(rows, "row")


def _packed(reader: Reader, parent: Node, scene: Scene, kind: _Type, name: str, depth: int) -> None:
    """A value without its tag, as a compact-array packs it."""
    reader.spend()
    start = reader.pos
    node = parent.add(name, b"", "", reader.offset)
    if kind.tag in (1, 2):
        node.text = entries(kind.count) if kind.tag == 1 else ""
        for index in range(kind.count):
            inner = kind.inner[0] if kind.tag == 1 else kind.inner[index]
            named = inner.form.name if inner.form is not None and kind.tag == 2 else f"[{index + 1}]"
            _packed(reader, node, scene, inner, named, depth + 1)
    else:
        _plain(reader, node, scene, kind.tag, name if kind.form is None else kind.form.name)
    node.octets = reader.data[start : reader.pos]


_SELECTOR_1 = (
    "range(capture_object(class_id,logical_name,attribute_index,data_index),timestamp,timestamp,selected_values)"
)
_PROTECTED = (
    "response(protection[protection(protection_type,options(transaction_id,originator,recipient,other_information,"
    "key_info(key_info_type,agreed_key(key_parameters,ciphered_data))))],protected_attributes)"
)


def item_text(item: Item) -> str:
    """`get Meter Balance (credit 112/0-0:19.10.0.255) current_credit_amount`."""
    kind, class_id, obis, number = item
    verb = {1: "get", 2: "set", 3: "invoke", 4: "get range of"}.get(kind, "touch")
    return f"{verb} {object_text(class_id, obis)} {member_name(class_id, kind, number)}"


def _specification(reader: Reader, parent: Node, index: int) -> "tuple[Node, Item]":
    start = reader.pos
    offset = reader.offset
    node = parent.add(f"{index}.", b"", "", offset)
    kind = reader.octet("specification")
    if kind not in KINDS:
        raise Stop(f"specification of unknown kind {kind:02X}", offset)
    key = reader.take(9, "specification")
    item = (kind, key[0] << 8 | key[1], obis_text(key[2:8]), key[8])
    node.text = item_text(item)
    if item[1] not in CLASSES:
        node.mark = UNKNOWN
    if kind == 4:
        selector_offset = reader.offset
        selector = reader.octet("selector")
        chosen = node.add(
            "selection", bytes((selector,)), "" if selector == 1 else f"selector {selector}", selector_offset
        )
        value(reader, chosen, Scene(), shape(_SELECTOR_1) if selector == 1 else None)
    node.octets = reader.data[start : reader.pos]
    return node, item


def _invocation(reader: Reader, node: Node) -> None:
    offset = reader.offset
    octets = reader.take(4, "invoke id")
    low = int.from_bytes(octets[1:], "big")
    node.add("invoke id", octets, f"low 24 bits of a counter {low}, flags {octets[0]:02X}", offset).hidden = (
        octets[0] == 0x20
    )
    offset = reader.offset
    size = reader.octet("date-time")
    octets = reader.take(size, "date-time")
    if size:
        node.add("date-time", octets, date_time_text(octets) if size == 12 else octets.hex().upper(), offset)


def access_request(reader: Reader, node: Node, scene: Scene) -> "list[Item]":
    """Reads what follows the tag D9; the items that were understood."""
    _invocation(reader, node)
    count = reader.length("list of specifications")
    nodes = []
    items: list[Item] = []
    for index in range(count):
        spec, item = _specification(reader, node, index + 1)
        nodes.append(spec)
        items.append(item)
    offset = reader.offset
    if reader.length("list of data") != count:
        raise Stop(f"list of data has another length than the {plural(count, 'specification')}", offset)
    for spec, (kind, class_id, obis, number) in zip(nodes, items, strict=True):
        data = value(reader, spec, scene, shape_of(class_id, obis, kind, number) if kind in (2, 3) else None, "data")
        if data.octets == b"\0":
            spec.children.pop()
    return items


def protected_shape(objects: "list[tuple[int, str, int]]") -> "Shape | None":
    """The names inside a decrypted attribute list, from the objects that were asked for."""
    if not objects:
        return None
    plain = Shape("attributes")
    for class_id, obis, number in objects:
        inner = shape_of(class_id, obis, 1, number)
        member = Shape(f"{names.OBJECTS.get((class_id, obis), obis)} {member_name(class_id, 1, number)}")
        if inner is not None:
            member.members = inner.members
            member.element = inner.element
        plain.members.append(member)
    return plain


def asked_objects(request: Node) -> "list[tuple[int, str, int]]":
    """The objects named in the argument of get_protected_attributes, as the tree of the request shows them."""
    found = []
    for node in request.walk():
        if node.name == "objects":
            for entry in node.children:
                parts = {child.name: child.octets for child in entry.children}
                obis = parts.get("logical_name", b"")
                if (
                    len(obis) == 8
                    and len(parts.get("class_id", b"")) == 3
                    and len(parts.get("attribute_index", b"")) == 2
                ):
                    class_id = int.from_bytes(parts["class_id"][1:], "big")
                    found.append((class_id, obis_text(obis[2:]), parts["attribute_index"][1]))
    return found


def access_response(
    reader: Reader, node: Node, scene: Scene, asked: "list[list[Item]]", objects: "list[tuple[int, str, int]]"
) -> None:
    """Reads what follows the tag DA. `asked` is what may have been asked for, the likeliest first; the first list that
    has as many items as the response names its values.
    """
    _invocation(reader, node)
    offset = reader.offset
    if reader.octet("list of specifications"):
        raise Stop("a list of specifications inside a response", offset)
    count = reader.length("list of data")
    items = next((items for items in asked if len(items) == count), [])
    named = bool(items)
    nodes = []
    for index in range(count):
        entry = node.add(f"{index + 1}.", b"", item_text(items[index]) if named else "", reader.offset)
        form = None
        if named:
            kind, class_id, obis, number = items[index]
            if class_id == 30 and kind == 3:
                form = shape(_PROTECTED)
                plain = protected_shape(objects)
                if plain is not None:
                    form = _with_plain(form, plain)
            elif kind in (1, 4) or (class_id, number) == (104, 4):
                form = shape_of(class_id, obis, kind, number)
        data = value(reader, entry, scene, form, "data")
        entry.octets = data.octets
        if data.octets == b"\0":
            entry.children.pop()
        nodes.append(entry)
    offset = reader.offset
    if reader.length("list of results") != count:
        raise Stop(f"list of results has another length than the {plural(count, 'value')}", offset)
    for index, entry in enumerate(nodes):
        offset = reader.offset
        octets = reader.take(2, "result")
        kind, result = octets
        if named and kind != 1:
            # A use case lists objects; whether one was read or written the result tells.
            entry.text = item_text((kind, *items[index][1:]))
        text = RESULTS.get(result, f"unknown result {result}")
        if result not in RESULTS:
            entry.mark = UNKNOWN
        verb = KINDS.get(kind, f"unknown kind {kind}")
        entry.text = f"{entry.text or verb}: {text}"
        entry.add("result", octets, f"{verb}: {text}", offset).hidden = True


def _with_plain(form: Shape, plain: Shape) -> Shape:
    """The shape of a protected response whose last element names what is inside."""
    whole = Shape(form.name)
    whole.members = form.members[:-1]
    last = Shape(form.members[-1].name)
    last.members = plain.members
    whole.members.append(last)
    return whole


# What follows alert code and time stamp, by message code (facts 8.1).
_ALERT_SHAPES = {
    0x0018: "alert(alert code,time,backup_PAN(date-time,extended_PAN_ID,devices[device(MAC_address,key hash)]))",
    0x0061: "alert(alert code,time,protection[protection(protection_type,options(transaction_id,originator,recipient,"
    "other_information,key_info(key_info_type,agreed_key(key_parameters,ciphered_data))))],protected_attributes)",
    0x0067: "alert(alert code,time,interruption,restoration)",
    0x00CC: "alert(alert code,time,actioned)",
    0x00CE: "alert(alert code,time,image hash)",
    0x00F0: "alert(alert code,time,issue)",
    0x0110: "alert(alert code,time,device)",
    0x0111: "alert(alert code,time,change(channel,reason))",
    0x0112: "alert(alert code,time,outcome(result,detail))",
    0x0114: "alert(alert code,time,discarded message)",
    0x0115: "alert(alert code,time,device)",
    0x0120: "alert(alert code,time,rejected command)",
    0x0121: "alert(alert code,time,controller,start,end,level)",
    0x0122: "alert(alert code,time,controller,reason)",
    0x0123: "alert(alert code,time,update)",
}
_ISSUES = (
    "other", "non-volatile memory", "program execution", "program storage", "RAM", "unexpected reset", "watchdog",
    "metrology firmware verification", "measurement fault", "unspecified",
)  # fmt: skip


def data_notification(
    reader: Reader, node: Node, scene: Scene, code: int, objects: "list[tuple[int, str, int]]"
) -> "tuple[int, int] | None":
    """Reads what follows the tag 0F. The answer is the message code and counter of the command that an alert speaks of,
    or None.
    """
    _invocation(reader, node)
    form: Shape | None = shape(_ALERT_SHAPES.get(code, "alert(alert code,time)"))
    if code == 0x0113:
        configuration = shape_of(1, "0-0:94.44.10.0", 1, 2)
        form = Shape("alert")
        form.members = [Shape("alert code"), Shape("time")] + ([configuration] if configuration else [])
    if code == 0x0061 and form is not None:
        plain = protected_shape(objects)
        if plain is not None:
            form = _with_plain(form, plain)
    body = value(reader, node, scene, form, "alert")
    about = None
    for child in body.children:
        octets = child.octets[2:]
        if child.name == "actioned" and len(octets) == 19:
            item = (2, octets[10] << 8 | octets[11], obis_text(octets[12:18]), octets[18])
            about = (octets[0] << 8 | octets[1], int.from_bytes(octets[2:10], "big"))
            child.text = (
                f"{message_name(about[0])} counter {about[1]}: "
                f"{object_text(item[1], item[2])} {member_name(item[1], 2, item[3])}"
            )
        elif child.name == "rejected command" and len(octets) == 10:
            about = (octets[0] << 8 | octets[1], int.from_bytes(octets[2:10], "big"))
            child.text = f"{message_name(about[0])} counter {about[1]}"
        elif child.name == "discarded message" and len(octets) == 25:
            kind = {1: "command", 2: "response", 3: "alert"}.get(octets[16], f"CRA {octets[16]}")
            child.text = (
                f"{kind} from {octets[:8].hex().upper()} to {octets[8:16].hex().upper()}, "
                f"counter {int.from_bytes(octets[17:], 'big')}"
            )
        elif child.name == "issue" and len(octets) == 2:
            number = octets[0] << 8 | octets[1]
            child.text = f"{number} ({_ISSUES[number] if number < len(_ISSUES) else 'unknown'})"
    return about


def message_name(code: int) -> str:
    """`ECS01a`, or the code in hex."""
    known = names.MESSAGES.get(code)
    return known[0] if known else f"{code:04X}"
