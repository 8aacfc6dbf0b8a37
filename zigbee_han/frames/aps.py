"""Frames of the application support layer (ZigBee specification, chapter 2.2.5): data, acknowledgement, command.

    data    = control(1) (endpoint(1) | group(2)) cluster(2) profile(2) source endpoint(1) counter(1) [extended]
    ack     = control(1) [endpoint(1) cluster(2) profile(2) source endpoint(1)] counter(1) [extended]
    command = control(1) counter(1)
    each followed by [auxiliary header] payload [MIC(4)]
    extended = control(1) [block(1)] [blocks received(1), in acknowledgements]

control: bits 0-1 kind, 2-3 delivery (0 one device, 2 broadcast, 3 group), 4 acknowledges a command, 5 secured,
6 acknowledge me, 7 extended header. Of a fragmented message the first block's number is how many blocks there are.
"""

from slotmeter.zigbee_han.errors import DecodeError, EncodeError
from slotmeter.zigbee_han.frames import layout
from slotmeter.zigbee_han.frames.layout import EUI, KEY, REST, U8, U16

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

DATA = 0
COMMAND = 1
ACK = 2

UNICAST = 0
BROADCAST = 2
GROUP = 3

NOT_FRAGMENTED = 0
FIRST_BLOCK = 1
LATER_BLOCK = 2

TRANSPORT_KEY = 0x05
UPDATE_DEVICE = 0x06
REMOVE_DEVICE = 0x07
REQUEST_KEY = 0x08
SWITCH_KEY = 0x09
TUNNEL = 0x0E
VERIFY_KEY = 0x0F
CONFIRM_KEY = 0x10

# Key types (4.4.3). Network key; link key of two applications; link key of the trust centre.
NETWORK_KEY = 0x01
APPLICATION_KEY = 0x03
TRUST_CENTRE_KEY = 0x04
# A request names them otherwise for applications.
REQUEST_APPLICATION_KEY = 0x02

# Status of an update device command.
SECURED_REJOIN = 0
UNSECURED_JOIN = 1
DEVICE_LEFT = 2
UNSECURED_REJOIN = 3

_NETWORK = ("key_type", 0xFF, NETWORK_KEY)
_APPLICATION = ("key_type", 0xFF, APPLICATION_KEY)
_CENTRE = ("key_type", 0xFF, TRUST_CENTRE_KEY)

_COMMANDS = (
    (
        TRANSPORT_KEY,
        "transport_key",
        (
            ("command", U8),
            ("key_type", U8),
            ("key", KEY),
            ("sequence", U8, None, _NETWORK),
            ("dst", EUI, None, _NETWORK),
            ("src", EUI, None, _NETWORK),
            ("partner", EUI, None, _APPLICATION),
            ("initiator", U8, 0x01, _APPLICATION),
            ("joiner", EUI, None, _CENTRE),
            ("centre", EUI, None, _CENTRE),
        ),
    ),
    (UPDATE_DEVICE, "update_device", (("command", U8), ("device", EUI), ("short", U16), ("status", U8))),
    (REMOVE_DEVICE, "remove_device", (("command", U8), ("device", EUI))),
    (
        REQUEST_KEY,
        "request_key",
        (("command", U8), ("key_type", U8), ("partner", EUI, None, ("key_type", 0xFF, REQUEST_APPLICATION_KEY))),
    ),
    (SWITCH_KEY, "switch_key", (("command", U8), ("sequence", U8))),
    (TUNNEL, "tunnel", (("command", U8), ("dst", EUI), ("frame", REST))),
    (VERIFY_KEY, "verify_key", (("command", U8), ("key_type", U8), ("src", EUI), ("proof", KEY))),
    (CONFIRM_KEY, "confirm_key", (("command", U8), ("status", U8), ("key_type", U8), ("dst", EUI))),
)


class Frame:
    """An APS frame: kind; delivery; counter; dst_endpoint or group, cluster, profile, src_endpoint, each None where the
    kind has none; fragment (NOT_FRAGMENTED ...), None without an extended header; block, its number; received, the
    bits of the blocks that an acknowledgement has seen. payload: while secured is set it begins with the auxiliary
    header and ends with the MIC. header_size is what was before it when parsed.
    """

    def __init__(
        self,
        kind: int,
        counter: int,
        payload: bytes = b"",
        dst_endpoint: "int | None" = None,
        cluster: "int | None" = None,
        profile: "int | None" = None,
        src_endpoint: "int | None" = None,
        group: "int | None" = None,
        delivery: int = UNICAST,
        ack_request: bool = False,
        secured: bool = False,
        fragment: "int | None" = None,
        block: "int | None" = None,
        received: "int | None" = None,
    ) -> None:
        self.kind = kind
        self.counter = counter
        self.payload = payload
        self.dst_endpoint = dst_endpoint
        self.cluster = cluster
        self.profile = profile
        self.src_endpoint = src_endpoint
        self.group = group
        self.delivery = delivery
        self.ack_request = ack_request
        self.secured = secured
        self.fragment = fragment
        self.block = block
        self.received = received
        self.header_size = 0

    def __repr__(self) -> str:
        return "aps.Frame(%s, %d, cluster %s%s, %d octets)" % (
            ("data", "command", "ack")[self.kind],
            self.counter,
            "none" if self.cluster is None else "%04x" % self.cluster,
            ", secured" if self.secured else "",
            len(self.payload),
        )


def _of_command(kind: int, control: int) -> bool:
    """Whether the frame has no endpoints: a command, or the acknowledgement of one."""
    return kind == COMMAND or (kind == ACK and bool(control & 0x10))


