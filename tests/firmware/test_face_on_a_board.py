"""The face with what a board has: the whole menu, the PIN, a token, the logs."""

from slotmeter.dlms import obis
from slotmeter.dlms.cosem.hooks import Hooks
from slotmeter.dlms.cosem.tree import SINGLE, Tree
from slotmeter.firmware import logs
from slotmeter.firmware.face import KEYS, Face
from slotmeter.firmware.objects import OBJECTS
from slotmeter.firmware.settings import Settings
from slotmeter.hal.board.crypto import BoardCrypto
from slotmeter.hal.records import Records
from slotmeter.hal.virtual.entropy import SeededEntropy
from slotmeter.hal.virtual.store import VirtualStore
from slotmeter.prepayment.topup import NOT_AUTHENTIC, TopUp
from slotmeter.privacy_pin.guard import Guard
from slotmeter.privacy_pin.pin import Pin

NOW_MS = 800000000000
TOKEN = "73946144332040217315"


class SmallHousehold:
    """What the face asks for, with a balance, a switch and a boost."""

    def __init__(self):
        self.time_ms = NOW_MS
        self.balance = 123000
        self.selected = False
        self.state = 2
        self.minutes = 0

    def now_ms(self):
        return self.time_ms

    def refresh(self):
        pass

    def is_prepayment(self):
        return True

    def available_credit(self):
        return self.balance

    def debt_to_clear(self):
        return 0

    def low_credit(self):
        return self.balance < 200000

    def emergency_credit_offered(self):
        return not self.selected

    def emergency_credit_selected(self):
        return self.selected

    def non_disablement(self):
        return False

    def top_up(self, digits, now_s):
        if digits != TOKEN:
            return TopUp(NOT_AUTHENTIC)
        self.balance += 1000000
        return TopUp("", 1, 1000000)

    def activate_emergency_credit(self, now_s):
        self.selected = True
        return True

    def supply_state(self):
        return self.state

    def enable_supply(self, now_s):
        self.state = 1
        return True

    def power_status(self):
        return 0

    def pairing_available(self):
        return True

    def pair_display(self):
        return True

    def boost_available(self):
        return True

    def boost_left_minutes(self):
        return self.minutes

    def boost_start(self, minutes, now_s):
        self.minutes = minutes
        return True

    def boost_extend(self, minutes, now_s):
        self.minutes += minutes
        return True

    def boost_cancel(self, now_s):
        self.minutes = 0
        return True

    def boost_refusal(self):
        return ""


class Story:
    """A face, and what it told."""

    def __init__(self, pin=""):
        self.house = SmallHousehold()
        self.records = Records(VirtualStore())
        self.tree = Tree(OBJECTS, SINGLE, self.records, Hooks())
        crypto = BoardCrypto()
        self.pin = Pin(self.records, crypto.sha256, SeededEntropy(1).random, crypto.equal)
        if pin:
            self.pin.set(pin)
        self.told = []
        self.face = Face(self.tree, self.records, self.notify, Settings(), Guard(self.pin), self.house)
        self.face.set_clock(NOW_MS)

    def notify(self, code, other=b"", at_s=None):
        """What the face tells."""
        self.told.append(code)

    def press(self, *keys):
        """Presses keys; the lines then."""
        for key in keys:
            assert self.face.press(key, self.house.time_ms)
        return self.face.lines()

    def enter(self, digits):
        """Types digits; the lines then."""
        self.face.enter(digits, self.house.time_ms)
        return self.face.lines()

    def choose(self, title):
        """Goes to a row of the menu and chooses it."""
        lines = self.press("CLEAR", "CLEAR", "CLEAR", "B")
        for _ in range(30):
            if lines[1] == "> " + title:
                return self.press("B")
            lines = self.press("A")
        raise AssertionError("no " + title)


def test_every_row_of_the_menu_opens_and_every_screen_of_it_fits():
    story = Story()
    logs.note_event(story.tree, NOW_MS // 1000, 0x8145, b"")
    for title in (
        "Add credit",
        "Emergency credit",
        "Turn supply on",
        "Start boost",
        "Extend boost",
        "Cancel boost",
        "Your supply",
        "Prepayment",
        "Registers",
        "Prices",
        "Boost",
        "General",
        "Logs",
        "Set PIN",
    ):
        lines = story.choose(title)
        for _ in range(20):
            assert len(lines) == 4 and max([len(line) for line in lines]) <= 20
            lines = story.press("A")
        if title in ("Emergency credit", "Turn supply on", "Start boost", "Extend boost", "Cancel boost"):
            story.choose(title)
            story.press("B")
    assert story.house.selected and story.house.state == 1 and story.house.minutes == 0
    assert story.told == [0x8161] * 4


def test_a_pin_is_set_guards_and_is_entered():
    story = Story()
    story.choose("Set PIN")
    story.enter("4711")
    assert story.enter("4711")[1] == "PIN set"
    story.house.time_ms += 30000
    story.face.tick(story.house.time_ms)
    assert story.choose("Prepayment")[0] == "Enter PIN"
    assert story.enter("0000")[1:3] == ["_", "Wrong PIN, 4 left"]
    assert story.enter("4711")[:2] == ["Credit", "£1.23"]


def test_a_token_needs_no_pin():
    story = Story(pin="4711")
    assert story.enter(TOKEN)[:2] == ["Add credit", "Credit added £10.00"]
    assert story.enter("1" * 20)[1] == "Not for this meter"


def test_a_log_is_read():
    story = Story()
    story.tree.append(obis.parse("0-0:98.1.5.255"), (NOW_MS // 1000).to_bytes(4, "big") + (500000).to_bytes(4, "big"))
    story.choose("Logs")
    assert story.press("B") == ["Top-ups 1/1", "2025-05-08 06:13:20", "£5.00", "A older  B back"]


def test_any_key_at_any_place_is_survived():
    story = Story(pin="4711")
    number = 1
    for _ in range(400):
        number = (number * 1103515245 + 12345) & 0x7FFFFFFF
        lines = story.press(KEYS[(number >> 16) % len(KEYS)])
        assert "1.23" not in "".join(lines)
