"""Stories of credentials: a change of supplier, a handover by the broker, and the meter's own new keys."""

import asn1_commands as a
import builder as b
from world import CA, DS, ISSUER, ISSUER_CERTIFICATE, KA, METER, NOW_S, Party, World, cell

from slotmeter.firmware.billing import BILLING_CHANGES

HOUR = 3600
COS = (b.TRANSITIONAL_COS, DS, 0)
SUPPLIER_DS = (b.SUPPLIER, DS, 0)
SUPPLIER_KA = (b.SUPPLIER, KA, 0)
SUPPLIER_TOP_UP = (b.SUPPLIER, KA, 1)
SUPPLIER_CELLS = (SUPPLIER_DS, SUPPLIER_KA, SUPPLIER_TOP_UP)
BY_SUPPLIER, BY_COS = 0x0102, 0x0107
READ = (0x0059, [b.get(1, "0-0:0.2.1.255", 2)])
ADD = (0x001C, [b.act(112, "0-0:19.10.0.255", 1, b.i32(100))])
SUCCESS, BAD_CERTIFICATE, NO_TRUST_ANCHOR = 0, 5, 10
FLOOR = 70000
TOP_UP_FLOOR = 9 << 32


def change(world, new, counter=None, floor=FLOOR, top_up_floor=TOP_UP_FLOOR, at=None, credentials=None, path=True):
    """The transitional CoS party's command that makes `new` the supplier."""
    listed = world.credentials(new, SUPPLIER_CELLS) if credentials is None else credentials

    def payload(number):
        others = [(b.SUPPLIER, floor, top_up_floor)]
        return a.update(7, COS, number, listed, [ISSUER_CERTIFICATE] if path else [], others=others, at=at)

    return world.asn1(world.transcos, BY_COS, payload, counter)


def statuses(outcome):
    """(status, existing key id, replacing key id) of each cell in an execution outcome."""
    return [(one[1], one[3], one[5]) for one in outcome[3]]


def key_id(scalar):
    return b.key_identifier(b.public_key(scalar))


def holders(world):
    """Who holds the supplier's cells, as the supplier or its successor reads them."""
    for party in (world.supplier, world.other_supplier):
        if world.meter.anchors.cell(*SUPPLIER_DS).entity_id == party.entity:
            asked = a.read_credentials(SUPPLIER_DS, [b.SUPPLIER])
            response = world.answer(world.message(party, 0x0008, asked, world._next(party), True, mac=False))
            ((role, status, _, cells),) = a.read(response.payload)
            assert (role, status) == (b.SUPPLIER, SUCCESS)
            return [(one[-2], one[-1]) for one in cells]
    return []


def keys_of(party):
    return [(party.entity, key_id(key)) for key in (party.ds, party.ka, party.pp)]


def test_a_change_of_supplier_tells_of_every_cell_and_counter():
    world = World()
    old, new = world.supplier, world.other_supplier
    assert holders(world) == keys_of(old)
    command = change(world, new)
    response = world.answer(command)
    assert response.signature and not response.mac and response.at == b.date_time(NOW_S)
    accepted, outcome = a.read(response.payload)
    assert accepted is None
    assert outcome[:3] == [response.counter, 7, [[b.SUPPLIER, FLOOR, [[0, TOP_UP_FLOOR]]]]]
    assert statuses(outcome) == [
        (SUCCESS, key_id(was), key_id(is_now)) for was, is_now in ((old.ds, new.ds), (old.ka, new.ka), (old.pp, new.pp))
    ]
    assert world.refused(command) == "replayed"
    new.counter = FLOOR
    assert holders(world) == keys_of(new)


