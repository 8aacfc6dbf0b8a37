"""The generated tables against the sources that they are made from and against the reference test data set."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from slotmeter.firmware.usecases import (
    ACTION,
    ALERT_MESSAGES,
    COMMAND_MAC,
    COMMAND_SIGNED,
    DLMS,
    GET,
    HEADER_DATE_TIME,
    RESPONSE_MAC,
    RESPONSE_SIGNED,
    SELECTIVE,
    SET,
    USE_CASES,
)

ROOT = Path(__file__).resolve().parent.parent.parent
RTDS = Path(os.environ.get("RTDS_DIR", ROOT.parent / "shared" / "rtds"))
MESSAGES = RTDS / "decoded" / "messages.jsonl"
NO_RTDS = "RTDS 4.5.0 is in the test folder of SmartDCCInnovation/gbcs-parser; set RTDS_DIR"
ESME = "00db1234567890a0"
BY_CODE = {row[0]: row for row in USE_CASES}
ROLE_OF_ORIGINATOR = {
    "90b3d51f30000001": 1,
    "90b3d51f30000002": 4,
    "90b3d51f30000004": 5,
    "90b3d51f30000007": 6,
    "90b3d51f30010000": 2,
    "90b3d51f30030000": 2,
    "90b3d51f30020000": 3,
    "90b3d51f30010008": 8,
}
OPERATIONS = {"get": GET, "get-with-selection": GET, "set": SET, "action": ACTION}


def obis(text: str) -> bytes:
    return bytes(int(part) for part in text.replace("-", ".").replace(":", ".").split("."))


def messages(kind: str) -> "list[dict[str, object]]":
    if not MESSAGES.is_file():
        pytest.skip(NO_RTDS)
    with open(MESSAGES, encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    side = "recipient" if kind == "COMMAND" else "originator"
    return [row for row in rows if row["kind"] == kind and row[side] == ESME]


def protection(row: "tuple", role: int) -> int:
    return dict(row[5]).get(role, row[4])


def test_the_committed_tables_are_those_of_their_sources():
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "gen_tables.py"), "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_use_cases_are_in_order_of_code_and_their_names_are_unique():
    codes = [row[0] for row in USE_CASES]
    assert codes == sorted(set(codes))
    assert len({row[1] for row in USE_CASES}) == len(USE_CASES)
    assert not set(codes) & {row[0] for row in ALERT_MESSAGES}


def test_only_reads_of_a_profile_buffer_may_be_selective():
    for row in USE_CASES:
        assert (row[3] == DLMS) == bool(row[8])
        for kind, key, variants, flags in row[8]:
            assert len(key) == 9 and 1 <= variants <= 7
            assert bool(flags & SELECTIVE) == (kind == GET and key[:2] == b"\x00\x07" and key[8] == 2)


def test_every_item_of_every_rtds_command_belongs_to_its_use_case():
    for message in messages("COMMAND"):
        row = BY_CODE[int(message["message_code"], 16)]
        allowed = {(item[0], item[1]) for item in row[8]}
        order = [(item[0], item[1]) for item in row[8]]
        seen = []
        for item in message.get("dlms_request", []):
            key = item["class"].to_bytes(2, "big") + obis(item["obis"]) + bytes((item["id"],))
            assert (OPERATIONS[item["op"]], key) in allowed, (message["file"], item)
            seen.append((OPERATIONS[item["op"]], key))
        at = 0
        for item in seen:
            while at < len(order) and order[at] != item:
                at += 1
            assert at < len(order), (message["file"], "is in another order")
            at += 1


def test_every_rtds_command_is_protected_and_sent_as_its_use_case_says():
    for message in messages("COMMAND"):
        row = BY_CODE[int(message["message_code"], 16)]
        role = ROLE_OF_ORIGINATOR[message["originator"]]
        assert row[6] >> role & 1, message["file"]
        bits = protection(row, role)
        assert bool(bits & COMMAND_MAC) == bool(message["mac"]), message["file"]
        assert bool(bits & COMMAND_SIGNED) == bool(message["signature"]), message["file"]


def test_every_rtds_response_is_protected_and_dated_as_its_use_case_says():
    for message in messages("RESPONSE"):
        row = BY_CODE[int(message["message_code"], 16)]
        bits = protection(row, ROLE_OF_ORIGINATOR.get(message["recipient"], 9))
        assert bool(bits & RESPONSE_MAC) == bool(message["mac"]), message["file"]
        assert bool(bits & RESPONSE_SIGNED) == bool(message["signature"]), message["file"]
        assert bool(row[7] & HEADER_DATE_TIME) == bool(message["date_time"]), message["file"]


def test_every_rtds_alert_of_the_meter_is_in_the_table_with_its_protection():
    by_code = {row[0]: row for row in ALERT_MESSAGES}
    for message in messages("ALERT"):
        row = by_code[int(message["message_code"], 16)]
        assert bool(row[3]) == bool(message["signature"]), message["file"]
        assert bool(row[3]) != bool(message["mac"]), message["file"]


def test_every_pair_of_the_conformance_list_has_a_use_case():
    path = RTDS / "conformance-pairs.csv"
    if not path.is_file():
        pytest.skip(NO_RTDS)
    with open(path, newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["device"] == "ESME":
                use_case = BY_CODE[int(row["message_code"], 16)]
                assert bool(use_case[7] & HEADER_DATE_TIME) == (row["header_date_time"] == "yes"), row["scenario"]
