"""The five auxiliary controllers: relays in the meter, switches on the HAN, proportional controllers.

What a controller is, its type says (0-0:94.44.0.21 to .25): nothing for none, eight noughts for a relay in the meter
(ALCS), an EUI-64 for a switch on the HAN (HCALCS), FF for a proportional controller (APC). Each has an output, and an
APC has an input too. Both have a level of 0 to 100 %, of which the first two kinds know 0 and 100.

Who decides a level, the first that there is:

    setting   a command for a period (ECS47a), or for minutes (ECS47)        } of two that run at the same time, the
    boost     the customer's, on the outputs that the supplier associated    } one that was given later
    calendar  the last entry that has switched, delayed by the randomised offset
    nobody    nought

and then a limit (ECS47e), for an APC, cuts it. A command acts at once and for its period only; when that is over the
calendar decides, as it does after a loss of supply, unless a period still runs. While the clock is not reliable the
calendar does not switch: HOLD keeps what it said last, OPEN lets nobody decide, CALENDAR goes on all the same.

Command words: kind (4 bits; 1 output, 2 input), controller (4), level (8; with 80 added in a calendar). The older form
is kind nought and an action: 01, 02 in a calendar on and off, 11, 12 on and off for minutes, 20 back to the calendar.

The event log has a row whenever another word decides: success or failure as the relay's contact says, unknown for a
switch on the HAN, which has the command's id and whose report is a row of its own. A command for a controller that
there is not is kept, and logged as a failure. 811A: a relay did not follow. 8F86 and 8F87: an APC's limit was accepted,
and ended or was replaced; their bodies name direction and controller as in a word, the period, and the level that the
limit sets, or that it leaves behind.

Sources: SMETS 5.6.3.33, 5.7.4.2, 5.7.4.33, 5.7.5.6, 5.7.5.28, 5.7.5.37, 5.7.5.38, 5.26; GBCS mapping table ECS46,
ECS47, ECS61, ECS62, ECS101, ECS102; facts section 7.
"""

from slotmeter.dlms.apdu import HARDWARE_FAULT, OTHER_REASON, SUCCESS
from slotmeter.dlms.dates import DAY_S, from_seconds, to_seconds
from slotmeter.dlms.errors import DecodeError
from slotmeter.firmware import calendars, logs
from slotmeter.firmware.settings import CALENDAR, HOLD
from slotmeter.hal.clock import RELIABLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from slotmeter.dlms.cosem.tree import Tree
    from slotmeter.firmware.calendars import Entry
    from slotmeter.firmware.settings import Settings
    from slotmeter.hal.records import Records
    from slotmeter.hal.switch import Switch

CONTROLLERS = (1, 2, 3, 4, 5)

# What a controller is.
NONE = 0
ALCS = 1
HCALCS = 2
APC = 3
KIND_NAMES = ("none", "ALCS", "HCALCS", "APC")

# The two channels of a controller, and the kind that a word gives them.
OUTPUT = 0
INPUT = 1

# Who decides.
BY_NOBODY = 0
BY_CALENDAR = 1
BY_SETTING = 2
BY_BOOST = 3
SOURCE_NAMES = ("nobody", "calendar", "setting", "boost")

# Why a boost was refused.
BOOST_DONE = 0
BOOST_NOT_AVAILABLE = 1
BOOST_NO_CONTROLLER = 2
BOOST_ALREADY_ON = 3
BOOST_RUNNING = 4
BOOST_NOT_RUNNING = 5
BOOST_TOO_LONG = 6

BOOST_STEP_MIN = 15
BOOST_MOST_MIN = 60
# No document says how often a relay that did not follow is told again.
RETRY_S = 60

