"""The radio port on the virtual air: a Node with the words of `slotmeter.hal.radio`.

The air moves the node (Air.run); this only translates. A device whose short address is not known is looked for before
what is meant for it is sent. What `save` gives is kept by whoever made the radio, and given to the next one.
"""

from slotmeter.hal.errors import RADIO_FULL, HalError
from slotmeter.hal.radio import (
    DeviceJoined,
    DeviceLeft,
    Down,
    JoinFailed,
    KeyShared,
    Place,
    Radio,
    Received,
    Sent,
    Up,
)
from slotmeter.zigbee_han.errors import DecodeError, EncodeError
from slotmeter.zigbee_han.frames import aps as aps_frames
from slotmeter.zigbee_han.frames import nwk as nwk_frames
from slotmeter.zigbee_han.frames import zdo as zdo_frames
from slotmeter.zigbee_han.sim import aps, node, zdo

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# How long an answer to "who has this EUI-64" is waited for, and how many payloads wait for one.
SEEK_MS = 1000
# How often a network is looked for before there is none, and how long after the last time (Smart Energy; facts 3.3).
SCANS = 3
SCAN_AGAIN_MS = 1000
# The network's next key has reached everybody, repetitions and all, by then (nwkNetworkBroadcastDeliveryTime).
SPREAD_MS = 9000
WAITING_LIMIT = 32


class _Waiting:
    """A payload whose receiver's short address is being asked for."""

    def __init__(self, handle: int, peer: bytes, due_ms: int, arguments: "tuple[Any, ...]") -> None:
        self.handle = handle
        self.peer = peer
        self.due_ms = due_ms
        self.arguments = arguments


