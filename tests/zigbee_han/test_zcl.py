"""ZCL frames, values and general commands: the octets, and what is refused."""

from slotmeter.zigbee_han import zcl
from slotmeter.zigbee_han.errors import DecodeError, EncodeError

# (type, octets, value): ZCL specification, 2.6.2.
VALUES = (
    (zcl.DATA8 + 2, "010203", b"\x01\x02\x03"),
    (zcl.BOOL, "00", False),
    (zcl.BOOL, "01", True),
    (zcl.BOOL, "ff", None),
    (zcl.B8, "ff", 255),
    (zcl.B16, "3412", 0x1234),
    (zcl.B32, "ffffffff", 0xFFFFFFFF),
    (zcl.U8, "fe", 254),
    (zcl.U8, "ff", None),
    (zcl.U16, "3412", 0x1234),
    (zcl.U24, "563412", 0x123456),
    (zcl.U24, "ffffff", None),
    (zcl.U48, "010000000080", 0x800000000001),
    (zcl.U48, "ffffffffffff", None),
    (zcl.U64, "0100000000000000", 1),
    (zcl.I8, "ff", -1),
    (zcl.I8, "80", None),
    (zcl.I16, "0180", -32767),
    (zcl.I24, "000080", None),
    (zcl.I24, "ffff7f", 8388607),
    (zcl.I24, "00ffff", -256),
    (zcl.I32, "feffffff", -2),
    (zcl.I64, "0000000000000080", None),
    (zcl.E8, "02", 2),
    (zcl.E8, "ff", None),
    (zcl.E16, "0100", 1),
    (zcl.SEMI, "003c", b"\x00\x3c"),
    (zcl.SINGLE, "0000803f", b"\x00\x00\x80\x3f"),
    (zcl.DOUBLE, "000000000000f03f", b"\x00\x00\x00\x00\x00\x00\xf0\x3f"),
    (zcl.OCTETS, "03010203", b"\x01\x02\x03"),
    (zcl.OCTETS, "00", b""),
    (zcl.OCTETS, "ff", None),
    (zcl.TEXT, "03c2a335", "\u00a35"),
    (zcl.TEXT, "ff", None),
    (zcl.LONG_OCTETS, "0200aabb", b"\xaa\xbb"),
    (zcl.LONG_TEXT, "02006869", "hi"),
    (zcl.LONG_TEXT, "ffff", None),
    (zcl.ARRAY, "21020001000200", (zcl.U16, [1, 2])),
    (zcl.ARRAY, "21ffff", (zcl.U16, None)),
    (zcl.SET, "200000", (zcl.U8, [])),
    (zcl.BAG, "48020020010005200000", (zcl.ARRAY, [(zcl.U8, [5]), (zcl.U8, [])])),
    (zcl.STRUCTURE, "020020071001", [(zcl.U8, 7), (zcl.BOOL, True)]),
    (zcl.STRUCTURE, "ffff", None),
    (zcl.TIME_OF_DAY, "171e00ff", [23, 30, 0, None]),
    (zcl.TIME_OF_DAY, "ffffffff", None),
    (zcl.DATE, "790c1901", [2021, 12, 25, 1]),
    (zcl.DATE, "ff0119ff", [None, 1, 25, None]),
    (zcl.DATE, "ffffffff", None),
    (zcl.UTC, "01000000", 1),
    (zcl.UTC, "ffffffff", None),
    (zcl.CLUSTER_ID, "0207", 0x0702),
    (zcl.ATTRIBUTE_ID, "ffff", None),
    (zcl.BACNET_ID, "04030201", 0x01020304),
    (zcl.ADDRESS, "a090785634120db0", bytes.fromhex("b00d1234567890a0")),
    (zcl.ADDRESS, "ffffffffffffffff", None),
    (zcl.KEY, "000102030405060708090a0b0c0d0e0f", bytes(range(16))),
)


def refused(function, *arguments):
    try:
        function(*arguments)
    except DecodeError as error:
        return error.reason
    return ""


def unfit(function, *arguments):
    try:
        function(*arguments)
    except EncodeError:
        return True
    return False


def test_each_type_reads_and_writes_as_the_specification_lays_it_out():
    for kind, octets, value in VALUES:
        data = bytes.fromhex(octets)
        assert zcl.get_value(b"\x5a" + data + b"\x5a", 1, kind) == (value, len(data) + 1), (kind, octets)
        assert zcl.put_value(kind, value) == data, (kind, octets)


