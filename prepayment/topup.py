"""Whether a top-up counts: the meter's side of a UTRN (GBCS 14.3; SMETS 5.7; facts section 9).

    1  twenty digits, check digit, range, value class       NOT_A_UTRN, CHECK_DIGIT
    2  MAC32 is the supplier's over the whole counter       NOT_AUTHENTIC
    3  that counter lies above the floor                    BELOW_FLOOR
    4  the counter was not accepted before                  DUPLICATE
    5  not worth more than one top-up may be                TOO_LARGE
    6  there is room in the meter balance                   BALANCE

Before all of them, for a token that is typed: entry is not locked out (slotmeter.prepayment.lockout), LOCKED.

The sources differ on the order of 2 and 3; with the MAC first, every later reason is about a true token.

The counter. A token carries ten bits of it. A remote one came in a command whose header counter is the whole, so it
must reduce to the ten. For a local one the whole is rebuilt: of the counters with these ten bits, and the low 32
zero, those less than 1024 steps from the highest accepted so far are tried, the nearest first, and the MAC says which
was meant. How far a real meter looks is published nowhere.

The memory. The last hundred counters are kept (GBCS 14.1), the highest hundred here; what falls out raises the floor,
so that no token counts twice however many come between. A floor set from outside (CS02b) with a new top-up key
forgets them: they were the old key's.
"""

from slotmeter.prepayment.utrn import CHECK_DIGIT, NOT_A_UTRN, parse, truncate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from slotmeter.prepayment.utrn import Utrn

    class Record(Protocol):
        """What the counters are kept in: named octets that survive a power cut once their owner commits them."""

        def get(self, name: str) -> "bytes | None":
            """The octets, or None."""

        def put(self, name: str, value: bytes) -> None:
            """Sets them."""


ACCEPTED = ""
BELOW_FLOOR = "below-floor"
NOT_AUTHENTIC = "not-authentic"
DUPLICATE = "duplicate"
TOO_LARGE = "too-large"
BALANCE = "balance"
LOCKED = "locked"
REASONS = (NOT_A_UTRN, CHECK_DIGIT, BELOW_FLOOR, NOT_AUTHENTIC, DUPLICATE, TOO_LARGE, BALANCE, LOCKED)
# What only a true token is refused for.
OF_TRUE_TOKENS = (BELOW_FLOOR, DUPLICATE, TOO_LARGE, BALANCE)
# The alert and log code of a reason (GBCS section 16); the others have none.
ALERT_CODES = ((NOT_AUTHENTIC, 0x8F63), (DUPLICATE, 0x8F51), (TOO_LARGE, 0x8F5B), (BALANCE, 0x8F47), (LOCKED, 0x81C5))
# What the screen says. Nothing tells a token for another meter from one that nobody made: the MAC cannot.
TEXTS = (
    (ACCEPTED, "Credit added"),
    (NOT_A_UTRN, "Not a top-up code"),
    (CHECK_DIGIT, "Wrong digit"),
    (BELOW_FLOOR, "Code is too old"),
    (NOT_AUTHENTIC, "Not for this meter"),
    (DUPLICATE, "Already used"),
    (TOO_LARGE, "Above maximum credit"),
    (BALANCE, "Balance would be too high"),
    (LOCKED, "Entry is locked"),
)
# Credit added by a token that was entered at the meter.
CREDIT_ADDED_LOCALLY = 0x810E

# Counters that are remembered (GBCS 14.1).
CACHE = 100
# Steps of the upper half around the highest counter in which a local token is looked for: the reach of ten bits.
_REACH = 1024
_NAME = "u"


def alert_code(reason: str) -> int:
    """The alert that tells of a refusal, 0 when there is none."""
    for known, code in ALERT_CODES:
        if known == reason:
            return code
    return 0


def screen_text(reason: str) -> str:
    """What the screen says about a token that was accepted, or refused for this reason."""
    for known, text in TEXTS:
        if known == reason:
            return text
    return ""


class TopUp:
    """A judged token. reason: ACCEPTED or one of REASONS; counter: the whole 64 bits, 0 when not known; millipence: its
    worth, 0 when not authentic.
    """

    def __init__(self, reason: str, counter: int = 0, millipence: int = 0) -> None:
        self.reason = reason
        self.counter = counter
        self.millipence = millipence

    def __repr__(self) -> str:
        return "TopUp(%s, %d millipence)" % (self.reason or "accepted", self.millipence)


