"""Shows what a GBCS message says: the envelope, the payload, and whether signature and MAC are authentic.

`decode` never refuses: what it can read it shows, what it does not know it shows as octets with their offset, and where
a message is damaged it says so and goes on behind the damage when a length tells it where that is. The rules are those
of GBCS 7.2 (envelope), 4 (cryptography), 7.2.10 (GBZ), 10 (general block transfer).
"""

from typing import TYPE_CHECKING

from slotmeter.boards.pc import decode_asn1, decode_gbz, names
from slotmeter.boards.pc.decode_dlms import (
    Item,
    Scene,
    access_request,
    access_response,
    asked_objects,
    data_notification,
    date_time_text,
    obis_text,
    stopped,
    trailing,
)
from slotmeter.boards.pc.decode_node import BAD, CLOSED, GOOD, STOPPED, UNKNOWN, Node, Reader, Stop, plural
from slotmeter.dlms.gbcs import keys, roles
from slotmeter.firmware.usecases import OPTIONAL, POLYPHASE, SINGLE, TWIN, USE_CASES
from slotmeter.hal.host.crypto import HostCrypto

if TYPE_CHECKING:
    from slotmeter.boards.pc.cast import Cast

COMMAND, RESPONSE, ALERT = 1, 2, 3
_KINDS = {COMMAND: "command", RESPONSE: "response", ALERT: "alert"}
_NO_KEYS = "no keys were given (--rtds or --keys)"
_BLOCK_TAG = 0xE0
# GBCS 10: a message of more blocks than this is no message.
_MOST_BLOCKS = 4096

# The security header of a MAC (facts 1.1).
_SECURITY_HEADER = b"\x11\x00\x00\x00\x00"

_crypto = HostCrypto()

# Objects inside the encrypted part of a response, by message code (facts 4.4), for when the command is not at hand.
_PROTECTED: dict[int, tuple[tuple[int, str, int], ...]] = {
    0x0027: ((1, "0-0:94.44.34.10", 2),),
    0x0029: ((1, "0-0:94.44.34.1", 2),),
    0x002A: ((1, "0-0:94.44.34.2", 2),),
    0x002D: ((1, "0-0:94.44.34.30", 2),),
    0x002F: ((7, "0-0:98.1.2.255", 2),),
    0x0030: ((7, "0-0:98.1.0.255", 2), (7, "0-0:98.1.1.255", 2)),
    0x0033: ((7, "0-0:98.1.9.255", 2),),
    0x0034: ((7, "0-0:98.1.8.255", 2),),
    0x0037: ((7, "0-0:99.1.0.255", 2),),
    0x0060: ((7, "0-0:99.1.3.255", 2),),
    0x0061: ((7, "0-0:98.1.0.255", 2), (7, "0-0:98.1.1.255", 2)),
}


class Decoded:
    """A message and what was found.

    root: the tree; data: the octets; kind: "command", "response", "alert", "pre-command", "block" or "message" when
    that could not be read; code, counter: numbers, -1 when not read; originator, target: 8 octets or b"". stops:
    (offset, reason) where reading ended early. mac, signature: "authentic", "not authentic", "not checked" or "" for
    none. encrypted, decrypted: how many encrypted parts there are, and of how many the plaintext is shown. items,
    objects: what a DLMS command touches, for reading its response. about: code and counter of the command that an alert
    speaks of (code 0 when it does not say).
    """

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.root = Node("message", data)
        self.kind = "message"
        self.code = -1
        self.counter = -1
        self.originator = b""
        self.target = b""
        self.stops: list[tuple[int, str]] = []
        self.mac = ""
        self.signature = ""
        self.encrypted = 0
        self.decrypted = 0
        self.items: list[Item] = []
        self.objects: list[tuple[int, str, int]] = []
        self.about: tuple[int, int] | None = None
        self.blocks: list[Block] = []

    def __repr__(self) -> str:
        return f"Decoded({self.title}, {len(self.data)} octets)"

    @property
    def damaged(self) -> bool:
        """Whether reading stopped anywhere."""
        return bool(self.stops)

    @property
    def sound(self) -> bool:
        """Whether it was read to the end and no check failed."""
        return not self.stops and "not authentic" not in (self.mac, self.signature)

    @property
    def title(self) -> str:
        """`ECS17b response 1001`."""
        if self.code < 0:
            return self.kind
        known = names.MESSAGES.get(self.code)
        return f"{known[0] if known else f'{self.code:04X}'} {self.kind} {self.counter}"

    def as_json(self) -> dict[str, object]:
        """Everything as plain values; hex in upper case."""
        result: dict[str, object] = {"title": self.title, "kind": self.kind, "hex": self.data.hex().upper()}
        if self.code >= 0:
            known = names.MESSAGES.get(self.code)
            result["code"] = f"{self.code:04X}"
            if known:
                result["useCase"] = known[0]
            result["counter"] = self.counter
            result["originator"] = self.originator.hex().upper()
            result["target"] = self.target.hex().upper()
        if self.mac:
            result["mac"] = self.mac
        if self.signature:
            result["signature"] = self.signature
        if self.encrypted:
            result["encryptedParts"] = self.encrypted
            result["decryptedParts"] = self.decrypted
        result["stopped"] = [{"offset": offset, "reason": reason} for offset, reason in self.stops]
        result["tree"] = self.root.as_json()
        return result


