"""The tunnel: a hub and a meter, each an endpoint, and a wire between them."""

from slotmeter.zigbee_han import server, tunnel, zcl
from slotmeter.zigbee_han.errors import EncodeError

HUB = bytes.fromhex("90b3d51f30010000")
METER = bytes.fromhex("00db1234567890a0")
OTHER = bytes.fromhex("00db1234567890a1")
MINUTE = 60000


class Dice:
    """Numbers that look random, the same on a board (Numerical Recipes, chapter 7.1)."""

    def __init__(self, seed):
        self.state = seed

    def falls(self, percent):
        self.state = (self.state * 1664525 + 1013904223) & 0xFFFFFFFF
        return (self.state >> 8) % 100 < percent


class Pair:
    """A hub and a meter. `lost(message, to_meter)` says what does not arrive; `octets` is what was sent."""

    def __init__(self, now_ms=0, **more):
        self.now_ms = now_ms
        self.served = tunnel.Tunnel(**more)
        self.client = tunnel.TunnelClient(METER, 1, now_ms)
        self.meter = server.Endpoint([self.served])
        self.hub = server.Endpoint([self.client])
        self.lost = lambda message, to_meter: False
        self.octets = []

    def sends_up(self, data):
        return self.served.send(HUB, data)

    def settle(self):
        """Carries messages until none is left; (facts of the hub, facts of the meter) without those of endpoints."""
        moved = True
        while moved:
            moved = False
            for here, there, address, to_meter in ((self.hub, self.meter, HUB, 1), (self.meter, self.hub, METER, 0)):
                message = here.to_send()
                if message is not None:
                    moved = True
                    self.octets.append(message.data.hex())
                    if not self.lost(message, to_meter):
                        message.peer = address
                        there.receive(message, self.now_ms)
        return facts(self.hub), facts(self.meter)

    def at(self, now_ms):
        """Lets time pass from deadline to deadline."""
        hub, meter = [], []
        while True:
            times = [one.deadline_ms() for one in (self.hub, self.meter)]
            due = min([time for time in times if time is not None] + [now_ms])
            self.now_ms = max(self.now_ms, due)
            self.hub.tick(self.now_ms)
            self.meter.tick(self.now_ms)
            one, other = self.settle()
            hub, meter = hub + one, meter + other
            if self.now_ms >= now_ms:
                return hub, meter


def facts(endpoint, but=(server.Told, tunnel.Delivered)):
    """What an endpoint tells, without what nearly every test knows anyway."""
    found = []
    fact = endpoint.next_event()
    while fact is not None:
        if not isinstance(fact, but):
            found.append(fact)
        fact = endpoint.next_event()
    return found


def kinds(found):
    return [type(one).__name__ for one in found]


def told(found):
    """What arrived."""
    return [one.data for one in found if isinstance(one, tunnel.Arrived)]


def test_the_hub_asks_for_the_tunnel_that_gbcs_says():
    pair = Pair()
    hub, meter = pair.settle()
    assert pair.octets[0] == "010100" + "06" + "ffff" + "00" + "dc05"
    assert pair.octets[1] == "190100" + "0000" + "00" + "dc05"
    assert (kinds(hub), kinds(meter)) == (["Opened"], ["Opened"])
    assert (hub[0].peer, hub[0].number, hub[0].room) == (METER, 0, 1500)
    assert meter[0].peer == HUB
    assert pair.client.state == tunnel.OPEN
    assert pair.served.peers() == [HUB]


def test_whole_messages_go_both_ways():
    pair = Pair()
    pair.settle()
    for size in (1, 100, 1500):
        assert pair.client.send(b"\xdf" * size, 0)
        assert told(pair.settle()[1]) == [b"\xdf" * size]
        assert pair.served.send(HUB, b"\xdd" * size)
        assert told(pair.settle()[0]) == [b"\xdd" * size]
    assert "010202" + "0000" + "df" in pair.octets
    assert "09010" + "1" + "0000" + "dd" in pair.octets
    for send in (lambda data: pair.client.send(data, 0), lambda data: pair.served.send(HUB, data)):
        try:
            send(bytes(1501))
        except EncodeError:
            continue
        raise AssertionError("1501 octets")


