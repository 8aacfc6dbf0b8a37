"""Commands of the tables with values, and octets, that nobody chose."""

from hypothesis import given, settings
from hypothesis import strategies as some

from slotmeter.zigbee_han import commands, tables, zcl
from slotmeter.zigbee_han.errors import DecodeError

ROWS = [(number, row) for number, _, _, _, rows in tables.CLUSTERS for row in rows]


def of_type(kind):
    size, signed = zcl.number_size(kind)
    if size:
        top = 1 << 8 * size
        return some.integers(-top // 2, top // 2 - 1) if signed else some.integers(0, top - 1)
    if kind == zcl.BOOL:
        return some.sampled_from((None, True, False))
    if kind == zcl.DATE:
        day = some.none() | some.integers(1, 31)
        return some.tuples(some.integers(1900, 2154), some.integers(1, 12), day, some.none()).map(list)
    if kind == zcl.TEXT:
        return some.none() | some.text(some.characters(codec="utf-8"), max_size=60)
    return some.binary(max_size=60) if kind == tables.REST else some.none() | some.binary(max_size=60)


@settings(max_examples=600)
@given(some.data(), some.sampled_from(ROWS))
def test_any_fields_come_back(data, row):
    number, (which, _, to_client, fields) = row
    values, counted = {}, []
    for name, kind, more in fields:
        if more is True and data.draw(some.booleans()):
            break
        if isinstance(kind, tuple):
            one = some.fixed_dictionaries({inner: of_type(inner_kind) for inner, inner_kind, _ in kind})
            values[name] = data.draw(some.lists(one, max_size=8))
            counted += [(more, len(values[name]))] if more else []
        else:
            values[name] = data.draw(of_type(kind))
    values.update(counted)
    octets = commands.build(number, to_client, which, values)
    assert commands.parse(number, to_client, which, octets) == values


@settings(max_examples=600)
@given(some.sampled_from(ROWS), some.binary(max_size=90))
def test_any_octets_are_a_command_that_builds_the_same_or_are_refused(row, octets):
    number, (which, _, to_client, _) = row
    try:
        values = commands.parse(number, to_client, which, octets)
    except DecodeError:
        return
    assert commands.build(number, to_client, which, values) == octets
