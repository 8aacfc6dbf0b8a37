"""What a gas meter that sleeps says in its tunnel."""

from slotmeter.zigbee_han import tunnel_queue
from slotmeter.zigbee_han.errors import DecodeError, EncodeError


def refused(data):
    try:
        tunnel_queue.parse(data)
    except DecodeError as error:
        return error.reason
    return ""


def test_the_three_forms_are_what_the_standard_says():
    assert tunnel_queue.get().hex() == "01"
    assert tunnel_queue.get_response(2, b"\xdf\x09").hex() == "0202df09"
    assert tunnel_queue.get_response(0, b"").hex() == "0200"
    assert tunnel_queue.put(b"\xdf\x09").hex() == "03df09"


def test_the_three_forms_come_back():
    assert tunnel_queue.parse(tunnel_queue.get()) == (tunnel_queue.GET, 0, b"")
    assert tunnel_queue.parse(tunnel_queue.get_response(0, b"")) == (tunnel_queue.GET_RESPONSE, 0, b"")
    for waiting in (0, 1, 255):
        told = tunnel_queue.parse(tunnel_queue.get_response(waiting, b"\xdd" * 1498))
        assert told == (tunnel_queue.GET_RESPONSE, waiting, b"\xdd" * 1498)
    assert tunnel_queue.parse(tunnel_queue.put(b"\xdf")) == (tunnel_queue.PUT, 0, b"\xdf")


def test_anything_else_is_refused():
    for octets in ("", "00", "0100", "02", "03", "04df", "df09", "dd00"):
        assert refused(bytes.fromhex(octets)) == "neither GET nor GET-RESPONSE nor PUT", octets
    assert refused(b"\x02\x01") == "messages wait, and none is there"
    for arguments in ((-1, b"x"), (256, b"x"), (1, b"")):
        try:
            tunnel_queue.get_response(*arguments)
        except EncodeError:
            continue
        raise AssertionError(arguments)
    try:
        tunnel_queue.put(b"")
    except EncodeError:
        return
    raise AssertionError("an empty message")


def test_a_queue_hands_over_the_oldest_and_keeps_it_until_the_device_has_it():
    queue = tunnel_queue.SleepyQueue()
    assert queue.answer().hex() == "0200" and queue.deadline_ms() is None
    assert queue.put(b"\xdf1", 0) and queue.put(b"\xdf2", 5)
    assert queue.answer() == b"\x02\x01\xdf1" == queue.answer()
    assert queue.delivered(b"\x02\x00") is None and queue.delivered(b"\x02\x00\xdf2") is None
    assert queue.delivered(b"\x02\x01\xdf1") == b"\xdf1"
    assert queue.delivered(b"\x02\x01\xdf1") is None
    assert queue.answer() == b"\x02\x00\xdf2" and queue.messages() == [(b"\xdf2", 86400005)]


def test_a_queue_drops_what_is_a_day_old_and_takes_so_many():
    queue = tunnel_queue.SleepyQueue()
    for number in range(tunnel_queue.QUEUE_LIMIT):
        assert queue.put(bytes((number,)), number)
    assert not queue.put(b"x", 0)
    assert queue.deadline_ms() == 86400000
    assert queue.expired(86400000 - 1) == []
    assert queue.expired(86400001) == [b"\x00", b"\x01"]
    assert queue.empty() == [bytes((number,)) for number in range(2, tunnel_queue.QUEUE_LIMIT)]
    assert queue.empty() == []
