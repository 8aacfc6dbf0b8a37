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
    """At the trust centre: a device came in. let_in: it was given the network key; rejoined: it had it already."""

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
