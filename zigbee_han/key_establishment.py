"""Certificate-based key establishment, cluster 0x0800 (Smart Energy, annex C): how two devices come to a link key.

    initiator (client)                                       responder (server)
    Initiate: suite, times, certificate             ->       checks the certificate
    checks the certificate                          <-       Initiate: suite, times, certificate
    Ephemeral data: its ephemeral public key        ->       checks the point
    checks the point, computes the secret           <-       Ephemeral data: its ephemeral public key
    Confirm: MACU                                   ->       computes the secret, checks MACU
    checks MACV: has the key                        <-       Confirm: MACV, and has the key

Either side may send Terminate instead, with a status, how many seconds to wait, and the suites it knows; it is never
answered. A side waits for the next message as long as its partner announced that it takes to compute it, and two
seconds more; nobody announces how long the answer to an Initiate takes, so that is our own setting.

    state       initiator waits for              responder waits for
    WAITING     the end of a back-off            -
    INITIATE    the Initiate response            -
    EPHEMERAL   the Ephemeral data response      the Ephemeral data request
    CONFIRM     the Confirm response             the Confirm request
    DONE        -                                a Confirm that is repeated because its answer was lost

What comes twice: a responder repeats its answer to the same request; an initiator ignores a response that it has had,
and one to an earlier exchange while it waits for its first. A new Initiate starts the exchange anew, because a device
that lost its power has forgotten the old one. Anything else that is not what the state waits for ends the exchange with
a Terminate; what belongs to no exchange is ignored, and counted, except a request, which gets a Terminate (bad
message), so that its sender need not wait. A bad Initiate is ignored while an exchange with its sender runs.

When two devices initiate at the same time, the one with the lower EUI-64 stays the initiator.

After a failure the same partner is not contacted before the seconds of the Terminate have passed: `start` waits for
that. An initiator that is told "unsupported suite" goes on with a lower one that both know, if there is one.

The messages here are the payloads of the cluster's commands. None of them is encrypted by APS.
"""

from slotmeter.zigbee_han import agreement, certificates
from slotmeter.zigbee_han.agreement import CurveWork, best
from slotmeter.zigbee_han.certificates import SUITES
from slotmeter.zigbee_han.errors import DecodeError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slotmeter.hal.crypto import Crypto
    from slotmeter.hal.entropy import Entropy
    from slotmeter.zigbee_han.agreement import Identity

CLUSTER = 0x0800

# Commands, with the same numbers in both directions.
INITIATE = 0
EPHEMERAL_DATA = 1
CONFIRM_KEY = 2
TERMINATE = 3
_NAMES = ("Initiate", "Ephemeral data", "Confirm key", "Terminate")

# Statuses of a Terminate, and with them reasons of a failure.
UNKNOWN_ISSUER = 1
BAD_KEY_CONFIRM = 2
BAD_MESSAGE = 3
NO_RESOURCES = 4
UNSUPPORTED_SUITE = 5
INVALID_CERTIFICATE = 6
# Reasons that are no status.
TIMED_OUT = 0x100
_REASONS = {
    UNKNOWN_ISSUER: "unknown issuer",
    BAD_KEY_CONFIRM: "bad key confirm",
    BAD_MESSAGE: "bad message",
    NO_RESOURCES: "no resources",
    UNSUPPORTED_SUITE: "unsupported suite",
    INVALID_CERTIFICATE: "invalid certificate",
    TIMED_OUT: "timed out",
}

_WAITING = 0
_INITIATE = 1
_EPHEMERAL = 2
_CONFIRM = 3
_DONE = 4

# What the worked examples of annex C announce, in seconds: to make ephemeral data, and to make a confirmation.
EPHEMERAL_S = 3
CONFIRM_S = 6
# What the partner's announced times get on top (Smart Energy asks for at least that).
_MARGIN_MS = 2000
# Ours: a partner must make nothing to answer an Initiate, but the answer may come in fragments over several hops.
INITIATE_WITHIN_MS = 10000
# Ours: how long a partner should wait after we refused. Long enough that it does not keep us from others.
WAIT_S = 10
# Ours: how long a responder that has the key repeats its Confirm.
_LINGER_MS = 10000
# Partners whose back-off is remembered, and facts and messages that nobody fetched: more are not kept.
_REMEMBERED = 16
_UNFETCHED = 32


