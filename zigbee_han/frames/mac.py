"""Frames of the medium access layer (IEEE 802.15.4-2003 as ZigBee uses it): beacon, data, acknowledgement, command.

    frame = control(2) sequence(1) [destination PAN(2) address(2 or 8)] [source PAN(2)] [address(2 or 8)] payload FCS(2)

control: bits 0-2 kind, 3 security, 4 more is waiting for you, 5 acknowledge me, 6 source PAN is the destination's and
left out, 10-11 and 14-15 how the addresses are given (0 none, 2 short, 3 EUI-64), 12-13 version. MAC security is not
used by ZigBee and is refused, as is a version other than 0 and 1. The FCS is CRC-16 with polynomial 8408 (reflected),
starting at 0, least significant octet first.
"""

from slotmeter.zigbee_han.errors import DecodeError, EncodeError
from slotmeter.zigbee_han.frames import layout
from slotmeter.zigbee_han.frames.layout import EUI, REST, U8, U16, flipped

TYPE_CHECKING = False
if TYPE_CHECKING:
    Address = int | bytes | None

BEACON = 0
DATA = 1
ACK = 2
COMMAND = 3

# aMaxPHYPacketSize, with the FCS.
LARGEST = 127
BROADCAST = 0xFFFF
# The short address of a device that has an address but must be spoken to by its EUI-64.
NO_SHORT = 0xFFFE

# MAC command identifiers (802.15.4-2003, table 67).
ASSOCIATION_REQUEST = 0x01
ASSOCIATION_RESPONSE = 0x02
DISASSOCIATION = 0x03
DATA_REQUEST = 0x04
PAN_CONFLICT = 0x05
ORPHAN = 0x06
BEACON_REQUEST = 0x07
REALIGNMENT = 0x08

# Association status.
ASSOCIATED = 0
PAN_AT_CAPACITY = 1
ACCESS_DENIED = 2

# Capability information, also in device announcements and rejoin requests.
CAPABILITY_ALTERNATE_COORDINATOR = 0x01
CAPABILITY_FULL_FUNCTION = 0x02
CAPABILITY_MAINS = 0x04
CAPABILITY_RECEIVER_ON = 0x08
CAPABILITY_SECURE = 0x40
CAPABILITY_ADDRESS = 0x80
# A router; bit 0 is never set in ZigBee.
ROUTER = 0x8E
_CAPABILITY = 0xCF

_COMMANDS = (
    ("association_request", (("command", U8), ("capability", U8, _CAPABILITY)), ASSOCIATION_REQUEST),
    ("association_response", (("command", U8), ("short", U16), ("status", U8)), ASSOCIATION_RESPONSE),
    ("disassociation", (("command", U8), ("reason", U8)), DISASSOCIATION),
    ("data_request", (("command", U8),), DATA_REQUEST),
    ("pan_conflict", (("command", U8),), PAN_CONFLICT),
    ("orphan", (("command", U8),), ORPHAN),
    ("beacon_request", (("command", U8),), BEACON_REQUEST),
    (
        "realignment",
        (("command", U8), ("pan", U16), ("coordinator", U16), ("channel", U8), ("short", U16)),
        REALIGNMENT,
    ),
)

# Superframe: bits 0-3 beacon order, 4-7 superframe order, 8-11 final slot, 12 battery, 14 coordinator, 15 joining.
# ZigBee PRO sends no superframes: all three orders are 15.
SUPERFRAME = 0x0FFF
SUPERFRAME_COORDINATOR = 0x4000
SUPERFRAME_PERMIT = 0x8000

# Guaranteed time slots are not for ZigBee: their count must be 0, so that no directions octet follows.
BEACON_LAYOUT = (
    "beacon",
    (
        ("superframe", U16, 0xDFFF),
        ("slots", U8, 0x80),
        ("pending", U8, 0x77),
        ("pending_shorts", (("pending", 0x07), U16)),
        ("pending_euis", (("pending", 0x70), EUI)),
        ("payload", REST),
    ),
)


