"""Scenarios: stories of a meter as text, one instruction on a line, read and checked before anything happens.

A line is split into words as a shell would do it: blanks part words, quotes keep them together, # begins a comment. The
table at the end of this module is the grammar; docs/scenarios.md is written from it. An instruction's reader turns the
words after its name into an action on a `Player`, so that a mistake in the last line is told before the first is done.
"""

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from slotmeter.boards.pc.bench_clock import parse_time
from slotmeter.boards.pc.errors import SlotmeterError
from slotmeter.firmware import integrity
from slotmeter.firmware.settings import VARIANT_NAMES
from slotmeter.hal.clock import STATUS_NAMES

if TYPE_CHECKING:
    from slotmeter.boards.pc.player import Player

    Action = Callable[[Player], object]

_UNITS_MS = {"ms": 1, "s": 1000, "m": 60_000, "min": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_DURATION = re.compile(r"(\d+)(ms|s|min|m|h|d|w)")
_CLOCK_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2})?)?Z?")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_ATTRIBUTE = re.compile(r"(\d+)/([^/]+)/(\d+)")
_CODE = re.compile(r"[0-9A-Fa-f]{4}")
DAY_MS = 86_400_000
# When a scenario begins that does not say when: a Wednesday.
_BEGINNING_MS = parse_time("2025-01-01T00:00:00Z")


class ScenarioError(SlotmeterError):
    """A scenario that cannot be read: file, line and what is wrong with it."""


class _Mistake(Exception):
    """What is wrong with the words of a line."""


class Words:
    """The words of an instruction after its name; each reader takes what it knows and leaves none."""

    def __init__(self, words: "list[str]") -> None:
        self._words = list(words)

    def __bool__(self) -> bool:
        return bool(self._words)

    def next(self, what: str) -> str:
        """The next word; _Mistake when there is none."""
        if not self._words:
            raise _Mistake("%s is missing" % what)
        return self._words.pop(0)

    def rest(self) -> "list[str]":
        """All that is left."""
        words, self._words = self._words, []
        return words

    def taken(self, word: str) -> bool:
        """Whether the next word is this one; then it is taken."""
        if self._words and self._words[0] == word:
            self._words.pop(0)
            return True
        return False

    def choice(self, what: str, choices: "tuple[str, ...]") -> str:
        """The next word, one of `choices`."""
        word = self.next(what)
        if word not in choices:
            raise _Mistake("%s is one of %s, not %r" % (what, ", ".join(choices), word))
        return word

    def whole(self, what: str, unit: str = "") -> int:
        """The next word as a whole number, with or without its unit."""
        word = self.next(what)
        try:
            return int(word.removesuffix(unit), 0)
        except ValueError:
            raise _Mistake("%s is a whole number%s, not %r" % (what, " of " + unit if unit else "", word)) from None

    def code(self) -> int:
        """The next word as an alert or event code."""
        word = self.next("a code")
        if not _CODE.fullmatch(word):
            raise _Mistake("a code has four hexadecimal digits, such as 810D, not %r" % word)
        return int(word, 16)

    def end(self) -> None:
        """_Mistake when something is left."""
        if self._words:
            raise _Mistake("%r is one word too many" % self._words[0])


class Amount:
    """A number as it is written: value in units of 10^-places. about: whether half of the last digit either way is
    near enough.
    """

    def __init__(self, text: str, about: bool = False) -> None:
        if not _NUMBER.fullmatch(text):
            raise _Mistake("a number such as 3.20, not %r" % text)
        whole, _, part = text.partition(".")
        self.text = text
        self.places = len(part)
        self.value = int(whole + part)
        self.about = about

    def scaled(self, places: int) -> int:
        """In units of 10^-places."""
        if places < self.places:
            raise _Mistake("%s has more than %d decimals" % (self.text, places))
        return self.value * int(10 ** (places - self.places))

    def fits(self, value: int, places: int) -> bool:
        """Whether `value` (in units of 10^-places) is this number."""
        slack = 10 ** (places - self.places) // 2 if self.about else 0
        return abs(value - self.scaled(places)) <= slack


