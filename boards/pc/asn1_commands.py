"""The payloads of the ASN.1 commands: credentials, joining, firmware (GBCS sections 12 and 13; facts 6).

Defaults replace credentials by themselves, so that each command can be tried on a bench without another certificate at
hand. Files hold one certificate, as PEM or DER.
"""

import base64
from pathlib import Path
from typing import Any

from slotmeter.boards.pc.errors import SlotmeterError
from slotmeter.dlms.gbcs import asn1, roles
from slotmeter.dlms.gbcs.roles import DIGITAL_SIGNATURE, KEY_AGREEMENT, KEY_CERT_SIGN, MANAGEMENT, PREPAYMENT_TOP_UP

CANCEL_TIME = asn1.CANCEL_TIME
# CredentialsReplacementMode: the number, and whose cells are replaced ("" asks the tester).
_MODES = {
    "rootBySupplier": (0, roles.ROOT),
    "rootByWanProvider": (1, roles.ROOT),
    "supplierBySupplier": (2, roles.SUPPLIER),
    "networkOperatorByNetworkOperator": (3, roles.NETWORK_OPERATOR),
    "accessControlBrokerByACB": (4, roles.ACCESS_CONTROL_BROKER),
    "wanProviderByWanProvider": (5, roles.WAN_PROVIDER),
    "transCoSByTransCoS": (6, roles.TRANSITIONAL_COS),
    "supplierByTransCoS": (7, roles.SUPPLIER),
    "anyExceptAbnormalRootByRecovery": (8, None),
    "anyByContingency": (9, None),
    "loadControllerByLoadController": (10, roles.LOAD_CONTROLLER),
    "loadControllerBySupplier": (11, roles.LOAD_CONTROLLER),
}
_DEVICE_TYPES = {"gsme": 0, "esme": 1, "chf": 2, "gpf": 3, "hcalcs": 4, "ppmid": 5, "type-2": 6}
_JOIN_METHODS = {"a-initiator": 0, "a-responder": 1, "b": 2, "c": 3}
_USAGES = {"signature": DIGITAL_SIGNATURE, "agreement": KEY_AGREEMENT}

# Fields of each family: (name, type, default, help).
FIELDS: "dict[str, tuple[tuple[str, str, Any, str], ...]]" = {
    "CS02a": (
        ("roles", "list of roles", "supplier,network-operator,access-control-broker", "whose credentials to list"),
    ),
    "CS02b": (
        ("target", "role", "supplier", "whose cells are replaced, where the mode leaves it open"),
        ("party", "party", None, "whose certificates they are, such as next-supplier; the present one's when left out"),
        ("ds", "file", None, "the new signature certificate; the present one when left out"),
        ("ka", "file", None, "the new key agreement certificate; the present one when left out"),
        ("prepayment", "file", None, "the new key agreement certificate for top-ups; the present one when left out"),
        ("root", "file", None, "the new root certificate; the present one when left out"),
        ("issuer", "file", None, "the certificate of who issued them; the bench's own when left out"),
        (
            "floor",
            "number",
            None,
            "counter floor of the role whose cells are replaced; this command's counter when left out",
        ),
        ("prepayment_floor", "number", 0, "counter floor for top-ups, when the supplier's cells are replaced"),
        ("validity", "bool", False, "whether the meter looks at the certificates' dates"),
        ("symmetric_key", "octets(16)", "00" * 16, "anyByContingency: what unwraps the contingency key in the root"),
    ),
    "CS02c": (("usage", "signature or agreement", "signature", "which key pair the meter renews"),),
    "CS02d": (
        ("certificate", "file", None, "the certificate for the renewed key; the meter's present one when left out"),
        ("usage", "signature or agreement", "signature", "which present certificate, when none is named"),
    ),
    "CS02e": (("usage", "signature or agreement", "signature", "which certificate to read"),),
    "CS03A1": (
        ("device", "eui-64", "00DB1234567890A4", "the device that is to join"),
        ("type", "device type", "ppmid", "one of " + ", ".join(_DEVICE_TYPES)),
        ("method", "join method", "a-initiator", "one of " + ", ".join(_JOIN_METHODS)),
    ),
    "CS04AC": (("device", "eui-64", "00DB1234567890A4", "the device that is to leave"),),
    "CS06": (("hash", "octets(32)", "00" * 32, "SHA-256 of the manufacturer's image"),),
}
FIELDS["CS02f"] = FIELDS["CS02a"]
FIELDS["CS02g"] = FIELDS["CS02b"]


