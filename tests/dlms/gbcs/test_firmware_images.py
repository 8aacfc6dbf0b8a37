"""Activating firmware."""

from slotmeter.dlms.errors import DecodeError
from slotmeter.dlms.gbcs import asn1
from slotmeter.dlms.gbcs.asn1_request import CANCEL, Request
from slotmeter.dlms.gbcs.firmware_images import FACTORY_VERSION, FirmwareImages
from slotmeter.hal.records import Records
from slotmeter.hal.virtual.store import VirtualStore

IMAGE = bytes(range(32))
VERSION = b"\x01\x23\xab\xcf"


def _images():
    return FirmwareImages(Records(VirtualStore()))


def _request(image=IMAGE, counter=1000, due_s=None, header_counter=1000, fault=None):
    parts = [asn1.put_octets(image), asn1.put_integer(counter)]
    if due_s is not None:
        parts.append(asn1.put_generalized_time(due_s))
    return Request(0x0012, asn1.sequence(parts), header_counter, bytes(8), 2, 0, fault)


def _outcome(code, version):
    return asn1.sequence([asn1.put_integer(code), asn1.put_octets(version)])


def test_the_image_held_is_activated_once():
    images = _images()
    images.hold(IMAGE, VERSION)
    first = images.activate(_request())
    assert (first.payload, first.events, first.failed) == (_outcome(0, VERSION), (0x8F43,), False)
    assert images.version() == VERSION
    assert images.held() is None
    assert images.activate(_request()).payload == _outcome(1, VERSION)


def test_without_an_image_nothing_changes():
    images = _images()
    outcome = images.activate(_request())
    assert (outcome.payload, outcome.events, outcome.failed) == (_outcome(1, FACTORY_VERSION), (), True)


def test_another_hash_leaves_image_and_version():
    images = _images()
    images.hold(IMAGE, VERSION)
    assert images.activate(_request(bytes(32))).payload == _outcome(2, FACTORY_VERSION)
    assert images.held() == (IMAGE, VERSION)


def test_a_fault_of_the_bench_fails_the_activation():
    images = _images()
    images.hold(IMAGE, VERSION)
    assert images.activate(_request(fault=(0, None))).payload == _outcome(3, FACTORY_VERSION)
    assert images.held() == (IMAGE, VERSION)


def test_a_future_activation_waits_and_tells_in_an_alert():
    images = _images()
    images.hold(IMAGE, VERSION)
    outcome = images.activate(_request(due_s=5000))
    assert outcome.payload == b"\x05\x00"
    due_s, blob = outcome.stored
    assert due_s == 5000
    assert images.version() == FACTORY_VERSION
    alert = asn1.sequence(
        [asn1.put_integer(0x8F66), asn1.put_generalized_time(5000), asn1.put_integer(1000), _outcome(0, VERSION)]
    )
    assert images.due(blob, 1000, due_s) == (0x8F66, 0x00CA, alert, (0x8F43,))
    assert images.due(blob, 1000, due_s)[0] == 0x8F67


def test_the_hash_is_compared_when_the_time_has_come():
    images = _images()
    _, blob = images.activate(_request(due_s=5000)).stored
    images.hold(IMAGE, VERSION)
    assert images.due(blob, 1000, 5000)[0] == 0x8F66


def test_a_fault_of_the_bench_strikes_when_the_time_has_come():
    images = _images()
    images.hold(IMAGE, VERSION)
    _, blob = images.activate(_request(due_s=5000, fault=(0, 2))).stored
    alert_code, _, payload, events = images.due(blob, 1000, 5000)
    assert (alert_code, events) == (0x8F67, ())
    assert payload.endswith(_outcome(2, FACTORY_VERSION))


def test_the_last_second_of_9999_cancels():
    outcome = _images().activate(_request(due_s=asn1.CANCEL_TIME))
    assert (outcome.payload, outcome.stored) == (b"\x05\x00", CANCEL)


def test_the_version_may_be_kept_elsewhere():
    images = _images()
    kept = [b"\0\0\0\x09"]
    images.read_version = lambda: kept[-1]
    images.write_version = kept.append
    images.hold(IMAGE, VERSION)
    assert images.activate(_request(bytes(32))).payload == _outcome(2, b"\0\0\0\x09")
    assert images.activate(_request()).payload == _outcome(0, VERSION)
    assert kept[1:] == [VERSION]


def test_requests_and_outcomes_show_no_payload():
    request = _request()
    assert repr(request) == "Request(0012 counter=1000 payload=40 octets)"
    assert repr(_images().activate(request)) == "Outcome(payload=11 octets, failed=True)"


def test_malformed_payloads_are_refused():
    good = _request(due_s=5000).payload
    wrong = [good[:size] for size in range(len(good))] + [good + b"\x00"]
    wrong.append(_request(bytes(31)).payload)
    wrong.append(asn1.sequence([asn1.put_octets(IMAGE), asn1.put_integer(1000), asn1.put_null()]))
    wrong.append(_request(counter=1001).payload)
    for payload in wrong:
        try:
            _images().activate(Request(0x0012, payload, 1000, bytes(8), 2, 0))
        except DecodeError:
            continue
        raise AssertionError(payload)
