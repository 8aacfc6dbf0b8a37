"""The cast of a bench: the parties that talk to a device and the device itself, with their keys and certificates.

A keystore is a folder in the naming of the RTDS: for each EUI-64 (16 hex digits) `<eui64>-ds.pem` and `-ds.key` to
sign, `-ka.pem` and `-ka.key` to agree keys, `-pp-ka.pem` and `-pp-ka.key` for prepayment top-ups; `.pem` a certificate,
`.key` a private key (PKCS#8, no password). What an organisation is stands in its certificate: role in the
organisational unit (two hex digits), EUI-64 in the x500UniqueIdentifier. A device has an empty subject and its EUI-64
in the hardwareModuleName of the subject alternative name. `root.pem`, `issuing.pem` and `device-issuing.pem` are the
certification authorities of the bench's own keystore; the RTDS has none. What is for the HAN, `han_keys` reads.

Everything here is test material. Certificates that are neither this bench's nor the RTDS's are refused unless they are
asked for, so that no real credential gets into an emulator by mistake.
"""

import hashlib
import json
import os
import re
import warnings
from collections.abc import Callable
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from slotmeter.boards.pc.errors import SlotmeterError
from slotmeter.dlms.gbcs import roles
from slotmeter.dlms.gbcs.anchors import Cell
from slotmeter.firmware.identity import Identity
from slotmeter.hal.crypto import P256_ORDER
from slotmeter.hal.entropy import Entropy
from slotmeter.hal.errors import HalError
from slotmeter.hal.host.crypto import HostCrypto

# The electricity meter of the RTDS (facts, cast).
RTDS_DEVICE = bytes.fromhex("00DB1234567890A0")
# The RTDS names its root by key identifier only (conformance plan, section 5).
RTDS_ROOT_KEY_ID = bytes.fromhex("48CF1B32697C4669")
# The issuers in the published keystore of the RTDS.
_RTDS_ISSUERS = ("CN=Z1,OU=07", "CN=E357")
# What the common name of every issuer of the bench starts with.
BENCH_ISSUER = "slotmeter bench"

_FILE = re.compile(r"([0-9a-f]{16})-(ds|ka|pp-ka)\.(pem|key)")
_AUTHORITY_FILE = re.compile(r"(root|issuing|device-issuing)\.(pem|key)")
# For the HAN, see `han_keys`.
HAN_FILE = re.compile(r"([0-9a-f]{16})-han-([12])\.(cert|key)")
HAN_AUTHORITY_FILE = re.compile(r"han-issuing-([12])\.(pub|key)")
# otherName of RFC 4108, section 5: SEQUENCE {hwType, hwSerialNum OCTET STRING (8)}.
_HARDWARE_MODULE_NAME = x509.ObjectIdentifier("1.3.6.1.5.5.7.8.4")


def is_key_file(name: str) -> bool:
    """Whether a file of this name belongs to a keystore."""
    low = name.lower()
    return bool(
        _FILE.fullmatch(low)
        or _AUTHORITY_FILE.fullmatch(name)
        or HAN_FILE.fullmatch(low)
        or HAN_AUTHORITY_FILE.fullmatch(name)
    )


class CastError(SlotmeterError):
    """A keystore that cannot be read, or that lacks a key: names the file and the way out."""


