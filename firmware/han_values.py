"""What the meter tells on its home area network: the clusters' questions, answered from the object tree and the organs.

The same values as a GBCS read gives, in the units that `slotmeter.zigbee_han.clusters.values` names. A display's top-up
goes the way of one that is typed at the meter.
"""

from slotmeter.dlms.axdr import decode_whole
from slotmeter.dlms.cosem.hooks import RELIABLE
from slotmeter.dlms.dates import DAY_S, date_from_days, days_from_date, to_seconds, weekday
from slotmeter.firmware.billing import DAILY_CONSUMPTION
from slotmeter.firmware.readouts import letters
from slotmeter.firmware.tariff import BLOCK_ROWS, BLOCKS, FIRST_BLOCK_SCRIPT, TOU_REGISTERS
from slotmeter.prepayment import topup
from slotmeter.zigbee_han import zcl
from slotmeter.zigbee_han.clusters import values as told
from slotmeter.zigbee_han.server import INVALID

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from slotmeter.firmware.meter import Meter

# Class, OBIS code and attribute of what is told.
_IMPORT = b"\x00\x01\x00\x00\x5e\x2c\x22\x0a\x02"
_EXPORT = b"\x00\x03\x01\x00\x02\x08\x00\xff\x02"
_TOU = b"\x00\x01\x00\x00\x5e\x2c\x22\x01\x02"
_BLOCKS = b"\x00\x01\x00\x00\x5e\x2c\x22\x02\x02"
_POWER = b"\x00\x01\x00\x00\x5e\x2c\x22\x14\x02"
_PRICE = b"\x00\x03\x00\x00\x5e\x2c\x01\x07\x02"
_STANDING = b"\x00\x71\x00\x00\x13\x14\x04\xff\x05"
_BALANCE = b"\x00\x70\x00\x00\x13\x0a\x00\xff\x02"
_EMERGENCY = b"\x00\x70\x00\x00\x13\x0a\x01\xff\x02"
_EMERGENCY_LIMIT = b"\x00\x70\x00\x00\x13\x0a\x01\xff\x09"
_EMERGENCY_FROM = b"\x00\x70\x00\x00\x13\x0a\x01\xff\x0a"
_ACCUMULATED = b"\x00\x70\x00\x00\x13\x0a\x02\xff\x02"
_LOW_CREDIT = b"\x00\x6f\x00\x00\x13\x00\x00\xff\x10"
_DISABLEMENT = b"\x00\x15\x00\x00\x10\x00\x01\xff\x02"
# The charge object of a debt, before and after its number; and what is left, its rate, the period of that.
_DEBT = b"\x00\x71\x00\x00\x13\x14"
_LEFT = b"\xff\x0c"
_RATE = b"\xff\x05"
_PERIOD = b"\xff\x08"
_DEBT_SHARE = b"\x00\x71\x00\x00\x13\x14\x03\xff\x0d"
_MAKER = b"\x00\x01\x00\x00\x60\x01\x06\xff\x02"
_MODEL = b"\x00\x01\x00\x00\x60\x01\x04\xff\x02"
_MPAN = b"\x00\x01\x00\x00\x5e\x2c\x22\x0b\x02"
_CUSTOMER = b"\x00\x01\x00\x03\x60\x0d\x01\xff\x02"
_MESSAGE = b"\x00\x01\x00\x02\x60\x0d\x01\xff\x02"
_SUPPLIER = b"\x23\x28\x00\x00\x60\x0d\x01\xff\x02"
_TELEPHONE = b"\x23\x28\x00\x00\x60\x0d\x00\xff\x02"
_LIMIT = b"\x00\x47\x00\x00\x11\x00\x00\xff\x04"
_RESTORATION = b"\x00\x47\x00\x00\x11\x00\x00\xff\x07"
_LIMIT_COUNT = b"\x00\x03\x00\x00\x5e\x2c\x2a\xff\x02"
_TOP_UPS = b"\x00\x00\x62\x01\x05\xff"
_EVENT_LOG = b"\x00\x00\x63\x62\x00\xff"
_SECURITY_LOG = b"\x00\x00\x63\x62\x01\xff"
_LARGEST = b"\x00\x04\x01\x00\x01\x06\x00\xff\x02"
_LARGEST_AT = b"\x00\x04\x01\x00\x01\x06\x00\xff\x05"

