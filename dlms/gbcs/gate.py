"""What a device checks before it does anything that a message says (GBCS 6.2, 7.2; facts 3.2).

The order is that of the table, and no state changes on the way:

    1 target            the message names this device, and is a command
    2 message code      the device implements it (an authentic one that it does not is answered by alert ECS100)
    3 originator        holds a trust anchor cell of a role that the use case permits
    4 MAC               made with the access control broker's key, whoever the business originator is
    5 signature         made with the digital signature key in the originator's cell
    6 counter           higher than the last one accepted from that role, where the use case is protected against replay
"""

from slotmeter.dlms.gbcs import keys
from slotmeter.dlms.gbcs.message import COMMAND, Message
from slotmeter.dlms.gbcs.roles import ACCESS_CONTROL_BROKER, DIGITAL_SIGNATURE, KEY_AGREEMENT
from slotmeter.hal.errors import HalError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from slotmeter.dlms.gbcs.anchors import Anchors, Secrets
    from slotmeter.hal.crypto import Crypto

# Protection of a use case: an OR of these.
COMMAND_MAC = 1
COMMAND_SIGNED = 2
RESPONSE_MAC = 4
RESPONSE_SIGNED = 8

# Flags of a use case.
REPLAY = 1
FUTURE = 2
HEADER_DATE_TIME = 4
ENCRYPTED = 8
WITHDRAWN = 16
# The header counter is that of a top-up token, which has a number space of its own (GBCS 13.3; facts 9).
TOP_UP = 32

# Reasons of a refusal: public, as the bench protocol shows them.
MALFORMED = "malformed"
WRONG_TARGET = "wrong-target"
NOT_A_COMMAND = "not-a-command"
UNKNOWN_ORIGINATOR = "unknown-originator"
NOT_AUTHORISED = "not-authorised"
NOT_AUTHENTIC = "not-authentic"
NOT_SUPPORTED = "not-supported"
REPLAYED = "replayed"
STORE_FAILED = "store-failed"
NO_POWER = "no-power"


class UseCase:
    """One row of the use case table, with what the engine looks up.

    code: message code; name: "ECS17b"; title; asn1: payload kind; protection: an OR of the above; by_role: the
    protections that differ for some roles; roles: an OR of 1 << role; flags; items: (kind, key, variants, optional).
    """

    def __init__(self, row: "tuple[object, ...]") -> None:
        self.code: int = row[0]  # type: ignore[assignment]
        self.name: str = row[1]  # type: ignore[assignment]
        self.title: str = row[2]  # type: ignore[assignment]
        self.asn1: int = row[3]  # type: ignore[assignment]
        self.protection: int = row[4]  # type: ignore[assignment]
        self.by_role: tuple[tuple[int, int], ...] = row[5]  # type: ignore[assignment]
        self.roles: int = row[6]  # type: ignore[assignment]
        self.flags: int = row[7]  # type: ignore[assignment]
        self.items: tuple[tuple[int, bytes, int, int], ...] = row[8]  # type: ignore[assignment]
        self._allowed: dict[bytes, int] | None = None

    def protection_for(self, role: int) -> int:
        """The protection when a party of `role` sends the command."""
        for special, protection in self.by_role:
            if special == role:
                return protection
        return self.protection

    def allowed(self) -> "dict[bytes, int]":
        """What a request may touch: key to an OR of 1 << kind. Selective access counts as a get."""
        if self._allowed is None:
            allowed: dict[bytes, int] = {}
            for item in self.items:
                allowed[item[1]] = allowed.get(item[1], 0) | 1 << item[0]
            self._allowed = allowed
        return self._allowed


class Refusal:
    """Why a message is not acted upon: a reason of the list above, and a sentence."""

    def __init__(self, reason: str, text: str) -> None:
        self.reason = reason
        self.text = text

    def __repr__(self) -> str:
        return "Refusal(%s: %s)" % (self.reason, self.text)


