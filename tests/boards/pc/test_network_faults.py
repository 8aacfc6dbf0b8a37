"""Whatever happens to its network, the meter says what, tries again as the standard says, and goes on metering."""

import builder as b
import pytest
from hub_and_meter import CRYPTO, STRANGE_AUTHORITY
from street import KEY, WATTS, Street
from world import METER

from slotmeter.hal.radio import Failed, Recovered
from slotmeter.zigbee_han import install_code
from slotmeter.zigbee_han.joiner import FIRST_WAIT_MS, KEY_WAIT_MS, LONGEST_WAIT_MS
from slotmeter.zigbee_han.sim.air import Air
from slotmeter.zigbee_han.sim.radio import AirRadio

HOUR = 3600
READ = (0x0059, [b.get(1, "0-0:0.2.1.255", 2)])
TAMPER = b"\x12\x8f\x3f"


def heads(messages):
    """Kind and counter of each."""
    return [(parts.cra, parts.counter) for parts in map(b.take_apart, messages)]


def measures(street, seconds):
    """Whether the meter measures what flows, while so much time passes."""
    before = street.wh()
    street.run(seconds)
    return abs(street.wh() - before - WATTS * seconds / 3600) <= 1


def is_answered(street, counter):
    """Whether a command goes down, and its response comes up, once."""
    street.came = []
    world = street.world
    street.hub.send(METER, world.command(world.supplier, *READ, counter=counter))
    street.run(30)
    return heads(street.came) == [(b.RESPONSE, counter)]


