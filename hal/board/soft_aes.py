"""AES-128 encryption of whole blocks (FIPS 197) for boards: the chip's or firmware's own when there is one.

GCM needs the forward cipher only. `cryptolib` is missing in builds without a TLS library; there the cipher is this
module's, which looks the S-box up octet by octet. Neither hides its timing from a neighbour on the same chip.
"""

try:
    from cryptolib import aes as _cryptolib_aes
except ImportError:
    _cryptolib_aes = None

# Mode number of electronic code book in `cryptolib`.
_ECB = 1

# FIPS 197, figure 7.
_SBOX = (
    b"\x63\x7c\x77\x7b\xf2\x6b\x6f\xc5\x30\x01\x67\x2b\xfe\xd7\xab\x76"
    b"\xca\x82\xc9\x7d\xfa\x59\x47\xf0\xad\xd4\xa2\xaf\x9c\xa4\x72\xc0"
    b"\xb7\xfd\x93\x26\x36\x3f\xf7\xcc\x34\xa5\xe5\xf1\x71\xd8\x31\x15"
    b"\x04\xc7\x23\xc3\x18\x96\x05\x9a\x07\x12\x80\xe2\xeb\x27\xb2\x75"
    b"\x09\x83\x2c\x1a\x1b\x6e\x5a\xa0\x52\x3b\xd6\xb3\x29\xe3\x2f\x84"
    b"\x53\xd1\x00\xed\x20\xfc\xb1\x5b\x6a\xcb\xbe\x39\x4a\x4c\x58\xcf"
    b"\xd0\xef\xaa\xfb\x43\x4d\x33\x85\x45\xf9\x02\x7f\x50\x3c\x9f\xa8"
    b"\x51\xa3\x40\x8f\x92\x9d\x38\xf5\xbc\xb6\xda\x21\x10\xff\xf3\xd2"
    b"\xcd\x0c\x13\xec\x5f\x97\x44\x17\xc4\xa7\x7e\x3d\x64\x5d\x19\x73"
    b"\x60\x81\x4f\xdc\x22\x2a\x90\x88\x46\xee\xb8\x14\xde\x5e\x0b\xdb"
    b"\xe0\x32\x3a\x0a\x49\x06\x24\x5c\xc2\xd3\xac\x62\x91\x95\xe4\x79"
    b"\xe7\xc8\x37\x6d\x8d\xd5\x4e\xa9\x6c\x56\xf4\xea\x65\x7a\xae\x08"
    b"\xba\x78\x25\x2e\x1c\xa6\xb4\xc6\xe8\xdd\x74\x1f\x4b\xbd\x8b\x8a"
    b"\x70\x3e\xb5\x66\x48\x03\xf6\x0e\x61\x35\x57\xb9\x86\xc1\x1d\x9e"
    b"\xe1\xf8\x98\x11\x69\xd9\x8e\x94\x9b\x1e\x87\xe9\xce\x55\x28\xdf"
    b"\x8c\xa1\x89\x0d\xbf\xe6\x42\x68\x41\x99\x2d\x0f\xb0\x54\xbb\x16"
)


def _doubled() -> bytes:
    """The S-box with every entry multiplied by x modulo x^8 + x^4 + x^3 + x + 1 (FIPS 197, 4.2.1)."""
    octets = bytearray(256)
    for index in range(256):
        value = _SBOX[index] << 1
        octets[index] = value ^ 0x11B if value & 0x100 else value
    return bytes(octets)


_SBOX2 = _doubled()


class SoftAes:
    """The cipher in portable Python."""

    def __init__(self, key: bytes) -> None:
        if len(key) != 16:
            raise ValueError("a key has 16 octets")
        schedule = bytearray(176)
        schedule[:16] = key
        sbox = _SBOX
        constant = 1
        for pos in range(16, 176, 4):
            if pos & 15:
                a, b, c, d = schedule[pos - 4], schedule[pos - 3], schedule[pos - 2], schedule[pos - 1]
            else:
                a = sbox[schedule[pos - 3]] ^ constant
                b = sbox[schedule[pos - 2]]
                c = sbox[schedule[pos - 1]]
                d = sbox[schedule[pos - 4]]
                constant <<= 1
                if constant & 0x100:
                    constant ^= 0x11B
            schedule[pos] = schedule[pos - 16] ^ a
            schedule[pos + 1] = schedule[pos - 15] ^ b
            schedule[pos + 2] = schedule[pos - 14] ^ c
            schedule[pos + 3] = schedule[pos - 13] ^ d
        self._schedule = bytes(schedule)

    def __repr__(self) -> str:
        return "SoftAes(key of 16 octets)"

    def encrypt(self, blocks: "bytes | bytearray") -> bytes:
        """Every 16-octet block of `blocks` enciphered on its own."""
        if len(blocks) & 15:
            raise ValueError("whole blocks only")
        out = bytearray(len(blocks))
        key = self._schedule
        sbox = _SBOX
        sbox2 = _SBOX2
        # In one piece: encryption is called from deep inside a meter, and a board has few calls left there.
        for start in range(0, len(blocks), 16):
            state = bytearray(16)
            following = bytearray(16)
            for index in range(16):
                state[index] = blocks[start + index] ^ key[index]
            for offset in range(16, 160, 16):
                for column in range(0, 16, 4):
                    # ShiftRows: row r of a column comes from the column r places to the right.
                    a = state[column]
                    b = state[(column + 5) & 15]
                    c = state[(column + 10) & 15]
                    d = state[(column + 15) & 15]
                    sa = sbox[a]
                    sb = sbox[b]
                    sc = sbox[c]
                    sd = sbox[d]
                    every = sa ^ sb ^ sc ^ sd
                    at = offset + column
                    # MixColumns: 2a + 3b + c + d is (a + b + c + d) + a + 2(a + b), and 2(a + b) is 2a + 2b.
                    following[column] = every ^ sa ^ sbox2[a] ^ sbox2[b] ^ key[at]
                    following[column + 1] = every ^ sb ^ sbox2[b] ^ sbox2[c] ^ key[at + 1]
                    following[column + 2] = every ^ sc ^ sbox2[c] ^ sbox2[d] ^ key[at + 2]
                    following[column + 3] = every ^ sd ^ sbox2[d] ^ sbox2[a] ^ key[at + 3]
                state, following = following, state
            for index in range(16):
                # The last round mixes no columns: octet i comes from 5 i for row i modulo 4.
                out[start + index] = sbox[state[(index + 4 * (index & 3)) & 15]] ^ key[160 + index]
        return bytes(out)


class _BoardAes:
    """The cipher of `cryptolib`."""

    def __init__(self, key: bytes) -> None:
        self._cipher = _cryptolib_aes(key, _ECB)  # type: ignore[misc]

    def encrypt(self, blocks: "bytes | bytearray") -> bytes:
        """Every 16-octet block of `blocks` enciphered on its own."""
        return bytes(self._cipher.encrypt(bytes(blocks)))


def cipher(key: bytes) -> "SoftAes | _BoardAes":
    """The best AES-128 there is for a key of 16 octets."""
    return SoftAes(key) if _cryptolib_aes is None else _BoardAes(key)
