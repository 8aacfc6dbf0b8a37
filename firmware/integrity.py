"""What a meter feels and finds out: its case is opened, its self-test finds a fault, its hub is taken away.

    sensor                   sets off     is over
    anything, in general     8F3F         -
    battery cover            8F73         81A1
    meter cover              8F74         81B9
    strong magnetic field    8F75         81BC
    terminal cover           8F76         81C1
    second terminal cover    8F77         81C1
    other                    8F78         -
    tilt                     81C3         81C2
    communications hub       81A3         81A2

Unauthorised physical access may lock the supply (`supply`); a tilted meter and a missing hub may not. A fault that the
self-test finds has a code of its own, and but for that of the firmware at power-up is a warning of the meter's
integrity too: 81A0, whose body names the kind of fault in two octets. Source: GBCS 16.2, facts 8.1 (message code 00F0).
"""

from slotmeter.firmware.supply import TAMPER_CODES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

# (name, code when it is set off, code when it is over or 0).
SENSORS = (
    ("general", 0x8F3F, 0),
    ("battery-cover", 0x8F73, 0x81A1),
    ("meter-cover", 0x8F74, 0x81B9),
    ("magnet", 0x8F75, 0x81BC),
    ("terminal-cover", 0x8F76, 0x81C1),
    ("second-terminal-cover", 0x8F77, 0x81C1),
    ("other", 0x8F78, 0),
    ("tilt", 0x81C3, 0x81C2),
    ("hub", 0x81A3, 0x81A2),
)
WARNING = 0x81A0
# (name, code of its own, kind in the body of the warning or 0 for no warning).
FAULTS = (
    ("non-volatile-memory", 0x81AE, 1),
    ("program-execution", 0x81AF, 2),
    ("program-storage", 0x81B0, 3),
    ("ram", 0x81B1, 4),
    ("reset", 0x81B2, 5),
    ("watchdog", 0x81B3, 6),
    ("metrology-firmware", 0x81AD, 7),
    ("measurement", 0x81AC, 8),
    ("firmware-at-power-up", 0x8F1B, 0),
)


class Integrity:
    """Tells of what was felt and found. notify: (code, ...) as `Notices.notify`; tamper: (now_s, code) as `Supply`."""

    def __init__(self, notify: "Callable[..., None]", tamper: "Callable[[int, int], None]") -> None:
        self._notify = notify
        self._tamper = tamper

    def feel(self, name: str, over: bool, now_s: int) -> bool:
        """A sensor of SENSORS is set off, or what set it off is over; False when there is no telling of that."""
        for sensor, begins, ends in SENSORS:
            if sensor == name:
                code = ends if over else begins
                if code in TAMPER_CODES:
                    self._tamper(now_s, code)
                elif code:
                    self._notify(code, at_s=now_s)
                return code != 0
        return False

    def find(self, name: str, now_s: int) -> bool:
        """The self-test finds a fault of FAULTS; False when it knows none of that name."""
        for fault, code, kind in FAULTS:
            if fault == name:
                self._notify(code, at_s=now_s)
                if kind:
                    self._notify(WARNING, at_s=now_s, elements=(b"\x09\x02" + kind.to_bytes(2, "big"),))
                return True
        return False
