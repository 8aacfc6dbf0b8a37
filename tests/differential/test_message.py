"""The envelope: the parser and its description in construct take the same messages apart alike."""

import mutate
from construct import ConstructError
from construct_message import Block, Body, Maced, Transfer
from hypothesis import given, settings
from hypothesis import strategies as st

from slotmeter.dlms import blocks
from slotmeter.dlms.errors import DecodeError
from slotmeter.dlms.gbcs import message

DESCRIBED_AS_BAD = (ConstructError, ValueError)
GOLDEN = [octets for octets in mutate.golden_messages() if len(octets) < 1000][:200]
EIGHT = st.binary(min_size=8, max_size=8)


def described(data):
    """Fields of a message by the description, or None when it does not fit."""
    try:
        mac = b""
        body = data
        if data[:1] == b"\xdd":
            outer = Maced.parse(data)
            body, mac = outer.body, outer.mac
        inner = Body.parse(body)
    except DESCRIBED_AS_BAD:
        return None
    if len(Body.build(inner)) != len(body):
        return None
    return (
        inner.cra[0], inner.counter, inner.originator, inner.target, inner.date_time, inner.code, inner.supplementary,
        inner.payload, inner.signature_part.signature, mac,
    )  # fmt: skip


def parsed(data):
    """The same fields by the parser."""
    try:
        one = message.parse(data)
    except DecodeError:
        return None
    return (
        one.cra, one.counter, one.originator, one.target, one.date_time, one.code, one.supplementary, one.payload,
        one.signature, one.mac,
    )  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from((1, 2, 3)), EIGHT, EIGHT, EIGHT, st.sampled_from((b"", b"\x07" * 12)), st.integers(0, 0xFFFF),
    st.binary(max_size=300), st.binary(max_size=300), st.sampled_from((b"", b"\x55" * 64)),
    st.sampled_from((b"", b"\xaa" * 12)),
)  # fmt: skip
def test_both_build_and_take_apart_alike(
    cra, counter, originator, target, date_time, code, supplementary, payload, signature, mac
):
    body = message.grouping(cra, counter, originator, target, date_time, code, supplementary, payload)
    body += message.signature_part(signature)
    data = message.with_mac(body, mac) if mac else body
    fields = (cra, counter, originator, target, date_time, code, supplementary, payload, signature, mac)
    assert parsed(data) == fields
    assert described(data) == fields


@settings(max_examples=500, deadline=None)
@given(st.sampled_from(GOLDEN), st.randoms(use_true_random=False))
def test_both_take_and_refuse_the_same_damaged_messages(octets, rng):
    data = rng.choice(mutate.MUTATIONS)(rng, octets, GOLDEN)
    if len(data) < 60000:
        assert parsed(data) == described(data), data.hex()


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(GOLDEN), st.integers(1, 200), st.randoms(use_true_random=False), st.booleans())
def test_both_take_blocks_apart_alike(octets, size, rng, damage):
    splitter = blocks.Splitter(octets, size)
    data = splitter.to_send()
    for _ in range(rng.randrange(3)):
        data = splitter.to_send() or data
    if damage:
        data = rng.choice(mutate.MUTATIONS)(rng, data, [data])
    try:
        one = blocks.parse_block(data)
        found = (one.routing[3:11], one.routing[31:33], one.number, one.acknowledged, one.data)
    except DecodeError:
        found = None
    try:
        outer = Block.parse(data)
        inner = Transfer.parse(outer.transfer.octets)
        expected = (outer.counter, outer.code, inner.number, inner.acknowledged, inner.data)
        if len(inner.data) > blocks.LARGEST_BLOCK or (inner.data and not inner.number):
            expected = None
    except DESCRIBED_AS_BAD:
        expected = None
    assert found == expected, data.hex()
