"""Every value of the reference test data set fits the object tree: what responses return and what commands write."""

import json
import os
from pathlib import Path

import pytest

from slotmeter.dlms.apdu import (
    ACTION,
    GET_WITH_SELECTION,
    NULL_DATA,
    OTHER_REASON,
    SET,
    SUCCESS,
    parse_access_request,
    parse_access_response,
)
from slotmeter.dlms.axdr import skip
from slotmeter.dlms.cosem.access import Access
from slotmeter.dlms.cosem.hooks import Hooks
from slotmeter.dlms.cosem.tree import POLYPHASE, SINGLE, TWIN, Tree
from slotmeter.firmware.objects import OBJECTS
from slotmeter.firmware.usecases import USE_CASES
from slotmeter.hal.records import Records
from slotmeter.hal.virtual.store import VirtualStore

ROOT = Path(__file__).resolve().parent.parent.parent.parent
RTDS = Path(os.environ.get("RTDS_DIR", ROOT.parent / "shared" / "rtds"))
MESSAGES = RTDS / "decoded" / "messages.jsonl"
ESME = "00db1234567890a0"
NOW_S = 473385600
USE_CASE = {row[0]: row for row in USE_CASES}

if not MESSAGES.is_file():
    pytest.skip(
        "RTDS 4.5.0 is in the test folder of SmartDCCInnovation/gbcs-parser; set RTDS_DIR", allow_module_level=True
    )


class Willing(Hooks):
    """A meter around the tree that agrees to everything."""

    def schedule(self, key, when, access):
        return SUCCESS

    def top_up(self, digits, access):
        return SUCCESS

    def tariff(self, script, access):
        return SUCCESS

    def auxiliary(self, obis, command, access):
        return SUCCESS

    def set_time(self, start_s, end_s, access):
        return SUCCESS


def load() -> "list[tuple[dict, dict]]":
    commands, pairs = {}, []
    with open(MESSAGES, encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    for row in rows:
        if row["kind"] == "COMMAND" and row["recipient"] == ESME:
            commands[(row["dir"], row["file"].replace("_COMMAND_", "_"))] = row
    for row in rows:
        if row["kind"] == "RESPONSE" and row["originator"] == ESME and row["payload"][:2] == "da":
            pairs.append((commands[(row["dir"], row["file"].replace("_RESPONSE_", "_"))], row))
    return pairs


PAIRS = load()
NAMES = [response["file"].replace("_RESPONSE_GBCS.HEX", "") for _, response in PAIRS]


def variant_of(command: dict) -> int:
    mask = SINGLE | TWIN | POLYPHASE
    for item in USE_CASE[int(command["message_code"], 16)][8]:
        mask &= item[2]
    if "TWIN" in command["file"]:
        mask &= TWIN
    return SINGLE if mask & SINGLE else mask


def access_of(command: dict, seal) -> Access:
    originator = bytes.fromhex(command["originator"])
    supplementary = bytes.fromhex(command["supplementary"])
    return Access(
        NOW_S,
        int(command["message_code"], 16),
        command["originator_counter"].to_bytes(8, "big"),
        originator,
        2,
        bytes.fromhex(ESME),
        originator,
        supplementary[:8] or originator,
        seal,
    )


def protected_keys(data: bytes) -> "list[bytes]":
    keys, pos = [], 4
    for _ in range(data[3]):
        keys.append(data[pos + 3 : pos + 5] + data[pos + 7 : pos + 13] + data[pos + 14 : pos + 15])
        pos = skip(data, pos)
    return keys


@pytest.mark.parametrize(("command", "response"), PAIRS, ids=NAMES)
def test_a_tree_that_holds_what_a_response_says_gives_that_response(command, response):
    tree = Tree(OBJECTS, variant_of(command), Records(VirtualStore()), Willing())
    _, items = parse_access_request(bytes.fromhex(command["payload"]))
    _, results = parse_access_response(bytes.fromhex(response["payload"]))
    sealed = []
    plain = [bytes.fromhex(part["plaintext"]) for part in response.get("decrypted", []) if "plaintext" in part]

    def seal(plaintext: bytes) -> bytes:
        sealed.append(plaintext)
        start = results[0][2].index(b"\x31\x00\x00\x00\x00") if results else 0
        return results[0][2][start:]

    access = access_of(command, seal)
    for item, (_, result, data) in zip(items, results, strict=True):
        if result == SUCCESS and item.kind not in (SET, ACTION):
            tree.poke(item.key, data)
        elif item.key[:2] == b"\x00\x1e" and plain:
            pos = 2
            for key in protected_keys(item.data):
                end = skip(plain[0], pos)
                tree.poke(key, plain[0][pos:end])
                pos = end
    failed = False
    for item, (_, result, data) in zip(items, results, strict=True):
        if failed or result != SUCCESS:
            failed = True
            continue
        if item.kind == SET:
            assert tree.set(item.key, item.data, access) == SUCCESS
            if tree.peek(item.key) is not None:
                assert tree.peek(item.key) == item.data
        elif item.kind == ACTION:
            assert tree.invoke(item.key, item.data, access) == (SUCCESS, data)
        else:
            if item.key[:2] == b"\x00\x08":
                # The clock is the meter's.
                continue
            assert tree.get(item.key, item.selection, access) == (SUCCESS, data)
            if item.kind == GET_WITH_SELECTION:
                assert item.selection
    assert sealed == plain


@pytest.mark.parametrize(("command", "response"), PAIRS, ids=NAMES)
def test_a_meter_that_offers_nothing_refuses_and_never_raises(command, response):
    for variant in (SINGLE, TWIN, POLYPHASE):
        tree = Tree(OBJECTS, variant, Records(VirtualStore()), Hooks())
        access = access_of(command, lambda plaintext: None)
        _, items = parse_access_request(bytes.fromhex(command["payload"]))
        for item in items:
            if item.kind == SET:
                assert isinstance(tree.set(item.key, item.data, access), int)
            elif item.kind == ACTION:
                result, data = tree.invoke(item.key, item.data, access)
                assert data == NULL_DATA
                if item.key[:2] == b"\x00\x1e":
                    assert result == OTHER_REASON
            else:
                tree.get(item.key, item.selection, access)