def family(name: str) -> str:
    """CS02b of CS02b-supplierBySupplier."""
    return name.partition("-")[0]


def payload(name: str, role: int, counter: int, due_s: "int | None", given: "dict[str, Any]", cast: Any) -> bytes:
    """The payload of the command `name` sent by `role`; `due_s` None for now, CANCEL_TIME to cancel."""
    values = {row[0]: row[2] for row in FIELDS.get(family(name), ())}
    values.update(given)
    kind = family(name)
    if kind in ("CS02a", "CS02f"):
        asked = [_choice("roles", word.strip(), _role_numbers()) for word in str(values["roles"]).split(",")]
        return asn1.sequence([_authority(role), asn1.sequence([asn1.put_integer(one) for one in asked])])
    if kind in ("CS02b", "CS02g"):
        return _replacement(name.partition("-")[2], role, counter, due_s, values, cast)
    if kind in ("CS02c", "CS02e"):
        return asn1.sequence([asn1.put_key_usage(_choice("usage", str(values["usage"]), _USAGES))])
    if kind == "CS02d":
        return _file("certificate", values["certificate"]) or _present(
            cast.device.certificate(_choice("usage", str(values["usage"]), _USAGES)), "the device's certificate"
        )
    if kind == "CS03A1":
        return asn1.sequence(
            [
                asn1.put_integer(_choice("method", str(values["method"]), _JOIN_METHODS)),
                asn1.put_octets(_octets("device", values["device"], 8)),
                asn1.put_integer(_choice("type", str(values["type"]), _DEVICE_TYPES)),
            ]
        )
    if kind == "CS04AC":
        return asn1.put_octets(_octets("device", values["device"], 8))
    if kind == "CS06":
        parts = [asn1.put_octets(_octets("hash", values["hash"], 32)), asn1.put_integer(counter)]
        if due_s is not None:
            parts.append(asn1.put_generalized_time(due_s))
        return asn1.sequence(parts)
    raise SlotmeterError("%s cannot be built here" % name)


def _role_numbers() -> "dict[str, int]":
    return {name: number for number, name in enumerate(roles.NAMES)}


def _choice(field: str, word: str, choices: "dict[str, int]") -> int:
    if word not in choices:
        raise SlotmeterError("field %s=%s: choose from %s" % (field, word, ", ".join(choices)))
    return choices[word]


def _octets(field: str, text: Any, size: int) -> bytes:
    try:
        octets = bytes.fromhex(str(text).removeprefix("0x").replace("-", "").replace(":", ""))
    except ValueError:
        octets = b""
    if len(octets) != size:
        raise SlotmeterError("field %s=%s: write %d hexadecimal digits" % (field, text, 2 * size))
    return octets


def _number(field: str, value: Any) -> int:
    try:
        number = int(str(value), 0)
    except ValueError:
        number = -1
    if not 0 <= number < 2**63:
        raise SlotmeterError("field %s=%s: write a number from 0 on" % (field, value))
    return number


def _file(field: str, path: "str | None") -> bytes:
    """The certificate in a file, as DER; b"" when no file is named."""
    if not path:
        return b""
    try:
        octets = Path(path).read_bytes()
    except OSError:
        raise SlotmeterError("field %s: cannot read the file %s" % (field, path)) from None
    if b"-----BEGIN CERTIFICATE-----" in octets:
        body = octets.split(b"-----BEGIN CERTIFICATE-----", 1)[1].split(b"-----END", 1)[0]
        try:
            return base64.b64decode(body)
        except ValueError:
            raise SlotmeterError("field %s: %s is not a certificate in PEM form" % (field, path)) from None
    return octets


def _present(certificate: bytes, whose: str) -> bytes:
    if not certificate:
        raise SlotmeterError("the bench holds no certificate for %s: name a file" % whose)
    return certificate


