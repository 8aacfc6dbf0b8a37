"""Builds the command that a remote party would send: use case and fields in, a whole protected message out.

The tables say what goes in: firmware/usecases.py the order of the objects, the protection and the roles, fields.py
the values. Protection is that of facts 2: a critical command is signed by its originator, and every command to a
device has a MAC between the access control broker and the device, whoever the originator is. Through the broker (`urp`)
the header names the broker, and supplementary fields name the remote party on whose behalf it sends.
"""

import struct
from collections.abc import Callable
from typing import Any

from slotmeter.boards.pc import asn1_commands, top_up_token
from slotmeter.boards.pc.errors import SlotmeterError
from slotmeter.boards.pc.field_values import BadValue, Filler, Node, describe_leaf, parse_time, parts
from slotmeter.boards.pc.fields import FIELDS
from slotmeter.dlms import dates
from slotmeter.dlms.apdu import ACTION, GET, GET_WITH_SELECTION, SET, Item, build_access_request
from slotmeter.dlms.gbcs import keys, message, roles
from slotmeter.firmware import usecases
from slotmeter.hal.crypto import Crypto

# Who is asked first when several roles may send a use case.
_ROLE_ORDER = (
    roles.SUPPLIER,
    roles.NETWORK_OPERATOR,
    roles.ACCESS_CONTROL_BROKER,
    roles.TRANSITIONAL_COS,
    roles.WAN_PROVIDER,
    roles.RECOVERY,
    roles.LOAD_CONTROLLER,
    roles.CONTINGENCY,
    roles.ROOT,
)
VARIANTS = {"single": usecases.SINGLE, "twin": usecases.TWIN, "polyphase": usecases.POLYPHASE}
_GET_PROTECTED = 30
# The clock, whose time restricts a selective read (GBCS 20; facts 4.2).
_RESTRICTING = b"\x02\x04\x12\x00\x01\x09\x06\x00\x00\x5e\x2c\x64\xff\x0f\x02\x12\x00\x00"
# Key information of a protected read: agreed key, scheme C(0e, 2s) (facts 4.4).
_KEY_INFO = b"\x02\x02\x16\x02\x02\x02\x09\x01\x02\x09\x00"


class UseCase:
    """One row of the use case table, with names."""

    def __init__(self, row: "tuple[Any, ...]") -> None:
        (
            self.code,
            self.name,
            self.title,
            self.payload,
            self._protection,
            self._by_role,
            self._roles,
            self.flags,
            self.items,
        ) = row

    def roles(self) -> "list[int]":
        """Who may send it, the usual sender first."""
        return [role for role in _ROLE_ORDER if self._roles >> role & 1]

    def protection(self, role: int) -> int:
        """The protection bits when `role` sends it."""
        for one, bits in self._by_role:
            if one == role:
                return int(bits)
        return int(self._protection)

    def kind(self) -> str:
        """What it is, in a word for --list."""
        if self.payload == usecases.ASN1 and not self.flags & usecases.REPLAY:
            return "read"
        if (
            self.payload == usecases.DLMS
            and all(item[0] == GET for item in self.items)
            or self.flags & usecases.ENCRYPTED
        ):
            return "read"
        return "critical" if self._protection & usecases.COMMAND_SIGNED else "update"


class Field:
    """A field that a tester may fill in: name, node of its type, default (None when there is none), help."""

    def __init__(self, name: str, kind: str, default: Any, text: str, optional: bool) -> None:
        self.name = name
        self.kind = kind
        self.default = default
        self.text = text
        self.optional = optional


def use_cases() -> "list[UseCase]":
    """Every use case of the meter, by code."""
    return [UseCase(row) for row in usecases.USE_CASES]


def find(name: str) -> UseCase:
    """The use case called `name`, in either case, or by its message code; SlotmeterError with near names."""
    wanted = name.strip().lower()
    rows = use_cases()
    for case in rows:
        if wanted in (case.name.lower(), "0x%04x" % case.code, "%04x" % case.code):
            return case
    near = [case.name for case in rows if case.name.lower().startswith(wanted[:4])] if wanted else []
    hint = "did you mean %s?" % ", ".join(near[:8]) if near else "see them all with slotmeter request --list"
    raise SlotmeterError("there is no use case %s: %s" % (name, hint))


class Order:
    """What the tester asked for besides the fields.

    role: who sends, or None for the usual one; party: who of several in that role, as the cast calls it; urp: through
    the access control broker; when: `now`, `cancel` or a time, for what can be future-dated; begin, end: text of the
    bounds of a log read; variant: of the meter; now_s: what `now` is; counter, party_counter: originator counters of
    the header and of the remote party behind the broker.
    """

    def __init__(
        self,
        role: "int | None" = None,
        urp: bool = False,
        when: str = "now",
        begin: str = "-31d",
        end: str = "now",
        variant: str = "single",
        now_s: int = 0,
        counter: int = 0,
        party_counter: int = 0,
        party: str = "",
    ) -> None:
        self.role = role
        self.urp = urp
        self.when = when
        self.begin = begin
        self.end = end
        self.variant = variant
        self.now_s = now_s
        self.counter = counter
        self.party_counter = party_counter
        self.party = party


