"""What goes through a ZigBee stick (EZSP): addresses of devices, messages in and out, and messages in blocks.

Everything here runs in the event loop of the radio's thread. A peer is an EUI-64; its short address is learned from
whatever comes, or asked for. Blocks are put together and taken apart here: the co-processor only repeats and
acknowledges single ones.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from slotmeter.hal import fragments
from slotmeter.hal.radio import Received, Sent

# APS options (EZSP).
ENCRYPTED = 0x0020
RETRY = 0x0040
ROUTE_DISCOVERY = 0x0100
FRAGMENT = 0x8000
# What is left for a payload, and what takes of it (facts 3.3).
PAYLOAD = 82
ENCRYPTION_TAKES = 9
FRAGMENT_TAKES = 2
ROUTE_TAKES = 2
RELAY_TAKES = 2
RELAYS_LIMIT = 11

# Statuses (sl_Status) that sending depends on.
OK = 0x0000
NO_BUFFERS = 0x0019
NOT_FOUND = 0x002D
TOO_LONG = 0x0038
BUSY = (0x0004, NO_BUFFERS, 0x001A, 0x0C03)

# How long a device is asked for an address.
SEEK_S = 2
# The co-processor says by itself what became of a block, after its own repetitions.
BLOCK_WITHIN_MS = 60000
BLOCK_RETRIES = 1
# What is on its way to the stick at once, and what may wait; messages of somebody whose address is being asked for.
IN_FLIGHT = 8
WAITING_LIMIT = 64
UNKNOWN_LIMIT = 8
FULL_PAUSE_S = 0.1
FULL_TRIES = 50

COORDINATOR = 0x0000
LISTENERS = 0xFFFD
FIRST_BROADCAST = 0xFFF8
NO_EUI = b"\xff" * 8
# Kinds of incoming messages.
_LOOPED = (3, 5)
_UNICASTS = (0, 1)
# ZDO.
_NETWORK_ADDRESS = 0x0000
_IEEE_ADDRESS = 0x0001
_ANNOUNCE = 0x0013
_RESPONSE = 0x8000


class Gone(Exception):
    """The line or the stick does not work any more; the text says why."""


class Refused(Exception):
    """The stick does not know a command."""


class Incoming:
    """A message as the stick brings it: sender (short), eui (None: not told), kind, and the APS frame's fields."""

    def __init__(
        self,
        kind: int,
        profile: int,
        cluster: int,
        source: int,
        target: int,
        options: int,
        group: int,
        sequence: int,
        sender: int,
        eui: "bytes | None",
        data: bytes,
    ) -> None:
        self.kind = kind
        self.profile = profile
        self.cluster = cluster
        self.source = source
        self.target = target
        self.options = options
        self.group = group
        self.sequence = sequence
        self.sender = sender
        self.eui = eui
        self.data = data


class Outgoing:
    """What `send` was given; relays: on the source route to the peer, as far as we know."""

    def __init__(
        self, handle: int, peer: bytes, ports: "tuple[int, int, int, int]", data: bytes, secured: bool
    ) -> None:
        self.handle = handle
        self.peer = peer
        self.peer_endpoint, self.endpoint, self.profile, self.cluster = ports
        self.data = data
        self.secured = secured
        self.relays = 0
        self.count = 0
        self.sequence = 0

    def options(self) -> int:
        """APS options of its frames."""
        return RETRY | ROUTE_DISCOVERY | (ENCRYPTED if self.secured else 0)

    def room(self) -> int:
        """What fits into one frame."""
        room = PAYLOAD - (ENCRYPTION_TAKES if self.secured else 0)
        return room - (ROUTE_TAKES + RELAY_TAKES * self.relays if self.relays else 0)


