"""The GBCS envelope: where each field is, and what is refused."""

from slotmeter.dlms.errors import DecodeError
from slotmeter.dlms.gbcs import message

COUNTER = (0x0102030405060708).to_bytes(8, "big")
SUPPLIER = bytes.fromhex("0090b3d51f310001")
METER = bytes.fromhex("0000db1234500001")
DATE_TIME = bytes.fromhex("07e80101ff000000008000ff")
MAC = b"\xaa" * 12
SIGNATURE = b"\x55" * 64


def body(signature=b"", date_time=b"", supplementary=b"", payload=b"\xd9\x20"):
    head = message.grouping(message.COMMAND, COUNTER, SUPPLIER, METER, date_time, 0x0027, supplementary, payload)
    return head + message.signature_part(signature)


def refused(data, pre_command=False):
    try:
        message.parse(data, pre_command)
    except DecodeError as error:
        assert 0 <= error.offset <= len(data)
        return error.reason
    return ""


def test_a_message_is_laid_out_as_the_standard_says():
    assert message.with_mac(body(), MAC).hex() == (
        "dd000000000000"
         "36"
         "1100000000"
         "df09"
         "01"
        + COUNTER.hex()
        + "08"
        + SUPPLIER.hex()
        + "08"
        + METER.hex()
        + "00"
        + "02"
        + "0027"
        + "02"
        + "d920"
        + "00"
        + MAC.hex()
    )


def test_a_message_is_taken_apart():
    for signature in (b"", SIGNATURE):
        for date_time in (b"", DATE_TIME):
            for supplementary in (b"", SUPPLIER, SUPPLIER + COUNTER, b"\x01" * 400):
                for payload in (b"", b"\x01", b"\x02" * 127, b"\x03" * 128, b"\x04" * 70000):
                    inner = body(signature, date_time, supplementary, payload)
                    for mac in (b"", MAC):
                        one = message.parse(message.with_mac(inner, mac) if mac else inner)
                        assert one.cra == message.COMMAND
                        assert one.counter == COUNTER
                        assert (one.originator, one.target, one.code) == (SUPPLIER, METER, 0x0027)
                        assert (one.date_time, one.supplementary) == (date_time, supplementary)
                        assert (one.payload, one.signature, one.mac) == (payload, signature, mac)
                        assert one.body == inner
                        assert one.signed == inner[1 : len(inner) - 1 - len(signature)]


def test_a_precommand_lacks_its_signature_part():
    inner = body()[:-1]
    assert message.parse(inner, True).payload == b"\xd9\x20"
    assert refused(inner) == "signature part missing"
    assert refused(message.with_mac(inner, MAC), True) == "signature part missing"


def test_every_truncation_and_extension_is_refused():
    for data in (body(SIGNATURE), message.with_mac(body(SIGNATURE, DATE_TIME, SUPPLIER), MAC)):
        for size in range(len(data)):
            assert refused(data[:size]), size
        assert refused(data + b"\x00")


def test_every_fixed_octet_is_fixed():
    data = message.with_mac(body(), MAC)
    for place in list(range(13)) + [13, 14, 24, 33, 42]:
        damaged = bytearray(data)
        damaged[place] ^= 0x40
        assert refused(bytes(damaged)), place
    for cra in (0, 4, 255):
        damaged = bytearray(data)
        damaged[15] = cra
        assert refused(bytes(damaged)) == "neither command, response nor alert"


def test_a_length_that_lies_is_refused():
    inner = body()
    for place, values in ((29, (1, 11, 13, 255)), (30, (0, 1, 3, 5, 0x81)), (33, (0, 1, 3, 4, 0x80, 0x81))):
        for value in values:
            damaged = bytearray(inner)
            damaged[place] = value
            assert refused(bytes(damaged)), (place, value)


def test_a_length_in_a_longer_form_is_refused():
    inner = body()
    assert refused(inner[:30] + b"\x81\x02" + inner[31:]) == "length not in its shortest form"
    data = message.with_mac(inner, MAC)
    assert refused(data[:7] + b"\x81" + data[7:]) == "length not in its shortest form"


def test_a_signature_part_of_another_size_is_refused():
    inner = body()
    for tail in (b"\x01", b"\x40", b"\x40" + b"\x55" * 63, b"\x3f" + b"\x55" * 63, b"\x41" + b"\x55" * 65, b"\x00\x00"):
        assert refused(inner[:-1] + tail), tail


def test_a_message_longer_than_gbcs_foresees_is_refused():
    assert refused(body(payload=b"\x00" * message.LARGEST_MESSAGE)) == "message longer than 72387 octets"


def test_a_message_is_shown_without_its_payload():
    shown = repr(message.parse(body(payload=b"secret")))
    assert shown == "Message(COMMAND 0027 0090b3d51f310001>0000db1234500001 counter=72623859790382856 payload=6 octets)"


def test_a_mac_header_around_too_little_is_refused():
    for size in (0, 1, 29):
        data = message.with_mac(body()[:size], MAC)
        assert refused(data) == "message too short"
