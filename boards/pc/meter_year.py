"""A year of a whole meter, timed: prepayment, a tariff of two rates, billing, all logs, every half-hour durable.

Beside it stands the bare loop of `slotmeter.boards.pc.year` over the same half-hours in plain integers.
"""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from slotmeter.boards.pc.errors import SlotmeterError
from slotmeter.boards.pc.year import flows, run_bare
from slotmeter.hal.metrology import Flow, Metrology

if TYPE_CHECKING:
    from slotmeter.boards.pc.measurements import World

HALF_HOUR_MS = 1_800_000
DAY_HALF_HOURS = 48
_DAY_MS = DAY_HALF_HOURS * HALF_HOUR_MS
_START_MS = 789004800000
_TWO_RATES = '[[{"time":"00:30:00","rate":2},{"time":"07:30:00","rate":1}]]'
# The supplier's commands before the year begins. Prices are so low that the credit, nearly the most that a balance
# holds, lasts for more than ten years.
_SET_UP: "tuple[tuple[str, dict[str, Any]], ...]" = (
    ("ECS38", {"limit": "0"}),
    ("ECS01a", {"days": _TWO_RATES, "prices": "[2450,950]", "standing_charge": "2000"}),
    ("ECS30a", {}),
    ("ECS08a", {}),
    ("ECS04a", {"amount": "£20000"}),
    ("ECS03", {}),
)


class HalfHours(Metrology):
    """Half-hours of (W of import, W of export, var of import, var of export), one after the other from `start_ms`."""

    def __init__(self, start_ms: int, half_hours: "list[tuple[int, int, int, int]]") -> None:
        self._start_ms = start_ms
        self._half_hours = half_hours

    def flow(self, now_ms: int) -> Flow:
        """That of the half-hour; nothing after the last."""
        number = (now_ms - self._start_ms) // HALF_HOUR_MS
        if number >= len(self._half_hours):
            return Flow((0,))
        watts, export, var, var_export = self._half_hours[number]
        return Flow((watts,), export, var, var_export, (2400,), self._start_ms + (number + 1) * HALF_HOUR_MS)


def live(
    world: "World", days: int, durable: bool = True, progress: "Callable[[int], None] | None" = None
) -> "tuple[float, float]":
    """Seconds of processor time that so many days take a meter, and the bare loop; both must count the same energy.

    durable: each half-hour is a step of its own and in the store before the next; else a day is. progress: told the
    days that are done.
    """
    meter = world.meter
    for name, given in _SET_UP:
        world.answer(world.command(name, given))
    half_hours = flows(days * DAY_HALF_HOURS)
    meter.life.set_metrology(HalfHours(_START_MS, half_hours))
    meter.tick(_START_MS)
    before = meter.organs.metering.import_wh(0)
    end_ms = _START_MS + days * _DAY_MS
    spent = 0
    for day in range(days):
        until_ms = min(end_ms, _START_MS + (day + 1) * _DAY_MS)
        started = time.process_time_ns()
        due_ms = meter.deadline_ms() if durable else None
        while due_ms is not None and due_ms <= until_ms:
            meter.tick(due_ms)
            due_ms = meter.deadline_ms()
        meter.tick(until_ms)
        while meter.to_send():
            pass
        while meter.next_event() is not None:
            pass
        spent += time.process_time_ns() - started
        if progress is not None:
            progress(day + 1)
    started = time.process_time_ns()
    imported, _, _ = run_bare(half_hours)
    bare = time.process_time_ns() - started
    counted = meter.organs.metering.import_wh(0) - before
    if counted != imported:
        raise SlotmeterError("the meter counted %d Wh where the bare loop counted %d" % (counted, imported))
    return spent / 1e9, bare / 1e9
