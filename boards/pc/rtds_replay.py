"""Replays the Reference Test Data Set (RTDS 4.5.0) against an emulated device, through the bench protocol alone.

Everything is worked out from the published messages. For each pair of COMMAND and RESPONSE: the device goes back to its
baseline, gets what the response shows (values that it returns, the first item that fails, credentials that it
names), gets the command unchanged, and its answer is compared:

    response with a MAC     all octets
    signed response         all octets but the 64 of the signature, which must verify with the device's key
    certification request   the header; the request must verify with its own key (CS02c)

A command for a future time is followed by the alerts that it leads to, at that time; for a cancellation the command
that it cancels goes first, and no alert may come. Alerts that nothing published leads to are raised on demand.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from slotmeter.boards.pc.bench import Bench, Options
from slotmeter.boards.pc.bench_inside import ROLES
from slotmeter.boards.pc.errors import SlotmeterError
from slotmeter.boards.pc.rtds_data import (
    CS02B_ALERT,
    CS02G_ALERT,
    CS06_ALERT,
    DLMS_ALERT,
    Exchange,
    Published,
    activation_of,
    announces,
    due_times,
    find,
    load,
)
from slotmeter.boards.pc.rtds_differences import differences, fields
from slotmeter.boards.pc.rtds_presets import NotRun, Presets
from slotmeter.boards.pc.rtds_results import FAILED, MATCHED, NOT_RUN, Result
from slotmeter.dlms import apdu, dates
from slotmeter.dlms.errors import DlmsError
from slotmeter.dlms.gbcs import roles
from slotmeter.dlms.gbcs.message import ALERT, SIGNATURE_SIZE, Message, parse
from slotmeter.firmware.settings import VARIANT_NAMES
from slotmeter.firmware.usecases import USE_CASES
from slotmeter.hal.host.crypto import HostCrypto

__all__ = ["Exchange", "Replay", "Result"]

# The use case whose response can be verified but not foreseen.
CS02C = 0x000A
FUTURE_DATED_ALERTS = (CS06_ALERT, CS02B_ALERT, DLMS_ALERT, CS02G_ALERT)


class Replay:
    """The data set of `folder`, and one bench per variant that is asked for. han: with a home area network between."""

    def __init__(self, folder: Path, note: "Callable[[str], None] | None" = None, han: bool = False) -> None:
        self._han = han
        self._root = find(folder)
        self._folder = self._root.parent if self._root.name.startswith("RTDS") else folder
        self._note = note or (lambda _text: None)
        self._benches: dict[str, Bench] = {}
        self._crypto = HostCrypto()
        self._exchanges = self._collect(load(folder))
        self._use_cases = {row[0]: row for row in USE_CASES}
        first = self._bench("single")
        self._eui64 = {bytes.fromhex(one["eui64"]): one["name"] for one in self._ask(first, "hello")["devices"]}
        self._presets = self._make_presets(first)

    def close(self) -> None:
        """Ends the benches."""
        for bench in self._benches.values():
            bench.close()

    def __enter__(self) -> "Replay":
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def _collect(self, published: "list[Published]") -> "list[Exchange]":
        found: dict[tuple[str, str], Exchange] = {}
        for one in published:
            place = (one.directory, one.scenario)
            exchange = found.setdefault(place, Exchange(*place))
            if one.kind == "COMMAND":
                exchange.command = one
            elif one.kind == "RESPONSE":
                exchange.response = one
            elif one.kind == "ALERT":
                exchange.alerts.append(one)
        exchanges = [one for one in found.values() if one.command or one.response or one.alerts]
        # Alerts that a command of the same folder leads to belong to it.
        for exchange in exchanges:
            for alert in list(exchange.alerts):
                owner = self._owner(alert, exchanges)
                if owner is not None and owner is not exchange:
                    exchange.alerts.remove(alert)
                    owner.alerts.append(alert)
        for exchange in exchanges:
            exchange.alerts.sort(key=lambda alert: alert.message.counter)
        return [one for one in exchanges if one.command or one.response or one.alerts]

    @staticmethod
    def _owner(alert: Published, exchanges: "list[Exchange]") -> "Exchange | None":
        for exchange in exchanges:
            command = exchange.command
            if command is not None and exchange.directory == alert.directory:
                if exchange.response is not None and announces(alert.message, command.message):
                    return exchange
        return None

    def _make_presets(self, bench: Bench) -> Presets:
        identity = bench.identity

        def agreed(public: bytes) -> bytes:
            return identity.secrets.get(public) or self._crypto.ecdh(identity.ka_private, public)

        readers = {
            cell.entity_id: cell.public_key
            for cell in identity.cells
            if cell.usage == roles.KEY_AGREEMENT and cell.cell_usage == roles.MANAGEMENT
        }
        return Presets(agreed, readers, sorted(self._folder.glob("keystore/*.pem")))

    # -- talking to the bench

    def _bench(self, variant: str) -> Bench:
        bench = self._benches.get(variant)
        if bench is None:
            bench = Bench(Options(rtds=self._folder, temporary=True, variant=variant, han=self._han, note=self._note))
            self._benches[variant] = bench
        return bench

    @staticmethod
    def _ask(bench: Bench, op: str, **more: Any) -> "dict[str, Any]":
        """The reply, through the same text form that any other client would use."""
        reply: dict[str, Any] = json.loads(json.dumps(bench.request(json.loads(json.dumps({"op": op, **more})))))
        if not reply["ok"]:
            raise SlotmeterError(f"{op}: {reply['error']['text']}")
        return reply

    def _baseline(self, bench: Bench) -> None:
        self._ask(bench, "reset")

    def _carry_out(self, bench: Bench, steps: "list[dict[str, Any]]") -> "list[str]":
        """Carries out presets; what the bench refused."""
        refused = []
        for step in steps:
            try:
                self._ask(bench, **step)
            except SlotmeterError as error:
                where = f" {step['class']}/{step['obis']}/{step['attribute']}" if "obis" in step else ""
                refused.append(f"not preset: {step['op']}{where}: {error}")
        return refused

    # -- running

    def exchanges(self, only: "Callable[[str], bool] | None" = None) -> "list[Exchange]":
        """What the data set has, or the part of it that `only` takes by its path `directory/scenario`."""
        return [one for one in self._exchanges if only is None or only(f"{one.directory}/{one.scenario}")]

    def run(self, exchange: Exchange) -> "list[Result]":
        """The results of one exchange: of its response, if it has one, and of each of its alerts."""
        if exchange.response is None:
            return [self._lone_alert(alert) for alert in exchange.alerts] or [
                self._not_run(exchange.first, "pair", "no response is published")
            ]
        result = self._start(exchange.response, "pair")
        try:
            self._check_runs(exchange)
            alert_results = self._run_pair(exchange, result)
        except NotRun as error:
            result.outcome, result.reason = NOT_RUN, str(error)
            alert_results = [self._not_run(alert, "alert", str(error)) for alert in exchange.alerts]
        except (DlmsError, LookupError, ValueError) as error:
            # A message of a shape that the rules above do not foresee: it counts against us.
            result.outcome = FAILED
            result.differences.append(f"its presets cannot be worked out: {type(error).__name__}: {error}")
            alert_results = [self._not_run(alert, "alert", "its command failed") for alert in exchange.alerts]
        return [result, *alert_results]

    @staticmethod
    def _start(published: Published, kind: str) -> Result:
        name = published.name.removesuffix("_RESPONSE")
        return Result(published.directory, name, published.use_case, published.message.code, kind)

    def _not_run(self, published: Published, kind: str, reason: str) -> Result:
        result = self._start(published, kind)
        result.outcome, result.reason = NOT_RUN, reason
        return result

    def _check_device(self, published: Published, eui64: bytes) -> None:
        if eui64 not in self._eui64:
            raise NotRun(f"its device {eui64.hex().upper()} is not on this bench")

    def _check_runs(self, exchange: Exchange) -> None:
        assert exchange.response is not None
        self._check_device(exchange.response, exchange.response.message.originator)
        if exchange.command is None:
            raise NotRun("no command is published")

    def _variants(self, exchange: Exchange) -> "list[str]":
        """The variants that may have answered so: those that have the objects; a variant in the name goes first."""
        assert exchange.command is not None
        message = exchange.command.message
        allowed = sum(VARIANT_NAMES.values())
        row = self._use_cases.get(message.code)
        if row is not None and message.payload[:1] == b"\xd9":
            for item in apdu.parse_access_request(message.payload)[1]:
                masks = [known[2] for known in row[8] if known[1] == item.key]
                mask = 0
                for one in masks:
                    mask |= one
                if masks:
                    allowed &= mask
        found = [name for name, bit in VARIANT_NAMES.items() if allowed & bit] or ["single"]
        words = exchange.scenario.lower().split("_")
        return sorted(found, key=lambda name: name not in words)

    def _run_pair(self, exchange: Exchange, result: Result) -> "list[Result]":
        command, response = exchange.command, exchange.response
        assert command is not None and response is not None
        message = command.message
        times = due_times(message)
        cancels = times == [-1]
        first_alert = exchange.alerts[0].message if exchange.alerts else None
        steps = self._presets.for_pair(message, response.message, first_alert)
        before = self._cancelled(exchange) if cancels else None
        variants = self._variants(exchange)
        # Several variants may have the objects; the one whose attributes take the published values answered.
        for variant in [*variants, variants[0]]:
            bench = self._bench(variant)
            messages = self._deliver(bench, before, command, steps, result)
            if not result.notes:
                break
        self._compare_response(bench, exchange, messages, result)
        if cancels and before is not None and result.outcome == MATCHED:
            later = max(due_times(before.message))
            for alert in self._advance(bench, later):
                result.outcome = FAILED
                result.differences.append(f"an alert came for a cancelled command: {alert.hex().upper()}")
        if cancels or not exchange.alerts:
            return []
        if not times:
            return [self._not_run(alert, "alert", "its command is not future-dated") for alert in exchange.alerts]
        return self._run_alerts(bench, exchange, steps, max(times))

    def _cancelled(self, exchange: Exchange) -> "Published | None":
        """The future-dated command that a cancellation may be for: of the same code, in the same folder."""
        assert exchange.command is not None
        message = exchange.command.message
        found = []
        for other in self._exchanges:
            command = other.command
            if command is None or other.directory != exchange.directory:
                continue
            same = command.message.code == message.code and command.message.originator == message.originator
            if same and any(when >= 0 for when in due_times(command.message)):
                found.append(command)
        # One whose response shows no failure is the likelier; without a fault armed, the other is carried out as well.
        found.sort(key=lambda one: "ERROR" in one.scenario)
        return found[0] if found else None

    def _deliver(
        self,
        bench: Bench,
        before: "Published | None",
        command: Published,
        steps: "list[dict[str, Any]]",
        result: Result,
    ) -> "list[dict[str, Any]]":
        """From the baseline: presets, the command that is cancelled, the command; what the device sent to the last."""
        self._baseline(bench)
        result.differences = []
        faults = [step for step in steps if step["op"] == "fault"]
        result.notes = self._carry_out(bench, [step for step in steps if step["op"] != "fault"])
        if before is not None:
            reply = self._ask(bench, "deliver", hex=before.data.hex())
            if not any(one["kind"] == "response" for one in reply["messages"]):
                result.notes.append(f"{before.name}: {reply.get('refused', {}).get('text', 'no response')}")
            # The published counters need not rise in this order.
            self._level_counters(bench)
        result.notes += self._carry_out(bench, faults)
        reply = self._ask(bench, "deliver", hex=command.data.hex())
        if "refused" in reply:
            refused = reply["refused"]
            result.differences.append(f"the command was refused: {refused['reason']}: {refused['text']}")
        messages: list[dict[str, Any]] = reply["messages"]
        return messages

    def _level_counters(self, bench: Bench) -> None:
        for name in ROLES:
            self._ask(bench, "counter", role=name, value=0)

    def _compare_response(
        self, bench: Bench, exchange: Exchange, messages: "list[dict[str, Any]]", result: Result
    ) -> None:
        assert exchange.response is not None and exchange.command is not None
        result.how = "MAC" if exchange.response.message.mac else "signed"
        responses = [one for one in messages if one["kind"] == "response"]
        for other in messages:
            if other["kind"] == "alert" and parse(bytes.fromhex(other["hex"])).code not in FUTURE_DATED_ALERTS:
                # What a command sets off in the meter (a load that switches, credit that runs out) is told apart.
                result.notes.append(f"an alert came too: {other['hex']}")
            elif other["kind"] != "response":
                result.differences.append(f"an unexpected {other['kind']} came: {other['hex']}")
        if len(responses) != 1:
            result.differences.append(f"{len(responses)} responses came instead of one")
        else:
            data = bytes.fromhex(responses[0]["hex"])
            result.differences += self._compare(bench, exchange.response, data, exchange.command.message, result)
        if result.differences:
            result.outcome = FAILED

    def _compare(
        self, bench: Bench, published: Published, data: bytes, command: "Message | None", result: Result
    ) -> "list[str]":
        """What differs between a published message and the device's."""
        message = published.message
        got = parse(data)
        if message.code == CS02C and message.payload[:1] == b"\x30":
            result.how = "request"
            return _compare_request(message, got) + self._check_signature(bench, got)
        if message.mac:
            if data == published.data:
                return []
            last = "the MAC differs"
        else:
            if data[:-SIGNATURE_SIZE] == published.data[:-SIGNATURE_SIZE] and got.signature:
                return self._check_signature(bench, got)
            last = "the octets differ in a way that no field shows"
        lines = differences(
            fields(message, self._presets.plaintexts(message, command)),
            fields(got, self._presets.plaintexts(got, command)),
        )
        return lines or [last]

    def _check_signature(self, bench: Bench, got: Message) -> "list[str]":
        """The signature verifies with the key of the device's own certificate, or at least with its present key."""
        held = self._ask(bench, "device-key", usage="digital-signature")
        if not self._crypto.verify(bytes.fromhex(held["public_key"]), got.signature, got.signed):
            return ["the signature does not verify with the device's key"]
        return []

    # -- alerts

    def _advance(self, bench: Bench, due_s: int) -> "list[bytes]":
        """Sets the clock forward to just past `due_s`; the alerts that were sent on the way."""
        now = self._ask(bench, "clock")["now"]
        now_s = dates.days_from_date(int(now[:4]), int(now[5:7]), int(now[8:10])) * dates.DAY_S + (
            int(now[11:13]) * 3600 + int(now[14:16]) * 60 + int(now[17:19])
        )
        reply = self._ask(bench, "clock", advance=max(0, due_s - now_s) + 1)
        return [bytes.fromhex(one["hex"]) for one in reply.get("messages", []) if one["kind"] == "alert"]

    def _run_alerts(
        self, bench: Bench, exchange: Exchange, steps: "list[dict[str, Any]]", due_s: int
    ) -> "list[Result]":
        """Lets the command fall due and compares each alert, with the device's own counter preset for it.

        The bench is where the command left it. Published counters rise one by one within a command; where they do
        not, the scenario is run again for the next stretch of them.
        """
        results = []
        start: int | None = None
        alerts: list[bytes] = []
        for alert in exchange.alerts:
            result = self._start(alert, "alert")
            result.how = "MAC" if alert.message.mac else "signed"
            counter = int.from_bytes(alert.message.counter, "big")
            for _attempt in range(2):
                if start is None:
                    start = counter
                    alerts = self._fall_due(bench, exchange, steps, due_s, start)
                place = _place_of(alert.message, alerts)
                if place is None or start + place == counter:
                    break
                start = counter - place
                alerts = self._fall_due(bench, exchange, steps, due_s, start)
            place = _place_of(alert.message, alerts)
            if place is None:
                result.differences.append("no such alert came")
            else:
                result.differences += self._compare(bench, alert, alerts[place], None, result)
            if result.differences:
                result.outcome = FAILED
            results.append(result)
        return results

    def _fall_due(
        self, bench: Bench, exchange: Exchange, steps: "list[dict[str, Any]]", due_s: int, own_counter: int
    ) -> "list[bytes]":
        assert exchange.command is not None
        self._deliver(bench, None, exchange.command, steps, self._start(exchange.command, "pair"))
        self._ask(bench, "counter", role="own", value=own_counter)
        return self._advance(bench, due_s)

    def _lone_alert(self, alert: Published) -> Result:
        """An alert that no published command leads to: raised on demand."""
        result = self._start(alert, "alert")
        result.how = "MAC" if alert.message.mac else "signed"
        message = alert.message
        try:
            self._check_device(alert, message.originator)
            if message.code in FUTURE_DATED_ALERTS:
                raise NotRun("the command that leads to it is not published here")
            words = alert.scenario.lower().split("_")
            variants = sorted(VARIANT_NAMES, key=lambda name: name not in words)
            steps = self._presets.for_alert(message, self._role_of(message.target))
            for variant in [*variants, variants[0]]:
                bench = self._bench(variant)
                self._baseline(bench)
                result.notes = self._carry_out(bench, steps[:-1])
                if not result.notes:
                    break
            try:
                sent = self._ask(bench, **steps[-1])["messages"]
            except SlotmeterError as error:
                result.differences.append(str(error))
                sent = []
            alerts = [bytes.fromhex(one["hex"]) for one in sent if one["kind"] == "alert"]
            if len(alerts) == 1:
                result.differences += self._compare(bench, alert, alerts[0], None, result)
            elif not result.differences:
                result.differences.append(f"{len(alerts)} alerts came instead of one")
        except NotRun as error:
            result.outcome, result.reason = NOT_RUN, str(error)
        if result.differences:
            result.outcome = FAILED
        return result

    def _role_of(self, entity_id: bytes) -> str:
        for cell in self._bench("single").identity.cells:
            if cell.entity_id == entity_id:
                return roles.NAMES[cell.role]
        raise NotRun("its recipient holds no trust anchor cell")


def _place_of(published: Message, alerts: "list[bytes]") -> "int | None":
    """Which of the device's alerts tells of the same as the published one."""
    for place, data in enumerate(alerts):
        got = parse(data)
        if got.cra == ALERT and got.code == published.code and activation_of(got) == activation_of(published):
            return place
    return None


def _compare_request(message: Message, got: Message) -> "list[str]":
    """CS02c: the header as published, and a certification request that verifies with its own key."""
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

    expected, found = fields(message, []), fields(got, [])
    header = ("originator counter", "originator", "target", "date-time", "message code", "supplementary", "protection")
    lines = differences({name: expected[name] for name in header}, {name: found[name] for name in header})
    try:
        request = x509.load_der_x509_csr(got.payload)
    except ValueError as error:
        return [*lines, f"the payload is no certification request: {error}"]
    key = request.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        lines.append("the certification request is not for a P-256 key")
    if not request.is_signature_valid:
        lines.append("the signature of the certification request does not verify")
    if request.subject.rdns:
        lines.append("the subject of the certification request is not empty")
    return lines
