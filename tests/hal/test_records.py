"""Transactions over a store."""

from slotmeter.hal.errors import HalError
from slotmeter.hal.records import Records
from slotmeter.hal.virtual.store import VirtualStore


def filled():
    store = VirtualStore()
    store.commit([("a", b"1"), ("b", b"2")])
    return store, Records(store)


class Plain:
    """Answers with what it is given: the digest's input can be looked at."""

    def sha256(self, data):
        return data


def test_what_the_store_holds_is_read_once():
    store, records = filled()
    calls = store.calls
    assert records.get("a") == b"1"
    assert records.get("none") is None
    assert records.names() == ["a", "b"]
    assert store.calls == calls


def test_nothing_reaches_the_store_before_commit():
    store, records = filled()
    records.put("a", b"9")
    records.drop("b")
    records.put("c", b"3")
    assert (store.get("a"), store.get("b"), store.get("c")) == (b"1", b"2", None)
    assert records.changed_names() == ["a", "b", "c"]
    records.commit()
    assert (store.get("a"), store.get("b"), store.get("c")) == (b"9", None, b"3")
    assert not records.changed()


def test_a_rollback_puts_everything_back():
    store, records = filled()
    records.put("a", b"9")
    records.put("a", b"10")
    records.drop("b")
    records.put("b", b"other")
    records.put("c", b"3")
    records.drop("c")
    records.put("d", b"4")
    records.rollback()
    assert [(name, records.get(name)) for name in records.names()] == [("a", b"1"), ("b", b"2")]
    assert not records.changed()


def test_what_ends_as_it_began_is_not_written():
    store, records = filled()
    writes = store.medium.writes
    records.put("a", b"9")
    records.put("a", b"1")
    records.drop("b")
    records.put("b", b"2")
    records.put("c", b"")
    records.drop("c")
    records.drop("never")
    records.commit()
    assert store.medium.writes == writes
    assert not records.changed()


def test_a_commit_that_the_store_refuses_can_be_rolled_back_or_tried_again():
    store, _ = filled()
    again = store.reopened(fail_call=4)
    records = Records(again)
    records.put("a", b"9")
    try:
        records.commit()
        raise AssertionError("not refused")
    except HalError:
        pass
    assert records.changed()
    assert records.get("a") == b"9"
    records.rollback()
    assert records.get("a") == b"1"
    records.put("a", b"10")
    records.commit()
    assert again.get("a") == b"10"


def test_names_are_sorted_and_chosen_by_their_beginning():
    records = Records(VirtualStore())
    for name in ("b.1", "a.2", "a.1", "c"):
        records.put(name, b"")
    assert records.names("a.") == ["a.1", "a.2"]


def test_equal_states_have_equal_digests_and_others_have_not():
    crypto = Plain()
    states = ([], [("a", b"1")], [("a", b"1b:1:")], [("a", b""), ("b", b"1")], [("a", b"1"), ("b", b"")], [("a1", b"")])
    digests = []
    for state in states:
        records = Records(VirtualStore())
        for name, value in state:
            records.put(name, value)
        digests.append(records.digest(crypto))
    assert len(set(digests)) == len(states)
    records.put("a1", b"x")
    assert records.digest(crypto) not in digests
    records.rollback()


def test_a_digest_leaves_out_what_it_is_told_to():
    crypto = Plain()
    records = Records(VirtualStore())
    records.put("log.1", b"x")
    records.put("trace", b"y")
    records.put("a", b"1")
    assert records.digest(crypto, ("log.", "trace")) == b"a:1:1"


def test_a_rollback_goes_back_to_the_mark_and_what_came_before_it_stays_pending():
    store, records = filled()
    records.put("a", b"9")
    records.mark()
    assert not records.changed_since_mark()
    records.put("a", b"10")
    records.put("c", b"3")
    records.drop("b")
    assert records.changed_since_mark()
    records.rollback()
    assert [(name, records.get(name)) for name in records.names()] == [("a", b"9"), ("b", b"2")]
    assert records.changed() and not records.changed_since_mark()
    records.commit()
    assert store.get("a") == b"9"
