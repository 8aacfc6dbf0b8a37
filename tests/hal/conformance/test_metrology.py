"""What every metrology front end must do, whatever is behind it."""

from collections.abc import Callable

import pytest

from slotmeter.hal.metrology import Flow, Metrology
from slotmeter.hal.virtual.house import ConstantLoad, House, LoadFile

HALF_HOUR_MS = 1800000
# 1 June 2015, 06:00.
START_MS = 486367200000


def parts(flow: Flow) -> tuple[object, ...]:
    return flow.import_w, flow.export_w, flow.var_import, flow.var_export, flow.volts


class MetrologyConformance:
    """A backend's subclass says how to build it."""

    elements = 1
    phases = 1

    def build(self) -> Metrology:
        raise NotImplementedError

    def walk(self, front_end: Metrology, from_ms: int, to_ms: int) -> list[tuple[int, tuple[object, ...]]]:
        """When another flow began, and what it was; equal ones that follow each other are one."""
        found: list[tuple[int, tuple[object, ...]]] = []
        at: int | None = from_ms
        while at is not None and at < to_ms:
            flow = front_end.flow(at)
            if not found or found[-1][1] != parts(flow):
                found.append((at, parts(flow)))
            at = flow.until_ms
        return found

    def test_a_flow_has_the_shape_of_the_meter_and_nothing_negative(self) -> None:
        front_end = self.build()
        for at in range(START_MS, START_MS + 86400000, 413000):
            flow = front_end.flow(at)
            assert len(flow.import_w) == max(self.elements, self.phases)
            assert len(flow.volts) == self.phases
            numbers = flow.import_w + flow.volts + (flow.export_w, flow.var_import, flow.var_export)
            assert all(type(number) is int and number >= 0 for number in numbers)
            assert flow.until_ms is None or flow.until_ms > at

    def test_a_flow_stands_until_it_says(self) -> None:
        front_end = self.build()
        at = START_MS
        for _ in range(40):
            flow = front_end.flow(at)
            last = at + HALF_HOUR_MS if flow.until_ms is None else flow.until_ms - 1
            for then in (at + 1, (at + last) // 2, last):
                assert parts(front_end.flow(then)) == parts(flow)
                assert front_end.flow(then).until_ms == flow.until_ms
            if flow.until_ms is None:
                break
            at = flow.until_ms

    def test_the_history_is_the_same_in_any_order_and_for_another_of_its_kind(self) -> None:
        front_end = self.build()
        times = list(range(START_MS, START_MS + 86400000, 613000))
        forwards = [parts(front_end.flow(at)) for at in times]
        backwards = [parts(front_end.flow(at)) for at in reversed(times)]
        assert forwards == backwards[::-1]
        other = self.build()
        assert [parts(other.flow(at)) for at in times] == forwards

    def test_the_history_does_not_depend_on_how_often_one_asks(self) -> None:
        whole = self.walk(self.build(), START_MS, START_MS + 86400000)
        front_end = self.build()
        seen = []
        for at in sorted(set(range(START_MS, START_MS + 86400000, 97000)) | {at for at, _ in whole}):
            flow = parts(front_end.flow(at))
            if not seen or seen[-1][1] != flow:
                seen.append((at, flow))
        assert seen == whole


class TestConstantLoad(MetrologyConformance):
    def build(self) -> Metrology:
        return ConstantLoad((1000,), -20, 30, (2412,))


class TestConstantLoadOfThreePhases(MetrologyConformance):
    phases = 3

    def build(self) -> Metrology:
        return ConstantLoad((1000, 0, 5), 20, volts=(2412, 0, 2300))


class TestLoadFile(MetrologyConformance):
    elements = 2

    def build(self) -> Metrology:
        first = START_MS // 1000 + 3600
        return LoadFile([(first + 1800 * i, 37 * i % 500, 11 * i % 90) for i in range(40)], elements=2)


class TestHouse(MetrologyConformance):
    def build(self) -> Metrology:
        return House(7, solar_w=4000, tank_number=1, closed=lambda number: number == 1, sags=900, swells=900)


class TestHouseOfTwoElements(MetrologyConformance):
    elements = 2

    def build(self) -> Metrology:
        return House(7, elements=2, car_w=7000, solar_w=4000)


class TestHouseOfThreePhases(MetrologyConformance):
    phases = 3

    def build(self) -> Metrology:
        return House(7, phases=3, car_w=11000, solar_w=9000, sags=3000, swells=3000, outages=3000)


@pytest.mark.parametrize("build", [lambda: House(1 << 64), lambda: House(-1), lambda: House(elements=3)])
def test_a_house_that_cannot_be_is_refused(build: Callable[[], object]) -> None:
    with pytest.raises(ValueError):
        build()
