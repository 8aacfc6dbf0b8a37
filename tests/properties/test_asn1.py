"""The DER of GBCS against its own inverse, the calendar of the host, and whatever else comes."""

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from slotmeter.dlms.errors import DecodeError
from slotmeter.dlms.gbcs import asn1, replacement_command
from slotmeter.dlms.gbcs.replacement_command import Change


@given(st.integers(-(1 << 71), (1 << 71) - 1))
def test_an_integer_is_what_the_host_says_and_comes_back(value):
    octets = asn1.put_integer(value)
    size = octets[1]
    assert octets[2:] == value.to_bytes(size, "big", signed=True)
    assert size == 1 or not -(1 << (8 * size - 9)) <= value < 1 << (8 * size - 9)
    assert asn1.integer_value(octets, 2, len(octets)) == value


@given(st.integers(0, asn1.CANCEL_TIME))
def test_a_time_is_what_the_host_says_and_comes_back(seconds):
    octets = asn1.put_generalized_time(seconds)
    moment = datetime(2000, 1, 1) + timedelta(seconds=seconds)
    assert octets[2:].decode() == moment.strftime("%Y%m%d%H%M%SZ")
    assert asn1.generalized_time(octets, 0, 17) == (seconds, 17)


@given(st.integers(1, 255))
def test_a_key_usage_comes_back(flags):
    assert asn1.key_usage(asn1.put_key_usage(flags), 0, 4) == (flags, 4)


@given(st.integers(0, 70000).filter(lambda size: size < 0x10000), st.sampled_from([0x04, 0x30, 0xA2]))
def test_an_element_of_a_device_comes_back(size, tag):
    octets = asn1.element(tag, bytes(size))
    assert asn1.header(octets, 0, len(octets), True) == (tag, len(octets) - size, len(octets))


@given(st.binary(max_size=40))
def test_a_header_has_one_spelling(data):
    """Whatever is accepted is written again in the same octets: by a device as a device, else as plain DER."""
    for device in (False, True):
        try:
            tag, start, stop = asn1.header(data, 0, len(data), device)
        except DecodeError:
            continue
        assert 2 <= start <= stop <= len(data)
        if device:
            assert asn1.element(tag, data[start:stop]) == data[:stop]


PLACES = st.tuples(st.integers(0, 127), st.sampled_from([0x80, 0x08, 0x04]), st.integers(0, 1))


@given(PLACES)
def test_a_cell_comes_back(place):
    octets = replacement_command.cell_to_asn1(place)
    assert replacement_command.parse_cell(octets, 0, len(octets)) == (place, len(octets))


@given(st.integers(0, 127), st.integers(0, (1 << 64) - 1), st.none() | st.integers(0, (1 << 64) - 1))
def test_a_counter_change_comes_back_through_a_command(role, floor, specialist):
    change = Change(role, floor, specialist).to_asn1()
    control = asn1.put_integer(2) + b"\x83\x01\x05" + asn1.element(0xA6, change)
    payload = asn1.sequence([asn1.element(0x30, control), b"\x30\x00", b"\x30\x00"])
    command = replacement_command.parse(payload)
    assert [(one.role, one.floor, one.specialist) for one in command.others] == [(role, floor, specialist)]
    assert (command.mode, command.counter, command.floor, command.due_s) == (2, 5, None, None)


@given(st.binary(max_size=200))
def test_anything_else_is_refused_in_one_way(data):
    for payload in (data, b"\x30" + bytes((min(len(data), 127),)) + data[:127]):
        try:
            replacement_command.parse(payload)
        except DecodeError:
            continue
