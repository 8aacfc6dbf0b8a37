"""Replays the Reference Test Data Set (RTDS 4.5.0) against an emulated device, through the bench protocol alone.

Everything is worked out from the published messages. For each pair of COMMAND and RESPONSE: the device goes back to its
baseline, gets what the response shows (values that it returns, the first item that fails, credentials that it
names), gets the command unchanged, and its answer is compared:

    response with a MAC     all octets
    signed response         all octets but the 64 of the signature, which must verify with the device's key
    certification request   the header; the request must verify with its own key (CS02c)

A command for a future time is followed by the alerts that it leads to, at that time; for a cancellation the command that
it cancels goes first, and no alert may come. Alerts that nothing published leads to are raised on demand.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from slotmeter.boards.pc.bench import CELLS, ROLES, USAGES, Bench, Options, format_time
from slotmeter.boards.pc.errors import SlotmeterError
from slotmeter.dlms import apdu, axdr, dates, obis
from slotmeter.dlms.errors import DecodeError, DlmsError
from slotmeter.dlms.gbcs import keys, roles
from slotmeter.dlms.gbcs.devices import TYPE_NAMES as DEVICE_TYPES
from slotmeter.dlms.gbcs.message import ALERT, SIGNATURE_SIZE, Message, parse
from slotmeter.firmware.settings import VARIANT_NAMES
from slotmeter.firmware.usecases import USE_CASES
from slotmeter.hal.certificates import Certificate
from slotmeter.hal.errors import HalError
from slotmeter.hal.host.certificates import HostCertificates
from slotmeter.hal.host.crypto import HostCrypto

WHERE_TO_GET = "RTDS 4.5.0 is in the test folder of SmartDCCInnovation/gbcs-parser"
_FILE_NAME = re.compile(r"(?P<scenario>.+?)_(?P<kind>PRECOMMAND|COMMAND|RESPONSE|ALERT(?:_.+)?)_GBCS\.HEX")

MATCHED = "matched"
FAILED = "failed"
NOT_RUN = "not run"

# Message codes of the ASN.1 use cases whose responses tell what the device held before.
CS02A, CS02C, CS02D, CS02E, CS02F, CS06 = 0x0008, 0x000A, 0x000B, 0x000C, 0x011B, 0x0012
CS03 = (0x000D, 0x000E, 0x00AB, 0x00AF)
CS04 = (0x000F, 0x0010)
CS02B = tuple(range(0x0100, 0x010A))
CS02G = (0x0125, 0x0126)
# Alerts of future-dated commands.
CS06_ALERT, CS02B_ALERT, DLMS_ALERT, CS02G_ALERT = 0x00CA, 0x00CB, 0x00CC, 0x0124

# Attributes that hold an activation time (facts on future dating: class, attribute).
_ACTIVATION = ((9000, 6), (113, 7), (20, 10), (111, 13))
_CANCEL_TIME = b"99991231235959Z"
_PROTECTION_CLASS = 30
# What ECS68 carries: the billing logs, as many of them as the alert holds.
_BILLING_LOGS = ("0-0:98.1.0.255", "0-0:98.1.1.255")
# How much of a difference is worth reading.
_LINES_SHOWN = 24
_TEXT_SHOWN = 96


# ---- the data set


@dataclass
class Published:
    """One published message. kind: COMMAND, RESPONSE, PRECOMMAND or ALERT; scenario: the file's name before the kind."""

    path: Path
    scenario: str
    kind: str
    data: bytes
    message: Message

    @property
    def directory(self) -> str:
        """The folder of the data set that it is in."""
        return self.path.parent.name

    @property
    def use_case(self) -> str:
        """The use case as the file's name gives it."""
        return self.scenario.split("_")[0]

    @property
    def name(self) -> str:
        """The file's name without its ending."""
        return self.path.name.removesuffix("_GBCS.HEX")


def find(folder: Path) -> Path:
    """The RTDS folder: `folder` itself or RTDS-4.5.0 in it; SlotmeterError when it holds no data set."""
    for candidate in (folder / "RTDS-4.5.0", folder):
        if candidate.is_dir() and any(candidate.glob("*/*_GBCS.HEX")):
            return candidate
    raise SlotmeterError(f"{folder} holds no data set: name the folder that holds RTDS-4.5.0. {WHERE_TO_GET}.")


def load(folder: Path) -> "list[Published]":
    """Every message of the data set that `find` gives, in the order of the folders and names."""
    found = []
    for path in sorted(find(folder).glob("*/*_GBCS.HEX")):
        match = _FILE_NAME.fullmatch(path.name)
        if match is None:
            raise SlotmeterError(f"{path}: the name says neither COMMAND, RESPONSE, PRECOMMAND nor ALERT")
        kind = match["kind"].split("_")[0]
        try:
            data = bytes.fromhex(path.read_text("ascii").strip())
            message = parse(data, kind == "PRECOMMAND")
        except (ValueError, DecodeError) as error:
            raise SlotmeterError(f"{path}: {error}") from error
        found.append(Published(path, match["scenario"], kind, data, message))
    return found


@dataclass
class Exchange:
    """What the data set has of one scenario."""

    directory: str
    scenario: str
    command: "Published | None" = None
    response: "Published | None" = None
    alerts: "list[Published]" = field(default_factory=list)

    @property
    def first(self) -> Published:
        """A message of it."""
        one = self.response or self.command or self.alerts[0]
        return one