def test_a_truncated_value_is_refused_wherever_it_ends():
    for kind, octets, value in VALUES:
        data = bytes.fromhex(octets)
        for size in range(len(data)):
            assert refused(zcl.get_value, data[:size], 0, kind), (kind, octets, size)


def test_values_that_do_not_fit_are_not_encoded():
    for kind, value in (
        (zcl.U8, 255),
        (zcl.U8, -1),
        (zcl.U8, "1"),
        (zcl.B8, 256),
        (zcl.B8, None),
        (zcl.I8, -128),
        (zcl.I8, 128),
        (zcl.OCTETS, bytes(255)),
        (zcl.OCTETS, "text"),
        (zcl.TEXT, b"octets"),
        (zcl.KEY, bytes(15)),
        (zcl.ADDRESS, bytes(7)),
        (zcl.ADDRESS, b"\xff" * 8),
        (zcl.DATE, [2021, 12, 25]),
        (zcl.DATE, [2155, 12, 25, 1]),
        (zcl.DATE, [1899, 12, 25, 1]),
        (zcl.DATE, [None, None, None, None]),
        (zcl.ARRAY, (zcl.NO_DATA, [])),
        (zcl.ARRAY, 5),
        (0x77, 1),
    ):
        assert unfit(zcl.put_value, kind, value), (kind, value)


def test_what_a_value_may_not_say_is_refused():
    for kind, octets, reason in (
        (zcl.BOOL, "02", "2 is no boolean"),
        (zcl.TEXT, "01ff", "characters are not UTF-8"),
        (zcl.ARRAY, "00fffe", "type 0x00 of elements unknown"),
        (zcl.ARRAY, "20feff01", "65534 elements in 1 octets"),
        (0x77, "00", "data type 0x77 unknown"),
    ):
        assert refused(zcl.get_value, bytes.fromhex(octets), 0, kind) == reason, octets
    deep = b"\x48\x01\x00" * 9 + b"\x20\x01\x00\x05"
    assert refused(zcl.get_value, deep, 0, zcl.ARRAY) == "nested deeper than %d" % zcl.DEEPEST


def test_a_frame_header_is_laid_out_as_the_specification_says():
    frame = zcl.Frame(zcl.GENERAL, zcl.READ, b"\x00\x00", 0x2A)
    assert zcl.build_frame(frame).hex() == "002a000000"
    frame = zcl.Frame(zcl.CLUSTER, 1, b"", 7, True, True, 0x10DB)
    assert zcl.build_frame(frame).hex() == "1ddb100701"
    back = zcl.parse_frame(bytes.fromhex("1ddb100701"))
    assert (back.kind, back.command, back.payload, back.sequence) == (zcl.CLUSTER, 1, b"", 7)
    assert back.to_client and back.no_default_response and back.manufacturer == 0x10DB
    assert "sequence 7" in repr(back)


def test_frames_that_are_none_are_refused():
    for octets, reason in (
        ("", "0 octets where 1 are due"),
        ("00", "0 octets where 2 are due"),
        ("0001", "1 octets where 2 are due"),
        ("04db10", "0 octets where 2 are due"),
        ("020100", "frame type 2 unknown"),
        ("200100", "reserved bits of the frame control set"),
    ):
        assert refused(zcl.parse_frame, bytes.fromhex(octets)) == reason, octets
    assert refused(zcl.parse_frame, bytes(zcl.LONGEST_FRAME + 1)) == "longer than 1507 octets"
    assert unfit(zcl.build_frame, zcl.Frame(0, 0, bytes(zcl.LONGEST_FRAME)))
    assert unfit(zcl.build_frame, zcl.Frame(2, 0, b""))