SCRIPTS = b"\x00\x00\x0a\x00\x67\xff"
LIMIT_SCRIPTS = b"\x00\x00\x0a\x00\x6b\xff"
SCHEDULE = b"\x00\x0a\x00\x00\x0c\x00\x02\xff\x02"
SPECIAL_DAYS = b"\x00\x0b\x00\x00\x0b\x00\x03\xff\x02"
OFFSET = b"\x00\x01\x00\x00\x5e\x2c\x00\x00\x02"
BOOST_AVAILABLE = b"\x00\x01\x00\x00\x5e\x2c\x07\xff\x02"
BOOST_LOG = b"\x00\x00\x63\x62\x14\xff"
_DATA = b"\x00\x01\x00\x00\x5e\x2c"
_FULL = 100
_CALENDAR_FLAG = 0x80
_OLD_CALENDAR_ON = 0x01
_OLD_CALENDAR_OFF = 0x02
_OLD_ON = 0x11
_OLD_OFF = 0x12
_OLD_RESET = 0x20
NOT_FOLLOWED = 0x811A
FOLLOWED = 0x8131
LIMIT_PROCESSED = 0x8F86
LIMIT_ENDED = 0x8F87
OPERATIONAL_UPDATE = 0x8F88
_BOOST_RECORD = "aux.boost"


def type_key(number: int) -> bytes:
    """Type and identifier of controller 1 to 5."""
    return _DATA + bytes((0, 20 + number, 2))


def state_key(number: int) -> bytes:
    """State of controller 1 to 5, a JSON text."""
    return _DATA + bytes((0, 30 + number, 2))


def output_key(number: int) -> bytes:
    """Output state of the switch of controller 1 to 5."""
    return b"\x00\x46\x00" + bytes((number,)) + b"\x60\x03\x0a\xff\x02"


def association_key(number: int) -> bytes:
    """Whether boost is for controller 1 to 5."""
    return _DATA + bytes((6, number, 2))


def period_key(number: int, which: int) -> bytes:
    """Of controller 1 to 5: which 1 and 2 is begin and end of the setting period, 3 and 4 of the limit period."""
    return _DATA + bytes((116 + number, which, 2))


# Asked after every command.
_TYPE_KEYS = (b"",) + tuple([type_key(number) for number in CONTROLLERS])
_ASSOCIATION_KEYS = (b"",) + tuple([association_key(number) for number in CONTROLLERS])


def kind_of(identifier: bytes) -> int:
    """NONE, ALCS, HCALCS or APC."""
    if len(identifier) == 8:
        return HCALCS if identifier != b"\x00" * 8 else ALCS
    return APC if identifier == b"\xff" else NONE


def level_of(word: int) -> int:
    """The level that a word gives, 0 to 100."""
    low = word & 255
    if word >> 12 == 0:
        return _FULL if low in (_OLD_ON, _OLD_CALENDAR_ON) else 0
    low &= 0x7F
    return low if low < _FULL else _FULL


class _Channel:
    """The output or the input of one controller.

    setting_word: 0 when there is none; start and end in seconds, given: in which order. limit_level: -1 when there is
    none. calendar_word: what the calendar said last, 0 when nothing, and when. next_s: when it switches next, without
    the offset, -1 when it does not. source, word, at_s: who decides, with what, since when; level: the result.
    """

    __slots__ = (
        "number", "direction", "kind", "entries", "setting_word", "start_s", "end_s", "given", "limit_level",
        "limit_start_s", "limit_end_s", "calendar_word", "calendar_s", "next_s", "next_word", "source", "word", "at_s",
        "level", "stored", "name",
    )  # fmt: skip

    def __init__(self, number: int, direction: int) -> None:
        self.number = number
        self.direction = direction
        self.name = "aux.%d%s" % (number, "oi"[direction])
        self.kind = NONE
        self.entries: list[Entry] = []
        self.next_s = -1
        self.next_word = 0
        # The record as last read or written.
        self.stored: bytes | None = None
        self.forget()

    def forget(self) -> None:
        """Nothing was ever commanded."""
        self.setting_word = self.start_s = self.end_s = self.given = 0
        self.limit_level = -1
        self.limit_start_s = self.limit_end_s = 0
        self.calendar_word = self.calendar_s = 0
        self.source = BY_NOBODY
        self.word = self.at_s = self.level = 0

    def octets(self) -> bytes:
        """The state of 37 octets for a record."""
        out = []
        for value in (self.start_s, self.end_s, self.given, self.limit_start_s, self.limit_end_s, self.calendar_s):
            out.append(value.to_bytes(4, "big"))
        out.append(self.at_s.to_bytes(4, "big"))
        for value in (self.setting_word, self.calendar_word, self.word):
            out.append(value.to_bytes(2, "big"))
        out.append(bytes((self.limit_level + 1, self.source, self.level)))
        return b"".join(out)

    def place(self, octets: bytes) -> None:
        """The state from a record."""
        n = [int.from_bytes(octets[i : i + 4], "big") for i in range(0, 28, 4)]
        self.start_s, self.end_s, self.given, self.limit_start_s, self.limit_end_s, self.calendar_s, self.at_s = n
        self.setting_word = octets[28] << 8 | octets[29]
        self.calendar_word = octets[30] << 8 | octets[31]
        self.word = octets[32] << 8 | octets[33]
        self.limit_level = octets[34] - 1
        self.source = octets[35]
        self.level = octets[36]

    def is_mine(self, entry: "Entry") -> bool:
        """Whether an entry of the calendar is for this channel."""
        if entry.script_table != SCRIPTS or entry.script >> 8 & 15 != self.number:
            return False
        kind = entry.script >> 12
        if kind == 0:
            return self.direction == OUTPUT and entry.script & 255 in (_OLD_CALENDAR_ON, _OLD_CALENDAR_OFF)
        return kind == self.direction + 1

    def head(self) -> int:
        """Direction and controller as in the first octet of a word."""
        return (self.direction + 1) << 4 | self.number


