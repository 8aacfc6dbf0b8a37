"""The measurements of `slotmeter bench`: the meter beside the ceiling that its cryptography or its disk sets.

A ratio is ceiling divided by ours, both measured in turns in this process, as medians of process time over several
rounds: 1 would be a meter that costs nothing besides the cryptography. Ceilings are bare calls of the `cryptography`
library and hashlib with everything prepared: no parsing, no object tree, no state. What a disk limits is measured
in elapsed time, what a process weighs in a process of its own.
"""

import hashlib
import hmac
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from slotmeter.boards.pc import pki, request_builder
from slotmeter.boards.pc.cast import Cast
from slotmeter.boards.pc.errors import SlotmeterError
from slotmeter.dlms import axdr, schema
from slotmeter.dlms.gbcs import keys, message, roles
from slotmeter.firmware.devices import esme
from slotmeter.firmware.identity import provision
from slotmeter.firmware.meter import Meter
from slotmeter.firmware.settings import Settings
from slotmeter.hal import Hal
from slotmeter.hal.host.certificates import HostCertificates
from slotmeter.hal.host.crypto import HostCrypto
from slotmeter.hal.host.store import SqliteStore
from slotmeter.hal.records import Records
from slotmeter.hal.store import Store
from slotmeter.hal.virtual.clock import VirtualClock
from slotmeter.hal.virtual.entropy import SeededEntropy
from slotmeter.hal.virtual.store import VirtualStore
from slotmeter.hal.virtual.switch import VirtualSwitch

# 2025-01-01T00:00:00Z.
_NOW_S = 789004800
_HALF_HOUR_S = 1800
_PROFILE = b"\x00\x07\x00\x00\x63\x01\x00\xff\x02"
_DAY_ROWS = 48
# 13 months of half-hours: 395 days.
_LONG_ROWS = 395 * 48
_IV_TAIL = b"\x00\x00\x00\x00"
_MAC_AAD = b"\x11\x00\x00\x00\x00\x00"
_SEAL_AAD = b"\x31"
_KDF_HEAD = b"\x00\x00\x00\x01"
_ALGORITHM = b"\x60\x85\x74\x06\x08\x03\x00"
# What a commit writes ahead: one page and its header.
_FRAME = 4096 + 24
_FLAT_KIB = 1024
_YEAR_DAYS = 365
# What a year may take.
_YEAR_S = 3


class Row:
    """One line of the table.

    ours, beside: texts of what was measured; ratio: what is compared with `wanted`; better: whether a higher ratio is
    better. peer: a figure of another program from a machine of its own, as a stated reference.
    """

    def __init__(
        self, what: str, ours: str, beside: str, ratio: float, wanted: float, peer: str = "", higher: bool = True
    ) -> None:
        self.what = what
        self.ours = ours
        self.beside = beside
        self.ratio = ratio
        self.wanted = wanted
        self.peer = peer
        self.higher = higher

    @property
    def met(self) -> bool:
        """Whether the target is reached."""
        return self.ratio >= self.wanted if self.higher else self.ratio <= self.wanted


class World:
    """A meter in memory and who sends to it. cached: whether it keeps agreed secrets."""

    def __init__(self, cast: Cast, store: "Store | None" = None, cached: bool = True) -> None:
        self.cast = cast
        self.crypto = HostCrypto()
        self.store = VirtualStore() if store is None else store
        settings = Settings()
        settings.cache_secrets = cached
        provision(Records(self.store), self.crypto, cast.identity())
        self.meter = _meter(self.store, settings)
        self._counter = 1_000_000

    def command(self, name: str, given: "dict[str, Any] | None" = None, begin: str = "-31d", end: str = "now") -> bytes:
        """The next command of that use case."""
        self._counter += 1
        order = request_builder.Order(now_s=_NOW_S, counter=self._counter, begin=begin, end=end)
        return request_builder.build(request_builder.find(name), order, given or {}, self.cast, self.crypto)

    def fill(self, rows: int) -> None:
        """Half-hours that end now in the profile of active import."""
        first = _NOW_S - rows * _HALF_HOUR_S
        codec = schema.RowCodec(schema.parse("structure{double-long-unsigned,double-long-unsigned}"))
        self.meter.poke(
            _PROFILE, codec.compact_array([(first + i * _HALF_HOUR_S, 100 + i % 1000) for i in range(rows)])
        )

    def answer(self, command: bytes) -> bytes:
        """The response to one command; SlotmeterError when there is none."""
        response = exchange(self.meter, command)
        _check(response)
        return response


