"""The operations of the bench protocol, one by one, on a meter with the bench's own credentials."""

import time

import pytest

from slotmeter.boards.pc import firmware_file
from slotmeter.boards.pc.bench import Bench, Options
from slotmeter.boards.pc.bench_clock import format_time, parse_time
from slotmeter.boards.pc.errors import SlotmeterError
from slotmeter.boards.pc.request_builder import Order, find
from slotmeter.boards.pc.requester import Requester
from slotmeter.hal.host.crypto import HostCrypto

START = "2024-06-01T12:00:00Z"
MESSAGE = {"class": 1, "obis": "0-2:96.13.1.255", "attribute": 2}
THRESHOLD = {"class": 9000, "obis": "0-0:94.44.128.9", "attribute": 2}


@pytest.fixture(scope="session")
def keys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bench") / "keys"
    Bench(Options(keys=folder, temporary=True)).close()
    return folder


@pytest.fixture
def bench(keys):
    with Bench(Options(keys=keys, temporary=True, start=START)) as bench:
        yield bench


def ask(bench, op, **fields):
    reply = bench.request({"id": 1, "op": op, **fields})
    assert reply["ok"], reply
    return reply


def refusal(bench, op, **fields):
    reply = bench.request({"id": 1, "op": op, **fields})
    assert reply["id"] == 1
    assert not reply["ok"]
    assert reply["error"]["text"]
    return reply["error"]["code"]


