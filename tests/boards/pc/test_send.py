"""What `send` takes for a message, and what it says of what is none."""

import io
import sys
from types import SimpleNamespace

import pytest

from slotmeter.boards.pc.errors import SlotmeterError
from slotmeter.boards.pc.send_command import messages_of

MESSAGE = bytes.fromhex("DF09010000000000000001")


def test_a_file_holds_octets_or_hexadecimal_lines(tmp_path):
    path = tmp_path / "one"
    path.write_bytes(MESSAGE)
    assert messages_of(str(path)) == [MESSAGE]
    path.write_text(MESSAGE.hex() + "\n\n" + MESSAGE.hex().upper() + "\n")
    assert messages_of(str(path)) == [MESSAGE, MESSAGE]


def test_stdin_and_the_argument_itself_are_taken(monkeypatch):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(MESSAGE.hex().encode())))
    assert messages_of("-") == [MESSAGE]
    assert messages_of(MESSAGE.hex()) == [MESSAGE]
    assert messages_of(MESSAGE.hex(" ")) == [MESSAGE]


def test_a_message_as_long_as_they_come_is_no_file_name():
    octets = b"\xdf" + bytes(72_000)
    assert messages_of(octets.hex()) == [octets]


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "empty"), (b"\n\n", "empty"), (b"hello", "hexadecimal"), (b"\x00\xff\x80", "hexadecimal"), (b"DF0", "odd")],
)
def test_a_file_without_a_message_is_named(tmp_path, content, words):
    path = tmp_path / "bad.hex"
    path.write_bytes(content)
    with pytest.raises(SlotmeterError) as caught:
        messages_of(str(path))
    assert words in str(caught.value)
    assert "bad.hex" in str(caught.value)


@pytest.mark.parametrize("text", ["nonsense", "/no/such/file", "0x", "", "\0"])
def test_an_argument_that_is_no_message_is_named(text):
    with pytest.raises(SlotmeterError, match=r"neither a file nor|is empty"):
        messages_of(text)


def test_a_folder_is_no_message(tmp_path):
    with pytest.raises(SlotmeterError):
        messages_of(str(tmp_path))