class Block:
    """One block of a message that was cut up for transfer (facts 10.1)."""

    def __init__(self, key: bytes, number: int, last: bool, data: bytes) -> None:
        self.key = key
        self.number = number
        self.last = last
        self.data = data


def decode(data: bytes, cast: "Cast | None" = None, command: "Decoded | None" = None) -> Decoded:
    """Reads one message. `cast` has the keys; `command` is the command that a response answers, when it is known."""
    decoded = Decoded(data)
    reader = Reader(data)
    try:
        if not data:
            raise Stop("no octets", 0)
        if data[0] == 0xDD and data[1:2] == b"\x09":
            _blocks(reader, decoded, cast)
        else:
            _message(reader, decoded, cast, command)
    except Stop as stop:
        stopped(decoded.root, reader, stop)
    decoded.stops = sorted(
        {(node.offset, node.text) for node in decoded.root.walk() if node.mark == STOPPED}, key=lambda stop: stop[0]
    )
    decoded.root.name = decoded.title
    if not decoded.root.text:
        known = names.MESSAGES.get(decoded.code)
        decoded.root.text = f"{known[1]} (message code {decoded.code:04X})" if known else ""
        if decoded.code >= 0 and not known:
            decoded.root.text = "unknown message code"
            decoded.root.mark = UNKNOWN
    return decoded


def _field(reader: Reader, node: Node, name: str, size: int) -> "tuple[bytes, Node]":
    """A field of known length with its length octet."""
    offset = reader.offset
    found = reader.octet(f"length of {name}")
    if found != size:
        raise Stop(f"{name} has {found} octets instead of {size}", offset)
    octets = reader.take(size, name)
    return octets, node.add(name, octets, octets.hex().upper(), offset + 1)


def _party_text(cast: "Cast | None", entity_id: bytes) -> str:
    name = cast.name_of(entity_id) if cast is not None else ""
    return f"{entity_id.hex().upper()} ({name})" if name else entity_id.hex().upper()


def _holder_text(cast: "Cast | None", entity_id: bytes) -> str:
    """`supplier 90B3D51F30010000`: whose key it is."""
    name = cast.name_of(entity_id) if cast is not None else ""
    return f"{name} {entity_id.hex().upper()}".lstrip()


