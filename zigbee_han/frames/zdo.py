"""Messages of the ZigBee device object (ZigBee specification, chapter 2.4): profile 0, endpoint 0, a cluster for each.

    message = transaction(1) fields

A response's cluster is its request's with 0x8000 added. Of a response that refuses, what follows the status may be
missing. Descriptors are laid out field by field; a simple descriptor's length must be that of its fields.
"""

from slotmeter.zigbee_han.errors import DecodeError, EncodeError
from slotmeter.zigbee_han.frames import layout
from slotmeter.zigbee_han.frames.layout import EUI, LEFT, U8, U16, U32

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

NETWORK_ADDRESS = 0x0000
IEEE_ADDRESS = 0x0001
NODE_DESCRIPTOR = 0x0002
POWER_DESCRIPTOR = 0x0003
SIMPLE_DESCRIPTOR = 0x0004
ACTIVE_ENDPOINTS = 0x0005
MATCH_DESCRIPTORS = 0x0006
DEVICE_ANNOUNCE = 0x0013
PARENT_ANNOUNCE = 0x001F
BIND = 0x0021
UNBIND = 0x0022
MANAGEMENT_LQI = 0x0031
MANAGEMENT_ROUTING = 0x0032
MANAGEMENT_LEAVE = 0x0034
MANAGEMENT_PERMIT = 0x0036
MANAGEMENT_UPDATE = 0x0038
RESPONSE = 0x8000

SUCCESS = 0x00
INVALID_REQUEST = 0x80
DEVICE_NOT_FOUND = 0x81
INVALID_ENDPOINT = 0x82
NOT_ACTIVE = 0x83
NOT_SUPPORTED = 0x84
NO_MATCH = 0x86
NO_DESCRIPTOR = 0x89
NOT_AUTHORIZED = 0x8D

# Binding targets.
TO_GROUP = 1
TO_ENDPOINT = 3
# Management leave.
LEAVE_CHILDREN = 0x40
LEAVE_REJOIN = 0x80

_STATUS = ("status", U8)
_SHORT = ("short", U16)

NEIGHBOUR = (
    "neighbour",
    (
        ("extended_pan", EUI),
        ("eui", EUI),
        ("short", U16),
        ("flags", U8, 0x7F),
        ("permit", U8, 0x03),
        ("depth", U8),
        ("lqi", U8),
    ),
)
ROUTE = ("route", (("dst", U16), ("flags", U8, 0x3F), ("next_hop", U16)))

_ADDRESS_RESPONSE = (
    _STATUS,
    ("eui", EUI),
    ("short", U16),
    ("count", U8, None, LEFT),
    ("start", U8, None, LEFT),
    ("devices", (("count", 0xFF), U16), None, LEFT),
)
_BIND = (
    ("src", EUI),
    ("src_endpoint", U8),
    ("cluster", U16),
    ("mode", U8),
    ("group", U16, None, ("mode", 0xFF, TO_GROUP)),
    ("dst", EUI, None, ("mode", 0xFF, TO_ENDPOINT)),
    ("dst_endpoint", U8, None, ("mode", 0xFF, TO_ENDPOINT)),
)
# The length octet before it counts eight octets and two for each cluster.
SIMPLE = (
    "simple_descriptor",
    (
        ("endpoint", U8),
        ("profile", U16),
        ("device", U16),
        ("version", U8, 0x0F),
        ("inputs", (U8, U16)),
        ("outputs", (U8, U16)),
    ),
)