def test_a_peer_that_takes_little_is_sent_no_more():
    pair = Pair()
    small = zcl.build_frame(zcl.Frame(zcl.CLUSTER, 0, bytes.fromhex("06ffff006400"), 1))
    pair.meter.receive(server.Message(OTHER, 1, tunnel.TUNNELING, small), 0)
    assert not pair.served.send(OTHER, bytes(101))
    assert pair.served.send(OTHER, bytes(100))
    answer = zcl.build_frame(zcl.Frame(zcl.CLUSTER, 0, bytes.fromhex("0000006400"), 1, True, True))
    pair.hub.receive(server.Message(METER, 1, tunnel.TUNNELING, answer), 0)
    assert pair.client.send(bytes(101), 0)
    while pair.hub.to_send() is not None:
        pass
    assert kinds(facts(pair.hub)) == ["Opened", "Undelivered"]


def test_both_sides_are_told_that_a_message_was_delivered():
    pair = Pair()
    pair.settle()
    pair.client.send(b"down", 0)
    pair.served.send(HUB, b"up")
    hub_sends, meter_sends = pair.hub.to_send(), pair.meter.to_send()
    for end, peer, out in ((pair.meter, HUB, hub_sends), (pair.hub, METER, meter_sends)):
        end.receive(server.Message(peer, 1, out.cluster, out.data), 0)
    for end, peer, answer in ((pair.hub, METER, pair.meter.to_send()), (pair.meter, HUB, pair.hub.to_send())):
        end.receive(server.Message(peer, 1, answer.cluster, answer.data), 0)
    for end, peer, data in ((pair.hub, METER, b"down"), (pair.meter, HUB, b"up")):
        found = [one for one in facts(end, but=server.Told) if isinstance(one, tunnel.Delivered)]
        assert [(one.peer, one.data) for one in found] == [(peer, data)]


def test_what_was_not_answered_is_sent_at_once_when_there_is_hurry():
    pair = Pair()
    pair.settle()
    pair.lost = lambda message, to_meter: True
    pair.served.send(HUB, b"up")
    pair.settle()
    pair.at(5 * MINUTE)
    pair.lost = lambda message, to_meter: False
    assert told(pair.at(pair.now_ms + 1000)[0]) == []
    pair.served.hurry(pair.now_ms)
    assert told(pair.at(pair.now_ms)[0]) == [b"up"]


def test_messages_wait_for_the_tunnel_and_keep_their_order():
    pair = Pair()
    messages = [bytes((number,)) * 9 for number in range(tunnel.QUEUE_LIMIT)]
    assert all(pair.client.send(data, 0) for data in messages)
    assert not pair.client.send(b"x", 0)
    assert told(pair.settle()[1]) == messages
    assert all(pair.served.send(HUB, data) for data in messages)
    assert not pair.served.send(HUB, b"x")
    assert told(pair.settle()[0]) == messages


def test_nothing_can_be_sent_to_whom_no_tunnel_leads():
    pair = Pair()
    assert not pair.served.send(HUB, b"x")
    pair.settle()
    assert not pair.served.send(OTHER, b"x")


def test_busy_is_asked_again_after_three_minutes():
    pair = Pair()
    pair.served.busy = True
    hub, _ = pair.settle()
    assert [repr(one) for one in hub] == ["Refused(%s, busy)" % METER.hex()]
    pair.client.send(b"x", 0)
    hub, _ = pair.at(3 * MINUTE - 1)
    assert hub == []
    pair.served.busy = False
    hub, meter = pair.at(3 * MINUTE)
    assert kinds(hub) == ["Opened"]
    assert told(meter) == [b"x"]


def test_no_more_numbers_are_made_free_by_closing_all_that_may_be_open():
    pair = Pair(tunnels=2)
    pair.settle()
    for _ in range(5):
        # The hub forgets everything, as after a loss of power.
        pair.hub.clusters[0] = pair.client = tunnel.TunnelClient(METER, 1, pair.now_ms)
        pair.client.send(b"again", pair.now_ms)
        hub, meter = pair.settle()
        assert kinds(hub) == ["Opened"]
        assert told(meter) == [b"again"]
        assert 1 <= len(pair.served.peers()) <= 2


def test_numbers_that_stay_taken_are_waited_for():
    pair = Pair(tunnels=1)
    asked = zcl.build_frame(zcl.Frame(zcl.CLUSTER, 0, bytes.fromhex("06ffff00dc05"), 1))
    pair.meter.receive(server.Message(OTHER, 1, tunnel.TUNNELING, asked), 0)
    pair.meter.to_send()
    hub, _ = pair.settle()
    assert [repr(one) for one in hub] == ["Refused(%s, no more tunnels)" % METER.hex()]
    # Nobody closes the tunnel of another.
    assert pair.served.peers() == [OTHER]
    closing = zcl.build_frame(zcl.Frame(zcl.CLUSTER, 1, b"\x00\x00", 1))
    pair.meter.receive(server.Message(OTHER, 1, tunnel.TUNNELING, closing), 0)
    assert pair.meter.to_send().data.hex() == "18010b0100"
    hub, _ = pair.at(3 * MINUTE)
    assert kinds(hub) == ["Opened"]


