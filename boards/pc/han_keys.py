"""The HAN part of a keystore: implicit certificates of both suites, and the test authority that issues them.

Files, each one line of hexadecimal digits, with lines that begin with # for people; N is the suite, 1 or 2:

    han-issuing-N.pub     the authority's compressed public key, 22 or 37 octets
    han-issuing-N.key     its private key, 21 or 36 octets
    <eui64>-han-N.cert    a device's certificate, 48 or 74 octets
    <eui64>-han-N.key     the device's private key, 21 or 36 octets

They are read when something asks for them: a keystore without them is whole for everything but the HAN, and
`slotmeter keys DIR --han` adds what it lacks. Everything here is test material; certificates that neither this bench
nor the examples of the Smart Energy specification issued are refused unless they are asked for.
"""

import os
from pathlib import Path

from slotmeter.boards.pc.cast import HAN_AUTHORITY_FILE, HAN_FILE
from slotmeter.boards.pc.errors import SlotmeterError
from slotmeter.hal.entropy import Entropy
from slotmeter.hal.host.crypto import HostCrypto
from slotmeter.zigbee_han import certificates
from slotmeter.zigbee_han.agreement import Identity
from slotmeter.zigbee_han.certificates import SUITES, Authority, curve_of
from slotmeter.zigbee_han.errors import DecodeError

# What the bench's authority is called in its certificates.
ISSUER = b"SLOTTEST"
# The authorities of the worked examples (Smart Energy, annexes C.5 and C.6).
_EXAMPLES = (b"TESTSECA", bytes.fromhex("1112131415161718"))
# EUI-64s beside the meter's: the communications hub, and an in-home display.
HUB = bytes.fromhex("02534C4F54100002")
DISPLAY = bytes.fromhex("02534C4F54100003")

# A day before any emulated clock; the certificates do not end.
_VALID_FROM = 1262304000


def is_han_file(name: str) -> bool:
    """Whether a file of this name is one of those above."""
    return bool(HAN_FILE.fullmatch(name.lower()) or HAN_AUTHORITY_FILE.fullmatch(name))


def _line(octets: bytes, note: str) -> bytes:
    return f"# {note}; a test key of the slotmeter bench\n{octets.hex()}\n".encode("ascii")


def make(entropy: Entropy, devices: "list[bytes]") -> "dict[str, bytes]":
    """The files of an authority of both suites and of each device: name to content."""
    files: dict[str, bytes] = {}
    for suite in SUITES:
        files.update(_make_suite(suite, entropy, devices))
    return files


def _make_suite(suite: int, entropy: Entropy, devices: "list[bytes]") -> "dict[str, bytes]":
    curve = curve_of(suite)
    private = curve.private_key(entropy.random(curve.size + 8))
    authority = Authority(HostCrypto(), suite, private, ISSUER)
    files = {
        f"han-issuing-{suite}.pub": _line(authority.public, f"HAN authority, suite {suite}, public key"),
        f"han-issuing-{suite}.key": _line(private, f"HAN authority, suite {suite}, private key"),
    }
    for device in devices:
        files.update(_issue(authority, entropy, device))
    return files


def _issue(authority: Authority, entropy: Entropy, device: bytes) -> "dict[str, bytes]":
    octets, private = authority.issue(entropy, device, _VALID_FROM)
    stem = f"{device.hex()}-han-{authority.suite}"
    title = f"{device.hex().upper()}, suite {authority.suite}"
    return {
        stem + ".cert": _line(octets, f"HAN certificate of {title}"),
        stem + ".key": _line(private, f"HAN private key of {title}"),
    }


def missing(folder: Path, entropy: Entropy, devices: "list[bytes]") -> "dict[str, bytes]":
    """The files that `folder` lacks for both suites and each device. What is there stays as it is.

    SlotmeterError when there is an authority without its private key, which then can issue nothing.
    """
    have = {name.lower() for name in _names(folder)}
    files: dict[str, bytes] = {}
    for suite in SUITES:
        standing = sorted(name for name in have if f"-han-{suite}." in name or name.startswith(f"han-issuing-{suite}."))
        if not standing:
            files.update(_make_suite(suite, entropy, devices))
            continue
        lacking = [device for device in devices if f"{device.hex()}-han-{suite}.cert" not in have]
        if not lacking:
            continue
        if f"han-issuing-{suite}.key" not in have:
            raise SlotmeterError(
                f"{folder} has HAN certificates of suite {suite}, but not han-issuing-{suite}.key to issue more with; "
                "put it back, or make new keys in another folder"
            )
        authority = Authority(HostCrypto(), suite, _private(folder / f"han-issuing-{suite}.key", suite), ISSUER)
        if authority.public != _read(folder / f"han-issuing-{suite}.pub", curve_of(suite).size + 1):
            raise SlotmeterError(f"{folder}/han-issuing-{suite}.key does not belong to the .pub beside it")
        for device in lacking:
            files.update(_issue(authority, entropy, device))
    return files


