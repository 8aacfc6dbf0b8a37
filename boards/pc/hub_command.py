"""`slotmeter hub`: the comms hub side of a bench, on a stick or on a shared air; and what the running one is asked."""

import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from slotmeter.boards.pc import options
from slotmeter.boards.pc.errors import SlotmeterError
from slotmeter.boards.pc.network_words import KEYS_TITLE, KeysShown, eui64_text

if TYPE_CHECKING:
    from slotmeter.boards.pc.hub_bench import HubBench

_SECURITY = "This is an emulator: its keys and random numbers protect nothing. Never load real credentials."
# Where a hub listens unless it is told; the next free one is taken when that is in use.
_PORT = 4060
_TERMINATED = 143
# How often a command that waits asks whether something has come.
_POLL_S = 0.1

_which = click.option(
    "--port", type=click.IntRange(1, 65535), help="The hub on this port.  [default: the one that runs]"
)


def eui64_of(text: str) -> bytes:
    """An EUI-64 as people write it; SlotmeterError when it is none."""
    digits = "".join(letter for letter in text if letter not in "-: ")
    try:
        octets = bytes.fromhex(digits)
    except ValueError:
        octets = b""
    if len(octets) != 8:
        raise SlotmeterError("%s is no EUI-64: give 16 hex digits, such as 02-53-4C-4F-54-10-00-01" % text)
    return octets


def _terminated(_number: int, _frame: object) -> None:
    raise SystemExit(_TERMINATED)


def describe(data: bytes, code: str = "") -> str:
    """A message in one line: its use case and counter, or that it is none."""
    from slotmeter.boards.pc.live import meaning_of, use_case_names
    from slotmeter.dlms.errors import DecodeError
    from slotmeter.dlms.gbcs import message

    try:
        one = message.parse(data, limit=message.LARGEST_RESPONSE)
    except DecodeError as error:
        return "%d octets that are not a message: %s" % (len(data), error)
    if code:
        return "%s, counter %d, %d octets: %s" % (code, int.from_bytes(one.counter, "big"), len(data), meaning_of(code))
    name = use_case_names().get(one.code, "%04X" % one.code)
    return "%s, counter %d, %d octets" % (name, int.from_bytes(one.counter, "big"), len(data))


class _Lines:
    """One line for each thing that happens at the hub; with `keys`, the new ones behind it."""

    def __init__(self, keys: "KeysShown | None") -> None:
        self._keys = keys

    def observe(self, kind: str, what: "dict[str, Any]") -> None:
        """One fact of the hub."""
        if kind == "network":
            self.line("network", str(what["text"]))
            for line in self._keys.new_lines() if self._keys is not None else ():
                click.echo(line)
        elif kind == "sent":
            self.line("command", "to %s: %s" % (_named(what), describe(bytes.fromhex(what["hex"]))))
        else:
            octets = bytes.fromhex(what["hex"])
            self.line(str(what["kind"]), "from %s: %s" % (_named(what), describe(octets, str(what.get("code", "")))))

    def line(self, kind: str, text: str) -> None:
        """A line with the time."""
        click.echo("%s  %-9s %s" % (time.strftime("%H:%M:%S", time.gmtime()), kind, text))
        sys.stdout.flush()


def _named(what: "dict[str, Any]") -> str:
    return eui64_text(bytes.fromhex(what["device"]))