@dataclass
class Result:
    """What became of a response or an alert.

    outcome: MATCHED, FAILED or NOT_RUN; how: "MAC", "signed" or "request", what was compared; reason: why it did not
    run; differences: lines that say what differs; notes: what could not be preset.
    """

    directory: str
    name: str
    use_case: str
    code: int
    kind: str
    outcome: str = MATCHED
    how: str = ""
    reason: str = ""
    differences: "list[str]" = field(default_factory=list)
    notes: "list[str]" = field(default_factory=list)

    def as_json(self) -> "dict[str, Any]":
        """As one object of the report."""
        return {
            "directory": self.directory,
            "name": self.name,
            "use_case": self.use_case,
            "message_code": f"{self.code:04X}",
            "kind": self.kind,
            "outcome": self.outcome,
            "compared": self.how,
            "reason": self.reason,
            "differences": self.differences,
            "notes": self.notes,
        }


# ---- reading ASN.1 as a tree


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


def _tree(payload: bytes) -> "Tlv | None":
    """The one element that a payload is, or None when it is no ASN.1."""
    try:
        found = read_tlv(payload)
    except DecodeError:
        return None
    return found[0] if len(found) == 1 else None


def _usage(element: Tlv) -> int:
    return element.content[1] if len(element.content) > 1 else 0


def _outcome(tree: Tlv) -> "Tlv | None":
    """The executionOutcome of CS02b and CS02g in a response or alert, None when it is not there."""
    if tree.children and tree.children[-1].tag == 0x30 and len(tree.children[-1].children) == 4:
        return tree.children[-1]
    return None


# ---- readable differences


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
    return ("..." if start else "") + text[start : start + _TEXT_SHOWN] + ("..." if start + _TEXT_SHOWN < len(text) else "")


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


# ---- what a pair asks to be preset


class NotRun(Exception):
    """Why something published is not run."""