def duration(text: str) -> int:
    """Milliseconds of 30s, 15m, 2h, 3d, 1w and what is joined of them, 1d12h."""
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise _Mistake("a time such as 30s, 15m, 2h, 3d or 1d12h, not %r" % text)
    return sum(int(number) * _UNITS_MS[unit] for number, unit in parts)


def moment(text: str) -> "int | None":
    """Milliseconds since 2000 of 2025-01-31, 2025-01-31T18:00 or the full form; None for a mere time of day."""
    if _CLOCK_TIME.fullmatch(text):
        return None
    if not _DATE.fullmatch(text):
        raise _Mistake("a moment such as 2025-01-31T18:00:00Z, 2025-01-31 or 18:00, not %r" % text)
    day, _, clock = text.removesuffix("Z").replace(" ", "T").partition("T")
    clock = clock or "00:00"
    try:
        return parse_time("%sT%sZ" % (day, clock if clock.count(":") == 2 else clock + ":00"))
    except ValueError as error:
        raise _Mistake(str(error)) from None


def next_time_of_day(text: str, now_ms: int) -> int:
    """Milliseconds since 2000 of the next time that the clock shows hh:mm or hh:mm:ss."""
    found = _CLOCK_TIME.fullmatch(text)
    assert found is not None
    of_day = ((int(found[1]) * 60 + int(found[2])) * 60 + int(found[3] or 0)) * 1000
    target = now_ms - now_ms % DAY_MS + of_day
    return target if target > now_ms else target + DAY_MS


def attribute(text: str) -> "dict[str, object]":
    """The fields class, obis and attribute of 3/1-0:1.8.0.255/2."""
    found = _ATTRIBUTE.fullmatch(text)
    if not found:
        raise _Mistake("an attribute such as 112/0-0:19.10.0.255/2, not %r" % text)
    return {"class": int(found[1]), "obis": found[2], "attribute": int(found[3])}


class Step:
    """One instruction: where it stands, what it says, what it does."""

    def __init__(self, line: int, text: str, action: "Action") -> None:
        self.line = line
        self.text = text
        self.action = action


