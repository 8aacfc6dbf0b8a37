"""Attributes, methods, activation and protected reads of the object tree."""

from slotmeter.dlms.apdu import (
    OBJECT_UNDEFINED,
    OTHER_REASON,
    READ_WRITE_DENIED,
    SCOPE_OF_ACCESS_VIOLATED,
    SUCCESS,
    TYPE_UNMATCHED,
    make_key,
)
from slotmeter.dlms.cosem.access import Access
from slotmeter.dlms.cosem.hooks import Hooks
from slotmeter.dlms.cosem.tree import POLYPHASE, SINGLE, TWIN, Tree
from slotmeter.dlms.dates import CANCEL, NOW, from_seconds
from slotmeter.dlms.errors import DecodeError
from slotmeter.dlms.obis import parse
from slotmeter.firmware.objects import OBJECTS
from slotmeter.hal.errors import STORE_DAMAGED, HalError
from slotmeter.hal.records import Records
from slotmeter.hal.virtual.store import VirtualStore

NOW_S = 473385600
COUNTER = b"\x00\x00\x00\x00\x00\x00\x03\xe8"
DEVICE = b"\x00\xdb\x12\x34\x56\x78\x90\xa0"
SUPPLIER = b"\x90\xb3\xd5\x1f\x30\x01\x00\x00"
READER = b"\x90\xb3\xd5\x1f\x30\x02\x00\x00"
NULL = b"\x00"
NOUGHT = b"\x0f\x00"


class Meter(Hooks):
    """Agrees, and remembers what it was asked."""

    def __init__(self):
        self.asked = []
        self.result = SUCCESS

    def schedule(self, key, when, access):
        self.asked.append(("schedule", key, when))
        return self.result

    def activated(self, key):
        self.asked.append(("activated", key))

    def supply(self, state, access):
        self.asked.append(("supply", state))
        return self.result

    def top_up(self, digits, access):
        self.asked.append(("top up", digits))
        return self.result

    def auxiliary(self, obis, command, access):
        self.asked.append(("auxiliary", obis, command))
        return self.result

    def tariff(self, script, access):
        self.asked.append(("tariff", script))
        return self.result

    def set_time(self, start_s, end_s, access):
        self.asked.append(("set time", start_s, end_s))
        return self.result


def key(class_id, obis, number):
    return make_key(class_id, parse(obis), number)


def tree_of(variant=SINGLE, store=None, hooks=None):
    return Tree(OBJECTS, variant, Records(VirtualStore() if store is None else store), hooks or Meter())


def mirror(plaintext):
    return b"\x31\x00\x00\x00\x00" + plaintext


def access(seal=mirror):
    return Access(NOW_S, 0x19, COUNTER, SUPPLIER, 2, DEVICE, SUPPLIER, READER, seal)


def octets(data):
    return bytes((9, len(data))) + data


def i32(value):
    return b"\x05" + (value & 0xFFFFFFFF).to_bytes(4, "big")


def u32(value):
    return b"\x06" + value.to_bytes(4, "big")


BALANCE = key(112, "0-0:19.10.0.255", 2)
BALANCES = key(1, "0-0:94.44.34.30", 2)
MESSAGE = key(1, "0-2:96.13.1.255", 2)
CONTROL = key(70, "0-0:96.3.10.255", 3)
OUTPUT = key(70, "0-0:96.3.10.255", 2)
SUPPLY_SCRIPT = key(9, "0-0:10.0.106.255", 1)


def script(number):
    return b"\x12" + number.to_bytes(2, "big")


def test_a_fresh_meter_reads_its_factory_values_and_stores_none():
    store = VirtualStore()
    records = Records(store)
    tree = Tree(OBJECTS, SINGLE, records, Hooks())
    assert tree.get(key(1, "0-0:96.1.2.255", 2), b"", access()) == (SUCCESS, b"\x09\x01A")
    assert tree.get(BALANCE, b"", access()) == (SUCCESS, i32(0))
    assert records.names() == []


