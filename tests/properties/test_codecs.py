"""What holds for every value, type, row, date, payload and block that a generator can think of."""

import datetime as dt
import time

import mutate
import values
from hypothesis import given, settings
from hypothesis import strategies as st

from slotmeter.dlms import apdu, axdr, blocks, dates, obis, schema
from slotmeter.dlms.errors import DecodeError
from slotmeter.dlms.gbcs import message

KEY = st.binary(min_size=9, max_size=9)
OCTETS = values.VALUE.map(axdr.encode)


def type_of(value):
    """A schema that the value fits."""
    tag, content = value
    if tag == axdr.STRUCTURE:
        return tuple([tag] + [type_of(one) for one in content])
    if tag == axdr.ARRAY:
        kinds = sorted({type_of(one) for one in content}, key=repr)
        child = kinds[0] if len(kinds) == 1 else tuple([schema.CHOICE] + kinds) if kinds else (schema.ANY,)
        # A choice looks at the tag and the size only: what it cannot tell apart is left open.
        if child[0] == schema.CHOICE:
            child = (schema.ANY,)
        return (tag, child, len(content), len(content) + 3)
    if tag == axdr.COMPACT_ARRAY:
        return (tag, content[0])
    if tag == axdr.BIT_STRING:
        return (tag, content[0], content[0] + 1)
    if tag in (axdr.OCTET_STRING, axdr.VISIBLE_STRING, axdr.UTF8_STRING):
        return (tag, 0, len(content))
    return (tag,)


@settings(max_examples=200, deadline=None)
@given(values.VALUE, st.binary(max_size=20), st.binary(max_size=20))
def test_a_value_comes_back_wherever_it_stands(value, before, after):
    octets = axdr.encode(value)
    data = before + octets + after
    end = len(before) + len(octets)
    assert axdr.decode(data, len(before)) == (value, end)
    assert axdr.skip(data, len(before)) == end
    assert "\n" not in axdr.text(value)


@settings(max_examples=200, deadline=None)
@given(values.VALUE)
def test_a_value_fits_its_own_type_and_the_type_survives_its_text(value):
    kind = type_of(value)
    octets = axdr.encode(value)
    schema.check_whole(kind, octets)
    assert schema.parse(schema.text(kind)) == kind
    for size in range(len(octets)):
        try:
            schema.check_whole(kind, octets[:size])
        except DecodeError:
            continue
        raise AssertionError(octets[:size].hex())


@settings(max_examples=200, deadline=None)
@given(values.VALUE, values.VALUE)
def test_what_a_type_takes_is_of_its_shape(one, other):
    """The tags of what fits are those of the type, whatever else differs."""
    try:
        schema.check_whole(type_of(one), axdr.encode(other))
    except DecodeError:
        return
    assert one[0] == other[0] or (one[0], other[0]) == (axdr.COMPACT_ARRAY, axdr.ARRAY)


def fields_of(row):
    """A row's leaves in order, as RowCodec takes them."""
    if row[0] in (axdr.STRUCTURE, axdr.ARRAY):
        return [field for one in row[1] for field in fields_of(one)]
    return [row[1]]


@settings(max_examples=200, deadline=None)
@given(values.FIXED_ROW_TYPE.flatmap(lambda kind: st.tuples(st.just(kind), st.lists(values.row_of(kind), max_size=70))))
def test_packed_rows_are_those_of_the_general_encoder(pair):
    kind, rows = pair
    codec = schema.RowCodec(kind)
    plain = [tuple(fields_of(row)) for row in rows]
    assert codec.array(plain) == axdr.encode((axdr.ARRAY, rows))
    assert codec.compact_array(plain) == axdr.encode((axdr.COMPACT_ARRAY, (kind, rows)))
    assert codec.unpack_contents(codec.pack_contents(plain)) == plain


