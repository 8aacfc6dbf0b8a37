"""Reads ASN.1 payloads (BER and DER) into the tree, with the names of the structures that GBCS defines (sections 13.2
to 13.6) and of X.509 certificates and PKCS#10 requests.

A structure is described by a small class tree: `Seq` of named members, `Of` one repeated, or a leaf with the name of
the way to show it. Where the octets do not fit the description they are shown without names.
"""

from collections.abc import Callable

from slotmeter.boards.pc import names
from slotmeter.boards.pc.decode_dlms import Scene, entries
from slotmeter.boards.pc.decode_node import BAD, DEPTH_LIMIT, Node, Reader, Stop

_UNIVERSAL = {
    0x01: "boolean", 0x02: "integer", 0x03: "bit string", 0x04: "octet string", 0x05: "null", 0x06: "object identifier",
    0x0A: "enumerated", 0x0C: "utf8 string", 0x13: "printable string", 0x16: "ia5 string", 0x17: "UTC time",
    0x18: "time", 0x30: "sequence", 0x31: "set",
}  # fmt: skip

ROLES = {
    0: "root", 1: "recovery", 2: "supplier", 3: "network operator", 4: "access control broker",
    5: "transitional change of supplier", 6: "WAN provider", 7: "issuing authority", 8: "load controller", 127: "other",
}  # fmt: skip
_USAGES = {
    0x80: "digital signature",
    0x08: "key agreement",
    0x04: "certificate signing",
    0x06: "certificate and CRL signing",
}
_DEVICE_TYPES = {0: "GSME", 1: "ESME", 2: "CHF", 3: "GPF", 4: "HCALCS", 5: "PPMID", 6: "type 2"}
_STATUSES = {
    0: "success", 5: "bad certificate", 10: "no trust anchor", 17: "insufficient memory", 25: "trust anchor not found",
    30: "resources busy", 127: "other",
}  # fmt: skip
MODES = {
    0: "root by supplier", 1: "root by WAN provider", 2: "supplier by supplier",
    3: "network operator by network operator",
    4: "access control broker by access control broker", 5: "WAN provider by WAN provider",
    6: "transitional CoS by transitional CoS", 7: "supplier by transitional CoS",
    8: "any except abnormal root by recovery",
    9: "any by contingency", 10: "load controller by load controller", 11: "load controller by supplier",
}  # fmt: skip
_JOIN = {
    0: "success", 1: "invalid message code", 2: "invalid join method and role", 3: "incompatible with existing entry",
    4: "device log full", 5: "write failure", 6: "key agreement: no resources", 7: "key agreement: unknown issuer",
    8: "key agreement: unsupported suite", 9: "key agreement: bad message", 10: "key agreement: bad key confirm",
    11: "invalid or missing certificate", 12: "no partner link key received", 13: "no CBKE response",
}  # fmt: skip
_CODED: dict[str, dict[int, str]] = {
    "role": ROLES,
    "device type": _DEVICE_TYPES,
    "status": _STATUSES,
    "mode": MODES,
    "join": _JOIN,
    "unjoin": {0: "success", 1: "not in device log", 2: "other failure"},
    "cell usage": {0: "management", 1: "prepayment top-up"},
    "method": {0: "method A, initiator", 1: "method A, responder", 2: "method B", 3: "method C"},
    "checks": {0: "applied", 1: "not applied"},
    "request": {1: "invalid key usage", 2: "key pair generation failed", 3: "request production failed"},
    "store": {
        0: "success", 1: "invalid certificate", 2: "wrong device identity", 3: "invalid key usage",
        4: "no corresponding key pair generated", 5: "wrong public key", 6: "certificate storage failed",
        7: "private key change failed",
    },
    "provide": {1: "invalid key usage", 2: "no certificate held", 3: "retrieval failure"},
    "activation": {0: "success", 1: "no image held", 2: "hash mismatch", 3: "activation failure"},
    "transfer": {0: "success", 1: "image discarded", 2: "hardware version mismatch", 3: "file transfer failure"},
    "clock": {0: "reliable", 1: "invalid", 2: "unreliable"},
    "outcome": {0: "success", 1: "failure"},
    "top-up": {0: "prepayment top-up"},
    "cra": {1: "command", 2: "response", 3: "alert"},
}  # fmt: skip