def test_each_variant_says_which_it_is_and_has_its_own_objects():
    second = key(20, "0-0:13.0.1.255", 3)
    third = key(3, "1-0:72.32.0.4", 2)
    for variant, letter, has_second, has_third in ((SINGLE, b"A", 0, 0), (TWIN, b"B", 1, 0), (POLYPHASE, b"C", 0, 1)):
        tree = tree_of(variant)
        assert tree.get(key(1, "0-0:96.1.2.255", 2), b"", access())[1] == octets(letter)
        assert (tree.get(second, b"", access())[0] == SUCCESS) == bool(has_second)
        assert (tree.get(third, b"", access())[0] == SUCCESS) == bool(has_third)


def test_a_name_that_is_no_attribute_is_object_undefined():
    tree = tree_of()
    for unknown in (key(1, "0-0:94.44.34.10", 3), key(3, "0-0:94.44.34.10", 2), key(1, "9-9:9.9.9.9", 1)):
        assert tree.get(unknown, b"", access())[0] == OBJECT_UNDEFINED
        assert tree.set(unknown, NULL, access()) == OBJECT_UNDEFINED
        assert tree.invoke(unknown, NULL, access()) == (OBJECT_UNDEFINED, NULL)
        assert tree.peek(unknown) is None


def test_attribute_one_of_every_object_is_its_logical_name():
    assert tree_of().get(key(3, "1-0:2.8.0.255", 1), b"", access()) == (SUCCESS, b"\x09\x06\x01\x00\x02\x08\x00\xff")
    assert tree_of().set(key(3, "1-0:2.8.0.255", 1), NULL, access()) == READ_WRITE_DENIED


def test_what_is_only_read_is_not_written_and_the_reverse():
    tree = tree_of()
    assert tree.set(key(3, "1-0:2.8.0.255", 2), u32(1), access()) == READ_WRITE_DENIED
    assert tree.set(key(7, "0-0:99.1.0.255", 2), b"\x01\x00", access()) == READ_WRITE_DENIED
    assert tree.get(key(1, "0-0:94.44.3.1", 2), b"", access())[0] == READ_WRITE_DENIED
    assert tree.get(MESSAGE, b"\x01\x00", access())[0] == READ_WRITE_DENIED


def test_a_value_of_another_type_or_size_is_type_unmatched_and_changes_nothing():
    tree = tree_of()
    assert tree.set(MESSAGE, octets(b"a" * 116), access()) == SUCCESS
    for bad in (b"\x0a\x01a", octets(b"a" * 117), b"", b"\x09", b"\x09\x05abc", octets(b"ab") + b"\x00", NULL):
        assert tree.set(MESSAGE, bad, access()) == TYPE_UNMATCHED
    assert tree.get(MESSAGE, b"", access())[1] == octets(b"a" * 116)


def test_two_mpans_fit_a_twin_element_meter_only():
    mpan = key(1, "0-0:94.44.34.11", 2)
    both = octets(b"13123456781111312345678222")
    assert tree_of(SINGLE).set(mpan, both, access()) == TYPE_UNMATCHED
    assert tree_of(POLYPHASE).set(mpan, both, access()) == TYPE_UNMATCHED
    assert tree_of(TWIN).set(mpan, both, access()) == SUCCESS
    assert tree_of(TWIN).set(mpan, octets(b"1312345678111"), access()) == SUCCESS
    assert tree_of(SINGLE).set(mpan, octets(b"1312345678111"), access()) == SUCCESS


def test_the_randomised_offset_follows_its_limit_which_is_at_most_1799_seconds():
    tree = tree_of()
    tree.poke(key(1, "0-0:94.44.0.2", 2), b"\x12\x07\xd0")
    assert tree.set(key(1, "0-0:94.44.0.1", 2), b"\x12\x03\xe8", access()) == SUCCESS
    assert tree.get(key(1, "0-0:94.44.0.0", 2), b"", access())[1] == b"\x12\x00\xc8"
    assert tree.set(key(1, "0-0:94.44.0.1", 2), b"\x12\x07\x08", access()) == OTHER_REASON
    assert tree.get(key(1, "0-0:94.44.0.1", 2), b"", access())[1] == b"\x12\x03\xe8"


