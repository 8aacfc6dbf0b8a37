"""The protocol as lines: over the streams of `slotmeter pipe`, and over TCP on the loopback interface."""

import io
import json
import socket
import subprocess
import sys
import threading

import pytest

from slotmeter.boards.pc.bench import Bench, Options
from slotmeter.boards.pc.lines import LINE_LIMIT, Client, ClientError, listen, serve, serve_streams

THRESHOLD = {"class": 9000, "obis": "0-0:94.44.128.9", "attribute": 2}


@pytest.fixture(scope="session")
def pipe_keys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pipe") / "keys"
    Bench(Options(keys=folder, temporary=True)).close()
    return folder


@pytest.fixture
def bench(pipe_keys):
    with Bench(Options(keys=pipe_keys, temporary=True, start="2024-06-01T12:00:00Z")) as bench:
        yield bench


def talk(bench, text):
    """The replies to lines of text."""
    sink = io.BytesIO()
    serve_streams(bench, io.BytesIO(text), sink)
    assert sink.getvalue().endswith(b"\n") or not sink.getvalue()
    return [json.loads(line) for line in sink.getvalue().splitlines()]


def run_pipe(*options, lines):
    return subprocess.run(
        [sys.executable, "-m", "slotmeter.boards.pc", "pipe", *options],
        input=lines,
        capture_output=True,
        timeout=60,
        check=False,
    )


def test_each_line_gets_its_reply_in_order(bench):
    replies = talk(bench, b'{"id": 1, "op": "hello"}\n\n{"id": 2, "op": "clock"}\n')
    assert [reply["id"] for reply in replies] == [1, 2]


def test_what_is_no_request_gets_an_error_and_the_stream_goes_on(bench):
    lines = (b"{", b"[]", b"7", b"\xff", b'{"op": NaN}', b"[" * 100_000, b'{"id": 1' + b"0" * 5000 + b"}", b"\x00")
    for line in lines:
        first, last = talk(bench, line + b'\n{"id": 2, "op": "clock"}\n')
        assert not first["ok"]
        assert first["error"]["code"] in ("bad-json", "not-an-object", "missing-field")
        assert last["ok"]


def test_a_line_beyond_the_limit_is_skipped(bench):
    first, last = talk(bench, b'{"id": 1, "op": "' + b"x" * (2 * LINE_LIMIT) + b'"}\n{"id": 2, "op": "clock"}\n')
    assert first["error"]["code"] == "line-too-long"
    assert last["id"] == 2


def test_a_last_line_without_its_end_is_answered(bench):
    (reply,) = talk(bench, b'{"id": 1, "op": "hello"}')
    assert reply["ok"]


def test_nothing_is_answered_after_quit(bench):
    (reply,) = talk(bench, b'{"id": 1, "op": "quit"}\n{"id": 2, "op": "hello"}\n')
    assert reply == {"id": 1, "ok": True}


def test_pipe_writes_replies_and_nothing_else_to_stdout(tmp_path):
    done = run_pipe("--temporary", "--keys", str(tmp_path / "keys"), lines=b'{"id": 1, "op": "hello"}\nnonsense\n')
    assert done.returncode == 0
    replies = [json.loads(line) for line in done.stdout.splitlines()]
    assert [reply["ok"] for reply in replies] == [True, False]
    assert b"keys" in done.stderr


def test_pipe_keeps_the_state_at_the_end_of_its_input(pipe_keys, tmp_path):
    options = ("--keys", str(pipe_keys), "--store", str(tmp_path / "meter.store"))
    change = json.dumps({"id": 1, "op": "set", "axdr": "0500000123", **THRESHOLD}).encode()
    show = json.dumps({"id": 2, "op": "get", **THRESHOLD}).encode()
    assert run_pipe(*options, lines=change).returncode == 0
    done = run_pipe(*options, lines=show)
    assert json.loads(done.stdout)["axdr"] == "0500000123"


def test_pipe_says_in_one_line_what_is_wrong_with_its_options(pipe_keys, tmp_path):
    letter = tmp_path / "letter.txt"
    letter.write_text("Dear meter, " * 100)
    done = run_pipe("--keys", str(pipe_keys), "--store", str(letter), lines=b"")
    assert done.returncode != 0
    assert done.stdout == b""
    assert b"letter.txt" in done.stderr
    assert b"Traceback" not in done.stderr
    assert run_pipe("--temporary", "--store", str(letter), lines=b"").returncode == 2


@pytest.fixture
def port(bench):
    """A server on the loopback interface for the time of one test."""
    listener = listen()
    number = listener.getsockname()[1]
    stopped = threading.Event()
    server = threading.Thread(target=serve, args=(bench, listener, stopped.is_set))
    server.start()
    yield number
    stopped.set()
    server.join(10)
    assert not server.is_alive()


def test_clients_over_tcp_share_one_meter(port):
    with Client(port) as one, Client(port) as other:
        assert one.request("set", axdr="0500000123", class_=9000, obis=THRESHOLD["obis"], attribute=2)["ok"]
        assert other.request("get", class_=9000, obis=THRESHOLD["obis"], attribute=2)["axdr"] == "0500000123"
        assert other.request("hello")["devices"]


def test_lines_may_arrive_in_pieces_and_many_at_once(port):
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        for octet in b'{"id": 1, "op": "clock"}':
            connection.sendall(bytes((octet,)))
        connection.sendall(b'\n{"id": 2, "op": "clock"}\nnonsense\n{"id": 3, "op": "clock"}\n')
        lines = connection.makefile("rb")
        assert [json.loads(lines.readline())["id"] for _ in range(4)] == [1, 2, None, 3]


def test_a_client_that_goes_away_in_the_middle_harms_nobody(port):
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        connection.sendall(b'{"id": 1, "op": "he')
    with Client(port) as client:
        assert client.request("hello")["ok"]


def test_a_client_that_does_not_read_does_not_stop_the_others(port):
    with socket.create_connection(("127.0.0.1", port), 10) as deaf:
        deaf.setblocking(False)
        try:
            for _ in range(2000):
                deaf.sendall(b'{"id": 1, "op": "state"}\n' * 50)
        except BlockingIOError:
            pass
        with Client(port) as client:
            assert client.request("hello")["ok"]


def test_a_line_beyond_the_limit_is_skipped_over_tcp(port):
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        connection.sendall(b"x" * (LINE_LIMIT + 100_000) + b'\n{"id": 2, "op": "clock"}\n')
        lines = connection.makefile("rb")
        assert json.loads(lines.readline())["error"]["code"] == "line-too-long"
        assert json.loads(lines.readline())["id"] == 2


def test_quit_over_tcp_ends_the_server(bench):
    listener = listen()
    number = listener.getsockname()[1]
    server = threading.Thread(target=serve, args=(bench, listener))
    server.start()
    with Client(number) as client:
        assert client.request("quit")["ok"]
    server.join(10)
    assert not server.is_alive()
    with pytest.raises(ClientError, match="slotmeter run"):
        Client(number)


def test_the_server_listens_on_the_loopback_interface_only():
    listener = listen()
    assert listener.getsockname()[0] == "127.0.0.1"
    listener.close()
