"""Hypothesis strategies for A-XDR values, row types and attribute types; the form is that of slotmeter.dlms.axdr."""

from hypothesis import strategies as st

LEAF_TAGS = (3, 4, 5, 6, 9, 10, 12, 13, 15, 16, 17, 18, 20, 21, 22, 25, 26, 27)


_BY_TAG = {
    3: st.tuples(st.just(3), st.booleans()),
    6: st.tuples(st.just(6), st.integers(0, (1 << 32) - 1)),
    9: st.tuples(st.just(9), st.binary(max_size=20)),
    10: st.tuples(st.just(10), st.binary(max_size=20)),
    12: st.tuples(st.just(12), st.binary(max_size=20)),
    4: st.integers(0, 20).flatmap(
        lambda n: st.tuples(st.just(4), st.tuples(st.just(n), st.binary(min_size=(n + 7) // 8, max_size=(n + 7) // 8)))
    ),
}
for _tag, _low, _high in (
    (5, -(1 << 31), (1 << 31) - 1),
    (13, -128, 127),
    (15, -128, 127),
    (16, -32768, 32767),
    (17, 0, 255),
    (18, 0, 65535),
    (20, -(1 << 63), (1 << 63) - 1),
    (21, 0, (1 << 64) - 1),
    (22, 0, 255),
):
    _BY_TAG[_tag] = st.tuples(st.just(_tag), st.integers(_low, _high))
for _tag, _size in ((25, 12), (26, 5), (27, 4)):
    _BY_TAG[_tag] = st.tuples(st.just(_tag), st.binary(min_size=_size, max_size=_size))

# Any leaf, and strings whose length takes two octets or three.
LEAF = st.one_of(
    *[_BY_TAG[tag] for tag in LEAF_TAGS], st.tuples(st.sampled_from((9, 10, 12)), st.binary(min_size=120, max_size=300))
)

_SMALLEST = {5: 4, 6: 4, 16: 2, 18: 2, 20: 8, 21: 8, 25: 12, 26: 5, 27: 4}


def weigh(row_type):
    """Values in a row, itself included, and the fewest octets that it takes."""
    if row_type[0] == 1:
        elements, octets = weigh(row_type[1])
        return 1 + row_type[2] * elements, row_type[2] * octets
    if row_type[0] == 2:
        weights = [weigh(one) for one in row_type[1:]]
        return 1 + sum(one[0] for one in weights), sum(one[1] for one in weights)
    return 1, _SMALLEST.get(row_type[0], 1)


def row_types(tags):
    """Row types of these leaves, without those that wrap one small value again and again: they are refused."""
    return st.recursive(
        st.sampled_from(tags).map(lambda tag: (tag,)),
        lambda inner: st.one_of(
            st.lists(inner, min_size=1, max_size=4).map(lambda types: (2, *types)),
            st.tuples(inner, st.integers(1, 4)).map(lambda pair: (1, pair[0], pair[1], pair[1])),
        ),
        max_leaves=8,
    ).filter(lambda row_type: weigh(row_type)[0] <= 4 * weigh(row_type)[1])


ROW_TYPE = row_types(LEAF_TAGS)
FIXED_ROW_TYPE = row_types([tag for tag in LEAF_TAGS if tag not in (4, 9, 10, 12)])


def row_of(row_type):
    """Rows of a row type."""
    if row_type[0] == 2:
        return st.tuples(*[row_of(one) for one in row_type[1:]]).map(lambda row: (2, list(row)))
    if row_type[0] == 1:
        return st.lists(row_of(row_type[1]), min_size=row_type[2], max_size=row_type[2]).map(lambda row: (1, row))
    return _BY_TAG[row_type[0]]


COMPACT = ROW_TYPE.flatmap(
    lambda row_type: st.lists(row_of(row_type), max_size=4).map(lambda rows: (19, (row_type, rows)))
)

VALUE = st.recursive(
    st.one_of(st.just((0, None)), LEAF, COMPACT),
    lambda inner: st.tuples(st.sampled_from((1, 2)), st.lists(inner, max_size=5)),
    max_leaves=20,
)