@click.group(
    name="hub",
    invoke_without_command=True,
    short_help="Be the comms hub of a network, on a stick or a shared air; ask the running one.",
    epilog="""\b
Examples:
  slotmeter hub --radio /dev/ttyUSB0             run the hub on a ZigBee stick
  slotmeter hub --air x                          run it on an air of this machine
In another terminal, with the meter's EUI-64 and install code as slotmeter run prints them:
  slotmeter hub add 02-53-4C-4F-54-10-00-01 '94DC BCC4 ... 3015' --permit 240
  slotmeter hub devices
  slotmeter request ECS17b --hub
  slotmeter hub alerts --wait 60
Ctrl-C ends it; it remembers its network and its device log.""",
)
@options.of_a_radio
@click.option("--store", type=click.Path(path_type=Path), metavar="FILE", help="Remember network and devices in FILE.")
@click.option("--temporary", is_flag=True, help="Remember them in memory, and forget them at the end.")
@click.option("--keys", type=click.Path(path_type=Path), metavar="DIR", help="Folder of the bench's credentials.")
@click.option("--channel", type=click.IntRange(11, 26), help="Form a network on this channel.  [default: any]")
@click.option("--eui64", metavar="HEX", help="The hub's address.  [default: that of the bench's hub]")
@click.option("--port", type=click.IntRange(0, 65535), help="Listen here.  [default: %d or the next free one]" % _PORT)
@click.option("--capture", type=click.Path(path_type=Path), metavar="FILE.pcap", help="Write down what is on the air.")
@click.option("--show-keys", is_flag=True, help="Print the network's keys in the words of Wireshark.")
@click.option(
    "--seed", type=click.IntRange(0, 2**64 - 1), metavar="N", help="Repeatable randomness; protects even less."
)
@click.pass_context
def command(
    ctx: click.Context,
    radio: "str | None",
    air: "str | None",
    at: "tuple[int, int]",
    store: "Path | None",
    temporary: bool,
    keys: "Path | None",
    channel: "int | None",
    eui64: "str | None",
    port: "int | None",
    capture: "Path | None",
    show_keys: bool,
    seed: "int | None",
) -> None:
    """Run the comms hub of a home area network; or, with a command, ask the one that runs.

    It forms a network the Smart Energy way, lets in the devices of its log by their install codes, agrees a key with
    each by certificate, opens a tunnel to it, and carries GBCS messages. HAN certificates come from the keystore: the
    meter's must be of the same one.
    """
    if ctx.invoked_subcommand is not None:
        return
    options.check_radio(radio, air)
    options.check_store(store, temporary)
    if radio is None and air is None:
        raise click.UsageError(
            "on which radio? --radio PORT for a stick, or --air NAME for one on an air of this machine"
        )
    if radio is not None and capture is not None:
        raise click.UsageError("--capture goes with --air: of a real air a stick hears only its own part")
    from slotmeter.boards.pc import han_keys
    from slotmeter.boards.pc.bench import version
    from slotmeter.boards.pc.hub_bench import HubBench, HubOptions

    click.echo("slotmeter %s, the comms hub of a bench" % version())
    click.echo(_SECURITY)
    signal.signal(signal.SIGTERM, _terminated)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    settings = HubOptions(
        radio=radio,
        air=air,
        at=at,
        capture=capture,
        keys=keys,
        store=store,
        temporary=temporary,
        channel=channel,
        eui64=han_keys.HUB if eui64 is None else eui64_of(eui64),
        seed=seed,
        note=click.echo,
    )
    with HubBench(settings) as hub:
        _introduce(hub)
        shown = KeysShown(hub.known_keys) if show_keys else None
        if shown is not None:
            click.echo("\n".join([KEYS_TITLE, *shown.new_lines()]))
        hub.observers.append(_Lines(shown).observe)
        _serve(ctx, hub, port)


def _introduce(hub: "HubBench") -> None:
    from slotmeter.boards.pc.network_words import place_text

    asked = hub.options
    click.echo("radio   %s" % ("air %s" % asked.air if asked.air is not None else "stick %s" % asked.radio))
    click.echo("hub     EUI-64 %s" % eui64_text(asked.eui64))
    click.echo("network %s, %s" % ("resumed" if hub.resumed else "formed", place_text(hub.place)))
    click.echo("keys    %s" % hub.folder)
    click.echo("state   %s" % ("in memory: forgotten at the end" if hub.store_path is None else hub.store_path))
    devices = hub.request({"op": "devices"})["devices"]
    click.echo("log     %s" % (", ".join(_named({"device": one["eui64"]}) for one in devices) or "no devices yet"))


def _serve(ctx: click.Context, hub: "HubBench", port: "int | None") -> None:
    from slotmeter.boards.pc import running
    from slotmeter.boards.pc.lines import listen_or_next, serve

    listener = listen_or_next(port, _PORT)
    announced: Path | None = None
    try:
        number = listener.getsockname()[1]
        store = "" if hub.store_path is None else str(hub.store_path.resolve())
        one = running.RunningMeter(number, "", store, str(hub.folder.resolve()), "", running.HUB)
        try:
            announced = running.announce(one)
        except OSError as error:
            click.echo("other commands need --port %d: %s" % (number, error.strerror))
        click.echo(
            "Listening on 127.0.0.1:%d. In another terminal: slotmeter hub add EUI64 CODE. Ctrl-C ends it." % number
        )
        sys.stdout.flush()
        serve(hub, listener)
    except KeyboardInterrupt:
        click.echo("stopped")
        ctx.exit(130)
    finally:
        listener.close()
        if announced is not None:
            running.withdraw(announced)


# ---- asking the running hub


