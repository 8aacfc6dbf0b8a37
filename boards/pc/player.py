"""Plays scenarios: a bench of its own with a clock that stands still, what a person and remote parties do, and checks.

Time passes only where a scenario says so, as fast as it can. Every run of a scenario is the same, to the octet, but
for the credentials when a keystore of one's own is named.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from slotmeter.boards.pc import firmware_file
from slotmeter.boards.pc.bench import Bench, Options
from slotmeter.boards.pc.bench_clock import format_time
from slotmeter.boards.pc.errors import SlotmeterError
from slotmeter.boards.pc.face_box import box
from slotmeter.boards.pc.fingers import Fingers, NotShown
from slotmeter.boards.pc.request_builder import Order, find
from slotmeter.boards.pc.requester import Requester, VolatileCounters
from slotmeter.boards.pc.scenario import ENERGY_PLACES, MONEY_PLACES, Amount, Scenario, Step, next_time_of_day
from slotmeter.firmware.alerts import ALERT_CODES
from slotmeter.hal.host.crypto import HostCrypto

_MEANINGS = dict(ALERT_CODES)
# Alerts that a failure lists.
_LISTED = 12
# What `expect` calls a number of the state: section and name.
_NUMBERS = {
    "balance": ("balances", "meter"),
    "emergency": ("balances", "emergency_credit"),
    "accumulated": ("balances", "accumulated_debt"),
    "debt-1": ("debts", "time_1"),
    "debt-2": ("debts", "time_2"),
    "payment-debt": ("debts", "payment"),
    "import": ("registers", "import_wh"),
    "import-2": ("registers", "secondary_import_wh"),
    "export": ("registers", "export_wh"),
}


class Failure(Exception):
    """Something that was expected is not so. seen: what there is instead, in lines."""

    def __init__(self, expected: str, seen: "list[str]") -> None:
        super().__init__(expected)
        self.expected = expected
        self.seen = seen


class Alert:
    """One alert that came: code, to whom, when; expected: whether an `expect alert` has claimed it."""

    def __init__(self, code: int, party: str, at_s: int) -> None:
        self.code = code
        self.party = party
        self.at_s = at_s
        self.expected = False

    def __str__(self) -> str:
        mark = "" if not self.expected else ", expected"
        return "%04X %s (%s, to the %s%s)" % (
            self.code,
            _MEANINGS.get(self.code, ""),
            format_time(self.at_s),
            self.party,
            mark,
        )


class Token:
    """A top-up token of this scenario and its counter."""

    def __init__(self, digits: str, counter: int) -> None:
        self.digits = digits
        self.counter = counter


def decimal(value: int, places: int) -> str:
    """A whole number of 10^-places as a decimal: -120000 and 5 places are -1.20000."""
    sign = "-" if value < 0 else ""
    whole, part = divmod(abs(value), 10**places)
    return "%s%d.%0*d" % (sign, whole, places, part)


class Player:
    """One scenario on a bench. tell: takes what `--verbose` shows, line by line."""

    def __init__(self, scenario: Scenario, bench: Bench, tell: "Callable[[str], None] | None" = None) -> None:
        self.scenario = scenario
        self.bench = bench
        self._tell = tell
        self._requester = Requester(cast=bench.cast, counters=VolatileCounters())
        self._tokens: dict[str, Token] = {}
        self._alerts: list[Alert] = []
        # The reply to the last command; None before the first.
        self._answer: dict[str, Any] | None = None
        # The last command.
        self._sent = b""
        bench.observers.append(self._observe)

    # ---- running

    def play(self) -> None:
        """Carries out every step; Failure with `at` set to the step that failed, or SlotmeterError."""
        for step in self.scenario.steps:
            self._say("%s  %s" % (format_time(self.now_ms() // 1000), step.text))
            try:
                step.action(self)
            except Failure as failure:
                raise StepFailed(self.scenario, step, failure.expected, failure.seen + self._situation()) from None
            except SlotmeterError as error:
                raise StepFailed(self.scenario, step, "", [str(error)] + self._situation()) from None

    def _say(self, text: str) -> None:
        if self._tell is not None:
            self._tell(text)

    def _observe(self, kind: str, what: "dict[str, Any]") -> None:
        if kind == "sent" and what["kind"] == "alert":
            target = bytes.fromhex(what["to"])
            name = self.bench.cast.name_of(target).replace(" ", "-") or what["to"]
            alert = Alert(int(what.get("code", "0"), 16), name, self.now_ms() // 1000)
            self._alerts.append(alert)
            self._say("    alert %s" % alert)
        elif kind == "refused":
            self._say("    refused: %s" % what["text"])

    def ask(self, op: str, **fields: Any) -> "dict[str, Any]":
        """The reply of the bench to an operation; Failure when it is refused."""
        if "axdr" in fields:
            fields["axdr"] = self._resolved(fields["axdr"])
        reply = self.bench.request({"op": op, **fields})
        if not reply["ok"]:
            error = reply["error"]
            raise Failure("", ["%s (%s)" % (error["text"], error["code"])])
        return reply

    def now_ms(self) -> int:
        """The meter's time in milliseconds since 2000."""
        return self.bench.clock.now_ms()

    def _resolved(self, text: str) -> str:
        """`text` with each $NAME replaced by the digits of that token."""
        if "$" not in text:
            return text
        for name in sorted(self._tokens, key=len, reverse=True):
            text = text.replace("$" + name, self._tokens[name].digits)
        if "$" in text:
            raise SlotmeterError("%s: no token of that name was made; utrn AMOUNT as NAME makes one" % text)
        return text

    # ---- the world

    def load(self, fields: "dict[str, Any]") -> None:
        """What flows."""
        self.ask("load", **fields)

    def load_file(self, name: str) -> None:
        """Half-hours from a file; its place is beside the scenario."""
        self.ask("load", file=str((self.scenario.path.parent / name).resolve()))

    def wait(self, milliseconds: int) -> None:
        """Lets time pass."""
        self.bench.advance(milliseconds)

    def wait_until(self, at_ms: "int | None", text: str) -> None:
        """Lets time pass until a moment, or until the next time of day in `text`."""
        if at_ms is None:
            at_ms = next_time_of_day(text, self.now_ms())
        if at_ms < self.now_ms():
            raise SlotmeterError("it is %s already" % format_time(self.now_ms() // 1000))
        self.bench.advance(at_ms - self.now_ms())

    def set_clock(self, at_ms: int) -> None:
        """Puts the meter's clock."""
        self.ask("clock", set=format_time(at_ms // 1000))

    def hub_time(self, at_ms: int) -> None:
        """The hub tells the time."""
        self.ask("hub", time=format_time(at_ms // 1000))

    # ---- a person

    def press(self, keys: "list[str]") -> None:
        """Presses keys, one after the other."""
        for key in keys:
            self._show(self.ask("press", key=key))

    def choose(self, title: str) -> None:
        """Back to the default display, into the menu, to a row of it, and chooses that."""
        try:
            self._show(Fingers(self.ask).choose(title))
        except NotShown as error:
            raise Failure("that button a leads to %r" % title, error.seen) from error

    def turn(self, title: str) -> None:
        """Presses A until the display shows `title`."""
        try:
            Fingers(self.ask).turn(title)
        except NotShown as error:
            raise Failure("that button a leads to %r" % title, error.seen) from error
        self._show(self.ask("screen"))

    def enter(self, digits: str) -> None:
        """Types digits and confirms."""
        self._show(self.ask("enter", digits=self._resolved(digits)))

    def _show(self, reply: "dict[str, Any]") -> None:
        if self._tell is not None:
            for line in box(reply["lines"], reply["indicators"]):
                self._say("    " + line)

    # ---- remote parties

    def mint(self, amount: str, name: str, party: str, counter: "int | None", meter: str) -> None:
        """Makes a token."""
        from slotmeter.boards.pc.utrn_command import eui64, pounds

        number = self._requester.counters.take("prepayment") if counter is None else counter
        digits = self._requester.token(pounds(amount), party, number, eui64(meter or None))
        self._tokens[name] = Token(digits, number)
        self._say("    $%s is %s" % (name, digits))

    def send(self, name: str, given: "dict[str, str]", options: "dict[str, str]") -> None:
        """Sends a command and keeps what became of it."""
        case = find(name)
        party = self.bench.cast.named(options["as"]) if options["as"] else None
        order = Order(
            None if party is None or party.role is None else party.role,
            when=options["at"],
            begin=options["from"],
            end=options["to"],
            variant=self.scenario.variant,
            now_s=self.now_ms() // 1000,
            party=options["as"],
        )
        counter = None
        fields: dict[str, Any] = {}
        for field, value in given.items():
            fields[field] = self._resolved(value)
            token = self._tokens.get(value.removeprefix("$"))
            if case.name == "CS01a" and token is not None:
                # The token's counter is the command's.
                counter = token.counter
        self._sent = self._requester.build(case, order, fields, counter)
        self._deliver(self._sent)

    def send_again(self, spoiled: bool) -> None:
        """Sends the last command again, as it was or with its last octet changed."""
        if not self._sent:
            raise SlotmeterError("no command was sent yet")
        self._deliver(self._sent[:-1] + bytes((self._sent[-1] ^ 1,)) if spoiled else self._sent)

    def _deliver(self, message: bytes) -> None:
        self._answer = self.ask("deliver", hex=message.hex().upper())
        self._say("    %s" % self._answered())

    def await_certificate(self, usage: str) -> None:
        """The meter's own key pair waits for its certificate."""
        self.ask("device-key", usage=usage, pending=self.ask("device-key", usage=usage)["public_key"])

    def send_firmware(self, version: bytes, name: str, party: str) -> None:
        """Has a firmware image arrive that a party has signed; $NAME is its hash from now on."""
        cast = self.bench.cast
        file, digest = firmware_file.make(HostCrypto(), version, cast.signing_key(cast.named(party)))
        self._tokens[name] = Token(digest.hex().upper(), 0)
        verified = self.ask("firmware", file=file.hex().upper())["verified"]
        self._say("    $%s is %s, %s" % (name, digest.hex().upper(), "verified" if verified else "not verified"))

    def _answered(self) -> str:
        """How the last command ended, in words."""
        answer = self._answer
        if answer is None:
            return "no command was sent yet"
        if "refused" in answer:
            return "refused (%s): %s" % (answer["refused"]["reason"], answer["refused"]["text"])
        if "failed" in answer:
            return "failure of item %d" % answer["failed"]
        return "success" if "use_case" in answer else "no response"

    # ---- what is expected

    def expect_screen(self, text: str, shown: bool) -> None:
        """A line of the display holds `text`, or none does."""
        reply = self.ask("screen")
        found = any(text in line for line in reply["lines"])
        if found != shown:
            raise Failure("a line with %r" % text if shown else "no line with %r" % text, [])

    def expect_indicator(self, name: str, lit: bool) -> None:
        """An indicator is lit or not."""
        indicators = self.ask("screen")["indicators"]
        if name not in indicators:
            raise Failure("the indicator %s" % name, ["a meter's indicators are %s" % ", ".join(sorted(indicators))])
        if bool(indicators[name]) != lit:
            raise Failure("the indicator %s %s" % (name, "lit" if lit else "not lit"), [])

    def _unexpected(self, code: "int | None", party: str = "") -> "Alert | None":
        for alert in self._alerts:
            if not alert.expected and code in (None, alert.code) and party in ("", alert.party):
                return alert
        return None

    def expect_alert(self, code: int, party: str, limit_ms: int) -> None:
        """An alert came that was not expected before; time passes for `limit_ms` at most until it does."""
        self.bench.advance(limit_ms, lambda: self._unexpected(code, party) is not None)
        alert = self._unexpected(code, party)
        if alert is None:
            raise Failure("the alert %04X%s (%s)" % (code, " to the " + party if party else "", _meaning(code)), [])
        alert.expected = True

    def expect_no_alert(self, code: "int | None") -> None:
        """No such alert came that was not expected."""
        alert = self._unexpected(code)
        if alert is not None:
            raise Failure("no alert" if code is None else "no alert %04X" % code, ["the alert %s" % alert])

    def forget_alerts(self) -> None:
        """All alerts so far count as expected."""
        for alert in self._alerts:
            alert.expected = True

    def expect_response(self, kind: str, reason: str) -> None:
        """How the last command ended."""
        ended = self._answered()
        matches = ended.startswith(kind) and (not reason or "(%s)" % reason in ended)
        if not matches:
            raise Failure("%s%s" % (kind, " (%s)" % reason if reason else ""), [ended])

    def expect_number(self, name: str, places: int, relation: str, amount: Amount) -> None:
        """A balance or register is, or is near, below or above a number."""
        section, key = _NUMBERS[name]
        value = self.ask("state")[section][key]
        if value is None:
            raise Failure("%s %s" % (name, amount.text), ["this meter has no such register"])
        good = {
            "": amount.fits(value, places),
            "about": amount.fits(value, places),
            "below": value < amount.scaled(places),
            "above": value > amount.scaled(places),
        }[relation]
        if not good:
            raise Failure("%s %s%s" % (name, relation + " " if relation else "", amount.text), [decimal(value, places)])

    def _word(self, what: str) -> str:
        """One word of the state."""
        state = self.ask("state")
        if what == "supply":
            return str(state["supply"]["state"])
        if what == "mode":
            return str(state["payment_mode"])
        if what == "clock":
            return str(state["clock"]["status"])
        if what == "pin":
            return "set" if state["pin"]["set"] else "not set"
        if what == "register":
            return str(state["tariff"]["register"])
        return "on" if state["controllers"][int(what[-1]) - 1]["on"] else "off"

    def expect_word(self, what: str, wanted: str, limit_ms: int) -> None:
        """A word of the state; time passes for `limit_ms` at most until it is so."""
        if limit_ms:
            self.bench.advance(limit_ms, lambda: self._word(what) == wanted)
        seen = self._word(what)
        if seen != wanted:
            raise Failure("%s %s" % (what.replace("-", " "), wanted), [seen])

    def expect_log(self, log: str, code: int, count: "int | None", other: "str | None" = None) -> None:
        """A log holds a code: at least once, or `count` times. other: what else the entry holds, None for anything."""
        entries = self.ask("log", name=log)["entries"]
        found = 0
        for entry in entries:
            if int(entry["code"], 16) == code and other in (None, entry.get("data", "")):
                found += 1
        if found == 0 if count is None else found != count:
            wanted = "%04X%s in the %s log" % (code, "" if other is None else " with " + other, log)
            seen = [
                " ".join([one["time"], one["code"], one.get("data", ""), one["text"]]).replace("  ", " ")
                for one in entries[-_LISTED:]
            ]
            raise Failure(
                wanted + ("" if count is None else " %d times" % count),
                ["%d times; the log ends with" % found, *seen],
            )

    def expect_value(self, fields: "dict[str, Any]", text: str) -> None:
        """An attribute in words."""
        seen = str(self.ask("get", **fields)["text"])
        if seen != text:
            raise Failure(text, [seen])

    def expect_rows(self, fields: "dict[str, Any]", count: int) -> None:
        """Rows of a profile's buffer."""
        from slotmeter.boards.pc.bench_state import rows

        found = len(rows(bytes.fromhex(self.ask("get", **fields)["axdr"])))
        if found != count:
            raise Failure("%d rows" % count, ["%d rows" % found])

    # ---- what a failure tells

    def _situation(self) -> "list[str]":
        """Screen, alerts and state, for who looks for the reason."""
        lines: list[str] = []
        screen = self.bench.request({"op": "screen"})
        if screen["ok"]:
            lines.append("screen:")
            lines += ["  " + line for line in box(screen["lines"], screen["indicators"])]
        else:
            lines.append("screen: %s" % screen["error"]["text"])
        waiting = [alert for alert in self._alerts if not alert.expected]
        lines.append("alerts that nobody expected: %s" % ("" if waiting else "none"))
        lines += ["  %s" % alert for alert in waiting[-_LISTED:]]
        lines.append("last command: %s" % self._answered())
        state = self.bench.request({"op": "state"})
        if state["ok"]:
            lines += _state_lines(state)
        return lines


class StepFailed(SlotmeterError):
    """A step of a scenario failed: where, what was expected, and what was seen instead, in lines."""

    def __init__(self, scenario: Scenario, step: Step, expected: str, seen: "list[str]") -> None:
        self.where = "%s:%d" % (scenario.path, step.line)
        lines = ["%s: %s" % (self.where, step.text)]
        if expected:
            lines.append("  expected: %s" % expected)
        for place, line in enumerate(seen):
            lines.append(("  seen:     " if place == 0 else "            ") + line)
        super().__init__("\n".join(lines))


def _meaning(code: int) -> str:
    return _MEANINGS.get(code, "not in the table of codes")


def _state_lines(state: "dict[str, Any]") -> "list[str]":
    """The state of the meter, short."""
    clock, balances, supply = state["clock"], state["balances"], state["supply"]
    amounts = "  ".join(
        "%s £%s" % (name.replace("_", " "), decimal(value, MONEY_PLACES))
        for name, value in balances.items()
        if isinstance(value, int)
    )
    registers = "  ".join(
        "%s %s kWh" % (name.removesuffix("_wh").replace("_", " "), decimal(value, ENERGY_PLACES))
        for name, value in state["registers"].items()
        if name.endswith("_wh") and isinstance(value, int)
    )
    return [
        "state:",
        "  clock %s, %s" % (clock["now"], clock.get("status")),
        "  payment mode %s, supply %s" % (state["payment_mode"], supply["state"]),
        "  " + amounts,
        "  " + registers,
    ]


def play(
    scenario: Scenario,
    keys: "Path | None" = None,
    tell: "Callable[[str], None] | None" = None,
) -> float:
    """Plays a scenario on a meter of its own; how many days passed in it. StepFailed says what went wrong.

    keys: a keystore; without one the scenario has credentials made from its seed.
    """
    with tempfile.TemporaryDirectory(prefix="slotmeter-play-") as folder:
        if keys is None:
            from slotmeter.boards.pc import pki
            from slotmeter.hal.virtual.entropy import SeededEntropy

            keys = Path(folder) / "keys"
            pki.create(keys, SeededEntropy(scenario.seed))
        options = Options(
            keys=keys,
            temporary=True,
            variant=scenario.variant,
            seed=scenario.seed,
            start=format_time(scenario.start // 1000),
        )
        with Bench(options) as bench:
            player = Player(scenario, bench, tell)
            player.play()
            return (bench.clock.now_ms() - scenario.start) / 86_400_000


def found(paths: "tuple[Path, ...]") -> "Iterator[Path]":
    """The files named, and those ending in .txt in the folders named."""
    for path in paths:
        if path.is_dir():
            yield from sorted(path.glob("*.txt"))
        else:
            yield path


def elapsed(started: float) -> str:
    """Seconds since `started`, as people read them."""
    return "%.1f s" % (time.perf_counter() - started)
