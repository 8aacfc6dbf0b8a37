"""A test PKI that writes its certificates by hand, and a device with empty hands to try them on."""

import hashlib

import pytest

from slotmeter.dlms.gbcs.anchors import Anchors, Cell, DeviceKeys, Secrets
from slotmeter.dlms.gbcs.asn1_request import Request
from slotmeter.dlms.gbcs.credentials import Credentials
from slotmeter.dlms.gbcs.roles import (
    DIGITAL_SIGNATURE,
    ESME_CELLS,
    KEY_AGREEMENT,
    KEY_CERT_SIGN,
    ROOT,
)
from slotmeter.hal.host.certificates import HostCertificates
from slotmeter.hal.host.crypto import HostCrypto
from slotmeter.hal.records import Records
from slotmeter.hal.virtual.entropy import SeededEntropy
from slotmeter.hal.virtual.store import VirtualStore

NOW_S = 473385600
DEVICE = bytes.fromhex("00DB1234567890A0")
CELLS = ESME_CELLS


def der(tag, *contents):
    """One element in plain DER."""
    octets = b"".join(contents)
    size = len(octets)
    if size < 0x80:
        length = bytes((size,))
    elif size < 0x100:
        length = bytes((0x81, size))
    else:
        length = b"\x82" + size.to_bytes(2, "big")
    return bytes((tag,)) + length + octets