def test_alert_configuration_changes_the_bits_of_its_mask_and_no_others():
    tree = tree_of()
    setting = key(1, "0-30:97.98.15.255", 2)
    operator = tree.value(key(1, "0-33:97.98.15.255", 2))
    head = b"\x04\x82\x02\x00"
    first = head + b"\xff" * 32 + b"\x0f" * 32
    assert tree.set(key(1, "0-30:97.98.11.255", 2), first, access()) == SUCCESS
    assert tree.get(setting, b"", access())[1] == b"\x04\x82\x01\x00" + b"\x0f" * 32
    second = head + b"\x01" + bytes(31) + bytes(32)
    assert tree.set(key(1, "0-30:97.98.11.255", 2), second, access()) == SUCCESS
    assert tree.get(setting, b"", access())[1] == b"\x04\x82\x01\x00\x0e" + b"\x0f" * 31
    assert tree.get(key(1, "0-33:97.98.15.255", 2), b"", access())[1] == operator


def test_an_activation_attribute_is_scheduled_and_stored_only_when_the_meter_agrees():
    meter = Meter()
    tree = tree_of(hooks=meter)
    when = key(9000, "0-0:94.44.128.9", 6)
    later = from_seconds(NOW_S + 3600)
    assert tree.set(when, octets(later), access()) == SUCCESS
    assert meter.asked == [("schedule", when, later)]
    assert tree.peek(when) == octets(later)
    meter.result = OTHER_REASON
    assert tree.set(when, octets(NOW), access()) == OTHER_REASON
    assert tree.peek(when) == octets(later)


def check_activation(tree, passive, value, when, active, becomes):
    assert tree.set(passive, value, access()) == SUCCESS
    assert tree.get(active, b"", access())[1] != becomes
    assert tree.activate(when)
    assert tree.get(active, b"", access()) == (SUCCESS, becomes)


def test_what_is_activated_is_what_the_matching_read_returns():
    tree = tree_of(TWIN)
    nine = "0-0:94.44.128."
    account = "0-0:19.0.0.255"
    limiter = "0-0:17.0.0.255"
    day = b"\x01\x01\x02\x03\x12\x00\x01\x09\x05\x07\xdf\x05\x01\xff\x11\x02"
    entry = (
        b"\x01\x01\x02\x0a\x12\x00\x01\x03\xff\x09\x06\x00\x00\x0a\x00\x6a\xff\x12\x00\x20\x09\x04\x00\x00\x00\x00"
        b"\x12\xff\xff\x04\x07\xfe\x04\x01\x80\x09\x05\x07\xdf\x01\x01\xff\x09\x05\x07\xdf\x02\x01\xff"
    )
    for number, value, active, becomes in (
        (2, i32(7), key(112, "0-0:19.10.1.255", 9), i32(7)),
        (3, i32(8), key(112, "0-0:19.10.1.255", 10), i32(8)),
        (6, u32(300), key(71, limiter, 6), u32(300)),
        (7, u32(6900), key(71, limiter, 4), u32(6900)),
        (8, u32(30), key(71, limiter, 7), u32(30)),
        (9, i32(200000), key(111, account, 16), i32(200000)),
        (12, b"\x12\x00\x1e", key(111, account, 18), b"\x12\x00\x1e"),
        (13, i32(3600), key(111, account, 19), i32(3600)),
        (22, i32(-500000), key(21, "0-0:16.0.1.255", 2), b"\x01\x01" + i32(-500000)),
    ):
        obis = nine + str(number)
        check_activation(tree, key(9000, obis, 4), value, key(9000, obis, 6), active, becomes)
        assert tree.get(key(9000, obis, 2), b"", access())[1] == value
    for number, name in ((29, "11.0.0"), (30, "11.0.1"), (31, "11.0.2"), (35, "11.0.3")):
        passive, active = key(11, "0-1:" + name + ".255", 2), key(11, "0-0:" + name + ".255", 2)
        check_activation(tree, passive, day, key(9000, nine + str(number), 6), active, day)
    for number, name in ((26, "12.0.2"), (28, "12.0.1")):
        passive, active = key(10, "0-1:" + name + ".255", 2), key(10, "0-0:" + name + ".255", 2)
        check_activation(tree, passive, entry, key(9000, nine + str(number), 6), active, entry)
    for number in range(11, 19):
        passive, active = key(21, "0-0:16.1.%d.255" % number, 2), key(21, "0-0:16.0.%d.255" % number, 2)
        value = b"\x01\x01" + u32(number)
        check_activation(tree, passive, value, key(9000, "0-0:63.1.1.255", 6), active, value)
    season = b"\x01\x01\x02\x03\x09\x01s\x09\x0c" + from_seconds(NOW_S) + b"\x09\x01\x02"
    for calendar in ("0-0:13.0.0.255", "0-0:13.0.1.255"):
        check_activation(
            tree, key(20, calendar, 7), season, key(20, calendar, 10), key(20, calendar, 3), season
        )
    price = b"\x02\x03\x02\x02\x0f\x00\x0f\xfb\x02\x03\x12\x00\x00\x09\x06" + bytes(6)
    price += b"\x0f\x00\x01\x01\x02\x02\x09\x00\x10\x4e\x20"
    for charge in ("0-0:19.20.0.255", "0-0:19.20.4.255", "0-0:19.20.5.255"):
        check_activation(tree, key(113, charge, 6), price, key(113, charge, 7), key(113, charge, 5), price)


