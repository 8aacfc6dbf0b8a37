"""A bench with a home area network between its comms hub and its meter: the same octets, only through the air."""

import shutil
import subprocess

import dataset
import pytest

from slotmeter.boards.pc.bench import Bench, Options
from slotmeter.boards.pc.errors import SlotmeterError
from slotmeter.boards.pc.request_builder import Order, find
from slotmeter.boards.pc.requester import Requester
from slotmeter.boards.pc.rtds_replay import Replay
from slotmeter.boards.pc.rtds_results import FAILED, MATCHED

START = "2025-01-06T10:00:00Z"
ALL_COMMANDS = ("ECS17b", "ECS10", "ECS22b", "CS02a", "ECS01a", "ECS26a")


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("han") / "keys"
    Bench(Options(keys=folder, temporary=True, han=True)).close()
    return folder


def start(keys, **given):
    options = {"keys": keys, "temporary": True, "start": START, "seed": 3, **given}
    bench = Bench(Options(**options))
    # A meter that has joined for the first time says so, in alerts that nobody here waits for.
    bench.request({"op": "hello"})
    return bench


def ask(bench, op, **fields):
    reply = bench.request({"op": op, **fields})
    assert reply["ok"], reply
    return reply


def commands(bench, names):
    requester = Requester(cast=bench.cast)
    order = Order(now_s=bench.clock.now_ms() // 1000)
    return [requester.build(find(name), order, {}, 5000 + place).hex() for place, name in enumerate(names)]


def messages(reply):
    return [(message["kind"], message["hex"]) for message in reply["messages"]]


def test_the_meter_is_in_the_network_with_a_tunnel_within_three_seconds(keys):
    with start(keys, han=True) as bench:
        assert bench.han.took_ms <= 3000
        assert len(bench.han.link_key) == 16
        assert not bench.han.lost


def test_commands_are_answered_through_the_tunnel_as_they_are_without_one(keys):
    with start(keys, han=True) as bench, start(keys) as direct:
        for command in commands(bench, ALL_COMMANDS):
            through, beside = ask(bench, "deliver", hex=command), ask(direct, "deliver", hex=command)
            assert messages(through) == messages(beside)
            assert through["use_case"] == beside["use_case"]
        assert not bench.han.lost


def test_what_is_larger_than_a_tunnel_takes_goes_in_blocks(keys):
    with start(keys, han=True) as bench:
        ask(bench, "load", watts=1000)
        ask(bench, "clock", advance=20 * 86400)
        (command,) = commands(bench, ("ECS22b",))
        ((kind, answer),) = messages(ask(bench, "deliver", hex=command))
        assert kind == "response" and len(answer) // 2 > 5000
        assert not bench.han.lost


def test_alerts_come_through_the_tunnel_unasked(keys):
    with start(keys, han=True) as bench:
        reply = ask(bench, "tamper")
        assert [message["kind"] for message in reply["messages"]] == ["alert"]


def test_a_refused_message_stays_without_an_answer(keys):
    with start(keys, han=True) as bench:
        (command,) = commands(bench, ("ECS17b",))
        spoilt = command[:-2] + ("00" if command[-2:] != "00" else "01")
        reply = ask(bench, "deliver", hex=spoilt)
        assert reply["refused"]["reason"] == "not-authentic"
        assert all(message["kind"] == "alert" for message in reply["messages"])


def test_the_hub_reads_what_the_meter_has_measured_and_what_it_costs(keys):
    with start(keys, han=True) as bench:
        requester = Requester(cast=bench.cast)
        order = Order(now_s=bench.clock.now_ms() // 1000)
        for place, (name, fields) in enumerate(
            (("ECS01a", {"prices": [25000, 25000]}), ("ECS04a", {"amount": 500000}), ("ECS03", {}))
        ):
            ask(bench, "deliver", hex=requester.build(find(name), order, fields, 7000 + place).hex())
        ask(bench, "load", watts=3000)
        ask(bench, "clock", advance=1200)
        metering = bench.han.read(0x0702, [0x0000, 0x0400, 0x0014])
        assert metering[0x0000] == 1000 and metering[0x0400] == 3000
        assert bench.han.read(0x000A, [0]) == {0: bench.clock.now_ms() // 1000}
        assert bench.han.read(0x0705, [0x0001])[0x0001] == 500000 - 25000
        assert bench.han.read(0x0702, [0x0FFF]) == {}


def test_a_meter_that_lost_its_power_answers_the_network_again_with_it(keys):
    with start(keys, han=True) as bench:
        ask(bench, "power", on=False)
        ask(bench, "clock", advance=600)
        ask(bench, "power", on=True)
        (command,) = commands(bench, ("ECS17b",))
        assert [kind for kind, _ in messages(ask(bench, "deliver", hex=command))] == ["response"]
        assert bench.han.read(0x000A, [0]) == {0: bench.clock.now_ms() // 1000}


def test_a_capture_needs_an_air_and_a_place(keys, tmp_path):
    with pytest.raises(SlotmeterError, match="--direct"):
        start(keys, capture=tmp_path / "air.pcap")
    with pytest.raises(SlotmeterError, match="nowhere"):
        start(keys, han=True, capture=tmp_path / "nowhere" / "air.pcap")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark (Debian package tshark) reads captures")
def test_wireshark_follows_a_capture_from_the_join_to_the_use_case(keys, tmp_path):
    path = tmp_path / "air.pcap"
    with start(keys, han=True, capture=path) as bench:
        for command in commands(bench, ("ECS17b", "ECS10")):
            ask(bench, "deliver", hex=command)
        known = [bench.han.join_key, bench.han.link_key]
    options = []
    for key in known:
        options += ["-o", 'uat:zigbee_pc_keys:"%s","Normal","key"' % ":".join("%02x" % octet for octet in key)]
    done = subprocess.run(
        ["tshark", "-r", str(path), "-V", *options], capture_output=True, text=True, check=True, timeout=120
    )
    for words in (
        "Association Response",
        "Transport Key",
        "Initiate Key Establishment Request",
        "Confirm Key Data Response",
        "Request Tunnel",
        "ECS17b",
        "ECS10",
    ):
        assert words in done.stdout, words
    wrong = ["tshark", "-r", str(path), *options, "-Y", "wpan.fcs_ok == 0 or _ws.malformed"]
    assert not subprocess.run(wrong, capture_output=True, text=True, check=True, timeout=120).stdout


@pytest.mark.slow
@pytest.mark.skipif(dataset.find() is None, reason=dataset.HOW_TO_GET_IT)
def test_the_data_set_is_answered_through_hub_and_tunnel_as_published():
    with Replay(dataset.find().folder, han=True) as replay:
        results = [result for exchange in replay.exchanges() for result in replay.run(exchange)]
    failed = [result.name for result in results if result.outcome == FAILED]
    assert not failed
    assert sum(result.outcome == MATCHED for result in results) > 100
