"""The bench: emulated devices with their surroundings, driven by the operations of docs/bench-protocol.md.

`Bench.request` takes one request as a dictionary and gives the reply as one. Whatever is wrong with a request is told
in the reply; only a bug raises. Transport is elsewhere (`lines`), so tests and tools call `request` directly.
"""

import datetime as dt
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slotmeter.boards.pc import bench_fields as fields
from slotmeter.boards.pc.bench_fields import RequestError
from slotmeter.boards.pc.bench_state import key_text, rows, snapshot
from slotmeter.boards.pc.bench_world import World
from slotmeter.boards.pc.cast import load_cast
from slotmeter.boards.pc.errors import SlotmeterError
from slotmeter.boards.pc.running import data_home
from slotmeter.dlms import apdu, axdr
from slotmeter.dlms.errors import DecodeError
from slotmeter.dlms.gbcs import devices as device_log
from slotmeter.dlms.gbcs import roles
from slotmeter.dlms.gbcs.anchors import Cell
from slotmeter.dlms.gbcs.message import ALERT, LARGEST_MESSAGE, LARGEST_RESPONSE, RESPONSE, parse
from slotmeter.firmware import facts, logs
from slotmeter.firmware.alerts import ALERT_CODES
from slotmeter.firmware.devices import esme
from slotmeter.firmware.identity import is_provisioned, provision
from slotmeter.firmware.settings import VARIANT_NAMES, Settings
from slotmeter.hal import Hal
from slotmeter.hal.clock import STATUS_NAMES, Clock
from slotmeter.hal.errors import HalError
from slotmeter.hal.host.certificates import HostCertificates
from slotmeter.hal.host.crypto import HostCrypto
from slotmeter.hal.host.entropy import HostEntropy
from slotmeter.hal.host.store import SqliteStore
from slotmeter.hal.records import Records
from slotmeter.hal.switch import COUNT
from slotmeter.hal.virtual.entropy import SeededEntropy
from slotmeter.hal.virtual.store import VirtualStore

if TYPE_CHECKING:
    from slotmeter.boards.pc.cast import Cast
    from slotmeter.firmware.identity import Identity
    from slotmeter.firmware.meter import Meter
    from slotmeter.hal.store import Store

PROTOCOL = 1
RTDS_START = "2015-01-01T00:00:00Z"

_EPOCH = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
# Logs keep seconds since 2000 in four octets.
_LAST_S = 0xFFFFFFFF
_COUNTER_LIMIT = 0xFFFFFFFFFFFFFFFF
# Which records say with whose credentials a store was made; the meter does not know them.
_CAST_RECORD = "bench.cast"

# What a rate of the clock may be: seconds of the meter in a second.
_RATES = range(1, 1_000_001)
# What is on the keys of a meter: two buttons, one of which can be held, and a keypad.
_KEYPAD = "0123456789"
KEYS = ("a", "b", "hold", "ok", "clear", *_KEYPAD)

# Names of the protocol for roles: `counter` and `anchor` use them.
ROLES = {
    name: number
    for number, name in enumerate(roles.NAMES)
    if number not in (roles.ISSUING_AUTHORITY, roles.CONTINGENCY)
}
COUNTERS = (*ROLES, "prepayment", "own")
USAGES = {
    "digital-signature": roles.DIGITAL_SIGNATURE,
    "key-agreement": roles.KEY_AGREEMENT,
    "certificate-signing": roles.KEY_CERT_SIGN,
}
CELLS = {"management": roles.MANAGEMENT, "prepayment": roles.PREPAYMENT_TOP_UP}

# Results of ASN.1 use cases that have a name there (StatusCode, GBCS 13.3); others are given as numbers.
STATUS_CODES = {
    "bad-certificate": 5,
    "no-trust-anchor": 10,
    "insufficient-memory": 17,
    "trust-anchor-not-found": 25,
    "resources-busy": 30,
    "other": 127,
}
_RESULTS = {name: code for code, name in apdu.RESULT_NAMES.items() if code != apdu.SUCCESS}
RESULTS = {**STATUS_CODES, **_RESULTS}
_HARDWARE_FAULT = apdu.RESULT_NAMES[apdu.HARDWARE_FAULT]

_ALERT_MEANINGS = dict(ALERT_CODES)


def version() -> str:
    """The installed version; "0" in a checkout that is not installed."""
    try:
        return metadata.version("slotmeter")
    except metadata.PackageNotFoundError:
        return "0"


