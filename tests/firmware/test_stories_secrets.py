"""Cells that are empty, keys that are none, secrets that are given: what the meter does when it lacks one of them."""

import asn1_commands as a
import builder as b
import pytest
from world import DS, ISSUER, ISSUER_CERTIFICATE, KA, METER, METER_KA, NOW_S, World

from slotmeter.dlms.gbcs.anchors import Cell, DeviceKeys, Secrets
from slotmeter.dlms.gbcs.gate import Refusal
from slotmeter.firmware.identity import provision
from slotmeter.hal.entropy import Entropy
from slotmeter.hal.errors import BAD_KEY, UNAVAILABLE, HalError
from slotmeter.hal.host.crypto import HostCrypto
from slotmeter.hal.records import Records
from slotmeter.hal.virtual.store import VirtualStore

READ = (0x0059, [b.get(1, "0-0:0.2.1.255", 2)])
ADD = (0x001C, [b.act(112, "0-0:19.10.0.255", 1, b.i32(100))])
REGISTER = b"\x00\x01" + b.obis("0-0:94.44.34.10") + b"\x02"


def reason(world, data):
    """Why `data` is refused; the alert for it is checked, and that nothing changed."""
    text = [fact.text for fact in told(world, data) if type(fact).__name__ == "MessageRefused"]
    assert len(text) == 1
    return text[0]


def told(world, data):
    before = world.meter.digest()
    responses, alerts, facts = world.deliver(data)
    assert not responses and world.meter.digest() == before
    for alert in alerts:
        world.check(alert)
    return facts


def empty(world, *place):
    world.meter.anchors.clear_cell(*place)
    world.meter.records.commit()


def spoil(world, role, usage):
    """Puts octets that are no key into a cell, as a bench or a damaged store may."""
    cell = world.meter.anchors.cell(role, usage)
    world.meter.anchors.put_cell(Cell(role, usage, 0, cell.entity_id, cell.key_id, b"\xff" * 64, b""))
    world.meter.records.commit()
    world.meter.secrets.forget()


def protected_read(world):
    counter = world.supplier.counter + 1
    item = b.protected_read(counter, world.supplier.entity, METER, "0-0:43.2.8.255", [(1, "0-0:94.44.34.10", 2)])
    return world.command(world.supplier, 0x0027, [item])


def test_without_the_broker_nothing_that_needs_its_mac_is_authentic():
    world = World()
    empty(world, b.ACB, KA)
    assert "cell is empty" in reason(world, world.command(world.supplier, *READ))


def test_a_broker_s_key_that_is_none_makes_nothing_authentic():
    world = World()
    spoil(world, b.ACB, KA)
    assert "cannot be used" in reason(world, world.command(world.supplier, *READ))


def test_without_the_originator_s_signature_key_its_signature_is_worth_nothing():
    world = World()
    empty(world, b.SUPPLIER, DS)
    assert "digital signature cell is empty" in reason(world, world.command(world.supplier, *ADD, critical=True))


def test_a_broker_signs_nothing_that_the_meter_could_check():
    world = World()
    # An unknown use case decides nothing by itself, so the signature that came is what is looked at.
    data = world.command(world.broker, 0x0099, READ[1], critical=True)
    assert "no signature key" in reason(world, data)


def test_the_broker_reads_credentials_under_its_mac_where_others_sign():
    world = World()
    asked = a.read_credentials((b.ACB, KA, 0), [b.ACB])
    response = world.answer(world.message(world.broker, 0x0008, asked, 7))
    assert response.mac and not response.signature
    data = world.message(world.broker, 0x0008, asked, 7, critical=True, mac=False)
    assert reason(world, data) == "the MAC is missing"
    signed = a.read_credentials((b.SUPPLIER, DS, 0), [b.SUPPLIER])
    assert reason(world, world.message(world.supplier, 0x0008, signed, 7)) == "a MAC is not foreseen"


def test_who_cannot_be_answered_is_refused_and_nothing_is_done():
    world = World()
    spoil(world, b.SUPPLIER, KA)
    for data in (world.command(world.supplier, *READ), protected_read(world), world.top_up(world.supplier, 5 << 32, 1)):
        assert world.refused(data) == "not-authorised"
    assert world.balance() == 0
    # A signed answer needs no secret.
    world.answer(world.command(world.supplier, *ADD, critical=True))


def test_an_encrypted_answer_to_a_certificate_that_is_none_fails_its_item():
    world = World()
    counter = world.broker.counter + 1
    reader = world.other_supplier.entity
    item = b.protected_read(counter, reader, METER, "0-0:43.2.6.255", [(7, "0-0:98.1.8.255", 2, (NOW_S - 60, NOW_S))])
    for certificate in (b"", b"\x30\x00"):
        own = world.meter.anchors.own_counter()
        supplementary = reader + b.number(55, 8) + certificate
        data = world.command(world.broker, 0x0034, [item], counter=counter, supplementary=supplementary)
        ((kind, result, value),) = world.results(data)
        assert (kind, value) == (b.ACTION, b"\x00") and result
        assert world.meter.anchors.own_counter() == own


