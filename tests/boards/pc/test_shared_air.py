"""An air that processes share: what goes between them, who may open it, and what is taken of what comes."""

import os
import socket
import subprocess
import sys

import pytest
from air_world import CHANNEL, CRYPTO, EXTENDED_PAN, HUB, LINK_KEY, METER, NETWORK_KEY, PAN, PROFILE

from slotmeter.boards.pc import shared_air
from slotmeter.boards.pc.errors import SlotmeterError
from slotmeter.boards.pc.shared_air import PATIENCE_MS, Frame, SharedAir
from slotmeter.zigbee_han.errors import DecodeError, EncodeError
from slotmeter.zigbee_han.sim import aps, node
from slotmeter.zigbee_han.sim.air import Dice
from slotmeter.zigbee_han.sim.zdo import Endpoint

pytestmark = pytest.mark.usefixtures("air_folder")


@pytest.fixture
def opened(air_folder):
    """Opens airs that are closed at the end; each is what a process of its own would have."""
    airs = []

    def one(name="home", **options):
        airs.append(SharedAir(name, **options))
        return airs[-1]

    yield one
    for air in airs:
        air.close()


class Radio:
    """Keeps what it hears; sends what it is given."""

    def __init__(self, channel=15):
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


def attached(air, x=0, y=0, channel=15):
    radio = Radio(channel)
    air.attach(radio, x, y)
    return radio


def run(airs, begin_ms, end_ms):
    """Lets one clock pass for all, as fast as it goes."""
    for now_ms in range(begin_ms, end_ms):
        for air in airs:
            air.run(now_ms)


def test_a_frame_reaches_the_radios_of_other_processes_by_place_and_channel(opened):
    one, other = opened(), opened()
    sender, beside = attached(one, 10, 0), attached(one, 20, 0)
    near, far, elsewhere = attached(other, 70, 0), attached(other, 10, 100), attached(other, 10, 0, 16)
    sender.queue.append(bytes(100))
    run((one, other), 5000, 5010)
    # 106 octets of 32 microseconds are 3.4 ms.
    assert near.heard == [(bytes(100), 5004, 102)]
    assert beside.heard == [(bytes(100), 5004, 229)]
    assert far.heard == elsewhere.heard == sender.heard == []
    assert (one.sent, other.sent) == (1, 1)


def test_airs_of_other_names_and_networks_on_other_channels_are_not_heard(opened):
    home, abroad = opened("home"), opened("abroad")
    sender, stranger, deaf = attached(home), attached(abroad), attached(abroad, channel=0)
    sender.queue.append(b"abc")
    deaf.queue.append(b"def")
    run((home, abroad), 0, 10)
    assert stranger.heard == sender.heard == []
    assert (home.sent, abroad.sent, home.others()) == (1, 0, 0)


def test_the_tap_of_each_process_has_the_whole_air(opened):
    airs = [opened(), opened(loss=1000)]
    heard = [[], []]
    for air, tapped in zip(airs, heard):
        air.tap = lambda octets, time_us, channel, tapped=tapped: tapped.append((octets, time_us, channel))
    one, other = attached(airs[0], 0, 0, 15), attached(airs[1], 500, 0, 20)
    one.queue.append(b"one")
    other.queue.append(b"other")
    run(airs, 7, 12)
    assert sorted(heard[0]) == [(b"one", 7000, 15), (b"other", 8000, 20)]
    assert sorted(heard[1]) == [(b"one", 7000, 15), (b"other", 7000, 20)]


def test_each_receiver_loses_and_damages_as_its_seed_has_it(opened):
    sender_air, good, lossy, noisy = opened(), opened(), opened(seed=3, loss=300), opened(seed=3, damage=300)
    sender = attached(sender_air)
    radios = [attached(air) for air in (good, lossy, noisy)]
    frames = [bytes((number,)) * 9 for number in range(200)]
    for now_ms, octets in enumerate(frames):
        sender.queue.append(octets)
        run((sender_air, good, lossy, noisy), now_ms, now_ms + 1)
    run((good, lossy, noisy), 200, 210)
    heard = [[octets for octets, _, _ in radio.heard] for radio in radios]
    assert heard[0] == frames
    assert 100 < len(heard[1]) < 180 and lossy.lost == 200 - len(heard[1])
    assert len(heard[2]) == 200 and 30 < len([one for one in heard[2] if one not in frames]) < 90


