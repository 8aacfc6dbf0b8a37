"""Future-dated commands: stored, carried out at their time with an alert, replaced, cancelled, kept without power."""

import builder as b
from world import NOW_S, World

HOUR = 3600
THRESHOLD = "0-0:94.44.128.7"
PERIOD = "0-0:94.44.128.6"
RESTORATION = "0-0:94.44.128.8"
SUPPLY = "0-0:94.44.0.3"
CODE = 0x0043


def limits(watts, when):
    """The items of an ECS28a command that sets the load limit threshold to `watts` at `when` (12 octets)."""
    return [
        b.put(9000, PERIOD, 4, b.u32(300)),
        b.put(9000, THRESHOLD, 4, b.u32(watts)),
        b.put(9000, RESTORATION, 4, b.u32(30)),
        b.put(9000, SUPPLY, 4, b.boolean(True)),
        b.put(9000, PERIOD, 6, b.octets(when)),
        b.put(9000, THRESHOLD, 6, b.octets(when)),
        b.put(9000, RESTORATION, 6, b.octets(when)),
        b.put(9000, SUPPLY, 6, b.octets(when)),
    ]


def threshold(world):
    """What ECS27 reads."""
    return int.from_bytes(world.meter.peek(b"\x23\x28" + b.obis(THRESHOLD) + b"\x02")[1:], "big")


def send(world, watts, when):
    response = world.answer(world.command(world.supplier, CODE, limits(watts, when), critical=True))
    assert [one[1] for one in b.response_results(response.payload)] == [0] * 8
    assert response.at == b.date_time(world.now_s)
    return response


def test_now_acts_at_once_and_without_an_alert():
    world = World()
    send(world, 6900, b.NOW)
    assert threshold(world) == 6900
    assert world.advance(HOUR)[1] == [] and world.meter.schedule.next_due() is None


def test_a_time_in_the_past_acts_at_once():
    world = World()
    send(world, 6900, b.date_time(NOW_S - 1))
    assert threshold(world) == 6900


def test_a_future_value_becomes_active_at_its_time_with_an_alert_for_each_activation_object():
    world = World()
    world.meter.anchors.set_own_counter(2004)
    before = threshold(world)
    response = send(world, 6900, b.date_time(NOW_S + HOUR))
    assert threshold(world) == before
    assert world.meter.schedule.next_due() == NOW_S + HOUR
    assert world.advance(HOUR - 1)[1] == []
    _, alerts, _ = world.advance(1)
    assert threshold(world) == 6900
    assert [alert.counter for alert in alerts] == [2004, 2005, 2006, 2007]
    for alert, name in zip(alerts, (PERIOD, THRESHOLD, RESTORATION, SUPPLY), strict=True):
        world.check(alert)
        assert alert.signature and alert.code == 0x00CC and alert.target == world.supplier.entity
        about = b.number(CODE, 2) + b.number(response.counter, 8) + b"\x23\x28" + b.obis(name) + b"\x06"
        assert alert.payload == b.data_notification(
            alert.counter, b.u16(0x8F66), b.octets(b.date_time(NOW_S + HOUR)), b.octets(about)
        )
    assert world.advance(HOUR)[1] == []


def test_cancel_forgets_what_was_stored():
    world = World()
    before = threshold(world)
    send(world, 6900, b.date_time(NOW_S + HOUR))
    send(world, 6900, b.CANCEL)
    assert world.advance(2 * HOUR)[1] == [] and threshold(world) == before


def test_a_later_command_of_the_same_use_case_replaces_the_stored_one():
    world = World()
    send(world, 6900, b.date_time(NOW_S + HOUR))
    send(world, 5000, b.date_time(NOW_S + 3 * HOUR))
    assert world.advance(2 * HOUR)[1] == []
    assert len(world.advance(HOUR)[1]) == 4 and threshold(world) == 5000


def test_a_stored_instruction_survives_a_power_cut_and_a_due_time_in_the_dark():
    world = World()
    send(world, 6900, b.date_time(NOW_S + HOUR))
    world.power_up()
    world.now_s += 2 * HOUR
    assert len(world.advance(0)[1]) == 4 and threshold(world) == 6900


def test_what_is_due_happens_before_the_command_that_comes_later():
    world = World()
    send(world, 6900, b.date_time(NOW_S + HOUR))
    world.now_s += 2 * HOUR
    read = world.command(world.supplier, 0x0042, [b.get(71, "0-0:17.0.0.255", 4)])
    responses, alerts, _ = world.deliver(read)
    assert len(alerts) == 4
    assert b.response_results(responses[0].payload) == [(1, 0, b.u32(6900))]


def test_a_tariff_written_now_and_activated_later_is_read_back_then():
    world = World()
    days = b.array(b.structure(b.u16(1), b.octets(bytes.fromhex("07EA0C19FF")), b.u8(2)))
    thresholds = b.array(b.u32(1000), b.u32(2000), b.u32(3000))
    at = b.date_time(NOW_S + HOUR)
    items = [
        b.put(11, "0-1:11.0.0.255", 2, days),
        b.put(21, "0-0:16.1.11.255", 2, thresholds),
        b.put(9000, "0-0:94.44.128.29", 6, b.octets(at)),
        b.put(9000, "0-0:63.1.1.255", 6, b.octets(at)),
    ]
    found = world.results(world.command(world.supplier, 0x0019, items, critical=True))
    assert [one[1] for one in found] == [0] * 4

    def read():
        wanted = [b.get(11, "0-0:11.0.0.255", 2), b.get(21, "0-0:16.0.11.255", 2)]
        return [one[2] for one in world.results(world.command(world.supplier, 0x003A, wanted))]

    before = read()
    assert days not in before and thresholds not in before
    world.advance(HOUR)
    assert read() == [days, thresholds]
