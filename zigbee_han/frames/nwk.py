"""Frames of the network layer (ZigBee specification, chapter 3): header, auxiliary security header, commands, beacon.

    frame = control(2) destination(2) source(2) radius(1) sequence(1) [destination EUI(8)] [source EUI(8)]
            [multicast(1)] [count(1) index(1) relays(2 each)] [auxiliary header] payload [MIC(4)]

control: bits 0-1 kind, 2-5 version (2), 6-7 whether a route may be sought, 8 multicast, 9 secured, 10 relays are given,
11 and 12 EUIs are given, 13 an end device began it. Securing and opening is secure.py's.
"""

from slotmeter.zigbee_han.errors import DecodeError, EncodeError
from slotmeter.zigbee_han.frames import layout
from slotmeter.zigbee_han.frames.layout import EUI, U8, U16, flipped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

DATA = 0
COMMAND = 1
VERSION = 2

# Broadcast addresses: every device, those that listen always, routers and the coordinator.
EVERYONE = 0xFFFF
LISTENERS = 0xFFFD
ROUTERS = 0xFFFC
# The least address that is no single device's.
FIRST_BROADCAST = 0xFFF8
COORDINATOR = 0x0000

# Relays that a frame may name; a frame that names more has no room for anything else.
RELAY_LIMIT = 40

ROUTE_REQUEST = 0x01
ROUTE_REPLY = 0x02
NETWORK_STATUS = 0x03
LEAVE = 0x04
ROUTE_RECORD = 0x05
REJOIN_REQUEST = 0x06
REJOIN_RESPONSE = 0x07
LINK_STATUS = 0x08
NETWORK_REPORT = 0x09
NETWORK_UPDATE = 0x0A
TIMEOUT_REQUEST = 0x0B
TIMEOUT_RESPONSE = 0x0C

# Bits of the options octets.
REQUEST_MANY_TO_ONE = 0x18
REQUEST_HAS_EUI = 0x20
REPLY_HAS_ORIGINATOR = 0x10
REPLY_HAS_RESPONDER = 0x20
LEAVE_REJOIN = 0x20
LEAVE_REQUEST = 0x40
LEAVE_CHILDREN = 0x80
STATUS_FIRST = 0x20
STATUS_LAST = 0x40

# Reasons in a network status command.
NO_ROUTE = 0x00
TREE_LINK_FAILURE = 0x01
LINK_FAILURE = 0x02
SOURCE_ROUTE_FAILURE = 0x0B
MANY_TO_ONE_FAILURE = 0x0C
ADDRESS_CONFLICT = 0x0D

LINK = ("link", (("neighbour", U16), ("costs", U8, 0x77)))

_COMMANDS = (
    (
        "route_request",
        (
            ("command", U8),
            ("options", U8, 0x78),
            ("number", U8),
            ("dst", U16),
            ("cost", U8),
            ("dst_eui", EUI, None, ("options", REQUEST_HAS_EUI, REQUEST_HAS_EUI)),
        ),
    ),
    (
        "route_reply",
        (
            ("command", U8),
            ("options", U8, 0x70),
            ("number", U8),
            ("originator", U16),
            ("responder", U16),
            ("cost", U8),
            ("originator_eui", EUI, None, ("options", REPLY_HAS_ORIGINATOR, REPLY_HAS_ORIGINATOR)),
            ("responder_eui", EUI, None, ("options", REPLY_HAS_RESPONDER, REPLY_HAS_RESPONDER)),
        ),
    ),
    ("network_status", (("command", U8), ("status", U8), ("dst", U16))),
    ("leave", (("command", U8), ("options", U8, 0xE0))),
    ("route_record", (("command", U8), ("relays", (U8, U16)))),
    ("rejoin_request", (("command", U8), ("capability", U8, 0xCF))),
    ("rejoin_response", (("command", U8), ("short", U16), ("status", U8))),
    ("link_status", (("command", U8), ("options", U8, 0x7F), ("links", (("options", 0x1F), LINK)))),
    ("network_report", (("command", U8), ("options", U8), ("extended_pan", EUI), ("pans", (("options", 0x1F), U16)))),
    (
        "network_update",
        (("command", U8), ("options", U8), ("extended_pan", EUI), ("update", U8), ("pans", (("options", 0x1F), U16))),
    ),
    ("timeout_request", (("command", U8), ("timeout", U8), ("configuration", U8))),
    ("timeout_response", (("command", U8), ("status", U8), ("information", U8))),
)

