"""Implicit certificates: made by an authority of our own, read, and refused each for its reason."""

from slotmeter.hal.board.crypto import BoardCrypto
from slotmeter.hal.virtual.entropy import SeededEntropy
from slotmeter.zigbee_han import certificates
from slotmeter.zigbee_han.agreement import CurveWork, Identity, best, entropy_size
from slotmeter.zigbee_han.certificates import SUITE_1, SUITE_2, SUITES, Authority, curve_of
from slotmeter.zigbee_han.errors import DecodeError, EncodeError

CRYPTO = BoardCrypto()
SUBJECT = b"\x02SLOT\x10\x00\x01"
ISSUER = b"BENCH CA"
AUTHORITIES = [Authority(CRYPTO, suite, curve_of(suite).private_key(bytes(range(50))), ISSUER) for suite in SUITES]
ISSUED = [authority.issue(SeededEntropy(7), SUBJECT, 1386400000) for authority in AUTHORITIES]


def refusal(act):
    try:
        act()
    except (DecodeError, EncodeError) as error:
        return str(error)
    return None


def changed(octets, place, new):
    return octets[:place] + new + octets[place + len(new) :]


def test_what_an_authority_issues_says_who_it_is_for_and_who_made_it():
    for suite, (octets, private) in zip(SUITES, ISSUED):
        one = certificates.parse(suite, octets)
        assert (one.suite, one.subject, one.issuer, one.octets) == (suite, SUBJECT, ISSUER, octets)
        one.check_subject(SUBJECT)
        one.check_issuer(ISSUER)
        assert len(octets) == certificates.size_of(suite)
        assert len(private) == curve_of(suite).size
    one = certificates.parse(SUITE_1, ISSUED[0][0])
    assert one.attributes == b"\x01\x09\x00\x06\0\0\0\0\0\0"
    assert (one.serial, one.valid_from, one.validity, one.usage) == (b"", 0, 0, 0)
    two = certificates.parse(SUITE_2, ISSUED[1][0])
    assert (two.valid_from, two.validity, two.usage, two.attributes) == (1386400000, 0xFFFFFFFF, 0x88, b"")
    assert len(two.serial) == 8


def test_the_private_key_belongs_to_its_certificate_and_authority_alone():
    for suite, authority, (octets, private) in zip(SUITES, AUTHORITIES, ISSUED):
        one = certificates.parse(suite, octets)
        assert certificates.public_key(CRYPTO, one, authority.public) == curve_of(suite).public_key(private)
        assert certificates.belongs(CRYPTO, one, private, authority.public)
        other = changed(private, len(private) - 1, bytes((private[-1] ^ 1,)))
        assert not certificates.belongs(CRYPTO, one, other, authority.public)
        stranger = Authority(CRYPTO, suite, curve_of(suite).private_key(bytes(50)), ISSUER)
        assert not certificates.belongs(CRYPTO, one, private, stranger.public)
        assert not certificates.belongs(CRYPTO, one, private, b"")


def test_a_changed_octet_gives_another_public_key_or_none():
    for suite, authority, (octets, private) in zip(SUITES, AUTHORITIES, ISSUED):
        # Every octet is changed in test_certificates_any.py; that would take a board minutes.
        for place in (11, 45):
            other = changed(octets, place, bytes((octets[place] ^ 0x10,)))
            try:
                one = certificates.parse(suite, other)
            except DecodeError:
                continue
            assert not certificates.belongs(CRYPTO, one, private, authority.public)


def test_the_same_entropy_issues_the_same_certificate():
    for authority, issued in zip(AUTHORITIES, ISSUED):
        assert authority.issue(SeededEntropy(7), SUBJECT, 1386400000) == issued
        assert authority.issue(SeededEntropy(8), SUBJECT, 1386400000) != issued


def test_a_certificate_of_the_wrong_kind_is_refused_for_its_reason_and_place():
    one, two = ISSUED[0][0], ISSUED[1][0]
    for suite, octets, reason in (
        (SUITE_1, one[:-1], "a certificate of suite 1 has 48 octets, not 47 at octet 0"),
        (SUITE_1, two, "a certificate of suite 1 has 48 octets, not 74 at octet 0"),
        (SUITE_2, b"", "a certificate of suite 2 has 74 octets, not 0 at octet 0"),
        (SUITE_1, changed(one, 38, b"\x01\x04"), "certificate is for profile 0104, not 0109 at octet 38"),
        (SUITE_2, changed(two, 0, b"\x01"), "certificate is of type 1, not 0 (implicit, no extensions) at octet 0"),
        (SUITE_2, changed(two, 9, b"\x0c"), "certificate is for curve 0c, not 0d (sect283k1) at octet 9"),
        (SUITE_2, changed(two, 10, b"\x04"), "certificate is for hash 04, not 08 (AES-MMO) at octet 10"),
        (SUITE_2, changed(two, 36, b"\x80"), "key usage 80 does not allow key agreement at octet 36"),
        (3, two, "no such suite of key establishment: 3 at octet 0"),
        (0, b"", "no such suite of key establishment: 0 at octet 0"),
    ):
        assert refusal(lambda: certificates.parse(suite, octets)) == reason
    assert certificates.parse(SUITE_2, changed(two, 36, b"\x08")).usage == 8


def test_another_subject_or_issuer_is_refused():
    for suite, (octets, _) in zip(SUITES, ISSUED):
        one = certificates.parse(suite, octets)
        assert "is that of 02534c4f54100001, not of" in refusal(lambda: one.check_subject(ISSUER))
        assert "was issued by " in refusal(lambda: one.check_issuer(b"TESTSECA"))