class Gate:
    """Decides whether a message is an authentic command for this device from a party that may send it."""

    def __init__(
        self, device: bytes, use_cases: "dict[int, UseCase]", anchors: "Anchors", secrets: "Secrets", crypto: "Crypto"
    ) -> None:
        self._device = device
        self._use_cases = use_cases
        self._anchors = anchors
        self._secrets = secrets
        self._crypto = crypto
        # Whether a top-up with this counter was already received from a remote party; whoever keeps tokens sets it.
        self.top_up_seen: Callable[[int], bool] | None = None

    def admit(self, message: Message) -> "tuple[UseCase | None, int, Refusal | None]":
        """The use case, the role of the originator, and None; or what is known of them and a refusal."""
        if message.target != self._device:
            return None, -1, Refusal(WRONG_TARGET, "the business target is not this device")
        if message.cra != COMMAND:
            return None, -1, Refusal(NOT_A_COMMAND, "only commands are accepted")
        roles = self._anchors.roles_of(message.originator)
        use_case = self._use_cases.get(message.code)
        if use_case is None:
            return self._unsupported(message, roles)
        if not roles:
            return use_case, -1, Refusal(UNKNOWN_ORIGINATOR, "no trust anchor cell names the originator")
        role = -1
        for held in roles:
            if use_case.roles >> held & 1:
                role = held
                break
        if role < 0:
            return use_case, roles[0], Refusal(NOT_AUTHORISED, "its role may not send %s" % use_case.name)
        if message.supplementary and role != ACCESS_CONTROL_BROKER:
            return use_case, role, Refusal(
                NOT_AUTHORISED, "only the access control broker speaks for an unknown remote party"
            )
        protection = use_case.protection_for(role)
        text = self._authenticate(message, role, protection)
        if text:
            return use_case, role, Refusal(NOT_AUTHENTIC, text)
        if protection & RESPONSE_MAC and self._anchors.cell(role, KEY_AGREEMENT) is None:
            return use_case, role, Refusal(NOT_AUTHORISED, "no key agreement cell of its role to answer with")
        if use_case.flags & REPLAY:
            counter = int.from_bytes(message.counter, "big")
            if use_case.flags & TOP_UP:
                replayed = self.top_up_seen is not None and self.top_up_seen(counter)
            else:
                replayed = counter <= self._anchors.counter(role)
            if replayed:
                return use_case, role, Refusal(REPLAYED, "the originator counter is not above the last one accepted")
        return use_case, role, None

    def _authenticate(self, message: Message, role: int, protection: int) -> str:
        """An empty text when MAC and signature are those that `protection` asks for, and are right."""
        if protection & COMMAND_MAC:
            if not message.mac:
                return "the MAC is missing"
            broker = self._anchors.cell(ACCESS_CONTROL_BROKER, KEY_AGREEMENT)
            if broker is None:
                return "the access control broker's key agreement cell is empty"
            try:
                z = self._secrets.z(broker.public_key)
            except HalError:
                return "the access control broker's key cannot be used"
            if not self._crypto.equal(keys.mac(self._crypto, z, message.body), message.mac):
                return "the MAC is wrong"
        elif message.mac:
            return "a MAC is not foreseen"
        if protection & COMMAND_SIGNED:
            if not message.signature:
                return "the signature is missing"
            signer = self._anchors.cell(role, DIGITAL_SIGNATURE)
            if signer is None and role == ACCESS_CONTROL_BROKER:
                return "the device holds no signature key of the access control broker"
            if signer is None:
                return "the originator's digital signature cell is empty"
            if not self._crypto.verify(signer.public_key, message.signature, message.signed):
                return "the signature is wrong"
        elif message.signature:
            return "a signature is not foreseen"
        return ""

    def _unsupported(self, message: Message, roles: "tuple[int, ...]") -> "tuple[UseCase | None, int, Refusal | None]":
        """A message code that the device does not implement: NOT_SUPPORTED only when it is authentic."""
        if not roles:
            return None, -1, Refusal(UNKNOWN_ORIGINATOR, "no trust anchor cell names the originator")
        protection = (COMMAND_MAC if message.mac else 0) | (COMMAND_SIGNED if message.signature else 0)
        text = self._authenticate(message, roles[0], protection) if protection else "neither MAC nor signature"
        if text:
            return None, roles[0], Refusal(NOT_AUTHENTIC, text)
        return None, roles[0], Refusal(NOT_SUPPORTED, "message code %04X is not implemented" % message.code)
