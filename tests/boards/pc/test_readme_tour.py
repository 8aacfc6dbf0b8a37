"""The README's tour through the air, typed as it is printed, and its capture read by Wireshark."""

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from processes import Home

pytestmark = pytest.mark.slow

README = Path(__file__).resolve().parents[3] / "README.md"


@pytest.fixture
def home(tmp_path):
    one = Home(tmp_path)
    yield one
    one.close()


def commands():
    """What the section has one type, as the words behind `slotmeter`."""
    text = README.read_text(encoding="utf-8")
    section = text.partition("## The same through the air")[2].partition("\n## ")[0]
    return [shlex.split(line)[2:] for line in section.splitlines() if line.startswith("$ ")]


def test_the_tour_through_the_air_works_as_printed(home):
    tshark = shutil.which("tshark")
    if tshark is None:
        pytest.skip("tshark is not installed: apt-get install tshark")
    capture = home.folder / "air.pcap"
    stay, said = [], {}
    for words in commands():
        words = [str(capture) if word == "air.pcap" else word for word in words]
        if words[0] == "run" or (words[0] == "hub" and "--air" in words):
            one = home.start(*words)
            one.see("Listening")
            stay.append(one)
            if words[0] == "run":
                one.see("Device commissioned")
        else:
            said[words[1]] = home.call(*words)
    hub, meter = stay
    assert "active_import_value" in said["ECS17b"] and "success" in said["CS01a"]
    assert re.search(r"meter_balance +1000000\n", said["ECS19"])
    for one in (meter, hub):
        one.stop()
    arguments = [tshark, "-r", str(capture), "-T", "fields", "-e", "_ws.col.Info", "-e", "_ws.malformed"]
    for key in re.findall(r'^  ("[0-9A-F:]{47}","Normal","[^"]+")$', hub.text(), re.M):
        arguments += ["-o", "uat:zigbee_pc_keys:" + key]
    environment = dict(os.environ, HOME=str(home.folder))
    seen = subprocess.run(arguments, capture_output=True, text=True, check=True, env=environment).stdout
    for name in (
        "Association Request",
        "Transport Key",
        "Initiate Key Establishment Request",
        "Request Tunnel",
        "Command, CS01a",
        "Response, CS01a",
        "Response, ECS17b",
    ):
        assert name in seen, seen
    assert "Malformed" not in seen