def test_a_request_without_answer_is_repeated_and_then_left_for_a_while():
    pair = Pair()
    pair.lost = lambda message, to_meter: True
    hub, _ = pair.at(3 * tunnel.ANSWER_WITHIN_MS)
    assert [repr(one) for one in hub] == ["Refused(%s, no answer)" % METER.hex()]
    assert len(pair.octets) == 3
    pair.lost = lambda message, to_meter: False
    hub, _ = pair.at(10 * MINUTE)
    assert kinds(hub) == ["Opened"]


def test_an_answer_that_comes_too_late_leaves_no_tunnel_behind():
    pair = Pair(tunnels=3)
    pair.settle()
    late = zcl.build_frame(zcl.Frame(zcl.CLUSTER, 0, bytes.fromhex("020000dc05"), 9, True, True))
    pair.hub.receive(server.Message(METER, 1, tunnel.TUNNELING, late), 0)
    assert pair.hub.to_send().data.hex()[4:] == "01" + "0200"
    assert pair.client.tunnel == 0


def test_protocols_that_are_not_gbs_and_flow_control_are_refused():
    for fields, status in (
        ("00ffff00dc05", 3),
        ("06000000dc05", 3),
        ("06ffff01dc05", 4),
        ("06ffff00dc05", 0),
        ("06ffff00", 0),
    ):
        endpoint = server.Endpoint([tunnel.Tunnel()])
        asked = zcl.build_frame(zcl.Frame(zcl.CLUSTER, 0, bytes.fromhex(fields), 5))
        endpoint.receive(server.Message(HUB, 1, tunnel.TUNNELING, asked), 0)
        number = "ffff" if status else "0000"
        assert endpoint.to_send().data.hex() == "190500" + number + "%02x" % status + "dc05", fields


def test_the_protocols_are_told():
    endpoint = server.Endpoint([tunnel.Tunnel()])
    for offset, payload in ((0, "0101ffff06"), (1, "0100"), (255, "0100")):
        asked = zcl.build_frame(zcl.Frame(zcl.CLUSTER, 6, bytes((offset,)), 5))
        endpoint.receive(server.Message(HUB, 1, tunnel.TUNNELING, asked), 0)
        assert endpoint.to_send().data.hex() == "190505" + payload
    endpoint.receive(server.Message(HUB, 1, tunnel.TUNNELING, bytes.fromhex("0005000000")), 0)
    assert endpoint.to_send().data.hex() == "180501" + "000000" + "21" + "ffff"
    endpoint.receive(server.Message(HUB, 1, tunnel.TUNNELING, bytes.fromhex("01050400000000")), 0)
    assert endpoint.to_send().data.hex() == "18050b0481"


def test_transfers_to_the_wrong_tunnel_are_answered_with_an_error():
    pair = Pair()
    pair.settle()
    for peer, payload, status in ((HUB, "0500aa", 0), (OTHER, "0000aa", 1), (HUB, "0000" + "aa" * 1501, 2)):
        data = zcl.build_frame(zcl.Frame(zcl.CLUSTER, 2, bytes.fromhex(payload), 9))
        pair.meter.receive(server.Message(peer, 1, tunnel.TUNNELING, data), 0)
        assert pair.meter.to_send().data.hex() == "190902" + payload[:4] + "%02x" % status
    assert facts(pair.meter) == []


def test_a_tunnel_that_the_meter_forgot_is_opened_again_and_the_message_goes_through_it():
    pair = Pair()
    pair.settle()
    pair.served = tunnel.Tunnel()
    pair.meter.clusters[0] = pair.served
    pair.client.send(b"one", 0)
    pair.client.send(b"two", 0)
    hub, meter = pair.settle()
    assert kinds(hub) == ["Closed", "Opened"]
    assert told(meter) == [b"one", b"two"]


