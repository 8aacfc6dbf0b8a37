"""The three APDUs: taken apart, built again, refused when they are not exactly themselves."""

from slotmeter.dlms import apdu
from slotmeter.dlms.errors import DecodeError, EncodeError

COUNTER = (0x0102030405060708).to_bytes(8, "big")
CLOCK = apdu.make_key(8, b"\x00\x00\x01\x00\x00\xff", 2)
PROFILE = apdu.make_key(7, b"\x00\x00\x63\x62\x00\xff", 2)


def request():
    return apdu.build_access_request(
        COUNTER,
        [
            apdu.Item(apdu.GET, CLOCK),
            apdu.Item(apdu.SET, CLOCK, b"", b"\x11\x05"),
            apdu.Item(apdu.ACTION, CLOCK, b"", b"\x02\x01\x00"),
            apdu.Item(apdu.GET_WITH_SELECTION, PROFILE, b"\x01\x02\x00"),
        ],
    )


def refused(function, data):
    try:
        function(data)
    except DecodeError:
        return True
    return False


def test_a_request_is_laid_out_as_the_standard_says():
    assert request().hex() == (
        "d920060708"
         "00"
         "04"
         "01"
         "0008"
         "0000010000ff"
         "02"
         "02"
         "0008"
         "0000010000ff"
         "02"
         "03"
         "0008"
         "0000010000ff"
         "02"
         "04"
         "0007"
         "0000636200ff"
         "02"
         "01"
         "0200"
         "04"
         "00"
         "1105"
         "020100"
         "00"
    )


def test_a_request_is_taken_apart():
    invoke, items = apdu.parse_access_request(request())
    assert invoke == b"\x20\x06\x07\x08"
    assert [(item.kind, item.key, item.selection, item.data) for item in items] == [
        (1, CLOCK, b"", b"\x00"),
        (2, CLOCK, b"", b"\x11\x05"),
        (3, CLOCK, b"", b"\x02\x01\x00"),
        (4, PROFILE, b"\x01\x02\x00", b"\x00"),
    ]
    assert apdu.build_access_request(COUNTER, items) == request()
    assert repr(items[1]) == "Item(set 00080000010000ff02, 2 octets of data)"


def test_a_response_is_laid_out_and_taken_apart():
    results = [(1, 0, b"\x11\x05"), (2, apdu.HARDWARE_FAULT, b"\x00"), (3, apdu.OTHER_REASON, b"\x00")]
    response = apdu.build_access_response(b"\x20\x06\x07\x08", results)
    assert response.hex() == "da20060708" + "0000" + "03" + "1105" + "00" + "00" + "03" + "0100" + "0201" + "03fa"
    assert apdu.parse_access_response(response) == (b"\x20\x06\x07\x08", results)


def test_get_with_selection_is_answered_as_get():
    response = apdu.build_access_response(b"\x20\x00\x00\x01", [(4, 0, b"\x00")])
    assert apdu.parse_access_response(response)[1] == [(1, 0, b"\x00")]


def test_a_notification_is_laid_out_and_taken_apart():
    elements = [b"\x12\x8f\x66", b"\x09\x02\x00\x01"]
    octets = apdu.build_data_notification(COUNTER, elements)
    assert octets.hex() == "0f20060708" + "00" + "0202" + "128f66" + "09020001"
    assert apdu.parse_data_notification(octets) == (b"\x20\x06\x07\x08", elements)


def test_every_truncation_and_extension_is_refused():
    response = apdu.build_access_response(b"\x20\x06\x07\x08", [(1, 0, b"\x11\x05"), (2, 1, b"\x00")])
    notification = apdu.build_data_notification(COUNTER, [b"\x12\x8f\x66", b"\x09\x02\x00\x01"])
    for parse, octets in (
        (apdu.parse_access_request, request()),
        (apdu.parse_access_response, response),
        (apdu.parse_data_notification, notification),
    ):
        for size in range(len(octets)):
            assert refused(parse, octets[:size]), (parse, size)
        assert refused(parse, octets + b"\x00")


def test_another_header_is_refused():
    for place in (0, 1, 5):
        octets = bytearray(request())
        octets[place] ^= 0x40
        assert refused(apdu.parse_access_request, bytes(octets)), place
    response = apdu.build_access_response(b"\x20\x06\x07\x08", [(1, 0, b"\x11\x05")])
    for place in (0, 1, 5, 6):
        octets = bytearray(response)
        octets[place] ^= 0x40
        assert refused(apdu.parse_access_response, bytes(octets)), place


def test_a_kind_that_is_none_is_refused():
    for kind in (0, 5, 255):
        octets = bytearray(request())
        octets[7] = kind
        assert refused(apdu.parse_access_request, bytes(octets))
        octets = bytearray(apdu.build_access_response(b"\x20\x06\x07\x08", [(1, 0, b"\x11\x05")]))
        octets[-2] = kind
        assert refused(apdu.parse_access_response, bytes(octets))


def test_no_items_and_too_many_items_are_refused():
    assert refused(apdu.parse_access_request, bytes.fromhex("d92006070800000000"))
    many = [apdu.Item(apdu.GET, CLOCK)] * (apdu.ITEM_LIMIT + 1)
    assert refused(apdu.parse_access_request, apdu.build_access_request(COUNTER, many))
    assert len(apdu.parse_access_request(apdu.build_access_request(COUNTER, many[:-1]))[1]) == apdu.ITEM_LIMIT


def test_counts_that_differ_are_refused():
    octets = request()
    lying = octets[:-8] + octets[-8:].replace(b"\x04\x00\x11", b"\x03\x00\x11")
    assert lying != octets
    assert refused(apdu.parse_access_request, lying)


def test_an_item_without_key_is_not_built():
    for item in (apdu.Item(apdu.GET, b""), apdu.Item(9, CLOCK)):
        try:
            apdu.build_access_request(COUNTER, [item])
        except EncodeError:
            continue
        raise AssertionError(item)
