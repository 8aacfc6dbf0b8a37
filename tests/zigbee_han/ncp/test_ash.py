"""ASH: two ends and a wire that loses, damages, doubles and stops."""

from slotmeter.zigbee_han.errors import DecodeError, EncodeError
from slotmeter.zigbee_han.ncp import ash

QUESTION = b"\x00\x00\x01\x26\x00"


class Pair:
    """A host and a co-processor; `towards_host` and `towards_ncp` are what the wire does to octets on their way."""

    def __init__(self):
        self.host = ash.Host()
        self.ncp = ash.CoProcessor()
        self.now_ms = 0
        self.towards_ncp = lambda octets: octets
        self.towards_host = lambda octets: octets
        self.host_got = []
        self.ncp_got = []

    def carry(self):
        """Once in each direction; whether anything moved."""
        moved = False
        octets = self.host.to_send()
        if octets:
            moved = True
            self.ncp.receive(self.towards_ncp(octets), self.now_ms)
        octets = self.ncp.to_send()
        if octets:
            moved = True
            self.host.receive(self.towards_host(octets), self.now_ms)
        for end, got in ((self.host, self.host_got), (self.ncp, self.ncp_got)):
            event = end.next_event()
            while event is not None:
                got.append(event)
                event = end.next_event()
        return moved

    def until_quiet(self):
        for _ in range(100):
            if not self.carry():
                return
        raise AssertionError("it never ends")

    def wait(self, ms):
        """Lets time pass, and both ends do what falls due."""
        end_ms = self.now_ms + ms
        while True:
            self.until_quiet()
            due = [at for at in (self.host.deadline_ms(), self.ncp.deadline_ms()) if at is not None and at <= end_ms]
            if not due:
                break
            self.now_ms = max(min(due), self.now_ms)
            self.host.tick(self.now_ms)
            self.ncp.tick(self.now_ms)
        self.now_ms = end_ms

    def data(self, got):
        return [event.data for event in got if isinstance(event, ash.Received)]


def connected():
    pair = Pair()
    pair.host.connect(0)
    pair.until_quiet()
    assert pair.host.state == pair.ncp.state == ash.CONNECTED
    pair.host_got.clear()
    pair.ncp_got.clear()
    return pair


def refused(octets):
    try:
        ash.parse(octets)
    except DecodeError as error:
        return error.reason
    return ""


def test_frames_are_those_that_the_manual_prints():
    # UG101, section 2: RST, RSTACK after power-up, ACK and NAK of frame 0.
    assert ash.build(0xC0) == bytes.fromhex("c038bc7e")
    assert ash.build(0xC1, b"\x02\x02") == bytes.fromhex("c102029b7b7e")
    assert ash.build(0x81) == bytes.fromhex("8160597e")
    assert ash.build(0xA6) == bytes.fromhex("a634dc7e")
    # DATA frame 2 acknowledging 5, with the version command.
    assert ash.build_data(2, 5, False, b"\x00\x00\x00\x02") == bytes.fromhex("254221a856a6097e")


def test_the_check_sum_by_table_is_the_one_of_the_standard():
    assert ash.crc_of(b"123456789", 0xFFFF) == 0x29B1


def test_the_random_sequence_begins_as_the_manual_says():
    assert ash.randomised(bytes(8)) == bytes.fromhex("4221a8542a15b259")
    assert ash.randomised(ash.randomised(QUESTION)) == QUESTION


def test_octets_that_mean_something_to_the_line_are_escaped():
    data = ash.randomised(b"\x7d\x7e\x11\x13\x18\x1a")
    frame = ash.build_data(0, 0, False, data)
    assert frame[1:13] == bytes.fromhex("7d5d7d5e7d317d337d387d3a")
    assert frame.count(b"\x7e") == 1
    assert ash.parse(frame[:-1]) == (0, data)


def test_what_is_no_frame_is_refused_for_a_reason():
    good = ash.build_data(1, 2, False, QUESTION)[:-1]
    assert refused(good[:-1] + bytes((good[-1] ^ 1,))) == ash.BAD_CRC
    assert refused(b"") == ash.TOO_SHORT
    assert refused(b"\x81\x60") == ash.TOO_SHORT
    assert refused(good + b"\x7d") == ash.BAD_ESCAPE
    assert refused(good[:2] + b"\x7d\x7d" + good[2:]) == ash.BAD_ESCAPE
    assert refused(bytes(ash.DATA_LIMIT + 4)) == ash.TOO_LONG
    for control in (0xC3, 0xDF, 0xE0, 0xFF):
        assert refused(ash.build(control)[:-1]) == ash.BAD_CONTROL
    for control, data in ((0x25, b"ab"), (0x81, b"a"), (0xC0, b"a"), (0xC1, b""), (0xC2, b"abc")):
        assert refused(ash.build(control, data)[:-1]) == ash.BAD_LENGTH


