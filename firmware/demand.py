"""Maximum demand: the highest mean power of a half-hour, imported at any time, imported in a daily window, exported.

    1-0:1.6.0  import          1-0:1.6.1  import within the window of schedule 0-0:12.0.0          1-0:2.6.0  export

The mean is the energy of the half-hour by half an hour, also when the supply was not there all the time. The capture
time is the end of the half-hour. A half-hour counts for the window when all of it lies within; a window that ends when
it starts is the whole day, one that ends before it starts goes over midnight. Of the schedule only the times of day and
the scripts (1 start, 2 end) mean anything: its dates and weekdays are fixed. Source: SMETS2 5.7.5.19 to 21, 5.7.4.26.
"""

from slotmeter.dlms.axdr import decode_whole
from slotmeter.dlms.dates import DAY_S, from_seconds
from slotmeter.firmware.recurrence import time_of_day
from slotmeter.firmware.stored_numbers import U32, StoredNumbers, register

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slotmeter.dlms.cosem.tree import Tree

_IMPORT = b"\x00\x04\x01\x00\x01\x06\x00\xff"
_IN_WINDOW = b"\x00\x04\x01\x00\x01\x06\x01\xff"
_EXPORT = b"\x00\x04\x01\x00\x02\x06\x00\xff"
_WINDOW = b"\x00\x0a\x00\x00\x0c\x00\x00\xff\x02"
_VALUE = b"\x02"
_CAPTURE_TIME = b"\x05"
_START = 1
_END = 2
HALF_HOUR_MS = 1800000
HALF_HOUR_S = 1800


class MaximumDemand:
    """The three registers."""

    def __init__(self, tree: "Tree") -> None:
        self._tree = tree
        self._import = register(tree, _IMPORT + _VALUE)
        self._in_window = register(tree, _IN_WINDOW + _VALUE)
        self._export = register(tree, _EXPORT + _VALUE)
        self._window_octets = b""
        # Seconds since midnight, None when the schedule has no such entry.
        self._start: int | None = None
        self._end: int | None = None

    def load(self) -> None:
        """Reads registers and window."""
        self._import.load()
        self._in_window.load()
        self._export.load()
        octets = self._tree.value(_WINDOW)
        if octets != self._window_octets:
            self._window_octets = octets
            self._start = self._end = None
            for entry in decode_whole(octets)[1]:
                fields = entry[1]
                if fields[1][1] and fields[3][1] == _START:
                    self._start = time_of_day(fields[4][1])
                elif fields[1][1] and fields[3][1] == _END:
                    self._end = time_of_day(fields[4][1])

    def flush(self) -> None:
        """Writes what changed."""
        self._import.flush()
        self._in_window.flush()
        self._export.flush()

    def half_hour(self, end_s: int, import_wms: int, export_wms: int) -> None:
        """A half-hour has ended in which so many W*ms went in and out."""
        power = import_wms // HALF_HOUR_MS
        if power > self._import.values[0]:
            self._place(self._import, _IMPORT, power, end_s)
        if power > self._in_window.values[0] and self._is_in_window(end_s):
            self._place(self._in_window, _IN_WINDOW, power, end_s)
        power = export_wms // HALF_HOUR_MS
        if power > self._export.values[0]:
            self._place(self._export, _EXPORT, power, end_s)

    def _place(self, numbers: StoredNumbers, head: bytes, power: int, end_s: int) -> None:
        if power > U32:
            power = U32
        if power != numbers.values[0]:
            numbers.set(0, power)
            self._tree.put(head + _CAPTURE_TIME, b"\x09\x0c" + from_seconds(end_s))

    def _is_in_window(self, end_s: int) -> bool:
        """Whether the half-hour that ends at `end_s` lies within the window."""
        start = self._start
        end = self._end
        if start is None or end is None:
            return False
        length = (end - start) % DAY_S or DAY_S
        return (end_s - HALF_HOUR_S - start) % DAY_S + HALF_HOUR_S <= length