def command(bench, name, counter, when="now", **fields):
    requester = Requester(cast=bench.cast)
    order = Order(now_s=parse_time(START) // 1000, when=when, variant=bench.options.variant)
    return requester.build(find(name), order, fields, counter).hex()


def test_hello_names_the_device(bench):
    reply = ask(bench, "hello")
    assert reply["protocol"] == 1
    (device,) = reply["devices"]
    assert device["name"] == "esme"
    assert device["type"] == "ESME"
    assert device["variant"] == "single"
    assert len(bytes.fromhex(device["eui64"])) == 8


def test_the_id_is_echoed_whatever_it_is(bench):
    for identity in (7, "seven", None, [7, {"a": 1}], True):
        assert bench.request({"id": identity, "op": "hello"})["id"] == identity
    assert bench.request({"op": "hello"})["id"] is None


def test_an_authentic_command_is_answered(bench):
    reply = ask(bench, "deliver", hex=command(bench, "ECS17c", 1000))
    (message,) = reply["messages"]
    assert message["device"] == "esme"
    assert message["kind"] == "response"
    assert message["hex"] == message["hex"].upper()
    assert "refused" not in reply


def test_a_replayed_command_is_refused_with_its_reason(bench):
    text = command(bench, "ECS02", 1000)
    assert ask(bench, "deliver", hex=text)["messages"]
    reply = ask(bench, "deliver", hex=text.upper())
    assert reply["refused"]["reason"] == "replayed"
    assert all(message["kind"] == "alert" for message in reply["messages"])


def test_a_changed_command_is_refused_as_not_authentic(bench):
    data = bytearray.fromhex(command(bench, "ECS17c", 1000))
    data[-1] ^= 1
    assert ask(bench, "deliver", hex=data.hex())["refused"]["reason"] == "not-authentic"


def test_octets_that_are_no_message_are_refused_as_malformed(bench):
    for text in ("", "00", "DD", "DF" * 60):
        reply = ask(bench, "deliver", hex=text)
        assert reply["refused"]["reason"] == "malformed"
        assert reply["messages"] == []


def test_a_command_changes_what_get_shows(bench):
    ask(bench, "deliver", hex=command(bench, "ECS10", 1000, message="hello"))
    assert ask(bench, "get", **MESSAGE)["axdr"] == "0905" + b"hello".hex().upper()


def test_set_takes_what_get_gives(bench):
    before = ask(bench, "get", **THRESHOLD)["axdr"]
    ask(bench, "set", axdr="0500000123", **THRESHOLD)
    assert ask(bench, "get", **THRESHOLD)["axdr"] == "0500000123"
    ask(bench, "set", axdr=before, **THRESHOLD)
    assert ask(bench, "get", **THRESHOLD)["axdr"] == before


def test_set_takes_a_compact_array_for_a_buffer_and_gives_it_back(bench):
    log = {"class": 7, "obis": "0-0:99.98.1.255", "attribute": 2}
    one = "13" + "0202" + "0612" + "06" + "1C374A80" + "8F3E"
    ask(bench, "set", axdr=one, **log)
    shown = ask(bench, "get", **log)["axdr"]
    ask(bench, "set", axdr=shown, **log)
    assert ask(bench, "get", **log)["axdr"] == shown
    (entry,) = ask(bench, "log", name="security")["entries"]
    assert entry["time"] == "2015-01-01T00:00:00Z"
    assert entry["code"] == "8F3E"


def test_a_value_of_another_type_is_refused_and_changes_nothing(bench):
    before = ask(bench, "get", **THRESHOLD)["axdr"]
    for value in ("0600000123", "05000001", "05000001230A", "", "0201"):
        assert refusal(bench, "set", axdr=value, **THRESHOLD) == "bad-value"
    assert ask(bench, "get", **THRESHOLD)["axdr"] == before


def test_an_attribute_that_is_not_there_has_a_code_of_its_own(bench):
    absent = {"class": 1, "obis": "0-0:1.2.3.4", "attribute": 2}
    assert refusal(bench, "get", **absent) == "no-such-attribute"
    assert refusal(bench, "set", axdr="00", **absent) == "no-such-attribute"


def test_an_obis_code_may_be_given_in_hex(bench):
    assert ask(bench, "get", **{**THRESHOLD, "obis": "00005E2C8009"}) == ask(bench, "get", **THRESHOLD)


def test_fields_are_checked(bench):
    assert refusal(bench, "deliver") == "missing-field"
    assert refusal(bench, "deliver", hex="0") == "bad-hex"
    assert refusal(bench, "deliver", hex="0x") == "bad-hex"
    assert refusal(bench, "deliver", hex="00 00") == "bad-hex"
    assert refusal(bench, "deliver", hex="\u0661\u0661") == "bad-hex"
    assert refusal(bench, "deliver", hex=7) == "bad-field"
    assert refusal(bench, "deliver", hex="00" * 80000) == "bad-field"
    assert refusal(bench, "get", **{**THRESHOLD, "class": "9000"}) == "bad-field"
    assert refusal(bench, "get", **{**THRESHOLD, "class": 65536}) == "bad-field"
    assert refusal(bench, "get", **{**THRESHOLD, "attribute": True}) == "bad-field"
    assert refusal(bench, "get", **{**THRESHOLD, "obis": "0-0:94.44"}) == "bad-field"
    assert refusal(bench, "clock", set="yesterday") == "bad-time"
    assert refusal(bench, "clock", set="1999-12-31T23:59:59Z") == "bad-time"
    assert refusal(bench, "clock", status="good") == "bad-field"
    assert refusal(bench, "clock", advance=1.5) == "bad-field"
    assert refusal(bench, "clock", advance=-1) == "bad-field"
    assert refusal(bench, "clock", advance=1 << 40) == "bad-field"
    assert refusal(bench, "counter", role="nobody") == "bad-field"
    assert refusal(bench, "counter", role="supplier", value=1 << 64) == "bad-field"
    assert refusal(bench, "fault", item=0, result="sunspots") == "bad-field"
    assert refusal(bench, "log", name="diary") == "bad-field"
    assert refusal(bench, "anchor", role="supplier", usage="digital-signature", certificate="3000") == "bad-value"
    assert refusal(bench, "devices", add="everything") == "bad-field"
    assert refusal(bench, "firmware", image={"hash": "00", "version": "00000001"}) == "bad-field"
    assert refusal(bench, "alert", code="810E", message_code="1001", elements=["0"]) == "bad-hex"
    assert refusal(bench, "alert", code="810E", message_code="1001", elements=["0901"]) == "bad-value"
    assert refusal(bench, "power", on="yes") == "bad-field"


def test_unknown_operations_and_devices_have_codes_of_their_own(bench):
    assert refusal(bench, "dance") == "unknown-op"
    assert refusal(bench, "hello", device="gsme") == "unknown-device"
    assert bench.request({"id": 3})["error"]["code"] == "missing-field"
    assert bench.request({"id": 3, "op": ["hello"]})["error"]["code"] == "bad-field"


def test_the_clock_stands_still_until_it_is_told_to_move(bench):
    told = {"id": 1, "ok": True, "now": START, "frozen": True, "rate": 1, "status": "reliable"}
    assert ask(bench, "clock") == told
    assert ask(bench, "clock", advance=3661)["now"] == "2024-06-01T13:01:01Z"
    assert ask(bench, "clock", set="2030-01-15T09:00:00Z", status="unreliable")["status"] == "unreliable"
    assert ask(bench, "clock")["now"] == "2030-01-15T09:00:00Z"
    assert ask(bench, "clock", frozen=False)["frozen"] is False


def test_without_a_start_time_the_clock_runs(keys):
    with Bench(Options(keys=keys, temporary=True)) as bench:
        assert ask(bench, "clock")["frozen"] is False


def test_times_read_back_as_written():
    for text in ("2000-01-01T00:00:00Z", "2015-01-01T00:00:00Z", "2096-02-29T23:59:59Z"):
        assert format_time(parse_time(text) // 1000) == text


def test_counters_can_be_read_and_set(bench):
    for role in ("supplier", "network-operator", "access-control-broker", "transitional-cos", "load-controller"):
        assert ask(bench, "counter", role=role)["value"] == 0
    assert ask(bench, "counter", role="supplier", value=5000)["value"] == 5000
    assert ask(bench, "counter", role="supplier")["value"] == 5000
    reply = ask(bench, "deliver", hex=command(bench, "ECS02", 5000))
    assert reply["refused"]["reason"] == "replayed"
    assert ask(bench, "counter", role="prepayment", value=3 << 32)["value"] == 3 << 32
    assert ask(bench, "counter", role="own", value=77)["value"] == 77


def test_a_fault_strikes_the_next_command_and_no_other(bench):
    ask(bench, "fault", item=0, result="temporary-failure")
    assert ask(bench, "deliver", hex=command(bench, "ECS10", 1000, message="a"))["failed"] == 0
    assert "failed" not in ask(bench, "deliver", hex=command(bench, "ECS10", 1001, message="b"))
    ask(bench, "fault", item=0)
    ask(bench, "fault", clear=True)
    assert "failed" not in ask(bench, "deliver", hex=command(bench, "ECS10", 1002, message="c"))


def test_a_future_dated_command_is_carried_out_when_the_clock_gets_there(bench):
    ask(bench, "deliver", hex=command(bench, "ECS02", 1000, when="2024-06-02T00:00:00Z"))
    (waiting,) = ask(bench, "state")["future_dated"]
    assert waiting["due"] == "2024-06-02T00:00:00Z"
    assert waiting["use_case"] == "ECS02"
    assert "messages" not in ask(bench, "clock", advance=3600)
    reply = ask(bench, "clock", advance=24 * 3600)
    assert [message["kind"] for message in reply["messages"]] == ["alert"]
    assert ask(bench, "state")["future_dated"] == []


def test_reset_gives_the_state_of_the_start(bench):
    before = ask(bench, "get", **THRESHOLD)["axdr"]
    ask(bench, "set", axdr="0500000123", **THRESHOLD)
    ask(bench, "counter", role="supplier", value=9)
    ask(bench, "clock", advance=60)
    ask(bench, "reset")
    assert ask(bench, "get", **THRESHOLD)["axdr"] == before
    assert ask(bench, "counter", role="supplier")["value"] == 0
    assert ask(bench, "clock")["now"] == START


def test_without_power_nothing_is_delivered_and_what_was_stored_is_kept(bench):
    ask(bench, "set", axdr="0500000123", **THRESHOLD)
    ask(bench, "fault", item=0)
    assert ask(bench, "power", on=False)["on"] is False
    assert refusal(bench, "deliver", hex="00") == "no-power"
    assert refusal(bench, "get", **THRESHOLD) == "no-power"
    assert ask(bench, "clock", advance=60)["now"] == "2024-06-01T12:01:00Z"
    assert ask(bench, "power", on=True)["on"] is True
    assert ask(bench, "get", **THRESHOLD)["axdr"] == "0500000123"
    assert "failed" not in ask(bench, "deliver", hex=command(bench, "ECS10", 1000, message="a"))


def test_an_instruction_that_fell_due_without_power_is_carried_out_with_it(bench):
    ask(bench, "deliver", hex=command(bench, "ECS02", 1000, when="2024-06-02T00:00:00Z"))
    ask(bench, "power", on=False)
    ask(bench, "clock", advance=2 * 24 * 3600)
    reply = ask(bench, "power", on=True)
    assert sorted(message["code"] for message in reply["messages"]) == ["8F36", "8F66"]


def test_refusals_are_in_the_security_log(bench):
    data = bytearray.fromhex(command(bench, "ECS17c", 1000))
    data[-1] ^= 1
    ask(bench, "deliver", hex=data.hex())
    entries = ask(bench, "log", name="security")["entries"]
    assert entries[-1]["code"] == "8F3D"
    assert entries[-1]["time"] == START
    assert entries[-1]["text"]


def test_the_state_is_readable(bench):
    state = ask(bench, "state")
    assert state["payment_mode"] == "credit"
    assert state["balances"]["meter"] == 0
    assert state["supply"]["state"] == "enabled"
    assert [one["number"] for one in state["controllers"]] == [1, 2, 3, 4, 5]
    assert state["clock"]["now"] == START


def test_a_trust_anchor_cell_can_be_shown_cleared_and_filled(bench):
    cell = {"role": "supplier", "usage": "key-agreement", "cell": "prepayment"}
    shown = ask(bench, "anchor", **cell)
    assert shown["filled"]
    assert ask(bench, "anchor", clear=True, **cell)["filled"] is False
    assert ask(bench, "anchor", certificate=shown["certificate"], **cell) == shown
    assert refusal(bench, "anchor", role="wan-provider", usage="digital-signature") == "not-on-this-device"


def test_the_device_log_can_be_filled_and_emptied(bench):
    one = {"eui64": "00DB123456789001", "type": "PPMID"}
    assert ask(bench, "devices")["devices"] == []
    assert ask(bench, "devices", add=one)["devices"] == [one]
    assert ask(bench, "devices", remove={"eui64": one["eui64"].lower()})["devices"] == []


def test_a_firmware_image_can_be_held_and_discarded(bench):
    image = {"hash": "AB" * 32, "version": "00000002"}
    assert ask(bench, "firmware", image=image, version="00000001") == {
        "id": 1,
        "ok": True,
        "version": "00000001",
        "image": image,
    }
    assert ask(bench, "firmware", image=None)["image"] is None


def test_the_certificate_of_the_device_fits_its_key(bench):
    from slotmeter.hal.host.certificates import HostCertificates

    for usage in ("digital-signature", "key-agreement"):
        held = ask(bench, "device-key", usage=usage)
        read = HostCertificates().read(bytes.fromhex(held["certificate"]))
        assert read.public_key.hex().upper() == held["public_key"]
        assert held["pending"] == ""
    assert ask(bench, "device-key", usage="key-agreement", pending="AB" * 64)["pending"] == "AB" * 64


def test_an_alert_can_be_raised_on_demand(bench):
    ask(bench, "counter", role="own", value=2000)
    reply = ask(bench, "alert", code="810E", message_code="1001", elements=[])
    (message,) = reply["messages"]
    assert message["kind"] == "alert"
    assert ask(bench, "counter", role="own")["value"] == 2001


def test_quit_ends_the_bench(bench):
    ask(bench, "quit")
    assert bench.finished
    assert refusal(bench, "hello") == "finished"


def test_the_state_outlives_the_bench(keys, tmp_path):
    options = Options(keys=keys, store=tmp_path / "meter.store", start=START)
    with Bench(options) as bench:
        ask(bench, "set", axdr="0500000123", **THRESHOLD)
    with Bench(options) as bench:
        assert ask(bench, "get", **THRESHOLD)["axdr"] == "0500000123"
        ask(bench, "reset")
        assert ask(bench, "get", **THRESHOLD)["axdr"] != "0500000123"


def test_two_benches_on_one_store_are_one_too_many(keys, tmp_path):
    options = Options(keys=keys, store=tmp_path / "meter.store")
    with Bench(options), pytest.raises(SlotmeterError, match=r"meter\.store"):
        Bench(options)


def test_a_store_of_other_credentials_is_refused_and_left_as_it_is(keys, tmp_path):
    store = tmp_path / "meter.store"
    Bench(Options(keys=keys, store=store)).close()
    before = store.read_bytes()
    with pytest.raises(SlotmeterError, match="other credentials"):
        Bench(Options(keys=tmp_path / "other", store=store))
    with pytest.raises(SlotmeterError, match="variant"):
        Bench(Options(keys=keys, store=store, variant="twin"))
    assert store.read_bytes() == before


def test_a_file_that_is_no_store_is_refused_and_left_as_it_is(keys, tmp_path):
    store = tmp_path / "letter.txt"
    store.write_text("Dear meter, " * 100)
    with pytest.raises(SlotmeterError, match=r"letter\.txt"):
        Bench(Options(keys=keys, store=store))
    assert store.read_text() == "Dear meter, " * 100


def test_wrong_options_are_named():
    with pytest.raises(SlotmeterError, match="--variant"):
        Bench(Options(temporary=True, variant="quad"))
    with pytest.raises(SlotmeterError, match="--start"):
        Bench(Options(temporary=True, start="noon"))
    with pytest.raises(SlotmeterError, match="--devices"):
        Bench(Options(temporary=True, devices=("esme", "gsme")))


def test_every_variant_starts(keys):
    for variant in ("single", "twin", "polyphase"):
        with Bench(Options(keys=keys, temporary=True, variant=variant)) as bench:
            assert ask(bench, "hello")["devices"][0]["variant"] == variant


def test_observers_see_what_passes(bench):
    seen = []
    bench.observers.append(lambda kind, what: seen.append(kind))
    ask(bench, "deliver", hex=command(bench, "ECS17c", 1000))
    ask(bench, "deliver", hex="00")
    assert seen == ["delivered", "sent", "answered", "delivered", "refused"]


def test_a_running_clock_runs_at_its_rate(keys):
    with Bench(Options(keys=keys, temporary=True, start=START, rate=100_000)) as bench:
        assert ask(bench, "clock")["rate"] == 100_000
        time.sleep(0.05)
        assert parse_time(ask(bench, "clock")["now"]) - parse_time(START) >= 3600_000
        ask(bench, "clock", rate=1, frozen=True)
        assert refusal(bench, "clock", rate=0) == "bad-field"
    with pytest.raises(SlotmeterError, match="--rate"):
        Bench(Options(keys=keys, temporary=True, rate=0))


def test_a_load_is_told_back_and_its_mistakes_too(bench):
    assert ask(bench, "load")["watts"] == [0]
    reply = ask(bench, "load", watts=[1200], var=-50, export_watts=300, volts=[229.5])
    assert {name: reply[name] for name in ("watts", "var", "export_watts", "volts")} == {
        "watts": [1200],
        "var": -50,
        "export_watts": 300,
        "volts": [229.5],
    }
    assert ask(bench, "load", house=True, seed=3, solar=2000) == {
        "id": 1,
        "ok": True,
        "house": True,
        "seed": 3,
        "solar": 2000,
    }
    for wrong in (
        {"watts": [1, 2]},
        {"watts": -1},
        {"watts": "many"},
        {"watts": []},
        {"watts": 1e400},
        {"watts": 1, "volts": [1.55]},
        {"watts": 1, "volts": [230, 230]},
        {"watts": 1, "var": 1.5},
        {"watts": 2**31},
        {"house": True, "solar": 10**9},
    ):
        assert refusal(bench, "load", **wrong) == "bad-field", wrong
    assert refusal(bench, "load", volts=[230]) == "missing-field"
    assert ask(bench, "load")["house"] is True


def test_messages_wait_for_a_network_that_is_down_and_then_come_in_order(bench):
    assert ask(bench, "links") == {"id": 1, "ok": True, "wan": True, "han": True, "waiting": 0}
    ask(bench, "links", wan=False)
    assert refusal(bench, "deliver", hex=command(bench, "ECS17c", 1000)) == "link-down"
    assert ask(bench, "alert", code="8F1E", message_code="1000")["messages"] == []
    assert ask(bench, "alert", code="8F3F", message_code="1000")["messages"] == []
    assert ask(bench, "links", han=False)["waiting"] == 2
    assert ask(bench, "links", wan=True)["waiting"] == 2
    reply = ask(bench, "links", han=True)
    assert reply["waiting"] == 0
    assert [message["code"] for message in reply["messages"]] == ["8F1E", "8F3F"]
    assert ask(bench, "deliver", hex=command(bench, "ECS17c", 1001))["use_case"] == "ECS17c"


def test_a_load_can_come_from_a_file(bench, tmp_path):
    path = tmp_path / "half-hours.csv"
    path.write_text("start,import_wh,export_wh\n2024-06-01T12:00:00Z,500,0\n")
    assert ask(bench, "load", file=str(path))["file"] == str(path)
    path.write_text("start,import_wh,export_wh\n2024-06-01T12:00:00Z,-500,0\n")
    assert refusal(bench, "load", file=str(path)) == "bad-value"
    assert refusal(bench, "load", file=str(tmp_path / "nowhere")) == "bad-value"


def test_the_display_is_read_and_its_keys_are_pressed(bench):
    reply = ask(bench, "screen")
    assert reply["lines"][0] == "Import"
    assert reply["indicators"]["supply"] == "on"
    assert ask(bench, "press", key="b")["lines"][0].startswith("Menu")
    assert ask(bench, "press", key="HOLD")["lines"][0] == "Import"
    assert ask(bench, "press", key="7")["lines"][:2] == ["Add credit", "7_"]
    assert ask(bench, "enter", digits="1234")["lines"][1] == "Not a top-up code"
    for wrong in ({"key": "c"}, {"key": ""}, {"key": "10"}, {"key": 1}):
        assert refusal(bench, "press", **wrong) == "bad-field"
    for wrong in ({"digits": ""}, {"digits": "12a"}, {"digits": "١٢"}, {"digits": 12}):
        assert refusal(bench, "enter", **wrong) == "bad-field"
    assert refusal(bench, "press") == refusal(bench, "enter") == "missing-field"


def test_the_state_tells_that_a_pin_is_set_and_never_which(bench):
    assert ask(bench, "state")["pin"] == {"set": False, "entered": False}
    bench.enter("1")
    for _ in range(40):
        if "> Set PIN" in ask(bench, "press", key="a" if "Menu" in ask(bench, "screen")["lines"][0] else "b")["lines"]:
            break
    ask(bench, "press", key="b")
    ask(bench, "enter", digits="8642")
    assert "PIN set" in ask(bench, "enter", digits="8642")["lines"]
    state = ask(bench, "state")
    assert state["pin"]["set"] is True
    assert "8642" not in str(state)


def test_power_flows_while_time_passes_and_what_it_counted_outlives_the_mains(bench):
    ask(bench, "load", watts=3000)
    ask(bench, "clock", advance=4000)
    assert ask(bench, "state")["registers"]["import_wh"] == 3333
    ask(bench, "power", on=False)
    assert refusal(bench, "screen") == refusal(bench, "press", key="a") == refusal(bench, "state") == "no-power"
    ask(bench, "clock", advance=3600)
    reply = ask(bench, "power", on=True)
    assert [message["code"] for message in reply["messages"]] == ["8F36"]
    state = ask(bench, "state")
    assert state["registers"]["import_wh"] == 3333
    assert state["load"]["watts"] == [3000]
    codes = [entry["code"] for entry in ask(bench, "log", name="power")["entries"]]
    assert codes == ["8F57", "8F36"]


def test_a_switch_that_sticks_is_told_and_set_free_again(bench):
    assert ask(bench, "switch", number=0) == {"id": 1, "ok": True, "number": 0, "closed": True, "stuck": False}
    assert ask(bench, "switch", number=0, stuck=True)["stuck"] is True
    assert ask(bench, "switch", number=0, stuck=False)["stuck"] is False
    assert refusal(bench, "switch", number=6) == "bad-field"
    assert refusal(bench, "switch") == "missing-field"


def test_an_opened_cover_is_an_alert_and_an_entry_in_the_security_log(bench):
    reply = ask(bench, "tamper")
    assert [message["code"] for message in reply["messages"]] == ["8F3F"]
    assert [entry["code"] for entry in ask(bench, "log", name="security")["entries"]] == ["8F3F"]


def test_a_reset_forgets_the_load_and_moves_the_relays_back(bench):
    ask(bench, "load", watts=3000)
    ask(bench, "links", wan=False)
    ask(bench, "clock", advance=7200)
    ask(bench, "reset")
    state = ask(bench, "state")
    assert state["registers"]["import_wh"] == 0
    assert state["load"]["watts"] == [0]
    assert state["links"] == {"wan": True, "han": True, "waiting": 0}


def test_what_was_measured_is_kept_when_the_bench_is_closed(keys, tmp_path):
    options = Options(keys=keys, store=tmp_path / "a.store", start=START)
    with Bench(options) as bench:
        ask(bench, "load", watts=3000)
        ask(bench, "clock", advance=600)
    with Bench(options) as bench:
        state = ask(bench, "state")
        assert state["registers"]["import_wh"] == 500
        assert state["supply"]["state"] == "enabled"


def test_a_clock_put_forward_is_no_time_in_which_power_flowed(bench):
    ask(bench, "load", watts=3000)
    ask(bench, "clock", advance=1800)
    ask(bench, "clock", set="2025-06-01T12:30:00Z")
    assert ask(bench, "state")["registers"]["import_wh"] == 1500
    ask(bench, "clock", advance=1200)
    assert ask(bench, "state")["registers"]["import_wh"] == 2500
    ask(bench, "clock", set="2024-06-01T12:00:00Z")
    ask(bench, "clock", advance=1200)
    assert ask(bench, "state")["registers"]["import_wh"] == 3500


@pytest.mark.parametrize(
    ("days", "charged"), [(1, 1), (365, 0)], ids=["put right by a day", "put forward by a year"]
)
def test_a_clock_put_right_owes_the_standing_charge_and_one_put_forward_does_not(bench, days, charged):
    ask(bench, "deliver", hex=command(bench, "ECS01a", 1000, standing_charge=25000))
    before = ask(bench, "state")["balances"]["meter"]
    ask(bench, "clock", set=format_time(parse_time(START) // 1000 + days * 86400))
    ask(bench, "clock", advance=3600)
    assert before - ask(bench, "state")["balances"]["meter"] == charged * 25000


def test_an_instruction_that_the_clock_jumps_over_is_carried_out_late(bench):
    ask(bench, "deliver", hex=command(bench, "ECS02", 1000, when="2024-06-02T00:00:00Z"))
    reply = ask(bench, "clock", set="2024-06-02T06:00:00Z")
    assert [message["code"] for message in reply["messages"]] == ["8F66"]


def test_a_meter_on_dead_mains_is_dark_and_wakes_with_them(bench):
    ask(bench, "load", watts=3000)
    ask(bench, "deliver", hex=command(bench, "ECS02", 1000, when="2024-06-01T15:00:00Z"))
    ask(bench, "clock", advance=3600)
    ask(bench, "load", watts=3000, volts=[0])
    # Its own supply rides through half a second.
    assert "failed" not in ask(bench, "deliver", hex=command(bench, "ECS17c", 1001))
    assert "messages" not in ask(bench, "clock", advance=3 * 3600)
    assert refusal(bench, "deliver", hex=command(bench, "ECS17c", 1002)) == "no-power"
    assert refusal(bench, "screen") == refusal(bench, "enter", digits="1") == "no-power"
    assert ask(bench, "log", name="power")["entries"] == []
    reply = ask(bench, "load", watts=3000)
    assert [message["code"] for message in reply["messages"]] == ["8F36", "8F66"]
    assert [entry["code"] for entry in ask(bench, "log", name="power")["entries"]] == ["8F57", "8F36"]
    assert ask(bench, "state")["registers"]["import_wh"] == 3000
    ask(bench, "clock", advance=1200)
    assert ask(bench, "state")["registers"]["import_wh"] == 4000
    assert "failed" not in ask(bench, "deliver", hex=command(bench, "ECS17c", 1002))


def test_a_dip_that_the_meter_rides_through_interrupts_nothing(bench):
    ask(bench, "load", watts=3600, volts=[0])
    ask(bench, "load", watts=3600, volts=[230])
    ask(bench, "clock", advance=10)
    assert ask(bench, "state")["registers"]["import_wh"] == 10
    assert ask(bench, "log", name="power")["entries"] == []


def test_tampering_says_with_what_and_whether_it_is_over(bench):
    assert ask(bench, "tamper", what="magnet")["messages"][0]["code"] == "8F75"
    assert ask(bench, "tamper", what="magnet", ended=True)["messages"][0]["code"] == "81BC"
    assert refusal(bench, "tamper", what="hammer") == "bad-field"
    assert refusal(bench, "tamper", what="hub") == "bad-field"
    assert refusal(bench, "tamper", what="general", ended=True) == "bad-field"


def test_what_the_self_test_finds_is_told_of(bench):
    reply = ask(bench, "self-test", finds="watchdog")
    assert [message["code"] for message in reply["messages"]] == ["81B3", "81A0"]
    assert refusal(bench, "self-test", finds="nothing") == "bad-field"
    assert refusal(bench, "self-test") == "missing-field"


def test_without_its_hub_a_meter_hears_and_sends_nothing(bench):
    assert ask(bench, "hub") == {"id": 1, "ok": True, "attached": True}
    assert "messages" not in ask(bench, "hub", attached=False)
    assert ask(bench, "links")["waiting"] == 1
    assert refusal(bench, "deliver", hex="00") == "link-down"
    assert refusal(bench, "hub", time=START) == "link-down"
    assert refusal(bench, "hub", joined=True) == "link-down"
    assert "messages" not in ask(bench, "hub", attached=False)
    reply = ask(bench, "hub", attached=True)
    assert [message["code"] for message in reply["messages"]] == ["81A3", "81A2"]
    codes = [message["code"] for message in ask(bench, "hub", joined=True)["messages"]]
    assert codes == ["8183", "8F69"]


def test_the_hubs_time_moves_the_clock_when_it_is_near(bench):
    reply = ask(bench, "hub", time="2024-06-01T12:00:10Z")
    assert reply["followed"] is True
    assert ask(bench, "clock")["now"] == "2024-06-01T12:00:10Z"
    assert ask(bench, "hub", time="2024-06-01T12:00:05Z")["followed"] is True
    assert ask(bench, "clock")["now"] == "2024-06-01T12:00:05Z"
    reply = ask(bench, "hub", time="2024-06-01T12:01:00Z")
    assert reply["followed"] is False and reply["messages"][0]["code"] == "8F0C"
    assert ask(bench, "clock")["now"] == "2024-06-01T12:00:05Z"
    assert refusal(bench, "hub", time="noon") == "bad-time"


def test_a_firmware_file_is_verified_and_held_or_not(bench):
    file, digest = firmware_file.make(HostCrypto(), b"\0\0\0\7", bench.cast.named("supplier").ds_private)
    reply = ask(bench, "firmware", file=file.hex())
    assert reply["verified"] is True and reply["messages"][0]["code"] == "8F72"
    assert reply["image"] == {"hash": digest.hex().upper(), "version": "00000007"}
    reply = ask(bench, "firmware", file=file[:-1].hex())
    assert reply["verified"] is False and reply["messages"][0]["code"] == "8F1C"
    assert reply["image"]["version"] == "00000007"


def test_the_power_log_and_the_auxiliary_log_tell_all_that_they_hold(bench):
    ask(bench, "power", on=False)
    ask(bench, "clock", advance=60)
    ask(bench, "power", on=True)
    entries = ask(bench, "log", name="power")["entries"]
    assert [(entry["code"], entry["data"]) for entry in entries] == [("8F57", "00000000"), ("8F35", "0000003C")]
    ask(bench, "set", **{"class": 1, "obis": "0-0:94.44.0.21", "attribute": 2}, axdr="0908" + "00" * 8)
    ask(bench, "deliver", hex=command(bench, "ECS47a", 5000))
    entries = ask(bench, "log", name="auxiliary")["entries"]
    assert [(entry["code"], entry["data"]) for entry in entries] == [("1164", "0100000000")]
