"""The bench's own test PKI: a root, an issuing authority for organisations, one for devices, and everyone they certify.

The certificates have the shape of GBCS section 12: P-256 and SHA-256; an organisation has its role in the
organisational unit (two hex digits) and its EUI-64 in the x500UniqueIdentifier; a device has an empty subject and its
EUI-64 in the hardwareModuleName of the subject alternative name; key identifiers are the eight octets of RFC 5280,
4.2.1.2, method 2 (0100 and the last 60 bits of the SHA-1 of the point); key usage and certificate policies are
critical.

Every key is a test key: whoever has the folder has them, and with a seed whoever knows the seed.
"""

import datetime as dt
import hashlib
import os
import shutil
import tempfile
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.name import _ASN1Type

from slotmeter.boards.pc import cast, han_keys
from slotmeter.boards.pc.cast import BENCH_ISSUER, CastError
from slotmeter.dlms.gbcs import roles
from slotmeter.hal.certificates import HARDWARE_TYPE
from slotmeter.hal.crypto import P256_ORDER
from slotmeter.hal.entropy import Entropy

# EUI-64s of our own: the local bit of the first octet is set, then SLOT in ASCII.
_PREFIX = bytes.fromhex("02534C4F54")
DEFAULT_DEVICE = _PREFIX + bytes.fromhex("100001")

# (role, signs, agrees keys, has a key for top-ups)
_ORGANISATIONS = (
    (roles.RECOVERY, True, False, False),
    (roles.SUPPLIER, True, True, True),
    (roles.NETWORK_OPERATOR, True, True, False),
    (roles.ACCESS_CONTROL_BROKER, True, True, False),
    (roles.TRANSITIONAL_COS, True, False, False),
    (roles.WAN_PROVIDER, True, True, False),
    (roles.LOAD_CONTROLLER, True, True, False),
    # No role of RemotePartyRole: the key that a real meter finds wrapped in its root certificate, a bench gives it.
    (roles.CONTINGENCY, True, False, False),
)

# Who takes the meter over in a change of supplier: a second supplier, whom the meter does not know at first.
NEXT_SUPPLIER = _PREFIX + bytes((1, 0, roles.SUPPLIER))

# Fixed dates make a seeded PKI repeatable; the emulated clock may stand anywhere between them.
_FROM = dt.datetime(2010, 1, 1, tzinfo=dt.UTC)
_TO = dt.datetime(2049, 12, 31, 23, 59, 59, tzinfo=dt.UTC)
_NEVER = dt.datetime(9999, 12, 31, 23, 59, 59, tzinfo=dt.UTC)

# Policies under the arc for examples of UUIDs (2.25): they say nothing but "of the bench".
_ORGANISATION_POLICY = x509.ObjectIdentifier("2.25.307811244913418013411650731961391270910.1")
_DEVICE_POLICY = x509.ObjectIdentifier("2.25.307811244913418013411650731961391270910.2")
_HARDWARE_MODULE_NAME = x509.ObjectIdentifier("1.3.6.1.5.5.7.8.4")

_README = """Test keys of the slotmeter bench.

They protect nothing: anyone who can read this folder has every key in it. Use them with emulated devices and with test
systems that trust this bench's root (root.pem), never with a real meter or a live system.
"""


class _Key:
    """A key pair and the identifier of its public part."""

    def __init__(self, entropy: Entropy) -> None:
        scalar = int.from_bytes(entropy.random(40), "big") % (P256_ORDER - 1) + 1
        self.private = ec.derive_private_key(scalar, ec.SECP256R1())
        point = self.private.public_key().public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        )
        digest = bytearray(hashlib.sha1(point, usedforsecurity=False).digest()[-8:])
        digest[0] = 0x40 | digest[0] & 0x0F
        self.key_id = bytes(digest)

    def pem(self) -> bytes:
        """PKCS#8 without a password."""
        return self.private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )


class _Authority:
    """A certification authority: a key pair and a name."""

    def __init__(self, name: str, entropy: Entropy) -> None:
        self.key = _Key(entropy)
        self.name = x509.Name(
            [
                x509.NameAttribute(x509.NameOID.ORGANIZATIONAL_UNIT_NAME, "07"),
                x509.NameAttribute(x509.NameOID.COMMON_NAME, f"{BENCH_ISSUER} {name}"),
            ]
        )

    def issue(
        self,
        entropy: Entropy,
        key: _Key,
        subject: x509.Name,
        usage: int,
        policy: x509.ObjectIdentifier,
        until: dt.datetime,
        device: bytes = b"",
    ) -> bytes:
        """A certificate in PEM for `key`, signed by this authority."""
        signs = usage == roles.DIGITAL_SIGNATURE
        agrees = usage == roles.KEY_AGREEMENT
        certifies = usage == roles.KEY_CERT_SIGN
        serial = int.from_bytes(entropy.random(16), "big") >> 1 | 1
        builder = (
            x509.CertificateBuilder()
            .serial_number(serial)
            .issuer_name(self.name)
            .subject_name(subject)
            .not_valid_before(_FROM)
            .not_valid_after(until)
            .public_key(key.private.public_key())
            .add_extension(
                x509.KeyUsage(signs, False, False, False, agrees, certifies, False, False, False), critical=True
            )
            .add_extension(x509.SubjectKeyIdentifier(key.key_id), critical=False)
        )
        if device:
            # hwSerialNum is the EUI-64; hwType that of the RTDS devices.
            octets = b"\x06" + bytes((len(HARDWARE_TYPE),)) + HARDWARE_TYPE + b"\x04\x08" + device
            module = b"\x30" + bytes((len(octets),)) + octets
            names = x509.SubjectAlternativeName([x509.OtherName(_HARDWARE_MODULE_NAME, module)])
            builder = builder.add_extension(names, critical=True)
        if certifies:
            builder = builder.add_extension(x509.BasicConstraints(True, None), critical=True)
        policies = x509.CertificatePolicies([x509.PolicyInformation(policy, None)])
        builder = builder.add_extension(policies, critical=True)
        authority = x509.AuthorityKeyIdentifier(self.key.key_id, None, None)
        builder = builder.add_extension(authority, critical=False)
        try:
            # Deterministic signatures (RFC 6979) keep a seeded PKI the same octet for octet.
            certificate = builder.sign(self.key.private, hashes.SHA256(), ecdsa_deterministic=True)
        except (TypeError, UnsupportedAlgorithm):
            certificate = builder.sign(self.key.private, hashes.SHA256())
        return certificate.public_bytes(serialization.Encoding.PEM)


