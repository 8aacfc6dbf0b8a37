"""Every code of tools/tables/alert_causes.csv is raised the way that its row says, and masked as it may be.

The steps are played on a fresh meter. What it sends is taken apart and checked with the independent builder: to whom,
under which message code, signed or MACed, with which code and time; its logs are read as the bench protocol gives them.
"""

import calendar
import csv
import datetime as dt
import re
from pathlib import Path

import builder as b
import pytest

from slotmeter.boards.pc import pki, player, scenario
from slotmeter.boards.pc.bench import Bench, Options, format_time
from slotmeter.hal.virtual.entropy import SeededEntropy

TABLES = Path(__file__).resolve().parents[2] / "tools" / "tables"
SIGNED, MACED = "critical", "non-critical"
PARTIES = {"supplier": b.SUPPLIER, "network operator": b.NETWORK_OPERATOR}
LOGS = ("event", "security", "power")
# Alerts whose payload is ASN.1: a SEQUENCE that begins with the code as an INTEGER and the time as a GeneralizedTime.
ASN1 = ("00CA", "00CB", "0124")
# Which codes are meant, all of them, and what they are to lead to: nothing.
NOTHING = "0x" + "FF" * 32 + "00" * 32
MASKED = (
    # Logging first: the command to mask is itself an entry otherwise.
    "send ECS25a3 logging=" + NOTHING,
    "send ECS25a alerts=" + NOTHING,
    "send ECS25b alerts=" + NOTHING,
    "send ECS25b3 logging=" + NOTHING,
)


