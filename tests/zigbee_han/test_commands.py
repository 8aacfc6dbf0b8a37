"""Commands by the tables: their octets, what is optional, and what is refused."""

from slotmeter.zigbee_han import commands, tables, zcl
from slotmeter.zigbee_han.errors import DecodeError, EncodeError

PRICE, METERING, MESSAGING, TUNNELING = 0x0700, 0x0702, 0x0703, 0x0704
PUBLISH_PRICE = {
    "provider_id": 1,
    "rate_label": b"Day",
    "issuer_event_id": 2,
    "current_time": 3,
    "unit_of_measure": 0,
    "currency": 826,
    "price_trailing_digit_and_tier": 0x51,
    "number_of_tiers_and_register_tier": 0x21,
    "start_time": 4,
    "duration_minutes": 0xFFFF,
    "price": 15480,
}


def refused(*arguments):
    try:
        commands.parse(*arguments)
    except DecodeError as error:
        return error.reason
    return ""


def unfit(*arguments):
    try:
        commands.build(*arguments)
    except EncodeError as error:
        return str(error)
    return ""


def test_a_price_is_published_as_the_standard_lays_it_out():
    octets = commands.build(PRICE, True, 0, PUBLISH_PRICE)
    assert octets.hex() == (
        "0100000003446179020000000300000000" + "3a03" + "51" + "21" + "04000000" + "ffff" + "783c0000"
    )
    assert commands.parse(PRICE, True, 0, octets) == PUBLISH_PRICE


def test_what_a_payload_leaves_out_at_its_end_is_missing():
    octets = commands.build(PRICE, True, 0, PUBLISH_PRICE)
    found = commands.parse(PRICE, True, 0, octets + b"\x01\xff\xff\xff\xff")
    assert (found["price_ratio"], found["generation_price"]) == (1, 0xFFFFFFFF)
    assert "generation_price_ratio" not in found
    assert refused(PRICE, True, 0, octets + b"\x01\xff") == "1 octets where 4 are due"
    assert unfit(PRICE, True, 0, dict(PUBLISH_PRICE, generation_price=5)).endswith("without the field before it")


def test_numbers_in_commands_have_no_invalid_value():
    values = {"provider_id": 1, "issuer_tariff_id": 0xFFFFFFFF, "tariff_type": 0xFF}
    octets = commands.build(PRICE, True, 0x0E, values)
    assert commands.parse(PRICE, True, 0x0E, octets) == values
    for value in (-0x80000000, -1, 0x7FFFFFFF):
        values = {"result_type": 0, "top_up_value": value, "source_of_top_up": 0, "credit_remaining": 0}
        assert commands.parse(0x0705, True, 3, commands.build(0x0705, True, 3, values)) == values
    assert unfit(0x0705, True, 3, dict(values, top_up_value=0x80000000))
    assert unfit(0x0705, True, 3, dict(values, top_up_value=-0x80000001))


def test_lists_go_to_the_end_or_as_far_as_they_are_counted():
    matrix = {
        "provider_id": 1,
        "issuer_event_id": 2,
        "start_time": 3,
        "issuer_tariff_id": 4,
        "command_index": 0,
        "number_of_commands": 1,
        "sub_payload_control": 1,
        "prices": [{"tier_or_block": 1, "price": 100}, {"tier_or_block": 2, "price": 200}],
    }
    octets = commands.build(PRICE, True, 5, matrix)
    assert octets[-10:].hex() == "016400000002c8000000"
    assert commands.parse(PRICE, True, 5, octets) == matrix
    assert refused(PRICE, True, 5, octets[:-1]) == "3 octets where 4 are due"
    protocols = {"complete": True, "count": 1, "protocols": [{"manufacturer_code": 0xFFFF, "protocol_id": 6}]}
    octets = commands.build(TUNNELING, True, 5, protocols)
    assert octets.hex() == "0101ffff06"
    assert commands.parse(TUNNELING, True, 5, octets) == protocols
    assert refused(TUNNELING, True, 5, octets + b"\x00") == "1 octets left after the command"
    assert refused(TUNNELING, True, 5, b"\x01\xff\xff\xff\x06") == "0 octets where 2 are due"
    assert unfit(TUNNELING, True, 5, dict(protocols, count=2)) == "1 protocols where 2 are said"


def test_what_is_not_in_the_tables_is_refused():
    assert refused(PRICE, True, 0x77, b"") == "command 0x77 of cluster 0x0700 unknown"
    assert refused(0x1234, True, 0, b"") == "command 0x00 of cluster 0x1234 unknown"
    assert unfit(PRICE, True, 0x77, {})
    assert unfit(MESSAGING, True, 1, {"message_id": 1}) == "Cancel Message has no message_control"
    assert unfit(MESSAGING, True, 1, {"message_id": 1, "message_control": 0, "colour": 1})
    assert refused(MESSAGING, True, 1, bytes(6)) == "1 octets left after the command"


def test_every_command_of_the_tables_round_trips_with_zeroes_and_refuses_all_that_is_shorter():
    tried = 0
    plain = {zcl.OCTETS: b"", zcl.TEXT: "", zcl.BOOL: False, zcl.DATE: [2000, 1, 1, 6], tables.REST: b""}
    for number, _, _, _, rows in tables.CLUSTERS:
        for which, _, to_client, fields in rows:
            values = {}
            for name, kind, _ in fields:
                if isinstance(kind, tuple):
                    values[name] = []
                else:
                    values[name] = plain.get(kind, 0)
            octets = commands.build(number, to_client, which, values)
            assert commands.parse(number, to_client, which, octets) == values
            tried += 1
            whole = sum([1 for _, kind, more in fields if more is True])
            short = [size for size in range(len(octets)) if not refused(number, to_client, which, octets[:size])]
            assert len(short) == whole, (number, which, short)
    assert tried > 120


def test_attributes_are_found_by_number_with_their_names():
    found = commands.attribute(METERING, 0x0106)
    assert (found.name, found.kind, found.writable) == ("Current Tier 4 Summation Delivered", zcl.U48, False)
    assert commands.attribute(METERING, 0x0107).name == "Current Tier 4 Summation Received"
    assert commands.attribute(METERING, 0x0420).name == "Previous Day 2 Consumption Delivered"
    assert commands.attribute(METERING, 0x0000).mandatory
    assert commands.attribute(METERING, 0x0000, client=True).name == "Functional Notification Flags"
    assert commands.attribute(0x0705, 0x0110).name == "Top-up Date/time #2"
    assert commands.attribute(0x000A, 0).writable
    for number, which in ((METERING, 0x0160), (METERING, 0x00FF), (0x0705, 0x0111 + 3), (0x1234, 0)):
        assert commands.attribute(number, which) is None
