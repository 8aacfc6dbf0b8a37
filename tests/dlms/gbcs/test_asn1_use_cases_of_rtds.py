"""Every ASN.1 command of an ESME in RTDS, answered with the published payload."""

import json
import os
from pathlib import Path

import pytest

from slotmeter.dlms.gbcs.anchors import Anchors, Cell, DeviceKeys, Secrets
from slotmeter.dlms.gbcs.asn1_request import CANCEL, Request
from slotmeter.dlms.gbcs.credentials import Credentials, result_code
from slotmeter.dlms.gbcs.message import ALERT, COMMAND, parse
from slotmeter.dlms.gbcs.roles import (
    ACCESS_CONTROL_BROKER,
    CONTINGENCY,
    DIGITAL_SIGNATURE,
    ESME_CELLS,
    KEY_AGREEMENT,
    KEY_CERT_SIGN,
    LOAD_CONTROLLER,
    NETWORK_OPERATOR,
    RECOVERY,
    ROOT,
    SUPPLIER,
    TRANSITIONAL_COS,
)
from slotmeter.hal.board.certificates import BoardCertificates
from slotmeter.hal.board.crypto import BoardCrypto
from slotmeter.hal.host.certificates import HostCertificates
from slotmeter.hal.host.crypto import HostCrypto
from slotmeter.hal.records import Records
from slotmeter.hal.virtual.entropy import SeededEntropy
from slotmeter.hal.virtual.store import VirtualStore

SHARED = Path(__file__).resolve().parents[3].parent / "shared"
RTDS = Path(os.environ.get("RTDS_DIR", SHARED / "rtds")) / "RTDS-4.5.0"
VECTORS = Path(os.environ.get("VECTORS_DIR", SHARED / "vectors")) / "gbcs-crypto-vectors.json"

if not RTDS.is_dir() or not VECTORS.is_file():
    pytest.skip(
        "RTDS 4.5.0 is in the test folder of SmartDCCInnovation/gbcs-parser; set RTDS_DIR", allow_module_level=True
    )

ESME = bytes.fromhex("00DB1234567890A0")
ROOT_KEY_ID = bytes.fromhex("48cf1b32697c4669")
# Who holds the cells at the start: role, usage, cell usage, name in the vectors.
HOLDERS = (
    (RECOVERY, DIGITAL_SIGNATURE, 0, "recovery"),
    (SUPPLIER, DIGITAL_SIGNATURE, 0, "supplierA"),
    (SUPPLIER, KEY_AGREEMENT, 0, "supplierA"),
    (SUPPLIER, KEY_AGREEMENT, 1, "supplierA-prepayment"),
    (NETWORK_OPERATOR, DIGITAL_SIGNATURE, 0, "networkOperator"),
    (NETWORK_OPERATOR, KEY_AGREEMENT, 0, "networkOperator"),
    (ACCESS_CONTROL_BROKER, KEY_AGREEMENT, 0, "ACB"),
    (TRANSITIONAL_COS, DIGITAL_SIGNATURE, 0, "transCoS"),
    (LOAD_CONTROLLER, DIGITAL_SIGNATURE, 0, "loadController"),
    (LOAD_CONTROLLER, KEY_AGREEMENT, 0, "loadController"),
)
USAGES = {"digitalSignature": DIGITAL_SIGNATURE, "keyAgreement": KEY_AGREEMENT}
NOW_S = 473385600
# SHA-256 of the image that 11.3_CS06 activates, and two versions of the firmware.
IMAGE = bytes.fromhex("AA758690730934FF0685AA758690730934FF0685657788990011223344556677")
OLD, NEW = bytes.fromhex("0123ABCF"), bytes.fromhex("0123ABCE")


def _published():
    vectors = json.loads(VECTORS.read_text())
    found = {}
    for key in vectors["keys"]:
        if key.get("certificate_der"):
            found[(key["name"], USAGES[key["usage"]])] = key
    return found


PUBLISHED = _published()


