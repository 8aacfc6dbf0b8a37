"""What a whole meter has to count, in the plainest way: integers, one Wh after the other, and no code of the product.

    energy      every Wh that completes goes to the total, to the register that the calendar names, to its half-hour
    cost        the price of that register, in thousandths of a millipence; whole millipence are charged
    account     what is charged, collected and paid, by the rules of prepayment (SMETS2 5.7; facts 4.2 to 4.7)

Times are milliseconds since 2000, money is millipence. The model is told what flowed and when, and it knows its own
five minutes, half-hours and hours.
"""

import datetime as dt

HOUR = 3600
DAY = 86400
WEEK = 7 * DAY
WH = 3600000
HALF_HOUR = 1800000
# Switching times are whole half-hours, and the meter's randomised offset is five minutes.
PIECE = 300000
OFFSET = 300000
EPOCH = dt.datetime(2000, 1, 1)
CONSUMPTION, STANDING = 0, 4


class Tariff:
    """switches: {half-hour of the day: script}; prices: {index: millipence for a kWh}; thresholds: Wh, of each row."""

    def __init__(self, switches, prices, thresholds, standing):
        self.switches = switches
        self.prices = prices
        self.thresholds = thresholds
        self.standing = standing

    def script(self, at_ms):
        """What is selected at this time: the same every day."""
        if not self.switches:
            return 1
        place = (at_ms - OFFSET) // HALF_HOUR % 48
        past = [switch for switch in self.switches if switch <= place]
        return self.switches[max(past or self.switches)]


