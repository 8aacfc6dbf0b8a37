"""Voltage quality (SMETS 5.7.4.4 to 5.7.4.6, 5.7.4.34 to 5.7.4.41, 5.7.5.7 to 5.7.5.9; polyphase 5.19).

Two kinds of monitor, on each phase:

    average     the mean of the RMS voltage over each measurement period, the same periods for everybody: they end at
                whole multiples of their length in UTC. It is logged at the end of each, compared with the over and
                the under voltage threshold, and each period beyond one is counted. An alert is sent for the first
                period beyond after one that was not, and for the first that is not after one beyond.
    extremes    extreme over, extreme under, sag, swell: the voltage has been beyond the threshold for all of the
                monitor's period; and it has been back for all of it. Each of the two is told of once.

        within ── beyond for the period ──> beyond ── within for the period ──> within

A period of nought switches a monitor off and forgets what it knew. A voltage that equals a threshold is within.
Alerts are plain on a meter of one phase; on a polyphase one there are three more codes for each, in order of phase.

Thresholds and logged averages are whole volts, as the commands write and read them (RTDS: 264, 200, 287 ...);
comparisons are made in units of 0.1 V, and an average is rounded to the nearest unit, half upwards. With the
alerts the power event log gets the voltage in whole volts as its value.

While a meter has no power it measures nothing: the mean is that of the time that was measured, and a period of which
none was has no row. A dead phase of a live meter counts as 0 V.
"""

from slotmeter.firmware.mains import is_dead
from slotmeter.hal.errors import STORE_DAMAGED, HalError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from slotmeter.dlms.cosem.tree import Tree
    from slotmeter.firmware.settings import Settings
    from slotmeter.hal.metrology import Flow
    from slotmeter.hal.records import Records

POLYPHASE = 4

AVERAGE_OVER = 0x8002
AVERAGE_UNDER = 0x8006
AVERAGE_OVER_ENDED = 0x8085
AVERAGE_UNDER_ENDED = 0x8089
# Fourth octet of 0-0:17.0.x, whether above is beyond, codes of the beginning and of the end.
MONITORS = (
    (1, True, 0x8020, 0x808D),
    (2, False, 0x8028, 0x8095),
    (3, False, 0x802C, 0x8099),
    (4, True, 0x8024, 0x8091),
)
# Third octet of 1-0:x.y.0 for the phases.
_PHASES = (0x20, 0x34, 0x48)
_RECORD = "voltage"
_HIGH = 1
_LOW = 2
_UNIT = 10


def _log_obis(phase: int) -> bytes:
    """1-0:32.24.0.255 and its like."""
    return bytes((1, 0, _PHASES[phase], 24, 0, 255))


def _key(head: bytes, phase: int, what: int) -> bytes:
    """Attribute 2 of 1-0:32.`what`.0.4 and its like, of class `head`."""
    return head + bytes((1, 0, _PHASES[phase], what, 0, 4, 2))


