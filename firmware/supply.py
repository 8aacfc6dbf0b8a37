"""The supply: who may enable, disable and arm it, and what a load above the limit or tampering does to it.

The supply is enabled (the load switch is closed), armed (open, and the customer may close it at the meter) or disabled
(open, and the customer may not). Why it is so decides what can end it: a supply that the supplier disabled does not
come back with credit, and only one that the load limit armed closes by itself.

What happens to it is TRANSITIONS; what is not in the table changes nothing. In its words:

    enable, arm, disable    the supplier's scripts 51, 54, 52 (ECS42, ECS44, ECS43), whatever the credit (a setting)
    local enable            a button at the meter, or a PPMID: from armed only
    credit gone, back       the account's verdict changed; back is never straight to enabled. 8F0F is the account's
    emergency credit        the verdict changed because emergency credit was activated
    over limit, restored    import above the threshold for the limit period, then the restoration period is over
    tamper                  unauthorised access, with the supply tamper state at Locked
    found open              the switch is open although the supply is enabled: at power-up, or because it did not close

A verdict acts when it changes, and what changed while the power was away acts when it is back. Nothing else that power
loss or a reset does closes a switch: one that was open stays open, and a supply that was enabled with its switch found
open becomes armed.

A switch that does not open is told again every minute, and one that does not close is not told again: it must not close
when nobody expects it. 81C0 and 81BD tell of the first time.

Load limiting (SMETS 5.7.4.19 to .22): import above the threshold for longer than the limit period counts once, with
8F01; the supply state Disable arms the supply as well (8F33) and after the restoration period enables it (8F34). Import
at or below the threshold begins anew. Codes: GBCS 16.2; facts 3.7, 3.8 and 4.4.
"""

from slotmeter.dlms.apdu import HARDWARE_FAULT, OTHER_REASON, SUCCESS
from slotmeter.hal.switch import SUPPLY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from slotmeter.dlms.cosem.tree import Tree
    from slotmeter.firmware.settings import Settings
    from slotmeter.hal.metrology import Flow
    from slotmeter.hal.records import Records
    from slotmeter.hal.switch import Switch

# Control states (ECS45).
DISABLED = 0
ENABLED = 1
ARMED = 2
STATE_NAMES = ("disabled", "enabled", "armed")

# Why it is as it is.
NORMAL = 0
BY_SUPPLIER = 1
BY_CREDIT = 2
BY_LIMIT = 3
BY_TAMPER = 4
WHY_NAMES = ("normal", "supplier", "credit", "load limit", "tamper")
ANYHOW = -1

# What happens.
ENABLE = 0
ARM = 1
DISABLE = 2
LOCAL_ENABLE = 3
CREDIT_GONE = 4
CREDIT_BACK = 5
EMERGENCY_CREDIT = 6
OVER_LIMIT = 7
RESTORED = 8
TAMPER = 9
FOUND_OPEN = 10

ABOVE_LIMIT = 0x8F01
SUPPLY_ARMED = 0x8F32
LIMIT_ARMED = 0x8F33
LIMIT_ENABLED = 0x8F34
ARMED_BY_EMERGENCY_CREDIT = 0x8168
CONNECT_FAILED = 0x81BD
DISCONNECT_FAILED = 0x81C0
LOCKED_BY_TAMPER = 0x81BE
TAMPER_DETECTED = 0x8F3F
# Unauthorised physical access: in general, then battery cover, meter cover, magnetic field, terminal covers, other.
TAMPER_CODES = (TAMPER_DETECTED, 0x8F73, 0x8F74, 0x8F75, 0x8F76, 0x8F77, 0x8F78)