def test_a_message_that_no_tunnel_takes_is_given_up():
    pair = Pair()
    pair.settle()

    def forget(message, to_meter):
        if to_meter and message.data[2] == tunnel.TRANSFER:
            pair.served._open = []
        return False

    pair.lost = forget
    pair.client.send(b"one", 0)
    hub, meter = pair.settle()
    assert told(meter) == []
    assert [one for one in kinds(hub) if one != "Opened"] == ["Closed", "Undelivered", "Closed"]
    assert [one.data for one in hub if isinstance(one, tunnel.Undelivered)] == [b"one"]


def test_a_tunnel_that_the_hub_forgot_gives_the_meters_messages_back():
    pair = Pair()
    pair.settle()
    pair.hub.clusters[0] = pair.client = tunnel.TunnelClient(METER, 1, 0)
    pair.lost = lambda message, to_meter: to_meter and message.data[2] == 0
    pair.served.send(HUB, b"alert")
    pair.served.send(HUB, b"another")
    _, meter = pair.settle()
    assert kinds(meter) == ["Closed", "Undelivered", "Undelivered"]
    assert [one.data for one in meter[1:]] == [b"alert", b"another"]
    pair.lost = lambda message, to_meter: False
    pair.at(MINUTE)
    assert pair.served.send(HUB, b"alert")
    assert told(pair.settle()[0]) == [b"alert"]


def test_silence_closes_the_tunnel_and_the_hub_opens_it_again():
    pair = Pair()
    pair.settle()
    pair.client.send(b"x", 0)
    pair.settle()
    last = pair.served.deadline_ms()
    assert last == 1000 * tunnel.CLOSE_AFTER_S
    hub, meter = pair.at(last - 1)
    assert (hub, meter) == ([], [])
    hub, meter = pair.at(last + MINUTE)
    assert kinds(hub) == ["Closed", "Opened"]
    assert kinds(meter)[-1] == "Opened"
    assert len(pair.served.peers()) == 1


def test_a_closed_tunnel_stays_closed_until_a_message_waits():
    pair = Pair(close_after_s=100)
    pair.settle()
    hub, meter = pair.at(100000)
    assert [repr(one) for one in hub] == ["Closed(%s, tunnel 0, by its server)" % METER.hex()]
    assert pair.client.state == tunnel.SHUT
    assert pair.client.deadline_ms() is None
    pair.client.send(b"x", pair.now_ms)
    hub, meter = pair.settle()
    assert kinds(hub) == ["Opened"]
    assert told(meter) == [b"x"]


def test_a_default_response_without_the_link_key_says_nothing():
    pair = Pair()
    no = zcl.build_frame(zcl.Frame(zcl.GENERAL, zcl.DEFAULT_RESPONSE, b"\x00\x01", 1, True, True))
    pair.hub.receive(server.Message(METER, 1, tunnel.TUNNELING, no, secured=False), 0)
    assert pair.client.state == tunnel.ASKING
    pair.hub.receive(server.Message(OTHER, 1, tunnel.TUNNELING, no), 0)
    assert pair.client.state == tunnel.ASKING
    pair.hub.receive(server.Message(METER, 1, tunnel.TUNNELING, no), 0)
    assert pair.client.state == tunnel.PAUSED


def test_a_meter_that_does_not_fetch_its_messages_takes_no_more():
    pair = Pair()
    for number in range(2 * tunnel.QUEUE_LIMIT):
        pair.client.send(bytes((number,)), 0)
        message = pair.hub.to_send()
        while message is not None:
            message.peer = HUB
            pair.meter.receive(message, 0)
            answer = pair.meter.to_send()
            while answer is not None:
                answer.peer = METER
                pair.hub.receive(answer, 0)
                answer = pair.meter.to_send()
            message = pair.hub.to_send()
    arrived = told(facts(pair.meter))
    undelivered = [one.data for one in facts(pair.hub) if isinstance(one, tunnel.Undelivered)]
    assert len(arrived) == tunnel.QUEUE_LIMIT
    assert arrived + undelivered == [bytes((number,)) for number in range(2 * tunnel.QUEUE_LIMIT)]


def test_others_than_the_server_are_not_listened_to():
    pair = Pair()
    pair.settle()
    for which, payload in ((1, "0000aa"), (2, "000000"), (6, "0000"), (0, "000000dc05")):
        data = zcl.build_frame(zcl.Frame(zcl.CLUSTER, which, bytes.fromhex(payload), 9, True))
        pair.hub.receive(server.Message(OTHER, 1, tunnel.TUNNELING, data), 0)
        assert pair.hub.to_send().data.hex() == "10090b%02x7e" % which
    assert facts(pair.hub) == []
    assert pair.client.state == tunnel.OPEN


