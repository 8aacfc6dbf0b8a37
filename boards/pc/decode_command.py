"""`slotmeter decode`: shows messages as trees, from the command line, files, folders or standard input."""

import json
import os
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from slotmeter.boards.pc.errors import SlotmeterError

if TYPE_CHECKING:
    from slotmeter.boards.pc.cast import Cast
    from slotmeter.boards.pc.decode_node import Node
    from slotmeter.boards.pc.decoder import Decoded

# No line of input and no file is read further than this; the largest message has 72 387 octets.
_LARGEST_LINE = 1 << 20
_LARGEST_FILE = 64 << 20
# Wide enough for a row of a billing log.
_WIDTH = 150
_STYLES = {"good": "green", "bad": "red", "stopped": "red", "unknown": "yellow", "closed": "yellow"}


class Source:
    """One message of the input: where it came from and its octets, or why there are none."""

    def __init__(self, place: str, data: bytes, fault: str = "") -> None:
        self.place = place
        self.data = data
        self.fault = fault


_NOISE = re.compile(r"[\s:_-]|0x", re.IGNORECASE)
_FRAME = re.compile(r"GBCS:DATA#\d+:\d+:", re.IGNORECASE)
_HEX = re.compile(r"[0-9A-Fa-f]*")


def octets_of(text: str) -> bytes:
    """The octets of a line of hex; blanks, colons, dashes and 0x may stand between. ValueError says what is wrong."""
    frame = _FRAME.match(text.strip())
    digits = _NOISE.sub("", text.strip()[frame.end() :] if frame else text)
    good = _HEX.match(digits)
    end = good.end() if good else 0
    if end != len(digits):
        raise ValueError(f"not hex from digit {end + 1} on ({digits[end]!r})")
    if len(digits) % 2:
        raise ValueError(f"an odd number of hex digits ({len(digits)})")
    return bytes.fromhex(digits)


def _from_json(line: str) -> "list[str] | None":
    """The messages in a line of the bench protocol; None when it is not one."""
    try:
        content = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(content, dict):
        return None
    found = [content["hex"]] if isinstance(content.get("hex"), str) else []
    for entry in content.get("messages") or () if isinstance(content.get("messages"), list) else ():
        if isinstance(entry, dict) and isinstance(entry.get("hex"), str):
            found.append(entry["hex"])
    return found


def _lines(place: str, lines: "Iterable[str]") -> "Iterator[Source]":
    """The messages in lines of text: one in each, comments start with #."""
    for number, line in enumerate(lines, 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        where = f"{place}:{number}"
        if len(line) > _LARGEST_LINE:
            yield Source(where, b"", f"line longer than {_LARGEST_LINE} characters")
            continue
        texts = _from_json(stripped) if stripped.startswith("{") else None
        for text in [stripped] if texts is None else texts:
            try:
                yield Source(where, octets_of(text))
            except ValueError as error:
                yield Source(where, b"", str(error))


def _file(path: Path) -> "Iterator[Source]":
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST_FILE + 1)
    except OSError as error:
        raise SlotmeterError(f"{path}: {error.strerror or 'cannot be read'}; name a file that you may read") from error
    if len(content) > _LARGEST_FILE:
        raise SlotmeterError(f"{path}: larger than {_LARGEST_FILE >> 20} MiB; cut it into smaller files")
    if content[:1] in (b"\xdd", b"\xdf"):
        yield Source(str(path), content)
        return
    sources = list(_lines(str(path), content.decode("latin-1").splitlines()))
    if (
        len(sources) > 1
        and sources[0].data
        and not any(source.data[:1] in (b"\xdd", b"\xdf") for source in sources[1:])
    ):
        # Hex that was wrapped: what follows the first line begins no message.
        if not any(source.fault for source in sources):
            yield Source(str(path), b"".join(source.data for source in sources))
            return
    if sources and all(source.fault for source in sources):
        raise SlotmeterError(f"{path} has no line of hex in it: the first is {sources[0].fault}")
    if len(sources) == 1:
        sources[0].place = str(path)
    yield from sources


def _folder(path: Path) -> "Iterator[Source]":
    found = sorted(file for file in path.rglob("*") if file.suffix.lower() == ".hex" and file.is_file())
    if not found:
        raise SlotmeterError(f"{path} has no *.HEX file in it; name the files")
    for file in found:
        yield from _file(file)


