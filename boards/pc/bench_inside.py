"""The operations of the bench protocol that look into the meter, or change by hand what no command can."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from slotmeter.boards.pc import bench_fields as fields
from slotmeter.boards.pc.bench_clock import format_time
from slotmeter.boards.pc.bench_fields import RequestError
from slotmeter.boards.pc.bench_state import rows
from slotmeter.dlms import apdu, axdr
from slotmeter.dlms.errors import DecodeError
from slotmeter.dlms.gbcs import devices as device_log
from slotmeter.dlms.gbcs import roles
from slotmeter.dlms.gbcs.anchors import Cell
from slotmeter.firmware import integrity, logs
from slotmeter.firmware.alerts import ALERT_CODES
from slotmeter.hal.errors import HalError

if TYPE_CHECKING:
    from slotmeter.firmware.meter import Meter
    from slotmeter.hal.certificates import Certificates
    from slotmeter.hal.crypto import Crypto

_COUNTER_LIMIT = 0xFFFFFFFFFFFFFFFF
# Names of the protocol for roles: `counter` and `anchor` use them.
ROLES = {
    name: number
    for number, name in enumerate(roles.NAMES)
    if number not in (roles.ISSUING_AUTHORITY, roles.CONTINGENCY)
}
COUNTERS = (*ROLES, "prepayment", "own")
USAGES = {
    "digital-signature": roles.DIGITAL_SIGNATURE,
    "key-agreement": roles.KEY_AGREEMENT,
    "certificate-signing": roles.KEY_CERT_SIGN,
}
CELLS = {"management": roles.MANAGEMENT, "prepayment": roles.PREPAYMENT_TOP_UP}

# Results of ASN.1 use cases that have a name there (StatusCode, GBCS 13.3); others are given as numbers.
STATUS_CODES = {
    "bad-certificate": 5,
    "no-trust-anchor": 10,
    "insufficient-memory": 17,
    "trust-anchor-not-found": 25,
    "resources-busy": 30,
    "other": 127,
}
_RESULTS = {name: code for code, name in apdu.RESULT_NAMES.items() if code != apdu.SUCCESS}
RESULTS = {**STATUS_CODES, **_RESULTS}
_HARDWARE_FAULT = apdu.RESULT_NAMES[apdu.HARDWARE_FAULT]

_ALERT_MEANINGS = dict(ALERT_CODES)


def _other(log: str, values: "list[Any]") -> str:
    """What an entry has beside time and code, in hex: of the event log its other information, of the power log four
    octets, of the auxiliary log outcome (one octet) and command id (four).
    """
    if log == "event":
        return str(values[0].hex().upper())
    if log == "power":
        return "%08X" % values[0]
    return "%02X%08X" % (values[0], values[1])


class Inside:
    """The bench's hand in the meter. meter: gives it, or raises RequestError while it has no power."""

    def __init__(self, meter: "Callable[[], Meter]", crypto: "Crypto", certificates: "Certificates") -> None:
        self._meter = meter
        self._crypto = crypto
        self._certificates = certificates
        self.operations: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "alert": self._alert,
            "anchor": self._anchor,
            "counter": self._counter,
            "device-key": self._device_key,
            "devices": self._devices,
            "fault": self._fault,
            "firmware": self._firmware,
            "get": self._get,
            "log": self._log,
            "self-test": self._self_test,
            "set": self._set,
        }

    # ---- attributes

    def _get(self, request: "dict[str, Any]") -> "dict[str, Any]":
        data = self._meter().peek(fields.key(request))
        if data is None:
            raise RequestError("no-such-attribute", "the device has no such attribute")
        return {"axdr": data.hex().upper(), "text": axdr.text(axdr.decode_whole(data))}

    def _set(self, request: "dict[str, Any]") -> "dict[str, Any]":
        key = fields.key(request)
        data = fields.octets(request, "axdr")
        if self._meter().peek(key) is None:
            raise RequestError("no-such-attribute", "the device has no such attribute")
        try:
            self._meter().poke(key, data)
        except DecodeError as error:
            self._meter().records.rollback()
            raise RequestError("bad-value", f"axdr: {error}") from error
        return {}

    # ---- counters, faults, credentials

    def _counter(self, request: "dict[str, Any]") -> "dict[str, Any]":
        name = fields.choice(request, "role", COUNTERS)
        value = fields.optional(request, "value", fields.count)
        if value is not None and value > _COUNTER_LIMIT:
            raise RequestError("bad-field", "value: a counter has 64 bits")
        meter = self._meter()
        anchors = meter.anchors
        if name == "own":
            if value is not None:
                anchors.set_own_counter(value)
            now = anchors.own_counter()
        elif name == "prepayment":
            if value is not None:
                meter.set_top_up_counter(value)
            now = meter.top_up_counter()
        else:
            if value is not None:
                anchors.set_counter(ROLES[name], value)
            now = anchors.counter(ROLES[name])
        meter.records.commit()
        return {"value": now}

    def _fault(self, request: "dict[str, Any]") -> "dict[str, Any]":
        if fields.optional(request, "clear", fields.flag):
            self._meter().clear_fault()
            return {}
        item = fields.count(request, "item")
        result = request.get("result")
        code: int | None
        if result is None or result == _HARDWARE_FAULT:
            # A hardware fault, or what an ASN.1 use case has for an internal failure.
            code = None
        elif isinstance(result, str):
            if result not in RESULTS:
                raise RequestError("bad-field", f"result is a number or one of {', '.join(sorted(RESULTS))}")
            code = RESULTS[result]
        elif isinstance(result, int) and not isinstance(result, bool) and 0 < result < 256:
            code = result
        else:
            raise RequestError("bad-field", "result is a name or a number from 1 to 255")
        self._meter().arm_fault(item, code)
        return {}

    def _anchor(self, request: "dict[str, Any]") -> "dict[str, Any]":
        role = ROLES[fields.choice(request, "role", tuple(ROLES))]
        usage = USAGES[fields.choice(request, "usage", tuple(USAGES))]
        cell_usage = CELLS[fields.choice(request, "cell", tuple(CELLS), "management")]
        meter = self._meter()
        if not meter.anchors.has_place(role, usage, cell_usage):
            raise RequestError("not-on-this-device", "the device has no such trust anchor cell")
        certificate = fields.optional(request, "certificate", fields.octets)
        if fields.optional(request, "clear", fields.flag):
            meter.anchors.clear_cell(role, usage, cell_usage)
        elif certificate is not None:
            try:
                read = self._certificates.read(certificate)
            except HalError as error:
                raise RequestError("bad-value", f"certificate: {error.detail}") from error
            entity_id = read.entity_id or bytes(8)
            meter.anchors.put_cell(
                Cell(role, usage, cell_usage, entity_id, read.key_id, read.public_key, certificate)
            )
        meter.secrets.forget()
        meter.records.commit()
        cell = meter.anchors.cell(role, usage, cell_usage)
        if cell is None:
            return {"filled": False}
        return {
            "filled": True,
            "entity_id": cell.entity_id.hex().upper(),
            "key_id": cell.key_id.hex().upper(),
            "public_key": cell.public_key.hex().upper(),
            "certificate": cell.certificate.hex().upper(),
        }

    def _device_key(self, request: "dict[str, Any]") -> "dict[str, Any]":
        usage = USAGES[fields.choice(request, "usage", ("digital-signature", "key-agreement"))]
        certificate = fields.optional(request, "certificate", fields.octets)
        pending = fields.optional(request, "pending", fields.octets)
        meter = self._meter()
        if certificate:
            try:
                self._certificates.read(certificate)
            except HalError as error:
                raise RequestError("bad-value", f"certificate: {error.detail}") from error
        if pending is not None and len(pending) != 64:
            raise RequestError("bad-field", "pending: a public key has 64 octets, x and then y")
        if certificate is not None:
            waiting = meter.keys.pending(usage)
            meter.keys.put(usage, meter.keys.private(usage), certificate)
            if waiting is not None:
                meter.keys.set_pending(usage, *waiting)
        if pending is not None:
            meter.keys.set_pending(usage, pending, b"")
        meter.records.commit()
        private = meter.keys.private(usage)
        waiting = meter.keys.pending(usage)
        return {
            "certificate": meter.keys.certificate(usage).hex().upper(),
            "public_key": self._crypto.public_key(private).hex().upper() if private else "",
            "pending": "" if waiting is None else waiting[0].hex().upper(),
        }

    def _devices(self, request: "dict[str, Any]") -> "dict[str, Any]":
        meter = self._meter()
        log = meter.credentials.devices
        names = device_log.TYPE_NAMES
        for field_name in ("add", "remove"):
            entry = request.get(field_name)
            if entry is None:
                continue
            if not isinstance(entry, dict):
                raise RequestError("bad-field", f"{field_name} is an object: eui64, and type to add a device")
            eui64 = fields.octets(entry, "eui64")
            if len(eui64) != 8:
                raise RequestError("bad-field", "eui64 has 8 octets")
            if field_name == "add":
                log.add(eui64, names.index(fields.choice(entry, "type", names)))
            else:
                log.remove(eui64)
        meter.records.commit()
        return {
            "devices": [
                {"eui64": eui64.hex().upper(), "type": names[kind] if kind < len(names) else str(kind)}
                for eui64, kind in log.devices()
            ]
        }

    def _firmware(self, request: "dict[str, Any]") -> "dict[str, Any]":
        meter = self._meter()
        images = meter.credentials.images
        new = fields.optional(request, "version", fields.octets)
        if new is not None and len(new) != 4:
            raise RequestError("bad-field", "version has 4 octets")
        if "image" in request:
            image = request["image"]
            if image is None:
                images.discard()
            elif isinstance(image, dict):
                digest, image_version = fields.octets(image, "hash"), fields.octets(image, "version")
                if len(digest) != 32 or len(image_version) != 4:
                    raise RequestError("bad-field", "image: hash has 32 octets and version 4")
                images.hold(digest, image_version)
            else:
                raise RequestError("bad-field", "image is null, or an object with hash and version")
        if new is not None:
            images.set_version(new)
        meter.records.commit()
        file = fields.optional(request, "file", fields.octets)
        reply: dict[str, Any] = {} if file is None else {"verified": meter.image_arrived(file)}
        held = images.held()
        reply["version"] = images.version().hex().upper()
        reply["image"] = None if held is None else {"hash": held[0].hex().upper(), "version": held[1].hex().upper()}
        return reply

    def _self_test(self, request: "dict[str, Any]") -> "dict[str, Any]":
        fault = fields.choice(request, "finds", tuple(one[0] for one in integrity.FAULTS))
        meter = self._meter()
        meter.organs.integrity.find(fault, meter.now_s)
        meter.settle()
        return {}

    def _alert(self, request: "dict[str, Any]") -> "dict[str, Any]":
        code = int.from_bytes(fields.sized(request, "code", 2), "big")
        message_code = int.from_bytes(fields.sized(request, "message_code", 2), "big")
        role = ROLES[fields.choice(request, "role", tuple(ROLES), "supplier")]
        supplementary = fields.optional(request, "supplementary", fields.octets) or b""
        elements = []
        given = request.get("elements", [])
        if not isinstance(given, list):
            raise RequestError("bad-field", "elements is a list of A-XDR values in hex")
        for place in range(len(given)):
            element = fields.octets({"elements": given[place]}, "elements")
            try:
                axdr.decode_whole(element)
            except DecodeError as error:
                raise RequestError("bad-value", f"elements, number {place}: {error}") from error
            elements.append(element)
        meter = self._meter()
        if not meter.anchors.cells(role):
            raise RequestError("no-recipient", "nobody holds a trust anchor cell of that role")
        protected = request.get("protected", [])
        if not isinstance(protected, list) or not all(isinstance(one, dict) for one in protected):
            raise RequestError("bad-field", "protected is a list of objects with class, obis and attribute")
        wanted = tuple(fields.key(one) for one in protected)
        if not meter.raise_alert(message_code, code, tuple(elements), wanted, role, supplementary):
            raise RequestError("no-such-attribute", "protected: no such attribute, or no key to encrypt it with")
        return {"messages": []}

    # ---- logs

    def _log(self, request: "dict[str, Any]") -> "dict[str, Any]":
        name = fields.choice(request, "name", tuple(logs.OBJECTS))
        data = self._meter().peek(apdu.make_key(7, logs.OBJECTS[name], 2))
        entries: list[dict[str, Any]] = []
        for row in rows(data):
            values = [value for _tag, value in row[1]]
            code = values[1] if len(values) > 1 else 0
            entry = {
                "time": format_time(values[0]),
                "code": f"{code:04X}",
                "text": _ALERT_MEANINGS.get(code, ""),
            }
            if len(values) > 2:
                entry["data"] = _other(name, values[2:])
            entries.append(entry)
        return {"entries": entries}
