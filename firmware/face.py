"""The meter's face: what its display shows and what its keys do (SMETS 5.5.5, 5.5.4; facts section 6).

Two buttons do everything: A goes on, B chooses. A held B, or CLEAR, goes back. A keypad has digits and OK besides.

    state      shows                       A                     B, OK              HOLD, CLEAR
    HOME       the default display, which  the next of it        the menu           -
               changes by itself
    MENU       what can be done            the next              does it            HOME
    SCREENS    the screens of a list       the next              back, or the log   MENU
    ENTRIES    the entries of a log        the next older        back               SCREENS
    DIGITS     a token or PIN being typed  another digit, or     takes the digit,   erases, then MENU
                                           erases when full      or all when full
    QUESTION   a question                  no                    yes                MENU
    AMOUNT     minutes of boost            more                  starts it          MENU
    TEXT       the supplier's message      its next page         acknowledges       MENU
    ANSWER     what became of it           back to MENU          back to MENU       MENU

A digit typed elsewhere than in DIGITS, QUESTION, AMOUNT, TEXT and ANSWER begins a token: adding credit is never far.
When nothing is pressed for a while everything typed is forgotten, the privacy PIN's guard closes and HOME is shown.

What the PIN guards is left out of lists until it is entered; what it guards in the menu asks for it first. The guard is
asked again whenever a screen is made and whenever something is done, so that nothing stays open behind it. A date of
change of tenancy, once it is reached, hides what logs hold from before it (facts 6.4).

The face is an organ of the meter (see life.py) and keeps one record: "face.m", the message that was acknowledged.
"""

from slotmeter.dlms.axdr import decode_whole
from slotmeter.dlms.dates import to_seconds
from slotmeter.dlms.errors import DecodeError
from slotmeter.firmware import menu, screens
from slotmeter.firmware.readouts import SUPPLY, Readout, letters, when, wrap
from slotmeter.prepayment.topup import ACCEPTED as TOKEN_ACCEPTED
from slotmeter.prepayment.topup import screen_text
from slotmeter.privacy_pin.pin import ACCEPTED, LOCKED, NOT_FOUR_DIGITS, SIZE, WRONG, is_pin
from slotmeter.privacy_pin.tables import PRIVATE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from slotmeter.dlms.cosem.tree import Tree
    from slotmeter.firmware.services import Services
    from slotmeter.firmware.settings import Settings
    from slotmeter.hal.records import Records
    from slotmeter.privacy_pin.guard import Guard

# Keys.
A = "A"
B = "B"
HOLD = "HOLD"
OK = "OK"
CLEAR = "CLEAR"
DIGIT_KEYS = ("0", "1", "2", "3", "4", "5", "6", "7", "8", "9")
KEYS = (A, B, HOLD, OK, CLEAR) + DIGIT_KEYS

# States.
HOME = 0
MENU = 1
SCREENS = 2
ENTRIES = 3
DIGITS = 4
QUESTION = 5
AMOUNT = 6
TEXT = 7
ANSWER = 8
_STATES = ("home", "menu", "screens", "entries", "digits", "question", "amount", "text", "answer")
# Where a digit begins a token.
_IDLE_STATES = (HOME, MENU, SCREENS, ENTRIES)

# What is being typed.
_TOKEN = 0
_PIN = 1
_PIN_TO_CHANGE = 2
_PIN_TO_DISABLE = 3
_NEW_PIN = 4
_NEW_PIN_AGAIN = 5
_PROMPTS = ("Add credit", "Enter PIN", "PIN now", "PIN now", "New PIN", "New PIN again")
_TOKEN_DIGITS = 20
# What is typed in one go and longer than this was not meant for a meter.
_MOST_DIGITS = 40
# Minutes of a boost: steps and most (E470).
BOOST_STEP = 15
BOOST_MOST = 60
# Letters of a value that are shown at most; an auxiliary controller's state may be 72,000 octets.
_MOST_LETTERS = 120

MESSAGE = b"\x00\x01\x00\x02\x60\x0d\x01\xff\x02"
_RESTRICT = b"\x00\x01\x00\x00\x5e\x2c\x03\x02\x02"
_CLOCK_STATUS = b"\x00\x08\x00\x00\x01\x00\x00\xff\x04"
_CURRENCY = b"\x23\x28\x00\x00\x5e\x2c\x02\x00\x02"
_ACKNOWLEDGED = "face.m"

