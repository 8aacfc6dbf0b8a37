"""Loads that exist only in arithmetic: a household, a constant load, and half-hours that were really measured.

The household is a pure function of its seed and of the time, in whole numbers: at any rate of time, forwards or
backwards, on any board, the same seed gives the same history. What one half-hour holds is decided by that half-hour
and, for what lasts longer, by the few before it. It is a plausible house of northern Europe and nobody's in
particular; its day follows UTC all the year.

Not modelled: harmonics, frequency, power factor below what a kettle and a few motors make of it, unbalance between
the phases other than by what is plugged in where, and the inverter's wish to see a live mains: an open supply switch
is the meter's affair.
"""

from slotmeter.hal.metrology import Flow, Metrology

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

HALF_HOUR_MS = 1800000
_MINUTE_MS = 60000
_DAY_HALF_HOURS = 48
_YEAR_HALF_HOURS = 17520
NOMINAL_VOLTS = 2400

# Base load by half-hour of the day, in percent of the mean.
_BASE = (
    b"\x41\x3c\x37\x32\x32\x2d\x2d\x2d\x2d\x32\x32\x37"  # 00:00, asleep
    b"\x3c\x50\x6e\x82\x8c\x82\x73\x69\x64\x5f\x5f\x64"  # 06:00, breakfast
    b"\x69\x6e\x69\x64\x5f\x5a\x5f\x64\x73\x8c\xa5\xb9"  # 12:00
    b"\xc8\xcd\xcd\xc8\xc3\xbe\xb4\xaa\xa0\x8c\x6e\x50"  # 18:00, at home
)
# Appliances: (number, W, shortest and longest run in minutes, phase of a polyphase house,
# chance in 1000 that one begins in a half-hour of night, morning, day, evening: six hours each).
_APPLIANCES = (
    (1, 2900, 2, 4, 0, (10, 300, 120, 200)),  # kettle
    (2, 2200, 20, 60, 1, (0, 4, 30, 60)),  # oven
    (3, 2000, 12, 20, 2, (0, 20, 25, 10)),  # washing machine, heating
    (4, 250, 40, 60, 2, (0, 20, 25, 10)),  # washing machine, turning
)
_WASHING_HEATS = 3
_WASHING_TURNS = 4
# The longest of them spans this many half-hours.
_LOOK_BACK = 3

# The sun at 52 degrees north on the 16th of each month, January first: minutes of daylight, and what a clear noon
# yields, in thousandths of the panels' peak.
_DAYLIGHT = (495, 595, 715, 835, 940, 995, 965, 870, 755, 635, 525, 465)
_NOON = (250, 420, 600, 760, 850, 880, 870, 800, 670, 480, 300, 210)
# The sun is highest a few minutes after twelve, UTC, at 0 to 3 degrees west.
_NOON_MINUTE = 725

# What a number is drawn for.
_FOR_BASE = 11
_FOR_REACTIVE = 12
_FOR_VOLTS = 13
_FOR_CLOUDS = 14
_FOR_CLOUD = 15
_FOR_CAR = 16
_FOR_TANK = 17
_FOR_SAG = 18
_FOR_SWELL = 19
_FOR_OUTAGE = 20
_FOR_RUN = 32
# An outage lasts up to four hours.
_OUTAGE_LOOK_BACK = 9

_MASK = 0xFFFFFFFF


def draw(seed: int, purpose: int, number: int) -> int:
    """32 bits that look random, the same for the same three numbers on every board."""
    # The finaliser of MurmurHash3, twice.
    x = (seed ^ (purpose * 0x9E3779B1)) & _MASK
    x = ((x ^ (x >> 16)) * 0x85EBCA6B) & _MASK
    x = ((x ^ (x >> 13)) + number * 0x27D4EB2F) & _MASK
    x = ((x ^ (x >> 16)) * 0x85EBCA6B) & _MASK
    x = ((x ^ (x >> 13)) * 0xC2B2AE35) & _MASK
    return x ^ (x >> 16)


