"""`slotmeter request`: a use case with its fields, built and protected as the right remote party would, and sent."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from slotmeter.boards.pc import options
from slotmeter.boards.pc.errors import SlotmeterError

if TYPE_CHECKING:
    from slotmeter.boards.pc.request_builder import Order, UseCase

_ROLES = (
    "supplier",
    "network-operator",
    "access-control-broker",
    "transitional-cos",
    "wan-provider",
    "recovery",
    "load-controller",
    "contingency",
    "root",
)


def _given(pairs: "tuple[str, ...]") -> "dict[str, Any]":
    """field=value as a dictionary."""
    fields: "dict[str, Any]" = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise SlotmeterError("%s is not a field: write field=value, and see --fields" % pair)
        if name in fields:
            raise SlotmeterError("field %s is given twice" % name)
        fields[name] = value
    return fields


def _list() -> None:
    """Every use case in a table."""
    from slotmeter.boards.pc import request_builder
    from slotmeter.dlms.gbcs import roles
    from slotmeter.firmware import usecases

    rows = request_builder.use_cases()
    width = max(len(case.name) for case in rows)
    click.echo("code  %s  kind      sent by                   what" % "use case".ljust(width))
    for case in rows:
        senders = [roles.NAMES[role] for role in case.roles()]
        who = senders[0] if len(senders) == 1 else "%s +%d" % (senders[0], len(senders) - 1)
        marks = "".join(
            [
                ", encrypted" if case.flags & usecases.ENCRYPTED else "",
                ", can be future-dated" if case.flags & usecases.FUTURE else "",
                ", superseded" if case.flags & usecases.WITHDRAWN else "",
            ]
        )
        click.echo(
            "%04X  %s  %-8s  %-24s  %s%s" % (case.code, case.name.ljust(width), case.kind(), who, case.title, marks)
        )
    click.echo("%d use cases. slotmeter request USE-CASE --fields shows what can be filled in." % len(rows))


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _show_fields(name: str, variant: str) -> None:
    """The fields of one use case and an example."""
    from slotmeter.boards.pc import request_builder
    from slotmeter.dlms.gbcs import roles
    from slotmeter.firmware import usecases

    case = request_builder.find(name)
    fields = request_builder.fields(case, variant)
    click.echo("%s (%04X): %s" % (case.name, case.code, case.title))
    click.echo("Sent by: %s" % ", ".join(roles.NAMES[role] for role in case.roles()))
    if case.flags & usecases.FUTURE:
        click.echo("Can be future-dated: --at TIME, --cancel.")
    if not fields:
        click.echo("There is nothing to fill in.")
    example = ""
    for field in fields:
        default = field.default
        if isinstance(default, bytes):
            default = "0x" + default.hex().upper()
        click.echo("")
        click.echo("  %s  (%s)%s" % (field.name, field.kind, "  optional" if field.optional else ""))
        if field.text:
            click.echo("      %s" % field.text)
        if default is not None:
            click.echo("      default: %s" % _plain(default))
            if not example and field.kind != "file":
                example = "%s='%s'" % (field.name, _plain(default))
        elif field.kind == "when":
            click.echo("      default: what --at says, else now")
    click.echo("")
    click.echo("Example: slotmeter request %s" % " ".join([case.name] + ([example] if example else [])))


def _now_s(clock: "dict[str, Any] | None") -> int:
    """Seconds since 2000 by the meter's clock, by this machine's when no meter is asked."""
    from slotmeter.boards.pc.bench_clock import machine_s
    from slotmeter.boards.pc.field_values import parse_time

    if clock is not None and clock.get("ok"):
        return parse_time(str(clock["now"]), 0)
    return machine_s()


@click.command(
    name="request",
    epilog="""\b
Examples:
  slotmeter request --list                         every use case
  slotmeter request ECS01a --fields                what a tariff holds
  slotmeter request ECS17b                         read the import register
  slotmeter request ECS10 message="hello"          show a text
  slotmeter request ECS22b --from -2d              half-hours of two days
  slotmeter request ECS02 --at 2030-01-15T09:00:00Z
  slotmeter request CS01a amount=£10               top up, with a token made here
  slotmeter request ECS17b --hub                   to a meter on air, through the running slotmeter hub

