"""Keystores: what is read, what is refused and how it is said, and the test PKI that the bench makes."""

import os

import builder as b
import pytest
from cryptography import x509

from slotmeter.boards.pc import pki
from slotmeter.boards.pc.cast import Cast, CastError, key_id, load_cast
from slotmeter.dlms.gbcs import roles
from slotmeter.hal.virtual.entropy import SeededEntropy

SUPPLIER = pki.entity_of(roles.SUPPLIER)
BROKER = pki.entity_of(roles.ACCESS_CONTROL_BROKER)


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cast") / "keys"
    pki.create(folder, SeededEntropy(1))
    return folder


@pytest.fixture
def keystore(made, tmp_path):
    folder = tmp_path / "keys"
    pki.create(folder, SeededEntropy(1))
    return folder


def file_of(entity_id, ending):
    return f"{entity_id.hex()}-{ending}"


def refusal(folder, **options):
    with pytest.raises(CastError) as caught:
        Cast.load(folder, **options)
    text = str(caught.value)
    assert "\n" not in text
    assert "Traceback" not in text
    return text


def test_the_same_seed_makes_the_same_files():
    assert pki.make(SeededEntropy(5)) == pki.make(SeededEntropy(5))
    assert pki.make(SeededEntropy(5)) != pki.make(SeededEntropy(6))


def test_every_role_of_a_meter_is_played(made):
    cast = Cast.load(made)
    cells = [(cell.role, cell.usage, cell.cell_usage) for cell in cast.cells()]
    assert cells == list(roles.ESME_CELLS)
    assert cast.party(roles.SUPPLIER).entity_id == SUPPLIER
    assert cast.party(roles.WAN_PROVIDER).name == "WAN provider"
    assert cast.by_id(SUPPLIER).pp_private
    assert cast.by_id(bytes(8)) is None


def test_an_identity_holds_the_keys_of_the_device(made):
    cast = Cast.load(made)
    identity = cast.identity("twin")
    assert identity.eui64 == pki.DEFAULT_DEVICE
    assert len(identity.ds_private) == len(identity.ka_private) == 32
    assert identity.secrets == {}
    assert b.certificate_public_key(identity.ka_certificate) == b.public_key(int.from_bytes(identity.ka_private, "big"))


def test_both_ends_agree_on_one_secret(made):
    cast = Cast.load(made)
    device, supplier = cast.device, cast.party(roles.SUPPLIER)
    expected = b.shared_secret(int.from_bytes(device.ka_private, "big"), supplier.ka_public)
    assert cast.secret(supplier) == cast.z(supplier.entity_id, device.entity_id) == expected
    top_up = b.shared_secret(int.from_bytes(supplier.pp_private, "big"), device.ka_public)
    assert cast.secret(supplier, prepayment=True) == top_up != expected
    assert cast.z(device.entity_id, BROKER, prepayment=True) is None
    assert cast.z(device.entity_id, bytes(8)) is None


def test_certificates_have_the_shape_of_the_standard(made):
    cast = Cast.load(made)
    supplier = x509.load_der_x509_certificate(cast.party(roles.SUPPLIER).ds_certificate)
    unit = supplier.subject.get_attributes_for_oid(x509.NameOID.ORGANIZATIONAL_UNIT_NAME)[0]
    unique = supplier.subject.get_attributes_for_oid(x509.NameOID.X500_UNIQUE_IDENTIFIER)[0]
    assert (unit.value, unique.value) == ("02", b"\0" + SUPPLIER)
    assert supplier.extensions.get_extension_for_class(x509.CertificatePolicies).critical
    assert supplier.extensions.get_extension_for_class(x509.KeyUsage).value.digital_signature
    device = x509.load_der_x509_certificate(cast.device.ka_certificate)
    names = device.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert names.critical
    assert names.value[0].value[-8:] == pki.DEFAULT_DEVICE
    assert len(device.subject) == 0
    assert device.not_valid_after_utc.year == 9999
    for der in (cast.party(roles.SUPPLIER).ds_certificate, cast.device.ka_certificate):
        assert key_id(der) == b.key_identifier(b.certificate_public_key(der))


def test_organisations_are_certified_by_the_issuing_authority(made):
    cast = Cast.load(made)
    issuer = x509.load_der_x509_certificate(cast.issuer_certificate())
    root = x509.load_der_x509_certificate(cast.certificate(roles.ROOT, roles.KEY_CERT_SIGN))
    x509.load_der_x509_certificate(cast.party(roles.RECOVERY).ds_certificate).verify_directly_issued_by(issuer)
    issuer.verify_directly_issued_by(root)
    assert cast.root_key_id == key_id(cast.certificate(roles.ROOT, roles.KEY_CERT_SIGN))