class Validator:
    """Judges tokens and remembers the accepted ones.

    record: where the counters are kept; check_mac: (counter, upper 4 octets of the PTUT) to the 4 octets of MAC32 under
    the supplier's top-up key, b"" when the device has none; equal: compares octets in constant time.
    """

    def __init__(
        self,
        record: "Record",
        check_mac: "Callable[[int, bytes], bytes]",
        equal: "Callable[[bytes, bytes], bool]",
    ) -> None:
        self._record = record
        self._check_mac = check_mac
        self._equal = equal

    def __repr__(self) -> str:
        return "Validator(%d counters)" % len(self._counters())

    # ---- counters

    def floor(self) -> int:
        """Only counters above this are accepted."""
        octets = self._record.get(_NAME)
        return 0 if octets is None else int.from_bytes(octets[:8], "big")

    def highest(self) -> int:
        """The highest counter accepted, or the floor."""
        octets = self._record.get(_NAME)
        return 0 if octets is None else int.from_bytes(octets[-8:], "big")

    def seen(self, counter: int) -> bool:
        """Whether a token with this counter cannot be accepted any more: accepted before, or not above the floor."""
        return counter <= self.floor() or counter in self._counters()

    def set_floor(self, floor: int, renewed: bool) -> None:
        """Sets the floor: any value with a new top-up key, which also empties the memory; else it can only rise."""
        if renewed:
            self._keep(floor, [])
        elif floor > self.floor():
            self._keep(floor, [counter for counter in self._counters() if counter > floor])

    def _counters(self) -> "list[int]":
        """The remembered counters, lowest first."""
        octets = self._record.get(_NAME) or b""
        return [int.from_bytes(octets[pos : pos + 8], "big") for pos in range(8, len(octets), 8)]

    def _keep(self, floor: int, counters: "list[int]") -> None:
        parts = [floor.to_bytes(8, "big")]
        for counter in counters:
            parts.append(counter.to_bytes(8, "big"))
        self._record.put(_NAME, b"".join(parts))

    # ---- tokens

    def judge(
        self, digits: str, header_counter: "int | None" = None, most: "int | None" = None, room: "int | None" = None
    ) -> TopUp:
        """Judges a token and changes nothing.

        header_counter: the originator counter of the command that brought it, None when it was entered locally; most:
        the highest worth of one top-up; room: how much the meter balance may still grow; both in millipence, None for
        any.
        """
        token, reason = parse(digits)
        if token is None:
            return TopUp(reason)
        if header_counter is None:
            counter, reason = self._rebuild(token)
        else:
            # Not in a method of its own: a board has few calls left here, and the MAC needs most of them.
            counter = header_counter
            if truncate(counter) != token.truncated or counter & 0xFFFFFFFF or not self._authentic(token, counter):
                reason = NOT_AUTHENTIC
            else:
                reason = BELOW_FLOOR if counter <= self.floor() else ACCEPTED
        if reason:
            return TopUp(reason)
        worth = token.millipence()
        if counter in self._counters():
            reason = DUPLICATE
        elif most is not None and worth > most:
            reason = TOO_LARGE
        elif room is not None and worth > room:
            reason = BALANCE
        return TopUp(reason, counter, worth)

    def accept(self, top_up: TopUp) -> None:
        """Remembers the counter of an accepted token, so that it is a duplicate from now on."""
        floor = self.floor()
        counters = self._counters()
        place = len(counters)
        while place and counters[place - 1] > top_up.counter:
            place -= 1
        counters.insert(place, top_up.counter)
        if len(counters) > CACHE:
            floor = counters.pop(0)
        self._keep(floor, counters)

    def _rebuild(self, token: "Utrn") -> "tuple[int, str]":
        """The whole counter of a token that came without, and the reason when it is refused."""
        centre = self.highest() >> 32
        # One step back and one forward at most: the two counters with these ten bits around the highest.
        back = centre - (centre - token.truncated) % _REACH
        forward = back + _REACH
        nearest = (back, forward) if centre - back <= forward - centre else (forward, back)
        for upper in nearest:
            # A token for the centre itself has its next namesakes a whole window away.
            if upper < 0 or upper >> 32 or upper - centre >= _REACH:
                continue
            counter = upper << 32
            if self._authentic(token, counter):
                return counter, BELOW_FLOOR if counter <= self.floor() else ACCEPTED
        return 0, NOT_AUTHENTIC

    def _authentic(self, token: "Utrn", counter: int) -> bool:
        mac = self._check_mac(counter, token.high)
        return len(mac) == 4 and self._equal(mac, token.mac)