class Device:
    """An ESME's credentials as they are before each RTDS exchange."""

    def __init__(self, places=ESME_CELLS, board=False):
        crypto = BoardCrypto() if board else HostCrypto()
        certificates = BoardCertificates() if board else HostCertificates()
        self.records = Records(VirtualStore())
        self.anchors = Anchors(self.records, places)
        self.keys = DeviceKeys(self.records)
        secrets = Secrets(self.records, crypto, self.keys)
        self.credentials = Credentials(
            self.records, self.anchors, self.keys, secrets, crypto, certificates, SeededEntropy(1), ESME
        )
        self.anchors.put_cell(Cell(ROOT, KEY_CERT_SIGN, 0, bytes(8), ROOT_KEY_ID, b"", b""))
        for role, usage, cell_usage, name in HOLDERS:
            key = PUBLISHED[(name, usage)]
            self.anchors.put_cell(
                Cell(
                    role,
                    usage,
                    cell_usage,
                    bytes.fromhex(key["entity_id"]),
                    bytes.fromhex(key["subject_key_id"]),
                    bytes.fromhex(key["public_point"])[1:],
                    bytes.fromhex(key["certificate_der"]),
                )
            )
        for usage in (DIGITAL_SIGNATURE, KEY_AGREEMENT):
            key = PUBLISHED[("ESME", usage)]
            private = bytes.fromhex(key["private_scalar"] or "")
            self.keys.put(usage, private, bytes.fromhex(key["certificate_der"]))

    def request(self, command, fault=None):
        role = self.anchors.roles_of(command.originator)[0]
        counter = int.from_bytes(command.counter, "big")
        if command.code not in READS:
            self.anchors.set_counter(role, counter)
        return Request(command.code, command.payload, counter, command.originator, role, NOW_S, fault)


def _read(path):
    return parse(bytes.fromhex(path.read_text().strip()))


def _is_asn1(code):
    return code in (8, 0xA, 0xB, 0xC, 0xD, 0xF, 0x12, 0x11B, 0x125, 0x126) or 0x100 <= code <= 0x109


def _pairs():
    found = []
    for path in sorted(RTDS.glob("*CS0[236]*/*_COMMAND_GBCS.HEX")) + sorted(RTDS.glob("8.8*/*_COMMAND_GBCS.HEX")):
        if "PRECOMMAND" in path.name:
            continue
        response = path.with_name(path.name.replace("_COMMAND_", "_RESPONSE_"))
        command = _read(path)
        if response.exists() and command.target == ESME and command.cra == COMMAND and _is_asn1(command.code):
            found.append(pytest.param(path, response, id=path.name.replace("_COMMAND_GBCS.HEX", "")))
    return found


PAIRS = _pairs()
# Reads leave the counter of their originator alone.
READS = (8, 0xC, 0x11B)


def _prepare(device, name):
    """The state that an exchange presupposes, and the fault that is injected into it."""
    credentials = device.credentials
    if name.startswith("CS02aMAC") or name.startswith("CS02fSignature"):
        device.anchors.set_counter(NETWORK_OPERATOR, 1)
    if name.startswith("CS02fMAC"):
        device.anchors.set_counter(LOAD_CONTROLLER, 1)
        return (0, None) if "ERROR" in name else None
    if name.startswith("CS02gLoadController") and "ERROR" in name:
        return (0, None)
    if name.startswith("CS02d"):
        # The published certificate's key pair, of which only the public half is published.
        public = bytes.fromhex(PUBLISHED[("ESME", DIGITAL_SIGNATURE)]["public_point"])[1:]
        device.keys.set_pending(DIGITAL_SIGNATURE, public, b"")
    if name.startswith(("CS02c", "CS02e")) and "ERROR" in name:
        return (0, None)
    if name.startswith("CS03A1") and "ERROR" in name:
        credentials.devices.add(bytes.fromhex("00DB12345678909A"), 4)
    if name.startswith("CS04AC"):
        credentials.devices.add(bytes.fromhex("00DB123456789099"), 5)
    if name.startswith("CS06"):
        credentials.images.set_version(OLD)
        if "IMMEDIATE_SUCCESS" in name:
            credentials.images.hold(IMAGE, NEW)
        elif "FUTURE_DATED_ERROR" in name:
            credentials.images.hold(bytes(32), NEW)
        elif "FUTURE" in name:
            credentials.images.hold(IMAGE, OLD)
    return None


@pytest.mark.parametrize("board", [False, True], ids=["host", "board"])
@pytest.mark.parametrize("command_path, response_path", PAIRS)
def test_the_published_payload_is_answered(command_path, response_path, board):
    command = _read(command_path)
    expected = _read(response_path).payload
    device = Device(board=board)
    fault = _prepare(device, command_path.name)
    outcome = device.credentials.execute(device.request(command, fault))
    if command_path.name.startswith("CS02c_6.17_SUCCESS"):
        # A fresh key and a fresh signature: everything around the key is as published.
        assert outcome.payload[4:39] == expected[4:39]
        start = outcome.payload.index(b"\xa0\x58")
        published = expected.index(b"\xa0\x58")
        assert outcome.payload[start : start + 90] == expected[published : published + 90]
        return
    assert outcome.payload.hex() == expected.hex()


ALERTS = [
    pytest.param(path, id=path.name)
    for path in sorted(RTDS.glob("*CS0[26]*/*_ALERT_GBCS.HEX"))
    if _read(path).originator == ESME
]


