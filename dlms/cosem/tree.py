"""The objects of a meter: get, set and action on attributes and methods that are named by nine octets.

Every attribute's value is kept as its A-XDR octets, so that a read is one look-up and copies nothing. What differs
from the factory's value is in the records, "a" and the nine octets in hex; rows of profiles are in their own
(slotmeter.dlms.cosem.buffers). A value is checked against its type when it is written, never when it is read.

Refusals are results: object-undefined for a name that this meter does not have, read-write-denied for a write to
what is only read (or the reverse), type-unmatched for another type, size or shape, other-reason for a number out of
range. Source: IEC 62056-6-2 for the classes, the GBCS mapping table for which of them a meter has.
"""

from slotmeter.dlms.apdu import OBJECT_UNDEFINED, OTHER_REASON, READ_WRITE_DENIED, SUCCESS, TYPE_UNMATCHED
from slotmeter.dlms.axdr import decode_whole
from slotmeter.dlms.cosem import accounts, clock, protection, registers, scripts
from slotmeter.dlms.cosem.buffers import Buffer, RowType, row_types, selected_range
from slotmeter.dlms.cosem.links import ELEMENT, MEMBER, PROTECTS, follow
from slotmeter.dlms.errors import DecodeError
from slotmeter.dlms.octets import get_int
from slotmeter.dlms.schema import ANY, check_whole
from slotmeter.hal.errors import STORE_DAMAGED, HalError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from slotmeter.dlms.cosem.access import Access
    from slotmeter.dlms.cosem.hooks import Hooks
    from slotmeter.hal.records import Records

SINGLE = 1
TWIN = 2
POLYPHASE = 4

# Flags of an attribute.
READABLE = 1
WRITABLE = 2
ACTIVATION = 4
BUFFER = 8
DYNAMIC = 16

NULL = b"\x00"

# Class and method.
_METHODS = {
    b"\x00\x03\x01": registers.reset_register,
    b"\x00\x04\x01": registers.reset_extended_register,
    b"\x00\x07\x01": registers.reset_profile,
    b"\x00\x08\x04": clock.adjust_to_preset_time,
    b"\x00\x08\x05": clock.preset_adjusting_time,
    b"\x00\x09\x01": scripts.execute,
    b"\x00\x1e\x01": protection.get_protected_attributes,
    b"\x00\x70\x01": accounts.update_amount,
    b"\x00\x70\x02": accounts.set_amount_to_value,
    b"\x00\x70\x03": accounts.invoke_credit,
    b"\x00\x71\x02": accounts.activate_passive_unit_charge,
    b"\x00\x71\x04": accounts.update_total_amount_remaining,
    b"\x00\x71\x05": accounts.set_total_amount_remaining,
    b"\x00\x73\x01": accounts.enter,
}
_ENTRIES_IN_USE = 7
_PROFILE_ENTRIES = 8


def _number(data: bytes) -> int:
    """The integer that `data` is the A-XDR of; signed are double-long, integer and long."""
    return get_int(data[1:]) if data[0] in (5, 15, 16) else int.from_bytes(data[1:], "big")


def _is_caught_up(data: bytes) -> bool:
    """Whether every entry of a schedule is to be caught up whenever power comes back: a validity window of FFFF, the
    only one that GBCS has (mapping table: ECS08a, ECS37, ECS46d).
    """
    return all([row[5][1] == 0xFFFF for _, row in decode_whole(data)[1]])


# What a class asks of a value beyond its type, by class and attribute.
_CHECKS = {b"\x00\x0a\x02": _is_caught_up}


