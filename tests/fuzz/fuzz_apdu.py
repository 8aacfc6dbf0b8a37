"""Fuzzes the three APDUs: what is taken apart builds again to the same octets."""

import mutate

from slotmeter.dlms import apdu
from slotmeter.dlms.errors import DecodeError


def parse(data):
    if data[:1] == b"\xda":
        invoke, results = apdu.parse_access_response(data)
        assert apdu.build_access_response(invoke, results) == data, "the response builds differently"
    elif data[:1] == b"\x0f":
        invoke, elements = apdu.parse_data_notification(data)
        assert apdu.build_data_notification(b"\0\0\0\0" + invoke, elements) == data, (
            "the notification builds differently"
        )
    else:
        invoke, items = apdu.parse_access_request(data)
        assert apdu.build_access_request(b"\0\0\0\0" + invoke, items) == data, "the request builds differently"


TARGET = mutate.Target("dlms/apdu.py", mutate.golden_payloads(b"\xd9\xda\x0f"), parse, DecodeError)

if __name__ == "__main__":
    mutate.main(TARGET)