def _message(reader: Reader, decoded: Decoded, cast: "Cast | None", command: "Decoded | None") -> None:
    root = decoded.root
    mac = b""
    cut = False
    if reader.data[0] == 0xDD:
        node = root.add("MAC header", b"", "", 0)
        fields = reader.take(7, "MAC header")
        if fields[1:] != bytes(6):
            node.text = "fields that are empty in GBCS are not: " + fields[1:].hex().upper()
            node.mark = BAD
        offset = reader.offset
        length = reader.length("MACed part")
        cut = length > reader.left
        if length != reader.left:
            node.text = f"{length} octets follow, says the header; there are {reader.left}"
            node.mark = BAD
        reader.end = min(reader.end, reader.pos + length)
        offset = reader.offset
        header = reader.take(5, "security header")
        node.add("security header", header, header.hex().upper(), offset, "" if header == _SECURITY_HEADER else UNKNOWN)
        node.octets = reader.data[: reader.pos]
        if not node.text:
            node.text = f"{length} octets follow"
            node.hidden = header == _SECURITY_HEADER
        if not cut and reader.left >= 12:
            reader.end -= 12
            mac = reader.data[reader.end : reader.end + 12]
    start = reader.pos
    cra, payload_end = _grouping(reader, decoded, cast, command)
    signature = b""
    if reader.left == 0 and not cut and not mac and cra == COMMAND and reader.data[0] == 0xDF:
        decoded.kind = "pre-command"
    else:
        offset = reader.offset
        size = reader.octet("signature length")
        node = root.add("signature", b"", "none", offset)
        if size:
            signature = reader.take(size, "signature")
            node.octets = signature
            node.offset = offset + 1
            if size != 64:
                node.text = f"{size} octets instead of 64"
                node.mark = BAD
            else:
                _check_signature(node, decoded, cast, signature, reader.data[start + 1 : payload_end])
        elif not mac and not cut and cra == COMMAND:
            decoded.kind = "pre-command"
    if cut:
        reader.take(12, "MAC")
    trailing(reader, root)
    if mac:
        node = root.add("MAC", mac, "", reader.end)
        _check_mac(node, decoded, cast, cra, mac, reader.data[start : reader.end])
        if reader.end + 12 < len(reader.data):
            rest = Reader(reader.data, reader.end + 12)
            trailing(rest, root)


def _grouping(reader: Reader, decoded: Decoded, cast: "Cast | None", command: "Decoded | None") -> "tuple[int, int]":
    """Header and payload: the CRA flag, and where the payload ends."""
    root = decoded.root
    start = reader.pos
    header = root.add("header", b"", "", reader.offset)
    offset = reader.offset
    tag = reader.octet("general-signing header")
    if tag != 0xDF:
        raise Stop(f"tag {tag:02X} is neither that of a GBCS message (DF) nor of a MACed one (DD)", offset)
    offset = reader.offset
    size = reader.octet("length of transaction id")
    if size != 9:
        raise Stop(f"transaction id has {size} octets instead of 9", offset)
    offset = reader.offset
    cra = reader.octet("CRA flag")
    kind = _KINDS.get(cra)
    shown = header.add("kind", bytes((cra,)), kind or f"unknown CRA flag {cra}", offset, "" if kind else UNKNOWN)
    shown.hidden = bool(kind)
    decoded.kind = kind or "message"
    offset = reader.offset
    counter = reader.take(8, "originator counter")
    decoded.counter = int.from_bytes(counter, "big")
    header.add("counter", counter, str(decoded.counter), offset).hidden = True
    decoded.originator, node = _field(reader, header, "originator", 8)
    node.text = _party_text(cast, decoded.originator)
    decoded.target, node = _field(reader, header, "target", 8)
    node.text = _party_text(cast, decoded.target)
    offset = reader.offset
    size = reader.octet("length of date-time")
    if size:
        octets = reader.take(size, "date-time")
        text = date_time_text(octets) if size == 12 else ""
        header.add("date-time", octets, text or octets.hex().upper(), offset + 1, "" if text else UNKNOWN)
    size = reader.length("other information")
    if size < 2 or size > reader.left:
        raise Stop(f"other information of {plural(size, 'octet')}", reader.offset)
    other_end = reader.pos + size
    offset = reader.offset
    octets = reader.take(2, "message code")
    decoded.code = int.from_bytes(octets, "big")
    known = names.MESSAGES.get(decoded.code)
    text = f"{decoded.code:04X} {known[0]}: {known[1]}" if known else "unknown"
    shown = header.add("message code", octets, text, offset, "" if known else UNKNOWN)
    shown.hidden = bool(known)
    remote, own_counter = _supplementary(Reader(reader.data, reader.pos, other_end, reader.shift), header, cast)
    reader.pos = other_end
    header.octets = reader.data[start : reader.pos]
    size = reader.length("payload")
    node = root.add("payload", b"", "", reader.offset)
    missing = size - reader.left
    end = min(reader.pos + size, reader.end)
    inner = Reader(reader.data, reader.pos, end, reader.shift)
    node.octets = reader.data[reader.pos : end]
    scene = Scene(
        cast.name_of if cast is not None else lambda _: "",
        _unsealer(decoded, cast, cra, counter, remote, own_counter),
    )
    try:
        _payload(inner, node, scene, decoded, cra, command)
        if inner.left:
            trailing(inner, node)
    except Stop as stop:
        stopped(node, inner, stop)
    decoded.encrypted = scene.opened + scene.closed
    decoded.decrypted = scene.opened
    reader.pos = end
    if missing > 0:
        raise Stop(f"payload needs {size} octets, {size - missing} are there", reader.offset)
    return cra, end