# Of a beacon (3.6.7): protocol 0; profile: bits 0-3 stack profile, 4-7 version, 10 takes routers, 11-14 depth, 15 takes
# end devices; the extended PAN identifier; an offset that only superframes have; the update number.
BEACON = (
    "network_beacon",
    (
        ("protocol", U8, 0x00),
        ("profile", U16, 0xFCFF),
        ("extended_pan", EUI),
        ("offset_low", U16),
        ("offset_high", U8),
        ("update", U8),
    ),
)
STACK_PROFILE_PRO = 2
TAKES_ROUTERS = 0x0400
TAKES_END_DEVICES = 0x8000


class Frame:
    """A NWK frame: kind; dst and src, short addresses; radius; sequence; dst_eui and src_eui or None; relays, short
    addresses, and the index of the next, or None; multicast, its control octet, or None; payload. While secured
    is set the payload begins with the auxiliary header and ends with the MIC. header_size is what was before the
    payload when it was parsed.
    """

    def __init__(
        self,
        kind: int,
        dst: int,
        src: int,
        radius: int,
        sequence: int,
        payload: bytes = b"",
        dst_eui: "bytes | None" = None,
        src_eui: "bytes | None" = None,
        relays: "tuple[int, ...] | None" = None,
        relay_index: int = 0,
        discover: bool = False,
        secured: bool = False,
        multicast: "int | None" = None,
        by_end_device: bool = False,
    ) -> None:
        self.kind = kind
        self.dst = dst
        self.src = src
        self.radius = radius
        self.sequence = sequence
        self.payload = payload
        self.dst_eui = dst_eui
        self.src_eui = src_eui
        self.relays = relays
        self.relay_index = relay_index
        self.discover = discover
        self.secured = secured
        self.multicast = multicast
        self.by_end_device = by_end_device
        self.header_size = 0

    def __repr__(self) -> str:
        return "nwk.Frame(%s, %d, %04x to %04x, radius %d%s, %d octets)" % (
            "command" if self.kind == COMMAND else "data",
            self.sequence,
            self.src,
            self.dst,
            self.radius,
            ", secured" if self.secured else "",
            len(self.payload),
        )


def parse(data: bytes) -> Frame:
    """The frame in `data`, a MAC payload; DecodeError unless it is one of version 2."""
    size = len(data)
    if size < 8:
        raise DecodeError("truncated", size)
    low = data[0]
    high = data[1]
    if low & 3 > COMMAND:
        raise DecodeError("unknown kind of frame", 0)
    if low >> 2 & 15 != VERSION:
        raise DecodeError("unknown protocol version", 0)
    if low & 0x80 or high & 0xC0:
        raise DecodeError("reserved bits", 0)
    pos = 8
    wanted = pos + (8 if high & 8 else 0) + (8 if high & 16 else 0) + (1 if high & 1 else 0) + (2 if high & 4 else 0)
    if size < wanted:
        raise DecodeError("truncated", size)
    dst_eui = src_eui = relays = multicast = None
    index = 0
    if high & 8:
        dst_eui = flipped(data[pos : pos + 8])
        pos += 8
    if high & 16:
        src_eui = flipped(data[pos : pos + 8])
        pos += 8
    if high & 1:
        multicast = data[pos]
        pos += 1
    if high & 4:
        count = data[pos]
        index = data[pos + 1]
        pos += 2
        if count > RELAY_LIMIT or index >= max(count, 1):
            raise DecodeError("more relays than fit, or an index beyond them", pos - 2)
        if pos + 2 * count > size:
            raise DecodeError("truncated", size)
        relays = tuple([data[i] | data[i + 1] << 8 for i in range(pos, pos + 2 * count, 2)])
        pos += 2 * count
    frame = Frame(
        low & 3,
        data[2] | data[3] << 8,
        data[4] | data[5] << 8,
        data[6],
        data[7],
        data[pos:],
        dst_eui,
        src_eui,
        relays,
        index,
        bool(low & 0x40),
        bool(high & 2),
        multicast,
        bool(high & 0x20),
    )
    frame.header_size = pos
    return frame