def add(folder: Path, entropy: Entropy, devices: "list[bytes]") -> "list[str]":
    """Adds what `missing` makes to a keystore; the names of the new files. Nothing that is there is changed."""
    files = missing(folder, entropy, devices)
    try:
        for name, content in sorted(files.items()):
            # "x": another process that made the same file meanwhile keeps its own.
            with open(folder / name, "xb", opener=_private_file if name.endswith(".key") else None) as file:
                file.write(content)
    except OSError as error:
        reason = error.strerror or "cannot be written"
        raise SlotmeterError(f"{folder}: {reason}; name a folder that you may write") from error
    return sorted(files)


def identities(folder: Path, device: bytes, foreign: bool = False) -> "list[Identity]":
    """What a keystore has of a device for the HAN: an identity for each suite. Checked against one another.

    SlotmeterError says which file is wrong, or how to get HAN certificates when there are none.
    """
    found = []
    names = {name.lower(): name for name in _names(folder)}
    for suite in SUITES:
        curve = curve_of(suite)
        stem = f"{device.hex()}-han-{suite}"
        if stem + ".cert" not in names and stem + ".key" not in names:
            continue
        for name in (stem + ".cert", stem + ".key", f"han-issuing-{suite}.pub"):
            if name not in names:
                raise SlotmeterError(f"{folder} lacks {name}, without which {stem} is of no use; put it back")
        octets = _read(folder / names[stem + ".cert"], certificates.size_of(suite))
        private = _private(folder / names[stem + ".key"], suite)
        authority = _read(folder / f"han-issuing-{suite}.pub", curve.size + 1)
        try:
            identity = Identity(suite, octets, private, authority)
            identity.certificate.check_subject(device)
        except DecodeError as error:
            raise SlotmeterError(f"{folder}/{stem}.cert: {error}; {_WAY_OUT}") from error
        issuer = identity.certificate.issuer
        if issuer != ISSUER and issuer not in _EXAMPLES and not foreign:
            raise SlotmeterError(
                f"{folder}/{stem}.cert was issued by {issuer.hex()}, which is neither this bench nor an example of the "
                "specification; a real credential has no place in an emulator: take test keys, or say --foreign if "
                "these are"
            )
        if not certificates.belongs(HostCrypto(), identity.certificate, private, authority):
            raise SlotmeterError(
                f"{folder}/{stem}.key does not belong to the certificate and the authority beside it; {_WAY_OUT}"
            )
        found.append(identity)
    if not found:
        raise SlotmeterError(
            f"keystore {folder} has no HAN certificates of {device.hex().upper()}; add them with "
            f"'slotmeter keys {folder} --han --device {device.hex().upper()}'"
        )
    return found


def check(folder: Path, foreign: bool = False) -> int:
    """Reads all HAN files of a keystore, as `identities` does; how many devices have some. None at all is no error."""
    devices = holders(folder)
    for device in devices:
        identities(folder, device, foreign)
    return len(devices)


def holders(folder: Path) -> "list[bytes]":
    """The EUI-64s that have HAN files in a keystore, sorted."""
    matches = [HAN_FILE.fullmatch(name.lower()) for name in _names(folder)]
    return sorted({bytes.fromhex(match[1]) for match in matches if match})


_WAY_OUT = "put back a good copy, or delete it with its .cert and .key, and make another with 'slotmeter keys --han'"


def _names(folder: Path) -> "list[str]":
    try:
        return sorted(os.listdir(folder))
    except OSError as error:
        raise SlotmeterError(
            f"keystore {folder}: {error.strerror or 'unreadable'}; make one with 'slotmeter keys {folder}'"
        ) from error


def _private_file(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _read(path: Path, size: int) -> bytes:
    """The `size` octets in a file."""
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except OSError as error:
        raise SlotmeterError(f"{path}: {error.strerror or 'unreadable'}; {_WAY_OUT}") from error
    except UnicodeDecodeError as error:
        raise SlotmeterError(f"{path} is not text; {_WAY_OUT}") from error
    digits = "".join(line for line in lines if not line.startswith("#"))
    try:
        octets = bytes.fromhex(digits)
    except ValueError as error:
        # The digits may be a private key: they stay unsaid.
        raise SlotmeterError(f"{path} holds something else than hexadecimal digits; {_WAY_OUT}") from error
    if len(octets) != size:
        raise SlotmeterError(f"{path} holds {len(octets)} octets instead of {size}; {_WAY_OUT}")
    return octets


def _private(path: Path, suite: int) -> bytes:
    """A private key of a suite's curve."""
    private = _read(path, curve_of(suite).size)
    if not 0 < int.from_bytes(private, "big") < curve_of(suite).n:
        raise SlotmeterError(f"{path} is not a private key of {curve_of(suite).name}; {_WAY_OUT}")
    return private
