"""Key establishment between two ends and a wire that loses, doubles, delays and forges."""

import pytest

from slotmeter.hal.host.crypto import HostCrypto
from slotmeter.hal.virtual.entropy import SeededEntropy
from slotmeter.zigbee_han import key_establishment as ke
from slotmeter.zigbee_han.agreement import CurveWork, Identity
from slotmeter.zigbee_han.certificates import SUITE_1, SUITE_2, Authority, curve_of
from slotmeter.zigbee_han.errors import DecodeError
from slotmeter.zigbee_han.key_establishment import KeyAgreed, KeyCommand, KeyExchange

CRYPTO = HostCrypto()
METER = b"\x02SLOT\x10\x00\x01"
HUB = b"\x02SLOT\x10\x00\x02"
DISPLAY = b"\x02SLOT\x10\x00\x03"
ISSUER = b"BENCH CA"


def authority_of(suite, seed=1, issuer=ISSUER):
    return Authority(CRYPTO, suite, curve_of(suite).private_key(SeededEntropy(seed).random(60)), issuer)


AUTHORITIES = {SUITE_1: authority_of(SUITE_1), SUITE_2: authority_of(SUITE_2)}
STRANGER = authority_of(SUITE_1, 2)
OTHER_NAME = authority_of(SUITE_1, 1, b"OTHER CA")
_MADE = {}


def identity(device, suite, authority=None):
    """A device's identity; made once, because that takes long."""
    authority = authority or AUTHORITIES[suite]
    key = (device, suite, authority.public, authority.issuer)
    if key not in _MADE:
        octets, private = authority.issue(SeededEntropy(device[-1]), device)
        _MADE[key] = Identity(suite, octets, private, authority.public)
    return _MADE[key]


def end(device, suites=(SUITE_1,), authority=None, **settings):
    entropy = SeededEntropy(100 + device[-1])
    return KeyExchange(CRYPTO, entropy, device, [identity(device, suite, authority) for suite in suites], **settings)


class Pair:
    """Some ends on a wire. `lose` and `change` look at (from, to, command) of each message on its way."""

    def __init__(self, *ends):
        self.ends = dict(ends)
        self.now_ms = 0
        self.sent = []
        self.facts = []
        self.lose = lambda source, message: False
        self.change = lambda source, message: message

    def step(self):
        """Delivers what every end wants to send now, and fetches the facts; whether anything went."""
        went = False
        for source in list(self.ends):
            message = self.ends[source].to_send()
            while message is not None:
                went = True
                self.sent.append((source, message))
                arriving = KeyCommand(source, message.from_server, message.command, message.payload)
                arriving = self.change(source, arriving)
                if not self.lose(source, message) and message.partner in self.ends:
                    self.ends[message.partner].receive(arriving, self.now_ms)
                message = self.ends[source].to_send()
            self.fetch(source)
        return went

    def fetch(self, source):
        fact = self.ends[source].next_event()
        while fact is not None:
            self.facts.append((source, fact))
            fact = self.ends[source].next_event()

    def until_quiet(self):
        while self.step():
            pass

    def wait(self, ms):
        """Lets time pass from deadline to deadline."""
        end_ms = self.now_ms + ms
        while True:
            due = [one.deadline_ms() for one in self.ends.values() if one.deadline_ms() is not None]
            if not due or min(due) > end_ms:
                break
            self.now_ms = max(self.now_ms, min(due))
            for source in list(self.ends):
                self.ends[source].tick(self.now_ms)
                self.fetch(source)
            self.until_quiet()
        self.now_ms = end_ms

    def agreements(self):
        return [(source, fact.partner, fact.key) for source, fact in self.facts if isinstance(fact, KeyAgreed)]

    def failures(self):
        return [
            (source, fact.reason, fact.by_partner) for source, fact in self.facts if isinstance(fact, ke.ExchangeFailed)
        ]

    def commands(self):
        """What went over the wire, in short: (command, from server)."""
        return [(message.command, message.from_server) for _, message in self.sent]