def _supplementary(reader: Reader, header: Node, cast: "Cast | None") -> "tuple[bytes, bytes]":
    """What follows the message code: remote party and own counter, b"" for what is not there (facts 1.4)."""
    size = reader.left
    if size == 0:
        return b"", b""
    node = header.add("supplementary", reader.data[reader.pos : reader.end], plural(size, "octet"), reader.offset)
    remote = own_counter = b""
    if size < 8:
        trailing(reader, node)
        return b"", b""
    offset = reader.offset
    remote = reader.take(8, "remote party")
    node.add("remote party", remote, _party_text(cast, remote), offset)
    if reader.left >= 8:
        offset = reader.offset
        octets = reader.take(8, "remote party counter")
        node.add("remote party counter", octets, str(int.from_bytes(octets, "big")), offset)
    if reader.left >= 2 and reader.data[reader.pos] == 0x30 and reader.left != 8:
        try:
            decode_asn1.value(
                reader, node, Scene(cast.name_of if cast is not None else lambda _: ""), decode_asn1.CERTIFICATE
            )
        except Stop as stop:
            stopped(node, reader, stop)
            return remote, own_counter
    elif reader.left == 8:
        offset = reader.offset
        own_counter = reader.take(8, "device's own counter")
        node.add("device's own counter", own_counter, str(int.from_bytes(own_counter, "big")), offset)
    trailing(reader, node)
    return remote, own_counter


def _payload(reader: Reader, node: Node, scene: Scene, decoded: Decoded, cra: int, command: "Decoded | None") -> None:
    if reader.left == 0:
        node.text = "empty"
        return
    first = reader.data[reader.pos]
    if first == 0xD9:
        node.text = "DLMS access-request"
        reader.pos += 1
        decoded.items = access_request(reader, node, scene)
        decoded.objects = asked_objects(node)
    elif first == 0xDA:
        node.text = "DLMS access-response"
        reader.pos += 1
        asked, objects = _asked(decoded.code, command)
        access_response(reader, node, scene, asked, objects)
    elif first == 0x0F:
        node.text = "DLMS data-notification"
        reader.pos += 1
        decoded.about = data_notification(reader, node, scene, decoded.code, list(_PROTECTED.get(decoded.code, ())))
    elif reader.data[reader.pos : reader.pos + 2] == decode_gbz.PROFILE:
        node.text = "GBZ"
        reader.pos += 2
        if cra == ALERT:
            decoded.about = decode_gbz.alert(reader, node, scene, decoded.code)
        else:
            decode_gbz.grouped(reader, node, scene)
    else:
        node.text = "ASN.1"
        decoded.about = decode_asn1.payload(reader, node, scene, decoded.code, cra)


def _asked(code: int, command: "Decoded | None") -> "tuple[list[list[Item]], list[tuple[int, str, int]]]":
    """What a response may answer: what its command asked for, else what the use case asks for."""
    if command is not None and command.items:
        return [command.items], command.objects
    return _use_case_items(code), list(_PROTECTED.get(code, ()))


def _use_case_items(code: int) -> "list[list[Item]]":
    """The items of a use case: whole for each variant of an electricity meter, then without what is optional."""
    row = next((row for row in USE_CASES if row[0] == code), None)
    found: list[list[Item]] = []
    if row is not None:
        for optional in (True, False):
            for variant in (SINGLE, TWIN, POLYPHASE):
                items = [
                    (kind, key[0] << 8 | key[1], obis_text(key[2:8]), key[8])
                    for kind, key, variants, flags in row[8]
                    if variants & variant and (optional or not flags & OPTIONAL)
                ]
                found.append(items)
    known = names.MESSAGES.get(code)
    items = []
    for text in known[3] if known is not None else ():
        class_id, obis, member = text.split("/")
        items.append((3 if member.startswith("m") else 1, int(class_id), obis, int(member.lstrip("m"))))
    found.append(items)
    return found


def _unsealer(
    decoded: Decoded, cast: "Cast | None", cra: int, counter: bytes, remote: bytes, own_counter: bytes
) -> "Unsealer":
    recipient = remote or decoded.target
    return Unsealer(cast, decoded.originator, own_counter or counter, recipient, cra)


