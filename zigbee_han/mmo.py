"""The hash of ZigBee: AES-128 in Matyas-Meyer-Oseas mode, and HMAC with it (ZigBee specification, annex B.6 and B.1.4).

The hash starts from 16 zero octets; each block is enciphered with the hash so far as the key, and added to what comes
out. At the end come a one bit, zero bits, and the length in bits: in two octets below 2^16 bits, else, below 2^32, in
four octets with two zero octets after them.
"""

from slotmeter.zigbee_han.errors import EncodeError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slotmeter.hal.crypto import Crypto

# Octets from which on the length takes the longer form, and those that no length can say any more.
_LONG = 1 << 13
_TOO_LONG = 1 << 29
_KEY_TRANSPORT = b"\x00"
_KEY_LOAD = b"\x02"


def mmo(crypto: "Crypto", data: bytes) -> bytes:
    """The 16-octet hash of `data`. EncodeError for 2^29 octets and more, whose length cannot be said."""
    size = len(data)
    if size < _LONG:
        length = (8 * size).to_bytes(2, "big")
    elif size < _TOO_LONG:
        length = (8 * size).to_bytes(4, "big") + b"\0\0"
    else:
        raise EncodeError("2^29 octets and more have no AES-MMO hash")
    state = bytes(16)
    whole = size & ~15
    # The end apart, so that long data is not copied.
    end = data[whole:] + b"\x80"
    end += bytes((-len(end) - len(length)) % 16) + length
    for source, count in ((data, whole), (end, len(end))):
        for start in range(0, count, 16):
            block = source[start : start + 16]
            mixed = int.from_bytes(crypto.aes(state, block), "big") ^ int.from_bytes(block, "big")
            state = mixed.to_bytes(16, "big")
    return state


def hmac_mmo(crypto: "Crypto", key: bytes, data: bytes) -> bytes:
    """The 16 octets that authenticate `data`: HMAC (FIPS 198) with `mmo` and a block of 16; a longer key is hashed."""
    if len(key) > 16:
        key = mmo(crypto, key)
    key = key + bytes(16 - len(key))
    inner = bytes([octet ^ 0x36 for octet in key])
    outer = bytes([octet ^ 0x5C for octet in key])
    return mmo(crypto, outer + mmo(crypto, inner + data))


def key_transport_key(crypto: "Crypto", link_key: bytes) -> bytes:
    """The key under which a network key travels (ZigBee specification, 4.5.3)."""
    return hmac_mmo(crypto, link_key, _KEY_TRANSPORT)


def key_load_key(crypto: "Crypto", link_key: bytes) -> bytes:
    """The key under which a link key travels (ZigBee specification, 4.5.3)."""
    return hmac_mmo(crypto, link_key, _KEY_LOAD)
