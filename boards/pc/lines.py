"""The bench protocol as lines: JSON in, JSON out, over a pair of streams or over TCP on the loopback interface.

One request object per line, one reply per line, in order. Nothing that a peer sends ends the process: what is
not a request gets a reply with an error and the stream goes on. A line is at most LINE_LIMIT octets; the rest of a
longer one is skipped without being kept.
"""

import json
import selectors
import socket
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, Protocol

from slotmeter.boards.pc.errors import SlotmeterError

# A message of the largest size that GBCS foresees is 144,774 hex digits; a profile buffer of 13 months fits as well.
LINE_LIMIT = 4 * 1024 * 1024
LOOPBACK = "127.0.0.1"
# How long the TCP server sleeps at most, so that what falls due on a running clock is not late by more.
_POLL_S = 0.5
_CHUNK = 65536


class Served(Protocol):
    """What is driven by lines: a bench with a meter, or a hub."""

    finished: bool

    def request(self, request: "dict[str, Any]") -> "dict[str, Any]":
        """The reply to one request."""

    def poll(self) -> None:
        """Carries out what fell due."""

    def wait_s(self) -> float:
        """Seconds until something falls due."""

    def filenos(self) -> "tuple[int, ...]":
        """What can be read when `poll` may have something to do."""


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def decode_line(line: bytes) -> "tuple[dict[str, Any] | None, str, str]":
    """The request in `line`, or None with an error code and a sentence."""
    try:
        request = json.loads(line.decode(), parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        return None, "bad-json", f"the line is not UTF-8 at octet {error.start}"
    except RecursionError:
        return None, "bad-json", "the line is nested too deeply"
    except ValueError as error:
        return None, "bad-json", f"the line is not JSON: {error}"
    if not isinstance(request, dict):
        return None, "not-an-object", "a request is a JSON object"
    return request, "", ""


def encode_line(reply: "dict[str, Any]") -> bytes:
    """`reply` as one line with its line feed."""
    return json.dumps(reply, separators=(", ", ": ")).encode() + b"\n"


def error_reply(code: str, text: str) -> "dict[str, Any]":
    """A reply to a line that holds no request, so that there is no `id` to echo."""
    return {"id": None, "ok": False, "error": {"code": code, "text": text}}


def _too_long() -> "dict[str, Any]":
    return error_reply("line-too-long", f"a line is at most {LINE_LIMIT} octets")


def answer(bench: Served, line: bytes) -> bytes:
    """The reply line to one request line; b"" for a line that is empty."""
    if not line.strip():
        return b""
    if len(line) > LINE_LIMIT:
        return encode_line(_too_long())
    request, code, text = decode_line(line)
    if request is None:
        return encode_line(error_reply(code, text))
    return encode_line(bench.request(request))


def serve_streams(bench: Served, source: BinaryIO, sink: BinaryIO) -> None:
    """Answers the lines of `source` on `sink`, each flushed, until the end of input or `quit`."""
    skipping = False
    while not bench.finished:
        line = source.readline(LINE_LIMIT + 1)
        if not line:
            return
        whole = line.endswith(b"\n")
        if skipping:
            skipping = not whole
            continue
        # A last line without its line feed is shorter than the limit: it is a request like the others.
        skipping = not whole and len(line) > LINE_LIMIT
        reply = answer(bench, line)
        if reply:
            sink.write(reply)
            sink.flush()


class _Peer:
    """One connection of the server: what it sent so far, and what it has not taken yet."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.inbound = bytearray()
        self.outbound = bytearray()
        self.skipping = False
        self.ended = False

    def take(self, data: bytes) -> "Iterator[bytes]":
        """The whole lines that `data` completes; a line beyond the limit comes cut, and once."""
        self.inbound += data
        while True:
            end = self.inbound.find(b"\n")
            if end < 0:
                if self.skipping:
                    self.inbound.clear()
                elif len(self.inbound) > LINE_LIMIT:
                    line = bytes(self.inbound)
                    self.inbound.clear()
                    self.skipping = True
                    yield line
                return
            line = bytes(self.inbound[: end + 1])
            del self.inbound[: end + 1]
            if self.skipping:
                self.skipping = False
            else:
                yield line


def _nothing() -> None:
    pass


def listen(port: int = 0) -> socket.socket:
    """A listening socket on the loopback interface; port 0 lets the system choose. OSError when it is taken."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((LOOPBACK, port))
        listener.listen(16)
    except OSError:
        listener.close()
        raise
    return listener


def listen_or_next(port: "int | None", usual: int) -> socket.socket:
    """A listening socket on the port asked for, else on the usual one or the next free; SlotmeterError when the one
    asked for is taken.
    """
    if port is None:
        try:
            return listen(usual)
        except OSError:
            return listen(0)
    try:
        return listen(port)
    except OSError as error:
        raise SlotmeterError(f"cannot listen on port {port} ({error.strerror}): choose another with --port") from error


def serve(
    bench: Served,
    listener: socket.socket,
    stop: "Callable[[], bool] | None" = None,
    keyboard: "tuple[int, Callable[[], None]] | None" = None,
) -> None:
    """Answers every client of `listener` until a client sends `quit` or `stop()` is true. Closes the listener.

    keyboard: a file descriptor, and what to call when there is something to read from it.

    Requests of several clients are carried out one after the other. Between requests a running clock is
    followed: what falls due is carried out, and the next reply carries what was sent. `bench.filenos` can be read when
    its radio has something, and may be others after each `poll`.
    """
    selector = selectors.DefaultSelector()
    radios: set[int] = set()
    listener.setblocking(False)
    selector.register(listener, selectors.EVENT_READ, None)
    if keyboard is not None:
        selector.register(keyboard[0], selectors.EVENT_READ, keyboard[1])
    peers: set[_Peer] = set()

    def close(peer: _Peer) -> None:
        peers.discard(peer)
        selector.unregister(peer.connection)
        peer.connection.close()

    def watch(wanted: "set[int]") -> None:
        for fileno in radios - wanted:
            selector.unregister(fileno)
        for fileno in wanted - radios:
            # Whatever it is: `poll` looks.
            selector.register(fileno, selectors.EVENT_READ, _nothing)
        radios.clear()
        radios.update(wanted)

    def flush(peer: _Peer) -> None:
        """Sends what the peer takes, and asks to be told when it takes more; reading stops until it has taken all."""
        try:
            while peer.outbound:
                del peer.outbound[: peer.connection.send(peer.outbound[:_CHUNK])]
        except (BlockingIOError, InterruptedError):
            pass
        except OSError:
            close(peer)
            return
        if peer.outbound:
            selector.modify(peer.connection, selectors.EVENT_WRITE, peer)
        elif peer.ended:
            close(peer)
        else:
            selector.modify(peer.connection, selectors.EVENT_READ, peer)

    def hear(peer: _Peer) -> None:
        try:
            data = peer.connection.recv(_CHUNK)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            close(peer)
            return
        if not data:
            peer.ended = True
            data = b"\n" if peer.inbound else b""
        for line in peer.take(data):
            peer.outbound += answer(bench, line)
        flush(peer)

    try:
        while not bench.finished and not (stop is not None and stop()):
            watch(set(bench.filenos()))
            for key, mask in selector.select(min(_POLL_S, bench.wait_s())):
                if key.data is None:
                    try:
                        connection, _address = listener.accept()
                    except OSError:
                        continue
                    connection.setblocking(False)
                    peer = _Peer(connection)
                    peers.add(peer)
                    selector.register(connection, selectors.EVENT_READ, peer)
                elif not isinstance(key.data, _Peer):
                    key.data()
                elif mask & selectors.EVENT_WRITE:
                    flush(key.data)
                else:
                    hear(key.data)
            bench.poll()
    finally:
        for peer in list(peers):
            # The reply to `quit` is already with the system, unless the peer does not read at all.
            close(peer)
        watch(set())
        selector.unregister(listener)
        if keyboard is not None:
            selector.unregister(keyboard[0])
        listener.close()
        selector.close()


class ClientError(Exception):
    """No meter listens there, it went away, or it answered something that is not a reply."""


class Client:
    """The other end of `serve`: one connection, one request at a time."""

    def __init__(self, port: int, timeout_s: float = 30.0) -> None:
        try:
            self._socket = socket.create_connection((LOOPBACK, port), timeout_s)
        except OSError as error:
            raise ClientError(f"no meter listens on port {port}: start one with `slotmeter run`") from error
        self._lines = self._socket.makefile("rb")
        self._next_id = 0

    def request(self, op: str, **fields: Any) -> "dict[str, Any]":
        """The reply to one operation, `ok` or not. A field `class_` is sent as `class`."""
        self._next_id += 1
        request = {"id": self._next_id, "op": op}
        for name, value in fields.items():
            request[name.rstrip("_")] = value
        try:
            self._socket.sendall(encode_line(request))
            line = self._lines.readline()
        except OSError as error:
            raise ClientError(f"the meter does not answer: {error}") from error
        if not line.endswith(b"\n"):
            raise ClientError("the meter went away")
        reply, _code, text = decode_line(line)
        if reply is None or reply.get("id") != self._next_id:
            raise ClientError(text or "what listens there does not speak the bench protocol")
        return reply

    def close(self) -> None:
        """Ends the connection; the meter goes on."""
        self._lines.close()
        self._socket.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()