def test_after_a_change_of_supplier_the_old_one_is_a_stranger_and_the_new_one_is_not():
    world = World()
    world.answer(world.command(world.supplier, *ADD, critical=True))
    world.answer(change(world, world.other_supplier))
    for command in (world.command(world.supplier, *READ), world.command(world.supplier, *ADD, critical=True)):
        assert world.refused(command) == "unknown-originator"
    world.other_supplier.counter = FLOOR
    assert world.results(world.command(world.other_supplier, *READ))[0][1] == 0
    world.answer(world.command(world.other_supplier, *ADD, critical=True))
    assert world.balance() == 200


def test_a_new_supplier_finds_the_registers_as_they_were_when_the_customer_came():
    world = World()
    world.answer(change(world, world.supplier))
    assert not world.meter.tree.rows(BILLING_CHANGES)
    world.answer(change(world, world.other_supplier))
    (row,) = world.meter.tree.rows(BILLING_CHANGES)
    assert row[:4] == NOW_S.to_bytes(4, "big")
    world.now_s += 60
    world.other_supplier.counter = FLOOR
    world.answer(change(world, world.supplier))
    assert [one[:4] for one in world.meter.tree.rows(BILLING_CHANGES)] == [row[:4], (NOW_S + 60).to_bytes(4, "big")]


def test_the_floor_given_with_a_new_supplier_s_key_is_honoured_whether_it_is_higher_or_lower():
    for before, floor in ((5000, FLOOR), (90000, FLOOR), (FLOOR, FLOOR)):
        world = World()
        world.answer(world.command(world.supplier, *ADD, counter=before, critical=True))
        world.answer(change(world, world.other_supplier, floor=floor))
        assert world.meter.anchors.counter(b.SUPPLIER) == floor
        assert world.refused(world.command(world.other_supplier, *ADD, counter=floor, critical=True)) == "replayed"
        world.answer(world.command(world.other_supplier, *ADD, counter=floor + 1, critical=True))


def test_a_change_that_exchanges_no_signing_key_never_lowers_the_supplier_s_counter():
    world = World()
    command = world.command(world.supplier, *ADD, counter=90000, critical=True)
    world.answer(command)
    same = world.credentials(world.supplier, (SUPPLIER_DS,))
    world.answer(change(world, world.supplier, floor=5, credentials=same))
    assert world.meter.anchors.counter(b.SUPPLIER) == 90000
    assert world.refused(command) == "replayed"


def test_alerts_go_to_the_new_supplier():
    world = World()
    world.answer(change(world, world.other_supplier))
    data = world.command(world.operator, 0x0059, READ[1])
    _, (alert,), _ = world.deliver(data[:-1] + bytes([data[-1] ^ 1]))
    world.check(alert)
    assert alert.target == world.other_supplier.entity


def test_top_ups_are_the_new_supplier_s_and_above_the_new_floor():
    world = World()
    old, new = world.supplier, world.other_supplier
    assert world.results(world.top_up(old, 20 << 32, 100)) == [(3, 0, b"\x00")]
    world.answer(change(world, new))
    assert world.balance() == 100000
    # The old supplier's token in the new one's command: nobody's token any more.
    stale = world.top_up(new, 21 << 32, 100, world.token(old, 21 << 32, 100))
    assert world.results(stale) == [(3, 250, b"\x00")]
    # The floor is lower than what the old supplier used up, which is forgotten with its key.
    assert world.refused(world.top_up(new, TOP_UP_FLOOR, 100)) == "replayed"
    assert world.results(world.top_up(new, 20 << 32, 100)) == [(3, 0, b"\x00")]
    assert world.results(world.top_up(new, 10 << 32, 100)) == [(3, 0, b"\x00")]
    assert world.refused(world.top_up(new, 20 << 32, 100)) == "replayed"
    assert world.balance() == 300000


def test_a_lower_top_up_floor_without_a_new_top_up_key_lets_no_token_count_twice():
    world = World()
    world.results(world.top_up(world.supplier, 20 << 32, 100))
    kept = world.credentials(world.other_supplier, (SUPPLIER_DS, SUPPLIER_KA))
    world.answer(change(world, world.other_supplier, top_up_floor=1 << 32, credentials=kept))
    world.other_supplier.pp = world.supplier.pp
    assert world.refused(world.top_up(world.other_supplier, 20 << 32, 100)) == "replayed"
    assert world.balance() == 100000