_LAYOUTS = (
    (NETWORK_ADDRESS, "network_address_request", (("eui", EUI), ("kind", U8), ("start", U8))),
    (NETWORK_ADDRESS | RESPONSE, "network_address_response", _ADDRESS_RESPONSE),
    (IEEE_ADDRESS, "ieee_address_request", (_SHORT, ("kind", U8), ("start", U8))),
    (IEEE_ADDRESS | RESPONSE, "ieee_address_response", _ADDRESS_RESPONSE),
    (NODE_DESCRIPTOR, "node_descriptor_request", (_SHORT,)),
    (
        NODE_DESCRIPTOR | RESPONSE,
        "node_descriptor_response",
        (
            _STATUS,
            ("short", U16, None, LEFT),
            # Bits 0-2: 0 coordinator, 1 router, 2 end device. Bits 3-7 of the next octet: frequency band, 0x40 2.4 GHz.
            ("device", U8, None, LEFT),
            ("band", U8, None, LEFT),
            ("capability", U8, None, LEFT),
            ("manufacturer", U16, None, LEFT),
            ("largest_buffer", U8, None, LEFT),
            ("largest_incoming", U16, None, LEFT),
            ("server", U16, None, LEFT),
            ("largest_outgoing", U16, None, LEFT),
            ("descriptors", U8, None, LEFT),
        ),
    ),
    (POWER_DESCRIPTOR, "power_descriptor_request", (_SHORT,)),
    (
        POWER_DESCRIPTOR | RESPONSE,
        "power_descriptor_response",
        (_STATUS, ("short", U16, None, LEFT), ("power", U16, None, LEFT)),
    ),
    (SIMPLE_DESCRIPTOR, "simple_descriptor_request", (_SHORT, ("endpoint", U8))),
    (
        SIMPLE_DESCRIPTOR | RESPONSE,
        "simple_descriptor_response",
        (
            _STATUS,
            ("short", U16, None, LEFT),
            ("length", U8, None, LEFT),
            ("endpoint", U8, None, LEFT),
            ("profile", U16, None, LEFT),
            ("device", U16, None, LEFT),
            ("version", U8, 0x0F, LEFT),
            ("inputs", (U8, U16), None, LEFT),
            ("outputs", (U8, U16), None, LEFT),
        ),
    ),
    (ACTIVE_ENDPOINTS, "active_endpoints_request", (_SHORT,)),
    (
        ACTIVE_ENDPOINTS | RESPONSE,
        "active_endpoints_response",
        (_STATUS, ("short", U16, None, LEFT), ("endpoints", (U8, U8), None, LEFT)),
    ),
    (
        MATCH_DESCRIPTORS,
        "match_descriptors_request",
        (_SHORT, ("profile", U16), ("inputs", (U8, U16)), ("outputs", (U8, U16))),
    ),
    (
        MATCH_DESCRIPTORS | RESPONSE,
        "match_descriptors_response",
        (_STATUS, ("short", U16, None, LEFT), ("endpoints", (U8, U8), None, LEFT)),
    ),
    (DEVICE_ANNOUNCE, "device_announce", (_SHORT, ("eui", EUI), ("capability", U8, 0xCF))),
    (PARENT_ANNOUNCE, "parent_announce", (("children", (U8, EUI)),)),
    (PARENT_ANNOUNCE | RESPONSE, "parent_announce_response", (_STATUS, ("children", (U8, EUI), None, LEFT))),
    (BIND, "bind_request", _BIND),
    (BIND | RESPONSE, "bind_response", (_STATUS,)),
    (UNBIND, "unbind_request", _BIND),
    (UNBIND | RESPONSE, "unbind_response", (_STATUS,)),
    (MANAGEMENT_LQI, "management_lqi_request", (("start", U8),)),
    (
        MANAGEMENT_LQI | RESPONSE,
        "management_lqi_response",
        (_STATUS, ("total", U8, None, LEFT), ("start", U8, None, LEFT), ("neighbours", (U8, NEIGHBOUR), None, LEFT)),
    ),
    (MANAGEMENT_ROUTING, "management_routing_request", (("start", U8),)),
    (
        MANAGEMENT_ROUTING | RESPONSE,
        "management_routing_response",
        (_STATUS, ("total", U8, None, LEFT), ("start", U8, None, LEFT), ("routes", (U8, ROUTE), None, LEFT)),
    ),
    (MANAGEMENT_LEAVE, "management_leave_request", (("eui", EUI), ("flags", U8, 0xC0))),
    (MANAGEMENT_LEAVE | RESPONSE, "management_leave_response", (_STATUS,)),
    (MANAGEMENT_PERMIT, "management_permit_request", (("seconds", U8), ("significance", U8))),
    (MANAGEMENT_PERMIT | RESPONSE, "management_permit_response", (_STATUS,)),
    (
        MANAGEMENT_UPDATE,
        "management_update_request",
        (
            ("channels", U32),
            ("duration", U8),
            ("count", U8, None, LEFT),
            ("update", U8, None, LEFT),
            ("manager", U16, None, LEFT),
        ),
    ),
    (
        MANAGEMENT_UPDATE | RESPONSE,
        "management_update_response",
        (_STATUS, ("channels", U32), ("transmitted", U16), ("failures", U16), ("energy", (U8, U8))),
    ),
)


def _layout(cluster: int) -> "Any":
    for number, name, fields in _LAYOUTS:
        if number == cluster:
            return (name, (("transaction", U8),) + fields)
    return None


def simple_length(inputs: "tuple[int, ...]", outputs: "tuple[int, ...]") -> int:
    """The length of a simple descriptor with so many clusters."""
    return 8 + 2 * len(inputs) + 2 * len(outputs)


def parse(cluster: int, payload: bytes) -> layout.Fields:
    """The message of `cluster`: `transaction` and what the table names. DecodeError for a cluster that it lacks."""
    found = _layout(cluster)
    if found is None:
        raise DecodeError("unknown ZDO cluster", 0)
    fields = layout.parse(found, payload)
    if fields.layout[1][1] is _STATUS and fields.status == SUCCESS:
        for field in found[1]:
            # Of an address response only, devices are asked for or not.
            asked = not found[0].endswith("address_response") or fields.count or field[0] in ("eui", "short")
            if asked and getattr(fields, field[0]) is None:
                raise DecodeError("truncated", len(payload))
    if cluster == SIMPLE_DESCRIPTOR | RESPONSE and fields.endpoint is not None:
        if fields.outputs is None or fields.length != simple_length(fields.inputs, fields.outputs):
            raise DecodeError("simple descriptor whose length is not its own", 4)
    return fields


def build(message: int, transaction: int, **values: "Any") -> bytes:
    """The octets of `message` (its cluster: DEVICE_ANNOUNCE ...) with the fields that the table names."""
    found = _layout(message)
    if found is None:
        raise EncodeError("unknown ZDO cluster")
    return layout.build(layout.make(found, transaction=transaction, **values))
