"""Types of attributes: their text, what fits them, and rows packed by them."""

from slotmeter.dlms import axdr, schema
from slotmeter.dlms.errors import DecodeError, EncodeError

ROW = schema.parse("structure{octet-string(12),double-long-unsigned,array(2)[structure{boolean,integer}]}")
ROWS = [
    (b"\x07\xdf\x01\x01\xff\x00\x00\x00\x00\x80\x00\xff", 0xFFFFFFFF, True, -128, False, 127),
    (b"\x00" * 12, 0, False, 0, True, -1),
]


def fits(name, octets):
    try:
        schema.check_whole(schema.parse(name), bytes.fromhex(octets))
    except DecodeError:
        return False
    return True


def not_encoded(function, *arguments):
    try:
        function(*arguments)
    except EncodeError:
        return True
    return False


def as_values():
    values = []
    for row in ROWS:
        pairs = [(axdr.STRUCTURE, [(axdr.BOOLEAN, row[i]), (axdr.INTEGER, row[i + 1])]) for i in (2, 4)]
        values.append(
            (axdr.STRUCTURE, [(axdr.OCTET_STRING, row[0]), (axdr.DOUBLE_LONG_UNSIGNED, row[1]), (axdr.ARRAY, pairs)])
        )
    return values


def test_a_type_is_written_as_it_was_read():
    for name in (
        "null",
        "octet-string(8)",
        "octet-string(0..8)",
        "bit-string(7)",
        "structure{}",
        "array[any]",
        "array(1..4)[unsigned]",
        "structure{octet-string(6),array(0..50)[structure{long-unsigned,date}]}",
        "compact-array[structure{double-long-unsigned,array(48)[double-long]}]",
        "choice{null|octet-string(12)|structure{structure{},null}}",
    ):
        assert schema.text(schema.parse(name)) == name
    assert schema.parse("array[ unsigned ]") == (axdr.ARRAY, (axdr.UNSIGNED,), 0, axdr.COUNT_LIMIT)


def test_what_is_no_type_is_refused():
    for name in (
        "",
        "structure",
        "structure{",
        "array[]",
        "structure{null",
        "null}",
        "null,null",
        "octet-string(",
        "octet-string(3..1)",
        "octet-string(x)",
        "null(3)",
        "array[null,null]",
        "choice{null,null}",
        "unknown",
        "structure{,}",
        "structure{null,}",
        "octet-string(4",
    ):
        assert not_encoded(schema.parse, name), name


def test_octets_fit_their_own_type_only():
    assert fits("structure{integer,enum}", "02020f00161e")
    assert not fits("structure{integer,enum}", "02020f00111e")
    assert not fits("structure{integer,enum}", "02030f00161e00")
    assert not fits("structure{integer,enum}", "02020f0016")
    assert not fits("structure{integer,enum}", "02020f00161e00")
    assert fits("octet-string(2)", "0902aabb")
    assert not fits("octet-string(2)", "0903aabbcc")
    assert not fits("octet-string(2)", "0902aa")
    assert fits("bit-string(7)", "0407fe")
    assert not fits("bit-string(7)", "0408fe")
    assert fits("array(1..2)[unsigned]", "01021101" + "1102")
    assert not fits("array(1..2)[unsigned]", "0100")
    assert not fits("array(1..2)[unsigned]", "0103110111021103")
    assert not fits("array[unsigned]", "0182ffff11")
    assert fits("any", "0203110100" + "0900")
    assert not fits("any", "02")
    assert not fits("boolean", "0301")


def test_a_choice_takes_the_alternative_that_fits():
    name = "structure{choice{null|octet-string(12)|octet-string(0)|array(2)[enum]},unsigned}"
    assert fits(name, "0202" + "00" + "1101")
    assert fits(name, "0202" + "0900" + "1101")
    assert fits(name, "0202" + "090c" + "00" * 12 + "1101")
    assert fits(name, "0202" + "010216011602" + "1101")
    assert not fits(name, "0202" + "0901aa" + "1101")
    assert not fits(name, "0202" + "01011601" + "1101")
    assert not fits(name, "0202" + "1101" + "1101")


