"""What goes wrong on a wire, on purpose, and the same way for the same seed."""

from slotmeter.hal.virtual import faults

PIECES = [bytes((i & 0xFF, i >> 8)) * 5 for i in range(2000)]


def carried(device):
    out = []
    for piece in PIECES:
        out.extend(device.carry(piece))
    return out


def test_a_good_wire_changes_nothing():
    assert carried(faults.Fault()) == PIECES
    assert carried(faults.Lossy(1, 0)) == carried(faults.Corrupting(1, 0)) == carried(faults.Doubling(1, 0)) == PIECES
    assert faults.Fault().carry(b"") == []


def test_the_same_seed_does_the_same_and_another_one_something_else():
    for kind in (faults.Lossy, faults.Corrupting, faults.Doubling):
        assert carried(kind(7, 100)) == carried(kind(7, 100)) != carried(kind(8, 100))


def test_about_as_many_pieces_are_lost_as_were_asked_for():
    device = faults.Lossy(7, 100)
    kept = carried(device)
    assert len(kept) == 2000 - device.done
    assert 150 < device.done < 250
    assert all(piece in PIECES for piece in kept)
    assert carried(faults.Lossy(7, 1000)) == []


def test_a_damaged_piece_has_one_bit_flipped():
    device = faults.Corrupting(7, 100)
    out = carried(device)
    changed = [(a, b) for a, b in zip(PIECES, out) if a != b]
    assert len(changed) == device.done > 150
    for a, b in changed:
        assert sum([bin(x ^ y).count("1") for x, y in zip(a, b)]) == 1


def test_a_doubled_piece_comes_twice():
    device = faults.Doubling(7, 100)
    assert len(carried(device)) == 2000 + device.done
    assert device.done > 150


def test_octets_may_come_one_at_a_time():
    assert faults.OneOctetAtATime().carry(b"abc") == [b"a", b"b", b"c"]


def test_noise_comes_before_a_piece():
    device = faults.Noisy(7, 1000, b"\x11\x13")
    assert {piece[:1] for piece in carried(device)} == {b"\x11", b"\x13"}
    assert device.carry(b"abc")[0][1:] == b"abc"


def test_devices_stand_one_behind_the_other():
    seen = faults.Recorder()
    chain = faults.Chain([faults.Lossy(7, 500), seen, faults.OneOctetAtATime()])
    out = carried(chain)
    assert b"".join(out) == seen.octets
    assert all(len(piece) == 1 for piece in out)
    assert 7000 < len(out) < 13000


def test_frames_are_lost_as_a_whole():
    device = faults.Frames(faults.Lossy(3, 300), 0x7E)
    stream = b"".join([b"%04d\x7e" % i for i in range(1000)])
    out = b""
    for i in range(0, len(stream), 7):
        out += b"".join(device.carry(stream[i : i + 7]))
    frames = out.split(b"\x7e")
    assert frames.pop() == b""
    assert all(len(frame) == 4 for frame in frames)
    assert 600 < len(frames) < 800


def test_what_never_ends_is_not_kept_for_ever():
    device = faults.Frames(faults.Fault(), 0x7E, 10)
    assert device.carry(b"0123456789") == []
    assert device.carry(b"a") == [b"0123456789a"]


def test_a_delayed_piece_comes_in_its_time_and_none_overtakes_another():
    device = faults.Delayed(7, 100)
    assert device.tick(1000) == [] and device.deadline_ms() is None
    came = []
    for piece in PIECES:
        came.extend(device.carry(piece))
    assert device.done > 1000 and len(came) < 100
    for now_ms in range(1000, 1101):
        due = device.deadline_ms()
        assert due is None or due >= now_ms
        came.extend(device.tick(now_ms))
    assert came == PIECES


def test_what_a_device_holds_back_passes_through_those_behind_it():
    seen = faults.Recorder()
    chain = faults.Chain([faults.Delayed(7, 10), seen, faults.Frames(faults.Delayed(8, 10), 0x7E)])
    chain.tick(0)
    out = chain.carry(b"one\x7e") + chain.carry(b"two\x7e")
    now_ms = 0
    while chain.deadline_ms() is not None:
        assert chain.deadline_ms() >= now_ms
        now_ms = chain.deadline_ms()
        out += chain.tick(now_ms)
    assert (out, seen.octets) == ([b"one\x7e", b"two\x7e"], b"one\x7etwo\x7e")
    assert 0 < now_ms <= 20


def test_a_reset_loses_the_piece_and_restarts_what_is_there():
    restarts = []
    device = faults.Resetting(7, 100, lambda: restarts.append(device.done))
    out = carried(device)
    assert len(out) == 2000 - device.done and restarts == list(range(1, device.done + 1))
    assert 150 < device.done < 250
