"""The buffers of profile generic objects."""

from slotmeter.dlms.apdu import SUCCESS, TYPE_UNMATCHED, make_key
from slotmeter.dlms.cosem.buffers import Buffer, RowType, selected_range
from slotmeter.dlms.cosem.hooks import Hooks
from slotmeter.dlms.cosem.tree import SINGLE, Tree
from slotmeter.dlms.errors import DecodeError, EncodeError
from slotmeter.dlms.obis import parse
from slotmeter.dlms.schema import parse as schema
from slotmeter.firmware.objects import OBJECTS
from slotmeter.hal.records import Records
from slotmeter.hal.virtual.store import VirtualStore

OBIS = parse("0-0:99.1.0.255")
PAIR = schema("structure{double-long-unsigned,double-long-unsigned}")
TRIPLE = schema("structure{double-long-unsigned,double-long-unsigned,double-long-unsigned}")
EVENT = schema("structure{double-long-unsigned,long-unsigned,octet-string(0..8)}")
PAIR_HEAD = b"\x13\x02\x02\x06\x06"
COLUMN = b"\x02\x04\x12\x00\x01\x09\x06\x00\x00\x5e\x2c\x64\xff\x0f\x02\x12\x00\x00"


def stamp(seconds):
    return seconds.to_bytes(4, "big")


def pair(seconds, value=0):
    return stamp(seconds) + value.to_bytes(4, "big")


def event(seconds, other=b""):
    return stamp(seconds) + b"\x8f\x0c" + bytes((len(other),)) + other


def selection(low, high, column=COLUMN, columns=b"\x01\x00"):
    return b"\x01\x02\x04" + column + b"\x06" + stamp(low) + b"\x06" + stamp(high) + columns


def small(records, kinds=None, capacity=5):
    return Buffer(OBIS, [RowType(kind) for kind in kinds or [PAIR]], capacity, records)


def test_an_empty_buffer_is_a_compact_array_of_nothing():
    buffer = small(Records(VirtualStore()))
    assert buffer.everything() == PAIR_HEAD + b"\x00"
    assert buffer.select(stamp(0), stamp(0xFFFFFFFF)) == PAIR_HEAD + b"\x00"
    assert buffer.rows() == [] and buffer.entries() == 0


def test_the_oldest_row_gives_way():
    buffer = small(Records(VirtualStore()))
    for second in range(8):
        buffer.append(pair(second))
    assert buffer.rows() == [pair(second) for second in range(3, 8)]
    assert buffer.entries() == 5


def test_a_range_includes_both_its_ends():
    buffer = small(Records(VirtualStore()))
    for second in (10, 20, 30, 40):
        buffer.append(pair(second))
    assert buffer.select(stamp(20), stamp(30)) == PAIR_HEAD + b"\x10" + pair(20) + pair(30)
    assert buffer.select(stamp(21), stamp(39)) == PAIR_HEAD + b"\x08" + pair(30)
    assert buffer.select(stamp(31), stamp(21)) == PAIR_HEAD + b"\x00"
    assert buffer.select(stamp(0), stamp(0xFFFFFFFF)) == buffer.everything()


def test_rows_from_a_clock_that_was_put_back_are_found_all_the_same():
    records = Records(VirtualStore())
    buffer = small(records)
    for second in (10, 50, 20, 30):
        buffer.append(pair(second))
    assert buffer.select(stamp(15), stamp(35)) == PAIR_HEAD + b"\x10" + pair(20) + pair(30)
    assert small(records).select(stamp(15), stamp(55)) == PAIR_HEAD + b"\x18" + pair(50) + pair(20) + pair(30)


def test_rows_come_back_from_the_store_across_many_records():
    store = VirtualStore()
    records = Records(store)
    buffer = small(records, capacity=1000)
    for second in range(2345):
        buffer.append(pair(second, 7))
    records.commit()
    again = small(Records(store), capacity=1000)
    assert again.entries() == 1000
    assert again.rows() == [pair(second, 7) for second in range(1345, 2345)]
    assert again.select(stamp(1500), stamp(2300)) == buffer.select(stamp(1500), stamp(2300))
    again.append(pair(2345, 7))
    assert again.rows()[-1] == pair(2345, 7) and again.rows()[0] == pair(1346, 7)
    for name in store.names():
        assert len(name) <= 40 and len(store.get(name)) <= 4096


