"""A meter and an in-home display on one air: pairing, what is shown, and who is not served."""

import asn1_commands as a
import builder as b
import metered
from han_home import PRICES, MeteredHome, tariff

from slotmeter.dlms.gbcs.devices import PPMID, TYPE_2
from slotmeter.firmware.han_station import PAIRING_MS, DisplayPaired
from slotmeter.firmware.settings import Settings
from slotmeter.hal.radio import KeyShared
from slotmeter.hal.virtual.house import ConstantLoad
from slotmeter.zigbee_han.clusters.client import Published
from slotmeter.zigbee_han.clusters.values import SUPPLY_OFF, SUPPLY_ON
from slotmeter.zigbee_han.joiner import UP
from slotmeter.zigbee_han.key_establishment import KeyAgreed
from slotmeter.zigbee_han.station import Failed

METER = bytes.fromhex("00DB00000000E001")
DISPLAY = bytes.fromhex("00DB00000000D001")
OTHER = bytes.fromhex("00DB00000000D002")
TIME, PRICE, METERING, MESSAGING, PREPAYMENT, CALENDAR = 0x000A, 0x0700, 0x0702, 0x0703, 0x0705, 0x0707
MESSAGE = (1, "0-2:96.13.1.255", 2)

# Consumption of day, week and month, each with the one before.
HISTORY = (0x0401, 0x0403, 0x0430, 0x0432, 0x0440, 0x0442)


def a_home(listed=TYPE_2, **given):
    """A meter and a display that are in the hub's network, and the display in the meter's log as `listed`."""
    home = MeteredHome()
    meter = home.add_meter(METER, **given)
    home.run(4)
    display = home.add_display(DISPLAY)
    home.run(4)
    if listed is not None:
        meter.world.meter.credentials.devices.add(DISPLAY, listed)
    display.follow(METER, home.han.now_ms)
    home.run(10)
    return home, meter, display


def imported(meter):
    """The import register, as octets of the object tree say."""
    octets = meter.world.meter.peek(metered.key(1, "0-0:94.44.34.10"))
    return int.from_bytes(octets[3:7], "big")


def test_a_display_shows_what_the_meter_measures_within_ten_seconds():
    home, meter, display = a_home()
    meter.world.meter.life.set_metrology(ConstantLoad((3600,)))
    seen = []
    for _ in range(60):
        home.run(10)
        seen.append(display.value(METER, METERING, 0x0000))
        assert imported(meter) - seen[-1] <= 10
        assert display.value(METER, METERING, 0x0400) == 3600
    assert seen == sorted(seen) and seen[-1] - seen[0] == 590
    assert abs(display.value(METER, TIME, 0) - meter.world.now_s) < 700
    # A day, a week and a month that all began when the meter did; no others are known.
    today, yesterday, week, _, month, last_month = [display.value(METER, METERING, one) for one in HISTORY]
    assert 0 < today == week == month <= imported(meter) and (yesterday, last_month) == (None, None)
    assert display.value(METER, METERING, 0x0014) == SUPPLY_ON
    assert not meter.station.endpoint.dropped and not display.endpoint.dropped
    assert not home.told(DISPLAY, Failed) and not home.told(METER, Failed)


def test_a_change_of_the_price_is_published_and_the_tariff_is_read_as_the_meter_has_it():
    home, meter, display = a_home()
    tariff(meter.world.meter)
    home.run(11)
    assert display.told_by(METER, PRICE, 0)[0]["price"] == meter.station.values.price_now().price
    # The night ends at seven, in the middle of this hour.
    assert display.told_by(METER, PRICE, 0)[0]["price"] == PRICES[2]
    home.told(DISPLAY, Published)
    display.demand_every_s = 600
    home.run(3700)
    assert display.told_by(METER, PRICE, 0)[0]["price"] == PRICES[1]
    published = [fact.fields for fact in home.told(DISPLAY, Published) if (fact.cluster, fact.command) == (PRICE, 0)]
    # At seven, and when it was asked for an hour after the last time.
    assert [fields["price"] for fields in published] == [PRICES[1]] * 2
    late = int.from_bytes(meter.world.meter.peek(metered.key(1, "0-0:94.44.0.0"))[1:], "big")
    assert 7 * 3600 + late <= published[0]["start_time"] % 86400 <= 7 * 3600 + late + 10
    matrix = [row for part in display.told_by(METER, PRICE, 5) for row in part["prices"]]
    assert [(row["tier_or_block"], row["price"]) for row in matrix] == sorted(PRICES.items())
    days = display.told_by(METER, CALENDAR, 1)
    assert [part["day_id"] for part in days] == [1, 2]
    assert [(row["start_time"], row["tier_or_enable"]) for row in days[0]["entries"]] == [(0, 2), (420, 1)]
    (week,) = display.told_by(METER, CALENDAR, 2)
    assert [week[name] for name in ("monday", "thursday", "friday", "sunday")] == [1, 1, 2, 2]
    (seasons,) = display.told_by(METER, CALENDAR, 3)
    assert seasons["seasons"] == [{"start_date": [2025, 1, 1, None], "week_id": 1}]