class Scenario:
    """A story that was read: title from its first comment, how the meter starts, and the steps."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.title = ""
        self.variant = "single"
        self.start = _BEGINNING_MS
        self.seed = 1
        self.steps: list[Step] = []


# ---- how each instruction is read

_BALANCES = ("balance", "emergency", "accumulated", "debt-1", "debt-2", "payment-debt")
_ENERGIES = ("import", "import-2", "export")
# Decimals that the meter keeps: millipence in pounds, watt hours in kilowatt hours.
MONEY_PLACES = 5
ENERGY_PLACES = 3


def _load(words: Words) -> "Action":
    if words.taken("file"):
        name = words.next("the name of a file")
        return lambda player: player.load_file(name)
    if words.taken("house"):
        options: dict[str, int] = {}
        while words:
            key = words.choice("an option of the house", ("seed", "base", "solar", "car", "tank", "sags", "swells"))
            options[key] = words.whole(key, "W")
        return lambda player: player.load({"house": True, **options})
    fields: dict[str, object] = {}
    watts: list[int] = []
    if words.taken("none"):
        watts = [0]
    else:
        while words and not fields:
            word = words.next("watts")
            if word in ("export", "var", "volts"):
                _load_option(word, words, fields)
            else:
                watts.append(Words([word]).whole("a load", "W"))
    while words:
        _load_option(words.choice("what else flows", ("export", "var", "volts")), words, fields)
    fields["watts"] = watts
    return lambda player: player.load(fields)


def _load_option(word: str, words: Words, fields: "dict[str, object]") -> None:
    if word == "volts":
        volts = []
        while words:
            volts.append(Amount(words.next("volts").removesuffix("V")).scaled(1) / 10)
        fields["volts"] = volts
    else:
        fields["export_watts" if word == "export" else word] = words.whole(word, "W")


def _wait(words: Words) -> "Action":
    if words.taken("until"):
        text = words.next("a moment")
        at = moment(text)
        return lambda player: player.wait_until(at, text)
    milliseconds = sum(duration(word) for word in [words.next("a time"), *words.rest()])
    return lambda player: player.wait(milliseconds)


def _clock(words: Words) -> "Action":
    if words.taken("set"):
        text = words.next("a moment")
        at = moment(text)
        if at is None:
            return lambda player: player.set_clock(next_time_of_day(text, player.now_ms()))
        return lambda player: player.set_clock(at)
    if words.taken("status"):
        status = words.choice("a status", STATUS_NAMES)
        return lambda player: player.ask("clock", status=status)
    raise _Mistake("clock set MOMENT, or clock status STATUS")


def _power(words: Words) -> "Action":
    on = words.choice("power", ("on", "off")) == "on"
    return lambda player: player.ask("power", on=on)


def _links(words: Words) -> "Action":
    fields: dict[str, bool] = {}
    while words or not fields:
        link = words.choice("a link", ("wan", "han"))
        fields[link] = words.choice(link, ("on", "off")) == "on"
    return lambda player: player.ask("links", **fields)


def _press(words: Words) -> "Action":
    keys = [words.next("a key"), *words.rest()]
    return lambda player: player.press(keys)


def _choose(words: Words) -> "Action":
    title = words.next("a row of the menu")
    return lambda player: player.choose(title)


def _turn(words: Words) -> "Action":
    words.choice("turn to", ("to",))
    title = words.next("a title")
    return lambda player: player.turn(title)


def _enter(words: Words) -> "Action":
    digits = "".join([words.next("digits"), *words.rest()])
    return lambda player: player.enter(digits)


def _topup(words: Words) -> "Action":
    digits = "".join([words.next("a token"), *words.rest()])
    return lambda player: player.enter(digits)


def _utrn(words: Words) -> "Action":
    amount = words.next("an amount")
    if not words.taken("as"):
        raise _Mistake("utrn AMOUNT as NAME: the name that the token goes by in this scenario")
    name = words.next("a name")
    party, counter, meter = "supplier", None, ""
    while words:
        option = words.choice("an option", ("by", "counter", "meter"))
        if option == "by":
            party = words.next("a party")
        elif option == "counter":
            counter = words.whole("a counter")
        else:
            meter = words.next("an EUI-64")
    return lambda player: player.mint(amount, name, party, counter, meter)


def _send(words: Words) -> "Action":
    name = words.next("a use case")
    if name in ("again", "spoiled"):
        return lambda player: player.send_again(name == "spoiled")
    given: dict[str, str] = {}
    options = {"as": "", "at": "now", "from": "-31d", "to": "now"}
    while words:
        word = words.next("a field")
        field, equals, value = word.partition("=")
        if equals and field:
            given[field] = value
        elif word in options:
            options[word] = words.next("what follows %s" % word)
        else:
            raise _Mistake("field=value, as PARTY, at TIME, from TIME or to TIME, not %r" % word)
    return lambda player: player.send(name, given, options)


def _set(words: Words) -> "Action":
    fields = attribute(words.next("an attribute"))
    octets = "".join([words.next("a value in A-XDR"), *words.rest()])
    return lambda player: player.ask("set", axdr=octets, **fields)


def _counter(words: Words) -> "Action":
    role = words.next("a role")
    value = words.whole("a value")
    return lambda player: player.ask("counter", role=role, value=value)


def _fault(words: Words) -> "Action":
    fields: dict[str, object] = {"item": words.whole("the number of an item")}
    if words:
        fields["result"] = words.next("a result")
    return lambda player: player.ask("fault", **fields)


def _tamper(words: Words) -> "Action":
    sensors = tuple(one[0] for one in integrity.SENSORS if one[0] != "hub")
    what = words.choice("what is tampered with", sensors) if words else "general"
    ended = bool(words) and words.choice("tamper", ("ended",)) == "ended"
    return lambda player: player.ask("tamper", what=what, ended=ended)


def _self_test(words: Words) -> "Action":
    fault = words.choice("what the self-test finds", tuple(one[0] for one in integrity.FAULTS))
    return lambda player: player.ask("self-test", finds=fault)


def _hub(words: Words) -> "Action":
    what = words.choice("the hub", ("on", "off", "joined", "time"))
    if what == "joined":
        return lambda player: player.ask("hub", joined=True)
    if what != "time":
        return lambda player: player.ask("hub", attached=what == "on")
    text = words.next("a moment, or how far from the meter's")
    if text[0] in "+-":
        offset_ms = duration(text[1:]) if text[0] == "+" else -duration(text[1:])
        return lambda player: player.hub_time(player.now_ms() + offset_ms)
    at = moment(text)
    if at is None:
        raise _Mistake("the hub's time has a date, or is +30s or -30s from the meter's")
    return lambda player: player.hub_time(at)


def _device_key(words: Words) -> "Action":
    which = words.choice("a key", ("signature", "agreement"))
    return lambda player: player.await_certificate("digital-signature" if which == "signature" else "key-agreement")


def _firmware(words: Words) -> "Action":
    version = words.next("a version")
    if not re.fullmatch("[0-9A-Fa-f]{8}", version):
        raise _Mistake("a version has eight hexadecimal digits, not %r" % version)
    if not words.taken("as"):
        raise _Mistake("firmware VERSION as NAME: the name that the image's hash goes by in this scenario")
    name = words.next("a name")
    party = words.next("a party") if words.taken("by") else "supplier"
    return lambda player: player.send_firmware(bytes.fromhex(version), name, party)


def _switch(words: Words) -> "Action":
    number = words.whole("the number of a switch")
    stuck = words.choice("a switch", ("stuck", "free")) == "stuck"
    return lambda player: player.ask("switch", number=number, stuck=stuck)


def _forget(words: Words) -> "Action":
    words.choice("what to forget", ("alerts",))
    return lambda player: player.forget_alerts()


def _within(words: Words) -> int:
    return duration(words.next("a time")) if words.taken("within") else 0


def _expect_screen(words: Words) -> "Action":
    text = words.next("a text")
    return lambda player: player.expect_screen(text, True)


def _expect_no_screen(words: Words) -> "Action":
    text = words.next("a text")
    return lambda player: player.expect_screen(text, False)


def _expect_indicator(words: Words) -> "Action":
    name = words.next("an indicator")
    lit = not words or words.choice("an indicator", ("on", "off")) == "on"
    return lambda player: player.expect_indicator(name, lit)


def _expect_alert(words: Words) -> "Action":
    code = words.code()
    party = words.next("a party") if words.taken("to") else ""
    limit_ms = _within(words)
    return lambda player: player.expect_alert(code, party, limit_ms)


def _expect_no_alert(words: Words) -> "Action":
    code = words.code() if words else None
    return lambda player: player.expect_no_alert(code)


def _expect_response(words: Words) -> "Action":
    kind = words.choice("a response", ("success", "failure", "refused"))
    reason = words.next("a reason") if words and kind == "refused" else ""
    return lambda player: player.expect_response(kind, reason)


def _expect_number(name: str, places: int) -> "Callable[[Words], Action]":
    def read(words: Words) -> "Action":
        relation = words.next("a number")
        if relation in ("about", "below", "above"):
            amount = Amount(words.next("a number"), relation == "about")
        else:
            amount = Amount(relation)
            relation = ""
        amount.scaled(places)
        return lambda player: player.expect_number(name, places, relation, amount)

    return read


def _expect_supply(words: Words) -> "Action":
    state = words.choice("supply", ("disabled", "enabled", "armed"))
    limit_ms = _within(words)
    return lambda player: player.expect_word("supply", state, limit_ms)


def _expect_mode(words: Words) -> "Action":
    mode = words.choice("a payment mode", ("credit", "prepayment"))
    limit_ms = _within(words)
    return lambda player: player.expect_word("mode", mode, limit_ms)


def _expect_pin(words: Words) -> "Action":
    word = words.next("set, or not set")
    if word == "not":
        words.choice("not set", ("set",))
        word = "not set"
    elif word != "set":
        raise _Mistake("pin is set or not set, not %r" % word)
    return lambda player: player.expect_word("pin", word, 0)


def _expect_clock(words: Words) -> "Action":
    status = words.choice("a clock status", STATUS_NAMES)
    return lambda player: player.expect_word("clock", status, 0)


def _expect_register(words: Words) -> "Action":
    number = str(words.whole("the number of a register"))
    limit_ms = _within(words)
    return lambda player: player.expect_word("register", number, limit_ms)


def _expect_controller(words: Words) -> "Action":
    number = words.whole("the number of a controller")
    if not 1 <= number <= 5:
        raise _Mistake("a controller is 1 to 5, not %d" % number)
    state = words.choice("a controller", ("on", "off"))
    limit_ms = _within(words)
    return lambda player: player.expect_word("controller-%d" % number, state, limit_ms)


_LOGS = ("event", "security", "power", "auxiliary")


def _expect_log(words: Words) -> "Action":
    log = words.choice("a log", _LOGS)
    code = words.code()
    other = _other(words)
    count = words.whole("how many") if words else None
    return lambda player: player.expect_log(log, code, count, other)


def _expect_no_log(words: Words) -> "Action":
    log = words.choice("a log", _LOGS)
    code = words.code()
    other = _other(words)
    return lambda player: player.expect_log(log, code, 0, other)


def _other(words: Words) -> "str | None":
    """What an entry of a log has to hold beside its code, None for whatever it holds."""
    if not words.taken("with"):
        return None
    word = words.next("what else the entry holds")
    if not re.fullmatch("([0-9A-Fa-f]{2})+", word):
        raise _Mistake("an entry holds octets, two hexadecimal digits each, not %r" % word)
    return word.upper()


def _expect_value(words: Words) -> "Action":
    fields = attribute(words.next("an attribute"))
    text = " ".join([words.next("a value"), *words.rest()])
    return lambda player: player.expect_value(fields, text)


def _expect_rows(words: Words) -> "Action":
    fields = attribute(words.next("an attribute"))
    count = words.whole("how many")
    return lambda player: player.expect_rows(fields, count)


# ---- the grammar: name, what follows it, what it does, reader. The sections are those of docs/scenarios.md.

SECTIONS = (
    ("The meter", "These stand before everything else."),
    ("The world", ""),
    ("A person at the meter", ""),
    ("Remote parties", ""),
    ("The hand of the bench", ""),
    ("What is expected", ""),
)
_HEADERS = (
    ("variant", "single|twin|polyphase", "Which meter; `single` when it is not said."),
    ("start", "MOMENT", "When the story begins; 2025-01-01T00:00:00Z, a Wednesday, when it is not said."),
    ("seed", "NUMBER", "Where the meter's random numbers come from; 1 when it is not said."),
)
INSTRUCTIONS: "tuple[tuple[int, str, str, str, Callable[[Words], Action]], ...]" = (
    (
        1,
        "load",
        "WATTS... [export WATTS] [var VAR] [volts VOLTS...]",
        "What flows from now on: import for each element or phase; `load none` for nothing.",
        _load,
    ),
    (
        1,
        "load house",
        "[seed N] [base W] [solar W] [car W] [tank N] [sags N] [swells N]",
        "The simulated household, with panels, a car, and a water tank behind auxiliary switch N.",
        _load,
    ),
    (1, "load file", "FILE.csv", "Half-hours from a file beside the scenario.", _load),
    (1, "wait", "DURATION...", "Lets time pass: 30s, 15m, 2h, 3d, 1w, 1d12h. What falls due happens.", _wait),
    (1, "wait until", "MOMENT", "Until 2025-02-01, 2025-02-01T18:00:00Z, or the next 18:00.", _wait),
    (1, "clock set", "MOMENT", "Puts the meter's clock forward or back; no time passes.", _clock),
    (1, "clock status", "reliable|invalid|unreliable", "What the meter thinks of its clock.", _clock),
    (1, "power", "on|off", "The mains. Off loses what was not stored.", _power),
    (1, "links", "wan|han on|off", "The wide-area or home network. Messages wait until it is back.", _links),
    (
        1,
        "tamper",
        "[%s [ended]]" % "|".join(one[0] for one in integrity.SENSORS if one[0] != "hub"),
        "Somebody tampers with the meter, in general when it is not said how; or puts it right again.",
        _tamper,
    ),
    (
        1,
        "hub",
        "on|off|joined|time MOMENT",
        "The hub is plugged in or pulled out, lets the meter join, or tells the time: +5s, -5s are from the meter's.",
        _hub,
    ),
    (1, "self-test", "|".join(one[0] for one in integrity.FAULTS), "The meter's self-test finds a fault.", _self_test),
    (2, "press", "KEY...", "Presses keys of the meter in turn: a, b, hold, ok, clear, or a digit.", _press),
    (2, "choose", "TITLE", "Goes through the menu with the two buttons to this row, and chooses it.", _choose),
    (2, "turn to", "TITLE", "Presses a until the display shows this.", _turn),
    (2, "enter", "DIGITS...", "Types digits and confirms them.", _enter),
    (2, "topup", "$NAME", "Types a token made by `utrn`.", _topup),
    (
        3,
        "send",
        "USE-CASE [FIELD=VALUE...] [as PARTY] [at TIME] [from TIME] [to TIME]",
        "A command as `slotmeter request` sends it; `slotmeter request USE-CASE --fields` shows its fields.",
        _send,
    ),
    (3, "send again", "", "The last command once more, octet for octet.", _send),
    (3, "send spoiled", "", "The last command once more, with its last octet changed.", _send),
    (
        3,
        "firmware",
        "VERSION as NAME [by PARTY]",
        "A firmware image, signed by the supplier when it is not said by whom, arrives; $NAME stands for its hash.",
        _firmware,
    ),
    (
        3,
        "utrn",
        "AMOUNT as NAME [by PARTY] [counter N] [meter EUI-64]",
        "Makes a top-up token; $NAME stands for its digits in the lines below.",
        _utrn,
    ),
    (4, "set", "CLASS/OBIS/ATTRIBUTE AXDR", "Places a value past access rights.", _set),
    (4, "counter", "ROLE VALUE", "Sets an originator counter, as the bench's operation does.", _counter),
    (4, "fault", "ITEM [RESULT]", "Makes an item of the next command fail.", _fault),
    (
        4,
        "device-key",
        "signature|agreement",
        "The meter waits for a certificate of the key that it has, as if it had just made it.",
        _device_key,
    ),
    (4, "switch", "NUMBER stuck|free", "Makes a relay (0 is the supply's) stay where it is; or sets it free.", _switch),
    (4, "forget alerts", "", "Takes all alerts that came so far as expected.", _forget),
    (5, "expect screen", "TEXT", "A line of the display holds this text.", _expect_screen),
    (5, "expect no screen", "TEXT", "No line does.", _expect_no_screen),
    (5, "expect indicator", "NAME [on|off]", "An indicator is lit, or is not.", _expect_indicator),
    (
        5,
        "expect alert",
        "CODE [to PARTY] [within DURATION]",
        "This alert came, and was not expected before; with `within`, time passes until it comes.",
        _expect_alert,
    ),
    (5, "expect no alert", "[CODE]", "No alert came that was not expected before.", _expect_no_alert),
    (
        5,
        "expect response",
        "success|failure|refused [REASON]",
        "How the last command ended: a meter answers a failure, and refuses in silence.",
        _expect_response,
    ),
    *[
        (
            5,
            "expect " + name,
            "[about|below|above] POUNDS",
            "%s. `about`: give or take half of the last digit." % text,
            _expect_number(name, MONEY_PLACES),
        )
        for name, text in (
            ("balance", "The meter balance"),
            ("emergency", "The emergency credit that is left"),
            ("accumulated", "The accumulated debt register"),
            ("debt-1", "Time debt 1"),
            ("debt-2", "Time debt 2"),
            ("payment-debt", "Payment debt"),
        )
    ],
    *[
        (5, "expect " + name, "[about|below|above] KWH", "%s." % text, _expect_number(name, ENERGY_PLACES))
        for name, text in (
            ("import", "The active import register"),
            ("import-2", "That of the second element"),
            ("export", "The active export register"),
        )
    ],
    (5, "expect supply", "disabled|enabled|armed [within DURATION]", "The state of supply.", _expect_supply),
    (5, "expect mode", "credit|prepayment [within DURATION]", "The payment mode.", _expect_mode),
    (5, "expect register", "NUMBER [within DURATION]", "The tariff register that turns now.", _expect_register),
    (5, "expect controller", "NUMBER on|off [within DURATION]", "An auxiliary switch.", _expect_controller),
    (5, "expect clock", "reliable|invalid|unreliable", "What the meter thinks of its clock.", _expect_clock),
    (5, "expect pin", "set|not set", "Whether there is a privacy PIN.", _expect_pin),
    (
        5,
        "expect log",
        "event|security|power|auxiliary CODE [with OCTETS] [TIMES]",
        "A log holds this code, or holds it so many times; `with` `data` of the entry as `log` of the bench gives it.",
        _expect_log,
    ),
    (5, "expect no log", "event|security|power|auxiliary CODE [with OCTETS]", "It does not.", _expect_no_log),
    (5, "expect value", "CLASS/OBIS/ATTRIBUTE TEXT", "What `get` of the bench protocol says in words.", _expect_value),
    (5, "expect rows", "CLASS/OBIS/ATTRIBUTE NUMBER", "How many rows a profile's buffer has.", _expect_rows),
)
# Words of the name, longest names first, so that `expect no alert` is not `expect no`.
_BY_NAME = sorted(((row[1].split(), row[4]) for row in INSTRUCTIONS), key=lambda row: -len(row[0]))
# These names tell their readers apart by a word that the reader itself takes.
_SHARED = {
    "load house": 1,
    "load file": 1,
    "wait until": 1,
    "clock set": 1,
    "clock status": 1,
    "forget alerts": 1,
    "send again": 1,
    "send spoiled": 1,
    "turn to": 1,
}


def read(path: Path) -> Scenario:
    """The scenario in a file; ScenarioError with file and line when it cannot be read."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ScenarioError("cannot read %s: %s" % (path, error.strerror)) from error
    except UnicodeDecodeError as error:
        raise ScenarioError("%s is not text in UTF-8" % path) from error
    return parse(text, path)