def test_a_reset_connects_both_ends():
    pair = Pair()
    assert not pair.ncp.send(QUESTION, 0)
    pair.host.connect(0)
    pair.until_quiet()
    assert [type(event) for event in pair.ncp_got] == [ash.Reset]
    assert [event.code for event in pair.host_got] == [ash.RESET_SOFTWARE]
    assert pair.host.deadline_ms() is None


def test_a_co_processor_that_starts_says_why():
    pair = Pair()
    pair.ncp.start(ash.RESET_POWER_ON, 0)
    pair.until_quiet()
    assert [event.code for event in pair.host_got] == [ash.RESET_POWER_ON]
    assert pair.host.state == ash.CONNECTED


def test_a_host_that_nobody_answers_asks_five_times_and_gives_up():
    pair = Pair()
    asked = []
    pair.towards_ncp = lambda octets: asked.append(octets) or b""
    pair.host.connect(0)
    pair.wait(60000)
    assert len(asked) == ash.RESET_TRIES
    assert [event.code for event in pair.host_got] == [ash.TOO_MANY_TIMEOUTS]
    assert pair.host.deadline_ms() is None


def test_data_arrives_once_and_in_order_in_both_directions():
    pair = connected()
    for i in range(30):
        assert pair.host.send(QUESTION + bytes((i,)), 0)
        assert pair.ncp.send(bytes((i,)) * 220, 0)
    pair.until_quiet()
    assert pair.data(pair.ncp_got) == [QUESTION + bytes((i,)) for i in range(30)]
    assert pair.data(pair.host_got) == [bytes((i,)) * 220 for i in range(30)]
    assert not pair.host.dropped and not pair.ncp.dropped and not pair.ncp.repeated


def test_not_more_than_the_window_is_under_way():
    pair = connected()
    for _ in range(5):
        pair.ncp.send(QUESTION, 0)
    assert pair.ncp.to_send().count(b"\x7e") == ash.WINDOW
    assert pair.ncp.to_send() == b""
    assert not pair.ncp.room()
    pair.ncp.receive(ash.build(0x80 | 1), 0)
    assert pair.ncp.to_send().count(b"\x7e") == 1


def test_an_answer_carries_the_acknowledgement():
    pair = connected()
    pair.host.send(QUESTION, 0)
    pair.ncp.receive(pair.host.to_send(), 0)
    assert isinstance(pair.ncp.next_event(), ash.Received)
    pair.ncp.send(b"answer", 0)
    answer = pair.ncp.to_send()
    assert answer.count(b"\x7e") == 1
    assert answer[0] == 0x01


def test_octets_may_come_one_at_a_time_with_flow_control_and_flags_between_them():
    pair = connected()
    pair.host.send(bytes(range(0x0F, 0x21)), 0)
    for octet in pair.host.to_send():
        pair.ncp.receive(b"\x11" + bytes((octet,)) + b"\x13", 0)
    pair.ncp.receive(b"\x7e\x7e\x7e", 0)
    pair.until_quiet()
    assert pair.data(pair.ncp_got) == [bytes(range(0x0F, 0x21))]
    assert not pair.ncp.dropped


def test_a_lost_frame_comes_again_when_no_acknowledgement_came():
    pair = connected()
    pair.host.send(QUESTION, 0)
    pair.host.to_send()
    pair.wait(ash.ACK_WITHIN_MS - 1)
    assert not pair.ncp_got
    pair.wait(1)
    assert pair.data(pair.ncp_got) == [QUESTION]
    assert pair.host.repeated == 1
    assert pair.host.deadline_ms() is None


def test_a_time_out_lets_a_serial_port_speak_that_was_told_to_stop_by_mistake():
    pair = connected()
    pair.ncp.send(QUESTION, 0)
    pair.ncp.to_send()
    pair.ncp.tick(ash.ACK_WITHIN_MS)
    assert pair.ncp.to_send() == b"\x11" + ash.build_data(0, 0, True, QUESTION)


