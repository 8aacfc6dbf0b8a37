"""`slotmeter run`: a meter that stays, with a demonstration first and a live view of the messages that pass."""

import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

from slotmeter.boards.pc import options
from slotmeter.boards.pc.errors import SlotmeterError
from slotmeter.boards.pc.network_words import KEYS_TITLE, KeysShown, eui64_text
from slotmeter.zigbee_han import install_code
from slotmeter.zigbee_han.errors import DecodeError

if TYPE_CHECKING:
    from slotmeter.boards.pc.bench import Bench
    from slotmeter.boards.pc.live import Live

_SECURITY = "This is an emulator: its keys and random numbers protect nothing. Never load real credentials."
# Where run listens unless it is told; the next free one is taken when that is in use.
_PORT = 4059


# What a shell reports of a process that SIGTERM ended.
_TERMINATED = 143


def _terminated(_number: int, _frame: "FrameType | None") -> None:
    """SIGTERM ends a run as Ctrl-C does, so that the store is closed and the running file removed."""
    raise SystemExit(_TERMINATED)


def _demonstrate(bench: "Bench", live: "Live") -> None:
    """Plays the supplier twice: reads the encrypted import register, and shows a text."""
    from slotmeter.boards.pc.answers import Answers
    from slotmeter.boards.pc.request_builder import Order, find
    from slotmeter.boards.pc.requester import Requester

    live.quiet = True
    requester = Requester(cast=bench.cast, rtds=bench.options.rtds)
    answers = Answers(cast=bench.cast, write=live.line)
    now_s = bench.clock.now_ms() // 1000
    live.line()
    live.line("-> is a GBCS message to the meter, <- is one from it, built and checked with the keys of this bench.")
    for number, (name, fields, story) in enumerate(
        (
            (
                "ECS17b",
                {},
                "The supplier reads the import register. The meter encrypts it, so that only the supplier can read it.",
            ),
            ("ECS10", {"message": "Hello from the bench"}, "The supplier sends a text for the display."),
        ),
        1,
    ):
        case = find(name)
        message = requester.build(case, Order(now_s=now_s, variant=bench.options.variant), dict(fields))
        live.line()
        live.line("Demonstration %d: %s" % (number, story))
        reply = bench.request({"op": "deliver", "hex": message.hex().upper()})
        answers.show(message, reply)
        if answers.status(reply):
            raise SlotmeterError("the demonstration failed: the meter's answer above says why")
    live.quiet = False


def _install_code(_ctx: click.Context, _param: click.Parameter, text: "str | None") -> "bytes | None":
    if text is None:
        return None
    try:
        return install_code.parse(text)
    except DecodeError as error:
        raise click.BadParameter(str(error)) from None


def _tell_of_network(bench: "Bench", live: "Live", show_keys: bool) -> None:
    """The home area network, as a commissioning screen has it; and its keys, for who looks into a capture."""
    han = bench.han
    if han is None:
        return
    code = install_code.text_of(han.code)
    own = bench.own_han
    if own is not None:
        how = "resumed" if own.resumed else "joined"
        words = (how, own.channel, code, own.took_ms / 1000)
        live.line("network %s on channel %d as %s, tunnel open after %.1f s of its time" % words)
    else:
        options = bench.options
        where = "air %s" % options.air if options.air is not None else "stick %s" % options.radio
        live.line("radio   %s, EUI-64 %s, install code %s" % (where, eui64_text(han.eui64), code))
        if han.resumed:
            live.line("network resumes where it was")
        else:
            live.line("network looks for a hub that lets it in; on its side, for example:")
            live.line("          slotmeter hub add %s '%s' --permit 240" % (eui64_text(han.eui64), code))
    if bench.options.capture is not None:
        live.line("capture %s" % bench.options.capture)
    if show_keys:
        keys = KeysShown(han.known_keys)
        live.line(KEYS_TITLE)
        for line in keys.new_lines():
            live.line(line)
        live.keys = keys


