"""The two binary curves of ZigBee key establishment: sect163k1 and sect283k1 (SEC 2, sections 3.2.1 and 3.7.1).

A field element is an int whose bit i is the coefficient of x^i. A point is a tuple (x, y) of two of them, or None for
the point at infinity. On air a point is compressed (SEC 1, 2.3.3): 02 or 03, then x, most significant octet first.

How it is made fast without a library, none of which offers these curves any more:

- Two polynomials are multiplied by one product of long integers, the bits of each spread to nine places ("wide"
  below), so that 283 carries never reach the next bit; the lowest bit of each place is the sum modulo 2. Between two
  additions of points nothing is spread or gathered.
- A square has the same bits with zeros between them: the binary digits read in base 4.
- Both are Koblitz curves: (x, y) -> (x^2, y^2) maps a point to tau times it, where tau^2 + 2 = mu tau. A scalar is
  reduced to r0 + r1 tau of half the size and written with digits -1, 0, 1 of which two thirds are 0 (Solinas, Efficient
  arithmetic on Koblitz curves, 2000): a multiplication takes squarings, which are nearly free, and m/3 additions.

Nothing here takes the same time for all scalars: test keys only.
"""

from slotmeter.zigbee_han.errors import DecodeError

TYPE_CHECKING = False
if TYPE_CHECKING:
    Point = tuple[int, int] | None

# Places that a bit is spread to: 2^9 is more than the 283 products that can meet in one.
_WIDE = 9


def _wide(value: int) -> int:
    """`value` with each bit in nine places: twice the binary digits read in base 8."""
    return int(bin(int(bin(value)[2:], 8))[2:], 8)


def _narrow(value: int) -> int:
    """What `_wide` was given."""
    return int(oct(int(oct(value)[2:], 2))[2:], 2)