def test_a_damaged_frame_is_asked_for_again_at_once():
    pair = connected()
    damaged = []

    def damage(octets):
        if not damaged:
            damaged.append(octets)
            return octets[:3] + bytes((octets[3] ^ 0x40,)) + octets[4:]
        return octets

    pair.towards_ncp = damage
    pair.host.send(QUESTION, 0)
    pair.until_quiet()
    assert pair.data(pair.ncp_got) == [QUESTION]
    assert pair.ncp.dropped == {ash.BAD_CRC: 1}


def test_only_one_nak_is_sent_until_a_frame_is_in_order():
    pair = connected()
    bad = b"\x25\x00\x00\x00\x00\x00\x7e"
    pair.ncp.receive(bad, 0)
    assert pair.ncp.to_send() == ash.build(0xA0)
    pair.ncp.receive(bad + bad, 0)
    pair.ncp.receive(ash.build_data(3, 0, False, QUESTION), 0)
    assert pair.ncp.to_send() == b""
    assert pair.ncp.dropped == {ash.BAD_CRC: 3, ash.OUT_OF_SEQUENCE: 1}
    pair.ncp.receive(ash.build_data(0, 0, True, QUESTION), 0)
    assert pair.ncp.to_send() == ash.build(0x81)
    pair.ncp.receive(bad, 0)
    assert pair.ncp.to_send() == ash.build(0xA1)


def test_a_frame_whose_acknowledgement_was_lost_is_not_handed_over_twice():
    pair = connected()
    pair.host.send(QUESTION, 0)
    pair.towards_host = lambda octets: b""
    pair.until_quiet()
    pair.towards_host = lambda octets: octets
    pair.wait(10000)
    assert pair.data(pair.ncp_got) == [QUESTION]
    assert pair.ncp.dropped == {ash.TAKEN_ALREADY: 1}
    assert pair.host.deadline_ms() is None


def test_cancelled_octets_are_forgotten_and_substituted_ones_cost_their_frame():
    pair = connected()
    frame = ash.build_data(0, 0, False, QUESTION)
    pair.ncp.receive(b"\x01\x02\x03\x1a" + frame[:4], 0)
    pair.ncp.receive(frame[4:], 0)
    assert isinstance(pair.ncp.next_event(), ash.Received)
    frame = ash.build_data(1, 0, False, QUESTION)
    pair.ncp.receive(frame[:4] + b"\x18" + frame[4:6], 0)
    pair.ncp.receive(frame[6:] + frame, 0)
    assert isinstance(pair.ncp.next_event(), ash.Received)
    assert pair.ncp.next_event() is None
    assert pair.ncp.dropped == {ash.CANCELLED: 1, ash.SUBSTITUTED: 1}


def test_noise_without_a_flag_takes_no_memory_and_ends_at_the_next_flag():
    pair = connected()
    for _ in range(50):
        pair.ncp.receive(b"\xaa" * 300, 0)
        assert len(pair.ncp._partial) <= ash.FRAME_LIMIT
    pair.ncp.receive(b"\x7e" + ash.build_data(0, 0, False, QUESTION), 0)
    assert isinstance(pair.ncp.next_event(), ash.Received)
    assert pair.ncp.dropped == {ash.TOO_LONG: 1}


def test_the_time_to_wait_follows_what_acknowledgements_take_and_doubles_when_they_fail():
    pair = connected()
    for _ in range(40):
        pair.host.send(QUESTION, pair.now_ms)
        pair.until_quiet()
    pair.host.send(QUESTION, pair.now_ms)
    pair.host.to_send()
    assert pair.host.deadline_ms() == pair.now_ms + ash.ACK_WITHIN_SHORTEST_MS
    pair.host.tick(pair.host.deadline_ms())
    assert pair.host.deadline_ms() == pair.now_ms + 3 * ash.ACK_WITHIN_SHORTEST_MS


def test_a_host_that_never_acknowledges_is_given_up_and_a_reset_mends_it():
    pair = connected()
    pair.ncp.send(QUESTION, 0)
    pair.towards_host = lambda octets: b""
    pair.wait(60000)
    assert [event.code for event in pair.ncp_got] == [ash.TOO_MANY_TIMEOUTS]
    assert pair.ncp.state == ash.FAILED
    assert pair.ncp.repeated == ash.RETRIES
    assert pair.ncp.deadline_ms() is None
    assert not pair.ncp.send(QUESTION, pair.now_ms)
    pair.towards_host = lambda octets: octets
    error = ash.build(0xC2, b"\x02\x51")
    for octets in (ash.build(0x80), ash.build_data(0, 0, False, QUESTION), b"\x01\x02\x03\x04\x7e"):
        pair.ncp.receive(octets, pair.now_ms)
        assert pair.ncp.to_send() == error
    pair.host.receive(error, pair.now_ms)
    assert pair.host.state == ash.FAILED
    pair.host.connect(pair.now_ms)
    pair.host.send(QUESTION, pair.now_ms)
    pair.until_quiet()
    pair.host.send(QUESTION, pair.now_ms)
    pair.until_quiet()
    assert pair.data(pair.ncp_got) == [QUESTION]