class Frame:
    """A MAC frame: kind; sequence; dst and src, each None, a short address or an EUI-64; dst_pan and src_pan,
    None exactly where there is no such address; one_pan, whether the source PAN is left out on the air; payload.
    """

    def __init__(
        self,
        kind: int,
        sequence: int,
        dst_pan: "int | None" = None,
        dst: "Address" = None,
        src_pan: "int | None" = None,
        src: "Address" = None,
        payload: bytes = b"",
        ack_request: bool = False,
        pending: bool = False,
        one_pan: bool = False,
        version: int = 0,
    ) -> None:
        self.kind = kind
        self.sequence = sequence
        self.dst_pan = dst_pan
        self.dst = dst
        self.src_pan = src_pan
        self.src = src
        self.payload = payload
        self.ack_request = ack_request
        self.pending = pending
        self.one_pan = one_pan
        self.version = version

    def __repr__(self) -> str:
        return "mac.Frame(%s, %d, %s to %s, %d octets)" % (
            ("beacon", "data", "ack", "command")[self.kind],
            self.sequence,
            named(self.src),
            named(self.dst),
            len(self.payload),
        )


def named(address: "Address") -> str:
    """An address as it is printed."""
    if address is None:
        return "nobody"
    # portable: no address is True or False
    return "%04x" % address if isinstance(address, int) else address.hex()


def same(one: "Address", other: "Address") -> bool:
    """Whether two addresses are the same. An EUI-64 and a short address never are, and are not to be compared by ==:
    CPython warns of it.
    """
    return isinstance(one, bytes) == isinstance(other, bytes) and one == other


def fcs(data: bytes) -> int:
    """The frame check sequence over `data`."""
    crc = 0
    for octet in data:
        crc = (crc >> 4) ^ (((crc ^ octet) & 15) * 0x1081)
        crc = (crc >> 4) ^ (((crc ^ (octet >> 4)) & 15) * 0x1081)
    return crc


def with_fcs(data: bytes) -> bytes:
    """`data` and its FCS."""
    return data + fcs(data).to_bytes(2, "little")


def _address(data: bytes, pos: int, mode: int) -> "tuple[int | bytes, int]":
    size = 2 if mode == 2 else 8
    if pos + size > len(data):
        raise DecodeError("truncated address", len(data))
    if mode == 2:
        return data[pos] | data[pos + 1] << 8, pos + 2
    return flipped(data[pos : pos + 8]), pos + 8


def _pan(data: bytes, pos: int) -> int:
    if pos + 2 > len(data):
        raise DecodeError("truncated PAN identifier", len(data))
    return data[pos] | data[pos + 1] << 8


def parse(octets: bytes) -> Frame:
    """The frame in `octets`, the FCS included; DecodeError unless it is one, with the right FCS."""
    size = len(octets)
    if size < 5:
        raise DecodeError("truncated", size)
    if size > LARGEST:
        raise DecodeError("frame longer than %d octets" % LARGEST, LARGEST)
    data = octets[:-2]
    if fcs(data) != octets[-2] | octets[-1] << 8:
        raise DecodeError("frame check sequence does not match", size - 2)
    low = data[0]
    high = data[1]
    kind = low & 7
    if kind > COMMAND:
        raise DecodeError("unknown kind of frame", 0)
    if low & 0x88 or high & 3:
        raise DecodeError("MAC security or reserved bits", 0)
    dst_mode = high >> 2 & 3
    src_mode = high >> 6
    version = high >> 4 & 3
    if version > 1 or dst_mode == 1 or src_mode == 1:
        raise DecodeError("unknown version or addressing", 1)
    one_pan = bool(low & 0x40)
    if one_pan and not (dst_mode and src_mode):
        raise DecodeError("source PAN left out without two addresses", 0)
    dst_pan = dst = src_pan = src = None  # type: Address
    pos = 3
    if dst_mode:
        dst_pan = _pan(data, pos)
        dst, pos = _address(data, pos + 2, dst_mode)
    if src_mode:
        if one_pan:
            src_pan = dst_pan
        else:
            src_pan = _pan(data, pos)
            pos += 2
        src, pos = _address(data, pos, src_mode)
    if kind == ACK and (size != 5 or low & 0x60 or high & 0xCC):
        raise DecodeError("acknowledgement that has more than a number", 0)
    if kind == BEACON and (dst_mode or not src_mode):
        raise DecodeError("beacon with a destination or without a source", 1)
    return Frame(
        kind,
        data[2],
        dst_pan,  # type: ignore[arg-type]
        dst,
        src_pan,  # type: ignore[arg-type]
        src,
        data[pos:],
        bool(low & 0x20),
        bool(low & 0x10),
        one_pan,
        version,
    )


