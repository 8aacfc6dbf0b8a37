"""The radio port: a device of a ZigBee network that hands over whole APS payloads.

Addresses are EUI-64s, most significant octet first; endpoints 1 to 240; times milliseconds. Whoever implements it cuts
what is too long for a frame, repeats what was lost, and knows by itself which short address a device has now. What
becomes of a call is told by an event later; nothing blocks.
"""


class Up:
    """The device is in a network. rejoined: it was in it before; trust_centre: whose network it is."""

    def __init__(self, trust_centre: bytes, rejoined: bool) -> None:
        self.trust_centre = trust_centre
        self.rejoined = rejoined

    def __repr__(self) -> str:
        return "Up(%s%s)" % (self.trust_centre.hex(), ", rejoined" if self.rejoined else "")


class JoinFailed:
    """The device did not get in; reason in words."""

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def __repr__(self) -> str:
        return "JoinFailed(%s)" % self.reason


class Down:
    """The device is in no network any more. asked: somebody told it to leave."""

    def __init__(self, asked: bool) -> None:
        self.asked = asked

    def __repr__(self) -> str:
        return "Down(%s)" % ("asked" if self.asked else "by itself")


class DeviceJoined:
    """At the trust centre: a device came in. let_in: it was given the network key; rejoined: it was in the network
    before, and comes with the keys that it had then.
    """

    def __init__(self, eui64: bytes, let_in: bool, rejoined: bool) -> None:
        self.eui64 = eui64
        self.let_in = let_in
        self.rejoined = rejoined

    def __repr__(self) -> str:
        return "DeviceJoined(%s, %s)" % (self.eui64.hex(), "let in" if self.let_in or self.rejoined else "turned away")


class DeviceLeft:
    """At the trust centre: a device left."""

    def __init__(self, eui64: bytes) -> None:
        self.eui64 = eui64

    def __repr__(self) -> str:
        return "DeviceLeft(%s)" % self.eui64.hex()


class KeyShared:
    """The trust centre gave this device and `peer` a link key of their own, as one of the two had asked it to."""

    def __init__(self, peer: bytes) -> None:
        self.peer = peer

    def __repr__(self) -> str:
        return "KeyShared(%s)" % self.peer.hex()


class Failed:
    """The radio itself does not work: unplugged, or reset by itself; why, in words. It is brought back without being
    asked; what is sent until then is lost, and Recovered follows.
    """

    def __init__(self, why: str) -> None:
        self.why = why

    def __repr__(self) -> str:
        return "Failed(%s)" % self.why


class Recovered:
    """The radio works again. in_network: in the network that it was in, with its keys, without having joined again."""

    def __init__(self, in_network: bool) -> None:
        self.in_network = in_network

    def __repr__(self) -> str:
        return "Recovered(%s)" % ("in its network" if self.in_network else "in no network")


class Place:
    """Where a network is: channel 11 to 26, pan, extended_pan."""

    def __init__(self, channel: int, pan: int, extended_pan: bytes) -> None:
        self.channel = channel
        self.pan = pan
        self.extended_pan = extended_pan

    def __repr__(self) -> str:
        return "Place(channel %d, PAN %04X, %s)" % (self.channel, self.pan, self.extended_pan.hex())


class Received:
    """A payload for an endpoint of this device. secured: protected by the link key with `peer`; broadcast: to all."""

    def __init__(
        self,
        peer: bytes,
        peer_endpoint: int,
        endpoint: int,
        profile: int,
        cluster: int,
        payload: bytes,
        secured: bool,
        broadcast: bool,
    ) -> None:
        self.peer = peer
        self.peer_endpoint = peer_endpoint
        self.endpoint = endpoint
        self.profile = profile
        self.cluster = cluster
        self.payload = payload
        self.secured = secured
        self.broadcast = broadcast

    def __repr__(self) -> str:
        return "Received(%s, cluster %04X, %d octets)" % (self.peer.hex(), self.cluster, len(self.payload))


class Sent:
    """What became of the payload that `send` gave this handle."""

    def __init__(self, handle: int, delivered: bool) -> None:
        self.handle = handle
        self.delivered = delivered

    def __repr__(self) -> str:
        return "Sent(%d, %s)" % (self.handle, "delivered" if self.delivered else "lost")


class Radio:
    """One device's radio. eui64: its address, which does not change."""

    eui64 = b""

    def form(self, channel: int, pan: int, extended_pan: bytes, network_key: bytes, now_ms: int) -> None:
        """Starts a network on channel 11 to 26, as its coordinator and trust centre. Up follows."""
        raise NotImplementedError

    def permit(self, seconds: int, now_ms: int) -> None:
        """Lets devices join here for so long; 0 closes."""
        raise NotImplementedError

    def set_link_key(self, peer: bytes, key: bytes) -> None:
        """The key (16 octets) that is shared with `peer` from now on. At the trust centre it is also what lets the
        device in. HalError when there is no room for another.
        """
        raise NotImplementedError

    def drop_link_key(self, peer: bytes) -> None:
        """Forgets it; none is no error."""
        raise NotImplementedError

    def join(self, link_key: bytes, now_ms: int) -> None:
        """Looks for a network that lets devices join, and joins the one heard best with the key that was made from the
        install code. Up or JoinFailed follows.
        """
        raise NotImplementedError

    def rejoin(self, now_ms: int) -> None:
        """Comes back to the network that it was in. Up or JoinFailed follows."""
        raise NotImplementedError

    def resume(self, now_ms: int) -> None:
        """Goes on in the network that the radio remembers from before it lost its power, without a frame on the air. Up
        (rejoined) follows, or JoinFailed when it remembers none.
        """
        raise NotImplementedError

    def place(self) -> "Place | None":
        """Where the network is that the device is in; None when it is in none."""
        raise NotImplementedError

    def request_link_key(self, peer: bytes, now_ms: int) -> None:
        """Asks the trust centre for a link key with another device of the network; KeyShared follows on both, or
        nothing: the trust centre does not say no.
        """
        raise NotImplementedError

    def send_away(self, peer: bytes, now_ms: int) -> None:
        """At the trust centre: tells a device to leave the network, and not to come back."""
        raise NotImplementedError

    def change_network_key(self, key: bytes, now_ms: int) -> None:
        """At the trust centre: gives everybody the network's next key (16 octets), and a while later has it used."""
        raise NotImplementedError

    def leave(self, now_ms: int) -> None:
        """Leaves the network. Down follows."""
        raise NotImplementedError

    def serve(self, endpoint: int, profile: int, device: int, inputs: "list[int]", outputs: "list[int]") -> None:
        """What the device tells of an endpoint when it is asked for its simple descriptor."""
        raise NotImplementedError

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
        """Sends a payload; Sent follows with the handle that is returned."""
        raise NotImplementedError

    def next_event(self) -> "object | None":
        """The next of the classes above, or None."""
        raise NotImplementedError

    def deadline_ms(self) -> "int | None":
        """When `tick` has something to do; None when only the world can bring something."""
        raise NotImplementedError

    def tick(self, now_ms: int) -> None:
        """It is that time."""
        raise NotImplementedError
