"""The kit for a Raspberry Pi is true: its rules know the sticks of the program, its units start what there is."""

import configparser
import fnmatch
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from command_lines import understood

from slotmeter.hal.host import sticks

ROOT = Path(__file__).resolve().parents[2]
KIT = ROOT / "boards" / "raspberry_pi"
UNITS = sorted(path.name for path in KIT.glob("*.service"))
_TERM = re.compile(r'([A-Z_]+)(?:\{(\w+)\})?(==|!=|\+=|=)"([^"]*)"\Z')
# As the makers write what the table has in lower case.
SPELLED = {
    "nabu casa": ["Nabu Casa"],
    "itead": ["ITEAD", "Itead"],
    "sonoff": ["SONOFF"],
    "smlight": ["SMLIGHT"],
    "silicon labs": ["Silicon Labs"],
    "plus_v2": ["Sonoff Zigbee 3.0 USB Dongle Plus_V2"],
    "plus v2": ["Sonoff Zigbee 3.0 USB Dongle Plus V2"],
    "mg24": ["Dongle Plus MG24"],
    "mg21": ["Dongle Lite MG21"],
    "max": ["Dongle Max", "Dongle-MAX"],
    "slzb-07p7": ["SMLIGHT SLZB-07p7"],
    "slzb-07": ["SMLIGHT SLZB-07", "SMLIGHT SLZB-07mg24"],
    "slzb-06m": ["SMLIGHT SLZB-06M", "SMLIGHT SLZB-06Mg24"],
    "slzb-06": ["SMLIGHT SLZB-06", "SMLIGHT SLZB-06p7"],
    "zbdongle-p": ["ZBDongle-P"],
    "": ["", "Something else"],
}


def rules():
    """The lines of the udev rules: [(key, attribute, operator, value)] for each."""
    found = []
    for line in (KIT / "70-slotmeter.rules").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            terms = [_TERM.match(term.strip()) for term in re.split(r",\s+", line)]
            assert all(terms), line
            found.append([term.groups() for term in terms])
    return found


def plugged_in(attributes, action="add", subsystem="tty", bus="usb"):
    """What the rules assign to a device, as udev reads them: a line's terms all hold, or the line is passed over."""
    lines = rules()
    labels = {value: at for at, line in enumerate(lines) for key, _, _, value in line if key == "LABEL"}
    known = {"ACTION": action, "SUBSYSTEM": subsystem, "SUBSYSTEMS": bus}
    environment = {"ID_SERIAL_SHORT": attributes.get("serial", "")}
    given, at = {}, 0
    while at < len(lines):
        line, at = lines[at], at + 1
        for key, name, operator, value in line:
            if operator not in ("==", "!="):
                continue
            has = {"ATTRS": attributes, "ENV": environment}.get(key, known).get(name or key, "")
            if (operator == "==") != any(fnmatch.fnmatchcase(has, one) for one in value.split("|")):
                break
        else:
            for key, name, operator, value in line:
                if key == "GOTO":
                    at = labels[value]
                elif operator in ("=", "+=") and key != "LABEL":
                    given[name or key] = value.replace("$env{ID_SERIAL_SHORT}", environment["ID_SERIAL_SHORT"])
    return given


def devices():
    for (vid, pid), maker, model, *_ in sticks.STICKS:
        for manufacturer in SPELLED[maker]:
            for product in SPELLED[model]:
                yield vid, pid, manufacturer, product


@pytest.mark.parametrize(("vid", "pid", "manufacturer", "product"), list(devices()))
def test_a_stick_gets_a_name_that_stays_exactly_when_the_program_can_use_it(vid, pid, manufacturer, product):
    known = sticks.what_is(vid, pid, manufacturer, product)
    attributes = {"idVendor": "%04x" % vid, "idProduct": "%04x" % pid, "manufacturer": manufacturer}
    given = plugged_in({**attributes, "product": product, "serial": "9c8b7a"})
    if known is not None and known.ezsp:
        assert given["SYMLINK"] == "slotmeter-9c8b7a"
        assert (given["GROUP"], given["MODE"], given["ID_MM_DEVICE_IGNORE"]) == ("dialout", "0660", "1")
    else:
        assert given == {}


def test_each_line_of_the_rules_is_about_a_stick_of_the_table():
    table = {}
    for ids, maker, *_ in sticks.STICKS:
        table.setdefault("%04x:%04x" % ids, []).append(maker)
    for line in rules():
        terms = {name: value for key, name, _, value in line if key == "ATTRS"}
        if terms:
            makers = table["%s:%s" % (terms["idVendor"], terms["idProduct"])]
            assert any(maker in terms["manufacturer"].lower() for maker in makers)


def test_the_rules_leave_other_devices_alone():
    stick = {"idVendor": "10c4", "idProduct": "ea60", "manufacturer": "Nabu Casa", "product": "", "serial": "1"}
    assert plugged_in(stick)["SYMLINK"] == "slotmeter-1"
    assert plugged_in({**stick, "manufacturer": "Silicon Labs"}) == {}
    assert plugged_in({**stick, "idProduct": "ea61"}) == {}
    for other in ({"action": "remove"}, {"subsystem": "net"}, {"bus": "pci"}):
        assert plugged_in(stick, **other) == {}
    assert "SYMLINK" not in plugged_in({**stick, "serial": ""})


def unit(name):
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str
    parser.read(KIT / name, encoding="utf-8")
    return parser


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_starts_a_command_that_exists_on_the_stick_that_the_settings_name(name):
    service = unit(name)["Service"]
    program, *words = shlex.split(service["ExecStart"])
    assert program == "/opt/slotmeter/bin/slotmeter"
    _, given = understood(words)
    assert "--radio" in given
    (variable,) = [word[2:-1] for word in words if word.startswith("${")]
    assert service["EnvironmentFile"] == "/etc/slotmeter.conf"
    assert re.search("^%s=/dev/slotmeter-" % variable, (KIT / "slotmeter.conf").read_text(), re.M)


@pytest.mark.parametrize("name", UNITS)
def test_systemd_finds_nothing_wrong_with_a_unit(name, tmp_path):
    text = (KIT / name).read_text(encoding="utf-8")
    assert all(re.match(r"\[\w+\]\Z|\w+=|#|\Z", line) for line in text.splitlines())
    if shutil.which("systemd-analyze") is None:
        # Not every machine runs systemd, and this one does not.
        return
    # It asks whether the program is there.
    (tmp_path / name).write_text(text.replace("/opt/slotmeter/bin/slotmeter", "/bin/true"))
    done = subprocess.run(
        ["systemd-analyze", "verify", str(tmp_path / name)], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_job_for_a_runner_runs_what_there_is():
    text = (KIT / "hil.yml").read_text(encoding="utf-8")
    commands = re.findall(r"- run: (.+)", text)
    assert len(commands) == 6
    for line in commands:
        program, *words = shlex.split(line)
        if program.endswith("/slotmeter"):
            understood(words)
        for word in words:
            if word.startswith("tests/"):
                assert (ROOT / word).is_dir()
    assert "pull_request" not in text
