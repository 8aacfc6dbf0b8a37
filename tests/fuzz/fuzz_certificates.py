"""Fuzzes the parser of implicit certificates, the points in them, and install codes."""

import mutate

from slotmeter.hal.host.crypto import HostCrypto
from slotmeter.hal.virtual.entropy import SeededEntropy
from slotmeter.zigbee_han import certificates, install_code
from slotmeter.zigbee_han.certificates import SUITES, Authority, curve_of
from slotmeter.zigbee_han.errors import DecodeError

CRYPTO = HostCrypto()
AUTHORITIES = {
    suite: Authority(CRYPTO, suite, curve_of(suite).private_key(bytes(range(44))), b"BENCH CA") for suite in SUITES
}
POINTS = {suite: curve_of(suite).decompress(AUTHORITIES[suite].public) for suite in SUITES}


def seeds():
    found = [install_code.with_crc(bytes(size)) for size in install_code.SIZES]
    for suite in SUITES:
        for seed in range(6):
            found.append(AUTHORITIES[suite].issue(SeededEntropy(seed), bytes((2, seed)) + bytes(6), 1000000 * seed)[0])
    return found


ISSUED = {suite: set() for suite in SUITES}
SEEDS = seeds()
for seed in SEEDS:
    for suite in SUITES:
        if len(seed) == certificates.size_of(suite):
            ISSUED[suite].add(seed)


def parse(data):
    refused = None
    for suite in SUITES:
        try:
            one = certificates.parse(suite, data)
        except DecodeError as error:
            refused = refused or error
            continue
        refused = None
        assert one.octets == data
        if suite == 1:
            built = certificates.build_1(one.point, one.subject, one.issuer, one.attributes)
        else:
            built = certificates.build_2(
                one.point, one.subject, one.issuer, one.serial, one.valid_from, one.validity, one.usage
            )
        assert built[37:] == data[37:], "the certificate builds differently"
        assert built == data, "the certificate builds differently"
        public = certificates.public_point(CRYPTO, one, POINTS[suite])
        assert curve_of(suite).on_curve(public), "a public key off the curve"
        assert curve_of(suite).in_subgroup(public), "a public key of another order"
        return
    try:
        assert install_code.check(data) == data
    except DecodeError:
        raise refused from None


TARGET = mutate.Target("zigbee_han/certificates.py", SEEDS, parse, DecodeError)

if __name__ == "__main__":
    mutate.main(TARGET)