def pair(**settings):
    return Pair((METER, end(METER, **settings)), (HUB, end(HUB, **settings)))


WHOLE = [(0, False), (0, True), (1, False), (1, True), (2, False), (2, True)]


def agreed(wire):
    """Whether exactly the meter and the hub have one key, and both the same."""
    keys = wire.agreements()
    names = [(source, partner) for source, partner, _ in keys]
    return len(keys) == 2 and (METER, HUB) in names and (HUB, METER) in names and keys[0][2] == keys[1][2]


def test_two_devices_of_one_authority_agree_on_a_key_in_six_messages():
    for suites in ((SUITE_1,), (SUITE_2,)):
        for initiator, responder in ((METER, HUB), (HUB, METER)):
            wire = pair(suites=suites)
            wire.ends[initiator].start(responder, 0)
            wire.until_quiet()
            assert wire.commands() == WHOLE
            assert agreed(wire)
            assert wire.facts[0][1].suite == suites[0]
            assert len(wire.facts) == 2
            wire.wait(60000)
            assert len(wire.facts) == 2
            assert wire.ends[METER].deadline_ms() is wire.ends[HUB].deadline_ms() is None


def test_every_exchange_gives_another_key():
    wire = pair()
    for _ in range(2):
        wire.ends[METER].start(HUB, wire.now_ms)
        wire.until_quiet()
    keys = wire.agreements()
    assert keys[0][2] == keys[1][2] != keys[2][2] == keys[3][2]


def test_the_highest_common_suite_is_used():
    both = (SUITE_1, SUITE_2)
    wire = Pair((METER, end(METER, both)), (HUB, end(HUB, both)))
    wire.ends[METER].start(HUB, 0, 3)
    wire.until_quiet()
    assert [fact.suite for _, fact in wire.facts] == [SUITE_2, SUITE_2]
    wire = Pair((METER, end(METER, both)), (HUB, end(HUB)))
    wire.ends[METER].start(HUB, 0, 1)
    wire.until_quiet()
    assert [fact.suite for _, fact in wire.facts] == [SUITE_1, SUITE_1]


def test_without_a_common_suite_nothing_is_sent():
    wire = pair()
    for suites in (0, SUITE_2, 0xFFFE):
        wire.ends[METER].start(HUB, 0, suites)
    wire.until_quiet()
    assert wire.sent == []
    assert wire.failures() == 3 * [(METER, ke.UNSUPPORTED_SUITE, False)]


def test_who_is_told_that_a_suite_is_not_supported_goes_on_with_a_lower_one_after_the_wait():
    wire = Pair((METER, end(METER, (SUITE_1, SUITE_2))), (HUB, end(HUB, wait_s=4)))
    wire.ends[METER].start(HUB, 0)
    wire.until_quiet()
    assert wire.commands() == [(0, False), (3, True)]
    assert wire.sent[1][1].payload == bytes((ke.UNSUPPORTED_SUITE, 4, 1, 0))
    wire.wait(3999)
    assert len(wire.sent) == 2
    wire.wait(1)
    assert agreed(wire)
    assert wire.commands()[2:] == WHOLE


def test_who_shares_no_lower_suite_with_its_partner_gives_up():
    wire = Pair((METER, end(METER)), (HUB, end(HUB, (SUITE_2,))))
    wire.ends[METER].start(HUB, 0)
    wire.until_quiet()
    wire.wait(30000)
    assert wire.failures() == [(HUB, ke.UNSUPPORTED_SUITE, False), (METER, ke.UNSUPPORTED_SUITE, True)]
    assert wire.commands() == [(0, False), (3, True)]


@pytest.mark.parametrize("lost", WHOLE)
def test_a_lost_message_ends_both_sides_by_time_and_the_next_attempt_succeeds(lost):
    wire = pair()
    wire.lose = lambda source, message: (message.command, message.from_server) == lost
    wire.ends[METER].start(HUB, 0)
    wire.until_quiet()
    assert not agreed(wire)
    wire.wait(30000)
    assert (METER, ke.TIMED_OUT, False) in wire.failures()
    # Who sent the last confirmation has the key already; it is the other who does not.
    assert len(wire.agreements()) == (1 if lost == (2, True) else 0)
    assert wire.ends[METER].deadline_ms() is wire.ends[HUB].deadline_ms() is None
    wire.facts = []
    wire.lose = lambda source, message: False
    wire.ends[METER].start(HUB, wire.now_ms)
    wire.until_quiet()
    assert agreed(wire)


