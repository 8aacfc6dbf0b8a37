"""What every reader and writer of certificates must do: the same facts, the same refusals.

Certificates of RTDS are read from RTDS_DIR, or from ../shared/rtds beside the checkout; the rest is built here.
"""

import base64
import os
import re
from pathlib import Path

import pytest
from cryptography import x509

from slotmeter.hal.board.certificates import BoardCertificates
from slotmeter.hal.certificates import (
    DIGITAL_SIGNATURE,
    KEY_AGREEMENT,
    KEY_CERT_SIGN,
    SIZE_LIMIT,
    Certificate,
    Certificates,
)
from slotmeter.hal.errors import BAD_CERTIFICATE, BAD_KEY, HalError
from slotmeter.hal.host.certificates import HostCertificates
from slotmeter.hal.host.crypto import HostCrypto, der_signature

RTDS = Path(os.environ.get("RTDS_DIR") or Path(__file__).resolve().parents[4] / "shared" / "rtds")
NO_RTDS = "RTDS 4.5.0 is in the test folder of SmartDCCInnovation/gbcs-parser; set RTDS_DIR"

PRIVATE = (987654321).to_bytes(32, "big")
ENTITY = bytes.fromhex("90b3d51f30020000")
DEVICE = bytes.fromhex("00db1234567890a0")

ALGORITHM = bytes.fromhex("300a06082a8648ce3d040302")
KEY_HEAD = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")


def el(tag: int, *contents: bytes) -> bytes:
    """One element in DER."""
    octets = b"".join(contents)
    if len(octets) < 128:
        return bytes((tag, len(octets))) + octets
    if len(octets) < 256:
        return bytes((tag, 0x81, len(octets))) + octets
    return bytes((tag, 0x82)) + len(octets).to_bytes(2, "big") + octets


def attribute(kind: str, tag: int, value: bytes) -> bytes:
    return el(0x31, el(0x30, el(0x06, bytes.fromhex(kind)), el(tag, value)))


def extension(kind: str, value: bytes, critical: bytes = b"\x01\x01\xff") -> bytes:
    return el(0x30, el(0x06, bytes.fromhex(kind)), critical, el(0x04, value))


UNIT, COMMON, UNIQUE = "55040b", "550403", "55042d"
ISSUER = el(0x30, attribute(UNIT, 0x13, b"07"), attribute(COMMON, 0x13, b"Z1"))
SUBJECT = el(0x30, attribute(UNIT, 0x0C, b"02"), attribute(UNIQUE, 0x03, b"\0" + ENTITY))
USAGE = extension("551d0f", bytes.fromhex("03020780"))
KEY_ID = extension("551d0e", el(0x04, b"keyident"), b"")
AUTHORITY = extension("551d23", el(0x30, el(0x80, b"authorit")), b"")
MODULE_ID = bytes.fromhex("2b06010505070804")


def module(serial: bytes = DEVICE, kind: bytes = bytes.fromhex("2a8648")) -> bytes:
    name = el(0x30, el(0x06, kind), el(0x04, serial))
    return el(0x30, el(0xA0, el(0x06, MODULE_ID), el(0xA0, name)))


def utc(text: str) -> bytes:
    return el(0x17, text.encode())


def general(text: str) -> bytes:
    return el(0x18, text.encode())


class Parts:
    """A certificate taken apart: tests replace a part and put it together."""

    def __init__(self, **changes: "bytes | list[bytes]") -> None:
        self.version = bytes.fromhex("a003020102")
        self.serial = el(0x02, b"\x11\x22")
        self.algorithm = ALGORITHM
        self.issuer = ISSUER
        self.validity = el(0x30, utc("200101000000Z"), general("99991231235959Z"))
        self.subject = SUBJECT
        self.key = KEY_HEAD + HostCrypto().public_key(PRIVATE)
        self.extensions = [USAGE, KEY_ID, AUTHORITY]
        self.after = b""
        self.outer_algorithm = ALGORITHM
        self.signature = b""
        for name, value in changes.items():
            assert hasattr(self, name)
            setattr(self, name, value)

    def der(self) -> bytes:
        extensions = el(0xA3, el(0x30, *self.extensions)) if self.extensions else b""
        tbs = el(
            0x30,
            self.version,
            self.serial,
            self.algorithm,
            self.issuer,
            self.validity,
            self.subject,
            self.key,
            extensions,
            self.after,
        )
        signature = self.signature or el(0x03, b"\0" + der_signature(HostCrypto().sign(PRIVATE, tbs)))
        return el(0x30, tbs, self.outer_algorithm, signature)