class Tree:
    """The object tree of one meter.

    objects: (schemas, rows, links, limits) as firmware.objects.OBJECTS; variant: SINGLE, TWIN or POLYPHASE.
    HalError (store damaged) when a record does not fit its attribute or profile.
    """

    def __init__(self, objects: "tuple[Any, ...]", variant: int, records: "Records", hooks: "Hooks") -> None:
        schemas, rows, links, limits = objects
        self._schemas = schemas
        self._rows = rows
        self.variant = variant
        self.hooks = hooks
        self._records = records
        # What get answers without a question, and what is stored but not read.
        self._readable: dict[bytes, bytes] = {}
        self._hidden: dict[bytes, bytes] = {}
        # As in the rows: number, schema, flags, factory value; and of a method, number and schema.
        self._attributes: dict[bytes, tuple[int, int, int, bytes]] = {}
        self._methods: dict[bytes, tuple[int, int]] = {}
        self._buffers: dict[bytes, Buffer] = {}
        # As in the links: trigger, operation, source, target, index.
        self._links: dict[bytes, list[tuple[bytes, int, bytes, bytes, int]]] = {}
        # Those that have MEMBER or ELEMENT among their links.
        self._mirrored: set[bytes] = set()
        self._protected: dict[bytes, list[bytes]] = {}
        self._limits: dict[bytes, tuple[int, int]] = {}
        self._touched: set[bytes] = set()
        # While it is a set: the names of the records behind the values that were asked for.
        self.noted: set[str] | None = None
        # What preset_adjusting_time has prepared; it does not outlive a power cut.
        self.time_window: tuple[int, int] | None = None
        kinds: dict[int, list[RowType]] = {}
        for class_id, obis, _, variants, attributes, methods in rows:
            if not variants & variant:
                continue
            head = class_id.to_bytes(2, "big") + obis
            for attribute in attributes:
                key = head + bytes((attribute[0],))
                if attribute[2] & BUFFER:
                    number = attribute[1]
                    if number not in kinds:
                        kinds[number] = row_types(schemas[number])
                    self._buffers[key] = Buffer(obis, kinds[number], attribute[3], records)
                    continue
                self._attributes[key] = attribute
                self._place(key, attribute[3])
            for method in methods:
                self._methods[head + bytes((method[0],))] = method
        for link in links:
            trigger = link[0]
            if link[1] == PROTECTS:
                self._protected.setdefault(trigger, []).append(link[3])
            elif link[3] in self._attributes:
                self._links.setdefault(trigger, []).append(link)
                if link[1] in (MEMBER, ELEMENT):
                    self._mirrored.add(trigger)
        for key, low, high in limits:
            self._limits[key] = (low, high)
        for key in self._attributes:
            value = records.get("a" + key.hex())
            if value is not None:
                try:
                    check_whole(schemas[self._attributes[key][1]], value)
                except DecodeError as error:
                    raise HalError(STORE_DAMAGED, "record a%s: %s" % (key.hex(), error)) from error
                self._place(key, value)

    # ---- what a command does

    def get(self, key: bytes, selection: bytes, access: "Access") -> "tuple[int, bytes]":
        """(result, value as A-XDR); `selection` is b"" or a selector octet and its A-XDR."""
        if not selection:
            value = self._readable.get(key)
            if value is not None:
                return SUCCESS, value
        return self._get_other(key, selection, access)

    def _get_other(self, key: bytes, selection: bytes, access: "Access | None") -> "tuple[int, bytes]":
        buffer = self._buffers.get(key)
        if buffer is not None:
            if not selection:
                return SUCCESS, buffer.everything()
            bounds = selected_range(selection)
            if bounds is None:
                return TYPE_UNMATCHED, NULL
            return SUCCESS, buffer.select(bounds[0], bounds[1])
        known = self._attributes.get(key)
        if known is not None:
            if selection or not known[2] & DYNAMIC:
                return READ_WRITE_DENIED, NULL
            value = self.hooks.read_clock(key[8], access)
            return (OTHER_REASON, NULL) if value is None else (SUCCESS, value)
        if not selection and self._name(key):
            if key[8] == 1:
                return SUCCESS, b"\x09\x06" + key[2:8]
            buffer = self._buffers.get(key[:8] + b"\x02")
            if buffer is not None and key[8] == _ENTRIES_IN_USE:
                return SUCCESS, b"\x06" + buffer.entries().to_bytes(4, "big")
            if buffer is not None and key[8] == _PROFILE_ENTRIES:
                return SUCCESS, b"\x06" + buffer.capacity.to_bytes(4, "big")
        return OBJECT_UNDEFINED, NULL

    def select(self, key: bytes, low: bytes, high: bytes) -> "tuple[int, bytes]":
        """(result, compact-array) of a buffer's rows from `low` to `high`, four octets of seconds each."""
        buffer = self._buffers.get(key)
        if buffer is None:
            return OBJECT_UNDEFINED if key not in self._attributes else READ_WRITE_DENIED, NULL
        return SUCCESS, buffer.select(low, high)

    def set(self, key: bytes, data: bytes, access: "Access") -> int:
        """Writes an attribute, and what follows from it; the result."""
        known = self._attributes.get(key)
        if known is None:
            if key in self._buffers or (key[8] == 1 and self._name(key)):
                return READ_WRITE_DENIED
            return OBJECT_UNDEFINED
        flags = known[2]
        if not flags & WRITABLE:
            return READ_WRITE_DENIED
        try:
            check_whole(self._schemas[known[1]], data)
        except DecodeError:
            return TYPE_UNMATCHED
        limit = self._limits.get(key)
        if limit is not None and not limit[0] <= _number(data) <= limit[1]:
            return OTHER_REASON
        check = _CHECKS.get(key[:2] + key[8:])
        if check is not None and not check(data):
            return OTHER_REASON
        if flags & ACTIVATION:
            result = self.hooks.schedule(key, data[2:], access)
            if result == SUCCESS:
                self.store(key, data)
            return result
        self.put(key, data)
        if key in self._links:
            follow(self, self._links[key], False, access.now_s)
        self.hooks.changed(key, access)
        return SUCCESS

    def invoke(self, key: bytes, data: bytes, access: "Access") -> "tuple[int, bytes]":
        """Runs a method; (result, returned data as A-XDR)."""
        method = self._methods.get(key)
        if method is None:
            return OBJECT_UNDEFINED, NULL
        schema = self._schemas[method[1]]
        if schema[0] != ANY:
            try:
                check_whole(schema, data)
            except DecodeError:
                return TYPE_UNMATCHED, NULL
        return _METHODS[key[:2] + key[8:]](self, key, data, access)

    def activate(self, key: bytes) -> bool:
        """Makes active what waits for activation attribute `key`; False when this meter has no such attribute."""
        known = self._attributes.get(key)
        if known is None or not known[2] & ACTIVATION:
            return False
        if key in self._links:
            follow(self, self._links[key], False, 0)
        self.hooks.activated(key)
        return True

    # ---- the bench's hand

    def peek(self, key: bytes) -> "bytes | None":
        """An attribute as A-XDR, past access rights; None when there is none, or the clock when nobody can tell."""
        value = self._readable.get(key)
        if value is None:
            value = self._hidden.get(key)
        if value is None:
            result, other = self._get_other(key, b"", None)
            value = other if result == SUCCESS else None
        return value

    def poke(self, key: bytes, data: bytes) -> None:
        """Places an attribute, past access rights and side effects; DecodeError when it does not fit.

        A profile's buffer takes a compact-array, or null or an array of nothing to clear it.
        """
        buffer = self._buffers.get(key)
        if buffer is not None:
            buffer.place(bytes(data))
            return
        known = self._attributes.get(key)
        if known is None:
            raise DecodeError("this meter has no attribute %s" % key.hex(), 0)
        check_whole(self._schemas[known[1]], data)
        if known[2] & DYNAMIC:
            self.hooks.place_clock(key[8], bytes(data))
        else:
            self.put(key, data)

    # ---- rows

    def append(self, obis: bytes, row: bytes) -> None:
        """Adds a row to profile `obis` (6 octets), as a compact-array holds it; EncodeError when it is none of its."""
        self._buffers[b"\x00\x07" + obis + b"\x02"].append(row)

    def clear(self, obis: bytes) -> None:
        """Empties profile `obis`."""
        self._buffers[b"\x00\x07" + obis + b"\x02"].clear()

    def rows(self, obis: bytes) -> "list[bytes]":
        """The rows of profile `obis`, oldest first, each as a compact-array holds it."""
        return self._buffers[b"\x00\x07" + obis + b"\x02"].rows()

    # ---- for the classes, and for the firmware's own changes

    def value(self, key: bytes) -> bytes:
        """The stored value of an attribute that this meter has."""
        if self.noted is not None:
            self.noted.add("a" + key.hex())
        value = self._readable.get(key)
        return self._hidden[key] if value is None else value

    def put(self, key: bytes, data: bytes) -> None:
        """Changes an attribute to a value of its type, and what is the same datum elsewhere."""
        self.store(key, data)
        if key in self._mirrored:
            follow(self, self._links[key], True, 0)

    def store(self, key: bytes, data: bytes) -> None:
        """Changes an attribute to a value of its type, and nothing else."""
        data = bytes(data)
        self._place(key, data)
        self._touched.add(key)
        name = "a" + key.hex()
        if data == self._attributes[key][3]:
            self._records.drop(name)
        else:
            self._records.put(name, data)

    def _place(self, key: bytes, data: bytes) -> None:
        flags = self._attributes[key][2]
        if flags & DYNAMIC:
            return
        if flags & READABLE:
            self._readable[key] = data
        else:
            self._hidden[key] = data

    def follow(self, key: bytes, now_s: int) -> None:
        """Runs what a method's links say."""
        if key in self._links:
            follow(self, self._links[key], False, now_s)

    def _name(self, key: bytes) -> str:
        """The name of the object that `key` is of; "" when this meter has none."""
        # Looked for: it is seldom asked, and a dictionary of names would cost a board some ten kilobytes.
        for class_id, obis, name, variants, _, _ in self._rows:
            if obis == key[2:8] and variants & self.variant and class_id.to_bytes(2, "big") == key[:2]:
                return name  # type: ignore[no-any-return]
        return ""

    def protected(self, key: bytes) -> "list[bytes]":
        """The attributes that a data protection object's method `key` may read."""
        return self._protected.get(key, [])

    def reload(self) -> None:
        """Takes every value from the records again, as after their rollback."""
        for key in self._touched:
            value = self._records.get("a" + key.hex())
            self._place(key, self._attributes[key][3] if value is None else value)
        self._touched = set()
        for buffer in self._buffers.values():  # portable: each is reloaded by itself
            if buffer.touched:
                buffer.load()
        self.time_window = None

    def entries(self) -> "list[tuple[bytes, str, bool]]":
        """(key, object name, whether it is a method) of everything this meter has, in order of key."""
        found = [(key, self._name(key), False) for key in self._attributes]
        found.extend([(key, self._name(key), False) for key in self._buffers])
        found.extend([(key, self._name(key), True) for key in self._methods])
        return sorted(found)