def parse(data: bytes) -> Frame:
    """The frame in `data`, the payload of a NWK data frame; DecodeError unless it is one."""
    size = len(data)
    if size < 2:
        raise DecodeError("truncated", size)
    control = data[0]
    kind = control & 3
    delivery = control >> 2 & 3
    if kind > ACK:
        raise DecodeError("unknown kind of frame", 0)
    if delivery == 1 or (delivery and kind == ACK):
        raise DecodeError("unknown delivery", 0)
    if (control & 0x10 and kind != ACK) or (control & 0x80 and kind == COMMAND) or (control & 0x40 and kind == ACK):
        raise DecodeError("bits that this kind of frame has not", 0)
    group = dst_endpoint = cluster = profile = src_endpoint = fragment = block = received = None
    pos = 1
    if not _of_command(kind, control):
        wanted = 8 if delivery == GROUP else 7
        if size < pos + wanted:
            raise DecodeError("truncated", size)
        if delivery == GROUP:
            group = data[1] | data[2] << 8
            pos = 3
        else:
            dst_endpoint = data[1]
            pos = 2
        cluster = data[pos] | data[pos + 1] << 8
        profile = data[pos + 2] | data[pos + 3] << 8
        src_endpoint = data[pos + 4]
        pos += 5
    counter = data[pos]
    pos += 1
    if control & 0x80:
        if pos >= size:
            raise DecodeError("truncated extended header", size)
        fragment = data[pos]
        if fragment > LATER_BLOCK:
            raise DecodeError("extended header that says nothing known", pos)
        pos += 1
        if fragment:
            if pos + (2 if kind == ACK else 1) > size:
                raise DecodeError("truncated extended header", size)
            block = data[pos]
            pos += 1
            if kind == ACK:
                received = data[pos]
                pos += 1
    if kind == ACK and pos != size and not control & 0x20:
        raise DecodeError("acknowledgement with a payload", pos)
    frame = Frame(
        kind,
        counter,
        data[pos:],
        dst_endpoint,
        cluster,
        profile,
        src_endpoint,
        group,
        delivery,
        bool(control & 0x40),
        bool(control & 0x20),
        fragment,
        block,
        received,
    )
    frame.header_size = pos
    return frame


def _within(value: "int | None", bits: int, name: str) -> int:
    if value is None or value < 0 or value >> bits:
        raise EncodeError("%s missing or out of range" % name)
    return value


def build_header(frame: Frame) -> bytes:
    """The octets of `frame` before its payload."""
    control = frame.kind | frame.delivery << 2
    control |= (0x20 if frame.secured else 0) | (0x40 if frame.ack_request else 0)
    parts = []
    if frame.kind == ACK and frame.cluster is None:
        control |= 0x10
    elif frame.kind != COMMAND:
        if frame.delivery == GROUP:
            parts.append(_within(frame.group, 16, "group").to_bytes(2, "little"))
        else:
            parts.append(bytes((_within(frame.dst_endpoint, 8, "endpoint"),)))
        parts.append(_within(frame.cluster, 16, "cluster").to_bytes(2, "little"))
        parts.append(_within(frame.profile, 16, "profile").to_bytes(2, "little"))
        parts.append(bytes((_within(frame.src_endpoint, 8, "endpoint"),)))
    parts.append(bytes((_within(frame.counter, 8, "counter"),)))
    if frame.fragment is not None:
        if frame.kind == COMMAND:
            raise EncodeError("a command has no extended header")
        control |= 0x80
        parts.append(bytes((_within(frame.fragment, 2, "fragment"),)))
        if frame.fragment:
            parts.append(bytes((_within(frame.block, 8, "block"),)))
            if frame.kind == ACK:
                parts.append(bytes((_within(frame.received, 8, "blocks received"),)))
    return bytes((control,)) + b"".join(parts)


def build(frame: Frame) -> bytes:
    """The octets of `frame`, its payload as it is."""
    return build_header(frame) + frame.payload


def acknowledge(frame: Frame, received: int = 0xFF) -> Frame:
    """The acknowledgement of `frame`: endpoints swapped, and of a fragment its block (of the first 0), `received`."""
    if frame.kind == COMMAND:
        return Frame(ACK, frame.counter)
    answer = Frame(ACK, frame.counter, b"", frame.src_endpoint, frame.cluster, frame.profile, frame.dst_endpoint)
    if frame.fragment:
        answer.fragment = frame.fragment
        answer.block = 0 if frame.fragment == FIRST_BLOCK else frame.block
        answer.received = received
    return answer


def parse_command(payload: bytes) -> layout.Fields:
    """The command in a command frame's payload, opened if it was secured."""
    if not payload:
        raise DecodeError("no command identifier", 0)
    for number, name, fields in _COMMANDS:
        if number == payload[0]:
            found = layout.parse((name, fields), payload)
            if number == TRANSPORT_KEY and found.key_type not in (NETWORK_KEY, APPLICATION_KEY, TRUST_CENTRE_KEY):
                raise DecodeError("unknown type of key", 1)
            return found
    raise DecodeError("unknown APS command", 0)


def build_command(command: int, **values: "Any") -> bytes:
    """The payload of APS command `command` (TRANSPORT_KEY ...) with the fields that the table names."""
    for number, name, fields in _COMMANDS:
        if number == command:
            return layout.build(layout.make((name, fields), command=command, **values))
    raise EncodeError("unknown APS command")