def reason_text(reason: int) -> str:
    """A reason in words."""
    return _REASONS.get(reason) or "status %d" % reason


class KeyCommand:
    """One command of the cluster: partner (the EUI-64 it comes from or goes to), from_server (sent by the responder),
    command (INITIATE, ...) and payload, without ZCL header.
    """

    def __init__(self, partner: bytes, from_server: bool, command: int, payload: bytes) -> None:
        self.partner = partner
        self.from_server = from_server
        self.command = command
        self.payload = payload

    def __repr__(self) -> str:
        return "KeyCommand(%s %s, partner %s, %d octets)" % (
            _NAMES[self.command] if self.command < len(_NAMES) else "command %d" % self.command,
            "response" if self.from_server else "request",
            self.partner.hex(),
            len(self.payload),
        )


class KeyAgreed:
    """Both sides have `key` (16 octets), the link key that they use from now on; `suite` made it."""

    def __init__(self, partner: bytes, key: bytes, suite: int) -> None:
        self.partner = partner
        self.key = key
        self.suite = suite

    def __repr__(self) -> str:
        return "KeyAgreed(partner %s, suite %d, key of %d octets)" % (self.partner.hex(), self.suite, len(self.key))


class ExchangeFailed:
    """There is no key. reason: a status, or TIMED_OUT; partner: its EUI-64; wait_s: no new attempt goes out before;
    by_partner: it terminated the exchange, not we; detail: what was wrong, in words, or "".
    """

    def __init__(self, reason: int, partner: bytes, wait_s: int, by_partner: bool = False, detail: str = "") -> None:
        self.reason = reason
        self.partner = partner
        self.wait_s = wait_s
        self.by_partner = by_partner
        self.detail = detail

    def __repr__(self) -> str:
        return "ExchangeFailed(%s%s, partner %s, wait %d s%s)" % (
            reason_text(self.reason),
            " by partner" if self.by_partner else "",
            self.partner.hex(),
            self.wait_s,
            ": " + self.detail if self.detail else "",
        )