def test_agreed_secrets_go_with_the_credentials_they_were_agreed_with():
    world = World()
    world.answer(world.command(world.supplier, *READ))
    assert "0 held" not in repr(world.meter.secrets)
    world.answer(change(world, world.other_supplier))
    assert repr(world.meter.secrets) == "Secrets(0 held)"


def test_one_bad_certificate_leaves_its_cell_and_the_others_are_replaced():
    world = World()
    old, new = world.supplier, world.other_supplier
    listed = world.credentials(new, SUPPLIER_CELLS)
    listed[1] = (
        b.certificate(b.public_key(new.ka), b.private_key("nobody"), new.entity, b.SUPPLIER, "ka"),
        SUPPLIER_KA,
    )
    response = world.answer(change(world, new, credentials=listed))
    outcome = a.read(response.payload)[1]
    assert [one[0] for one in statuses(outcome)] == [SUCCESS, NO_TRUST_ANCHOR, SUCCESS]
    assert statuses(outcome)[1][1:] == (key_id(old.ka), key_id(old.ka))
    cells = [world.meter.anchors.cell(*place).entity_id for place in SUPPLIER_CELLS]
    assert cells == [new.entity, old.entity, new.entity]
    # Signatures are the new supplier's, and both are named in a supplier's cell.
    world.other_supplier.counter = FLOOR
    world.answer(world.command(new, *ADD, critical=True))
    assert world.refused(world.command(old, *ADD, critical=True)) == "not-authentic"


def test_without_the_issuer_s_certificate_no_cell_changes_but_the_counters_are_told():
    world = World()
    before = keys_of(world.supplier)
    response = world.answer(change(world, world.other_supplier, path=False))
    outcome = a.read(response.payload)[1]
    assert [one[0] for one in statuses(outcome)] == [NO_TRUST_ANCHOR] * 3
    assert outcome[2] == [[b.SUPPLIER, FLOOR, [[0, TOP_UP_FLOOR]]]]
    world.supplier.counter = FLOOR
    assert holders(world) == before


def test_an_operator_s_certificate_is_no_supplier_s():
    world = World()
    listed = world.credentials(world.other_supplier, SUPPLIER_CELLS, role=b.NETWORK_OPERATOR)
    response = world.answer(change(world, world.other_supplier, credentials=listed))
    assert [one[0] for one in statuses(a.read(response.payload)[1])] == [BAD_CERTIFICATE] * 3


def test_a_future_change_of_supplier_happens_at_its_time_and_the_cos_party_is_told():
    world = World()
    old, new = world.supplier, world.other_supplier
    response = world.answer(change(world, new, at=NOW_S + HOUR))
    assert a.read(response.payload) == [None]
    digest = world.meter.digest()
    world.power_up()
    assert world.meter.digest() == digest and world.meter.schedule.next_due() == NOW_S + HOUR
    assert world.advance(HOUR - 1)[1] == []
    assert holders(world) == keys_of(old)
    _, (alert,), facts = world.advance(1)
    world.check(alert)
    assert (alert.code, alert.target) == (0x00CB, world.transcos.entity) and alert.signature and not alert.mac
    code, at, outcome = a.read(alert.payload)
    assert code == 0x8F66 and a.der(a.TIME, at) == a.time(NOW_S + HOUR)
    assert outcome[:3] == [response.counter, 7, [[b.SUPPLIER, FLOOR, [[0, TOP_UP_FLOOR]]]]]
    assert [one[0] for one in statuses(outcome)] == [SUCCESS] * 3
    assert [fact.done for fact in facts if type(fact).__name__ == "InstructionDue"] == [True]
    new.counter = FLOOR
    assert holders(world) == keys_of(new)
    assert world.advance(HOUR)[1] == []


