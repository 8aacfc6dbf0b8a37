"""What a meter needs of the world: one port per file, and three sets of backends that keep its promises."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slotmeter.hal.certificates import Certificates
    from slotmeter.hal.clock import Clock
    from slotmeter.hal.crypto import Crypto
    from slotmeter.hal.entropy import Entropy
    from slotmeter.hal.store import Store


class Hal:
    """One of each port. A board builds it; nothing below a board chooses a backend."""

    def __init__(
        self,
        clock: "Clock",
        store: "Store",
        crypto: "Crypto",
        entropy: "Entropy",
        certificates: "Certificates",
    ) -> None:
        self.clock = clock
        self.store = store
        self.crypto = crypto
        self.entropy = entropy
        self.certificates = certificates
