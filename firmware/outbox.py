"""What a meter sends: responses and alerts, protected, in the order in which they came about (GBCS 6.2, 7.2, 16)."""

from slotmeter.dlms.dates import from_seconds
from slotmeter.dlms.gbcs import keys
from slotmeter.dlms.gbcs.gate import RESPONSE_MAC, RESPONSE_SIGNED
from slotmeter.dlms.gbcs.message import ALERT, RESPONSE, grouping, signature_part, with_mac
from slotmeter.dlms.gbcs.roles import DIGITAL_SIGNATURE, KEY_AGREEMENT
from slotmeter.hal.errors import BAD_KEY, HalError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slotmeter.dlms.gbcs.anchors import Anchors, DeviceKeys, Secrets
    from slotmeter.dlms.gbcs.message import Message
    from slotmeter.hal.crypto import Crypto


class Outbox:
    """Makes messages and keeps them until somebody takes them away."""

    def __init__(
        self, device: bytes, anchors: "Anchors", device_keys: "DeviceKeys", secrets: "Secrets", crypto: "Crypto"
    ) -> None:
        self._device = device
        self._anchors = anchors
        self._keys = device_keys
        self._secrets = secrets
        self._crypto = crypto

    def response(
        self,
        command: "Message",
        role: int,
        protection: int,
        date_time: bytes,
        supplementary: bytes,
        payload: bytes,
    ) -> bytes:
        """The response to `command`: same counter and code, the two parties swapped. HalError when a key for it is
        missing or no key.
        """
        body = grouping(
            RESPONSE,
            command.counter,
            self._device,
            command.originator,
            date_time,
            command.code,
            supplementary,
            payload,
        )
        return self._protect(body, protection & RESPONSE_SIGNED, protection & RESPONSE_MAC, role)

    def alert(
        self,
        message_code: int,
        counter: bytes,
        target: bytes,
        role: int,
        signed: bool,
        supplementary: bytes,
        payload: bytes,
    ) -> bytes:
        """An alert to `target`, who holds `role`: critical ones are signed, the others carry a MAC. HalError when a key
        for it is missing or no key, or a MAC would be under the key of another, who has taken the role over meanwhile.
        """
        body = grouping(ALERT, counter, self._device, target, b"", message_code, supplementary, payload)
        if not signed:
            cell = self._anchors.cell(role, KEY_AGREEMENT)
            if cell is None or cell.entity_id != target:
                raise HalError(BAD_KEY, "role %d is not held by the target any more" % role)
        return self._protect(body, signed, not signed, role)

    def _protect(self, body: bytes, signed: "int | bool", maced: "int | bool", role: int) -> bytes:
        crypto = self._crypto
        if signed:
            body += signature_part(crypto.sign(self._keys.private(DIGITAL_SIGNATURE), body[1:]))
        else:
            body += b"\x00"
        if not maced:
            return body
        cell = self._anchors.cell(role, KEY_AGREEMENT)
        if cell is None:
            raise HalError(BAD_KEY, "role %d has no key agreement cell" % role)
        return with_mac(body, keys.mac(crypto, self._secrets.z(cell.public_key), body))


def date_time_octets(now_s: int) -> bytes:
    """The header date-time and alert time stamp of `now_s`: UTC, clock status FF as in every ESME message of RTDS."""
    return from_seconds(now_s)