@pytest.mark.parametrize("path", ALERTS)
def test_the_published_alert_follows_when_the_time_comes(path):
    alert = _read(path)
    assert alert.cra == ALERT
    kind = "FUTURE_DATED_ERROR" if "ERROR" in path.name else "FUTURE_DATED_SUCCESS"
    commands = [
        other for other in path.parent.glob("*_COMMAND_GBCS.HEX") if kind in other.name and "PRECOM" not in other.name
    ]
    if not commands:
        pytest.skip("its command is not in this copy of RTDS: set RTDS_DIR to a whole one")
    command = _read(commands[0])
    device = Device()
    fault = _prepare(device, commands[0].name)
    outcome = device.credentials.execute(device.request(command, fault))
    due_s, blob = outcome.stored
    alert_code, message_code, payload, _ = device.credentials.due(
        command.code, blob, int.from_bytes(command.counter, "big"), due_s, due_s
    )
    assert payload.hex() == alert.payload.hex()
    assert message_code == alert.code
    assert alert_code == (0x8F67 if "8F67" in path.name else 0x8F66)


def test_a_cancellation_stores_nothing():
    for parameters in PAIRS:
        path = parameters.values[0]
        if "CANCELLATION" in path.name and path.name.startswith("CS0"):
            device = Device()
            assert device.credentials.execute(device.request(_read(path))).stored == CANCEL


CONTINGENCY_PARTY = bytes.fromhex("70B3D51F300017FF")


def _listed(payload):
    """(place, failed, entity id, key id) of each replacement in a published outcome."""
    pos = payload.index(b"\x30\x82\x01\xe9") + 4
    found = []
    while pos < len(payload):
        size = payload[pos + 1]
        one = payload[pos + 2 : pos + 2 + size]
        place = (one[4], one[8], one[11] if one[1] == 10 else 0)
        found.append((place, one[2 + one[1] + 2] != 0, one[-18:-10], one[-8:]))
        pos += 2 + size
    return found


@pytest.mark.parametrize("kind", ["SUCCESS", "ERROR"])
def test_the_contingency_party_replaces_every_cell(kind, bench):
    """RTDS publishes responses alone: a command of the same cells and key identifiers must come to the same payload."""
    path = RTDS / "NA_CS02bAnyByContingency" / ("CS02bAnyByContingency_NA_%s_RESPONSE_GBCS.HEX" % kind)
    if not path.exists():
        pytest.skip("this exchange is not in this copy of RTDS: set RTDS_DIR to a whole one")
    response = _read(path)
    device = Device((*ESME_CELLS, (CONTINGENCY, DIGITAL_SIGNATURE, 0)))
    contingency = bench.pki.certify(DIGITAL_SIGNATURE, entity_id=CONTINGENCY_PARTY)
    device.anchors.put_cell(contingency.cell((CONTINGENCY, DIGITAL_SIGNATURE, 0)))
    stranger = bench.pki.authority(None, b"ZX")
    root = issuer = None
    replacements = []
    for place, failed, entity_id, key_id in _listed(response.payload):
        if place[0] == ROOT:
            root = bench.pki.authority(None, b"ZA2", key_id=key_id)
            issuer = bench.pki.authority(root, b"Z2")
            replacements.append((root, place))
        else:
            signer = stranger if failed else issuer
            holder = bench.pki.certify(place[1], signer, place[0], entity_id, key_id=None if failed else key_id)
            replacements.append((holder, place))
    counter = int.from_bytes(response.counter, "big")
    payload = bench.command(
        9,
        counter,
        (ROOT, KEY_CERT_SIGN, 0),
        replacements,
        [issuer],
        floor=0,
        others=[
            (SUPPLIER, 0, 0),
            (NETWORK_OPERATOR, 0, None),
            (ACCESS_CONTROL_BROKER, 0, None),
            (TRANSITIONAL_COS, 0, None),
        ],
        symmetric_key=bytes(16),
    )
    request = Request(0x109, payload, counter, CONTINGENCY_PARTY, CONTINGENCY, NOW_S)
    assert device.credentials.execute(request).payload.hex() == response.payload.hex()


def test_the_named_failures_are_those_of_the_published_errors():
    for code, name, result in (
        (0x126, "no-trust-anchor", 10),
        (0xA, "cr-production-failed", 3),
        (0xC, "certificate-retrieval-failure", 3),
        (0xD, "incompatible-with-existing-entry", 3),
        (0x12, "hash-mismatch", 2),
        (0x11B, "other", 127),
    ):
        assert result_code(code, name) == result
    assert result_code(0x12, "hardware-fault") is None