def test_a_message_is_published_shown_confirmed_and_cancelled():
    home, meter, display = a_home()
    world = meter.world

    def send(text):
        command = world.command(world.supplier, 0x0021, [b.put(*MESSAGE, b.octets(text))])
        assert home.hub.send(METER, command, home.han.now_ms)
        home.run(11)

    send(b"Your meter was read today")
    message = display.find(METER).message
    assert message["message"] == "Your meter was read today" and message["message_control"] & 0x80
    assert display.confirm(METER)
    home.run(2)
    assert not world.meter.organs.face.message_is_new()
    assert any(event.number == 0x81A6 for event in meter.station.values.events(5))
    send(b"")
    assert display.find(METER).message is None
    assert not display.confirm(METER)


def test_a_supply_that_goes_off_is_reported():
    home, meter, display = a_home()
    home.run(60)
    world = meter.world
    command = world.command(
        world.supplier, 0x0050, [b.act(9, "0-0:10.0.106.255", 1, b.u16(52))], critical=True
    )
    assert home.hub.send(METER, command, home.han.now_ms)
    home.run(11)
    assert display.value(METER, METERING, 0x0014) == SUPPLY_OFF


def test_a_display_that_the_device_log_does_not_name_is_told_so_and_served_once_it_is():
    home, meter, display = a_home(listed=None)
    home.run(120)
    (failed,) = home.told(DISPLAY, Failed)
    assert "device log" in failed.why
    assert display.value(METER, METERING, 0x0000) is None
    assert list(meter.station.endpoint.dropped) == ["from a device that is not admitted"]
    world = meter.world
    join = world.asn1(world.supplier, 0x000D, a.join(DISPLAY, PPMID))
    assert home.hub.send(METER, join, home.han.now_ms)
    home.run(900)
    assert display.value(METER, METERING, 0x0000) is not None
    leave = world.asn1(world.supplier, 0x000F, a.unjoin(DISPLAY))
    assert home.hub.send(METER, leave, home.han.now_ms)
    home.run(20)
    assert meter.station.partners == []
    before = display.find(METER).values[(METERING, 0x0000)]
    world.meter.life.set_metrology(ConstantLoad((9000,)))
    home.run(600)
    assert display.value(METER, METERING, 0x0000) == before


def test_others_are_served_when_the_setting_says_so():
    settings = Settings()
    settings.serves_unlisted = True
    home, meter, display = a_home(listed=None, settings=settings)
    home.run(20)
    assert display.value(METER, METERING, 0x0000) == 0
    assert not meter.station.endpoint.dropped


