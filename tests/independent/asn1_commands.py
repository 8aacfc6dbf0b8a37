"""Commands and responses of the ASN.1 use cases, written and read by hand from their ASN.1 module (GBCS 13).

It imports nothing of slotmeter. A cell is (role, key usage octet, cell usage); times are seconds since 2000.
"""

import datetime as dt

import builder as b
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

CANCEL = b"99991231235959Z"
INTEGER, OCTET_STRING, NULL, ENUMERATED, SEQUENCE, TIME = 0x02, 0x04, 0x05, 0x0A, 0x30, 0x18


def der(tag, *contents):
    """One element in plain DER."""
    octets = b"".join(contents)
    return bytes((tag,)) + b.length(len(octets)) + octets


def integer(value, tag=INTEGER):
    """An integer that is not negative, under its own or another tag."""
    return der(tag, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def usage(flags):
    """A KeyUsage of one flag."""
    unused = 0
    while not flags >> unused & 1:
        unused += 1
    return der(3, bytes((unused, flags)))


def cell(place):
    """A CellId's contents."""
    return integer(place[0]) + usage(place[1]) + (integer(place[2]) if place[2] else b"")


def time(seconds):
    """A GeneralizedTime."""
    moment = dt.datetime(2000, 1, 1) + dt.timedelta(seconds=seconds)
    return der(TIME, moment.strftime("%Y%m%d%H%M%SZ").encode())


def update(mode, authority, counter, replacements, path=(), floor=None, top_up_floor=None, others=(), at=None):
    """The payload of CS02b and CS02g. authority: the authorising cell or None; replacements: [(DER, place)]; path:
    [DER]; others: [(role, floor, top-up floor or None)]; at: None for at once, seconds, or CANCEL.
    """

    def special(tag, value):
        return der(tag, der(SEQUENCE, integer(0), integer(value)))

    control = [integer(mode)]
    if authority is not None:
        control.append(der(0xA2, cell(authority)))
    control.append(integer(counter, 0x83))
    if floor is not None:
        control.append(integer(floor, 0x84))
    if top_up_floor is not None:
        control.append(special(0xA5, top_up_floor))
    if others:
        changes = []
        for role, value, other_top_up in others:
            more = b"" if other_top_up is None else special(SEQUENCE, other_top_up)
            changes.append(der(SEQUENCE, integer(role), integer(value), more))
        control.append(der(0xA6, *changes))
    parts = [der(SEQUENCE, *control)]
    parts.append(der(SEQUENCE, *[der(SEQUENCE, octets, der(SEQUENCE, cell(place))) for octets, place in replacements]))
    parts.append(der(SEQUENCE, *path))
    if at is not None:
        parts.append(der(TIME, at) if isinstance(at, bytes) else time(at))
    return der(SEQUENCE, *parts)


def read_credentials(place, roles):
    """The payload of CS02a and CS02f: what the holder of the cell `place` asks to see."""
    return der(SEQUENCE, der(SEQUENCE, cell(place)), der(SEQUENCE, *[integer(role) for role in roles]))


def own_certificate(flags):
    """The payload of CS02c and CS02e."""
    return der(SEQUENCE, usage(flags))


def join(entity, device_type, method=0):
    """The payload of CS03A1."""
    return der(SEQUENCE, integer(method), der(OCTET_STRING, entity), integer(device_type))


def unjoin(entity):
    """The payload of CS04AC."""
    return der(OCTET_STRING, entity)


def activate(image_hash, counter, at=None):
    """The payload of CS06."""
    when = b"" if at is None else der(TIME, at) if isinstance(at, bytes) else time(at)
    return der(SEQUENCE, der(OCTET_STRING, image_hash), integer(counter), when)


def read(data):
    """What a device wrote, whole: integers as int, octet strings and times as bytes, NULL as None, sequences as lists,
    a CellId's key usage as the one octet of its flags.
    """
    value, end = _read(data, 0, len(data))
    assert end == len(data), "octets after the element"
    return value


def _read(data, at, end):
    tag, size = data[at], data[at + 1]
    start = at + 2
    if size >= 0x80:
        # Devices write every length from 128 on in two octets.
        assert size == 0x82, "not a length of a device"
        size = int.from_bytes(data[start : start + 2], "big")
        assert size >= 0x80
        start += 2
    stop = start + size
    assert stop <= end
    if tag == SEQUENCE:
        values = []
        while start < stop:
            value, start = _read(data, start, stop)
            values.append(value)
        return values, stop
    contents = data[start:stop]
    if tag in (INTEGER, ENUMERATED):
        return int.from_bytes(contents, "big", signed=True), stop
    if tag == NULL:
        assert not contents
        return None, stop
    if tag == 3:
        return contents[1], stop
    assert tag in (OCTET_STRING, TIME), "tag %02x" % tag
    return contents, stop


def issuing_certificate(issuer_private, root_private, name="Z1"):
    """DER of the certificate that a root gives an issuing authority: its subject is the issuer that
    `builder.certificate` names.
    """
    subject = [
        x509.NameAttribute(NameOID.COMMON_NAME, name),
        x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "07"),
    ]
    point = b.public_key(issuer_private)
    root = b.key_identifier(b.public_key(root_private))
    made = (
        x509.CertificateBuilder()
        .subject_name(x509.Name(subject))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ZA")]))
        .serial_number(2)
        .not_valid_before(dt.datetime(2015, 1, 1))
        .not_valid_after(dt.datetime(9999, 12, 31, 23, 59, 59))
        .public_key(ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x04" + point))
        .add_extension(x509.KeyUsage(False, False, False, False, False, True, False, False, False), True)
        .add_extension(x509.SubjectKeyIdentifier(b.key_identifier(point)), False)
        .add_extension(x509.AuthorityKeyIdentifier(root, None, None), False)
        .add_extension(x509.BasicConstraints(True, None), True)
        .sign(ec.derive_private_key(root_private, ec.SECP256R1()), hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.DER)


def request_public_key(der_request):
    """The public key, 64 octets, in a certification request whose own signature is checked."""
    request = x509.load_der_x509_csr(der_request)
    assert request.is_signature_valid
    point = request.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    return point[1:]