def sources(arguments: "Iterable[str]") -> "Iterator[Source]":
    """The messages that the arguments name: hex itself, a file, a folder, or - for standard input."""
    for argument in arguments:
        if argument == "-":
            yield from _lines("standard input", sys.stdin)
            continue
        try:
            path = Path(argument)
            is_there = len(argument) < 4096 and path.exists()
        except (OSError, ValueError):
            is_there = False
        if is_there:
            yield from _folder(path) if path.is_dir() else _file(path)
            continue
        try:
            yield Source("", octets_of(argument))
        except ValueError as error:
            shown = argument if len(argument) <= 60 else argument[:57] + "..."
            raise SlotmeterError(f"{shown!r} is neither a file nor hex: {error}") from error


# ---- as text


def _visible(node: "Node") -> "list[Node]":
    return [child for child in node.children if not child.hidden or child.mark]


def _plain(node: "Node") -> bool:
    return not node.mark and (node.folded or not _visible(node))


def _line(children: "list[Node]") -> str:
    """Children in one line; "" when they do not fit into one or are worth more."""
    if not children or not all(_plain(child) for child in children):
        return ""
    if len(children) == 1 and not children[0].name.startswith("["):
        return ""
    texts = [child.text if child.name.startswith("[") else f"{child.name} {child.text}" for child in children]
    joined = ", ".join(texts)
    return joined if len(joined) <= _WIDTH else ""


class Printer:
    """Writes trees; `octets` adds offset and hex to every line."""

    def __init__(self, octets: bool, colour: bool) -> None:
        self.octets = octets
        self.colour = colour

    def style(self, text: str, mark: str) -> str:
        """`text` in the colour of `mark`, on a terminal."""
        return click.style(text, fg=_STYLES[mark]) if self.colour and mark in _STYLES else text

    def bold(self, text: str) -> str:
        """`text` in bold, on a terminal."""
        return click.style(text, bold=True) if self.colour else text

    def tree(self, root: "Node") -> "Iterator[str]":
        """The lines of a tree."""
        title = f"{root.name}: {root.text}" if root.text else root.name
        yield self.bold(title) if not root.mark else self.style(title, root.mark)
        top = root.children if self.octets else _visible(root)
        waiting = [(child, 1) for child in reversed(top)]
        while waiting:
            node, depth = waiting.pop()
            text = node.text
            children = node.children
            if not self.octets:
                children = [] if node.folded else _visible(node)
                joined = _line(children)
                if joined:
                    text, children = (f"{text}: {joined}" if text and not _counts(text) else joined), []
            if node.mark == "stopped" and node.octets and not self.octets:
                shown = node.octets[:32].hex().upper()
                text += f"; not read: {shown}{'...' if len(node.octets) > 32 else ''} ({len(node.octets)} octets)"
            elif node.mark == "unknown" and node.octets and not self.octets:
                text += (
                    f" {node.octets[:32].hex().upper()}{'...' if len(node.octets) > 32 else ''} at octet {node.offset}"
                )
            name = node.name if node.name.endswith(".") or not text else f"{node.name}:"
            line = f"{'  ' * depth}{name} {text}".rstrip()
            if self.octets:
                line = self._with_octets(node, line)
            yield self.style(line, node.mark)
            waiting.extend((child, depth + 1) for child in reversed(children))

    def _with_octets(self, node: "Node", line: str) -> str:
        octets = node.octets.hex().upper() if not node.children else ""
        if len(octets) > 48:
            octets = f"{octets[:42]}...{len(node.octets):>3}"
        return f"{node.offset:5} {octets:<48} {line}"


def _counts(text: str) -> bool:
    """Whether a text only says how many elements there are."""
    number, _, noun = text.partition(" ")
    return number.isdigit() and noun in ("element", "elements", "entry", "entries", "row", "rows")


# ---- pairs


class Pairing:
    """Which response answers which command, and which alert speaks of one.

    A response repeats the counter and message code of its command and swaps the parties. Where several commands fit, as
    in collections of separate scenarios, the one whose file name is most like the response's is meant.
    """

    def __init__(self) -> None:
        self._commands: dict[tuple[bytes, bytes, int, int], list[int]] = {}

    def add(self, index: int, decoded: "Decoded") -> None:
        """A command that may be answered."""
        key = (decoded.originator, decoded.target, decoded.counter, decoded.code)
        self._commands.setdefault(key, []).append(index)

    def command_of(self, decoded: "Decoded", place: str, places: "list[str]") -> "int | None":
        """The index of the command that a response answers, or an alert speaks of."""
        if decoded.kind == "response":
            found = self._commands.get((decoded.target, decoded.originator, decoded.counter, decoded.code), [])
        elif decoded.about is not None:
            code, counter = decoded.about
            found = [
                index
                for (_, target, number, message), indices in self._commands.items()
                if number == counter and target == decoded.originator and (message == code or code == 0)
                for index in indices
            ]
        else:
            return None
        return max(found, key=lambda index: _likeness(places[index], place), default=None)