class Account:
    """Where money is. pairs: {(credit, charge): whether also with the supply off}."""

    def __init__(self):
        self.prepayment = False
        self.pairs = {}
        self.balance = self.held_back = self.used = 0
        self.debts = [0, 0, 0]
        self.limit = self.threshold = self.disablement = self.low = 0
        self.share = self.cap = 0
        self.selected = self.exhausted = self.offered = self.out = False
        self.paid = []
        # Since the beginning: in, adjusted by hand, and out for what; to debts and lent.
        self.topped_up = self.adjusted = self.charged = 0
        self.repaid = [0, 0, 0]
        self.lent = [0, 0, 0]

    def left(self):
        return max(0, self.limit - self.used)

    def position(self):
        return self.balance - self.held_back - self.used

    def look(self):
        """Thresholds, after anything whatever."""
        if not self.prepayment:
            self.offered = self.out = False
            return
        if self.selected and self.used <= 0 and self.balance >= self.threshold:
            self.selected = False
        if not self.selected or self.balance > self.disablement:
            self.exhausted = False
        self.offered = not self.selected and self.left() > 0 and self.balance < self.threshold
        if self.selected and self.balance <= self.disablement and self.left() == 0:
            self.exhausted = True
        self.out = self.balance <= self.disablement and not (self.selected and not self.exhausted)

    def charge(self, charge, amount, connected):
        """Takes what fell due from wherever it goes, as far as it goes there; what was taken."""
        always = self.pairs.get((0, charge))
        if always is None or not (always or connected):
            return 0
        rest = amount
        while rest > 0:
            lending = self.prepayment and self.selected and not self.exhausted
            if lending and self.balance <= self.disablement and self.left() > 0:
                if (2, charge) in self.pairs:
                    part = rest
                    self.held_back += part
                elif (1, charge) in self.pairs:
                    part = min(rest, self.left())
                    self.used += part
                else:
                    part = rest
                    self.balance -= part
            else:
                part = min(rest, self.balance - self.disablement) if lending and self.left() > 0 else rest
                self.balance -= part
            rest -= part
            self.look()
        if amount < 0:
            self.balance -= amount
            self.look()
        return amount

    def collect(self, number, rate, connected):
        """Recovers time debt 0 or 1."""
        taken = self.charge(1 + number, min(rate, max(0, self.debts[number])), connected)
        self.debts[number] -= taken
        self.repaid[number] += taken

    def pay(self, amount, now_s):
        """A top-up."""
        week = sum(paid for at, paid in self.paid if at > now_s - WEEK)
        to_debt = 0
        if (0, 3) in self.pairs:
            to_debt = max(0, min(amount * self.share // 10000, self.debts[2], self.cap - week))
        if to_debt:
            self.paid.append((now_s, to_debt))
        self.topped_up += amount
        self.debts[2] -= to_debt
        self.repaid[2] += to_debt
        rest = amount - to_debt
        part = min(rest, self.held_back)
        self.held_back -= part
        rest -= part
        part = min(rest, self.used)
        self.used -= part
        self.balance += rest - part
        self.look()

    def adjust(self, amount):
        self.balance += amount
        self.adjusted += amount
        self.look()

    def lend(self, place, amount):
        self.debts[place] += amount
        self.lent[place] += amount

    def activate(self):
        if self.selected:
            return not self.exhausted
        if not (self.prepayment and self.offered):
            return False
        self.selected = True
        self.look()
        return True

    def reset(self):
        self.adjusted -= self.position()
        self.balance = self.held_back = self.used = 0
        self.selected = self.exhausted = False
        self.look()

    def configure(self, limit, threshold, disablement, low):
        if limit > self.limit and limit > self.used:
            self.exhausted = False
        self.limit = limit
        self.threshold = threshold
        self.disablement = disablement
        self.low = low
        self.look()

    def mode(self, prepayment, pairs):
        self.prepayment = prepayment
        self.pairs = pairs
        self.look()

    def six(self):
        """As the collective read shows them."""
        return [self.balance, self.left(), self.held_back, *self.debts]


class Model:
    """A meter of one element."""

    def __init__(self, now_ms, tariff):
        self.now_ms = now_ms
        self.tariff = tariff
        # Tariffs to come: (when, tariff), one at most.
        self.later = []
        self.account = Account()
        self.rates = [0, 0]
        self.periods = [DAY, DAY]
        # W*ms of import, export, import and export of reactive energy, and whole Wh of each.
        self.energy = [0] * 4
        self.counts = [0] * 4
        self.registers = {}
        self.counters = {}
        self.rest = 0
        # The half-hour that runs: its end, Wh and varh in it, whether anything was measured; then those that are over.
        self.half_end_ms = now_ms // HALF_HOUR * HALF_HOUR + HALF_HOUR
        self.half = [0] * 4
        self.measured = False
        self.half_hours = []
        self.days = {}
        self.day_end_s = now_ms // 1000 // DAY * DAY + DAY
        self.billed = []

    # ---- time

    def passes(self, to_ms, powers, before, after):
        """So much flowed until `to_ms`; whether the switch was closed meanwhile, and after it."""
        while self.now_ms < to_ms:
            self._activate()
            until = min([to_ms, self.now_ms // PIECE * PIECE + PIECE] + [at for at, _ in self.later])
            self._measure(until - self.now_ms, powers)
            self.now_ms = until
            self._close(until)
            # A tariff that makes something fall due where nothing could before begins now: the next hour is its first.
            idle = self._idle()
            self._activate()
            if not idle:
                self._collect(after if until == to_ms else before)

    def dark(self, to_ms, connected):
        """Time without power: what ended meanwhile is closed, what fell due is made up for.

        When nothing could fall due as the power went, nothing has: a tariff that is activated late begins late.
        """
        idle = self._idle()
        while self.now_ms < to_ms:
            hour = self.now_ms // (HOUR * 1000) * HOUR * 1000 + HOUR * 1000
            self.now_ms = min([to_ms, hour] + [at for at, _ in self.later])
            self._activate()
            if not idle:
                # A supply that goes off for want of credit suspends what falls due at the next hour.
                self._collect(connected)
                connected = connected and not self.account.out
        self._close(to_ms)

    def _idle(self):
        """Whether nothing can fall due."""
        return not self.tariff.standing and max(self.account.debts[:2]) <= 0

    def _activate(self):
        if self.later and self.later[0][0] <= self.now_ms:
            self.tariff = self.later.pop()[1]

    def _close(self, now_ms):
        """What has ended by now."""
        if now_ms >= self.half_end_ms:
            if self.measured:
                self.half_hours.append((self.half_end_ms // 1000, *self.half))
            ended_s = self.half_end_ms // 1000
            self.half = [0] * 4
            self.measured = False
            self.half_end_ms = now_ms // HALF_HOUR * HALF_HOUR + HALF_HOUR
            last = None
            for day in range(ended_s // DAY - 1, now_ms // 1000 // DAY + 1):
                first = EPOCH + dt.timedelta(days=day)
                if first.day == 1 and ended_s <= day * DAY <= now_ms // 1000:
                    last = last or day * DAY
            if last:
                self.billed.append((last, self.counts[0], dict(self.registers)))
                self.counters = {}

    def _collect(self, connected):
        """At a full hour."""
        now_s, part = divmod(self.now_ms, 1000)
        if part or now_s % HOUR:
            return
        account = self.account
        if not now_s % DAY:
            account.charged += account.charge(STANDING, self.tariff.standing, connected)
        for number in (0, 1):
            if account.debts[number] > 0 and not now_s % self.periods[number]:
                account.collect(number, self.rates[number], connected)

    # ---- energy

    def _measure(self, span, powers):
        """So many W for so many ms; nothing changes meanwhile."""
        if span:
            self.measured = True
        script = self.tariff.script(self.now_ms)
        for place in range(4):
            self.energy[place] += powers[place] * span
            new = self.energy[place] // WH - self.counts[place]
            self.counts[place] += new
            self.half[place] += new
            if not place:
                for _ in range(new):
                    self._watt_hour(script)
        whole = self.rest // 1000
        self.rest -= whole * 1000
        self.account.charged += self.account.charge(CONSUMPTION, whole, True)

    def _watt_hour(self, script):
        register = script
        index = script
        if script > 100:
            row = script - 100
            consumed = sum(self.counters.get((block, row), 0) for block in (1, 2, 3, 4))
            block = 1 + sum(consumed >= threshold for threshold in self.tariff.thresholds)
            register = (block, row)
            index = 0x90 + 16 * block + row
            self.counters[register] = self.counters.get(register, 0) + 1
        self.registers[register] = self.registers.get(register, 0) + 1
        self.rest += self.tariff.prices.get(index, 0)
