"""The repeatable source of entropy."""

import hashlib

from slotmeter.hal.virtual.entropy import SeededEntropy


def test_the_same_seed_gives_the_same_stream():
    assert SeededEntropy(7).random(100) == SeededEntropy(7).random(100)
    assert SeededEntropy(7).random(100) != SeededEntropy(8).random(100)


def test_how_the_stream_is_cut_does_not_change_it():
    whole = SeededEntropy(2**64 - 1).random(200)
    entropy = SeededEntropy(2**64 - 1)
    parts = b"".join([entropy.random(count) for count in (0, 1, 31, 32, 33, 3, 100)])
    assert parts == whole


def test_the_stream_is_what_the_module_says():
    first = hashlib.sha256(b"slotmeter seeded entropy" + bytes(7) + b"\x05" + bytes(8)).digest()
    assert SeededEntropy(5).random(32) == first


def test_seeds_that_do_not_fit_are_refused():
    for seed in (-1, 2**64):
        try:
            SeededEntropy(seed)
        except ValueError:
            continue
        raise AssertionError("accepted")