def rows():
    with open(TABLES / "alert_causes.csv", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


PRELUDES = {row["code"]: row["provoke"] for row in rows() if row["code"].startswith("@")}
CODES = [row for row in rows() if row["code"].startswith("0x")]
RAISED = [row for row in CODES if not row["not_raised"]]


def steps_of(text):
    """The lines of a row: those that say how the meter starts, and the others."""
    lines = []
    for step in text.split(";"):
        line = step.strip()
        lines += [one.strip() for one in PRELUDES[line].split(";")] if line.startswith("@") else [line]
    starts = [line for line in lines if line.split()[0] in ("variant", "start", "seed")]
    return starts, [line for line in lines if line not in starts]


# ---- commands that no scenario can send


def without_items(bench):
    """A command of the supplier's, authentic, whose payload is no access request."""
    return command(bench, 0x004F, b"\xd8" + b.access_request(900, [])[1:])


def of_another_role(bench):
    """The network operator closes the load switch."""
    enable = b.act(9, "0-0:10.0.106.255", 1, b.u16(51))
    return command(bench, 0x004F, b.access_request(900, [enable]), "network-operator")


def of_a_gas_meter(bench):
    """A command of the supplier's, authentic, with a message code that this meter does not have."""
    return command(bench, 0x006B, b.access_request(900, []))


DELIVERED = {"0x8F1E": without_items, "0x8F30": of_another_role, "0x8F85": of_a_gas_meter}


def command(bench, code, payload, name="supplier"):
    """A signed command of a party, MACed by the broker."""
    broker, party, device = bench.cast.named("access-control-broker"), bench.cast.named(name), bench.cast.device
    z = b.shared_secret(int.from_bytes(broker.ka_private, "big"), device.ka_public)
    signer = int.from_bytes(party.ds_private, "big")
    return b.message(b.COMMAND, 900, party.entity_id, device.eui64, code, payload, z, signer)


# ---- what comes of it


class Outcome:
    """alerts: the whole messages; logs: the entries of each; began_s, ended_s: the meter's time; cast."""


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("alerts") / "keys"
    pki.create(folder, SeededEntropy(1))
    return folder


def provoke(row, keys, masked):
    """Takes the steps of a row."""
    text = row["provoke"]
    deliver = text.startswith("deliver: ")
    starts, lines = steps_of("load 0W" if deliver else text)
    story = scenario.parse("\n".join(starts + (list(MASKED) if masked else []) + lines), Path(row["code"]))
    outcome = Outcome()
    outcome.alerts = []
    options = Options(
        keys=keys, temporary=True, variant=story.variant, seed=1, start=format_time(story.start // 1000)
    )
    with Bench(options) as bench:
        outcome.cast = bench.cast
        outcome.began_s = bench.clock.now_ms() // 1000

        def sent(kind, what):
            if kind == "sent" and what["kind"] == "alert":
                outcome.alerts.append(bytes.fromhex(what["hex"]))

        bench.observers.append(sent)
        player.Player(story, bench).play()
        if deliver:
            bench.request({"op": "deliver", "hex": DELIVERED[row["code"]](bench).hex()})
        outcome.ended_s = bench.clock.now_ms() // 1000
        outcome.logs = {name: bench.request({"op": "log", "name": name})["entries"] for name in LOGS}
    return outcome


def seconds_of(moment):
    return calendar.timegm(moment.timetuple()) - calendar.timegm((2000, 1, 1, 0, 0, 0))


def told(parts):
    """The code in an alert's payload and the time that it gives, in seconds since 2000."""
    payload = parts.payload
    if "%04X" % parts.code in ASN1:
        found = re.match(rb"\x30(?:[\x00-\x7f]|\x81.)\x02\x03\x00(..)\x18\x0f(\d{14})Z", payload, re.DOTALL)
        moment = dt.datetime.strptime(found[2].decode(), "%Y%m%d%H%M%S")
        return int.from_bytes(found[1], "big"), seconds_of(moment)
    # Data-notification: counter, no date-time, and a structure that begins with a long-unsigned and twelve octets.
    assert payload[:2] == b"\x0f\x20" and payload[2:5] == b.number(parts.counter & 0xFFFFFF, 3)
    assert payload[5] == 0 and payload[6] == 2 and payload[8] == 18 and payload[11:13] == b"\x09\x0c"
    assert b.end_of(payload, 6) == len(payload)
    year, month, day, _, hour, minute, second = (
        int.from_bytes(payload[13:15], "big"),
        *payload[15:20],
        payload[20],
    )
    return int.from_bytes(payload[9:11], "big"), seconds_of(dt.datetime(year, month, day, hour, minute, second))


def check_protection(cast, whole, parts, role, kind):
    """To the holder of the role, from the meter, and signed or MACed for nobody else."""
    party = cast.find(role)
    assert (parts.cra, parts.originator, parts.target) == (b.ALERT, cast.device.eui64, party.entity_id)
    if kind == SIGNED:
        assert not parts.mac
        assert b.signature_is_good(cast.device.ds_public, parts.signature, parts.signed)
    else:
        assert parts.mac and not parts.signature
        z = b.shared_secret(int.from_bytes(party.ka_private, "big"), cast.device.ka_public)
        assert b.mac_is_good(whole, z)


def found_in(outcome, code):
    """(whole, parts, time) of the alerts with a code, and the names of the logs that hold it."""
    alerts = []
    for whole in outcome.alerts:
        parts = b.take_apart(whole)
        its_code, at_s = told(parts)
        if its_code == code:
            alerts.append((whole, parts, at_s))
    logs = [name for name in LOGS if any(int(entry["code"], 16) == code for entry in outcome.logs[name])]
    return alerts, logs


@pytest.mark.parametrize("row", RAISED, ids=lambda row: row["code"])
def test_a_code_is_raised_by_its_cause_and_told_to_whom_its_row_says(row, keys):
    outcome = provoke(row, keys, False)
    alerts, logs = found_in(outcome, int(row["code"], 16))
    assert logs == ([row["log"]] if row["log"] else [])
    assert bool(alerts) == bool(row["to"]), outcome.alerts
    for whole, parts, at_s in alerts:
        assert "%04X" % parts.code == row["message_code"]
        assert outcome.began_s <= at_s <= outcome.ended_s
        check_protection(outcome.cast, whole, parts, PARTIES[row["to"]], row["kind"])


@pytest.mark.parametrize("row", RAISED, ids=lambda row: row["code"])
def test_a_code_is_masked_by_who_may_configure_it_and_by_nobody_else(row, keys):
    outcome = provoke(row, keys, True)
    alerts, logs = found_in(outcome, int(row["code"], 16))
    if row["code"].startswith("0x8F"):
        assert logs == ([row["log"]] if row["log"] else [])
        assert bool(alerts) == bool(row["to"])
    else:
        assert (alerts, logs) == ([], [])


def test_every_code_has_one_row_with_a_cause_or_a_reason():
    with open(TABLES / "alert_codes.csv", newline="", encoding="utf-8") as file:
        assert [row["code"] for row in CODES] == [row["code"] for row in csv.DictReader(file)]
    for row in CODES:
        if row["not_raised"]:
            assert not any((row["kind"], row["to"], row["message_code"], row["log"], row["cause"], row["provoke"]))
        else:
            assert row["cause"] and row["provoke"]
            assert (row["kind"] == "event") == (not row["to"]) == (not row["message_code"])
            assert row["kind"] in (SIGNED, MACED, "event")


def test_what_is_not_raised_is_never_sent_or_logged_by_all_that_is_provoked(keys):
    silent = {int(row["code"], 16) for row in CODES if row["not_raised"]}
    for row in RAISED[:: len(RAISED) // 12]:
        outcome = provoke(row, keys, False)
        assert not silent & {told(b.take_apart(whole))[0] for whole in outcome.alerts}
        assert not silent & {int(entry["code"], 16) for name in LOGS for entry in outcome.logs[name]}
