"""Loss of supply and its return: of the meter, of a phase, and of neither."""

from slotmeter.dlms.cosem.hooks import Hooks
from slotmeter.dlms.cosem.tree import POLYPHASE, SINGLE, Tree
from slotmeter.dlms.dates import from_seconds
from slotmeter.firmware.objects import OBJECTS
from slotmeter.firmware.outage import Outage
from slotmeter.firmware.settings import Settings
from slotmeter.hal.errors import HalError
from slotmeter.hal.metrology import Flow
from slotmeter.hal.records import Records
from slotmeter.hal.virtual.store import VirtualStore

START_S = 473385600
START = START_S * 1000


class Bench:
    """An outage organ and what it told: (code, value, seconds since the start)."""

    def __init__(self, variant=SINGLE, store=None):
        self.store = store or VirtualStore()
        self.records = Records(self.store)
        self.told = []
        self.bodies = []
        tree = Tree(OBJECTS, variant, self.records, Hooks())
        self.organ = Outage(tree, self.records, self.note, Settings(variant))

    def note(self, code, other, at_s, elements=()):
        self.told.append((code, int.from_bytes(other, "big"), at_s - START_S))
        if elements:
            self.bodies.append(elements)

    def volts(self, at_ms, *volts):
        due = self.organ.deadline_ms()
        if due is not None and due <= START + at_ms:
            self.organ.tick(due)
        self.organ.see_flow(Flow((0,) * len(volts), volts=volts), START + at_ms)

    def take(self):
        told = self.told
        self.told = []
        return told


def body(lost_s, back_s):
    return (b"\x09\x0c" + from_seconds(START_S + lost_s), b"\x09\x0c" + from_seconds(START_S + back_s))


def test_an_outage_under_three_minutes_is_logged_and_told_with_both_times():
    bench = Bench()
    bench.organ.power_down(START + 10000)
    assert not bench.organ.is_dark()
    bench.organ.tick(START + 10500)
    assert bench.organ.is_dark()
    bench.organ.power_up(START + 189999)
    assert not bench.organ.is_dark()
    assert bench.take() == [(0x8F57, 0, 10), (0x8F35, 179, 189)]
    assert bench.bodies == [body(10, 189)]


def test_an_outage_of_three_minutes_has_a_code_of_its_own():
    bench = Bench()
    bench.organ.power_down(START + 10000)
    bench.organ.power_up(START + 190000)
    assert bench.take() == [(0x8F57, 0, 10), (0x8F36, 180, 190)]
    assert bench.bodies == [body(10, 190)]


def test_a_dip_that_the_meter_rides_through_never_was():
    bench = Bench()
    bench.organ.power_down(START)
    bench.organ.power_up(START + 499)
    assert bench.take() == []
    bench.organ.power_down(START + 1000)
    bench.organ.power_up(START + 1500)
    assert [told[0] for told in bench.take()] == [0x8F57, 0x8F35]


def test_the_time_of_interruption_survives_the_outage():
    bench = Bench()
    bench.organ.power_down(START)
    bench.records.commit()
    after = Bench(store=bench.store)
    after.organ.set_clock(START + 3 * 86400 * 1000)
    after.organ.power_up(START + 3 * 86400 * 1000)
    after.records.commit()
    assert after.take() == [(0x8F57, 0, 0), (0x8F36, 259200, 259200)]
    assert after.bodies == [body(0, 259200)]
    again = Bench(store=bench.store)
    again.organ.power_up(START + 4 * 86400 * 1000)
    assert again.take() == []


def test_power_that_comes_back_without_having_gone_is_no_news():
    bench = Bench()
    bench.organ.power_up(START)
    bench.volts(0, 2400)
    assert bench.take() == []
    assert bench.organ.deadline_ms() is None


def test_a_voltage_of_nought_is_an_outage_that_is_logged_when_it_is_over():
    bench = Bench()
    bench.volts(0, 2400)
    bench.volts(1000, 114)
    assert bench.organ.deadline_ms() == START + 1500
    bench.organ.tick(START + 1500)
    assert bench.organ.is_dark()
    assert bench.take() == []
    assert bench.organ.deadline_ms() is None
    bench.volts(400000, 115)
    assert bench.take() == [(0x8F57, 0, 1), (0x8F36, 399, 400)]


def test_a_phase_that_is_lost_and_found_is_told_of_by_itself():
    for phase in range(3):
        bench = Bench(POLYPHASE)
        volts = [2400, 2400, 2400]
        bench.volts(0, *volts)
        volts[phase] = 0
        bench.volts(5000, *volts)
        bench.volts(65000, 2400, 2400, 2400)
        assert bench.take() == [(0x8F58 + phase, 0, 5), (0x8F37 + 2 * phase, 60, 65)]
        bench.volts(100000, *volts)
        bench.volts(280000, 2400, 2400, 2400)
        assert bench.take() == [(0x8F58 + phase, 0, 100), (0x8F38 + 2 * phase, 180, 280)]
        assert bench.bodies == [body(5, 65), body(100, 280)]


def test_a_dip_of_a_phase_never_was():
    bench = Bench(POLYPHASE)
    bench.volts(0, 2400, 2400, 2400)
    bench.volts(1000, 2400, 0, 2400)
    bench.volts(1499, 2400, 2400, 2400)
    assert bench.take() == []


def test_the_loss_of_all_phases_is_one_of_the_meter():
    bench = Bench(POLYPHASE)
    bench.volts(0, 2400, 2400, 2400)
    bench.volts(1000, 0, 0, 0)
    bench.volts(11000, 2400, 2400, 2400)
    assert bench.take() == [(0x8F57, 0, 1), (0x8F35, 10, 11)]


def test_a_phase_that_stays_away_when_the_others_return_has_been_away_since_the_beginning():
    bench = Bench(POLYPHASE)
    bench.volts(0, 2400, 2400, 2400)
    bench.volts(1000, 0, 0, 0)
    bench.volts(11000, 2400, 0, 2400)
    bench.volts(301000, 2400, 2400, 2400)
    assert bench.take() == [(0x8F57, 0, 1), (0x8F35, 10, 11), (0x8F59, 0, 1), (0x8F3A, 300, 301)]


def test_a_phase_that_was_away_before_and_after_an_outage_is_told_of_once():
    bench = Bench(POLYPHASE)
    bench.volts(0, 0, 2400, 2400)
    bench.volts(1000, 0, 0, 0)
    bench.volts(11000, 0, 2400, 2400)
    bench.volts(21000, 2400, 2400, 2400)
    codes = [told[0] for told in bench.take()]
    assert codes == [0x8F58, 0x8F57, 0x8F35, 0x8F37]


def test_a_clock_that_was_put_back_makes_an_outage_of_unknown_length_a_short_one():
    bench = Bench()
    bench.organ.power_down(START + 3600000)
    bench.organ.set_clock(START)
    bench.organ.power_up(START)
    assert bench.take() == [(0x8F57, 0, -1), (0x8F35, 0, 0)]


def test_a_damaged_record_is_refused():
    bench = Bench()
    bench.records.put("outage", b"\x00")
    try:
        bench.organ.load()
    except HalError as error:
        assert error.kind == "store-damaged"
    else:
        raise AssertionError("accepted")
