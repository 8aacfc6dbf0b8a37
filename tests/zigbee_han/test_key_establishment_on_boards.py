"""A whole key establishment with what a board has; everything that can go wrong is in test_key_establishment.py."""

from slotmeter.hal.board.crypto import BoardCrypto
from slotmeter.hal.virtual.entropy import SeededEntropy
from slotmeter.zigbee_han import key_establishment as ke
from slotmeter.zigbee_han.agreement import Identity
from slotmeter.zigbee_han.certificates import SUITES, Authority, curve_of
from slotmeter.zigbee_han.key_establishment import KeyAgreed, KeyCommand, KeyExchange

CRYPTO = BoardCrypto()
METER = b"\x02SLOT\x10\x00\x01"
HUB = b"\x02SLOT\x10\x00\x02"


def ends(suite):
    """A meter and a hub with certificates of one authority."""
    authority = Authority(CRYPTO, suite, curve_of(suite).private_key(bytes(range(44))), b"BENCH CA")
    made = []
    for device in (METER, HUB):
        entropy = SeededEntropy(device[-1])
        octets, private = authority.issue(entropy, device)
        made.append(KeyExchange(CRYPTO, entropy, device, [Identity(suite, octets, private, authority.public)]))
    return made


def exchange(meter, hub, change):
    """Carries messages, each by way of `change`, until nobody has any; (fact of the meter, fact of the hub)."""
    meter.start(HUB, 0)
    while True:
        request = meter.to_send()
        if request is not None:
            hub.receive(KeyCommand(METER, request.from_server, request.command, change(request.payload)), 0)
        response = hub.to_send()
        if response is not None:
            meter.receive(KeyCommand(HUB, response.from_server, response.command, response.payload), 0)
        elif request is None:
            return meter.next_event(), hub.next_event()


def test_two_boards_agree_on_a_key_with_both_suites():
    for suite in SUITES:
        meter, hub = ends(suite)
        one, other = exchange(meter, hub, lambda payload: payload)
        assert isinstance(one, KeyAgreed)
        assert isinstance(other, KeyAgreed)
        assert one.key == other.key
        assert len(one.key) == 16
        assert (one.partner, other.partner, one.suite) == (HUB, METER, suite)


def test_a_board_refuses_a_wrong_confirmation_and_a_wrong_point():
    suite = SUITES[0]
    for size, status in ((16, ke.BAD_KEY_CONFIRM), (22, ke.BAD_MESSAGE)):
        meter, hub = ends(suite)
        one, other = exchange(meter, hub, lambda payload: bytes(size) if len(payload) == size else payload)
        assert (one.reason, one.by_partner) == (status, True)
        assert (other.reason, other.by_partner) == (status, False)


def test_a_board_notices_that_nobody_answers():
    meter = ends(SUITES[0])[0]
    meter.start(HUB, 5)
    assert meter.to_send().command == ke.INITIATE
    meter.tick(meter.deadline_ms())
    assert meter.next_event().reason == ke.TIMED_OUT
    assert meter.deadline_ms() is None
