"""Fuzzes a whole meter: octets from the wire, and authentic messages whose insides are bad.

An input is one octet that says how it is delivered, and the rest:

    0   a message as it stands
    1   role of the sender, protection (1 MAC, 2 signature), length (2) and octets of the supplementary part, message
        code (2), payload: the independent builder makes the message around it with the sender's true keys
    2   blocks of a message, each after its length (2): a general block transfer

A DLMS payload gets the invoke id that belongs to the header's counter, so that what was not mutated is right. Every
input meets the same meter, which has instructions stored, tokens seen, a pending key, a held image and devices joined.

What is proved of each input, beside what `mutate` proves: no exception; at most one response, and none to what was
refused; a refused message leaves the state's digest as it was, but for the counter that an authentic one uses up;
no counter is lower; after an answer the meter that starts from the store has the same state; what was stored for later
happens without an exception, and the store has the same state again.
"""

import time

import mutate

# isort: split
# What follows is found where mutate looks.
import asn1_commands as a
from world import DS, ISSUER_CERTIFICATE, KA, NOW_S, World

from slotmeter.dlms.blocks import Splitter, is_block
from slotmeter.dlms.errors import DecodeError
from slotmeter.dlms.gbcs.replacement_command import parse as parse_replacement
from slotmeter.firmware import logs
from slotmeter.firmware.usecases import ACTION, COMMAND_MAC, COMMAND_SIGNED, GET, SET, USE_CASES

b = mutate.builder
WIRE, INSIDE, BLOCKS = 0, 1, 2
# What every authentic header counts, and a top-up's.
COUNTER = 0x5EEDC0DE77
TOP_UP = 0x0007
TOKEN_COUNTER = 12 << 32
# Three years, in which a debt is collected every hour and a calendar switches a load twice a day.
LONG_S = 3 * 365 * 86400
# A whole critical command with its own signature, and what the machine takes for itself.
SLOWEST_S = 0.25


class Refused(Exception):
    """The meter did not answer. reason: why."""

    def __init__(self, reason):
        super().__init__(reason)
        self.reason = reason


class MarkedWorld(World):
    """A world whose meter has a past."""

    def __init__(self):
        super().__init__()
        image = bytes(range(32))
        self.meter.credentials.images.hold(image, b"\1\2\3\4")
        self.meter.records.commit()
        for when in (60, 7200):
            items = [
                b.put(9000, "0-0:94.44.128.7", 4, b.u32(6900)),
                b.put(9000, "0-0:94.44.128.7", 6, b.octets(b.date_time(NOW_S + when))),
            ]
            self.answer(self.command(self.supplier, 0x0043, items, critical=True))
        self.answer(self.asn1(self.supplier, 0x0012, lambda n: a.activate(image, n, NOW_S + 3600)))
        listed = self.credentials(self.other_supplier, PLACES)
        self.answer(
            self.asn1(
                self.transcos,
                0x0107,
                lambda n: a.update(7, COS, n, listed, [ISSUER_CERTIFICATE], others=[(2, 9, 9)], at=NOW_S + 7200),
            )
        )
        self.answer(self.asn1(self.supplier, 0x000A, a.own_certificate(DS)))
        self.answer(self.asn1(self.supplier, 0x000D, a.join(bytes.fromhex("00DB123456789099"), 5)))
        for upper in (5, 9):
            self.answer(self.top_up(self.supplier, upper << 32, 100))
        self.provisioned = self.store

    def fresh(self):
        """The same meter again, from what the store holds."""
        self.now_s = NOW_S
        self.power_up(self.provisioned.reopened())


PLACES = ((b.SUPPLIER, DS, 0), (b.SUPPLIER, KA, 0), (b.SUPPLIER, KA, 1))
COS = (b.TRANSITIONAL_COS, DS, 0)
WORLD = MarkedWorld()
PARTIES = {
    party.role: party
    for party in (WORLD.supplier, WORLD.operator, WORLD.broker, WORLD.transcos, WORLD.loads, WORLD.recovery)
}
ROLES = sorted(PARTIES)


def pack(role, protection, supplementary, code, payload):
    """An input of kind INSIDE."""
    return (
        bytes((INSIDE, role, protection))
        + b.number(len(supplementary), 2)
        + supplementary
        + b.number(code, 2)
        + payload
    )


