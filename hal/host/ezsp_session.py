"""What goes on between us and one ZigBee stick (EZSP): setting it up, its network, who may join, keys, recovery.

`radio_ezsp` owns the thread in which this runs and the stick, and brings what comes from it by the `on_` methods. What
is asked of the network is done one after the other (`ask`); what is sent goes beside it (`ezsp_traffic`). When the line
or the stick fails:

    Failed is told, and Sent(False) of everything that was on its way
    the stick is opened again, at once, then after 0.5, 1, 2 s and so on up to 30 s, for ever
    it goes on in its network (networkInit, never a rejoin); Recovered is told
    what was being asked of the network is asked again
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from slotmeter.hal import fragments
from slotmeter.hal.errors import UNAVAILABLE, HalError
from slotmeter.hal.host.ezsp_traffic import COORDINATOR, OK, Gone, Refused, Traffic
from slotmeter.hal.radio import (
    DeviceJoined,
    DeviceLeft,
    Down,
    Failed,
    JoinFailed,
    KeyShared,
    Place,
    Recovered,
    Up,
)

if TYPE_CHECKING:
    from typing import Any

    from slotmeter.hal.host.radio_ezsp import Stick

# Statuses (sl_Status) that something depends on.
UP = 0x0015
DOWN = 0x0016
NOT_JOINED = 0x0017
NO_BEACONS = 0x0018
MOVE_FAILED = 0x0C06
TOO_SOON = 0x0C0C
# Something about the network changed; the device is in it as before.
CHANGES = (0x0C07, 0x0C16, 0x0C17, 0x0C18, 0x0C19)
WORDS = {
    0x0001: "the device that was asked did not let us in",
    NOT_JOINED: "the device that was asked did not let us in",
    NO_BEACONS: "the network is not there, or lets nobody join",
    0x0056: "the radio does not have that transmit power",
    MOVE_FAILED: "the network is not there",
    0x0C0B: "the radio has no key to join with",
    0x0C1A: "the network key came in clear",
    0x0C1B: "no network key came: the hub does not know this device, or has another install code for it",
    0x0C1C: "no link key came",
    0x0C1D: "the network key came in clear",
}

# Initial security (facts 2.1): never the bits 0x0084 of a key for everybody. The counters go on: a key may come again.
FORM_SECURITY = 0x0200 | 0x0800 | 0x1000
JOIN_SECURITY = 0x0100 | 0x0800 | 0x1000
NO_KEY = bytes(16)
# Configuration: stack profile, security level, children, how long frames wait for them (ms), their poll time-out,
# address cache of the trust centre, source routes, what of the ZDO we hear, seconds that a joining device's key lasts,
# rejoins with the well-known key (none), and all the buffers there are, last.
CONFIGURATION = (
    (0x0C, 2),
    (0x0D, 5),
    (0x11, 32),
    (0x12, 7680),
    (0x13, 8),
    (0x19, 2),
    (0x1A, 32),
    (0x2A, 3),
    (0x36, 3600),
    (0x38, 0),
    (0x01, 255),
)
KEY_TABLE_SIZE = 0x1E
KEYS_WANTED = 12
# Values: what we take and send in one message; at the trust centre nobody but it sends devices away.
LARGEST_IN = 0x05
LARGEST_OUT = 0x06
EXTENDED_SECURITY = 0x0A
LEAVES_NOT_ALLOWED = b"\x00\x01"
# Policies and decisions (facts 2.1, 3.4): for joining only devices whose key is known, never a key in clear; rejoins
# without the network key under the link key; link keys between two devices, but none for the trust centre itself.
JOINING = 0x00
KEYS_OF_CENTRE = 0x05
KEYS_OF_OTHERS = 0x06
OPEN = 0x13
CLOSED = 0x02
DENIED = 0x50
ALLOWED = 0x61

SCAN_WITHIN_S = 10
JOIN_WITHIN_S = 40
UP_WITHIN_S = 10
DOWN_WITHIN_S = 5
# How often a quiet stick is asked whether it is there.
IDLE_S = 10
# The network's next key has reached everybody by then (nwkNetworkBroadcastDeliveryTime); and when that was too soon.
SPREAD_S = 9
SPREAD_AGAIN_S = 2
# EZSP opens a network for 254 s at most; for longer it is opened again.
PERMIT_LIMIT_S = 254
PERMIT_AGAIN_S = 200
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30
# How often the same thing is asked of a stick that fails meanwhile.
TRIES = 3
ROUTERS = 0xFFFC
# ZDO requests.
_LEAVE = 0x0034
_PERMIT = 0x0036
# Device updates, join decisions, key establishment.
_REJOINS = (0, 3)
_LEFT = 2
_GIVEN_KEY = (0, 1)
_KEY_ESTABLISHED = 1


class Network:
    """What a scan found."""

    def __init__(self, channel: int, pan: int, extended_pan: bytes, permit: bool, profile: int, lqi: int) -> None:
        self.channel = channel
        self.pan = pan
        self.extended_pan = extended_pan
        self.permit = permit
        self.profile = profile
        self.lqi = lqi


class Keys:
    """Who the stick has link keys for, as far as we know: asked in the caller's thread, told in the radio's."""

    def __init__(self) -> None:
        self.size = 0
        self._partners: set[bytes] = set()
        self._centre: bytes | None = None
        self._lock = threading.Lock()

    def know(self, partners: "list[bytes]") -> None:
        """These are all that there are."""
        with self._lock:
            self._partners = set(partners)

    def centre(self, centre: "bytes | None") -> None:
        """The trust centre, when it is another: the key with it is not in the table."""
        with self._lock:
            self._centre = centre

    def take(self, partner: bytes) -> bool:
        """Whether there is room for a key with `partner`; it is taken then."""
        with self._lock:
            if partner == self._centre or partner in self._partners:
                return True
            if len(self._partners) >= self.size:
                return False
            self._partners.add(partner)
            return True

    def drop(self, partner: bytes) -> None:
        """Its place is free."""
        with self._lock:
            self._partners.discard(partner)


class Session(Traffic):
    """open_stick: opens and resets it, raises Gone or HalError."""

    def __init__(
        self,
        open_stick: "Callable[[Session], Awaitable[Stick]]",
        tell: "Callable[[object], None]",
        keys: Keys,
        count: "Callable[[str], None]",
    ) -> None:
        super().__init__(tell, count)
        self.place: Place | None = None
        self._open = open_stick
        self._keys = keys
        self._endpoints: list[tuple[int, int, int, list[int], list[int]]] = []
        # Keys that were set here, by peer: the stick forgets its table when it forms.
        self._link_keys: dict[bytes, bytes] = {}
        self._let_in: set[bytes] = set()
        self._status: tuple[tuple[int, ...], asyncio.Future[int]] | None = None
        self._scan: tuple[list[Network], asyncio.Future[int]] | None = None
        self._permit_until = 0.0

    # ---- life

    async def start(self, eui64: "bytes | None", once_only: bool) -> None:
        """Opens the stick for the first time, and gives it its address; Gone or HalError when that cannot be."""
        self._stick = await self._open(self)
        self.eui64 = await self._stick.eui64()
        if eui64 is not None and eui64 != self.eui64:
            await self._stick.rewrite_eui64(eui64, once_only)
            self.eui64 = await self._stick.eui64()
            if self.eui64 != eui64:
                raise HalError(
                    UNAVAILABLE,
                    "the stick took the EUI-64 %s, but goes on as %s" % (eui64.hex("-"), self.eui64.hex("-")),
                )
        await self._set_up()
        self._keys.size = await self._stick.configuration(KEY_TABLE_SIZE) or 0
        self._keys.know(await self._stick.key_partners(self._keys.size))
        self._works = True

    async def run(self) -> None:
        """Does what is asked until it is cancelled; nothing else ends it."""
        try:
            while True:
                try:
                    await self._step()
                except Exception as error:  # noqa: BLE001  # a bug here must not end the radio without a word
                    self._count("fault: %s" % type(error).__name__)
                    self.on_gone("fault in the radio's thread: %s" % type(error).__name__)
        finally:
            await self.close()

    async def settle(self, seconds: float) -> None:
        """Waits until what was asked is done, or for so long; a stick that is gone is not waited for."""
        if not self._works:
            return
        done = self._future()

        async def verb() -> None:
            if not done.done():
                done.set_result(None)

        self.ask(verb)
        await asyncio.wait({done}, timeout=seconds)

    async def close(self) -> None:
        """Lets go of the stick."""
        self._closing = True
        self._drop()
        for name in list(self._timers):
            self._stop_timer(name)
        await self._shut()

    async def _step(self) -> None:
        if self._gone:
            await self._recover()
        elif self._verbs:
            await self._do(self._verbs.popleft())
        else:
            self._work.clear()
            try:
                async with asyncio.timeout(IDLE_S):
                    await self._work.wait()
            except TimeoutError:
                await self._do(self._stick.nop)

    async def _do(self, verb: "Callable[[], Awaitable[None]]") -> None:
        failed = ""
        for _ in range(TRIES):
            try:
                await verb()
                return
            except Refused as error:
                failed = "the stick does not know the command %s" % error
                break
            except Gone as error:
                self.on_gone(str(error))
                await self._recover()
                failed = "the stick failed each time that it was tried"
        self._count(failed)
        if getattr(verb, "joins", False):
            self._tell(JoinFailed(failed))

    async def _shut(self) -> None:
        stick, self._stick = self._stick, None
        if stick is not None:
            await stick.close()

    async def _recover(self) -> None:
        """Brings the stick back; returns when it works."""
        self._tell(Failed(self._gone))
        was_up = self._up
        self._drop()
        pause = 0.0
        while True:
            await self._shut()
            await asyncio.sleep(pause)
            pause = min(2 * pause or FIRST_PAUSE_S, LONGEST_PAUSE_S)
            try:
                self._gone = ""
                in_network = await self._again(was_up)
            except (Gone, HalError, Refused) as error:
                self._gone = str(error) or "the stick does not answer"
                continue
            if self._gone:
                continue
            if was_up and not in_network:
                self._out_of_network()
            self._works = True
            self._tell(Recovered(in_network))
            if in_network and self._permit_until > self._now():
                self.ask(self._permit_again)
            return

    async def _again(self, was_up: bool) -> bool:
        self._stick = await self._open(self)
        eui64 = await self._stick.eui64()
        if eui64 != self.eui64:
            raise Gone("another stick is there, %s instead of %s" % (eui64.hex("-"), self.eui64.hex("-")))
        await self._set_up()
        return was_up and await self._bring_up() == OK

    async def _set_up(self) -> None:
        """What a stick forgets at each reset; before it is in a network."""
        stick = self._stick
        for number, value in CONFIGURATION:
            await stick.configure(number, value)
        largest = fragments.BLOCK_LIMIT * fragments.BLOCK_SIZE
        for number in (LARGEST_IN, LARGEST_OUT):
            await stick.set_value(number, largest.to_bytes(2, "little"))
        if (await stick.configuration(KEY_TABLE_SIZE) or 0) < KEYS_WANTED:
            # It may refuse: what it has is asked for again.
            await stick.configure(KEY_TABLE_SIZE, KEYS_WANTED)
        for endpoint in self._endpoints:
            await stick.add_endpoint(*endpoint)
        await stick.policy(JOINING, CLOSED)
        await stick.policy(KEYS_OF_CENTRE, DENIED)
        await stick.policy(KEYS_OF_OTHERS, ALLOWED)

    # ---- what is asked of the network

    async def _status_after(self, command: "Awaitable[int]", wanted: "tuple[int, ...]", seconds: float) -> "int | None":
        """The stack status that follows a command, or the command's own when it is not OK. wanted: those that count;
        none of them: those that say what came of joining.
        """
        future = self._future()
        self._status = (wanted, future)
        try:
            status = await command
            if status != OK:
                return status
            found: int | None = await self._until(future, seconds)
            return found
        finally:
            self._status = None

    def on_status(self, status: int) -> None:
        """A stack status came."""
        if self._status is not None:
            wanted, future = self._status
            counts = status in wanted if wanted else status not in CHANGES and status != DOWN
            if counts and not future.done():
                future.set_result(status)
            if status not in CHANGES:
                return
        if status in CHANGES:
            if self._up:
                self.ask(self._read_place)
        elif status == DOWN and self._up:
            self._out_of_network()
            self._tell(Down(True))
        elif status == UP and not self._up:
            self.ask(self._came_back)

    async def _came_back(self) -> None:
        if not self._up:
            await self._entered()
            self._tell(Up(self._centre, True))

    def _out_of_network(self) -> None:
        self._up = False
        self._coordinator = False
        self.place = None
        self._permit_until = 0
        self._stop_timer("permit")
        self._stop_timer("key")

    async def _entered(self) -> None:
        """Reads where we are."""
        await self._read_place()
        centre = await self._stick.trust_centre()
        self._centre = self.eui64 if self._coordinator or centre is None else centre
        if self._coordinator:
            self._keys.centre(None)
            await self._stick.set_value(EXTENDED_SECURITY, LEAVES_NOT_ALLOWED)
            await self._stick.concentrate()
        else:
            self._keys.centre(self._centre)
            self._learn(self._centre, COORDINATOR)
        self._up = True

    async def _read_place(self) -> None:
        found = await self._stick.network()
        if found is not None:
            self._coordinator, self.place = found

    async def _bring_up(self) -> int:
        """Goes on in the network that the stick remembers; the status."""
        status = await self._status_after(self._stick.init_network(), (), UP_WITHIN_S)
        if status == UP:
            await self._entered()
            return OK
        return NOT_JOINED if status is None or status == OK else status

    async def _get_out(self) -> None:
        """Leaves, without a word, what network there is."""
        if self._up:
            self._out_of_network()
            await self._status_after(self._stick.leave(), (DOWN,), DOWN_WITHIN_S)

    def form(self, channel: int, pan: int, extended_pan: bytes, network_key: bytes) -> None:
        """See Radio."""

        async def verb() -> None:
            await self._get_out()
            stick = self._stick
            await stick.clear_keys()
            await stick.initial_security(FORM_SECURITY, NO_KEY, network_key)
            status = await self._status_after(stick.form(channel, pan, extended_pan), (), UP_WITHIN_S)
            if status != UP:
                self._tell(JoinFailed("the radio forms no network: %s" % self._words(status)))
                return
            await self._entered()
            self._let_in = set()
            self._keys.know(sorted(self._link_keys))
            for peer in sorted(self._link_keys):
                await self._put_key(peer, self._link_keys[peer])
            self._tell(Up(self._centre, False))

        self._ask_joining(verb)

    def _ask_joining(self, verb: "Any") -> None:
        verb.joins = True
        self.ask(verb)

    def join(self, link_key: bytes) -> None:
        """See Radio."""

        async def verb() -> None:
            await self._get_out()
            self._link_keys = {}
            self._keys.know([])
            self._keys.centre(None)
            networks = await self._scanned()
            if networks is None:
                self._tell(JoinFailed("the radio does not scan"))
                return
            best = None
            for one in networks:
                if one.permit and one.profile == 2 and (best is None or one.lqi > best.lqi):
                    best = one
            if best is None:
                why = "no network lets devices join" if networks else "no network is in reach"
                self._tell(JoinFailed(why))
                return
            stick = self._stick
            await stick.clear_keys()
            await stick.initial_security(JOIN_SECURITY, link_key, NO_KEY)
            status = await self._status_after(stick.join(best), (), JOIN_WITHIN_S)
            await self._told_of_joining(status, False)

        self._ask_joining(verb)

    async def _told_of_joining(self, status: "int | None", rejoined: bool) -> None:
        if status == UP:
            await self._entered()
            self._tell(Up(self._centre, rejoined))
        else:
            self._tell(JoinFailed(WORDS.get(status or 0) or self._words(status)))

    async def _scanned(self) -> "list[Network] | None":
        future = self._future()
        found: list[Network] = []
        self._scan = (found, future)
        try:
            if await self._stick.scan() != OK:
                return None
            if await self._until(future, SCAN_WITHIN_S) != OK:
                return None
            return found
        finally:
            self._scan = None

    def on_found(self, network: Network) -> None:
        """A scan found a network."""
        if self._scan is not None:
            self._scan[0].append(network)

    def on_scanned(self, status: int) -> None:
        """A scan is over."""
        if self._scan is not None and not self._scan[1].done():
            self._scan[1].set_result(status)

    def rejoin(self) -> None:
        """See Radio."""

        async def verb() -> None:
            stick = self._stick
            if not self._up:
                await self._bring_up()
            # It may be down already, or not notice; then secured with the network key, and without, for who missed
            # that it changed.
            status: int | None = None
            for with_key in (True, False):
                self._up = False
                status = await self._status_after(stick.rejoin(with_key), (), JOIN_WITHIN_S)
                if status == UP:
                    break
            await self._told_of_joining(status, True)

        self._ask_joining(verb)

    def resume(self) -> None:
        """See Radio."""

        async def verb() -> None:
            if not self._up and await self._bring_up() != OK:
                self._tell(JoinFailed("the radio remembers no network"))
                return
            self._tell(Up(self._centre, True))

        self._ask_joining(verb)

    async def network_key(self) -> bytes:
        """The key of the network that it is in; b"" when it is in none."""
        found: bytes = await self._stick.network_key() if self._works and self._up else b""
        return found

    async def look(self) -> "tuple[str, Place | None]":
        """The role and place in the network that the stick remembers; it is reset afterwards."""
        if await self._bring_up() != OK:
            return "", None
        found = "coordinator" if self._coordinator else "router", self.place
        await self._stick.reset()
        return found

    def leave(self) -> None:
        """See Radio."""
        told = False

        async def verb() -> None:
            nonlocal told
            if self._up:
                told = True
                await self._get_out()
                self._link_keys = {}
                self._keys.know([])
                await self._stick.clear_keys()
            if told:
                self._tell(Down(False))

        self.ask(verb)

    def serve(self, endpoint: int, profile: int, device: int, inputs: "list[int]", outputs: "list[int]") -> None:
        """See Radio."""
        row = (endpoint, profile, device, list(inputs), list(outputs))

        async def verb() -> None:
            if row not in self._endpoints:
                self._endpoints.append(row)
            if not self._up:
                await self._stick.add_endpoint(*row)
                return
            # A stick in a network takes no endpoint any more: it is reset, and goes on.
            self._drop()
            await self._stick.reset()
            self._up = False
            await self._set_up()
            if await self._bring_up() != OK:
                self._out_of_network()
                self._tell(Down(False))

        self.ask(verb)

    # ---- who may join, and keys

    def permit(self, seconds: int) -> None:
        """See Radio."""

        async def verb() -> None:
            self._permit_until = self._now() + seconds if self._up else 0
            await self._permit_again()

        self.ask(verb)

    async def _permit_again(self) -> None:
        self._stop_timer("permit")
        left = max(0, int(self._permit_until - self._now() + 0.5))
        seconds = min(left, PERMIT_LIMIT_S)
        if not self._up:
            return
        stick = self._stick
        if self._coordinator:
            if seconds:
                for peer in sorted(self._link_keys):
                    if peer not in self._let_in:
                        await stick.import_transient(peer, self._link_keys[peer])
            await stick.policy(JOINING, OPEN if seconds else CLOSED)
        status = await stick.permit(seconds)
        if status != OK:
            self._count("permit: %s" % self._words(status))
        await self._ask_device(ROUTERS, _PERMIT, bytes((seconds, 1)))
        if seconds:
            again = PERMIT_AGAIN_S if left > seconds else seconds
            self._timer("permit", again, lambda: self.ask(self._permit_again))

    def set_link_key(self, peer: bytes, key: bytes) -> None:
        """See Radio; there is room."""

        async def verb() -> None:
            known = self._link_keys.get(peer)
            if known is not None and known != key and self._coordinator:
                # What let it in must not stand beside what was agreed since.
                await self._stick.clear_transients()
                self._let_in.add(peer)
            self._link_keys[peer] = key
            await self._put_key(peer, key)
            if self._up and self._coordinator and self._permit_until > self._now() and peer not in self._let_in:
                await self._stick.import_transient(peer, key)

        self.ask(verb)

    async def _put_key(self, peer: bytes, key: bytes) -> None:
        stick = self._stick
        if self._up and not self._coordinator and peer == self._centre:
            if await stick.import_centre_key(key) == OK:
                return
            # Some firmware keeps that key to itself; one in the table goes before it.
        index = await stick.key_index(peer, self._keys.size)
        status = OK if index is None else await stick.import_key(index, peer, key)
        if index is None or status != OK:
            self._keys.drop(peer)
            self._count("link key that the stick did not take: %s" % self._words(status))

    def drop_link_key(self, peer: bytes) -> None:
        """See Radio."""

        async def verb() -> None:
            self._link_keys.pop(peer, None)
            self._let_in.discard(peer)
            if self._coordinator:
                await self._stick.clear_transients()
            await self._stick.erase_key(peer)

        self.ask(verb)

    def request_link_key(self, peer: bytes) -> None:
        """See Radio."""

        async def verb() -> None:
            status = await self._stick.request_key(peer)
            if status != OK:
                self._count("link key that was not asked for: %s" % self._words(status))

        self.ask(verb)

    def on_key(self, partner: bytes, status: int, name: str) -> None:
        """The trust centre answered a request for a key, with us or of somebody with us."""
        if status == _KEY_ESTABLISHED:
            self._keys.take(partner)
            self._tell(KeyShared(partner))
        else:
            self._count("link key between two devices: %s" % name)

    def send_away(self, peer: bytes) -> None:
        """See Radio."""

        async def verb() -> None:
            short = await self._short_of(peer)
            if short is None:
                self._count("device to be sent away that is not found")
                return
            # An end device hears it from its parent.
            via, via_eui = short, peer
            parent = self._parent.get(peer)
            if peer not in self._routers and parent is not None and parent in self._eui:
                via, via_eui = parent, self._eui[parent]
            status = NOT_JOINED
            try:
                status = await self._stick.remove_device(via, via_eui, peer)
            except Refused:
                pass
            if status != OK:
                # Without a link key with it there is the plain request.
                await self._ask_device(short, _LEAVE, peer[::-1] + b"\x00")

        self.ask(verb)

    def change_network_key(self, key: bytes) -> None:
        """See Radio."""

        async def verb() -> None:
            status = await self._stick.next_network_key(key)
            if status != OK:
                self._count("next network key: %s" % self._words(status))
                return
            self._timer("key", SPREAD_S, lambda: self.ask(switch))

        async def switch() -> None:
            status = await self._stick.switch_network_key()
            if status == TOO_SOON:
                self._timer("key", SPREAD_AGAIN_S, lambda: self.ask(switch))
            elif status != OK:
                self._count("switch of the network key: %s" % self._words(status))

        self.ask(verb)

    # ---- devices and their addresses

    def on_device(self, short: int, eui: bytes, update: int, decision: int, parent: int) -> None:
        """At the trust centre: a device came or left."""
        if update == _LEFT:
            self._forget(eui)
            self._let_in.discard(eui)
            self._tell(DeviceLeft(eui))
            return
        self._learn(eui, short)
        self._parent[eui] = parent
        let_in = decision in _GIVEN_KEY
        if let_in:
            self._let_in.add(eui)
        self._tell(DeviceJoined(eui, let_in, update in _REJOINS))
