"""The frames of the air described once more, in construct's words: what the package builds must read the same here."""

import construct as c

EUI = c.ExprAdapter(c.Bytes(8), lambda raw, _: raw[::-1], lambda eui, _: eui[::-1])

MAC_CONTROL = c.ByteSwapped(
    c.BitStruct(
        "src_mode" / c.BitsInteger(2),
        "version" / c.BitsInteger(2),
        "dst_mode" / c.BitsInteger(2),
        "reserved" / c.Const(0, c.BitsInteger(3)),
        "one_pan" / c.Flag,
        "ack_request" / c.Flag,
        "pending" / c.Flag,
        "security" / c.Const(0, c.BitsInteger(1)),
        "kind" / c.BitsInteger(3),
    )
)


def address(mode):
    return c.Switch(mode, {0: c.Pass, 2: c.Int16ul, 3: EUI})


MAC = c.Struct(
    "control" / MAC_CONTROL,
    "sequence" / c.Int8ul,
    "dst_pan" / c.If(c.this.control.dst_mode != 0, c.Int16ul),
    "dst" / address(c.this.control.dst_mode),
    "src_pan" / c.If(lambda this: this.control.src_mode != 0 and not this.control.one_pan, c.Int16ul),
    "src" / address(c.this.control.src_mode),
    "rest" / c.GreedyBytes,
)

BEACON = c.Struct(
    "superframe"
    / c.ByteSwapped(
        c.BitStruct(
            "permit" / c.Flag,
            "coordinator" / c.Flag,
            "reserved" / c.Const(0, c.BitsInteger(1)),
            "battery" / c.Flag,
            "final" / c.BitsInteger(4),
            "superframe_order" / c.BitsInteger(4),
            "beacon_order" / c.BitsInteger(4),
        )
    ),
    "slots" / c.Const(b"\0"),
    "pending" / c.Const(b"\0"),
    "protocol" / c.Const(b"\0"),
    "profile"
    / c.ByteSwapped(
        c.BitStruct(
            "end_devices" / c.Flag,
            "depth" / c.BitsInteger(4),
            "routers" / c.Flag,
            "reserved" / c.Const(0, c.BitsInteger(2)),
            "version" / c.BitsInteger(4),
            "stack" / c.BitsInteger(4),
        )
    ),
    "extended_pan" / EUI,
    "offset" / c.Int24ul,
    "update_number" / c.Int8ul,
    c.Terminated,
)

NWK = c.Struct(
    "control"
    / c.ByteSwapped(
        c.BitStruct(
            "reserved" / c.Const(0, c.BitsInteger(2)),
            "by_end_device" / c.Flag,
            "src_eui" / c.Flag,
            "dst_eui" / c.Flag,
            "relays" / c.Flag,
            "secured" / c.Flag,
            "multicast" / c.Flag,
            "discover" / c.BitsInteger(2),
            "version" / c.Const(2, c.BitsInteger(4)),
            "kind" / c.BitsInteger(2),
        )
    ),
    "dst" / c.Int16ul,
    "src" / c.Int16ul,
    "radius" / c.Int8ul,
    "sequence" / c.Int8ul,
    "dst_eui" / c.If(c.this.control.dst_eui, EUI),
    "src_eui" / c.If(c.this.control.src_eui, EUI),
    "multicast" / c.If(c.this.control.multicast, c.Int8ul),
    "relays"
    / c.If(
        c.this.control.relays,
        c.Struct("count" / c.Int8ul, "index" / c.Int8ul, "list" / c.Array(c.this.count, c.Int16ul)),
    ),
    "payload" / c.GreedyBytes,
)

AUXILIARY = c.Struct(
    "control"
    / c.BitStruct(
        "reserved" / c.Const(0, c.BitsInteger(2)),
        "extended" / c.Flag,
        "key_id" / c.BitsInteger(2),
        "level" / c.BitsInteger(3),
    ),
    "counter" / c.Int32ul,
    "source" / c.If(c.this.control.extended, EUI),
    "key_sequence" / c.If(c.this.control.key_id == 1, c.Int8ul),
    "rest" / c.GreedyBytes,
)

