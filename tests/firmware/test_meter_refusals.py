"""Messages that get no response: why, what is logged, whom it tells, and that nothing else changes."""

import builder as b
from world import METER, METER_KA, World

READ = (0x0059, [b.get(1, "0-0:0.2.1.255", 2)])
WRITE = (0x001C, [b.act(112, "0-0:19.10.0.255", 1, b.i32(100))])


def security_log(world):
    return [int.from_bytes(row[4:6], "big") for row in world.meter.tree.rows(bytes.fromhex("0000636201FF"))]


def test_octets_that_are_no_message_are_refused_without_a_log_entry():
    world = World()
    for data in (b"", b"\x00", b"\xdd", bytes(200), world.command(world.supplier, *READ)[:-1]):
        assert world.refused(data) == "malformed"
    assert security_log(world) == []


def test_a_message_with_any_one_bit_flipped_is_refused():
    world = World()
    data = world.command(world.supplier, *READ)
    for place in range(len(data)):
        for bit in (1, 128):
            flipped = bytearray(data)
            flipped[place] ^= bit
            assert world.refused(bytes(flipped))


def test_a_message_cut_anywhere_is_refused():
    world = World()
    data = world.command(world.supplier, *WRITE, critical=True)
    for size in range(len(data)):
        assert world.refused(data[:size]) == "malformed"


def test_a_wrong_mac_is_logged_and_the_supplier_is_told():
    world = World()
    data = world.command(world.supplier, *READ)
    before = world.meter.digest()
    responses, alerts, _ = world.deliver(data[:-1] + bytes([data[-1] ^ 1]))
    assert not responses and world.meter.digest() == before
    assert security_log(world) == [0x8F3D]
    (alert,) = alerts
    world.check(alert)
    assert (alert.code, alert.target) == (0x1000, world.supplier.entity)
    assert alert.payload == b.data_notification(alert.counter, b.u16(0x8F3D), b.octets(b.date_time(world.now_s)))


def test_a_critical_command_needs_the_signature_of_its_originator():
    world = World()
    counter = world.supplier.counter + 1
    unsigned = world.command(world.supplier, *WRITE, counter=counter)
    assert world.refused(unsigned) == "not-authentic"
    forged = b.message(
        b.COMMAND,
        counter,
        world.supplier.entity,
        METER,
        WRITE[0],
        b.access_request(counter, WRITE[1]),
        b.shared_secret(world.broker.ka, b.public_key(METER_KA)),
        world.operator.ds,
    )
    assert world.refused(forged) == "not-authentic"
    world.answer(world.command(world.supplier, *WRITE, counter=counter, critical=True))


def test_a_critical_command_needs_the_broker_s_mac_as_well():
    world = World()
    payload = b.access_request(2000, WRITE[1])
    data = world.message(world.supplier, WRITE[0], payload, 2000, critical=True, mac=False)
    assert world.refused(data) == "not-authentic"


def test_a_signature_where_none_is_foreseen_is_refused():
    world = World()
    assert world.refused(world.command(world.supplier, *READ, critical=True)) == "not-authentic"


def test_a_party_may_not_send_what_its_role_does_not():
    world = World()
    assert world.refused(world.command(world.operator, *WRITE, critical=True)) == "not-authorised"
    assert security_log(world) == [0x8F30]


def test_a_stranger_is_refused_though_the_broker_passed_it_on():
    world = World()
    assert world.refused(world.command(world.stranger, *READ)) == "unknown-originator"
    assert security_log(world) == [0x8F3E]


def test_a_message_for_another_device_is_refused():
    world = World()
    payload = b.access_request(5, READ[1])
    z = b.shared_secret(world.broker.ka, b.public_key(METER_KA))
    other = b.message(b.COMMAND, 5, world.supplier.entity, bytes(8), READ[0], payload, z)
    assert world.refused(other) == "wrong-target"


