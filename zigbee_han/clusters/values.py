"""What the clusters ask the meter. The firmware answers; here is what each answer means.

Energy is in watt-hours and power in watts, money in thousandths of a penny (GBCS section 5; a price is that much for
one kilowatt-hour, which is 10^-5 pounds), times in seconds since 2000-01-01 UTC. All are whole numbers.

None says that this meter has no such thing: the attribute is unsupported, the command finds nothing. INVALID, of
server.py, says that it has it and does not know it now, like the time before the clock was set.
"""

from slotmeter.zigbee_han import zcl

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# Supply (Metering, Supply Status).
SUPPLY_OFF = 0
SUPPLY_ARMED = 1
SUPPLY_ON = 2

# Result of a top-up (Prepayment, Consumer Top Up Response).
TOP_UP_ACCEPTED = 0x00
TOP_UP_INVALID = 0x01
TOP_UP_DUPLICATE = 0x02
TOP_UP_ERROR = 0x03
TOP_UP_OVER_CREDIT_LIMIT = 0x04
TOP_UP_KEYPAD_LOCKED = 0x05
TOP_UP_OVER_VALUE_LIMIT = 0x06
TOP_UP_ACCEPTED_SUPPLY_ENABLED = 0x10
TOP_UP_ACCEPTED_SUPPLY_DISABLED = 0x11
TOP_UP_ACCEPTED_SUPPLY_ARMED = 0x12

# Credit status (Prepayment), an OR.
CREDIT_OK = 0x01
CREDIT_LOW = 0x02
EMERGENCY_ENABLED = 0x04
EMERGENCY_AVAILABLE = 0x08
EMERGENCY_SELECTED = 0x10
EMERGENCY_IN_USE = 0x20
CREDIT_EXHAUSTED = 0x40

# Payment control configuration (Prepayment), an OR.
DISCONNECTION_ENABLED = 0x0001
PREPAYMENT_ENABLED = 0x0002
CREDIT_MANAGEMENT_ENABLED = 0x0004
CREDIT_DISPLAY_ENABLED = 0x0010
ACCOUNT_IN_CURRENCY = 0x0040
CONTACTOR_FITTED = 0x0080
STANDING_CHARGE_COLLECTED = 0x0100
EMERGENCY_STANDING_CHARGE_COLLECTED = 0x0200
DEBT_COLLECTED = 0x0400
EMERGENCY_DEBT_COLLECTED = 0x0800


class PriceNow:
    """The price in force: tier 1 to 48, 0 when there are none; tiers, how many; register, the tier register that counts
    now; price; start_s; end_s, when it ends, None when nobody knows; label, at most 12 octets; event, a number that is
    larger for a later change (issuer event id).
    """

    def __init__(
        self,
        price: int,
        start_s: int,
        end_s: "int | None" = None,
        tier: int = 0,
        tiers: int = 0,
        label: bytes = b"",
        event: int = 0,
    ) -> None:
        self.price = price
        self.start_s = start_s
        self.end_s = end_s
        self.tier = tier
        self.tiers = tiers
        self.label = label
        self.event = event

    def same(self, other: "PriceNow | None") -> bool:
        """Whether `other` says the same, so that there is nothing to publish."""
        return other is not None and (self.price, self.start_s, self.end_s, self.tier, self.event) == (
            other.price,
            other.start_s,
            other.end_s,
            other.tier,
            other.event,
        )

    def __repr__(self) -> str:
        return "PriceNow(%d in tier %d of %d)" % (self.price, self.tier, self.tiers)


class Tables:
    """The tariff's switching table: number and name (at most 12 octets) of the calendar; since_s, when it took effect;
    seasons, (date, week) by their beginnings; weeks, (number, the days of Monday to Sunday); days, (number, [(minute
    of the day, tier)]); special_days, (date, day), the first that means a date counts. A date is (year, month, day, day
    of the week from 1), with None for what it leaves open.
    """

    def __init__(
        self,
        number: int,
        name: bytes,
        since_s: int,
        seasons: "list[tuple[Any, int]]",
        weeks: "list[tuple[int, list[int]]]",
        days: "list[tuple[int, list[tuple[int, int]]]]",
        special_days: "list[tuple[Any, int]]",
    ) -> None:
        self.number = number
        self.name = name
        self.since_s = since_s
        self.seasons = seasons
        self.weeks = weeks
        self.days = days
        self.special_days = special_days

    def __repr__(self) -> str:
        return "Tables(%d seasons, %d weeks, %d days)" % (len(self.seasons), len(self.weeks), len(self.days))


