"""The radio port on a real ZigBee stick: a Silicon Labs co-processor, through bellows' EZSP class (versions 13 to 19).

bellows runs in a thread of its own with its own event loop, so that the co-processor is answered within milliseconds
while the meter works in another; `ezsp_session` is what goes on there. Calls go to it by the loop's queue, events come
back by ours, and `fileno` is readable while there are any. Only opening waits.

bellows and zigpy are under the GPL. They are imported here alone and only when a stick is opened: an installation with
the extra `slotmeter[zigbee]` is, as a whole, under its terms.
"""

import asyncio
import concurrent.futures
import errno
import logging
import os
import sys
import threading
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from slotmeter.hal.errors import RADIO_FULL, UNAVAILABLE, HalError
from slotmeter.hal.host import sticks
from slotmeter.hal.host.ezsp_session import TRIES, Keys, Network, Session
from slotmeter.hal.host.ezsp_traffic import Gone, Incoming, Outgoing, Refused
from slotmeter.hal.host.serial import why_not
from slotmeter.hal.radio import Place, Radio, Received

OLDEST_VERSION = 13
# How long a stick may take to answer a reset, when there are other speeds to try (zigpy: 3 s), and with its retries.
PROBE_S = 3
OPEN_S = 12
CLOSE_S = 5
SETTLE_S = 1
COMMAND_S = 12
# Python lets a thread that computes go on for so long before another one has its turn; 5 ms is too long for a thread
# that has milliseconds to acknowledge (tests/bench/bench_acknowledgement.py).
SWITCH_S = 0.0002
# Events that nobody fetches: more than the messages of a busy minute. Messages are lost then, other events are not.
EVENT_LIMIT = 4096
CALLBACK = 0x0045
GAVE_UP = 0x51
_HEADER = 5
_APS = 11
_NO_EUI = b"\xff" * 8
_POWERS_DBM = (8, 4, 0)
_COORDINATOR = 1
_ROUTER = 2
# Where networks are looked for: a mask of the channels 11 to 26.
CHANNELS = 0x07FFF800
_SCAN_DURATION = 3
_FREE = 0xFF
HOW_TO_INSTALL = (
    "bellows is not installed, which drives ZigBee sticks: pip install 'slotmeter[zigbee]', or in a checkout"
    " .venv/bin/pip install -e '.[zigbee]'"
)


def _libraries() -> "tuple[Any, Any, Any]":
    """Bellows' EZSP class, its types, and its exception for a command that is not known."""
    try:
        import bellows.ezsp
        import bellows.types
        from bellows.exception import InvalidCommandError
    except ImportError as error:
        raise HalError(UNAVAILABLE, HOW_TO_INSTALL) from error
    for name in ("bellows", "zigpy", "serialx"):
        # What they would print holds frames, and frames hold keys; who wants their log sets handlers up.
        logging.getLogger(name).addHandler(logging.NullHandler())
    return bellows.ezsp.EZSP, bellows.types, InvalidCommandError


def parse_incoming(data: bytes, version: int) -> Incoming:
    """An incomingMessageHandler frame, whole; ValueError when it is cut short or has octets too many (facts 1.6)."""
    body = data[_HEADER:]
    fixed = 1 + _APS + (19 if version >= 14 else 7)
    if len(body) < fixed or len(body) != fixed + body[fixed - 1]:
        raise ValueError("incoming message of the wrong length")
    aps = body[1 : 1 + _APS]
    rest = body[1 + _APS :]
    eui: bytes | None = None
    if version >= 14:
        sender = rest[0:2]
        eui = rest[2:10][::-1]
        if eui == _NO_EUI or not eui.strip(b"\x00"):
            eui = None
    else:
        sender = rest[2:4]
    return Incoming(
        body[0],
        int.from_bytes(aps[0:2], "little"),
        int.from_bytes(aps[2:4], "little"),
        aps[4],
        aps[5],
        int.from_bytes(aps[6:8], "little"),
        int.from_bytes(aps[8:10], "little"),
        aps[10],
        int.from_bytes(sender, "little"),
        eui,
        body[fixed:],
    )


