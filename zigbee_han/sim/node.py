"""One device on the air, a coordinator with its trust centre or a router: all layers, and how it gets into a network.

    state      is left when
    OFF        form: UP; join: JOINING; rejoin, if it knows a network: REJOINING
    JOINING    associated: WAITING; otherwise OFF, and JoinFailed says why
    WAITING    the network key came sealed under the device's link key: UP, and the device announces itself; in
               clear, or not within ten seconds: OFF, and JoinFailed says why
    REJOINING  a neighbour of the network took it back: UP (WAITING, if it comes without the network key); otherwise OFF
    UP         leave, or told to by parent or trust centre: OFF or REJOINING

The trust centre is the coordinator. It gives the network key to whoever it has a link key for (add_link_key, before the
device joins), under the key made from it: straight to its own child, through the parent to another's, who reports its
child with an update device command and is sent the key in a tunnel command. Two devices that it has link keys with get
a link key of their own from it when one of them asks (request_link_key), unless shares_keys is set to false. Who wants
other rules at the trust centre sets `admits` (who gets the network key, and under which link key) and `gives` (whom a
new link key with the trust centre is given: request, verify and confirm key, 4.4.7).
"""

from slotmeter.zigbee_han.errors import DecodeError, EncodeError
from slotmeter.zigbee_han.frames import aps as aps_frames
from slotmeter.zigbee_han.frames import layout, secure
from slotmeter.zigbee_han.frames import mac as mac_frames
from slotmeter.zigbee_han.frames import nwk as nwk_frames
from slotmeter.zigbee_han.frames import zdo as zdo_frames
from slotmeter.zigbee_han.frames.layout import EUI, KEY, U8, U16, U32
from slotmeter.zigbee_han.mmo import hmac_mmo
from slotmeter.zigbee_han.sim import aps, mac, nwk, zdo

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from slotmeter.hal.crypto import Crypto
    from slotmeter.zigbee_han.sim.air import Dice

OFF = 0
JOINING = 1
WAITING = 2
REJOINING = 3
UP = 4

# How long a device waits for the network key.
KEY_WAIT_MS = 10000
# The broadcast that a key is switched has crossed the network, repetitions and all, by then.
SWITCH_MS = 1500
# The announcement that a device leaves has left by then.
LEAVE_MS = 50
SCAN_DURATION = 3
CHANNELS = tuple(range(11, 27))

# What is kept while a device is off. Counters are of what was sent under a key, and of what is taken next.
_KEY = ("key", (("sequence", U8), ("key", KEY)))
_LINK = ("link", (("partner", EUI), ("key", KEY), ("counter", U32), ("expected", U32)))
_HEARD = ("heard", (("eui", EUI), ("sequence", U8), ("counter", U32)))
_ADDRESS = ("address", (("eui", EUI), ("short", U16)))
_SAVED = (
    "saved",
    (
        ("version", U8, 0x01),
        ("up", U8, 0x01),
        ("coordinator", U8, 0x01),
        ("channel", U8),
        ("pan", U16),
        ("short", U16),
        ("parent", U16),
        ("extended_pan", EUI),
        ("update", U8),
        ("depth", U8),
        ("trust_centre", EUI),
        ("counter", U32),
        ("sequence", U8),
        ("aps_sequence", U8),
        ("active_key", U8),
        ("keys", (U8, _KEY)),
        ("links", (U8, _LINK)),
        ("heard", (U8, _HEARD)),
        ("addresses", (U8, _ADDRESS)),
    ),
)
# Devices of which it is remembered that they left: their neighbours and their parents tell of it.
LEFT_LIMIT = 16
# Status of a confirm key command that refuses.
NOT_VERIFIED = 0xAD
# How far counters go on after `load`: so many frames may have been sent since `save`. Sequence numbers go on as far
# away as there is: others take a number that they have just had for a repetition.
COUNTER_STEP = 4096
SEQUENCE_STEP = 128

_FOR_USER = 0
_FOR_REJOIN = 1
_FOR_REJOIN_WITHOUT_KEY = 2
_FOR_ENERGY = 3

# What a trust centre does with a device that came.
KEY_SEALED = 0
KEY_IN_CLEAR = 1
DENIED = 2
NOTHING = 3

# Why a device did not get in.
ABSENT = 0
REFUSED = 1
NO_KEY = 2
IN_CLEAR = 3


def memory(**values: "Any") -> bytes:
    """What Node.load takes, of values that are named as in the table above: for who keeps them in another way."""
    return layout.build(layout.make(_SAVED, version=1, **values))


def remembered_address(eui: bytes, short: int) -> "Any":
    """One of the `addresses` of `memory`."""
    return layout.make(_ADDRESS, eui=eui, short=short)


def remembered_key(sequence: int, key: bytes) -> "Any":
    """One of the `keys` of `memory`."""
    return layout.make(_KEY, sequence=sequence, key=key)


def verification_of(crypto: "Crypto", key: bytes) -> bytes:
    """What proves that a device has a link key (4.4.7.2.3)."""
    return hmac_mmo(crypto, key, b"\x03")


