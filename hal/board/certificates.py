"""Certificates for boards: one pass over the DER, nothing built but the facts.

Decides by position: a certificate of smart metering has its parts in one order and in one spelling (the profile is in
`slotmeter.hal.certificates`), so algorithms and key parameters are compared as octets instead of being understood.
"""

import hashlib

from slotmeter.hal.board import der as d
from slotmeter.hal.board import soft_p256
from slotmeter.hal.board.der import check_identifier, element, expect, expect_whole, refuse, wrap
from slotmeter.hal.certificates import (
    DIGITAL_SIGNATURE,
    HARDWARE_TYPE,
    KEY_AGREEMENT,
    KEY_CERT_SIGN,
    SIZE_LIMIT,
    Certificate,
    Certificates,
)

# AlgorithmIdentifier of ecdsa-with-SHA256, which has no parameters (RFC 5758, 3.2).
_ALGORITHM = b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02"
_VERSION_3 = b"\xa0\x03\x02\x01\x02"
# SubjectPublicKeyInfo of P-256 up to the coordinates of an uncompressed point (RFC 5480).
_KEY_HEAD = (
    b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00\x04"
)

# Attribute types of names (X.520).
_ORGANIZATIONAL_UNIT = b"\x55\x04\x0b"
_UNIQUE_IDENTIFIER = b"\x55\x04\x2d"
# UTF8String, NumericString, PrintableString, TeletexString, IA5String, VisibleString.
_STRING_TAGS = (12, 18, 19, 20, 22, 26)
_PRINTABLE_STRING = 19
_PRINTABLE = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 '()+,-./:=?"

# Extensions (RFC 5280, 4.2.1).
_KEY_IDENTIFIER = b"\x55\x1d\x0e"
_KEY_USAGE = b"\x55\x1d\x0f"
_ALTERNATIVE_NAME = b"\x55\x1d\x11"
_BASIC_CONSTRAINTS = b"\x55\x1d\x13"
_POLICIES = b"\x55\x1d\x20"
_AUTHORITY_KEY_IDENTIFIER = b"\x55\x1d\x23"
# id-on-hardwareModuleName, 1.3.6.1.5.5.7.8.4 (RFC 4108).
_HARDWARE_MODULE_NAME = b"\x2b\x06\x01\x05\x05\x07\x08\x04"
# extensionRequest (RFC 2985, 5.4.2).
_EXTENSION_REQUEST = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x0e"

_DAYS_BEFORE_MONTH = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334)
# From 0001-01-01 to 2000-01-01.
_DAYS_BEFORE_2000 = 730119
_HEX_DIGITS = b"0123456789abcdefABCDEF"


def _days(year: int, month: int, day: int) -> int:
    """Days from 0001-01-01 to the date, or -1 for a date that does not exist."""
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if not 1 <= month <= 12:
        return -1
    following = 365 if month == 12 else _DAYS_BEFORE_MONTH[month]
    length = following - _DAYS_BEFORE_MONTH[month - 1] + (1 if leap and month == 2 else 0)
    if not 1 <= day <= length:
        return -1
    before = year - 1
    days = before * 365 + before // 4 - before // 100 + before // 400
    return days + _DAYS_BEFORE_MONTH[month - 1] + (1 if leap and month > 2 else 0) + day - 1


def _time(data: bytes, pos: int, end: int) -> "tuple[int, int]":
    """Seconds since 2000-01-01Z of the Time at `pos`, and where it ends."""
    tag, start, stop = element(data, pos, end)
    if tag not in (d.UTC_TIME, d.GENERALIZED_TIME):
        raise refuse("no time", pos)
    digits = data[start : stop - 1]
    if len(digits) != (12 if tag == d.UTC_TIME else 14) or data[stop - 1] != 0x5A:
        raise refuse("time of a form not allowed", start)
    for octet in digits:
        if not 0x30 <= octet <= 0x39:
            raise refuse("time of a form not allowed", start)
    if tag == d.UTC_TIME:
        year = int(digits[:2])
        # RFC 5280, 4.1.2.5.1: two digits mean 1950 to 2049.
        year += 1900 if year >= 50 else 2000
        rest = digits[2:]
    else:
        year = int(digits[:4])
        rest = digits[4:]
        if year < 2050:
            raise refuse("GeneralizedTime before 2050", start)
    days = _days(year, int(rest[:2]), int(rest[2:4]))
    hour = int(rest[4:6])
    minute = int(rest[6:8])
    second = int(rest[8:10])
    if days < 0 or hour > 23 or minute > 59 or second > 59:
        raise refuse("time that does not exist", start)
    return ((days - _DAYS_BEFORE_2000) * 24 + hour) * 3600 + minute * 60 + second, stop


