"""The bench: emulated devices with their surroundings, driven by the operations of docs/bench-protocol.md.

`Bench.request` takes one request as a dictionary and gives the reply as one. Whatever is wrong with a request is told
in the reply; only a bug raises. Transport is elsewhere (`lines`), so tests and tools call `request` directly.
"""

import datetime as dt
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from slotmeter.boards.pc import bench_fields as fields
from slotmeter.boards.pc.bench_clock import EPOCH, LAST_S, BenchClock, format_time, parse_time
from slotmeter.boards.pc.bench_fields import RequestError
from slotmeter.boards.pc.bench_inside import Inside
from slotmeter.boards.pc.bench_state import key_text, snapshot
from slotmeter.boards.pc.bench_world import World
from slotmeter.boards.pc.cast import load_cast
from slotmeter.boards.pc.errors import SlotmeterError
from slotmeter.boards.pc.running import data_home
from slotmeter.dlms.blocks import BLOCK_SIZE
from slotmeter.dlms.gbcs import roles
from slotmeter.dlms.gbcs.message import ALERT, LARGEST_MESSAGE, LARGEST_RESPONSE, RESPONSE, parse
from slotmeter.firmware import facts, integrity
from slotmeter.firmware.devices import esme
from slotmeter.firmware.identity import is_provisioned, provision
from slotmeter.firmware.settings import VARIANT_NAMES, Settings
from slotmeter.hal import Hal
from slotmeter.hal.clock import STATUS_NAMES
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
    from slotmeter.boards.pc.bench_han import BenchHan
    from slotmeter.boards.pc.cast import Cast
    from slotmeter.boards.pc.network import Network
    from slotmeter.firmware.identity import Identity
    from slotmeter.firmware.meter import Meter
    from slotmeter.hal.store import Store

PROTOCOL = 1
RTDS_START = "2015-01-01T00:00:00Z"

# Which records say with whose credentials a store was made; the meter does not know them.
_CAST_RECORD = "bench.cast"

# What a rate of the clock may be: seconds of the meter in a second.
_RATES = range(1, 1_000_001)
# What is on the keys of a meter: two buttons, one of which can be held, and a keypad.
_KEYPAD = "0123456789"
KEYS = ("a", "b", "hold", "ok", "clear", *_KEYPAD)


def version() -> str:
    """The installed version; "0" in a checkout that is not installed."""
    try:
        return metadata.version("slotmeter")
    except metadata.PackageNotFoundError:
        return "0"


def _ignore(_text: str) -> None:
    pass