@command.command(name="add")
@click.argument("eui64", metavar="EUI64")
@click.argument("code", metavar="INSTALL-CODE")
@click.option("--form", type=click.Choice(["crc", "code", "key"]), default="crc", show_default=True, help="See below.")
@click.option("--type", "kind", default="ESME", show_default=True, help="ESME, GSME, GPF, HCALCS, PPMID or 'type 2'.")
@click.option("--permit", type=click.IntRange(1, 254), metavar="SECONDS", help="And let it join, for so long.")
@_which
def add(eui64: str, code: str, form: str, kind: str, permit: "int | None", port: "int | None") -> None:
    """Take a device into the log, with its install code.

    The code has its CRC at the end, as it is printed on a device (form crc). GBCS messages carry 16 octets without one:
    the code (form code), or the key that is made of it (form key).
    """
    from slotmeter.boards.pc.at_hub import AtHub

    with AtHub(port) as hub:
        reply = hub.ask("add", device=eui64_of(eui64).hex(), code=code, form=form, type=kind)
        what = "has another install code now" if reply["again"] else "is in the log"
        click.echo("%s %s" % (eui64_text(eui64_of(eui64)), what))
        if permit is None:
            click.echo("It can join while joining is permitted: slotmeter hub permit 240")
        else:
            hub.ask("permit", seconds=permit)
            click.echo("joining is permitted for %d s" % permit)


@command.command(name="remove")
@click.argument("eui64", metavar="EUI64")
@_which
def remove(eui64: str, port: "int | None") -> None:
    """Take a device out of the log, and tell it to leave."""
    from slotmeter.boards.pc.at_hub import AtHub

    with AtHub(port) as hub:
        hub.ask("remove", device=eui64_of(eui64).hex())
        click.echo("%s is not in the log any more" % eui64_text(eui64_of(eui64)))


@command.command(name="permit")
@click.argument("seconds", type=click.IntRange(0, 254))
@_which
def permit_(seconds: int, port: "int | None") -> None:
    """Let devices of the log join for SECONDS; 0 closes the network."""
    from slotmeter.boards.pc.at_hub import AtHub

    with AtHub(port) as hub:
        hub.ask("permit", seconds=seconds)
        click.echo("joining is permitted for %d s" % seconds if seconds else "the network is closed")


@command.command(name="devices")
@_which
def devices(port: "int | None") -> None:
    """List the device log: each device, and how far it has come."""
    from slotmeter.boards.pc.at_hub import AtHub

    with AtHub(port) as hub:
        found = hub.devices()
        for one in found:
            waiting = ", %d messages wait" % one["waiting"] if one["waiting"] else ""
            click.echo("%s  %-6s  %s%s" % (_named({"device": one["eui64"]}), one["type"], one["state"], waiting))
        if not found:
            click.echo("no devices: slotmeter hub add EUI64 INSTALL-CODE")


@command.command(name="send")
@click.argument("eui64", metavar="EUI64")
@click.argument("message", metavar="FILE|HEX|-")
@click.option("--timeout", type=click.FloatRange(0.1, 3600), default=30.0, show_default=True, help="Seconds to wait.")
@_which
def send(eui64: str, message: str, timeout: float, port: "int | None") -> None:
    """Send a finished GBCS message to a device, wait for its response and show it.

    Status: 0 answered, 1 not answered, and why.
    """
    from slotmeter.boards.pc.answers import Answers
    from slotmeter.boards.pc.at_hub import AtHub
    from slotmeter.boards.pc.send_command import messages_of

    found = messages_of(message)
    with AtHub(port) as hub:
        answers = Answers(hub.hub)
        for octets in found:
            exchange(hub, answers, eui64_of(eui64), octets, timeout)


def exchange(hub: "Any", answers: "Any", eui64: bytes, message: bytes, timeout: float) -> None:
    """One message and its response, shown; SlotmeterError when there is none, with the alerts that came instead."""
    from slotmeter.boards.pc.at_hub import NoAnswer

    try:
        came = hub.exchange(eui64, message, timeout)
    except NoAnswer as error:
        answers.show(message, {"ok": True, "messages": error.alerts})
        raise
    answers.show(message, {"ok": True, "messages": came})


@command.command(name="alerts")
@click.option("--wait", type=click.IntRange(0, 86400), default=0, metavar="SECONDS", help="Wait for more, for so long.")
@click.option("--device", metavar="EUI64", help="Only of this device.")
@_which
def alerts(wait: int, device: "str | None", port: "int | None") -> None:
    """Show the alerts that came since the hub was started, and those that come while it waits."""
    from slotmeter.boards.pc.at_hub import AtHub

    chosen = {} if device is None else {"device": eui64_of(device).hex()}
    after = 0
    shown = 0
    until_s = time.monotonic() + wait
    with AtHub(port) as hub:
        while True:
            reply = hub.ask("arrived", after=after, **chosen)
            after = int(reply["last"])
            for one in reply["arrived"]:
                if one["kind"] == "alert":
                    shown += 1
                    text = describe(bytes.fromhex(one["hex"]), str(one.get("code", "")))
                    click.echo("%s  %s" % (_named(one), text))
            if time.monotonic() >= until_s:
                break
            time.sleep(_POLL_S)
    if not shown:
        click.echo("no alerts")
