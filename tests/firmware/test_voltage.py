"""The voltage monitors: averages and their log, extremes, sag and swell, on one phase and on three."""

from slotmeter.dlms.cosem.hooks import Hooks
from slotmeter.dlms.cosem.tree import POLYPHASE, SINGLE, Tree
from slotmeter.firmware.objects import OBJECTS
from slotmeter.firmware.settings import Settings
from slotmeter.firmware.voltage import Voltage
from slotmeter.hal.errors import HalError
from slotmeter.hal.metrology import Flow
from slotmeter.hal.records import Records
from slotmeter.hal.virtual.store import VirtualStore

START_S = 473385600
PHASES = (0x20, 0x34, 0x48)


def key(class_id, obis, attribute):
    return class_id.to_bytes(2, "big") + bytes(obis) + bytes((attribute,))


class Bench:
    """A voltage organ, time, and what it told."""

    def __init__(self, variant=SINGLE, store=None, start_s=START_S):
        self.store = store or VirtualStore()
        self.records = Records(self.store)
        self.tree = Tree(OBJECTS, variant, self.records, Hooks())
        self.variant = variant
        self.told = []
        self.organ = Voltage(self.tree, self.records, self.note, Settings(variant))
        self.now_ms = start_s * 1000
        self.flow = None
        self.organ.set_clock(self.now_ms)

    def note(self, code, other, at_s):
        self.told.append((code, int.from_bytes(other, "big"), at_s - START_S))

    def put(self, class_id, obis, attribute, value):
        self.tree.put(key(class_id, obis, attribute), b"\x06" + value.to_bytes(4, "big"))

    def averages(self, period_s, over=264, under=200):
        for phase in PHASES[: 3 if self.variant == POLYPHASE else 1]:
            self.put(7, (1, 0, phase, 24, 0, 255), 4, period_s)
            self.put(1, (1, 0, phase, 35, 0, 4), 2, over)
            self.put(1, (1, 0, phase, 31, 0, 4), 2, under)
        self.organ.load()

    def monitor(self, number, volts, period_s):
        self.put(71, (0, 0, 17, 0, number, 255), 4, volts)
        self.put(71, (0, 0, 17, 0, number, 255), 6, period_s)
        self.organ.load()

    def volts(self, *volts):
        self.flow = Flow((0,) * len(volts), volts=volts)
        self.organ.see_flow(self.flow, self.now_ms)

    def wait(self, seconds):
        self.wait_ms(seconds * 1000)

    def wait_ms(self, ms):
        target = self.now_ms + ms
        while True:
            due = self.organ.deadline_ms()
            step = target if due is None or due > target else due
            if step > self.now_ms:
                self.organ.see(self.flow, self.now_ms, step)
                self.now_ms = step
            if due is None or due > target:
                return
            self.organ.tick(step)

    def rows(self, phase=0):
        rows = self.tree.rows(bytes((1, 0, PHASES[phase], 24, 0, 255)))
        return [(int.from_bytes(row[:4], "big") - START_S, int.from_bytes(row[4:], "big")) for row in rows]

    def count(self, what, phase=0):
        return int.from_bytes(self.tree.value(key(3, (1, 0, PHASES[phase], what, 0, 4), 2))[1:], "big")

    def take(self):
        told = self.told
        self.told = []
        return told

    def power_cut(self, seconds):
        self.organ.flush()
        self.records.commit()
        start_s = self.now_ms // 1000 + seconds
        after = Bench(self.variant, self.store, start_s)
        after.told = self.told + after.told
        return after


def test_the_average_of_each_period_is_logged_in_whole_volts_stamped_with_its_end():
    bench = Bench()
    bench.averages(60)
    bench.volts(2400)
    bench.wait(30)
    bench.volts(2415)
    bench.wait(30)
    assert bench.rows() == [(60, 241)]
    bench.wait(119)
    assert bench.rows() == [(60, 241), (120, 242)]


def test_periods_end_at_whole_multiples_of_their_length():
    bench = Bench(start_s=START_S + 25)
    bench.averages(60)
    bench.volts(2300)
    bench.wait(60)
    assert bench.rows() == [(60, 230)]