def test_the_meter_s_own_response_sent_back_is_no_command():
    world = World()
    response = world.answer(world.command(world.supplier, *READ))
    assert world.refused(response.whole) == "wrong-target"
    z = b.shared_secret(world.broker.ka, b.public_key(METER_KA))
    echoed = b.message(b.RESPONSE, 5, world.supplier.entity, METER, READ[0], response.payload, z)
    assert world.refused(echoed) == "not-a-command"


def test_a_replayed_command_is_refused_and_not_carried_out_twice():
    world = World()
    command = world.command(world.supplier, *WRITE, critical=True)
    world.answer(command)
    assert world.refused(command) == "replayed"
    assert world.meter.peek(b"\x00\x70" + b.obis("0-0:19.10.0.255") + b"\x02") == b.i32(100)
    assert security_log(world) == [0x8F53]


def test_an_older_counter_is_refused_and_a_gap_is_not():
    world = World()
    world.answer(world.command(world.supplier, *WRITE, counter=5000, critical=True))
    assert world.refused(world.command(world.supplier, *WRITE, counter=4999, critical=True)) == "replayed"
    world.answer(world.command(world.supplier, *WRITE, counter=9000, critical=True))


def test_each_role_has_a_counter_of_its_own():
    world = World()
    world.answer(world.command(world.supplier, *WRITE, counter=5000, critical=True))
    world.answer(world.command(world.broker, 0x004D, [b.put(1, "1-0:0.0.2.255", 2, b.octets(b"1" * 13))], counter=7))


def test_a_message_code_that_the_meter_does_not_implement_raises_ecs100():
    world = World()
    data = world.command(world.supplier, 0x0099, READ[1], counter=77)
    before = world.meter.digest()
    responses, (alert,), (fact, _) = world.deliver(data)
    assert not responses and fact.reason == "not-supported" and world.meter.digest() == before
    world.check(alert)
    assert (alert.code, alert.target) == (0x0120, world.supplier.entity)
    assert alert.payload == b.data_notification(
        alert.counter, b.u16(0x8F85), b.octets(b.date_time(world.now_s)), b.octets(b.number(0x99, 2) + b.number(77, 8))
    )


def test_ecs100_for_an_unknown_remote_party_goes_to_the_broker_with_its_supplementary_part():
    world = World()
    first = world.stranger.entity + b.number(3, 8)
    data = world.command(world.broker, 0x0099, READ[1], supplementary=first)
    _, (alert,), _ = world.deliver(data)
    assert (alert.target, alert.supplementary) == (world.broker.entity, first)


def test_a_message_code_unknown_to_the_meter_is_not_answered_when_it_is_not_authentic():
    world = World()
    data = world.command(world.supplier, 0x0099, READ[1])
    assert world.refused(data[:-1] + bytes([data[-1] ^ 1])) == "not-authentic"


def test_only_the_broker_speaks_for_an_unknown_remote_party():
    world = World()
    data = world.command(world.supplier, *READ, supplementary=bytes(16))
    assert world.refused(data) == "not-authorised"


def test_an_authentic_command_that_is_no_access_request_is_refused_and_its_counter_used_up():
    world = World()
    for payload in (b"", b"\xd9", b"\x05\x00", bytes(40)):
        counter = world._next(world.supplier)
        data = world.message(world.supplier, WRITE[0], payload, counter, critical=True)
        _, _, facts = world.deliver(data)
        assert facts[0].reason == "malformed"
        assert world.refused(data) == "replayed"
    assert security_log(world)[0] == 0x8F1E


def test_an_invoke_id_that_is_not_the_counter_s_is_refused():
    world = World()
    data = world.message(world.supplier, READ[0], b.access_request(4, READ[1]), 5)
    assert world.refused(data) == "malformed"


def test_a_role_without_a_key_agreement_cell_cannot_ask_for_what_is_answered_under_it():
    world = World()
    world.meter.anchors.clear_cell(b.SUPPLIER, 0x08)
    world.meter.records.commit()
    assert world.refused(world.command(world.supplier, *READ)) == "not-authorised"
