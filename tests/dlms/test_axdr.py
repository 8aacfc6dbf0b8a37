"""A-XDR values, one by one: what octets they are, and which octets are refused."""

from slotmeter.dlms import axdr
from slotmeter.dlms.errors import DecodeError, EncodeError

# Value, its octets in hexadecimal.
PAIRS = (
    ((axdr.NULL, None), "00"),
    ((axdr.BOOLEAN, True), "03ff"),
    ((axdr.BOOLEAN, False), "0300"),
    ((axdr.BIT_STRING, (0, b"")), "0400"),
    ((axdr.BIT_STRING, (7, b"\xfe")), "0407fe"),
    ((axdr.BIT_STRING, (512, b"\x55" * 64)), "04820200" + "55" * 64),
    ((axdr.DOUBLE_LONG, -2), "05fffffffe"),
    ((axdr.DOUBLE_LONG, 0x7FFFFFFF), "057fffffff"),
    ((axdr.DOUBLE_LONG_UNSIGNED, 0xFFFFFFFE), "06fffffffe"),
    ((axdr.OCTET_STRING, b""), "0900"),
    ((axdr.OCTET_STRING, b"\x01\x02"), "09020102"),
    ((axdr.OCTET_STRING, b"\x00" * 128), "098180" + "00" * 128),
    ((axdr.VISIBLE_STRING, b"abc"), "0a03616263"),
    ((axdr.UTF8_STRING, b"\xc2\xa3"), "0c02c2a3"),
    ((axdr.BCD, 0x12), "0d12"),
    ((axdr.INTEGER, -128), "0f80"),
    ((axdr.LONG, -1), "10ffff"),
    ((axdr.UNSIGNED, 255), "11ff"),
    ((axdr.LONG_UNSIGNED, 36710), "128f66"),
    ((axdr.LONG64, -1), "14" + "ff" * 8),
    ((axdr.LONG64_UNSIGNED, (1 << 64) - 1), "15" + "ff" * 8),
    ((axdr.ENUM, 30), "161e"),
    ((axdr.DATE_TIME, b"\x07\xdf\x01\x01\xff\x00\x00\x00\x00\x80\x00\xff"), "1907df0101ff000000008000ff"),
    ((axdr.DATE, b"\x07\xdf\x01\x01\xff"), "1a07df0101ff"),
    ((axdr.TIME, b"\x17\x3b\x00\x00"), "1b173b0000"),
    ((axdr.ARRAY, []), "0100"),
    ((axdr.STRUCTURE, []), "0200"),
    ((axdr.STRUCTURE, [(axdr.INTEGER, 0), (axdr.ENUM, 30)]), "02020f00161e"),
    (
        (axdr.ARRAY, [(axdr.STRUCTURE, [(axdr.UNSIGNED, 1)]), (axdr.STRUCTURE, [(axdr.ARRAY, []), (axdr.NULL, None)])]),
        "01020201110102020100" + "00",
    ),
    (
        (
            axdr.COMPACT_ARRAY,
            ((axdr.STRUCTURE, (axdr.DOUBLE_LONG_UNSIGNED,), (axdr.OCTET_STRING,)), []),
        ),
        "1302020609" + "00",
    ),
    (
        (
            axdr.COMPACT_ARRAY,
            (
                (axdr.STRUCTURE, (axdr.OCTET_STRING,), (axdr.ARRAY, (axdr.BOOLEAN,), 2, 2)),
                [
                    (
                        axdr.STRUCTURE,
                        [
                            (axdr.OCTET_STRING, b"\x05"),
                            (axdr.ARRAY, [(axdr.BOOLEAN, True), (axdr.BOOLEAN, False)]),
                        ],
                    ),
                    (
                        axdr.STRUCTURE,
                        [(axdr.OCTET_STRING, b""), (axdr.ARRAY, [(axdr.BOOLEAN, False), (axdr.BOOLEAN, False)])],
                    ),
                ],
            ),
        ),
        "13" + "0202" + "09" + "01000203" + "07" + "0105ff00" + "000000",
    ),
    (
        (axdr.COMPACT_ARRAY, ((axdr.BIT_STRING,), [(axdr.BIT_STRING, (3, b"\xe0")), (axdr.BIT_STRING, (0, b""))])),
        "1304" + "03" + "03e0" + "00",
    ),
)

# Octets in hexadecimal, and a word of the reason why they are refused.
REFUSED = (
    ("", "missing"),
    ("09", "missing"),
    ("0905", "longer"),
    ("0981", "truncated"),
    ("09817f" + "00" * 127, "shortest"),
    ("0980", "form"),
    ("0984000000ff", "form"),
    ("0982ffff00", "longer"),
    ("0983ffffff00", "longer"),
    ("0407", "longer"),
    ("0301", "boolean"),
    ("06000000", "truncated"),
    ("1500000000000000", "truncated"),
    ("07", "tag 7"),
    ("17" + "00" * 4, "tag 23"),
    ("ff", "tag 255"),
    ("0105", "more elements"),
    ("0182ffff" + "00" * 10, "more elements"),
    ("020100" + "00", "left after"),
    ("01" * 40 + "00", "deeper"),
    ("13", "truncated"),
    ("130000", "not allowed"),
    ("1302010000", "not allowed"),
    ("1313110000", "not allowed"),
    ("1302000100", "nothing in it"),
    ("13010000110100", "nothing in it"),
    ("1302021111" + "03000000", "within a row"),
    ("13020211", "truncated"),
    ("1301ffff01ffff110100", "shorter than one row"),
    ("130301" + "07", "boolean"),
    ("1309020501", "within a row"),
    ("1311020102" + "00", "left after"),
    ("13" + "010001" * 20, "deeper"),
    ("131105", "longer"),
    ("13" + "0201" * 4 + "1100", "too little"),
)


