"""What the meter's face asks of the rest of the meter, in one place.

The face knows nothing but these methods, the object tree and the guard of the privacy PIN: whatever answers them can
have a face. Money is millipence, times are seconds or milliseconds since 2000; nothing here raises for what a customer
does.
"""

from slotmeter.dlms.axdr import decode_whole
from slotmeter.firmware.auxiliary import (
    BOOST_ALREADY_ON,
    BOOST_NO_CONTROLLER,
    BOOST_NOT_AVAILABLE,
    BOOST_NOT_RUNNING,
    BOOST_RUNNING,
    BOOST_TOO_LONG,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from slotmeter.dlms.cosem.tree import Tree
    from slotmeter.firmware.account import Account
    from slotmeter.firmware.auxiliary import Auxiliary
    from slotmeter.firmware.supply import Supply
    from slotmeter.prepayment.topup import TopUp

_POWER = b"\x00\x01\x00\x00\x5e\x2c\x22\x14\x02"
_POWER_THRESHOLDS = b"\x00\x15\x00\x00\x10\x00\x00\xff\x02"
_BOOST_REFUSALS = (
    (BOOST_NOT_AVAILABLE, "No boost here"),
    (BOOST_NO_CONTROLLER, "No load to boost"),
    (BOOST_ALREADY_ON, "Already on"),
    (BOOST_RUNNING, "Boost is running"),
    (BOOST_NOT_RUNNING, "No boost is running"),
    (BOOST_TOO_LONG, "60 minutes at most"),
)


class Services:
    """The organs of one meter as its face sees them.

    now_ms: the time that the meter has reached; refresh: brings the object tree up to it (every organ's flush); keep:
    makes durable what the customer did, before the screen says that it is done.
    """

    def __init__(
        self,
        tree: "Tree",
        account: "Account",
        supply: "Supply",
        auxiliary: "Auxiliary",
        now_ms: "Callable[[], int]",
        refresh: "Callable[[], object]",
        keep: "Callable[[], object]",
    ) -> None:
        self._tree = tree
        self._account = account
        self._supply = supply
        self._auxiliary = auxiliary
        self.now_ms = now_ms
        self.refresh = refresh
        self._keep = keep
        # Opens the window in which a display is paired; None while the meter has no home area network.
        self.pair: "Callable[[], bool] | None" = None

    def _kept(self, done: bool) -> bool:
        self.refresh()
        self._keep()
        return done

    # ---- credit

    def is_prepayment(self) -> bool:
        """Whether the meter is in prepayment mode."""
        return self._account.is_prepayment()

    def available_credit(self) -> int:
        """Meter balance, and emergency credit once it is activated."""
        return self._account.available_credit()

    def debt_to_clear(self) -> int:
        """What must be paid before the next penny is credit."""
        return self._account.debt_to_clear()

    def low_credit(self) -> bool:
        """Whether credit is below the low credit threshold."""
        return self._account.ledger.low

    def emergency_credit_offered(self) -> bool:
        """Whether emergency credit may be activated now."""
        return self._account.ledger.offered

    def emergency_credit_selected(self) -> bool:
        """Whether emergency credit is activated."""
        return self._account.ledger.selected

    def non_disablement(self) -> bool:
        """Whether a non-disablement period keeps the supply on."""
        return self._account.non_disablement()

    def top_up(self, digits: str, now_s: int) -> "TopUp":
        """A token was typed, digits or not; it tells of it, accepted or refused, by itself."""
        return self._account.top_up(digits, None, now_s)

    def activate_emergency_credit(self, now_s: int) -> bool:
        """Whether emergency credit is active now; it tells of it by itself."""
        return self._account.activate_emergency_credit(now_s)

    # ---- home area network

    def pairing_available(self) -> bool:
        """Whether there is a network in which a display could be paired."""
        return self.pair is not None

    def pair_display(self) -> bool:
        """The customer wants to pair a display; whether one can be for a while now."""
        return self.pair is not None and self.pair()

    # ---- supply

    def supply_state(self) -> int:
        """Disabled (0), enabled (1) or armed (2)."""
        return self._supply.state()

    def enable_supply(self, now_s: int) -> bool:
        """The customer turns an armed supply on; whether it is on now."""
        return self._kept(self._supply.enable_locally(now_s))

    def power_status(self) -> "int | None":
        """Import power against its two thresholds: low (0), medium (1), high (2)."""
        power = self._tree.peek(_POWER)
        thresholds = self._tree.peek(_POWER_THRESHOLDS)
        if power is None or thresholds is None:
            return None
        watts = decode_whole(power)[1][0][1]
        level = 0
        for threshold in decode_whole(thresholds)[1]:
            if watts > threshold[1]:
                level += 1
        return level

    # ---- boost

    def boost_available(self) -> bool:
        """Whether there is a boost function, and a controller for it."""
        return self._auxiliary.boost_available()

    def boost_left_minutes(self) -> int:
        """Minutes until the running boost ends, begun ones whole; 0 when none is running."""
        return (self._auxiliary.boost_left_ms(self.now_ms()) + 59999) // 60000

    def boost_start(self, minutes: int, now_s: int) -> bool:
        """Whether a boost of every associated controller has begun."""
        return self._kept(self._auxiliary.boost_start((), minutes, now_s * 1000))

    def boost_extend(self, minutes: int, now_s: int) -> bool:
        """Whether the running boost lasts longer now."""
        return self._kept(self._auxiliary.boost_extend(minutes, now_s * 1000))

    def boost_cancel(self, now_s: int) -> bool:
        """Whether a running boost has ended."""
        return self._kept(self._auxiliary.boost_cancel(now_s * 1000))

    def boost_refusal(self) -> str:
        """Why the last of these three was refused, "" when it was not."""
        for reason, text in _BOOST_REFUSALS:
            if reason == self._auxiliary.boost_refusal:
                return text
        return ""
