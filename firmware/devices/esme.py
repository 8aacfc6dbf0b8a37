"""The electricity meter (ESME) as a composition: object tree and use cases of an ESME around the engine of `Meter`."""

from slotmeter.firmware.meter import Meter
from slotmeter.firmware.objects import OBJECTS
from slotmeter.firmware.usecases import USE_CASES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slotmeter.firmware.settings import Settings
    from slotmeter.hal import Hal


def build(hal: "Hal", settings: "Settings") -> Meter:
    """The meter that `hal.store` holds, of the variant in `settings`; HalError when it holds none or another."""
    return Meter(hal, settings, OBJECTS, USE_CASES)
