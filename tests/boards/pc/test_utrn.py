"""Tokens as `slotmeter utrn` makes them, and what a meter makes of them."""

import pytest
from click.testing import CliRunner

from slotmeter.boards.pc.__main__ import cli
from slotmeter.boards.pc.bench import Bench, Options
from slotmeter.boards.pc.bench_clock import parse_time
from slotmeter.boards.pc.request_builder import Order, find
from slotmeter.boards.pc.requester import Requester, VolatileCounters
from slotmeter.prepayment import utrn

START = "2025-01-01T00:00:00Z"


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("utrn") / "keys"
    Bench(Options(keys=folder, temporary=True)).close()
    return folder


@pytest.fixture
def bench(keys):
    with Bench(Options(keys=keys, temporary=True, start=START)) as bench:
        yield bench


def run(keys, *arguments):
    return CliRunner().invoke(cli, ["utrn", "--keys", str(keys), *arguments])


def test_the_digits_are_grouped_and_explained(keys):
    done = run(keys, "--amount", "10.00", "--counter", str(5 << 32))
    assert done.exit_code == 0, done.output
    first = done.output.splitlines()[0]
    assert [len(group) for group in first.split()] == [4] * 5
    token, _ = utrn.parse(first.replace(" ", ""))
    assert (token.millipence(), token.truncated) == (1000000, 5)
    assert "£10.00" in done.output
    assert "02534C4F54100001" in done.output


@pytest.mark.parametrize(
    ("text", "millipence"), [("10", 1000000), ("£1.20", 120000), ("50p", 50000), ("100", 10000000)]
)
def test_amounts_are_pounds_unless_they_say_otherwise(keys, text, millipence):
    digits = run(keys, "--amount", text, "--digits").output.strip()
    assert utrn.parse(digits)[0].millipence() == millipence


@pytest.mark.parametrize("text", ["0", "-5", "81.92", "9000", "ten", "0.001"])
def test_what_a_token_cannot_hold_is_told(keys, text):
    done = run(keys, "--amount", text)
    assert done.exit_code == 1
    assert "token" in done.output or "amount" in done.output
    assert "field" not in done.output


def test_each_token_has_a_counter_of_its_own(keys):
    tokens = {run(keys, "--amount", "5", "--digits").output for _ in range(3)}
    assert len(tokens) == 3


def test_the_meter_takes_a_token_of_its_supplier_and_no_other(bench):
    requester = Requester(cast=bench.cast, counters=VolatileCounters())
    counter = 1 << 32
    good = requester.token("£5", counter=counter)
    order = Order(now_s=parse_time(START) // 1000)
    assert "failed" not in bench.request(
        {"op": "deliver", "hex": requester.build(find("CS01a"), order, {"utrn": good}, counter).hex()}
    )
    counter += 1 << 32
    for bad in (
        requester.token("£5", "next-supplier", counter),
        requester.token("£5", counter=counter, meter=bytes.fromhex("02534C4F54100099")),
    ):
        reply = bench.request(
            {"op": "deliver", "hex": requester.build(find("CS01a"), order, {"utrn": bad}, counter).hex()}
        )
        assert reply["failed"] == 0


def test_a_change_of_supplier_makes_the_next_supplier_the_supplier(bench):
    requester = Requester(cast=bench.cast, counters=VolatileCounters())
    now_s = parse_time(START) // 1000
    change = requester.build(find("CS02b-supplierByTransCoS"), Order(now_s=now_s), {"party": "next-supplier"})
    assert "failed" not in bench.request({"op": "deliver", "hex": change.hex()})
    old = requester.build(find("ECS52"), Order(now_s=now_s), {})
    assert bench.request({"op": "deliver", "hex": old.hex()})["refused"]["reason"] == "unknown-originator"
    new = requester.build(find("ECS42"), Order(now_s=now_s, party="next-supplier"), {})
    assert bench.request({"op": "deliver", "hex": new.hex()})["use_case"] == "ECS42"
