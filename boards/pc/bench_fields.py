"""The fields of a request of the bench protocol: read, checked, and refused with a code and a sentence."""

from collections.abc import Callable
from typing import Any

from slotmeter.dlms import apdu, obis
from slotmeter.dlms.errors import DlmsError


class RequestError(Exception):
    """Why a request is not carried out: a code of the protocol and a sentence."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


def present(request: "dict[str, Any]", name: str) -> Any:
    """The value of a field that must be there; null counts as absent."""
    if request.get(name) is None:
        raise RequestError("missing-field", f"{name} is missing")
    return request[name]


def text(request: "dict[str, Any]", name: str) -> str:
    """A string."""
    value = present(request, name)
    if not isinstance(value, str):
        raise RequestError("bad-field", f"{name} is a string")
    return value


def flag(request: "dict[str, Any]", name: str) -> bool:
    """True or false."""
    value = present(request, name)
    if not isinstance(value, bool):
        raise RequestError("bad-field", f"{name} is true or false")
    return value


def count(request: "dict[str, Any]", name: str) -> int:
    """A whole number from 0."""
    value = present(request, name)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise RequestError("bad-field", f"{name} is a whole number that is not negative")
    return value


def octets(request: "dict[str, Any]", name: str) -> bytes:
    """Octets in hex, either case, nothing between them."""
    value = text(request, name)
    # bytes.fromhex takes blanks between the octets; the protocol does not.
    if not value.isalnum() and value:
        raise RequestError("bad-hex", f"{name} is not hex")
    try:
        return bytes.fromhex(value)
    except ValueError as error:
        raise RequestError("bad-hex", f"{name} is not hex, or has an odd number of digits") from error


def sized(request: "dict[str, Any]", name: str, size: int) -> bytes:
    """`size` octets in hex."""
    value = octets(request, name)
    if len(value) != size:
        raise RequestError("bad-field", f"{name} has {size} octets")
    return value


def choice(request: "dict[str, Any]", name: str, choices: "tuple[str, ...]", default: "str | None" = None) -> str:
    """One of `choices`; `default`, when there is one, stands for an absent field."""
    value = default if default is not None and request.get(name) is None else text(request, name)
    if value not in choices:
        raise RequestError("bad-field", f"{name} is one of {', '.join(choices)}")
    return value


def optional(request: "dict[str, Any]", name: str, read: "Callable[[dict[str, Any], str], Any]") -> Any:
    """What `read` makes of the field, None when it is absent."""
    return None if request.get(name) is None else read(request, name)


def key(request: "dict[str, Any]") -> bytes:
    """The nine octets that class, obis (text or hex) and attribute name."""
    class_id = count(request, "class")
    name = text(request, "obis")
    number = count(request, "attribute")
    if class_id > 0xFFFF or number > 0xFF:
        raise RequestError("bad-field", "class has two octets and attribute one")
    try:
        code = obis.parse(name) if not _is_hex(name) else bytes.fromhex(name)
    except (DlmsError, ValueError) as error:
        raise RequestError("bad-field", f"obis: {error}") from error
    return apdu.make_key(class_id, code, number)


def _is_hex(name: str) -> bool:
    return len(name) == 12 and name.isalnum()
