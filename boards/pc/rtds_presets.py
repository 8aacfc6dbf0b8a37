"""What a published exchange tells of the state that the device was in: worked out by rule, as requests to the bench.

What tells of what:

    values that a response returns      `set`; an encrypted one is decrypted with the keys of the cast first
    emergency credit is activated       `set`: it was active before
    the first item that fails           `fault`
    header date-time, own counter       `clock`, `counter`
    credentials that ASN.1 names        `anchor`, `device-key`, `counter`
    device log, firmware                `devices`, `firmware`
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from slotmeter.boards.pc.bench_clock import format_time
from slotmeter.boards.pc.bench_inside import CELLS, USAGES
from slotmeter.boards.pc.rtds_data import CS02G, CS06
from slotmeter.boards.pc.tlv import Tlv, execution_outcome, key_usage, whole_tlv
from slotmeter.dlms import apdu, axdr, dates, obis
from slotmeter.dlms.errors import DecodeError
from slotmeter.dlms.gbcs import keys, roles
from slotmeter.dlms.gbcs.devices import TYPE_NAMES as DEVICE_TYPES
from slotmeter.dlms.gbcs.message import Message
from slotmeter.hal.certificates import Certificate
from slotmeter.hal.errors import HalError
from slotmeter.hal.host.certificates import HostCertificates
from slotmeter.hal.host.crypto import HostCrypto

# Message codes of the ASN.1 use cases whose responses tell what the device held before.
CS02A, CS02D, CS02E, CS02F = 0x0008, 0x000B, 0x000C, 0x011B
CS03 = (0x000D, 0x000E, 0x00AB, 0x00AF)
CS04 = (0x000F, 0x0010)
CS02B = tuple(range(0x0100, 0x010A))

_PROTECTION_CLASS = 30
# Method 3 of emergency credit, its status, and the status of one that is active.
_INVOKE_CREDIT = apdu.make_key(112, obis.parse("0-0:19.10.1.255"), 3)
_CREDIT_STATUS = apdu.make_key(112, obis.parse("0-0:19.10.1.255"), 8)
_INVOKED = b"\x16\x02"
# What ECS68 carries: the billing logs, as many of them as the alert holds.
_BILLING_LOGS = ("0-0:98.1.0.255", "0-0:98.1.1.255")


class NotRun(Exception):
    """Why something published is not run."""


class Presets:
    """Works out the requests to the bench that put a device into the state that a published message shows.

    `agreed` gives the shared secret of the device with a public key, to read what is encrypted.
    """

    def __init__(
        self, agreed: "Callable[[bytes], bytes]", reader_keys: "dict[bytes, bytes]", keystore: "list[Path]"
    ) -> None:
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
            elif item.kind == apdu.ACTION and item.key == _INVOKE_CREDIT:
                # It succeeds also when emergency credit is active already, which asks nothing else of the account.
                steps.append(_set(_CREDIT_STATUS, _INVOKED))
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
        asked = whole_tlv(command.payload)
        told = whole_tlv(response.payload)
        if asked is None or told is None:
            raise NotRun("its payload is not ASN.1")
        code = command.code
        if code in (CS02A, CS02F):
            return self._details(told)
        if code in CS02B or code in CS02G:
            outcome = execution_outcome(told)
            later = None if alert is None else whole_tlv(alert.payload)
            if outcome is None and later is not None:
                outcome = execution_outcome(later)
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
            later = None if alert is None else whole_tlv(alert.payload)
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
                    steps += self._cell(role, key_usage(cell.children[0]), cell_usage, cell.children[-1].content)
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
        """CS02b, CS02g: the cells hold what is "existing"; a failure that no certificate explains is armed."""
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
            existing = one.children[3].content
            steps += self._cell(cell.children[0].number, key_usage(cell.children[1]), cell_usage, existing)
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
        usage = _name_of(USAGES, key_usage(asked.children[0]))
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
