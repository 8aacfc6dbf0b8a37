"""An independent builder and reader of GBCS messages, for the tests of everything that the product does to them.

It imports nothing of slotmeter: it was written from the layouts of GBCS on the `cryptography` library, so that a
misreading there is not repeated here. Plain functions on octets; private keys are integers, public keys 64 octets x
then y, entities 8 octets, counters ints, times seconds since 2000. Whether it is right itself is checked against the
reference data set in tests/rtds/test_builder.py.
"""

import calendar
import datetime as dt
import hashlib
import struct

from cryptography import x509
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import NameOID

COMMAND, RESPONSE, ALERT = 1, 2, 3
GET, SET, ACTION, GET_SELECTIVE = 1, 2, 3, 4

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
NOW = bytes(9) + b"\x80\x00\xff"
CANCEL = b"\xff" * 9 + b"\x80\x00\xff"

# Remote party roles, as in a certificate's organisational unit.
ROOT, RECOVERY, SUPPLIER, NETWORK_OPERATOR, ACB, TRANSITIONAL_COS, WAN_PROVIDER, LOAD_CONTROLLER = (
    0,
    1,
    2,
    3,
    4,
    5,
    6,
    8,
)


# Numbers and lengths


def number(value, size):
    """`value` in `size` octets."""
    return value.to_bytes(size, "big")


def length(size):
    """A DLMS (and BER) length."""
    if size < 128:
        return struct.pack(">B", size)
    if size < 256:
        return struct.pack(">BB", 0x81, size)
    if size < 65536:
        return struct.pack(">BH", 0x82, size)
    return b"\x83" + number(size, 3)


def read_length(data, at):
    """The length at `at` and where what it counts begins."""
    first = data[at]
    if first < 128:
        return first, at + 1
    return int.from_bytes(data[at + 1 : at + 1 + first - 128], "big"), at + 1 + first - 128


# A-XDR, one function for each type


def null():
    return b"\x00"


def boolean(value):
    return b"\x03\xff" if value else b"\x03\x00"


def i8(value):
    return struct.pack(">Bb", 15, value)


def i16(value):
    return struct.pack(">Bh", 16, value)


def i32(value):
    return struct.pack(">Bi", 5, value)


def u8(value):
    return struct.pack(">BB", 17, value)


def u16(value):
    return struct.pack(">BH", 18, value)


def u32(value):
    return struct.pack(">BI", 6, value)


def enum(value):
    return struct.pack(">BB", 22, value)


def octets(value):
    return b"\x09" + length(len(value)) + value


def visible(value):
    return b"\x0a" + length(len(value)) + value.encode("ascii")


def utf8(value):
    encoded = value.encode("utf-8")
    return b"\x0c" + length(len(encoded)) + encoded


def bits(text):
    """A bit-string from "0110"."""
    padded = text + "0" * (-len(text) % 8)
    return b"\x04" + length(len(text)) + bytes(int(padded[i : i + 8], 2) for i in range(0, len(padded), 8))


def structure(*elements):
    return b"\x02" + length(len(elements)) + b"".join(elements)


def array(*elements):
    return b"\x01" + length(len(elements)) + b"".join(elements)


def compact_array(row_type, contents):
    """A compact-array from its type description and its packed rows, both octets."""
    return b"\x13" + row_type + length(len(contents)) + contents


def date_time(seconds, status=0xFF):
    """Twelve octets (no tag): the UTC time that many seconds after 2000-01-01."""
    moment = dt.datetime(2000, 1, 1) + dt.timedelta(seconds=seconds)
    return struct.pack(
        ">HBBBBBBBHB",
        moment.year,
        moment.month,
        moment.day,
        0xFF,
        moment.hour,
        moment.minute,
        moment.second,
        0,
        0x8000,
        status,
    )


def date_time_seconds(twelve):
    """Seconds since 2000 of what `date_time` made."""
    year, month, day, _, hour, minute, second = struct.unpack(">HBBBBBB", twelve[:8])
    return calendar.timegm((year, month, day, hour, minute, second)) - 946684800


