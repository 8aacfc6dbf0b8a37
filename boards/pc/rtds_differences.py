"""What differs between two messages, field by field, in lines for people."""

from collections.abc import Iterator
from typing import Any

from slotmeter.boards.pc.tlv import Tlv, read_tlv
from slotmeter.dlms import apdu, axdr
from slotmeter.dlms.errors import DecodeError
from slotmeter.dlms.gbcs.message import Message

# How much of a difference is worth reading.
_LINES_SHOWN = 24
_TEXT_SHOWN = 96


def _leaves(value: "tuple[int, Any]", path: str) -> "Iterator[tuple[str, str]]":
    """(path, text) of every part of an A-XDR value that holds no other."""
    tag, content = value
    if tag == axdr.COMPACT_ARRAY:
        yield path, f"compact-array of {len(content[1])}"
        content = content[1]
    elif tag in (axdr.ARRAY, axdr.STRUCTURE):
        yield path, f"{axdr.TYPE_NAMES[tag]} of {len(content)}"
    else:
        yield path, axdr.text(value)
        return
    for index, child in enumerate(content):
        yield from _leaves(child, f"{path}.{index}")


def _value_fields(name: str, data: bytes) -> "Iterator[tuple[str, str]]":
    try:
        yield from _leaves(axdr.decode_whole(data), name)
    except DecodeError:
        yield name, data.hex().upper()


def _asn1_fields(elements: "list[Tlv]", path: str) -> "Iterator[tuple[str, str]]":
    for index, element in enumerate(elements):
        here = f"{path}.{index}" if path else str(index)
        if element.children:
            yield here, f"tag {element.tag:02X} of {len(element.children)}, {len(element.octets)} octets"
            yield from _asn1_fields(element.children, here)
        else:
            yield here, f"tag {element.tag:02X} {element.content.hex().upper()}"


def fields(message: Message, plaintexts: "list[bytes]") -> "dict[str, str]":
    """Every field of a message with its text; `plaintexts` are those of its encrypted parts."""
    found = {
        "originator counter": str(int.from_bytes(message.counter, "big")),
        "originator": message.originator.hex().upper(),
        "target": message.target.hex().upper(),
        "date-time": message.date_time.hex().upper() or "none",
        "message code": f"{message.code:04X}",
        "supplementary": message.supplementary.hex().upper() or "none",
        "protection": ("MAC" if message.mac else "") + ("signature" if message.signature else ""),
    }
    payload = message.payload
    try:
        if payload[:1] == b"\xda":
            invoke_id, items = apdu.parse_access_response(payload)
            found["invoke id"] = invoke_id.hex().upper()
            for index, (kind, result, data) in enumerate(items):
                found[f"item {index} result"] = f"{apdu.KIND_NAMES[kind]} {apdu.RESULT_NAMES.get(result, str(result))}"
                found.update(_value_fields(f"item {index} data", data))
        elif payload[:1] == b"\x0f":
            for index, element in enumerate(apdu.parse_data_notification(payload)[1]):
                found.update(_value_fields(f"element {index}", element))
        else:
            found.update(_asn1_fields(read_tlv(payload), ""))
    except DecodeError as error:
        found["payload"] = f"{payload.hex().upper()} ({error})"
    for index, plaintext in enumerate(plaintexts):
        found.update(_value_fields(f"decrypted {index}", plaintext))
    return found


def _cut(text: str, other: str) -> str:
    """`text`, or the part of it around the place where it begins to differ from `other`."""
    if len(text) <= _TEXT_SHOWN:
        return text
    same = 0
    while same < min(len(text), len(other)) and text[same] == other[same]:
        same += 1
    start = max(0, same - _TEXT_SHOWN // 4)
    end = start + _TEXT_SHOWN
    return ("..." if start else "") + text[start:end] + ("..." if end < len(text) else "")


def differences(expected: "dict[str, str]", got: "dict[str, str]") -> "list[str]":
    """One line per field that differs."""
    lines = []
    for name in [*expected, *(name for name in got if name not in expected)]:
        left, right = expected.get(name, "absent"), got.get(name, "absent")
        if left != right:
            lines.append(f"{name}: published {_cut(left, right)} | device {_cut(right, left)}")
    if len(lines) > _LINES_SHOWN:
        lines[_LINES_SHOWN:] = [f"and {len(lines) - _LINES_SHOWN} more"]
    return lines
