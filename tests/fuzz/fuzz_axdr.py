"""Fuzzes the A-XDR decoder, and skip and encode beside it: all three must be of one mind."""

import mutate

from slotmeter.dlms import axdr
from slotmeter.dlms.errors import DecodeError


def seeds():
    found = [
        bytes.fromhex(one)
        for one in (
            "00",
            "03ff",
            "0407fe",
            "05fffffffe",
            "0602030405",
            "09020102",
            "0a03616263",
            "0c02c2a3",
            "0d12",
            "0f80",
            "10ffff",
            "11ff",
            "128f66",
            "14" + "ff" * 8,
            "15" + "ff" * 8,
            "161e",
            "1907df0101ff000000008000ff",
            "1a07df0101ff",
            "1b173b0000",
            "01020201110102020100" + "00",
            "1304" + "03" + "03e000",
            "130202090100020307" + "0105ff00000000",
            "1302020609" + "0c" + "00000001" + "00" + "00000002" + "0161" + "00",
        )
    ]
    return found + mutate.golden_values()


def parse(data):
    try:
        end = axdr.skip(data)
    except DecodeError as skipped:
        try:
            axdr.decode(data)
        except DecodeError:
            raise skipped from None
        raise AssertionError("decode takes what skip refuses: " + skipped.reason) from None
    try:
        value, after = axdr.decode(data)
    except DecodeError as refused:
        raise AssertionError("skip takes what decode refuses: " + refused.reason) from refused
    assert after == end, "skip and decode end differently"
    assert axdr.encode(value) == data[:end], "encode does not give back what was decoded"
    axdr.text(value)
    axdr.decode_whole(data)


TARGET = mutate.Target("dlms/axdr.py", seeds(), parse, DecodeError, memory_per_octet=400)

if __name__ == "__main__":
    mutate.main(TARGET)
