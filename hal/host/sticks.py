"""Finding ZigBee sticks: the USB serial ports of a Linux machine, and what is known of the sticks behind them.

A row of STICKS: VID:PID, what the manufacturer's and the product's text begin with or hold, name, whether it speaks
EZSP as it is sold, speed, flow control, firmware that is likely on it (facts section 7). 10C4:EA60 is the serial chip
of many sticks of all kinds, so that the texts decide; the first row that fits counts.
"""

import os

# Where udev makes names that stay, and where pseudo-terminals are.
BY_ID = "/dev/serial/by-id"
PSEUDO = "/dev/pts/"

HARDWARE = "hardware"
SOFTWARE = "software"
# What is tried where nothing is known.
SPEEDS = (115200, 460800, 57600)

_CP210X = (0x10C4, 0xEA60)
_NCP = "EmberZNet co-processor"
_NOT_EZSP = "not EZSP"

# (VID, PID), manufacturer, product (lower case, somewhere in the text), name, ezsp, baud, flow, firmware.
STICKS = (
    (_CP210X, "nabu casa", "", "Home Assistant Connect ZBT-1 (SkyConnect)", True, 115200, HARDWARE, _NCP),
    ((0x303A, 0x4001), "nabu casa", "", "Home Assistant Connect ZBT-2", True, 460800, HARDWARE, _NCP),
    ((0x303A, 0x831A), "nabu casa", "", "Home Assistant Connect ZBT-2", True, 460800, HARDWARE, _NCP),
    ((0x1A86, 0x55D4), "itead", "", "Sonoff ZBDongle-E", True, 115200, SOFTWARE, _NCP),
    (_CP210X, "itead", "plus_v2", "Sonoff ZBDongle-E", True, 115200, SOFTWARE, _NCP),
    (_CP210X, "itead", "plus v2", "Sonoff ZBDongle-E", True, 115200, SOFTWARE, _NCP),
    (_CP210X, "sonoff", "mg24", "Sonoff Dongle Plus MG24", True, 115200, SOFTWARE, _NCP),
    (_CP210X, "sonoff", "mg21", "Sonoff Dongle Lite MG21", True, 115200, SOFTWARE, _NCP),
    (_CP210X, "sonoff", "max", "Sonoff Dongle Max", True, 115200, SOFTWARE, _NCP),
    (_CP210X, "smlight", "slzb-07p7", "SMLIGHT SLZB-07p7 (TI chip)", False, 115200, SOFTWARE, _NOT_EZSP),
    (_CP210X, "smlight", "slzb-07", "SMLIGHT SLZB-07", True, 115200, HARDWARE, _NCP),
    (_CP210X, "smlight", "slzb-06m", "SMLIGHT SLZB-06M", True, 115200, SOFTWARE, _NCP),
    (_CP210X, "smlight", "slzb-06", "SMLIGHT SLZB-06 (TI chip)", False, 115200, SOFTWARE, _NOT_EZSP),
    (_CP210X, "itead", "", "Sonoff ZBDongle-P (TI chip)", False, 115200, SOFTWARE, _NOT_EZSP),
    (_CP210X, "silicon labs", "zbdongle-p", "Sonoff ZBDongle-P (TI chip)", False, 115200, SOFTWARE, _NOT_EZSP),
    ((0x1CF1, 0x0030), "", "", "ConBee (Microchip)", False, 38400, SOFTWARE, _NOT_EZSP),
    ((0x0451, 0x16A8), "", "", "CC2531 (TI chip)", False, 115200, SOFTWARE, _NOT_EZSP),
)


class Known:
    """A row of STICKS."""

    def __init__(self, name: str, ezsp: bool, baud: int, flow: str, firmware: str) -> None:
        self.name = name
        self.ezsp = ezsp
        self.baud = baud
        self.flow = flow
        self.firmware = firmware


class Port:
    """A USB serial port. by_id: its name that stays, or ""; known: what stick it is, None when that is open."""

    def __init__(
        self, device: str, by_id: str, vid: int, pid: int, manufacturer: str, product: str, serial: str
    ) -> None:
        self.device = device
        self.by_id = by_id
        self.vid = vid
        self.pid = pid
        self.manufacturer = manufacturer
        self.product = product
        self.serial = serial
        self.known = what_is(vid, pid, manufacturer, product)


def what_is(vid: int, pid: int, manufacturer: str, product: str) -> "Known | None":
    """What stick has these ids and texts; None when several could, or none."""
    for ids, maker, model, name, ezsp, baud, flow, firmware in STICKS:
        if ids == (vid, pid) and maker in manufacturer.lower() and model in product.lower():
            return Known(name, ezsp, baud, flow, firmware)
    return None


def ports(by_id: str = BY_ID) -> "list[Port]":
    """The USB serial ports of this machine, in the order of their names."""
    from serial.tools.list_ports import comports

    names = {}
    try:
        for link in sorted(os.listdir(by_id)):
            path = os.path.join(by_id, link)
            names[os.path.realpath(path)] = path
    except OSError:
        # There is no such folder while nothing is plugged in.
        pass
    found = []
    for one in comports():
        if one.vid is not None and one.pid is not None:
            texts = [text or "" for text in (one.manufacturer, one.product, one.serial_number)]
            found.append(Port(one.device, names.get(os.path.realpath(one.device), ""), one.vid, one.pid, *texts))
    found.sort(key=lambda port: port.device)
    return found


def known_at(place: str) -> "Known | None":
    """What is known of the stick at a place, by whatever name it goes."""
    device = os.path.realpath(place)
    for port in ports():
        if os.path.realpath(port.device) == device:
            return port.known
    return None


def speeds(place: str, baud: "int | None" = None, flow: "str | None" = None) -> "tuple[tuple[int, str], ...]":
    """The (baud, flow control) to open a place with, one after the other; what is given goes before what is known."""
    # Over a network, and on a pseudo-terminal, speed means nothing.
    nominal = place.startswith("socket:") or os.path.realpath(place).startswith(PSEUDO)
    known = None if nominal else known_at(place)
    chosen = flow or (known.flow if known is not None else SOFTWARE)
    if baud is not None:
        return ((baud, chosen),)
    if known is not None and known.ezsp:
        return ((known.baud, chosen),)
    return tuple([(speed, chosen) for speed in (SPEEDS[:1] if nominal else SPEEDS)])
