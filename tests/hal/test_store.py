"""The stores in memory, and the slots of a board on a medium whose power goes at every write in turn."""

from slotmeter.hal.board.store import SlotStore
from slotmeter.hal.errors import STORE_DAMAGED, STORE_FAILED, STORE_FULL, STORE_VERSION, HalError
from slotmeter.hal.virtual.store import Medium, PowerCut, VirtualStore

# Commits that together meet every path: a first record, one and several at once, change, removal, removal and
# return, an empty record, nothing at all.
STORY = (
    (("a", b"1"),),
    (("a", b"2"),),
    (("a", b"3"), ("b", b"x" * 100), ("c", b"")),
    (("b", None),),
    (("b", b"again"), ("a", None)),
    (("b", b"once more"),),
    (("c", b"no longer empty"), ("d", b"new"), ("b", None), ("a", b"back")),
    (("never-there", None),),
    (("a", None), ("b", None), ("c", None), ("d", None)),
    (("a", b"last"),),
    (("a", b"really last"),),
)


def contents(store):
    return sorted([(name, store.get(name)) for name in store.names()])


def states():
    """What the store holds before the first commit of the story and after each."""
    held = {}
    result = [[]]
    for changes in STORY:
        for name, value in changes:
            if value is not None:
                held[name] = value
            elif name in held:
                del held[name]
        result.append(sorted(held.items()))
    return result


def refused(kind, act):
    try:
        act()
    except HalError as error:
        assert error.kind == kind
        return error
    raise AssertionError("not refused")


def run_until_the_cut(store, start):
    """Carries out the story from commit `start`; the number of commits that returned, and whether the power went."""
    done = start
    try:
        for changes in STORY[start:]:
            store.commit(changes)
            done += 1
    except PowerCut:
        return done, True
    return done, False


def check_every_cut(torn):
    """Cuts the power at each write of the story, opens again and carries on from there."""
    expected = states()
    cut_at = 0
    while True:
        cut_at += 1
        medium = Medium(cut_at, torn)
        done, cut = run_until_the_cut(SlotStore(medium), 0)
        if not cut:
            return cut_at - 1
        again = SlotStore(medium.reopened())
        found = contents(again)
        if found == expected[done + 1]:
            done += 1
        assert found == expected[done], (cut_at, done)
        assert run_until_the_cut(again, done) == (len(STORY), False)
        assert contents(again) == expected[-1]


def test_the_slots_hold_the_state_before_or_after_a_commit_wherever_the_power_goes():
    assert check_every_cut(False) > 25


def test_the_slots_hold_the_state_before_or_after_a_commit_wherever_a_write_is_torn():
    assert check_every_cut(True) > 25


def test_power_that_goes_again_while_the_journal_is_carried_out_does_no_harm():
    expected = states()
    medium = Medium()
    store = SlotStore(medium)
    for changes in STORY[:6]:
        store.commit(changes)
    # The seventh commit: its journal is write 1, so everything later must find it done.
    first = 1
    while True:
        first += 1
        left = medium.reopened(first, True)
        if not run_until_the_cut(SlotStore(left), 6)[1]:
            break
        second = 0
        while True:
            second += 1
            twice = left.reopened(second, True)
            try:
                SlotStore(twice)
            except PowerCut:
                found = contents(SlotStore(twice.reopened()))
                assert found in (expected[7], expected[8], expected[9], expected[10], expected[11]), (first, second)
                continue
            break
        if first > 6:
            break


def test_the_memory_store_holds_the_state_before_or_after_a_commit_wherever_the_power_goes():
    expected = states()
    for torn in (False, True):
        cut_at = 0
        while True:
            cut_at += 1
            store = VirtualStore(fail_after=cut_at, torn=torn)
            done, cut = run_until_the_cut(store, 0)
            if not cut:
                break
            found = contents(store.reopened())
            if torn and found != expected[done]:
                done += 1
            assert found == expected[done]


def test_nothing_works_without_power():
    store = VirtualStore(fail_after=1)
    for act in (lambda: store.commit([("a", b"")]), store.names, lambda: store.get("a"), lambda: store.commit([])):
        try:
            act()
        except PowerCut:
            continue
        raise AssertionError("there was power")


