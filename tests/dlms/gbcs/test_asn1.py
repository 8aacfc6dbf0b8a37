"""The DER of GBCS, element by element."""

from slotmeter.dlms.errors import DecodeError, EncodeError
from slotmeter.dlms.gbcs import asn1


def _refused(call, *arguments):
    try:
        call(*arguments)
    except DecodeError:
        return True
    return False


def _integer(data):
    start, stop = asn1.enter(data, 0, len(data), asn1.INTEGER)
    return asn1.integer_value(data, start, stop)


def test_integers_are_minimal_twos_complement():
    for value, octets in (
        (0, "020100"),
        (1, "020101"),
        (127, "02017f"),
        (128, "02020080"),
        (255, "020200ff"),
        (256, "02020100"),
        (36710, "0203008f66"),
        ((1 << 63) - 1, "02087fffffffffffffff"),
        (1 << 63, "0209008000000000000000"),
        ((1 << 64) - 1, "020900ffffffffffffffff"),
        (-1, "0201ff"),
        (-128, "020180"),
        (-129, "0202ff7f"),
    ):
        assert asn1.put_integer(value) == bytes.fromhex(octets)
        assert _integer(bytes.fromhex(octets)) == value


def test_integers_in_another_form_are_refused():
    for octets in ("0200", "02020000", "0202007f", "0202ff80", "020a00ffffffffffffffffff", "0201", "02820100"):
        assert _refused(_integer, bytes.fromhex(octets)), octets


def test_an_integer_out_of_range_is_refused():
    for octets in ("0201ff", "020110"):
        assert _refused(asn1.integer, bytes.fromhex(octets), 0, 3, 15)
    assert asn1.integer(b"\x02\x01\x0f", 0, 3, 15) == (15, 3)


def test_lengths_from_a_remote_party_are_der():
    body = bytes(200)
    assert asn1.header(b"\x04\x81\xc8" + body, 0, 203) == (4, 3, 203)
    assert _refused(asn1.header, b"\x04\x82\x00\xc8" + body, 0, 204)
    assert asn1.header(b"\x04\x82\x01\x00" + bytes(256), 0, 260) == (4, 4, 260)


def test_lengths_from_a_device_have_the_form_of_gbcs():
    body = bytes(200)
    assert asn1.header(b"\x04\x82\x00\xc8" + body, 0, 204, True) == (4, 4, 204)
    assert _refused(asn1.header, b"\x04\x81\xc8" + body, 0, 203, True)
    assert _refused(asn1.header, b"\x04\x82\x00\x7f" + body, 0, 204, True)
    assert asn1.element(4, body) == b"\x04\x82\x00\xc8" + body
    assert asn1.element(4, bytes(127)) == b"\x04\x7f" + bytes(127)
    assert asn1.element(4, bytes(256)) == b"\x04\x82\x01\x00" + bytes(256)


def test_lengths_that_say_too_much_are_refused():
    wrong = "04 0401 0480 048100 04817f 0483000001ff 04ff 1f0100 0402ff 0481 048201"
    for octets in wrong.split(" "):
        data = bytes.fromhex(octets)
        assert _refused(asn1.header, data, 0, len(data)), octets


def test_nothing_is_read_past_the_end_that_was_named():
    data = b"\x30\x03\x02\x01\x05\x02\x01\x07"
    assert asn1.enter(data, 0, 5, asn1.SEQUENCE) == (2, 5)
    assert _refused(asn1.enter, data, 0, 4, asn1.SEQUENCE)
    assert _refused(asn1.enter, data, 0, 5, asn1.INTEGER)
    assert _refused(asn1.at_end, 5, 8)


def test_a_list_has_its_limit():
    data = b"\x02\x01\x01" * 3
    assert len(asn1.children(data, 0, 9, asn1.INTEGER, 3)) == 3
    assert _refused(asn1.children, data, 0, 9, asn1.INTEGER, 2)
    assert asn1.children(data, 0, 0, asn1.INTEGER, 0) == []


def test_key_usages_have_one_form():
    for flags, octets in ((0x80, "03020780"), (8, "03020308"), (4, "03020204"), (6, "03020106"), (1, "03020001")):
        assert asn1.put_key_usage(flags) == bytes.fromhex(octets)
        assert asn1.key_usage(bytes.fromhex(octets), 0, 4) == (flags, 4)
    for octets in ("03020000", "03020080", "03020708", "03020880", "030107", "0303078000", "03020781"):
        data = bytes.fromhex(octets)
        assert _refused(asn1.key_usage, data, 0, len(data)), octets
    for flags in (0, 256):
        try:
            asn1.put_key_usage(flags)
        except EncodeError:
            continue
        raise AssertionError("written")


def test_times_are_seconds_since_2000():
    for seconds, text in (
        (0, "20000101000000Z"),
        (5097600, "20000229000000Z"),
        (473385600, "20150101000000Z"),
        (947667600, "20300111090000Z"),
        (31622399, "20001231235959Z"),
        (31622400, "20010101000000Z"),
        # Where the average length of a year is a day too long, or too short.
        (1167609600, "20361231000000Z"),
        (3281904000, "21040101000000Z"),
        (3160857599, "21000228235959Z"),
        (3160857600, "21000301000000Z"),
        (asn1.CANCEL_TIME, "99991231235959Z"),
    ):
        octets = b"\x18\x0f" + text.encode()
        assert asn1.put_generalized_time(seconds) == octets
        assert asn1.generalized_time(octets, 0, 17) == (seconds, 17)


def test_times_that_do_not_exist_are_refused():
    for text in (
        "19991231235959Z",
        "20150001000000Z",
        "20151301000000Z",
        "20150229000000Z",
        "20150100000000Z",
        "20150132000000Z",
        "20150101240000Z",
        "20150101006000Z",
        "20150101000060Z",
        "20150101000000z",
        "2015010100000 Z",
        "+0150101000000Z",
        "201501010000Z",
        "20150101000000.5Z",
    ):
        octets = bytes((0x18, len(text))) + text.encode()
        assert _refused(asn1.generalized_time, octets, 0, len(octets)), text
    for seconds in (-1, asn1.CANCEL_TIME + 1):
        try:
            asn1.put_generalized_time(seconds)
        except EncodeError:
            continue
        raise AssertionError("written")


def test_every_truncation_of_an_element_is_refused():
    whole = asn1.sequence([asn1.put_integer(7), asn1.put_octets(b"abc"), asn1.put_null()])
    for size in range(len(whole)):
        assert _refused(asn1.enter, whole[:size], 0, size, asn1.SEQUENCE)
    assert asn1.enter(whole, 0, len(whole), asn1.SEQUENCE) == (2, len(whole))


def test_octet_strings_have_the_size_that_was_asked_for():
    data = b"\x04\x03abc"
    assert asn1.octets(data, 0, 5, 3) == (b"abc", 5)
    assert _refused(asn1.octets, data, 0, 5, 4)


def test_what_no_length_can_say_is_not_written():
    try:
        asn1.element(4, bytes(0x10000))
    except EncodeError:
        return
    raise AssertionError("written")


def test_enumerated_and_null_are_written():
    assert asn1.put_enumerated(25) == b"\x0a\x01\x19"
    assert asn1.put_null() == b"\x05\x00"
