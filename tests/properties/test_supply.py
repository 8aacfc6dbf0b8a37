"""The supply against a model that lives second by second and knows neither table nor deadline."""

from hypothesis import given, settings
from hypothesis import strategies as st
from supplied import NOW_S, House

from slotmeter.firmware.supply import ARMED, DISABLED, ENABLED
from slotmeter.hal.switch import SUPPLY

LIMIT_W = 5000


class Model:
    """What a reader of the requirements would do with a clock and a pencil."""

    def __init__(self, period, restoration, disables):
        self.period, self.restoration, self.disables = period, restoration, disables
        self.on = True
        self.may_close = False
        # The one whose word is waited for, while the supply is off.
        self.waits_for = None
        self.credit = True
        self.load = 0
        self.above_for = 0
        self.off_for = 0
        self.told_above = False
        self.count = 0
        self.codes = []

    def state(self):
        if self.on:
            return ENABLED
        return ARMED if self.may_close else DISABLED

    def off(self, whom, may_close):
        self.on, self.may_close, self.waits_for = False, may_close, whom
        self.above_for, self.told_above, self.off_for = 0, False, 0

    def turn_on(self):
        self.on, self.may_close, self.waits_for = True, False, None
        self.above_for, self.told_above = 0, False

    def command(self, state):
        if state == ENABLED:
            if not self.on:
                self.turn_on()
        elif state == DISABLED:
            self.off("supplier", False)
        elif not self.on and not self.may_close:
            self.off("customer", True)

    def press(self):
        if self.may_close:
            self.turn_on()

    def set_credit(self, credit, emergency):
        before, self.credit = self.credit, credit
        if before and not credit and (self.on or self.may_close):
            self.off("credit", False)
        elif credit and not before and self.waits_for == "credit":
            self.off("customer", True)
            self.codes.append(0x8168 if emergency else 0x8F32)

    def tamper(self, locks):
        self.codes.append(0x8F3F)
        if locks and self.waits_for != "lock":
            self.off("lock", False)
            self.codes.append(0x81BE)

    def second(self):
        """One second of the load passes."""
        if self.on and self.load > LIMIT_W:
            self.above_for += 1
            if self.above_for == self.period and not self.told_above:
                self.told_above = True
                self.count += 1
                self.codes.append(0x8F01)
                if self.disables:
                    self.off("restoration", True)
                    self.codes.append(0x8F33)
        elif self.waits_for == "restoration":
            self.off_for += 1
            if self.off_for == self.restoration:
                self.turn_on()
                self.codes.append(0x8F34)

    def set_load(self, watts):
        self.load = watts
        if watts <= LIMIT_W:
            self.above_for, self.told_above = 0, False


DEEDS = st.one_of(
    st.tuples(st.just("command"), st.sampled_from([DISABLED, ENABLED, ARMED])),
    st.tuples(st.just("press"), st.just(0)),
    st.tuples(st.just("credit"), st.sampled_from([(True, False), (True, True), (False, False)])),
    st.tuples(st.just("tamper"), st.booleans()),
    st.tuples(st.just("load"), st.sampled_from([0, LIMIT_W, LIMIT_W + 1, 9000])),
    st.tuples(st.just("wait"), st.integers(1, 40)),
    st.tuples(st.just("cut"), st.just(0)),
)


@settings(max_examples=250, deadline=None)
@given(st.lists(DEEDS, max_size=25), st.integers(1, 20), st.integers(1, 20), st.booleans())
def test_the_supply_does_what_a_second_by_second_model_does(deeds, period, restoration, disables):
    house = House()
    house.limit(LIMIT_W, period, restoration, disables)
    model = Model(period, restoration, disables)
    for deed, value in deeds:
        if deed == "command":
            house.command(value)
            model.command(value)
        elif deed == "press":
            house.supply.enable_locally(house.now // 1000)
            model.press()
        elif deed == "credit":
            house.set_credit(*value)
            model.set_credit(*value)
        elif deed == "tamper":
            house.tree.poke(b"\x00\x01\x00\x00\x5e\x2c\x00\x04\x02", b"\x03\xff" if value else b"\x03\x00")
            house.supply.tamper(house.now // 1000)
            model.tamper(value)
        elif deed == "load":
            house.load(value)
            model.set_load(value)
        elif deed == "wait":
            house.wait(value)
            for _ in range(value):
                model.second()
        else:
            house.power_cut()
            # A limit period counts uninterrupted import.
            model.above_for, model.told_above = 0, False
            house.load(model.load)
        assert house.state() == (model.state(), model.on)
        assert house.codes() == model.codes
        model.codes = []
        assert int.from_bytes(house.tree.value(b"\x00\x03\x00\x00\x5e\x2c\x2a\xff\x02")[1:], "big") == model.count
        assert house.switch.is_closed(SUPPLY) == model.on
    assert house.now >= NOW_S * 1000
