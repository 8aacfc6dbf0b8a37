"""The other end of a bench: the remote parties, with their keys and their originator counters.

Counters rise from message to message, also from one run of a command to the next: they are milliseconds since 2000, or
one more than the last where that is higher, and are kept beside the keys. A top-up's counter is one of its own, whose
low 32 bits are zero.
"""

import fcntl
import json
import os
import time
from pathlib import Path
from typing import Any

from slotmeter.boards.pc import top_up_token
from slotmeter.boards.pc.cast import Cast, load_cast
from slotmeter.boards.pc.errors import SlotmeterError
from slotmeter.boards.pc.request_builder import Order, UseCase, build, sender
from slotmeter.boards.pc.running import data_home
from slotmeter.dlms.gbcs import roles
from slotmeter.hal.host.crypto import HostCrypto

# Milliseconds from 1970 to 2000.
_EPOCH_MS = 946684800000
_LIMIT = 2**64
_TOP_UP = "prepayment"


class Counters:
    """The last counter of each role, in a file that two commands at once may share."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def take(self, name: str) -> int:
        """The next counter of `name`, kept before it is used; SlotmeterError when its file cannot be used."""
        lock = self.path.with_suffix(".lock")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with open(lock, "a", encoding="utf-8") as held:
                fcntl.flock(held, fcntl.LOCK_EX)
                counters = self._read()
                counters[name] = value = self._next(name, counters.get(name, 0))
                fresh = self.path.with_suffix(".new")
                fresh.write_text(json.dumps(counters), encoding="utf-8")
                os.replace(fresh, self.path)
        except OSError as error:
            raise SlotmeterError(
                "cannot keep counters in %s (%s): give --counter, or --keys with a folder that can be written"
                % (self.path, error.strerror)
            ) from error
        return value

    def _read(self) -> "dict[str, int]":
        try:
            counters: Any = json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except ValueError:
            counters = None
        if not isinstance(counters, dict) or not all(
            type(value) is int and 0 <= value < _LIMIT for value in counters.values()
        ):
            raise SlotmeterError("%s does not hold counters: remove it, they start again from the time" % self.path)
        return counters

    def _next(self, name: str, last: int) -> int:
        now_ms = int(time.time() * 1000) - _EPOCH_MS
        if name == _TOP_UP:
            return top_up_token.next_counter(max(last, now_ms))
        return max(last + 1, now_ms)


class VolatileCounters:
    """Counters in memory that start at 1, the same in every run.

    All parties share one, so that whoever takes over a meter from another has a higher counter; top-ups have theirs.
    """

    def __init__(self) -> None:
        self._last = 0
        self._last_top_up = 0

    def take(self, name: str) -> int:
        """The next counter of `name`."""
        if name == _TOP_UP:
            self._last_top_up = top_up_token.next_counter(self._last_top_up)
            return self._last_top_up
        self._last += 1
        return self._last


class Requester:
    """Builds commands with the keys of a cast. keys: folder of a keystore, or rtds: folder of the RTDS."""

    def __init__(
        self,
        keys: "Path | None" = None,
        rtds: "Path | None" = None,
        cast: "Cast | None" = None,
        counters: "Counters | VolatileCounters | None" = None,
    ) -> None:
        if cast is None:
            folder = keys or data_home() / "keys"
            if rtds is None and not folder.is_dir():
                raise SlotmeterError(
                    "there are no keys in %s: slotmeter run makes them, or name a folder with --keys" % folder
                )
            cast = load_cast(folder) if rtds is None else load_cast(rtds, rtds=True)
        self.cast: Cast = cast
        self.crypto = HostCrypto()
        # The RTDS is read-only: its counters are with the bench's own files.
        self.counters = counters or Counters((data_home() if rtds is not None else cast.folder) / "counters.json")

    def token(self, amount: object, party: str = "supplier", counter: "int | None" = None, meter: bytes = b"") -> str:
        """The twenty digits of a top-up token by `party` with its key for top-ups.

        counter: instead of the next one; meter: EUI-64 of a meter that it is for, instead of the bench's own.
        """
        supplier = self.cast.named(party)
        z = self.cast.secret(supplier, prepayment=True)
        number = self.counters.take(_TOP_UP) if counter is None else counter
        meter = meter or self.cast.device.eui64
        return top_up_token.make(self.crypto, z, supplier.entity_id, meter, number, amount)

    def build(self, case: UseCase, order: Order, given: "dict[str, Any]", counter: "int | None" = None) -> bytes:
        """The protected message; `counter` instead of the next one."""
        role = roles.ACCESS_CONTROL_BROKER if order.urp else sender(case, order)
        name = _TOP_UP if case.name == "CS01a" else order.party or roles.NAMES[role]
        order.counter = self.counters.take(name) if counter is None else counter
        if order.urp:
            order.party_counter = self.counters.take(roles.NAMES[sender(case, order)])
        return build(case, order, given, self.cast, self.crypto)
