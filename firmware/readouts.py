"""How values read on the meter's face: money, energy, prices, times and texts as a customer sees them.

A readout turns a number or octets into text and never fails on a value of its type. Money is cut to the penny below:
a customer is never shown credit that is not there. Registers show five whole digits of their seven, unless a setting
says otherwise (SECMP0006: 5 shown, 7 stored).
"""

from slotmeter.dlms import dates
from slotmeter.firmware.alerts import ALERT_CODES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_MODES = ("", "credit", "prepayment")
SUPPLY = ("off", "on", "armed")
_CLOCK = ("reliable", "invalid", "unreliable")
_POWER = ("low", "medium", "high")
_OUTCOMES = ("unknown", "done", "failed")
_HOUR_S = 3600
_DAY_S = 86400


def _word(words: "tuple[str, ...]", number: int) -> str:
    """The word for a number, the number itself when there is none."""
    return words[number] if 0 <= number < len(words) and words[number] else str(number)


def _pence(millipence: int) -> str:
    """Pence with three decimals, exact."""
    whole = abs(millipence)
    return "%s%d.%03d p" % ("-" if millipence < 0 else "", whole // 1000, whole % 1000)


def _scaled(charge: "Any") -> int:
    """Millipence of a charge's first price: amount times ten to the power of the scale, in currency units."""
    amount = charge[2][0][1][1] if charge[2] else 0
    digits = charge[0][1] + 5
    if digits >= 0:
        return int(amount * 10**digits)
    below = -digits
    return int(amount // 10**below)


def index_name(octets: bytes) -> str:
    """The name of a price index: T1 to T48, or B1 T1 to B4 T8 for A1..A8, B1.., C1.., D1.. (facts 3.2)."""
    if len(octets) != 1:
        return ""
    number = octets[0]
    if number < 0xA0:
        return "T%d" % number
    return "B%d T%d" % ((number >> 4) - 9, number & 15)


def letters(octets: bytes) -> str:
    """Octets as text: UTF-8 when they are, else ASCII with question marks; control characters become blanks."""
    try:
        text = bytes(octets).decode()
    except (UnicodeError, ValueError):
        text = "".join([chr(octet) if octet < 0x80 else "?" for octet in octets])
    return "".join([letter if letter >= " " and letter != "\x7f" else " " for letter in text])


def when(seconds: int) -> str:
    """A point of time: `2026-03-31 12:00:00`, seconds since 2000."""
    return dates.text(dates.from_seconds(seconds))


def wrap(text: str, columns: int) -> "list[str]":
    """Text in lines of at most so many characters, broken between words where it can be."""
    lines: list[str] = []
    line = ""
    for word in text.split(" "):
        if line and len(line) + 1 + len(word) > columns:
            lines.append(line)
            line = ""
        line = line + " " + word if line else word
        while len(line) > columns:
            lines.append(line[:columns])
            line = line[columns:]
    if line:
        lines.append(line)
    return lines


class Readout:
    """Every method makes a text of one value. digits: whole digits shown of a register; symbol: of the currency."""

    def __init__(self, digits: int) -> None:
        self._turn = 10**digits
        self._register = "%0" + str(digits) + "d %s"
        self.symbol = "£"

    # ---- numbers

    def energy(self, value: int) -> str:
        """Wh as whole kWh."""
        return self._register % (value // 1000 % self._turn, "kWh")

    def reactive(self, value: int) -> str:
        """Reactive energy in varh as whole kvarh."""
        return self._register % (value // 1000 % self._turn, "kvarh")

    def power(self, value: int) -> str:
        """W."""
        return "%d W" % value

    def unlimited_power(self, value: int) -> str:
        """W, where the highest value stands for no limit."""
        return "none" if value == 0xFFFFFFFF else "%d W" % value

    def money(self, value: int) -> str:
        """Millipence as pounds and pence, cut to the penny below."""
        pence = value // 1000
        return "%s%s%d.%02d" % ("-" if pence < 0 else "", self.symbol, abs(pence) // 100, abs(pence) % 100)

    def price(self, value: int) -> str:
        """Millipence per kWh."""
        return _pence(value) + "/kWh"

    def daily(self, value: "Any") -> str:
        """A charge object's price, for a day."""
        return _pence(_scaled(value)) + " a day"

    def rate(self, value: "Any") -> str:
        """A charge object's price, for a period that is said elsewhere."""
        return _pence(_scaled(value))

    def indexed_price(self, value: "Any") -> str:
        """An element of a price matrix: index and price."""
        return (index_name(value[0]) + " " + self.price(value[1])).strip()

    def period(self, value: int) -> str:
        """Seconds: an hour, a day, or their number."""
        return "an hour" if value == _HOUR_S else "a day" if value == _DAY_S else "%d s" % value

    def percent(self, value: int) -> str:
        """Hundredths of a percent."""
        return "%d.%02d %%" % (value // 100, value % 100)

    def count(self, value: int) -> str:
        """A number."""
        return str(value)

    def minutes(self, value: int) -> str:
        """Minutes."""
        return "%d min" % value

    def cap(self, value: int) -> str:
        """Whole currency units a week."""
        return "%s%d a week" % (self.symbol, value)

    # ---- words

    def yes_no(self, value: bool) -> str:
        """A boolean."""
        return "yes" if value else "no"

    def locked(self, value: bool) -> str:
        """The supply tamper state."""
        return "locked" if value else "unchanged"

    def mode(self, value: int) -> str:
        """Payment mode of an account."""
        return _word(_MODES, value)

    def supply(self, value: int) -> str:
        """State of the load switch."""
        return _word(SUPPLY, value)

    def clock(self, value: int) -> str:
        """Status of the clock."""
        return _word(_CLOCK, value)

    def level(self, value: int) -> str:
        """Power threshold status."""
        return _word(_POWER, value)

    def controller(self, value: bytes) -> str:
        """Type and identifier of an auxiliary controller."""
        if not value:
            return "none"
        if value == b"\xff":
            return "APC"
        return "ALCS" if value == bytes(8) else "HCALCS " + value.hex().upper()

    def text(self, value: bytes) -> str:
        """Octets as text."""
        return letters(value)

    def octets(self, value: bytes) -> str:
        """Octets in hexadecimal."""
        return bytes(value).hex().upper() if value else ""

    def moment(self, value: bytes) -> str:
        """A COSEM date-time of twelve octets."""
        return dates.text(value)

    def clock_time(self, value: int) -> str:
        """Milliseconds since 2000."""
        return when(value // 1000)

    # ---- entries of logs: what follows the time stamp of a row

    def event(self, row: bytes) -> str:
        """A code and its meaning."""
        code = row[0] << 8 | row[1]
        for known, meaning in ALERT_CODES:
            if known == code:
                return "%04X %s" % (code, meaning)
        return "%04X" % code

    def action(self, row: bytes) -> str:
        """A command word of an auxiliary controller and its outcome."""
        return "%s %s" % (row[:2].hex().upper(), _word(_OUTCOMES, row[2]))

    def boost(self, row: bytes) -> str:
        """The time of day at which a boost ended."""
        return "to " + when(int.from_bytes(row[:4], "big"))[11:]

    def payment(self, row: bytes) -> str:
        """Four octets of millipence."""
        return self.money(int.from_bytes(row[:4], "big"))

    def balance(self, row: bytes) -> str:
        """Four octets of millipence, with sign."""
        value = int.from_bytes(row[:4], "big")
        return self.money(value - 0x100000000 if value >> 31 else value)

    def consumed(self, row: bytes) -> str:
        """Four octets of Wh, to the watt-hour."""
        value = int.from_bytes(row[:4], "big")
        return "%d.%03d kWh" % (value // 1000, value % 1000)

    def reading(self, row: bytes) -> str:
        """Four octets of Wh, as a register shows them."""
        return self.energy(int.from_bytes(row[:4], "big"))