def _mode(address: "Address", pan: "int | None") -> int:
    if (address is None) != (pan is None):
        raise EncodeError("address without a PAN, or a PAN without an address")
    if address is None:
        return 0
    # portable: no address is True or False
    if isinstance(address, int):
        if address >> 16 or address < 0:
            raise EncodeError("short address out of range")
        return 2
    if len(address) != 8:
        raise EncodeError("EUI-64 that is not of 8 octets")
    return 3


def _octets(address: "int | bytes") -> bytes:
    # portable: no address is True or False
    return address.to_bytes(2, "little") if isinstance(address, int) else flipped(address)


def build(frame: Frame) -> bytes:
    """The octets of `frame` with its FCS; EncodeError for what does not fit."""
    dst_mode = _mode(frame.dst, frame.dst_pan)
    src_mode = _mode(frame.src, frame.src_pan)
    if frame.one_pan and (not dst_mode or not src_mode or frame.dst_pan != frame.src_pan):
        raise EncodeError("only one PAN can be left out, and of two that are the same")
    low = frame.kind | (0x10 if frame.pending else 0) | (0x20 if frame.ack_request else 0)
    low |= 0x40 if frame.one_pan else 0
    parts = [bytes((low, dst_mode << 2 | frame.version << 4 | src_mode << 6, frame.sequence & 0xFF))]
    if frame.dst_pan is not None and frame.dst is not None:
        parts.append(frame.dst_pan.to_bytes(2, "little"))
        parts.append(_octets(frame.dst))
    if frame.src_pan is not None and frame.src is not None:
        if not frame.one_pan:
            parts.append(frame.src_pan.to_bytes(2, "little"))
        parts.append(_octets(frame.src))
    parts.append(frame.payload)
    data = b"".join(parts)
    if len(data) > LARGEST - 2:
        raise EncodeError("frame longer than %d octets" % LARGEST)
    return with_fcs(data)


def ack(sequence: int, pending: bool = False) -> bytes:
    """An acknowledgement of frame `sequence`; `pending`: more is waiting."""
    return with_fcs(bytes((ACK | (0x10 if pending else 0), 0, sequence)))


def parse_command(payload: bytes) -> layout.Fields:
    """The command in a command frame's payload."""
    if not payload:
        raise DecodeError("no command identifier", 0)
    if payload[0] > len(_COMMANDS) or not payload[0]:
        raise DecodeError("unknown MAC command", 0)
    return layout.parse(_COMMANDS[payload[0] - 1], payload)


def build_command(command: int, **values: int) -> bytes:
    """The payload of MAC command `command` (ASSOCIATION_REQUEST ...) with the fields that the table names."""
    return layout.build(layout.make(_COMMANDS[command - 1], command=command, **values))


def parse_beacon(payload: bytes) -> layout.Fields:
    """A beacon frame's payload: superframe, slots, pending and its addresses, payload (that of the NWK layer)."""
    return layout.parse(BEACON_LAYOUT, payload)


def build_beacon(coordinator: bool, permit: bool, payload: bytes) -> bytes:
    """A beacon frame's payload, without superframes, slots and pending addresses."""
    superframe = SUPERFRAME | (SUPERFRAME_COORDINATOR if coordinator else 0) | (SUPERFRAME_PERMIT if permit else 0)
    values = layout.make(
        BEACON_LAYOUT, superframe=superframe, slots=0, pending=0, pending_shorts=(), pending_euis=(), payload=payload
    )
    return layout.build(values)