def number(value):
    """An INTEGER of a value that is not negative."""
    return der(2, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def counter(tag, value):
    """An integer under another tag."""
    return bytes((tag,)) + number(value)[1:]


def usage_bits(flags):
    """A KeyUsage."""
    unused = 0
    while not flags >> unused & 1:
        unused += 1
    return der(3, bytes((unused, flags)))


def cell_id(place):
    """A CellId without its tag and length."""
    return number(place[0]) + usage_bits(place[1]) + (number(place[2]) if place[2] else b"")


class Holder:
    """A key pair and the certificate over it."""

    def __init__(self, private, public, key_id, entity_id, name, certificate):
        self.private = private
        self.public = public
        self.key_id = key_id
        self.entity_id = entity_id
        self.name = name
        self.certificate = certificate

    def cell(self, place):
        return Cell(place[0], place[1], place[2], self.entity_id, self.key_id, self.public, self.certificate)


def _name(role, entity_id, common_name):
    parts = []
    if role is not None:
        parts.append(der(0x31, der(0x30, b"\x06\x03\x55\x04\x0b", der(0x0C, b"%02x" % role))))
    if entity_id:
        parts.append(der(0x31, der(0x30, b"\x06\x03\x55\x04\x2d", der(3, b"\0" + entity_id))))
    if common_name:
        parts.append(der(0x31, der(0x30, b"\x06\x03\x55\x04\x03", der(0x0C, common_name))))
    return der(0x30, *parts)


class Pki:
    """Certifies whatever a test asks for."""

    def __init__(self):
        self.crypto = HostCrypto()
        self._entropy = SeededEntropy(7)
        self._serial = 1

    def certify(
        self,
        usage,
        issuer=None,
        role=None,
        entity_id=b"",
        common_name=b"",
        key_id=None,
        device=b"",
        lifetime=(b"100101000000Z", b"400101000000Z"),
        private=None,
        forged=False,
        authority=True,
    ):
        """A holder; without an issuer it certifies itself. `forged`: under the issuer's name, by another key."""
        if private is None:
            private = self.crypto.new_private_key(self._entropy)
        public = self.crypto.public_key(private)
        if key_id is None:
            key_id = bytes((0x40 | public[0] & 0xF,)) + hashlib.sha256(public).digest()[:7]
        name = _name(role, entity_id, common_name)
        signer = self.crypto.new_private_key(self._entropy) if forged else (issuer.private if issuer else private)
        self._serial += 1
        extensions = [
            der(0x30, b"\x06\x03\x55\x1d\x0f\x01\x01\xff", der(4, usage_bits(usage))),
            der(0x30, b"\x06\x03\x55\x1d\x0e", der(4, der(4, key_id))),
        ]
        if authority:
            named = der(0x30, der(0x80, issuer.key_id if issuer else key_id))
            extensions.append(der(0x30, b"\x06\x03\x55\x1d\x23", der(4, named)))
        if device:
            module = der(0x30, b"\x06\x0d\x2a\x86\x3a\x00\x01\x84\x8f\xb9\x0f\x01\x02\x02\x01", der(4, device))
            other = der(0xA0, b"\x06\x08\x2b\x06\x01\x05\x05\x07\x08\x04", der(0xA0, module))
            extensions.append(der(0x30, b"\x06\x03\x55\x1d\x11\x01\x01\xff", der(4, der(0x30, other))))
        algorithm = der(0x30, b"\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02")
        tbs = der(
            0x30,
            der(0xA0, number(2)),
            number(self._serial),
            algorithm,
            issuer.name if issuer else name,
            der(0x30, der(0x17, lifetime[0]), der(0x17, lifetime[1])),
            name,
            bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004") + public,
            der(0xA3, der(0x30, *extensions)),
        )
        signature = self.crypto.sign(signer, tbs)
        pair = der(0x30, *[number(int.from_bytes(half, "big")) for half in (signature[:32], signature[32:])])
        return Holder(
            private, public, key_id, entity_id or bytes(8), name, der(0x30, tbs, algorithm, der(3, b"\0" + pair))
        )

    def authority(self, issuer=None, common_name=b"Z1", **more):
        """A root, or below `issuer` an issuing authority."""
        return self.certify(
            more.pop("usage", KEY_CERT_SIGN), issuer, 7 if issuer else 0, common_name=common_name, **more
        )


def command(
    mode, counter_value, place, replacements, path, floor=None, specialist=None, others=None, time=None, validity=None,
    symmetric_key=None,
):
    """A CS02b or CS02g command. replacements: [(Holder or DER, place)]; others: [(role, floor, specialist or None)]."""

    def change(floor_value, usage_floor):
        special = der(0x30, der(0x30, number(0), number(usage_floor))) if usage_floor is not None else b""
        return number(floor_value) + special

    control = [number(mode)]
    if symmetric_key is not None:
        control.append(der(0x80, symmetric_key))
    if validity is not None:
        control.append(counter(0x81, validity))
    if place is not None:
        control.append(der(0xA2, cell_id(place)))
    control.append(counter(0x83, counter_value))
    if floor is not None:
        control.append(counter(0x84, floor))
    if specialist is not None:
        control.append(der(0xA5, der(0x30, number(0), number(specialist))))
    if others is not None:
        control.append(der(0xA6, *[der(0x30, number(one[0]), change(one[1], one[2])) for one in others]))
    parts = [der(0x30, *control)]
    listed = []
    for holder, target in replacements:
        octets = holder if isinstance(holder, bytes) else holder.certificate
        listed.append(der(0x30, octets, der(0x30, cell_id(target))))
    parts.append(der(0x30, *listed))
    parts.append(der(0x30, *[one if isinstance(one, bytes) else one.certificate for one in path]))
    if time is not None:
        parts.append(der(0x18, time))
    return der(0x30, *parts)


class Bench:
    """A device with cells to fill, and the tools to speak to it."""

    der = staticmethod(der)
    number = staticmethod(number)
    counter = staticmethod(counter)
    cell_id = staticmethod(cell_id)
    usage_bits = staticmethod(usage_bits)
    command = staticmethod(command)
    now_s = NOW_S
    device = DEVICE

    def __init__(self):
        self.pki = Pki()
        self.crypto = self.pki.crypto
        self.store = VirtualStore()
        self.records = Records(self.store)
        self.anchors = Anchors(self.records, CELLS)
        self.keys = DeviceKeys(self.records)
        self.secrets = Secrets(self.records, self.crypto, self.keys)
        self.certificates = HostCertificates()
        self.credentials = Credentials(
            self.records,
            self.anchors,
            self.keys,
            self.secrets,
            self.crypto,
            self.certificates,
            SeededEntropy(3),
            DEVICE,
        )
        self.root = self.pki.authority(None, b"ZA")
        self.issuer = self.pki.authority(self.root)
        self.anchors.put_cell(self.root.cell((ROOT, KEY_CERT_SIGN, 0)))

    def party(self, role, entity_id, usage, **more):
        """A certificate of a remote party from the issuing authority."""
        return self.pki.certify(usage, more.pop("issuer", self.issuer), role, entity_id, **more)

    def fill(self, role, entity_id):
        """Gives every cell of a role to one holder; the holders by (usage, cell usage)."""
        holders = {}
        for place in CELLS:
            if place[0] == role:
                holder = self.party(role, entity_id, place[1])
                self.anchors.put_cell(holder.cell(place))
                holders[place[1:]] = holder
        return holders

    def give_own_keys(self):
        """Key pairs and certificates of the device's own."""
        authority = self.pki.authority(None, b"E357")
        own = {}
        for usage in (DIGITAL_SIGNATURE, KEY_AGREEMENT):
            own[usage] = self.pki.certify(usage, authority, device=DEVICE)
            self.keys.put(usage, own[usage].private, own[usage].certificate)
        return own

    def send(self, code, payload, originator=bytes(8), counter=1000, role=2, fault=None, now_s=NOW_S):
        """Executes a payload as the engine does: its counter is recorded first."""
        self.anchors.set_counter(role, max(counter, self.anchors.counter(role)))
        return self.credentials.execute(Request(code, payload, counter, originator, role, now_s, fault))


@pytest.fixture
def bench():
    """A fresh device."""
    return Bench()