def test_the_next_account_becomes_the_active_one_with_its_status_active():
    meter = Meter()
    tree = tree_of(hooks=meter)
    configuration = b"\x01\x01\x02\x03\x09\x06\x00\x00\x13\x0a\x00\xff\x09\x06\x00\x00\x13\x14\x01\xff\x04\x03\x60"
    when = key(111, "0-1:19.0.0.255", 13)
    assert tree.set(key(111, "0-1:19.0.0.255", 2), b"\x02\x02\x16\x02\x16\x01", access()) == SUCCESS
    assert tree.set(key(111, "0-1:19.0.0.255", 11), configuration, access()) == SUCCESS
    assert tree.activate(when)
    assert tree.get(key(111, "0-0:19.0.0.255", 2), b"", access())[1] == b"\x02\x02\x16\x02\x16\x02"
    assert tree.get(key(111, "0-0:19.0.0.255", 11), b"", access())[1] == configuration
    assert meter.asked == [("activated", when)]
    assert not tree.activate(BALANCE)
    assert not tree.activate(key(1, "9-9:9.9.9.9", 6))


def test_supply_scripts_move_the_disconnect_control():
    meter = Meter()
    tree = tree_of(hooks=meter)
    assert tree.get(CONTROL, b"", access())[1] == b"\x16\x01"
    # Armed is for a supply that is off.
    assert tree.invoke(SUPPLY_SCRIPT, script(54), access()) == (SUCCESS, NULL)
    assert tree.get(CONTROL, b"", access())[1] == b"\x16\x01"
    for number, state, output in ((52, 0, b"\x00"), (54, 2, b"\x00"), (51, 1, b"\xff")):
        assert tree.invoke(SUPPLY_SCRIPT, script(number), access()) == (SUCCESS, NULL)
        assert tree.get(CONTROL, b"", access())[1] == bytes((0x16, state))
        assert tree.get(OUTPUT, b"", access())[1] == b"\x03" + output
    assert meter.asked == [("supply", 0), ("supply", 2), ("supply", 1)]
    assert tree.invoke(SUPPLY_SCRIPT, script(53), access()) == (OTHER_REASON, NULL)
    assert tree.invoke(SUPPLY_SCRIPT, NOUGHT, access()) == (TYPE_UNMATCHED, NULL)
    meter.result = OTHER_REASON
    assert tree.invoke(SUPPLY_SCRIPT, script(52), access()) == (OTHER_REASON, NULL)
    assert tree.get(CONTROL, b"", access())[1] == b"\x16\x01"