def test_devices_of_two_processes_join_and_talk(opened):
    airs = (opened(), opened())
    hub = node.Node(HUB, CRYPTO, Dice(1), PATIENCE_MS)
    meter = node.Node(METER, CRYPTO, Dice(2), PATIENCE_MS)
    events = {HUB: [], METER: []}
    for air, one in zip(airs, (hub, meter)):
        one.zdo.endpoints = [Endpoint(1, PROFILE, 0x0501, (0x0702,), ())]
        air.attach(one)

    def until(kind, one, now_ms, limit_ms=5000):
        for now_ms in range(now_ms, now_ms + limit_ms):
            for air, other in zip(airs, (hub, meter)):
                air.run(now_ms)
                event = other.next_event()
                while event is not None:
                    events[other.eui].append(event)
                    event = other.next_event()
            found = [event for event in events[one.eui] if isinstance(event, kind)]
            if found:
                return found[-1], now_ms
        raise AssertionError("nothing came")

    now_ms = 1000000
    hub.form(CHANNEL, PAN, EXTENDED_PAN, NETWORK_KEY, now_ms)
    hub.add_link_key(METER, LINK_KEY)
    hub.permit(60, now_ms)
    meter.scan((CHANNEL,), now_ms)
    scanned, now_ms = until(node.Scanned, meter, now_ms)
    meter.join(scanned.networks[0], LINK_KEY, now_ms)
    _, now_ms = until(node.Up, meter, now_ms)
    meter.send(0, 1, 1, PROFILE, 0x0702, b"hello" * 200, now_ms, True)
    message, now_ms = until(aps.Message, hub, now_ms)
    while message.cluster != 0x0702:
        events[HUB].remove(message)
        message, now_ms = until(aps.Message, hub, now_ms)
    assert (message.payload, message.sealed) == (b"hello" * 200, True)
    assert airs[0].dropped == airs[1].dropped == {}


def test_who_is_busy_gets_the_frames_later(opened):
    busy_air, air = opened(), opened()
    busy, sender = attached(busy_air), attached(air)
    frames = [bytes((number,)) * 3 for number in range(50)]
    sender.queue.extend(frames)
    # The kernel keeps ten for it.
    air.run(0)
    assert air.deadline_ms() == 1
    run((busy_air, air), 1, 20)
    assert [octets for octets, _, _ in busy.heard] == frames
    assert air.deadline_ms() is None


def test_who_never_reads_is_waited_for_by_nobody(opened):
    opened()
    air = opened()
    sender = attached(air)
    for now_ms in range(1000):
        sender.queue.append(b"abc")
        air.run(now_ms)
    assert air.dropped["a process does not read"] > 700


def test_a_process_that_was_killed_is_forgotten_by_who_sends_and_by_who_comes(opened, air_folder):
    program = "from slotmeter.boards.pc.shared_air import SharedAir; import os; SharedAir('home'); os._exit(9)"
    folder = air_folder / "slotmeter" / "home"
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(path for path in sys.path if path))

    def killed():
        subprocess.run([sys.executable, "-c", program], check=False, timeout=20, env=environment)

    air = opened()
    sender = attached(air)
    killed()
    assert len(list(folder.iterdir())) == 2
    sender.queue.append(b"abc")
    air.run(5)
    assert len(list(folder.iterdir())) == 1
    killed()
    other = opened()
    assert shared_air.members("home") == [os.getpid(), os.getpid()]
    assert len(list(folder.iterdir())) == 2
    assert (air.others(), air.dropped) == (1, {})
    other.close()
    other.close()
    assert len(list(folder.iterdir())) == 1


def test_what_is_not_a_frame_is_dropped_with_its_reason(opened, air_folder):
    air = opened()
    radio = attached(air)
    good = shared_air.build(Frame(b"abc", 15, 1, 2))
    junk = (b"", b"x", b"SMAR", b"SMAR\x02" + good[5:], good[:-1], good + bytes(200), good[:5] + b"\x0a" + good[6:])
    (path,) = (air_folder / "slotmeter" / "home").iterdir()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as stranger:
        for octets in (*junk, good):
            stranger.sendto(octets, str(path))
    air.run(0)
    air.run(10)
    assert radio.heard == [(b"abc", 10, 249)]
    assert air.dropped == {
        "not a frame of an air": 2,
        "a frame of another version of slotmeter": 2,
        "a frame of a length that is not on the air": 2,
        "a channel that there is not": 1,
    }


