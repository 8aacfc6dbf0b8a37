"""What is particular to the crypto of hosts."""

import subprocess
import sys

from slotmeter.hal.crypto import P256_ORDER
from slotmeter.hal.host.crypto import HostCrypto, der_signature, raw_signature


def test_raw_and_der_signatures_are_two_spellings_of_one() -> None:
    for r in (1, 127, 128, 255, 256, 1 << 255, (1 << 255) - 1, P256_ORDER - 1):
        for s in (1, 128, 1 << 248, P256_ORDER - 1):
            raw = r.to_bytes(32, "big") + s.to_bytes(32, "big")
            der = der_signature(raw)
            assert der[1] == len(der) - 2
            assert raw_signature(der) == raw


def test_the_der_of_a_small_signature() -> None:
    raw = (1).to_bytes(32, "big") + (128).to_bytes(32, "big")
    assert der_signature(raw).hex() == "300702010102020080"


def test_signatures_are_repeatable() -> None:
    private = (9).to_bytes(32, "big")
    assert HostCrypto().sign(private, b"message") == HostCrypto().sign(private, b"message")


def test_crypto_does_not_bring_the_certificate_code() -> None:
    code = "import sys, slotmeter.hal.host.crypto; print('cryptography.x509' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