def cell_id(role: int, usage: int, cell_usage: int = MANAGEMENT) -> bytes:
    """A CellId; the cell usage is left out when it is management."""
    return asn1.sequence(_cell_parts(role, usage, cell_usage))


def _cell_parts(role: int, usage: int, cell_usage: int) -> "list[bytes]":
    parts = [asn1.put_integer(role), asn1.put_key_usage(usage)]
    if cell_usage:
        parts.append(asn1.put_integer(cell_usage))
    return parts


def _authority(role: int) -> bytes:
    """The cell by which the meter knows the sender: a signature, but the broker's is its key agreement."""
    return cell_id(role, KEY_AGREEMENT if role == roles.ACCESS_CONTROL_BROKER else DIGITAL_SIGNATURE)


def _replacement(
    mode_name: str, role: int, counter: int, due_s: "int | None", values: "dict[str, Any]", cast: Any
) -> bytes:
    """CS02b and CS02g: control, replacements, certification path, time."""
    mode, target = _MODES[mode_name]
    if target is None:
        target = _choice("target", str(values["target"]), _role_numbers())
    prepayment = _number("prepayment_floor", values["prepayment_floor"])
    specialist = asn1.sequence([asn1.put_integer(0), asn1.put_integer(prepayment)])
    floor = asn1.put_integer(counter if values["floor"] is None else _number("floor", values["floor"]))
    control = [asn1.put_integer(mode)]
    if role == roles.CONTINGENCY:
        control.append(asn1.element(0x80, _octets("symmetric_key", values["symmetric_key"], 16)))
    if not values["validity"] or str(values["validity"]).lower() in ("false", "no", "off", "0"):
        # [1] applyTimeBasedCPVChecks: 1 is disapply.
        control.append(b"\x81\x01\x01")
    if role != roles.ACCESS_CONTROL_BROKER:
        # The contingency key is wrapped in the root's certificate.
        cell = (roles.ROOT, KEY_CERT_SIGN) if role == roles.CONTINGENCY else (role, DIGITAL_SIGNATURE)
        control.append(asn1.element(0xA2, b"".join(_cell_parts(*cell, MANAGEMENT))))
    control.append(asn1.put_integer(counter, 0x83))
    if target == role:
        if role != roles.TRANSITIONAL_COS:
            control.append(b"\x84" + floor[1:])
        if role == roles.SUPPLIER:
            control.append(asn1.element(0xA5, specialist))
    elif target != roles.ROOT:
        change = [asn1.put_integer(target), floor]
        if target == roles.SUPPLIER:
            change.append(asn1.sequence([specialist]))
        control.append(asn1.element(0xA6, asn1.sequence(change)))
    parts = [asn1.sequence(control), asn1.sequence(_replacements(target, values, cast))]
    issuer = _file("issuer", values["issuer"]) or _present(cast.issuer_certificate(), "the issuing authority")
    parts.append(asn1.sequence([issuer]))
    if due_s is not None:
        parts.append(asn1.put_generalized_time(due_s))
    return asn1.sequence(parts)


def _replacements(target: int, values: "dict[str, Any]", cast: Any) -> "list[bytes]":
    """One replacement for every cell that a meter has for the role."""
    names = {
        (DIGITAL_SIGNATURE, MANAGEMENT): "ds",
        (KEY_AGREEMENT, MANAGEMENT): "ka",
        (KEY_AGREEMENT, PREPAYMENT_TOP_UP): "prepayment",
        (KEY_CERT_SIGN, MANAGEMENT): "root",
    }
    found = []
    party = cast.named(str(values["party"])) if values["party"] else None
    for role, usage, cell_usage in roles.ESME_CELLS:
        if role != target:
            continue
        name = names[(usage, cell_usage)]
        certificate = _file(name, values[name])
        if not certificate and party is not None:
            certificate = party.certificate(usage, cell_usage)
        if not certificate:
            certificate = _present(cast.certificate(role, usage, cell_usage), "the %s" % roles.NAMES[role])
        found.append(asn1.sequence([certificate, cell_id(role, usage, cell_usage)]))
    if not found:
        raise SlotmeterError("a meter has no cells for the %s" % roles.NAMES[target])
    return found
