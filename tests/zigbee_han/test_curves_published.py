"""The curves against NIST's key pairs and points, and against properties that hold for all of them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slotmeter.zigbee_han.curves import SECT163K1, SECT283K1
from slotmeter.zigbee_han.errors import DecodeError

CURVES = {"K-163": SECT163K1, "K-283": SECT283K1}

curves = st.sampled_from((SECT163K1, SECT283K1))
scalars = st.integers(0, (1 << 284) - 1) | st.integers(0, 300)


def nist(name, wanted):
    """The records of a CAVP file under one curve's heading: dictionaries of its fields."""
    vectors = pytest.importorskip("cryptography_vectors", reason="pip install cryptography_vectors")
    records = []
    inside = False
    with vectors.open_vector_file("asymmetric/ECDSA/" + name, "r") as lines:
        for line in lines:
            line = line.strip()
            if line.startswith("[") and not line.startswith("[B."):
                inside = line == "[%s]" % wanted
            elif inside and "=" in line and not line.startswith("N ="):
                field, _, value = line.partition("=")
                if field.strip() == ("d" if name.endswith("KeyPair.rsp") else "Qx"):
                    records.append({})
                records[-1][field.strip()] = value.strip()
    return records


@pytest.mark.parametrize("name", list(CURVES))
@pytest.mark.parametrize("folder", ["FIPS_186-2", "FIPS_186-3"])
def test_key_pairs_of_nist(folder, name):
    curve = CURVES[name]
    records = nist(folder + "/KeyPair.rsp", name)
    assert len(records) == 10
    for record in records:
        point = (int(record["Qx"], 16), int(record["Qy"], 16))
        assert curve.multiply(int(record["d"], 16), curve.base) == point
        assert curve.decompress(curve.compress(point)) == point


@pytest.mark.parametrize("name", list(CURVES))
def test_points_of_nist_good_and_bad(name):
    curve = CURVES[name]
    results = []
    for folder in ("FIPS_186-2", "FIPS_186-3"):
        for record in nist(folder + "/PKV.rsp", name):
            point = (int(record["Qx"], 16), int(record["Qy"], 16))
            good = record["Result"].startswith("P")
            assert (curve.on_curve(point) and curve.in_subgroup(point)) == good
            results.append(good)
    assert results.count(True) >= 4
    assert results.count(False) >= 4


@settings(deadline=None, max_examples=60)
@given(curve=curves, left=scalars, right=scalars)
def test_multiples_add_up(curve, left, right):
    one = curve.multiply(left, curve.base)
    other = curve.multiply(right, curve.base)
    assert curve.add(one, other) == curve.multiply(left + right, curve.base)
    assert curve.multiply(right, one) == curve.multiply(left * right, curve.base)


@settings(deadline=None, max_examples=60)
@given(curve=curves, scalar=scalars)
def test_a_multiple_is_a_point_that_survives_its_octets(curve, scalar):
    point = curve.multiply(scalar, curve.base)
    assert curve.on_curve(point)
    if point is not None:
        assert curve.in_subgroup(point)
        assert curve.decompress(curve.compress(point)) == point


@settings(deadline=None, max_examples=80)
@given(curve=curves, first=st.sampled_from((2, 3)), data=st.binary(min_size=36, max_size=36))
def test_octets_are_a_point_of_the_right_order_or_refused(curve, first, data):
    # The highest octet small, so that x fits.
    octets = bytes((first, data[0] & 7)) + data[1 : curve.size]
    try:
        point = curve.decompress(octets)
    except DecodeError as error:
        assert "order" in error.reason or "no point" in error.reason
        return
    assert curve.on_curve(point)
    assert curve.compress(point) == octets
    # Order n, by the slow way that does not rely on it.
    total, power, rest = None, point, curve.n
    while rest:
        if rest & 1:
            total = curve.add(total, power)
        power = curve.add(power, power)
        rest >>= 1
    assert total is None


@settings(deadline=None)
@given(curve=curves, data=st.binary(max_size=60), offset=st.integers(0, 8))
def test_any_octets_are_a_point_or_refused_at_an_offset(curve, data, offset):
    try:
        point = curve.decompress(data, offset)
    except DecodeError as error:
        assert offset <= error.offset <= offset + 1
        return
    assert curve.compress(point) == data[offset : offset + curve.size + 1]
