"""Commands that are carried out, and what their responses say."""

import builder as b
from world import METER, METER_KA, NOW_S, World

BALANCE = (112, "0-0:19.10.0.255", 2)
MESSAGE = (1, "0-2:96.13.1.255", 2)


def test_a_read_is_answered_under_the_reader_s_own_secret():
    world = World()
    (result,) = world.results(world.command(world.supplier, 0x0059, [b.get(1, "0-0:0.2.1.255", 2)]))
    assert result == (b.GET, 0, b.octets(bytes.fromhex("00000001")))


def test_a_read_needs_no_new_counter_and_changes_nothing():
    world = World()
    command = world.command(world.supplier, 0x0059, [b.get(1, "0-0:0.2.1.255", 2)])
    before = world.meter.digest()
    assert world.answer(command).whole == world.answer(command).whole
    assert world.meter.digest() == before


def test_a_written_value_is_read_back():
    world = World()
    text = b"Your meter was read today"
    written = world.command(world.supplier, 0x0021, [b.put(*MESSAGE, b.octets(text))])
    assert world.results(written) == [(b.SET, 0, b"\x00")]
    assert world.meter.peek(bytes.fromhex("0001") + b.obis("0-2:96.13.1.255") + b"\x02") == b.octets(text)


def test_a_critical_command_is_answered_with_a_signature_and_without_a_mac():
    world = World()
    response = world.answer(
        world.command(world.supplier, 0x001C, [b.act(112, "0-0:19.10.0.255", 1, b.i32(1200000))], critical=True)
    )
    assert response.signature and not response.mac
    (balance,) = world.results(world.command(world.supplier, 0x0069, [b.get(*BALANCE)]))
    assert balance == (b.GET, 0, b.i32(1200000))


def test_the_header_of_a_register_read_carries_the_meter_s_time():
    world = World()
    response = world.answer(world.command(world.supplier, 0x0028, [b.get(1, "0-0:94.44.34.20", 2)]))
    assert response.at == b.date_time(NOW_S)


def test_an_encrypted_read_can_be_opened_by_its_reader_alone():
    world = World()
    for party in (world.supplier, world.operator):
        counter = party.counter + 1
        item = b.protected_read(counter, party.entity, METER, "0-0:43.2.8.255", [(1, "0-0:94.44.34.10", 2)])
        ((kind, result, data),) = world.results(world.command(party, 0x0027, [item]))
        assert (kind, result) == (b.ACTION, 0)
        z = b.shared_secret(party.ka, b.public_key(METER_KA))
        sealed = b.sealed_part(data)
        assert data == b.protected_answer(counter, METER, party.entity, sealed)
        plaintext = b.decrypt(z, METER, counter, party.entity, sealed)
        zero = b.structure(b.u32(0), b.structure(b.i8(0), b.enum(30)), b.u32(0), b.structure(b.i8(0), b.enum(32)))
        assert plaintext == b.structure(zero)


def test_an_unknown_remote_party_s_answer_is_encrypted_to_it_under_the_meter_s_own_counter():
    world = World()
    reader = world.other_supplier
    certificate = b.certificate(b.public_key(reader.ka), 7, reader.entity, b.SUPPLIER, "ka")
    counter = world.broker.counter + 1
    item = b.protected_read(
        counter, reader.entity, METER, "0-0:43.2.6.255", [(7, "0-0:98.1.8.255", 2, (NOW_S - 86400, NOW_S))]
    )
    world.meter.anchors.set_own_counter(2002)
    first = reader.entity + b.number(55, 8)
    response = world.answer(world.command(world.broker, 0x0034, [item], supplementary=first + certificate))
    assert response.supplementary == first + b.number(2002, 8)
    ((_, result, data),) = b.response_results(response.payload)
    assert result == 0
    sealed = b.sealed_part(data)
    z = b.shared_secret(reader.ka, b.public_key(METER_KA))
    assert b.decrypt(z, METER, 2002, reader.entity, sealed) is not None
    assert data == b.protected_answer(counter, METER, world.broker.entity, sealed)
    assert world.meter.anchors.own_counter() == 2003


def test_an_unknown_remote_party_s_command_without_encryption_keeps_its_supplementary_part():
    world = World()
    first = world.supplier.entity + b.number(9, 8)
    mpan = b.octets(b"1312345678333")
    response = world.answer(
        world.command(world.broker, 0x004D, [b.put(1, "1-0:0.0.2.255", 2, mpan)], supplementary=first)
    )
    assert response.supplementary == first
    assert b.response_results(response.payload) == [(b.SET, 0, b"\x00")]