def test_an_average_beyond_its_threshold_is_told_once_and_its_return_once():
    bench = Bench()
    bench.averages(60)
    bench.volts(2700)
    bench.wait(180)
    assert bench.take() == [(0x8002, 270, 60)]
    bench.volts(2400)
    bench.wait(120)
    assert bench.take() == [(0x8085, 240, 240)]
    bench.volts(1900)
    bench.wait(120)
    bench.volts(2400)
    bench.wait(60)
    assert bench.take() == [(0x8006, 190, 360), (0x8089, 240, 480)]


def test_every_period_beyond_a_threshold_is_counted():
    bench = Bench()
    bench.averages(60)
    bench.volts(2700)
    bench.wait(180)
    bench.volts(1900)
    bench.wait(120)
    assert (bench.count(36), bench.count(32)) == (3, 2)


def test_thresholds_are_compared_in_tenths_of_a_volt_and_one_that_is_met_is_not_crossed():
    bench = Bench()
    bench.averages(60)
    bench.volts(2640)
    bench.wait(60)
    assert bench.take() == []
    bench.volts(2641)
    bench.wait(60)
    assert bench.take() == [(0x8002, 264, 120)]


def test_it_is_the_mean_of_the_period_that_counts_and_not_a_moment():
    bench = Bench()
    bench.averages(60)
    bench.volts(2900)
    bench.wait(10)
    bench.volts(2400)
    bench.wait(50)
    assert bench.rows() == [(60, 248)]
    assert bench.take() == []


def test_from_over_to_under_is_a_return_and_a_beginning():
    bench = Bench()
    bench.averages(60)
    bench.volts(2700)
    bench.wait(60)
    bench.volts(1900)
    bench.wait(60)
    assert [told[0] for told in bench.take()] == [0x8002, 0x8085, 0x8006]


def test_a_period_of_nought_switches_the_average_off_and_forgets():
    bench = Bench()
    bench.averages(60)
    bench.volts(2700)
    bench.wait(60)
    bench.averages(0)
    bench.wait(600)
    assert bench.rows() == [(60, 270)]
    bench.take()
    bench.averages(60)
    bench.wait(60)
    assert bench.take() == [(0x8002, 270, 720)]


def test_a_changed_period_begins_anew():
    bench = Bench()
    bench.averages(60)
    bench.volts(2400)
    bench.wait(30)
    bench.averages(45)
    bench.volts(2500)
    bench.wait(15)
    assert bench.rows() == [(45, 250)]