Status: 0 answered, 1 refused or no meter, 3 answered with a failure.""",
)
@click.argument("use_case", metavar="USE-CASE", required=False)
@click.argument("fields", metavar="[FIELD=VALUE]...", nargs=-1)
@click.option("--list", "list_all", is_flag=True, help="Show all use cases: code, name, who sends, what.")
@click.option("--fields", "show_fields", is_flag=True, help="Show the fields of the use case, with types and defaults.")
@click.option("--role", type=click.Choice(_ROLES), help="Who sends.  [default: the first role that may]")
@click.option("--party", default="", metavar="NAME", help="Who of several in that role sends: next-supplier.")
@click.option("--urp", is_flag=True, help="Through the access control broker, for a remote party unknown to the meter.")
@click.option("--at", metavar="TIME", help="Take effect at TIME: 2030-01-15T09:00:00Z or +2h.")
@click.option("--now", "at_once", is_flag=True, help="Take effect at once (the default).")
@click.option("--cancel", is_flag=True, help="Cancel what is stored for a later time.")
@click.option("--from", "begin", metavar="TIME", default="-31d", show_default=True, help="Log reads: from this time.")
@click.option("--to", "end", metavar="TIME", default="now", show_default=True, help="Log reads: to this time.")
@click.option(
    "--counter", type=click.IntRange(0, 2**64 - 1), metavar="N", help="The originator counter.  [default: rising]"
)
@click.option(
    "--variant", type=click.Choice(["single", "twin", "polyphase"]), help="The meter's variant.  [default: asked]"
)
@click.option("--print", "print_only", is_flag=True, help="Print the message in hexadecimal and do not send it.")
@options.of_a_running_meter
@click.option(
    "--keys", type=click.Path(path_type=Path), metavar="DIR", help="Folder of the credentials.  [default: the meter's]"
)
@click.option("--rtds", type=click.Path(path_type=Path), metavar="DIR", help="Send as the parties of RTDS from DIR.")
@click.option("--hub", "by_hub", is_flag=True, help="Through the running comms hub, to a meter on air.")
@click.option("--device", metavar="EUI64", help="To this device of the hub.  [default: the only one]")
@click.option("--timeout", type=click.FloatRange(0.1, 3600), default=30.0, help="Seconds to wait, with --hub.")
@click.option("--json", "as_json", is_flag=True, help="Print the meter's reply as it comes.")
def command(
    use_case: "str | None",
    fields: "tuple[str, ...]",
    list_all: bool,
    show_fields: bool,
    role: "str | None",
    party: str,
    urp: bool,
    at: "str | None",
    at_once: bool,
    cancel: bool,
    begin: str,
    end: str,
    counter: "int | None",
    variant: "str | None",
    print_only: bool,
    port: "int | None",
    store: "Path | None",
    keys: "Path | None",
    rtds: "Path | None",
    by_hub: bool,
    device: "str | None",
    timeout: float,
    as_json: bool,
) -> None:
    """Build a command, protect it with the bench's keys, send it to the running meter and show the answer.

    Every field has a default, so that any use case can be sent as it stands. Values are written as --fields shows them.
    """
    if list_all:
        _list()
        return
    if use_case is None:
        raise click.UsageError("which use case? slotmeter request --list shows them all")
    if show_fields:
        _show_fields(use_case, variant or "single")
        return
    if (at is not None) + at_once + cancel > 1:
        raise click.UsageError("--at, --now and --cancel exclude each other")

    if device is not None and not by_hub:
        raise click.UsageError("--device goes with --hub")
    if by_hub and (store is not None or print_only):
        raise click.UsageError("--hub excludes --store and --print: --port says which hub")

    from slotmeter.boards.pc import request_builder, running
    from slotmeter.boards.pc.answers import Answers
    from slotmeter.boards.pc.lines import Client
    from slotmeter.boards.pc.requester import Requester
    from slotmeter.dlms.gbcs import roles

    case = request_builder.find(use_case)
    given = _given(fields)
    when = "cancel" if cancel else at or "now"
    number = None if role is None else roles.NAMES.index(role)
    if by_hub:
        order = request_builder.Order(number, urp, when, begin, end, variant or "single", _now_s(None), party=party)
        _by_hub(case, order, given, counter, port, keys, rtds, device, timeout, as_json)
        return
    meter = running.RunningMeter(port or 0) if print_only and not running.running() else running.find(port, store)
    client = None if print_only else Client(meter.port)
    try:
        if client is not None and variant is None:
            variant = str(client.request("hello")["devices"][0]["variant"])
        now_s = _now_s(client.request("clock") if client is not None else None)
        order = request_builder.Order(
            number,
            urp,
            when,
            begin,
            end,
            variant or meter.variant,
            now_s,
            party=party,
        )
        requester = Requester(keys or _path(meter.keys), rtds or (None if keys else _path(meter.rtds)))
        message = requester.build(case, order, given, counter)
        if client is None:
            click.echo(message.hex().upper())
            return
        reply = client.request("deliver", hex=message.hex().upper())
        if as_json:
            click.echo(json.dumps(reply))
        else:
            answers = Answers(meter, requester.cast)
            answers.show(message, reply)
        status = Answers.status(reply)
    finally:
        if client is not None:
            client.close()
    if status:
        click.get_current_context().exit(status)


def _by_hub(
    case: "UseCase",
    order: "Order",
    given: "dict[str, Any]",
    counter: "int | None",
    port: "int | None",
    keys: "Path | None",
    rtds: "Path | None",
    device: "str | None",
    timeout: float,
    as_json: bool,
) -> None:
    """Builds the command for the meter of the keystore, and sends it through the running hub."""
    from slotmeter.boards.pc.answers import Answers
    from slotmeter.boards.pc.at_hub import AtHub
    from slotmeter.boards.pc.hub_command import eui64_of, exchange
    from slotmeter.boards.pc.network_words import eui64_text
    from slotmeter.boards.pc.requester import Requester

    with AtHub(port) as hub:
        requester = Requester(keys or (None if rtds else _path(hub.hub.keys)), rtds)
        target = requester.cast.device.eui64
        wanted = target if device is None else eui64_of(device)
        if wanted != target:
            raise SlotmeterError(
                "%s is not the meter of the keys in %s, which is %s: name those of that meter with --keys"
                % (eui64_text(wanted), requester.cast.folder, eui64_text(target))
            )
        # What the hub cannot carry is told before a counter is used up.
        if target.hex().upper() not in [one["eui64"] for one in hub.devices()]:
            raise SlotmeterError(
                "%s is not in the hub's device log: slotmeter hub add %s INSTALL-CODE" % ((eui64_text(target),) * 2)
            )
        message = requester.build(case, order, given, counter)
        if as_json:
            click.echo(json.dumps({"ok": True, "messages": hub.exchange(target, message, timeout)}))
        else:
            exchange(hub, Answers(hub.hub, requester.cast), target, message, timeout)


def _path(text: str) -> "Path | None":
    return Path(text) if text else None
