"""A year of metering, timed: flows that change each half-hour, a tariff that switches twice a day, prices and all logs.

Beside it stands the bare loop over the same half-hours: the same registers, costs and rows in plain integers, with
nothing that a meter needs besides: no time of its own, no object tree, no octets, no state that survives.
"""

import time

from slotmeter.dlms.cosem.hooks import Hooks
from slotmeter.dlms.cosem.tree import Tree
from slotmeter.firmware.metering import PROFILE_IMPORT, Metering
from slotmeter.firmware.objects import OBJECTS
from slotmeter.firmware.settings import SINGLE, Settings
from slotmeter.hal.metrology import Flow
from slotmeter.hal.records import Records
from slotmeter.hal.virtual.store import VirtualStore

_START_S = 789004800  # 2025-01-01T00:00:00Z
_HALF_HOUR_S = 1800
_DAY_HALF_HOURS = 48
_WH_WMS = 3600000
_PRICES = {1: 24500, 2: 9500}
_DAYS = b"\x00\x14\x00\x00\x0d\x00\x00\xff\x05"
_UNIT_CHARGE = b"\x00\x71\x00\x00\x13\x14\x00\xff\x05"
_OFFSET = b"\x00\x01\x00\x00\x5e\x2c\x00\x00\x02"
_SCRIPT_TABLE = b"\x09\x06\x00\x00\x0a\x00\x64\xff"


def flows(half_hours: int) -> "list[tuple[int, int, int, int]]":
    """W of import and export, var of import and export of so many half-hours, always the same ones."""
    seed = 1
    found = []
    for number in range(half_hours):
        seed = (seed * 1103515245 + 12345) & 0x7FFFFFFF
        hour = number % _DAY_HALF_HOURS // 2
        sun = max(0, 6 - abs(hour - 12)) * (seed >> 8 & 255)
        found.append((150 + (seed >> 16) % 3000, sun, seed >> 4 & 127, seed >> 12 & 63))
    return found


class _Account:
    """What takes the cost."""

    def __init__(self) -> None:
        self.millipence = 0

    def charge(self, element: int, millipence: int) -> None:
        self.millipence += millipence


def _meter(account: _Account) -> "tuple[Metering, Tree, Records]":
    records = Records(VirtualStore())
    tree = Tree(OBJECTS, SINGLE, records, Hooks())
    tree.put(_OFFSET, b"\x12\x00\x00")
    switches = b"".join(
        b"\x02\x03\x09\x04" + bytes((hour, minute, 0, 0)) + _SCRIPT_TABLE + b"\x12\x00" + bytes((script,))
        for hour, minute, script in ((0, 30, 2), (7, 30, 1))
    )
    tree.put(_DAYS, b"\x01\x01\x02\x02\x11\x01\x01\x02" + switches)
    head = tree.value(_UNIT_CHARGE)
    head = head[: head.index(b"\x01\x50")]
    rows = b"".join(
        b"\x02\x02\x09\x01" + bytes((index,)) + b"\x10" + price.to_bytes(2, "big") for index, price in _PRICES.items()
    )
    tree.put(_UNIT_CHARGE, head + b"\x01" + bytes((len(_PRICES),)) + rows)
    return Metering(tree, records, lambda *_: None, Settings(SINGLE), account.charge), tree, records


def run_metering(load: "list[tuple[int, int, int, int]]") -> "tuple[int, int, bytes]":
    """Wh, millipence and the newest row of the import profile after these half-hours of metering, each of them
    written into the tree and the records.
    """
    account = _Account()
    metering, tree, _ = _meter(account)
    now_ms = _START_S * 1000
    metering.set_clock(now_ms)
    for watts, export, var, var_export in load:
        flow = Flow((watts,), export, var, var_export)
        end_ms = now_ms + _HALF_HOUR_S * 1000
        while now_ms < end_ms:
            due_ms = metering.deadline_ms()
            step_ms = end_ms if due_ms is None or due_ms > end_ms else due_ms
            metering.see(flow, now_ms, step_ms)
            now_ms = step_ms
            if due_ms is not None and due_ms <= now_ms:
                metering.tick(now_ms)
        metering.flush()
    return metering.import_wh(0), account.millipence, tree.rows(PROFILE_IMPORT)[-1]


def run_bare(load: "list[tuple[int, int, int, int]]") -> "tuple[int, int, bytes]":
    """The same from a loop over plain integers."""
    registers = [0, 0]
    rests = [0, 0, 0, 0]
    totals = [0, 0, 0, 0]
    cost = 0
    day = 0
    highest = 0
    now_s = _START_S
    profile: list[tuple[int, int]] = []
    exports: list[tuple[int, int, int]] = []
    reactive: list[tuple[int, int]] = []
    days: list[tuple[int, int]] = []
    for watts in load:
        second = now_s % 86400
        night = 1800 <= second < 27000
        counts = []
        for place in range(4):
            energy = rests[place] + watts[place] * _HALF_HOUR_S * 1000
            count = energy // _WH_WMS
            rests[place] = energy - count * _WH_WMS
            totals[place] += count
            counts.append(count)
        registers[night] += counts[0]
        cost += counts[0] * _PRICES[2 if night else 1]
        if watts[0] > highest:
            highest = watts[0]
        day += counts[0]
        now_s += _HALF_HOUR_S
        profile.append((now_s, counts[0]))
        exports.append((now_s, counts[1], counts[3]))
        reactive.append((now_s, counts[2]))
        if now_s % 86400 == 0:
            days.append((now_s, day))
            day = 0
    stamp, count = profile[-1]
    return totals[0], cost // 1000, stamp.to_bytes(4, "big") + count.to_bytes(4, "big")


def measure_metering(days: int) -> "tuple[float, float]":
    """Microseconds for a half-hour: of metering, and of the bare loop, over so many days; both must count the same."""
    load = flows(days * _DAY_HALF_HOURS)
    start = time.process_time_ns()
    ours = run_metering(load)
    middle = time.process_time_ns()
    bare = run_bare(load)
    end = time.process_time_ns()
    if ours != bare:
        raise AssertionError("metering counts %r where the bare loop counts %r" % (ours, bare))
    return (middle - start) / len(load) / 1000, (end - middle) / len(load) / 1000
