"""An auxiliary controller against a model that asks at every minute who decides, from all that was ever commanded."""

from controlled import ALCS, APC, Controllers, clock, entry
from hypothesis import given, settings
from hypothesis import strategies as st


class Model:
    """All that was commanded, and no state besides."""

    def __init__(self, proportional, calendar, offset):
        self.proportional = proportional
        self.calendar = calendar
        self.offset = offset
        # (given at, begin, end, level), the last given is the last of the list; and what ended early.
        self.settings = []
        self.boosts = []
        self.limits = []
        self.order = 0

    def calendar_level(self, now):
        """What the last entry of any day says."""
        best = (-1, 0)
        for day in (-1, 0, 1):
            for place, (half_hour, level) in enumerate(self.calendar):
                at = clock(0, 0, day) + half_hour * 1800
                if at <= now - self.offset and (at, place) > best:
                    best = (at, place)
        return self.calendar[best[1]][1] if best[0] >= 0 else 0

    def level(self, now):
        setting = self.settings[-1] if self.settings and self.settings[-1][1] <= now < self.settings[-1][2] else None
        boost = self.boosts[-1] if self.boosts and self.boosts[-1][1] <= now < self.boosts[-1][2] else None
        if boost and (not setting or boost[0] > setting[0]):
            level = 100
        elif setting:
            level = setting[3]
        else:
            level = self.calendar_level(now)
        if not self.proportional:
            return 100 if level else 0
        if self.limits and self.limits[-1][0] <= now < self.limits[-1][1]:
            level = min(level, self.limits[-1][2])
        return level


LEVELS = st.sampled_from([0, 1, 40, 50, 100])
DEEDS = st.one_of(
    st.tuples(st.just("set"), st.tuples(st.integers(-30, 90), st.integers(1, 300), LEVELS)),
    st.tuples(st.just("limit"), st.tuples(st.integers(-30, 90), st.integers(1, 300), LEVELS)),
    st.tuples(st.just("minutes"), st.tuples(st.integers(0, 120), st.booleans())),
    st.tuples(st.just("back"), st.none()),
    st.tuples(st.just("boost"), st.sampled_from([15, 30, 45, 60])),
    st.tuples(st.just("extend"), st.sampled_from([15, 30])),
    st.tuples(st.just("cancel"), st.none()),
    st.tuples(st.just("cut"), st.integers(0, 45)),
    st.tuples(st.just("wait"), st.integers(1, 90)),
)


@settings(max_examples=150, deadline=None)
@given(
    st.booleans(),
    st.lists(st.tuples(st.sampled_from([0, 1, 2, 5, 20, 47]), LEVELS), max_size=5),
    st.sampled_from([0, 300, 1740]),
    st.lists(DEEDS, max_size=20),
)
def test_a_controller_has_the_level_that_a_minute_by_minute_model_finds(proportional, rows, offset, deeds):
    here = Controllers(APC if proportional else ALCS, offset=offset)
    here.associate(1)
    here.calendar(*[entry(half // 2, 0x1180 | level, minute=half % 2 * 30) for half, level in rows])
    model = Model(proportional, rows, offset)

    def pass_time(minutes):
        for _ in range(minutes):
            here.wait(here.now + 60)
            assert here.levels()[0] == model.level(here.now)

    for deed, value in deeds:
        now = here.now
        model.order += 1
        if deed in ("set", "limit"):
            start, end = now + value[0] * 60, now + (value[0] + value[1]) * 60
            here.command(0x1100 | value[2], start, end, limit=deed == "limit")
            if deed == "limit":
                model.limits.append((start, end, value[2]))
            elif end > now:
                model.settings.append((model.order, start, end, value[2]))
        elif deed == "minutes":
            here.for_minutes(0x0111 if value[1] else 0x0112, value[0])
            if value[0]:
                model.settings.append((model.order, now, now + value[0] * 60, 100 if value[1] else 0))
        elif deed == "back":
            here.for_minutes(0x0120, 0)
            model.settings.append((model.order, now, now, 0))
            model.boosts.append((model.order, now, now))
        elif deed == "boost":
            if here.aux.boost_start((), value, now * 1000):
                model.boosts.append((model.order, now, now + value * 60))
        elif deed == "extend":
            if here.aux.boost_extend(value, now * 1000):
                given_at, start, end = model.boosts[-1]
                model.boosts.append((given_at, start, end + value * 60))
                assert end + value * 60 - start <= 3600
        elif deed == "cancel":
            running = bool(model.boosts) and model.boosts[-1][2] > now
            assert here.aux.boost_cancel(now * 1000) == running
            model.boosts.append((model.order, now, now))
        elif deed == "cut":
            here.power_cut(value * 60, relays=value % 2 == 0)
        else:
            pass_time(value)
        assert here.levels()[0] == model.level(here.now)
