"""What a meter does when its objects are told to: the hooks of the object tree, with the parts of the meter behind.

Tokens, the clock and the future-dated switch of a value are here. Behaviour over time (tariffs, the account,
auxiliary controllers) is not: a command for it is stored where it has a value, and refused with other-reason where it
has none.
"""

from slotmeter.dlms.apdu import OTHER_REASON, SUCCESS, TYPE_UNMATCHED
from slotmeter.dlms.cosem.hooks import RELIABLE, UNRELIABLE, Hooks
from slotmeter.dlms.dates import CANCEL, DAY_S, NOW, from_seconds, to_seconds
from slotmeter.dlms.errors import DecodeError
from slotmeter.dlms.gbcs import keys
from slotmeter.dlms.gbcs.roles import KEY_AGREEMENT, PREPAYMENT_TOP_UP, SUPPLIER
from slotmeter.dlms.octets import get_int, put_int
from slotmeter.firmware import logs
from slotmeter.hal.errors import HalError
from slotmeter.prepayment.topup import ACCEPTED, Validator, alert_code

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slotmeter.dlms.cosem.access import Access
    from slotmeter.firmware.meter import Meter

METER_BALANCE = b"\x00\x70\x00\x00\x13\x0a\x00\xff\x02"
MAXIMUM_CREDIT = b"\x23\x28\x00\x00\x5e\x2c\x02\x0a\x02"
MAXIMUM_BALANCE = b"\x23\x28\x00\x00\x5e\x2c\x02\x14\x02"
# Class 1, 0-0:94.44.(116 + controller).(1 and 2 setting period, 3 and 4 limit period), attribute 2.
PERIOD_HEAD = b"\x00\x01\x00\x00\x5e\x2c"
LIMIT_SCRIPTS = b"\x00\x00\x0a\x00\x6b\xff"
# Actions of the older form (RTDS ECS47): on and off for the period in minutes, back to the calendar.
OLD_ACTIONS = (0x11, 0x12, 0x20)
CLOCK_ADJUSTED = 0x8145
CLOCK_NOT_ADJUSTED = 0x81C6
_CLOCK_RECORD = "clock"


class Behaviour(Hooks):
    """The hooks of one meter."""

    def __init__(self, meter: "Meter") -> None:
        self._meter = meter
        self._records = meter.records
        self.top_ups = Validator(meter.records, self._token_mac, meter.crypto.equal)
        # Entity and shared secret of whose token is being judged.
        self._token_key: tuple[bytes, bytes] | None = None

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

    # ---- top-up tokens

    def top_up_seen(self, counter: int) -> bool:
        """Whether a command with this top-up counter could only be a repetition."""
        return self.top_ups.seen(counter)

    def top_up(self, digits: bytes, access: "Access") -> int:
        """A token that came in CS01a: the credit is added, or there is an alert that says why not."""
        tree = self._meter.tree
        balance = get_int(tree.value(METER_BALANCE)[1:])
        most = get_int(tree.value(MAXIMUM_CREDIT)[1:])
        room = get_int(tree.value(MAXIMUM_BALANCE)[1:]) - balance
        text = "".join([chr(octet) for octet in digits])
        # Agreed here, before the validator: inside it the calls of a board would be too deep for a key agreement.
        self._token_key = self._agree_token_key()
        verdict = self.top_ups.judge(text, int.from_bytes(access.counter, "big"), most, room)
        self._token_key = None
        if verdict.reason != ACCEPTED:
            code = alert_code(verdict.reason)
            if code:
                logs.note_event(tree, access.now_s, code, b"")
                self._meter.send_generic_alert(code, access.now_s)
            return OTHER_REASON
        self.top_ups.accept(verdict)
        tree.put(METER_BALANCE, b"\x05" + put_int(balance + verdict.millipence, 4))
        return SUCCESS

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

    def _token_mac(self, counter: int, high: bytes) -> bytes:
        if self._token_key is None:
            return b""
        entity_id, z = self._token_key
        meter = self._meter
        return keys.utrn_mac(meter.crypto, z, entity_id, meter.eui64, counter.to_bytes(8, "big"), high)

    # ---- auxiliary controllers

    def auxiliary(self, obis: bytes, command: int, access: "Access") -> int:
        """ECS47a sets a controller for a period, ECS47e limits one: the command is checked, kept and logged.

        Its word is kind (4 bits: 1 output, 2 input), controller (4 bits: 1 to 5), level (8 bits: 0 to 100); kind 0 is
        the older form, whose second octet is an action. The period was written just before, in the same command.
        """
        kind = command >> 12
        number = command >> 8 & 15
        level = command & 255
        limit = obis == LIMIT_SCRIPTS
        if not 1 <= number <= 5 or kind > 2 or (limit and not kind):
            return OTHER_REASON
        if kind:
            first = 3 if limit else 1
            if level > 100 or not self._period_is_good(number, first):
                return OTHER_REASON
        elif level not in OLD_ACTIONS:
            return OTHER_REASON
        self._records.put("x.%s%d" % ("limit" if limit else "set", number), command.to_bytes(2, "big"))
        logs.note_auxiliary(self._meter.tree, access.now_s, command, logs.OUTCOME_UNKNOWN)
        return SUCCESS

    def _period_is_good(self, number: int, first: int) -> bool:
        """Whether the controller's period ends after it starts, and within a day (SMETS 5.6.3.33)."""
        tree = self._meter.tree
        start = tree.peek(PERIOD_HEAD + bytes((116 + number, first, 2)))
        end = tree.peek(PERIOD_HEAD + bytes((116 + number, first + 1, 2)))
        if start is None or end is None or start[:2] != b"\x09\x0c" or end[:2] != b"\x09\x0c":
            return False
        try:
            start_s = to_seconds(start[2:])
            end_s = to_seconds(end[2:])
        except DecodeError:
            return False
        return start_s is not None and end_s is not None and start_s < end_s <= start_s + DAY_S

    # ---- clock

    def clock_status(self) -> int:
        """RELIABLE, INVALID or UNRELIABLE; a meter leaves the factory with a reliable clock."""
        stored = self._records.get(_CLOCK_RECORD)
        return RELIABLE if stored is None else stored[0]

    def set_clock_status(self, status: int) -> None:
        """Keeps a clock status."""
        self._records.put(_CLOCK_RECORD, bytes((status,)))

    def set_time(self, start_s: int, end_s: int, access: "Access") -> int:
        """ECS70: the clock is reliable when its time lies within the window, else unreliable; it is not moved."""
        inside = start_s <= access.now_s <= end_s
        self.set_clock_status(RELIABLE if inside else UNRELIABLE)
        logs.note_event(self._meter.tree, access.now_s, CLOCK_ADJUSTED if inside else CLOCK_NOT_ADJUSTED, b"")
        return SUCCESS

    def read_clock(self, number: int, access: "Access | None") -> "bytes | None":
        """Attribute 2, the time, and 4, the status."""
        if number == 4:
            return bytes((17, self.clock_status()))
        return b"\x09\x0c" + from_seconds(self._meter.now_s if access is None else access.now_s)

    def place_clock(self, number: int, data: bytes) -> None:
        """The bench sets the status; the time itself is the bench's clock, and is set there."""
        if number == 4:
            self.set_clock_status(data[1])
