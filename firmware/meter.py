"""A meter: octets in, octets out, facts to read, and the time as an argument (style: h11, aioquic).

    receive ── parse ── gate ──┬── DLMS: items against the object tree ──┐
                               └── ASN.1: credentials, joining, firmware ┴── commit ── response
    tick ───── future-dated instructions that are due ── commit ── alerts

Nothing leaves before the state that it tells of is durable, and a message that is refused changes nothing but the
security log and the device's own counter.
"""

from slotmeter.dlms.apdu import (
    ACTION,
    GET,
    GET_WITH_SELECTION,
    OTHER_REASON,
    SCOPE_OF_ACCESS_VIOLATED,
    SET,
    SUCCESS,
    TYPE_UNMATCHED,
    build_access_response,
    build_data_notification,
    parse_specifications,
    take_data,
)
from slotmeter.dlms.cosem.access import Access
from slotmeter.dlms.cosem.protection import protection_parameters
from slotmeter.dlms.cosem.tree import Tree
from slotmeter.dlms.errors import DecodeError
from slotmeter.dlms.gbcs import gate, keys
from slotmeter.dlms.gbcs.anchors import Anchors, DeviceKeys, Secrets
from slotmeter.dlms.gbcs.credentials import Credentials, Request
from slotmeter.dlms.gbcs.gate import Gate, UseCase
from slotmeter.dlms.gbcs.message import Message, parse
from slotmeter.dlms.gbcs.roles import ACCESS_CONTROL_BROKER, DIGITAL_SIGNATURE, KEY_AGREEMENT, SUPPLIER
from slotmeter.dlms.octets import put_length
from slotmeter.firmware import facts, logs
from slotmeter.firmware.behaviour import Behaviour
from slotmeter.firmware.life import Life
from slotmeter.firmware.notices import Notices
from slotmeter.firmware.organs import CLOCKWORK, Organs
from slotmeter.firmware.outbox import Outbox, date_time_octets
from slotmeter.firmware.schedule import Instruction, Schedule
from slotmeter.firmware.transfer import Transfers, is_block
from slotmeter.firmware.undelivered import LIMIT, PREFIX, Alert, Undelivered
from slotmeter.hal.errors import STORE_DAMAGED, STORE_VERSION, HalError
from slotmeter.hal.records import Records

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slotmeter.firmware.settings import Settings
    from slotmeter.hal import Hal

# The layout of the records; another number in the store means another slotmeter wrote it.
STATE_VERSION = b"1"

NULL = b"\x00"
# Class 30: the only method that reads.
PROTECTED_READ = b"\x00\x1e"
# Facts that nobody took; older ones are dropped.
EVENTS_LIMIT = 256
# Class 1, 0-0:0.2.1.255, attribute 2: what ECS52 reads and CS06 changes.
FIRMWARE_VERSION = b"\x00\x01\x00\x00\x00\x02\x01\xff\x02"
# Message codes of the alerts that the meter itself raises (GBCS 20; facts 8.1).
GENERIC_CRITICAL_ALERT = 0x1000
GENERIC_ALERT = 0x1001
FUTURE_DATED_ALERT = 0x00CC
NOT_SUPPORTED_ALERT = 0x0120
# Alerts with a MAC instead of a signature go by their message code (facts 2.6).
MACED_ALERTS = (GENERIC_ALERT, 0x00F0)

ACTIONED = 0x8F66
NOT_ACTIONED = 0x8F67
COMMAND_ACTIONED = 0x8154
COMMAND_NOT_ACTIONED = 0x8155
FLOOD = 0x8F60
IMAGE_REFUSED = 0x8F1C
IMAGE_VERIFIED = 0x8F72
DEVICE_JOINED = 0x8183
DEVICE_COMMISSIONED = 0x8F69