def test_keys_that_are_there_are_not_overwritten(keystore):
    before = (keystore / "root.key").read_bytes()
    with pytest.raises(CastError, match="--force"):
        pki.create(keystore, SeededEntropy(2))
    assert (keystore / "root.key").read_bytes() == before
    pki.create(keystore, SeededEntropy(2), force=True)
    assert (keystore / "root.key").read_bytes() != before
    Cast.load(keystore)


def test_forcing_takes_away_the_keys_of_others_but_no_other_file(keystore):
    (keystore / "notes.txt").write_text("mine")
    pki.create(keystore, SeededEntropy(2), device=bytes(7) + b"\x09", force=True)
    assert (keystore / "notes.txt").read_text() == "mine"
    assert not (keystore / file_of(pki.DEFAULT_DEVICE, "ds.key")).exists()
    assert Cast.load(keystore).device.eui64 == bytes(7) + b"\x09"


def test_private_keys_are_for_their_owner_only(made):
    for name in os.listdir(made):
        if name.endswith(".key"):
            assert (made / name).stat().st_mode & 0o077 == 0


def test_keys_are_made_where_there_are_none(tmp_path):
    told = []
    cast = load_cast(tmp_path / "new", create=True, note=told.append)
    assert len(told) == 1
    assert "protect nothing" in told[0]
    again = load_cast(tmp_path / "new", create=True, note=told.append)
    assert len(told) == 1
    assert again.device.ka_private == cast.device.ka_private


def test_a_missing_keystore_is_told_with_the_way_out(tmp_path):
    assert "slotmeter keys" in refusal(tmp_path / "nowhere")
    assert "slotmeter keys" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("ds.pem", b"not a certificate"),
        ("ds.pem", b""),
        ("ds.pem", b"\xff\x00" * 40),
        ("ds.key", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
        ("ds.key", b""),
        ("ka.pem", b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"),
    ],
)
def test_a_damaged_file_is_named(keystore, name, content):
    path = keystore / file_of(SUPPLIER, name)
    path.write_bytes(content)
    text = refusal(keystore)
    assert str(path) in text
    assert "slotmeter keys --force" in text


def test_a_folder_in_the_place_of_a_key_is_named(keystore):
    path = keystore / file_of(SUPPLIER, "ds.key")
    path.unlink()
    path.mkdir()
    assert str(path) in refusal(keystore)


def test_a_key_that_belongs_to_another_certificate_is_refused(keystore):
    supplier, broker = (keystore / file_of(party, "ds.key") for party in (SUPPLIER, BROKER))
    supplier.write_bytes(broker.read_bytes())
    assert "does not belong to the certificate" in refusal(keystore)


def test_a_certificate_under_the_name_of_another_is_refused(keystore):
    other = keystore / file_of(BROKER, "ds.pem")
    other.write_bytes((keystore / file_of(SUPPLIER, "ds.pem")).read_bytes())
    assert SUPPLIER.hex().upper() in refusal(keystore)


def test_certificates_of_another_hierarchy_are_refused_unless_asked_for(keystore):
    scalar, issuer = b.private_key("someone"), b.private_key("live issuer")
    der = b.certificate(b.public_key(scalar), issuer, SUPPLIER, role=2, issuer="a live authority")
    pem = x509.load_der_x509_certificate(der).public_bytes(x509_pem())
    (keystore / file_of(SUPPLIER, "ds.pem")).write_bytes(pem)
    (keystore / file_of(SUPPLIER, "ds.key")).unlink()
    text = refusal(keystore)
    assert "a live authority" in text
    assert "--foreign" in text
    assert Cast.load(keystore, foreign=True).party(roles.SUPPLIER).ds_certificate == der


def x509_pem():
    from cryptography.hazmat.primitives.serialization import Encoding

    return Encoding.PEM


def test_no_key_shows_in_a_repr(made):
    cast = Cast.load(made)
    for shown in (repr(cast), repr(cast.device), repr(cast.identity())):
        assert cast.device.ds_private.hex() not in shown.lower()
        assert cast.device.ka_private.hex() not in shown.lower()


def test_a_role_that_nobody_plays_is_told(keystore):
    for name in os.listdir(keystore):
        if name.startswith((SUPPLIER.hex(), pki.NEXT_SUPPLIER.hex())):
            (keystore / name).unlink()
    cast = Cast.load(keystore)
    assert cast.find(roles.SUPPLIER) is None
    with pytest.raises(CastError, match="no supplier"):
        cast.identity()


def test_the_rtds_folder_must_hold_a_keystore(tmp_path):
    with pytest.raises(CastError, match="keystore"):
        Cast.rtds(tmp_path)
