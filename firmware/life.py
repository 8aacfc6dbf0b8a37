"""Time in a meter: what flows between two moments, and what falls due, in order.

Between two due moments everything is constant: the flow of power, the tariff, the switches. So time goes in steps, each
to the earliest deadline of anything that has one; at its end everybody is asked to do what is due. An hour or ten
years are the same loop, and the same history follows from the same load.

An organ (metering, account, supply ...) keeps its state in plain integers and has five methods:

    load()          reads configuration and state from the object tree and the records, and from nothing else: at the
                    start, after a rollback, and after a record changed that it has read
    flush()         writes what changed back into them: before anybody reads them and before a commit
    deadline_ms()   when it must be asked next, or None
    tick(now_ms)    does what is due
    see(flow, from_ms, to_ms)   what flowed between two moments, for those that care

Nothing here is durable by itself: the meter commits at the end of a step of the outside world, and holds its messages
until then.
"""

from slotmeter.hal.metrology import Flow

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from slotmeter.firmware.meter import Meter
    from slotmeter.hal.metrology import Metrology

# An organ that is asked this often at one moment and is still due is a bug, not a meter.
_PATIENCE = 1000
# How often an account is looked at that cannot say when it has something to tell.
_LOOK_MS = 60000


class Life:
    """The organs of one meter and the time that they reached."""

    def __init__(self, meter: "Meter") -> None:
        self._meter = meter
        # In the order in which they are asked.
        self.organs: list[Any] = []
        # Those of them that have nothing to do while nothing is connected that measures.
        self.measurers: list[Any] = []
        # The names of the records that each of them has read, None before it was asked to.
        self._read: list[set[str] | None] = []
        # Those of them that want to see what flows.
        self.watchers: list[Any] = []
        self._others: list[Any] = []
        self.metrology: Metrology | None = None
        # Whether imported power passes the load switch.
        self.closed: Any = None
        # Whether the meter itself is without power: then it does nothing but keep the time.
        self.dark: Any = None
        # Where the contacts of all switches are, as a list of bool: what flows depends on it.
        self.contacts: Any = None
        self._contacts: list[bool] = []
        self.now_ms: int | None = None
        # Millipence until the account has something to tell, None for never; and what a flow costs, W times prices.
        self.headroom: Any = None
        self.rate: Any = None
        self._flow: Flow | None = None
        # Whether anything was measured that is not written yet.
        self._measured = False

    def set_organs(self, organs: "list[Any]") -> None:
        """Names those that live, in the order in which they act at one moment."""
        self.organs = organs
        self._read = [None] * len(organs)

    def set_metrology(self, metrology: "Metrology | None") -> None:
        """Replaces what flows, from this moment on."""
        if self.metrology is None and metrology is not None and self.now_ms is not None:
            # What measures begins now.
            for organ in self.measurers:
                organ.set_clock(self.now_ms)
        self.metrology = metrology
        self._flow = None
        self._others = [organ for organ in self.organs if organ not in self.measurers]

    def load(self) -> None:
        """Every organ reads its configuration and state again."""
        for number in range(len(self.organs)):
            self._load(number)

    def load_after(self, changed: "set[str]") -> bool:
        """The same after records of these names changed; False when nobody ever read one of them."""
        loaded = False
        for number in range(len(self.organs)):
            read = self._read[number]
            if read is None or not changed.isdisjoint(read):
                self._load(number)
                loaded = True
        return loaded

    def _load(self, number: int) -> None:
        self._flow = None
        tree = self._meter.tree
        records = self._meter.records
        # What it ever read: which records it asks for may hang on what it finds in others.
        read = self._read[number]
        if read is None:
            read = self._read[number] = set()
        tree.noted = records.noted = read
        self.organs[number].load()
        tree.noted = records.noted = None

    def flush(self) -> None:
        """Every organ writes what changed."""
        self._measured = False
        for organ in self.organs:
            organ.flush()

    def flush_measured(self) -> None:
        """The same, when all that can have happened since the last time is that power flowed."""
        if self._measured:
            self.flush()

    def deadline_ms(self) -> "int | None":
        """The earliest time at which anything is due; None when nothing is."""
        flow = self._flow
        if self.dark():
            # All that can happen is that power comes back.
            return None if flow is None else flow.until_ms
        earliest = self._meter.schedule.next_due()
        earliest = None if earliest is None else earliest * 1000
        for organ in self._awake():
            due = organ.deadline_ms()
            if due is not None and (earliest is None or due < earliest):
                earliest = due
        due = self._credit_due_ms()
        if due is not None and (earliest is None or due < earliest):
            earliest = due
        if flow is not None and flow.until_ms is not None and (earliest is None or flow.until_ms < earliest):
            earliest = flow.until_ms
        return earliest

    def _credit_due_ms(self) -> "int | None":
        """When the account has something to tell, at the present flow and prices; None when that is not in sight."""
        flow = self._flow
        if flow is None or self.headroom is None or self.now_ms is None or not self.closed():
            return None
        room: int | None = self.headroom()
        if room is None:
            return None
        # W times millipence for a kWh: 3.6e9 of them are a millipence in a millisecond.
        rate: int = self.rate(flow)
        if rate <= 0:
            return None
        if room == 0:
            # It cannot be said: looked at again soon, at the same times whoever asks.
            return self.now_ms // _LOOK_MS * _LOOK_MS + _LOOK_MS
        # One more to pass the point, and one for the parts of millipence that wait to be whole.
        return self.now_ms + ((room + 2) * 3600000000 + rate - 1) // rate

    def jump(self, now_ms: int) -> None:
        """It is this time now, and nothing was measured meanwhile: first sight of the time, a clock that was set, power
        that came back.
        """
        self.now_ms = now_ms
        self._flow = None
        self._meter.now_s = now_ms // 1000
        for organ in self._awake():
            organ.set_clock(now_ms)

    def advance(self, target_ms: int) -> bool:
        """Lets time pass until `target_ms`; whether anything was done but measuring.

        A target before the present is a clock that was put back: nothing is undone and nothing is measured.
        """
        acted = False
        if self.now_ms is None or target_ms < self.now_ms:
            self.jump(target_ms)
            acted = True
        assert self.now_ms is not None
        patience = _PATIENCE
        last_due: int | None = None
        while True:
            if self._see_flow(self.now_ms):
                # As after a start, whatever was missed is looked for.
                self.jump(self.now_ms)
                acted = True
                continue
            due = self.deadline_ms()
            step_ms = target_ms if due is None or due > target_ms else due
            if step_ms > self.now_ms:
                self._pass(self.now_ms, step_ms)
            if due != last_due:
                # What was missed in the dark is due at moments of the past, each its own.
                last_due = due
                patience = _PATIENCE
            if due is None or due > target_ms:
                return acted
            if self.dark():
                continue
            patience -= 1
            if not patience:
                raise RuntimeError("something stays due at %d" % step_ms)
            acted = self._do_what_is_due(step_ms) or acted

    def react(self) -> None:
        """Asks everybody at the present moment, after a command or the bench changed something."""
        if self.now_ms is not None:
            for organ in self._awake():
                organ.tick(self.now_ms)
            self._look_at_contacts()

    def _awake(self) -> "list[Any]":
        """The organs that take part in time."""
        if self.metrology is not None:
            return self.organs
        return self._others

    def _see_flow(self, now_ms: int) -> bool:
        """Has at hand what flows now; whether power has come back with it."""
        flow = self._flow
        over = flow is None or (flow.until_ms is not None and flow.until_ms <= now_ms)
        if self.metrology is None or not over:
            return False
        was_dark = self.dark()
        self._flow = flow = self.metrology.flow(now_ms)
        for organ in self.watchers:
            organ.see_flow(flow, now_ms)
        return was_dark and not self.dark()

    def _pass(self, from_ms: int, to_ms: int) -> None:
        """Time passes, and power flows where the switch lets it."""
        flow = self._flow
        if flow is not None and not self.dark():
            if self.closed is not None and not self.closed():
                # The load switch parts the house from the network: nothing is taken and nothing is fed back.
                flow = Flow((0,) * len(flow.import_w), 0, 0, 0, flow.volts, flow.until_ms)
            self._measured = True
            for organ in self.watchers:
                organ.see(flow, from_ms, to_ms)
        self.now_ms = to_ms
        self._meter.now_s = to_ms // 1000

    def _do_what_is_due(self, now_ms: int) -> bool:
        """Instructions first, then the organs in their order; whether there was anything."""
        acted = self._meter.carry_out_due(now_ms // 1000)
        for organ in self._awake():
            due = organ.deadline_ms()
            if due is not None and due <= now_ms:
                organ.tick(now_ms)
                acted = True
        if acted:
            self._look_at_contacts()
        return acted

    def _look_at_contacts(self) -> None:
        """What flows is asked for again when a switch has moved."""
        if self.contacts is not None:
            contacts = self.contacts()
            if contacts != self._contacts:
                self._contacts = contacts
                self._flow = None