_OIDS = {
    "1.2.840.10045.2.1": "elliptic curve key", "1.2.840.10045.3.1.7": "P-256",
    "1.2.840.10045.4.3.2": "ECDSA with SHA-256",
    "2.5.4.3": "common name", "2.5.4.11": "organisational unit", "2.5.4.45": "unique identifier",
    "2.5.4.5": "serial number",
    "2.5.4.10": "organisation", "2.5.29.15": "key usage", "2.5.29.14": "subject key identifier",
    "2.5.29.35": "authority key identifier", "2.5.29.32": "certificate policies",
    "2.5.29.17": "subject alternative name",
    "2.5.29.19": "basic constraints", "1.3.6.1.5.5.7.8.4": "hardware module name",
    "1.2.840.113549.1.9.14": "extension request",
}  # fmt: skip


class Leaf:
    """A value without inner values, shown in the way `how` names; `tags` are those it may have, () for any."""

    def __init__(self, name: str, how: str = "", tags: tuple[int, ...] = (), optional: bool = False) -> None:
        self.name = name
        self.how = how
        self.tags = tags
        self.optional = optional


class Seq(Leaf):
    """A structure of members in order."""

    def __init__(self, name: str, *members: Leaf, tag: int = 0x30, optional: bool = False) -> None:
        super().__init__(name, "", (tag,), optional)
        self.members = members


class Of(Leaf):
    """One member, repeated."""

    def __init__(self, name: str, member: Leaf, tag: int = 0x30, optional: bool = False) -> None:
        super().__init__(name, "", (tag,), optional)
        self.member = member


class Choice(Leaf):
    """The first of the alternatives whose tag fits."""

    def __init__(self, *alternatives: Leaf) -> None:
        tags: tuple[int, ...] = ()
        for alternative in alternatives:
            tags += alternative.tags
        super().__init__("", "", tags)
        self.alternatives = alternatives


def _int(name: str, how: str = "number", optional: bool = False, tag: int = 0x02) -> Leaf:
    return Leaf(name, how, (tag,), optional)


def _octets(name: str, how: str = "octets", optional: bool = False) -> Leaf:
    return Leaf(name, how, (0x04,), optional)


def _time(name: str, optional: bool = False) -> Leaf:
    return Leaf(name, "time", (0x18, 0x17), optional)


_KEY_USAGE = Leaf("key usage", "usage", (0x03,))
_ROLE = _int("role", "role")
_CELL_USAGE = _int("cell usage", "cell usage", True)


def _cell(name: str, tag: int = 0x30, optional: bool = False) -> Seq:
    return Seq(name, _ROLE, _KEY_USAGE, _CELL_USAGE, tag=tag, optional=optional)


_NAME = Of("name", Of("part", Seq("attribute", Leaf("type", "oid", (0x06,)), Leaf("value", "text")), tag=0x31))


def _name(name: str) -> Of:
    return Of(name, _NAME.member)


