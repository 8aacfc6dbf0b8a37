"""What a half-hour of metering costs, beside the bare loop over the same half-hours, from a day to ten years.

    python tests/bench/bench_year.py [--years 10]

The cost of a half-hour is to be within 30 times that of the bare loop, and the same whatever went before.
"""

import argparse

from slotmeter.boards.pc.year import measure_metering


def main():
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--years", type=int, default=10)
    years = parser.parse_args().years
    measure_metering(30)
    print("%8s %12s %12s %8s %10s" % ("days", "us/half-hour", "bare us", "ratio", "seconds"))
    for days in (1, 30, 365, 365 * years):
        ours, bare = measure_metering(days)
        print("%8d %12.2f %12.3f %8.1f %10.3f" % (days, ours, bare, ours / bare, ours * days * 48 / 1e6))


if __name__ == "__main__":
    main()