class Voltage:
    """The organ that watches the voltage."""

    def __init__(
        self, tree: "Tree", records: "Records", notify: "Callable[..., None]", settings: "Settings"
    ) -> None:
        self._tree = tree
        self._records = records
        self._notify = notify
        self._dead_volts = settings.dead_volts
        self._polyphase = bool(tree.variant & POLYPHASE)
        self._phases = phases = 3 if self._polyphase else 1
        # Averages, one number per phase. Length of the period and its next end in ms, -1 when off or not known yet.
        self._period = [0] * phases
        self._end = [-1] * phases
        # 0.1 V times ms, and ms, of the running period.
        self._sum = [0] * phases
        self._measured = [0] * phases
        # 0.1 V.
        self._over = [0] * phases
        self._under = [0] * phases
        # _HIGH and _LOW: how the last period was.
        self._state = [0] * phases
        # Monitors: threshold in 0.1 V and period in ms; for each of them the phases: declared beyond or not, and
        # since when the voltage says otherwise (-1 when it does not).
        self._threshold = [0] * len(MONITORS)
        self._hold = [0] * len(MONITORS)
        self._beyond = [False] * (len(MONITORS) * phases)
        self._since = [-1] * (len(MONITORS) * phases)
        self._volts: tuple[int, ...] | None = None
        # The time that has been reached; None before the first sight of it.
        self._at: int | None = None
        self._deadline: int | None = None
        self._changed = False
        self._restore()
        self.load()

    # ---- configuration and state

    def load(self) -> None:
        """Reads thresholds and periods. What was measured goes on, unless a period changed."""
        tree = self._tree
        for phase in range(self._phases):
            # Class 7, attribute 4: the measurement period is the capture period of the log, in seconds.
            period = 1000 * int.from_bytes(tree.value(b"\x00\x07" + _log_obis(phase) + b"\x04")[1:], "big")
            if period != self._period[phase]:
                self._period[phase] = period
                self._end[phase] = -1
                self._sum[phase] = self._measured[phase] = 0
                if not period:
                    self._state[phase] = 0
            self._over[phase] = _UNIT * int.from_bytes(tree.value(_key(b"\x00\x01", phase, 0x23))[1:], "big")
            self._under[phase] = _UNIT * int.from_bytes(tree.value(_key(b"\x00\x01", phase, 0x1F))[1:], "big")
        for i in range(len(MONITORS)):
            # Class 71: attribute 4 the threshold in V, attribute 6 the period in seconds.
            head = b"\x00\x47\x00\x00\x11\x00" + bytes((MONITORS[i][0], 255))
            self._threshold[i] = _UNIT * int.from_bytes(tree.value(head + b"\x04")[1:], "big")
            self._hold[i] = 1000 * int.from_bytes(tree.value(head + b"\x06")[1:], "big")
            if not self._hold[i]:
                for place in range(i * self._phases, (i + 1) * self._phases):
                    self._beyond[place] = False
                    self._since[place] = -1
        if self._at is not None:
            self._align(self._at)
            self._watch(self._at)
            self._set_deadline()

    def _restore(self) -> None:
        """Takes the state from before a power cut. HalError (store damaged) when the record is no such state."""
        octets = self._records.get(_RECORD)
        if octets is None:
            return
        if len(octets) != 8 + 35 * self._phases + len(self._beyond):
            raise HalError(STORE_DAMAGED, "record %s has %d octets" % (_RECORD, len(octets)))
        before = int.from_bytes(octets[:8], "big")
        pos = 8
        for phase in range(self._phases):
            self._sum[phase] = int.from_bytes(octets[pos : pos + 12], "big")
            self._measured[phase] = int.from_bytes(octets[pos + 12 : pos + 20], "big")
            self._end[phase] = int.from_bytes(octets[pos + 20 : pos + 28], "big") - 1
            self._period[phase] = int.from_bytes(octets[pos + 28 : pos + 34], "big")
            self._state[phase] = octets[pos + 34]
            pos += 35
        for place in range(len(self._beyond)):
            self._beyond[place] = octets[pos + place] == 1
        self._at = before

    def flush(self) -> None:
        """Keeps the state."""
        if not self._changed or self._at is None:
            return
        self._changed = False
        parts = [self._at.to_bytes(8, "big")]
        for phase in range(self._phases):
            parts.append(self._sum[phase].to_bytes(12, "big"))
            parts.append(self._measured[phase].to_bytes(8, "big"))
            parts.append((self._end[phase] + 1).to_bytes(8, "big"))
            parts.append(self._period[phase].to_bytes(6, "big"))
            parts.append(bytes((self._state[phase],)))
        parts.append(bytes([1 if beyond else 0 for beyond in self._beyond]))
        self._records.put(_RECORD, b"".join(parts))

    # ---- time

    def set_clock(self, now_ms: int) -> None:
        """It is `now_ms`: the first sight of the time, or the clock was put back, or it jumped.

        A running period that is over now is closed with what was measured of it; one that would have begun later is
        forgotten.
        """
        before = self._at
        self._at = now_ms
        self._changed = True
        for phase in range(self._phases):
            if before is None or now_ms < before:
                self._sum[phase] = self._measured[phase] = 0
                self._end[phase] = -1
        for place in range(len(self._since)):
            if self._since[place] >= 0:
                self._since[place] = now_ms
        self._align(now_ms)
        self._set_deadline()
        self.tick(now_ms)

    def _align(self, now_ms: int) -> None:
        """Periods without an end get the next whole multiple of their length."""
        for phase in range(self._phases):
            period = self._period[phase]
            if period and self._end[phase] < 0:
                self._end[phase] = now_ms - now_ms % period + period

    def deadline_ms(self) -> "int | None":
        """When a period ends, or a voltage has lasted."""
        return self._deadline

    def _set_deadline(self) -> None:
        deadline = None
        for end in self._end:
            if end >= 0 and (deadline is None or end < deadline):
                deadline = end
        for place in range(len(self._since)):
            if self._since[place] >= 0:
                due = self._since[place] + self._hold[place // self._phases]
                if deadline is None or due < deadline:
                    deadline = due
        self._deadline = deadline

    def see_flow(self, flow: "Flow", now_ms: int) -> None:
        """From `now_ms` on this flows. The time before it has been shown to `see` and `tick`."""
        if flow.volts == self._volts:
            return
        if is_dead(flow.volts, self._dead_volts):
            # Nobody is there to measure.
            self._volts = None
            for place in range(len(self._since)):
                self._since[place] = -1
        else:
            self._volts = flow.volts
            self._watch(now_ms)
        self._set_deadline()

    def see(self, flow: "Flow", from_ms: int, to_ms: int) -> None:
        """`flow` lasted from one moment to the other, within one period."""
        self._at = to_ms
        self._changed = True
        volts = self._volts
        if volts is not None:
            lasted = to_ms - from_ms
            for phase in range(self._phases):
                self._sum[phase] += volts[phase] * lasted
                self._measured[phase] += lasted

    def tick(self, now_ms: int) -> None:
        """Closes the periods that have ended, and declares what has lasted."""
        if self._deadline is None or now_ms < self._deadline:
            return
        told: list[tuple[int, int, int, int]] = []
        for phase in range(self._phases):
            if 0 <= self._end[phase] <= now_ms:
                self._close(phase, now_ms, told)
        for place in range(len(self._since)):
            since = self._since[place]
            if since >= 0 and since + self._hold[place // self._phases] <= now_ms:
                self._declare(place, told)
        self._changed = True
        self._set_deadline()
        # When the state is whole again: who is told may want it kept at once.
        for code, phase, volts, at_ms in told:
            if self._polyphase:
                code += 1 + phase
            self._notify(code, volts.to_bytes(4, "big"), at_ms // 1000)

    # ---- averages

    def _close(self, phase: int, now_ms: int, told: "list[tuple[int, int, int, int]]") -> None:
        """The end of a measurement period; adds what is to be told as (code, phase, V, ms)."""
        end = self._end[phase]
        period = self._period[phase]
        self._end[phase] = end + period if end + period > now_ms else now_ms - now_ms % period + period
        measured = self._measured[phase]
        if not measured:
            return
        average = (2 * self._sum[phase] + measured) // (2 * measured)
        self._sum[phase] = self._measured[phase] = 0
        volts = (average + _UNIT // 2) // _UNIT
        self._tree.append(_log_obis(phase), (end // 1000).to_bytes(4, "big") + volts.to_bytes(4, "big"))
        before = self._state[phase]
        state = 0
        if average > self._over[phase]:
            state = _HIGH
            self._count(_key(b"\x00\x03", phase, 0x24))
        if average < self._under[phase]:
            state |= _LOW
            self._count(_key(b"\x00\x03", phase, 0x20))
        if state == before:
            return
        self._state[phase] = state
        # Returns before beginnings: from over to under within one period is both.
        if before & ~state & _HIGH:
            told.append((AVERAGE_OVER_ENDED, phase, volts, end))
        if before & ~state & _LOW:
            told.append((AVERAGE_UNDER_ENDED, phase, volts, end))
        if state & ~before & _HIGH:
            told.append((AVERAGE_OVER, phase, volts, end))
        if state & ~before & _LOW:
            told.append((AVERAGE_UNDER, phase, volts, end))

    def _count(self, key: bytes) -> None:
        """A register counts one more period; it stays at its greatest value."""
        count = int.from_bytes(self._tree.value(key)[1:], "big")
        if count < 0xFFFFFFFF:
            self._tree.put(key, b"\x06" + (count + 1).to_bytes(4, "big"))

    # ---- extremes

    def _watch(self, now_ms: int) -> None:
        """Compares the present voltage with every monitor: starts and stops the time that it has to last."""
        volts = self._volts
        if volts is None:
            return
        place = 0
        for i in range(len(MONITORS)):
            threshold = self._threshold[i]
            above = MONITORS[i][1]
            for phase in range(self._phases):
                beyond = volts[phase] > threshold if above else volts[phase] < threshold
                if not self._hold[i] or beyond == self._beyond[place]:
                    self._since[place] = -1
                elif self._since[place] < 0:
                    self._since[place] = now_ms
                place += 1

    def _declare(self, place: int, told: "list[tuple[int, int, int, int]]") -> None:
        """The voltage has lasted beyond a threshold, or back within it."""
        i = place // self._phases
        phase = place - i * self._phases
        beyond = self._beyond[place] = not self._beyond[place]
        at_ms = self._since[place] + self._hold[i]
        self._since[place] = -1
        assert self._volts is not None
        volts = (self._volts[phase] + _UNIT // 2) // _UNIT
        told.append((MONITORS[i][2] if beyond else MONITORS[i][3], phase, volts, at_ms))
