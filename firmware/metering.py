"""Metering: what flows becomes registers, half-hours, days and billing periods, and costs money.

Energy is counted in W*ms; 3,600,000 of them are a Wh, and the whole Wh that completes is registered at once in the
total, in the register that the tariff has selected, in its half-hour and its day, and is charged at the price of that
register. So the time-of-use and block registers of an element add up to its total, half-hours add up to what the
registers advanced, and nothing depends on how a stretch of time was cut into pieces. Cost is exact: what is less than a
millipence stays with the next Wh.

Registers roll over at `Settings.register_modulus` Wh.

Time that nobody measured, of an outage or of a clock that was put forward, leaves gaps. A half-hour, day or billing
period that was running and ended meanwhile is closed afterwards, once, with its own end as stamp; those that lie
wholly within leave no entry. The tariff is that of the calendar at the new time.

When the clock is put back, the half-hour and the day that were running are given up, unless the new time lies in them
too, and start again. What is stamped not later than the newest entry is not logged again, nor does it count as demand,
nor does a billing period end again: the registers alone tell of it. A clock put back by more than
`Settings.log_again_after_s` was so wrong before that logging starts anew, behind what the logs hold.
"""

from slotmeter.dlms.dates import DAY_S
from slotmeter.firmware import billing
from slotmeter.firmware.billing import BILLING_PERIOD, Execution, add_row
from slotmeter.firmware.demand import HALF_HOUR_MS, MaximumDemand
from slotmeter.firmware.stored_numbers import U32, StoredNumbers, joined, register
from slotmeter.firmware.tariff import (
    BLOCKS,
    FIRST_BLOCK_SCRIPT,
    FIRST_SECONDARY_SCRIPT,
    SECONDARY_REGISTERS,
    TOU_REGISTERS,
    Calendar,
    Prices,
    Thresholds,
    primary_script,
    secondary_script,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from slotmeter.dlms.cosem.tree import Tree
    from slotmeter.firmware.settings import Settings
    from slotmeter.hal.metrology import Flow
    from slotmeter.hal.records import Records

TWIN = 2
WH_WMS = 3600000
# Prices are for a kWh.
_WH_PER_KWH = 1000
DAY_MS = DAY_S * 1000

PROFILE_IMPORT = b"\x00\x00\x63\x01\x00\xff"
PROFILE_EXPORT = b"\x00\x00\x63\x01\x01\xff"
PROFILE_REACTIVE = b"\x00\x00\x63\x01\x02\xff"

_COLLECTION = b"\x00\x01\x00\x00\x5e\x2c\x22"
_IMPORT = _COLLECTION + b"\x0a\x02"
_TOU = _COLLECTION + b"\x01\x02"
_BLOCK = _COLLECTION + b"\x02\x02"
_POWER = _COLLECTION + b"\x14\x02"
_EXPORT = b"\x00\x03\x01\x00\x02\x08\x00\xff\x02"
_REACTIVE_EXPORT = b"\x00\x03\x01\x00\x04\x08\x00\xff\x02"
_PRICE = b"\x00\x03\x00\x00\x5e\x2c\x01\x07\x02"
_SECONDARY_PRICE = b"\x00\x03\x00\x00\x5e\x2c\x01\x08\x02"
_OFFSET = b"\x00\x01\x00\x00\x5e\x2c\x00\x00\x02"
_CALENDAR = b"\x00\x00\x0d\x00\x00\xff"
_SPECIAL_DAYS = b"\x00\x00\x0b\x00\x00\xff"
_SECONDARY_CALENDAR = b"\x00\x00\x0d\x00\x01\xff"
_SECONDARY_SPECIAL_DAYS = b"\x00\x00\x0b\x00\x01\xff"
_PRICES = b"\x00\x00\x13\x14\x00\xff"
_SECONDARY_PRICES = b"\x00\x00\x13\x14\x05\xff"
_BILLING_CALENDAR = b"\x00\x00\x0f\x00\x00\xff"
_DAILY_RESET = b"\x00\x00\x0f\x01\x00\xff"
# The activation of a switching table is the change of a tariff that a snapshot is taken for.
_TARIFF_ACTIVATIONS = (
    b"\x00\x14" + _CALENDAR + b"\x0a",
    b"\x00\x14" + _SECONDARY_CALENDAR + b"\x0a",
)

_NOUGHT = b"\x06\x00\x00\x00\x00"
_WH = b"\x02\x02\x0f\x00\x16\x1e"
_VARH = b"\x02\x02\x0f\x00\x16\x20"
_W = b"\x02\x02\x0f\x00\x16\x1b"

# Places in the collection of import registers.
_PRIMARY = 0
_REACTIVE = 1
_SECONDARY = 2
# In the collection of blocks each has 8 registers, then 8 counters.
_BLOCK_STEP = 16
_COUNTER = 8

_RECORD = "m.state"
# Octets of what the record holds, in the order of `_state`.
_WIDTHS = (8, 8, 8, 8, 8, 8, 8, 1, 4, 4, 4, 4, 4, 2, 2, 8, 8, 8, 8, 8, 12, 12, 8)


class Metering:
    """The organ that measures.

    charge(element, millipence) takes the cost of what has been consumed, element 0 primary and 1 secondary;
    notify(code) is told that the billing data log was updated. refresh_balances: called before the balances of the
    account are read for a log, when the account keeps them elsewhere than in the tree.
    """

    def __init__(
        self,
        tree: "Tree",
        records: "Records",
        notify: "Callable[..., None]",
        settings: "Settings",
        charge: "Callable[[int, int], None]",
    ) -> None:
        self._tree = tree
        self._records = records
        self._notify = notify
        self._charge = charge
        self._modulus = settings.register_modulus
        self._randomise = settings.randomise_tariff
        self._log_again_ms = settings.log_again_after_s * 1000
        self._twin = twin = tree.variant == TWIN
        self.refresh_balances: Callable[[], None] | None = None
        head = b"\x02\x05" if twin else b"\x02\x04"
        tail = _NOUGHT if twin else b""
        offsets = (3, 14, 25) if twin else (3, 14)
        self._import = StoredNumbers(tree, _IMPORT, head + _NOUGHT + _WH + _NOUGHT + _VARH + tail, offsets)
        registers = TOU_REGISTERS
        native = b"\x01\x30" + _NOUGHT * TOU_REGISTERS
        places = [5 + 5 * place for place in range(TOU_REGISTERS)]
        if twin:
            registers += SECONDARY_REGISTERS
            native += b"\x01\x04" + _NOUGHT * SECONDARY_REGISTERS
            places.extend([247 + 5 * place for place in range(SECONDARY_REGISTERS)])
        self._tou = StoredNumbers(tree, _TOU, (b"\x02\x02" if twin else b"\x02\x01") + native, tuple(places))
        blocks = tuple([5 + 5 * place for place in range(_BLOCK_STEP * BLOCKS)])
        self._block = StoredNumbers(tree, _BLOCK, b"\x02\x01\x01\x40" + _NOUGHT * len(blocks), blocks)
        head = b"\x02\x04" if twin else b"\x02\x03"
        offsets = (3, 14, 19) if twin else (3, 14)
        self._power = StoredNumbers(tree, _POWER, head + _NOUGHT + _W + _NOUGHT + tail, offsets)
        self._export = register(tree, _EXPORT)
        self._reactive_export = register(tree, _REACTIVE_EXPORT)
        self._price = register(tree, _PRICE)
        self._secondary_price = register(tree, _SECONDARY_PRICE) if twin else None
        self._demand = MaximumDemand(tree)
        self._calendar = Calendar(tree, _CALENDAR, _SPECIAL_DAYS, primary_script, 1)
        self._prices = Prices(tree, _PRICES)
        self._thresholds = Thresholds(tree)
        self._secondary_calendar = None
        self._secondary_prices = None
        if twin:
            self._secondary_calendar = Calendar(
                tree, _SECONDARY_CALENDAR, _SECONDARY_SPECIAL_DAYS, secondary_script, FIRST_SECONDARY_SCRIPT
            )
            self._secondary_prices = Prices(tree, _SECONDARY_PRICES)
        self._billing = Execution(tree, _BILLING_CALENDAR)
        self._daily_reset = Execution(tree, _DAILY_RESET)
        self._offset_s = 0
        self._script = 1
        self._secondary_script = FIRST_SECONDARY_SCRIPT
        # Millipence for a kWh.
        self._price_now = 0
        self._secondary_price_now = 0
        self._flow: Flow | None = None
        self._shown: Flow | None = None
        self._deadline_ms: int | None = None
        self._place_state([0] * len(_WIDTHS))
        self._dirty = False
        # Whether the clock has been seen since this meter was made.
        self._started = False
        self.load()

    # ---- what the record holds

    def _place_state(self, state: "list[int]") -> None:
        (
            # Milliseconds: until when is measured, when the half-hour and the day end.
            self._now_ms,
            self._half_end_ms,
            self._day_end_ms,
            # Seconds: the newest stamps of half-hours and of days, the last billing time, and until when everything
            # that fell due is done.
            self._half_logged_s,
            self._day_logged_s,
            self._billed_s,
            self._done_s,
            # 1: something was measured in this half-hour; 2: in this day.
            self._measured,
            # W*ms short of a Wh, var*ms short of a varh.
            self._rest_primary,
            self._rest_secondary,
            self._rest_export,
            self._rest_reactive,
            self._rest_reactive_export,
            # Thousandths of a millipence.
            self._rest_cost,
            self._rest_secondary_cost,
            # Wh and varh in this half-hour.
            self._half_primary,
            self._half_secondary,
            self._half_export,
            self._half_reactive,
            self._half_reactive_export,
            # W*ms in this half-hour.
            self._half_import_wms,
            self._half_export_wms,
            # Wh in this day, of both elements.
            self._day_wh,
        ) = state

    def _state(self) -> bytes:
        values = (
            self._now_ms,
            self._half_end_ms,
            self._day_end_ms,
            self._half_logged_s,
            self._day_logged_s,
            self._billed_s,
            self._done_s,
            self._measured,
            self._rest_primary,
            self._rest_secondary,
            self._rest_export,
            self._rest_reactive,
            self._rest_reactive_export,
            self._rest_cost,
            self._rest_secondary_cost,
            self._half_primary,
            self._half_secondary,
            self._half_export,
            self._half_reactive,
            self._half_reactive_export,
            self._half_import_wms,
            self._half_export_wms,
            self._day_wh,
        )
        return b"".join([values[place].to_bytes(_WIDTHS[place], "big") for place in range(len(_WIDTHS))])

    # ---- the five of an organ

    def load(self) -> None:
        """Reads configuration and state again; what was measured since the last flush is forgotten."""
        self._load_state(self._records.get(_RECORD))
        self._flow = self._shown = None
        self._import.load()
        self._tou.load()
        self._block.load()
        self._power.load()
        self._export.load()
        self._reactive_export.load()
        self._demand.load()
        self._price.load()
        if self._secondary_price is not None:
            self._secondary_price.load()
        self._thresholds.load()
        self._prices.load()
        self._calendar.load()
        if self._secondary_calendar is not None and self._secondary_prices is not None:
            self._secondary_prices.load()
            self._secondary_calendar.load()
        self._offset_s = int.from_bytes(self._tree.value(_OFFSET)[1:], "big") if self._randomise else 0
        changed = self._billing.load()
        changed = self._daily_reset.load() or changed
        if self._started:
            # What falls due at this very moment and is not done yet stays due, unless another calendar says when.
            self._plan(self._now_ms // 1000 if changed else self._done_s)

    def _load_state(self, stored: "bytes | None") -> None:
        self._dirty = False
        if stored is None:
            if self._started:
                # The time is known, but nothing has been kept yet.
                self._measured = self._half_logged_s = self._day_logged_s = 0
                self._rest_primary = self._rest_secondary = 0
                self._rest_export = self._rest_reactive = self._rest_reactive_export = 0
                self._rest_cost = self._rest_secondary_cost = 0
                self._begin_half_hour()
                self._begin_day()
            return
        self._started = True
        state = []
        place = 0
        for width in _WIDTHS:
            state.append(int.from_bytes(stored[place : place + width], "big"))
            place += width
        self._place_state(state)

    def flush(self) -> None:
        """Writes what changed into the tree and the records."""
        flow = self._flow
        if flow is not self._shown:
            self._shown = flow
            if flow is not None:
                self._show_power(flow)
        if self._dirty:
            self._dirty = False
            self._records.put(_RECORD, self._state())
            self._import.flush()
            self._tou.flush()
            self._block.flush()
            self._export.flush()
            self._reactive_export.flush()
            self._demand.flush()
            # Not when all that happened is that the bench placed another price to be read.
            self._show_prices()
        self._power.flush()

    def deadline_ms(self) -> "int | None":
        """The end of the half-hour, the next switching of the tariff or the next billing time, whichever is first."""
        return self._deadline_ms

    def tick(self, now_ms: int) -> None:
        """Does what is due by now."""
        if now_ms != self._now_ms or not self._started:
            self.set_clock(now_ms)
        elif self._deadline_ms is not None and now_ms >= self._deadline_ms:
            self._do_what_is_due()

    def set_clock(self, now_ms: int) -> None:
        """It is this time now, and nothing was measured since the last time known: a start, an outage, a new clock."""
        last_ms = self._now_ms
        self._now_ms = now_ms
        if not self._started:
            # Nothing to keep yet: until something is measured or due, the next start is as good a first one.
            self._started = True
            self._begin_half_hour()
            self._begin_day()
            self._billed_s = self._done_s = now_ms // 1000
            self._plan(self._done_s)
        elif now_ms > last_ms:
            self._do_what_is_due()
        elif now_ms < last_ms:
            self._dirty = True
            if last_ms - now_ms > self._log_again_ms:
                self._half_logged_s = self._day_logged_s = self._billed_s = 0
            if now_ms < self._half_end_ms - HALF_HOUR_MS:
                self._begin_half_hour()
            if now_ms < self._day_end_ms - DAY_MS:
                self._begin_day()
            self._done_s = now_ms // 1000
            self._plan(self._done_s)

    def see_flow(self, flow: "Flow", now_ms: int) -> None:
        """Another flow begins. Nothing follows from it before it has flowed, but the time is known now."""
        if now_ms != self._now_ms or not self._started:
            self.set_clock(now_ms)

    def see(self, flow: "Flow", from_ms: int, to_ms: int) -> None:
        """So much flowed from one moment to another, which is not after `deadline_ms`."""
        if from_ms != self._now_ms or not self._started:
            self.set_clock(from_ms)
        span = to_ms - from_ms
        self._now_ms = to_ms
        self._measured = 3
        self._dirty = True
        self._flow = flow
        watts = flow.import_w
        power = watts[0]
        if len(watts) > 1:
            if self._twin:
                if watts[1]:
                    energy = watts[1] * span
                    self._half_import_wms += energy
                    energy += self._rest_secondary
                    if energy >= WH_WMS:
                        count = energy // WH_WMS
                        energy -= count * WH_WMS
                        self._count_secondary(count)
                    self._rest_secondary = energy
            else:
                power = sum(watts)
        if power:
            energy = power * span
            self._half_import_wms += energy
            energy += self._rest_primary
            if energy >= WH_WMS:
                count = energy // WH_WMS
                energy -= count * WH_WMS
                self._count_primary(count)
            self._rest_primary = energy
        if flow.export_w:
            energy = flow.export_w * span
            self._half_export_wms += energy
            energy += self._rest_export
            count = energy // WH_WMS
            self._rest_export = energy - count * WH_WMS
            if count:
                self._half_export += count
                self._export.set(0, (self._export.values[0] + count) % self._modulus)
        if flow.var_import:
            energy = flow.var_import * span + self._rest_reactive
            count = energy // WH_WMS
            self._rest_reactive = energy - count * WH_WMS
            if count:
                self._half_reactive += count
                self._import.set(_REACTIVE, (self._import.values[_REACTIVE] + count) % self._modulus)
        if flow.var_export:
            energy = flow.var_export * span + self._rest_reactive_export
            count = energy // WH_WMS
            self._rest_reactive_export = energy - count * WH_WMS
            if count:
                self._half_reactive_export += count
                self._reactive_export.set(0, (self._reactive_export.values[0] + count) % self._modulus)

    # ---- for other organs and for the meter

    def import_wh(self, element: int) -> int:
        """The active import register: element 0 (the primary, or all phases) or 1."""
        return self._import.values[_SECONDARY if element else _PRIMARY]

    def export_wh(self) -> int:
        """The active export register."""
        return self._export.values[0]

    def active_price(self, element: int) -> int:
        """Millipence for a kWh of the element at this moment."""
        return self._secondary_price_now if element else self._price_now

    def calendar_tables(self) -> "tuple[Any, Any, Any, Any]":
        """The switching tables of the primary element; see tariff.Calendar.tables."""
        return self._calendar.tables()

    def active_script(self, element: int) -> int:
        """The tariff script that has selected the element's register: 1 to 48, 101 to 108, or 201 to 204."""
        return self._secondary_script if element else self._script

    def today_wh(self) -> int:
        """Wh imported on both elements since midnight."""
        return self._day_wh

    def tier_prices(self) -> "list[int]":
        """Millipence for a kWh in time-of-use register 1, 2 and so on of the primary element; see Prices.tiers."""
        return self._prices.tiers()

    def block_price(self, block: int, row: int) -> int:
        """Millipence for a kWh in block 0 to 3 of row 0 to 7 of the primary element."""
        return self._prices.block(block, row)

    def active_thresholds(self) -> "list[int]":
        """Wh at which the blocks of the row end that counts now; empty without a block tariff."""
        row = self._script - FIRST_BLOCK_SCRIPT
        return self._thresholds.rows[row] if row >= 0 else []

    def active_block(self) -> int:
        """1 to 4 while a block tariff runs on the primary element, else 0."""
        row = self._script - FIRST_BLOCK_SCRIPT
        return self._thresholds.block(row, self._consumed(row)) + 1 if row >= 0 else 0

    def snapshot(self, trigger: int, at_s: "int | None" = None) -> None:
        """Adds to the billing data log, for a `trigger` of firmware.billing. Changes at one moment are one entry.

        at_s: the moment, when it is not the one until which was measured last.
        """
        if at_s is None:
            at_s = self._now_ms // 1000
        if at_s > U32:
            return
        if self.refresh_balances is not None:
            self.refresh_balances()
        billing.take_snapshot(self._tree, at_s, self._registers(), trigger)
        if trigger == BILLING_PERIOD:
            self._notify(billing.BILLING_UPDATED)

    def activated(self, key: bytes, at_s: "int | None" = None) -> None:
        """What hung on an activation attribute has become active: a new tariff is a snapshot, and switches at once."""
        if key in _TARIFF_ACTIVATIONS:
            self.snapshot(billing.TARIFF_CHANGED, at_s)
        self.tariff_changed()

    def tariff_changed(self) -> None:
        """Reads calendars, prices and thresholds again, and selects by them."""
        self._thresholds.load()
        self._prices.load()
        self._calendar.load()
        if self._secondary_calendar is not None and self._secondary_prices is not None:
            self._secondary_prices.load()
            self._secondary_calendar.load()
        if self._started:
            self._dirty = True
            self._select()
            self._set_deadline()

    def newest_billing(self) -> "tuple[bytes, ...]":
        """The values that alert 8F0A (ECS68) encrypts, as A-XDR."""
        return billing.newest_billing(self._tree)

    # ---- registers

    def _count_primary(self, count: int) -> None:
        """So many Wh more on the primary element."""
        numbers = self._import
        numbers.values[_PRIMARY] = (numbers.values[_PRIMARY] + count) % self._modulus
        numbers.changed.add(_PRIMARY)
        self._half_primary += count
        self._day_wh += count
        script = self._script
        cost = self._rest_cost
        if script <= TOU_REGISTERS:
            numbers = self._tou
            numbers.values[script - 1] = (numbers.values[script - 1] + count) % self._modulus
            numbers.changed.add(script - 1)
            cost += count * self._price_now
        else:
            cost += self._count_blocks(script - FIRST_BLOCK_SCRIPT, count)
        whole = cost // _WH_PER_KWH
        self._rest_cost = cost - whole * _WH_PER_KWH
        if whole:
            self._charge(0, whole)

    def _count_blocks(self, row: int, count: int) -> int:
        """So many Wh more in a row of blocks; their cost in thousandths of a millipence."""
        values = self._block.values
        changed = self._block.changed
        cost = 0
        while count:
            consumed = self._consumed(row)
            block = self._thresholds.block(row, consumed)
            room = self._thresholds.room(row, consumed, block)
            some = count if room is None or room > count else room
            place = _BLOCK_STEP * block + row
            values[place] = (values[place] + some) % self._modulus
            values[place + _COUNTER] += some
            changed.add(place)
            changed.add(place + _COUNTER)
            cost += some * self._prices.block(block, row)
            count -= some
            if some == room:
                self._set_price()
        return cost

    def _consumed(self, row: int) -> int:
        """Wh in this row of blocks since the counters were reset."""
        values = self._block.values
        row += _COUNTER
        return values[row] + values[row + 16] + values[row + 32] + values[row + 48]

    def _count_secondary(self, count: int) -> None:
        """So many Wh more on the secondary element."""
        numbers = self._import
        numbers.values[_SECONDARY] = (numbers.values[_SECONDARY] + count) % self._modulus
        numbers.changed.add(_SECONDARY)
        self._half_secondary += count
        self._day_wh += count
        numbers = self._tou
        place = TOU_REGISTERS + self._secondary_script - FIRST_SECONDARY_SCRIPT
        numbers.values[place] = (numbers.values[place] + count) % self._modulus
        numbers.changed.add(place)
        cost = self._rest_secondary_cost + count * self._secondary_price_now
        whole = cost // _WH_PER_KWH
        self._rest_secondary_cost = cost - whole * _WH_PER_KWH
        if whole:
            self._charge(1, whole)

    def _reset_block_counters(self) -> None:
        for block in range(BLOCKS):
            for row in range(_COUNTER):
                self._block.set(_BLOCK_STEP * block + _COUNTER + row, 0)
        self._set_price()

    def _show_prices(self) -> None:
        # A negative price is charged, but the register has no sign.
        self._price.set(0, self._price_now if self._price_now > 0 else 0)
        self._price.flush()
        if self._secondary_price is not None:
            self._secondary_price.set(0, self._secondary_price_now if self._secondary_price_now > 0 else 0)
            self._secondary_price.flush()

    def _show_power(self, flow: "Flow") -> None:
        watts = flow.import_w
        total = sum(watts)
        self._power.set(0, total)
        if self._twin:
            self._power.set(1, watts[0])
            self._power.set(2, watts[1] if len(watts) > 1 else 0)
        else:
            self._power.set(1, total)

    # ---- time

    def _plan(self, after_s: int) -> None:
        """Knows what comes later than `after_s`, and what is selected now."""
        self._billing.plan(max(after_s, self._billed_s))
        self._daily_reset.plan(after_s)
        self._select()
        self._set_deadline()

    def _select(self) -> None:
        """Selects the registers of this moment."""
        at_s = self._now_ms // 1000 - self._offset_s
        self._script = self._calendar.script(at_s)
        if self._secondary_calendar is not None:
            self._secondary_script = self._secondary_calendar.script(at_s)
        self._set_price()

    def _set_price(self) -> None:
        """Knows the price of the registers selected."""
        script = self._script
        if script <= TOU_REGISTERS:
            self._price_now = self._prices.tou(script)
        else:
            row = script - FIRST_BLOCK_SCRIPT
            self._price_now = self._prices.block(self._thresholds.block(row, self._consumed(row)), row)
        if self._secondary_prices is not None:
            self._secondary_price_now = self._secondary_prices.tou(self._secondary_script - FIRST_SECONDARY_SCRIPT + 1)

    def _set_deadline(self) -> None:
        deadline_s = self._calendar.until_s
        if self._secondary_calendar is not None and self._secondary_calendar.until_s < deadline_s:
            deadline_s = self._secondary_calendar.until_s
        deadline_s += self._offset_s
        due_s = self._billing.due_s
        if due_s is not None and due_s < deadline_s:
            deadline_s = due_s
        due_s = self._daily_reset.due_s
        if due_s is not None and due_s < deadline_s:
            deadline_s = due_s
        deadline_ms = deadline_s * 1000
        self._deadline_ms = deadline_ms if deadline_ms < self._half_end_ms else self._half_end_ms

    def _begin_half_hour(self) -> None:
        """A half-hour begins, or goes on from now."""
        self._half_end_ms = self._now_ms - self._now_ms % HALF_HOUR_MS + HALF_HOUR_MS
        self._half_primary = self._half_secondary = 0
        self._half_export = self._half_reactive = self._half_reactive_export = 0
        self._half_import_wms = self._half_export_wms = 0
        self._measured &= 2

    def _begin_day(self) -> None:
        self._day_end_ms = self._now_ms - self._now_ms % DAY_MS + DAY_MS
        self._day_wh = 0
        self._measured &= 1

    def _do_what_is_due(self) -> None:
        """Ends what has ended by now, then selects for what follows."""
        now_ms = self._now_ms
        self._dirty = True
        if now_ms >= self._half_end_ms:
            if self._measured & 1:
                self._end_half_hour(self._half_end_ms // 1000)
            self._begin_half_hour()
        if now_ms >= self._day_end_ms:
            if self._measured & 2:
                self._end_day(self._day_end_ms // 1000)
            self._begin_day()
        self._done_s = now_s = now_ms // 1000
        due_s = self._billing.due_s
        if due_s is not None and due_s <= now_s:
            self._billed_s = due_s
            self.snapshot(BILLING_PERIOD, due_s)
            self._reset_block_counters()
            self._billing.plan(now_s)
        due_s = self._daily_reset.due_s
        if due_s is not None and due_s <= now_s:
            self._reset_block_counters()
            self._daily_reset.plan(now_s)
        switch_s = now_s - self._offset_s
        if switch_s >= self._calendar.until_s or (
            self._secondary_calendar is not None and switch_s >= self._secondary_calendar.until_s
        ):
            self._select()
        self._set_deadline()

    def _end_half_hour(self, end_s: int) -> None:
        if not self._half_logged_s < end_s <= U32:
            return
        self._half_logged_s = end_s
        stamp = end_s.to_bytes(4, "big")
        tree = self._tree
        if self._twin:
            add_row(tree, PROFILE_IMPORT, stamp + joined([self._half_primary, self._half_secondary]))
        else:
            add_row(tree, PROFILE_IMPORT, stamp + joined([self._half_primary]))
        add_row(tree, PROFILE_EXPORT, stamp + joined([self._half_export, self._half_reactive_export]))
        add_row(tree, PROFILE_REACTIVE, stamp + joined([self._half_reactive]))
        self._demand.half_hour(end_s, self._half_import_wms, self._half_export_wms)

    def _end_day(self, end_s: int) -> None:
        if not self._day_logged_s < end_s <= U32:
            return
        self._day_logged_s = end_s
        if self.refresh_balances is not None:
            self.refresh_balances()
        billing.take_daily(self._tree, end_s, self._registers(), self._export.values[0], self._day_wh)

    def _registers(self) -> bytes:
        """Import, time-of-use and block registers as the rows of logs hold them."""
        values = [self._import.values[_PRIMARY]]
        if self._twin:
            values.append(self._import.values[_SECONDARY])
        values.extend(self._tou.values)
        for block in range(BLOCKS):
            start = _BLOCK_STEP * block
            values.extend(self._block.values[start : start + _COUNTER])
        return joined(values)
