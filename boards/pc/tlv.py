"""ASN.1 of GBCS payloads as a tree, for tools that look into messages; devices read them with dlms.gbcs.asn1."""

from dataclasses import dataclass

from slotmeter.dlms.errors import DecodeError


@dataclass
class Tlv:
    """One ASN.1 element: tag, content, and children when it is constructed; octets: all of it."""

    tag: int
    content: bytes
    octets: bytes
    children: "list[Tlv]"

    @property
    def number(self) -> int:
        """An INTEGER or ENUMERATED."""
        return int.from_bytes(self.content, "big", signed=True)


def read_tlv(data: bytes) -> "list[Tlv]":
    """The elements of `data`, lengths in any form; DecodeError when they do not fill it exactly."""
    found = []
    pos = 0
    while pos < len(data):
        start = pos
        tag = data[pos]
        if pos + 1 >= len(data):
            raise DecodeError("length missing", pos)
        length = data[pos + 1]
        pos += 2
        if length > 0x80:
            size = length - 0x80
            length = int.from_bytes(data[pos : pos + size], "big")
            pos += size
        if pos + length > len(data):
            raise DecodeError("element truncated", start)
        content = data[pos : pos + length]
        pos += length
        found.append(Tlv(tag, content, data[start:pos], read_tlv(content) if tag & 0x20 else []))
    return found


def whole_tlv(payload: bytes) -> "Tlv | None":
    """The one element that a payload is, or None when it is no ASN.1."""
    try:
        found = read_tlv(payload)
    except DecodeError:
        return None
    return found[0] if len(found) == 1 else None


def key_usage(element: Tlv) -> int:
    """The first octet of a KeyUsage BIT STRING; 0 when it is empty."""
    return element.content[1] if len(element.content) > 1 else 0


def execution_outcome(tree: Tlv) -> "Tlv | None":
    """The executionOutcome of CS02b and CS02g in a response or alert, None when it is not there."""
    if tree.children and tree.children[-1].tag == 0x30 and len(tree.children[-1].children) == 4:
        return tree.children[-1]
    return None
