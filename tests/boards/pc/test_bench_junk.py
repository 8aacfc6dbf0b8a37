"""Whatever JSON says, the bench answers and goes on."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from slotmeter.boards.pc.bench import Bench, Options
from slotmeter.boards.pc.lines import answer, decode_line

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELDS = (
    "add",
    "advance",
    "attribute",
    "axdr",
    "certificate",
    "class",
    "clear",
    "code",
    "elements",
    "frozen",
    "hex",
    "image",
    "item",
    "message_code",
    "name",
    "obis",
    "on",
    "pending",
    "protected",
    "remove",
    "result",
    "role",
    "set",
    "status",
    "supplementary",
    "usage",
    "value",
    "version",
)
# Values that get a request past its first checks.
LIKELY = st.sampled_from(
    ["supplier", "digital-signature", "00", "0600000000", "0-0:94.44.128.9", "2020-01-01T00:00:00Z"]
    + [1, 2, 9000, True, {}, []]
)
MESSAGE = {"op": "get", "class": 1, "obis": "0-2:96.13.1.255", "attribute": 2}
# One bench for all examples: what one of them leaves behind is there for the next.
RELAXED = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    options = Options(keys=tmp_path_factory.mktemp("junk") / "keys", temporary=True, start="2024-06-01T12:00:00Z")
    with Bench(options) as bench:
        yield bench


@RELAXED
@given(data=st.data(), fields=st.dictionaries(st.sampled_from(FIELDS), JSON | LIKELY, max_size=6))
def test_every_request_gets_a_reply(bench, data, fields):
    operations = set(bench.request({"op": "hello"})["operations"]) - {"quit"}
    operation = data.draw(st.sampled_from(sorted(operations)))
    reply = bench.request({"id": 1, "op": operation, **fields})
    assert reply["id"] == 1
    assert reply["ok"] or reply["error"]["text"]


@RELAXED
@given(line=st.binary(max_size=200) | JSON.map(lambda value: repr(value).encode()))
def test_every_line_gets_at_most_one_line(bench, line):
    reply = answer(bench, line)
    assert reply == b"" or decode_line(reply)[0] is not None
    assert reply.count(b"\n") <= 1


@RELAXED
@given(data=st.binary(max_size=300))
def test_octets_that_are_no_message_leave_the_state_as_it_is(bench, data):
    before = bench.request({"op": "state"}), bench.request(MESSAGE)
    reply = bench.request({"op": "deliver", "hex": data.hex()})
    if reply["ok"]:
        assert reply["refused"]["reason"]
    after = bench.request({"op": "state"}), bench.request(MESSAGE)
    assert after == before
