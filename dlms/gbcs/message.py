"""The GBCS message envelope (GBCS section 7.2): grouping header, payload, signature and MAC.

    MACed:      DD 00*6 length 11 00000000 | grouping header | payload | signature part | MAC(12)
    not MACed:                               grouping header | payload | signature part

The grouping header is a DLMS general-signing header (DF), the MAC header a general-ciphering one (DD). The signature
part is 00, or 40 and 64 octets r then s. Everything in a header is of fixed place up to the date-time, which the
constants below name; `Message` keeps octets as octets, because they go back into MACs and responses unchanged.
"""

from slotmeter.dlms.errors import DecodeError
from slotmeter.dlms.octets import get_length, put_length

COMMAND = 1
RESPONSE = 2
ALERT = 3
CRA_NAMES = ("?", "COMMAND", "RESPONSE", "ALERT")

SECURITY_HEADER = b"\x11\x00\x00\x00\x00"
MAC_SIZE = 12
SIGNATURE_SIZE = 64
_MAC_PREFIX = b"\xdd\x00\x00\x00\x00\x00\x00"
# The smallest grouping header: up to the date-time length, other-information with a bare message code, payload length.
_SMALLEST = 34
# Inbound: 63 blocks of 1149 octets is the largest object that GBCS foresees (facts 10.1).
LARGEST_MESSAGE = 63 * 1149
# Outbound: what a DLMS length of three octets can say. 13 months of half-hours in one response are some 150,000.
LARGEST_RESPONSE = 0xFFFFFF


class Message:
    """One message, taken apart.

    cra 1 to 3; counter, originator, target: 8 octets each; date_time: 12 octets or b""; code: the message code;
    supplementary: the octets after the code; payload; signature: 64 octets or b""; mac: 12 octets or b"".
    body: from DF to the end of the signature part (what the MAC covers); signed: the to-be-signed part of it.
    """

    def __init__(
        self,
        cra: int,
        counter: bytes,
        originator: bytes,
        target: bytes,
        date_time: bytes,
        code: int,
        supplementary: bytes,
        payload: bytes,
        signature: bytes,
        mac: bytes,
        body: bytes,
        payload_end: int,
    ) -> None:
        self.cra = cra
        self.counter = counter
        self.originator = originator
        self.target = target
        self.date_time = date_time
        self.code = code
        self.supplementary = supplementary
        self.payload = payload
        self.signature = signature
        self.mac = mac
        self.body = body
        self.payload_end = payload_end

    @property
    def signed(self) -> bytes:
        """What the signature covers: from the octet after DF to the end of the payload."""
        return self.body[1 : self.payload_end]

    def __repr__(self) -> str:
        return "Message(%s %04X %s>%s counter=%d payload=%d octets)" % (
            CRA_NAMES[self.cra],
            self.code,
            self.originator.hex(),
            self.target.hex(),
            int.from_bytes(self.counter, "big"),
            len(self.payload),
        )


def parse(data: bytes, pre_command: bool = False, limit: int = LARGEST_MESSAGE) -> Message:
    """Takes `data` apart; DecodeError when it is not exactly one message of at most `limit` octets.

    With `pre_command` the signature part may be missing: that is what a user signs. What a device sends may be longer
    than what it takes: a reader gives a higher limit.
    """
    size = len(data)
    if size > limit:
        raise DecodeError("message longer than %d octets" % limit, limit)
    if size < _SMALLEST:
        raise DecodeError("message too short", size)
    start = 0
    end = size
    mac = b""
    if data[0] == 0xDD:
        if data[:7] != _MAC_PREFIX:
            raise DecodeError("MAC header is not that of a GBCS message", 1)
        length, start = get_length(data, 7)
        if length != size - start:
            raise DecodeError("MAC header length does not match the message", 7)
        if data[start : start + 5] != SECURITY_HEADER:
            raise DecodeError("security header is not 11 00000000", start)
        start += 5
        end = size - MAC_SIZE
        mac = data[end:]
        if end - start < _SMALLEST:
            raise DecodeError("message too short", size)
    body = data[start:end]
    if body[0] != 0xDF or body[1] != 9 or body[11] != 8 or body[20] != 8:
        raise DecodeError("grouping header is not that of a GBCS message", start)
    cra = body[2]
    if cra < COMMAND or cra > ALERT:
        raise DecodeError("neither command, response nor alert", start + 2)
    pos = 30
    date_time = b""
    if body[29] == 12:
        pos = 42
        date_time = body[30:42]
    elif body[29]:
        raise DecodeError("date-time of a length not allowed", start + 29)
    length, pos = get_length(body, pos)
    if length < 2 or pos + length >= len(body):
        raise DecodeError("other information of a length not allowed", start + pos)
    code = body[pos] << 8 | body[pos + 1]
    supplementary = body[pos + 2 : pos + length]
    length, pos = get_length(body, pos + length)
    payload_end = pos + length
    rest = len(body) - payload_end
    signature = b""
    if rest == 1 + SIGNATURE_SIZE and body[payload_end] == SIGNATURE_SIZE:
        signature = body[payload_end + 1 :]
    elif rest < 0:
        raise DecodeError("payload truncated", start + len(body))
    elif rest == 0:
        if not pre_command or mac:
            raise DecodeError("signature part missing", start + payload_end)
    elif rest != 1 or body[payload_end]:
        raise DecodeError("signature part of a form not allowed", start + payload_end)
    return Message(
        cra,
        body[3:11],
        body[12:20],
        body[21:29],
        date_time,
        code,
        supplementary,
        body[pos:payload_end],
        signature,
        mac,
        body,
        payload_end,
    )


def grouping(
    cra: int,
    counter: bytes,
    originator: bytes,
    target: bytes,
    date_time: bytes,
    code: int,
    supplementary: bytes,
    payload: bytes,
) -> bytes:
    """Grouping header and payload: a pre-command, and the start of every message."""
    return b"".join(
        (
            b"\xdf\x09",
            bytes((cra,)),
            counter,
            b"\x08",
            originator,
            b"\x08",
            target,
            put_length(len(date_time)),
            date_time,
            put_length(2 + len(supplementary)),
            code.to_bytes(2, "big"),
            supplementary,
            put_length(len(payload)),
            payload,
        )
    )


def signature_part(signature: bytes) -> bytes:
    """00, or 40 and the signature."""
    return b"\x40" + signature if signature else b"\x00"


def with_mac(body: bytes, mac: bytes) -> bytes:
    """The MACed message around `body` (grouping header, payload, signature part)."""
    return b"".join((_MAC_PREFIX, put_length(5 + len(body) + MAC_SIZE), SECURITY_HEADER, body, mac))