# How far back a display can see: days, weeks and months before the one that runs.
_DAYS = 8
_WEEKS = 5
_MONTHS = 13
# Logs of the Events cluster: general and security.
_GENERAL = 5
_SECURITY = 6
# Ours: a display pages through a log; it is not sent whole.
_ENTRIES = 20
# By the state of the load switch: disabled, enabled, armed.
_SUPPLIES = (told.SUPPLY_OFF, told.SUPPLY_ON, told.SUPPLY_ARMED)
_ACCEPTED = (
    told.TOP_UP_ACCEPTED_SUPPLY_DISABLED,
    told.TOP_UP_ACCEPTED_SUPPLY_ENABLED,
    told.TOP_UP_ACCEPTED_SUPPLY_ARMED,
)
_REFUSALS = {
    topup.DUPLICATE: told.TOP_UP_DUPLICATE,
    topup.TOO_LARGE: told.TOP_UP_OVER_VALUE_LIMIT,
    topup.BALANCE: told.TOP_UP_OVER_CREDIT_LIMIT,
    topup.LOCKED: told.TOP_UP_KEYPAD_LOCKED,
}


def _dated(rows: "list[tuple[bytes, Any]]") -> "list[tuple[Any, Any]]":
    """Rows that begin with a date of five octets, with the parts of the date, None for one that is every; dates that
    leave everything open, or that no calendar has, are left out.
    """
    found = []
    for date, value in rows:
        year = date[0] << 8 | date[1]
        parts = [None if part == 0xFF else part for part in date[2:5]]
        parts.insert(0, None if year == 0xFFFF else year)
        if parts != [None] * 4 and (year == 0xFFFF or 1900 <= year < 2155):
            found.append((tuple(parts), value))
    return found


def _tier(script: int) -> int:
    """The tier that a script selects: time-of-use register, or row with blocks."""
    return script if script < FIRST_BLOCK_SCRIPT else script - FIRST_BLOCK_SCRIPT + 1


def _is_block(tier: int, block: int) -> bool:
    """Whether the meter has that block of that row, both counted from 1."""
    return 1 <= tier <= BLOCK_ROWS and 1 <= block <= BLOCKS


