"""Builds and parses an ASH frame of 100 octets beside bellows, which is no dependency and GPL-3.0: it is only run.

    python tests/bench/bench_ash.py [--rounds 15]

Both sides are measured in turns in one process, process time, the best of all rounds. Building is from the payload to
the octets for the wire, parsing from what came between two flags to the payload in clear.
"""

import argparse

from timing import best_of

from slotmeter.zigbee_han.ncp import ash

PAYLOAD = bytes(range(100, 200))
NUMBER, ACKNOWLEDGED = 3, 4


def measure(rounds=15):
    """A list of (what, ours in microseconds, bellows' or None, factor wanted)."""
    frame = ash.build_data(NUMBER, ACKNOWLEDGED, False, PAYLOAD)
    piece = frame[:-1]
    assert ash.parse(piece) == (NUMBER << 4 | ACKNOWLEDGED, PAYLOAD)
    functions = [lambda: ash.build_data(NUMBER, ACKNOWLEDGED, False, PAYLOAD), lambda: ash.parse(piece)]
    try:
        import bellows.ash as peer
    except ImportError:
        pass
    else:
        stuff, unstuff = peer.AshProtocol._stuff_bytes, peer.AshProtocol._unstuff_bytes
        given = {"frm_num": NUMBER, "re_tx": False, "ack_num": ACKNOWLEDGED, "ezsp_frame": PAYLOAD}
        assert stuff(peer.DataFrame(**given).to_bytes()) + b"\x7e" == frame
        assert peer.parse_frame(unstuff(piece)).ezsp_frame == PAYLOAD
        functions.append(lambda: stuff(peer.DataFrame(**given).to_bytes()) + b"\x7e")
        functions.append(lambda: peer.parse_frame(unstuff(piece)))
    times = best_of(functions, rounds, 400)
    beside = times[2:] or [None, None]
    rows = [("build", times[0], beside[0], 4), ("parse", times[1], beside[1], 4)]
    both = sum(beside) if times[2:] else None
    return rows + [("build and parse", times[0] + times[1], both, 4)]


def main():
    arguments = argparse.ArgumentParser(description="ASH: a frame of 100 octets.")
    arguments.add_argument("--rounds", type=int, default=15)
    results = measure(arguments.parse_args().rounds)
    print("ASH, 100 octets%14s%14s%9s%9s" % ("us", "bellows us", "factor", "wanted"))
    for what, ours, peers, wanted in results:
        beside = "%14.2f%9.1f" % (peers, peers / ours) if peers else "%14s%9s" % ("-", "-")
        print("%-15s%14.2f%s%9s" % (what, ours, beside, wanted))
    if results[0][2] is None:
        print("bellows is not installed: pip install bellows shows its figures here too.")


if __name__ == "__main__":
    main()
