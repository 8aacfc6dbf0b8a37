"""Install codes: what is printed on a device, and the link key that is made of it (Smart Energy, 5.4.8.1).

A code has 6, 8, 12 or 16 octets; CRC-16/X-25 over them follows, low octet first. The link key is the AES-MMO hash of
code and CRC. People write it in hexadecimal, often in groups with spaces or dashes between them.

GB messages carry 16 octets called InstallCode, and no public source says whether they are the code without its CRC or
the link key already made of it: `link_key_of_16` takes both, and its caller says which.
"""

from slotmeter.zigbee_han.errors import DecodeError
from slotmeter.zigbee_han.mmo import mmo

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slotmeter.hal.crypto import Crypto

# Octets without the CRC.
SIZES = (6, 8, 12, 16)
# X-25's polynomial with the lowest bit first.
_POLYNOMIAL = 0x8408
_SEPARATORS = " -:_\t"


def crc16_x25(data: bytes) -> int:
    """CRC-16/X-25 (ITU-T X.25, 2.2.7.4): from FFFF on, lowest bit first, complemented at the end."""
    crc = 0xFFFF
    for octet in data:
        crc ^= octet
        for _ in range(8):
            crc = crc >> 1 ^ _POLYNOMIAL if crc & 1 else crc >> 1
    return crc ^ 0xFFFF


def with_crc(code: bytes) -> bytes:
    """A code of 6, 8, 12 or 16 octets, and its CRC after it."""
    if len(code) not in SIZES:
        raise DecodeError("an install code has 6, 8, 12 or 16 octets, not %d" % len(code), len(code))
    crc = crc16_x25(code)
    return code + bytes((crc & 0xFF, crc >> 8))


def check(data: bytes) -> bytes:
    """The code with its CRC, when `data` is that; DecodeError that says whether the length or the CRC is wrong."""
    size = len(data)
    if size - 2 not in SIZES:
        hint = ": the CRC seems to be missing" if size in SIZES else ""
        raise DecodeError("an install code with its CRC has 8, 10, 14 or 18 octets, not %d%s" % (size, hint), size)
    if with_crc(data[:-2]) != data:
        # What the CRC should be stays unsaid: with it a wrong code could be made a right one.
        raise DecodeError("the install code and its CRC do not belong together", size - 2)
    return bytes(data)


def parse(text: str) -> bytes:
    """The code with its CRC, from hexadecimal digits with or without spaces, dashes, colons between them.

    DecodeError says which letter is no digit (its offset is that of the letter in `text`), or as `check` does.
    """
    digits = []
    for place in range(len(text)):
        letter = text[place]
        if letter in _SEPARATORS:
            continue
        if letter not in "0123456789abcdefABCDEF":
            raise DecodeError("an install code is hexadecimal, which %r is not" % letter, place)
        digits.append(letter)
    if len(digits) % 2:
        raise DecodeError("an odd number of hexadecimal digits (%d)" % len(digits), len(text))
    return check(bytes.fromhex("".join(digits)))


def text_of(data: bytes) -> str:
    """A code with its CRC as it is printed on a device: groups of four upper-case digits."""
    digits = data.hex().upper()
    return " ".join([digits[start : start + 4] for start in range(0, len(digits), 4)])


def link_key(crypto: "Crypto", data: bytes) -> bytes:
    """The 16-octet link key of a code with its CRC, which is checked."""
    return mmo(crypto, check(data))


def link_key_of_16(crypto: "Crypto", octets: bytes, hashed: bool) -> bytes:
    """The link key of 16 octets without a CRC: `hashed` says that they are it already, otherwise they are the code."""
    if len(octets) != 16:
        raise DecodeError("an install code in this form has 16 octets, not %d" % len(octets), len(octets))
    return bytes(octets) if hashed else mmo(crypto, with_crc(octets))