_ALGORITHM = Seq("algorithm", Leaf("name", "oid", (0x06,)), Leaf("curve", "oid", (), True))
_PUBLIC_KEY = Seq("public key", _ALGORITHM, Leaf("point", "bits", (0x03,)))
_EXTENSION = Seq(
    "extension",
    Leaf("kind", "oid", (0x06,)),
    Leaf("critical", "bool", (0x01,), True),
    Leaf("value", "extension", (0x04,)),
)
CERTIFICATE = Seq(
    "certificate",
    Seq(
        "to be signed",
        Leaf("version", "version", (0xA0,), True),
        _int("serial number", "hex"),
        _ALGORITHM,
        _name("issuer"),
        Seq("validity", _time("from"), _time("to")),
        _name("subject"),
        _PUBLIC_KEY,
        Of("extensions", Of("list", _EXTENSION), tag=0xA3, optional=True),
    ),
    _ALGORITHM,
    Leaf("signature", "bits", (0x03,)),
)
_REQUEST = Seq(
    "certification request",
    Seq("to be signed", _int("version"), _name("subject"), _PUBLIC_KEY, Leaf("attributes", "", (0xA0,), True)),
    _ALGORITHM,
    Leaf("signature", "bits", (0x03,)),
)
_SPECIALIST = Of("top-up counters", Seq("counter", _int("usage", "top-up"), _int("counter")), optional=True)
_CHANGES = Of("counters", Seq("role counter", _ROLE, _int("counter"), _SPECIALIST))
_REPLACED = Seq(
    "cell",
    _cell("cell"),
    _int("status", "status", tag=0x0A),
    _octets("existing subject", "entity"),
    _octets("existing key id"),
    _octets("replacing subject", "entity"),
    _octets("replacing key id"),
)
_OUTCOME = Seq(
    "outcome", _int("authorising counter"), _int("mode", "mode"), _CHANGES, Of("cells", _REPLACED), optional=True
)
_UPDATE = Seq(
    "update security credentials",
    Seq(
        "control",
        _int("mode", "mode"),
        Leaf("plaintext symmetric key", "octets", (0x80,), True),
        _int("time based checks", "checks", True, 0x81),
        _cell("authorising cell", 0xA2, True),
        _int("authorising counter", "number", True, 0x83),
        _int("counter floor", "number", True, 0x84),
        Of("top-up counter floors", Seq("floor", _int("usage", "top-up"), _int("counter")), tag=0xA5, optional=True),
        Of(
            "other roles' counter floors",
            Seq("role floor", _ROLE, _int("counter"), _SPECIALIST),
            tag=0xA6,
            optional=True,
        ),
    ),
    Of("replacements", Seq("replacement", CERTIFICATE, _cell("target cell"))),
    Of("certification path", CERTIFICATE),
    _time("execution time", True),
)
_UPDATE_RESPONSE = Seq("update security credentials", Leaf("accepted", "", (0x05,)), _OUTCOME)
_UPDATE_ALERT = Seq("update security credentials", _int("alert code", "alert"), _time("execution time"), _OUTCOME)
_DETAILS_COMMAND = Seq("provide security credential details", _cell("authorising cell"), Of("roles", _ROLE))
_DETAILS_RESPONSE = Of(
    "security credential details",
    Seq(
        "role details",
        _ROLE,
        _int("status", "status", tag=0x0A),
        _int("counter", "number", True),
        Of(
            "cells",
            Seq("cell", _KEY_USAGE, _CELL_USAGE, _octets("subject", "entity"), _octets("key id")),
            optional=True,
        ),
    ),
)
_DEVICE = Seq("device", _octets("device id", "entity"), _int("device type", "device type"))
_JOIN_COMMAND = Seq(
    "join device",
    _int("method and role", "method"),
    _octets("other device", "entity"),
    _int("other device type", "device type"),
    Seq("certificate", *CERTIFICATE.members, optional=True),
)
_FIRMWARE_RESULT = Seq("activation", _int("result", "activation"), _octets("firmware version"))