def test_rows_with_strings_are_kept_and_come_back():
    store = VirtualStore()
    records = Records(store)
    buffer = small(records, [EVENT], 20)
    rows = [event(second, b"x" * (second % 4)) for second in range(50)]
    for row in rows:
        buffer.append(row)
    records.commit()
    again = small(Records(store), [EVENT], 20)
    assert buffer.rows() == rows[30:] and again.rows() == rows[30:]
    assert again.select(stamp(48), stamp(60)) == b"\x13\x02\x03\x06\x12\x09\x0f" + rows[48] + rows[49]


def test_what_is_no_row_is_refused_and_changes_nothing():
    for kinds, good, bad in (
        ([PAIR], pair(1), (b"", pair(1)[:7], pair(1) + b"\x00")),
        ([EVENT], event(1, b"ab"), (event(1)[:6], event(1, b"ab")[:-1], event(1) + b"\x00", event(1, b"123456789"))),
    ):
        buffer = small(Records(VirtualStore()), kinds)
        for row in bad:
            for rows in ([], [good]):
                buffer.clear()
                for one in rows:
                    buffer.append(one)
                try:
                    buffer.append(row)
                except EncodeError:
                    assert buffer.rows() == rows
                    continue
                raise AssertionError("it took %s" % row.hex())


def test_a_placed_compact_array_replaces_the_rows_and_may_be_of_any_of_its_types():
    buffer = small(Records(VirtualStore()), [PAIR, TRIPLE])
    buffer.append(pair(1))
    triples = b"\x13\x02\x03\x06\x06\x06\x18" + pair(5) + bytes(4) + pair(6) + bytes(4)
    buffer.place(triples)
    assert buffer.everything() == triples and buffer.entries() == 2
    buffer.append(pair(7) + bytes(4))
    assert buffer.entries() == 3
    buffer.place(b"\x00")
    assert buffer.entries() == 0
    buffer.append(pair(1))
    assert buffer.everything() == PAIR_HEAD + b"\x08" + pair(1)
    buffer.place(b"\x01\x00")
    assert buffer.entries() == 0


def test_of_more_rows_than_fit_the_newest_stay():
    buffer = small(Records(VirtualStore()))
    buffer.place(PAIR_HEAD + b"\x40" + b"".join([pair(second) for second in range(8)]))
    assert buffer.rows() == [pair(second) for second in range(3, 8)]


def test_what_is_no_compact_array_of_such_rows_is_not_placed():
    buffer = small(Records(VirtualStore()))
    buffer.append(pair(1))
    whole = PAIR_HEAD + b"\x08" + pair(2)
    bad = [whole[:end] for end in range(len(whole))]
    bad += [whole + b"\x00", PAIR_HEAD + b"\x07" + pair(2)[:7], b"\x13\x02\x01\x06\x04" + stamp(1), b"\x01\x01\x00"]
    for data in bad:
        try:
            buffer.place(data)
        except DecodeError:
            assert buffer.rows() == [pair(1)]
            continue
        raise AssertionError("it took %s" % data.hex())


def test_only_a_range_of_time_stamps_is_a_selection():
    assert selected_range(selection(1, 2)) == (stamp(1), stamp(2))
    other = COLUMN[:-6] + b"\x00\x0f\x02\x12\x00\x00"
    for bad in (
        b"\x02" + selection(1, 2)[1:],
        selection(1, 2, other),
        selection(1, 2, COLUMN, b"\x01\x01\x00"),
        selection(1, 2)[:-1],
        b"\x01",
    ):
        assert selected_range(bad) is None


def test_the_tree_selects_counts_and_clears():
    tree = Tree(OBJECTS, SINGLE, Records(VirtualStore()), Hooks())
    profile = make_key(7, parse("0-0:99.98.0.255"), 2)
    rows = [event(second) for second in range(120)]
    for row in rows:
        tree.append(parse("0-0:99.98.0.255"), row)
    assert tree.rows(parse("0-0:99.98.0.255")) == rows[20:]
    result, data = tree.get(profile, selection(118, 300), None)
    assert (result, data) == (SUCCESS, b"\x13\x02\x03\x06\x12\x09\x0e" + rows[118] + rows[119])
    assert tree.get(profile, b"\x02\x00", None)[0] == TYPE_UNMATCHED
    assert tree.get(profile[:8] + b"\x07", b"", None) == (SUCCESS, b"\x06\x00\x00\x00\x64")
    assert tree.get(profile[:8] + b"\x08", b"", None) == (SUCCESS, b"\x06\x00\x00\x00\x64")
    tree.clear(parse("0-0:99.98.0.255"))
    assert tree.get(profile, b"", None) == (SUCCESS, b"\x13\x02\x03\x06\x12\x09\x00")