class Presets:
    """Works out the requests to the bench that put a device into the state that a published message shows.

    `agreed` gives the shared secret of the device with a public key, to read what is encrypted.
    """

    def __init__(self, agreed: "Callable[[bytes], bytes]", reader_keys: "dict[bytes, bytes]", keystore: "list[Path]") -> None:
        self._agreed = agreed
        # Remote party to the key agreement key with which the device encrypts for it.
        self._reader_keys = reader_keys
        self._keystore = keystore
        self._by_key_id: dict[bytes, Certificate] | None = None
        self._crypto = HostCrypto()
        self._certificates = HostCertificates()

    def certificate(self, key_id: bytes) -> "Certificate | None":
        """The certificate of the keystore with this subject key identifier."""
        if self._by_key_id is None:
            self._by_key_id = {}
            for path in self._keystore:
                try:
                    read = self._certificates.read(_der(path))
                except HalError:
                    continue
                self._by_key_id[read.key_id] = read
        return self._by_key_id.get(key_id)

    def plaintext(self, message: Message, sealed: bytes, certificate: bytes = b"") -> "bytes | None":
        """What an encrypted part of a published message holds; `certificate`: that of an unknown remote party."""
        supplementary = message.supplementary
        counter = supplementary[16:24] if len(supplementary) == 24 else message.counter
        recipient = supplementary[:8] if supplementary else message.target
        try:
            public = self._certificates.read(certificate).public_key if certificate else self._reader_keys[recipient]
        except (HalError, KeyError):
            return None
        return keys.unseal(self._crypto, self._agreed(public), message.originator, counter, recipient, sealed)

    def plaintexts(self, message: Message, command: "Message | None") -> "list[bytes]":
        """The decrypted parts of a response or alert, as far as they can be."""
        certificate = command.supplementary[16:] if command is not None else b""
        found = []
        try:
            if message.payload[:1] == b"\xda":
                parts = [data for _kind, _result, data in apdu.parse_access_response(message.payload)[1]]
            elif message.payload[:1] == b"\x0f":
                parts = apdu.parse_data_notification(message.payload)[1]
            else:
                return []
            for part in parts:
                for sealed in _sealed_parts(axdr.decode_whole(part)):
                    opened = self.plaintext(message, sealed, certificate)
                    if opened is not None:
                        found.append(opened)
        except DecodeError:
            pass
        return found

    # -- DLMS

    def _dlms(self, command: Message, response: Message) -> "list[dict[str, Any]]":
        """Request and response items walked together: values returned are placed, the first failure is armed."""
        steps: list[dict[str, Any]] = []
        items = apdu.parse_access_request(command.payload)[1]
        results = apdu.parse_access_response(response.payload)[1]
        for index, (item, (_kind, result, data)) in enumerate(zip(items, results, strict=False)):
            if result != apdu.SUCCESS:
                name = apdu.RESULT_NAMES.get(result)
                steps.append({"op": "fault", "item": index, "result": result if name is None else name})
                break
            if item.kind in (apdu.GET, apdu.GET_WITH_SELECTION):
                steps.append(_set(item.key, data))
            elif item.kind == apdu.ACTION and int.from_bytes(item.key[:2], "big") == _PROTECTION_CLASS:
                steps += self._protected(item.data, data, command, response)
        return steps

    def _protected(self, argument: bytes, data: bytes, command: Message, response: Message) -> "list[dict[str, Any]]":
        asked = axdr.decode_whole(argument)[1][0][1]
        sealed = _sealed_parts(axdr.decode_whole(data))
        opened = self.plaintext(response, sealed[0], command.supplementary[16:]) if sealed else None
        if opened is None:
            raise NotRun("its encrypted part cannot be decrypted with the keys at hand")
        return [
            _set(
                apdu.make_key(one[1][0][1], one[1][1][1], one[1][2][1] & 0xFF),
                axdr.encode(value),
            )
            for one, value in zip(asked, axdr.decode_whole(opened)[1], strict=True)
        ]

    # -- ASN.1

    def _asn1(self, command: Message, response: Message, alert: "Message | None") -> "list[dict[str, Any]]":
        """`alert`: what a future-dated command leads to; it tells more than its response."""
        asked = _tree(command.payload)
        told = _tree(response.payload)
        if asked is None or told is None:
            raise NotRun("its payload is not ASN.1")
        code = command.code
        if code in (CS02A, CS02F):
            return self._details(told)
        if code in CS02B or code in CS02G:
            outcome = _outcome(told)
            later = None if alert is None else _tree(alert.payload)
            if outcome is None and later is not None:
                outcome = _outcome(later)
            return [] if outcome is None else self._replacement(asked, outcome)
        result = told.number if told.tag == 0x02 else 0
        if code == CS02D:
            return self._own_certificate(command.payload, result)
        if code == CS02E:
            return self._held_certificate(asked, told, result)
        if code in CS03:
            return self._join(asked, result)
        if code in CS04:
            return self._unjoin(asked, result)
        if code == CS06:
            outcome = told if told.tag == 0x30 else None
            later = None if alert is None else _tree(alert.payload)
            if outcome is None and later is not None:
                outcome = later.children[-1]
            return [] if outcome is None else _firmware(asked, outcome)
        return _failure(result)

    def _details(self, told: Tlv) -> "list[dict[str, Any]]":
        """CS02a, CS02f: cells and counters are those that the response names; a status of its own is a failure."""
        steps: list[dict[str, Any]] = []
        fault: list[dict[str, Any]] = []
        for index, details in enumerate(told.children):
            role, status = details.children[0].number, details.children[1].number
            if status == 0:
                steps.append({"op": "counter", "role": roles.NAMES[role], "value": details.children[2].number})
                for cell in details.children[3].children:
                    cell_usage = cell.children[1].number if len(cell.children) == 4 else 0
                    steps += self._cell(role, _usage(cell.children[0]), cell_usage, cell.children[-1].content)
            elif status != 25 and not fault:
                # 25 says that the device has no such cell, which needs no failure.
                fault = [{"op": "fault", "item": index, "result": status}]
        return steps + fault

    def _cell(self, role: int, usage: int, cell_usage: int, key_id: bytes) -> "list[dict[str, Any]]":
        """Puts the certificate with this key identifier into a cell; nothing when none is at hand."""
        certificate = self.certificate(key_id)
        if certificate is None or certificate.key_usage != usage:
            return []
        return [
            {
                "op": "anchor",
                "role": roles.NAMES[role],
                "usage": _name_of(USAGES, usage),
                "cell": _name_of(CELLS, cell_usage),
                "certificate": certificate.der.hex(),
            }
        ]

    def _replacement(self, asked: Tlv, outcome: Tlv) -> "list[dict[str, Any]]":
        """CS02b, CS02g: the cells hold what is "existing"; a failure that the certificates do not explain is armed."""
        steps: list[dict[str, Any]] = []
        replacements = asked.children[1].children
        path_ids = set()
        for element in asked.children[2].children if len(asked.children) > 2 else []:
            read = self._read(element.octets)
            if read is not None:
                path_ids.add(read.key_id)
        failed = []
        for index, one in enumerate(outcome.children[3].children):
            cell, status = one.children[0], one.children[1].number
            cell_usage = cell.children[2].number if len(cell.children) == 3 else 0
            steps += self._cell(cell.children[0].number, _usage(cell.children[1]), cell_usage, one.children[3].content)
            if status == 0 or index >= len(replacements):
                continue
            read = self._read(replacements[index].children[0].octets)
            if status == 10 and read is not None and read.authority_id not in path_ids:
                # Its issuer did not come with it: no trust anchor without our doing.
                continue
            failed.append((index, status))
        if len(failed) > 1 and all(status == 10 for _index, status in failed):
            # No chain leads to a root that the device trusts: it trusts none.
            steps.append({"op": "anchor", "role": "root", "usage": "certificate-signing", "clear": True})
        elif failed:
            steps.append({"op": "fault", "item": failed[0][0], "result": failed[0][1]})
        return steps

    def _read(self, der: bytes) -> "Certificate | None":
        try:
            return self._certificates.read(der)
        except HalError:
            return None

    def _own_certificate(self, der: bytes, result: int) -> "list[dict[str, Any]]":
        """CS02d: 1 to 3 lie in the certificate; 4: no key pair waits; 5: one of another key; else it waits."""
        read = self._read(der)
        if read is None or result in (1, 2, 3, 4):
            return []
        usage = _name_of(USAGES, read.key_usage)
        other = self._crypto.public_key(self._crypto.sha256(b"another key"))
        step = {"op": "device-key", "usage": usage, "pending": (other if result == 5 else read.public_key).hex()}
        return [step] if result in (0, 5) else [step, *_failure(result)]

    def _held_certificate(self, asked: Tlv, told: Tlv, result: int) -> "list[dict[str, Any]]":
        """CS02e: the device holds the certificate that it shows; 2: it holds none."""
        usage = _name_of(USAGES, _usage(asked.children[0]))
        if told.tag == 0x30:
            return [{"op": "device-key", "usage": usage, "certificate": told.octets.hex()}]
        if result == 2:
            return [{"op": "device-key", "usage": usage, "certificate": ""}]
        return [] if result == 1 else _failure(result)

    def _join(self, asked: Tlv, result: int) -> "list[dict[str, Any]]":
        """CS03: 3 says that the device log has the device as one of another type."""
        if result in (0, 1, 2):
            return []
        if result == 3:
            kind = asked.children[2].number
            return [_device("add", asked.children[1].content, "PPMID" if DEVICE_TYPES[kind] != "PPMID" else "HCALCS")]
        return _failure(result)

    def _unjoin(self, asked: Tlv, result: int) -> "list[dict[str, Any]]":
        """CS04: the device is in the log, unless the response says that it is not."""
        if result == 1:
            return []
        return [_device("add", asked.content, "PPMID"), *_failure(result)]

    # -- a pair, an alert

    def for_pair(self, command: Message, response: Message, alert: "Message | None") -> "list[dict[str, Any]]":
        """The requests before `command` is delivered; a fault comes last."""
        steps: list[dict[str, Any]] = []
        if response.date_time:
            steps.append(_clock(response.date_time))
        if len(response.supplementary) == 24:
            steps.append(_own_counter(response.supplementary[16:]))
        if response.payload[:1] == b"\xda":
            return steps + self._dlms(command, response)
        return steps + self._asn1(command, response, alert)

    def for_alert(self, message: Message, role: str) -> "list[dict[str, Any]]":
        """The requests that lead to an alert of its own; the last of them raises it."""
        if message.payload[:1] != b"\x0f":
            raise NotRun("it is no DLMS alert, and no published command leads to it")
        elements = apdu.parse_data_notification(message.payload)[1]
        code = elements[0][1:]
        steps = [_clock(axdr.decode_whole(elements[1])[1]), _own_counter(message.counter)]
        rest = elements[2:]
        protected: list[dict[str, Any]] = []
        sealed = [part for element in rest for part in _sealed_parts(axdr.decode_whole(element))]
        if sealed:
            opened = self.plaintext(message, sealed[0])
            if opened is None:
                raise NotRun("its encrypted part cannot be decrypted with the keys at hand")
            values = axdr.decode_whole(opened)[1]
            for name, value in zip(_BILLING_LOGS, values, strict=False):
                key = apdu.make_key(7, obis.parse(name), 2)
                steps.append(_set(key, axdr.encode(value)))
                protected.append(_attribute(key))
            rest = []
        step: dict[str, Any] = {
            "op": "alert",
            "code": code.hex(),
            "message_code": f"{message.code:04X}",
            "role": role,
            "elements": [element.hex() for element in rest],
            "protected": protected,
        }
        if message.supplementary:
            step["supplementary"] = message.supplementary.hex()
        return [*steps, step]


