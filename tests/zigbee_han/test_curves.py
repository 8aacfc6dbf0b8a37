"""The curves against plain arithmetic: polynomials multiplied bit by bit, points added one by one."""

from slotmeter.zigbee_han.curves import SECT163K1, SECT283K1
from slotmeter.zigbee_han.errors import DecodeError

CURVES = (SECT163K1, SECT283K1)
POLYNOMIALS = {163: 1 << 163 | 0xC9, 283: 1 << 283 | 0x10A1}


def slow_product(curve, left, right):
    """The school's way."""
    polynomial = POLYNOMIALS[curve.m]
    product = 0
    while right:
        if right & 1:
            product ^= left
        right >>= 1
        left <<= 1
        if left >> curve.m:
            left ^= polynomial
    return product


def elements(curve):
    """Some of each kind: the ends, single bits, runs, and what a generator of numbers gives."""
    ones = (1 << curve.m) - 1
    found = [1, 2, 3, ones, ones ^ 1, 1 << curve.m - 1, 0b1011 << curve.m - 4, curve.base[0], curve.base[1]]
    value = 0x1234567
    for _ in range(2):
        value = value * 6364136223846793005 + 1442695040888963407
        value = (value * value + value) & ones
        found.append(value)
    return found


def reason_of(act):
    try:
        act()
    except DecodeError as error:
        return error.reason
    return None


def test_products_squares_and_inverses_are_those_of_plain_arithmetic():
    for curve in CURVES:
        values = elements(curve)
        for value in values:
            assert curve.square(value) == slow_product(curve, value, value)
            assert curve.multiply_elements(value, 0) == 0
            assert slow_product(curve, value, curve.invert(value)) == 1
            for other in values:
                assert curve.multiply_elements(value, other) == slow_product(curve, value, other)
        assert curve.square(0) == 0


def test_zero_has_no_inverse():
    for curve in CURVES:
        try:
            curve.invert(0)
        except ZeroDivisionError:
            continue
        raise AssertionError("accepted")


def test_the_trace_is_the_sum_of_all_conjugates():
    for curve in CURVES:
        for value in elements(curve) + [1 << bit for bit in (0, 12, 157, curve.m - 12)]:
            total = 0
            power = value
            for _ in range(curve.m):
                total ^= power
                power = curve.square(power)
            assert total == curve.trace(value)
            if not total:
                half = curve.half_trace(value)
                assert curve.square(half) ^ half == value


def test_the_base_point_is_on_its_curve_and_has_its_order():
    for curve in CURVES:
        assert curve.on_curve(curve.base)
        assert curve.in_subgroup(curve.base)
        assert curve.multiply(curve.n, curve.base) is None
        # Not by way of a reduction modulo n.
        x, y = curve.base
        assert curve.multiply(curve.n - 1, curve.base) == (x, x ^ y)
        assert len(bin(curve.n)) - 2 == curve.order_bits


def test_small_multiples_are_repeated_additions():
    for curve in CURVES:
        point = None
        for scalar in range(8):
            assert curve.multiply(scalar, curve.base) == point
            assert curve.on_curve(point)
            point = curve.add(point, curve.base)


def test_doubling_and_adding_gives_the_same_as_multiplying():
    for curve in CURVES:
        for scalar in (0x123456789ABCDEF,):
            expected = None
            power = curve.base
            rest = scalar
            while rest:
                if rest & 1:
                    expected = curve.add(expected, power)
                power = curve.add(power, power)
                rest >>= 1
            assert curve.multiply(scalar, curve.base) == expected


def test_infinity_is_neutral_and_a_point_and_its_negative_cancel():
    for curve in CURVES:
        x, y = curve.base
        assert curve.add(None, curve.base) == curve.base == curve.add(curve.base, None)
        assert curve.add(curve.base, (x, x ^ y)) is None
        assert curve.multiply(5, None) is None
        # (0, 1) has order 2.
        assert curve.on_curve((0, 1))
        assert curve.add((0, 1), (0, 1)) is None


