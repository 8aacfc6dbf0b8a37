"""The face over the real organs: account, supply and auxiliary controllers."""

from slotmeter.dlms import obis
from slotmeter.dlms.cosem.hooks import Hooks
from slotmeter.dlms.cosem.tree import SINGLE, Tree
from slotmeter.dlms.octets import put_int
from slotmeter.firmware.account import Account
from slotmeter.firmware.auxiliary import Auxiliary
from slotmeter.firmware.face import Face
from slotmeter.firmware.objects import OBJECTS
from slotmeter.firmware.services import Services
from slotmeter.firmware.settings import Settings
from slotmeter.firmware.supply import ARMED, DISABLED, ENABLED, Supply
from slotmeter.hal.board.crypto import BoardCrypto
from slotmeter.hal.records import Records
from slotmeter.hal.virtual.entropy import SeededEntropy
from slotmeter.hal.virtual.store import VirtualStore
from slotmeter.hal.virtual.switch import VirtualSwitch
from slotmeter.privacy_pin.guard import Guard
from slotmeter.privacy_pin.pin import Pin

NOW_MS = 800000000000
MODE = (111, "0-0:19.0.0.255", 2)
BALANCE = (112, "0-0:19.10.0.255", 2)
# Made for this meter with counter 3 * 2^32 and a worth of ten pounds, by a key whose MAC is these four octets.
TOKEN = "73946144332040217315"


def key(class_id, name, attribute):
    """The nine octets of an attribute."""
    return class_id.to_bytes(2, "big") + obis.parse(name) + bytes((attribute,))


