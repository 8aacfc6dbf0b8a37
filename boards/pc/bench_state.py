"""A readable snapshot of a meter, for the bench's `state`: balances, supply, registers, tariff, what waits."""

from typing import TYPE_CHECKING, Any

from slotmeter.dlms import apdu, axdr, obis

if TYPE_CHECKING:
    from slotmeter.firmware.meter import Meter

_MODES = {1: "credit", 2: "prepayment"}
_SUPPLY = {0: "disabled", 1: "enabled", 2: "armed"}
_CONTROLLERS = range(1, 6)


def plain(value: "tuple[int, Any]") -> Any:
    """A decoded A-XDR value as JSON can hold it: text where it is printable, else hex."""
    tag, content = value
    if tag in (axdr.ARRAY, axdr.STRUCTURE):
        return [plain(child) for child in content]
    if tag == axdr.COMPACT_ARRAY:
        return [plain(child) for child in content[1]]
    if tag == axdr.BIT_STRING:
        return content[1].hex().upper()
    if isinstance(content, bytes):
        return content.decode("ascii") if all(32 <= octet < 127 for octet in content) else content.hex().upper()
    return content


def rows(data: "bytes | None") -> "list[tuple[int, Any]]":
    """The rows of a profile buffer, array or compact array."""
    if data is None:
        return []
    tag, content = axdr.decode_whole(data)
    if tag == axdr.COMPACT_ARRAY:
        found: list[tuple[int, Any]] = content[1]
        return found
    return content if tag == axdr.ARRAY else []


def key_text(key: bytes) -> str:
    """112/0-0:19.10.0.255/2 of the nine octets of an attribute."""
    return f"{int.from_bytes(key[:2], 'big')}/{obis.text(key[2:8])}/{key[8]}"


def _value(meter: "Meter", class_id: int, name: str, attribute: int = 2) -> Any:
    """An attribute as JSON can hold it; None when the meter has no such attribute."""
    data = meter.peek(apdu.make_key(class_id, obis.parse(name), attribute))
    return None if data is None else plain(axdr.decode_whole(data))


def snapshot(meter: "Meter") -> "dict[str, Any]":
    """What there is to see from outside of the meter's own objects. Money in millipence, energy in Wh and varh."""
    organs = meter.organs
    account = _value(meter, 111, "0-0:19.0.0.255")
    imported = _value(meter, 1, "0-0:94.44.34.10")
    power = _value(meter, 1, "0-0:94.44.34.20")
    reactive = imported[2] if len(imported) > 3 else None
    return {
        "payment_mode": _MODES.get(account[0]) if account else None,
        "balances": {
            "meter": _value(meter, 112, "0-0:19.10.0.255"),
            "emergency_credit": _value(meter, 112, "0-0:19.10.1.255"),
            "accumulated_debt": _value(meter, 112, "0-0:19.10.2.255"),
            "available": organs.account.available_credit(),
            "unit": "millipence",
        },
        "debts": {
            "time_1": _value(meter, 113, "0-0:19.20.1.255", 12),
            "time_2": _value(meter, 113, "0-0:19.20.2.255", 12),
            "payment": _value(meter, 113, "0-0:19.20.3.255", 12),
            "unit": "millipence",
        },
        "supply": {
            "on": _value(meter, 70, "0-0:96.3.10.255", 2),
            "state": _SUPPLY.get(_value(meter, 70, "0-0:96.3.10.255", 3)),
            "load_limit_counter": _value(meter, 3, "0-0:94.44.42.255"),
        },
        "controllers": [
            {
                "number": number,
                "description": _value(meter, 1, f"0-0:94.44.0.{10 + number}"),
                "type": _value(meter, 1, f"0-0:94.44.0.{20 + number}"),
                "on": _value(meter, 70, f"0-{number}:96.3.10.255", 2),
            }
            for number in _CONTROLLERS
        ],
        "registers": {
            "import_wh": imported[0],
            "secondary_import_wh": imported[4] if len(imported) > 4 else None,
            "export_wh": _value(meter, 3, "1-0:2.8.0.255"),
            "reactive_import_varh": reactive,
            "reactive_export_varh": _value(meter, 3, "1-0:4.8.0.255"),
            "import_w": power[0],
        },
        "tariff": {
            "price": _value(meter, 3, "0-0:94.44.1.7"),
            "unit": _value(meter, 3, "0-0:94.44.1.7", 3),
            "register": organs.metering.active_script(0),
            "block": organs.metering.active_block(),
            "secondary_register": organs.metering.active_script(1) if len(imported) > 4 else None,
        },
        "pin": {"set": organs.guard.pin_is_set(), "entered": organs.guard.pin_is_set() and organs.guard.is_open()},
    }