APS = c.Struct(
    "control"
    / c.BitStruct(
        "extended" / c.Flag,
        "ack_request" / c.Flag,
        "secured" / c.Flag,
        "of_command" / c.Flag,
        "delivery" / c.BitsInteger(2),
        "kind" / c.BitsInteger(2),
    ),
    "addressed" / c.Computed(lambda this: this.control.kind != 1 and not this.control.of_command),
    "group" / c.If(lambda this: this.addressed and this.control.delivery == 3, c.Int16ul),
    "dst_endpoint" / c.If(lambda this: this.addressed and this.control.delivery != 3, c.Int8ul),
    "cluster" / c.If(c.this.addressed, c.Int16ul),
    "profile" / c.If(c.this.addressed, c.Int16ul),
    "src_endpoint" / c.If(c.this.addressed, c.Int8ul),
    "counter" / c.Int8ul,
    "fragment" / c.If(c.this.control.extended, c.Int8ul),
    "block" / c.If(lambda this: this.fragment, c.Int8ul),
    "received" / c.If(lambda this: this.fragment and this.control.kind == 2, c.Int8ul),
    "payload" / c.GreedyBytes,
)


def message(*fields):
    return c.Struct(*fields, c.Terminated)


MAC_COMMANDS = {
    1: message("command" / c.Int8ul, "capability" / c.Int8ul),
    2: message("command" / c.Int8ul, "short" / c.Int16ul, "status" / c.Int8ul),
    3: message("command" / c.Int8ul, "reason" / c.Int8ul),
    4: message("command" / c.Int8ul),
    5: message("command" / c.Int8ul),
    6: message("command" / c.Int8ul),
    7: message("command" / c.Int8ul),
    8: message(
        "command" / c.Int8ul,
        "pan" / c.Int16ul,
        "coordinator" / c.Int16ul,
        "channel" / c.Int8ul,
        "short" / c.Int16ul,
    ),
}

NWK_COMMANDS = {
    1: message(
        "command" / c.Int8ul,
        "options" / c.Int8ul,
        "number" / c.Int8ul,
        "dst" / c.Int16ul,
        "cost" / c.Int8ul,
        "dst_eui" / c.If(lambda this: this.options & 0x20, EUI),
    ),
    2: message(
        "command" / c.Int8ul,
        "options" / c.Int8ul,
        "number" / c.Int8ul,
        "originator" / c.Int16ul,
        "responder" / c.Int16ul,
        "cost" / c.Int8ul,
        "originator_eui" / c.If(lambda this: this.options & 0x10, EUI),
        "responder_eui" / c.If(lambda this: this.options & 0x20, EUI),
    ),
    3: message("command" / c.Int8ul, "status" / c.Int8ul, "dst" / c.Int16ul),
    4: message("command" / c.Int8ul, "options" / c.Int8ul),
    5: message("command" / c.Int8ul, "relays" / c.PrefixedArray(c.Int8ul, c.Int16ul)),
    6: message("command" / c.Int8ul, "capability" / c.Int8ul),
    7: message("command" / c.Int8ul, "short" / c.Int16ul, "status" / c.Int8ul),
    8: message(
        "command" / c.Int8ul,
        "options" / c.Int8ul,
        "links"
        / c.Array(lambda this: this.options & 31, c.Struct("neighbour" / c.Int16ul, "costs" / c.Int8ul)),
    ),
    0x0B: message("command" / c.Int8ul, "timeout" / c.Int8ul, "configuration" / c.Int8ul),
    0x0C: message("command" / c.Int8ul, "status" / c.Int8ul, "information" / c.Int8ul),
}

APS_COMMANDS = {
    5: message(
        "command" / c.Int8ul,
        "key_type" / c.Int8ul,
        "key" / c.Bytes(16),
        "sequence" / c.If(c.this.key_type == 1, c.Int8ul),
        "dst" / c.If(c.this.key_type == 1, EUI),
        "src" / c.If(c.this.key_type == 1, EUI),
        "partner" / c.If(c.this.key_type == 3, EUI),
        "initiator" / c.If(c.this.key_type == 3, c.Int8ul),
        "joiner" / c.If(c.this.key_type == 4, EUI),
        "centre" / c.If(c.this.key_type == 4, EUI),
    ),
    6: message("command" / c.Int8ul, "device" / EUI, "short" / c.Int16ul, "status" / c.Int8ul),
    7: message("command" / c.Int8ul, "device" / EUI),
    8: message("command" / c.Int8ul, "key_type" / c.Int8ul, "partner" / c.If(c.this.key_type == 2, EUI)),
    9: message("command" / c.Int8ul, "sequence" / c.Int8ul),
    0x0E: message("command" / c.Int8ul, "dst" / EUI, "frame" / c.GreedyBytes),
    0x0F: message("command" / c.Int8ul, "key_type" / c.Int8ul, "src" / EUI, "proof" / c.Bytes(16)),
    0x10: message("command" / c.Int8ul, "status" / c.Int8ul, "key_type" / c.Int8ul, "dst" / EUI),
}

