"""A token on its way: made by `utrn`, typed by `topup` at a meter that listens, and what its screen says."""

import threading

import pytest
from click.testing import CliRunner

from slotmeter.boards.pc import lines
from slotmeter.boards.pc.__main__ import cli
from slotmeter.boards.pc.bench import Bench, Options
from slotmeter.boards.pc.request_builder import Order, find
from slotmeter.boards.pc.requester import Requester, VolatileCounters

START = "2025-01-01T12:00:00Z"


@pytest.fixture
def meter(tmp_path):
    """A meter in prepayment that listens: its bench and its port."""
    with Bench(Options(keys=tmp_path / "keys", temporary=True, start=START)) as bench:
        requester = Requester(cast=bench.cast, counters=VolatileCounters())
        for name in ("ECS08a", "ECS03"):
            command = requester.build(find(name), Order(now_s=bench.clock.now_ms() // 1000), {})
            assert "failed" not in bench.request({"op": "deliver", "hex": command.hex()})
        listener = lines.listen()
        port = listener.getsockname()[1]
        server = threading.Thread(target=lines.serve, args=(bench, listener))
        server.start()
        yield bench, str(port)
        with lines.Client(int(port)) as client:
            client.request("quit")
        server.join(10)


def run(*arguments):
    return CliRunner().invoke(cli, list(arguments))


def test_a_token_that_is_typed_is_credit_on_the_screen(meter):
    bench, port = meter
    made = run("utrn", "--amount", "5.00", "--keys", str(bench.cast.folder))
    groups = made.output.splitlines()[0].split()
    done = run("topup", "--port", port, *groups)
    assert done.exit_code == 0, done.output
    assert "£5.00" in done.output
    assert "supply: armed" in done.output
    again = run("topup", "--port", port, "-".join(groups))
    assert "Already used" in again.output


@pytest.mark.parametrize(("digits", "words"), [("7394 6144", "Not a top-up code"), ("1" * 20, "Wrong digit")])
def test_what_is_no_token_is_said_by_the_meter(meter, digits, words):
    done = run("topup", "--port", meter[1], digits)
    assert done.exit_code == 0
    assert words in done.output


def test_letters_cannot_be_typed(meter):
    done = run("topup", "--port", meter[1], "7394 614A")
    assert done.exit_code == 1
    assert "letters" in done.output


def test_without_a_meter_or_power_it_is_told(meter):
    assert run("topup", "--port", "1", "1234").exit_code == 1
    with lines.Client(int(meter[1])) as client:
        client.request("power", on=False)
    done = run("topup", "--port", meter[1], "1234")
    assert done.exit_code == 1
    assert "no power" in done.output


def test_the_supply_that_a_token_armed_is_turned_on_with_the_buttons(meter):
    bench, port = meter
    made = run("utrn", "--amount", "5.00", "--digits", "--keys", str(bench.cast.folder))
    assert run("topup", "--port", port, made.output.strip()).exit_code == 0
    asked = run("press", "--port", port, "--choose", "Turn supply on")
    assert "Turn supply on?" in asked.output
    done = run("press", "--port", port, "b")
    assert "Supply is on" in done.output
    assert "supply: on" in run("press", "--port", port).output


def test_a_row_or_a_key_that_the_meter_does_not_have_is_named(meter):
    done = run("press", "--port", meter[1], "--choose", "Make coffee")
    assert done.exit_code == 1
    assert "Make coffee" in done.output and "Traceback" not in done.output
    done = run("press", "--port", meter[1], "x")
    assert done.exit_code == 1
    assert "key is one of" in done.output
