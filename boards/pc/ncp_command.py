"""`slotmeter ncp`: a ZigBee stick that is not there."""

import asyncio
import signal
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from slotmeter.boards.pc.errors import SlotmeterError

if TYPE_CHECKING:
    from slotmeter.boards.pc.ncp_faults import LineFaults
    from slotmeter.boards.pc.ncp_line import Port
    from slotmeter.hal.entropy import Entropy
    from slotmeter.hal.store import Store
    from slotmeter.zigbee_han.ncp.flash import Flash
    from slotmeter.zigbee_han.ncp.stick import Stick
    from slotmeter.zigbee_han.sim.air import Air

_PERCENT = click.FloatRange(0, 100)
# The largest number of a place.
_FAR = 999999
_VERSIONS = ("13", "14", "16", "17", "18", "19")
# Locally administered: nobody's.
_LOCAL = 0x02
_BOARD = b"slotmeter ncp"


def _eui64(_ctx: click.Context, _param: click.Parameter, text: "str | None") -> "bytes | None":
    if text is None:
        return None
    digits = text.replace(":", "").replace("-", "")
    try:
        octets = bytes.fromhex(digits)
    except ValueError:
        octets = b""
    if len(octets) != 8 or octets in (bytes(8), b"\xff" * 8):
        raise click.BadParameter("an EUI-64 is 16 hexadecimal digits, such as 02-00-00-00-00-00-00-01")
    return octets


def make_stick(
    version: int, eui64: "bytes | None", entropy: "Entropy", store: "Store | None" = None, patience_ms: int = 0
) -> "tuple[Stick, Flash]":
    """A stick, whose node is not on an air yet, and what it remembers. Without eui64 it has the stored one, or a new
    one.
    """
    from slotmeter.hal.host.crypto import HostCrypto
    from slotmeter.hal.records import Records
    from slotmeter.zigbee_han.ncp.flash import Flash
    from slotmeter.zigbee_han.ncp.server import Server
    from slotmeter.zigbee_han.ncp.stick import Stick
    from slotmeter.zigbee_han.sim.air import Dice
    from slotmeter.zigbee_han.sim.node import Node

    made_up = entropy.random(8)
    base = eui64 or bytes((made_up[0] & 0xFC | _LOCAL,)) + made_up[1:]
    flash = Flash(base, None if store is None else Records(store))
    if eui64 is not None and flash.base != eui64:
        raise SlotmeterError(
            "the store belongs to the stick %s; leave --eui64 out, or name another store" % flash.base.hex("-")
        )
    flash.board = _BOARD + bytes(16 - len(_BOARD))
    flash.commit()
    node = Node(flash.eui(), HostCrypto(), Dice(int.from_bytes(entropy.random(4), "big")), patience_ms)
    return Stick(Server(version, flash, node, entropy)), flash