def entity_of(role: int) -> bytes:
    """The EUI-64 of the bench's party of a role."""
    return _PREFIX + bytes((0, 0, role))


def _subject(role: int, entity_id: bytes) -> x509.Name:
    unique = x509.NameAttribute(x509.NameOID.X500_UNIQUE_IDENTIFIER, b"\0" + entity_id, _ASN1Type.BitString)
    return x509.Name([x509.NameAttribute(x509.NameOID.ORGANIZATIONAL_UNIT_NAME, f"{role:02X}"), unique])


def make(entropy: Entropy, device: bytes = DEFAULT_DEVICE) -> "dict[str, bytes]":
    """Every file of a keystore: name to content. The same stream of entropy gives the same files."""
    files: dict[str, bytes] = {"README.txt": _README.encode("ascii")}
    root, issuing, devices = (_Authority(name, entropy) for name in ("root", "issuing", "device issuing"))
    for name, authority in (("root", root), ("issuing", issuing), ("device-issuing", devices)):
        files[f"{name}.key"] = authority.key.pem()
        files[f"{name}.pem"] = root.issue(
            entropy, authority.key, authority.name, roles.KEY_CERT_SIGN, _ORGANISATION_POLICY, _TO
        )

    def certify(entity_id: bytes, purpose: str, usage: int, role: "int | None") -> None:
        key = _Key(entropy)
        name = f"{entity_id.hex()}-{purpose}"
        files[f"{name}.key"] = key.pem()
        if role is None:
            files[f"{name}.pem"] = devices.issue(entropy, key, x509.Name([]), usage, _DEVICE_POLICY, _NEVER, entity_id)
        else:
            files[f"{name}.pem"] = issuing.issue(
                entropy, key, _subject(role, entity_id), usage, _ORGANISATION_POLICY, _TO
            )

    for role, signs, agrees, tops_up in _ORGANISATIONS:
        entity_id = entity_of(role)
        if signs:
            certify(entity_id, "ds", roles.DIGITAL_SIGNATURE, role)
        if agrees:
            certify(entity_id, "ka", roles.KEY_AGREEMENT, role)
        if tops_up:
            certify(entity_id, "pp-ka", roles.KEY_AGREEMENT, role)
    certify(device, "ds", roles.DIGITAL_SIGNATURE, None)
    certify(device, "ka", roles.KEY_AGREEMENT, None)
    certify(NEXT_SUPPLIER, "ds", roles.DIGITAL_SIGNATURE, roles.SUPPLIER)
    certify(NEXT_SUPPLIER, "ka", roles.KEY_AGREEMENT, roles.SUPPLIER)
    certify(NEXT_SUPPLIER, "pp-ka", roles.KEY_AGREEMENT, roles.SUPPLIER)
    # Last, so that the keys of a seed from before there were any stay the same.
    files.update(han_keys.make(entropy, han_devices(device)))
    return files


def han_devices(device: bytes) -> "list[bytes]":
    """The EUI-64s that get HAN certificates: the meter, the communications hub, an in-home display."""
    return [device] + [other for other in (han_keys.HUB, han_keys.DISPLAY) if other != device]


def write(folder: Path, files: "dict[str, bytes]", force: bool) -> None:
    """Writes a keystore: all of it, or nothing. What is there stays, unless `force` is given.

    CastError names what stands in the way.
    """
    standing: list[str] = []
    try:
        if folder.exists():
            standing = [name for name in sorted(os.listdir(folder)) if cast.is_key_file(name)]
        if standing and not force:
            raise CastError(
                f"{folder} holds keys already ({standing[0]} and {len(standing) - 1} more files); "
                "name another folder, or say --force to replace them"
            )
        folder.parent.mkdir(parents=True, exist_ok=True)
        # Beside the folder, so that files can be renamed into it; a failure before that leaves everything as it was.
        fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        try:
            for name, content in files.items():
                path = fresh / name
                path.touch(mode=0o600 if name.endswith(".key") else 0o644)
                path.write_bytes(content)
            folder.mkdir(mode=0o700, exist_ok=True)
            for name in standing:
                if name not in files:
                    (folder / name).unlink()
            for name in files:
                os.replace(fresh / name, folder / name)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    except OSError as error:
        raise CastError(
            f"{folder}: {error.strerror or 'cannot be written'}; name a folder that you may write"
        ) from error


def create(folder: Path, entropy: Entropy, device: bytes = DEFAULT_DEVICE, force: bool = False) -> None:
    """Makes a test PKI in `folder`."""
    write(folder, make(entropy, device), force)
