"""P-256 in portable Python: ECDSA with SHA-256 and ECDH on the big integers of the interpreter.

Decides how little a board needs: Jacobian coordinates for a = -3 with `%` as the reduction (a hand-written one is
eight times slower there), the inverse by Euclid (`pow(a, -1, m)` gives a wrong answer on MicroPython), tables of points
as packed octets (a list of points costs three times the heap), and loops instead of calls within calls.

One loop serves everything. Its scalars come as columns of a comb (five teeth, 52 columns) for the base point and for
public keys that have a table, and as signed odd digits (width-5 non-adjacent form) for all other points. A comb needs
the last 52 doublings only, so it rides along with the 257 of the digits.

The time that an operation takes depends on its scalar. That is good enough for test keys and for nothing else.

Sources: SEC 1 and SEC 2 (curve, ECDSA, ECDH), FIPS 186-4 section 6, RFC 6979 (nonces), RFC 2104 (HMAC); Hankerson,
Menezes, Vanstone, Guide to Elliptic Curve Cryptography, 3.3 (comb, non-adjacent form) and 3.2 (coordinates).
"""

import hashlib

from slotmeter.hal.board.p256_table import BASE_COMB
from slotmeter.hal.errors import BAD_KEY, HalError

P = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B

_TEETH = 5
_COLUMNS = 52  # five teeth of 52 bits cover 260 bits
_DIGITS = 257  # a non-adjacent form is one digit longer than its number
_NEGATIVE = 128
# An index list of only zeros stands for a scalar that takes no part.
_NO_COLUMNS = bytes(_COLUMNS)
_NO_DIGITS = bytes(_DIGITS)


def inverse(value: int, modulus: int) -> int:
    """1 / value modulo an odd prime; ValueError for a multiple of it."""
    low = value % modulus
    if low == 0:
        raise ValueError("zero has no inverse")
    high = modulus
    x = 1
    y = 0
    while low != 1:
        quotient = high // low
        high, low = low, high - quotient * low
        y, x = x, y - quotient * x
    return x % modulus


def on_curve(public: bytes) -> bool:
    """Whether 64 octets are the two coordinates, each below P, of a point of the curve."""
    if len(public) != 64:
        return False
    x = int.from_bytes(public[:32], "big")
    y = int.from_bytes(public[32:], "big")
    # The point at infinity has no affine coordinates, and (0, 0) fails the equation.
    return x < P and y < P and (y * y - (x * x - 3) * x - _B) % P == 0


def scalar(private: bytes) -> int:
    """The number that 32 octets of private key are; HalError(BAD_KEY) unless it is in 1..n-1."""
    if len(private) != 32:
        raise HalError(BAD_KEY, "a private key has 32 octets, not %d" % len(private))
    value = int.from_bytes(private, "big")
    if not 0 < value < N:
        raise HalError(BAD_KEY, "a private key lies between 1 and n-1")
    return value


def _double(x: int, y: int, z: int) -> "tuple[int, int, int]":
    """Twice a point other than infinity."""
    zz = z * z % P
    yy = y * y % P
    beta = x * yy % P
    alpha = 3 * (x - zz) * (x + zz) % P
    x3 = (alpha * alpha - 8 * beta) % P
    return x3, (alpha * (4 * beta - x3) - 8 * yy * yy) % P, 2 * y * z % P


def _add(x: int, y: int, z: int, table: bytes, index: int) -> "tuple[int, int, int]":
    """The sum of a point and entry `index` (from 1; negated when 128 is added to it) of a table of affine points."""
    start = ((index & 127) - 1) * 64
    x2 = int.from_bytes(table[start : start + 32], "big")
    y2 = int.from_bytes(table[start + 32 : start + 64], "big")
    if index & _NEGATIVE:
        y2 = P - y2
    if z == 0:
        return x2, y2, 1
    zz = z * z % P
    h = (x2 * zz - x) % P
    r = (y2 * zz % P * z - y) % P
    if h == 0:
        return (1, 1, 0) if r else _double(x, y, z)
    hh = h * h % P
    hhh = h * hh % P
    v = x * hh % P
    x3 = (r * r - hhh - 2 * v) % P
    return x3, (r * (v - x3) - y * hhh) % P, z * h % P


def _packed(points: "list[tuple[int, int, int]]") -> bytes:
    """Affine coordinates, 64 octets each, of points none of which is infinity: one inversion for all of them."""
    count = len(points)
    products = [1] * (count + 1)
    for index in range(count):
        products[index + 1] = products[index] * points[index][2] % P
    rest = inverse(products[count], P)
    packed = bytearray(64 * count)
    for index in range(count - 1, -1, -1):
        x, y, z = points[index]
        factor = rest * products[index] % P
        rest = rest * z % P
        square = factor * factor % P
        packed[64 * index : 64 * index + 32] = (x * square % P).to_bytes(32, "big")
        packed[64 * index + 32 : 64 * index + 64] = (y * square % P * factor % P).to_bytes(32, "big")
    return bytes(packed)


def comb_table(public: bytes) -> bytes:
    """31 affine points: entry t (from 1) is the sum of 2^(52 i) Q over the bits i that are set in t. 1984 octets.

    `public` is a point of the curve.
    """
    point = _add(0, 1, 0, public, 1)
    teeth = [point] * _TEETH
    for tooth in range(1, _TEETH):
        for _ in range(_COLUMNS):
            point = _double(point[0], point[1], point[2])
        teeth[tooth] = point
    affine = _packed(teeth)
    points = [point] * (2**_TEETH - 1)
    for tooth in range(_TEETH):
        bit = 1 << tooth
        points[bit - 1] = teeth[tooth]
        for lower in range(1, bit):
            x, y, z = points[lower - 1]
            points[bit + lower - 1] = _add(x, y, z, affine, tooth + 1)
    return _packed(points)


