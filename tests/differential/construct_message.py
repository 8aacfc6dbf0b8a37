"""The GBCS envelope and the routing header of a block declared a second time, with construct."""

from construct import Byte, Bytes, Const, Int16ub, Rebuild, Select, Struct, Switch, Terminated, this
from construct_axdr import Length, String

SignaturePart = Struct(
    "size" / Byte, "signature" / Switch(this.size, {0: Bytes(0), 64: Bytes(64)}, default=Const(b"never"))
)

Body = Struct(
    Const(b"\xdf\x09"),
    "cra" / Select(Const(b"\x01"), Const(b"\x02"), Const(b"\x03")),
    "counter" / Bytes(8),
    Const(b"\x08"),
    "originator" / Bytes(8),
    Const(b"\x08"),
    "target" / Bytes(8),
    "date_time_size" / Byte,
    "date_time" / Switch(this.date_time_size, {0: Bytes(0), 12: Bytes(12)}, default=Const(b"never")),
    "other_size" / Rebuild(Length, lambda this: 2 + len(this.supplementary)),
    "code" / Int16ub,
    "supplementary" / Bytes(this.other_size - 2),
    "payload" / String,
    "signature_part" / SignaturePart,
)

Maced = Struct(
    Const(b"\xdd\x00\x00\x00\x00\x00\x00"),
    "size" / Length,
    Const(b"\x11\x00\x00\x00\x00"),
    "body" / Bytes(this.size - 17),
    "mac" / Bytes(12),
    Terminated,
)

Block = Struct(
    Const(b"\xdd\x09"),
    "cra" / Select(Const(b"\x01"), Const(b"\x02"), Const(b"\x03")),
    "counter" / Bytes(8),
    Const(b"\x08"),
    "originator" / Bytes(8),
    Const(b"\x08"),
    "target" / Bytes(8),
    Const(b"\x00\x02"),
    "code" / Bytes(2),
    Const(b"\x00"),
    "transfer" / Struct("size" / Length, "octets" / Bytes(this.size)),
    Terminated,
)

Transfer = Struct(
    Const(b"\x11\x00\x00\x00\x00\xe0"),
    "control" / Byte,
    "number" / Int16ub,
    "acknowledged" / Int16ub,
    "data" / String,
    Terminated,
)
