"""The command of CS02b and CS02g, taken apart (GBCS 13.3.5; facts section 6).

    SEQUENCE {
      SEQUENCE { mode, [0] plaintextSymmetricKey OPTIONAL, [1] applyTimeBasedCPVChecks OPTIONAL, [2] CellId OPTIONAL,
                 [3] authorising counter, [4] floor OPTIONAL, [5] specialist floors OPTIONAL, [6] others OPTIONAL },
      SEQUENCE OF SEQUENCE { Certificate, CellId },
      SEQUENCE OF Certificate,
      executionDateTime OPTIONAL }

Tags are IMPLICIT. A CellId is SEQUENCE { role, keyUsage, cellUsage DEFAULT management }.
"""

from slotmeter.dlms.errors import DecodeError
from slotmeter.dlms.gbcs import asn1

# Modes (CredentialsReplacementMode).
ROOT_BY_SUPPLIER = 0
ROOT_BY_WAN_PROVIDER = 1
SUPPLIER_BY_SUPPLIER = 2
NETWORK_OPERATOR_BY_NETWORK_OPERATOR = 3
ACB_BY_ACB = 4
WAN_PROVIDER_BY_WAN_PROVIDER = 5
TRANSITIONAL_COS_BY_TRANSITIONAL_COS = 6
SUPPLIER_BY_TRANSITIONAL_COS = 7
ANY_EXCEPT_ABNORMAL_ROOT_BY_RECOVERY = 8
ANY_BY_CONTINGENCY = 9
LOAD_CONTROLLER_BY_LOAD_CONTROLLER = 10
LOAD_CONTROLLER_BY_SUPPLIER = 11

COUNTER_LIMIT = 0xFFFFFFFFFFFFFFFF
# Bounds of what is read. An ESME has 11 cells and 8 roles; GBCS paths have one issuing authority, here is room for
# more.
_CELLS = 16
_PATH = 8
_ROLE_LIMIT = 127
_OPTIONAL_TAGS = (0x80, 0x81, 0xA2, 0x83, 0x84, 0xA5, 0xA6)


class Change:
    """A new counter for a role. floor: for its commands; specialist: for its top-up tokens, or None."""

    def __init__(self, role: int, floor: int, specialist: "int | None") -> None:
        self.role = role
        self.floor = floor
        self.specialist = specialist

    def to_asn1(self) -> bytes:
        """SEQUENCE { role, floorSeqNumber, SEQUENCE OF { usage, seqNumber } OPTIONAL }."""
        parts = [asn1.put_integer(self.role), asn1.put_integer(self.floor)]
        if self.specialist is not None:
            one = asn1.sequence([asn1.put_integer(0), asn1.put_integer(self.specialist)])
            parts.append(asn1.sequence([one]))
        return asn1.sequence(parts)


class ReplacementCommand:
    """mode; symmetric_key: octets or None; apply_validity: bool; cell: (role, usage, cell usage) that authorises, or
    None; counter: of the authorising party; floor, specialist: ints or None; others: [Change]; replacements:
    [(certificate DER, (role, usage, cell usage))]; path: [certificate DER]; due_s: seconds since 2000, or None.
    """

    def __init__(self) -> None:
        self.mode = 0
        self.symmetric_key: bytes | None = None
        self.apply_validity = True
        self.cell: tuple[int, int, int] | None = None
        self.counter = 0
        self.floor: int | None = None
        self.specialist: int | None = None
        self.others: list[Change] = []
        self.replacements: list[tuple[bytes, tuple[int, int, int]]] = []
        self.path: list[bytes] = []
        self.due_s: int | None = None

    def __repr__(self) -> str:
        return "ReplacementCommand(mode=%d, %d replacements)" % (self.mode, len(self.replacements))


def parse(payload: bytes) -> ReplacementCommand:
    """The command in `payload`; DecodeError when it is not one. Certificates are not looked into."""
    command = ReplacementCommand()
    end = len(payload)
    start, stop = asn1.enter(payload, 0, end, asn1.SEQUENCE)
    asn1.at_end(stop, end)
    control, pos = asn1.enter(payload, start, stop, asn1.SEQUENCE)
    _parse_control(command, payload, control, pos)
    first, after = asn1.enter(payload, pos, stop, asn1.SEQUENCE)
    for replacement in asn1.children(payload, first, after, asn1.SEQUENCE, _CELLS):
        opening, inner, inner_stop = replacement
        certificate_stop = asn1.enter(payload, inner, inner_stop, asn1.SEQUENCE)[1]
        place, place_stop = parse_cell(payload, certificate_stop, inner_stop)
        asn1.at_end(place_stop, inner_stop)
        for other in command.replacements:
            if other[1] == place:
                raise DecodeError("a cell named twice", opening)
        command.replacements.append((payload[inner:certificate_stop], place))
    pos = after
    first, after = asn1.enter(payload, pos, stop, asn1.SEQUENCE)
    for issuer in asn1.children(payload, first, after, asn1.SEQUENCE, _PATH):
        command.path.append(payload[issuer[0] : issuer[2]])
    if after != stop:
        command.due_s, after = asn1.generalized_time(payload, after, stop)
    asn1.at_end(after, stop)
    return command