def test_a_future_change_that_fails_at_its_time_says_so_in_its_alert():
    world = World()
    listed = world.credentials(world.other_supplier, SUPPLIER_CELLS)
    listed[2] = (listed[2][0][:-1] + bytes([listed[2][0][-1] ^ 1]), SUPPLIER_TOP_UP)
    world.answer(change(world, world.other_supplier, at=NOW_S + HOUR, credentials=listed))
    _, (alert,), _ = world.advance(HOUR)
    code, _, outcome = a.read(alert.payload)
    assert code == 0x8F67
    assert [one[0] for one in statuses(outcome)] == [SUCCESS, SUCCESS, BAD_CERTIFICATE]


def test_a_cancelled_change_never_happens():
    world = World()
    world.answer(change(world, world.other_supplier, at=NOW_S + HOUR))
    response = world.answer(change(world, world.other_supplier, at=a.CANCEL))
    assert a.read(response.payload) == [None]
    assert world.meter.schedule.next_due() is None
    assert world.advance(2 * HOUR)[1] == []
    assert holders(world) == keys_of(world.supplier)


def test_a_later_change_replaces_the_one_that_is_stored():
    world = World()
    third = Party(b.SUPPLIER, 77)
    world.more.append(third)
    world.answer(change(world, world.other_supplier, at=NOW_S + HOUR))
    world.answer(change(world, third, at=NOW_S + 2 * HOUR))
    assert world.advance(HOUR)[1] == []
    assert len(world.advance(HOUR)[1]) == 1
    assert world.meter.anchors.cell(*SUPPLIER_DS).entity_id == third.entity


def test_the_old_supplier_s_stored_instruction_still_happens_and_it_is_told():
    world = World()
    items = [
        b.put(9000, "0-0:94.44.128.7", 4, b.u32(6900)),
        b.put(9000, "0-0:94.44.128.7", 6, b.octets(b.date_time(NOW_S + HOUR))),
    ]
    world.answer(world.command(world.supplier, 0x0043, items, critical=True))
    world.answer(change(world, world.other_supplier))
    _, (alert,), _ = world.advance(HOUR)
    world.check(alert)
    assert alert.target == world.supplier.entity


def test_a_command_with_another_counter_inside_than_outside_is_refused_and_used_up():
    world = World()
    inner = world.transcos.counter + 50
    listed = world.credentials(world.other_supplier, SUPPLIER_CELLS)
    payload = a.update(7, COS, inner, listed, [ISSUER_CERTIFICATE], others=[(b.SUPPLIER, FLOOR, None)])
    data = world.asn1(world.transcos, BY_COS, payload)
    _, _, facts = world.deliver(data)
    assert facts[0].reason == "malformed"
    assert world.refused(data) == "replayed"
    assert holders(world) == keys_of(world.supplier)


def test_the_supplier_may_replace_itself_but_not_by_the_cos_party_s_command():
    world = World()
    world.supplier.pp = b.private_key("a new top-up key")
    listed = world.credentials(world.supplier, (SUPPLIER_TOP_UP,))

    def payload(counter):
        return a.update(2, SUPPLIER_DS, counter, listed, [ISSUER_CERTIFICATE], floor=counter, top_up_floor=TOP_UP_FLOOR)

    assert world.refused(world.asn1(world.supplier, BY_COS, payload)) == "not-authorised"
    outcome = a.read(world.answer(world.asn1(world.supplier, BY_SUPPLIER, payload)).payload)[1]
    assert [one[0] for one in statuses(outcome)] == [SUCCESS]
    assert world.results(world.top_up(world.supplier, 10 << 32, 100)) == [(3, 0, b"\x00")]