class Meter:
    """One device. Give it octets and the time; take messages with `to_send` and facts with `next_event`."""

    def __init__(
        self,
        hal: "Hal",
        settings: "Settings",
        object_rows: "tuple[object, ...]",
        use_case_rows: "tuple[tuple[object, ...], ...]",
    ) -> None:
        self._hal = hal
        self.settings = settings
        self.records = records = Records(hal.store)
        self.eui64 = self._check_store(records)
        self.crypto = crypto = hal.crypto
        self.anchors = Anchors(records)
        self.keys = DeviceKeys(records)
        self.secrets = Secrets(records, crypto, self.keys, settings.cache_secrets)
        self.schedule = Schedule(records)
        self.behaviour = Behaviour(self)
        self.tree = Tree(object_rows, settings.variant, records, self.behaviour)
        self.credentials = Credentials(
            records, self.anchors, self.keys, self.secrets, crypto, hal.certificates, hal.entropy, self.eui64
        )
        self.credentials.images.read_version = self._firmware_version
        self.credentials.images.write_version = self._set_firmware_version
        self.credentials.check_validity = settings.check_validity
        self._use_cases: dict[int, UseCase] = {}
        for row in use_case_rows:
            use_case = UseCase(row)
            self._use_cases[use_case.code] = use_case
        self._gate = Gate(self.eui64, self._use_cases, self.anchors, self.secrets, crypto)
        self._outbox = Outbox(self.eui64, self.anchors, self.keys, self.secrets, crypto)
        self.notices = Notices(self)
        self.life = Life(self)
        self._transfers = Transfers(settings.block_size)
        self._undelivered = Undelivered(records, settings.keep_undelivered)
        # Messages, and under which number each is kept until it was delivered.
        self._to_send: list[tuple[int, bytes]] = []
        # The one of them that `to_send` gave last.
        self._leaving = (0, b"")
        # Whether one was delivered, which the store does not know yet.
        self._has_delivered = False
        self._events: list[object] = []
        # Alerts that wait for the commit, and under which number each is kept; and facts. They are signed only when
        # they leave, where a board has calls to spare.
        self._held: list[tuple[int, object]] = []
        self._fault: tuple[int, int | None] | None = None
        # When messages were refused lately, in seconds since 2000.
        self._refusals: list[int] = []
        self.now_s = 0
        # The command that is being carried out, for what encrypts its answer.
        self._message: Message | None = None
        self._role = -1
        self._sealing_counter = b""
        self._order = 0
        # The time before the step that is being made, when it is to be undone.
        self._time_before: tuple[int | None, int] | None = None
        self.organs = Organs(self, hal)
        self.credentials.anchors.set_top_up_floor = self.organs.account.validator.set_floor
        self._gate.top_up_seen = self.organs.account.validator.seen
        self._find_undelivered()

    def _find_undelivered(self) -> None:
        """Takes up what was to be sent before the meter lost its power."""
        for number in self._undelivered.numbers():
            one = self._undelivered.get(number)
            if isinstance(one, Alert):
                self._send_alert_of(number, one)
            else:
                self._to_send.append((number, one))

    def _check_store(self, records: Records) -> bytes:
        version = records.get("version")
        if version is None:
            if records.names() and records.names() != ["id"] and records.get("id") is None:
                raise HalError(STORE_DAMAGED, "the store holds records but no version: it is not a meter's")
            records.put("version", STATE_VERSION)
            records.put("variant", bytes((self.settings.variant,)))
            records.commit()
        elif version != STATE_VERSION:
            raise HalError(
                STORE_VERSION, "the store has layout %s, this slotmeter reads 1: use another store" % version.decode()
            )
        if records.get("variant") != bytes((self.settings.variant,)):
            raise HalError(STORE_VERSION, "the store belongs to a meter of another variant: use it or another store")
        eui64 = records.get("id")
        if eui64 is None:
            raise HalError(STORE_DAMAGED, "the store holds no identity: provision it first")
        return eui64

    def _firmware_version(self) -> bytes:
        return self.tree.value(FIRMWARE_VERSION)[2:]

    def _set_firmware_version(self, version: bytes) -> None:
        self.tree.put(FIRMWARE_VERSION, b"\x09\x04" + version)

    # ---- the five verbs

    def receive(self, data: bytes, now_ms: int) -> None:
        """Takes one message, or one block of one. What follows is read with `to_send` and `next_event`; nothing is
        raised for bad octets.
        """
        self.tick(now_ms)
        self.life.flush_measured()
        self.records.mark()
        if len(self._events) > EVENTS_LIMIT:
            self._events = self._events[-EVENTS_LIMIT:]
        if self.life.dark():
            self._events.append(facts.MessageRefused(gate.NO_POWER, "the mains are dead"))
            return
        if is_block(data):
            whole = self._transfers.receive(data, now_ms)
            self._look_at_transfer()
            if self._transfers.refusal:
                self._refuse(gate.MALFORMED, self._transfers.refusal, None)
            if whole is None:
                return
            data = whole
        fault = self._fault
        self._fault = None
        try:
            message = parse(data)
        except DecodeError as error:
            self._refuse(gate.MALFORMED, str(error), None)
            return
        use_case, role, refusal = self._gate.admit(message)
        if refusal is not None:
            self._refuse(refusal.reason, refusal.text, message)
            return
        assert use_case is not None
        self._message = message
        self.behaviour.acted = False
        self._role = role
        self._sealing_counter = b""
        self._order = 0
        if use_case.flags & gate.REPLAY and not use_case.flags & gate.TOP_UP:
            self.anchors.set_counter(role, int.from_bytes(message.counter, "big"))
        try:
            if use_case.asn1:
                payload, failed = self._run_asn1(message, use_case, role, fault)
            else:
                payload, failed = self._run_dlms(message, use_case, role, fault)
        except DecodeError as error:
            # Authentic, but not a payload of this use case: nothing of it is done, and it cannot come again.
            self._forget()
            if use_case.flags & gate.REPLAY and not use_case.flags & gate.TOP_UP:
                self.anchors.set_counter(role, int.from_bytes(message.counter, "big"))
            self._refuse(gate.MALFORMED, str(error), message)
            return
        if self.records.changed_since_mark():
            # Whoever lives by what the command changed looks again, and may act at once.
            if self.life.load_after(self.records.touched_since_mark()) or self.behaviour.acted or use_case.asn1:
                self.life.react()
                self.life.flush()
        supplementary = message.supplementary[:16]
        if supplementary and self._sealing_counter:
            supplementary += self._sealing_counter
        try:
            response = self._outbox.response(
                message,
                role,
                use_case.protection_for(role),
                date_time_octets(self.now_s) if use_case.flags & gate.HEADER_DATE_TIME else b"",
                supplementary,
                payload,
            )
        except HalError as error:
            # A key that is not known or not a key: nothing is done for somebody who cannot be answered.
            self._forget()
            self._refuse(gate.NOT_AUTHORISED, "the answer cannot be protected: " + str(error), message)
            return
        number = self._undelivered.put(response)
        if self._commit():
            self._to_send.append((number, response))
            self._release()
            self._events.append(facts.CommandAnswered(use_case.name, role, failed))

    def next_event(self) -> "object | None":
        """The next fact of `slotmeter.firmware.facts`, or None."""
        return self._events.pop(0) if self._events else None

    def to_send(self) -> bytes:
        """The next whole message to put on the wire, or a block of one when `Settings.block_size` cuts; b"" if none."""
        data = self._transfers.to_send()
        self._look_at_transfer()
        if not data and self._to_send and not self._transfers.sending():
            self._leaving = self._to_send.pop(0)
            data = self._transfers.start(self._leaving[1], self.now_s * 1000)
        return data

    def delivered(self, data: bytes) -> None:
        """The hub has `data`, which `to_send` gave last: with `Settings.keep_undelivered` it is kept until this is
        told. Of blocks the meter knows by itself.
        """
        if data == self._leaving[1]:
            self._is_delivered()

    def undelivered(self) -> int:
        """How many messages are kept for the hub."""
        return len(self._undelivered.numbers())

    def _look_at_transfer(self) -> None:
        """A message that went in blocks is delivered when the last one is acknowledged; given up, it begins again."""
        outcome = self._transfers.ended()
        if outcome is None:
            return
        if outcome and self.settings.keep_undelivered:
            self._to_send.insert(0, self._leaving)
        else:
            self._is_delivered()

    def _is_delivered(self) -> None:
        """What left last is at the hub."""
        number, data = self._leaving
        self._leaving = (0, b"")
        if number:
            self._undelivered.drop(number)
            self._has_delivered = True
            self._events.append(facts.MessageDelivered(data))

    def deadline_ms(self) -> "int | None":
        """When `tick` has something to do, in milliseconds since 2000; None when it has not."""
        due_ms = self.life.deadline_ms()
        transfer_ms = self._transfers.deadline_ms()
        if due_ms is None or (transfer_ms is not None and transfer_ms < due_ms):
            return transfer_ms
        return due_ms

    def tick(self, now_ms: int) -> None:
        """Lets time pass until `now_ms` and does what falls due on the way, in order.

        It is one transaction: its alerts leave when all of it is durable. When the store fails, the time is as before.
        """
        self._live(now_ms, False)

    def set_time(self, now_ms: int) -> None:
        """The clock is put forward or back to `now_ms`, without that time passing: nothing flows meanwhile. What falls
        due in what it jumps over is done late, as after an outage.
        """
        self._live(now_ms, True)

    def _live(self, now_ms: int, jump: bool) -> None:
        self._transfers.tick(now_ms)
        self._look_at_transfer()
        if self.settings.keep_undelivered:
            self._to_send = self._to_send[-LIMIT:]
        life = self.life
        life.flush_measured()
        self.records.mark()
        self._time_before = (life.now_ms, self.now_s)
        if jump:
            self.organs.account.clock_was_set(now_ms // 1000)
            life.jump(now_ms)
        if life.advance(now_ms) or jump or self._held or self._has_delivered:
            life.flush()
            if self._commit():
                self._release()
        self._time_before = None

    def carry_out_due(self, now_s: int) -> bool:
        """Carries out the future-dated instructions that are due; whether there were any. Nothing is committed."""
        due_s = self.schedule.next_due()
        if due_s is None or due_s > now_s:
            return False
        # What was measured so far belongs to the time before.
        self.life.flush()
        instruction = self.schedule.take_due(now_s)
        while instruction is not None:
            self._carry_out(instruction)
            instruction = self.schedule.take_due(now_s)
        self.life.load()
        self.life.react()
        return True

    # ---- commands

    def _run_dlms(
        self, message: Message, use_case: UseCase, role: int, fault: "tuple[int, int | None] | None"
    ) -> "tuple[bytes, int]":
        """Carries out an access-request; the access-response payload and the first item that failed, or -1."""
        invoke_id, items, pos = parse_specifications(message.payload)
        if invoke_id != b"\x20" + message.counter[5:]:
            raise DecodeError("invoke id is not that of the originator counter", 1)
        count = len(items)
        results = []
        try:
            take_data(message.payload, items, pos)
        except DecodeError:
            # What is asked is clear, the data for it are not: nothing is tried.
            for item in items:
                results.append((item.kind, OTHER_REASON, NULL))
            results[0] = (items[0].kind, TYPE_UNMATCHED, NULL)
            return build_access_response(invoke_id, results), 0
        allowed = use_case.allowed()
        updates = False
        for index in range(count):
            item = items[index]
            kind = GET if item.kind == GET_WITH_SELECTION else item.kind
            if not allowed.get(item.key, 0) >> kind & 1:
                # Outside its use case: nothing is done, the item is named, the others were not tried.
                for other in items:
                    results.append((other.kind, OTHER_REASON, NULL))
                results[index] = (item.kind, SCOPE_OF_ACCESS_VIOLATED, NULL)
                return build_access_response(invoke_id, results), index
            if kind == SET or (kind == ACTION and item.key[:2] != PROTECTED_READ):
                updates = True
        supplementary = message.supplementary
        access = Access(
            self.now_s,
            message.code,
            message.counter,
            message.originator,
            role,
            self.eui64,
            message.originator,
            supplementary[:8] if supplementary else message.originator,
            self._seal,
        )
        tree = self.tree
        failed = -1
        for index in range(count):
            item = items[index]
            kind = item.kind
            data = NULL
            if failed >= 0:
                result = OTHER_REASON
            elif fault is not None and fault[0] == index:
                result = 1 if fault[1] is None else fault[1]
            elif kind == SET:
                result = tree.set(item.key, item.data, access)
            elif kind == ACTION:
                result, data = tree.invoke(item.key, item.data, access)
            else:
                result, data = tree.get(item.key, item.selection, access)
            if result != SUCCESS:
                data = NULL
                if failed < 0:
                    failed = index
            results.append((kind, result, data))
        if updates and self.settings.log_commands:
            code = COMMAND_ACTIONED if failed < 0 else COMMAND_NOT_ACTIONED
            self.notices.notify(code, message.code.to_bytes(2, "big"))
        return build_access_response(invoke_id, results), failed

    def _seal(self, plaintext: bytes) -> "bytes | None":
        """Encrypts `plaintext` for whoever reads the answer; None when there is no key to do it with."""
        message = self._message
        assert message is not None
        supplementary = message.supplementary
        if supplementary:
            try:
                public = self._hal.certificates.read(supplementary[16:]).public_key
                z = self.secrets.z(public)
            except HalError:
                return None
            self._sealing_counter = counter = self.anchors.take_own_counter()
            recipient = supplementary[:8]
        else:
            cell = self.anchors.cell(self._role, KEY_AGREEMENT)
            if cell is None:
                return None
            try:
                z = self.secrets.z(cell.public_key)
            except HalError:
                return None
            counter = message.counter
            recipient = message.originator
        return keys.seal(self.crypto, z, self.eui64, counter, recipient, plaintext)

    def _run_asn1(
        self, message: Message, use_case: UseCase, role: int, fault: "tuple[int, int | None] | None"
    ) -> "tuple[bytes, int]":
        """Carries out an ASN.1 use case; the response payload and 0 when it failed, -1 when not."""
        request = Request(
            message.code,
            message.payload,
            int.from_bytes(message.counter, "big"),
            message.originator,
            role,
            self.now_s,
            fault,
        )
        supplier = self._supplier()
        outcome = self.credentials.execute(request)
        if self._supplier() != supplier:
            self.organs.supplier_changed()
        if use_case.flags & gate.FUTURE:
            self.schedule.drop_others(message.code, b"")
            if isinstance(outcome.stored, tuple):
                due_s, blob = outcome.stored
                self.schedule.put(
                    Instruction(due_s, 0, message.code, message.counter, message.originator, role, b"", blob)
                )
        for code in outcome.events:
            self.notices.notify(code)
        return outcome.payload, 0 if outcome.failed else -1

    def _supplier(self) -> bytes:
        """Who the supplier is: the entity id in its signing cell, b"" when that is empty."""
        cell = self.anchors.cell(SUPPLIER, DIGITAL_SIGNATURE)
        return b"" if cell is None else cell.entity_id

    def schedule_activation(self, key: bytes, due_s: "int | None", cancel: bool, access: Access) -> int:
        """A write to an activation attribute: at once (`due_s` None or past), later, or not at all."""
        self.schedule.drop_others(access.code, access.counter)
        if cancel:
            self.schedule.drop(access.code, key)
            return SUCCESS
        if due_s is None or due_s <= access.now_s:
            self.schedule.drop(access.code, key)
            return SUCCESS if self.tree.activate(key) else OTHER_REASON
        self._order += 1
        self.schedule.put(
            Instruction(due_s, self._order, access.code, access.counter, access.originator, access.role, key, b"")
        )
        return SUCCESS

    def _carry_out(self, one: Instruction) -> None:
        """Carries out a future-dated instruction and holds its alert to who gave it."""
        use_case = self._use_cases.get(one.code)
        if one.key:
            done = self.tree.activate(one.key)
            body = one.code.to_bytes(2, "big") + one.counter + one.key
            self.send_alert(
                FUTURE_DATED_ALERT,
                ACTIONED if done else NOT_ACTIONED,
                one.due_s,
                (b"\x09\x13" + body,),
                one.originator,
                one.role,
            )
            logs.note_event(self.tree, self.now_s, ACTIONED if done else NOT_ACTIONED, one.code.to_bytes(2, "big"))
        else:
            supplier = self._supplier()
            alert_code, message_code, payload, events = self.credentials.due(
                one.code, one.blob, int.from_bytes(one.counter, "big"), one.due_s, self.now_s
            )
            if self._supplier() != supplier:
                self.organs.supplier_changed()
            done = alert_code == ACTIONED
            self._send_alert(message_code, alert_code, payload, one.originator, one.role, b"")
            logs.note_event(self.tree, self.now_s, alert_code, one.code.to_bytes(2, "big"))
            for code in events:
                self.notices.notify(code)
        self._held.append((0, facts.InstructionDue(use_case.name if use_case else "%04X" % one.code, done)))

    # ---- alerts, refusals

    def send_alert(
        self,
        message_code: int,
        alert_code: int,
        time_s: int,
        elements: "tuple[bytes, ...]",
        target: bytes = b"",
        role: int = SUPPLIER,
        supplementary: bytes = b"",
    ) -> None:
        """Queues a DLMS alert: alert code, time stamp and `elements` (A-XDR octets each), to the supplier unless told.

        It leaves with the next commit. Nobody gets it when the target's cell is empty.
        """
        if not target:
            holders = self.anchors.cells(role)
            if not holders:
                return
            target = holders[0].entity_id
        body = [b"\x12" + alert_code.to_bytes(2, "big"), b"\x09\x0c" + date_time_octets(time_s)]
        body.extend(elements)
        # The payload repeats the counter, so the counter is taken first.
        counter = self.anchors.take_own_counter()
        payload = build_data_notification(counter, body)
        self._hold_alert(message_code, alert_code, counter, payload, target, role, supplementary)

    def send_generic_alert(self, alert_code: int, time_s: int) -> None:
        """Queues an alert that has nothing to tell but its code: critical or not, as its code says."""
        self.send_alert(_generic_message(alert_code), alert_code, time_s, ())

    def _send_alert(
        self, message_code: int, alert_code: int, payload: bytes, target: bytes, role: int, supplementary: bytes
    ) -> None:
        counter = self.anchors.take_own_counter()
        self._hold_alert(message_code, alert_code, counter, payload, target, role, supplementary)

    def _hold_alert(
        self,
        message_code: int,
        alert_code: int,
        counter: bytes,
        payload: bytes,
        target: bytes,
        role: int,
        supplementary: bytes,
    ) -> None:
        if message_code in MACED_ALERTS and self.anchors.cell(role, KEY_AGREEMENT) is None:
            return
        alert = Alert(alert_code, message_code, counter, target, role, supplementary, payload)
        self._held.append((self._undelivered.put_alert(alert), alert))

    def _refuse(self, reason: str, text: str, message: "Message | None") -> None:
        """Tells why a message gets no response; one that was at least well formed is logged and may raise an alert."""
        self._events.append(facts.MessageRefused(reason, text))
        flood = self._is_flood()
        if message is None and not flood:
            return
        log_code, alert_code = (0, 0) if message is None else self.settings.refusal_codes.get(reason, (0, 0))
        if log_code:
            logs.note_security(self.tree, self.now_s, log_code)
        if message is not None and reason == gate.NOT_SUPPORTED and alert_code:
            element = b"\x09\x0a" + message.code.to_bytes(2, "big") + message.counter
            role = self.anchors.roles_of(message.originator)[0]
            self.send_alert(
                NOT_SUPPORTED_ALERT,
                alert_code,
                self.now_s,
                (element,),
                message.originator,
                role,
                message.supplementary[:16] if role == ACCESS_CONTROL_BROKER else b"",
            )
        elif alert_code:
            self.send_generic_alert(alert_code, self.now_s)
        if flood:
            self.notices.notify(FLOOD)
        if self._commit():
            self._release()

    def _is_flood(self) -> bool:
        """Whether this refusal makes an unusual number of them within a time; then counting begins anew."""
        settings = self.settings
        since_s = self.now_s - settings.flood_s
        self._refusals = [at_s for at_s in self._refusals if since_s < at_s <= self.now_s]
        self._refusals.append(self.now_s)
        if not settings.flood_messages or len(self._refusals) < settings.flood_messages:
            return False
        self._refusals = []
        return True

    def _commit(self) -> bool:
        """Makes the state durable. When the store fails, the old state stands and nothing that was held leaves."""
        waits = self._held or self._has_delivered
        if not self.records.changed_since_mark() and not (waits and self.records.changed()):
            self._has_delivered = False
            return True
        try:
            self.records.commit()
        except HalError as error:
            self._forget()
            self._events.append(facts.MessageRefused(gate.STORE_FAILED, str(error)))
            return False
        self._has_delivered = False
        return True

    def _release(self) -> None:
        """Lets go what waited for the commit. An alert that cannot be protected for its target reaches nobody."""
        held = self._held
        self._held = []
        for number, one in held:
            if isinstance(one, Alert):
                self._send_alert_of(number, one)
            else:
                self._events.append(one)

    def _send_alert_of(self, number: int, one: Alert) -> None:
        """Protects an alert that is kept under `number`, and puts it among what is to be sent."""
        signed = one.message_code not in MACED_ALERTS
        try:
            data = self._outbox.alert(
                one.message_code, one.counter, one.target, one.role, signed, one.supplementary, one.payload
            )
        except HalError:
            self._undelivered.drop(number)
            return
        self._to_send.append((number, data))
        self._events.append(facts.AlertSent(one.code, one.message_code))

    def _forget(self) -> None:
        """Drops every uncommitted change, in the records and in what was read from them."""
        self.records.rollback()
        self._held = []
        if self._time_before is not None:
            self.life.now_ms, self.now_s = self._time_before
        self.anchors.reload()
        self.secrets.forget()
        self.schedule.reload()
        self.tree.reload()
        self.life.load()

    # ---- the bench's hand

    def arm_fault(self, item: int, result: "int | None" = None) -> None:
        """Makes item `item` of the next command fail with `result`; None is a hardware fault or its equivalent."""
        self._fault = (item, result)

    def clear_fault(self) -> None:
        """Takes back what `arm_fault` prepared."""
        self._fault = None

    def peek(self, key: bytes) -> "bytes | None":
        """An attribute as A-XDR octets, past access rights; None when there is no such attribute."""
        self.life.flush()
        return self.tree.peek(key)

    def poke(self, key: bytes, data: bytes) -> None:
        """Places an attribute past access rights and side effects; DecodeError when it is of another type."""
        self.life.flush()
        self.tree.poke(key, data)
        self.life.load()
        self.life.react()
        self.life.flush()
        self.records.commit()

    @property
    def clock_status(self) -> int:
        """RELIABLE, INVALID or UNRELIABLE of hal.clock."""
        return self.behaviour.clock_status()

    def set_clock_status(self, status: int) -> None:
        """Sets what the meter thinks of its clock."""
        self.life.flush()
        self.behaviour.set_clock_status(status)
        self.life.load()
        self.life.react()
        self.life.flush()
        self.records.commit()

    def top_up_counter(self) -> int:
        """The highest top-up counter accepted, or the floor."""
        return self.organs.account.validator.highest()

    def set_top_up_counter(self, value: int) -> None:
        """Forgets the tokens seen and accepts those above `value`."""
        self.organs.account.validator.set_floor(value, True)
        self.records.commit()

    # ---- what it feels

    def joined(self) -> None:
        """The meter has joined the home network of a hub; the first time, it is commissioned."""
        self.notices.notify(DEVICE_JOINED)
        if self.records.get("joined") is None:
            self.records.put("joined", b"\x01")
            self.notices.notify(DEVICE_COMMISSIONED)
        self.settle()

    def image_arrived(self, file: bytes) -> bool:
        """A firmware image has come whole, by whatever way: it is held when the supplier signed it, and there is an
        alert with its hash either way (facts 8.1). False when it is not held.
        """
        cell = self.anchors.cell(SUPPLIER, DIGITAL_SIGNATURE)
        image_hash, held = self.credentials.images.receive(file, self.crypto, b"" if cell is None else cell.public_key)
        self.notices.notify(IMAGE_VERIFIED if held else IMAGE_REFUSED, elements=(b"\x09\x20" + image_hash,))
        self.settle()
        return held

    def settle(self) -> None:
        """After something was felt: whoever it concerns acts, it is made durable, and its alerts leave."""
        self.life.react()
        self.life.flush()
        if self._commit():
            self._release()

    def use_cases(self) -> "list[UseCase]":
        """The use cases that the meter implements, by message code."""
        return [self._use_cases[code] for code in sorted(self._use_cases)]

    def raise_alert(
        self,
        message_code: int,
        alert_code: int,
        elements: "tuple[bytes, ...]",
        protected: "tuple[bytes, ...]" = (),
        role: int = SUPPLIER,
        supplementary: bytes = b"",
    ) -> bool:
        """Sends a DLMS alert at the bench's wish: `elements` after the time stamp, then the attributes `protected`
        (keys) read and encrypted for the holder of `role`. False when one of them cannot be read, or something cannot
        be protected for that party.
        """
        holders = self.anchors.cells(role)
        if not holders:
            return False
        body = list(elements)
        if protected:
            self.life.flush()
            values = []
            for key in protected:
                value = self.tree.peek(key)
                if value is None:
                    return False
                values.append(value)
            block = self.protect_for_alert(tuple(values), role)
            if block is None:
                return False
            body.extend(block)
        self.send_alert(message_code, alert_code, self.now_s, tuple(body), holders[0].entity_id, role, supplementary)
        waiting = len(self._to_send)
        if self._commit():
            self._release()
        return len(self._to_send) > waiting

    def protect_for_alert(self, values: "tuple[bytes, ...]", role: int) -> "tuple[bytes, bytes] | None":
        """The two elements of an encrypted part of the next alert (facts 4.4, as in ECS68): protection parameters, and
        `values` (A-XDR each) encrypted for the holder of `role`. None when it holds no key that can be used.
        """
        cell = self.anchors.cell(role, KEY_AGREEMENT)
        if cell is None:
            return None
        try:
            z = self.secrets.z(cell.public_key)
        except HalError:
            return None
        # The alert's own counter: `send_alert` takes it next.
        counter = self.anchors.own_counter().to_bytes(8, "big")
        plaintext = bytes((2, len(values))) + b"".join(values)
        sealed = keys.seal(self.crypto, z, self.eui64, counter, cell.entity_id, plaintext)
        return protection_parameters(counter, self.eui64, cell.entity_id), b"\x09" + put_length(len(sealed)) + sealed

    def digest(self) -> bytes:
        """SHA-256 of the state, without logs, the device's own counter, what is being measured just now, and what is to
        be sent.

        It is equal before and after a refusal, and before and after a restart.
        """
        self.life.flush()
        return self.records.digest(self.crypto, logs.RECORDS + CLOCKWORK + ("n.own", PREFIX))


def _generic_message(alert_code: int) -> int:
    """The message code of an alert that is nothing but its code: 8Fxx alerts are critical (GBCS 16.2)."""
    return GENERIC_CRITICAL_ALERT if alert_code >> 8 == 0x8F else GENERIC_ALERT