def parse(text: str, path: Path) -> Scenario:
    """The scenario in `text`; `path` is where it says that it stands."""
    scenario = Scenario(path)
    number = 0
    for number, line in enumerate(text.splitlines(), 1):
        bare = line.strip()
        if bare.startswith("#") and not scenario.title and not scenario.steps:
            scenario.title = bare.lstrip("# ")
        try:
            words = shlex.split(line, comments=True)
            if words and not _header(scenario, words):
                scenario.steps.append(Step(number, bare, _action(words)))
        except (_Mistake, ValueError) as error:
            raise ScenarioError("%s:%d: %s\n  %s" % (path, number, error, bare)) from None
    if not scenario.steps:
        raise ScenarioError("%s:%d: the scenario is empty" % (path, max(number, 1)))
    return scenario


def _header(scenario: Scenario, words: "list[str]") -> bool:
    """Whether the line says how the meter starts; then it is kept."""
    if words[0] not in ("variant", "start", "seed"):
        return False
    if scenario.steps:
        raise _Mistake("%s stands before everything else" % words[0])
    rest = Words(words[1:])
    if words[0] == "variant":
        scenario.variant = rest.choice("a variant", tuple(VARIANT_NAMES))
    elif words[0] == "seed":
        scenario.seed = rest.whole("a seed")
    else:
        at = moment(rest.next("a moment"))
        if at is None:
            raise _Mistake("start has a date")
        scenario.start = at
    rest.end()
    return True


