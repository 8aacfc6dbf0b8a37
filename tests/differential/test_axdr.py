"""A-XDR: the codec and its description in construct give the same octets, and take the same."""

import mutate
import values
from construct import ConstructError
from construct_axdr import RowType, Value
from hypothesis import given, settings
from hypothesis import strategies as st

from slotmeter.dlms import axdr
from slotmeter.dlms.errors import DecodeError

# What construct and the adapters raise for octets that do not fit.
DESCRIBED_AS_BAD = (ConstructError, ValueError)


def described(data):
    """The value and its size by the description, or None."""
    try:
        value = Value.parse(data)
        return value, len(Value.build(value))
    except DESCRIBED_AS_BAD:
        return None


@settings(max_examples=300, deadline=None)
@given(values.VALUE)
def test_both_encode_alike(value):
    octets = axdr.encode(value)
    assert octets == Value.build(value)
    assert Value.parse(octets) == value
    assert axdr.decode_whole(octets) == value


@settings(max_examples=200, deadline=None)
@given(values.ROW_TYPE)
def test_both_describe_rows_alike(row_type):
    octets = axdr.put_type(row_type)
    assert octets == RowType.build(row_type)
    assert axdr.get_type(octets, 0)[0] == row_type == RowType.parse(octets)


@settings(max_examples=400, deadline=None)
@given(values.VALUE, st.randoms(use_true_random=False))
def test_both_take_and_refuse_the_same_damaged_octets(value, rng):
    data = rng.choice((mutate.lie, mutate.overwrite, mutate.truncate, mutate.off_by_one, mutate.cut))(
        rng, axdr.encode(value), []
    )
    try:
        found = axdr.decode(data)
    except DecodeError as refused:
        # The codec alone has limits; nothing that small reaches them but by lying.
        assert (
            described(data) is None
            or "deeper" in refused.reason
            or "more" in refused.reason
            or ("too little" in refused.reason)
        ), data.hex()
    else:
        assert described(data) == found, data.hex()