def messages_of(data):
    """What an input puts on the wire, and whether the envelope is authentic."""
    kind, rest = data[0] % 3, data[1:]
    if kind == WIRE:
        return [rest]
    if kind == BLOCKS:
        blocks = []
        while len(rest) > 2:
            size = int.from_bytes(rest[:2], "big")
            blocks.append(rest[2 : 2 + size])
            rest = rest[2 + size :]
        return blocks
    if len(rest) < 6:
        raise Refused("no input of this target")
    party = PARTIES[ROLES[rest[0] % len(ROLES)]]
    protection = rest[1]
    end = 4 + int.from_bytes(rest[2:4], "big")
    supplementary = rest[4:end]
    code = int.from_bytes(rest[end : end + 2], "big")
    payload = rest[end + 2 :]
    # A top-up's counter is its token's.
    counter = TOKEN_COUNTER if code == TOP_UP else COUNTER
    if payload[:1] == b"\xd9" and len(payload) > 5:
        payload = payload[:2] + b.number(counter & 0xFFFFFF, 3) + payload[5:]
    z = b.shared_secret(WORLD.broker.ka, WORLD.ka_public) if protection & COMMAND_MAC else None
    signer = party.ds if protection & COMMAND_SIGNED else None
    return [
        b.message(b.COMMAND, counter, party.entity, WORLD.meter.eui64, code, payload, z, signer, b"", supplementary)
    ]


def counters(meter):
    """Every counter that must not fall, and the keys that excuse it when they were exchanged."""
    found = {}
    for role in range(10):
        cell = meter.anchors.cell(role, KA if role == b.ACB else DS)
        found[role] = (meter.anchors.counter(role), b"" if cell is None else cell.public_key)
    cell = meter.anchors.cell(b.SUPPLIER, KA, 1)
    found["top-up"] = (meter.organs.account.validator.floor(), b"" if cell is None else cell.public_key)
    return found


def check_counters(before, after):
    for name in before:
        lower = after[name][0] < before[name][0]
        assert not lower or after[name][1] != before[name][1], "the counter %s fell" % name


def parse(data):
    if not data:
        raise Refused("nothing")
    WORLD.fresh()
    messages = messages_of(data)
    meter = WORLD.meter
    # What it told when it was switched on is not an answer.
    WORLD.take()
    answered, reasons = 0, []
    for message in messages:
        before, own = counters(meter), meter.anchors.own_counter()
        digest = state(meter, data)
        start = time.process_time()
        responses, alerts, facts = deliver(message)
        spent = time.process_time() - start
        assert spent < SLOWEST_S + len(message) / 50000, "%.3f s for a message of %d octets" % (spent, len(message))
        check_counters(before, counters(meter))
        assert meter.anchors.own_counter() >= own + len(alerts), "an own counter was not used up"
        assert len(responses) <= 1, "%d responses to one message" % len(responses)
        names = [type(fact).__name__ for fact in facts]
        assert names.count("CommandAnswered") == len(responses), "facts and responses disagree: %s" % facts
        refused = [fact.reason for fact in facts if type(fact).__name__ == "MessageRefused"]
        assert len(refused) + len(responses) <= 1, "refused and answered: %s" % facts
        if responses:
            answered += 1
            WORLD.check_any(responses[0])
        else:
            assert state(meter, data) == digest, "a message without an answer changed the state"
        for alert in alerts:
            WORLD.check_any(alert)
        reasons += refused
    durable(meter)
    _, alerts, _ = WORLD.advance(LONG_S)
    durable(meter)
    assert meter.deadline_ms() is None or meter.deadline_ms() > WORLD.now_s * 1000, "something due was left"
    if not answered:
        raise Refused(reasons[0] if reasons else "no answer yet")


def deliver(message):
    """As World.deliver, with the meter's blocks kept apart from whole messages."""
    WORLD.meter.receive(message, WORLD.now_s * 1000)
    responses, alerts, facts = [], [], []
    sent = WORLD.meter.to_send()
    while sent:
        if not is_block(sent):
            parts = b.take_apart(sent)
            parts.whole = sent
            (responses if parts.cra == b.RESPONSE else alerts).append(parts)
        sent = WORLD.meter.to_send()
    fact = WORLD.meter.next_event()
    while fact is not None:
        facts.append(fact)
        fact = WORLD.meter.next_event()
    return responses, alerts, facts


