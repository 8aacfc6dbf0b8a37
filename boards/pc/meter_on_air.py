"""A meter's radio in real time, a stick or one on a shared air: it joins when a hub somewhere lets it in.

The bench's clock may stand still or run fast; the network cannot, it has others in it. So its time is the machine's.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from slotmeter.boards.pc import han_keys, radios
from slotmeter.boards.pc.errors import SlotmeterError
from slotmeter.boards.pc.meter_side import MeterSide
from slotmeter.boards.pc.network import Network
from slotmeter.boards.pc.network_words import words
from slotmeter.boards.pc.shelf import Kept, saved_radio
from slotmeter.hal.radio import Up
from slotmeter.zigbee_han import install_code, joiner
from slotmeter.zigbee_han.errors import DecodeError
from slotmeter.zigbee_han.station import Failed

if TYPE_CHECKING:
    from collections.abc import Callable

    from slotmeter.boards.pc.bench_clock import BenchClock
    from slotmeter.boards.pc.shelf import Shelf
    from slotmeter.firmware.meter import Meter
    from slotmeter.hal.crypto import Crypto
    from slotmeter.hal.entropy import Entropy
    from slotmeter.zigbee_han.agreement import Identity

_HOUR_S = 3600.0


class MeterOnAir(Network):
    """choice: which radio; folder: the keystore with the meter's HAN certificates, made when they are missing; shelf:
    what was kept; now_ms: gives the meter's time; told: called with a line for people when something happens;
    hears_time: called with what the hub says the time is, in seconds since 2000; takes: with each message
    for the meter; code: its install code with the CRC, None for the one that was kept, or a new one.
    """

    def __init__(
        self,
        choice: radios.Choice,
        folder: Path,
        shelf: "Shelf",
        meter: "Meter",
        crypto: "Crypto",
        entropy: "Entropy",
        now_ms: "Callable[[], int]",
        told: "Callable[[str], None]",
        hears_time: "Callable[[int], bool]",
        takes: "Callable[[bytes], None]",
        code: "bytes | None" = None,
    ) -> None:
        super().__init__(meter.eui64)
        han_keys.add(folder, entropy, [self.eui64])
        self._identities: list[Identity] = han_keys.identities(folder, self.eui64)
        self._choice = choice
        self._shelf = shelf
        self._crypto = crypto
        self._entropy = entropy
        self._now_ms = now_ms
        self._told = told
        self._hears_time = hears_time
        self._takes = takes
        self.code = code or shelf.get("han.code") or install_code.with_crc(entropy.random(16))
        self.join_key = install_code.link_key(crypto, self.code)
        self._radio: radios.OpenRadio | None = None
        self._side: MeterSide | None = None
        self._kept: Kept | None = None
        self._start(meter)

    def _start(self, meter: "Meter") -> None:
        """Opens the radio, and goes on where it was, or looks for a network."""
        shelf = self._shelf
        where = self._choice.name
        opened = self._choice.open(self.eui64, self._crypto, self._entropy, saved_radio(shelf, "han", where))
        side = MeterSide(opened.radio, meter, self._crypto, self._entropy, self._identities, self._now_ms)
        side.tells_time = self._hears_time
        side.tells_message = self._takes
        side.agreed = shelf.get("han.agreed") or b""
        kept = Kept("han", where, side.joiner, opened.radio, shelf)
        try:
            if kept.is_known():
                kept.load()
                self.resumed = bool(side.joiner.hub)
                side.joiner.resume(radios.now_ms())
            else:
                side.agreed = b""
                side.joiner.start(self.join_key, radios.now_ms())
        except DecodeError as error:
            opened.close()
            raise SlotmeterError(
                "what the store remembers of the home area network is damaged: %s; take another store" % error
            ) from error
        self._radio, self._side, self._kept = opened, side, kept
        # Before anybody is told its install code.
        self.keep()

    def known_keys(self) -> "list[tuple[str, bytes]]":
        """See Network."""
        known = [("install code", self.join_key)]
        if self._side is not None and self._side.agreed:
            known.append(("agreed", self._side.agreed))
        if self._radio is not None and self._radio.network_key():
            known.append(("network", self._radio.network_key()))
        return known

    def state(self) -> str:
        """See Network."""
        return "without power" if self._side is None else joiner.STATE_NAMES[self._side.joiner.state]

    def has(self, meter: "Meter | None") -> None:
        """See Network."""
        if meter is None:
            self.keep()
            self.close()
        elif self._side is not None:
            self._side.has(meter)
        else:
            self._start(meter)

    def carry(self) -> "list[bytes]":
        """See Network. No message reaches a hub here."""
        opened, side, kept = self._radio, self._side, self._kept
        if opened is None or side is None or kept is None:
            return []
        time_ms = radios.now_ms()
        opened.run(time_ms)
        side.joiner.tick(time_ms)
        side.settle()
        # What the meter said to what came leaves at once.
        side.joiner.tick(time_ms)
        opened.run(time_ms)
        fact = side.next_event()
        while fact is not None:
            kept.due = True
            text = words(fact, opened.radio.place() if isinstance(fact, Up) else None)
            if text:
                self._told(text + (side.next_try() if isinstance(fact, Failed) else ""))
            fact = side.next_event()
        self.keep(self._told)
        return []

    def wait_s(self, clock: "BenchClock") -> float:
        """See Network. Its time is the machine's."""
        opened, side = self._radio, self._side
        if opened is None or side is None:
            return _HOUR_S
        times = [opened.deadline_ms(), side.joiner.deadline_ms(), side.deadline_ms()]
        known = [time for time in times if time is not None]
        return max(0, min(known) - radios.now_ms()) / 1000 if known else _HOUR_S

    def filenos(self) -> "tuple[int, ...]":
        """See Network."""
        return () if self._radio is None else (self._radio.fileno(),)

    def keep(self, told: "Callable[[str], None] | None" = None) -> None:
        """See Network."""
        if self._kept is not None and self._side is not None:
            self._shelf.put("han.code", self.code)
            if self._side.agreed:
                self._shelf.put("han.agreed", self._side.agreed)
            self._kept.keep()
            self._shelf.commit(told)

    def keep_again(self) -> None:
        """See Network."""
        self._shelf.put_again()

    def close(self) -> None:
        """See Network."""
        if self._radio is not None:
            self._radio.close()
        self._radio = self._side = self._kept = None