def test_a_side_waits_as_long_as_its_partner_announced_and_two_seconds_more():
    initiator, responder = end(METER, ephemeral_s=7, confirm_s=9), end(HUB, ephemeral_s=20, confirm_s=30)
    initiator.start(HUB, 1000)
    assert initiator.deadline_ms() == 1000 + ke.INITIATE_WITHIN_MS
    assert initiator.to_send().payload[:4] == b"\x01\x00\x07\x09"
    responder.receive(KeyCommand(METER, False, 0, initiate(METER, 7, 9)), 5000)
    assert responder.deadline_ms() == 5000 + 7000 + 2000
    initiator.receive(KeyCommand(HUB, True, 0, responder.to_send().payload), 6000)
    assert initiator.deadline_ms() == 6000 + 20000 + 2000
    responder.receive(KeyCommand(METER, False, 1, initiator.to_send().payload), 8000)
    assert responder.deadline_ms() == 8000 + 9000 + 2000
    initiator.receive(KeyCommand(HUB, True, 1, responder.to_send().payload), 9000)
    assert initiator.deadline_ms() == 9000 + 30000 + 2000
    # One millisecond before the end all is well, at the end it is over.
    responder.tick(18999)
    assert responder.next_event() is None
    responder.tick(19000)
    assert responder.next_event().reason == ke.TIMED_OUT


def test_a_message_that_comes_after_the_time_belongs_to_nothing():
    initiator, responder = end(METER), end(HUB)
    initiator.start(HUB, 0)
    responder.receive(KeyCommand(METER, False, 0, initiator.to_send().payload), 0)
    answer = responder.to_send()
    initiator.receive(KeyCommand(HUB, True, 0, answer.payload), ke.INITIATE_WITHIN_MS)
    assert initiator.next_event().reason == ke.TIMED_OUT
    assert initiator.to_send() is None
    assert initiator.ignored == 1


def initiate(device, ephemeral_s=3, confirm_s=6, suite=SUITE_1, authority=None):
    return bytes((suite, 0, ephemeral_s, confirm_s)) + identity(device, suite, authority).certificate.octets


def answer_to(message, now_ms=0, **settings):
    """What a fresh hub says to one message: (answer, fact)."""
    hub = end(HUB, **settings)
    hub.receive(message, now_ms)
    answer = hub.to_send()
    assert hub.to_send() is None
    return answer, hub.next_event()


def test_a_bad_initiate_is_refused_for_its_reason():
    good = initiate(METER)
    off = bytes(3) + good[4 + 2 :]
    for payload, status in (
        (b"", ke.BAD_MESSAGE),
        (good[:3], ke.BAD_MESSAGE),
        (good[:-1], ke.BAD_MESSAGE),
        (good + b"\0", ke.BAD_MESSAGE),
        (b"\x00\x00" + good[2:], ke.BAD_MESSAGE),
        (b"\x03\x00" + good[2:], ke.BAD_MESSAGE),
        (b"\x01\x80" + good[2:], ke.BAD_MESSAGE),
        (b"\x02\x00" + good[2:], ke.BAD_MESSAGE),
        (b"\x04\x00" + good[2:], ke.UNSUPPORTED_SUITE),
        (b"\x00\x80" + good[2:], ke.UNSUPPORTED_SUITE),
        (initiate(METER, suite=SUITE_2), ke.UNSUPPORTED_SUITE),
        (initiate(DISPLAY), ke.INVALID_CERTIFICATE),
        (initiate(METER, authority=OTHER_NAME), ke.UNKNOWN_ISSUER),
        (good[:42] + b"\x01\x04" + good[44:], ke.INVALID_CERTIFICATE),
        (good[:4] + b"\x04" + good[5:], ke.INVALID_CERTIFICATE),
        (good[:4] + off[3:] + b"\0\0", ke.INVALID_CERTIFICATE),
        (good[:4] + b"\x02" + bytes(21) + good[26:], ke.INVALID_CERTIFICATE),
    ):
        answer, fact = answer_to(KeyCommand(METER, False, 0, payload))
        assert (answer.command, answer.from_server, answer.partner) == (ke.TERMINATE, True, METER)
        assert answer.payload == bytes((status, ke.WAIT_S, 1, 0))
        assert (fact.reason, fact.partner, fact.by_partner) == (status, METER, False)


