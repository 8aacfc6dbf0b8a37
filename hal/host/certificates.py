"""Certificates on `cryptography.x509`: the library understands, this module holds it to the profile of the port.

The library is generous where DER leaves a choice to careless issuers. So what it understood is written again in the one
canonical spelling, and a certificate that was spelt otherwise is refused; a board, which knows only that spelling,
decides alike.
"""

import warnings
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from slotmeter.hal.certificates import (
    DIGITAL_SIGNATURE,
    HARDWARE_TYPE,
    KEY_AGREEMENT,
    KEY_CERT_SIGN,
    SIZE_LIMIT,
    Certificate,
    Certificates,
)
from slotmeter.hal.crypto import P256_ORDER
from slotmeter.hal.errors import BAD_CERTIFICATE, BAD_KEY, HalError

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)
# AlgorithmIdentifier of ecdsa-with-SHA256.
_ALGORITHM = bytes.fromhex("300a06082a8648ce3d040302")
_KEY_HEAD = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")
_HARDWARE_MODULE_NAME = x509.ObjectIdentifier("1.3.6.1.5.5.7.8.4")
_CRITICAL_MARK = b"\x01\x01\xff"
# UTF8String, NumericString, PrintableString, TeletexString, IA5String, VisibleString.
_STRING_TAGS = (12, 18, 19, 20, 22, 26)
_HEX_DIGITS = "0123456789abcdefABCDEF"

# Whatever the library raises about octets that it does not like.
_PROBLEMS = (
    ValueError,
    TypeError,
    OverflowError,
    NotImplementedError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)


def _refuse(reason: str) -> HalError:
    return HalError(BAD_CERTIFICATE, reason)


def _element(tag: int, contents: bytes) -> bytes:
    """One DER element, up to 65535 octets of contents."""
    length = len(contents)
    if length < 0x80:
        return bytes((tag, length)) + contents
    if length < 0x100:
        return bytes((tag, 0x81, length)) + contents
    return bytes((tag, 0x82)) + length.to_bytes(2, "big") + contents


def _time(moment: datetime) -> bytes:
    """The Time of RFC 5280, 4.1.2.5: two digits of the year up to 2049."""
    if moment.year < 2050:
        return _element(0x17, moment.strftime("%y%m%d%H%M%SZ").encode())
    return _element(0x18, moment.strftime("%Y%m%d%H%M%SZ").encode())


def _name(name: x509.Name) -> "tuple[bytes, int | None]":
    """The unique identifier (b"" for none) and the role in the organisational unit of a name."""
    encoded = name.public_bytes()
    identifier = b""
    units = []
    for attribute in name:
        value = attribute.value
        if attribute.oid == NameOID.X500_UNIQUE_IDENTIFIER:
            if not isinstance(value, bytes) or len(value) != 9 or value[0] != 0 or identifier:
                raise _refuse("a unique identifier is one BIT STRING of 64 bits")
            identifier = value[1:]
        elif not isinstance(value, str) or not any(
            _identifier(attribute.oid) + _element(tag, value.encode()) in encoded for tag in _STRING_TAGS
        ):
            raise _refuse("a name is made of strings in UTF-8 or in alphabets of one octet")
        elif attribute.oid == NameOID.ORGANIZATIONAL_UNIT_NAME:
            units.append(value)
    if len(units) > 1:
        raise _refuse("organisational unit given twice")
    if units and len(units[0]) == 2 and units[0][0] in _HEX_DIGITS and units[0][1] in _HEX_DIGITS:
        return identifier, int(units[0], 16)
    return identifier, None


