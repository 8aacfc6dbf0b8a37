"""`slotmeter rtds`: what it says of a data set that matches, that differs, and that is not there."""

import json
import os
from pathlib import Path

import dataset
import pytest
from click.testing import CliRunner

from slotmeter.boards.pc.errors import SlotmeterError
from slotmeter.boards.pc.rtds_command import command
from slotmeter.boards.pc.rtds_data import find
from slotmeter.boards.pc.rtds_differences import differences
from slotmeter.boards.pc.rtds_replay import Replay
from slotmeter.boards.pc.rtds_results import FAILED, MATCHED
from slotmeter.boards.pc.tlv import read_tlv
from slotmeter.dlms.errors import DecodeError

FOLDER = Path(os.environ.get("RTDS_DIR", Path(__file__).resolve().parents[4] / "shared" / "rtds"))
needs_rtds = pytest.mark.skipif(not (FOLDER / "RTDS-4.5.0").is_dir(), reason=dataset.HOW_TO_GET_IT)


def run(*arguments):
    return CliRunner().invoke(command, [str(one) for one in arguments])


def copy_of(folder, directory, changed=None, left_out=()):
    """A data set in `folder` with one directory of the real one; `changed`: file name part to a function of octets."""
    (folder / "keystore").symlink_to(FOLDER / "keystore")
    target = folder / "RTDS-4.5.0" / directory
    target.mkdir(parents=True)
    for path in sorted((FOLDER / "RTDS-4.5.0" / directory).iterdir()):
        if any(part in path.name for part in left_out):
            continue
        text = path.read_text("ascii").strip()
        if changed is not None and changed[0] in path.name:
            text = changed[1](bytes.fromhex(text)).hex().upper()
        (target / path.name).write_text(text)
    return folder


def with_bit_flipped(place):
    def flip(data):
        octets = bytearray(data)
        octets[place] ^= 1
        return bytes(octets)

    return flip


def results_of(folder):
    with Replay(folder) as replay:
        return [result for exchange in replay.exchanges() for result in replay.run(exchange)]


def test_a_folder_without_a_data_set_is_said_to_be_one(tmp_path):
    result = run(tmp_path)
    assert result.exit_code == 2
    assert "holds no data set" in result.output
    assert run(tmp_path / "nowhere").exit_code == 2


@needs_rtds
def test_the_data_set_itself_may_be_named(tmp_path):
    copy_of(tmp_path, "4.16_ECS17c")
    assert find(tmp_path) == find(tmp_path / "RTDS-4.5.0")
    with Replay(tmp_path / "RTDS-4.5.0") as replay:
        (exchange, *_others) = replay.exchanges()
        assert [one.outcome for one in replay.run(exchange)] == [MATCHED]


@needs_rtds
def test_a_changed_mac_is_noticed(tmp_path):
    folder = copy_of(tmp_path, "4.16_ECS17c", ("SUCCESS_RESPONSE", with_bit_flipped(-1)))
    (result,) = [one for one in results_of(folder) if one.outcome == FAILED]
    assert result.differences == ["the MAC differs"]


@needs_rtds
def test_a_changed_header_is_shown_by_field(tmp_path):
    # Octet 22 of a MACed message lies in the originator of the grouping header.
    folder = copy_of(tmp_path, "4.16_ECS17c", ("SUCCESS_RESPONSE", with_bit_flipped(16)))
    (result,) = [one for one in results_of(folder) if one.outcome == FAILED]
    assert result.differences[0].startswith("originator counter: published")


@needs_rtds
def test_a_changed_signature_is_no_difference(tmp_path):
    folder = copy_of(tmp_path, "1.7_ECS05", ("RESPONSE", with_bit_flipped(-1)))
    assert {one.outcome for one in results_of(folder)} == {MATCHED}


@needs_rtds
def test_a_command_that_does_not_verify_is_said_to_be_refused(tmp_path):
    folder = copy_of(tmp_path, "1.7_ECS05", ("_COMMAND", with_bit_flipped(-1)))
    result = results_of(folder)[0]
    assert result.outcome == FAILED
    assert "not-authentic" in result.differences[0]