def test_an_authority_of_the_same_name_with_another_key_makes_no_key():
    wire = Pair((METER, end(METER, authority=STRANGER)), (HUB, end(HUB)))
    wire.ends[METER].start(HUB, 0)
    wire.until_quiet()
    assert wire.failures() == [(HUB, ke.BAD_KEY_CONFIRM, False), (METER, ke.BAD_KEY_CONFIRM, True)]
    assert wire.agreements() == []


def test_whoever_has_a_certificate_but_not_its_key_gets_no_key():
    stolen = Identity(SUITE_1, identity(METER, SUITE_1).certificate.octets, bytes(20) + b"\x09", AUTHORITIES[1].public)
    thief = KeyExchange(CRYPTO, SeededEntropy(3), METER, [stolen])
    for initiator, responder in ((METER, HUB), (HUB, METER)):
        wire = Pair((METER, thief), (HUB, end(HUB)))
        wire.ends[initiator].start(responder, 0)
        wire.until_quiet()
        assert wire.agreements() == []
        assert ke.BAD_KEY_CONFIRM in [reason for _, reason, _ in wire.failures()]
        thief.tick(100000)
        thief.start(DISPLAY, 200000)
        thief.to_send()
        thief.tick(300000)
        wire.fetch(METER)


def test_an_identity_of_another_device_is_not_taken():
    with pytest.raises(DecodeError, match="certificate is that of"):
        KeyExchange(CRYPTO, SeededEntropy(1), HUB, [identity(METER, SUITE_1)])


def forged(command, from_server, payload_of):
    """A wire on which one message is replaced on its way."""
    wire = pair()

    def change(source, message):
        if (message.command, message.from_server) == (command, from_server):
            return KeyCommand(message.partner, from_server, command, payload_of(message.payload))
        return message

    wire.change = change
    wire.ends[METER].start(HUB, 0)
    wire.until_quiet()
    return wire


def test_an_ephemeral_key_that_is_no_point_of_the_order_is_a_bad_message():
    curve = curve_of(SUITE_1)
    outside = curve.compress(curve.add(curve.base, (0, 1)))
    for bad in (b"", bytes(22), b"\x02" + bytes(21), b"\x02" + b"\xff" * 21, outside, outside[:-1], outside + b"\0"):
        wire = forged(1, False, lambda _: bad)
        assert wire.failures() == [(HUB, ke.BAD_MESSAGE, False), (METER, ke.BAD_MESSAGE, True)]
        wire = forged(1, True, lambda _: bad)
        assert wire.failures() == [(METER, ke.BAD_MESSAGE, False), (HUB, ke.BAD_MESSAGE, True)]
        assert wire.agreements() == []
        assert wire.commands()[-1] == (3, False)


def test_another_ephemeral_key_than_was_sent_makes_no_key():
    other = curve_of(SUITE_1).compress(curve_of(SUITE_1).base)
    wire = forged(1, False, lambda _: other)
    assert wire.failures() == [(HUB, ke.BAD_KEY_CONFIRM, False), (METER, ke.BAD_KEY_CONFIRM, True)]
    wire = forged(1, True, lambda _: other)
    assert wire.failures() == [(HUB, ke.BAD_KEY_CONFIRM, False), (METER, ke.BAD_KEY_CONFIRM, True)]
    assert wire.agreements() == []


