"""The MAC layer of two devices and of three: acknowledgements, repetition, beacons, association."""

from slotmeter.zigbee_han.frames import mac as frames
from slotmeter.zigbee_han.sim import mac
from slotmeter.zigbee_han.sim.air import Air

HUB = bytes.fromhex("00db1234567890b1")
METER = bytes.fromhex("00db1234567890a0")
OTHER = bytes.fromhex("00db1234567890c2")
PAN = 0x1A62


def device(eui, short=mac.NO_ADDRESS, channel=11, counted=None):
    one = mac.Mac(eui, (counted if counted is not None else []).append)
    one.channel = channel
    if short != mac.NO_ADDRESS:
        one.pan = PAN
        one.short = short
    return one


def hub():
    one = device(HUB, 0)
    one.coordinator = True
    one.permit = True
    one.beacon_payload = b"the network"
    return one


def events(one):
    found = []
    event = one.next_event()
    while event is not None:
        found.append(event)
        event = one.next_event()
    return found


def together(*devices, **faults):
    air = Air(**faults)
    for one in devices:
        air.attach(one)
    return air


def test_a_frame_arrives_once_and_its_sender_knows():
    one, two, three = device(HUB, 0), device(METER, 0x4321), device(OTHER, 0x1111)
    air = together(one, two, three)
    one.send(0x4321, b"hello", 7, air.now_ms)
    air.run(20)
    assert [(event.handle, event.ok) for event in events(one)] == [(7, True)]
    assert [(event.src, event.dst, event.payload) for event in events(two)] == [(0, 0x4321, b"hello")]
    assert events(three) == []
    assert air.sent == 2


def test_a_broadcast_reaches_all_and_is_not_acknowledged():
    one, two, three = device(HUB, 0), device(METER, 0x4321), device(OTHER, 0x1111)
    air = together(one, two, three)
    one.send(0xFFFF, b"all", 1, air.now_ms)
    air.run(20)
    assert [len(events(two)), len(events(three)), air.sent] == [1, 1, 1]
    assert [event.ok for event in events(one)] == [True]


def test_a_frame_that_nobody_acknowledges_is_sent_four_times():
    one = device(HUB, 0)
    air = together(one)
    one.send(0x4321, b"hello", 7, air.now_ms)
    one.send(0x4321, b"again", 8, air.now_ms)
    air.run(1000)
    assert [(event.handle, event.ok) for event in events(one)] == [(7, False), (8, False)]
    assert air.sent == 8
    assert air.deadline_ms() is None


def test_frames_come_in_order_and_once_through_loss_damage_and_doubling():
    counted = []
    one, two = device(HUB, 0), device(METER, 0x4321, counted=counted)
    air = together(one, two, seed=5, loss=50, damage=50, doubling=100)
    for number in range(300):
        one.send(0x4321, bytes((number & 0xFF,)), number, air.now_ms)
        air.run(air.now_ms + 200)
    got = [event.payload[0] for event in events(two)]
    delivered = [event.handle & 0xFF for event in events(one) if event.ok]
    assert len(delivered) >= 295
    assert set(delivered) <= set(got)
    # One that was received and whose acknowledgements were all lost is more than was delivered, not twice there.
    assert len(got) <= 300
    assert got == sorted(got[:256]) + got[256:]
    assert "MAC: frame check sequence does not match" in counted


def test_a_scan_finds_the_networks_of_its_channels():
    joiner = device(METER, channel=0)
    closed = device(OTHER, 0x1111, channel=20)
    closed.beacon_payload = b"another"
    elsewhere = device(bytes(8), 0x2222, channel=25)
    elsewhere.beacon_payload = b"not asked"
    silent = device(bytes(range(8)), 0x3333, channel=20)
    air = together(joiner, hub(), closed, elsewhere, silent)
    joiner.scan([11, 15, 20], 3, 0)
    air.run(1000)
    found = events(joiner)
    assert [(one.channel, one.pan, one.src, one.permit, one.coordinator, one.payload) for one in found[:-1]] == [
        (11, PAN, 0, True, True, b"the network"),
        (20, PAN, 0x1111, False, False, b"another"),
    ]
    assert isinstance(found[-1], mac.ScanDone)
    assert mac.scan_ms(3) == 139
    assert joiner.channel == 0


def join(parent, joiner, air, answer, until_ms=2000):
    joiner.associate(11, PAN, parent.short, frames.ROUTER, air.now_ms)
    asked = []
    while air.now_ms < until_ms:
        air.run(air.now_ms + 10)
        for event in events(parent):
            if isinstance(event, mac.AssociationAsked):
                asked.append((event.eui, event.capability))
                answer(event)
    return asked, [(event.status, event.short) for event in events(joiner)]


def test_a_device_associates_and_gets_its_address():
    parent, joiner = hub(), device(METER, channel=0)
    air = together(parent, joiner)
    asked, ended = join(parent, joiner, air, lambda event: parent.answer_association(event.eui, 0x4321, 0, air.now_ms))
    assert asked == [(METER, frames.ROUTER)]
    assert ended == [(0, 0x4321)]
    assert (joiner.short, joiner.pan) == (0x4321, PAN)
    parent.send(0x4321, b"welcome", 1, air.now_ms)
    air.run(air.now_ms + 50)
    assert [event.payload for event in events(joiner)] == [b"welcome"]


def test_an_association_is_refused_or_comes_to_nothing():
    parent, joiner = hub(), device(METER, channel=0)
    air = together(parent, joiner)
    refusal = frames.ACCESS_DENIED
    _, ended = join(
        parent, joiner, air, lambda event: parent.answer_association(event.eui, 0xFFFF, refusal, air.now_ms)
    )
    assert ended == [(frames.ACCESS_DENIED, 0xFFFF)]
    assert joiner.short == mac.NO_ADDRESS
    _, ended = join(parent, joiner, air, lambda event: None, 4000)
    assert ended == [(mac.NO_DATA, mac.NO_ADDRESS)]
    alone = device(METER, channel=0)
    air = together(alone)
    alone.associate(11, PAN, 0, frames.ROUTER, 0)
    air.run(1000)
    assert [event.status for event in events(alone)] == [mac.NO_ACK]


def test_devices_associate_through_a_bad_air_when_they_try_again():
    for seed in range(20):
        parent, joiner = hub(), device(METER, channel=0)
        air = together(parent, joiner, seed=seed, loss=100, damage=50, doubling=50)
        for attempt in range(4):
            _, ended = join(
                parent,
                joiner,
                air,
                lambda event, parent=parent, air=air: parent.answer_association(event.eui, 0x4321, 0, air.now_ms),
                air.now_ms + 2000,
            )
            if ended == [(0, 0x4321)]:
                break
        assert ended == [(0, 0x4321)], (seed, attempt)
