"""Whatever JSON says, the hub answers and goes on."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from slotmeter.boards.pc.hub_bench import HubBench, HubOptions

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ("after", "code", "device", "form", "hex", "seconds", "type")
# Values that get a request past its first checks.
LIKELY = st.sampled_from(
    ["02534C4F54100001", "83FED340 7A939723A5C639B26916D505 C3B5", "83FED3407A939723A5C639B26916D505", "DF09"]
    + ["crc", "key", "code", "ESME", "GSME", 0, 100, 254]
)


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    folder = tmp_path_factory.mktemp("junk")
    folder.chmod(0o700)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(folder))
        with HubBench(HubOptions(air="junk", keys=folder / "keys", temporary=True, seed=1)) as one:
            yield one


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data(), fields=st.dictionaries(st.sampled_from(FIELDS), JSON | LIKELY, max_size=5))
def test_every_request_gets_a_reply(hub, data, fields):
    operations = set(hub.request({"op": "hello"})["operations"]) - {"quit"}
    reply = hub.request({"id": 1, "op": data.draw(st.sampled_from(sorted(operations))), **fields})
    assert reply["id"] == 1
    assert reply["ok"] or reply["error"]["text"]