class Auxiliary:
    """The organ that moves the auxiliary switches.

    notify(code, elements=...): tells of an event; clock_status(): RELIABLE or not. settings: auxiliary_without_time,
    HOLD (the default), OPEN or CALENDAR.
    """

    def __init__(
        self,
        tree: "Tree",
        records: "Records",
        notify: "Callable[..., None]",
        settings: "Settings",
        switch: "Switch",
        clock_status: "Callable[[], int]",
    ) -> None:
        self._tree = tree
        self._records = records
        self._notify = notify
        self._switch = switch
        self._clock_status = clock_status
        self._without_time = settings.auxiliary_without_time
        self._channels = [_Channel(number, direction) for number in CONTROLLERS for direction in (OUTPUT, INPUT)]
        self._schedule = self._special_days = b""
        self._days = calendars.SpecialDays([])
        self._offset_s = 0
        self._live = True
        # Whether a relay is where it should not be.
        self._astray = False
        # Whether the calendars' last and next switches are to be looked up.
        self._unknown = True
        self._available = False
        self._associated = 0
        self._boost_start_s = self._boost_end_s = self._boost_given = self._boost_mask = 0
        self._boost_stored: bytes | None = None
        self._given = 0
        # The controllers whose state and output are to be written.
        self._stale: set[int] = set()
        self._touched = False
        self._due_s = -1
        self._look = True
        self._now_s = 0
        # Why the last boost command was refused.
        self.boost_refusal = BOOST_DONE
        self.load()

    # ---- state

    def kind(self, number: int) -> int:
        """NONE, ALCS, HCALCS or APC; `number` 1 to 5."""
        return self._channels[2 * number - 2].kind

    def level(self, number: int, direction: int = OUTPUT) -> int:
        """The level of a controller in per cent, 0 to 100."""
        return self._channels[2 * number - 2 + direction].level

    def source(self, number: int, direction: int = OUTPUT) -> int:
        """Who decides it: BY_NOBODY, BY_CALENDAR, BY_SETTING or BY_BOOST."""
        return self._channels[2 * number - 2 + direction].source

    def states(self) -> "list[tuple[int, int, int, int]]":
        """(kind, output level, input level, who decides the output) of controllers 1 to 5."""
        found = []
        for number in CONTROLLERS:
            output, entry = self._channels[2 * number - 2], self._channels[2 * number - 1]
            found.append((output.kind, output.level, entry.level, output.source))
        return found

    # ---- commands

    def command(self, obis: bytes, word: int, now_s: int) -> int:
        """A script table of the controllers is executed with a word; returns a data-access result.

        obis: SCRIPTS to set, LIMIT_SCRIPTS to limit. The period was written just before, in the same command; one that
        does not end after it begins, or lasts longer than a day, refuses the word (SMETS 5.6.3.33).
        """
        kind = word >> 12
        number = word >> 8 & 15
        level = word & 255
        limit = obis == LIMIT_SCRIPTS
        if not 1 <= number <= 5 or kind > 2 or (limit and not kind):
            return OTHER_REASON
        self._now_s = now_s
        channel = self._channels[2 * number - 2 + (kind == 2)]
        if not kind:
            start_s, end_s = now_s, self._minutes_end(number, level, now_s)
        else:
            start_s, end_s = self._period(number, 3 if limit else 1)
            if level > _FULL:
                end_s = -1
        if end_s < 0:
            return OTHER_REASON
        if limit:
            self._limit(channel, word, start_s, end_s)
            result = SUCCESS
        else:
            result = self._set(channel, word, start_s, end_s)
        self.flush()
        return result

    def _minutes_end(self, number: int, action: int, now_s: int) -> int:
        """When a command of the older form ends, -1 when there is no such action or nobody said for how long."""
        if action == _OLD_RESET:
            return now_s
        if action not in (_OLD_ON, _OLD_OFF):
            return -1
        minutes = self._tree.value(period_key(number, 1 if action == _OLD_ON else 2))
        return now_s + int.from_bytes(minutes[1:], "big") * 60 if minutes[0] == 0x12 else -1

    def _period(self, number: int, first: int) -> "tuple[int, int]":
        """Begin and end of a period; the end is -1 when it is none that a controller accepts."""
        start = self._tree.value(period_key(number, first))
        end = self._tree.value(period_key(number, first + 1))
        if start[:2] != b"\x09\x0c" or end[:2] != b"\x09\x0c":
            return 0, -1
        try:
            start_s = to_seconds(start[2:])
            end_s = to_seconds(end[2:])
        except DecodeError:
            return 0, -1
        if start_s is None or end_s is None or start_s < 0 or not start_s < end_s <= start_s + DAY_S:
            return 0, -1
        return start_s, end_s

    def _set(self, channel: "_Channel", word: int, start_s: int, end_s: int) -> int:
        """Keeps a setting; it acts at once when its period has begun."""
        now_s = self._now_s
        self._touched = True
        if word >> 12 == 0 and word & 255 == _OLD_RESET:
            channel.setting_word = 0
            self._boost_mask_less(channel)
            if channel.kind == NONE:
                self._note(channel, word, logs.OUTCOME_FAILURE)
                return SUCCESS
            # Nobody, so that the calendar is a change and the log has this word.
            channel.source = BY_NOBODY
            channel.word = word
            followed = self._decide(channel, now_s, word)
        elif end_s <= now_s:
            self._note(channel, word, logs.OUTCOME_FAILURE)
            return SUCCESS
        else:
            self._given += 1
            channel.setting_word = word
            channel.start_s = start_s
            channel.end_s = end_s
            channel.given = self._given
            if channel.kind == NONE:
                self._note(channel, word, logs.OUTCOME_FAILURE)
            followed = self._decide(channel, now_s)
        self._find_due(now_s)
        return SUCCESS if followed else HARDWARE_FAULT

    def _limit(self, channel: "_Channel", word: int, start_s: int, end_s: int) -> None:
        """Keeps a limit; one that was there is over."""
        now_s = self._now_s
        self._end_limit(channel)
        self._touched = True
        if end_s > now_s:
            channel.limit_level = word & 255
            channel.limit_start_s = start_s
            channel.limit_end_s = end_s
        if channel.kind != APC or end_s <= now_s:
            self._note(channel, word, logs.OUTCOME_FAILURE)
        else:
            self._note(channel, word, logs.OUTCOME_SUCCESS)
            start, end = b"\x09\x0c" + from_seconds(start_s), b"\x09\x0c" + from_seconds(end_s)
            elements = (bytes((0x11, channel.head())), start, end, bytes((0x11, word & 255)))
            self._notify(LIMIT_PROCESSED, elements=elements)
            self._decide(channel, now_s)
        self._find_due(now_s)

    def _end_limit(self, channel: "_Channel") -> None:
        """Forgets a limit, and tells what level it leaves behind."""
        if channel.limit_level < 0:
            return
        channel.limit_level = -1
        self._touched = True
        if channel.kind == APC:
            self._decide(channel, self._now_s)
            self._notify(LIMIT_ENDED, elements=(bytes((0x11, channel.head())), bytes((0x11, channel.level))))

    def report(self, number: int, command_id: int, success: bool, now_s: int) -> None:
        """A switch on the HAN says whether it did as command `command_id` (seconds since 1970) said."""
        outcome = logs.OUTCOME_SUCCESS if success else logs.OUTCOME_FAILURE
        logs.note_auxiliary(self._tree, now_s, number << 8, outcome, command_id)
        self._notify(FOLLOWED if success else NOT_FOLLOWED)

    # ---- boost

    def boost_available(self) -> bool:
        """Whether the meter has a boost function, and there is a controller for it."""
        return self._available and bool(self._boostable())

    def boost_left_ms(self, now_ms: int) -> int:
        """How long a boost still has to run; 0 when none runs."""
        left_ms = self._boost_end_s * 1000 - now_ms if self._boost_mask else 0
        return left_ms if left_ms > 0 else 0

    def boost_start(self, controllers: "Sequence[int]", minutes: int, now_ms: int) -> bool:
        """Turns controllers on for 15, 30, 45 or 60 minutes: those named that are associated, or all if none is named.

        False when it was refused; `boost_refusal` says why.
        """
        self._now_s = now_ms // 1000
        mask = self._boostable()
        if controllers:
            named = 0
            for number in controllers:
                named |= 1 << number
            mask &= named
        if not self._available:
            return self._refuse(BOOST_NOT_AVAILABLE)
        if not mask:
            return self._refuse(BOOST_NO_CONTROLLER)
        if self.boost_left_ms(now_ms):
            return self._refuse(BOOST_RUNNING)
        if not 0 < minutes <= BOOST_MOST_MIN or minutes % BOOST_STEP_MIN:
            return self._refuse(BOOST_TOO_LONG)
        if self._all_on(mask):
            return self._refuse(BOOST_ALREADY_ON)
        if self._boost_mask:
            self._end_boost(self._boost_end_s)
        self._given += 1
        self._boost_given = self._given
        self._boost_start_s = self._now_s
        self._boost_end_s = self._now_s + minutes * 60
        self._boost_mask = mask
        return self._boost_changed()

    def boost_extend(self, minutes: int, now_ms: int) -> bool:
        """Lets a boost run `minutes` longer, in steps of 15 and to 60 minutes in all; False when it was refused."""
        self._now_s = now_ms // 1000
        if not self.boost_left_ms(now_ms):
            return self._refuse(BOOST_NOT_RUNNING)
        end_s = self._boost_end_s + minutes * 60
        if minutes <= 0 or minutes % BOOST_STEP_MIN or end_s > self._boost_start_s + BOOST_MOST_MIN * 60:
            return self._refuse(BOOST_TOO_LONG)
        self._boost_end_s = end_s
        return self._boost_changed()

    def boost_cancel(self, now_ms: int) -> bool:
        """Ends a boost; False when none runs."""
        self._now_s = now_ms // 1000
        if not self.boost_left_ms(now_ms):
            return self._refuse(BOOST_NOT_RUNNING)
        self._end_boost(self._now_s)
        return self._boost_changed()

    def _refuse(self, reason: int) -> bool:
        self.boost_refusal = reason
        return False

    def _boost_changed(self) -> bool:
        self.boost_refusal = BOOST_DONE
        self._touched = True
        self._evaluate(self._now_s)
        self.flush()
        return True

    def _boostable(self) -> int:
        """Bit n for each controller n that is associated and there."""
        mask = 0
        for number in CONTROLLERS:
            if self._associated >> number & 1 and self.kind(number) != NONE:
                mask |= 1 << number
        return mask

    def _all_on(self, mask: int) -> bool:
        """Whether the calendar has every one of these controllers on."""
        for number in CONTROLLERS:
            channel = self._channels[2 * number - 2]
            if mask >> number & 1 and not (channel.calendar_word and level_of(channel.calendar_word)):
                return False
        return True

    def _end_boost(self, end_s: int) -> None:
        """Writes the boost into its log and forgets it."""
        self._tree.append(BOOST_LOG, self._boost_start_s.to_bytes(4, "big") + end_s.to_bytes(4, "big"))
        self._boost_mask = 0
        self._touched = True

    # ---- an organ

    def load(self) -> None:
        """Reads configuration and state."""
        tree = self._tree
        for channel in self._channels:
            stored = self._records.get(channel.name)
            if stored != channel.stored:
                channel.stored = stored
                # A relay may have moved for what is forgotten now.
                self._astray = True
                channel.forget()
                if stored is not None:
                    channel.place(stored)
        self._load_boost()
        for number in CONTROLLERS:
            self._load_kind(number)
        for channel in self._channels:
            if channel.given > self._given:
                self._given = channel.given
        schedule, special_days = tree.value(SCHEDULE), tree.value(SPECIAL_DAYS)
        offset_s = int.from_bytes(tree.value(OFFSET)[1:], "big")
        if schedule != self._schedule or special_days != self._special_days or offset_s != self._offset_s:
            self._schedule, self._special_days, self._offset_s = schedule, special_days, offset_s
            entries = calendars.parse_schedule(schedule)
            self._days = calendars.parse_special_days(special_days)
            for channel in self._channels:
                channel.entries = [entry for entry in entries if channel.is_mine(entry)]
            self._unknown = True
        self._touched = False
        self._look = True

    def _load_kind(self, number: int) -> None:
        """What the controller is now; its state text follows, unless the bench placed another."""
        tree = self._tree
        kind = kind_of(tree.value(_TYPE_KEYS[number])[2:])
        if kind == self.kind(number):
            return
        if tree.value(state_key(number)) == self._state(number):
            self._stale.add(number)
        self._channels[2 * number - 2].kind = self._channels[2 * number - 1].kind = kind

    def _load_boost(self) -> None:
        tree = self._tree
        stored = self._records.get(_BOOST_RECORD)
        if stored != self._boost_stored:
            self._boost_stored = stored
            if stored is None:
                self._boost_mask = 0
            else:
                self._boost_start_s = int.from_bytes(stored[:4], "big")
                self._boost_end_s = int.from_bytes(stored[4:8], "big")
                self._boost_given = int.from_bytes(stored[8:12], "big")
                self._boost_mask = stored[12]
                if self._boost_given > self._given:
                    self._given = self._boost_given
        self._available = bool(tree.value(BOOST_AVAILABLE)[1])
        self._associated = 0
        for number in CONTROLLERS:
            if tree.value(_ASSOCIATION_KEYS[number])[1]:
                self._associated |= 1 << number

    def flush(self) -> None:
        """Writes what changed."""
        if self._stale:
            for number in sorted(self._stale):
                state = self._state(number)
                if self._tree.value(state_key(number)) != state:
                    self._tree.put(state_key(number), state)
                output = b"\x03\xff" if self._is_on(number) else b"\x03\x00"
                if self._tree.value(output_key(number)) != output:
                    self._tree.put(output_key(number), output)
            self._stale = set()
        if not self._touched:
            return
        self._touched = False
        records = self._records
        for channel in self._channels:
            octets = channel.octets()
            if octets != channel.stored:
                channel.stored = octets
                records.put(channel.name, octets)
        if self._boost_mask:
            head = self._boost_start_s.to_bytes(4, "big") + self._boost_end_s.to_bytes(4, "big")
            octets = head + self._boost_given.to_bytes(4, "big") + bytes((self._boost_mask,))
            if octets != self._boost_stored:
                self._boost_stored = octets
                records.put(_BOOST_RECORD, octets)
        elif self._boost_stored is not None:
            self._boost_stored = None
            records.drop(_BOOST_RECORD)

    def deadline_ms(self) -> "int | None":
        """The next begin or end of a period, switch of the calendar, or try of a relay that did not follow."""
        return None if self._due_s < 0 else self._due_s * 1000

    def tick(self, now_ms: int) -> None:
        """Does what is due, and after a change of configuration or of the clock's status looks around."""
        self._now_s = now_ms // 1000
        if self._look or 0 <= self._due_s <= self._now_s or self._is_live() != self._live:
            self._evaluate(self._now_s)
            self.flush()

    def set_clock(self, now_ms: int) -> None:
        """The clock was set, or is seen for the first time: what runs for minutes does not run longer for it."""
        now_s = now_ms // 1000
        self._now_s = now_s
        for channel in self._channels:
            if channel.setting_word and channel.setting_word >> 12 == 0 and channel.start_s > now_s:
                channel.end_s += now_s - channel.start_s
                channel.start_s = now_s
        if self._boost_start_s > now_s:
            self._boost_end_s += now_s - self._boost_start_s
            self._boost_start_s = now_s
        self.power_up(now_ms)

    def power_up(self, now_ms: int) -> None:
        """Power is back, or the meter was started: the calendar and any running period decide."""
        self._now_s = now_ms // 1000
        self._unknown = True
        # Nobody knows where the relays are.
        self._astray = True
        self._touched = True
        self._evaluate(self._now_s)
        self.flush()

    # ---- inside

    def _is_live(self) -> bool:
        """Whether the calendar switches."""
        return self._without_time == CALENDAR or self._clock_status() == RELIABLE

    def _evaluate(self, now_s: int) -> None:
        """Lets what is over be over, turns the calendar, and has everybody follow who decides now."""
        self._look = False
        live = self._is_live()
        if live != self._live:
            self._live = live
            self._unknown = True
        if self._boost_mask:
            mask = self._boost_mask & self._boostable()
            if self._boost_end_s <= now_s:
                self._end_boost(self._boost_end_s)
            elif not self._available or not mask:
                self._end_boost(now_s)
            else:
                self._boost_mask = mask
        for channel in self._channels:
            if live:
                self._turn(channel, now_s)
            if channel.setting_word and channel.end_s <= now_s:
                channel.setting_word = 0
                self._touched = True
            if channel.limit_level >= 0 and channel.limit_end_s <= now_s:
                self._end_limit(channel)
            self._decide(channel, now_s)
        if live:
            self._unknown = False
        if self._astray:
            self._place_relays()
        self._find_due(now_s)

    def _turn(self, channel: "_Channel", now_s: int) -> None:
        """What the calendar says now, and when it says something else."""
        at_s = now_s - self._offset_s
        if not self._unknown:
            if channel.next_s < 0 or channel.next_s > at_s:
                return
            channel.calendar_word = channel.next_word
            channel.calendar_s = channel.next_s
            self._touched = True
        found = None if self._unknown else calendars.next_switch(channel.entries, self._days, channel.next_s)
        if self._unknown or (found is not None and found[0] <= at_s):
            last = calendars.last_switch(channel.entries, self._days, at_s)
            channel.calendar_s, channel.calendar_word = (0, 0) if last is None else (last[0], last[1].script)
            found = calendars.next_switch(channel.entries, self._days, at_s)
            self._touched = True
        channel.next_s, channel.next_word = (-1, 0) if found is None else (found[0], found[1].script)

    def _who(self, channel: "_Channel", now_s: int) -> "tuple[int, int, int]":
        """Who decides, with what word, since when."""
        if channel.kind == NONE:
            return BY_NOBODY, 0, 0
        setting = channel.setting_word and channel.start_s <= now_s < channel.end_s
        boost = (
            channel.direction == OUTPUT
            and self._boost_mask >> channel.number & 1
            and self._boost_start_s <= now_s < self._boost_end_s
        )
        if boost and not (setting and channel.given > self._boost_given):
            return BY_BOOST, channel.head() << 8 | _FULL, self._boost_start_s
        if setting:
            return BY_SETTING, channel.setting_word, channel.start_s
        if channel.calendar_word and (self._live or self._without_time == HOLD):
            return BY_CALENDAR, channel.calendar_word, channel.calendar_s
        return BY_NOBODY, 0, 0

    def _decide(self, channel: "_Channel", now_s: int, said: int = 0) -> bool:
        """Has the channel follow who decides; whether it did. said: the log's word, 0 for what decides."""
        source, word, at_s = self._who(channel, now_s)
        level = level_of(word) if source != BY_NOBODY else 0
        if channel.kind == APC:
            if channel.limit_level >= 0 and channel.limit_start_s <= now_s < channel.limit_end_s:
                level = min(level, channel.limit_level)
        else:
            level = _FULL if level and channel.direction == OUTPUT else 0
        another = source != channel.source or word != channel.word or at_s != channel.at_s
        if not another and level == channel.level:
            return True
        channel.source = source
        channel.word = word
        channel.at_s = at_s
        self._touched = True
        moved = level != channel.level
        if moved:
            channel.level = level
            self._stale.add(channel.number)
        outcome = self._outcome(channel)
        if another and channel.kind != NONE:
            if source == BY_NOBODY:
                word = channel.head() << 8 | _CALENDAR_FLAG
            self._note(channel, said or word, outcome)
        if outcome == logs.OUTCOME_FAILURE and channel.direction == OUTPUT:
            self._notify(NOT_FOLLOWED)
            return False
        if moved and outcome == logs.OUTCOME_SUCCESS:
            self._notify(FOLLOWED)
            if channel.kind == APC:
                self._notify(OPERATIONAL_UPDATE, elements=(self._operational(channel.number),))
        return True

    def _outcome(self, channel: "_Channel") -> int:
        """Moves what there is to move; the outcome for the log."""
        if channel.direction == INPUT:
            return logs.OUTCOME_SUCCESS if channel.kind == APC else logs.OUTCOME_FAILURE
        if channel.kind == HCALCS:
            return logs.OUTCOME_UNKNOWN
        if self._follows(channel):
            return logs.OUTCOME_SUCCESS
        self._astray = True
        return logs.OUTCOME_FAILURE

    def _follows(self, channel: "_Channel") -> bool:
        """Tells the relay where to be, if it is not there; whether it is."""
        closed = channel.level > 0
        if self._switch.is_closed(channel.number) != closed:
            self._switch.move(channel.number, closed)
            self._stale.add(channel.number)
        return self._switch.is_closed(channel.number) == closed

    def _place_relays(self) -> None:
        """Has every relay be where it should be, if it can."""
        self._astray = False
        for channel in self._channels:
            if channel.direction == OUTPUT and channel.kind != HCALCS and not self._follows(channel):
                self._astray = True

    def _is_on(self, number: int) -> bool:
        """Whether the controller's switch is closed, as far as can be known."""
        channel = self._channels[2 * number - 2]
        return channel.level > 0 if channel.kind == HCALCS else self._switch.is_closed(number)

    def _boost_mask_less(self, channel: "_Channel") -> None:
        """A boost goes on without this controller; without any it is over."""
        if channel.direction == OUTPUT and self._boost_mask >> channel.number & 1:
            if self._boost_mask == 1 << channel.number:
                self._end_boost(min(self._now_s, self._boost_end_s))
            else:
                self._boost_mask &= ~(1 << channel.number)

    def _state(self, number: int) -> bytes:
        """The state of a controller as a UTF-8 string of A-XDR."""
        output, entry = self._channels[2 * number - 2], self._channels[2 * number - 1]
        if output.kind == NONE:
            return b"\x0c\x02{}"
        text = ('{"outputState": %d, "inputState": %d}' % (output.level, entry.level)).encode()
        return b"\x0c" + bytes((len(text),)) + text

    def _operational(self, number: int) -> bytes:
        """The state of a proportional controller as its alert spells it, not quite as it is read (RTDS ECS200)."""
        output, entry = self._channels[2 * number - 2], self._channels[2 * number - 1]
        text = ('{"outputState":"%d","inputState":"%d","other-data":""}' % (output.level, entry.level)).encode()
        return b"\x0c" + bytes((len(text),)) + text

    def _note(self, channel: "_Channel", word: int, outcome: int) -> None:
        """A row of the event log; a command to a switch on the HAN has an id."""
        command_id = self._now_s + logs.UNIX_EPOCH_S if channel.kind == HCALCS else 0
        logs.note_auxiliary(self._tree, self._now_s, word, outcome, command_id)

    def _find_due(self, now_s: int) -> None:
        """When something is due next."""
        due = -1
        for channel in self._channels:
            times = (
                (channel.start_s, channel.end_s) if channel.setting_word else (),
                (channel.limit_start_s, channel.limit_end_s) if channel.limit_level >= 0 else (),
                (channel.next_s + self._offset_s,) if self._live and channel.next_s >= 0 else (),
            )
            for some in times:
                for at_s in some:
                    if at_s > now_s and (due < 0 or at_s < due):
                        due = at_s
        if self._boost_mask and (due < 0 or self._boost_end_s < due):
            due = self._boost_end_s
        if self._astray and (due < 0 or now_s + RETRY_S < due):
            due = now_s + RETRY_S
        self._due_s = due