class Stick:
    """One open stick: EZSP commands in plain octets and numbers. Statuses are sl_Status numbers in every version.

    Gone: the line or the stick failed. Refused: it does not know the command.
    """

    def __init__(self, place: str, baud: int, flow: str, session: Session, count: "Callable[[str], None]") -> None:
        ezsp, types, unknown = _libraries()
        line_class: Any = ezsp
        self._types = types
        self._unknown = unknown
        self._session = session
        self._count = count
        self._closed = False
        stick = self

        class Line(line_class):  # type: ignore[misc]
            """bellows' EZSP, of which we read the messages ourselves: it puts blocks together wrongly (facts 2.4)."""

            def frame_received(self, data: bytes) -> None:
                if not stick.frame(bytes(data), self.ezsp_version):
                    super().frame_received(data)

            async def run(self, name: str, *arguments: "Any") -> "Any":
                return await self._command(name, *arguments)

        self._line = Line({"path": place, "baudrate": baud, "flow_control": flow}, self)
        self._line.add_callback(self._callback)
        # Why the line or the stick failed.
        self._lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    # ---- the line

    async def open(self) -> None:
        """Opens the port, resets the stick, agrees on a version."""
        await self._unless_lost(self._line.connect(use_thread=False))
        self.version = int(self._line.ezsp_version)

    async def _unless_lost(self, work: "Awaitable[Any]") -> "Any":
        """What comes of `work`; Gone as soon as the line or the stick fails: bellows would go on waiting."""
        task = asyncio.ensure_future(work)
        try:
            await asyncio.wait({task, self._lost}, return_when=asyncio.FIRST_COMPLETED)
            if self._lost.done():
                raise Gone(self._lost.result())
            return task.result()
        finally:
            task.cancel()

    async def close(self) -> None:
        """Lets go of the port; nothing is raised."""
        self._closed = True
        try:
            async with asyncio.timeout(CLOSE_S):
                await self._line.disconnect()
        except Exception as error:  # noqa: BLE001  # the port may be gone already, in many ways
            self._count("closing: %s" % type(error).__name__)

    async def reset(self) -> None:
        """Has the stick start anew."""
        try:
            await self._unless_lost(self._line.reset())
            await self._unless_lost(self._line.version())
        except Gone:
            raise
        except Exception as error:  # bellows raises whatever its parts raise
            raise Gone("the stick does not come back from a reset") from error

    def connection_lost(self, error: "BaseException | None") -> None:
        """bellows: the port is gone, or the stick reset itself or gave up."""
        if not self._closed and not self._lost.done():
            self._lost.set_result(_why_lost(error))
            self._session.on_gone(self._lost.result())

    def frame(self, data: bytes, version: int) -> bool:
        """Takes a frame that is a message, True; everything else is bellows' business."""
        if len(data) < _HEADER or version < OLDEST_VERSION:
            return False
        if data[1] & 0x01:
            self._count("callbacks that the stick had no room for")
        if data[3] | data[4] << 8 != CALLBACK:
            return False
        try:
            message = parse_incoming(data, version)
        except ValueError as error:
            self._count(str(error))
            return True
        self._session.on_message(message)
        return True

    async def _run(self, name: str, *arguments: "Any") -> "Any":
        try:
            async with asyncio.timeout(COMMAND_S):
                return await self._unless_lost(self._line.run(name, *arguments))
        except Gone:
            raise
        except self._unknown as error:
            raise Refused(name) from error
        except TimeoutError as error:
            raise Gone("the stick does not answer") from error
        except AttributeError as error:
            # Not in the tables of this version.
            if name in str(error):
                raise Refused(name) from error
            raise Gone("the line is closed") from error
        except Exception as error:  # bellows raises whatever its parts raise
            raise Gone(_why_lost(error)) from error

    async def _status(self, name: str, *arguments: "Any") -> int:
        return self._number((await self._run(name, *arguments))[0])

    def _number(self, status: "Any") -> int:
        return int(self._types.sl_Status.from_ember_status(status))

    def name_of(self, status: int) -> str:
        """A status in the stick's own words."""
        return str(self._types.sl_Status(status).name).replace("_", " ").lower()

    def _eui(self, eui: bytes) -> "Any":
        return self._types.EUI64(eui[::-1])

    # ---- what comes by itself

    def _callback(self, name: str, values: "list[Any]") -> None:
        handler = getattr(self, "_on_" + name, None)
        if handler is None:
            return
        try:
            handler(*values)
        except (TypeError, ValueError, IndexError) as error:
            self._count("%s: %s" % (name, type(error).__name__))

    def _on_stackStatusHandler(self, status: "Any") -> None:  # noqa: N802  # bellows' names
        self._session.on_status(self._number(status))

    def _on_networkFoundHandler(self, found: "Any", lqi: int, rssi: int) -> None:  # noqa: N802
        network = Network(
            int(found.channel),
            int(found.panId),
            found.extendedPanId.serialize()[::-1],
            bool(found.allowingJoin),
            int(found.stackProfile),
            int(lqi),
        )
        self._session.on_found(network)

    def _on_scanCompleteHandler(self, channel: int, status: "Any") -> None:  # noqa: N802
        self._session.on_scanned(self._number(status))

    def _on_messageSentHandler(self, *values: "Any") -> None:  # noqa: N802
        if self.version >= 14:
            status, tag = values[0], values[4]
        else:
            status, tag = values[4], values[3]
        self._session.on_sent(int(tag), self._number(status))

    def _on_trustCenterJoinHandler(  # noqa: N802
        self, short: int, eui: "Any", update: int, decision: int, parent: int
    ) -> None:
        self._session.on_device(int(short), eui.serialize()[::-1], int(update), int(decision), int(parent))

    def _on_incomingRouteRecordHandler(  # noqa: N802
        self, source: int, eui: "Any", lqi: int, rssi: int, relays: "list[int]"
    ) -> None:
        self._session.on_route(int(source), eui.serialize()[::-1], len(relays))

    def _on_incomingSenderEui64Handler(self, eui: "Any") -> None:  # noqa: N802
        self._session.on_sender(eui.serialize()[::-1])

    def _on_idConflictHandler(self, short: int) -> None:  # noqa: N802
        self._session.on_conflict(int(short))

    def _on_zigbeeKeyEstablishmentHandler(self, partner: "Any", status: "Any") -> None:  # noqa: N802
        name = str(getattr(status, "name", status)).replace("_", " ").lower()
        self._session.on_key(partner.serialize()[::-1], int(status), name)

    # ---- what it is

    async def eui64(self) -> bytes:
        """Its address."""
        (eui,) = await self._run("getEui64")
        return bytes(eui.serialize()[::-1])

    async def can_rewrite(self) -> bool:
        """Whether its address can be written as often as one likes (a token of the stack)."""
        return bool(await self._safely(self._line.can_rewrite_custom_eui64()))

    async def can_write_once(self) -> bool:
        """Whether its address can be written once, for ever (a token of the manufacturer)."""
        return bool(await self._safely(self._line.can_burn_userdata_custom_eui64()))

    async def _safely(self, work: "Awaitable[Any]") -> "Any":
        try:
            async with asyncio.timeout(COMMAND_S):
                return await self._unless_lost(work)
        except Gone:
            raise
        except self._unknown as error:
            raise Refused("token access") from error
        except Exception as error:  # bellows raises whatever its parts raise
            raise Gone(_why_lost(error)) from error

    async def rewrite_eui64(self, eui: bytes, once_only: bool) -> None:
        """Gives it another address, and resets it; HalError when it cannot have one. It forgets its network."""
        rewritable = await self.can_rewrite()
        if not rewritable:
            once = await self.can_write_once()
            if not (once and once_only):
                why = "has been given its address for ever already"
                if once:
                    why = "can be given one only once, for ever, which is done only when it is asked for"
                raise HalError(
                    UNAVAILABLE,
                    "the stick is %s and shall be %s, but its firmware has no token for that, and it %s"
                    % ((await self.eui64()).hex("-"), eui.hex("-"), why),
                )
        # A network that it joined under another name is none any more.
        await self.forget_network()
        await self._safely(self._line.write_custom_eui64(self._eui(eui), burn_into_userdata=not rewritable))
        await self.reset()

    async def forget_network(self) -> None:
        """Forgets network, keys and counters."""
        await self._run("tokenFactoryReset", False, False)
        await self._run("clearKeyTable")

    async def board(self) -> "tuple[str, str, str]":
        """What it says of itself: manufacturer, board, version of its stack."""
        found = await self._safely(self._line.get_board_info())
        return (found[0] or "", found[1] or "", found[2] or "")

    async def nop(self) -> None:
        """Whether it is there."""
        await self._run("nop")

    # ---- setting it up

    async def configuration(self, number: int) -> "int | None":
        """A configured number, None when it does not know it."""
        status, value = await self._run("getConfigurationValue", self._types.EzspConfigId(number))
        return int(value) if self._number(status) == 0 else None

    async def configure(self, number: int, value: int) -> None:
        """Sets a number; counted when it does not take it."""
        await self._setting("configuration %02X", number, "setConfigurationValue", self._types.EzspConfigId, value)

    async def set_value(self, number: int, value: bytes) -> None:
        """Sets a value; counted when it does not take it."""
        await self._setting("value %02X", number, "setValue", self._types.EzspValueId, value)

    async def policy(self, number: int, decision: int) -> None:
        """Sets a policy; counted when it does not take it."""
        await self._setting("policy %02X", number, "setPolicy", self._types.EzspPolicyId, decision)

    async def _setting(self, what: str, number: int, name: str, kind: "Any", value: "int | bytes") -> None:
        status = await self._status(name, kind(number), value)
        if status:
            self._count(what % number + " not taken: " + self.name_of(status))

    async def add_endpoint(
        self, endpoint: int, profile: int, device: int, inputs: "list[int]", outputs: "list[int]"
    ) -> None:
        """Registers an endpoint; counted when it does not take it."""
        status = await self._status(
            "addEndpoint", endpoint, profile, device, 0, len(inputs), len(outputs), inputs, outputs
        )
        if status:
            self._count("endpoint %d not taken: %s" % (endpoint, self.name_of(status)))

    async def concentrate(self) -> None:
        """Has everybody keep a route to this device, so that it need not ask for theirs (facts 3.3: radius 11)."""
        await self._run("setConcentrator", True, 0xFFF9, 10, 60, 3, 1, 11)
        await self._run("setSourceRouteDiscoveryMode", 1)

    # ---- the network

    async def initial_security(self, bitmask: int, link_key: bytes, network_key: bytes) -> None:
        """What it forms or joins with; it forgets its link keys."""
        state = self._types.EmberInitialSecurityState(
            bitmask=self._types.EmberInitialSecurityBitmask(bitmask),
            preconfiguredKey=self._types.KeyData(link_key),
            networkKey=self._types.KeyData(network_key),
            networkKeySequenceNumber=0,
            preconfiguredTrustCenterEui64=self._types.EUI64(bytes(8)),
        )
        status = await self._status("setInitialSecurityState", state)
        if status:
            self._count("initial security not taken: %s" % self.name_of(status))

    def _parameters(self, channel: int, pan: int, extended_pan: bytes, power: int) -> "Any":
        return self._types.EmberNetworkParameters(
            extendedPanId=self._types.ExtendedPanId(extended_pan[::-1]),
            panId=pan,
            radioTxPower=power,
            radioChannel=channel,
            joinMethod=self._types.EmberJoinMethod.USE_MAC_ASSOCIATION,
            nwkManagerId=0,
            nwkUpdateId=0,
            channels=self._types.Channels(CHANNELS),
        )

    async def form(self, channel: int, pan: int, extended_pan: bytes) -> int:
        """Forms a network; the status. Not every stick has every power."""
        status = 0
        for power in _POWERS_DBM:
            status = await self._status("formNetwork", self._parameters(channel, pan, extended_pan, power))
            if status != int(self._types.sl_Status.TRANSMIT_INVALID_POWER):
                break
        return status

    async def scan(self) -> int:
        """Looks for networks on all channels."""
        kind = self._types.EzspNetworkScanType.ACTIVE_SCAN
        return await self._status("startScan", kind, self._types.Channels(CHANNELS), _SCAN_DURATION)

    async def join(self, network: Network) -> int:
        """Joins as a router."""
        parameters = self._parameters(network.channel, network.pan, network.extended_pan, _POWERS_DBM[0])
        return await self._status("joinNetwork", self._types.EmberNodeType(_ROUTER), parameters)

    async def rejoin(self, with_key: bool) -> int:
        """Looks for its network again."""
        arguments: tuple[Any, ...] = (with_key, CHANNELS)
        if self.version >= 14:
            # No particular reason.
            arguments = (*arguments, 0, self._types.EmberNodeType(_ROUTER))
        return await self._status("findAndRejoinNetwork", *arguments)

    async def init_network(self) -> int:
        """Goes on in the network that it remembers."""
        return await self._status("networkInit", self._types.EmberNetworkInitBitmask.NETWORK_INIT_NO_OPTIONS)

    async def leave(self) -> int:
        """Leaves."""
        if self.version >= 14:
            return await self._status("leaveNetwork", self._types.SlZigbeeLeaveNetworkOption.WITH_NO_OPTION)
        return await self._status("leaveNetwork")

    async def network(self) -> "tuple[bool, Place] | None":
        """Whether it is the coordinator, and where it is; None: nowhere."""
        status, node_type, parameters = await self._run("getNetworkParameters")
        if self._number(status):
            return None
        place = Place(
            int(parameters.radioChannel), int(parameters.panId), bytes(parameters.extendedPanId.serialize()[::-1])
        )
        return int(node_type) == _COORDINATOR, place

    async def trust_centre(self) -> "bytes | None":
        """Whose network it is."""
        status, state = await self._run("getCurrentSecurityState")
        if self._number(status):
            return None
        centre = bytes(state.trustCenterLongAddress.serialize()[::-1])
        return None if centre == _NO_EUI or not centre.strip(b"\x00") else centre

    async def permit(self, seconds: int) -> int:
        """Lets devices join here, 0 to 254 s."""
        return await self._status("permitJoining", seconds)

    async def remove_device(self, via: int, via_eui: bytes, eui: bytes) -> int:
        """At the trust centre: has `via`, its parent or itself, send a device away."""
        return await self._status("removeDevice", via, self._eui(via_eui), self._eui(eui))

    async def next_network_key(self, key: bytes) -> int:
        """Tells everybody the next network key."""
        return await self._status("broadcastNextNetworkKey", self._types.KeyData(key))

    async def switch_network_key(self) -> int:
        """Has it used."""
        return await self._status("broadcastNetworkKeySwitch")

    # ---- keys

    async def key_partners(self, size: int) -> "list[bytes]":
        """Who it has link keys for."""
        found = []
        for index in range(size):
            values = await self._run("exportLinkKeyByIndex", index)
            status, eui = (values[0], values[1].eui64) if self.version >= 14 else (values[3], values[0])
            if not self._number(status):
                found.append(bytes(eui.serialize()[::-1]))
        return found

    async def key_index(self, eui: bytes, size: int) -> "int | None":
        """Where the key with a device is, or could be; None: nowhere."""
        for wanted in (eui, bytes(8)):
            (index,) = await self._run("findKeyTableEntry", self._eui(wanted), True)
            if index != _FREE and index < size:
                return int(index)
        return None

    async def import_key(self, index: int, eui: bytes, key: bytes) -> int:
        """Puts a key into the table."""
        return await self._status("importLinkKey", index, self._eui(eui), self._types.KeyData(key))

    def _key_context(self, kind: "Any") -> "Any":
        return self._types.SecurityManagerContextV13(
            core_key_type=kind,
            key_index=0,
            derived_type=self._types.SecurityManagerDerivedKeyTypeV13.NONE,
            eui64=self._types.EUI64(bytes(8)),
            multi_network_index=0,
            flags=self._types.SecurityManagerContextFlags.NONE,
            psa_key_alg_permission=0,
        )

    async def network_key(self) -> bytes:
        """The network's key; b"" when it does not tell."""
        values = await self._run("exportKey", self._key_context(self._types.SecurityManagerKeyType.NETWORK))
        status, key = (values[0], values[1]) if self.version >= 14 else (values[1], values[0])
        return b"" if self._number(status) else bytes(key.serialize())

    async def import_centre_key(self, key: bytes) -> int:
        """The key with the trust centre, when that is another; not every firmware takes it (facts 2.4, 7)."""
        context = self._key_context(self._types.SecurityManagerKeyType.TC_LINK)
        try:
            return await self._status("importKey", context, self._types.KeyData(key))
        except Refused:
            return int(self._types.sl_Status.NOT_AVAILABLE)

    async def import_transient(self, eui: bytes, key: bytes) -> None:
        """A key for a device that is about to join."""
        none = self._types.SecurityManagerContextFlags.NONE
        status = await self._status("importTransientKey", self._eui(eui), self._types.KeyData(key), none)
        if status:
            self._count("key for joining not taken: %s" % self.name_of(status))

    async def clear_transients(self) -> None:
        """Forgets the keys of devices that are about to join."""
        await self._run("clearTransientLinkKeys")

    async def erase_key(self, eui: bytes) -> None:
        """Takes a key out of the table; none is no error."""
        (index,) = await self._run("findKeyTableEntry", self._eui(eui), True)
        if index != _FREE:
            await self._run("eraseKeyTableEntry", index)

    async def clear_keys(self) -> None:
        """Takes all of them out."""
        await self._run("clearKeyTable")

    async def request_key(self, partner: bytes) -> int:
        """Asks the trust centre for a key with another device."""
        return await self._status("requestLinkKey", self._eui(partner))

    # ---- addresses and messages

    async def lookup_short(self, eui: bytes) -> "int | None":
        """The short address of a device, if it knows it."""
        values = await self._run("lookupNodeIdByEui64", self._eui(eui))
        if self.version >= 14 and self._number(values[0]):
            return None
        short = int(values[-1])
        return None if short >= 0xFFF8 else short

    async def lookup_eui(self, short: int) -> "bytes | None":
        """The EUI-64 of a device, if it knows it."""
        status, eui = await self._run("lookupEui64ByNodeId", short)
        octets = bytes(eui.serialize()[::-1])
        return None if self._number(status) or octets == _NO_EUI or not octets.strip(b"\x00") else octets

    def _aps(
        self, profile: int, cluster: int, source: int, target: int, options: int, group: int, sequence: int
    ) -> "Any":
        return self._types.EmberApsFrame(
            profileId=profile,
            clusterId=cluster,
            sourceEndpoint=source,
            destinationEndpoint=target,
            options=self._types.EmberApsOption(options),
            groupId=group,
            sequence=sequence,
        )

    async def unicast(
        self,
        short: int,
        profile: int,
        cluster: int,
        source: int,
        target: int,
        options: int,
        group: int,
        sequence: int,
        tag: int,
        data: bytes,
    ) -> "tuple[int, int]":
        """Sends to one device; the status, and the APS counter that the message got."""
        kind = self._types.EmberOutgoingMessageType.OUTGOING_DIRECT
        aps = self._aps(profile, cluster, source, target, options, group, sequence)
        status, counter = await self._run("sendUnicast", kind, short, aps, tag, data)
        return self._number(status), int(counter)

    async def broadcast(self, to: int, cluster: int, data: bytes) -> None:
        """Asks all device objects."""
        aps = self._aps(0, cluster, 0, 0, 0, 0, 0)
        if self.version >= 14:
            arguments: tuple[Any, ...] = (0xFFFF, to, 0, aps, 0, 0, data)
        else:
            arguments = (to, aps, 0, 0, data)
        status = await self._status("sendBroadcast", *arguments)
        if status:
            self._count("broadcast not sent: %s" % self.name_of(status))

    async def reply(
        self, short: int, profile: int, cluster: int, source: int, target: int, options: int, group: int, sequence: int
    ) -> int:
        """Acknowledges a block."""
        return await self._status(
            "sendReply", short, self._aps(profile, cluster, source, target, options, group, sequence), b""
        )


