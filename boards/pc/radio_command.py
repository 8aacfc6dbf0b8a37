"""`slotmeter radio`: the ZigBee sticks of this machine, and what one of them says of itself."""

import json
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from slotmeter.hal.host.radio_ezsp import Probed
    from slotmeter.hal.host.sticks import Port

_REWRITE = {
    "yes": "can be rewritten as often as one likes",
    "once": "can be written once, for ever, which slotmeter does not do",
    "no": "cannot be rewritten with this firmware",
}


@click.group(
    name="radio",
    epilog="""\b
Examples:
  slotmeter radio list
  slotmeter radio probe /dev/ttyUSB0
  slotmeter radio probe socket://192.168.1.9:6638 --json""",
)
def command() -> None:
    """Find ZigBee sticks, and see whether the meter or the hub can use them.

    A stick must have a chip of Silicon Labs, and the firmware of a network co-processor (EZSP, version 13 or later).
    """


def _port_facts(port: "Port") -> "dict[str, Any]":
    known = port.known
    return {
        "device": port.device,
        "by_id": port.by_id or None,
        "vid": "%04X" % port.vid,
        "pid": "%04X" % port.pid,
        "manufacturer": port.manufacturer,
        "product": port.product,
        "serial": port.serial,
        "stick": None if known is None else known.name,
        "ezsp": None if known is None else known.ezsp,
        "baud": None if known is None else known.baud,
        "flow": None if known is None else known.flow,
        "firmware": None if known is None else known.firmware,
    }


@command.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
def list_(as_json: bool) -> None:
    """List the serial ports that are plugged in, and what is known of the sticks behind them."""
    from slotmeter.hal.host import sticks

    found = sticks.ports()
    if as_json:
        click.echo(json.dumps([_port_facts(port) for port in found], indent=2))
        return
    if not found:
        click.echo("no stick is plugged in: no USB serial port on this machine")
        click.echo("without one, `slotmeter run` brings its own network, and `slotmeter ncp` is a stick")
        return
    for port in found:
        known = port.known
        click.echo("%s  %s" % (port.device, "unknown" if known is None else known.name))
        if port.by_id:
            click.echo("  name      %s" % port.by_id)
        click.echo("  usb       %04X:%04X %s, %s" % (port.vid, port.pid, port.manufacturer or "-", port.product or "-"))
        if known is None:
            click.echo("  firmware  unknown; `slotmeter radio probe %s` asks it" % port.device)
        elif known.ezsp:
            flow = "RTS/CTS" if known.flow == sticks.HARDWARE else "XON/XOFF"
            click.echo("  firmware  likely %s, %d baud, %s" % (known.firmware, known.baud, flow))
        else:
            click.echo("  firmware  %s: slotmeter cannot use it" % known.firmware)


def _probed_facts(place: str, found: "Probed") -> "dict[str, Any]":
    network = None
    if found.place is not None:
        network = {
            "role": found.role,
            "channel": found.place.channel,
            "pan": "%04X" % found.place.pan,
            "extended_pan": found.place.extended_pan.hex().upper(),
        }
    return {
        "port": place,
        "baud": found.baud,
        "flow": found.flow,
        "ezsp": found.version,
        "stack": found.stack,
        "manufacturer": found.manufacturer or None,
        "board": found.board or None,
        "eui64": found.eui64.hex().upper(),
        "rewrite": found.rewrite,
        "link_keys": found.key_table,
        "network": network,
    }


@command.command()
@click.argument("port")
@click.option("--baud", type=click.IntRange(1200, 4000000), metavar="N", help="Its speed.  [default: known, or tried]")
@click.option(
    "--flow", type=click.Choice(("hardware", "software")), help="RTS/CTS, or XON/XOFF.  [default: known, or software]"
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def probe(port: str, baud: "int | None", flow: "str | None", as_json: bool) -> None:
    """Ask the stick at PORT (/dev/ttyUSB0, socket://host:port) what it is.

    It is reset. When it remembers a network it is in it for a moment: there is no other way to ask for it.
    """
    from slotmeter.hal.host.radio_ezsp import probe as ask

    found = ask(port, baud, flow)
    if as_json:
        click.echo(json.dumps(_probed_facts(port, found), indent=2))
        return
    where = port if port.startswith("socket:") else "%s at %d baud" % (port, found.baud)
    click.echo("%s: EZSP version %d, stack %s" % (where, found.version, found.stack or "unknown"))
    click.echo("  made by     %s" % (", ".join([text for text in (found.manufacturer, found.board) if text]) or "-"))
    click.echo("  EUI-64      %s; it %s" % (found.eui64.hex("-").upper(), _REWRITE[found.rewrite]))
    click.echo("  link keys   %d, each for one device" % found.key_table)
    if found.place is None:
        click.echo("  network     none")
    else:
        place = found.place
        click.echo(
            "  network     %s on channel %d, PAN %04X, %s"
            % (found.role, place.channel, place.pan, place.extended_pan.hex().upper())
        )
