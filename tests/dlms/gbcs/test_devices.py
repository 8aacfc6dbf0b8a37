"""Joining and unjoining."""

from slotmeter.dlms.errors import DecodeError
from slotmeter.dlms.gbcs.asn1_request import Request
from slotmeter.dlms.gbcs.devices import CAPACITY, HCALCS, HCALCS_LIMIT, PPMID, DeviceLog
from slotmeter.hal.records import Records
from slotmeter.hal.virtual.store import VirtualStore

OTHER = b"\x00\xdb\x12\x34\x56\x78\x90\x9a"


def _log():
    return DeviceLog(Records(VirtualStore()))


def _join_request(method=0, entity_id=OTHER, device_type=HCALCS, certificate=b"", fault=None):
    fields = b"\x02\x01" + bytes((method,)) + b"\x04\x08" + entity_id + b"\x02\x01" + bytes((device_type,))
    fields += certificate
    return Request(0x000D, b"\x30" + bytes((len(fields),)) + fields, 1000, bytes(8), 2, 0, fault)


def _join(log, *arguments, **more):
    return log.join(_join_request(*arguments, **more)).payload[2]


def _unjoin(log, entity_id=OTHER, fault=None):
    return log.unjoin(Request(0x000F, b"\x04\x08" + entity_id, 1001, bytes(8), 2, 0, fault)).payload[2]


def test_a_device_joins_and_leaves():
    log = _log()
    assert _join(log) == 0
    assert log.devices() == [(OTHER, HCALCS)]
    assert log.device_type(OTHER) == HCALCS
    assert _unjoin(log) == 0
    assert log.devices() == []
    assert _unjoin(log) == 1


def test_joining_again_is_success_and_changes_nothing():
    log = _log()
    assert (_join(log), _join(log)) == (0, 0)
    assert log.devices() == [(OTHER, HCALCS)]


def test_another_type_under_the_same_identifier_is_incompatible():
    log = _log()
    assert _join(log) == 0
    assert _join(log, device_type=PPMID) == 3
    assert log.device_type(OTHER) == HCALCS


def test_only_method_a_as_initiator_fits_a_meter():
    log = _log()
    for method in (1, 2, 3):
        assert _join(log, method) == 2
    for device_type in (0, 1, 2, 3, 6):
        assert _join(log, device_type=device_type) == 2
    assert _join(log, certificate=b"\x30\x00") == 2
    assert log.devices() == []


def test_a_full_log_takes_no_more():
    log = _log()
    for number in range(HCALCS_LIMIT):
        assert _join(log, entity_id=bytes(7) + bytes((number,))) == 0
    assert _join(log, entity_id=b"\xff" * 8) == 4
    for number in range(HCALCS_LIMIT, CAPACITY):
        assert _join(log, entity_id=bytes(7) + bytes((number,)), device_type=PPMID) == 0
    assert _join(log, entity_id=b"\xff" * 8, device_type=PPMID) == 4
    # Who is in the log already needs no room.
    assert _join(log, entity_id=bytes(8)) == 0
    assert len(log.devices()) == CAPACITY


def test_a_fault_of_the_bench_changes_nothing():
    log = _log()
    assert _join(log, fault=(0, None)) == 5
    assert _join(log, fault=(0, 12)) == 12
    assert log.devices() == []
    assert _join(log) == 0
    assert _unjoin(log, fault=(0, None)) == 2
    assert log.devices() == [(OTHER, HCALCS)]


def test_what_happened_is_told_to_the_log():
    log = _log()
    assert log.join(_join_request()).events == (0x8F49,)
    failed = log.join(_join_request(device_type=PPMID))
    assert (failed.events, failed.failed) == ((0x8F48,), True)


def test_malformed_payloads_change_nothing():
    log = _log()
    good = _join_request().payload
    wrong = [good[:size] for size in range(len(good))] + [good + b"\x00", b"\x31" + good[1:]]
    wrong.append(_join_request(method=4).payload)
    wrong.append(_join_request(device_type=7).payload)
    wrong.append(_join_request(certificate=b"\x04\x00").payload)
    wrong.append(_join_request(certificate=b"\x30\x00\x30\x00").payload)
    for payload in wrong:
        try:
            log.join(Request(0x000D, payload, 1000, bytes(8), 2, 0))
        except DecodeError:
            continue
        raise AssertionError(payload)
    for payload in (b"", b"\x04\x07" + OTHER[:7], b"\x04\x08" + OTHER + b"\x00", b"\x04\x09" + OTHER + b"\x00"):
        try:
            log.unjoin(Request(0x000F, payload, 1000, bytes(8), 2, 0))
        except DecodeError:
            continue
        raise AssertionError(payload)
    assert log.devices() == []