def build_header(frame: Frame) -> bytes:
    """The octets of `frame` before its payload."""
    for value, bits in ((frame.dst, 16), (frame.src, 16), (frame.radius, 8), (frame.sequence, 8)):
        if value < 0 or value >> bits:
            raise EncodeError("NWK header field out of range")
    low = frame.kind | VERSION << 2 | (0x40 if frame.discover else 0)
    high = 2 if frame.secured else 0
    tail = []
    if frame.dst_eui is not None:
        high |= 8
        tail.append(flipped(frame.dst_eui))
    if frame.src_eui is not None:
        high |= 16
        tail.append(flipped(frame.src_eui))
    if frame.multicast is not None:
        high |= 1
        tail.append(bytes((frame.multicast,)))
    if frame.relays is not None:
        high |= 4
        if len(frame.relays) > RELAY_LIMIT or frame.relay_index >= max(len(frame.relays), 1):
            raise EncodeError("more relays than fit, or an index beyond them")
        tail.append(bytes((len(frame.relays), frame.relay_index)))
        for relay in frame.relays:
            tail.append(relay.to_bytes(2, "little"))
    if frame.by_end_device:
        high |= 0x20
    fixed = bytes((low, high)) + frame.dst.to_bytes(2, "little") + frame.src.to_bytes(2, "little")
    return fixed + bytes((frame.radius, frame.sequence)) + b"".join(tail)


def build(frame: Frame) -> bytes:
    """The octets of `frame`, its payload as it is."""
    return build_header(frame) + frame.payload


def parse_command(payload: bytes) -> layout.Fields:
    """The command in a command frame's payload, opened if it was secured."""
    if not payload:
        raise DecodeError("no command identifier", 0)
    if payload[0] > len(_COMMANDS) or not payload[0]:
        raise DecodeError("unknown NWK command", 0)
    return layout.parse(_COMMANDS[payload[0] - 1], payload)


def build_command(command: int, **values: "Any") -> bytes:
    """The payload of NWK command `command` (ROUTE_REQUEST ...) with the fields that the table names."""
    return layout.build(layout.make(_COMMANDS[command - 1], command=command, **values))


def link(neighbour: int, incoming: int, outgoing: int) -> layout.Fields:
    """An entry of a link status command: costs 1 to 7, outgoing 0 when it is not known."""
    return layout.make(LINK, neighbour=neighbour, costs=incoming | outgoing << 4)


def parse_beacon(payload: bytes) -> layout.Fields:
    """The NWK layer's part of a beacon: profile, extended_pan, update."""
    return layout.parse(BEACON, payload)


def build_beacon(extended_pan: bytes, update: int, depth: int, routers: bool, end_devices: bool) -> bytes:
    """The NWK layer's part of a beacon of a ZigBee PRO network; routers, end_devices: whether it has room for more."""
    profile = STACK_PROFILE_PRO | VERSION << 4 | depth << 11
    profile |= (TAKES_ROUTERS if routers else 0) | (TAKES_END_DEVICES if end_devices else 0)
    return layout.build(
        layout.make(
            BEACON,
            protocol=0,
            profile=profile,
            extended_pan=extended_pan,
            offset_low=0xFFFF,
            offset_high=0xFF,
            update=update,
        )
    )