def _module(names: x509.SubjectAlternativeName) -> bytes:
    """The EUI-64 in a subject alternative name that is a single hardwareModuleName."""
    for name in names:
        if len(list(names)) == 1 and isinstance(name, x509.OtherName) and name.type_id == _HARDWARE_MODULE_NAME:
            # SEQUENCE { hwType OBJECT IDENTIFIER, hwSerialNum OCTET STRING }, small enough for lengths of one octet.
            value = name.value
            if len(value) > 14 and value[0] == 0x30 and value[2] == 0x06 and value[-10:-8] == b"\x04\x08":
                kind = value[4:-10]
                if value[1] == len(value) - 2 < 128 and value[3] == len(kind) and kind[-1] < 128:
                    if kind[0] != 0x80 and not any(
                        kind[at] == 0x80 and kind[at - 1] < 0x80 for at in range(1, len(kind))
                    ):
                        return value[-8:]
    raise _refuse("an alternative name is one hardwareModuleName with an EUI-64")


class _Extensions:
    """What the extensions say."""

    def __init__(self) -> None:
        self.key_usage = 0
        self.key_id = b""
        self.authority_id = b""
        self.module = b""

    def take(self, extension: "x509.Extension[x509.ExtensionType]") -> None:
        """Adds the facts of one extension, or refuses it."""
        value = extension.value
        if isinstance(value, x509.KeyUsage):
            # The library writes 03, length, unused bits, octets.
            self.key_usage = value.public_bytes()[3] if len(value.public_bytes()) > 3 else 0
            if not self.key_usage:
                raise _refuse("key usage without a usage")
        elif isinstance(value, x509.SubjectKeyIdentifier):
            self.key_id = value.digest
            if not self.key_id:
                raise _refuse("empty key identifier")
        elif isinstance(value, x509.AuthorityKeyIdentifier):
            self.authority_id = value.key_identifier or b""
            if not self.authority_id or value.authority_cert_issuer or value.authority_cert_serial_number is not None:
                raise _refuse("an authority key identifier is a key identifier alone")
        elif isinstance(value, x509.SubjectAlternativeName):
            self.module = _module(value)
        elif isinstance(value, x509.BasicConstraints):
            if (value.path_length or 0) > 127:
                raise _refuse("path length above 127")
        elif isinstance(value, x509.CertificatePolicies):
            if not list(value) or any(policy.policy_qualifiers is not None for policy in value):
                raise _refuse("certificate policies are identifiers without qualifiers")
        else:
            raise _refuse("extension that is not of the profile")


def _number(contents: bytes) -> bytes:
    """32 octets of one half of a signature, which its issuer may have padded (RTDS has such certificates)."""
    value = int.from_bytes(contents, "big")
    if not 0 < len(contents) <= 33 or contents[0] >= 0x80 or not 0 < value < P256_ORDER:
        raise _refuse("signature out of range")
    return value.to_bytes(32, "big")


def _signature(der: bytes) -> bytes:
    """The 64 octets r then s of an ECDSA-Sig-Value."""
    # 30 length 02 length r 02 length s; by hand, because the library takes no padded numbers.
    if len(der) < 8 or der[0] != 0x30 or der[1] != len(der) - 2 or der[2] != 0x02:
        raise _refuse("signature that is no pair of integers")
    middle = 4 + der[3]
    if der[middle : middle + 2] != bytes((0x02, (len(der) - middle - 2) & 0xFF)):
        raise _refuse("signature that is no pair of integers")
    return _number(der[4:middle]) + _number(der[middle + 2 :])


def _identifier(oid: x509.ObjectIdentifier) -> bytes:
    """The DER of an object identifier."""
    arcs = [int(arc) for arc in oid.dotted_string.split(".")]
    contents = bytearray()
    for arc in [arcs[0] * 40 + arcs[1], *arcs[2:]]:
        octets = [arc & 0x7F]
        while arc > 0x7F:
            arc >>= 7
            octets.append(arc & 0x7F | 0x80)
        contents += bytes(reversed(octets))
    return _element(0x06, bytes(contents))


def _extensions(extensions: x509.Extensions) -> bytes:
    """The extensions as the library would write them; nothing at all when there are none."""
    fields = b"".join(
        _element(
            0x30,
            _identifier(extension.oid)
            + (_CRITICAL_MARK if extension.critical else b"")
            + _element(0x04, extension.value.public_bytes()),
        )
        for extension in extensions
    )
    return _element(0xA3, _element(0x30, fields)) if fields else b""