def _check_string(data: bytes, tag: int, start: int, stop: int) -> None:
    """Refuses a value of a name that is not in the characters of its type."""
    if tag not in _STRING_TAGS:
        raise refuse("string of type %02x" % tag, start)
    if tag == _PRINTABLE_STRING:
        for octet in data[start:stop]:
            if octet not in _PRINTABLE:
                raise refuse("character that is not printable", start)
    try:
        data[start:stop].decode()
    except ValueError:
        raise refuse("string that is not UTF-8", start)


def _name(data: bytes, pos: int, end: int) -> "tuple[int, bytes, int | None]":
    """Where the Name at `pos` ends, its unique identifier (b"" for none) and the role in its organisational unit."""
    set_pos, name_end = expect(data, pos, end, d.SEQUENCE)
    identifier = b""
    role = None
    unit = False
    while set_pos < name_end:
        pos, set_end = expect(data, set_pos, name_end, d.SET)
        if pos == set_end:
            raise refuse("empty set", pos)
        before = b""
        while pos < set_end:
            start, stop = expect(data, pos, set_end, d.SEQUENCE)
            if data[pos:stop] <= before:
                raise refuse("set out of order", pos)
            before = data[pos:stop]
            type_start, type_end = expect(data, start, stop, d.OBJECT_IDENTIFIER)
            check_identifier(data, type_start, type_end)
            kind = data[type_start:type_end]
            tag, value, value_end = element(data, type_end, stop)
            if value_end != stop:
                raise refuse("octets too many", value_end)
            if kind == _UNIQUE_IDENTIFIER:
                if tag != d.BIT_STRING or stop - value != 9 or data[value] != 0 or identifier:
                    raise refuse("unique identifier that is not one of 64 bits", value)
                identifier = data[value + 1 : stop]
            else:
                _check_string(data, tag, value, stop)
                if kind == _ORGANIZATIONAL_UNIT:
                    if unit:
                        raise refuse("organisational unit given twice", start)
                    unit = True
                    if stop - value == 2 and data[value] in _HEX_DIGITS and data[value + 1] in _HEX_DIGITS:
                        role = int(data[value:stop], 16)
            pos = stop
        set_pos = set_end
    return name_end, identifier, role


def _key_usage(data: bytes, start: int, stop: int) -> int:
    """The first octet of a KeyUsage, which names at least one usage."""
    start = expect_whole(data, start, stop, d.BIT_STRING)
    size = stop - start
    if size < 2 or size > 3 or data[start] > 7:
        raise refuse("key usage of a form not allowed", start)
    unused = data[start]
    last = data[stop - 1]
    # The last bit of a list of named bits is a one (X.690, 11.2.2), and there are nine names.
    if last & ((2 << unused) - 1) != 1 << unused or (size == 3 and last != 0x80):
        raise refuse("key usage not in its shortest form", start)
    usage = data[start + 1]
    if (usage & 0x01 or size == 3) and not usage & KEY_AGREEMENT:
        raise refuse("encipherOnly or decipherOnly without keyAgreement", start)
    return usage


def _authority(data: bytes, start: int, stop: int) -> bytes:
    """The key identifier of an AuthorityKeyIdentifier that has nothing else."""
    start = expect_whole(data, start, stop, d.SEQUENCE)
    start = expect_whole(data, start, stop, 0x80)
    if start == stop:
        raise refuse("empty key identifier", start)
    return data[start:stop]


def _module(data: bytes, start: int, stop: int) -> bytes:
    """The serial number, an EUI-64, of a subject alternative name that is a single hardwareModuleName."""
    start = expect_whole(data, start, stop, d.SEQUENCE)
    start = expect_whole(data, start, stop, 0xA0)
    type_start, type_end = expect(data, start, stop, d.OBJECT_IDENTIFIER)
    if data[type_start:type_end] != _HARDWARE_MODULE_NAME:
        raise refuse("alternative name that is no hardware module", start)
    start = expect_whole(data, type_end, stop, 0xA0)
    start = expect_whole(data, start, stop, d.SEQUENCE)
    type_start, type_end = expect(data, start, stop, d.OBJECT_IDENTIFIER)
    check_identifier(data, type_start, type_end)
    start = expect_whole(data, type_end, stop, d.OCTET_STRING)
    if stop - start != 8:
        raise refuse("hardware serial number that is no EUI-64", start)
    return data[start:stop]


