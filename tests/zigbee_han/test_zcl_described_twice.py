"""ZCL frames and values against a second description of them, and against values that nobody chose."""

import construct
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from slotmeter.zigbee_han import zcl
from slotmeter.zigbee_han.errors import DecodeError

# ZCL specification 2.4.1 and 2.6.2, as construct says it.
HEADER = construct.Struct(
    "control"
    / construct.BitStruct(
        "reserved" / construct.Const(0, construct.BitsInteger(3)),
        "no_default_response" / construct.Flag,
        "to_client" / construct.Flag,
        "own" / construct.Flag,
        "kind" / construct.BitsInteger(2),
    ),
    "manufacturer" / construct.If(construct.this.control.own, construct.Int16ul),
    "sequence" / construct.Int8ul,
    "command" / construct.Int8ul,
    "payload" / construct.GreedyBytes,
)
TYPES = {
    zcl.B8: construct.Int8ul,
    zcl.B16: construct.Int16ul,
    zcl.B24: construct.Int24ul,
    zcl.B32: construct.Int32ul,
    zcl.B64: construct.Int64ul,
    zcl.U8: construct.Int8ul,
    zcl.U16: construct.Int16ul,
    zcl.U24: construct.Int24ul,
    zcl.U32: construct.Int32ul,
    zcl.U48: construct.BytesInteger(6, swapped=True),
    zcl.U64: construct.Int64ul,
    zcl.I8: construct.Int8sl,
    zcl.I16: construct.Int16sl,
    zcl.I24: construct.Int24sl,
    zcl.I32: construct.Int32sl,
    zcl.I64: construct.Int64sl,
    zcl.E8: construct.Int8ul,
    zcl.E16: construct.Int16ul,
    zcl.UTC: construct.Int32ul,
    zcl.CLUSTER_ID: construct.Int16ul,
    zcl.OCTETS: construct.Prefixed(construct.Int8ul, construct.GreedyBytes),
    zcl.TEXT: construct.PascalString(construct.Int8ul, "utf8"),
    zcl.LONG_OCTETS: construct.Prefixed(construct.Int16ul, construct.GreedyBytes),
    zcl.LONG_TEXT: construct.PascalString(construct.Int16ul, "utf8"),
}
NUMBERS = [kind for kind in TYPES if kind not in (zcl.OCTETS, zcl.TEXT, zcl.LONG_OCTETS, zcl.LONG_TEXT)]
ELEMENTS = [*TYPES, zcl.BOOL, zcl.TIME_OF_DAY, zcl.DATE, zcl.ADDRESS, zcl.KEY, zcl.SINGLE]


def of_type(kind):
    """Values of `kind`."""
    if kind in NUMBERS:
        size = TYPES[kind].sizeof()
        if 0x28 <= kind <= 0x2F:
            return some.none() | some.integers(1 - (1 << 8 * size - 1), (1 << 8 * size - 1) - 1)
        if 0x18 <= kind <= 0x1F:
            return some.integers(0, (1 << 8 * size) - 1)
        return some.none() | some.integers(0, (1 << 8 * size) - 2)
    if kind == zcl.BOOL:
        return some.sampled_from((None, True, False))
    if kind == zcl.KEY:
        return some.binary(min_size=16, max_size=16)
    if kind == zcl.SINGLE:
        return some.binary(min_size=4, max_size=4)
    if kind == zcl.ADDRESS:
        return some.none() | some.binary(min_size=8, max_size=8).filter(lambda one: one != b"\xff" * 8)
    if kind in (zcl.DATE, zcl.TIME_OF_DAY):
        part = some.none() | some.integers(0, 254)
        first = some.none() | some.integers(1900, 2154) if kind == zcl.DATE else part
        parts = some.tuples(first, part, part, part).map(list)
        return some.none() | parts.filter(lambda one: one != [None] * 4)
    text = some.text(some.characters(codec="utf-8"), max_size=60)
    return some.none() | (text if kind in (zcl.TEXT, zcl.LONG_TEXT) else some.binary(max_size=254))