def test_script_99_resets_the_block_counters_and_leaves_the_registers():
    tree = tree_of()
    blocks = key(1, "0-0:94.44.34.2", 2)
    tree.poke(blocks, b"\x02\x01\x01\x40" + b"".join([u32(n + 1) for n in range(64)]))
    assert tree.invoke(key(9, "0-0:10.0.100.255", 1), script(99), access()) == (SUCCESS, NULL)
    left = b"".join([u32(0 if n % 16 >= 8 else n + 1) for n in range(64)])
    assert tree.peek(blocks) == b"\x02\x01\x01\x40" + left


def test_other_scripts_ask_the_meter():
    meter = Meter()
    tree = tree_of(hooks=meter)
    tree.invoke(key(9, "0-0:10.0.100.255", 1), script(7), access())
    tree.invoke(key(9, "0-0:10.0.103.255", 1), script(0x1564), access())
    tree.invoke(key(9, "0-0:10.0.107.255", 1), script(0x2332), access())
    assert meter.asked == [
        ("tariff", 7),
        ("auxiliary", parse("0-0:10.0.103.255"), 0x1564),
        ("auxiliary", parse("0-0:10.0.107.255"), 0x2332),
    ]


def test_balances_are_adjusted_set_and_read_alike_alone_and_together():
    tree = tree_of()
    assert tree.invoke(key(112, "0-0:19.10.0.255", 1), i32(1200000), access()) == (SUCCESS, NULL)
    assert tree.invoke(key(112, "0-0:19.10.0.255", 1), i32(-200000), access()) == (SUCCESS, NULL)
    for number, owed in ((1, 30000), (2, 15000), (3, 50000)):
        assert tree.invoke(key(113, "0-0:19.20.%d.255" % number, 4), i32(owed), access()) == (SUCCESS, NULL)
    assert tree.invoke(key(112, "0-0:19.10.2.255", 2), i32(-3), access()) == (SUCCESS, NULL)
    together = b"".join([i32(n) for n in (1000000, 0, -3, 30000, 15000, 50000)])
    assert tree.get(BALANCES, b"", access())[1] == b"\x02\x06" + together
    assert tree.get(BALANCE, b"", access())[1] == i32(1000000)
    tree.poke(BALANCES, b"\x02\x06" + b"".join([i32(n) for n in (1, 2, 3, 4, 5, 6)]))
    assert tree.get(BALANCE, b"", access())[1] == i32(1)
    assert tree.peek(key(113, "0-0:19.20.3.255", 12)) == i32(6)
    assert tree.invoke(key(113, "0-0:19.20.1.255", 5), i32(77), access()) == (SUCCESS, NULL)
    assert tree.peek(BALANCES)[17:22] == i32(77)


def test_an_amount_that_does_not_fit_is_refused_and_changes_nothing():
    tree = tree_of()
    tree.poke(BALANCE, i32(0x7FFFFFFF))
    assert tree.invoke(key(112, "0-0:19.10.0.255", 1), i32(1), access()) == (OTHER_REASON, NULL)
    assert tree.peek(BALANCE) == i32(0x7FFFFFFF)


def test_emergency_credit_is_invoked_once_selectable_and_refused_when_exhausted():
    tree = tree_of()
    invoke, status = key(112, "0-0:19.10.1.255", 3), key(112, "0-0:19.10.1.255", 8)
    for before, result, after in ((0, OTHER_REASON, 0), (1, SUCCESS, 2), (2, SUCCESS, 2), (3, SUCCESS, 3), (4, 250, 4)):
        tree.poke(status, bytes((0x16, before)))
        assert tree.invoke(invoke, NOUGHT, access()) == (result, NULL)
        assert tree.peek(status) == bytes((0x16, after))