def _check(response: bytes) -> None:
    if message.parse(response).cra != message.RESPONSE:
        raise SlotmeterError("the meter under measurement refused its command")


def _meter(store: Store, settings: Settings) -> Meter:
    hal = Hal(VirtualClock(_NOW_S * 1000), store, HostCrypto(), SeededEntropy(1), HostCertificates(), VirtualSwitch())
    return esme.build(hal, settings)


def exchange(meter: Meter, command: bytes) -> bytes:
    """Delivers a command, takes what the meter tells, and returns what it sends first."""
    meter.receive(command, _NOW_S * 1000)
    while meter.next_event() is not None:
        pass
    return meter.to_send()


# ---- bare cryptography


def _bare_mac(z: bytes, body: bytes) -> bytes:
    info = _ALGORITHM + body[12:20] + body[1:11] + body[21:29]
    key = hashlib.sha256(_KDF_HEAD + z + info).digest()[:16]
    return AESGCM(key).encrypt(body[12:20] + _IV_TAIL, b"", _MAC_AAD + body)[:12]


class Bare:
    """The cryptography of one exchange on its own, over the messages of a real one."""

    def __init__(self, world: World, command: bytes, response: bytes, sealed: int = 0) -> None:
        cast = world.cast
        one, other = message.parse(command), message.parse(response)
        self._z_in = cast.secret(cast.party(roles.ACCESS_CONTROL_BROKER))
        self._z_out = cast.secret(cast.party(roles.SUPPLIER))
        self._body_in, self._body_out = one.body, other.body
        self._mac = one.mac
        device, supplier = cast.device, cast.party(roles.SUPPLIER)
        self._private = ec.derive_private_key(int.from_bytes(device.ka_private, "big"), ec.SECP256R1())
        self._peers = [
            ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x04" + public)
            for public in (cast.party(roles.ACCESS_CONTROL_BROKER).ka_public, supplier.ka_public)
        ]
        self._signer = ec.derive_private_key(int.from_bytes(device.ds_private, "big"), ec.SECP256R1())
        self._verifier = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x04" + supplier.ds_public)
        self._signed_in, self._signed_out = one.signed, other.signed
        self._signature = b""
        if one.signature:
            numbers = [int.from_bytes(part, "big") for part in (one.signature[:32], one.signature[32:])]
            self._signature = encode_dss_signature(*numbers)
        self._plaintext = bytes(sealed)
        self._algorithm = ec.ECDSA(hashes.SHA256())

    def macs(self) -> None:
        """MAC checked, MAC made."""
        hmac.compare_digest(_bare_mac(self._z_in, self._body_in), self._mac)
        _bare_mac(self._z_out, self._body_out)

    def uncached(self) -> None:
        """The same with the two secrets agreed each time."""
        for peer in self._peers:
            self._private.exchange(ec.ECDH(), peer)
        self.macs()

    def critical(self) -> None:
        """MAC checked, signature verified, signature made."""
        hmac.compare_digest(_bare_mac(self._z_in, self._body_in), self._mac)
        self._verifier.verify(self._signature, self._signed_in, self._algorithm)
        self._signer.sign(self._signed_out, self._algorithm)

    def encrypted(self) -> None:
        """MAC checked, values encrypted, MAC made."""
        hmac.compare_digest(_bare_mac(self._z_in, self._body_in), self._mac)
        key = hashlib.sha256(_KDF_HEAD + self._z_out + keys.other_info(bytes(8), 4, bytes(8), bytes(8))).digest()[:16]
        AESGCM(key).encrypt(bytes(12), self._plaintext, _SEAL_AAD)
        _bare_mac(self._z_out, self._body_out)