# Message code -> (command, response, alert); None where there is none.
_Shapes = tuple["Leaf | None", "Leaf | None", "Leaf | None"]
STRUCTURES: dict[int, _Shapes] = {
    0x0008: (_DETAILS_COMMAND, _DETAILS_RESPONSE, None),
    0x011B: (_DETAILS_COMMAND, _DETAILS_RESPONSE, None),
    0x000A: (Seq("issue security credentials", _KEY_USAGE), Choice(_REQUEST, _int("result", "request")), None),
    0x000B: (CERTIFICATE, _int("result", "store"), None),
    0x000C: (Seq("provide device certificate", _KEY_USAGE), Choice(CERTIFICATE, _int("result", "provide")), None),
    0x000F: (_octets("device id", "entity"), _int("result", "unjoin"), None),
    0x0010: (_octets("device id", "entity"), _int("result", "unjoin"), None),
    0x0012: (
        Seq("activate firmware", _octets("image hash"), _int("counter"), _time("execution time", True)),
        Choice(_FIRMWARE_RESULT, Leaf("accepted", "", (0x05,))),
        None,
    ),
    0x00CA: (
        None,
        None,
        Seq(
            "activate firmware", _int("alert code", "alert"), _time("execution time"), _int("counter"),
            _FIRMWARE_RESULT,
        ),
    ),
    0x0013: (
        Leaf("read device log", "", (0x05,)),
        Seq("device log", _int("result", "outcome"), Of("devices", _DEVICE, optional=True)),
        None,
    ),
    0x0129: (
        Leaf("read firmware version", "", (0x05,)),
        Seq("firmware version", _octets("version"), _int("result", "outcome")),
        None,
    ),
    0x012B: (
        None,
        None,
        Seq(
            "firmware version", _int("alert code", "alert"), _time("time"), _octets("version"),
            _int("result", "outcome"),
        ),
    ),
    0x0128: (
        None,
        None,
        Seq(
            "firmware transfer", _int("alert code", "alert"), _time("time"), _octets("device id", "entity"),
            _octets("version"), _int("result", "transfer"),
        ),
    ),
    0x007F: (
        Seq("set clock", _time("validity start"), _time("validity end")),
        Seq("clock", _time("device time"), _int("status", "clock")),
        None,
    ),
    0x008C: (
        Seq("restore device log", Of("devices", _DEVICE)),
        Seq("restore device log", Of("devices", Seq("result", _DEVICE, _int("join result", "join")))),
        None,
    ),
    0x00B2: (
        None,
        None,
        Seq("device log backup", _int("alert code", "alert"), _time("time"), Of("devices", _DEVICE)),
    ),
    0x00CB: (None, None, _UPDATE_ALERT),
    0x0124: (None, None, _UPDATE_ALERT),
    0x00D5: (
        None,
        None,
        Seq(
            "undelivered message", _octets("originator", "entity"), _octets("target", "entity"), _int("kind", "cra"),
            _int("counter"),
        ),
    ),
}  # fmt: skip
for _code in (0x000D, 0x000E, 0x00AB, 0x00AF):
    STRUCTURES[_code] = (_JOIN_COMMAND, _int("result", "join"), None)
for _code in (*range(0x0100, 0x010A), 0x0125, 0x0126):
    STRUCTURES[_code] = (_UPDATE, _UPDATE_RESPONSE, None)


