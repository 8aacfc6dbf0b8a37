"""CCM (NIST SP 800-38C, RFC 3610) over any block cipher object, for nonces of 13 octets, in portable Python.

With such a nonce the length of the message has two octets (RFC 3610's L = 2), so that a message has at most 65535.
What ZigBee calls CCM* is this with a tag of 4, 8 or 16 octets (ZigBee specification, annex A).
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slotmeter.hal.board.soft_aes import SoftAes, _BoardAes

# Counter blocks enciphered at a time: 512 octets are found even in a fragmented heap.
_CHUNK = 512
# From this size on the length of the associated data is written with six octets (RFC 3610, 2.2).
_LONG_AAD = 0xFF00


def _absorb(cipher: "SoftAes | _BoardAes", state: bytes, data: bytes) -> bytes:
    """The CBC-MAC state after `data`, which is padded with zero octets to whole blocks."""
    for start in range(0, len(data), 16):
        block = data[start : start + 16]
        mixed = int.from_bytes(state, "big") ^ int.from_bytes(block, "big") << (128 - 8 * len(block))
        state = cipher.encrypt(mixed.to_bytes(16, "big"))
    return state


def tag(cipher: "SoftAes | _BoardAes", nonce: bytes, aad: bytes, plaintext: bytes, tag_length: int) -> bytes:
    """The enciphered tag of `tag_length` octets over `aad` and `plaintext`."""
    flags = (0x40 if aad else 0) | (tag_length - 2) // 2 << 3 | 1
    state = cipher.encrypt(bytes((flags,)) + nonce + len(plaintext).to_bytes(2, "big"))
    if aad:
        size = len(aad)
        head = size.to_bytes(2, "big") if size < _LONG_AAD else b"\xff\xfe" + size.to_bytes(4, "big")
        # In two pieces, so that long data is not copied: the first fills a block.
        first = 16 - len(head)
        state = _absorb(cipher, _absorb(cipher, state, head + aad[:first]), aad[first:])
    state = _absorb(cipher, state, plaintext)
    mask = cipher.encrypt(b"\x01" + nonce + b"\0\0")
    return (int.from_bytes(state, "big") ^ int.from_bytes(mask, "big")).to_bytes(16, "big")[:tag_length]


def apply(cipher: "SoftAes | _BoardAes", nonce: bytes, data: bytes) -> bytes:
    """`data` combined with the key stream: enciphers and deciphers."""
    pieces = []
    counter = 1  # 0 belongs to the tag
    for start in range(0, len(data), _CHUNK):
        piece = data[start : start + _CHUNK]
        count = (len(piece) + 15) // 16
        blocks = bytearray(16 * count)
        for index in range(count):
            at = 16 * index
            blocks[at] = 1
            blocks[at + 1 : at + 14] = nonce
            blocks[at + 14 : at + 16] = counter.to_bytes(2, "big")
            counter += 1
        stream = cipher.encrypt(blocks)[: len(piece)]
        pieces.append((int.from_bytes(stream, "big") ^ int.from_bytes(piece, "big")).to_bytes(len(piece), "big"))
    return b"".join(pieces)