def state(meter, data):
    """The digest; for an authentic envelope without the counters, as a malformed payload uses one up."""
    if data[0] % 3 == WIRE:
        return meter.digest()
    return meter.records.digest(meter.crypto, logs.RECORDS + ("n.",))


def durable(meter):
    """A meter that starts from the store now is this one."""
    digest = meter.digest()
    stored = [(one.code, one.key, one.due_s, one.blob) for one in meter.schedule.stored()]
    assert not meter.records.changed(), "changes were left uncommitted"
    store = WORLD.store
    again = WORLD.power_up(store.reopened())
    WORLD.meter, WORLD.store = meter, store
    assert again.digest() == digest, "the store holds another state"
    assert [(one.code, one.key, one.due_s, one.blob) for one in again.schedule.stored()] == stored
    assert repr(again.anchors.cells(b.SUPPLIER)) == repr(meter.anchors.cells(b.SUPPLIER))


def _check_any(parts):
    """MAC or signature of what left, by whichever keys the meter has now."""
    meter = WORLD.meter
    if parts.mac:
        points = [cell.public_key for role in range(10) for cell in meter.anchors.cells(role) if cell.usage == KA]
        private = int.from_bytes(meter.keys.private(KA), "big")
        assert any(b.mac_is_good(parts.whole, b.shared_secret(private, point)) for point in points), "wrong MAC"
    else:
        private = int.from_bytes(meter.keys.private(DS), "big")
        assert b.signature_is_good(b.public_key(private), parts.signature, parts.signed), "wrong signature"


WORLD.check_any = _check_any


def _dlms_seeds():
    """A request for everything that each use case may touch, with the values that are there."""
    found = []
    for row in USE_CASES:
        code, asn1, protection, by_role, roles, items = row[0], row[3], row[4], row[5], row[6], row[8]
        if asn1:
            continue
        wanted = []
        for item in items:
            kind, key = item[:2]
            value = b"\x00"
            if kind == SET:
                value = WORLD.meter.peek(key)
                if value is None:
                    continue
                if key[:2] == b"\x23\x28" and key[8] == 6:
                    value = b.octets(b.date_time(NOW_S + 60))
            elif kind == ACTION and key[:2] == b"\x00\x1e":
                attribute = (1, "0-0:94.44.34.10", 2)
                value = b.protected_read(
                    COUNTER, WORLD.supplier.entity, WORLD.meter.eui64, "0-0:43.2.8.255", [attribute]
                )[1]
            elif kind == ACTION and key[:2] == b"\x00\x73":
                value = b.octets(WORLD.token(WORLD.supplier, TOKEN_COUNTER, 1))
            elif kind == ACTION:
                value = {9: b.u16(52), 112: b.i32(5), 113: b.i32(5), 7: b.i8(0)}.get(
                    int.from_bytes(key[:2], "big"), b.i8(0)
                )
            elif key[:2] == b"\x00\x07" and kind == GET:
                by = b.by_range(b.octets(b.date_time(0)), b.octets(b.date_time(NOW_S)))
                wanted.append((bytes((4,)) + key + b"\x01" + by, b"\x00"))
                continue
            wanted.append((bytes((kind,)) + key, value))
        role = next(role for role in range(10) if roles >> role & 1)
        if role in PARTIES:
            special = dict(by_role).get(role, protection)
            found.append(pack(ROLES.index(role), special & 3, b"", code, b.access_request(COUNTER, wanted)))
    reader = WORLD.other_supplier
    certificate = b.certificate(b.public_key(reader.ka), 7, reader.entity, b.SUPPLIER, "ka")
    item = b.protected_read(
        COUNTER, reader.entity, WORLD.meter.eui64, "0-0:43.2.6.255", [(7, "0-0:98.1.8.255", 2, (NOW_S - 86400, NOW_S))]
    )
    request = b.access_request(COUNTER, [item])
    found.append(pack(ROLES.index(b.ACB), 1, reader.entity + b.number(55, 8) + certificate, 0x0034, request))
    return found