@dataclass
class Options:
    """How a bench starts.

    rtds: folder with the RTDS data; keys: folder of the bench's own credentials; store: file that keeps the state;
    temporary: keep it in memory (always so with `rtds` unless a store is named); start: an ISO time at which the clock
    stands still, None for the machine's time; rate: how fast the clock runs, from `start` on when both are given; note:
    where remarks for people go. han: with a home area network and its hub in this process; air, radio: on the shared
    air of that name, at place `at`, or on the stick at that port, and the hub is elsewhere. install_code: the meter's,
    with its CRC; None for the one that it had, or a new one.
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
    han: bool = False
    air: "str | None" = None
    radio: "str | None" = None
    at: "tuple[int, int]" = (0, 0)
    install_code: "bytes | None" = None
    capture: "Path | None" = None
    note: "Callable[[str], None]" = field(default=_ignore)


class Bench:
    """One emulated meter and its surroundings.

    finished: whether `quit` was asked for. observers: called with a kind ("delivered", "sent", "refused", "answered",
    "due", "network") and a dictionary, for every fact as it happens.
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
            "clock": self._time,
            "deliver": self._deliver,
            "enter": self._enter,
            "hello": self._hello,
            "hub": self._hub,
            "links": self._links,
            "load": self._load,
            "power": self._power,
            "press": self._press,
            "quit": self._quit,
            "reset": self._reset,
            "screen": self._screen,
            "state": self._state,
            "switch": self._switch,
            "tamper": self._tamper,
            **Inside(lambda: self.meter, self._crypto, self._certificates).operations,
        }
        self._capture: BinaryIO | None = None
        self._scratch: tempfile.TemporaryDirectory[str] | None = None
        self._pending: list[dict[str, Any]] = []
        self._refused: facts.MessageRefused | None = None
        self._answered: facts.CommandAnswered | None = None
        # Codes of alerts whose message has not been taken yet.
        self._alert_codes: list[int] = []
        self.world = World(options.variant, options.seed or 0, self._is_closed, options.rtds is None)
        self._set_start_clock()
        self.han: Network | None = None
        # The same, when its hub is here too.
        self.own_han: BenchHan | None = None
        # Up to when the network has lived with the meter's time.
        self._network_ms = self._clock.now_ms()
        # How much of its time it must have left out before that is told again.
        self._left_out_told_ms = 0
        if options.capture is not None and options.radio is not None:
            raise SlotmeterError("--capture writes down a virtual air; of a real one a stick hears only its own part")
        if options.capture is not None and not self._has_network():
            raise SlotmeterError("--capture writes down the home area network, and --direct leaves it out")
        try:
            self._store: Store = VirtualStore() if self.store_path is None else self._open_store(self.store_path)
            try:
                self._provide_identity()
                self._meter: Meter | None = self._build()
                if self._has_network():
                    self._make_han(self._meter)
            except (HalError, SlotmeterError):
                self._store.close()
                if self.han is not None:
                    self.han.close()
                raise
        except HalError as error:
            raise SlotmeterError(error.detail) from error

    # ---- start and end

    def _has_network(self) -> bool:
        options = self.options
        return options.han or options.air is not None or options.radio is not None

    def _make_han(self, meter: "Meter") -> None:
        """The network of `meter`: joined, when its hub is here too."""
        options = self.options
        folder = self.cast.folder
        if options.rtds is not None and not options.han:
            # A hub elsewhere knows the authority of the bench's own keys: the meter gets its certificate from there.
            folder = load_cast(options.keys or data_home() / "keys", create=True, note=options.note).folder
        elif options.rtds is not None:
            # The data set has no certificates for the air, and nothing is written beside it.
            self._scratch = tempfile.TemporaryDirectory()
            folder = Path(self._scratch.name)
        if options.capture is not None:
            try:
                self._capture = open(options.capture, "wb")
            except OSError as error:
                raise SlotmeterError(f"--capture {options.capture}: {error.strerror or 'cannot be written'}") from error
        if options.han:
            self._make_own_han(meter, folder)
        else:
            self._go_on_air(meter, folder)

    def _make_own_han(self, meter: "Meter", folder: Path) -> None:
        from slotmeter.boards.pc.bench_han import BenchHan
        from slotmeter.boards.pc.shelf import Shelf

        options = self.options
        try:
            self.own_han = self.han = han = BenchHan(
                folder,
                Shelf(self._store),
                meter,
                self._crypto,
                self._entropy,
                options.seed or 0,
                self._clock_ms,
                self._tell_network,
                # The meter of the data set has long been in its network.
                options.rtds is None,
                options.install_code,
            )
        except SlotmeterError as error:
            raise SlotmeterError(f"{error} (or leave the home area network out: --direct)") from error
        if self._capture is not None:
            han.capture(self._capture, self._clock.now_ms() // 1000)
        han.join()

    def _go_on_air(self, meter: "Meter", folder: Path) -> None:
        from slotmeter.boards.pc.meter_on_air import MeterOnAir
        from slotmeter.boards.pc.radios import Choice
        from slotmeter.boards.pc.shelf import Shelf

        options = self.options
        self.han = MeterOnAir(
            Choice(options.air, options.radio, options.at, self._capture),
            folder,
            Shelf(self._store),
            meter,
            self._crypto,
            self._entropy,
            self._clock_ms,
            self._tell_network,
            self._hear_time,
            self._tell_delivered,
            options.install_code,
        )

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
            wall = dt.datetime.now(dt.UTC) - EPOCH
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
        settings = Settings(VARIANT_NAMES[self.options.variant])
        if self._has_network():
            settings.block_size = BLOCK_SIZE
            settings.keep_undelivered = True
        meter = esme.build(hal, settings)
        if self.han is not None:
            self.han.has(meter)
            # What was not delivered is told of again.
            self._alert_codes.clear()
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
                if self.han is not None:
                    self.han.keep()
            except HalError:
                # The store refused: what is in it stands.
                meter.records.rollback()
        self.finished = True
        self._store.close()
        if self.han is not None:
            self.han.close()
        if self._capture is not None:
            self._capture.close()
        if self._scratch is not None:
            self._scratch.cleanup()

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

    def _clock_ms(self) -> int:
        """The time now, of whichever clock the bench has."""
        return self._clock.now_ms()

    def _tell_network(self, text: str) -> None:
        self._tell("network", {"text": text})

    # ---- what happens by itself

    def poll(self) -> None:
        """Carries out what fell due on a running clock; the next reply carries what was sent."""
        if self.han is not None:
            self.han.allow()
        self._catch_up()

    def _catch_up(self) -> None:
        if self._meter is not None:
            self._meter.tick(self._clock.now_ms())
        self._collect()

    def _move_network(self, han: "Network") -> None:
        """The network's time goes with the meter's, as far as it keeps up."""
        now_ms = self._clock.now_ms()
        passed_ms = now_ms - self._network_ms
        self._network_ms = now_ms
        if passed_ms > 0:
            han.live(passed_ms)
        if not self._clock.frozen and han.left_out_ms > 2 * self._left_out_told_ms:
            self._left_out_told_ms = han.left_out_ms
            self._tell_network(
                "the network does not keep up with %d seconds in a second: %d hours of its time are left out so far"
                % (self._clock.rate, han.left_out_ms // 3600000)
            )

    def wait_s(self) -> float:
        """Seconds until something falls due on a running clock; an hour when nothing does."""
        wait = 3600.0 if self.han is None else self.han.wait_s(self._clock)
        deadline = None if self._meter is None or self._clock.frozen else self._meter.deadline_ms()
        if deadline is not None:
            wait = min(wait, (deadline - self._clock.now_ms()) / 1000 / self._clock.rate)
        return max(0.0, wait)

    def filenos(self) -> "tuple[int, ...]":
        """What can be read when `poll` may have something to do."""
        return () if self.han is None else self.han.filenos()

    def _collect(self) -> None:
        """Takes what the meter sent and told."""
        meter = self._meter
        if self.han is not None:
            self._move_network(self.han)
            messages = self.han.carry()
        else:
            messages = [] if meter is None else list(iter(meter.to_send, b""))
        if meter is None:
            return
        told = []
        while (fact := meter.next_event()) is not None:
            told.append(fact)
            if isinstance(fact, facts.AlertSent):
                self._alert_codes.append(fact.code)
            elif isinstance(fact, facts.MessageDelivered) and self.own_han is None:
                # The hub that has it is elsewhere.
                messages.append(fact.data)
        for data in messages:
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
        """Hands over what the meter sent, when the networks are up. What is at the hub only needs the wide area."""
        if not (self.world.connected if self.han is None else self.world.wan):
            return
        waiting, self.world.waiting = self.world.waiting, []
        for sent in waiting:
            self._pending.append(sent)
            self._tell("sent", sent)

    def _tell_delivered(self, data: bytes) -> None:
        """Tells the observers that the meter is given a message."""
        self._tell("delivered", {"device": "esme", "hex": data.hex().upper()})

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
        reply = operation(request)
        # What follows at once from a change is told with it, and not with whatever comes next.
        self._catch_up()
        return reply

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
        device = {
            "name": "esme",
            "type": "ESME",
            "variant": self.options.variant,
            "eui64": self.identity.eui64.hex().upper(),
        }
        if self.han is not None:
            device["install_code"] = self.han.code.hex().upper()
            device["network"] = self.han.state()
        return {
            "protocol": PROTOCOL,
            "version": version(),
            "devices": [device],
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
        if self.han is not None and self.own_han is None:
            raise RequestError("on-air", "the meter is on air: its messages come from its hub, slotmeter request --hub")
        self._refused = self._answered = None
        self._tell_delivered(data)
        han = self.own_han
        if han is None:
            meter.receive(data, self._clock.now_ms())
        else:
            han.lost = []
            han.send(data)
        self._collect()
        if han is not None and self._answered is None and self._refused is None:
            why = han.lost or ["it waits at the hub, and the meter's radio is %s" % han.state()]
            raise RequestError("link-down", "the message did not get to the meter: %s" % "; ".join(why))
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
        if now_ms // 1000 + (advance or 0) > LAST_S:
            raise RequestError("bad-field", f"advance: the clock ends at {format_time(LAST_S)}")
        if rate is not None:
            self._clock.run_at(rate)
        if frozen is not None:
            self._clock.freeze(frozen)
        if status is not None:
            self.meter.set_clock_status(STATUS_NAMES.index(status))
        if moment is not None:
            self._clock.set(now_ms)
            self._network_ms = now_ms
            if self._meter is not None:
                self._meter.set_time(now_ms)
        if advance:
            self.advance(advance * 1000)
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
        self._catch_up()

    # ---- the whole device

    def _reset(self, _request: "dict[str, Any]") -> "dict[str, Any]":
        self._store.commit([(name, None) for name in self._store.names()])
        self.world.reset()
        self._set_start_clock()
        self._network_ms = self._clock.now_ms()
        self._provide_identity()
        if self.han is not None:
            self.han.keep_again()
        self._meter = self._build()
        return {}

    def _power(self, request: "dict[str, Any]") -> "dict[str, Any]":
        if fields.flag(request, "on"):
            if self._meter is None:
                self._meter = self._build()
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
        if self.han is not None:
            self.han.has(None)

    # ---- the world around it, and its face

    def _load(self, request: "dict[str, Any]") -> "dict[str, Any]":
        if self.world.set_load(request) and self._meter is not None:
            self._meter.life.set_metrology(self.world.metrology)
        return dict(self.world.load)

    def _links(self, request: "dict[str, Any]") -> "dict[str, Any]":
        self._check_hub_is_here(request, "wan", "han")
        self.world.set_links(request)
        if self.own_han is not None:
            self.own_han.connect(self.world.han and self.world.hub)
            self._collect()
        self._pass_on()
        links = self.world.links()
        if self.han is not None:
            links["waiting"] += 0 if self._meter is None else self._meter.undelivered()
            links["left_out"] = self.han.left_out_ms // 1000
        return links

    def _check_hub_is_here(self, request: "dict[str, Any]", *names: str) -> None:
        """Refuses what only a hub in this process can do."""
        given = [name for name in names if request.get(name) is not None]
        if given and self.han is not None and self.own_han is None:
            raise RequestError("on-air", f"{given[0]}: the hub of this meter is elsewhere on the air")

    def _tamper(self, request: "dict[str, Any]") -> "dict[str, Any]":
        sensors = tuple(one[0] for one in integrity.SENSORS if one[0] != "hub")
        what = fields.choice(request, "what", sensors, "general")
        ended = bool(fields.optional(request, "ended", fields.flag))
        meter = self.meter
        if not meter.organs.integrity.feel(what, ended, meter.now_s):
            raise RequestError("bad-field", f"ended: a meter cannot feel the end of {what!r}")
        meter.settle()
        return {}

    def _hub(self, request: "dict[str, Any]") -> "dict[str, Any]":
        self._check_hub_is_here(request, "attached", "joined", "time")
        attached = fields.optional(request, "attached", fields.flag)
        joined = fields.optional(request, "joined", fields.flag)
        text = fields.optional(request, "time", fields.text)
        try:
            told_ms = None if text is None else parse_time(text)
        except ValueError as error:
            raise RequestError("bad-time", str(error)) from error
        meter = self._lit()
        world = self.world
        if attached is not None and attached != world.hub:
            world.hub = attached
            meter.organs.integrity.feel("hub", attached, meter.now_s)
            meter.settle()
            if self.own_han is not None:
                self.own_han.connect(world.han and attached)
        if (joined or told_ms is not None) and not (world.hub and world.han):
            raise RequestError("link-down", "the hub cannot be heard: see `links`, and `attached` of this operation")
        if joined:
            meter.joined()
        reply: dict[str, Any] = {"attached": world.hub}
        if told_ms is not None:
            reply["followed"] = self._hear_time(told_ms // 1000)
        return reply

    def _hear_time(self, told_s: int) -> bool:
        """The hub says that it is `told_s`; whether the meter's clock follows, which is then set."""
        meter = self.meter
        followed = meter.behaviour.hear_time(told_s)
        meter.settle()
        if followed and told_s != self._clock.now_ms() // 1000:
            self._clock.set(told_s * 1000)
            self._network_ms = told_s * 1000
            meter.set_time(told_s * 1000)
        return followed

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