class Network:
    """A network that a scan found: channel, pan, extended_pan, permit, lqi, depth, stack_profile, update, beacon."""

    def __init__(self, beacon: mac.BeaconHeard, fields: "Any") -> None:
        self.beacon = beacon
        self.channel = beacon.channel
        self.pan = beacon.pan
        self.permit = beacon.permit
        self.lqi = beacon.lqi
        self.extended_pan = fields.extended_pan
        self.stack_profile = fields.profile & 15
        self.takes_routers = bool(fields.profile & nwk_frames.TAKES_ROUTERS)
        self.depth = fields.profile >> 11 & 15
        self.update = fields.update

    def __repr__(self) -> str:
        return "Network(channel %d, PAN %04x, %s)" % (self.channel, self.pan, self.extended_pan.hex())


class Scanned:
    """A scan ended; its networks, one entry for each device that answered."""

    def __init__(self, networks: "list[Network]") -> None:
        self.networks = networks


class Energy:
    """What a scan for energy heard on a channel: the LQI of what was loudest, 0 when nobody sent."""

    def __init__(self, channel: int, lqi: int) -> None:
        self.channel = channel
        self.lqi = lqi


class EnergyScanned:
    """A scan for energy ended."""


class Permitted:
    """Devices may join here for so many seconds from now; 0: no longer."""

    def __init__(self, seconds: int) -> None:
        self.seconds = seconds


class KeyAnnounced:
    """The network's next key came; it is not in use yet."""

    def __init__(self, sequence: int) -> None:
        self.sequence = sequence


class KeySwitched:
    """The network's next key is in use from now on."""

    def __init__(self, sequence: int) -> None:
        self.sequence = sequence


class Up:
    """The device is in a network: short, rejoined."""

    def __init__(self, short: int, rejoined: bool) -> None:
        self.short = short
        self.rejoined = rejoined


class JoinFailed:
    """The device did not get into the network, for this reason; kind: ABSENT, REFUSED, NO_KEY or IN_CLEAR."""

    def __init__(self, reason: str, kind: int) -> None:
        self.reason = reason
        self.kind = kind


class Down:
    """The device left the network; asked: somebody told it to; rejoins: it comes back by itself."""

    def __init__(self, asked: bool, rejoins: bool) -> None:
        self.asked = asked
        self.rejoins = rejoins


class DeviceJoined:
    """At the trust centre: a device came (aps.SECURED_REJOIN, UNSECURED_JOIN, UNSECURED_REJOIN), to the router parent
    (short; None: to this device); decision: KEY_SEALED ...; given_key says whether it was sent the network key.
    """

    def __init__(self, eui: bytes, short: int, status: int, decision: int, parent: "int | None") -> None:
        self.eui = eui
        self.short = short
        self.status = status
        self.decision = decision
        self.given_key = decision <= KEY_IN_CLEAR
        self.parent = parent


class Announced:
    """A device told everyone its address."""

    def __init__(self, eui: bytes, short: int, capability: int) -> None:
        self.eui = eui
        self.short = short
        self.capability = capability


class DeviceLeft:
    """A neighbour left, or its parent (short) reported that one did."""

    def __init__(self, short: int, eui: "bytes | None", parent: "int | None" = None) -> None:
        self.short = short
        self.eui = eui
        self.parent = parent


class KeyShared:
    """The trust centre gave this device and `partner` (EUI-64) a link key of their own."""

    def __init__(self, partner: bytes) -> None:
        self.partner = partner


class KeyAsked:
    """At the trust centre: a device asked for a link key with `partner` (its own EUI-64: with the trust centre)."""

    def __init__(self, eui: bytes, partner: bytes, given: bool) -> None:
        self.eui = eui
        self.partner = partner
        self.given = given


class KeyVerified:
    """A new link key with the trust centre was tried out; at the trust centre eui is the device's, else its own."""

    def __init__(self, eui: bytes, ok: bool) -> None:
        self.eui = eui
        self.ok = ok


