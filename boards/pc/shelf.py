"""Records of the network in the store of a bench, beside those of its meter: what a hub and the radios must remember.

    han.*    the meter's: install code, joiner, radio, where that is
    hub.*    the hub's: network key, hub, radio, where that is

Nothing that is put is durable before `commit`.
"""

from typing import TYPE_CHECKING

from slotmeter.hal.errors import HalError
from slotmeter.zigbee_han.sim.node import COUNTER_STEP
from slotmeter.zigbee_han.sim.radio import AirRadio

if TYPE_CHECKING:
    from collections.abc import Callable

    from slotmeter.hal.radio import Radio
    from slotmeter.hal.store import Store
    from slotmeter.zigbee_han.station import Station


class Shelf:
    """A few records of a `store`; nothing that was `put` is durable before `commit`."""

    def __init__(self, store: "Store") -> None:
        self._store = store
        self._values: dict[str, bytes | None] = {}
        self._changed: set[str] = set()
        self._refusal = ""

    def get(self, name: str) -> "bytes | None":
        """The record, or None."""
        if name not in self._values:
            self._values[name] = self._store.get(name)
        return self._values[name]

    def put(self, name: str, value: bytes) -> None:
        """Sets a record; the same octets as before change nothing."""
        if self.get(name) != value:
            self._values[name] = value
            self._changed.add(name)

    def commit(self, told: "Callable[[str], None] | None" = None) -> None:
        """Makes all of it durable, or raises HalError and leaves it pending. With `told` nothing is raised: that the
        store refuses is told, once for each reason.
        """
        refusal = ""
        try:
            if self._changed:
                self._store.commit([(name, self._values[name]) for name in sorted(self._changed)])
                self._changed.clear()
        except HalError as error:
            if told is None:
                raise
            refusal = error.detail
            if refusal != self._refusal:
                told("what the radio must remember is not stored: %s" % refusal)
        self._refusal = refusal

    def put_again(self) -> None:
        """The store was emptied: what was in it is put once more."""
        self._changed = {name for name, value in self._values.items() if value is not None}
        self.commit()


class Kept:
    """A station and its radio, as a shelf remembers them under `name`. A stick remembers its network by itself. where:
    what radio it is; what is known of another does not count.

    due: whether something happened that must be remembered.
    """

    def __init__(self, name: str, where: str, station: "Station", radio: "Radio", shelf: Shelf) -> None:
        self.station = station
        self.due = False
        self._air_radio = radio if isinstance(radio, AirRadio) else None
        self._name = name
        self._where = where.encode()
        self._shelf = shelf
        self._counter = 0

    def is_known(self) -> bool:
        """Whether all of it is on the shelf, from the same radio."""
        if self._shelf.get(self._name + ".where") != self._where:
            return False
        if self._air_radio is not None and self._shelf.get(self._name + ".radio") is None:
            return False
        return self._shelf.get(self._name + ".station") is not None

    def load(self) -> None:
        """Takes back what was kept. DecodeError when it is damaged."""
        self.station.load(self._shelf.get(self._name + ".station") or b"")

    def keep(self) -> None:
        """Puts it on the shelf when something changed that must be remembered, or the counters have come far."""
        one = self._air_radio
        counter = 0 if one is None else one.node.nwk.counter
        far = not self._counter <= counter < self._counter + COUNTER_STEP // 2
        if self.due or self.station.unsaved or far:
            self.due = False
            self._counter = counter
            self._shelf.put(self._name + ".where", self._where)
            self._shelf.put(self._name + ".station", self.station.save())
            if one is not None:
                self._shelf.put(self._name + ".radio", one.save())


def saved_radio(shelf: Shelf, name: str, where: str) -> bytes:
    """What a radio on the air is made with: what it saved, if that was there; else b""."""
    return (shelf.get(name + ".radio") or b"") if shelf.get(name + ".where") == where.encode() else b""