def test_a_wrong_confirmation_makes_no_key():
    for place in (0, 7, 15):
        wire = forged(2, False, lambda mac: mac[:place] + bytes((mac[place] ^ 1,)) + mac[place + 1 :])
        assert wire.failures() == [(HUB, ke.BAD_KEY_CONFIRM, False), (METER, ke.BAD_KEY_CONFIRM, True)]
        assert wire.agreements() == []
        wire = forged(2, True, lambda mac: mac[:place] + bytes((mac[place] ^ 1,)) + mac[place + 1 :])
        assert (METER, ke.BAD_KEY_CONFIRM, False) in wire.failures()
        assert [source for source, _, _ in wire.agreements()] == [HUB]
    for size in (0, 15, 17):
        assert forged(2, False, lambda mac: bytes(size)).failures()[0] == (HUB, ke.BAD_MESSAGE, False)


def test_an_initiators_own_confirmation_sent_back_is_not_the_responders():
    wire = pair()
    macs = []

    def change(source, message):
        if message.command == 2:
            macs.append(message.payload)
            return KeyCommand(message.partner, message.from_server, 2, macs[0])
        return message

    wire.change = change
    wire.ends[METER].start(HUB, 0)
    wire.until_quiet()
    assert (METER, ke.BAD_KEY_CONFIRM, False) in wire.failures()
    assert len(macs) == 2


@pytest.mark.parametrize("doubled", WHOLE)
def test_every_message_may_come_twice(doubled):
    wire = pair()

    def change(source, message):
        if (message.command, message.from_server) == doubled:
            wire.ends[HUB if source == METER else METER].receive(message, wire.now_ms)
        return message

    wire.change = change
    wire.ends[METER].start(HUB, 0)
    wire.until_quiet()
    wire.wait(30000)
    assert agreed(wire)
    assert wire.failures() == []


def test_a_responder_repeats_its_answer_when_a_request_comes_again():
    hub, meter = end(HUB), end(METER)
    meter.start(HUB, 0)
    for _ in range(3):
        request = meter.to_send()
        message = KeyCommand(METER, False, request.command, request.payload)
        hub.receive(message, 0)
        first = hub.to_send()
        hub.receive(message, 1)
        again = hub.to_send()
        assert (first.command, first.payload) == (again.command, again.payload)
        meter.receive(KeyCommand(HUB, True, first.command, first.payload), 2)
    assert isinstance(hub.next_event(), KeyAgreed)
    assert hub.next_event() is None
    assert isinstance(meter.next_event(), KeyAgreed)


def test_messages_in_another_order_end_the_exchange_without_a_key():
    hub = end(HUB)
    hub.receive(KeyCommand(METER, False, 0, initiate(METER)), 0)
    assert hub.to_send().command == 0
    hub.receive(KeyCommand(METER, False, 2, bytes(16)), 0)
    answer = hub.to_send()
    assert (answer.command, answer.payload[0]) == (ke.TERMINATE, ke.BAD_MESSAGE)
    assert hub.next_event().reason == ke.BAD_MESSAGE
    assert hub.deadline_ms() is None


def test_a_request_of_no_exchange_is_told_so_and_a_response_is_ignored():
    for command in (1, 2):
        answer, fact = answer_to(KeyCommand(METER, False, command, bytes(16)))
        assert (answer.command, answer.from_server, answer.payload[0]) == (ke.TERMINATE, True, ke.BAD_MESSAGE)
        assert fact is None
    for command in (0, 1, 2):
        assert answer_to(KeyCommand(METER, True, command, initiate(METER))) == (None, None)
    for from_server in (False, True):
        assert answer_to(KeyCommand(METER, from_server, ke.TERMINATE, bytes((3, 10, 1, 0)))) == (None, None)
        assert answer_to(KeyCommand(METER, from_server, 4, b"")) == (None, None)
        assert answer_to(KeyCommand(METER, from_server, 255, b"")) == (None, None)