class _Told:
    """What a stick tells, as lines for people."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet

    def line(self, text: str) -> None:
        if not self._quiet:
            click.echo(text)

    def capture_ended(self, error: OSError) -> None:
        click.echo("the capture ended: %s" % error.strerror, err=True)

    def event(self, event: object) -> None:
        from slotmeter.zigbee_han.ncp import ash, network, server
        from slotmeter.zigbee_han.ncp.flash import COORDINATOR

        if isinstance(event, ash.Reset):
            self.line("reset by the host")
        elif isinstance(event, ash.Failed):
            click.echo("the host does not acknowledge: waiting for a reset", err=True)
        elif isinstance(event, network.Formed):
            how = "resumed" if event.resumed else "formed" if event.network.type == COORDINATOR else "joined"
            self.line("network %s: PAN %04X, channel %d" % (how, event.network.pan, event.network.channel))
        elif isinstance(event, network.Left):
            self.line("network left")
        elif isinstance(event, network.Permitted):
            self.line("joining permitted for %d s" % event.seconds if event.seconds else "joining closed")
        elif isinstance(event, server.NotStored):
            click.echo("not stored: %s" % event.detail, err=True)


def _place(_ctx: click.Context, _param: click.Parameter, text: str) -> "tuple[int, int]":
    try:
        x, y = [int(part) for part in text.split(",")]
    except ValueError:
        x = y = _FAR + 1
    if max(abs(x), abs(y)) > _FAR:
        raise click.BadParameter("a place is two whole numbers of up to six digits, such as 30,-10")
    return x, y


def _faults(_ctx: click.Context, _param: click.Parameter, text: "str | None") -> "list[tuple[str, str, int]]":
    from slotmeter.boards.pc.ncp_faults import parse

    return [] if text is None else parse(text)


class _Where:
    """Which kind of line the options ask for."""

    def __init__(self, tcp: "int | None", device: "str | None", baud: int, hardware_flow: bool) -> None:
        self._tcp = tcp
        self._device = device
        self._baud = baud
        self._hardware_flow = hardware_flow
        self.reopens = device is not None

    def open(self) -> "Port":
        from slotmeter.hal.host.serial import DeviceSerial, PtySerial, TcpSerial

        if self._device is not None:
            return DeviceSerial(self._device, self._baud, self._hardware_flow)
        return PtySerial() if self._tcp is None else TcpSerial(self._tcp)

    def told(self, port: "Port") -> str:
        from slotmeter.hal.host.serial import PtySerial, TcpSerial

        if isinstance(port, PtySerial):
            return "stick at %s" % port.path
        if isinstance(port, TcpSerial):
            return "stick at socket://127.0.0.1:%d" % port.port
        return "stick at the other end of %s, %d baud" % (self._device, self._baud)


async def _serve(stick: "Stick", where: _Where, air: "Air", told: _Told, faults: "LineFaults") -> None:
    from slotmeter.boards.pc.ncp_line import Line

    # Before anything is said: who reads where the stick is may stop it at once.
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    port = where.open()
    line = Line(
        stick,
        port,
        air,
        told.event,
        told.line,
        faults.towards_stick,
        faults.towards_host,
        where.open if where.reopens else None,
    )
    click.echo(where.told(port))
    try:
        await stopped.wait()
    finally:
        line.close()
    if str(faults):
        told.line("line %s; repeated %d, dropped %s" % (faults, stick.link.repeated, _counts(stick.link.dropped)))


def _counts(dropped: "dict[str, int]") -> str:
    return ", ".join(["%d %s" % (number, reason) for reason, number in sorted(dropped.items())]) or "0"


def _open_air(name: "str | None", seed: int, loss: float, noise: float, told: _Told, opened: ExitStack) -> "Air":
    """The air of that name, or one of its own; percent of what is lost and damaged."""
    from slotmeter.boards.pc.shared_air import SharedAir
    from slotmeter.zigbee_han.sim.air import Air

    if name is None:
        return Air(seed, round(10 * loss), round(10 * noise))
    air = opened.enter_context(closing(SharedAir(name, seed, round(10 * loss), round(10 * noise))))
    others = air.others()
    told.line("air %s, with %s on it" % (name, "one other" if others == 1 else "%d others" % others))
    return air


@click.command(
    name="ncp",
    short_help="Be a ZigBee stick, on a pseudo-terminal, a TCP port or a serial line.",
    epilog="""\b
Examples:
  slotmeter ncp --pty                   prints the device, such as /dev/pts/5
  slotmeter ncp --tcp 6638 --version 18 then open socket://127.0.0.1:6638
  slotmeter ncp --pty --store stick.db  remembers its network
  slotmeter ncp --serial /dev/ttyAMA0   is a stick for the machine at the other end

\b
Two sticks that hear each other, and what they say in a file for Wireshark:
  slotmeter ncp --tcp 6638 --air home --capture home.pcap
  slotmeter ncp --tcp 6639 --air home --at 30,0 --loss 2

\b
A host on a bad line (see `loss`, `corrupt`, `double`, `noise`, `delay`, `slow`, `reset`):
  slotmeter ncp --pty --fault loss=3,corrupt=3
  slotmeter ncp --pty --fault host:loss=1,stick:delay=20,slow