def _der(path: Path) -> bytes:
    """The DER of a PEM file; b"" when it holds none."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    try:
        return x509.load_pem_x509_certificate(path.read_bytes()).public_bytes(Encoding.DER)
    except (OSError, ValueError):
        return b""


def _name_of(names: "dict[str, int]", number: int) -> str:
    for name, one in names.items():
        if one == number:
            return name
    raise NotRun(f"the bench has no name for {number:02X}")


def _attribute(key: bytes) -> "dict[str, Any]":
    return {"class": int.from_bytes(key[:2], "big"), "obis": obis.text(key[2:8]), "attribute": key[8]}


def _set(key: bytes, data: bytes) -> "dict[str, Any]":
    return {"op": "set", **_attribute(key), "axdr": data.hex()}


def _clock(octets: bytes) -> "dict[str, Any]":
    seconds = dates.to_seconds(octets)
    if seconds is None:
        raise NotRun("its date-time has wild-cards")
    return {"op": "clock", "set": format_time(seconds), "frozen": True}


def _own_counter(octets: bytes) -> "dict[str, Any]":
    return {"op": "counter", "role": "own", "value": int.from_bytes(octets, "big")}


def _device(what: str, eui64: bytes, kind: str) -> "dict[str, Any]":
    return {"op": "devices", what: {"eui64": eui64.hex(), "type": kind}}


def _failure(result: int) -> "list[dict[str, Any]]":
    """The use case as a whole fails with `result`; nothing for 0."""
    return [{"op": "fault", "item": 0, "result": result}] if result else []


def _firmware(asked: Tlv, outcome: Tlv) -> "list[dict[str, Any]]":
    """CS06: 0: the image is held, and of the version that runs then; 1: none is; 2: another one is; 3: it fails."""
    digest = asked.children[0].content
    code, now = outcome.children[0].number, outcome.children[1].content.hex()
    image: dict[str, str] | None = {"hash": digest.hex(), "version": now}
    if code == 1:
        image = None
    elif code == 2:
        image = {"hash": bytes(octet ^ 0xFF for octet in digest).hex(), "version": now}
    step: dict[str, Any] = {"op": "firmware", "image": image}
    if code:
        step["version"] = now
    return [step] if code < 3 else [step, *_failure(code)]


def _sealed_parts(value: "tuple[int, Any]") -> "list[bytes]":
    """The encrypted octet-strings in a value: they begin with the security header 31 00000000."""
    tag, content = value
    if tag == axdr.OCTET_STRING:
        return [content] if content[:5] == b"\x31\x00\x00\x00\x00" and len(content) > 17 else []
    if tag in (axdr.ARRAY, axdr.STRUCTURE):
        return [part for child in content for part in _sealed_parts(child)]
    return []


# ---- future dating


def due_times(command: Message) -> "list[int]":
    """When a command is to be carried out: seconds since 2000, none for at once; a cancellation gives -1."""
    if command.payload[:1] == b"\xd9":
        found = []
        for item in apdu.parse_access_request(command.payload)[1]:
            if (int.from_bytes(item.key[:2], "big"), item.key[8]) in _ACTIVATION and item.data[:2] == b"\x09\x0c":
                when = item.data[2:]
                if when == dates.CANCEL:
                    return [-1]
                seconds = dates.to_seconds(when)
                if when != dates.NOW and seconds is not None:
                    found.append(seconds)
        return found
    tree = _tree(command.payload)
    last = tree.children[-1] if tree is not None and tree.children else None
    if last is None or last.tag != 0x18:
        return []
    if last.content == _CANCEL_TIME:
        return [-1]
    text = last.content.decode("ascii", "replace")
    numbers = [int(text[place : place + 2]) for place in range(0, 14, 2)]
    days = dates.days_from_date(numbers[0] * 100 + numbers[1], numbers[2], numbers[3])
    return [days * dates.DAY_S + numbers[4] * 3600 + numbers[5] * 60 + numbers[6]]


def announces(alert: Message, command: Message) -> bool:
    """Whether `alert` tells what became of the future-dated `command`."""
    if alert.target != command.originator:
        return False
    counter = int.from_bytes(command.counter, "big")
    if alert.code == DLMS_ALERT:
        key = _activation_of(alert)
        return key[:10] == command.code.to_bytes(2, "big") + command.counter
    tree = _tree(alert.payload)
    if tree is None or len(tree.children) < 3:
        return False
    if alert.code == CS06_ALERT:
        return command.code == CS06 and tree.children[2].number == counter
    outcome = _outcome(tree)
    if outcome is None or alert.code not in (CS02B_ALERT, CS02G_ALERT):
        return False
    mode = outcome.children[1].number
    code = 0x0100 + mode if mode < 10 else CS02G[0] + mode - 10
    return command.code == code and outcome.children[0].number == counter


def _activation_of(alert: Message) -> bytes:
    """The 19 octets of a future-dated DLMS alert: message code, counter, attribute; else b""."""
    try:
        elements = apdu.parse_data_notification(alert.payload)[1]
    except DecodeError:
        return b""
    return elements[2][2:] if len(elements) > 2 and elements[2][:2] == b"\x09\x13" else b""


# ---- the replay


class Replay:
    """The data set of `folder`, and one bench per variant that is asked for."""

    def __init__(self, folder: Path, note: "Callable[[str], None] | None" = None) -> None:
        self._root = find(folder)
        self._folder = self._root.parent if self._root.name.startswith("RTDS") else folder
        self._note = note or (lambda _text: None)
        self._benches: dict[str, Bench] = {}
        self._certificates = HostCertificates()
        self._crypto = HostCrypto()
        self._exchanges = self._collect(load(folder))
        self._use_cases = {row[0]: row for row in USE_CASES}
        first = self._bench("single")
        self._eui64 = {bytes.fromhex(one["eui64"]): one["name"] for one in self._ask(first, "hello")["devices"]}
        self._presets = self._make_presets(first)

    def close(self) -> None:
        """Ends the benches."""
        for bench in self._benches.values():
            bench.close()

    def __enter__(self) -> "Replay":
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def _collect(self, published: "list[Published]") -> "list[Exchange]":
        found: dict[tuple[str, str], Exchange] = {}
        for one in published:
            place = (one.directory, one.scenario)
            exchange = found.setdefault(place, Exchange(*place))
            if one.kind == "COMMAND":
                exchange.command = one
            elif one.kind == "RESPONSE":
                exchange.response = one
            elif one.kind == "ALERT":
                exchange.alerts.append(one)
        exchanges = [one for one in found.values() if one.command or one.response or one.alerts]
        # Alerts that a command of the same folder leads to belong to it.
        for exchange in exchanges:
            for alert in list(exchange.alerts):
                owner = self._owner(alert, exchanges)
                if owner is not None and owner is not exchange:
                    exchange.alerts.remove(alert)
                    owner.alerts.append(alert)
        for exchange in exchanges:
            exchange.alerts.sort(key=lambda alert: alert.message.counter)
        return [one for one in exchanges if one.command or one.response or one.alerts]

    @staticmethod
    def _owner(alert: Published, exchanges: "list[Exchange]") -> "Exchange | None":
        for exchange in exchanges:
            command = exchange.command
            if command is not None and exchange.directory == alert.directory:
                if exchange.response is not None and announces(alert.message, command.message):
                    return exchange
        return None

    def _make_presets(self, bench: Bench) -> Presets:
        identity = bench.identity

        def agreed(public: bytes) -> bytes:
            return identity.secrets.get(public) or self._crypto.ecdh(identity.ka_private, public)

        readers = {
            cell.entity_id: cell.public_key
            for cell in identity.cells
            if cell.usage == roles.KEY_AGREEMENT and cell.cell_usage == roles.MANAGEMENT
        }
        return Presets(agreed, readers, sorted(self._folder.glob("keystore/*.pem")))

    # -- talking to the bench

    def _bench(self, variant: str) -> Bench:
        bench = self._benches.get(variant)
        if bench is None:
            bench = Bench(Options(rtds=self._folder, temporary=True, variant=variant, note=self._note))
            self._benches[variant] = bench
        return bench

    @staticmethod
    def _ask(bench: Bench, op: str, **more: Any) -> "dict[str, Any]":
        """The reply, through the same text form that any other client would use."""
        reply: dict[str, Any] = json.loads(json.dumps(bench.request(json.loads(json.dumps({"op": op, **more})))))
        if not reply["ok"]:
            raise SlotmeterError(f"{op}: {reply['error']['text']}")
        return reply

    def _baseline(self, bench: Bench) -> None:
        self._ask(bench, "reset")

    def _carry_out(self, bench: Bench, steps: "list[dict[str, Any]]") -> "list[str]":
        """Carries out presets; what the bench refused."""
        refused = []
        for step in steps:
            try:
                self._ask(bench, **step)
            except SlotmeterError as error:
                where = f" {step['class']}/{step['obis']}/{step['attribute']}" if "obis" in step else ""
                refused.append(f"not preset: {step['op']}{where}: {error}")
        return refused

    # -- running

    def exchanges(self, only: "Callable[[str], bool] | None" = None) -> "list[Exchange]":
        """What the data set has, or the part of it that `only` takes by its path `directory/scenario`."""
        return [one for one in self._exchanges if only is None or only(f"{one.directory}/{one.scenario}")]

    def run(self, exchange: Exchange) -> "list[Result]":
        """The results of one exchange: of its response, if it has one, and of each of its alerts."""
        if exchange.response is None:
            return [self._lone_alert(alert) for alert in exchange.alerts] or [
                self._not_run(exchange.first, "pair", "no response is published")
            ]
        result = self._start(exchange.response, "pair")
        try:
            self._check_runs(exchange)
            alert_results = self._run_pair(exchange, result)
        except NotRun as error:
            result.outcome, result.reason = NOT_RUN, str(error)
            alert_results = [self._not_run(alert, "alert", str(error)) for alert in exchange.alerts]
        except (DlmsError, LookupError, ValueError) as error:
            # A message of a shape that the rules above do not foresee: it counts against us.
            result.outcome = FAILED
            result.differences.append(f"its presets cannot be worked out: {type(error).__name__}: {error}")
            alert_results = [self._not_run(alert, "alert", "its command failed") for alert in exchange.alerts]
        return [result, *alert_results]

    @staticmethod
    def _start(published: Published, kind: str) -> Result:
        name = published.name.removesuffix("_RESPONSE")
        return Result(published.directory, name, published.use_case, published.message.code, kind)

    def _not_run(self, published: Published, kind: str, reason: str) -> Result:
        result = self._start(published, kind)
        result.outcome, result.reason = NOT_RUN, reason
        return result

    def _check_device(self, published: Published, eui64: bytes) -> None:
        if eui64 not in self._eui64:
            raise NotRun(f"its device {eui64.hex().upper()} is not on this bench")

    def _check_runs(self, exchange: Exchange) -> None:
        assert exchange.response is not None
        self._check_device(exchange.response, exchange.response.message.originator)
        if exchange.command is None:
            raise NotRun("no command is published")

    def _variants(self, exchange: Exchange) -> "list[str]":
        """The variants that may have answered so: those that have the objects; a variant in the name goes first."""
        assert exchange.command is not None
        message = exchange.command.message
        allowed = sum(VARIANT_NAMES.values())
        row = self._use_cases.get(message.code)
        if row is not None and message.payload[:1] == b"\xd9":
            for item in apdu.parse_access_request(message.payload)[1]:
                masks = [known[2] for known in row[8] if known[1] == item.key]
                mask = 0
                for one in masks:
                    mask |= one
                if masks:
                    allowed &= mask
        found = [name for name, bit in VARIANT_NAMES.items() if allowed & bit] or ["single"]
        words = exchange.scenario.lower().split("_")
        return sorted(found, key=lambda name: name not in words)

    def _run_pair(self, exchange: Exchange, result: Result) -> "list[Result]":
        command, response = exchange.command, exchange.response
        assert command is not None and response is not None
        message = command.message
        times = due_times(message)
        cancels = times == [-1]
        first_alert = exchange.alerts[0].message if exchange.alerts else None
        steps = self._presets.for_pair(message, response.message, first_alert)
        before = self._cancelled(exchange) if cancels else None
        variants = self._variants(exchange)
        # Several variants may have the objects; the one whose attributes take the published values answered.
        for variant in [*variants, variants[0]]:
            bench = self._bench(variant)
            messages = self._deliver(bench, before, command, steps, result)
            if not result.notes:
                break
        self._compare_response(bench, exchange, messages, result)
        if cancels and before is not None and result.outcome == MATCHED:
            later = max(due_times(before.message))
            for alert in self._advance(bench, later):
                result.outcome = FAILED
                result.differences.append(f"an alert came for a cancelled command: {alert.hex().upper()}")
        if cancels or not exchange.alerts:
            return []
        if not times:
            return [self._not_run(alert, "alert", "its command is not future-dated") for alert in exchange.alerts]
        return self._run_alerts(bench, exchange, steps, max(times))

    def _cancelled(self, exchange: Exchange) -> "Published | None":
        """The future-dated command that a cancellation may be for: of the same code, in the same folder."""
        assert exchange.command is not None
        message = exchange.command.message
        found = []
        for other in self._exchanges:
            command = other.command
            if command is None or other.directory != exchange.directory:
                continue
            same = command.message.code == message.code and command.message.originator == message.originator
            if same and any(when >= 0 for when in due_times(command.message)):
                found.append(command)
        # One whose response shows no failure is the likelier; without a fault armed, the other is carried out as well.
        found.sort(key=lambda one: "ERROR" in one.scenario)
        return found[0] if found else None

    def _deliver(
        self,
        bench: Bench,
        before: "Published | None",
        command: Published,
        steps: "list[dict[str, Any]]",
        result: Result,
    ) -> "list[dict[str, Any]]":
        """From the baseline: presets, the command that is cancelled, the command; what the device sent to the last."""
        self._baseline(bench)
        result.differences = []
        faults = [step for step in steps if step["op"] == "fault"]
        result.notes = self._carry_out(bench, [step for step in steps if step["op"] != "fault"])
        if before is not None:
            reply = self._ask(bench, "deliver", hex=before.data.hex())
            if not any(one["kind"] == "response" for one in reply["messages"]):
                result.notes.append(f"{before.name}: {reply.get('refused', {}).get('text', 'no response')}")
            # The published counters need not rise in this order.
            self._level_counters(bench)
        result.notes += self._carry_out(bench, faults)
        reply = self._ask(bench, "deliver", hex=command.data.hex())
        if "refused" in reply:
            refused = reply["refused"]
            result.differences.append(f"the command was refused: {refused['reason']}: {refused['text']}")
        messages: list[dict[str, Any]] = reply["messages"]
        return messages

    def _level_counters(self, bench: Bench) -> None:
        for name in ROLES:
            self._ask(bench, "counter", role=name, value=0)

    def _compare_response(
        self, bench: Bench, exchange: Exchange, messages: "list[dict[str, Any]]", result: Result
    ) -> None:
        assert exchange.response is not None and exchange.command is not None
        result.how = "MAC" if exchange.response.message.mac else "signed"
        responses = [one for one in messages if one["kind"] == "response"]
        for other in messages:
            if other["kind"] != "response":
                result.differences.append(f"an unexpected {other['kind']} came: {other['hex']}")
        if len(responses) != 1:
            result.differences.append(f"{len(responses)} responses came instead of one")
        else:
            data = bytes.fromhex(responses[0]["hex"])
            result.differences += self._compare(bench, exchange.response, data, exchange.command.message, result)
        if result.differences:
            result.outcome = FAILED

    def _compare(
        self, bench: Bench, published: Published, data: bytes, command: "Message | None", result: Result
    ) -> "list[str]":
        """What differs between a published message and the device's."""
        message = published.message
        got = parse(data)
        if message.code == CS02C and message.payload[:1] == b"\x30":
            result.how = "request"
            return _compare_request(message, got) + self._check_signature(bench, got)
        if message.mac:
            if data == published.data:
                return []
            last = "the MAC differs"
        else:
            if data[:-SIGNATURE_SIZE] == published.data[:-SIGNATURE_SIZE] and got.signature:
                return self._check_signature(bench, got)
            last = "the octets differ in a way that no field shows"
        lines = differences(
            fields(message, self._presets.plaintexts(message, command)),
            fields(got, self._presets.plaintexts(got, command)),
        )
        return lines or [last]

    def _check_signature(self, bench: Bench, got: Message) -> "list[str]":
        """The signature verifies with the key of the device's own certificate, or at least with its present key."""
        held = self._ask(bench, "device-key", usage="digital-signature")
        if not self._crypto.verify(bytes.fromhex(held["public_key"]), got.signature, got.signed):
            return ["the signature does not verify with the device's key"]
        return []

    # -- alerts

    def _advance(self, bench: Bench, due_s: int) -> "list[bytes]":
        """Sets the clock forward to just past `due_s`; the alerts that were sent on the way."""
        now = self._ask(bench, "clock")["now"]
        now_s = dates.days_from_date(int(now[:4]), int(now[5:7]), int(now[8:10])) * dates.DAY_S + (
            int(now[11:13]) * 3600 + int(now[14:16]) * 60 + int(now[17:19])
        )
        reply = self._ask(bench, "clock", advance=max(0, due_s - now_s) + 1)
        return [bytes.fromhex(one["hex"]) for one in reply.get("messages", []) if one["kind"] == "alert"]

    def _run_alerts(
        self, bench: Bench, exchange: Exchange, steps: "list[dict[str, Any]]", due_s: int
    ) -> "list[Result]":
        """Lets the command fall due and compares each alert, with the device's own counter preset for it.

        The bench is where the command left it. Published counters rise one by one within a command; where they do
        not, the scenario is run again for the next stretch of them.
        """
        results = []
        start: int | None = None
        alerts: list[bytes] = []
        for alert in exchange.alerts:
            result = self._start(alert, "alert")
            result.how = "MAC" if alert.message.mac else "signed"
            counter = int.from_bytes(alert.message.counter, "big")
            for _attempt in range(2):
                if start is None:
                    start = counter
                    alerts = self._fall_due(bench, exchange, steps, due_s, start)
                place = _place_of(alert.message, alerts)
                if place is None or start + place == counter:
                    break
                start = counter - place
                alerts = self._fall_due(bench, exchange, steps, due_s, start)
            place = _place_of(alert.message, alerts)
            if place is None:
                result.differences.append("no such alert came")
            else:
                result.differences += self._compare(bench, alert, alerts[place], None, result)
            if result.differences:
                result.outcome = FAILED
            results.append(result)
        return results

    def _fall_due(
        self, bench: Bench, exchange: Exchange, steps: "list[dict[str, Any]]", due_s: int, own_counter: int
    ) -> "list[bytes]":
        assert exchange.command is not None
        self._deliver(bench, None, exchange.command, steps, self._start(exchange.command, "pair"))
        self._ask(bench, "counter", role="own", value=own_counter)
        return self._advance(bench, due_s)

    def _lone_alert(self, alert: Published) -> Result:
        """An alert that no published command leads to: raised on demand."""
        result = self._start(alert, "alert")
        result.how = "MAC" if alert.message.mac else "signed"
        message = alert.message
        try:
            self._check_device(alert, message.originator)
            if message.code in (CS06_ALERT, CS02B_ALERT, DLMS_ALERT, CS02G_ALERT):
                raise NotRun("the command that leads to it is not published here")
            words = alert.scenario.lower().split("_")
            variants = sorted(VARIANT_NAMES, key=lambda name: name not in words)
            steps = self._presets.for_alert(message, self._role_of(message.target))
            for variant in [*variants, variants[0]]:
                bench = self._bench(variant)
                self._baseline(bench)
                result.notes = self._carry_out(bench, steps[:-1])
                if not result.notes:
                    break
            try:
                sent = self._ask(bench, **steps[-1])["messages"]
            except SlotmeterError as error:
                result.differences.append(str(error))
                sent = []
            alerts = [bytes.fromhex(one["hex"]) for one in sent if one["kind"] == "alert"]
            if len(alerts) == 1:
                result.differences += self._compare(bench, alert, alerts[0], None, result)
            elif not result.differences:
                result.differences.append(f"{len(alerts)} alerts came instead of one")
        except NotRun as error:
            result.outcome, result.reason = NOT_RUN, str(error)
        if result.differences:
            result.outcome = FAILED
        return result

    def _role_of(self, entity_id: bytes) -> str:
        for cell in self._bench("single").identity.cells:
            if cell.entity_id == entity_id:
                return roles.NAMES[cell.role]
        raise NotRun("its recipient holds no trust anchor cell")


