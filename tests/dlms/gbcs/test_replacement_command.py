"""The shape of a replacement command; a certificate is any SEQUENCE here."""

from slotmeter.dlms.errors import DecodeError
from slotmeter.dlms.gbcs import asn1, replacement_command

PLACE = b"\x02\x01\x02\x03\x02\x07\x80"
CONTROL = b"\x02\x01\x02\xa2\x07" + PLACE + b"\x83\x02\x03\xe8"
CERTIFICATE = b"\x30\x03\x02\x01\x07"
REPLACEMENT = b"\x30\x0e" + CERTIFICATE + b"\x30\x07" + PLACE
SPECIALIST = b"\x30\x06\x02\x01\x00\x02\x01\x09"


def _command(control=CONTROL, replacements=REPLACEMENT, path=CERTIFICATE, rest=b""):
    return asn1.sequence(
        [asn1.element(0x30, control), asn1.element(0x30, replacements), asn1.element(0x30, path), rest]
    )


def _refused(payload):
    try:
        replacement_command.parse(payload)
    except DecodeError:
        return True
    return False


def test_a_command_is_taken_apart():
    control = b"".join(
        (
            b"\x02\x01\x02",
            b"\x80\x02\x55\x66",
            b"\x81\x01\x01",
            b"\xa2\x07" + PLACE,
            b"\x83\x02\x03\xe8",
            b"\x84\x01\x0a",
            b"\xa5\x08" + SPECIALIST,
            b"\xa6\x08\x30\x06\x02\x01\x03\x02\x01\x0b",
        )
    )
    command = replacement_command.parse(_command(control, rest=asn1.put_generalized_time(5000)))
    assert command.mode == 2
    assert command.symmetric_key == b"\x55\x66"
    assert command.apply_validity is False
    assert command.cell == (2, 0x80, 0)
    assert (command.counter, command.floor, command.specialist) == (1000, 10, 9)
    assert [(one.role, one.floor, one.specialist) for one in command.others] == [(3, 11, None)]
    assert command.replacements == [(CERTIFICATE, (2, 0x80, 0))]
    assert command.path == [CERTIFICATE]
    assert command.due_s == 5000
    assert repr(command) == "ReplacementCommand(mode=2, 1 replacements)"


def test_the_shortest_command_is_taken_apart():
    command = replacement_command.parse(_command(b"\x02\x01\x04\x83\x01\x00", b"", b""))
    assert (command.cell, command.floor, command.others, command.replacements) == (None, None, [], [])
    assert (command.path, command.due_s, command.apply_validity) == ([], None, True)


def test_fields_of_the_control_come_once_and_in_order():
    for control in (
        b"\x02\x01\x02",  # no counter
        b"\x02\x01\x02\x83\x01\x01\x83\x01\x01",
        b"\x02\x01\x02\x84\x01\x01\x83\x01\x01",
        b"\x02\x01\x02\x83\x01\x01\x87\x01\x01",
        b"\x02\x01\x02\x83\x01\x01\x04\x01\x01",
        b"\x02\x01\x02\xa3\x01\x01",
        b"\x02\x01\x0c\x83\x01\x01",
        b"\x83\x01\x01",
        b"\x02\x01\x02\x81\x01\x02\x83\x01\x01",
        b"\x02\x01\x02\x83\x01\xff",
        b"\x02\x01\x02\x83\x01\x01\xa5\x00",
        b"\x02\x01\x02\x83\x01\x01\xa5\x10" + SPECIALIST * 2,
        b"\x02\x01\x02\x83\x01\x01\xa5\x08\x30\x06\x02\x01\x01\x02\x01\x09",
    ):
        assert _refused(_command(control)), control


def test_a_default_is_not_written_out():
    assert _refused(_command(replacements=b"\x30\x11" + CERTIFICATE + b"\x30\x0a" + PLACE + b"\x02\x01\x00"))
    command = replacement_command.parse(
        _command(replacements=b"\x30\x11" + CERTIFICATE + b"\x30\x0a" + PLACE + b"\x02\x01\x01")
    )
    assert command.replacements[0][1] == (2, 0x80, 1)


def test_a_cell_is_named_once():
    assert _refused(_command(replacements=REPLACEMENT * 2))


def test_there_is_an_end_to_every_list():
    assert _refused(_command(path=CERTIFICATE * 9))
    many = b""
    for role in range(17):
        many += b"\x30\x0e" + CERTIFICATE + b"\x30\x07\x02\x01" + bytes((role,)) + b"\x03\x02\x07\x80"
    assert _refused(_command(replacements=many))
    assert _refused(_command() + b"\x00")
    assert _refused(_command(rest=b"\x05\x00"))
    assert _refused(_command(rest=asn1.put_generalized_time(5000) + b"\x05\x00"))


def test_every_truncation_is_refused():
    whole = _command(rest=asn1.put_generalized_time(5000))
    for size in range(len(whole)):
        assert _refused(whole[:size])


def test_a_flipped_bit_is_refused_or_is_another_command():
    whole = _command(rest=asn1.put_generalized_time(5000))
    for bit in range(8 * len(whole)):
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 0x80 >> bit % 8
        _refused(bytes(flipped))