def test_the_general_commands_of_reading_and_writing_round_trip():
    assert zcl.parse_ids(zcl.build_ids([0, 0x0400, 0xFFFD])) == [0, 0x0400, 0xFFFD]
    records = [(0, zcl.SUCCESS, zcl.U48, 12345678), (1, zcl.UNSUPPORTED_ATTRIBUTE, 0, None), (2, 0, zcl.TEXT, "x")]
    octets = b"".join([zcl.build_read_record(*record) for record in records])
    assert octets.hex() == "000000254e61bc000000" + "010086" + "020000420178"
    assert zcl.parse_read_response(octets) == records
    values = [(0x0010, zcl.TEXT, "kitchen"), (0x0012, zcl.BOOL, True)]
    assert zcl.parse_values(zcl.build_values(values)) == values
    assert zcl.build_write_response([]) == b"\x00"
    assert zcl.parse_write_response(b"\x00") == []
    failed = [(zcl.READ_ONLY, 0x0004), (zcl.INVALID_VALUE, 0x0010)]
    assert zcl.build_write_response(failed).hex() == "880400871000"
    assert zcl.parse_write_response(zcl.build_write_response(failed)) == failed
    assert zcl.parse_default_response(b"\x00\x86") == (0, 0x86)


def test_the_general_commands_of_discovery_round_trip():
    assert zcl.parse_discover(b"\x00\x04\x10") == (0x0400, 16)
    found = [(0x0000, zcl.U48), (0x0300, zcl.E8)]
    octets = zcl.build_discover_response(True, found)
    assert octets.hex() == "01000025000330"
    assert zcl.parse_discover_response(octets) == (True, found)
    assert refused(zcl.parse_discover_response, b"\x01\x00\x03\x30\x00\x00\x25") == "attributes are not in order"
    assert refused(zcl.parse_discover_response, b"\x02") == "2 is no boolean"
    assert refused(zcl.parse_discover, b"\x00\x04") == "discover attributes of 2 octets instead of 3"


def test_the_general_commands_of_reporting_round_trip():
    wanted = [zcl.Reporting(0x0400, zcl.I24, 10, 300, 5), zcl.Reporting(0x0200, zcl.B8, 0, 3600)]
    wanted.append(zcl.Reporting(0x0000, received=True, timeout_s=120))
    octets = zcl.build_configure(wanted)
    assert octets.hex() == "0000042a0a002c01050000" + "00000218" + "0000100e" + "0100007800"
    back = zcl.parse_configure(octets)
    assert [repr(one) for one in back] == [repr(one) for one in wanted]
    assert zcl.build_configure(back) == octets
    assert zcl.parse_configure_response(zcl.build_configure_response([])) == []
    failed = [(zcl.UNREPORTABLE_ATTRIBUTE, 0, 0x0400)]
    assert zcl.parse_configure_response(zcl.build_configure_response(failed)) == failed
    assert zcl.parse_read_reporting(zcl.build_read_reporting([(0, 0x0400)])) == [(0, 0x0400)]
    told = [(zcl.SUCCESS, wanted[0]), (zcl.NOT_FOUND, zcl.Reporting(1, received=True))]
    octets = zcl.build_read_reporting_response(told)
    assert zcl.build_read_reporting_response(zcl.parse_read_reporting_response(octets)) == octets


def test_every_truncation_of_a_general_command_is_refused_or_is_whole_records():
    values = zcl.build_values([(0x0010, zcl.TEXT, "kitchen"), (0x0012, zcl.BOOL, True)])
    whole = (0, 11, 15)
    for size in range(len(values) + 1):
        assert bool(refused(zcl.parse_values, values[:size])) == (size not in whole), size
    response = zcl.build_read_record(0, 0, zcl.U48, 1) + zcl.build_read_record(1, zcl.UNSUPPORTED_ATTRIBUTE)
    for size in range(len(response) + 1):
        assert bool(refused(zcl.parse_read_response, response[:size])) == (size not in (0, 10, 13)), size
    configured = zcl.build_configure([zcl.Reporting(0x0400, zcl.I24, 10, 300, 5)])
    for size in range(1, len(configured)):
        assert refused(zcl.parse_configure, configured[:size]), size
    assert refused(zcl.parse_ids, b"\x00") == "half an attribute id"
    assert refused(zcl.parse_write_response, b"")
    assert refused(zcl.parse_write_response, b"\x00\x00\x00") == "success among the failures"
    assert refused(zcl.parse_configure_response, b"\x00\x00")
    assert refused(zcl.parse_read_reporting, b"\x02\x00\x00") == "direction 2 unknown"
    assert refused(zcl.parse_configure, bytes.fromhex("00000477")) == "data type 0x77 unknown"
    assert refused(zcl.parse_default_response, b"\x00")