def test_a_broker_that_holds_supplier_cells_hands_the_meter_over_to_a_supplier():
    world = World()
    keeper = Party(b.SUPPLIER, 4)
    assert keeper.entity == world.broker.entity
    world.more.append(keeper)
    world.answer(change(world, keeper))
    assert world.meter.anchors.roles_of(keeper.entity) == (b.SUPPLIER, b.ACB)
    # As the supplier it reads and writes; what only a broker may send it still may.
    keeper.counter = world.broker.counter = FLOOR
    world.answer(world.command(keeper, *ADD, critical=True))
    # A read that both may send is answered under the supplier's key: its first role.
    read = world.command(keeper, *READ)
    assert b.mac_is_good(world.answer(read).whole, b.shared_secret(keeper.ka, world.ka_public))
    world.answer(world.command(world.broker, 0x004D, [b.put(1, "1-0:0.0.2.255", 2, b.octets(b"1" * 13))], counter=7))
    # It hands over by itself, as a supplier.
    keeper.counter = FLOOR + 10
    listed = world.credentials(world.other_supplier, SUPPLIER_CELLS)

    def payload(counter):
        return a.update(2, SUPPLIER_DS, counter, listed, [ISSUER_CERTIFICATE], floor=500, top_up_floor=0)

    world.answer(world.asn1(keeper, BY_SUPPLIER, payload))
    assert world.meter.anchors.roles_of(keeper.entity) == (b.ACB,)
    assert world.meter.anchors.counter(b.SUPPLIER) == 500
    assert world.refused(world.command(keeper, *ADD, critical=True)) == "not-authorised"
    world.answer(world.command(world.other_supplier, *ADD, critical=True))


def test_the_broker_s_new_key_protects_everybody_s_commands():
    world = World()
    old = world.broker.ka
    new = b.private_key("a new broker key")
    place = (b.ACB, KA, 0)
    world.broker.ka = new
    listed = world.credentials(world.broker, (place,))
    world.broker.ka = old

    def payload(counter):
        return a.update(4, None, counter, listed, [ISSUER_CERTIFICATE], floor=counter)

    counter = world._next(world.broker)
    response = world.answer(world.message(world.broker, 0x0104, payload(counter), counter))
    assert response.signature and not response.mac
    assert world.refused(world.command(world.supplier, *READ)) == "not-authentic"
    world.broker.ka = new
    assert world.results(world.command(world.supplier, *READ))[0][1] == 0


def test_recovery_takes_the_meter_back_from_a_supplier_and_needs_no_mac():
    world = World()
    place = (b.RECOVERY, DS, 0)
    listed = world.credentials(world.other_supplier, SUPPLIER_CELLS)

    def payload(counter):
        return a.update(8, place, counter, listed, [ISSUER_CERTIFICATE], others=[(b.SUPPLIER, FLOOR, 0)])

    assert world.refused(world.asn1(world.recovery, 0x0108, payload)) == "not-authentic"
    response = world.answer(world.asn1(world.recovery, 0x0108, payload, mac=False))
    assert [one[0] for one in statuses(a.read(response.payload)[1])] == [SUCCESS] * 3
    assert world.refused(world.command(world.supplier, *READ)) == "unknown-originator"


def renew(world, usage):
    """CS02c and CS02d: the new public key, with the response to CS02d still to be asked for."""
    request = world.answer(world.asn1(world.supplier, 0x000A, a.own_certificate(usage))).payload
    return a.request_public_key(request)


def certified(public, usage, issuer=ISSUER, entity=METER):
    return b.certificate(public, issuer, entity, None, {DS: "ds", KA: "ka", CA: "ca"}[usage])


