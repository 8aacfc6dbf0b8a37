"""Fuzzes the GBCS envelope: what is taken apart builds again to the same octets."""

import mutate

from slotmeter.dlms.errors import DecodeError
from slotmeter.dlms.gbcs import message


def parse(data):
    pre_command = bool(len(data) & 1)
    one = message.parse(data, pre_command)
    body = message.grouping(
        one.cra, one.counter, one.originator, one.target, one.date_time, one.code, one.supplementary, one.payload
    )
    if one.payload_end < len(one.body):
        body += message.signature_part(one.signature)
    else:
        assert pre_command and not one.mac, "a message without a signature part was taken"
    assert (message.with_mac(body, one.mac) if one.mac else body) == data, "the message builds differently"


TARGET = mutate.Target("dlms/gbcs/message.py", mutate.golden_messages(), parse, DecodeError)

if __name__ == "__main__":
    mutate.main(TARGET)