def refused(function, data, word):
    try:
        function(data)
    except DecodeError as error:
        assert word in error.reason, (data.hex(), error.reason)
        assert 0 <= error.offset <= len(data), (data.hex(), error.offset)
    else:
        raise AssertionError("taken: " + data.hex())


def test_every_type_is_encoded_as_the_standard_says():
    for value, octets in PAIRS:
        assert axdr.encode(value).hex() == octets, (value, axdr.encode(value).hex())


def test_every_type_is_decoded_to_the_value_it_was_made_of():
    for value, octets in PAIRS:
        assert axdr.decode_whole(bytes.fromhex(octets)) == value, octets


def test_skipping_ends_where_decoding_does():
    for _, octets in PAIRS:
        data = b"\xaa" + bytes.fromhex(octets) + b"\x00\x00"
        assert axdr.skip(data, 1) == len(data) - 2, octets
        assert axdr.decode(data, 1)[1] == len(data) - 2, octets


def test_what_is_not_a_value_is_refused_with_a_reason():
    for octets, word in REFUSED:
        data = bytes.fromhex(octets)
        refused(axdr.decode_whole, data, word)


def test_skipping_refuses_what_decoding_refuses():
    for octets, word in REFUSED:
        if word != "left after":
            refused(axdr.skip, bytes.fromhex(octets), word)


def test_every_truncation_of_a_value_is_refused():
    for _, octets in PAIRS:
        data = bytes.fromhex(octets)
        for size in range(len(data)):
            refused(axdr.decode_whole, data[:size], "")
            refused(axdr.skip, data[:size], "")


def test_a_number_that_does_not_fit_is_not_encoded():
    for value in (
        (axdr.UNSIGNED, 256),
        (axdr.UNSIGNED, -1),
        (axdr.INTEGER, 128),
        (axdr.LONG, -32769),
        (axdr.LONG_UNSIGNED, 65536),
        (axdr.DOUBLE_LONG, 1 << 31),
        (axdr.DOUBLE_LONG_UNSIGNED, 1 << 32),
        (axdr.DOUBLE_LONG_UNSIGNED, -1),
        (axdr.LONG64, 1 << 63),
        (axdr.LONG64_UNSIGNED, 1 << 64),
        (axdr.ENUM, -1),
        (axdr.BIT_STRING, (9, b"\x00")),
        (axdr.DATE, b"\x00"),
        (7, 0),
        (99, 0),
        (axdr.COMPACT_ARRAY, ((axdr.UNSIGNED,), [(axdr.INTEGER, 1)])),
        (axdr.COMPACT_ARRAY, ((axdr.STRUCTURE, (axdr.UNSIGNED,)), [(axdr.STRUCTURE, [])])),
        (axdr.COMPACT_ARRAY, ((axdr.NULL,), [(axdr.NULL, None)])),
    ):
        try:
            axdr.encode(value)
        except EncodeError:
            continue
        raise AssertionError(value)


def test_nesting_is_bounded_on_both_ways():
    value = (axdr.NULL, None)
    for _ in range(axdr.DEPTH_LIMIT - 1):
        value = (axdr.STRUCTURE, [value])
    data = axdr.encode(value)
    assert axdr.decode_whole(data) == value
    assert axdr.skip(data) == len(data)
    try:
        axdr.encode((axdr.STRUCTURE, [value]))
    except EncodeError:
        pass
    else:
        raise AssertionError
    refused(axdr.decode_whole, b"\x02\x01" + data, "deeper")
    refused(axdr.skip, b"\x02\x01" + data, "deeper")


def test_a_compact_array_is_not_encoded_deeper_than_it_is_decoded():
    row_type = (axdr.LONG64,)
    for _ in range(axdr.DEPTH_LIMIT):
        row_type = (axdr.STRUCTURE, row_type)
    try:
        axdr.encode((axdr.COMPACT_ARRAY, (row_type, [])))
    except EncodeError:
        return
    raise AssertionError


def test_a_value_is_shown_in_one_line():
    value = (
        axdr.STRUCTURE,
        [
            (axdr.LONG_UNSIGNED, 36710),
            (axdr.OCTET_STRING, b"\x07\xee"),
            (axdr.OCTET_STRING, b""),
            (axdr.ARRAY, []),
            (axdr.ARRAY, [(axdr.BOOLEAN, True), (axdr.INTEGER, -1)]),
            (axdr.BIT_STRING, (3, b"\xa0")),
            (axdr.VISIBLE_STRING, b'a"\x00b'),
            (axdr.NULL, None),
        ],
    )
    assert axdr.text(value) == (
        "structure{long-unsigned 36710, octet-string 07ee, octet-string -, array[], array[true, integer -1],"
        ' bit-string(3) a0, visible-string "a\\x22\\x00b", null}'
    )
