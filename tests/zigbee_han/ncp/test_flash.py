"""What a stick remembers: over a store, over power cuts, and when the store holds something else."""

from ezsp_host import Host

from slotmeter.hal.errors import STORE_DAMAGED, STORE_VERSION, HalError
from slotmeter.hal.records import Records
from slotmeter.hal.virtual.store import VirtualStore
from slotmeter.zigbee_han.ncp import commands, ezsp, flash, network

EUI = bytes.fromhex("0200000000000001")
OTHER = bytes.fromhex("0200000000000002")


def a_network(pan=0x1A62):
    return flash.Network(
        {
            "type": flash.COORDINATOR,
            "id": 0,
            "extended_pan": bytes(range(8)),
            "pan": pan,
            "power": -3,
            "channel": 20,
            "bitmask": 0x0B84,
            "trust_centre": EUI,
            "link_key": bytes(range(16)),
            "key": bytes(range(16, 32)),
            "key_sequence": 7,
        }
    )


def test_everything_that_was_committed_is_there_again():
    store = VirtualStore()
    one = flash.Flash(EUI, Records(store))
    one.network = a_network()
    one.keys[3] = flash.LinkKey(OTHER, b"k" * 16, 5, 6)
    one.rewritten = OTHER
    one.commit()
    again = flash.Flash(bytes(8), Records(store))
    assert again.base == EUI and again.eui() == OTHER
    for name in sorted(one.network.__dict__):
        assert getattr(again.network, name) == getattr(one.network, name)
    for name in ("eui", "key", "outgoing", "incoming"):
        assert getattr(again.keys[3], name) == getattr(one.keys[3], name)
    again.forget()
    again.commit()
    last = flash.Flash(EUI, Records(store))
    assert last.network is None and last.keys == {} and last.eui() == OTHER


def test_counters_never_go_back_and_are_not_written_for_each_frame():
    store = VirtualStore()
    records = Records(store)
    one = flash.Flash(EUI, records)
    written = 0
    for number in range(1, 10001):
        if one.count(number, 0):
            one.commit()
            written += 1
    assert one.nwk_counter == 10000
    assert written <= 6
    again = flash.Flash(EUI, Records(store))
    assert 10000 < again.nwk_counter <= 10000 + flash.COUNTER_STEP
    again.set_counters(nwk=5)
    again.count(5, 1)
    again.commit()
    assert flash.Flash(EUI, Records(store)).nwk_counter >= 5
    one.set_counters(nwk=flash.COUNTER_LIMIT)
    one.count(flash.COUNTER_LIMIT + 1, 0)
    one.commit()
    assert one.nwk_counter == flash.COUNTER_LIMIT
    # A device that was restarted has counted nothing yet.
    one.count(0, 0)
    assert one.nwk_counter == flash.COUNTER_LIMIT


def test_records_of_another_layout_or_broken_ones_are_refused():
    for name, value, kind in (
        ("ncp.network", b"\x02", STORE_VERSION),
        ("ncp.network", b"\x01\x00", STORE_DAMAGED),
        ("ncp.tokens", b"", STORE_VERSION),
        ("ncp.keys", b"\x01abc", STORE_DAMAGED),
        ("ncp.counters", b"\x01" + bytes(9), STORE_DAMAGED),
    ):
        store = VirtualStore()
        store.commit([(name, value)])
        try:
            flash.Flash(EUI, Records(store))
        except HalError as error:
            assert error.kind == kind
            continue
        raise AssertionError(name)


def test_a_store_that_refuses_fails_the_command_and_not_the_stick():
    store = VirtualStore()
    records = Records(store)
    memory = flash.Flash(EUI, records)
    memory.commit()
    one = Host(13, memory).server

    def refuse(changes):
        raise HalError("store-full", "no room")

    store.commit = refuse
    token = bytes.fromhex("2ae10000") + bytes(4) + b"\x08\x00\x00\x00" + bytes(8)
    one.receive(ezsp.build_command(1, 0x0103, token), 0)
    assert one.to_send()[5:] == bytes((commands.STATUSES[commands.FLASH_WRITE_INHIBITED][1],))
    assert repr(one.next_event()) == "NotStored(no room)"
    del store.commit
    # The next command makes it durable.
    one.receive(ezsp.build_command(2, 0x0005), 0)
    assert flash.Flash(EUI, Records(store)).eui() == bytes(8)


def test_nothing_that_holds_a_key_shows_it():
    key = b"secret key 16 by"
    one = a_network()
    one.key = one.link_key = key
    for thing in (one, flash.LinkKey(OTHER, key), network.Formed(one, False)):
        assert "secret" not in repr(thing) and key.hex() not in repr(thing)