def _place_of(published: Message, alerts: "list[bytes]") -> "int | None":
    """Which of the device's alerts tells of the same as the published one."""
    for place, data in enumerate(alerts):
        got = parse(data)
        if got.cra == ALERT and got.code == published.code and _activation_of(got) == _activation_of(published):
            return place
    return None


def _compare_request(message: Message, got: Message) -> "list[str]":
    """CS02c: the header as published, and a certification request that verifies with its own key."""
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

    expected, found = fields(message, []), fields(got, [])
    header = ("originator counter", "originator", "target", "date-time", "message code", "supplementary", "protection")
    lines = differences({name: expected[name] for name in header}, {name: found[name] for name in header})
    try:
        request = x509.load_der_x509_csr(got.payload)
    except ValueError as error:
        return [*lines, f"the payload is no certification request: {error}"]
    key = request.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        lines.append("the certification request is not for a P-256 key")
    if not request.is_signature_valid:
        lines.append("the signature of the certification request does not verify")
    if request.subject.rdns:
        lines.append("the subject of the certification request is not empty")
    return lines


# ---- totals


@dataclass
class Tally:
    """Counts of one use case, or of all."""

    name: str
    code: "int | None" = None
    pairs: "dict[str, int]" = field(default_factory=lambda: {MATCHED: 0, FAILED: 0, NOT_RUN: 0})
    alerts: "dict[str, int]" = field(default_factory=lambda: {MATCHED: 0, FAILED: 0, NOT_RUN: 0})

    def add(self, result: Result) -> None:
        """Counts one result."""
        counts = self.pairs if result.kind == "pair" else self.alerts
        counts[result.outcome] += 1


def tallies(results: "list[Result]") -> "list[Tally]":
    """One tally per use case, in the order of the data set."""
    found: dict[str, Tally] = {}
    for result in results:
        tally = found.setdefault(result.use_case, Tally(result.use_case))
        if result.kind == "pair":
            tally.code = result.code
        tally.add(result)
    return list(found.values())