def test_a_flood_of_naks_is_a_failure_too():
    pair = connected()
    pair.ncp.send(QUESTION, 0)
    pair.ncp.to_send()
    for _ in range(ash.RETRIES):
        pair.ncp.receive(ash.build(0xA0), 0)
        assert pair.ncp.to_send() == ash.build_data(0, 0, True, QUESTION)
    pair.ncp.receive(ash.build(0xA0), 0)
    assert pair.ncp.to_send() == ash.build(0xC2, b"\x02\x51")


def test_a_nak_for_nothing_is_harmless():
    pair = connected()
    for _ in range(100):
        pair.ncp.receive(ash.build(0xA0), 0)
    assert pair.ncp.state == ash.CONNECTED
    assert pair.ncp.to_send() == b""


def test_an_acknowledgement_of_what_was_not_sent_is_dropped():
    pair = connected()
    pair.ncp.send(QUESTION, 0)
    pair.ncp.to_send()
    pair.ncp.receive(ash.build(0x80 | 5), 0)
    assert pair.ncp.dropped == {ash.BAD_ACKNOWLEDGEMENT: 1}
    pair.ncp.receive(ash.build_data(0, 5, False, QUESTION), 0)
    assert pair.ncp.next_event() is None
    assert pair.ncp.to_send() == ash.build(0xA0)


def test_numbers_go_round():
    pair = connected()
    for i in range(100):
        pair.host.send(QUESTION + bytes((i,)), 0)
        pair.ncp.send(QUESTION + bytes((i,)), 0)
        pair.until_quiet()
    assert len(pair.data(pair.ncp_got)) == len(pair.data(pair.host_got)) == 100
    assert not pair.ncp.dropped and not pair.host.dropped


def test_a_host_that_is_not_ready_says_so_for_a_second():
    pair = connected()
    assert pair.ncp.callbacks_wanted()
    pair.ncp.receive(ash.build(0x88), 0)
    assert not pair.ncp.callbacks_wanted()
    assert pair.ncp.deadline_ms() == ash.NOT_READY_MS
    pair.ncp.tick(ash.NOT_READY_MS)
    assert pair.ncp.callbacks_wanted()
    pair.ncp.receive(ash.build(0x88), 5000)
    pair.ncp.receive(ash.build(0x80), 5001)
    assert pair.ncp.callbacks_wanted()
    assert pair.ncp.deadline_ms() is None


def test_a_reset_in_the_middle_forgets_what_was_under_way():
    pair = connected()
    for _ in range(10):
        pair.ncp.send(b"before", 0)
    pair.ncp.to_send()
    pair.host.send(QUESTION, 0)
    octets = pair.host.to_send()
    pair.ncp.receive(octets + ash.build(0xC0), 0)
    assert [type(pair.ncp.next_event()) for _ in range(2)] == [ash.Reset, type(None)]
    assert pair.ncp.to_send() == ash.build(0xC1, b"\x02\x0b")
    pair.ncp.send(b"after", 0)
    assert pair.ncp.to_send() == ash.build_data(0, 0, False, b"after")


def test_the_queue_has_an_end():
    pair = connected()
    for _ in range(ash.QUEUE_LIMIT):
        assert pair.ncp.send(QUESTION, 0)
    assert not pair.ncp.send(QUESTION, 0)


def test_data_of_a_size_not_allowed_is_our_own_mistake():
    for size in (0, 2, ash.DATA_LIMIT + 1):
        try:
            connected().ncp.send(bytes(size), 0)
        except EncodeError:
            continue
        raise AssertionError(size)


def test_a_frame_of_the_other_end_is_counted_and_changes_nothing():
    pair = connected()
    pair.ncp.receive(ash.build(0xC1, b"\x02\x02") + ash.build(0xC2, b"\x02\x51"), 0)
    pair.host.receive(ash.build(0xC0), 0)
    assert pair.ncp.dropped == {ash.WRONG_END: 2}
    assert pair.host.dropped == {ash.WRONG_END: 1}
    assert pair.ncp.state == pair.host.state == ash.CONNECTED
