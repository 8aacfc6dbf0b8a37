"""GCM (NIST SP 800-38D) over any block cipher object, for IVs of 12 octets, in portable Python.

GHASH works on 128-bit integers and takes four bits at a time from a table of 16 multiples of the hash key, made for
each key: GBCS uses a key for one message only, and a table for eight bits would cost more than it saves. In GCM's
bit order the first bit is the highest, so multiplying by x is a shift to the right.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slotmeter.hal.board.soft_aes import SoftAes, _BoardAes

# x^128 = x^7 + x^2 + x + 1 in that bit order.
_POLYNOMIAL = 0xE1 << 120
# What leaves at the right when a value is multiplied by x^4 comes back at the left as this, for each of 16 values.
_REDUCTION = tuple(
    [
        value << 112
        for value in (
            0x0000, 0x1C20, 0x3840, 0x2460, 0x7080, 0x6CA0, 0x48C0, 0x54E0,
            0xE100, 0xFD20, 0xD940, 0xC560, 0x9180, 0x8DA0, 0xA9C0, 0xB5E0,
        )
    ]
)  # fmt: skip
# Counter blocks enciphered at a time: 512 octets are found even in a fragmented heap.
_CHUNK = 512


def _table(hash_key: int) -> "list[int]":
    """The product of the hash key with each of the 16 polynomials of four bits, the highest bit being x^0."""
    table = [0] * 16
    value = hash_key
    bit = 8
    while bit:
        table[bit] = value
        for lower in range(bit + bit, 16, bit + bit):
            table[bit + lower] = value ^ table[lower]
        value = value >> 1 ^ _POLYNOMIAL if value & 1 else value >> 1
        bit >>= 1
    return table


def _absorb(table: "list[int]", state: int, data: bytes) -> int:
    """The GHASH state after `data`, which is padded with zero octets to whole blocks."""
    reduction = _REDUCTION
    for start in range(0, len(data), 16):
        block = data[start : start + 16]
        mixed = (state ^ int.from_bytes(block, "big") << (128 - 8 * len(block))).to_bytes(16, "big")
        state = 0
        for index in range(15, -1, -1):
            octet = mixed[index]
            state = state >> 4 ^ reduction[state & 15] ^ table[octet & 15]
            state = state >> 4 ^ reduction[state & 15] ^ table[octet >> 4]
    return state


def tag(cipher: "SoftAes | _BoardAes", iv: bytes, aad: bytes, ciphertext: bytes) -> bytes:
    """The 16 octets that authenticate `aad` and `ciphertext`."""
    heads = cipher.encrypt(bytes(16) + iv + b"\x00\x00\x00\x01")
    table = _table(int.from_bytes(heads[:16], "big"))
    state = _absorb(table, _absorb(table, 0, aad), ciphertext)
    state = _absorb(table, state, (len(aad) * 8 << 64 | len(ciphertext) * 8).to_bytes(16, "big"))
    return (state ^ int.from_bytes(heads[16:], "big")).to_bytes(16, "big")


def apply(cipher: "SoftAes | _BoardAes", iv: bytes, data: bytes) -> bytes:
    """`data` combined with the key stream: enciphers and deciphers."""
    pieces = []
    counter = 2  # 1 belongs to the tag
    for start in range(0, len(data), _CHUNK):
        piece = data[start : start + _CHUNK]
        count = (len(piece) + 15) // 16
        blocks = bytearray(16 * count)
        for index in range(count):
            blocks[16 * index : 16 * index + 12] = iv
            blocks[16 * index + 12 : 16 * index + 16] = counter.to_bytes(4, "big")
            counter += 1
        stream = cipher.encrypt(blocks)[: len(piece)]
        pieces.append((int.from_bytes(stream, "big") ^ int.from_bytes(piece, "big")).to_bytes(len(piece), "big"))
    return b"".join(pieces)
