"""A hub of the bench without a device: its operations, and what it says to what cannot be."""

import pytest

from slotmeter.boards.pc.errors import SlotmeterError
from slotmeter.boards.pc.hub_bench import HubBench, HubOptions
from slotmeter.boards.pc.request_builder import Order, find
from slotmeter.boards.pc.requester import Requester
from slotmeter.zigbee_han import install_code

METER = "02534C4F54100001"
CODE = "83FE D340 7A93 9723 A5C6 39B2 6916 D505 C3B5"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("hub")


@pytest.fixture(scope="module", autouse=True)
def runtime(tmp_path_factory):
    """An air of our own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("r")))
        yield


@pytest.fixture(scope="module")
def hub(folder, runtime):
    with HubBench(HubOptions(air="t", keys=folder / "keys", temporary=True, channel=20, seed=1)) as one:
        yield one


def ask(hub, op, **fields):
    reply = hub.request({"op": op, **fields})
    assert reply["ok"], reply
    return reply


def refusal(hub, op, **fields):
    reply = hub.request({"op": op, **fields})
    assert not reply["ok"], reply
    return reply["error"]["code"], reply["error"]["text"]


def command(folder, name="ECS17b", **given):
    requester = Requester(folder / "keys")
    return requester.build(find(name), Order(now_s=800000000), given, 5000)


def test_it_forms_a_network_where_it_is_told_to(hub):
    reply = ask(hub, "hello")
    assert reply["channel"] == 20 and reply["hub"] == "02534C4F54100002"
    assert "deliver" in reply["operations"]


def test_a_device_comes_into_the_log_and_out_of_it(hub):
    assert ask(hub, "add", device=METER, code=CODE)["again"] is False
    assert ask(hub, "add", device=METER, code=CODE)["again"] is True
    (device,) = ask(hub, "devices")["devices"]
    assert device == {"eui64": METER, "type": "ESME", "state": "has not joined", "keyed": False, "waiting": 0}
    assert "ESME" in refusal(hub, "add", device=METER, code=CODE, type="kettle")[1]
    ask(hub, "remove", device=METER)
    assert ask(hub, "devices")["devices"] == []
    assert refusal(hub, "remove", device=METER)[0] == "unknown-device"


@pytest.mark.parametrize(
    "code, form, words",
    [
        (CODE[:-1] + "6", "crc", "the CRC of these octets is C3B5, not C3B6"),
        (CODE[:-5], "crc", "the CRC seems to be missing, which would be C3B5"),
        (CODE[:-7], "crc", "8, 10, 14 or 18 octets, not 15"),
        ("G" + CODE[1:], "crc", "'G' is not"),
        (CODE, "code", "16 octets, not 18"),
        (CODE, "other", "form is crc"),
    ],
)
def test_a_bad_install_code_is_told_with_what_is_wrong_with_it(hub, code, form, words):
    _, text = refusal(hub, "add", device=METER, code=code, form=form)
    assert words in text


def test_sixteen_octets_are_a_code_without_a_crc_or_the_key_itself(hub):
    octets = install_code.parse(CODE)
    ask(hub, "add", device=METER, code=CODE)
    key = hub.known_keys()[1][1]
    ask(hub, "add", device=METER, code=octets[:16].hex(), form="code")
    assert hub.known_keys()[1][1] == key
    ask(hub, "add", device=METER, code=key.hex(), form="key")
    assert hub.known_keys()[1][1] == key
    ask(hub, "remove", device=METER)


def test_a_full_log_says_so(hub):
    for number in range(16):
        ask(hub, "add", device="02534C4F542000%02X" % number, code=CODE)
    code, text = refusal(hub, "add", device=METER, code=CODE)
    assert code == "log-full" and "16 devices" in text
    for number in range(16):
        ask(hub, "remove", device="02534C4F542000%02X" % number)


def test_messages_that_cannot_go_are_refused_with_the_reason(hub, folder):
    octets = command(folder).hex()
    assert refusal(hub, "deliver", device=METER, hex=octets)[0] == "unknown-device"
    ask(hub, "add", device=METER, code=CODE)
    code, text = refusal(hub, "deliver", device=METER, hex=octets)
    assert code == "not-joined" and "has not joined" in text
    assert refusal(hub, "deliver", device=METER, hex="DF0901")[0] == "bad-value"
    code, text = refusal(hub, "deliver", device=METER, hex="00" * 80000)
    assert code == "bad-field" and "80000" in text
    assert refusal(hub, "deliver", device="02", hex=octets)[0] == "bad-field"
    ask(hub, "remove", device=METER)


def test_joining_is_permitted_for_four_minutes_at_most(hub):
    assert ask(hub, "permit", seconds=254)["seconds"] == 254
    assert ask(hub, "permit", seconds=0)["seconds"] == 0
    assert refusal(hub, "permit", seconds=255)[0] == "bad-field"
    assert refusal(hub, "permit")[0] == "missing-field"


def test_what_no_hub_does_is_named(hub):
    code, text = refusal(hub, "tamper")
    assert code == "unknown-op" and "tamper" in text
    assert refusal(hub, "arrived", after=-1)[0] == "bad-field"
    assert ask(hub, "arrived") == {"id": None, "ok": True, "arrived": [], "last": 0}


def test_it_remembers_its_network_and_its_log(folder):
    options = {"air": "kept", "keys": folder / "keys", "store": folder / "hub.store", "seed": 2}
    with HubBench(HubOptions(**options)) as hub:
        ask(hub, "add", device=METER, code=CODE)
        before = ask(hub, "hello")
        keys = hub.known_keys()
        assert not hub.resumed
    with HubBench(HubOptions(**options)) as hub:
        after = ask(hub, "hello")
        assert hub.resumed and (after["channel"], after["pan"]) == (before["channel"], before["pan"])
        assert hub.known_keys() == keys
        assert [one["eui64"] for one in ask(hub, "devices")["devices"]] == [METER]


def test_it_is_not_moved_to_another_air_or_channel(folder):
    options = {"keys": folder / "keys", "store": folder / "moved.store", "channel": 12}
    HubBench(HubOptions(air="one", **options)).close()
    with pytest.raises(SlotmeterError, match="another radio .air one."):
        HubBench(HubOptions(air="two", **options))
    options["channel"] = 13
    with pytest.raises(SlotmeterError, match="a network on channel 12"):
        HubBench(HubOptions(air="one", **options))


def test_a_store_of_something_else_is_refused(folder):
    from slotmeter.boards.pc.bench import Bench, Options

    path = folder / "esme.store"
    Bench(Options(keys=folder / "keys", store=path)).close()
    with pytest.raises(SlotmeterError, match="a meter's"):
        HubBench(HubOptions(air="t", keys=folder / "keys", store=path))
    path = folder / "other.store"
    HubBench(HubOptions(air="u", keys=folder / "keys", store=path)).close()
    with pytest.raises(SlotmeterError, match="that of hub 02-53"):
        HubBench(HubOptions(air="u", keys=folder / "keys", store=path, eui64=bytes.fromhex("0253000000000009")))


def test_a_stick_that_is_not_there_is_one_sentence(folder):
    from slotmeter.hal.errors import HalError

    pytest.importorskip("bellows", reason="bellows drives sticks: pip install 'slotmeter[zigbee]'")
    with pytest.raises(HalError, match="/dev/nowhere"):
        HubBench(HubOptions(radio="/dev/nowhere", keys=folder / "keys", temporary=True))