def _asn1_seeds():
    supplier, cos = ROLES.index(b.SUPPLIER), ROLES.index(b.TRANSITIONAL_COS)
    new = WORLD.other_supplier
    root_of = a.update(
        2, PLACES[0], COUNTER, WORLD.credentials(WORLD.supplier, PLACES), [ISSUER_CERTIFICATE], COUNTER, 3
    )
    change = a.update(7, COS, COUNTER, WORLD.credentials(new, PLACES), [ISSUER_CERTIFICATE], others=[(2, 1, 1)])
    later = a.update(
        7, COS, COUNTER, WORLD.credentials(new, PLACES), [ISSUER_CERTIFICATE], others=[(2, 1, 1)], at=NOW_S + 60
    )
    cancel = a.update(7, COS, COUNTER, [], [], at=a.CANCEL)
    pending = WORLD.meter.keys.pending(DS)[0]
    own = b.certificate(pending, b.private_key("issuer"), WORLD.meter.eui64, None, "ds")
    image = bytes(range(32))
    return [
        pack(supplier, 2, b"", 0x0008, a.read_credentials(PLACES[0], [2, 3, 4, 5])),
        pack(supplier, 2, b"", 0x011B, a.read_credentials(PLACES[0], [2, 8])),
        pack(supplier, 3, b"", 0x0102, root_of),
        pack(cos, 3, b"", 0x0107, change),
        pack(cos, 3, b"", 0x0107, later),
        pack(cos, 3, b"", 0x0107, cancel),
        pack(supplier, 3, b"", 0x000A, a.own_certificate(DS)),
        pack(supplier, 3, b"", 0x000B, own),
        pack(supplier, 3, b"", 0x000C, a.own_certificate(KA)),
        pack(supplier, 3, b"", 0x000D, a.join(bytes.fromhex("00DB123456789098"), 4)),
        pack(supplier, 3, b"", 0x000F, a.unjoin(bytes.fromhex("00DB123456789099"))),
        pack(supplier, 3, b"", 0x0012, a.activate(image, COUNTER)),
        pack(supplier, 3, b"", 0x0012, a.activate(image, COUNTER, NOW_S + 60)),
        pack(supplier, 3, b"", 0x0012, a.activate(image, COUNTER, a.CANCEL)),
    ]


def _published_seeds():
    """The payloads of the reference data set, where it is: their own counter becomes the mark."""
    rows = {row[0]: row for row in USE_CASES}
    found = []
    for octets in mutate.golden_messages():
        parts = b.take_apart(octets)
        row = rows.get(parts.code)
        if parts.cra != b.COMMAND or row is None:
            continue
        roles = [role for role in ROLES if row[6] >> role & 1]
        if not roles:
            continue
        payload = parts.payload
        if row[3]:
            try:
                inner = parse_replacement(payload).counter
                payload = payload.replace(a.integer(inner, 0x83), a.integer(COUNTER, 0x83), 1)
            except DecodeError:
                pass
        protection = dict(row[5]).get(roles[0], row[4])
        if len(parts.supplementary) < 256:
            found.append(pack(ROLES.index(roles[0]), protection & 3, b"", parts.code, payload))
        if parts.code % 7 == 0:
            found.append(bytes((WIRE,)) + octets)
    return found


def _wire_seeds():
    found = []
    for seed in _dlms_seeds()[::5] + _asn1_seeds()[::3]:
        found += [bytes((WIRE,)) + message for message in messages_of(seed)]
    return found


def _block_seeds():
    """Messages cut into blocks; what is fuzzed is who puts them together."""
    found = []
    for seed in _asn1_seeds()[2:4]:
        (message,) = messages_of(seed)
        splitter = Splitter(message, 400, 60)
        blocks = []
        block = splitter.to_send()
        while block:
            blocks.append(block)
            block = splitter.to_send()
        found.append(bytes((BLOCKS,)) + b"".join(b.number(len(one), 2) + one for one in blocks))
    return found


def _seeds():
    return _dlms_seeds() + _asn1_seeds() + _wire_seeds() + _block_seeds() + _published_seeds()


TARGET = mutate.Target(
    "firmware/meter.py", _seeds(), parse, Refused, slow_s=1.0, slow_s_per_kib=0.02, memory=3000000, memory_per_octet=400
)

if __name__ == "__main__":
    mutate.main(TARGET)