class Node:
    """One device. `dropped` counts what was not taken, by reason, `traffic` what was sent and received; patience_ms as
    for the MAC.

    Five verbs: receive(octets, now_ms, lqi), next_event(), to_send(), deadline_ms(), tick(now_ms). Events: the classes
    above, aps.Message, aps.Delivered, nwk.RouteFailed, and at a concentrator nwk.RouteRecorded.
    """

    def __init__(self, eui: bytes, crypto: "Crypto", dice: "Dice", patience_ms: int = 0) -> None:
        self.dropped = {}  # type: dict[str, int]
        self.traffic = {}  # type: dict[str, int]
        self.crypto = crypto
        self._dice = dice
        self._patience_ms = patience_ms
        self._now_ms = 0
        self.restart(eui, 0)

    def restart(self, eui: bytes, now_ms: int) -> None:
        """Begins as after power-up, as the device `eui`: off, with nothing that was set. It stays on its air."""
        self.eui = eui
        self.nwk = nwk.Nwk(eui, self.crypto, self._dice, self._count, self._patience_ms, self.traffic)
        self.aps = aps.Aps(self.crypto, self.nwk, self._count)
        self.zdo = zdo.Zdo(self.nwk)
        self.state = OFF
        self.trust_centre = aps.UNKNOWN
        # At the trust centre: whether devices get link keys with each other.
        self.shares_keys = True
        # Called with (EUI-64, status) when a device comes, for (decision, link key under which the network key goes).
        self.admits = None  # type: Any
        # Called with an EUI-64, for the link key with this trust centre that the device is to have, or None.
        self.gives = None  # type: Any
        # Whether a network key that comes in clear is refused.
        self.needs_sealed_key = True
        # Whether the announcements of devices are handed up as the messages that they are, too.
        self.shows_announcements = False
        self._at(now_ms)
        self._events = []  # type: list[Any]
        # The link key with the trust centre that was in use before the one that is being tried out.
        self._key_before = None  # type: bytes | None
        self._renewing = False
        self._left = []  # type: list[bytes]
        self._found = []  # type: list[Network]
        self._scan_for = _FOR_USER
        self._due_ms = None  # type: int | None
        self._leaving = False
        self._then_rejoin = False
        self._asked = False
        self._rejoined = False
        self._transaction = 0

    def _count(self, reason: str) -> None:
        self.dropped[reason] = self.dropped.get(reason, 0) + 1

    @property
    def channel(self) -> int:
        """The channel that the radio is on, 0 while it is off."""
        return self.nwk.mac.channel

    @property
    def short(self) -> int:
        """The device's address."""
        return self.nwk.mac.short

    def _at(self, now_ms: int) -> None:
        self._now_ms = now_ms
        self.nwk.at(now_ms)

    # What the user wants.

    def form(self, channel: int, pan: int, extended_pan: bytes, network_key: bytes, now_ms: int) -> None:
        """Starts a network, with this device its coordinator and trust centre."""
        self._at(now_ms)
        self.nwk.form(channel, pan, extended_pan, 0, network_key)
        self.trust_centre = self.eui
        self.state = UP
        self._events.append(Up(0, False))

    def permit(self, seconds: int, now_ms: int) -> None:
        """Lets devices join here for so long; 0 closes."""
        self._at(now_ms)
        self.nwk.permit(now_ms + 1000 * seconds if seconds else 0)

    def add_link_key(self, partner: bytes, key: bytes) -> None:
        """At the trust centre: `partner` may have the network key, under this key."""
        if not self.aps.set_link(partner, key):
            raise EncodeError("no room for another link key")

    def scan(self, channels: "tuple[int, ...]", now_ms: int, duration: int = SCAN_DURATION) -> None:
        """Looks for networks; Scanned."""
        self._at(now_ms)
        self._scan(channels, duration, _FOR_USER)

    def scan_energy(self, channels: "tuple[int, ...]", now_ms: int, duration: int = SCAN_DURATION) -> None:
        """Listens for whatever is sent; Energy for each channel, then EnergyScanned."""
        self._at(now_ms)
        self._scan_for = _FOR_ENERGY
        self.nwk.mac.scan_energy(list(channels), duration, now_ms)

    def stop_scan(self, now_ms: int) -> None:
        """Ends a scan with what it has found."""
        self._at(now_ms)
        self.nwk.mac.stop_scan(now_ms)
        self.nwk.work()
        self._work()

    def _scan(self, channels: "tuple[int, ...]", duration: int, purpose: int) -> None:
        self._found = []
        self._scan_for = purpose
        self.nwk.mac.scan(list(channels), duration, self._now_ms)

    def join(self, network: Network, link_key: bytes, now_ms: int) -> None:
        """Joins through the device whose beacon `network` is, with the key made from the install code."""
        self._at(now_ms)
        if self.state != OFF:
            raise EncodeError("in a network, or on the way into one")
        # What is left of a network that could not be rejoined.
        self.nwk.forget()
        self.nwk.at(now_ms)
        self.aps.forget()
        self.aps.begin_link(link_key)
        self.trust_centre = aps.UNKNOWN
        self.state = JOINING
        self.nwk.enter(network.beacon, network.extended_pan, network.depth, now_ms)

    def rejoin(self, channels: "tuple[int, ...]", now_ms: int, with_key: bool = True) -> None:
        """Comes back to the network that the device was in; without the network key, its link key must be known."""
        self._at(now_ms)
        self.state = REJOINING
        self._scan(channels, SCAN_DURATION, _FOR_REJOIN if with_key else _FOR_REJOIN_WITHOUT_KEY)

    def next_key(self, key: bytes, now_ms: int) -> None:
        """At the trust centre: gives everyone the network's next key, under the present one. switch_key makes it count.

        EmberZNet's way (facts 1.4, 0x0073 and 0x0074): broadcast, under the network key alone.
        """
        self._at(now_ms)
        if self.state != UP or not self.nwk.mac.coordinator:
            raise EncodeError("only the trust centre has a next key to give")
        sequence = (self.nwk.active_key + 1) & 0xFF
        payload = aps_frames.build_command(
            aps_frames.TRANSPORT_KEY,
            key_type=aps_frames.NETWORK_KEY,
            key=key,
            sequence=sequence,
            dst=bytes(8),
            src=self.eui,
        )
        self.nwk.set_key(sequence, key, False)
        octets = self.aps.command(payload, None, None, True)
        if octets is not None:
            self.nwk.send(nwk_frames.LISTENERS, octets, -1, now_ms)

    def switch_key(self, now_ms: int) -> None:
        """At the trust centre: everyone who has the next key uses it from now on."""
        self._at(now_ms)
        sequence = (self.nwk.active_key + 1) & 0xFF
        if self.nwk.key(sequence) is None or not self.nwk.mac.coordinator:
            raise EncodeError("no next key was given")
        octets = self.aps.command(aps_frames.build_command(aps_frames.SWITCH_KEY, sequence=sequence), None, None, True)
        if octets is not None:
            self.nwk.send(nwk_frames.LISTENERS, octets, -1, now_ms)
        self._due_ms = now_ms + SWITCH_MS

    def leave(self, now_ms: int) -> None:
        """Leaves the network; Down."""
        self._at(now_ms)
        self._leave(False, False)

    def request_link_key(self, partner: bytes, now_ms: int) -> bool:
        """Asks the trust centre for a link key with another device; KeyShared. False: there is no one to be asked."""
        self._at(now_ms)
        if self.state != UP or self.nwk.mac.coordinator:
            return False
        payload = aps_frames.build_command(
            aps_frames.REQUEST_KEY, key_type=aps_frames.REQUEST_APPLICATION_KEY, partner=partner
        )
        return self._command_to(nwk_frames.COORDINATOR, self.trust_centre, payload, secure.LINK)

    def _command_to(self, dst: int, partner: "bytes | None", payload: bytes, key_id: int) -> bool:
        """Sends an APS command under the link key with `partner`, or what is made from it; False when there is none."""
        octets = self.aps.command(payload, partner, key_id)
        if octets is None:
            return False
        self.nwk.send(dst, octets, -1, self._now_ms)
        return True

    def renew_link_key(self, now_ms: int) -> bool:
        """Asks the trust centre for a new link key with it; KeyVerified. False: there is no one to be asked."""
        self._at(now_ms)
        if self.state != UP or self.nwk.mac.coordinator:
            return False
        payload = aps_frames.build_command(aps_frames.REQUEST_KEY, key_type=aps_frames.TRUST_CENTRE_KEY)
        self._renewing = self._command_to(nwk_frames.COORDINATOR, self.trust_centre, payload, secure.LINK)
        return self._renewing

    def keep_link_key(self) -> None:
        """Waits no longer for a new link key with the trust centre: the one before it stays."""
        self._renewing = False
        if self._key_before is not None:
            self.aps.set_link(self.trust_centre, self._key_before)
            self._key_before = None

    def remove_through(self, parent: int, parent_eui: bytes, eui: bytes, now_ms: int) -> bool:
        """At the trust centre: has the router `parent` (short, EUI-64) send a device away, itself if it is that one.
        False when there is no link key with the router.
        """
        self._at(now_ms)
        payload = aps_frames.build_command(aps_frames.REMOVE_DEVICE, device=eui)
        return self._command_to(parent, parent_eui, payload, secure.LINK)

    def remove(self, eui: bytes, now_ms: int, rejoin: bool = False) -> bool:
        """Tells a neighbour to leave, or, at the trust centre, any device with a link key (which then does not rejoin);
        False when it is neither.
        """
        self._at(now_ms)
        neighbour = self.nwk.neighbour_of(eui)
        if neighbour is not None:
            self.nwk.ask_to_leave(neighbour.short, rejoin)
            return True
        short = self.nwk.short_of(eui)
        if short is None or not self.nwk.mac.coordinator or eui == self.eui:
            return False
        return self.remove_through(short, eui, eui, now_ms)

    def send(
        self,
        dst: int,
        src_endpoint: int,
        dst_endpoint: int,
        profile: int,
        cluster: int,
        payload: bytes,
        now_ms: int,
        sealed: bool = False,
        acknowledged: bool = True,
    ) -> int:
        """Sends to an endpoint of another device, or of many; the handle that Delivered has."""
        self._at(now_ms)
        handle = self.aps.send(
            dst, src_endpoint, dst_endpoint, profile, cluster, payload, now_ms, sealed, acknowledged
        )
        self._work()
        return handle

    def request(self, to: int, message: int, now_ms: int, **values: "Any") -> int:
        """Sends a ZDO message (its cluster); its transaction number. The response comes as a Message of profile 0."""
        self._at(now_ms)
        self._transaction = (self._transaction + 1) & 0xFF
        payload = zdo_frames.build(message, self._transaction, **values)
        self.aps.send(to, 0, 0, 0, message, payload, now_ms, False, False, False)
        self._work()
        return self._transaction

    # While the device is off.

    def save(self) -> bytes:
        """What `load` needs to go on in the network. It holds keys.

        To be kept at the latest each COUNTER_STEP frames; what was not kept of other devices' counters lets frames
        be played again that were heard since.
        """
        below = self.nwk
        keys = tuple([layout.make(_KEY, sequence=number, key=key) for number, key in below.keys])
        links = []
        for one in self.aps.links:
            links.append(
                layout.make(_LINK, partner=one.partner, key=one.key, counter=one.counter, expected=one.expected)
            )
        heard = [layout.make(_HEARD, eui=a, sequence=b, counter=c) for a, b, c in below.counters()]
        addresses = [layout.make(_ADDRESS, eui=a, short=b) for a, b in below.addresses()]
        return memory(
            up=1 if self.state == UP else 0,
            coordinator=1 if below.mac.coordinator else 0,
            channel=below.mac.channel,
            pan=below.mac.pan,
            short=below.mac.short,
            parent=below.parent,
            extended_pan=below.extended_pan,
            update=below.update,
            depth=below.depth,
            trust_centre=self.trust_centre,
            counter=below.counter,
            sequence=below.sequence,
            aps_sequence=self.aps.counter,
            active_key=below.active_key,
            keys=keys,
            links=tuple(links),
            heard=tuple(heard),
            addresses=tuple(addresses),
        )

    def load(self, octets: bytes, now_ms: int, step: int = COUNTER_STEP) -> None:
        """Goes on where `save` was, in a device that is off; DecodeError when `octets` are not what it gave. step: how
        many frames may have been sent since.
        """
        self._at(now_ms)
        if self.state != OFF:
            raise EncodeError("in a network, or on the way into one")
        saved = layout.parse(_SAVED, octets)
        known = [one.sequence for one in saved.keys]
        lost = saved.active_key not in known or saved.short >= mac_frames.NO_SHORT or saved.channel not in CHANNELS
        if saved.version != 1 or (saved.up and lost) or len(known) > 2:
            raise DecodeError("not what a device saves", 0)
        self.nwk.forget()
        self.nwk.resume(saved, step)
        self.nwk.sequence = (saved.sequence + SEQUENCE_STEP) & 0xFF
        self.aps.counter = (saved.aps_sequence + SEQUENCE_STEP) & 0xFF
        self.nwk.at(now_ms)
        self.trust_centre = saved.trust_centre
        self.aps.links = []
        for one in saved.links:
            link = aps.Link(one.partner, one.key)
            link.counter = min(one.counter + step, secure.COUNTER_LIMIT)
            link.expected = one.expected
            self.aps.links.append(link)
        if saved.up:
            self.state = UP
            self._events.append(Up(self.short, True))

    # The five verbs.

    def receive(self, octets: bytes, now_ms: int, lqi: int) -> None:
        """Takes what the radio heard."""
        self._now_ms = now_ms
        self.nwk.receive(octets, now_ms, lqi)
        self._work()

    def next_event(self) -> "Any":
        """The next event, or None."""
        return self._events.pop(0) if self._events else None

    def has_events(self) -> bool:
        """Whether `next_event` has one."""
        return bool(self._events)

    def to_send(self) -> bytes:
        """The octets of the next frame, or b""."""
        return self.nwk.to_send()

    def deadline_ms(self) -> "int | None":
        """When `tick` is due, or None."""
        due = self._due_ms
        for other in (self.nwk.deadline_ms(), self.aps.deadline_ms()):
            if other is not None and (due is None or other < due):
                due = other
        return due

    def tick(self, now_ms: int) -> None:
        """It is that time."""
        self._now_ms = now_ms
        self.nwk.tick(now_ms)
        self.aps.tick(now_ms)
        self._work()
        if self._due_ms is not None and now_ms >= self._due_ms:
            self._due_ms = None
            if self._leaving:
                self._gone()
            elif self.state == UP:
                self._use_key((self.nwk.active_key + 1) & 0xFF)
            elif self.state == WAITING:
                self._failed("no network key came", NO_KEY)

    # Between the layers.

    def work(self, now_ms: int) -> None:
        """Does what follows from something that was asked of `aps` or `nwk` directly."""
        self._at(now_ms)
        self._work()

    def _work(self) -> None:
        event = self.nwk.next_event()
        while event is not None:
            # A child's network key is sealed at once, and a board has few calls to spare.
            if isinstance(event, nwk.Joined):
                self._child(event)
            else:
                self._network(event)
            event = self.nwk.next_event()
        for _ in range(3):
            # Again for what could not be sent, for what asked ourselves, and for what we answered ourselves.
            event = self.aps.next_event()
            while event is not None:
                if isinstance(event, aps.Command):
                    self._command(event)
                elif isinstance(event, aps.Message) and event.profile == 0 and event.dst_endpoint == 0:
                    self._device_object(event)
                else:
                    self._events.append(event)
                event = self.aps.next_event()
            self.aps.work()

    def _network(self, event: "Any") -> None:
        if isinstance(event, nwk.Received):
            self.aps.take(event, self._now_ms)
        elif isinstance(event, nwk.Sent):
            self.aps.sent(event.handle, event.ok)
        elif isinstance(event, mac.BeaconHeard):
            self._beacon(event)
        elif isinstance(event, mac.ScanDone):
            self._scanned()
        elif isinstance(event, nwk.Entered):
            self._entered(event)
        elif isinstance(event, nwk.Left):
            if event.eui is None and event.short == self.short:
                self._leave(event.rejoin, True)
            else:
                self._went(event.short, event.eui, None)
                if event.child and event.eui is not None and not self.nwk.mac.coordinator:
                    self._report(event.eui, event.short, aps_frames.DEVICE_LEFT)
        elif isinstance(event, mac.EnergyFound):
            self._events.append(Energy(event.channel, event.lqi))
        elif isinstance(event, nwk.Permitted):
            self._events.append(Permitted(event.seconds))
        elif isinstance(event, (nwk.RouteRecorded, nwk.RouteFailed)):
            # After RouteFailed the acknowledgement does not come, and the frame goes again with another route.
            self._events.append(event)

    def _beacon(self, event: mac.BeaconHeard) -> None:
        try:
            self._found.append(Network(event, nwk_frames.parse_beacon(event.payload)))
        except DecodeError as error:
            self._count("beacon: " + error.reason)

    def _scanned(self) -> None:
        networks = self._found
        self._found = []
        if self._scan_for == _FOR_ENERGY:
            self._events.append(EnergyScanned())
            return
        if self._scan_for == _FOR_USER:
            self._events.append(Scanned(networks))
            return
        best = None
        for one in networks:
            if one.extended_pan == self.nwk.extended_pan and (best is None or one.lqi > best.lqi):
                best = one
        if best is None:
            self._failed("the network is not there", ABSENT)
            return
        self.nwk.reenter(best.beacon, best.depth, self._now_ms, self._scan_for == _FOR_REJOIN)

    def _entered(self, event: nwk.Entered) -> None:
        if not event.ok:
            self._failed(event.reason, REFUSED)
        elif event.rejoined and not self.nwk.awaiting_key:
            self._authorised(True)
        else:
            self._rejoined = event.rejoined
            self.state = WAITING
            self._due_ms = self._now_ms + KEY_WAIT_MS

    def _failed(self, reason: str, kind: int) -> None:
        keys = (self.nwk.keys, self.nwk.active_key, self.nwk.extended_pan)
        rejoining = self.state == REJOINING or (self.state == WAITING and self._rejoined)
        short = self.short
        self.nwk.forget()
        if rejoining:
            # It is still a device of that network and may try again.
            self.nwk.keys, self.nwk.active_key, self.nwk.extended_pan = keys
            self.nwk.mac.short = short
        self.state = OFF
        self._due_ms = None
        self._events.append(JoinFailed(reason, kind))

    def _authorised(self, rejoined: bool) -> None:
        self.state = UP
        self._due_ms = None
        self._events.append(Up(self.short, rejoined))
        self.request(
            nwk_frames.LISTENERS,
            zdo_frames.DEVICE_ANNOUNCE,
            self._now_ms,
            short=self.short,
            eui=self.eui,
            capability=mac_frames.ROUTER,
        )

    # The trust centre, and parents.

    def _child(self, event: nwk.Joined) -> None:
        status = aps_frames.UNSECURED_JOIN
        if event.rejoined:
            status = aps_frames.SECURED_REJOIN if event.secured else aps_frames.UNSECURED_REJOIN
        if self.nwk.mac.coordinator:
            self._came(event.eui, event.short, status, None)
            return
        self._report(event.eui, event.short, status)

    def _went(self, short: int, eui: "bytes | None", parent: "int | None") -> None:
        """A device left; who hears it twice tells of it once."""
        if eui is not None:
            if eui in self._left:
                return
            self._left = self._left[-LEFT_LIMIT + 1 :] + [eui]
        self._events.append(DeviceLeft(short, eui, parent))

    def _report(self, eui: bytes, short: int, status: int) -> None:
        """Tells the trust centre what became of a child."""
        payload = aps_frames.build_command(aps_frames.UPDATE_DEVICE, device=eui, short=short, status=status)
        self._command_to(nwk_frames.COORDINATOR, self.trust_centre, payload, secure.LINK)

    def _came(self, eui: bytes, short: int, status: int, parent: "int | None") -> None:
        """A device came, to this device or to the router `parent`: it gets the network key if its link key is known."""
        self.nwk.remember(eui, short)
        self._left = [one for one in self._left if one != eui]
        octets = None
        key = self.nwk.key(self.nwk.active_key)
        decision = NOTHING
        link = None
        if status != aps_frames.SECURED_REJOIN and key is not None:
            decision = KEY_SEALED
            if self.admits is not None:
                decision, link = self.admits(eui, status)
        if decision <= KEY_IN_CLEAR and key is not None:
            payload = aps_frames.build_command(
                aps_frames.TRANSPORT_KEY,
                key_type=aps_frames.NETWORK_KEY,
                key=key,
                sequence=self.nwk.active_key,
                dst=eui,
                src=self.eui,
            )
            if decision == KEY_IN_CLEAR:
                octets = self.aps.command(payload, None, None)
            elif link is not None:
                octets = self.aps.command_under(payload, link, secure.TRANSPORT)
            else:
                octets = self.aps.command(payload, eui, secure.TRANSPORT)
            if octets is None:
                decision = DENIED
            if octets is not None and parent is None:
                # It has asked for its address; the key follows when that was sent.
                self.nwk.send_unsealed(short, octets, -1, self._now_ms)
            elif octets is not None:
                tunnel = aps_frames.build_command(aps_frames.TUNNEL, dst=eui, frame=octets)
                around = self.aps.command(tunnel, None, None)
                if around is not None:
                    self.nwk.send(parent or 0, around, -1, self._now_ms)
        self._events.append(DeviceJoined(eui, short, status, decision, parent))

    def _command(self, event: aps.Command) -> None:
        fields = event.fields
        if fields.command == aps_frames.TRANSPORT_KEY:
            self._key(event)
        elif fields.command == aps_frames.UPDATE_DEVICE:
            if not self.nwk.mac.coordinator or event.key_id != secure.LINK:
                self._count("update device that is not for us, or not sealed")
            elif fields.status == aps_frames.DEVICE_LEFT:
                self._went(fields.short, fields.device, event.src)
            else:
                self._came(fields.device, fields.short, fields.status, event.src)
        elif fields.command == aps_frames.TUNNEL:
            child = self.nwk.neighbour_of(fields.dst)
            if event.src != nwk_frames.COORDINATOR or child is None or child.authenticated:
                self._count("tunnel for a device that is no new child")
            else:
                self.nwk.send_unsealed(child.short, fields.frame, -1, self._now_ms)
        elif fields.command == aps_frames.SWITCH_KEY:
            if event.src != nwk_frames.COORDINATOR or self.nwk.key(fields.sequence) is None:
                self._count("switch to a key that is not known, or not by the trust centre")
            else:
                self._use_key(fields.sequence)
        elif fields.command == aps_frames.VERIFY_KEY:
            self._key_tried(event)
        elif fields.command == aps_frames.REQUEST_KEY:
            self._key_wanted(event)
        elif fields.command == aps_frames.REMOVE_DEVICE:
            self._removed(event)
        else:
            self._key_confirmed(event)

    def _key_wanted(self, event: aps.Command) -> None:
        """At the trust centre: a device wants a link key with another one; both get it."""
        fields = event.fields
        asks = event.src_eui
        if not self.nwk.mac.coordinator or event.key_id != secure.LINK or asks is None:
            self._count("request of a key that is not for us, or not sealed")
            return
        if fields.key_type == aps_frames.TRUST_CENTRE_KEY:
            self._give_key(event.src, asks)
            return
        if fields.key_type != aps_frames.REQUEST_APPLICATION_KEY or not self.shares_keys:
            self._count("request of a key that the trust centre does not give")
            if fields.key_type == aps_frames.REQUEST_APPLICATION_KEY:
                self._events.append(KeyAsked(asks, fields.partner, False))
            return
        other = self.nwk.short_of(fields.partner)
        known = self.aps.link(fields.partner) is not None and fields.partner not in (self.eui, asks)
        self._events.append(KeyAsked(asks, fields.partner, other is not None and known))
        if other is None or not known:
            self._count("request of a key with a device that is not here")
            return
        key = self._dice.octets(16)
        for dst, eui, partner, initiator in ((event.src, asks, fields.partner, 1), (other, fields.partner, asks, 0)):
            payload = aps_frames.build_command(
                aps_frames.TRANSPORT_KEY,
                key_type=aps_frames.APPLICATION_KEY,
                key=key,
                partner=partner,
                initiator=initiator,
            )
            self._command_to(dst, eui, payload, secure.LOAD)

    def _give_key(self, short: int, eui: bytes) -> None:
        """Gives a device the link key with this trust centre that it shall have; it is in use once it was verified."""
        key = None if self.gives is None else self.gives(eui)
        self._events.append(KeyAsked(eui, eui, key is not None))
        if key is None:
            self._count("request of a key that the trust centre does not give")
            return
        payload = aps_frames.build_command(
            aps_frames.TRANSPORT_KEY, key_type=aps_frames.TRUST_CENTRE_KEY, key=key, joiner=eui, centre=self.eui
        )
        self._command_to(short, eui, payload, secure.LOAD)

    def _key_tried(self, event: aps.Command) -> None:
        """At the trust centre: a device proves that it has the link key that it was given."""
        fields = event.fields
        if not self.nwk.mac.coordinator or fields.key_type != aps_frames.TRUST_CENTRE_KEY or self.gives is None:
            self._count("verify key that is not for us")
            return
        key = self.gives(fields.src)
        if key is None:
            self._count("verify key of a key that was not given")
            return
        ok = self.crypto.equal(fields.proof, verification_of(self.crypto, key))
        self._events.append(KeyVerified(fields.src, ok))
        payload = aps_frames.build_command(
            aps_frames.CONFIRM_KEY,
            status=0 if ok else NOT_VERIFIED,
            key_type=aps_frames.TRUST_CENTRE_KEY,
            dst=fields.src,
        )
        link = self.aps.link(fields.src)
        if not ok or link is None or not self.crypto.equal(link.key, key):
            link = aps.Link(fields.src, key)
        octets = self.aps.command_under(payload, link, secure.LINK)
        if octets is not None:
            self.nwk.send(event.src, octets, -1, self._now_ms)

    def _new_key(self, event: aps.Command) -> None:
        """A new link key with the trust centre came: it is tried out."""
        fields = event.fields
        from_centre = event.src_eui == self.trust_centre and fields.joiner == self.eui
        old = self.aps.link(self.trust_centre)
        if event.key_id != secure.LOAD or not from_centre or old is None:
            self._count("link key that is not from the trust centre, or not sealed as link keys are")
            return
        self._renewing = False
        self._key_before = old.key
        self.aps.set_link(self.trust_centre, fields.key)
        proof = verification_of(self.crypto, fields.key)
        payload = aps_frames.build_command(
            aps_frames.VERIFY_KEY, key_type=aps_frames.TRUST_CENTRE_KEY, src=self.eui, proof=proof
        )
        octets = self.aps.command(payload, None, None)
        if octets is not None:
            self.nwk.send(nwk_frames.COORDINATOR, octets, -1, self._now_ms)

    def _key_confirmed(self, event: aps.Command) -> None:
        """The trust centre has tried the new link key out."""
        if event.src_eui != self.trust_centre or event.key_id != secure.LINK or self._key_before is None:
            self._count("confirm key that is not from the trust centre, or was not waited for")
            return
        if event.fields.status:
            self.keep_link_key()
        self._key_before = None
        self._events.append(KeyVerified(self.eui, not event.fields.status))

    def _use_key(self, sequence: int) -> None:
        if sequence != self.nwk.active_key and self.nwk.key(sequence) is not None:
            self.nwk.use_key(sequence)
            self._events.append(KeySwitched(sequence))

    def _removed(self, event: aps.Command) -> None:
        """The trust centre sends this device away, or a child of it."""
        if event.src_eui != self.trust_centre or event.key_id != secure.LINK or self.nwk.mac.coordinator:
            self._count("told to remove a device by somebody who may not")
        elif event.fields.device == self.eui:
            self._leave(False, True)
        else:
            child = self.nwk.neighbour_of(event.fields.device)
            if child is None or child.relationship != nwk.CHILD:
                self._count("told to remove a device that is no child")
            else:
                self.nwk.ask_to_leave(child.short, False)

    def _key(self, event: aps.Command) -> None:
        fields = event.fields
        if self.state == UP and fields.key_type == aps_frames.NETWORK_KEY:
            self._next_key(event)
            return
        if self.state == UP and fields.key_type == aps_frames.APPLICATION_KEY:
            self._shared_key(event)
            return
        if self.state == UP and self._renewing and fields.key_type == aps_frames.TRUST_CENTRE_KEY:
            self._new_key(event)
            return
        if fields.key_type != aps_frames.NETWORK_KEY or fields.dst != self.eui or self.state != WAITING:
            self._count("transported key that was not waited for")
            return
        if event.key_id is None:
            if self.needs_sealed_key:
                self._failed("the network key came in clear", IN_CLEAR)
                return
        elif event.key_id != secure.TRANSPORT or event.src_eui != fields.src:
            self._count("transported key under a key that is not for it")
            return
        link = self.aps.link(aps.UNKNOWN)
        if link is not None:
            link.partner = fields.src
        self.trust_centre = fields.src
        self.nwk.remember(fields.src, nwk_frames.COORDINATOR)
        self.nwk.set_key(fields.sequence, fields.key, True)
        self._authorised(self._rejoined)

    def _shared_key(self, event: aps.Command) -> None:
        """A link key with another device."""
        fields = event.fields
        if event.key_id != secure.LOAD or event.src_eui != self.trust_centre or fields.partner == self.trust_centre:
            self._count("link key that is not from the trust centre, or not sealed as link keys are")
        elif not self.aps.set_link(fields.partner, fields.key):
            self._count("link key that there is no room for")
        else:
            self._events.append(KeyShared(fields.partner))

    def _next_key(self, event: aps.Command) -> None:
        """The network's next key: for all under the present one, or for this device under its link key."""
        fields = event.fields
        for_all = fields.dst == bytes(8) and event.key_id is None and event.sealed_nwk
        for_me = fields.dst == self.eui and event.key_id == secure.TRANSPORT and event.src_eui == fields.src
        known = fields.sequence == self.nwk.active_key
        if known or self.nwk.mac.coordinator or fields.src != self.trust_centre or not (for_all or for_me):
            self._count("network key that is not from the trust centre, or not for us")
            return
        self.nwk.set_key(fields.sequence, fields.key, False)
        self._events.append(KeyAnnounced(fields.sequence))

    # The device object.

    def _device_object(self, event: aps.Message) -> None:
        if event.cluster == zdo_frames.DEVICE_ANNOUNCE:
            try:
                fields = zdo_frames.parse(event.cluster, event.payload)
            except DecodeError as error:
                self._count("ZDO: " + error.reason)
                return
            self.nwk.remember(fields.eui, fields.short)
            self._left = [one for one in self._left if one != fields.eui]
            self._events.append(Announced(fields.eui, fields.short, fields.capability))
            if self.shows_announcements:
                self._events.append(event)
            return
        if event.cluster & zdo_frames.RESPONSE or self.zdo.shows(event.cluster):
            self._events.append(event)
        if event.cluster & zdo_frames.RESPONSE or not self.zdo.answers(event.cluster):
            return
        try:
            payload = self._answer(event)
        except DecodeError as error:
            self._count("ZDO: " + error.reason)
            return
        if payload is not None:
            cluster = event.cluster | zdo_frames.RESPONSE
            self.aps.send(event.src, 0, 0, 0, cluster, payload, self._now_ms, False, False, False)

    def _answer(self, event: aps.Message) -> "bytes | None":
        to_all = event.dst >= nwk_frames.FIRST_BROADCAST
        if event.cluster == zdo_frames.MANAGEMENT_PERMIT:
            fields = zdo_frames.parse(event.cluster, event.payload)
            self.nwk.permit(self._now_ms + 1000 * fields.seconds if fields.seconds else 0)
            return None if to_all else bytes((fields.transaction, zdo_frames.SUCCESS))
        if event.cluster == zdo_frames.MANAGEMENT_LEAVE:
            fields = zdo_frames.parse(event.cluster, event.payload)
            # Only the trust centre may send the device away, and nobody the coordinator.
            if event.src != nwk_frames.COORDINATOR or to_all or fields.eui not in (bytes(8), self.eui):
                return bytes((fields.transaction, zdo_frames.NOT_AUTHORIZED))
            self._leave(bool(fields.flags & zdo_frames.LEAVE_REJOIN), True)
            return bytes((fields.transaction, zdo_frames.SUCCESS))
        return self.zdo.answer(event.cluster, event.payload, to_all)

    # Leaving.

    def _leave(self, rejoin: bool, asked: bool) -> None:
        if self.state != UP or self._leaving:
            return
        self.nwk.leave(rejoin)
        self._leaving = True
        self._then_rejoin = rejoin
        self._asked = asked
        self._due_ms = self._now_ms + LEAVE_MS

    def _gone(self) -> None:
        self._leaving = False
        channel = self.channel
        kept = (self.nwk.keys, self.nwk.active_key, self.nwk.extended_pan, self.short)
        self.nwk.forget()
        self.aps.forget()
        self.state = OFF
        self._events.append(Down(self._asked, self._then_rejoin))
        if self._then_rejoin:
            self.nwk.keys, self.nwk.active_key, self.nwk.extended_pan, self.nwk.mac.short = kept
            self.rejoin((channel,), self._now_ms)