Hosts that take it for a stick: bellows, zigpy, zigbee-herdsman (adapter "ember").
Ctrl-C unplugs it; what it remembers is stored before each answer leaves.""",
)
@click.option("--pty", is_flag=True, help="Be a serial port of this machine.  [default]")
@click.option("--tcp", type=click.IntRange(0, 65535), metavar="PORT", help="Listen on this port; 0: a free one.")
@click.option("--serial", "device", metavar="DEVICE", help="Be at this end of a real serial line (UART, USB gadget).")
@click.option(
    "--baud", type=click.IntRange(300, 4000000), default=115200, show_default=True, help="Speed of --serial."
)
@click.option("--rtscts", is_flag=True, help="Hardware flow control of --serial.")
@click.option(
    "--version", type=click.Choice(_VERSIONS), default="13", show_default=True, help="The EZSP version to speak."
)
@click.option(
    "--eui64", callback=_eui64, metavar="HEX", help="Its address.  [default: the stored one, or one made up]"
)
@click.option("--store", type=click.Path(path_type=Path), metavar="FILE", help="Remember network and keys in FILE.")
@click.option("--air", "air_name", metavar="NAME", help="Be on the air that all with this NAME share.")
@click.option(
    "--at", "place", callback=_place, default="0,0", metavar="X,Y", help="Its place; it hears up to 100 around it."
)
@click.option("--loss", type=_PERCENT, default=0, metavar="PERCENT", help="Frames of the air that it does not hear.")
@click.option("--noise", type=_PERCENT, default=0, metavar="PERCENT", help="Frames of the air that it hears damaged.")
@click.option(
    "--capture", type=click.Path(path_type=Path), metavar="FILE", help="Write what is on the air for Wireshark (pcap)."
)
@click.option("--fault", callback=_faults, metavar="WORDS", help="What goes wrong on the serial line; see below.")
@click.option(
    "--seed",
    type=click.IntRange(0, 2**64 - 1),
    metavar="N",
    help="Repeatable randomness and faults; protects nothing.",
)
@click.option("--quiet", is_flag=True, help="Print where the stick is, and nothing else.")
def command(
    pty: bool,
    tcp: "int | None",
    device: "str | None",
    baud: int,
    rtscts: bool,
    version: str,
    eui64: "bytes | None",
    store: "Path | None",
    air_name: "str | None",
    place: "tuple[int, int]",
    loss: float,
    noise: float,
    capture: "Path | None",
    fault: "list[tuple[str, str, int]]",
    seed: "int | None",
    quiet: bool,
) -> None:
    """Be a Silicon Labs ZigBee stick: a co-processor that speaks ASH and EZSP, for hosts that want one.

    It forms networks or joins them, as coordinator or router. With --air others hear it: sticks of other processes,
    meters and hubs. Without, nobody else is there: scans find noise, and messages fail, as in a steel box.
    """
    if pty + (tcp is not None) + (device is not None) > 1:
        raise click.UsageError("--pty, --tcp and --serial exclude each other")
    if device is None and rtscts:
        raise click.UsageError("--rtscts is of --serial DEVICE")
    from slotmeter.boards.pc.capture import create, follow
    from slotmeter.boards.pc.ncp_faults import LineFaults
    from slotmeter.boards.pc.ncp_line import now_ms
    from slotmeter.boards.pc.shared_air import PATIENCE_MS
    from slotmeter.hal.host.entropy import HostEntropy
    from slotmeter.hal.host.store import SqliteStore
    from slotmeter.hal.virtual.entropy import SeededEntropy

    entropy: Entropy = HostEntropy() if seed is None else SeededEntropy(seed)
    # Two sticks shall not lose the same frames because nobody gave them a seed.
    dice = int.from_bytes(entropy.random(8), "big") if seed is None else seed
    with ExitStack() as opened:
        kept = None if store is None else opened.enter_context(closing(SqliteStore(store)))
        told = _Told(quiet)
        air = _open_air(air_name, dice, loss, noise, told, opened)
        if capture is not None:
            follow(air, opened.enter_context(create(capture)), told.capture_ended)
        stick, flash = make_stick(int(version), eui64, entropy, kept, 0 if air_name is None else PATIENCE_MS)
        air.attach(stick.node, *place)
        told.line("EUI-64 %s, EZSP version %s" % (flash.eui().hex("-"), version))
        faults = LineFaults(fault, dice, lambda: stick.power_on(now_ms()))
        asyncio.run(_serve(stick, _Where(tcp, device, baud, rtscts), air, told, faults))
