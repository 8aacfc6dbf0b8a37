"""OBIS codes and their text."""

from slotmeter.dlms import obis
from slotmeter.dlms.errors import DecodeError, EncodeError


def test_a_code_is_written_as_the_data_set_writes_it():
    assert obis.text(b"\x00\x00\x5e\x2c\x22\x0a") == "0-0:94.44.34.10"
    assert obis.text(b"\x00\x00\x2b\x02\x08\xff") == "0-0:43.2.8.255"


def test_a_code_is_read_back():
    for name in ("0-0:94.44.34.10", "1-0:1.8.0.255", "255-255:255.255.255.255"):
        assert obis.text(obis.parse(name)) == name


def test_what_is_no_code_is_refused():
    for name in (
        "",
        "0-0",
        "0.0.94.44.34.10",
        "0-0:94.44.34",
        "0-0:94.44.34.10.1",
        "0-0:256.0.0.0",
        "a-0:1.1.1.1",
        "0-0:-1.0.0.0",
        "0-0:1..1.1",
        "0:0-1.1.1.1",
    ):
        try:
            obis.parse(name)
        except EncodeError:
            continue
        raise AssertionError(name)


def test_a_code_has_six_octets():
    for size in (0, 5, 7):
        try:
            obis.text(b"\x00" * size)
        except DecodeError:
            continue
        raise AssertionError(size)