class Unsealer:
    """Opens the encrypted parts of one message (facts 2.1 and 2.4)."""

    def __init__(self, cast: "Cast | None", device: bytes, counter: bytes, recipient: bytes, cra: int) -> None:
        self._cast = cast
        self._device = device
        self._counter = counter
        self._recipient = recipient
        self._cra = cra

    def __repr__(self) -> str:
        return f"Unsealer({self._device.hex()} to {self._recipient.hex()})"

    def __call__(self, sealed: bytes) -> "bytes | str":
        """The plaintext, or why there is none."""
        cast = self._cast
        if cast is None:
            return _NO_KEYS
        if self._cra == COMMAND:
            return "a command has no encrypted parts"
        z = cast.z(self._device, self._recipient)
        if z is None:
            return f"no key of {_holder_text(cast, self._device)} or {_holder_text(cast, self._recipient)}"
        opened = keys.unseal(_crypto, z, self._device, self._counter, self._recipient, sealed)
        return opened if opened is not None else "cannot be decrypted with the keys at hand"


def _check_signature(node: Node, decoded: Decoded, cast: "Cast | None", signature: bytes, signed: bytes) -> None:
    who = _holder_text(cast, decoded.originator)
    publics = cast.signers(decoded.originator) if cast is not None else []
    if not publics:
        reason = f"no key of {who}" if cast is not None else _NO_KEYS
        node.text = f"cannot be checked: {reason}"
        node.mark = CLOSED
        decoded.signature = "not checked"
    elif any(_crypto.verify(public, signature, signed) for public in publics):
        node.text = f"authentic ({who})"
        node.mark = GOOD
        decoded.signature = "authentic"
    else:
        node.text = f"NOT authentic: not made by {who} over this message"
        node.mark = BAD
        decoded.signature = "not authentic"


def _mac_pairs(decoded: Decoded, cast: "Cast", cra: int) -> "list[tuple[bytes, bytes]]":
    """Whose secrets may have made the MAC, the likeliest first: the device, and who agreed it with the device."""
    if cra != COMMAND:
        return [(decoded.originator, decoded.target)]
    # Every command of a remote party has the MAC of the access control broker; a device's has its own.
    brokers = sorted(party.entity_id for party in cast.parties.values() if party.role == roles.ACCESS_CONTROL_BROKER)
    strangers = sorted(
        party.entity_id
        for party in cast.parties.values()
        if party.role is None and party.ka_private and not party.issuer
    )
    return [(decoded.target, party) for party in [*brokers, decoded.originator, *strangers]]


def _check_mac(node: Node, decoded: Decoded, cast: "Cast | None", cra: int, mac: bytes, body: bytes) -> None:
    decoded.mac = "not checked"
    node.mark = CLOSED
    if cast is None:
        node.text = f"cannot be checked: {_NO_KEYS}"
        return
    tried: list[bytes] = []
    missing: list[bytes] = []
    for device, party in _mac_pairs(decoded, cast, cra):
        z = cast.z(device, party)
        if z is None:
            missing.append(party)
        elif keys.mac(_crypto, z, body) == mac:
            node.text = f"authentic ({_holder_text(cast, party)})"
            node.mark = GOOD
            decoded.mac = "authentic"
            return
        else:
            tried.append(party)
    if not tried:
        device = decoded.target if cra == COMMAND else decoded.originator
        shown = " or ".join(_holder_text(cast, one) for one in dict.fromkeys([device, *missing]))
        node.text = f"cannot be checked: no key of {shown}"
        return
    # A device's command to another device has a MAC that only those two can make.
    if cra == COMMAND and decoded.originator in missing and _is_device(cast, decoded.originator):
        node.text = (
            f"cannot be checked: no key of {_holder_text(cast, decoded.originator)} "
            f"or {_holder_text(cast, decoded.target)}"
        )
        return
    node.text = "NOT authentic: not made over this message with the key of " + " or ".join(
        _holder_text(cast, party) for party in tried
    )
    node.mark = BAD
    decoded.mac = "not authentic"


def _is_device(cast: "Cast", entity_id: bytes) -> bool:
    party = cast.by_id(entity_id)
    return party is not None and party.role is None


# ---- general block transfer


