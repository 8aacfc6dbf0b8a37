"""Who is told that something happened: the logs, the remote parties, the customer (GBCS 16; SMETS 5.7.4.1).

Every event has a code. Its first octet says who configures it: 80 the network operator, 81 the supplier, 8F nobody.
The table below says which log keeps it and whether it can be an alert at all; the configuration (ECS25a, ECS25b) masks
what the table allows. An alert's message code says how it is protected: 1000 and its like are signed, 1001 has a MAC.

    code            to                 message code            log
    80nn            network operator   1001                    power
    81nn            supplier           1001 (81A0: 00F0)       event
    8F0A            supplier           0061, ECS68             -
    8F35 .. 8F3C    network operator   0067, ECS80             power
    8F72, 8F1C      supplier           00CE                    security
    8F86 .. 8F88    supplier           0121, 0122, 0123        -
    other 8Fnn      supplier           1000                    security

Source: the logs whose reads name a code (alert-codes.csv), else facts section 13.2, from a manufacturer's table; GBCS
alert message codes, facts 8.1.
"""

from slotmeter.dlms.gbcs.roles import LOAD_CONTROLLER, NETWORK_OPERATOR, SUPPLIER
from slotmeter.firmware import logs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slotmeter.dlms.cosem.tree import Tree
    from slotmeter.firmware.meter import Meter

CRITICAL = 0x1000
NOT_CRITICAL = 0x1001
INTEGRITY = 0x00F0
BILLING = 0x0061
OUTAGE = 0x0067
LIMIT_PROCESSED = 0x0121
LIMIT_ENDED = 0x0122
OPERATIONAL = 0x0123
FIRMWARE_RECEIPT = 0x00CE

OPERATIONAL_UPDATE = 0x8F88

NONE = 0
EVENT = 1
SECURITY = 2
POWER = 3
# First and last code, whether it may be an alert, the log: the first row that fits counts.
ROUTES = (
    (0x8000, 0x80FF, True, POWER),
    (0x810D, 0x810D, True, NONE),
    (0x810E, 0x810E, True, NONE),
    (0x8119, 0x8119, True, NONE),
    (0x811A, 0x811A, True, NONE),
    (0x8131, 0x8131, True, NONE),
    (0x8145, 0x8145, False, EVENT),
    (0x8154, 0x8155, False, EVENT),
    (0x8161, 0x8162, False, EVENT),
    (0x8168, 0x8168, False, NONE),
    (0x81BB, 0x81BB, True, POWER),
    (0x81C6, 0x81C6, False, EVENT),
    (0x8100, 0x81FF, True, EVENT),
    (0x8F01, 0x8F01, True, EVENT),
    (0x8F0A, 0x8F0A, True, NONE),
    (0x8F0C, 0x8F0C, True, SECURITY),
    (0x8F0F, 0x8F0F, True, NONE),
    (0x8F32, 0x8F34, True, NONE),
    (0x8F35, 0x8F3C, True, POWER),
    (0x8F43, 0x8F43, False, SECURITY),
    (0x8F57, 0x8F5A, False, POWER),
    (0x8F66, 0x8F67, False, EVENT),
    (0x8F69, 0x8F69, True, NONE),
    (0x8F70, 0x8F70, False, SECURITY),
    (0x8F82, 0x8F83, True, NONE),
    (0x8F85, 0x8F88, True, NONE),
    (0x8F00, 0x8FFF, True, SECURITY),
)
# Message codes other than the generic two.
_MESSAGE_CODES = {
    0x81A0: INTEGRITY,
    0x8F0A: BILLING,
    0x8F1C: FIRMWARE_RECEIPT,
    0x8F72: FIRMWARE_RECEIPT,
    0x8F86: LIMIT_PROCESSED,
    0x8F87: LIMIT_ENDED,
    OPERATIONAL_UPDATE: OPERATIONAL,
}

# Class 1, attribute 2: what ECS25r1 and ECS25r2 read; 256 bits, bit n from the last is code nn.
_HEAD = b"\x00\x01\x00"
_ALERTS = b"\x61\x62\x0f\xff\x02"
_ALARMS = b"\x61\x62\x11\xff\x02"
_LOGGING = b"\x61\x62\x12\xff\x02"
_OF_SUPPLIER = b"\x1e"
_OF_OPERATOR = b"\x21"


def route(code: int) -> "tuple[bool, int]":
    """Whether the code may be an alert, and its log."""
    for first, last, alert, log in ROUTES:
        if first <= code <= last:
            return alert, log
    return False, NONE


def is_set(tree: "Tree", code: int, what: bytes) -> bool:
    """Whether the configuration wants this code: alert, alarm or log entry. What nobody configures is always wanted."""
    family = code >> 8
    if family == 0x8F:
        return what != _ALARMS
    value = tree.peek(_HEAD + (_OF_SUPPLIER if family == 0x81 else _OF_OPERATOR) + what)
    if value is None:
        return False
    number = code & 255
    return bool(value[-1 - (number >> 3)] >> (number & 7) & 1)


class Notices:
    """Tells of events. alarm: the last code whose audible alarm is configured and not yet muted, or 0."""

    def __init__(self, meter: "Meter") -> None:
        self._meter = meter
        self.alarm = 0

    def notify(
        self, code: int, other: bytes = b"", at_s: "int | None" = None, elements: "tuple[bytes, ...]" = ()
    ) -> None:
        """`code` happened at `at_s` (now when None). other: octets for the log; elements: A-XDR of the alert's body."""
        meter = self._meter
        tree = meter.tree
        now_s = meter.now_s if at_s is None else at_s
        may_alert, log = route(code)
        if log == SECURITY:
            logs.note_security(tree, now_s, code)
        elif log == EVENT and is_set(tree, code, _LOGGING):
            logs.note_event(tree, now_s, code, other)
        elif log == POWER and is_set(tree, code, _LOGGING):
            logs.note_power(tree, now_s, code, int.from_bytes(other, "big"))
        if code >> 8 == 0x81 and is_set(tree, code, _ALARMS):
            self.alarm = code
        if may_alert and is_set(tree, code, _ALERTS):
            family = code >> 8
            message_code = _MESSAGE_CODES.get(code, CRITICAL if family == 0x8F else NOT_CRITICAL)
            role = NETWORK_OPERATOR if family == 0x80 else SUPPLIER
            if 0x8F35 <= code <= 0x8F3C:
                message_code = OUTAGE
                role = NETWORK_OPERATOR
            supplementary = b""
            if code == OPERATIONAL_UPDATE:
                # Which load controller the supplier should know about.
                cells = meter.anchors.cells(LOAD_CONTROLLER)
                supplementary = cells[0].entity_id if cells else b""
            meter.send_alert(message_code, code, now_s, elements, b"", role, supplementary)
