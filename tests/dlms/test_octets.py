"""Checked integers and DLMS lengths."""

from slotmeter.dlms import octets
from slotmeter.dlms.errors import DecodeError, EncodeError


def encode_refused(function, *arguments):
    try:
        function(*arguments)
    except EncodeError:
        return True
    return False


def length_refused(data):
    try:
        octets.get_length(data, 0)
    except DecodeError as error:
        return error.reason
    return ""


def test_a_signed_number_that_does_not_fit_is_refused():
    for value, size, data in ((-1, 1, b"\xff"), (-128, 1, b"\x80"), (127, 1, b"\x7f"), (-32768, 2, b"\x80\x00")):
        assert octets.put_int(value, size) == data
        assert octets.get_int(data) == value
    assert encode_refused(octets.put_int, 128, 1)
    assert encode_refused(octets.put_int, -129, 1)


def test_a_length_is_written_in_its_shortest_form_and_read_back():
    for length, data in (
        (0, "00"),
        (127, "7f"),
        (128, "8180"),
        (255, "81ff"),
        (256, "820100"),
        (65535, "82ffff"),
        (65536, "83010000"),
        (0xFFFFFF, "83ffffff"),
    ):
        assert octets.put_length(length).hex() == data
        assert octets.get_length(b"\xaa" + bytes.fromhex(data), 1) == (length, 1 + len(data) // 2)
    assert encode_refused(octets.put_length, 0x1000000)


def test_a_length_of_another_form_is_refused():
    assert length_refused(b"") == "length missing"
    for data in ("80", "8400000080", "ff"):
        assert length_refused(bytes.fromhex(data)) == "length of a form not allowed"
    for data in ("81", "8201", "830101"):
        assert length_refused(bytes.fromhex(data)) == "length truncated"
    for data in ("8100", "817f", "8200ff", "8300ffff", "83000001"):
        assert length_refused(bytes.fromhex(data)) == "length not in its shortest form"