_T = "transaction" / c.Int8ul
_S = "status" / c.Int8ul
_SHORT = "short" / c.Int16ul
_ADDRESSES = message(
    _T,
    _S,
    "eui" / EUI,
    _SHORT,
    "tail"
    / c.Optional(
        c.Struct("count" / c.Int8ul, "start" / c.Int8ul, "devices" / c.Array(c.this.count, c.Int16ul)),
    ),
)
_BIND = message(
    _T,
    "src" / EUI,
    "src_endpoint" / c.Int8ul,
    "cluster" / c.Int16ul,
    "mode" / c.Int8ul,
    "group" / c.If(c.this.mode == 1, c.Int16ul),
    "dst" / c.If(c.this.mode == 3, EUI),
    "dst_endpoint" / c.If(c.this.mode == 3, c.Int8ul),
)
_CLUSTERS = c.PrefixedArray(c.Int8ul, c.Int16ul)

ZDO = {
    0x0000: message(_T, "eui" / EUI, "kind" / c.Int8ul, "start" / c.Int8ul),
    0x8000: _ADDRESSES,
    0x0001: message(_T, _SHORT, "kind" / c.Int8ul, "start" / c.Int8ul),
    0x8001: _ADDRESSES,
    0x0002: message(_T, _SHORT),
    0x8002: message(
        _T,
        _S,
        _SHORT,
        "device" / c.Int8ul,
        "band" / c.Int8ul,
        "capability" / c.Int8ul,
        "manufacturer" / c.Int16ul,
        "largest_buffer" / c.Int8ul,
        "largest_incoming" / c.Int16ul,
        "server" / c.Int16ul,
        "largest_outgoing" / c.Int16ul,
        "descriptors" / c.Int8ul,
    ),
    0x0003: message(_T, _SHORT),
    0x8003: message(_T, _S, _SHORT, "power" / c.Int16ul),
    0x0004: message(_T, _SHORT, "endpoint" / c.Int8ul),
    0x8004: message(
        _T,
        _S,
        _SHORT,
        "length" / c.Int8ul,
        "endpoint" / c.Int8ul,
        "profile" / c.Int16ul,
        "device" / c.Int16ul,
        "version" / c.Int8ul,
        "inputs" / _CLUSTERS,
        "outputs" / _CLUSTERS,
    ),
    0x0005: message(_T, _SHORT),
    0x8005: message(_T, _S, _SHORT, "endpoints" / c.PrefixedArray(c.Int8ul, c.Int8ul)),
    0x0006: message(_T, _SHORT, "profile" / c.Int16ul, "inputs" / _CLUSTERS, "outputs" / _CLUSTERS),
    0x8006: message(_T, _S, _SHORT, "endpoints" / c.PrefixedArray(c.Int8ul, c.Int8ul)),
    0x0013: message(_T, _SHORT, "eui" / EUI, "capability" / c.Int8ul),
    0x0021: _BIND,
    0x8021: message(_T, _S),
    0x0022: _BIND,
    0x8022: message(_T, _S),
    0x0031: message(_T, "start" / c.Int8ul),
    0x8031: message(
        _T,
        _S,
        "total" / c.Int8ul,
        "start" / c.Int8ul,
        "neighbours"
        / c.PrefixedArray(
            c.Int8ul,
            c.Struct(
                "extended_pan" / EUI,
                "eui" / EUI,
                _SHORT,
                "flags" / c.Int8ul,
                "permit" / c.Int8ul,
                "depth" / c.Int8ul,
                "lqi" / c.Int8ul,
            ),
        ),
    ),
    0x0032: message(_T, "start" / c.Int8ul),
    0x8032: message(
        _T,
        _S,
        "total" / c.Int8ul,
        "start" / c.Int8ul,
        "routes"
        / c.PrefixedArray(c.Int8ul, c.Struct("dst" / c.Int16ul, "flags" / c.Int8ul, "next_hop" / c.Int16ul)),
    ),
    0x0034: message(_T, "eui" / EUI, "flags" / c.Int8ul),
    0x8034: message(_T, _S),
    0x0036: message(_T, "seconds" / c.Int8ul, "significance" / c.Int8ul),
    0x8036: message(_T, _S),
}
