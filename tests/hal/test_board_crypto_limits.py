"""What a board has little of: calls within calls, and heap for tables."""

import sys
from collections.abc import Callable
from types import FrameType

from slotmeter.hal.board.crypto import BoardCrypto
from slotmeter.hal.host.crypto import HostCrypto

PRIVATE = (1234567890123456789).to_bytes(32, "big")


def depth(act: "Callable[[], object]") -> int:
    """The most Python frames that `act` has open at once, its own call included."""
    deepest = level = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal deepest, level
        if event == "call":
            level += 1
            deepest = max(deepest, level)
        elif event == "return":
            level -= 1

    sys.setprofile(count)
    try:
        act()
    finally:
        sys.setprofile(None)
    return deepest - 1  # the lambda


def test_no_operation_goes_deeper_than_six_calls() -> None:
    crypto = BoardCrypto()
    public = crypto.public_key(PRIVATE)
    signature = crypto.sign(PRIVATE, b"message")
    for _ in range(3):
        assert depth(lambda: crypto.verify(public, signature, b"message")) <= 6
    assert depth(lambda: crypto.sign(PRIVATE, b"message")) <= 6
    other = crypto.public_key((5).to_bytes(32, "big"))
    for _ in range(3):
        assert depth(lambda: crypto.ecdh(PRIVATE, other)) <= 6
    assert depth(lambda: crypto.gcm_seal(bytes(16), bytes(12), b"head", b"plain", 12)) <= 6
    assert depth(lambda: crypto.ccm_seal(bytes(16), bytes(13), b"head", b"plain", 4)) <= 6


def test_no_more_tables_are_kept_than_allowed() -> None:
    crypto = BoardCrypto(tables=2)
    host = HostCrypto()
    publics = [host.public_key(number.to_bytes(32, "big")) for number in range(2, 12)]
    for _ in range(3):
        for public in publics:
            crypto.ecdh(PRIVATE, public)
            crypto.ecdh(PRIVATE, public)
    assert len(crypto._tables) == 2
    assert len(crypto._met) <= 8
    assert all(len(table) == 31 * 64 for _, table in crypto._tables)
