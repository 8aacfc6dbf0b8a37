"""The application support layer of one device: link keys, acknowledgements, repetition, fragments, and its commands.

    outgoing            sealed with the partner's link key if asked; not acknowledged: again after 1.6 s, three times
    longer than fits    blocks, the next when the one before was acknowledged (window 1)
    incoming            opened, acknowledged, and handed up once

What was sealed is acknowledged sealed. Two keys are made from each link key: the network key travels under one, link
keys under the other. A counter that did not grow is refused, for each partner.
"""

from slotmeter.zigbee_han.errors import DecodeError
from slotmeter.zigbee_han.frames import aps, nwk, secure
from slotmeter.zigbee_han.sim.nwk import RADIUS, Received

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from slotmeter.hal.crypto import Crypto
    from slotmeter.zigbee_han.sim.nwk import Nwk

# apscMaxFrameRetries, and apscAckWaitDuration for the depth of our networks.
RETRIES = 3
ACK_WAIT_MS = 1600
# Payload with NWK security (facts 3.3); securing and fragmenting take of it.
LARGEST = 82
# The partner of the link key that a device joins with, until it knows its trust centre.
UNKNOWN = bytes(8)
FRAGMENT_OVERHEAD = 2
BLOCK_LIMIT = 255
# What is put together: three transfers at a time, each of at most so many blocks.
TRANSFER_LIMIT = 3
LARGEST_INCOMING = 1600
# A sender gives up after this; so does who collects its blocks.
REASSEMBLY_MS = ACK_WAIT_MS * (RETRIES + 1)
DUPLICATE_MS = 10000
SEEN_LIMIT = 64
LINK_LIMIT = 32
SENDING_LIMIT = 16


class Link:
    """A link key with `partner` (EUI-64), and the counters under it."""

    def __init__(self, partner: bytes, key: bytes) -> None:
        self.partner = partner
        self.key = key
        self.counter = 0
        self.expected = 0

    def __repr__(self) -> str:
        return "Link(%s, key of %d octets)" % (self.partner.hex(), len(self.key))


class Message:
    """What arrived for an endpoint: src and dst short, src_eui if known, endpoints, cluster, profile, payload, group;
    sealed with a link key or not.
    """

    def __init__(self, received: "Received", frame: aps.Frame, payload: bytes, sealed: bool) -> None:
        self.src = received.src
        self.dst = received.dst
        self.src_eui = received.src_eui
        self.lqi = received.lqi
        self.src_endpoint = frame.src_endpoint or 0
        self.dst_endpoint = frame.dst_endpoint
        self.group = frame.group
        self.cluster = frame.cluster or 0
        self.profile = frame.profile or 0
        self.payload = payload
        self.sealed = sealed
        self.counter = frame.counter
        # Of a block that is handed up as it came: what acknowledges it, and its number.
        self.frame = frame
        self.fragment = frame.fragment
        self.block = frame.block
        self.ack_request = frame.ack_request

    def __repr__(self) -> str:
        return "Message(%04x, cluster %04x, %d octets%s)" % (
            self.src,
            self.cluster,
            len(self.payload),
            ", sealed" if self.sealed else "",
        )


class Command:
    """An APS command that arrived: its fields, from whom, under which key (secure.LINK ...; None: the network key)."""

    def __init__(self, received: "Received", fields: "Any", key_id: "int | None") -> None:
        self.src = received.src
        self.src_eui = received.src_eui
        self.sealed_nwk = received.sealed
        self.fields = fields
        self.key_id = key_id


class Delivered:
    """What became of the message that `send` was given with `handle`."""

    def __init__(self, handle: int, ok: bool) -> None:
        self.handle = handle
        self.ok = ok

    def __repr__(self) -> str:
        return "Delivered(%d, %r)" % (self.handle, self.ok)


class _Sending:
    """A message under way: block `at` of `blocks` now."""

    def __init__(
        self,
        dst: int,
        frame: aps.Frame,
        blocks: "list[bytes]",
        sealed: bool,
        handle: int,
        reported: bool,
        radius: int = RADIUS,
        discover: bool = True,
    ) -> None:
        self.radius = radius
        self.discover = discover
        self.dst = dst
        self.frame = frame
        self.blocks = blocks
        self.at = 0
        self.sealed = sealed
        self.handle = handle
        self.reported = reported
        self.tries = 0
        self.due_ms = 0
        # To be sent by the next `work`.
        self.ready = True


class _Transfer:
    """A message of which blocks are arriving."""

    def __init__(self, src: int, counter: int, count: int, due_ms: int) -> None:
        self.src = src
        self.counter = counter
        self.count = count
        self.blocks = []  # type: list[bytes]
        self.due_ms = due_ms