def r_and_s(r: bytes, s: bytes) -> bytes:
    return el(0x03, b"\0", el(0x30, el(0x02, r), el(0x02, s)))


ORDER = bytes.fromhex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551")

# What is wrong: the certificate with it.
BAD = {
    "version 1": Parts(version=b""),
    "version 2": Parts(version=bytes.fromhex("a003020101")),
    "serial number zero": Parts(serial=el(0x02, b"\0")),
    "serial number negative": Parts(serial=el(0x02, b"\x80")),
    "serial number padded": Parts(serial=el(0x02, b"\0\x11")),
    "serial number empty": Parts(serial=el(0x02, b"")),
    "serial number of 21 octets": Parts(serial=el(0x02, b"\x11" * 21)),
    "inner algorithm": Parts(algorithm=bytes.fromhex("300a06082a8648ce3d040303")),
    "outer algorithm": Parts(outer_algorithm=bytes.fromhex("300a06082a8648ce3d040303")),
    "algorithm with parameters": Parts(
        algorithm=bytes.fromhex("300c06082a8648ce3d0403020500"),
        outer_algorithm=bytes.fromhex("300c06082a8648ce3d0403020500"),
    ),
    "name of a wrong type": Parts(issuer=el(0x31, attribute(COMMON, 0x13, b"Z1"))),
    "name with an empty set": Parts(issuer=el(0x30, el(0x31))),
    "name in UTF-16": Parts(issuer=el(0x30, attribute(COMMON, 0x1E, b"\0Z\0001"))),
    "name in UTF-32": Parts(issuer=el(0x30, attribute(COMMON, 0x1C, b"\0\0\0Z"))),
    "name that is an octet string": Parts(issuer=el(0x30, attribute(COMMON, 0x04, b"Z1"))),
    "name that is no UTF-8": Parts(issuer=el(0x30, attribute(COMMON, 0x0C, b"\xff\xfe"))),
    "unprintable printable string": Parts(issuer=el(0x30, attribute(COMMON, 0x13, b"a@b"))),
    "two organisational units": Parts(subject=el(0x30, attribute(UNIT, 0x0C, b"02"), attribute(UNIT, 0x0C, b"02"))),
    "unique identifier of 56 bits": Parts(subject=el(0x30, attribute(UNIQUE, 0x03, b"\0" + ENTITY[1:]))),
    "unique identifier with unused bits": Parts(subject=el(0x30, attribute(UNIQUE, 0x03, b"\x01" + ENTITY))),
    "unique identifier as text": Parts(subject=el(0x30, attribute(UNIQUE, 0x0C, b"\0" + b"a" * 8))),
    "two unique identifiers": Parts(subject=el(0x30, *[attribute(UNIQUE, 0x03, b"\0" + ENTITY)] * 2)),
    "attribute type padded": Parts(issuer=el(0x30, attribute("55048003", 0x13, b"Z1"))),
    "attribute type cut off": Parts(issuer=el(0x30, attribute("5504ff", 0x13, b"Z1"))),
    "attribute type empty": Parts(issuer=el(0x30, attribute("", 0x13, b"Z1"))),
    "one time": Parts(validity=el(0x30, utc("200101000000Z"))),
    "three times": Parts(validity=el(0x30, *[utc("200101000000Z")] * 3)),
    "time without seconds": Parts(validity=el(0x30, utc("2001010000Z"), utc("300101000000Z"))),
    "time with an offset": Parts(validity=el(0x30, utc("200101000000+0000"), utc("300101000000Z"))),
    "time with a fraction": Parts(validity=el(0x30, utc("200101000000Z"), general("20510101000000.5Z"))),
    "30 February": Parts(validity=el(0x30, utc("200230000000Z"), utc("300101000000Z"))),
    "29 February 2100": Parts(validity=el(0x30, utc("200101000000Z"), general("21000229000000Z"))),
    "month 13": Parts(validity=el(0x30, utc("201301000000Z"), utc("300101000000Z"))),
    "month 0": Parts(validity=el(0x30, utc("200001000000Z"), utc("300101000000Z"))),
    "day 0": Parts(validity=el(0x30, utc("200100000000Z"), utc("300101000000Z"))),
    "hour 24": Parts(validity=el(0x30, utc("200101240000Z"), utc("300101000000Z"))),
    "second 60": Parts(validity=el(0x30, utc("200101000060Z"), utc("300101000000Z"))),
    "letters in a time": Parts(validity=el(0x30, utc("20010100000aZ"), utc("300101000000Z"))),
    "sign in a time": Parts(validity=el(0x30, utc("20+101000000Z"), utc("300101000000Z"))),
    "long form of an early time": Parts(validity=el(0x30, utc("200101000000Z"), general("20491231235959Z"))),
    "year 0": Parts(validity=el(0x30, utc("200101000000Z"), general("00000101000000Z"))),
    "point off the curve": Parts(key=KEY_HEAD + HostCrypto().public_key(PRIVATE)[:-1] + b"\0"),
    "point at zero": Parts(key=KEY_HEAD + bytes(64)),
    "compressed point": Parts(
        key=bytes.fromhex("3039301306072a8648ce3d020106082a8648ce3d030107032200")
        + bytes((2 + HostCrypto().public_key(PRIVATE)[63] % 2,))
        + HostCrypto().public_key(PRIVATE)[:32]
    ),
    "another curve": Parts(
        key=bytes.fromhex("3056301006072a8648ce3d020106052b8104000a03420004") + HostCrypto().public_key(PRIVATE)
    ),
    "no key": Parts(key=b""),
    "an extension twice": Parts(extensions=[USAGE, KEY_ID, KEY_ID]),
    "an empty list of extensions": Parts(extensions=[b""]),
    "an unknown extension": Parts(extensions=[USAGE, extension("2a030405", el(0x04, b""), b"")]),
    "an unknown critical extension": Parts(extensions=[USAGE, extension("2a030405", el(0x04, b""))]),
    "extended key usage": Parts(
        extensions=[USAGE, extension("551d25", el(0x30, el(0x06, bytes.fromhex("2b06010505070301"))), b"")]
    ),
    "critical spelt false": Parts(extensions=[extension("551d0e", el(0x04, b"keyident"), b"\x01\x01\x00")]),
    "critical spelt 01": Parts(extensions=[extension("551d0f", bytes.fromhex("03020780"), b"\x01\x01\x01")]),
    "key usage without usage": Parts(extensions=[extension("551d0f", bytes.fromhex("030100"))]),
    "key usage of zeros": Parts(extensions=[extension("551d0f", bytes.fromhex("03020700"))]),
    "key usage with trailing zeros": Parts(extensions=[extension("551d0f", bytes.fromhex("03020080"))]),
    "key usage with unused bits set": Parts(extensions=[extension("551d0f", bytes.fromhex("03020781"))]),
    "key usage with ten bits": Parts(extensions=[extension("551d0f", bytes.fromhex("0303060840"))]),
    "decipher only without agreement": Parts(extensions=[extension("551d0f", bytes.fromhex("0303078080"))]),
    "encipher only without agreement": Parts(extensions=[extension("551d0f", bytes.fromhex("03020081"))]),
    "key usage and more": Parts(extensions=[extension("551d0f", bytes.fromhex("030207800500"))]),
    "empty key identifier": Parts(extensions=[extension("551d0e", el(0x04), b"")]),
    "key identifier not wrapped": Parts(extensions=[extension("551d0e", b"keyident", b"")]),
    "empty authority": Parts(extensions=[extension("551d23", el(0x30), b"")]),
    "empty authority key identifier": Parts(extensions=[extension("551d23", el(0x30, el(0x80)), b"")]),
    "authority with issuer and serial": Parts(
        extensions=[
            extension(
                "551d23",
                el(0x30, el(0x80, b"authorit"), el(0xA1, el(0xA4, ISSUER)), el(0x82, b"\x01")),
                b"",
            )
        ]
    ),
    "serial number of a module with 7 octets": Parts(extensions=[extension("551d11", module(DEVICE[1:]))]),
    "serial number of a module with 9 octets": Parts(extensions=[extension("551d11", module(DEVICE + b"\0"))]),
    "hardware type padded": Parts(extensions=[extension("551d11", module(kind=bytes.fromhex("2a8001")))]),
    "hardware type empty": Parts(extensions=[extension("551d11", module(kind=b""))]),
    "hardware type cut off": Parts(extensions=[extension("551d11", module(kind=bytes.fromhex("2a86")))]),
    "alternative name of a host": Parts(extensions=[extension("551d11", el(0x30, el(0x82, b"meter.example")))]),
    "no alternative name": Parts(extensions=[extension("551d11", el(0x30))]),
    "two alternative names": Parts(extensions=[extension("551d11", el(0x30, module()[2:], module()[2:]))]),
    "other name of another kind": Parts(
        extensions=[extension("551d11", module().replace(MODULE_ID, MODULE_ID[:-1] + b"\x05"))]
    ),
    "no authority with path length": Parts(extensions=[extension("551d13", bytes.fromhex("3003020100"))]),
    "authority spelt false": Parts(extensions=[extension("551d13", bytes.fromhex("3003010100"))]),
    "negative path length": Parts(extensions=[extension("551d13", bytes.fromhex("30060101ff0201ff"))]),
    "path length of 128": Parts(extensions=[extension("551d13", bytes.fromhex("30070101ff02020080"))]),
    "no policies": Parts(extensions=[extension("551d20", el(0x30))]),
    "policy with a qualifier": Parts(
        extensions=[
            extension(
                "551d20",
                el(
                    0x30,
                    el(
                        0x30,
                        el(0x06, b"\x2a\x03"),
                        el(0x30, el(0x30, el(0x06, bytes.fromhex("2b06010505070201")), el(0x16, b"http://a"))),
                    ),
                ),
            )
        ]
    ),
    "unique identifier of the issuer": Parts(extensions=[], after=el(0x81, b"\0\x01")),
    "extensions and then more": Parts(after=el(0x05)),
    "signature with unused bits": Parts(signature=el(0x03, b"\x01", el(0x30, el(0x02, b"\x01"), el(0x02, b"\x02")))),
    "empty signature": Parts(signature=el(0x03)),
    "signature without octets": Parts(signature=el(0x03, b"\0")),
    "signature of one number": Parts(signature=el(0x03, b"\0", el(0x30, el(0x02, b"\x01")))),
    "signature of three numbers": Parts(signature=el(0x03, b"\0", el(0x30, *[el(0x02, b"\x01")] * 3))),
    "r is zero": Parts(signature=r_and_s(b"\0", b"\x01")),
    "s is zero": Parts(signature=r_and_s(b"\x01", b"\0")),
    "r is negative": Parts(signature=r_and_s(b"\x80", b"\x01")),
    "s is the order": Parts(signature=r_and_s(b"\x01", b"\0" + ORDER)),
    "r above the order": Parts(signature=r_and_s(b"\0" + b"\xff" * 32, b"\x01")),
    "r of 33 significant octets": Parts(signature=r_and_s(b"\x01" + bytes(32), b"\x01")),
    "s is empty": Parts(signature=r_and_s(b"\x01", b"")),
}


