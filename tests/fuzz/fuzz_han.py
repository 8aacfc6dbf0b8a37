"""Fuzzes a whole meter, an in-home display and a comms hub at their radios.

An input is one octet that says to whom and how, a cluster (2), and a frame; or what a station is to load:

    bits 0-1    to the meter (0), the display (1) or the hub (2); 3: `load` of whichever the cluster says
    bit 2       with the link key      bit 3    a broadcast      bit 4    from a stranger

The meter is a real one, with its objects and its tariff. The seeds are what the three say to one another in a while in
which a display is paired and reads everything, and a frame of every command there is.

What is proved of each input, beside what `mutate` proves: no exception; what is answered is well formed; nothing that
is kept grows without end; a station that refuses what it is to load is as it was.
"""

import fuzz_zcl
import mutate

# isort: split
# What follows is found where mutate looks.
from han_home import MeteredHome, tariff
from hub_and_meter import HUB

from slotmeter.dlms.gbcs.devices import TYPE_2
from slotmeter.hal.radio import Received
from slotmeter.zigbee_han import server, zcl
from slotmeter.zigbee_han.errors import DecodeError

METER = bytes.fromhex("00DB00000000E001")
DISPLAY = bytes.fromhex("00DB00000000D001")
STRANGER = bytes.fromhex("00DB00000000F001")
LINK, BROADCAST, STRANGE = 4, 8, 16
LOAD = 3
# What a station sends before it stops, whatever it was told.
MOST_ANSWERS = 400


def conversation():
    """A home, and everything that was said in it to meter, display and hub."""
    home = MeteredHome()
    said = []
    meter = home.add_meter(METER)
    home.run(4)
    tariff(meter.world.meter)
    display = home.add_display(DISPLAY)
    home.run(4)
    meter.world.meter.credentials.devices.add(DISPLAY, TYPE_2)
    stations = [meter.station, display, home.hub]
    for place, station in enumerate(stations):
        listen(station, place, said)
    display.follow(METER, home.han.now_ms)
    home.run(30)
    home.hub.send(METER, bytes(200), home.han.now_ms)
    meter.station.send(bytes(200))
    home.run(30)
    return home, stations, said


def listen(station, place, said):
    """Notes what the station's radio hands it."""
    taken = station.radio.next_event

    def next_event():
        event = taken()
        if isinstance(event, Received) and event.profile == station.endpoint.profile:
            head = bytes((place | (LINK if event.secured else 0),))
            said.append(head + event.cluster.to_bytes(2, "little") + event.payload)
        return event

    station.radio.next_event = next_event


HOME, STATIONS, SAID = conversation()
PARTNERS = {0: (HUB, DISPLAY), 1: (HUB, METER), 2: (METER, DISPLAY)}
SEEDS = sorted(set(SAID))
for octets in fuzz_zcl.seeds():
    for place in range(3):
        SEEDS.append(bytes((place | LINK,)) + octets[:2] + octets[3:])
for place, station in enumerate(STATIONS):
    SEEDS.append(bytes((LOAD,)) + place.to_bytes(2, "little") + station.save())


class Deaf:
    """A radio that hands over one payload, and counts what is sent."""

    def __init__(self, eui64):
        self.eui64 = eui64
        self.events = []
        self.sent = 0

    def next_event(self):
        return self.events.pop(0) if self.events else None

    def send(self, peer, peer_endpoint, endpoint, profile, cluster, payload, secured, now_ms):
        zcl.parse_frame(payload)
        self.sent += 1
        assert self.sent < MOST_ANSWERS, "it answers without end"
        return self.sent

    def deadline_ms(self):
        return None

    def ignore(self, *_):
        pass

    tick = set_link_key = drop_link_key = request_link_key = send_away = join = rejoin = leave = ignore


RADIOS = [Deaf(station.radio.eui64) for station in STATIONS]
for deaf, station in zip(RADIOS, STATIONS, strict=True):
    station.radio = deaf
TIMES = [HOME.han.now_ms]


def parse(data):
    if len(data) < 4:
        raise DecodeError("no input of this target", len(data))
    place, cluster, octets = data[0] & 3, int.from_bytes(data[1:3], "little"), data[3:]
    if place == LOAD:
        one = STATIONS[cluster % 3]
        before = one.save()
        try:
            one.load(octets)
        except DecodeError:
            assert one.save() == before, "what was refused changed it"
            raise
        assert one.save() == octets, "it saves something else than it loaded"
        one.load(before)
        return
    station = STATIONS[place]
    peer = STRANGER if data[0] & STRANGE else PARTNERS[place][cluster & 1]
    secured, to_all = bool(data[0] & LINK), bool(data[0] & BROADCAST)
    RADIOS[place].events.append(Received(peer, 1, 1, station.endpoint.profile, cluster, octets, secured, to_all))
    RADIOS[place].sent = 0
    TIMES[0] += 1000
    station.tick(TIMES[0])
    while station.next_event() is not None:
        pass
    assert len(station.endpoint.dropped) <= server.QUEUE_LIMIT
    for one in STATIONS[1].meters:
        assert len(one.values) < 64 and len(one.told) < 64 and len(one.next) <= 16
        assert max([len(parts) for parts in one.told.values()], default=0) <= 64
    zcl.parse_frame(octets)


TARGET = mutate.Target("firmware/han_station.py", SEEDS, parse, DecodeError)

if __name__ == "__main__":
    mutate.main(TARGET)
