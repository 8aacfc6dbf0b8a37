"""The event log and the security log (SMETS 5.7.5.16, 5.7.5.31): 100 entries each, the oldest gives way.

They are the buffers that ECS35a and ECS35b read; an entry is packed as those reads return it.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slotmeter.dlms.cosem.tree import Tree

# Class 7 objects: 0-0:99.98.0.255, 0-0:99.98.1.255, 0-0:99.98.4.255, 0-17:99.98.2.255.
EVENT = b"\x00\x00\x63\x62\x00\xff"
SECURITY = b"\x00\x00\x63\x62\x01\xff"
POWER = b"\x00\x00\x63\x62\x04\xff"
AUXILIARY = b"\x00\x11\x63\x62\x02\xff"
OBJECTS = {"event": EVENT, "security": SECURITY, "power": POWER, "auxiliary": AUXILIARY}
# Their records, as `Records.digest` leaves them out.
RECORDS = ("p" + EVENT.hex(), "p" + SECURITY.hex())


# Outcomes of an auxiliary controller's action (SMETS 5.7.5.6).
OUTCOME_UNKNOWN = 0
OUTCOME_SUCCESS = 1
OUTCOME_FAILURE = 2
# A HAN command id is the time of the command in seconds since 1970 (RTDS ECS35g), here from 2000.
UNIX_EPOCH_S = 946684800


def note_event(tree: "Tree", now_s: int, code: int, other: bytes) -> None:
    """Adds to the event log: seconds since 2000, alert or event code, other information (0 to 8 octets)."""
    tree.append(EVENT, now_s.to_bytes(4, "big") + code.to_bytes(2, "big") + bytes((len(other),)) + other)


def note_security(tree: "Tree", now_s: int, code: int) -> None:
    """Adds to the security log: seconds since 2000 and code."""
    tree.append(SECURITY, now_s.to_bytes(4, "big") + code.to_bytes(2, "big"))


def note_power(tree: "Tree", now_s: int, code: int, value: int) -> None:
    """Adds to the power event log: time, code, and a number of the event's own (RTDS ECS35e)."""
    tree.append(POWER, now_s.to_bytes(4, "big") + code.to_bytes(2, "big") + value.to_bytes(4, "big"))


def note_auxiliary(tree: "Tree", now_s: int, command: int, outcome: int, command_id: int = 0) -> None:
    """Adds to the auxiliary controller event log: time, command word, outcome, HAN command id (0 within the meter)."""
    row = now_s.to_bytes(4, "big") + command.to_bytes(2, "big") + bytes((outcome,))
    tree.append(AUXILIARY, row + command_id.to_bytes(4, "big"))