def _blocks(reader: Reader, decoded: Decoded, cast: "Cast | None") -> None:
    """One block after another, each with its routing header."""
    decoded.kind = "block"
    root = decoded.root
    root.text = "general block transfer"
    while reader.left > 0:
        if len(decoded.blocks) >= _MOST_BLOCKS:
            raise Stop(f"more than {_MOST_BLOCKS} blocks", reader.offset)
        _block(reader, root, decoded, cast)
    whole = assemble(decoded.blocks)
    if whole is not None and len(whole) == 1:
        inner = decode(whole[0], cast)
        root.children.append(inner.root)
        inner.root.name = f"assembled: {inner.root.name}"
        decoded.mac, decoded.signature = inner.mac, inner.signature
        decoded.encrypted, decoded.decrypted = inner.encrypted, inner.decrypted


def _block(reader: Reader, root: Node, decoded: Decoded, cast: "Cast | None") -> None:
    start = reader.pos
    node = root.add("block", b"", "", reader.offset)
    header = node.add("routing header", b"", "", reader.offset)
    offset = reader.offset
    tag = reader.octet("routing header")
    if tag != 0xDD:
        raise Stop(f"tag {tag:02X} is not that of a routing header (DD)", offset)
    transaction, _ = _field(reader, header, "transaction id", 9)
    decoded.counter = int.from_bytes(transaction[1:], "big")
    header.children[-1].text = f"{_KINDS.get(transaction[0], 'unknown')} counter {decoded.counter}"
    decoded.originator, shown = _field(reader, header, "originator", 8)
    shown.text = _party_text(cast, decoded.originator)
    decoded.target, shown = _field(reader, header, "target", 8)
    shown.text = _party_text(cast, decoded.target)
    size = reader.octet("length of date-time")
    reader.take(size, "date-time")
    code, shown = _field(reader, header, "message code", 2)
    decoded.code = int.from_bytes(code, "big")
    known = names.MESSAGES.get(decoded.code)
    shown.text = f"{decoded.code:04X} {known[0]}: {known[1]}" if known else f"{decoded.code:04X}, unknown"
    size = reader.octet("length of key info")
    reader.take(size, "key info")
    size = reader.length("block")
    if size > reader.left:
        raise Stop(f"block needs {size} octets, {reader.left} are left", reader.offset)
    end = reader.pos + size
    reader.take(5, "security header")
    header.octets = reader.data[start : reader.pos]
    offset = reader.offset
    tag = reader.octet("general-block-transfer")
    if tag != _BLOCK_TAG:
        raise Stop(f"tag {tag:02X} is not general-block-transfer (E0)", offset)
    offset = reader.offset
    control = reader.octet("block control")
    flags = [text for bit, text in ((0x80, "last"), (0x40, "streaming")) if control & bit]
    flags.append(f"window {control & 0x3F}")
    node.add("control", bytes((control,)), ", ".join(flags), offset)
    offset = reader.offset
    number = reader.number(2, "block number")
    node.add("number", number.to_bytes(2, "big"), str(number), offset)
    offset = reader.offset
    acknowledged = reader.number(2, "block number acknowledged")
    node.add("acknowledged", acknowledged.to_bytes(2, "big"), str(acknowledged), offset)
    offset = reader.offset
    size = reader.length("block data")
    data = reader.take(size, "block data")
    node.add("data", data, plural(size, "octet") if size else "none: an acknowledgement", reader.offset - size)
    node.text = f"{number}{', last' if control & 0x80 else ''}"
    node.octets = reader.data[start : reader.pos]
    if size:
        key = transaction + decoded.originator + decoded.target + code
        decoded.blocks.append(Block(key, number, bool(control & 0x80), data))
    if reader.pos != end:
        inner = Reader(reader.data, reader.pos, max(end, reader.pos), reader.shift)
        trailing(inner, node)
        reader.pos = max(end, reader.pos)


def assemble(blocks: "list[Block]") -> "list[bytes] | None":
    """The whole messages that `blocks`, in any order, make up; None when there are no blocks."""
    if not blocks:
        return None
    messages = []
    of: dict[bytes, dict[int, Block]] = {}
    for block in blocks:
        of.setdefault(block.key, {})[block.number] = block
    for numbered in of.values():
        last = next((block.number for block in numbered.values() if block.last), 0)
        if last and all(number in numbered for number in range(1, last + 1)):
            messages.append(b"".join(numbered[number].data for number in range(1, last + 1)))
    return messages