@needs_rtds
def test_a_cancellation_goes_after_what_it_cancels_and_leads_to_no_alert(tmp_path):
    folder = copy_of(tmp_path, "1.1.1_ECS01a")
    with Replay(folder) as replay:
        (exchange,) = replay.exchanges(lambda path: "CANCELLATION" in path)
        assert replay._cancelled(exchange).scenario == "ECS01a_1.1.1_FUTURE_DATED_TOU_BLOCK_SUCCESS"
        assert [one.outcome for one in replay.run(exchange)] == [MATCHED]
        (exchange,) = replay.exchanges(lambda path: "FUTURE_DATED" in path)
        assert [one.kind for one in replay.run(exchange)] == ["pair"] + ["alert"] * 6


@needs_rtds
def test_alerts_are_compared_though_their_counters_have_gaps(tmp_path):
    """A published alert that is missing leaves a gap in the counters, and the others still match."""
    folder = copy_of(tmp_path, "1.1.1_ECS01a", left_out=("ALERT_STANDING_CHARGE", "ALERT_SWITCHING"))
    alerts = [one for one in results_of(folder) if one.kind == "alert"]
    assert [one.outcome for one in alerts] == [MATCHED] * 4


@needs_rtds
def test_the_report_holds_every_result(tmp_path):
    folder = copy_of(tmp_path, "4.14_ECS21b")
    report = tmp_path / "report.json"
    result = run(folder, "--json", report)
    assert result.exit_code == 0, result.output
    content = json.loads(report.read_text("utf-8"))
    assert content["totals"] == [{"kind": "pair", "outcome": "matched", "count": 2}]
    assert [one["use_case"] for one in content["results"]] == ["ECS21b", "ECS21b"]


@needs_rtds
def test_the_table_says_what_matched_and_the_status_what_did_not(tmp_path):
    folder = copy_of(tmp_path, "4.16_ECS17c", ("SUCCESS_RESPONSE", with_bit_flipped(-1)))
    result = run(folder)
    assert result.exit_code == 1
    assert "ECS17c" in result.output
    assert "1/2" in result.output
    assert "the MAC differs" in result.output
    chosen = run(folder, "--only", "*error")
    assert chosen.exit_code == 0
    assert "1 run, 1 matched" in chosen.output


@needs_rtds
def test_a_choice_of_nothing_is_told(tmp_path):
    folder = copy_of(tmp_path, "4.16_ECS17c")
    result = run(folder, "--only", "ECS99z")
    assert result.exit_code == 2
    assert "ECS99z" in result.output


@needs_rtds
def test_what_is_for_another_device_is_not_run(tmp_path):
    folder = copy_of(tmp_path, "3.1_GCS07")
    result = run(folder)
    assert result.exit_code == 2
    assert "not on this bench" in result.output


@needs_rtds
def test_a_file_that_is_no_message_is_named(tmp_path):
    folder = copy_of(tmp_path, "4.16_ECS17c")
    broken = folder / "RTDS-4.5.0" / "4.16_ECS17c" / "ECS17c_4.16_SUCCESS_COMMAND_GBCS.HEX"
    broken.write_text("DD00")
    with pytest.raises(SlotmeterError, match="ECS17c_4.16_SUCCESS_COMMAND"):
        Replay(folder)


def test_differences_name_the_field_and_both_sides():
    lines = differences({"a": "1", "b": "2", "c": "3"}, {"a": "1", "b": "5", "d": "4"})
    assert lines == [
        "b: published 2 | device 5",
        "c: published 3 | device absent",
        "d: published absent | device 4",
    ]


def test_a_long_list_of_differences_is_cut():
    expected = {str(number): "1" for number in range(100)}
    lines = differences(expected, {name: "2" for name in expected})
    assert lines[-1].startswith("and ")
    assert len(lines) < 30


def test_asn1_is_read_with_lengths_of_every_form():
    (outer,) = read_tlv(bytes.fromhex("30820005" + "0201FF" + "0500"))
    assert [one.tag for one in outer.children] == [2, 5]
    assert outer.children[0].number == -1
    with pytest.raises(DecodeError):
        read_tlv(bytes.fromhex("3003020100FF")[:-2])