def test_late_answers_to_an_earlier_exchange_do_not_harm_the_next_one():
    wire = pair()
    wire.lose = lambda source, message: (message.command, message.from_server) == (2, True)
    wire.ends[METER].start(HUB, 0)
    wire.until_quiet()
    late = [message for source, message in wire.sent if source == HUB]
    wire.wait(60000)
    wire.facts = []
    wire.lose = lambda source, message: False
    meter = wire.ends[METER]
    meter.start(HUB, wire.now_ms)
    for message in late[1:]:
        meter.receive(KeyCommand(HUB, True, message.command, message.payload), wire.now_ms)
    assert meter.ignored == 2
    wire.until_quiet()
    assert agreed(wire)


def test_a_whole_exchange_replayed_makes_no_second_key():
    wire = pair()
    wire.ends[METER].start(HUB, 0)
    wire.until_quiet()
    wire.wait(60000)
    wire.facts = []
    hub = wire.ends[HUB]
    answers = []
    for source, message in list(wire.sent):
        if source == METER:
            hub.receive(KeyCommand(METER, False, message.command, message.payload), wire.now_ms)
            answers.append(hub.to_send().command)
    wire.fetch(HUB)
    assert answers == [0, 1, ke.TERMINATE]
    assert wire.failures() == [(HUB, ke.BAD_KEY_CONFIRM, False)]


def test_an_initiator_that_lost_its_power_begins_anew():
    for steps in (1, 2):
        hub = end(HUB)
        meter = end(METER)
        meter.start(HUB, 0)
        for _ in range(steps):
            request = meter.to_send()
            hub.receive(KeyCommand(METER, False, request.command, request.payload), 0)
            answer = hub.to_send()
            meter.receive(KeyCommand(HUB, True, answer.command, answer.payload), 0)
        wire = Pair((METER, end(METER)), (HUB, hub))
        wire.ends[METER].start(HUB, 0)
        wire.until_quiet()
        assert agreed(wire)
        assert wire.failures() == []


def test_a_terminate_ends_the_exchange_and_its_wait_is_kept():
    meter = end(METER)
    meter.start(HUB, 0)
    assert meter.to_send().command == 0
    meter.receive(KeyCommand(HUB, True, ke.TERMINATE, bytes((ke.NO_RESOURCES, 25, 1, 0))), 5000)
    fact = meter.next_event()
    assert (fact.reason, fact.partner, fact.wait_s, fact.by_partner) == (ke.NO_RESOURCES, HUB, 25, True)
    meter.start(HUB, 6000)
    assert meter.to_send() is None
    assert meter.deadline_ms() == 30000
    meter.start(HUB, 7000)
    meter.tick(29999)
    assert meter.to_send() is None
    meter.tick(30000)
    assert meter.to_send().command == 0
    assert meter.to_send() is None
    # Others are not kept waiting.
    other = end(METER)
    other.start(HUB, 0)
    other.receive(KeyCommand(HUB, True, ke.TERMINATE, bytes((ke.NO_RESOURCES, 25, 1, 0))), 0)
    other.to_send()
    other.start(DISPLAY, 0)
    assert other.to_send().partner == DISPLAY


def test_a_terminate_of_the_other_role_or_length_ends_nothing():
    meter = end(METER)
    meter.start(HUB, 0)
    meter.to_send()
    for from_server, payload in ((False, bytes((3, 1, 1, 0))), (True, bytes(3)), (True, bytes(5)), (True, b"")):
        meter.receive(KeyCommand(HUB, from_server, ke.TERMINATE, payload), 0)
    assert meter.ignored == 4
    assert meter.next_event() is None
    assert meter.to_send() is None
    meter.receive(KeyCommand(HUB, True, ke.TERMINATE, bytes((99, 0, 0, 0))), 0)
    assert repr(meter.next_event()) == "ExchangeFailed(status 99 by partner, partner 02534c4f54100002, wait 0 s)"