def test_a_passive_charge_is_activated_by_its_method():
    tree = tree_of()
    charge = b"\x02\x03\x02\x02\x0f\x00\x0f\xff\x02\x03\x12\x00\x00\x09\x06" + bytes(6)
    charge += b"\x0f\x00\x01\x01\x02\x02\x09\x00\x10\x00\x03"
    assert tree.set(key(113, "0-0:19.20.1.255", 6), charge, access()) == SUCCESS
    assert tree.invoke(key(113, "0-0:19.20.1.255", 2), NOUGHT, access()) == (SUCCESS, NULL)
    assert tree.get(key(113, "0-0:19.20.1.255", 5), b"", access())[1] == charge


def test_registers_are_reset_and_the_time_of_it_is_kept():
    tree = tree_of()
    demand, counter = key(4, "1-0:1.6.1.255", 2), key(3, "0-0:94.44.42.255", 2)
    tree.poke(demand, u32(12122))
    tree.poke(counter, u32(30))
    assert tree.invoke(key(4, "1-0:1.6.1.255", 1), NOUGHT, access()) == (SUCCESS, NULL)
    assert tree.invoke(key(3, "0-0:94.44.42.255", 1), NOUGHT, access()) == (SUCCESS, NULL)
    now = octets(from_seconds(NOW_S))
    assert tree.peek(demand) == u32(0) and tree.peek(counter) == u32(0)
    assert tree.peek(key(4, "1-0:1.6.1.255", 5)) == now
    assert tree.peek(key(1, "0-0:94.44.5.0", 2)) == now
    assert tree.peek(key(1, "0-0:94.44.5.1", 2)) != now


def test_a_token_of_twenty_digits_reaches_the_meter():
    meter = Meter()
    tree = tree_of(hooks=meter)
    enter = key(115, "0-0:19.40.0.255", 1)
    assert tree.invoke(enter, octets(b"73948959061972833313"), access()) == (SUCCESS, NULL)
    assert tree.invoke(enter, octets(b"7394895906197283331"), access()) == (TYPE_UNMATCHED, NULL)
    assert meter.asked == [("top up", b"73948959061972833313")]


def test_the_clock_is_adjusted_within_a_window_that_serves_once():
    meter = Meter()
    tree = tree_of(hooks=meter)
    preset, adjust = key(8, "0-0:1.0.0.255", 5), key(8, "0-0:1.0.0.255", 4)
    start, end = octets(from_seconds(NOW_S - 10)), octets(from_seconds(NOW_S + 10))
    assert tree.invoke(adjust, NOUGHT, access()) == (OTHER_REASON, NULL)
    assert tree.invoke(preset, b"\x02\x03" + octets(CANCEL) + end + start, access()) == (OTHER_REASON, NULL)
    assert tree.invoke(preset, b"\x02\x03" + start + start + end, access()) == (OTHER_REASON, NULL)
    assert tree.invoke(preset, b"\x02\x03" + octets(CANCEL) + octets(b"\x07\xdf" + bytes(10)) + end, access())[0] == 12
    assert tree.invoke(preset, b"\x02\x03" + octets(CANCEL) + start + end, access()) == (SUCCESS, NULL)
    assert tree.invoke(adjust, NOUGHT, access()) == (SUCCESS, NULL)
    assert tree.invoke(adjust, NOUGHT, access()) == (OTHER_REASON, NULL)
    assert meter.asked == [("set time", NOW_S - 10, NOW_S + 10)]
    assert tree.get(key(8, "0-0:1.0.0.255", 2), b"", access()) == (SUCCESS, octets(from_seconds(NOW_S)))
    assert tree.get(key(8, "0-0:1.0.0.255", 4), b"", access()) == (SUCCESS, b"\x11\x02")


def test_a_tree_without_a_meter_refuses_rather_than_pretends():
    tree = tree_of(hooks=Hooks())
    assert tree.set(key(20, "0-0:13.0.0.255", 10), octets(NOW), access()) == OTHER_REASON
    assert tree.invoke(key(115, "0-0:19.40.0.255", 1), octets(b"7" * 20), access()) == (OTHER_REASON, NULL)
    assert tree.invoke(key(9, "0-0:10.0.103.255", 1), script(1), access()) == (OTHER_REASON, NULL)
    assert tree.invoke(key(9, "0-0:10.0.100.255", 1), script(1), access()) == (OTHER_REASON, NULL)