def test_a_customer_pairs_a_display_at_the_meter():
    home, meter, _ = a_home()
    world = meter.world
    face = world.meter.organs.face

    def press(*keys):
        for key in keys:
            face.press(key, 1000 * world.now_s)

    press("B")
    while "Pair a display" not in face.lines()[1]:
        press("A")
    press("B", "B")
    assert "Waiting for display" in " ".join(face.lines())
    other = home.add_display(OTHER, 25)
    home.run(10)
    other.follow(METER, home.han.now_ms)
    home.run(20)
    assert [fact.eui64 for fact in home.told(METER, DisplayPaired)] == [OTHER]
    assert other.value(METER, METERING, 0x0000) == 0
    assert world.meter.credentials.devices.device_type(OTHER) == TYPE_2
    # The window is for one, and for a while.
    third = home.add_display(bytes.fromhex("00DB00000000D003"), 30)
    home.run(10)
    third.follow(METER, home.han.now_ms)
    home.run(PAIRING_MS // 1000)
    assert third.value(METER, METERING, 0x0000) is None


def test_a_full_device_log_of_the_meter_says_so():
    home, meter, _ = a_home()
    log = meter.world.meter.credentials.devices
    for number in range(3):
        log.add(bytes.fromhex("00DB00000000C00%d" % number), TYPE_2)
    assert meter.world.meter.organs.services.pair_display()
    other = home.add_display(OTHER, 25)
    home.run(10)
    other.follow(METER, home.han.now_ms)
    home.run(20)
    assert [fact.why for fact in home.told(METER, Failed)] == ["the device log of the meter is full"]
    assert log.device_type(OTHER) is None


def test_a_meter_begins_key_establishment_with_a_prepayment_display_of_its_log():
    home = MeteredHome()
    # The trust centre shares no keys here.
    home.hub.radio.node.shares_keys = False
    meter = home.add_meter(METER)
    home.run(4)
    display = home.add_display(DISPLAY, device=0x0506)
    home.run(4)
    display.follow(METER, home.han.now_ms)
    home.run(500)
    assert [fact.why for fact in home.told(DISPLAY, Failed)] == [
        "the hub gives no key: it does not have the meter, or does not share keys"
    ]
    world = meter.world
    home.hub.send(METER, world.asn1(world.supplier, 0x000D, a.join(DISPLAY, PPMID)), home.han.now_ms)
    home.run(60)
    assert [fact.partner for fact in home.told(METER, KeyAgreed)][-1] == DISPLAY
    assert not home.told(METER, KeyShared)
    assert display.value(METER, METERING, 0x0000) == 0


def test_a_display_tops_up_and_takes_no_for_an_answer():
    home, meter, display = a_home(listed=PPMID)
    world = meter.world
    credit = display.value(METER, PREPAYMENT, 0x0001)
    token = world.token(world.supplier, 5 << 32, 1000)
    assert display.top_up(METER, token)
    home.run(5)
    (answer,) = display.told_by(METER, PREPAYMENT, 3)
    assert answer["result_type"] in (0x00, 0x10, 0x11, 0x12) and answer["top_up_value"] == 1000000
    home.run(60)
    assert display.value(METER, PREPAYMENT, 0x0001) == world.balance() != credit
    assert display.top_up(METER, token)
    home.run(5)
    (answer,) = display.told_by(METER, PREPAYMENT, 3)
    assert answer["result_type"] == 0x02
    assert not display.top_up(OTHER, token)


def test_a_display_and_a_meter_remember_each_other_after_a_power_cut():
    home, meter, display = a_home()
    saved, radio = display.save(), display.radio.save()
    kept = meter.station.save()
    place = [one.radio for one in home.air._stations].index(display.radio.node)
    display.radio.node.nwk.forget()
    again = type(display)(
        home.han.radio(DISPLAY, home.air._stations[place].x, saved=radio), display.exchange
    )
    home.han.stations[home.han.stations.index(display)] = again
    home.displays = [again]
    again.load(saved)
    again.resume(home.han.now_ms)
    meter.station.load(kept)
    assert meter.station.partners == [DISPLAY]
    home.run(20)
    assert again.state == UP
    assert again.value(METER, METERING, 0x0000) == 0
    assert not home.told(DISPLAY, Failed)


def test_whether_the_time_is_told_without_a_link_key_is_a_setting():
    for opened, answered in (((0x000A,), True), ((), False)):
        settings = Settings()
        settings.open_clusters = opened
        home = MeteredHome()
        meter = home.add_meter(METER, settings=settings)
        home.run(4)
        # The hub asks as somebody would who has no link key with the meter.
        home.hub.radio.send(METER, 1, 1, 0x0109, TIME, bytes.fromhex("0001000000"), False, home.han.now_ms)
        dropped = dict(meter.station.endpoint.dropped)
        home.run(2)
        assert (meter.station.endpoint.dropped == dropped) == answered
