"""A-XDR declared a second time, with construct: what the codec does in code is a description here.

Values are those of slotmeter.dlms.axdr, so that both sides can be compared; nothing of slotmeter is imported. It is
generous where the codec is strict: limits of depth and count are not here.
"""

from construct import (
    Adapter,
    Array,
    Byte,
    Bytes,
    Check,
    Computed,
    FocusedSeq,
    GreedyRange,
    Int8sb,
    Int8ub,
    Int16sb,
    Int16ub,
    Int32sb,
    Int32ub,
    Int64sb,
    Int64ub,
    LazyBound,
    PrefixedArray,
    Rebuild,
    Sequence,
    Struct,
    Switch,
    this,
)


class LengthAdapter(Adapter):
    """The DLMS length: a first octet, and the octets that it announces; shortest form only."""

    def _decode(self, parsed, context, path):
        if parsed.first < 0x80:
            return parsed.first
        value = int.from_bytes(parsed.rest, "big")
        if value < 0x80 or value < 1 << 8 * (parsed.first - 0x81):
            raise ValueError("not the shortest form")
        return value

    def _encode(self, value, context, path):
        if value < 0x80:
            return {"first": value, "rest": b""}
        size = (value.bit_length() + 7) // 8
        return {"first": 0x80 + size, "rest": value.to_bytes(size, "big")}


Length = LengthAdapter(
    Struct(
        "first" / Byte,
        Check(lambda this: this.first < 0x80 or 0x81 <= this.first <= 0x83),
        "rest" / Bytes(lambda this: this.first - 0x80 if this.first > 0x80 else 0),
    )
)


class BooleanAdapter(Adapter):
    """FF or 00."""

    def _decode(self, octet, context, path):
        if octet not in (0, 0xFF):
            raise ValueError("neither 00 nor FF")
        return octet == 0xFF

    def _encode(self, value, context, path):
        return 0xFF if value else 0


class BitsAdapter(Adapter):
    """(bits, octets)."""

    def _decode(self, parsed, context, path):
        return (parsed.bits, parsed.octets)

    def _encode(self, value, context, path):
        return {"bits": value[0], "octets": value[1]}


class NoneAdapter(Adapter):
    """What takes no octets is None."""

    def _decode(self, parsed, context, path):
        return None

    def _encode(self, value, context, path):
        return b""


BitString = BitsAdapter(Struct("bits" / Length, "octets" / Bytes(lambda this: (this.bits + 7) // 8)))
String = FocusedSeq("octets", "size" / Rebuild(Length, lambda this: len(this.octets)), "octets" / Bytes(this.size))

# The contents of the types that hold no others, by tag.
LEAVES = {
    3: BooleanAdapter(Byte),
    4: BitString,
    5: Int32sb,
    6: Int32ub,
    9: String,
    10: String,
    12: String,
    13: Int8sb,
    15: Int8sb,
    16: Int16sb,
    17: Int8ub,
    18: Int16ub,
    20: Int64sb,
    21: Int64ub,
    22: Int8ub,
    25: Bytes(12),
    26: Bytes(5),
    27: Bytes(4),
}


class TypeAdapter(Adapter):
    """A row type as the codec writes it: (tag,), (2, type, ...), (1, type, count, count)."""

    def _decode(self, parsed, context, path):
        if parsed.tag == 1:
            return (1, parsed.inner.type, parsed.inner.count, parsed.inner.count)
        if parsed.tag == 2:
            return (2, *parsed.inner)
        return (parsed.tag,)

    def _encode(self, value, context, path):
        if value[0] == 1:
            return {"tag": 1, "inner": {"type": value[1], "count": value[2]}}
        if value[0] == 2:
            return {"tag": 2, "inner": list(value[1:])}
        return {"tag": value[0], "inner": None}


RowType = TypeAdapter(
    Struct(
        "tag" / Byte,
        Check(lambda this: this.tag in (1, 2) or this.tag in LEAVES),
        "inner"
        / Switch(
            this.tag,
            {
                1: Struct("count" / Int16ub, Check(this.count > 0), "type" / LazyBound(lambda: RowType)),
                2: FocusedSeq(
                    "types",
                    "count" / Rebuild(Byte, lambda this: len(this.types)),
                    Check(this.count > 0),
                    "types" / Array(this.count, LazyBound(lambda: RowType)),
                ),
            },
            default=Computed(None),
        ),
    )
)


class TaggedAdapter(Adapter):
    """A value in a row: its tag comes from the row type."""

    def __init__(self, tag, subcon):
        super().__init__(subcon)
        self.tag = tag

    def _decode(self, parsed, context, path):
        return (self.tag, list(parsed) if self.tag in (1, 2) else parsed)

    def _encode(self, value, context, path):
        return value[1]


def row_of(row_type):
    """The description of one row of this type."""
    tag = row_type[0]
    if tag == 2:
        return TaggedAdapter(2, Sequence(*[row_of(one) for one in row_type[1:]]))
    if tag == 1:
        return TaggedAdapter(1, Array(row_type[2], row_of(row_type[1])))
    return TaggedAdapter(tag, LEAVES[tag])


class CompactAdapter(Adapter):
    """(row type, rows): the contents are octets whose description comes from the type before them."""

    def _decode(self, parsed, context, path):
        contents = GreedyRange(row_of(parsed.type)).parse(parsed.contents)
        if b"".join(row_of(parsed.type).build(row) for row in contents) != bytes(parsed.contents):
            raise ValueError("contents end within a row")
        return (parsed.type, list(contents))

    def _encode(self, value, context, path):
        return {"type": value[0], "contents": b"".join(row_of(value[0]).build(row) for row in value[1])}


CompactArray = CompactAdapter(Struct("type" / RowType, "contents" / String))


class ValueAdapter(Adapter):
    """(tag, contents)."""

    def _decode(self, parsed, context, path):
        return (parsed.tag, list(parsed.contents) if parsed.tag in (1, 2) else parsed.contents)

    def _encode(self, value, context, path):
        return {"tag": value[0], "contents": value[1]}


Contents = dict(LEAVES)
Contents[0] = NoneAdapter(Bytes(0))
Contents[1] = PrefixedArray(Length, LazyBound(lambda: Value))
Contents[2] = PrefixedArray(Length, LazyBound(lambda: Value))
Contents[19] = CompactArray

Value = ValueAdapter(
    Struct("tag" / Byte, Check(lambda this: this.tag in Contents), "contents" / Switch(this.tag, Contents))
)