def _check_constraints(data: bytes, start: int, stop: int) -> None:
    """Refuses what is not a BasicConstraints: empty, cA, or cA with a path length up to 127."""
    value = data[start:stop]
    if value not in (b"\x30\x00", b"\x30\x03\x01\x01\xff") and (
        len(value) != 8 or value[:7] != b"\x30\x06\x01\x01\xff\x02\x01" or value[7] > 127
    ):
        raise refuse("basic constraints of a form not allowed", start)


def _check_policies(data: bytes, start: int, stop: int) -> None:
    """Refuses what is not a list of policy identifiers."""
    start = expect_whole(data, start, stop, d.SEQUENCE)
    if start == stop:
        raise refuse("no policy", start)
    while start < stop:
        pos, policy_end = expect(data, start, stop, d.SEQUENCE)
        pos = expect_whole(data, pos, policy_end, d.OBJECT_IDENTIFIER)
        check_identifier(data, pos, policy_end)
        start = policy_end


def _signature(data: bytes, start: int, stop: int) -> bytes:
    """The 64 octets r then s of the ECDSA-Sig-Value that fills `start` to `stop`."""
    start = expect_whole(data, start, stop, d.SEQUENCE)
    raw = bytearray(64)
    for half_end in (32, 64):
        number, number_end = expect(data, start, stop, d.INTEGER)
        size = number_end - number
        if size < 1 or size > 33 or data[number] >= 0x80:
            raise refuse("signature out of range", start)
        # Padding is let pass here and nowhere else: the issuing authority of RTDS pads some of its signatures.
        value = int.from_bytes(data[number:number_end], "big")
        if not 0 < value < soft_p256.N:
            raise refuse("signature out of range", start)
        raw[half_end - 32 : half_end] = value.to_bytes(32, "big")
        start = number_end
    if start != stop:
        raise refuse("octets too many", start)
    return bytes(raw)


