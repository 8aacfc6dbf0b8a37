"""What a meter needs of the world: one port per file, and three sets of backends that keep its promises."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slotmeter.hal.certificates import Certificates
    from slotmeter.hal.clock import Clock
    from slotmeter.hal.crypto import Crypto
    from slotmeter.hal.entropy import Entropy
    from slotmeter.hal.metrology import Metrology
    from slotmeter.hal.store import Store
    from slotmeter.hal.switch import Switch


class Hal:
    """One of each port. A board builds it; nothing below a board chooses a backend.

    switch, metrology: None where a device has no relays, or nothing to measure.
    """

    def __init__(
        self,
        clock: "Clock",
        store: "Store",
        crypto: "Crypto",
        entropy: "Entropy",
        certificates: "Certificates",
        switch: "Switch | None" = None,
        metrology: "Metrology | None" = None,
    ) -> None:
        self.clock = clock
        self.store = store
        self.crypto = crypto
        self.entropy = entropy
        self.certificates = certificates
        self.switch = switch
        self.metrology = metrology