def test_a_profile_arrives_as_compact_array_or_as_array():
    name = "compact-array[structure{double-long-unsigned,octet-string(0..2),boolean}]"
    assert fits(name, "13020306090300")
    assert fits(name, "130203060903" + "08" + "00000001" + "02aabb" + "ff")
    assert fits(name, "0101" + "0203" + "0600000001" + "0900" + "03ff")
    assert fits(name, "0100")
    assert not fits(name, "130203060903" + "09" + "00000001" + "03aabbcc" + "ff")
    assert not fits(name, "130203060903" + "06" + "00000001" + "00" + "01")
    assert not fits(name, "130203060903" + "05" + "00000001" + "00")
    assert not fits(name, "1302030609" + "11" + "00")
    assert not fits(name, "13020206" + "09" + "00")
    assert not fits(name, "0101" + "0203" + "0600000001" + "0900" + "1101")
    assert fits("compact-array[array(2)[unsigned]]", "130100021104" + "01020304")
    assert not fits("compact-array[array(2)[unsigned]]", "130100031103" + "010203")


def test_a_row_type_that_promises_much_and_brings_nothing_costs_nothing():
    assert fits("compact-array[array[array[unsigned]]]", "1301ffff01ffff1100")


def test_packed_rows_are_what_the_general_encoder_makes():
    codec = schema.RowCodec(ROW)
    values = as_values()
    assert codec.array(ROWS) == axdr.encode((axdr.ARRAY, values))
    row_type = axdr.decode_whole(codec.compact_array([]))[1][0]
    assert codec.compact_array(ROWS) == axdr.encode((axdr.COMPACT_ARRAY, (row_type, values)))
    schema.check_whole((axdr.COMPACT_ARRAY, ROW), codec.array(ROWS))
    schema.check_whole((axdr.COMPACT_ARRAY, ROW), codec.compact_array(ROWS))
    many = ROWS * 100
    assert codec.pack_rows(many) == codec.pack_rows(ROWS) * 100
    assert codec.pack_contents([]) == b""


def test_rows_of_many_fields_are_packed_too():
    codec = schema.RowCodec(schema.parse("structure{double-long-unsigned,array(90)[long],octet-string(3)}"))
    row = tuple([7] + list(range(-45, 45)) + [b"abc"])
    contents = codec.pack_contents([row] * 15)
    assert len(contents) == 15 * (4 + 180 + 4)
    assert codec.unpack_contents(contents) == [row] * 15
    value = [(axdr.DOUBLE_LONG_UNSIGNED, 7), (axdr.ARRAY, [(axdr.LONG, i) for i in range(-45, 45)])]
    value.append((axdr.OCTET_STRING, b"abc"))
    assert codec.array([row]) == axdr.encode((axdr.ARRAY, [(axdr.STRUCTURE, value)]))


def test_packed_rows_come_back():
    codec = schema.RowCodec(ROW)
    contents = codec.pack_contents(ROWS)
    assert len(contents) == codec.size * len(ROWS)
    assert codec.unpack_contents(contents) == ROWS
    lying = b"\x0b" + contents[1:]
    for bad in (contents[:-1], lying):
        try:
            codec.unpack_contents(bad)
        except DecodeError:
            continue
        raise AssertionError(bad)


def test_a_field_that_does_not_fit_is_not_packed():
    codec = schema.RowCodec(schema.parse("structure{octet-string(2),unsigned,long}"))
    assert codec.pack_rows([(b"ab", 255, -32768)]).hex() == "0203" + "09026162" + "11ff" + "108000"
    for row in (
        (b"a", 0, 0),
        (b"abc", 0, 0),
        (b"ab", 256, 0),
        (b"ab", -1, 0),
        (b"ab", 0, 32768),
        (b"ab", 0),
        (b"ab", 0, 0, 0),
    ):
        assert not_encoded(codec.pack_rows, [(b"ab", 1, 1), row]), row


def test_rows_of_varying_size_have_no_codec():
    for name in (
        "structure{octet-string}",
        "structure{bit-string(8)}",
        "array[unsigned]",
        "null",
        "structure{unsigned,array(0)[null]}",
    ):
        assert not_encoded(schema.RowCodec, schema.parse(name)), name