# ---- protected reads

PROTECTED = key(30, "0-0:43.2.2.255", 1)
REGISTERS = key(7, "0-0:98.1.0.255", 2)
PREPAYMENT = key(7, "0-0:98.1.1.255", 2)
KEY_INFO = b"\x09\x00\x02\x02\x16\x02\x02\x02\x09\x01\x02\x09\x00"


def parameters(counter, originator, recipient):
    head = b"\x01\x01\x02\x02\x16\x02\x02\x05\x09\x09\x04" + counter
    return head + octets(originator) + octets(recipient) + KEY_INFO


def element(attribute, low=None, high=None):
    head = b"\x02\x05\x12" + attribute[:2] + octets(attribute[2:8]) + b"\x0f" + attribute[8:]
    head += b"\x12\x00\x00\x02\x02\x16"
    return head + (b"\x00\x00" if low is None else b"\x01\x02\x02" + octets(low) + octets(high))


def argument(elements, end=parameters(COUNTER, READER, DEVICE)):
    return b"\x02\x02\x01" + bytes((len(elements),)) + b"".join(elements) + end


def balances_row(stamp):
    return stamp.to_bytes(4, "big") + bytes(24)


def test_a_protected_read_gives_what_is_asked_for_in_order_sealed_for_its_reader():
    tree = tree_of()
    for day in range(3):
        tree.append(parse("0-0:98.1.1.255"), balances_row(NOW_S + 86400 * day))
    start, end = from_seconds(NOW_S + 86400), from_seconds(NOW_S + 86400)
    asked = argument([element(PREPAYMENT, start, end), element(REGISTERS)])
    result, data = tree.invoke(PROTECTED, asked, access())
    one = b"\x13\x02\x07\x06\x05\x05\x05\x05\x05\x05\x1c" + balances_row(NOW_S + 86400)
    plain = b"\x02\x02" + one + tree.peek(REGISTERS)
    sealed = b"\x31\x00\x00\x00\x00" + plain
    assert result == SUCCESS
    assert data == b"\x02\x02" + parameters(COUNTER, DEVICE, SUPPLIER) + b"\x09" + bytes((len(sealed),)) + sealed


def test_wild_cards_leave_a_protected_range_open():
    tree = tree_of()
    for day in range(3):
        tree.append(parse("0-0:98.1.1.255"), balances_row(NOW_S + 86400 * day))
    asked = argument([element(PREPAYMENT, CANCEL, CANCEL)])
    assert tree.invoke(PROTECTED, asked, access())[1][-84:-80] == NOW_S.to_bytes(4, "big")


def test_a_protected_read_for_another_reader_device_or_counter_is_out_of_scope():
    tree = tree_of()
    for end in (
        parameters(bytes(8), READER, DEVICE),
        parameters(COUNTER, SUPPLIER, DEVICE),
        parameters(COUNTER, READER, SUPPLIER),
    ):
        asked = argument([element(REGISTERS)], end)
        assert tree.invoke(PROTECTED, asked, access()) == (SCOPE_OF_ACCESS_VIOLATED, NULL)


def test_a_protected_read_reaches_only_what_its_object_offers():
    tree = tree_of()
    for other in (BALANCES, MESSAGE, key(7, "0-0:98.1.9.255", 2), key(7, "0-0:98.1.0.255", 7)):
        assert tree.invoke(PROTECTED, argument([element(other)]), access()) == (SCOPE_OF_ACCESS_VIOLATED, NULL)


def test_a_range_of_what_is_no_buffer_is_denied():
    tree = tree_of()
    asked = argument([element(BALANCES, CANCEL, CANCEL)])
    assert tree.invoke(key(30, "0-0:43.2.1.255", 1), asked, access()) == (READ_WRITE_DENIED, NULL)


