"""The organ that keeps the account: the ledger over the object tree, what falls due, and tokens.

    object tree                                    ledger                              object tree
    111 account: mode, matrix, LCT, cap     ->     rules, crossings        ->     112 balances, status of EC
    112 limit, threshold                           (slotmeter.prepayment)         113 what is left of debts
    113 rates, periods, share                                                      98.1.5 top-ups, 98.1.4 debt payments
    21  disablement threshold                                                      0-0:94.44.34.30 (linked to them)

At every full hour what falls due is collected: the standing charge at midnight UTC, time debts at multiples of their
period, in this order: standing charge, time debt 1, time debt 2. Hours that passed while the meter was off are made up
for one by one when it is on again, with the supply as its switch now is. A clock that is put back makes nothing due a
second time, unless by more than two days: then what it said before was wrong, and collecting starts anew.

The non-disablement calendar is a schedule of scripts 32 and 33 (begin and end). Within such a period credit that runs
out is told (8F0F) but the supply stays on (8F83) until the period ends; a supply that was off already stays off.

A balance that a command or the bench has written is taken over by `load`; one that was not written is left alone, and
nothing is written but what the ledger has changed. A register holds 32 bits: beyond that the tree shows the nearest it
can, and the ledger goes on counting.

State, as text, in records "acc" (registers and states), "acc.done" (the hour up to which was collected), "acc.paid"
(payments to debt, for the cap), "u" (counters of tokens), "u.lock" (attempts).
"""

