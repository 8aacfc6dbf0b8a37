"""Fuzzes a whole key establishment, both ends of it: whatever comes, no exception, and no key with a stranger.

An input is a series of messages for a meter that has begun an exchange: (end, direction and command, length, payload).
The messages of the seeds come from a partner whose certificate an authority of the same name but another key issued, so
that all steps up to the confirmation are reached; nothing may ever make a key.
"""

import mutate

from slotmeter.hal.host.crypto import HostCrypto
from slotmeter.hal.virtual.entropy import SeededEntropy
from slotmeter.zigbee_han.agreement import Identity
from slotmeter.zigbee_han.certificates import SUITE_1, Authority, curve_of
from slotmeter.zigbee_han.key_establishment import ExchangeFailed, KeyCommand, KeyExchange, reason_text

CRYPTO = HostCrypto()
NAMES = (b"\x02SLOT\x10\x00\x01", b"\x02SLOT\x10\x00\x02", b"\x02SLOT\x10\x00\x03")
OURS = Authority(CRYPTO, SUITE_1, curve_of(SUITE_1).private_key(bytes(range(44))), b"BENCH CA")
STRANGE = Authority(CRYPTO, SUITE_1, curve_of(SUITE_1).private_key(bytes(44)), b"BENCH CA")


def end(name, authority):
    octets, private = authority.issue(SeededEntropy(name[-1]), name)
    return Identity(SUITE_1, octets, private, authority.public)


METER = end(NAMES[0], OURS)
STRANGER = end(NAMES[1], STRANGE)


def fresh(seed=5):
    return KeyExchange(CRYPTO, SeededEntropy(seed), NAMES[0], [METER])


def pack(sender, message):
    return bytes((sender, message.from_server << 7 | message.command, len(message.payload))) + message.payload


def seeds():
    """What a stranger says to the meter, as initiator and as responder, whole and with a wrong end."""
    found = []
    for meter_begins in (True, False):
        meter, stranger = fresh(), KeyExchange(CRYPTO, SeededEntropy(6), NAMES[1], [STRANGER])
        (meter if meter_begins else stranger).start(NAMES[1 if meter_begins else 0], 0)
        said = b""
        while True:
            ours, theirs = meter.to_send(), stranger.to_send()
            if ours is None and theirs is None:
                break
            if ours is not None:
                stranger.receive(KeyCommand(NAMES[0], ours.from_server, ours.command, ours.payload), 0)
            if theirs is not None:
                said += pack(1, theirs)
                meter.receive(KeyCommand(NAMES[1], theirs.from_server, theirs.command, theirs.payload), 0)
        found += [said, said + said]
        found.append(said[:-19] + pack(1, KeyCommand(NAMES[0], meter_begins, 2, bytes(16))))
        for status in range(8):
            found.append(pack(1, KeyCommand(NAMES[0], meter_begins, 3, bytes((status, 0, 3, 0)))) + said)
    return found


SEEDS = seeds()
# Longer ones say nothing that shorter ones do not, and take time.
LONGEST = 2000


class NoKey(Exception):
    """How it ended."""


def parse(data):
    """The answer that is an end: the last failure."""
    ended = None
    meter = fresh()
    meter.start(NAMES[1], 0)
    assert meter.to_send() is not None
    # Its messages have fixed octets to be found again: 0 sender, 1 direction and command, 2 length.
    place, now_ms, data = 0, 0, data[:LONGEST]
    while place + 3 <= len(data):
        sender, kind, size = data[place], data[place + 1], data[place + 2]
        payload = data[place + 3 : place + 3 + size]
        place += 3 + size
        # A sender's higher bits let time pass.
        now_ms += (sender >> 2) * 100
        meter.receive(KeyCommand(NAMES[sender % 3], kind > 127, kind & 127, payload), now_ms)
        deadline_ms = meter.deadline_ms()
        assert deadline_ms is None or deadline_ms > now_ms, "a deadline that has passed"
        answers = 0
        while meter.to_send() is not None:
            answers += 1
        assert answers <= 2, "more than one answer to a message"
        fact = meter.next_event()
        while fact is not None:
            assert isinstance(fact, ExchangeFailed), "a key with a stranger"
            ended = fact
            fact = meter.next_event()
        assert len(meter._exchanges) <= 2
        repr(meter)
    if ended is not None:
        raise NoKey(reason_text(ended.reason) + (" by partner" if ended.by_partner else ": " + ended.detail))


TARGET = mutate.Target("zigbee_han/key_establishment.py", SEEDS, parse, NoKey, slow_s=0.25)

if __name__ == "__main__":
    mutate.main(TARGET)
