"""A hub and a meter as processes of their own, on an air of this machine: they join, talk, die, and go on."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from processes import Home
from programs import herdsman_is_there

# Each of them starts processes and waits for them, in real time.
pytestmark = pytest.mark.slow

METER = "02-53-4C-4F-54-10-00-01"
# The example of the ZigBee specification, with its CRC.
CODE = "83FE D340 7A93 9723 A5C6 39B2 6916 D505 C3B5"


@pytest.fixture
def home(tmp_path):
    one = Home(tmp_path)
    yield one
    one.close()


def story(home, hub_radio, meter_radio):
    """From two fresh devices over two power cuts to a meter that is taken out of the log."""
    hub = home.start("hub", *hub_radio, "--channel", "21")
    hub.see("Listening")
    assert "channel 21" in hub.text()
    assert "is in the log" in home.call("hub", "add", METER, CODE, "--permit", "240")
    meter = home.start("run", *meter_radio, "--install-code", CODE)
    assert CODE in meter.see("install code ([0-9A-F ]+)\n")[1]
    meter.see("joined the network of hub 02-53-4C-4F-54-10-00-02, channel 21")
    meter.see("agreed a key")
    meter.see("tunnel with .* open")
    assert "joined, tunnel open" in home.call("hub", "devices")
    said = home.call("request", "ECS17b", "--hub")
    assert "MAC authentic, encrypted, decrypted" in said
    assert "Device commissioned" in home.call("hub", "alerts")
    meter.see("command +ECS17b")
    meter.see("result +ECS17b")

    meter.kill()
    meter = home.start("run", *meter_radio)
    assert "network resumes where it was" in meter.see("(?s).*Listening")[0]
    meter.see("back in the network")
    assert "Supplier Message" in home.call("request", "ECS10", "message=again", "--hub")
    assert "joined the network" not in meter.text()

    hub.kill()
    hub = home.start("hub", *hub_radio)
    assert "network resumed, channel 21" in hub.see("(?s).*Listening")[0]
    hub.see("tunnel with .* open")
    text = home.call("request", "ECS42", "--print").split()[-1]
    assert "success" in home.call("hub", "send", METER, text)
    said = home.call("hub", "send", METER, text, status=1)
    assert "8F53" in said and "refuses" in said

    home.call("hub", "remove", METER)
    meter.see("left the network")
    assert "not in the hub's device log" in home.call("request", "ECS17b", "--hub", status=1)
    for one in (meter, hub):
        one.stop()


def test_hub_and_meter_on_a_shared_air(home):
    story(home, ["--air", "x"], ["--air", "x", "--at", "30,0"])


def test_a_meter_on_air_is_commanded_by_its_hub_only(home):
    meter = home.start("run", "--air", "x", "--temporary")
    meter.see("Listening")
    assert "slotmeter request --hub" in home.call("request", "ECS17b", status=1)
    assert "no hub is running" in home.call("request", "ECS17b", "--hub", status=1)
    # It goes on metering, and its keys work.
    home.call("press", "b")
    meter.see("join failed: no network is in reach; next try in (59|60) s")


def test_hub_and_meter_on_two_sticks(home):
    pytest.importorskip("bellows", reason="bellows drives sticks: pip install 'slotmeter[zigbee]'")
    sticks = [home.start("ncp", "--pty", "--air", "x", "--at", place) for place in ("0,0", "20,0")]
    hub, meter = (stick.see("stick at (/dev/[^ \n]+)")[1] for stick in sticks)
    story(home, ["--radio", hub], ["--radio", meter])


def test_a_stick_that_is_unplugged_and_put_back_while_the_meter_goes_on(home):
    pytest.importorskip("bellows", reason="bellows drives sticks: pip install 'slotmeter[zigbee]'")
    options = ["--air", "x", "--store", str(home.folder / "stick.db")]
    stick = home.start("ncp", "--tcp", "0", *options)
    place = stick.see("stick at (socket://[^ \n]+)")[1]
    meter = home.start("run", "--radio", place, "--temporary", "--load", "3000")
    meter.see("join failed: no network is in reach")
    stick.kill()
    meter.see("the radio does not work: ")
    home.call("press", "b")
    home.start("ncp", "--tcp", place.rpartition(":")[2], *options).see("stick at")
    meter.see("the radio works again", 60)
    meter.stop()


def test_the_meter_joins_the_network_of_a_hub_that_others_wrote(home):
    node, modules = herdsman_is_there()
    stick = home.start("ncp", "--pty", "--air", "x", "--version", "16")
    place = stick.see("stick at (/dev/[^ \n]+)")[1]
    script = Path(__file__).resolve().parents[2] / "zigbee_han" / "ncp" / "herdsman_network.js"
    eui64, code = METER.replace("-", "").lower(), CODE.replace(" ", "")
    herdsman = subprocess.Popen(
        [node, str(script), place, eui64, code, "permit", "8"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=dict(os.environ, NODE_PATH=str(modules)),
    )
    stick.see("joining permitted")
    meter = home.start("run", "--air", "x", "--temporary", "--install-code", CODE)
    meter.see("joined the network of hub [-0-9A-F]{23}, channel 20, PAN 1A62")
    said, _ = herdsman.communicate(timeout=60)
    told = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    assert herdsman.returncode == 0 and told[-1]["joined"]
    # It knows nothing of Smart Energy: no key is agreed, which is said, and tried again.
    meter.see("key establishment failed: ")
    assert "agreed a key" not in meter.text()
    meter.stop()
