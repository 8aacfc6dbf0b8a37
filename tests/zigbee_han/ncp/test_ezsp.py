"""EZSP frames: headers, the layouts of six versions, and what is refused."""

from slotmeter.zigbee_han.errors import DecodeError, EncodeError
from slotmeter.zigbee_han.ncp import commands, ezsp

EUI = bytes.fromhex("0022a3000008f801")


def refused(function, *arguments):
    try:
        function(*arguments)
    except DecodeError as error:
        return error.reason
    return ""


def test_every_command_of_every_version_can_be_laid_out_both_ways():
    for version in ezsp.VERSIONS:
        dialect = ezsp.Dialect(version)
        count = 0
        for row in commands.COMMANDS:
            if not row[2] <= version <= row[3]:
                continue
            command = dialect.command(row[0])
            assert command is dialect.command(row[0])
            assert dialect.named(command.name) is command
            for fields in (command.parameters, command.answer):
                octets = ezsp.encode(fields, {})
                assert ezsp.encode(fields, ezsp.decode(fields, octets)) == octets
                # Cut anywhere, it is refused, but for what may be missing.
                for end in range(len(octets)):
                    if fields and fields[-1][2] and end == len(octets) - 1:
                        continue
                    if len(fields) > 1 and fields[-2][2] and end == len(octets) - 2:
                        continue
                    assert "cut short" in refused(ezsp.decode, fields, octets[:end])
            count += 1
        assert count > 80


def test_names_and_numbers_come_once_in_a_version():
    for version in ezsp.VERSIONS:
        for table in (commands.COMMANDS, commands.CALLBACKS):
            rows = [row for row in table if row[2] <= version <= row[3]]
            assert len({row[0] for row in rows}) == len({row[1] for row in rows}) == len(rows)


def test_a_version_that_nobody_speaks_is_refused():
    for version in (4, 12, 15, 20):
        try:
            ezsp.Dialect(version)
        except ValueError:
            continue
        raise AssertionError(version)


def test_statuses_are_one_octet_until_13_and_four_from_14_on():
    values = {"status": commands.NOT_JOINED}
    for version in ezsp.VERSIONS:
        fields = ezsp.Dialect(version).command(0x0022).answer
        octets = ezsp.encode(fields, values)
        assert octets == (b"\x93" if version == 13 else b"\x17\x00\x00\x00")
        assert ezsp.decode(fields, octets) == values
    # The statuses of the security commands were wide before.
    assert ezsp.encode(ezsp.Dialect(13).command(0x010E).answer, {"status": commands.FULL}) == b"\x1c\x00\x00\x00"
    assert ezsp.encode(ezsp.Dialect(13).command(0x0053).answer, {"status": commands.NOT_FOUND}) == b"\x37"
    fields = ezsp.Dialect(14).command(0x0022).answer
    assert refused(ezsp.decode, fields, b"\xff\xff\xff\xff") == "status FFFFFFFF is not known"


def test_messages_are_laid_out_as_the_two_generations_want_them():
    values = {
        "kind": 0,
        "profile": 0x0109,
        "cluster": 0x0702,
        "source": 1,
        "target": 2,
        "options": 0x0140,
        "group": 0,
        "counter": 7,
        "lqi": 255,
        "rssi": -40,
        "sender": 0x1234,
        "eui": EUI,
        "binding": 255,
        "address": 255,
        "time": 0x01020304,
        "data": b"abc",
    }
    number, old = ezsp.Dialect(13).callback("incoming_message")
    assert number == 0x0045
    assert ezsp.encode(old, values).hex() == "00" "09010207010240010000" "07" "ff" "d8" "3412" "ff" "ff" "03616263"
    _, new = ezsp.Dialect(14).callback("incoming_message")
    assert ezsp.encode(new, values).hex() == (
        "00" "09010207010240010000" "07" "3412" "01f8080000a32200" "ff" "ff" "ff" "d8" "04030201" "03616263"
    )
    assert ezsp.decode(new, ezsp.encode(new, values)) == values


def test_the_first_command_has_a_header_of_its_own():
    frame = ezsp.parse_frame(b"\x05\x00\x00\x04")
    assert (frame.sequence, frame.number, frame.legacy) == (5, ezsp.VERSION, True)
    assert ezsp.build_answer(frame, ezsp.VERSION, b"\x0d\x02\x40\x74").hex() == "058000" "0d024074"
    assert ezsp.build_version(5, 4) == b"\x05\x00\x00\x04"


def test_later_commands_have_the_long_header_and_their_network_comes_back():
    frame = ezsp.parse_frame(ezsp.build_command(9, 0x0114, b"xyz"))
    assert (frame.sequence, frame.number, frame.legacy, frame.start) == (9, 0x0114, False, 5)
    frame = ezsp.parse_frame(b"\x09\x20\x01\x26\x00")
    assert ezsp.build_answer(frame, 0x0026, b"", lost=True) == b"\x09\xa1\x01\x26\x00"
    assert ezsp.build_callback(9, 0x0019, b"\x90") == b"\x09\x90\x01\x19\x00\x90"


def test_what_has_no_header_is_refused():
    for octets in (b"", b"\x00", b"\x00\x00", b"\x00\x00\x01", b"\x00\x00\x01\x26"):
        assert refused(ezsp.parse_frame, octets) == "frame header is cut short"
    assert refused(ezsp.parse_frame, b"\x00\x00\x02\x26\x00") == "frame format is not that of version 8 and later"
    assert refused(ezsp.parse_frame, bytes(221)) == "frame longer than 220 octets"


def test_octets_after_the_parameters_are_refused_and_marked_ones_may_be_missing():
    fields = ezsp.Dialect(18).command(0x0111).parameters
    assert ezsp.decode(fields, bytes(24)) == {"eui": bytes(8), "key": bytes(16)}
    assert ezsp.decode(fields, bytes(25)) == {"eui": bytes(8), "key": bytes(16), "flags": 0}
    assert refused(ezsp.decode, fields, bytes(26)) == "octets left after the last parameter"
    assert refused(ezsp.decode, ezsp.Dialect(13).command(0x0047).parameters, b"\x04abc") == "data is cut short"
    fields = ezsp.Dialect(13).command(0x0103).parameters
    assert refused(ezsp.decode, fields, bytes(8) + b"\xff" * 4) == "data is cut short"


def test_values_that_do_not_fit_are_our_own_mistake():
    for name, value in (("pan", 1 << 16), ("pan", -1), ("power", 128), ("power", -129), ("extended_pan", b"short")):
        try:
            ezsp.encode(ezsp.Dialect(13).command(0x001E).parameters, {name: value})
        except EncodeError:
            continue
        raise AssertionError(name)
    try:
        ezsp.encode(ezsp.Dialect(13).command(0x0047).parameters, {"data": bytes(256)})
    except EncodeError:
        return
    raise AssertionError("too long")
