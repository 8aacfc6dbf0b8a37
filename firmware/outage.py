"""Loss of supply and its return (SMETS 5.5.12.6, 5.17.2.6; GBCS use case ECS80).

    supply interrupted                      8F57    8F58, 8F59, 8F5A on a phase     logged, with nought as value
    restored                                8F35    8F37, 8F39, 8F3B on a phase     logged with the seconds it lasted,
    restored after three minutes or more    8F36    8F38, 8F3A, 8F3C on a phase     and sent to the network operator

The alert's body is the time of interruption and the time of restoration. A loss of every phase is one of the meter:
8F57 and one of the first column follow. A polyphase meter that lives on by its other phases tells of each phase by
itself. A dip that is over within the time that a meter's own supply rides through (500 ms) never was.

A meter without power can neither count nor log nor answer: it is dark. What it does when power goes is to keep the
time; it logs that power went when it is back, stamped with the time it went, or, of a phase, when the dip is seen to be
longer than its ride.
"""

from slotmeter.dlms.dates import from_seconds
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
LONG_MS = 180000

INTERRUPTED = 0x8F57
RESTORED = 0x8F35
_RECORD = "outage"
# Place 0 is the meter, 1 to 3 are its phases.
_METER = 0
_PLACES = 4


class Outage:
    """The organ that keeps account of lost supply."""

    def __init__(
        self, tree: "Tree", records: "Records", notify: "Callable[..., None]", settings: "Settings"
    ) -> None:
        self._records = records
        self._notify = notify
        self._ride_through_ms = settings.ride_through_ms
        self._dead_volts = settings.dead_volts
        self._polyphase = bool(tree.variant & POLYPHASE)
        # When it went, -1 while there is supply; and whether that has been logged.
        self._lost = [-1] * _PLACES
        self._logged = [False] * _PLACES
        self._dark = False
        self._volts: tuple[int, ...] | None = None
        # When power came back at this moment: since when it had been away, for phases that are still without.
        self._away_since = -1
        self.load()

    def load(self) -> None:
        """Reads what is lost from the records. HalError (store damaged) when that is no record of this kind."""
        self._volts = None
        self._dark = False
        octets = self._records.get(_RECORD)
        if octets is not None and len(octets) != 9 * _PLACES:
            raise HalError(STORE_DAMAGED, "record %s has %d octets" % (_RECORD, len(octets)))
        for place in range(_PLACES):
            self._lost[place] = -1
            self._logged[place] = False
            if octets is not None:
                self._lost[place] = int.from_bytes(octets[9 * place : 9 * place + 8], "big") - 1
                self._logged[place] = octets[9 * place + 8] == 1

    def _save(self) -> None:
        if max(self._lost) < 0:
            self._records.drop(_RECORD)
            return
        parts = []
        for place in range(_PLACES):
            parts.append((self._lost[place] + 1).to_bytes(8, "big"))
            parts.append(b"\x01" if self._logged[place] else b"\x00")
        self._records.put(_RECORD, b"".join(parts))

    def flush(self) -> None:
        """Nothing waits: what is lost is kept when it is lost."""

    def is_dark(self) -> bool:
        """Whether the meter is without power, for longer than its own supply rides through."""
        return self._dark

    def deadline_ms(self) -> "int | None":
        """When a dip becomes an outage."""
        deadline = None
        if self._dark:
            return None
        for place in range(_PLACES):
            if self._lost[place] >= 0 and not self._logged[place]:
                due = self._lost[place] + self._ride_through_ms
                if deadline is None or due < deadline:
                    deadline = due
        return deadline

    def tick(self, now_ms: int) -> None:
        """Logs the outages of phases that have lasted longer than the ride; the meter's own makes it dark."""
        for place in range(_PLACES):
            if self._lost[place] >= 0 and not self._logged[place]:
                if now_ms >= self._lost[place] + self._ride_through_ms:
                    if place == _METER:
                        self._dark = True
                        return
                    self._log_loss(place)

    def set_clock(self, now_ms: int) -> None:
        """It is `now_ms`. Of an outage that would have begun later nobody knows the length: it is short."""
        for place in range(_PLACES):
            if self._lost[place] > now_ms:
                self._lost[place] = max(now_ms - self._ride_through_ms, 0)
                self._save()

    def see(self, flow: "Flow", from_ms: int, to_ms: int) -> None:
        """Nothing is measured here."""

    def see_flow(self, flow: "Flow", now_ms: int) -> None:
        """From `now_ms` on these are the voltages: the meter and its phases lose supply, and get it back."""
        volts = flow.volts
        if volts == self._volts:
            return
        self._volts = volts
        if is_dead(volts, self._dead_volts):
            self.power_down(now_ms)
            return
        self.power_up(now_ms)
        if self._polyphase:
            for phase in range(len(volts)):
                place = 1 + phase
                if volts[phase] >= self._dead_volts:
                    self._regain(place, now_ms)
                elif self._lost[place] < 0:
                    self._lose(place, now_ms if self._away_since < 0 else self._away_since)
        self._away_since = -1

    def power_down(self, now_ms: int) -> None:
        """The meter is without power from now on. The records must be committed before it stops."""
        if self._lost[_METER] < 0:
            self._lose(_METER, now_ms)

    def power_up(self, now_ms: int) -> None:
        """The meter has power again: tells of the outage, if there was one."""
        self._dark = False
        if self._lost[_METER] >= 0:
            self._away_since = self._lost[_METER]
            self._regain(_METER, now_ms)

    def _lose(self, place: int, at_ms: int) -> None:
        self._lost[place] = at_ms
        self._logged[place] = False
        self._save()

    def _log_loss(self, place: int) -> None:
        self._logged[place] = True
        self._save()
        self._notify(INTERRUPTED + place, bytes(4), self._lost[place] // 1000)

    def _regain(self, place: int, now_ms: int) -> None:
        lost_ms = self._lost[place]
        if lost_ms < 0:
            return
        lasted = now_ms - lost_ms
        if not self._logged[place] and lasted >= self._ride_through_ms:
            self._log_loss(place)
        told = self._logged[place]
        self._lost[place] = -1
        self._logged[place] = False
        self._save()
        if told:
            code = RESTORED + 2 * place + (1 if lasted >= LONG_MS else 0)
            body = (b"\x09\x0c" + from_seconds(lost_ms // 1000), b"\x09\x0c" + from_seconds(now_ms // 1000))
            self._notify(code, min(lasted // 1000, 0xFFFFFFFF).to_bytes(4, "big"), now_ms // 1000, body)
