"""Published tokens, with the MAC computed from the published shared secrets."""

import json
import os
from pathlib import Path

import pytest

from slotmeter.dlms.gbcs.keys import derive, other_info
from slotmeter.hal.host.crypto import HostCrypto
from slotmeter.prepayment.topup import ACCEPTED, NOT_AUTHENTIC, Validator
from slotmeter.prepayment.utrn import build, parse

PATH = Path(
    os.environ.get("VECTORS_DIR", Path(__file__).resolve().parents[2].parent / "shared" / "vectors")
) / "gbcs-crypto-vectors.json"

if not PATH.is_file():
    pytest.skip("the GBCS crypto vectors are not here; set VECTORS_DIR to their folder", allow_module_level=True)

VECTORS = json.loads(PATH.read_text())
TOKENS = [pytest.param(vector, id=vector["source"]) for vector in VECTORS["utrn_vectors"]]


def _mac(vector):
    """MAC32 as facts section 9 describes it, from the shared secret of the vector."""
    crypto = HostCrypto()
    supplier, meter = bytes.fromhex(vector["originator"]), bytes.fromhex(vector["target"])

    def make(counter, high):
        octets = counter.to_bytes(8, "big")
        key = derive(crypto, bytes.fromhex(vector["z"]), other_info(supplier, 1, octets, meter))
        aad = b"\x11" + bytes(5) + supplier + meter + b"\x01" + octets + high
        return crypto.gmac(key, supplier + bytes(4), aad)[12:]

    return make


class Kept(dict):
    """A record in memory."""

    def put(self, name, value):
        self[name] = value


@pytest.mark.parametrize("vector", TOKENS)
def test_a_published_token_is_built_and_read(vector):
    digits = build(vector["counter"], vector["value_class"], vector["value"], _mac(vector))
    assert digits == vector["utrn"]
    token, reason = parse(digits)
    assert reason == ""
    assert (token.value_class, token.value) == (vector["value_class"], vector["value"])
    assert token.high == bytes.fromhex(vector["ptut_high"])
    assert (token.high + token.mac).hex() == vector["ptut"]


@pytest.mark.parametrize("vector", TOKENS)
def test_a_published_token_is_accepted_by_its_meter_alone(vector):
    crypto = HostCrypto()
    meter = Validator(Kept(), _mac(vector), crypto.equal)
    top_up = meter.judge(vector["utrn"], vector["counter"])
    assert (top_up.reason, top_up.counter) == (ACCEPTED, vector["counter"])
    # Entered by hand; a counter a window away needs a floor to start from.
    meter.set_floor(max(vector["counter"] - (5 << 32), 0), True)
    assert meter.judge(vector["utrn"]).counter == vector["counter"]
    other = dict(vector, target="00db1234567890ff")
    assert Validator(Kept(), _mac(other), crypto.equal).judge(vector["utrn"]).reason == NOT_AUTHENTIC


@pytest.mark.parametrize("vector", VECTORS["utrn_check_digit_only"], ids=lambda vector: vector["utrn"][-5:])
def test_a_published_check_digit_holds(vector):
    assert parse(vector["utrn"])[1] != "check-digit"