class Home:
    """The organs that a face needs, and a face."""

    def __init__(self):
        crypto = BoardCrypto()
        records = Records(VirtualStore())
        self.settings = Settings()
        self.tree = tree = Tree(OBJECTS, SINGLE, records, Hooks())
        self.told = []
        self.switch = VirtualSwitch()
        self.supply = None
        self.account = Account(tree, records, self.notify, self.settings, self.mac, crypto.equal, self.supply_state)
        self.supply = Supply(tree, records, self.notify, self.settings, self.switch, self.account.wants_supply)
        self.account.verdict_changed = self.verdict_changed
        self.auxiliary = Auxiliary(tree, records, self.notify, self.settings, self.switch, self.clock_status)
        self.organs = (self.account, self.supply, self.auxiliary)
        self.services = Services(
            tree, self.account, self.supply, self.auxiliary, self.now_ms, self.refresh, records.commit
        )
        pin = Pin(records, crypto.sha256, SeededEntropy(1).random, crypto.equal)
        self.face = Face(tree, records, self.notify, self.settings, Guard(pin), self.services)
        for organ in self.organs + (self.face,):
            organ.set_clock(NOW_MS)

    def notify(self, code, other=b"", at_s=None):
        """What is told."""
        self.told.append((code, other))

    def mac(self, counter, high):
        """The MAC that belongs to the one token."""
        return (int(TOKEN[:19]) - 7394156990786306048 & 0xFFFFFFFF).to_bytes(4, "big")

    def supply_state(self):
        return 1 if self.supply is None else self.supply.state()

    def verdict_changed(self):
        if self.supply is not None:
            self.supply.credit_changed(NOW_MS // 1000, self.account.restored_by_emergency())

    def clock_status(self):
        return 0

    def now_ms(self):
        return NOW_MS

    def refresh(self):
        for organ in self.organs:
            organ.flush()

    def poke(self, attribute, data):
        """Places an attribute, and has everybody look."""
        self.refresh()
        self.tree.poke(key(*attribute), data)
        for organ in self.organs:
            organ.load()
        for organ in self.organs:
            organ.tick(NOW_MS)

    def choose(self, title):
        """Goes to a row of the menu and chooses it; the lines then."""
        for pressed in ("HOLD", "HOLD", "HOLD", "B"):
            self.face.press(pressed, NOW_MS)
        for _ in range(30):
            if self.face.lines()[1] == "> " + title:
                self.face.press("B", NOW_MS)
                return self.face.lines()
            self.face.press("A", NOW_MS)
        raise AssertionError("no " + title)

    def press(self, pressed):
        """Presses a key; the lines then."""
        self.face.press(pressed, NOW_MS)
        return self.face.lines()


def money(millipence):
    """A double-long."""
    return b"\x05" + put_int(millipence, 4)


def poor_home():
    """In prepayment, with emergency credit to be had and nothing else."""
    home = Home()
    home.poke((112, "0-0:19.10.1.255", 9), money(300000))
    home.poke((112, "0-0:19.10.1.255", 10), money(100000))
    home.poke((111, "0-0:19.0.0.255", 16), money(200000))
    home.poke(BALANCE, money(-100))
    home.poke(MODE, bytes.fromhex("020216021602"))
    return home


def test_a_meter_in_credit_mode_offers_neither_emergency_credit_nor_a_switch():
    home = Home()
    services = home.services
    assert not services.is_prepayment() and not services.emergency_credit_offered() and not services.low_credit()
    assert services.supply_state() == ENABLED and not services.enable_supply(NOW_MS // 1000)
    assert services.power_status() == 0 and not services.non_disablement()
    assert home.face.lines() == ["Import", "00000 kWh", "Check the clock", "A next  B menu"]


def test_a_customer_without_credit_uses_emergency_credit_and_turns_the_supply_on():
    home = poor_home()
    assert home.services.supply_state() == DISABLED
    assert home.face.indicators()["low_credit"] and home.face.indicators()["emergency_credit_available"]
    home.choose("Emergency credit")
    assert home.press("B")[1] == "Emergency credit in"
    assert home.services.supply_state() == ARMED and home.services.emergency_credit_selected()
    home.choose("Turn supply on")
    assert home.press("B")[1] == "Supply is on"
    assert home.services.supply_state() == ENABLED
    assert home.services.available_credit() == 299900
    here = [(code, other) for code, other in home.told if code in (0x8161, 0x8162)]
    assert here == [(0x8161, b"\x00\x20"), (0x8161, b"\x00\x4f")]


def test_a_token_that_is_typed_is_told_once():
    home = poor_home()
    # More than what is owed: at the disablement threshold itself there is no supply.
    assert home.services.debt_to_clear() == 101
    home.face.enter(TOKEN, NOW_MS)
    assert home.face.lines()[1:3] == ["Credit added £10.00", "Credit £9.99"]
    home.face.enter(TOKEN, NOW_MS)
    assert home.face.lines()[1] == "Already used"
    here = [(code, other) for code, other in home.told if code in (0x8161, 0x8162)]
    assert here == [(0x8161, b"\x00\x07"), (0x8162, b"\x00\x07")]


def test_power_is_low_medium_or_high():
    home = Home()
    levels = []
    for watts in (0, 2300, 2301, 4600, 4601):
        home.tree.poke(
            key(1, "0-0:94.44.34.20", 2),
            b"\x02\x03\x06" + watts.to_bytes(4, "big") + bytes.fromhex("02020f00161b 0600000000"),
        )
        levels.append(home.services.power_status())
    assert levels == [0, 0, 1, 1, 2]


def test_a_boost_is_started_extended_and_cancelled_and_says_why_not():
    home = Home()
    services = home.services
    assert not services.boost_available() and not services.boost_start(15, NOW_MS // 1000)
    assert services.boost_refusal() == "No boost here"
    home.poke((1, "0-0:94.44.7.255", 2), b"\x03\xff")
    assert not services.boost_start(15, NOW_MS // 1000)
    assert services.boost_refusal() == "No load to boost"
    home.poke((1, "0-0:94.44.0.21", 2), b"\x09\x08" + bytes(8))
    home.poke((1, "0-0:94.44.6.1", 2), b"\x03\xff")
    home.choose("Start boost")
    home.press("A")
    assert home.press("B")[1] == "Boost started"
    assert services.boost_left_minutes() == 30
    home.choose("Extend boost")
    home.press("B")
    home.choose("Extend boost")
    home.press("B")
    home.choose("Extend boost")
    assert home.press("B")[1] == "60 minutes at most"
    home.choose("Cancel boost")
    assert home.press("B")[1] == "Boost cancelled"
    assert services.boost_left_minutes() == 0 and services.boost_refusal() == ""
    assert not services.boost_cancel(NOW_MS // 1000) and services.boost_refusal() == "No boost is running"