def obis(name):
    """Six octets of "0-0:94.44.34.10"."""
    return bytes(int(part) for part in name.replace("-", ".").replace(":", ".").split("."))


# Keys


def private_key(seed):
    """A private key that depends on `seed` (text) alone: for tests, never for anything else."""
    return int.from_bytes(hashlib.sha512(("slotmeter test key " + seed).encode()).digest(), "big") % (ORDER - 1) + 1


def _private(scalar):
    return ec.derive_private_key(scalar, ec.SECP256R1())


def public_key(scalar):
    """The public key, 64 octets, of a private one."""
    numbers = _private(scalar).public_key().public_numbers()
    return number(numbers.x, 32) + number(numbers.y, 32)


def _public(point):
    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x04" + point)


def shared_secret(scalar, point):
    """Z of a private and the peer's public key: 32 octets."""
    return _private(scalar).exchange(ec.ECDH(), _public(point))


def derive(z, originator, flag, counter, recipient):
    """The 16-octet key of one message: flag 1 command (and UTRN), 2 response, 3 alert, 4 encryption."""
    info = bytes.fromhex("60857406080300") + originator + b"\x09" + bytes([flag]) + number(counter, 8) + recipient
    return hashlib.sha256(number(1, 4) + z + info).digest()[:16]


def gmac(key, iv, covered):
    """The 16-octet GCM tag over `covered`."""
    encryptor = Cipher(algorithms.AES(key), modes.GCM(iv)).encryptor()
    encryptor.authenticate_additional_data(covered)
    encryptor.finalize()
    return encryptor.tag


def sign(scalar, message):
    """r then s over SHA-256 of `message`."""
    r, s = decode_dss_signature(_private(scalar).sign(message, ec.ECDSA(hashes.SHA256())))
    return number(r, 32) + number(s, 32)