def test_the_chosen_call_fails_and_changes_nothing():
    for chosen in range(1, 4):
        store = VirtualStore(fail_call=chosen)
        for number in range(1, 4):
            if number == chosen:
                refused(STORE_FAILED, lambda: store.commit([("a", b"%d" % number)]))
            else:
                store.commit([("a", b"%d" % number)])
        assert store.get("a") == (b"2" if chosen == 3 else b"3")


def test_a_record_is_written_to_its_slots_in_turn():
    medium = Medium()
    store = SlotStore(medium)
    store.commit([("a", b"0")])
    writes = medium.writes
    seen = set()
    for value in (b"1", b"2", b"3", b"4"):
        store.commit([("a", value)])
        seen.update(medium.names())
    assert medium.writes == writes + 4
    assert sorted(seen) == ["_journal", "a_0", "a_1"]


def test_a_lone_record_without_a_valid_slot_is_damage():
    medium = Medium()
    store = SlotStore(medium)
    store.commit([("a", b"0"), ("b", b"0")])
    store.commit([("b", b"1"), ("a", None)])
    store.commit([("c", b"1"), ("d", None)])
    for name in ("b_0", "b_1"):
        medium.write(name, medium.read(name)[:-1])
    before = sorted([(name, medium.read(name)) for name in medium.names()])
    assert "b" in refused(STORE_DAMAGED, lambda: SlotStore(medium)).detail
    assert sorted([(name, medium.read(name)) for name in medium.names()]) == before


def test_a_file_that_is_not_of_the_store_is_not_touched():
    for foreign in ("notes.txt", "a_2", "A_0", "_0", "_journal_0", "x" * 41 + "_1"):
        medium = Medium()
        medium.write(foreign, b"mine")
        refused(STORE_DAMAGED, lambda: SlotStore(medium))
        assert medium.names() == [foreign]
        assert medium.read(foreign) == b"mine"


def test_another_version_of_the_store_is_refused():
    from binascii import crc32

    medium = Medium()
    SlotStore(medium).commit([("a", b"0")])
    frame = medium.read("a_0")
    frame = frame[:3] + b"\x02" + frame[4:-4]
    medium.write("a_0", frame + (crc32(frame) & 0xFFFFFFFF).to_bytes(4, "big"))
    assert "version 2" in refused(STORE_VERSION, lambda: SlotStore(medium)).detail


class FullMedium(Medium):
    """A medium without room for the next `left` writes after `room` more."""

    def __init__(self, room):
        Medium.__init__(self)
        self.room = room
        self.error = 28

    def write(self, name, data):
        self.room -= 1
        if self.room < 0:
            raise OSError(self.error)
        Medium.write(self, name, data)


def test_a_full_medium_refuses_the_commit_and_keeps_the_old_state():
    medium = FullMedium(0)
    store = SlotStore(medium)
    refused(STORE_FULL, lambda: store.commit([("a", b"1"), ("b", b"1")]))
    assert store.names() == []
    medium.room = 10
    store.commit([("a", b"1"), ("b", b"1")])
    medium.room = 0
    medium.error = 5
    refused(STORE_FAILED, lambda: store.commit([("a", b"2")]))
    assert store.get("a") == b"1"
    assert contents(SlotStore(medium.reopened())) == [("a", b"1"), ("b", b"1")]


def test_a_commit_whose_journal_is_written_stands_even_if_the_slots_have_no_room():
    for room in range(1, 3):
        medium = FullMedium(room)
        store = SlotStore(medium)
        store.commit([("a", b"1"), ("b", b"1")])
        assert contents(store) == [("a", b"1"), ("b", b"1")]
        assert contents(SlotStore(medium.reopened())) == [("a", b"1"), ("b", b"1")]
        refused(STORE_FULL, lambda: store.commit([("a", b"2")]))
        assert store.get("a") == b"1"
        medium.room = 10
        store.commit([("a", b"2"), ("b", None)])
        assert contents(store) == [("a", b"2")]
        assert contents(SlotStore(medium.reopened())) == [("a", b"2")]