def test_a_hub_has_tunnels_to_many_devices():
    clients = tunnel.TunnelClients(limit=2)
    hub = server.Endpoint([clients])
    meters = {address: server.Endpoint([tunnel.Tunnel()]) for address in (METER, OTHER)}
    for address in (METER, OTHER):
        clients.add(address, 1, 0)
        clients.find(address).send(b"to " + address, 0)
    try:
        clients.add(HUB, 1, 0)
    except EncodeError:
        pass
    else:
        raise AssertionError("a third device")
    assert hub.deadline_ms() == tunnel.ANSWER_WITHIN_MS
    message = hub.to_send()
    while message is not None:
        address, message.peer = message.peer, HUB
        meters[address].receive(message, 0)
        answer = meters[address].to_send()
        while answer is not None:
            answer.peer = address
            hub.receive(answer, 0)
            answer = meters[address].to_send()
        message = hub.to_send()
    for address in (METER, OTHER):
        assert told(facts(meters[address])) == [b"to " + address]
    assert sorted(one.peer for one in facts(hub) if isinstance(one, tunnel.Opened)) == [METER, OTHER]
    clients.remove(OTHER, "gone")
    assert clients.find(OTHER) is None
    data = zcl.build_frame(zcl.Frame(zcl.CLUSTER, 1, b"\x00\x00x", 9, True))
    hub.receive(server.Message(OTHER, 1, tunnel.TUNNELING, data), 0)
    assert hub.to_send().data.hex() == "10090b017e"


def test_with_frames_lost_both_ways_messages_arrive_in_order_and_none_twice():
    for seed in range(30):
        dice = Dice(seed)
        pair = Pair()
        pair.settle()
        pair.lost = lambda message, to_meter, dice=dice: dice.falls(10)
        at_meter, at_hub, given_up = [], [], []
        for number in range(40):
            data = str(number).encode()
            pair.client.send(data, pair.now_ms)
            pair.served.send(HUB, data)
            hub, meter = pair.at(pair.now_ms + MINUTE)
            at_meter += told(meter)
            given_up += [one.data for one in hub if isinstance(one, tunnel.Undelivered)]
            at_hub += told(hub)
        hub, meter = pair.at(pair.now_ms + 60 * MINUTE)
        at_meter += told(meter)
        at_hub += told(hub)
        everything = [str(number).encode() for number in range(40)]
        assert at_meter == sorted(set(at_meter), key=int), seed
        # What was given up may have arrived, if only its answers were lost.
        assert sorted(set(at_meter + given_up), key=int) == everything, seed
        assert len(given_up) < 3, seed
        assert at_hub == everything, seed


def test_a_message_is_had_once_when_only_its_answer_is_lost_and_twice_when_it_is_sent_twice():
    for client_sends in (True, False):
        pair = Pair()
        pair.settle()
        pair.lost = lambda message, to_meter: message.data[2] == zcl.DEFAULT_RESPONSE and message.data[0] & 3 == 0
        send = (lambda data: pair.client.send(data, pair.now_ms)) if client_sends else pair.sends_up
        send(b"one")
        assert told(pair.settle()[client_sends]) == [b"one"]
        assert pair.at(tunnel.TRANSFER_WITHIN_MS + 1) == ([], [])
        assert len([one for one in pair.octets if one.endswith(b"one".hex())]) == 2
        pair.lost = lambda message, to_meter: False
        came = pair.at(10 * MINUTE)
        assert came == ([], [])
        send(b"one")
        assert told(pair.settle()[client_sends]) == [b"one"]


def test_a_client_gives_up_after_three_times_and_a_server_does_not():
    pair = Pair()
    pair.settle()
    pair.lost = lambda message, to_meter: True
    pair.client.send(b"command", 0)
    pair.sends_up(b"alert")
    pair.settle()
    hub, meter = pair.at(60 * MINUTE)
    assert [repr(one) for one in hub] == ["Undelivered(%s, 7 octets, no answer)" % METER.hex()]
    assert meter == []
    assert len([one for one in pair.octets if one.endswith(b"command".hex())]) == tunnel.TRIES
    pair.lost = lambda message, to_meter: False
    hub, _ = pair.at(pair.now_ms + 1 + tunnel.PATIENCE * tunnel.TRANSFER_WITHIN_MS)
    assert told(hub) == [b"alert"]