class Party:
    """An organisation or a device.

    entity_id: 8 octets; role: its number, None for a device; name: for people. For each purpose ds (signing), ka (key
    agreement) and pp (key agreement for top-ups): private key 32 octets, public key 64 octets, certificate DER; b""
    when the keystore has none.
    """

    def __init__(self, entity_id: bytes, role: "int | None" = None, name: str = "") -> None:
        self.entity_id = entity_id
        self.role = role
        self.name = name
        self.ds_private = b""
        self.ds_public = b""
        self.ds_certificate = b""
        self.ka_private = b""
        self.ka_public = b""
        self.ka_certificate = b""
        self.pp_private = b""
        self.pp_public = b""
        self.pp_certificate = b""
        self.issuer = ""

    @property
    def eui64(self) -> bytes:
        """The entity id, as a device calls it."""
        return self.entity_id

    @property
    def title(self) -> str:
        """`supplier 90B3D51F30010000`."""
        return f"{self.name or 'party'} {self.entity_id.hex().upper()}"

    def certificate(self, usage: int, cell_usage: int = roles.MANAGEMENT) -> bytes:
        """Its certificate for a usage, DER; b"" when there is none."""
        if usage == roles.DIGITAL_SIGNATURE:
            return self.ds_certificate
        return self.pp_certificate if cell_usage == roles.PREPAYMENT_TOP_UP else self.ka_certificate

    def __repr__(self) -> str:
        held = [kind for kind in ("ds", "ka", "pp") if getattr(self, kind + "_private")]
        return f"Party({self.title}, private keys: {', '.join(held) or 'none'})"


# Where the name of a role is not just its words.
_NAMES = {roles.TRANSITIONAL_COS: "transitional CoS", roles.WAN_PROVIDER: "WAN provider"}


def role_name(role: "int | None") -> str:
    """`access control broker`; `device` for None."""
    if role is None:
        return "device"
    if role in _NAMES:
        return _NAMES[role]
    return roles.NAMES[role].replace("-", " ") if role < len(roles.NAMES) else f"role {role}"


def _way_out(folder: Path) -> str:
    return f"put back a good copy, or make new test keys with 'slotmeter keys --force {folder}'"


class Keystore:
    """The files of one folder, read and checked against one another."""

    def __init__(self, folder: Path, foreign: bool) -> None:
        self.folder = folder
        self.foreign = foreign
        self.parties: dict[bytes, Party] = {}
        self.authorities: dict[str, bytes] = {}
        try:
            names = sorted(os.listdir(folder))
        except OSError as error:
            reason = error.strerror or "unreadable"
            raise CastError(
                f"keystore {folder}: {reason}; give the folder of a keystore, "
                f"or make one with 'slotmeter keys {folder}'"
            ) from error
        for name in names:
            match = _FILE.fullmatch(name.lower())
            if match:
                self._entity_file(folder / name, bytes.fromhex(match[1]), match[2][:2], match[3])
            else:
                match = _AUTHORITY_FILE.fullmatch(name)
                if match and match[2] == "pem":
                    self.authorities[match[1]] = self._certificate(folder / name).public_bytes(
                        serialization.Encoding.DER
                    )
        seen: set[int] = set()
        for _, party in sorted(self.parties.items()):
            party.name = role_name(party.role) if party.issuer else "party"
            if party.role == roles.SUPPLIER and party.role in seen:
                party.name = "next supplier"
            if party.role is not None:
                seen.add(party.role)
            self._match(party)

    def _octets(self, path: Path) -> bytes:
        try:
            return path.read_bytes()
        except OSError as error:
            raise CastError(f"{path}: {error.strerror or 'unreadable'}; {_way_out(self.folder)}") from error

    def _certificate(self, path: Path) -> x509.Certificate:
        try:
            certificate = x509.load_pem_x509_certificate(self._octets(path))
            issuer = certificate.issuer.rfc4514_string()
        except ValueError as error:
            raise CastError(f"{path} is not a certificate in PEM; {_way_out(self.folder)}") from error
        common = certificate.issuer.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
        ours = bool(common) and str(common[0].value).startswith(BENCH_ISSUER)
        if not ours and issuer not in _RTDS_ISSUERS and not self.foreign:
            raise CastError(
                f"{path} was issued by '{issuer}', which is neither this bench nor the RTDS; a real credential has "
                "no place in an emulator: take test keys, or say --foreign if these are"
            )
        return certificate

    def _entity_file(self, path: Path, entity_id: bytes, purpose: str, kind: str) -> None:
        party = self.parties.get(entity_id)
        if party is None:
            party = self.parties[entity_id] = Party(entity_id)
        if kind == "key":
            setattr(party, purpose + "_private", self._private(path))
            return
        octets = self._octets(path)
        if b"BEGIN PUBLIC KEY" in octets:
            setattr(party, purpose + "_public", self._point(path, self._load_public(path, octets)))
            return
        certificate = self._certificate(path)
        holder, role = _holder(certificate)
        issuer = certificate.issuer.rfc4514_string()
        if holder == entity_id:
            party.role = role
            party.issuer = issuer
        elif issuer not in _RTDS_ISSUERS:
            # The RTDS publishes one certificate (of the WAN provider's key) under another party's name.
            shown = holder.hex().upper() or "nobody"
            raise CastError(f"{path} is the certificate of {shown}, not of whom its name says; {_way_out(self.folder)}")
        setattr(party, purpose + "_public", self._point(path, certificate.public_key()))
        setattr(party, purpose + "_certificate", certificate.public_bytes(serialization.Encoding.DER))

    def _private(self, path: Path) -> bytes:
        try:
            key = serialization.load_pem_private_key(self._octets(path), None)
        except (ValueError, TypeError) as error:
            raise CastError(
                f"{path} is not a private key in PEM without a password; {_way_out(self.folder)}"
            ) from error
        if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
            raise CastError(f"{path} is not a P-256 key; {_way_out(self.folder)}")
        return key.private_numbers().private_value.to_bytes(32, "big")

    def _load_public(self, path: Path, octets: bytes) -> object:
        try:
            return serialization.load_pem_public_key(octets)
        except ValueError as error:
            raise CastError(f"{path} is not a public key in PEM; {_way_out(self.folder)}") from error

    def _point(self, path: Path, key: object) -> bytes:
        if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
            raise CastError(f"{path} does not hold a P-256 key; {_way_out(self.folder)}")
        return key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)[1:]

    def _match(self, party: Party) -> None:
        crypto = HostCrypto()
        for purpose in ("ds", "ka", "pp"):
            private, public = getattr(party, purpose + "_private"), getattr(party, purpose + "_public")
            if not private:
                continue
            made = crypto.public_key(private)
            if public and made != public:
                name = {"ds": "ds", "ka": "ka", "pp": "pp-ka"}[purpose]
                path = self.folder / f"{party.entity_id.hex()}-{name}.key"
                raise CastError(f"{path} does not belong to the certificate beside it; {_way_out(self.folder)}")
            setattr(party, purpose + "_public", made)