def _parse_control(command: ReplacementCommand, payload: bytes, pos: int, stop: int) -> None:
    """The first SEQUENCE of the command: its tagged fields come in the order of their tags, [3] always."""
    command.mode, pos = asn1.integer(payload, pos, stop, LOAD_CONTROLLER_BY_SUPPLIER)
    last = -1
    counted = False
    while pos < stop:
        tag, start, after = asn1.header(payload, pos, stop)
        if tag not in _OPTIONAL_TAGS or tag & 0x1F <= last:
            raise DecodeError("field of the authorising control unknown or out of order", pos)
        last = tag & 0x1F
        if tag == 0x80:
            command.symmetric_key = payload[start:after]
        elif tag == 0x81:
            command.apply_validity = asn1.integer(payload, pos, stop, 1, tag)[0] == 0
        elif tag == 0xA2:
            command.cell = _cell_fields(payload, start, after)
        elif tag == 0x83:
            command.counter = asn1.integer(payload, pos, stop, COUNTER_LIMIT, tag)[0]
            counted = True
        elif tag == 0x84:
            command.floor = asn1.integer(payload, pos, stop, COUNTER_LIMIT, tag)[0]
        elif tag == 0xA5:
            command.specialist = _parse_specialist(payload, start, after)
        else:
            for change in asn1.children(payload, start, after, asn1.SEQUENCE, _CELLS):
                command.others.append(_parse_change(payload, change[1], change[2]))
        pos = after
    if not counted:
        raise DecodeError("authorising counter missing", pos)


def _parse_specialist(payload: bytes, start: int, stop: int) -> int:
    """SEQUENCE OF { usage, seqNumber }: there is one usage, prePaymentTopUp."""
    found = asn1.children(payload, start, stop, asn1.SEQUENCE, 1)
    if not found:
        raise DecodeError("specialist floor missing", start)
    inner, inner_stop = found[0][1:]
    pos = asn1.integer(payload, inner, inner_stop, 0)[1]
    floor, pos = asn1.integer(payload, pos, inner_stop, COUNTER_LIMIT)
    asn1.at_end(pos, inner_stop)
    return floor


def _parse_change(payload: bytes, start: int, stop: int) -> Change:
    role, pos = asn1.integer(payload, start, stop, _ROLE_LIMIT)
    floor, pos = asn1.integer(payload, pos, stop, COUNTER_LIMIT)
    specialist = None
    if pos != stop:
        inner, pos = asn1.enter(payload, pos, stop, asn1.SEQUENCE)
        specialist = _parse_specialist(payload, inner, pos)
        asn1.at_end(pos, stop)
    return Change(role, floor, specialist)


def parse_cell(payload: bytes, pos: int, end: int) -> "tuple[tuple[int, int, int], int]":
    """CellId SEQUENCE { role, keyUsage, cellUsage DEFAULT 0 }: (role, usage, cell usage), and the offset after it."""
    start, stop = asn1.enter(payload, pos, end, asn1.SEQUENCE)
    return _cell_fields(payload, start, stop), stop


def _cell_fields(payload: bytes, start: int, stop: int) -> "tuple[int, int, int]":
    role, pos = asn1.integer(payload, start, stop, _ROLE_LIMIT)
    usage, pos = asn1.key_usage(payload, pos, stop)
    cell_usage = 0
    if pos != stop:
        at = pos
        cell_usage, pos = asn1.integer(payload, pos, stop, 1)
        if not cell_usage:
            raise DecodeError("a default value written out", at)
        asn1.at_end(pos, stop)
    return role, usage, cell_usage


def cell_to_asn1(place: "tuple[int, int, int]") -> bytes:
    """A CellId."""
    parts = [asn1.put_integer(place[0]), asn1.put_key_usage(place[1])]
    if place[2]:
        parts.append(asn1.put_integer(place[2]))
    return asn1.sequence(parts)