def test_the_first_failing_item_stops_the_rest_and_what_was_done_before_stays():
    world = World()
    items = [
        b.put(9000, "0-0:96.13.1.255", 2, b.octets(b"Old")),
        b.put(9000, "0-0:96.13.0.255", 2, b.u32(5)),
    ]
    world.results(world.command(world.supplier, 0x0025, items[:1]))
    failing = [b.put(9000, "0-0:96.13.0.255", 2, b.u32(5)), b.put(9000, "0-0:96.13.1.255", 2, b.octets(b"New"))]
    assert world.results(world.command(world.supplier, 0x0025, failing)) == [(2, 12, b"\x00"), (2, 250, b"\x00")]
    assert world.meter.peek(b"\x23\x28" + b.obis("0-0:96.13.1.255") + b"\x02") == b.octets(b"Old")


def test_an_armed_fault_strikes_the_next_command_once():
    world = World()
    world.meter.arm_fault(0)
    read = world.command(world.supplier, 0x0059, [b.get(1, "0-0:0.2.1.255", 2)])
    assert world.results(read) == [(1, 1, b"\x00")]
    assert world.results(read)[0][1] == 0


def test_an_item_outside_its_use_case_is_refused_and_nothing_is_done():
    world = World()
    items = [b.put(*MESSAGE, b.octets(b"hello")), b.put(1, "0-0:94.44.3.1", 2, b.octets(b""))]
    assert world.results(world.command(world.supplier, 0x0021, items)) == [(2, 250, b"\x00"), (2, 13, b"\x00")]
    assert world.meter.peek(bytes.fromhex("0001") + b.obis("0-2:96.13.1.255") + b"\x02") == b.octets(b"")


def test_a_request_whose_data_are_malformed_is_answered_with_an_error_for_each_item_and_nothing_is_done():
    world = World()
    payload = b.access_request(1500, [b.put(*MESSAGE, b.octets(b"hello")), b.put(*MESSAGE, b.octets(b"again"))])
    for broken in (payload[:-1], payload + b"\x00", payload[:-7] + b"\x0a" + payload[-6:][:5]):
        response = world.answer(world.message(world.supplier, 0x0021, broken, 1500))
        assert b.response_results(response.payload) == [(2, 12, b"\x00"), (2, 250, b"\x00")]
    assert world.meter.peek(bytes.fromhex("0001") + b.obis("0-2:96.13.1.255") + b"\x02") == b.octets(b"")


def test_supply_is_disabled_armed_and_enabled():
    world = World()
    for code, script, state in ((0x0050, 52, 0), (0x0051, 54, 2), (0x004F, 51, 1)):
        command = world.command(world.supplier, code, [b.act(9, "0-0:10.0.106.255", 1, b.u16(script))], critical=True)
        assert world.results(command) == [(3, 0, b"\x00")]
        (found,) = world.results(world.command(world.supplier, 0x0052, [b.get(70, "0-0:96.3.10.255", 3)]))
        assert found == (1, 0, b.enum(state))


def test_carried_out_updates_are_noted_in_the_event_log_with_their_message_code():
    world = World()
    world.results(world.command(world.supplier, 0x0021, [b.put(*MESSAGE, b.octets(b"x"))]))
    world.meter.arm_fault(0)
    world.results(world.command(world.supplier, 0x0021, [b.put(*MESSAGE, b.octets(b"y"))]))
    selected = b.get_selected(
        7, "0-0:99.98.0.255", 2, 1, b.by_range(b.u32(0), b.u32(0xFFFFFFFF), (1, "0-0:94.44.100.255", 2))
    )
    ((_, result, data),) = world.results(world.command(world.supplier, 0x0048, [selected]))
    assert result == 0
    for code in (0x8154, 0x8155):
        assert b.number(NOW_S, 4) + b.number(code, 2) + b"\x02\x00\x21" in data


def test_a_twin_element_meter_has_what_a_single_element_one_lacks():
    for variant, result in ((1, 12), (2, 0)):
        world = World(variant)
        mpans = b.octets(b"13123456781111312345678222")
        written = world.command(world.supplier, 0x004C, [b.put(1, "0-0:94.44.34.11", 2, mpans)])
        assert world.results(written)[0][1] == result


def test_the_clock_becomes_unreliable_when_its_time_is_outside_of_the_supplier_s_window():
    for start, end, status in ((-10, 10, 0), (10, 20, 2)):
        world = World()
        window = b.structure(
            b.octets(b.CANCEL), b.octets(b.date_time(NOW_S + start)), b.octets(b.date_time(NOW_S + end))
        )
        clock = "0-0:1.0.0.255"
        items = [
            b.put(8, clock, 9, b.enum(5)),
            b.act(8, clock, 5, window),
            b.act(8, clock, 4, b.i8(0)),
            b.get(8, clock, 2),
            b.get(8, clock, 4),
        ]
        found = world.results(world.command(world.supplier, 0x0062, items, critical=True))
        assert [one[1] for one in found] == [0, 0, 0, 0, 0]
        assert found[3][2] == b.octets(b.date_time(NOW_S))
        assert found[4][2] == b.u8(status)
        assert world.meter.clock_status == status
