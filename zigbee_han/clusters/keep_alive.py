"""Keep-Alive 0x0025: does the trust centre still answer? (Smart Energy 1.4.) The hub's server and the meter's watch.

The watch reads the two attributes, protected by the link key, every `base` minutes and a random part of `jitter`
seconds more, as the server says. Three times without an answer mean that the trust centre is lost; then it goes on
asking, says each time that it had no answer again, and when it is back.
"""

from slotmeter.zigbee_han import zcl
from slotmeter.zigbee_han.server import Answered, Cluster, Endpoint, Told

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

KEEP_ALIVE = 0x0025
BASE_MIN = 10
JITTER_S = 300
ANSWER_WITHIN_MS = 10000
FAILURES = 3


class KeepAlive(Cluster):
    """The server: base_min 1 to 254 minutes, jitter_s 0 to 512 seconds."""

    def __init__(self, base_min: int = BASE_MIN, jitter_s: int = JITTER_S) -> None:
        super().__init__(KEEP_ALIVE)
        self._shown = (base_min, jitter_s)

    def read(self, attribute: int) -> "Any":
        """See Cluster."""
        return self._shown[attribute] if attribute < 2 else None


class Lost:
    """The trust centre did not answer `failures` times: three, and more while it does not answer."""

    def __init__(self, failures: int) -> None:
        self.failures = failures

    def __repr__(self) -> str:
        return "Lost(%d times no answer)" % self.failures


class Back:
    """The trust centre answers again."""

    def __repr__(self) -> str:
        return "Back()"


class Watch:
    """Asks the trust centre `peer` through `endpoint`, whose Answered facts must be given to `heard`.

    `random`: a function that returns a number from 0 to its argument.
    """

    def __init__(
        self, endpoint: Endpoint, peer: bytes, remote: int, random: "Callable[[int], int]", now_ms: int
    ) -> None:
        self._endpoint = endpoint
        self._peer = peer
        self._remote = remote
        self._random = random
        self._base_min = BASE_MIN
        self._jitter_s = JITTER_S
        self._sequence = -1
        self._failures = 0
        self._events = []  # type: list[Any]
        self._at_ms = 0
        self._later(now_ms)

    def _later(self, now_ms: int) -> None:
        self._sequence = -1
        self._at_ms = now_ms + 60000 * self._base_min + 1000 * self._random(self._jitter_s)

    def heard(self, fact: "Any", now_ms: int) -> bool:
        """Whether `fact` is the answer that was awaited. Without the link key it is none."""
        if not isinstance(fact, (Answered, Told)) or fact.peer != self._peer or fact.cluster != KEEP_ALIVE:
            return False
        if fact.sequence != self._sequence or not fact.secured:
            return False
        # Who says that it does not know the cluster is there too.
        for which, status, kind, value in fact.records if isinstance(fact, Answered) else ():
            if status != zcl.SUCCESS or value is None:
                continue
            if which == 0 and kind == zcl.U8 and value:
                self._base_min = value
            elif which == 1 and kind == zcl.U16:
                self._jitter_s = value
        if self._failures >= FAILURES:
            self._events.append(Back())
        self._failures = 0
        self._later(now_ms)
        return True

    def ask(self, now_ms: int) -> None:
        """Asks at the next tick, before its time."""
        if self._sequence < 0:
            self._at_ms = now_ms

    def next_event(self) -> "Any":
        """Lost or Back, or None."""
        return self._events.pop(0) if self._events else None

    def deadline_ms(self) -> int:
        """When it asks next, or gives up waiting."""
        return self._at_ms

    def tick(self, now_ms: int) -> None:
        """It is that time."""
        if now_ms < self._at_ms:
            return
        if self._sequence < 0:
            self._sequence = self._endpoint.read(self._peer, self._remote, KEEP_ALIVE, [0, 1])
            self._at_ms = now_ms + ANSWER_WITHIN_MS
            return
        self._failures += 1
        if self._failures >= FAILURES:
            self._events.append(Lost(self._failures))
        self._later(now_ms)