def sender(case: UseCase, order: Order) -> int:
    """The role that sends; SlotmeterError when it may not, so that the answer is not a silent refusal by mistake."""
    allowed = case.roles()
    if order.role is None:
        if order.urp:
            # A remote party that the meter does not know: never the holder of the supplier's cells.
            others = [role for role in allowed if role not in (roles.SUPPLIER, roles.ACCESS_CONTROL_BROKER)]
            return others[0] if others else roles.NETWORK_OPERATOR
        return allowed[0]
    return order.role


def instruction_time(case: UseCase, order: Order) -> "tuple[bytes, int | None]":
    """The activation time in a DLMS command, and for ASN.1 in seconds: None is now, CANCEL_TIME cancels."""
    if order.when == "now":
        return dates.NOW, None
    if not case.flags & usecases.FUTURE:
        raise SlotmeterError("%s cannot be future-dated: leave out --at and --cancel" % case.name)
    if order.when == "cancel":
        return dates.CANCEL, asn1_commands.CANCEL_TIME
    try:
        seconds = parse_time(order.when, order.now_s)
    except BadValue as error:
        raise SlotmeterError("--at %s: %s" % (order.when, error)) from None
    return dates.from_seconds(seconds), seconds


def _row(case: UseCase, key: bytes) -> "tuple[Node, dict[str, Any], str]":
    """Value, defaults and help of an object in a use case."""
    for name, node, defaults, text in FIELDS.get(key.hex(), ()):
        if name in ("", case.name):
            return node, defaults, text
    raise SlotmeterError("%s: the value of object %s is not in the table of fields" % (case.name, key.hex()))


def fields(case: UseCase, variant: str = "single") -> "list[Field]":
    """The fields of a use case, in the order of the message."""
    if case.payload == usecases.ASN1:
        return [Field(*row, optional=False) for row in asn1_commands.FIELDS.get(asn1_commands.family(case.name), ())]
    found: "list[Field]" = []
    for kind, key, variants, flags in case.items:
        if kind == GET or not variants & VARIANTS[variant] or key[:2] == b"\x00\x1e":
            continue
        node, defaults, text = _row(case, key)
        for part in parts(node):
            default = defaults.get(part[1], part[4] if part[0] not in ("array", "structure") else None)
            optional = bool(flags & usecases.OPTIONAL)
            found.append(Field(part[1], describe_leaf(part), default, text, optional))
    if case.name == "CS01a":
        found.append(
            Field("amount", "money", "£5.00", "make a token of this much instead of utrn=; whole pence", False)
        )
    return found


def _check_names(case: UseCase, variant: str, given: "dict[str, Any]") -> None:
    """Refuses fields that the use case does not have."""
    known = [field.name for field in fields(case, variant)]
    for name in given:
        if name not in known:
            has = "its fields are %s" % ", ".join(known) if known else "it has no fields"
            raise SlotmeterError("%s has no field %s: %s" % (case.name, name, has))


def _selection(order: Order) -> "tuple[int, int]":
    """The bounds of a log read in seconds since 2000."""
    bounds = []
    for option, text in (("--from", order.begin), ("--to", order.end)):
        try:
            bounds.append(max(0, parse_time(text, order.now_s)))
        except BadValue as error:
            raise SlotmeterError("%s %s: %s" % (option, text, error)) from None
    if bounds[0] > bounds[1]:
        raise SlotmeterError("--from is later than --to")
    return bounds[0], bounds[1]


def _protected(
    keys_wanted: "tuple[bytes, ...]", bounds: "tuple[int, int]", counter: bytes, reader: bytes, device: bytes
) -> bytes:
    """The argument of get_protected_attributes (facts 4.4): which attributes, and for whom they are to be encrypted."""
    wanted = [b"\x01", bytes((len(keys_wanted),))]
    for key in keys_wanted:
        wanted.append(b"\x02\x05\x12" + key[:2] + b"\x09\x06" + key[2:8] + b"\x0f" + key[8:] + b"\x12\x00\x00")
        if key[:2] == b"\x00\x07":
            first, last = dates.from_seconds(bounds[0]), dates.from_seconds(bounds[1])
            wanted.append(b"\x02\x02\x16\x01\x02\x02\x09\x0c" + first + b"\x09\x0c" + last)
        else:
            wanted.append(b"\x02\x02\x16\x00\x00")
    transaction = b"\x09\x09\x04" + counter + b"\x09\x08" + reader + b"\x09\x08" + device + b"\x09\x00"
    return b"".join([b"\x02\x02"] + wanted + [b"\x01\x01\x02\x02\x16\x02\x02\x05", transaction, _KEY_INFO])


