"""The radios that a device of the bench can have, by the names that options give: a real stick, or one on a shared air.

    --radio /dev/ttyUSB0 | socket://host:port      a ZigBee stick; it remembers its network by itself
    --air NAME                                     a radio on the air that the processes of this machine share

Both live in real time, which is `now_ms`.
"""

import select
import time
from typing import TYPE_CHECKING, BinaryIO

from slotmeter.boards.pc.errors import SlotmeterError

if TYPE_CHECKING:
    from slotmeter.hal.crypto import Crypto
    from slotmeter.hal.entropy import Entropy
    from slotmeter.hal.radio import Radio


def now_ms() -> int:
    """Milliseconds of a clock that never goes back."""
    return time.monotonic_ns() // 1000000


def wait(one: "OpenRadio", until_ms: int) -> None:
    """Waits until something may have come, or it is that time."""
    select.select([one.fileno()], [], [], max(0, until_ms - now_ms()) / 1000)


class Choice:
    """Which radio is wanted: `air` or `radio`; where the device is on that air; and a file for what is heard there."""

    def __init__(
        self,
        air: "str | None",
        radio: "str | None",
        at: "tuple[int, int]" = (0, 0),
        capture: "BinaryIO | None" = None,
    ) -> None:
        self.air = air
        self.radio = radio
        self.at = at
        self.capture = capture

    @property
    def name(self) -> str:
        """What tells it from others to whom who remembers it. A stick may be at another port next time."""
        return "stick" if self.air is None else "air %s" % self.air

    def open(self, eui64: bytes, crypto: "Crypto", entropy: "Entropy", saved: bytes) -> "OpenRadio":
        """Opens it with that EUI-64. saved: what a radio on the air gave as `save`. SlotmeterError, or HalError, says
        why it cannot be.
        """
        if self.air is not None:
            return _OnSharedAir(self, self.air, eui64, crypto, entropy, saved)
        if self.radio is None:
            raise SlotmeterError("no radio is named: --radio PORT for a stick, or --air NAME")
        return _OnStick(self.radio, eui64)


class OpenRadio:
    """An open radio, and what has to be moved for it: `run` before and after its device is moved."""

    radio: "Radio"

    def fileno(self) -> int:
        """Readable when something may have come."""
        raise NotImplementedError

    def run(self, time_ms: int) -> None:
        """What is beneath the radio does what is due."""
        raise NotImplementedError

    def deadline_ms(self) -> "int | None":
        """When `run` has something to do by itself."""
        raise NotImplementedError

    def network_key(self) -> bytes:
        """The network's key, b"" when it is not known here."""
        raise NotImplementedError

    def close(self) -> None:
        """Lets go of it. Closing twice is harmless."""
        raise NotImplementedError


class _OnStick(OpenRadio):
    def __init__(self, place: str, eui64: bytes) -> None:
        from slotmeter.hal.host.radio_ezsp import EzspRadio

        self._stick: EzspRadio = EzspRadio(place, eui64)
        self.radio = self._stick

    def fileno(self) -> int:
        return self._stick.fileno()

    def run(self, time_ms: int) -> None:
        """The stick's own thread does it."""

    def deadline_ms(self) -> "int | None":
        return None

    def network_key(self) -> bytes:
        return self._stick.network_key()

    def close(self) -> None:
        self._stick.close()


class _OnSharedAir(OpenRadio):
    def __init__(
        self, choice: Choice, name: str, eui64: bytes, crypto: "Crypto", entropy: "Entropy", saved: bytes
    ) -> None:
        from slotmeter.boards.pc.capture import Capture
        from slotmeter.boards.pc.shared_air import PATIENCE_MS, SharedAir
        from slotmeter.zigbee_han.sim.air import Dice
        from slotmeter.zigbee_han.sim.node import Node
        from slotmeter.zigbee_han.sim.radio import AirRadio

        seed = int.from_bytes(entropy.random(4), "big")
        self._air: SharedAir = SharedAir(name, seed)
        node = Node(eui64, crypto, Dice(seed + 1), PATIENCE_MS)
        self._air.attach(node, *choice.at)
        if choice.capture is not None:
            capture = Capture(choice.capture, int(time.time()) - now_ms() // 1000)
            self._air.tap = lambda octets, time_us, _channel: capture.add(octets, time_us)
        self.radio = AirRadio(node, saved)
        self._node = node

    def fileno(self) -> int:
        return self._air.fileno()

    def run(self, time_ms: int) -> None:
        self._air.run(time_ms)

    def deadline_ms(self) -> "int | None":
        return self._air.deadline_ms()

    def network_key(self) -> bytes:
        keys = dict(self._node.nwk.keys)
        return bytes(keys.get(self._node.nwk.active_key, b""))

    def close(self) -> None:
        self._air.close()