# ---- opening, in words


def _why_lost(error: "BaseException | None") -> str:
    """What became of the line, in words."""
    code = getattr(error, "code", None)
    # bellows puts words there when it is the port that failed.
    if isinstance(code, int):
        if code == GAVE_UP:
            return "the stick gave up, because it was not acknowledged"
        return "the stick was reset by itself (%s)" % str(getattr(code, "name", code)).replace("_", " ").lower()
    if isinstance(error, TimeoutError):
        return "the stick does not answer"
    if isinstance(error, ConnectionError) and error.errno:
        return "the line failed: %s" % os.strerror(error.errno).lower()
    return "the line is closed: the stick is unplugged, or its port gone"


def _why_not_open(place: str, error: BaseException, bauds: "tuple[int, ...]") -> str:
    """Why a stick cannot be opened, and what to do."""
    if isinstance(error, TimeoutError) or not isinstance(error, OSError):
        known = sticks.known_at(place)
        if known is not None and not known.ezsp:
            return "%s is a %s, which does not speak EZSP" % (place, known.name)
        at = "" if place.startswith("socket:") else " at %s baud" % ", ".join(["%d" % baud for baud in bauds])
        return (
            "%s does not answer as a Silicon Labs co-processor (EZSP)%s; it has another firmware, such as a router's or"
            " RCP, or another chip" % (place, at)
        )
    if place.startswith("socket:"):
        if isinstance(error, ConnectionRefusedError):
            return "nobody listens at %s" % place
        return "%s cannot be reached: %s" % (place, error.strerror or error)
    if isinstance(error, PermissionError) and error.errno is None:
        # zigpy's word for a port that is locked.
        error = OSError(errno.EBUSY, "busy")
    why = why_not(place, error)
    if error.errno == errno.ENOENT:
        why += " `slotmeter radio list` shows what is"
    return why