def _first_day(months: int) -> int:
    """The day, from 2000 on, with which a month begins; months: those of the year 0 on, from 0."""
    return days_from_date(months // 12, months % 12 + 1, 1)


class MeterValues(told.Values):
    """The answers of one meter. meter: whose; it is another one after a restart."""

    def __init__(self, meter: "Meter") -> None:
        self.meter = meter
        # The price that was told last: it began when it was first seen.
        self._price: told.PriceNow | None = None
        # The tables of the tariff as they were seen last, and since when they are so.
        self._tables: "tuple[Any, ...]" = ()
        self._since_s = 0

    def _get(self, key: bytes, *path: int) -> "Any":
        """A value of the object tree, or a part of one by its places; None when there is none."""
        octets = self.meter.peek(key)
        if octets is None:
            return None
        tagged = decode_whole(octets)
        for place in path:
            if place >= len(tagged[1]):
                return None
            tagged = tagged[1][place]
        return tagged[1]

    def _text(self, key: bytes, most: int) -> "Any":
        octets = self._get(key)
        return letters(octets)[:most] if octets else None

    # ---- identity

    def manufacturer(self) -> "Any":
        """See Values."""
        return self._text(_MAKER, 32)

    def model(self) -> "Any":
        """See Values."""
        octets = self._get(_MODEL)
        return bytes(octets).hex().upper() if octets else None

    def meter_id(self) -> "Any":
        """See Values."""
        return self.meter.eui64

    def site_id(self) -> "Any":
        """See Values."""
        octets = self._get(_MPAN)
        return bytes(octets)[:32] if octets else None

    def customer_id(self) -> "Any":
        """See Values."""
        octets = self._get(_CUSTOMER)
        return bytes(octets)[:24] if octets else None

    # ---- time

    def utc_s(self) -> "Any":
        """See Values."""
        return self.meter.now_s if self.synchronised() else INVALID

    def synchronised(self) -> bool:
        """See Values."""
        return self.meter.clock_status == RELIABLE

    # ---- metering

    def import_wh(self) -> "Any":
        """See Values: of both elements."""
        second = self._get(_IMPORT, 4)
        return self._get(_IMPORT, 0) + (second or 0)

    def export_wh(self) -> "Any":
        """See Values."""
        return self._get(_EXPORT)

    def tier_wh(self, tier: int) -> "Any":
        """See Values."""
        return self._get(_TOU, 0, tier - 1) if 1 <= tier <= TOU_REGISTERS else None

    def block_wh(self, tier: int, block: int) -> "Any":
        """See Values: 8 registers of each of four blocks, and their counters between them."""
        if not _is_block(tier, block):
            return None
        return self._get(_BLOCKS, 0, 16 * (block - 1) + tier - 1)

    def demand_w(self) -> "Any":
        """See Values."""
        second = self._get(_POWER, 3)
        return self._get(_POWER, 0) + (second or 0)

    def day_wh(self, day: int) -> "Any":
        """See Values."""
        if not 0 <= day <= _DAYS:
            return None
        today = self.meter.now_s // DAY_S
        return self._used_wh(today - day, today - day + 1)

    def week_wh(self, week: int) -> "Any":
        """See Values: a week begins on Monday."""
        if not 0 <= week <= _WEEKS:
            return None
        today = self.meter.now_s // DAY_S
        monday = today - weekday(today) + 1 - 7 * week
        return self._used_wh(monday, monday + 7)

    def month_wh(self, month: int) -> "Any":
        """See Values."""
        if not 0 <= month <= _MONTHS:
            return None
        year, number, _ = date_from_days(self.meter.now_s // DAY_S)
        months = 12 * year + number - 1 - month
        return self._used_wh(_first_day(months), _first_day(months + 1))

    def _used_wh(self, first: int, end: int) -> "Any":
        """Wh imported from day `first` on and before day `end`, by the daily log and today's count. Of a day that began
        before a change of tenancy nothing is told. INVALID when none of the days is known.
        """
        today = self.meter.now_s // DAY_S
        first = max(first, -(-self._hidden_before() // DAY_S))
        used = []
        if first <= today < end:
            used.append(self.meter.organs.metering.today_wh())
        for row in reversed(self.meter.tree.rows(DAILY_CONSUMPTION)):
            # Its stamp is the midnight that ends the day.
            day = int.from_bytes(row[:4], "big") // DAY_S - 1
            if day < first:
                break
            if day < end:
                used.append(int.from_bytes(row[4:8], "big"))
        return sum(used) if used else INVALID

    def largest_demand(self) -> "Any":
        """See Values."""
        power, at_s = self._get(_LARGEST), to_seconds(self._get(_LARGEST_AT))
        return (power, at_s) if power and at_s is not None else INVALID

    def supply(self) -> "Any":
        """See Values."""
        return _SUPPLIES[self.meter.organs.supply.state()]

    def load_limit(self) -> "Any":
        """See Values."""
        return self._get(_LIMIT), self._get(_RESTORATION), self.supply(), self._get(_LIMIT_COUNT)

    def status(self) -> int:
        """See Values."""
        return 0 if self.supply() == told.SUPPLY_ON else 64

    def ambient(self) -> "Any":
        """See Values."""
        return self.meter.organs.services.power_status()

    def local_supply(self, wanted: int) -> int:
        """See Values: only what is armed can be turned on from a display."""
        services = self.meter.organs.services
        if wanted != told.SUPPLY_ON or not services.enable_supply(self.meter.now_s):
            return zcl.NOT_AUTHORIZED
        return zcl.SUCCESS

    # ---- price

    def price_now(self) -> "told.PriceNow | None":
        """See Values."""
        metering = self.meter.organs.metering
        script = metering.active_script(0)
        tier = script if 1 <= script <= TOU_REGISTERS else 0
        price = self._get(_PRICE)
        known = self._price
        if known is None or (known.price, known.tier) != (price, tier):
            event = 1 if known is None else known.event + 1
            known = self._price = told.PriceNow(price, self.meter.now_s, None, tier, TOU_REGISTERS, event=event)
        return known

    def prices(self) -> "list[int]":
        """See Values."""
        return self.meter.organs.metering.tier_prices()

    def block_price(self, tier: int, block: int) -> "Any":
        """See Values: 8 rows of each of four blocks."""
        if not _is_block(tier, block):
            return None
        return self.meter.organs.metering.block_price(block - 1, tier - 1)

    def block_threshold_wh(self, block: int) -> "Any":
        """See Values: of the row that counts now; the other rows have their own."""
        thresholds = self.meter.organs.metering.active_thresholds()
        return thresholds[block - 1] if block <= len(thresholds) else None

    def standing_charge(self) -> "Any":
        """See Values."""
        return self._scaled(_STANDING)

    def tariff(self) -> "Any":
        """See Values: the number is made of the prices and times themselves, since no command gives a tariff one, or a
        name.
        """
        tables = self._tariff_tables()
        digest = self.meter.crypto.sha256(repr(tables).encode())
        return int.from_bytes(digest[:4], "big"), b"", self._since_s

    def calendar(self) -> "told.Tables | None":
        """See Values."""
        number, _, since_s = self.tariff()
        seasons, weeks, days, special_days = self.meter.organs.metering.calendar_tables()
        names = sorted(weeks)
        return told.Tables(
            number,
            b"",
            since_s,
            [(date, names.index(name) + 1) for date, name in _dated(seasons) if name in names],
            [(place + 1, weeks[name]) for place, name in enumerate(names)],
            [(number, [(second // 60, _tier(script)) for second, script in days[number]]) for number in sorted(days)],
            _dated(special_days),
        )

    def _tariff_tables(self) -> "tuple[Any, ...]":
        """Prices and switching times; notes since when they are what they are."""
        seasons, weeks, days, special_days = self.meter.organs.metering.calendar_tables()
        by_name = [(name, weeks[name]) for name in sorted(weeks)]
        tables = (self.prices(), seasons, by_name, [(day, days[day]) for day in sorted(days)], special_days)
        if tables != self._tables:
            self._tables = tables
            self._since_s = self.meter.now_s
        return tables

    def _scaled(self, key: bytes) -> "Any":
        """A charge: the price of the first element, in thousandths of a penny, which is a scale of -5 of pounds."""
        scale = self._get(key, 0, 1)
        price = self._get(key, 2, 0, 1)
        if scale is None or price is None:
            return None
        return price * 10 ** (scale + 5) if scale >= -5 else price // 10 ** (-5 - scale)

    # ---- messages

    def notice(self) -> "told.Notice | None":
        """See Values."""
        text = self._text(_MESSAGE, 116)
        if not text:
            return None
        # The number changes with the words: the same text again is another message only to the meter's own face.
        number = int.from_bytes(self.meter.crypto.sha256(text.encode())[:4], "big")
        return told.Notice(number, text, confirm=self.meter.organs.face.message_is_new())

    def notice_confirmed(self, number: int, at_s: int, answer: bytes) -> bool:
        """See Values: it is acknowledged as by a key of the meter."""
        notice = self.notice()
        if notice is None or notice.number != number:
            return False
        self.meter.organs.face.message_confirmed(self.meter.now_s)
        self.meter.settle()
        return True

    # ---- prepayment

    def payment_control(self) -> "Any":
        """See Values."""
        control = told.CONTACTOR_FITTED | told.ACCOUNT_IN_CURRENCY | told.CREDIT_DISPLAY_ENABLED
        if self.meter.organs.services.is_prepayment():
            control |= told.PREPAYMENT_ENABLED | told.DISCONNECTION_ENABLED
        else:
            control |= told.CREDIT_MANAGEMENT_ENABLED
        return control | told.STANDING_CHARGE_COLLECTED | told.DEBT_COLLECTED

    def credit_status(self) -> "Any":
        """See Values."""
        ledger = self.meter.organs.account.ledger
        status = told.CREDIT_LOW if ledger.low else told.CREDIT_OK
        if ledger.limit:
            status |= told.EMERGENCY_ENABLED
        if ledger.offered:
            status |= told.EMERGENCY_AVAILABLE
        if ledger.selected:
            status |= told.EMERGENCY_SELECTED
            if ledger.in_use():
                status |= told.EMERGENCY_IN_USE
        if ledger.out:
            status |= told.CREDIT_EXHAUSTED
        return status

    def credit_mp(self) -> "Any":
        """See Values."""
        return self._get(_BALANCE)

    def emergency_mp(self) -> "Any":
        """See Values."""
        return self._get(_EMERGENCY)

    def debt_mp(self, which: int) -> "Any":
        """See Values."""
        return self._get(_ACCUMULATED) if not which else self._get(_DEBT + bytes((which,)) + _LEFT)

    def debt_rate(self, which: int) -> "Any":
        """See Values."""
        debt = _DEBT + bytes((which,))
        return self._scaled(debt + _RATE), 1 if self._get(debt + _PERIOD) == DAY_S else 0

    def debt_share(self) -> "Any":
        """See Values."""
        return self._get(_DEBT_SHARE)

    def emergency_limit_mp(self) -> "Any":
        """See Values."""
        return self._get(_EMERGENCY_LIMIT)

    def emergency_threshold_mp(self) -> "Any":
        """See Values."""
        return self._get(_EMERGENCY_FROM)

    def low_credit_mp(self) -> "Any":
        """See Values."""
        return self._get(_LOW_CREDIT)

    def credit_limit_mp(self) -> "Any":
        """See Values."""
        most, balance = self.meter.organs.account.limits()
        return balance, most

    def disable_below_mp(self) -> "Any":
        """See Values."""
        return self._get(_DISABLEMENT, 0)

    def top_up_log(self) -> "list[tuple[bytes, int, int]]":
        """See Values: time and amount; the codes themselves are kept nowhere."""
        rows = self._shown(self.meter.tree.rows(_TOP_UPS))
        return [(b"", int.from_bytes(row[4:8], "big"), int.from_bytes(row[:4], "big")) for row in reversed(rows)]

    def top_up(self, code: bytes, source: int) -> "tuple[int, int]":
        """See Values."""
        digits = letters(code)
        verdict = self.meter.organs.account.top_up(digits, None, self.meter.now_s)
        if verdict.reason == topup.ACCEPTED:
            return _ACCEPTED[self.meter.organs.supply.state()], verdict.millipence
        return _REFUSALS.get(verdict.reason, told.TOP_UP_INVALID), 0

    def take_emergency_credit(self, source: int) -> bool:
        """See Values."""
        return self.meter.organs.services.activate_emergency_credit(self.meter.now_s)

    def _hidden_before(self) -> int:
        """A change of tenancy hides from displays what it hides from the meter's own: what is older than this."""
        return self.meter.organs.face.hidden_before()

    def _shown(self, rows: "list[bytes]") -> "list[bytes]":
        """Of entries of a log those that may be seen."""
        since_s = self._hidden_before()
        return [row for row in rows if int.from_bytes(row[:4], "big") >= since_s]

    # ---- supplier and events

    def tenancy(self) -> "Any":
        """See Values: the change of tenancy that took effect last; what it asked for is not kept."""
        since_s = self._hidden_before()
        return (since_s, 0) if since_s else None

    def supplier(self) -> "Any":
        """See Values."""
        name, telephone = self._get(_SUPPLIER), self._get(_TELEPHONE)
        return 0, bytes(name or b"")[:16], bytes(telephone or b"")[:19]

    def events(self, log: int) -> "list[told.Event]":
        """See Values: general (5) and security (6), the newest entries of them."""
        # What is of one second stays in order: the later entry is the newer one.
        found: list[tuple[int, int, told.Event]] = []
        for number, obis in ((_GENERAL, _EVENT_LOG), (_SECURITY, _SECURITY_LOG)):
            if log in (0, number):
                for row in self._shown(self.meter.tree.rows(obis))[-_ENTRIES:]:
                    at_s = int.from_bytes(row[:4], "big")
                    event = told.Event(number, row[4] << 8 | row[5], at_s, row[7:])
                    found.append((at_s, len(found), event))
        return [entry[2] for entry in sorted(found, reverse=True)]