class Curve:
    """y^2 + x y = x^3 + a x^2 + 1 over GF(2^m), m odd, modulo x^m + the sum of x^tap.

    n is the order of the subgroup that `base` generates, h the cofactor. A field element has `size` octets, and so has
    a private key; a compressed point has size + 1.
    """

    def __init__(
        self,
        name: str,
        m: int,
        taps: "tuple[int, int, int, int]",
        trace_bit: int,
        a: int,
        h: int,
        order: "tuple[int, int]",
        base: "tuple[int, int]",
    ) -> None:
        self.name = name
        self.m = m
        self.a = a
        self.h = h
        self.n, self.order_bits = order
        self.base = base
        self.size = (m + 7) // 8
        self._taps = taps
        # The trace of a sum of x^i is the coefficient of x^0 plus that of this power; of the other powers it is 0.
        self._trace_bit = trace_bit
        self._mask = (1 << m) - 1
        self._wide_m = _WIDE * m
        self._wide_taps = (_WIDE * taps[1], _WIDE * taps[2], _WIDE * taps[3])
        self._wide_mask = _wide(self._mask)
        self._wide_products = _wide((1 << 2 * m) - 1)
        # delta = (tau^m - 1) / (tau - 1), the sum of tau^i, as d0 + d1 tau; it brings a point of order n to infinity.
        self._mu = 1 if a else -1
        d0 = d1 = t1 = 0
        t0 = 1
        for _ in range(m):
            d0 += t0
            d1 += t1
            t0, t1 = -2 * t1, t0 + self._mu * t1
        self._delta = (d0, d1)

    def __repr__(self) -> str:
        return "Curve(%s)" % self.name

    # The field.

    def square(self, value: int) -> int:
        """The product of `value` with itself."""
        value = int(bin(value)[2:], 4)
        m = self.m
        _, low, middle, top = self._taps
        # What lies above x^(m - 1) comes back lower; twice, because the first time may reach over again.
        while value > self._mask:
            high = value >> m
            value = value & self._mask ^ high ^ high << low ^ high << middle ^ high << top
        return value

    def multiply_elements(self, left: int, right: int) -> int:
        """The product of two elements."""
        return _narrow(self._wide_multiply(_wide(left), _wide(right)))

    def invert(self, value: int) -> int:
        """1 / value: value^(2^m - 2), by Itoh and Tsujii's chain. ZeroDivisionError for 0."""
        if not value:
            raise ZeroDivisionError("zero has no inverse")
        # power is value^(2^count - 1); from the second highest bit of m - 1 on, count doubles and may grow by one.
        power = value
        count = 1
        bit = 1
        while bit << 1 <= self.m - 1:
            bit <<= 1
        bit >>= 1
        while bit:
            other = power
            for _ in range(count):
                other = self.square(other)
            power = self.multiply_elements(power, other)
            count += count
            if (self.m - 1) & bit:
                power = self.multiply_elements(self.square(power), value)
                count += 1
            bit >>= 1
        return self.square(power)

    def trace(self, value: int) -> int:
        """The sum of value^(2^i), which is 0 or 1."""
        return (value ^ value >> self._trace_bit) & 1

    def half_trace(self, value: int) -> int:
        """A z with z^2 + z = value, when the trace of value is 0. The other one is z + 1."""
        total = value
        for _ in range((self.m - 1) // 2):
            value = self.square(self.square(value))
            total ^= value
        return total

    def _wide_multiply(self, left: int, right: int) -> int:
        """The product of two wide elements."""
        product = left * right & self._wide_products
        low, middle, top = self._wide_taps[0], self._wide_taps[1], self._wide_taps[2]
        m = self._wide_m
        mask = self._wide_mask
        high = product >> m
        while high:
            product = product & mask ^ high ^ high << low ^ high << middle ^ high << top
            high = product >> m
        return product

    # Points.

    def on_curve(self, point: "Point") -> bool:
        """Whether the coordinates fulfil the equation; infinity does."""
        if point is None:
            return True
        x, y = point
        if not 0 <= x <= self._mask or not 0 <= y <= self._mask:
            return False
        squared = self.square(x)
        right = self.multiply_elements(squared, x ^ self.a) ^ 1
        return self.square(y) ^ self.multiply_elements(x, y) == right

    def in_subgroup(self, point: "Point") -> bool:
        """Whether a point of the curve has order n: it is not infinity, and h halvings are possible.

        A point can be halved when the trace of its x is that of a (Knudsen, Elliptic scalar multiplication using point
        halving, 1999). With h = 4 one half is looked at too; whether it can be halved is the same for both halves.
        """
        if point is None or self.trace(point[0]) != self.trace(self.a):
            return False
        if self.h == 2:
            return True
        x, y = point
        slope = self.half_trace(x ^ self.a)
        # The half's x squared, which has the trace of its x.
        return self.trace(y ^ self.multiply_elements(slope ^ 1, x)) == self.trace(self.a)

    def add(self, left: "Point", right: "Point") -> "Point":
        """The sum of two points of the curve."""
        if left is None:
            return right
        if right is None:
            return left
        x1, y1 = left
        x2, y2 = right
        if x1 == x2:
            if y1 != y2 or not x1:
                return None
            slope = x1 ^ self.multiply_elements(y1, self.invert(x1))
        else:
            slope = self.multiply_elements(y1 ^ y2, self.invert(x1 ^ x2))
        x3 = self.square(slope) ^ slope ^ x1 ^ x2 ^ self.a
        return x3, self.multiply_elements(slope, x1 ^ x3) ^ x3 ^ y1

    def multiply(self, scalar: int, point: "Point") -> "Point":
        """The point added to itself `scalar` times. For one that is not `in_subgroup` the answer means nothing."""
        if point is None:
            return None
        r0, r1 = self._reduce(scalar % self.n)
        mu = self._mu
        product = self._wide_multiply
        plus_a = self.a
        x, y = point
        # The sum in Lopez and Dahab's coordinates, wide: x = x3 / z3, y = y3 / z3^2; z3 = 0 is infinity.
        x3 = y3 = z3 = 0
        while r0 or r1:
            if r0 % 2:
                # The digit that makes the rest divisible by tau twice, where there is a choice.
                digit = 2 - (r0 - 2 * r1) % 4
                r0 -= digit
                x2 = _wide(x)
                y2 = _wide(y if digit == 1 else x ^ y)
                if not z3:
                    x3, y3, z3 = x2, y2, 1
                else:
                    # Hankerson, Menezes, Vanstone, Guide to Elliptic Curve Cryptography, algorithm 3.25's formulas.
                    zz = product(z3, z3)
                    rise = y3 ^ product(y2, zz)
                    run = x3 ^ product(x2, z3)
                    if run:
                        c = product(run, z3)
                        d = product(product(run, run), c ^ zz if plus_a else c)
                        z3 = product(c, c)
                        e = product(rise, c)
                        x3 = product(rise, rise) ^ d ^ e
                        zz = product(z3, z3)
                        y3 = product(e ^ z3, x3 ^ product(x2, z3)) ^ product(x2 ^ y2, zz)
                    elif rise:
                        z3 = 0
                    else:
                        double = self.add((x, _narrow(y2)), (x, _narrow(y2)))
                        x3, y3, z3 = (_wide(double[0]), _wide(double[1]), 1) if double else (0, 0, 0)
            half = r0 // 2
            r0 = r1 + mu * half
            r1 = -half
            x = self.square(x)
            y = self.square(y)
        if not z3:
            return None
        inverse = self.invert(_narrow(z3))
        return (
            self.multiply_elements(_narrow(x3), inverse),
            self.multiply_elements(_narrow(y3), self.square(inverse)),
        )

    def _reduce(self, scalar: int) -> "tuple[int, int]":
        """r0 + r1 tau that does the same to a point of order n as `scalar`: its remainder modulo delta."""
        d0, d1 = self._delta
        mu = self._mu
        n = self.n
        # scalar / delta = scalar times delta's conjugate / n, both parts rounded to the nearest.
        q0 = (2 * scalar * (d0 + mu * d1) + n) // (2 * n)
        q1 = (n - 2 * scalar * d1) // (2 * n)
        return scalar - q0 * d0 + 2 * q1 * d1, -(q0 * d1 + q1 * d0 + mu * q1 * d1)

    # Octets.

    def public_key(self, private: bytes) -> bytes:
        """The compressed public key of a private key of `size` octets, which must lie between 1 and n - 1."""
        scalar = int.from_bytes(private, "big")
        if len(private) != self.size or not 0 < scalar < self.n:
            raise DecodeError("not a private key of %s" % self.name)
        return self.compress(self.multiply(scalar, self.base))

    def private_key(self, octets: bytes) -> bytes:
        """A private key from random octets, at least eight more than `size` (FIPS 186-4, B.4.1)."""
        if len(octets) < self.size + 8:
            raise ValueError("too few random octets for a private key of %s" % self.name)
        return (int.from_bytes(octets, "big") % (self.n - 1) + 1).to_bytes(self.size, "big")

    def compress(self, point: "Point") -> bytes:
        """The size + 1 octets for the air. ValueError for infinity, which has no such form."""
        if point is None:
            raise ValueError("infinity is not compressed")
        x, y = point
        sign = self.multiply_elements(y, self.invert(x)) & 1 if x else 0
        return bytes((2 | sign,)) + x.to_bytes(self.size, "big")

    def decompress(self, data: bytes, offset: int = 0) -> "tuple[int, int]":
        """The point in the first size + 1 octets of data[offset:]. DecodeError unless it is one of order n."""
        octets = data[offset : offset + self.size + 1]
        if len(octets) != self.size + 1:
            raise DecodeError("a point of %s has %d octets" % (self.name, self.size + 1), offset)
        if octets[0] != 2 and octets[0] != 3:
            raise DecodeError("not a compressed point", offset)
        x = int.from_bytes(octets[1:], "big")
        if x > self._mask:
            raise DecodeError("x has more than %d bits" % self.m, offset + 1)
        if not x:
            raise DecodeError("the point has order 2", offset + 1)
        # With z = y / x the equation is z^2 + z = x + a + 1 / x^2.
        right = x ^ self.a ^ self.square(self.invert(x))
        if self.trace(right):
            raise DecodeError("x belongs to no point of the curve", offset + 1)
        z = self.half_trace(right)
        if z & 1 != octets[0] & 1:
            z ^= 1
        point = (x, self.multiply_elements(x, z))
        if not self.in_subgroup(point):
            raise DecodeError("the point does not have the order of the base point", offset + 1)
        return point


SECT163K1 = Curve(
    "sect163k1",
    163,
    (0, 3, 6, 7),
    157,
    1,
    2,
    (0x04000000000000000000020108A2E0CC0D99F8A5EF, 163),
    (0x02FE13C0537BBC11ACAA07D793DE4E6D5E5C94EEE8, 0x0289070FB05D38FF58321F2E800536D538CCDAA3D9),
)
SECT283K1 = Curve(
    "sect283k1",
    283,
    (0, 5, 7, 12),
    271,
    0,
    4,
    (0x01FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFE9AE2ED07577265DFF7F94451E061E163C61, 281),
    (
        0x0503213F78CA44883F1A3B8162F188E553CD265F23C1567A16876913B0C2AC2458492836,
        0x01CCDA380F1C9E318D90F95D07E5426FE87E45C0E8184698E45962364E34116177DD2259,
    ),
)
