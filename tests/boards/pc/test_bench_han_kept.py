"""What a bench's network remembers: started again, hub and meter go on where they were, and no message is lost."""

import time

import pytest

from slotmeter.boards.pc import bench as bench_module
from slotmeter.boards.pc.bench import Bench, Options
from slotmeter.boards.pc.bench_han import LIVED_AT_ONCE_MS
from slotmeter.boards.pc.errors import SlotmeterError
from slotmeter.boards.pc.request_builder import Order, find
from slotmeter.boards.pc.requester import Requester
from slotmeter.hal.virtual.store import PowerCut, VirtualStore
from slotmeter.zigbee_han.frames import mac

START = "2025-01-06T10:00:00Z"
HOUR = 3600


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A keystore, and the store of a bench that has joined and said so."""
    folder = tmp_path_factory.mktemp("kept") / "keys"
    store = VirtualStore()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bench_module, "VirtualStore", lambda: store)
        with start(folder) as bench:
            ask(bench, "hello")
    return folder, store


@pytest.fixture
def keys(made, monkeypatch):
    """The keystore. What is temporary goes on from there: a first join takes its time."""
    folder, store = made
    monkeypatch.setattr(bench_module, "VirtualStore", store.reopened)
    return folder


def start(keys, **given):
    options = {"keys": keys, "temporary": "store" not in given, "start": START, "seed": 3, "han": True, **given}
    return Bench(Options(**options))


def ask(bench, op, **fields):
    reply = bench.request({"op": op, **fields})
    assert reply["ok"], reply
    return reply


def command(bench, counter, name="ECS17b"):
    requester = Requester(cast=bench.cast)
    return requester.build(find(name), Order(now_s=bench.clock.now_ms() // 1000), {}, counter).hex()


def counters(reply, kind="response"):
    """The originator counters of the messages of a kind."""
    found = []
    for message in reply.get("messages", ()):
        if message["kind"] == kind:
            octets = bytes.fromhex(message["hex"])
            place = octets.index(b"\xdf\x09") + 3
            found.append(int.from_bytes(octets[place : place + 8], "big"))
    return found


def codes(reply):
    return [message["code"] for message in reply.get("messages", ()) if message["kind"] == "alert"]


def frames(path):
    """The frames of a capture."""
    octets = path.read_bytes()[24:]
    found = []
    while octets:
        size = int.from_bytes(octets[8:12], "little")
        found.append(octets[16 : 16 + size])
        octets = octets[16 + size :]
    return found


def is_join(frame):
    """Whether it is a MAC command: beacon request, association."""
    return mac.parse(frame).kind == mac.COMMAND


def test_started_again_they_go_on_in_their_network_without_a_new_join(keys, tmp_path):
    first, second = tmp_path / "first.pcap", tmp_path / "second.pcap"
    with start(keys, store=tmp_path / "a.store", capture=first) as bench:
        assert codes(ask(bench, "hello")) == ["8183", "8F69"]
        code, network_key, link_key = bench.han.code, bench.han.network_key, bench.han.link_key
        assert not bench.han.resumed
    with start(keys, store=tmp_path / "a.store", capture=second) as bench:
        assert (bench.han.code, bench.han.network_key, bench.han.link_key) == (code, network_key, link_key)
        assert bench.han.resumed and bench.han.took_ms < 1000
        assert counters(ask(bench, "deliver", hex=command(bench, 6000))) == [6000]
        assert not bench.han.lost
    assert any(is_join(frame) for frame in frames(first))
    assert not any(is_join(frame) for frame in frames(second))


def test_a_store_made_without_a_network_gets_one(keys, tmp_path):
    start(keys, store=tmp_path / "a.store", han=False).close()
    with start(keys, store=tmp_path / "a.store") as bench:
        assert not bench.han.resumed
        assert counters(ask(bench, "deliver", hex=command(bench, 6000))) == [6000]


def test_a_damaged_memory_of_the_network_is_named(keys, monkeypatch):
    store = VirtualStore()
    monkeypatch.setattr(bench_module, "VirtualStore", lambda: store)
    start(keys).close()
    store = store.reopened()
    store.commit([("hub.station", b"\x48\x07")])
    with pytest.raises(SlotmeterError, match="home area network is damaged"):
        start(keys)


def test_a_radio_that_forgot_its_network_joins_again(keys, monkeypatch):
    store = VirtualStore()
    monkeypatch.setattr(bench_module, "VirtualStore", lambda: store)
    with start(keys) as bench:
        ask(bench, "hello")
    store = store.reopened()
    store.commit([("han.radio", None)])
    with start(keys) as bench:
        assert not bench.han.resumed
        assert codes(ask(bench, "hello")) == ["8183"]
        assert counters(ask(bench, "deliver", hex=command(bench, 6000))) == [6000]


def test_a_reset_leaves_the_network_as_it_is(keys, monkeypatch):
    store = VirtualStore()
    monkeypatch.setattr(bench_module, "VirtualStore", lambda: store)
    with start(keys) as bench:
        code = bench.han.code
        ask(bench, "reset")
        assert counters(ask(bench, "deliver", hex=command(bench, 6000))) == [6000]
    store = store.reopened()
    with start(keys) as bench:
        assert bench.han.resumed and bench.han.code == code


@pytest.mark.slow
@pytest.mark.parametrize("joined", [False, True])
def test_a_power_cut_at_any_write_loses_no_message_and_no_network(keys, monkeypatch, joined):
    """From the first join, and from a restart in the network: cut at each write, both go on, and nothing is lost."""
    store = VirtualStore()
    monkeypatch.setattr(bench_module, "VirtualStore", lambda: store)
    start(keys, han=joined).close()
    kept = store
    cuts = 0
    while True:
        # A first join takes its time: not every cut of one.
        cuts += 1 if joined else 4
        store = kept.reopened(fail_after=cuts)
        answered = []
        try:
            with start(keys) as bench:
                ask(bench, "hello")
                answered = counters(ask(bench, "deliver", hex=command(bench, 6000)))
        except PowerCut:
            pass
        else:
            break
        store = store.reopened()
        with start(keys) as bench:
            assert bench.han.resumed or not joined
            # Whoever sent the command has the answer now, or gets one when he sends it again. What was delivered right
            # before the cut may come once more.
            answered += counters(ask(bench, "hello"))
            if 6000 not in answered:
                answered += counters(ask(bench, "deliver", hex=command(bench, 6000)))
            assert answered in ([6000], [6000, 6000])
            assert counters(ask(bench, "deliver", hex=command(bench, 6001))) == [6001]
    assert cuts > 5


def test_while_the_hub_cannot_be_heard_messages_wait_in_the_meter_also_through_a_power_cut(keys):
    with start(keys) as bench:
        ask(bench, "hello")
        assert ask(bench, "links", han=False)["waiting"] == 0
        ask(bench, "tamper")
        assert bench.request({"op": "deliver", "hex": command(bench, 6000)})["error"]["code"] == "link-down"
        ask(bench, "power", on=False)
        ask(bench, "power", on=True)
        ask(bench, "tamper", what="magnet")
        assert ask(bench, "links")["waiting"] >= 2
        reply = ask(bench, "links", han=True)
        assert reply["waiting"] == 0
        found = codes(reply)
        assert found.index("8F3F") < found.index("8F75")
        assert counters(ask(bench, "deliver", hex=command(bench, 6001))) == [6001]


def test_while_the_wide_area_is_down_messages_wait_at_the_hub(keys):
    with start(keys) as bench:
        ask(bench, "hello")
        ask(bench, "links", wan=False)
        assert "messages" not in ask(bench, "tamper")
        assert ask(bench, "links")["waiting"] == 1
        assert codes(ask(bench, "links", wan=True)) == ["8F3F"]


def test_a_hub_that_is_away_for_an_hour_is_missed_and_found_again(keys):
    with start(keys) as bench:
        ask(bench, "hello")
        told = []
        bench.observers.append(lambda kind, what: told.append(what["text"]) if kind == "network" else None)
        ask(bench, "load", watts=1000)
        before = ask(bench, "state")["registers"]["import_wh"]
        ask(bench, "links", han=False)
        ask(bench, "clock", advance=HOUR)
        assert "the hub does not answer any more: looking for it" in told
        assert ask(bench, "state")["registers"]["import_wh"] - before == 1000
        ask(bench, "links", han=True)
        ask(bench, "clock", advance=HOUR)
        assert "the hub answers again" in told
        assert counters(ask(bench, "deliver", hex=command(bench, 6000))) == [6000]


def test_the_network_lives_through_the_time_that_passes_and_says_how_much_it_leaves_out(keys):
    with start(keys) as bench:
        asked = bench.han._han.air.sent
        ask(bench, "clock", advance=LIVED_AT_ONCE_MS // 1000)
        # Keep-Alive asks every ten to fifteen minutes.
        assert bench.han._han.air.sent - asked > 20
        assert ask(bench, "links")["left_out"] == 0
        ask(bench, "clock", advance=2 * LIVED_AT_ONCE_MS // 1000)
        assert ask(bench, "links")["left_out"] == LIVED_AT_ONCE_MS // 1000


def test_a_clock_that_the_network_does_not_keep_up_with_is_told_of(keys):
    with start(keys, rate=1000000) as bench:
        told = []
        bench.observers.append(lambda kind, what: told.append(what["text"]) if kind == "network" else None)
        time.sleep(0.05)
        bench.poll()
        assert any("does not keep up with 1000000 seconds in a second" in text for text in told)


def test_with_a_running_clock_the_network_wakes_the_bench(keys):
    with start(keys, rate=1000) as bench:
        assert 0 < bench.wait_s() < 1
        with start(keys) as other:
            assert other.wait_s() == HOUR
