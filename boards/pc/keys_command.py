"""`slotmeter keys`: makes, imports and lists the bench's test keys."""

import datetime as dt
import os
from pathlib import Path

import click
from cryptography import x509

from slotmeter.boards.pc import han_keys, pki
from slotmeter.boards.pc.cast import Cast, CastError, Party, is_key_file, key_id
from slotmeter.boards.pc.errors import SlotmeterError
from slotmeter.hal.entropy import Entropy

_WARNING = "These are test keys. They protect nothing: use them with emulated devices only."


def _entropy(seed: "int | None") -> Entropy:
    if seed is None:
        from slotmeter.hal.host.entropy import HostEntropy

        return HostEntropy()
    from slotmeter.hal.virtual.entropy import SeededEntropy

    return SeededEntropy(seed)


def _eui64(text: str) -> bytes:
    digits = text.replace("-", "").replace(":", "")
    try:
        octets = bytes.fromhex(digits)
    except ValueError:
        octets = b""
    if len(octets) != 8:
        raise SlotmeterError(
            f"--device {text}: give an EUI-64 of 16 hex digits, such as {pki.DEFAULT_DEVICE.hex().upper()}"
        )
    return octets


def import_keystore(source: Path, folder: Path, force: bool, foreign: bool) -> Cast:
    """Copies the key files of `source` into `folder` after reading and checking all of them; the cast that they
    make.
    """
    if source.resolve() == folder.resolve():
        raise SlotmeterError(f"--import {source}: that is the folder to import into; name another one as DIR")
    checked = Cast.load(source, foreign)
    han_keys.check(source, foreign)
    files: dict[str, bytes] = {}
    try:
        for name in sorted(os.listdir(source)):
            if is_key_file(name):
                files[name.lower()] = (source / name).read_bytes()
    except OSError as error:
        raise CastError(f"{source}: {error.strerror or 'cannot be read'}; name a folder that you may read") from error
    pki.write(folder, files, force)
    return checked


def _ends(der: bytes) -> str:
    until = x509.load_der_x509_certificate(der).not_valid_after_utc
    if until.year == 9999:
        return "no end"
    past = until < dt.datetime.now(dt.UTC)
    return f"{until:%Y-%m-%d}{' (past)' if past else ''}"


def listing(cast: Cast, foreign: bool = False) -> "list[str]":
    """A table of who is in a keystore: a line for each key."""
    lines = [f"{'who':<24} {'EUI-64':<17} {'key':<14} {'key id':<17} {'private':<8} certificate until"]
    authorities = [("root", "root authority"), ("issuing", "issuing authority"), ("device-issuing", "device authority")]
    for name, title in authorities:
        der = cast.authorities.get(name)
        if der:
            has = "yes" if (cast.folder / f"{name}.key").exists() else "no"
            lines.append(
                f"{title:<24} {'':<17} {'certificates':<14} {key_id(der).hex().upper():<17} {has:<8} {_ends(der)}"
            )
    parties = sorted(cast.parties.values(), key=lambda party: (party.role is None, party.role or 0, party.entity_id))
    quiet = 0
    for party in parties:
        if party.role is None and not (party.ds_private or party.ka_private) and party.entity_id != cast.device_id:
            quiet += 1
            continue
        lines += _party_lines(party)
    if quiet:
        lines.append(f"and {quiet} more devices of which there are certificates only")
    for device in han_keys.holders(cast.folder):
        for identity in han_keys.identities(cast.folder, device, foreign):
            lines.append(
                f"{'HAN device':<24} {device.hex().upper():<17} {f'HAN suite {identity.suite}':<14} {'':<17} "
                f"{'yes':<8} no end"
            )
    return lines


def _party_lines(party: Party) -> "list[str]":
    lines = []
    name = party.name if party.issuer else "(no certificate)"
    for purpose, title in (("ds", "signing"), ("ka", "agreement"), ("pp", "top-up")):
        private, public = getattr(party, purpose + "_private"), getattr(party, purpose + "_public")
        der = getattr(party, purpose + "_certificate")
        if not private and not public:
            continue
        identifier = key_id(der).hex().upper() if der else ""
        lines.append(
            f"{name:<24} {party.entity_id.hex().upper():<17} {title:<14} {identifier:<17} "
            f"{'yes' if private else 'no':<8} {_ends(der) if der else 'none'}"
        )
    return lines


