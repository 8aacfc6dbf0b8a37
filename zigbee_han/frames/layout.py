"""Commands as tables: what their fields are, in order, and one engine that parses and builds them all.

A layout is a name and a tuple of fields; a field is (name, kind), (name, kind, allowed) or (name, kind, allowed, when).
Everything on the air is least significant octet first.

    kind                      value
    U8 U16 U32                int; `allowed` is the mask of bits that may be set (None: all of them)
    EUI                       bytes of 8, most significant octet first, as printed
    KEY                       bytes of 16, never shown
    REST                      bytes, all that is left
    (count, kind)             tuple of that kind; count U8: the number comes first; a str: the field, before this one,
                              whose bits say how many (count is then (name, mask))
    (count, layout)           tuple of Fields

    when                      the field is there, else it is None
    (name, mask, value)       if the field `name` is there and has these bits
    LEFT                      if octets are left; on building, if a value is given

Octets after the last field are refused. What parses builds to the same octets.
"""

from slotmeter.zigbee_han.errors import DecodeError, EncodeError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

U8 = 1
U16 = 2
U32 = 4
EUI = 8
KEY = 16
REST = 0
LEFT = "left"

# The fixed kinds are their own sizes.
_FIXED = (U8, U16, U32, EUI, KEY)


class Fields:
    """The values of one layout, as attributes. A field that is not there is None."""

    def __init__(self, layout: "Any", values: "dict[str, Any]") -> None:
        self.layout = layout
        for field in layout[1]:
            setattr(self, field[0], values.get(field[0]))

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Fields) or self.layout[0] != other.layout[0]:
            return False
        return all([getattr(self, field[0]) == getattr(other, field[0]) for field in self.layout[1]])

    def __hash__(self) -> int:
        return hash(self.layout[0])

    def __repr__(self) -> str:
        parts = []
        for field in self.layout[1]:
            value = getattr(self, field[0])
            if value is None:
                continue
            if field[1] in (KEY, REST):
                # A key, or what may hold one.
                parts.append("%s=(%d octets)" % (field[0], len(value)))
            elif isinstance(value, bytes):
                parts.append("%s=%s" % (field[0], value.hex()))
            else:
                parts.append("%s=%r" % (field[0], value))
        return "%s(%s)" % (self.layout[0], ", ".join(parts))


def make(layout: "Any", **values: "Any") -> Fields:
    """Fields of `layout` with these values; EncodeError for a name that it has not."""
    known = [field[0] for field in layout[1]]
    for name in sorted(values):
        if name not in known:
            raise EncodeError("%s has no field %s" % (layout[0], name))
    return Fields(layout, values)


def flipped(octets: bytes) -> bytes:
    """The octets in the opposite order: EUI-64s are printed most significant first and sent least significant first."""
    return bytes(reversed(octets))


def _take(data: bytes, pos: int, kind: int) -> "tuple[Any, int]":
    end = pos + kind
    if end > len(data):
        raise DecodeError("truncated", len(data))
    if kind == EUI:
        return flipped(data[pos:end]), end
    if kind == KEY:
        return data[pos:end], end
    return int.from_bytes(data[pos:end], "little"), end


def _give(value: "Any", kind: int, name: str) -> bytes:
    if kind in (EUI, KEY):
        if not isinstance(value, bytes) or len(value) != kind:
            raise EncodeError("%s is not of %d octets" % (name, kind))
        return flipped(value) if kind == EUI else value
    # portable: no field is True or False
    if not isinstance(value, int) or value < 0 or value >> (8 * kind):
        raise EncodeError("%s does not fit %d octets" % (name, kind))
    return value.to_bytes(kind, "little")


def _shift(mask: int) -> int:
    """How far the lowest set bit of `mask` is from bit 0."""
    count = 0
    while mask and not mask & 1:
        mask >>= 1
        count += 1
    return count


def parse(layout: "Any", data: bytes) -> Fields:
    """The Fields of `layout` in `data`.

    DecodeError for a field cut short, a bit that may not be set, and octets left over.
    """
    fields, pos = _parse(layout, data, 0)
    if pos != len(data):
        raise DecodeError("octets left after the last field", pos)
    return fields


def _parse(layout: "Any", data: bytes, pos: int) -> "tuple[Fields, int]":
    """The Fields of `layout` in data[pos:], and where they end."""
    values = {}  # type: dict[str, Any]
    for field in layout[1]:
        name = field[0]
        kind = field[1]
        when = field[3] if len(field) > 3 else None
        if when is not None:
            if when == LEFT:
                if pos == len(data):
                    continue
            else:
                held = values.get(when[0])
                if held is None or held & when[1] != when[2]:
                    continue
        if kind == REST:
            values[name] = data[pos:]
            pos = len(data)
        elif kind in _FIXED:
            start = pos
            values[name], pos = _take(data, pos, kind)
            allowed = field[2] if len(field) > 2 else None
            if allowed is not None and values[name] & ~allowed:
                raise DecodeError("%s has bits that it may not have" % name, start)
        else:
            count, of = kind
            if count == U8:
                number, pos = _take(data, pos, U8)
            else:
                number = (values[count[0]] & count[1]) >> _shift(count[1])
            found = []
            for _ in range(number):
                if of in _FIXED:
                    one, pos = _take(data, pos, of)
                else:
                    one, pos = _parse(of, data, pos)
                found.append(one)
            values[name] = tuple(found)
    return Fields(layout, values), pos


def build(fields: Fields) -> bytes:
    """The octets of `fields`; EncodeError for a value that does not fit, is missing, or may not be there."""
    layout = fields.layout
    parts = []
    ended = False
    for field in layout[1]:
        name = field[0]
        kind = field[1]
        value = getattr(fields, name)
        when = field[3] if len(field) > 3 else None
        if when is not None:
            if when == LEFT:
                there = value is not None
            else:
                held = getattr(fields, when[0])
                there = held is not None and held & when[1] == when[2]
            if not there:
                if value is not None:
                    raise EncodeError("%s may not be there" % name)
                ended = ended or when == LEFT
                continue
        if ended:
            raise EncodeError("%s without the fields before it" % name)
        if value is None:
            raise EncodeError("%s is missing" % name)
        if kind == REST:
            parts.append(value)
        elif kind in _FIXED:
            allowed = field[2] if len(field) > 2 else None
            if allowed is not None and value & ~allowed:
                raise EncodeError("%s has bits that it may not have" % name)
            parts.append(_give(value, kind, name))
        else:
            count, of = kind
            if count == U8:
                parts.append(_give(len(value), U8, name))
            elif (getattr(fields, count[0]) & count[1]) >> _shift(count[1]) != len(value):
                raise EncodeError("%s are not as many as %s says" % (name, count[0]))
            for one in value:
                parts.append(_give(one, of, name) if of in _FIXED else build(one))
    return b"".join(parts)
