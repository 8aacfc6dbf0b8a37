"""Certificates on a board: the same file runs there."""

from slotmeter.hal.board.certificates import BoardCertificates
from slotmeter.hal.board.crypto import BoardCrypto
from slotmeter.hal.errors import BAD_CERTIFICATE, HalError

# Made for these tests and signed by the key 987654321: an organisation's, a device's and an authority's.
ORGANISATION = (
    "308201683082010da00302010202021122300a06082a8648ce3d040302301a310b3009060355040b13023037310b300906035504"
    "0313025a313020170d3230303130313030303030305a180f39393939313233313233353935395a3021310b3009060355040b0c02"
    "303231123010060355042d03090090b3d51f300200003059301306072a8648ce3d020106082a8648ce3d03010703420004e13800"
    "beaf6a7dede4dddf874e4adcc271bf069e8cfc2c5ef989084bec33b260165724349a377da36e357a79cf733cd24ce12981bd9a19"
    "675b08b1d36ed56801a33a3038300e0603551d0f0101ff04040302078030110603551d0e040a04086b65796964656e7430130603"
    "551d23040c300a8008617574686f726974300a06082a8648ce3d0403020349003046022100913a8c94e4a43d7537ca184e844f5d"
    "757d819597fb5a44c5f0e28dcd4adeb6f50221008e80864bfa09f35cfc4cb3e41eafacb211b8d2e4f84b871128a884115a29f8a7"
)
DEVICE = (
    "3082019330820139a00302010202021122300a06082a8648ce3d040302301a310b3009060355040b13023037310b300906035504"
    "0313025a313020170d3230303130313030303030305a180f39393939313233313233353935395a30003059301306072a8648ce3d"
    "020106082a8648ce3d03010703420004e13800beaf6a7dede4dddf874e4adcc271bf069e8cfc2c5ef989084bec33b26016572434"
    "9a377da36e357a79cf733cd24ce12981bd9a19675b08b1d36ed56801a38186308183300e0603551d0f0101ff0404030207803011"
    "0603551d0e040a04086b65796964656e74302b0603551d110101ff0421301fa01d06082b06010505070804a011300f06032a8648"
    "040800db1234567890a0301c0603551d200101ff04123010300e060c2a863a0001edee400102010430130603551d23040c300a80"
    "08617574686f726974300a06082a8648ce3d0403020348003045022100fd06d8469f35d1b65c204def8ba2a806966cb346601282"
    "ae55327330cbb87d1102202b44458f1330b85a26c2b9a6a507714677f68ea77733f74ed4890c2da953791e"
)
AUTHORITY = (
    "308201523081f8a00302010202021122300a06082a8648ce3d040302300d310b3009060355040313025a303020170d3439313233"
    "313233353935395a180f32303530303130313030303030305a301a310b3009060355040b13023037310b3009060355040316025a"
    "313059301306072a8648ce3d020106082a8648ce3d03010703420004e13800beaf6a7dede4dddf874e4adcc271bf069e8cfc2c5e"
    "f989084bec33b260165724349a377da36e357a79cf733cd24ce12981bd9a19675b08b1d36ed56801a3393037300e0603551d0f01"
    "01ff04040302010630120603551d130101ff040830060101ff02010030110603551d0e040a04086b65796964656e74300a06082a"
    "8648ce3d0403020349003046022100e8f382be3592a9dee54d57016e00e244acbc0a2e7bcf94c9e3152c128c1c6dd5022100d8fd"
    "42c928ad5ebb386825b3ae36438593a8f6215a21457b97984fb3d3cac7d9"
)


def der(text):
    return bytes.fromhex(text)


def refused(octets):
    try:
        BoardCertificates().read(octets)
    except HalError as error:
        return error.kind == BAD_CERTIFICATE
    return False


def test_the_facts_of_an_organisation():
    certificate = BoardCertificates().read(der(ORGANISATION))
    assert certificate.entity_id == der("90b3d51f30020000")
    assert certificate.role == 2
    assert certificate.key_usage == 0x80
    assert certificate.key_id == b"keyident"
    assert certificate.authority_id == b"authorit"
    assert certificate.not_before == 631152000
    assert certificate.not_after == 252455615999


def test_the_facts_of_a_device():
    certificate = BoardCertificates().read(der(DEVICE))
    assert certificate.entity_id == der("00db1234567890a0")
    assert certificate.role is None
    assert certificate.subject == b"\x30\x00"


def test_the_facts_of_an_authority():
    certificate = BoardCertificates().read(der(AUTHORITY))
    assert certificate.entity_id == b""
    assert certificate.role == 7
    assert certificate.key_usage == 0x06
    assert certificate.not_after - certificate.not_before == 1


def test_the_signature_is_over_the_part_that_is_signed():
    crypto = BoardCrypto()
    public = crypto.public_key((987654321).to_bytes(32, "big"))
    for text in (ORGANISATION, DEVICE):
        certificate = BoardCertificates().read(der(text))
        assert certificate.public_key == public
        assert crypto.verify(public, certificate.signature, certificate.tbs)


def test_what_is_cut_off_or_longer_is_refused():
    whole = der(ORGANISATION)
    for cut in range(0, len(whole), 5):
        assert refused(whole[:cut])
    assert refused(whole + b"\0")
    assert refused(bytes(5000))


def test_a_damaged_name_is_refused():
    whole = der(ORGANISATION)
    assert refused(whole.replace(b"Z1", b"\xff1"))
    assert refused(whole.replace(b"\x0c\x0202", b"\x0c\x02\xff2"))
    assert refused(whole.replace(b"200101000000Z", b"200230000000Z"))


def test_a_request_names_the_device_and_its_key():
    entity = der("00db1234567890a0")
    private = (987654321).to_bytes(32, "big")
    crypto = BoardCrypto()
    request = BoardCertificates().request(private, entity, 0x08)
    assert request[4:12] == der("3081ba0201003000")
    assert crypto.public_key(private) in request
    assert entity in request
    assert der("03020308") in request
    # Two INTEGERs make the signature.
    start = 193
    assert request[start : start + 12] == der("300a06082a8648ce3d040302")
    half = start + 17
    r = request[half + 2 : half + 2 + request[half + 1]]
    s = request[half + 4 + request[half + 1] :]
    raw = int.from_bytes(r, "big").to_bytes(32, "big") + int.from_bytes(s, "big").to_bytes(32, "big")
    assert crypto.verify(crypto.public_key(private), raw, request[4:start])