_HELP = """Make the bench's own test keys in DIR, or import some.

Makes a root, issuing authorities, and keys and certificates for everyone who talks to a meter: recovery, supplier
(with a key for top-ups), the next supplier, network operator, access control broker, transitional CoS, WAN provider,
load controller, and for the meter itself. Files are named like those of the RTDS keystore: EUI-64, then -ds
(signing), -ka (key agreement) or -pp-ka (top-ups), .pem for a certificate and .key for a private key. Without DIR it
is the bench's usual folder. For the HAN there are certificates of both suites of key establishment for the meter, the
communications hub and a display: EUI-64, then -han-1 or -han-2, .cert and .key.

\b
  slotmeter keys                      make them where 'run' looks for them
  slotmeter keys ./keys --seed 7      the same keys on every machine
  slotmeter keys ./keys --list        who is in there
  slotmeter keys ./keys --import ../shared/rtds/keystore
  slotmeter keys ./keys --han         add HAN certificates that it lacks

Nothing that is there is overwritten without --force.
"""


@click.command("keys", help=_HELP)
@click.argument("folder", required=False, metavar="[DIR]", type=click.Path(path_type=Path, file_okay=False))
@click.option("--list", "show", is_flag=True, help="Show what DIR holds; make nothing.")
@click.option(
    "--import",
    "source",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Copy this keystore into DIR, once checked.",
)
@click.option("--seed", type=click.IntRange(0, 2**64 - 1), metavar="N", help="The same keys for the same number.")
@click.option("--device", metavar="EUI64", help="The meter's EUI-64.")
@click.option("--han", is_flag=True, help="Add to DIR the HAN certificates that it lacks; --device names one more.")
@click.option("--force", is_flag=True, help="Replace the keys that DIR holds.")
@click.option("--foreign", is_flag=True, help="Take certificates of other issuers than the bench and the RTDS.")
def command(
    folder: "Path | None",
    show: bool,
    source: "Path | None",
    seed: "int | None",
    device: "str | None",
    han: bool,
    force: bool,
    foreign: bool,
) -> None:
    """Makes, imports or lists keys."""
    from slotmeter.boards.pc.running import data_home

    folder = folder or data_home() / "keys"
    try:
        if show and (source is not None or seed is not None or device is not None or force or han):
            raise SlotmeterError("--list goes with DIR and --foreign only")
        if han and (source is not None or force):
            raise SlotmeterError("--han adds to the keys that DIR holds: leave out --import and --force")
        if source is not None and (seed is not None or device is not None):
            raise SlotmeterError("--import takes keys as they are: leave out --seed and --device")
        if show:
            click.echo("\n".join(listing(Cast.load(folder, foreign), foreign)))
            return
        if han:
            devices = pki.han_devices(Cast.load(folder, foreign).device_id or pki.DEFAULT_DEVICE)
            if device and _eui64(device) not in devices:
                devices.append(_eui64(device))
            made = han_keys.add(folder, _entropy(seed), devices)
            click.echo("\n".join(made) if made else "nothing is missing")
            click.echo(f"{len(made)} HAN files added to {folder}")
            click.echo(_WARNING)
            return
        if source is not None:
            cast = import_keystore(source, folder, force, foreign)
            click.echo(f"imported {len(cast.parties)} parties into {folder}")
            click.echo(_WARNING)
            return
        pki.create(folder, _entropy(seed), _eui64(device) if device else pki.DEFAULT_DEVICE, force)
        cast = Cast.load(folder)
        click.echo("\n".join(listing(cast)))
        click.echo(
            f"\nmade in {folder}"
            + (f" from seed {seed}: whoever knows the seed has the keys" if seed is not None else "")
        )
        click.echo(_WARNING)
    except SlotmeterError as error:
        raise click.ClickException(str(error)) from error
