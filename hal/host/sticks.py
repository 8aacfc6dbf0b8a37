"""Finding ZigBee sticks: the USB serial ports of a Linux machine, and what is known of the sticks behind them.

A row of STICKS: VID:PID, what the manufacturer's and the product's text begin with or hold, name, whether it speaks
EZSP as it is sold, speed, flow control, firmware that is likely on it (facts section 7). 10C4:EA60 is the serial chip
of many sticks of all kinds, so that the texts decide; the first row that fits counts.
"""

import os

# Where the kernel tells of serial ports, and where udev makes names that stay.
SYSFS = "/sys/class/tty"
BY_ID = "/dev/serial/by-id"
DEV = "/dev"

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


def ports(sysfs: str = SYSFS, by_id: str = BY_ID) -> "list[Port]":
    """The USB serial ports of this machine, in the order of their names."""
    names = {}
    for link in _listed(by_id):
        path = os.path.join(by_id, link)
        names[os.path.basename(os.path.realpath(path))] = path
    found = []
    for name in _listed(sysfs):
        usb = _usb_device(os.path.realpath(os.path.join(sysfs, name, "device")))
        if usb is None:
            continue
        try:
            vid, pid = int(_text(usb, "idVendor"), 16), int(_text(usb, "idProduct"), 16)
        except ValueError:
            continue
        found.append(
            Port(
                os.path.join(DEV, name),
                names.get(name, ""),
                vid,
                pid,
                _text(usb, "manufacturer"),
                _text(usb, "product"),
                _text(usb, "serial"),
            )
        )
    return found


def _listed(folder: str) -> "list[str]":
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def _usb_device(path: str) -> "str | None":
    """The folder of the USB device that a port's folder is below."""
    while len(path) > 1:
        if os.path.exists(os.path.join(path, "idVendor")):
            return path
        path = os.path.dirname(path)
    return None


def _text(folder: str, name: str) -> str:
    try:
        with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""


def known_at(place: str, sysfs: str = SYSFS) -> "Known | None":
    """What is known of the stick at a place, by whatever name it goes."""
    device = os.path.basename(os.path.realpath(place))
    for port in ports(sysfs):
        if os.path.basename(port.device) == device:
            return port.known
    return None


def speeds(
    place: str, baud: "int | None" = None, flow: "str | None" = None, sysfs: str = SYSFS
) -> "tuple[tuple[int, str], ...]":
    """The (baud, flow control) to open a place with, one after the other; what is given goes before what is known."""
    known = None if place.startswith("socket:") else known_at(place, sysfs)
    chosen = flow or (known.flow if known is not None else SOFTWARE)
    if baud is not None:
        return ((baud, chosen),)
    if known is not None and known.ezsp:
        return ((known.baud, chosen),)
    if place.startswith("socket:") or os.path.basename(os.path.realpath(place)).isdigit():
        # Over a network, and on a pseudo-terminal (/dev/pts/5), speed means nothing.
        return ((SPEEDS[0], chosen),)
    return tuple([(speed, chosen) for speed in SPEEDS])
