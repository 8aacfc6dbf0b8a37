"""The measurements: that they measure what they say. What they find depends on the machine and is not judged here."""

import json

from click.testing import CliRunner

from slotmeter.boards.pc import measurements
from slotmeter.boards.pc.__main__ import cli
from slotmeter.dlms.gbcs import message


def world(folder):
    from slotmeter.boards.pc import pki
    from slotmeter.boards.pc.cast import Cast
    from slotmeter.hal.virtual.entropy import SeededEntropy

    pki.create(folder / "keys", SeededEntropy(1))
    return measurements.World(Cast.load(folder / "keys"))


def test_the_bare_cryptography_is_that_of_the_messages(tmp_path):
    one = world(tmp_path)
    command = one.command("ECS38")
    response = one.answer(command)
    bare = measurements.Bare(one, command, response)
    parsed = message.parse(command)
    assert measurements._bare_mac(bare._z_in, parsed.body) == parsed.mac
    # Raises when the signature is not that of the supplier over this command.
    bare.critical()
    read = one.command("ECS17c")
    answer = message.parse(one.answer(read))
    assert measurements._bare_mac(bare._z_out, answer.body) == answer.mac


def test_the_profile_that_is_read_holds_what_was_put_in(tmp_path):
    one = world(tmp_path)
    one.fill(48)
    short = len(one.answer(one.command("ECS22b", begin="-1d")))
    half = len(one.answer(one.command("ECS22b", begin="-12h")))
    # Eight octets a half-hour, and a few more for longer lengths; both ends of a range belong to it.
    assert 23 * 8 <= short - half <= 25 * 8 + 8


def test_a_missed_target_is_status_1_and_named(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    rows = [
        measurements.Row("fast", "1 us", "1 us", 1.0, 0.5),
        measurements.Row("heavy", "9 MiB", "1 MiB", 9.0, 2.0, "some peer 1 MiB", higher=False),
    ]
    monkeypatch.setattr(measurements, "measure", lambda *_: rows)
    result = CliRunner().invoke(cli, ["bench"])
    assert result.exit_code == 1
    assert "MISSED" in result.stdout
    assert "some peer 1 MiB" in result.stdout
    assert "missed: heavy" in result.stderr
    found = json.loads(CliRunner().invoke(cli, ["bench", "--json"]).stdout)
    assert [row["met"] for row in found] == [True, False]


def test_a_target_is_met_at_its_bound():
    assert measurements.Row("", "", "", 0.1, 0.1).met
    assert measurements.Row("", "", "", 2.0, 2.0, higher=False).met