def _items(case: UseCase, order: Order, given: "dict[str, Any]", reader: bytes, device: bytes) -> "list[Item]":
    """The specifications of a DLMS command and their data."""
    when, _ = instruction_time(case, order)
    filler = Filler(order.now_s, when)
    bounds = _selection(order)
    items: "list[Item]" = []
    for kind, key, variants, flags in case.items:
        if not variants & VARIANTS[order.variant]:
            continue
        if kind == GET:
            if flags & usecases.SELECTIVE:
                selection = (
                    b"\x01\x02\x04" + _RESTRICTING + struct.pack(">BIBI", 6, bounds[0], 6, bounds[1]) + b"\x01\x00"
                )
                items.append(Item(GET_WITH_SELECTION, key, selection))
            else:
                items.append(Item(GET, key))
            continue
        node, defaults, _ = _row(case, key)
        if node[0] == "protected":
            counter = order.counter.to_bytes(8, "big")
            items.append(Item(ACTION, key, b"", _protected(node[2], bounds, counter, reader, device)))
            continue
        values = dict(defaults)
        named = [part[1] for part in parts(node)]
        chosen = {name: given[name] for name in named if name in given}
        # What is optional is sent when it is asked for, or when nothing of its kind is and it has a default.
        if flags & usecases.OPTIONAL and named and not chosen and (_asked(case, given) or not defaults):
            continue
        values.update(chosen)
        items.append(Item(kind, key, b"", filler.octets(node, values)))
    if not items:
        raise SlotmeterError(
            "%s has nothing to say to a %s meter: start another with slotmeter run --variant, or say --variant here "
            "to send it all the same" % (case.name, order.variant)
        )
    return items


def _asked(case: UseCase, given: "dict[str, Any]") -> bool:
    """Whether the tester filled in any optional object."""
    for kind, key, _, flags in case.items:
        if kind in (SET, ACTION) and flags & usecases.OPTIONAL:
            if any(part[1] in given for part in parts(_row(case, key)[0])):
                return True
    return False


def build(case: UseCase, order: Order, given: "dict[str, Any]", cast: Any, crypto: Crypto) -> bytes:
    """The whole message, ready to be delivered.

    `cast` has the parties and the device; a key that it lacks is a SlotmeterError that says whose.
    """
    role = sender(case, order)
    allowed = case.roles()
    if role not in allowed and not order.urp:
        names = ", ".join(roles.NAMES[one] for one in allowed)
        raise SlotmeterError("%s is not for the %s to send, but for: %s" % (case.name, roles.NAMES[role], names))
    _check_names(case, order.variant, given)
    party = cast.named(order.party) if order.party else cast.party(role)
    broker = cast.party(roles.ACCESS_CONTROL_BROKER)
    device = cast.device
    originator = broker if order.urp else party
    counter = order.counter.to_bytes(8, "big")
    if case.payload == usecases.ASN1:
        _, due_s = instruction_time(case, order)
        payload = asn1_commands.payload(case.name, role, order.counter, due_s, given, cast)
    else:
        if case.name == "CS01a" and "utrn" not in given:
            amount = given.get("amount", "£5.00")
            token = top_up_token.make(
                crypto, cast.secret(party, prepayment=True), party.entity_id, device.eui64, order.counter, amount
            )
            given = {"utrn": token}
        payload = build_access_request(counter, _items(case, order, given, party.entity_id, device.eui64))
    supplementary = b""
    if order.urp:
        supplementary = party.entity_id + order.party_counter.to_bytes(8, "big")
        if case.flags & usecases.ENCRYPTED:
            supplementary += party.ka_certificate
    protection = case.protection(roles.ACCESS_CONTROL_BROKER if order.urp and role not in allowed else role)
    return protect(
        message.grouping(
            message.COMMAND, counter, originator.entity_id, device.eui64, b"", case.code, supplementary, payload
        ),
        (lambda data: crypto.sign(cast.signing_key(originator), data))
        if protection & usecases.COMMAND_SIGNED
        else None,
        (lambda body: keys.mac(crypto, cast.secret(broker), body)) if protection & usecases.COMMAND_MAC else None,
    )


def protect(grouped: bytes, sign: "Callable[[bytes], bytes] | None", mac: "Callable[[bytes], bytes] | None") -> bytes:
    """A pre-command with its signature, if `sign` makes one, and its MAC, if `mac` does."""
    body = grouped + message.signature_part(sign(grouped[1:]) if sign else b"")
    return message.with_mac(body, mac(body)) if mac else body
