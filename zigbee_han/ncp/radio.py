"""What a co-processor needs of the air, and the air in which nobody is.

The server tells a radio what to do and takes events from it; a radio takes network and keys from the `Flash` that it
was given, and counters by `Flash.next_nwk_counter`. It knows nothing of EZSP but the statuses in `commands`.
"""

from slotmeter.zigbee_han.ncp import commands

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slotmeter.zigbee_han.ncp.flash import Flash, Network

UNICAST = 0
MULTICAST = 2
BROADCAST = 4
# A broadcast or multicast that we sent ourselves, and hear.
MULTICAST_LOOPBACK = 3
BROADCAST_LOOPBACK = 5

ENERGY_SCAN = 0
ACTIVE_SCAN = 1

# What a scan of one channel takes: (2^n + 1) superframes (IEEE 802.15.4).
SUPERFRAME_US = 15360
FIRST_CHANNEL = 11
LAST_CHANNEL = 26
CHANNELS = 0x07FFF800

# What a receiver hears when nobody sends, in dBm.
NOISE_DBM = -98
# How long a unicast is tried before it has failed: the MAC's tries and the APS layer's, once more.
FAILS_AFTER_MS = 300


class Message:
    """One APS message, out or in. kind: UNICAST, ...; destination: short address, or group; profile, cluster, source
    and target endpoints, options (EZSP's bits), group, counter (of the APS header), data; radius 0 for the default;
    sender: short address; eui: the sender's, or None; lqi 0 to 255, rssi in dBm.

    tag, how, named: the server's own: the host's tag (None: nobody waits for what becomes of it), and how the host
    named the destination.
    """

    def __init__(
        self,
        kind: int,
        destination: int,
        profile: int,
        cluster: int,
        source: int,
        target: int,
        data: bytes,
        options: int = 0,
        group: int = 0,
        counter: int = 0,
        radius: int = 0,
        sender: int = 0,
        tag: "int | None" = None,
    ) -> None:
        self.kind = kind
        self.destination = destination
        self.profile = profile
        self.cluster = cluster
        self.source = source
        self.target = target
        self.data = data
        self.options = options
        self.group = group
        self.counter = counter
        self.radius = radius
        self.sender = sender
        self.tag = tag
        self.how = kind
        self.named = destination
        self.eui: bytes | None = None
        self.lqi = 255
        self.rssi = -40

    def __repr__(self) -> str:
        return "Message(%04X to %04X, cluster %04X, %d octets)" % (
            self.sender,
            self.destination,
            self.cluster,
            len(self.data),
        )


class Sent:
    """What became of a message: status is commands.OK when it was delivered, or commands.DELIVERY_FAILED."""

    def __init__(self, message: Message, status: int) -> None:
        self.message = message
        self.status = status


class Arrived:
    """A message for this node."""

    def __init__(self, message: Message) -> None:
        self.message = message


class Energy:
    """What an energy scan found on a channel, in dBm."""

    def __init__(self, channel: int, rssi: int) -> None:
        self.channel = channel
        self.rssi = rssi


class Beacon:
    """What an active scan found."""

    def __init__(
        self, channel: int, pan: int, extended_pan: bytes, permit: bool, profile: int, update: int, lqi: int, rssi: int
    ) -> None:
        self.channel = channel
        self.pan = pan
        self.extended_pan = extended_pan
        self.permit = permit
        self.profile = profile
        self.update = update
        self.lqi = lqi
        self.rssi = rssi


class Scanned:
    """A scan is over; channel 0 and commands.OK, or the channel where it failed and why."""

    def __init__(self, channel: int = 0, status: int = commands.OK) -> None:
        self.channel = channel
        self.status = status


class NetworkStatus:
    """Joined (commands.NETWORK_UP; the radio has put the network into flash), failed to, left, or something changed."""

    def __init__(self, status: int) -> None:
        self.status = status


class DeviceUpdate:
    """The trust centre heard of a device. update: 0 secured rejoin, 1 joined, 2 left, 3 rejoined unsecured; decision: 0
    key sent encrypted, 1 in clear, 2 denied, 3 nothing done; parent: short address.
    """

    def __init__(self, node_id: int, eui: bytes, update: int, decision: int, parent: int) -> None:
        self.id = node_id
        self.eui = eui
        self.update = update
        self.decision = decision
        self.parent = parent


class Child:
    """A child came or went. type: END_DEVICE and so on."""

    def __init__(self, index: int, joining: bool, node_id: int, eui: bytes, node_type: int) -> None:
        self.index = index
        self.joining = joining
        self.id = node_id
        self.eui = eui
        self.type = node_type


