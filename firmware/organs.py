"""Introduces the organs of a meter to one another: who measures, who keeps the account, who moves the switch.

                     flow
    metrology ------------------> voltage, outage
        |                            |
        | flow (0 with the switch    | events
        v open)                      v
    metering -- cost --> account   notices --> logs, alerts
                           |  verdict
                           v
    commands, face ----> supply ----> switch 0
    calendar, commands > auxiliary -> switches 1 to 5

An organ knows none of the others: it gets functions. They act at one moment in the order of `set_organs`.
"""

from slotmeter.dlms.gbcs.roles import SUPPLIER
from slotmeter.firmware import billing
from slotmeter.firmware.account import Account
from slotmeter.firmware.auxiliary import Auxiliary
from slotmeter.firmware.face import Face
from slotmeter.firmware.integrity import Integrity
from slotmeter.firmware.metering import Metering
from slotmeter.firmware.outage import Outage
from slotmeter.firmware.services import Services
from slotmeter.firmware.settings import TWIN
from slotmeter.firmware.supply import Supply
from slotmeter.firmware.voltage import Voltage
from slotmeter.privacy_pin.guard import Guard
from slotmeter.privacy_pin.pin import Pin

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slotmeter.firmware.meter import Meter
    from slotmeter.hal import Hal
    from slotmeter.hal.metrology import Flow

BILLING_LOG_UPDATED = 0x8F0A
# Records of the half-hour, voltage period and hour of collection that are running: after a restart they are others.
CLOCKWORK = ("m.state", "voltage", "acc.done")


class Organs:
    """The organs of one meter, by name."""

    def __init__(self, meter: "Meter", hal: "Hal") -> None:
        tree = meter.tree
        records = meter.records
        settings = meter.settings
        notify = meter.notices.notify
        crypto = hal.crypto
        switch = hal.switch
        if switch is None:
            raise ValueError("a meter needs relays: give Hal a switch")
        self._meter = meter
        self._twin = settings.variant == TWIN
        self._ready = False
        self.account = Account(
            tree, records, notify, settings, meter.behaviour.token_mac, crypto.equal, self._supply_state
        )
        self.supply = supply = Supply(tree, records, notify, settings, switch, self.account.wants_supply)
        self._ready = True
        self.metering = Metering(tree, records, self._billing_updated, settings, self._charge)
        self.metering.refresh_balances = self.account.flush
        self.account.verdict_changed = self._verdict_changed
        self.account.mode_changed = self._mode_changed
        self.account.keep = records.commit
        self.account.time_s = self._now_s
        self.auxiliary = Auxiliary(tree, records, notify, settings, switch, meter.behaviour.clock_status)
        self.voltage = Voltage(tree, records, notify, settings)
        self.integrity = Integrity(notify, supply.tamper)
        self.outage = Outage(tree, records, notify, settings)
        self.pin = Pin(
            records,
            crypto.sha256,
            hal.entropy.random,
            crypto.equal,
            settings.pin_attempts,
            settings.pin_lock_s * 1000,
            settings.pin_settable_remotely,
        )
        self.pin.keep = records.commit
        self.guard = Guard(self.pin, settings.pin_kinds, settings.face_idle_s * 1000)
        self.services = Services(
            tree, self.account, supply, self.auxiliary, self._now_ms, meter.life.flush, records.commit
        )
        self.face = Face(tree, records, notify, settings, self.guard, self.services)

        life = meter.life
        life.set_organs(
            [self.outage, self.metering, self.account, supply, self.auxiliary, self.voltage, self.face]
        )
        life.watchers = [self.outage, self.metering, supply, self.voltage]
        life.measurers = [self.outage, self.metering, self.voltage]
        life.closed = supply.closed
        life.dark = self.outage.is_dark
        life.headroom = self.account.headroom
        life.rate = self._rate
        life.contacts = switch.contacts
        life.set_metrology(hal.metrology)

    def _rate(self, flow: "Flow") -> int:
        """W of import times millipence for a kWh; only a twin meter has a price of its own for its second element."""
        price = self.metering.active_price
        rate = 0
        for element in range(len(flow.import_w)):
            rate += flow.import_w[element] * price(element if self._twin else 0)
        return rate

    def _now_ms(self) -> int:
        return self._meter.life.now_ms or 0

    def _now_s(self) -> int:
        return self._meter.now_s

    def _supply_state(self) -> int:
        # Asked while the organs are being made, before there is a supply: a meter leaves the factory with it on.
        return self.supply.state() if self._ready else 1

    def _charge(self, element: int, millipence: int) -> None:
        self.account.consume(millipence, element)

    def _verdict_changed(self) -> None:
        if self._ready:
            self.supply.credit_changed(self._meter.now_s, self.account.restored_by_emergency())

    def _mode_changed(self) -> None:
        self.metering.snapshot(billing.MODE_CHANGED)

    def supplier_changed(self) -> None:
        """The supplier's credentials were replaced by another's: a billing snapshot."""
        self.metering.snapshot(billing.SUPPLIER_CHANGED, self._meter.now_s)

    def _billing_updated(self, code: int) -> None:
        """Metering tells of an event; the newest billing entries travel encrypted in theirs (ECS68)."""
        elements: tuple[bytes, ...] = ()
        if code == BILLING_LOG_UPDATED:
            block = self._meter.protect_for_alert(self.metering.newest_billing(), SUPPLIER)
            if block is None:
                # Nobody who could read it.
                return
            elements = block
        self._meter.notices.notify(code, elements=elements)