class BoardCertificates(Certificates):
    """Reads and writes DER with nothing but this package."""

    def read(self, der: bytes) -> Certificate:
        """The facts of `der`, which is one whole certificate with nothing after it; else HalError(BAD_CERTIFICATE)."""
        end = len(der)
        if end > SIZE_LIMIT:
            raise refuse("more than %d octets" % SIZE_LIMIT, SIZE_LIMIT)
        tbs_pos = expect_whole(der, 0, end, d.SEQUENCE)
        pos, tbs_end = expect(der, tbs_pos, end, d.SEQUENCE)
        algorithm_end = tbs_end + len(_ALGORITHM)
        if der[tbs_end:algorithm_end] != _ALGORITHM:
            raise refuse("signature algorithm other than ecdsa-with-SHA256", tbs_end)
        start = expect_whole(der, algorithm_end, end, d.BIT_STRING)
        if start == end or der[start] != 0:
            raise refuse("signature that is not whole octets", start)
        signature = _signature(der, start + 1, end)

        if der[pos : pos + len(_VERSION_3)] != _VERSION_3:
            raise refuse("version other than 3", pos)
        start, pos = expect(der, pos + len(_VERSION_3), tbs_end, d.INTEGER)
        d.check_positive(der, start, pos, 20)
        if der[pos : pos + len(_ALGORITHM)] != _ALGORITHM:
            raise refuse("signature algorithm other than ecdsa-with-SHA256", pos)
        issuer_pos = pos + len(_ALGORITHM)
        pos = _name(der, issuer_pos, tbs_end)[0]
        issuer = der[issuer_pos:pos]
        start, stop = expect(der, pos, tbs_end, d.SEQUENCE)
        not_before, start = _time(der, start, stop)
        not_after, start = _time(der, start, stop)
        if start != stop:
            raise refuse("octets too many", start)
        pos, entity_id, role = _name(der, stop, tbs_end)
        subject = der[stop:pos]
        start = pos + len(_KEY_HEAD)
        pos = start + 64
        public = der[start:pos]
        if pos > tbs_end or der[start - len(_KEY_HEAD) : start] != _KEY_HEAD or not soft_p256.on_curve(public):
            raise refuse("public key that is no uncompressed point of P-256", start)

        key_usage = 0
        key_id = b""
        authority_id = b""
        if pos != tbs_end:
            pos = expect_whole(der, pos, tbs_end, 0xA3)
            pos = expect_whole(der, pos, tbs_end, d.SEQUENCE)
            if pos == tbs_end:
                raise refuse("no extension", pos)
        seen: list[bytes] = []
        while pos < tbs_end:
            start, stop = expect(der, pos, tbs_end, d.SEQUENCE)
            kind_start, start = expect(der, start, stop, d.OBJECT_IDENTIFIER)
            check_identifier(der, kind_start, start)
            kind = der[kind_start:start]
            if kind in seen:
                raise refuse("extension given twice", pos)
            seen.append(kind)
            if der[start : start + 3] == b"\x01\x01\xff":
                start += 3  # critical; all that are taken are understood
            start = expect_whole(der, start, stop, d.OCTET_STRING)
            if kind == _KEY_USAGE:
                key_usage = _key_usage(der, start, stop)
            elif kind == _KEY_IDENTIFIER:
                start = expect_whole(der, start, stop, d.OCTET_STRING)
                if start == stop:
                    raise refuse("empty key identifier", start)
                key_id = der[start:stop]
            elif kind == _AUTHORITY_KEY_IDENTIFIER:
                authority_id = _authority(der, start, stop)
            elif kind == _ALTERNATIVE_NAME:
                serial = _module(der, start, stop)
                entity_id = entity_id or serial
            elif kind == _BASIC_CONSTRAINTS:
                _check_constraints(der, start, stop)
            elif kind == _POLICIES:
                _check_policies(der, start, stop)
            else:
                raise refuse("extension that is not of the profile", pos)
            pos = stop
        return Certificate(
            der,
            der[tbs_pos:tbs_end],
            signature,
            public,
            key_usage,
            key_id,
            authority_id,
            entity_id,
            role,
            issuer,
            subject,
            not_before,
            not_after,
        )

    def request(self, private: bytes, entity_id: bytes, key_usage: int = DIGITAL_SIGNATURE) -> bytes:
        """A self-signed PKCS#10 CertificationRequest for the key pair of `private`: see the port."""
        if key_usage == DIGITAL_SIGNATURE:
            usage = b"\x03\x02\x07\x80"
        elif key_usage == KEY_AGREEMENT:
            usage = b"\x03\x02\x03\x08"
        elif key_usage == KEY_CERT_SIGN:
            usage = b"\x03\x02\x02\x04"
        else:
            raise ValueError("one usage of the three that GBCS knows")
        if len(entity_id) != 8:
            raise ValueError("an EUI-64 has 8 octets")
        module = wrap(d.OBJECT_IDENTIFIER, HARDWARE_TYPE) + wrap(d.OCTET_STRING, entity_id)
        name = wrap(d.OBJECT_IDENTIFIER, _HARDWARE_MODULE_NAME) + wrap(0xA0, wrap(d.SEQUENCE, module))
        extensions = b""
        for kind, value in ((_KEY_USAGE, usage), (_ALTERNATIVE_NAME, wrap(d.SEQUENCE, wrap(0xA0, name)))):
            fields = wrap(d.OBJECT_IDENTIFIER, kind) + b"\x01\x01\xff" + wrap(d.OCTET_STRING, value)
            extensions += wrap(d.SEQUENCE, fields)
        attribute = wrap(d.OBJECT_IDENTIFIER, _EXTENSION_REQUEST) + wrap(d.SET, wrap(d.SEQUENCE, extensions))
        # Version 0 and the empty subject name.
        info = b"\x02\x01\x00\x30\x00" + _KEY_HEAD + soft_p256.public_key(private)
        info = wrap(d.SEQUENCE, info + wrap(0xA0, wrap(d.SEQUENCE, attribute)))
        raw = soft_p256.sign(private, hashlib.sha256(info).digest())
        signature = wrap(d.SEQUENCE, d.put_positive(raw[:32]) + d.put_positive(raw[32:]))
        return wrap(d.SEQUENCE, info + _ALGORITHM + wrap(d.BIT_STRING, b"\x00" + signature))
