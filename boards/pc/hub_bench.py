"""A comms hub on the bench: its radio in real time, its device log, and its operations of docs/bench-protocol.md.

`HubBench.request` takes one request as a dictionary and gives the reply as one, as a meter's bench does; the transport
is in `lines`. What comes from devices is numbered as it arrives and kept for who asks: `arrived`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from slotmeter.boards.pc import bench_fields as fields
from slotmeter.boards.pc import han_keys, radios
from slotmeter.boards.pc.bench import PROTOCOL, version
from slotmeter.boards.pc.bench_clock import format_time, machine_s
from slotmeter.boards.pc.bench_fields import RequestError
from slotmeter.boards.pc.cast import load_cast
from slotmeter.boards.pc.errors import SlotmeterError
from slotmeter.boards.pc.hub_side import HubSide
from slotmeter.boards.pc.network_words import eui64_text, words
from slotmeter.boards.pc.running import data_home
from slotmeter.boards.pc.shelf import Kept, Shelf, saved_radio
from slotmeter.dlms.errors import DecodeError as MessageError
from slotmeter.dlms.gbcs.message import ALERT, COMMAND, LARGEST_MESSAGE, LARGEST_RESPONSE, RESPONSE, Message, parse
from slotmeter.hal.errors import HalError
from slotmeter.hal.host.crypto import HostCrypto
from slotmeter.hal.host.entropy import HostEntropy
from slotmeter.hal.host.store import SqliteStore
from slotmeter.hal.radio import DeviceJoined, DeviceLeft, Place, Up
from slotmeter.hal.virtual.entropy import SeededEntropy
from slotmeter.hal.virtual.store import VirtualStore
from slotmeter.zigbee_han import install_code, station, tunnel
from slotmeter.zigbee_han.comms_hub import KIND_NAMES
from slotmeter.zigbee_han.errors import DecodeError, EncodeError

if TYPE_CHECKING:
    from slotmeter.hal.store import Store

CHANNELS = range(11, 27)
# Device types by their names.
KINDS = {name: kind for kind, name in KIND_NAMES.items()}
# What a permit can last (ZigBee: FF means for ever, which a hub never says).
PERMIT_LIMIT_S = 254
# What came and nobody asked for: more than a busy day brings.
_KEPT_LIMIT = 1000
_STATES = ("shut", "asked for", "open", "refused, asked for again", "waits for a key")
_KINDS = {COMMAND: "command", RESPONSE: "response", ALERT: "alert"}
_HOUR_S = 3600.0
# How long the network may take to be up at the start.
UP_WITHIN_MS = 15000


def _ignore(_text: str) -> None:
    pass


@dataclass
class HubOptions:
    """How a hub starts. radio: a stick; air and at: a place on a shared air; capture: a file for what is heard there.

    keys: the keystore; store: the file that remembers network and device log, in memory when it is `temporary`;
    channel: of a network that it forms, None for any; eui64: its address; note: where remarks for people go.
    """

    radio: "str | None" = None
    air: "str | None" = None
    at: "tuple[int, int]" = (0, 0)
    capture: "Path | None" = None
    keys: "Path | None" = None
    store: "Path | None" = None
    temporary: bool = False
    channel: "int | None" = None
    eui64: bytes = han_keys.HUB
    seed: "int | None" = None
    note: "Callable[[str], None]" = field(default=_ignore)


def alert_code(message: Message) -> str:
    """The code of a DLMS alert, four hex digits; "" when it is not one (facts 8.1)."""
    payload = message.payload
    if payload[:1] == b"\x0f" and payload[5:7] == b"\x00\x02" and payload[8:9] == b"\x12":
        return payload[9:11].hex().upper()
    return ""


class HubBench:
    """One hub. finished: whether `quit` was asked for; observers: called with a kind ("network", "arrived", "sent") and
    a dictionary, for every fact as it happens; place: where its network is.
    """

    def __init__(self, options: HubOptions) -> None:
        self.options = options
        self.finished = False
        self.observers: list[Callable[[str, dict[str, Any]], None]] = []
        self.resumed = False
        self.place: Place | None = None
        if options.channel is not None and options.channel not in CHANNELS:
            raise SlotmeterError(f"--channel {options.channel}: choose from 11 to 26")
        self._operations: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "add": self._add,
            "arrived": self._arrived,
            "clock": self._clock,
            "deliver": self._deliver,
            "devices": self._devices,
            "hello": self._hello,
            "permit": self._permit,
            "quit": self._quit,
            "remove": self._remove,
        }
        self.folder = options.keys or data_home() / "keys"
        load_cast(self.folder, create=True, note=options.note)
        self._entropy = HostEntropy() if options.seed is None else SeededEntropy(options.seed)
        self._crypto = HostCrypto()
        han_keys.add(self.folder, self._entropy, [options.eui64])
        identities = han_keys.identities(self.folder, options.eui64)
        # What came, the oldest first.
        self._came: list[dict[str, Any]] = []
        self._number = 0
        self._joined: list[bytes] = []
        self._closed = False
        self.store_path = None if options.temporary else options.store or data_home() / "hub.store"
        self._store = self._open_store()
        self._capture: BinaryIO | None = None
        self._radio: radios.OpenRadio | None = None
        try:
            if options.capture is not None:
                self._capture = self._open_capture(options.capture)
            self._shelf = Shelf(self._store)
            choice = radios.Choice(options.air, options.radio, options.at, self._capture)
            saved = saved_radio(self._shelf, "hub", choice.name)
            opened = self._radio = choice.open(options.eui64, self._crypto, self._entropy, saved)
            self._side = HubSide(opened.radio, self._crypto, self._entropy, identities, machine_s)
            self._kept = Kept("hub", choice.name, self._side.hub, opened.radio, self._shelf)
            self._start(opened)
        except (HalError, SlotmeterError):
            self._let_go()
            raise

    # ---- start and end

    def _open_store(self) -> "Store":
        if self.store_path is None:
            return VirtualStore()
        if self.options.store is None:
            self.store_path.parent.mkdir(parents=True, exist_ok=True)
        store = SqliteStore(self.store_path)
        mark = store.get("hub.eui64")
        if (mark is None and store.names()) or mark not in (None, self.options.eui64):
            store.close()
            whose = "a meter's" if mark is None else "that of hub " + eui64_text(mark)
            raise SlotmeterError(f"the store {self.store_path} is {whose}; name another one")
        where = store.get("hub.where")
        if where not in (None, radios.Choice(self.options.air, self.options.radio).name.encode()):
            store.close()
            # Its devices could not join here: their install codes were used up there.
            raise SlotmeterError(
                f"the store {self.store_path} remembers the network of another radio ({where.decode()}); name another "
                "store, or say --temporary"
            )
        return store

    def _open_capture(self, path: Path) -> "BinaryIO":
        try:
            return open(path, "wb")
        except OSError as error:
            raise SlotmeterError(f"--capture {path}: {error.strerror or 'cannot be written'}") from error

    def _start(self, opened: radios.OpenRadio) -> None:
        """Goes on in the network that it remembers, or forms one; SlotmeterError when there is none in the end."""
        hub = self._side.hub
        self._shelf.put("hub.eui64", self.options.eui64)
        self.resumed = self._kept.is_known()
        if self.resumed:
            self._check_channel()
            try:
                self._kept.load()
            except DecodeError as error:
                raise SlotmeterError(f"what the store remembers is damaged: {error}; take another store") from error
            hub.resume(radios.now_ms())
        else:
            self._form()
        until_ms = radios.now_ms() + UP_WITHIN_MS
        failed = ""
        while not hub.up and radios.now_ms() < until_ms:
            for fact in self._move():
                if isinstance(fact, station.Failed):
                    failed = fact.why
                    if self.resumed:
                        # The radio has forgotten: the same network once more, with all devices of the log.
                        self.resumed = False
                        self._form()
            if not hub.up:
                radios.wait(opened, min(self._due_ms() or until_ms, until_ms))
        if not hub.up:
            raise SlotmeterError(f"there is no network: {failed or 'the radio does not form one'}")
        self._kept.due = True
        self.keep()

    def _form(self) -> None:
        """Forms a network, where there was one before if there was."""
        was = self._shelf.get("hub.place")
        random = self._entropy.random(4)
        channel = self.options.channel or (was[0] if was else CHANNELS[random[0] % len(CHANNELS)])
        # 0000 and what is above FFF0 are no addresses of networks.
        pan = int.from_bytes(was[1:3], "big") if was else int.from_bytes(random[1:3], "big") % 0xFFEF + 1
        key = self._shelf.get("hub.key") or self._entropy.random(16)
        self._shelf.put("hub.key", key)
        self._side.hub.form(channel, pan, self.options.eui64, key, radios.now_ms())

    def _check_channel(self) -> None:
        was = self._shelf.get("hub.place")
        wanted = self.options.channel
        if was and wanted not in (None, was[0]):
            raise SlotmeterError(
                f"--channel {wanted}: the hub remembers a network on channel {was[0]}; leave --channel out, or form "
                "another network with another --store"
            )

    def keep(self, told: "Callable[[str], None] | None" = None) -> None:
        """Makes durable what changed. HalError when the store refuses; with `told` that is told instead."""
        if self.place is not None:
            self._shelf.put("hub.place", bytes((self.place.channel,)) + self.place.pan.to_bytes(2, "big"))
        self._kept.keep()
        self._shelf.commit(told)

    def close(self) -> None:
        """Keeps what is to be kept, and lets go of the radio. Closing twice is harmless."""
        if self._closed:
            return
        self._closed = self.finished = True
        try:
            self.keep()
        except HalError:
            # What is in the store stands.
            pass
        self._let_go()

    def _let_go(self) -> None:
        if self._radio is not None:
            self._radio.close()
        self._store.close()
        if self._capture is not None:
            self._capture.close()

    def __enter__(self) -> "HubBench":
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def known_keys(self) -> "list[tuple[str, bytes]]":
        """The keys that are known here, each with its name."""
        key = self._shelf.get("hub.key") or b""
        return [("network", key)] + [(eui64_text(one.eui64), one.link_key) for one in self._side.hub.log]

    # ---- what happens by itself

    def poll(self) -> None:
        """Moves the network as far as it goes."""
        for fact in self._move():
            text = words(fact, self.place if isinstance(fact, Up) else None)
            if text:
                self._tell("network", {"text": text})
        self.keep(lambda text: self._tell("network", {"text": text}))

    def _move(self) -> "list[object]":
        """What came of moving the radio, the hub, and its messages once."""
        time_ms = radios.now_ms()
        side, opened = self._side, self._open_radio
        opened.run(time_ms)
        side.hub.tick(time_ms)
        side.settle()
        # What followed from what came leaves at once.
        side.hub.tick(time_ms)
        opened.run(time_ms)
        told = []
        fact = side.next_event()
        while fact is not None:
            self._note(fact)
            told.append(fact)
            fact = side.next_event()
        message = side.next_message()
        while message is not None:
            self._take(*message)
            message = side.next_message()
        return told

    def _note(self, fact: object) -> None:
        self._kept.due = True
        if isinstance(fact, Up):
            self.place = self._open_radio.radio.place()
        elif isinstance(fact, DeviceJoined):
            if (fact.let_in or fact.rejoined) and fact.eui64 not in self._joined:
                self._joined.append(fact.eui64)
        elif isinstance(fact, DeviceLeft):
            self._joined = [one for one in self._joined if one != fact.eui64]
        elif isinstance(fact, (tunnel.Delivered, tunnel.Undelivered)):
            why = fact.why if isinstance(fact, tunnel.Undelivered) else ""
            kind = "undelivered" if why else "delivered"
            self._keep_entry({"device": fact.peer.hex().upper(), "kind": kind, "hex": fact.data.hex().upper()}, why)

    def _take(self, peer: bytes, data: bytes) -> None:
        entry = {"device": peer.hex().upper(), "kind": "unknown", "hex": data.hex().upper()}
        try:
            message = parse(data, limit=LARGEST_RESPONSE)
        except MessageError:
            pass
        else:
            entry["kind"] = _KINDS.get(message.cra, "unknown")
            entry["to"] = message.target.hex().upper()
            if message.cra == ALERT and alert_code(message):
                entry["code"] = alert_code(message)
        self._keep_entry(entry)
        self._tell("arrived", entry)

    def _keep_entry(self, entry: "dict[str, Any]", why: str = "") -> None:
        self._number += 1
        entry["number"] = self._number
        if why:
            entry["text"] = why
        self._came = [*self._came[1 - _KEPT_LIMIT :], entry]

    def _tell(self, kind: str, what: "dict[str, Any]") -> None:
        for observer in self.observers:
            observer(kind, what)

    @property
    def _open_radio(self) -> radios.OpenRadio:
        assert self._radio is not None
        return self._radio

    def _due_ms(self) -> "int | None":
        times = [self._open_radio.deadline_ms(), self._side.hub.deadline_ms(), self._side.deadline_ms()]
        known = [time for time in times if time is not None]
        return min(known) if known else None

    def wait_s(self) -> float:
        """Seconds until something happens by itself; an hour when nothing does."""
        due = self._due_ms()
        return _HOUR_S if due is None else max(0, due - radios.now_ms()) / 1000

    def filenos(self) -> "tuple[int, ...]":
        """What can be read when something may have come."""
        return (self._open_radio.fileno(),)

    # ---- requests

    def request(self, request: "dict[str, Any]") -> "dict[str, Any]":
        """The reply to one request."""
        reply: dict[str, Any] = {"id": request.get("id"), "ok": True}
        try:
            op = fields.text(request, "op")
            operation = self._operations.get(op)
            if self.finished:
                raise RequestError("finished", "the hub has ended")
            if operation is None:
                raise RequestError("unknown-op", f"a hub has no operation {op!r}; `hello` lists them")
            self.poll()
            reply.update(operation(request))
            self.poll()
        except RequestError as error:
            return {"id": request.get("id"), "ok": False, "error": {"code": error.code, "text": error.text}}
        except HalError as error:
            return {"id": request.get("id"), "ok": False, "error": {"code": error.kind, "text": error.detail}}
        return reply

    def _hello(self, _request: "dict[str, Any]") -> "dict[str, Any]":
        place = self.place
        return {
            "protocol": PROTOCOL,
            "version": version(),
            "hub": self.options.eui64.hex().upper(),
            "channel": None if place is None else place.channel,
            "pan": None if place is None else f"{place.pan:04X}",
            "operations": sorted(self._operations),
        }

    def _clock(self, _request: "dict[str, Any]") -> "dict[str, Any]":
        return {"now": format_time(machine_s())}

    def _eui64(self, request: "dict[str, Any]", name: str = "device") -> bytes:
        eui64 = fields.octets(request, name)
        if len(eui64) != 8:
            raise RequestError("bad-field", f"{name} is an EUI-64, 16 hex digits")
        return eui64

    def _logged(self, request: "dict[str, Any]") -> bytes:
        """A device that is in the log."""
        eui64 = self._eui64(request)
        if self._side.hub.find(eui64) is None:
            raise RequestError(
                "unknown-device",
                f"{eui64_text(eui64)} is not in the hub's device log; slotmeter hub add takes it in, devices lists it",
            )
        return eui64

    def _add(self, request: "dict[str, Any]") -> "dict[str, Any]":
        eui64 = self._eui64(request)
        again = self._side.hub.find(eui64) is not None
        kind = fields.choice(request, "type", tuple(KINDS), "ESME")
        key = _key_of(self._crypto, fields.text(request, "code"), str(request.get("form") or "crc"))
        try:
            self._side.hub.add(eui64, key, KINDS[kind])
        except EncodeError as error:
            raise RequestError("log-full", f"{error}; remove one: slotmeter hub remove") from error
        self._side.forget(eui64)
        return {"device": eui64.hex().upper(), "again": again}

    def _remove(self, request: "dict[str, Any]") -> "dict[str, Any]":
        eui64 = self._logged(request)
        self._side.hub.remove(eui64)
        self._side.forget(eui64)
        self._joined = [one for one in self._joined if one != eui64]
        return {"device": eui64.hex().upper()}

    def _permit(self, request: "dict[str, Any]") -> "dict[str, Any]":
        seconds = fields.count(request, "seconds")
        if seconds > PERMIT_LIMIT_S:
            raise RequestError("bad-field", f"seconds: joining can be permitted for at most {PERMIT_LIMIT_S} s at once")
        self._side.hub.permit(seconds, radios.now_ms())
        return {"seconds": seconds}

    def _state(self, eui64: bytes) -> str:
        client = self._side.hub.tunnels.find(eui64)
        if eui64 in self._side.hub.keyed:
            return "joined, " + ("no tunnel" if client is None else "tunnel " + _STATES[client.state])
        return "joined, has agreed no key yet" if eui64 in self._joined else "has not joined"

    def _devices(self, _request: "dict[str, Any]") -> "dict[str, Any]":
        hub = self._side.hub
        found = []
        for one in hub.log:
            eui64 = one.eui64
            found.append(
                {
                    "eui64": eui64.hex().upper(),
                    "type": KIND_NAMES[one.kind],
                    "state": self._state(eui64),
                    "keyed": eui64 in hub.keyed,
                    "waiting": self._side.waiting(eui64),
                }
            )
        return {"devices": found}

    def _deliver(self, request: "dict[str, Any]") -> "dict[str, Any]":
        data = fields.octets(request, "hex")
        eui64 = self._logged(request)
        if len(data) > LARGEST_MESSAGE:
            raise RequestError("bad-field", f"hex: a message has at most {LARGEST_MESSAGE} octets, not {len(data)}")
        try:
            message = parse(data)
        except MessageError as error:
            raise RequestError("bad-value", f"hex: not a GBCS message that a hub could route: {error}") from error
        if eui64 not in self._side.hub.keyed:
            raise RequestError("not-joined", f"{eui64_text(eui64)} {self._state(eui64)}: it cannot be sent anything")
        before = self._number
        self._side.send(eui64, data)
        self._tell("sent", {"device": eui64.hex().upper(), "hex": data.hex().upper()})
        return {"after": before, "to": message.target.hex().upper(), "state": self._state(eui64)}

    def _arrived(self, request: "dict[str, Any]") -> "dict[str, Any]":
        after = fields.optional(request, "after", fields.count) or 0
        device = fields.optional(request, "device", fields.octets)
        found = [one for one in self._came if one["number"] > after]
        if device is not None:
            found = [one for one in found if one["device"] == device.hex().upper()]
        return {"arrived": found, "last": self._number}

    def _quit(self, _request: "dict[str, Any]") -> "dict[str, Any]":
        self.finished = True
        return {}


def _key_of(crypto: HostCrypto, text: str, form: str) -> bytes:
    """The link key of an install code as text; RequestError says what is wrong with it.

    form: "crc", the code with its CRC, as it is printed; "code", 16 octets without a CRC; "key", the key itself.
    """
    if form not in ("crc", "code", "key"):
        raise RequestError("bad-field", "form is crc (code and CRC), code (16 octets without a CRC) or key")
    digits = "".join(letter for letter in text if letter not in " -:_\t")
    try:
        octets = bytes.fromhex(digits)
    except ValueError:
        octets = b""
    try:
        if form != "crc":
            return install_code.link_key_of_16(crypto, octets, form == "key")
        return install_code.link_key(crypto, install_code.parse(text))
    except DecodeError as error:
        hint = ""
        if form == "crc" and len(octets) - 2 in install_code.SIZES:
            right = install_code.with_crc(octets[:-2])
            hint = f": the CRC of these octets is {right[-2:].hex().upper()}, not {octets[-2:].hex().upper()}"
        elif form == "crc" and len(octets) in install_code.SIZES:
            right = install_code.with_crc(octets)
            hint = f", which would be {right[-2:].hex().upper()}"
            if len(octets) == 16:
                hint += "; for 16 octets of a GBCS message say form code, or key"
        raise RequestError("bad-code", f"install code: {error.reason}{hint}") from error