def _common(left: str, right: str) -> int:
    """How many characters two texts share at the start."""
    for index, (one, other) in enumerate(zip(left, right, strict=False)):
        if one != other:
            return index
    return min(len(left), len(right))


def _likeness(left: str, right: str) -> "tuple[bool, int, int]":
    """How alike two places are: the same folder, the length of what they share at the start and at the end."""
    shared = _common(left, right)
    tail = _common(left[::-1], right[::-1])
    words = len(set(re.split(r"[_./]", left)) & set(re.split(r"[_./]", right)))
    return os.path.dirname(left) == os.path.dirname(right), words, shared + tail


class Summary:
    """Counts over a run."""

    def __init__(self) -> None:
        self.messages = 0
        self.damaged = 0
        self.forged = 0
        self.unchecked = 0
        self.paired = 0
        self.alone: list[str] = []

    def count(self, decoded: "Decoded") -> None:
        """One more message."""
        self.messages += 1
        checks = (decoded.mac, decoded.signature)
        self.damaged += decoded.damaged
        self.forged += "not authentic" in checks
        self.unchecked += "not checked" in checks

    def line(self, match: bool) -> str:
        """The last line of a run."""
        parts = [f"{self.messages} messages" if self.messages != 1 else "1 message"]
        if match:
            parts.append(f"{self.paired} paired")
            parts.append(f"{len(self.alone)} without a partner")
        parts += [f"{self.damaged} damaged", f"{self.forged} not authentic", f"{self.unchecked} not checked"]
        return ", ".join(parts)


def _cast(rtds: "Path | None", keys: "Path | None", foreign: bool) -> "Cast | None":
    from slotmeter.boards.pc.cast import load_cast

    if rtds is not None and keys is not None:
        raise SlotmeterError("--rtds and --keys: give one of them")
    if rtds is not None:
        return load_cast(rtds, rtds=True)
    if keys is not None:
        return load_cast(keys, foreign=foreign)
    from slotmeter.boards.pc.running import data_home

    usual = data_home() / "keys"
    if not usual.is_dir():
        return None
    try:
        return load_cast(usual, foreign=foreign)
    except SlotmeterError as error:
        # Nobody asked for these keys: the messages can be shown without them.
        click.echo(f"Without keys: {error}", err=True)
        return None


_HELP = """Show GBCS messages as readable trees.

MESSAGES are hex, files, folders with *.HEX files, or - for standard input. A file holds one message of hex in each
line (# starts a comment), or one message in binary; lines of the bench protocol are understood as well. With keys,
MACs and signatures are checked and encrypted parts decrypted.

\b
  slotmeter decode DF09010000...
  slotmeter decode --rtds ../shared/rtds --match ../shared/rtds/RTDS-4.5.0/4.2_ECS17a
  slotmeter pipe < requests | slotmeter decode -

Ends with status 0 when every message was read to its end and no check failed, else with 1.
"""


@click.command("decode", help=_HELP)
@click.argument("messages", nargs=-1, required=True, metavar="HEX|FILE|FOLDER|- ...")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per message and line.")
@click.option("--match", is_flag=True, help="Show each response after its command, and name what has no partner.")
@click.option("--octets", "-x", is_flag=True, help="Add the offset and the octets of every line.")
@click.option("--brief", is_flag=True, help="One line per message.")
@click.option("--rtds", type=click.Path(path_type=Path), metavar="DIR", help="Keys of the RTDS in DIR.")
@click.option(
    "--keys", type=click.Path(path_type=Path), metavar="DIR", help="Keys of this keystore; else the bench's own."
)
@click.option("--foreign", is_flag=True, help="Take a keystore with other issuers than the bench and the RTDS.")
def command(
    messages: tuple[str, ...],
    as_json: bool,
    match: bool,
    octets: bool,
    brief: bool,
    rtds: "Path | None",
    keys: "Path | None",
    foreign: bool,
) -> None:
    """Decodes what is asked for and ends the process."""
    try:
        sys.exit(run(messages, as_json, match, octets, brief, _cast(rtds, keys, foreign)))
    except SlotmeterError as error:
        raise click.ClickException(str(error)) from error
    except BrokenPipeError:
        # The reader of our output has seen enough.
        sys.stdout = open(os.devnull, "w")
        sys.exit(0)