class AirRadio(Radio):
    """The radio of one `node`, which is attached to an air elsewhere. saved: what `save` gave before the power went."""

    def __init__(self, one: node.Node, saved: bytes = b"") -> None:
        self.eui64 = one.eui
        self.node = one
        self._events = []  # type: list[object]
        self._waiting = []  # type: list[_Waiting]
        # (the node's handle, ours).
        self._handles = []  # type: list[tuple[int, int]]
        self._handle = 0
        self._link_key = None  # type: bytes | None
        # How often a network was looked for, and when it is looked for again.
        self._scans = 0
        self._scan_ms = None  # type: int | None
        # Whether a rejoin with the network key is under way.
        self._sealed_rejoin = False
        self._saved = saved
        self._switch_ms = None  # type: int | None
        self._now_ms = 0

    def form(self, channel: int, pan: int, extended_pan: bytes, network_key: bytes, now_ms: int) -> None:
        """See Radio."""
        self.node.form(channel, pan, extended_pan, network_key, now_ms)

    def permit(self, seconds: int, now_ms: int) -> None:
        """See Radio."""
        self.node.permit(seconds, now_ms)
        if self.node.state == node.UP:
            # The routers of the network take devices in for the trust centre.
            self.node.request(
                nwk_frames.ROUTERS, zdo_frames.MANAGEMENT_PERMIT, now_ms, seconds=min(seconds, 254), significance=1
            )

    def set_link_key(self, peer: bytes, key: bytes) -> None:
        """See Radio."""
        try:
            self.node.add_link_key(peer, key)
        except EncodeError as error:
            raise HalError(RADIO_FULL, str(error)) from error

    def drop_link_key(self, peer: bytes) -> None:
        """See Radio."""
        self.node.aps.drop_link(peer)

    def join(self, link_key: bytes, now_ms: int) -> None:
        """See Radio."""
        self._link_key = link_key
        self._now_ms = now_ms
        self._scans = 1
        self._scan_ms = None
        self.node.scan(node.CHANNELS, now_ms)

    def rejoin(self, now_ms: int) -> None:
        """See Radio: with the network key, and when nobody takes that, under its link key with the trust centre."""
        self._sealed_rejoin = True
        self._now_ms = now_ms
        self.node.rejoin(node.CHANNELS, now_ms)

    def save(self) -> bytes:
        """What `resume` needs: the network, its keys and the link keys. See Node.save for when to keep it."""
        return self.node.save()

    def resume(self, now_ms: int) -> None:
        """See Radio."""
        saved = self._saved
        self._saved = b""
        if saved:
            try:
                self.node.load(saved, now_ms)
            except DecodeError as error:
                self._events.append(JoinFailed("what the radio remembers is damaged: %s" % error))
                return
        if self.node.state != node.UP:
            self._events.append(JoinFailed("the radio remembers no network"))

    def place(self) -> "Place | None":
        """See Radio."""
        if self.node.state != node.UP:
            return None
        return Place(self.node.channel, self.node.nwk.mac.pan, self.node.nwk.extended_pan)

    def request_link_key(self, peer: bytes, now_ms: int) -> None:
        """See Radio."""
        self.node.request_link_key(peer, now_ms)

    def send_away(self, peer: bytes, now_ms: int) -> None:
        """See Radio."""
        self.node.remove(peer, now_ms)

    def change_network_key(self, key: bytes, now_ms: int) -> None:
        """See Radio."""
        self.node.next_key(key, now_ms)
        self._switch_ms = now_ms + SPREAD_MS

    def leave(self, now_ms: int) -> None:
        """See Radio."""
        self._scan_ms = None
        self.node.leave(now_ms)

    def serve(self, endpoint: int, profile: int, device: int, inputs: "list[int]", outputs: "list[int]") -> None:
        """See Radio."""
        self.node.zdo.endpoints.append(zdo.Endpoint(endpoint, profile, device, tuple(inputs), tuple(outputs)))

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
        arguments = (endpoint, peer_endpoint, profile, cluster, payload, secured)
        if self._short_of(peer) is None:
            if len(self._waiting) >= WAITING_LIMIT:
                self._events.append(Sent(self._handle, False))
                return self._handle
            self._waiting.append(_Waiting(self._handle, peer, now_ms + SEEK_MS, arguments))
            self.node.request(nwk_frames.LISTENERS, zdo_frames.NETWORK_ADDRESS, now_ms, eui=peer, kind=0, start=0)
        else:
            self._send(self._handle, peer, arguments, now_ms)
        return self._handle

    def _short_of(self, peer: bytes) -> "int | None":
        if peer == self.node.trust_centre and peer != self.eui64:
            return nwk_frames.COORDINATOR
        return self.node.nwk.short_of(peer)

    def _send(self, handle: int, peer: bytes, arguments: "tuple[Any, ...]", now_ms: int) -> None:
        endpoint, peer_endpoint, profile, cluster, payload, secured = arguments
        theirs = self.node.send(
            self._short_of(peer) or 0, endpoint, peer_endpoint, profile, cluster, payload, now_ms, secured
        )
        self._handles.append((theirs, handle))

    def next_event(self) -> "object | None":
        """See Radio."""
        event = self.node.next_event()
        while event is not None:
            self._take(event)
            event = self.node.next_event()
        return self._events.pop(0) if self._events else None

    def has_events(self) -> bool:
        """Whether there is something that `next_event` looks at."""
        return bool(self._events) or self.node.has_events()

    def _take(self, event: object) -> None:
        if isinstance(event, aps.Delivered):
            for pair in self._handles:
                if pair[0] == event.handle:
                    self._handles.remove(pair)
                    self._events.append(Sent(pair[1], event.ok))
                    break
        elif isinstance(event, aps.Message):
            peer = event.src_eui or self.node.nwk.eui_of(event.src)
            if event.profile == 0:
                self._learn(event)
            elif peer is not None:
                self._events.append(
                    Received(
                        peer,
                        event.src_endpoint,
                        event.dst_endpoint or 0,
                        event.profile,
                        event.cluster,
                        event.payload,
                        event.sealed,
                        event.dst >= nwk_frames.FIRST_BROADCAST,
                    )
                )
        elif isinstance(event, node.Scanned):
            self._choose(event.networks)
        elif isinstance(event, node.Up):
            self._sealed_rejoin = False
            self._events.append(Up(self.node.trust_centre, event.rejoined))
        elif isinstance(event, node.JoinFailed) and self._sealed_rejoin:
            # The network may have another key by now.
            self._sealed_rejoin = False
            self.node.rejoin(node.CHANNELS, self._now_ms, False)
        elif isinstance(event, node.JoinFailed):
            self._events.append(JoinFailed(event.reason))
        elif isinstance(event, node.Down):
            self._events.append(Down(event.asked))
        elif isinstance(event, node.DeviceJoined):
            rejoined = event.status in (aps_frames.SECURED_REJOIN, aps_frames.UNSECURED_REJOIN)
            self._events.append(DeviceJoined(event.eui, event.given_key, rejoined))
        elif isinstance(event, node.DeviceLeft) and event.eui is not None:
            self._events.append(DeviceLeft(event.eui))
        elif isinstance(event, node.KeyShared):
            self._events.append(KeyShared(event.partner))

    def _learn(self, event: aps.Message) -> None:
        """The answer to the question where a device is."""
        if event.cluster == zdo_frames.NETWORK_ADDRESS | zdo_frames.RESPONSE:
            try:
                fields = zdo_frames.parse(event.cluster, event.payload)
            except DecodeError:
                return
            if fields.status == zdo_frames.SUCCESS:
                self.node.nwk.remember(fields.eui, fields.short)

    def _choose(self, networks: "list[node.Network]") -> None:
        """Joins the open network that is heard best."""
        best = None
        for one in networks:
            if one.permit and one.takes_routers and (best is None or one.lqi > best.lqi):
                best = one
        if best is None and self._scans < SCANS:
            # Question or answer may have been lost.
            self._scans += 1
            self._scan_ms = self._now_ms + SCAN_AGAIN_MS
            return
        if best is None or self._link_key is None:
            closed = "no network lets devices join" if networks else "no network is in reach"
            self._events.append(JoinFailed(closed))
            return
        self.node.join(best, self._link_key, self._now_ms)

    def deadline_ms(self) -> "int | None":
        """See Radio. The node's own deadlines are the air's business."""
        times = [self._switch_ms, self._scan_ms, self._waiting[0].due_ms if self._waiting else None]
        known = [time for time in times if time is not None]
        return min(known) if known else None

    def tick(self, now_ms: int) -> None:
        """Sends what an address has come for, gives up what none came for, has the network's next key used, and looks
        for a network again.
        """
        self._now_ms = now_ms
        if self._scan_ms is not None and now_ms >= self._scan_ms:
            self._scan_ms = None
            self.node.scan(node.CHANNELS, now_ms)
        if self._switch_ms is not None and now_ms >= self._switch_ms:
            self._switch_ms = None
            if self.node.state == node.UP:
                self.node.switch_key(now_ms)
        for one in list(self._waiting):
            if self._short_of(one.peer) is not None:
                self._waiting.remove(one)
                self._send(one.handle, one.peer, one.arguments, now_ms)
            elif now_ms >= one.due_ms:
                self._waiting.remove(one)
                self._events.append(Sent(one.handle, False))