class Radio:
    """What the server calls. None of it blocks; what comes of it are events, later."""

    def start(self, flash: "Flash", now_ms: int) -> None:
        """Becomes the node that `flash` (with a network) says: a coordinator or a router that is on its network."""
        raise NotImplementedError

    def stop(self, now_ms: int) -> None:
        """Is nobody: after leaving, and when the co-processor is reset. Scans and messages under way are forgotten."""
        raise NotImplementedError

    def permit(self, seconds: int, now_ms: int) -> None:
        """Lets devices join for so long: 0 for no longer, 255 for ever."""
        raise NotImplementedError

    def send(self, message: Message, now_ms: int) -> None:
        """Sends to others; every message has its Sent, unless `stop` comes first."""
        raise NotImplementedError

    def scan(self, kind: int, channels: int, duration: int, now_ms: int) -> None:
        """ENERGY_SCAN or ACTIVE_SCAN of the channels of the mask. Energy or Beacon events, and Scanned."""
        raise NotImplementedError

    def stop_scan(self, now_ms: int) -> None:
        """Ends a scan; Scanned tells of it."""
        raise NotImplementedError

    def join(self, flash: "Flash", network: "Network", rejoin: bool, now_ms: int) -> None:
        """Joins `network` (its keys are those for joining), or rejoins. NetworkStatus tells what came of it."""
        raise NotImplementedError

    def next_event(self) -> "object | None":
        """The next event, or None."""
        raise NotImplementedError

    def deadline_ms(self) -> "int | None":
        """When `tick` has something to do."""
        raise NotImplementedError

    def tick(self, now_ms: int) -> None:
        """Does what is due."""
        raise NotImplementedError


class NoAir(Radio):
    """Nobody is there: scans find nothing but noise, unicasts fail, nobody joins. Broadcasts go out: nobody says that
    they did not arrive. Times are those of a radio that tries.
    """

    def __init__(self) -> None:
        # (when, event), in order of time.
        self._due: list[tuple[int, object]] = []
        self._events: list[object] = []
        self._scanning = False
        self._flash: Flash | None = None

    def start(self, flash: "Flash", now_ms: int) -> None:
        """There is nobody to be anybody for."""
        self._flash = flash

    def stop(self, now_ms: int) -> None:
        """Forgets what is under way."""
        self._due = []
        self._events = []
        self._scanning = False
        self._flash = None

    def permit(self, seconds: int, now_ms: int) -> None:
        """Nobody will ask."""

    def send(self, message: Message, now_ms: int) -> None:
        """Unicasts fail after a while, the others are out."""
        if self._flash is not None:
            self._flash.next_nwk_counter()
        if message.kind == UNICAST:
            self._later(now_ms + FAILS_AFTER_MS, Sent(message, commands.DELIVERY_FAILED))
        else:
            self._events.append(Sent(message, commands.OK))

    def scan(self, kind: int, channels: int, duration: int, now_ms: int) -> None:
        """Takes its time and finds noise, or nothing."""
        self._scanning = True
        at_us = now_ms * 1000
        for channel in range(FIRST_CHANNEL, LAST_CHANNEL + 1):
            if channels >> channel & 1:
                at_us += ((1 << duration) + 1) * SUPERFRAME_US
                if kind == ENERGY_SCAN:
                    self._later(at_us // 1000, Energy(channel, NOISE_DBM))
        self._later(at_us // 1000, Scanned())

    def stop_scan(self, now_ms: int) -> None:
        """What was found until now was all."""
        if self._scanning:
            self._scanning = False
            self._due = [pair for pair in self._due if not isinstance(pair[1], (Energy, Scanned))]
            self._events.append(Scanned())

    def join(self, flash: "Flash", network: "Network", rejoin: bool, now_ms: int) -> None:
        """No beacon answers, after the time that listening takes."""
        self._later(now_ms + 9 * SUPERFRAME_US // 1000, NetworkStatus(commands.NO_BEACONS))

    def next_event(self) -> "object | None":
        """The next event, or None."""
        return self._events.pop(0) if self._events else None

    def deadline_ms(self) -> "int | None":
        """When the next thing comes of something."""
        return self._due[0][0] if self._due else None

    def tick(self, now_ms: int) -> None:
        """Lets happen what is due."""
        while self._due and self._due[0][0] <= now_ms:
            event = self._due.pop(0)[1]
            if isinstance(event, Scanned):
                self._scanning = False
            self._events.append(event)

    def _later(self, at_ms: int, event: object) -> None:
        place = len(self._due)
        while place and self._due[place - 1][0] > at_ms:
            place -= 1
        self._due.insert(place, (at_ms, event))