# Done at the meter, and not done; a message acknowledged (GBCS 16.2).
ACTIONED_HERE = 0x8161
NOT_ACTIONED_HERE = 0x8162
MESSAGE_ACKNOWLEDGED = 0x81A6
# Their other information is the message code of the remote command that does the same: ECS14, ECS42; others have none.
_DISABLE_PIN_CODE = b"\x00\x23"
_ENABLE_CODE = b"\x00\x4f"


def _plain(value: "Any") -> "Any":
    """A decoded A-XDR value without its tags, two structures deep: what screens need of it."""
    if not isinstance(value[1], list):
        return value[1]
    return [[inner[1] for inner in one[1]] if isinstance(one[1], list) else one[1] for one in value[1]]


def _is_nothing(value: "Any") -> bool:
    """Whether a value is zero, false or empty; of an element of a matrix, its last part."""
    return not (value[-1] if isinstance(value, list) else value)


class Face:
    """The display and the keys of one meter.

    guard: of the privacy PIN; services: what the face asks of the rest of the meter; notify: (code, octets for the log,
    seconds or None). Of the settings it takes face_columns, face_rows, face_digits, face_idle_s, face_turn_s.
    """

    def __init__(
        self,
        tree: "Tree",
        records: "Records",
        notify: "Callable[..., object]",
        settings: "Settings",
        guard: "Guard",
        services: "Services",
    ) -> None:
        self._tree = tree
        self._records = records
        self._notify = notify
        self.guard = guard
        self._services = services
        self._columns = settings.face_columns
        self._rows = settings.face_rows
        self._idle_ms = settings.face_idle_s * 1000
        self._turn_ms = settings.face_turn_s * 1000
        self._readout = Readout(settings.face_digits)
        self._state = HOME
        # Which row of the menu, screen, entry, page or amount; and since when HOME shows what it does.
        self._place = 0
        self._since_ms: int | None = None
        # When everything is forgotten unless a key is pressed.
        self._until_ms: int | None = None
        # The rows of the menu as they were when it was entered, which of them was chosen, which list or log is open.
        self._offered: list[tuple[Any, ...]] = []
        self._chosen: tuple[Any, ...] = ()
        self._list = 0
        self._log: tuple[Any, ...] = ()
        self._log_place = 0
        # What is being typed, the digit under the button, and PINs typed before this one.
        self._purpose = _TOKEN
        self._typed = ""
        self._dial = 0
        self._old = ""
        self._new = ""
        # What the answer is about, what is said beside the digits, and the answer.
        self._heading = ""
        self._note = ""
        self._answer = ""
        self._show_credit = False
        # The message as it was when it was opened.
        self._reading = b""

    def __repr__(self) -> str:
        return "Face(%s, %d digits typed)" % (_STATES[self._state], len(self._typed))

    # ---- an organ

    def load(self) -> None:
        """Configuration is read when a screen is made: there is nothing to keep."""

    def flush(self) -> None:
        """What is typed is never written."""

    def set_clock(self, now_ms: int) -> None:
        """The time is known, or was put back: back to the default display."""
        self._go_home(now_ms)
        self.guard.close()
        self._until_ms = None

    def deadline_ms(self) -> "int | None":
        """When everything typed is forgotten; None when nobody has pressed a key."""
        return self._until_ms

    def tick(self, now_ms: int) -> None:
        """Forgets everything typed, and closes the guard, when its time is over."""
        self.guard.tick(now_ms)
        until_ms = self._until_ms
        if until_ms is not None and not now_ms < until_ms <= now_ms + self._idle_ms:
            self._until_ms = None
            self.guard.close()
            self._go_home(now_ms)

    def message_arrived(self) -> None:
        """The supplier has sent a message (ECS10), perhaps the same words again: it is to be acknowledged anew."""
        self._records.put(_ACKNOWLEDGED, b"")

    # ---- keys

    def press(self, key: str, now_ms: int) -> bool:
        """Presses a key, one of KEYS; False when there is no such key."""
        if key not in KEYS:
            return False
        self._begin(now_ms)
        state = self._state
        if key in DIGIT_KEYS:
            if state in _IDLE_STATES:
                self._ask_digits(_TOKEN)
                state = DIGITS
            if state == DIGITS and len(self._typed) < self._wanted_digits():
                self._typed += key
        elif key == A:
            self._go_on(now_ms)
        elif key in (HOLD, CLEAR):
            self._go_back(now_ms)
        elif state == DIGITS:
            full = len(self._typed) >= self._wanted_digits()
            if key == OK or full:
                self._confirm(now_ms)
            else:
                self._typed += DIGIT_KEYS[self._dial]
                self._dial = 0
        else:
            self._choose(now_ms)
        return True

    def enter(self, digits: str, now_ms: int) -> None:
        """Types digits and confirms them: as the PIN where one is asked for, else as a token."""
        self._begin(now_ms)
        if self._state != DIGITS:
            self._ask_digits(_TOKEN)
        self._typed = digits[:_MOST_DIGITS]
        self._confirm(now_ms)

    def _begin(self, now_ms: int) -> None:
        """A key was pressed."""
        self.tick(now_ms)
        self.guard.touch(now_ms)
        self._services.refresh()
        self._until_ms = now_ms + self._idle_ms
        self._note = ""

    def _wanted_digits(self) -> int:
        return _TOKEN_DIGITS if self._purpose == _TOKEN else SIZE

    def _forget(self) -> None:
        """Nothing typed outlives what it was typed for."""
        self._typed = self._old = self._new = ""
        self._dial = 0
        self._answer = ""
        self._show_credit = False

    def _go_home(self, now_ms: int) -> None:
        self._forget()
        self._note = ""
        self._state = HOME
        self._place = 0
        self._since_ms = now_ms

    def _go_to_menu(self) -> None:
        self._forget()
        offered = [row for row in menu.MENU if self._is_offered(row[4])]
        self._place = offered.index(self._chosen) if self._state != HOME and self._chosen in offered else 0
        self._offered = offered
        self._state = MENU

    def _go_on(self, now_ms: int) -> None:
        """Key A."""
        state = self._state
        if state == HOME:
            shown = self._home_screens()
            self._place = (self._home_place(len(shown), now_ms) + 1) % len(shown)
            self._since_ms = now_ms
        elif state == MENU:
            self._place = (self._place + 1) % len(self._offered)
        elif state == SCREENS:
            self._place = (self._place + 1) % max(1, len(self._list_screens()))
        elif state == ENTRIES:
            self._place = (self._place + 1) % max(1, len(self._log_entries()))
        elif state == TEXT:
            self._place = (self._place + 1) % len(self._pages())
        elif state == AMOUNT:
            self._place = self._place % (BOOST_MOST // BOOST_STEP) + 1
        elif state != DIGITS:
            self._go_to_menu()
        elif len(self._typed) >= self._wanted_digits():
            self._typed = self._typed[:-1]
        else:
            self._dial = (self._dial + 1) % 10

    def _go_back(self, now_ms: int) -> None:
        """Keys HOLD and CLEAR."""
        state = self._state
        if state == DIGITS and self._typed:
            self._typed = self._typed[:-1]
        elif state == ENTRIES:
            self._state = SCREENS
            self._place = self._log_place
        elif state == MENU:
            self._go_home(now_ms)
        elif state != HOME:
            self._go_to_menu()

    def _choose(self, now_ms: int) -> None:
        """Keys B and OK, but for digits."""
        state = self._state
        if state == MENU:
            self._chosen = self._offered[self._place]
            if self._chosen[1] == menu.EXIT:
                self._go_home(now_ms)
            else:
                self._open()
        elif state == SCREENS:
            found = self._list_screens()
            row, _, value = found[min(self._place, len(found) - 1)] if found else ((), "", 0)
            if value is None:
                self._log = row
                self._log_place = self._place
                self._state = ENTRIES
                self._place = 0
            else:
                self._go_to_menu()
        elif state == ENTRIES:
            self._go_back(now_ms)
        elif state == TEXT:
            self._acknowledge(now_ms)
        elif state in (QUESTION, AMOUNT):
            if self._is_open():
                self._act(now_ms)
        else:
            self._go_to_menu()

    # ---- the menu

    def _is_offered(self, condition: int) -> bool:
        """Whether a row of the menu is there now."""
        services = self._services
        guard = self.guard
        if condition == menu.CREDIT_OFFERED:
            return services.emergency_credit_offered()
        if condition == menu.SUPPLY_ARMED:
            return services.supply_state() == 2
        if condition == menu.MESSAGE_THERE:
            return bool(self._message())
        if condition == menu.PREPAYMENT_MODE:
            return services.is_prepayment()
        if condition == menu.BOOST_THERE:
            return services.boost_available()
        if condition == menu.BOOST_IDLE:
            return services.boost_available() and not services.boost_left_minutes()
        if condition == menu.BOOST_RUNNING:
            return services.boost_left_minutes() > 0
        if condition == menu.PIN_SET:
            return guard.pin_is_set()
        if condition == menu.PIN_NOT_SET:
            return not guard.pin_is_set()
        if condition == menu.PIN_WANTED:
            return not guard.is_open()
        if condition == menu.NETWORK_THERE:
            return services.pairing_available()
        return True

    def _is_open(self) -> bool:
        """Whether the chosen row may be done now; asks for the PIN when it is needed first."""
        if self.guard.allows(self._chosen[3]):
            return True
        self._ask_digits(_PIN)
        return False

    def _open(self) -> None:
        """Does the chosen row, or begins to."""
        self._heading, action, argument, _, condition = self._chosen
        self._place = 0
        if not self._is_offered(condition):
            self._say("Not possible now")
        elif not self._is_open():
            return
        elif action == menu.LIST:
            self._state = SCREENS
            self._list = argument
            if not self._list_screens() and not self.guard.is_open():
                self._ask_digits(_PIN)
        elif action == menu.MESSAGE:
            self._state = TEXT
            self._reading = self._message()
        elif action == menu.AMOUNT:
            self._state = AMOUNT
            self._place = 1
        elif action == menu.CONFIRM or action == menu.AT_ONCE:
            self._state = QUESTION
        elif action == menu.TOKEN:
            self._ask_digits(_TOKEN)
        elif action == menu.ENTER_PIN:
            self._ask_digits(_PIN)
        elif action == menu.SET_PIN:
            self._ask_digits(_NEW_PIN)
        elif action == menu.CHANGE_PIN:
            self._ask_digits(_PIN_TO_CHANGE)
        else:
            self._ask_digits(_PIN_TO_DISABLE)

    def _act(self, now_ms: int) -> None:
        """The question was answered with yes."""
        services = self._services
        argument = self._chosen[2]
        _, done, refused = menu.QUESTIONS[argument]
        code = b""
        if argument == menu.USE_EMERGENCY_CREDIT:
            well = services.activate_emergency_credit(now_ms // 1000)
        elif argument == menu.TURN_SUPPLY_ON:
            well = services.enable_supply(now_ms // 1000)
            code = _ENABLE_CODE
        elif argument == menu.START_BOOST:
            well = services.boost_start(self._place * BOOST_STEP, now_ms // 1000)
        elif argument == menu.EXTEND_BOOST:
            well = services.boost_extend(BOOST_STEP, now_ms // 1000)
        elif argument == menu.PAIR_DISPLAY:
            well = services.pair_display()
        else:
            well = services.boost_cancel(now_ms // 1000)
        if argument != menu.USE_EMERGENCY_CREDIT:
            # The account has told of that itself, as it does of tokens.
            self._tell(well, code, now_ms)
        if not well and argument in (menu.START_BOOST, menu.EXTEND_BOOST, menu.CANCEL_BOOST):
            refused = services.boost_refusal()
        self._say(done if well else refused)

    def _say(self, answer: str) -> None:
        self._forget()
        self._answer = answer
        self._state = ANSWER

    # ---- digits

    def _ask_digits(self, purpose: int) -> None:
        self._forget()
        self._purpose = purpose
        self._heading = _PROMPTS[purpose]
        self._state = DIGITS

    def _confirm(self, now_ms: int) -> None:
        """What was typed is whole."""
        typed = self._typed
        purpose = self._purpose
        self._typed = ""
        self._dial = 0
        if purpose == _TOKEN:
            verdict = self._services.top_up(typed, now_ms // 1000)
            self._say(screen_text(verdict.reason) or "Not accepted")
            if verdict.reason == TOKEN_ACCEPTED:
                self._answer += " " + self._readout.money(verdict.millipence)
                self._show_credit = True
        elif purpose == _NEW_PIN:
            if is_pin(typed):
                self._new = typed
                self._purpose = _NEW_PIN_AGAIN
            else:
                self._note = "Four digits please"
        elif purpose == _NEW_PIN_AGAIN:
            if typed == self._new:
                self._keep_pin(now_ms)
            else:
                self._new = ""
                self._purpose = _NEW_PIN
                self._note = "Not the same"
        elif purpose == _PIN_TO_DISABLE:
            if self._judged(self.guard.disable(typed, now_ms), now_ms, _DISABLE_PIN_CODE):
                self._say("PIN disabled")
        elif self._judged(self.guard.enter(typed, now_ms), now_ms, b""):
            if purpose == _PIN_TO_CHANGE:
                self._old = typed
                self._purpose = _NEW_PIN
            elif self._chosen and self._chosen[1] != menu.ENTER_PIN:
                self._forget()
                self._open()
            else:
                self._say("PIN accepted")

    def _judged(self, reason: str, now_ms: int, code: bytes) -> bool:
        """Says what became of a PIN that was typed; whether it was right."""
        if reason == NOT_FOUR_DIGITS:
            self._note = "Four digits please"
            return False
        self._tell(reason == ACCEPTED, code, now_ms)
        if reason == ACCEPTED:
            return True
        left = self.guard.attempts_left()
        if reason == LOCKED or (reason == WRONG and left == 0):
            minutes = (self.guard.locked_ms(now_ms) + 59999) // 60000
            self._say("PIN locked for %d min" % minutes)
        elif reason == WRONG:
            self._note = "Wrong PIN" if left is None else "Wrong PIN, %d left" % left
        else:
            # The supplier has disabled it meanwhile: nobody needs to know it any more.
            self._say("There is no PIN now")
        return False

    def _keep_pin(self, now_ms: int) -> None:
        """The new PIN was typed twice."""
        guard = self.guard
        if self._old:
            reason = guard.change(self._old, self._new, now_ms)
        else:
            reason = guard.set(self._new, now_ms)
        self._tell(reason == ACCEPTED, b"", now_ms)
        self._say("PIN set" if reason == ACCEPTED else "PIN not set")

    def _tell(self, done: bool, code: bytes, now_ms: int) -> None:
        self._notify(ACTIONED_HERE if done else NOT_ACTIONED_HERE, code, now_ms // 1000)

    # ---- the supplier's message

    def _message(self) -> bytes:
        """The message as it is stored, b"" for none."""
        data = self._tree.peek(MESSAGE)
        return decode_whole(data)[1] if data else b""

    def message_confirmed(self, now_s: int) -> None:
        """Somebody acknowledges the message, here or at a display; the first time it is told."""
        if self.message_is_new():
            self._records.put(_ACKNOWLEDGED, self._message())
            self._notify(MESSAGE_ACKNOWLEDGED, b"", now_s)

    def message_is_new(self) -> bool:
        """Whether there is a message that nobody has acknowledged."""
        message = self._message()
        return bool(message) and message != self._records.get(_ACKNOWLEDGED)

    def _pages(self) -> "list[list[str]]":
        """The message in pages of lines."""
        size = max(1, self._rows - 2)
        found = wrap(letters(self._message()), self._columns)
        return [found[at : at + size] for at in range(0, len(found), size)] or [[""]]

    def _acknowledge(self, now_ms: int) -> None:
        message = self._message()
        if not self.guard.allows(PRIVATE):
            self._is_open()
        elif message != self._reading:
            # Another one came while this was read: it is shown before it can be acknowledged.
            self._reading = message
            self._place = 0
        else:
            self.message_confirmed(now_ms // 1000)
            self._go_to_menu()

    # ---- screens

    def _screens_of(self, wanted: int) -> "list[tuple[tuple[Any, ...], str, Any]]":
        """(row, title, value) of every screen of a list that may be seen now; the value of a log is None."""
        tree = self._tree
        services = self._services
        prepayment = services.is_prepayment()
        key = b""
        whole: Any = None
        found = []
        rows: tuple[Any, ...] = screens.SCREENS
        for row in rows:
            if row[0] != wanted or not self.guard.allows(row[2]):
                continue
            _, title, _, source, path, count, _, flags = row
            if flags & screens.WHEN_PREPAYMENT and not prepayment:
                continue
            if len(source) == 6 and isinstance(source, bytes):
                found.append((row, title, None))
                continue
            if isinstance(source, str):
                value = getattr(services, source)()
                if value is not None:
                    found.append((row, title, value))
                continue
            if source != key:
                key = source
                data = tree.peek(key)
                whole = None if data is None else decode_whole(data)
            if whole is None:
                continue
            for number in range(count):
                value = whole
                steps = path[:-1] + (path[-1] + number,) if number else path
                for step in steps:
                    value = value[1][step] if step < len(value[1]) else None
                    if value is None:
                        break
                if value is None:
                    break
                value = _plain(value)
                if row[6] == "text" and flags & screens.UNLESS_EMPTY:
                    # Blanks, and an object without members, are nothing to read.
                    if value.strip(b"\0 {}"):
                        found.append((row, title, value))
                elif not (flags & screens.UNLESS_EMPTY and _is_nothing(value)):
                    found.append((row, title % (number + 1) if count > 1 else title, value))
        return found

    def _home_screens(self) -> "list[tuple[tuple[Any, ...], str, Any]]":
        return self._screens_of(screens.DISPLAY)

    def _list_screens(self) -> "list[tuple[tuple[Any, ...], str, Any]]":
        return self._screens_of(self._list)

    def _home_place(self, count: int, now_ms: int) -> int:
        """Which screen of the default display is shown."""
        turns = 0
        if self._turn_ms and self._since_ms is not None and now_ms > self._since_ms:
            turns = (now_ms - self._since_ms) // self._turn_ms
        return (self._place + turns) % count

    def _value_text(self, row: "tuple[Any, ...]", value: "Any") -> str:
        data = self._tree.peek(_CURRENCY)
        self._readout.symbol = "€" if data == b"\x03\x00" else "£"
        return getattr(self._readout, row[6])(value)[:_MOST_LETTERS]  # type: ignore[no-any-return]

    def _log_entries(self) -> "list[bytes]":
        """The rows of the open log that may be seen, newest first."""
        since_s = self.hidden_before()
        rows = [row for row in self._tree.rows(self._log[3]) if int.from_bytes(row[:4], "big") >= since_s]
        rows.reverse()
        return rows

    def hidden_before(self) -> int:
        """What is older than this is hidden: the date of the change of tenancy once it is reached, else 0."""
        data = self._tree.peek(_RESTRICT)
        if data is None:
            return 0
        try:
            date_s = to_seconds(decode_whole(data)[1])
        except DecodeError:
            return 0
        if date_s is None or date_s * 1000 > self._services.now_ms():
            return 0
        return max(0, date_s)

    # ---- the display

    def lines(self) -> "list[str]":
        """What the display shows: face_rows lines of at most face_columns characters."""
        services = self._services
        services.refresh()
        now_ms = services.now_ms()
        self.tick(now_ms)
        title, body, hint = self._page(now_ms)
        columns = self._columns
        lines = [title[:columns]]
        for paragraph in body:
            if len(paragraph) > columns:
                lines.extend(wrap(paragraph, columns))
            elif paragraph:
                lines.append(paragraph)
        lines = lines[: self._rows - 1]
        while len(lines) < self._rows - 1:
            lines.append("")
        lines.append(hint[:columns])
        return lines

    def _page(self, now_ms: int) -> "tuple[str, list[str], str]":
        """Title, paragraphs and hint of what is shown."""
        state = self._state
        if state == HOME:
            found = self._home_screens()
            row, title, value = found[self._home_place(len(found), now_ms)]
            return title, [self._value_text(row, value), self._status()], "A next  B menu"
        if state == MENU:
            rows = self._offered
            body = ["> " + rows[self._place][0]]
            if len(rows) > 1:
                body.append("  " + rows[(self._place + 1) % len(rows)][0])
            return "Menu %d/%d" % (self._place + 1, len(rows)), body, "A next  B choose"
        if state == SCREENS:
            found = self._list_screens()
            if not found:
                return "Nothing to show", [], "B back"
            place = min(self._place, len(found) - 1)
            row, title, value = found[place]
            if value is None:
                return "Logs %d/%d" % (place + 1, len(found)), ["> " + title], "A next  B open"
            return title, [self._value_text(row, value)], "A next  B back"
        if state == ENTRIES:
            return self._entry_page()
        if state == DIGITS:
            return self._digits_page()
        if state == QUESTION:
            question = menu.QUESTIONS[self._chosen[2]][0] or self._chosen[0] + "?"
            return self._chosen[0], [question], "A no    B yes"
        if state == AMOUNT:
            return self._chosen[0], ["%d minutes" % (self._place * BOOST_STEP)], "A more  B start"
        if state == TEXT:
            return self._text_page()
        body = [self._answer]
        if self._show_credit and self._services.is_prepayment() and self.guard.allows(PRIVATE):
            body.append("Credit " + self._readout.money(self._services.available_credit()))
        return self._heading, body, "B back"

    def _entry_page(self) -> "tuple[str, list[str], str]":
        row = self._log
        if not self.guard.allows(row[2]):
            return row[1], ["Enter PIN to see it"], "B back"
        entries = self._log_entries()
        if not entries:
            return row[1], ["No entries"], "B back"
        place = min(self._place, len(entries) - 1)
        entry = entries[place]
        body = [when(int.from_bytes(entry[:4], "big")), self._value_text(row, entry[4:])]
        return "%s %d/%d" % (row[1], place + 1, len(entries)), body, "A older  B back"

    def _digits_page(self) -> "tuple[str, list[str], str]":
        typed = self._typed
        secret = self._purpose != _TOKEN
        shown = "*" * len(typed) if secret else typed
        if len(typed) >= self._wanted_digits():
            hint = "A erase  B confirm"
        else:
            hint = "[%d]  A +1  B take" % self._dial
            shown += "_"
        if not secret:
            shown = " ".join([shown[at : at + 4] for at in range(0, len(shown), 4)])
        return _PROMPTS[self._purpose], [shown, self._note], hint

    def _text_page(self) -> "tuple[str, list[str], str]":
        if not self.guard.allows(PRIVATE):
            return "Message", ["Enter PIN to see it"], "B PIN"
        pages = self._pages()
        place = min(self._place, len(pages) - 1)
        hint = "A next  B seen" if self.message_is_new() else "A next  B back"
        return "Message %d/%d" % (place + 1, len(pages)), pages[place], hint

    def _status(self) -> str:
        """The most urgent of what the indicators say, in words."""
        shown = self.indicators()
        if shown["supply"] == SUPPLY[0]:
            return "Supply is off"
        if shown["supply"] == SUPPLY[2]:
            return "Supply can be on: B"
        if shown["emergency_credit_available"]:
            return "Emergency credit: B"
        if shown["low_credit"]:
            return "Low credit"
        if shown["message"]:
            return "Message: B"
        return "Check the clock" if shown["clock_unreliable"] else ""

    def indicators(self) -> "dict[str, Any]":
        """The lamps and symbols beside the text, which no PIN guards: supply is "on", "off" or "armed", the others are
        booleans.
        """
        services = self._services
        status = self._tree.peek(_CLOCK_STATUS)
        state = services.supply_state()
        return {
            "supply": SUPPLY[state],
            "low_credit": services.low_credit(),
            "emergency_credit_available": services.emergency_credit_offered(),
            "emergency_credit_in_use": services.emergency_credit_selected(),
            "non_disablement": services.non_disablement(),
            "boost": services.boost_left_minutes() > 0,
            "message": self.message_is_new(),
            "clock_unreliable": status is not None and status[1] != 0,
            "pin_set": self.guard.pin_is_set(),
            "pin_entered": self.guard.pin_is_set() and self.guard.is_open(),
        }
