"""Two readers of certificates, one opinion: whatever is done to a certificate, both read the same or both refuse."""

import runpy
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from slotmeter.hal.board.certificates import BoardCertificates
from slotmeter.hal.certificates import Certificate, Certificates
from slotmeter.hal.errors import BAD_CERTIFICATE, HalError
from slotmeter.hal.host.certificates import HostCertificates

HOST = HostCertificates()
BOARD = BoardCertificates()

# The test of the board's reader has them: it runs on boards and must stand alone.
MADE = runpy.run_path(str(Path(__file__).resolve().parent.parent / "hal" / "test_board_certificates.py"))
SEEDS = [bytes.fromhex(MADE[name]) for name in ("ORGANISATION", "DEVICE", "AUTHORITY")]
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


@settings(max_examples=1500, deadline=None)
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
