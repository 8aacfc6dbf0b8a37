"""A whole meter on a board of software: a line of hexadecimal in, lines out, and the power going at any write."""

from slotmeter.boards.rp2350.board import answers
from slotmeter.boards.virtual.board import VirtualBoard
from slotmeter.dlms import apdu
from slotmeter.dlms.gbcs import keys, message, roles
from slotmeter.dlms.gbcs.anchors import Cell
from slotmeter.firmware.identity import Identity, provision
from slotmeter.firmware.settings import Settings
from slotmeter.hal.board.store import SlotStore
from slotmeter.hal.records import Records
from slotmeter.hal.virtual.store import Medium, PowerCut

METER = bytes.fromhex("00db00000000e001")
SUPPLIER = bytes.fromhex("90b3d51f30000001")
BROKER = bytes.fromhex("90b3d51f30000004")
NOW_MS = 800000000000
# ECS52 reads the firmware version; ECS43 disables the supply by a script (GBCS use cases).
ECS52 = 0x0059
ECS43 = 0x0050
FIRMWARE_VERSION = bytes.fromhex("0001 0000000201ff 02")
DISCONNECT_SCRIPT = bytes.fromhex("0009 00000a006aff 01")


def secret(name):
    """A private key that anyone can make again."""
    return bytes([name]) * 32


class Story:
    """A provisioned meter on a virtual board, and the supplier's side of the wire."""

    def __init__(self, fail_after=None, torn=False):
        board = VirtualBoard(NOW_MS)
        self.crypto = crypto = board.hal.crypto
        cells = []
        for role, usage, entity, key in (
            (roles.SUPPLIER, roles.DIGITAL_SIGNATURE, SUPPLIER, 1),
            (roles.SUPPLIER, roles.KEY_AGREEMENT, SUPPLIER, 2),
            (roles.ACCESS_CONTROL_BROKER, roles.KEY_AGREEMENT, BROKER, 3),
        ):
            public = crypto.public_key(secret(key))
            cells.append(Cell(role, usage, roles.MANAGEMENT, entity, bytes(8), public, b""))
        provision(Records(board.store), crypto, Identity(METER, secret(4), secret(5), b"", b"", cells))
        self.medium = Medium()
        SlotStore(self.medium).commit([(name, board.store.get(name)) for name in board.store.names()])
        self.power_up()
        self.medium = self.medium.reopened(fail_after, torn)
        self.power_up()

    def power_up(self):
        """The meter from what its medium holds."""
        self.meter = VirtualBoard(NOW_MS, store=SlotStore(self.medium)).meter(Settings())

    def command(self, code, item, counter, critical=False):
        """A supplier's command: MACed by the broker, and signed when critical."""
        count = counter.to_bytes(8, "big")
        payload = apdu.build_access_request(count, [item])
        head = message.grouping(1, count, SUPPLIER, METER, b"", code, b"", payload)
        signature = self.crypto.sign(secret(1), head[1:]) if critical else b""
        body = head + message.signature_part(signature)
        z = self.crypto.ecdh(secret(3), self.crypto.public_key(secret(5)))
        return message.with_mac(body, keys.mac(self.crypto, z, body)).hex()

    def answers(self, line):
        """The lines that come back."""
        return answers(self.meter, line, NOW_MS)


def read(story, counter):
    return story.command(ECS52, apdu.Item(apdu.GET, FIRMWARE_VERSION), counter)


def disable(story, counter):
    return story.command(ECS43, apdu.Item(apdu.ACTION, DISCONNECT_SCRIPT, b"", b"\x12\x00\x34"), counter, True)


def test_a_read_is_answered_on_one_line_with_a_mac_that_holds():
    story = Story()
    (line,) = story.answers(read(story, 1000) + "\r\n")
    response = message.parse(bytes.fromhex(line))
    z = story.crypto.ecdh(secret(5), story.crypto.public_key(secret(2)))
    assert keys.mac(story.crypto, z, response.body) == response.mac
    results = apdu.parse_access_response(response.payload)[1]
    assert [(kind, result) for kind, result, _ in results] == [(apdu.GET, apdu.SUCCESS)]


def test_a_critical_command_is_answered_with_a_signature_that_holds():
    story = Story()
    lines = [line for line in story.answers(disable(story, 1000)) if not line.startswith("#")]
    response = message.parse(bytes.fromhex(lines[0]))
    assert story.crypto.verify(story.crypto.public_key(secret(4)), response.signature, response.signed)
    assert apdu.parse_access_response(response.payload)[1][0][1] == apdu.SUCCESS


def test_a_replayed_command_is_refused_also_after_a_restart():
    story = Story()
    line = disable(story, 1000)
    story.answers(line)
    for _ in range(2):
        refused = story.answers(line)
        assert "# refused" in refused[-1]
        story.power_up()


def test_what_is_no_message_is_refused_in_words():
    story = Story()
    before = story.meter.digest()
    for line in ("xyz", "abc", "DD" * 80000, "é", "00 00"):
        (refused,) = story.answers(line)
        assert refused.startswith("# refused: ")
    for line in ("", "\n", "# a remark"):
        assert story.answers(line) == []
    assert story.meter.digest() == before


def test_power_that_goes_at_any_write_leaves_a_meter_that_answers_and_never_twice():
    line = disable(Story(), 1000)
    outcomes = set()
    for torn in (False, True):
        cut_at = 0
        while True:
            cut_at += 1
            story = Story(cut_at, torn)
            try:
                story.answers(line)
                break
            except PowerCut:
                pass
            story.medium = story.medium.reopened()
            story.power_up()
            done = story.meter.anchors.counter(roles.SUPPLIER) == 1000
            again = story.answers(line)
            assert again[-1].startswith("# refused: ") == done
            outcomes.add(done)
    assert sorted(outcomes) == [False, True]


def test_time_that_passes_on_a_virtual_board_does_what_falls_due():
    story = Story()
    board = VirtualBoard(NOW_MS, store=SlotStore(story.medium))
    meter = board.meter(Settings())
    board.advance(meter, 86400000)
    assert board.clock.now_ms() == NOW_MS + 86400000
    assert meter.now_s == board.clock.now_ms() // 1000