def test_a_certificate_whose_point_is_none_gives_no_public_key():
    for suite, authority, (octets, _) in zip(SUITES, AUTHORITIES, ISSUED):
        at = 0 if suite == SUITE_1 else 37
        size = curve_of(suite).size + 1
        for point in (bytes(size), b"\x04" + octets[at + 1 : at + size], b"\x02" + bytes(size - 1)):
            one = certificates.parse(suite, changed(octets, at, point))
            assert refusal(lambda: certificates.public_key(CRYPTO, one, authority.public)) is not None


def test_a_certificate_that_cancels_its_authority_gives_no_public_key():
    # Whoever knew the authority's private key could make one; here the authority's point is chosen to fit.
    for suite, (octets, _) in zip(SUITES, ISSUED):
        one = certificates.parse(suite, octets)
        curve = curve_of(suite)
        x, y = certificates.public_point(CRYPTO, one, curve.base)
        x, y = curve.add((x, y), (curve.base[0], curve.base[0] ^ curve.base[1]))
        assert "gives no public key" in refusal(lambda: certificates.public_point(CRYPTO, one, (x, x ^ y)))


def test_fields_that_do_not_fit_are_not_encoded():
    assert refusal(lambda: certificates.build_1(bytes(22), bytes(8), bytes(7))) is not None
    assert refusal(lambda: certificates.build_1(bytes(21), bytes(9), bytes(8))) is not None
    assert refusal(lambda: certificates.build_1(bytes(22), bytes(8), bytes(8), bytes(9))) is not None
    good = (bytes(37), bytes(8), bytes(8), bytes(8))
    assert len(certificates.build_2(*good, (1 << 40) - 1)) == 74
    assert refusal(lambda: certificates.build_2(*good, 1 << 40)) is not None
    assert refusal(lambda: certificates.build_2(*good, 0, -1)) is not None
    assert refusal(lambda: certificates.build_2(*good, 0, 0, 256)) is not None
    for place in range(4):
        bad = list(good)
        bad[place] += b"\0"
        assert refusal(lambda: certificates.build_2(*bad, 0)) is not None


def test_scalars_that_cancel_make_no_certificate():
    for suite, authority in zip(SUITES, AUTHORITIES):
        curve = curve_of(suite)
        one, last = (1).to_bytes(curve.size, "big"), (curve.n - 1).to_bytes(curve.size, "big")
        assert refusal(lambda: authority.issue_with(one, last, SUBJECT, bytes(8))) is not None


def test_an_identity_takes_what_has_the_right_form():
    for suite, authority, (octets, private) in zip(SUITES, AUTHORITIES, ISSUED):
        curve = curve_of(suite)
        assert Identity(suite, octets, private, authority.public).certificate.subject == SUBJECT
        for bad in (private[1:], bytes(curve.size), curve.n.to_bytes(curve.size, "big")):
            assert "not a private key" in refusal(lambda: Identity(suite, octets, bad, authority.public))
        assert refusal(lambda: Identity(suite, octets, private, b"\x02" + bytes(curve.size))) is not None
        assert refusal(lambda: Identity(suite, octets[1:], private, authority.public)) is not None
        assert refusal(lambda: Identity(7, octets, private, authority.public)) is not None


def test_the_best_identity_is_the_highest_suite_that_is_asked_for():
    both = [Identity(SUITES[i], ISSUED[i][0], ISSUED[i][1], AUTHORITIES[i].public) for i in range(2)]
    for identities in (both, [both[1], both[0]]):
        assert best(identities, 3).suite == SUITE_2
        assert best(identities, 0xFFFF).suite == SUITE_2
        assert best(identities, 1).suite == SUITE_1
        assert best(identities, 0xFFFC) is None
    assert best([], 3) is None
    assert best(both[:1], 2) is None


def test_no_secret_shows():
    for suite, authority, (octets, private) in zip(SUITES, AUTHORITIES, ISSUED):
        shown = [repr(Identity(suite, octets, private, authority.public)), repr(authority), repr(CurveWork(CRYPTO))]
        shown.append(repr(certificates.parse(suite, octets)))
        for text in shown:
            assert private.hex() not in text.lower()
            assert str(int.from_bytes(private, "big")) not in text
            assert repr(private)[2:-1] not in text
        assert "private key of %d octets" % len(private) in shown[0]


def test_ephemeral_keys_come_of_the_random_octets_alone():
    work = CurveWork(CRYPTO)
    for suite in SUITES:
        octets = bytes(range(entropy_size(suite)))
        private, public = work.ephemeral(suite, octets)
        assert work.ephemeral(suite, octets) == (private, public)
        assert curve_of(suite).public_key(private) == public
        assert work.point(suite, public) == curve_of(suite).decompress(public)
        assert refusal(lambda: work.point(suite, public + b"\0")) is not None


def test_points_that_cancel_each_other_give_no_secret():
    work = CurveWork(CRYPTO)
    for suite in SUITES:
        curve = curve_of(suite)
        private, public = work.ephemeral(suite, bytes(range(entropy_size(suite))))
        point = curve.decompress(public)
        half = point[0] % (1 << (curve.order_bits + 1) // 2) + (1 << (curve.order_bits + 1) // 2)
        # A static key with half * key + ephemeral = 0.
        factor = pow(half, curve.n - 2, curve.n)
        x, y = curve.multiply(factor, point)
        assert refusal(lambda: work.secret(suite, private, private, public, (x, x ^ y), point)) is not None