def test_an_extreme_is_told_of_when_it_has_lasted_and_again_when_the_return_has():
    for number, volts, normal, began, ended in (
        (1, 2871, 2400, 0x8020, 0x808D),
        (2, 1799, 2400, 0x8028, 0x8095),
        (3, 2159, 2400, 0x802C, 0x8099),
        (4, 2531, 2400, 0x8024, 0x8091),
    ):
        bench = Bench()
        bench.averages(0)
        bench.monitor(number, (0, 287, 180, 216, 253)[number], 30)
        bench.volts(normal)
        bench.wait(10)
        bench.volts(volts)
        bench.wait_ms(29999)
        assert bench.take() == []
        bench.wait_ms(1)
        assert bench.take() == [(began, (volts + 5) // 10, 40)]
        bench.wait(1000)
        bench.volts(normal)
        bench.wait(29)
        assert bench.take() == []
        bench.wait(1)
        assert bench.take() == [(ended, 240, 1070)]


def test_a_dip_that_does_not_last_is_nothing_and_neither_is_a_return_that_does_not():
    bench = Bench()
    bench.averages(0)
    bench.monitor(3, 216, 30)
    for _ in range(5):
        bench.volts(2000)
        bench.wait(29)
        bench.volts(2400)
        bench.wait(1)
    assert bench.take() == []
    bench.volts(2000)
    bench.wait(30)
    assert [told[0] for told in bench.take()] == [0x802C]
    for _ in range(5):
        bench.volts(2400)
        bench.wait(29)
        bench.volts(2000)
        bench.wait(1)
    assert bench.take() == []


def test_a_monitor_with_a_period_of_nought_is_off():
    bench = Bench()
    bench.averages(0)
    bench.monitor(3, 216, 0)
    bench.volts(1000)
    bench.wait(3600)
    assert bench.take() == []
    assert bench.organ.deadline_ms() is None


def test_a_threshold_that_moves_is_compared_at_once():
    bench = Bench()
    bench.averages(0)
    bench.monitor(4, 253, 30)
    bench.volts(2500)
    bench.wait(100)
    bench.monitor(4, 245, 30)
    bench.wait(30)
    assert bench.take() == [(0x8024, 250, 130)]


def test_the_phases_of_a_polyphase_meter_are_watched_one_by_one():
    bench = Bench(POLYPHASE)
    bench.averages(60)
    bench.monitor(3, 216, 30)
    bench.volts(2400, 2700, 1900)
    bench.wait(60)
    assert bench.take() == [(0x802F, 190, 30), (0x8004, 270, 60), (0x8009, 190, 60)]
    assert [bench.rows(phase) for phase in range(3)] == [[(60, 240)], [(60, 270)], [(60, 190)]]
    assert [bench.count(36, phase) for phase in range(3)] == [0, 1, 0]
    assert [bench.count(32, phase) for phase in range(3)] == [0, 0, 1]
    bench.volts(2400, 2400, 2400)
    bench.wait(60)
    assert bench.take() == [(0x809C, 240, 90), (0x8087, 240, 120), (0x808C, 240, 120)]


def test_the_phases_may_have_periods_of_their_own():
    bench = Bench(POLYPHASE)
    bench.averages(60)
    bench.put(7, (1, 0, PHASES[1], 24, 0, 255), 4, 20)
    bench.organ.load()
    bench.volts(2400, 2410, 2420)
    bench.wait(60)
    assert [len(bench.rows(phase)) for phase in range(3)] == [1, 3, 1]


def test_a_dead_phase_of_a_live_meter_counts_as_nought():
    bench = Bench(POLYPHASE)
    bench.averages(60)
    bench.volts(2400, 0, 2400)
    bench.wait(60)
    assert bench.rows(1) == [(60, 0)]
    assert bench.take() == [(0x8008, 0, 60)]


def test_without_power_nothing_is_measured():
    bench = Bench()
    bench.averages(60)
    bench.monitor(3, 216, 30)
    bench.volts(2400)
    bench.wait(70)
    bench.volts(0)
    bench.wait(170)
    bench.volts(2420)
    bench.wait(60)
    assert bench.rows() == [(60, 240), (120, 240), (300, 242)]
    assert bench.take() == []


def test_what_was_measured_before_a_power_cut_counts_after_it():
    bench = Bench()
    bench.averages(60)
    bench.volts(2700)
    bench.wait(70)
    bench = bench.power_cut(20)
    bench.volts(2720)
    bench.wait(30)
    assert bench.rows() == [(60, 270), (120, 272)]
    assert bench.take() == [(0x8002, 270, 60)]


def test_a_power_cut_across_the_end_of_a_period_closes_it_with_what_was_measured():
    bench = Bench()
    bench.averages(60)
    bench.monitor(3, 216, 30)
    bench.volts(2000)
    bench.wait(40)
    bench = bench.power_cut(1000)
    assert bench.rows() == [(60, 200)]
    bench.volts(2400)
    bench.wait(40)
    assert bench.rows() == [(60, 200), (1080, 240)]
    assert bench.take() == [(0x802C, 200, 30), (0x8099, 240, 1070)]


def test_a_damaged_record_is_refused():
    bench = Bench()
    bench.records.put("voltage", b"\x00" * 40)
    bench.records.commit()
    try:
        Bench(store=bench.store)
    except HalError as error:
        assert error.kind == "store-damaged"
    else:
        raise AssertionError("accepted")


def test_a_clock_that_is_put_back_forgets_the_running_period_and_starts_the_waiting_again():
    bench = Bench()
    bench.averages(60)
    bench.monitor(3, 216, 30)
    bench.volts(2000)
    bench.wait(85)
    bench.take()
    bench.volts(2400)
    bench.wait(20)
    bench.now_ms -= 3600000
    bench.organ.set_clock(bench.now_ms)
    bench.wait(29)
    assert bench.take() == []
    bench.wait(1)
    assert bench.take() == [(0x8099, 240, -3600 + 135)]
    assert bench.rows()[-1] == (-3600 + 120, 240)


def test_flushing_twice_writes_once():
    bench = Bench()
    bench.volts(2400)
    bench.wait(10)
    bench.organ.flush()
    bench.records.commit()
    bench.organ.flush()
    assert not bench.records.changed()


def test_a_counter_stays_at_its_greatest_value():
    bench = Bench()
    bench.averages(60)
    bench.put(3, (1, 0, 0x20, 36, 0, 4), 2, 0xFFFFFFFF)
    bench.volts(2700)
    bench.wait(60)
    assert bench.count(36) == 0xFFFFFFFF
