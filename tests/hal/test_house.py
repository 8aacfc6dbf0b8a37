"""Loads of arithmetic: the household, the constant load, the measured half-hours."""

from slotmeter.hal.virtual.house import HALF_HOUR_MS, ConstantLoad, House, LoadFile, draw, sun

DAY_MS = 86400000
# 1 January 2015 and 21 June 2015.
WINTER_MS = 473385600000
SUMMER_MS = 488160000000


def history(front_end, from_ms, to_ms):
    """(from, to, flow) in order."""
    found = []
    while from_ms < to_ms:
        flow = front_end.flow(from_ms)
        found.append((from_ms, min(flow.until_ms, to_ms), flow))
        from_ms = flow.until_ms
    return found


def energy_wh(pieces, of):
    return sum([(end - begin) * of(flow) for begin, end, flow in pieces]) // 3600000


def refused(make):
    try:
        make()
    except ValueError:
        return True
    return False


def test_the_same_seed_gives_the_same_house_on_every_board():
    assert [draw(7, 1, n) for n in range(3)] == [4077059175, 3144687432, 824401053]
    house = House(42, solar_w=3600)
    flow = house.flow(SUMMER_MS + 13 * 3600000)
    assert (flow.import_w, flow.export_w, flow.var_import, flow.var_export) == ((0,), 1740, 47, 99)
    assert (flow.volts, flow.until_ms) == ((2401,), 488208600000)


def test_another_seed_gives_another_house():
    first = history(House(1), WINTER_MS, WINTER_MS + DAY_MS)
    second = history(House(2), WINTER_MS, WINTER_MS + DAY_MS)
    assert [piece[2].import_w for piece in first] != [piece[2].import_w for piece in second]


def test_a_house_uses_some_three_thousand_kilowatt_hours_a_year_with_a_quiet_night():
    pieces = history(House(3), WINTER_MS, WINTER_MS + 365 * DAY_MS)
    total = energy_wh(pieces, lambda flow: flow.import_w[0])
    assert 2500000 < total < 5500000
    night = [piece for piece in pieces if piece[0] % DAY_MS < 5 * 3600000]
    assert energy_wh(night, lambda flow: flow.import_w[0]) < total // 6
    assert len(pieces) < 4 * 17520


