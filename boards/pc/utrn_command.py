"""`slotmeter utrn`: a top-up token as the supplier makes it."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from slotmeter.boards.pc.errors import SlotmeterError
from slotmeter.boards.pc.face_box import grouped

if TYPE_CHECKING:
    from slotmeter.boards.pc.requester import Requester

def pounds(text: str) -> str:
    """An amount as the supplier says it: £10, £1.20, 120p; a bare number is pounds."""
    return text if text.startswith("£") or text.endswith("p") else "£" + text


def meaning(digits: str) -> "list[str]":
    """What the digits say to anybody, in lines: value, counter bits, whether the MAC can be checked from here."""
    from slotmeter.prepayment import utrn

    token, _reason = utrn.parse(digits)
    if token is None:
        return ["not a token: wrong length, check digit or number"]
    kind = "whole pounds" if token.value_class == utrn.POUNDS else "pence"
    return [
        "value     £%d.%02d (%d, in %s)" % (*divmod(token.millipence() // 1000, 100), token.value, kind),
        "counter   ends in %d (bits 32 to 41 of 64)" % token.truncated,
        "MAC       %s, the end of a GMAC with the supplier's top-up key" % token.mac.hex().upper(),
        "check     %s, Verhoeff's digit over the nineteen before" % digits[-1],
    ]


@click.command(
    name="utrn",
    epilog="""\b
Examples:
  slotmeter utrn --amount 10.00               a token for the bench's meter
  slotmeter utrn --amount 50p --digits        the digits only, for a script
  slotmeter topup $(slotmeter utrn --amount 5 --digits)""",
)
@click.option("--amount", required=True, metavar="AMOUNT", help="10.00 or £10 or 1000p: pence to £81.91, then pounds.")
@click.option(
    "--counter",
    type=click.IntRange(0, 2**64 - 1),
    metavar="N",
    help="The token's counter, a multiple of 2^32.  [default: rising]",
)
@click.option("--party", default="supplier", show_default=True, metavar="NAME", help="Who makes it, or next-supplier.")
@click.option("--meter", metavar="EUI-64", help="For another meter than the bench's own.")
@click.option("--digits", "digits_only", is_flag=True, help="Print the twenty digits and nothing else.")
@click.option(
    "--keys", type=click.Path(path_type=Path), metavar="DIR", help="Folder of the credentials.  [default: the bench's]"
)
@click.option("--rtds", type=click.Path(path_type=Path), metavar="DIR", help="Be the supplier of RTDS from DIR.")
def command(
    amount: str,
    counter: "int | None",
    party: str,
    meter: "str | None",
    digits_only: bool,
    keys: "Path | None",
    rtds: "Path | None",
) -> None:
    """Make a top-up token (UTRN) as the supplier does, with the bench's keys.

    The twenty digits are for one meter, can be used once, and only above the top-ups that it has seen. They are typed
    at the meter (slotmeter topup) or sent to it (slotmeter request CS01a utrn=DIGITS).
    """
    from slotmeter.boards.pc.requester import Requester

    requester = Requester(_keys_folder(keys, rtds), rtds)
    digits = requester.token(pounds(amount), party, counter, eui64(meter))
    if digits_only:
        click.echo(digits)
        return
    click.echo(grouped(digits))
    for line in meaning(digits):
        click.echo("  " + line)
    click.echo("  " + _parties(requester, party, meter))


def _parties(requester: "Requester", party: str, meter: "str | None") -> str:
    supplier = requester.cast.named(party)
    device = meter or requester.cast.device.eui64.hex()
    return "made by   the %s for meter %s" % (supplier.title, device.upper())


def _keys_folder(keys: "Path | None", rtds: "Path | None") -> "Path | None":
    """The folder asked for, else that of the one meter that runs; None for the bench's own."""
    from slotmeter.boards.pc import running

    if keys is not None or rtds is not None:
        return keys
    meters = running.running()
    return Path(meters[-1].keys) if len(meters) == 1 and meters[-1].keys else None


def eui64(text: "str | None") -> bytes:
    """The eight octets of an EUI-64 in hex; b"" for None, SlotmeterError for anything else."""
    if text is None:
        return b""
    try:
        octets = bytes.fromhex(text.replace("-", "").replace(":", ""))
    except ValueError:
        octets = b""
    if len(octets) != 8:
        raise SlotmeterError("--meter %s: give an EUI-64 of 16 hex digits" % text)
    return octets