def test_after_its_certificate_came_the_meter_signs_with_the_new_key():
    world = World()
    old = world.ds_public
    public = renew(world, DS)
    assert public != old
    # Until then it signs with the old one: every answer is checked.
    world.answer(world.command(world.supplier, *ADD, critical=True))
    certificate = certified(public, DS)
    command = world.asn1(world.supplier, 0x000B, certificate)
    responses, _, _ = world.deliver(command)
    world.ds_public = public
    world.check(responses[0])
    assert a.read(responses[0].payload) == 0
    world.answer(world.command(world.supplier, *ADD, critical=True))
    assert world.answer(world.asn1(world.supplier, 0x000C, a.own_certificate(DS))).payload == certificate
    world.power_up()
    response = world.answer(world.command(world.supplier, *ADD, critical=True))
    assert not b.signature_is_good(old, response.signature, response.signed)


def test_after_its_certificate_came_the_meter_agrees_secrets_with_the_new_key():
    world = World()
    old = world.ka_public
    public = renew(world, KA)
    assert a.read(world.answer(world.asn1(world.supplier, 0x000B, certified(public, KA))).payload) == 0
    assert world.refused(world.command(world.supplier, *READ)) == "not-authentic"
    world.ka_public = public
    assert public != old
    assert world.results(world.command(world.supplier, *READ))[0][1] == 0


def test_only_the_certificate_of_the_last_pair_asked_for_is_taken_and_only_once():
    world = World()
    first = renew(world, DS)
    second = renew(world, DS)

    def install(certificate):
        return a.read(world.answer(world.asn1(world.supplier, 0x000B, certificate)).payload)

    assert install(certified(first, DS)) == 5
    assert install(certified(second, DS, entity=bytes(8))) == 2
    assert install(certified(second, CA)) == 3
    assert install(certified(second, KA)) == 4
    assert install(b"no certificate") == 1
    responses, _, _ = world.deliver(world.asn1(world.supplier, 0x000B, certified(second, DS)))
    world.ds_public = second
    world.check(responses[0])
    assert a.read(responses[0].payload) == 0
    assert install(certified(second, DS)) == 4


def test_a_device_joins_and_leaves():
    world = World()
    switch = bytes.fromhex("00DB1234567890A1")

    def send(code, payload):
        return a.read(world.answer(world.asn1(world.supplier, code, payload)).payload)

    assert send(0x000D, a.join(switch, 4)) == 0
    assert send(0x000D, a.join(switch, 5)) == 3
    assert send(0x000F, a.unjoin(switch)) == 0
    assert send(0x000F, a.unjoin(switch)) == 1


def test_a_held_image_is_activated_at_its_time_and_the_version_read_is_the_new_one():
    world = World()
    image_hash = bytes(range(32))
    world.meter.credentials.images.hold(image_hash, b"\x09\x08\x07\x06")
    world.meter.records.commit()
    response = world.answer(world.asn1(world.supplier, 0x0012, lambda n: a.activate(image_hash, n, NOW_S + HOUR)))
    assert a.read(response.payload) is None
    _, (alert,), _ = world.advance(HOUR)
    world.check(alert)
    assert (alert.code, alert.target) == (0x00CA, world.supplier.entity)
    code, at, counter, outcome = a.read(alert.payload)
    assert (code, counter, outcome) == (0x8F66, response.counter, [0, b"\x09\x08\x07\x06"])
    assert a.der(a.TIME, at) == a.time(NOW_S + HOUR)
    assert world.results(world.command(world.supplier, *READ))[0][2] == b.octets(b"\x09\x08\x07\x06")
    again = world.answer(world.asn1(world.supplier, 0x0012, lambda n: a.activate(image_hash, n)))
    assert a.read(again.payload) == [1, b"\x09\x08\x07\x06"]


def test_a_supplier_whose_key_agreement_cell_another_holds_is_answered_under_that_key():
    world = World()
    world.meter.anchors.put_cell(cell(b.SUPPLIER, KA, 0, world.other_supplier, world.other_supplier.ka))
    world.meter.records.commit()
    responses, _, _ = world.deliver(world.command(world.supplier, *READ))
    assert b.mac_is_good(responses[0].whole, b.shared_secret(world.other_supplier.ka, world.ka_public))