def test_a_compressed_point_comes_back_and_its_other_sign_is_the_negative():
    for curve in CURVES:
        for scalar in (1, 2, 77, curve.n - 1):
            x, y = point = curve.multiply(scalar, curve.base)
            octets = curve.compress(point)
            assert len(octets) == curve.size + 1
            assert curve.decompress(octets) == point
            assert curve.decompress(b"before" + octets + b"after", 6) == point
            assert curve.decompress(bytes((octets[0] ^ 1,)) + octets[1:]) == (x, x ^ y)


def test_octets_that_are_no_point_are_refused_each_for_its_reason():
    for curve in CURVES:
        good = curve.compress(curve.base)
        assert reason_of(lambda: curve.decompress(good[:-1])).startswith("a point of ")
        assert reason_of(lambda: curve.decompress(b"")).startswith("a point of ")
        for first in (0, 1, 4, 6, 255):
            assert reason_of(lambda: curve.decompress(bytes((first,)) + good[1:])) == "not a compressed point"
        assert reason_of(lambda: curve.decompress(b"\x02\xff" + good[2:])) == "x has more than %d bits" % curve.m
        assert reason_of(lambda: curve.decompress(b"\x02" + bytes(curve.size))) == "the point has order 2"
        reasons = set()
        for value in range(2, 40):
            reasons.add(reason_of(lambda: curve.decompress(b"\x03" + value.to_bytes(curve.size, "big"))))
        assert "x belongs to no point of the curve" in reasons
        assert "the point does not have the order of the base point" in reasons
        assert None in reasons


def test_a_point_of_small_order_added_takes_a_point_out_of_the_subgroup():
    for curve in CURVES:
        # (0, 1), and on sect283k1 (1, 0), which has order 4 and doubles to it.
        small = [(0, 1)] + ([(1, 0)] if curve.h == 4 else [])
        for point in small:
            assert curve.on_curve(point)
            assert not curve.in_subgroup(point)
            outside = curve.add(curve.base, point)
            assert curve.on_curve(outside)
            assert not curve.in_subgroup(outside)
            # Multiplied by the cofactor it is back, and the same as without.
            total = outside
            for _ in range(curve.h - 1):
                total = curve.add(total, outside)
            assert total == curve.multiply(curve.h, curve.base)
            assert reason_of(lambda: curve.decompress(curve.compress(outside))) is not None
        assert not curve.in_subgroup(None)


def test_a_point_of_small_order_does_not_break_the_multiplication():
    # Its answers mean nothing; such a point has the sums on the way meet and cancel.
    for curve in CURVES:
        for point in ((0, 1), (1, 0)):
            if curve.on_curve(point):
                for scalar in (1, 2, 3, 4, 5, 7, 1000003, curve.n - 1, curve.n // 3):
                    assert curve.on_curve(curve.multiply(scalar, point))


def test_coordinates_that_are_no_elements_are_on_no_curve():
    for curve in CURVES:
        x, y = curve.base
        assert not curve.on_curve((x | 1 << curve.m, y))
        assert not curve.on_curve((x, -1))
        assert not curve.on_curve((x, y ^ 1))
        assert curve.on_curve(None)


def test_private_keys_come_of_random_octets_and_lie_in_the_group():
    for curve in CURVES:
        size = curve.size + 8
        assert curve.private_key(bytes(size)) == (1).to_bytes(curve.size, "big")
        assert curve.private_key((curve.n - 2).to_bytes(size, "big")) == (curve.n - 1).to_bytes(curve.size, "big")
        assert curve.private_key((curve.n - 1).to_bytes(size, "big")) == (1).to_bytes(curve.size, "big")
        assert len(curve.private_key(b"\xff" * size)) == curve.size
        try:
            curve.private_key(bytes(size - 1))
        except ValueError:
            continue
        raise AssertionError("accepted")


def test_what_is_no_private_key_has_no_public_key():
    for curve in CURVES:
        assert curve.public_key((1).to_bytes(curve.size, "big")) == curve.compress(curve.base)
        for private in (bytes(curve.size), curve.n.to_bytes(curve.size, "big"), b"", bytes(curve.size - 1) + b"\1\0"):
            assert reason_of(lambda: curve.public_key(private)) == "not a private key of " + curve.name


def test_infinity_has_no_octets():
    for curve in CURVES:
        try:
            curve.compress(None)
        except ValueError:
            continue
        raise AssertionError("accepted")
