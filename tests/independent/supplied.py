"""A supply with the things around it, for tests: credit, load, switch, store, and what was told."""

from slotmeter.dlms.cosem.hooks import Hooks
from slotmeter.dlms.cosem.tree import SINGLE, Tree
from slotmeter.firmware import supply as s
from slotmeter.firmware.objects import OBJECTS
from slotmeter.firmware.settings import Settings
from slotmeter.firmware.supply import Supply
from slotmeter.hal.metrology import Flow
from slotmeter.hal.records import Records
from slotmeter.hal.switch import SUPPLY
from slotmeter.hal.virtual.store import VirtualStore
from slotmeter.hal.virtual.switch import VirtualSwitch

NOW_S = 800000000
NOW = NOW_S * 1000


class House:
    """One supply, and the time."""

    def __init__(self, without_credit=True):
        self.store = VirtualStore()
        self.switch = VirtualSwitch()
        self.credit = True
        self.now = NOW
        self.told = []
        self.settings = Settings()
        self.settings.enable_without_credit = without_credit
        self.start()

    def start(self):
        """The meter is started, with what is in its store."""
        self.records = Records(self.store)
        self.tree = Tree(OBJECTS, SINGLE, self.records, Hooks())
        self.supply = Supply(self.tree, self.records, self.note, self.settings, self.switch, self.allows)
        self.supply.set_clock(self.now)

    def allows(self):
        return self.credit

    def note(self, code, other=b"", at_s=None):
        self.told.append(code)

    def codes(self):
        """What was told since last asked."""
        told = self.told
        self.told = []
        return told

    def state(self):
        """The state that the tree tells, which must be the organ's, and whether power passes."""
        self.supply.flush()
        state = self.tree.value(s.CONTROL_STATE)[1]
        assert state == self.supply.state()
        assert self.tree.value(s.OUTPUT_STATE) == (b"\x03\xff" if self.switch.is_closed(SUPPLY) else b"\x03\x00")
        return state, self.supply.closed()

    def command(self, state):
        return self.supply.command(state, self.now // 1000)

    def set_credit(self, credit, by_emergency=False):
        self.credit = credit
        self.supply.credit_changed(self.now // 1000, by_emergency)

    def limit(self, watts=5000, period=300, restoration=30, disables=True):
        self.tree.poke(s.LIMIT_THRESHOLD, b"\x06" + watts.to_bytes(4, "big"))
        self.tree.poke(s.LIMIT_PERIOD, b"\x06" + period.to_bytes(4, "big"))
        self.tree.poke(s.RESTORATION_PERIOD, b"\x06" + restoration.to_bytes(4, "big"))
        self.tree.poke(s.LIMIT_DISABLES, b"\x03\xff" if disables else b"\x03\x00")
        self.supply.load()
        self.supply.tick(self.now)

    def load(self, watts):
        self.supply.see_flow(Flow((watts,)), self.now)

    def wait(self, seconds):
        """Time passes; whatever is due is done at its time."""
        target = self.now + seconds * 1000
        due = self.supply.deadline_ms()
        while due is not None and due <= target:
            self.now = max(self.now, due)
            self.supply.tick(self.now)
            due = self.supply.deadline_ms()
        self.now = target

    def power_cut(self, seconds=0):
        """The power goes; what was committed and the switch stay."""
        self.supply.flush()
        self.records.commit()
        self.now += seconds * 1000
        self.start()