def _facts(der: bytes) -> Certificate:
    """The facts, or any of _PROBLEMS."""
    certificate = x509.load_der_x509_certificate(der)
    if certificate.version is not x509.Version.v3:
        raise _refuse("version other than 3")
    serial = certificate.serial_number
    if serial <= 0 or serial >> 159:
        raise _refuse("serial number that is not positive or longer than 20 octets")
    key = certificate.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise _refuse("public key that is not on P-256")
    point = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)[1:]
    not_before = certificate.not_valid_before_utc
    not_after = certificate.not_valid_after_utc
    issuer = certificate.issuer.public_bytes()
    subject = certificate.subject.public_bytes()
    _name(certificate.issuer)
    entity_id, role = _name(certificate.subject)

    said = _Extensions()
    for extension in certificate.extensions:
        said.take(extension)
    tbs = certificate.tbs_certificate_bytes
    head = b"".join(
        (
            b"\xa0\x03\x02\x01\x02",
            _element(0x02, serial.to_bytes(serial.bit_length() // 8 + 1, "big")),
            _ALGORITHM,
            issuer,
            _element(0x30, _time(not_before) + _time(not_after)),
            subject,
            _KEY_HEAD,
            point,
        )
    )
    canonical = _element(0x30, head + _extensions(certificate.extensions))
    signature = certificate.signature
    if tbs != canonical or der != _element(0x30, tbs + _ALGORITHM + _element(0x03, b"\0" + signature)):
        raise _refuse("not in the one spelling of DER, or with parts that the profile does not have")
    return Certificate(
        der,
        tbs,
        _signature(signature),
        point,
        said.key_usage,
        said.key_id,
        said.authority_id,
        entity_id or said.module,
        role,
        issuer,
        subject,
        (not_before - _EPOCH) // _SECOND,
        (not_after - _EPOCH) // _SECOND,
    )


class HostCertificates(Certificates):
    """Reads and writes with `cryptography`."""

    def read(self, der: bytes) -> Certificate:
        """The facts of `der`, which is one whole certificate with nothing after it; else HalError(BAD_CERTIFICATE)."""
        if len(der) > SIZE_LIMIT:
            raise _refuse("more than %d octets" % SIZE_LIMIT)
        with warnings.catch_warnings():
            # The profile says what is wrong with a certificate; the library's own taste in names does not.
            warnings.simplefilter("ignore")
            try:
                return _facts(der)
            except _PROBLEMS as problem:
                raise _refuse("not a certificate of the profile") from problem

    def request(self, private: bytes, entity_id: bytes, key_usage: int = DIGITAL_SIGNATURE) -> bytes:
        """A self-signed PKCS#10 CertificationRequest for the key pair of `private`: see the port."""
        if key_usage not in (DIGITAL_SIGNATURE, KEY_AGREEMENT, KEY_CERT_SIGN):
            raise ValueError("one usage of the three that GBCS knows")
        if len(entity_id) != 8:
            raise ValueError("an EUI-64 has 8 octets")
        scalar = int.from_bytes(private, "big")
        if len(private) != 32 or not 0 < scalar < P256_ORDER:
            raise HalError(BAD_KEY, "a private key is 32 octets, a number between 1 and n-1")
        usage = x509.KeyUsage(
            digital_signature=key_usage == DIGITAL_SIGNATURE,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=key_usage == KEY_AGREEMENT,
            key_cert_sign=key_usage == KEY_CERT_SIGN,
            crl_sign=False,
            encipher_only=False,
            decipher_only=False,
        )
        module = _element(0x30, _element(0x06, HARDWARE_TYPE) + _element(0x04, entity_id))
        names = x509.SubjectAlternativeName([x509.OtherName(_HARDWARE_MODULE_NAME, module)])
        builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
        builder = builder.add_extension(usage, critical=True).add_extension(names, critical=True)
        key = ec.derive_private_key(scalar, ec.SECP256R1())
        return builder.sign(key, SHA256()).public_bytes(Encoding.DER)