def test_a_hub_that_is_gone_for_an_hour():
    street = Street().joined()
    street.connect(False)
    street.world.meter.organs.supply.tamper(street.world.meter.now_s)
    street.world.meter.settle()
    assert measures(street, HOUR)
    assert street.has_said("the hub does not answer any more: looking for it")
    assert street.has_said("rejoin failed")
    assert not street.came and street.world.meter.undelivered() == 1
    street.connect(True)
    # It looks for the hub every quarter of an hour at the latest.
    assert measures(street, LONGEST_WAIT_MS // 1000 + 60)
    assert street.has_said("the hub answers again") and street.has_said("back in the network")
    assert not street.has_said("joined the network", HOUR * 1000)
    assert len(street.came) == 1 and TAMPER in street.came[0]
    assert street.world.meter.undelivered() == 0
    assert is_answered(street, 7000)


def test_a_wrong_install_code():
    street = Street()
    street.hub.hub.add(METER, install_code.link_key(CRYPTO, install_code.with_crc(bytes(16))))
    street.hub.hub.permit(254, 0)
    street.meter.joiner.start(KEY, 0)
    assert measures(street, HOUR)
    assert len(street.has_said("join failed: .*network key")) == 3
    # Then the network is closed again, which makes no difference to when it tries.
    tries = street.has_said("join failed")
    gaps = [after - before for before, after in zip(tries, tries[1:], strict=False)]
    assert len(tries) > 4 and gaps[0] >= FIRST_WAIT_MS and gaps == sorted(gaps)
    assert all(gap <= LONGEST_WAIT_MS + 10000 for gap in gaps)
    street.hub.hub.add(METER, KEY)
    for _ in range(4):
        street.hub.hub.permit(254, street.han.now_ms)
        street.run(250)
    assert is_answered(street, 7000)


def test_a_closed_network():
    street = Street()
    street.hub.hub.add(METER, KEY)
    street.meter.joiner.start(KEY, 0)
    assert measures(street, 360)
    assert street.has_said("join failed: no network lets devices join")
    street.hub.hub.permit(254, street.han.now_ms)
    street.run(250)
    assert is_answered(street, 7000)


def test_no_network_at_all():
    street = Street()
    street.connect(False)
    street.meter.joiner.start(KEY, 0)
    assert measures(street, 360)
    assert street.has_said("join failed: no network is in reach")


def test_certificates_of_another_authority():
    street = Street(authority=STRANGE_AUTHORITY)
    street.hub.hub.add(METER, KEY)
    street.hub.hub.permit(254, 0)
    street.meter.joiner.start(KEY, 0)
    assert measures(street, 36)
    tries = street.has_said("key establishment failed: .*unknown issuer")
    assert len(tries) >= 2
    assert all(after - before >= KEY_WAIT_MS for before, after in zip(tries, tries[1:], strict=False))
    assert not street.has_said("tunnel") and not street.came


class Unplugged(AirRadio):
    """A radio of which the stick can be taken away: it neither hears nor sends then."""

    gone = False

    def __init__(self, node):
        super().__init__(node)
        self._told = []

    def unplug(self):
        self.gone = True
        self._told.append(Failed("the stick was unplugged"))

    def plug(self):
        self.gone = False
        self._told.append(Recovered(True))

    def next_event(self):
        if self._told:
            return self._told.pop(0)
        event = super().next_event()
        return None if self.gone else event


def test_a_stick_that_is_unplugged_and_put_back():
    street = Street(radio=Unplugged).joined()
    street.radio.unplug()
    street.connect(False)
    street.world.meter.organs.supply.tamper(street.world.meter.now_s)
    street.world.meter.settle()
    assert measures(street, HOUR)
    assert street.has_said("the radio does not work: the stick was unplugged")
    assert street.world.meter.undelivered() == 1
    street.connect(True)
    street.radio.plug()
    street.run(60)
    assert street.has_said("the radio works again, in its network")
    assert len(street.came) == 1 and TAMPER in street.came[0]
    assert not street.has_said("joined the network", HOUR * 1000)
    assert is_answered(street, 7000)


def test_a_tunnel_that_the_hub_closes_under_a_message():
    street = Street().joined()
    world = street.world
    for counter in (7000, 7001, 7002):
        street.hub.send(METER, world.command(world.supplier, *READ, counter=counter))
    street.run(0.05)
    street.hub.hub.tunnels.find(METER).open(street.han.now_ms)
    street.run(60)
    assert street.has_said("tunnel with .* closed: by its client")
    assert heads(street.came) == [(b.RESPONSE, counter) for counter in (7000, 7001, 7002)]


def test_a_meter_that_is_sent_away_and_let_in_again():
    street = Street().joined()
    street.hub.hub.remove(METER)
    assert measures(street, 360)
    assert street.has_said("left the network, as it was told to")
    street.hub.hub.add(METER, KEY)
    street.hub.hub.permit(254, street.han.now_ms)
    street.run(250)
    assert len(street.has_said("joined the network")) == 2
    assert is_answered(street, 7000)


@pytest.mark.slow
def test_a_thousand_exchanges_on_a_bad_air_lose_nothing_and_double_nothing(capsys):
    """3 % of all frames are lost, and 3 % damaged, for each who hears them; commands, responses, and alerts between."""
    street = Street(Air(11, loss=30, damage=30)).joined()
    world = street.world
    sent = []
    alerts = 0
    for number in range(1000):
        counter = 10000 + number
        street.hub.send(METER, world.command(world.supplier, *READ, counter=counter))
        sent.append((b.RESPONSE, counter))
        if number % 10 == 0:
            world.meter.organs.supply.tamper(world.meter.now_s)
            world.meter.settle()
            alerts += 1
        expected = len(sent) + alerts
        street.run(120, lambda expected=expected: len(street.came) >= expected)
    street.run(120)
    found = heads(street.came)
    assert [head for head in found if head[0] == b.RESPONSE] == sent
    own = [counter for cra, counter in found if cra == b.ALERT]
    assert len(own) == alerts and own == sorted(set(own))
    assert world.meter.undelivered() == 0
    air = street.han.air
    with capsys.disabled():
        print(
            "\n1000 exchanges and %d alerts: %d frames, %d of them lost; %.0f ms each on the air"
            % (alerts, air.sent, air.lost, street.han.now_ms / 1000)
        )