@given(
    some.booleans(),
    some.booleans(),
    some.none() | some.integers(0, 0xFFFF),
    some.integers(0, 1),
    some.integers(0, 255),
    some.integers(0, 255),
    some.binary(max_size=100),
)
def test_headers_agree_with_the_second_description(to_client, quiet, manufacturer, kind, sequence, command, payload):
    frame = zcl.Frame(kind, command, payload, sequence, to_client, quiet, manufacturer)
    octets = zcl.build_frame(frame)
    told = HEADER.parse(octets)
    assert (told.control.kind, told.control.to_client, told.control.no_default_response) == (kind, to_client, quiet)
    assert (told.manufacturer, told.sequence, told.command, told.payload) == (manufacturer, sequence, command, payload)
    assert vars(zcl.parse_frame(octets)) == vars(frame)


@pytest.mark.parametrize("kind", NUMBERS)
def test_numbers_agree_with_the_second_description(kind):
    @settings(max_examples=40)
    @given(of_type(kind).filter(lambda value: value is not None))
    def agree(value):
        assert zcl.put_value(kind, value) == TYPES[kind].build(value)
        assert zcl.get_value(TYPES[kind].build(value), 0, kind) == (value, TYPES[kind].sizeof())

    agree()


@pytest.mark.parametrize("kind", [kind for kind in TYPES if kind not in NUMBERS])
def test_strings_agree_with_the_second_description(kind):
    @settings(max_examples=40)
    @given(of_type(kind).filter(lambda value: value is not None))
    def agree(value):
        assert zcl.put_value(kind, value) == TYPES[kind].build(value)

    agree()


@given(some.data(), some.lists(some.sampled_from(ELEMENTS), max_size=12))
def test_attributes_of_any_type_come_back_from_a_write(data, kinds):
    values = [(number, kind, data.draw(of_type(kind))) for number, kind in enumerate(kinds)]
    assert zcl.parse_values(zcl.build_values(values)) == values


@given(some.data(), some.sampled_from(ELEMENTS), some.sampled_from((zcl.ARRAY, zcl.SET, zcl.BAG)))
def test_collections_come_back(data, element, kind):
    value = (element, data.draw(some.lists(of_type(element), max_size=6)))
    octets = zcl.put_value(kind, value)
    assert zcl.get_value(octets, 0, kind) == (value, len(octets))


@given(some.data(), some.lists(some.sampled_from(ELEMENTS), max_size=6))
def test_structures_come_back(data, kinds):
    value = [(kind, data.draw(of_type(kind))) for kind in kinds]
    octets = zcl.put_value(zcl.STRUCTURE, value)
    assert zcl.get_value(octets, 0, zcl.STRUCTURE) == (value, len(octets))


@settings(max_examples=400)
@given(some.integers(0, 255), some.binary(max_size=80))
def test_octets_are_a_value_that_builds_the_same_or_are_refused(kind, octets):
    try:
        value, end = zcl.get_value(octets, 0, kind)
    except DecodeError:
        return
    assert zcl.put_value(kind, value) == octets[:end]


@settings(max_examples=400)
@given(some.integers(0, 13), some.binary(max_size=60))
def test_general_commands_are_taken_apart_or_refused(command, octets):
    parsers = {
        zcl.READ: (zcl.parse_ids, zcl.build_ids),
        zcl.WRITE: (zcl.parse_values, zcl.build_values),
        zcl.WRITE_RESPONSE: (zcl.parse_write_response, zcl.build_write_response),
        zcl.CONFIGURE_REPORTING: (zcl.parse_configure, zcl.build_configure),
        zcl.CONFIGURE_REPORTING_RESPONSE: (zcl.parse_configure_response, zcl.build_configure_response),
        zcl.READ_REPORTING: (zcl.parse_read_reporting, zcl.build_read_reporting),
        zcl.READ_REPORTING_RESPONSE: (zcl.parse_read_reporting_response, zcl.build_read_reporting_response),
    }
    if command not in parsers:
        return
    parse, build = parsers[command]
    try:
        found = parse(octets)
    except DecodeError:
        return
    assert build(found) == octets