def _action(words: "list[str]") -> "Action":
    for name, reader in _BY_NAME:
        if words[: len(name)] == name:
            rest = Words(words[len(name) - _SHARED.get(" ".join(name), 0) :])
            action = reader(rest)
            rest.end()
            return action
    known = sorted({" ".join(name) for name, _ in _BY_NAME if name[0] == words[0]})
    if known:
        raise _Mistake("%s: there is %s" % (" ".join(words[:2]), ", ".join(known)))
    names = sorted({name[0] for name, _ in _BY_NAME} | {row[0] for row in _HEADERS})
    raise _Mistake("there is no instruction %r: there is %s" % (words[0], ", ".join(names)))


def reference() -> str:
    """The tables of docs/scenarios.md, in Markdown."""
    parts = []
    for place, (title, text) in enumerate(SECTIONS):
        rows = _HEADERS if place == 0 else [row[1:4] for row in INSTRUCTIONS if row[0] == place]
        parts.append("## %s\n" % title)
        if text:
            parts.append(text + "\n")
        parts.append("| instruction | meaning |\n| --- | --- |")
        for name, form, meaning in rows:
            written = ("%s %s" % (name, form)).strip().replace("|", "\\|")
            parts.append("| `%s` | %s |" % (written, meaning))
        parts.append("")
    return "\n".join(parts)
