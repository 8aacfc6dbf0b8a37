"""What a whole key establishment costs, both sides in one process, and its parts.

    python tests/bench/bench_key_establishment.py [--times 20]

No library offers the curves of ZigBee any more (`cryptography` 50 does not), so what stands beside it is not the same
work: one P-256 key agreement of `cryptography`. A whole exchange has eight multiplications of points, four on a side.
Each figure is the best of its repetitions, in milliseconds.
"""

import argparse
import time

from slotmeter.hal.host.crypto import HostCrypto
from slotmeter.hal.virtual.entropy import SeededEntropy
from slotmeter.zigbee_han.agreement import CurveWork, Identity, entropy_size
from slotmeter.zigbee_han.certificates import SUITES, Authority, curve_of
from slotmeter.zigbee_han.key_establishment import KeyAgreed, KeyCommand, KeyExchange

METER = b"\x02SLOT\x10\x00\x01"
HUB = b"\x02SLOT\x10\x00\x02"


def best(act, times):
    """The shortest of `times` runs in ms of this process, because the machine may be busy with others."""
    shortest = None
    for _ in range(times):
        start = time.process_time()
        act()
        spent = 1000 * (time.process_time() - start)
        shortest = spent if shortest is None or spent < shortest else shortest
    return shortest


def exchange(crypto, identities):
    """One exchange from the first message to both keys."""
    meter, hub = [
        KeyExchange(crypto, SeededEntropy(name[-1]), name, [identities[name]]) for name in (METER, HUB)
    ]
    meter.start(HUB, 0)
    request = meter.to_send()
    while request is not None:
        hub.receive(KeyCommand(METER, request.from_server, request.command, request.payload), 0)
        response = hub.to_send()
        meter.receive(KeyCommand(HUB, response.from_server, response.command, response.payload), 0)
        request = meter.to_send()
    one, other = meter.next_event(), hub.next_event()
    if not isinstance(one, KeyAgreed) or not isinstance(other, KeyAgreed) or one.key != other.key:
        raise RuntimeError("no key")


def measure(times):
    """[(what, ms)]"""
    crypto = HostCrypto()
    work = CurveWork(crypto)
    rows = []
    for suite in SUITES:
        curve = curve_of(suite)
        authority = Authority(crypto, suite, curve.private_key(bytes(range(44))), b"BENCH CA")
        identities = {}
        for name in (METER, HUB):
            octets, private = authority.issue(SeededEntropy(name[-1]), name)
            identities[name] = Identity(suite, octets, private, authority.public)
        title = "suite %d, %s" % (suite, curve.name)
        rows.append((title + ": whole exchange, both sides", best(lambda: exchange(crypto, identities), times)))
        octets = bytes(range(entropy_size(suite)))
        private, public = work.ephemeral(suite, octets)
        point = work.point(suite, public)
        own = identities[METER]
        rows.append((title + ": ephemeral key pair", best(lambda: work.ephemeral(suite, octets), times)))
        rows.append((title + ": point checked", best(lambda: work.point(suite, public), times)))
        rows.append(
            (
                title + ": public key of a certificate",
                best(lambda: work.static_point(own.certificate, own.authority), times),
            )
        )
        rows.append(
            (
                title + ": shared secret",
                best(lambda: work.secret(suite, own.private, private, public, point, point), times),
            )
        )
    one, other = (1 << 200).to_bytes(32, "big"), crypto.public_key((3 << 200).to_bytes(32, "big"))
    rows.append(("reference: ECDH P-256 of cryptography", best(lambda: crypto.ecdh(one, other), 50 * times)))
    return rows


def main():
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--times", type=int, default=20)
    for what, ms in measure(parser.parse_args().times):
        print("%-52s %9.3f ms" % (what, ms))


if __name__ == "__main__":
    main()
