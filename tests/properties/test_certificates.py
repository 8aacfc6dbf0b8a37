"""Two readers of certificates, one opinion: whatever is done to a certificate, both read the same or both refuse."""

from hypothesis import given, settings
from hypothesis import strategies as st

from slotmeter.hal.board.certificates import BoardCertificates
from slotmeter.hal.certificates import Certificate, Certificates
from slotmeter.hal.errors import BAD_CERTIFICATE, HalError
from slotmeter.hal.host.certificates import HostCertificates

HOST = HostCertificates()
BOARD = BoardCertificates()

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
SEEDS = [bytes.fromhex(text) for text in (ORGANISATION, DEVICE, AUTHORITY)]
# Octets that mean something in DER.
TELLING = b"\x00\x01\x02\x03\x04\x05\x06\x0c\x13\x16\x17\x18\x1c\x1e\x30\x31\x7f\x80\x81\x82\x86\xa0\xa3\xff"


def outcome(reader: Certificates, der: bytes) -> "dict[str, object] | str":
    """The facts, or the kind of refusal; anything else that is raised is a bug."""
    try:
        return dict(vars(reader.read(der)))
    except HalError as error:
        assert error.kind == BAD_CERTIFICATE
        return error.kind


def agreed(der: bytes) -> "dict[str, object] | str":
    host = outcome(HOST, der)
    assert outcome(BOARD, der) == host, der.hex()
    return host


def test_both_read_the_seeds() -> None:
    for seed in SEEDS:
        assert isinstance(agreed(seed), dict)


def test_both_agree_on_every_flipped_bit() -> None:
    for seed in SEEDS:
        for bit in range(8 * len(seed)):
            changed = bytearray(seed)
            changed[bit // 8] ^= 1 << bit % 8
            agreed(bytes(changed))


def elements(der: bytes) -> "list[tuple[int, int]]":
    """Start of the contents and length of every element with a short length, wherever one seems to be."""
    return [
        (pos + 2, der[pos + 1])
        for pos in range(len(der) - 1)
        if der[pos] & 0x1F != 0x1F and der[pos + 1] < 128 and pos + 2 + der[pos + 1] <= len(der)
    ]


changes = st.lists(
    st.tuples(
        st.sampled_from(["set", "telling", "step", "delete", "insert", "repeat", "swap"]),
        st.integers(0, 4095),
        st.integers(0, 255),
        st.integers(1, 6),
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=3000, deadline=None)
@given(st.sampled_from(SEEDS), changes)
def test_both_agree_on_any_change(seed: bytes, what: "list[tuple[str, int, int, int]]") -> None:
    der = bytearray(seed)
    for kind, place, octet, size in what:
        at = place % max(1, len(der))
        if kind == "set":
            der[at : at + 1] = bytes((octet,))
        elif kind == "telling":
            der[at : at + 1] = TELLING[octet % len(TELLING) :][:1]
        elif kind == "step":
            der[at : at + 1] = bytes(((der[at] + (1 if octet & 1 else -1)) & 255,)) if der else b""
        elif kind == "delete":
            del der[at : at + size]
        elif kind == "insert":
            der[at:at] = bytes((octet,)) * size
        elif kind == "repeat":
            der[at:at] = der[at : at + size]
        else:
            start, length = (elements(bytes(der)) or [(0, 0)])[place % max(1, len(elements(bytes(der))))]
            der[start : start + length] = reversed(der[start : start + length])
    agreed(bytes(der))


@settings(max_examples=1500, deadline=None)
@given(st.sampled_from(SEEDS), st.integers(0, 10**6), st.binary(max_size=40))
def test_both_agree_on_other_contents_of_any_element(seed: bytes, which: int, contents: bytes) -> None:
    # Contents of the same length: what is around stays well-formed, so that this element alone decides.
    places = elements(seed)
    start, length = places[which % len(places)]
    filled = (contents * (length // max(1, len(contents)) + 1))[:length].ljust(length, b"\0")
    agreed(seed[:start] + filled + seed[start + length :])


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_both_refuse_random_octets(der: bytes) -> None:
    assert agreed(der) == BAD_CERTIFICATE


def test_a_printed_certificate_is_short() -> None:
    certificate = BOARD.read(SEEDS[0])
    assert type(certificate) is Certificate
    assert repr(certificate) == "Certificate(entity=90b3d51f30020000, key_id=6b65796964656e74, usage=80)"
