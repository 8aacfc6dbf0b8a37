"""A meter's face with a small household behind it: an account, a switch and a boost that keep state and obey."""

from slotmeter.dlms import dates, obis
from slotmeter.dlms.cosem.hooks import Hooks
from slotmeter.dlms.cosem.tree import SINGLE, Tree
from slotmeter.firmware.face import Face
from slotmeter.firmware.objects import OBJECTS
from slotmeter.firmware.settings import Settings
from slotmeter.hal.board.crypto import BoardCrypto
from slotmeter.hal.records import Records
from slotmeter.hal.virtual.entropy import SeededEntropy
from slotmeter.hal.virtual.store import VirtualStore
from slotmeter.prepayment.topup import DUPLICATE, NOT_AUTHENTIC, TopUp
from slotmeter.prepayment.utrn import CHECK_DIGIT, NOT_A_UTRN
from slotmeter.privacy_pin.guard import Guard
from slotmeter.privacy_pin.pin import Pin

# 2026-03-31 12:00:00.
NOON_MS = dates.days_from_date(2026, 3, 31) * 86400000 + 43200000
TOKEN = "73946144332040217315"


def key(class_id, name, attribute):
    """The nine octets of an attribute."""
    return class_id.to_bytes(2, "big") + obis.parse(name) + bytes((attribute,))


def octet_string(octets):
    """A-XDR of a short octet-string."""
    return b"\x09" + bytes((len(octets),)) + octets


class ClockHooks(Hooks):
    """A clock whose status can be chosen."""

    status = 0

    def read_clock(self, number, access):
        """Attribute 4 is the status."""
        return bytes((17, self.status)) if number == 4 else None


class Household:
    """Everything that Services offers, over plain numbers. One token is known, worth ten pounds."""

    def __init__(self):
        self.time_ms = NOON_MS
        self.prepayment = False
        self.balance = 0
        self.emergency_limit = 0
        self.emergency_threshold = 0
        self.selected = False
        self.low_threshold = 0
        self.window = False
        self.state = 1
        self.boost_end_ms = None
        self.network_there = False
        self.boost_there = False
        self.used = []
        self.typed = []
        self.refreshed = 0

    def now_ms(self):
        return self.time_ms

    def refresh(self):
        self.refreshed += 1

    def is_prepayment(self):
        return self.prepayment

    def available_credit(self):
        return self.balance + (self.emergency_limit if self.selected else 0)

    def debt_to_clear(self):
        return 1234000

    def low_credit(self):
        return self.prepayment and self.available_credit() < self.low_threshold

    def emergency_credit_offered(self):
        return (
            self.prepayment
            and not self.selected
            and self.emergency_limit > 0
            and self.balance < self.emergency_threshold
        )

    def emergency_credit_selected(self):
        return self.selected

    def non_disablement(self):
        return self.window

    def top_up(self, digits, now_s):
        self.typed.append(digits)
        if len(digits) != 20 or not digits.isdigit():
            return TopUp(NOT_A_UTRN)
        if digits[:19] == TOKEN[:19] and digits != TOKEN:
            return TopUp(CHECK_DIGIT)
        if digits != TOKEN:
            return TopUp(NOT_AUTHENTIC)
        if digits in self.used:
            return TopUp(DUPLICATE)
        self.used.append(digits)
        self.balance += 1000000
        return TopUp("", 1, 1000000)

    def activate_emergency_credit(self, now_s):
        if not self.emergency_credit_offered():
            return False
        self.selected = True
        if self.state == 0:
            self.state = 2
        return True

    def supply_state(self):
        return self.state

    def enable_supply(self, now_s):
        if self.state != 2:
            return False
        self.state = 1
        return True

    def power_status(self):
        return 1

    def pairing_available(self):
        return self.network_there

    def pair_display(self):
        return self.network_there

    def boost_available(self):
        return self.boost_there

    def boost_left_minutes(self):
        if self.boost_end_ms is None or self.boost_end_ms <= self.time_ms:
            return 0
        return (self.boost_end_ms - self.time_ms + 59999) // 60000

    def boost_start(self, minutes, now_s):
        if not self.boost_there or self.boost_left_minutes():
            return False
        self.boost_end_ms = self.time_ms + minutes * 60000
        return True

    def boost_extend(self, minutes, now_s):
        left = self.boost_left_minutes()
        if not left or left + minutes > 60:
            return False
        self.boost_end_ms += minutes * 60000
        return True

    def boost_cancel(self, now_s):
        if not self.boost_left_minutes():
            return False
        self.boost_end_ms = None
        return True

    def boost_refusal(self):
        return "60 minutes at most" if self.boost_left_minutes() else "No boost is running"