def run(arguments: "Iterable[str]", as_json: bool, match: bool, octets: bool, brief: bool, cast: "Cast | None") -> int:
    """Decodes and prints; the exit status."""
    from slotmeter.boards.pc import decoder

    printer = Printer(octets, sys.stdout.isatty() and not os.environ.get("NO_COLOR"))
    summary = Summary()
    places: list[str] = []
    decoded: list[Decoded] = []
    pairing = Pairing()
    blocks: list[decoder.Block] = []
    status = 0
    for source in sources(arguments):
        if source.fault:
            status = 1
            summary.messages += 1
            summary.damaged += 1
            if as_json:
                click.echo(json.dumps({"place": source.place, "error": source.fault}))
            else:
                click.echo(f"{source.place}: {source.fault}\n")
            continue
        message = decoder.decode(source.data, cast)
        blocks += message.blocks
        places.append(source.place)
        decoded.append(message)
        if message.kind == "command":
            pairing.add(len(decoded) - 1, message)
        if not match:
            summary.count(message)
            _show(message, source.place, -1, as_json, brief, printer)
    if match:
        _show_matched(decoded, places, pairing, summary, cast, as_json, brief, printer)
    whole = decoder.assemble(blocks) if len(decoded) > 1 else None
    for data in whole or ():
        message = decoder.decode(data, cast)
        decoded.append(message)
        summary.count(message)
        _show(message, "assembled from blocks", -1, as_json, brief, printer)
    if not all(message.sound for message in decoded):
        status = 1
    if not as_json and (len(decoded) != 1 or match):
        click.echo(summary.line(match))
        for alone in summary.alone[:20]:
            click.echo(f"  without a partner: {alone}")
        if len(summary.alone) > 20:
            click.echo(f"  and {len(summary.alone) - 20} more")
    if not summary.messages and not decoded:
        raise SlotmeterError("there is no message in the input")
    return status


def _show_matched(
    decoded: "list[Decoded]",
    places: "list[str]",
    pairing: Pairing,
    summary: Summary,
    cast: "Cast | None",
    as_json: bool,
    brief: bool,
    printer: Printer,
) -> None:
    """Commands each followed by what belongs to them, then everything else."""
    from slotmeter.boards.pc import decoder

    followers: dict[int, list[int]] = {}
    owned: set[int] = set()
    for index, message in enumerate(decoded):
        partner = pairing.command_of(message, places[index], places)
        if partner is not None:
            followers.setdefault(partner, []).append(index)
            owned.add(index)
            if message.kind == "response":
                # The command tells what the values of the response are.
                decoded[index] = decoder.decode(message.data, cast, decoded[partner])
    for index in range(len(decoded)):
        if index in owned:
            continue
        message = decoded[index]
        summary.count(message)
        _show(message, places[index], -1, as_json, brief, printer, index)
        answers = followers.get(index, [])
        answers.sort(key=lambda follower: decoded[follower].kind != "response")
        for follower in answers:
            summary.count(decoded[follower])
            summary.paired += 1
            _show(decoded[follower], places[follower], index, as_json, brief, printer, follower)
        answered = any(decoded[follower].kind == "response" for follower in answers)
        if message.kind in ("command", "response") and not answered:
            summary.alone.append(f"{message.title}, {places[index]}" if places[index] else message.title)


def _show(
    message: "Decoded", place: str, partner: int, as_json: bool, brief: bool, printer: Printer, index: int = -1
) -> None:
    if as_json:
        entry: dict[str, object] = {"place": place} if place else {}
        if index >= 0:
            entry["index"] = index
        if partner >= 0:
            entry["answers"] = partner
        entry.update(message.as_json())
        if brief:
            del entry["tree"]
        click.echo(json.dumps(entry))
        return
    if brief:
        checks = [
            f"MAC {message.mac}" if message.mac else "",
            f"signature {message.signature}" if message.signature else "",
        ]
        stops = [f"stopped at octet {offset}: {reason}" for offset, reason in message.stops[:1]]
        facts = ", ".join(text for text in [*checks, *stops] if text)
        mark = "bad" if not message.sound else ""
        click.echo(
            printer.style(f"{'  ' if partner >= 0 else ''}{message.title}: {facts or 'not protected'}  {place}", mark)
        )
        return
    if place:
        belongs = "  (belongs to the command above)" if partner >= 0 else ""
        click.echo(f"# {place}{belongs}")
    click.echo("\n".join(printer.tree(message.root)))
    for offset, reason in message.stops[:1]:
        click.echo(printer.style(f"stopped at octet {offset}: {reason}", "stopped"))
    click.echo()
