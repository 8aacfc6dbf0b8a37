"""What counts as dead, and the ambient signal."""

from slotmeter.dlms.cosem.hooks import Hooks
from slotmeter.dlms.cosem.tree import SINGLE, Tree
from slotmeter.firmware.mains import AMBIENT_THRESHOLDS, HIGH, LOW, MEDIUM, PowerStatus, is_dead
from slotmeter.firmware.objects import OBJECTS
from slotmeter.hal.records import Records
from slotmeter.hal.virtual.store import VirtualStore


def test_a_meter_is_dead_when_all_its_phases_are():
    assert is_dead((0,))
    assert is_dead((114, 0, 0))
    assert not is_dead((115, 0, 0))


def test_the_import_is_low_medium_or_high_by_the_two_thresholds():
    tree = Tree(OBJECTS, SINGLE, Records(VirtualStore()), Hooks())
    status = PowerStatus(tree)
    tree.put(AMBIENT_THRESHOLDS, b"\x01\x02\x06\x00\x00\x03\xe8\x06\x00\x00\x07\xd0")
    status.load()
    levels = [status.level(watts) for watts in (0, 1000, 1001, 2000, 2001, 20000)]
    assert levels == [LOW, LOW, MEDIUM, MEDIUM, HIGH, HIGH]