def signature_is_good(point, signature, message):
    """Whether r then s is the signature of the holder of public key `point`."""
    der = encode_dss_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))
    try:
        _public(point).verify(der, message, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


# The envelope


def grouping(cra, counter, originator, target, code, payload, at=b"", supplementary=b""):
    """Grouping header and payload: what a signature covers, but for the first octet. `at`: the header's date-time."""
    other = number(code, 2) + supplementary
    return b"".join(
        [
            b"\xdf\x09", bytes([cra]), number(counter, 8), b"\x08", originator, b"\x08", target,
            length(len(at)), at, length(len(other)), other, length(len(payload)), payload,
        ]
    )  # fmt: skip


def with_signature(body, scalar=None):
    """`body` and its signature part: signed by `scalar`, or the single 00."""
    return body + b"\x00" if scalar is None else body + b"\x40" + sign(scalar, body[1:])


def mac_of(z, body):
    """The 12-octet MAC over `body`, which runs from DF to the end of the signature part."""
    key = derive(z, body[12:20], body[2], int.from_bytes(body[3:11], "big"), body[21:29])
    return gmac(key, body[12:20] + bytes(4), bytes.fromhex("110000000000") + body)[:12]


def with_mac(body, z):
    """The whole message around `body`, MACed under the shared secret `z`."""
    return b"\xdd" + bytes(6) + length(len(body) + 17) + b"\x11\0\0\0\0" + body + mac_of(z, body)


def message(cra, counter, originator, target, code, payload, z=None, signer=None, at=b"", supplementary=b""):
    """A whole message: signed where `signer` (a private key) is given, MACed where `z` is."""
    body = with_signature(grouping(cra, counter, originator, target, code, payload, at, supplementary), signer)
    return body if z is None else with_mac(body, z)


class Parts:
    """A message taken apart: cra, counter (int), originator, target, at, code, supplementary, payload, signature, mac
    (b"" where there is none), body (DF to the end of the signature part), signed (what the signature covers).
    """


def take_apart(data):
    """The Parts of a well-formed message; what is not well formed fails an assertion."""
    parts = Parts()
    parts.mac = b""
    parts.body = data
    if data[0] == 0xDD:
        size, start = read_length(data, 7)
        assert data[1:7] == bytes(6) and start + size == len(data) and data[start : start + 5] == b"\x11\0\0\0\0"
        parts.body = data[start + 5 : -12]
        parts.mac = data[-12:]
    body = parts.body
    assert body[:2] == b"\xdf\x09" and body[11] == 8 and body[20] == 8 and body[29] in (0, 12)
    parts.cra = body[2]
    parts.counter = int.from_bytes(body[3:11], "big")
    parts.originator = body[12:20]
    parts.target = body[21:29]
    place = 30 + body[29]
    parts.at = body[30:place]
    size, place = read_length(body, place)
    parts.code = int.from_bytes(body[place : place + 2], "big")
    parts.supplementary = body[place + 2 : place + size]
    size, place = read_length(body, place + size)
    parts.payload = body[place : place + size]
    place += size
    parts.signed = body[1:place]
    parts.signature = body[place + 1 :]
    if place < len(body):
        assert body[place] == len(parts.signature)
    return parts


def mac_is_good(data, z):
    """Whether a whole MACed message carries the MAC that belongs to it under `z`."""
    parts = take_apart(data)
    return parts.mac == mac_of(z, parts.body)


# Encrypted attributes


def encrypt(z, device, counter, recipient, plaintext):
    """31 00000000, ciphertext, 12 octets of tag."""
    encryptor = Cipher(
        algorithms.AES(derive(z, device, 4, counter, recipient)), modes.GCM(device + bytes(4))
    ).encryptor()
    encryptor.authenticate_additional_data(b"\x31")
    ciphertext = encryptor.update(plaintext) + encryptor.finalize()
    return b"\x31\0\0\0\0" + ciphertext + encryptor.tag[:12]


def decrypt(z, device, counter, recipient, stored):
    """The plaintext of what `encrypt` made, None when it is not authentic."""
    assert stored[:5] == b"\x31\0\0\0\0"
    mode = modes.GCM(device + bytes(4), stored[-12:], min_tag_length=12)
    decryptor = Cipher(algorithms.AES(derive(z, device, 4, counter, recipient)), mode).decryptor()
    decryptor.authenticate_additional_data(b"\x31")
    try:
        return decryptor.update(stored[5:-12]) + decryptor.finalize()
    except InvalidTag:
        return None


# DLMS payloads


def get(class_id, name, attribute):
    """An item of a request: read an attribute. Items are (specification, data)."""
    return (b"\x01" + number(class_id, 2) + obis(name) + bytes([attribute]), null())


def put(class_id, name, attribute, data):
    """An item: write an attribute."""
    return (b"\x02" + number(class_id, 2) + obis(name) + bytes([attribute]), data)


def act(class_id, name, method, data=b"\x00"):
    """An item: invoke a method."""
    return (b"\x03" + number(class_id, 2) + obis(name) + bytes([method]), data)


def get_selected(class_id, name, attribute, selector, argument):
    """An item: read an attribute with selective access."""
    return (b"\x04" + number(class_id, 2) + obis(name) + bytes([attribute, selector]) + argument, null())


def by_range(first, last, column=(8, "0-0:1.0.0.255", 2)):
    """Selector 1's argument: from and to as A-XDR, by the capture object `column` (the clock)."""
    class_id, name, attribute = column
    by = structure(u16(class_id), octets(obis(name)), i8(attribute), u16(0))
    return structure(by, first, last, array())


def access_request(counter, items):
    """The payload of a DLMS command."""
    count = length(len(items))
    invoke = b"\x20" + number(counter & 0xFFFFFF, 3)
    return b"\xd9" + invoke + b"\x00" + count + b"".join(i[0] for i in items) + count + b"".join(i[1] for i in items)


def access_response(counter, results):
    """The payload of a DLMS response: results are (kind, result, data)."""
    count = length(len(results))
    head = b"\xda\x20" + number(counter & 0xFFFFFF, 3) + b"\x00\x00" + count
    return head + b"".join(r[2] for r in results) + count + b"".join(bytes([r[0], r[1]]) for r in results)


def data_notification(counter, *elements):
    """The payload of a DLMS alert."""
    return b"\x0f\x20" + number(counter & 0xFFFFFF, 3) + b"\x00" + structure(*elements)


def end_of(data, at):
    """Where the A-XDR value at `at` ends (its types are those of the functions above)."""
    tag = data[at]
    fixed = {0: 0, 3: 1, 5: 4, 6: 4, 13: 1, 15: 1, 16: 2, 17: 1, 18: 2, 20: 8, 21: 8, 22: 1}
    if tag in fixed:
        return at + 1 + fixed[tag]
    if tag == 19:
        size, at = read_length(data, _end_of_type(data, at + 1))
        return at + size
    size, at = read_length(data, at + 1)
    if tag in (1, 2):
        for _ in range(size):
            at = end_of(data, at)
        return at
    return at + ((size + 7) // 8 if tag == 4 else size)


def _end_of_type(data, at):
    tag = data[at]
    if tag == 1:
        return _end_of_type(data, at + 3)
    if tag == 2:
        end = at + 2
        for _ in range(data[at + 1]):
            end = _end_of_type(data, end)
        return end
    return at + 1


def request_items(payload):
    """The items of an access-request, as `access_request` takes them."""
    assert payload[0] == 0xD9 and payload[1] == 0x20 and payload[5] == 0
    count, at = read_length(payload, 6)
    specifications = []
    for _ in range(count):
        end = at + 10
        if payload[at] == GET_SELECTIVE:
            end = end_of(payload, end + 1)
        specifications.append(payload[at:end])
        at = end
    again, at = read_length(payload, at)
    assert again == count
    items = []
    for specification in specifications:
        end = end_of(payload, at)
        items.append((specification, payload[at:end]))
        at = end
    assert at == len(payload)
    return items


def response_results(payload):
    """(kind, result, data) of each item of an access-response."""
    assert payload[0] == 0xDA and payload[1] == 0x20 and payload[5:7] == b"\x00\x00"
    count, at = read_length(payload, 7)
    data = []
    for _ in range(count):
        end = end_of(payload, at)
        data.append(payload[at:end])
        at = end
    again, at = read_length(payload, at)
    assert again == count and at + 2 * count == len(payload)
    return [(payload[at + 2 * i], payload[at + 2 * i + 1], data[i]) for i in range(count)]


def protected_read(counter, requester, device, name, attributes):
    """The item that reads `attributes`, each (class, obis, attribute) or with (from, to) in seconds added, through the
    class-30 object `name`, encrypted to `requester`.
    """
    wanted = []
    for attribute in attributes:
        if len(attribute) == 3:
            restriction = structure(enum(0), null())
        else:
            first, last = attribute[3]
            restriction = structure(enum(1), structure(octets(date_time(first)), octets(date_time(last))))
        class_id, object_name, number_of = attribute[:3]
        wanted.append(structure(u16(class_id), octets(obis(object_name)), i8(number_of), u16(0), restriction))
    return act(30, name, 1, structure(array(*wanted), array(protection(counter, requester, device))))


def protection(counter, first, second):
    """Of a protected read: requester and device in the request, device and target in the response."""
    key_info = structure(enum(2), structure(octets(b"\x02"), octets(b"")))
    return structure(
        enum(2), structure(octets(b"\x04" + number(counter, 8)), octets(first), octets(second), octets(b""), key_info)
    )


def protected_answer(counter, device, target, sealed):
    """The data of a protected read's result: what was encrypted and how."""
    return structure(array(protection(counter, device, target)), octets(sealed))


def sealed_part(answer):
    """What `encrypt` made, cut out of a protected read's result."""
    place = end_of(answer, 2)
    assert answer[:2] == b"\x02\x02" and answer[place] == 9
    size, place = read_length(answer, place + 1)
    return answer[place : place + size]


# Top-up tokens

_DIHEDRAL = (
    "0123456789", "1234067895", "2340178956", "3401289567", "4012395678",
    "5987604321", "6598710432", "7659821043", "8765932104", "9876543210",
)  # fmt: skip
_FIRST = "1576283094"
_CHECK = "1267583094"


def check_digit(digits):
    """The 20th digit for 19 of them."""
    state, row = 0, 4
    for digit in digits:
        value = int(digit)
        for _ in range(row):
            value = int(_FIRST[value])
        state = int(_DIHEDRAL[state][value])
        row = (row + 1) % 8
    return _CHECK[state]


def utrn(z, supplier, meter, counter, value, pounds=False):
    """The 20 digits of a top-up of `value` pence or pounds; `z` is of the supplier's prepayment key and the meter's."""
    high = (counter >> 32 & 0x3FF) << 15 | (1 << 13 if pounds else 0) | value
    covered = bytes.fromhex("110000000000") + supplier + meter + b"\x01" + number(counter, 8) + number(high, 4)
    tag = gmac(derive(z, supplier, 1, counter, meter), supplier + bytes(4), covered)
    token = high << 32 | int.from_bytes(tag[-4:], "big")
    digits = "%019d" % (token + 7394156990786306048)
    return digits + check_digit(digits)


# Certificates

_POLICY = "1.2.826.0.1.8641679.1.2.1.4"


def key_identifier(point):
    """0100 and the last 60 bits of SHA-1 over the uncompressed point (RFC 5280, 4.2.1.2, method 2): 8 octets."""
    last = hashlib.sha1(b"\x04" + point).digest()[-8:]
    return bytes([0x40 | last[0] & 0x0F]) + last[1:]


def certificate(subject_public, issuer_private, entity, role=None, usage="ds", issuer="Z1", serial=1, name=None):
    """DER of an organisation's certificate (a `role`), of a device's (`role` None), or of an issuer's own (usage "ca").

    usage: "ds" digital signature, "ka" key agreement, "ca" certificate signing. Valid from 2015 for ever.
    """
    issuer_point = public_key(issuer_private)
    subject = []
    if name is not None:
        subject.append(x509.NameAttribute(NameOID.COMMON_NAME, name))
    if role is not None:
        subject.append(x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "%02X" % role))
        # The library has no public name for the one type that it accepts here.
        subject.append(x509.NameAttribute(NameOID.X500_UNIQUE_IDENTIFIER, b"\x00" + entity, _ASN1Type.BitString))
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name(subject))
        .issuer_name(
            x509.Name(
                [
                    x509.NameAttribute(NameOID.COMMON_NAME, issuer),
                    x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "07"),
                ]
            )
        )
        .serial_number(serial)
        .not_valid_before(dt.datetime(2015, 1, 1))
        .not_valid_after(dt.datetime(9999, 12, 31, 23, 59, 59))
        .public_key(_public(subject_public))
        .add_extension(
            x509.KeyUsage(usage == "ds", False, False, False, usage == "ka", usage == "ca", False, False, False), True
        )
        .add_extension(x509.SubjectKeyIdentifier(key_identifier(subject_public)), False)
        .add_extension(x509.AuthorityKeyIdentifier(key_identifier(issuer_point), None, None), False)
        .add_extension(x509.CertificatePolicies([x509.PolicyInformation(x509.ObjectIdentifier(_POLICY), None)]), True)
    )
    if role is None:
        # hardwareModuleName (RFC 4108): the type of the hardware, and its serial number, which is the EUI-64.
        # The type is under the enterprise number that is kept for examples (RFC 5612).
        module = b"\x06\x0a" + bytes.fromhex("2b0601040181fd590101") + b"\x04\x08" + entity
        other = x509.OtherName(x509.ObjectIdentifier("1.3.6.1.5.5.7.8.4"), b"\x30" + length(len(module)) + module)
        builder = builder.add_extension(x509.SubjectAlternativeName([other]), True)
    if usage == "ca":
        builder = builder.add_extension(x509.BasicConstraints(True, None), True)
    made = builder.sign(_private(issuer_private), hashes.SHA256())
    return made.public_bytes(serialization.Encoding.DER)


def certificate_public_key(der):
    """The public key, 64 octets, in a certificate."""
    point = x509.load_der_x509_certificate(der).public_key()
    return point.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)[1:]
