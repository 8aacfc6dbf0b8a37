"""Whatever is done to messages, the decoder shows a tree of all that it was given."""

import mutate
from hypothesis import given, settings
from hypothesis import strategies as st

from slotmeter.boards.pc.decode_command import Printer, octets_of
from slotmeter.boards.pc.decode_node import STOPPED
from slotmeter.boards.pc.decoder import decode

MESSAGES = sorted(mutate.golden_messages())


@st.composite
def damaged(draw):
    """A message with octets changed, put in, or taken out."""
    data = bytearray(draw(st.sampled_from(MESSAGES)))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, max(len(data) - 1, 0)))
        what = draw(st.sampled_from(("change", "insert", "remove", "cut")))
        if what == "change" and data:
            data[place] = draw(st.integers(0, 255))
        elif what == "insert":
            data[place:place] = draw(st.binary(min_size=1, max_size=6))
        elif what == "remove":
            del data[place : place + draw(st.integers(1, 6))]
        else:
            del data[place:]
    return bytes(data)


def check(data):
    decoded = decode(data)
    for node in decoded.root.walk():
        assert isinstance(node.text, str)
        assert 0 <= node.offset <= max(len(data), 1 << 17)
    assert decoded.damaged == any(node.mark == STOPPED for node in decoded.root.walk())
    assert "\n".join(Printer(False, False).tree(decoded.root))
    assert decoded.as_json()["hex"] == data.hex().upper()


@settings(max_examples=400, deadline=None)
@given(damaged())
def test_a_damaged_message_is_shown(data):
    check(data)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_any_octets_are_shown(data):
    check(data)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from((b"\xd9", b"\xda", b"\x0f", b"\x01\x09", b"\x30", b"")), st.binary(max_size=200), st.integers(1, 3)
)
def test_any_payload_is_shown(first, rest, cra):
    payload = first + rest
    header = b"\xdf\x09" + bytes([cra]) + bytes(8) + b"\x08" + bytes(8) + b"\x08" + bytes(8) + b"\x00\x02\x01\x02"
    check(header + b"\x82" + len(payload).to_bytes(2, "big") + payload + b"\x00")


@given(st.text(max_size=60))
def test_any_text_is_hex_or_a_value_error(text):
    try:
        octets_of(text)
    except ValueError:
        return