def _odd_table(public: bytes) -> bytes:
    """The affine points Q, 3Q ... 15Q, 64 octets each."""
    twice = _packed([_double(int.from_bytes(public[:32], "big"), int.from_bytes(public[32:], "big"), 1)])
    point = _add(0, 1, 0, public, 1)
    points = [point] * 8
    for index in range(1, 8):
        point = _add(point[0], point[1], point[2], twice, 1)
        points[index] = point
    return _packed(points)


def _columns(value: int) -> bytearray:
    """The comb indices of a scalar below 2^256, lowest column first."""
    octets = value.to_bytes(32, "big")
    columns = bytearray(_COLUMNS)
    for position in range(256):
        if octets[31 - (position >> 3)] >> (position & 7) & 1:
            columns[position % _COLUMNS] |= 1 << (position // _COLUMNS)
    return columns


def _digits(value: int) -> bytearray:
    """The width-5 non-adjacent form of a scalar as indices into an odd table, lowest digit first."""
    digits = bytearray(_DIGITS)
    position = 0
    while value:
        if value & 1:
            digit = value & 31
            if digit > 16:
                value += 32 - digit
                digits[position] = _NEGATIVE | ((33 - digit) >> 1)
            else:
                value -= digit
                digits[position] = (digit + 1) >> 1
        value >>= 1
        position += 1
    return digits


def _sum(
    base: "bytes | bytearray",
    columns: "bytes | bytearray",
    comb: bytes,
    digits: "bytes | bytearray",
    odd: bytes,
) -> "tuple[int, int, int]":
    """The sum of three products: base columns of G, columns of a comb, digits of an odd table. Infinity has z = 0."""
    x = 1
    y = 1
    z = 0
    position = _COLUMNS if digits is _NO_DIGITS else _DIGITS
    while position:
        position -= 1
        if z:
            x, y, z = _double(x, y, z)
        if digits[position]:
            x, y, z = _add(x, y, z, odd, digits[position])
        if position < _COLUMNS:
            if base[position]:
                x, y, z = _add(x, y, z, BASE_COMB, base[position])
            if columns[position]:
                x, y, z = _add(x, y, z, comb, columns[position])
    return x, y, z


def public_key(private: bytes) -> bytes:
    """The 64 octets of d G."""
    return _packed([_sum(_columns(scalar(private)), _NO_COLUMNS, b"", _NO_DIGITS, b"")])


def ecdh(private: bytes, public: bytes, comb: bytes = b"") -> bytes:
    """The x-coordinate of d Q, 32 octets. `public` is a point of the curve, `comb` its table if there is one."""
    value = scalar(private)
    # The group has prime order, so no multiple by 1..n-1 is infinity.
    if comb:
        return _packed([_sum(_NO_COLUMNS, _columns(value), comb, _NO_DIGITS, b"")])[:32]
    return _packed([_sum(_NO_COLUMNS, _NO_COLUMNS, b"", _digits(value), _odd_table(public))])[:32]


def verify(public: bytes, signature: bytes, digest: bytes, comb: bytes = b"") -> bool:
    """Whether 64 octets r and s are a signature over the 32-octet digest; `public` and `comb` as for `ecdh`."""
    if len(signature) != 64:
        return False
    r = int.from_bytes(signature[:32], "big")
    s = int.from_bytes(signature[32:], "big")
    if not 0 < r < N or not 0 < s < N:
        return False
    w = inverse(s, N)
    base = _columns(int.from_bytes(digest, "big") * w % N)
    second = r * w % N
    if comb:
        x, _, z = _sum(base, _columns(second), comb, _NO_DIGITS, b"")
    else:
        x, _, z = _sum(base, _NO_COLUMNS, b"", _digits(second), _odd_table(public))
    if z == 0:
        return False
    # r = x / z^2 modulo n, without the division: x / z^2 is r, or r + n when that is still below P.
    zz = z * z % P
    return r * zz % P == x or (r + N < P and (r + N) * zz % P == x)


def _hmac(inner: bytes, outer: bytes, message: bytes) -> bytes:
    """HMAC-SHA-256; `inner` and `outer` are the padded keys."""
    return hashlib.sha256(outer + hashlib.sha256(inner + message).digest()).digest()


def _pads(key: bytes) -> "tuple[bytes, bytes]":
    """The inner and outer pad of a 32-octet HMAC key."""
    return (
        bytes([octet ^ 0x36 for octet in key]) + b"\x36" * 32,
        bytes([octet ^ 0x5C for octet in key]) + b"\x5c" * 32,
    )


def sign(private: bytes, digest: bytes) -> bytes:
    """64 octets r and s over the 32-octet digest, with the nonce of RFC 6979 section 3.2."""
    value = scalar(private)
    number = int.from_bytes(digest, "big") % N
    seed = private + number.to_bytes(32, "big")
    v = b"\x01" * 32
    inner, outer = _pads(bytes(32))
    for separator in (b"\x00", b"\x01"):
        inner, outer = _pads(_hmac(inner, outer, v + separator + seed))
        v = _hmac(inner, outer, v)
    while True:
        v = _hmac(inner, outer, v)
        nonce = int.from_bytes(v, "big")
        if 0 < nonce < N:
            point = _packed([_sum(_columns(nonce), _NO_COLUMNS, b"", _NO_DIGITS, b"")])
            r = int.from_bytes(point[:32], "big") % N
            s = inverse(nonce, N) * (number + r * value) % N
            if r and s:
                return r.to_bytes(32, "big") + s.to_bytes(32, "big")
        inner, outer = _pads(_hmac(inner, outer, v + b"\x00"))
        v = _hmac(inner, outer, v)
