"""Whatever is pressed: the face never fails, and never shows what the PIN guards to whoever has not entered it."""

import pytest
from face_world import NOON_MS, TOKEN, World, octet_string
from hypothesis import given, settings
from hypothesis import strategies as st

from slotmeter.dlms import obis
from slotmeter.dlms.octets import put_int
from slotmeter.dlms.schema import check_whole
from slotmeter.firmware import menu, screens
from slotmeter.firmware.face import KEYS
from slotmeter.firmware.objects import OBJECTS
from slotmeter.firmware.readouts import Readout, wrap

PIN = "4711"
# Values that are nowhere else, as they read.
SECRETS = ("777.77", "CIN7", "Psst", "666.66", "555.55", "12.34", "44.444")

KEY = st.sampled_from(KEYS)
# Three keys in four are those that lead somewhere.
ACTION = st.one_of(
    st.lists(st.sampled_from(("A", "A", "A", "B", "B", "OK", "HOLD")), min_size=1, max_size=12),
    st.lists(KEY, min_size=1, max_size=6),
    st.sampled_from([("enter", "0000"), ("enter", "12"), ("enter", TOKEN), ("enter", "x" * 30)]),
    st.sampled_from([("wait", 7), ("wait", 31)]),
    st.sampled_from([("armed", 0), ("message", 0), ("tenancy", 0), ("back", 0), ("low", 0), ("cut", 0)]),
)


def guarded_world():
    """A household full of things that nobody is to see."""
    world = World(pin=PIN)
    house = world.household
    house.prepayment = True
    house.balance = 77777000
    house.emergency_limit = 300000
    house.emergency_threshold = 100000000
    house.boost_there = True
    world.poke(1, "0-3:96.13.1.255", 2, octet_string(b"CIN7"))
    world.poke(1, "0-2:96.13.1.255", 2, octet_string(b"Psst, pay us"))
    for name in ("0-0:19.10.0.255", "0-0:19.10.2.255"):
        world.poke(112, name, 2, b"\x05" + put_int(-66666000, 4))
    for name in ("0-0:19.20.1.255", "0-0:19.20.3.255"):
        world.poke(113, name, 12, b"\x05" + put_int(55555000, 4))
    for name in ("0-0:98.1.5.255", "0-0:98.1.4.255"):
        world.tree.append(obis.parse(name), (NOON_MS // 1000).to_bytes(4, "big") + (55555000).to_bytes(4, "big"))
    world.tree.append(obis.parse("0-0:99.1.3.255"), (NOON_MS // 1000).to_bytes(4, "big") + (44444).to_bytes(4, "big"))
    return world


def do(world, action):
    """One thing that happens to a meter; the world after it."""
    house = world.household
    if action[0] == "enter":
        world.enter(action[1])
    elif action[0] == "wait":
        world.wait(action[1])
    elif action[0] == "armed":
        house.state = (house.state + 1) % 3
    elif action[0] == "low":
        house.selected = not house.selected
    elif action[0] == "message":
        world.face.message_arrived()
    elif action[0] == "tenancy":
        world.poke(1, "0-0:94.44.3.2", 2, octet_string(b"\x07\xea\x03\x1f\xff\x0c\x00\x00\x00\x80\x00\xff"))
    elif action[0] == "back":
        house.time_ms -= 86400000
        world.face.set_clock(house.time_ms)
    elif action[0] == "cut":
        return world.power_cut()
    else:
        world.press(*action)
    return world


def look(world):
    """The display, which has its size."""
    lines = world.face.lines()
    assert len(lines) == 4 and max([len(line) for line in lines]) <= 20
    world.face.indicators()
    return "\n".join(lines)


@settings(max_examples=120, deadline=None)
@given(st.lists(ACTION, max_size=25))
def test_no_sequence_of_keys_shows_a_guarded_value_or_fails(actions):
    world = guarded_world()
    for action in actions:
        world = do(world, action)
        text = look(world)
        # Nobody knows the PIN, so it is never open; a guess of 0000 is wrong.
        assert not world.guard.is_open()
        for secret in SECRETS:
            assert secret not in text
        assert not world.household.selected or ("low", 0) in actions
        assert (0x81A6, b"") not in world.told


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(ACTION, st.just(("enter", PIN))), max_size=25))
def test_with_the_pin_at_hand_it_is_never_shown_kept_or_told(actions):
    world = guarded_world()
    for action in actions:
        world = do(world, action)
        text = look(world)
        if not text.startswith("Add credit"):
            assert PIN not in text
        assert PIN not in repr(world.face) + repr(world.guard) + repr(world.pin)
        for name in world.records.names():
            assert PIN.encode() not in world.records.get(name)
        assert PIN.encode() not in b"".join([other for _, other in world.told])
        # What was typed is gone as soon as nobody is typing.
        if text.endswith(("A next  B menu", "A next  B choose")):
            assert PIN not in [value for value in vars(world.face).values() if isinstance(value, str)]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(ACTION, st.just(("enter", PIN))), max_size=20))
def test_after_the_idle_time_the_default_display_is_back_and_everything_shut(actions):
    world = guarded_world()
    for action in actions:
        world = do(world, action)
    world.wait(30)
    assert look(world).endswith("A next  B menu")
    assert world.face.deadline_ms() is None
    if world.guard.pin_is_set():
        assert not world.guard.is_open()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(ACTION, st.just(("enter", PIN))), max_size=20))
def test_a_token_can_be_typed_from_wherever_the_customer_is(actions):
    world = guarded_world()
    for action in actions:
        world = do(world, action)
    world.household.used = []
    # At most these steps lead home: three held buttons.
    for _ in range(25):
        world.press("HOLD")
    assert "Credit added" in world.enter(TOKEN)


@pytest.mark.parametrize("variant", [1, 2, 4])
def test_every_screen_has_a_source_and_a_readout_that_fits_its_type(variant):
    schemas, rows, _, _ = OBJECTS
    types = {}
    for class_id, name, _, variants, attributes, _ in rows:
        if variants & variant:
            for attribute in attributes:
                types[class_id.to_bytes(2, "big") + name + bytes((attribute[0],))] = schemas[attribute[1]]
    world = World(variant=variant)
    for row in screens.SCREENS:
        _, title, _, source, _, _, readout, _ = row
        assert callable(getattr(Readout, readout)), title
        assert len(title.replace("%d", "80")) <= 20
        if isinstance(source, str):
            assert callable(getattr(world.household, source)), title
        elif len(source) == 6:
            world.tree.rows(source)
        elif source in types and world.tree.peek(source) is not None and source[:2] != b"\x00\x08":
            check_whole(types[source], world.tree.peek(source))


def test_every_row_of_the_menu_fits_the_display_and_has_its_words():
    for title, action, argument, _, _ in menu.MENU:
        assert len(title) <= 18
        if action in (menu.CONFIRM, menu.AMOUNT, menu.AT_ONCE):
            question, done, _ = menu.QUESTIONS[argument]
            assert done and len(wrap(question, 20)) <= 2


@given(st.text(alphabet="ab £é\u0000", max_size=200), st.integers(1, 40))
def test_wrapping_loses_nothing_but_blanks(text, columns):
    lines = wrap(text, columns)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert all(0 < len(line) <= columns for line in lines)