def sun(half_hour: int) -> int:
    """Thousandths of the peak that panels yield under a clear sky at the middle of this half-hour since 2000."""
    day = half_hour // _DAY_HALF_HOURS
    # Days since 16 December, in a year of 365 and a quarter.
    of_year = (day + 16) * 4 % 1461 // 4
    place = of_year * 12
    month = place // 366
    part = place - month * 366
    before = (month + 11) % 12
    light = (_DAYLIGHT[before] * (366 - part) + _DAYLIGHT[month] * part) // 366
    noon = (_NOON[before] * (366 - part) + _NOON[month] * part) // 366
    minute = half_hour % _DAY_HALF_HOURS * 30 + 15
    # A parabola from sunrise to sunset stands for the sine.
    risen = minute - (_NOON_MINUTE - light // 2)
    if risen <= 0 or risen >= light:
        return 0
    return noon * 4 * risen * (light - risen) // (light * light)


class ConstantLoad(Metrology):
    """What flows stays as it was set; for tests and for a bench's `load`."""

    def __init__(
        self,
        watts: "tuple[int, ...]" = (0,),
        var: int = 0,
        export_watts: int = 0,
        volts: "tuple[int, ...] | None" = None,
    ) -> None:
        self._flow = Flow(())
        self.set(watts, var, export_watts, volts)

    def set(
        self,
        watts: "tuple[int, ...]",
        var: int = 0,
        export_watts: int = 0,
        volts: "tuple[int, ...] | None" = None,
    ) -> None:
        """From now on this flows. ValueError for a negative number of W or V, or one beyond 2^31.

        watts: W of import, one for each element (1 or 2) or phase (3); var: reactive, import when positive and export
        when negative; export_watts: W, the total; volts: 0.1 V for each phase, one for two elements and three for
        three phases; 240.0 V when not given.
        """
        watts = tuple(watts)
        phases = 3 if len(watts) == 3 else 1
        volts = (NOMINAL_VOLTS,) * phases if volts is None else tuple(volts)
        if not 1 <= len(watts) <= 3 or len(volts) != phases:
            raise ValueError("one load for each of 1 or 2 elements or 3 phases, and a voltage for each phase")
        for number in watts + volts + (export_watts, abs(var)):
            if number < 0 or number >> 31:
                raise ValueError("a load or voltage of %d" % number)
        self._flow = Flow(watts, export_watts, max(var, 0), max(-var, 0), volts, None)

    def flow(self, now_ms: int) -> Flow:
        """What was set."""
        return self._flow


class LoadFile(Metrology):
    """Half-hours that were measured, played back at constant power within each.

    rows: (start_s, import_wh, export_wh): seconds since 2000 of the beginning of the half-hour, Wh; one half-hour
    after the other without a gap, nothing negative (ValueError). elements: 1 or 2, import goes to the first;
    phases: 1 or 3, import is spread evenly. Before the first row and after the last nothing flows.
    """

    def __init__(self, rows: "list[tuple[int, int, int]]", elements: int = 1, phases: int = 1) -> None:
        if not rows:
            raise ValueError("no half-hours")
        if (elements, phases) not in ((1, 1), (2, 1), (1, 3)):
            raise ValueError("1 element, 2 elements or 3 phases")
        self._start_ms = rows[0][0] * 1000
        if rows[0][0] < 0 or self._start_ms % HALF_HOUR_MS:
            raise ValueError("the first row does not begin on a half-hour")
        self._rows = []
        expected = rows[0][0]
        for start_s, import_wh, export_wh in rows:
            if start_s != expected:
                raise ValueError("a half-hour begins at %d s instead of %d s" % (start_s, expected))
            if import_wh < 0 or export_wh < 0:
                raise ValueError("negative energy at %d s" % start_s)
            expected += 1800
            self._rows.append((import_wh, export_wh))
        self._elements = elements
        self._phases = phases

    def flow(self, now_ms: int) -> Flow:
        """The power of the half-hour that `now_ms` is in."""
        number = (now_ms - self._start_ms) // HALF_HOUR_MS
        until_ms: int | None = self._start_ms + (number + 1) * HALF_HOUR_MS
        import_wh = export_wh = 0
        if number < 0:
            until_ms = self._start_ms
        elif number < len(self._rows):
            import_wh, export_wh = self._rows[number]
        else:
            until_ms = None
        # A Wh in half an hour is 2 W.
        watts = 2 * import_wh
        if self._phases == 3:
            share = watts // 3
            split: tuple[int, ...] = (watts - 2 * share, share, share)
        elif self._elements == 2:
            split = (watts, 0)
        else:
            split = (watts,)
        return Flow(split, 2 * export_wh, 0, 0, (NOMINAL_VOLTS,) * self._phases, until_ms)


class House(Metrology):
    """A household: base load, appliances, a car, a water tank, panels on the roof, and the street's voltage.

    seed: 0 to 2^64 - 1; elements: 1, or 2 for a meter with a second element; phases: 1 or 3; base_w: mean W of what
    is always on; solar_w: peak W of the panels, on the first element or phase; car_w: W of a charger that runs at
    night, on the second element if there is one, spread over three phases, else with the rest; tank_number: the
    auxiliary switch that a water heater of tank_w hangs on, 0 for none; closed: tells whether switch `number` is
    closed, asked at every `flow`; appliances: kettle, oven and washing. sags, swells and outages: how many a year,
    0 to 17520, each beginning in a half-hour of the seed's choosing, on one phase of three or on all.
    """

    def __init__(
        self,
        seed: int = 0,
        elements: int = 1,
        phases: int = 1,
        base_w: int = 300,
        solar_w: int = 0,
        car_w: int = 0,
        tank_number: int = 0,
        tank_w: int = 3000,
        closed: "Callable[[int], bool] | None" = None,
        appliances: bool = True,
        sags: int = 0,
        swells: int = 0,
        outages: int = 0,
    ) -> None:
        if seed < 0 or seed >> 64:
            raise ValueError("a seed is 0 to 2^64 - 1")
        if (elements, phases) not in ((1, 1), (2, 1), (1, 3)):
            raise ValueError("1 element, 2 elements or 3 phases")
        for watts in (base_w, solar_w, car_w, tank_w):
            if not 0 <= watts <= 100000:
                raise ValueError("a load or source of %d W" % watts)
        for rate in (sags, swells, outages):
            if not 0 <= rate <= _YEAR_HALF_HOURS:
                raise ValueError("%d a year: 0 to 17520" % rate)
        self._seed = (seed ^ (seed >> 32)) & _MASK
        self._elements = elements
        self._phases = phases
        self._base_w = base_w
        self._solar_w = solar_w
        self._car_w = car_w
        self._tank_number = tank_number
        self._tank_w = tank_w
        self._closed = closed
        self._appliances = appliances
        self._sags = sags
        self._swells = swells
        self._outages = outages
        # The half-hour that was asked for last, its flows, whether the switch of the tank was closed in it.
        self._half_hour = -1
        self._heating = False
        self._flows: list[Flow] = []

    def flow(self, now_ms: int) -> Flow:
        """What flows at `now_ms`; it changes at least every half-hour."""
        half_hour = now_ms // HALF_HOUR_MS
        heating = self._tank_number > 0 and self._closed is not None and bool(self._closed(self._tank_number))
        if half_hour != self._half_hour or heating != self._heating:
            self._flows = self._plan(half_hour, heating)
            self._half_hour = half_hour
            self._heating = heating
        flows = self._flows
        for flow in flows:
            if now_ms < flow.until_ms:  # type: ignore[operator]  # every flow of a house ends
                return flow
        return flows[-1]

    def _plan(self, half_hour: int, heating: bool) -> "list[Flow]":
        """The flows of a half-hour in order."""
        start = half_hour * HALF_HOUR_MS
        loads = self._loads(half_hour, start, heating)
        sources = self._disturbances(half_hour, start)
        # Every beginning and end within the half-hour is where a new flow may begin.
        edges = [start + HALF_HOUR_MS]
        for piece in loads + sources:
            for edge in (piece[0], piece[1]):
                if start < edge < start + HALF_HOUR_MS and edge not in edges:
                    edges.append(edge)
        edges.sort()
        seed = self._seed
        base = self._base_w * _BASE[half_hour % _DAY_HALF_HOURS] * (75 + draw(seed, _FOR_BASE, half_hour) % 51) // 10000
        solar = self._solar(half_hour)
        lag = 10 + draw(seed, _FOR_REACTIVE, half_hour) % 26
        street = NOMINAL_VOLTS - 30 + draw(seed, _FOR_VOLTS, half_hour) % 61
        flows = []
        at = start
        for edge in edges:
            flows.append(self._flow_at(at, edge, base, solar, lag, street, loads, sources))
            at = edge
        return flows

    def _loads(self, half_hour: int, start: int, heating: bool) -> "list[tuple[int, int, int, int]]":
        """(from_ms, to_ms, W, place) of everything that runs in this half-hour; place is an index of import_w."""
        seed = self._seed
        phases = self._phases
        loads = []
        if self._appliances:
            for number in range(half_hour - _LOOK_BACK + 1, half_hour + 1):
                quarter = number % _DAY_HALF_HOURS // 12
                for appliance, watts, shortest, longest, phase, chances in _APPLIANCES:
                    # The washing machine turns when it has heated: one draw decides both.
                    which = _WASHING_HEATS if appliance == _WASHING_TURNS else appliance
                    lot = draw(seed, which, number)
                    if lot % 1000 >= chances[quarter]:
                        continue
                    spare = draw(seed, _FOR_RUN + which, number)
                    begin = number * HALF_HOUR_MS + spare % 1800 * 1000
                    end = begin + (shortest * 60 + (spare >> 11) % ((longest - shortest) * 60 + 1)) * 1000
                    if end > start and begin < start + HALF_HOUR_MS:
                        loads.append((begin, end, watts, phase if phases == 3 else 0))
        if self._car_w:
            # Charging begins between midnight and half past two, and takes one to five hours.
            midnight = half_hour // _DAY_HALF_HOURS * _DAY_HALF_HOURS
            lot = draw(seed, _FOR_CAR, midnight)
            begin = midnight * HALF_HOUR_MS + lot % 150 * _MINUTE_MS
            end = begin + (60 + (lot >> 8) % 241) * _MINUTE_MS
            # Two days in three.
            if (lot >> 20) % 3 and end > start and begin < start + HALF_HOUR_MS:
                if phases == 3:
                    share = self._car_w // 3
                    loads.append((begin, end, self._car_w - 2 * share, 0))
                    loads.append((begin, end, share, 1))
                    loads.append((begin, end, share, 2))
                else:
                    loads.append((begin, end, self._car_w, self._elements - 1))
        if heating:
            # The thermostat lets go for the rest of the half-hour.
            end = start + (10 + draw(seed, _FOR_TANK, half_hour) % 21) * _MINUTE_MS
            loads.append((start, end, self._tank_w, 0))
        return loads

    def _solar(self, half_hour: int) -> int:
        """W from the roof: the clear sky, less the day's clouds and the half-hour's."""
        if not self._solar_w:
            return 0
        clear = sun(half_hour)
        if not clear:
            return 0
        day = 20 + draw(self._seed, _FOR_CLOUDS, half_hour // _DAY_HALF_HOURS) % 81
        now = 70 + draw(self._seed, _FOR_CLOUD, half_hour) % 31
        return self._solar_w * clear * day * now // 10000000

    def _disturbances(self, half_hour: int, start: int) -> "list[tuple[int, int, int, int]]":
        """(from_ms, to_ms, 0.1 V, phase or 3 for all) of every sag, swell and outage in this half-hour."""
        found = []
        for rate, purpose, look_back in (
            (self._sags, _FOR_SAG, 2),
            (self._swells, _FOR_SWELL, 2),
            (self._outages, _FOR_OUTAGE, _OUTAGE_LOOK_BACK),
        ):
            if not rate:
                continue
            for number in range(half_hour - look_back + 1, half_hour + 1):
                if draw(self._seed, purpose, number) % _YEAR_HALF_HOURS >= rate:
                    continue
                lot = draw(self._seed, _FOR_RUN + purpose, number)
                begin = number * HALF_HOUR_MS + lot % 1800 * 1000
                spare = lot >> 11
                if purpose == _FOR_OUTAGE:
                    volts = 0
                    # A third each: a blink, some minutes, up to four hours.
                    longest = (900, 600000, 14400000)[spare % 3]
                    length = 100 + (spare >> 2) * 997 % longest
                else:
                    volts = (1500 if purpose == _FOR_SAG else 2560) + spare % 500
                    length = 1000 + (spare >> 2) * 997 % 120000
                end = begin + length
                if end > start and begin < start + HALF_HOUR_MS:
                    found.append((begin, end, volts, (lot >> 29) % 4 if self._phases == 3 else 3))
        return found

    def _flow_at(
        self,
        at: int,
        until: int,
        base: int,
        solar: int,
        lag: int,
        street: int,
        loads: "list[tuple[int, int, int, int]]",
        disturbances: "list[tuple[int, int, int, int]]",
    ) -> Flow:
        """What flows from `at` to `until`, between which nothing begins or ends."""
        phases = self._phases
        if phases == 3:
            share = base // 3
            watts = [base - 2 * share, share, share]
        elif self._elements == 2:
            watts = [base, 0]
        else:
            watts = [base]
        for begin, end, load, place in loads:
            if begin <= at < end:
                watts[place] += load
        mains: list[int | None] = [None] * phases
        for begin, end, volts, phase in disturbances:
            if begin <= at < end:
                for i in range(phases):
                    # Of two at once the one that is without supply, or else the lower, is felt.
                    if phase in (i, 3) and (mains[i] is None or volts < mains[i]):  # type: ignore[operator]
                        mains[i] = volts
        felt = []
        export = 0
        used = 0
        for i in range(len(watts)):
            level = mains[i if phases == 3 else 0]
            if level == 0:
                # No mains, no load; the inverter lets go of a dead phase as well.
                watts[i] = 0
                if i < phases:
                    felt.append(0)
                if i == 0:
                    solar = 0
                continue
            used += watts[i]
            net = watts[i] - (solar if i == 0 else 0)
            watts[i] = max(net, 0)
            export += max(-net, 0)
            if i < phases:
                # The street's cable drops half a volt for each kW, and rises by as much with what is fed in.
                felt.append(max(street - net // 200, 0) if level is None else level)
        return Flow(tuple(watts), export, (used * lag) // 100, solar // 20, tuple(felt), until)
