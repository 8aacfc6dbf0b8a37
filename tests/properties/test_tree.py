"""The object tree under random octets, and how deep its calls go."""

import sys

from hypothesis import given, settings
from hypothesis import strategies as st

from slotmeter.dlms.cosem.access import Access
from slotmeter.dlms.cosem.hooks import Hooks
from slotmeter.dlms.cosem.tree import SINGLE, Tree
from slotmeter.dlms.schema import check_whole, parse, text
from slotmeter.firmware.objects import OBJECTS
from slotmeter.hal.records import Records
from slotmeter.hal.virtual.store import VirtualStore

SCHEMAS, ROWS, LINKS, LIMITS = OBJECTS
KEYS = sorted(
    {
        row[0].to_bytes(2, "big") + row[1] + bytes((part[0],))
        for row in ROWS
        for part in row[4] + row[5]
    }
)
EIGHT = bytes(8)


def access() -> Access:
    return Access(473385600, 0x19, EIGHT, EIGHT, 2, EIGHT, EIGHT, EIGHT, lambda plaintext: plaintext)


@settings(max_examples=300, deadline=None)
@given(key=st.sampled_from(KEYS) | st.binary(min_size=9, max_size=9), data=st.binary(max_size=60))
def test_random_octets_are_answered_with_a_result(key, data):
    tree = Tree(OBJECTS, SINGLE, Records(VirtualStore()), Hooks())
    before = tree.peek(key)
    if tree.set(key, data, access()):
        assert tree.peek(key) == before
    assert 0 <= tree.get(key, data, access())[0] <= 250
    assert 0 <= tree.invoke(key, data, access())[0] <= 250


def test_every_schema_is_that_of_its_text():
    for schema in SCHEMAS:
        assert parse(text(schema)) == schema


def test_every_factory_value_fits_its_type_and_every_link_leads_somewhere():
    attributes = {}
    for class_id, obis, _, variants, parts, methods in ROWS:
        for number, schema, flags, factory in parts:
            attributes[class_id.to_bytes(2, "big") + obis + bytes((number,))] = flags
            if not flags & 0x18:
                check_whole(SCHEMAS[schema], factory)
        for number, schema in methods:
            attributes[class_id.to_bytes(2, "big") + obis + bytes((number,))] = 0
            assert schema < len(SCHEMAS)
        assert 1 <= variants <= 7
    for trigger, _, source, target, _ in LINKS:
        assert trigger in attributes and target in attributes
        assert not source or source in attributes
    for key, low, high in LIMITS:
        assert key in attributes and low < high


def test_calls_from_the_tree_go_at_most_seven_deep():
    tree = Tree(OBJECTS, SINGLE, Records(VirtualStore()), Hooks())
    deepest = 0
    depth = 0

    def count(frame, event, argument):
        nonlocal deepest, depth
        if event == "call":
            depth += 1
            deepest = max(deepest, depth)
        elif event == "return":
            depth -= 1

    head = b"\x02\x02\x01\x01\x02\x05\x12\x00\x07\x09\x06\x00\x00\x63\x01\x00\xff\x0f\x02\x12\x00\x00\x02\x02\x16\x01"
    day = b"\x09\x0c\x07\xdf\x01\x01\xff\x00\x00\x00\x00\x80\x00\xff"
    tail = b"\x01\x01\x02\x02\x16\x02\x02\x05\x09\x09\x04" + EIGHT + b"\x09\x08" + EIGHT + b"\x09\x08" + EIGHT
    argument = head + b"\x02\x02" + day + day + tail + b"\x09\x00\x02\x02\x16\x02\x02\x02\x09\x01\x02\x09\x00"
    mpan = b"\x09\x0d1312345678111"
    who = access()
    sys.setprofile(count)
    try:
        read, _ = tree.invoke(b"\x00\x1e\x00\x00\x2b\x02\x07\xff\x01", argument, who)
        written = tree.set(b"\x00\x01\x00\x00\x5e\x2c\x22\x0b\x02", mpan, who)
        adjusted, _ = tree.invoke(b"\x00\x70\x00\x00\x13\x0a\x00\xff\x01", b"\x05\x00\x00\x00\x01", who)
    finally:
        sys.setprofile(None)
    assert (read, written, adjusted) == (0, 0, 0)
    assert deepest <= 7
