"""Fuzzes the check of octets against a type: what it takes must decode, and end where decoding ends."""

import mutate
from fuzz_axdr import seeds

from slotmeter.dlms import axdr, schema
from slotmeter.dlms.errors import DecodeError

TYPES = [
    schema.parse(text)
    for text in (
        "any",
        "structure{integer,enum}",
        "array[any]",
        "octet-string(0..40)",
        "compact-array[structure{double-long-unsigned,double-long-unsigned}]",
        "compact-array[structure{double-long-unsigned,octet-string(0..2),boolean,array(2)[bit-string(0..9)]}]",
        "array(0..50)[structure{octet-string(0..12),choice{unsigned|long|octet-string(4)|array(1..2)[any]},any}]",
        "choice{null|boolean|structure{any}|structure{any,any}|compact-array[any]|array[double-long-unsigned]|octet-string}",
    )
]


def parse(data):
    refused = None
    taken = False
    for kind in TYPES:
        try:
            end = schema.check(kind, data)
        except DecodeError as error:
            refused = error
            continue
        taken = True
        assert axdr.skip(data) == end, "check and skip end differently: " + schema.text(kind)
    if refused is not None and not taken:
        raise refused


TARGET = mutate.Target("dlms/schema.py", seeds(), parse, DecodeError)

if __name__ == "__main__":
    mutate.main(TARGET)