def test_a_datagram_holds_what_it_was_made_of():
    frame = shared_air.parse(shared_air.build(Frame(bytes(range(127)), 26, -5, 2**31 - 1)))
    assert (frame.octets, frame.channel, frame.x, frame.y) == (bytes(range(127)), 26, -5, 2**31 - 1)
    assert shared_air.build(Frame(b"\x02\x00\x01", 11, 1, -1)) == b"SMAR\x01\x0b\0\0\0\x01\xff\xff\xff\xff\x02\x00\x01"
    for bad in ((b"", 11, 0), (bytes(128), 11, 0), (b"abc", 27, 0), (b"abc", 11, 2**31)):
        with pytest.raises(EncodeError):
            shared_air.build(Frame(*bad, 0))
    with pytest.raises(DecodeError, match="another version"):
        shared_air.parse(b"SMAR\x07")


def test_a_frame_that_no_air_carries_is_not_sent(opened):
    air, other = opened(), opened()
    sender, receiver = attached(air), attached(other)
    sender.queue.append(bytes(128))
    run((air, other), 0, 10)
    assert receiver.heard == []
    assert air.dropped == {"not sent: a frame has 3 to 127 octets, on a channel from 11 to 26": 1}
    with pytest.raises(EncodeError, match="place"):
        air.attach(Radio(), 2**40)


@pytest.mark.parametrize("name", ["", "../x", "a b", "é", "x" * 33, "a/b", "a\n"])
def test_a_name_that_is_none_is_refused(name):
    with pytest.raises(SlotmeterError, match="1 to 32 letters, digits, - and _"):
        SharedAir(name)


def test_a_folder_that_others_can_open_is_refused(air_folder):
    (air_folder / "slotmeter").mkdir(mode=0o755)
    with pytest.raises(SlotmeterError, match="others may open the folder .*chmod 700"):
        SharedAir("home")


def test_a_link_or_a_file_in_the_place_of_the_folder_is_refused(air_folder, tmp_path):
    (air_folder / "slotmeter").symlink_to(tmp_path)
    with pytest.raises(SlotmeterError, match="is not a folder of this user; set XDG_RUNTIME_DIR"):
        SharedAir("home")
    (air_folder / "slotmeter").unlink()
    (air_folder / "slotmeter").write_text("")
    with pytest.raises(SlotmeterError, match="is not a folder"):
        SharedAir("home")


def test_a_folder_that_cannot_be_made_is_told(monkeypatch, air_folder):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(air_folder / "nowhere"))
    with pytest.raises(SlotmeterError, match="cannot be made for the air: No such file.*XDG_RUNTIME_DIR"):
        SharedAir("home")


def test_a_path_that_is_too_long_for_a_socket_is_told(monkeypatch, air_folder):
    folder = air_folder / ("x" * 100)
    folder.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    with pytest.raises(SlotmeterError, match="too long for a socket"):
        SharedAir("home")


def test_there_is_a_limit_to_who_can_be_on_an_air(opened, monkeypatch):
    monkeypatch.setattr(shared_air, "MEMBERS_LIMIT", 3)
    airs = [opened() for _ in range(3)]
    with pytest.raises(SlotmeterError, match="3 processes are on the air home"):
        SharedAir("home")
    airs[0].close()
    opened()


def test_who_is_on_which_air_is_known_to_all(opened, air_folder):
    assert shared_air.names() == [] and shared_air.members("home") == []
    assert list(air_folder.iterdir()) == []
    opened("home"), opened("home"), opened("abroad").close()
    assert shared_air.names() == ["home"] and shared_air.members("home") == [os.getpid()] * 2


def test_without_a_runtime_folder_it_is_one_of_the_user(monkeypatch):
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    folder = shared_air._base()
    assert str(os.getuid()) in str(folder) and "slotmeter" in folder.name