class Traffic:
    """tell: takes events, from this thread; count: takes reasons for what was dropped."""

    def __init__(self, tell: "Callable[[object], None]", count: "Callable[[str], None]") -> None:
        self.eui64 = b""
        self._tell = tell
        self._count = count
        # A `radio_ezsp.Stick`, while there is one.
        self._stick: Any = None
        # Why the stick is gone, until it is opened again; and whether it is there and set up.
        self._gone = ""
        self._works = False
        self._closing = False
        # What was asked, in order.
        self._verbs: deque[Callable[[], Awaitable[None]]] = deque()
        self._work = asyncio.Event()
        self._waits: set[asyncio.Future[Any]] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._up = False
        self._coordinator = False
        self._centre = b""
        self._transaction = 0
        self._forget_all()

    def _forget_all(self) -> None:
        """What is under way is lost, and addresses may be others."""
        self._short: dict[bytes, int] = {}
        self._eui: dict[int, bytes] = {}
        self._parent: dict[bytes, int] = {}
        self._routers: set[bytes] = set()
        self._relays: dict[int, int] = {}
        self._seeking: dict[bytes, asyncio.Future[Any]] = {}
        self._asking: dict[int, asyncio.Future[Any]] = {}
        self._unknown: dict[int, list[Incoming]] = {}
        self._sent: dict[int, asyncio.Future[int]] = {}
        self._tag = 0
        self._sending: set[int] = set()
        self._slots = asyncio.Semaphore(IN_FLIGHT)
        self._assembler = fragments.Assembler()
        self._splitter = fragments.Splitter(acknowledged_within_ms=BLOCK_WITHIN_MS, retries=BLOCK_RETRIES)
        self._sender_eui: bytes | None = None

    # ---- what is asked, tasks and timers

    def ask(self, verb: "Callable[[], Awaitable[None]]") -> None:
        """Has `verb` done, after what was asked before."""
        self._verbs.append(verb)
        self._work.set()

    async def _until(self, future: "asyncio.Future[Any]", seconds: float) -> "Any":
        """What comes of `future`; None when nothing does in time, Gone when the stick fails meanwhile."""
        if self._gone:
            raise Gone(self._gone)
        self._waits.add(future)
        try:
            # It does not cancel the future: others may wait for the same one.
            await asyncio.wait({future}, timeout=seconds)
        finally:
            self._waits.discard(future)
        return future.result() if future.done() else None

    def _future(self) -> "asyncio.Future[Any]":
        return asyncio.get_running_loop().create_future()

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def on_gone(self, why: str) -> None:
        """The line or the stick failed."""
        if self._gone or self._closing:
            return
        self._gone = why
        self._works = False
        for wait in list(self._waits):
            if not wait.done():
                wait.set_exception(Gone(why))
        self._work.set()

    def _drop(self) -> None:
        """What is on its way is lost."""
        for task in list(self._tasks):
            task.cancel()
        self._stop_timer("blocks")
        sending = sorted(self._sending)
        self._forget_all()
        for handle in sending:
            self._tell(Sent(handle, False))

    def _words(self, status: "int | None") -> str:
        return "the radio does not say" if status is None else str(self._stick.name_of(status))

    def _spawn(self, work: "Callable[..., Awaitable[None]]", *arguments: "Any") -> None:
        """Has a coroutine run. It is made only when its turn comes: one that is cancelled before was never there."""
        task = asyncio.get_running_loop().create_task(self._guarded(work, arguments))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _guarded(self, work: "Callable[..., Awaitable[None]]", arguments: "tuple[Any, ...]") -> None:
        try:
            await work(*arguments)
        except Gone as error:
            self.on_gone(str(error))
        except Refused as error:
            self._count("command that the stick does not know: %s" % error)
        except Exception as error:  # noqa: BLE001  # one message's bug is not all messages' end
            self._count("fault: %s" % type(error).__name__)

    def _timer(self, name: str, seconds: float, what: "Callable[[], None]") -> None:
        self._stop_timer(name)
        self._timers[name] = asyncio.get_running_loop().call_later(seconds, what)

    def _stop_timer(self, name: str) -> None:
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.cancel()

    # ---- addresses

    def _learn(self, eui: bytes, short: int) -> None:
        if short >= FIRST_BROADCAST or eui == NO_EUI or not eui.strip(b"\x00"):
            return
        if self._short.get(eui) == short and self._eui.get(short) == eui:
            return
        self._forget(eui)
        other = self._eui.get(short)
        if other is not None:
            self._short.pop(other, None)
        self._short[eui] = short
        self._eui[short] = eui
        seeking = self._seeking.get(eui)
        if seeking is not None and not seeking.done():
            seeking.set_result(short)
        asking = self._asking.get(short)
        if asking is not None and not asking.done():
            asking.set_result(eui)

    def _forget(self, eui: bytes) -> None:
        short = self._short.pop(eui, None)
        if short is not None and self._eui.get(short) == eui:
            self._eui.pop(short)
            self._relays.pop(short, None)

    def on_conflict(self, short: int) -> None:
        """Two devices have the same short address."""
        eui = self._eui.pop(short, None)
        if eui is not None:
            self._short.pop(eui, None)

    def on_route(self, short: int, eui: bytes, relays: int) -> None:
        """The source route to a device has so many relays."""
        self._relays[short] = min(relays, RELAYS_LIMIT)
        self._learn(eui, short)

    def on_sender(self, eui: bytes) -> None:
        """Who sent the message that comes next."""
        self._sender_eui = eui

    async def _ask_device(self, to: int, cluster: int, fields: bytes) -> None:
        """Sends a ZDO request."""
        self._transaction = (self._transaction + 1) & 0xFF
        data = bytes((self._transaction,)) + fields
        if to >= FIRST_BROADCAST:
            await self._stick.broadcast(to, cluster, data)
        else:
            await self._stick.unicast(to, 0, cluster, 0, 0, RETRY | ROUTE_DISCOVERY, 0, 0, 0, data)

    async def _short_of(self, peer: bytes) -> "int | None":
        if peer == self._centre and not self._coordinator:
            return COORDINATOR
        short = self._short.get(peer)
        if short is None:
            short = await self._stick.lookup_short(peer)
            if short is not None:
                self._learn(peer, short)
        if short is not None:
            return short
        seeking = self._seeking.get(peer)
        if seeking is None or seeking.done():
            seeking = self._seeking[peer] = self._future()
            await self._ask_device(LISTENERS, _NETWORK_ADDRESS, peer[::-1] + b"\x00\x00")
        found: int | None = await self._until(seeking, SEEK_S)
        if found is None:
            self._seeking.pop(peer, None)
        return found

    async def _find_eui(self, short: int) -> None:
        """Whose messages wait in `_unknown`."""
        eui = await self._stick.lookup_eui(short)
        if eui is None and short == COORDINATOR and self._up and not self._coordinator:
            eui = self._centre
        if eui is None:
            asking = self._asking[short] = self._future()
            await self._ask_device(short, _IEEE_ADDRESS, short.to_bytes(2, "little") + b"\x00\x00")
            eui = await self._until(asking, SEEK_S)
            self._asking.pop(short, None)
        messages = self._unknown.pop(short, [])
        if eui is None:
            self._count("message from a device that does not tell its address")
            return
        self._learn(eui, short)
        for message in messages:
            self._deliver(message, eui)

    # ---- messages that come

    def on_message(self, message: Incoming) -> None:
        """A message, or one block of it, came from the stick."""
        eui, self._sender_eui = self._sender_eui or message.eui, None
        if message.kind in _LOOPED:
            return
        if eui is not None:
            self._learn(eui, message.sender)
        if message.options & FRAGMENT:
            whole = self._block(message)
            if whole is None:
                return
            message.data = whole
        if message.profile == 0 and message.target == 0:
            self._device_object(message)
            return
        eui = self._eui.get(message.sender)
        if eui is not None and message.sender not in self._unknown:
            self._deliver(message, eui)
            return
        waiting = self._unknown.get(message.sender)
        if waiting is None:
            self._unknown[message.sender] = [message]
            self._spawn(self._find_eui, message.sender)
        elif len(waiting) < UNKNOWN_LIMIT:
            waiting.append(message)
        else:
            self._count("too many messages from a device whose address is being asked for")

    def _deliver(self, message: Incoming, eui: bytes) -> None:
        self._tell(
            Received(
                eui,
                message.source,
                message.target,
                message.profile,
                message.cluster,
                message.data,
                bool(message.options & ENCRYPTED),
                message.kind not in _UNICASTS,
            )
        )

    def _block(self, message: Incoming) -> "bytes | None":
        """The whole message when this block was its last one; it is acknowledged."""
        if message.group >> 8 == 0xFF and not message.data:
            # The co-processor says by messageSent that a block of ours arrived.
            return None
        count, index = fragments.from_ezsp_group(message.group)
        peer = message.sender.to_bytes(2, "big")
        now_ms = int(self._now() * 1000)
        block = fragments.Block(peer, message.sequence, index, count, message.data)
        whole = self._assembler.receive(block, now_ms)
        if self._assembler.refusal:
            self._count("block: %s" % self._assembler.refusal)
        acknowledgement = self._assembler.to_send()
        while acknowledgement is not None:
            self._spawn(self._acknowledge, message, acknowledgement.index)
            acknowledgement = self._assembler.to_send()
        return whole

    async def _acknowledge(self, message: Incoming, index: int) -> None:
        status = await self._stick.reply(
            message.sender,
            message.profile,
            message.cluster,
            message.target,
            message.source,
            message.options,
            fragments.ezsp_acknowledgement(index),
            message.sequence,
        )
        if status != OK:
            self._count("block that was not acknowledged: %s" % self._words(status))

    def _device_object(self, message: Incoming) -> None:
        data = message.data
        if message.cluster == _ANNOUNCE and len(data) >= 12:
            eui = data[3:11][::-1]
            self._learn(eui, data[1] | data[2] << 8)
            if data[11] & 0x02:
                self._routers.add(eui)
        elif message.cluster in (_NETWORK_ADDRESS | _RESPONSE, _IEEE_ADDRESS | _RESPONSE):
            if len(data) < 12:
                self._count("answer about an address that is cut short")
            elif data[1] == 0:
                self._learn(data[2:10][::-1], data[10] | data[11] << 8)

    # ---- messages that go

    def send(self, out: Outgoing) -> None:
        """Sends, beside whatever else goes on; Sent follows."""
        if not self._works or not self._up or len(self._sending) >= WAITING_LIMIT:
            self._tell(Sent(out.handle, False))
            return
        self._sending.add(out.handle)
        # In its turn: what was set before must be in the stick.
        self.ask(lambda: self._begin(out))

    async def _begin(self, out: Outgoing) -> None:
        if out.handle in self._sending:
            self._spawn(self._send, out)

    def _done(self, out: Outgoing, delivered: bool) -> None:
        if out.handle in self._sending:
            self._sending.discard(out.handle)
            self._tell(Sent(out.handle, delivered))

    async def _send(self, out: Outgoing) -> None:
        delivered = False
        try:
            delivered = await self._carried(out)
        finally:
            # A message in blocks is told of when the last one has arrived.
            if not out.count:
                self._done(out, delivered)

    async def _carried(self, out: Outgoing) -> bool:
        short = await self._short_of(out.peer)
        for _ in range(2):
            if short is None:
                return False
            status = await self._in_one_frame(short, out)
            if status == TOO_LONG:
                self._begin_blocks(out)
                return False
            if status == OK or short == COORDINATOR:
                return status == OK
            # It may have another address now.
            self._forget(out.peer)
            old, short = short, await self._short_of(out.peer)
            if short == old:
                return False
        return False

    async def _in_one_frame(self, short: int, out: Outgoing) -> int:
        """What became of it; TOO_LONG when it does not fit."""
        out.relays = max(out.relays, self._relays.get(short, 0))
        while len(out.data) <= out.room():
            status = await self._unicast(short, out, 0, 0, out.data)
            if status != TOO_LONG:
                return status
            # The stick knows of a longer route than we do.
            out.relays += 1
        return TOO_LONG

    async def _unicast(self, short: int, out: Outgoing, group: int, more: int, data: bytes) -> int:
        """One frame; what became of it, after the co-processor has repeated it as often as it does."""
        async with self._slots:
            for _ in range(FULL_TRIES):
                tag = self._free_tag()
                future = self._sent[tag] = self._future()
                try:
                    status, sequence = await self._stick.unicast(
                        short,
                        out.profile,
                        out.cluster,
                        out.endpoint,
                        out.peer_endpoint,
                        out.options() | more,
                        group,
                        out.sequence,
                        tag,
                        data,
                    )
                    if status == OK:
                        if more and not group & 0xFF:
                            out.sequence = sequence
                        sent: int | None = await self._until(future, BLOCK_WITHIN_MS / 1000)
                        return NOT_FOUND if sent is None else sent
                    if status not in BUSY:
                        return int(status)
                finally:
                    self._sent.pop(tag, None)
                await asyncio.sleep(FULL_PAUSE_S)
            return NO_BUFFERS

    def _free_tag(self) -> int:
        self._tag = self._tag % 254 + 1
        while self._tag in self._sent:
            self._tag = self._tag % 254 + 1
        return self._tag

    def on_sent(self, tag: int, status: int) -> None:
        """What became of a frame."""
        future = self._sent.get(tag)
        if future is not None and not future.done():
            future.set_result(status)

    def _begin_blocks(self, out: Outgoing) -> None:
        size = out.room() - FRAGMENT_TAKES
        out.count = (len(out.data) + size - 1) // size if size > 0 else 0
        try:
            taken = out.count and self._splitter.send(
                out.peer, out.handle, out.data, int(self._now() * 1000), out, size
            )
        except ValueError:
            self._count("message that is too long")
            taken = False
        if not taken:
            out.count = 0
            return
        self._move_blocks()

    def _move_blocks(self) -> None:
        """Lets go what may go, and plans when to look again."""
        self._stop_timer("blocks")
        now_ms = int(self._now() * 1000)
        self._splitter.tick(now_ms)
        block = self._splitter.to_send()
        while block is not None:
            self._spawn(self._send_block, block)
            block = self._splitter.to_send()
        event = self._splitter.next_event()
        while event is not None:
            if event.failed:
                self._forget(event.peer)
            self._done(event.cookie, not event.failed)
            event = self._splitter.next_event()
        due = self._splitter.deadline_ms()
        if due is not None:
            self._timer("blocks", max(due - now_ms, 1) / 1000, self._move_blocks)

    async def _send_block(self, block: fragments.Block) -> None:
        out = block.cookie
        short = await self._short_of(out.peer)
        status = NOT_FOUND
        if short is not None:
            group = fragments.ezsp_group(out.count, block.index)
            status = await self._unicast(short, out, group, FRAGMENT, block.data)
        now_ms = int(self._now() * 1000)
        if status == OK:
            self._splitter.receive(fragments.Acknowledgement(out.peer, out.handle, block.index), now_ms)
        elif status == TOO_LONG and out.relays < RELAYS_LIMIT:
            # From the beginning, in smaller blocks.
            self._splitter.cancel(out.peer, out.handle)
            out.relays += 1
            self._begin_blocks(out)
            if not out.count:
                self._done(out, False)
        else:
            self._splitter.lost(out.peer, out.handle, block.index, now_ms)
        self._move_blocks()
