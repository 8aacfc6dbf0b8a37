"""The virtual air alone: who hears what, when, and the same again from the same seed."""

from slotmeter.zigbee_han.sim.air import Air, Dice


class Radio:
    """Keeps what it hears; sends what it is given."""

    def __init__(self, channel=11):
        self.channel = channel
        self.heard = []
        self.queue = []

    def receive(self, octets, now_ms, lqi):
        self.heard.append((octets, now_ms, lqi))

    def to_send(self):
        return self.queue.pop(0) if self.queue else b""

    def deadline_ms(self):
        return None

    def tick(self, now_ms):
        raise AssertionError("it has no deadline")


def test_a_frame_reaches_who_is_near_and_on_the_channel_and_never_its_sender():
    air = Air()
    near, far, elsewhere, sender, deaf = Radio(), Radio(), Radio(12), Radio(), Radio(0)
    for radio, x in ((near, 60), (far, 100), (elsewhere, 10), (sender, 0), (deaf, 1)):
        air.attach(radio, x)
    sender.queue.append(bytes(100))
    deaf.queue.append(b"never")
    air.run(1000)
    # 106 octets of 32 microseconds are 3.4 ms.
    assert near.heard == [(bytes(100), 4, 102)]
    assert far.heard == elsewhere.heard == sender.heard == deaf.heard == []
    assert (air.sent, air.now_ms) == (1, 1000)
    air.move(1, 99, 0)
    sender.queue.append(b"again")
    air.run(2000)
    assert [lqi for _, _, lqi in far.heard] == [2]


def test_a_link_overrides_the_places_in_both_directions():
    air = Air()
    one, two, three = Radio(), Radio(), Radio()
    for radio in (one, two, three):
        air.attach(radio)
    air.link(0, 1, 0)
    air.link(2, 0, 40)
    one.queue.append(b"one")
    two.queue.append(b"two")
    air.run(10)
    assert [octets for octets, _, _ in three.heard] == [b"one", b"two"]
    assert [lqi for _, _, lqi in three.heard] == [40, 255]
    assert one.heard == []
    air.link(0, 1, 7)
    assert air.lqi(1, 0) == 7


def run(seed, **faults):
    air = Air(seed, **faults)
    sender, hearer = Radio(), Radio()
    air.attach(sender)
    air.attach(hearer)
    for number in range(1000):
        sender.queue.append(number.to_bytes(2, "big") + bytes(8))
        air.run(air.now_ms + 1)
    air.run(air.now_ms + 1000)
    return air, hearer.heard


def test_the_same_seed_gives_the_same_faults_and_another_gives_others():
    faults = {"loss": 50, "damage": 50, "doubling": 50, "delay_ms": 20}
    assert run(3, **faults)[1] == run(3, **faults)[1]
    assert run(3, **faults)[1] != run(4, **faults)[1]


def test_faults_are_about_as_many_as_was_asked_for():
    air, heard = run(1, loss=100)
    assert 60 < air.lost < 140
    assert len(heard) == 1000 - air.lost
    _, heard = run(1, doubling=100)
    assert 1060 < len(heard) < 1140
    _, heard = run(1, damage=100)
    wrong = [octets for octets, _, _ in heard if octets[2:] != bytes(8)]
    assert 40 < len(wrong) < 140
    for octets in wrong:
        assert sum([bin(octet).count("1") for octet in octets[2:]]) == 1
    _, heard = run(1, delay_ms=9)
    order = [octets[:2] for octets, _, _ in heard]
    assert sorted(order) != order
    assert len(set(order)) == 1000


def test_the_tap_has_every_frame_sent_with_its_time():
    air = Air()
    seen = []
    air.tap = lambda octets, time_us, channel: seen.append((octets, time_us, channel))
    radio = Radio(15)
    air.attach(radio)
    air.run(7)
    radio.queue.append(b"alone")
    air.run(8)
    assert seen == [(b"alone", 7000, 15)]


def test_dice_are_fair_enough_and_differ_between_neighbouring_seeds():
    dice = Dice(5)
    counts = [0] * 10
    for _ in range(10000):
        counts[dice.below(10)] += 1
    assert min(counts) > 900
    assert max(counts) < 1100
    assert Dice(0).octets(16) != Dice(1).octets(16)
    assert len({Dice(seed).octets(4) for seed in range(200)}) == 200