@click.command(
    name="run",
    epilog="""\b
Examples:
  slotmeter run                        a single-element meter that remembers
  slotmeter run --temporary            one that forgets everything at the end
  slotmeter run --variant polyphase --store my.store
  slotmeter run --load house --rate 3600     an hour of a household's life in a second
  slotmeter run --load 3000 --start 2030-01-01T00:00:00Z --rate 60
  slotmeter run --capture air.pcap --show-keys
  slotmeter run --radio /dev/ttyUSB0   on a ZigBee stick, for a hub that lets it in
  slotmeter run --air x                the same on an air of this machine: slotmeter hub --air x
  ONCE=1 slotmeter run                 only the demonstration

In a terminal the meter's face is shown: a and b are its buttons, digits and Enter its keypad. In another terminal:
slotmeter request ECS17b. Ctrl-C ends it; what was answered is in the store.""",
)
@options.of_a_started_meter
@click.option(
    "--start", metavar="TIME", help="Start with the clock at TIME, such as 2030-01-01T00:00:00Z; frozen without --rate."
)
@click.option("--rate", type=click.IntRange(1, 1_000_000), metavar="N", help="N seconds of the meter in a second.")
@click.option(
    "--load",
    metavar="WATTS|FILE.csv|house",
    help="What flows: constant watts (one for each element or phase, with commas), half-hours of a file, or a "
    "simulated household.  [default: nothing]",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help="Listen on this loopback port.  [default: %d or the next free one]" % _PORT,
)
@click.option("--direct", is_flag=True, help="Without the home area network: messages go straight to the meter.")
@options.of_a_radio
@click.option(
    "--capture",
    type=click.Path(path_type=Path),
    metavar="FILE.pcap",
    help="Write down what is on the home area network's air, for Wireshark.",
)
@click.option(
    "--install-code",
    "code",
    callback=_install_code,
    metavar="HEX",
    help="The meter's install code with its CRC.  [default: the one that it had, or a new one]",
)
@click.option("--show-keys", is_flag=True, help="Print the network's keys in the words of Wireshark.")
@click.option("--no-demo", is_flag=True, help="Leave out the demonstration.")
@click.option(
    "--keep/--once", default=None, help="Go on after the demonstration, or end.  [default: go on in a terminal]"
)
def command(
    variant: str,
    store: "Path | None",
    temporary: bool,
    keys: "Path | None",
    rtds: "Path | None",
    seed: "int | None",
    start: "str | None",
    rate: "int | None",
    load: "str | None",
    port: "int | None",
    direct: bool,
    radio: "str | None",
    air: "str | None",
    at: "tuple[int, int]",
    capture: "Path | None",
    code: "bytes | None",
    show_keys: bool,
    no_demo: bool,
    keep: "bool | None",
) -> None:
    """Start an emulated electricity meter, send it a command as its supplier would, and keep it running.

    Beside it is a comms hub on a virtual ZigBee air: the meter joins its network by install code, they agree a key by
    certificate, and every message goes through the tunnel between them. --direct leaves that out. With --radio or --air
    the meter is alone: it joins the network of whichever hub lets it in, and messages come from there.

    While it runs it listens on the loopback interface for send, request and the bench protocol, and shows each message
    that passes. With its output not in a terminal, or with ONCE=1 in the environment, it ends after the demonstration.
    """
    options.check_store(store, temporary)
    options.check_radio(radio, air, direct)
    if direct and code is not None:
        raise click.UsageError("--install-code is for joining a network, and --direct leaves that out")
    on_air = radio is not None or air is not None
    if keep is None:
        keep = on_air or os.environ.get("ONCE", "") in ("", "0") and (sys.stdout.isatty() or no_demo)

    from slotmeter.boards.pc import running
    from slotmeter.boards.pc.bench import Bench, Options, version
    from slotmeter.boards.pc.bench_clock import format_time
    from slotmeter.boards.pc.keyboard import Keyboard
    from slotmeter.boards.pc.lines import listen_or_next, serve
    from slotmeter.boards.pc.live import Live

    click.echo("slotmeter %s, an emulated SMETS2 electricity meter (ESME, %s)" % (version(), variant))
    click.echo(_SECURITY)
    signal.signal(signal.SIGTERM, _terminated)
    # A shell script starts what it puts in the background with SIGINT ignored; a meter can be stopped all the same.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    flow = _load(load)
    settings = Options(
        rtds=rtds,
        keys=keys,
        store=store,
        temporary=temporary,
        variant=variant,
        seed=seed,
        start=start,
        rate=rate,
        han=not direct and not on_air,
        air=air,
        radio=radio,
        at=at,
        install_code=code,
        capture=capture,
        note=click.echo,
    )
    with Bench(settings) as bench:
        live = Live(bench)
        where = "in memory: forgotten at the end" if bench.store_path is None else str(bench.store_path)
        now = format_time(bench.clock.now_ms() // 1000)
        stands = ", and stands still" if bench.clock.frozen else _speed(bench.clock.rate)
        live.line("meter   %s, clock %s%s" % (bench.identity.eui64.hex().upper(), now, stands))
        live.line("keys    %s" % bench.cast.folder)
        live.line("state   %s" % where)
        _tell_of_network(bench, live, show_keys)
        # What the meter sent when it started is shown now, and not in the reply to what is asked first.
        bench.request({"op": "hello"})
        if flow:
            reply = bench.request({"op": "load", **flow})
            if not reply["ok"]:
                raise SlotmeterError("--load %s: %s" % (load, reply["error"]["text"]))
            live.line("load    %s" % load)
        if not no_demo and not on_air:
            _demonstrate(bench, live)
        if not keep:
            return
        listener = listen_or_next(port, _PORT)
        announced: "Path | None" = None
        try:
            number = listener.getsockname()[1]
            store_text = "" if bench.store_path is None else str(bench.store_path.resolve())
            credentials = "" if rtds is not None else str(bench.cast.folder.resolve())
            meter = running.RunningMeter(number, variant, store_text, credentials, str(rtds.resolve()) if rtds else "")
            try:
                announced = running.announce(meter)
            except OSError as error:
                live.line("send and request need --port %d: %s" % (number, error.strerror))
            live.line()
            example = "slotmeter press b" if on_air else "slotmeter request ECS17b"
            live.line("Listening on 127.0.0.1:%d. In another terminal: %s. Ctrl-C ends it." % (number, example))
            if Keyboard.is_there() and sys.stdout.isatty():
                with Keyboard(live.key) as keyboard:
                    serve(bench, listener, live.tick, (keyboard.fileno, keyboard.read))
            else:
                serve(bench, listener, live.tick)
        except KeyboardInterrupt:
            live.end()
            live.line(
                "stopped; %s" % ("the state is forgotten" if bench.store_path is None else "the state is in " + where)
            )
            click.get_current_context().exit(130)
        finally:
            live.end()
            listener.close()
            if announced is not None:
                running.withdraw(announced)


def _speed(rate: int) -> str:
    return "" if rate == 1 else ", %d seconds in a second" % rate


def _load(text: "str | None") -> "dict[str, object]":
    """The fields of the operation `load` that --load asks for."""
    if text is None:
        return {}
    if text == "house":
        return {"house": True}
    parts = text.removesuffix("W").split(",")
    if all(part.isascii() and part.isdigit() for part in parts):
        return {"watts": [int(part) for part in parts]}
    if not Path(text).is_file():
        raise SlotmeterError("--load %s: give watts, the name of a file with half-hours, or house" % text)
    return {"file": str(Path(text).resolve())}