# What happens, to a supply in which state, and why it is in it; its next state, why, and the code that tells of it.
TRANSITIONS = (
    (ENABLE, DISABLED, ANYHOW, ENABLED, BY_SUPPLIER, 0),
    (ENABLE, ARMED, ANYHOW, ENABLED, BY_SUPPLIER, 0),
    (ARM, DISABLED, ANYHOW, ARMED, BY_SUPPLIER, 0),
    (DISABLE, ENABLED, ANYHOW, DISABLED, BY_SUPPLIER, 0),
    (DISABLE, ARMED, ANYHOW, DISABLED, BY_SUPPLIER, 0),
    (DISABLE, DISABLED, ANYHOW, DISABLED, BY_SUPPLIER, 0),
    (LOCAL_ENABLE, ARMED, ANYHOW, ENABLED, NORMAL, 0),
    (CREDIT_GONE, ENABLED, ANYHOW, DISABLED, BY_CREDIT, 0),
    (CREDIT_GONE, ARMED, ANYHOW, DISABLED, BY_CREDIT, 0),
    (CREDIT_BACK, DISABLED, BY_CREDIT, ARMED, BY_CREDIT, SUPPLY_ARMED),
    (EMERGENCY_CREDIT, DISABLED, BY_CREDIT, ARMED, BY_CREDIT, ARMED_BY_EMERGENCY_CREDIT),
    (OVER_LIMIT, ENABLED, ANYHOW, ARMED, BY_LIMIT, LIMIT_ARMED),
    (RESTORED, ARMED, BY_LIMIT, ENABLED, NORMAL, LIMIT_ENABLED),
    (TAMPER, ENABLED, ANYHOW, DISABLED, BY_TAMPER, LOCKED_BY_TAMPER),
    (TAMPER, ARMED, ANYHOW, DISABLED, BY_TAMPER, LOCKED_BY_TAMPER),
    (TAMPER, DISABLED, BY_CREDIT, DISABLED, BY_TAMPER, LOCKED_BY_TAMPER),
    (TAMPER, DISABLED, BY_SUPPLIER, DISABLED, BY_TAMPER, LOCKED_BY_TAMPER),
    (FOUND_OPEN, ENABLED, ANYHOW, ARMED, NORMAL, SUPPLY_ARMED),
)
_COMMANDS = {ENABLED: ENABLE, ARMED: ARM, DISABLED: DISABLE}

CONTROL_STATE = b"\x00\x46\x00\x00\x60\x03\x0a\xff\x03"
OUTPUT_STATE = b"\x00\x46\x00\x00\x60\x03\x0a\xff\x02"
LIMIT_THRESHOLD = b"\x00\x47\x00\x00\x11\x00\x00\xff\x04"
LIMIT_PERIOD = b"\x00\x47\x00\x00\x11\x00\x00\xff\x06"
RESTORATION_PERIOD = b"\x00\x47\x00\x00\x11\x00\x00\xff\x07"
LIMIT_DISABLES = b"\x23\x28\x00\x00\x5e\x2c\x00\x03\x02"
LIMIT_COUNTER = b"\x00\x03\x00\x00\x5e\x2c\x2a\xff\x02"
TAMPER_LOCKS = b"\x00\x01\x00\x00\x5e\x2c\x00\x04\x02"
_NO_LIMIT = 0xFFFFFFFF
_RECORD = "supply"

# A supply is off for a second at least: with both periods at nought it would open and close in one moment for ever.
SHORTEST_RESTORATION_MS = 1000


def transition(event: int, state: int, why: int) -> "tuple[int, int, int] | None":
    """(state, why, code) of what `event` makes of a supply, or None when it makes nothing of it."""
    for row in TRANSITIONS:
        if row[0] == event and row[1] == state and row[2] in (ANYHOW, why):
            return row[3], row[4], row[5]
    return None