def parse_time(text: str) -> int:
    """Milliseconds since 2000 of an ISO 8601 time in UTC with Z; ValueError when it is none, or out of range."""
    for form in ("%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S.%fZ"):
        try:
            moment = dt.datetime.strptime(text, form)
        except ValueError:
            continue
        milliseconds = (moment.replace(tzinfo=dt.UTC) - _EPOCH) // dt.timedelta(milliseconds=1)
        if 0 <= milliseconds <= _LAST_S * 1000:
            return milliseconds
        break
    last = format_time(_LAST_S)
    raise ValueError(f"{text!r} is not a time from 2000-01-01T00:00:00Z to {last}, such as {RTDS_START}")


def format_time(seconds: int) -> str:
    """ISO 8601 in UTC with Z of seconds since 2000."""
    return (_EPOCH + dt.timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


class BenchClock(Clock):
    """The bench's time: it stands still, or runs from where it was set, `rate` times as fast as the machine's."""

    def __init__(self, start_ms: int, frozen: bool, rate: int = 1) -> None:
        self._base_ms = start_ms
        self._rate = rate
        self._since_s: float | None = None if frozen else time.monotonic()

    def now_ms(self) -> int:
        """Milliseconds since 2000-01-01T00:00:00Z."""
        if self._since_s is None:
            return self._base_ms
        return self._base_ms + int((time.monotonic() - self._since_s) * 1000 * self._rate)

    @property
    def frozen(self) -> bool:
        """Whether the clock stands still."""
        return self._since_s is None

    @property
    def rate(self) -> int:
        """How many of its seconds pass in one, while it runs."""
        return self._rate

    def run_at(self, rate: int) -> None:
        """Changes the rate; where it stands stays."""
        self.set(self.now_ms())
        self._rate = rate

    def freeze(self, frozen: bool) -> None:
        """Stops the clock, or lets it run from where it stands."""
        self._base_ms = self.now_ms()
        self._since_s = None if frozen else time.monotonic()

    def set(self, now_ms: int) -> None:
        """Makes it `now_ms`, frozen or running as before."""
        self._base_ms = now_ms
        if self._since_s is not None:
            self._since_s = time.monotonic()


def _ignore(_text: str) -> None:
    pass


@dataclass
class Options:
    """How a bench starts.

    rtds: folder with the RTDS data; keys: folder of the bench's own credentials; store: file that keeps the state;
    temporary: keep it in memory (always so with `rtds` unless a store is named); start: an ISO time at which the clock
    stands still, None for the machine's time; rate: how fast the clock runs, from `start` on when both are given; note:
    where remarks for people go.
    """

    rtds: "Path | None" = None
    keys: "Path | None" = None
    store: "Path | None" = None
    temporary: bool = False
    variant: str = "single"
    seed: "int | None" = None
    start: "str | None" = None
    rate: "int | None" = None
    devices: "tuple[str, ...]" = ("esme",)
    note: "Callable[[str], None]" = field(default=_ignore)


class Bench:
    """One emulated meter and its surroundings.

    finished: whether `quit` was asked for. observers: called with a kind ("delivered", "sent", "refused", "answered",
    "due") and a dictionary, for every fact as it happens.
    """

    def __init__(self, options: Options) -> None:
        self.options = options
        self.finished = False
        self.observers: list[Callable[[str, dict[str, Any]], None]] = []
        if options.variant not in VARIANT_NAMES:
            raise SlotmeterError(f"--variant {options.variant}: choose {', '.join(VARIANT_NAMES)}")
        if tuple(options.devices) != ("esme",):
            raise SlotmeterError(f"--devices {','.join(options.devices)}: this version has one device, esme")
        start = options.start or (RTDS_START if options.rtds is not None else None)
        try:
            self._start_ms = None if start is None else parse_time(start)
        except ValueError as error:
            raise SlotmeterError(f"--start {error}") from error
        if options.rate is not None and options.rate not in _RATES:
            raise SlotmeterError(f"--rate {options.rate}: choose from 1 to {_RATES[-1]} seconds in a second")
        self.cast: Cast = self._load_cast()
        self.identity: Identity = self.cast.identity(options.variant)
        self.store_path = self._choose_store()
        self._crypto = HostCrypto()
        self._certificates = HostCertificates()
        self._entropy = HostEntropy() if options.seed is None else SeededEntropy(options.seed)
        self._operations: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "alert": self._alert,
            "anchor": self._anchor,
            "clock": self._time,
            "counter": self._counter,
            "deliver": self._deliver,
            "device-key": self._device_key,
            "devices": self._devices,
            "enter": self._enter,
            "fault": self._fault,
            "firmware": self._firmware,
            "get": self._get,
            "hello": self._hello,
            "links": self._links,
            "load": self._load,
            "log": self._log,
            "power": self._power,
            "press": self._press,
            "quit": self._quit,
            "reset": self._reset,
            "screen": self._screen,
            "set": self._set,
            "state": self._state,
            "switch": self._switch,
            "tamper": self._tamper,
        }
        self._pending: list[dict[str, Any]] = []
        self._refused: facts.MessageRefused | None = None
        self._answered: facts.CommandAnswered | None = None
        # Codes of alerts whose message has not been taken yet.
        self._alert_codes: list[int] = []
        self.world = World(options.variant, options.seed or 0, self._is_closed, options.rtds is None)
        self._set_start_clock()
        try:
            self._store: Store = VirtualStore() if self.store_path is None else self._open_store(self.store_path)
            try:
                self._provide_identity()
                self._meter: Meter | None = self._build()
            except (HalError, SlotmeterError):
                self._store.close()
                raise
        except HalError as error:
            raise SlotmeterError(error.detail) from error

    # ---- start and end

    def _load_cast(self) -> "Cast":
        options = self.options
        if options.rtds is not None:
            return load_cast(options.rtds, rtds=True)
        return load_cast(options.keys or data_home() / "keys", create=True, note=options.note)

    def _choose_store(self) -> "Path | None":
        options = self.options
        if options.store is not None:
            return options.store
        if options.temporary or options.rtds is not None:
            return None
        return data_home() / f"esme-{options.variant}.store"

    def _open_store(self, path: Path) -> "Store":
        if self.options.store is None:
            path.parent.mkdir(parents=True, exist_ok=True)
        return SqliteStore(path)

    def _cast_mark(self) -> bytes:
        """What tells the credentials of this start from others."""
        identity = self.identity
        parts = [identity.eui64, bytes((VARIANT_NAMES[self.options.variant],))]
        for cell in identity.cells:
            parts += [cell.entity_id, cell.key_id, cell.public_key]
        return self._crypto.sha256(b"".join(parts))

    def _provide_identity(self) -> None:
        """Provisions a fresh store; refuses one that was made with other credentials."""
        records = Records(self._store)
        mark = self._cast_mark()
        if is_provisioned(records):
            if records.get(_CAST_RECORD) != mark:
                raise SlotmeterError(
                    f"the store {self.store_path} was made with other credentials or another --variant; "
                    "give those, or name another store"
                )
            return
        records.put(_CAST_RECORD, mark)
        provision(records, self._crypto, self.identity)

    def _set_start_clock(self) -> None:
        if self._start_ms is None:
            wall = dt.datetime.now(dt.UTC) - _EPOCH
            self._clock = BenchClock(wall // dt.timedelta(milliseconds=1), False, self.options.rate or 1)
        else:
            self._clock = BenchClock(self._start_ms, self.options.rate is None, self.options.rate or 1)

    def _build(self) -> "Meter":
        """The meter as its store has it, with power from now on."""
        world = self.world
        hal = Hal(
            self._clock,
            self._store,
            self._crypto,
            self._entropy,
            self._certificates,
            world.switch,
            world.metrology,
        )
        meter = esme.build(hal, Settings(VARIANT_NAMES[self.options.variant]))
        meter.tick(self._clock.now_ms())
        return meter

    def _is_closed(self, number: int) -> bool:
        """Whether auxiliary switch `number` is closed: the house has a water tank behind one."""
        return self.world.switch.is_closed(number)

    def close(self) -> None:
        """Keeps what was measured so far, and lets go of the store. Closing twice is harmless."""
        meter, self._meter = self._meter, None
        if meter is not None:
            try:
                meter.tick(self._clock.now_ms())
                meter.life.flush()
                meter.records.commit()
            except HalError:
                # The store refused: what is in it stands.
                meter.records.rollback()
        self.finished = True
        self._store.close()

    @property
    def clock(self) -> BenchClock:
        """The bench's time, for who watches; requests set it."""
        return self._clock

    @property
    def temporary(self) -> bool:
        """Whether the state is forgotten at the end."""
        return self.store_path is None

    def __enter__(self) -> "Bench":
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    # ---- what happens by itself

    def poll(self) -> None:
        """Carries out what fell due on a running clock; the next reply carries what was sent."""
        if self._meter is not None:
            self._meter.tick(self._clock.now_ms())
            self._collect()

    def wait_s(self) -> float:
        """Seconds until something falls due on a running clock; an hour when nothing does."""
        if self._meter is None or self._clock.frozen:
            return 3600.0
        deadline = self._meter.deadline_ms()
        if deadline is None:
            return 3600.0
        return max(0.0, min(3600.0, (deadline - self._clock.now_ms()) / 1000 / self._clock.rate))

    def _collect(self) -> None:
        """Takes what the meter sent and told."""
        meter = self._meter
        assert meter is not None
        told = []
        while (fact := meter.next_event()) is not None:
            told.append(fact)
            if isinstance(fact, facts.AlertSent):
                self._alert_codes.append(fact.code)
        while data := meter.to_send():
            message = parse(data, limit=LARGEST_RESPONSE)
            sent = {
                "device": "esme",
                "kind": {RESPONSE: "response", ALERT: "alert"}.get(message.cra, "command"),
                "to": message.target.hex().upper(),
                "hex": data.hex().upper(),
            }
            if message.cra == ALERT and self._alert_codes:
                sent["code"] = f"{self._alert_codes.pop(0):04X}"
            self.world.waiting.append(sent)
        self._pass_on()
        for fact in told:
            self._tell_fact(fact)

    def _tell_fact(self, fact: object) -> None:
        """Tells the observers what the meter told."""
        if isinstance(fact, facts.MessageRefused):
            self._refused = self._refused or fact
            self._tell("refused", {"device": "esme", "reason": fact.reason, "text": fact.text})
        elif isinstance(fact, facts.CommandAnswered):
            self._answered = fact
            role = roles.NAMES[fact.role]
            self._tell("answered", {"device": "esme", "use_case": fact.name, "role": role, "failed": fact.failed})
        elif isinstance(fact, facts.InstructionDue):
            self._tell("due", {"device": "esme", "use_case": fact.name, "done": fact.done})

    def _pass_on(self) -> None:
        """Hands over what the meter sent, when the networks are up."""
        if not self.world.connected:
            return
        waiting, self.world.waiting = self.world.waiting, []
        for sent in waiting:
            self._pending.append(sent)
            self._tell("sent", sent)

    def _tell(self, kind: str, what: "dict[str, Any]") -> None:
        for observer in self.observers:
            observer(kind, what)

    # ---- requests

    def request(self, request: "dict[str, Any]") -> "dict[str, Any]":
        """The reply to one request."""
        reply: dict[str, Any] = {"id": request.get("id"), "ok": True}
        try:
            reply.update(self._carry_out(request))
        except RequestError as error:
            reply = {"id": request.get("id"), "ok": False, "error": {"code": error.code, "text": error.text}}
        except HalError as error:
            # The store refused: what is in it stands, so the meter starts again from there.
            self._meter = self._build() if self._meter is not None else None
            reply = {"id": request.get("id"), "ok": False, "error": {"code": error.kind, "text": error.detail}}
        if self._pending:
            reply["messages"] = self._pending
            self._pending = []
        return reply

    def _carry_out(self, request: "dict[str, Any]") -> "dict[str, Any]":
        op = fields.text(request, "op")
        if self.finished:
            raise RequestError("finished", "the bench has ended")
        operation = self._operations.get(op)
        if operation is None:
            raise RequestError("unknown-op", f"there is no operation {op!r}; `hello` lists them")
        self._check_device(request)
        self.poll()
        return operation(request)

    def _check_device(self, request: "dict[str, Any]") -> None:
        name = request.get("device", "esme")
        if name != "esme":
            raise RequestError("unknown-device", f"there is no device {name!r}; there is esme")

    @property
    def meter(self) -> "Meter":
        """The meter, as long as it has power; else RequestError."""
        if self._meter is None:
            raise RequestError("no-power", "the meter has no power; switch it on with `power`")
        return self._meter

    def _lit(self) -> "Meter":
        """The meter, as long as there is voltage too; else RequestError."""
        meter = self.meter
        if meter.life.dark():
            raise RequestError("no-power", "the mains are dead, and so is the meter; give `load` a voltage")
        return meter

    def _hello(self, _request: "dict[str, Any]") -> "dict[str, Any]":
        return {
            "protocol": PROTOCOL,
            "version": version(),
            "devices": [
                {
                    "name": "esme",
                    "type": "ESME",
                    "variant": self.options.variant,
                    "eui64": self.identity.eui64.hex().upper(),
                }
            ],
            "temporary": self.temporary,
            "operations": sorted(self._operations),
        }

    def _deliver(self, request: "dict[str, Any]") -> "dict[str, Any]":
        data = fields.octets(request, "hex")
        if len(data) > LARGEST_MESSAGE:
            raise RequestError("bad-field", f"hex: a message has at most {LARGEST_MESSAGE} octets")
        meter = self._lit()
        if not self.world.connected:
            raise RequestError("link-down", "no message gets to the meter: its network is down; see `links`")
        self._refused = self._answered = None
        self._tell("delivered", {"device": "esme", "hex": data.hex().upper()})
        meter.receive(data, self._clock.now_ms())
        self._collect()
        reply: dict[str, Any] = {}
        if self._answered is not None:
            reply["use_case"] = self._answered.name
            reply["role"] = roles.NAMES[self._answered.role]
            if self._answered.failed >= 0:
                reply["failed"] = self._answered.failed
        elif self._refused is not None:
            reply["refused"] = {"reason": self._refused.reason, "text": self._refused.text}
        reply["messages"] = []
        return reply

    def _time(self, request: "dict[str, Any]") -> "dict[str, Any]":
        frozen = fields.optional(request, "frozen", fields.flag)
        status = fields.optional(request, "status", fields.text)
        moment = fields.optional(request, "set", fields.text)
        advance = fields.optional(request, "advance", fields.count)
        rate = fields.optional(request, "rate", fields.count)
        if rate is not None and rate not in _RATES:
            raise RequestError("bad-field", f"rate: from 1 to {_RATES[-1]} seconds in a second")
        if status is not None and status not in STATUS_NAMES:
            raise RequestError("bad-field", f"status is one of {', '.join(STATUS_NAMES)}")
        now_ms = self._clock.now_ms()
        if moment is not None:
            try:
                now_ms = parse_time(moment)
            except ValueError as error:
                raise RequestError("bad-time", str(error)) from error
        if now_ms // 1000 + (advance or 0) > _LAST_S:
            raise RequestError("bad-field", f"advance: the clock ends at {format_time(_LAST_S)}")
        if rate is not None:
            self._clock.run_at(rate)
        if frozen is not None:
            self._clock.freeze(frozen)
        if status is not None:
            self.meter.set_clock_status(STATUS_NAMES.index(status))
        if moment is not None:
            self._clock.set(now_ms)
            if self._meter is not None:
                self._meter.set_time(now_ms)
        if advance:
            self.advance(advance * 1000)
        self.poll()
        return self._clock_reply()

    def _clock_reply(self) -> "dict[str, Any]":
        clock = self._clock
        reply: dict[str, Any] = {"now": format_time(clock.now_ms() // 1000), "frozen": clock.frozen, "rate": clock.rate}
        if self._meter is not None:
            reply["status"] = STATUS_NAMES[self._meter.clock_status]
        return reply

    def advance(self, milliseconds: int, stop: "Callable[[], bool] | None" = None) -> None:
        """Lets time pass, stopping wherever something falls due; ends early when `stop` is true there."""
        target_ms = self._clock.now_ms() + milliseconds
        if stop is not None and stop():
            return
        while self._meter is not None:
            deadline = self._meter.deadline_ms()
            if deadline is None or deadline > target_ms:
                break
            if deadline > self._clock.now_ms():
                self._clock.set(deadline)
            self._meter.tick(self._clock.now_ms())
            self._collect()
            if stop is not None and stop():
                return
            if self._meter.deadline_ms() == deadline:
                break
        if target_ms > self._clock.now_ms():
            self._clock.set(target_ms)
        self.poll()

    # ---- attributes

    def _get(self, request: "dict[str, Any]") -> "dict[str, Any]":
        data = self.meter.peek(fields.key(request))
        if data is None:
            raise RequestError("no-such-attribute", "the device has no such attribute")
        return {"axdr": data.hex().upper(), "text": axdr.text(axdr.decode_whole(data))}

    def _set(self, request: "dict[str, Any]") -> "dict[str, Any]":
        key = fields.key(request)
        data = fields.octets(request, "axdr")
        if self.meter.peek(key) is None:
            raise RequestError("no-such-attribute", "the device has no such attribute")
        try:
            self.meter.poke(key, data)
        except DecodeError as error:
            self.meter.records.rollback()
            raise RequestError("bad-value", f"axdr: {error}") from error
        return {}

    # ---- counters, faults, credentials

    def _counter(self, request: "dict[str, Any]") -> "dict[str, Any]":
        name = fields.choice(request, "role", COUNTERS)
        value = fields.optional(request, "value", fields.count)
        if value is not None and value > _COUNTER_LIMIT:
            raise RequestError("bad-field", "value: a counter has 64 bits")
        meter = self.meter
        anchors = meter.anchors
        if name == "own":
            if value is not None:
                anchors.set_own_counter(value)
            now = anchors.own_counter()
        elif name == "prepayment":
            if value is not None:
                meter.set_top_up_counter(value)
            now = meter.top_up_counter()
        else:
            if value is not None:
                anchors.set_counter(ROLES[name], value)
            now = anchors.counter(ROLES[name])
        meter.records.commit()
        return {"value": now}

    def _fault(self, request: "dict[str, Any]") -> "dict[str, Any]":
        if fields.optional(request, "clear", fields.flag):
            self.meter.clear_fault()
            return {}
        item = fields.count(request, "item")
        result = request.get("result")
        code: int | None
        if result is None or result == _HARDWARE_FAULT:
            # A hardware fault, or what an ASN.1 use case has for an internal failure.
            code = None
        elif isinstance(result, str):
            if result not in RESULTS:
                raise RequestError("bad-field", f"result is a number or one of {', '.join(sorted(RESULTS))}")
            code = RESULTS[result]
        elif isinstance(result, int) and not isinstance(result, bool) and 0 < result < 256:
            code = result
        else:
            raise RequestError("bad-field", "result is a name or a number from 1 to 255")
        self.meter.arm_fault(item, code)
        return {}

    def _anchor(self, request: "dict[str, Any]") -> "dict[str, Any]":
        role = ROLES[fields.choice(request, "role", tuple(ROLES))]
        usage = USAGES[fields.choice(request, "usage", tuple(USAGES))]
        cell_usage = CELLS[fields.choice(request, "cell", tuple(CELLS), "management")]
        meter = self.meter
        if not meter.anchors.has_place(role, usage, cell_usage):
            raise RequestError("not-on-this-device", "the device has no such trust anchor cell")
        certificate = fields.optional(request, "certificate", fields.octets)
        if fields.optional(request, "clear", fields.flag):
            meter.anchors.clear_cell(role, usage, cell_usage)
        elif certificate is not None:
            try:
                read = self._certificates.read(certificate)
            except HalError as error:
                raise RequestError("bad-value", f"certificate: {error.detail}") from error
            entity_id = read.entity_id or bytes(8)
            meter.anchors.put_cell(
                Cell(role, usage, cell_usage, entity_id, read.key_id, read.public_key, certificate)
            )
        meter.secrets.forget()
        meter.records.commit()
        cell = meter.anchors.cell(role, usage, cell_usage)
        if cell is None:
            return {"filled": False}
        return {
            "filled": True,
            "entity_id": cell.entity_id.hex().upper(),
            "key_id": cell.key_id.hex().upper(),
            "public_key": cell.public_key.hex().upper(),
            "certificate": cell.certificate.hex().upper(),
        }

    def _device_key(self, request: "dict[str, Any]") -> "dict[str, Any]":
        usage = USAGES[fields.choice(request, "usage", ("digital-signature", "key-agreement"))]
        certificate = fields.optional(request, "certificate", fields.octets)
        pending = fields.optional(request, "pending", fields.octets)
        meter = self.meter
        if certificate:
            try:
                self._certificates.read(certificate)
            except HalError as error:
                raise RequestError("bad-value", f"certificate: {error.detail}") from error
        if pending is not None and len(pending) != 64:
            raise RequestError("bad-field", "pending: a public key has 64 octets, x and then y")
        if certificate is not None:
            waiting = meter.keys.pending(usage)
            meter.keys.put(usage, meter.keys.private(usage), certificate)
            if waiting is not None:
                meter.keys.set_pending(usage, *waiting)
        if pending is not None:
            meter.keys.set_pending(usage, pending, b"")
        meter.records.commit()
        private = meter.keys.private(usage)
        waiting = meter.keys.pending(usage)
        return {
            "certificate": meter.keys.certificate(usage).hex().upper(),
            "public_key": self._crypto.public_key(private).hex().upper() if private else "",
            "pending": "" if waiting is None else waiting[0].hex().upper(),
        }

    def _devices(self, request: "dict[str, Any]") -> "dict[str, Any]":
        meter = self.meter
        log = meter.credentials.devices
        names = device_log.TYPE_NAMES
        for field_name in ("add", "remove"):
            entry = request.get(field_name)
            if entry is None:
                continue
            if not isinstance(entry, dict):
                raise RequestError("bad-field", f"{field_name} is an object: eui64, and type to add a device")
            eui64 = fields.octets(entry, "eui64")
            if len(eui64) != 8:
                raise RequestError("bad-field", "eui64 has 8 octets")
            if field_name == "add":
                log.add(eui64, names.index(fields.choice(entry, "type", names)))
            else:
                log.remove(eui64)
        meter.records.commit()
        return {
            "devices": [
                {"eui64": eui64.hex().upper(), "type": names[kind] if kind < len(names) else str(kind)}
                for eui64, kind in log.devices()
            ]
        }

    def _firmware(self, request: "dict[str, Any]") -> "dict[str, Any]":
        meter = self.meter
        images = meter.credentials.images
        new = fields.optional(request, "version", fields.octets)
        if new is not None and len(new) != 4:
            raise RequestError("bad-field", "version has 4 octets")
        if "image" in request:
            image = request["image"]
            if image is None:
                images.discard()
            elif isinstance(image, dict):
                digest, image_version = fields.octets(image, "hash"), fields.octets(image, "version")
                if len(digest) != 32 or len(image_version) != 4:
                    raise RequestError("bad-field", "image: hash has 32 octets and version 4")
                images.hold(digest, image_version)
            else:
                raise RequestError("bad-field", "image is null, or an object with hash and version")
        if new is not None:
            images.set_version(new)
        meter.records.commit()
        held = images.held()
        return {
            "version": images.version().hex().upper(),
            "image": None if held is None else {"hash": held[0].hex().upper(), "version": held[1].hex().upper()},
        }

    def _alert(self, request: "dict[str, Any]") -> "dict[str, Any]":
        code = int.from_bytes(fields.sized(request, "code", 2), "big")
        message_code = int.from_bytes(fields.sized(request, "message_code", 2), "big")
        role = ROLES[fields.choice(request, "role", tuple(ROLES), "supplier")]
        supplementary = fields.optional(request, "supplementary", fields.octets) or b""
        elements = []
        given = request.get("elements", [])
        if not isinstance(given, list):
            raise RequestError("bad-field", "elements is a list of A-XDR values in hex")
        for place in range(len(given)):
            element = fields.octets({"elements": given[place]}, "elements")
            try:
                axdr.decode_whole(element)
            except DecodeError as error:
                raise RequestError("bad-value", f"elements, number {place}: {error}") from error
            elements.append(element)
        meter = self.meter
        if not meter.anchors.cells(role):
            raise RequestError("no-recipient", "nobody holds a trust anchor cell of that role")
        protected = request.get("protected", [])
        if not isinstance(protected, list) or not all(isinstance(one, dict) for one in protected):
            raise RequestError("bad-field", "protected is a list of objects with class, obis and attribute")
        wanted = tuple(fields.key(one) for one in protected)
        if not meter.raise_alert(message_code, code, tuple(elements), wanted, role, supplementary):
            raise RequestError("no-such-attribute", "protected: no such attribute, or no key to encrypt it with")
        self._collect()
        return {"messages": []}

    # ---- the whole device

    def _reset(self, _request: "dict[str, Any]") -> "dict[str, Any]":
        self._store.commit([(name, None) for name in self._store.names()])
        self.world.reset()
        self._set_start_clock()
        self._provide_identity()
        self._meter = self._build()
        return {}

    def _power(self, request: "dict[str, Any]") -> "dict[str, Any]":
        if fields.flag(request, "on"):
            if self._meter is None:
                self._meter = self._build()
                self._collect()
        elif self._meter is not None:
            self._power_down()
        return {"on": self._meter is not None}

    def _power_down(self) -> None:
        """The mains go: the meter keeps the time and its registers, and is no more."""
        meter = self.meter
        now_ms = self._clock.now_ms()
        meter.tick(now_ms)
        meter.organs.outage.power_down(now_ms)
        meter.life.flush()
        meter.records.commit()
        self._collect()
        self._meter = None

    # ---- the world around it, and its face

    def _load(self, request: "dict[str, Any]") -> "dict[str, Any]":
        if self.world.set_load(request) and self._meter is not None:
            self._meter.life.set_metrology(self.world.metrology)
            self.poll()
        return dict(self.world.load)

    def _links(self, request: "dict[str, Any]") -> "dict[str, Any]":
        links = self.world.set_links(request)
        self._pass_on()
        return {**links, "waiting": len(self.world.waiting)}

    def _tamper(self, _request: "dict[str, Any]") -> "dict[str, Any]":
        self.meter.organs.supply.tamper(self._clock.now_ms() // 1000)
        self.poll()
        return {}

    def _switch(self, request: "dict[str, Any]") -> "dict[str, Any]":
        number = fields.count(request, "number")
        if number >= COUNT:
            raise RequestError("bad-field", f"number is 0 for the supply, 1 to {COUNT - 1} for an auxiliary switch")
        switch = self.world.switch
        stuck = fields.optional(request, "stuck", fields.flag)
        if stuck is not None:
            switch.stick(number, stuck)
        return {"number": number, "closed": switch.is_closed(number), "stuck": switch.is_stuck(number)}

    def face(self) -> "tuple[list[str], dict[str, Any]]":
        """The lines of the display and the indicators; RequestError without power."""
        face = self._lit().organs.face
        return list(face.lines()), dict(face.indicators())

    def press(self, key: str) -> None:
        """Presses a key of the meter; RequestError for one that it does not have."""
        face = self._lit().organs.face
        if key.lower() not in KEYS:
            raise RequestError("bad-field", f"key is one of {', '.join(KEYS)}")
        face.press(key.upper(), self._clock.now_ms())
        self.poll()

    def enter(self, digits: str) -> None:
        """Types digits and confirms; RequestError when they are none."""
        if not digits or not all(digit in _KEYPAD for digit in digits):
            raise RequestError("bad-field", "digits is a text of digits: the keypad has nothing else")
        self._lit().organs.face.enter(digits, self._clock.now_ms())
        self.poll()

    def _screen(self, _request: "dict[str, Any]") -> "dict[str, Any]":
        lines, indicators = self.face()
        return {"lines": lines, "indicators": indicators}

    def _press(self, request: "dict[str, Any]") -> "dict[str, Any]":
        self.press(fields.text(request, "key"))
        return self._screen(request)

    def _enter(self, request: "dict[str, Any]") -> "dict[str, Any]":
        self.enter(fields.text(request, "digits"))
        return self._screen(request)

    def _quit(self, _request: "dict[str, Any]") -> "dict[str, Any]":
        self.finished = True
        return {}

    def _log(self, request: "dict[str, Any]") -> "dict[str, Any]":
        name = fields.choice(request, "name", tuple(logs.OBJECTS))
        data = self.meter.peek(apdu.make_key(7, logs.OBJECTS[name], 2))
        entries: list[dict[str, Any]] = []
        for row in rows(data):
            values = [value for _tag, value in row[1]]
            code = values[1] if len(values) > 1 else 0
            entry = {
                "time": format_time(values[0]),
                "code": f"{code:04X}",
                "text": _ALERT_MEANINGS.get(code, ""),
            }
            if len(values) > 2 and isinstance(values[2], bytes):
                entry["data"] = values[2].hex().upper()
            entries.append(entry)
        return {"entries": entries}

    def _state(self, _request: "dict[str, Any]") -> "dict[str, Any]":
        meter = self.meter
        names = {one.code: one.name for one in meter.use_cases()}
        return {
            "clock": self._clock_reply(),
            **snapshot(meter),
            "load": self.world.load,
            "links": self.world.links(),
            "future_dated": [
                {
                    "due": format_time(one.due_s),
                    "use_case": names.get(one.code, f"{one.code:04X}"),
                    "attribute": key_text(one.key) if one.key else "",
                }
                for one in meter.schedule.stored()
            ],
        }