class Aps:
    """One device's APS layer above `nwk`. `count` is called with the reason for each frame that is dropped."""

    def __init__(self, crypto: "Crypto", below: "Nwk", count: "Any") -> None:
        self._crypto = crypto
        self._nwk = below
        self._count = count
        self.links = []  # type: list[Link]
        self.link_limit = LINK_LIMIT
        self.sending_limit = SENDING_LIMIT
        self.retries = RETRIES
        self.ack_wait_ms = ACK_WAIT_MS
        # Called with a partner, in place of the search in `links`, by who makes keys up as they are needed.
        self.finds = None  # type: Any
        # The counter of everything that is sealed, where there is one for all link keys; None: each key has its own.
        self.frame_counter = None  # type: int | None
        # Whether blocks are handed up as they come, to be put together and acknowledged by a host.
        self.host_blocks = False
        self._events = []  # type: list[Any]
        self.counter = 0
        self._now_ms = 0
        self._handle = 0
        self._sending = []  # type: list[_Sending]
        self._transfers = []  # type: list[_Transfer]
        # (destination, acknowledgement, whose link key seals it)
        self._answers = []  # type: list[tuple[int, aps.Frame, bytes | None]]
        # (source, counter, content, until when)
        self._seen = []  # type: list[tuple[int, int, int, int]]

    # Keys.

    def link(self, partner: "bytes | None") -> "Link | None":
        """The link key with `partner`."""
        if self.finds is not None:
            return self.finds(partner)  # type: ignore[no-any-return]
        return self.kept_link(partner)

    def kept_link(self, partner: "bytes | None") -> "Link | None":
        """The link key with `partner` that `links` has."""
        for one in self.links:
            if one.partner == partner:
                return one
        return None

    def set_link(self, partner: bytes, key: bytes) -> bool:
        """Keeps a link key; a new one begins with new counters. False when there is no room."""
        old = self.kept_link(partner)
        if old is not None:
            if self._crypto.equal(old.key, key):
                return True
            self.links.remove(old)
        if len(self.links) >= self.link_limit:
            return False
        self.links.append(Link(partner, key))
        return True

    def begin_link(self, key: bytes) -> None:
        """Forgets all link keys but this one, whose partner is not known yet; what was sent under it stays counted."""
        counter = 0
        for one in self.links:
            if self._crypto.equal(one.key, key):
                counter = max(counter, one.counter)
        link = Link(UNKNOWN, key)
        link.counter = counter
        self.links = [link]

    def drop_link(self, partner: bytes) -> None:
        """Forgets the link key with `partner`."""
        self.links = [one for one in self.links if one.partner != partner]

    def forget(self) -> None:
        """Out of the network: nothing is under way. Link keys stay."""
        for sending in list(self._sending):
            self._end(sending, False)
        self._transfers = []
        self._answers = []
        self._seen = []

    # Sending.

    def _next(self) -> int:
        self.counter = (self.counter + 1) & 0xFF
        return self.counter

    def room(self, sealed: bool, dst: int = nwk.COORDINATOR) -> int:
        """The longest payload that goes to `dst` in one frame; a source route takes some of it."""
        relays = self._nwk.relays_to(dst)
        return LARGEST - (secure.APS_OVERHEAD if sealed else 0) - (2 + 2 * len(relays) if relays else 0)

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
        reported: bool = True,
        group: "int | None" = None,
        radius: int = RADIUS,
        discover: bool = True,
    ) -> int:
        """Sends `payload` to an endpoint; the handle that comes back in Delivered, if it is to be reported.

        Broadcasts and what is not acknowledged are delivered when they left. What does not fit one frame goes in
        blocks, which need acknowledgements. With `group` it is for the endpoints of that group, at whatever device.
        `counter` then has the number under which it goes.
        """
        self._now_ms = now_ms
        handle = self._next_handle()
        to_all = dst >= nwk.FIRST_BROADCAST
        frame = aps.Frame(aps.DATA, self._next(), b"", dst_endpoint, cluster, profile, src_endpoint)
        frame.delivery = aps.BROADCAST if to_all else aps.UNICAST
        if group is not None:
            frame.delivery = aps.GROUP
            frame.group = group
        frame.ack_request = acknowledged and not to_all and group is None
        frame.secured = sealed
        blocks = [payload]
        room = self.room(sealed, dst)
        if len(payload) > room:
            room -= FRAGMENT_OVERHEAD
            blocks = [payload[pos : pos + room] for pos in range(0, len(payload), room)]
        wrong = len(blocks) > 1 and (not frame.ack_request or len(blocks) > BLOCK_LIMIT)
        self._begin(_Sending(dst, frame, blocks, sealed, handle, reported, radius, discover), wrong)
        return handle

    def send_block(
        self,
        dst: int,
        src_endpoint: int,
        dst_endpoint: int,
        profile: int,
        cluster: int,
        payload: bytes,
        now_ms: int,
        sealed: bool,
        index: int,
        total: int,
        counter: "int | None" = None,
    ) -> int:
        """Sends block `index` (from 0) of `total`, for a host that makes its own blocks; the handle for Delivered.

        The first takes a new number, which `counter` then has; the others are given it.
        """
        self._now_ms = now_ms
        handle = self._next_handle()
        if counter is None:
            counter = self._next()
        frame = aps.Frame(aps.DATA, counter, b"", dst_endpoint, cluster, profile, src_endpoint)
        frame.ack_request = True
        frame.fragment = aps.LATER_BLOCK if index else aps.FIRST_BLOCK
        frame.block = index or total
        room = self.room(sealed, dst) - FRAGMENT_OVERHEAD
        wrong = len(payload) > room or not 0 <= index < total or total > BLOCK_LIMIT
        self._begin(_Sending(dst, frame, [payload], sealed, handle, True), wrong)
        return handle

    def acknowledge_block(self, message: "Message", received: int, now_ms: int) -> None:
        """Acknowledges a block that was handed up, for a host that puts blocks together itself."""
        self._now_ms = now_ms
        answer = aps.acknowledge(message.frame, received)
        self._answers.append((message.src, answer, message.src_eui if message.sealed else None))

    def _next_handle(self) -> int:
        self._handle = (self._handle + 1) & 0x7FFF
        return self._handle

    def _begin(self, sending: _Sending, wrong: bool) -> None:
        if wrong or len(self._sending) >= self.sending_limit or (sending.sealed and self._link_of(sending.dst) is None):
            self._count("APS: message too long, too many under way, or no link key")
            if sending.reported:
                self._events.append(Delivered(sending.handle, False))
            return
        self._sending.append(sending)

    def _link_of(self, short: int) -> "Link | None":
        return self.link(self._nwk.eui_of(short))

    def _push(self, sending: _Sending) -> None:
        """Sends the block that is next, or again."""
        frame = sending.frame
        short = self._nwk.mac.short
        if sending.dst == short:
            # To oneself: it never leaves.
            frame.secured = False
            looped = Received(short, short, self._nwk.eui, b"", True, 255)
            self._events.append(Message(looped, frame, b"".join(sending.blocks), sending.sealed))
            self._end(sending, True)
            return
        frame.payload = sending.blocks[sending.at]
        if len(sending.blocks) > 1:
            frame.fragment = aps.LATER_BLOCK if sending.at else aps.FIRST_BLOCK
            frame.block = sending.at or len(sending.blocks)
        sending.ready = False
        sending.tries += 1
        if sending.tries > 1:
            self._nwk.note("APS unicasts repeated")
        sending.due_ms = self._now_ms + self.ack_wait_ms
        octets = self._sealed(frame, self._link_of(sending.dst)) if sending.sealed else aps.build(frame)
        if octets is None:
            self._end(sending, False)
            return
        self._nwk.send(sending.dst, octets, sending.handle, self._now_ms, sending.radius, sending.discover)

    def _sealed(self, frame: aps.Frame, link: "Link | None") -> "bytes | None":
        """The octets of `frame` under a link key itself."""
        if link is None or self._used_up(link):
            self._count("APS: no link key, or its counter used up")
            return None
        frame.secured = True
        header = aps.build_header(frame)
        auxiliary = secure.Auxiliary(secure.LINK, self._next_counter(link))
        return header + secure.seal(self._crypto, link.key, header, auxiliary, self._nwk.eui, frame.payload)

    def _end(self, sending: _Sending, ok: bool) -> None:
        if sending in self._sending:
            self._sending.remove(sending)
            if sending.frame.delivery != aps.UNICAST:
                self._nwk.note("APS broadcasts sent")
            else:
                self._nwk.note("APS unicasts sent" if ok else "APS unicasts failed")
            if sending.reported:
                self._events.append(Delivered(sending.handle, ok))

    def command(
        self, payload: bytes, partner: "bytes | None", key_id: "int | None", to_all: bool = False
    ) -> "bytes | None":
        """The octets of a command frame: under the link key with `partner` or what is made from it; None: no such key.

        key_id None: the network key alone protects it.
        """
        frame = aps.Frame(aps.COMMAND, self._next(), payload)
        frame.delivery = aps.BROADCAST if to_all else aps.UNICAST
        if key_id is None:
            return aps.build(frame)
        return self._command_under(frame, self.link(partner), key_id)

    def command_under(self, payload: bytes, link: "Link | None", key_id: int) -> "bytes | None":
        """The octets of a command frame under that link key or what is made from it; None: it cannot be."""
        return self._command_under(aps.Frame(aps.COMMAND, self._next(), payload), link, key_id)

    def _command_under(self, frame: aps.Frame, link: "Link | None", key_id: int) -> "bytes | None":
        if link is None or self._used_up(link):
            self._count("APS: no link key, or its counter used up")
            return None
        frame.secured = True
        header = aps.build_header(frame)
        # Who has no network key yet does not know who we are: the source is given.
        auxiliary = secure.Auxiliary(key_id, self._next_counter(link), self._nwk.eui)
        key = self._made_from(link.key, key_id)
        return header + secure.seal(self._crypto, key, header, auxiliary, self._nwk.eui, frame.payload)

    def _used_up(self, link: Link) -> bool:
        counter = link.counter if self.frame_counter is None else self.frame_counter
        return counter >= secure.COUNTER_LIMIT

    def _next_counter(self, link: Link) -> int:
        """The counter for the next frame under that key."""
        if self.frame_counter is not None:
            link.counter = self.frame_counter
            self.frame_counter += 1
        link.counter += 1
        return link.counter - 1

    def _made_from(self, key: bytes, key_id: int) -> bytes:
        if key_id == secure.TRANSPORT:
            return secure.transport_key(self._crypto, key)
        if key_id == secure.LOAD:
            return secure.load_key(self._crypto, key)
        return key

    # Receiving.

    def take(self, received: "Received", now_ms: int) -> None:
        """Takes what the network layer received."""
        self._now_ms = now_ms
        try:
            self._take(received)
        except DecodeError as error:
            self._count("APS: " + error.reason)

    def _take(self, received: "Received") -> None:
        frame = aps.parse(received.payload)
        key_id = None
        payload = frame.payload
        if frame.secured:
            auxiliary = secure.parse_auxiliary(frame.payload)
            source = auxiliary.source or received.src_eui
            opened = self._opened(frame, received, auxiliary, source)
            if opened is None:
                return
            payload = opened
            key_id = auxiliary.key_id
            received.src_eui = source
        if not received.sealed and not (frame.kind == aps.COMMAND and payload[:1] == bytes((aps.TRANSPORT_KEY,))):
            self._count("APS: frame without network security that brings no key")
            return
        if frame.kind != aps.COMMAND and key_id not in (None, secure.LINK):
            self._count("APS: data under a key that is for keys")
            return
        if frame.kind == aps.COMMAND:
            self._events.append(Command(received, aps.parse_command(payload), key_id))
        elif frame.kind == aps.ACK:
            if payload:
                self._count("APS: acknowledgement with a payload")
                return
            self._acknowledged(received, frame, key_id)
        else:
            self._data(received, frame, payload, key_id)

    def _opened(
        self, frame: aps.Frame, received: "Received", auxiliary: secure.Auxiliary, source: "bytes | None"
    ) -> "bytes | None":
        link = self.link(source)
        if link is None and auxiliary.key_id == secure.TRANSPORT and not received.sealed:
            # The key that the device joins with: its partner is not known before this frame says who it is.
            link = self.link(UNKNOWN)
        if link is None or source is None or auxiliary.key_id == secure.NETWORK:
            self._count("APS: sealed with a key that is not known")
            return None
        if auxiliary.counter < link.expected:
            self._count("APS: replayed")
            return None
        header = received.payload[: frame.header_size]
        key = self._made_from(link.key, auxiliary.key_id)
        plain = secure.unseal(self._crypto, key, header, auxiliary, source, frame.payload)
        if plain is None:
            self._count("APS: MIC does not match")
            return None
        link.expected = auxiliary.counter + 1
        return plain

    def _acknowledged(self, received: "Received", frame: aps.Frame, key_id: "int | None") -> None:
        for sending in self._sending:
            if sending.frame.counter != frame.counter or sending.dst != received.src:
                continue
            same = sending.frame.cluster == frame.cluster and sending.frame.profile == frame.profile
            if not same or (sending.sealed and key_id != secure.LINK):
                break
            expected = sending.at
            if len(sending.blocks) == 1 and sending.frame.fragment == aps.LATER_BLOCK:
                expected = sending.frame.block or 0
            if sending.frame.fragment and frame.block != expected:
                # Of a block that was sent twice.
                return
            sending.at += 1
            sending.tries = 0
            if sending.at == len(sending.blocks):
                self._end(sending, True)
            else:
                sending.ready = True
            return
        self._count("APS: acknowledgement of nothing that waits for it")

    def _data(self, received: "Received", frame: aps.Frame, payload: bytes, key_id: "int | None") -> None:
        self._nwk.note("APS unicasts received" if received.dst < nwk.FIRST_BROADCAST else "APS broadcasts received")
        if frame.fragment and self.host_blocks:
            self._events.append(Message(received, frame, payload, key_id is not None))
            return
        if frame.ack_request and frame.delivery == aps.UNICAST and received.dst < nwk.FIRST_BROADCAST:
            answer = aps.acknowledge(frame)
            self._answers.append((received.src, answer, None if key_id is None else received.src_eui))
        # After a reset a device begins with any number: that alone makes no repetition. Of blocks any may come again.
        content = 0 if frame.fragment else hash((frame.cluster, payload))
        if self._came_before(received.src, frame.counter, content):
            return
        if frame.fragment:
            whole = self._collected(received.src, frame, payload)
            if whole is None:
                return
            payload = whole
        self._seen = self._seen[-SEEN_LIMIT + 1 :]
        self._seen.append((received.src, frame.counter, content, self._now_ms + DUPLICATE_MS))
        self._events.append(Message(received, frame, payload, key_id is not None))

    def _came_before(self, src: int, counter: int, content: int) -> bool:
        """Whether this message was handed up already."""
        self._seen = [one for one in self._seen if one[3] > self._now_ms]
        return any([one[:3] == (src, counter, content) for one in self._seen])

    def _collected(self, src: int, frame: aps.Frame, payload: bytes) -> "bytes | None":
        """The whole message, when this was the block that it lacked."""
        block = frame.block or 0
        found = None
        for one in self._transfers:
            if one.src == src and one.counter == frame.counter:
                found = one
        if frame.fragment == aps.FIRST_BLOCK:
            if found is not None:
                return None
            if block < 2 or len(self._transfers) >= TRANSFER_LIMIT or block * max(1, len(payload)) > LARGEST_INCOMING:
                self._count("APS: fragmented message that there is no room for")
                return None
            found = _Transfer(src, frame.counter, block, 0)
            self._transfers.append(found)
            block = 0
        if found is None or block > len(found.blocks) or block >= found.count:
            self._count("APS: block of a message that was not begun")
            return None
        found.due_ms = self._now_ms + REASSEMBLY_MS
        if block < len(found.blocks):
            return None
        found.blocks.append(payload)
        if len(found.blocks) < found.count:
            return None
        self._transfers.remove(found)
        return b"".join(found.blocks)

    def work(self) -> None:
        """Sends what is ready. It is called from high up, because a board has few calls left where frames are taken."""
        answers = self._answers
        self._answers = []
        for dst, answer, partner in answers:
            octets = aps.build(answer) if partner is None else self._sealed(answer, self.link(partner))
            if octets is not None:
                self._nwk.send(dst, octets, -1, self._now_ms)
        for sending in list(self._sending):
            if sending.ready:
                self._push(sending)

    def sent(self, handle: int, ok: bool) -> None:
        """What the network layer says of a frame. One that did not leave is tried again when its time has come."""
        for sending in self._sending:
            if sending.handle == handle and not sending.frame.ack_request:
                self._end(sending, ok)
                return

    # Time.

    def next_event(self) -> "Any":
        """The next of the classes above, or None."""
        return self._events.pop(0) if self._events else None

    def deadline_ms(self) -> "int | None":
        """When `tick` is due, or None."""
        due = None
        for sending in self._sending:
            if not sending.ready and (due is None or sending.due_ms < due):
                due = sending.due_ms
        for transfer in self._transfers:
            if due is None or transfer.due_ms < due:
                due = transfer.due_ms
        return due

    def tick(self, now_ms: int) -> None:
        """It is that time: what was not acknowledged goes again, what was not completed is forgotten."""
        self._now_ms = now_ms
        for sending in list(self._sending):
            if not sending.ready and now_ms >= sending.due_ms:
                if sending.tries > self.retries or not sending.frame.ack_request:
                    self._end(sending, False)
                else:
                    sending.ready = True
        late = len(self._transfers)
        self._transfers = [one for one in self._transfers if one.due_ms > now_ms]
        if len(self._transfers) < late:
            self._count("APS: fragmented message that was not completed")