def test_the_panels_follow_the_sun():
    house = House(3, base_w=0, appliances=False, solar_w=4000)
    winter = history(house, WINTER_MS, WINTER_MS + 10 * DAY_MS)
    summer = history(house, SUMMER_MS, SUMMER_MS + 10 * DAY_MS)
    night = [piece for piece in winter + summer if not 3 <= piece[0] % DAY_MS // 3600000 < 21]
    assert energy_wh(night, lambda flow: flow.export_w) == 0
    winter_wh = energy_wh(winter, lambda flow: flow.export_w)
    summer_wh = energy_wh(summer, lambda flow: flow.export_w)
    assert 0 < 4 * winter_wh < summer_wh < 10 * 4000 * 10
    year = energy_wh(history(house, WINTER_MS, WINTER_MS + 365 * DAY_MS), lambda flow: flow.export_w)
    assert 2400000 < year < 4400000


def test_the_sun_rises_and_sets_and_is_higher_in_summer():
    winter = [sun(WINTER_MS // HALF_HOUR_MS + n) for n in range(48)]
    summer = [sun(SUMMER_MS // HALF_HOUR_MS + n) for n in range(48)]
    assert winter[:15] == [0] * 15 and winter[34:] == [0] * 14
    assert 200 < max(winter) < 260 and 840 < max(summer) < 900
    assert 15 <= len([n for n in winter if n]) <= 17 and 32 <= len([n for n in summer if n]) <= 34


def test_the_car_charges_at_night_on_the_second_element():
    house = House(5, elements=2, car_w=7000, base_w=0, appliances=False)
    pieces = history(house, WINTER_MS, WINTER_MS + 60 * DAY_MS)
    charging = [piece for piece in pieces if piece[2].import_w[1]]
    assert charging
    assert all(piece[0] % DAY_MS < 8 * 3600000 for piece in charging)
    assert all(piece[2].import_w == (0, 7000) for piece in charging)


def test_the_car_of_a_polyphase_house_charges_on_three_phases():
    house = House(5, phases=3, car_w=11000, base_w=0, appliances=False)
    loads = [piece[2].import_w for piece in history(house, WINTER_MS, WINTER_MS + 10 * DAY_MS)]
    assert (3668, 3666, 3666) in loads and all(sum(load) in (0, 11000) for load in loads)


def test_what_one_element_exports_is_not_taken_from_what_the_other_imports():
    house = House(5, elements=2, car_w=0, base_w=0, appliances=False, solar_w=4000)
    noon = house.flow(SUMMER_MS + 12 * 3600000)
    assert noon.export_w > 0 and noon.import_w == (0, 0)


def test_the_tank_follows_its_switch():
    closed = []
    house = House(
        5, base_w=0, appliances=False, tank_number=3, tank_w=2800, closed=lambda number: number in closed
    )
    assert house.flow(WINTER_MS).import_w == (0,)
    closed.append(3)
    on = house.flow(WINTER_MS)
    assert on.import_w == (2800,)
    # The thermostat lets go before the half-hour is over.
    assert WINTER_MS + 600000 <= on.until_ms <= WINTER_MS + HALF_HOUR_MS
    closed.clear()
    assert house.flow(WINTER_MS).import_w == (0,)


def test_the_voltage_is_about_240_and_drops_with_the_load():
    pieces = history(House(9), WINTER_MS, WINTER_MS + 30 * DAY_MS)
    volts = [piece[2].volts[0] for piece in pieces]
    assert min(volts) > 2300 and max(volts) <= 2430
    loaded = [piece[2].volts[0] for piece in pieces if piece[2].import_w[0] > 2500]
    assert sum(loaded) // len(loaded) < sum(volts) // len(volts)


def test_disturbances_come_as_often_as_they_were_ordered():
    quiet = history(House(9), WINTER_MS, WINTER_MS + 365 * DAY_MS)
    assert all(2200 < piece[2].volts[0] < 2500 for piece in quiet)
    house = House(9, sags=120, swells=60, outages=24)
    pieces = history(house, WINTER_MS, WINTER_MS + 365 * DAY_MS)
    kinds = [
        0 if not piece[2].volts[0] else 1 if piece[2].volts[0] < 2200 else 2 if piece[2].volts[0] > 2500 else 3
        for piece in pieces
    ]
    found = [0, 0, 0]
    before = 3
    for kind in kinds:
        if kind != before and kind != 3:
            found[kind] += 1
        before = kind
    assert 12 <= found[0] <= 40 and 90 <= found[1] <= 150 and 40 <= found[2] <= 80


def test_an_outage_takes_the_load_and_the_panels_with_it():
    house = House(9, solar_w=4000, outages=17520)
    dark = [flow for _, _, flow in history(house, SUMMER_MS, SUMMER_MS + DAY_MS) if not flow.volts[0]]
    assert dark
    assert all(flow.import_w == (0,) and not flow.export_w and not flow.var_import for flow in dark)


def test_an_outage_of_one_phase_leaves_the_others():
    house = House(9, phases=3, outages=2000)
    seen = [flow for _, _, flow in history(house, WINTER_MS, WINTER_MS + 30 * DAY_MS) if 0 in flow.volts]
    assert [flow for flow in seen if max(flow.volts) > 2200]
    assert all(not watts for flow in seen for watts, volts in zip(flow.import_w, flow.volts) if not volts)


def test_a_constant_load_stays_until_it_is_set_again():
    load = ConstantLoad((500,), var=-100)
    flow = load.flow(0)
    assert (flow.import_w, flow.var_import, flow.var_export) == ((500,), 0, 100)
    assert (flow.volts, flow.until_ms) == ((2400,), None)
    load.set((1, 2, 3), 7, 8, (2300, 2310, 2320))
    flow = load.flow(10**15)
    assert (flow.import_w, flow.export_w, flow.var_import, flow.volts) == ((1, 2, 3), 8, 7, (2300, 2310, 2320))


def test_a_constant_load_that_cannot_be_is_refused():
    assert refused(lambda: ConstantLoad((-1,)))
    assert refused(lambda: ConstantLoad(()))
    assert refused(lambda: ConstantLoad((1, 2, 3, 4)))
    assert refused(lambda: ConstantLoad((1,), export_watts=-1))
    assert refused(lambda: ConstantLoad((1 << 31,)))
    assert refused(lambda: ConstantLoad((1,), volts=(2400, 2400)))
    assert refused(lambda: ConstantLoad((1, 2, 3), volts=(2400,)))


def test_a_load_file_turns_the_energy_of_a_half_hour_into_power():
    start = WINTER_MS // 1000
    load = LoadFile([(start, 250, 0), (start + 1800, 0, 100)])
    first = load.flow(WINTER_MS + 1)
    assert (first.import_w, first.export_w, first.until_ms) == ((500,), 0, WINTER_MS + HALF_HOUR_MS)
    second = load.flow(WINTER_MS + HALF_HOUR_MS)
    assert (second.import_w, second.export_w) == ((0,), 200)
    assert load.flow(WINTER_MS - 1).until_ms == WINTER_MS
    after = load.flow(WINTER_MS + 2 * HALF_HOUR_MS)
    assert (after.import_w, after.export_w, after.until_ms) == ((0,), 0, None)


def test_a_load_file_spreads_import_over_three_phases_without_losing_a_watt():
    load = LoadFile([(WINTER_MS // 1000, 250, 0)], phases=3)
    assert load.flow(WINTER_MS).import_w == (168, 166, 166)


def test_half_hours_with_gaps_or_out_of_order_are_refused():
    start = WINTER_MS // 1000
    for rows in (
        [],
        [(start + 1, 0, 0)],
        [(start, 0, 0), (start + 3600, 0, 0)],
        [(start, 0, 0), (start, 0, 0)],
        [(start, -1, 0)],
        [(start, 0, -1)],
    ):
        assert refused(lambda rows=rows: LoadFile(rows))
