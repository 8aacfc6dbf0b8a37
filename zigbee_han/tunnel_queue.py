"""What a gas meter and the comms hub say inside their tunnel, because the meter sleeps (GBCS 10.2.2, with its tunnel).

    GET            01                     the meter asks for a message
    GET-RESPONSE   02 nn [message]        nn messages still wait; no message when there is none
    PUT            03 message             the meter hands over a response or an alert

Devices that do not sleep exchange the bare message. It begins with DD or DF, so that the two cannot be confused.
"""

from slotmeter.zigbee_han.errors import DecodeError, EncodeError

GET = 1
GET_RESPONSE = 2
PUT = 3


def get() -> bytes:
    """Asks for a message."""
    return b"\x01"


def get_response(waiting: int, message: bytes) -> bytes:
    """Hands over `message`, b"" when there is none; `waiting` 0 to 255 says how many more there are."""
    if not 0 <= waiting <= 255 or (waiting and not message):
        raise EncodeError("%d messages wait after %d octets" % (waiting, len(message)))
    return bytes((2, waiting)) + message


def put(message: bytes) -> bytes:
    """Hands over a response or an alert."""
    if not message:
        raise EncodeError("nothing to hand over")
    return b"\x03" + message


def parse(data: bytes) -> "tuple[int, int, bytes]":
    """(GET, GET_RESPONSE or PUT, how many messages still wait, the message or b"")."""
    if data == b"\x01":
        return GET, 0, b""
    if len(data) >= 2 and data[0] == GET_RESPONSE:
        if data[1] and len(data) == 2:
            raise DecodeError("messages wait, and none is there", 2)
        return GET_RESPONSE, data[1], data[2:]
    if len(data) >= 2 and data[0] == PUT:
        return PUT, 0, data[1:]
    raise DecodeError("neither GET nor GET-RESPONSE nor PUT", 0)