@settings(max_examples=200, deadline=None)
@given(st.datetimes(dt.datetime(2000, 1, 1), dt.datetime(9999, 12, 31)))
def test_dates_are_those_of_the_calendar(moment):
    moment = moment.replace(microsecond=0)
    seconds = int((moment - dt.datetime(2000, 1, 1)).total_seconds())
    octets = dates.from_seconds(seconds)
    assert dates.to_seconds(octets) == seconds
    assert dates.text(octets) == "%04d-%s" % (moment.year, moment.strftime("%m-%d %H:%M:%S"))
    assert dates.weekday(seconds // 86400) == moment.isoweekday()


@settings(max_examples=300, deadline=None)
@given(st.binary(min_size=4, max_size=12))
def test_a_date_that_is_taken_keeps_its_octets(octets):
    for size, parse in ((4, dates.parse_time), (5, dates.parse_date), (12, dates.parse)):
        try:
            found = parse(octets[:size])
        except DecodeError:
            continue
        assert found.octets() == octets[:size]
    dates.text(octets)
    assert obis.parse(obis.text((octets + b"\x00\x00")[:6])) == (octets + b"\x00\x00")[:6]


@settings(max_examples=100, deadline=None)
@given(
    st.binary(min_size=8, max_size=8),
    st.lists(
        st.one_of(
            st.builds(apdu.Item, st.sampled_from((apdu.GET, apdu.SET, apdu.ACTION)), KEY, st.just(b""), OCTETS),
            st.builds(
                apdu.Item, st.just(apdu.GET_WITH_SELECTION), KEY, OCTETS.map(lambda o: b"\x01" + o), st.just(b"\x00")
            ),
        ),
        min_size=1,
        max_size=12,
    ),
)
def test_a_request_comes_back(counter, items):
    payload = apdu.build_access_request(counter, items)
    invoke, found = apdu.parse_access_request(payload)
    assert invoke == b"\x20" + counter[5:]
    assert [(i.kind, i.key, i.selection, i.data) for i in found] == [
        (i.kind, i.key, i.selection, i.data) for i in items
    ]


@settings(max_examples=100, deadline=None)
@given(
    st.binary(min_size=3, max_size=3),
    st.lists(st.tuples(st.integers(1, 3), st.integers(0, 255), OCTETS), min_size=1, max_size=12),
)
def test_a_response_and_a_notification_come_back(invoke, results):
    invoke = b"\x20" + invoke
    assert apdu.parse_access_response(apdu.build_access_response(invoke, results)) == (invoke, results)
    elements = [result[2] for result in results]
    octets = apdu.build_data_notification(b"\x00" * 4 + invoke, elements)
    assert apdu.parse_data_notification(octets) == (invoke, elements)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 3000),
    st.integers(30, 400),
    st.integers(1, 8),
    st.floats(0, 0.3),
    st.floats(0, 0.3),
    st.randoms(use_true_random=False),
)
def test_a_message_survives_a_bad_wire_or_the_sender_says_that_it_did_not(size, block, window, drop, double, rng):
    """Blocks and answers are lost, doubled and late; what arrives is the message, once, or nothing."""
    body = message.grouping(1, b"\x01" * 8, b"\x02" * 8, b"\x03" * 8, b"", 0x27, b"", rng.randbytes(size)) + b"\x00"
    splitter = blocks.Splitter(body, block, window)
    assembler = blocks.Assembler(block_limit=200)
    got = []
    late = []
    now_ms = 0
    for _ in range(3000):
        one = splitter.to_send()
        if not one:
            if splitter.done or splitter.failed:
                break
            now_ms += 2000
            splitter.tick(now_ms)
        arriving = [one] if one and rng.random() >= drop else []
        if arriving and rng.random() < double:
            late.append(one)
        if late and rng.random() < 0.2:
            arriving.append(late.pop(rng.randrange(len(late))))
        for data in arriving:
            found = assembler.receive(data, now_ms)
            if found is not None:
                got.append(found)
            answer = assembler.to_send()
            if answer and rng.random() >= drop:
                splitter.receive(answer, now_ms)
    assert splitter.done or splitter.failed
    assert got in ([], [body])
    assert got == [body] or splitter.failed


def test_decoding_is_linear_in_the_input():
    """Twice the octets take about twice the time, for the inputs that invite otherwise."""
    for make in (
        lambda n: b"\x01" + b"\x82" + n.to_bytes(2, "big") + b"\x00" * n,
        lambda n: b"\x13" + b"\x11" + b"\x82" + n.to_bytes(2, "big") + b"\x01" * n,
        lambda n: b"\x13" + b"\x01" + n.to_bytes(2, "big") + b"\x11" + b"\x82" + (n).to_bytes(2, "big") + b"\x01" * n,
        lambda n: b"\x01" + b"\x82" + (n // 4).to_bytes(2, "big") + b"\x02\x01\x02\x00" * (n // 4),
        lambda n: b"\x01" + b"\x82" + (n // 6).to_bytes(2, "big") + b"\x13\x02\x01\x11\x01\x07" * (n // 6),
    ):
        spent = []
        for size in (5000, 40000):
            data = make(size)
            best = 9.0
            for _ in range(3):
                start = time.process_time()
                axdr.decode_whole(data)
                axdr.skip(data)
                best = min(best, time.process_time() - start)
            spent.append(best)
        assert spent[1] < 8 * 4 * spent[0] + 0.05, spent


def test_a_small_input_never_becomes_a_large_value():
    """Counts and row types that promise much are refused, or cost no more than the octets that are there."""
    for data in (
        b"\x01\x82\xff\xff" + b"\x00" * 100,
        b"\x13\x01\xff\xff\x01\xff\xff\x01\xff\xff\x11\x00",
        b"\x13" + b"\x02\xff" * 5 + b"\x11" * 2000 + b"\x00",
        b"\x13\x02\x02\x11\x01\xff\xff\x02\x01\x11\x82\xff\xff" + b"\x00" * 65535,
        b"\x13" + b"\x02\x01" * 12 + b"\x11\x81\xff" + b"\x01" * 255,
        b"\x13" + b"\x02\x01" * 3 + b"\x11\x82\x10\x00" + b"\x01" * 4096,
    ):
        report = mutate.Report()
        target = mutate.Target("axdr", [data], axdr.decode_whole, DecodeError, memory=20000, memory_per_octet=600)
        mutate.try_one(target, data, report, True)
        assert not report.failures, report.failures