from slotmeter.dlms.axdr import decode_whole
from slotmeter.dlms.dates import DAY_S
from slotmeter.dlms.octets import get_int, put_int
from slotmeter.firmware.calendars import last_switch, next_switch, parse_schedule, parse_special_days
from slotmeter.prepayment.ledger import (
    CHARGES,
    CREDITS,
    INVOKED,
    SECONDARY_CONSUMPTION,
    STANDING_CHARGE,
    WEEK_S,
    Ledger,
)
from slotmeter.prepayment.lockout import SUSPENDED, Lockout
from slotmeter.prepayment.topup import (
    ACCEPTED,
    CREDIT_ADDED_LOCALLY,
    LOCKED,
    OF_TRUE_TOKENS,
    TopUp,
    Validator,
    alert_code,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from slotmeter.dlms.cosem.tree import Tree
    from slotmeter.firmware.calendars import Entry
    from slotmeter.firmware.settings import Settings
    from slotmeter.hal.records import Records

# Keys: class, OBIS, attribute.
_ACCOUNT = b"\x00\x6f\x00\x00\x13\x00\x00\xff"
_MODE = _ACCOUNT + b"\x02"
_MATRIX = _ACCOUNT + b"\x0b"
_LOW_THRESHOLD = _ACCOUNT + b"\x10"
_CAP = _ACCOUNT + b"\x12"
_CAP_PERIOD = _ACCOUNT + b"\x13"
_CREDIT_HEAD = b"\x00\x70\x00\x00\x13\x0a"
_CHARGE_HEAD = b"\x00\x71\x00\x00\x13\x14"
_EMERGENCY = _CREDIT_HEAD + b"\x01\xff"
EMERGENCY_BALANCE = _EMERGENCY + b"\x02"
EMERGENCY_STATUS = _EMERGENCY + b"\x08"
_LIMIT = _EMERGENCY + b"\x09"
_EMERGENCY_THRESHOLD = _EMERGENCY + b"\x0a"
_SHARE = _CHARGE_HEAD + b"\x03\xff\x0d"
_STANDING_RATE = _CHARGE_HEAD + b"\x04\xff\x05"
_RATES = (_STANDING_RATE, _CHARGE_HEAD + b"\x01\xff\x05", _CHARGE_HEAD + b"\x02\xff\x05")
_PERIODS = (_CHARGE_HEAD + b"\x01\xff\x08", _CHARGE_HEAD + b"\x02\xff\x08")
# In the order of the collective read (ECS19).
_REGISTERS = (
    _CREDIT_HEAD + b"\x00\xff\x02",
    EMERGENCY_BALANCE,
    _CREDIT_HEAD + b"\x02\xff\x02",
    _CHARGE_HEAD + b"\x01\xff\x0c",
    _CHARGE_HEAD + b"\x02\xff\x0c",
    _CHARGE_HEAD + b"\x03\xff\x0c",
)
_BALANCE = 0
_EMERGENCY_LEFT = 1
_DISABLEMENT = b"\x00\x15\x00\x00\x10\x00\x01\xff\x02"
_MAXIMUM_CREDIT = b"\x23\x28\x00\x00\x5e\x2c\x02\x0a\x02"
_MAXIMUM_BALANCE = b"\x23\x28\x00\x00\x5e\x2c\x02\x14\x02"
_CALENDAR = b"\x00\x0a\x00\x00\x0c\x00\x01\xff\x02"
_SPECIAL_DAYS = b"\x00\x0b\x00\x00\x0b\x00\x02\xff\x02"
# Profiles 0-0:98.1.5.255, the last top-ups, and 0-0:98.1.4.255, what of them went to payment debt.
TOP_UPS = b"\x00\x00\x62\x01\x05\xff"
DEBT_PAYMENTS = b"\x00\x00\x62\x01\x04\xff"

PREPAYMENT = 2
# Script of the supply script table that begins a non-disablement period; 33 ends it.
_BEGIN = 32
HOUR_S = 3600
# A clock moved by more than this was wrong before; one moved by less is put right.
_PUT_RIGHT_S = 2 * DAY_S
# Millipence are the fifth digit after the point.
_DIGITS = 5
_POUND = 100000
_LARGEST = 0x7FFFFFFF

DISABLEMENT_SUSPENDED = 0x8F83
# What was done at the meter, and what was not (GBCS 16.2); the other information is the message code of the same
# command from remote: CS01a, ECS09.
ACTIONED_HERE = 0x8161
NOT_ACTIONED_HERE = 0x8162
_TOP_UP_CODE = b"\x00\x07"
_ACTIVATE_CODE = b"\x00\x20"


def _shown(value: int) -> int:
    """The nearest value that a register of 32 bits can show."""
    return max(-_LARGEST - 1, min(_LARGEST, value))


def _pairs_of(data: bytes) -> "list[tuple[int, int, int]]":
    """The pairs of a collection matrix, as A-XDR, that are of this account: credit, charge, three flags as a number."""
    pairs = []
    for _, (credit, charge, flags) in decode_whole(data)[1]:
        if credit[1][:4] == b"\x00\x00\x13\x0a" and charge[1][:4] == b"\x00\x00\x13\x14":
            number = credit[1][4]
            other = charge[1][4]
            if number < CREDITS and other < CHARGES:
                pairs.append((number, other, flags[1][1][0] >> 5))
    return pairs


def _rate(data: bytes) -> "tuple[int, int]":
    """A unit charge of one price, as A-XDR, in millipence: numerator and denominator."""
    (scaling, _, table) = decode_whole(data)[1]
    digits = scaling[1][1][1] + _DIGITS
    price = table[1][0][1][1][1]
    if digits < 0:
        return price, 10 ** min(-digits, 20)
    return max(-_LARGEST, min(_LARGEST, price * 10 ** min(digits, 12))), 1


class Account:
    """The account of one meter. `load`, `flush`, `set_clock`, `deadline_ms` and `tick` are those of an organ.

    notify: (code, octets for the log); check_mac and equal: as `Validator`; supply_state: 0 disabled, 1 enabled,
    2 armed. Given later, when there is somebody to be told: mode_changed(), when the payment mode has become another;
    verdict_changed(), when what `wants_supply` says has; keep(), to make durable an attempt to enter a token before the
    token is judged, and what came of it before the customer is told.
    """

    def __init__(
        self,
        tree: "Tree",
        records: "Records",
        notify: "Callable[..., object]",
        settings: "Settings",
        check_mac: "Callable[[int, bytes], bytes]",
        equal: "Callable[[bytes, bytes], bool]",
        supply_state: "Callable[[], int]",
    ) -> None:
        self._tree = tree
        self._records = records
        self._notify = notify
        self._supply_state = supply_state
        self.validator = Validator(records, check_mac, equal)
        self.lockout = Lockout(records, settings.lock_attempts, settings.lock_within_s, settings.lock_s)
        self.mode_changed: Callable[[], object] | None = None
        self.verdict_changed: Callable[[], object] | None = None
        self.keep: Callable[[], object] | None = None
        # Tells the present, in seconds since 2000.
        self.time_s: Callable[[], int] | None = None
        self.ledger = Ledger()
        # What waits to be told: (code, octets for the log).
        self._untold: list[tuple[int, bytes]] = []
        # Of each register: what the tree showed when last looked at, and what the ledger had then.
        self._seen = [0] * len(_REGISTERS)
        self._had = [0] * len(_REGISTERS)
        self._status = 0
        self._blocked = False
        self._was_out = False
        self._restored_by_emergency = False
        self._verdict_is_new = False
        self._window = False
        self._window_next_s: int | None = None
        self._calendar: tuple[bytes, bytes] | None = None
        self._entries: list[Entry] = []
        self._special_days: Any = None
        # The last full hour that was collected for, and the present; None before the time is known.
        self._done_s: int | None = None
        self._now_s: int | None = None
        # Standing charge and debts: numerator, denominator, and what is left of a millipence.
        self._rates = [(0, 1), (0, 1), (0, 1)]
        self._rests = [0, 0, 0]
        self._periods = [DAY_S, DAY_S]
        # What was last written to the records, or found there.
        self._state: bytes | None = None
        # What the record "acc" says, as it is compared.
        self._written: tuple[tuple[object, ...], tuple[object, ...]] = ((), ())
        # What the collection matrix and the rates were read from, so as to read them again only when they are others.
        self._matrix = b""
        self._pairs: list[tuple[int, int, int]] = []
        self._rate_octets = [b""] * 3
        self._payments: list[tuple[int, int]] = []
        self.load()

    def __repr__(self) -> str:
        return "Account(%r)" % self.ledger

    # ---- what others ask

    def is_prepayment(self) -> bool:
        """Whether the meter is in prepayment mode."""
        return self.ledger.prepayment

    def wants_supply(self) -> bool:
        """False when credit says that the supply is to be off."""
        return not self._blocked

    def restored_by_emergency(self) -> bool:
        """Whether it was the activation of emergency credit that made `wants_supply` true last."""
        return self._restored_by_emergency

    def available_credit(self) -> int:
        """Meter balance, and emergency credit once it is activated, in millipence."""
        return self.ledger.available_credit()

    def non_disablement(self) -> bool:
        """Whether a non-disablement period is running."""
        return self._window

    def balances(self) -> "tuple[int, ...]":
        """Meter balance, emergency credit, accumulated debt, time debts 1 and 2, payment debt, as they are shown."""
        return tuple([_shown(value) for value in self._values()])

    def headroom(self) -> "int | None":
        """Consumption in millipence after which something other than the balance may change; None for never."""
        return self.ledger.headroom()

    # ---- consumption

    def consume(self, millipence: int, element: int = 0) -> None:
        """Energy of this worth was used; element 1 is the secondary of a twin meter."""
        ledger = self.ledger
        ledger.consume(millipence, SECONDARY_CONSUMPTION if element else 0)
        if ledger.facts or ledger.out != self._was_out:
            self._follow()
            self.tell()

    # ---- what the tree and the records hold

    def load(self) -> None:
        """Reads configuration and state, and takes over what a command or the bench has written."""
        tree = self._tree
        state = self._records.get("acc")
        if state != self._state:
            # Not what was written last: it was taken back, and is not to be told.
            self._untold = []
        self._state = state
        if state is None:
            self._start_state()
        else:
            self._read_state(state)
        if self.time_s is not None and self._idle():
            # Before the new configuration: what it makes fall due begins now.
            self._skip_to(self.time_s())
        numbers = [int(word) for word in (self._records.get("acc.paid") or b"").decode().split()]
        ledger = self.ledger
        self._payments = ledger.payments = [(numbers[at], numbers[at + 1]) for at in range(0, len(numbers), 2)]
        self._read_configuration()
        for place in range(len(_REGISTERS)):
            value = get_int(tree.value(_REGISTERS[place])[1:])
            if value != self._seen[place]:
                self._take_over(place, value)
                self._seen[place] = value
                self._had[place] = self._values()[place]
        status = tree.value(EMERGENCY_STATUS)[1]
        if status != self._status:
            self._status = status
            ledger.selected = status >= INVOKED
            ledger.exhausted = status > INVOKED + 1
        prepayment = tree.value(_MODE)[3] == PREPAYMENT
        if prepayment != ledger.prepayment:
            ledger.prepayment = prepayment
            if state is not None and self.mode_changed is not None:
                self.mode_changed()
        ledger.review()
        self._follow()

    def _read_configuration(self) -> None:
        tree = self._tree
        ledger = self.ledger
        matrix = tree.value(_MATRIX)
        if matrix != self._matrix:
            self._matrix = matrix
            self._pairs = _pairs_of(matrix)
        ledger.disablement = get_int(tree.value(_DISABLEMENT)[3:])
        ledger.low_threshold = get_int(tree.value(_LOW_THRESHOLD)[1:])
        ledger.emergency_threshold = get_int(tree.value(_EMERGENCY_THRESHOLD)[1:])
        ledger.set_limit(get_int(tree.value(_LIMIT)[1:]))
        ledger.share = int.from_bytes(tree.value(_SHARE)[1:], "big")
        ledger.cap = int.from_bytes(tree.value(_CAP)[1:], "big") * _POUND
        ledger.cap_period_s = get_int(tree.value(_CAP_PERIOD)[1:])
        if ledger.cap_period_s <= 0:
            ledger.cap_period_s = WEEK_S
        ledger.set_matrix(self._pairs)
        for place in range(3):
            octets = tree.value(_RATES[place])
            if octets != self._rate_octets[place]:
                self._rate_octets[place] = octets
                self._rates[place] = _rate(octets)
            self._rests[place] %= self._rates[place][1]
        for place in range(2):
            self._periods[place] = int.from_bytes(tree.value(_PERIODS[place])[1:], "big") or DAY_S
        calendar = (tree.value(_CALENDAR), tree.value(_SPECIAL_DAYS))
        if calendar != self._calendar:
            self._calendar = calendar
            self._entries = parse_schedule(calendar[0])
            self._special_days = parse_special_days(calendar[1])
            if self._now_s is not None:
                self._read_window(self._now_s)

    def _take_over(self, place: int, value: int) -> None:
        """Another hand has written a register."""
        ledger = self.ledger
        if place == _BALANCE:
            ledger.balance = value
        elif place == _EMERGENCY_LEFT:
            ledger.used = max(0, ledger.limit - value)
            if ledger.used:
                ledger.selected = True
        elif place == 2:
            ledger.accumulated = value
        elif place == 5:
            ledger.payment_debt = value
        else:
            ledger.time_debt[place - 3] = value

    def changed(self, key: bytes) -> bool:
        """A command's item has written an attribute: emergency credit is reset (ECS04b) or activated (ECS09) by it.
        False when it is no such attribute.
        """
        ledger = self.ledger
        tree = self._tree
        if key == EMERGENCY_BALANCE and not get_int(tree.value(key)[1:]):
            # Nought means its limit: the meter sets it there (facts 4.7). Reviewed with the other registers.
            ledger.reset_emergency()
            left = ledger.emergency_balance()
            tree.put(key, b"\x05" + put_int(left, 4))
            self._seen[_EMERGENCY_LEFT] = self._had[_EMERGENCY_LEFT] = left
        elif key == EMERGENCY_STATUS and tree.value(key)[1] == INVOKED:
            self._status = INVOKED
            self._activate()
        else:
            return False
        self._write_state(self._values())
        return True

    def _values(self) -> "tuple[int, int, int, int, int, int]":
        ledger = self.ledger
        return (
            ledger.balance,
            ledger.emergency_balance(),
            ledger.accumulated,
            ledger.time_debt[0],
            ledger.time_debt[1],
            ledger.payment_debt,
        )

    def flush(self) -> None:
        """Tells what is to be told, and writes what changed."""
        self.tell()
        self._write_state(self.show())

    def show(self) -> "tuple[int, int, int, int, int, int]":
        """Writes the registers that changed into the tree, for who reads them there; returns them all."""
        values = self._values()
        had = self._had
        tree = self._tree
        if values != tuple(had):
            for place in range(len(values)):
                if values[place] != had[place]:
                    had[place] = values[place]
                    self._seen[place] = shown = _shown(values[place])
                    tree.put(_REGISTERS[place], b"\x05" + put_int(shown, 4))
        status = self.ledger.status()
        if status != self._status:
            self._status = status
            tree.put(EMERGENCY_STATUS, bytes((0x16, status)))
        return values

    def _write_state(self, values: "tuple[int, int, int, int, int, int]") -> None:
        ledger = self.ledger
        flags = (
            ledger.prepayment,
            ledger.selected,
            ledger.exhausted,
            ledger.low,
            ledger.offered,
            ledger.out,
            self._blocked,
            self._was_out,
        )
        rest = (self._status, ledger.limit, ledger.used, values, self._rests, self._seen, self._had)
        # Asked at every message: compared before it is spelt out.
        if flags != self._written[0] or rest != self._written[1]:
            rests, seen, had = self._rests[:], self._seen[:], self._had[:]
            self._written = (flags, (self._status, ledger.limit, ledger.used, values, rests, seen, had))
            mask = 0
            for flag in flags:
                mask = mask << 1 | flag
            numbers = [mask, self._status, ledger.limit, ledger.used]
            numbers.extend(values)
            numbers.extend(rests)
            numbers.extend(seen)
            numbers.extend(had)
            state = " ".join([str(number) for number in numbers]).encode()
            if state != self._state:
                self._state = state
                self._records.put("acc", state)
        if self._done_s is not None:
            done = self._done_s.to_bytes(8, "big")
            if self._records.get("acc.done") != done:
                self._records.put("acc.done", done)
        # A payment makes a new list.
        if ledger.payments is not self._payments:
            self._payments = ledger.payments
            parts = []
            for paid_s, amount in ledger.payments:
                parts.append("%d %d" % (paid_s, amount))
            self._records.put("acc.paid", " ".join(parts).encode())

    def _start_state(self) -> None:
        """That of a meter which never kept any: the registers are what the tree says."""
        self.ledger = Ledger()
        self._written = ((), ())
        self._done_s = self._now_s
        self._blocked = self._was_out = self._restored_by_emergency = self._verdict_is_new = False
        self._rests = [0, 0, 0]
        self._seen = [0] * len(_REGISTERS)
        self._had = [0] * len(_REGISTERS)
        self._status = self._tree.value(EMERGENCY_STATUS)[1]

    def _read_state(self, state: bytes) -> None:
        ledger = self.ledger
        self._written = ((), ())
        numbers = [int(word) for word in state.decode().split()]
        mask = numbers[0]
        flags = [bool(mask >> shift & 1) for shift in range(8)]
        ledger.prepayment = flags[7]
        ledger.selected = flags[6]
        ledger.exhausted = flags[5]
        ledger.low = flags[4]
        ledger.offered = flags[3]
        ledger.out = flags[2]
        self._blocked = flags[1]
        self._was_out = flags[0]
        done = self._records.get("acc.done")
        self._done_s = None if done is None else int.from_bytes(done, "big")
        self._status = numbers[1]
        ledger.limit = numbers[2]
        ledger.used = numbers[3]
        ledger.balance = numbers[4]
        ledger.accumulated = numbers[6]
        ledger.time_debt = [numbers[7], numbers[8]]
        ledger.payment_debt = numbers[9]
        self._rests = numbers[10:13]
        self._seen = numbers[13:19]
        self._had = numbers[19:25]

    # ---- time

    def set_clock(self, now_ms: int) -> None:
        """The time is known, or was put back."""
        now_s = now_ms // 1000
        if self._done_s is None or self._done_s > now_s + _PUT_RIGHT_S:
            self._done_s = now_s
        if self._idle():
            self._skip_to(now_s)
        self._now_s = now_s
        self._read_window(now_s)
        self._follow()

    def deadline_ms(self) -> "int | None":
        """The next full hour, or the next switch of the non-disablement calendar."""
        done_s = self._done_s
        if done_s is None:
            return None
        # A day that brings nothing is not looked at hour by hour.
        step_s = DAY_S if self._idle() else HOUR_S
        due_s = (done_s // step_s + 1) * step_s
        window_s = self._window_next_s
        if window_s is not None and window_s < due_s:
            due_s = window_s
        return due_s * 1000

    def clock_was_set(self, now_s: int) -> None:
        """Nothing is collected for hours that a clock put forward jumps over; one that was only late owes them."""
        if self._now_s is not None and now_s > self._now_s + _PUT_RIGHT_S:
            self._skip_to(now_s)

    def _skip_to(self, now_s: int) -> None:
        """The hours until then are done with."""
        if self._done_s is not None and self._done_s < now_s:
            self._done_s = now_s - now_s % HOUR_S

    def _idle(self) -> bool:
        """Whether nothing can fall due: no standing charge, no time debt."""
        time_debt = self.ledger.time_debt
        return not self._rates[0][0] and time_debt[0] <= 0 and time_debt[1] <= 0

    def tick(self, now_ms: int) -> None:
        """Does what is due, the earliest first."""
        now_s = now_ms // 1000
        if self._done_s is None:
            self.set_clock(now_ms)
        self._now_s = now_s
        due_ms = self.deadline_ms()
        while due_ms is not None and due_ms <= now_ms:
            due_s = due_ms // 1000
            if due_s == self._window_next_s:
                self._read_window(due_s)
                self._follow()
            else:
                self._collect(due_s)
                self._done_s = due_s
                # A supply that goes off suspends what falls due at the next hour.
                self.tell()
            due_ms = self.deadline_ms()
        self.tell()

    def _read_window(self, now_s: int) -> None:
        """Whether a non-disablement period is running, and when that changes."""
        last = last_switch(self._entries, self._special_days, now_s)
        self._window = last is not None and last[1].script == _BEGIN
        following = next_switch(self._entries, self._special_days, now_s)
        self._window_next_s = None if following is None else following[0]

    def _collect(self, due_s: int) -> None:
        """What falls due at a full hour."""
        ledger = self.ledger
        connected = self._supply_state() == 1
        if not due_s % DAY_S:
            ledger.collect(STANDING_CHARGE, self._due(0), connected)
        for number in (1, 2):
            if ledger.time_debt[number - 1] > 0 and not due_s % self._periods[number - 1]:
                ledger.collect_time_debt(number, self._due(number), connected)
        if ledger.facts or ledger.out != self._was_out:
            self._follow()

    def _due(self, place: int) -> int:
        """The whole millipence of a rate that fall due once more."""
        numerator, denominator = self._rates[place]
        if denominator == 1:
            return numerator
        total = numerator + self._rests[place]
        amount = total // denominator
        self._rests[place] = total - amount * denominator
        return amount

    # ---- credit and supply

    def _follow(self) -> None:
        """Collects what the ledger has to tell, and decides about the supply."""
        ledger = self.ledger
        blocked = self._blocked
        for code in ledger.facts:
            self._untold.append((code, b""))
        ledger.facts = []
        if self._now_s is None:
            # Whether a non-disablement period is running is not known yet; what was decided stands.
            return
        if not ledger.out:
            blocked = False
        elif not self._window:
            blocked = True
        elif not self._was_out:
            self._untold.append((DISABLEMENT_SUSPENDED, b""))
        self._was_out = ledger.out
        if blocked != self._blocked:
            self._blocked = blocked
            self._restored_by_emergency = False
            self._verdict_is_new = True

    def tell(self) -> None:
        """Notifies of what happened since it was done last, and then says when the verdict is another."""
        while self._untold:
            code, other = self._untold.pop(0)
            self._notify(code, other)
        if self._verdict_is_new:
            self._verdict_is_new = False
            if self.verdict_changed is not None:
                self.verdict_changed()

    def _activate(self) -> bool:
        blocked = self._blocked
        active = self.ledger.activate()
        self._follow()
        if blocked and not self._blocked:
            self._restored_by_emergency = True
        return active

    def activate_emergency_credit(self, now_s: int) -> bool:
        """The customer's hand: whether emergency credit is active now."""
        active = self._activate()
        self._write_state(self._values())
        self._untold.append((ACTIONED_HERE if active else NOT_ACTIONED_HERE, _ACTIVATE_CODE))
        self.tell()
        self._keep()
        return active

    # ---- tokens

    def limits(self) -> "tuple[int, int]":
        """The highest worth of one top-up, and how much the meter balance may still grow, in millipence."""
        most = get_int(self._tree.value(_MAXIMUM_CREDIT)[1:])
        return most, get_int(self._tree.value(_MAXIMUM_BALANCE)[1:]) - self.ledger.balance

    def top_up(self, digits: str, header_counter: "int | None", now_s: int) -> TopUp:
        """Judges a token and adds its credit. header_counter: that of the command which brought it, None when it was
        typed at the meter; then wrong ones are counted.
        """
        if header_counter is not None:
            most, room = self.limits()
            return self.settle(self.validator.judge(digits, header_counter, most, room), now_s)
        if self.lockout.begin(now_s):
            self._keep()
            most, room = self.limits()
            verdict = self.settle(self.validator.judge(digits, None, most, room), now_s)
            if self.lockout.end(verdict.reason in OF_TRUE_TOKENS, verdict.reason == ACCEPTED):
                self._untold.append((SUSPENDED, b""))
        else:
            verdict = self.settle(TopUp(LOCKED), now_s)
        if verdict.reason == ACCEPTED:
            self._untold.append((CREDIT_ADDED_LOCALLY, b""))
        self._untold.append((NOT_ACTIONED_HERE if verdict.reason else ACTIONED_HERE, _TOP_UP_CODE))
        self.tell()
        self._keep()
        return verdict

    def _keep(self) -> None:
        if self.keep is not None:
            self.keep()

    def settle(self, verdict: TopUp, now_s: int) -> TopUp:
        """Adds the credit of an accepted token, or notes why one was refused; what is to be told is told later."""
        if verdict.reason != ACCEPTED:
            code = alert_code(verdict.reason)
            if code:
                self._untold.append((code, b""))
            return verdict
        self.validator.accept(verdict)
        paid = self.ledger.top_up(verdict.millipence, now_s)
        stamp = now_s.to_bytes(4, "big")
        self._tree.append(TOP_UPS, stamp + verdict.millipence.to_bytes(4, "big"))
        if paid:
            self._tree.append(DEBT_PAYMENTS, stamp + paid.to_bytes(4, "big"))
        self._follow()
        # In the same transaction as the counter: taken back together, if at all.
        self._write_state(self._values())
        return verdict

    def debt_to_clear(self) -> int:
        """The smallest top-up, in millipence, that brings the supply back and repays what is held back or lent."""
        return self.ledger.debt_to_clear(self._now_s or 0)
