"""A profile's buffer against a list: capacity, ranges, records, restarts."""

from hypothesis import given, settings
from hypothesis import strategies as st

from slotmeter.dlms.cosem.buffers import Buffer, RowType
from slotmeter.dlms.schema import parse
from slotmeter.hal.records import Records
from slotmeter.hal.virtual.store import VirtualStore

OBIS = b"\x00\x00\x63\x01\x00\xff"
FIXED = parse("structure{double-long-unsigned,array(120)[double-long-unsigned]}")
LOOSE = parse("structure{double-long-unsigned,octet-string(0..20)}")

STAMPS = st.integers(0, 60) | st.sampled_from([0xFFFFFFFF, 0xFFFFFFFE])
STEPS = st.lists(
    st.tuples(st.just("append"), STAMPS, st.integers(0, 20))
    | st.tuples(st.just("select"), STAMPS, STAMPS)
    | st.tuples(st.sampled_from(["clear", "restart", "commit", "rollback"]), st.just(0), st.just(0)),
    max_size=60,
)


@settings(max_examples=150, deadline=None)
@given(loose=st.booleans(), ascending=st.booleans(), capacity=st.integers(1, 40), steps=STEPS)
def test_a_buffer_is_the_last_rows_of_a_list(loose, ascending, capacity, steps):
    store = VirtualStore()
    records = Records(store)
    kind = LOOSE if loose else FIXED
    buffer = Buffer(OBIS, [RowType(kind)], capacity, records)
    rows, kept, clock = [], [], 0
    for step, first, second in steps:
        if step == "append":
            clock = min(clock + first % 5, 0xFFFFFFFF) if ascending else first
            row = clock.to_bytes(4, "big") + (bytes((second,)) + b"x" * second if loose else bytes((second,)) * 480)
            buffer.append(row)
            rows = (rows + [row])[-capacity:]
        elif step == "clear":
            buffer.clear()
            rows = []
        elif step == "commit":
            records.commit()
            kept = rows
        elif step == "rollback":
            records.rollback()
            buffer.load()
            rows = kept
        elif step == "restart":
            records.commit()
            kept = rows
            records = Records(store)
            buffer = Buffer(OBIS, [RowType(kind)], capacity, records)
        else:
            low, high = first.to_bytes(4, "big"), second.to_bytes(4, "big")
            wanted = b"".join([row for row in rows if low <= row[:4] <= high])
            found = buffer.select(low, high)
            assert found.endswith(wanted)
            assert len(found) <= len(wanted) + 16
        assert buffer.rows() == rows
        assert buffer.entries() == len(rows)


@settings(max_examples=60, deadline=None)
@given(stamps=st.lists(STAMPS, max_size=30), capacity=st.integers(1, 25))
def test_what_everything_says_can_be_placed_again(stamps, capacity):
    one = Buffer(OBIS, [RowType(FIXED)], capacity, Records(VirtualStore()))
    for stamp in stamps:
        one.append(stamp.to_bytes(4, "big") + bytes(480))
    other = Buffer(OBIS, [RowType(FIXED)], capacity, Records(VirtualStore()))
    other.place(one.everything())
    assert other.rows() == one.rows()
    assert other.everything() == one.everything()