class World:
    """A face, its tree, its records on a store, and what it has told."""

    def __init__(self, pin="", variant=SINGLE, store=None, household=None, settable_remotely=False, **choices):
        self.store = store or VirtualStore()
        self.records = Records(self.store)
        self.hooks = ClockHooks()
        self.tree = Tree(OBJECTS, variant, self.records, self.hooks)
        self.household = household or Household()
        crypto = BoardCrypto()
        self.pin = Pin(
            self.records,
            crypto.sha256,
            SeededEntropy(1).random,
            crypto.equal,
            settable_remotely=settable_remotely,
        )
        if pin:
            assert self.pin.set(pin) == ""
        self.guard = Guard(self.pin)
        self.told = []
        settings = Settings(variant)
        for name in choices:
            setattr(settings, name, choices[name])
        self.face = Face(self.tree, self.records, self.notify, settings, self.guard, self.household)
        self.face.set_clock(self.household.time_ms)

    def notify(self, code, other=b"", at_s=None):
        """What the face tells."""
        self.told.append((code, other))

    def poke(self, class_id, name, attribute, data):
        """Places an attribute."""
        self.tree.poke(key(class_id, name, attribute), data)

    def power_cut(self):
        """The same meter after the mains came back; what was done before was committed."""
        self.records.commit()
        return World(store=self.store.reopened(), household=self.household)

    def wait(self, seconds):
        """Time passes, and the face is asked when it wants to be."""
        target = self.household.time_ms + seconds * 1000
        due = self.face.deadline_ms()
        while due is not None and due <= target:
            self.household.time_ms = max(due, self.household.time_ms)
            self.face.tick(self.household.time_ms)
            due = self.face.deadline_ms()
        self.household.time_ms = target

    def press(self, *keys):
        """Presses keys, a second each; the text of the screen then."""
        for pressed in keys:
            self.household.time_ms += 1000
            assert self.face.press(pressed, self.household.time_ms)
        return self.screen()

    def enter(self, digits):
        """Types digits and confirms; the text of the screen then."""
        self.household.time_ms += 1000
        self.face.enter(digits, self.household.time_ms)
        return self.screen()

    def screen(self):
        """The display as one text."""
        return "\n".join(self.face.lines())

    def menu(self):
        """Every row of the menu, by walking through it; back on its first."""
        titles = []
        screen = self.press("CLEAR", "CLEAR", "CLEAR", "B")
        while screen.split("\n")[1][2:] not in titles:
            titles.append(screen.split("\n")[1][2:])
            screen = self.press("A")
        return titles

    def choose(self, title):
        """Goes to a row of the menu and chooses it; the text of the screen then."""
        screen = self.press("CLEAR", "CLEAR", "CLEAR", "B")
        for _ in range(40):
            if screen.split("\n")[1] == "> " + title:
                return self.press("B")
            screen = self.press("A")
        raise AssertionError("the menu has no " + title)

    def walk(self, title):
        """Every screen of a list, without the hint, by walking through it."""
        screens = []
        screen = self.choose(title)
        while True:
            shown = " | ".join([line for line in screen.split("\n")[:-1] if line])
            if shown in screens:
                return screens
            screens.append(shown)
            screen = self.press("A")