def oid_text(octets: bytes) -> str:
    """An object identifier in dotted form, with its name where we know it; hex when it is not well formed."""
    if not octets or octets[-1] & 0x80:
        return octets.hex().upper()
    parts = []
    value = 0
    for octet in octets:
        value = value << 7 | octet & 0x7F
        if not octet & 0x80:
            parts.append(value)
            value = 0
    first = min(parts[0] // 40, 2)
    dotted = ".".join(str(part) for part in [first, parts[0] - 40 * first, *parts[1:]])
    known = _OIDS.get(dotted)
    return f"{known} ({dotted})" if known else dotted


def _time_text(octets: bytes) -> str:
    text = octets.decode("latin-1")
    if text == "99991231235959Z":
        return "9999-12-31 23:59:59Z (never, or cancels a stored instruction)"
    digits = text.rstrip("Z")
    if len(digits) == 12 and digits.isdigit():
        digits = ("19" if digits >= "50" else "20") + digits
    if len(digits) != 14 or not digits.isdigit() or not text.endswith("Z"):
        return f"{text!r} is not a time"
    return f"{digits[:4]}-{digits[4:6]}-{digits[6:8]} {digits[8:10]}:{digits[10:12]}:{digits[12:14]}Z"


def _usage_text(octets: bytes) -> str:
    if len(octets) < 2:
        return octets.hex().upper()
    return _USAGES.get(octets[1], f"usages {octets[1:].hex().upper()}")


def _leaf_text(tag: int, octets: bytes, how: str, scene: Scene) -> str:
    """What the content octets of a value say."""
    if how == "usage":
        return _usage_text(octets)
    if how == "time" or tag in (0x17, 0x18):
        return _time_text(octets)
    if how == "entity" and len(octets) == 8:
        who = scene.who(octets)
        return f"{octets.hex().upper()} ({who})" if who else octets.hex().upper()
    if tag == 0x05 and not octets:
        return "null"
    if tag == 0x06 or how == "oid":
        return oid_text(octets)
    if how == "hex" or how == "octets":
        return octets.hex().upper() or "(empty)"
    if tag in (0x02, 0x0A) or tag & 0xE0 == 0x80 and how:
        if not octets:
            return "(empty)"
        if len(octets) > 10:
            return octets.hex().upper()
        value = int.from_bytes(octets, "big", signed=True)
        if how == "alert":
            return f"{value:04X} ({names.ALERTS.get(value, 'unknown code')})"
        if how in _CODED:
            return f"{value} ({_CODED[how].get(value, 'unknown')})"
        return str(value)
    if tag == 0x01:
        return "FALSE" if octets == b"\0" else "TRUE"
    if tag == 0x03:
        if how == "text" and len(octets) == 9:
            who = scene.who(octets[1:])
            return octets[1:].hex().upper() + (f" ({who})" if who else "")
        return octets[1:].hex().upper()
    if tag in (0x0C, 0x13, 0x16):
        return '"' + octets.decode("utf-8", "backslashreplace") + '"'
    return octets.hex().upper()


def value(reader: Reader, parent: Node, scene: Scene, form: "Leaf | None" = None, depth: int = 0) -> Node:
    """Reads one value and adds it to `parent`."""
    reader.spend()
    start = reader.pos
    offset = reader.offset
    node = parent.add("value", b"", "", offset)
    tag = reader.octet("a value")
    if isinstance(form, Choice):
        form = next((choice for choice in form.alternatives if tag in choice.tags), None)
    label = _UNIVERSAL.get(tag) or (f"[{tag & 0x1F}]" if tag & 0xC0 == 0x80 else f"tag {tag:02X}")
    node.name = form.name if form is not None and form.name else label
    if tag & 0x1F == 0x1F:
        raise Stop(f"tag {tag:02X} has a long form, which is not expected", offset)
    if depth > DEPTH_LIMIT:
        raise Stop(f"values nested more than {DEPTH_LIMIT} deep", offset)
    size = reader.length(node.name)
    if size > reader.left:
        raise Stop(f"{node.name} needs {size} octets, {reader.left} are left", reader.offset)
    inner = Reader(reader.data, reader.pos, reader.pos + size, reader.shift)
    inner.budget = reader.budget
    if tag & 0x20:
        _constructed(inner, node, scene, form, depth)
    else:
        octets = reader.data[inner.pos : inner.end]
        how = form.how if form is not None else ""
        node.text = _leaf_text(tag, octets, how, scene)
        if how == "extension":
            _extension(inner, parent, node, scene, depth)
        if form is not None and form.tags and tag not in form.tags:
            node.text += f" (expected {' or '.join(_UNIVERSAL.get(known, f'{known:02X}') for known in form.tags)})"
            node.mark = BAD
    reader.budget = inner.budget
    reader.pos = inner.end
    node.octets = reader.data[start : reader.pos]
    summary = _SUMMARIES.get(node.name)
    if summary is not None and tag & 0x20:
        text = summary(node)
        if text:
            node.text = text
            node.folded = node.name != "cell" or node.find("cell") is None
    return node


def _constructed(inner: Reader, node: Node, scene: Scene, form: "Leaf | None", depth: int) -> None:
    members = list(form.members) if isinstance(form, Seq) else []
    while inner.left > 0:
        member: Leaf | None = form.member if isinstance(form, Of) else None
        tag = inner.data[inner.pos]
        if members:
            # A member that may be missing is passed over when the tag is that of a later one.
            while len(members) > 1 and members[0].optional and members[0].tags and tag not in members[0].tags:
                members.pop(0)
            member = members.pop(0)
            if member.optional and member.tags and tag not in member.tags:
                member = None
        value(inner, node, scene, member, depth + 1)
    if isinstance(form, Of):
        node.text = entries(len(node.children))


def _extension(reader: Reader, parent: Node, node: Node, scene: Scene, depth: int) -> None:
    """The content of an X.509 extension: DER inside an octet string."""
    kind = parent.children[0].text if parent.children else ""
    form: Leaf | None = None
    if kind.startswith("key usage"):
        form = _KEY_USAGE
    elif kind.startswith("subject key"):
        form = _octets("key id")
    elif kind.startswith("authority key"):
        form = Seq("authority", Leaf("key id", "octets", (0x80,)))
    elif kind.startswith("certificate policies"):
        form = Of("policies", Seq("policy", Leaf("policy", "oid", (0x06,))))
    inner = Reader(reader.data, reader.pos, reader.end, reader.shift)
    inner.budget = reader.budget
    shell = Node("extension")
    try:
        child = value(inner, shell, scene, form, depth + 1)
    except Stop:
        # What an extension holds need not be DER: the octets are in the text already.
        return
    node.children = shell.children
    leaf = child
    while leaf.children:
        leaf = leaf.children[-1]
    if kind.startswith("subject alternative name") and len(leaf.octets) >= 8:
        leaf.text = _leaf_text(0x04, leaf.octets[-8:], "entity", scene)
    node.text = leaf.text
    parent.text = f"{kind.partition(' (')[0]}: {leaf.text}"
    parent.name = "extension"


def _part(node: Node, *path: str) -> str:
    found = node.find(*path)
    return found.text if found is not None else ""


def _name_summary(node: Node) -> str:
    shown = []
    for part in node.children:
        for attribute in part.children:
            if len(attribute.children) == 2:
                kind = attribute.children[0].text.partition(" (")[0]
                shown.append(f"{kind} {attribute.children[1].text}")
    return ", ".join(shown) or "(empty)"


def _certificate_summary(node: Node) -> str:
    inner = node.find("to be signed")
    if inner is None:
        return ""
    facts = [f"subject {_part(inner, 'subject')}", f"issuer {_part(inner, 'issuer')}"]
    extensions = inner.find("extensions", "list")
    for extension in extensions.children if extensions is not None else ():
        if extension.text.startswith(("key usage", "subject key identifier", "subject alternative")):
            facts.append(extension.text)
    facts.append(f"valid {_part(inner, 'validity', 'from')[:10]} to {_part(inner, 'validity', 'to')[:10]}")
    return "; ".join(facts)


def _meaning(text: str) -> str:
    """`supplier` of `2 (supplier)`; other texts as they are."""
    number, _, meaning = text.partition(" (")
    return meaning.rstrip(")") if meaning and number.isdigit() else text


def _cell_summary(node: Node) -> str:
    if node.find("cell") is not None:
        return f"{_part(node, 'cell')}: {_meaning(_part(node, 'status'))}"
    shown = [_meaning(_part(node, name)) for name in ("role", "key usage", "cell usage", "subject")]
    key_id = _part(node, "key id")
    return ", ".join([*(text for text in shown if text), *([f"key id {key_id}"] if key_id else [])])


_SUMMARIES: "dict[str, Callable[[Node], str]]" = {
    "issuer": _name_summary,
    "subject": _name_summary,
    "certificate": _certificate_summary,
    "cell": _cell_summary,
    "authorising cell": _cell_summary,
    "target cell": _cell_summary,
}


def payload(reader: Reader, node: Node, scene: Scene, code: int, cra: int) -> "tuple[int, int] | None":
    """Reads an ASN.1 payload. The answer is the message code and counter of the command that an alert speaks of, or
    None when it is not an alert about a command (the code is then not in the message: 0 stands for it).
    """
    forms = STRUCTURES.get(code)
    form = forms[cra - 1] if forms is not None and 1 <= cra <= 3 else None
    body = value(reader, node, scene, form)
    if cra == 3:
        for path in (("counter",), ("outcome", "authorising counter")):
            found = body.find(*path)
            if found is not None and found.text.isdigit():
                return 0, int(found.text)
    return None