# ---- timing


def cpu_us(function: "Callable[[], object]", calls: int) -> float:
    """Process time of one call in microseconds."""
    start = time.process_time_ns()
    for _ in range(calls):
        function()
    return (time.process_time_ns() - start) / calls / 1000


def side_by_side(functions: "list[tuple[Callable[[], object], int]]", rounds: int) -> "list[float]":
    """The median of each (function, calls) in microseconds, measured in turns."""
    for function, _ in functions:
        function()
    times: "list[list[float]]" = [[] for _ in functions]
    for _ in range(rounds):
        for place, (function, calls) in enumerate(functions):
            times[place].append(cpu_us(function, calls))
    return [statistics.median(one) for one in times]


def _rate(us: float) -> str:
    return "%.1f us, %s/s" % (us, format(int(1e6 / us), ","))


class Measurements:
    """Runs everything once.

    quick: fewer rounds and commands; progress: told what is being measured; bar: told the days that are done, and of
    how many, while a year passes.
    """

    def __init__(
        self,
        folder: Path,
        quick: bool,
        progress: "Callable[[str], None]",
        bar: "Callable[[int, int], None] | None" = None,
    ) -> None:
        self.folder = folder
        self.bar = bar
        self.rounds = 3 if quick else 7
        self.scale = 1 if quick else 4
        self.flat_commands = 10_000 if quick else 100_000
        self.long_days = 3 * _YEAR_DAYS if quick else 10 * _YEAR_DAYS
        self.progress = progress
        keystore = folder / "keys"
        pki.create(keystore, SeededEntropy(1))
        self.cast = Cast.load(keystore)

    def run(self) -> "list[Row]":
        """Every row, in the order of the table."""
        rows: "list[Row]" = []
        for title, measure in (
            ("reads", self.reads),
            ("critical commands", self.critical),
            ("encrypted half-hours", self.half_hours),
            ("A-XDR", self.axdr),
            ("durable commands", self.durable),
            ("a year of one meter", self.year),
            ("import time", self.imports),
            ("memory over %s commands" % format(self.flat_commands, ","), self.memory),
        ):
            self.progress(title)
            rows.extend(measure())
        return rows

    def reads(self) -> "list[Row]":
        """A non-critical read, with the agreed secrets kept and not."""
        world, fresh = World(self.cast), World(self.cast, cached=False)
        command = world.command("ECS17c")
        bare = Bare(world, command, world.answer(command))
        fresh.answer(command)
        calls = 500 * self.scale
        ours, ceiling, uncached, uncached_ceiling = side_by_side(
            [
                (lambda: exchange(world.meter, command), calls),
                (bare.macs, calls),
                (lambda: exchange(fresh.meter, command), calls // 4),
                (bare.uncached, calls // 4),
            ],
            self.rounds,
        )
        return [
            Row(
                "non-critical read, secrets cached",
                _rate(ours),
                "KDF, MAC checked and made %.1f us" % ceiling,
                ceiling / ours,
                0.10,
                "gbcs-parser 441-468 us to verify one message; Gurux, GCM register 1850-2160 us",
            ),
            Row(
                "the same, secrets not cached",
                _rate(uncached),
                "with two ECDH %.1f us" % uncached_ceiling,
                uncached_ceiling / uncached,
                0.6,
            ),
        ]

    def critical(self) -> "list[Row]":
        """A critical command: MAC, signature verified, signature made, state changed."""
        world = World(self.cast)
        calls = 50 * self.scale
        waiting = [world.command("ECS38") for _ in range((calls + 1) * (self.rounds + 1))]
        bare = Bare(world, waiting[-1], world.answer(waiting[0]))
        supply = iter(waiting[1:])
        answers: list[bytes] = []
        ours, ceiling = side_by_side(
            [(lambda: answers.append(exchange(world.meter, next(supply))), calls), (bare.critical, calls)], self.rounds
        )
        for answer in answers:
            _check(answer)
        beside = "MAC, verify, sign %.1f us" % ceiling
        return [Row("critical command", _rate(ours), beside, ceiling / ours, 0.6, "none of the peers answers one")]

    def half_hours(self) -> "list[Row]":
        """Encrypted reads of a day and of 13 months of half-hours."""
        day, long = World(self.cast), World(self.cast)
        day.fill(_DAY_ROWS)
        long.fill(_LONG_ROWS)
        short = day.command("ECS22b", begin="-1d")
        # Two half-hours less than there are, so that the range has to be looked for.
        count = _LONG_ROWS - 2
        whole = long.command("ECS22b", begin="-%ds" % ((_LONG_ROWS - 1) * _HALF_HOUR_S), end="-1h")
        response = day.answer(short)
        # Longer than one block transfer may be, so that the parser would refuse it.
        if len(exchange(long.meter, whole)) < 8 * count:
            raise SlotmeterError("the answer with 13 months of half-hours is shorter than they are")
        bare = Bare(day, short, response, 8 * _DAY_ROWS + 12)
        calls = 100 * self.scale
        ours, ceiling, months = side_by_side(
            [
                (lambda: exchange(day.meter, short), calls),
                (bare.encrypted, calls),
                (lambda: exchange(long.meter, whole), 1),
            ],
            self.rounds,
        )
        each, each_long = ours / _DAY_ROWS, months / count
        return [
            Row(
                "encrypted read of 48 half-hours",
                _rate(ours),
                "MACs and encryption %.1f us" % ceiling,
                ceiling / ours,
                0.04,
                "Gurux, GCM profile of 48 rows 8500-8700 us",
            ),
            Row(
                "13 months of half-hours in one read",
                "%.3f us a half-hour, %.2f ms" % (each_long, months / 1000),
                "48 half-hours: %.3f us each" % each,
                each_long / each,
                2.0,
                higher=False,
            ),
        ]

    def axdr(self) -> "list[Row]":
        """48 x {date-time, u32, u32} beside dlms-cosem, where that is installed."""
        form = schema.parse("structure{octet-string(12),double-long-unsigned,double-long-unsigned}")
        codec = schema.RowCodec(form)
        rows = [
            (b"\x07\xe9\x01\x01\xff" + bytes((i // 2, i % 2 * 30)) + b"\0\0\x80\0\xff", 1000 * i, 77 * i)
            for i in range(48)
        ]
        octets = codec.array(rows)
        try:
            from dlms_cosem import a_xdr, dlms_data
        except ImportError:
            self.progress("A-XDR is not compared: pip install dlms-cosem")
            return []

        def theirs_from_rows() -> bytes:
            """The peer's way from rows to octets: its encoder takes objects."""
            structures = [
                dlms_data.DataStructure(
                    value=[
                        dlms_data.OctetStringData(value=moment),
                        dlms_data.DoubleLongUnsignedData(value=first),
                        dlms_data.DoubleLongUnsignedData(value=second),
                    ]
                )
                for moment, first, second in rows
            ]
            return bytes(dlms_data.DataArray(value=structures).to_bytes())

        if theirs_from_rows() != octets:
            raise SlotmeterError("dlms-cosem encodes the rows otherwise: the comparison would say nothing")
        conf = a_xdr.EncodingConf([a_xdr.Sequence(attribute_name="data")])
        calls = 50 * self.scale
        ours, theirs, decoded, their_decoded = side_by_side(
            [
                (lambda: codec.array(rows), calls),
                (theirs_from_rows, calls),
                (lambda: axdr.decode_whole(octets), calls),
                (lambda: a_xdr.AXdrDecoder(encoding_conf=conf).decode(bytearray(octets)), calls),
            ],
            self.rounds,
        )
        peer = "dlms-cosem 78-80 us to encode, 231-256 us to decode"
        return [
            Row(
                "A-XDR, encode 48 plain rows", "%.1f us" % ours, "dlms-cosem %.1f us" % theirs, theirs / ours, 4.0, peer
            ),
            Row(
                "A-XDR, decode 48 rows, no schema",
                "%.1f us" % decoded,
                "dlms-cosem %.1f us" % their_decoded,
                their_decoded / decoded,
                4.0,
                peer,
            ),
        ]

    def durable(self) -> "list[Row]":
        """A command that changes state, answered when it is on the disk; elapsed time."""
        store = SqliteStore(self.folder / "durable.store")
        world = World(self.cast, store)
        calls = 50 * self.scale
        waiting = iter([world.command("ECS39a") for _ in range((calls + 1) * self.rounds)])
        handle = os.open(self.folder / "raw.log", os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
        frame = bytes(_FRAME)
        ours: "list[float]" = []
        raw: "list[float]" = []
        try:
            for _ in range(self.rounds * calls):
                command = next(waiting)
                start = time.perf_counter_ns()
                world.answer(command)
                between = time.perf_counter_ns()
                os.write(handle, frame)
                os.fdatasync(handle)
                raw.append((time.perf_counter_ns() - between) / 1000)
                ours.append((between - start) / 1000)
        finally:
            os.close(handle)
            store.close()
        mine, bare = statistics.median(ours), statistics.median(raw)
        return [
            Row(
                "durable command",
                "%.0f us elapsed" % mine,
                "append a page, fdatasync %.0f us" % bare,
                mine / bare,
                2.5,
                "none of the peers keeps its state",
                higher=False,
            )
        ]

    def year(self) -> "list[Row]":
        """A year of one meter, what a half-hour of it costs beside the bare loop, and whether later ones cost more."""
        from slotmeter.boards.pc.meter_year import DAY_HALF_HOURS, live

        def per_half_hour(days: int) -> "tuple[float, float]":
            ours, bare = live(World(self.cast), days, False)
            return ours / days / DAY_HALF_HOURS * 1e6, bare / days / DAY_HALF_HOURS * 1e6

        bar = self.bar
        told = None if bar is None else (lambda done: bar(done, _YEAR_DAYS))
        seconds, _ = live(World(self.cast), _YEAR_DAYS, True, told)
        day, _ = per_half_hour(1)
        ours, bare = per_half_hour(_YEAR_DAYS)
        late, _ = per_half_hour(self.long_days)
        return [
            Row(
                "a year of one meter, each half-hour durable",
                "%.2f s" % seconds,
                "at most %d s" % _YEAR_S,
                seconds / _YEAR_S,
                1.0,
                higher=False,
            ),
            Row(
                "a half-hour in steps of a day",
                "%.1f us" % ours,
                "bare loop in integers %.2f us" % bare,
                ours / bare,
                30.0,
                higher=False,
            ),
            Row(
                "a half-hour of %d years" % (self.long_days // _YEAR_DAYS),
                "%.1f us" % late,
                "of the first day %.1f us, of a year %.1f us" % (day, ours),
                late / ours,
                1.5,
                higher=False,
            ),
        ]

    def imports(self) -> "list[Row]":
        """What an import costs in a fresh interpreter."""
        reference = "import asyncio; from cryptography.hazmat.primitives.asymmetric import ec"
        ours = "import slotmeter.firmware.devices.esme"
        # The first of each writes the compiled files and warms the disk's cache.
        for code in (reference, ours):
            self._child(_IMPORT % code)
        times: "dict[str, list[float]]" = {reference: [], ours: []}
        for _ in range(self.rounds):
            for code, found in times.items():
                found.append(float(self._child(_IMPORT % code)))
        mine, beside = statistics.median(times[ours]), statistics.median(times[reference])
        return [
            Row(
                "import of the meter",
                "%.0f ms" % (mine / 1000),
                "asyncio and cryptography %.0f ms" % (beside / 1000),
                mine / beside,
                2.0,
                higher=False,
            )
        ]

    def _child(self, code: str) -> str:
        """What a fresh interpreter prints that runs `code`; it sees the same packages, and keeps what it compiles of
        them: an installed package is compiled, whatever this process was told.
        """
        environment = dict(os.environ, PYTHONPATH=os.pathsep.join(path for path in sys.path if path))
        environment["PYTHONPYCACHEPREFIX"] = str(self.folder / "compiled")
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        if done.returncode:
            reason = done.stderr.strip().splitlines() or ["no reason given"]
            raise SlotmeterError("a measuring process ended with status %d: %s" % (done.returncode, reason[-1]))
        return done.stdout

    def memory(self) -> "list[Row]":
        """One meter process after its start and after many commands."""
        path = self.folder / "memory.store"
        store = SqliteStore(path)
        world = World(self.cast, store)
        world.fill(_DAY_ROWS)
        world.meter.records.commit()
        commands = [world.command(name).hex() for name in ("ECS17c", "ECS52", "ECS17b", "ECS22b", "ECS26a")]
        spent = world.command("ECS39a")
        world.answer(spent)
        commands.append(spent.hex())
        store.close()
        bare = json.loads(self._child(_BARE))
        grown = json.loads(self._child(_MEMORY % (str(path), commands, self.flat_commands)))
        first, last = grown[0], grown[-1]
        return [
            Row(
                "memory of one meter process",
                "%.1f MiB" % (last / 1024),
                "interpreter with cryptography %.1f MiB" % (bare / 1024),
                last / bare,
                2.0,
                "Gurux server 34.5-35.1 MiB",
                higher=False,
            ),
            Row(
                "growth over %s commands" % format(self.flat_commands, ","),
                "%d KiB" % (last - first),
                "at most %d KiB" % _FLAT_KIB,
                (last - first) / _FLAT_KIB,
                1.0,
                higher=False,
            ),
        ]


_IMPORT = "import time; start = time.process_time_ns(); %s; print((time.process_time_ns() - start) / 1000)"
_RESIDENT = """
import os
def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024
"""
_BARE = (
    _RESIDENT
    + """
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
print(resident())
"""
)
# Every thousandth command is one that was carried out before: it is refused, logged and told in an alert.
_MEMORY = (
    _RESIDENT
    + """
import json
from slotmeter.firmware.devices import esme
from slotmeter.firmware.settings import Settings
from slotmeter.hal import Hal
from slotmeter.hal.host.certificates import HostCertificates
from slotmeter.hal.host.crypto import HostCrypto
from slotmeter.hal.host.entropy import HostEntropy
from slotmeter.hal.host.store import SqliteStore
from slotmeter.hal.virtual.clock import VirtualClock
from slotmeter.hal.virtual.switch import VirtualSwitch
store = SqliteStore(%r)
commands = [bytes.fromhex(text) for text in %r]
count = %d
now_ms = 789004800000
hal = Hal(VirtualClock(now_ms), store, HostCrypto(), HostEntropy(), HostCertificates(), VirtualSwitch())
meter = esme.build(hal, Settings())
sizes = []
for number in range(count):
    meter.receive(commands[-1 if number %% 1000 == 999 else number %% 5], now_ms)
    while meter.next_event() is not None:
        pass
    while meter.to_send():
        pass
    if number in (count // 20, count - 1):
        sizes.append(resident())
store.close()
print(json.dumps(sizes))
"""
)


def measure(
    quick: bool,
    progress: "Callable[[str], None]",
    disk: "Path | None" = None,
    bar: "Callable[[int, int], None] | None" = None,
) -> "list[Row]":
    """Every row. disk: a folder on the disk whose durability counts; None for the system's temporary folder."""
    with tempfile.TemporaryDirectory(prefix="slotmeter-bench-", dir=disk) as folder:
        return Measurements(Path(folder), quick, progress, bar).run()
