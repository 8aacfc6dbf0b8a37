"""A board made of software alone: time stands still until told, memory forgets at the end, chance repeats itself."""

from slotmeter.firmware.devices import esme
from slotmeter.hal import Hal
from slotmeter.hal.board.certificates import BoardCertificates
from slotmeter.hal.board.crypto import BoardCrypto
from slotmeter.hal.virtual.clock import VirtualClock
from slotmeter.hal.virtual.entropy import SeededEntropy
from slotmeter.hal.virtual.store import VirtualStore
from slotmeter.hal.virtual.switch import VirtualSwitch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slotmeter.firmware.meter import Meter
    from slotmeter.firmware.settings import Settings
    from slotmeter.hal.store import Store


class VirtualBoard:
    """The virtual backends, with the portable cryptography: runs wherever Python does, boards included.

    start_ms: the time it begins at; seed: of its random octets; store: another store than a fresh one in memory, such
    as what a power cut left.
    """

    def __init__(self, start_ms: int = 0, seed: int = 0, store: "Store | None" = None) -> None:
        self.clock = VirtualClock(start_ms)
        self.store = VirtualStore() if store is None else store
        self.hal = Hal(
            self.clock, self.store, BoardCrypto(), SeededEntropy(seed), BoardCertificates(), VirtualSwitch()
        )

    def meter(self, settings: "Settings") -> "Meter":
        """The electricity meter that the store holds, switched on; HalError when it holds none."""
        meter = esme.build(self.hal, settings)
        meter.tick(self.clock.now_ms())
        return meter

    def advance(self, meter: "Meter", milliseconds: int) -> None:
        """Lets time pass, and has the meter do on the way what falls due, at its time."""
        end = self.clock.now_ms() + milliseconds
        deadline = meter.deadline_ms()
        while deadline is not None and deadline <= end:
            self.clock.set(max(deadline, self.clock.now_ms()))
            meter.tick(self.clock.now_ms())
            following = meter.deadline_ms()
            if following == deadline:
                break
            deadline = following
        self.clock.set(end)
        meter.tick(end)