async def open_stick(
    place: str,
    session: Session,
    count: "Callable[[str], None]",
    wanted: "tuple[tuple[int, str], ...]",
) -> "tuple[Stick, tuple[int, str]]":
    """Opens a stick with the first of the (baud, flow control) `wanted` at which it answers; HalError in words."""
    last: BaseException = TimeoutError()
    for baud, flow in wanted:
        stick = Stick(place, baud, flow, session, count)
        try:
            async with asyncio.timeout(PROBE_S if len(wanted) > 1 else OPEN_S):
                await stick.open()
        except Gone:
            await stick.close()
            raise
        except Exception as error:  # noqa: BLE001  # bellows raises whatever its parts raise
            await stick.close()
            last = error
            if isinstance(error, OSError) and not isinstance(error, TimeoutError):
                break
            continue
        if stick.version < OLDEST_VERSION:
            await stick.close()
            raise HalError(
                UNAVAILABLE,
                "%s speaks EZSP version %d; it takes %d or later, which is EmberZNet 7.4: flash newer firmware"
                % (place, stick.version, OLDEST_VERSION),
            )
        return stick, (baud, flow)
    raise HalError(UNAVAILABLE, _why_not_open(place, last, tuple([baud for baud, _ in wanted]))) from last


async def _started(
    place: str,
    eui64: "bytes | None",
    once_only: bool,
    opener: "Callable[[Session], Awaitable[Stick]]",
    tell: "Callable[[object], None]",
    keys: Keys,
    count: "Callable[[str], None]",
) -> Session:
    """A session with an open stick; one that fails meanwhile is opened again, a few times."""
    last: Exception = TimeoutError()
    for _ in range(TRIES):
        session = Session(opener, tell, keys, count)
        try:
            await session.start(eui64, once_only)
            return session
        except (Gone, Refused) as error:
            await session.close()
            last = error
        except BaseException:
            await session.close()
            raise
    raise HalError(UNAVAILABLE, "%s: %s" % (place, last)) from last