def embedded() -> "list[bytes]":
    """The distinct certificates inside the messages of RTDS."""
    found: set[bytes] = set()
    for path in sorted(RTDS.glob("RTDS-4.5.0/*/*.HEX")):
        message = bytes.fromhex("".join(path.read_text(encoding="ascii").split()))
        for match in re.finditer(rb"\x30\x82..\x30\x82..\xa0\x03\x02\x01\x02", message, re.DOTALL):
            end = match.start() + 4 + int.from_bytes(message[match.start() + 2 : match.start() + 4], "big")
            found.add(message[match.start() : end])
    return sorted(found)


def keystore() -> "list[tuple[str, bytes]]":
    """Name and DER of the certificates of RTDS's keystore."""
    found = []
    for path in sorted(RTDS.glob("keystore/*.pem")):
        text = path.read_text(encoding="ascii")
        if "BEGIN CERTIFICATE" in text:  # one is a bare public key
            found.append((path.stem, base64.b64decode("".join(text.split("-----")[2].split()))))
    return found


def facts(certificate: Certificate) -> "dict[str, object]":
    return dict(vars(certificate))


class CertificatesConformance:
    """A backend's subclass says how to make it."""

    def certificates(self) -> Certificates:
        raise NotImplementedError

    def refused(self, der: bytes) -> bool:
        """Whether it is refused as bad; any other exception is let through."""
        try:
            self.certificates().read(der)
        except HalError as error:
            return error.kind == BAD_CERTIFICATE
        return False

    def test_the_facts_of_an_organisation(self) -> None:
        der = Parts().der()
        certificate = self.certificates().read(der)
        crypto = HostCrypto()
        assert certificate.der == der
        assert certificate.tbs in der
        assert crypto.verify(crypto.public_key(PRIVATE), certificate.signature, certificate.tbs)
        assert certificate.public_key == crypto.public_key(PRIVATE)
        assert certificate.key_usage == DIGITAL_SIGNATURE
        assert certificate.key_id == b"keyident"
        assert certificate.authority_id == b"authorit"
        assert certificate.entity_id == ENTITY
        assert certificate.role == 2
        assert certificate.issuer == ISSUER
        assert certificate.subject == SUBJECT
        assert certificate.not_before == 631152000  # 2020-01-01
        assert certificate.not_after == 252455615999  # 9999-12-31T23:59:59

    def test_the_facts_of_a_device(self) -> None:
        parts = Parts(subject=el(0x30), extensions=[USAGE, extension("551d11", module())])
        certificate = self.certificates().read(parts.der())
        assert certificate.entity_id == DEVICE
        assert certificate.role is None
        assert certificate.subject == b"\x30\x00"
        assert certificate.key_id == b""
        assert certificate.authority_id == b""

    def test_the_facts_of_an_authority(self) -> None:
        parts = Parts(
            subject=el(0x30, attribute(UNIT, 0x13, b"07"), attribute(COMMON, 0x16, b"Z1")),
            extensions=[
                extension("551d0f", bytes.fromhex("03020106")),
                extension("551d13", bytes.fromhex("30060101ff020100")),
                extension("551d20", el(0x30, el(0x30, el(0x06, b"\x2a\x03")), el(0x30, el(0x06, b"\x2a\x04")))),
            ],
        )
        certificate = self.certificates().read(parts.der())
        assert certificate.key_usage == 0x06
        assert certificate.key_usage & KEY_CERT_SIGN
        assert certificate.entity_id == b""
        assert certificate.role == 7

    def test_a_certificate_without_extensions_states_no_usage(self) -> None:
        certificate = self.certificates().read(Parts(extensions=[]).der())
        assert (certificate.key_usage, certificate.key_id, certificate.authority_id) == (0, b"", b"")

    @pytest.mark.parametrize(
        ("unit", "role"), [(b"00", 0), (b"7f", 127), (b"7F", 127), (b"2", None), (b"002", None), (b"xy", None)]
    )
    def test_a_role_is_two_hexadecimal_digits(self, unit: bytes, role: "int | None") -> None:
        parts = Parts(subject=el(0x30, attribute(UNIT, 0x0C, unit)))
        assert self.certificates().read(parts.der()).role == role

    @pytest.mark.parametrize(
        ("time", "seconds"),
        [
            (utc("000101000000Z"), 0),
            (utc("991231235959Z"), -1),
            (utc("500101000000Z"), -1577836800),
            (utc("491231235959Z"), 1577923199),
            (general("20500101000000Z"), 1577923200),
            (utc("000229120000Z"), 59 * 86400 + 43200),
            (utc("240229000000Z"), 762480000),
            (utc("240301000000Z"), 762566400),
            (general("21000228235959Z"), 3160857599),
            (general("21000301000000Z"), 3160857600),
        ],
    )
    def test_times_count_from_2000(self, time: bytes, seconds: int) -> None:
        certificate = self.certificates().read(Parts(validity=el(0x30, time, time)).der())
        assert certificate.not_before == certificate.not_after == seconds

    def test_a_signature_with_padded_numbers_is_read(self) -> None:
        padded = Parts(signature=r_and_s(b"\0\0\x01", bytes(32) + b"\x7f"))
        signature = self.certificates().read(padded.der()).signature
        assert signature == (1).to_bytes(32, "big") + (0x7F).to_bytes(32, "big")

    @pytest.mark.parametrize("what", sorted(BAD))
    def test_what_the_profile_does_not_have_is_refused(self, what: str) -> None:
        assert self.refused(BAD[what].der())

    def test_what_is_not_one_whole_certificate_is_refused(self) -> None:
        der = Parts().der()
        assert not self.refused(der)
        for cut in range(len(der)):
            assert self.refused(der[:cut])
        assert self.refused(der + b"\0")
        assert self.refused(b"\0" + der)
        assert self.refused(der[:1] + b"\x80" + der[4:] + b"\0\0")
        assert self.refused(b"-----BEGIN CERTIFICATE-----\n" + base64.b64encode(der))
        assert self.refused(Parts(issuer=el(0x30, attribute(COMMON, 0x0C, b"a" * SIZE_LIMIT))).der())

    def test_a_long_name_is_read(self) -> None:
        parts = Parts(issuer=el(0x30, attribute(COMMON, 0x0C, b"a" * 3000)))
        assert self.certificates().read(parts.der()).issuer == parts.issuer

    def test_lengths_that_are_not_the_shortest_are_refused(self) -> None:
        der = Parts().der()
        long = der.replace(ISSUER, b"\x30\x81" + ISSUER[1:])
        tbs_length = int.from_bytes(long[6:8], "big") + 1
        long = el(0x30, long[4:6] + tbs_length.to_bytes(2, "big") + long[8:])
        assert self.refused(long)

    @pytest.mark.parametrize("usage", [DIGITAL_SIGNATURE, KEY_AGREEMENT, KEY_CERT_SIGN])
    def test_a_request_is_signed_by_its_key_and_names_the_device(self, usage: int) -> None:
        request = x509.load_der_x509_csr(self.certificates().request(PRIVATE, DEVICE, usage))
        assert request.is_signature_valid
        assert len(list(request.subject)) == 0
        stated = request.extensions.get_extension_for_class(x509.KeyUsage)
        assert stated.critical
        assert (stated.value.digital_signature, stated.value.key_agreement, stated.value.key_cert_sign) == (
            usage == DIGITAL_SIGNATURE,
            usage == KEY_AGREEMENT,
            usage == KEY_CERT_SIGN,
        )
        names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        assert names.critical
        assert [name.value[-8:] for name in names.value if isinstance(name, x509.OtherName)] == [DEVICE]
        assert len(request.extensions) == 2

    def test_a_request_is_refused_what_it_cannot_say(self) -> None:
        certificates = self.certificates()
        for usage in (0, 0x88, 0x40):
            with pytest.raises(ValueError, match="usage"):
                certificates.request(PRIVATE, DEVICE, usage)
        with pytest.raises(ValueError, match="8 octets"):
            certificates.request(PRIVATE, DEVICE[1:])
        for private in (b"", bytes(32), b"\xff" * 32):
            with pytest.raises(HalError) as caught:
                certificates.request(private, DEVICE)
            assert caught.value.kind == BAD_KEY

    def test_a_request_has_the_shape_of_the_one_in_rtds(self) -> None:
        path = RTDS / "RTDS-4.5.0" / "6.17_CS02c" / "CS02c_6.17_SUCCESS_RESPONSE_GBCS.HEX"
        if not path.exists():
            pytest.skip(NO_RTDS)
        message = bytes.fromhex("".join(path.read_text(encoding="ascii").split()))
        start = message.index(bytes.fromhex("3081ba020100"))
        theirs = message[start : start + 189]
        ours = self.certificates().request(PRIVATE, DEVICE)[4:193]
        key = theirs.index(KEY_HEAD) + len(KEY_HEAD)
        assert ours[:key] == theirs[:key]
        assert ours[key : key + 64] == HostCrypto().public_key(PRIVATE)
        assert ours[key + 64 :] == theirs[key + 64 :]

    def test_every_certificate_of_rtds_is_read_and_the_issuers_signatures_verify(self) -> None:
        if not RTDS.exists():
            pytest.skip(NO_RTDS)
        certificates = self.certificates()
        crypto = HostCrypto()
        ders = [der for _, der in keystore()] + embedded()
        assert len(ders) > 400
        read = [certificates.read(der) for der in ders]
        issuers = {certificate.key_id: certificate.public_key for certificate in read}
        verified = 0
        for certificate in read:
            issuer = issuers.get(certificate.authority_id)
            if issuer is not None:
                assert crypto.verify(issuer, certificate.signature, certificate.tbs)
                verified += 1
        assert verified > 0
        for (name, der), certificate in zip(keystore(), read, strict=False):
            if name.startswith("00db"):  # an organisation's certificate may be filed under another of its names
                assert certificate.entity_id.hex() == name[:16]
            assert certificate.key_usage == (DIGITAL_SIGNATURE if name.endswith("-ds") else KEY_AGREEMENT)
            assert certificate.der == der


class TestHostCertificates(CertificatesConformance):
    def certificates(self) -> Certificates:
        return HostCertificates()


class TestBoardCertificates(CertificatesConformance):
    def certificates(self) -> Certificates:
        return BoardCertificates()


def test_both_give_the_same_facts_of_every_certificate_of_rtds() -> None:
    if not RTDS.exists():
        pytest.skip(NO_RTDS)
    host, board = HostCertificates(), BoardCertificates()
    for der in [der for _, der in keystore()] + embedded():
        assert facts(host.read(der)) == facts(board.read(der))


def test_both_write_the_same_request() -> None:
    for usage in (DIGITAL_SIGNATURE, KEY_AGREEMENT, KEY_CERT_SIGN):
        ours = BoardCertificates().request(PRIVATE, DEVICE, usage)
        theirs = HostCertificates().request(PRIVATE, DEVICE, usage)
        assert ours[4:193] == theirs[4:193]