class Notice:
    """A message to the consumer: number (message id); text; start_s, 0 for now; minutes, 65535 until it is changed;
    importance 0 low to 3 critical; confirm, whether the consumer is to confirm it.
    """

    def __init__(
        self,
        number: int,
        text: str,
        start_s: int = 0,
        minutes: int = 0xFFFF,
        importance: int = 1,
        confirm: bool = False,
    ) -> None:
        self.number = number
        self.text = text
        self.start_s = start_s
        self.minutes = minutes
        self.importance = importance
        self.confirm = confirm

    def __repr__(self) -> str:
        return "Notice(%d, %d characters)" % (self.number, len(self.text))


class Event:
    """An entry of an event log: log 1 to 7 (Events, log id), number (event id), at_s, data of at most 254 octets."""

    def __init__(self, log: int, number: int, at_s: int, data: bytes = b"") -> None:
        self.log = log
        self.number = number
        self.at_s = at_s
        self.data = data

    def __repr__(self) -> str:
        return "Event(log %d, 0x%04X)" % (self.log, self.number)


class Values:
    """A meter's facts. Each method is asked whenever somebody reads, so it must be quick; what a subclass leaves out,
    the meter has not.
    """

    # ---- identity ----

    def manufacturer(self) -> "Any":
        """Maker's name, text of at most 32 octets."""
        return None

    def model(self) -> "Any":
        """Model, text of at most 32 octets."""
        return None

    def hardware(self) -> "Any":
        """Version of the hardware, 0 to 254."""
        return None

    def serial(self) -> "Any":
        """Serial number as printed on the case, at most 24 octets."""
        return None

    def meter_id(self) -> "Any":
        """What the meter calls itself in messages, octets; in GB the EUI-64."""
        return None

    def site_id(self) -> "Any":
        """The import MPAN, at most 32 octets; a gas meter's MPRN."""
        return None

    def customer_id(self) -> "Any":
        """Customer identification number, at most 24 octets."""
        return None

    # ---- time ----

    def utc_s(self) -> "Any":
        """The time; INVALID while the clock was never set."""
        return None

    def synchronised(self) -> bool:
        """Whether the time is one that others may set their clocks by."""
        return False

    def standard_offset_s(self) -> "Any":
        """What standard time is ahead of UTC, in seconds; 0 in GB."""
        return 0

    def summer(self) -> "Any":
        """(start_s, end_s, shift) of this year's summer time, the shift in seconds; None when it is not observed."""
        return None

    # ---- metering ----

    def import_wh(self) -> "Any":
        """Active energy imported since ever."""
        return None

    def export_wh(self) -> "Any":
        """Active energy exported since ever."""
        return None

    def tier_wh(self, tier: int) -> "Any":
        """Of the imported energy what time-of-use register `tier`, from 1, counted."""
        return None

    def block_wh(self, tier: int, block: int) -> "Any":
        """What the counter of `tier`, from 0 (no tier) or 1, and `block`, from 1, counted."""
        return None

    def demand_w(self) -> "Any":
        """Active power now; negative when the premises export."""
        return None

    def day_wh(self, day: int) -> "Any":
        """Energy imported today (0), yesterday (1), and so on to 8 days ago."""
        return None

    def week_wh(self, week: int) -> "Any":
        """Energy imported this week (0), last week (1), and so on to 5 weeks ago."""
        return None

    def month_wh(self, month: int) -> "Any":
        """Energy imported this month (0), last month (1), and so on to 13 months ago."""
        return None

    def largest_demand(self) -> "Any":
        """(W, when in seconds) of the largest half-hour of import."""
        return None

    def supply(self) -> "Any":
        """SUPPLY_OFF, SUPPLY_ARMED or SUPPLY_ON."""
        return None

    def load_limit(self) -> "Any":
        """(threshold W, restoration period s, state SUPPLY_*, times it was exceeded) of load limiting."""
        return None

    def status(self) -> int:
        """Bits of Metering Status for electricity: 1 check meter, 4 tamper, 8 power failure, 16 power quality, 64 the
        supply is disconnected.
        """
        return 0

    def ambient(self) -> "Any":
        """Energy use as a display shows it by colour: 0 low, 1 medium, 2 high."""
        return None

    def bill_mp(self) -> "Any":
        """(cost so far in this billing period, when it was counted)."""
        return None

    def local_supply(self, wanted: int) -> int:
        """A display's button asks for SUPPLY_ARMED or SUPPLY_ON; the ZCL status of it."""
        return zcl.NOT_AUTHORIZED

    # ---- price ----

    def price_now(self) -> "PriceNow | None":
        """The price in force."""
        return None

    def prices(self) -> "list[int]":
        """The price of each tier from tier 1 on; empty without tiers."""
        return []

    def block_price(self, tier: int, block: int) -> "Any":
        """The price of `tier`, from 0 (no tier) or 1, and `block`, from 1."""
        return None

    def block_threshold_wh(self, block: int) -> "Any":
        """Where `block`, from 1, ends."""
        return None

    def standing_charge(self) -> "Any":
        """The standing charge for a day."""
        return None

    def tariff(self) -> "Any":
        """(number of the tariff, label of at most 24 octets, since when in seconds)."""
        return None

    def calendar(self) -> "Tables | None":
        """The switching table of the tariff."""
        return None

    def billing_period(self) -> "Any":
        """(when this billing period began, its length in minutes)."""
        return None

    # ---- messages ----

    def notice(self) -> "Notice | None":
        """The message that is to be shown now."""
        return None

    def notice_confirmed(self, number: int, at_s: int, answer: bytes) -> bool:
        """The consumer confirmed message `number`, with an answer where the display allows one; whether there is it."""
        return False

    # ---- prepayment ----

    def payment_control(self) -> "Any":
        """An OR of DISCONNECTION_ENABLED and its like."""
        return None

    def credit_status(self) -> "Any":
        """An OR of CREDIT_OK and its like."""
        return None

    def credit_mp(self) -> "Any":
        """The meter balance, negative when it owes."""
        return None

    def emergency_mp(self) -> "Any":
        """Emergency credit that is left."""
        return None

    def debt_mp(self, which: int) -> "Any":
        """Debt left: time debt 1 and 2, payment debt 3; 0 for what accumulated while there was no credit."""
        return None

    def debt_rate(self, which: int) -> "Any":
        """(amount, 0 hourly or 1 daily) of time debt 1 or 2."""
        return None

    def debt_share(self) -> "Any":
        """Hundredths of a percent of a top-up that go to the payment debt."""
        return None

    def emergency_limit_mp(self) -> "Any":
        """Emergency credit that there is at most."""
        return None

    def emergency_threshold_mp(self) -> "Any":
        """The balance below which emergency credit can be taken."""
        return None

    def low_credit_mp(self) -> "Any":
        """The balance below which the meter warns."""
        return None

    def credit_limit_mp(self) -> "Any":
        """(the largest balance, the largest top-up)."""
        return None

    def disable_below_mp(self) -> "Any":
        """The balance at which the supply is disabled."""
        return None

    def top_up_log(self) -> "list[tuple[bytes, int, int]]":
        """The last top-ups, (code, amount, time), the latest first."""
        return []

    def top_up(self, code: bytes, source: int) -> "tuple[int, int]":
        """A top-up code of 20 digits from a display: (TOP_UP_*, the amount). It may take as long as checking a code."""
        return TOP_UP_ERROR, 0

    def take_emergency_credit(self, source: int) -> bool:
        """The consumer takes emergency credit at a display; whether it is active now."""
        return False

    # ---- supplier and events ----

    def supplier(self) -> "Any":
        """(number, name of at most 16 octets, contact of at most 19 octets)."""
        return None

    def tenancy(self) -> "Any":
        """(when the last change of tenancy took effect, control bits)."""
        return None

    def events(self, log: int) -> "list[Event]":
        """The entries of log 1 to 7, or of all with 0, the latest first."""
        return []
