"""Fuzzes the ASN.1 use cases of a meter: each input is a message code and a payload, authentic as it stands.

A refused payload must leave every record as it was; what is answered is an ASN.1 element that our own reader takes.
"""

import mutate

from slotmeter.dlms.errors import DecodeError
from slotmeter.dlms.gbcs import asn1, replacement_command
from slotmeter.dlms.gbcs.anchors import Anchors, Cell, DeviceKeys, Secrets
from slotmeter.dlms.gbcs.asn1_request import Request
from slotmeter.dlms.gbcs.credentials import Credentials
from slotmeter.dlms.gbcs.roles import CONTINGENCY, ESME_CELLS
from slotmeter.hal.host.certificates import HostCertificates
from slotmeter.hal.host.crypto import HostCrypto
from slotmeter.hal.records import Records
from slotmeter.hal.virtual.entropy import SeededEntropy
from slotmeter.hal.virtual.store import VirtualStore

DEVICE = bytes.fromhex("00DB1234567890A0")
# One party holds every cell, so that any mode of replacement gets past the question who may.
PARTY = bytes.fromhex("90B3D51F30010000")
ROOT_KEY_ID = bytes.fromhex("48CF1B32697C4669")
NOW_S = 473385600


class Meter:
    """Credentials and nothing else."""

    def __init__(self):
        self.crypto = HostCrypto()
        self.records = Records(VirtualStore())
        self.anchors = Anchors(self.records)
        keys = DeviceKeys(self.records)
        secrets = Secrets(self.records, self.crypto, keys)
        self.credentials = Credentials(
            self.records, self.anchors, keys, secrets, self.crypto, HostCertificates(), SeededEntropy(1), DEVICE
        )
        for role, usage, cell_usage in ESME_CELLS:
            holder, key_id = (PARTY, bytes((role,)) * 8) if role else (bytes(8), ROOT_KEY_ID)
            self.anchors.put_cell(Cell(role, usage, cell_usage, holder, key_id, b"", b""))
        self.credentials.devices.add(bytes.fromhex("00DB123456789099"), 5)
        self.credentials.images.hold(bytes(32), b"\x01\x02\x03\x04")
        self.records.commit()
        self.digest = self.records.digest(self.crypto)


METER = Meter()


def _header_counter(payload):
    """The counter that the header must have had for the payload to be taken seriously."""
    try:
        return replacement_command.parse(payload).counter
    except DecodeError:
        return 1000


def parse(data):
    if len(data) < 2:
        raise DecodeError("no message code", 0)
    code, payload = int.from_bytes(data[:2], "big"), data[2:]
    role = CONTINGENCY if code == 0x109 else 2
    counter = _header_counter(payload)
    outcome = METER.credentials.execute(Request(code, payload, counter, PARTY, role, NOW_S))
    if code != 0x000A and code != 0x000C:
        # A certificate, and a request for one, are plain DER; the rest is in the form of devices.
        stop = asn1.header(outcome.payload, 0, len(outcome.payload), True)[2]
        assert stop == len(outcome.payload), "the answer is more than one element"
    if isinstance(outcome.stored, tuple):
        due_s, blob = outcome.stored
        METER.credentials.due(code, blob, counter, due_s, due_s)


def after(data, refused):
    try:
        if refused:
            assert METER.records.digest(METER.crypto) == METER.digest, "a refused payload changed a record"
    finally:
        METER.records.rollback()
        METER.anchors.reload()


def _seeds():
    codes = METER.credentials.codes()
    found = []
    for octets in mutate.golden_messages():
        parts = mutate.builder.take_apart(octets)
        if parts.cra == 1 and parts.code in codes:
            found.append(parts.code.to_bytes(2, "big") + parts.payload)
    # What is there without any data set: one small command of each use case.
    cell = b"\x02\x01\x02\x03\x02\x07\x80"
    update = asn1.sequence(
        [
            asn1.sequence([b"\x02\x01\x02\xa2\x07" + cell + b"\x83\x02\x03\xe8\x84\x01\x00"]),
            asn1.sequence([asn1.sequence([b"\x30\x03\x02\x01\x07\x30\x07" + cell])]),
            asn1.sequence([b"\x30\x03\x02\x01\x07"]),
            asn1.put_generalized_time(947980800),
        ]
    )
    firmware = asn1.sequence([asn1.put_octets(bytes(32)), asn1.put_integer(1000), asn1.put_generalized_time(947980800)])
    for code, payload in (
        (0x0008, asn1.sequence([asn1.sequence([cell]), asn1.sequence([b"\x02\x01\x02\x02\x01\x03"])])),
        (0x000A, b"\x30\x04\x03\x02\x07\x80"),
        (0x000B, b"\x30\x00"),
        (0x000C, b"\x30\x04\x03\x02\x03\x08"),
        (0x000D, b"\x30\x10\x02\x01\x00\x04\x08" + DEVICE + b"\x02\x01\x04"),
        (0x000F, b"\x04\x08" + bytes.fromhex("00DB123456789099")),
        (0x0012, firmware),
        (0x0102, update),
    ):
        found.append(code.to_bytes(2, "big") + payload)
    return found


TARGET = mutate.Target("dlms/gbcs/credentials.py", _seeds(), parse, DecodeError, after)

if __name__ == "__main__":
    mutate.main(TARGET)