class _Refused(Exception):
    """A message of the partner ends the exchange: status, and what was wrong."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


class _Exchange:
    """One exchange with one partner. Holds secrets while it lasts."""

    def __init__(self, partner: bytes, initiator: bool, identity: "Identity") -> None:
        self.partner = partner
        self.initiator = initiator
        self.identity = identity
        self.state = _WAITING
        self.deadline_ms = 0
        # What the partner announced.
        self.ephemeral_s = 0
        self.confirm_s = 0
        # Of the initiator the responses it has had, of the responder the last request and its answer.
        self.had: list[tuple[int, bytes]] = []
        self.answer = b""
        self.private = b""
        self.public = b""
        self.static_point: "tuple[int, int]" = (0, 0)
        self.partner_public = b""
        self.partner_point: "tuple[int, int]" = (0, 0)
        self.mac_key = b""
        self.link_key = b""

    def __repr__(self) -> str:
        return "_Exchange(partner %s, %s, state %d)" % (
            self.partner.hex(),
            "initiator" if self.initiator else "responder",
            self.state,
        )


class KeyExchange:
    """One device's side of key establishment, with all its partners, in both roles.

    own: its EUI-64, which the identities' certificates must be for; identities: at most one for each suite; limit: how
    many exchanges may run at the same time; ephemeral_s, confirm_s: what it announces, 1 to 254; wait_s: what a partner
    that was refused should wait, 0 to 255; work: who computes. DecodeError when an identity is another device's.
    """

    def __init__(
        self,
        crypto: "Crypto",
        entropy: "Entropy",
        own: bytes,
        identities: "list[Identity]",
        work: "CurveWork | None" = None,
        limit: int = 1,
        ephemeral_s: int = EPHEMERAL_S,
        confirm_s: int = CONFIRM_S,
        wait_s: int = WAIT_S,
    ) -> None:
        self.suites = 0
        for identity in identities:
            identity.certificate.check_subject(own)
            self.suites |= identity.suite
        # Messages that belonged to no exchange, or could not be read.
        self.ignored = 0
        self._crypto = crypto
        self.entropy = entropy
        self._own = own
        self._identities = identities
        self._work = work or CurveWork(crypto)
        self._limit = limit
        self._announced = bytes((ephemeral_s, confirm_s))
        self._wait_s = wait_s
        self._exchanges: list[_Exchange] = []
        # (partner, not before this time).
        self._waits: list[tuple[bytes, int]] = []
        self._events: "list[KeyAgreed | ExchangeFailed]" = []
        self._out: list[KeyCommand] = []

    def __repr__(self) -> str:
        return "KeyExchange(%s, suites %d, %d exchanges)" % (self._own.hex(), self.suites, len(self._exchanges))

    def start(self, partner: bytes, now_ms: int, suites: "int | None" = None) -> None:
        """Begins an exchange with `partner`, as soon as its back-off allows; its end is a fact.

        suites: the bits of the partner's attribute KeyEstablishmentSuite, when it was read; the highest common one is
        used. While an exchange with the partner runs nothing is begun.
        """
        self.tick(now_ms)
        identity = best(self._identities, self.suites if suites is None else suites)
        if identity is None:
            self._fact(ExchangeFailed(UNSUPPORTED_SUITE, partner, 0, False, "no suite that both sides know"))
            return
        for initiator in (True, False):
            running = self._find(partner, initiator)
            if running is not None and running.state != _DONE:
                return
        if self._running() >= self._limit:
            self._fact(ExchangeFailed(NO_RESOURCES, partner, self._until_room(now_ms), False, "too many at a time"))
            return
        exchange = _Exchange(partner, True, identity)
        exchange.deadline_ms = now_ms
        for waiting, until_ms in self._waits:
            if waiting == partner and until_ms > now_ms:
                exchange.deadline_ms = until_ms
        self._exchanges.append(exchange)
        self.tick(now_ms)

    def receive(self, message: KeyCommand, now_ms: int) -> None:
        """A command of the cluster arrived. Bad ones end the exchange or are ignored; none is an exception."""
        self.tick(now_ms)
        if message.command > TERMINATE:
            self.ignored += 1
            return
        exchange = self._find(message.partner, message.from_server)
        if message.command == TERMINATE:
            self._terminated(exchange, message.payload, now_ms)
            return
        try:
            if not message.from_server:
                self._request(exchange, message, now_ms)
            elif (
                exchange is None
                or exchange.state == _WAITING
                or exchange.state == _INITIATE
                and message.command != INITIATE
                or (message.command, message.payload) in exchange.had
            ):
                self.ignored += 1
            else:
                self._response(exchange, message, now_ms)
        except _Refused as refused:
            self._refuse(message, refused.status, refused.detail, now_ms)

    def next_event(self) -> "KeyAgreed | ExchangeFailed | None":
        """The next fact, or None."""
        return self._events.pop(0) if self._events else None

    def to_send(self, from_server: "bool | None" = None) -> "KeyCommand | None":
        """The next command for the air, or None; with `from_server` given, of those that this side of it sends."""
        for one in self._out:
            if from_server is None or one.from_server == from_server:
                self._out.remove(one)
                return one
        return None

    def deadline_ms(self) -> "int | None":
        """When `tick` must be called at the latest, or None."""
        earliest = None
        for exchange in self._exchanges:
            if earliest is None or exchange.deadline_ms < earliest:
                earliest = exchange.deadline_ms
        return earliest

    def tick(self, now_ms: int) -> None:
        """It is that time: back-offs end, and exchanges whose partner is silent."""
        for exchange in list(self._exchanges):
            if exchange.deadline_ms > now_ms:
                continue
            if exchange.state == _WAITING:
                if self._running() >= self._limit:
                    # Another exchange came in between; it ends by itself.
                    exchange.deadline_ms = now_ms + 1000
                    continue
                exchange.state = _INITIATE
                exchange.deadline_ms = now_ms + INITIATE_WITHIN_MS
                self._send(exchange.partner, False, INITIATE, self._initiate(exchange.identity))
            else:
                self._exchanges.remove(exchange)
                if exchange.state != _DONE:
                    self._fact(ExchangeFailed(TIMED_OUT, exchange.partner, 0))

    # The initiator.

    def _response(self, exchange: _Exchange, message: KeyCommand, now_ms: int) -> None:
        payload = message.payload
        partner = exchange.partner
        if message.command == INITIATE and exchange.state == _INITIATE:
            suite, certificate = self._read_initiate(payload)
            if suite != exchange.identity.suite:
                raise _Refused(BAD_MESSAGE, "the answer is for suite %d" % suite)
            self._take_certificate(exchange, payload, certificate)
            self._make_ephemeral(exchange)
            self._expect(exchange, _EPHEMERAL, exchange.ephemeral_s, now_ms)
            self._send(partner, False, EPHEMERAL_DATA, exchange.public)
        elif message.command == EPHEMERAL_DATA and exchange.state == _EPHEMERAL:
            self._take_ephemeral(exchange, payload)
            self._make_keys(exchange)
            self._expect(exchange, _CONFIRM, exchange.confirm_s, now_ms)
            self._send(partner, False, CONFIRM_KEY, self._confirmation(exchange, True, True))
        elif message.command == CONFIRM_KEY and exchange.state == _CONFIRM:
            self._check_confirmation(exchange, payload, False)
            self._exchanges.remove(exchange)
            self._fact(KeyAgreed(partner, exchange.link_key, exchange.identity.suite))
        else:
            raise _Refused(BAD_MESSAGE, "%r is not what was waited for" % message)
        exchange.had.append((message.command, payload))

    # The responder.

    def _request(self, exchange: "_Exchange | None", message: KeyCommand, now_ms: int) -> None:
        payload = message.payload
        partner = message.partner
        if exchange is not None and (message.command, payload) in exchange.had:
            self._send(partner, True, message.command, exchange.answer)
            return
        if message.command == INITIATE:
            exchange = self._begin(exchange, message, now_ms)
            answer = self._initiate(exchange.identity)
            self._expect(exchange, _EPHEMERAL, exchange.ephemeral_s, now_ms)
        elif exchange is not None and message.command == EPHEMERAL_DATA and exchange.state == _EPHEMERAL:
            self._take_ephemeral(exchange, payload)
            self._make_ephemeral(exchange)
            answer = exchange.public
            self._expect(exchange, _CONFIRM, exchange.confirm_s, now_ms)
        elif exchange is not None and message.command == CONFIRM_KEY and exchange.state == _CONFIRM:
            self._make_keys(exchange)
            self._check_confirmation(exchange, payload, True)
            answer = self._confirmation(exchange, False, True)
            exchange.state = _DONE
            exchange.deadline_ms = now_ms + _LINGER_MS
            self._fact(KeyAgreed(partner, exchange.link_key, exchange.identity.suite))
            # What only the computing needed; the answer is kept to be repeated.
            exchange.private = exchange.mac_key = exchange.link_key = b""
        else:
            # Also when no exchange runs.
            raise _Refused(BAD_MESSAGE, "%r is not what was waited for" % message)
        exchange.had = [(message.command, payload)]
        exchange.answer = answer
        self._send(partner, True, message.command, answer)

    def _begin(self, old: "_Exchange | None", message: KeyCommand, now_ms: int) -> _Exchange:
        """A new exchange as responder, when the Initiate is good and there is room; it takes the place of `old`."""
        partner = message.partner
        suite, certificate = self._read_initiate(message.payload)
        identity = best(self._identities, suite)
        if identity is None:
            raise _Refused(UNSUPPORTED_SUITE, "the partner wants suite %d" % suite)
        ours = self._find(partner, True)
        if ours is not None and ours.state != _WAITING and self._own < partner:
            raise _Refused(NO_RESOURCES, "both sides began, and ours goes first")
        exchange = _Exchange(partner, False, identity)
        replaced = 0
        for other in (old, ours):
            if other is not None and other.state != _DONE and other.state != _WAITING:
                replaced += 1
        if self._running() - replaced >= self._limit:
            raise _Refused(NO_RESOURCES, "too many at a time")
        self._take_certificate(exchange, message.payload, certificate)
        for other in (old, ours):
            if other is not None:
                self._exchanges.remove(other)
        self._exchanges.append(exchange)
        return exchange

    # What both do.

    def _initiate(self, identity: "Identity") -> bytes:
        return identity.suite.to_bytes(2, "little") + self._announced + identity.certificate.octets

    def _read_initiate(self, payload: bytes) -> "tuple[int, bytes]":
        """(suite, certificate) of an Initiate whose suite is exactly one bit."""
        if len(payload) < 4:
            raise _Refused(BAD_MESSAGE, "an Initiate of %d octets" % len(payload))
        suite = payload[0] | payload[1] << 8
        if not suite or suite & (suite - 1):
            raise _Refused(BAD_MESSAGE, "an Initiate for suites %04x" % suite)
        if suite not in SUITES:
            raise _Refused(UNSUPPORTED_SUITE, "the partner wants suite %d" % suite)
        if len(payload) != 4 + certificates.size_of(suite):
            raise _Refused(BAD_MESSAGE, "an Initiate of %d octets" % len(payload))
        return suite, payload[4:]

    def _take_certificate(self, exchange: _Exchange, payload: bytes, octets: bytes) -> None:
        """Judges the partner's certificate, and keeps its public key and what the Initiate announced."""
        exchange.ephemeral_s = payload[2]
        exchange.confirm_s = payload[3]
        own = exchange.identity
        try:
            certificate = certificates.parse(own.suite, octets)
            certificate.check_subject(exchange.partner)
        except DecodeError as error:
            raise _Refused(INVALID_CERTIFICATE, str(error)) from error
        try:
            # Who trusts one authority knows its name from the own certificate.
            certificate.check_issuer(own.certificate.issuer)
        except DecodeError as error:
            raise _Refused(UNKNOWN_ISSUER, str(error)) from error
        try:
            exchange.static_point = self._work.static_point(certificate, own.authority)
        except DecodeError as error:
            raise _Refused(INVALID_CERTIFICATE, str(error)) from error

    def _take_ephemeral(self, exchange: _Exchange, payload: bytes) -> None:
        try:
            exchange.partner_point = self._work.point(exchange.identity.suite, payload)
        except DecodeError as error:
            raise _Refused(BAD_MESSAGE, str(error)) from error
        exchange.partner_public = payload

    def _make_ephemeral(self, exchange: _Exchange) -> None:
        suite = exchange.identity.suite
        octets = self.entropy.random(agreement.entropy_size(suite))
        exchange.private, exchange.public = self._work.ephemeral(suite, octets)

    def _make_keys(self, exchange: _Exchange) -> None:
        own = exchange.identity
        try:
            secret = self._work.secret(
                own.suite,
                own.private,
                exchange.private,
                exchange.public,
                exchange.static_point,
                exchange.partner_point,
            )
        except DecodeError as error:
            raise _Refused(BAD_MESSAGE, str(error)) from error
        exchange.mac_key, exchange.link_key = agreement.derive(self._crypto, secret)

    def _confirmation(self, exchange: _Exchange, by_initiator: bool, by_us: bool) -> bytes:
        """The MAC that the initiator or responder sends, which is us or the partner."""
        own = (self._own, exchange.public)
        partner = (exchange.partner, exchange.partner_public)
        if not by_us:
            own, partner = partner, own
        return agreement.confirmation(
            self._crypto, exchange.mac_key, by_initiator, own[0], partner[0], own[1], partner[1]
        )

    def _check_confirmation(self, exchange: _Exchange, payload: bytes, by_initiator: bool) -> None:
        if len(payload) != 16:
            raise _Refused(BAD_MESSAGE, "a confirmation of %d octets" % len(payload))
        if not self._crypto.equal(payload, self._confirmation(exchange, by_initiator, False)):
            raise _Refused(BAD_KEY_CONFIRM, "the partner has another key")

    def _expect(self, exchange: _Exchange, state: int, announced_s: int, now_ms: int) -> None:
        exchange.state = state
        exchange.deadline_ms = now_ms + 1000 * announced_s + _MARGIN_MS

    # Ends.

    def _terminated(self, exchange: "_Exchange | None", payload: bytes, now_ms: int) -> None:
        """The partner gives up. Who is told "unsupported suite" tries a lower one."""
        if exchange is None or exchange.state == _WAITING or exchange.state == _DONE or len(payload) != 4:
            self.ignored += 1
            return
        status, wait_s = payload[0], payload[1]
        self._exchanges.remove(exchange)
        self._wait(exchange.partner, now_ms + 1000 * wait_s)
        suite = exchange.identity.suite
        if status == UNSUPPORTED_SUITE and exchange.initiator and exchange.state == _INITIATE:
            lower = best(self._identities, (payload[2] | payload[3] << 8) & (suite - 1))
            if lower is not None:
                again = _Exchange(exchange.partner, True, lower)
                again.deadline_ms = now_ms + 1000 * wait_s
                self._exchanges.append(again)
                self.tick(now_ms)
                return
        self._fact(ExchangeFailed(status, exchange.partner, wait_s, True))

    def _refuse(self, message: KeyCommand, status: int, detail: str, now_ms: int) -> None:
        """Terminates the exchange that the message belongs to, if any, and says so to both sides."""
        partner = message.partner
        exchange = self._find(partner, message.from_server)
        initiate = message.command == INITIATE and not message.from_server
        if initiate and exchange is not None and exchange.state != _DONE:
            # A good one would have replaced the exchange. A Terminate would end it on the other side.
            self.ignored += 1
            return
        wait_s = self._until_room(now_ms) if status == NO_RESOURCES else self._wait_s
        # The server's terminations answer requests, the client's responses.
        payload = bytes((status, wait_s)) + self.suites.to_bytes(2, "little")
        self._send(partner, not message.from_server, TERMINATE, payload)
        if initiate:
            # An exchange of our own with the same partner goes on.
            if self._find(partner, True) is None:
                self._fact(ExchangeFailed(status, partner, wait_s, False, detail))
        elif exchange is None or exchange.state == _DONE:
            self.ignored += 1
        else:
            self._exchanges.remove(exchange)
            self._wait(partner, now_ms + 1000 * wait_s)
            self._fact(ExchangeFailed(status, partner, wait_s, False, detail))

    def _wait(self, partner: bytes, until_ms: int) -> None:
        """Remembers not to contact the partner before that."""
        self._waits = [wait for wait in self._waits if wait[0] != partner][1 - _REMEMBERED :]
        self._waits.append((partner, until_ms))

    def _running(self) -> int:
        """How many exchanges wait for a partner."""
        return len([one for one in self._exchanges if one.state != _WAITING and one.state != _DONE])

    def _until_room(self, now_ms: int) -> int:
        """Seconds, 1 to 255, until at least one exchange has ended, if only because its partner is silent."""
        ends = [one.deadline_ms for one in self._exchanges if one.state != _WAITING and one.state != _DONE]
        return min(255, max(1, (min(ends) - now_ms + 999) // 1000)) if ends else 1

    def _find(self, partner: bytes, initiator: bool) -> "_Exchange | None":
        for exchange in self._exchanges:
            if exchange.partner == partner and exchange.initiator == initiator:
                return exchange
        return None

    def _send(self, partner: bytes, from_server: bool, command: int, payload: bytes) -> None:
        if len(self._out) < _UNFETCHED:
            self._out.append(KeyCommand(partner, from_server, command, payload))

    def _fact(self, fact: "KeyAgreed | ExchangeFailed") -> None:
        if len(self._events) >= _UNFETCHED:
            # The oldest failure goes, never a key.
            failures = [one for one in self._events if isinstance(one, ExchangeFailed)]
            self._events.remove(failures[0] if failures else self._events[0])
        self._events.append(fact)