def test_a_third_device_is_told_to_wait_until_there_is_room():
    wire = Pair((METER, end(METER)), (HUB, end(HUB)), (DISPLAY, end(DISPLAY)))
    wire.lose = lambda source, message: source == METER and message.command == 1
    wire.ends[METER].start(HUB, 0)
    wire.until_quiet()
    wire.ends[DISPLAY].start(HUB, 0)
    wire.until_quiet()
    assert wire.failures() == [(HUB, ke.NO_RESOURCES, False), (DISPLAY, ke.NO_RESOURCES, True)]
    assert wire.facts[1][1].wait_s == 5
    wire.ends[DISPLAY].start(HUB, 0)
    wire.wait(30000)
    assert sorted([(source, partner) for source, partner, _ in wire.agreements()]) == [(HUB, DISPLAY), (DISPLAY, HUB)]


def test_a_hub_with_room_for_two_serves_two_at_a_time():
    wire = Pair((METER, end(METER)), (HUB, end(HUB, limit=2)), (DISPLAY, end(DISPLAY)))
    wire.ends[METER].start(HUB, 0)
    wire.ends[DISPLAY].start(HUB, 0)
    wire.until_quiet()
    assert wire.failures() == []
    assert len(wire.agreements()) == 4


def test_no_more_exchanges_are_begun_than_may_run():
    meter = end(METER)
    meter.start(HUB, 0)
    meter.start(DISPLAY, 0)
    meter.start(HUB, 0)
    assert meter.to_send().partner == HUB
    assert meter.to_send() is None
    fact = meter.next_event()
    assert (fact.reason, fact.partner, fact.by_partner) == (ke.NO_RESOURCES, DISPLAY, False)
    assert fact.wait_s == 10
    assert meter.next_event() is None


def test_who_waits_to_begin_waits_on_while_another_exchange_runs():
    meter = end(METER)
    meter.start(HUB, 0)
    meter.to_send()
    meter.receive(KeyCommand(HUB, True, ke.TERMINATE, bytes((ke.NO_RESOURCES, 5, 1, 0))), 0)
    meter.start(HUB, 0)
    meter.receive(KeyCommand(DISPLAY, False, 0, initiate(DISPLAY, ephemeral_s=4)), 3000)
    assert (meter.to_send().partner, meter.to_send()) == (DISPLAY, None)
    while meter.deadline_ms() < 9000:
        meter.tick(meter.deadline_ms())
        assert meter.to_send() is None
    # The display is silent, its time is over at nine seconds.
    meter.tick(9000)
    meter.tick(meter.deadline_ms())
    assert meter.to_send().partner == HUB


def test_an_answer_for_another_suite_or_of_another_step_is_a_bad_message():
    both = (SUITE_1, SUITE_2)
    meter = end(METER, both)
    meter.start(HUB, 0)
    assert meter.to_send().payload[0] == SUITE_2
    meter.receive(KeyCommand(HUB, True, 0, initiate(HUB)), 0)
    assert meter.to_send().payload == bytes((ke.BAD_MESSAGE, ke.WAIT_S, 3, 0))
    assert meter.next_event().detail == "the answer is for suite 1"
    meter = end(METER)
    meter.start(HUB, 0)
    meter.to_send()
    meter.receive(KeyCommand(HUB, True, 0, initiate(HUB)), 0)
    assert meter.to_send().command == 1
    meter.receive(KeyCommand(HUB, True, 2, bytes(16)), 0)
    assert meter.to_send().payload[0] == ke.BAD_MESSAGE
    assert "is not what was waited for" in meter.next_event().detail


def test_work_that_finds_no_secret_ends_the_exchange():
    class Failing(CurveWork):
        def secret(self, *given):
            raise DecodeError("the shared point is infinity")

    for failing, other in ((METER, HUB), (HUB, METER)):
        wire = Pair((failing, end(failing, work=Failing(CRYPTO))), (other, end(other)))
        wire.ends[METER].start(HUB, 0)
        wire.until_quiet()
        assert sorted(wire.failures()) == sorted([(failing, ke.BAD_MESSAGE, False), (other, ke.BAD_MESSAGE, True)])
        assert wire.agreements() == []


