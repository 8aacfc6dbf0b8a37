"""What goes wrong on the line of a simulated stick, as words: `loss=3,host:corrupt=0.5,noise=20,delay=5,slow,reset=1`.

    word        befalls                                                       number
    loss        a frame is lost                                               percent of the frames
    corrupt     one bit of a frame is another                                 percent of the frames
    double      a frame comes twice                                           percent of the frames
    reset       a frame is lost, and the stick starts anew                    percent of the frames
    noise       an XON or XOFF comes before a frame                           percent of the frames
    delay       a frame comes late                                            at most so many milliseconds
    slow        octets come one at a time

`host:` before a word is of what the host hears, `stick:` of what the stick hears; without either it is both.
"""

from collections.abc import Callable

from slotmeter.boards.pc.errors import SlotmeterError
from slotmeter.hal.virtual import faults

HOST = "host"
STICK = "stick"
_PERCENT = ("loss", "corrupt", "double", "reset", "noise")
# The octet that ends a frame of ASH.
_FLAG = 0x7E
_XON_XOFF = b"\x11\x13"
_DELAY_LIMIT_MS = 10000


def parse(text: str) -> "list[tuple[str, str, int]]":
    """(HOST or STICK, word, parts in a thousand or milliseconds) for each direction; SlotmeterError if it is none."""
    found = []
    for item in text.split(","):
        side, colon, word = item.strip().rpartition(":")
        name, equals, number = word.partition("=")
        if (colon and side not in (HOST, STICK)) or (name == "slow") == bool(equals):
            raise _unknown(item)
        value = 0 if name == "slow" else _number(item, name, number)
        found += [(one, name, value) for one in (HOST, STICK) if side in ("", one)]
    return found


def _number(item: str, name: str, number: str) -> int:
    try:
        if name == "delay":
            value, limit = int(number), _DELAY_LIMIT_MS
        elif name in _PERCENT:
            value, limit = round(10 * float(number)), 1000
        else:
            raise _unknown(item)
    except (ValueError, OverflowError) as error:
        raise _unknown(item) from error
    if not 0 <= value <= limit:
        raise SlotmeterError("%s: percent go from 0 to 100, and a delay to %d ms" % (item.strip(), _DELAY_LIMIT_MS))
    return value


def _unknown(item: str) -> SlotmeterError:
    return SlotmeterError(
        "%r is no fault of a line; it may be loss=3, corrupt=3, double=3, reset=1, noise=20 (percent), delay=5 (ms)"
        " or slow, with host: or stick: before it for one direction" % item.strip()
    )


class LineFaults:
    """The devices of both directions, made of what `parse` gave. reset: starts the stick anew."""

    def __init__(self, wanted: "list[tuple[str, str, int]]", seed: int, reset: "Callable[[], None]") -> None:
        self._devices: list[tuple[str, str, faults.Fault]] = []
        self._reset = reset
        self.towards_host = self._chain(HOST, wanted, seed + 100)
        self.towards_stick = self._chain(STICK, wanted, seed)

    def _chain(self, side: str, wanted: "list[tuple[str, str, int]]", seed: int) -> faults.Fault:
        frames: list[faults.Fault] = []
        octets: list[faults.Fault] = []
        for place, (one, name, value) in enumerate(wanted):
            if one == side:
                device = self._device(name, seed + place, value)
                (frames if name in _PERCENT else octets).append(device)
                self._devices.append((side, name, device))
        return faults.Chain([faults.Frames(faults.Chain(frames), _FLAG), *octets] if frames else octets)

    def _device(self, name: str, seed: int, value: int) -> faults.Fault:
        if name == "loss":
            return faults.Lossy(seed, value)
        if name == "corrupt":
            return faults.Corrupting(seed, value)
        if name == "double":
            return faults.Doubling(seed, value)
        if name == "reset":
            return faults.Resetting(seed, value, self._reset)
        if name == "noise":
            return faults.Noisy(seed, value, _XON_XOFF)
        if name == "delay":
            return faults.Delayed(seed, value)
        return faults.OneOctetAtATime()

    def __str__(self) -> str:
        return ", ".join(["%s:%s %d" % (side, name, device.done) for side, name, device in self._devices])
