"""What a meter does when its objects are told to: the hooks of the object tree, with the organs of the meter behind."""

from slotmeter.dlms.apdu import OTHER_REASON, SUCCESS, TYPE_UNMATCHED
from slotmeter.dlms.cosem.hooks import RELIABLE, UNRELIABLE, Hooks
from slotmeter.dlms.dates import CANCEL, NOW, from_seconds, to_seconds
from slotmeter.dlms.errors import DecodeError
from slotmeter.dlms.gbcs import keys
from slotmeter.dlms.gbcs.roles import KEY_AGREEMENT, PREPAYMENT_TOP_UP, SUPPLIER
from slotmeter.firmware.logs import AUXILIARY, EVENT
from slotmeter.hal.errors import HalError
from slotmeter.prepayment.topup import ACCEPTED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slotmeter.dlms.cosem.access import Access
    from slotmeter.firmware.meter import Meter

# Class 1: 0-0:94.44.3.1 (ECS14) and 0-2:96.13.1.255 (ECS10).
DISABLE_PIN = b"\x00\x01\x00\x00\x5e\x2c\x03\x01\x02"
MESSAGE = b"\x00\x01\x00\x02\x60\x0d\x01\xff\x02"
CLOCK_ADJUSTED = 0x8145
CLOCK_NOT_ADJUSTED = 0x81C6
# What the hub says is followed when it is no further away than this (GBCS 16.2, 8F0C).
CLOCK_TOO_FAR_OFF = 0x8F0C
FOLLOWS_WITHIN_S = 10
LOG_CLEARED = 0x8F52
# Buffers of the logs that a supplier may clear, by ECS15a and ECS15c.
_CLEARABLE = (b"\x00\x07" + EVENT + b"\x02", b"\x00\x07" + AUXILIARY + b"\x02")
_CLOCK_RECORD = "clock"


class Behaviour(Hooks):
    """The hooks of one meter: the only way from a command's items to the organs.

    acted: whether an organ was told anything since whoever asks has set it to False.
    """

    def __init__(self, meter: "Meter") -> None:
        self._meter = meter
        self._records = meter.records
        # Entity and shared secret of whose token is being judged.
        self._token_key: tuple[bytes, bytes] | None = None
        self.acted = False

    # ---- future-dated values

    def schedule(self, key: bytes, when: bytes, access: "Access") -> int:
        """An activation attribute is written: at once, at a time, or forget what is stored."""
        if when == CANCEL:
            return self._meter.schedule_activation(key, None, True, access)
        if when == NOW:
            return self._meter.schedule_activation(key, None, False, access)
        try:
            due_s = to_seconds(when)
        except DecodeError:
            return TYPE_UNMATCHED
        if due_s is None:
            return OTHER_REASON
        return self._meter.schedule_activation(key, due_s, False, access)

    # ---- what the organs do

    def activated(self, key: bytes) -> None:
        """What hung on an activation attribute has become active."""
        self.acted = True
        self._meter.organs.metering.activated(key)

    def changed(self, key: bytes, access: "Access") -> None:
        """A command has written an attribute."""
        organs = self._meter.organs
        if key == DISABLE_PIN:
            organs.guard.disable_remotely()
        elif key == MESSAGE:
            organs.face.message_arrived()
        elif key in _CLEARABLE:
            self._meter.notices.notify(LOG_CLEARED, at_s=access.now_s)
        elif organs.account.changed(key):
            self.acted = True

    def supply(self, state: int, access: "Access") -> int:
        """The supplier's command to the load switch."""
        self.acted = True
        return self._meter.organs.supply.command(state, access.now_s)

    def auxiliary(self, obis: bytes, command: int, access: "Access") -> int:
        """ECS47a and ECS47e: a command word for an auxiliary controller."""
        self.acted = True
        return self._meter.organs.auxiliary.command(obis, command, access.now_s)

    # ---- top-up tokens

    def top_up(self, digits: bytes, access: "Access") -> int:
        """A token that came in CS01a: the credit is added, or there is an alert that says why not."""
        self.acted = True
        account = self._meter.organs.account
        text = "".join([chr(octet) for octet in digits])
        # Agreed here, before the validator: inside it the calls of a board would be too deep for a key agreement.
        self._token_key = self._agree_token_key()
        most, room = account.limits()
        verdict = account.validator.judge(text, int.from_bytes(access.counter, "big"), most, room)
        self._token_key = None
        account.settle(verdict, access.now_s)
        return SUCCESS if verdict.reason == ACCEPTED else OTHER_REASON

    def _agree_token_key(self) -> "tuple[bytes, bytes] | None":
        """Who may make tokens, and the secret shared with it; None when the cell is empty or holds no key."""
        meter = self._meter
        cell = meter.anchors.cell(SUPPLIER, KEY_AGREEMENT, PREPAYMENT_TOP_UP)
        if cell is None:
            return None
        try:
            return cell.entity_id, meter.secrets.z(cell.public_key)
        except HalError:
            return None

    def token_mac(self, counter: int, high: bytes) -> bytes:
        """MAC32 of a token with this counter and these upper octets; b"" when nobody may make tokens."""
        key = self._token_key or self._agree_token_key()
        if key is None:
            return b""
        meter = self._meter
        return keys.utrn_mac(meter.crypto, key[1], key[0], meter.eui64, counter.to_bytes(8, "big"), high)

    # ---- clock

    def clock_status(self) -> int:
        """RELIABLE, INVALID or UNRELIABLE; a meter leaves the factory with a reliable clock."""
        stored = self._records.get(_CLOCK_RECORD)
        return RELIABLE if stored is None else stored[0]

    def set_clock_status(self, status: int) -> None:
        """Keeps a clock status."""
        self.acted = True
        self._records.put(_CLOCK_RECORD, bytes((status,)))

    def set_time(self, start_s: int, end_s: int, access: "Access") -> int:
        """ECS70: the clock is reliable when its time lies within the window, else unreliable; it is not moved."""
        inside = start_s <= access.now_s <= end_s
        self.set_clock_status(RELIABLE if inside else UNRELIABLE)
        self._meter.notices.notify(CLOCK_ADJUSTED if inside else CLOCK_NOT_ADJUSTED, at_s=access.now_s)
        return SUCCESS

    def hear_time(self, hub_s: int) -> bool:
        """The hub says that it is `hub_s`: whether the clock is to follow, which it is not over more than 10 s."""
        now_s = self._meter.now_s
        if hub_s == now_s:
            return True
        near = abs(hub_s - now_s) <= FOLLOWS_WITHIN_S
        self._meter.notices.notify(CLOCK_ADJUSTED if near else CLOCK_TOO_FAR_OFF)
        return near

    def read_clock(self, number: int, access: "Access | None") -> "bytes | None":
        """Attribute 2, the time, and 4, the status."""
        if number == 4:
            return bytes((17, self.clock_status()))
        return b"\x09\x0c" + from_seconds(self._meter.now_s if access is None else access.now_s)

    def place_clock(self, number: int, data: bytes) -> None:
        """The bench sets the status; the time itself is the bench's clock, and is set there."""
        if number == 4:
            self.set_clock_status(data[1])
