"""The commands of the clusters: payloads by the fields that tables.py names, and what there is to know of attributes.

A command's fields are a dictionary by name. Numbers are what is on the wire: FFFFFFFF is not "invalid" in a command,
it says "cancel" or "until changed". A list is a list of dictionaries. What a payload leaves out at its end is missing
in the dictionary; what a table calls the rest is octets.
"""

from slotmeter.zigbee_han import tables, zcl
from slotmeter.zigbee_han.errors import DecodeError, EncodeError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_CLUSTERS = tables.CLUSTERS  # type: Any


def cluster(number: int) -> "Any":
    """The row of the cluster `number` in tables.CLUSTERS, or None."""
    for row in _CLUSTERS:
        if row[0] == number:
            return row
    return None


class Attribute:
    """What the tables know of one attribute: number, name, kind (its data type), writable, mandatory."""

    def __init__(self, number: int, name: str, kind: int, flags: int) -> None:
        self.number = number
        self.name = name
        self.kind = kind
        self.writable = bool(flags & tables.WRITABLE)
        self.mandatory = bool(flags & tables.MANDATORY)

    def __repr__(self) -> str:
        return "Attribute(0x%04X %s)" % (self.number, self.name)


def attribute(number: int, which: int, client: bool = False) -> "Attribute | None":
    """The attribute `which` of the cluster `number`, of its server unless `client`; None when there is none."""
    row = cluster(number)
    for first, name, kind, flags, count, step in row[3] if row is not None else ():
        place = which - first
        if bool(flags & tables.CLIENT) == client and 0 <= place < count * step and not place % step:
            return Attribute(which, numbered(name, place // step), kind, flags)
    return None


def numbered(name: str, place: int) -> str:
    """The name of the attribute at `place` (from 0) of a row that stands for several."""
    if "##" in name:
        return name.replace("##", "#%d" % (place + 1))
    # What is before the previous day is called previous day 2.
    return name.replace("#", "%d" % (place + (2 if name.startswith("Previous") else 1)))


def command(number: int, to_client: bool, which: int) -> "Any":
    """The row of the command `which` of the cluster `number`, (id, name, to client, fields), or None."""
    row = cluster(number)
    for found in row[4] if row is not None else ():
        if found[0] == which and found[2] == to_client:
            return found
    return None


def _get(payload: bytes, pos: int, kind: int) -> "tuple[Any, int]":
    if kind == tables.REST:
        return payload[pos:], len(payload)
    size, signed = zcl.number_size(kind)
    if not size:
        return zcl.get_value(payload, pos, kind)
    value, pos = zcl.get_number(payload, pos, size)
    half = 1 << (8 * size - 1)
    return value - 2 * half if signed and value >= half else value, pos


def _get_list(payload: bytes, pos: int, fields: "Any", count: "int | None") -> "tuple[list[dict[str, Any]], int]":
    """`count` elements, or all to the end. Each takes an octet at least, so the payload bounds the loop."""
    found = []  # type: list[dict[str, Any]]
    while pos < len(payload) if count is None else len(found) < count:
        one = {}
        for name, kind, _ in fields:
            one[name], pos = _get(payload, pos, kind)
        found.append(one)
    return found, pos


def parse(number: int, to_client: bool, which: int, payload: bytes) -> "dict[str, Any]":
    """The fields of a command that the tables know; DecodeError for one that they do not know, and for octets left."""
    row = command(number, to_client, which)
    if row is None:
        raise DecodeError("command 0x%02X of cluster 0x%04X unknown" % (which, number), 0)
    values = {}  # type: dict[str, Any]
    pos = 0
    for name, kind, more in row[3]:
        if isinstance(kind, tuple):
            values[name], pos = _get_list(payload, pos, kind, values[more] if more else None)
        elif more and pos == len(payload):
            break
        else:
            values[name], pos = _get(payload, pos, kind)
    if pos < len(payload):
        raise DecodeError("%d octets left after the command" % (len(payload) - pos), pos)
    return values


def _put(kind: int, value: "Any") -> bytes:
    if kind == tables.REST:
        return bytes(value)
    size, signed = zcl.number_size(kind)
    if not size:
        return zcl.put_value(kind, value)
    half = 1 << (8 * size - 1)
    if signed and -half <= value < 0:
        value += 2 * half
    elif signed and value >= half:
        raise EncodeError("%d does not fit %d octets signed" % (value, size))
    return zcl.put_number(value, size)


def build(number: int, to_client: bool, which: int, values: "dict[str, Any]") -> bytes:
    """The payload of a command. EncodeError for fields that are missing, that it does not have, or that do not fit."""
    row = command(number, to_client, which)
    if row is None:
        raise EncodeError("command 0x%02X of cluster 0x%04X unknown" % (which, number))
    parts = []
    left = len(values)
    ended = False
    for name, kind, more in row[3]:
        if name not in values:
            if more is not True:
                raise EncodeError("%s has no %s" % (row[1], name))
            ended = True
            continue
        if ended:
            raise EncodeError("%s of %s without the field before it" % (name, row[1]))
        left -= 1
        value = values[name]
        if isinstance(kind, tuple):
            if more and len(value) != values[more]:
                raise EncodeError("%d %s where %d are said" % (len(value), name, values[more]))
            for one in value:
                for inner, inner_kind, _ in kind:
                    if inner not in one:
                        raise EncodeError("%s of %s has no %s" % (name, row[1], inner))
                    parts.append(_put(inner_kind, one[inner]))
        else:
            parts.append(_put(kind, value))
    if left:
        raise EncodeError("%s has no such field" % row[1])
    return b"".join(parts)
