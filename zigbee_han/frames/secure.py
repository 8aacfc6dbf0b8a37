"""Seals and opens NWK and APS frames: CCM* at level 5, encrypted with a MIC of 4 (ZigBee specification, 4.3, 4.5).

    auxiliary header = control(1) counter(4) [source EUI(8)] [key sequence(1), with the network key]
    control          = level(bits 0-2) key identifier(bits 3-4) source EUI is there(bit 5)
    nonce            = source EUI(8, as on the air) counter(4) control(1)

The level is 5 in the nonce and in the octets that are authenticated, and 0 on the air. Authenticated are the header,
its extended part too, and the auxiliary header. Whose counter was seen last is for the layer that calls.
"""

from slotmeter.zigbee_han.errors import DecodeError, EncodeError
from slotmeter.zigbee_han.frames.layout import flipped
from slotmeter.zigbee_han.mmo import hmac_mmo

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slotmeter.hal.crypto import Crypto

LEVEL = 5
MIC_SIZE = 4

# Key identifiers: a link key itself, the network key, and the two keys made from a link key.
LINK = 0
NETWORK = 1
TRANSPORT = 2
LOAD = 3

# Octets that securing adds: to a NWK frame, and to an APS frame with the source EUI and without.
NWK_OVERHEAD = 14 + MIC_SIZE
APS_OVERHEAD = 5 + MIC_SIZE

# A sender whose counter got here has nothing left to send with.
COUNTER_LIMIT = 0xFFFFFFFF

_EXTENDED = 0x20


class Auxiliary:
    """An auxiliary header: key_id (LINK ...), counter, source (EUI-64) or None, key_sequence or None, size."""

    def __init__(
        self, key_id: int, counter: int, source: "bytes | None" = None, key_sequence: "int | None" = None
    ) -> None:
        self.key_id = key_id
        self.counter = counter
        self.source = source
        self.key_sequence = key_sequence
        self.size = 5 + (8 if source is not None else 0) + (1 if key_sequence is not None else 0)

    def __repr__(self) -> str:
        return "Auxiliary(key %d, counter %d)" % (self.key_id, self.counter)


def transport_key(crypto: "Crypto", link_key: bytes) -> bytes:
    """The key that a network key travels under, made from `link_key` (4.5.3)."""
    return hmac_mmo(crypto, link_key, b"\x00")


def load_key(crypto: "Crypto", link_key: bytes) -> bytes:
    """The key that a link key travels under, made from `link_key` (4.5.3)."""
    return hmac_mmo(crypto, link_key, b"\x02")


def parse_auxiliary(payload: bytes) -> Auxiliary:
    """The auxiliary header that begins `payload`; DecodeError unless it, and a MIC after it, are there."""
    if len(payload) < 5:
        raise DecodeError("truncated security header", len(payload))
    control = payload[0]
    if control & 0xC7:
        raise DecodeError("security level given on the air, or reserved bits", 0)
    key_id = control >> 3 & 3
    source = sequence = None
    pos = 5
    if control & _EXTENDED:
        source = flipped(payload[5:13])
        pos = 13
    if key_id == NETWORK:
        pos += 1
    if len(payload) < pos + MIC_SIZE:
        raise DecodeError("truncated security header", len(payload))
    if key_id == NETWORK:
        sequence = payload[pos - 1]
    return Auxiliary(key_id, int.from_bytes(payload[1:5], "little"), source, sequence)


def build_auxiliary(auxiliary: Auxiliary, level: int = 0) -> bytes:
    """The octets of an auxiliary header; `level` as it is on the air."""
    if auxiliary.counter < 0 or auxiliary.counter >= COUNTER_LIMIT:
        raise EncodeError("frame counter used up")
    if (auxiliary.key_id == NETWORK) != (auxiliary.key_sequence is not None):
        raise EncodeError("the network key and no other has a sequence number")
    control = level | auxiliary.key_id << 3 | (_EXTENDED if auxiliary.source is not None else 0)
    tail = b"" if auxiliary.source is None else flipped(auxiliary.source)
    if auxiliary.key_sequence is not None:
        tail += bytes((auxiliary.key_sequence,))
    return bytes((control,)) + auxiliary.counter.to_bytes(4, "little") + tail


def _nonce(auxiliary: Auxiliary, source: bytes) -> bytes:
    control = LEVEL | auxiliary.key_id << 3 | (_EXTENDED if auxiliary.source is not None else 0)
    return flipped(source) + auxiliary.counter.to_bytes(4, "little") + bytes((control,))


def seal(crypto: "Crypto", key: bytes, header: bytes, auxiliary: Auxiliary, source: bytes, payload: bytes) -> bytes:
    """What follows `header` on the air: auxiliary header, `payload` encrypted, MIC. The header says "secured" already.

    `source` is the sender's EUI-64; `auxiliary` gives it too, or does not.
    """
    body = crypto.ccm_seal(
        key, _nonce(auxiliary, source), header + build_auxiliary(auxiliary, LEVEL), payload, MIC_SIZE
    )
    return build_auxiliary(auxiliary) + body


def unseal(
    crypto: "Crypto", key: bytes, header: bytes, auxiliary: Auxiliary, source: bytes, payload: bytes
) -> "bytes | None":
    """The plaintext of what `seal` made (`payload` with its auxiliary header), or None when the MIC does not match."""
    if auxiliary.counter >= COUNTER_LIMIT:
        return None
    authenticated = header + build_auxiliary(auxiliary, LEVEL)
    return crypto.ccm_open(key, _nonce(auxiliary, source), authenticated, payload[auxiliary.size :], MIC_SIZE)