def _holder(certificate: x509.Certificate) -> "tuple[bytes, int | None]":
    """EUI-64 and role of whom a certificate is for; b"" when it does not say."""
    subject = certificate.subject
    unique = subject.get_attributes_for_oid(x509.NameOID.X500_UNIQUE_IDENTIFIER)
    if unique:
        value = unique[0].value
        octets = value if isinstance(value, bytes) else value.encode("latin-1", "replace")
        units = subject.get_attributes_for_oid(x509.NameOID.ORGANIZATIONAL_UNIT_NAME)
        try:
            role = int(str(units[0].value), 16) if units else None
        except ValueError:
            role = None
        return octets[-8:], role
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return b"", None
    for name in names:
        if isinstance(name, x509.OtherName) and name.type_id == _HARDWARE_MODULE_NAME:
            return name.value[-8:], None
    return b"", None


class Cast:
    """Who is on the bench. `load` and `rtds` make one."""

    def __init__(
        self, folder: Path, parties: "dict[bytes, Party]", authorities: "dict[str, bytes] | None" = None
    ) -> None:
        self.folder = folder
        self.parties = parties
        self.authorities = authorities or {}
        self.root_key_id = b""
        self.device_id = b""
        # (device, party, is for top-ups) -> Z, for pairs of which no private key is at hand.
        self._given: dict[tuple[bytes, bytes, bool], bytes] = {}
        self._agreed: dict[tuple[bytes, bytes, bool], bytes] = {}
        # Signing keys that belong to an entity besides the one of its certificate.
        self._signers: dict[bytes, list[bytes]] = {}
        self._crypto = HostCrypto()

    def __repr__(self) -> str:
        return f"Cast({self.folder}, {len(self.parties)} parties)"

    @classmethod
    def load(cls, folder: "Path | str", foreign: bool = False) -> "Cast":
        """The cast of a keystore. `foreign` takes certificates of other issuers than the bench and the RTDS.

        CastError with one sentence when a file cannot be read or does not fit the others.
        """
        folder = Path(folder)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            store = Keystore(folder, foreign)
        if not store.parties:
            raise CastError(
                f"keystore {folder} has no file such as 90b3d51f30010000-ds.pem; "
                f"make test keys with 'slotmeter keys {folder}'"
            )
        cast = cls(folder, store.parties, store.authorities)
        devices = [
            party for party in cast.parties.values() if party.role is None and party.ka_private and party.ka_certificate
        ]
        cast.device_id = devices[0].entity_id if devices else b""
        if not devices and RTDS_DEVICE in cast.parties:
            cast.play_rtds_meter(None)
        root = store.authorities.get("root")
        if root:
            cast.root_key_id = key_id(root)
        return cast

    @classmethod
    def rtds(cls, folder: "Path | str", entropy: "Entropy | None" = None) -> "Cast":
        """The cast of the RTDS in `folder`, which holds RTDS-4.5.0/ and keystore/.

        The agreed secrets and the meter's key of ../vectors/gbcs-crypto-vectors.json are used when that file is there.
        The meter's own signing key is not published: it is made from `entropy`, or without it always the same, so that
        another process knows it too.
        """
        folder = Path(folder)
        keystore = folder / "keystore"
        if not keystore.is_dir():
            raise CastError(f"{folder} has no folder 'keystore'; give the folder that holds RTDS-4.5.0 and keystore")
        cast = cls.load(keystore)
        if RTDS_DEVICE not in cast.parties:
            raise CastError(
                f"{keystore} has no certificates of the meter {RTDS_DEVICE.hex()}; take the whole RTDS keystore"
            )
        vectors = folder.resolve().parent / "vectors" / "gbcs-crypto-vectors.json"
        if vectors.is_file():
            cast.read_vectors(vectors)
        cast.play_rtds_meter(entropy)
        return cast

    def play_rtds_meter(self, entropy: "Entropy | None") -> None:
        """Makes the electricity meter of the RTDS the device, with a signing key of ours: its own is not published."""
        self.device_id = RTDS_DEVICE
        self.root_key_id = RTDS_ROOT_KEY_ID
        if entropy is not None:
            private = self._crypto.new_private_key(entropy)
        else:
            digest = hashlib.sha512(b"slotmeter signing key of the RTDS meter").digest()
            private = (int.from_bytes(digest, "big") % (P256_ORDER - 1) + 1).to_bytes(32, "big")
        self.device.ds_private = private
        self._signers[RTDS_DEVICE] = [self._crypto.public_key(private)]

    def read_vectors(self, path: Path) -> None:
        """Names, the meter's key and agreed secrets that the RTDS itself does not publish."""
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            for entry in content["keys"]:
                party = self.parties.get(bytes.fromhex(entry["entity_id"]))
                if party is None:
                    continue
                if party.role is None and party.issuer:
                    party.name = str(entry["name"])
                if (
                    entry.get("private_scalar")
                    and entry["usage"] == "keyAgreement"
                    and party.role is None
                    and not party.ka_private
                ):
                    party.ka_private = bytes.fromhex(entry["private_scalar"])
            for entry in content["static_shared_secrets"]:
                top_up = entry["cell_usage"] != "management"
                device, party_id = bytes.fromhex(entry["device"]), bytes.fromhex(entry["party"])
                self._given[(device, party_id, top_up)] = bytes.fromhex(entry["z"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CastError(
                f"{path} is not the file of vectors that it was; put back a good copy, or take it away"
            ) from error

    # ---- who

    @property
    def device(self) -> Party:
        """The meter of this bench."""
        party = self.parties.get(self.device_id)
        if party is None:
            raise CastError(f"keystore {self.folder} has no device with its keys; {_way_out(self.folder)}")
        return party

    def by_id(self, entity_id: bytes) -> "Party | None":
        """The party with this EUI-64, or None."""
        return self.parties.get(entity_id)

    def find(self, role: int) -> "Party | None":
        """The party of a role, or None. Of two in one role it is the one with the lower EUI-64."""
        found = [party for party in self.parties.values() if party.role == role]
        return min(found, key=lambda party: party.entity_id) if found else None

    def party(self, role: int) -> Party:
        """The party of a role; CastError when there is none."""
        party = self.find(role)
        if party is None:
            raise CastError(f"keystore {self.folder} has no {role_name(role)}; {_way_out(self.folder)}")
        return party

    def named(self, text: str) -> Party:
        """The party called `supplier`, `next-supplier`, `network-operator` ..., or of that EUI-64 in hex; CastError."""
        wanted = text.strip().lower().replace("-", " ")
        for _, party in sorted(self.parties.items()):
            if wanted in (party.name.lower(), party.entity_id.hex()):
                return party
        names = sorted({one.name.lower().replace(" ", "-") for one in self.parties.values() if one.role is not None})
        raise CastError(
            f"keystore {self.folder} has no {text}: it has {', '.join(names)}; an older keystore lacks the next "
            "supplier, slotmeter keys --force makes another"
        )

    def name_of(self, entity_id: bytes) -> str:
        """`supplier`, or "" for a stranger. A stranger to the keystore may be a device of the RTDS."""
        party = self.parties.get(entity_id)
        return party.name if party is not None else ""

    # ---- keys

    def signing_key(self, party: Party) -> bytes:
        """The private key that `party` signs with; CastError when it is not at hand."""
        if not party.ds_private:
            raise CastError(f"keystore {self.folder} has no private signing key of the {party.title}")
        return party.ds_private

    def signers(self, entity_id: bytes) -> "list[bytes]":
        """The public keys that a signature of this entity may have been made with."""
        party = self.parties.get(entity_id)
        known = [party.ds_public] if party is not None and party.ds_public else []
        return known + self._signers.get(entity_id, [])

    def z(self, left: bytes, right: bytes, prepayment: bool = False) -> "bytes | None":
        """The shared secret of two entities, 32 octets; None when no private key of either is at hand.

        With `prepayment` it is that of the key for top-ups of the one that has such a key.
        """
        pair = (left, right, prepayment)
        if pair in self._agreed:
            return self._agreed[pair] or None
        z = self._given.get(pair) or self._given.get((right, left, prepayment)) or self._agree(left, right, prepayment)
        self._agreed[pair] = z or b""
        return z

    def _agree(self, left: bytes, right: bytes, prepayment: bool) -> "bytes | None":
        one, other = self.parties.get(left), self.parties.get(right)
        if one is None or other is None:
            return None
        keys = []
        for party in (one, other):
            top_up = prepayment and bool(party.pp_public)
            keys.append((party.pp_private, party.pp_public) if top_up else (party.ka_private, party.ka_public))
        if prepayment and not (one.pp_public or other.pp_public):
            return None
        (private, public), (other_private, other_public) = keys
        try:
            if private and other_public:
                return self._crypto.ecdh(private, other_public)
            if other_private and public:
                return self._crypto.ecdh(other_private, public)
        except HalError:
            # A point off the curve came from a file; to the reader of messages it is a key that is not there.
            return None
        return None

    def secret(self, party: Party, prepayment: bool = False) -> bytes:
        """The shared secret of the device and `party`; CastError when it cannot be computed."""
        z = self.z(self.device_id, party.entity_id, prepayment)
        if z is None:
            kind = "prepayment key agreement" if prepayment else "key agreement"
            raise CastError(f"keystore {self.folder} has no {kind} key of the {party.title} that fits the device's")
        return z

    # ---- certificates and the device

    def certificate(self, role: int, usage: int, cell_usage: int = roles.MANAGEMENT) -> bytes:
        """The certificate of a role for a usage, DER; b"" when there is none."""
        if role == roles.ROOT:
            return self.authorities.get("root", b"")
        party = self.find(role)
        return b"" if party is None else party.certificate(usage, cell_usage)

    def issuer_certificate(self) -> bytes:
        """The certificate of the authority that issued the organisations', DER; b"" when the keystore has none."""
        return self.authorities.get("issuing", b"")

    def cells(self) -> "list[Cell]":
        """The trust anchor cells of a meter, filled from this cast; a role that nobody plays stays empty."""
        cells = []
        for role, usage, cell_usage in roles.ESME_CELLS:
            if role == roles.ROOT:
                if self.root_key_id:
                    der = self.authorities.get("root", b"")
                    public = _public_point(der) if der else b""
                    cells.append(Cell(role, usage, cell_usage, bytes(8), self.root_key_id, public, der))
                continue
            party = self.find(role)
            der = self.certificate(role, usage, cell_usage)
            if party is None or not der:
                continue
            if usage == roles.DIGITAL_SIGNATURE:
                public = party.ds_public
            else:
                public = party.pp_public if cell_usage == roles.PREPAYMENT_TOP_UP else party.ka_public
            cells.append(Cell(role, usage, cell_usage, party.entity_id, key_id(der), public, der))
        return cells

    def identity(self, variant: str = "", entropy: "Entropy | None" = None) -> Identity:
        """What the meter of this bench leaves the factory with; every variant has the same keys.

        `entropy` makes a fresh signing key where the keystore has none. A meter without a private key agreement key
        gets the secrets that it would agree.
        """
        device = self.device
        for role in (roles.SUPPLIER, roles.ACCESS_CONTROL_BROKER):
            self.party(role)
        if not device.ds_private:
            if entropy is None:
                raise CastError(f"keystore {self.folder} has no private signing key of the {device.title}")
            device.ds_private = self._crypto.new_private_key(entropy)
            self._signers.setdefault(device.entity_id, []).append(self._crypto.public_key(device.ds_private))
        secrets = {}
        if not device.ka_private:
            for party in self.parties.values():
                for public, prepayment in ((party.ka_public, False), (party.pp_public, True)):
                    z = (
                        self.z(device.entity_id, party.entity_id, prepayment)
                        if public and party.role is not None
                        else None
                    )
                    if z is not None:
                        secrets[public] = z
        return Identity(
            device.entity_id,
            device.ds_private,
            device.ka_private,
            device.ds_certificate,
            device.ka_certificate,
            self.cells(),
            secrets,
        )


def key_id(der: bytes) -> bytes:
    """The subject key identifier of a certificate, 8 octets; b"" when it has none."""
    try:
        extension = x509.load_der_x509_certificate(der).extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    except (x509.ExtensionNotFound, ValueError):
        return b""
    return extension.value.digest


def _public_point(der: bytes) -> bytes:
    key = x509.load_der_x509_certificate(der).public_key()
    return key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)[1:]


def load_cast(
    folder: "Path | str",
    rtds: bool = False,
    create: bool = False,
    note: "Callable[[str], None] | None" = None,
    foreign: bool = False,
) -> Cast:
    """The cast in `folder`: that of the RTDS with `rtds`; with `create` test keys are made first where there are none.

    `note` is told in one sentence when keys were made.
    """
    folder = Path(folder)
    if rtds:
        return Cast.rtds(folder)
    if create and not (folder.is_dir() and any(is_key_file(name) for name in os.listdir(folder))):
        from slotmeter.boards.pc import pki
        from slotmeter.hal.host.entropy import HostEntropy

        pki.create(folder, HostEntropy())
        if note is not None:
            note(f"made test keys in {folder}; they protect nothing")
    return Cast.load(folder, foreign)