def test_without_a_key_nothing_is_told():
    asked = argument([element(REGISTERS)])
    assert tree_of().invoke(PROTECTED, asked, access(lambda plaintext: None)) == (OTHER_REASON, NULL)


def test_every_truncation_of_a_protected_request_is_type_unmatched():
    tree = tree_of()
    asked = argument([element(REGISTERS), element(PREPAYMENT, from_seconds(NOW_S), from_seconds(NOW_S))])
    assert tree.invoke(PROTECTED, asked, access())[0] == SUCCESS
    for end in range(len(asked)):
        assert tree.invoke(PROTECTED, asked[:end], access()) == (TYPE_UNMATCHED, NULL)
    assert tree.invoke(PROTECTED, asked + b"\x00", access()) == (TYPE_UNMATCHED, NULL)
    bad = argument([element(PREPAYMENT, b"\x07\xdf\x0d" + bytes(9), CANCEL)])
    assert tree.invoke(PROTECTED, bad, access()) == (TYPE_UNMATCHED, NULL)


# ---- state

def test_only_what_differs_from_the_factory_is_stored_and_comes_back():
    store = VirtualStore()
    records = Records(store)
    tree = Tree(OBJECTS, SINGLE, records, Meter())
    factory = tree.peek(MESSAGE)
    assert tree.set(MESSAGE, octets(b"hello"), access()) == SUCCESS
    records.commit()
    again = Tree(OBJECTS, SINGLE, Records(store), Meter())
    assert again.get(MESSAGE, b"", access())[1] == octets(b"hello")
    assert tree.set(MESSAGE, factory, access()) == SUCCESS
    records.commit()
    assert store.names() == []


def test_a_rolled_back_command_is_forgotten_by_the_tree_too():
    records = Records(VirtualStore())
    tree = Tree(OBJECTS, SINGLE, records, Meter())
    before = tree.peek(MESSAGE)
    tree.append(parse("0-0:99.98.1.255"), bytes(6))
    records.commit()
    tree.set(MESSAGE, octets(b"hello"), access())
    tree.append(parse("0-0:99.98.1.255"), b"\x00\x00\x00\x01\x8f\x0c")
    records.rollback()
    tree.reload()
    assert tree.peek(MESSAGE) == before
    assert tree.rows(parse("0-0:99.98.1.255")) == [bytes(6)]


def test_the_bench_places_any_value_of_the_right_type_and_no_other():
    tree = tree_of()
    register = key(3, "1-0:2.8.0.255", 2)
    tree.poke(register, u32(10))
    assert tree.get(register, b"", access())[1] == u32(10)
    for name, data in ((register, b"\x12\x00\x01"), (register, u32(1) + NULL), (key(1, "9-9:9.9.9.9", 2), NULL)):
        try:
            tree.poke(name, data)
        except DecodeError:
            continue
        raise AssertionError("it took %s" % data.hex())


def test_entries_name_every_attribute_and_method():
    entries = tree_of().entries()
    names = {}
    for name, title, method in entries:
        names[name] = (title, method)
    assert names[MESSAGE] == ("Supplier message", False)
    assert names[PROTECTED][1]
    assert [entry[0] for entry in entries] == sorted([entry[0] for entry in entries])


def test_a_record_that_does_not_fit_says_that_the_store_is_damaged():
    for name, value in (
        ("a" + MESSAGE.hex(), b"\x12\x00\x01"),
        ("p0000636201ff.000000", b"\x00" + bytes(7)),
        ("p0000636201ff.000000", b"\x07" + bytes(6)),
        ("p0000636201ff.000000", b"\x00"),
        ("p0000636200ff.000000", b"\x00" + bytes(6) + b"\x05ab"),
        ("p0000636201ff.xyz", b"\x00" + bytes(6)),
    ):
        store = VirtualStore()
        store.commit([(name, value)])
        try:
            tree_of(store=store)
        except HalError as error:
            assert error.kind == STORE_DAMAGED
            continue
        raise AssertionError("it took %s" % name)