def test_what_is_sent_can_be_fetched_for_each_side_of_the_cluster():
    hub = end(HUB, limit=2)
    hub.start(DISPLAY, 0)
    hub.receive(KeyCommand(METER, False, 0, initiate(METER)), 0)
    assert hub.to_send(True).partner == METER
    assert hub.to_send(True) is None
    assert hub.to_send(False).partner == DISPLAY
    assert hub.to_send() is None


def test_when_both_begin_the_lower_address_stays_the_initiator():
    for order in ((METER, HUB), (HUB, METER)):
        wire = Pair(*[(device, end(device)) for device in order])
        wire.ends[METER].start(HUB, 0)
        wire.ends[HUB].start(METER, 0)
        # Both have sent before either has heard.
        crossing = [(device, wire.ends[device].to_send()) for device in order]
        for source, message in crossing:
            wire.ends[message.partner].receive(KeyCommand(source, False, 0, message.payload), 0)
        wire.until_quiet()
        assert agreed(wire)
        assert wire.failures() == []
        wire.wait(60000)
        assert len(wire.facts) == 2


def test_a_bad_initiate_does_not_disturb_an_exchange_that_runs():
    wire = pair()
    wire.ends[METER].start(HUB, 0)
    wire.step()
    hub = wire.ends[HUB]
    assert hub.deadline_ms() is not None
    hub.receive(KeyCommand(METER, False, 0, b"rubbish"), 0)
    wire.until_quiet()
    assert wire.commands() == WHOLE
    assert agreed(wire)
    assert wire.failures() == []
    assert hub.ignored == 1


def test_what_nobody_fetches_is_not_kept_without_end():
    hub = end(HUB)
    for number in range(100):
        hub.receive(KeyCommand(number.to_bytes(8, "big"), False, 0, b"rubbish"), 0)
    count = 0
    while hub.to_send() is not None:
        count += 1
    facts = 0
    while hub.next_event() is not None:
        facts += 1
    assert (count, facts) == (32, 32)
    meter = end(METER)
    for number in range(100):
        meter.start(number.to_bytes(8, "big"), 1000 * number)
        meter.to_send()
        refused = KeyCommand(number.to_bytes(8, "big"), True, ke.TERMINATE, bytes((4, 255, 1, 0)))
        meter.receive(refused, 1000 * number)
        meter.next_event()
    assert len(meter._waits) == 16


def test_the_curve_work_is_four_calls_that_can_be_made_elsewhere():
    calls = []

    class Elsewhere(CurveWork):
        def ephemeral(self, suite, octets):
            calls.append("ephemeral")
            return super().ephemeral(suite, octets)

        def static_point(self, certificate, authority):
            calls.append("static_point")
            return super().static_point(certificate, authority)

        def point(self, suite, octets):
            calls.append("point")
            return super().point(suite, octets)

        def secret(self, *given):
            calls.append("secret")
            return super().secret(*given)

    wire = Pair((METER, end(METER, work=Elsewhere(CRYPTO))), (HUB, end(HUB)))
    wire.ends[METER].start(HUB, 0)
    wire.until_quiet()
    assert agreed(wire)
    assert calls == ["static_point", "ephemeral", "point", "secret"]
    calls = []
    wire.ends[HUB].start(METER, 0)
    wire.until_quiet()
    assert calls == ["static_point", "point", "ephemeral", "secret"]


def test_no_secret_shows():
    wire = pair()
    wire.ends[METER].start(HUB, 0)
    shown = []
    private = identity(METER, SUITE_1).private
    while wire.step():
        for one in wire.ends.values():
            shown.append(repr(one))
            shown += [repr(exchange) for exchange in one._exchanges]
    shown += [repr(fact) for _, fact in wire.facts] + [repr(message) for _, message in wire.sent]
    key = wire.agreements()[0][2]
    assert shown
    for text in shown:
        for secret in (key, private):
            assert secret.hex() not in text
            assert repr(secret)[2:-1] not in text
    assert repr(wire.facts[0][1]).startswith("KeyAgreed(partner 02534c4f5410000")
    # And what is over keeps none.
    for one in wire.ends.values():
        for exchange in one._exchanges:
            assert not exchange.link_key
            assert not exchange.mac_key
            assert not exchange.private