def test_an_alert_that_cannot_be_protected_reaches_nobody_and_holds_nothing_up():
    world = World()
    for harm in (lambda: spoil(world, b.SUPPLIER, KA), lambda: empty(world, b.SUPPLIER, KA)):
        harm()
        assert not world.meter.raise_alert(0x1001, 0x810D, ())
        assert not world.meter.raise_alert(0x0061, 0x8F0A, (), (REGISTER,))
        assert world.advance(60) == ([], [], [])
    assert world.meter.raise_alert(0x1000, 0x8F0A, ())
    assert len(world.take()[1]) == 1


def test_an_alert_with_protected_values_can_be_opened_by_its_target_alone():
    world = World()
    assert world.meter.raise_alert(0x0061, 0x8F0A, (), (REGISTER,))
    _, (alert,), _ = world.take()
    world.check(alert)
    z = b.shared_secret(world.supplier.ka, world.ka_public)
    place = alert.payload.index(b"\x31\x00\x00\x00\x00")
    plaintext = b.decrypt(z, METER, alert.counter, world.supplier.entity, alert.payload[place:])
    assert plaintext == b.structure(world.meter.peek(REGISTER))
    assert not world.meter.raise_alert(0x0061, 0x8F0A, (), (b"\xff" * 9,))
    empty(world, b.SUPPLIER, DS)
    empty(world, b.SUPPLIER, KA)
    empty(world, b.SUPPLIER, KA, 1)
    assert not world.meter.raise_alert(0x1000, 0x8F0A, ())


def test_a_meter_that_was_given_its_secrets_answers_those_whose_secret_it_was_given():
    world = World()
    agreed = {}
    for party in (world.supplier, world.operator, world.broker):
        agreed[b.public_key(party.ka)] = b.shared_secret(party.ka, b.public_key(METER_KA))
    world.identity.ka_private = b""
    world.identity.secrets = agreed
    store = VirtualStore()
    provision(Records(store), HostCrypto(), world.identity)
    world = World(store=store)
    assert world.results(world.command(world.supplier, *READ))[0][1] == 0
    # A key that nobody gave the secret of: the exchange succeeds, and what needs the secret does not.
    world.supplier.ka = b.private_key("another key")
    place = (b.SUPPLIER, KA, 0)
    listed = world.credentials(world.supplier, (place,))
    world.answer(world.asn1(world.supplier, 0x0102, lambda n: a.update(2, (2, DS, 0), n, listed, [ISSUER_CERTIFICATE])))
    assert world.refused(world.command(world.supplier, *READ)) == "not-authorised"
    assert world.results(world.command(world.operator, 0x0059, READ[1]))[0][1] == 0


def test_a_cache_of_secrets_is_bounded_and_may_be_left_out():
    crypto = HostCrypto()
    records = Records(VirtualStore())
    keys = DeviceKeys(records)
    keys.put(KA, METER_KA.to_bytes(32, "big"), b"")
    cached = Secrets(records, crypto, keys)
    plain = Secrets(records, crypto, keys, cached=False)
    for number in range(Secrets.LIMIT + 1):
        peer = b.private_key("peer %d" % number)
        z = b.shared_secret(peer, b.public_key(METER_KA))
        assert cached.z(b.public_key(peer)) == plain.z(b.public_key(peer)) == z
    assert repr(cached) == "Secrets(1 held)" and repr(plain) == "Secrets(0 held)"
    with pytest.raises(HalError) as caught:
        cached.z(b"\xff" * 64)
    assert caught.value.kind == BAD_KEY


def test_what_holds_a_secret_shows_none_of_it():
    world = World()
    world.answer(world.command(world.supplier, *READ))
    meter = world.meter
    shown = repr([world.identity, meter.secrets, meter.organs.account.validator] + meter.anchors.cells(b.SUPPLIER))
    for secret in (METER_KA.to_bytes(32, "big"), b.shared_secret(world.broker.ka, world.ka_public)):
        assert secret.hex() not in shown and repr(secret) not in shown


def test_a_pending_pair_of_which_the_private_half_is_unknown_leaves_the_key_in_use():
    world = World()
    public = b.public_key(b.private_key("made elsewhere"))
    world.meter.keys.set_pending(DS, public, b"")
    world.meter.records.commit()
    certificate = b.certificate(public, ISSUER, METER, None, "ds")
    assert a.read(world.answer(world.asn1(world.supplier, 0x000B, certificate)).payload) == 0
    world.answer(world.command(world.supplier, *ADD, critical=True))
    assert world.answer(world.asn1(world.supplier, 0x000C, a.own_certificate(DS))).payload == certificate


def test_a_refusal_reads_as_a_reason_and_a_sentence():
    assert repr(Refusal("replayed", "an old counter")) == "Refusal(replayed: an old counter)"


def test_a_stranger_s_unknown_use_case_is_a_stranger_s():
    world = World()
    assert world.refused(world.command(world.stranger, 0x0099, READ[1])) == "unknown-originator"


class NoEntropy(Entropy):
    """A source of randomness that has broken."""

    def random(self, count):
        raise HalError(UNAVAILABLE, "the source of randomness does not answer")


def test_without_randomness_there_is_no_new_key_and_the_supplier_is_told():
    world = World()
    world.entropy = NoEntropy()
    world.power_up()
    response = world.answer(world.asn1(world.supplier, 0x000A, a.own_certificate(DS)))
    assert a.read(response.payload) == 2
    assert world.meter.keys.pending(DS) is None