class Supply:
    """The organ that moves the load switch.

    notify(code): tells of an event; credit_allows(): whether the account lets the supply be on. settings:
    enable_without_credit (the supplier's enable and arm are obeyed whatever the credit, the default),
    switch_retry_ms (how often a switch that does not open is told again).
    """

    def __init__(
        self,
        tree: "Tree",
        records: "Records",
        notify: "Callable[..., None]",
        settings: "Settings",
        switch: "Switch",
        credit_allows: "Callable[[], bool]",
    ) -> None:
        self._tree = tree
        self._records = records
        self._notify = notify
        self._switch = switch
        self._credit_allows = credit_allows
        self._retry_ms = settings.switch_retry_ms
        self._without_credit = settings.enable_without_credit
        self._state = ENABLED
        self._why = NORMAL
        # What the account said last.
        self._credit_was = True
        # When the restoration period is over, -1 when there is none.
        self._restore_ms = -1
        # When an import above the threshold counts; -1 when it is not above, or has counted.
        self._over_ms = -1
        self._counted = False
        self._import_w = 0
        self._retry_at_ms = -1
        self._failed = False
        self._threshold_w = _NO_LIMIT
        self._period_ms = 0
        self._restoration_ms = SHORTEST_RESTORATION_MS
        self._count = 0
        self._now_ms = 0
        self._look = False
        self._dirty = False
        self.load()

    # ---- state

    def state(self) -> int:
        """DISABLED, ENABLED or ARMED."""
        return self._state

    def why(self) -> int:
        """NORMAL, BY_SUPPLIER, BY_CREDIT, BY_LIMIT or BY_TAMPER."""
        return self._why

    def closed(self) -> bool:
        """Whether power passes the load switch: what its contact says, whatever it was told."""
        return self._switch.is_closed(SUPPLY)

    # ---- what happens to it

    def command(self, state: int, now_s: int) -> int:
        """The supplier's command to be ENABLED, ARMED or DISABLED; returns a data-access result.

        hardware-fault when the switch did not follow; other-reason without credit, where the setting asks for it.
        """
        self._now_ms = now_s * 1000
        event = _COMMANDS.get(state)
        if event is None:
            return OTHER_REASON
        if state != DISABLED and not self._without_credit and not self._credit_allows():
            return OTHER_REASON
        self._happen(event)
        self.flush()
        failed = self._state != ENABLED if event == ENABLE else self._stuck()
        return HARDWARE_FAULT if failed else SUCCESS

    def enable_locally(self, now_s: int) -> bool:
        """The customer closes the switch at the meter; False when the supply is not armed, or the switch stays open."""
        self._now_ms = now_s * 1000
        if self._state != ARMED:
            return False
        self._happen(LOCAL_ENABLE)
        self.flush()
        return self.state() == ENABLED

    def credit_changed(self, now_s: int, by_emergency_credit: bool = False) -> None:
        """The account's verdict may have changed; by_emergency_credit: because that was activated just now."""
        self._now_ms = now_s * 1000
        self._see_credit(by_emergency_credit)
        self.flush()

    def tamper(self, now_s: int, code: int = TAMPER_DETECTED) -> None:
        """Unauthorised access was detected; code: one of TAMPER_CODES."""
        self._now_ms = now_s * 1000
        self._notify(code, at_s=now_s)
        if self._tree.value(TAMPER_LOCKS)[1]:
            self._happen(TAMPER)
            self.flush()

    def see_flow(self, flow: "Flow", now_ms: int) -> None:
        """Import is this from now on, as it would be with the switch closed."""
        self._now_ms = now_ms
        total = 0
        for watts in flow.import_w:
            total += watts
        self._import_w = total
        self._watch()

    def see(self, flow: "Flow", from_ms: int, to_ms: int) -> None:
        """What flowed: nothing here depends on how much."""

    def power_up(self, now_ms: int) -> None:
        """Power is back, or the meter was started: the switch is where it was left, and what changed meanwhile acts."""
        self._now_ms = now_ms
        # The limit period counts uninterrupted import.
        self._over_ms = -1
        self._counted = False
        self._look_around()
        self.flush()

    # ---- an organ

    def load(self) -> None:
        """Reads configuration and state; a control state that somebody placed is obeyed."""
        tree = self._tree
        threshold = int.from_bytes(tree.value(LIMIT_THRESHOLD)[1:], "big")
        if threshold != self._threshold_w:
            self._threshold_w = threshold
            self._over_ms = -1
            self._counted = False
        self._period_ms = int.from_bytes(tree.value(LIMIT_PERIOD)[1:], "big") * 1000
        restoration = int.from_bytes(tree.value(RESTORATION_PERIOD)[1:], "big") * 1000
        self._restoration_ms = restoration if restoration > SHORTEST_RESTORATION_MS else SHORTEST_RESTORATION_MS
        self._count = int.from_bytes(tree.value(LIMIT_COUNTER)[1:], "big")
        stored = self._records.get(_RECORD)
        if stored is None:
            self._state = ENABLED
            self._why = NORMAL
            self._credit_was = True
            self._restore_ms = -1
        else:
            self._state = stored[0]
            self._why = stored[1]
            self._credit_was = bool(stored[2])
            self._restore_ms = int.from_bytes(stored[3:], "big") - 1
        self._dirty = False
        placed = tree.value(CONTROL_STATE)[1]
        if placed != self._state and placed in _COMMANDS:
            # A command through the tree has been obeyed already; this is the bench's hand.
            self._become(placed, NORMAL if placed == ENABLED else BY_SUPPLIER)
            self.flush()
        self._look = True

    def flush(self) -> None:
        """Writes state and counter into the tree and the records."""
        if not self._dirty:
            return
        self._dirty = False
        tree = self._tree
        for key, value in (
            (CONTROL_STATE, bytes((0x16, self._state))),
            (OUTPUT_STATE, b"\x03\xff" if self.closed() else b"\x03\x00"),
            (LIMIT_COUNTER, b"\x06" + self._count.to_bytes(4, "big")),
        ):
            if tree.value(key) != value:
                tree.put(key, value)
        head = bytes((self._state, self._why, 1 if self._credit_was else 0))
        record = head + (self._restore_ms + 1).to_bytes(8, "big")
        if self._records.get(_RECORD) != record:
            self._records.put(_RECORD, record)

    def deadline_ms(self) -> "int | None":
        """The end of the limit period, of the restoration period, or the next try of a switch that does not open."""
        due = self._over_ms
        for other in (self._restore_ms, self._retry_at_ms):
            if other >= 0 and (due < 0 or other < due):
                due = other
        return None if due < 0 else due

    def tick(self, now_ms: int) -> None:
        """Does what is due, and after a change of configuration looks around."""
        self._now_ms = now_ms
        if self._look:
            self._look_around()
        if 0 <= self._over_ms <= now_ms:
            self._over_ms = -1
            self._counted = True
            self._count = (self._count + 1) & 0xFFFFFFFF
            self._dirty = True
            self._notify(ABOVE_LIMIT)
            if self._tree.value(LIMIT_DISABLES)[1]:
                self._happen(OVER_LIMIT)
        if 0 <= self._restore_ms <= now_ms:
            self._happen(RESTORED)
        if 0 <= self._retry_at_ms <= now_ms:
            self._move()
        # At once: an activation in the same moment makes everybody read again.
        self.flush()

    def set_clock(self, now_ms: int) -> None:
        """The clock was set, or is seen for the first time: periods that run do not last longer for it."""
        self._now_ms = now_ms
        if self._restore_ms > now_ms + self._restoration_ms:
            self._restore_ms = now_ms + self._restoration_ms
            self._dirty = True
        if self._retry_at_ms > now_ms + self._retry_ms:
            self._retry_at_ms = now_ms + self._retry_ms
        self.power_up(now_ms)

    # ---- inside

    def _look_around(self) -> None:
        """The account may have another opinion, and the switch another place, than when last seen."""
        self._look = False
        self._see_credit(False)
        closed = self.closed()
        if self._state == ENABLED and not closed:
            self._happen(FOUND_OPEN)
        elif self._state != ENABLED and closed and self._retry_at_ms < 0:
            self._move()
        self._watch()

    def _see_credit(self, by_emergency_credit: bool) -> None:
        allows = self._credit_allows()
        if allows == self._credit_was:
            return
        self._credit_was = allows
        self._dirty = True
        if not allows:
            self._happen(CREDIT_GONE)
        else:
            self._happen(EMERGENCY_CREDIT if by_emergency_credit else CREDIT_BACK)

    def _happen(self, event: int) -> None:
        """What the table says of this event."""
        found = transition(event, self._state, self._why)
        if found is None:
            return
        state, why, code = found
        if self._become(state, why) and code:
            self._notify(code)

    def _become(self, state: int, why: int) -> bool:
        """Takes a state and has the switch follow; False when it was to close and stayed open: then it is armed."""
        self._state = state
        self._why = why
        self._dirty = True
        self._restore_ms = self._now_ms + self._restoration_ms if state == ARMED and why == BY_LIMIT else -1
        self._over_ms = -1
        self._counted = False
        followed = self._move()
        if state == ENABLED and not followed:
            self._state = ARMED
            self._why = NORMAL
            return False
        self._watch()
        return True

    def _move(self) -> bool:
        """Tells the switch where to be; whether it is there. The first failure is told of."""
        wanted = self._state == ENABLED
        if self.closed() != wanted:
            self._switch.move(SUPPLY, wanted)
            self._dirty = True
        if self.closed() == wanted:
            self._failed = False
            self._retry_at_ms = -1
            return True
        if wanted:
            self._notify(CONNECT_FAILED)
            return False
        if not self._failed:
            self._failed = True
            self._notify(DISCONNECT_FAILED)
        self._retry_at_ms = self._now_ms + self._retry_ms
        return False

    def _stuck(self) -> bool:
        """Whether the switch is closed and should not be."""
        return self._state != ENABLED and self.closed()

    def _watch(self) -> None:
        """Import above the threshold through a supply that is enabled counts when it has lasted the limit period."""
        if self._import_w <= self._threshold_w or self._state != ENABLED:
            self._over_ms = -1
            self._counted = False
        elif self._over_ms < 0 and not self._counted:
            self._over_ms = self._now_ms + self._period_ms