def _ignore(_what: object) -> None:
    """For who is not interested."""


class _Thread:
    """The thread that bellows runs in, with its event loop."""

    # How many are there, and what was set before the first.
    _running = 0
    _interval = 0.0
    _lock = threading.Lock()

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        # bellows leaves tasks behind that failed with their line, which is told already.
        self.loop.set_exception_handler(lambda _loop, _context: None)
        self._thread = threading.Thread(target=self._main, name="slotmeter radio", daemon=True)
        with _Thread._lock:
            if not _Thread._running:
                _Thread._interval = sys.getswitchinterval()
                sys.setswitchinterval(min(SWITCH_S, _Thread._interval))
            _Thread._running += 1
        self._thread.start()

    def _main(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_forever()
        finally:
            self.loop.run_until_complete(self.loop.shutdown_asyncgens())
            self.loop.run_until_complete(self.loop.shutdown_default_executor())
            self.loop.close()

    def submit(self, work: "Any") -> "concurrent.futures.Future[Any]":
        """Has a coroutine run there."""
        return asyncio.run_coroutine_threadsafe(work, self.loop)

    def call(self, what: "Callable[..., object]", *arguments: "Any") -> None:
        """Has something called there."""
        self.loop.call_soon_threadsafe(what, *arguments)

    def close(self) -> None:
        """Ends it."""
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(2 * CLOSE_S)
        with _Thread._lock:
            _Thread._running -= 1
            if not _Thread._running:
                sys.setswitchinterval(_Thread._interval)


class EzspRadio(Radio):
    """The radio of the stick at `place` (/dev/..., or socket://host:port).

    eui64: the address that it shall have, None for its own; it is written when the firmware can have it rewritten, and
    with once_only also when that can be done only once, for ever. baud, flow ("hardware" or "software"): None for what
    is known of the stick, or tried. HalError(UNAVAILABLE) says in words why it cannot be opened.

    dropped: how often something was dropped or refused, by reason.
    """

    def __init__(
        self,
        place: str,
        eui64: "bytes | None" = None,
        once_only: bool = False,
        baud: "int | None" = None,
        flow: "str | None" = None,
    ) -> None:
        self.dropped: dict[str, int] = {}
        self._where = place
        self._line = sticks.speeds(place, baud, flow)
        self._events: deque[object] = deque()
        self._lock = threading.Lock()
        self._signal = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._handle = 0
        self._keys = Keys()
        self._closed = False
        # Before there is a thread: without bellows there is nothing to run in it.
        try:
            _libraries()
        except HalError:
            os.close(self._signal)
            raise
        self._thread = _Thread()
        self._run: asyncio.Task[None] | None = None
        try:
            self._session: Session = self._thread.submit(self._opened(eui64, once_only)).result()
        except BaseException:
            self._thread.close()
            os.close(self._signal)
            raise
        self.eui64 = self._session.eui64

    async def _opened(self, eui64: "bytes | None", once_only: bool) -> Session:
        session = await _started(self._where, eui64, once_only, self._open, self._tell, self._keys, self._count)
        self._run = asyncio.get_running_loop().create_task(session.run())
        return session

    async def _open(self, session: Session) -> Stick:
        stick, found = await open_stick(self._where, session, self._count, self._line)
        self._line = (found,)
        return stick

    def _count(self, reason: str) -> None:
        self.dropped[reason] = self.dropped.get(reason, 0) + 1

    def _tell(self, event: object) -> None:
        with self._lock:
            if len(self._events) >= EVENT_LIMIT and isinstance(event, Received):
                self._count("message that nobody fetched")
                return
            self._events.append(event)
            if not self._closed:
                os.eventfd_write(self._signal, 1)

    def network_key(self) -> bytes:
        """The key of the network that it is in, asked of the stick; b"" when it is in none or does not tell."""
        try:
            found: bytes = self._thread.submit(self._session.network_key()).result(COMMAND_S)
        except (Gone, Refused, concurrent.futures.TimeoutError):
            return b""
        return found

    def fileno(self) -> int:
        """Readable while `next_event` has something."""
        return self._signal

    def close(self) -> None:
        """Lets go of the stick, which goes on in its network by itself."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        try:
            self._thread.submit(self._end()).result(3 * CLOSE_S)
        except concurrent.futures.TimeoutError:
            self._count("closing took too long")
        self._thread.close()
        os.close(self._signal)

    async def _end(self) -> None:
        # What was set is to be in the stick.
        await self._session.settle(SETTLE_S)
        if self._run is not None:
            self._run.cancel()
            await asyncio.wait({self._run})

    # ---- the port

    def form(self, channel: int, pan: int, extended_pan: bytes, network_key: bytes, now_ms: int) -> None:
        """See Radio."""
        self._thread.call(self._session.form, channel, pan, extended_pan, network_key)

    def permit(self, seconds: int, now_ms: int) -> None:
        """See Radio."""
        self._thread.call(self._session.permit, seconds)

    def set_link_key(self, peer: bytes, key: bytes) -> None:
        """See Radio."""
        if not self._keys.take(peer):
            raise HalError(
                RADIO_FULL,
                "the stick keeps %d link keys, and all are in use: remove a device first" % self._keys.size,
            )
        self._thread.call(self._session.set_link_key, peer, key)

    def drop_link_key(self, peer: bytes) -> None:
        """See Radio."""
        self._keys.drop(peer)
        self._thread.call(self._session.drop_link_key, peer)

    def join(self, link_key: bytes, now_ms: int) -> None:
        """See Radio."""
        self._thread.call(self._session.join, link_key)

    def rejoin(self, now_ms: int) -> None:
        """See Radio."""
        self._thread.call(self._session.rejoin)

    def resume(self, now_ms: int) -> None:
        """See Radio."""
        self._thread.call(self._session.resume)

    def place(self) -> "Place | None":
        """See Radio."""
        return self._session.place

    def request_link_key(self, peer: bytes, now_ms: int) -> None:
        """See Radio."""
        self._thread.call(self._session.request_link_key, peer)

    def send_away(self, peer: bytes, now_ms: int) -> None:
        """See Radio."""
        self._thread.call(self._session.send_away, peer)

    def change_network_key(self, key: bytes, now_ms: int) -> None:
        """See Radio."""
        self._thread.call(self._session.change_network_key, key)

    def leave(self, now_ms: int) -> None:
        """See Radio."""
        self._thread.call(self._session.leave)

    def serve(self, endpoint: int, profile: int, device: int, inputs: "list[int]", outputs: "list[int]") -> None:
        """See Radio."""
        self._thread.call(self._session.serve, endpoint, profile, device, inputs, outputs)

    def send(
        self,
        peer: bytes,
        peer_endpoint: int,
        endpoint: int,
        profile: int,
        cluster: int,
        payload: bytes,
        secured: bool,
        now_ms: int,
    ) -> int:
        """See Radio."""
        self._handle += 1
        out = Outgoing(self._handle, peer, (peer_endpoint, endpoint, profile, cluster), bytes(payload), secured)
        self._thread.call(self._session.send, out)
        return self._handle

    def next_event(self) -> "object | None":
        """See Radio."""
        with self._lock:
            if self._events:
                event = self._events.popleft()
                if not self._events and not self._closed:
                    os.eventfd_read(self._signal)
                return event
            return None

    def deadline_ms(self) -> "int | None":
        """See Radio: the radio's thread keeps its own time."""
        return None

    def tick(self, now_ms: int) -> None:
        """See Radio."""


class Probed:
    """What a stick says of itself. rewrite: "yes", "once" or "no"; place, role: in the network that it remembers."""

    def __init__(self) -> None:
        self.version = 0
        self.stack = ""
        self.manufacturer = ""
        self.board = ""
        self.eui64 = b""
        self.rewrite = "no"
        self.key_table = 0
        self.role = ""
        self.place: Place | None = None
        self.baud = 0
        self.flow = ""


def probe(place: str, baud: "int | None" = None, flow: "str | None" = None) -> Probed:
    """Asks a stick what it is; HalError in words when it does not say. If it remembers a network it is in it for a
    moment, as there is no other way to ask for it.
    """
    _libraries()
    return asyncio.run(_probe(place, sticks.speeds(place, baud, flow)))


async def _probe(place: str, wanted: "tuple[tuple[int, str], ...]") -> Probed:
    found = Probed()

    async def opener(session: Session) -> Stick:
        stick, (found.baud, found.flow) = await open_stick(place, session, _ignore, wanted)
        found.version = stick.version
        found.manufacturer, found.board, found.stack = await stick.board()
        try:
            found.rewrite = "yes" if await stick.can_rewrite() else "once" if await stick.can_write_once() else "no"
        except Refused:
            pass
        return stick

    keys = Keys()
    session = await _started(place, None, False, opener, _ignore, keys, _ignore)
    try:
        found.eui64 = session.eui64
        found.key_table = keys.size
        found.role, found.place = await session.look()
    except (Gone, Refused) as error:
        raise HalError(UNAVAILABLE, "%s: %s" % (place, error)) from error
    finally:
        await session.close()
    return found
